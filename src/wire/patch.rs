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

/// A model's name as it stands in JSON, quotes included. Made once; clones share the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelText(Bytes);

impl From<&str> for ModelText {
    fn from(model: &str) -> Self {
        Self(Bytes::from(serde_json::Value::from(model).to_string()))
    }
}

/// `body` with `model` in place of each span. The spans are `Peek::model_spans`: in order, apart, within the body; one
/// that is not is left as it is. Without any span the name is added. A body that says `model` everywhere already comes back in one piece.
#[must_use]
pub fn with_model(body: &Bytes, spans: &[Range<usize>], model: &ModelText) -> BodyParts {
    let ModelText(name) = model;
    if spans.is_empty() {
        return with_model_added(body, name);
    }
    if spans.iter().all(|span| body.get(span.clone()).is_none_or(|old| *old == **name)) {
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

/// A body that names no model (its path did) gets one as its first member. A body that is no object stays as it is.
fn with_model_added(body: &Bytes, name: &[u8]) -> BodyParts {
    let Some(open) = body.iter().position(|b| *b == b'{') else { return whole(body) };
    let rest = body.slice(open.saturating_add(1)..);
    let is_empty = rest.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'}');
    let mut member = Vec::with_capacity(name.len().saturating_add(10));
    member.extend_from_slice(b"\"model\":");
    member.extend_from_slice(name);
    member.extend_from_slice(if is_empty { b"" } else { b"," });
    measured(vec![body.slice(..=open), Bytes::from(member), rest])
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
#[path = "patch_tests.rs"]
mod tests;
