//! Keeps what must outlive a restart: which account holds what, so that conversations go on, and who was told to wait.
//!
//! Invariant: a thread of its own writes; neither requests nor the screen wait for the disk.
//! Absent on purpose: what is kept and how it reads (`store::owners`, `store::rests`).

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::rest_watch::RestWatch;
use crate::engine::Engine;
use crate::model::outcome::ThrottleKind;
use crate::model::status::{Rest, RestCause};
use crate::model::units::Timestamp;
use crate::policy::Input;
use crate::store::owners::{Owned, OwnersFile};
use crate::store::paths::Paths;
use crate::store::rests::RestsFile;

/// How often what was learned is written.
const PACE: Duration = Duration::from_secs(2);
/// How often it is looked whether who rests is to be written.
const REST_PACE: Duration = Duration::from_secs(1);
/// Batches that may wait for the disk; more wait here, in one.
const BATCHES: usize = 2;
/// The brain is told this many at once, so that no request waits long for its lock.
const AT_ONCE: usize = 1_024;

const UNPAID: RestCause = RestCause::Throttled(ThrottleKind::OutOfCredit);

/// What is handed to the writer.
#[derive(Default)]
struct News {
    owned: Vec<Owned>,
    /// Everyone who rests, if that changed.
    rests: Option<Vec<Rest>>,
}

/// The keeper of one profile.
#[derive(Default)]
pub(super) struct Keeper {
    writer: Option<(SyncSender<News>, JoinHandle<()>)>,
    pending: News,
    watch: RestWatch,
    /// Who rests for want of credit since before the start. The brain hears of them after their keys, since it takes the
    /// first word of a key for a new one.
    unpaid: Vec<Rest>,
    looked: Timestamp,
    learned: Timestamp,
}

impl Keeper {
    /// Tells the brain what is remembered, and stands ready to write.
    pub(super) fn open(paths: &Paths, engine: &Engine) -> Self {
        let (owners, remembered) = OwnersFile::load(&paths.data_dir);
        tell(engine, &remembered);
        // It stands in the file already.
        drop(engine.take_fresh_owners());
        let file = RestsFile::of(&paths.state_dir);
        let rests = file.left(engine.clock().now());
        let watch = RestWatch::of(rests.clone());
        let (unpaid, rests) = rests.into_iter().partition(|rest| rest.cause == UNPAID);
        engine.tell(Input::Resting(rests));
        let (sender, inbox) = sync_channel(BATCHES);
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || write(owners, &file, &inbox));
        let writer = thread.inspect_err(|error| tracing::warn!(%error, "what was learned is forgotten by a restart"));
        Self { writer: writer.ok().map(|thread| (sender, thread)), watch, unpaid, ..Self::default() }
    }

    /// The brain knows whose keys are there.
    pub(super) fn keys_are_told(&mut self, engine: &Engine) {
        if !self.unpaid.is_empty() {
            engine.tell(Input::Resting(std::mem::take(&mut self.unpaid)));
        }
    }

    /// Hands what is new to the writer: who rests and what was learned, each every now and then.
    pub(super) fn keep(&mut self, now: Timestamp, engine: &Engine) {
        if now.since(self.looked) >= REST_PACE {
            self.looked = now;
            let rests = self.rests(engine);
            if let Some(rests) = self.watch.news(now, &rests) {
                self.pending.rests = Some(rests);
            }
        }
        if now.since(self.learned) >= PACE {
            self.learned = now;
            self.pending.owned.append(&mut engine.take_fresh_owners());
        }
        let Some((sender, _)) = &self.writer else { return };
        if self.pending.owned.is_empty() && self.pending.rests.is_none() {
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
        rests.extend_from_slice(&self.unpaid);
        rests
    }
}

fn tell(engine: &Engine, remembered: &[Owned]) {
    for run in remembered.chunk_by(|one, next| one.1 == next.1).flat_map(|run| run.chunks(AT_ONCE)) {
        if let Some((_, account)) = run.first() {
            let keys = run.iter().map(|(key, _)| *key).collect();
            engine.tell(Input::Owned { account: account.clone(), keys });
        }
    }
}

fn write(mut owners: OwnersFile, file: &RestsFile, inbox: &Receiver<News>) {
    let mut complained = [false; 2];
    let mut once = |which: usize, outcome: std::io::Result<()>, lost: &str| {
        let Some(said) = complained.get_mut(which) else { return };
        if let Err(error) = outcome
            && !std::mem::replace(said, true)
        {
            tracing::warn!(%error, "{lost}");
        }
    };
    while let Ok(news) = inbox.recv() {
        if !news.owned.is_empty() {
            let lost =
                "which account holds what could not be written, so some conversations may not go on after a restart";
            once(0, owners.append(&news.owned), lost);
        }
        if let Some(rests) = news.rests {
            let lost = "who was told to wait could not be written, so a restart may ask them too early";
            once(1, file.keep(&rests), lost);
        }
    }
}
