//! Requests for what an account keeps: files, lists, stored responses, jobs. A visit takes no tokens, so it waits for none and
//! no endpoint's ledger knows it; but an account that is to be left alone is left alone, and its caller's limits of requests hold.
//!
//! The rule: a visit goes to its account by the first endpoint that is enabled, has a key and does not rest for a cause that
//! concerns the whole account (its key, a rule of its network, no connection). What a deployment's limits or errors are resting
//! for does not concern it. What visits themselves are told, a 429, a 503, errors in a row, rests the account for visits alone,
//! by the same spans and the same single probe as any endpoint's; a refused key rests every endpoint that is signed with it.
//! Who meets a rest waits for its end if that comes in time, and is refused by name else.
//!
//! Invariant: a visit goes to the account that was named or nowhere, and what may have changed something is not sent twice.
//! Absent on purpose: which account that is (`whereabouts`), and runs of models on what is stored, which are requests like others.

mod callers;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::callers::Paid;
use super::balancer::Balancer;
use super::event::{Assignment, Output, Visit};
use super::health::{HealthState, Pace, Standing};
use super::judge::resting;
use super::rest::{Throttled, denial, ejection, overloaded};
use super::retry::{attempt_cap, backoff};
use crate::model::candidates::{Candidates, Footing};
use crate::model::config::AdminState;
use crate::model::decision::{Choice, Conclusion, Decision, Estimate, Exclusion, Refusal, RefusalReason, Verdict};
use crate::model::id::{AccountId, EndpointId, ModelName, RequestId};
use crate::model::outcome::{Ending, Failure, FailureClass, Settlement, ThrottleKind};
use crate::model::profile::RequestProfile;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;

/// How it grows back after a rest: by the rate that is taken where none is known.
const PACE: Pace = Pace { tokens_per_minute: None, requests_per_minute: None };

/// Who waits on looks again after this at the soonest, unless something happens.
const LATER: Duration = Duration::from_millis(1);

/// Everybody under way to an account, and how accounts themselves are.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    under_way: BTreeMap<RequestId, Visitor>,
    /// Those that wait, by when they look again.
    wakes: BTreeSet<(Timestamp, RequestId)>,
    accounts: BTreeMap<AccountId, HealthState>,
    /// Callers of which something ended.
    freed: BTreeSet<usize>,
}

/// One that is under way.
#[derive(Clone, Debug)]
struct Visitor {
    profile: Arc<RequestProfile>,
    visit: Visit,
    attempts: u32,
    /// Time spent waiting before the present wait.
    waited: Duration,
    stage: Stage,
    committed: bool,
    /// What it took of its caller, once it was sent.
    paid: Option<Paid>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Looks again at `until`, or when something happens after `earliest`.
    Waiting { since: Timestamp, earliest: Timestamp, until: Timestamp, deadline: Timestamp },
    /// At the endpoint of this slot.
    Sent(usize),
}

/// One endpoint by which the account could be reached: its index in the configuration, how it stood, when it would have been open.
type Door = (usize, Footing, Option<Timestamp>);

/// Whether a visit may go.
enum Leave {
    /// To the endpoint at this index of the configuration.
    Now(usize),
    /// From then on; `None`: once something happens whose time nobody knows.
    Later(Option<Timestamp>),
    /// The account could be asked, but its caller has to wait until then; `None`: until something of its ends.
    CallerLacks(Option<Timestamp>),
    /// Waiting does not help.
    Never,
}

impl Visits {
    /// Whether a request is one of these.
    pub(super) fn holds(&self, request: RequestId) -> bool {
        self.under_way.contains_key(&request)
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// When one that waits looks again.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.wakes.first().map(|(when, _)| *when)
    }

    /// Those that wait for an account; `None`: for any.
    fn waiting(&self, account: Option<&AccountId>) -> Vec<RequestId> {
        let is_there = |request: &RequestId| {
            let visitor = self.under_way.get(request);
            visitor.is_some_and(|visitor| account.is_none_or(|account| *account == visitor.visit.account))
        };
        self.wakes.iter().map(|(_, request)| *request).filter(is_there).collect()
    }

