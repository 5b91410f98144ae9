//! Adds usage up: by one side of its keys, over the last days.
//!
//! Invariant: the lines of a tally add up to its total, whatever it is grouped by.
//! Absent on purpose: drawing.

use std::collections::BTreeMap;

use crate::contract::history::UsageView;
use crate::model::history::{UsageKey, UsageSum};
use crate::model::id::{CallerId, EndpointId};
pub use crate::ui::usage_view::{By, Range};

/// What a key is called on one side of it.
fn name(by: By, key: &UsageKey) -> String {
    let or = |name: Option<&str>, none: &str| name.unwrap_or(none).to_owned();
    match by {
        By::Model => key.model.to_string(),
        By::Endpoint => or(key.endpoint.as_ref().map(EndpointId::as_str), "not sent"),
        By::Caller => or(key.caller.as_ref().map(CallerId::as_str), NO_CALLER),
        By::Client => key.client.to_string(),
        By::Day => date(key.day),
    }
}

/// Requests that brought no caller token.
pub(super) const NO_CALLER: &str = "no caller token";

/// What a sum has of one kind, and what that kind is called.
pub type Figure = (&'static str, fn(&UsageSum) -> u64);

/// Sums by name, and of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In order of their names; days newest first.
    pub lines: Vec<(String, UsageSum)>,
    /// Of all lines.
    pub total: UsageSum,
    /// By day, counted from 1970, oldest first; days without requests are left out.
    pub days: Vec<(i32, UsageSum)>,
}

impl Tally {
    /// Adds up the rows of these days.
    #[must_use]
    pub fn of(usage: &UsageView, range: Range, by: By, today: i32) -> Self {
        let mut lines: BTreeMap<String, UsageSum> = BTreeMap::new();
        let mut days: BTreeMap<i32, UsageSum> = BTreeMap::new();
        let mut total = UsageSum::default();
        for (key, sum) in usage.iter().filter(|(key, _)| key.day >= range.first_day(today)) {
            lines.entry(name(by, key)).or_default().add(sum);
            days.entry(key.day).or_default().add(sum);
            total.add(sum);
        }
        let mut lines: Vec<_> = lines.into_iter().collect();
        if by == By::Day {
            lines.reverse();
        }
        Self { lines, total, days: days.into_iter().collect() }
    }
}

/// A local day as `2026-03-01`.
#[must_use]
pub fn date(day: i32) -> String {
    let first = jiff::civil::date(1970, 1, 1);
    first.checked_add(jiff::Span::new().days(day)).map_or_else(|_| "unknown day".to_owned(), |date| date.to_string())
}

/// The local day of a moment, counted from 1970.
#[must_use]
pub fn day_of(wall_ms: u64) -> i32 {
    let millis = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    let date = moment.to_zoned(jiff::tz::TimeZone::system()).date();
    date.since((jiff::Unit::Day, jiff::civil::date(1970, 1, 1))).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn lines_add_up_to_the_total_whatever_they_are_grouped_by() {
        let usage = fixture::usage();
        for by in By::EACH {
            for range in Range::EACH {
                let tally = Tally::of(&usage, range, by, usage.today_is);
                let mut sum = UsageSum::default();
                tally.lines.iter().for_each(|(_, line)| sum.add(line));
                assert_eq!(sum, tally.total, "{by:?} {range:?}");
                let mut sum = UsageSum::default();
                tally.days.iter().for_each(|(_, day)| sum.add(day));
                assert_eq!(sum, tally.total, "days of {range:?}");
            }
        }
    }

    #[test]
    fn a_shorter_range_counts_less_and_days_stand_newest_first() {
        let usage = fixture::usage();
        let requests = |range| Tally::of(&usage, range, By::Day, usage.today_is).total.requests;
        let counted = Range::EACH.map(requests);
        assert!(counted.is_sorted() && counted[0] > 0 && counted[0] < counted[3], "{counted:?}");
        let week = Tally::of(&usage, Range::Week, By::Day, usage.today_is);
        assert_eq!(week.lines.len(), 7);
        assert!(week.lines.is_sorted_by(|one, next| one.0 > next.0));
    }

    #[test]
    fn a_day_is_written_as_a_date() {
        assert_eq!(date(20_513), "2026-03-01");
        assert_eq!(date(0), "1970-01-01");
    }
}
