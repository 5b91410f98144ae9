//! What happened to one request so far, and the duty to settle and record it once.
//!
//! Invariant: every journal ends in one record and one settlement, also when its client leaves or its exchange panics.
//! Absent on purpose: anything of the request's body or headers.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::deadlines::Watch;
use super::door::{Door, Inside};
use crate::engine::Assignment;
use crate::engine::lease::Lease;
use crate::model::outcome::{Ending, Failure, Settlement};
use crate::model::profile::Operation;
use crate::model::record::{AttemptRecord, RecordEnd, RequestRecord, Said};
use crate::model::units::Timestamp;
use crate::model::usage::Usage;
use crate::wire::stored::Left;
use crate::wire::stream::StreamEnd;

/// One request's story, told as it goes.
pub struct Journal {
    door: Arc<Door>,
    /// The standing with the brain.
    pub lease: Lease,
    /// How long it waits for what, and whether the person or a stop ended it.
    pub watch: Watch,
    at: Timestamp,
    wall_ms: u64,
    attempts: Vec<AttemptRecord>,
    status: u16,
    first_token: Option<Duration>,
    /// What a session used so far.
    used: Option<Usage>,
    written: bool,
    /// It only looks at what there is.
    looks: bool,
    inside: Inside,
}

/// What nginx calls a client that closed its request.
const CLIENT_CLOSED: u16 = 499;
/// What stands for an answer that a fault of ours kept from its client.
const OUR_FAULT: u16 = 500;

impl Journal {
    /// Opens a journal for a request that has just been understood.
    pub(super) fn open(door: &Arc<Door>, lease: Lease, at: Timestamp, mut watch: Watch, inside: Inside) -> Self {
        watch.name(lease.request());
        let before = u64::try_from(inside.waited().as_millis()).unwrap_or(u64::MAX);
        let wall_ms = door.engine.clock().wall_ms().saturating_sub(before);
        let door = Arc::clone(door);
        Self {
            door,
            lease,
            watch,
            at,
            wall_ms,
            // One is the rule, and the record that keeps them is kept by the ten thousands.
            attempts: Vec::with_capacity(1),
            status: CLIENT_CLOSED,
            first_token: None,
            used: None,
            written: false,
            looks: false,
            inside,
        }
    }

    /// Tells what the request's route still takes, if it was one's to choose.
    pub(super) fn pace(&self, headers: &mut HeaderMap) {
        if !self.lease.decisions().is_empty() && self.operation() != Operation::Stored {
            let profile = self.lease.profile();
            self.door.paces.load().tell(headers, profile.model.as_str(), profile.caller.as_ref());
        }
    }

    /// Notes what the answer left behind at its account.
    pub(super) fn note_left(&self, Left { stored, sealed }: Left) {
        self.lease.owned(stored);
        self.lease.sealed(sealed);
    }

    /// Notes which model an object works that the answer is about.
    pub(super) fn note_worker(&self, document: &[u8]) {
        self.door.workers.learn(document);
    }

    /// It only looks at what there is, so that nothing begins with it.
    pub(super) const fn only_looks(&mut self) {
        self.looks = true;
    }

    /// Whether it was ours to send it again: all but changes of what is stored.
    pub(super) fn may_repeat(&self) -> bool {
        self.looks || self.operation() != Operation::Stored
    }

    /// When it came, in milliseconds since 1970.
    pub(super) const fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    /// What a document tells of work that goes on after its answer: what that cost, if it is seen to be over for the first time.
    pub(super) fn note_work(&self, document: &[u8]) -> Option<Usage> {
        if self.looks {
            return self.door.unfinished.seen(document);
        }
        self.door.unfinished.begun(document);
        None
    }

    /// The same for what a stream told of such work up to its end: what of the stream's own usage is counted now.
    pub(super) fn note_streamed(&self, end: &StreamEnd) -> Option<Usage> {
        let unfinished = &self.door.unfinished;
        match end.work {
            Some(work) if self.looks => unfinished.looked(work),
            Some(work) => unfinished.streamed(work, end.usage),
            None => end.usage,
        }
    }

    /// Whether nothing is asked of this session now.
    pub(super) fn rest(&mut self, rests: bool) {
        self.inside.rest(rests);
    }

    /// How long it waits, for one who needs it apart from the rest.
    pub(super) fn take_watch(&mut self) -> Watch {
        let fresh = self.door.deadlines.watch();
        std::mem::replace(&mut self.watch, fresh)
    }

