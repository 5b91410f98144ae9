//! What the last minutes brought, counted once for every place that shows it.
//!
//! Invariant: the service's 429s and our own refusals are never added up.
//! Absent on purpose: numbers the snapshot states itself.

use std::time::Duration;

use crate::contract::Snapshot;
use crate::model::outcome::Ending;
use crate::model::record::RecordEnd;
use crate::ui::format::span;

/// Counts over the last five minutes, and of 429s over the last one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that ended within five minutes.
    pub ended: u64,
    /// Of these, answered whole and without an error.
    pub good: u64,
    /// 429s of the service within the last minute.
    pub theirs: u64,
    /// 429s of ours within the last minute; refusals for another reason are none.
    pub ours: u64,
    /// Tokens that answers which ended within the last minute used, as the services reported.
    pub used: u64,
    first_tokens: Vec<Duration>,
}

impl Tally {
    /// Counts at the snapshot's moment.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut tally = Self { theirs: throttled(snapshot), ..Self::default() };
        let (minutes, minute) = (snapshot.wall_ms.saturating_sub(300_000), snapshot.wall_ms.saturating_sub(60_000));
        for record in snapshot.records.iter().rev().take_while(|record| record.wall_ms >= minutes) {
            tally.ended += 1;
            let whole = record.end == RecordEnd::Answered(Ending::Completed);
            tally.good += u64::from(whole && record.status < 400);
            tally.first_tokens.extend(record.first_token);
            if record.ended_wall_ms() >= minute {
                tally.used = tally.used.saturating_add(record.usage.map_or(0, |usage| usage.total()));
            }
            tally.ours +=
                u64::from(record.wall_ms >= minute && record.end == RecordEnd::Refused && record.status == 429);
        }
        tally.first_tokens.sort_unstable();
        tally
    }

    /// The share of good ones, as `99.5 %`, or a dash.
    #[must_use]
    pub fn success(&self) -> String {
        match (self.good * 1_000).checked_div(self.ended) {
            None => "–".to_owned(),
            Some(1_000) => "100 %".to_owned(),
            Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
        }
    }

    /// The 95th percentile of the time to the first token, or a dash.
    #[must_use]
    pub fn first_token(&self) -> String {
        let place = (self.first_tokens.len() * 95).div_ceil(100).saturating_sub(1);
        self.first_tokens.get(place).map_or_else(|| "–".to_owned(), |time| span(*time))
    }
}

fn throttled(snapshot: &Snapshot) -> u64 {
    let since = (snapshot.at.0 / 1_000_000).saturating_sub(60);
    let each = snapshot.series.endpoints.iter();
    each.flat_map(|series| series.points().rev().take_while(|point| point.second > since))
        .map(|point| u64::from(point.throttled))
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn refusals_of_ours_and_429s_of_theirs_are_counted_apart() {
        let tally = Tally::of(&fixture::snapshot_at(640));
        assert_eq!((tally.theirs, tally.ours), (2, 2));
    }

    #[test]
    fn without_requests_there_is_a_dash_and_no_share() {
        let tally = Tally::of(&fixture::empty());
        assert_eq!((tally.success(), tally.first_token()), ("–".to_owned(), "–".to_owned()));
    }
}
