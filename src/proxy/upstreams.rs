//! Where each endpoint lies and with which key it is reached: a table that is swapped whole.
//!
//! Invariant: an upstream address comes from the configuration alone, never from a request.
//! Absent on purpose: fetching keys; whoever builds the table has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::slots::Slots;
use crate::model::config::Service;
use crate::model::id::EndpointId;
use crate::model::profile::Operation;
use crate::wire::target::Target;

/// One endpoint's address and credential.
pub struct Upstream {
    /// Paths and host, computed once.
    pub target: Target,
    /// Whether it may lead back to us, by whatever name: only then we mark our requests.
    pub may_lead_back: bool,
    /// Decides which header carries the key.
    pub service: Service,
    /// The account's keys.
    pub keys: Arc<Slots>,
    /// `OpenAI-Organization`
    pub organization: Option<String>,
    /// `OpenAI-Project`
    pub project: Option<String>,
}

/// How many hosts these endpoints lie on; those of one host share its connections.
pub(super) fn hosts(table: &BTreeMap<EndpointId, Arc<Upstream>>) -> usize {
    let of = |upstream: &Arc<Upstream>| {
        let uri = upstream.target.uri(Operation::Chat)?;
        Some((uri.scheme_str()?.to_owned(), uri.authority()?.to_string()))
    };
    table.values().filter_map(of).collect::<BTreeSet<_>>().len()
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
