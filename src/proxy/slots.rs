//! An account's two keys: one in use, the other at hand for the day the first is renewed.
//!
//! Invariant: exactly one is sent; a change is made once, whoever of many requests meets the refusal first.
//! Absent on purpose: judging keys. That both are refused, the brain is told like any other refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::model::secret::Secret;

/// The keys of one account, shared by its endpoints.
#[derive(Default)]
pub struct Slots {
    first: Option<Arc<Secret>>,
    second: Option<Arc<Secret>>,
    uses_second: AtomicBool,
    /// When a key was last refused, in Unix milliseconds; 0: none was.
    refused_wall_ms: AtomicU64,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(bool);

impl Slots {
    /// With the first in use.
    #[must_use]
    pub fn new(first: Option<Arc<Secret>>, second: Option<Arc<Secret>>) -> Self {
        Self { first, second, ..Self::default() }
    }

    /// Whether it has exactly these keys, and so what is known of them.
    #[must_use]
    pub fn holds(&self, first: Option<&Arc<Secret>>, second: Option<&Arc<Secret>>) -> bool {
        let same = |own: Option<&Arc<Secret>>, other: Option<&Arc<Secret>>| match (own, other) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        };
        same(self.first.as_ref(), first) && same(self.second.as_ref(), second)
    }

    /// When a key was last refused, in Unix milliseconds.
    #[must_use]
    pub fn last_refused(&self) -> Option<u64> {
        Some(self.refused_wall_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Whether the second one stands in for the first.
    #[must_use]
    pub fn uses_second(&self) -> bool {
        self.uses_second.load(Ordering::Relaxed)
    }

    /// The one in use.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot(self.uses_second.load(Ordering::Relaxed))
    }

    /// The key of a slot, if the account needs one.
    #[must_use]
    pub fn key(&self, Slot(second): Slot) -> Option<&Secret> {
        if second { self.second.as_deref() } else { self.first.as_deref() }
    }

    /// All there are, to be kept out of answers.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        self.first.iter().chain(&self.second).map(AsRef::as_ref)
    }

    /// The key of this slot was refused at this moment: the slot to try now, if there is another key.
    #[must_use]
    pub fn refused(&self, Slot(slot): Slot, wall_ms: u64) -> Option<Slot> {
        self.refused_wall_ms.store(wall_ms, Ordering::Relaxed);
        if self.first.is_none() || self.second.is_none() {
            return None;
        }
        // Whoever comes second finds it changed already.
        let _ = self.uses_second.compare_exchange(slot, !slot, Ordering::Relaxed, Ordering::Relaxed);
        Some(Slot(!slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.to_owned()))
    }

    #[test]
    fn a_refused_key_gives_way_to_the_other_once() {
        let slots = Slots::new(Some(secret("one")), Some(secret("two")));
        let met = slots.slot();
        let other = slots.refused(met, 7).unwrap();
        assert_eq!(slots.refused(met, 7), Some(other), "two requests met the same refusal");
        assert_eq!((slots.slot(), slots.key(other).map(Secret::expose)), (other, Some("two")));
        assert_eq!(slots.refused(other, 8), Some(met), "and back, once the first was renewed");
    }

    #[test]
    fn what_is_known_of_keys_is_known_of_those_alone() {
        let (one, two) = (secret("one"), secret("two"));
        let slots = Slots::new(Some(Arc::clone(&one)), None);
        assert!(slots.holds(Some(&one), None));
        assert!(!slots.holds(Some(&two), None) && !slots.holds(Some(&one), Some(&two)) && !slots.holds(None, None));
    }

    #[test]
    fn a_single_key_has_nothing_to_give_way_to() {
        let slots = Slots::new(Some(secret("one")), None);
        assert_eq!(slots.refused(slots.slot(), 7), None);
        assert_eq!((slots.all().count(), slots.last_refused()), (1, Some(7)));
    }
}
