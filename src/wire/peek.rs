//! What the proxy must know of a request body: read in one scan, the rest skipped.
//!
//! Invariant: of a key that stands twice the last value counts, as the services read it, and `model_spans` names all of
//! them, so that the router and every upstream agree on the model.
//! Absent on purpose: a tree of the messages, and checks of anything the service checks itself.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::object;
use super::prompt::{Characters, Kind};
use super::ties::Ties;
use crate::model::profile::{Affinity, Operation, RequestSize};

/// The facts of a request body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// The top-level `model`; `None` if it is absent or not a string.
    pub model: Option<String>,
    /// Byte ranges of every top-level `model` value, quotes included, in order.
    pub model_spans: Vec<Range<usize>>,
    /// `stream` is true.
    pub streaming: bool,
    /// `stream_options.include_usage` is true.
    pub asks_usage: bool,
    /// How large the request is.
    pub size: RequestSize,
    /// What ties it to where it went before.
    pub affinity: Affinity,
}

/// Why a body cannot be routed. Tells where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// Nothing was sent.
    #[error("The request has no body. Nothing was sent to a service; send a JSON object.")]
    Empty,
    /// Not UTF-8 at this byte, from 0.
    #[error("The request body is not valid UTF-8 at byte {at}. Nothing was sent to a service; encode it as UTF-8.")]
    NotUtf8 {
        /// The first wrong byte.
        at: usize,
    },
    /// The end came too early.
    #[error(
        "The request body ends in the middle of its JSON, at line {line}, column {column}. Nothing was sent to a service; send it whole."
    )]
    Truncated {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// Not JSON here.
    #[error(
        "The request body is not valid JSON at line {line}, column {column}. Nothing was sent to a service; mend it there."
    )]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// JSON, but no object.
    #[error("The request body is JSON but not an object. Nothing was sent to a service; send a JSON object.")]
    NotAnObject,
    /// Nested more than 127 levels deep.
    #[error(
        "The request body is nested too deeply at line {line}, column {column}. Nothing was sent to a service; send it flatter."
    )]
    TooDeep {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
}

/// Reads the facts of a JSON body in one scan.
///
/// # Errors
/// [`BadBody`] if the body is not one JSON object.
pub fn peek(body: &[u8], operation: Operation) -> Result<Peek, BadBody> {
    let text = std::str::from_utf8(body).map_err(|error| BadBody::NotUtf8 { at: error.valid_up_to() })?;
    let first = text.bytes().find(|b| !b.is_ascii_whitespace()).ok_or(BadBody::Empty)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    if first != b'{' {
        let whole = IgnoredAny::deserialize(&mut reader).and_then(|_| reader.end());
        return Err(whole.err().map_or(BadBody::NotAnObject, |error| bad(&error)));
    }
    let scan = Scan { text, operation, found: Found::default() };
    let found = reader.deserialize_map(scan).map_err(|error| bad(&error))?;
    reader.end().map_err(|error| bad(&error))?;
    Ok(found.into_peek())
}

fn bad(error: &serde_json::Error) -> BadBody {
    let (line, column) = (error.line(), error.column());
    // The library has no code for this one; its words are fixed text, never the body's.
    if error.to_string().starts_with("recursion limit exceeded") {
        return BadBody::TooDeep { line, column };
    }
    if error.is_eof() { BadBody::Truncated { line, column } } else { BadBody::NotJson { line, column } }
}

/// A top-level key that matters.
#[derive(Clone, Copy)]
enum Field {
    Model,
    Stream,
    StreamOptions,
    Cap(usize),
    Choices(usize),
    Prompt(Kind),
    Instructions,
    PreviousResponse,
    Conversation,
    CacheKey,
    Other,
}

fn field(key: &str, operation: Operation) -> Field {
    use Operation::{Chat, Completions, Embeddings, Responses};
    match (key, operation) {
        ("model", _) => Field::Model,
        ("stream", _) => Field::Stream,
        ("stream_options", _) => Field::StreamOptions,
        ("max_tokens", Chat | Completions) => Field::Cap(0),
        ("max_completion_tokens", Chat) => Field::Cap(1),
        ("max_output_tokens", Responses) => Field::Cap(2),
        ("n", Chat | Completions) => Field::Choices(0),
        ("best_of", Completions) => Field::Choices(1),
        ("messages", Chat) | ("input", Responses) => Field::Prompt(Kind::Messages),
        ("prompt" | "suffix", Completions) | ("input", Embeddings) => Field::Prompt(Kind::Text),
        ("prompt", Responses) => Field::Prompt(Kind::Template),
        ("instructions", Responses) => Field::Instructions,
        ("previous_response_id", Responses) => Field::PreviousResponse,
        ("conversation", Responses) => Field::Conversation,
        ("prompt_cache_key", Chat | Responses) => Field::CacheKey,
        ("tools", Chat | Responses) | ("functions" | "response_format", Chat) | ("text", Responses) => {
            Field::Prompt(Kind::Schema)
        }
        _ => Field::Other,
    }
}

