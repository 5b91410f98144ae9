//! Numbers, spans and ranks as words, the same way everywhere.
//!
//! Invariant: an amount always carries its unit; a countdown is computed from the snapshot's moment.
//! Absent on purpose: reasons and refusals, which have their own words.

use std::cell::Cell;
use std::time::Duration;

pub use crate::model::config::group_rank;
use crate::model::outlook::{Demand, Exhaustion};
use crate::model::units::{Grouped, Short, Timestamp, Unit};

/// `12,400 TPM`.
#[must_use]
pub fn tpm(tokens: u64) -> String {
    format!("{} TPM", Grouped(tokens))
}

/// `52k / 60k`, or `52k / unknown`.
#[must_use]
pub fn of_limit(taken: u64, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("{} / {}", Short(taken), Short(limit)),
        None => format!("{} / unknown", Short(taken)),
    }
}

/// Minutes and seconds until `until`, as `0:12`; rounded up so that it never promises too early.
#[must_use]
pub fn countdown(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.since(now).as_millis().div_ceil(1_000);
    if seconds < 3_600 {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

/// A short span: `84 ms`, `3.1 s`, `14 s`, `2 min`.
#[must_use]
pub fn span(span: Duration) -> String {
    match span.as_millis() {
        millis @ 0..=999 => format!("{millis} ms"),
        millis @ 1_000..=99_999 if millis % 1_000 < 100 => format!("{} s", millis / 1_000),
        millis @ 1_000..=99_999 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        millis => format!("{} min", millis / 60_000),
    }
}

/// The same for a time that must have passed: rounded up to what is shown, so that it never promises too early.
#[must_use]
pub fn span_up(wait: Duration) -> String {
    let micros = wait.as_micros();
    let step = match micros {
        0..=999_000 => 1_000,
        999_001..=99_900_000 => 100_000,
        _ => 60_000_000,
    };
    let rounded = micros.div_ceil(step).saturating_mul(step);
    span(Duration::from_micros(u64::try_from(rounded).unwrap_or(u64::MAX)))
}

/// When a limit will be full, at the rate of now: `full in ~40 s at this rate`. `None`: that moment has passed.
#[must_use]
pub fn full_in(when: Exhaustion, now: Timestamp) -> Option<String> {
    let left = match when.at.since(now).as_secs() {
        0 if when.at <= now => return None,
        seconds @ 0..=9 => format!("{} s", seconds.max(1)),
        seconds @ 10..=89 => format!("{} s", (seconds + 2) / 5 * 5),
        seconds => format!("{} min", (seconds + 30) / 60),
    };
    let what = match when.of {
        Unit::Tokens => "full",
        Unit::Requests => "requests full",
        Unit::Input => "input full",
        Unit::Output => "output full",
        Unit::DayTokens => "daily limit full",
        Unit::DayRequests => "daily requests full",
    };
    Some(format!("{what} in ~{left} at this rate"))
}

/// Whose expectation of whom it is, and until when; what is expected follows.
pub const EXPECTATION: &str = "Tidegate expects clients to ask for this in the next 10 s, if they go on as they do: ";

/// What clients are expected to ask for: `next 10 s: clients want ~84k TPM`. `None`: nothing.
#[must_use]
pub fn expects(demand: Demand) -> Option<String> {
    (demand.expected > 0).then(|| format!("next 10 s: clients want ~{} TPM", Short(demand.expected)))
}

/// The same by priority, for those that are expected to ask: `interactive ~40k TPM, rarely over 52k · bulk ~3k TPM, …`.
#[must_use]
pub fn expects_each(demand: &[Demand; 3]) -> Option<String> {
    let of = |(demand, class): (&Demand, &str)| {
        format!("{class} ~{} TPM, rarely over {}", Short(demand.expected), Short(demand.upper))
    };
    let some = demand.iter().zip(["interactive", "normal", "bulk"]).filter(|(demand, _)| demand.expected > 0);
    let each: Vec<String> = some.map(of).collect();
    (!each.is_empty()).then(|| each.join(" · "))
}

/// How long ago something was: `just now`, `12 s ago`, `3 min ago`.
#[must_use]
pub fn ago(then_wall_ms: u64, now_wall_ms: u64) -> String {
    match now_wall_ms.saturating_sub(then_wall_ms) / 1_000 {
        0 | 1 => "just now".to_owned(),
        seconds @ 2..=59 => format!("{seconds} s ago"),
        seconds @ 60..=3_599 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3_600),
    }
}

thread_local! {
    static TWELVE_HOURS: Cell<bool> = const { Cell::new(false) };
}

/// Has times of day be written with twelve hours, twice, on this thread; else with 24.
pub fn twelve_hours(on: bool) {
    TWELVE_HOURS.set(on);
}

fn local(wall_ms: u64, pattern: &str) -> String {
    let millis = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map(|moment| moment.to_zoned(jiff::tz::TimeZone::system()).strftime(pattern).to_string())
        .unwrap_or_default()
}

/// Local wall-clock time of Unix milliseconds: `14:03:12`, or `2:03:12 PM`.
#[must_use]
pub fn clock_time(wall_ms: u64) -> String {
    local(wall_ms, if TWELVE_HOURS.get() { "%-I:%M:%S %p" } else { "%H:%M:%S" })
}

/// The same as filters and links have it, however the person likes times: `14:03:12`.
#[must_use]
pub fn plain_time(wall_ms: u64) -> String {
    local(wall_ms, "%H:%M:%S")
}

/// Local second of the day of Unix milliseconds, from 0.
#[must_use]
pub fn second_of_day(wall_ms: u64) -> u32 {
    let millis = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map(|moment| moment.to_zoned(jiff::tz::TimeZone::system()).time())
        .map(|time| [time.hour(), time.minute(), time.second()].map(|part| u32::try_from(part).unwrap_or_default()))
        .map_or(0, |[hour, minute, second]| (hour * 60 + minute) * 60 + second)
}

/// Local hour of Unix milliseconds, 0 to 23.
#[must_use]
pub fn hour_of_day(wall_ms: u64) -> u8 {
    let millis = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    let hour = jiff::Timestamp::from_millisecond(millis)
        .map(|moment| moment.to_zoned(jiff::tz::TimeZone::system()).hour())
        .unwrap_or_default();
    u8::try_from(hour).unwrap_or_default()
}

/// Local day and time of Unix milliseconds: `22 Nov 14:03`, or `22 Nov 2:03 PM`.
#[must_use]
pub fn date_time(wall_ms: u64) -> String {
    local(wall_ms, if TWELVE_HOURS.get() { "%-d %b %-I:%M %p" } else { "%-d %b %H:%M" })
}

/// Local time of Unix milliseconds without seconds: `14:03`, or `2:03 PM`.
#[must_use]
pub fn hour_and_minute(wall_ms: u64) -> String {
    local(wall_ms, if TWELVE_HOURS.get() { "%-I:%M %p" } else { "%H:%M" })
}

/// The same with its day of the week: `Mon 14:03`, or `Mon 2:03 PM`.
#[must_use]
pub fn day_and_hour(wall_ms: u64) -> String {
    local(wall_ms, if TWELVE_HOURS.get() { "%a %-I:%M %p" } else { "%a %H:%M" })
}

/// Local day of Unix milliseconds: `Mon 23`.
#[must_use]
pub fn day_of_month(wall_ms: u64) -> String {
    local(wall_ms, "%a %d")
}

/// Local time with milliseconds: `14:03:00.120`, or `2:03:00.120 PM`.
#[must_use]
pub fn clock_time_millis(wall_ms: u64) -> String {
    local(wall_ms, if TWELVE_HOURS.get() { "%-I:%M:%S.%3f %p" } else { "%H:%M:%S.%3f" })
}

/// As copies have it, however the person likes times: `14:03:00.120`.
#[must_use]
pub fn plain_time_millis(wall_ms: u64) -> String {
    local(wall_ms, "%H:%M:%S.%3f")
}

/// Local date of Unix milliseconds: `2026-03-01`.
#[must_use]
pub fn date_of(wall_ms: u64) -> String {
    let millis = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map(|moment| moment.to_zoned(jiff::tz::TimeZone::system()).date().to_string())
        .unwrap_or_default()
}

/// Local time as a part of a file's name: `2026-11-22-140312`.
#[must_use]
pub fn file_time(wall_ms: u64) -> String {
    local(wall_ms, "%Y-%m-%d-%H%M%S")
}

/// `1 request`, `2 requests`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", Grouped(number), if number == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_have_twelve_hours_where_the_person_likes_that_and_filters_never() {
        let noon = 43_200_000;
        let plain = plain_time(noon);
        assert_eq!(clock_time(noon), plain);
        assert!(plain.len() == 8 && clock_time_millis(noon + 120) == format!("{plain}.120"));
        twelve_hours(true);
        let (clock, half) = (clock_time(noon), if hour_of_day(noon) < 12 { " AM" } else { " PM" });
        assert!(clock.ends_with(half));
        assert_eq!(clock_time_millis(noon + 120), clock.replace(half, &format!(".120{half}")));
        assert_eq!(plain_time_millis(noon + 120), format!("{plain}.120"));
        assert!(clock_time(noon).ends_with('M') && date_time(noon).ends_with('M'));
        assert!(hour_and_minute(noon).ends_with(half) && day_and_hour(noon).ends_with(half));
        assert_eq!(plain_time(noon), plain);
    }

    #[test]
    fn a_countdown_rounds_up_and_ends_at_zero() {
        let now = Timestamp::from_secs(100);
        assert_eq!(countdown(Timestamp::from_millis(111_200), now), "0:12");
        assert_eq!(countdown(Timestamp::from_secs(99), now), "0:00");
        assert_eq!(countdown(Timestamp::from_secs(3_800), now), "1:01:40");
    }

    #[test]
    fn a_forecast_says_at_this_rate_and_never_looks_back() {
        let when = |seconds: u64, of| {
            let at = Timestamp::from_secs(100 + seconds);
            full_in(Exhaustion { at, earliest: at, latest: at, of }, Timestamp::from_secs(100))
        };
        let full = |seconds| when(seconds, Unit::Tokens);
        assert_eq!(when(1_200, Unit::DayTokens).as_deref(), Some("daily limit full in ~20 min at this rate"));
        assert_eq!(when(20, Unit::Requests).as_deref(), Some("requests full in ~20 s at this rate"));
        assert_eq!(full(41).as_deref(), Some("full in ~40 s at this rate"));
        assert_eq!(full(7).as_deref(), Some("full in ~7 s at this rate"));
        assert_eq!(full(370).as_deref(), Some("full in ~6 min at this rate"));
        assert_eq!(full(0), None);
    }

    #[test]
    fn demand_is_said_with_whose_it_is_and_until_when() {
        let words = expects(Demand { expected: 84_000, upper: 102_000, trend: 0 });
        assert_eq!(words.as_deref(), Some("next 10 s: clients want ~84k TPM"));
        assert_eq!(expects(Demand::default()), None);
    }

    #[test]
    fn demand_is_said_by_priority_where_there_is_some() {
        let some = |expected, upper| Demand { expected, upper, trend: 0 };
        let each = [some(40_000, 52_000), Demand::default(), some(3_000, 9_000)];
        let words = expects_each(&each);
        assert_eq!(words.as_deref(), Some("interactive ~40k TPM, rarely over 52k · bulk ~3000 TPM, rarely over 9000"));
        assert_eq!(expects_each(&Default::default()), None);
    }

    #[test]
    fn ranks_are_words_and_only_three_or_more_have_a_last_resort() {
        assert_eq!(group_rank(0, 1), "First choice");
        assert_eq!(group_rank(1, 2), "Second choice");
        assert_eq!(group_rank(2, 3), "Last resort");
        assert_eq!(group_rank(1, 3), "Second choice");
    }

    #[test]
    fn a_wait_that_must_pass_is_never_told_too_short() {
        assert_eq!(span_up(Duration::from_micros(84_001)), "85 ms");
        assert_eq!(span_up(Duration::from_millis(27_310)), "27.4 s");
        assert_eq!(span_up(Duration::from_micros(999_500)), "1 s");
        assert_eq!(span_up(Duration::from_secs(14)), "14 s");
        assert_eq!(span_up(Duration::from_secs(121)), "3 min");
        assert_eq!(span_up(Duration::from_millis(99_950)), "2 min");
    }

    #[test]
    fn spans_choose_their_unit() {
        assert_eq!(span(Duration::from_millis(84)), "84 ms");
        assert_eq!(span(Duration::from_millis(3_140)), "3.1 s");
        assert_eq!(span(Duration::from_secs(14)), "14 s");
        assert_eq!(span(Duration::from_mins(2)), "2 min");
    }
}
