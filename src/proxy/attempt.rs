//! One sending: address, credential, connection, answer head.
//!
//! Invariant: exactly one credential goes out, and it is ours; redirects are never followed; proxy variables of
//! the environment are read only where the configuration says so (`outward`).
//! Absent on purpose: deciding what a failure means.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, UPGRADE, VIA};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use memchr::memmem;
use tokio::time::Instant;

use super::deadlines::Watch;
use super::outward;
use super::pool::Pool;
use super::slots::Slot;
use super::spool::{Kept, PartsBody};
use super::upstreams::Upstream;
use crate::engine::clock::Clock;
use crate::model::config::Timeouts;
use crate::model::outcome::{Failure, FailureClass, HeaderFacts};
use crate::model::profile::Operation;
use crate::wire::headers;
use crate::wire::patch::{Changes, ModelText, Seams, patched};

/// A request as it can be sent any number of times.
pub struct Prepared {
    /// Which operation.
    pub operation: Operation,
    /// The client's method.
    pub method: Method,
    /// The client's headers, stripped of hop-by-hop headers and credentials.
    pub headers: HeaderMap,
    /// Whom the request passed through before.
    pub via: Vec<HeaderValue>,
    /// The body as received.
    pub body: Kept,
    /// Where it may be changed.
    pub seams: Seams,
    /// How many choices its answer is to have.
    pub choices: u64,
    /// It is a chat stream, and nobody asked for usage at its end.
    pub wants_usage: bool,
    /// The client's query, of what is balanced.
    pub query: Option<String>,
    /// Of what is stored: the path below the dialect's root, and the query.
    pub stored: Option<(String, Option<String>)>,
    /// Of what is stored: it names a model of ours, which is called by its deployment's name there.
    pub renames: bool,
    /// What that is where a visit goes; `None`: no endpoint of the model is of that account, so the name goes on as it is.
    pub called: Option<ModelText>,
    /// Names of our own headers that could not be read, for the answer.
    pub ignored: Option<HeaderValue>,
}

impl Prepared {
    /// Whether it asks for a WebSocket.
    #[must_use]
    pub fn opens_socket(&self) -> bool {
        self.headers.contains_key(UPGRADE)
    }

    /// Whether usage is asked for there on our own account.
    #[must_use]
    pub fn asks_usage(&self, upstream: &Upstream) -> bool {
        self.wants_usage && upstream.tells_usage()
    }
}

/// Until when one sending is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// Status and headers.
    pub head: Instant,
    /// What proves the answer good or bad.
    pub proof: Instant,
}

impl Until {
    /// Both for an answer in one piece.
    #[must_use]
    pub fn whole(limits: &Timeouts, clock: &Clock) -> Self {
        let proof = clock.deadline(Duration::from_secs(limits.answer_seconds.into()));
        Self { head: proof, proof }
    }

    /// For a stream: its head is sent before a model thinks, its first event after that.
    #[must_use]
    pub fn stream(limits: &Timeouts, clock: &Clock) -> Self {
        let proof = clock.deadline(Duration::from_secs(limits.stream_idle_seconds.into()));
        Self { head: proof.min(clock.deadline(Duration::from_secs(limits.stream_head_seconds.into()))), proof }
    }
}

/// The body of an answer that is no good.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// What came of it.
    pub bytes: Bytes,
    /// Whether that is all; else it broke off, or took too long.
    pub is_whole: bool,
}

/// An attempt that brought no usable answer.
pub struct Fault {
    /// What it was.
    pub failure: Failure,
    /// What the service answered, to be passed on if nothing else works.
    pub answer: Option<Response<Told>>,
    /// In words, what stood between us and the service, such as a proxy that refused.
    pub between: Option<String>,
}

impl Fault {
    /// A fault without an answer.
    #[must_use]
    pub const fn silent(class: FailureClass, reached: bool) -> Self {
        let facts =
            HeaderFacts { tokens: NOTHING, requests: NOTHING, more: None, utilization: None, retry_after: None };
        Self { failure: Failure { class, status: None, reached, facts }, answer: None, between: None }
    }

