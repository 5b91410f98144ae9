//! How many characters of text a prompt holds, counted while its JSON is read, and what it is tied to.
//!
//! Invariant: nothing is kept or copied but fingerprints; the depth of the walk is bounded by the reader's.
//! Absent on purpose: tokens. Exact counting costs a hundred times the hop; policy estimates from characters.

use super::json::{Malformed, Reader, Text};
use super::ties::{Label, TEXT_READ, Ties};

/// What a number in a prompt counts for: there it is a token id.
const CHARS_PER_TOKEN_ID: u64 = 4;
/// As much of a string tells whether it is a picture or sound.
const DATA_URL_READ: usize = 128;

/// Which strings of a field the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages and inputs: values, without labels such as `role` and without pictures and sound.
    Text,
    /// The same, as a list of messages or items, or as the user's only text.
    Messages,
    /// A stored template, named by its `id`, and what is to be filled in.
    Template,
    /// Tool and output schemas: names of keys too.
    Schema,
}

/// Where in a field a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// It is the field's own.
    Field,
    /// It is a message or item.
    Item,
    /// It lies within one, or anywhere in another kind of field.
    Inside,
    /// It is, or lists, what the service stored or sealed.
    Stored,
}

/// The characters in the value of a field of this kind; what it is tied to goes to `ties`.
pub(super) fn characters(reader: &mut Reader<'_>, kind: Kind, ties: &mut Ties) -> Result<u64, Malformed> {
    let level = if kind == Kind::Messages { Level::Field } else { Level::Inside };
    Prompt { kind, ties }.value(reader, level)
}

struct Prompt<'t> {
    kind: Kind,
    ties: &'t mut Ties,
}

impl Prompt<'_> {
    fn value(&mut self, reader: &mut Reader<'_>, level: Level) -> Result<u64, Malformed> {
        match reader.next()? {
            b'"' => Ok(self.string(reader.string()?, level)),
            b'{' => self.object(reader, level),
            b'[' => {
                let inside = if level == Level::Field { Level::Item } else { level };
                let mut sum = 0_u64;
                reader.array(|reader| {
                    sum = sum.saturating_add(self.value(reader, inside)?);
                    Ok(())
                })?;
                Ok(sum)
            }
            first => {
                reader.skip()?;
                Ok(if first == b'-' || first.is_ascii_digit() { CHARS_PER_TOKEN_ID } else { 0 })
            }
        }
    }

    fn string(&mut self, text: Text<'_>, level: Level) -> u64 {
        if is_data_url(text) {
            return 0;
        }
        match (level, self.kind) {
            // Of a tool these are names, of an item what the service has sealed.
            (Level::Stored, kind) => self.ties.refer(&text.beginning(usize::MAX), kind != Kind::Schema),
            (Level::Field, _) => self.ties.only_text(&text.beginning(TEXT_READ)),
            (_, Kind::Schema) => {}
            (Level::Item | Level::Inside, _) if self.ties.wants_text() => self.ties.text(&text.beginning(TEXT_READ)),
            (Level::Item | Level::Inside, _) => {}
        }
        text.chars()
    }

    fn object(&mut self, reader: &mut Reader<'_>, level: Level) -> Result<u64, Malformed> {
        let is_item = level == Level::Item;
        if is_item {
            self.ties.begin_item();
        }
        let mut sum = 0_u64;
        reader.object(|reader, key| {
            let count = match self.meaning(key, is_item) {
                Meaning::Nothing => reader.skip().map(|()| 0),
                Meaning::Label(label) => self.label(reader, label).map(|()| 0),
                Meaning::Sound => reader.raw().map(|sound| self.ties.refer_to(sound)).map(|()| 0),
                Meaning::Text(name) => self.value(reader, Level::Inside).map(|count| count.saturating_add(name)),
                Meaning::Stored(name) => self.value(reader, Level::Stored).map(|count| count.saturating_add(name)),
            };
            sum = sum.saturating_add(count?);
            Ok(())
        })?;
        if is_item {
            self.ties.end_item();
        }
        Ok(sum)
    }

    fn meaning(&self, key: Text<'_>, is_item: bool) -> Meaning {
        let name = key.decoded();
        if self.kind == Kind::Schema {
            let stored = matches!(&*name, "file_ids" | "vector_store_ids" | "container" | "container_id");
            return if stored { Meaning::Stored(key.chars()) } else { Meaning::Text(key.chars()) };
        }
        match &*name {
            "role" if is_item => Meaning::Label(Label::Role),
            "type" if is_item => Meaning::Label(Label::Type),
            "id" if is_item => Meaning::Label(Label::Id),
            "audio" if is_item => Meaning::Sound,
            "id" if self.kind == Kind::Template => Meaning::Label(Label::Stored),
            "file_id" => Meaning::Label(Label::Stored),
            "encrypted_content" => Meaning::Stored(0),
            // Labels, ids, pictures, sound and files.
            "role" | "type" | "id" | "call_id" | "tool_call_id" | "status" | "detail" | "image_url" | "input_audio"
            | "file_data" => Meaning::Nothing,
            _ => Meaning::Text(0),
        }
    }

    /// A label's value if it is a string; any other is passed over.
    fn label(&mut self, reader: &mut Reader<'_>, label: Label) -> Result<(), Malformed> {
        if reader.next()? != b'"' {
            return reader.skip();
        }
        self.ties.label(label, &reader.string()?.decoded());
        Ok(())
    }
}

/// What a key says of its value.
#[derive(Clone, Copy)]
enum Meaning {
    /// Text for the model; the key itself counts for so many characters.
    Text(u64),
    /// The same, and what it is or lists was stored or sealed by the service.
    Stored(u64),
    /// A label of the item, no text for the model.
    Label(Label),
    /// What an earlier answer sounded like: it is kept at the service under its `id`.
    Sound,
    /// No text for the model, and no label that matters.
    Nothing,
}

fn is_data_url(text: Text<'_>) -> bool {
    if !text.may_start_with("data:") {
        return false;
    }
    let beginning = text.beginning(DATA_URL_READ);
    let start = beginning.get(..beginning.len().min(DATA_URL_READ)).unwrap_or_default();
    start.starts_with(b"data:") && memchr::memmem::find(start, b";base64,").is_some()
}
