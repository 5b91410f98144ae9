//! One limit's time-ordered amounts over a sliding window.
//!
//! Invariant: an amount counts from the moment it is added until a little after the window has passed it, never shorter.
//! Absent on purpose: levels that drain by themselves (`bucket`), and limits; they come in with the question.
//!
//! Amounts that come within a thousandth of the window share a bin, which leaves as late as its newest amount. Bins are
//! summed in blocks and in all, so that "how much is taken" is usually one subtraction, "when does this fit" looks at a few
//! dozen sums, and settling changes three of them.

use std::collections::VecDeque;
use std::time::Duration;

use super::ahead::{Ahead, STEPS};
use crate::model::units::{Timestamp, micros};

/// The shortest guard: what requests differ on their way.
const SHORTEST_GUARD: Duration = Duration::from_millis(40);
/// The longest guard that is kept without a reason.
const LONGEST_GUARD: Duration = Duration::from_millis(300);
/// Bins in a block. There are a thousand bins at most, so as many blocks.
const BLOCK: u64 = 32;

/// So many bins are looked at one by one before they are searched.
const FEW: usize = 8;

/// Where an amount was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

#[derive(Clone, Copy, Debug)]
struct Bin {
    first: Timestamp,
    last: Timestamp,
    amount: u64,
    /// Of the amount, what is not settled yet.
    pending: u64,
}

/// Amounts within a sliding window.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span: Duration,
    /// Their clock sees a request later than ours: an amount leaves here this much after it has left there.
    guard: Duration,
    /// Both together in microseconds: how long an amount counts.
    lasts: u64,
    /// How long a bin takes in amounts, in microseconds.
    width: u64,
    bins: VecDeque<Bin>,
    /// The place of the first bin.
    first_place: u64,
    /// Sums of bins by `place / BLOCK`, from that of the first bin on.
    blocks: VecDeque<u64>,
    /// Sum of all bins.
    sum: u64,
}

impl Window {
    /// An empty window whose amounts leave `span` plus `guard` after they came.
    pub(super) fn new(span: Duration, guard: Duration) -> Self {
        let (lasts, width) = (micros(span.saturating_add(guard)), micros(span / 1_000));
        let (bins, blocks) = (VecDeque::new(), VecDeque::new());
        Self { span, guard, lasts, width, bins, first_place: 0, blocks, sum: 0 }
    }

    /// The usual guard: long enough for what requests differ on their way to the server (40 ms on a slice of a second),
    /// and from ten seconds on short enough to cost less than one percent.
    pub(super) fn guarded(span: Duration) -> Self {
        Self::new(span, usual_guard(span))
    }

    /// The server said no although we thought it fits: let amounts leave later, up to a tenth of the window.
    pub(super) fn widen(&mut self) {
        self.set_guard((self.guard * 2).min(self.span / 10).max(self.guard));
    }

    /// Nothing of the kind came for long: let amounts leave half as late again, down to the usual guard.
    pub(super) fn narrow(&mut self) {
        self.set_guard((self.guard / 2).max(usual_guard(self.span)).min(self.guard));
    }

