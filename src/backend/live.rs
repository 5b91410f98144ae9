//! Live sessions: edits that run at once, and are taken back unless somebody keeps them.
//!
//! Invariant: a session writes nothing into the configuration file until it is kept, so whatever ends it (the countdown, too
//! many errors, a crash) the file is as it was, byte for byte.
//! Absent on purpose: waiting for quiet between edits; the screen does that.

use std::sync::Arc;
use std::time::Duration;

use super::commands::{follow_listen, save, stale, unwritable, with_admin_states};
use super::resolve::with_inventory;
use super::revisions;
use super::stage::Stage;
use crate::contract::snapshot::{Applied, LiveView, Problem};
use crate::contract::{Base, LiveCommand, NoticeBody, RevertCause};
use crate::model::check::brought_in;
use crate::model::checked::CheckedConfig;
use crate::model::config::{AdminState, Config, LiveTuning};
use crate::model::id::{CommandId, EndpointId};
use crate::model::revision::Author;
use crate::model::units::Timestamp;
use crate::record::Ring;
use crate::store::live_session::LiveSession;

/// Fewer failures than this prove nothing.
const FEWEST: u64 = 5;
/// What came before is judged by the last minute.
const BEFORE: Duration = Duration::from_mins(1);

/// A session that is not kept yet.
pub(super) struct Live {
    began_wall_ms: u64,
    before: Arc<Applied>,
    edited: Timestamp,
    until: Timestamp,
    failing_before: u32,
}

impl Live {
    /// What the screen shows of it.
    pub(super) fn view(&self, ring: &Ring) -> LiveView {
        let (ended, failed) = ended_since(ring, self.edited);
        LiveView {
            began_wall_ms: self.began_wall_ms,
            until: self.until,
            before: Arc::clone(&self.before),
            ended,
            failed,
        }
    }

    /// What stays when the session is taken back, with an endpoint paused, drained or resumed meanwhile.
    pub(super) fn lasting(&self, endpoint: &EndpointId, state: AdminState) -> Config {
        let mut config = Config::clone(&self.before.config);
        if let Some(known) = config.endpoint_mut(endpoint) {
            known.admin_state = state;
        }
        config
    }

    /// Why it is to be taken back now, if it is.
    fn over(&self, now: Timestamp, ring: &Ring, rules: &LiveTuning) -> Option<RevertCause> {
        if now >= self.until {
            return Some(RevertCause::Unconfirmed(seconds(rules)));
        }
        let (ended, failed) = ended_since(ring, self.edited);
        let percent = percent(failed, ended);
        let limit = self.failing_before.saturating_add(rules.max_errors_percent.max(1));
        (failed >= FEWEST && percent >= limit).then_some(RevertCause::Errors { percent, before: self.failing_before })
    }
}

/// Of the requests that arrived since `then`: those that ended, and those whose client got an error.
fn ended_since(ring: &Ring, then: Timestamp) -> (u64, u64) {
    let recent = ring.newest().take_while(|record| record.at.after(record.total) >= then);
    recent
        .filter(|record| record.at >= then)
        .fold((0, 0), |(ended, failed), record| (ended + 1, failed + u64::from(record.failed_client())))
}

fn percent(failed: u64, ended: u64) -> u32 {
    u32::try_from((failed * 100).checked_div(ended).unwrap_or(0)).unwrap_or(100)
}

fn seconds(rules: &LiveTuning) -> u32 {
    rules.confirm_seconds.max(LiveTuning::LEAST_SECONDS)
}

fn patience(rules: &LiveTuning) -> Duration {
    Duration::from_secs(seconds(rules).into())
}

/// Carries out one command of a session and tells what came of it.
pub(super) async fn obey(stage: &mut Stage, id: CommandId, command: LiveCommand) {
    let listen = stage.applied.config.listen.clone();
    let body = match command {
        LiveCommand::Try { base, config } => attempt(stage, &base, &config).unwrap_or_else(|answer| answer),
        LiveCommand::Keep => keep(stage).unwrap_or_else(NoticeBody::Failed),
        LiveCommand::Revert => match revert(stage) {
            Some(revision) => NoticeBody::Reverted { revision, why: RevertCause::Asked },
            None => NoticeBody::Failed(no_session()),
        },
        LiveCommand::Extend => match &mut stage.live {
            Some(live) => {
                live.until = live.until.after(patience(&stage.applied.config.live_tuning));
                NoticeBody::Done(String::new())
            }
            None => NoticeBody::Failed(no_session()),
        },
    };
    follow_listen(stage, &listen).await;
    stage.publish();
    stage.tell(Some(id), body);
}

/// Takes the session back if its time is over or too much fails.
pub(super) async fn beat(stage: &mut Stage) {
    let (now, rules) = (stage.clock.now(), &stage.applied.config.live_tuning);
    let Some(why) = stage.live.as_ref().and_then(|live| live.over(now, &stage.ring, rules)) else { return };
    let listen = stage.applied.config.listen.clone();
    let Some(revision) = revert(stage) else { return };
    follow_listen(stage, &listen).await;
    stage.publish();
    stage.tell(None, NoticeBody::Reverted { revision, why });
}

/// Forgets the session without taking anything back: what runs is written down, or something else runs.
pub(super) fn forget(stage: &mut Stage) {
    if stage.live.take().is_some() {
        unmark(stage);
    }
}

