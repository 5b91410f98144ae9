//! What is wrong or wasteful in the order a route tries its endpoints in: regions, shares to leave and return at, and the
//! model it goes on with.
//!
//! Invariant: warnings only; whatever is said here, the route still serves as its words say.
//! Absent on purpose: the members themselves.

use std::collections::BTreeSet;

use super::{Findings, group_name};
use crate::model::checked::{chain, same_region};
use crate::model::config::{Config, Group, Route};
use crate::model::id::EndpointId;

/// Everything there is to say of one route's order.
pub(super) fn order(config: &Config, place: usize, route: &Route, findings: &mut Findings) {
    going_on(config, place, route, findings);
    let last = route.groups.len().saturating_sub(1);
    let ends_here = chain(config, route).len() == 1;
    for (rank, group) in route.groups.iter().enumerate() {
        shares(place, route, (rank, group), ends_here && rank == last, findings);
    }
    regions(config, place, route, findings);
    one_pool(config, place, route, findings);
}

/// Groups that draw from one pool alone are full together.
fn one_pool(config: &Config, place: usize, route: &Route, findings: &mut Findings) {
    let pool = |group: &Group| {
        let mut pools = group.endpoints.iter().map(|member| config.endpoint(&member.endpoint)?.quota_pool.as_ref());
        let first = pools.next()??;
        pools.all(|pool| pool == Some(first)).then(|| first.clone())
    };
    let pools: Vec<_> = route.groups.iter().map(pool).collect();
    for (rank, pool) in pools.iter().enumerate() {
        let Some(pool) = pool else { continue };
        let Some(before) = pools.iter().take(rank).position(|other| other.as_ref() == Some(pool)) else { continue };
        let text = format!(
            "Priority groups {} and {} of route \"{}\" draw from quota pool \"{pool}\" alone, so going on gives no extra room.",
            before + 1,
            rank + 1,
            route.model
        );
        findings.warn("route", place, "group", text);
    }
}

/// Endpoints that no route lists.
pub(super) fn unrouted(config: &Config, findings: &mut Findings) {
    let listed: BTreeSet<&EndpointId> = config
        .routes
        .iter()
        .flat_map(|route| &route.groups)
        .flat_map(|group| &group.endpoints)
        .map(|one| &one.endpoint)
        .collect();
    for (place, endpoint) in config.endpoints.iter().enumerate().filter(|(_, one)| !listed.contains(&one.id)) {
        let text = format!(
            "Endpoint \"{}\" is in no route, so no request goes there. Add it to a priority group, or remove it.",
            endpoint.id
        );
        findings.warn("endpoint", place, "id", text);
    }
}

fn going_on(config: &Config, place: usize, route: &Route, findings: &mut Findings) {
    let (model, Some(then)) = (&route.model, &route.then) else { return };
    if config.route(then).is_none() {
        let text =
            format!("Route \"{model}\" goes on with \"{then}\", which is no route. It ends with its own groups.");
        return findings.warn("route", place, "then", text);
    }
    if chain(config, route).last().and_then(|last| last.then.as_ref()) == Some(model) {
        let text = format!("Route \"{model}\" goes on with \"{then}\", which leads back to it. Each is tried once.");
        findings.warn("route", place, "then", text);
    }
}

fn shares(place: usize, route: &Route, (rank, group): (usize, &Group), lowest: bool, findings: &mut Findings) {
    let name = group_name(route, rank);
    let (spill, back) = (group.spill_percent, group.return_percent);
    let mut warn = |text: String| findings.warn("route", place, "group", text);
    if lowest && (spill.or(back).or(group.min_stay_seconds)).is_some() {
        return warn(format!("{name} says when to leave it, but there is no lower group to go on to."));
    }
    for (key, percent) in [("spill_percent", spill), ("return_percent", back)] {
        if let Some(percent) = percent.filter(|percent| *percent > 100) {
            warn(format!("{name}: {key} is {percent}; nothing above 100 % can be taken, so it counts as 100."));
        }
    }
    if spill == Some(0) {
        warn(format!("{name}: spill_percent is 0, so the group is used only when no lower one has room."));
    }
    if let (Some(back), spill) = (back, spill.unwrap_or(100).min(100))
        && back > spill
    {
        warn(format!("{name}: return_percent {back} is above spill_percent {spill}, which is used instead."));
    }
}

fn regions(config: &Config, place: usize, route: &Route, findings: &mut Findings) {
    let (rules, model) = (&route.regions, &route.model);
    let mut warn = |text: String| findings.warn("route", place, "regions", text);
    for name in rules.allow.iter().chain(&rules.prefer).chain(&rules.never) {
        let known = config.accounts.iter().filter_map(|account| account.region.as_deref());
        if !known.into_iter().any(|region| same_region(region, name)) {
            warn(format!("Route \"{model}\" names region \"{name}\", which no account has."));
        }
    }
    if let Some(name) = rules.allow.iter().find(|name| rules.never.iter().any(|never| same_region(never, name))) {
        warn(format!("Route \"{model}\" both allows and forbids region \"{name}\"; it is forbidden."));
    }
    let members = route.groups.iter().flat_map(|group| &group.endpoints);
    let known = members.filter_map(|member| {
        let endpoint = config.endpoint(&member.endpoint)?;
        Some(config.account(&endpoint.account)?.region.as_deref())
    });
    let permitted: Vec<bool> = known.map(|region| rules.permit(region)).collect();
    if !permitted.is_empty() && !permitted.contains(&true) {
        warn(format!("The regions of route \"{model}\" keep out all of its endpoints."));
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
