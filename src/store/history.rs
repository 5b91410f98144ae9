//! The history on disk: finished requests, buckets of the series and sums of usage, in one SQLite file.
//!
//! Invariant: whoever hands something over never waits; a thread of its own writes, in one transaction a batch, so that a
//! process killed at any moment leaves whole batches.
//! Absent on purpose: keys, bodies and query strings, which no record holds; choosing what is worth a row (`record::outbox`).

mod book;
mod prune;
mod read;
mod schema;
mod search;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;

use crate::model::config::History as Rules;
use crate::model::history::{Batch, Remembered, StoreFacts, StoreState};
use crate::store::rank;

pub use search::{Found, Hunt, Seeker};

/// Its name in the data folder.
pub const NAME: &str = "history.sqlite";
/// Batches that may wait for the disk.
const ORDERS: usize = 4;

/// What the writer is told.
enum Order {
    Keep(Batch),
    Rules(Rules),
    DeleteAll,
}

/// The near end of one profile's history.
pub struct HistoryStore {
    path: PathBuf,
    facts: Arc<ArcSwap<StoreFacts>>,
    /// Nobody waits for the rest of what an earlier run left.
    enough: Arc<AtomicBool>,
    writer: Option<(SyncSender<Order>, JoinHandle<()>)>,
}

impl HistoryStore {
    /// Stands ready to write below `data_dir`. What an earlier run left is read on the writer's thread and handed to
    /// `remembered`, at most `newest` requests of it.
    #[must_use]
    pub fn open(
        data_dir: &Path,
        (rules, wall_ms): (Rules, u64),
        newest: usize,
        remembered: impl FnOnce(Remembered) + Send + 'static,
    ) -> Self {
        let path = data_dir.join(NAME);
        let facts =
            Arc::new(ArcSwap::from_pointee(StoreFacts { path: path.display().to_string(), ..StoreFacts::default() }));
        let (sender, inbox) = sync_channel(ORDERS);
        let writer = writer::Writer::new(path.clone(), rules, Arc::clone(&facts));
        let watch = Watch { facts: Arc::clone(&facts), remembered: Some(remembered) };
        let enough = Arc::new(AtomicBool::new(false));
        let is_enough = Arc::clone(&enough);
        let work = move || {
            rank::stand_back();
            let (mut writer, mut watch) = (writer, watch);
            watch.tell(writer.begin(wall_ms, newest, &is_enough));
            while let Ok(order) = inbox.recv() {
                writer.obey(order);
            }
            writer.end();
        };
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(work);
        let thread = thread.inspect_err(|error| fail(&facts, &format!("No thread could be started for it: {error}.")));
        Self { path, facts, enough, writer: thread.ok().map(|thread| (sender, thread)) }
    }

    /// Hands a batch over.
    ///
    /// # Errors
    /// The batch itself: the disk does not follow, and the batch may be handed over later.
    pub fn keep(&self, batch: Batch) -> Result<(), Batch> {
        let Some((sender, _)) = &self.writer else { return Err(batch) };
        match sender.try_send(Order::Keep(batch)) {
            Err(TrySendError::Full(Order::Keep(batch)) | TrySendError::Disconnected(Order::Keep(batch))) => Err(batch),
            _ => Ok(()),
        }
    }

    /// Follows the configuration's rules. Returns whether they reached the writer; it may be busy with the disk.
    #[must_use]
    pub fn follow(&self, rules: Rules) -> bool {
        self.tell(Order::Rules(rules))
    }

    /// Deletes everything that is stored. Returns whether the wish reached the writer; it may be busy with the disk.
    #[must_use]
    pub fn delete_all(&self) -> bool {
        self.tell(Order::DeleteAll)
    }

    /// Hands out what was read of earlier runs so far: all usage, the newest requests, and once those are read the newest of the
    /// series.
    pub fn stop_reading(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// How the store stands.
    #[must_use]
    pub fn facts(&self) -> Arc<StoreFacts> {
        self.facts.load_full()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the rest and ends.
    pub fn close(&mut self, rest: Batch) {
        let Some((sender, thread)) = self.writer.take() else { return };
        // A writer that is gone has said why.
        let _ = sender.send(Order::Keep(rest));
        drop(sender);
        if thread.join().is_err() {
            tracing::error!("the thread that writes the history ended by a panic");
        }
    }

    fn tell(&self, order: Order) -> bool {
        self.writer.as_ref().is_some_and(|(sender, _)| sender.try_send(order).is_ok())
    }
}

/// Stands by the writer's thread: should that panic, nobody is to wait for what an earlier run left, nor to believe that anything
/// is kept.
struct Watch<F: FnOnce(Remembered)> {
    facts: Arc<ArcSwap<StoreFacts>>,
    remembered: Option<F>,
}

impl<F: FnOnce(Remembered)> Watch<F> {
    fn tell(&mut self, kept: Remembered) {
        if let Some(remembered) = self.remembered.take() {
            remembered(kept);
        }
    }
}

impl<F: FnOnce(Remembered)> Drop for Watch<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            fail(&self.facts, "The history ended by an error of Tidegate's own.");
            self.tell(Remembered::default());
        }
    }
}

fn fail(facts: &ArcSwap<StoreFacts>, what: &str) {
    let state =
        StoreState::Failing { what: what.to_owned(), next_step: "Quit Tidegate and start it again.".to_owned() };
    facts.store(Arc::new(StoreFacts { state, ..StoreFacts::clone(&facts.load()) }));
}

#[cfg(test)]
#[path = "history/history_tests.rs"]
mod tests;
