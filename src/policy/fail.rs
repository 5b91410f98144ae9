//! An attempt failed before the commit point: who is to blame, and what becomes of the request.
//!
//! Invariant: a fault of the request moves nothing and counts nothing; any other failure costs an attempt of the cap, and a
//! service that was full one of four times as many.
//! Absent on purpose: spans (`rest`) and shares (`retry`).

use std::time::Duration;

use super::admit::hopeless;
use super::balancer::Balancer;
use super::claim::Standing;
use super::event::Output;
use super::judge::{Hope, Judged, hope};
use super::request::{Job, Reservation, Stage};
use super::rest::{Throttled, denial, ejection, is_jittered, overloaded};
use super::retry::{attempt_cap, backoff};
use crate::model::checked::CheckedPool;
use crate::model::config::Enforcement;
use crate::model::decision::{Conclusion, RefusalReason};
use crate::model::id::{AccountId, RequestId};
use crate::model::outcome::{Failure, FailureClass, ThrottleKind};
use crate::model::status::RestCause;
use crate::model::units::{Timestamp, Unit, micros};

/// So many times the attempts that the cap allows are made by one that met nothing but full services.
const PATIENT: u32 = 4;

impl Balancer {
    /// Answers a failure: elsewhere, later, or over.
    pub(super) fn attempt_failed(
        &mut self,
        now: Timestamp,
        request: RequestId,
        failure: &Failure,
        outputs: &mut Vec<Output>,
    ) {
        if self.jobs.get(&request).is_none_or(|job| job.committed || !matches!(job.stage, Some(Stage::Sent(_)))) {
            return;
        }
        let Some(mut job) = self.jobs.remove(&request) else { return };
        let Some(Stage::Sent(reservation)) = job.stage.take() else { return };
        let charge = match failure.class {
            _ if !failure.reached => None,
            FailureClass::Throttled(_) => Some(0),
            _ => Some(reservation.estimate.charge),
        };
        self.close(request, &reservation, charge);
        let size_is_at_fault = self.blame(now, request, &reservation, failure);
        self.share_verdict(now, request);
        if let Some(endpoint) = self.endpoints.get_mut(reservation.slot) {
            endpoint.failed_at = Some(now);
        }
        self.doubt(reservation.slot);
        match failure.class {
            FailureClass::ClientFault => return self.give_up(now, request, &job, outputs),
            FailureClass::KeyRejected | FailureClass::Blocked => {
                job.barred.extend(self.slots_of(&reservation.account));
            }
            FailureClass::NotFound => job.barred.push(reservation.slot),
            _ if size_is_at_fault => job.barred.push(reservation.slot),
            _ => job.tried.push(reservation.slot),
        }
        self.go_on(now, request, job, failure, outputs);
    }

    /// Elsewhere at once, else later, else over.
    fn go_on(
        &mut self,
        now: Timestamp,
        request: RequestId,
        mut job: Job,
        failure: &Failure,
        outputs: &mut Vec<Output>,
    ) {
        let rules = self.config.retry.clone();
        job.throttled = job.throttled.saturating_add(u32::from(is_short(failure.class)));
        let cap = attempt_cap(&rules);
        // What may have been begun is not begun again.
        let is_begun = failure.reached && job.profile.operation.acts() && !is_free(failure.class);
        let spent = has_spent(&job, cap) || self.stopping || is_begun;
        // Who met so many full services waits its turn rather than to ask round.
        if job.attempts < cap && !spent {
            let mut judged = self.judge(now, &job);
            self.heed_claims(now, &job, &mut judged, Standing::Back);
            if judged.iter().any(Judged::fits) {
                if is_free(failure.class) || self.budget.spend(now, rules.budget_percent) {
                    if let Some(pick) = self.pick(now, &job, &judged) {
                        self.assign(now, request, job, &judged, pick, outputs);
                    }
                    return;
                }
                return self.finish(now, request, job, failure, outputs);
            }
        }
        job.tried.clear();
        if spent {
            return self.finish(now, request, job, failure, outputs);
        }
        let judged = self.judge(now, &job);
        let expected = match hope(&judged) {
            _ if judged.iter().any(Judged::fits) => now,
            Hope::At(when) => when,
            Hope::Event => now.after(Duration::from_secs(1)),
            Hope::Never => return self.finish(now, request, job, failure, outputs),
        };
        let deadline = self.deadline_of(now, &job);
        let repeats = !is_free(failure.class);
        if expected > deadline || repeats && !self.budget.spend(now, rules.budget_percent) {
            return self.finish(now, request, job, failure, outputs);
        }
        let until = now.after(if repeats || job.attempts >= cap {
            backoff(&mut self.rng, &rules, job.attempts)
        } else {
            Duration::ZERO
        });
        self.hold(now, request, job, &judged, expected.max(until), deadline, outputs);
        if until > now {
            self.start_backoff(now, request, until, deadline);
        }
    }

    /// Takes a request that was just held out of its line until a time.
    fn start_backoff(&mut self, now: Timestamp, request: RequestId, until: Timestamp, deadline: Timestamp) {
        self.step_out(request);
        let Some(job) = self.jobs.get_mut(&request) else { return };
        job.stage = Some(Stage::BackingOff { since: now, until, deadline });
        self.backoffs.insert((until, request));
    }

