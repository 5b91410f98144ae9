//! Keys: where they are kept and how they are asked for.
//!
//! Invariant: a key is in the keyring, in memory, or in a named environment variable; never in a file, and no error or
//! state can print one.
//! Absent on purpose: sending a key anywhere; that is the proxy's.

use thiserror::Error;

use crate::model::id::AccountId;
use crate::model::secret::Secret;

pub mod command;
pub mod desk;
pub mod fingerprint;
pub mod keyring;
pub mod memory;
mod rotate;
pub mod rotation;

pub use desk::{Answer, KeyDesk, KeyPlace, KeyringStatus, Spares};
pub use fingerprint::Fingerprints;
pub use keyring::KeyringStore;
pub use memory::MemoryStore;
pub use rotation::Rotations;

/// One of the places that an account's keys have. Each is an entry of its own in the keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeySlot {
    /// The key that is sent.
    Current,
    /// The one that is to follow it.
    Next,
    /// The one that was sent before, for ten minutes.
    Previous,
}

impl KeySlot {
    /// The keyring entry's service; the user is the account's id, whatever it holds.
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::Current => "tidegate",
            Self::Next => "tidegate (next key)",
            Self::Previous => "tidegate (previous key)",
        }
    }
}

/// A place that keeps accounts' keys, one to a slot. Calls may block for as long as a person takes to answer a prompt.
pub trait KeyStore: Send {
    /// The key in a slot; `Ok(None)`: none is stored.
    ///
    /// # Errors
    /// The place cannot be asked.
    fn fetch(&mut self, account: &AccountId, slot: KeySlot) -> Result<Option<Secret>, KeyError>;

    /// Keeps a key, replacing the one before.
    ///
    /// # Errors
    /// Nothing was kept; the key before is as it was.
    fn store(&mut self, account: &AccountId, slot: KeySlot, key: &Secret) -> Result<(), KeyError>;

    /// Forgets a key. Forgetting what is not there is no error.
    ///
    /// # Errors
    /// The key may still be there.
    fn remove(&mut self, account: &AccountId, slot: KeySlot) -> Result<(), KeyError>;
}

/// Why a key could not be fetched, kept or removed. Holds no text from outside, so that none can hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No keyring runs on this system.
    #[error(
        "No keyring runs on this system. Keys can be kept in memory until Tidegate quits, or named by environment variable."
    )]
    NoService,
    /// The keyring is locked and nobody unlocked it.
    #[error("The keyring is locked. Unlock it and try again; keys that were read before still work.")]
    Locked,
    /// The keyring refuses us.
    #[error("The keyring does not let Tidegate in. Allow it in the keyring's own settings, then try again.")]
    Denied,
    /// There is nothing to change to.
    #[error("There is no key to change to. Paste one first; the one in use goes on working.")]
    NoneThere,
    /// Until when the key before is kept could not be noted.
    #[error("The rotation could not be noted on disk, so nothing was changed. Make room, then try again.")]
    Unnoted,
    /// Earlier questions still wait for an answer, perhaps for a person's.
    #[error("The keyring is still busy with an earlier question; it may be waiting for your answer. Try again then.")]
    Busy,
    /// Something else.
    #[error("The keyring failed: {0}. Try again, or name an environment variable instead.")]
    Other(&'static str),
}
