//! What is kept for whoever is next in its lane: a place at one endpoint from a time on, so that others may pass without
//! delaying it.
//!
//! Invariant: who passes leaves the room that is claimed; a claim never grows later by those who came after it.
//! Absent on purpose: who is next (`order`), and reserving; a claim takes nothing from any ledger.

use std::collections::BTreeMap;

use super::balancer::Balancer;
use super::judge::{Hope, Judged, Ruling};
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
    /// How important and old it counts beside other routes' claims: no more so than any of its route whose turn comes
    /// before. So whoever waits for another never has that one wait for it.
    pub(super) turn: (Priority, u64),
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

/// Where one stands who is asked to heed what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Before all of its own route's line.
    Ahead,
    /// Next in its lane: only those of its route keep a place now who come before it. With its `turn` as a claimant.
    Next((Priority, u64)),
    /// Behind the next one of its lane.
    Behind,
    /// Sent before, and back from a failure: it was its turn once, and its own route's are to it as any other's.
    Back,
}

impl Standing {
    /// The standing of one who has just come.
    pub(super) const fn of_newcomer(outranks_all: bool) -> Self {
        if outranks_all { Self::Ahead } else { Self::Behind }
    }

    /// Whether a place that is kept for another binds it.
    fn heeds(self, job: &Job, claim: &Claim) -> bool {
        let own = Some(claim.route) == job.route;
        match self {
            _ if claim.order == job.order => false,
            Self::Ahead if own => false,
            Self::Ahead | Self::Back => claim.turn < (job.rank, job.order),
            Self::Next(turn) => own || claim.turn < turn,
            Self::Behind => own || claim.rank <= job.rank,
        }
    }
}

impl Balancer {
    /// Takes back, in a judgement, what is kept for others.
    pub(super) fn heed_claims(&self, now: Timestamp, job: &Job, judged: &mut [Judged], standing: Standing) {
        if self.claims.endpoints.is_empty() {
            return;
        }
        for one in judged {
            let Some(kept) = self.kept_until(now, one, |claim| standing.heeds(job, claim)) else { continue };
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
            oldest(&self.claims.pools, slot, &binds).filter(|claim| {
                let limits = pool.limits_for(spec, claim.estimate.charge);
                !pool.ledger.leaves_room(now, charge, claim.estimate, claim.at, limits)
            })
        });
        own.map(|claim| claim.at).max(shared.map(|claim| claim.at))
    }

    /// Takes up what a route keeps for its next ones, to be kept anew or let go.
    pub(super) fn take_up_claims(&mut self, route: usize) -> Vec<Claim> {
        let Some(state) = self.routes.get_mut(route) else { return Vec::new() };
        let before = std::mem::take(&mut state.claims);
        for claim in &before {
            self.claims.remove(claim);
        }
        before
    }

    /// Keeps a place for one who is next in a lane of a route.
    pub(super) fn keep(&mut self, claim: Claim) {
        let Some(state) = self.routes.get_mut(claim.route) else { return };
        state.claims.push(claim);
        self.claims.insert(claim);
    }

    /// Other routes may look again at what was kept before and is not kept any more.
    pub(super) fn let_go(&mut self, route: usize, before: &[Claim]) {
        for claim in before {
            let kept = self.routes.get(route).is_some_and(|state| state.claims.contains(claim));
            if !kept {
                self.touch_others(claim.slot, route);
            }
        }
    }

    /// One stands in line no more: what was kept for it is free.
    pub(super) fn drop_claim(&mut self, route: usize, order: u64) {
        let Some(state) = self.routes.get_mut(route) else { return };
        let Some(at) = state.claims.iter().position(|claim| claim.order == order) else { return };
        let claim = state.claims.swap_remove(at);
        self.claims.remove(&claim);
        self.touch_others(claim.slot, route);
    }
}
