//! One limit's amounts: in a window, and as a level where the service counts so.
//!
//! Invariant: the window knows everything of its span whichever way is counted, so that another way of counting, or a limit
//! that becomes known, begins with what really came before.
//! Absent on purpose: the limit. It comes in with the question; only of one of ours the service's is kept beside it.

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

/// Whose a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The service counts by it.
    Service,
    /// Ours, which is kept over the window, beside the service's, as far as that is known.
    Ours { ceiling: Option<u64>, service: Option<u64> },
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
    /// There is one of ours beside the service's: then both count, ours by the window and the service's by the level.
    own: Option<Own>,
    /// Where the last level that was given up ended.
    ended: Mark,
}

/// A ceiling of ours, and the service's beside it. The lower of both is the limit that holds; the higher one counts too, since a
/// level may let in two limits within its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    ceiling: u64,
    service: u64,
}

impl Own {
    /// The limit that holds.
    fn limit(self) -> u64 {
        self.ceiling.min(self.service)
    }

    /// What of the limit that holds counts as taken where this much of the service's is.
    fn taken_by_level(self, of_service: u64) -> u64 {
        self.limit().saturating_sub(self.service.saturating_sub(of_service))
    }

    /// The same where the window holds this much.
    fn taken_by_log(self, in_window: u64) -> u64 {
        in_window.saturating_sub(self.ceiling.saturating_sub(self.limit()))
    }

    /// What the window is held against for one who is given this limit.
    fn over_window(self, limit: u64) -> u64 {
        self.ceiling.max(limit)
    }
}

impl Meter {
    /// An empty meter over this window, with the usual guard.
    pub(super) fn guarded(span: Duration) -> Self {
        Self { log: Window::guarded(span), level: None, own: None, ended: Mark::default() }
    }

    /// An empty meter of a limit of our own: nothing is on its way to it, so it keeps no guard.
    pub(super) fn exact(span: Duration) -> Self {
        Self { log: Window::new(span, Duration::ZERO), level: None, own: None, ended: Mark::default() }
    }

    /// The same, holding what another window knows of it.
    pub(super) fn begun(now: Timestamp, span: Duration, history: &Self) -> Self {
        let fresh = Self::guarded(span);
        Self { log: fresh.log.successor(now, span, &history.log), ..fresh }
    }

    /// The same, with nothing in it.
    pub(super) fn emptied(&self) -> Self {
        Self { log: self.log.emptied(), level: None, own: None, ended: self.ended }
    }

    /// Counts in this manner from `now` on; a level drains one `limit` per window. While no limit is known there is
    /// nothing to drain by, and the window counts.
    pub(super) fn count(&mut self, now: Timestamp, manner: Manner, limit: Option<u64>) {
        self.count_for(now, manner, limit, Whose::Service);
    }

    /// The same. One of ours is kept over the window: the service's level does not drain by it.
    pub(super) fn count_for(&mut self, now: Timestamp, manner: Manner, limit: Option<u64>, whose: Whose) {
        let (ceiling, service) = match whose {
            Whose::Service => (None, limit),
            Whose::Ours { ceiling, service } => (ceiling, service),
        };
        self.count_by(now, manner, service);
        let both = ceiling.zip(service).filter(|_| self.level.is_some());
        self.own = both.map(|(ceiling, service)| Own { ceiling, service });
    }

    fn count_by(&mut self, now: Timestamp, manner: Manner, limit: Option<u64>) {
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
                fresh.grow(now, self.log.taken(now));
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
        let limit = self.service_limit(limit);
        if let Some(level) = &mut self.level {
            let missing = limit.saturating_sub(level.held(now));
            level.grow(now, missing);
        }
    }

    /// So much more of a level is in use than it held. A log knows what is in it.
    pub(super) fn grow(&mut self, now: Timestamp, amount: u64) {
        if let Some(level) = &mut self.level {
            level.grow(now, amount);
        }
    }

    /// The service shows between what bounds lies what has not drained of a level. A log knows what is in it.
    pub(super) fn heed(&mut self, now: Timestamp, bounds: (u64, u64)) {
        if let Some(level) = &mut self.level {
            level.heed(now, bounds);
        }
    }

    /// The limit that its level is held against: the service's, if the one that holds is ours.
    pub(super) fn service_limit(&self, limit: u64) -> u64 {
        self.own.map_or(limit, |own| own.service)
    }

    /// The same for an amount that is given more than the limit that holds, because it fits nowhere below that.
    fn service_limit_for(&self, limit: u64, amount: u64) -> u64 {
        match self.own {
            Some(own) if limit > own.limit() => own.service.max(amount),
            _ => self.service_limit(limit),
        }
    }

