//! Routes with their members found, ordered by region, and followed by those of the model they go on with.
//!
//! Invariant: every endpoint of another model's group comes after all of the route's own, and none comes twice for it.
//! Absent on purpose: words. A name that leads nowhere is a finding (`model::check`).

use std::time::Duration;

use super::{CheckedEndpoint, CheckedGroup, CheckedMember, CheckedRoute};
use crate::model::config::{Config, Group, Regions, Route};
use crate::model::id::GroupId;

/// Every sound route that has endpoints, in file order. `broken` tells which are not sound.
pub(super) fn resolve(
    config: &Config,
    endpoints: &[CheckedEndpoint],
    broken: impl Fn(usize) -> bool,
) -> Vec<CheckedRoute> {
    let sound = config.routes.iter().enumerate().filter(|(place, _)| !broken(*place));
    let resolved = sound.map(|(_, route)| {
        let groups = chain(config, route).into_iter().fold(Vec::new(), |groups, step| {
            let more = step_groups(config, route, step, endpoints, &groups);
            groups.into_iter().chain(more).collect()
        });
        CheckedRoute { model: route.model.clone(), groups, priority: route.priority.unwrap_or_default() }
    });
    resolved.filter(|route| !route.groups.is_empty()).collect()
}

/// The route and those it goes on with, each once.
pub(crate) fn chain<'c>(config: &'c Config, route: &'c Route) -> Vec<&'c Route> {
    let mut chain = vec![route];
    let mut next = route.then.as_ref().and_then(|then| config.route(then));
    while let Some(route) = next.filter(|next| chain.iter().all(|known| known.model != next.model)) {
        chain.push(route);
        next = route.then.as_ref().and_then(|then| config.route(then));
    }
    chain
}

fn step_groups(
    config: &Config,
    route: &Route,
    step: &Route,
    endpoints: &[CheckedEndpoint],
    before: &[CheckedGroup],
) -> Vec<CheckedGroup> {
    let own = step.model == route.model;
    let known = |endpoint: usize| before.iter().flat_map(|group| &group.members).any(|one| one.endpoint == endpoint);
    let groups = step.groups.iter().enumerate().map(|(rank, group)| {
        let mut members = resolve_members(config, group, endpoints, |region| region_rank(route, step, region));
        members.retain(|member| own || !known(member.endpoint));
        let name = group.id.clone().unwrap_or_else(|| GroupId::from((rank + 1).to_string()));
        let spill_percent = group.spill_percent.unwrap_or(100).min(100);
        CheckedGroup {
            id: if own { name } else { GroupId::from(format!("{}/{name}", step.model)) },
            spread: group.spread,
            cache_affinity: group.cache_affinity,
            members,
            spill_percent,
            return_percent: group.return_percent.unwrap_or(100).min(spill_percent),
            min_stay: Duration::from_secs(u64::from(group.min_stay_seconds.unwrap_or(0))),
            model: (!own).then(|| step.model.clone()),
        }
    });
    groups.filter(|group| !group.members.is_empty()).collect()
}

fn resolve_members(
    config: &Config,
    group: &Group,
    endpoints: &[CheckedEndpoint],
    rank: impl Fn(Option<&str>) -> Option<u32>,
) -> Vec<CheckedMember> {
    let mut members: Vec<CheckedMember> = Vec::new();
    for member in &group.endpoints {
        let Some(endpoint) = endpoints.iter().position(|endpoint| endpoint.id == member.endpoint) else { continue };
        if members.iter().any(|known| known.endpoint == endpoint) {
            continue;
        }
        let account = endpoints.get(endpoint).and_then(|endpoint| config.account(&endpoint.account));
        let region = account.and_then(|account| account.region.as_deref());
        members.push(CheckedMember { endpoint, weight: member.weight.max(1), region_rank: rank(region) });
    }
    // Stable: within a region the file's order stays.
    members.sort_by_key(|member| member.region_rank.unwrap_or(u32::MAX));
    members
}

/// Where a request came in decides who may answer it, and so does the route whose groups it goes on to.
fn region_rank(route: &Route, step: &Route, region: Option<&str>) -> Option<u32> {
    if !route.regions.permit(region) || !step.regions.permit(region) {
        return None;
    }
    let order = if route.regions.prefer.is_empty() { &step.regions } else { &route.regions };
    Some(order.rank(region))
}

impl Regions {
    /// Whether an endpoint of this region may be used.
    #[must_use]
    pub fn permit(&self, region: Option<&str>) -> bool {
        let named = |list: &[String]| region.is_some_and(|region| list.iter().any(|name| same_region(name, region)));
        !named(&self.never) && (self.allow.is_empty() || named(&self.allow))
    }

    /// The region's place among those preferred, from 0; after the last one if it is none of them.
    fn rank(&self, region: Option<&str>) -> u32 {
        let place = self.prefer.iter().position(|name| region.is_some_and(|region| same_region(name, region)));
        u32::try_from(place.unwrap_or(self.prefer.len())).unwrap_or(u32::MAX)
    }
}

/// `East US 2` and `eastus2` are the same.
#[must_use]
pub fn same_region(one: &str, other: &str) -> bool {
    let letters = |name: &str| -> Vec<char> {
        name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    letters(one) == letters(other)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
