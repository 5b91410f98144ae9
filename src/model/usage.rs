//! Tokens an answer reports.
//!
//! Invariant: `exact` is true only for numbers the service itself reported. What was transcribed is in none of the others.
//! Absent on purpose: charges against limits (`policy`) and prices (not yet).

use serde::{Deserialize, Serialize};

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Of these, read from the prompt cache.
    pub cached: u64,
    /// Completion tokens, reasoning included.
    pub output: u64,
    /// Of these, reasoning.
    pub reasoning: u64,
    /// Reported by the service, or only at least this many, counted by us from what went through.
    pub exact: bool,
    /// What was written down of sound, apart from what was answered.
    #[serde(default, skip_serializing_if = "Transcribed::is_none")]
    pub transcribed: Transcribed,
}

/// Sound that was written down: of a Realtime session what was said to it, by a model with limits of its own; of a transcription
/// that is counted by its length, all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcribed {
    /// Tokens in and out together, where the service counts these.
    pub tokens: u64,
    /// Milliseconds of sound, where it counts these.
    pub millis: u64,
}

impl Transcribed {
    /// Whether there was none.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.tokens == 0 && self.millis == 0
    }
}

impl Usage {
    /// Input and output together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Two answers together; exact if both are.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            input: self.input.saturating_add(more.input),
            cached: self.cached.saturating_add(more.cached),
            output: self.output.saturating_add(more.output),
            reasoning: self.reasoning.saturating_add(more.reasoning),
            exact: self.exact && more.exact,
            transcribed: Transcribed {
                tokens: self.transcribed.tokens.saturating_add(more.transcribed.tokens),
                millis: self.transcribed.millis.saturating_add(more.transcribed.millis),
            },
        }
    }

    /// The same added to what there may be already.
    #[must_use]
    pub fn added_to(self, before: Option<Self>) -> Self {
        before.map_or(self, |before| before.and(self))
    }
}

/// What was sent in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Tokens charged for what is answered.
    pub tokens: u64,
    /// Requests, running ones included.
    pub requests: u64,
}