    fn health(&mut self, account: &AccountId) -> &mut HealthState {
        self.accounts.entry(account.clone()).or_insert_with(HealthState::new)
    }
}

impl Visitor {
    fn waited_by(&self, now: Timestamp) -> Duration {
        match self.stage {
            Stage::Waiting { since, .. } => self.waited.saturating_add(now.since(since)),
            Stage::Sent(_) => self.waited,
        }
    }
}

impl Balancer {
    /// A request wants to go to an account. A visit that the same request made before is over.
    pub(super) fn visiting(
        &mut self,
        now: Timestamp,
        request: RequestId,
        profile: Arc<RequestProfile>,
        visit: Visit,
        outputs: &mut Vec<Output>,
    ) {
        self.visit_over(now, request, Some(Ending::Completed));
        let (attempts, waited, committed) = (0, Duration::ZERO, false);
        let stage = Stage::Waiting { since: now, earliest: now, until: now, deadline: now };
        let visitor = Visitor { profile, visit, attempts, waited, stage, committed, paid: None };
        let (leave, judged) = self.may_visit(now, &visitor);
        match leave {
            _ if self.stopping => self.refuse_visit(now, request, &visitor, &judged, RefusalReason::Stopping, outputs),
            Leave::Now(endpoint) => self.send_visit(now, request, visitor, endpoint, judged, outputs),
            leave => self.wait_or_refuse(now, request, visitor, (&leave, &judged), None, outputs),
        }
    }

    /// Those whose time to look again has come.
    pub(super) fn visits_due(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        while let Some((_, request)) = self.visits.wakes.first().copied().filter(|(when, _)| *when <= now) {
            self.look_again(now, request, outputs);
        }
    }

    /// Something changed: those that wait for this account (`None`: for any) look again.
    pub(super) fn visits_look(&mut self, now: Timestamp, account: Option<&AccountId>, outputs: &mut Vec<Output>) {
        for request in self.visits.waiting(account) {
            self.look_again(now, request, outputs);
        }
    }

    /// Nobody goes anywhere any more.
    pub(super) fn refuse_visits(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        for request in self.visits.waiting(None) {
            let Some(visitor) = self.take_waiting(request) else { continue };
            let (_, judged) = self.may_visit(now, &visitor);
            self.refuse_visit(now, request, &visitor, &judged, RefusalReason::Stopping, outputs);
        }
    }

    fn take_waiting(&mut self, request: RequestId) -> Option<Visitor> {
        let visitor = self.visits.under_way.remove(&request)?;
        if let Stage::Waiting { until, .. } = visitor.stage {
            self.visits.wakes.remove(&(until, request));
        }
        Some(visitor)
    }

    fn look_again(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let Some(visitor) = self.take_waiting(request) else {
            self.visits.wakes.retain(|(_, waiting)| *waiting != request);
            return;
        };
        let Stage::Waiting { since, earliest, until, deadline } = visitor.stage else { return };
        if now < earliest {
            return self.put_waiting(request, visitor, (since, earliest, earliest, deadline));
        }
        if now < deadline && self.lines_go_first(now, &visitor) {
            let until = until.max(now.after(LATER));
            return self.put_waiting(request, visitor, (since, earliest, until, deadline));
        }
        let (leave, judged) = self.may_visit(now, &visitor);
        match leave {
            Leave::Now(endpoint) => self.send_visit(now, request, visitor, endpoint, judged, outputs),
            Leave::Later(when) | Leave::CallerLacks(when)
                if now < deadline && when.is_none_or(|when| when <= deadline) =>
            {
                let until = when.unwrap_or(deadline).max(now.after(LATER));
                self.put_waiting(request, visitor, (since, now, until, deadline));
            }
            Leave::Later(_) | Leave::CallerLacks(_) | Leave::Never => {
                let reason = reason(&leave, &visitor);
                self.refuse_visit(now, request, &visitor, &judged, reason, outputs);
            }
        }
    }

    fn put_waiting(
        &mut self,
        request: RequestId,
        visitor: Visitor,
        (since, earliest, until, deadline): (Timestamp, Timestamp, Timestamp, Timestamp),
    ) {
        self.visits.wakes.insert((until, request));
        let stage = Stage::Waiting { since, earliest, until, deadline };
        self.visits.under_way.insert(request, Visitor { stage, ..visitor });
    }

