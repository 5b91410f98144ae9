//! How long answers are where nobody set a cap: a high quantile for each model and caller.
//!
//! Invariant: at most [`ROWS`] pairs are known; whoever was not heard of for longest goes first.
//! Absent on purpose: capped requests. Services reckon with the cap.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::id::{CallerId, ModelName};
use crate::model::insight::UsualAnswer;

/// Pairs of model and caller.
const ROWS: usize = 256;
/// Answers remembered of each.
const KEPT: usize = 32;
/// Answers before they are believed.
const ENOUGH: usize = 8;

type Pair = (ModelName, Option<CallerId>);

#[derive(Clone, Debug)]
struct Row {
    lengths: [u32; KEPT],
    count: usize,
    next: usize,
    quantile: u64,
    used: u64,
}

/// Lengths of answers by model and caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    rows: BTreeMap<Pair, Row>,
    /// By last use.
    order: BTreeSet<(u64, Pair)>,
    uses: u64,
}

impl Outputs {
    /// Nine of ten answers are no longer than this; `None`: too few were seen.
    pub(super) fn expected(&self, model: &ModelName, caller: Option<&CallerId>) -> Option<u64> {
        if self.rows.is_empty() {
            return None;
        }
        let row = self.rows.get(&(model.clone(), caller.cloned()))?;
        (row.count >= ENOUGH).then_some(row.quantile)
    }

    /// All that are believed, by model and caller.
    pub(super) fn known(&self) -> Vec<UsualAnswer> {
        let believed = self.rows.iter().filter(|(_, row)| row.count >= ENOUGH);
        let told = believed.map(|((model, caller), row)| UsualAnswer {
            model: model.clone(),
            caller: caller.clone(),
            tokens: row.quantile,
        });
        told.collect()
    }

    /// An answer without a cap was this long.
    pub(super) fn observe(&mut self, model: &ModelName, caller: Option<&CallerId>, output: u64) {
        let pair = (model.clone(), caller.cloned());
        self.uses = self.uses.saturating_add(1);
        let fresh = Row { lengths: [0; KEPT], count: 0, next: 0, quantile: 0, used: 0 };
        let row = self.rows.entry(pair.clone()).or_insert(fresh);
        self.order.remove(&(row.used, pair.clone()));
        row.used = self.uses;
        row.add(output);
        self.order.insert((self.uses, pair));
        if self.rows.len() > ROWS
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.rows.remove(&oldest);
        }
    }
}

impl Row {
    fn add(&mut self, output: u64) {
        if let Some(slot) = self.lengths.get_mut(self.next) {
            *slot = u32::try_from(output).unwrap_or(u32::MAX);
        }
        self.next = (self.next + 1) % KEPT;
        self.count = (self.count + 1).min(KEPT);
        let mut sorted = self.lengths;
        let known = sorted.get_mut(..self.count).unwrap_or_default();
        known.sort_unstable();
        let place = (self.count * 9).div_ceil(10).saturating_sub(1);
        self.quantile = known.get(place).map_or(0, |length| u64::from(*length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(n: usize) -> ModelName {
        ModelName::from(format!("m{n}"))
    }

    #[test]
    fn nine_of_ten_answers_are_covered() {
        let mut outputs = Outputs::default();
        for length in 1..=20 {
            outputs.observe(&model(0), None, length * 10);
        }
        assert_eq!(outputs.expected(&model(0), None), Some(180));
        assert_eq!(outputs.expected(&model(0), Some(&CallerId::from("aider"))), None, "each caller has its own");
    }

    #[test]
    fn a_few_answers_tell_nothing_yet_and_old_ones_are_forgotten() {
        let mut outputs = Outputs::default();
        for _ in 0..7 {
            outputs.observe(&model(0), None, 5_000);
        }
        assert_eq!(outputs.expected(&model(0), None), None);
        for _ in 0..40 {
            outputs.observe(&model(0), None, 100);
        }
        assert_eq!(outputs.expected(&model(0), None), Some(100));
    }

    #[test]
    fn the_table_is_bounded_and_the_longest_unused_goes() {
        let mut outputs = Outputs::default();
        for n in 0..ROWS {
            (0..8).for_each(|_| outputs.observe(&model(n), None, 50));
        }
        outputs.observe(&model(0), None, 50);
        outputs.observe(&model(ROWS), None, 50);
        assert_eq!((outputs.rows.len(), outputs.order.len()), (ROWS, ROWS));
        assert_eq!(outputs.expected(&model(0), None), Some(50));
        assert_eq!(outputs.expected(&model(1), None), None);
    }
}
