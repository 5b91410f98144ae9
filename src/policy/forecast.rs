//! When one who comes now would start, from a play of the line as it stood a moment ago.
//!
//! Invariant: whoever joins takes the place that the order of service gives it, and those behind it move back.
//! Absent on purpose: a play for every change. What goes as foreseen changes nothing, newcomers are entered, and only a
//! surprise, or as many small ones as an eighth of the line, has it played again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::balancer::Balancer;
use super::health::Standing;
use super::judge::{Hope, Judged, hope, pool_limits};
use super::order::Turn;
use super::play::{Gate, Play, Share, Start};
use super::request::Job;
use crate::model::config::Priority;
use crate::model::decision::Estimate;
use crate::model::units::{MINUTE, Timestamp};

/// A doubted forecast is used this long before it is made again,
const DOUBTED: Duration = Duration::from_millis(250);
/// and this much longer for each who stands in it, so that a long line costs a request no more than a short one.
const EACH: Duration = Duration::from_micros(500);
/// As many surprises among so many in line have it made again.
const CALM: u32 = 8;
/// Who goes this much earlier or later than foreseen is no surprise.
const ABOUT: Duration = Duration::from_millis(250);
/// Any forecast is made again after this long.
const STALE: Duration = Duration::from_secs(5);
/// What is expected of an event whose time nobody knows, such as the verdict of a probe.
const SOON: Duration = Duration::from_secs(1);

/// One place in the order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seat {
    class: Priority,
    class_tag: u64,
    caller_tag: u64,
    charge: u64,
    order: u64,
    /// When it starts; `None`: not in the time that was played.
    at: Option<Timestamp>,
}

/// The line's future.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    made: Timestamp,
    /// Changes since that it does not know of.
    surprises: u32,
    /// In the order of service.
    seats: Vec<Seat>,
    /// How things stand when all have started.
    end: Play,
}

impl Forecast {
    /// What came of a play.
    fn new(made: Timestamp, line: &[Turn], starts: &[Option<Timestamp>], end: Play) -> Self {
        let seat = |(turn, at): (&Turn, &Option<Timestamp>)| Seat {
            class: turn.waiter.class,
            class_tag: turn.class_tag,
            caller_tag: turn.caller_tag,
            charge: turn.waiter.charge,
            order: turn.waiter.order,
            at: *at,
        };
        Self { made, surprises: 0, seats: line.iter().zip(starts).map(seat).collect(), end }
    }

    /// Something changed that may move everybody.
    pub(super) const fn doubt(&mut self) {
        self.surprises = u32::MAX;
    }

    /// Something changed that moves a few.
    const fn disturb(&mut self) {
        self.surprises = self.surprises.saturating_add(1);
    }

    /// One in line went, or will not go.
    pub(super) fn left(&mut self, now: Timestamp, order: u64, went: bool) {
        let Some(place) = self.seats.iter().position(|seat| seat.order == order) else { return };
        let seat = self.seats.remove(place);
        let foreseen = |at: Timestamp| went && at.since(now).max(now.since(at)) <= ABOUT;
        if !seat.at.is_some_and(foreseen) {
            self.disturb();
        }
    }

    /// Whether a newcomer may still be told by it.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        let age = now.since(self.made);
        let seats = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        let calm = self.surprises.saturating_mul(CALM) <= seats;
        age < if calm { STALE } else { DOUBTED.saturating_add(EACH.saturating_mul(seats)).min(STALE) }
    }

    /// Whether it may still be shown.
    pub(super) fn is_worth_showing(&self, now: Timestamp) -> bool {
        self.surprises == 0 || now.since(self.made) < STALE
    }

    /// When each of those in line starts, by its place among all arrivals.
    pub(super) fn starts(&self) -> BTreeMap<u64, Timestamp> {
        self.seats.iter().filter_map(|seat| Some((seat.order, seat.at?))).collect()
    }

    /// The place of one who comes now: behind its own caller's, before whoever of its class or of all has a later tag.
    fn place_of(&self, class: Priority, (class_tag, caller_tag): (u64, u64)) -> usize {
        let ahead = self.seats.iter().rposition(|seat| seat.class == class && seat.caller_tag <= caller_tag);
        let from = ahead.map_or(0, |ahead| ahead + 1);
        let rest = self.seats.iter().enumerate().skip(from);
        let before = |(_, seat): &(usize, &Seat)| seat.class == class || seat.class_tag > class_tag;
        rest.into_iter().find(before).map_or(self.seats.len(), |(place, _)| place)
    }

    /// When one of this charge starts that takes its place there: once those it displaces would have started.
    fn displaces(&self, place: usize, charge: u64) -> Option<Timestamp> {
        let mut sum = 0_u64;
        let mut latest = Timestamp::ZERO;
        for seat in self.seats.iter().skip(place) {
            latest = latest.max(seat.at?);
            sum = sum.saturating_add(seat.charge);
            if sum >= charge {
                return Some(latest);
            }
        }
        None
    }
}

