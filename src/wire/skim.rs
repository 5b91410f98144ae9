//! Finds in an event of a Realtime session, whatever its length and however it is cut, its `type`, what it says was used, and what it
//! says of limits.
//!
//! Invariant: at most `KEPT` bytes of an event are held, and how it is cut changes nothing.
//! Absent on purpose: whether the event is sound JSON. Of one that is not, something may be read that is not there, which harms its
//! own service's figures alone.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use super::usage;
use crate::model::outcome::{HeaderFacts, LimitFacts};
use crate::model::usage::Usage;

/// As much of a value is held until its end; the longest that is looked for has some hundreds of bytes.
const KEPT: usize = 16 * 1024;

/// Reads along with one event.
#[derive(Debug, Default)]
pub(super) struct Skim {
    /// How many objects and lists are open.
    depth: u64,
    place: Place,
    /// The next string is a key, where keys are looked at.
    at_key: bool,
    /// The `response` object is open.
    in_response: bool,
    /// The member at hand, and the one that is held.
    member: Member,
    holds: Option<Held>,
    held: Vec<u8>,
    kind: Kind,
    /// Of the answer.
    used: Option<Usage>,
    /// Of the event itself.
    own: Option<Usage>,
    limits: Option<HeaderFacts>,
}

/// Which event it is, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    Begun,
    Piece,
    Answer,
    Transcript,
    Limits,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing of what was used.
    Nothing,
    /// An answer was begun; nothing of it is there yet.
    Begun,
    /// A piece of an answer: one token or more.
    Piece,
    /// An answer's end, and what it used.
    Answer(Option<Usage>),
    /// What was said is written down, and what that used.
    Transcript(Option<Usage>),
    /// What the session's limits are.
    Limits(HeaderFacts),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    InString,
    /// Behind a backslash in one.
    Escaped,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Member {
    Type,
    Response,
    Usage,
    Limits,
    #[default]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Key,
    Value,
}

impl Skim {
    /// Takes the next bytes.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.place == Place::InString {
                // Most of an event lies in strings, so they are searched for their end and not walked.
                let plain = memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
                if plain > 0 {
                    let (part, behind) = bytes.split_at(plain);
                    self.hold(part);
                    bytes = behind;
                    continue;
                }
            }
            self.step(byte);
            bytes = rest;
        }
    }

    /// What it told, once it is whole.
    pub(super) fn end(&self) -> Told {
        match self.kind {
            Kind::Other => Told::Nothing,
            Kind::Limits => self.limits.clone().map_or(Told::Nothing, Told::Limits),
            Kind::Begun => Told::Begun,
            Kind::Piece => Told::Piece,
            Kind::Answer => Told::Answer(self.used),
            Kind::Transcript => Told::Transcript(self.own),
        }
    }

    fn step(&mut self, byte: u8) {
        if self.place != Place::Outside {
            return self.in_string(byte);
        }
        match byte {
            b'"' => {
                self.place = Place::InString;
                if self.at_key {
                    self.begin(Held::Key);
                } else {
                    self.hold(b"\"");
                }
            }
            b':' if self.looks() => self.value(),
            b',' if self.looks() => {
                self.value_ends();
                self.at_key = true;
            }
            b'{' | b'[' => {
                self.hold(&[byte]);
                self.opens(byte == b'{');
            }
            b'}' | b']' => {
                if self.looks() {
                    self.value_ends();
                }
                self.hold(&[byte]);
                self.closes();
            }
            byte => self.hold(&[byte]),
        }
    }

    fn in_string(&mut self, byte: u8) {
        if self.place == Place::InString && byte == b'"' {
            self.place = Place::Outside;
            if self.holds == Some(Held::Key) {
                self.key_ends();
            } else {
                self.hold(b"\"");
            }
            return;
        }
        let escapes = self.place == Place::InString && byte == b'\\';
        self.place = if escapes { Place::Escaped } else { Place::InString };
        self.hold(&[byte]);
    }

    /// Whether members of what is open are looked at: those of the event and of its `response`.
    const fn looks(&self) -> bool {
        self.depth == 1 || (self.depth == 2 && self.in_response)
    }

    fn opens(&mut self, is_object: bool) {
        self.depth = self.depth.saturating_add(1);
        self.in_response |= self.depth == 2 && is_object && self.member == Member::Response;
        self.at_key = is_object && self.looks();
    }

    fn closes(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth < 2 {
            self.in_response = false;
        }
        self.at_key = false;
    }

    fn key_ends(&mut self) {
        self.member = match (self.depth, self.held.as_slice()) {
            (1, b"type") => Member::Type,
            (1, b"response") => Member::Response,
            (1 | 2, b"usage") => Member::Usage,
            (1, b"rate_limits") => Member::Limits,
            _ => Member::Other,
        };
        (self.at_key, self.holds) = (false, None);
    }

    /// The value of a member begins. The last of its name counts.
    fn value(&mut self) {
        match self.member {
            Member::Type => self.kind = Kind::Other,
            Member::Usage if self.depth == 1 => self.own = None,
            Member::Response | Member::Usage => self.used = None,
            Member::Limits => self.limits = None,
            Member::Other => {}
        }
        if matches!(self.member, Member::Type | Member::Usage | Member::Limits) {
            self.begin(Held::Value);
        }
    }

    fn value_ends(&mut self) {
        if self.holds.take() == Some(Held::Value) {
            match self.member {
                Member::Type => {
                    self.kind = match self.held.trim_ascii() {
                        b"\"response.created\"" => Kind::Begun,
                        b"\"response.done\"" | b"\"response.completed\"" => Kind::Answer,
                        b"\"conversation.item.input_audio_transcription.completed\"" => Kind::Transcript,
                        b"\"rate_limits.updated\"" => Kind::Limits,
                        name if name.starts_with(b"\"response.") && name.ends_with(b".delta\"") => Kind::Piece,
                        _ => Kind::Other,
                    };
                }
                Member::Usage if self.depth == 1 => self.own = usage::of_value(&self.held),
                Member::Usage => self.used = usage::of_value(&self.held),
                Member::Limits => self.limits = limits(&self.held),
                Member::Response | Member::Other => {}
            }
        }
        self.member = Member::Other;
    }

    fn begin(&mut self, what: Held) {
        self.holds = Some(what);
        self.held.clear();
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.holds.is_some() {
            // What is longer is cut, and so is none of what is looked for.
            let room = KEPT.saturating_sub(self.held.len()).min(bytes.len());
            let needed = self.held.len().saturating_add(room);
            if needed > self.held.capacity() {
                // Twice as much each time, but never more than is kept.
                let twice = self.held.capacity().saturating_mul(2).min(KEPT).max(needed);
                self.held.reserve_exact(twice.saturating_sub(self.held.len()));
            }
            self.held.extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
    }
}

