//! What the brain was told of each account's credential, so that it hears of changes and not of every look-up.
//!
//! Where an account is, which binds what it keeps, is told alike.
//!
//! Invariant: a word goes out once for each change; who rests because of a key, a block or credit is not tried anew because
//! the same key was found again.
//! Absent on purpose: judging keys. Whether one works, the service says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::config::{Account, Credential, Service};
use crate::model::id::AccountId;
use crate::model::ownership::Place;
use crate::model::secret::Secret;
use crate::store::keys::KeyDesk;
use crate::wire;

/// An account as it was when the brain was told of it.
struct Told {
    account: Account,
    first: Option<Arc<Secret>>,
    second: Option<Arc<Secret>>,
}

/// What was told of all accounts.
#[derive(Default)]
pub(super) struct Credentials {
    told: BTreeMap<AccountId, Told>,
    places: BTreeMap<AccountId, Place>,
}

impl Credentials {
    /// Whether each account whose credential changed can be signed for now; all others stand as they were told.
    pub(super) fn changed(&mut self, accounts: &[Account], desk: &KeyDesk) -> Vec<(AccountId, bool)> {
        self.told.retain(|id, _| accounts.iter().any(|account| account.id == *id));
        let news = accounts.iter().filter_map(|account| {
            let now = Told { account: account.clone(), first: desk.key(&account.id), second: desk.spare(&account.id) };
            let is_ready = now.first.is_some() || account.service == Service::Simulated;
            let before = self.told.insert(account.id.clone(), now);
            let now = self.told.get(&account.id)?;
            before.is_none_or(|before| now.differs(&before)).then(|| (account.id.clone(), is_ready))
        });
        news.collect()
    }
}

impl Credentials {
    /// Where each account is whose place changed.
    pub(super) fn moved(&mut self, accounts: &[Account], desk: &KeyDesk) -> Vec<(AccountId, Place)> {
        self.places.retain(|id, _| accounts.iter().any(|account| account.id == *id));
        let news = accounts.iter().filter(|account| account.service != Service::Simulated).filter_map(|account| {
            let now = place(account, desk);
            let before = self.places.insert(account.id.clone(), now.clone());
            (before.as_ref() != Some(&now)).then(|| (account.id.clone(), now))
        });
        news.collect()
    }

    /// Where an account is, as it was told.
    pub(super) fn place(&self, account: &AccountId) -> Option<&Place> {
        self.places.get(account)
    }
}

/// A token that a program prints is another one every hour, and an Azure resource opens what it sealed whoever asks.
fn place(account: &Account, desk: &KeyDesk) -> Place {
    let is_lasting = !matches!(account.credential, Credential::Command(_));
    let first = desk.key(&account.id).filter(|_| is_lasting).map(|key| desk.mark(&key));
    let second = desk.spare(&account.id).filter(|_| is_lasting).map(|key| desk.mark(&key));
    let seals = if account.service == Service::Azure || first.is_none() {
        Vec::new()
    } else {
        first.into_iter().chain(second).collect()
    };
    Place { address: wire::place::address(account), credential: first.unwrap_or(0), seals }
}

impl Told {
    /// Whether there is reason to try anew, or none to go on: another account, another key, or a second one that is new. That
    /// a second one is gone is no reason.
    fn differs(&self, before: &Self) -> bool {
        let known = |key: &Secret| before.keys().any(|other| other.expose() == key.expose());
        let same_first = match (&self.first, &before.first) {
            (Some(first), Some(before)) => first.expose() == before.expose(),
            (first, before) => first.is_none() && before.is_none(),
        };
        !same_first || self.account != before.account || self.second.as_deref().is_some_and(|key| !known(key))
    }

