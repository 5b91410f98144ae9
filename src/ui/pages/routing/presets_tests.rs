use super::*;
use crate::ui::fixture;

fn ids(groups: &[Group]) -> Vec<Vec<&str>> {
    groups.iter().map(|group| group.endpoints.iter().map(|one| one.endpoint.as_str()).collect()).collect()
}

fn silent(_: &EndpointId) -> Option<Duration> {
    None
}

#[test]
fn provisioned_endpoints_come_first_and_none_is_lost() {
    let mut config = fixture::config();
    let why = Preset::Provisioned.groups(&config, &config.routes[0], &silent).unwrap_err();
    assert!(why.contains("counts by utilization"), "{why}");
    config.endpoint_mut(&"sim-sweden".into()).unwrap().enforcement = Enforcement::Utilization;
    let groups = Preset::Provisioned.groups(&config, &config.routes[0], &silent).unwrap();
    assert_eq!(ids(&groups), [vec!["sim-sweden"], vec!["sim-ptu", "sim-eastus", "sim-westus"]]);
}

#[test]
fn regions_come_as_preferred_then_as_heard() {
    let mut config = fixture::config();
    config.accounts[1].region = Some("Sweden Central".to_owned());
    let heard = |id: &EndpointId| (id.as_str() == "sim-westus").then(|| Duration::from_millis(200));
    let groups = Preset::Nearest.groups(&config, &config.routes[0], &heard).unwrap();
    assert_eq!(ids(&groups), [vec!["sim-westus", "sim-sweden"], vec!["sim-ptu", "sim-eastus"]]);
    config.routes[0].regions.prefer = vec!["eastus".to_owned()];
    let groups = Preset::Nearest.groups(&config, &config.routes[0], &heard).unwrap();
    assert_eq!(ids(&groups)[0], ["sim-ptu", "sim-eastus"], "a wish counts before what is heard");
}

#[test]
fn regions_that_cannot_be_told_apart_are_said() {
    let mut config = fixture::config();
    let why = |config: &Config| Preset::Nearest.groups(config, &config.routes[0], &silent).unwrap_err();
    assert!(why(&config).contains("two regions"));
    config.accounts[1].region = Some("westus".to_owned());
    assert!(why(&config).contains("no answer was heard yet"));
}

#[test]
fn even_is_one_group_in_turn() {
    let config = fixture::config();
    let groups = Preset::Even.groups(&config, &config.routes[0], &silent).unwrap();
    assert_eq!((groups.len(), groups[0].spread, groups[0].endpoints.len()), (1, Spread::RoundRobin, 4));
    let lone =
        Route::new("m".into(), vec![Group { endpoints: vec![groups[0].endpoints[0].clone()], ..Group::default() }]);
    assert!(Preset::Even.groups(&config, &lone, &silent).is_err());
}