impl Balancer {
    /// When a request that is not in line would start if it went in line now; `None`: never by waiting.
    pub(super) fn start_of(&mut self, now: Timestamp, job: &Job, judged: &[Judged]) -> Option<Timestamp> {
        let place = job.route?;
        let soonest = match hope(judged) {
            _ if judged.iter().any(Judged::fits) => now,
            Hope::At(when) => when,
            Hope::Event => now.after(SOON),
            Hope::Never => return None,
        };
        if self.routes.get(place)?.line.is_empty() {
            return Some(soonest);
        }
        self.refresh_forecast(now, place);
        Some(self.place_for(now, place, job).map_or(soonest, |(_, when, _)| when.max(now)))
    }

    /// Enters a request that is about to stand in line into the forecast for those after it.
    pub(super) fn foresee(&mut self, now: Timestamp, job: &Job) {
        let Some(place) = job.route else { return };
        let Some((at, when, start)) = self.place_for(now, place, job) else { return };
        let Some(route) = self.routes.get_mut(place) else { return };
        let (class_tag, caller_tag) = route.line.tags_of(&job.waiter(crate::model::id::RequestId(0)));
        let Some(forecast) = &mut route.forecast else { return };
        let seat = Seat {
            class: job.profile.priority,
            class_tag,
            caller_tag,
            charge: job.charge,
            order: job.order,
            at: Some(when),
        };
        if at < forecast.seats.len() {
            forecast.disturb();
        }
        forecast.seats.insert(at.min(forecast.seats.len()), seat);
        if let Some(start) = start {
            forecast.end.take(start);
        }
    }

    /// The place of one who is not in line, its start, and what is left for the last of all.
    fn place_for(&self, now: Timestamp, place: usize, job: &Job) -> Option<(usize, Timestamp, Option<Start>)> {
        let route = self.routes.get(place)?;
        let forecast = route.forecast.as_ref()?;
        let tags = route.line.tags_of(&job.waiter(crate::model::id::RequestId(0)));
        let at = forecast.place_of(job.profile.priority, tags);
        let last = forecast.end.next(now, job.charge, |endpoint| self.cost_at(now, job, endpoint));
        let when = forecast.displaces(at, job.charge).or_else(|| last.map(|start| start.at))?;
        Some((at, when, last))
    }

    fn refresh_forecast(&mut self, now: Timestamp, place: usize) {
        let fresh = self.routes.get(place).and_then(|route| route.forecast.as_ref());
        if fresh.is_some_and(|forecast| forecast.holds(now)) {
            return;
        }
        let forecast = self.play(now, place);
        if let Some(route) = self.routes.get_mut(place) {
            route.forecast = forecast;
        }
    }

    /// Plays a route's line.
    pub(super) fn play(&self, now: Timestamp, place: usize) -> Option<Forecast> {
        let line = self.routes.get(place)?.line.upcoming(usize::MAX);
        let jobs: Vec<Option<&Job>> = line.iter().map(|turn| self.jobs.get(&turn.waiter.request)).collect();
        let mut play = self.stage_of(now, place)?;
        let longest = Duration::from_secs(u64::from(self.config.queue.max_wait_seconds));
        let until = now.after(longest.saturating_add(MINUTE));
        let starts = play.run(&line, until, |at, endpoint| {
            jobs.get(at).copied().flatten().and_then(|job| self.cost_at(now, job, endpoint))
        });
        Some(Forecast::new(now, &line, &starts, play))
    }

    fn stage_of(&self, now: Timestamp, place: usize) -> Option<Play> {
        let route = self.config.routes.get(place)?;
        let mut pools: Vec<(usize, Share)> = Vec::new();
        let mut gates = Vec::new();
        let members = route.groups.iter().flat_map(|group| &group.members);
        for member in members.filter(|member| member.region_rank.is_some()) {
            let Some(seat) = self.seat(member.endpoint) else { continue };
            let opens = match seat.state.health.standing(now, 1, seat.state.pace(seat.spec)) {
                Standing::Resting(until, _) => until,
                Standing::Probing(verdict) => verdict.unwrap_or_else(|| now.after(SOON)),
                Standing::Open | Standing::Probe | Standing::Ramping(_) => now,
            };
            let pool = seat.spec.pool.zip(seat.pool).and_then(|(at, (spec, pool))| {
                if let Some(known) = pools.iter().position(|(known, _)| *known == at) {
                    return Some(known);
                }
                let slot = *self.pool_slot_of.get(at)?;
                pools.push((
                    at,
                    Share { slot, ledger: pool.ledger.sketch(pool_limits(spec)), limits: pool_limits(spec) },
                ));
                Some(pools.len() - 1)
            });
            let (limits, firm) = (seat.state.limits(seat.spec), seat.state.firm_tokens(seat.spec));
            let ledger = seat.state.ledger.sketch(limits);
            gates.push(Gate { endpoint: member.endpoint, slot: seat.slot, opens, ledger, limits, firm, pool });
        }
        let others = self.claims.iter().filter(|claim| claim.route != place).copied().collect();
        Some(Play::new(now, gates, pools.into_iter().map(|(_, share)| share).collect(), others))
    }

    /// What a request would take at an endpoint; `None`: it will not go there.
    fn cost_at(&self, now: Timestamp, job: &Job, endpoint: usize) -> Option<Estimate> {
        let seat = self.seat(endpoint)?;
        let estimate = seat.estimate(job);
        let too_large = seat.state.smallest_too_large(now).is_some_and(|known| known <= estimate.charge);
        (seat.barred(job).is_none() && !too_large).then_some(estimate)
    }
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
