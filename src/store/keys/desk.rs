//! The one place that is asked for keys: a thread of its own, so that a keyring's prompt holds up nobody else.
//!
//! Invariant: no keyring call is made on a caller's thread, and no answer, error or state holds a key.
//! Absent on purpose: retries by itself; who asks again is answered anew.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::model::config::{Account, Config, Credential, Service, TokenSource, shown};
use crate::model::id::AccountId;
use crate::model::secret::Secret;

use super::{Fingerprints, KeyError, KeySlot, KeyStore, MemoryStore, Rotations, command};

/// Questions that may wait.
const QUEUE: usize = 64;

/// Whether there is a keyring, as of the last question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyringStatus {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answers.
    Ready,
    /// It waits for the person.
    Locked,
    /// None runs; keys are kept in memory until we quit.
    Missing {
        /// What to install or turn on.
        hint: String,
    },
    /// It answers with an error.
    Failing(KeyError),
}

/// Where an account's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// Simulated accounts have none.
    NotNeeded,
    /// None is stored.
    Absent,
    /// In the keyring.
    InKeyring {
        /// 8 hex digits.
        fingerprint: String,
    },
    /// In memory until we quit, since no keyring runs.
    InMemory {
        /// 8 hex digits.
        fingerprint: String,
    },
    /// In an environment variable.
    FromEnvironment {
        /// Its name.
        variable: String,
        /// Whether it holds something that can be a key.
        set: bool,
    },
    /// A program prints it.
    FromCommand {
        /// Its name.
        program: String,
        /// Why there is no new one. The one before works until its end.
        problem: Option<String>,
        /// When it ends, in seconds of the Unix epoch, if the program told.
        expires: Option<u64>,
    },
    /// The keyring could not say. A key that was read before still works.
    Unreadable(KeyError),
}

/// One account's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whose.
    pub account: AccountId,
    /// Where it is.
    pub place: KeyPlace,
    /// What there is besides.
    pub spares: Spares,
}

/// An account's keys besides the one that is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spares {
    /// The fingerprint of the one that is to follow.
    pub next: Option<String>,
    /// The fingerprint of the one before, and until when it is kept, in Unix milliseconds.
    pub previous: Option<(String, u64)>,
    /// The variable that a second one comes from, and whether it holds one.
    pub second: Option<(String, bool)>,
}

/// Reads an environment variable as a key; [`crate::store::environment::secret`] is meant.
pub type Environment = Box<dyn Fn(&str) -> Option<Secret> + Send>;

/// Keys in memory, which can be given while the thread waits for a keyring.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<MemoryStore>>);

impl Shelf {
    fn lock(&self) -> std::sync::MutexGuard<'_, MemoryStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for Shelf {
    fn fetch(&mut self, account: &AccountId, slot: KeySlot) -> Result<Option<Secret>, KeyError> {
        self.lock().fetch(account, slot)
    }

    fn store(&mut self, account: &AccountId, slot: KeySlot, key: &Secret) -> Result<(), KeyError> {
        self.lock().store(account, slot, key)
    }

    fn remove(&mut self, account: &AccountId, slot: KeySlot) -> Result<(), KeyError> {
        self.lock().remove(account, slot)
    }
}

type Keys = Arc<Mutex<BTreeMap<(AccountId, KeySlot), Arc<Secret>>>>;

/// An account whose keys are wanted; simulated ones have none.
struct Wanted {
    account: AccountId,
    credential: Option<Credential>,
    second: Option<TokenSource>,
}

enum Job {
    Resolve(Vec<Wanted>, u64, oneshot::Sender<Vec<Answer>>),
    Store(AccountId, KeySlot, Secret, oneshot::Sender<Result<KeyPlace, KeyError>>),
    Remove(AccountId, oneshot::Sender<Result<(), KeyError>>),
    Switch(AccountId, u64, oneshot::Sender<Result<(), KeyError>>),
    SwitchBack(AccountId, oneshot::Sender<Result<(), KeyError>>),
    RemoveNext(AccountId, oneshot::Sender<Result<(), KeyError>>),
    Renew(AccountId),
    Knock(oneshot::Sender<()>),
    Lend(AccountId, Credential, oneshot::Sender<Result<Secret, String>>),
}

