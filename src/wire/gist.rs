//! The gist of a long JSON text: all of it but strings that are long and, once there is much of it, what stands in lists.
//!
//! Invariant: memory stays below some `ROOM` and one string of `WHOLE`, and how the text is cut into pieces changes nothing. The gist of
//! JSON is JSON; what is kept stands in its order and nesting.
//! Absent on purpose: what any of it means, and whether it is JSON at all. Of a text whose gist finds no room there is none.

/// Strings up to this length are kept: ids, messages, what is sealed. Pictures and sound are longer.
const WHOLE: usize = 64 * 1024;
/// The same once half of the room is taken.
const SHORT: usize = 1024;
/// As much is kept in all.
const ROOM: usize = 1 << 20;
/// What stands for a string that is left out: it was not empty.
const LEFT_OUT: &[u8] = "\u{2026}".as_bytes();

/// Reads along with one text.
#[derive(Debug)]
pub struct Gist {
    kept: Vec<u8>,
    /// What is open: a list, or else an object.
    open: Vec<bool>,
    /// How many values are open within what is left out of a list.
    skipped: u64,
    place: Place,
    /// Where the string at hand began in what is kept, behind its quote, and how long it may become; `None`: it is left out.
    string: Option<(usize, usize)>,
    room: usize,
    /// There was more than there is room for.
    is_full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    InString,
    /// Behind a backslash in one.
    Escaped,
}

impl Default for Gist {
    fn default() -> Self {
        Self::within(ROOM)
    }
}

impl Gist {
    fn within(room: usize) -> Self {
        let (kept, open) = (Vec::new(), Vec::new());
        Self { kept, open, skipped: 0, place: Place::Outside, string: None, room, is_full: false }
    }

