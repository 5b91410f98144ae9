//! What a judgement reads of an endpoint or a pool first: two cache lines of numbers, kept until something changes them.
//!
//! Whatever touches an endpoint or a pool makes its glance stale, and so does the next moment at which time alone changes
//! what its ledger counts. Between these, which is nearly always, a request that fits is found to fit by comparing numbers,
//! and no ledger is walked.
//!
//! Invariant: a fresh glance holds what the state itself would answer now, and room that it shows is there.
//! Absent on purpose: why something does not fit, and until when. The ledgers themselves are asked that (`judge`, `room`).

use std::time::Duration;

use super::balancer::Balancer;
use super::endpoint::EndpointState;
use super::estimate::Tariff;
use super::free::Room;
use super::ledger::Limits;
use super::pool::PoolState;
use crate::model::checked::CheckedEndpoint;
use crate::model::config::AdminState;
use crate::model::decision::Exclusion;
use crate::model::status::Health;
use crate::model::units::Timestamp;

/// How long what changes all the time stays true.
const INSTANT: Duration = Duration::from_micros(1);

/// One endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Glance {
    /// Of its own ledger, its pool's apart; none while anything but limits is in the way.
    pub(super) room: Room,
    pub(super) health: Health,
    pub(super) tariff: Tariff,
    /// Index into the configuration's pools.
    pub(super) pool: Option<usize>,
    pub(super) in_flight: u32,
    pub(super) admin: AdminState,
    pub(super) has_key: bool,
    /// Why tokens are short if they alone are; `None`: the ledger has to be asked.
    pub(super) short_as: Option<Exclusion>,
    /// While nobody touches it, nothing but what is free changes with time, and it takes requests.
    open: bool,
    limits: Limits,
}

impl Glance {
    /// How it stands at `now`.
    fn of(now: Timestamp, spec: &CheckedEndpoint, state: &EndpointState, has_key: bool) -> Self {
        let limits = state.limits(spec);
        let mut room = state.ledger.room(now, limits);
        let too_large = state.too_large(now);
        if let Some((smallest, until)) = too_large {
            let most = smallest.saturating_sub(1);
            (room.tokens, room.apart) = (room.tokens.min(most), room.apart.min(most));
            room.until = room.until.min(until);
        }
        let shut = !state.health.is_up(now) || spec.max_in_flight.is_some_and(|most| state.in_flight >= most);
        if shut {
            room.shut();
        }
        if state.health.moves() {
            room.until = room.until.min(now.after(INSTANT));
        }
        let health = match state.health.health(now) {
            _ if !has_key => Health::NoKey,
            Health::Healthy if room.nearly_full => Health::NearLimit,
            seen => seen,
        };
        Self {
            room,
            health,
            tariff: state.tariff(spec),
            pool: spec.pool,
            in_flight: state.in_flight,
            admin: state.admin,
            has_key,
            short_as: state.tokens_short(spec),
            open: !shut && !state.health.moves() && too_large.is_none(),
            limits,
        }
    }

    /// The same a little later, if only time has passed since: what is free is carried on, or else looked up, and nothing
    /// else. Whether that was enough.
    fn pass(&mut self, now: Timestamp, state: &EndpointState) -> bool {
        if self.open {
            if !self.room.pass(now) {
                self.room = state.ledger.room(now, self.limits);
            }
            self.health = match self.health {
                Health::Healthy | Health::NearLimit if self.room.nearly_full => Health::NearLimit,
                Health::Healthy | Health::NearLimit => Health::Healthy,
                seen => seen,
            };
        }
        self.open
    }
}

/// States by slot, with what was last seen of each.
#[derive(Clone, Debug)]
pub(super) struct Glanced<State, Seen> {
    states: Vec<State>,
    /// Until when what was seen is true.
    until: Vec<Timestamp>,
    seen: Vec<Option<Seen>>,
}

/// Every endpoint ever known; a slot is never reused, so what is in flight finds its ledger again.
pub(super) type Endpoints = Glanced<EndpointState, Glance>;
/// Every pool ever known.
pub(super) type Pools = Glanced<PoolState, Room>;