    fn keys(&self) -> impl Iterator<Item = &Secret> {
        self.first.iter().chain(&self.second).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Config;
    use crate::store::keys::{Fingerprints, MemoryStore, Rotations};

    fn desk() -> KeyDesk {
        let prints = Fingerprints::for_this_run().unwrap();
        KeyDesk::start(Box::new(MemoryStore::new()), prints, Rotations::default(), Box::new(|_| None)).unwrap()
    }

    fn config() -> Config {
        let text = "[[account]]\nid = \"a\"\nservice = \"openai\"\nbase_url = \"https://a.example/v1\"\n[[account]]\nid = \"s\"\nservice = \"simulated\"\n";
        toml_edit::de::from_str(text).unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    /// What is told after a look-up, each account with whether it is ready.
    async fn looked(told: &mut Credentials, desk: &KeyDesk, config: &Config, now: u64) -> Vec<(String, bool)> {
        desk.resolve(config, now).await.unwrap();
        told.changed(&config.accounts, desk).into_iter().map(|(id, ready)| (id.to_string(), ready)).collect()
    }

    fn of_a(ready: bool) -> Vec<(String, bool)> {
        vec![("a".to_owned(), ready)]
    }

    #[tokio::test]
    async fn a_look_up_that_finds_the_same_keys_is_told_to_nobody() {
        let (desk, config, mut told) = (desk(), config(), Credentials::default());
        let first = looked(&mut told, &desk, &config, 1).await;
        assert_eq!(first, [("a".to_owned(), false), ("s".to_owned(), true)]);
        desk.store("a".into(), secret("one")).await.unwrap();
        assert_eq!(looked(&mut told, &desk, &config, 2).await, of_a(true));
        for now in 3..6 {
            assert_eq!(looked(&mut told, &desk, &config, now).await, []);
        }
        desk.store("a".into(), secret("one")).await.unwrap();
        assert_eq!(looked(&mut told, &desk, &config, 6).await, [], "the same key, pasted again");
    }

    #[tokio::test]
    async fn another_key_a_new_second_one_and_the_loss_of_the_first_are_told() {
        let (desk, config, mut told) = (desk(), config(), Credentials::default());
        desk.store("a".into(), secret("one")).await.unwrap();
        looked(&mut told, &desk, &config, 1).await;
        desk.store_next("a".into(), secret("two")).await.unwrap();
        assert_eq!(looked(&mut told, &desk, &config, 2).await, of_a(true));
        desk.remove_next("a".into()).await.unwrap();
        assert_eq!(looked(&mut told, &desk, &config, 3).await, [], "what is gone is no reason to try anew");
        desk.store("a".into(), secret("three")).await.unwrap();
        assert_eq!(looked(&mut told, &desk, &config, 4).await, of_a(true));
        desk.remove("a".into()).await.unwrap();
        assert_eq!(looked(&mut told, &desk, &config, 5).await, of_a(false));
    }

    #[tokio::test]
    async fn an_account_at_another_address_is_told_with_the_same_key() {
        let (desk, mut config, mut told) = (desk(), config(), Credentials::default());
        desk.store("a".into(), secret("one")).await.unwrap();
        looked(&mut told, &desk, &config, 1).await;
        config.accounts[0].base_url = "https://b.example/v1".to_owned();
        assert_eq!(looked(&mut told, &desk, &config, 2).await, of_a(true));
    }

    #[tokio::test]
    async fn a_place_is_told_when_its_address_or_its_key_became_another_one() {
        let (desk, mut config, mut told) = (desk(), config(), Credentials::default());
        let moved = |told: &mut Credentials, config: &Config| told.moved(&config.accounts, &desk);
        let first = moved(&mut told, &config);
        assert_eq!(first.len(), 1, "of a simulated one nothing is told: {first:?}");
        assert_eq!((first[0].1.credential, first[0].1.seals.len()), (0, 0), "its key is not known yet");
        desk.store("a".into(), secret("one")).await.unwrap();
        let keyed = moved(&mut told, &config);
        assert_eq!(keyed[0].1.seals, [keyed[0].1.credential]);
        assert_eq!(moved(&mut told, &config), []);
        config.accounts[0].base_url = "https://b.example/v1".to_owned();
        let elsewhere = moved(&mut told, &config);
        assert!(elsewhere[0].1.address != keyed[0].1.address && elsewhere[0].1.seals == keyed[0].1.seals);
    }
}
