//! A form with files in it, read as it passes: which model it names and where, and the few fields that matter.
//!
//! Invariant: memory stays bounded whatever is sent, how the bytes are cut changes nothing, and of a field that stands twice the
//! last value counts while all its places are told.
//! Absent on purpose: files. Their bytes are searched for the boundary and nothing else.

use std::ops::Range;

use memchr::memmem;

use super::{fingerprint, mentions, session};

/// The longest head of a part that is read.
const LONGEST_HEAD: usize = 16 * 1024;
/// The longest value that is read; models, flags and prompts stay far below.
const LONGEST_VALUE: usize = 64 * 1024;
/// The longest boundary: RFC 2046 allows 70 bytes.
const LONGEST_BOUNDARY: usize = 200;
/// As many ids are taken from one form.
const NAMED: usize = 16;
/// A CRLF before the first byte lets the first boundary look like all the others.
const LEAD: u64 = 2;

/// What a form says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The `model` field.
    pub model: Option<String>,
    /// The places of every `model` value in the body, in order.
    pub model_spans: Vec<Range<u64>>,
    /// The model of a `session`, which is JSON, and its place in the body, quotes included.
    pub session_model: Option<(String, Range<u64>)>,
    /// Fingerprints of the ids that its fields name.
    pub named: Vec<u64>,
    /// `stream` is true.
    pub streaming: bool,
    /// Characters of `prompt`.
    pub prompt_chars: u64,
    /// Where another part may be put in: before the first boundary. `None` if there is none.
    pub opening: Option<u64>,
}

/// Reads along with one form.
#[derive(Debug)]
pub struct FormReader {
    /// CRLF, two hyphens, the boundary.
    delimiter: Vec<u8>,
    /// What came and is not decided yet.
    window: Vec<u8>,
    /// Place of the window's first byte, [`LEAD`] added.
    base: u64,
    state: State,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a part, or before the first, that is passed over.
    Passing,
    /// Just behind a boundary.
    Behind,
    /// In a part's head.
    Head,
    /// In a value that is read; it began here.
    Value(Field, u64),
    /// Behind the last boundary.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Model,
    Stream,
    Prompt,
    Session,
    /// It names something that is stored.
    Name,
}

impl FormReader {
    /// For a body of this `Content-Type`; `None` if it is no form or names no boundary.
    #[must_use]
    pub fn new(content_type: &str) -> Option<Self> {
        let boundary = boundary(content_type)?;
        let mut delimiter = Vec::with_capacity(boundary.len().saturating_add(4));
        delimiter.extend_from_slice(b"\r\n--");
        delimiter.extend_from_slice(boundary.as_bytes());
        Some(Self { delimiter, window: b"\r\n".to_vec(), base: 0, state: State::Passing, form: Form::default() })
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.state == State::Over {
            return;
        }
        self.window.extend_from_slice(chunk);
        while self.step() {}
    }

    /// What was read.
    #[must_use]
    pub fn finish(self) -> Form {
        self.form
    }

    /// One step on; false if more bytes are needed.
    fn step(&mut self) -> bool {
        match self.state {
            State::Passing => self.pass(),
            State::Behind => self.behind(),
            State::Head => self.head(),
            State::Value(field, start) => self.value(field, start),
            State::Over => {
                self.window = Vec::new();
                false
            }
        }
    }

    fn found(&self) -> Option<usize> {
        memmem::find(&self.window, &self.delimiter)
    }

    fn consume(&mut self, count: usize) {
        self.window.drain(..count.min(self.window.len()));
        self.base = self.base.saturating_add(count as u64);
    }

    fn pass(&mut self) -> bool {
        let Some(at) = self.found() else {
            // A boundary may have begun in the last bytes.
            let undecided = self.delimiter.len().saturating_sub(1);
            self.consume(self.window.len().saturating_sub(undecided));
            return false;
        };
        let opening = self.base.saturating_add(at as u64);
        self.form.opening = self.form.opening.or(Some(opening));
        self.consume(at.saturating_add(self.delimiter.len()));
        self.state = State::Behind;
        true
    }

