//! The file's tables and how they came about, version by version.
//!
//! Invariant: a migration runs whole or not at all; a file of a later version than ours is not touched.
//! Absent on purpose: what stands in the tables (`book`, `read`).

use std::path::Path;

use rusqlite::Connection;

use super::super::atomic;

/// Step n brings a file of version n to version n + 1. Steps are only ever added.
const STEPS: &[&str] = &["
CREATE TABLE request (
    row INTEGER PRIMARY KEY,      -- grows in the order in which requests ended
    request INTEGER NOT NULL,     -- its name, as on screen
    ended_ms INTEGER NOT NULL,    -- Unix milliseconds
    record TEXT NOT NULL          -- all of it, as JSON
) STRICT;
CREATE INDEX request_by_name ON request (request);
CREATE TABLE endpoint (
    number INTEGER PRIMARY KEY,   -- in the order in which they were first seen
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE bucket (
    width INTEGER NOT NULL,       -- seconds
    endpoint INTEGER NOT NULL REFERENCES endpoint,
    start INTEGER NOT NULL,       -- seconds since 1970
    count INTEGER NOT NULL,
    tokens_sum INTEGER NOT NULL, tokens_min INTEGER NOT NULL, tokens_max INTEGER NOT NULL,
    requests_sum INTEGER NOT NULL, requests_min INTEGER NOT NULL, requests_max INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    token_limit INTEGER,
    PRIMARY KEY (width, endpoint, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage (
    day INTEGER NOT NULL,         -- local days since 1970-01-01
    caller TEXT NOT NULL,         -- empty: none
    client TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,       -- empty: not sent
    requests INTEGER NOT NULL, failed INTEGER NOT NULL, uncounted INTEGER NOT NULL,
    input INTEGER NOT NULL, cached INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    PRIMARY KEY (day, caller, client, model, endpoint)
) STRICT, WITHOUT ROWID;
"];

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// As SQLite says.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The folder could not be made.
    #[error("{0}")]
    Folder(std::io::Error),
    /// A later Tidegate made it.
    #[error("it was written by a later version of Tidegate")]
    Later,
}

/// Opens the file to write in, makes it if there is none, and brings it up to date.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    if let Some(folder) = path.parent() {
        atomic::make_folder(folder).map_err(OpenError::Folder)?;
    }
    atomic::refuse_link(path).map_err(OpenError::Folder)?;
    let mut db = Connection::open(path)?;
    if version(&db)? > STEPS.len() {
        return Err(OpenError::Later);
    }
    // Before the first table is made: pages that become free are given back without rewriting the file.
    db.pragma_update(None, "auto_vacuum", "incremental")?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // A power cut may cost the last batches, but never the file.
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "journal_size_limit", 4 << 20)?;
    db.pragma_update(None, "cache_size", -2_048)?;
    own_alone(path);
    migrate(&mut db)?;
    Ok(db)
}

/// Opens the file to read in, beside the writer.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    use rusqlite::OpenFlags;
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(std::time::Duration::from_secs(2))?;
    Ok(db)
}

fn version(db: &Connection) -> rusqlite::Result<usize> {
    db.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).map(|version| version as usize)
}

fn migrate(db: &mut Connection) -> Result<(), OpenError> {
    let version = version(db)?;
    for (step, next) in STEPS.iter().zip(1_u32..).skip(version) {
        let change = db.transaction()?;
        change.execute_batch(step)?;
        change.pragma_update(None, "user_version", next)?;
        change.commit()?;
    }
    Ok(())
}

/// What was asked of whom is nobody else's business.
#[cfg(unix)]
fn own_alone(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
        tracing::debug!(%error, "the history file keeps the permissions it has");
    }
}

#[cfg(not(unix))]
fn own_alone(_: &Path) {}
