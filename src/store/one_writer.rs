//! One writer at a time for a file that several processes read, change and write: the console, and `tidegate caller` beside it.
//!
//! Invariant: while a [`OneWriter`] lives no other process has one for the same lock file; the system frees it when we die.
//! Absent on purpose: readers' locks. A file is replaced whole, so whoever reads finds the old text or the new one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::atomic;

/// How often it is tried: for two seconds in all. A change takes some milliseconds.
pub const TRIES: u32 = 200;
/// How long between two tries.
pub const BETWEEN: Duration = Duration::from_millis(10);

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

/// Where those meet who write one file.
#[derive(Clone, Debug)]
pub struct Meeting {
    place: Place,
    waits: bool,
}

#[derive(Clone, Debug)]
enum Place {
    /// A lock file, which is made if needed and stays.
    At(PathBuf),
    /// The folder that the file really lies in, so that nothing is left there and whoever writes the file comes by, whatever its
    /// other folders are; where that has no locks, a lock file elsewhere.
    Beside { file: PathBuf, otherwise: PathBuf },
}

impl Meeting {
    /// At a lock file. One process may ask for several at once.
    #[must_use]
    pub const fn at(lock: PathBuf) -> Self {
        Self { place: Place::At(lock), waits: true }
    }

    /// Beside the file itself; `otherwise` is a lock file for where that cannot be.
    #[must_use]
    pub const fn beside(file: PathBuf, otherwise: PathBuf) -> Self {
        Self { place: Place::Beside { file, otherwise }, waits: true }
    }

    /// The same for a thread that must not stand still: it asks [`Self::is_free`] before, and waits in its own way.
    #[must_use]
    pub fn without_waiting(self) -> Self {
        Self { waits: false, ..self }
    }

    /// Whether nobody is changing the file now.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.clone().without_waiting().turn().is_ok()
    }

    /// Takes the turn, once it is free.
    ///
    /// # Errors
    /// [`Held`]; nobody's turn is taken.
    pub fn turn(&self) -> Result<OneWriter, Held> {
        let tries = if self.waits { TRIES } else { 1 };
        match &self.place {
            Place::At(lock) => locked(open(lock), tries),
            Place::Beside { file, otherwise } => match open_beside(file).map(|beside| (beside.try_lock(), beside)) {
                Ok((Ok(()), beside)) => Ok(OneWriter { _locked: Some(beside) }),
                Ok((Err(TryLockError::WouldBlock), beside)) => locked(Ok(beside), tries),
                Ok((Err(TryLockError::Error(_)), _)) | Err(_) => locked(open(otherwise), tries),
            },
        }
    }
}

fn locked(file: io::Result<File>, tries: u32) -> Result<OneWriter, Held> {
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            tracing::debug!(%error, "a file is changed without a lock");
            return Ok(OneWriter { _locked: None });
        }
    };
    for again in (0..tries).rev() {
        match file.try_lock() {
            Ok(()) => return Ok(OneWriter { _locked: Some(file) }),
            Err(TryLockError::WouldBlock) if again > 0 => thread::sleep(BETWEEN),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "a file is changed without a lock");
                return Ok(OneWriter { _locked: None });
            }
        }
    }
    Err(Held)
}

/// The folder of a file; of a link that of what it leads to, which is what is written.
#[cfg(unix)]
fn open_beside(file: &Path) -> io::Result<File> {
    let real = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)
}

/// Folders have no locks here: a file beside it.
#[cfg(not(unix))]
fn open_beside(file: &Path) -> io::Result<File> {
    let real = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    open(&real.with_extension("lock"))
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
                    let _turn = Meeting::at(lock.clone()).turn().unwrap();
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
        let turn = Meeting::at(lock.clone()).turn().unwrap();
        assert_eq!(Meeting::at(lock.clone()).turn().unwrap_err(), Held);
        drop(turn);
        assert!(Meeting::at(lock.clone()).turn().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn where_no_lock_can_be_made_the_change_itself_decides() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("lock"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(Meeting::at(link).turn().is_ok());
        assert!(!real.exists(), "a link is not followed");
    }

    #[test]
    fn writers_of_one_file_meet_beside_it_whatever_else_is_theirs_and_leave_nothing_there() {
        let (home, one, other) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = home.path().join("config.toml");
        std::fs::write(&file, "").unwrap();
        let first = Meeting::beside(file.clone(), one.path().join("lock"));
        let second = Meeting::beside(file, other.path().join("lock"));
        let turn = first.turn().unwrap();
        assert!(!second.is_free());
        assert_eq!(second.clone().without_waiting().turn().unwrap_err(), Held, "at once");
        drop(turn);
        assert!(second.is_free() && second.turn().is_ok());
        #[cfg(unix)]
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "nothing but the file itself");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_is_the_file_and_a_folder_that_is_not_there_is_stood_in_for() {
        let (home, links) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, link) = (home.path().join("config.toml"), links.path().join("config.toml"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let turn = Meeting::beside(file, links.path().join("lock")).turn().unwrap();
        assert!(!Meeting::beside(link, links.path().join("lock")).is_free());
        drop(turn);
        let nowhere = Meeting::beside(home.path().join("no").join("config.toml"), links.path().join("lock"));
        let turn = nowhere.turn().unwrap();
        assert!(!nowhere.is_free(), "the lock file elsewhere is taken");
        drop(turn);
    }
}
