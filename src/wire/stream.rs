//! What a streamed answer tells as it passes: when it becomes decisive, whether it failed, what it used.
//!
//! Invariant: chunks are only read, never changed; once decisive, a stream stays decisive. An ordinary delta is searched
//! for a few words and not parsed.
//! Absent on purpose: holding chunks back and switching endpoints; that is the proxy's.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::sse::{Event, Splitter};
use super::stored::{Left, Stored};
use super::under_way::{self, Report};
use super::{failure, object, usage};
use crate::model::outcome::Failure;
use crate::model::profile::Operation;
use crate::model::usage::Usage;

/// Where a stream stands after what was read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Nothing yet that would bind the client to this endpoint: comments, Azure's filter results, `response.created` of one
    /// that is not in the background, and what only announces output (`StreamReader::announces`).
    Undecided,
    /// Output has begun, or work that goes on when nobody listens: the commit point is passed.
    Decisive,
    /// The service gave up before any output.
    Failed(Failure),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// Its final event came: `[DONE]` or the `finish_reason` of every choice, or `response.completed`, `incomplete` or `failed`.
    pub complete: bool,
    /// Nothing of it can be missing any more, however its transfer ends: `[DONE]`, or the end of a response, came whole.
    pub is_last: bool,
    /// Reported, or counted from the deltas and then marked "at least". `None` if nothing was put out.
    pub usage: Option<Usage>,
    /// The error event that came, before or after the commit point.
    pub failure: Option<Failure>,
    /// What it said last of work that goes on at its service when nobody listens.
    pub work: Option<Report>,
}

/// Reads along with one stream.
#[derive(Debug)]
pub struct StreamReader {
    splitter: Splitter,
    tally: Tally,
    /// Work that goes on without its listener was seen under way.
    bound: bool,
}

/// How much of what is generated was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Awaited,
    Announced,
    Met,
}

/// What was met of a stream's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    Nothing,
    /// Output is over, as far as can be told.
    Final,
    /// The one event came behind which there is none.
    Last,
}

#[derive(Debug)]
struct Tally {
    operation: Operation,
    /// How many choices were asked for, and the places of those that are finished where there are several.
    choices: u64,
    finished: BTreeSet<u64>,
    output: Output,
    end: Met,
    reported: Option<Usage>,
    /// Output deltas seen; each is one token or more.
    deltas: u64,
    failure: Option<Failure>,
    /// `response.failed` said no more than that; the cause may follow in an `error` event.
    awaiting_cause: bool,
    /// What is stored or sealed where the stream comes from.
    stored: Stored,
    /// Work that does not end with the stream.
    work: Option<Report>,
    /// Of the last event that has one.
    number: Option<u64>,
}

impl StreamReader {
    /// At the start of an answer to this operation.
    #[must_use]
    pub fn new(operation: Operation) -> Self {
        let tally = Tally {
            operation,
            choices: 1,
            finished: BTreeSet::new(),
            output: Output::Awaited,
            end: Met::Nothing,
            reported: None,
            deltas: 0,
            failure: None,
            awaiting_cause: false,
            stored: Stored::default(),
            work: None,
            number: None,
        };
        Self { splitter: Splitter::new(), tally, bound: false }
    }

    /// The same of an answer that is to have so many choices.
    #[must_use]
    pub fn of_choices(mut self, choices: u64) -> Self {
        self.tally.choices = choices;
        self
    }

    /// Reads the next bytes of the body, cut anywhere.
    pub fn read(&mut self, chunk: &[u8]) -> StreamState {
        let Self { splitter, tally, .. } = self;
        splitter.feed(chunk, |event| tally.event(event));
        self.state()
    }

    /// Reads a message of a WebSocket: one event without its frame.
    pub fn read_message(&mut self, data: &[u8]) -> StreamState {
        self.tally.event(Event { event: None, data });
        self.state()
    }

