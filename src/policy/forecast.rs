//! When one who comes now would start, from a play of the line as it stood a moment ago.
//!
//! Invariant: whoever joins takes the place that the order of service gives it, and those behind it move back.
//! Absent on purpose: a play for every change. What goes as foreseen changes nothing, newcomers are entered, and only a
//! surprise, or as many small ones as an eighth of the line, has it played again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::balancer::Balancer;
use super::health::Standing;
use super::line::half_way;
use super::order::{Line, Turn, Waiter};
use super::paced_play::Paces;
use super::play::{Gate, Play, Player, Purse, Running, Share, Start};
use super::rehearsal::{Crowd, Rehearsal, Role};
use super::request::{Job, Stage};
use crate::model::config::Priority;
use crate::model::decision::Estimate;
use crate::model::id::RequestId;
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
/// One that has run for longer than usual is thought to end this soon.
const OVERDUE: Duration = Duration::from_millis(100);
/// One who is not in line, when it is played what it would be if it were.
const GUEST: RequestId = RequestId(u64::MAX);
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
            // Those who will have given up by then take nothing.
            let Some(at) = seat.at else { continue };
            latest = latest.max(at);
            sum = sum.saturating_add(seat.charge);
            if sum >= charge {
                return Some(latest);
            }
        }
        None
    }
}

impl Balancer {
    /// When a request would start that took its place in line now, by what was foreseen.
    pub(super) fn foreseen_start(&mut self, now: Timestamp, place: usize, job: &Job) -> Option<Timestamp> {
        self.refresh_forecast(now, place);
        self.place_for(now, place, job).map(|(_, when, _)| when)
    }

