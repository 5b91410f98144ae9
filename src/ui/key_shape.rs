//! What a key looks like, so that one pasted into the wrong field is stopped there.
//!
//! Invariant: nothing here keeps, formats or returns the text it looks at.
//! Absent on purpose: certainty. A shape is a guess; a wrong shape is a warning, never a refusal to store.

use crate::model::config::Service;
use crate::model::token;

/// Whose key a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyShape {
    /// `sk-…`
    Openai,
    /// 32 hex digits, or 84 letters and digits.
    Azure,
    /// A local caller's token.
    Caller,
}

impl KeyShape {
    /// The shape of one word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if word.starts_with("sk-") && word.len() >= 20 && word.chars().all(plain) {
            return Some(Self::Openai);
        }
        if token::is_ours(word.as_bytes()) {
            return Some(Self::Caller);
        }
        let hex = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let long = word.len() == 84 && word.bytes().all(|b| b.is_ascii_alphanumeric());
        (hex || long).then_some(Self::Azure)
    }

    /// The first key-like word anywhere in a text.
    #[must_use]
    pub fn within(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || "=\"':;,/?&".contains(c)).find_map(Self::of)
    }

    /// Why this shape does not suit the service; `None` if it does or if nobody can tell.
    #[must_use]
    pub const fn mismatch(self, service: Service) -> Option<&'static str> {
        match (self, service) {
            (Self::Azure, Service::Openai) => Some("This looks like an Azure key, but the account is OpenAI's."),
            (Self::Openai, Service::Azure) => Some("This looks like an OpenAI key, but the account is Azure's."),
            (Self::Caller, Service::Openai | Service::Azure) => {
                Some("This is a token of Tidegate's own callers, not a provider's key.")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn keys_are_found_alone_and_within_what_people_paste() {
        assert_eq!(KeyShape::within("sk-proj-abcdefghijklmnopqrst"), Some(KeyShape::Openai));
        assert_eq!(KeyShape::within(&format!("export AZURE_OPENAI_API_KEY=\"{HEX}\"")), Some(KeyShape::Azure));
        assert_eq!(KeyShape::within(&format!("https://x.example/?api-key={HEX}")), Some(KeyShape::Azure));
        assert_eq!(KeyShape::within(&"aB3".repeat(28)), Some(KeyShape::Azure));
        assert_eq!(KeyShape::within(&format!("Bearer tdg_{}", HEX.repeat(2))), Some(KeyShape::Caller));
    }

    #[test]
    fn names_models_and_addresses_are_no_keys() {
        for text in ["gpt-4o-prod", "https://acme-east.openai.azure.com/openai/deployments/gpt4o", "sk-short", ""] {
            assert_eq!(KeyShape::within(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_of_the_other_service_is_pointed_out() {
        assert!(KeyShape::Azure.mismatch(Service::Openai).is_some());
        assert_eq!(KeyShape::Azure.mismatch(Service::Compatible), None);
        assert!(KeyShape::Caller.mismatch(Service::Azure).is_some());
        assert_eq!(KeyShape::Caller.mismatch(Service::Compatible), None, "it may be another Tidegate");
    }
}
