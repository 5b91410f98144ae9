//! One writer at a time for a file that several processes read, change and write: the console, and `tidegate caller` beside it.
//!
//! Invariant: while a [`OneWriter`] lives no other process has one for the same lock file; the system frees it when we die.
//! Absent on purpose: readers' locks. A file is replaced whole, so whoever reads finds the old text or the new one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::atomic;

/// How often it is tried: for two seconds in all. A change takes some milliseconds.
const TRIES: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(10);

/// The right to change a file.
#[derive(Debug)]
pub struct OneWriter {
    /// `None`: this file system has no locks, or the folder cannot be written; then nothing better is to be had.
    _locked: Option<File>,
}

/// Another process has been changing the file all the while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another program is changing it and did not end within two seconds")]
pub struct Held;

impl OneWriter {
    /// Waits for its turn at this lock file, which is made if needed and stays. One process may ask for several at once.
    ///
    /// # Errors
    /// [`Held`]; nobody's turn is taken.
    pub fn wait(lock: &Path) -> Result<Self, Held> {
        let file = match open(lock) {
            Ok(file) => file,
            Err(error) => {
                tracing::debug!(%error, "a file is changed without a lock");
                return Ok(Self { _locked: None });
            }
        };
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _locked: Some(file) }),
                Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN),
                Err(TryLockError::Error(error)) => {
                    tracing::debug!(%error, "a file is changed without a lock");
                    return Ok(Self { _locked: None });
                }
            }
        }
        Err(Held)
    }
}

fn open(lock: &Path) -> io::Result<File> {
    if let Some(folder) = lock.parent() {
        atomic::make_folder(folder)?;
    }
    atomic::refuse_link(lock)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn at_no_moment_there_are_two() {
        let home = tempfile::tempdir().unwrap();
        let lock = home.path().join("deep").join("lock");
        let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = OneWriter::wait(&lock).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    turns.fetch_add(1, Ordering::SeqCst);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(turns.load(Ordering::SeqCst), 8);
    }

    #[test]
    fn who_never_ends_is_not_waited_for_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let lock = home.path().join("lock");
        let turn = OneWriter::wait(&lock).unwrap();
        assert_eq!(OneWriter::wait(&lock).unwrap_err(), Held);
        drop(turn);
        assert!(OneWriter::wait(&lock).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn where_no_lock_can_be_made_the_change_itself_decides() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("lock"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(OneWriter::wait(&link).is_ok());
        assert!(!real.exists(), "a link is not followed");
    }
}
