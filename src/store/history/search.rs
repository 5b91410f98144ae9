//! Looks through stored requests, newest first, and tells how far it is.
//!
//! Invariant: one search at a time, on a thread of its own; a new one or an end stops the one before within 100 rows.
//! Absent on purpose: what a filter means; whoever asks brings a test for a record.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::book::signed;
use super::{read, schema};
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;
use crate::store::rank;

/// Rows between two reports.
const REPORT: u64 = 5_000;
/// Rows between two looks at whether to go on.
const LOOK: u64 = 100;

/// What is looked for.
pub struct Hunt {
    /// Whether a record passes.
    pub passes: Arc<dyn Fn(&RequestRecord) -> bool + Send + Sync>,
    /// Only requests stored before the first of these that is stored itself; none of them is: all.
    pub known: Vec<RequestId>,
    /// Records to hand out at most; all that pass are counted.
    pub most: usize,
}

/// How far a search is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows looked at.
    pub looked_at: u64,
    /// Rows to look at in all.
    pub of: u64,
    /// How many of them pass.
    pub found: u64,
    /// Those, newest first.
    pub rows: Vec<Arc<RequestRecord>>,
    /// Nothing is left to look at, or the file could not be read further.
    pub done: bool,
}

/// Searches the history of one profile.
#[derive(Clone, Debug, Default)]
pub struct Seeker {
    /// The number of the search that may go on.
    current: Arc<AtomicU64>,
}

impl Seeker {
    /// Starts a search and ends the one before. `report` is called with how far it is at the start, every 5,000 rows and at the
    /// end; it must not wait long.
    pub fn start(&self, path: &Path, hunt: Hunt, mut report: impl FnMut(&Found) + Send + 'static) {
        let number = self.current.fetch_add(1, Ordering::Relaxed) + 1;
        let (path, current) = (path.to_owned(), Arc::clone(&self.current));
        let go_on = move || current.load(Ordering::Relaxed) == number;
        let work = move || {
            rank::stand_back();
            let mut found = Found::default();
            let outcome = schema::open_to_read(&path).map(|db| seek(&db, &hunt, &mut found, &go_on, &mut report));
            if let Ok(Err(error)) = &outcome {
                tracing::warn!(%error, "a search in the history ended early");
            }
            found.done = true;
            if go_on() {
                report(&found);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("search".to_owned()).spawn(work) {
            tracing::warn!(%error, "the history cannot be searched");
        }
    }

    /// Ends the search that runs, if one does.
    pub fn end(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }
}

fn seek(
    db: &Connection,
    hunt: &Hunt,
    found: &mut Found,
    go_on: &impl Fn() -> bool,
    report: &mut impl FnMut(&Found),
) -> rusqlite::Result<()> {
    let last = first_stored(db, &hunt.known)?.unwrap_or(i64::MAX);
    let count: i64 = db.query_row("SELECT count(*) FROM request WHERE row < ?", [last], |row| row.get(0))?;
    found.of = u64::try_from(count).unwrap_or(0);
    report(found);
    let mut select = db.prepare("SELECT record FROM request WHERE row < ? ORDER BY row DESC")?;
    let mut rows = select.query([last])?;
    while let Some(row) = rows.next()? {
        if found.looked_at.is_multiple_of(LOOK) && !go_on() {
            return Ok(());
        }
        found.looked_at += 1;
        if let Some(record) = read::record(row.get_ref(0)?.as_str()?).filter(|record| (hunt.passes)(record)) {
            found.found += 1;
            if found.rows.len() < hunt.most {
                found.rows.push(record);
            }
        }
        if found.looked_at.is_multiple_of(REPORT) {
            report(found);
        }
    }
    Ok(())
}

/// The row of the first of these requests that has one: under load not every request is stored.
fn first_stored(db: &Connection, known: &[RequestId]) -> rusqlite::Result<Option<i64>> {
    let mut row_of = db.prepare("SELECT max(row) FROM request WHERE request = ?")?;
    for request in known {
        let row = row_of.query_row([signed(request.0)], |row| row.get::<_, Option<i64>>(0))?;
        if row.is_some() {
            return Ok(row);
        }
    }
    Ok(None)
}
