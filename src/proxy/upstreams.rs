//! Where each endpoint lies and with which key it is reached: a table that is swapped whole.
//!
//! Invariant: an upstream address comes from the configuration alone, never from a request.
//! Absent on purpose: fetching keys; whoever builds the table has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// It turned out that its service does not understand a wish for usage.
    pub refuses_usage: Arc<AtomicBool>,
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

impl Upstream {
    /// Whether usage is to be asked for there.
    #[must_use]
    pub fn tells_usage(&self) -> bool {
        self.target.tells_usage() && !self.refuses_usage.load(Ordering::Relaxed)
    }

    fn lies_with(&self, other: &Self) -> bool {
        self.target.uri(Operation::Chat) == other.target.uri(Operation::Chat)
    }
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
    /// Swaps in a new table. Requests under way keep what they hold, and what an address turned out not to understand it still does
    /// not.
    pub fn replace(&self, mut table: BTreeMap<EndpointId, Arc<Upstream>>) {
        let before = self.table.load();
        for (endpoint, upstream) in &mut table {
            let known = before.get(endpoint).filter(|known| known.lies_with(upstream));
            if let (Some(known), Some(fresh)) = (known, Arc::get_mut(upstream)) {
                fresh.refuses_usage = Arc::clone(&known.refuses_usage);
            }
        }
        self.table.store(Arc::new(table));
    }

    /// Where this endpoint lies; `None` if a change of configuration took it away.
    #[must_use]
    pub fn find(&self, endpoint: &EndpointId) -> Option<Arc<Upstream>> {
        self.table.load().get(endpoint).cloned()
    }
}
