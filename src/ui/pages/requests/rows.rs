//! The rows that pass the filter, found a slice at a time and kept from frame to frame.
//!
//! Invariant: one call looks at no more than a slice of work; once `progress` is `None` the rows are exactly the kept
//! records that pass, oldest first, and a call without news looks at none.
//! Absent on purpose: sorting (`sorted`), and drawing.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::filter::{Filter, Judgement, Scope};
use crate::contract::snapshot::RecordsView;
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;

/// Work of one call, in units of a comparison.
pub const SLICE: usize = 24_000;
/// How often a filter by age is looked through anew, in milliseconds.
const AGING: u64 = 5_000;

/// Filtered rows.
#[derive(Debug, Default)]
pub struct Rows {
    text: String,
    filter: Filter,
    aged: u64,
    marks: usize,
    /// Of all records that ever were, those from `low` up to `high` were looked at.
    low: u64,
    high: u64,
    /// The newest of all, and how many there were with it.
    newest: Option<Arc<RequestRecord>>,
    total: u64,
    oldest: u64,
    passing: VecDeque<(u64, Arc<RequestRecord>)>,
    /// Those that pass of what is stored and not kept, newest first.
    older: Arc<Vec<Arc<RequestRecord>>>,
    /// For each clause, how many rows fail it alone.
    near: Vec<u64>,
    looked: u64,
}

impl Rows {
    /// Brings the rows up to date with what is kept and what is asked, as far as a slice of work goes.
    pub fn update(&mut self, records: &RecordsView, text: &str, wall_ms: u64, marked: &BTreeSet<RequestId>) {
        let aged = wall_ms / AGING;
        let stale = self.filter.ages() && aged != self.aged || self.filter.minds_marks() && marked.len() != self.marks;
        if self.text != text || stale || !self.continues(records) {
            let filter = if self.text == text { std::mem::take(&mut self.filter) } else { Filter::parse(text) };
            let (near, looked) = (vec![0; filter.clauses().len()], self.looked);
            let text = text.to_owned();
            *self = Self { text, filter, near, looked, low: records.total, high: records.total, ..Self::default() };
        }
        (self.aged, self.marks) = (aged, marked.len());
        self.oldest = records.total.saturating_sub(records.len() as u64);
        self.newest = records.iter().next_back().cloned();
        self.total = records.total;
        self.forget();
        self.look(records, Scope { wall_ms, marked });
    }

    /// Whether these are the records seen before, with some more.
    fn continues(&self, records: &RecordsView) -> bool {
        let Some(newest) = &self.newest else { return false };
        let Some(since) = records.total.checked_sub(self.total) else { return false };
        let known = records.iter().rev().nth(count(since));
        // If it is gone, more came at once than are kept, and all of them are new.
        known.is_none_or(|known| known.id == newest.id && known.wall_ms == newest.wall_ms)
    }

    fn forget(&mut self) {
        while self.passing.front().is_some_and(|(number, _)| *number < self.oldest) {
            self.passing.pop_front();
        }
        self.low = self.low.max(self.oldest).min(self.high.max(self.oldest));
        self.high = self.high.max(self.oldest);
    }

    /// What is new first, then what is older, newest first.
    fn look(&mut self, records: &RecordsView, scope: Scope) {
        let cost = self.filter.cost();
        let most = (SLICE / cost).max(1) as u64;
        let fresh = records.total.saturating_sub(self.high);
        let fresh_now = fresh.min(most);
        let news = records.iter().skip(count(self.high.saturating_sub(self.oldest))).take(count(fresh_now));
        for (number, record) in (self.high..).zip(news) {
            if self.judge(record, scope) {
                self.passing.push_back((number, Arc::clone(record)));
            }
        }
        self.high = self.high.saturating_add(fresh_now);
        let older = (self.low - self.oldest).min(most.saturating_sub(fresh_now));
        let below = records.iter().rev().skip(count(records.total.saturating_sub(self.low))).take(count(older));
        for record in below {
            self.low = self.low.saturating_sub(1);
            if self.judge(record, scope) {
                self.passing.push_front((self.low, Arc::clone(record)));
            }
        }
    }

    fn judge(&mut self, record: &RequestRecord, scope: Scope) -> bool {
        self.looked = self.looked.saturating_add(1);
        match self.filter.judge(record, scope) {
            Judgement::Passes => return true,
            Judgement::FailsOnly(clause) => {
                if let Some(near) = self.near.get_mut(clause) {
                    *near = near.saturating_add(1);
                }
            }
            Judgement::Fails => {}
        }
        false
    }

    /// How much was looked through, in percent; `None`: everything was.
    #[must_use]
    pub fn progress(&self, records: &RecordsView) -> Option<u8> {
        let (all, seen) = (records.len() as u64, self.high.saturating_sub(self.low));
        let left = self.low > self.oldest || self.high < records.total;
        left.then(|| u8::try_from(seen.saturating_mul(100) / all.max(1)).unwrap_or(99).min(99))
    }

    /// The clause without which most rows would pass, and how many.
    #[must_use]
    pub fn nearest(&self) -> Option<(&str, u64)> {
        let passing = self.passing.len() as u64;
        let clauses = self.filter.clauses().iter().zip(&self.near);
        let best = clauses.max_by_key(|(_, near)| **near).filter(|(_, near)| **near > 0)?;
        Some((best.0.text.as_str(), best.1.saturating_add(passing)))
    }

    /// The filter as understood.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many records were ever looked at.
    #[must_use]
    pub fn looked(&self) -> u64 {
        self.looked
    }

    /// Puts what the store found, newest first, before the kept rows.
    pub fn set_older(&mut self, older: &Arc<Vec<Arc<RequestRecord>>>) {
        if !Arc::ptr_eq(&self.older, older) {
            self.older = Arc::clone(older);
        }
    }

    /// How many rows pass.
    #[must_use]
    pub fn len(&self) -> usize {
        self.older.len() + self.passing.len()
    }

    /// Whether no row passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.older.is_empty() && self.passing.is_empty()
    }

    /// The row at a place, oldest first.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&Arc<RequestRecord>> {
        match self.older.len().checked_sub(place + 1) {
            Some(older) => self.older.get(older),
            None => self.passing.get(place - self.older.len()).map(|(_, record)| record),
        }
    }

    /// Every row, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<RequestRecord>> {
        self.older.iter().rev().chain(self.passing.iter().map(|(_, record)| record))
    }

    /// The place of a request, searched from the newest.
    #[must_use]
    pub fn place_of(&self, id: RequestId) -> Option<usize> {
        let kept = self.passing.iter().rposition(|(_, record)| record.id == id);
        let older = || self.older.iter().position(|record| record.id == id).map(|place| self.older.len() - 1 - place);
        kept.map(|place| place + self.older.len()).or_else(older)
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
