//! The commit point: holds an answer back until it is known to be good.
//!
//! Invariant: nothing of an answer reaches the client before this says so, and nothing is tried elsewhere after it has.
//! Absent on purpose: relaying (`meter`).

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;

use super::attempt::{Fault, Prepared, Told};
use super::deadlines::{Over, Watch};
use super::slots::Slots;
use crate::engine::clock::Clock;
use crate::model::outcome::{Failure, FailureClass, LimitFacts};
use crate::model::profile::Operation;
use crate::wire::failure::{classify, in_document};
use crate::wire::headers::facts;
use crate::wire::stream::{StreamReader, StreamState};

/// As much of an error answer as is kept; services send a few KiB.
const ERROR_BODY: usize = 4 * 1024 * 1024;
/// How long the body of an error answer may take. Another endpoint must not wait for it.
const ERROR_PATIENCE: Duration = Duration::from_secs(5);
/// As much of a stream as is held back before its first decisive event.
const HELD_BACK: usize = 256 * 1024;

/// Documents up to this length are held back whole: their clients cannot use a part of one.
const WHOLE: usize = 64 * 1024;
/// How long one is whose length nobody announced: some services send blanks meanwhile, so that nobody takes them for silent. And how
/// long a stream is that has announced its output, since a service that is full may say so right behind that.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// An answer that is good so far.
pub struct Committed {
    /// Status and headers as the service sent them.
    pub head: http::response::Parts,
    /// What was read of the body to be sure.
    pub prefix: Vec<Bytes>,
    /// The rest.
    pub body: Incoming,
    /// How long it is in all was announced.
    pub has_length: bool,
    /// What came behind the body, if it was read to its end.
    pub trailers: Option<HeaderMap>,
    /// Reads events on the way; `None` if this is no event stream.
    pub reader: Option<StreamReader>,
    /// Usage was asked for on our own account, and the client shall not see it.
    pub hides_usage: bool,
    /// The account's keys, which no error in a stream may repeat.
    pub keys: Option<Arc<Slots>>,
}

/// Waits until an answer proves good or bad: until `deadline`; for an error's body `ERROR_PATIENCE` at most.
///
/// # Errors
/// What was bad, with the answer as far as there is one.
pub async fn commit(
    response: Response<Incoming>,
    prepared: &Prepared,
    clock: &Clock,
    (watch, deadline): (&mut Watch, Instant),
) -> Result<Committed, Fault> {
    let (head, mut body) = response.into_parts();
    let opens = prepared.opens_socket();
    if opens && head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Committed::of(head, body));
    }
    if opens && head.status.is_success() {
        // A session was asked for, and this is none.
        return Err(Fault::silent(FailureClass::Broken, true));
    }
    if !head.status.is_success() {
        return Err(refused(head, body, clock, (watch, deadline)).await);
    }
    if prepared.method == Method::HEAD {
        return Ok(Committed::of(head, body));
    }
    if !is_event_stream(&head.headers) {
        return hold(head, body, prepared, clock, (watch, deadline)).await;
    }
    let mut reader = StreamReader::new(prepared.operation).of_choices(prepared.choices);
    let (mut prefix, mut held, mut until) = (Vec::new(), 0_usize, deadline);
    loop {
        let frame = match watch.within(until, body.frame()).await {
            // Output was announced, and nothing was said against it.
            Err(Over::Late) if until < deadline => {
                return Ok(Committed { prefix, reader: Some(reader), ..Committed::of(head, body) });
            }
            Err(_) => return Err(Fault::silent(FailureClass::Timeout, true)),
            Ok(Some(Ok(frame))) => frame,
            // A stream that ends or breaks before it said anything, but perhaps that it failed.
            Ok(None) => {
                let Some(failure) = reader.finish().failure else {
                    return Err(Fault::silent(FailureClass::Broken, true));
                };
                return Err(Fault::inside(failure, head, &prefix, clock));
            }
            Ok(Some(Err(_))) => return Err(Fault::silent(FailureClass::Broken, true)),
        };
        let Ok(data) = frame.into_data() else { continue };
        held = held.saturating_add(data.len());
        let state = reader.read(&data);
        prefix.push(data);
        match state {
            StreamState::Undecided if held < HELD_BACK => {
                if reader.announces() && until == deadline {
                    until = deadline.min(clock.deadline(MOMENT));
                }
            }
            StreamState::Undecided | StreamState::Decisive => {
                return Ok(Committed { prefix, reader: Some(reader), ..Committed::of(head, body) });
            }
            StreamState::Failed(failure) => return Err(Fault::inside(failure, head, &prefix, clock)),
        }
    }
}

impl Fault {
    /// A failure inside a 200, with what a client without us in between would have got.
    fn inside(failure: Failure, head: http::response::Parts, said: &[Bytes], clock: &Clock) -> Self {
        let failure = with_head(failure, &head.headers, clock.wall_ms());
        let body = Told { bytes: Bytes::from(said.concat()), is_whole: true };
        Self { failure, answer: Some(Response::from_parts(head, body)), between: None }
    }
}