    /// Whether a ceiling of ours alone would let an amount in.
    pub(super) fn ours_takes(&self, now: Timestamp, amount: u64, limit: u64) -> bool {
        self.own.is_some_and(|own| self.log.earliest(now, amount, own.over_window(limit)) == Some(now))
    }

    /// What counts at `now`.
    pub(super) fn taken(&self, now: Timestamp) -> u64 {
        match (&self.level, self.own) {
            (Some(level), Some(own)) => own.taken_by_log(self.log.taken(now)).max(own.taken_by_level(level.taken(now))),
            (Some(level), None) => level.taken(now),
            (None, _) => self.log.taken(now),
        }
    }

    /// What counts at `now`, and from when on that changes by itself.
    pub(super) fn taken_until(&self, now: Timestamp) -> (u64, Timestamp) {
        match (&self.level, self.own) {
            (Some(level), Some(own)) => {
                let (log, until) = self.log.taken_until(now);
                let (log, of_level) = (own.taken_by_log(log), own.taken_by_level(level.taken(now)));
                // A level only falls: where the window counts more, it does until it changes.
                if log >= of_level { (log, until) } else { (of_level, level.taken_until(now).1.min(until)) }
            }
            (Some(level), None) => level.taken_until(now),
            (None, _) => self.log.taken_until(now),
        }
    }

    /// How what is taken of it comes back. Of a window that is looked up where room is `scarce` alone.
    pub(super) fn ahead(&self, now: Timestamp, scarce: bool) -> Ahead {
        match &self.level {
            Some(_) if self.own.is_some() => Ahead::Unknown,
            Some(level) => level.drain(now).map_or(Ahead::Unknown, Ahead::Drain),
            None if scarce => self.log.ahead(now),
            None => Ahead::Unknown,
        }
    }

    /// How it drains, if it is counted as a level that lets in what fits below it.
    pub(super) fn drain(&self, now: Timestamp) -> Option<Drain> {
        self.level.as_ref().filter(|_| self.own.is_none())?.drain(now)
    }

    /// Whether less than `amount` counts at `now`.
    pub(super) fn is_below(&self, now: Timestamp, amount: u64) -> bool {
        match &self.level {
            Some(_) if self.own.is_some() => self.taken(now) < amount,
            Some(level) => level.taken(now) < amount,
            None => self.log.is_below(now, amount),
        }
    }

    /// What is in it at `now`, and what of that is not settled yet. A level's guard is left out: it is ours alone.
    pub(super) fn standing(&self, now: Timestamp) -> (u64, u64) {
        let counted = self.level.as_ref().filter(|_| self.own.is_none_or(|own| own.service <= own.ceiling));
        let held = counted.map_or_else(|| self.log.taken(now), |level| level.held(now));
        (held, self.log.pending(now).min(held))
    }

    /// The exact time from which `amount` gets in below `limit` if nothing else is added; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, amount: u64, limit: u64) -> Option<Timestamp> {
        match (&self.level, self.own) {
            (Some(level), Some(own)) => {
                let ours = self.log.earliest(now, amount, own.over_window(limit))?;
                Some(level.earliest(now, amount, self.service_limit_for(limit, amount))?.max(ours))
            }
            (Some(level), None) => level.earliest(now, amount, limit),
            (None, _) => self.log.earliest(now, amount, limit),
        }
    }

    /// The same if `first` is taken now and then nothing else is added.
    pub(super) fn earliest_behind(&self, now: Timestamp, first: u64, amount: u64, limit: u64) -> Option<Timestamp> {
        let by_log = || {
            let limit = self.own.map_or(limit, |own| own.over_window(limit));
            self.log.earliest(now, first.saturating_add(amount), limit)
        };
        match (&self.level, self.own) {
            (Some(level), Some(_)) => {
                let service = self.service_limit_for(limit, amount);
                let of_service = level.earliest_behind(now, first, amount, service)?;
                Some(of_service.max(by_log()?))
            }
            (Some(level), None) => level.earliest_behind(now, first, amount, limit),
            (None, _) => by_log(),
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
                level.grow(now, is - was);
            }
            // Provisioned throughput corrects itself; what never counted there is gone as far as it drained.
            _ if is > 0 && is < was && level.gate() == Gate::Open => level.correct(now, was - is),
            Some(mark) if is < was => level.give_back(now, mark, was, was - is),
            _ => {}
        }
    }

    /// The same where the service corrects the amount itself: it gives back the whole difference, whatever has drained since.
    pub(super) fn settle_corrected(&mut self, now: Timestamp, spot: Spot, was: u64, is: u64) {
        match &mut self.level {
            Some(level) if 0 < is && is < was => {
                level.correct(now, was - is);
                self.log.settle(spot.place, was, is);
            }
            _ => self.settle(now, spot, was, is),
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
