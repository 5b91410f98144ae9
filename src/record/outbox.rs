//! What waits to be stored, and which requests are worth a row of their own when there are more than the budget allows.
//!
//! Invariant: never more waits than [`MOST`] requests; what is left out is counted, and its usage is still added up.
//! Absent on purpose: files and threads.

use std::sync::Arc;

use crate::model::history::{Batch, BucketRow, UsageRow};
use crate::model::record::RequestRecord;

/// Requests that may wait for a disk that does not follow.
pub const MOST: usize = 20_000;
/// Buckets that may wait: an hour of 30 endpoints.
const MOST_BUCKETS: usize = 30 * 420;

/// What waits.
#[derive(Debug, Default)]
pub struct Outbox {
    records: Vec<Arc<RequestRecord>>,
    buckets: Vec<BucketRow>,
    /// Requests that came since the last batch and the second it began.
    second: u64,
    this_second: Vec<Arc<RequestRecord>>,
    left_out: u64,
}

impl Outbox {
    /// Takes in a request that ended, in this second (any clock). Of a second's requests at most `budget` are kept: those that
    /// did not simply succeed first, then the earliest.
    pub fn push(&mut self, record: Arc<RequestRecord>, second: u64, budget: usize) {
        if second != self.second {
            self.close_second(budget);
            self.second = second;
        }
        self.this_second.push(record);
        if self.this_second.len() >= MOST {
            self.close_second(budget);
        }
    }

    /// Takes in buckets that are over.
    pub fn push_buckets(&mut self, buckets: Vec<BucketRow>) {
        self.buckets.extend(buckets);
        let beyond = self.buckets.len().saturating_sub(MOST_BUCKETS);
        self.buckets.drain(..beyond);
    }

    /// Whether requests wait. Buckets alone can wait a little longer.
    #[must_use]
    pub const fn has_requests(&self) -> bool {
        !self.records.is_empty() || !self.this_second.is_empty()
    }

    /// Everything that waits, to be written at this moment with what was used meanwhile.
    #[must_use]
    pub fn take(&mut self, wall_ms: u64, usage: Vec<UsageRow>, budget: usize) -> Batch {
        self.close_second(budget);
        Batch { wall_ms, records: std::mem::take(&mut self.records), buckets: std::mem::take(&mut self.buckets), usage }
    }

    /// Puts back what could not be handed over, before what came meanwhile.
    pub fn put_back(&mut self, batch: Batch) {
        let newer = std::mem::replace(&mut self.records, batch.records);
        self.records.extend(newer);
        self.bound();
        let newer = std::mem::replace(&mut self.buckets, batch.buckets);
        self.push_buckets(newer);
    }

    /// Requests that were left out so far.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    fn close_second(&mut self, budget: usize) {
        let mut all = std::mem::take(&mut self.this_second);
        if all.len() > budget {
            let notable = all.iter().filter(|record| is_notable(record)).count();
            let mut room = (budget.min(notable), budget.saturating_sub(notable));
            let before = all.len();
            all.retain(|record| {
                let room = if is_notable(record) { &mut room.0 } else { &mut room.1 };
                let fits = *room > 0;
                *room = room.saturating_sub(1);
                fits
            });
            self.left_out = self.left_out.saturating_add((before - all.len()) as u64);
        }
        self.records.append(&mut all);
        self.bound();
    }

    fn bound(&mut self) {
        let beyond = self.records.len().saturating_sub(MOST);
        self.records.drain(..beyond);
        self.left_out = self.left_out.saturating_add(beyond as u64);
    }
}

/// Whether a request did anything but succeed at its first try.
fn is_notable(record: &RequestRecord) -> bool {
    !record.is_answered_whole() || record.attempts.len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::Ending;
    use crate::model::record::RecordEnd;
    use crate::record::sample::record;

    fn plain(number: u64) -> Arc<RequestRecord> {
        Arc::new(RequestRecord { end: RecordEnd::Answered(Ending::Completed), ..record(number) })
    }

    fn ids(batch: &Batch) -> Vec<u64> {
        batch.records.iter().map(|record| record.id.0).collect()
    }

    #[test]
    fn of_too_many_in_a_second_the_notable_ones_are_kept_first_and_the_rest_is_counted() {
        let mut outbox = Outbox::default();
        for number in 0..100 {
            let refused = number % 30 == 29;
            outbox.push(if refused { Arc::new(record(number)) } else { plain(number) }, 7, 5);
        }
        assert_eq!(ids(&outbox.take(0, Vec::new(), 5)), [0, 1, 29, 59, 89]);
        assert_eq!(outbox.left_out(), 95);
        (0..5).for_each(|number| outbox.push(plain(number), 8, 5));
        (5..10).for_each(|number| outbox.push(plain(number), 9, 5));
        assert_eq!(ids(&outbox.take(0, Vec::new(), 5)).len(), 10, "each second has a budget of its own");
    }

    #[test]
    fn what_could_not_be_handed_over_comes_first_the_next_time() {
        let mut outbox = Outbox::default();
        outbox.push(plain(1), 1, 10);
        let batch = outbox.take(0, Vec::new(), 10);
        outbox.push(plain(2), 2, 10);
        outbox.put_back(batch);
        assert_eq!(ids(&outbox.take(0, Vec::new(), 10)), [1, 2]);
        assert!(!outbox.has_requests() && outbox.take(0, Vec::new(), 10).is_empty());
    }

    #[test]
    fn a_disk_that_does_not_follow_costs_the_oldest_and_no_memory() {
        let mut outbox = Outbox::default();
        (0..30_000).for_each(|number| outbox.push(plain(number), number / 100, 1_000));
        let batch = outbox.take(0, Vec::new(), 1_000);
        assert_eq!((batch.records.len(), outbox.left_out()), (MOST, 10_000));
        assert_eq!(ids(&batch).first(), Some(&10_000));
    }
}
