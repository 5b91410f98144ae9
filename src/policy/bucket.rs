//! A level that drains by itself: how refilling buckets and provisioned utilization count.
//!
//! Invariant: the level is exact in fractions of a unit, and what is given back is never more than has not drained yet.
//! Absent on purpose: the ceiling. It comes in with the question, and may be another than the rate at which it drains.
//!
//! Their clock sees a request later than ours, and not every request by the same time. So the level is read `guard` behind:
//! what drained within the guard counts as if it had not. Requests whose ways differ by less than the guard are never
//! refused, and no more than the guard's drain is left unused, once.

use std::time::Duration;

use crate::model::units::{Timestamp, micros};

/// The guard that is kept without a reason.
const USUAL_GUARD: Duration = Duration::from_millis(300);
/// The longest guard.
const LONGEST_GUARD: Duration = Duration::from_secs(3);

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
            depth: 0,
            gone: i128::from(before.0) * GRAIN,
            seen: now,
            last: None,
        };
        level.depth = level.floor();
        level
    }

    /// What it lets in.
    pub(super) const fn gate(&self) -> Gate {
        self.gate
    }

    /// From `now` on it drains at another rate.
    pub(super) fn set_rate(&mut self, now: Timestamp, rate: u64) {
        if self.rate != rate {
            let dry = self.at(now) <= self.floor();
            self.pass(now);
            self.rate = rate;
            if dry {
                self.depth = self.floor();
            }
        }
    }

    /// The server said no although we thought it fits: read it further behind.
    pub(super) fn widen(&mut self) {
        self.guard = (self.guard * 2).min(LONGEST_GUARD);
    }

    /// Nothing of the kind came for long.
    pub(super) fn narrow(&mut self) {
        self.guard = (self.guard / 2).max(USUAL_GUARD);
    }

    /// Whole units that count at `now`, rounded up.
    pub(super) fn taken(&self, now: Timestamp) -> u64 {
        self.units(self.counts(now))
    }

    /// Whole units that have not drained at `now`, rounded up: what counts, the guard aside.
    pub(super) fn held(&self, now: Timestamp) -> u64 {
        self.units(self.at(now).max(0))
    }

    fn units(&self, parts: i128) -> u64 {
        u64::try_from(parts.unsigned_abs().div_ceil(u128::from(self.period))).unwrap_or(u64::MAX)
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

    /// Adds an amount at `now`.
    pub(super) fn add(&mut self, now: Timestamp, amount: u64) -> Mark {
        self.pass(now);
        self.last = Some(now);
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

    fn drop(&mut self, parts: i128) {
        let back = parts.min(self.depth.max(0));
        self.depth = self.depth.saturating_sub(back);
        self.gone = self.gone.saturating_add(back);
    }

    fn parts(&self, amount: u64) -> i128 {
        i128::from(amount) * i128::from(self.period)
    }

    /// How far below zero the level goes: what drains within the guard.
    fn floor(&self) -> i128 {
        -(i128::from(self.rate) * i128::from(micros(self.guard)))
    }

    fn at(&self, now: Timestamp) -> i128 {
        let drained = i128::from(micros(now.since(self.seen))) * i128::from(self.rate);
        self.depth.saturating_sub(drained).max(self.floor())
    }

    /// The parts that count: the level as it was one guard ago, so to say.
    fn counts(&self, now: Timestamp) -> i128 {
        self.at(now).saturating_sub(self.floor()).max(0)
    }

    fn pass(&mut self, now: Timestamp) {
        let level = self.at(now);
        self.gone = self.gone.saturating_add(self.depth.max(0).saturating_sub(level.max(0)));
        self.depth = level;
        self.seen = self.seen.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::MINUTE;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }
    fn bucket(limit: u64) -> Level {
        Level::new(Gate::Whole, MINUTE, limit, Timestamp::ZERO, Mark::default())
    }

    #[test]
    fn a_bucket_takes_its_limit_at_once_and_then_the_refill() {
        let mut level = bucket(600);
        assert_eq!(level.earliest(at(0), 600, 600), Some(at(0)));
        level.add(at(0), 600);
        assert_eq!(level.earliest(at(0), 10, 600), Some(at(1_300)), "a second for ten, and the guard");
        assert_eq!(level.earliest(at(0), 601, 600), None);
        assert_eq!((level.taken(at(60_299)), level.taken(at(60_300))), (1, 0));
    }

    #[test]
    fn the_named_time_is_exact_to_the_microsecond() {
        let mut level = bucket(7_000);
        level.add(at(0), 6_500);
        let when = level.earliest(at(5), 1_234, 7_000).expect("it fits");
        let just_before = Timestamp(when.0 - 1);
        assert!(level.earliest(just_before, 1_234, 7_000) > Some(just_before));
        assert_eq!(level.earliest(when, 1_234, 7_000), Some(when));
    }

    #[test]
    fn utilization_lets_anything_in_below_its_ceiling_and_makes_the_rest_drain() {
        let mut level = Level::new(Gate::Open, MINUTE, 600, Timestamp::ZERO, Mark::default());
        level.add(at(0), 500);
        assert_eq!(level.earliest(at(0), 5_000, 600), Some(at(40)), "once nothing can be overtaken");
        assert_eq!(level.earliest(at(0), 5, 600), Some(at(0)));
        level.add(at(0), 700);
        let when = level.earliest(at(0), 1, 600).expect("it drains");
        assert_eq!(when, Timestamp(60_300_001), "600 over drain in a minute, and one part more");
        assert_eq!(level.earliest(at(0), 1, 0), None);
    }

    #[test]
    fn what_has_drained_is_not_given_back() {
        let mut level = bucket(600);
        let first = level.add(at(0), 100);
        level.add(at(5_000), 50);
        level.give_back(at(5_000), first, 100, 100);
        assert_eq!(level.taken(at(5_300)), 50, "half of the first had drained; the second counts in full");
        level.give_back(at(5_000), first, 100, 100);
        assert_eq!(level.taken(at(5_300)), 50, "and nothing comes back twice");
    }

    #[test]
    fn another_rate_holds_from_its_time_on() {
        let mut level = bucket(600);
        level.add(at(0), 600);
        level.set_rate(at(30_000), 1_200);
        assert_eq!(level.taken(at(45_300)), 0, "300 at ten a second, 300 at twenty");
    }

    #[test]
    fn a_level_that_nothing_drains_names_no_time() {
        let mut level = bucket(0);
        level.add(at(0), 5);
        assert_eq!(level.earliest(at(0), 6, 10), None);
        assert_eq!(level.earliest(at(0), 5, 10), Some(at(0)));
    }
}
