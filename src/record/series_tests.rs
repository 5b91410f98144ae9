use super::*;
use crate::model::config::AdminState;
use crate::model::id::{AccountId, ModelName};
use crate::model::status::{Counters, Health, LimitSource, LimitView, Traffic};

fn endpoint(id: &str, throttled: u64) -> EndpointView {
    let limit = LimitView::new(Some(60_000), LimitSource::Configured, (1_230, 30));
    EndpointView {
        id: EndpointId::from(id),
        account: AccountId::from("a"),
        model: ModelName::from("gpt-4o"),
        simulated: true,
        admin_state: AdminState::Enabled,
        health: Health::Healthy,
        also_resting: Vec::new(),
        tokens: limit,
        requests: limit,
        last_minute: Traffic { tokens: 90_000, requests: 20 },
        provider_tokens_per_minute: None,
        soft_cap: None,
        reported_remaining: None,
        in_flight: 0,
        counters: Counters { throttled, ..Counters::default() },
        first_token: None,
        more_limits: Vec::new(),
        allotted: None,
        exhausts_at: None,
        reported_tokens_per_minute: None,
        foreign_tokens_per_minute: 0,
        insight: crate::model::insight::Insight::default(),
        charge_permille: 1_000,
        uncapped_charge_permille: 1_000,
        growth_tokens_per_minute: None,
    }
}

fn view(endpoints: &[(&str, u64)]) -> BalancerView {
    let endpoints = endpoints.iter().map(|(id, throttled)| endpoint(id, *throttled)).collect();
    BalancerView { endpoints, ..BalancerView::default() }
}

fn seconds(series: &Series, slot: usize) -> Vec<u64> {
    series.view().endpoints[slot].points().map(|point| point.second).collect()
}

#[test]
fn a_slot_outlives_its_endpoint_and_is_given_to_nobody_else() {
    let mut series = Series::new(vec![]);
    series.sample(&view(&[("a", 0), ("b", 0)]), 1, |_| false);
    series.sample(&view(&[("b", 0), ("c", 0)]), 2, |_| false);
    series.sample(&view(&[("c", 0), ("a", 0)]), 3, |_| false);
    let slots: Vec<_> = series.view().endpoints.iter().map(|one| (one.id.to_string(), one.slot)).collect();
    assert_eq!(slots, [("a".to_owned(), 0), ("b".to_owned(), 1), ("c".to_owned(), 2)]);
    assert_eq!(seconds(&series, 0), [1, 3]);
}

#[test]
fn a_point_holds_what_was_sent_in_the_last_minute_not_what_a_limit_still_counts() {
    let mut series = Series::new(vec![]);
    series.sample(&view(&[("a", 0)]), 1, |_| false);
    let seen = series.view();
    let point = seen.endpoints[0].points().next().unwrap();
    assert_eq!((point.tokens_used, point.tokens_reserved, point.requests_used), (90_000, 30, 20));
}

#[test]
fn a_second_that_was_not_sampled_is_a_gap() {
    let mut series = Series::new(vec![]);
    for second in [1, 2, 7, 7, 6, 8] {
        series.sample(&view(&[("a", 0)]), second, |_| false);
    }
    assert_eq!(seconds(&series, 0), [1, 2, 7, 8]);
}

#[test]
fn throttled_counts_are_differences_and_survive_a_counter_made_anew() {
    let mut series = Series::new(vec![]);
    for (second, counter) in [(1, 2), (2, 2), (3, 9), (4, 1)] {
        series.sample(&view(&[("a", counter)]), second, |_| false);
    }
    let counts: Vec<u32> = series.view().endpoints[0].points().map(|point| point.throttled).collect();
    assert_eq!(counts, [2, 0, 7, 1]);
}

#[test]
fn fifteen_minutes_are_kept_and_little_more() {
    let mut series = Series::new(vec![]);
    for second in 0..5_000 {
        series.sample(&view(&[("a", 0)]), second, |_| false);
    }
    let kept = seconds(&series, 0);
    assert_eq!(kept.last(), Some(&4_999));
    assert!(kept[0] <= 4_999 - 899 && kept[0] > 4_999 - 1_000, "{}", kept[0]);
}

#[test]
fn an_endpoint_that_left_fades_out_while_the_others_go_on() {
    let mut series = Series::new(vec![]);
    series.sample(&view(&[("gone", 0), ("a", 0)]), 0, |_| false);
    for second in 1..1_000 {
        series.sample(&view(&[("a", 0)]), second, |_| false);
    }
    assert!(seconds(&series, 0).is_empty());
    assert_eq!(series.view().endpoints[0].id, EndpointId::from("gone"));
}

