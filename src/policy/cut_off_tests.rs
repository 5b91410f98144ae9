//! Answers that break after their first token, and clients that leave in the middle of one.

use super::world_tests::*;
use crate::model::outcome::Ending;
use crate::model::status::{EndpointView, Health, RestCause};
use crate::model::units::Timestamp;

fn after(endings: &[Ending], seconds_apart: u64) -> EndpointView {
    let mut world = World::new(config(&[site("east", 1_000_000)], &[], |_| {}));
    for ending in endings {
        let (request, _) = world.arrive(100);
        world.commit(request, "east");
        world.settle(request, *ending);
        world.until(world.now.after(std::time::Duration::from_secs(seconds_apart)));
    }
    world.brain.view(world.now).endpoints[0].clone()
}

#[test]
fn three_streams_in_a_row_that_break_rest_their_endpoint_and_are_counted_as_failures() {
    let view = after(&[Ending::CutOff; 3], 1);
    let until = Timestamp::from_secs(2 + 5);
    assert_eq!(view.health, Health::Resting { until, cause: RestCause::Errors });
    assert_eq!((view.counters.failed, view.counters.answered), (3, 0));
    assert_eq!(after(&[Ending::CutOff; 2], 1).health, Health::Healthy);
}

#[test]
fn a_whole_answer_between_and_a_long_time_start_over() {
    let between = [Ending::CutOff, Ending::CutOff, Ending::Completed, Ending::CutOff, Ending::CutOff];
    assert_eq!(after(&between, 1).health, Health::Healthy);
    assert_eq!(after(&[Ending::CutOff; 4], 61).health, Health::Healthy);
}

#[test]
fn clients_that_leave_are_no_failure_of_anybody() {
    let view = after(&[Ending::ClientLeft; 10], 1);
    assert_eq!((view.health, view.counters.failed), (Health::Healthy, 0));
}
