//! How a reservation ends: charged, given back, or taken for lost.
//!
//! Invariant: each reservation is closed exactly once, whatever order events come in.
//! Absent on purpose: what a failure means for health and request (`fail`).

use super::admit::EXPIRY;
use super::balancer::Balancer;
use super::estimate::Formula;
use super::ledger::{Demand, Entry, Ledger};
use super::request::{Reservation, Stage};
use super::rest::ejection;
use crate::model::id::RequestId;
use crate::model::outcome::{Ending, HeaderFacts, HeaderSignal, Settlement};
use crate::model::status::RestCause;
use crate::model::units::Timestamp;
use crate::model::usage::Usage;

/// Boxes kept for reservations to come.
const SPARE: usize = 64;

impl Balancer {
    /// The commit point: from here no other endpoint.
    pub(super) fn committed(&mut self, now: Timestamp, request: RequestId, signal: &HeaderSignal) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        let Some(Stage::Sent(reservation)) = &job.stage else { return };
        if job.committed {
            return;
        }
        job.committed = true;
        job.began_after = now.since(reservation.sent);
        let (slot, charge, prompt) = (reservation.slot, reservation.estimate.charge, reservation.estimate.prompt);
        // Of an answer that comes at once, only its usage tells what its time was spent on.
        let quick = (job.profile.streaming && signal.has_output).then_some(job.began_after);
        let (mark, request_kind) = (reservation.mark, (job.has_known_output(), prompt));
        let in_pool = reservation.pool.zip(reservation.pool_entry);
        let in_pool = in_pool.filter(|(at, _)| self.drew_on(slot, Some(*at)).is_some());
        self.note_home(request, slot);
        let place = self.spec_at.get(slot).copied().flatten();
        let spec = place.and_then(|place| self.config.endpoints.get(place));
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        let seen_before = (endpoint.health.health(now), spec.map(|spec| endpoint.limits(spec)));
        endpoint.health.committed(now, request);
        endpoint.was_admitted(now, charge);
        if let Some(took) = quick {
            endpoint.latency.note(now, took, prompt, 0);
        }
        if let Some(spec) = spec.filter(|_| signal.endpoint == endpoint.id) {
            endpoint.answered(now, spec, &mark, &signal.facts, request_kind);
        }
        let place = spec.and_then(|spec| spec.pool);
        let pool = place.and_then(|place| self.config.pools.get(place));
        if let Some((pool, (at, taken))) = pool.zip(in_pool)
            && let Some(state) = self.pools.get_mut(at)
        {
            state.admitted(now, pool, &taken);
        }
        let is_other = seen_before != (endpoint.health.health(now), spec.map(|spec| endpoint.limits(spec)));
        self.note_words(slot);
        if place.is_some_and(|place| self.heed_word_of_pool(now, place)) || is_other {
            self.doubt(slot);
        }
        self.share_verdict(now, request);
        self.answered_for(now, request);
    }

    /// A session used this much more. Every limit concerned counts it from now on, in place of what was reserved when it was opened,
    /// and its owner is seen to be alive.
    pub(super) fn used(&mut self, now: Timestamp, request: RequestId, usage: Usage) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        let Some(Stage::Sent(reservation)) = &mut job.stage else { return };
        let before = std::mem::replace(&mut reservation.expires, now.after(EXPIRY));
        self.expiries.remove(&(before, request));
        self.expiries.insert((reservation.expires, request), ());
        // Such services correct to what was used; provisioned ones count no cached tokens.
        let free = if reservation.settles_to_usage { usage.cached } else { 0 };
        let tokens = usage.total().saturating_sub(free);
        let spent = Demand { tokens, input: usage.input.saturating_sub(free), output: usage.output };
        let (slot, pool, caller) = (reservation.slot, reservation.pool, reservation.caller);
        let left = reservation.left.unwrap_or_else(|| Demand::from(reservation.estimate));
        // Once an answer is over, such a service has corrected what it reserved. What was only seen is part of that.
        let is_corrected = usage.exact && usage.total() > 0;
        reservation.left = Some(if is_corrected { Demand::default() } else { left.without(spent) });
        if is_corrected && !job.has_known_output() {
            self.outputs.observe(&job.profile.model, job.profile.caller.as_ref(), usage.output);
        }
        if let Some(endpoint) = self.endpoints.get_mut(slot) {
            endpoint.ledger.spend(now, spent);
            endpoint.learning.traffic.spend(now, tokens);
            let counters = &mut endpoint.counters;
            counters.charged = counters.charged.saturating_add(tokens);
            counters.tokens_in = counters.tokens_in.saturating_add(usage.input);
            counters.tokens_out = counters.tokens_out.saturating_add(usage.output);
        }
        if let Some(pool) = pool.and_then(|pool| self.pools.get_mut(pool)) {
            pool.spend(now, spent);
        }
        if let Some(caller) = caller.and_then(|caller| self.callers.get_mut(caller)) {
            caller.ledger.spend(now, spent);
        }
        self.doubt(slot);
    }

    /// A session says what its limits are. What is left of them is not compared with our books: what the service reserves for an
    /// answer that begins is gone from it, and comes back when that ends.
    pub(super) fn told(&mut self, now: Timestamp, request: RequestId, facts: &HeaderFacts) {
        let job = self.jobs.get(&request).filter(|job| job.committed);
        let Some(Stage::Sent(reservation)) = job.and_then(|job| job.stage.as_ref()) else { return };
        let slot = reservation.slot;
        let place = self.spec_at.get(slot).copied().flatten();
        let spec = place.and_then(|place| self.config.endpoints.get(place));
        let Some((endpoint, spec)) = self.endpoints.get_mut(slot).zip(spec) else { return };
        let before = endpoint.limits(spec);
        endpoint.learn(now, spec, facts);
        let (is_other, pool) = (before != endpoint.limits(spec), spec.pool);
        self.note_words(slot);
        if pool.is_some_and(|pool| self.heed_word_of_pool(now, pool)) || is_other {
            self.doubt(slot);
        }
    }

    /// The request is over. Later reports of it are ignored.
    pub(super) fn settled(&mut self, now: Timestamp, request: RequestId, settlement: &Settlement) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        let Some(Stage::Sent(reservation)) = job.stage.take_if(|stage| matches!(stage, Stage::Sent(_))) else {
            return self.leave_line(now, request, &mut job);
        };
        let left = reservation.left.filter(|_| settlement.usage.is_none());
        let charge = left.map_or_else(|| final_charge(&reservation, settlement.usage), |left| left.tokens);
        let demand = left.unwrap_or_else(|| final_demand(&reservation, settlement.usage, charge));
        if let Some(usage) = settlement.usage.filter(|usage| usage.exact && !job.has_known_output()) {
            let each = usage.output / job.profile.size.choices.max(1);
            self.outputs.observe(&job.profile.model, job.profile.caller.as_ref(), each);
        }
        self.close_as(request, &reservation, Some(demand));
        self.touch(reservation.slot);
        if charge != reservation.estimate.charge || settlement.ending == Ending::CutOff {
            self.doubt(reservation.slot);
        }
        let (slot, sent) = (reservation.slot, reservation.sent);
        if self.spare.len() < SPARE {
            self.spare.push(reservation);
        }
        let Some(endpoint) = self.endpoints.get_mut(slot) else { return };
        endpoint.note_stay(now.since(sent));
        let counters = &mut endpoint.counters;
        match settlement.ending {
            Ending::Completed if job.committed => {
                counters.answered = counters.answered.saturating_add(1);
                endpoint.health.whole();
            }
            Ending::CutOff => {
                counters.failed = counters.failed.saturating_add(1);
                let rule = &self.config.config.health;
                if let Some(in_a_row) = endpoint.health.cut(now, request, rule) {
                    endpoint.failed_at = Some(now);
                    endpoint.health.rest(request, now.after(ejection(in_a_row, rule)), RestCause::Errors);
                }
            }
            Ending::Completed | Ending::ClientLeft | Ending::Ended(_) => {}
        }
        if let Some(usage) = settlement.usage {
            // What is counted by its length tells nothing of how long a token takes.
            if job.committed && !job.profile.streaming && usage.total() > 0 {
                endpoint.latency.note(now, job.began_after, usage.input, usage.output);
            }
            counters.tokens_in = counters.tokens_in.saturating_add(usage.input);
            counters.tokens_out = counters.tokens_out.saturating_add(usage.output);
        }
        if !job.committed {
            endpoint.health.unjudged(now, request);
            self.share_verdict(now, request);
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
        self.share_verdict(now, request);
    }

    /// Nobody told us how a request ended; its charge stands.
    pub(super) fn expire(&mut self, now: Timestamp, request: RequestId) {
        let Some(mut job) = self.jobs.remove(&request) else { return };
        if let Some(Stage::Sent(reservation)) = job.stage.take() {
            let stays = reservation.left.unwrap_or_else(|| spent(&reservation, reservation.estimate.charge));
            self.close_as(request, &reservation, Some(stays));
            self.touch(reservation.slot);
            if let Some(endpoint) = self.endpoints.get_mut(reservation.slot) {
                endpoint.health.unjudged(now, request);
            }
        }
        self.share_verdict(now, request);
    }

    /// Ends a reservation: `charge` tokens and one request stay, or nothing does.
    pub(super) fn close(&mut self, request: RequestId, reservation: &Reservation, charge: Option<u64>) {
        self.close_as(request, reservation, charge.map(|charge| spent(reservation, charge)));
    }

    fn close_as(&mut self, request: RequestId, reservation: &Reservation, spent: Option<Demand>) {
        self.expiries.remove(&(reservation.expires, request));
        let now = self.now;
        let stays = spent.map_or(0, |spent| spent.tokens);
        // What was used on the way is counted by itself.
        let stands_apart = stays == 0 || reservation.left.is_some();
        if let Some(endpoint) = self.endpoints.get_mut(reservation.slot) {
            close_entry(now, &mut endpoint.ledger, reservation.endpoint_entry, spent);
            let seen = if reservation.settles_to_usage || stands_apart { stays } else { reservation.mark.charge };
            endpoint.learning.traffic.settle(&reservation.mark, seen);
            endpoint.in_flight = endpoint.in_flight.saturating_sub(1);
            endpoint.counters.charged = endpoint.counters.charged.saturating_add(stays);
        }
        let pool = reservation.pool.and_then(|pool| self.pools.get_mut(pool));
        if let (Some(pool), Some(entry)) = (pool, reservation.pool_entry) {
            close_entry(now, &mut pool.ledger, entry.entry, spent);
            if stands_apart {
                pool.give_back(reservation.estimate.charge.saturating_sub(stays));
            }
        }
        let caller = reservation.caller.and_then(|caller| self.callers.get_mut(caller));
        if let (Some(caller), Some(entry)) = (caller, reservation.caller_entry) {
            close_entry(now, &mut caller.ledger, entry, spent);
            caller.in_flight = caller.in_flight.saturating_sub(1);
            if caller.is_capped() {
                // Those of its other routes, and what it asks of accounts, may have waited for this alone.
                self.touched.extend(&self.lined);
                if let Some(slot) = reservation.caller {
                    self.visits_freed(slot);
                }
            }
        }
    }
}

