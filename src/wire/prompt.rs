//! How many characters of text a prompt holds, counted while its JSON is scanned, and what it is tied to.
//!
//! Invariant: nothing is kept or copied but fingerprints; the depth of the scan is bounded by `serde_json`'s recursion
//! limit.
//! Absent on purpose: tokens. Exact counting costs a hundred times the hop; policy estimates from characters.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ties::{Label, Ties};

/// What a number in a prompt counts for: there it is a token id.
const CHARS_PER_TOKEN_ID: u64 = 4;

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

/// A seed that reads any JSON value and gives the characters in it.
#[derive(Debug)]
pub(super) struct Characters<'t> {
    kind: Kind,
    level: Level,
    ties: &'t mut Ties,
}

impl<'t> Characters<'t> {
    /// The value of a field of this kind.
    pub(super) const fn new(kind: Kind, ties: &'t mut Ties) -> Self {
        let level = if matches!(kind, Kind::Messages) { Level::Field } else { Level::Inside };
        Self { kind, level, ties }
    }

    const fn at(&mut self, level: Level) -> Characters<'_> {
        Characters { kind: self.kind, level, ties: self.ties }
    }
}

impl<'de> DeserializeSeed<'de> for Characters<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Characters<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<u64, E> {
        if is_data_url(text) {
            return Ok(0);
        }
        match (self.level, self.kind) {
            (Level::Stored, _) => self.ties.refer(text),
            (Level::Field, _) => self.ties.only_text(text),
            (_, Kind::Schema) => {}
            (Level::Item | Level::Inside, _) => self.ties.text(text),
        }
        Ok(characters(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_u64<E>(self, _: u64) -> Result<u64, E> {
        Ok(CHARS_PER_TOKEN_ID)
    }

    fn visit_i64<E>(self, _: i64) -> Result<u64, E> {
        Ok(CHARS_PER_TOKEN_ID)
    }

    fn visit_f64<E>(self, _: f64) -> Result<u64, E> {
        Ok(CHARS_PER_TOKEN_ID)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<u64, A::Error> {
        let level = if self.level == Level::Field { Level::Item } else { self.level };
        let mut sum = 0_u64;
        while let Some(count) = items.next_element_seed(self.at(level))? {
            sum = sum.saturating_add(count);
        }
        Ok(sum)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<u64, A::Error> {
        let is_item = self.level == Level::Item;
        if is_item {
            self.ties.begin_item();
        }
        let mut sum = 0_u64;
        while let Some(key) = entries.next_key_seed(Key { kind: self.kind, is_item })? {
            let count = match key {
                Meaning::Nothing => {
                    entries.next_value::<IgnoredAny>()?;
                    0
                }
                Meaning::Label(label) => {
                    entries.next_value_seed(Labelled { label, ties: self.ties })?;
                    0
                }
                Meaning::Text(name) => entries.next_value_seed(self.at(Level::Inside))?.saturating_add(name),
                Meaning::Stored(name) => entries.next_value_seed(self.at(Level::Stored))?.saturating_add(name),
            };
            sum = sum.saturating_add(count);
        }
        if is_item {
            self.ties.end_item();
        }
        Ok(sum)
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
    /// No text for the model, and no label that matters.
    Nothing,
}

struct Key {
    kind: Kind,
    is_item: bool,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Meaning;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Meaning, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Meaning;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Meaning, E> {
        if self.kind == Kind::Schema {
            let stored = matches!(key, "file_ids" | "vector_store_ids" | "container" | "container_id");
            return Ok(if stored { Meaning::Stored(characters(key)) } else { Meaning::Text(characters(key)) });
        }
        Ok(match key {
            "role" if self.is_item => Meaning::Label(Label::Role),
            "type" if self.is_item => Meaning::Label(Label::Type),
            "id" if self.is_item => Meaning::Label(Label::Id),
            "id" if self.kind == Kind::Template => Meaning::Label(Label::Stored),
            "file_id" => Meaning::Label(Label::Stored),
            "encrypted_content" => Meaning::Stored(0),
            // Labels, ids, pictures, sound and files.
            "role" | "type" | "id" | "call_id" | "tool_call_id" | "status" | "detail" | "image_url" | "input_audio"
            | "file_data" => Meaning::Nothing,
            _ => Meaning::Text(0),
        })
    }
}

/// Reads a label's value if it is a string, and passes over any other.
struct Labelled<'t> {
    label: Label,
    ties: &'t mut Ties,
}

impl<'de> DeserializeSeed<'de> for Labelled<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Labelled<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.ties.label(self.label, text);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

fn is_data_url(text: &str) -> bool {
    let start = text.as_bytes().get(..text.len().min(128)).unwrap_or_default();
    start.starts_with(b"data:") && memchr::memmem::find(start, b";base64,").is_some()
}

fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
