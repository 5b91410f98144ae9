//! An account's two keys: one in use, the other at hand for the day the first is renewed.
//!
//! Invariant: exactly one is sent; a change is made once, whoever of many requests meets the refusal first.
//! Absent on purpose: judging keys. That both are refused, the brain is told like any other refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::secret::Secret;

/// The keys of one account, shared by its endpoints.
#[derive(Default)]
pub struct Slots {
    first: Option<Arc<Secret>>,
    second: Option<Arc<Secret>>,
    uses_second: AtomicBool,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(bool);

impl Slots {
    /// With the first in use.
    #[must_use]
    pub fn new(first: Option<Arc<Secret>>, second: Option<Arc<Secret>>) -> Self {
        Self { first, second, uses_second: AtomicBool::new(false) }
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

    /// The key of this slot was refused: the slot to try now, if there is another key.
    #[must_use]
    pub fn refused(&self, Slot(slot): Slot) -> Option<Slot> {
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
        let other = slots.refused(met).unwrap();
        assert_eq!(slots.refused(met), Some(other), "two requests met the same refusal");
        assert_eq!((slots.slot(), slots.key(other).map(Secret::expose)), (other, Some("two")));
        assert_eq!(slots.refused(other), Some(met), "and back, once the first was renewed");
    }

    #[test]
    fn a_single_key_has_nothing_to_give_way_to() {
        let slots = Slots::new(Some(secret("one")), None);
        assert_eq!(slots.refused(slots.slot()), None);
        assert_eq!(slots.all().count(), 1);
    }
}
