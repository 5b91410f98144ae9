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
#[path = "span_tests.rs"]
mod tests;