fn attempt(stage: &mut Stage, base: &Base, draft: &Arc<Config>) -> Result<NoticeBody, NoticeBody> {
    if *base != stage.applied.base() {
        return Err(NoticeBody::Failed(stale(stage, base)));
    }
    if stage.profile.file.is_none() {
        return Err(NoticeBody::Failed(unwritable(stage)));
    }
    let revision = if stage.live.is_some() { stage.applied.revision } else { stage.next_revision() };
    let draft = Arc::new(with_admin_states(draft, &stage.applied.config));
    let (checked, findings) = CheckedConfig::resolve(Arc::clone(&draft), revision);
    if brought_in(&findings, &stage.applied.config).next().is_some() {
        return Err(NoticeBody::Rejected(findings));
    }
    let now = stage.clock.now();
    let until = now.after(patience(&draft.live_tuning));
    match &mut stage.live {
        Some(live) => (live.edited, live.until) = (now, until),
        None => begin(stage, now, until),
    }
    stage.run_config(draft, checked, findings);
    Ok(NoticeBody::Done(String::new()))
}

fn begin(stage: &mut Stage, now: Timestamp, until: Timestamp) {
    let (ended, failed) = ended_since(&stage.ring, now.before(BEFORE));
    stage.live = Some(Live {
        began_wall_ms: stage.clock.wall_ms(),
        before: Arc::clone(&stage.applied),
        edited: now,
        until,
        failing_before: percent(failed, ended),
    });
    mark(stage);
}

/// Leaves word of the session beside what the file says now.
pub(super) fn mark(stage: &Stage) {
    let (Some(live), Some(file)) = (&stage.live, &stage.profile.file) else { return };
    if let Err(error) = LiveSession::of(&stage.profile.paths.data_dir).begin(live.began_wall_ms, file.text()) {
        tracing::warn!(%error, "if we end before the live session is kept, the next start will not say so");
    }
}

fn unmark(stage: &Stage) {
    if let Err(error) = LiveSession::of(&stage.profile.paths.data_dir).end() {
        tracing::warn!(%error, "the word of the live session could not be removed");
    }
}

fn keep(stage: &mut Stage) -> Result<NoticeBody, Problem> {
    if stage.live.is_none() {
        return Err(no_session());
    }
    let config = Arc::clone(&stage.applied.config);
    let findings = with_inventory(save(stage, &config)?, &config, &stage.porter);
    let revision = stage.applied.revision;
    stage.applied = Arc::new(Applied { findings, ..Applied::clone(&stage.applied) });
    let began = stage.live.as_ref().map_or(0, |live| live.began_wall_ms);
    stage.profile.shown.first_run = false;
    forget(stage);
    revisions::sign(stage, Author::LiveSession(began));
    Ok(NoticeBody::Done(format!("The limits are kept as rev {revision}")))
}

/// Runs again what ran before the session. Returns its revision; `None`: there is no session.
fn revert(stage: &mut Stage) -> Option<u64> {
    let before = stage.live.take()?.before;
    let config = Arc::new(with_admin_states(&before.config, &stage.applied.config));
    let (checked, _) = CheckedConfig::resolve(Arc::clone(&config), before.revision);
    stage.run_config(Arc::clone(&config), checked, Vec::new());
    stage.applied = Arc::new(Applied { config, ..Applied::clone(&before) });
    unmark(stage);
    Some(before.revision)
}

fn no_session() -> Problem {
    Problem {
        what: "There is no live session any more.".to_owned(),
        still_works: "The revision in the status line goes on running.".to_owned(),
        next_step: "Look at the toast or the revisions for what became of it.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::Ending;
    use crate::model::record::{RecordEnd, RequestRecord};
    use crate::record::sample::record;

    fn session(failing_before: u32) -> Live {
        let config = Arc::new(Config::default());
        let before = Arc::new(Applied {
            profile: "Default".into(),
            revision: 14,
            config,
            findings: Vec::new(),
            file_problem: None,
        });
        let edited = Timestamp::from_secs(100);
        Live { began_wall_ms: 0, before, edited, until: Timestamp::from_secs(160), failing_before }
    }

    /// Requests that arrived after the last edit, the first `failed` of them refused.
    fn ring(failed: u64, all: u64) -> Ring {
        let mut ring = Ring::new();
        for number in 0..all {
            let end = if number < failed { RecordEnd::Refused } else { RecordEnd::Answered(Ending::Completed) };
            let at = Timestamp::from_millis(100_000 + number);
            ring.push(Arc::new(RequestRecord { at, end, status: 200, ..record(number) }));
        }
        ring
    }

    fn over(live: &Live, seconds: u64, ring: &Ring) -> Option<RevertCause> {
        live.over(Timestamp::from_secs(seconds), ring, &LiveTuning::default())
    }

    #[test]
    fn a_session_that_nobody_confirms_ends_at_its_minute_and_not_before() {
        let quiet = ring(0, 30);
        assert_eq!(over(&session(0), 159, &quiet), None);
        assert_eq!(over(&session(0), 160, &quiet), Some(RevertCause::Unconfirmed(60)));
    }

    #[test]
    fn a_session_ends_at_once_when_more_fails_than_before_by_the_set_rate() {
        assert_eq!(over(&session(0), 101, &ring(9, 100)), None);
        assert_eq!(over(&session(0), 101, &ring(10, 100)), Some(RevertCause::Errors { percent: 10, before: 0 }));
        assert_eq!(over(&session(20), 101, &ring(29, 100)), None, "as bad as before is no reason");
        assert_eq!(over(&session(20), 101, &ring(30, 100)), Some(RevertCause::Errors { percent: 30, before: 20 }));
    }

    #[test]
    fn a_few_failures_alone_and_those_from_before_the_edit_prove_nothing() {
        assert_eq!(over(&session(0), 101, &ring(4, 4)), None);
        let mut later = session(0);
        later.edited = Timestamp::from_secs(101);
        assert_eq!(over(&later, 102, &ring(50, 50)), None);
    }
}
