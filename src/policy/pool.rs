//! One quota pool: what its members use together, and which limit holds for them.
//!
//! Invariant: what a refusal of the pool teaches lowers its total at once, and it rises again slowly, as an endpoint's own limit
//! does; a total that is stated anew ends it, and one that is pinned is never learned of. A request larger than what was learned
//! still goes when nothing else of the pool is in use.
//! Absent on purpose: rests. Whoever draws on a pool that refused rests with the others (`shared`). And a pool's limit from
//! Azure's headers: those name the deployment's own, and no service but OpenAI names what several endpoints share.

use super::balancer::Balancer;
use super::ceiling::{Ceiling, Held, Refused, Stated};
use super::ledger::{Demand, Entry, Ledger, Limits};
use super::meter::Whose;
use super::refill::Refill;
use crate::model::checked::CheckedPool;
use crate::model::config::Enforcement;
use crate::model::decision::Estimate;
use crate::model::id::PoolId;
use crate::model::units::{Timestamp, Unit};

/// One quota pool.
#[derive(Clone, Debug)]
pub(super) struct PoolState {
    pub(super) id: PoolId,
    pub(super) ledger: Ledger,
    /// The total that what was learned is held against.
    stated: u64,
    ceiling: Ceiling,
    refill: Refill,
    /// All that was ever let in of ours.
    let_in: u64,
    /// When it last refused something; what was sent before only sharpens what that taught.
    refused_at: Option<Timestamp>,
}

/// A place taken in a pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) entry: Entry,
    /// What was in use with it, in tokens of the minute.
    level: u64,
}

impl PoolState {
    /// Nothing known yet.
    pub(super) fn new(spec: &CheckedPool) -> Self {
        Self {
            id: spec.id.clone(),
            ledger: Ledger::new(spec.request_slice),
            stated: spec.tokens_per_minute,
            ceiling: Ceiling::of_tokens(),
            refill: Refill::default(),
            let_in: 0,
            refused_at: None,
        }
    }

    /// The token limit that holds, and who says so.
    pub(super) fn held(&self, spec: &CheckedPool) -> Held {
        self.ceiling.held(stated(spec))
    }

    /// When that came; `None`: with the configuration.
    pub(super) const fn since(&self) -> Option<Timestamp> {
        self.ceiling.since()
    }

    /// The ceilings that hold now.
    pub(super) fn limits(&self, spec: &CheckedPool) -> Limits {
        Limits { tokens: self.held(spec).limit, requests: spec.requests_per_minute, ..Limits::NONE }
    }

    /// The ceilings for a charge: what was only learned or heard keeps none out for good.
    pub(super) fn limits_for(&self, spec: &CheckedPool, charge: u64) -> Limits {
        self.limits(spec).widened(Some(spec.tokens_per_minute), charge)
    }

    /// The service named the pool's limit. Whether another holds now.
    fn hear(&mut self, now: Timestamp, spec: &CheckedPool, limit: u64) -> bool {
        let before = self.held(spec);
        self.ceiling.report(now, stated(spec), limit);
        let is_other = self.held(spec) != before;
        if is_other {
            self.ledger.tune(now, self.limits(spec), Whose::Service);
        }
        is_other
    }

    /// What refusals taught of it, and since when.
    pub(super) fn lesson(&self, spec: &CheckedPool) -> Option<(u64, Timestamp)> {
        self.ceiling.lesson(stated(spec))
    }

    /// An earlier run was taught this by refusals.
    pub(super) fn recall(&mut self, now: Timestamp, spec: &CheckedPool, lesson: (u64, Timestamp)) {
        self.ceiling.recall(now, stated(spec), lesson);
        self.ledger.tune(now, self.limits(spec), Whose::Service);
    }

    /// Counts as the configuration says, by the limits that hold. What was learned beside another total is forgotten.
    pub(super) fn recount(&mut self, now: Timestamp, spec: &CheckedPool) {
        if self.stated != spec.tokens_per_minute {
            (self.stated, self.ceiling) = (spec.tokens_per_minute, Ceiling::of_tokens());
        }
        self.ledger.count_as(now, spec.enforcement, spec.request_slice);
        self.ledger.tune(now, self.limits(spec), Whose::Service);
    }

    /// A member sends a request.
    pub(super) fn take(&mut self, now: Timestamp, spec: &CheckedPool, estimate: Estimate) -> Taken {
        self.refill.note(now, self.let_in, self.held(spec).limit);
        self.let_in = self.let_in.saturating_add(estimate.charge);
        let entry = self.ledger.reserve(now, estimate);
        Taken { entry, level: self.ledger.tokens(now).0 }
    }

    /// What a member sent before used this much more.
    pub(super) fn spend(&mut self, now: Timestamp, demand: Demand) {
        self.let_in = self.let_in.saturating_add(demand.tokens);
        self.ledger.spend(now, demand);
    }

    /// Nothing of it was let in after all.
    pub(super) const fn give_back(&mut self, charge: u64) {
        self.let_in = self.let_in.saturating_sub(charge);
    }

    /// What a member sent was let in.
    pub(super) fn admitted(&mut self, now: Timestamp, spec: &CheckedPool, taken: &Taken) {
        let before = self.held(spec);
        self.ceiling.admitted(now, stated(spec), taken.level);
        if self.held(spec) != before {
            self.ledger.tune(now, self.limits(spec), Whose::Service);
        }
    }

    /// The pool had no room for a request that was sent at `sent` and is not in the books any more. Whether that was news.
    pub(super) fn refused(&mut self, now: Timestamp, spec: &CheckedPool, charge: u64, sent: Timestamp) -> bool {
        let straggler = self.refused_at.is_some_and(|at| sent <= at);
        let by_minute = spec.enforcement != Enforcement::TokenBucket;
        let (mut admitted, mut sharpens) = (self.ledger.tokens(now).0, straggler);
        if !by_minute && !straggler {
            match self.refill.used_up(now, self.let_in) {
                Some(limit) => admitted = limit,
                None => sharpens = true,
            }
        }
        self.ceiling.refused(now, stated(spec), Refused { admitted, charge, straggler: sharpens, by_minute });
        let limits = self.limits(spec);
        self.ledger.tune(now, limits, Whose::Service);
        self.ledger.fill(now, limits);
        if !straggler {
            self.refused_at = Some(now);
            self.ledger.widen(now, Unit::Tokens);
        }
        !straggler
    }
}

/// What the configuration says of a pool's tokens per minute.
const fn stated(spec: &CheckedPool) -> Stated {
    Stated { limit: Some(spec.tokens_per_minute), pinned: spec.pinned, above: false }
}

impl Balancer {
    /// What the service says of a pool's tokens. Where a pool is one model of one organization at OpenAI, its headers name that
    /// organization's limit or, where it is lower, the project's own: so the highest that members report, once all did.
    /// Whether another limit holds now.
    pub(super) fn heed_word_of_pool(&mut self, now: Timestamp, place: usize) -> bool {
        let spec = self.config.pools.get(place).filter(|pool| pool.is_openais && !pool.soft);
        let (Some(spec), Some(slot)) = (spec, self.pool_slot_of.get(place)) else { return false };
        let mut members = self.config.endpoints.iter().zip(&self.slot_of).filter(|(spec, _)| spec.pool == Some(place));
        let word = |slot: usize| self.endpoints.get(slot)?.learning.tokens.reported();
        let highest = members.try_fold(0, |highest, (_, slot)| Some(word(*slot)?.max(highest)));
        highest.zip(self.pools.get_mut(*slot)).is_some_and(|(limit, pool)| pool.hear(now, spec, limit))
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