    /// Takes the next bytes.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first().filter(|_| !self.is_full) {
            if self.place == Place::Outside && self.skipped > 0 {
                let tells = |byte: &u8| matches!(byte, b'"' | b'[' | b']' | b'{' | b'}');
                let Some(at) = bytes.iter().position(tells) else { return };
                if at > 0 {
                    bytes = bytes.get(at..).unwrap_or_default();
                    continue;
                }
            }
            if self.place == Place::InString {
                // A long text lies in its strings, so they are searched for their end and not walked.
                let plain = memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
                if plain > 0 {
                    let (part, behind) = bytes.split_at(plain);
                    self.in_string(part);
                    bytes = behind;
                    continue;
                }
            }
            self.step(byte);
            bytes = rest;
        }
    }

    /// All of the text was read; nothing if there was no room for its gist.
    #[must_use]
    pub fn end(&self) -> &[u8] {
        if self.is_full { &[] } else { &self.kept }
    }

    /// Whether what comes may take no more room than it must.
    const fn is_tight(&self) -> bool {
        self.kept.len() > self.room / 2
    }

    /// What is kept is never longer.
    const fn most(&self) -> usize {
        self.room.saturating_add(WHOLE)
    }

    fn step(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::Escaped, _) => {
                self.place = Place::InString;
                self.in_string(&[byte]);
            }
            (Place::InString, b'\\') => {
                self.place = Place::Escaped;
                self.in_string(&[byte]);
            }
            (Place::InString, _) => {
                self.place = Place::Outside;
                self.keep(b"\"");
            }
            (Place::Outside, b'"') => {
                self.place = Place::InString;
                self.keep(b"\"");
                let longest = if self.is_tight() { SHORT } else { WHOLE };
                self.string = (self.skipped == 0).then_some((self.kept.len(), longest));
                // Whether there is room for it must not hang on how much of it comes at once.
                self.is_full |= self.skipped == 0 && self.kept.len().saturating_add(longest) > self.most();
            }
            // They separate nothing in JSON, and some services send them while a model thinks.
            (Place::Outside, b' ' | b'\t' | b'\r' | b'\n') => {}
            (Place::Outside, _) => self.outside(byte),
        }
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' if self.skipped > 0 => self.skipped = self.skipped.saturating_add(1),
            b'{' | b'[' => {
                self.keep(&[byte]);
                if !self.is_full {
                    self.open.push(byte == b'[');
                }
                self.skipped = u64::from(byte == b'[' && self.is_tight());
            }
            b'}' | b']' => {
                self.skipped = self.skipped.saturating_sub(1);
                if self.skipped == 0 {
                    self.open.pop();
                    self.keep(&[byte]);
                }
            }
            b',' if self.skipped == 0 && self.is_tight() && self.open.last() == Some(&true) => self.skipped = 1,
            byte => self.keep(&[byte]),
        }
    }

    /// Bytes of a string. One that turns out to be long is left out.
    fn in_string(&mut self, bytes: &[u8]) {
        let Some((start, longest)) = self.string else { return };
        if self.kept.len().saturating_sub(start).saturating_add(bytes.len()) <= longest {
            return self.keep(bytes);
        }
        self.string = None;
        self.kept.truncate(start);
        self.keep(LEFT_OUT);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipped > 0 {
            return;
        }
        self.is_full |= self.kept.len().saturating_add(bytes.len()) > self.most();
        if !self.is_full {
            self.kept.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn gist(text: &str, pieces: usize, room: usize) -> Gist {
        let mut gist = Gist::within(room);
        text.as_bytes().chunks(pieces).for_each(|piece| gist.read(piece));
        gist
    }

    fn value_of(gist: &Gist) -> Value {
        serde_json::from_slice(gist.end()).unwrap()
    }

    #[test]
    fn what_is_long_is_left_out_and_all_else_is_there_wherever_the_text_is_cut() {
        let picture = "iVBOR\\n\\\"\\u00e9".repeat(20_000);
        let text = format!(
            r#"{{ "type": "image_generation.completed", "b64_json": "{picture}", "size": "a\"b\\",
            "usage": {{ "input_tokens": 3, "details": {{ "of": [ 1, 2 ] }} }} }}"#
        );
        for pieces in [1, 7, 4_096, text.len()] {
            let expected = json!({
                "type": "image_generation.completed", "b64_json": "\u{2026}", "size": "a\"b\\",
                "usage": { "input_tokens": 3, "details": { "of": [1, 2] } },
            });
            assert_eq!(value_of(&gist(&text, pieces, ROOM)), expected, "in pieces of {pieces}");
        }
    }

    #[test]
    fn of_much_the_lists_are_left_out_and_what_stands_behind_them_is_found() {
        let items =
            vec![json!({ "type": "message", "content": [{ "text": "tide", "logprobs": [1, [2], {}] }] }); 50_000];
        let text = json!({ "response": { "output": items, "status": "completed", "usage": { "a": [1] } }, "z": 1 });
        let found = gist(&text.to_string(), 999, ROOM);
        let response = &value_of(&found)["response"];
        assert_eq!((&response["status"], &response["usage"]), (&json!("completed"), &json!({ "a": [] })));
        assert!(response["output"].as_array().is_some_and(|output| (10..50_000).contains(&output.len())));
        assert!(found.kept.capacity() <= 4 * ROOM, "{} bytes are held", found.kept.capacity());
    }

    #[test]
    fn of_what_finds_no_room_there_is_no_gist_and_nothing_grows() {
        let members: Vec<String> = (0..200_000).map(|number| format!("\"member {number}\":{number}")).collect();
        for text in [format!("{{{}}}", members.join(",")), "[".repeat(4_000_000), "x".repeat(4_000_000)] {
            let gist = gist(&text, 5_000, ROOM);
            let is_none = gist.end().is_empty() || serde_json::from_slice::<Value>(gist.end()).is_err();
            assert!(is_none && gist.kept.capacity() + gist.open.capacity() <= 8 * ROOM);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            Just(Value::Null),
            "[a-z\"\\\\é\n]{0,9}".prop_map(Value::from)
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"]{0,3}", inner, 0..5).prop_map(|all| json!(all)),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_gist_of_what_is_short_is_all_of_it(value in value(), pieces in 1_usize..40, spaced: bool) {
            let text = if spaced { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(value_of(&gist(&text, pieces, ROOM)), value);
        }

        #[test]
        fn a_gist_is_json_and_the_same_however_its_text_is_cut(value in value(), pieces in 1_usize..40, room in 0_usize..99) {
            let text = value.to_string();
            let whole = gist(&text, text.len(), room);
            prop_assert!(serde_json::from_slice::<Value>(whole.end()).is_ok(), "{}", String::from_utf8_lossy(whole.end()));
            let cut = gist(&text, pieces, room);
            prop_assert_eq!(whole.end(), cut.end());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, pieces in 1_usize..9, room in 0_usize..99) {
            let mut gist = Gist::within(room);
            bytes.chunks(pieces).for_each(|piece| gist.read(piece));
            let _ = gist.end();
        }
    }
}
