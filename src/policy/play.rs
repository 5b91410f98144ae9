//! Plays lines over copies of the ledgers: who would start when, if nobody else came.
//!
//! Invariant: nothing real is touched, and time only moves on; the next one of a lane is never delayed by those who pass it.
//! Absent on purpose: who may still come, and what is kept for them (`pacing`); when requests in flight will really end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::claim::Claim;
use super::ledger::{Ledger, Limits};
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
    /// The least it would take anywhere.
    pub(super) charge: u64,
    /// Those of one lane wait for the same.
    pub(super) lane: usize,
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
}

/// Where and when one would start, and what it would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Timestamp,
    pub(super) gate: usize,
    /// Of the caller whose limits bind it.
    pub(super) purse: Option<usize>,
    pub(super) estimate: Estimate,
}

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

/// Those of one lane, during the play.
#[derive(Debug, Default)]
struct Queue {
    /// In the order of service; the next one first.
    order: std::collections::VecDeque<usize>,
    /// The smallest last.
    by_charge: Vec<usize>,
}

impl Queue {
    /// Forgets those who have gone.
    fn tidy(&mut self, gone: &[bool]) {
        let has_gone = |at: &usize| gone.get(*at).copied().unwrap_or(true);
        while self.order.front().is_some_and(has_gone) {
            self.order.pop_front();
        }
        while self.by_charge.last().is_some_and(has_gone) {
            self.by_charge.pop();
        }
    }
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
        self.next_beside(from, player, &[], cost)
    }

    /// The same, leaving room for those whose turn it is.
    fn next_beside(
        &self,
        from: Timestamp,
        player: Player,
        kept: &[Start],
        cost: impl Fn(usize) -> Option<Estimate>,
    ) -> Option<Start> {
        let from = from.max(self.now);
        let mut best: Option<Start> = None;
        let told = player.charge >= self.smallest;
        for (bound, at) in &self.bounds {
            if told && best.is_some_and(|best| *bound >= best.at) {
                break;
            }
            let Some(gate) = self.gates.get(*at) else { continue };
            let Some(estimate) = cost(gate.endpoint) else { continue };
            let Some(when) = self.opens(gate, player.purse, from, estimate) else { continue };
            let hindered = kept.iter().filter(|kept| !self.leaves_room(*at, gate, from, estimate, kept));
            let start = Start {
                at: hindered.fold(when, |when, kept| when.max(kept.at)),
                gate: *at,
                purse: player.purse,
                estimate,
            };
            if best.is_none_or(|best| start.at < best.at) {
                best = Some(start);
            }
        }
        best
    }

    fn opens(&self, gate: &Gate, purse: Option<usize>, from: Timestamp, estimate: Estimate) -> Option<Timestamp> {
        let from = gate.running.opens(from.max(gate.opens));
        let mut when = gate.ledger.earliest(from, estimate, gate.limits(estimate))?;
        if let Some(pool) = self.pool(gate) {
            when = when.max(pool.ledger.earliest(from, estimate, pool.limits)?);
        }
        if let Some(purse) = purse.and_then(|purse| self.purses.get(purse)) {
            when = when.max(purse.ledger.earliest(purse.running.opens(from), estimate, purse.limits)?);
        }
        Some(when)
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

    /// Plays everybody, in the order of service, at most to a time. When each starts; `None`: later, or never.
    pub(super) fn run(
        &mut self,
        players: &[Player],
        until: Timestamp,
        cost: impl Fn(usize, usize) -> Option<Estimate>,
    ) -> Vec<Option<Timestamp>> {
        self.smallest = players.iter().map(|player| player.charge).min().unwrap_or_default();
        for gate in 0..self.gates.len() {
            self.bound(gate);
        }
        let (mut starts, mut gone) = (vec![None; players.len()], vec![false; players.len()]);
        let mut queues = queues(players);
        let mut steps = players.len().saturating_mul(4).saturating_add(64);
        let mut go = |play: &mut Self, at: usize, start: Option<Start>, gone: &mut [bool]| {
            if let (Some(known), Some(slot)) = (gone.get_mut(at), starts.get_mut(at)) {
                (*known, *slot) = (true, start.map(|start| start.at));
            }
            if let Some(start) = start {
                play.take(start);
            }
        };
        while self.now <= until && steps > 0 {
            let (mut waiting, mut kept) = (BTreeSet::new(), Vec::new());
            while let Some((first, lane)) = next_of(&mut queues, &gone, &waiting)
                && steps > 0
            {
                steps -= 1;
                let player = players.get(first).copied().unwrap_or_default();
                match self.next_beside(self.now, player, &kept, |endpoint| cost(first, endpoint)) {
                    Some(start) if start.at > self.now => {
                        waiting.insert(lane);
                        kept.push(start);
                    }
                    start => go(self, first, start, &mut gone),
                }
            }
            let Some(mut soon) = kept.iter().map(|start| start.at).min() else { break };
            for lane in waiting {
                let Some(queue) = queues.get_mut(lane) else { continue };
                queue.tidy(&gone);
                let Some(smallest) = queue.by_charge.iter().rev().copied().find(|at| queue.order.front() != Some(at))
                else {
                    continue;
                };
                let start_of = |play: &Self, at: usize| {
                    let player = players.get(at).copied().unwrap_or_default();
                    play.next_beside(play.now, player, &kept, |endpoint| cost(at, endpoint))
                };
                let Some(start) = start_of(self, smallest) else { continue };
                soon = soon.min(start.at).max(self.now);
                if start.at > self.now {
                    continue;
                }
                let behind = queue.order.iter().skip(1).filter(|at| gone.get(**at) == Some(&false));
                let tried: Vec<usize> = behind.take(PASSING).copied().chain([smallest]).collect();
                for at in tried {
                    if gone.get(at) == Some(&false)
                        && let Some(start) = start_of(self, at).filter(|start| start.at <= self.now)
                    {
                        go(self, at, Some(start), &mut gone);
                    }
                }
            }
            self.pass(soon);
        }
        starts
    }
}

/// Lanes in the order of service.
fn queues(players: &[Player]) -> Vec<Queue> {
    let lanes = players.iter().map(|player| player.lane.saturating_add(1)).max().unwrap_or_default();
    let mut queues: Vec<Queue> = (0..lanes).map(|_| Queue::default()).collect();
    for (at, player) in players.iter().enumerate() {
        if let Some(queue) = queues.get_mut(player.lane) {
            queue.order.push_back(at);
            queue.by_charge.push(at);
        }
    }
    for queue in &mut queues {
        queue.by_charge.reverse();
        queue.by_charge.sort_by_key(|at| std::cmp::Reverse(players.get(*at).map_or(0, |player| player.charge)));
    }
    queues
}

/// The first in order of the lanes that do not wait.
fn next_of(queues: &mut [Queue], gone: &[bool], waiting: &BTreeSet<usize>) -> Option<(usize, usize)> {
    let open = queues.iter_mut().enumerate().filter(|(lane, _)| !waiting.contains(lane));
    let firsts = open.filter_map(|(lane, queue)| {
        queue.tidy(gone);
        Some((*queue.order.front()?, lane))
    });
    firsts.min()
}