/// The limits that a session tells of: names, figures and seconds until they are full again. What it tells of none is none.
fn limits(list: &[u8]) -> Option<HeaderFacts> {
    #[derive(Deserialize)]
    struct Limit<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(rename = "limit")]
        most: Option<u64>,
        remaining: Option<u64>,
        reset_seconds: Option<f64>,
    }
    let mut facts = HeaderFacts::default();
    for Limit { name, most, remaining, reset_seconds } in serde_json::from_slice::<Vec<Limit<'_>>>(list).ok()? {
        let pair = match &*name {
            "tokens" => &mut facts.tokens,
            "requests" => &mut facts.requests,
            _ => continue,
        };
        let reset = reset_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        *pair = LimitFacts { limit: most, remaining, reset };
    }
    (facts != HeaderFacts::default()).then_some(facts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn skimmed(text: &str, pieces: usize) -> (Told, Skim) {
        let mut skim = Skim::default();
        for piece in text.as_bytes().chunks(pieces) {
            skim.read(piece);
        }
        (skim.end(), skim)
    }

    #[test]
    fn an_answers_last_event_is_read_however_long_it_is_and_wherever_its_usage_stands() {
        let long = r#"\"usage\":{\\\""#.repeat(300_000);
        for text in [
            format!(
                r#"{{"type":"response.done","response":{{"output":["{long}"],"usage":{{"input_tokens":3,"output_tokens":4}}}}}}"#
            ),
            format!(
                r#"{{"response":{{"usage":{{"input_tokens":3,"output_tokens":4}},"output":[{{"usage":{{"input_tokens":99}}}},"{long}"]}},"type":"response.done"}}"#
            ),
        ] {
            for pieces in [1, 7, 16 * 1024] {
                let (told, skim) = skimmed(&text, pieces);
                let usage = Usage { input: 3, output: 4, exact: true, ..Usage::default() };
                assert_eq!(told, Told::Answer(Some(usage)));
                assert!(skim.held.capacity() <= KEPT, "{} bytes are held", skim.held.capacity());
            }
        }
    }

    #[test]
    fn nothing_grows_with_what_is_looked_for_either() {
        let text = format!(r#"{{"{0}":1,"type":"{0}","response":{{"usage":{{"{0}":1}}}}}}"#, "x".repeat(4_000_000));
        let (told, skim) = skimmed(&text, 5_000);
        assert_eq!((told, skim.used), (Told::Nothing, None));
        assert!(skim.held.capacity() <= KEPT, "{} bytes are held", skim.held.capacity());
    }

    const WRITTEN: &str = "conversation.item.input_audio_transcription.completed";

    fn value() -> impl Strategy<Value = Value> {
        let name = prop::sample::select(vec!["type", "response", "usage", "input_tokens", "output_tokens", "a\"b\\"]);
        let leaf = prop_oneof![
            any::<u32>().prop_map(Value::from),
            Just(Value::Null),
            prop::sample::select(vec![
                "response.created",
                "response.done",
                WRITTEN,
                "response.text.delta",
                "x,{\"usage\":",
                "\\",
                "}"
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..5).prop_map(|all| json!(all)),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_a_reading_of_the_whole_finds(event in value(), pieces in 1_usize..40, spaced: bool) {
            let text = if spaced { serde_json::to_string_pretty(&event) } else { serde_json::to_string(&event) }.unwrap();
            let (told, skim) = skimmed(&text, pieces);
            let (used, own) = (usage::of_response(text.as_bytes()), usage::top_level(text.as_bytes()));
            prop_assert_eq!((skim.used, skim.own), (used, own), "{}", text);
            prop_assert_eq!(told, match event.get("type").and_then(Value::as_str) {
                Some("response.created") => Told::Begun,
                Some("response.done") => Told::Answer(used),
                Some(WRITTEN) => Told::Transcript(own),
                Some("response.text.delta") => Told::Piece,
                _ => Told::Nothing,
            });
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, pieces in 1_usize..9) {
            let mut skim = Skim::default();
            bytes.chunks(pieces).for_each(|piece| skim.read(piece));
            let _ = skim.end();
        }
    }
}
