//! One instance per profile.
//!
//! Invariant: while an [`InstanceLock`] lives, no other process gets one for the same profile; the system frees it when we
//! die, however we die.
//! Absent on purpose: talking to the instance that runs; `backend::doorbell` does that with what stands here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::atomic;

/// The name of the file that says who holds a profile.
const HOLDER: &str = "instance";
/// The name of the file that is locked as long as somebody does.
const LOCK: &str = "instance.lock";

/// Who holds a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Where it listens, once it does; ends in `/v1`.
    pub base_url: Option<String>,
    /// Where its doorbell hangs and the word for it; `None`: it has no window.
    pub bell: Option<String>,
}

/// Why the profile is not ours.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another instance runs.
    #[error("Tidegate already runs with this profile{}; it goes on as it was. Use that one, or name another folder with --config-dir.", said(.0.as_ref()))]
    Held(Option<Holder>),
    /// The lock file cannot be made; without it two instances could write one configuration.
    #[error("The lock file {path} cannot be used: {reason}.")]
    Unusable {
        /// Which file.
        path: String,
        /// As the system says.
        reason: io::Error,
    },
}

fn said(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { pid, base_url: Some(url), .. }) => format!(" (pid {pid}, at {url})"),
        Some(Holder { pid, base_url: None, .. }) => format!(" (pid {pid})"),
        None => String::new(),
    }
}

/// The right to be the one instance of a profile.
#[derive(Debug)]
pub struct InstanceLock {
    _locked: File,
    holder_file: PathBuf,
}

impl InstanceLock {
    /// Takes the lock in `state_dir`, which is made if needed.
    ///
    /// # Errors
    /// [`LockError::Held`] with what is known of the holder, or the file cannot be used.
    pub fn acquire(state_dir: &Path) -> Result<Self, LockError> {
        let path = state_dir.join(LOCK);
        // Apart from the lock: on Windows nobody else can read a locked file.
        let holder_file = state_dir.join(HOLDER);
        let unusable = |reason| LockError::Unusable { path: path.display().to_string(), reason };
        atomic::make_folder(state_dir).map_err(unusable)?;
        atomic::refuse_link(&path).map_err(unusable)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(read_holder(&holder_file))),
            Err(TryLockError::Error(reason)) => return Err(unusable(reason)),
        }
        let lock = Self { _locked: file, holder_file };
        lock.write_holder(None, None).map_err(unusable)?;
        Ok(lock)
    }

    /// Says where we listen and where our doorbell hangs, for a second launch.
    ///
    /// # Errors
    /// The file cannot be written; the lock holds all the same.
    pub fn announce(&self, base_url: Option<&str>, bell: Option<&str>) -> io::Result<()> {
        self.write_holder(base_url, bell)
    }

    fn write_holder(&self, base_url: Option<&str>, bell: Option<&str>) -> io::Result<()> {
        let (base_url, bell) = (base_url.unwrap_or_default(), bell.unwrap_or_default());
        let text = format!("{}\n{base_url}\n{bell}\n", std::process::id());
        atomic::write(&self.holder_file, text.as_bytes())
    }
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // Only a courtesy: a holder file without a lock means nothing.
        drop(fs::remove_file(&self.holder_file));
    }
}

/// Where the instance of a profile may be asked for, if one runs.
#[must_use]
pub fn bell_of(state_dir: &Path) -> Option<String> {
    holder_of(state_dir)?.bell
}

/// Who runs with a profile, if anybody does. What a killed one left behind is not told: anybody may listen there by now.
#[must_use]
pub fn holder_of(state_dir: &Path) -> Option<Holder> {
    let lock = OpenOptions::new().write(true).open(state_dir.join(LOCK)).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_holder(&state_dir.join(HOLDER)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn read_holder(path: &Path) -> Option<Holder> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.parse().ok()?;
    let mut next = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    Some(Holder { pid, base_url: next(), bell: next() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_learns_who_runs() {
        let home = tempfile::tempdir().unwrap();
        let lock = InstanceLock::acquire(home.path()).unwrap();
        lock.announce(Some("http://127.0.0.1:8787/v1"), Some("127.0.0.1:4711 word")).unwrap();
        let refused = InstanceLock::acquire(home.path()).unwrap_err();
        let said = format!(
            "Tidegate already runs with this profile (pid {}, at http://127.0.0.1:8787/v1); it goes on as it was. Use that one, or name another folder with --config-dir.",
            std::process::id()
        );
        assert_eq!(refused.to_string(), said, "the word for the doorbell is not said");
        let LockError::Held(Some(holder)) = refused else { panic!("nobody holds it") };
        assert_eq!(holder.bell.as_deref(), Some("127.0.0.1:4711 word"));
        assert_eq!(bell_of(home.path()), holder.bell);
        drop(lock);
        assert_eq!(bell_of(home.path()), None);
    }

    #[test]
    fn the_profile_is_free_once_its_instance_is_gone() {
        let home = tempfile::tempdir().unwrap();
        drop(InstanceLock::acquire(home.path()).unwrap());
        assert!(InstanceLock::acquire(home.path()).is_ok());
    }

    #[test]
    fn two_profiles_run_side_by_side() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let _first = InstanceLock::acquire(one.path()).unwrap();
        assert!(InstanceLock::acquire(two.path()).is_ok());
    }
}
