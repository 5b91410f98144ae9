//! Keeps what must outlive a restart: which account holds what, so that conversations go on, who was told to wait, and which
//! limits refusals taught and headers named.
//!
//! Invariant: a thread of its own writes; neither requests nor the screen wait for the disk.
//! Absent on purpose: what is kept and how it reads (`store::owners`, `store::rests`, `store::lessons`).

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::lesson_watch::LessonWatch;
use super::rest_watch::RestWatch;
use crate::engine::Engine;
use crate::model::config::Config;
use crate::model::id::AccountId;
use crate::model::lesson::Lesson;
use crate::model::outcome::ThrottleKind;
use crate::model::ownership::Place;
use crate::model::status::{Rest, RestCause};
use crate::model::units::Timestamp;
use crate::policy::Input;
use crate::store::lessons::LessonsFile;
use crate::store::owners::{Owned, OwnersFile};
use crate::store::paths::Paths;
use crate::store::rank;
use crate::store::rests::RestsFile;

/// How often what was learned is written.
const PACE: Duration = Duration::from_secs(2);
/// How often it is looked whether who rests is to be written.
const REST_PACE: Duration = Duration::from_secs(1);
/// Owners that could not be written and are tried again; of more, the oldest are forgotten.
const UNWRITTEN: usize = 65_536;
/// How often what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// Batches that may wait for the disk; more wait here, in one.
const BATCHES: usize = 2;
/// The brain is told this many at once, so that no request waits long for its lock.
const AT_ONCE: usize = 1_024;

/// Rests that end with another key.
const OF_KEYS: [RestCause; 4] = [
    RestCause::Throttled(ThrottleKind::OutOfCredit),
    RestCause::Throttled(ThrottleKind::ProjectLimit),
    RestCause::KeyRejected,
    RestCause::Blocked,
];

/// What is handed to the writer.
#[derive(Default)]
struct News {
    owned: Vec<Owned>,
    /// Everyone who rests, if that changed.
    rests: Option<Vec<Rest>>,
    /// Everything that refusals taught and headers named, if that changed.
    lessons: Option<Vec<Lesson>>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.owned.is_empty() && self.rests.is_none() && self.lessons.is_none()
    }

    /// Puts later news behind these; a later word takes the place of an earlier one.
    fn add(&mut self, mut later: Self) {
        self.owned.append(&mut later.owned);
        let beyond = self.owned.len().saturating_sub(UNWRITTEN);
        self.owned.drain(..beyond);
        self.rests = later.rests.or(self.rests.take());
        self.lessons = later.lessons.or(self.lessons.take());
    }
}

/// The keeper of one profile.
#[derive(Default)]
pub(super) struct Keeper {
    writer: Option<(SyncSender<News>, JoinHandle<()>)>,
    pending: News,
    watch: RestWatch,
    taught: LessonWatch,
    /// Who rests since before the start for the sake of its key: refused, blocked, without credit. The brain hears of each after
    /// its key, since it takes the first word of a key for a new one, and only if it is the same key at the same address.
    of_keys: Vec<Rest>,
    looked: Timestamp,
    learned: Timestamp,
}

impl Keeper {
    /// Tells the brain what is remembered, and stands ready to write.
    pub(super) fn open(paths: &Paths, engine: &Engine) -> Self {
        let (owners, remembered) = OwnersFile::load(&paths.data_dir);
        tell(engine, &remembered);
        let file = RestsFile::of(&paths.state_dir);
        let rests = file.left(engine.clock().now());
        let watch = RestWatch::of(rests.clone());
        let (of_keys, rests) = rests.into_iter().partition(|rest| OF_KEYS.contains(&rest.cause));
        engine.tell(Input::Resting(rests));
        let lessons = LessonsFile::of(&paths.state_dir);
        engine.tell(Input::Learned(lessons.read()));
        let (sender, inbox) = sync_channel(BATCHES);
        let thread =
            std::thread::Builder::new().name("keeper".to_owned()).spawn(move || write(owners, &file, &lessons, &inbox));
        let writer = thread.inspect_err(|error| tracing::warn!(%error, "what was learned is forgotten by a restart"));
        Self { writer: writer.ok().map(|thread| (sender, thread)), watch, of_keys, ..Self::default() }
    }