    /// The same, with nothing in it.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.span, self.guard)
    }

    fn set_guard(&mut self, guard: Duration) {
        self.guard = guard;
        self.lasts = micros(self.span.saturating_add(guard));
    }

    /// Its length.
    pub(super) const fn span(&self) -> Duration {
        self.span
    }

    /// A window of another span that holds what `history` knows of it. Places in this one mean nothing there.
    pub(super) fn successor(&self, now: Timestamp, span: Duration, history: &Self) -> Self {
        let mut next = Self::guarded(span);
        next.first_place = self.end();
        for bin in history.bins.iter().skip(history.gone(now)).filter(|bin| bin.amount > 0) {
            let place = next.add(bin.last, bin.amount);
            next.settle(place, bin.amount, bin.amount);
        }
        next
    }

    /// How long an amount counts.
    pub(super) fn lasts(&self) -> Duration {
        self.span.saturating_add(self.guard)
    }

    /// What counts at `now`.
    pub(super) fn taken(&self, now: Timestamp) -> u64 {
        self.sum.saturating_sub(self.left(now))
    }

    /// What counts at `now`, and when the next of it leaves.
    pub(super) fn taken_until(&self, now: Timestamp) -> (u64, Timestamp) {
        match self.bins.front() {
            None => (0, Timestamp::MAX),
            // Mostly nothing has left since the last one came.
            Some(first) if self.leaves(first) > now => (self.sum, self.leaves(first)),
            Some(_) => {
                let next = self.bins.get(self.gone(now)).map_or(Timestamp::MAX, |bin| self.leaves(bin));
                (self.taken(now), next)
            }
        }
    }

    /// What came after a moment, as far as it has not left.
    pub(super) fn since(&self, moment: Timestamp) -> u64 {
        let before = self.bins.partition_point(|bin| bin.last <= moment);
        self.sum.saturating_sub(self.sum_of_first(before))
    }

    /// What leaves next of what counts at `now`.
    pub(super) fn ahead(&self, now: Timestamp) -> Ahead {
        let mut steps = [(0, Timestamp::MAX); STEPS];
        let mut next = self.bins.iter().skip_while(|bin| self.leaves(bin) <= now);
        let mut left = 0_u64;
        for step in &mut steps {
            let Some(bin) = next.next() else { break };
            left = left.saturating_add(bin.amount);
            *step = (left, self.leaves(bin));
        }
        Ahead::Steps(steps)
    }

    /// Whether less than `amount` counts at `now`.
    pub(super) fn is_below(&self, now: Timestamp, amount: u64) -> bool {
        self.sum < amount || self.taken(now) < amount
    }

    /// Of what counts at `now`, what is not settled yet.
    pub(super) fn pending(&self, now: Timestamp) -> u64 {
        self.bins.iter().skip(self.gone(now)).fold(0, |sum, bin| sum.saturating_add(bin.pending))
    }

    /// The exact time from which `cost` fits below `limit` if nothing else is added; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, cost: u64, limit: u64) -> Option<Timestamp> {
        let room = limit.checked_sub(cost)?;
        // Mostly it fits whatever has left since the last one came.
        if self.sum <= room {
            return Some(now);
        }
        let before = self.left(now);
        let excess = self.sum.saturating_sub(before).saturating_sub(room);
        if excess == 0 {
            return Some(now);
        }
        let enough = self.reaching(before.saturating_add(excess));
        self.bins.get(enough).map(|bin| self.leaves(bin).max(now))
    }

    /// Adds an amount at `now`, pending until settled. Drops what has left.
    pub(super) fn add(&mut self, now: Timestamp, amount: u64) -> Place {
        self.drop_gone(now);
        if let Some(bin) = self.bins.back_mut()
            && now.0.saturating_sub(bin.first.0) < self.width
        {
            bin.last = bin.last.max(now);
            bin.amount = bin.amount.saturating_add(amount);
            bin.pending = bin.pending.saturating_add(amount);
        } else {
            if self.bins.is_empty() || self.end().is_multiple_of(BLOCK) {
                self.blocks.push_back(0);
            }
            self.bins.push_back(Bin { first: now, last: now, amount, pending: amount });
        }
        if let Some(block) = self.blocks.back_mut() {
            *block = block.saturating_add(amount);
        }
        self.sum = self.sum.saturating_add(amount);
        Place(self.end().saturating_sub(1))
    }

    /// Replaces a pending amount by what it came to in the end; nothing happens if it has left already.
    pub(super) fn settle(&mut self, place: Place, was: u64, is: u64) {
        let Some(at) = place.0.checked_sub(self.first_place).and_then(|at| usize::try_from(at).ok()) else { return };
        let Some(bin) = self.bins.get_mut(at) else { return };
        bin.pending = bin.pending.saturating_sub(was);
        if was == is {
            return;
        }
        bin.amount = bin.amount.saturating_sub(was).saturating_add(is);
        if let Some(block) = self.blocks.get_mut(block_of(place.0, self.first_place)) {
            *block = block.saturating_sub(was).saturating_add(is);
        }
        self.sum = self.sum.saturating_sub(was).saturating_add(is);
    }

    fn leaves(&self, bin: &Bin) -> Timestamp {
        Timestamp(bin.last.0.saturating_add(self.lasts))
    }

    /// The place that the next bin gets.
    fn end(&self) -> u64 {
        self.first_place.saturating_add(self.bins.len() as u64)
    }

    /// How many bins have left at `now`.
    fn gone(&self, now: Timestamp) -> usize {
        self.bins.partition_point(|bin| self.leaves(bin) <= now)
    }

    /// The sum of what has left at `now`.
    fn left(&self, now: Timestamp) -> u64 {
        let mut sum = 0_u64;
        // Since adding drops those that have left, there are none or a few.
        for bin in self.bins.iter().take(FEW) {
            if self.leaves(bin) > now {
                return sum;
            }
            sum = sum.saturating_add(bin.amount);
        }
        self.sum_of_first(self.gone(now))
    }

    /// The bins of a block as far as they are there, from the first bin on.
    fn bins_before(&self, block: usize) -> usize {
        let start = (self.first_place / BLOCK).saturating_add(block as u64).saturating_mul(BLOCK);
        usize::try_from(start.saturating_sub(self.first_place)).unwrap_or(usize::MAX)
    }

    fn sum_of_first(&self, bins: usize) -> u64 {
        let last = self.first_place.saturating_add(bins as u64);
        let whole = block_of(last, self.first_place);
        let blocks = self.blocks.iter().take(whole).fold(0_u64, |sum, block| sum.saturating_add(*block));
        let rest = self.bins.iter().take(bins).skip(self.bins_before(whole));
        rest.fold(blocks, |sum, bin| sum.saturating_add(bin.amount))
    }

    /// The bin with which the sum from the first on reaches `target`.
    fn reaching(&self, target: u64) -> usize {
        let (mut sum, mut block) = (0_u64, 0);
        while let Some(next) = self.blocks.get(block)
            && sum.saturating_add(*next) < target
        {
            sum = sum.saturating_add(*next);
            block += 1;
        }
        let start = self.bins_before(block);
        let within = self.bins.iter().skip(start).position(|bin| {
            sum = sum.saturating_add(bin.amount);
            sum >= target
        });
        within.map_or(usize::MAX, |within| start.saturating_add(within))
    }

    fn drop_gone(&mut self, now: Timestamp) {
        while let Some(bin) = self.bins.front()
            && self.leaves(bin) <= now
        {
            self.sum = self.sum.saturating_sub(bin.amount);
            if let Some(block) = self.blocks.front_mut() {
                *block = block.saturating_sub(bin.amount);
            }
            self.bins.pop_front();
            self.first_place = self.first_place.saturating_add(1);
            if self.first_place.is_multiple_of(BLOCK) || self.bins.is_empty() {
                self.blocks.pop_front();
            }
        }
    }
}

/// Where a place's block stands among those from the first place's on.
fn block_of(place: u64, first_place: u64) -> usize {
    usize::try_from((place / BLOCK).saturating_sub(first_place / BLOCK)).unwrap_or(usize::MAX)
}

fn usual_guard(span: Duration) -> Duration {
    (span * 9 / 1_000).clamp(SHORTEST_GUARD, LONGEST_GUARD)
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
