//! One limit's amounts: in a window, and as a level where the service counts so.
//!
//! Invariant: the window knows everything of its span whichever way is counted, so that another way of counting, or a limit
//! that becomes known, begins with what really came before.
//! Absent on purpose: the limit. It comes in with the question.

use std::time::Duration;

use super::ahead::{Ahead, Drain};
use super::bucket::{Gate, Level, Mark};
use super::window::{Place, Window};
use crate::model::units::Timestamp;

/// How a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// What came within the window.
    Log,
    /// A level that drains one limit per window.
    Level(Gate),
}

/// Where an amount was put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    place: Place,
    /// Absent if it was put there before it was counted as a level.
    mark: Option<Mark>,
}

/// The amounts of one limit.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    log: Window,
    level: Option<Level>,
    /// Where the last level that was given up ended.
    ended: Mark,
}

impl Meter {
    /// An empty meter over this window, with the usual guard.
    pub(super) fn guarded(span: Duration) -> Self {
        Self { log: Window::guarded(span), level: None, ended: Mark::default() }
    }

    /// An empty meter of a limit of our own: nothing is on its way to it, so it keeps no guard.
    pub(super) fn exact(span: Duration) -> Self {
        Self { log: Window::new(span, Duration::ZERO), level: None, ended: Mark::default() }
    }

    /// The same, with nothing in it.
    pub(super) fn emptied(&self) -> Self {
        Self { log: self.log.emptied(), level: None, ended: self.ended }
    }

    /// Counts in this manner from `now` on; a level drains one `limit` per window. While no limit is known there is
    /// nothing to drain by, and the window counts.
    pub(super) fn count(&mut self, now: Timestamp, manner: Manner, limit: Option<u64>) {
        let (Manner::Level(gate), Some(rate)) = (manner, limit) else {
            self.end_level();
            return;
        };
        match &mut self.level {
            Some(level) if level.gate() == gate => level.set_rate(now, rate),
            _ => {
                self.end_level();
                // Nobody who kept within a limit holds more of it than came in its last window.
                let mut fresh = Level::new(gate, self.log.span(), rate, now, self.ended);
                fresh.add(now, self.log.taken(now));
                self.level = Some(fresh);
            }
        }
    }

    fn end_level(&mut self) {
        if let Some(level) = self.level.take() {
            self.ended = level.end();
        }
    }

    /// Forgets nothing, but looks at another span: what came within it counts, as exactly as the window knows.
    pub(super) fn respan(&mut self, now: Timestamp, span: Duration, history: &Self) {
        self.log = self.log.successor(now, span, &history.log);
    }

    /// The service says it is full: a level is, whatever we knew of it. A log knows what is in it.
    pub(super) fn fill(&mut self, now: Timestamp, limit: u64) {
        if let Some(level) = &mut self.level {
            let missing = limit.saturating_sub(level.held(now));
            level.add(now, missing);
        }
    }

    /// The service shows between what bounds lies what has not drained of a level. A log knows what is in it.
    pub(super) fn heed(&mut self, now: Timestamp, bounds: (u64, u64)) {
        if let Some(level) = &mut self.level {
            level.heed(now, bounds);
        }
    }

    /// What counts at `now`.
    pub(super) fn taken(&self, now: Timestamp) -> u64 {
        self.level.as_ref().map_or_else(|| self.log.taken(now), |level| level.taken(now))
    }

    /// What counts at `now`, and from when on that changes by itself.
    pub(super) fn taken_until(&self, now: Timestamp) -> (u64, Timestamp) {
        match &self.level {
            Some(level) => level.taken_until(now),
            None => self.log.taken_until(now),
        }
    }

    /// How what is taken of it comes back. Of a window that is looked up where room is `scarce` alone.
    pub(super) fn ahead(&self, now: Timestamp, scarce: bool) -> Ahead {
        match &self.level {
            Some(level) => level.drain(now).map_or(Ahead::Unknown, Ahead::Drain),
            None if scarce => self.log.ahead(now),
            None => Ahead::Unknown,
        }
    }

    /// How it drains, if it is counted as a level that lets in what fits below it.
    pub(super) fn drain(&self, now: Timestamp) -> Option<Drain> {
        self.level.as_ref()?.drain(now)
    }

    /// Whether less than `amount` counts at `now`.
    pub(super) fn is_below(&self, now: Timestamp, amount: u64) -> bool {
        self.level.as_ref().map_or_else(|| self.log.is_below(now, amount), |level| level.taken(now) < amount)
    }

    /// What is in it at `now`, and what of that is not settled yet. A level's guard is left out: it is ours alone.
    pub(super) fn standing(&self, now: Timestamp) -> (u64, u64) {
        let held = self.level.as_ref().map_or_else(|| self.log.taken(now), |level| level.held(now));
        (held, self.log.pending(now).min(held))
    }

    /// The exact time from which `amount` gets in below `limit` if nothing else is added; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, amount: u64, limit: u64) -> Option<Timestamp> {
        match &self.level {
            Some(level) => level.earliest(now, amount, limit),
            None => self.log.earliest(now, amount, limit),
        }
    }

    /// The same if `first` is taken now and then nothing else is added.
    pub(super) fn earliest_behind(&self, now: Timestamp, first: u64, amount: u64, limit: u64) -> Option<Timestamp> {
        match &self.level {
            Some(level) => level.earliest_behind(now, first, amount, limit),
            None => self.log.earliest(now, first.saturating_add(amount), limit),
        }
    }

    /// Whether what comes now has left again by then. A level never forgets so plainly.
    pub(super) fn is_gone(&self, now: Timestamp, by: Timestamp) -> bool {
        self.level.is_none() && now.after(self.log.lasts()) <= by
    }

    /// Adds an amount at `now`, pending until settled.
    pub(super) fn add(&mut self, now: Timestamp, amount: u64) -> Spot {
        let mark = self.level.as_mut().map(|level| level.add(now, amount));
        Spot { place: self.log.add(now, amount), mark }
    }

    /// Replaces a pending amount by what it came to in the end. What it came to beyond the amount drains from now on.
    pub(super) fn settle(&mut self, now: Timestamp, spot: Spot, was: u64, is: u64) {
        self.log.settle(spot.place, was, is);
        let Some(level) = &mut self.level else { return };
        match spot.mark {
            _ if is > was => {
                level.add(now, is - was);
            }
            // Provisioned throughput corrects itself; what never counted there is gone as far as it drained.
            _ if is > 0 && is < was && level.gate() == Gate::Open => level.correct(now, was - is),
            Some(mark) if is < was => level.give_back(now, mark, was, was - is),
            _ => {}
        }
    }

    /// The server had no room where we saw some: amounts leave later.
    pub(super) fn widen(&mut self) {
        self.log.widen();
        if let Some(level) = &mut self.level {
            level.widen();
        }
    }

    /// No such surprise for long: amounts leave a little earlier again.
    pub(super) fn narrow(&mut self) {
        self.log.narrow();
        if let Some(level) = &mut self.level {
            level.narrow();
        }
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