    /// The brain knows that this account has a key, however late it was found.
    pub(super) fn key_is_told(&mut self, engine: &Engine, config: &Config, account: &AccountId, place: &Place) {
        let is_its = |rest: &Rest| config.endpoint(&rest.endpoint).is_some_and(|endpoint| endpoint.account == *account);
        let (its, others) = std::mem::take(&mut self.of_keys).into_iter().partition(is_its);
        self.of_keys = others;
        let same = |rest: &Rest| rest.mark == 0 || rest.mark == place.mark();
        let its: Vec<Rest> = Vec::into_iter(its).filter(same).collect();
        if !its.is_empty() {
            engine.tell(Input::Resting(its));
        }
    }

    /// Hands what is new to the writer: who rests and what was learned, each every now and then.
    pub(super) fn keep(&mut self, now: Timestamp, engine: &Engine) {
        if now.since(self.looked) >= REST_PACE {
            self.looked = now;
            self.look(now, engine);
            if let Some(lessons) = self.taught.news(now, engine.lessons()) {
                self.pending.lessons = Some(lessons);
            }
        }
        if now.since(self.learned) >= PACE {
            self.learned = now;
            self.pending.owned.append(&mut engine.take_fresh_owners());
        }
        self.hand_over();
    }

    /// An attempt failed: whoever rests for long from now on is handed to the writer at once, not at the next look, since a process
    /// may be killed at any moment.
    pub(super) fn heed(&mut self, now: Timestamp, engine: &Engine) {
        self.look(now, engine);
        self.hand_over();
    }

    /// Whether who rests is to be written now.
    fn look(&mut self, now: Timestamp, engine: &Engine) {
        let rests = self.rests(engine);
        if let Some(rests) = self.watch.news(now, &rests) {
            self.pending.rests = Some(rests);
        }
    }

