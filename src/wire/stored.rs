//! What an answer says was stored or sealed where it came from: of Responses its id, its conversation, its items; of chat its sound.
//!
//! Invariant: fingerprints only, a bounded number an answer; what cannot be read is passed over.
//! Absent on purpose: the other operations. Their answers leave nothing behind that a later request could name.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{fingerprint, object};

/// As many fingerprints are taken from one answer.
const AT_MOST: usize = 64;

/// Fingerprints of what an answer left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// What is kept there under its id.
    pub stored: Vec<u64>,
    /// What is sealed for whoever asked, wherever it is kept.
    pub sealed: Vec<u64>,
}

/// The same of a chat's answer in one piece: sound that a later message may name.
#[must_use]
pub fn of_chat(body: &[u8]) -> Left {
    let mut stored = Stored::default();
    stored.read_chat(body);
    stored.take()
}

/// What one answer left behind, as it is read.
#[derive(Debug, Default)]
pub(super) struct Stored {
    left: Left,
    taken: usize,
    /// The answer said that nothing is stored: then ids are but names, and only what is sealed is bound.
    forgets: bool,
    named: bool,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    conversation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    store: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    container_id: Option<&'a RawValue>,
}

/// The fingerprints in an answer that came in one piece.
#[must_use]
pub fn of_body(body: &[u8]) -> Left {
    let mut stored = Stored::default();
    stored.read_response(body);
    stored.take()
}

impl Stored {
    /// A whole response, or one that has just begun.
    pub(super) fn read_response(&mut self, json: &[u8]) {
        let Some(response) = object::fields::<Response<'_>>(json) else { return };
        self.forgets = response.store.is_some_and(|store| store.get() == "false");
        self.named = true;
        if !self.forgets {
            self.keep(response.id);
            self.keep(response.conversation);
        }
        let items = response.output.and_then(|output| serde_json::from_str::<Vec<&RawValue>>(output.get()).ok());
        for item in items.unwrap_or_default() {
            self.read_item(item.get().as_bytes());
        }
    }

    /// An answer or a chunk of chat: what sounds.
    pub(super) fn read_chat(&mut self, json: &[u8]) {
        #[derive(Deserialize)]
        struct Chat<'a> {
            #[serde(borrow)]
            choices: Vec<Choice<'a>>,
        }
        #[derive(Deserialize)]
        struct Choice<'a> {
            #[serde(borrow, default, alias = "delta")]
            message: Option<Said<'a>>,
        }
        #[derive(Deserialize)]
        struct Said<'a> {
            #[serde(borrow, default)]
            audio: Option<&'a RawValue>,
        }
        // Most answers are words, and are not read for it.
        if memchr::memmem::find(json, b"\"audio\"").is_none() {
            return;
        }
        let choices = object::fields::<Chat<'_>>(json).map(|chat| chat.choices).unwrap_or_default();
        for sound in choices.into_iter().filter_map(|choice| choice.message?.audio) {
            self.keep(Some(sound));
        }
    }

    /// An event that carries a response.
    pub(super) fn read_event(&mut self, json: &[u8]) {
        #[derive(Deserialize)]
        struct Event<'a> {
            #[serde(borrow)]
            response: Option<&'a RawValue>,
        }
        if let Some(response) = object::fields::<Event<'_>>(json).and_then(|event| event.response)
            && !self.named
        {
            self.read_response(response.get().as_bytes());
        }
    }

    /// An object of any other kind: everything it names.
    pub(super) fn read_object(&mut self, json: &[u8]) {
        for key in super::mentions::of_json(json) {
            self.add(key, false);
        }
    }

    /// An event that carries an item that is done.
    pub(super) fn read_item_event(&mut self, json: &[u8]) {
        #[derive(Deserialize)]
        struct Event<'a> {
            #[serde(borrow)]
            item: Option<&'a RawValue>,
        }
        if let Some(item) = object::fields::<Event<'_>>(json).and_then(|event| event.item) {
            self.read_item(item.get().as_bytes());
        }
    }

    fn read_item(&mut self, json: &[u8]) {
        let Some(item) = object::fields::<Item<'_>>(json) else { return };
        if let Some(key) = item.encrypted_content.and_then(|raw| fingerprint::named(raw.get())) {
            self.add(key, true);
        }
        self.keep(item.container_id);
        if !self.forgets {
            self.keep(item.id);
        }
    }

    fn keep(&mut self, named: Option<&RawValue>) {
        if let Some(key) = named.and_then(|raw| fingerprint::named(raw.get())) {
            self.add(key, false);
        }
    }

    fn add(&mut self, key: u64, is_sealed: bool) {
        let keys = if is_sealed { &mut self.left.sealed } else { &mut self.left.stored };
        if self.taken < AT_MOST && !keys.contains(&key) {
            keys.push(key);
            self.taken = self.taken.saturating_add(1);
        }
    }

    /// What was met since the last call.
    pub(super) fn take(&mut self) -> Left {
        std::mem::take(&mut self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u64 {
        fingerprint::of(text.as_bytes())
    }

    #[test]
    fn an_answer_leaves_its_id_its_conversation_and_its_items() {
        let body = br#"{"id":"resp_1","conversation":{"id":"conv_1"},"store":true,"output":[
            {"type":"reasoning","id":"rs_1","encrypted_content":"sealed"},{"type":"message","id":"msg_1","content":[]}]}"#;
        let left = of_body(body);
        assert_eq!(
            (left.stored, left.sealed),
            (["resp_1", "conv_1", "rs_1", "msg_1"].map(of).into(), vec![of("sealed")])
        );
    }

    #[test]
    fn an_answer_that_stores_nothing_leaves_only_what_is_sealed() {
        let body =
            br#"{"id":"resp_1","store":false,"output":[{"id":"rs_1","encrypted_content":"sealed"},{"id":"msg_1"}]}"#;
        assert_eq!(of_body(body), Left { stored: Vec::new(), sealed: vec![of("sealed")] });
    }

    #[test]
    fn a_chat_that_sounds_leaves_its_sound() {
        let whole =
            br#"{"id":"chatcmpl-1","choices":[{"message":{"content":null,"audio":{"id":"audio_1","data":"UklG"}}}]}"#;
        assert_eq!(of_chat(whole).stored, [of("audio_1")]);
        assert_eq!(of_chat(br#"{"choices":[{"delta":{"audio":{"id":"audio_2"}}}]}"#).stored, [of("audio_2")]);
        for nothing in [&br#"{"choices":[{"message":{"audio":null}}]}"#[..], br#"{"audio":7}"#, b"[\"audio\"]"] {
            assert_eq!(of_chat(nothing), Left::default());
        }
    }

    #[test]
    fn what_is_no_response_leaves_nothing_and_a_huge_one_little() {
        for nothing in [&b"[1]"[..], b"\x1f\x8b", br#"{"id":7}"#] {
            assert_eq!(of_body(nothing), Left::default());
        }
        let items: Vec<String> = (0..500).map(|place| format!("{{\"id\":\"msg_{place}\"}}")).collect();
        let body = format!("{{\"id\":\"resp_1\",\"output\":[{}]}}", items.join(","));
        assert_eq!(of_body(body.as_bytes()).stored.len(), AT_MOST);
    }
}
