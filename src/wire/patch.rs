//! Another model's name in a body, spliced in without copying the rest.
//!
//! Invariant: outside the spans every byte is sent as it was received.
//! Absent on purpose: any other change to a body.

use std::ops::Range;

use bytes::Bytes;

/// A body as pieces to be sent one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyParts {
    /// Slices of the received body and the new name in turn; none is empty unless the body is.
    pub parts: Vec<Bytes>,
    /// Bytes of all pieces together: the `Content-Length`.
    pub length: u64,
}

/// `body` with `model` in place of each span. The spans are `Peek::model_spans`: in order, apart, within the body; one
/// that is not is left as it is. A body that says `model` everywhere already comes back in one piece.
#[must_use]
pub fn with_model(body: &Bytes, spans: &[Range<usize>], model: &str) -> BodyParts {
    let name = Bytes::from(serde_json::Value::from(model).to_string());
    if spans.iter().all(|span| body.get(span.clone()).is_none_or(|old| *old == *name)) {
        return whole(body);
    }
    let mut parts = Vec::with_capacity(spans.len().saturating_mul(2).saturating_add(1));
    let mut done = 0;
    for span in spans {
        if span.start < done || span.end < span.start || span.end > body.len() {
            continue;
        }
        if span.start > done {
            parts.push(body.slice(done..span.start));
        }
        parts.push(name.clone());
        done = span.end;
    }
    if done < body.len() {
        parts.push(body.slice(done..));
    }
    measured(parts)
}

/// `body` as it was received.
#[must_use]
pub fn whole(body: &Bytes) -> BodyParts {
    measured(vec![body.clone()])
}

fn measured(parts: Vec<Bytes>) -> BodyParts {
    let length = parts.iter().map(|part| part.len() as u64).fold(0, u64::saturating_add);
    BodyParts { parts, length }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;
    use crate::model::profile::Operation;
    use crate::wire::peek::peek;

    fn patched(body: &str, model: &str) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let spans = peek(&body, Operation::Chat).unwrap().model_spans;
        let parts = with_model(&body, &spans, model);
        assert_eq!(parts.length, parts.parts.iter().map(Bytes::len).sum::<usize>() as u64);
        String::from_utf8(parts.parts.concat()).unwrap()
    }

    #[test]
    fn every_top_level_model_is_replaced_and_no_nested_one() {
        let body = r#"{ "model" : "a","x":{"model":"a"},"mod\u0065l":null, "model":"a"}"#;
        assert_eq!(
            patched(body, "b\"c"),
            r#"{ "model" : "b\"c","x":{"model":"a"},"mod\u0065l":"b\"c", "model":"b\"c"}"#
        );
    }

    #[test]
    fn the_same_name_leaves_the_received_bytes_alone() {
        let body = Bytes::from_static(br#"{"model":"gpt-4o","n":1}"#);
        let spans = peek(&body, Operation::Chat).unwrap().model_spans;
        let parts = with_model(&body, &spans, "gpt-4o");
        assert_eq!(parts.parts.len(), 1);
        assert_eq!(parts.parts[0].as_ptr(), body.as_ptr());
    }

    #[test]
    fn the_rest_of_the_body_is_not_copied() {
        let body = Bytes::from_static(br#"{"model":"gpt-4o","n":1}"#);
        let spans = peek(&body, Operation::Chat).unwrap().model_spans;
        let parts = with_model(&body, &spans, "mini");
        assert_eq!(parts.parts[0].as_ptr(), body.as_ptr());
        assert_eq!(parts.parts[2].as_ptr(), body[17..].as_ptr());
    }

    proptest! {
        #[test]
        fn only_the_model_changes(
            before in proptest::collection::btree_map("[a-z]{1,4}", any::<Option<String>>(), 0..4),
            old in any::<String>(),
            new in any::<String>(),
        ) {
            let mut object: Map<String, Value> = before.into_iter().map(|(k, v)| (k, Value::from(v))).collect();
            object.insert("model".to_owned(), Value::from(old));
            let body = Value::Object(object.clone()).to_string();
            object.insert("model".to_owned(), Value::from(new.clone()));
            let after: Value = serde_json::from_str(&patched(&body, &new)).unwrap();
            prop_assert_eq!(after, Value::Object(object));
        }
    }
}
