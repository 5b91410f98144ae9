//! Sums over a minute and levels that drain, as lists and the simulated services' own counters have them.

use std::time::Duration;

use tidegate::model::id::RequestId;
use tidegate::model::units::{DAY, MINUTE, Timestamp};
use tidegate::sim::window::Bucket;

use crate::room::WIDE_GUARD;

/// A limit of zero would make a bucket that refills nothing; none is needed where there is no limit.
pub const NO_LIMIT: u64 = 1;

/// Longer than the brain keeps anything that counts by the minute.
const KEPT: Duration = Duration::from_secs(70);

/// Two exact counters may round to different microseconds.
pub const ROUNDING: Duration = Duration::from_micros(1);

/// Everything a window of a list holds.
#[derive(Debug)]
pub struct List(Vec<(Timestamp, RequestId, u64)>, Duration);

impl Default for List {
    fn default() -> Self {
        Self(Vec::new(), KEPT)
    }
}

impl List {
    /// One that keeps a day.
    pub fn of_a_day() -> Self {
        Self(Vec::new(), DAY + KEPT)
    }

    pub fn sum(&self, now: Timestamp, span: Duration) -> u64 {
        self.0.iter().filter(|(at, ..)| now.since(*at) < span).map(|(.., amount)| amount).sum()
    }

    pub fn last(&self) -> Option<Timestamp> {
        self.0.last().map(|(at, ..)| *at)
    }

    pub fn add(&mut self, now: Timestamp, request: RequestId, amount: u64) {
        self.0.retain(|(at, ..)| now.since(*at) < self.1);
        self.0.push((now, request, amount));
    }

    /// The newest entry of a request comes to something else in the end.
    pub fn set(&mut self, request: RequestId, amount: u64) {
        if let Some((.., old)) = self.0.iter_mut().rfind(|(_, known, _)| *known == request) {
            *old = amount;
        }
    }
}

/// What a refilling bucket holds.
#[derive(Clone, Debug)]
pub struct Tank {
    pub exact: Bucket,
    /// The same, had nothing that failed been given back. Of what failed the brain gives back what has surely not drained.
    shy: Bucket,
}

impl Tank {
    pub fn new(limit: Option<u64>, now: Timestamp) -> Self {
        let full = Bucket::new(limit.unwrap_or(NO_LIMIT), MINUTE, now);
        Self { exact: full.clone(), shy: full }
    }

    pub fn take(&mut self, now: Timestamp, amount: u64) {
        self.exact.take(now, amount);
        self.shy.take(now, amount);
    }

    /// Nothing of this came after all.
    pub fn give_back(&mut self, now: Timestamp, amount: u64) {
        self.exact.give_back(now, amount);
    }

    /// An amount came to something else: to nothing, or to what the service corrects it to.
    pub fn set(&mut self, now: Timestamp, was: u64, is: u64) {
        if is == 0 { self.give_back(now, was) } else { self.correct(now, was, is) }
    }

    pub fn correct(&mut self, now: Timestamp, was: u64, is: u64) {
        for bucket in [&mut self.exact, &mut self.shy] {
            if is > was {
                bucket.take(now, is - was);
            } else {
                bucket.give_back(now, was - is);
            }
        }
    }

    /// Another ceiling: what is in use stays in use. Where there was none, that is what came in the last minute.
    pub fn hold(&mut self, list: &List, held: &mut Option<u64>, now: Timestamp, limit: Option<u64>) {
        match (held.is_some(), limit) {
            (true, Some(limit)) => {
                self.exact.set_limit(now, limit);
                self.shy.set_limit(now, limit);
            }
            (false, Some(_)) => {
                *self = Self::new(limit, now);
                self.exact.take(now, list.sum(now, MINUTE));
                // The brain keeps what came for its guard longer.
                self.shy.take(now, list.sum(now, MINUTE + WIDE_GUARD));
            }
            (_, None) => {}
        }
        *held = limit;
    }

    /// Whether a service that counts so lets it in.
    pub fn admits(&mut self, now: Timestamp, amount: u64) -> bool {
        self.exact.wait(now, amount).is_some_and(|wait| wait <= ROUNDING)
    }

    /// Whether it surely has room for so much.
    pub fn has_room(&self, now: Timestamp, amount: u64) -> bool {
        self.shy.clone().wait(now, amount) == Some(Duration::ZERO)
    }
}