    fn state(&mut self) -> StreamState {
        // Such work is begun once, and its id is what the listener comes back with. What is over already when it is first heard of
        // binds nobody, nor does what failed with the same bytes.
        self.bound |= self.tally.failure.is_none() && self.tally.work.is_some_and(|work| work.is_under_way);
        if self.bound { StreamState::Decisive } else { self.tally.state() }
    }

    /// Whether output was met.
    #[must_use]
    pub const fn has_output(&self) -> bool {
        matches!(self.tally.output, Output::Met)
    }

    /// Whether output was announced and none of it is here: a choice's role, an item or a part that is still empty. A service that is
    /// full may say so right behind it.
    #[must_use]
    pub const fn announces(&self) -> bool {
        matches!(self.tally.output, Output::Announced)
    }

    /// Whether nothing more of this answer is to come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.tally.end > Met::Nothing || self.tally.failure.is_some()
    }

    /// Pieces of output that came so far; each is one token or more.
    #[must_use]
    pub const fn deltas(&self) -> u64 {
        self.tally.deltas
    }

    /// The `sequence_number` of the event that would come next; `None`: these events are not numbered.
    #[must_use]
    pub fn next_number(&self) -> Option<u64> {
        self.tally.number.map(|number| number.saturating_add(1))
    }

    /// Fingerprints of what was stored or sealed where the stream comes from, as far as it was met since the last call.
    #[must_use]
    pub fn take_stored(&mut self) -> Left {
        self.tally.stored.take()
    }

    /// The body is over, whether or not it was whole.
    #[must_use]
    pub fn finish(self) -> StreamEnd {
        let Self { mut splitter, mut tally, .. } = self;
        // What is left over may be the last event, cut.
        let is_last = tally.end == Met::Last;
        splitter.finish(|event| tally.event(event));
        let counted = Usage { output: tally.deltas, exact: false, ..Usage::default() };
        StreamEnd {
            complete: tally.end > Met::Nothing,
            is_last,
            usage: tally.reported.or((tally.deltas > 0).then_some(counted)),
            failure: tally.failure,
            work: tally.work,
        }
    }
}

