//! What the person changes: the configuration, an endpoint's admin state, keys, and stopping.
//!
//! Invariant: ids keep charges, health and learned limits; what is in flight ends as it began.
//! Absent on purpose: checks. What comes here is sound (`model::checked`).

use std::sync::Arc;

use super::balancer::Balancer;
use super::endpoint::EndpointState;
use super::event::Output;
use super::order::Line;
use super::pool::PoolState;
use super::request::{RouteState, Stage};
use super::rest::LONGEST_REST;
use super::spill::Stay;
use crate::model::checked::CheckedConfig;
use crate::model::config::AdminState;
use crate::model::decision::RefusalReason;
use crate::model::id::{AccountId, EndpointId, ModelName, RequestId};
use crate::model::outcome::ThrottleKind;
use crate::model::ownership::Place;
use crate::model::status::{Rest, RestCause};
use crate::model::units::Timestamp;

impl Balancer {
    /// Swaps in a configuration; slots of known ids stay.
    pub(super) fn adopt(&mut self, config: Arc<CheckedConfig>) {
        self.slot_of.clear();
        for spec in &config.endpoints {
            let known = self.endpoints.iter().position(|endpoint| endpoint.id == spec.id);
            let slot = known.unwrap_or(self.endpoints.len());
            if known.is_none() {
                self.endpoints.push(EndpointState::new(spec));
            }
            if let Some(endpoint) = self.endpoints.get_mut(slot) {
                endpoint.admin = spec.admin_state;
                endpoint.allotted = None;
                endpoint.learning.restate(spec);
                endpoint.recount(self.now, spec);
            }
            self.slot_of.push(slot);
        }
        self.spec_at = vec![None; self.endpoints.len()];
        for (place, slot) in self.slot_of.iter().enumerate() {
            if let Some(spec) = self.spec_at.get_mut(*slot) {
                *spec = Some(place);
            }
        }
        self.pool_slot_of.clear();
        for spec in &config.pools {
            let known = self.pools.iter().position(|pool| pool.id == spec.id);
            let slot = known.unwrap_or(self.pools.len());
            self.pool_slot_of.push(slot);
            if known.is_none() {
                self.pools.push(PoolState::new(spec));
            }
            if let Some(pool) = self.pools.get_mut(slot) {
                pool.recount(self.now, spec);
            }
        }
        self.adopt_callers(&config);
        let mut before = std::mem::take(&mut self.routes);
        for spec in &config.routes {
            let known = before.iter().position(|route| route.model == spec.model).map(|at| before.swap_remove(at));
            let fresh = RouteState::new(spec.model.clone(), config.queue.bulk_share_percent);
            let members = spec.groups.iter().flat_map(|group| &group.members);
            let members =
                members.filter_map(|member| Some(config.endpoints.get(member.endpoint)?.id.clone())).collect();
            let fresh = RouteState { members, ..fresh };
            self.routes.push(match known {
                Some(RouteState { sent, stays, shares, demand, relented, .. }) => {
                    RouteState { sent, stays: Stay::of(spec, &stays), shares, demand, relented, ..fresh }
                }
                None => RouteState { stays: Stay::of(spec, &[]), ..fresh },
            });
        }
        self.config = config;
        for slot in self.slot_of.clone() {
            self.note_words(slot);
        }
        self.pools.doubt();
        self.index_routes();
        self.note_keys();
    }

    /// A new configuration: everybody waiting is looked at anew, and whose turn it was stays so.
    pub(super) fn configured(&mut self, now: Timestamp, config: Arc<CheckedConfig>, outputs: &mut Vec<Output>) {
        let stood: Vec<(ModelName, Line)> =
            self.routes.iter_mut().map(|route| (route.model.clone(), std::mem::take(&mut route.line))).collect();
        self.adopt(config);
        let mut homeless: Vec<(u64, RequestId)> = Vec::new();
        let mut jobs = std::mem::take(&mut self.jobs);
        for (request, job) in jobs.iter_mut() {
            job.route = self.config.route_for(job.profile.model.as_str());
            job.caller = job.profile.caller.as_ref().and_then(|id| self.caller_slots.get(id).copied());
            job.lane = self.lane_of(job);
            let line = job.route.and_then(|route| self.routes.get_mut(route)).map(|route| &mut route.line);
            match (&job.stage, line, job.route) {
                (Some(Stage::InLine { .. }), Some(line), Some(route)) => {
                    line.enter(job.waiter(*request));
                    self.lined.insert(route);
                    self.touched.insert(route);
                }
                (Some(Stage::InLine { .. } | Stage::BackingOff { .. }), ..) if job.route.is_none() => {
                    homeless.push((job.order, *request));
                }
                _ => {}
            }
        }
        self.jobs = jobs;
        for (model, line) in &stood {
            self.resume(model, line);
        }
        homeless.sort_unstable();
        for (_, request) in homeless {
            self.turn_away(now, request, RefusalReason::UnknownModel, outputs);
        }
    }