    /// Whether it may go, and what is said of each of the account's endpoints.
    fn may_visit(&self, now: Timestamp, visitor: &Visitor) -> (Leave, Vec<Door>) {
        self.as_its_caller_may(now, visitor, self.lets_visit(now, visitor))
    }

    /// The same by the account alone.
    fn lets_visit(&self, now: Timestamp, visitor: &Visitor) -> (Leave, Vec<Door>) {
        let account = &visitor.visit.account;
        let own = self.visits.accounts.get(account).map_or(Standing::Open, |health| health.standing(now, 0, PACE));
        let (mut leave, mut judged) = (Leave::Never, Vec::new());
        for endpoint in (0..self.config.endpoints.len()).filter(|at| self.is_of(*at, account)) {
            let Some(seat) = self.seat(endpoint) else { continue };
            let (out, free_at) = match (seat.admin, seat.state.health.health(now)) {
                (AdminState::Paused, _) => (Some(Exclusion::Paused), None),
                (AdminState::Draining, _) => (Some(Exclusion::Draining), None),
                _ if !seat.has_key => (Some(Exclusion::NoKey), None),
                (_, Health::Resting { until, cause }) if until > now && concerns_account(cause) => {
                    (Some(resting(cause)), Some(until))
                }
                _ => stands(own),
            };
            let is_open = seat.admin == AdminState::Enabled && seat.has_key;
            leave = match (leave, out) {
                (Leave::Now(first), _) => Leave::Now(first),
                (_, None) => Leave::Now(endpoint),
                (leave, Some(_)) if !is_open => leave,
                (Leave::Later(Some(known)), _) => Leave::Later(Some(free_at.map_or(known, |at| at.min(known)))),
                (_, Some(_)) => Leave::Later(free_at),
            };
            let verdict = Verdict::Excluded(out.unwrap_or(Exclusion::NotNeeded));
            let (admin_state, health) = (seat.admin, seat.health(now));
            judged.push((endpoint, Footing { group: 1, admin_state, health, needs: 1, limit: None, verdict }, free_at));
        }
        (leave, judged)
    }

    fn is_of(&self, endpoint: usize, account: &AccountId) -> bool {
        self.config.endpoints.get(endpoint).is_some_and(|spec| spec.account == *account)
    }

    fn send_visit(
        &mut self,
        now: Timestamp,
        request: RequestId,
        mut visitor: Visitor,
        endpoint: usize,
        mut judged: Vec<Door>,
        outputs: &mut Vec<Output>,
    ) {
        let Some(slot) = self.slot_of.get(endpoint).copied() else { return };
        let is_only = self.config.config.accounts.len() == 1;
        let choice = match visitor.visit.is_bound {
            _ if is_only => Choice::OnlyCandidate,
            true => Choice::StateLives,
            false => Choice::Turn,
        };
        for (at, footing, _) in &mut judged {
            if *at == endpoint {
                footing.verdict = Verdict::Chosen(choice);
            }
        }
        visitor.waited = visitor.waited_by(now);
        visitor.attempts = visitor.attempts.saturating_add(1);
        visitor.stage = Stage::Sent(slot);
        self.caller_sends(now, &mut visitor);
        let decision = self.visit_decision(now, &visitor, &judged, Conclusion::Sent);
        self.visits.health(&visitor.visit.account).sent(now, request, 0);
        let Some(state) = self.endpoints.get_mut(slot) else { return };
        state.counters.attempts = state.counters.attempts.saturating_add(1);
        let (account, attempt) = (visitor.visit.account.clone(), visitor.attempts);
        let assignment = Assignment { endpoint: state.id.clone(), account, group: 0, attempt, decision };
        self.visits.under_way.insert(request, visitor);
        outputs.push(Output::Assigned { request, assignment });
    }