/// Asks the thread. Cheap to clone; the thread ends after the last clone.
#[derive(Clone)]
pub struct KeyDesk {
    jobs: SyncSender<Job>,
    keys: Keys,
    memory: Shelf,
    prints: Arc<Fingerprints>,
    keyring: Arc<Mutex<KeyringStatus>>,
}

/// A token is renewed so many seconds before its end.
const AHEAD: u64 = 300;
/// A program that told no end is asked again after so many seconds.
const USUAL: u64 = 900;
/// A program is not run more often than once in so many seconds.
const SOONEST: u64 = 60;

impl KeyPlace {
    /// In how many seconds it must be asked for again; `None` if it need not. `now` is in seconds of the Unix epoch.
    #[must_use]
    pub fn renew_in(&self, now: u64) -> Option<u64> {
        match self {
            Self::FromCommand { problem: Some(_), .. } => Some(SOONEST),
            Self::FromCommand { expires, .. } => {
                let left = expires.map_or(USUAL, |expires| expires.saturating_sub(now).saturating_sub(AHEAD));
                Some(left.max(SOONEST))
            }
            _ => None,
        }
    }
}

impl KeyDesk {
    /// Starts the thread `keys`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        store: Box<dyn KeyStore>,
        prints: Fingerprints,
        rotations: Rotations,
        environment: Environment,
    ) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(QUEUE);
        let (keys, memory, prints) = (Keys::default(), Shelf::default(), Arc::new(prints));
        let keyring = Arc::default();
        let clerk = Clerk {
            store,
            memory: memory.clone(),
            prints: Arc::clone(&prints),
            rotations,
            tokens: BTreeMap::new(),
            environment,
            variables: BTreeMap::new(),
            keys: Arc::clone(&keys),
            keyring: Arc::clone(&keyring),
        };
        thread::Builder::new().name("keys".to_owned()).spawn(move || clerk.work(&inbox))?;
        Ok(Self { jobs, keys, memory, prints, keyring })
    }

    /// The key to send for an account, if it was resolved. Never blocks on the keyring.
    #[must_use]
    pub fn key(&self, account: &AccountId) -> Option<Arc<Secret>> {
        self.in_slot(account, KeySlot::Current)
    }

    /// The key of a slot, if it was resolved. Never blocks on the keyring.
    #[must_use]
    pub fn in_slot(&self, account: &AccountId, slot: KeySlot) -> Option<Arc<Secret>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&(account.clone(), slot)).map(Arc::clone)
    }

    /// The key that takes over when the one that is sent is refused: what is to follow it, else what was before it.
    #[must_use]
    pub fn spare(&self, account: &AccountId) -> Option<Arc<Secret>> {
        self.in_slot(account, KeySlot::Next).or_else(|| self.in_slot(account, KeySlot::Previous))
    }

    /// By which another run tells whether a key is the same.
    #[must_use]
    pub fn mark(&self, key: &Secret) -> u64 {
        self.prints.mark(key)
    }

    /// Whether there is a keyring, as of the last question.
    #[must_use]
    pub fn keyring(&self) -> KeyringStatus {
        self.keyring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks up the keys of every account, in configuration order, and makes those found available to [`Self::key`]. Keys
    /// before that have had their time are removed. May take as long as a person needs to unlock a keyring.
    ///
    /// # Errors
    /// [`KeyError::Busy`].
    pub async fn resolve(&self, config: &Config, now_wall_ms: u64) -> Result<Vec<Answer>, KeyError> {
        let wanted = config.accounts.iter().map(|account| {
            let credential = (account.service != Service::Simulated).then(|| account.credential.clone());
            Wanted { account: account.id.clone(), credential, second: account.second_key.clone() }
        });
        let wanted = wanted.collect();
        self.ask(|reply| Job::Resolve(wanted, now_wall_ms, reply)).await
    }

    /// Asks the keyring whether it answers, without a key in mind; [`Self::keyring`] tells.
    ///
    /// # Errors
    /// [`KeyError::Busy`].
    pub async fn knock(&self) -> Result<(), KeyError> {
        self.ask(Job::Knock).await
    }

    /// Keeps a key: in the keyring, or in memory if none runs.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn store(&self, account: AccountId, key: Secret) -> Result<KeyPlace, KeyError> {
        self.ask(|reply| Job::Store(account, KeySlot::Current, key, reply)).await?
    }

    /// Keeps a key in memory until we quit, at once and without the keyring, whatever that is doing.
    ///
    /// # Errors
    /// Nothing was kept.
    pub fn hold(&self, account: &AccountId, key: Secret) -> Result<KeyPlace, KeyError> {
        self.memory.clone().store(account, KeySlot::Current, &key)?;
        let fingerprint = self.prints.of(&key);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert((account.clone(), KeySlot::Current), Arc::new(key));
        Ok(KeyPlace::InMemory { fingerprint })
    }

    /// Keeps the key that is to follow the one in use, which goes on being sent.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn store_next(&self, account: AccountId, key: Secret) -> Result<KeyPlace, KeyError> {
        self.ask(|reply| Job::Store(account, KeySlot::Next, key, reply)).await?
    }

    /// Forgets the key that was to follow.
    ///
    /// # Errors
    /// It may still be in the keyring; it is not sent.
    pub async fn remove_next(&self, account: AccountId) -> Result<(), KeyError> {
        self.ask(|reply| Job::RemoveNext(account, reply)).await?
    }

    /// The next key takes over; the one before is kept for ten minutes.
    ///
    /// # Errors
    /// What was in use is in use, or both keys are kept; trying again goes on where it stopped.
    pub async fn switch(&self, account: AccountId, now_wall_ms: u64) -> Result<(), KeyError> {
        self.ask(|reply| Job::Switch(account, now_wall_ms, reply)).await?
    }

    /// The key before is used again; the one that had taken over is the next one again.
    ///
    /// # Errors
    /// As for [`Self::switch`].
    pub async fn switch_back(&self, account: AccountId) -> Result<(), KeyError> {
        self.ask(|reply| Job::SwitchBack(account, reply)).await?
    }

    /// The token of this account's command was refused: the program is run again with the next look-up, whenever its token
    /// was to end.
    pub fn forget_token(&self, account: &AccountId) {
        // A desk too busy to hear it renews in time anyway.
        let _ = self.jobs.try_send(Job::Renew(account.clone()));
    }

    /// The key of an account that need not be applied, for one test. What is sent for accounts that run stays as it is.
    ///
    /// # Errors
    /// Why there is none, in words for the person.
    pub async fn lend(&self, account: &Account) -> Result<Secret, String> {
        let (id, credential) = (account.id.clone(), account.credential.clone());
        self.ask(|reply| Job::Lend(id, credential, reply)).await.map_err(|error| format!("{error}."))?
    }

    /// Forgets a key, wherever it is kept. Environment variables stay.
    ///
    /// # Errors
    /// It may still be in the keyring; it is no longer sent.
    pub async fn remove(&self, account: AccountId) -> Result<(), KeyError> {
        self.ask(|reply| Job::Remove(account, reply)).await?
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, KeyError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => KeyError::Busy,
            TrySendError::Disconnected(_) => KeyError::Other("its thread ended"),
        })?;
        answer.await.map_err(|_| KeyError::Other("its thread ended"))
    }
}