    /// Which operation it is.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.lease.profile().operation
    }

    /// The sendings so far, in order.
    #[must_use]
    pub fn attempts(&self) -> &[AttemptRecord] {
        &self.attempts
    }

    /// Notes that an attempt is about to be sent.
    pub fn attempt(&mut self, assignment: &Assignment) {
        self.attempts.push(AttemptRecord {
            endpoint: assignment.endpoint.clone(),
            group: assignment.group,
            at: self.door.engine.clock().now(),
            took: Duration::ZERO,
            status: None,
            failure: None,
            said: None,
        });
    }

    /// Notes how the last attempt turned out.
    pub fn attempted(&mut self, status: Option<u16>, failure: Option<Failure>, said: Option<Arc<Said>>) {
        let now = self.door.engine.clock().now();
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.took = now.since(attempt.at);
            attempt.status = status;
            attempt.failure = failure;
            attempt.said = said;
        }
    }

    /// Notes the commit point: this status goes to the client, with output or with what is bound before any.
    pub fn committed(&mut self, status: u16, has_output: bool) {
        self.status = status;
        if has_output {
            self.met_output();
        }
    }

    /// Notes that output is here. The first time counts.
    pub fn met_output(&mut self) {
        if self.first_token.is_some() {
            return;
        }
        let now = self.door.engine.clock().now();
        self.first_token = Some(now.since(self.at));
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.took = now.since(attempt.at);
        }
    }

    /// Notes what a session used besides what was noted before. It is charged now: what was reserved when it was opened may be long
    /// out of every window.
    pub fn used(&mut self, more: Usage) {
        self.used = Some(more.added_to(self.used));
        self.lease.used(more);
    }

    /// The end of an answer that was committed.
    pub fn close(mut self, ending: Ending, usage: Option<Usage>) {
        let usage = usage.map(|usage| self.with_prompt(usage));
        self.settle(ending, usage);
        self.write(RecordEnd::Answered(ending), usage);
    }

    /// What was only seen of an answer, with an estimate of what nobody sees of it.
    fn with_prompt(&self, seen: Usage) -> Usage {
        let is_told = seen.exact || seen.input > 0 || self.operation() == Operation::Stored;
        let estimate = self.lease.decisions().last().filter(|_| !is_told).map(|decision| decision.estimate.prompt);
        Usage { input: estimate.unwrap_or(seen.input), ..seen }
    }

    /// The end of one whose client left, or is let go, before that.
    pub fn part(mut self, ending: Ending) {
        self.parted(ending);
    }

    fn parted(&mut self, ending: Ending) {
        self.settle(ending, None);
        let is_left = self.attempts.is_empty() && ending == Ending::ClientLeft;
        self.write(if is_left { RecordEnd::LeftWaiting } else { RecordEnd::Answered(ending) }, None);
    }

    /// The end of a request that got no endpoint's good answer.
    pub fn turn_away(mut self, end: RecordEnd, status: u16) {
        self.status = status;
        self.write(end, None);
    }

    fn settle(&mut self, ending: Ending, usage: Option<Usage>) {
        // What a job used was told as it came; of a visit all is told at its end.
        let told = if self.lease.has_visited() { self.used } else { None };
        let usage = usage.map(|usage| usage.added_to(told)).or(told);
        self.lease.settle(Settlement { ending, usage });
    }

    fn write(&mut self, end: RecordEnd, usage: Option<Usage>) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        self.door.recorder.record(RequestRecord {
            id: self.lease.request(),
            at: self.at,
            wall_ms: self.wall_ms,
            profile: Arc::clone(self.lease.profile()),
            status: self.status,
            end,
            attempts: std::mem::take(&mut self.attempts),
            decisions: self.lease.decisions().to_vec(),
            usage: usage.map(|usage| usage.added_to(self.used)).or(self.used),
            waited: self.lease.waited().saturating_add(self.inside.waited()),
            first_token: self.first_token,
            total: self.door.engine.clock().now().since(self.at),
        });
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.written {
            return;
        }
        if std::thread::panicking() {
            // Nobody left, and no endpoint is to blame.
            self.settle(Ending::ClientLeft, None);
            self.status = if self.status == CLIENT_CLOSED { OUR_FAULT } else { self.status };
            self.write(RecordEnd::Answered(Ending::CutOff), None);
        } else {
            self.parted(self.watch.ended().map_or(Ending::ClientLeft, Ending::Ended));
        }
    }
}
