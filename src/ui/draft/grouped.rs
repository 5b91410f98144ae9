//! What a draft changes, grouped by the route it concerns.
//!
//! Invariant: every sentence of `changes` stands under exactly one heading.
//! Absent on purpose: sentences of its own.

use super::changes;
use crate::model::config::{Config, Endpoint, Route};

/// Sentences under a heading.
pub(super) type Group = (String, Vec<String>);

/// Every difference: routes with their endpoints first, then what concerns all of them.
pub(super) fn grouped(base: &Config, draft: &Config) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut models: Vec<&str> = draft.routes.iter().map(|route| route.model.as_str()).collect();
    models.extend(
        base.routes
            .iter()
            .map(|route| route.model.as_str())
            .filter(|model| draft.routes.iter().all(|route| route.model.as_str() != *model)),
    );
    for model in models {
        let part = |config: &Config| only(config, base, draft, Some(model));
        groups.push((format!("Route {model}"), changes::sentences(&part(base), &part(draft))));
    }
    let apart = |config: &Config| only(config, base, draft, None);
    groups.push(("Endpoints in no route".to_owned(), changes::sentences(&apart(base), &apart(draft))));
    let rest = |config: &Config| Config { endpoints: Vec::new(), routes: Vec::new(), ..config.clone() };
    groups.push(("All routes".to_owned(), changes::sentences(&rest(base), &rest(draft))));
    groups.retain(|(_, said)| !said.is_empty());
    if groups.is_empty() && base != draft {
        groups.push(("The file".to_owned(), changes::sentences(base, draft)));
    }
    groups
}

/// Nothing but a route and its endpoints; for `None`, nothing but the endpoints in no route.
fn only(config: &Config, base: &Config, draft: &Config, model: Option<&str>) -> Config {
    let mine = |route: &&Route| Some(route.model.as_str()) == model;
    let here = |endpoint: &&Endpoint| home(base, draft, endpoint).as_deref() == model;
    Config {
        endpoints: config.endpoints.iter().filter(here).cloned().collect(),
        routes: config.routes.iter().filter(mine).cloned().collect(),
        ..Config::default()
    }
}

/// The first route that has an endpoint, in the draft or else before.
fn home(base: &Config, draft: &Config, endpoint: &Endpoint) -> Option<String> {
    let has = |route: &&Route| {
        route.groups.iter().flat_map(|group| &group.endpoints).any(|member| member.endpoint == endpoint.id)
    };
    let found = draft.routes.iter().find(has).or_else(|| base.routes.iter().find(has));
    found.map(|route| route.model.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn changes_stand_under_their_route_and_what_concerns_all_of_them_apart() {
        let base = fixture::config();
        let mut draft = base.clone();
        draft.endpoints[1].soft_cap_tokens_per_minute = Some(50_000);
        let member = draft.routes[0].groups[2].endpoints.remove(0);
        draft.routes[0].groups[0].endpoints.push(member);
        draft.queue.max_waiting = 7;
        draft.quota_pools[0].tokens_per_minute = 200_000;
        let groups = grouped(&base, &draft);
        let headings: Vec<&str> = groups.iter().map(|(heading, _)| heading.as_str()).collect();
        assert_eq!(headings, ["Route demo-chat", "All routes"]);
        assert!(groups[0].1.iter().any(|said| said.contains("moves from last resort to first choice")), "{groups:?}");
        assert!(groups[0].1.iter().any(|said| said.starts_with("Soft cap of sim-eastus")), "{groups:?}");
        let number = |groups: &[Group]| groups.iter().map(|(_, said)| said.len()).sum::<usize>();
        assert_eq!(number(&groups), changes::sentences(&base, &draft).len());
        assert!(grouped(&base, &base).is_empty());
    }

    #[test]
    fn a_changed_order_alone_is_said_under_the_file() {
        let base = fixture::config();
        let mut draft = base.clone();
        draft.endpoints.reverse();
        let groups = grouped(&base, &draft);
        assert!(!groups.is_empty());
        assert!(groups.iter().all(|(_, said)| said == &["The order of the file changes."]), "{groups:?}");
    }

    #[test]
    fn another_order_and_a_group_that_is_gone_are_told() {
        let base = fixture::config();
        let mut draft = base.clone();
        draft.routes[0].groups[1].endpoints.reverse();
        let said = grouped(&base, &draft).remove(0).1;
        assert_eq!(said, ["Second choice of route demo-chat is now in this order: sim-westus, sim-eastus."]);
        draft.routes[0].groups.truncate(2);
        let said = grouped(&base, &draft).remove(0).1;
        assert!(said.contains(&"Route demo-chat has 2 priority groups, not 3.".to_owned()), "{said:?}");
    }
}
