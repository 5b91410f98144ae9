//! Keeps the screen's draft, so that it outlives the window and a restart.
//!
//! Invariant: it is written a moment after the last edit, by a thread of its own.
//! Absent on purpose: judging a draft.

use std::sync::Arc;
use std::time::Duration;

use super::stage::Stage;
use crate::model::revision::LeftDraft;
use crate::model::units::Timestamp;
use crate::store::draft_file::DraftFile;

/// Without an edit, before a draft is written.
const QUIET: Duration = Duration::from_secs(1);

/// What was seen of the draft, and what was written.
pub(super) struct Drafts {
    seen: Option<Arc<LeftDraft>>,
    since: Timestamp,
    written: Option<Arc<LeftDraft>>,
}

impl Drafts {
    /// Nothing is to be written until the screen leaves another draft than this.
    pub(super) fn kept(draft: Option<Arc<LeftDraft>>) -> Self {
        Self { seen: draft.clone(), since: Timestamp::ZERO, written: draft }
    }
}

/// Writes the draft once it is quiet.
pub(super) fn keep(stage: &mut Stage) {
    let (now, left) = (stage.clock.now(), stage.back.draft());
    let drafts = &mut stage.drafts;
    if !same(left.as_ref(), drafts.seen.as_ref()) {
        (drafts.seen, drafts.since) = (left, now);
    } else if !same(drafts.seen.as_ref(), drafts.written.as_ref()) && now.since(drafts.since) >= QUIET {
        drafts.written.clone_from(&drafts.seen);
        write(stage);
    }
}

/// Writes what is not written yet; we are about to end.
pub(super) fn close(stage: &mut Stage) {
    stage.drafts.seen = stage.back.draft();
    if !same(stage.drafts.seen.as_ref(), stage.drafts.written.as_ref()) {
        let file = DraftFile::of(&stage.profile.paths.data_dir);
        complain(file.keep(stage.drafts.seen.as_deref()));
    }
}

fn write(stage: &Stage) {
    let (file, draft) = (DraftFile::of(&stage.profile.paths.data_dir), stage.drafts.written.clone());
    tokio::task::spawn_blocking(move || complain(file.keep(draft.as_deref())));
}

fn complain(kept: std::io::Result<()>) {
    if let Err(error) = kept {
        tracing::warn!(%error, "the draft could not be kept for the next start");
    }
}

fn same(one: Option<&Arc<LeftDraft>>, other: Option<&Arc<LeftDraft>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}
