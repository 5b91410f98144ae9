//! Pools whose members are asked for different amounts.

use super::*;
use crate::model::config::AdminState;
use crate::model::status::{Counters, EndpointView, GroupView, Health, LimitSource, LimitView, RouteView, Traffic};

const TOTAL: u64 = 240_000;

/// A pool of two endpoints with a route each.
fn config(percent: Option<u32>, stated: Option<u64>) -> Config {
    let pool = QuotaPool {
        id: "p".into(),
        tokens_per_minute: TOTAL,
        requests_per_minute: None,
        requests_per_1k_tokens: Some(6),
        adjust_within_percent: percent,
        soft: false,
        pinned: false,
    };
    let stated = stated.map_or_else(String::new, |tokens| format!(", tokens_per_minute = {tokens}"));
    let endpoint = |id| format!("{{ id = \"{id}\", account = \"a\", model = \"m\", quota_pool = \"p\"{stated} }}");
    let text = format!("endpoint = [{}, {}]", endpoint("east"), endpoint("west"));
    let config: Config = toml_edit::de::from_str(&text).expect("the test's text is sound");
    Config { quota_pools: vec![pool], ..config }
}

fn view(second: u64, stated: Option<u64>, needs: [u64; 2]) -> BalancerView {
    let limit =
        LimitView { limit: None, source: LimitSource::Unknown, used: 0, reserved: 0, overdraft: 0, since: None };
    let endpoint = |id: &str| EndpointView {
        id: id.into(),
        account: "a".into(),
        model: "m".into(),
        simulated: false,
        admin_state: AdminState::Enabled,
        health: Health::Healthy,
        also_resting: Vec::new(),
        tokens: limit,
        requests: limit,
        last_minute: Traffic::default(),
        provider_tokens_per_minute: stated,
        soft_cap: None,
        reported_remaining: None,
        in_flight: 0,
        counters: Counters::default(),
        more_limits: vec![],
        first_token: None,
        allotted: None,
        reported_tokens_per_minute: None,
        foreign_tokens_per_minute: 0,
        insight: crate::model::insight::Insight::default(),
        charge_permille: 1_000,
        uncapped_charge_permille: 1_000,
        growth_tokens_per_minute: None,
        exhausts_at: None,
    };
    let route = |(id, need): (&str, u64)| RouteView {
        model: id.into(),
        serving: 1,
        members: 1,
        groups: vec![GroupView::new("1".into(), vec![id.into()], vec![9])],
        waiting: 0,
        back_at: None,
        demand: [Demand { expected: need, upper: need, trend: 0 }, Demand::default(), Demand::default()],
        relented_at: None,
    };
    BalancerView {
        at: Timestamp::from_secs(second),
        revision: 1,
        endpoints: ["east", "west"].map(endpoint).into(),
        routes: ["east", "west"].into_iter().zip(needs).map(route).collect(),
        ..BalancerView::default()
    }
}

fn proposed(adjusted: &Adjusted) -> Vec<u64> {
    adjusted.proposed.values().flatten().map(|share| share.tokens_per_minute).collect()
}

#[test]
fn demand_of_three_to_one_moves_a_quarter_where_a_quarter_is_allowed() {
    let (stated, needs) = (Some(120_000), [300_000, 100_000]);
    let bounded = Adjuster::default().look(&view(0, stated, needs), &config(Some(25), stated));
    assert_eq!(proposed(&bounded), [150_000, 90_000]);
    assert_eq!(bounded.proposed.values().flatten().next().unwrap().requests_per_minute, Some(900));
    let free = Adjuster::default().look(&view(0, stated, needs), &config(None, stated));
    assert_eq!(proposed(&free), [180_000, 60_000]);
}

#[test]
fn where_the_service_divides_the_pool_already_no_ceiling_of_ours_could_help() {
    let stated = Some(120_000);
    let adjusted = Adjuster::default().look(&view(0, stated, [300_000, 100_000]), &config(Some(25), stated));
    assert_eq!(adjusted.ceilings, []);
}

#[test]
fn without_the_persons_leave_shares_are_only_proposed() {
    let adjusted = Adjuster::default().look(&view(0, None, [300_000, 100_000]), &config(None, None));
    assert_eq!(proposed(&adjusted), [180_000, 60_000]);
    assert_eq!(adjusted.ceilings, []);
}

#[test]
fn where_the_pool_is_divided_by_us_each_keeps_what_it_needs_within_its_share() {
    let adjusted = Adjuster::default().look(&view(0, None, [300_000, 100_000]), &config(Some(25), None));
    assert_eq!(proposed(&adjusted), [150_000, 90_000]);
    assert_eq!(adjusted.ceilings, [("east".into(), Some(150_000)), ("west".into(), Some(90_000))]);
}

#[test]
fn what_nobody_is_expected_to_need_is_everybodys() {
    let adjusted = Adjuster::default().look(&view(0, None, [300_000, 10_000]), &config(Some(25), None));
    assert_eq!(adjusted.ceilings[0], ("east".into(), Some(230_000)), "only the 10,000 of the other are kept");
}

#[test]
fn ceilings_move_once_a_minute_and_only_when_it_is_worth_it() {
    let config = config(Some(25), None);
    let mut adjuster = Adjuster::default();
    let mut look = |second, needs| adjuster.look(&view(second, None, needs), &config).ceilings;
    assert_eq!(look(0, [300_000, 100_000]).len(), 2);
    assert_eq!(look(30, [100_000, 300_000]), [], "too soon");
    assert_eq!(look(60, [290_000, 100_000]), [], "hardly another");
    assert_eq!(look(61, [100_000, 300_000]), [("east".into(), Some(90_000)), ("west".into(), Some(150_000))]);
    assert_eq!(look(62, [0, 0]), [("east".into(), None), ("west".into(), None)], "silence keeps nothing");
    assert_eq!(look(63, [0, 0]), []);
}

#[test]
fn a_new_configuration_is_looked_at_afresh() {
    let config = config(Some(25), None);
    let mut adjuster = Adjuster::default();
    assert_eq!(adjuster.look(&view(0, None, [300_000, 100_000]), &config).ceilings.len(), 2);
    let newer = BalancerView { revision: 2, ..view(1, None, [300_000, 100_000]) };
    assert_eq!(adjuster.look(&newer, &config).ceilings.len(), 2, "the brain lifted them");
}

#[test]
fn ceilings_leave_to_every_other_member_its_need_within_its_share_whatever_the_demand() {
    for seed in 0..500 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let needs = [rng.u64(..400_000), rng.u64(..400_000)];
        let config = config(Some(rng.u32(..=100)), None);
        let adjusted = Adjuster::default().look(&view(0, None, needs), &config);
        let shares = proposed(&adjusted);
        assert_eq!(shares.iter().sum::<u64>(), TOTAL, "seed {seed}");
        for (id, ceiling) in &adjusted.ceilings {
            let other = usize::from(id.as_str() == "east");
            let kept = needs[other].min(shares[other]);
            assert!(ceiling.unwrap_or(TOTAL) <= TOTAL - kept, "seed {seed}");
            assert!(ceiling.unwrap_or(TOTAL) >= shares[1 - other], "seed {seed}");
        }
    }
}
