use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::config::Account;

const CANARY: &str = "sk-CANARY-0123456789";

/// A keyring that fails as told.
struct Failing(KeyError);

impl KeyStore for Failing {
    fn fetch(&mut self, _: &AccountId) -> Result<Option<Secret>, KeyError> {
        Err(self.0)
    }
    fn store(&mut self, _: &AccountId, _: &Secret) -> Result<(), KeyError> {
        Err(self.0)
    }
    fn remove(&mut self, _: &AccountId) -> Result<(), KeyError> {
        Err(self.0)
    }
}

fn desk(store: impl KeyStore + 'static) -> KeyDesk {
    desk_with(store, Box::new(|_| None))
}

fn desk_with(store: impl KeyStore + 'static, environment: Environment) -> KeyDesk {
    KeyDesk::start(Box::new(store), Fingerprints::for_this_run().unwrap(), environment).unwrap()
}

fn config(service: &str, credential: &str) -> Config {
    let account: Account =
        toml_edit::de::from_str(&format!("id = \"a\"\nservice = \"{service}\"\n{credential}\n")).unwrap();
    Config { accounts: vec![account], ..Config::default() }
}

fn id() -> AccountId {
    AccountId::from("a")
}

fn canary() -> Secret {
    Secret::new(CANARY.to_owned())
}

async fn place(desk: &KeyDesk, config: &Config) -> KeyPlace {
    desk.resolve(config).await.unwrap().remove(0).place
}

#[tokio::test]
async fn a_stored_key_is_found_again_with_the_same_fingerprint() {
    let desk = desk(MemoryStore::new());
    let openai = config("openai", "");
    assert_eq!(place(&desk, &openai).await, KeyPlace::Absent);
    let stored = desk.store(id(), canary()).await.unwrap();
    assert!(matches!(stored, KeyPlace::InKeyring { .. }));
    assert_eq!(place(&desk, &openai).await, stored);
    assert_eq!(desk.keyring(), KeyringStatus::Ready);
    assert_eq!(desk.key(&id()).unwrap().expose(), CANARY);
    desk.remove(id()).await.unwrap();
    assert!(desk.key(&id()).is_none());
    assert_eq!(place(&desk, &openai).await, KeyPlace::Absent);
}

#[tokio::test]
async fn without_a_keyring_a_key_is_kept_in_memory_and_said_to_be() {
    let desk = desk(Failing(KeyError::NoService));
    let stored = desk.store(id(), canary()).await.unwrap();
    assert!(matches!(stored, KeyPlace::InMemory { .. }));
    assert!(matches!(desk.keyring(), KeyringStatus::Missing { .. }));
    assert_eq!(place(&desk, &config("openai", "")).await, stored);
    desk.remove(id()).await.unwrap();
    assert_eq!(place(&desk, &config("openai", "")).await, KeyPlace::Absent);
}

#[tokio::test]
async fn a_locked_keyring_keeps_nothing_and_says_so() {
    let desk = desk(Failing(KeyError::Locked));
    assert_eq!(desk.store(id(), canary()).await, Err(KeyError::Locked));
    assert_eq!(place(&desk, &config("openai", "")).await, KeyPlace::Unreadable(KeyError::Locked));
    assert_eq!(desk.keyring(), KeyringStatus::Locked);
    assert!(desk.key(&id()).is_none());
}

#[tokio::test]
async fn a_variable_is_read_once_and_its_key_used() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let environment: Environment = Box::new(move |name| {
        counted.fetch_add(1, Ordering::SeqCst);
        (name == "A_KEY").then(canary)
    });
    let desk = desk_with(Failing(KeyError::NoService), environment);
    let named = config("azure", "credential = { env = \"A_KEY\" }");
    for _ in 0..2 {
        assert_eq!(place(&desk, &named).await, KeyPlace::FromEnvironment { variable: "A_KEY".to_owned(), set: true });
    }
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    assert!(desk.key(&id()).is_some());
    let unset = config("azure", "credential = { env = \"B_KEY\" }");
    assert_eq!(place(&desk, &unset).await, KeyPlace::FromEnvironment { variable: "B_KEY".to_owned(), set: false });
    assert!(desk.key(&id()).is_none(), "the key of another source must not linger");
}

#[tokio::test]
async fn a_simulated_account_needs_no_key_and_asks_nobody() {
    let desk = desk(Failing(KeyError::Locked));
    assert_eq!(place(&desk, &config("simulated", "")).await, KeyPlace::NotNeeded);
    assert_eq!(desk.keyring(), KeyringStatus::Unknown);
}

#[tokio::test]
async fn an_account_that_left_the_configuration_has_no_key_to_send() {
    let desk = desk(MemoryStore::new());
    desk.store(id(), canary()).await.unwrap();
    desk.resolve(&Config::default()).await.unwrap();
    assert!(desk.key(&id()).is_none());
}

#[tokio::test]
async fn nothing_the_desk_says_holds_a_key() {
    for error in [KeyError::NoService, KeyError::Locked, KeyError::Denied, KeyError::Busy, KeyError::Other("it broke")]
    {
        let desk = desk(Failing(error));
        let stored = desk.store(id(), canary()).await;
        let found = desk.resolve(&config("openai", "")).await;
        let said = format!("{stored:?} {found:?} {:?} {error} {error:?}", desk.keyring());
        assert!(!said.contains("CANARY"), "{said}");
    }
}

#[test]
fn a_token_is_asked_for_before_its_end_and_a_failing_program_not_too_often() {
    let at = |problem: Option<&str>, expires| {
        KeyPlace::FromCommand { program: "az".to_owned(), problem: problem.map(str::to_owned), expires }.renew_in(1_000)
    };
    assert_eq!(at(None, Some(4_600)), Some(3_300));
    assert_eq!((at(None, Some(1_100)), at(None, Some(5))), (Some(60), Some(60)), "one that has ended all but at once");
    assert_eq!((at(None, None), at(Some("no"), None)), (Some(900), Some(60)));
    assert_eq!(KeyPlace::Absent.renew_in(1_000), None);
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_from_a_command_is_the_accounts_key() {
    let desk = KeyDesk::start(Box::new(MemoryStore::new()), Fingerprints::for_this_run().unwrap(), Box::new(|_| None));
    let desk = desk.unwrap();
    let text = "[[account]]\nid = \"a\"\nservice = \"azure\"\nbase_url = \"https://x\"\n\
                credential = { command = [\"echo\", \"eyJ.a.b\"] }\n";
    let config: Config = toml_edit::de::from_str(text).unwrap();
    let places = desk.resolve(&config).await.unwrap();
    let program = "echo".to_owned();
    assert_eq!(places[0].place, KeyPlace::FromCommand { program, problem: None, expires: None });
    let key = desk.key(&AccountId::from("a")).unwrap();
    assert_eq!(key.expose(), "eyJ.a.b");
    assert_eq!(config.accounts[0].shows_key_as(), crate::model::config::Service::Compatible, "as a bearer");
}
