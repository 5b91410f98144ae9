//! How many entries are kept of what comes and goes, for whoever looks whether anything grows.
//!
//! Invariant: reads only. With nobody under way, all but what is remembered of stored state are zero.
//! Absent on purpose: what is bounded by the configuration: endpoints, pools, routes.

use super::balancer::Balancer;
use crate::model::status::KeptState;

impl Balancer {
    /// Each kind with its number.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        let remembered = |kept: &KeptState| usize::try_from(kept.known).unwrap_or(usize::MAX);
        [
            ("requests", self.jobs.len()),
            ("visits", self.visits.len()),
            ("reservations", self.expiries.len()),
            ("waiting", self.deadlines.len()),
            ("stored_state", self.owners.kept().iter().map(remembered).fold(0, usize::saturating_add)),
        ]
    }
}
