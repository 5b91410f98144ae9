//! What we observe of an endpoint: rest, the single probe that ends it, and the ramp after.
//!
//! Invariant: an endpoint rests while any of its rests is on, and returns by its probe alone: committed, or not throttled for
//! long enough.
//! Absent on purpose: rests of each kind (`rests`), how long a failure rests (`rest`) and what the person set (admin state).

use std::time::Duration;

use crate::model::config::HealthRule;
use crate::model::id::RequestId;
use crate::model::status::{Health, RestCause, RestView};
use crate::model::units::Timestamp;

use super::rests::{Fault, Rests, is_of_the_account};

/// How long the ramp after a probe lasts.
const RAMP: Duration = Duration::from_secs(4);
/// The step in which the ramp limits admissions.
const STEP: Duration = Duration::from_secs(1);
/// Requests per second a ramp grows towards where no request limit is known.
const UNKNOWN_RATE: u64 = 20;
/// Failed connections in a row that eject.
const CONNECTS: u32 = 2;
/// A service that throttles says so at once. A probe it kept this long was let in, however long its answer takes.
const VERDICT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unknown,
    Healthy,
    Resting,
    /// `shared`: it is another's probe, which decides over this alone.
    Probing {
        request: RequestId,
        sent: Timestamp,
        shared: Option<Fault>,
    },
    Ramping {
        since: Timestamp,
        step: u64,
        requests: u64,
        tokens: u64,
    },
}

/// Whether an endpoint takes a request, health alone considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Yes.
    Open,
    /// Yes: the single one that decides whether rest ends.
    Probe,
    /// Not before this time.
    Resting(Timestamp, RestCause),
    /// Not before the probe's verdict, which is in by this time if silence is one.
    Probing(Option<Timestamp>),
    /// Not before the ramp's next step.
    Ramping(Timestamp),
}

/// The limits a ramp grows towards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) tokens_per_minute: Option<u64>,
    pub(super) requests_per_minute: Option<u64>,
}

/// One endpoint's health.
#[derive(Clone, Debug)]
pub(super) struct HealthState {
    phase: Phase,
    rests: Rests,
    /// Faults in a row and when the first of them came.
    faults: u32,
    connects: u32,
    first_fault: Timestamp,
    /// Answers in a row that broke after their first token, and when the first of them did.
    cuts: u32,
    first_cut: Timestamp,
    /// Rests in a row: throttles, ejections, denials of the key, and missing deployments.
    throttles: u32,
    ejections: u32,
    denials: u32,
    missing: u32,
}

