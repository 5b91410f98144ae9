//! How long things took, counted in classes that grow with the value.
//!
//! Invariant: memory is fixed however much is counted; a quantile is never below the true one, nor above it by more than
//! one part in sixteen.
//! Absent on purpose: single values. Whoever needs them is no world that runs for a day.

use std::time::Duration;

use crate::model::units::micros;

/// Classes between two powers of two.
const PARTS: u64 = 16;
/// Classes in all: 2^40 microseconds are twelve days.
const CLASSES: usize = 40 * 16;

/// A histogram of durations.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; CLASSES], total: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, span: Duration) {
        if let Some(count) = self.counts.get_mut(class_of(micros(span))) {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
        self.longest = self.longest.max(span);
    }

    /// How many were counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The longest.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// The value that this share of all stays at or below, in thousandths; zero if nothing was counted.
    #[must_use]
    pub fn quantile(&self, thousandths: u64) -> Duration {
        let rank = (u128::from(self.total) * u128::from(thousandths)).div_ceil(1_000).max(1);
        let mut seen: u128 = 0;
        for (class, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(u128::from(*count));
            if seen >= rank {
                return Duration::from_micros(upper_end(class)).min(self.longest);
            }
        }
        self.longest
    }
}

/// Values below 16 have a class each; above, the leading five bits decide.
fn class_of(value: u64) -> usize {
    let class = if value < PARTS {
        value
    } else {
        let doublings = u64::from(value.ilog2()).saturating_sub(4);
        doublings.saturating_mul(PARTS).saturating_add(value >> doublings)
    };
    usize::try_from(class).unwrap_or(CLASSES).min(CLASSES - 1)
}

fn upper_end(class: usize) -> u64 {
    let class = u64::try_from(class).unwrap_or(u64::MAX);
    if class < PARTS {
        return class;
    }
    let doublings = class / PARTS - 1;
    let lead = class % PARTS + PARTS;
    ((lead + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_a_sixteenth_too_long() {
        let mut histogram = Histogram::default();
        for millis in 1..=1_000 {
            histogram.add(Duration::from_millis(millis));
        }
        for (thousandths, true_millis) in [(1, 1_u64), (500, 500), (990, 990), (1_000, 1_000)] {
            let said = histogram.quantile(thousandths).as_micros();
            let truth = u128::from(true_millis) * 1_000;
            assert!((truth..=truth * 17 / 16).contains(&said), "{thousandths}: {said}");
        }
        assert_eq!((histogram.total(), histogram.longest()), (1_000, Duration::from_secs(1)));
    }

    #[test]
    fn every_value_lies_in_the_class_that_ends_at_or_after_it() {
        for value in (0..200).chain([1_000, 65_535, 65_536, 1 << 30, (1 << 39) + 1]) {
            let class = class_of(value);
            assert!(upper_end(class) >= value, "{value}");
            assert!(class == 0 || upper_end(class - 1) < value, "{value}");
        }
    }

    #[test]
    fn nothing_counted_took_no_time() {
        assert_eq!(Histogram::default().quantile(990), Duration::ZERO);
    }
}
