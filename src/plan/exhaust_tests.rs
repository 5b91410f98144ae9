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

/// A request of so many tokens, a quarter of them prompt.
const fn charge(charge: u64) -> Estimate {
    Estimate { prompt: charge / 4, output: charge - charge / 4, charge }
}

/// Sends `rate(second)` tokens each second and returns what is held at `now`, and the flows.
fn played(now: u64, rate: impl Fn(u64) -> u64) -> (u64, Flows) {
    let mut flows = Flows::default();
    for second in 0..now {
        flows.note(Timestamp::from_secs(second), &east(), charge(rate(second)));
    }
    let held = (now.saturating_sub(60)..now).map(rate).sum();
    (held, flows)
}

fn sliding(now: u64, used: u64, flows: &Flows, demand: Demand) -> Option<u64> {
    let leaving = flows.leaving(Timestamp::from_secs(now), &east()).0.map(|sent| sent.tokens);
    exhaustion(&tokens(used), demand, Leaves::Slides(&leaving)).map(|[at, ..]| at.as_secs())
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
    let at = |demand| exhaustion(&tokens(30_000), demand, Leaves::Drains).map(|[at, ..]| at);
    assert_eq!(at(steady(90_000, 0)), Some(Duration::from_mins(1)));
    assert_eq!(at(steady(61_000, 0)), None, "thirty minutes are too far off");
    assert_eq!(at(steady(60_000, 0)), None);
}

#[test]
fn traffic_is_foreseen_where_it_went_in_the_last_seconds() {
    let mut flows = Flows::default();
    for second in 0..40 {
        flows.note(Timestamp::from_secs(second), &east(), charge(1_000));
    }
    let at = |second| flows.lately(Timestamp::from_secs(second), &east());
    assert_eq!((at(39), at(43), at(48)), (9_000, 5_000, 0));
}

#[test]
fn a_days_limit_fills_by_all_that_comes() {
    let day = LimitView { limit: Some(2_000_000), ..tokens(1_000_000) };
    let [at, ..] = exhaustion(&day, steady(100_000, 10_000), Leaves::Daily).expect("within sight");
    assert_eq!(at, Duration::from_mins(10));
    assert_eq!(exhaustion(&day, steady(30_000, 3_000), Leaves::Daily), None, "beyond half an hour");
}

#[test]
fn what_is_full_or_has_no_limit_is_not_foreseen() {
    assert_eq!(exhaustion(&tokens(LIMIT), steady(900_000, 0), Leaves::Drains), None);
    assert_eq!(exhaustion(&tokens(LIMIT - 500), steady(900_000, 0), Leaves::Drains), None, "next to nothing is left");
    assert_eq!(exhaustion(&LimitView { limit: None, ..tokens(0) }, steady(900_000, 0), Leaves::Drains), None);
}

#[test]
fn a_ring_forgets_what_left_the_window() {
    let mut flows = Flows::default();
    flows.note(Timestamp::from_secs(10), &east(), charge(7));
    flows.note(Timestamp::from_secs(65), &east(), charge(9));
    let leaving = flows.leaving(Timestamp::from_secs(66), &east()).0.map(|sent| sent.tokens);
    assert_eq!((leaving[3], leaving[58], leaving.iter().sum::<u64>()), (7, 9, 16));
    flows.note(Timestamp::from_secs(500), &east(), charge(1));
    assert_eq!(flows.leaving(Timestamp::from_secs(500), &east()).sum().tokens, 1);
    flows.prune(Timestamp::from_secs(559));
    assert_eq!(flows.endpoints.len(), 1);
    flows.prune(Timestamp::from_secs(560));
    assert_eq!(flows.endpoints.len(), 0);
}

/// What comes at 45,000 tokens in 90 requests a minute, of which one minute came already.
fn inflow() -> Inflow {
    let mut flows = Flows::default();
    for second in 0..60 {
        flows.note(Timestamp::from_secs(second), &east(), charge(500));
        if second % 2 == 0 {
            flows.note(Timestamp::from_secs(second), &east(), charge(500));
        }
    }
    let now = Timestamp::from_secs(59);
    Inflow { now, demand: steady(45_000, 0), leaving: flows.leaving(now, &east()) }
}

#[test]
fn whatever_limit_is_full_first_is_named() {
    let of = |limit: u64, used: u64| LimitView { limit: Some(limit), ..tokens(used) };
    let first = |limits: &[(Unit, LimitView, Manner)]| {
        inflow().fills(limits).map(|when| (when.of, when.at.since(inflow().now).as_secs()))
    };
    let plenty = (Unit::Tokens, of(100_000, 45_000), Manner::Drains);
    assert_eq!(first(&[plenty]), None, "more drains than comes");
    let requests = (Unit::Requests, of(60, 30), Manner::Drains);
    assert_eq!(first(&[plenty, requests]), Some((Unit::Requests, 60)), "thirty more a minute than drain");
    let input = (Unit::Input, of(10_000, 9_375), Manner::Drains);
    assert_eq!(first(&[plenty, requests, input]), Some((Unit::Input, 30)), "11,250 a minute, and 10,000 drain");
    let output = (Unit::Output, of(40_000, 9_000), Manner::Drains);
    assert_eq!(first(&[plenty, output]), None, "33,750 a minute");
    let day = (Unit::DayRequests, of(10_000, 9_100), Manner::Daily);
    assert_eq!(first(&[plenty, requests, input, day]), Some((Unit::DayRequests, 600)), "the day before the minute");
}

#[test]
fn requests_that_slide_leave_the_window_as_they_came() {
    let requests = (Unit::Requests, LimitView { limit: Some(120), ..tokens(90) }, Manner::Slides);
    assert_eq!(inflow().fills(&[requests]), None, "as many leave as come");
    let more = Inflow { demand: steady(90_000, 0), ..inflow() };
    let when = more.fills(&[requests]).expect("twice as many come");
    assert_eq!((when.of, when.at.since(more.now).as_secs()), (Unit::Requests, 20));
}