    /// Whether a service refused the request for a wish of ours: its answer names what the wish stands in.
    #[must_use]
    pub fn is_about_usage(&self) -> bool {
        let is_refusal =
            self.failure.class == FailureClass::ClientFault && matches!(self.failure.status, Some(400 | 422));
        let names = |answer: &Response<Told>| {
            ["stream_options", "include_usage"]
                .iter()
                .any(|word| memmem::find(&answer.body().bytes, word.as_bytes()).is_some())
        };
        is_refusal && self.answer.as_ref().is_some_and(names)
    }

    /// No connection.
    fn unconnected(error: &hyper_util::client::legacy::Error) -> Self {
        Self { between: outward::said_of(error), ..Self::silent(FailureClass::Connect, false) }
    }
}

const NOTHING: crate::model::outcome::LimitFacts =
    crate::model::outcome::LimitFacts { limit: None, remaining: None, reset: None };

/// Sends a request with the key of a slot, with a wish for its usage or without, and waits for the answer's head until `deadline`.
///
/// # Errors
/// A fault without an answer: no connection, broken, or too late.
pub async fn send(
    pool: &Pool,
    upstream: &Upstream,
    prepared: &Prepared,
    via: &HeaderValue,
    (watch, deadline): (&mut Watch, Instant),
    (slot, ask_usage): (Slot, bool),
) -> Result<Response<Incoming>, Fault> {
    let request = build(upstream, prepared, via, (slot, ask_usage)).map_err(|class| Fault::silent(class, false))?;
    match watch.within(deadline, pool.client().request(request)).await {
        Err(_) => Err(Fault::silent(FailureClass::Timeout, true)),
        Ok(Err(error)) if error.is_connect() => Err(Fault::unconnected(&error)),
        Ok(Err(_)) => Err(Fault::silent(FailureClass::Broken, true)),
        Ok(Ok(response)) => Ok(response),
    }
}

/// The request as it is sent; what stands in its way, as a class of failure.
fn build(
    upstream: &Upstream,
    prepared: &Prepared,
    via: &HeaderValue,
    (slot, ask_usage): (Slot, bool),
) -> Result<Request<PartsBody>, FailureClass> {
    let is_stored = matches!(prepared.operation, Operation::Stored | Operation::Run);
    // A run goes to an endpoint of its model, a visit to its account by whichever endpoint leads there.
    let called = match prepared.operation {
        Operation::Stored => prepared.called.as_ref().filter(|_| prepared.renames),
        Operation::Run => prepared.renames.then(|| upstream.target.deployment()),
        _ => Some(upstream.target.deployment()),
    };
    let model = if is_stored { called } else { upstream.target.body_model(prepared.operation) };
    let changes = Changes { model, ask_usage };
    let body = patched(prepared.body.len(), &prepared.seams, changes, prepared.body.memory());
    let mut request = Request::new(prepared.body.sent(body));
    *request.method_mut() = prepared.method.clone();
    *request.uri_mut() = match &prepared.stored {
        Some((path, query)) => upstream.target.stored(path, query.as_deref(), called),
        None => upstream.target.asked(prepared.operation, prepared.query.as_deref()),
    }
    .map_err(|_| FailureClass::NotFound)?;
    let headers_out = request.headers_mut();
    headers_out.clone_from(&prepared.headers);
    if !is_stored && !prepared.opens_socket() {
        headers_out.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
    if upstream.may_lead_back {
        // What it passed through before stays, so that a loop over several proxies is seen too.
        for passed in &prepared.via {
            headers_out.append(VIA, passed.clone());
        }
        headers_out.append(VIA, via.clone());
    }
    let key = upstream.keys.key(slot).map(crate::model::secret::Secret::expose).unwrap_or_default();
    let (organization, project) = (upstream.organization.as_deref(), upstream.project.as_deref());
    headers::credential(headers_out, upstream.service, key, organization, project)
        .map_err(|_| FailureClass::KeyRejected)?;
    let length = request.body().left();
    if length > 0 || prepared.method == Method::POST {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(request)
}
