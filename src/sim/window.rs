//! The two ways in which services count: a log of a span's entries, and a level that refills by itself.
//!
//! Invariant: an entry of a [`Log`] counts from its own instant until exactly one span later; a [`Bucket`]'s level is
//! exact in fractions of a token.
//! Absent on purpose: which of them a service uses (`sim::limiter`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::units::{Timestamp, micros};

/// What a service says of one of its limits in an answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit per window.
    pub limit: u64,
    /// Whole units left.
    pub remaining: u64,
    /// Until all of it is back.
    pub reset: Duration,
}

/// A sliding log: everything that was admitted within the last span.
#[derive(Clone, Debug)]
pub struct Log {
    span: Duration,
    entries: VecDeque<(Timestamp, u64)>,
    sum: u64,
}

impl Log {
    /// An empty log over this span.
    #[must_use]
    pub const fn new(span: Duration) -> Self {
        Self { span, entries: VecDeque::new(), sum: 0 }
    }

    /// Forgets what is one span old or older.
    fn expire(&mut self, now: Timestamp) {
        while let Some((at, amount)) = self.entries.front().copied() {
            if at.after(self.span) > now {
                break;
            }
            self.entries.pop_front();
            self.sum = self.sum.saturating_sub(amount);
        }
    }

    /// How long until `amount` fits under `limit`; zero: it fits now. `None`: it never will.
    pub fn wait(&mut self, now: Timestamp, limit: u64, amount: u64) -> Option<Duration> {
        self.expire(now);
        let allowed = limit.checked_sub(amount)?;
        let mut sum = self.sum;
        if sum <= allowed {
            return Some(Duration::ZERO);
        }
        for (at, amount) in &self.entries {
            sum = sum.saturating_sub(*amount);
            if sum <= allowed {
                return Some(at.after(self.span).since(now));
            }
        }
        Some(Duration::ZERO)
    }

    /// Enters an admitted amount.
    pub fn enter(&mut self, now: Timestamp, amount: u64) {
        self.entries.push_back((now, amount));
        self.sum = self.sum.saturating_add(amount);
    }

    /// What is left under `limit`, and when the newest entry leaves.
    pub fn standing(&mut self, now: Timestamp, limit: u64) -> Standing {
        self.expire(now);
        let reset = self.entries.back().map_or(Duration::ZERO, |(at, _)| at.after(self.span).since(now));
        Standing { limit, remaining: limit.saturating_sub(self.sum), reset }
    }
}

/// A level that refills continuously, one `limit` per period, up to the limit.
#[derive(Clone, Debug)]
pub struct Bucket {
    limit: u64,
    /// The period in microseconds, which is also the number of parts in one unit of `level`.
    period: u64,
    /// What is free, in parts: a whole limit is `limit × period`. Below zero after an overdraft.
    level: i128,
    seen: Timestamp,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(limit: u64, period: Duration, now: Timestamp) -> Self {
        let period = micros(period).max(1);
        Self { limit, period, level: i128::from(limit) * i128::from(period), seen: now }
    }

    fn full(&self) -> i128 {
        self.parts(self.limit)
    }

    fn parts(&self, amount: u64) -> i128 {
        i128::from(amount) * i128::from(self.period)
    }

    fn refill(&mut self, now: Timestamp) {
        let elapsed = i128::from(micros(now.since(self.seen)));
        self.level = self.level.saturating_add(elapsed.saturating_mul(i128::from(self.limit))).min(self.full());
        self.seen = self.seen.max(now);
    }

