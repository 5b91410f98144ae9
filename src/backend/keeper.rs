//! Keeps what was learned of stored state, so that conversations go on after a restart.
//!
//! Invariant: a thread of its own writes; neither requests nor the screen wait for the disk.
//! Absent on purpose: what is kept and how it reads (`store::owners`).

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::engine::Engine;
use crate::model::units::Timestamp;
use crate::policy::Input;
use crate::store::owners::{Owned, OwnersFile};

/// How often what was learned is written.
const PACE: Duration = Duration::from_secs(2);
/// Batches that may wait for the disk; more wait here, in one.
const BATCHES: usize = 2;
/// The brain is told this many at once, so that no request waits long for its lock.
const AT_ONCE: usize = 1_024;

/// The keeper of one profile.
#[derive(Default)]
pub(super) struct Keeper {
    writer: Option<(SyncSender<Vec<Owned>>, JoinHandle<()>)>,
    pending: Vec<Owned>,
    written: Timestamp,
}

impl Keeper {
    /// Tells the brain what is remembered, and stands ready to write.
    pub(super) fn open(data_dir: &Path, engine: &Engine) -> Self {
        let (file, remembered) = OwnersFile::load(data_dir);
        tell(engine, &remembered);
        // It stands in the file already.
        drop(engine.take_fresh_owners());
        let (sender, inbox) = sync_channel(BATCHES);
        let thread = std::thread::Builder::new().name("owners".to_owned()).spawn(move || write(file, &inbox));
        let writer =
            thread.inspect_err(|error| tracing::warn!(%error, "stored state is not remembered over a restart"));
        Self { writer: writer.ok().map(|thread| (sender, thread)), pending: Vec::new(), written: Timestamp::ZERO }
    }

    /// Hands what was learned to the writer, every now and then.
    pub(super) fn keep(&mut self, now: Timestamp, engine: &Engine) {
        if now.since(self.written) < PACE {
            return;
        }
        self.written = now;
        let Some((sender, _)) = &self.writer else { return };
        self.pending.append(&mut engine.take_fresh_owners());
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
        self.pending.append(&mut engine.take_fresh_owners());
        // A writer that is gone has said why.
        let _ = sender.send(std::mem::take(&mut self.pending));
        drop(sender);
        if thread.join().is_err() {
            tracing::error!("the thread that remembers stored state ended by a panic");
        }
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

fn write(mut file: OwnersFile, inbox: &Receiver<Vec<Owned>>) {
    let mut complained = false;
    while let Ok(batch) = inbox.recv() {
        if let Err(error) = file.append(&batch)
            && !std::mem::replace(&mut complained, true)
        {
            tracing::warn!(%error, "which account holds what could not be written, so some conversations may not go on after a restart");
        }
    }
}
