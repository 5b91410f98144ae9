//! Scripts for simulated endpoints: how much traffic comes and what goes wrong when.
//!
//! Invariant: a scenario is data; the same scenario and seed play the same.
//! Absent on purpose: players. `sim` plays it in virtual time, `fake` in real time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::EndpointId;

/// What a simulated endpoint is told to do wrong. Percentages are chances per request, 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dials {
    /// Answer 429 although there is room.
    pub throttle_percent: u8,
    /// What such a 429 asks for in `Retry-After`, in seconds; 0 sends no such header.
    pub throttle_retry_after: u32,
    /// Answer 500.
    pub error_percent: u8,
    /// Accept and never answer.
    pub stall_percent: u8,
    /// Close the connection without an answer.
    pub reset_percent: u8,
    /// Cut a stream after this many tokens.
    pub cut_after_tokens: Option<u32>,
    /// Answer 401.
    pub reject_key: bool,
    /// Tokens per minute that others take of the same limit.
    pub others_tokens_per_minute: u32,
}

/// One stretch of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// How long.
    pub lasts: Duration,
    /// Requests per minute offered.
    pub requests_per_minute: u32,
    /// What goes wrong meanwhile; endpoints not named here work.
    pub dials: Vec<(EndpointId, Dials)>,
}

/// A named script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// As on the command line: `rush-hour`.
    pub name: String,
    /// As on screen: *Rush hour*.
    pub title: String,
    /// The model its requests ask for.
    pub model: String,
    /// Played in order, then it ends.
    pub phases: Vec<Phase>,
}

impl Scenario {
    /// How long it plays in all.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.phases.iter().map(|phase| phase.lasts).sum()
    }
}
