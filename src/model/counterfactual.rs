//! What would have kept a request on a better endpoint.
//!
//! Invariant: the change alone flips the verdict, everything else being as it was; where no single change does, none is named.
//! Absent on purpose: sentences, and advice. Whether the change is wise is the person's to say.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::Priority;
use super::id::EndpointId;

/// The smallest single change that would have let a request go to `endpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterfactual {
    /// A candidate of the highest group that was not chosen.
    pub endpoint: EndpointId,
    /// What would have been enough.
    pub change: Change,
    /// The output cap with which the same request would have fitted as things were, if it had said so.
    pub output_cap: Option<u64>,
}

/// One change to the way things were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Its limit higher by so many tokens per minute.
    TokensMore(u64),
    /// Its limit higher by so many requests per minute.
    RequestsMore(u64),
    /// Its limit of prompt tokens higher by so many per minute.
    InputMore(u64),
    /// Its limit of output tokens higher by so many per minute.
    OutputMore(u64),
    /// Its limit higher by so many tokens per day.
    DayTokensMore(u64),
    /// Its limit higher by so many requests per day.
    DayRequestsMore(u64),
    /// The caller allowed so many tokens per minute more.
    CallerTokensMore(u64),
    /// The caller allowed so many requests per minute more.
    CallerRequestsMore(u64),
    /// The caller allowed so many more requests at once.
    CallerInFlightMore(u32),
    /// Our soft cap higher by so many tokens per minute.
    SoftCapHigher(u64),
    /// Its quota pool larger by so many tokens per minute.
    PoolTokensMore(u64),
    /// Its quota pool larger by so many requests per minute.
    PoolRequestsMore(u64),
    /// Allowed so many more requests at once.
    InFlightMore(u32),
    /// Nobody waiting ahead.
    NobodyAhead,
    /// Its group left only at a taken share above this, in percent.
    NotWithheld(u8),
    /// The request so much later, all else unchanged.
    Later(Duration),
    /// Enabled by the person.
    Enabled,
    /// A usable key.
    KeySet,
    /// Its region permitted.
    RegionPermitted,
    /// The request of this priority.
    Priority(Priority),
}
