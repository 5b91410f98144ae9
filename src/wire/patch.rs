//! Another model's name in a body, and a wish for its usage, spliced in without touching the rest.
//!
//! Invariant: outside the seams every byte is sent as it was received.
//! Absent on purpose: the body's bytes. They may lie in memory or in a file; here are only places in them.

use std::ops::Range;

use bytes::Bytes;

use super::multipart::{Form, model_part};
use super::peek::Peek;

/// Where a body may be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seams {
    /// Nowhere.
    #[default]
    None,
    /// A JSON object.
    Json {
        /// Every `model` value, quotes included, in order.
        models: Vec<Range<u64>>,
        /// Behind the opening brace.
        inside: u64,
        /// Nothing stands in the object.
        is_empty: bool,
        /// Where its `stream_options`, if it has them, take a wish for usage.
        room: Option<(Range<u64>, Bytes)>,
    },
    /// A form with files.
    Form {
        /// Every `model` value, in order.
        models: Vec<Range<u64>>,
        /// They stand in JSON within the form, quotes included.
        is_quoted: bool,
        /// Before the first part.
        opening: Option<u64>,
        /// Names the boundary.
        content_type: String,
    },
}

impl Seams {
    /// Those of a JSON body.
    #[must_use]
    pub fn of_json(peek: &Peek) -> Self {
        let models = peek.model_spans.iter().map(|span| span.start as u64..span.end as u64).collect();
        let room = peek.room.as_ref();
        let room = room.map(|room| (room.span.start as u64..room.span.end as u64, Bytes::from_static(room.wish)));
        Self::Json { models, inside: peek.inside as u64, is_empty: peek.is_empty, room }
    }

    /// The same with the model's name there alone, quotes included.
    #[must_use]
    pub fn at(self, model: Range<usize>) -> Self {
        match self {
            Self::Json { inside, is_empty, room, .. } => {
                let only = model.start as u64..model.end as u64;
                Self::Json { models: std::iter::once(only).collect(), inside, is_empty, room }
            }
            other => other,
        }
    }

    /// Those of a form.
    #[must_use]
    pub fn of_form(form: &Form, content_type: &str) -> Self {
        let within = form.session_model.as_ref().filter(|_| form.model_spans.is_empty());
        Self::Form {
            models: within.map_or_else(|| form.model_spans.clone(), |(_, span)| vec![span.clone()]),
            is_quoted: within.is_some(),
            opening: form.opening,
            content_type: content_type.to_owned(),
        }
    }
}

/// A model's name as it stands in a body. Made once; clones share the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelText {
    plain: Bytes,
    /// Quotes included.
    json: Bytes,
}

impl From<&str> for ModelText {
    fn from(model: &str) -> Self {
        let json = Bytes::from(serde_json::Value::from(model).to_string());
        Self { plain: Bytes::copy_from_slice(model.as_bytes()), json }
    }
}

impl ModelText {
    /// The name itself.
    #[must_use]
    pub fn plain(&self) -> &str {
        std::str::from_utf8(&self.plain).unwrap_or_default()
    }
}

/// A piece of what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes of the received body.
    Kept(Range<u64>),
    /// These in place of others.
    New(Bytes),
}

/// A body as pieces to be sent one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// Slices of the received body and new text in turn.
    pub pieces: Vec<Piece>,
    /// Bytes of all pieces together: the `Content-Length`.
    pub length: u64,
}

/// What is to be changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changes<'m> {
    /// The name that takes the place of every `model`; where there is none it is added.
    pub model: Option<&'m ModelText>,
    /// The last event of a chat stream shall tell what it cost. Only where the body has no `stream_options`, or such that have room.
    pub ask_usage: bool,
}

const WISH: &[u8] = b"\"stream_options\":{\"include_usage\":true}";

/// A body of this length with the changes. `memory` is the body if it is at hand: where it says the model already, it stays in
/// one piece.
#[must_use]
pub fn patched(length: u64, seams: &Seams, changes: Changes<'_>, memory: Option<&Bytes>) -> Patched {
    match seams {
        Seams::None => whole(length),
        Seams::Json { models, inside, is_empty, room } => {
            let name = changes.model.filter(|model| !says_already(memory, models, &model.json));
            let mut added = Vec::new();
            if let Some(model) = name.filter(|_| models.is_empty()) {
                added.extend_from_slice(b"\"model\":");
                added.extend_from_slice(&model.json);
            }
            let room = room.clone().filter(|_| changes.ask_usage);
            if changes.ask_usage && room.is_none() {
                added.extend_from_slice(if added.is_empty() { b"" } else { b"," });
                added.extend_from_slice(WISH);
            }
            if !added.is_empty() && !is_empty {
                added.push(b',');
            }
            let insertion = (!added.is_empty()).then(|| (*inside..*inside, Bytes::from(added)));
            let renamed =
                name.into_iter().flat_map(|model| models.iter().map(|span| (span.clone(), model.json.clone())));
            let Some(room) = room else { return edited(length, insertion.into_iter().chain(renamed)) };
            let mut edits: Vec<_> = insertion.into_iter().chain(renamed).chain([room]).collect();
            edits.sort_by_key(|(span, _)| span.start);
            edited(length, edits)
        }
        Seams::Form { models, is_quoted, opening, content_type } => {
            let Some(model) = changes.model else { return whole(length) };
            if let (true, Some(opening)) = (models.is_empty(), opening) {
                let part = model_part(content_type, model.plain());
                return edited(length, part.map(|part| (*opening..*opening, Bytes::from(part))));
            }
            let name = if *is_quoted { &model.json } else { &model.plain };
            edited(length, models.iter().map(|span| (span.clone(), name.clone())))
        }
    }
}

/// A body of this length as it was received.
#[must_use]
pub fn whole(length: u64) -> Patched {
    edited(length, None)
}

fn says_already(memory: Option<&Bytes>, models: &[Range<u64>], name: &[u8]) -> bool {
    let at = |span: &Range<u64>| {
        let (start, end) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
        memory?.get(start..end)
    };
    !models.is_empty() && models.iter().all(|span| at(span) == Some(name))
}

/// Edits stand in order and apart; one that does not is left out.
fn edited(length: u64, edits: impl IntoIterator<Item = (Range<u64>, Bytes)>) -> Patched {
    let mut pieces = Vec::with_capacity(3);
    let (mut done, mut total) = (0_u64, 0_u64);
    for (span, text) in edits {
        if span.start < done || span.end < span.start || span.end > length {
            continue;
        }
        if span.start > done {
            pieces.push(Piece::Kept(done..span.start));
            total = total.saturating_add(span.start.saturating_sub(done));
        }
        total = total.saturating_add(text.len() as u64);
        pieces.push(Piece::New(text));
        done = span.end;
    }
    if done < length {
        pieces.push(Piece::Kept(done..length));
        total = total.saturating_add(length.saturating_sub(done));
    }
    Patched { pieces, length: total }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