struct FieldName(Operation);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    // Escaped keys (`"mod\u0065l"`) arrive here decoded, as the services see them.
    fn visit_str<E>(self, key: &str) -> Result<Field, E> {
        Ok(field(key, self.0))
    }
}

#[derive(Default)]
struct Found {
    model: Option<String>,
    spans: Vec<Range<usize>>,
    streaming: bool,
    asks_usage: bool,
    caps: [Option<u64>; 3],
    choices: [Option<u64>; 2],
    chars: u64,
    ties: Ties,
}

impl Found {
    fn into_peek(self) -> Peek {
        let Self { model, spans, streaming, asks_usage, caps, choices, chars, ties } = self;
        let output_cap = caps.into_iter().flatten().max();
        let choices = choices.into_iter().flatten().fold(1, u64::max);
        let size = RequestSize { prompt_chars: chars, output_cap, choices };
        Peek { model, model_spans: spans, streaming, asks_usage, size, affinity: ties.into_affinity(chars) }
    }
}

struct Scan<'de> {
    text: &'de str,
    operation: Operation,
    found: Found,
}

impl<'de> Visitor<'de> for Scan<'de> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Found, A::Error> {
        while let Some(field) = entries.next_key_seed(FieldName(self.operation))? {
            match field {
                Field::Prompt(kind) => {
                    let chars = entries.next_value_seed(Characters::new(kind, &mut self.found.ties))?;
                    self.found.chars = self.found.chars.saturating_add(chars);
                }
                Field::Instructions => {
                    self.found.ties.begin_instructions();
                    let chars = entries.next_value_seed(Characters::new(Kind::Text, &mut self.found.ties))?;
                    self.found.chars = self.found.chars.saturating_add(chars);
                    self.found.ties.end_instructions();
                }
                Field::Other => {
                    entries.next_value::<IgnoredAny>()?;
                }
                known => self.scalar(known, entries.next_value::<&RawValue>()?).map_err(A::Error::custom)?,
            }
        }
        Ok(self.found)
    }
}

impl Scan<'_> {
    fn scalar(&mut self, field: Field, raw: &RawValue) -> Result<(), serde_json::Error> {
        let (text, found) = (raw.get(), &mut self.found);
        match field {
            Field::Model => {
                found.model = if text.starts_with('"') { Some(serde_json::from_str(text)?) } else { None };
                // The value borrows from the body, so its address tells its place.
                let start = text.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
                found.spans.push(start..start.saturating_add(text.len()));
            }
            Field::Stream => found.streaming = text == "true",
            Field::StreamOptions => found.asks_usage = include_usage(text),
            Field::Cap(place) => put(&mut found.caps, place, amount(text)),
            Field::Choices(place) => put(&mut found.choices, place, amount(text)),
            Field::PreviousResponse => found.ties.set_previous(text),
            Field::Conversation => found.ties.set_conversation(text),
            Field::CacheKey => found.ties.set_cache(text),
            Field::Prompt(_) | Field::Instructions | Field::Other => {}
        }
        Ok(())
    }
}

fn put(places: &mut [Option<u64>], place: usize, value: Option<u64>) {
    if let Some(slot) = places.get_mut(place) {
        *slot = value;
    }
}

fn include_usage(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Options<'a> {
        #[serde(borrow, default)]
        include_usage: Option<&'a RawValue>,
    }
    let options = object::fields::<Options<'_>>(text.as_bytes());
    options.and_then(|options| options.include_usage).is_some_and(|raw| raw.get() == "true")
}

/// A JSON number as a whole amount: fractions round up, what is too large saturates; `None` for negative numbers and for
/// anything that is no number, which the service refuses itself.
fn amount(text: &str) -> Option<u64> {
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole);
    }
    let number: f64 = text.starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok())??;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, as wanted")]
    let whole = number.ceil() as u64;
    Some(whole)
}

#[cfg(test)]
#[path = "peek_tests.rs"]
mod tests;
