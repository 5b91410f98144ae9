//! What decisions rest on is shown as it is.

use super::Output;
use super::world_tests::*;
use crate::model::config::Priority;
use crate::model::insight::{Insight, KeptPlace, RetryBudget, TooLarge};
use crate::model::outcome::{FailureClass, ThrottleKind};
use crate::model::status::BalancerView;
use crate::model::units::Timestamp;

fn world() -> World {
    World::new(config(&[site("east", 10_000)], &[], |_| {}))
}
fn view(world: &World) -> BalancerView {
    world.brain.view(world.now)
}
fn insight(world: &World) -> Insight {
    view(world).endpoints[0].insight.clone()
}

#[test]
fn a_size_that_did_not_fit_is_shown_with_the_time_it_is_believed() {
    let mut world = world();
    let (request, _) = world.arrive(6_000);
    world.fail(request, failure(FailureClass::Throttled(ThrottleKind::TooLarge)));
    let until = Timestamp::from_secs(600);
    assert_eq!(insight(&world).too_large, Some(TooLarge { charge: 6_000, until }));
    world.until(until);
    assert_eq!(insight(&world).too_large, None);
}

#[test]
fn rests_in_a_row_are_counted_and_what_the_service_asked_for_is_told() {
    let mut world = world();
    // Where machines are short, the second rest is longer than what is asked for.
    for seconds in [5, 10] {
        let (request, _) = world.arrive(10);
        world.fail(request, failure_with_wait(FailureClass::Throttled(ThrottleKind::SharedCapacity), 5));
        let asked = insight(&world).asked_until;
        assert_eq!(asked, Some(world.now.after(std::time::Duration::from_secs(seconds))));
        world.until(world.now.after(std::time::Duration::from_secs(30)));
    }
    let seen = insight(&world);
    assert_eq!((seen.rests_in_a_row, seen.asked_until), (2, None));
}

#[test]
fn pinned_and_probing_endpoints_say_so() {
    let tuned = config(&[site("east", 10_000), site("west", 10_000)], &[], |config| {
        config.endpoints[0].pinned = true;
        config.endpoints[1].probe_above = true;
    });
    let seen = view(&World::new(tuned)).endpoints;
    let said: Vec<_> = seen.iter().map(|one| (one.insight.pinned, one.insight.probes_above)).collect();
    assert_eq!(said, [(true, false), (false, true)]);
}

#[test]
fn the_next_in_line_is_shown_with_the_place_that_is_kept_for_it() {
    let mut world = world();
    for _ in 0..4 {
        world.arrive(2_500);
    }
    world.now = Timestamp::from_secs(20);
    for _ in 0..2 {
        let (_, output) = world.arrive_as(5_000, |profile| profile.priority = Priority::Normal);
        assert!(matches!(output, Output::Held { .. }), "{output:?}");
    }
    let list = view(&world).queue.list;
    let first = list[0].expected.expect("it can be foreseen");
    assert_eq!(list[0].kept, Some(KeptPlace { endpoint: "east".into(), at: first }));
    assert_eq!(list[1].kept, None, "only the next one has a place");
}

#[test]
fn the_retry_budget_is_shown_as_it_stands() {
    let mut world = World::new(config(&[site("east", 10_000), site("west", 10_000)], &[], |_| {}));
    for _ in 0..20 {
        world.arrive(10);
    }
    let (request, _) = world.arrive(10);
    world.fail(request, failure(FailureClass::ServerError));
    let percent = u64::from(world.brain.config().retry.budget_percent);
    let allowed = 21 * percent / 100 + 10;
    assert_eq!(view(&world).queue.budget, RetryBudget { requests: 21, retries: 1, allowed });
}