    /// Nothing more can be tried.
    fn finish(
        &mut self,
        now: Timestamp,
        request: RequestId,
        mut job: Job,
        failure: &Failure,
        outputs: &mut Vec<Output>,
    ) {
        if self.stopping {
            let judged = self.judge(now, &job);
            return self.refuse(now, request, &job, &judged, RefusalReason::Stopping, None, outputs);
        }
        // An empty purse is no lack of room: waiting does not help, and only the service's own words say what does.
        let throttled = matches!(failure.class, FailureClass::Throttled(kind) if !kind.is_of_credit());
        if !throttled && failure.status.is_some() {
            return self.give_up(now, request, &job, outputs);
        }
        job.tried.clear();
        let judged = self.judge(now, &job);
        let retry_at = self.start_of(now, &job, &judged);
        let reason = match retry_at {
            None => hopeless(&judged),
            Some(_) if throttled => RefusalReason::NoCapacityInTime,
            Some(_) => RefusalReason::AttemptsSpent,
        };
        self.refuse(now, request, &job, &judged, reason, retry_at, outputs);
    }

    fn give_up(&mut self, now: Timestamp, request: RequestId, job: &Job, outputs: &mut Vec<Output>) {
        let judged = self.judge(now, job);
        let decision = self.explain(now, job, &judged, None, Conclusion::PassedOn);
        outputs.push(Output::GiveUp { request, decision });
    }

    /// Tells the endpoint's health and counters. Whether the request's size is at fault.
    fn blame(&mut self, now: Timestamp, request: RequestId, reservation: &Reservation, failure: &Failure) -> bool {
        match failure.class {
            FailureClass::ClientFault | FailureClass::Transient => self.judge_nobody(now, request, reservation.slot),
            FailureClass::Throttled(kind) => return self.blame_throttle(now, request, reservation, kind, failure),
            FailureClass::KeyRejected => self.blame_account(now, request, reservation, RestCause::KeyRejected),
            FailureClass::Blocked => self.blame_account(now, request, reservation, RestCause::Blocked),
            FailureClass::NotFound => self.deny(now, request, reservation.slot, RestCause::NotFound),
            FailureClass::ServerError
            | FailureClass::Overloaded
            | FailureClass::Connect
            | FailureClass::Timeout
            | FailureClass::Broken => self.blame_fault(now, request, reservation.slot, failure),
        }
        false
    }

    fn judge_nobody(&mut self, now: Timestamp, request: RequestId, slot: usize) {
        if let Some(endpoint) = self.endpoints.get_mut(slot) {
            endpoint.health.unjudged(now, request);
        }
    }

    fn blame_throttle(
        &mut self,
        now: Timestamp,
        request: RequestId,
        reservation: &Reservation,
        kind: ThrottleKind,
        failure: &Failure,
    ) -> bool {
        let spec = self.spec_of(reservation.slot).cloned();
        let Some(endpoint) = self.endpoints.get_mut(reservation.slot) else { return false };
        endpoint.counters.throttled = endpoint.counters.throttled.saturating_add(1);
        let Some(spec) = spec else { return false };
        let has_plenty = endpoint.learning.has_plenty(now, &spec, &reservation.mark, &failure.facts);
        let pool = spec.pool.and_then(|place| self.config.pools.get(place));
        let (kind, is_guess) = whose(kind, pool, has_plenty);
        let surprise = match kind {
            ThrottleKind::Tokens => Some(Unit::Tokens),
            ThrottleKind::Requests => Some(Unit::Requests),
            _ => None,
        };
        // Those that were under way when the first surprise came only make it clearer.
        let straggler = !endpoint.health.takes_blame(request);
        if let Some(unit) = surprise.filter(|_| !straggler) {
            endpoint.surprised(now, unit);
        }
        endpoint.refused(now, &spec, &reservation.mark, (kind, &failure.facts), straggler);
        let throttled = Throttled {
            kind,
            facts: &failure.facts,
            in_a_row: endpoint.health.throttled(request),
            slice: spec.request_slice,
            cost: reservation.estimate.charge,
            bucket: spec.enforcement == Enforcement::TokenBucket,
        };
        let throttle = throttled.judge();
        if throttled.is_told() {
            endpoint.note_told(now.after(throttle.rest), kind);
        }
        if throttle.too_large {
            endpoint.mark_too_large(now, reservation.estimate.charge);
        }
        let jitter = if is_jittered(kind) && failure.facts.retry_after.is_none() {
            self.rng.u64(0..=micros(throttle.rest) / 4)
        } else {
            0
        };
        let rest = throttle.rest.saturating_add(Duration::from_micros(jitter));
        if throttle.rest.is_zero() {
            endpoint.health.unjudged(now, request);
        } else {
            endpoint.health.rest(request, now.after(rest), RestCause::Throttled(kind));
        }
        let shared = (now.after(rest), kind, throttled.is_told());
        let is_the_pools = kind == ThrottleKind::Pool
            && self.drew_on(reservation.slot, reservation.pool).is_some()
            && (!is_guess || self.is_another_short(now, reservation.slot));
        if is_the_pools {
            self.refused_by_pool(now, reservation);
        }
        if (is_the_pools || kind.is_of_credit()) && !rest.is_zero() {
            self.rest_companions(request, reservation.slot, shared);
        }
        throttle.too_large
    }

