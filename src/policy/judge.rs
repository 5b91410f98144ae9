//! What is said of each endpoint of a route for one request, before any is picked.
//!
//! Invariant: judging changes nothing, and every number in the verdict is the one the verdict rests on.
//! Absent on purpose: comparing endpoints with each other (`choose`).

use super::affinity::Binding;
use super::balancer::Balancer;
use super::caller::CallerState;
use super::endpoint::EndpointState;
use super::estimate::Tariff;
use super::free::Room;
use super::glance::Glance;
use super::health::{Pace, Standing};
use super::ledger::Shortage;
use super::pool::PoolState;
use super::request::Job;
use crate::model::checked::{CheckedEndpoint, CheckedMember, CheckedPool};
use crate::model::config::AdminState;
use crate::model::decision::{Estimate, Exclusion};
use crate::model::profile::RequestSize;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;

/// Whether waiting makes an endpoint fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hope {
    /// From this time on.
    At(Timestamp),
    /// Once something happens whose time nobody knows.
    Event,
    /// No.
    Never,
}

/// The judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The request fits now.
    Fits {
        /// As the single one that decides whether rest ends.
        probe: bool,
    },
    /// It does not.
    Out(Exclusion, Hope),
    /// Everything rests by our own judgement, and this one is tried rather than nothing.
    LeastBad,
}

/// One endpoint of the route, judged.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Index into the configuration's endpoints.
    pub(super) endpoint: usize,
    pub(super) slot: usize,
    /// From 0.
    pub(super) group: usize,
    /// Within its group.
    pub(super) place: usize,
    pub(super) weight: u32,
    /// Its region's place among those the route prefers.
    pub(super) region_rank: u32,
    pub(super) admin_state: AdminState,
    pub(super) health: Health,
    pub(super) estimate: Estimate,
    pub(super) needs: u64,
    pub(super) has: Option<u64>,
    pub(super) limit: Option<u64>,
    pub(super) free_at: Option<Timestamp>,
    pub(super) in_flight: u32,
    pub(super) ruling: Ruling,
}

impl Judged {
    /// Whether the request fits there now.
    pub(super) const fn fits(&self) -> bool {
        matches!(self.ruling, Ruling::Fits { .. } | Ruling::LeastBad)
    }

    /// Whether it would decide over a rest.
    pub(super) const fn is_probe(&self) -> bool {
        matches!(self.ruling, Ruling::Fits { probe: true })
    }
}

/// An endpoint with everything that bears on it.
pub(super) struct Seat<'b> {
    pub(super) slot: usize,
    pub(super) spec: &'b CheckedEndpoint,
    pub(super) state: &'b EndpointState,
    pub(super) pool: Option<(&'b CheckedPool, &'b PoolState)>,
    pub(super) has_key: bool,
    pub(super) admin: AdminState,
    /// Whether the route's regions permit it.
    pub(super) permitted: bool,
    /// Who asks, if its limits bear on it.
    pub(super) caller: Option<&'b CallerState>,
}

impl Balancer {
    /// Judges every endpoint of the request's route, in order of trial. The list is lent: [`Self::give_back`].
    pub(super) fn judge(&mut self, now: Timestamp, job: &Job) -> Vec<Judged> {
        let mut all = std::mem::take(&mut self.lent);
        all.clear();
        let Some(place) = job.route else { return all };
        self.look(now, place);
        let Some(route) = self.config.routes.get(place) else { return all };
        let mut asker = Asker::new(now, job, job.caller.and_then(|caller| self.callers.get(caller)));
        for (group, members) in route.groups.iter().enumerate() {
            for (place, member) in members.members.iter().enumerate() {
                if let Some(one) = self.judge_one(&mut asker, *member, group, place) {
                    all.push(one);
                }
            }
        }
        self.withhold(now, job, &mut all);
        self.relent(now, job, &mut all);
        all
    }

