//! A `response.create`: what the brain needs to know of it, and how it reads at an endpoint.
//!
//! Invariant: read like a body of `/responses`, whose members it has; nothing of it changes but the model's name.
//! Absent on purpose: other messages. They pass.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::auth::{Who, client_label};
use super::classify::importance;
use super::door::Door;
use super::intake::Unreadable;
use super::wishes::Wishes;
use crate::model::id::{AccountId, ModelName};
use crate::model::profile::{Affinity, Operation, RequestProfile};
use crate::wire::patch::{Changes, ModelText, Piece, Seams, patched};
use crate::wire::peek::peek;
use crate::wire::stream::kind;

/// One question on a socket.
pub(super) struct Asked {
    pub(super) profile: Arc<RequestProfile>,
    text: Utf8Bytes,
    seams: Seams,
}

impl Asked {
    /// Whether a message is a question.
    pub(super) fn is_create(text: &[u8]) -> bool {
        kind(text).as_deref() == Some("response.create")
    }

    /// Reads one. `bound` is the account that the socket stays with.
    ///
    /// # Errors
    /// Why it cannot be understood.
    pub(super) fn read(
        door: &Door,
        who: &Who,
        head: &HeaderMap,
        text: Utf8Bytes,
        bound: Option<AccountId>,
    ) -> Result<Self, Unreadable> {
        let seen = peek(text.as_bytes(), Operation::Responses)?;
        let seams = Seams::of_json(&seen);
        let model = seen.model.filter(|model| !model.is_empty()).ok_or(Unreadable::NoModel)?;
        let wishes = Wishes::read(head);
        let (caller, priority) = importance(door, who.clone(), &wishes, &model);
        let profile = RequestProfile {
            model: ModelName::from(model),
            operation: Operation::Responses,
            streaming: true,
            size: seen.size,
            priority,
            caller,
            client: client_label(head).into(),
            sdk_retry: 0,
            patience: wishes.patience,
            affinity: Affinity { account: bound, ..seen.affinity },
        };
        Ok(Self { profile: Arc::new(profile), text, seams })
    }

    /// Whether it may go to one account alone, as what was said before was said there.
    pub(super) fn is_bound(&self) -> bool {
        self.profile.affinity.account.is_some()
    }

    /// The message as an endpoint is to read it.
    pub(super) fn for_endpoint(&self, model: Option<&ModelText>) -> String {
        let whole = Bytes::copy_from_slice(self.text.as_bytes());
        let changes = Changes { model, ask_usage: false };
        let body = patched(whole.len() as u64, &self.seams, changes, Some(&whole));
        let mut bytes = Vec::with_capacity(usize::try_from(body.length).unwrap_or(0));
        for piece in &body.pieces {
            match piece {
                Piece::Kept(span) => {
                    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                    bytes.extend_from_slice(whole.get(place(span.start)..place(span.end)).unwrap_or_default());
                }
                Piece::New(text) => bytes.extend_from_slice(text),
            }
        }
        // Names are put in place of names, between quotes.
        String::from_utf8(bytes).unwrap_or_else(|_| self.text.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_told_by_its_type_whatever_stands_around() {
        assert!(Asked::is_create(br#"{"input":"\"type\"","type":"response.create"}"#));
        for other in [&br#"{"type":"response.cancel"}"#[..], br#"["response.create"]"#, b"response.create", b"{"] {
            assert!(!Asked::is_create(other));
        }
    }

    #[test]
    fn only_the_models_name_changes_on_the_way() {
        let text = Utf8Bytes::from(r#"{ "type":"response.create", "model" : "m","input":"m" }"#);
        let seams = Seams::of_json(&peek(text.as_bytes(), Operation::Responses).unwrap());
        let profile = Arc::new(crate::model::sample::profile("m"));
        let asked = Asked { profile, text, seams };
        let sent = asked.for_endpoint(Some(&ModelText::from("at a")));
        assert_eq!(sent, r#"{ "type":"response.create", "model" : "at a","input":"m" }"#);
        assert_eq!(asked.for_endpoint(None), asked.text.as_str());
    }
}
