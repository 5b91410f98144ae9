//! Forecasts of exhaustion against windows that are really filled.

use super::*;
use crate::model::status::LimitSource;

const LIMIT: u64 = 60_000;

fn tokens(used: u64) -> LimitView {
    LimitView { limit: Some(LIMIT), source: LimitSource::Configured, used, reserved: 0, overdraft: 0, since: None }
}
fn east() -> EndpointId {
    EndpointId::from("east")
}
const fn steady(expected: u64, width: u64) -> Demand {
    Demand { expected, upper: expected + width, trend: 0 }
}

/// Sends `rate(second)` tokens each second and returns what is held at `now`, and the flows.
fn played(now: u64, rate: impl Fn(u64) -> u64) -> (u64, Flows) {
    let mut flows = Flows::default();
    for second in 0..now {
        flows.note(Timestamp::from_secs(second), &east(), rate(second));
    }
    let held = (now.saturating_sub(60)..now).map(rate).sum();
    (held, flows)
}

fn sliding(now: u64, used: u64, flows: &Flows, demand: Demand) -> Option<u64> {
    let now = Timestamp::from_secs(now);
    let when = exhaustion(now, &tokens(used), demand, Leaves::Slides(&flows.leaving(now, &east())))?;
    Some(when.at.since(now).as_secs())
}

#[test]
fn the_forecast_names_the_second_in_which_the_window_is_really_full() {
    // Half the limit's rate for two minutes, then twice of it.
    let rate = |second: u64| if second < 120 { 500 } else { 2_000 };
    let truth = (121..200).find(|now| (now - 60..*now).map(rate).sum::<u64>() >= LIMIT).unwrap();
    for now in 121..truth - 1 {
        let (held, flows) = played(now, rate);
        assert_eq!(sliding(now, held, &flows, steady(120_000, 0)), Some(truth - now), "seen from {now}");
    }
}

#[test]
fn a_rate_below_the_limit_never_fills_it() {
    let (held, flows) = played(300, |_| 900);
    assert_eq!(sliding(300, held, &flows, steady(54_000, 1_000)), None);
}

#[test]
fn an_old_burst_that_leaves_in_time_makes_room() {
    let rate = |second: u64| if second == 245 { 40_000 } else { 100 };
    let (held, flows) = played(300, rate);
    assert_eq!(held, 45_900);
    assert_eq!(sliding(300, held, &flows, steady(50_000, 0)), None, "the burst is gone in 5 s");
    assert_eq!(sliding(300, held, &flows, steady(240_000, 0)), Some(4));
}

#[test]
fn growth_fills_what_the_present_rate_would_not() {
    let (held, flows) = played(300, |_| 900);
    let grows = Demand { expected: 54_000, upper: 54_500, trend: 60_000 };
    assert!(sliding(300, held, &flows, grows).is_some());
}

#[test]
fn a_band_too_wide_to_act_on_is_not_shown() {
    let (held, flows) = played(300, |_| 900);
    assert_eq!(sliding(300, held, &flows, steady(90_000, 1_000)), Some(10));
    assert_eq!(sliding(300, held, &flows, steady(90_000, 40_000)), None, "it may as well never be full");
}

#[test]
fn a_level_that_drains_fills_by_what_comes_beyond_the_limit() {
    let now = Timestamp::from_secs(9);
    let at = |demand| exhaustion(now, &tokens(30_000), demand, Leaves::Drains).map(|when| when.at.since(now));
    assert_eq!(at(steady(90_000, 0)), Some(Duration::from_mins(1)));
    assert_eq!(at(steady(61_000, 0)), None, "thirty minutes are too far off");
    assert_eq!(at(steady(60_000, 0)), None);
}

#[test]
fn traffic_is_foreseen_where_it_went_in_the_last_seconds() {
    let mut flows = Flows::default();
    for second in 0..40 {
        flows.note(Timestamp::from_secs(second), &east(), 1_000);
    }
    let at = |second| flows.lately(Timestamp::from_secs(second), &east());
    assert_eq!((at(39), at(43), at(48)), (9_000, 5_000, 0));
}

#[test]
fn a_days_limit_fills_by_all_that_comes() {
    let now = Timestamp::from_secs(9);
    let day = LimitView { limit: Some(2_000_000), ..tokens(1_000_000) };
    let when = exhaustion(now, &day, steady(100_000, 10_000), Leaves::Daily).expect("in ten minutes");
    assert_eq!((when.at.since(now), when.daily), (Duration::from_mins(10), true));
    assert_eq!(exhaustion(now, &day, steady(30_000, 3_000), Leaves::Daily), None, "beyond half an hour");
}

#[test]
fn what_is_full_or_has_no_limit_is_not_foreseen() {
    let now = Timestamp::ZERO;
    assert_eq!(exhaustion(now, &tokens(LIMIT), steady(900_000, 0), Leaves::Drains), None);
    assert_eq!(
        exhaustion(now, &tokens(LIMIT - 500), steady(900_000, 0), Leaves::Drains),
        None,
        "next to nothing is left"
    );
    assert_eq!(exhaustion(now, &LimitView { limit: None, ..tokens(0) }, steady(900_000, 0), Leaves::Drains), None);
}

#[test]
fn a_ring_forgets_what_left_the_window() {
    let mut flows = Flows::default();
    flows.note(Timestamp::from_secs(10), &east(), 7);
    flows.note(Timestamp::from_secs(65), &east(), 9);
    let leaving = flows.leaving(Timestamp::from_secs(66), &east());
    assert_eq!((leaving[3], leaving[58], leaving.iter().sum::<u64>()), (7, 9, 16));
    flows.note(Timestamp::from_secs(500), &east(), 1);
    assert_eq!(flows.leaving(Timestamp::from_secs(500), &east()).iter().sum::<u64>(), 1);
    flows.prune(Timestamp::from_secs(559));
    assert_eq!(flows.endpoints.len(), 1);
    flows.prune(Timestamp::from_secs(560));
    assert_eq!(flows.endpoints.len(), 0);
}
