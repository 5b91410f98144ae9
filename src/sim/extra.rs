//! The limits that few services have: tokens and requests per day, input and output tokens per minute.
//!
//! Invariant: what is not limited is not counted.
//! Absent on purpose: tokens and requests per minute; every service has those (`sim::limiter`).

use std::time::Duration;

use crate::model::units::{DAY, MINUTE, Timestamp};

use super::limiter::Bound;
use super::window::{Bucket, Log, Standing};

/// Ceilings; `None`: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MoreLimits {
    /// Prompt tokens per minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Output tokens per minute.
    pub output_tokens_per_minute: Option<u64>,
    /// Tokens per day.
    pub tokens_per_day: Option<u64>,
    /// Requests per day.
    pub requests_per_day: Option<u64>,
}

/// What a request asks of a service, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Charged against tokens per minute and per day.
    pub charge: u64,
    /// Of the prompt.
    pub input: u64,
    /// At most of the answer.
    pub output: u64,
}

/// Tokens of which nobody said whether they go in or out.
impl From<u64> for Ask {
    fn from(charge: u64) -> Self {
        Self { charge, input: 0, output: 0 }
    }
}

#[derive(Clone, Debug)]
enum Count {
    Log(Log),
    Bucket(Bucket),
}

impl Count {
    fn wait(&mut self, now: Timestamp, limit: u64, amount: u64) -> Option<Duration> {
        match self {
            Self::Log(log) => log.wait(now, limit, amount),
            Self::Bucket(bucket) => bucket.wait(now, amount),
        }
    }

    fn enter(&mut self, now: Timestamp, amount: u64) {
        match self {
            Self::Log(log) => log.enter(now, amount),
            Self::Bucket(bucket) => bucket.take(now, amount),
        }
    }

    const fn as_bucket(&mut self) -> Option<&mut Bucket> {
        match self {
            Self::Bucket(bucket) => Some(bucket),
            Self::Log(_) => None,
        }
    }

    fn standing(&mut self, now: Timestamp, limit: u64) -> Standing {
        match self {
            Self::Log(log) => log.standing(now, limit),
            Self::Bucket(bucket) => bucket.standing(now),
        }
    }
}

#[derive(Clone, Debug)]
struct Line {
    bound: Bound,
    limit: u64,
    count: Count,
}

impl Line {
    const fn amount(&self, ask: Ask) -> u64 {
        match self.bound {
            Bound::InputTokens => ask.input,
            Bound::OutputTokens => ask.output,
            Bound::RequestsPerDay => 1,
            _ => ask.charge,
        }
    }
}

/// The counts of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct MoreCounts {
    lines: Vec<Line>,
}

impl MoreCounts {
    /// New limits over the same use; a limit that was not there begins with nothing used.
    pub fn set_limits(&mut self, now: Timestamp, limits: MoreLimits, buckets: bool) {
        let wanted = [
            (Bound::InputTokens, MINUTE, limits.input_tokens_per_minute),
            (Bound::OutputTokens, MINUTE, limits.output_tokens_per_minute),
            (Bound::TokensPerDay, DAY, limits.tokens_per_day),
            (Bound::RequestsPerDay, DAY, limits.requests_per_day),
        ];
        let mut before = std::mem::take(&mut self.lines);
        for (bound, span, limit) in wanted {
            let Some(limit) = limit else { continue };
            let known = before.iter().position(|line| line.bound == bound).map(|at| before.swap_remove(at));
            let fresh = || {
                if buckets { Count::Bucket(Bucket::new(limit, span, now)) } else { Count::Log(Log::new(span)) }
            };
            let mut count = match known.map(|line| line.count) {
                Some(count) if matches!(count, Count::Bucket(_)) == buckets => count,
                _ => fresh(),
            };
            if let Count::Bucket(bucket) = &mut count {
                bucket.set_limit(now, limit);
            }
            self.lines.push(Line { bound, limit, count });
        }
    }