#[test]
fn a_sealed_chunk_is_shared_by_all_views() {
    let mut series = Series::new(vec![]);
    for second in 0..70 {
        series.sample(&view(&[("a", 0)]), second, |_| false);
    }
    let before = series.view();
    series.sample(&view(&[("a", 0)]), 70, |_| false);
    let after = series.view();
    assert!(Arc::ptr_eq(&before.endpoints[0].chunks[0], &after.endpoints[0].chunks[0]));
    assert!(after.generation > before.generation);
}

fn left(endpoint: &str, start: u64, count: u32) -> BucketRow {
    let sample = |second| crate::model::history::Sample {
        second,
        tokens: 600,
        requests: 6,
        throttled: u32::from(second == start),
        token_limit: Some(60_000),
    };
    let mut bucket = Bucket::of(sample(start), Grain::TenSeconds);
    (1..u64::from(count)).for_each(|place| bucket.merge(&Bucket::of(sample(start + place), Grain::TenSeconds)));
    BucketRow { grain: Grain::TenSeconds, endpoint: EndpointId::from(endpoint), bucket }
}

#[test]
fn what_an_earlier_run_left_stands_before_this_one_with_the_gap_between() {
    let rows =
        [left("a", 0, 10), left("a", 990, 3), left("a", 1_000, 10), left("a", 1_010, 4), left("gone", 1_000, 10)];
    for late in [false, true] {
        let mut series = Series::default();
        if late {
            series.sample(&view(&[("a", 0)]), 1_100, |_| false);
        }
        series.remember(&rows, 1_100);
        series.sample(&view(&[("a", 0)]), 1_101, |_| false);
        let shown = series.view();
        assert_eq!(shown.endpoints.len(), 1, "an endpoint that is gone has no line");
        let expected: Vec<u64> = (997..1_014).chain((1_100..=1_101).skip(usize::from(!late))).collect();
        assert_eq!(seconds(&series, 0), expected, "a second nobody sampled stays a gap, and older ones are over");
        let first = shown.endpoints[0].points().next().unwrap();
        assert_eq!((first.tokens_used, first.requests_used, first.throttled), (600, 6, 1));
        assert!(shown.endpoints[0].watched().all(|point| point.second >= 1_100), "of their state nothing is known");
        series.sample(&view(&[("a", 0)]), 1_905, |_| false);
        assert_eq!(seconds(&series, 0)[0], 1_005, "they go as their quarter of an hour does");
    }
}

#[test]
fn a_slot_holds_over_a_restart_and_is_given_on_once_nothing_tells_of_its_endpoint() {
    let mut series = Series::new(["gone", "told", "a"].map(EndpointId::from).to_vec());
    let is_told = |id: &EndpointId| id.as_str() == "told";
    series.sample(&view(&[("b", 0), ("a", 0), ("c", 0)]), 1, is_told);
    let slots: Vec<_> = series.view().endpoints.iter().map(|one| (one.id.to_string(), one.slot)).collect();
    assert_eq!(slots, [("b".to_owned(), 0), ("a".to_owned(), 2), ("c".to_owned(), 3)]);
    assert_eq!(series.slots(), ["b", "told", "a", "c"].map(EndpointId::from));
}

#[test]
fn those_configured_have_the_colours_before_those_that_are_gone() {
    let before = ["a", "b", "c", "d", "e", "f", "g"].map(EndpointId::from).to_vec();
    let mut series = Series::new(before.clone());
    series.sample(&view(&[("a", 0), ("c", 0), ("d", 0), ("e", 0), ("f", 0), ("b", 0)]), 1, |_| true);
    assert_eq!(series.slots(), before, "nobody configured is without a colour");
    series.sample(&view(&[("a", 0), ("d", 0), ("e", 0), ("f", 0), ("b", 0)]), 2, |_| true);
    series.sample(&view(&[("a", 0), ("d", 0), ("e", 0), ("f", 0), ("g", 0)]), 3, |_| true);
    assert_eq!(series.slots(), ["a", "b", "g", "d", "e", "f", "c"].map(EndpointId::from), "c was seen before b");
    series.sample(&view(&[("a", 0), ("d", 0), ("e", 0), ("f", 0), ("g", 0), ("new", 0), ("more", 0)]), 4, |_| true);
    let expected = ["a", "new", "g", "d", "e", "f", "c", "b", "more"];
    assert_eq!(series.slots(), expected.map(EndpointId::from), "and where all six are configured, grey it is");
}
