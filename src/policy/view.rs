//! How things stand, for the screen.
//!
//! Invariant: reads only; the same state and time give the same view.
//! Absent on purpose: history and words.

use super::balancer::Balancer;
use super::judge::Seat;
use super::ledger::Limits;
use super::rests::Fault;
use crate::model::checked::{CheckedConfig, CheckedPool, CheckedRoute};
use crate::model::config::{AdminState, Service};
use crate::model::status::{
    BalancerView, EndpointView, GroupView, Health, LimitKind, LimitSource, LimitView, MoreLimitView, PoolView,
    RouteView, Traffic,
};
use crate::model::units::{Timestamp, Unit};

impl Balancer {
    /// What it runs by.
    #[must_use]
    pub const fn config(&self) -> &std::sync::Arc<CheckedConfig> {
        &self.config
    }

    /// How things stand at `now`. Changes nothing.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> BalancerView {
        let seats: Vec<Seat<'_>> = (0..self.config.endpoints.len()).filter_map(|at| self.seat(at)).collect();
        let endpoints: Vec<EndpointView> = seats.iter().map(|seat| self.endpoint_view(now, seat)).collect();
        let pools = self.config.pools.iter().enumerate().filter_map(|(at, pool)| self.pool_view(now, at, pool));
        let routes = self.config.routes.iter().enumerate();
        BalancerView {
            at: now,
            revision: self.config.revision,
            pools: pools.collect(),
            routes: routes.map(|(at, route)| self.route_view(now, at, route, &endpoints)).collect(),
            queue: self.queue_view(now),
            kept: self.owners.kept(),
            payers: self.payer_views(&endpoints),
            visited: self.visited_views(now),
            endpoints,
            callers: self.caller_views(now),
            usual_answers: self.outputs.known(),
        }
    }

    fn endpoint_view(&self, now: Timestamp, seat: &Seat<'_>) -> EndpointView {
        let (spec, state) = (seat.spec, seat.state);
        let limits = state.limits(spec);
        let learning = &state.learning;
        let stated = self.config.config.endpoint(&spec.id).and_then(|endpoint| endpoint.requests_per_minute);
        let request_source = state.request_source(stated.is_none());
        let (tokens, requests) = (state.ledger.tokens(now), state.ledger.requests(now));
        EndpointView {
            id: spec.id.clone(),
            account: spec.account.clone(),
            model: spec.model.clone(),
            simulated: spec.service == Service::Simulated,
            admin_state: state.admin,
            health: seat.health(now),
            also_resting: state.health.other_rests(now),
            tokens: LimitView {
                since: learning.tokens.since(),
                ..LimitView::new(limits.tokens, state.token_source(spec), tokens)
            },
            requests: LimitView {
                since: learning.requests.since(),
                ..LimitView::new(limits.requests, request_source, requests)
            },
            last_minute: Traffic {
                tokens: learning.traffic.tokens(now).saturating_sub(tokens.1),
                requests: learning.traffic.requests(now, false),
            },
            provider_tokens_per_minute: state.provider_tokens(spec),
            soft_cap: spec.soft_cap,
            reported_remaining: state.reported_remaining,
            in_flight: state.in_flight,
            counters: state.counters,
            first_token: state.latency.seen(),
            more_limits: more_limits(now, seat, limits),
            allotted: state.allotted,
            exhausts_at: None,
            reported_tokens_per_minute: learning.tokens.reported(),
            foreign_tokens_per_minute: learning.foreign.rate(),
            charge_permille: learning.calibration(true).permille(),
            uncapped_charge_permille: learning.calibration(false).permille(),
            growth_tokens_per_minute: learning.growth.allowed(),
            insight: state.insight(now, spec),
        }
    }

    fn pool_view(&self, now: Timestamp, at: usize, pool: &CheckedPool) -> Option<PoolView> {
        let state = self.pools.get(*self.pool_slot_of.get(at)?)?;
        let (ledger, limits, held) = (&state.ledger, state.limits(pool), state.held(pool));
        let derived = self.config.config.quota_pool(&pool.id).is_some_and(|pool| pool.requests_per_minute.is_none());
        let request_source = match limits.requests {
            None => LimitSource::Unknown,
            Some(_) if derived => LimitSource::Derived,
            Some(_) => LimitSource::Configured,
        };
        let members = self.config.endpoints.iter().zip(&self.slot_of).filter(|(spec, _)| spec.pool == Some(at));
        // One that rests alone is only supposed to lack the pool.
        let rests = members.clone().map(|(_, slot)| self.endpoints.get(*slot)?.health.rest_on(now, Fault::Pool));
        let rests: Option<Vec<Timestamp>> = rests.collect();
        Some(PoolView {
            id: pool.id.clone(),
            tokens: LimitView { since: state.since(), ..LimitView::new(held.limit, held.source, ledger.tokens(now)) },
            configured_tokens_per_minute: pool.tokens_per_minute,
            pinned: pool.pinned,
            requests: LimitView::new(limits.requests, request_source, ledger.requests(now)),
            rests_until: rests.and_then(|all| all.into_iter().max()),
            members: members.map(|(spec, _)| spec.id.clone()).collect(),
            exhausts_at: None,
            proposed: Vec::new(),
        })
    }

    fn route_view(&self, now: Timestamp, at: usize, route: &CheckedRoute, endpoints: &[EndpointView]) -> RouteView {
        let state = self.routes.get(at);
        let members: Vec<usize> =
            route.groups.iter().flat_map(|group| &group.members).map(|member| member.endpoint).collect();
        let views = || members.iter().filter_map(|member| endpoints.get(*member));
        let serving = views().filter(|view| view.serving()).count();
        let back_at = views().filter_map(|view| match view.health {
            Health::Resting { until, .. } if view.admin_state == AdminState::Enabled => Some(until),
            _ => None,
        });
        let groups = route.groups.iter().enumerate().map(|(place, group)| {
            let slots = group.members.iter().filter_map(|member| self.slot_of.get(member.endpoint));
            let sent = slots.map(|slot| state.map_or(0, |route| route.sent_last_minute(now, *slot)));
            let ids = group.members.iter().filter_map(|member| endpoints.get(member.endpoint));
            GroupView {
                id: group.id.clone(),
                endpoints: ids.map(|view| view.id.clone()).collect(),
                sent_last_minute: sent.collect(),
                model: group.model.clone(),
                taken_percent: u8::try_from(self.taken_share(now, group) / 10_000).unwrap_or(100),
                withheld: self.withheld(now, at, place),
                paced: state.and_then(|route| route.paced_at(now, place)),
            }
        });
        RouteView {
            model: route.model.clone(),
            serving: count(serving),
            members: count(members.len()),
            groups: groups.collect(),
            waiting: count(self.waiting_for(at)),
            back_at: if serving == 0 { back_at.min() } else { None },
            demand: self.outlook.route(&route.model).map(|route| route.demand).unwrap_or_default(),
            relented_at: state.and_then(|route| route.relented),
        }
    }

    fn waiting_for(&self, route: usize) -> usize {
        let in_line = self.routes.get(route).map_or(0, |route| route.line.len());
        let backing_off = self.backoffs.iter().filter_map(|(_, request)| self.jobs.get(request));
        in_line + backing_off.filter(|job| job.route == Some(route)).count()
    }
}

/// The limits that few services have, where one is known.
fn more_limits(now: Timestamp, seat: &Seat<'_>, limits: Limits) -> Vec<MoreLimitView> {
    let all = [
        (LimitKind::InputTokens, Unit::Input, limits.input),
        (LimitKind::OutputTokens, Unit::Output, limits.output),
        (LimitKind::TokensPerDay, Unit::DayTokens, limits.tokens_per_day),
        (LimitKind::RequestsPerDay, Unit::DayRequests, limits.requests_per_day),
    ];
    let learning = &seat.state.learning;
    let held = learning.holding().more.into_iter().zip(learning.more_since());
    let known = all.into_iter().zip(held).filter(|((_, _, limit), _)| limit.is_some());
    known
        .map(|((kind, unit, limit), (held, since))| {
            let stated = LimitView::new(limit, LimitSource::Configured, seat.state.ledger.standing(now, unit));
            let limit = if seat.spec.pinned { stated } else { LimitView { source: held.source, since, ..stated } };
            MoreLimitView { kind, limit }
        })
        .collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
