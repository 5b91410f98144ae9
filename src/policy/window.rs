//! One limit's time-ordered amounts over a sliding window.
//!
//! Invariant: an amount counts from the moment it is added until a little after the window has passed it, never shorter.
//! Absent on purpose: a refilling bucket. Whoever keeps a sliding window of 60 s below L also keeps every bucket of size L
//! that refills L per 60 s from running dry, so one law serves sliding logs, buckets and utilization alike.
//!
//! Amounts that come within a thousandth of the window share a bin, which leaves as late as its newest amount. Bins hold
//! running sums, so that asking "how much is taken" and "when does this fit" is a binary search and changes nothing.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::units::Timestamp;

/// The longest guard that is kept without a reason.
const LONGEST_GUARD: Duration = Duration::from_millis(300);

/// Where an amount was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

#[derive(Clone, Copy, Debug)]
struct Bin {
    first: Timestamp,
    last: Timestamp,
    /// Everything added up to and including this bin, since the log began.
    upto: u64,
    /// Of this bin's amount, what is not settled yet.
    pending: u64,
}

/// Amounts within a sliding window.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span: Duration,
    /// Their clock sees a request later than ours: an amount leaves here this much after it has left there.
    guard: Duration,
    bins: VecDeque<Bin>,
    /// The place of the first bin.
    first_place: u64,
    /// `upto` of the last bin that left.
    base: u64,
}

impl Window {
    /// An empty window whose amounts leave `span` plus `guard` after they came.
    pub(super) fn new(span: Duration, guard: Duration) -> Self {
        Self { span, guard, bins: VecDeque::new(), first_place: 0, base: 0 }
    }

    /// The usual guard: long enough for what requests differ on their way to the server (45 ms on a slice of a second),
    /// short enough to cost less than 5 % of a slice.
    pub(super) fn guarded(span: Duration) -> Self {
        Self::new(span, usual_guard(span))
    }

    /// The server said no although we thought it fits: let amounts leave later, up to a twentieth of the window.
    pub(super) fn widen(&mut self) {
        self.guard = (self.guard * 2).min(self.span / 10).max(self.guard);
    }

    /// Nothing of the kind came for long: let amounts leave half as late again, down to the usual guard.
    pub(super) fn narrow(&mut self) {
        self.guard = (self.guard / 2).max(usual_guard(self.span));
    }

    /// How long an amount counts.
    pub(super) fn lasts(&self) -> Duration {
        self.span.saturating_add(self.guard)
    }

    /// What counts at `now`.
    pub(super) fn taken(&self, now: Timestamp) -> u64 {
        self.sum().saturating_sub(self.base_at(now))
    }

    /// Of what counts at `now`, what is not settled yet.
    pub(super) fn pending(&self, now: Timestamp) -> u64 {
        self.bins.iter().skip(self.gone(now)).fold(0, |sum, bin| sum.saturating_add(bin.pending))
    }