    fn hand_over(&mut self) {
        let Some((sender, _)) = &self.writer else { return };
        if self.pending.is_empty() {
            return;
        }
        match sender.try_send(std::mem::take(&mut self.pending)) {
            Err(TrySendError::Full(pending)) => self.pending = pending,
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Writes the rest and ends.
    pub(super) fn close(&mut self, engine: &Engine) {
        let Some((sender, thread)) = self.writer.take() else { return };
        self.pending.owned.append(&mut engine.take_fresh_owners());
        self.pending.rests = Some(self.rests(engine));
        self.pending.lessons = Some(engine.lessons());
        // A writer that is gone has said why.
        let _ = sender.send(std::mem::take(&mut self.pending));
        drop(sender);
        if thread.join().is_err() {
            tracing::error!("the thread that remembers stored state ended by a panic");
        }
    }

    /// Everyone who rests, those included whom the brain has not heard of yet.
    fn rests(&self, engine: &Engine) -> Vec<Rest> {
        let mut rests = engine.rests();
        rests.extend_from_slice(&self.of_keys);
        rests
    }
}

fn tell(engine: &Engine, remembered: &[Owned]) {
    for some in remembered.chunks(AT_ONCE) {
        engine.tell(Input::Remembered(some.to_vec()));
    }
}

/// Writes what comes, until nobody hands anything over any more. What could not be written stays at hand and is tried again: a disk
/// that was full has room some day. Of each kind the first failure of a row is told, and its end.
fn write(mut owners: OwnersFile, file: &RestsFile, taught: &LessonsFile, inbox: &Receiver<News>) {
    rank::stand_back();
    let mut complaints = [Complaint::default(); 3];
    let mut left = News::default();
    loop {
        let news = if left.is_empty() {
            inbox.recv().ok()
        } else {
            match inbox.recv_timeout(AGAIN) {
                Ok(news) => Some(news),
                Err(RecvTimeoutError::Timeout) => Some(News::default()),
                Err(RecvTimeoutError::Disconnected) => None,
            }
        };
        let Some(news) = news else { return };
        left.add(news);
        let [of_owners, of_rests, of_lessons] = &mut complaints;
        if !left.owned.is_empty() && of_owners.hear(owners.append(&left.owned), OWNERS_LOST) {
            left.owned.clear();
        }
        if let Some(rests) = left.rests.take()
            && !of_rests.hear(file.keep(&rests), RESTS_LOST)
        {
            left.rests = Some(rests);
        }
        if let Some(lessons) = left.lessons.take()
            && !of_lessons.hear(taught.keep(&lessons), LESSONS_LOST)
        {
            left.lessons = Some(lessons);
        }
    }
}

const OWNERS_LOST: &str = "which account holds what cannot be written for now, so some conversations may not go on after a restart; it is tried again";
const RESTS_LOST: &str =
    "who was told to wait cannot be written for now, so a restart may ask them too early; it is tried again";
const LESSONS_LOST: &str =
    "what 429s taught of limits cannot be written for now, so a restart may meet them again; it is tried again";

/// Whether a file could not be written lately.
#[derive(Clone, Copy, Default)]
struct Complaint(bool);

impl Complaint {
    /// How it went this time; says so if that is new. Whether it was written.
    fn hear(&mut self, outcome: std::io::Result<()>, lost: &str) -> bool {
        match (outcome, self.0) {
            (Err(error), false) => tracing::warn!(%error, "{lost}"),
            (Err(_), true) => return false,
            (Ok(()), true) => tracing::warn!("what could not be written before is written now"),
            (Ok(()), false) => return true,
        }
        self.0 = !self.0;
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::checked::CheckedConfig;
    use crate::model::id::EndpointId;
    use crate::model::lesson::Taught;
    use crate::model::status::Health;

    const TEXT: &str = "[[account]]\nid = \"a\"\nservice = \"openai\"\nbase_url = \"https://a.example/v1\"\n[[endpoint]]\nid = \"e\"\naccount = \"a\"\nmodel = \"m\"\n";

    fn engine() -> (Arc<Engine>, Arc<Config>) {
        let config: Arc<Config> = Arc::new(toml_edit::de::from_str(TEXT).unwrap());
        (Engine::of(&Arc::new(CheckedConfig::resolve(Arc::clone(&config), 1).0)), config)
    }

    fn is_resting(engine: &Engine) -> bool {
        matches!(engine.view().endpoints[0].health, Health::NoKey | Health::Resting { .. })
            && !engine.rests().is_empty()
    }

    /// What comes of a rest that an earlier run kept, once the key is found, late, by whoever this is.
    fn found_late(cause: RestCause, kept: &Place, found: &Place) -> bool {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::inside(home.path());
        let (engine, config) = engine();
        let until = engine.clock().now().after(Duration::from_mins(10));
        let rest = Rest { endpoint: EndpointId::from("e"), until, cause, mark: kept.mark() };
        RestsFile::of(&paths.state_dir).keep(&[rest]).unwrap();
        let mut keeper = Keeper::open(&paths, &engine);
        let account = AccountId::from("a");
        // The keyring cannot be asked yet.
        engine.tell(Input::KeyReady { account: account.clone(), ready: false });
        assert_eq!(keeper.rests(&engine).len(), 1, "meanwhile it stays in the file");
        engine.tell(Input::Placed(account.clone(), found.clone()));
        engine.tell(Input::KeyReady { account: account.clone(), ready: true });
        keeper.key_is_told(&engine, &config, &account, found);
        let rests = is_resting(&engine);
        keeper.close(&engine);
        rests
    }

    #[test]
    fn what_refusals_taught_outlives_a_restart() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::inside(home.path());
        let (engine, _) = engine();
        let now = engine.clock().now();
        let of = Taught::Tokens(EndpointId::from("e"));
        let lesson = Lesson { of, ceiling: 12_000, stated: None, since: Timestamp::ZERO, held: now };
        LessonsFile::of(&paths.state_dir).keep(std::slice::from_ref(&lesson)).unwrap();
        let mut keeper = Keeper::open(&paths, &engine);
        assert_eq!(engine.view().endpoints[0].tokens.limit, Some(12_000));
        keeper.close(&engine);
        let kept = LessonsFile::of(&paths.state_dir).read();
        let [kept] = kept.as_slice() else { panic!("{kept:?}") };
        assert_eq!((&kept.of, kept.ceiling, kept.since), (&lesson.of, 12_000, Timestamp::ZERO));
        assert!(kept.held >= now, "it held when we stopped");
    }

    #[test]
    fn a_rest_for_the_sake_of_a_key_outlives_a_restart_with_that_key_however_late_it_is_found() {
        let place = Place { address: 1, credential: 2, seals: Vec::new() };
        let other = Place { credential: 3, ..place.clone() };
        for cause in OF_KEYS {
            assert!(found_late(cause, &place, &place), "{cause:?}");
            assert!(!found_late(cause, &place, &other), "{cause:?}: another key starts afresh");
        }
        assert!(found_late(OF_KEYS[0], &Place::default(), &place), "an older file did not say whose key it was");
    }
}