pub(super) struct Clerk {
    store: Box<dyn KeyStore>,
    memory: Shelf,
    prints: Arc<Fingerprints>,
    pub(super) rotations: Rotations,
    /// What commands printed, with the words that were run, until it must be asked for again (seconds of the Unix epoch).
    tokens: BTreeMap<AccountId, (Vec<String>, KeyPlace, u64)>,
    environment: Environment,
    variables: BTreeMap<String, Arc<Secret>>,
    keys: Keys,
    keyring: Arc<Mutex<KeyringStatus>>,
}

impl Clerk {
    /// Whoever no longer waits for an answer gets none; the work is done all the same.
    fn work(mut self, inbox: &Receiver<Job>) {
        while let Ok(job) = inbox.recv() {
            match job {
                Job::Resolve(wanted, now, reply) => drop(reply.send(self.resolve(wanted, now))),
                Job::Store(account, slot, key, reply) => drop(reply.send(self.keep(&account, slot, key))),
                Job::Remove(account, reply) => drop(reply.send(self.remove_all(&account))),
                Job::Switch(account, now, reply) => drop(reply.send(self.switch(&account, now))),
                Job::SwitchBack(account, reply) => drop(reply.send(self.switch_back(&account))),
                Job::RemoveNext(account, reply) => drop(reply.send(self.remove(&account, KeySlot::Next))),
                Job::Renew(account) => drop(self.tokens.remove(&account)),
                Job::Lend(account, credential, reply) => drop(reply.send(self.lend(&account, &credential))),
                // The name of no account: there is nothing to find, but whether one can look is known then.
                Job::Knock(reply) => {
                    drop(self.fetch(&AccountId::from(""), KeySlot::Current));
                    let _ = reply.send(());
                }
            }
        }
    }