    /// What is full the longest; `None`: nothing is.
    ///
    /// # Errors
    ///
    /// A limit that is smaller than the request.
    pub fn wait(&mut self, now: Timestamp, ask: Ask) -> Result<Option<(Bound, Duration)>, u64> {
        let mut longest = None;
        for line in &mut self.lines {
            let amount = line.amount(ask);
            let wait = line.count.wait(now, line.limit, amount).ok_or(line.limit)?;
            if wait > longest.map_or(Duration::ZERO, |(_, wait)| wait) {
                longest = Some((line.bound, wait));
            }
        }
        Ok(longest)
    }

    /// Enters an admitted request.
    pub fn enter(&mut self, now: Timestamp, ask: Ask) {
        for line in &mut self.lines {
            let amount = line.amount(ask);
            line.count.enter(now, amount);
        }
    }

    /// A request that was admitted with `asked` output has written so much. A bucket corrects itself; a log keeps what it was
    /// told.
    pub fn settle_output(&mut self, now: Timestamp, asked: u64, written: u64) {
        let lines = self.lines.iter_mut().filter(|line| line.bound == Bound::OutputTokens);
        for bucket in lines.filter_map(|line| line.count.as_bucket()) {
            if written > asked {
                bucket.take(now, written - asked);
            } else {
                bucket.give_back(now, asked - written);
            }
        }
    }

    /// How one of them stands; `None`: no limit.
    pub fn standing(&mut self, now: Timestamp, bound: Bound) -> Option<Standing> {
        let line = self.lines.iter_mut().find(|line| line.bound == bound)?;
        Some(line.count.standing(now, line.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(limits: MoreLimits, buckets: bool) -> MoreCounts {
        let mut counts = MoreCounts::default();
        counts.set_limits(Timestamp::ZERO, limits, buckets);
        counts
    }

    #[test]
    fn the_days_requests_come_back_one_by_one() {
        let mut day = counts(MoreLimits { requests_per_day: Some(200), ..MoreLimits::default() }, true);
        for _ in 0..200 {
            assert_eq!(day.wait(Timestamp::ZERO, Ask::from(5)), Ok(None));
            day.enter(Timestamp::ZERO, Ask::from(5));
        }
        let wait = Duration::from_secs(432);
        assert_eq!(day.wait(Timestamp::ZERO, Ask::from(5)), Ok(Some((Bound::RequestsPerDay, wait))));
        let said = day.standing(Timestamp::ZERO, Bound::RequestsPerDay).expect("limited");
        assert_eq!((said.limit, said.remaining, said.reset), (200, 0, DAY));
    }

    #[test]
    fn input_and_output_are_limited_apart() {
        let limits = MoreLimits {
            input_tokens_per_minute: Some(100),
            output_tokens_per_minute: Some(50),
            ..MoreLimits::default()
        };
        let mut both = counts(limits, false);
        both.enter(Timestamp::ZERO, Ask { charge: 0, input: 10, output: 50 });
        let next = Ask { charge: 0, input: 90, output: 1 };
        assert_eq!(both.wait(Timestamp::ZERO, next), Ok(Some((Bound::OutputTokens, MINUTE))));
        assert_eq!(both.wait(Timestamp::ZERO, Ask { output: 0, ..next }), Ok(None));
        assert_eq!(both.wait(Timestamp::ZERO, Ask { output: 51, ..next }), Err(50));
    }

    #[test]
    fn a_new_limit_keeps_what_is_in_use() {
        let mut day = counts(MoreLimits { tokens_per_day: Some(100), ..MoreLimits::default() }, true);
        day.enter(Timestamp::ZERO, Ask::from(80));
        day.set_limits(Timestamp::ZERO, MoreLimits { tokens_per_day: Some(120), ..MoreLimits::default() }, true);
        assert_eq!(day.wait(Timestamp::ZERO, Ask::from(40)), Ok(None));
        assert!(matches!(day.wait(Timestamp::ZERO, Ask::from(41)), Ok(Some(_))));
    }
}
