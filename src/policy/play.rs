//! Plays a line over copies of the ledgers: who would start when, if nobody else came.
//!
//! Invariant: nothing real is touched, and time only moves on; the one in turn is never delayed by those who pass it.
//! Absent on purpose: when requests in flight will end, and other lines beyond what is claimed for their next ones.

use std::collections::BTreeSet;

use super::claim::Claim;
use super::ledger::{Ledger, Limits};
use super::order::Turn;
use crate::model::decision::Estimate;
use crate::model::units::Timestamp;

/// How many are let pass at a time before time moves on.
const PASSING: usize = 8;

/// An endpoint as the play sees it.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// Index into the configuration's endpoints.
    pub(super) endpoint: usize,
    pub(super) slot: usize,
    /// Rest ends, or now.
    pub(super) opens: Timestamp,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    /// No charge above it ever goes there.
    pub(super) firm: Option<u64>,
    /// Index into the play's pools.
    pub(super) pool: Option<usize>,
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
}

/// Where and when one would start, and what it would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Timestamp,
    pub(super) gate: usize,
    pub(super) estimate: Estimate,
}

/// The stage.
#[derive(Clone, Debug)]
pub(super) struct Play {
    now: Timestamp,
    gates: Vec<Gate>,
    pools: Vec<Share>,
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

/// One in line, during the play.
struct Actor {
    charge: u64,
    start: Option<Timestamp>,
    done: bool,
}

impl Play {
    /// Nobody has started yet.
    pub(super) fn new(now: Timestamp, gates: Vec<Gate>, pools: Vec<Share>, mut claims: Vec<Claim>) -> Self {
        claims.sort_by_key(|claim| std::cmp::Reverse(claim.at));
        let bound_of = vec![now; gates.len()];
        let bounds = (0..gates.len()).map(|gate| (now, gate)).collect();
        Self { now, gates, pools, claims, smallest: 0, bounds, bound_of }
    }

    /// Works out anew from when on a gate is worth a look.
    fn bound(&mut self, at: usize) {
        let Some(gate) = self.gates.get(at) else { return };
        let least = Estimate { prompt: 0, output: 0, charge: self.smallest };
        let when = self.opens(gate, self.now, least).unwrap_or(Timestamp::MAX);
        let Some(known) = self.bound_of.get_mut(at) else { return };
        self.bounds.remove(&(*known, at));
        *known = when;
        self.bounds.insert((when, at));
    }

    /// Where one would start first from `from` on; `cost` gives what it would take by endpoint, absent where it may not go,
    /// and `least` the smallest of these charges.
    pub(super) fn next(&self, from: Timestamp, least: u64, cost: impl Fn(usize) -> Option<Estimate>) -> Option<Start> {
        self.next_beside(from, least, None, cost)
    }

    /// The same, leaving room for one whose turn it is.
    fn next_beside(
        &self,
        from: Timestamp,
        least: u64,
        first: Option<Start>,
        cost: impl Fn(usize) -> Option<Estimate>,
    ) -> Option<Start> {
        let from = from.max(self.now);
        let mut best: Option<Start> = None;
        let told = least >= self.smallest;
        for (bound, at) in &self.bounds {
            if told && best.is_some_and(|best| *bound >= best.at) {
                break;
            }
            let Some(gate) = self.gates.get(*at) else { continue };
            let Some(estimate) = cost(gate.endpoint) else { continue };
            let Some(when) = self.opens(gate, from, estimate) else { continue };
            let kept = first.filter(|first| !self.leaves_room(*at, gate, from, estimate, first));
            let start = Start { at: kept.map_or(when, |first| when.max(first.at)), gate: *at, estimate };
            if best.is_none_or(|best| start.at < best.at) {
                best = Some(start);
            }
        }
        best
    }

    fn opens(&self, gate: &Gate, from: Timestamp, estimate: Estimate) -> Option<Timestamp> {
        let from = from.max(gate.opens);
        let own = gate.ledger.earliest(from, estimate, gate.limits(estimate))?;
        match self.pool(gate) {
            Some(pool) => Some(own.max(pool.ledger.earliest(from, estimate, pool.limits)?)),
            None => Some(own),
        }
    }

    fn pool(&self, gate: &Gate) -> Option<&Share> {
        self.pools.get(gate.pool?)
    }