    /// A glance tells that the request fits, that the endpoint is barred, and mostly when tokens that lack are back. Else it
    /// is looked at closely.
    fn judge_one(&self, asker: &mut Asker<'_>, member: CheckedMember, group: usize, place: usize) -> Option<Judged> {
        let slot = *self.slot_of.get(member.endpoint)?;
        let glance = self.endpoints.seen(slot)?;
        let estimate = asker.estimate(glance.tariff);
        let mut free_at = None;
        let ruling = if let Some(why) = self.bars(asker.job, member, slot, glance) {
            Ruling::Out(why, Hope::Never)
        } else if asker.has_room(&estimate)
            && glance.room.takes(&estimate)
            && self.pool_room(glance).is_none_or(|pool| pool.takes(&estimate))
            && !asker.job.tried.contains(&slot)
        {
            Ruling::Fits { probe: false }
        } else if let Some((why, when)) = self.lacks_tokens(asker, glance, &estimate)
            && !asker.job.tried.contains(&slot)
        {
            free_at = Some(when);
            Ruling::Out(why, Hope::At(when))
        } else {
            let seat = self.seat_for(asker.job, member)?;
            return Some(judge_closely(asker.now, asker.job, &seat, member, group, place));
        };
        Some(Judged {
            endpoint: member.endpoint,
            slot,
            group,
            place,
            weight: member.weight,
            region_rank: member.region_rank.unwrap_or(u32::MAX),
            admin_state: glance.admin,
            health: glance.health,
            estimate,
            needs: estimate.charge,
            has: glance.room.limit.map(|_| glance.room.free),
            limit: glance.room.limit,
            free_at,
            in_flight: glance.in_flight,
            ruling,
        })
    }

    /// Why and until when tokens per minute are short there, if nothing else stands in the way.
    fn lacks_tokens(&self, asker: &Asker<'_>, glance: &Glance, estimate: &Estimate) -> Option<(Exclusion, Timestamp)> {
        let when = glance.room.back(asker.now, estimate)?;
        let others = asker.has_room(estimate) && self.pool_room(glance).is_none_or(|pool| pool.takes(estimate));
        glance.short_as.filter(|_| others).map(|why| (why, when))
    }

    /// Whether it may be used at all, as [`Seat::barred`] says it.
    fn bars(&self, job: &Job, member: CheckedMember, slot: usize, glance: &Glance) -> Option<Exclusion> {
        let elsewhere = |spec: &CheckedEndpoint| !job.binding.allows(spec);
        if job.binding != Binding::Free && self.config.endpoints.get(member.endpoint).is_some_and(elsewhere) {
            return Some(Exclusion::BoundElsewhere);
        }
        bar(member.region_rank.is_some(), glance.admin, glance.has_key, job.barred.contains(&slot))
    }

    /// Takes a list of verdicts back, so that the next one costs no allocation.
    pub(super) fn give_back(&mut self, judged: Vec<Judged>) {
        self.lent = judged;
    }

    /// The endpoint at an index of the configuration.
    pub(super) fn seat(&self, endpoint: usize) -> Option<Seat<'_>> {
        let spec = self.config.endpoints.get(endpoint)?;
        let slot = *self.slot_of.get(endpoint)?;
        let state = self.endpoints.get(slot)?;
        let pool = spec.pool.and_then(|pool| {
            let slot = *self.pool_slot_of.get(pool)?;
            Some((self.config.pools.get(pool)?, self.pools.get(slot)?))
        });
        let has_key = self.keyed.get(endpoint).is_some_and(|keyed| *keyed);
        Some(Seat { slot, spec, state, pool, has_key, admin: state.admin, permitted: true, caller: None })
    }

    /// The endpoint as a member of a route, for a request.
    pub(super) fn seat_for(&self, job: &Job, member: CheckedMember) -> Option<Seat<'_>> {
        let caller = job.caller.and_then(|caller| self.callers.get(caller));
        Some(Seat { permitted: member.region_rank.is_some(), caller, ..self.seat(member.endpoint)? })
    }
}

/// Who asks, and what its request would be charged, worked out once for all endpoints that charge alike.
struct Asker<'j> {
    now: Timestamp,
    job: &'j Job,
    /// What its caller may still use; `None`: everything.
    caller: Option<Room>,
    estimate: Option<(Tariff, Estimate)>,
}

impl<'j> Asker<'j> {
    fn new(now: Timestamp, job: &'j Job, caller: Option<&CallerState>) -> Self {
        Self { now, job, caller: caller.map(|caller| caller.room(now)), estimate: None }
    }

