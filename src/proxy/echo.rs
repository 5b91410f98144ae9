//! Takes our key out of answers that repeat what was sent.
//!
//! Invariant: no head and no error body leaves for a client with the key in it.
//! Absent on purpose: looking into answers that succeed; their bytes pass untouched.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use memchr::memmem;

use super::attempt::Fault;
use crate::model::secret::Secret;

/// What stands in the key's place.
const HIDDEN: &str = "[hidden]";

/// Replaces every header value that holds the key.
pub fn hide(headers: &mut HeaderMap, key: Option<&Secret>) {
    let Some(key) = key.map(|key| key.expose().as_bytes()).filter(|key| !key.is_empty()) else { return };
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
            let body = answer.body_mut();
            *body = replaced(body, key.expose().as_bytes());
        }
        self
    }
}

fn replaced(body: &Bytes, key: &[u8]) -> Bytes {
    if key.is_empty() || memmem::find(body, key).is_none() {
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
        let body = Bytes::from_static(b"you sent k-1, yes k-1");
        assert_eq!(replaced(&body, b"k-1"), Bytes::from_static(b"you sent [hidden], yes [hidden]"));
        assert_eq!(replaced(&body, b"k-2"), body);
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer k-1"));
        headers.insert("x-request-id", HeaderValue::from_static("req_1"));
        hide(&mut headers, Some(&Secret::new("k-1".to_owned())));
        assert_eq!(headers["x-echo"], "[hidden]");
        assert_eq!(headers["x-request-id"], "req_1");
    }
}
