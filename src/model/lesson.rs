//! What refusals taught of a limit that no header names, kept over a restart.
//!
//! Invariant: a lesson says beside which stated figure it was learned; beside another one it means nothing.
//! Absent on purpose: what services say in headers. They say it again with the next answer.

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
}

/// A ceiling that refusals taught.
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
    /// When it last held.
    pub held: Timestamp,
}
