//! How a reservation ends: charged, given back, or taken for lost.
//!
//! Invariant: each reservation is closed exactly once, whatever order events come in.
//! Absent on purpose: what a failure means for health and request (`fail`).

use super::balancer::Balancer;
use super::ledger::{Entry, Ledger};
use super::request::{Reservation, Stage};
use crate::model::id::RequestId;
use crate::model::outcome::{Ending, HeaderSignal, Settlement};
use crate::model::units::Timestamp;
use crate::model::usage::Usage;

impl Balancer {
    /// The commit point: from here no other endpoint.
    pub(super) fn committed(&mut self, now: Timestamp, request: RequestId, signal: &HeaderSignal) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        let Some(Stage::Sent(reservation)) = &job.stage else { return };
        if job.committed {
            return;
        }
        job.committed = true;
        let (slot, charge) = (reservation.slot, reservation.estimate.charge);
        let spec = self.spec_of(slot).cloned();
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        let seen_before = (endpoint.health.health(now), spec.as_ref().map(|spec| endpoint.limits(spec)));
        endpoint.health.committed(now, request);
        endpoint.was_admitted(now, charge);
        if let Some(spec) = spec.as_ref().filter(|_| signal.endpoint == endpoint.id) {
            endpoint.learn(now, spec, &signal.facts);
        }
        if seen_before != (endpoint.health.health(now), spec.as_ref().map(|spec| endpoint.limits(spec))) {
            self.doubt(slot);
        }
    }

    /// The request is over. Later reports of it are ignored.
    pub(super) fn settled(&mut self, now: Timestamp, request: RequestId, settlement: &Settlement) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        let Some(Stage::Sent(reservation)) = job.stage.take_if(|stage| matches!(stage, Stage::Sent(_))) else {
            return self.leave_line(now, request, &mut job);
        };
        let charge = final_charge(&reservation, settlement.usage);
        self.close(request, &reservation, Some(charge));
        self.touch(reservation.slot);
        if charge != reservation.estimate.charge {
            self.doubt(reservation.slot);
        }
        let Some(endpoint) = self.endpoints.get_mut(reservation.slot) else { return };
        let counters = &mut endpoint.counters;
        match settlement.ending {
            Ending::Completed if job.committed => counters.answered = counters.answered.saturating_add(1),
            Ending::CutOff => counters.failed = counters.failed.saturating_add(1),
            Ending::Completed | Ending::ClientLeft => {}
        }
        if let Some(usage) = settlement.usage {
            counters.tokens_in = counters.tokens_in.saturating_add(usage.input);
            counters.tokens_out = counters.tokens_out.saturating_add(usage.output);
        }
        if !job.committed {
            endpoint.health.unjudged(now, request);
        }
    }

    /// The client left before anything was sent: everything is given back.
    pub(super) fn withdrawn(&mut self, now: Timestamp, request: RequestId) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        let Some(Stage::Sent(reservation)) = job.stage.take_if(|stage| matches!(stage, Stage::Sent(_))) else {
            return self.leave_line(now, request, &mut job);
        };
        self.close(request, &reservation, None);
        self.doubt(reservation.slot);
        if let Some(endpoint) = self.endpoints.get_mut(reservation.slot) {
            endpoint.counters.attempts = endpoint.counters.attempts.saturating_sub(1);
            endpoint.health.unjudged(now, request);
        }
    }

    /// Nobody told us how a request ended; its charge stands.
    pub(super) fn expire(&mut self, now: Timestamp, request: RequestId) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        if let Some(Stage::Sent(reservation)) = job.stage.take() {
            self.close(request, &reservation, Some(reservation.estimate.charge));
            self.touch(reservation.slot);
            if let Some(endpoint) = self.endpoints.get_mut(reservation.slot) {
                endpoint.health.unjudged(now, request);
            }
        }
    }

    /// Ends a reservation: `charge` tokens and one request stay, or nothing does.
    pub(super) fn close(&mut self, request: RequestId, reservation: &Reservation, charge: Option<u64>) {
        self.expiries.remove(&(reservation.expires, request));
        if let Some(endpoint) = self.endpoints.get_mut(reservation.slot) {
            close_entry(&mut endpoint.ledger, reservation.endpoint_entry, charge);
            endpoint.in_flight = endpoint.in_flight.saturating_sub(1);
            endpoint.counters.charged = endpoint.counters.charged.saturating_add(charge.unwrap_or(0));
        }
        let pool = reservation.pool.and_then(|pool| self.pools.get_mut(pool));
        if let (Some(pool), Some(entry)) = (pool, reservation.pool_entry) {
            close_entry(&mut pool.ledger, entry, charge);
        }
    }
}

fn close_entry(ledger: &mut Ledger, entry: Entry, charge: Option<u64>) {
    match charge {
        Some(charge) => ledger.settle(entry, charge),
        None => ledger.release(entry),
    }
}

/// Standard services keep what they estimated, and so do we unless more was used; provisioned ones correct to usage,
/// where cached prompt tokens are free.
fn final_charge(reservation: &Reservation, usage: Option<Usage>) -> u64 {
    let estimate = reservation.estimate.charge;
    match usage.filter(|usage| usage.exact) {
        Some(usage) if reservation.settles_to_usage => usage.total().saturating_sub(usage.cached),
        Some(usage) => usage.total().max(estimate),
        None => estimate,
    }
}
