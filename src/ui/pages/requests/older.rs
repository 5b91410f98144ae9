//! Requests older than those the snapshot has: asks the store for them whenever another filter is in force, and without one when
//! the person wants to see them.
//!
//! Invariant: a filter is asked for once, unless more of what it finds is wanted, and not before what earlier runs kept is read;
//! what another one found is never shown.
//! Absent on purpose: looking through rows. The store does it with the same filter, on a thread of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::filter::{Filter, Judgement, Scope};
use crate::contract::history::{Search, SearchView};
use crate::contract::snapshot::RecordsView;
use crate::contract::{Command, HistoryCommand};
use crate::model::id::{CommandId, RequestId};
use crate::model::record::RequestRecord;
use crate::ui::cx::PageCx;

/// Rows asked for at first, and when more are wanted; all that pass are counted.
const MOST: [usize; 2] = [5_000, 50_000];

/// What was asked of the store.
#[derive(Debug, Default)]
pub(super) struct Older {
    asked: Option<Asked>,
    /// More than at first is wanted of this filter, or older ones without a filter.
    more: bool,
}

#[derive(Debug)]
struct Asked {
    text: String,
    more: bool,
    id: Option<CommandId>,
}

impl Older {
    /// Asks the store if the filter changed, and returns what it has found so far.
    pub(super) fn follow(
        &mut self,
        cx: &mut PageCx,
        text: &str,
        marked: &BTreeSet<RequestId>,
    ) -> Option<Arc<SearchView>> {
        // What is read now may be older than what is here; known rows would be found again, and others not at all.
        if cx.snapshot.history.reading {
            self.asked = None;
            return None;
        }
        let (asked, had_more) = self.asked.as_ref().map_or(("", false), |asked| (asked.text.as_str(), asked.more));
        // What is wanted more of is this filter.
        self.more &= asked == text;
        if asked != text || had_more != self.more {
            self.ask(cx, text, marked);
        }
        let id = self.asked.as_ref()?.id;
        cx.snapshot.history.search.clone().filter(|search| Some(search.id) == id)
    }

    /// Whether something was asked that the snapshot does not show yet.
    pub(super) fn is_waiting(&self, found: Option<&SearchView>) -> bool {
        found.map_or_else(|| self.asked.as_ref().is_some_and(|asked| asked.id.is_some()), |found| !found.done)
    }

    /// Has more listed, once.
    pub(super) fn list_more(&mut self) {
        self.more = true;
    }

    /// Whether there is more to have listed: without a filter anything older, else more of what passes.
    pub(super) fn can_list_more(&self, found: Option<&SearchView>, records: &RecordsView, stored: u64) -> bool {
        !self.more
            && found
                .map_or(self.asked.is_none() && stored > records.len() as u64, |found| found.done && beyond(found) > 0)
    }

    fn ask(&mut self, cx: &mut PageCx, text: &str, marked: &BTreeSet<RequestId>) {
        let some_are_older = cx.snapshot.history.store.requests > cx.snapshot.records.len() as u64;
        let (nothing, more) = (text.is_empty() && !self.more, self.more);
        if nothing || !some_are_older {
            if self.asked.take().is_some_and(|asked| asked.id.is_some()) {
                cx.send(Command::History(HistoryCommand::EndSearch));
            }
            // With nothing older, the filter counts as asked for, so that it is not asked for in every frame.
            self.asked = (!nothing).then(|| Asked { text: text.to_owned(), more, id: None });
            return;
        }
        let (filter, wall_ms, marked) = (Filter::parse(text), cx.snapshot.wall_ms, marked.clone());
        let passes = move |record: &RequestRecord| {
            matches!(filter.judge(record, Scope { wall_ms, marked: &marked }), Judgement::Passes)
        };
        let known = cx.snapshot.records.iter().map(|record| record.id).collect();
        let [at_first, more_of_it] = MOST;
        let most = if more { more_of_it } else { at_first };
        let search = Search { passes: Arc::new(passes), known, most };
        let id = cx.send(Command::History(HistoryCommand::Search(search)));
        self.asked = Some(Asked { text: text.to_owned(), more, id });
    }
}

/// How many pass that are not listed.
pub(super) fn beyond(search: &SearchView) -> u64 {
    search.found.saturating_sub(search.rows.len() as u64)
}

/// `searching older… 62 %`; `None`: it is over.
pub(super) fn progress(search: &SearchView) -> Option<String> {
    let percent = search.looked_at.saturating_mul(100) / search.of.max(1);
    (!search.done).then(|| format!("searching older… {} %", percent.min(99)))
}

#[cfg(test)]
#[path = "older_tests.rs"]
mod tests;
