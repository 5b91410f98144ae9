//! How quick endpoints are: times to the first token of their newest answers.
//!
//! Invariant: worked out anew only after a request has finished; waiting in line is left out.
//! Absent on purpose: sizes of prompts; who compares is told that long ones take longer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contract::snapshot::RecordsView;
use crate::model::id::EndpointId;

/// Of an endpoint's newest answers, so many are looked at.
pub(super) const LATEST: usize = 200;
/// So many of the newest requests are looked through.
const LOOKED_THROUGH: usize = 10_000;

/// Times to the first token: how many, the middle one, those that a quarter is below and above, and what 95 % stay below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) n: usize,
    pub(super) median: Duration,
    pub(super) low: Duration,
    pub(super) high: Duration,
    pub(super) p95: Duration,
}

/// The times of all endpoints.
#[derive(Debug, Default)]
pub(super) struct Quick {
    /// Of so many requests ever finished.
    total: u64,
    by: BTreeMap<EndpointId, Times>,
}

impl Quick {
    /// Works them out anew if a request has finished.
    pub(super) fn follow(&mut self, records: &RecordsView) {
        if self.total == records.total {
            return;
        }
        self.total = records.total;
        let mut all: BTreeMap<&EndpointId, Vec<Duration>> = BTreeMap::new();
        for record in records.iter().rev().take(LOOKED_THROUGH) {
            // A second attempt's time holds the first one's failure.
            let [only] = record.attempts.as_slice() else { continue };
            let Some(first) = record.first_token.filter(|_| record.is_answered_whole()) else { continue };
            let times = all.entry(&only.endpoint).or_default();
            if times.len() < LATEST {
                times.push(first.saturating_sub(record.waited));
            }
        }
        let of = |(id, times): (&EndpointId, Vec<Duration>)| Some((id.clone(), Times::of(times)?));
        self.by = all.into_iter().filter_map(of).collect();
    }

    /// Those of one endpoint; `None`: it answered nothing of late.
    pub(super) fn of(&self, id: &EndpointId) -> Option<Times> {
        self.by.get(id).copied()
    }
}

impl Times {
    fn of(mut all: Vec<Duration>) -> Option<Self> {
        all.sort_unstable();
        let at = |percent: usize| all.get((all.len() * percent / 100).min(all.len().saturating_sub(1))).copied();
        Some(Self { n: all.len(), median: at(50)?, low: at(25)?, high: at(75)?, p95: at(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_order_and_of_the_newest_answers() {
        let ms = |from: u64, to: u64| (from..to).map(Duration::from_millis).collect::<Vec<_>>();
        let times = Times::of(ms(0, 100)).unwrap();
        let at = Duration::from_millis;
        assert_eq!(times, Times { n: 100, median: at(50), low: at(25), high: at(75), p95: at(95) });
        assert_eq!(Times::of(Vec::new()), None);
        let snapshot = crate::ui::fixture::snapshot();
        let mut quick = Quick::default();
        quick.follow(&snapshot.records);
        let whole = snapshot
            .records
            .iter()
            .filter(|record| record.is_answered_whole() && record.attempts.len() == 1 && record.first_token.is_some());
        let counted: usize = quick.by.values().map(|times| times.n).sum();
        assert_eq!(counted, whole.count());
        assert!(counted > 0, "the fixture has answers at the first attempt");
    }
}
