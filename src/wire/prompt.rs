//! How many characters of text a prompt holds, counted while its JSON is scanned.
//!
//! Invariant: nothing is kept or copied; the depth of the scan is bounded by `serde_json`'s recursion limit.
//! Absent on purpose: tokens. Exact counting costs a hundred times the hop; policy estimates from characters.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a number in a prompt counts for: there it is a token id.
const CHARS_PER_TOKEN_ID: u64 = 4;

/// Which strings of a field the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages and inputs: values, without labels such as `role` and without pictures and sound.
    Text,
    /// Tool and output schemas: names of keys too.
    Schema,
}

/// A seed that reads any JSON value and gives the characters in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Characters(pub(super) Kind);

impl<'de> DeserializeSeed<'de> for Characters {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Characters {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<u64, E> {
        Ok(if is_data_url(text) { 0 } else { characters(text) })
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut sum = 0_u64;
        while let Some(count) = items.next_element_seed(self)? {
            sum = sum.saturating_add(count);
        }
        Ok(sum)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<u64, A::Error> {
        let mut sum = 0_u64;
        while let Some(key) = entries.next_key_seed(Key(self.0))? {
            let Some(name) = key else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let count = entries.next_value_seed(self)?.saturating_add(name);
            sum = sum.saturating_add(count);
        }
        Ok(sum)
    }
}

/// Reads a key: the characters it counts for, or `None` if its value is not text for the model.
struct Key(Kind);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(match self.0 {
            Kind::Schema => Some(characters(key)),
            Kind::Text if is_label(key) => None,
            Kind::Text => Some(0),
        })
    }
}

/// Keys of messages and items whose values are labels, ids, pictures, sound or files.
fn is_label(key: &str) -> bool {
    matches!(
        key,
        "role"
            | "type"
            | "id"
            | "call_id"
            | "tool_call_id"
            | "status"
            | "detail"
            | "image_url"
            | "input_audio"
            | "file_data"
            | "file_id"
    )
}

fn is_data_url(text: &str) -> bool {
    let start = text.as_bytes().get(..text.len().min(128)).unwrap_or_default();
    start.starts_with(b"data:") && memchr::memmem::find(start, b";base64,").is_some()
}

fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
