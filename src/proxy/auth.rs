//! Which local client asks: its token, if it sent one we know, names the caller.
//!
//! Invariant: a token is compared as bytes in constant time for its length, and never logged.
//! Absent on purpose: refusing unknown tokens. On loopback any text works as a key.

use http::HeaderMap;

use crate::model::config::Priority;
use crate::model::id::CallerId;
use crate::model::secret::Secret;

/// The callers whose tokens are known.
#[derive(Default)]
pub struct Callers {
    known: Vec<(Secret, CallerId, Option<Priority>)>,
}

impl Callers {
    /// Callers with their tokens.
    #[must_use]
    pub const fn new(known: Vec<(Secret, CallerId, Option<Priority>)>) -> Self {
        Self { known }
    }

    /// Who sent these headers, and how important its requests are if that is said of it.
    #[must_use]
    pub fn recognise(&self, headers: &HeaderMap) -> (Option<CallerId>, Option<Priority>) {
        if self.known.is_empty() {
            return (None, None);
        }
        let sent =
            bearer(headers).or_else(|| headers.get("api-key").map(http::HeaderValue::as_bytes)).unwrap_or_default();
        let found = self.known.iter().find(|(token, ..)| same(token.expose().as_bytes(), sent));
        found.map_or((None, None), |(_, caller, priority)| (Some(caller.clone()), *priority))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(http::header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// The client's own label: the first word of its user agent without what follows a blank, at most 60 characters.
#[must_use]
pub fn client_label(headers: &HeaderMap) -> &str {
    let agent = headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let word = agent.split(' ').next().unwrap_or_default();
    word.get(..60).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_caller_is_known_by_either_header() {
        let callers =
            Callers::new(vec![(Secret::new("batch-token".to_owned()), CallerId::from("batch"), Some(Priority::Bulk))]);
        let known = (Some(CallerId::from("batch")), Some(Priority::Bulk));
        assert_eq!(callers.recognise(&headers("authorization", "Bearer batch-token")), known);
        assert_eq!(callers.recognise(&headers("api-key", "batch-token")), known);
        for other in ["Bearer batch-toke", "Bearer batch-tokens", "batch-token", "Bearer "] {
            assert_eq!(callers.recognise(&headers("authorization", other)), (None, None), "{other}");
        }
    }

    #[test]
    fn a_client_is_called_by_the_first_word_of_its_agent() {
        assert_eq!(client_label(&headers("user-agent", "OpenAI/Python 1.2 (x)")), "OpenAI/Python");
        assert_eq!(client_label(&HeaderMap::new()), "");
    }
}
