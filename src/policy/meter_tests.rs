use super::*;
use crate::model::units::MINUTE;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn a_limit_that_becomes_known_finds_what_came_before() {
    let mut meter = Meter::guarded(MINUTE);
    meter.count(at(0), Manner::Level(Gate::Whole), None);
    meter.add(at(0), 600);
    meter.add(at(30_000), 100);
    meter.count(at(30_000), Manner::Level(Gate::Whole), Some(600));
    assert_eq!(meter.taken(at(30_000)), 700 + 3, "all of it counts, since nobody knows what drained, and the guard");
}

#[test]
fn another_way_of_counting_forgets_nothing_in_either_direction() {
    let mut meter = Meter::guarded(MINUTE);
    meter.add(at(0), 600);
    meter.count(at(0), Manner::Level(Gate::Whole), Some(600));
    meter.add(at(30_000), 200);
    assert_eq!(meter.taken(at(30_300)), 500);
    meter.count(at(30_300), Manner::Log, Some(600));
    assert_eq!(meter.taken(at(30_300)), 800, "the window still has all of the minute");
}

#[test]
fn what_was_put_there_before_the_level_is_given_back_by_the_window_alone() {
    let mut meter = Meter::guarded(MINUTE);
    let spot = meter.add(at(0), 600);
    meter.count(at(0), Manner::Level(Gate::Whole), Some(600));
    meter.settle(at(0), spot, 600, 0);
    assert_eq!((meter.taken(at(300)), meter.log.taken(at(300))), (600, 0));
}

#[test]
fn what_an_earlier_level_held_is_not_given_back_by_a_later_one() {
    let mut meter = Meter::guarded(MINUTE);
    meter.count(at(0), Manner::Level(Gate::Whole), Some(600));
    let spot = meter.add(at(0), 300);
    meter.count(at(1_000), Manner::Log, Some(600));
    meter.count(at(59_000), Manner::Level(Gate::Whole), Some(600));
    meter.add(at(59_000), 200);
    meter.settle(at(59_300), spot, 300, 0);
    assert_eq!(meter.taken(at(59_300)), 500, "what it held of it may have drained long ago");
}

#[test]
fn what_a_request_came_to_beyond_its_estimate_drains_from_its_end_on() {
    let mut meter = Meter::guarded(MINUTE);
    meter.count(at(0), Manner::Level(Gate::Open), Some(600));
    let spot = meter.add(at(0), 100);
    meter.settle(at(90_000), spot, 100, 400);
    assert_eq!(meter.taken(at(90_300)), 300, "the first 100 drained long ago");
}