    fn wait_or_refuse(
        &mut self,
        now: Timestamp,
        request: RequestId,
        visitor: Visitor,
        (leave, judged): (&Leave, &[Door]),
        at_least: Option<Timestamp>,
        outputs: &mut Vec<Output>,
    ) {
        let deadline = self.visit_deadline(now, &visitor);
        let when = match leave {
            Leave::Now(_) => at_least,
            Leave::Later(when) | Leave::CallerLacks(when) => {
                Some(when.unwrap_or(deadline).max(at_least.unwrap_or(now)))
            }
            Leave::Never => None,
        };
        let is_full = self.deadlines.len().saturating_add(self.visits.wakes.len())
            >= usize::try_from(self.config.queue.max_waiting).unwrap_or(usize::MAX);
        match when.filter(|when| *when <= deadline && visitor.visit.waits && deadline > now) {
            Some(_) if is_full => {
                self.refuse_visit(now, request, &visitor, judged, RefusalReason::LineFull, outputs);
            }
            Some(when) => {
                let decision = self.visit_decision(now, &visitor, judged, Conclusion::Held { expected: when });
                self.put_waiting(request, visitor, (now, at_least.unwrap_or(now), when, deadline));
                outputs.push(Output::Held { request, decision });
            }
            None => {
                let reason = reason(leave, &visitor);
                self.refuse_visit(now, request, &visitor, judged, reason, outputs);
            }
        }
    }

    fn visit_deadline(&self, now: Timestamp, visitor: &Visitor) -> Timestamp {
        let longest = Duration::from_secs(u64::from(self.config.queue.max_wait_seconds));
        let patience = visitor.profile.patience.map_or(longest, |patience| patience.min(longest));
        now.after(patience.saturating_sub(visitor.waited))
    }

    fn refuse_visit(
        &mut self,
        now: Timestamp,
        request: RequestId,
        visitor: &Visitor,
        judged: &[Door],
        reason: RefusalReason,
        outputs: &mut Vec<Output>,
    ) {
        self.refused = self.refused.saturating_add(1);
        self.caller_is_done(now, visitor, true);
        let decision = Some(self.visit_decision(now, visitor, judged, Conclusion::Refused(reason)));
        let retry_at = judged.iter().filter_map(|(.., free_at)| *free_at).min();
        let retry_at =
            retry_at.filter(|_| matches!(reason, RefusalReason::AccountRests | RefusalReason::NoCapacityInTime));
        outputs.push(Output::Refused { request, refusal: Refusal { reason, retry_at }, decision });
    }

    fn visit_decision(
        &mut self,
        now: Timestamp,
        visitor: &Visitor,
        judged: &[Door],
        conclusion: Conclusion,
    ) -> Arc<Decision> {
        let name = |at: &usize| self.config.endpoints.get(*at).map(|spec| spec.id.clone());
        let names: Arc<[EndpointId]> = judged.iter().filter_map(|(at, ..)| name(at)).collect();
        let mut candidates = Candidates::of(names);
        for (_, footing, free_at) in judged {
            candidates.push(*footing, None, *free_at);
        }
        let next = u32::from(matches!(conclusion, Conclusion::Held { .. } | Conclusion::Refused(_)));
        Arc::new(Decision {
            id: self.next_decision(),
            at: now,
            revision: self.config.revision,
            route: ModelName::clone(&visitor.profile.model),
            attempt: visitor.attempts.saturating_add(next).max(1),
            estimate: Estimate::default(),
            waited: visitor.waited_by(now),
            candidates,
            conclusion,
            bound: Some(visitor.visit.account.clone()),
            went_on: None,
            would_have: None,
        })
    }

    /// The answer's head is good.
    pub(super) fn visit_committed(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let Some(visitor) = self.visits.under_way.get_mut(&request) else { return };
        visitor.committed = true;
        let account = visitor.visit.account.clone();
        self.visits.health(&account).committed(now, request);
        self.visits_look(now, Some(&account), outputs);
    }

    /// It is over; `None`: nothing was sent.
    pub(super) fn visit_over(&mut self, now: Timestamp, request: RequestId, ending: Option<Ending>) {
        let Some(visitor) = self.take_waiting(request) else { return };
        let was_asked = visitor.attempts > 1 || matches!(visitor.stage, Stage::Waiting { .. });
        self.caller_is_done(now, &visitor, ending.is_some() || was_asked);
        let Stage::Sent(slot) = visitor.stage else { return };
        self.caller_is_back(&visitor);
        if !visitor.committed {
            self.visits.health(&visitor.visit.account).unjudged(now, request);
        }
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        let counters = &mut endpoint.counters;
        match ending {
            None => counters.attempts = counters.attempts.saturating_sub(1),
            Some(Ending::Completed) if visitor.committed => counters.answered = counters.answered.saturating_add(1),
            Some(Ending::CutOff) => counters.failed = counters.failed.saturating_add(1),
            Some(_) => {}
        }
    }

