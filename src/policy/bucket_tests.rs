use super::*;
use crate::model::units::MINUTE;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}
fn bucket(limit: u64) -> Level {
    Level::new(Gate::Whole, MINUTE, limit, Timestamp::ZERO, Mark::default())
}

#[test]
fn a_bucket_takes_its_limit_at_once_and_then_the_refill() {
    let mut level = bucket(600);
    assert_eq!(level.earliest(at(0), 600, 600), Some(at(0)));
    level.add(at(0), 600);
    assert_eq!(level.earliest(at(0), 10, 600), Some(at(1_300)), "a second for ten, and the guard");
    assert_eq!(level.earliest(at(0), 601, 600), None);
    assert_eq!((level.taken(at(60_299)), level.taken(at(60_300))), (1, 0));
}

#[test]
fn the_named_time_is_exact_to_the_microsecond() {
    let mut level = bucket(7_000);
    level.add(at(0), 6_500);
    let when = level.earliest(at(5), 1_234, 7_000).expect("it fits");
    let just_before = Timestamp(when.0 - 1);
    assert!(level.earliest(just_before, 1_234, 7_000) > Some(just_before));
    assert_eq!(level.earliest(when, 1_234, 7_000), Some(when));
}

#[test]
fn utilization_lets_anything_in_below_its_ceiling_and_makes_the_rest_drain() {
    let mut level = Level::new(Gate::Open, MINUTE, 600, Timestamp::ZERO, Mark::default());
    level.add(at(0), 500);
    assert_eq!(level.earliest(at(0), 5_000, 600), Some(at(40)), "once nothing can be overtaken");
    assert_eq!(level.earliest(at(0), 5, 600), Some(at(0)));
    level.add(at(0), 700);
    let when = level.earliest(at(0), 1, 600).expect("it drains");
    assert_eq!(when, Timestamp(60_300_001), "600 over drain in a minute, and one part more");
    assert_eq!(level.earliest(at(0), 1, 0), None);
}

#[test]
fn what_has_drained_is_not_given_back() {
    let mut level = bucket(600);
    let first = level.add(at(0), 100);
    level.add(at(5_000), 50);
    level.give_back(at(5_000), first, 100, 100);
    assert_eq!(level.taken(at(5_300)), 50, "half of the first had drained; the second counts in full");
    level.give_back(at(5_000), first, 100, 100);
    assert_eq!(level.taken(at(5_300)), 50, "and nothing comes back twice");
}

#[test]
fn another_rate_holds_from_its_time_on() {
    let mut level = bucket(600);
    level.add(at(0), 600);
    level.set_rate(at(30_000), 1_200);
    assert_eq!(level.taken(at(45_300)), 0, "300 at ten a second, 300 at twenty");
}

#[test]
fn a_level_that_nothing_drains_names_no_time() {
    let mut level = bucket(0);
    level.add(at(0), 5);
    assert_eq!(level.earliest(at(0), 6, 10), None);
    assert_eq!(level.earliest(at(0), 5, 10), Some(at(0)));
}

#[test]
fn what_a_service_shows_raises_a_level_at_once_and_lowers_it_by_parts() {
    let mut level = bucket(600);
    level.add(at(0), 400);
    level.heed(at(0), (0, 200));
    assert_eq!(level.held(at(0)), 350, "a quarter of what is too much");
    level.heed(at(0), (500, 600));
    assert_eq!(level.held(at(0)), 500);
    level.heed(at(0), (300, 550));
    assert_eq!(level.held(at(0)), 500, "within the bounds nothing moves");
}

#[test]
fn what_a_service_took_out_of_a_level_is_not_given_back_again() {
    let mut level = bucket(600);
    let all = level.add(at(0), 400);
    level.heed(at(0), (0, 0));
    level.give_back(at(0), all, 400, 400);
    assert_eq!(level.held(at(0)), 0);
}

#[test]
fn behind_another_an_open_gate_lets_in_no_earlier_than_if_that_one_were_in_already() {
    for (held, first, amount) in [(599, 400, 300), (599, 10, 900), (500, 90, 5), (0, 700, 700), (300, 299, 1)] {
        for gate in [Gate::Open, Gate::Whole] {
            let mut level = Level::new(gate, MINUTE, 600, Timestamp::ZERO, Mark::default());
            level.add(at(0), held);
            let foreseen = level.earliest_behind(at(1_000), first, amount, 600);
            level.add(at(1_000), first);
            assert_eq!(foreseen, level.earliest(at(1_000), amount, 600), "{gate:?}: {held}, {first}, {amount}");
        }
    }
}
