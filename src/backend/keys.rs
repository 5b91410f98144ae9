//! The desk where keys are asked for, and what the screen is told of them.
//!
//! Invariant: what leaves here toward the screen names places and fingerprints, never a key.
//! Absent on purpose: waiting on a keyring; the desk has a thread for that.

use std::collections::BTreeMap;

use super::profile::Loaded;
use crate::contract::snapshot::{AccountKey, KeyState, KeyTest, KeyringState, KeysView};
use crate::model::check::{Finding, FindingPlace, Severity};
use crate::model::config::{Caller, Config, TokenSource};
use crate::model::id::AccountId;
use crate::proxy::auth::Callers;
use crate::store::environment;
use crate::store::keys::{Answer, Fingerprints, KeyDesk, KeyPlace, KeyStore, KeyringStatus, KeyringStore, MemoryStore};

/// Where keys are asked for.
pub type Desk = KeyDesk;

/// A desk for a profile. The demo has no keys and asks no keyring.
///
/// # Errors
/// The system gives no thread or no chance.
pub fn desk(profile: &Loaded) -> anyhow::Result<Desk> {
    let store: Box<dyn KeyStore> =
        if profile.shown.demo { Box::new(MemoryStore::new()) } else { Box::new(KeyringStore::new()) };
    let prints = match Fingerprints::open(&profile.paths.data_dir) {
        Ok(prints) => prints,
        Err(error) => {
            tracing::warn!(%error, "fingerprints of keys will differ at the next start");
            Fingerprints::for_this_run()?
        }
    };
    Ok(KeyDesk::start(store, prints, Box::new(environment::secret))?)
}

/// The callers whose tokens the environment has.
#[must_use]
pub fn callers(config: &Config) -> Callers {
    let with_token = |caller: &crate::model::config::Caller| {
        let token = environment::secret(&caller.token.as_ref()?.env)?;
        Some((token, caller.id.clone(), caller.priority))
    };
    Callers::new(config.callers.iter().filter_map(with_token).collect())
}

/// Callers whose tokens are to come from variables that hold none.
#[must_use]
pub fn unset_tokens(config: &Config) -> Vec<Finding> {
    unset_in(config, |variable| environment::secret(variable).is_some())
}

fn unset_in(config: &Config, is_set: impl Fn(&str) -> bool) -> Vec<Finding> {
    let named = config.callers.iter().enumerate();
    let named = named.filter_map(|(place, caller)| Some((place, caller, caller.token.as_ref()?)));
    let unset = named.filter(|(.., token)| !is_set(&token.env));
    let finding = |(place, caller, _): (usize, &Caller, &TokenSource)| Finding {
        severity: Severity::Warning,
        at: FindingPlace { table: "caller".to_owned(), place: Some(place), key: "token".to_owned() },
        line: None,
        // What stands for the variable's name may be the token itself, put in the wrong place.
        message: format!(
            "Caller \"{}\" takes its token from a variable that is not set, so its requests count as nobody's. Set the \
             variable and start Tidegate again.",
            caller.id
        ),
    };
    unset.map(finding).collect()
}

/// What the screen shows of keys.
#[must_use]
pub fn view(places: &[Answer], keyring: KeyringStatus, tests: &BTreeMap<AccountId, KeyTest>) -> KeysView {
    let accounts = places.iter().map(|Answer { account, place }| AccountKey {
        account: account.clone(),
        state: state(place.clone()),
        test: tests.get(account).cloned(),
    });
    KeysView { keyring: keyring_state(keyring), accounts: accounts.collect() }
}

fn state(place: KeyPlace) -> KeyState {
    match place {
        KeyPlace::NotNeeded => KeyState::NotNeeded,
        KeyPlace::Absent | KeyPlace::Unreadable(_) => KeyState::Absent,
        KeyPlace::InKeyring { fingerprint } => KeyState::InKeyring { fingerprint },
        KeyPlace::InMemory { fingerprint } => KeyState::InMemory { fingerprint },
        KeyPlace::FromCommand { program, problem, .. } => KeyState::FromCommand { program, problem },
        KeyPlace::FromEnvironment { variable, set } => KeyState::FromEnvironment { variable, set },
    }
}

fn keyring_state(status: KeyringStatus) -> KeyringState {
    match status {
        KeyringStatus::Unknown => KeyringState::Unknown,
        KeyringStatus::Ready => KeyringState::Ready,
        KeyringStatus::Locked => KeyringState::Locked,
        KeyringStatus::Missing { hint } => KeyringState::Missing { hint },
        KeyringStatus::Failing(error) => KeyringState::Missing { hint: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_whose_token_is_not_set_is_named_and_its_variable_is_not() {
        let text = "[[caller]]\nid = \"app\"\ntoken = { env = \"APP_TOKEN\" }\n[[caller]]\nid = \"tool\"\ntoken = { env = \
                    \"TOOL_TOKEN\" }\n[[caller]]\nid = \"none\"\n";
        let config: Config = toml_edit::de::from_str(text).expect("the test's text is sound");
        let found = unset_in(&config, |variable| variable == "TOOL_TOKEN");
        let places: Vec<_> = found.iter().map(|finding| (finding.at.place, finding.severity)).collect();
        assert_eq!(places, [(Some(0), Severity::Warning)]);
        assert!(found[0].message.starts_with("Caller \"app\" takes its token from a variable that is not set"));
        assert!(!found[0].message.contains("APP_TOKEN"));
        assert!(unset_in(&config, |_| true).is_empty());
    }
}
