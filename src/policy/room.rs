//! Whether every ledger concerned has room for a request: the endpoint's, its pool's, its caller's.
//!
//! Invariant: asking changes nothing, and what is said to be short is what makes the request wait.
//! Absent on purpose: health, and taking the room (`admit`).

use super::judge::Seat;
use super::learn::Bound;
use super::ledger::{Limits, Shortage};
use crate::model::decision::{Estimate, Exclusion};
use crate::model::units::{Timestamp, Unit};

impl Seat<'_> {
    /// When all of them have room; `None`: never.
    pub(super) fn room_at(&self, now: Timestamp, estimate: Estimate) -> Option<Timestamp> {
        if self.state.smallest_too_large(now).is_some_and(|known| known <= estimate.charge) {
            return None;
        }
        let mut when = self.state.ledger.earliest(now, estimate, self.limits_for(estimate))?;
        if let Some((spec, pool)) = self.pool {
            when = when.max(pool.ledger.earliest(now, estimate, pool.limits_for(spec, estimate.charge))?);
        }
        if let Some(caller) = self.caller {
            when = when.max(caller.ledger.earliest(now, estimate, caller.limits)?);
        }
        Some(when)
    }

    /// What a request waits for that has to wait for room: the caller's limits, else the endpoint's, else the pool's.
    pub(super) fn shortage(&self, now: Timestamp, estimate: Estimate) -> Option<(Exclusion, Shortage)> {
        let of_caller = self.caller.and_then(|caller| caller.ledger.shortage(now, estimate, caller.limits));
        if let Some(short) = of_caller {
            return Some((Exclusion::CallerShort, short));
        }
        if let Some(short) = self.state.ledger.shortage(now, estimate, self.limits_for(estimate)) {
            return Some((self.exclusion(now, estimate, short.unit), short));
        }
        let (spec, pool) = self.pool?;
        let limits = pool.limits_for(spec, estimate.charge);
        pool.ledger.shortage(now, estimate, limits).map(|short| (Exclusion::PoolShort, short))
    }

    /// Why a request never has room here, with the numbers where a limit is the reason.
    pub(super) fn obstacle(&self, now: Timestamp, estimate: Estimate) -> (Exclusion, Option<Shortage>) {
        match self.shortage(now, estimate).filter(|(_, short)| short.free_at.is_none()) {
            Some((Exclusion::CallerShort, short)) => (Exclusion::CallerShort, Some(short)),
            other => (Exclusion::TooLarge, other.map(|(_, short)| short)),
        }
    }

    /// The endpoint's ceilings for a request of this size.
    fn limits_for(&self, estimate: Estimate) -> Limits {
        self.state.limits_for(self.spec, estimate.charge)
    }

    /// Why tokens are short: by the service's limit, or only by what we keep below it.
    fn tokens_short(&self, now: Timestamp, estimate: Estimate) -> Exclusion {
        let others_alone = || {
            let whole = Limits { tokens: self.state.provider_tokens(self.spec), ..Limits::NONE };
            self.state.ledger.shortage(now, estimate, whole).is_none()
        };
        let ours_takes = || self.state.ledger.ours_takes(now, estimate.charge, self.limits_for(estimate));
        match (self.state.tokens_short(self.spec), self.state.bound(self.spec)) {
            (Some(why), _) => why,
            (None, Bound::SoftCap | Bound::Allotted) if ours_takes() => Exclusion::TokensShort,
            (None, Bound::SoftCap) => Exclusion::SoftCap,
            (None, _) if self.state.cap_counts_beside(self.spec) && !ours_takes() => Exclusion::SoftCap,
            (None, Bound::Service) => Exclusion::TokensShort,
            (None, Bound::Allotted) => Exclusion::PoolShort,
            (None, _) if others_alone() => Exclusion::ForeignTraffic,
            (None, _) => Exclusion::TokensShort,
        }
    }

    /// The same for requests.
    fn requests_short(&self, now: Timestamp, estimate: Estimate) -> Exclusion {
        let whole = Limits { requests: self.state.provider_requests(self.spec), ..Limits::NONE };
        let others_alone = self.state.ledger.shortage(now, estimate, whole).is_none();
        if others_alone { Exclusion::ForeignTraffic } else { Exclusion::RequestsShort }
    }

    fn exclusion(&self, now: Timestamp, estimate: Estimate, unit: Unit) -> Exclusion {
        match unit {
            Unit::Tokens => self.tokens_short(now, estimate),
            Unit::Requests => self.requests_short(now, estimate),
            Unit::Input => Exclusion::InputShort,
            Unit::Output => Exclusion::OutputShort,
            Unit::DayTokens | Unit::DayRequests => Exclusion::DayShort,
        }
    }
}
