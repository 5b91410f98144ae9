//! What the proxy must know of a request body: read in one scan, the rest skipped.
//!
//! Invariant: of a key that stands twice the last value counts, as the services read it, and `model_spans` names all of
//! them, so that the router and every upstream agree on the model.
//! Absent on purpose: a tree of the messages, and checks of anything the service checks itself.

use std::ops::Range;

use serde::de::{Deserialize, IgnoredAny};
use serde_json::value::RawValue;

use super::json::{Malformed, Reader, Text};
use super::object;
use super::prompt::{Kind, characters};
use super::ties::Ties;
use crate::model::profile::{Affinity, Operation, RequestSize};

/// The facts of a request body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Peek {
    /// The top-level `model`; `None` if it is absent or not a string.
    pub model: Option<String>,
    /// Byte ranges of every top-level `model` value, quotes included, in order.
    pub model_spans: Vec<Range<usize>>,
    /// Behind the object's opening brace, where a member may be put in.
    pub inside: usize,
    /// Nothing stands in the object.
    pub is_empty: bool,
    /// `stream_options` was sent, whatever it says.
    pub has_options: bool,
    /// Where it has room for a wish for usage, of which it says nothing.
    pub room: Option<Room>,
    /// A stream was asked for.
    pub streaming: bool,
    /// `stream_options.include_usage` is true.
    pub asks_usage: bool,
    /// How large the request is.
    pub size: RequestSize,
    /// What ties it to where it went before.
    pub affinity: Affinity,
}

/// Where a wish for usage is put into `stream_options`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// In place of these bytes.
    pub span: Range<usize>,
    /// What is put there.
    pub wish: &'static [u8],
}

/// Why a body cannot be routed. Tells where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// Nothing was sent.
    #[error("The request has no body. Nothing was sent to a service; send a JSON object.")]
    Empty,
    /// A byte order mark stands before the JSON.
    #[error(
        "The request body begins with a byte order mark (U+FEFF), which the services take for bad JSON. Nothing was sent to a \
         service; send the JSON without it."
    )]
    Marked,
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
    let text = simdutf8::basic::from_utf8(body).map_err(|_| not_utf8(body))?;
    let first = text.bytes().find(|b| !b.is_ascii_whitespace()).ok_or(BadBody::Empty)?;
    if text.starts_with('\u{feff}') {
        return Err(BadBody::Marked);
    }
    let mut reader = Reader::new(text);
    if first != b'{' {
        return Err(explained(text, &reader).unwrap_or(BadBody::NotAnObject));
    }
    let mut found = Found::default();
    let read = reader.object(|reader, key| found.entry(reader, key, operation)).and_then(|()| reader.end());
    if read.is_err() {
        let (line, column) = place(text, reader.at());
        return Err(explained(text, &reader).unwrap_or(BadBody::NotJson { line, column }));
    }
    let inside = text.find('{').unwrap_or(0).saturating_add(1);
    Ok(Peek { inside, ..found.into_peek() })
}

/// Where a body stops being UTF-8; the quick check does not say.
fn not_utf8(body: &[u8]) -> BadBody {
    BadBody::NotUtf8 { at: std::str::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len) }
}

/// What is wrong with a text that was not read to its end; `None` if nothing is wrong with it as JSON.
fn explained(text: &str, reader: &Reader<'_>) -> Option<BadBody> {
    if reader.is_too_deep() {
        let (line, column) = place(text, reader.at());
        return Some(BadBody::TooDeep { line, column });
    }
    let mut whole = serde_json::Deserializer::from_str(text);
    let error = IgnoredAny::deserialize(&mut whole).and_then(|_| whole.end()).err()?;
    let (line, column) = (error.line(), error.column());
    Some(if error.is_eof() { BadBody::Truncated { line, column } } else { BadBody::NotJson { line, column } })
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(0, |end| end.saturating_add(1));
    (memchr::memchr_iter(b'\n', before).count().saturating_add(1), at.saturating_sub(start).max(1))
}

/// A top-level key that matters.
#[derive(Clone, Copy)]
enum Field {
    Model,
    Stream,
    StreamFormat,
    StreamOptions,
    Cap(usize),
    Choices(usize),
    Prompt(Kind),
    Instructions,
    PreviousResponse,
    Conversation,
    CacheKey,
    Voice,
    Sound,
    Other,
}

