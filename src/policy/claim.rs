//! What is kept for whoever is next in turn: a place at one endpoint from a time on, so that others may pass without
//! delaying it.
//!
//! Invariant: who passes leaves the room that is claimed; a claim never grows later by those who came after it.
//! Absent on purpose: who is next (`order`), and reserving; a claim takes nothing from any ledger.

use std::collections::BTreeMap;

use super::balancer::Balancer;
use super::judge::{Hope, Judged, Ruling, pool_limits};
use super::request::Job;
use crate::model::config::Priority;
use crate::model::decision::{Estimate, Exclusion};
use crate::model::units::Timestamp;

/// What is kept, and from when it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) slot: usize,
    /// The endpoint's pool, as a slot.
    pub(super) pool: Option<usize>,
    pub(super) estimate: Estimate,
    pub(super) at: Timestamp,
    pub(super) rank: Priority,
    /// The claimant's place among all arrivals.
    pub(super) order: u64,
    pub(super) route: usize,
}

/// All claims, by where they are. Routes that share an endpoint see each other's; the oldest of a place counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    endpoints: BTreeMap<(usize, u64), Claim>,
    pools: BTreeMap<(usize, u64), Claim>,
}

impl Claims {
    pub(super) fn clear(&mut self) {
        self.endpoints.clear();
        self.pools.clear();
    }

    fn insert(&mut self, claim: Claim) {
        self.endpoints.insert((claim.slot, claim.order), claim);
        if let Some(pool) = claim.pool {
            self.pools.insert((pool, claim.order), claim);
        }
    }

    fn remove(&mut self, claim: &Claim) {
        self.endpoints.remove(&(claim.slot, claim.order));
        if let Some(pool) = claim.pool {
            self.pools.remove(&(pool, claim.order));
        }
    }

    /// All of them, each once.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.endpoints.values()
    }
}

/// The oldest claim on a place that binds somebody.
fn oldest(claims: &BTreeMap<(usize, u64), Claim>, place: usize, binds: impl Fn(&Claim) -> bool) -> Option<&Claim> {
    claims.range((place, 0)..=(place, u64::MAX)).map(|(_, claim)| claim).find(|claim| binds(claim))
}

impl Balancer {
    /// Takes back, in a judgement, what is kept for others. `in_turn`: it is next of its own route, so its route's claim
    /// does not bind it.
    pub(super) fn heed_claims(&self, now: Timestamp, job: &Job, judged: &mut [Judged], in_turn: bool) {
        if self.claims.endpoints.is_empty() {
            return;
        }
        let binds = |claim: &Claim| {
            let own = Some(claim.route) == job.route;
            claim.order != job.order && if own { !in_turn } else { yields(job, claim, in_turn) }
        };
        for one in judged {
            let Some(kept) = self.kept_until(now, one, binds) else { continue };
            match &mut one.ruling {
                Ruling::Fits { .. } => {
                    one.ruling = Ruling::Out(Exclusion::LineAhead, Hope::At(kept));
                    one.free_at = Some(kept);
                }
                Ruling::Out(_, Hope::At(when)) => *when = kept.max(*when),
                Ruling::Out(..) | Ruling::LeastBad => {}
            }
        }
    }

    /// Until when this endpoint is kept for others; `None`: there is room for both.
    fn kept_until(&self, now: Timestamp, one: &Judged, binds: impl Fn(&Claim) -> bool) -> Option<Timestamp> {
        let seat = self.seat(one.endpoint)?;
        let charge = one.estimate;
        let own = oldest(&self.claims.endpoints, seat.slot, &binds).filter(|claim| {
            let limits = seat.state.limits_for(seat.spec, claim.estimate.charge);
            !seat.state.ledger.leaves_room(now, charge, claim.estimate, claim.at, limits)
        });
        let slot = seat.spec.pool.and_then(|pool| self.pool_slot_of.get(pool).copied());
        let shared = slot.zip(seat.pool).and_then(|(slot, (spec, pool))| {
            oldest(&self.claims.pools, slot, &binds)
                .filter(|claim| !pool.ledger.leaves_room(now, charge, claim.estimate, claim.at, pool_limits(spec)))
        });
        own.map(|claim| claim.at).max(shared.map(|claim| claim.at))
    }

    /// Keeps a place for the one who is next on a route, or lets it go. Other routes may look again at what was let go.
    pub(super) fn claim(&mut self, route: usize, claim: Option<Claim>) {
        let Some(state) = self.routes.get_mut(route) else { return };
        let before = std::mem::replace(&mut state.claim, claim);
        if before == claim {
            return;
        }
        if let Some(before) = &before {
            self.claims.remove(before);
            self.touch_others(before.slot, route);
        }
        if let Some(claim) = claim {
            self.claims.insert(claim);
        }
    }
}

/// Whether a request yields to another route's claim: to more important ones, and to older ones of its class.
fn yields(job: &Job, claim: &Claim, in_turn: bool) -> bool {
    claim.rank < job.rank || claim.rank == job.rank && (!in_turn || claim.order < job.order)
}
