//! The handshakes of a socket that speaks Responses: ours with its client, and what we wish for toward an endpoint.
//!
//! Invariant: the client is agreed with before any endpoint is asked, so nothing here depends on one.
//! Absent on purpose: Realtime, whose client and endpoint shake hands with each other (`socket`).

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::answer::Answer;
use super::attempt::Prepared;
use super::spool::Kept;
use crate::model::profile::Operation;
use crate::wire::patch::Seams;

const KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");

/// Our 101.
///
/// # Errors
/// Why it is no handshake.
pub(super) fn agree(headers: &HeaderMap) -> Result<Response<Answer>, &'static str> {
    let is_current = headers.get(VERSION).is_some_and(|version| version == "13");
    let key = headers.get(KEY).filter(|_| is_current);
    let key = key.ok_or("This is no handshake of a WebSocket of version 13. Nothing was sent to a service.")?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
        .map_err(|_| "The handshake's key cannot be answered. Nothing was sent to a service.")?;
    let mut response = Response::new(Answer::Whole(None));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert("sec-websocket-accept", accept);
    Ok(response)
}

/// Our own wish toward an endpoint, with the client's headers.
pub(super) fn wish(head: Parts) -> Prepared {
    let kept = [KEY, VERSION].map(|name| (head.headers.get(&name).cloned(), name));
    let mut prepared = Prepared::new(Operation::Responses, head, Kept::default(), Seams::None);
    for (value, name) in kept {
        prepared.headers.extend(value.map(|value| (name, value)));
    }
    prepared.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    prepared.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    prepared
}
