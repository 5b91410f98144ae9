//! Keeps the history of one profile: hands what happened to the store, and shows what is kept.
//!
//! Invariant: neither requests nor the screen wait for the disk; a history that cannot be kept changes nothing else.
//! Absent on purpose: how it is stored (`store::history`), and which requests are worth a row (`record::outbox`).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::stage::{Event, Stage};
use crate::contract::history::{HistoryCommand, HistoryView, LongSeries, Search, SearchView, UsageView};
use crate::contract::snapshot::Problem;
use crate::engine::clock::Clock;
use crate::model::config::History as Rules;
use crate::model::history::{Remembered, Sample, StoreFacts, StoreState};
use crate::model::id::{CommandId, EndpointId};
use crate::model::record::RequestRecord;
use crate::record::{Outbox, Pyramid, Ring, Series, UsageBook};
use crate::store::history::{Found, HistoryStore, Hunt, Seeker};

/// How often a batch is written while requests come.
const PACE_MS: u64 = 1_000;
/// How often one is written while none come: buckets of an idle time.
const IDLE_PACE_MS: u64 = 60_000;
/// Requests of an earlier run that are shown at once; older ones are found by searching.
const NEWEST: usize = 5_000;
/// Requests are numbered by the milliseconds since 2026-01-01 at the start, so that no run repeats another's numbers.
const NUMBERED_SINCE_MS: u64 = 1_767_225_600_000;

/// Tells what an earlier profile's store still reports from what this one's does.
static PROFILES: AtomicU64 = AtomicU64::new(0);

/// What the store reports.
pub(super) enum Report {
    /// What an earlier run left.
    Remembered(Remembered),
    /// How far a search is.
    Searched(CommandId, Found),
}

/// The history of one profile.
pub(super) struct Historian {
    profile: u64,
    store: HistoryStore,
    seeker: Seeker,
    rules: Rules,
    /// Whether the writer knows the rules.
    ruled: bool,
    outbox: Outbox,
    pyramid: Pyramid,
    usage: UsageBook,
    search: Option<Arc<SearchView>>,
    /// Not all that an earlier run left was read.
    cut_short: bool,
    handed_ms: u64,
    shown: HistoryView,
    events: mpsc::Sender<Event>,
}

/// The number of a run's first request.
pub(super) const fn first_number(wall_ms: u64) -> u64 {
    wall_ms.saturating_sub(NUMBERED_SINCE_MS)
}

impl Historian {
    /// Opens the history below a data folder. What is in it comes as an event.
    pub(super) fn open(data_dir: &Path, rules: &Rules, clock: &Clock, events: &mpsc::Sender<Event>) -> Self {
        let profile = PROFILES.fetch_add(1, Ordering::Relaxed);
        let (wall_ms, sender) = (clock.wall_ms(), events.clone());
        let remembered = move |remembered| {
            // A stage that is gone needs no memories.
            let _ = sender.blocking_send(Event::History(profile, Report::Remembered(remembered)));
        };
        Self {
            profile,
            store: HistoryStore::open(data_dir, (rules.clone(), wall_ms), NEWEST, remembered),
            seeker: Seeker::default(),
            rules: rules.clone(),
            ruled: true,
            outbox: Outbox::default(),
            pyramid: Pyramid::default(),
            usage: UsageBook::new(jiff::tz::TimeZone::system()),
            search: None,
            cut_short: false,
            handed_ms: wall_ms,
            shown: HistoryView { reading: true, ..HistoryView::default() },
            events: events.clone(),
        }
    }

    /// Takes in a request that ended.
    pub(super) fn note(&mut self, record: &Arc<RequestRecord>, second: u64) {
        self.usage.add(record);
        if self.rules.keep {
            self.outbox.push(Arc::clone(record), second, self.budget());
        }
    }

    /// Takes in the points of this second.
    pub(super) fn sample(&mut self, series: &Series, second: u64) {
        for (endpoint, point) in series.points_at(second) {
            let sample = Sample {
                second,
                tokens: point.tokens_used,
                requests: point.requests_used,
                throttled: point.throttled,
                token_limit: point.token_limit,
            };
            self.pyramid.sample(endpoint, sample);
        }
        self.outbox.push_buckets(self.pyramid.take_over());
    }

