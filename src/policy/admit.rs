//! A request's way in: sent at once, a place in line, or a refusal.
//!
//! Invariant: a sending reserves in every ledger concerned in one step, or is not made.
//! Absent on purpose: what happens after a failure (`fail`), and who goes next from the line (`line`).

use std::sync::Arc;
use std::time::Duration;

use super::balancer::Balancer;
use super::choose::Pick;
use super::claim::Standing;
use super::estimate::formula;
use super::event::{Assignment, Output};
use super::explain::group_number;
use super::judge::{Hope, Judged, Ruling, hope, too_large};
use super::line::half_way;
use super::request::{Job, Reservation, Stage};
use crate::model::config::{Enforcement, Priority};
use crate::model::decision::{Choice, Conclusion, Refusal, RefusalReason};
use crate::model::id::RequestId;
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;

/// A reservation nobody settles is taken for lost after this long. No answer lasts as long: a model thinks for half an hour at most
/// before it writes, and a session lives an hour.
pub(super) const EXPIRY: Duration = Duration::from_hours(2);

impl Balancer {
    /// A request asks to be sent.
    pub(super) fn arrived(
        &mut self,
        now: Timestamp,
        request: RequestId,
        profile: Arc<RequestProfile>,
        outputs: &mut Vec<Output>,
    ) {
        if self.jobs.contains_key(&request) {
            return;
        }
        self.budget.arrived(now, profile.sdk_retry > 0);
        let Some(route) = self.config.route_for(profile.model.as_str()) else {
            self.refused = self.refused.saturating_add(1);
            let refusal = Refusal { reason: RefusalReason::UnknownModel, retry_at: None };
            outputs.push(Output::Refused { request, refusal, decision: None });
            return;
        };
        self.arrivals = self.arrivals.saturating_add(1);
        let binding = self.bind(now, &profile.affinity);
        let caller = self.caller_of(&profile);
        let mut job = Job { binding, caller, ..Job::new(profile, route, self.arrivals) };
        job.lane = self.lane_of(&job);
        if !job.has_known_output() {
            job.expected_output = self.outputs.expected(&job.profile.model, job.profile.caller.as_ref());
        }
        let mut judged = self.judge(now, &job);
        job.charge = judged.iter().map(|one| one.estimate.charge).min().unwrap_or_default();
        if self.stopping {
            return self.refuse(now, request, &job, &judged, RefusalReason::Stopping, None, outputs);
        }
        let in_turn = self.routes.get(route).is_none_or(|route| route.line.outranks(job.profile.priority, job.charge));
        self.heed_claims(now, &job, &mut judged, Standing::of_newcomer(in_turn));
        self.pace(now, &job, &mut judged, in_turn);
        match self.pick(now, &job, &judged) {
            Some(pick) => self.assign(now, request, job, &judged, pick, outputs),
            None => self.hold_or_refuse(now, request, job, &judged, outputs),
        }
        self.give_back(judged);
    }

    /// Sends the request: reserves everywhere, tells health, and hands out the assignment.
    pub(super) fn assign(
        &mut self,
        now: Timestamp,
        request: RequestId,
        mut job: Job,
        judged: &[Judged],
        pick: Pick,
        outputs: &mut Vec<Output>,
    ) {
        let Some(one) = judged.get(pick.at) else { return };
        let decision = self.explain(now, &job, judged, Some(pick), Conclusion::Sent);
        if job.deadline().is_some() {
            self.note_admitted(job.profile.priority);
        }
        if let Some(route) = job.route.and_then(|route| self.routes.get_mut(route)) {
            route.line.went(&job.waiter(request));
            route.foresee_left(now, job.order, true);
        }
        self.leave_line(now, request, &mut job);
        self.note_taken(now, &job, one);
        // What the person does by hand says nothing of where others are to go.
        if pick.choice != Choice::ByHand {
            self.note_group(now, &job, judged, one.group);
        }
        let Some(reservation) = self.reserve(now, request, one, &job) else { return };
        let Some(id) = self.endpoints.get(one.slot).map(|endpoint| endpoint.id.clone()) else { return };
        if let Some(route) = job.route.and_then(|route| self.routes.get_mut(route)) {
            route.note_sent(now, one.slot);
            if one.ruling == Ruling::LeastBad {
                route.relented = Some(now);
            }
        }
        job.attempts = job.attempts.saturating_add(1);
        let assignment = Assignment {
            endpoint: id,
            account: reservation.account.clone(),
            group: group_number(one),
            attempt: job.attempts,
            decision,
        };
        self.note_probe(now, request, one.slot);
        self.expiries.insert((reservation.expires, request), ());
        job.stage = Some(Stage::Sent(self.boxed(reservation)));
        self.jobs.insert(request, job);
        outputs.push(Output::Assigned { request, assignment });
    }

