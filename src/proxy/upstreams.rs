//! Where each endpoint lies and with which key it is reached: a table that is swapped whole.
//!
//! Invariant: an upstream address comes from the configuration alone, never from a request.
//! Absent on purpose: fetching keys; whoever builds the table has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::slots::Slots;
use crate::model::config::Service;
use crate::model::id::EndpointId;
use crate::wire::target::Target;

/// One endpoint's address and credential.
pub struct Upstream {
    /// Paths and host, computed once.
    pub target: Target,
    /// Whether it lies on this computer: only then a loop back to us is possible, and only then we mark our requests.
    pub loopback: bool,
    /// Decides which header carries the key.
    pub service: Service,
    /// The account's keys.
    pub keys: Arc<Slots>,
    /// `OpenAI-Organization`
    pub organization: Option<String>,
    /// `OpenAI-Project`
    pub project: Option<String>,
}

/// The table of upstreams.
#[derive(Default)]
pub struct Upstreams {
    table: ArcSwap<BTreeMap<EndpointId, Arc<Upstream>>>,
}

impl Upstreams {
    /// Swaps in a new table. Requests under way keep what they hold.
    pub fn replace(&self, table: BTreeMap<EndpointId, Arc<Upstream>>) {
        self.table.store(Arc::new(table));
    }

    /// Where this endpoint lies; `None` if a change of configuration took it away.
    #[must_use]
    pub fn find(&self, endpoint: &EndpointId) -> Option<Arc<Upstream>> {
        self.table.load().get(endpoint).cloned()
    }
}