    /// The exact time from which `cost` fits below `limit` if nothing else is added; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, cost: u64, limit: u64) -> Option<Timestamp> {
        if cost > limit {
            return None;
        }
        let base = self.base_at(now);
        let excess = self.sum().saturating_sub(base).saturating_add(cost).saturating_sub(limit);
        if excess == 0 {
            return Some(now);
        }
        let enough = self.bins.partition_point(|bin| bin.upto.saturating_sub(base) < excess);
        self.bins.get(enough).map(|bin| self.leaves(bin).max(now))
    }

    /// Adds an amount at `now`, pending until settled. Drops what has left.
    pub(super) fn add(&mut self, now: Timestamp, amount: u64) -> Place {
        self.drop_gone(now);
        let width = self.span / 1_000;
        if let Some(bin) = self.bins.back_mut()
            && now.since(bin.first) < width
        {
            bin.last = bin.last.max(now);
            bin.upto = bin.upto.saturating_add(amount);
            bin.pending = bin.pending.saturating_add(amount);
        } else {
            let upto = self.sum().saturating_add(amount);
            self.bins.push_back(Bin { first: now, last: now, upto, pending: amount });
        }
        Place(self.first_place.saturating_add(self.bins.len() as u64).saturating_sub(1))
    }

    /// Replaces a pending amount by what it came to in the end; nothing happens if it has left already.
    pub(super) fn settle(&mut self, place: Place, was: u64, is: u64) {
        let Some(at) = place.0.checked_sub(self.first_place).and_then(|at| usize::try_from(at).ok()) else { return };
        if let Some(bin) = self.bins.get_mut(at) {
            bin.pending = bin.pending.saturating_sub(was);
        }
        if was != is {
            for bin in self.bins.iter_mut().skip(at) {
                bin.upto = bin.upto.saturating_sub(was).saturating_add(is);
            }
        }
    }

    fn leaves(&self, bin: &Bin) -> Timestamp {
        bin.last.after(self.span).after(self.guard)
    }

    fn sum(&self) -> u64 {
        self.bins.back().map_or(self.base, |bin| bin.upto)
    }

    /// How many bins have left at `now`.
    fn gone(&self, now: Timestamp) -> usize {
        // The usual case is that none has, since adding drops those.
        if self.bins.front().is_none_or(|bin| self.leaves(bin) > now) {
            return 0;
        }
        self.bins.partition_point(|bin| self.leaves(bin) <= now)
    }

    fn base_at(&self, now: Timestamp) -> u64 {
        let last = self.gone(now).checked_sub(1);
        last.and_then(|last| self.bins.get(last)).map_or(self.base, |bin| bin.upto)
    }

    fn drop_gone(&mut self, now: Timestamp) {
        while let Some(bin) = self.bins.front()
            && self.leaves(bin) <= now
        {
            self.base = bin.upto;
            self.first_place = self.first_place.saturating_add(1);
            self.bins.pop_front();
        }
        if self.bins.is_empty() {
            self.base = 0;
        }
    }
}

fn usual_guard(span: Duration) -> Duration {
    (span * 9 / 200).min(LONGEST_GUARD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }
    fn minute() -> Window {
        Window::new(Duration::from_mins(1), Duration::ZERO)
    }

    #[test]
    fn an_amount_counts_for_the_window_and_then_no_longer() {
        let mut window = minute();
        window.add(at(1_000), 70);
        assert_eq!(window.taken(at(60_999)), 70);
        assert_eq!(window.taken(at(61_000)), 0);
    }

    #[test]
    fn the_guard_keeps_an_amount_a_little_longer() {
        let mut window = Window::guarded(Duration::from_mins(1));
        window.add(at(0), 5);
        assert_eq!((window.taken(at(60_299)), window.taken(at(60_300))), (5, 0));
        window.widen();
        assert_eq!((window.taken(at(60_599)), window.taken(at(60_600))), (5, 0));
    }

    #[test]
    fn the_earliest_time_is_when_enough_has_left() {
        let mut window = minute();
        window.add(at(0), 40);
        window.add(at(10_000), 40);
        assert_eq!(window.earliest(at(20_000), 20, 100), Some(at(20_000)));
        assert_eq!(window.earliest(at(20_000), 21, 100), Some(at(60_000)));
        assert_eq!(window.earliest(at(20_000), 61, 100), Some(at(70_000)));
        assert_eq!(window.earliest(at(20_000), 101, 100), None);
    }

    #[test]
    fn a_shared_bin_leaves_with_its_newest_amount() {
        let mut window = minute();
        window.add(at(0), 1);
        window.add(at(59), 1);
        assert_eq!(window.taken(at(60_058)), 2);
        assert_eq!(window.taken(at(60_059)), 0);
    }

    #[test]
    fn settling_changes_only_its_own_amount() {
        let mut window = minute();
        let first = window.add(at(0), 40);
        window.add(at(1_000), 30);
        window.settle(first, 40, 10);
        assert_eq!((window.taken(at(2_000)), window.pending(at(2_000))), (40, 30));
        assert_eq!(window.taken(at(60_500)), 30);
    }

    #[test]
    fn settling_what_has_left_changes_nothing() {
        let mut window = minute();
        let old = window.add(at(0), 40);
        window.add(at(61_000), 30);
        window.settle(old, 40, 0);
        assert_eq!((window.taken(at(61_000)), window.pending(at(61_000))), (30, 30));
    }
}