    fn behind(&mut self) -> bool {
        match self.window.as_slice() {
            [b'\r', b'\n', ..] => {
                // The line's end stays: a part without any headers has an empty line at once.
                self.state = State::Head;
                true
            }
            [b'-', b'-', ..] => {
                self.state = State::Over;
                true
            }
            [b' ' | b'\t', ..] => {
                self.consume(1);
                true
            }
            [] | [b'\r' | b'-'] => false,
            // Longer than the boundary: it was part of a value after all.
            _ => {
                self.state = State::Passing;
                true
            }
        }
    }

    fn head(&mut self) -> bool {
        let Some(end) = memmem::find(&self.window, b"\r\n\r\n") else {
            if self.window.len() <= LONGEST_HEAD {
                return false;
            }
            self.state = State::Passing;
            return true;
        };
        let field = field(self.window.get(..end).unwrap_or_default());
        self.consume(end.saturating_add(4));
        self.state = field.map_or(State::Passing, |field| State::Value(field, self.base));
        true
    }

    fn value(&mut self, field: Field, start: u64) -> bool {
        let Some(at) = self.found() else {
            if self.window.len() <= LONGEST_VALUE {
                return false;
            }
            self.state = State::Passing;
            return true;
        };
        let value = String::from_utf8_lossy(self.window.get(..at).unwrap_or_default()).into_owned();
        let end = start.saturating_add(at as u64);
        match field {
            Field::Model => {
                self.form.model_spans.push(start.saturating_sub(LEAD)..end.saturating_sub(LEAD));
                self.form.model = Some(value);
            }
            Field::Stream => self.form.streaming = value.trim() == "true",
            Field::Prompt => self.form.prompt_chars = value.chars().count() as u64,
            Field::Session => {
                let place = start.saturating_sub(LEAD);
                self.form.session_model = session::model(value.as_bytes()).map(|named| {
                    let at = |offset: usize| place.saturating_add(offset as u64);
                    (named.model, at(named.span.start)..at(named.span.end))
                });
            }
            Field::Name => {
                let key = fingerprint::of(value.as_bytes());
                if !value.is_empty() && self.form.named.len() < NAMED && !self.form.named.contains(&key) {
                    self.form.named.push(key);
                }
            }
        }
        self.state = State::Passing;
        true
    }
}

/// A part that names a model, to be put in at [`Form::opening`]; `None` if the name cannot stand in a form.
#[must_use]
pub fn model_part(content_type: &str, model: &str) -> Option<Vec<u8>> {
    let sound = !model.contains(['\r', '\n']);
    let boundary = boundary(content_type).filter(|_| sound)?;
    Some(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n").into_bytes())
}

/// The boundary of a `multipart/form-data`.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (!value.is_empty() && value.len() <= LONGEST_BOUNDARY).then_some(value)
}

/// The field that a part's head announces, if it is read.
fn field(head: &[u8]) -> Option<Field> {
    let head = std::str::from_utf8(head).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let mut pairs = disposition.split(';').filter_map(|pair| pair.split_once('='));
    let is_file = pairs.clone().any(|(name, _)| name.trim().to_ascii_lowercase().starts_with("filename"));
    let name = pairs.find_map(|(name, value)| name.trim().eq_ignore_ascii_case("name").then_some(value))?;
    match name.trim().trim_matches('"') {
        "model" => Some(Field::Model),
        "stream" => Some(Field::Stream),
        "prompt" => Some(Field::Prompt),
        "session" => Some(Field::Session),
        // A form's `file` is one, whether it has a name or not.
        name if mentions::is_name(name.strip_suffix("[]").unwrap_or(name)) && !is_file && name != "file" => {
            Some(Field::Name)
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "multipart_tests.rs"]
mod tests;
