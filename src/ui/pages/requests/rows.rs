//! The rows that pass the filter, kept from frame to frame.
//!
//! Invariant: after `update` the rows are exactly the kept records that pass, oldest first; only records that are new
//! since the last call were looked at, unless the filter changed.
//! Absent on purpose: sorting. Rows stand in the order in which requests finished.

use std::collections::VecDeque;
use std::sync::Arc;

use super::filter::Filter;
use crate::contract::snapshot::RecordsView;
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;

/// Filtered rows.
#[derive(Debug, Default)]
pub struct Rows {
    text: String,
    filter: Filter,
    /// Records ever looked at; a row's number is its place among them.
    seen: u64,
    newest: Option<Arc<RequestRecord>>,
    passing: VecDeque<(u64, Arc<RequestRecord>)>,
}

impl Rows {
    /// Brings the rows up to date with what is kept and what is typed.
    pub fn update(&mut self, records: &RecordsView, text: &str) {
        if self.text != text {
            *self = Self { text: text.to_owned(), filter: Filter::parse(text), ..Self::default() };
        }
        let mut fresh: Vec<Arc<RequestRecord>> = Vec::new();
        let mut known = self.newest.is_none();
        for record in records.iter().rev() {
            if self.newest.as_ref().is_some_and(|newest| Arc::ptr_eq(newest, record)) {
                known = true;
                break;
            }
            fresh.push(Arc::clone(record));
        }
        if !known {
            self.passing.clear();
            self.seen = 0;
        }
        self.newest = records.iter().next_back().cloned();
        for record in fresh.into_iter().rev() {
            if self.filter.passes(&record) {
                self.passing.push_back((self.seen, record));
            }
            self.seen += 1;
        }
        let oldest = self.seen.saturating_sub(records.len() as u64);
        while self.passing.front().is_some_and(|(number, _)| *number < oldest) {
            self.passing.pop_front();
        }
    }

    /// How many rows pass.
    #[must_use]
    pub fn len(&self) -> usize {
        self.passing.len()
    }

    /// Whether no row passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.passing.is_empty()
    }

    /// The row at a place, oldest first.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&Arc<RequestRecord>> {
        self.passing.get(place).map(|(_, record)| record)
    }

    /// The place of a request, searched from the newest.
    #[must_use]
    pub fn place_of(&self, id: RequestId) -> Option<usize> {
        self.passing.iter().rposition(|(_, record)| record.id == id)
    }

    /// Whether a filter is typed.
    #[must_use]
    pub fn filtered(&self) -> bool {
        !self.filter.is_empty()
    }
}
