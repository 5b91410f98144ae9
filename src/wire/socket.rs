//! Messages of a WebSocket, read as they pass: what a Realtime session used, what its limits are, and whether it answers.
//!
//! Invariant: bytes are only read, never changed; how they are cut changes nothing, and memory stays within some 16 KiB, however
//! long a message is (`skim`).
//! Absent on purpose: the client's messages. What they cost, the service's own tell.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::skim::{Skim, Told};
use crate::model::outcome::HeaderFacts;
use crate::model::usage::{Transcribed, Usage};

/// Reads along with what a service sends.
#[derive(Debug, Default)]
pub struct SocketReader {
    /// The start of a frame's header, or of one that is read.
    held: Vec<u8>,
    /// The message at hand, if it is text.
    message: Option<Skim>,
    /// Bytes of the frame at hand that are still to come.
    left: u64,
    /// The frame at hand is of that message.
    reads: bool,
    /// The frame at hand is its message's last.
    is_final: bool,
    /// What is no WebSocket is not read any further.
    is_lost: bool,
    /// Reported since it was taken last.
    used: Option<Usage>,
    /// What was said last of limits.
    limits: Option<HeaderFacts>,
    /// Answers that were begun and have not ended, whether anything of them is here or not.
    begun: u64,
    /// Pieces of an answer that has not ended.
    pieces: u64,
}

impl SocketReader {
    /// Takes the next bytes.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            if self.left == 0 {
                bytes = self.header(bytes);
                continue;
            }
            let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let (part, rest) = bytes.split_at(count);
            if let Some(message) = self.message.as_mut().filter(|_| self.reads) {
                message.read(part);
            }
            bytes = rest;
            self.left = self.left.saturating_sub(count as u64);
            if self.left == 0 {
                self.end();
            }
        }
    }

    /// Whether everything that was read is whole frames, so that another may follow.
    #[must_use]
    pub const fn is_between(&self) -> bool {
        self.left == 0 && self.held.is_empty() && !self.is_lost
    }

    /// What was reported since the last call: answers, and what was transcribed.
    pub const fn take_used(&mut self) -> Option<Usage> {
        self.used.take()
    }

    /// What was said of limits since the last call.
    pub const fn take_limits(&mut self) -> Option<HeaderFacts> {
        self.limits.take()
    }

    /// Whether an answer was begun that has not ended, be it thought about only.
    #[must_use]
    pub const fn answers(&self) -> bool {
        self.begun > 0 || self.pieces > 0
    }

    /// What was seen of an answer that has not ended; it used at least this.
    #[must_use]
    pub fn unfinished(&self) -> Option<Usage> {
        let seen = Usage { output: self.pieces, ..Usage::default() };
        (self.pieces > 0).then_some(seen)
    }

    /// Reads a header; gives back what is behind it.
    fn header<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let before = self.held.len();
        // The longest header of an unmasked frame has ten bytes, of a masked one fourteen.
        self.held.extend(bytes.iter().take(14_usize.saturating_sub(before)));
        let mut cursor = Cursor::new(&self.held);
        match FrameHeader::parse(&mut cursor) {
            Ok(Some((header, length))) => {
                let behind = usize::try_from(cursor.position()).unwrap_or(usize::MAX).saturating_sub(before);
                self.held.clear();
                self.begin(&header, length);
                bytes.get(behind..).unwrap_or_default()
            }
            Ok(None) => &[],
            Err(_) => {
                self.is_lost = true;
                &[]
            }
        }
    }

    fn begin(&mut self, header: &FrameHeader, length: u64) {
        let before = match header.opcode {
            OpCode::Data(Data::Continue) => self.message.take(),
            OpCode::Data(Data::Text) => Some(Skim::default()),
            // Control frames may stand within a message.
            OpCode::Data(_) | OpCode::Control(_) => {
                (self.reads, self.is_final, self.left) = (false, false, length);
                return;
            }
        };
        // Compressed or masked ones are not for reading.
        self.message = before.filter(|_| !header.rsv1 && header.mask.is_none());
        (self.reads, self.is_final, self.left) = (self.message.is_some(), header.is_final, length);
        if length == 0 {
            self.end();
        }
    }

    fn end(&mut self) {
        if !self.reads || !self.is_final {
            return;
        }
        let used = match self.message.take().map_or(Told::Nothing, |message| message.end()) {
            Told::Nothing => return,
            Told::Begun => {
                self.begun = self.begun.saturating_add(1);
                return;
            }
            Told::Piece => {
                self.pieces = self.pieces.saturating_add(1);
                return;
            }
            Told::Answer(used) => {
                // One that ends without a figure used what was seen of it.
                let used = used.or_else(|| self.unfinished());
                self.begun = self.begun.saturating_sub(1);
                self.pieces = 0;
                used
            }
            Told::Transcript(used) => used.map(as_transcribed),
            Told::Limits(limits) => {
                self.limits = Some(limits);
                return;
            }
        };
        self.used = used.map(|used| used.added_to(self.used)).or(self.used);
    }
}