impl Tally {
    fn state(&self) -> StreamState {
        match &self.failure {
            _ if self.output == Output::Met => StreamState::Decisive,
            Some(failure) if !self.awaiting_cause => StreamState::Failed(failure.clone()),
            _ => StreamState::Undecided,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if matches!(self.operation, Operation::Responses | Operation::Stored) {
            self.number = number_of(event.data).or(self.number);
        }
        match self.operation {
            Operation::Responses => self.response_event(event),
            Operation::Chat | Operation::Completions | Operation::Embeddings => self.chunk(event),
            _ => self.typed_event(event),
        }
    }

    /// Output is here, unless the service gave up before.
    fn meet(&mut self) {
        if self.failure.is_none() {
            self.output = Output::Met;
        }
    }

    fn failed(&mut self, failure: Failure, awaiting_cause: bool) {
        // The first cause that is told stands.
        if self.failure.is_none() || self.awaiting_cause {
            self.failure = Some(failure);
            self.awaiting_cause = awaiting_cause;
        }
    }

    /// An event of chat and completions.
    fn chunk(&mut self, Event { event, data }: Event<'_>) {
        if data == b"[DONE]" {
            self.end = Met::Last;
            return;
        }
        if event == Some("error") || (has(data, b"\"error\"") && says_error(data)) {
            return self.failed(failure::of_event(data), false);
        }
        if has(data, b"\"usage\"")
            && let Some(usage) = usage::top_level(data)
        {
            self.reported = Some(usage);
        }
        // Azure opens with its verdict on the prompt, in a chunk without choices.
        if self.output != Output::Met && !is_torn(data) && !without_choices(data) {
            if announces_choices(data) {
                self.output = Output::Announced;
            } else {
                self.meet();
            }
        }
        // Some compatible services end here, without `[DONE]`; the answer is whole all the same.
        if has_text(data, b"\"finish_reason\":") && (self.choices <= 1 || self.all_finished(data)) {
            self.end = self.end.max(Met::Final);
        }
        if self.operation == Operation::Chat {
            self.stored.read_chat(data);
        }
        if DELTA_KEYS.iter().any(|key| has_text(data, key)) {
            self.deltas = self.deltas.saturating_add(1);
        }
    }

    /// Whether each of several choices is finished, those of this chunk included.
    fn all_finished(&mut self, data: &[u8]) -> bool {
        for choice in choices(data).unwrap_or_default().iter().filter(|choice| choice.finish_reason.is_some()) {
            if self.finished.len() < MOST_CHOICES {
                self.finished.insert(choice.index);
            }
        }
        self.finished.len() as u64 >= self.choices
    }

    /// An event of audio, images and whatever else has events with a type.
    fn typed_event(&mut self, Event { event, data }: Event<'_>) {
        let named = event.map_or_else(|| kind(data), |event| Some(event.into()));
        let name = named.as_deref().unwrap_or_default();
        if data == b"[DONE]" {
            self.end = Met::Last;
            return;
        }
        if name == "error" || (has(data, b"\"error\"") && says_error(data)) {
            return self.failed(failure::of_event(data), false);
        }
        if has(data, b"\"usage\"") && self.operation != Operation::Stored {
            self.reported = usage::top_level(data).or_else(|| usage::of_response(data)).or(self.reported);
        }
        // Runs, and responses that are resumed, name what they make; what it cost was counted where it was begun.
        if matches!(self.operation, Operation::Stored | Operation::Run) && has(data, b"\"id\"") {
            self.stored.read_object(data);
            if has(data, b"\"thread.run\"") || has(data, b"\"response\"") {
                self.work = under_way::of_event(data).or(self.work);
            }
        }
        self.meet();
        if ends(name) {
            self.end = self.end.max(Met::Final);
        }
    }

    fn response_over(&mut self, data: &[u8]) {
        self.end = Met::Last;
        self.reported = usage::of_response(data).or(self.reported);
        self.work = self.work.map(|work| Report { is_under_way: false, usage: self.reported, ..work });
    }

    /// An event of Responses.
    fn response_event(&mut self, Event { event, data }: Event<'_>) {
        let named = event.map_or_else(|| kind(data), |event| Some(event.into()));
        let name = named.as_deref().unwrap_or_default();
        match name {
            "response.created" | "response.queued" => {
                self.stored.read_event(data);
                self.work = under_way::of_event(data).or(self.work);
            }
            "response.in_progress" | "keepalive" | "ping" => {}
            "response.output_item.added" | "response.content_part.added" | "response.reasoning_summary_part.added" => {
                self.output = if self.output == Output::Met { Output::Met } else { Output::Announced };
            }
            "response.completed" | "response.incomplete" => {
                self.meet();
                self.response_over(data);
            }
            "response.failed" => {
                self.response_over(data);
                self.failed(failure::of_event(data), !tells_cause(data));
            }
            "error" => self.failed(failure::of_event(data), false),
            // From a service in pieces; another one may still answer.
            "" if data == b"[DONE]" || is_torn(data) => {}
            "" if says_error(data) => self.failed(failure::of_event(data), false),
            _ => {
                if name == "response.output_item.done" {
                    self.stored.read_item_event(data);
                }
                self.meet();
                self.deltas = self.deltas.saturating_add(u64::from(name.rsplit('.').next() == Some("delta")));
            }
        }
    }
}

/// Whether an event of this name is its stream's last: `response.completed`, `thread.run.failed`, and elsewhere `transcript.text.done`,
/// `speech.audio.done`, `image_generation.completed`. Within responses and runs, parts and steps end before the whole.
fn ends(name: &str) -> bool {
    let (what, how) = name.rsplit_once('.').unwrap_or(("", name));
    match what {
        "response" => matches!(how, "completed" | "incomplete" | "failed" | "cancelled"),
        "thread.run" => {
            matches!(how, "completed" | "incomplete" | "failed" | "cancelled" | "expired" | "requires_action")
        }
        _ if what.starts_with("response.") || what.starts_with("thread.") => false,
        _ => matches!(how, "done" | "completed" | "incomplete" | "failed"),
    }
}

/// Whether a whole event carries what was generated, unlike errors and whatever comes before any output.
#[must_use]
pub fn bears_output(event: &[u8], operation: Operation) -> bool {
    let mut reader = StreamReader::new(operation);
    let _ = reader.read(event);
    reader.has_output()
}

/// As many choices of one answer are told apart; services make fewer.
const MOST_CHOICES: usize = 1024;
/// Keys whose non-empty text means that output was generated.
const DELTA_KEYS: [&[u8]; 5] =
    [b"\"content\":", b"\"text\":", b"\"arguments\":", b"\"reasoning_content\":", b"\"refusal\":"];

fn has(data: &[u8], word: &[u8]) -> bool {
    memmem::find(data, word).is_some()
}

/// Whether a key is followed by a string that is not empty. Text generated by the model cannot look like a key: its
/// quotes are escaped.
fn has_text(data: &[u8], key: &[u8]) -> bool {
    memmem::find_iter(data, key).any(|place| {
        let value = data.get(place.saturating_add(key.len())..).unwrap_or_default().trim_ascii_start();
        matches!(value, [b'"', next, ..] if *next != b'"')
    })
}

/// An event's `sequence_number`. Text generated by the model cannot look like it, see above.
fn number_of(data: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"sequence_number\":";
    let rest = data.get(memmem::find(data, KEY)?.saturating_add(KEY.len())..)?.trim_ascii_start();
    let digits = rest.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

fn envelope(data: &[u8]) -> Envelope<'_> {
    object::fields(data).unwrap_or_default()
}

/// What tells of one choice whether it has begun and ended.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    index: u64,
    delta: BTreeMap<String, Value>,
    text: Value,
    message: Value,
    finish_reason: Option<Value>,
}