    fn resolve(&mut self, wanted: Vec<Wanted>, now_wall_ms: u64) -> Vec<Answer> {
        let known = |id: &AccountId| wanted.iter().any(|wanted| wanted.account == *id && wanted.credential.is_some());
        self.lock_keys().retain(|(account, _), _| known(account));
        self.tokens.retain(|account, _| known(account));
        self.end_rotations(now_wall_ms);
        wanted.into_iter().map(|wanted| self.look(wanted, now_wall_ms / 1_000)).collect()
    }

    fn look(&mut self, wanted: Wanted, now: u64) -> Answer {
        let account = wanted.account;
        let mut spares = Spares::default();
        let place = match wanted.credential {
            None => KeyPlace::NotNeeded,
            Some(Credential::Keyring(_)) => {
                let place = self.look_up(&account);
                if matches!(place, KeyPlace::InKeyring { .. } | KeyPlace::InMemory { .. }) {
                    spares = self.spares(&account);
                }
                place
            }
            Some(Credential::Env(variable)) => self.read_variable(&account, KeySlot::Current, variable),
            Some(Credential::Command(words)) => self.token(&account, words, now),
        };
        if let Some(TokenSource { env }) = wanted.second
            && let KeyPlace::FromEnvironment { variable, set } = self.read_variable(&account, KeySlot::Next, env)
        {
            spares.second = Some((variable, set));
        }
        Answer { account, place, spares }
    }

    fn look_up(&mut self, account: &AccountId) -> KeyPlace {
        let found = self.fetch(account, KeySlot::Current);
        let in_memory = self.memory.fetch(account, KeySlot::Current).is_ok_and(|key| key.is_some());
        match found {
            Ok(Some(key)) => {
                let fingerprint = self.offer(account, KeySlot::Current, key);
                if in_memory { KeyPlace::InMemory { fingerprint } } else { KeyPlace::InKeyring { fingerprint } }
            }
            Ok(None) => {
                self.take_away(account, KeySlot::Current);
                KeyPlace::Absent
            }
            Err(KeyError::NoService) if !self.lock_keys().contains_key(&(account.clone(), KeySlot::Current)) => {
                KeyPlace::Absent
            }
            Err(error) => KeyPlace::Unreadable(error),
        }
    }

    fn lend(&mut self, account: &AccountId, credential: &Credential) -> Result<Secret, String> {
        match credential {
            Credential::Keyring(_) => match self.fetch(account, KeySlot::Current) {
                Ok(found) => {
                    found.ok_or_else(|| format!("No key is stored for {account} yet. Add one, then test again."))
                }
                Err(error) => Err(format!("The keyring gives no key for {account}: {error}.")),
            },
            Credential::Env(variable) => (self.environment)(variable).ok_or_else(|| {
                format!("${} is not set where Tidegate was started. Set it there and start again.", shown(variable))
            }),
            Credential::Command(words) => {
                command::run(words).map(|token| token.secret).map_err(|problem| format!("No token: {problem}."))
            }
        }
    }

    /// A variable cannot change under a running process; what was read once is kept.
    fn read_variable(&mut self, account: &AccountId, slot: KeySlot, variable: String) -> KeyPlace {
        if !self.variables.contains_key(&variable)
            && let Some(key) = (self.environment)(&variable)
        {
            self.variables.insert(variable.clone(), Arc::new(key));
        }
        let key = self.variables.get(&variable).map(Arc::clone);
        let set = key.is_some();
        match key {
            Some(key) => drop(self.offer_shared(account, slot, key)),
            None => self.take_away(account, slot),
        }
        KeyPlace::FromEnvironment { variable, set }
    }

    /// What the program printed last, until it must be run again. A token that was not renewed is kept: the service says when
    /// it ends.
    fn token(&mut self, account: &AccountId, words: Vec<String>, now: u64) -> KeyPlace {
        if let Some((known, place, until)) = self.tokens.get(account)
            && *known == words
            && now < *until
        {
            return place.clone();
        }
        let place = self.run(account, &words);
        let until = now.saturating_add(place.renew_in(now).unwrap_or(0));
        self.tokens.insert(account.clone(), (words, place.clone(), until));
        place
    }