    fn reserve(&mut self, now: Timestamp, request: RequestId, one: &Judged, job: &Job) -> Option<Reservation> {
        let spec = self.config.endpoints.get(one.endpoint)?;
        let pool = spec.pool.and_then(|pool| self.pool_slot_of.get(pool).copied());
        let charge = one.estimate.charge;
        let endpoint = self.endpoints.get_mut(one.slot)?;
        endpoint.health.sent(now, request, charge);
        endpoint.in_flight = endpoint.in_flight.saturating_add(1);
        endpoint.counters.attempts = endpoint.counters.attempts.saturating_add(1);
        // Levels drain by the limits that hold, and those may have grown since the last one was sent.
        endpoint.recount(now, spec);
        let endpoint_entry = endpoint.ledger.reserve(now, one.estimate);
        let mark = endpoint.learning.sent(now, charge, job.has_known_output());
        let charge_is_known = endpoint.learning.calibration(job.has_known_output()).is_known();
        let pool_spec = spec.pool.and_then(|pool| self.config.pools.get(pool));
        let pool_state = pool.and_then(|pool| self.pools.get_mut(pool)).zip(pool_spec);
        let caller_state = job.caller.and_then(|caller| self.callers.get_mut(caller));
        Some(Reservation {
            slot: one.slot,
            account: spec.account.clone(),
            pool,
            estimate: one.estimate,
            endpoint_entry,
            pool_entry: pool_state.map(|(pool, spec)| pool.take(now, spec, one.estimate)),
            settles_to_usage: spec.enforcement == Enforcement::Utilization,
            formula: formula(spec.service, spec.enforcement),
            expires: now.after(EXPIRY),
            sent: now,
            caller: job.caller,
            caller_entry: caller_state.map(|caller| caller.reserve(now, one.estimate)),
            mark,
            charge_is_known,
            left: None,
        })
    }

    /// In a box that was used before, if there is one.
    fn boxed(&mut self, reservation: Reservation) -> Box<Reservation> {
        match self.spare.pop() {
            Some(mut spare) => {
                *spare = reservation;
                spare
            }
            None => Box::new(reservation),
        }
    }

    /// A request that cannot go now waits if it would go in time, and is refused at once if not.
    fn hold_or_refuse(
        &mut self,
        now: Timestamp,
        request: RequestId,
        job: Job,
        judged: &[Judged],
        outputs: &mut Vec<Output>,
    ) {
        let deadline = self.deadline_of(now, &job);
        let Some(start) = self.about(now, &job, judged) else {
            let reason = hopeless(judged);
            return self.refuse(now, request, &job, judged, reason, None, outputs);
        };
        // One smaller than all who wait may pass them sooner than is foreseen.
        let may_pass = || {
            let line = job.route.and_then(|route| self.routes.get(route)).and_then(|route| route.line.smallest());
            line.is_some_and(|smallest| job.charge < smallest)
                && matches!(hope(judged), Hope::At(when) if when <= deadline)
        };
        if start > deadline && !may_pass() && !self.would_go_by(now, deadline, &job, judged) {
            let retry_at = self.start_of(now, &job, judged);
            self.refuse(now, request, &job, judged, RefusalReason::NoCapacityInTime, retry_at, outputs);
        } else if self.is_full() && !self.displace(now, &job, outputs) {
            let retry_at = self.start_of(now, &job, judged);
            self.refuse(now, request, &job, judged, RefusalReason::LineFull, retry_at, outputs);
        } else {
            self.foresee(now, &job);
            self.hold(now, request, job, judged, start.min(deadline), deadline, outputs);
        }
    }

