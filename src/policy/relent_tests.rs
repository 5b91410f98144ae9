use super::super::world_tests::*;
use crate::model::decision::{Choice, RefusalReason, Verdict};
use crate::model::id::RequestId;
use crate::model::outcome::{FailureClass, ThrottleKind};
use crate::model::status::Health;
use crate::model::units::Timestamp;
use crate::policy::Output;

const CAPACITY: FailureClass = FailureClass::Throttled(ThrottleKind::SharedCapacity);

fn pair() -> World {
    World::new(config(&[site("east", 100_000), Site { group: 1, ..site("west", 100_000) }], &[], |config| {
        config.queue.max_wait_seconds = 0;
    }))
}
fn least_bad(answer: &Output) -> bool {
    sent(answer).decision.chosen().is_some_and(|one| one.verdict == Verdict::Chosen(Choice::LeastBad))
}

#[test]
fn when_everything_rests_by_our_own_guess_the_first_due_back_is_tried_one_at_a_time() {
    let mut world = pair();
    let (first, _) = world.arrive(10);
    assert_eq!(place(&world.fail(first, failure(CAPACITY))), "west");
    world.now = Timestamp::from_millis(500);
    let over = world.fail(first, failure(CAPACITY));
    assert!(matches!(over, Output::Refused { .. }), "it has tried both: {over:?}");
    world.now = Timestamp::from_secs(1);
    let (probe, answer) = world.arrive(10);
    assert_eq!((place(&answer), least_bad(&answer)), ("east", true));
    assert!(matches!(world.arrive(10).1, Output::Refused { .. }), "one at a time");
    world.commit(probe, "east");
    let after = world.arrive(10).1;
    assert_eq!((place(&after), least_bad(&after)), ("east", false));
}

#[test]
fn a_try_that_fails_is_not_repeated_within_the_second() {
    let mut world = pair();
    let (first, _) = world.arrive(10);
    world.fail(first, failure(CAPACITY));
    world.fail(first, failure(CAPACITY));
    let told = |answer: &Output| match answer {
        Output::Refused { refusal, .. } => (refusal.reason, refusal.retry_at),
        other => panic!("not refused: {other:?}"),
    };
    let next = |millis| (RefusalReason::NoCapacityInTime, Some(Timestamp::from_millis(millis)));
    assert_eq!(told(&world.arrive(10).1), next(1_000), "it says when the next try may go");
    world.now = Timestamp::from_secs(1);
    let (second, answer) = world.arrive(10);
    assert!(least_bad(&answer));
    world.fail(second, failure(CAPACITY));
    assert_eq!(told(&world.arrive(10).1), next(2_000));
    world.now = Timestamp::from_secs(2);
    assert!(least_bad(&world.arrive(10).1));
}

#[test]
fn what_the_service_told_us_is_never_overruled() {
    for wait in [Some(30), None] {
        let mut world = pair();
        let (request, _) = world.arrive(10);
        world.fail(request, failure_with_wait(CAPACITY, 20));
        let told = match wait {
            Some(seconds) => failure_with_wait(CAPACITY, seconds),
            None => failure(FailureClass::Throttled(ThrottleKind::OutOfCredit)),
        };
        let answer = world.fail(request, told);
        assert!(!matches!(answer, Output::Assigned { .. }), "{answer:?}");
        world.now = Timestamp::from_secs(10);
        assert!(matches!(world.arrive(10).1, Output::Refused { .. }));
        assert_eq!(world.brain.view(world.now).routes[0].serving, 0);
    }
}

#[test]
fn a_rejected_key_or_a_missing_deployment_is_no_guess() {
    for class in [FailureClass::KeyRejected, FailureClass::Blocked, FailureClass::NotFound] {
        let mut world = pair();
        for _ in 0..2 {
            let (request, answer) = world.arrive(10);
            if matches!(answer, Output::Assigned { .. }) {
                world.fail(request, failure(class));
            }
        }
        assert!(matches!(world.arrive(10).1, Output::Refused { .. }), "{class:?}");
    }
}

#[test]
fn a_told_rest_that_ends_sooner_is_waited_for() {
    let mut world = pair();
    let (request, _) = world.arrive(10);
    world.fail(request, failure_with_wait(CAPACITY, 3));
    world.fail(request, failure(CAPACITY));
    world.now = Timestamp::from_secs(2);
    let Output::Refused { refusal, .. } = world.arrive(10).1 else { panic!("refused") };
    assert_eq!(refusal.retry_at, Some(Timestamp::from_secs(3)));
}

#[test]
fn what_is_full_and_not_resting_is_waited_for() {
    let mut world = World::new(config(&[site("east", 1_000), site("west", 1_000)], &[], |_| {}));
    let mut requests: Vec<RequestId> = Vec::new();
    for _ in 0..2 {
        let (request, _) = world.arrive(900);
        requests.push(request);
    }
    world.now = Timestamp::from_secs(10);
    world.fail(requests[0], failure(CAPACITY));
    let healths: Vec<Health> = world.brain.view(world.now).endpoints.iter().map(|one| one.health).collect();
    assert_eq!(healths.iter().filter(|health| matches!(health, Health::Resting { .. })).count(), 1, "{healths:?}");
    assert!(matches!(world.arrive(900).1, Output::Held { .. }));
}

#[test]
fn those_in_line_go_when_the_next_try_is_due() {
    let mut world = World::new(config(&[site("east", 100_000)], &[], |_| {}));
    let (request, _) = world.arrive(10);
    let held = world.fail(request, failure(CAPACITY));
    assert!(matches!(held, Output::Held { .. }), "{held:?}");
    let out = world.until(Timestamp::from_secs(4));
    let times: Vec<Timestamp> = out.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [Timestamp::from_secs(1)], "not only after the five seconds of its rest");
    assert!(least_bad(&out[0].1));
}
