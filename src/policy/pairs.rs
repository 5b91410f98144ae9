//! Which limit each pair of an answer's headers is about: of a minute, of a day, of input, of output.
//!
//! A bucket's reset tells its period: `reset · limit / (limit − remaining)`. One service names the day in the header, another
//! sends the pair of the day under the name of the minute's.
//!
//! Invariant: a pair whose period is neither a minute's nor a day's teaches nothing.
//! Absent on purpose: what is learned of it (`learn`), and slices, which only the stated figure tells from minutes
//! (`learn_requests`).

use std::time::Duration;

use crate::model::checked::CheckedEndpoint;
use crate::model::config::{Enforcement, Service};
use crate::model::outcome::{HeaderFacts, LimitFacts};
use crate::model::units::DAY;

/// A bucket of a minute is taken to fill within this time: others may have used of it what we do not see.
const LONGEST_MINUTE: Duration = Duration::from_mins(10);
/// A limit of a minute that begins anew, and does not refill, names less than this.
const LONGEST_WINDOW: Duration = Duration::from_mins(1);

/// The limits that few services have, in this order: input, output, tokens per day, requests per day.
pub(super) type More<T> = [T; 4];

/// What an answer says of each limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// Per minute.
    pub(super) tokens: LimitFacts,
    /// Per minute or slice.
    pub(super) requests: LimitFacts,
    pub(super) more: More<LimitFacts>,
}

/// Of what period a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Minute,
    Day,
    /// Nothing known.
    Neither,
}

impl Pairs {
    /// Sorts what an answer says. `days`: the limits of tokens and requests per day that were reported before, by which a
    /// pair without a telling reset is known.
    pub(super) fn of(facts: &HeaderFacts, spec: &CheckedEndpoint, days: [Option<u64>; 2]) -> Self {
        let named = facts.more.as_deref().copied().unwrap_or_default();
        let [day_tokens, day_requests] = days;
        // Azure's resets are those of a window, and it has no limits of a day.
        let logged = spec.service == Service::Azure
            || spec.service == Service::Simulated && spec.enforcement == Enforcement::SlidingLog;
        let sort = |pair: LimitFacts, named: LimitFacts, day: Option<u64>| match period(&pair, day) {
            _ if logged => (pair, named),
            Period::Minute => (pair, named),
            Period::Day => (LimitFacts::default(), pair),
            Period::Neither => (LimitFacts::default(), named),
        };
        let (tokens, tokens_per_day) = sort(facts.tokens, named.tokens_per_day, day_tokens);
        let (requests, requests_per_day) = sort(facts.requests, named.requests_per_day, day_requests);
        Self { tokens, requests, more: [named.input, named.output, tokens_per_day, requests_per_day] }
    }
}

/// By its reset; where that says nothing, a figure that is known for the day's is the day's.
fn period(pair: &LimitFacts, day: Option<u64>) -> Period {
    let known = if pair.limit.is_some() && pair.limit == day { Period::Day } else { Period::Minute };
    let (Some(limit), Some(remaining), Some(reset)) = (pair.limit, pair.remaining, pair.reset) else { return known };
    let Some(deficit) = limit.checked_sub(remaining).filter(|deficit| *deficit > 0) else { return known };
    let fills = reset.as_millis().saturating_mul(u128::from(limit)) / u128::from(deficit);
    let day = DAY.as_millis();
    match fills {
        _ if fills <= LONGEST_MINUTE.as_millis() => Period::Minute,
        // What a reset loses by rounding is little beside a day.
        _ if fills.abs_diff(day) <= day / 20 || reset > LONGEST_MINUTE => Period::Day,
        _ if reset <= LONGEST_WINDOW => known,
        _ => Period::Neither,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(limit: u64, remaining: u64, millis: u64) -> LimitFacts {
        LimitFacts { limit: Some(limit), remaining: Some(remaining), reset: Some(Duration::from_millis(millis)) }
    }

    #[test]
    fn recorded_pairs_are_told_by_the_time_in_which_they_refill() {
        assert_eq!(period(&pair(500, 499, 120), None), Period::Minute);
        assert_eq!(period(&pair(30_000, 28_713, 2_572), None), Period::Minute);
        assert_eq!(period(&pair(200_000, 199_780, 66), None), Period::Minute);
        assert_eq!(period(&pair(10_000, 9_999, 8_640), None), Period::Day);
        assert_eq!(period(&pair(14_400, 14_370, 179_560), None), Period::Day);
        assert_eq!(period(&pair(1_000_000, 999_400, 51_840), None), Period::Day, "600 tokens of a day's million");
    }

    #[test]
    fn a_day_that_begins_anew_at_midnight_is_a_day_and_a_minute_that_does_is_none() {
        assert_eq!(period(&pair(100_000, 40_000, 36_000_000), None), Period::Day);
        assert_eq!(period(&pair(1_000, 999, 55_000), None), Period::Minute, "a fixed minute with 55 s to go");
    }

    #[test]
    fn a_pair_that_fits_neither_teaches_nothing() {
        assert_eq!(period(&pair(150_000, 149_984, 360_000), None), Period::Neither);
    }

    #[test]
    fn an_untouched_limit_of_a_day_is_known_by_its_figure() {
        assert_eq!(period(&pair(200_000, 200_000, 0), Some(200_000)), Period::Day);
        assert_eq!(period(&pair(200_000, 200_000, 0), None), Period::Minute);
        assert_eq!(period(&LimitFacts { limit: Some(200_000), ..LimitFacts::default() }, Some(200_000)), Period::Day);
    }
}
