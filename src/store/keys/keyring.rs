//! The operating system's keyring.
//!
//! Invariant: a keyring that was missing is asked for again at the next call, so that one started later is found.
//! Absent on purpose: threads and caches. Calls block and must not be made inside a runtime (`desk` sees to it).

use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};

use crate::model::id::AccountId;
use crate::model::secret::Secret;

use super::{KeyError, KeySlot, KeyStore};

/// Opens the platform's store.
pub type Opener = Box<dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send>;

/// The platform's keyring: Secret Service, Keychain or Credential Manager.
pub struct KeyringStore {
    open: Opener,
    opened: Option<Arc<CredentialStore>>,
    /// Of a named profile: its accounts' keys are entries of their own, whatever the accounts are called.
    profile: Option<String>,
}

impl Default for KeyringStore {
    fn default() -> Self {
        Self::opened_by(Box::new(open_platform))
    }
}

impl KeyringStore {
    /// The platform's own, opened at the first call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Any store of `keyring_core`; `open` is called again after each failure.
    #[must_use]
    pub fn opened_by(open: Opener) -> Self {
        Self { open, opened: None, profile: None }
    }

    /// The keys of a named profile; `None`: of the usual one.
    #[must_use]
    pub fn of_profile(self, profile: Option<&str>) -> Self {
        Self { profile: profile.map(str::to_owned), ..self }
    }

    /// The user of an account's entry.
    fn user(&self, account: &AccountId) -> String {
        self.profile.as_ref().map_or_else(|| account.to_string(), |profile| format!("{account} (profile {profile})"))
    }

    fn with_entry<T>(
        &mut self,
        account: &AccountId,
        slot: KeySlot,
        work: impl FnOnce(&Entry) -> keyring_core::Result<T>,
    ) -> Result<Option<T>, KeyError> {
        let store = match &self.opened {
            Some(store) => Arc::clone(store),
            None => Arc::clone(self.opened.insert((self.open)().map_err(|error| plain(&error))?)),
        };
        match store.build(slot.service(), &self.user(account), None).and_then(|entry| work(&entry)) {
            Ok(value) => Ok(Some(value)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => {
                let error = plain(&error);
                if matches!(error, KeyError::NoService | KeyError::Other(_)) {
                    // The service may have gone, and its connection with it.
                    self.opened = None;
                }
                Err(error)
            }
        }
    }
}

impl KeyStore for KeyringStore {
    fn fetch(&mut self, account: &AccountId, slot: KeySlot) -> Result<Option<Secret>, KeyError> {
        self.with_entry(account, slot, |entry| entry.get_password().map(Secret::new))
    }

    fn store(&mut self, account: &AccountId, slot: KeySlot, key: &Secret) -> Result<(), KeyError> {
        self.with_entry(account, slot, |entry| entry.set_password(key.expose())).map(drop)
    }

    fn remove(&mut self, account: &AccountId, slot: KeySlot) -> Result<(), KeyError> {
        self.with_entry(account, slot, Entry::delete_credential).map(drop)
    }
}

#[cfg(target_os = "linux")]
fn open_platform() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

/// `keyring` registers the platform's store once; on these platforms it is always there.
#[cfg(not(target_os = "linux"))]
fn open_platform() -> keyring_core::Result<Arc<CredentialStore>> {
    drop(keyring::Entry::store_status());
    keyring_core::get_default_store().ok_or(Error::NoDefaultStore)
}

/// The platform's words, reduced to a class. They are read for known names only and never passed on.
fn plain(error: &Error) -> KeyError {
    match error {
        Error::NoDefaultStore => KeyError::NoService,
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => by_words(&format!("{cause} {cause:?}"), error),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeyError::Other("the stored key is not text"),
        Error::Ambiguous(_) => KeyError::Other("it holds several keys for this account; remove all but one"),
        Error::TooLong(..) => KeyError::Other("the key is too long for it"),
        Error::Invalid(..) => KeyError::Other("it does not take this account's id"),
        _ => KeyError::Other("it does not support this"),
    }
}

fn by_words(words: &str, error: &Error) -> KeyError {
    const NO_SERVICE: [&str; 6] =
        ["ServiceUnknown", "NameHasNoOwner", "NotFound", "ConnectionRefused", "Unavailable", "Spawn"];
    let has = |names: &[&str]| names.iter().any(|name| words.contains(name));
    if has(&["AccessDenied", "Access denied", "PermissionDenied"]) {
        KeyError::Denied
    } else if has(&["Prompt", "prompt", "Locked", "locked"]) {
        KeyError::Locked
    } else if has(&NO_SERVICE) {
        KeyError::NoService
    } else if matches!(error, Error::NoStorageAccess(_)) {
        KeyError::Locked
    } else {
        KeyError::Other("the system reported an error")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use keyring_core::mock;

    use super::*;

    fn account() -> AccountId {
        AccountId::from("acme-east")
    }

    fn exposed(store: &mut KeyringStore) -> Result<Option<String>, KeyError> {
        Ok(store.fetch(&account(), KeySlot::Current)?.map(|key| key.expose().to_owned()))
    }

    #[test]
    fn a_key_is_kept_replaced_and_forgotten() {
        let mock: Arc<CredentialStore> = mock::Store::new().unwrap();
        let mut store = KeyringStore::opened_by(Box::new(move || Ok(Arc::clone(&mock))));
        assert_eq!(exposed(&mut store), Ok(None));
        for key in ["one", "two"] {
            store.store(&account(), KeySlot::Current, &Secret::new(key.to_owned())).unwrap();
            assert_eq!(exposed(&mut store), Ok(Some(key.to_owned())));
        }
        store.remove(&account(), KeySlot::Current).unwrap();
        assert_eq!(exposed(&mut store), Ok(None));
        assert_eq!(store.remove(&account(), KeySlot::Current), Ok(()), "forgetting twice is no error");
    }

    #[test]
    fn a_missing_keyring_heals_once_it_runs() {
        let runs = Arc::new(AtomicBool::new(false));
        let mock: Arc<CredentialStore> = mock::Store::new().unwrap();
        let seen = Arc::clone(&runs);
        let mut store = KeyringStore::opened_by(Box::new(move || {
            if seen.load(Ordering::SeqCst) {
                Ok(Arc::clone(&mock))
            } else {
                Err(Error::PlatformFailure("ServiceUnknown".into()))
            }
        }));
        assert_eq!(exposed(&mut store), Err(KeyError::NoService));
        runs.store(true, Ordering::SeqCst);
        assert_eq!(exposed(&mut store), Ok(None));
    }

    #[test]
    fn the_platforms_failures_are_told_apart_and_never_quoted() {
        let canary = "sk-CANARY";
        let cases: [(Error, KeyError); 6] = [
            (Error::NoStorageAccess(format!("Prompt dismissed {canary}").into()), KeyError::Locked),
            (Error::NoStorageAccess(format!("is locked {canary}").into()), KeyError::Locked),
            (
                Error::PlatformFailure(format!("org.freedesktop.DBus.Error.ServiceUnknown {canary}").into()),
                KeyError::NoService,
            ),
            (
                Error::PlatformFailure(format!("org.freedesktop.DBus.Error.AccessDenied {canary}").into()),
                KeyError::Denied,
            ),
            (Error::PlatformFailure(canary.into()), KeyError::Other("the system reported an error")),
            (Error::BadEncoding(canary.as_bytes().to_vec()), KeyError::Other("the stored key is not text")),
        ];
        for (platform, expected) in cases {
            let told = plain(&platform);
            assert_eq!(told, expected);
            assert!(!format!("{told} {told:?}").contains("CANARY"));
        }
    }
}