    /// How long until the level lacks this many parts, rounded up to a microsecond.
    fn until_refilled(&self, missing: i128) -> Duration {
        let rate = i128::from(self.limit.max(1));
        let wait = missing.max(0).saturating_add(rate - 1) / rate;
        Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// How long until `amount` fits; zero: it fits now. `None`: it never will.
    pub fn wait(&mut self, now: Timestamp, amount: u64) -> Option<Duration> {
        self.refill(now);
        (amount <= self.limit).then(|| self.until_refilled(self.parts(amount).saturating_sub(self.level)))
    }

    /// How long until anything at all is free; zero: something is.
    pub fn wait_for_any(&mut self, now: Timestamp) -> Duration {
        self.refill(now);
        self.until_refilled(1_i128.saturating_sub(self.level))
    }

    /// Takes an amount, below zero if need be.
    pub fn take(&mut self, now: Timestamp, amount: u64) {
        self.refill(now);
        self.level = self.level.saturating_sub(self.parts(amount));
    }

    /// Gives an amount back.
    pub fn give_back(&mut self, now: Timestamp, amount: u64) {
        self.refill(now);
        self.level = self.level.saturating_add(self.parts(amount)).min(self.full());
    }

    /// Changes the limit and keeps what is in use.
    pub fn set_limit(&mut self, now: Timestamp, limit: u64) {
        self.refill(now);
        let used = self.full().saturating_sub(self.level);
        self.limit = limit;
        self.level = self.full().saturating_sub(used);
    }

    /// Whole units left, and the time until it is full.
    pub fn standing(&mut self, now: Timestamp) -> Standing {
        self.refill(now);
        let remaining = u64::try_from(self.level.max(0) / i128::from(self.period)).unwrap_or(u64::MAX);
        let reset = self.until_refilled(self.full().saturating_sub(self.level));
        Standing { limit: self.limit, remaining, reset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::MINUTE;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_bucket_says_what_openai_was_recorded_to_say() {
        for (limit, period, taken, later, remaining, reset_ms) in [
            (500, MINUTE, 1, 0, 499, 120),
            (10_000, DAY, 1, 0, 9_999, 8_640),
            // The head is written a little after the charge: 1.6 ms give back 0.8 of a token.
            (30_000, MINUTE, 1_287, 1_600, 28_713, 2_572),
            (200_000, MINUTE, 220, 0, 199_780, 66),
        ] {
            let mut bucket = Bucket::new(limit, period, Timestamp::ZERO);
            bucket.take(Timestamp::ZERO, taken);
            let said = bucket.standing(Timestamp(later));
            assert_eq!((said.remaining, said.reset.as_millis()), (remaining, reset_ms), "limit {limit}");
        }
    }

    #[test]
    fn an_entry_counts_for_exactly_its_span() {
        let mut log = Log::new(MINUTE);
        log.enter(Timestamp::from_secs(5), 100);
        assert_eq!(log.wait(Timestamp(64_999_999), 100, 1), Some(Duration::from_micros(1)));
        assert_eq!(log.wait(Timestamp::from_secs(65), 100, 100), Some(Duration::ZERO));
    }

    #[test]
    fn tokens_come_back_request_by_request() {
        let mut log = Log::new(MINUTE);
        log.enter(Timestamp::from_secs(0), 600);
        log.enter(Timestamp::from_secs(20), 300);
        assert_eq!(log.standing(Timestamp::from_secs(30), 1_000).remaining, 100);
        assert_eq!(log.standing(Timestamp::from_secs(60), 1_000).remaining, 700);
        assert_eq!(log.standing(Timestamp::from_secs(80), 1_000).remaining, 1_000);
    }

    #[test]
    fn what_is_larger_than_the_limit_never_fits() {
        assert_eq!(Log::new(MINUTE).wait(Timestamp::ZERO, 10, 11), None);
        assert_eq!(Bucket::new(10, MINUTE, Timestamp::ZERO).wait(Timestamp::ZERO, 11), None);
    }

    #[test]
    fn a_bucket_admits_at_the_instant_it_names() {
        let mut bucket = Bucket::new(60, MINUTE, Timestamp::ZERO);
        bucket.take(Timestamp::ZERO, 60);
        let wait = bucket.wait(Timestamp::ZERO, 7).expect("7 fit into 60");
        assert_eq!(wait, Duration::from_secs(7));
        assert!(bucket.wait(Timestamp(6_999_999), 7) > Some(Duration::ZERO));
        assert_eq!(bucket.wait(Timestamp::from_secs(7), 7), Some(Duration::ZERO));
    }

    #[test]
    fn a_new_limit_keeps_what_is_in_use() {
        let mut bucket = Bucket::new(1_000, MINUTE, Timestamp::ZERO);
        bucket.take(Timestamp::ZERO, 400);
        bucket.set_limit(Timestamp::ZERO, 2_000);
        assert_eq!(bucket.standing(Timestamp::ZERO).remaining, 1_600);
        bucket.set_limit(Timestamp::ZERO, 100);
        assert_eq!(bucket.standing(Timestamp::ZERO).remaining, 0);
    }
}