fn close_entry(now: Timestamp, ledger: &mut Ledger, entry: Entry, spent: Option<Demand>) {
    match spent {
        Some(spent) => ledger.settle(now, entry, spent),
        None => ledger.release(now, entry),
    }
}

/// A charge told apart: what went in and out stays as estimated, and nothing did where nothing was charged.
fn spent(reservation: &Reservation, charge: u64) -> Demand {
    match charge {
        0 => Demand::default(),
        tokens => Demand { tokens, ..Demand::from(reservation.estimate) },
    }
}

/// The same for what went in and out. The token limit keeps what the service reserved; an output limit of its own counts what
/// was written, where the service is none that keeps its estimates: what nobody wrote is given back.
fn final_demand(reservation: &Reservation, usage: Option<Usage>, tokens: u64) -> Demand {
    let (estimate, seen) = (reservation.estimate, usage.unwrap_or_default());
    let (input, output) = match usage.filter(|usage| usage.exact) {
        Some(usage) if reservation.settles_to_usage => (usage.input.saturating_sub(usage.cached), usage.output),
        Some(usage) if reservation.formula == Formula::Larger => (usage.input.max(estimate.prompt), usage.output),
        Some(usage) => (usage.input.max(estimate.prompt), usage.output.max(estimate.output)),
        None => (estimate.prompt, seen.output.max(estimate.output)),
    };
    Demand { tokens, input, output }
}

/// Standard services keep what they estimated, and so do we unless usage comes to more by the same formula, whether reported or
/// seen of an answer that was cut or left; provisioned ones correct to what is reported, where cached prompt tokens are free.
fn final_charge(reservation: &Reservation, usage: Option<Usage>) -> u64 {
    let estimate = reservation.estimate.charge;
    let Some(usage) = usage else { return estimate };
    // What was counted by us is part of what the service charges, behind a prompt that nobody reported.
    let at_least = Usage { input: usage.input.max(reservation.estimate.prompt), ..usage };
    match usage.exact {
        true if reservation.settles_to_usage => usage.total().saturating_sub(usage.cached),
        // What the service was seen to charge is no guess any more.
        _ if reservation.charge_is_known => estimate,
        true => reservation.formula.of_usage(usage).max(estimate),
        false => reservation.formula.of_usage(at_least).max(estimate),
    }
}
