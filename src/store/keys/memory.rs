//! Keys in memory, until we quit.
//!
//! Invariant: nothing outlives the process, and dropped keys are zeroed.
//! Absent on purpose: any file.

use std::collections::BTreeMap;

use crate::model::id::AccountId;
use crate::model::secret::Secret;

use super::{KeyError, KeySlot, KeyStore};

/// For systems without a keyring, and for tests.
#[derive(Default)]
pub struct MemoryStore {
    keys: BTreeMap<(AccountId, KeySlot), Secret>,
}

impl MemoryStore {
    /// No key yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl KeyStore for MemoryStore {
    fn fetch(&mut self, account: &AccountId, slot: KeySlot) -> Result<Option<Secret>, KeyError> {
        Ok(self.keys.get(&(account.clone(), slot)).map(|key| Secret::new(key.expose().to_owned())))
    }

    fn store(&mut self, account: &AccountId, slot: KeySlot, key: &Secret) -> Result<(), KeyError> {
        self.keys.insert((account.clone(), slot), Secret::new(key.expose().to_owned()));
        Ok(())
    }

    fn remove(&mut self, account: &AccountId, slot: KeySlot) -> Result<(), KeyError> {
        self.keys.remove(&(account.clone(), slot));
        Ok(())
    }
}
