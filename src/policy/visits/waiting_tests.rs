use super::super::tests::{fail, go, refused, until, visit, world};
use crate::model::decision::RefusalReason;
use crate::model::id::RequestId;
use crate::model::outcome::{Ending, FailureClass, Settlement, ThrottleKind};
use crate::model::status::{Health, RestCause, VisitedView, WaitCause};
use crate::model::units::Timestamp;
use crate::policy::event::{Input, Output};
use crate::policy::world_tests::failure_with_wait;

#[test]
fn visits_that_wait_are_listed_with_what_they_wait_for_and_when_they_go() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    fail(&mut world, 1, failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 20));
    assert!(matches!(go(&mut world, 2, visit("a")), Output::Held { .. }));
    until(&mut world, 5);
    let queue = world.brain.view(world.now).queue;
    assert_eq!((queue.waiting, queue.oldest.as_secs()), (2, 5));
    let [first, second] = &queue.list[..] else { panic!("{:?}", queue.list) };
    for one in [first, second] {
        assert_eq!(one.cause, WaitCause::Account("a".into()));
        assert_eq!(one.expected, Some(Timestamp::from_secs(20)));
        assert_eq!((one.deadline, one.since), (Some(Timestamp::from_secs(90)), Timestamp::ZERO));
    }
    assert_eq!((first.position, second.position), (1, 2));
    until(&mut world, 21);
    let queue = world.brain.view(world.now).queue;
    assert_eq!(queue.list.iter().map(|one| one.request).collect::<Vec<_>>(), [RequestId(2)], "one goes as a probe");
}

#[test]
fn visits_that_were_sent_are_in_flight_until_they_end() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    until(&mut world, 3);
    let view = world.brain.view(world.now);
    let [one] = &view.queue.running[..] else { panic!("{:?}", view.queue.running) };
    assert_eq!((one.request, one.sent, one.charge, one.committed), (RequestId(1), Timestamp::ZERO, 0, false));
    assert_eq!(view.in_flight(), 1);
    super::super::tests::commit(&mut world, 1);
    assert!(world.brain.view(world.now).queue.running[0].committed);
    let settlement = Settlement { ending: Ending::Completed, usage: None };
    world.give(Input::Settled { request: RequestId(1), settlement });
    let view = world.brain.view(world.now);
    assert_eq!((view.queue.running.len(), view.in_flight()), (0, 0));
}

#[test]
fn an_account_that_visits_were_told_to_leave_alone_is_shown_until_it_is_back() {
    let mut world = world();
    let shown = |world: &super::super::super::world_tests::World| world.brain.view(world.now).visited;
    go(&mut world, 1, visit("a"));
    assert_eq!(shown(&world), []);
    fail(&mut world, 1, failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 20));
    let cause = RestCause::Throttled(ThrottleKind::Requests);
    let resting = Health::Resting { until: Timestamp::from_secs(20), cause };
    assert_eq!(shown(&world), [VisitedView { account: "a".into(), health: resting }]);
    until(&mut world, 21);
    assert_eq!(shown(&world), [VisitedView { account: "a".into(), health: Health::Probing }]);
    super::super::tests::commit(&mut world, 1);
    until(&mut world, 60);
    assert_eq!(shown(&world), []);
}

#[test]
fn a_visit_that_waits_can_be_cancelled_and_one_under_way_cannot() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    assert!(world.give(Input::Cancelled { request: RequestId(1) }).is_empty(), "it has been sent");
    fail(&mut world, 1, failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 20));
    let outputs = world.give(Input::Cancelled { request: RequestId(1) });
    assert_eq!(refused(&outputs[0]).map(|refusal| refusal.reason), Some(RefusalReason::Cancelled));
    assert_eq!(world.brain.view(world.now).queue.waiting, 0);
    assert!(until(&mut world, 30).is_empty(), "it is gone for good");
}
