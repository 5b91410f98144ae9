//! Where stored objects are, and which accounts can be asked for them.
//!
//! Invariant: what the person paused or drains, and what has no key, is not offered; asking changes no ledger.
//! Absent on purpose: choosing by load. Stored objects cost no live tokens, and where they are made they stay.

use std::cmp::Reverse;

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
    /// The owner kept it at another address, or sealed for another credential, than it has now.
    pub has_left: bool,
    /// Accounts that can be asked, each once, with an endpoint to reach it by: those of the model's route first, and those that
    /// serve more routes before those that serve fewer. So what is made one after the other lies in one account, which
    /// requests of most models may build on.
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
        let (is_torn, has_left) = (binding == Binding::Torn, matches!(binding, Binding::Left(_)));
        let mut found = Whereabouts { owner: binding.account().cloned(), is_torn, has_left, accounts: Vec::new() };
        let route = model.and_then(|model| self.config.route_for(model));
        let mut places: Vec<usize> = (0..self.config.endpoints.len()).collect();
        // Stable, so that of equals the first in the configuration stays first.
        places.sort_by_cached_key(|endpoint| {
            let serves = route.is_some_and(|route| self.serves(route, |member| member == *endpoint));
            (!serves, Reverse(self.routes_served(*endpoint)))
        });
        for seat in places.into_iter().filter_map(|endpoint| self.seat(endpoint)) {
            let is_open = seat.admin == AdminState::Enabled && seat.has_key;
            if is_open && found.endpoint_of(&seat.spec.account).is_none() {
                found.accounts.push((seat.spec.account.clone(), seat.spec.id.clone()));
            }
        }
        found
    }

    /// Whether one of a route's members is such.
    fn serves(&self, route: usize, is_such: impl Fn(usize) -> bool) -> bool {
        let groups = self.config.routes.get(route).into_iter().flat_map(|route| &route.groups);
        groups.flat_map(|group| &group.members).any(|member| is_such(member.endpoint))
    }

    /// How many routes the account of an endpoint serves.
    fn routes_served(&self, endpoint: usize) -> usize {
        let account = |endpoint: usize| self.config.endpoints.get(endpoint).map(|endpoint| &endpoint.account);
        let own = |member: usize| account(member) == account(endpoint);
        (0..self.config.routes.len()).filter(|route| self.serves(*route, own)).count()
    }
}