impl Committed {
    /// Whether output was met or announced, and not only what binds the request to its endpoint.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.has_output() || self.reader.as_ref().is_some_and(StreamReader::announces)
    }

    /// Whether output was met.
    #[must_use]
    pub fn has_output(&self) -> bool {
        let opens = self.head.status == StatusCode::SWITCHING_PROTOCOLS;
        self.reader.as_ref().map_or(!opens, StreamReader::has_output)
    }

    /// Good by its head alone.
    fn of(head: http::response::Parts, body: Incoming) -> Self {
        let has_length = body.size_hint().exact().is_some();
        Self {
            head,
            has_length,
            prefix: Vec::new(),
            body,
            trailers: None,
            reader: None,
            hides_usage: false,
            keys: None,
        }
    }
}

/// A document that is short is good once it is here. Anything else is not waited for: of sound, a file or lines its client may use
/// the beginning.
async fn hold(
    head: http::response::Parts,
    mut body: Incoming,
    prepared: &Prepared,
    clock: &Clock,
    (watch, deadline): (&mut Watch, Instant),
) -> Result<Committed, Fault> {
    let announced = body.size_hint().exact();
    let has_length = announced.is_some();
    let until = match announced {
        _ if !is_document(&head.headers, prepared) => return Ok(Committed::of(head, body)),
        Some(length) if length <= WHOLE as u64 => deadline,
        None if head.headers.contains_key(CONTENT_TYPE) => deadline.min(clock.deadline(MOMENT)),
        _ => return Ok(Committed::of(head, body)),
    };
    let (mut prefix, mut held, mut trailers) = (Vec::new(), 0_usize, None);
    let mut is_whole = true;
    while trailers.is_none() && !body.is_end_stream() {
        if held > WHOLE {
            is_whole = false;
            break;
        }
        match watch.within(until, body.frame()).await {
            Err(Over::Late) if until < deadline => {
                is_whole = false;
                break;
            }
            Err(_) => return Err(Fault::silent(FailureClass::Timeout, true)),
            // It broke off right behind its head, and nobody has seen anything of it.
            Ok(Some(Err(_))) => return Err(Fault::silent(FailureClass::Broken, true)),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    held = held.saturating_add(data.len());
                    prefix.push(data);
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
    }
    let failure = is_whole.then(|| match prefix.as_slice() {
        [one] => in_document(prepared.operation, one),
        parts => in_document(prepared.operation, &parts.concat()),
    });
    match failure.flatten() {
        Some(failure) => Err(Fault::inside(failure, head, &prefix, clock)),
        None => Ok(Committed { prefix, has_length, trailers, ..Committed::of(head, body) }),
    }
}

/// Whether a client can use nothing but the whole of it. What has no type is taken for the JSON that was asked for.
fn is_document(headers: &HeaderMap, prepared: &Prepared) -> bool {
    let path = prepared.stored.as_ref().map_or("", |(path, _)| path);
    if path.ends_with("/content") {
        return false;
    }
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => true,
        // Words of a recording come in one piece, also as subtitles.
        _ => {
            kind.starts_with("text/")
                && matches!(prepared.operation, Operation::Transcriptions | Operation::Translations)
        }
    }
}

/// Whether events can be read as they pass. One that is compressed against our wish is relayed as it is.
fn is_event_stream(headers: &HeaderMap) -> bool {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return false;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.get(..17).is_some_and(|start| start.eq_ignore_ascii_case("text/event-stream"))
}

async fn refused(
    head: http::response::Parts,
    mut body: Incoming,
    clock: &Clock,
    (watch, deadline): (&mut Watch, Instant),
) -> Fault {
    let deadline = deadline.min(clock.deadline(ERROR_PATIENCE));
    let mut kept = BytesMut::new();
    // What is too long is cut, and passed on as if that were all.
    let mut is_whole = true;
    while kept.len() <= ERROR_BODY {
        match watch.within(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => kept.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => {
                is_whole = false;
                break;
            }
        }
    }
    let failure = classify(head.status.as_u16(), &head.headers, &kept, clock.wall_ms());
    let told = Told { bytes: kept.freeze(), is_whole };
    Fault { failure, answer: Some(Response::from_parts(head, told)), between: None }
}

/// A failure inside a 200, completed by what the answer's head says of limits.
fn with_head(mut failure: Failure, headers: &HeaderMap, wall_ms: u64) -> Failure {
    let head = facts(headers, wall_ms);
    failure.facts.retry_after = failure.facts.retry_after.max(head.retry_after);
    if failure.facts.tokens == LimitFacts::default() {
        failure.facts.tokens = head.tokens;
    }
    if failure.facts.requests == LimitFacts::default() {
        failure.facts.requests = head.requests;
    }
    failure
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
