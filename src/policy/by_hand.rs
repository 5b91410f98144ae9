//! A waiting request that the person sends at once, to an endpoint of their choice.
//!
//! Invariant: the person overrules our order and our room, never a service's wait, a switched-off endpoint, a missing key or
//! where stored state lies. What goes beyond a limit is reserved like anything else and shows as overdraft.
//! Absent on purpose: a way back. Once sent, a request is sent; if it fails, it waits on like any other.

use super::balancer::Balancer;
use super::choose::Pick;
use super::event::Output;
use super::judge::{Judged, Ruling};
use super::request::Job;
use crate::model::decision::{Choice, Exclusion};
use crate::model::id::{EndpointId, RequestId};
use crate::model::units::Timestamp;

impl Balancer {
    /// Sends one who waits to this endpoint of its route. Changes nothing if it does not wait, or may not go there.
    pub(super) fn sent_by_hand(
        &mut self,
        now: Timestamp,
        request: RequestId,
        endpoint: &EndpointId,
        outputs: &mut Vec<Output>,
    ) {
        if self.stopping || !self.is_waiting(request) {
            return;
        }
        let Some(job) = self.jobs.remove(&request) else { return };
        let judged = self.judge(now, &job);
        let named = |one: &Judged| self.endpoints.get(one.slot).is_some_and(|state| state.id == *endpoint);
        match judged.iter().position(|one| named(one) && takes_by_hand(one.ruling)) {
            Some(at) => {
                if let Some(route) = job.route.and_then(|route| self.routes.get_mut(route)) {
                    route.doubt_forecast();
                }
                self.assign(now, request, job, &judged, Pick { at, choice: Choice::ByHand }, outputs);
            }
            None => drop(self.jobs.insert(request, job)),
        }
        self.give_back(judged);
    }

    /// Whether a request stands in line, or waits for its backoff.
    #[must_use]
    pub fn is_waiting(&self, request: RequestId) -> bool {
        self.jobs.get(&request).and_then(Job::deadline).is_some()
    }
}

/// Whether nothing but room, or our own order, keeps a request from going there.
const fn takes_by_hand(ruling: Ruling) -> bool {
    match ruling {
        Ruling::Fits { .. } | Ruling::LeastBad => true,
        Ruling::Out(why, _) => is_ours(why),
    }
}

/// Whether it is our own ledgers that say no, or our order.
const fn is_ours(why: Exclusion) -> bool {
    match why {
        Exclusion::TokensShort
        | Exclusion::RequestsShort
        | Exclusion::SoftCap
        | Exclusion::InFlightFull
        | Exclusion::PoolShort
        | Exclusion::Ramping
        | Exclusion::LineAhead
        | Exclusion::KeptForImportant
        | Exclusion::Withheld
        | Exclusion::CallerShort
        | Exclusion::InputShort
        | Exclusion::OutputShort
        | Exclusion::DayShort
        | Exclusion::GrowthGuard
        | Exclusion::ForeignTraffic
        | Exclusion::NotAsked
        | Exclusion::NotNeeded => true,
        Exclusion::Throttled
        | Exclusion::Ejected
        | Exclusion::Paused
        | Exclusion::Draining
        | Exclusion::NoKey
        | Exclusion::NotOffered
        | Exclusion::TooLarge
        | Exclusion::TriedAlready
        | Exclusion::ProbeRunning
        | Exclusion::BoundElsewhere
        | Exclusion::RegionExcluded => false,
    }
}

#[cfg(test)]
#[path = "by_hand_tests.rs"]
mod tests;
