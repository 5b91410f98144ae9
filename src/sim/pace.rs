//! How long answers take and how long they are: skewed distributions out of integers.
//!
//! Invariant: the same random number gives the same value on every machine; half of all values lie below the median.
//! Absent on purpose: floating point, whose last digits differ between platforms.

use std::time::Duration;

/// Quantiles of a log-normal distribution (median 1, sigma 0.45) at sixteenths, in thousandths; ends cut at 0.5 %.
const QUANTILES: [u64; 17] =
    [314, 501, 596, 671, 738, 802, 866, 932, 1_000, 1_073, 1_154, 1_246, 1_354, 1_490, 1_678, 1_995, 3_188];

/// A value around `median`, as skewed as waiting times are.
pub fn spread(median: u64, rng: &mut fastrand::Rng) -> u64 {
    let draw = rng.usize(0..16_000);
    let (place, part) = (draw / 1_000, u64::try_from(draw % 1_000).unwrap_or(0));
    let low = QUANTILES.get(place).copied().unwrap_or(1_000);
    let high = QUANTILES.get(place + 1).copied().unwrap_or(low);
    let thousandths = low + (high - low) * part / 1_000;
    u64::try_from(u128::from(median) * u128::from(thousandths) / 1_000).unwrap_or(u64::MAX)
}

/// A duration around `median`.
pub fn spread_duration(median: Duration, rng: &mut fastrand::Rng) -> Duration {
    let micros = u64::try_from(median.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(spread(micros, rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_lies_below_the_median_and_the_tail_is_long() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut drawn: Vec<u64> = (0..4_000).map(|_| spread(1_000, &mut rng)).collect();
        drawn.sort_unstable();
        assert!((950..=1_050).contains(&drawn[2_000]), "{}", drawn[2_000]);
        assert!(drawn[3_999] > 2_500 && drawn[0] < 450);
    }

    #[test]
    fn a_seed_repeats_itself() {
        let draws = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            (0..20).map(|_| spread(500, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }
}
