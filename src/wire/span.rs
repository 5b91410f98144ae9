//! Spans of time as services write them: `20ms`, `2.572s`, `1h2m3s`, `14`, `0.5`, an HTTP date.
//!
//! Invariant: a span that cannot be read, or is negative, is `None`, never zero; one too large saturates.
//! Absent on purpose: judging whether a span is believable.

use std::time::{Duration, UNIX_EPOCH};

/// Go's duration format: numbers with units, the largest first.
pub(super) fn go(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        sum = sum.saturating_add(scaled(number, nanos_of(unit)?)?);
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

fn nanos_of(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

/// A decimal number of units, exact to the nanosecond; what is finer is cut off.
fn scaled(number: &str, nanos: u128) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len().saturating_add(fraction.len()) == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut total = whole.bytes().fold(0_u128, |sum, b| sum.saturating_mul(10).saturating_add(u128::from(b - b'0')));
    total = total.saturating_mul(nanos);
    let mut place = nanos;
    for digit in fraction.bytes() {
        place /= 10;
        total = total.saturating_add(place.saturating_mul(u128::from(digit - b'0')));
    }
    let seconds = u64::try_from(total / 1_000_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(total % 1_000_000_000).unwrap_or(0);
    Some(Duration::new(seconds, rest))
}

/// Bare milliseconds, perhaps with a fraction.
pub(super) fn millis(text: &str) -> Option<Duration> {
    scaled(text.trim(), 1_000_000)
}

/// Bare seconds, perhaps with a fraction, or a Go duration.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    scaled(text, 1_000_000_000).or_else(|| go(text))
}

/// `Retry-After`: seconds, a Go duration, or a date, which counts from `wall_unix_ms`; a date that has passed is zero.
pub(super) fn retry_after(text: &str, wall_unix_ms: u64) -> Option<Duration> {
    seconds(text).or_else(|| {
        let date = httpdate::parse_http_date(text.trim()).ok()?;
        let now = UNIX_EPOCH.checked_add(Duration::from_millis(wall_unix_ms))?;
        Some(date.duration_since(now).unwrap_or(Duration::ZERO))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_durations_are_read_exactly() {
        for (text, micros) in [
            ("20ms", 20_000),
            ("120ms", 120_000),
            ("1s", 1_000_000),
            ("2.572s", 2_572_000),
            ("8.64s", 8_640_000),
            ("6m0s", 360_000_000),
            ("1h2m3s", 3_723_000_000),
            ("88ms", 88_000),
            ("1m12.5s", 72_500_000),
            ("250µs", 250),
            ("0", 0),
            ("14", 14_000_000),
            ("0.5", 500_000),
            (" 3 ", 3_000_000),
            ("86400", 86_400_000_000),
        ] {
            assert_eq!(seconds(text), Some(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_unknown() {
        for text in ["", "-1", "-5s", "s", "ms", ".", ".s", "1x", "1 s", "1s2", "NaN", "inf", "1e3", "1..2s", "+5", "٣"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn absurd_durations_saturate() {
        assert_eq!(seconds(&"9".repeat(60)).unwrap().as_secs(), u64::MAX);
        assert_eq!(seconds(&format!("{}h{0}h", "9".repeat(60))), Some(Duration::MAX));
    }

    #[test]
    fn a_date_counts_from_the_wall_clock_and_the_past_is_zero() {
        let at = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT
        let read = |text| retry_after(text, at);
        assert_eq!(read("Tue, 14 Nov 2023 22:13:50 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Tue, 14 Nov 2023 22:13:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("Tuesday"), None);
    }

    proptest! {
        #[test]
        fn written_durations_are_read_back(hours in 0_u64..100, minutes in 0_u64..60, millis in 0_u64..60_000) {
            let text = format!("{hours}h{minutes}m{}.{:03}s", millis / 1_000, millis % 1_000);
            prop_assert_eq!(go(&text), Some(Duration::from_millis((hours * 60 + minutes) * 60_000 + millis)));
        }

        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = (seconds(&text), millis(&text), retry_after(&text, 0));
        }
    }
}
