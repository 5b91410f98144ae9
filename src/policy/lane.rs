//! Lanes of a line: those who wait for the same stand behind each other, and nobody else does.
//!
//! What ties a request to some of its route's endpoints whatever its size makes its lane: the account that holds its state,
//! the limits of its caller, the endpoints that have failed it for good. So a lane whose account rests holds up no other.
//!
//! Invariant: where the smallest of a lane does not fit, nobody of the lane does; finding it, and the next one, takes a look
//! at no more than the lane's ends.
//! Absent on purpose: turns between classes and callers (`order`).

use std::collections::{BTreeMap, BTreeSet};

use super::balancer::Balancer;
use super::order::{Caller, Waiter};
use super::request::Job;
use crate::model::id::{AccountId, RequestId};

/// What those who stand in it have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    /// Where their state lies.
    account: Option<AccountId>,
    /// The slot of whose limits bind them.
    caller: Option<usize>,
    /// Slots that they may not use any more.
    barred: Vec<usize>,
}

#[cfg(test)]
impl Lane {
    /// Of those whom this caller's limits bind.
    pub(super) fn of_caller(caller: usize) -> Self {
        Self { caller: Some(caller), ..Self::default() }
    }
}

impl Balancer {
    /// Where a request would stand.
    pub(super) fn lane_of(&self, job: &Job) -> Lane {
        let limited = |caller: &usize| self.callers.get(*caller).is_some_and(super::caller::CallerState::is_limited);
        let mut barred = job.barred.clone();
        barred.sort_unstable();
        barred.dedup();
        Lane { account: job.binding.account().cloned(), caller: job.caller.filter(limited), barred }
    }
}

/// Those of one class in one lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// Whose turn it is. Stays until its first one has gone, so that what is kept for that one stays kept.
    next: Option<Caller>,
    waiting: BTreeMap<Caller, BTreeMap<u64, Waiter>>,
    turns: BTreeSet<(u64, u64, Caller)>,
    /// Everyone by charge, so that the smallest is at hand; those put first stay here.
    by_charge: BTreeSet<(u64, u64, RequestId)>,
}

impl Members {
    /// Counts one among those of this size.
    pub(super) fn count(&mut self, waiter: &Waiter) {
        self.by_charge.insert((waiter.charge, waiter.order, waiter.request));
    }

    /// Counts it no longer. Says whether it was there.
    pub(super) fn discount(&mut self, waiter: &Waiter) -> bool {
        self.by_charge.remove(&(waiter.charge, waiter.order, waiter.request))
    }

    /// Whether nobody is here.
    pub(super) fn is_empty(&self) -> bool {
        self.by_charge.is_empty()
    }

    /// How many are here.
    pub(super) fn len(&self) -> usize {
        self.by_charge.len()
    }

    /// The smallest charge, but for one request's.
    pub(super) fn smallest_but(&self, except: Option<RequestId>) -> Option<&(u64, u64, RequestId)> {
        self.by_charge.iter().find(|(_, _, one)| Some(*one) != except)
    }

    /// Goes in line behind those of its caller that came before. `tag` is its caller's.
    pub(super) fn put(&mut self, waiter: Waiter, tag: u64) {
        let caller = waiter.caller.clone();
        self.change(&caller, (tag, tag), |line| {
            line.insert(waiter.order, waiter);
        });
    }

    /// Leaves its caller's line.
    pub(super) fn take(&mut self, waiter: &Waiter, tag: u64) {
        if self.first().is_some_and(|first| first.request == waiter.request) {
            self.next = None;
        }
        self.change(&waiter.caller, (tag, tag), |line| {
            line.remove(&waiter.order);
        });
    }

    /// A caller's tag has grown.
    pub(super) fn retag(&mut self, caller: &Caller, before: u64, after: u64) {
        if self.waiting.contains_key(caller) {
            self.change(caller, (before, after), |_| {});
        }
    }

    /// Changes a caller's line and keeps its turn in step.
    fn change(
        &mut self,
        caller: &Caller,
        (before, after): (u64, u64),
        change: impl FnOnce(&mut BTreeMap<u64, Waiter>),
    ) {
        let line = self.waiting.entry(caller.clone()).or_default();
        if let Some((_, first)) = line.first_key_value() {
            self.turns.remove(&(before.saturating_add(first.charge), first.order, caller.clone()));
        }
        change(line);
        match line.first_key_value() {
            Some((_, first)) => {
                self.turns.insert((after.saturating_add(first.charge), first.order, caller.clone()));
            }
            None => {
                self.waiting.remove(caller);
            }
        }
    }

    /// One has waited long: it weighs as the class above its own.
    pub(super) fn age(&mut self, waiter: &Waiter) {
        let line = self.waiting.get_mut(&waiter.caller);
        if let Some(known) = line.and_then(|line| line.get_mut(&waiter.order)) {
            known.rank = waiter.rank;
        }
    }

    /// The caller whose turn it is.
    pub(super) fn caller_in_turn(&self) -> Option<&Caller> {
        let kept = self.next.as_ref().filter(|caller| self.waiting.contains_key(*caller));
        kept.or_else(|| self.turns.first().map(|(_, _, caller)| caller))
    }

    /// It stays its turn until its first one has gone.
    pub(super) fn keep_turn(&mut self) {
        if self.next.as_ref().is_none_or(|caller| !self.waiting.contains_key(caller)) {
            self.next = self.caller_in_turn().cloned();
        }
    }

    /// It is the same caller's turn as there.
    pub(super) fn keep_turn_of(&mut self, before: &Self) {
        self.next = before.next.clone().filter(|caller| self.waiting.contains_key(caller));
    }

    /// Who is next here.
    pub(super) fn first(&self) -> Option<&Waiter> {
        self.waiting.get(self.caller_in_turn()?)?.first_key_value().map(|(_, waiter)| waiter)
    }

    /// Callers in order of their turns, the one in turn first, with their own in order of arrival.
    pub(super) fn callers(&self) -> impl Iterator<Item = (&Caller, impl Iterator<Item = &Waiter> + Clone)> {
        let first = self.caller_in_turn();
        let others = self.turns.iter().map(|(_, _, caller)| caller).filter(move |caller| Some(*caller) != first);
        let each = first.into_iter().chain(others);
        each.filter_map(|caller| Some((caller, self.waiting.get(caller)?.values())))
    }
}