    /// A route's line goes on where it stood: its turns, and whom the person put first.
    fn resume(&mut self, model: &ModelName, stood: &Line) {
        if let Some(route) = self.routes.iter_mut().find(|route| route.model == *model) {
            route.line.resume(stood);
        }
        for request in stood.promoted() {
            self.promoted(request);
        }
    }

    /// Ceilings inside pools, for now. What is charged already stays charged.
    pub(super) fn allotted(&mut self, shares: &[(EndpointId, Option<u64>)]) {
        for (spec, slot) in self.config.endpoints.iter().zip(&self.slot_of) {
            let share = shares.iter().find(|(id, _)| *id == spec.id);
            if let (Some((_, share)), Some(endpoint)) = (share, self.endpoints.get_mut(*slot)) {
                endpoint.allotted = *share;
                endpoint.recount(self.now, spec);
            }
        }
        self.doubt_forecasts();
    }

    /// Takes effect at once; the file follows elsewhere.
    pub(super) fn set_admin_state(&mut self, endpoint: &EndpointId, state: AdminState) {
        let slot = self.endpoints.iter().position(|known| known.id == *endpoint);
        if let Some(endpoint) = slot.and_then(|slot| self.endpoints.get_mut(slot)) {
            endpoint.admin = state;
            self.doubt_forecasts();
        }
    }

    /// What an earlier run left.
    pub(super) fn go_on_resting(&mut self, now: Timestamp, rests: &[Rest]) {
        // A clock that was ahead must not make it rest for a year.
        for rest in rests.iter().filter(|rest| rest.until.since(now) <= LONGEST_REST) {
            let slot = self.endpoints.iter().position(|known| known.id == rest.endpoint);
            if let Some(endpoint) = slot.and_then(|slot| self.endpoints.get_mut(slot)) {
                endpoint.health.go_on_resting(rest.until, rest.cause);
                if let RestCause::Throttled(kind) = rest.cause {
                    endpoint.note_told(rest.until, kind);
                }
            }
        }
        self.doubt_forecasts();
    }

    /// Who was told to wait, and waits at `now`, and whose key or whereabouts were refused, where it is known which. Other rests
    /// by our own judgement are left out.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> Vec<Rest> {
        let all = self.endpoints.iter().enumerate();
        all.flat_map(|(slot, endpoint)| self.rests_of(now, slot, endpoint)).collect()
    }

    fn rests_of(&self, now: Timestamp, slot: usize, endpoint: &EndpointState) -> Vec<Rest> {
        let place = self.spec_of(slot).and_then(|spec| self.owners.place_of(&spec.account));
        let mark = place.map_or(0, Place::mark);
        let outlives = |cause: RestCause| match cause {
            RestCause::Throttled(_) => true,
            RestCause::KeyRejected | RestCause::Blocked => mark != 0,
            _ => false,
        };
        let rest = |(until, cause)| Rest { endpoint: endpoint.id.clone(), until, cause, mark };
        let mut all: Vec<Rest> = endpoint.health.rests(now).filter(|(_, cause)| outlives(*cause)).map(rest).collect();
        // What the service asked for holds, whatever else it rests for, or though it is being tried.
        let told = endpoint.told_until();
        let known = |rest: &Rest| rest.until >= told && matches!(rest.cause, RestCause::Throttled(_));
        if told > now && !all.iter().any(known) {
            all.push(rest((told, RestCause::Throttled(ThrottleKind::Unknown))));
        }
        all
    }

    /// A key came or went. A new one is tried soon where the old one was rejected.
    pub(super) fn key_ready(&mut self, now: Timestamp, account: AccountId, ready: bool) {
        if ready {
            self.forgive_visits(now, &account);
            for (spec, slot) in self.config.endpoints.iter().zip(&self.slot_of) {
                if let Some(endpoint) = self.endpoints.get_mut(*slot).filter(|_| spec.account == account)
                    && endpoint.health.forgive_key(now)
                {
                    endpoint.credit_until = endpoint.credit_until.min(now);
                }
            }
            self.ready.insert(account);
        } else {
            self.ready.remove(&account);
        }
        self.note_keys();
        self.doubt_forecasts();
    }

    /// Everybody waiting is refused, and nobody is admitted from here on.
    pub(super) fn stop(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        self.stopping = true;
        let mut waiting: Vec<(u64, RequestId)> = (self.deadlines.iter())
            .filter_map(|(_, request)| Some((self.jobs.get(request)?.order, *request)))
            .collect();
        waiting.sort_unstable();
        for (_, request) in waiting {
            self.turn_away(now, request, RefusalReason::Stopping, outputs);
        }
        self.refuse_visits(now, outputs);
    }

    fn turn_away(&mut self, now: Timestamp, request: RequestId, reason: RefusalReason, outputs: &mut Vec<Output>) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        self.leave_line(now, request, &mut job);
        let judged = self.judge(now, &job);
        self.refuse(now, request, &job, &judged, reason, None, outputs);
    }
}