impl<State, Seen> Glanced<State, Seen> {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { states: Vec::new(), until: Vec::new(), seen: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, State> {
        self.states.iter()
    }

    /// Takes the next slot.
    pub(super) fn push(&mut self, state: State) {
        self.states.push(state);
        self.until.push(Timestamp::ZERO);
        self.seen.push(None);
    }

    pub(super) fn get(&self, slot: usize) -> Option<&State> {
        self.states.get(slot)
    }

    /// To be changed: what was seen of it is not true any more.
    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut State> {
        *self.until.get_mut(slot)? = Timestamp::ZERO;
        self.states.get_mut(slot)
    }

    /// Something changed that bears on all of them.
    pub(super) fn doubt(&mut self) {
        self.until.fill(Timestamp::ZERO);
    }

    /// What was seen when it was last looked at.
    pub(super) fn seen(&self, slot: usize) -> Option<&Seen> {
        self.seen.get(slot)?.as_ref()
    }

    /// Whether what was seen is still true at a time that is no earlier than the look.
    fn is_fresh(&self, slot: usize, now: Timestamp) -> bool {
        self.until.get(slot).is_some_and(|until| now < *until)
    }

    /// Looks at one.
    fn look(&mut self, slot: usize, see: impl FnOnce(&State) -> (Seen, Timestamp)) {
        let Some((seen, until)) = self.states.get(slot).map(see) else { return };
        if let Some(known) = self.seen.get_mut(slot) {
            *known = Some(seen);
        }
        if let Some(known) = self.until.get_mut(slot) {
            *known = until;
        }
    }
}

impl Endpoints {
    /// Looks at what time alone has changed; `false`: it has to be looked at as a whole.
    fn pass(&mut self, slot: usize, now: Timestamp) -> bool {
        let (Some(until), Some(Some(seen))) = (self.until.get_mut(slot), self.seen.get_mut(slot)) else { return false };
        let passed = *until > Timestamp::ZERO && self.states.get(slot).is_some_and(|state| seen.pass(now, state));
        if passed {
            *until = seen.room.until;
        }
        passed
    }
}

impl Balancer {
    /// Looks at those members of a route, and at their pools, of which something may have changed.
    pub(super) fn look(&mut self, now: Timestamp, route: usize) {
        let Self { config, endpoints, pools, slot_of, pool_slot_of, keyed, .. } = self;
        let members = config.routes.get(route).into_iter().flat_map(|route| &route.groups);
        for member in members.flat_map(|group| &group.members) {
            let Some(slot) = slot_of.get(member.endpoint).copied() else { continue };
            if !endpoints.is_fresh(slot, now)
                && !endpoints.pass(slot, now)
                && let Some(spec) = config.endpoints.get(member.endpoint)
            {
                let has_key = keyed.get(member.endpoint).is_some_and(|keyed| *keyed);
                endpoints.look(slot, |state| {
                    let glance = Glance::of(now, spec, state, has_key);
                    (glance, glance.room.until)
                });
            }
            if let Some(at) = endpoints.seen(slot).and_then(|glance| glance.pool)
                && let Some(slot) = pool_slot_of.get(at).copied()
                && !pools.is_fresh(slot, now)
                && let Some(spec) = config.pools.get(at)
            {
                pools.look(slot, |state| {
                    let room = state.ledger.room(now, state.limits(spec));
                    (room, room.until)
                });
            }
        }
    }

    /// What its pool has free, for an endpoint that was looked at; `None`: it has no pool.
    pub(super) fn pool_room(&self, glance: &Glance) -> Option<&Room> {
        self.pools.seen(*self.pool_slot_of.get(glance.pool?)?)
    }

    /// The free share of the scarcest limit of an endpoint that was looked at, its pool's included, in millionths.
    pub(super) fn share_seen(&self, slot: usize) -> u64 {
        self.endpoints.seen(slot).map_or(0, |glance| {
            let own = glance.room.share();
            self.pool_room(glance).map_or(own, |pool| own.min(pool.share()))
        })
    }
}

#[cfg(test)]
#[path = "glance_tests.rs"]
mod tests;
