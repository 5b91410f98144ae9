//! Takes our key out of answers that repeat what was sent.
//!
//! Invariant: no head, no error body, and no event of a stream that is an error or comes before its output leaves for a client with
//! the key in it.
//! Absent on purpose: looking into what a model said, in documents and events, and into WebSockets: those bytes pass untouched. So do
//! events so long that they leave in parts.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use memchr::memmem;

use super::attempt::Fault;
use super::slots::Slots;
use crate::model::profile::Operation;
use crate::model::secret::Secret;
use crate::wire::gate::{first_end, is_whole};
use crate::wire::stream::bears_output;

/// A shorter key is a word that local servers ask for and nobody looks at, `none` or `ollama`: answers may hold it by chance.
const SECRET_FROM: usize = 12;
/// What stands in the key's place.
const HIDDEN: &str = "[hidden]";

/// Replaces every header value that holds the key.
pub fn hide(headers: &mut HeaderMap, key: Option<&Secret>) {
    let Some(key) = key.map(|key| key.expose().as_bytes()).filter(|key| key.len() >= SECRET_FROM) else { return };
    for value in headers.values_mut() {
        // Most values are shorter than a key, and comparing lengths is cheaper than setting out to search.
        if value.len() >= key.len() && memmem::find(value.as_bytes(), key).is_some() {
            *value = HeaderValue::from_static(HIDDEN);
        }
    }
}

impl Fault {
    /// The same with the key taken out of the answer that came with it.
    #[must_use]
    pub fn without(mut self, key: Option<&Secret>) -> Self {
        if let (Some(answer), Some(key)) = (&mut self.answer, key) {
            let told = answer.body_mut();
            told.bytes = replaced(&told.bytes, key.expose().as_bytes());
        }
        self
    }
}

/// Events of a stream with these keys taken out of those that bear no output.
pub(super) fn veiled(events: Bytes, keys: &Slots, operation: Operation) -> Bytes {
    keys.all().fold(events, |events, key| veiled_of(events, key.expose().as_bytes(), operation))
}

fn veiled_of(events: Bytes, key: &[u8], operation: Operation) -> Bytes {
    if key.len() < SECRET_FROM || memmem::find(&events, key).is_none() {
        return events;
    }
    let mut clean = Vec::with_capacity(events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let event = rest.split_to(first_end(&rest));
        let is_veiled = is_whole(&event) && !bears_output(&event, operation);
        clean.extend_from_slice(&if is_veiled { replaced(&event, key) } else { event });
    }
    Bytes::from(clean)
}

fn replaced(body: &Bytes, key: &[u8]) -> Bytes {
    if key.len() < SECRET_FROM || memmem::find(body, key).is_none() {
        return body.clone();
    }
    let mut clean = Vec::with_capacity(body.len());
    let mut done = 0;
    for at in memmem::find_iter(body, key) {
        clean.extend_from_slice(body.get(done..at).unwrap_or_default());
        clean.extend_from_slice(HIDDEN.as_bytes());
        done = at.saturating_add(key.len());
    }
    clean.extend_from_slice(body.get(done..).unwrap_or_default());
    Bytes::from(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_echo_of_the_key_is_hidden_and_the_rest_is_kept() {
        let body = Bytes::from_static(b"you sent key-1-secret, yes key-1-secret");
        assert_eq!(replaced(&body, b"key-1-secret"), Bytes::from_static(b"you sent [hidden], yes [hidden]"));
        assert_eq!(replaced(&body, b"key-2-secret"), body);
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer key-1-secret"));
        headers.insert("x-request-id", HeaderValue::from_static("req_1"));
        hide(&mut headers, Some(&Secret::new("key-1-secret".to_owned())));
        assert_eq!(headers["x-echo"], "[hidden]");
        assert_eq!(headers["x-request-id"], "req_1");
    }

    #[test]
    fn what_a_model_rightly_says_is_left_alone_and_only_errors_and_openings_are_veiled() {
        let veil = |text: &'static str, operation| {
            let clean = veiled_of(Bytes::from_static(text.as_bytes()), b"key-1-secret", operation);
            String::from_utf8(clean.to_vec()).unwrap()
        };
        let said = "data: {\"choices\":[{\"delta\":{\"content\":\"key-1-secret\"}}]}\n\n";
        let wrong = "data: {\"error\":{\"message\":\"bad key-1-secret\"}}\n\n";
        assert_eq!(veil(said, Operation::Chat), said);
        let both = [said, wrong].concat().leak();
        assert_eq!(veil(both, Operation::Chat), [said, &wrong.replace("key-1-secret", HIDDEN)].concat());
        let delta = "event: response.output_text.delta\ndata: {\"delta\":\"key-1-secret\"}\n\n";
        assert_eq!(veil(delta, Operation::Responses), delta);
        let done = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"key-1-secret\"}}\n\n";
        assert_eq!(veil(done, Operation::Responses), done);
        for veiled in [
            "event: error\ndata: {\"message\":\"key-1-secret\"}\n\n",
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"key-1-secret\"}}}\n\n",
            "data: {\"type\":\"response.created\",\"response\":{\"instructions\":\"key-1-secret\"}}\n\n",
            ": key-1-secret\n\n",
        ] {
            assert_eq!(veil(veiled, Operation::Responses), veiled.replace("key-1-secret", HIDDEN));
        }
        let tail_of_a_long_event = "and key-1-secret\"}\n\n";
        assert_eq!(veil(tail_of_a_long_event, Operation::Responses), tail_of_a_long_event);
        let beginning_of_one = "data: {\"delta\":\"key-1-secret";
        assert_eq!(veil(beginning_of_one, Operation::Responses), beginning_of_one);
    }

    #[test]
    fn a_word_that_is_no_secret_stays_in_answers() {
        let body = Bytes::from_static(b"ollama has no such model");
        assert_eq!(replaced(&body, b"ollama"), body);
        let mut headers = HeaderMap::new();
        headers.insert("server", HeaderValue::from_static("ollama/1"));
        hide(&mut headers, Some(&Secret::new("ollama".to_owned())));
        assert_eq!(headers["server"], "ollama/1");
    }
}
