//! Tokens an answer reports.
//!
//! Invariant: `exact` is true only for numbers the service itself reported.
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
}

impl Usage {
    /// Input and output together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
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
