//! What refusals taught of limits and headers named, kept over a restart.
//!
//! Invariant: a lesson says beside which stated figure it was learned; beside another one it means nothing.
//! Absent on purpose: what services say is left. It is over within the minute.

use serde::{Deserialize, Serialize};

use super::id::{EndpointId, PoolId};
use super::units::Timestamp;

/// Whose limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taught {
    /// A quota pool's tokens per minute.
    PoolTokens(PoolId),
    /// An endpoint's tokens per minute.
    Tokens(EndpointId),
    /// An endpoint's requests per minute.
    Requests(EndpointId),
    /// An endpoint's tokens per minute, by its service's headers.
    NamedTokens(EndpointId),
    /// An endpoint's requests per minute, by its service's headers.
    NamedRequests(EndpointId),
}

/// A ceiling that refusals taught or headers named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// Whose.
    pub of: Taught,
    /// How much a minute holds.
    pub ceiling: u64,
    /// What the configuration stated then.
    pub stated: Option<u64>,
    /// When it was learned.
    pub since: Timestamp,
    /// When it last held; of one that was named, when it was said last.
    pub held: Timestamp,
}
