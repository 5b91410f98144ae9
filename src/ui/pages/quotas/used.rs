//! What each endpoint used lately, for dividing a pool by it.
//!
//! Invariant: worked out once per new second or minute, not per frame.
//! Absent on purpose: demand that was turned away; the proposal by demand knows it.

use std::collections::BTreeMap;

use crate::contract::Snapshot;
use crate::contract::history::LongTrack;
use crate::contract::snapshot::EndpointSeries;
use crate::model::history::Grain;
use crate::model::id::EndpointId;

/// Minutes of a day.
const DAY: usize = 1_440;

/// One endpoint's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// Tokens per minute that 95 % of the moments stayed below.
    pub(super) p95: u64,
    /// The most tokens per minute.
    pub(super) peak: u64,
    /// Minutes in which the service answered with a 429.
    pub(super) throttled: u64,
}

/// Every endpoint's use over the last day, or the last minutes where no day is known.
#[derive(Debug, Default)]
pub(super) struct Uses {
    of: Option<(u64, u64)>,
    list: BTreeMap<EndpointId, Used>,
}

impl Uses {
    /// Follows the snapshot.
    pub(super) fn follow(&mut self, snapshot: &Snapshot) {
        // The last minutes change by the second and matter only until the first minutes are kept.
        let of = (snapshot.history.long.generation, snapshot.series.generation / 10);
        if self.of == Some(of) {
            return;
        }
        self.of = Some(of);
        self.list = snapshot.series.endpoints.iter().map(|one| (one.id.clone(), lately(one))).collect();
        for track in &snapshot.history.long.tracks {
            if let Some(day) = of_day(track) {
                let known = self.list.entry(track.id.clone()).or_default();
                // A minute is kept once it is over; until then the last minutes know more.
                let throttled = day.throttled.max(known.throttled);
                *known = Used { peak: day.peak.max(known.peak), p95: day.p95.max(known.p95), throttled };
            }
        }
    }

    /// One endpoint's.
    pub(super) fn get(&self, id: &EndpointId) -> Used {
        self.list.get(id).copied().unwrap_or_default()
    }
}

fn lately(series: &EndpointSeries) -> Used {
    let mut throttled: Vec<u64> =
        series.points().filter(|point| point.throttled > 0).map(|point| point.second / 60).collect();
    throttled.dedup();
    used(series.points().map(|point| point.tokens_used).collect(), throttled.len())
}

fn of_day(track: &LongTrack) -> Option<Used> {
    let minutes = || track.buckets(Grain::Minute).rev().take(DAY);
    minutes().next()?;
    let throttled = minutes().filter(|bucket| bucket.throttled > 0).count();
    Some(used(minutes().map(|bucket| u64::from(bucket.tokens.max)).collect(), throttled))
}

fn used(mut amounts: Vec<u64>, throttled: usize) -> Used {
    amounts.sort_unstable();
    let place = (amounts.len() * 95).div_ceil(100).saturating_sub(1);
    let at = |place: Option<&u64>| place.copied().unwrap_or(0);
    Used { p95: at(amounts.get(place)), peak: at(amounts.last()), throttled: throttled as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::{Bucket, Sample};
    use crate::ui::fixture;

    #[test]
    fn a_short_peak_is_the_peak_and_not_what_is_used_nearly_always() {
        let mut amounts = vec![10_000; 99];
        amounts.push(90_000);
        assert_eq!(used(amounts, 3), Used { p95: 10_000, peak: 90_000, throttled: 3 });
        assert_eq!(used(vec![], 0), Used::default());
    }

    #[test]
    fn a_429_of_this_minute_counts_before_the_minute_is_kept() {
        let mut snapshot = fixture::snapshot();
        let sample = Sample { second: 60, tokens: 0, requests: 0, throttled: 0, token_limit: None };
        let calm = Bucket::of(sample, Grain::Minute);
        let track = LongTrack { id: "sim-eastus".into(), ten_seconds: vec![], minutes: vec![vec![calm].into()] };
        let long = crate::contract::history::LongSeries { generation: 1, tracks: vec![track] };
        snapshot.history.long = std::sync::Arc::new(long);
        let mut uses = Uses::default();
        uses.follow(&snapshot);
        assert!(uses.get(&"sim-eastus".into()).throttled > 0);
    }

    #[test]
    fn minutes_with_429s_are_counted_once_each() {
        let snapshot = fixture::snapshot();
        let mut uses = Uses::default();
        uses.follow(&snapshot);
        let east = uses.get(&"sim-eastus".into());
        assert!(east.throttled > 0 && east.throttled < 15, "{east:?}");
        assert!(east.p95 > 0 && east.p95 <= east.peak, "{east:?}");
        assert_eq!(uses.get(&"nobody".into()), Used::default());
    }
}
