//! One endpoint's or pool's limits: tokens per minute, requests per minute, requests per slice.
//!
//! Invariant: an amount is reserved in all three windows or in none.
//! Absent on purpose: the limits themselves; they change while charges stay.

use std::time::Duration;

use super::window::{Place, Window};
use crate::model::decision::Estimate;
use crate::model::units::{MINUTE, Timestamp};

/// Ceilings per minute; `None`: unknown, never held back by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) tokens: Option<u64>,
    pub(super) requests: Option<u64>,
}

/// The unit in which something did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Tokens,
    Requests,
}

/// Why a request does not fit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) unit: Unit,
    pub(super) needs: u64,
    pub(super) has: u64,
    pub(super) limit: u64,
    /// When this unit has room; `None`: never.
    pub(super) free_at: Option<Timestamp>,
}

/// A reservation in one ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    amount: u64,
    tokens: Place,
    minute: Place,
    slice: Place,
}

/// The reservations and charges of one endpoint or pool.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    tokens: Window,
    minute: Window,
    slice: Window,
    slice_span: Duration,
}

impl Ledger {
    /// An empty ledger that watches requests per minute and per slice.
    pub(super) fn new(slice_span: Duration) -> Self {
        Self {
            tokens: Window::guarded(MINUTE),
            minute: Window::guarded(MINUTE),
            slice: Window::guarded(slice_span),
            slice_span,
        }
    }

    /// A slice of another length starts empty; everything else stays.
    pub(super) fn set_slice(&mut self, slice_span: Duration) {
        if self.slice_span != slice_span {
            self.slice = Window::guarded(slice_span);
            self.slice_span = slice_span;
        }
    }

    /// A minute's requests are spread over its slices, at least one in each.
    fn slice_limit(&self, per_minute: u64) -> u64 {
        let share = u128::from(per_minute).saturating_mul(self.slice_span.as_millis()) / MINUTE.as_millis();
        u64::try_from(share).unwrap_or(u64::MAX).max(1).min(per_minute)
    }

    fn lines(&self, cost: u64, limits: Limits) -> [Option<(Unit, &Window, u64, u64)>; 3] {
        [
            limits.tokens.map(|limit| (Unit::Tokens, &self.tokens, cost, limit)),
            limits.requests.map(|limit| (Unit::Requests, &self.slice, 1, self.slice_limit(limit))),
            limits.requests.map(|limit| (Unit::Requests, &self.minute, 1, limit)),
        ]
    }

    /// The first unit that lacks room for one request of `cost` tokens, if any does.
    pub(super) fn shortage(&self, now: Timestamp, cost: u64, limits: Limits) -> Option<Shortage> {
        self.lines(cost, limits).into_iter().flatten().find_map(|(unit, window, needs, limit)| {
            let has = limit.saturating_sub(window.taken(now));
            let free_at = window.earliest(now, needs, limit);
            (needs > has).then_some(Shortage { unit, needs, has, limit, free_at })
        })
    }

