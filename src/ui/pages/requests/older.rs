//! What is stored beyond the rows in memory: asked for when a filter is set, and shown above them.
//!
//! Invariant: one search at a time, for the filter as it is; what an earlier one found is never shown for another filter.
//! Absent on purpose: the search itself; the background does it and says how far it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::filter::{Filter, Judgement, Scope};
use crate::contract::history::{Search, SearchView};
use crate::contract::{Command, HistoryCommand};
use crate::model::id::{CommandId, RequestId};
use crate::model::record::RequestRecord;
use crate::ui::cx::PageCx;

/// As many of those found are listed; all are counted.
const LISTED: usize = 5_000;

/// The search as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Older {
    /// For which filter, and by which command; `None`: the background was busy.
    asked: Option<(String, Option<CommandId>)>,
    view: Option<Arc<SearchView>>,
}

impl Older {
    /// Asks for what is stored and passes, once the rows in memory are looked through; ends what nobody wants any more.
    pub(super) fn update(&mut self, cx: &mut PageCx, text: &str, filter: &Filter, marked: &BTreeSet<RequestId>) {
        let known = self.asked.as_ref().is_some_and(|(asked, id)| asked == text && id.is_some());
        let (kept, stored) = (cx.snapshot.records.len() as u64, cx.snapshot.history.store.requests);
        if filter.is_empty() || stored <= kept {
            if self.asked.take().is_some_and(|(_, id)| id.is_some()) {
                cx.send(Command::History(HistoryCommand::EndSearch));
            }
        } else if !known {
            let before = cx.snapshot.records.iter().next().map(|record| record.id);
            let passes = judge(filter.clone(), cx.snapshot.wall_ms, marked.clone());
            let search = Search { passes, before, most: LISTED };
            self.asked = Some((text.to_owned(), cx.send(Command::History(HistoryCommand::Search(search)))));
        }
        let id = self.asked.as_ref().and_then(|(_, id)| *id);
        self.view = cx.snapshot.history.search.clone().filter(|search| Some(search.id) == id);
    }

    /// Those found, newest first.
    pub(super) fn rows(&self) -> &[Arc<RequestRecord>] {
        self.view.as_ref().map_or(&[], |view| view.rows.as_slice())
    }

    /// How many were found, of how many that were looked at.
    pub(super) fn counts(&self) -> (u64, u64) {
        self.view.as_ref().map_or((0, 0), |view| (view.found, view.of))
    }

    /// How far it is, in percent; `None`: it is done, or there is none.
    pub(super) fn progress(&self) -> Option<u64> {
        let waits = self.asked.as_ref().is_some_and(|(_, id)| id.is_some());
        match &self.view {
            Some(view) if view.done => None,
            Some(view) => Some((view.looked_at.saturating_mul(100) / view.of.max(1)).min(99)),
            None => waits.then_some(0),
        }
    }
}

fn judge(
    filter: Filter,
    wall_ms: u64,
    marked: BTreeSet<RequestId>,
) -> Arc<dyn Fn(&RequestRecord) -> bool + Send + Sync> {
    Arc::new(move |record| filter.judge(record, Scope { wall_ms, marked: &marked }) == Judgement::Passes)
}
