//! Work that was begun through us and goes on at its service: what it cost is counted when it is first seen to be over.
//!
//! Invariant: counted once, however often it is looked at and whether by documents or streams; a bounded number is remembered, and
//! of more the oldest are forgotten.
//! Absent on purpose: asking for it. What no client looks at again, and what was begun before a restart, is counted nowhere.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::usage::Usage;
use crate::wire::under_way::{self, Report};

/// As much is remembered.
const AT_MOST: usize = 4_096;

/// Fingerprints of what was begun and not seen to be over.
#[derive(Debug, Default)]
pub(super) struct Unfinished(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    keys: BTreeSet<u64>,
    /// The same, in the order in which they came.
    order: VecDeque<u64>,
}

impl Known {
    /// Remembers one more; of too many, the oldest is forgotten.
    fn insert(&mut self, key: u64) {
        if !self.keys.insert(key) {
            return;
        }
        self.order.push_back(key);
        while self.order.len() > AT_MOST {
            self.order.pop_front().map(|oldest| self.keys.remove(&oldest));
        }
    }

    fn remove(&mut self, key: u64) -> bool {
        let was_known = self.keys.remove(&key);
        if was_known {
            self.order.retain(|other| *other != key);
        }
        was_known
    }
}

impl Unfinished {
    /// The answer to a request that begins something.
    pub(super) fn begun(&self, document: &[u8]) {
        let Some(report) = under_way::of_body(document).filter(|report| report.is_under_way) else { return };
        self.known().insert(report.key);
    }

    /// How much is remembered.
    pub(super) fn len(&self) -> usize {
        self.known().keys.len()
    }

    /// The answer to a look: what the work cost, if this is the first that is seen of its end.
    pub(super) fn seen(&self, document: &[u8]) -> Option<Usage> {
        self.looked(under_way::of_body(document)?)
    }

    /// The same for one who follows a stream that is resumed.
    pub(super) fn looked(&self, report: Report) -> Option<Usage> {
        let was_begun = !report.is_under_way && self.known().remove(report.key);
        report.usage.filter(|_| was_begun)
    }

    /// What a stream that works said last of it, and what the stream cost: what to count of it now. Work that goes on without the
    /// stream is counted as a whole when it is seen to be over.
    pub(super) fn streamed(&self, report: Report, usage: Option<Usage>) -> Option<Usage> {
        if report.is_under_way {
            self.known().insert(report.key);
            return None;
        }
        if report.usage.is_some_and(|usage| usage.exact) {
            self.known().remove(report.key);
        }
        usage
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: usize, status: &str) -> Vec<u8> {
        let usage = r#"{"prompt_tokens":5,"completion_tokens":7}"#;
        format!(r#"{{"object":"thread.run","id":"run_{id}","status":"{status}","usage":{usage}}}"#).into_bytes()
    }

    #[test]
    fn what_was_begun_here_is_counted_once_when_it_is_over() {
        let unfinished = Unfinished::default();
        unfinished.begun(&run(1, "queued"));
        assert_eq!(unfinished.seen(&run(1, "in_progress")), None);
        assert_eq!(unfinished.seen(&run(1, "completed")).map(|usage| usage.total()), Some(12));
        assert_eq!(unfinished.seen(&run(1, "completed")), None, "a second look costs nothing");
        assert_eq!(unfinished.seen(&run(2, "completed")), None, "that was begun elsewhere");
        unfinished.begun(&run(3, "completed"));
        assert_eq!(unfinished.seen(&run(3, "completed")), None, "what was over at once was counted at once");
    }

    #[test]
    fn a_bounded_number_is_remembered() {
        let unfinished = Unfinished::default();
        for id in 0..AT_MOST + 10 {
            unfinished.begun(&run(id, "queued"));
        }
        assert_eq!(unfinished.len(), AT_MOST);
        assert_eq!(unfinished.seen(&run(9, "completed")), None, "the oldest are forgotten");
        let kept = (10..AT_MOST + 10).filter(|id| unfinished.seen(&run(*id, "completed")).is_some());
        assert_eq!(kept.count(), AT_MOST, "and they alone");
        assert_eq!(unfinished.known().order.len(), 0);
    }

    #[test]
    fn a_stream_that_ends_with_its_works_usage_counts_it_and_one_that_is_left_lets_it_be_counted_later() {
        let unfinished = Unfinished::default();
        let usage = Usage { input: 5, output: 7, exact: true, ..Usage::default() };
        let report = |status: &str| under_way::of_body(&run(1, status)).unwrap();
        unfinished.begun(&run(1, "requires_action"));
        assert_eq!(unfinished.streamed(report("completed"), Some(usage)), Some(usage));
        assert_eq!(unfinished.seen(&run(1, "completed")), None, "its stream counted it");
        let part = Usage { output: 3, ..Usage::default() };
        assert_eq!(unfinished.streamed(report("in_progress"), Some(part)), None, "all of it is counted later");
        assert_eq!(unfinished.looked(report("in_progress")), None);
        assert_eq!(unfinished.looked(report("completed")).map(|usage| usage.total()), Some(12));
        assert_eq!(unfinished.seen(&run(1, "completed")), None);
    }
}
