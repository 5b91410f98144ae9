//! What the brain goes by beside limits and health: rests in a row, sizes that do not fit, the retry budget, places that are
//! kept, usual lengths of answers.
//!
//! Invariant: every figure is the one decisions rest on at that moment.
//! Absent on purpose: words (`ui`), and limits themselves (`status`).

use serde::{Deserialize, Serialize};

use super::id::{CallerId, EndpointId, ModelName};
use super::units::Timestamp;

/// What is known of an endpoint beside its limits and its health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insight {
    /// What is typed holds, whatever the service says.
    pub pinned: bool,
    /// What lies above its limit is tried.
    pub probes_above: bool,
    /// Rests of the present kind in a row; each makes the next one longer. 0 once it answered again.
    pub rests_in_a_row: u32,
    /// Until when it is left alone because the service asked for that, at least as long as it asked; `None`: it did not, or
    /// that is over.
    pub asked_until: Option<Timestamp>,
    /// The smallest charge that it would not take at all.
    pub too_large: Option<TooLarge>,
    /// What others send of its requests per minute, smoothed; room is left for it.
    pub foreign_requests_per_minute: u64,
    /// How full provisioned throughput last said it was, in permille, and when. Whoever says so counts by utilization.
    pub utilization: Option<(u32, Timestamp)>,
}

/// A size that did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooLarge {
    /// Tokens charged.
    pub charge: u64,
    /// Until when that is believed.
    pub until: Timestamp,
}

/// Retries after faults, of the last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryBudget {
    /// Requests that came.
    pub requests: u64,
    /// Retries that were made, those of clients included.
    pub retries: u64,
    /// Retries that these requests allow.
    pub allowed: u64,
}

/// A place that is kept for one who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPlace {
    /// Where.
    pub endpoint: EndpointId,
    /// From when on it is there.
    pub at: Timestamp,
}

/// What less important requests may still take of a group and those above it, in tokens: the rest is kept for what more
/// important ones are expected to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paced {
    /// Of normal importance.
    pub normal: u64,
    /// Of bulk.
    pub bulk: u64,
}

/// How long answers without an output cap are taken to be: nine of ten were no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsualAnswer {
    /// The model asked for.
    pub model: ModelName,
    /// Who asked, if a token said so.
    pub caller: Option<CallerId>,
    /// Output tokens.
    pub tokens: u64,
}
