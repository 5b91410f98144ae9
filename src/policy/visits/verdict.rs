//! What became of a visit, and what that says of its account.
//!
//! Invariant: what visits are told rests the account for visits alone, by the spans of any endpoint (`rest`); a refused key and a
//! lack of connection concern whatever is sent there.
//! Absent on purpose: whether another may go (`leave`).

use std::time::Duration;

use super::Stage;
use super::leave::Leave;
use crate::model::decision::Conclusion;
use crate::model::id::{AccountId, RequestId};
use crate::model::outcome::{Ending, Failure, FailureClass, Settlement, ThrottleKind};
use crate::model::status::RestCause;
use crate::model::units::Timestamp;
use crate::policy::balancer::Balancer;
use crate::policy::event::Output;
use crate::policy::rest::{Throttled, denial, ejection, overloaded};
use crate::policy::retry::{attempt_cap, backoff};

impl Balancer {
    /// The answer's head is good.
    pub(in crate::policy) fn visit_committed(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let Some(visitor) = self.visits.under_way.get_mut(&request) else { return };
        visitor.committed = true;
        let account = visitor.visit.account.clone();
        self.visits.health(&account).committed(now, request);
        self.visits_look(now, Some(&account), outputs);
    }

    /// It is over; `None`: nothing was sent.
    pub(in crate::policy) fn visit_over(&mut self, now: Timestamp, request: RequestId, ending: Option<Ending>) {
        let Some(visitor) = self.take_waiting(request) else { return };
        let was_asked = visitor.attempts > 1 || matches!(visitor.stage, Stage::Waiting { .. });
        self.caller_is_done(now, &visitor, ending.is_some() || was_asked);
        let Stage::Sent { slot, .. } = visitor.stage else { return };
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
    pub(in crate::policy) fn visit_settled(
        &mut self,
        now: Timestamp,
        request: RequestId,
        settlement: Option<&Settlement>,
        outputs: &mut Vec<Output>,
    ) {
        let visitor = self.visits.under_way.get(&request);
        let (account, stage) = (visitor.map(|one| one.visit.account.clone()), visitor.map(|one| one.stage));
        if let (Some(Stage::Sent { slot, .. }), Some(usage)) =
            (stage, settlement.and_then(|settlement| settlement.usage))
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
    pub(in crate::policy) fn visit_failed(
        &mut self,
        now: Timestamp,
        request: RequestId,
        failure: &Failure,
        outputs: &mut Vec<Output>,
    ) {
        let Some(visitor) = self.visits.under_way.remove(&request) else { return };
        let Stage::Sent { slot, .. } = visitor.stage else { return };
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
    pub(in crate::policy) fn forgive_visits(&mut self, now: Timestamp, account: &AccountId) {
        if let Some(health) = self.visits.accounts.get_mut(account) {
            health.forgive_key(now);
        }
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
