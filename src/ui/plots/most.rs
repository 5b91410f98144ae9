//! Those that a plot shows by themselves, and all the others as one.
//!
//! Invariant: nothing is left out: what the others had is summed second by second.
//! Absent on purpose: limits of the others; a plot sums those up by itself.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Metric;
use crate::contract::snapshot::{EndpointSeries, SeriesPoint};
use crate::model::status::Health;

/// Lines that can be told apart; there are as many colours.
const MOST: usize = 6;

/// The series with the most of `metric` in the last `window` seconds, in their usual order, and one more for the others
/// together if there are more than six.
#[must_use]
pub fn most(series: &[EndpointSeries], metric: Metric, now: u64, window: u64) -> Vec<EndpointSeries> {
    if series.len() <= MOST {
        return series.to_vec();
    }
    let since = now.saturating_sub(window);
    let weight = |one: &EndpointSeries| {
        let recent = one.points().rev().take_while(|point| point.second >= since);
        recent.map(|point| metric.of(point)).fold(0, u64::saturating_add)
    };
    let mut heaviest: Vec<(Reverse<u64>, usize)> =
        series.iter().enumerate().map(|(place, one)| (Reverse(weight(one)), place)).collect();
    heaviest.sort_unstable();
    heaviest.truncate(MOST);
    let is_shown = |place: usize| heaviest.iter().any(|(_, shown)| *shown == place);
    let places = || series.iter().enumerate();
    let mut shown: Vec<EndpointSeries> =
        places().filter(|(place, _)| is_shown(*place)).map(|(_, one)| one.clone()).collect();
    let others: Vec<&EndpointSeries> = places().filter(|(place, _)| !is_shown(*place)).map(|(_, one)| one).collect();
    shown.push(together(&others));
    shown
}

fn together(others: &[&EndpointSeries]) -> EndpointSeries {
    let mut sums: BTreeMap<u64, SeriesPoint> = BTreeMap::new();
    for point in others.iter().flat_map(|one| one.points()) {
        let sum = sums.entry(point.second).or_insert(SeriesPoint {
            tokens_used: 0,
            tokens_reserved: 0,
            requests_used: 0,
            throttled: 0,
            health: Health::Unknown,
            token_limit: None,
            ..*point
        });
        sum.tokens_used = sum.tokens_used.saturating_add(point.tokens_used);
        sum.tokens_reserved = sum.tokens_reserved.saturating_add(point.tokens_reserved);
        sum.requests_used = sum.requests_used.saturating_add(point.requests_used);
        sum.throttled = sum.throttled.saturating_add(point.throttled);
    }
    let name = format!("{} others", others.len());
    EndpointSeries {
        id: name.as_str().into(),
        slot: usize::MAX,
        earlier: std::sync::Arc::default(),
        chunks: vec![sums.into_values().collect()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::AdminState;

    fn series(slot: usize, tokens: u64) -> EndpointSeries {
        let point = |second| SeriesPoint {
            second,
            tokens_used: tokens,
            tokens_reserved: 1,
            requests_used: 2,
            throttled: 0,
            health: Health::Healthy,
            admin_state: AdminState::Enabled,
            token_limit: Some(100),
        };
        let id = format!("e{slot}");
        EndpointSeries {
            id: id.as_str().into(),
            slot,
            earlier: std::sync::Arc::default(),
            chunks: vec![(1..=9).map(point).collect()],
        }
    }

    #[test]
    fn six_are_shown_by_themselves_and_the_others_are_summed_second_by_second() {
        let all: Vec<EndpointSeries> = [5, 90, 80, 1, 70, 60, 2, 50, 40]
            .into_iter()
            .enumerate()
            .map(|(slot, tokens)| series(slot, tokens))
            .collect();
        let shown = most(&all, Metric::Tokens, 9, 120);
        let names: Vec<&str> = shown.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(names, ["e1", "e2", "e4", "e5", "e7", "e8", "3 others"]);
        let others: Vec<SeriesPoint> = shown[6].points().copied().collect();
        assert_eq!(others.len(), 9);
        assert!(others.iter().all(|point| (point.tokens_used, point.requests_used) == (5 + 1 + 2, 6)));
        let sum = |all: &[EndpointSeries]| {
            all.iter().flat_map(EndpointSeries::points).map(|one| one.tokens_used).sum::<u64>()
        };
        assert_eq!(sum(&shown), sum(&all), "nothing is left out");
    }

    #[test]
    fn six_at_most_are_all_shown_and_traffic_before_the_window_does_not_count() {
        let six: Vec<EndpointSeries> = (0..6).map(|slot| series(slot, 1)).collect();
        assert_eq!(most(&six, Metric::Tokens, 9, 120).len(), 6, "and no others");
        let mut seven: Vec<EndpointSeries> = (0..7).map(|slot| series(slot, 10)).collect();
        seven.push(EndpointSeries { id: "old".into(), ..series(7, 99) });
        let old = seven[7].points().map(|point| SeriesPoint { second: 0, ..*point }).take(1).collect();
        seven[7].chunks = vec![old];
        let shown = most(&seven, Metric::Tokens, 9, 5);
        assert!(shown.iter().all(|one| one.id.as_str() != "old"));
    }
}
