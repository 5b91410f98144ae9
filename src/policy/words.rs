//! What a service said of its limits grows old: who was never sent anything again could not say anything else.
//!
//! Invariant: every word that is believed has its end noted here; said again, it is moved when that end comes, not before, so
//! an answer costs nothing.
//! Absent on purpose: what is held instead (`ceiling`).

use super::balancer::Balancer;
use super::event::Output;
use crate::model::units::Timestamp;

impl Balancer {
    /// An answer of this endpoint may have named limits, or another figure is stated beside them.
    pub(super) fn note_words(&mut self, slot: usize) {
        let place = self.spec_at.get(slot).copied().flatten();
        let Some(spec) = place.and_then(|place| self.config.endpoints.get(place)) else { return };
        if self.endpoints.get(slot).is_some_and(|endpoint| !endpoint.has_word_noted)
            && let Some(endpoint) = self.endpoints.get_mut(slot)
            && let Some(end) = endpoint.learning.words_end(spec)
        {
            endpoint.has_word_noted = true;
            self.words.insert((end, slot));
        }
    }

    /// Words whose end has come are forgotten, unless they were said again.
    pub(super) fn words_due(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        while let Some((end, slot)) = self.words.first().copied().filter(|(end, _)| *end <= now) {
            self.words.remove(&(end, slot));
            self.forget_words(now, slot);
            self.note_words(slot);
            self.doubt(slot);
            self.pump(now, outputs);
        }
    }

    fn forget_words(&mut self, now: Timestamp, slot: usize) {
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        endpoint.has_word_noted = false;
        let place = self.spec_at.get(slot).copied().flatten();
        let Some(spec) = place.and_then(|place| self.config.endpoints.get(place)) else { return };
        endpoint.forget_words(now, spec);
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