    fn is_full(&self) -> bool {
        self.deadlines.len() >= usize::try_from(self.config.queue.max_waiting).unwrap_or(usize::MAX)
    }

    /// Makes room for a more important one by refusing the least important of those who wait, the latest of them.
    fn displace(&mut self, now: Timestamp, job: &Job, outputs: &mut Vec<Output>) -> bool {
        let Some((_, _, last)) = self.ranks.last().copied().filter(|(class, ..)| *class > job.profile.priority) else {
            return false;
        };
        let Some((gone, stood)) = self.take_from_line(now, last) else { return false };
        let judged = self.judge(now, &gone);
        let retry_at = self.start_of(now, &gone, &judged);
        self.refuse(now, last, &gone, &stood, RefusalReason::LineFull, retry_at, outputs);
        true
    }

    /// Puts a request in its route's line.
    #[expect(clippy::too_many_arguments, reason = "one act with everything that was found out for it")]
    pub(super) fn hold(
        &mut self,
        now: Timestamp,
        request: RequestId,
        mut job: Job,
        judged: &[Judged],
        expected: Timestamp,
        deadline: Timestamp,
        outputs: &mut Vec<Output>,
    ) {
        let decision = self.explain(now, &job, judged, None, Conclusion::Held { expected });
        self.deadlines.insert((deadline, request));
        self.ranks.insert((job.profile.priority, job.order, request));
        if job.rank != Priority::Interactive {
            self.ages.insert((half_way(now, deadline), request));
        }
        job.stage = Some(Stage::InLine { since: now, deadline });
        job.lane = self.lane_of(&job);
        if let Some(place) = job.route
            && let Some(route) = self.routes.get_mut(place)
        {
            let waiter = job.waiter(request);
            let in_turn = route.line.is_empty() || route.line.outranks(waiter.class, waiter.charge);
            route.line.enter(waiter);
            self.lined.insert(place);
            match hope(judged) {
                _ if in_turn || judged.iter().any(Judged::fits) => {
                    self.touched.insert(place);
                }
                Hope::At(when) => self.wake_no_later(now, place, when),
                Hope::Event | Hope::Never => {}
            }
        }
        self.jobs.insert(request, job);
        outputs.push(Output::Held { request, decision });
    }

    /// Refuses; the request is over.
    #[expect(clippy::too_many_arguments, reason = "one act with everything that was found out for it")]
    pub(super) fn refuse(
        &mut self,
        now: Timestamp,
        request: RequestId,
        job: &Job,
        judged: &[Judged],
        reason: RefusalReason,
        retry_at: Option<Timestamp>,
        outputs: &mut Vec<Output>,
    ) {
        self.refused = self.refused.saturating_add(1);
        let reason = job.binding.reason(reason, judged);
        let decision = Some(self.explain(now, job, judged, None, Conclusion::Refused(reason)));
        outputs.push(Output::Refused { request, refusal: Refusal { reason, retry_at }, decision });
    }
}

/// Why waiting does not help.
pub(super) fn hopeless(judged: &[Judged]) -> RefusalReason {
    if judged.is_empty() {
        RefusalReason::UnknownModel
    } else if too_large(judged) {
        RefusalReason::TooLargeEverywhere
    } else {
        RefusalReason::NothingUsable
    }
}
