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

use crate::model::config::{Config, Credential, Service};
use crate::model::id::AccountId;
use crate::model::secret::Secret;

use super::{Fingerprints, KeyError, KeyStore, MemoryStore, command};

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
}

/// Reads an environment variable as a key; [`crate::store::environment::secret`] is meant.
pub type Environment = Box<dyn Fn(&str) -> Option<Secret> + Send>;

type Keys = Arc<Mutex<BTreeMap<AccountId, Arc<Secret>>>>;
type Wanted = (AccountId, Option<Credential>);

enum Job {
    Resolve(Vec<Wanted>, oneshot::Sender<Vec<Answer>>),
    Store(AccountId, Secret, oneshot::Sender<Result<KeyPlace, KeyError>>),
    Remove(AccountId, oneshot::Sender<Result<(), KeyError>>),
}

/// Asks the thread. Cheap to clone; the thread ends after the last clone.
#[derive(Clone)]
pub struct KeyDesk {
    jobs: SyncSender<Job>,
    keys: Keys,
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
    pub fn start(store: Box<dyn KeyStore>, prints: Fingerprints, environment: Environment) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(QUEUE);
        let keys = Keys::default();
        let keyring = Arc::default();
        let clerk = Clerk {
            store,
            memory: MemoryStore::new(),
            prints,
            environment,
            variables: BTreeMap::new(),
            keys: Arc::clone(&keys),
            keyring: Arc::clone(&keyring),
        };
        thread::Builder::new().name("keys".to_owned()).spawn(move || clerk.work(&inbox))?;
        Ok(Self { jobs, keys, keyring })
    }

    /// The key to send for an account, if it was resolved. Never blocks on the keyring.
    #[must_use]
    pub fn key(&self, account: &AccountId) -> Option<Arc<Secret>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(account).map(Arc::clone)
    }

    /// Whether there is a keyring, as of the last question.
    #[must_use]
    pub fn keyring(&self) -> KeyringStatus {
        self.keyring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks up the key of every account, in configuration order, and makes those found available to [`Self::key`]. May
    /// take as long as a person needs to unlock a keyring.
    ///
    /// # Errors
    /// [`KeyError::Busy`].
    pub async fn resolve(&self, config: &Config) -> Result<Vec<Answer>, KeyError> {
        let wanted = config.accounts.iter().map(|account| {
            let credential = (account.service != Service::Simulated).then(|| account.credential.clone());
            (account.id.clone(), credential)
        });
        let wanted = wanted.collect();
        self.ask(|reply| Job::Resolve(wanted, reply)).await
    }

    /// Keeps a key: in the keyring, or in memory if none runs.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn store(&self, account: AccountId, key: Secret) -> Result<KeyPlace, KeyError> {
        self.ask(|reply| Job::Store(account, key, reply)).await?
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

struct Clerk {
    store: Box<dyn KeyStore>,
    memory: MemoryStore,
    prints: Fingerprints,
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
                Job::Resolve(wanted, reply) => drop(reply.send(self.resolve(wanted))),
                Job::Store(account, key, reply) => drop(reply.send(self.keep(&account, key))),
                Job::Remove(account, reply) => drop(reply.send(self.remove(&account))),
            }
        }
    }

    fn resolve(&mut self, wanted: Vec<Wanted>) -> Vec<Answer> {
        self.lock_keys()
            .retain(|account, _| wanted.iter().any(|(id, credential)| id == account && credential.is_some()));
        let look = |(account, credential): Wanted| {
            let place = match credential {
                None => KeyPlace::NotNeeded,
                Some(Credential::Keyring(_)) => self.look_up(&account),
                Some(Credential::Env(variable)) => self.read_variable(&account, variable),
                Some(Credential::Command(words)) => self.run(&account, &words),
            };
            Answer { account, place }
        };
        wanted.into_iter().map(look).collect()
    }

    fn look_up(&mut self, account: &AccountId) -> KeyPlace {
        if let Ok(Some(key)) = self.memory.fetch(account) {
            return KeyPlace::InMemory { fingerprint: self.offer(account, Arc::new(key)) };
        }
        let found = self.store.fetch(account);
        self.note(found.as_ref().err().copied());
        match found {
            Ok(Some(key)) => KeyPlace::InKeyring { fingerprint: self.offer(account, Arc::new(key)) },
            Ok(None) => {
                self.lock_keys().remove(account);
                KeyPlace::Absent
            }
            Err(KeyError::NoService) if !self.lock_keys().contains_key(account) => KeyPlace::Absent,
            Err(error) => KeyPlace::Unreadable(error),
        }
    }

    /// A variable cannot change under a running process; what was read once is kept.
    fn read_variable(&mut self, account: &AccountId, variable: String) -> KeyPlace {
        if !self.variables.contains_key(&variable)
            && let Some(key) = (self.environment)(&variable)
        {
            self.variables.insert(variable.clone(), Arc::new(key));
        }
        let key = self.variables.get(&variable).map(Arc::clone);
        let set = key.is_some();
        match key {
            Some(key) => drop(self.offer(account, key)),
            None => drop(self.lock_keys().remove(account)),
        }
        KeyPlace::FromEnvironment { variable, set }
    }

    /// A token that was not renewed is kept: the service says when it ends.
    fn run(&self, account: &AccountId, words: &[String]) -> KeyPlace {
        let program = words.first().cloned().unwrap_or_default();
        match command::run(words) {
            Ok(token) => {
                drop(self.offer(account, Arc::new(token.secret)));
                KeyPlace::FromCommand { program, problem: None, expires: token.expires }
            }
            Err(problem) => {
                tracing::warn!(account = %account, %problem, "a token was not renewed");
                KeyPlace::FromCommand { program, problem: Some(problem.to_string()), expires: None }
            }
        }
    }

    fn keep(&mut self, account: &AccountId, key: Secret) -> Result<KeyPlace, KeyError> {
        let kept = self.store.store(account, &key);
        self.note(kept.err());
        match kept {
            Ok(()) => {
                self.memory.remove(account)?;
                Ok(KeyPlace::InKeyring { fingerprint: self.offer(account, Arc::new(key)) })
            }
            Err(KeyError::NoService) => {
                self.memory.store(account, &key)?;
                Ok(KeyPlace::InMemory { fingerprint: self.offer(account, Arc::new(key)) })
            }
            Err(error) => Err(error),
        }
    }

    fn remove(&mut self, account: &AccountId) -> Result<(), KeyError> {
        self.lock_keys().remove(account);
        self.memory.remove(account)?;
        let removed = self.store.remove(account);
        self.note(removed.err());
        match removed {
            Err(KeyError::NoService) => Ok(()),
            other => other,
        }
    }

    /// Makes a key available to requests and returns its fingerprint.
    fn offer(&self, account: &AccountId, key: Arc<Secret>) -> String {
        let fingerprint = self.prints.of(&key);
        self.lock_keys().insert(account.clone(), key);
        fingerprint
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

    fn lock_keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<AccountId, Arc<Secret>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about a missing keyring, by desktop.
fn hint(desktop: &str) -> &'static str {
    let desktop = desktop.to_ascii_lowercase();
    if desktop.contains("kde") {
        "Turn on the Secret Service in KWallet's settings."
    } else if ["gnome", "unity", "cinnamon", "mate", "xfce"].iter().any(|name| desktop.contains(name)) {
        "Install the package gnome-keyring and sign in again."
    } else {
        "Install gnome-keyring, or turn on KWallet's Secret Service."
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
