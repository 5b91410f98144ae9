//! Where on screen two configurations differ: what an undo leads back to.
//!
//! Invariant: what was edited itself comes before what only stands beside it, and what is gone is not named.
//! Absent on purpose: sentences (`changes`).

use crate::model::config::{Config, Route};
use crate::model::id::EndpointId;
use crate::ui::cx::Target;

/// Every place that differs, the one to look at first.
pub(super) fn touched(before: &Config, after: &Config) -> Vec<Target> {
    let mut found = routes(before, after);
    let pools = after.quota_pools.iter().filter(|now| !before.quota_pools.contains(now));
    let accounts = after.accounts.iter().filter(|now| !before.accounts.contains(now));
    // An endpoint's share of a pool is set where its pool stands.
    let endpoints = after.endpoints.iter().filter(|now| !before.endpoints.contains(now));
    for endpoint in endpoints {
        found.push(Target::Endpoint(endpoint.id.clone()));
        found.extend(endpoint.quota_pool.clone().map(Target::Pool));
    }
    found.extend(pools.map(|pool| Target::Pool(pool.id.clone())));
    found.extend(accounts.map(|account| Target::Account(account.id.clone())));
    found.extend(settings(before, after).into_iter().map(Target::Setting));
    found
}

fn routes(before: &Config, after: &Config) -> Vec<Target> {
    let mut found = Vec::new();
    for route in after.routes.iter().filter(|now| !before.routes.contains(now)) {
        found.push(Target::Route(route.model.clone()));
        let was = before.route(&route.model);
        let members = route.groups.iter().flat_map(|group| &group.endpoints).map(|member| &member.endpoint);
        let moved = members.filter(|id| was.is_some_and(|was| place(was, id) != place(route, id)));
        found.extend(moved.map(|id| Target::Endpoint(id.clone())));
    }
    found
}

/// Lane and weight of an endpoint in a route.
fn place(route: &Route, id: &EndpointId) -> Option<(usize, usize, u32)> {
    route.groups.iter().enumerate().find_map(|(lane, group)| {
        let at = group.endpoints.iter().position(|member| member.endpoint == *id)?;
        Some((lane, at, group.endpoints.get(at)?.weight))
    })
}

/// Sections of the file, by the settings that show them.
fn settings(before: &Config, after: &Config) -> Vec<&'static str> {
    let differs = [
        ("address", before.listen.address != after.listen.address),
        ("port", before.listen.port != after.listen.port),
        ("token", before.listen.require_token != after.listen.require_token),
        ("hosts", before.listen.allowed_hosts != after.listen.allowed_hosts),
        ("origins", before.listen.allowed_origins != after.listen.allowed_origins),
        ("upstream_proxy", before.upstream != after.upstream),
        ("callers", before.callers != after.callers),
        ("retry", before.retry != after.retry),
        ("queue", before.queue != after.queue),
        ("health", before.health != after.health),
        ("timeouts", before.timeouts != after.timeouts),
        ("bodies", before.bodies != after.bodies),
        ("live_tuning", before.live_tuning != after.live_tuning),
        ("history", before.history != after.history),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(slug, _)| slug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{fixture, settings as known};

    #[test]
    fn what_differs_is_named_and_the_route_before_its_cards() {
        let before = fixture::config();
        let mut after = before.clone();
        after.routes[0].groups[1].endpoints.swap(0, 1);
        let cards = ["sim-westus", "sim-eastus"].map(|id| Target::Endpoint(id.into()));
        let [first, second] = cards;
        assert_eq!(touched(&before, &after), [Target::Route("demo-chat".into()), first, second]);

        let mut after = before.clone();
        after.endpoints[1].soft_cap_tokens_per_minute = Some(1_000);
        let pool = Target::Pool("sim-b/eastus/demo".into());
        assert_eq!(touched(&before, &after), [Target::Endpoint("sim-eastus".into()), pool]);
        assert_eq!(touched(&before, &before), []);
    }

    #[test]
    fn every_section_leads_to_a_setting_there_is() {
        let before = fixture::config();
        let mut after = before.clone();
        after.listen.port = 9;
        after.queue.max_wait_seconds = 9;
        after.history.max_days = 9;
        let found = settings(&before, &after);
        assert_eq!(found, ["port", "queue", "history"]);
        assert!(found.iter().all(|slug| known::named(slug).is_some()));
    }
}
