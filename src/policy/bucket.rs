//! A level that drains by itself: how refilling buckets and provisioned utilization count.
//!
//! Invariant: the level is exact in fractions of a unit, and what is given back is never more than has not drained yet.
//! Absent on purpose: the ceiling. It comes in with the question, and may be another than the rate at which it drains.
//!
//! Their clock sees a request later than ours, and not every request by the same time. So the level is read `guard` behind:
//! what drained within the guard counts as if it had not. Requests whose ways differ by less than the guard are never
//! refused, and no more than the guard's drain is left unused, once.

use std::time::Duration;

use super::ahead::{Drain, units};
use crate::model::units::{Timestamp, micros};

/// The guard that is kept without a reason.
const USUAL_GUARD: Duration = Duration::from_millis(300);
/// The longest guard.
const LONGEST_GUARD: Duration = Duration::from_secs(3);

/// Of what a service's word shows to be too much, one in so many parts is believed at a time: its counters are several, and
/// not of one mind.
const SINKS: i128 = 4;

/// What a level lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// What fits below the ceiling as a whole (a refilling bucket).
    Whole,
    /// Anything, while the level is below the ceiling (utilization). What goes over it must drain first.
    Open,
}

/// Where an amount ends in everything that ever drained or will: it is gone when that much has. In grains, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// Parts in a grain: far less than a unit, and small marks are what entries are made of.
const GRAIN: i128 = 1_024;

/// An amount that drains continuously.
#[derive(Clone, Debug)]
pub(super) struct Level {
    gate: Gate,
    /// In microseconds, which is also the number of parts in one unit.
    period: u64,
    /// Units that drain in one period; parts that drain in one microsecond.
    rate: u64,
    guard: Duration,
    /// The parts that drain within the guard.
    behind: i128,
    /// Parts that have not drained; below zero for as long as the guard lasts after it ran dry.
    depth: i128,
    /// Parts that have drained or were given back.
    gone: i128,
    seen: Timestamp,
    /// When something was last added.
    last: Option<Timestamp>,
}

impl Level {
    /// A dry level that drains `rate` units per period. It goes on where `before` ends, so that nothing is given back that
    /// was put into the level before it.
    pub(super) fn new(gate: Gate, period: Duration, rate: u64, now: Timestamp, before: Mark) -> Self {
        let mut level = Self {
            gate,
            period: micros(period).max(1),
            rate,
            guard: USUAL_GUARD,
            behind: drained(rate, USUAL_GUARD),
            depth: 0,
            gone: i128::from(before.0) * GRAIN,
            seen: now,
            last: None,
        };
        level.depth = -level.behind;
        level
    }

    /// What it lets in.
    pub(super) const fn gate(&self) -> Gate {
        self.gate
    }

    /// From `now` on it drains at another rate.
    pub(super) fn set_rate(&mut self, now: Timestamp, rate: u64) {
        if self.rate != rate {
            let dry = self.at(now) <= -self.behind;
            self.pass(now);
            self.rate = rate;
            self.behind = drained(rate, self.guard);
            if dry {
                self.depth = -self.behind;
            }
        }
    }

    /// The server said no although we thought it fits: read it further behind.
    pub(super) fn widen(&mut self) {
        self.guard = (self.guard * 2).min(LONGEST_GUARD);
        self.behind = drained(self.rate, self.guard);
    }

    /// Nothing of the kind came for long.
    pub(super) fn narrow(&mut self) {
        self.guard = (self.guard / 2).max(USUAL_GUARD);
        self.behind = drained(self.rate, self.guard);
    }

    /// Whole units that count at `now`, rounded up.
    pub(super) fn taken(&self, now: Timestamp) -> u64 {
        self.units(self.counts(now))
    }

    /// The same, and from when on that changes by itself: not before the next microsecond, and never once it ran dry.
    pub(super) fn taken_until(&self, now: Timestamp) -> (u64, Timestamp) {
        match self.counts(now) {
            0 => (0, Timestamp::MAX),
            counts => (self.units(counts), Timestamp(now.0.saturating_add(1))),
        }
    }

    /// How it drains from `now` on; of an open gate nothing is told.
    pub(super) fn drain(&self, now: Timestamp) -> Option<Drain> {
        let counts = u64::try_from(self.counts(now)).ok().filter(|_| self.gate == Gate::Whole)?;
        Some(Drain { counts, rate: self.rate, period: self.period })
    }

    /// Whole units that have not drained at `now`, rounded up: what counts, the guard aside.
    pub(super) fn held(&self, now: Timestamp) -> u64 {
        self.units(self.at(now).max(0))
    }

    fn units(&self, parts: i128) -> u64 {
        // Wide numbers are slow to divide, and those of a minute are rarely wide.
        match u64::try_from(parts) {
            Ok(narrow) => units(narrow, self.period),
            Err(_) => u64::try_from(parts.unsigned_abs().div_ceil(u128::from(self.period))).unwrap_or(u64::MAX),
        }
    }

