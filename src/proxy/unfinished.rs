//! Work that was begun through us and goes on at its service: what it cost is counted when it is first seen to be over.
//!
//! Invariant: counted once, however often it is looked at; a bounded number is remembered.
//! Absent on purpose: asking for it. What no client looks at again, and what was begun before a restart, is counted nowhere.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::model::usage::Usage;
use crate::wire::under_way;

/// As much is remembered.
const AT_MOST: usize = 4_096;

/// Fingerprints of what was begun and not seen to be over.
#[derive(Debug, Default)]
pub(super) struct Unfinished(Mutex<BTreeSet<u64>>);

impl Unfinished {
    /// The answer to a request that begins something.
    pub(super) fn begun(&self, document: &[u8]) {
        let Some(report) = under_way::of_body(document).filter(|report| report.is_under_way) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(report.key);
        if known.len() > AT_MOST {
            known.pop_first();
        }
    }

    /// How much is remembered.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The answer to a look: what the work cost, if this is the first that is seen of its end.
    pub(super) fn seen(&self, document: &[u8]) -> Option<Usage> {
        let report = under_way::of_body(document).filter(|report| !report.is_under_way)?;
        let was_begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&report.key);
        report.usage.filter(|_| was_begun)
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
    }
}