/// Tokens of the model that writes down what is said are none of the session's own.
fn as_transcribed(usage: Usage) -> Usage {
    let Transcribed { tokens, millis } = usage.transcribed;
    let transcribed = Transcribed { tokens: tokens.saturating_add(usage.total()), millis };
    Usage { exact: usage.exact, transcribed, ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tungstenite::protocol::frame::Frame;

    use super::*;
    use crate::model::outcome::LimitFacts;

    const RESET: std::time::Duration = std::time::Duration::from_millis(60);

    /// Pieces of what is written down of what was said.
    const OTHERS: &str = "conversation.item.input_audio_transcription.delta";

    fn frame(text: &str, opcode: Data, is_final: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let frame = Frame::message(text.to_owned().into_bytes(), OpCode::Data(opcode), is_final);
        frame.format(&mut bytes).unwrap();
        bytes
    }

    fn done(input: u64, output: u64) -> String {
        format!(
            r#"{{"type":"response.done","response":{{"usage":{{"input_tokens":{input},"output_tokens":{output},"total_tokens":9,"input_token_details":{{"cached_tokens":1}}}}}}}}"#
        )
    }

    /// An answer's last event that repeats all that was said.
    fn long() -> String {
        done(100, 200).replace(r#""response":{"#, &format!(r#""response":{{"output":"{}","#, "tide ".repeat(70_000)))
    }

    fn session() -> Vec<u8> {
        let (first, second) = (done(3, 4), done(10, 20));
        let (head, tail) = second.split_at(30);
        let ping = Frame::ping(b"p".to_vec());
        let mut pinged = Vec::new();
        ping.format(&mut pinged).unwrap();
        [
            frame(r#"{"type":"session.created"}"#, Data::Text, true),
            frame(&first, Data::Text, true),
            frame(&long(), Data::Text, true),
            frame(head, Data::Text, false),
            pinged,
            frame(tail, Data::Continue, true),
            frame(&done(1, 1), Data::Binary, true),
        ]
        .concat()
    }

    #[test]
    fn a_sessions_answers_add_up() {
        let mut reader = SocketReader::default();
        reader.read(&session());
        let expected = Usage { input: 113, cached: 3, output: 224, exact: true, ..Usage::default() };
        assert_eq!((reader.take_used(), reader.unfinished()), (Some(expected), None));
        assert_eq!(reader.take_used(), None, "it is taken once");
    }

    #[test]
    fn an_answer_that_is_left_used_at_least_what_was_seen_of_it() {
        let mut reader = SocketReader::default();
        let piece = |kind: &str| frame(&format!(r#"{{"type":"{kind}","delta":"x"}}"#), Data::Text, true);
        reader.read(&piece("response.output_audio.delta"));
        reader.read(&frame(&done(3, 4), Data::Text, true));
        for kind in ["response.output_text.delta", "response.function_call_arguments.delta", OTHERS] {
            reader.read(&piece(kind));
        }
        assert_eq!(reader.take_used().map(|used| used.total()), Some(7), "what an answer reports is all of it");
        assert_eq!(reader.unfinished(), Some(Usage { output: 2, ..Usage::default() }));
        reader.read(&frame(r#"{"type":"response.done","response":{"usage":null}}"#, Data::Text, true));
        assert_eq!(reader.take_used(), Some(Usage { output: 2, ..Usage::default() }));
        assert_eq!(reader.unfinished(), None);
    }

    #[test]
    fn an_answer_is_under_way_from_its_begin_to_its_end_whatever_is_seen_of_it() {
        let mut reader = SocketReader::default();
        let mut after = |text: &str| {
            reader.read(&frame(text, Data::Text, true));
            reader.answers()
        };
        assert!(!after(r#"{"type":"session.created"}"#));
        assert!(after(r#"{"type":"response.created","response":{"usage":null}}"#), "it is thought about");
        assert!(after(r#"{"type":"response.text.delta","delta":"x"}"#));
        assert!(!after(&done(3, 4)));
        for _ in 0..2 {
            assert!(after(r#"{"type":"response.created"}"#));
        }
        assert!(after(&done(3, 4)), "of two answers one goes on");
        assert!(!after(&done(3, 4)));
    }

    #[test]
    fn what_was_said_and_written_down_is_counted_apart() {
        let mut reader = SocketReader::default();
        let by_tokens = r#"{"type":"tokens","input_tokens":38,"output_tokens":10,"total_tokens":48,"input_token_details":{"audio_tokens":28}}"#;
        for usage in [by_tokens, r#"{"type":"duration","seconds":3.25}"#, "null"] {
            let event = format!(
                r#"{{"type":"conversation.item.input_audio_transcription.completed","transcript":"x","usage":{usage}}}"#
            );
            reader.read(&frame(&event, Data::Text, true));
        }
        let transcribed = Transcribed { tokens: 48, millis: 3_250 };
        assert_eq!(reader.take_used(), Some(Usage { exact: true, transcribed, ..Usage::default() }));
    }

    #[test]
    fn what_a_session_says_of_its_limits_is_taken_once() {
        let mut reader = SocketReader::default();
        let event = r#"{"type":"rate_limits.updated","event_id":"e","rate_limits":[
            {"name":"requests","limit":1000,"remaining":999,"reset_seconds":0.06},{"name":"minutes","limit":7},
            {"name":"tokens","limit":50000,"remaining":49950,"reset_seconds":0.06}]}"#;
        reader.read(&frame(event, Data::Text, true));
        let pair = |limit, remaining| LimitFacts { limit: Some(limit), remaining: Some(remaining), reset: Some(RESET) };
        let facts = HeaderFacts { tokens: pair(50_000, 49_950), requests: pair(1_000, 999), ..HeaderFacts::default() };
        assert_eq!((reader.take_limits(), reader.take_limits(), reader.take_used()), (Some(facts), None, None));
        for odd in [r#""rate_limits":{}"#, r#""rate_limits":[{"name":"tokens","limit":-1}]"#, r#""x":1"#] {
            reader.read(&frame(&format!(r#"{{"type":"rate_limits.updated",{odd}}}"#), Data::Text, true));
            assert_eq!(reader.take_limits(), None, "{odd}");
        }
    }

    #[test]
    fn what_is_no_websocket_is_left_alone() {
        let mut reader = SocketReader::default();
        reader.read(&[0xff; 1_000]);
        reader.read(&session());
        assert_eq!(reader.take_used(), None);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..9)) {
            let whole = session();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
            places.sort_unstable();
            let (mut reader, mut begin) = (SocketReader::default(), 0);
            for place in places.into_iter().chain([whole.len()]) {
                reader.read(&whole[begin..place]);
                begin = place;
            }
            prop_assert_eq!((reader.take_used().map(|usage| usage.total()), reader.unfinished()), (Some(337), None));
        }
    }
}