    /// Whether anything kept tells of an endpoint, or may, as not all of it is read.
    pub(super) fn tells_of(&self, endpoint: &EndpointId) -> bool {
        let long = || self.shown.long.tracks.iter().any(|track| track.id == *endpoint);
        self.shown.reading || self.cut_short || self.usage.has_served(endpoint) || long()
    }

    /// Hands what waits to the writer, at most once a second. Returns whether the screen has news of the store.
    pub(super) fn keep(&mut self, rules: &Rules, wall_ms: u64) -> bool {
        if self.rules != *rules {
            self.rules = rules.clone();
            self.ruled = false;
        }
        if !self.ruled {
            self.ruled = self.store.follow(self.rules.clone());
        }
        let pace = if self.outbox.has_requests() { PACE_MS } else { IDLE_PACE_MS };
        // A clock that was put back must not stop the writing.
        if wall_ms.abs_diff(self.handed_ms) >= pace {
            self.handed_ms = wall_ms;
            let batch = self.outbox.take(wall_ms, self.usage.take_fresh(), self.budget());
            if let Err(mut batch) = self.store.keep(batch) {
                self.usage.put_back(std::mem::take(&mut batch.usage));
                self.outbox.put_back(batch);
            }
        }
        let (now, shown) = (self.store.facts(), &self.shown.store);
        now.state != shown.state || now.set_aside != shown.set_aside
    }

    /// Whether more of what an earlier run left is read than is shown.
    pub(super) fn has_read_on(&self) -> bool {
        self.shown.reading && self.store.facts().read != self.shown.store.read
    }

    /// Hears what the store reports. Nothing of an earlier profile is taken.
    pub(super) fn hear(
        &mut self,
        profile: u64,
        report: Report,
        (ring, series): (&mut Ring, &mut Series),
        wall_ms: u64,
    ) {
        match report {
            _ if profile != self.profile => {}
            Report::Remembered(remembered) => {
                (self.shown.reading, self.cut_short) = (false, remembered.cut_short);
                self.pyramid.remember(&remembered.buckets, wall_ms / 1_000);
                series.remember(&remembered.buckets, wall_ms / 1_000);
                self.usage.remember(remembered.usage, wall_ms);
                if !remembered.records.is_empty() {
                    ring.remember(remembered.records);
                }
            }
            Report::Searched(id, found) if self.search.as_ref().is_some_and(|search| search.id == id) => {
                let Found { looked_at, of, found, rows, done } = found;
                self.search = Some(Arc::new(SearchView { id, looked_at, of, found, rows: Arc::new(rows), done }));
            }
            Report::Searched(..) => {}
        }
    }

    /// `kept` is how many requests the screen has already.
    fn search(&mut self, id: CommandId, search: Search, kept: u64) {
        let (profile, events) = (self.profile, self.events.clone());
        self.search = Some(Arc::new(SearchView {
            id,
            looked_at: 0,
            of: self.store.facts().requests.saturating_sub(kept),
            found: 0,
            rows: Arc::default(),
            done: false,
        }));
        let Search { passes, known, most } = search;
        self.seeker.start(self.store.path(), Hunt { passes, known, most }, move |found| {
            let report = Report::Searched(id, found.clone());
            // A stage that is gone shows no search.
            let _ = events.blocking_send(Event::History(profile, report));
        });
    }

    fn end_search(&mut self) {
        self.seeker.end();
        self.search = None;
    }

    /// Deletes what is stored and forgets what is shown of it.
    fn delete_all(&mut self) -> Result<String, Problem> {
        if !self.store.delete_all() {
            return Err(Problem {
                what: "The history is busy writing, so nothing was deleted.".to_owned(),
                still_works: "Requests are served; everything stored is still there.".to_owned(),
                next_step: "Try again in a moment.".to_owned(),
            });
        }
        self.end_search();
        self.cut_short = false;
        self.outbox = Outbox::default();
        self.pyramid = Pyramid::default();
        self.usage = UsageBook::new(jiff::tz::TimeZone::system());
        Ok("Everything that was stored is deleted".to_owned())
    }

