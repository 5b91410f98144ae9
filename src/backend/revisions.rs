//! The list of revisions, and a configuration file that somebody else changes.
//!
//! Invariant: old copies are read off the actor's turn and once each; the file is looked at, never written, until the person
//! says whose version counts.
//! Absent on purpose: what a copy is and where it lies (`store::revisions`).

use std::sync::Arc;

use super::commands::unwritable;
use super::profile::Loaded;
use super::stage::{Event, Stage};
use crate::contract::snapshot::Problem;
use crate::model::revision::{Author, OnDisk, Signature};

/// Beats between two looks at the file: two seconds.
const LOOK: u32 = 8;

/// The number of what a profile starts with: that of its copy, which is made if there is none yet.
pub(super) fn first(profile: &Loaded) -> u64 {
    let Some(file) = &profile.file else { return 1 };
    if let Err(error) = file.keep_revision() {
        tracing::warn!(%error, "no copy of the configuration could be kept");
    }
    file.revisions().numbers().last().copied().unwrap_or(1).max(1)
}

/// Signs the newest copy, if nobody has, and has the list read anew.
pub(super) fn sign(stage: &mut Stage, author: Author) {
    let Some(file) = &stage.profile.file else { return };
    let signature = Signature { author, wall_ms: stage.clock.wall_ms() };
    match file.revisions().sign_newest(signature) {
        Ok(number) => stage.count_from(number),
        Err(error) => tracing::debug!(%error, "a revision stays unsigned"),
    }
    list(stage);
}

/// Keeps what the file says as a revision of somebody else's making, unless it is the newest one already.
pub(super) fn adopt(stage: &mut Stage) {
    let Some(file) = &stage.profile.file else { return };
    if let Err(error) = file.keep_revision() {
        tracing::warn!(%error, "no copy of the configuration could be kept");
    }
    sign(stage, Author::File);
}

fn list(stage: &Stage) {
    let Some(file) = &stage.profile.file else { return };
    let (revisions, known, events) = (file.revisions().clone(), Arc::clone(&stage.revisions), stage.events.clone());
    let profile = stage.profiles;
    tokio::task::spawn_blocking(move || {
        // Whoever stops first does not miss the list.
        let _ = events.blocking_send(Event::Revisions(profile, Arc::new(revisions.list(&known))));
    });
}

/// Looks every now and then whether somebody else changed the file. Returns whether there is something new to show.
pub(super) fn look(stage: &mut Stage) -> bool {
    stage.looked += 1;
    if !stage.looked.is_multiple_of(LOOK) {
        return false;
    }
    let found = stage.profile.file.as_ref().and_then(|file| match file.changed_on_disk() {
        Ok(true) => match file.read_again() {
            Ok(config) => Some(OnDisk { config: config.map(Arc::new), fault: None }),
            Err(error) => Some(OnDisk { config: None, fault: Some(error.to_string().into()) }),
        },
        Ok(false) => None,
        Err(error) => Some(OnDisk { config: None, fault: Some(error.to_string().into()) }),
    });
    let news = found != stage.on_disk;
    stage.on_disk = found;
    news
}

/// Writes what we last wrote over what somebody else made of the file; theirs is kept as a revision.
pub(super) fn keep_mine(stage: &mut Stage) -> Result<String, Problem> {
    let broken = unwritable(stage);
    let Some(file) = &mut stage.profile.file else { return Err(broken) };
    file.restore().map_err(|error| Problem {
        what: error.to_string(),
        still_works: "What runs goes on running, and the file is as it was.".to_owned(),
        next_step: "Check the folder's permissions and free space, then try again.".to_owned(),
    })?;
    stage.on_disk = None;
    sign(stage, Author::You);
    Ok("The file says again what runs; what it said before is among the revisions".to_owned())
}

impl Stage {
    /// The number of the next configuration; one that was taken back does not give its number away.
    pub(super) const fn next_revision(&self) -> u64 {
        self.newest + 1
    }

    /// The number under which what is written next is kept: a live session has one already.
    pub(super) fn own_number(&self) -> u64 {
        if self.live.is_some() { self.applied.revision } else { self.next_revision() }
    }

    /// Goes on from the number of a copy, where that is higher.
    pub(super) fn count_from(&mut self, number: u64) {
        self.newest = self.newest.max(number);
    }
}