impl HealthState {
    /// Nothing was sent yet.
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Unknown,
            rests: Rests::default(),
            faults: 0,
            connects: 0,
            first_fault: Timestamp::ZERO,
            cuts: 0,
            first_cut: Timestamp::ZERO,
            throttles: 0,
            ejections: 0,
            denials: 0,
            missing: 0,
        }
    }

    /// The phase that time alone has led to.
    fn phase_at(&self, now: Timestamp) -> Phase {
        self.led_to(now).0
    }

    /// The same with the rests that are left. Of those that another's probe did not ask after, this one's own probe has to.
    fn led_to(&self, now: Timestamp) -> (Phase, Rests) {
        let Phase::Probing { sent, shared, .. } = self.phase else { return (self.phase, self.rests) };
        let Some(since) = self.verdict_by(sent, shared).filter(|since| *since <= now) else {
            return (self.phase, self.rests);
        };
        let left = shared.map_or_else(Rests::default, |fault| self.rests.without(fault));
        match left.longest() {
            None => (Phase::Ramping { since, step: 0, requests: 0, tokens: 0 }, left),
            Some(_) => (Phase::Resting, left),
        }
    }

    /// Goes where time alone has led to.
    fn advance(&mut self, now: Timestamp) {
        (self.phase, self.rests) = self.led_to(now);
        if matches!(self.phase, Phase::Ramping { .. }) {
            self.rests.clear();
        }
    }

    /// When a probe's silence is an answer.
    fn verdict_by(&self, sent: Timestamp, shared: Option<Fault>) -> Option<Timestamp> {
        self.rests.are_acquitted_by_silence(sent, shared).then(|| sent.after(VERDICT))
    }

    /// Until when it rests, and why.
    fn rest_of(&self, now: Timestamp) -> (Timestamp, RestCause) {
        self.led_to(now).1.longest().unwrap_or((Timestamp::ZERO, RestCause::Errors))
    }

    /// Every rest that is on, each with its end: none while a probe runs.
    pub(super) fn rests(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, RestCause)> {
        let resting = matches!(self.phase, Phase::Resting);
        self.rests.on(now).filter(move |_| resting)
    }

    /// The same without the one that lasts the longest, which is its health as shown.
    pub(super) fn other_rests(&self, now: Timestamp) -> Vec<RestView> {
        let (_, shown) = self.rest_of(now);
        let others = self.rests(now).filter(|(_, cause)| *cause != shown);
        others.map(|(until, cause)| RestView { until, cause }).collect()
    }

    /// Its rest that keeps away also who goes to what its account keeps. What a deployment's limits or errors rest it for is
    /// none of their business.
    pub(super) fn rest_of_account(&self, now: Timestamp) -> Option<(Timestamp, RestCause)> {
        self.rests(now).filter(|(_, cause)| is_of_the_account(*cause)).max_by_key(|(until, _)| *until)
    }

    /// What it rests for, or probes, of this kind.
    pub(super) fn rests_for(&self, fault: Fault) -> Option<RestCause> {
        let is_on = matches!(self.phase, Phase::Resting | Phase::Probing { .. });
        self.rests.of_kind(fault).filter(|_| is_on).map(|(_, cause)| cause)
    }

    /// When its rest of this kind ends, if one is on.
    pub(super) fn rest_on(&self, now: Timestamp, fault: Fault) -> Option<Timestamp> {
        self.rests
            .of_kind(fault)
            .map(|(until, _)| until)
            .filter(|until| *until > now && self.rests_for(fault).is_some())
    }

    /// Health as shown; nearness to a limit is not known here.
    pub(super) fn health(&self, now: Timestamp) -> Health {
        match self.phase_at(now) {
            Phase::Unknown => Health::Unknown,
            Phase::Healthy => Health::Healthy,
            Phase::Resting => {
                let (until, cause) = self.rest_of(now);
                Health::Resting { until, cause }
            }
            Phase::Probing { .. } => Health::Probing,
            Phase::Ramping { since, .. } if now.since(since) >= RAMP => Health::Healthy,
            Phase::Ramping { since, .. } => Health::Ramping { percent: percent(step_at(since, now)) },
        }
    }

    /// Rests in a row of the kind that lasts the longest.
    pub(super) fn rests_in_a_row(&self) -> u32 {
        self.throttles.max(self.ejections).max(self.denials).max(self.missing)
    }

    /// Whether it takes requests of any size.
    pub(super) fn is_up(&self, now: Timestamp) -> bool {
        match self.phase_at(now) {
            Phase::Unknown | Phase::Healthy => true,
            Phase::Ramping { since, .. } => now.since(since) >= RAMP,
            Phase::Resting | Phase::Probing { .. } => false,
        }
    }

    /// Whether time alone may change what is shown of it.
    pub(super) const fn moves(&self) -> bool {
        matches!(self.phase, Phase::Probing { .. } | Phase::Ramping { .. })
    }

    /// Whether a request of `cost` tokens may go at `now`.
    pub(super) fn standing(&self, now: Timestamp, cost: u64, pace: Pace) -> Standing {
        match self.phase_at(now) {
            Phase::Unknown | Phase::Healthy => Standing::Open,
            Phase::Resting => match self.rest_of(now) {
                (until, _) if until <= now => Standing::Probe,
                (until, cause) => Standing::Resting(until, cause),
            },
            Phase::Probing { sent, shared, .. } => Standing::Probing(self.verdict_by(sent, shared)),
            Phase::Ramping { since, .. } if now.since(since) >= RAMP => Standing::Open,
            Phase::Ramping { since, step, requests, tokens } => {
                let current = step_at(since, now);
                let (requests, tokens) = if current == step { (requests, tokens) } else { (0, 0) };
                let share = |per_second: u64| (per_second.saturating_mul(u64::from(percent(current))) / 100).max(1);
                let per_second = pace.requests_per_minute.map_or(UNKNOWN_RATE, |limit| limit / 60);
                let fits = requests < share(per_second)
                    && pace.tokens_per_minute.is_none_or(|limit| tokens.saturating_add(cost) <= share(limit / 60));
                // The first of each step always goes, however large, or a large one would never go.
                if requests == 0 || fits { Standing::Open } else { Standing::Ramping(step_start(since, current + 1)) }
            }
        }
    }

    /// A request of `cost` tokens is sent there. A probe if rest had ended.
    pub(super) fn sent(&mut self, now: Timestamp, request: RequestId, cost: u64) {
        self.advance(now);
        match &mut self.phase {
            Phase::Resting => self.probe(now, request, None),
            Phase::Ramping { since, step, requests, tokens } => {
                let current = step_at(*since, now);
                if current != *step {
                    (*step, *requests, *tokens) = (current, 0, 0);
                }
                *requests = requests.saturating_add(1);
                *tokens = tokens.saturating_add(cost);
            }
            Phase::Unknown | Phase::Healthy | Phase::Probing { .. } => {}
        }
    }

    /// A probe goes out, this endpoint's or that of another who rests for the same.
    fn probe(&mut self, now: Timestamp, request: RequestId, shared: Option<Fault>) {
        self.phase = Phase::Probing { request, sent: now, shared };
        self.rests.probed();
    }

    /// Whether this request is the one that decides over its rest.
    pub(super) fn is_probe(&self, request: RequestId) -> bool {
        matches!(self.phase, Phase::Probing { request: probe, .. } if probe == request)
    }

    /// Another's probe goes: whether it decides over a rest here too.
    pub(super) fn await_probe(&mut self, now: Timestamp, request: RequestId, fault: Fault) -> bool {
        let concerns = self.rests_for(fault).is_some();
        if matches!(self.phase, Phase::Resting) && self.rests.waits_for_nothing_but(fault, now) {
            self.probe(now, request, Some(fault));
        }
        concerns
    }

    /// The probe of another who rests for the same is over: let in, or without a word.
    pub(super) fn heard(&mut self, now: Timestamp, request: RequestId, fault: Fault, let_in: bool) {
        self.advance(now);
        if let_in && !matches!(self.phase, Phase::Probing { request: probe, .. } if probe != request) {
            self.rests.end(fault);
        }
        let rests = matches!(self.phase, Phase::Resting) || self.is_probe(request);
        match self.phase {
            _ if !rests => {}
            _ if self.rests.longest().is_none() => self.ramp(now),
            _ => self.phase = Phase::Resting,
        }
    }

    fn ramp(&mut self, now: Timestamp) {
        self.phase = Phase::Ramping { since: now, step: 0, requests: 0, tokens: 0 };
        (self.throttles, self.denials, self.missing) = (0, 0, 0);
    }

    /// An attempt was committed. Ends a rest if it was the probe; says nothing of a rest that began after it was sent.
    pub(super) fn committed(&mut self, now: Timestamp, request: RequestId) {
        self.advance(now);
        match self.phase {
            Phase::Probing { request: probe, .. } if probe == request => {
                if self.rests.proved(now) {
                    self.ramp(now);
                } else {
                    self.phase = Phase::Resting;
                    (self.throttles, self.denials, self.missing) = (0, 0, 0);
                }
            }
            Phase::Resting | Phase::Probing { .. } => return,
            Phase::Ramping { since, .. } if now.since(since) < RAMP => {}
            Phase::Unknown | Phase::Healthy | Phase::Ramping { .. } => {
                self.phase = Phase::Healthy;
                (self.throttles, self.ejections, self.denials, self.missing) = (0, 0, 0, 0);
            }
        }
        (self.faults, self.connects) = (0, 0);
    }

    /// The request is gone without a verdict: if it was the probe, another may go.
    pub(super) fn unjudged(&mut self, now: Timestamp, request: RequestId) {
        self.advance(now);
        if self.is_probe(request) {
            self.phase = Phase::Resting;
        }
    }

    /// A key was replaced: rests for the old one, or for what it may draw on, are over, by probe as any other; other rests go on.
    /// Another account's probe is signed with another key, so it is not waited for. Whether there was one.
    pub(super) fn forgive_key(&mut self, now: Timestamp) -> bool {
        self.advance(now);
        let shared = match self.phase {
            Phase::Resting => None,
            Phase::Probing { shared: Some(fault), .. } => Some(fault),
            _ => return false,
        };
        let forgives = self.rests.forgive_key(now);
        if forgives {
            self.denials = 0;
        }
        if forgives && shared.is_some_and(Fault::is_of_the_key) {
            self.phase = Phase::Resting;
        }
        forgives
    }

    /// How many throttles came in a row, this one included. Those of requests sent before the rest began count once.
    pub(super) fn throttled(&mut self, request: RequestId) -> u32 {
        if self.takes_blame(request) {
            self.throttles = self.throttles.saturating_add(1);
        }
        self.throttles.max(1)
    }

    /// How many denials of this kind (key or rule, missing deployment) came in a row, this one included.
    pub(super) fn denied(&mut self, request: RequestId, cause: RestCause) -> u32 {
        let news = self.takes_blame(request);
        let row = if Fault::of(cause) == Fault::Missing { &mut self.missing } else { &mut self.denials };
        if news {
            *row = row.saturating_add(1);
        }
        (*row).max(1)
    }

    /// Counts a fault. `Some(n)`: it is ejected for the n-th time in a row.
    pub(super) fn faulted(
        &mut self,
        now: Timestamp,
        request: RequestId,
        connect: bool,
        rule: &HealthRule,
    ) -> Option<u32> {
        if !self.takes_blame(request) {
            return None;
        }
        let row = Duration::from_secs(rule.within_seconds.into());
        if self.faults == 0 || now.since(self.first_fault) > row {
            (self.faults, self.connects, self.first_fault) = (0, 0, now);
        }
        self.faults = self.faults.saturating_add(1);
        self.connects = if connect { self.connects.saturating_add(1) } else { 0 };
        let probe = matches!(self.phase, Phase::Probing { .. });
        if !probe && self.faults < rule.failures && self.connects < CONNECTS {
            return None;
        }
        (self.faults, self.connects) = (0, 0);
        self.ejections = self.ejections.saturating_add(1);
        Some(self.ejections)
    }

    /// Counts an answer that broke after its first token. `Some(n)`: the endpoint is ejected for the n-th time in a row.
    pub(super) fn cut(&mut self, now: Timestamp, request: RequestId, rule: &HealthRule) -> Option<u32> {
        if !self.takes_blame(request) {
            return None;
        }
        let row = Duration::from_secs(rule.within_seconds.into());
        if self.cuts == 0 || now.since(self.first_cut) > row {
            (self.cuts, self.first_cut) = (0, now);
        }
        self.cuts = self.cuts.saturating_add(1);
        if self.cuts < rule.failures {
            return None;
        }
        self.cuts = 0;
        self.ejections = self.ejections.saturating_add(1);
        Some(self.ejections)
    }

    /// An answer came to its end.
    pub(super) const fn whole(&mut self) {
        self.cuts = 0;
    }

    /// Rests until a time; never earlier than a rest for the same that is on already. `request`'s failure is why.
    pub(super) fn rest(&mut self, request: RequestId, until: Timestamp, cause: RestCause) {
        let others = matches!(self.phase, Phase::Probing { request: probe, .. } if probe != request);
        if !others && !matches!(self.phase, Phase::Resting | Phase::Probing { .. }) {
            self.rests.clear();
        }
        self.rests.note(until, cause, others);
        if !others {
            self.phase = Phase::Resting;
        }
    }

    /// A rest that an earlier run began.
    pub(super) fn go_on_resting(&mut self, until: Timestamp, cause: RestCause) {
        if matches!(self.phase, Phase::Unknown | Phase::Resting) {
            self.rests.note(until, cause, false);
            self.phase = Phase::Resting;
        }
    }

    /// Whether this request was sent while the endpoint was up, or is its probe: only then its failure is news.
    pub(super) fn takes_blame(&self, request: RequestId) -> bool {
        match self.phase {
            Phase::Resting => false,
            Phase::Probing { request: probe, .. } => probe == request,
            Phase::Unknown | Phase::Healthy | Phase::Ramping { .. } => true,
        }
    }
}

fn step_at(since: Timestamp, now: Timestamp) -> u64 {
    now.since(since).as_secs()
}

fn step_start(since: Timestamp, step: u64) -> Timestamp {
    since.after(STEP.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)))
}

/// A quarter at first, three more quarters over the ramp.
fn percent(step: u64) -> u8 {
    let grown = step.saturating_mul(75) / RAMP.as_secs();
    u8::try_from(grown.saturating_add(25).min(99)).unwrap_or(99)
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