fn choices(data: &[u8]) -> Option<Vec<Choice>> {
    serde_json::from_str(envelope(data).choices?.get()).ok()
}

/// Whether the choices of a chunk say that they begin, or what a filter thinks of them, and nothing else.
fn announces_choices(data: &[u8]) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let begins = |choice: &Choice| {
        let mut members = choice.delta.iter().filter(|(name, _)| *name != "role").map(|(_, value)| value);
        choice.finish_reason.is_none()
            && is_nothing(&choice.text)
            && is_nothing(&choice.message)
            && members.all(is_nothing)
    };
    choices(data).is_some_and(|choices| choices.iter().all(begins))
}

/// The `type` of an event, or of a message of a WebSocket; what is no object has none.
#[must_use]
pub fn kind(data: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    envelope(data).kind
}

/// A top-level `error` that is not null.
fn says_error(data: &[u8]) -> bool {
    envelope(data).error.is_some()
}

/// `response.failed` with an error in it.
fn tells_cause(data: &[u8]) -> bool {
    let envelope = envelope(data);
    envelope.error.is_some() || envelope.response.is_some_and(|response| says_error(response.get().as_bytes()))
}

/// A chat chunk that tells what the answer cost and nothing else.
pub(super) fn is_usage_alone(data: &[u8]) -> bool {
    without_choices(data) && usage::top_level(data).is_some()
}

/// Whether it begins as a JSON object and does not end as one.
fn is_torn(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    data.first() == Some(&b'{') && data.last() != Some(&b'}')
}

fn without_choices(data: &[u8]) -> bool {
    envelope(data).choices.is_some_and(|choices| {
        let inside = choices.get().trim_start_matches('[').trim_end_matches(']');
        inside.trim().is_empty()
    })
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
