//! The desk where keys are asked for, and what the screen is told of them.
//!
//! Invariant: what leaves here toward the screen names places and fingerprints, never a key.
//! Absent on purpose: waiting on a keyring; the desk has a thread for that.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::profile::Loaded;
use super::racks::Racks;
use crate::contract::snapshot::{AccountKey, KeyState, KeyTest, KeyringState, KeysView, SpareKeys};
use crate::model::config::shown;
use crate::model::id::AccountId;
use crate::store::environment;
use crate::store::keys::{
    Answer, Fingerprints, KeyDesk, KeyPlace, KeySlot, KeyStore, KeyringStatus, KeyringStore, MemoryStore, Rotations,
};

/// Where keys are asked for.
pub type Desk = KeyDesk;

/// The desk of a profile that was left for the demo: keys there may be in memory alone.
pub(super) struct LeftDesk {
    /// The profile's.
    pub(super) folder: PathBuf,
    /// As it was.
    pub(super) desk: Desk,
    /// Accounts whose keys are.
    pub(super) in_memory: Vec<AccountId>,
}

/// A desk for a profile. The demo has no keys and asks no keyring.
///
/// # Errors
/// The system gives no thread or no chance.
pub fn desk(profile: &Loaded) -> anyhow::Result<Desk> {
    let store: Box<dyn KeyStore> = if profile.shown.demo {
        Box::new(MemoryStore::new())
    } else {
        Box::new(KeyringStore::new().of_profile(profile.paths.named.as_deref()))
    };
    let prints = match Fingerprints::open(&profile.paths.data_dir) {
        Ok(prints) => prints,
        Err(error) => {
            tracing::warn!(%error, "fingerprints of keys will differ at the next start");
            Fingerprints::for_this_run()?
        }
    };
    let rotations = Rotations::of(&profile.paths.data_dir);
    Ok(KeyDesk::start(store, prints, rotations, Box::new(environment::secret))?)
}

/// Accounts whose keys are in memory and nowhere else.
pub(super) fn in_memory(places: &[Answer]) -> Vec<AccountId> {
    let only = places.iter().filter(|answer| matches!(answer.place, KeyPlace::InMemory { .. }));
    only.map(|answer| answer.account.clone()).collect()
}

/// What the screen shows of keys.
pub(super) fn view(
    places: &[Answer],
    keyring: KeyringStatus,
    tests: &BTreeMap<(AccountId, KeySlot), KeyTest>,
    racks: &Racks,
) -> KeysView {
    let test = |account: &AccountId, slot| tests.get(&(account.clone(), slot)).cloned();
    let accounts = places.iter().map(|Answer { account, place, spares }| AccountKey {
        account: account.clone(),
        state: state(place.clone()),
        test: test(account, KeySlot::Current),
        spares: SpareKeys {
            next: spares.next.clone(),
            next_test: test(account, KeySlot::Next).filter(|_| spares.next.is_some()),
            previous: spares.previous.clone(),
            second: spares.second.as_ref().map(|(variable, set)| (shown(variable).to_owned(), *set)),
            stands_in_since: racks.stands_in_since(account),
        },
    });
    KeysView { keyring: keyring_state(keyring), accounts: accounts.collect(), ..KeysView::default() }
}

fn state(place: KeyPlace) -> KeyState {
    match place {
        KeyPlace::NotNeeded => KeyState::NotNeeded,
        KeyPlace::Absent | KeyPlace::Unreadable(_) => KeyState::Absent,
        KeyPlace::InKeyring { fingerprint } => KeyState::InKeyring { fingerprint },
        KeyPlace::InMemory { fingerprint } => KeyState::InMemory { fingerprint },
        KeyPlace::FromCommand { program, problem, .. } => KeyState::FromCommand { program, problem },
        KeyPlace::FromEnvironment { variable, set } => {
            KeyState::FromEnvironment { variable: shown(&variable).to_owned(), set }
        }
    }
}

fn keyring_state(status: KeyringStatus) -> KeyringState {
    match status {
        KeyringStatus::Unknown => KeyringState::Unknown,
        KeyringStatus::Ready => KeyringState::Ready,
        KeyringStatus::Locked => KeyringState::Locked,
        KeyringStatus::Missing { hint } => KeyringState::Missing { hint },
        KeyringStatus::Failing(error) => {
            tracing::debug!(%error, "the keyring fails");
            KeyringState::Missing { hint: "see that your keyring lets Tidegate in, then look again".to_owned() }
        }
    }
}
