use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::config::Account;
use crate::store::keys::rotation;

const CANARY: &str = "sk-CANARY-0123456789";

/// A keyring that fails as told.
struct Failing(KeyError);

impl KeyStore for Failing {
    fn fetch(&mut self, _: &AccountId, _: KeySlot) -> Result<Option<Secret>, KeyError> {
        Err(self.0)
    }
    fn store(&mut self, _: &AccountId, _: KeySlot, _: &Secret) -> Result<(), KeyError> {
        Err(self.0)
    }
    fn remove(&mut self, _: &AccountId, _: KeySlot) -> Result<(), KeyError> {
        Err(self.0)
    }
}

fn desk(store: impl KeyStore + 'static) -> KeyDesk {
    desk_with(store, Box::new(|_| None))
}

fn desk_with(store: impl KeyStore + 'static, environment: Environment) -> KeyDesk {
    KeyDesk::start(Box::new(store), Fingerprints::for_this_run().unwrap(), Rotations::default(), environment).unwrap()
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
    desk.resolve(config, 1).await.unwrap().remove(0).place
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
async fn whether_the_keyring_answers_can_be_asked_before_there_is_an_account() {
    for (failure, status) in
        [(KeyError::Locked, KeyringStatus::Locked), (KeyError::Denied, KeyringStatus::Failing(KeyError::Denied))]
    {
        let desk = desk(Failing(failure));
        desk.knock().await.unwrap();
        assert_eq!(desk.keyring(), status);
    }
    let desk = desk(MemoryStore::new());
    desk.knock().await.unwrap();
    assert_eq!(desk.keyring(), KeyringStatus::Ready);
}

#[tokio::test]
async fn an_account_that_left_the_configuration_has_no_key_to_send() {
    let desk = desk(MemoryStore::new());
    desk.store(id(), canary()).await.unwrap();
    desk.resolve(&Config::default(), 1).await.unwrap();
    assert!(desk.key(&id()).is_none());
}

#[tokio::test]
async fn nothing_the_desk_says_holds_a_key() {
    for error in [KeyError::NoService, KeyError::Locked, KeyError::Denied, KeyError::Busy, KeyError::Other("it broke")]
    {
        let desk = desk(Failing(error));
        let stored = desk.store(id(), canary()).await;
        let found = desk.resolve(&config("openai", ""), 1).await;
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
    let desk = desk_with(MemoryStore::new(), Box::new(|_| None));
    let text = "[[account]]\nid = \"a\"\nservice = \"azure\"\nbase_url = \"https://x\"\n\
                credential = { command = [\"echo\", \"eyJ.a.b\"] }\n";
    let config: Config = toml_edit::de::from_str(text).unwrap();
    let places = desk.resolve(&config, 1).await.unwrap();
    let program = "echo".to_owned();
    assert_eq!(places[0].place, KeyPlace::FromCommand { program, problem: None, expires: None });
    let key = desk.key(&AccountId::from("a")).unwrap();
    assert_eq!(key.expose(), "eyJ.a.b");
    assert_eq!(config.accounts[0].shows_key_as(), crate::model::config::Service::Compatible, "as a bearer");
}

/// A keyring that outlives desks, as the system's does, and ends with the process after so many changes.
#[derive(Clone, Default)]
struct Shared {
    kept: Arc<Mutex<MemoryStore>>,
    changes_left: Option<Arc<AtomicUsize>>,
}

impl Shared {
    fn change(&self) -> Result<(), KeyError> {
        let Some(left) = &self.changes_left else { return Ok(()) };
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| KeyError::Locked)
    }
}

impl KeyStore for Shared {
    fn fetch(&mut self, account: &AccountId, slot: KeySlot) -> Result<Option<Secret>, KeyError> {
        self.kept.lock().unwrap().fetch(account, slot)
    }
    fn store(&mut self, account: &AccountId, slot: KeySlot, key: &Secret) -> Result<(), KeyError> {
        self.change()?;
        self.kept.lock().unwrap().store(account, slot, key)
    }
    fn remove(&mut self, account: &AccountId, slot: KeySlot) -> Result<(), KeyError> {
        self.change()?;
        self.kept.lock().unwrap().remove(account, slot)
    }
}

fn key(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn noting(store: Shared, folder: &std::path::Path) -> KeyDesk {
    let prints = Fingerprints::open(folder).unwrap();
    KeyDesk::start(Box::new(store), prints, Rotations::of(folder), Box::new(|_| None)).unwrap()
}

fn sent(desk: &KeyDesk) -> Option<String> {
    desk.key(&id()).map(|key| key.expose().to_owned())
}

#[tokio::test]
async fn a_switch_uses_the_next_key_and_keeps_the_one_before_for_ten_minutes_over_a_restart() {
    let (home, keyring) = (tempfile::tempdir().unwrap(), Shared::default());
    let (config, kept) = (config("openai", ""), rotation::KEPT_MS);
    let desk = noting(keyring.clone(), home.path());
    assert_eq!(desk.switch(id(), 1_000).await, Err(KeyError::NoneThere));
    desk.store(id(), key("old")).await.unwrap();
    desk.store_next(id(), key("new")).await.unwrap();
    assert_eq!(sent(&desk).as_deref(), Some("old"), "the next key is not sent yet");
    desk.switch(id(), 1_000).await.unwrap();
    assert_eq!(sent(&desk).as_deref(), Some("new"));
    drop(desk);
    let again = noting(keyring.clone(), home.path());
    let found = again.resolve(&config, 2_000).await.unwrap().remove(0).spares;
    assert_eq!(found.previous.map(|(_, until)| until), Some(1_000 + kept));
    assert_eq!((sent(&again).as_deref(), found.next), (Some("new"), None));
    assert_eq!(again.spare(&id()).map(|key| key.expose().to_owned()).as_deref(), Some("old"));
    let over = again.resolve(&config, 1_000 + kept).await.unwrap().remove(0).spares;
    assert_eq!((over, again.spare(&id()).is_none()), (Spares::default(), true));
    assert!(keyring.kept.lock().unwrap().fetch(&id(), KeySlot::Previous).unwrap().is_none(), "gone from the keyring");
    assert_eq!(again.switch_back(id()).await, Err(KeyError::NoneThere));
}

#[tokio::test]
async fn switching_back_restores_the_key_before_and_keeps_the_new_one_as_the_next() {
    let (home, keyring) = (tempfile::tempdir().unwrap(), Shared::default());
    let desk = noting(keyring.clone(), home.path());
    desk.store(id(), key("old")).await.unwrap();
    desk.store_next(id(), key("new")).await.unwrap();
    desk.switch(id(), 1_000).await.unwrap();
    desk.switch_back(id()).await.unwrap();
    let spares = desk.resolve(&config("openai", ""), 2_000).await.unwrap().remove(0).spares;
    assert_eq!((sent(&desk).as_deref(), spares.previous), (Some("old"), None));
    assert!(spares.next.is_some());
    desk.remove(id()).await.unwrap();
    for slot in [KeySlot::Current, KeySlot::Next, KeySlot::Previous] {
        assert!(keyring.kept.lock().unwrap().fetch(&id(), slot).unwrap().is_none(), "{slot:?}");
    }
}

#[tokio::test]
async fn a_switch_that_ends_anywhere_leaves_a_whole_key_in_use_and_can_be_done_again() {
    for steps in 0..4 {
        let (home, whole) = (tempfile::tempdir().unwrap(), Shared::default());
        whole.kept.lock().unwrap().store(&id(), KeySlot::Current, &key("old")).unwrap();
        whole.kept.lock().unwrap().store(&id(), KeySlot::Next, &key("new")).unwrap();
        let cut = Shared { changes_left: Some(Arc::new(AtomicUsize::new(steps))), ..whole.clone() };
        let ended = noting(cut, home.path()).switch(id(), 1_000).await;
        assert_eq!(ended.is_ok(), steps >= 3, "{steps}");
        let again = noting(whole.clone(), home.path());
        again.resolve(&config("openai", ""), 2_000).await.unwrap();
        assert!(matches!(sent(&again).as_deref(), Some("old" | "new")), "{steps}");
        // What a switch left that had done all but its last step is tidied up, and there is nothing more to switch to.
        let done = again.switch(id(), 3_000).await;
        assert!(done.is_ok() || done == Err(KeyError::NoneThere), "{steps}: {done:?}");
        assert_eq!(sent(&again).as_deref(), Some("new"), "{steps}");
        let spares = again.resolve(&config("openai", ""), 4_000).await.unwrap().remove(0).spares;
        assert!(spares.next.is_none() && spares.previous.is_some(), "{steps}: {spares:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_is_not_run_again_before_its_time_unless_its_token_was_refused() {
    let home = tempfile::tempdir().unwrap();
    let count = home.path().join("count");
    let line = format!("echo x >> {0}; wc -l < {0} | tr -d ' '", count.display());
    let config = config("azure", &format!("credential = {{ command = [\"sh\", \"-c\", \"{line}\"] }}"));
    let desk = desk(MemoryStore::new());
    let mut tokens = Vec::new();
    for now in [1_000, 2_000, 1_000 + USUAL * 1_000] {
        desk.resolve(&config, now).await.unwrap();
        tokens.push(sent(&desk).unwrap());
    }
    assert_eq!(tokens, ["1", "1", "2"]);
    desk.forget_token(&id());
    desk.resolve(&config, 1_000 + USUAL * 1_000).await.unwrap();
    assert_eq!(sent(&desk).as_deref(), Some("3"));
}

#[tokio::test]
async fn the_same_key_stays_the_same_value() {
    let desk = desk(MemoryStore::new());
    desk.store(id(), canary()).await.unwrap();
    let before = desk.key(&id()).unwrap();
    desk.resolve(&config("openai", ""), 1).await.unwrap();
    assert!(Arc::ptr_eq(&before, &desk.key(&id()).unwrap()));
}

/// A keyring that waits for the person before it says that it has nothing.
struct Waiting {
    asked: tokio::sync::mpsc::Sender<()>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl KeyStore for Waiting {
    fn fetch(&mut self, _: &AccountId, _: KeySlot) -> Result<Option<Secret>, KeyError> {
        self.asked.try_send(()).unwrap();
        // Whoever has gone lets it go on.
        let _ = self.go_on.recv();
        Ok(None)
    }
    fn store(&mut self, _: &AccountId, _: KeySlot, _: &Secret) -> Result<(), KeyError> {
        Ok(())
    }
    fn remove(&mut self, _: &AccountId, _: KeySlot) -> Result<(), KeyError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_key_can_be_held_while_the_keyring_keeps_everybody_waiting_and_outlives_its_answer() {
    let (asked, mut was_asked) = tokio::sync::mpsc::channel(4);
    let (release, go_on) = std::sync::mpsc::sync_channel::<()>(0);
    let desk = desk(Waiting { asked, go_on });
    let (asking, openai) = (desk.clone(), config("openai", ""));
    let resolved = tokio::spawn(async move { asking.resolve(&openai, 1).await.unwrap().remove(0).place });
    was_asked.recv().await.unwrap();
    assert!(desk.key(&id()).is_none());
    let held = desk.hold(&id(), canary()).unwrap();
    assert!(matches!(held, KeyPlace::InMemory { .. }));
    assert_eq!(desk.key(&id()).unwrap().expose(), CANARY, "it is sent at once");
    drop(release);
    assert_eq!(resolved.await.unwrap(), held, "the keyring's empty answer does not take it away");
    assert_eq!(desk.key(&id()).unwrap().expose(), CANARY);
}
