use super::*;
use crate::model::check::check;
use crate::sim::scripts;

fn demo() -> Config {
    toml_edit::de::from_str(include_str!("../../assets/demo.toml")).expect("the demo profile parses")
}

#[test]
fn the_demo_profile_gives_no_findings() {
    let findings: Vec<String> = check(&demo()).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn every_endpoint_of_the_demo_is_played_as_written() {
    let config = demo();
    let specs = specs_of(&config);
    assert_eq!(specs.len(), config.endpoints.len());
    let (account, key, ptu) = &specs[0];
    assert_eq!((account.as_str(), key), ("demo-reserved", &None));
    assert_eq!((ptu.dialect, ptu.enforcement), (Dialect::AzureV1, Enforcement::Utilization));
    let (_, _, east) = &specs[1];
    assert_eq!((east.dialect, east.deployment.as_str()), (Dialect::AzureClassic, "chat-east"));
    assert_eq!((east.enforcement, east.request_slice.as_secs()), (Enforcement::SlidingLog, 10));
    assert_eq!(specs[3].2.dialect, Dialect::OpenAi);
}

#[test]
fn request_limits_follow_the_pools_ratio_where_none_is_stated() {
    let mut config = demo();
    config.endpoints[1].requests_per_minute = None;
    assert_eq!(specs_of(&config)[1].2.requests_per_minute, Some(360));
}

#[test]
fn real_accounts_are_not_played() {
    let mut config = demo();
    config.accounts[0].service = Service::Azure;
    assert!(specs_of(&config).iter().all(|(_, _, spec)| spec.id.as_str() != "sim-ptu"));
}

#[test]
fn the_built_in_scripts_name_what_the_demo_has() {
    let config = demo();
    for script in scripts::all() {
        assert!(config.routes.iter().any(|route| route.model.as_str() == script.model), "{}", script.name);
        for (endpoint, _) in script.phases.iter().flat_map(|phase| &phase.dials) {
            assert!(config.endpoint(endpoint).is_some(), "{endpoint}");
        }
    }
}
