//! Word that a live session runs, so that the next start can say it was taken back if we end before it is kept.
//!
//! Invariant: the configuration file is not touched by a session, so there is nothing to restore; what is kept here is what
//! the file said when the session began.
//! Absent on purpose: the limits that were tried.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic;

/// The word of one profile.
#[derive(Clone, Debug)]
pub struct LiveSession {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Word {
    began_wall_ms: u64,
    file: String,
}

impl LiveSession {
    /// The word in this profile's data folder, which need not exist.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("live-session.json") }
    }

    /// Leaves word that a session began at `began_wall_ms` (Unix milliseconds) on top of `file`, the configuration's text.
    ///
    /// # Errors
    /// It could not be written; the session itself does not need it.
    pub fn begin(&self, began_wall_ms: u64, file: &str) -> io::Result<()> {
        let word = Word { began_wall_ms, file: file.to_owned() };
        atomic::write(&self.path, &serde_json::to_vec(&word)?)
    }

    /// Takes the word back: the session is over.
    ///
    /// # Errors
    /// It is there and could not be removed.
    pub fn end(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes the word of a session that was neither kept nor taken back, and returns when it began. `file` is the
    /// configuration's text now: if that is another one, the session was kept in the last moment, or does not matter any more.
    pub fn take_left_over(&self, file: &str) -> Option<u64> {
        let word: Word = serde_json::from_slice(&fs::read(&self.path).ok()?).ok()?;
        if let Err(error) = self.end() {
            tracing::debug!(%error, "the word of an old live session stays");
        }
        (word.file == file).then_some(word.began_wall_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_was_left_is_told_of_once() {
        let home = tempfile::tempdir().unwrap();
        let session = LiveSession::of(home.path());
        assert_eq!(session.take_left_over("a"), None);
        session.begin(7, "a").unwrap();
        assert_eq!(session.take_left_over("a"), Some(7));
        assert_eq!(session.take_left_over("a"), None);
    }

    #[test]
    fn a_session_that_was_kept_or_ended_is_not_told_of() {
        let home = tempfile::tempdir().unwrap();
        let session = LiveSession::of(home.path());
        session.begin(7, "a").unwrap();
        assert_eq!(session.take_left_over("kept"), None);
        session.begin(8, "a").unwrap();
        session.end().unwrap();
        session.end().unwrap();
        assert_eq!(session.take_left_over("a"), None);
    }
}
