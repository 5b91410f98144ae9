//! Which local client asks: its token, if it sent one we know, names the caller.
//!
//! Invariant: tokens are compared as hashes, in constant time, and never logged; one of ours that is no longer known is refused
//! even where none is asked for.
//! Absent on purpose: other texts on loopback, where any works as a key unless tokens are required.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};

use crate::model::config::Priority;
use crate::model::id::CallerId;
use crate::model::token::{Salt, Tag, is_ours};

/// Browsers put their key among a WebSocket's protocols, behind this.
pub(super) const KEY_PROTOCOL: &str = "openai-insecure-api-key.";

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const PROTOCOL: HeaderName = HeaderName::from_static("sec-websocket-protocol");

/// A token that is known.
pub struct Known {
    /// Its hash.
    pub tag: Tag,
    /// Whose; `None`: our own, for test requests.
    pub caller: Option<CallerId>,
    /// How important its requests are, if that is said of the caller.
    pub priority: Option<Priority>,
    /// When it ends, in Unix milliseconds.
    pub until_wall_ms: Option<u64>,
}

/// The callers whose tokens are known.
#[derive(Default)]
pub struct Callers {
    salt: Option<Salt>,
    known: Vec<Known>,
    required: bool,
}

/// Whom the door has before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A caller, and how important its requests are if that is said of it.
    Known(Option<CallerId>, Option<Priority>),
    /// Anybody on this computer.
    Anybody,
    /// Somebody without a token that is known.
    Stranger,
}

impl Callers {
    /// Callers whose tokens have these hashes. `required`: nobody else is let in.
    #[must_use]
    pub const fn new(salt: Salt, known: Vec<Known>, required: bool) -> Self {
        Self { salt: Some(salt), known, required }
    }

    /// Who sent these headers.
    #[must_use]
    pub fn recognise(&self, headers: &HeaderMap, now_wall_ms: u64) -> Who {
        let mut stranger = self.required;
        for sent in sent(headers) {
            if let Some(known) = self.find(sent, now_wall_ms) {
                return Who::Known(known.caller.clone(), known.priority);
            }
            stranger |= is_ours(sent);
        }
        if stranger { Who::Stranger } else { Who::Anybody }
    }

    fn find(&self, sent: &[u8], now_wall_ms: u64) -> Option<&Known> {
        let salt = self.salt.as_ref().filter(|_| !self.known.is_empty())?;
        let tag = salt.tag(sent);
        let fits = |known: &&Known| known.tag.is(&tag) && known.until_wall_ms.is_none_or(|until| now_wall_ms < until);
        self.known.iter().find(fits)
    }
}

/// Everything in these headers that may be a token.
fn sent(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let protocols = headers.get_all(PROTOCOL);
    let protocols = protocols.into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let protocols = protocols.filter_map(|protocol| protocol.trim().strip_prefix(KEY_PROTOCOL));
    bearer(headers)
        .into_iter()
        .chain(headers.get(API_KEY).map(http::HeaderValue::as_bytes))
        .chain(protocols.map(str::as_bytes))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
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

    fn callers(required: bool) -> Callers {
        let salt = Salt::new(b"salt");
        let known = |token: &str, caller: &str, until: Option<u64>| Known {
            tag: salt.tag(token.as_bytes()),
            caller: Some(CallerId::from(caller)),
            priority: Some(Priority::Bulk),
            until_wall_ms: until,
        };
        let list = vec![known("batch-token", "batch", None), known("older", "batch", Some(100))];
        Callers::new(salt, list, required)
    }

    #[test]
    fn a_caller_is_known_by_any_header_that_clients_use() {
        let known = Who::Known(Some(CallerId::from("batch")), Some(Priority::Bulk));
        let callers = callers(false);
        assert_eq!(callers.recognise(&headers("authorization", "Bearer batch-token"), 1), known);
        assert_eq!(callers.recognise(&headers("api-key", "batch-token"), 1), known);
        let protocols = headers("sec-websocket-protocol", "realtime, openai-insecure-api-key.batch-token");
        assert_eq!(callers.recognise(&protocols, 1), known);
        for other in ["Bearer batch-toke", "Bearer batch-tokens", "batch-token", "Bearer "] {
            assert_eq!(callers.recognise(&headers("authorization", other), 1), Who::Anybody, "{other}");
        }
    }

    #[test]
    fn where_tokens_are_required_everybody_else_is_a_stranger() {
        for callers in [callers(true), Callers::new(Salt::new(b"s"), Vec::new(), true)] {
            assert_eq!(callers.recognise(&HeaderMap::new(), 1), Who::Stranger);
            assert_eq!(callers.recognise(&headers("api-key", "anything"), 1), Who::Stranger);
        }
    }

    #[test]
    fn a_token_ends_at_its_moment() {
        let older = headers("api-key", "older");
        assert!(matches!(callers(true).recognise(&older, 99), Who::Known(..)));
        assert_eq!(callers(true).recognise(&older, 100), Who::Stranger);
    }

    #[test]
    fn a_token_of_ours_that_is_not_known_is_refused_even_where_any_text_will_do() {
        let revoked = format!("Bearer tdg_{}", "0".repeat(64));
        assert_eq!(callers(false).recognise(&headers("authorization", &revoked), 1), Who::Stranger);
        assert_eq!(Callers::default().recognise(&headers("authorization", &revoked), 1), Who::Stranger);
    }

    #[test]
    fn a_client_is_called_by_the_first_word_of_its_agent() {
        assert_eq!(client_label(&headers("user-agent", "OpenAI/Python 1.2 (x)")), "OpenAI/Python");
        assert_eq!(client_label(&HeaderMap::new()), "");
    }
}
