//! How long a failure lets an endpoint rest.
//!
//! Invariant: what the service asks for is honoured up to 15 minutes; a longer wait is said of one request, not of the
//! endpoint, which then rests a minute at most.
//! Absent on purpose: state. The number in a row comes in, a span goes out.

use std::time::Duration;

use crate::model::config::HealthRule;
use crate::model::outcome::{HeaderFacts, LimitFacts, ThrottleKind};

const FIRST: Duration = Duration::from_secs(5);
const LONGEST_GUESS: Duration = Duration::from_mins(1);
const LONGEST_TOLD: Duration = Duration::from_mins(15);
/// No throttle rests longer, what is added lest all come back at once included.
pub(super) const LONGEST_REST: Duration = Duration::from_mins(20);
const DAILY_PROBE: Duration = Duration::from_mins(15);
const CREDIT_PROBE: Duration = Duration::from_mins(10);
const FIRST_UTILIZATION: Duration = Duration::from_secs(1);
const LONGEST_UTILIZATION: Duration = Duration::from_secs(10);
const FIRST_GROWTH: Duration = Duration::from_secs(15);
const FIRST_DENIAL: Duration = Duration::from_mins(1);
const LONGEST_DENIAL: Duration = Duration::from_mins(15);

/// What a 429 means for its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Throttle {
    /// How long it rests; zero: not at all.
    pub(super) rest: Duration,
    /// A request of this size does not fit there.
    pub(super) too_large: bool,
}

/// What is known when a 429 comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttled<'f> {
    pub(super) kind: ThrottleKind,
    pub(super) facts: &'f HeaderFacts,
    /// Throttles in a row, this one included.
    pub(super) in_a_row: u32,
    /// The slice in which the service checks requests.
    pub(super) slice: Duration,
    /// What the request was estimated to cost, in tokens.
    pub(super) cost: u64,
    /// Whether `reset` is the time until a bucket is full, instead of the time until something is free.
    pub(super) bucket: bool,
}

impl Throttled<'_> {
    /// The span to rest and what is said of the request's size.
    pub(super) fn judge(&self) -> Throttle {
        let rest = |rest| Throttle { rest, too_large: false };
        let told = self.facts.retry_after.filter(|wait| !wait.is_zero());
        match (self.kind, told) {
            (ThrottleKind::TooLarge, _) => Throttle { rest: Duration::ZERO, too_large: true },
            (ThrottleKind::Daily, told) => rest(told.unwrap_or(DAILY_PROBE).min(DAILY_PROBE)),
            (kind, _) if kind.is_of_credit() => rest(CREDIT_PROBE),
            (_, Some(wait)) if wait > LONGEST_TOLD => Throttle { rest: LONGEST_GUESS, too_large: true },
            // What is short of machines is left alone longer each time, whatever it says.
            (ThrottleKind::SharedCapacity, Some(wait)) if self.in_a_row > 1 => rest(wait.max(self.guess())),
            (_, Some(wait)) => rest(wait),
            (_, None) => rest(self.reset().unwrap_or_else(|| self.guess()).min(LONGEST_GUESS)),
        }
    }

    /// Whether the service said how long, or is known to refuse until something is done; else the span is our guess.
    pub(super) fn is_told(&self) -> bool {
        let settled = self.kind == ThrottleKind::Daily || self.kind.is_of_credit();
        settled || self.facts.retry_after.is_some_and(|wait| !wait.is_zero()) || self.reset().is_some()
    }

    fn reset(&self) -> Option<Duration> {
        let (facts, cost) = match self.kind {
            ThrottleKind::Requests => (&self.facts.requests, 1),
            ThrottleKind::Tokens | ThrottleKind::Pool => (&self.facts.tokens, self.cost),
            _ => return None,
        };
        let wait = if self.bucket { until_fits(facts, cost) } else { facts.reset };
        wait.filter(|wait| !wait.is_zero())
    }

    fn guess(&self) -> Duration {
        match self.kind {
            ThrottleKind::Requests => self.slice,
            ThrottleKind::Utilization => doubled(FIRST_UTILIZATION, self.in_a_row, LONGEST_UTILIZATION),
            ThrottleKind::Growth => doubled(FIRST_GROWTH, self.in_a_row, LONGEST_GUESS),
            _ => doubled(FIRST, self.in_a_row, LONGEST_GUESS),
        }
    }
}

/// Whether a wait that we guess is lengthened by chance: what is short for all is not stormed by all at once.
pub(super) const fn is_jittered(kind: ThrottleKind) -> bool {
    matches!(kind, ThrottleKind::SharedCapacity | ThrottleKind::Growth)
}

/// A bucket refills `limit − remaining` in `reset`; this is how long it takes until `cost` is in it.
fn until_fits(facts: &LimitFacts, cost: u64) -> Option<Duration> {
    let (limit, remaining, reset) = (facts.limit?, facts.remaining?, facts.reset?);
    let deficit = limit.checked_sub(remaining).filter(|deficit| *deficit > 0)?;
    let lacking = cost.min(limit).saturating_sub(remaining);
    let micros = reset.as_micros().saturating_mul(u128::from(lacking)) / u128::from(deficit);
    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
}

