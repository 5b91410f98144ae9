//! Copies of the ledgers to play with: where would one start first, and what is left when it has taken its place?
//!
//! Invariant: nothing real is touched, and time only moves on.
//! Absent on purpose: whose turn it is (`rehearsal`), what is kept for those who may still come (`paced_play`), and when
//! requests in flight will really end.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::claim::Claim;
use super::ledger::{Ledger, Limits};
use crate::model::decision::Estimate;
use crate::model::units::Timestamp;

/// So many gates that are open are compared for who has the most room.
const COMPARED: usize = 8;

/// An endpoint as the play sees it.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// Index into the configuration's endpoints.
    pub(super) endpoint: usize,
    pub(super) slot: usize,
    /// Its group and its region's place there: of those that are open the least is used.
    pub(super) rank: (usize, u32),
    /// Rest ends, or now.
    pub(super) opens: Timestamp,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    /// No charge above it ever goes there.
    pub(super) firm: Option<u64>,
    /// Index into the play's pools.
    pub(super) pool: Option<usize>,
    pub(super) running: Running,
}

/// How many run at once, and may.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    /// `None`: as many as like.
    pub(super) most: Option<u32>,
    /// How long one usually runs.
    pub(super) stay: Duration,
    /// When those that run are thought to end, the first of them first.
    pub(super) ends: Vec<Timestamp>,
}

impl Running {
    /// When one more may run.
    fn opens(&self, from: Timestamp) -> Timestamp {
        let most = self.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let over = self.ends.len().checked_sub(most);
        over.map_or(from, |over| self.ends.get(over).map_or(Timestamp::MAX, |end| from.max(*end)))
    }

    fn start(&mut self, at: Timestamp, stay: Duration) {
        if self.most.is_some() {
            let end = at.after(stay);
            self.ends.drain(..self.ends.partition_point(|known| *known <= at));
            self.ends.insert(self.ends.partition_point(|known| *known <= end), end);
        }
    }
}

/// What a caller may use, as the play sees it.
#[derive(Clone, Debug)]
pub(super) struct Purse {
    /// Its slot.
    pub(super) caller: usize,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    pub(super) running: Running,
}

/// One who takes part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Player {
    /// Its place among all arrivals.
    pub(super) order: u64,
    /// The least it would take anywhere.
    pub(super) charge: u64,
    /// Index into the play's purses.
    pub(super) purse: Option<usize>,
}

impl Gate {
    fn limits(&self, estimate: Estimate) -> Limits {
        self.limits.widened(self.firm, estimate.charge)
    }
}

/// A pool as the play sees it.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) slot: usize,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    /// What no charge may exceed.
    pub(super) firm: Option<u64>,
}

impl Share {
    fn limits(&self, estimate: Estimate) -> Limits {
        self.limits.widened(self.firm, estimate.charge)
    }
}

/// Where and when one would start, and what it would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Timestamp,
    pub(super) gate: usize,
    /// Of the caller whose limits bind it.
    pub(super) purse: Option<usize>,
    pub(super) estimate: Estimate,
    /// Its place among all arrivals: of several for whom a place is kept the oldest counts.
    pub(super) order: u64,
}

/// Of the gates that are open the least is used.
type Rank = ((usize, u32), Reverse<u64>);

/// The stage.
#[derive(Clone, Debug)]
pub(super) struct Play {
    now: Timestamp,
    gates: Vec<Gate>,
    pools: Vec<Share>,
    purses: Vec<Purse>,
    /// What other routes' next ones will take, the latest first.
    claims: Vec<Claim>,
    /// The smallest charge that is asked for.
    smallest: u64,
    /// Gates by when the smallest charge fits at the earliest. What is taken only moves that later, so that an old time
    /// still holds, and whoever looks for the first may stop at the first gate that is too late.
    bounds: BTreeSet<(Timestamp, usize)>,
    /// The same by gate.
    bound_of: Vec<Timestamp>,
}

impl Play {
    /// Nobody has started yet.
    pub(super) fn new(now: Timestamp, gates: Vec<Gate>, pools: Vec<Share>, mut claims: Vec<Claim>) -> Self {
        claims.sort_by_key(|claim| std::cmp::Reverse(claim.at));
        let bound_of = vec![now; gates.len()];
        let bounds = (0..gates.len()).map(|gate| (now, gate)).collect();
        Self { now, gates, pools, purses: Vec::new(), claims, smallest: 0, bounds, bound_of }
    }

