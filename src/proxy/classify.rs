//! Turns a request's head and body into what the brain needs to know and what an attempt needs to send.
//!
//! Invariant: the body is read once, kept as received, and scanned once.
//! Absent on purpose: judging whether the request makes sense; that is the service's to say.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::attempt::Prepared;
use super::auth::client_label;
use super::door::Door;
use super::wishes::Wishes;
use crate::model::config::Priority;
use crate::model::id::ModelName;
use crate::model::profile::{Operation, RequestProfile};
use crate::wire::headers::strip_request;
use crate::wire::peek::{BadBody, Peek, peek};

/// The largest body that is taken in. Images and audio inside JSON stay well below.
pub const BODY_AT_MOST: usize = 64 * 1024 * 1024;

/// Why a request cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Larger than [`BODY_AT_MOST`].
    #[error("The request's body is larger than {} MiB.", BODY_AT_MOST / 1024 / 1024)]
    TooLarge,
    /// The client stopped sending.
    #[error("The request's body broke off.")]
    BrokeOff,
    /// Not the JSON that this operation takes.
    #[error(transparent)]
    Body(#[from] BadBody),
    /// No model was named.
    #[error("The request names no model. Add \"model\" to its body.")]
    NoModel,
}

/// Room that is taken before a body's first byte has come, at most. What a client announces, it has not sent.
const ROOM_AT_ONCE: u64 = 1024 * 1024;

/// Reads a whole body into one piece of memory. What came in one piece is kept as it came; of anything else each piece is
/// copied once and given back, so that the connection reads on into the same memory.
///
/// # Errors
/// If it is too large or breaks off.
pub async fn read(mut body: Incoming) -> Result<Bytes, Unreadable> {
    let announced = body.size_hint().lower();
    if announced > BODY_AT_MOST as u64 {
        return Err(Unreadable::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unreadable::BrokeOff)?.into_data() else { continue };
        if whole.is_empty() && body.is_end_stream() {
            return if data.len() > BODY_AT_MOST { Err(Unreadable::TooLarge) } else { Ok(data) };
        }
        if whole.len().saturating_add(data.len()) > BODY_AT_MOST {
            return Err(Unreadable::TooLarge);
        }
        if whole.is_empty() {
            whole.reserve(usize::try_from(announced.min(ROOM_AT_ONCE)).unwrap_or(0));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// What the brain needs and what an attempt needs. `deployment` is the name in an Azure path, which outranks the body's.
///
/// # Errors
/// Why it cannot be understood.
pub fn classify(
    door: &Door,
    mut head: Parts,
    operation: Operation,
    deployment: Option<String>,
    body: Bytes,
) -> Result<(Arc<RequestProfile>, Prepared), Unreadable> {
    let seen: Peek = peek(&body, operation)?;
    let model = deployment.or(seen.model).filter(|model| !model.is_empty()).ok_or(Unreadable::NoModel)?;
    let (caller, importance) = door.callers.load().recognise(&head.headers);
    let wishes = Wishes::read(&head.headers);
    let config = door.config.load();
    let usual = || config.route_for(&model).and_then(|route| config.routes.get(route)).map(|route| route.priority);
    // A caller of normal importance says nothing against its route's.
    let stated = wishes.priority.or(Some(importance).filter(|importance| *importance != Priority::Normal));
    let priority = stated.or_else(usual).unwrap_or_default();
    let retries = head.headers.get("x-stainless-retry-count").and_then(|count| count.to_str().ok()?.parse().ok());
    let profile = RequestProfile {
        model: ModelName::from(model),
        operation,
        streaming: seen.streaming,
        size: seen.size,
        priority,
        caller,
        client: client_label(&head.headers).into(),
        sdk_retry: retries.unwrap_or(0),
        patience: wishes.patience,
        affinity: seen.affinity,
    };
    let via = head.headers.get_all(http::header::VIA).iter().cloned().collect();
    strip_request(&mut head.headers);
    let model_spans = seen.model_spans;
    Ok((
        Arc::new(profile),
        Prepared { operation, headers: head.headers, via, body, model_spans, ignored: wishes.ignored },
    ))
}