    /// The same by what was reported of it.
    pub(super) fn visit_settled(
        &mut self,
        now: Timestamp,
        request: RequestId,
        settlement: Option<&Settlement>,
        outputs: &mut Vec<Output>,
    ) {
        let visitor = self.visits.under_way.get(&request);
        let (account, stage) = (visitor.map(|one| one.visit.account.clone()), visitor.map(|one| one.stage));
        if let (Some(Stage::Sent(slot)), Some(usage)) = (stage, settlement.and_then(|settlement| settlement.usage))
            && let Some(endpoint) = self.endpoints.get_mut(slot)
        {
            let counters = &mut endpoint.counters;
            counters.tokens_in = counters.tokens_in.saturating_add(usage.input);
            counters.tokens_out = counters.tokens_out.saturating_add(usage.output);
        }
        self.visit_over(now, request, settlement.map(|settlement| settlement.ending));
        self.visits_look(now, account.as_ref(), outputs);
    }

    /// It failed: once more later, or over with the service's own words.
    pub(super) fn visit_failed(
        &mut self,
        now: Timestamp,
        request: RequestId,
        failure: &Failure,
        outputs: &mut Vec<Output>,
    ) {
        let Some(visitor) = self.visits.under_way.remove(&request) else { return };
        let Stage::Sent(slot) = visitor.stage else { return };
        self.caller_is_back(&visitor);
        self.blame_visit(now, request, slot, &visitor.visit.account, failure);
        let rules = self.config.retry.clone();
        let (leave, judged) = self.may_visit(now, &visitor);
        let again = may_repeat(failure, visitor.visit.repeats)
            && visitor.visit.waits
            && visitor.attempts < attempt_cap(&rules)
            && !self.stopping
            && (matches!(failure.class, FailureClass::Throttled(_)) || self.budget.spend(now, rules.budget_percent));
        let earliest = now.after(if again { backoff(&mut self.rng, &rules, visitor.attempts) } else { Duration::ZERO });
        let start = match leave {
            Leave::Now(_) => Some(earliest),
            Leave::Later(when) | Leave::CallerLacks(when) => when.map(|when| when.max(earliest)),
            Leave::Never => None,
        };
        let account = visitor.visit.account.clone();
        if again && start.is_some_and(|start| start <= self.visit_deadline(now, &visitor)) {
            self.wait_or_refuse(now, request, visitor, (&leave, &judged), Some(earliest), outputs);
        } else {
            self.caller_is_done(now, &visitor, true);
            let decision = self.visit_decision(now, &visitor, &judged, Conclusion::PassedOn);
            outputs.push(Output::GiveUp { request, decision });
        }
        self.visits_look(now, Some(&account), outputs);
    }

    /// What a visit's failure says of its account.
    fn blame_visit(&mut self, now: Timestamp, request: RequestId, slot: usize, account: &AccountId, failure: &Failure) {
        match failure.class {
            // The service is there and answers: what was asked for is at fault.
            FailureClass::ClientFault | FailureClass::NotFound => {
                return self.visits.health(account).committed(now, request);
            }
            FailureClass::Transient => return self.visits.health(account).unjudged(now, request),
            FailureClass::KeyRejected => self.deny_account(now, request, account, RestCause::KeyRejected),
            FailureClass::Blocked => self.deny_account(now, request, account, RestCause::Blocked),
            FailureClass::Throttled(kind) => self.throttle_visits(now, request, slot, account, (kind, failure)),
            FailureClass::Connect => {
                self.visits.health(account).unjudged(now, request);
                // Whether it can be reached is the same for whatever is sent there.
                return self.blame_fault(now, request, slot, failure);
            }
            FailureClass::ServerError | FailureClass::Overloaded | FailureClass::Timeout | FailureClass::Broken => {
                let rule = self.config.config.health.clone();
                let health = self.visits.health(account);
                let ejected = health.faulted(now, request, false, &rule).map(|in_a_row| ejection(in_a_row, &rule));
                let asked = overloaded(&failure.facts).filter(|_| failure.class == FailureClass::Overloaded);
                match ejected.max(asked) {
                    Some(rest) => health.rest(request, now.after(rest), RestCause::Errors),
                    None => health.unjudged(now, request),
                }
            }
        }
        if let Some(endpoint) = self.endpoints.get_mut(slot) {
            let counters = &mut endpoint.counters;
            let is_throttle = matches!(failure.class, FailureClass::Throttled(_));
            let counter = if is_throttle { &mut counters.throttled } else { &mut counters.failed };
            *counter = counter.saturating_add(1);
            endpoint.failed_at = Some(now);
        }
    }