    /// With what these callers may use.
    pub(super) fn with(self, purses: Vec<Purse>) -> Self {
        Self { purses, ..self }
    }

    /// The place of a caller's purse.
    pub(super) fn purse_of(&self, caller: Option<usize>) -> Option<usize> {
        self.purses.iter().position(|purse| Some(purse.caller) == caller)
    }

    /// Works out anew from when on a gate is worth a look.
    fn bound(&mut self, at: usize) {
        let Some(gate) = self.gates.get(at) else { return };
        let least = Estimate { prompt: 0, output: 0, charge: self.smallest };
        let when = self.opens(gate, None, self.now, least).unwrap_or(Timestamp::MAX);
        let Some(known) = self.bound_of.get_mut(at) else { return };
        self.bounds.remove(&(*known, at));
        *known = when;
        self.bounds.insert((when, at));
    }

    /// Where one would start first from `from` on; `cost` gives what it would take by endpoint, absent where it may not go.
    pub(super) fn next(
        &self,
        from: Timestamp,
        player: Player,
        cost: impl Fn(usize) -> Option<Estimate>,
    ) -> Option<Start> {
        self.next_beside(from, player, &[], |_, endpoint| cost(endpoint))
    }

    /// The endpoints on the stage, by gate.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = usize> {
        self.gates.iter().map(|gate| gate.endpoint)
    }

    /// The same, leaving room for those whose turn it is; `cost` is asked by gate and endpoint.
    pub(super) fn next_beside(
        &self,
        from: Timestamp,
        player: Player,
        kept: &[Start],
        cost: impl Fn(usize, usize) -> Option<Estimate>,
    ) -> Option<Start> {
        let from = from.max(self.now);
        let (mut best, mut open): (Option<Start>, Option<(Rank, Start)>) = (None, None);
        let (told, mut compared) = (player.charge >= self.smallest, 0);
        for (bound, at) in &self.bounds {
            if told && best.is_some_and(|best| *bound > best.at) || compared >= COMPARED {
                break;
            }
            let Some(gate) = self.gates.get(*at) else { continue };
            let Some(estimate) = cost(*at, gate.endpoint) else { continue };
            let Some(when) = self.opens(gate, player.purse, from, estimate) else { continue };
            let when = self.kept_until(*at, gate, from, estimate, kept).map_or(when, |kept| kept.max(when));
            let start = Start { at: when, gate: *at, purse: player.purse, estimate, order: player.order };
            if best.is_none_or(|best| start.at < best.at) {
                best = Some(start);
            }
            if when <= from {
                compared += 1;
                let rank = (gate.rank, Reverse(self.share(gate, from)));
                if open.is_none_or(|(known, _)| rank < known) {
                    open = Some((rank, start));
                }
            }
        }
        open.map(|(_, start)| start).or(best)
    }

    /// Until when a gate is kept for others: there is not room for both.
    fn kept_until(
        &self,
        at: usize,
        gate: &Gate,
        from: Timestamp,
        estimate: Estimate,
        kept: &[Start],
    ) -> Option<Timestamp> {
        let oldest =
            |here: &dyn Fn(&Start) -> bool| kept.iter().filter(|kept| here(kept)).min_by_key(|kept| kept.order);
        let own = oldest(&|kept| kept.gate == at).filter(|kept| {
            !gate.ledger.leaves_room(from, estimate, kept.estimate, kept.at, gate.limits(kept.estimate))
        });
        let pool = gate.pool.and_then(|pool| self.pools.get(pool));
        let shared = pool.and_then(|pool| {
            oldest(&|kept| self.gates.get(kept.gate).is_some_and(|other| other.pool == gate.pool)).filter(|kept| {
                !pool.ledger.leaves_room(from, estimate, kept.estimate, kept.at, pool.limits(kept.estimate))
            })
        });
        own.map(|kept| kept.at).max(shared.map(|kept| kept.at))
    }

    /// What is free of a gate and its pool.
    fn share(&self, gate: &Gate, at: Timestamp) -> u64 {
        let own = gate.ledger.free_share(at, gate.limits);
        self.pool(gate).map_or(own, |pool| own.min(pool.ledger.free_share(at, pool.limits)))
    }

    fn opens(&self, gate: &Gate, purse: Option<usize>, from: Timestamp, estimate: Estimate) -> Option<Timestamp> {
        let from = gate.running.opens(from.max(gate.opens));
        let mut when = gate.ledger.earliest(from, estimate, gate.limits(estimate))?;
        if let Some(pool) = self.pool(gate) {
            when = when.max(pool.ledger.earliest(from, estimate, pool.limits(estimate))?);
        }
        if let Some(purse) = purse.and_then(|purse| self.purses.get(purse)) {
            when = when.max(purse.ledger.earliest(purse.running.opens(from), estimate, purse.limits)?);
        }
        Some(when)
    }

    fn pool(&self, gate: &Gate) -> Option<&Share> {
        self.pools.get(gate.pool?)
    }

    /// It takes its place there.
    pub(super) fn take(&mut self, start: Start) {
        self.pass(start.at);
        let Some(gate) = self.gates.get_mut(start.gate) else { return };
        gate.ledger.reserve(start.at, start.estimate);
        let stay = gate.running.stay;
        gate.running.start(start.at, stay);
        if let Some(pool) = gate.pool.and_then(|pool| self.pools.get_mut(pool)) {
            pool.ledger.reserve(start.at, start.estimate);
        }
        if let Some(purse) = start.purse.and_then(|purse| self.purses.get_mut(purse)) {
            purse.ledger.reserve(start.at, start.estimate);
            purse.running.start(start.at, stay);
        }
        self.bound(start.gate);
    }

    /// Time moves on; what other routes claimed by then is taken.
    pub(super) fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some(claim) = self.claims.pop_if(|claim| claim.at <= now) {
            let at = self.gates.iter().position(|gate| gate.slot == claim.slot);
            if let Some(gate) = at.and_then(|at| self.gates.get_mut(at)) {
                gate.ledger.reserve(claim.at, claim.estimate);
            }
            if let Some(pool) = self.pools.iter_mut().find(|pool| Some(pool.slot) == claim.pool) {
                pool.ledger.reserve(claim.at, claim.estimate);
            }
        }
    }

    /// What time it is there.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The smallest charge that is asked for.
    pub(super) const fn smallest(&self) -> u64 {
        self.smallest
    }

    /// Nobody asks for less than this.
    pub(super) fn begin(&mut self, smallest: u64) {
        self.smallest = smallest;
        for gate in 0..self.gates.len() {
            self.bound(gate);
        }
    }

    /// No larger charge fits anywhere now; a gate that is empty takes any.
    pub(super) fn widest(&self) -> u64 {
        let free = |gate: &Gate| {
            let free = gate.ledger.free_tokens(self.now, gate.limits).unwrap_or(u64::MAX);
            if gate.limits.tokens.is_some_and(|limit| free < limit) { free } else { u64::MAX }
        };
        self.gates.iter().filter(|gate| gate.opens <= self.now).map(free).max().unwrap_or_default()
    }

    /// What all gates have free at a time if nothing more goes there, and let through in a minute; pools counted once.
    /// `None`: not known of each.
    pub(super) fn free_at(&self, at: Timestamp) -> Option<(u64, u64)> {
        let mut pools: Vec<(u64, u64)> = vec![(0, 0); self.pools.len()];
        let (mut free, mut whole) = (0_u64, 0_u64);
        for gate in &self.gates {
            let left = if at < gate.opens { 0 } else { gate.ledger.free_tokens(at, gate.limits)? };
            let limit = gate.limits.tokens?;
            let (sum, all) = match gate.pool.and_then(|pool| pools.get_mut(pool)) {
                Some((sum, all)) => (sum, all),
                None => (&mut free, &mut whole),
            };
            (*sum, *all) = (sum.saturating_add(left), all.saturating_add(limit));
        }
        for ((left, limit), pool) in pools.into_iter().zip(&self.pools) {
            free = free.saturating_add(left.min(pool.ledger.free_tokens(at, pool.limits).unwrap_or(u64::MAX)));
            whole = whole.saturating_add(limit.min(pool.limits.tokens.unwrap_or(u64::MAX)));
        }
        Some((free, whole))
    }
}
