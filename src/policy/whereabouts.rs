//! Where stored objects are, and which accounts can be asked for them.
//!
//! Invariant: what the person paused or drains, and what has no key, is not offered; asking changes no ledger.
//! Absent on purpose: choosing by load. Stored objects cost no live tokens, and where they are made they stay.

use super::affinity::Binding;
use super::balancer::Balancer;
use crate::model::config::AdminState;
use crate::model::id::{AccountId, EndpointId};
use crate::model::profile::Affinity;
use crate::model::units::Timestamp;

/// The answer to "who holds this, and whom may I ask?".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The account that holds everything that was named, if one is known.
    pub owner: Option<AccountId>,
    /// What was named lies in more than one account.
    pub is_torn: bool,
    /// Accounts that can be asked, each once, with an endpoint to reach it by: those of the model's route first, in its order,
    /// then the others as the configuration has them.
    pub accounts: Vec<(AccountId, EndpointId)>,
}

impl Whereabouts {
    /// The endpoint by which an account is reached.
    #[must_use]
    pub fn endpoint_of(&self, account: &AccountId) -> Option<&EndpointId> {
        self.accounts.iter().find(|(id, _)| id == account).map(|(_, endpoint)| endpoint)
    }
}

impl Balancer {
    /// Where the objects with these fingerprints are, and which accounts can be asked. `model` is what the request names.
    pub fn whereabouts(&mut self, now: Timestamp, keys: &[u64], model: Option<&str>) -> Whereabouts {
        let binding = self.bind(now, &Affinity { state: keys.to_vec(), ..Affinity::default() });
        let mut found =
            Whereabouts { owner: binding.account().cloned(), is_torn: binding == Binding::Torn, accounts: Vec::new() };
        let route =
            model.and_then(|model| self.config.route_for(model)).and_then(|route| self.config.routes.get(route));
        let first = route.into_iter().flat_map(|route| &route.groups).flat_map(|group| &group.members);
        let all = first.map(|member| member.endpoint).chain(0..self.config.endpoints.len());
        for seat in all.filter_map(|endpoint| self.seat(endpoint)) {
            let is_open = seat.admin == AdminState::Enabled && seat.has_key;
            if is_open && found.endpoint_of(&seat.spec.account).is_none() {
                found.accounts.push((seat.spec.account.clone(), seat.spec.id.clone()));
            }
        }
        found
    }
}
