//! The sections of rules: how long requests wait, how often they are tried, what is kept, how bodies and edits are taken.
//!
//! Invariant: each section has defaults that serve without being written down.
//! Absent on purpose: accounts, endpoints, routes and callers (`config`).

use serde::{Deserialize, Serialize};

/// The rank of a priority group in words. `place` counts from 0, `of` is how many the route has.
#[must_use]
pub fn group_rank(place: usize, of: usize) -> String {
    match place {
        0 => "First choice".to_owned(),
        _ if of >= 3 && place + 1 == of => "Last resort".to_owned(),
        1 => "Second choice".to_owned(),
        2 => "Third choice".to_owned(),
        3 => "Fourth choice".to_owned(),
        _ => format!("Choice {}", place + 1),
    }
}

/// `[queue]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Requests waiting at once, over all routes.
    pub max_waiting: u32,
    /// A request whose wait would be longer is refused at once.
    pub max_wait_seconds: u32,
    /// Of the tokens that go to those who wait, bulk gets at least this share while it wants it.
    pub bulk_share_percent: u32,
}

impl Queue {
    /// No share of bulk is larger, or the others would have none.
    pub const LARGEST_BULK_SHARE: u32 = 90;
}

impl Default for Queue {
    fn default() -> Self {
        Self { max_waiting: 2_000, max_wait_seconds: 60, bulk_share_percent: 10 }
    }
}

/// `[retry]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Sendings of one request in all, the first included. Services that were only full count once they are four times as
    /// many.
    pub max_attempts: u32,
    /// Retries after faults, as a share of recent requests.
    pub budget_percent: u32,
    /// First step of the exponential backoff.
    pub base_delay_ms: u64,
    /// Ceiling of the exponential backoff.
    pub max_delay_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 4, budget_percent: 20, base_delay_ms: 500, max_delay_ms: 8_000 }
    }
}

/// `[health]`: when an endpoint that fails is left alone, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthRule {
    /// Failures in a row after which it is not used. Two failed connections in a row are enough in any case.
    pub failures: u32,
    /// They count as in a row within this time.
    pub within_seconds: u32,
    /// Its first rest. Each further one in a row is twice as long.
    pub rest_seconds: u32,
    /// Its longest rest.
    pub longest_rest_seconds: u32,
}

impl Default for HealthRule {
    fn default() -> Self {
        Self { failures: 3, within_seconds: 60, rest_seconds: 5, longest_rest_seconds: 60 }
    }
}

/// `[timeouts]`, each in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect_seconds: u32,
    /// Until an answer that is not streamed begins. Reasoning takes up to 29 minutes.
    pub answer_seconds: u32,
    /// Until a stream's status and headers, within `stream_idle_seconds`. Services send them before a model begins to think, so that
    /// one which sends none is silent, not busy.
    pub stream_head_seconds: u32,
    /// Until a stream's first event, and between two events. A model that reasons may say nothing as long as it thinks; that nobody
    /// is there any more, the system finds out sooner, within two minutes on Linux.
    pub stream_idle_seconds: u32,
    /// Until a WebSocket that speaks Responses is closed on which nobody asks for another one. Services end theirs after an hour.
    pub socket_idle_seconds: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_seconds: 10,
            answer_seconds: 1_740,
            stream_head_seconds: 300,
            stream_idle_seconds: 1_740,
            socket_idle_seconds: 3_600,
        }
    }
}

/// `[history]`: what is kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// Whether anything is.
    pub keep: bool,
    /// The file's size; the oldest requests go first.
    pub max_megabytes: u32,
    /// Days for which requests are kept. Usage by day is kept for 400.
    pub max_days: u32,
    /// Requests that get a row of their own in a second; failures come first, and usage counts all.
    pub requests_per_second: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { keep: true, max_megabytes: 512, max_days: 30, requests_per_second: 200 }
    }
}

/// `[bodies]`: how requests' bodies are taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bodies {
    /// MiB of one body that are kept in memory for another attempt; what is longer lies in a temporary file meanwhile.
    pub memory_mib: u32,
    /// MiB of the longest body that is taken.
    pub largest_mib: u32,
    /// In so many seconds a client must send some KiB more of its body.
    pub stall_seconds: u32,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { memory_mib: 8, largest_mib: 2_048, stall_seconds: 30 }
    }
}

/// `[live_tuning]`: what keeps limits that are tuned under load from doing harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveTuning {
    /// Seconds after which edits that nobody confirmed are taken back.
    pub confirm_seconds: u32,
    /// They are taken back at once when this many percent more of the requests fail than before.
    pub max_errors_percent: u32,
}

impl LiveTuning {
    /// Nobody confirms in less.
    pub const LEAST_SECONDS: u32 = 10;
}

impl Default for LiveTuning {
    fn default() -> Self {
        Self { confirm_seconds: 60, max_errors_percent: 10 }
    }
}
