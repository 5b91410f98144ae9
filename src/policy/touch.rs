//! Which lines an event concerns, and when time alone moves one.
//!
//! Invariant: an event costs what the routes it touches cost, however many others there are.
//! Absent on purpose: looking at the lines themselves (`line`).

use std::time::Duration;

use super::balancer::Balancer;
use crate::model::units::Timestamp;

/// How soon a line is looked at again whose time has come but where nobody could go.
const AGAIN: Duration = Duration::from_millis(1);

impl Balancer {
    /// Notes which routes each endpoint slot serves, pools included. Every line starts anew.
    pub(super) fn index_routes(&mut self) {
        self.claims.clear();
        self.wakes.clear();
        self.lined.clear();
        self.touched.clear();
        self.routes_of = vec![Vec::new(); self.endpoints.len()];
        for (at, spec) in self.config.endpoints.iter().enumerate() {
            let together = |member: usize| {
                let pool = self.config.endpoints.get(member).and_then(|other| other.pool);
                member == at || spec.pool.is_some() && pool == spec.pool
            };
            let routes = self.config.routes.iter().enumerate().filter(|(_, route)| {
                route.groups.iter().flat_map(|group| &group.members).any(|member| together(member.endpoint))
            });
            let routes: Vec<usize> = routes.map(|(place, _)| place).collect();
            if let Some(known) = self.slot_of.get(at).and_then(|slot| self.routes_of.get_mut(*slot)) {
                *known = routes;
            }
        }
    }

    /// Something at an endpoint may let somebody go.
    pub(super) fn touch(&mut self, slot: usize) {
        if !self.lined.is_empty() {
            self.touch_others(slot, usize::MAX);
        }
    }

    /// The same for all routes but one.
    pub(super) fn touch_others(&mut self, slot: usize, but: usize) {
        let routes = self.routes_of.get(slot).into_iter().flatten().copied();
        self.touched.extend(routes.filter(|route| *route != but && self.lined.contains(route)));
    }

    /// Something changed at an endpoint that the forecasts do not know.
    pub(super) fn doubt(&mut self, slot: usize) {
        if self.lined.is_empty() {
            return;
        }
        self.touch(slot);
        for route in self.routes_of.get(slot).into_iter().flatten() {
            if let Some(route) = self.routes.get_mut(*route) {
                route.doubt_forecast();
            }
        }
    }

    /// Something changed that the forecasts do not know, and that may concern every route.
    pub(super) fn doubt_forecasts(&mut self) {
        self.touched.extend(&self.lined);
        for route in &self.lined {
            if let Some(route) = self.routes.get_mut(*route) {
                route.doubt_forecast();
            }
        }
    }

    /// When a line moves by time alone; `None`: only an event moves it.
    pub(super) fn set_wake(&mut self, now: Timestamp, route: usize, wake: Option<Timestamp>) {
        let wake = wake.map(|when| if when > now { when } else { now.after(AGAIN) });
        let Some(state) = self.routes.get_mut(route) else { return };
        if state.wake == wake {
            return;
        }
        if let Some(before) = std::mem::replace(&mut state.wake, wake) {
            self.wakes.remove(&(before, route));
        }
        if let Some(when) = wake {
            self.wakes.insert((when, route));
        }
    }

    /// One more stands in line, who may go at this time.
    pub(super) fn wake_no_later(&mut self, now: Timestamp, route: usize, when: Timestamp) {
        let before = self.routes.get(route).and_then(|route| route.wake);
        self.set_wake(now, route, Some(before.map_or(when, |before| before.min(when))));
    }

    /// The lines whose time has come are to be looked at.
    pub(super) fn touch_due(&mut self, now: Timestamp) {
        while let Some((when, route)) = self.wakes.first().copied()
            && when <= now
        {
            self.set_wake(now, route, None);
            self.touched.insert(route);
        }
    }
}
