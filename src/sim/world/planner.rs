//! Whoever knows all arrivals in advance, and keeps to the order of groups: how much of refilling limits could be used.
//!
//! A group's services are one vessel that refills, and requests are a liquid. What is asked for is poured into the first
//! group, what does not fit there into the next, and what fits nowhere waits. No gateway that leaves a group only for want
//! of room has more admitted, whatever it knows.
//!
//! Invariant: requests of a size leave a service that still holds less than one of them; as much as its services may hold so
//! is set aside in each group but the last, and counted as used.
//! Absent on purpose: patience. Nobody leaves, which only ever lets more in.

use std::time::Duration;

use crate::model::units::{MINUTE, Timestamp, micros};

/// A group's services, refilling by `rate` a minute up to as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vessel {
    rate: u64,
    /// What it holds, in tokens times the microseconds of a minute.
    level: u128,
    /// What it holds at most.
    most: u128,
}

impl Vessel {
    fn fill(&mut self, span: Duration) {
        let more = u128::from(self.rate).saturating_mul(u128::from(micros(span)));
        self.level = self.level.saturating_add(more).min(self.most);
    }

    /// Takes as much of this as there is and says what is left of it.
    fn take(&mut self, parts: u128) -> u128 {
        let taken = parts.min(self.level);
        self.level -= taken;
        parts - taken
    }
}

/// One group, as it is given to a [`Planner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Tokens a minute of all its services; as many are there at the beginning.
    pub tokens_per_minute: u64,
    /// Its services.
    pub services: u64,
}

/// The planner.
#[derive(Clone, Debug)]
pub struct Planner {
    vessels: Vec<Vessel>,
    waiting: u128,
    admitted: u128,
    aside: u128,
    seen: Timestamp,
}

impl Planner {
    /// Full vessels, the first group first; no request is larger than `largest`.
    #[must_use]
    pub fn new(groups: &[Group], largest: u64) -> Self {
        let last = groups.len().saturating_sub(1);
        let mut aside_in_all = 0_u128;
        let vessels = groups.iter().enumerate().map(|(place, group)| {
            let whole = parts(group.tokens_per_minute);
            let aside = if place == last { 0 } else { parts(group.services.saturating_mul(largest)).min(whole) };
            aside_in_all = aside_in_all.saturating_add(aside);
            Vessel { rate: group.tokens_per_minute, level: whole - aside, most: whole - aside }
        });
        let vessels = vessels.collect();
        Self { vessels, waiting: 0, admitted: 0, aside: aside_in_all, seen: Timestamp::ZERO }
    }

    /// Somebody asks for tokens.
    pub fn ask(&mut self, now: Timestamp, tokens: u64) {
        self.pass(now);
        let left = self.pour(parts(tokens));
        self.waiting = self.waiting.saturating_add(left);
    }

    /// Tokens admitted until `now`, with what is set aside.
    pub fn admitted(&mut self, now: Timestamp) -> u64 {
        self.pass(now);
        let parts = self.admitted.saturating_add(self.aside).div_ceil(u128::from(micros(MINUTE)));
        u64::try_from(parts).unwrap_or(u64::MAX)
    }

    /// Lets time go by: those who wait take everything that comes, until nobody waits.
    fn pass(&mut self, now: Timestamp) {
        let rates = self.vessels.iter().fold(0_u64, |sum, vessel| sum.saturating_add(vessel.rate));
        let busy = u64::try_from(self.waiting.div_ceil(u128::from(rates.max(1)))).unwrap_or(u64::MAX);
        let span = now.since(self.seen);
        let first = span.min(Duration::from_micros(busy));
        for (span, busy) in [(first, true), (span.saturating_sub(first), false)] {
            for vessel in &mut self.vessels {
                vessel.fill(span);
            }
            if busy {
                self.waiting = self.pour(self.waiting);
            }
        }
        self.seen = self.seen.max(now);
    }

    fn pour(&mut self, parts: u128) -> u128 {
        let left = self.vessels.iter_mut().fold(parts, |parts, vessel| vessel.take(parts));
        self.admitted = self.admitted.saturating_add(parts - left);
        left
    }
}

fn parts(tokens: u64) -> u128 {
    u128::from(tokens).saturating_mul(u128::from(micros(MINUTE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [Group; 2] =
        [Group { tokens_per_minute: 60_000, services: 1 }, Group { tokens_per_minute: 120_000, services: 1 }];

    /// So many tokens at the beginning of every second.
    fn steady(groups: &[Group], largest: u64, tokens: u64, seconds: u64) -> u64 {
        let mut planner = Planner::new(groups, largest);
        for second in 0..seconds {
            planner.ask(Timestamp::from_secs(second), tokens);
        }
        planner.admitted(Timestamp::from_secs(seconds))
    }

    #[test]
    fn what_fits_is_admitted_and_no_more_than_was_asked_for() {
        assert_eq!(steady(&TWO, 0, 1_000, 60), 60_000);
        assert_eq!(steady(&TWO, 0, 3_000, 600), 1_800_000);
    }

    #[test]
    fn a_lower_group_spills_over_while_the_higher_one_has_room() {
        assert_eq!(steady(&TWO, 0, 4_000, 120), 480_000, "all that was asked for");
        // 6,000 a second against 1,000 that come back: the first 60,000 last for 11 s, and the others are full until 12.
        assert_eq!(steady(&TWO, 0, 6_000, 120), 180_000 + 180_000 * 2 - 23_000);
    }

    #[test]
    fn one_group_uses_all_it_has() {
        let one = [Group { tokens_per_minute: 180_000, services: 2 }];
        assert_eq!(steady(&one, 0, 6_000, 120), 180_000 * 3);
    }

    #[test]
    fn what_services_may_hold_when_they_are_left_shortens_the_wait_for_the_next_group() {
        let strict = steady(&TWO, 0, 6_000, 120);
        let usual = steady(&TWO, 5_000, 6_000, 120);
        assert_eq!(usual - strict, 2_000, "5,000 left in the first: the second is used a second earlier");
    }

    #[test]
    fn who_waits_is_served_before_anything_is_saved() {
        let one = [Group { tokens_per_minute: 60_000, services: 1 }];
        let mut planner = Planner::new(&one, 0);
        planner.ask(Timestamp::ZERO, 90_000);
        assert_eq!(planner.admitted(Timestamp::from_secs(10)), 70_000);
        assert_eq!(planner.admitted(Timestamp::from_secs(300)), 90_000);
        planner.ask(Timestamp::from_secs(300), 90_000);
        assert_eq!(planner.admitted(Timestamp::from_secs(300)), 150_000, "it had filled up again, and no further");
    }
}
