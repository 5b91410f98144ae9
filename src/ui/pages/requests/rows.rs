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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn ids(rows: &Rows) -> Vec<u64> {
        (0..rows.len()).filter_map(|place| rows.at(place)).map(|record| record.id.0).collect()
    }

    fn view(all: &[Arc<RequestRecord>]) -> RecordsView {
        RecordsView { total: all.len() as u64, dropped: 0, chunks: vec![all.to_vec().into()] }
    }

    #[test]
    fn new_records_are_added_and_dropped_ones_leave_without_doubling_any() {
        let all: Vec<_> = fixture::snapshot().records.iter().cloned().collect();
        let mut rows = Rows::default();
        for (start, end) in [(0, 10), (0, 10), (4, 16), (15, 30)] {
            rows.update(&view(&all[start..end]), "");
            let kept: Vec<u64> = all[start..end].iter().map(|record| record.id.0).collect();
            assert_eq!(ids(&rows), kept, "{start}..{end}");
        }
    }

    #[test]
    fn a_filter_applies_to_what_comes_later_too() {
        let all: Vec<_> = fixture::snapshot().records.iter().cloned().collect();
        let mut rows = Rows::default();
        rows.update(&view(&all[..20]), "endpoint:westus");
        rows.update(&view(&all), "endpoint:westus");
        let kept = all.iter().filter(|record| record.attempts.iter().any(|a| a.endpoint.as_str() == "sim-westus"));
        assert_eq!(ids(&rows), kept.map(|record| record.id.0).collect::<Vec<_>>());
        assert!(!rows.is_empty() && rows.filtered());
    }

    #[test]
    fn another_profiles_records_replace_everything() {
        let (one, other) = (fixture::snapshot(), fixture::snapshot());
        let mut rows = Rows::default();
        rows.update(&one.records, "");
        rows.update(&other.records, "");
        assert_eq!(rows.len(), other.records.len());
    }
}