    /// The pool of an endpoint, if it is the one that a reservation there was made in: one that it came to since learns nothing
    /// from it.
    pub(super) fn drew_on(&self, slot: usize, pool: Option<usize>) -> Option<&CheckedPool> {
        let place = self.spec_of(slot)?.pool?;
        let is_same = self.pool_slot_of.get(place).copied() == Some(pool?);
        self.config.pools.get(place).filter(|_| is_same)
    }

    /// The quota pool had no room: what that teaches of it.
    fn refused_by_pool(&mut self, now: Timestamp, reservation: &Reservation) {
        let Some(spec) = self.drew_on(reservation.slot, reservation.pool).cloned() else { return };
        if let Some(pool) = reservation.pool.and_then(|pool| self.pools.get_mut(pool)) {
            pool.refused(now, &spec, reservation.estimate.charge, reservation.sent);
        }
    }

    fn blame_account(&mut self, now: Timestamp, request: RequestId, reservation: &Reservation, cause: RestCause) {
        for slot in self.slots_of(&reservation.account) {
            if slot == reservation.slot {
                self.deny(now, request, slot, cause);
            } else if let Some(endpoint) = self.endpoints.get_mut(slot) {
                let rest = denial(endpoint.health.denied(request, cause));
                endpoint.health.rest(request, now.after(rest), cause);
            }
        }
    }

    /// Everything that is signed with this account's key.
    pub(super) fn slots_of(&self, account: &AccountId) -> Vec<usize> {
        let signed = self.config.endpoints.iter().zip(&self.slot_of).filter(|(spec, _)| spec.account == *account);
        signed.map(|(_, slot)| *slot).collect()
    }

    fn deny(&mut self, now: Timestamp, request: RequestId, slot: usize, cause: RestCause) {
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        endpoint.counters.failed = endpoint.counters.failed.saturating_add(1);
        let rest = denial(endpoint.health.denied(request, cause));
        endpoint.health.rest(request, now.after(rest), cause);
    }

    pub(super) fn blame_fault(&mut self, now: Timestamp, request: RequestId, slot: usize, failure: &Failure) {
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        endpoint.counters.failed = endpoint.counters.failed.saturating_add(1);
        let connect = failure.class == FailureClass::Connect;
        let rule = &self.config.config.health;
        let ejected = endpoint.health.faulted(now, request, connect, rule).map(|in_a_row| ejection(in_a_row, rule));
        let asked = overloaded(&failure.facts).filter(|_| failure.class == FailureClass::Overloaded);
        if let Some(asked) = asked {
            endpoint.note_told(now.after(asked), ThrottleKind::Unknown);
        }
        if let Some(rest) = ejected.max(asked) {
            let cause = if connect { RestCause::Unreachable } else { RestCause::Errors };
            endpoint.health.rest(request, now.after(rest), cause);
        }
    }
}

/// Whose limit a 429 is about, and whether that is a guess. One that speaks of tokens while the endpoint's own headers show plenty
/// may concern what it shares with others, if it is configured to share; any does where one organization's limit at OpenAI is the
/// pool. What is not shared, a pool cannot lack, and no service knows of a total of the person's own.
fn whose(kind: ThrottleKind, pool: Option<&CheckedPool>, has_plenty: bool) -> (ThrottleKind, bool) {
    match (kind, pool.filter(|pool| !pool.soft)) {
        (ThrottleKind::Pool, None) => (ThrottleKind::Tokens, false),
        (ThrottleKind::Tokens, Some(pool)) if pool.is_openais => (ThrottleKind::Pool, false),
        (ThrottleKind::Tokens, Some(_)) if has_plenty => (ThrottleKind::Pool, true),
        (kind, _) => (kind, false),
    }
}

/// Whether it says that a service had no room at the time, which others' requests may have taken.
const fn is_short(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::Throttled(
            ThrottleKind::Tokens
                | ThrottleKind::Requests
                | ThrottleKind::Pool
                | ThrottleKind::SharedCapacity
                | ThrottleKind::Utilization
        )
    )
}

/// Whether no further attempt is made. A service that is full did no work, so meeting some takes nothing from the cap while
/// the deadline allows to wait; meeting very many does.
const fn has_spent(job: &Job, cap: u32) -> bool {
    let faults = job.attempts.saturating_sub(job.throttled);
    // One attempt means one.
    faults >= cap || job.attempts >= if cap > 1 { cap.saturating_mul(PATIENT) } else { 1 }
}

/// Whether going on after this failure takes nothing from the retry budget: the service said clearly that it did no work.
const fn is_free(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::Throttled(_) | FailureClass::KeyRejected | FailureClass::Blocked | FailureClass::NotFound
    )
}
