//! What we observe of an endpoint: rest, the single probe that ends it, and the ramp after.
//!
//! Invariant: a rest only ever moves later, and ends by its probe alone: committed, or not throttled for long enough.
//! Absent on purpose: how long a failure rests (`rest`) and what the person set (admin state).

use std::time::Duration;

use crate::model::config::HealthRule;
use crate::model::id::RequestId;
use crate::model::outcome::ThrottleKind;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;

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
    Resting {
        until: Timestamp,
        cause: RestCause,
    },
    /// `told`: another request was told of a later rest after the probe was sent, which the probe's success does not end.
    Probing {
        request: RequestId,
        sent: Timestamp,
        until: Timestamp,
        cause: RestCause,
        told: bool,
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
    /// Faults in a row and when the first of them came.
    faults: u32,
    connects: u32,
    first_fault: Timestamp,
    /// Answers in a row that broke after their first token, and when the first of them did.
    cuts: u32,
    first_cut: Timestamp,
    /// Rests in a row by cause family: throttles, ejections, denials.
    throttles: u32,
    ejections: u32,
    denials: u32,
}

impl HealthState {
    /// Nothing was sent yet.
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Unknown,
            faults: 0,
            connects: 0,
            first_fault: Timestamp::ZERO,
            cuts: 0,
            first_cut: Timestamp::ZERO,
            throttles: 0,
            ejections: 0,
            denials: 0,
        }
    }

    /// The phase that time alone has led to.
    fn phase_at(&self, now: Timestamp) -> Phase {
        match self.phase {
            Phase::Probing { sent, until, cause, .. } => match verdict_by(sent, until, cause) {
                Some(since) if since <= now => Phase::Ramping { since, step: 0, requests: 0, tokens: 0 },
                _ => self.phase,
            },
            phase => phase,
        }
    }

    /// Health as shown; nearness to a limit is not known here.
    pub(super) fn health(&self, now: Timestamp) -> Health {
        match self.phase_at(now) {
            Phase::Unknown => Health::Unknown,
            Phase::Healthy => Health::Healthy,
            Phase::Resting { until, cause } => Health::Resting { until, cause },
            Phase::Probing { .. } => Health::Probing,
            Phase::Ramping { since, .. } if now.since(since) >= RAMP => Health::Healthy,
            Phase::Ramping { since, .. } => Health::Ramping { percent: percent(step_at(since, now)) },
        }
    }

    /// Rests in a row of the kind that lasts the longest.
    pub(super) fn rests_in_a_row(&self) -> u32 {
        self.throttles.max(self.ejections).max(self.denials)
    }

    /// Whether it takes requests of any size.
    pub(super) fn is_up(&self, now: Timestamp) -> bool {
        match self.phase_at(now) {
            Phase::Unknown | Phase::Healthy => true,
            Phase::Ramping { since, .. } => now.since(since) >= RAMP,
            Phase::Resting { .. } | Phase::Probing { .. } => false,
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
            Phase::Resting { until, .. } if until <= now => Standing::Probe,
            Phase::Resting { until, cause } => Standing::Resting(until, cause),
            Phase::Probing { sent, until, cause, .. } => Standing::Probing(verdict_by(sent, until, cause)),
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
        self.phase = self.phase_at(now);
        match &mut self.phase {
            Phase::Resting { until, cause } => {
                self.phase = Phase::Probing { request, sent: now, until: *until, cause: *cause, told: false };
            }
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

    /// An attempt was committed. Ends a rest if it was the probe; says nothing of a rest that began after it was sent.
    pub(super) fn committed(&mut self, now: Timestamp, request: RequestId) {
        self.phase = self.phase_at(now);
        match self.phase {
            Phase::Probing { request: probe, until, cause, told, .. } if probe == request => {
                self.phase = if told && until > now {
                    Phase::Resting { until, cause }
                } else {
                    Phase::Ramping { since: now, step: 0, requests: 0, tokens: 0 }
                };
                self.throttles = 0;
                self.denials = 0;
            }
            Phase::Resting { .. } | Phase::Probing { .. } => return,
            Phase::Ramping { since, .. } if now.since(since) < RAMP => {}
            Phase::Unknown | Phase::Healthy | Phase::Ramping { .. } => {
                self.phase = Phase::Healthy;
                (self.throttles, self.ejections, self.denials) = (0, 0, 0);
            }
        }
        (self.faults, self.connects) = (0, 0);
    }

    /// The request is gone without a verdict: if it was the probe, another may go.
    pub(super) fn unjudged(&mut self, now: Timestamp, request: RequestId) {
        self.phase = self.phase_at(now);
        if let Phase::Probing { request: probe, until, cause, .. } = self.phase
            && probe == request
        {
            self.phase = Phase::Resting { until, cause };
        }
    }

    /// A key was replaced: a rest for the old one, or for what it may draw on, is over, by probe as any other. Whether there was
    /// one.
    pub(super) fn forgive_key(&mut self, now: Timestamp) -> bool {
        const OF_THE_KEY: [RestCause; 3] =
            [RestCause::KeyRejected, RestCause::Blocked, RestCause::Throttled(ThrottleKind::OutOfCredit)];
        match &mut self.phase {
            Phase::Resting { until, cause } if OF_THE_KEY.contains(cause) => {
                *until = (*until).min(now);
                self.denials = 0;
                true
            }
            _ => false,
        }
    }

    /// How many throttles came in a row, this one included. Those of requests sent before the rest began count once.
    pub(super) fn throttled(&mut self, request: RequestId) -> u32 {
        if self.takes_blame(request) {
            self.throttles = self.throttles.saturating_add(1);
        }
        self.throttles.max(1)
    }

    /// How many denials (key, rule, missing deployment) came in a row, this one included.
    pub(super) fn denied(&mut self, request: RequestId) -> u32 {
        if self.takes_blame(request) {
            self.denials = self.denials.saturating_add(1);
        }
        self.denials.max(1)
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

    /// Rests until a time; never earlier than a rest that is on already. `request`'s failure is why.
    pub(super) fn rest(&mut self, request: RequestId, until: Timestamp, cause: RestCause) {
        self.phase = match self.phase {
            Phase::Resting { until: old, cause: why } if old >= until => Phase::Resting { until: old, cause: why },
            Phase::Probing { request: probe, sent, until: old, cause: why, told } if probe != request => {
                let (later, cause) = if until > old { (true, cause) } else { (told, why) };
                Phase::Probing { request: probe, sent, until: old.max(until), cause, told: later }
            }
            Phase::Probing { until: old, cause: why, told: true, .. } if old >= until => {
                Phase::Resting { until: old, cause: why }
            }
            _ => Phase::Resting { until, cause },
        };
    }

    /// A rest that an earlier run began.
    pub(super) const fn go_on_resting(&mut self, until: Timestamp, cause: RestCause) {
        if matches!(self.phase, Phase::Unknown) {
            self.phase = Phase::Resting { until, cause };
        }
    }

    /// Whether this request was sent while the endpoint was up, or is its probe: only then its failure is news.
    pub(super) fn takes_blame(&self, request: RequestId) -> bool {
        match self.phase {
            Phase::Resting { .. } => false,
            Phase::Probing { request: probe, .. } => probe == request,
            Phase::Unknown | Phase::Healthy | Phase::Ramping { .. } => true,
        }
    }
}

/// When a probe's silence is an answer. Only a throttle comes at once; what else went wrong may take its time again. And
/// silence says nothing of a rest that another request was told after the probe was sent.
fn verdict_by(sent: Timestamp, until: Timestamp, cause: RestCause) -> Option<Timestamp> {
    (matches!(cause, RestCause::Throttled(_)) && until <= sent).then(|| sent.after(VERDICT))
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
mod tests {
    use super::*;

    const PACE: Pace = Pace { tokens_per_minute: Some(60_000), requests_per_minute: Some(1_200) };
    const CAUSE: RestCause = RestCause::Throttled(ThrottleKind::Tokens);
    const PROBE: RequestId = RequestId(1);
    const OTHER: RequestId = RequestId(2);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }
    fn resting(until: u64) -> HealthState {
        let mut health = HealthState::new();
        health.rest(OTHER, at(until), CAUSE);
        health
    }

    #[test]
    fn silence_does_not_shorten_a_rest_that_was_told_after_the_probe_was_sent() {
        let mut health = resting(30);
        health.sent(at(30), PROBE, 1);
        health.rest(OTHER, at(90), RestCause::Throttled(ThrottleKind::Tokens));
        assert_eq!(health.standing(at(40), 1, PACE), Standing::Probing(None));
    }

    #[test]
    fn a_probes_success_does_not_end_a_rest_that_was_told_after_it_was_sent() {
        let mut health = resting(30);
        health.sent(at(30), PROBE, 1);
        health.rest(OTHER, at(90), CAUSE);
        health.committed(at(33), PROBE);
        assert_eq!(health.standing(at(40), 1, PACE), Standing::Resting(at(90), CAUSE));
        assert_eq!(health.standing(at(90), 1, PACE), Standing::Probe);
    }

    #[test]
    fn a_second_rest_never_shortens_the_first() {
        let mut health = resting(30);
        health.rest(OTHER, at(10), CAUSE);
        assert_eq!(health.standing(at(11), 1, PACE), Standing::Resting(at(30), CAUSE));
        health.rest(OTHER, at(40), CAUSE);
        assert_eq!(health.standing(at(31), 1, PACE), Standing::Resting(at(40), CAUSE));
    }

    #[test]
    fn exactly_one_probe_goes_when_rest_ends() {
        let mut health = resting(30);
        assert_eq!(health.standing(at(30), 1, PACE), Standing::Probe);
        health.sent(at(30), PROBE, 1);
        assert_eq!(health.standing(at(31), 1, PACE), Standing::Probing(Some(at(35))));
        health.committed(at(31), OTHER);
        assert_eq!(health.health(at(31)), Health::Probing, "an older request proves nothing");
        health.unjudged(at(31), PROBE);
        assert_eq!(health.standing(at(31), 1, PACE), Standing::Probe);
    }

    #[test]
    fn a_committed_probe_ramps_from_a_quarter_to_everything_in_four_seconds() {
        let mut health = resting(30);
        health.sent(at(30), PROBE, 1);
        health.committed(at(31), PROBE);
        let shown: Vec<Health> = (31..=35).map(|second| health.health(at(second))).collect();
        let ramp = |percent| Health::Ramping { percent };
        assert_eq!(shown, [ramp(25), ramp(43), ramp(62), ramp(81), Health::Healthy]);
    }

    #[test]
    fn a_slow_probe_of_a_throttle_counts_as_let_in_when_no_429_came() {
        let mut health = resting(30);
        health.sent(at(30), PROBE, 1);
        assert_eq!(health.health(at(34)), Health::Probing);
        assert_eq!(health.health(at(35)), Health::Ramping { percent: 25 });
        assert_eq!(health.standing(at(35), 1, PACE), Standing::Open);
        health.sent(at(36), OTHER, 1);
        health.unjudged(at(37), PROBE);
        assert_eq!(
            health.health(at(37)),
            Health::Ramping { percent: 62 },
            "a probe that leaves now takes nothing back"
        );
        health.rest(PROBE, at(60), CAUSE);
        assert_eq!(
            health.standing(at(38), 1, PACE),
            Standing::Resting(at(60), CAUSE),
            "a late 429 is one all the same"
        );
    }

    #[test]
    fn silence_says_nothing_of_faults() {
        let mut health = HealthState::new();
        health.rest(OTHER, at(30), RestCause::Errors);
        health.sent(at(30), PROBE, 1);
        assert_eq!(health.standing(at(90), 1, PACE), Standing::Probing(None));
    }

    #[test]
    fn a_ramp_step_admits_its_share_and_then_waits_for_the_next() {
        let mut health = resting(30);
        health.sent(at(30), PROBE, 1);
        health.committed(at(31), PROBE);
        health.sent(at(31), OTHER, 200);
        assert_eq!(health.standing(at(31), 50, PACE), Standing::Open);
        assert_eq!(health.standing(at(31), 51, PACE), Standing::Ramping(at(32)));
        assert_eq!(health.standing(at(32), 5_000, PACE), Standing::Open, "the first of a step always goes");
    }

    #[test]
    fn three_faults_in_a_row_eject_and_an_answer_between_starts_over() {
        let mut health = HealthState::new();
        assert_eq!(health.faulted(at(1), OTHER, false, &HealthRule::default()), None);
        assert_eq!(health.faulted(at(2), OTHER, false, &HealthRule::default()), None);
        health.committed(at(3), OTHER);
        assert_eq!(health.faulted(at(4), OTHER, false, &HealthRule::default()), None);
        assert_eq!(health.faulted(at(5), OTHER, false, &HealthRule::default()), None);
        assert_eq!(health.faulted(at(6), OTHER, false, &HealthRule::default()), Some(1));
    }

    #[test]
    fn two_failed_connections_eject_and_faults_an_hour_apart_do_not() {
        let mut health = HealthState::new();
        assert_eq!(health.faulted(at(1), OTHER, true, &HealthRule::default()), None);
        assert_eq!(health.faulted(at(2), OTHER, true, &HealthRule::default()), Some(1));
        let mut slow = HealthState::new();
        for hour in 1..5 {
            assert_eq!(slow.faulted(at(hour * 3_600), OTHER, true, &HealthRule::default()), None);
        }
    }

    #[test]
    fn a_failed_probe_ejects_again_and_stragglers_do_not_count() {
        let mut health = resting(30);
        assert_eq!(health.faulted(at(5), OTHER, true, &HealthRule::default()), None);
        assert_eq!(health.throttled(OTHER), 1);
        assert_eq!(health.throttled(OTHER), 1, "both were sent before the rest");
        health.sent(at(30), PROBE, 1);
        assert_eq!(health.faulted(at(31), PROBE, false, &HealthRule::default()), Some(1));
    }

    #[test]
    fn a_new_key_ends_the_rest_of_a_rejected_one_only() {
        let mut health = HealthState::new();
        health.rest(OTHER, at(60), RestCause::KeyRejected);
        assert!(health.forgive_key(at(5)));
        assert_eq!(health.standing(at(5), 1, PACE), Standing::Probe);
        let mut other = resting(60);
        assert!(!other.forgive_key(at(5)));
        assert_eq!(other.standing(at(5), 1, PACE), Standing::Resting(at(60), CAUSE));
    }

    #[test]
    fn the_persons_rule_says_how_many_failures_within_what_time_eject() {
        let rule = HealthRule { failures: 2, within_seconds: 10, ..HealthRule::default() };
        let mut health = HealthState::new();
        assert_eq!(health.faulted(at(1), OTHER, false, &rule), None);
        assert_eq!(health.faulted(at(20), OTHER, false, &rule), None, "too far apart to be in a row");
        assert_eq!(health.faulted(at(25), OTHER, false, &rule), Some(1));
    }
}
