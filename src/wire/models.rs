//! Answers to `/models`: the routes by name, in OpenAI's shape.
//!
//! Invariant: names are escaped; the order is the caller's.
//! Absent on purpose: asking the services; what a client can use is what the routes say.

use bytes::Bytes;
use serde::Serialize;

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

const fn model(id: &str) -> Model<'_> {
    Model { id, object: "model", created: 0, owned_by: "tidegate" }
}

/// The body that lists these models.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Bytes {
    body(&List { object: "list", data: names.into_iter().map(model).collect() })
}

/// The body that describes one model.
#[must_use]
pub fn one(name: &str) -> Bytes {
    body(&model(name))
}

/// Plain structures of text and numbers always serialise; an empty body is the harmless way out of "cannot happen".
fn body(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_listed_in_order_and_escaped() {
        let expected = concat!(
            r#"{"object":"list","data":["#,
            r#"{"id":"gpt-4o","object":"model","created":0,"owned_by":"tidegate"},"#,
            r#"{"id":"a\"b","object":"model","created":0,"owned_by":"tidegate"}]}"#
        );
        assert_eq!(list(["gpt-4o", "a\"b"]), expected);
        assert_eq!(list([]), r#"{"object":"list","data":[]}"#);
        assert_eq!(one("x"), r#"{"id":"x","object":"model","created":0,"owned_by":"tidegate"}"#);
    }
}