    fn estimate(&mut self, tariff: Tariff) -> Estimate {
        if let Some((known, estimate)) = self.estimate
            && known == tariff
        {
            return estimate;
        }
        let estimate = tariff.estimate(self.job, &self.job.profile.size);
        self.estimate = Some((tariff, estimate));
        estimate
    }

    fn has_room(&self, estimate: &Estimate) -> bool {
        self.caller.as_ref().is_none_or(|caller| caller.takes(estimate))
    }
}

/// Why an endpoint is out of the question, whatever room it has.
pub(super) fn bar(permitted: bool, admin: AdminState, has_key: bool, failed_it: bool) -> Option<Exclusion> {
    match admin {
        _ if !permitted => Some(Exclusion::RegionExcluded),
        AdminState::Paused => Some(Exclusion::Paused),
        AdminState::Draining => Some(Exclusion::Draining),
        AdminState::Enabled if !has_key => Some(Exclusion::NoKey),
        AdminState::Enabled if failed_it => Some(Exclusion::TriedAlready),
        AdminState::Enabled => None,
    }
}

impl Seat<'_> {
    /// What a request would be charged here.
    pub(super) fn estimate(&self, job: &Job) -> Estimate {
        self.estimate_of(job, &job.profile.size)
    }

    /// What the same request of another size would be charged here.
    pub(super) fn estimate_of(&self, job: &Job, size: &RequestSize) -> Estimate {
        self.state.tariff(self.spec).estimate(job, size)
    }

    /// Whether it may be used at all, now or later: by the person, by its key, by what this request has met there.
    pub(super) fn barred(&self, job: &Job) -> Option<Exclusion> {
        if !job.binding.allows(self.spec) {
            return Some(Exclusion::BoundElsewhere);
        }
        bar(self.permitted, self.admin, self.has_key, job.barred.contains(&self.slot))
    }

    /// Health as shown: what we observe, the key and nearness to the limit included.
    pub(super) fn health(&self, now: Timestamp) -> Health {
        let seen = self.state.health.health(now);
        let near = || self.state.ledger.is_nearly_full(now, self.state.limits(self.spec));
        match seen {
            _ if !self.has_key => Health::NoKey,
            Health::Healthy if near() => Health::NearLimit,
            seen => seen,
        }
    }

    /// What a ramp grows towards.
    pub(super) fn pace(&self) -> Pace {
        self.state.pace(self.spec)
    }

    /// The token ceiling that binds it, its pool's included; `None`: none is known.
    pub(super) fn token_limit(&self) -> Option<u64> {
        let own = self.state.limits(self.spec).tokens;
        [own, self.pool.and_then(|(spec, pool)| pool.held(spec).limit)].into_iter().flatten().min()
    }

    /// Whether nothing but rest keeps a request of this size away.
    pub(super) fn has_room(&self, now: Timestamp, job: &Job, estimate: Estimate) -> bool {
        let busy = self.spec.max_in_flight.is_some_and(|most| self.state.in_flight >= most)
            || self.caller.is_some_and(|caller| caller.full().is_some());
        self.barred(job).is_none() && !busy && self.room_at(now, estimate) == Some(now)
    }

    /// The ruling alone.
    pub(super) fn rule(&self, now: Timestamp, job: &Job) -> Ruling {
        self.rule_for(now, job, self.estimate(job))
    }

    /// The ruling alone, were the request estimated like this.
    pub(super) fn rule_for(&self, now: Timestamp, job: &Job, estimate: Estimate) -> Ruling {
        self.ruling(now, job, estimate, &mut None)
    }

    fn ruling(&self, now: Timestamp, job: &Job, estimate: Estimate, short: &mut Option<Shortage>) -> Ruling {
        if let Some(why) = self.barred(job) {
            return Ruling::Out(why, Hope::Never);
        }
        let Some(room) = self.room_at(now, estimate) else {
            let (why, found) = self.obstacle(now, estimate);
            *short = found;
            return Ruling::Out(why, Hope::Never);
        };
        if job.tried.contains(&self.slot) {
            return Ruling::Out(Exclusion::TriedAlready, Hope::Event);
        }
        let standing = self.state.health.standing(now, estimate.charge, self.state.pace(self.spec));
        match standing {
            Standing::Resting(until, cause) => return Ruling::Out(resting(cause), Hope::At(until.max(room))),
            Standing::Probing(verdict) => {
                return Ruling::Out(Exclusion::ProbeRunning, verdict.map_or(Hope::Event, |by| Hope::At(by.max(room))));
            }
            Standing::Open | Standing::Probe | Standing::Ramping(_) => {}
        }
        if self.spec.max_in_flight.is_some_and(|most| self.state.in_flight >= most) {
            return Ruling::Out(Exclusion::InFlightFull, Hope::Event);
        }
        *short = self.caller.and_then(CallerState::full);
        if short.is_some() {
            return Ruling::Out(Exclusion::CallerShort, Hope::Event);
        }
        // Where there is room now, nothing is short.
        if room > now
            && let Some((why, found)) = self.shortage(now, estimate)
        {
            *short = Some(found);
            return Ruling::Out(why, Hope::At(room));
        }
        match standing {
            Standing::Ramping(next) => Ruling::Out(Exclusion::Ramping, Hope::At(next)),
            standing => Ruling::Fits { probe: standing == Standing::Probe },
        }
    }

    /// The free share of its scarcest limit, its pool's included, in millionths.
    pub(super) fn share(&self, now: Timestamp) -> u64 {
        let own = self.state.ledger.free_share(now, self.state.limits(self.spec));
        self.pool.map_or(own, |(spec, pool)| own.min(pool.ledger.free_share(now, pool.limits(spec))))
    }
}

