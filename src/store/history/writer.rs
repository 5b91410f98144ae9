//! The thread that writes: opens the file, keeps what comes, tidies up, and says how it stands.
//!
//! Invariant: whatever becomes of the file, the thread goes on; a file that cannot be read is set aside, never deleted.
//! Absent on purpose: clocks. Every batch brings its own moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use rusqlite::{Connection, ErrorCode};

use super::schema::{self, OpenError};
use super::{Order, book, prune, read};
use crate::model::config::History as Rules;
use crate::model::history::{Batch, Remembered, StoreFacts, StoreState};

/// How long a file that could not be opened is left alone.
const AGAIN_MS: u64 = 10_000;
/// How often it is tidied up.
const TIDY_MS: u64 = 10_000;

/// The far end of a history.
pub(super) struct Writer {
    path: PathBuf,
    rules: Rules,
    shared: Arc<ArcSwap<StoreFacts>>,
    facts: StoreFacts,
    db: Option<Connection>,
    /// Not before this moment it is opened again.
    again_ms: u64,
    tidied_ms: u64,
    /// Whether the last tidying found more to do than it did.
    untidy: bool,
}

impl Writer {
    pub(super) fn new(path: PathBuf, rules: Rules, shared: Arc<ArcSwap<StoreFacts>>) -> Self {
        let facts = StoreFacts::clone(&shared.load());
        Self { path, rules, shared, facts, db: None, again_ms: 0, tidied_ms: 0, untidy: false }
    }

