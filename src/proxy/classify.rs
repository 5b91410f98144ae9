//! Turns a request's head and body into what the brain needs to know and what an attempt needs to send.
//!
//! Invariant: the body is read once, kept as received, and scanned once.
//! Absent on purpose: judging whether the request makes sense; that is the service's to say.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use hyper::body::Incoming;

use super::attempt::Prepared;
use super::auth::{Who, client_label};
use super::deadlines::Watch;
use super::door::{Door, Inside};
use super::intake::{Bounds, Taken, Unreadable, take};
use super::wishes::Wishes;
use crate::model::config::Priority;
use crate::model::id::{CallerId, ModelName};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::wire::headers::strip_request;
use crate::wire::multipart::FormReader;
use crate::wire::patch::Seams;
use crate::wire::peek::{Peek, peek};

const RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");

/// The `Content-Type`; empty if there is none that can be read.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// Whether a body is not what it says in clear; what cannot be read of a coding is one.
fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).into_iter().any(|codings| {
        let mut each = codings.to_str().unwrap_or("?").split(',').map(str::trim);
        each.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
    })
}

/// Takes the body of a request in. A pause that began meanwhile concerns it too: nothing of it was sent on.
///
/// # Errors
/// Why it cannot be had.
pub(super) async fn read(
    door: &Door,
    headers: &HeaderMap,
    operation: Operation,
    body: Incoming,
    watch: &mut Watch,
) -> Result<Taken, Unreadable> {
    // What is stored passes as it is; of anything else a model must be read, which another one would take the place of.
    if operation != Operation::Stored && is_compressed(headers) {
        return Err(Unreadable::Compressed);
    }
    let form = if operation.takes_form() { FormReader::new(content_type(headers)) } else { None };
    let is_json = form.is_none() && operation != Operation::Stored;
    let bounds = Bounds::new(&door.config.load().config.bodies, is_json);
    let taken = take(body, bounds, door.engine.clock(), watch, form).await?;
    if door.paused.load(Ordering::Relaxed) { Err(Unreadable::Paused) } else { Ok(taken) }
}

/// What the brain needs and what an attempt needs. `deployment` is the name in an Azure path, which outranks the body's.
///
/// # Errors
/// Why it cannot be understood.
pub(super) async fn classify(
    door: &Door,
    inside: &Inside,
    (head, who): (Parts, Who),
    (operation, deployment): (Operation, Option<String>),
    taken: Taken,
) -> Result<(Arc<RequestProfile>, Prepared), Unreadable> {
    let (seen, seams) = if let Some(form) = &taken.form {
        (of_form(form), Seams::of_form(form, content_type(&head.headers)))
    } else {
        let seen = peek(&taken.body.whole().await.map_err(Unreadable::NoRoom)?, operation)?;
        let seams = Seams::of_json(&seen);
        (seen, seams)
    };
    let named = deployment.or(seen.model).filter(|model| !model.is_empty());
    let model = named.or_else(|| operation.usual_model().map(str::to_owned)).ok_or(Unreadable::NoModel)?;
    let wishes = Wishes::read(&head.headers);
    let (caller, priority) = importance(door, who, &wishes, &model);
    let retries = head.headers.get(RETRY_COUNT).and_then(|count| count.to_str().ok()?.parse().ok());
    let profile = RequestProfile {
        model: ModelName::from(model),
        operation,
        streaming: seen.streaming,
        size: seen.size,
        priority,
        caller,
        client: client_label(&head.headers).into(),
        sdk_retry: retries.unwrap_or(0),
        patience: inside.left_of(wishes.patience),
        affinity: seen.affinity,
    };
    // A body whose options speak of usage says itself what it wants.
    let chats = matches!(operation, Operation::Chat | Operation::Completions);
    let wants_usage = chats && seen.streaming && !seen.asks_usage && (!seen.has_options || seen.room.is_some());
    let mut prepared = Prepared::new(operation, head, taken.body, seams);
    (prepared.choices, prepared.wants_usage, prepared.ignored) = (profile.size.choices, wants_usage, wishes.ignored);
    Ok((Arc::new(profile), prepared))
}

/// Whose request it is, and how important.
pub(super) fn importance(door: &Door, who: Who, wishes: &Wishes, model: &str) -> (Option<CallerId>, Priority) {
    let (caller, said_of_caller) = match who {
        Who::Known(caller, priority) => (caller, priority),
        Who::Anybody | Who::Stranger => (None, None),
    };
    let config = door.config.load();
    let usual = || config.route_for(model).and_then(|route| config.routes.get(route)).map(|route| route.priority);
    (caller, wishes.priority.or(said_of_caller).or_else(usual).unwrap_or_default())
}

fn of_form(form: &crate::wire::multipart::Form) -> Peek {
    let size = RequestSize { prompt_chars: form.prompt_chars, output_cap: None, choices: 1 };
    let affinity = Affinity { state: form.named.clone(), ..Affinity::default() };
    Peek { model: form.model.clone(), streaming: form.streaming, size, affinity, ..Peek::default() }
}

impl Prepared {
    /// A request with this head and body, nothing wished for.
    pub(super) fn new(operation: Operation, mut head: Parts, body: super::spool::Kept, seams: Seams) -> Self {
        let via = head.headers.get_all(http::header::VIA).iter().cloned().collect();
        strip_request(&mut head.headers);
        Self {
            operation,
            method: head.method,
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            via,
            body,
            seams,
            choices: 1,
            wants_usage: false,
            stored: None,
            renames: false,
            called: None,
            ignored: None,
        }
    }
}