    /// The account's key, or all that comes from here, is refused: everything signed with it rests.
    fn deny_account(&mut self, now: Timestamp, request: RequestId, account: &AccountId, cause: RestCause) {
        let health = self.visits.health(account);
        let rest = denial(health.denied(request, cause));
        health.rest(request, now.after(rest), cause);
        for slot in self.slots_of(account) {
            if let Some(endpoint) = self.endpoints.get_mut(slot) {
                let rest = denial(endpoint.health.denied(request, cause));
                endpoint.health.rest(request, now.after(rest), cause);
            }
            self.doubt(slot);
        }
    }

    fn throttle_visits(
        &mut self,
        now: Timestamp,
        request: RequestId,
        slot: usize,
        account: &AccountId,
        (kind, failure): (ThrottleKind, &Failure),
    ) {
        let slice = self.spec_of(slot).map_or(Duration::from_secs(10), |spec| spec.request_slice);
        let health = self.visits.health(account);
        let in_a_row = health.throttled(request);
        let rest = Throttled { kind, facts: &failure.facts, in_a_row, slice, cost: 1, bucket: false }.judge().rest;
        if rest.is_zero() {
            health.unjudged(now, request);
        } else {
            health.rest(request, now.after(rest), RestCause::Throttled(kind));
        }
    }

    /// A new key: what was refused to the one before is forgotten.
    pub(super) fn forgive_visits(&mut self, now: Timestamp, account: &AccountId) {
        if let Some(health) = self.visits.accounts.get_mut(account) {
            health.forgive_key(now);
        }
    }
}

/// Whether a rest of one endpoint is its whole account's.
const fn concerns_account(cause: RestCause) -> bool {
    matches!(cause, RestCause::KeyRejected | RestCause::Blocked | RestCause::Unreachable)
}

/// What an account's standing with visits means: why not, and when.
const fn stands(standing: Standing) -> (Option<Exclusion>, Option<Timestamp>) {
    match standing {
        Standing::Open | Standing::Probe => (None, None),
        Standing::Resting(until, cause) => (Some(resting(cause)), Some(until)),
        Standing::Probing(verdict) => (Some(Exclusion::ProbeRunning), verdict),
        Standing::Ramping(next) => (Some(Exclusion::Ramping), Some(next)),
    }
}

const fn reason(leave: &Leave, visitor: &Visitor) -> RefusalReason {
    match leave {
        Leave::Never if visitor.visit.is_bound => RefusalReason::StateOutOfReach,
        Leave::Never => RefusalReason::NothingUsable,
        Leave::CallerLacks(_) => RefusalReason::NoCapacityInTime,
        Leave::Now(_) | Leave::Later(_) => RefusalReason::AccountRests,
    }
}

/// Whether sending it again can do no harm and some good.
const fn may_repeat(failure: &Failure, repeats: bool) -> bool {
    match failure.class {
        FailureClass::Throttled(ThrottleKind::TooLarge | ThrottleKind::Daily) => false,
        FailureClass::Throttled(kind) if kind.is_of_credit() => false,
        FailureClass::Throttled(_) => true,
        FailureClass::Connect => !failure.reached || repeats,
        FailureClass::ServerError | FailureClass::Overloaded | FailureClass::Broken => repeats,
        _ => false,
    }
}

#[cfg(test)]
#[path = "visits_tests.rs"]
mod tests;
