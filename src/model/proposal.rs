//! Ways to split a pool's total over its endpoints, ready to be chosen from.
//!
//! Invariant: the shares of a proposal add up to the pool's total exactly.
//! Absent on purpose: how they are found (`plan`), and applying one; the person does that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{EndpointId, PoolId};

/// How a total is split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// One endpoint has all but the least the others need to exist.
    OneWithAll(EndpointId),
    /// The first two have half each, the others the least they need to exist.
    TwoHalves,
    /// The same for each.
    Even,
    /// By what each is expected to be asked for.
    ByDemand,
}

/// One endpoint's part of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Whose.
    pub endpoint: EndpointId,
    /// Its tokens per minute.
    pub tokens_per_minute: u64,
    /// The requests per minute that come with them by the pool's ratio, if it has one.
    pub requests_per_minute: Option<u64>,
}

/// One way to split a pool, worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// How.
    pub way: Way,
    /// In the order of the configuration.
    pub shares: Vec<Share>,
    /// The Azure CLI commands that make it true there; `None`: no member is at Azure.
    pub commands: Option<Arc<str>>,
}

/// What there is to choose from for one pool, as it is configured and asked for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolPlan {
    /// Which pool.
    pub pool: PoolId,
    /// The total that was split.
    pub total: u64,
    /// Those who share, in the order of the configuration.
    pub members: Vec<EndpointId>,
    /// The ways; `ByDemand` only while there is demand.
    pub proposals: Vec<Proposal>,
    /// The commands that make the service agree with what is configured now; `None` as above.
    pub commands: Option<Arc<str>>,
}
