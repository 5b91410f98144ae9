//! The real Secret Service, asked from inside a runtime as the console does. `tests/secret_service.sh` runs it in a session
//! of its own; `TIDEGATE_TEST_SECRET_SERVICE=1` keeps a plain `--ignored` away from a person's keyring.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test may end where it is wrong")]

use tidegate::model::config::{Account, Config, Service};
use tidegate::model::id::AccountId;
use tidegate::model::secret::Secret;
use tidegate::store::keys::rotation::KEPT_MS;
use tidegate::store::keys::{
    Fingerprints, KeyDesk, KeyPlace, KeySlot, KeyStore as _, KeyringStatus, KeyringStore, Rotations,
};

fn config(id: &AccountId) -> Config {
    let account = Account {
        id: id.clone(),
        service: Service::Openai,
        base_url: String::new(),
        api: None,
        api_version: None,
        subscription: None,
        region: None,
        organization: None,
        project: None,
        credential: tidegate::model::config::Credential::default(),
        second_key: None,
        allow_plain_http: false,
        include_usage: None,
    };
    Config { accounts: vec![account], ..Config::default() }
}

fn asked_for() {
    let asked_for = std::env::var("TIDEGATE_TEST_SECRET_SERVICE");
    assert_eq!(asked_for.as_deref(), Ok("1"), "run tests/secret_service.sh, which has a keyring of its own");
}

/// Another console's desk: nothing but the service and the folder is shared.
fn desk_in(folder: &std::path::Path) -> KeyDesk {
    let prints = Fingerprints::for_this_run().expect("randomness");
    KeyDesk::start(Box::new(KeyringStore::new()), prints, Rotations::of(folder), Box::new(|_| None)).expect("a thread")
}

#[tokio::test]
#[ignore = "needs an unlocked Secret Service; run tests/secret_service.sh"]
async fn two_keys_change_places_in_the_secret_service_and_the_one_before_leaves_it_in_time() {
    asked_for();
    let home = tempfile::tempdir().expect("a folder");
    let (id, start) = (AccountId::from("tidegate-test-rotation"), 1_000_000);
    let first = desk_in(home.path());
    for (slot, key) in [(KeySlot::Current, "sk-test-one"), (KeySlot::Next, "sk-test-two")] {
        let key = Secret::new(key.to_owned());
        let stored = if slot == KeySlot::Next {
            first.store_next(id.clone(), key).await
        } else {
            first.store(id.clone(), key).await
        };
        assert!(matches!(stored, Ok(KeyPlace::InKeyring { .. })), "{stored:?}");
    }
    first.switch(id.clone(), start).await.expect("it switches");
    drop(first);
    let read = async |desk: &KeyDesk, now| {
        desk.resolve(&config(&id), now).await.expect("an answer");
        let of = |slot| desk.in_slot(&id, slot).map(|key| key.expose().to_owned());
        [of(KeySlot::Current), of(KeySlot::Next), of(KeySlot::Previous)]
    };
    let (one, two) = (Some("sk-test-one".to_owned()), Some("sk-test-two".to_owned()));
    let second = desk_in(home.path());
    assert_eq!(read(&second, start + 1).await, [two.clone(), None, one.clone()], "after a restart");
    second.switch_back(id.clone()).await.expect("it switches back");
    assert_eq!(read(&desk_in(home.path()), start + 2).await, [one.clone(), two.clone(), None]);
    second.switch(id.clone(), start + 3).await.expect("it switches again");
    let third = desk_in(home.path());
    assert_eq!(read(&third, start + 3 + KEPT_MS).await, [two, None, None], "ten minutes are over");
    let mut service = KeyringStore::new();
    assert!(service.fetch(&id, KeySlot::Previous).expect("it answers").is_none(), "the service forgot it");
    third.remove(id.clone()).await.expect("the service forgets it");
    for slot in [KeySlot::Current, KeySlot::Next, KeySlot::Previous] {
        assert!(service.fetch(&id, slot).expect("it answers").is_none(), "{slot:?}");
    }
}

#[tokio::test]
#[ignore = "needs an unlocked Secret Service; run tests/secret_service.sh"]
async fn a_key_goes_to_the_secret_service_and_comes_back() {
    asked_for();
    let id = AccountId::from("tidegate-test-account");
    let desk = || {
        let prints = Fingerprints::for_this_run().expect("randomness");
        KeyDesk::start(Box::new(KeyringStore::new()), prints, Rotations::default(), Box::new(|_| None))
            .expect("a thread")
    };
    let first = desk();
    let stored =
        first.store(id.clone(), Secret::new("sk-test-round-trip".to_owned())).await.expect("the service keeps it");
    assert!(matches!(stored, KeyPlace::InKeyring { .. }), "{stored:?}");
    assert_eq!(first.keyring(), KeyringStatus::Ready);

    let second = desk();
    second.resolve(&config(&id), 1).await.expect("an answer");
    let key = second.key(&id).expect("another connection finds it");
    assert!(key.expose() == "sk-test-round-trip");
    second.remove(id.clone()).await.expect("the service forgets it");
    let after = first.resolve(&config(&id), 1).await.expect("an answer");
    assert_eq!(after.first().map(|answer| &answer.place), Some(&KeyPlace::Absent));
}
