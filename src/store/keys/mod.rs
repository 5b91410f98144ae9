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

pub use desk::{Answer, KeyDesk, KeyPlace, KeyringStatus};
pub use fingerprint::Fingerprints;
pub use keyring::KeyringStore;
pub use memory::MemoryStore;

/// The keyring entries' service; the user is the account's id.
pub const SERVICE: &str = "tidegate";

/// A place that keeps one key per account. Calls may block for as long as a person takes to answer a prompt.
pub trait KeyStore: Send {
    /// The account's key; `Ok(None)`: none is stored.
    ///
    /// # Errors
    /// The place cannot be asked.
    fn fetch(&mut self, account: &AccountId) -> Result<Option<Secret>, KeyError>;

    /// Keeps a key, replacing the one before.
    ///
    /// # Errors
    /// Nothing was kept; the key before is as it was.
    fn store(&mut self, account: &AccountId, key: &Secret) -> Result<(), KeyError>;

    /// Forgets a key. Forgetting what is not there is no error.
    ///
    /// # Errors
    /// The key may still be there.
    fn remove(&mut self, account: &AccountId) -> Result<(), KeyError>;
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
    /// Earlier questions still wait for an answer, perhaps for a person's.
    #[error("The keyring is still busy with an earlier question; it may be waiting for your answer. Try again then.")]
    Busy,
    /// Something else.
    #[error("The keyring failed: {0}. Try again, or name an environment variable instead.")]
    Other(&'static str),
}
