//! What every operation's answer is made of: names, counts, pieces of text, and frames with their place in time.
//!
//! Invariant: a frame's place is the number of tokens before it, and frames stand in order of their places.
//! Absent on purpose: time itself; whoever plays the frames knows how long a token takes.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::sim::upstream::{Admission, Dialect};

use super::ask::Ask;
use super::text;

/// A stream sends at most about this many pieces a second.
const PIECES_PER_SECOND: u128 = 20;
/// A clock that starts at zero starts at this second of the Unix epoch.
const EPOCH: u64 = 1_790_000_000;

/// The second since 1970 of a clock that counts from there or from its own start.
pub(super) const fn since_1970(seconds: u64) -> u64 {
    if seconds < EPOCH { EPOCH + seconds } else { seconds }
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Output tokens before it.
    pub after: u64,
    /// The event as it stands on the wire.
    pub bytes: Bytes,
}

/// Everything an answer is built from.
pub(super) struct Reply<'a> {
    /// What was asked.
    pub ask: &'a Ask,
    /// What the upstream decided.
    pub admission: &'a Admission,
    /// Whose manners.
    pub dialect: Dialect,
    /// The model it answers as.
    pub model: &'a str,
    /// Now, in seconds since 1970 or since the start.
    pub seconds: u64,
}

impl Reply<'_> {
    /// An id with the service's prefix.
    pub(super) fn id(&self, prefix: &str) -> String {
        format!("{prefix}{:016x}{:08x}", self.admission.seed, self.admission.ticket.0)
    }

    /// `created`, in seconds.
    pub(super) const fn created(&self) -> u64 {
        since_1970(self.seconds)
    }

    /// How many choices.
    pub(super) const fn choices(&self) -> u64 {
        self.ask.request.choices
    }

    /// The text of one choice.
    pub(super) fn text(&self, choice: u64) -> String {
        self.words(choice).collect()
    }

    /// The words of one choice, a token each.
    fn words(&self, choice: u64) -> impl Iterator<Item = String> {
        text::words(self.admission.seed.wrapping_add(choice), self.admission.output_tokens)
    }

    /// The text of one choice in the pieces a stream sends, each with the tokens before it.
    pub(super) fn pieces(&self, choice: u64) -> Vec<(u64, String)> {
        group(self.words(choice), self.tokens_per_piece())
    }

    fn tokens_per_piece(&self) -> u64 {
        let shortest = Duration::from_secs(1).as_micros() / PIECES_PER_SECOND;
        let gap = self.admission.token_gap.as_micros().max(1);
        u64::try_from(shortest.div_ceil(gap)).unwrap_or(1).max(1)
    }

    /// `length` if the cap ended the answer, else `stop`.
    pub(super) const fn finish_reason(&self) -> &'static str {
        if self.admission.capped { "length" } else { "stop" }
    }

    /// Output tokens over all choices, as usage reports them.
    pub(super) fn output_tokens(&self) -> u64 {
        match &self.ask.tool {
            Some(call) => token_count(&call.arguments),
            None => self.admission.output_tokens.saturating_mul(self.choices()),
        }
    }

    /// Usage in the shape of chat and completions.
    pub(super) fn usage(&self) -> Value {
        let (prompt, output) = (self.admission.prompt_tokens, self.output_tokens());
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt.saturating_add(output),
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        })
    }
}

/// Tokens of a tool call's arguments: four characters each.
pub(super) fn token_count(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

/// A tool call's arguments in pieces of a few characters, each with the tokens before it.
pub(super) fn argument_pieces(arguments: &str) -> Vec<(u64, String)> {
    let letters: Vec<char> = arguments.chars().collect();
    let mut before = 0;
    letters
        .chunks(8)
        .map(|chunk| {
            let piece: String = chunk.iter().collect();
            let place = before;
            before += token_count(&piece);
            (place, piece)
        })
        .collect()
}

fn group(words: impl Iterator<Item = String>, size: u64) -> Vec<(u64, String)> {
    let mut pieces: Vec<(u64, String)> = Vec::new();
    for (place, word) in (0_u64..).zip(words) {
        match pieces.last_mut() {
            Some((_, piece)) if place % size != 0 => piece.push_str(&word),
            _ => pieces.push((place, word)),
        }
    }
    pieces
}

/// A server-sent event without a name.
pub(super) fn data(after: u64, value: &Value) -> Frame {
    Frame { after, bytes: Bytes::from(format!("data: {value}\n\n")) }
}

/// A server-sent event with a name.
pub(super) fn event(after: u64, name: &str, value: &Value) -> Frame {
    Frame { after, bytes: Bytes::from(format!("event: {name}\ndata: {value}\n\n")) }
}

/// The end of a chat or completions stream.
pub(super) fn done(after: u64) -> Frame {
    Frame { after, bytes: Bytes::from_static(b"data: [DONE]\n\n") }
}
