//! How quickly an endpoint comes to its first token.
//!
//! Invariant: a slow answer counts at once, quick ones only by and by; what is not heard of again is forgotten, so that an
//! endpoint that was slow once is tried again.
//! Absent on purpose: comparing endpoints (`choose`), and floats; half-lives are enough.

use std::time::Duration;

use crate::model::units::{Timestamp, micros};

/// After this long without a sample, half of what was seen counts.
const HALF_LIFE: Duration = Duration::from_secs(7);
/// What is assumed of an endpoint nothing is known of, in microseconds: quick, so that it is tried, but not for nothing, so
/// that not everything goes there before the first answer.
const PRIOR: u64 = 100_000;
/// Tokens of prompt whose reading takes about as long as everything that is the same for every request.
const OVERHEAD: u64 = 1_000;
/// How many tokens of prompt are read while one token of output is written.
const WRITING: u64 = 20;

/// A peak-sensitive moving average, in microseconds as for a prompt of [`OVERHEAD`] tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latency {
    seen: Option<(u64, Timestamp)>,
}

impl Latency {
    /// An answer began after `took`, for a prompt of so many tokens. `written`: tokens written before that, if the whole
    /// answer came at once.
    pub(super) fn note(&mut self, now: Timestamp, took: Duration, prompt: u64, written: u64) {
        let size = OVERHEAD.saturating_add(prompt).saturating_add(written.saturating_mul(WRITING));
        let sample = micros(took).saturating_mul(2 * OVERHEAD) / size;
        let value = match self.seen {
            None => sample,
            Some((peak, at)) => {
                let decayed = halved(peak, now.since(at));
                let forgotten = peak.saturating_sub(decayed);
                let share = u64::try_from(u128::from(sample) * u128::from(forgotten) / u128::from(peak.max(1)));
                sample.max(decayed.saturating_add(share.unwrap_or(u64::MAX)))
            }
        };
        self.seen = Some((value, now));
    }

    /// What one more request would meet there, with so many in flight already.
    pub(super) fn cost(&self, now: Timestamp, in_flight: u32) -> u64 {
        let expected = self.seen.map_or(PRIOR, |(value, at)| halved(value, now.since(at)));
        expected.saturating_mul(u64::from(in_flight).saturating_add(1))
    }

    /// Time to the first token as last heard, for a prompt of [`OVERHEAD`] tokens.
    pub(super) fn seen(&self) -> Option<Duration> {
        self.seen.map(|(value, _)| Duration::from_micros(value))
    }
}

/// Half of it for each half-life, in straight lines between.
fn halved(value: u64, age: Duration) -> u64 {
    let (age, half) = (micros(age), micros(HALF_LIFE));
    let left = u32::try_from(age / half).ok().and_then(|times| value.checked_shr(times)).unwrap_or(0);
    let within = u128::from(left) * u128::from(age % half) / u128::from(2 * half);
    left.saturating_sub(u64::try_from(within).unwrap_or(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }
    fn after(samples: &[(u64, u64)]) -> Latency {
        let mut latency = Latency::default();
        for (second, millis) in samples {
            latency.note(at(*second), Duration::from_millis(*millis), OVERHEAD, 0);
        }
        latency
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_quick_ones_by_and_by() {
        assert_eq!(after(&[(0, 300), (1, 2_000)]).cost(at(1), 0), 2_000_000);
        let recovering = after(&[(0, 2_000), (1, 300)]).cost(at(1), 0);
        assert!((1_800_000..1_900_000).contains(&recovering), "{recovering}");
        let recovered = after(&[(0, 2_000), (7, 300), (14, 300), (70, 300)]).cost(at(70), 0);
        assert!((300_000..310_000).contains(&recovered), "{recovered}");
    }

    #[test]
    fn what_is_not_heard_of_is_forgotten_and_tried_again() {
        let slow = after(&[(0, 4_000)]);
        assert_eq!([slow.cost(at(7), 0), slow.cost(at(14), 0)], [2_000_000, 1_000_000]);
        assert!(slow.cost(at(60), 0) < PRIOR);
        assert_eq!(slow.cost(at(7_000), 3), 0);
    }

    #[test]
    fn a_long_prompt_excuses_a_long_wait() {
        let (mut short, mut long) = (Latency::default(), Latency::default());
        short.note(at(0), Duration::from_millis(500), 1_000, 0);
        long.note(at(0), Duration::from_millis(2_500), 9_000, 0);
        assert_eq!(short.cost(at(0), 0), long.cost(at(0), 0));
        let mut whole = Latency::default();
        whole.note(at(0), Duration::from_millis(5_500), 1_000, 450);
        assert!(whole.cost(at(0), 0) <= 1_000_000, "an answer that came at once is not slow for its length");
    }

    #[test]
    fn what_is_in_flight_makes_it_dearer_even_where_nothing_is_known() {
        assert_eq!(Latency::default().cost(at(0), 4), 5 * PRIOR);
    }
}