    /// What the screen reads; parts that did not change keep their `Arc`.
    pub(super) fn view(&mut self) -> HistoryView {
        let shown = &mut self.shown;
        let facts = self.store.facts();
        // Where no thread could be started, nothing will come.
        shown.reading &= !matches!(facts.state, StoreState::Failing { .. });
        let left_out = facts.left_out.saturating_add(self.outbox.left_out());
        if facts.left_out != left_out || !Arc::ptr_eq(&facts, &shown.store) {
            let facts = StoreFacts { left_out, ..StoreFacts::clone(&facts) };
            if facts != *shown.store {
                shown.store = Arc::new(facts);
            }
        }
        if self.pyramid.generation() != shown.long.generation {
            shown.long = Arc::new(self.pyramid.view());
        }
        if self.usage.generation() != shown.usage.generation {
            shown.usage = Arc::new(self.usage.view());
        }
        shown.search.clone_from(&self.search);
        shown.clone()
    }

    /// Writes the rest and ends.
    pub(super) fn close(&mut self, wall_ms: u64) {
        self.seeker.end();
        self.outbox.push_buckets(self.pyramid.take_rest());
        let rest = self.outbox.take(wall_ms, self.usage.take_fresh(), self.budget());
        self.store.close(rest);
    }

    fn budget(&self) -> usize {
        self.rules.requests_per_second as usize
    }

    /// Forgets what is shown of the series and of usage: an older generation must not be taken for a new one.
    fn forget_shown(&mut self) {
        (self.shown.long, self.shown.usage) = (Arc::new(LongSeries::default()), Arc::new(UsageView::default()));
    }
}

/// Carries out what the person asks of the history.
pub(super) fn obey(stage: &mut Stage, id: CommandId, command: HistoryCommand) -> Result<String, Problem> {
    match command {
        HistoryCommand::Search(search) => {
            let kept = stage.ring.view(0).len() as u64;
            stage.history.search(id, search, kept);
        }
        HistoryCommand::StopReading => stage.history.store.stop_reading(),
        HistoryCommand::EndSearch => stage.history.end_search(),
        HistoryCommand::DeleteAll => {
            let done = stage.history.delete_all()?;
            stage.history.forget_shown();
            stage.ring = Ring::new();
            return Ok(done);
        }
    }
    Ok(String::new())
}

/// What to say once of a file that was set aside or cannot be written, if anything.
pub(super) fn trouble(facts: &StoreFacts) -> Option<Problem> {
    let still_works = "Requests are served and shown as before.".to_owned();
    match (&facts.state, &facts.set_aside) {
        (StoreState::Failing { what, next_step }, _) => Some(Problem {
            what: what.clone(),
            still_works: "Requests are served and shown as before; they are not kept over a restart.".to_owned(),
            next_step: next_step.clone(),
        }),
        (_, Some(aside)) => Some(Problem {
            what: "The stored history could not be read; a new one has begun.".to_owned(),
            still_works,
            next_step: format!("The old file is kept as {aside}; delete it if you do not need it."),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_cannot_be_kept_is_not_said_to_be_read_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("a file");
        std::fs::write(&occupied, "where the folder should be").unwrap();
        let (events, mut inbox) = mpsc::channel(4);
        let mut historian = Historian::open(&occupied, &Rules::default(), &Clock::start(), &events);
        assert!(matches!(inbox.blocking_recv(), Some(Event::History(_, Report::Remembered(_)))));
        assert!(matches!(historian.store.facts().state, StoreState::Failing { .. }));
        assert!(!historian.view().reading, "also where what an earlier run left is never heard");
    }

    #[test]
    fn of_a_history_that_was_not_read_to_its_end_any_endpoint_may_be_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let (events, _inbox) = mpsc::channel(4);
        let mut historian = Historian::open(folder.path(), &Rules::default(), &Clock::start(), &events);
        let (profile, id) = (historian.profile, EndpointId::from("eastus"));
        for cut_short in [true, false] {
            let report = Report::Remembered(Remembered { cut_short, ..Remembered::default() });
            historian.hear(profile, report, (&mut Ring::new(), &mut Series::default()), 0);
            assert_eq!(historian.tells_of(&id), cut_short);
        }
    }
}