fn judge_closely(
    now: Timestamp,
    job: &Job,
    seat: &Seat<'_>,
    member: CheckedMember,
    group: usize,
    place: usize,
) -> Judged {
    let estimate = seat.estimate(job);
    let mut short = None;
    let ruling = seat.ruling(now, job, estimate, &mut short);
    let limits = seat.state.limits(seat.spec);
    let (needs, has, limit) = match (short, ruling) {
        (Some(short), _) => (short.needs, Some(short.has), Some(short.limit)),
        (None, Ruling::Out(Exclusion::InFlightFull, _)) => (1, Some(0), seat.spec.max_in_flight.map(u64::from)),
        _ => (estimate.charge, seat.state.ledger.free_tokens(now, limits), limits.tokens),
    };
    let free_at = match ruling {
        Ruling::Out(_, Hope::At(when)) => Some(when),
        _ => None,
    };
    Judged {
        endpoint: member.endpoint,
        slot: seat.slot,
        group,
        place,
        weight: member.weight,
        region_rank: member.region_rank.unwrap_or(u32::MAX),
        admin_state: seat.state.admin,
        health: seat.health(now),
        estimate,
        needs,
        has,
        limit,
        free_at,
        in_flight: seat.state.in_flight,
        ruling,
    }
}

pub(super) const fn resting(cause: RestCause) -> Exclusion {
    match cause {
        RestCause::Throttled(_) => Exclusion::Throttled,
        RestCause::Errors | RestCause::Unreachable | RestCause::Blocked => Exclusion::Ejected,
        RestCause::KeyRejected => Exclusion::NoKey,
        RestCause::NotFound => Exclusion::NotOffered,
    }
}

/// What waiting promises over all candidates: the earliest known time, else an event, else nothing.
pub(super) fn hope(judged: &[Judged]) -> Hope {
    let known = judged.iter().filter_map(|one| match one.ruling {
        Ruling::Out(_, Hope::At(when)) => Some(when),
        _ => None,
    });
    let event = || judged.iter().any(|one| matches!(one.ruling, Ruling::Out(_, Hope::Event)));
    match known.min() {
        Some(when) => Hope::At(when),
        None if event() => Hope::Event,
        None => Hope::Never,
    }
}

/// Whether size alone keeps the request from an endpoint that could be used.
pub(super) fn too_large(judged: &[Judged]) -> bool {
    let never = |one: &Judged| {
        matches!(one.ruling, Ruling::Out(Exclusion::TooLarge, _) | Ruling::Out(Exclusion::CallerShort, Hope::Never))
    };
    judged.iter().any(never)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
