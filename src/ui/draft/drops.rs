//! Whether a draft takes away what runs now.
//!
//! Invariant: what only moves, or goes on under the same id, is not taken away.
//! Absent on purpose: sentences; `changes` has them.

use std::collections::BTreeSet;

use crate::model::config::Config;

/// Whether something that `before` names is not in `after`.
pub(super) fn drops(before: &Config, after: &Config) -> bool {
    !named(before).is_subset(&named(after))
}

/// Everything with an id, each with its kind, and each endpoint's place in a route.
fn named(config: &Config) -> BTreeSet<(&'static str, &str, &str)> {
    let mut all = BTreeSet::new();
    all.extend(config.accounts.iter().map(|one| ("account", one.id.as_str(), "")));
    all.extend(config.endpoints.iter().map(|one| ("endpoint", one.id.as_str(), "")));
    all.extend(config.quota_pools.iter().map(|one| ("pool", one.id.as_str(), "")));
    all.extend(config.callers.iter().map(|one| ("caller", one.id.as_str(), "")));
    for route in &config.routes {
        all.insert(("route", route.model.as_str(), ""));
        let members = route.groups.iter().flat_map(|group| &group.endpoints);
        all.extend(members.map(|member| ("member", route.model.as_str(), member.endpoint.as_str())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn what_moves_is_not_taken_away_and_what_leaves_is() {
        let before = fixture::config();
        let mut after = before.clone();
        let member = after.routes[0].groups[2].endpoints.remove(0);
        after.routes[0].groups[0].endpoints.push(member);
        after.endpoints.reverse();
        assert!(!drops(&before, &after));
        after.routes[0].groups[0].endpoints.pop();
        assert!(drops(&before, &after), "it left its route");
        assert!(!drops(&after, &before), "it came back");
        let without_pool = Config { quota_pools: vec![], ..before.clone() };
        assert!(drops(&before, &without_pool));
    }
}
