//! What one caller may use: its own limits, checked and reserved with those of endpoint and pool.
//!
//! Invariant: keyed by the caller's id for the life of the process; a new configuration forgets nothing that was charged.
//! Absent on purpose: who a caller is (`proxy`) and how important it is (its requests say that).

use super::balancer::Balancer;
use super::free::Room;
use super::ledger::{Entry, Ledger, Limits, Shortage};
use crate::model::checked::{CheckedCaller, CheckedConfig};
use crate::model::decision::Estimate;
use crate::model::id::CallerId;
use crate::model::profile::RequestProfile;
use crate::model::status::{CallerView, LimitSource, LimitView};
use crate::model::units::{Timestamp, Unit};

/// One caller of the configuration.
#[derive(Clone, Debug)]
pub(super) struct CallerState {
    pub(super) id: CallerId,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    max_in_flight: Option<u32>,
    pub(super) in_flight: u32,
}

impl CallerState {
    fn new(id: CallerId) -> Self {
        Self { id, ledger: Ledger::own(), limits: Limits::NONE, max_in_flight: None, in_flight: 0 }
    }

    fn adopt(&mut self, spec: &CheckedCaller) {
        self.limits = Limits { tokens: spec.tokens_per_minute, requests: spec.requests_per_minute, ..Limits::NONE };
        self.max_in_flight = spec.max_in_flight;
    }

    /// That it has as many requests running as it may, if it has.
    pub(super) fn full(&self) -> Option<Shortage> {
        let limit = u64::from(self.max_in_flight.filter(|most| self.in_flight >= *most)?);
        Some(Shortage { unit: Unit::Requests, needs: 1, has: 0, limit, free_at: None })
    }

    /// What it may still use.
    pub(super) fn room(&self, now: Timestamp) -> Room {
        let mut room = self.ledger.room(now, self.limits);
        if self.full().is_some() {
            room.shut();
        }
        room
    }

    /// Whether anything limits it.
    pub(super) fn is_limited(&self) -> bool {
        self.is_capped() || self.limits != Limits::NONE
    }

    /// As many of its requests may run at once.
    pub(super) const fn max_in_flight(&self) -> Option<u32> {
        self.max_in_flight
    }

    /// Whether only so many of its requests may run at once.
    pub(super) const fn is_capped(&self) -> bool {
        self.max_in_flight.is_some()
    }

    /// Takes one request, fitting or not.
    pub(super) fn reserve(&mut self, now: Timestamp, estimate: Estimate) -> Entry {
        self.in_flight = self.in_flight.saturating_add(1);
        self.ledger.reserve(now, estimate)
    }

    fn view(&self, now: Timestamp) -> CallerView {
        let view = |limit: Option<u64>, standing| {
            let source = if limit.is_some() { LimitSource::Configured } else { LimitSource::Unknown };
            LimitView::new(limit, source, standing)
        };
        CallerView {
            id: self.id.clone(),
            tokens: view(self.limits.tokens, self.ledger.tokens(now)),
            requests: view(self.limits.requests, self.ledger.requests(now)),
            max_in_flight: self.max_in_flight,
            in_flight: self.in_flight,
        }
    }
}

impl Balancer {
    /// Swaps in the callers of a configuration. One that is gone keeps what it was charged, and is limited no longer.
    pub(super) fn adopt_callers(&mut self, config: &CheckedConfig) {
        for state in &mut self.callers {
            (state.limits, state.max_in_flight) = (Limits::NONE, None);
        }
        for spec in &config.callers {
            let slot = *self.caller_slots.entry(spec.id.clone()).or_insert_with(|| {
                self.callers.push(CallerState::new(spec.id.clone()));
                self.callers.len().saturating_sub(1)
            });
            if let Some(state) = self.callers.get_mut(slot) {
                state.adopt(spec);
            }
        }
    }

    /// The slot of the caller who asked, if the configuration has ever known it.
    pub(super) fn caller_of(&self, profile: &RequestProfile) -> Option<usize> {
        self.caller_slots.get(profile.caller.as_ref()?).copied()
    }

    /// How the callers of the configuration stand, in its order.
    pub(super) fn caller_views(&self, now: Timestamp) -> Vec<CallerView> {
        let slots = self.config.callers.iter().filter_map(|spec| self.caller_slots.get(&spec.id));
        slots.filter_map(|slot| Some(self.callers.get(*slot)?.view(now))).collect()
    }
}

#[cfg(test)]
#[path = "caller_tests.rs"]
mod tests;