    /// Opens the file and reads what an earlier run left.
    pub(super) fn begin(&mut self, wall_ms: u64, newest: usize, enough: &AtomicBool) -> Remembered {
        if self.rules.keep {
            self.open(wall_ms);
        }
        let (shared, facts) = (&self.shared, &self.facts);
        let mut tell = |read: u8| {
            shared.store(Arc::new(StoreFacts { read, ..facts.clone() }));
            !enough.load(Ordering::Relaxed)
        };
        let outcome = self.db.as_ref().map(|db| read::remembered(db, wall_ms, newest, &mut tell));
        let remembered = match outcome {
            Some(Ok(remembered)) => remembered,
            Some(Err(error)) => {
                self.broke(&error, wall_ms);
                Remembered::default()
            }
            None => Remembered::default(),
        };
        self.say();
        remembered
    }

    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Keep(batch) => self.keep(&batch),
            Order::Rules(rules) => {
                self.rules = rules;
                // At the next batch: its moment is needed.
                (self.again_ms, self.tidied_ms) = (0, 0);
            }
            Order::DeleteAll => self.delete_all(),
        }
        self.say();
    }

    /// Leaves one file, without a journal beside it.
    pub(super) fn end(&mut self) {
        if let Some(db) = self.db.take()
            && let Err((_, error)) = db.close()
        {
            tracing::debug!(%error, "the history's journal stays for the next start");
        }
    }

    fn keep(&mut self, batch: &Batch) {
        if !self.rules.keep {
            self.db = None;
            return;
        }
        if self.db.is_none() && batch.wall_ms >= self.again_ms {
            self.open(batch.wall_ms);
        }
        let Some(db) = &mut self.db else {
            self.facts.left_out = self.facts.left_out.saturating_add(batch.records.len() as u64);
            return;
        };
        let outcome = if batch.is_empty() { Ok(0) } else { book::write(db, batch) };
        match outcome {
            Ok(written) => {
                self.facts.requests = self.facts.requests.saturating_add(written);
                self.tidy(batch.wall_ms);
            }
            Err(error) => {
                self.facts.left_out = self.facts.left_out.saturating_add(batch.records.len() as u64);
                self.broke(&error, batch.wall_ms);
            }
        }
    }

    fn open(&mut self, wall_ms: u64) {
        let opened = self.try_open().or_else(|error| match &error {
            OpenError::Sqlite(sqlite) if is_broken(sqlite) => {
                self.set_aside(wall_ms);
                self.try_open()
            }
            _ => Err(error),
        });
        match opened {
            Ok(db) => {
                self.db = Some(db);
                self.facts.state = StoreState::Ready;
            }
            Err(error) => self.failed(&error, wall_ms),
        }
    }

    fn try_open(&mut self) -> Result<Connection, OpenError> {
        let db = schema::open(&self.path)?;
        self.count(&db)?;
        Ok(db)
    }

    fn count(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let count: i64 = db.query_row("SELECT count(*) FROM request", [], |row| row.get(0))?;
        self.facts.requests = u64::try_from(count).unwrap_or(0);
        self.measure(db)
    }

    fn measure(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let oldest: Option<i64> =
            db.query_row("SELECT min(ended_ms) FROM request WHERE row = (SELECT min(row) FROM request)", [], |row| {
                row.get(0)
            })?;
        self.facts.oldest_wall_ms = oldest.and_then(|ms| u64::try_from(ms).ok());
        self.facts.bytes = prune::size(db)?.file;
        Ok(())
    }

    fn tidy(&mut self, wall_ms: u64) {
        if !self.untidy && wall_ms.saturating_sub(self.tidied_ms) < TIDY_MS {
            return;
        }
        self.tidied_ms = wall_ms;
        let Some(db) = self.db.take() else { return };
        let outcome = prune::step(&db, &self.rules, wall_ms);
        let measured = self.measure(&db);
        self.db = Some(db);
        match outcome.and_then(|deleted| measured.map(|()| deleted)) {
            Ok(deleted) => {
                self.untidy = deleted > 0;
                self.facts.requests = self.facts.requests.saturating_sub(deleted);
            }
            Err(error) => self.broke(&error, wall_ms),
        }
    }

    /// Lets the file grow no further, as a full disk does.
    #[cfg(test)]
    pub(super) fn fill_disk(&self) {
        let db = self.db.as_ref().unwrap();
        let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        db.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    }

    /// Something failed on a file that was open.
    fn broke(&mut self, error: &rusqlite::Error, wall_ms: u64) {
        self.db = None;
        if is_broken(error) {
            self.set_aside(wall_ms);
            self.open(wall_ms);
        } else {
            self.failed(&OpenError::Sqlite(clone_of(error)), wall_ms);
        }
    }

    fn failed(&mut self, error: &OpenError, wall_ms: u64) {
        self.again_ms = wall_ms.saturating_add(AGAIN_MS);
        let state = StoreState::Failing {
            what: format!("The history at {} cannot be written: {error}.", self.path.display()),
            next_step: next_step(error).to_owned(),
        };
        if self.facts.state != state {
            tracing::warn!(%error, "requests are not kept over a restart for now");
        }
        self.facts.state = state;
    }

    /// Renames the file and its journals, so that a fresh one can begin. An older one that was set aside goes.
    fn set_aside(&mut self, wall_ms: u64) {
        self.db = None;
        if let Some(before) = self.facts.set_aside.take() {
            remove(Path::new(&before));
        }
        let aside = self.path.with_extension(format!("broken-{wall_ms}.sqlite"));
        for (from, to) in files(&self.path).into_iter().zip(files(&aside)) {
            if let Err(error) = fs::rename(&from, &to)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "a history that cannot be read could not be set aside");
            }
        }
        tracing::warn!("the history could not be read and was set aside as {}; a new one begins", aside.display());
        self.facts.set_aside = Some(aside.display().to_string());
        (self.facts.requests, self.facts.oldest_wall_ms, self.facts.bytes) = (0, None, 0);
    }

    /// Closes and removes the file, so that nothing of it is left on disk, and begins anew.
    fn delete_all(&mut self) {
        self.db = None;
        remove(&self.path);
        (self.facts.requests, self.facts.oldest_wall_ms, self.facts.bytes) = (0, None, 0);
        if let Some(aside) = self.facts.set_aside.take() {
            remove(Path::new(&aside));
        }
        self.again_ms = 0;
    }

    fn say(&mut self) {
        if !self.rules.keep {
            self.facts.state = StoreState::Off;
        }
        if **self.shared.load() != self.facts {
            self.shared.store(Arc::new(self.facts.clone()));
        }
    }
}

/// The file and what SQLite keeps beside it.
fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

fn remove(path: &Path) {
    for file in files(path) {
        if let Err(error) = fs::remove_file(&file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a file of the history could not be removed");
        }
    }
}

/// Whether the file itself is at fault.
fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Errors of SQLite cannot be cloned; code and words are what is needed of them.
fn clone_of(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, words) => rusqlite::Error::SqliteFailure(*code, words.clone()),
        other => rusqlite::Error::ToSqlConversionFailure(other.to_string().into()),
    }
}

fn next_step(error: &OpenError) -> &'static str {
    match error {
        OpenError::Later => "Start the later version, or move the file away to begin a new one.",
        OpenError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            "Free some space; keeping goes on by itself."
        }
        _ => "Make that folder writable; keeping goes on by itself.",
    }
}
