//! What several endpoints rest for together: an empty purse, a full quota pool. All rest, and one probe decides for all.
//!
//! Who pays together: endpoints of one account, and accounts of one payer (`model::payer`), where a project's own spend limit is
//! concerned only those of that project.
//!
//! Invariant: while one probes what they share, no other does; its end, however it came, is theirs. What else one of them rests
//! for goes on.
//! Absent on purpose: keys and rules of a network, which concern one account (`fail`).

use super::balancer::Balancer;
use super::rests::Fault;
use crate::model::config::Account;
use crate::model::id::{AccountId, RequestId};
use crate::model::outcome::ThrottleKind;
use crate::model::status::RestCause;
use crate::model::units::Timestamp;

/// What can be shared.
const SHARED: [Fault; 2] = [Fault::Credit, Fault::Pool];

/// A probe that decides for others too.
#[derive(Clone, Debug)]
pub(super) struct SharedProbe {
    slot: usize,
    fault: Fault,
    others: Vec<usize>,
}

impl Balancer {
    /// Whoever else draws on what this endpoint was refused for.
    fn companions(&self, slot: usize, kind: ThrottleKind) -> Vec<usize> {
        let Some(own) = self.spec_of(slot) else { return Vec::new() };
        let accounts = &self.config.config.accounts;
        let account = |id: &AccountId| accounts.iter().find(|account| account.id == *id);
        let own_account = account(&own.account);
        let others = self.config.endpoints.iter().zip(&self.slot_of).filter(|(spec, other)| {
            **other != slot
                && match kind {
                    ThrottleKind::Pool => own.pool.is_some() && spec.pool == own.pool,
                    _ if spec.account == own.account => true,
                    kind => own_account
                        .zip(account(&spec.account))
                        .is_some_and(|(one, other)| pay_together(one, other, kind)),
                }
        });
        others.map(|(_, slot)| *slot).collect()
    }

    /// Whether another of its quota pool rests for want of the pool now.
    pub(super) fn is_another_short(&self, now: Timestamp, slot: usize) -> bool {
        let others = self.companions(slot, ThrottleKind::Pool);
        let mut others = others.into_iter().filter_map(|other| self.endpoints.get(other));
        others.any(|endpoint| endpoint.health.rest_on(now, Fault::Pool).is_some())
    }

    /// Everybody who draws on the same rests with it. `told`: the service said how long.
    pub(super) fn rest_companions(
        &mut self,
        request: RequestId,
        slot: usize,
        (until, kind, told): (Timestamp, ThrottleKind, bool),
    ) {
        for other in self.companions(slot, kind) {
            if let Some(endpoint) = self.endpoints.get_mut(other) {
                if told {
                    endpoint.note_told(until, kind);
                }
                endpoint.health.rest(request, until, RestCause::Throttled(kind));
            }
            self.doubt(other);
        }
    }

    /// A request was sent there: if it probes what others rest for too, they wait for its end.
    pub(super) fn note_probe(&mut self, now: Timestamp, request: RequestId, slot: usize) {
        let Some(endpoint) = self.endpoints.get(slot).filter(|endpoint| endpoint.health.is_probe(request)) else {
            return;
        };
        let health = endpoint.health.clone();
        for fault in SHARED {
            let Some(RestCause::Throttled(kind)) = health.rests_for(fault) else { continue };
            let mut others = self.companions(slot, kind);
            others.retain(|other| {
                let other = self.endpoints.get_mut(*other);
                other.is_some_and(|endpoint| endpoint.health.await_probe(now, request, fault))
            });
            if !others.is_empty() {
                self.shared_probes.push((request, SharedProbe { slot, fault, others }));
            }
        }
    }

    /// A request got its answer, failed or is gone: if it probed for others, they hear of it.
    pub(super) fn share_verdict(&mut self, now: Timestamp, request: RequestId) {
        while let Some(at) = self.shared_probes.iter().position(|(probe, _)| *probe == request) {
            let (_, SharedProbe { slot, fault, others }) = self.shared_probes.swap_remove(at);
            let let_in = self.endpoints.get(slot).is_some_and(|endpoint| endpoint.health.rests_for(fault).is_none());
            for other in others {
                if let Some(endpoint) = self.endpoints.get_mut(other) {
                    endpoint.health.heard(now, request, fault, let_in);
                    if let_in && fault == Fault::Credit {
                        endpoint.credit_until = endpoint.credit_until.min(now);
                    }
                }
                self.doubt(other);
            }
        }
    }
}

/// Whether an empty purse of one is the other's too.
fn pay_together(one: &Account, other: &Account, kind: ThrottleKind) -> bool {
    let same_project = one.project.is_some() && one.project == other.project;
    one.payer().is_some_and(|payer| other.payer() == Some(payer))
        && (kind != ThrottleKind::ProjectLimit || same_project)
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
