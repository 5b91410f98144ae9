//! The waiting lines: who goes next, when, and for how long one waits.
//!
//! Invariant: within a route nobody goes before one who arrived earlier; a route that cannot go on holds up no other.
//! Absent on purpose: polling. Each line knows when its first request fits, and events let it look again.

use std::time::Duration;

use super::admit::hopeless;
use super::balancer::Balancer;
use super::event::Output;
use super::forecast::{Forecast, Gate};
use super::health::Standing;
use super::judge::{Hope, Judged, hope, pool_limits};
use super::request::{Job, Stage};
use crate::model::decision::RefusalReason;
use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// What is expected of an event whose time nobody knows, such as the verdict of a probe.
const SOON: Duration = Duration::from_secs(1);

impl Balancer {
    /// Lets go, in order, everyone in line who fits now.
    pub(super) fn pump(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        for route in 0..self.routes.len() {
            while let Some(request) = self.first_in_line(route)
                && self.try_first(now, route, request, outputs)
            {}
        }
    }

    fn first_in_line(&self, route: usize) -> Option<RequestId> {
        self.routes.get(route)?.line.first_key_value().map(|(_, request)| *request)
    }

    /// Whether the line moved.
    fn try_first(&mut self, now: Timestamp, route: usize, request: RequestId, outputs: &mut Vec<Output>) -> bool {
        let Some(mut job) = self.jobs.remove(&request) else { return false };
        let judged = self.judge(now, &job);
        if let Some(pick) = self.pick(now, &job, &judged) {
            self.assign(now, request, job, &judged, pick, outputs);
            self.give_back(judged);
            return true;
        }
        let wake = match hope(&judged) {
            Hope::At(when) => Some(when),
            Hope::Event => None,
            Hope::Never => {
                self.leave_line(now, request, &mut job);
                self.doubt_forecasts();
                self.refuse(now, request, &job, &judged, hopeless(&judged), None, outputs);
                return true;
            }
        };
        if let Some(route) = self.routes.get_mut(route) {
            route.wake = wake;
        }
        self.jobs.insert(request, job);
        self.give_back(judged);
        false
    }

    /// A backoff is over: the request goes in line, before those who arrived after it.
    pub(super) fn end_backoff(&mut self, request: RequestId) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        let Some(Stage::BackingOff { since, deadline, .. }) = job.stage else { return };
        job.stage = Some(Stage::InLine { since, deadline });
        if let Some(route) = job.route.and_then(|route| self.routes.get_mut(route)) {
            route.line.insert(job.order, request);
            route.doubt_forecast();
        }
    }

    /// A request waited as long as it may.
    pub(super) fn run_out_of_time(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        self.leave_line(now, request, &mut job);
        let judged = self.judge(now, &job);
        let retry_at = self.start_of(now, &job, &judged);
        let reason = if retry_at.is_some() { RefusalReason::NoCapacityInTime } else { hopeless(&judged) };
        self.refuse(now, request, &job, &judged, reason, retry_at, outputs);
    }

    /// Takes a waiting request out of every order it stands in.
    pub(super) fn leave_line(&mut self, now: Timestamp, request: RequestId, job: &mut Job) {
        job.waited = job.waited_by(now);
        match job.stage.take() {
            Some(Stage::InLine { deadline, .. }) => {
                self.deadlines.remove(&(deadline, request));
            }
            Some(Stage::BackingOff { until, deadline, .. }) => {
                self.deadlines.remove(&(deadline, request));
                self.backoffs.remove(&(until, request));
            }
            sent => job.stage = sent,
        }
        if let Some(route) = job.route.and_then(|route| self.routes.get_mut(route)) {
            route.line.remove(&job.order);
            if route.line.is_empty() {
                (route.forecast, route.wake) = (None, None);
            }
        }
    }

    /// When a request at the end of its route's line would start; `None`: never by waiting.
    pub(super) fn start_of(&mut self, now: Timestamp, job: &Job, judged: &[Judged]) -> Option<Timestamp> {
        let place = job.route?;
        let fallback = match hope(judged) {
            _ if judged.iter().any(Judged::fits) => now,
            Hope::At(when) => when,
            Hope::Event => now.after(SOON),
            Hope::Never => return None,
        };
        if self.routes.get(place)?.line.is_empty() {
            return Some(fallback);
        }
        self.refresh_forecast(now, place);
        let forecast = self.routes.get(place)?.forecast.as_ref()?;
        Some(forecast.next(now, |endpoint| self.cost_at(now, job, endpoint)).map_or(fallback, |(when, _, _)| when))
    }

    /// Enters a request that is about to stand in line into the forecast for those after it.
    pub(super) fn foresee(&mut self, now: Timestamp, job: &Job) {
        let Some(place) = job.route else { return };
        let Some(forecast) = self.routes.get(place).and_then(|route| route.forecast.as_ref()) else { return };
        let next = forecast.next(now, |endpoint| self.cost_at(now, job, endpoint));
        let forecast = self.routes.get_mut(place).and_then(|route| route.forecast.as_mut());
        if let (Some((when, at, cost)), Some(forecast)) = (next, forecast) {
            forecast.take(when, at, cost);
        }
    }

    fn refresh_forecast(&mut self, now: Timestamp, place: usize) {
        let Some(route) = self.routes.get(place) else { return };
        if route.forecast.as_ref().is_some_and(|forecast| forecast.holds(now)) {
            return;
        }
        let mut forecast = self.empty_forecast(now, place);
        for job in route.line.values().filter_map(|request| self.jobs.get(request)) {
            if let Some((when, at, cost)) = forecast.next(now, |endpoint| self.cost_at(now, job, endpoint)) {
                forecast.take(when, at, cost);
            }
        }
        if let Some(route) = self.routes.get_mut(place) {
            route.forecast = Some(forecast);
        }
    }

    fn empty_forecast(&self, now: Timestamp, place: usize) -> Forecast {
        let members = self.config.routes.get(place).into_iter().flat_map(|route| &route.groups);
        let gates = members.flat_map(|group| &group.members).filter_map(|member| {
            let seat = self.seat(member.endpoint)?;
            let opens = match seat.state.health.standing(now, 1, seat.state.pace(seat.spec)) {
                Standing::Resting(until, _) => until,
                Standing::Probing(verdict) => verdict.unwrap_or_else(|| now.after(SOON)),
                Standing::Open | Standing::Probe | Standing::Ramping(_) => now,
            };
            let (ledger, limits) = (seat.state.ledger.clone(), seat.state.limits(seat.spec));
            Some(Gate { endpoint: member.endpoint, opens, ledger, limits, pool: seat.spec.pool })
        });
        let pools = self.config.pools.iter().zip(&self.pool_slot_of).filter_map(|(spec, slot)| {
            let state = self.pools.get(*slot)?;
            Some((state.ledger.clone(), pool_limits(spec)))
        });
        Forecast::new(now, gates.collect(), pools.collect())
    }

    /// What a request would be charged at an endpoint; `None`: it will not go there.
    fn cost_at(&self, now: Timestamp, job: &Job, endpoint: usize) -> Option<u64> {
        let seat = self.seat(endpoint)?;
        let charge = seat.estimate(job).charge;
        let too_large = seat.state.smallest_too_large(now).is_some_and(|known| known <= charge);
        // What is larger than what we allow ourselves for now goes when that much is free.
        let allowed = seat.state.limits(seat.spec).tokens.filter(|_| seat.fits_for_good(charge));
        (seat.barred(job).is_none() && !too_large).then_some(allowed.map_or(charge, |allowed| charge.min(allowed)))
    }
}