    /// The exact time from which one request of `cost` tokens fits; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, cost: u64, limits: Limits) -> Option<Timestamp> {
        let mut when = now;
        for (_, window, needs, limit) in self.lines(cost, limits).into_iter().flatten() {
            when = when.max(window.earliest(now, needs, limit)?);
        }
        Some(when)
    }

    /// Whether a second request still fits at `by` if a first one is taken now.
    pub(super) fn leaves_room(
        &self,
        now: Timestamp,
        first: Estimate,
        second: Estimate,
        by: Timestamp,
        limits: Limits,
    ) -> bool {
        let both = self.lines(first.charge, limits).into_iter().zip(self.lines(second.charge, limits));
        both.filter_map(|(first, second)| first.zip(second)).all(|((_, window, first, limit), (_, _, second, _))| {
            let gone = now.after(window.lasts()) <= by;
            gone || window.earliest(now, first.saturating_add(second), limit).is_some_and(|when| when <= by)
        })
    }

    /// Takes one request of `amount` tokens, fitting or not.
    pub(super) fn reserve(&mut self, now: Timestamp, amount: u64) -> Entry {
        Entry {
            amount,
            tokens: self.tokens.add(now, amount),
            minute: self.minute.add(now, 1),
            slice: self.slice.add(now, 1),
        }
    }

    /// The reservation becomes a charge of `charge` tokens and one request.
    pub(super) fn settle(&mut self, entry: Entry, charge: u64) {
        self.tokens.settle(entry.tokens, entry.amount, charge);
        self.minute.settle(entry.minute, 1, 1);
        self.slice.settle(entry.slice, 1, 1);
    }

    /// Nothing reached the service: everything is given back.
    pub(super) fn release(&mut self, entry: Entry) {
        self.tokens.settle(entry.tokens, entry.amount, 0);
        self.minute.settle(entry.minute, 1, 0);
        self.slice.settle(entry.slice, 1, 0);
    }

    /// The server had no room where we saw some: keep amounts of this unit longer.
    pub(super) fn widen(&mut self, unit: Unit) {
        match unit {
            Unit::Tokens => self.tokens.widen(),
            Unit::Requests => {
                self.minute.widen();
                self.slice.widen();
            }
        }
    }

    /// No such surprise for long: keep amounts a little shorter again.
    pub(super) fn narrow(&mut self) {
        for window in [&mut self.tokens, &mut self.minute, &mut self.slice] {
            window.narrow();
        }
    }

    /// Tokens taken in the window, of which not settled.
    pub(super) fn tokens(&self, now: Timestamp) -> (u64, u64) {
        (self.tokens.taken(now), self.tokens.pending(now))
    }

    /// Requests taken in the last minute, of which not settled.
    pub(super) fn requests(&self, now: Timestamp) -> (u64, u64) {
        (self.minute.taken(now), self.minute.pending(now))
    }

    /// The free share of the scarcer limit in millionths; a million if none is known.
    pub(super) fn free_share(&self, now: Timestamp, limits: Limits) -> u64 {
        let share = |limit: Option<u64>, window: &Window| {
            limit.map_or(1_000_000, |limit| {
                let free = limit.saturating_sub(window.taken(now));
                u64::try_from(u128::from(free) * 1_000_000 / u128::from(limit.max(1))).unwrap_or(1_000_000)
            })
        };
        share(limits.tokens, &self.tokens).min(share(limits.requests, &self.minute))
    }

    /// Tokens free now; `None`: no limit known.
    pub(super) fn free_tokens(&self, now: Timestamp, limits: Limits) -> Option<u64> {
        limits.tokens.map(|limit| limit.saturating_sub(self.tokens.taken(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { tokens: Some(1_000), requests: Some(120) };

    fn ledger() -> Ledger {
        Ledger::new(Duration::from_secs(1))
    }

    #[test]
    fn a_minutes_requests_are_never_sent_in_one_burst() {
        let mut ledger = ledger();
        let now = Timestamp::ZERO;
        ledger.reserve(now, 1);
        assert_eq!(ledger.shortage(now, 1, LIMITS), None);
        ledger.reserve(now, 1);
        let short = ledger.shortage(now, 1, LIMITS).expect("two a second is the slice");
        assert_eq!((short.unit, short.has, short.limit), (Unit::Requests, 0, 2));
        assert_eq!(ledger.earliest(now, 1, LIMITS), Some(Timestamp::from_millis(1_045)));
    }

    #[test]
    fn the_earliest_time_satisfies_tokens_and_requests_together() {
        let mut ledger = ledger();
        ledger.reserve(Timestamp::ZERO, 900);
        let when = ledger.earliest(Timestamp::from_secs(1), 101, LIMITS);
        assert_eq!(when, Some(Timestamp::from_millis(60_300)));
        assert_eq!(ledger.earliest(Timestamp::from_secs(1), 1_001, LIMITS), None);
    }

    #[test]
    fn a_released_reservation_leaves_no_trace() {
        let mut ledger = ledger();
        let entry = ledger.reserve(Timestamp::ZERO, 900);
        ledger.release(entry);
        assert_eq!(ledger.tokens(Timestamp::ZERO), (0, 0));
        assert_eq!(ledger.requests(Timestamp::ZERO), (0, 0));
    }

    #[test]
    fn a_refused_request_still_counts_as_a_request() {
        let mut ledger = ledger();
        let entry = ledger.reserve(Timestamp::ZERO, 900);
        ledger.settle(entry, 0);
        assert_eq!(ledger.tokens(Timestamp::ZERO), (0, 0));
        assert_eq!(ledger.requests(Timestamp::ZERO), (1, 0));
    }

    #[test]
    fn unknown_limits_never_hold_back() {
        let mut ledger = ledger();
        for _ in 0..500 {
            ledger.reserve(Timestamp::ZERO, 1_000_000);
        }
        assert_eq!(ledger.shortage(Timestamp::ZERO, 1_000_000, Limits::default()), None);
        assert_eq!(ledger.free_share(Timestamp::ZERO, Limits::default()), 1_000_000);
    }

    #[test]
    fn a_limit_of_few_requests_still_lets_one_through_per_slice() {
        let mut ledger = ledger();
        let slow = Limits { tokens: None, requests: Some(3) };
        ledger.reserve(Timestamp::ZERO, 1);
        assert_eq!(ledger.earliest(Timestamp::ZERO, 1, slow), Some(Timestamp::from_millis(1_045)));
        let never = Limits { tokens: None, requests: Some(0) };
        assert_eq!(ledger.earliest(Timestamp::ZERO, 1, never), None);
    }
}
