//! Until when the keys before are kept, in a small file of their own: a restart in the middle of a rotation forgets nothing.
//!
//! Invariant: a moment is on disk before the key it ends is kept a second time, so that none outlives its ten minutes unseen.
//! Absent on purpose: keys. The keyring has them; here are accounts and moments.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::id::AccountId;
use crate::store::atomic;

const NAME: &str = "key-rotations.json";
/// How long the key before is kept, in milliseconds.
pub const KEPT_MS: u64 = 10 * 60 * 1_000;

/// The rotations under way.
#[derive(Default)]
pub struct Rotations {
    path: Option<PathBuf>,
    until: BTreeMap<AccountId, u64>,
}

impl Rotations {
    /// Those of this data folder. A file that cannot be read is as none: the keys it told of end with the next switch.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        let path = data_dir.join(NAME);
        let until = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path: Some(path), until }
    }

    /// Until when an account's key before is kept, in Unix milliseconds.
    #[must_use]
    pub fn until(&self, account: &AccountId) -> Option<u64> {
        self.until.get(account).copied()
    }

    /// The accounts whose keys before have had their time.
    #[must_use]
    pub fn over(&self, now_wall_ms: u64) -> Vec<AccountId> {
        // A clock that was set back must not keep them for years.
        let is_over = |until: u64| until <= now_wall_ms || until > now_wall_ms.saturating_add(KEPT_MS);
        self.until.iter().filter(|(_, until)| is_over(**until)).map(|(account, _)| account.clone()).collect()
    }

    /// A rotation begins.
    ///
    /// # Errors
    /// As the file system says; nothing has begun then.
    pub fn begin(&mut self, account: &AccountId, now_wall_ms: u64) -> io::Result<()> {
        let before = self.until.insert(account.clone(), now_wall_ms.saturating_add(KEPT_MS));
        self.write().inspect_err(|_| {
            match before {
                Some(before) => self.until.insert(account.clone(), before),
                None => self.until.remove(account),
            };
        })
    }

    /// A rotation is over: there is no key before any more. What cannot be written is tried again with the next one.
    pub fn end(&mut self, account: &AccountId) {
        if self.until.remove(account).is_some()
            && let Err(error) = self.write()
        {
            tracing::warn!(%error, "the end of a key's rotation could not be noted");
        }
    }

    fn write(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        atomic::write(path, &serde_json::to_vec_pretty(&self.until)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_known_after_a_restart_and_ends_at_its_moment() {
        let home = tempfile::tempdir().unwrap();
        let id = AccountId::from("a");
        Rotations::of(home.path()).begin(&id, 1_000).unwrap();
        let mut again = Rotations::of(home.path());
        let until = again.until(&id).unwrap();
        assert_eq!(until, 1_000 + KEPT_MS);
        assert!(again.over(until - 1).is_empty());
        assert_eq!(again.over(until), std::slice::from_ref(&id));
        assert_eq!(again.over(0), std::slice::from_ref(&id), "the clock was set back");
        again.end(&id);
        assert_eq!(Rotations::of(home.path()).until(&id), None);
    }

    #[test]
    fn nothing_begins_that_cannot_be_noted() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(NAME)).unwrap();
        let mut rotations = Rotations::of(home.path());
        assert!(rotations.begin(&AccountId::from("a"), 1).is_err());
        assert_eq!(rotations.until(&AccountId::from("a")), None);
    }
}