    fn leaves_room(&self, at: usize, gate: &Gate, from: Timestamp, estimate: Estimate, first: &Start) -> bool {
        let own = at != first.gate
            || gate.ledger.leaves_room(from, estimate, first.estimate, first.at, gate.limits(first.estimate));
        let claimed = self.gates.get(first.gate).and_then(|gate| gate.pool);
        let shared = self.pool(gate).filter(|_| claimed == gate.pool);
        own && shared.is_none_or(|pool| pool.ledger.leaves_room(from, estimate, first.estimate, first.at, pool.limits))
    }

    /// It takes its place there.
    pub(super) fn take(&mut self, start: Start) {
        self.pass(start.at);
        let Some(gate) = self.gates.get_mut(start.gate) else { return };
        gate.ledger.reserve(start.at, start.estimate);
        if let Some(pool) = gate.pool.and_then(|pool| self.pools.get_mut(pool)) {
            pool.ledger.reserve(start.at, start.estimate);
        }
        self.bound(start.gate);
    }

    /// Time moves on; what other routes claimed by then is taken.
    fn pass(&mut self, now: Timestamp) {
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

    /// Plays the whole line, at most to a time. When each starts; `None`: later, or never.
    pub(super) fn run(
        &mut self,
        line: &[Turn],
        until: Timestamp,
        cost: impl Fn(usize, usize) -> Option<Estimate>,
    ) -> Vec<Option<Timestamp>> {
        let actor = |turn: &Turn| Actor { charge: turn.waiter.charge, start: None, done: false };
        let mut actors: Vec<Actor> = line.iter().map(actor).collect();
        let mut by_charge: Vec<usize> = (0..actors.len()).rev().collect();
        by_charge.sort_by_key(|at| std::cmp::Reverse(actors.get(*at).map_or(0, |actor| actor.charge)));
        self.smallest = actors.iter().map(|actor| actor.charge).min().unwrap_or_default();
        for gate in 0..self.gates.len() {
            self.bound(gate);
        }
        let (mut first, mut steps) = (0, actors.len().saturating_mul(4).saturating_add(64));
        while let Some(actor) = actors.get_mut(first)
            && self.now <= until
            && steps > 0
        {
            steps -= 1;
            let start =
                if actor.done { None } else { self.next(self.now, actor.charge, |endpoint| cost(first, endpoint)) };
            match start {
                Some(start) if start.at > self.now => {
                    while by_charge.pop_if(|at| actors.get(*at).is_none_or(|actor| actor.done)).is_some() {}
                    let behind = by_charge.iter().rev().take(2).copied().find(|at| *at != first);
                    let soon = self.let_pass(&mut actors, first, start, behind, &cost);
                    self.pass(soon);
                }
                start => {
                    actor.done = true;
                    if let Some(start) = start {
                        actor.start = Some(start.at);
                        self.take(start);
                    }
                    first += 1;
                }
            }
        }
        actors.into_iter().map(|actor| actor.start).collect()
    }

    /// Lets go those who do not delay the one in turn. When somebody may go next.
    fn let_pass(
        &mut self,
        actors: &mut [Actor],
        first: usize,
        kept: Start,
        smallest: Option<usize>,
        cost: &impl Fn(usize, usize) -> Option<Estimate>,
    ) -> Timestamp {
        let start_of =
            |play: &Self, at, least| play.next_beside(play.now, least, Some(kept), |endpoint| cost(at, endpoint));
        let Some(smallest) = smallest else { return kept.at };
        let soon = start_of(self, smallest, self.smallest).map_or(kept.at, |start| start.at);
        if soon > self.now {
            return soon.min(kept.at);
        }
        let behind = (first + 1..actors.len()).filter(|at| actors.get(*at).is_some_and(|actor| !actor.done));
        let tried: Vec<usize> = behind.take(PASSING).chain([smallest]).collect();
        for at in tried {
            let Some(actor) = actors.get_mut(at).filter(|actor| !actor.done) else { continue };
            if let Some(start) = start_of(self, at, actor.charge).filter(|start| start.at <= self.now) {
                (actor.start, actor.done) = (Some(start.at), true);
                self.take(start);
            }
        }
        self.now
    }
}
