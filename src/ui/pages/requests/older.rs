//! Requests older than those the snapshot has: asks the store for them whenever another filter is in force.
//!
//! Invariant: a filter is asked for once; what another one found is never shown.
//! Absent on purpose: looking through rows. The store does it with the same filter, on a thread of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::filter::{Filter, Judgement, Scope};
use crate::contract::history::{Search, SearchView};
use crate::contract::{Command, HistoryCommand};
use crate::model::id::{CommandId, RequestId};
use crate::model::record::RequestRecord;
use crate::ui::cx::PageCx;

/// Rows asked for; all that pass are counted.
const MOST: usize = 5_000;

/// What was asked of the store.
#[derive(Debug, Default)]
pub(super) struct Older {
    asked: Option<(String, Option<CommandId>)>,
}

impl Older {
    /// Asks the store if the filter changed, and returns what it has found so far.
    pub(super) fn follow(
        &mut self,
        cx: &mut PageCx,
        text: &str,
        marked: &BTreeSet<RequestId>,
    ) -> Option<Arc<SearchView>> {
        if self.asked.as_ref().map_or("", |(asked, _)| asked) != text {
            self.ask(cx, text, marked);
        }
        let (_, id) = self.asked.as_ref()?;
        cx.snapshot.history.search.clone().filter(|search| Some(search.id) == *id)
    }

    /// Whether something was asked that the snapshot does not show yet.
    pub(super) fn is_waiting(&self, found: Option<&SearchView>) -> bool {
        found.map_or_else(|| self.asked.as_ref().is_some_and(|(_, id)| id.is_some()), |found| !found.done)
    }

    fn ask(&mut self, cx: &mut PageCx, text: &str, marked: &BTreeSet<RequestId>) {
        let oldest = cx.snapshot.records.iter().next().map(|record| record.id);
        let some_are_older = cx.snapshot.history.store.requests > cx.snapshot.records.len() as u64;
        if text.is_empty() || !some_are_older {
            if self.asked.take().is_some_and(|(_, id)| id.is_some()) {
                cx.send(Command::History(HistoryCommand::EndSearch));
            }
            // With nothing older, the filter counts as asked for, so that it is not asked for in every frame.
            self.asked = (!text.is_empty()).then(|| (text.to_owned(), None));
            return;
        }
        let (filter, wall_ms, marked) = (Filter::parse(text), cx.snapshot.wall_ms, marked.clone());
        let passes = move |record: &RequestRecord| {
            matches!(filter.judge(record, Scope { wall_ms, marked: &marked }), Judgement::Passes)
        };
        let search = Search { passes: Arc::new(passes), before: oldest, most: MOST };
        let id = cx.send(Command::History(HistoryCommand::Search(search)));
        self.asked = Some((text.to_owned(), id));
    }
}

/// `searching older… 62 %`; `None`: it is over.
pub(super) fn progress(search: &SearchView) -> Option<String> {
    let percent = search.looked_at.saturating_mul(100) / search.of.max(1);
    (!search.done).then(|| format!("searching older… {} %", percent.min(99)))
}

#[cfg(test)]
#[path = "older_tests.rs"]
mod tests;