/// How long the n-th ejection in a row lasts.
pub(super) fn ejection(in_a_row: u32, rule: &HealthRule) -> Duration {
    let first = Duration::from_secs(rule.rest_seconds.max(1).into());
    doubled(first, in_a_row, Duration::from_secs(rule.longest_rest_seconds.into()).max(first))
}

/// How long an overloaded service is left alone because it asked for it.
pub(super) fn overloaded(facts: &HeaderFacts) -> Option<Duration> {
    facts.retry_after.filter(|wait| !wait.is_zero()).map(|wait| if wait > LONGEST_TOLD { LONGEST_GUESS } else { wait })
}

/// How long the n-th denial in a row (key, rule, missing deployment) lasts.
pub(super) fn denial(in_a_row: u32) -> Duration {
    doubled(FIRST_DENIAL, in_a_row, LONGEST_DENIAL)
}

fn doubled(first: Duration, in_a_row: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(in_a_row.saturating_sub(1).min(16))).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(kind: ThrottleKind, facts: &HeaderFacts, in_a_row: u32) -> Throttle {
        let slice = Duration::from_secs(10);
        Throttled { kind, facts, in_a_row, slice, cost: 500, bucket: true }.judge()
    }
    fn told(seconds: u64) -> HeaderFacts {
        HeaderFacts { retry_after: Some(Duration::from_secs(seconds)), ..HeaderFacts::default() }
    }
    fn seconds(throttle: Throttle) -> u64 {
        throttle.rest.as_secs()
    }

    #[test]
    fn the_wait_the_service_asks_for_is_kept() {
        assert_eq!(seconds(judge(ThrottleKind::Tokens, &told(7), 1)), 7);
        assert_eq!(seconds(judge(ThrottleKind::SharedCapacity, &told(300), 1)), 300);
    }

    #[test]
    fn a_day_for_one_request_rests_the_endpoint_a_minute_and_marks_the_size() {
        let throttle = judge(ThrottleKind::Tokens, &told(86_400), 1);
        assert_eq!(throttle, Throttle { rest: Duration::from_mins(1), too_large: true });
    }

    #[test]
    fn without_a_word_requests_wait_a_slice_and_tokens_longer_each_time() {
        let silent = HeaderFacts::default;
        assert_eq!(seconds(judge(ThrottleKind::Requests, &silent(), 1)), 10);
        let waits: Vec<u64> = (1..7).map(|n| seconds(judge(ThrottleKind::Tokens, &silent(), n))).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        assert_eq!(seconds(judge(ThrottleKind::Tokens, &told(0), 1)), 5, "a wait of nothing says nothing");
    }

    #[test]
    fn what_is_short_of_machines_is_left_alone_longer_each_time_and_a_full_deployment_never_long() {
        let shared = |n| seconds(judge(ThrottleKind::SharedCapacity, &told(2), n));
        assert_eq!((1..6).map(shared).collect::<Vec<_>>(), [2, 10, 20, 40, 60]);
        let full = |n| seconds(judge(ThrottleKind::Utilization, &HeaderFacts::default(), n));
        assert_eq!((1..7).map(full).collect::<Vec<_>>(), [1, 2, 4, 8, 10, 10]);
        assert_eq!(seconds(judge(ThrottleKind::Utilization, &told(3), 4)), 3, "as told");
        assert_eq!(seconds(judge(ThrottleKind::Growth, &HeaderFacts::default(), 1)), 15);
    }

    #[test]
    fn a_buckets_reset_is_scaled_to_the_cost_that_must_fit() {
        let tokens = LimitFacts { limit: Some(30_000), remaining: Some(0), reset: Some(Duration::from_mins(1)) };
        let facts = HeaderFacts { tokens, ..HeaderFacts::default() };
        assert_eq!(seconds(judge(ThrottleKind::Tokens, &facts, 1)), 1, "500 of 30,000 come back in one second");
    }

    #[test]
    fn daily_limits_and_empty_credit_are_probed_slowly() {
        assert_eq!(seconds(judge(ThrottleKind::Daily, &told(80_000), 1)), 900);
        assert_eq!(seconds(judge(ThrottleKind::OutOfCredit, &HeaderFacts::default(), 1)), 600);
    }

    #[test]
    fn a_request_that_is_too_large_rests_nobody() {
        let throttle = judge(ThrottleKind::TooLarge, &told(20), 1);
        assert_eq!(throttle, Throttle { rest: Duration::ZERO, too_large: true });
    }

    #[test]
    fn denials_grow_to_a_quarter_of_an_hour_and_ejections_to_a_minute() {
        assert_eq!((1..7).map(|n| denial(n).as_secs()).collect::<Vec<_>>(), [60, 120, 240, 480, 900, 900]);
        let ejections = |rule: &HealthRule| (1..6).map(|n| ejection(n, rule).as_secs()).collect::<Vec<_>>();
        assert_eq!(ejections(&HealthRule::default()), [5, 10, 20, 40, 60]);
        let rule = HealthRule { rest_seconds: 30, longest_rest_seconds: 10, ..HealthRule::default() };
        assert_eq!(ejections(&rule), [30; 5], "never less than the first");
    }
}
