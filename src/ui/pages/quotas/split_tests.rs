//! What taking a split over does to a configuration, and when one is offered.

use super::*;
use crate::ui::fixture;

fn share(id: &str, tokens: u64, requests: Option<u64>) -> Share {
    Share { endpoint: id.into(), tokens_per_minute: tokens, requests_per_minute: requests }
}

#[test]
fn a_stated_request_limit_follows_the_split_and_a_derived_one_stays_derived() {
    let mut config = fixture::config();
    config.endpoint_mut(&"sim-eastus".into()).unwrap().requests_per_minute = Some(720);
    config.endpoint_mut(&"sim-westus".into()).unwrap().requests_per_minute = None;
    set(&mut config, &[share("sim-eastus", 200_000, Some(1_200)), share("sim-westus", 100_000, Some(600))]);
    let limits = |id: &str| {
        let endpoint = config.endpoint(&id.into()).unwrap();
        (endpoint.tokens_per_minute, endpoint.requests_per_minute)
    };
    assert_eq!(limits("sim-eastus"), (Some(200_000), Some(1_200)));
    assert_eq!(limits("sim-westus"), (Some(100_000), None));
}

#[test]
fn a_plan_made_for_another_total_or_other_members_is_not_offered() {
    let config = fixture::config();
    let pool = config.quota_pools.first().unwrap();
    let plan = |total, members: &[&str]| PoolPlan {
        pool: pool.id.clone(),
        total,
        members: members.iter().map(|id| (*id).into()).collect(),
        proposals: vec![],
        commands: None,
    };
    assert!(fits(&plan(300_000, &["sim-eastus", "sim-westus"]), &config, pool));
    assert!(!fits(&plan(240_000, &["sim-eastus", "sim-westus"]), &config, pool));
    assert!(!fits(&plan(300_000, &["sim-eastus"]), &config, pool));
}

#[test]
fn shares_are_ours_to_give_only_where_members_could_take_more_than_there_is() {
    let mut config = fixture::config();
    let pool = config.quota_pools.first().cloned().unwrap();
    assert!(!ours_to_divide(&config, &pool), "their own limits add up to less");
    config.endpoint_mut(&"sim-westus".into()).unwrap().tokens_per_minute = None;
    assert!(ours_to_divide(&config, &pool));
}
