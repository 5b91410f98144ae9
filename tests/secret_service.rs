//! The real Secret Service, asked from inside a runtime as the console does. `tests/secret_service.sh` runs it in a session
//! of its own; `TIDEGATE_TEST_SECRET_SERVICE=1` keeps a plain `--ignored` away from a person's keyring.
#![cfg(target_os = "linux")]

use tidegate::model::config::{Account, Config, Service};
use tidegate::model::id::AccountId;
use tidegate::model::secret::Secret;
use tidegate::store::keys::{Fingerprints, KeyDesk, KeyPlace, KeyringStatus, KeyringStore, Rotations};

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
    };
    Config { accounts: vec![account], ..Config::default() }
}

#[tokio::test]
#[ignore = "needs an unlocked Secret Service; run tests/secret_service.sh"]
async fn a_key_goes_to_the_secret_service_and_comes_back() {
    let asked_for = std::env::var("TIDEGATE_TEST_SECRET_SERVICE");
    assert_eq!(asked_for.as_deref(), Ok("1"), "run tests/secret_service.sh, which has a keyring of its own");
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