fn field(key: &str, operation: Operation) -> Field {
    use Operation::{
        Chat, Compact, Completions, Embeddings, ImageEdits, Images, InputTokens, Moderations, Responses, Run, Speech,
    };
    // What is built on stored state is the same in all that Responses offers.
    let responds = matches!(operation, Responses | Compact | InputTokens);
    match (key, operation) {
        ("model", _) => Field::Model,
        ("stream", _) => Field::Stream,
        ("stream_format", Speech) => Field::StreamFormat,
        ("stream_options", _) => Field::StreamOptions,
        ("max_tokens", Chat | Completions) => Field::Cap(0),
        ("max_completion_tokens", Chat | Run) => Field::Cap(1),
        ("max_output_tokens", Responses) => Field::Cap(2),
        ("n", Chat | Completions) => Field::Choices(0),
        ("best_of", Completions) => Field::Choices(1),
        ("messages", Chat) => Field::Prompt(Kind::Messages),
        ("input", _) if responds => Field::Prompt(Kind::Messages),
        ("prompt" | "suffix", Completions)
        | ("input", Embeddings | Moderations | Speech)
        | ("instructions", Speech)
        | ("prompt", Images | ImageEdits)
        // Pictures count for nothing, but those that are stored are named.
        | ("images" | "mask", ImageEdits)
        | ("instructions" | "additional_instructions" | "prompt", Run) => Field::Prompt(Kind::Text),
        ("prompt", _) if responds => Field::Prompt(Kind::Template),
        ("instructions", _) if responds => Field::Instructions,
        ("previous_response_id", _) if responds => Field::PreviousResponse,
        ("conversation", _) if responds => Field::Conversation,
        ("prompt_cache_key", Chat | Responses) => Field::CacheKey,
        ("voice", Speech) => Field::Voice,
        ("audio", Chat) => Field::Sound,
        ("functions" | "response_format", Chat) | ("additional_messages" | "thread" | "tools", Run) => {
            Field::Prompt(Kind::Schema)
        }
        ("tools", _) if responds || operation == Chat => Field::Prompt(Kind::Schema),
        ("text", _) if responds => Field::Prompt(Kind::Schema),
        _ => Field::Other,
    }
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Found {
    model: Option<String>,
    spans: Vec<Range<usize>>,
    has_options: bool,
    room: Option<Room>,
    has_members: bool,
    streaming: bool,
    asks_usage: bool,
    caps: [Option<u64>; 3],
    choices: [Option<u64>; 2],
    chars: u64,
    ties: Ties,
}

impl Found {
    fn into_peek(self) -> Peek {
        let Self { model, spans, has_options, room, has_members, streaming, asks_usage, caps, choices, chars, ties } =
            self;
        let output_cap = caps.into_iter().flatten().max();
        let choices = choices.into_iter().flatten().fold(1, u64::max);
        let size = RequestSize { prompt_chars: chars, output_cap, choices };
        Peek {
            model,
            model_spans: spans,
            inside: 0,
            is_empty: !has_members,
            has_options,
            room,
            streaming,
            asks_usage,
            size,
            affinity: ties.into_affinity(chars),
        }
    }
}

impl Found {
    /// A top-level key, and its value after it.
    fn entry(&mut self, reader: &mut Reader<'_>, key: Text<'_>, operation: Operation) -> Result<(), Malformed> {
        self.has_members = true;
        // Escaped keys (`"mod\u0065l"`) are read decoded, as the services see them.
        match field(&key.decoded(), operation) {
            Field::Prompt(kind) => self.count(reader, kind),
            Field::Instructions => {
                self.ties.begin_instructions();
                self.count(reader, Kind::Text)?;
                self.ties.end_instructions();
                Ok(())
            }
            Field::Other => reader.skip(),
            Field::Model => self.model(reader),
            Field::StreamOptions => {
                let text = reader.raw()?;
                let said = include_usage(text);
                (self.has_options, self.asks_usage) = (true, said == Some("true"));
                self.room = room(text, reader.at().saturating_sub(text.len())).filter(|_| said.is_none());
                Ok(())
            }
            known => {
                self.scalar(known, reader.raw()?);
                Ok(())
            }
        }
    }

    fn count(&mut self, reader: &mut Reader<'_>, kind: Kind) -> Result<(), Malformed> {
        let chars = characters(reader, kind, &mut self.ties)?;
        self.chars = self.chars.saturating_add(chars);
        Ok(())
    }

    fn model(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let is_string = reader.next()? == b'"';
        let start = reader.at();
        self.model = if is_string {
            Some(reader.string()?.decoded().into_owned())
        } else {
            reader.skip()?;
            None
        };
        self.spans.push(start..reader.at());
        Ok(())
    }

    fn scalar(&mut self, field: Field, text: &str) {
        match field {
            Field::Stream => self.streaming = text == "true",
            Field::StreamFormat => self.streaming = text == "\"sse\"",
            Field::Cap(place) => put(&mut self.caps, place, amount(text)),
            Field::Choices(place) => put(&mut self.choices, place, amount(text)),
            Field::PreviousResponse => self.ties.set_previous(text),
            Field::Conversation => self.ties.set_conversation(text),
            Field::CacheKey => self.ties.set_cache(text),
            Field::Voice => self.ties.speak(text),
            Field::Sound => voice_in(text, |voice| self.ties.speak(voice)),
            Field::Model | Field::StreamOptions | Field::Prompt(_) | Field::Instructions | Field::Other => {}
        }
    }
}

fn put(places: &mut [Option<u64>], place: usize, value: Option<u64>) {
    if let Some(slot) = places.get_mut(place) {
        *slot = value;
    }
}

/// Tells the `voice` of what a chat shall sound like.
fn voice_in(text: &str, tell: impl FnOnce(&str)) {
    #[derive(serde::Deserialize)]
    struct Sound<'a> {
        #[serde(borrow)]
        voice: &'a RawValue,
    }
    if let Some(sound) = object::fields::<Sound<'_>>(text.as_bytes()) {
        tell(sound.voice.get());
    }
}

/// What options say of usage, as it stands there.
fn include_usage(text: &str) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Options<'a> {
        #[serde(borrow, default)]
        include_usage: Option<&'a RawValue>,
    }
    object::fields::<Options<'_>>(text.as_bytes())?.include_usage.map(RawValue::get)
}

/// Where options that begin at `at` take one more member; `None`: they are nothing that has members.
fn room(text: &str, at: usize) -> Option<Room> {
    if text == "null" {
        return Some(Room { span: at..at.saturating_add(text.len()), wish: b"{\"include_usage\":true}" });
    }
    let inside = text.strip_prefix('{')?;
    let is_empty = inside.trim_start().starts_with('}');
    let wish = if is_empty { &b"\"include_usage\":true"[..] } else { b"\"include_usage\":true," };
    let place = at.saturating_add(1);
    // Two members of one name, of which this one says null: the last one counts.
    (!text.contains("include_usage")).then_some(Room { span: place..place, wish })
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