    /// Enters a request that is about to stand in line into the forecast for those after it.
    pub(super) fn foresee(&mut self, now: Timestamp, job: &Job) {
        let Some(place) = job.route else { return };
        let Some((at, when, start)) = self.place_for(now, place, job) else { return };
        let Some(route) = self.routes.get_mut(place) else { return };
        let (class_tag, caller_tag) = route.line.tags_of(&job.waiter(RequestId(0)));
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
        let tags = route.line.tags_of(&job.waiter(RequestId(0)));
        let at = forecast.place_of(job.profile.priority, tags);
        let purse = forecast.end.purse_of(job.caller);
        let player = Player { order: job.order, charge: job.charge, purse };
        let last = forecast.end.next(now, player, |endpoint| self.cost_at(now, job, endpoint));
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

    /// Plays a route's line, with those that share endpoints with it.
    pub(super) fn play(&self, now: Timestamp, place: usize) -> Option<Forecast> {
        let own = self.routes.get(place)?.line.upcoming(usize::MAX);
        let job_of = |request| self.jobs.get(&request);
        let cost = |request, endpoint| job_of(request).and_then(|job| self.cost_at(now, job, endpoint));
        let (starts, end) = self.rehearsal(now, place, None, cost)?.run(self.horizon(now));
        let starts: Vec<_> = own.iter().map(|turn| starts.get(&turn.waiter.request).copied()).collect();
        Some(Forecast::new(now, &own, &starts, end))
    }

    /// When a request that is not in line would start if it went in line now; `None`: not in the time that is played.
    pub(super) fn rehearsed(&self, now: Timestamp, place: usize, job: &Job) -> Option<Timestamp> {
        let job_of = |request| if request == GUEST { Some(job) } else { self.jobs.get(&request) };
        let cost = |request, endpoint| job_of(request).and_then(|job| self.cost_at(now, job, endpoint));
        let rehearsal = self.rehearsal(now, place, Some(job), cost)?;
        let guest = self.guest(job, &rehearsal);
        rehearsal.unpaced().joined_by(guest).run(self.horizon(now)).0.get(&GUEST).copied()
    }

    /// From when on a request that comes then is sent at once.
    pub(super) fn comes_back(&self, now: Timestamp, place: usize, job: &Job) -> Option<Timestamp> {
        let job_of = |request| if request == GUEST { Some(job) } else { self.jobs.get(&request) };
        let cost = |request, endpoint| job_of(request).and_then(|job| self.cost_at(now, job, endpoint));
        let rehearsal = self.rehearsal(now, place, Some(job), cost)?;
        let guest = self.guest(job, &rehearsal);
        rehearsal.admits(&guest, self.horizon(now))
    }

    /// One who is not in line.
    fn guest<C>(&self, job: &Job, rehearsal: &Rehearsal<C>) -> Role {
        let waiter = Waiter { lane: self.lane_of(job), ..job.waiter(GUEST) };
        let player = Player { order: job.order, charge: job.charge, purse: rehearsal.purse_of(job.caller) };
        Role { line: 0, waiter, player, deadline: None, ages: None }
    }

    /// No line is played for longer.
    fn horizon(&self, now: Timestamp) -> Timestamp {
        let longest = Duration::from_secs(u64::from(self.config.queue.max_wait_seconds));
        now.after(longest.saturating_add(MINUTE))
    }

    /// A route's line and those beside it, on a stage, also for a guest. Of those who are foreseen the ones come that are more
    /// important than it, or than normal requests.
    fn rehearsal<C>(&self, now: Timestamp, place: usize, guest: Option<&Job>, cost: C) -> Option<Rehearsal<C>>
    where
        C: Fn(RequestId, usize) -> Option<Estimate>,
    {
        let routes: Vec<usize> = [place].into_iter().chain(self.routes_beside(place)).collect();
        let lines = routes.iter().filter_map(|route| self.routes.get(*route)).map(|route| route.line.clone());
        let lines: Vec<Line> = lines.collect();
        let each = lines
            .iter()
            .enumerate()
            .flat_map(|(at, line)| line.upcoming(usize::MAX).into_iter().map(move |turn| (at, turn.waiter)));
        let waiters: Vec<(usize, Waiter)> = each.collect();
        let jobs: Vec<Option<&Job>> = waiters.iter().map(|(_, waiter)| self.jobs.get(&waiter.request)).collect();
        let asking = guest.into_iter().chain(jobs.iter().copied().flatten());
        let play = self.stage_of(now, place, &routes, asking.filter_map(|job| job.caller).collect())?;
        let roles = waiters.into_iter().zip(&jobs).filter_map(|((line, waiter), job)| {
            let purse = play.purse_of((*job)?.caller);
            Some(role_of(now, line, waiter, (*job)?, purse))
        });
        let roles: Vec<Role> = roles.collect();
        let paces = self.paces(now, place, &play);
        let class = guest.map_or(Priority::Normal, |guest| guest.profile.priority);
        let crowd = self.crowd(place, class, &paces, &roles);
        Some(Rehearsal::new(play, lines, roles, paces, cost).with(crowd))
    }

    /// Those who are foreseen and more important than a class.
    fn crowd(&self, place: usize, class: Priority, paces: &Paces, roles: &[Role]) -> Crowd {
        let demand = self.routes.get(place).and_then(|route| route.demand);
        let rate = demand.map_or(0, |demand| paces.ahead_of(class, demand));
        let asked = roles.iter().fold(0_u64, |sum, role| sum.saturating_add(role.player.charge));
        let usual = asked.checked_div(u64::try_from(roles.len()).unwrap_or(u64::MAX)).unwrap_or_default();
        Crowd { rate, size: usual.clamp(rate / 240, rate.max(rate / 240)).max(1) }
    }

    /// What is kept from lesser requests of a route for those who are foreseen.
    fn paces(&self, now: Timestamp, place: usize, play: &Play) -> Paces {
        let Some(route) = self.routes.get(place).filter(|_| self.is_foreseen(now, place)) else {
            return Paces::default();
        };
        let taken = |class, at| route.taken(at, class);
        route
            .demand
            .map_or_else(Paces::default, |demand| Paces::new(play, demand, self.config.queue.bulk_share_percent, taken))
    }

    /// Routes with somebody in line that use an endpoint, or a pool, of this one; not itself.
    pub(super) fn routes_beside(&self, place: usize) -> Vec<usize> {
        let served = |slot: &&Vec<usize>| slot.contains(&place);
        let beside = self.routes_of.iter().filter(served).flatten().copied();
        let beside: BTreeSet<usize> = beside.filter(|route| *route != place && self.lined.contains(route)).collect();
        beside.into_iter().collect()
    }

    fn stage_of(&self, now: Timestamp, place: usize, routes: &[usize], callers: BTreeSet<usize>) -> Option<Play> {
        let own = self.config.routes.get(place)?;
        let members = routes.iter().filter_map(|route| self.config.routes.get(*route));
        let members = members.flat_map(|route| route.groups.iter().flat_map(|group| &group.members));
        let members: BTreeSet<usize> =
            members.filter(|member| member.region_rank.is_some()).map(|member| member.endpoint).collect();
        let mut pools: Vec<(usize, Share)> = Vec::new();
        let mut gates = Vec::new();
        for endpoint in members {
            let Some(seat) = self.seat(endpoint) else { continue };
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
                let (limits, firm) = (pool.limits(spec), Some(spec.tokens_per_minute));
                pools.push((at, Share { slot, ledger: pool.ledger.sketch(limits), limits, firm }));
                Some(pools.len() - 1)
            });
            let (limits, firm) = (seat.state.limits(seat.spec), seat.state.firm_tokens(seat.spec));
            let (slot, ledger) = (seat.slot, seat.state.ledger.sketch(limits));
            let running = self.running(now, seat.spec.max_in_flight, |_, sent| sent == slot, seat.state.stay);
            let rank = own.groups.iter().enumerate().find_map(|(group, spec)| {
                let member = spec.members.iter().find(|member| member.endpoint == endpoint)?;
                Some((group, member.region_rank?))
            });
            let rank = rank.unwrap_or((usize::MAX, 0));
            gates.push(Gate { endpoint, slot, rank, opens, ledger, limits, firm, pool, running });
        }
        let others = self.claims.iter().filter(|claim| !routes.contains(&claim.route));
        let play =
            Play::new(now, gates, pools.into_iter().map(|(_, share)| share).collect(), others.copied().collect());
        Some(play.with(self.purses(now, callers)))
    }

    /// What those callers may use who wait and are limited.
    fn purses(&self, now: Timestamp, callers: BTreeSet<usize>) -> Vec<Purse> {
        let purse = |caller: usize| {
            let state = self.callers.get(caller).filter(|state| state.is_limited())?;
            let running = self.running(now, state.max_in_flight(), |job, _| job.caller == Some(caller), SOON);
            Some(Purse { caller, ledger: state.ledger.sketch(state.limits), limits: state.limits, running })
        };
        callers.into_iter().filter_map(purse).collect()
    }

    /// When those that run are thought to end, where only so many may.
    fn running(
        &self,
        now: Timestamp,
        most: Option<u32>,
        counts: impl Fn(&Job, usize) -> bool,
        stay: Duration,
    ) -> Running {
        if most.is_none() {
            return Running { most, stay, ends: Vec::new() };
        }
        let sent = self.jobs.iter().filter_map(|(_, job)| match &job.stage {
            Some(Stage::Sent(sent)) if counts(job, sent.slot) => Some(sent),
            _ => None,
        });
        let usual = |slot: usize| self.endpoints.get(slot).map_or(stay, |endpoint| endpoint.stay);
        let mut ends: Vec<Timestamp> =
            sent.map(|sent| sent.sent.after(usual(sent.slot)).max(now.after(OVERDUE))).collect();
        ends.sort_unstable();
        Running { most, stay, ends }
    }

    /// What a request would take at an endpoint; `None`: it will not go there.
    fn cost_at(&self, now: Timestamp, job: &Job, endpoint: usize) -> Option<Estimate> {
        let route = self.config.routes.get(job.route?)?;
        let members = || route.groups.iter().flat_map(|group| &group.members);
        if !members().any(|member| member.endpoint == endpoint && member.region_rank.is_some()) {
            return None;
        }
        let seat = self.seat(endpoint)?;
        let estimate = seat.estimate(job);
        let too_large = seat.state.smallest_too_large(now).is_some_and(|known| known <= estimate.charge);
        (seat.barred(job).is_none() && !too_large).then_some(estimate)
    }
}

/// One who waits, as a rehearsal sees it.
fn role_of(now: Timestamp, line: usize, waiter: Waiter, job: &Job, purse: Option<usize>) -> Role {
    let player = Player { order: job.order, charge: waiter.charge, purse };
    let (deadline, ages) = match job.stage {
        Some(Stage::InLine { since, deadline }) => (Some(deadline), Some(half_way(since, deadline))),
        _ => (None, None),
    };
    let ages = ages.filter(|at| *at > now && waiter.rank != Priority::Interactive);
    Role { line, waiter, player, deadline, ages }
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