    fn run(&self, account: &AccountId, words: &[String]) -> KeyPlace {
        let program = words.first().cloned().unwrap_or_default();
        match command::run(words) {
            Ok(token) => {
                drop(self.offer(account, KeySlot::Current, token.secret));
                KeyPlace::FromCommand { program, problem: None, expires: token.expires }
            }
            Err(problem) => {
                tracing::warn!(account = %account, %problem, "a token was not renewed");
                KeyPlace::FromCommand { program, problem: Some(problem.to_string()), expires: None }
            }
        }
    }

    /// The key of a slot, wherever it is kept.
    pub(super) fn fetch(&mut self, account: &AccountId, slot: KeySlot) -> Result<Option<Secret>, KeyError> {
        if let Ok(Some(key)) = self.memory.fetch(account, slot) {
            return Ok(Some(key));
        }
        let found = self.store.fetch(account, slot);
        self.note(found.as_ref().err().copied());
        // One that was given while the keyring kept us waiting is the newer one.
        match self.memory.fetch(account, slot) {
            Ok(Some(key)) => Ok(Some(key)),
            _ => found,
        }
    }

    /// Keeps a key: in the keyring, or in memory if none runs. A next key alone is not sent.
    pub(super) fn keep(&mut self, account: &AccountId, slot: KeySlot, key: Secret) -> Result<KeyPlace, KeyError> {
        let kept = self.store.store(account, slot, &key);
        self.note(kept.err());
        match kept {
            Ok(()) => {
                self.memory.remove(account, slot)?;
                Ok(KeyPlace::InKeyring { fingerprint: self.offer(account, slot, key) })
            }
            Err(KeyError::NoService) => {
                self.memory.store(account, slot, &key)?;
                Ok(KeyPlace::InMemory { fingerprint: self.offer(account, slot, key) })
            }
            Err(error) => Err(error),
        }
    }

    fn remove_all(&mut self, account: &AccountId) -> Result<(), KeyError> {
        for slot in [KeySlot::Current, KeySlot::Next, KeySlot::Previous] {
            self.remove(account, slot)?;
        }
        self.rotations.end(account);
        Ok(())
    }

    pub(super) fn remove(&mut self, account: &AccountId, slot: KeySlot) -> Result<(), KeyError> {
        self.take_away(account, slot);
        self.memory.remove(account, slot)?;
        let removed = self.store.remove(account, slot);
        self.note(removed.err());
        match removed {
            Err(KeyError::NoService) => Ok(()),
            other => other,
        }
    }

    /// Makes a key available to requests and returns its fingerprint.
    pub(super) fn offer(&self, account: &AccountId, slot: KeySlot, key: Secret) -> String {
        self.offer_shared(account, slot, Arc::new(key))
    }

    /// The same key stays the same value, so that who holds it sees that nothing changed.
    fn offer_shared(&self, account: &AccountId, slot: KeySlot, key: Arc<Secret>) -> String {
        let fingerprint = self.prints.of(&key);
        let mut keys = self.lock_keys();
        let place = (account.clone(), slot);
        if keys.get(&place).is_none_or(|known| known.expose() != key.expose()) {
            keys.insert(place, key);
        }
        fingerprint
    }

    /// Nobody is to send this key any more.
    pub(super) fn take_away(&self, account: &AccountId, slot: KeySlot) {
        self.lock_keys().remove(&(account.clone(), slot));
    }

    fn note(&self, failure: Option<KeyError>) {
        let status = match failure {
            None => KeyringStatus::Ready,
            Some(KeyError::NoService) => KeyringStatus::Missing {
                hint: hint(&std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default()).to_owned(),
            },
            Some(KeyError::Locked) => KeyringStatus::Locked,
            Some(error) => KeyringStatus::Failing(error),
        };
        *self.keyring.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn lock_keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<(AccountId, KeySlot), Arc<Secret>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about a missing keyring, by desktop; words after "To keep them,".
fn hint(desktop: &str) -> &'static str {
    let desktop = desktop.to_ascii_lowercase();
    if desktop.contains("kde") {
        "turn on the Secret Service in KWallet's settings"
    } else if ["gnome", "unity", "cinnamon", "mate", "xfce"].iter().any(|name| desktop.contains(name)) {
        "install the package gnome-keyring and sign in again"
    } else {
        "install gnome-keyring or enable KWallet's Secret Service"
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
