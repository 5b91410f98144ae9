//! Requests that the person wants to end, in their few seconds of grace.
//!
//! Invariant: a request ends once its grace is over, whether or not a window is there; keeping it in time leaves no trace.
//! Absent on purpose: ending requests; the stage does it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// How long one can still be kept.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Those that are to end, with when.
#[derive(Debug, Default)]
pub(super) struct Leaving(BTreeMap<RequestId, Timestamp>);

impl Leaving {
    /// Begins a request's grace. Asking again does not lengthen it.
    pub(super) fn add(&mut self, request: RequestId, now: Timestamp) {
        self.0.entry(request).or_insert_with(|| now.after(GRACE));
    }

    /// Keeps a request after all; whether it was in time.
    pub(super) fn keep(&mut self, request: RequestId) -> bool {
        self.0.remove(&request).is_some()
    }

    /// Those whose grace is over.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<RequestId> {
        let due: Vec<RequestId> = self.0.iter().filter(|(_, at)| **at <= now).map(|(request, _)| *request).collect();
        self.0.retain(|request, _| !due.contains(request));
        due
    }

    /// All of them.
    pub(super) fn view(&self) -> Vec<(RequestId, Timestamp)> {
        self.0.iter().map(|(request, at)| (*request, *at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_after_its_grace_and_can_be_kept_before() {
        let mut leaving = Leaving::default();
        let at = |seconds| Timestamp::from_secs(seconds);
        leaving.add(RequestId(1), at(10));
        leaving.add(RequestId(2), at(12));
        leaving.add(RequestId(1), at(14));
        assert!(leaving.due(at(14)).is_empty());
        assert_eq!(leaving.due(at(15)), [RequestId(1)], "asking again did not lengthen it");
        assert!(leaving.keep(RequestId(2)) && !leaving.keep(RequestId(1)));
        assert!(leaving.due(at(99)).is_empty() && leaving.view().is_empty());
    }
}
