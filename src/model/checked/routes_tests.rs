use std::sync::Arc;

use super::super::CheckedConfig;
use super::*;
use crate::model::id::ModelName;

/// Endpoints `a1`, `a2` in East US, `b1` in West US and `c1` in no region, and these routes.
fn resolved(routes: &str) -> CheckedConfig {
    let account = |(id, region)| format!("[[account]]\nid = \"{id}\"\nservice = \"simulated\"\n{region}\n");
    let endpoint = |id: &str| format!("[[endpoint]]\nid = \"{id}\"\naccount = \"{}\"\nmodel = \"m\"\n", &id[..1]);
    let accounts = [("a", "region = \"eastus\""), ("b", "region = \"West US\""), ("c", "")].map(account);
    let endpoints = ["a1", "a2", "b1", "c1"].map(endpoint);
    let text = accounts.concat() + &endpoints.concat() + routes;
    let config: Config = toml_edit::de::from_str(&text).expect("the test's text is sound");
    CheckedConfig::resolve(Arc::new(config), 1).0
}
fn route<'c>(config: &'c CheckedConfig, model: &str) -> &'c CheckedRoute {
    &config.routes[config.route_for(model).expect("a route")]
}
/// Members by group, those that are kept out in brackets.
fn shown(config: &CheckedConfig, model: &str) -> Vec<String> {
    let member = |member: &CheckedMember| {
        let id = &config.endpoints[member.endpoint].id;
        if member.region_rank.is_some() { id.to_string() } else { format!("({id})") }
    };
    route(config, model)
        .groups
        .iter()
        .map(|group| group.members.iter().map(member).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn regions_keep_out_and_come_first_within_a_group() {
    let group = "[[route.group]]\nendpoints = [\"c1\", \"a1\", \"b1\", \"a2\"]";
    let with =
        |regions: &str| shown(&resolved(&format!("[[route]]\nmodel = \"m\"\nregions = {regions}\n{group}")), "m");
    assert_eq!(with("{}"), ["c1 a1 b1 a2"]);
    assert_eq!(with("{ prefer = [\"westus\", \"eastus\"] }"), ["b1 a1 a2 c1"]);
    assert_eq!(with("{ never = [\"East US\"] }"), ["c1 b1 (a1) (a2)"]);
    assert_eq!(with("{ allow = [\"eastus\"] }"), ["a1 a2 (c1) (b1)"]);
    assert_eq!(with("{ allow = [\"eastus\"], never = [\"eastus\"] }"), ["(c1) (a1) (b1) (a2)"]);
}

#[test]
fn another_models_groups_follow_once_each_and_under_the_first_routes_regions() {
    let config = resolved(
        "[[route]]\nmodel = \"m\"\nthen = \"n\"\nregions = { never = [\"westus\"] }\n[[route.group]]\nendpoints = [\"a1\"]\n\
         [[route]]\nmodel = \"n\"\nthen = \"m\"\n[[route.group]]\nid = \"x\"\nendpoints = [\"a1\", \"b1\", \"a2\"]\n",
    );
    assert_eq!(shown(&config, "m"), ["a1", "a2 (b1)"]);
    assert_eq!(shown(&config, "n"), ["a1 b1 a2"]);
    let last = &route(&config, "m").groups[1];
    assert_eq!((last.id.as_str(), &last.model), ("n/x", &Some(ModelName::from("n"))));
    assert_eq!(route(&config, "n").groups[0].model, None);
}

#[test]
fn a_group_returns_no_later_than_it_spills() {
    let config = resolved(
        "[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"a1\"]\nspill_percent = 80\nreturn_percent = 95\n\
         [[route.group]]\nendpoints = [\"a2\"]",
    );
    let shares = |place: usize| {
        let group = &route(&config, "m").groups[place];
        (group.spill_percent, group.return_percent, group.min_stay)
    };
    assert_eq!((shares(0), shares(1)), ((80, 80, Duration::ZERO), (100, 100, Duration::ZERO)));
}
