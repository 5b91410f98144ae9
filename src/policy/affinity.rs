//! Ties between requests and places: stored state that must be met again, caches that are worth meeting again.
//!
//! Invariant: a request that refers to state whose owner is known goes to that owner's account or nowhere, whatever
//! fails, rests or is full.
//! Absent on purpose: reading requests and answers. What comes here are fingerprints (`model::profile::Affinity`).

use super::balancer::Balancer;
use super::choose::Pick;
use super::judge::{Judged, Ruling};
use super::owners::Keeper;
use super::request::Job;
use crate::model::checked::CheckedEndpoint;
use crate::model::decision::{Choice, Exclusion, RefusalReason};
use crate::model::id::{AccountId, RequestId};
use crate::model::ownership::Ownership;
use crate::model::profile::Affinity;
use crate::model::units::Timestamp;

/// Where a request may go for the sake of the stored state it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Binding {
    /// It refers to none whose owner is known.
    #[default]
    Free,
    /// To this account alone.
    To(AccountId),
    /// Parts of it lie in different accounts: it can be answered nowhere.
    Torn,
    /// This account kept it at another address, or sealed for another credential, than it has now: it can be read nowhere.
    Left(AccountId),
}

impl Binding {
    /// Whether the request may be sent there.
    pub(super) fn allows(&self, spec: &CheckedEndpoint) -> bool {
        match self {
            Self::Free => true,
            Self::To(account) => *account == spec.account,
            Self::Torn | Self::Left(_) => false,
        }
    }

    /// The one account that holds it all.
    pub(super) const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::To(account) | Self::Left(account) => Some(account),
            Self::Free | Self::Torn => None,
        }
    }

    /// The refusal's reason, in the light of what binds the request: other endpoints may well have room, but not for it.
    pub(super) fn reason(&self, reason: RefusalReason, judged: &[Judged]) -> RefusalReason {
        use RefusalReason::{NoCapacityInTime, NothingUsable, StateElsewhere, StateLeft, StateOutOfReach, StateTorn};
        let elsewhere = || judged.iter().all(|one| is_elsewhere(one.ruling));
        match (self, reason) {
            (Self::Torn, NothingUsable | NoCapacityInTime) => StateTorn,
            (Self::Left(_), NothingUsable | NoCapacityInTime) => StateLeft,
            (Self::To(_), NothingUsable) if elsewhere() => StateElsewhere,
            (Self::To(_), NothingUsable | NoCapacityInTime) => StateOutOfReach,
            _ => reason,
        }
    }

    /// The pick, with what bound it as its reason where it did.
    pub(super) fn name(&self, pick: Pick, judged: &[Judged]) -> Pick {
        let bound = *self != Self::Free && judged.iter().any(|one| is_elsewhere(one.ruling));
        if bound { Pick { choice: Choice::StateLives, ..pick } } else { pick }
    }
}

const fn is_elsewhere(ruling: Ruling) -> bool {
    matches!(ruling, Ruling::Out(Exclusion::BoundElsewhere, _))
}

impl Balancer {
    /// Where a request that has just come may go.
    pub(super) fn bind(&mut self, now: Timestamp, affinity: &Affinity) -> Binding {
        let mut binding = affinity.account.clone().map_or(Binding::Free, Binding::To);
        for key in &affinity.state {
            let Some(owner) = self.owners.owner(now, *key) else { continue };
            match (&binding, owner) {
                (_, Keeper::Left(account)) => return Binding::Left(account),
                (Binding::Free, Keeper::Is(owner)) => binding = Binding::To(owner),
                (Binding::To(account), Keeper::Is(owner)) if *account == owner => {}
                _ => return Binding::Torn,
            }
        }
        binding
    }

    /// The account holds these states from now on.
    pub(super) fn owned(&mut self, now: Timestamp, account: &AccountId, keys: &[u64], are_sealed: bool) {
        self.owners.learn(now, account, keys, are_sealed);
    }

    /// A request was answered well: whatever state it referred to lies where it went.
    pub(super) fn answered_for(&mut self, now: Timestamp, request: RequestId) {
        let Some(job) = self.jobs.get(&request).filter(|job| !job.profile.affinity.state.is_empty()) else { return };
        let Some(account) = job.sent_to().cloned() else { return };
        let profile = std::sync::Arc::clone(&job.profile);
        let Affinity { state, sealed, .. } = &profile.affinity;
        self.owners.learn(now, &account, state, false);
        // What is sealed was read there, so it is bound to the credential that was sent, too.
        self.owners.learn(now, &account, sealed, true);
    }

    /// What was learned of owners since the last call, in order, to be kept over a restart.
    pub fn take_fresh_owners(&mut self) -> Vec<Ownership> {
        self.owners.take_fresh()
    }
}

impl Job {
    /// The account the request is at.
    fn sent_to(&self) -> Option<&AccountId> {
        match &self.stage {
            Some(super::request::Stage::Sent(reservation)) => Some(&reservation.account),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "affinity_tests.rs"]
mod tests;
