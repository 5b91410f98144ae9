//! The last finished requests, in chunks that are shared with the screen and never copied.
//!
//! Invariant: a sealed chunk never changes, so every view holds the same `Arc`; at least [`KEPT`] records are kept once
//! that many came, and at most a chunk more.
//! Absent on purpose: locks. One task owns the ring; others read views.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::contract::snapshot::RecordsView;
use crate::model::record::RequestRecord;

/// Records kept in memory.
pub const KEPT: usize = 50_000;
/// Records in a sealed chunk.
pub const CHUNK: usize = 256;

/// Finished requests, oldest first.
#[derive(Debug)]
pub struct Ring {
    sealed: VecDeque<Arc<[Arc<RequestRecord>]>>,
    open: Vec<Arc<RequestRecord>>,
    total: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self { sealed: VecDeque::new(), open: Vec::with_capacity(CHUNK), total: 0 }
    }
}

impl Ring {
    /// An empty ring.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps one record; the oldest chunk goes when it is no longer needed.
    pub fn push(&mut self, record: Arc<RequestRecord>) {
        self.total = self.total.saturating_add(1);
        self.open.push(record);
        if self.open.len() < CHUNK {
            return;
        }
        self.sealed.push_back(Arc::from(self.open.as_slice()));
        self.open.clear();
        while self.sealed.len().saturating_sub(1) * CHUNK >= KEPT {
            self.sealed.pop_front();
        }
    }

    /// Puts what an earlier run left (oldest first) before what is kept. Every record is wrapped anew, so that whoever follows the
    /// newest one sees that the list is another.
    pub fn remember(&mut self, older: Vec<Arc<RequestRecord>>) {
        let before = std::mem::take(self);
        for record in older {
            self.push(record);
        }
        for record in before.sealed.iter().flat_map(|chunk| chunk.iter()).chain(&before.open) {
            self.push(Arc::new(RequestRecord::clone(record)));
        }
    }

    /// Requests ever kept here; changes exactly when the view would.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Every record kept, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Arc<RequestRecord>> {
        self.open.iter().rev().chain(self.sealed.iter().rev().flat_map(|chunk| chunk.iter().rev()))
    }

    /// What the screen reads. Costs one pointer per sealed chunk and one per record of the open one.
    ///
    /// `dropped` is the recorder's own count ([`super::Drain::dropped`]).
    #[must_use]
    pub fn view(&self, dropped: u64) -> RecordsView {
        let mut chunks: Vec<_> = self.sealed.iter().cloned().collect();
        if !self.open.is_empty() {
            chunks.push(Arc::from(self.open.as_slice()));
        }
        RecordsView { total: self.total, dropped, chunks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::record;

    fn ring_of(count: u64) -> Ring {
        let mut ring = Ring::new();
        (0..count).for_each(|number| ring.push(Arc::new(record(number))));
        ring
    }

    #[test]
    fn views_are_ordered_oldest_first_and_count_everything() {
        let view = ring_of(600).view(3);
        assert_eq!((view.total, view.dropped, view.len(), view.chunks.len()), (600, 3, 600, 3));
        assert!(view.iter().map(|record| record.id.0).eq(0..600));
    }

    #[test]
    fn what_an_earlier_run_left_stands_before_what_is_kept_in_a_list_of_its_own() {
        let mut ring = ring_of(300);
        let newest = ring.view(0).iter().next_back().cloned().unwrap();
        ring.remember((900..1_000).map(|number| Arc::new(record(number))).collect());
        let view = ring.view(0);
        assert!(view.iter().map(|record| record.id.0).eq((900..1_000).chain(0..300)));
        assert!(!view.iter().any(|record| Arc::ptr_eq(record, &newest)));
        assert_eq!(ring.total(), 400);
    }

    #[test]
    fn a_sealed_chunk_is_shared_by_all_views() {
        let mut ring = ring_of(300);
        let before = ring.view(0);
        (300..600).for_each(|number| ring.push(Arc::new(record(number))));
        assert!(Arc::ptr_eq(&before.chunks[0], &ring.view(0).chunks[0]));
        assert_eq!(before.len(), 300, "a view taken earlier does not grow");
    }

    #[test]
    fn the_oldest_go_once_fifty_thousand_newer_ones_are_kept() {
        let count = 60_000;
        let view = ring_of(count).view(0);
        assert!((KEPT..KEPT + 2 * CHUNK).contains(&view.len()), "{}", view.len());
        assert_eq!(view.total, count);
        assert_eq!(view.iter().next_back().map(|record| record.id.0), Some(count - 1));
        let first = count - u64::try_from(view.len()).unwrap();
        assert!(view.iter().map(|record| record.id.0).eq(first..count));
    }
}
