//! Which act of the person each change is of: one drag can change several fields, and counts once.
//!
//! Invariant: no act without a change is counted, and a change is of the last act that made it what it is.
//! Absent on purpose: the sentences (`changes`), and undo.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whose a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// Of a step, by its number.
    Step(u64),
    /// Of nothing that is known any more: it counts by itself.
    Own,
}

/// The acts of a draft's changes, by their sentences.
#[derive(Clone, Debug, Default)]
pub(super) struct Acts(Arc<BTreeMap<String, Act>>);

impl Acts {
    /// Goes on to these changes: those that are new are of this step, or each of its own.
    pub(super) fn follow(&mut self, changes: &[String], step: Option<u64>) {
        let new = step.map_or(Act::Own, Act::Step);
        let of = |change: &String| (change.clone(), self.0.get(change).copied().unwrap_or(new));
        self.0 = Arc::new(changes.iter().map(of).collect());
    }

    /// How many acts there are.
    pub(super) fn count(&self) -> u64 {
        let known: BTreeSet<Act> = self.0.values().copied().filter(|act| *act != Act::Own).collect();
        let own = self.0.values().filter(|act| **act == Act::Own).count();
        (known.len() + own) as u64
    }
}