    /// The exact time from which `amount` gets in below `ceiling` if nothing else is added; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, amount: u64, ceiling: u64) -> Option<Timestamp> {
        let whole = ceiling.checked_sub(amount).map(|below| self.parts(below));
        match self.gate {
            Gate::Whole => self.falls_to(now, whole?),
            Gate::Open => {
                let below = self.parts(ceiling).checked_sub(1).filter(|below| *below >= 0)?;
                let alone = self.falls_to(now, below)?.max(self.last.map_or(now, |last| last.after(self.lead())));
                Some(whole.and_then(|below| self.falls_to(now, below)).map_or(alone, |whole| whole.min(alone)))
            }
        }
    }

    /// The same if `first` is taken now and then nothing else is added.
    pub(super) fn earliest_behind(&self, now: Timestamp, first: u64, amount: u64, ceiling: u64) -> Option<Timestamp> {
        let mut level = self.clone();
        level.add(now, first);
        level.earliest(now, amount, ceiling)
    }

    /// How long what came last may still be overtaken. Only what goes over the ceiling does harm by it: those that were let
    /// in before find no room then.
    fn lead(&self) -> Duration {
        self.guard * 2 / 15
    }

    /// The exact time from which no more than this many parts count; `None`: never.
    fn falls_to(&self, now: Timestamp, below: i128) -> Option<Timestamp> {
        let over = self.counts(now).saturating_sub(below);
        if over <= 0 {
            return Some(now);
        }
        let wait = over.unsigned_abs().div_ceil(u128::from(Some(self.rate).filter(|rate| *rate > 0)?));
        Some(now.after(Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX))))
    }

    /// Adds an amount that is sent at `now`.
    pub(super) fn add(&mut self, now: Timestamp, amount: u64) -> Mark {
        self.last = Some(now);
        self.grow(now, amount)
    }

    /// It turns out to hold so much more: what was sent before, and nothing can overtake any more.
    pub(super) fn grow(&mut self, now: Timestamp, amount: u64) -> Mark {
        self.pass(now);
        self.depth = self.depth.max(0).saturating_add(self.parts(amount));
        self.end()
    }

    /// The end of everything that was ever added.
    pub(super) fn end(&self) -> Mark {
        let end = self.gone.saturating_add(self.depth.max(0)).saturating_add(GRAIN - 1) / GRAIN;
        Mark(u64::try_from(end).unwrap_or(u64::MAX))
    }

    /// Takes this much back, as a service does that corrects a charge at the end.
    pub(super) fn correct(&mut self, now: Timestamp, less: u64) {
        self.pass(now);
        self.drop(self.parts(less));
    }

    /// Takes back `less` of the `whole` amount that ended at `mark`, as far as it has not drained.
    pub(super) fn give_back(&mut self, now: Timestamp, mark: Mark, whole: u64, less: u64) {
        self.pass(now);
        let left = (i128::from(mark.0) * GRAIN).saturating_sub(self.gone).clamp(0, self.parts(whole));
        self.drop(self.parts(less).min(left));
    }

    /// The service shows between what bounds lies what has not drained. What we lack of it counts at once; of what we have
    /// too much a part goes with each such word.
    pub(super) fn heed(&mut self, now: Timestamp, (least, most): (u64, u64)) {
        self.pass(now);
        self.drop(self.depth.saturating_sub(self.parts(most)).max(0) / SINKS);
        if self.depth < self.parts(least) {
            self.depth = self.parts(least);
        }
    }

    fn drop(&mut self, parts: i128) {
        let back = parts.min(self.depth.max(0));
        self.depth = self.depth.saturating_sub(back);
        self.gone = self.gone.saturating_add(back);
    }

    fn parts(&self, amount: u64) -> i128 {
        i128::from(amount) * i128::from(self.period)
    }

    /// The depth at `now`; it goes below zero by what drains within the guard.
    fn at(&self, now: Timestamp) -> i128 {
        let elapsed = now.0.saturating_sub(self.seen.0);
        self.depth.saturating_sub(i128::from(elapsed) * i128::from(self.rate)).max(-self.behind)
    }

    /// The parts that count: the level as it was one guard ago, so to say.
    fn counts(&self, now: Timestamp) -> i128 {
        self.at(now).saturating_add(self.behind).max(0)
    }

    fn pass(&mut self, now: Timestamp) {
        let level = self.at(now);
        self.gone = self.gone.saturating_add(self.depth.max(0).saturating_sub(level.max(0)));
        self.depth = level;
        self.seen = self.seen.max(now);
    }
}

fn drained(rate: u64, span: Duration) -> i128 {
    i128::from(rate) * i128::from(micros(span))
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
