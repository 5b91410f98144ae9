use std::sync::Arc;

use super::super::tests::{commit, fail, go_as, refused, sent_to, until, visit, world_of};
use super::*;
use crate::model::config::Caller;
use crate::model::decision::RefusalReason;
use crate::model::outcome::{Ending, FailureClass, Settlement, ThrottleKind};
use crate::model::status::{WaitCause, WaitingView};
use crate::policy::event::{Input, Visit};
use crate::policy::world_tests::{World, failure_with_wait};

/// Two accounts, and a caller who may have so many requests at once and in a minute.
fn world(at_once: Option<u32>, a_minute: Option<u64>) -> World {
    world_of(|config| {
        config.queue.max_wait_seconds = 600;
        config.callers =
            vec![Caller { max_in_flight: at_once, requests_per_minute: a_minute, ..Caller::named("alice".into()) }];
    })
}

fn ask(world: &mut World, request: u64, visit: Visit) -> Output {
    go_as(world, request, visit, Some("alice"))
}

fn end(world: &mut World, request: u64) -> Vec<Output> {
    let settlement = Settlement { ending: Ending::Completed, usage: None };
    world.give(Input::Settled { request: RequestId(request), settlement })
}

fn chat(world: &mut World) -> (RequestId, Output) {
    world.arrive_as(10, |profile| profile.caller = Some("alice".into()))
}

fn listed(world: &World) -> Vec<WaitingView> {
    world.brain.view(world.now).queue.list
}

#[test]
fn a_visit_takes_a_place_among_those_that_its_caller_runs_at_once() {
    let mut world = world(Some(1), None);
    assert!(sent_to(&ask(&mut world, 90, visit("a"))).is_some());
    assert!(matches!(ask(&mut world, 91, visit("b")), Output::Held { .. }), "whichever account it asks");
    let (waiting, held) = chat(&mut world);
    assert!(matches!(held, Output::Held { .. }), "and what works a model waits for it too: {held:?}");
    assert!(sent_to(&go_as(&mut world, 92, visit("a"), None)).is_some(), "others are none of its business");
    let causes: Vec<_> = listed(&world).into_iter().map(|one| (one.request, one.cause)).collect();
    assert_eq!(causes, [(waiting, WaitCause::Room), (RequestId(91), WaitCause::Caller)]);

    commit(&mut world, 90);
    let freed = end(&mut world, 90);
    assert_eq!(freed.iter().filter(|output| sent_to(output).is_some()).count(), 1, "one takes the place: {freed:?}");
    assert_eq!(world.brain.view(world.now).callers[0].in_flight, 1);
}

#[test]
fn a_visit_that_waits_for_its_caller_goes_when_a_request_of_it_ends() {
    let mut world = world(Some(1), None);
    let (chat, sent) = chat(&mut world);
    assert!(sent_to(&sent).is_some());
    assert!(matches!(ask(&mut world, 90, visit("a")), Output::Held { .. }));
    let freed = end(&mut world, chat.0);
    assert!(freed.iter().any(|output| output.request() == RequestId(90) && sent_to(output).is_some()), "{freed:?}");
}

#[test]
fn visits_and_requests_in_line_take_what_comes_free_by_how_long_they_waited() {
    let mut world = world(Some(1), None);
    ask(&mut world, 90, visit("a"));
    commit(&mut world, 90);
    let (waiting, held) = chat(&mut world);
    assert!(matches!(held, Output::Held { .. }));
    for second in 1..4 {
        world.now = Timestamp::from_secs(second);
        ask(&mut world, 90 + second, visit("a"));
    }
    let sent = |outputs: Vec<Output>| -> Vec<RequestId> {
        outputs.iter().filter(|output| sent_to(output).is_some()).map(Output::request).collect()
    };
    assert_eq!(sent(end(&mut world, 90)), [waiting], "a service that is asked again and again does not starve it");
    world.now = Timestamp::from_secs(4);
    let (younger, _) = chat(&mut world);
    assert_eq!(sent(end(&mut world, waiting.0)), [RequestId(91)], "nor do requests starve what was asked before");
    assert_eq!(sent(end(&mut world, 91)), [RequestId(92)]);
    assert_eq!(sent(end(&mut world, 92)), [RequestId(93)]);
    assert_eq!(sent(end(&mut world, 93)), [younger]);
}

#[test]
fn what_time_brings_back_to_a_caller_goes_to_whoever_waited_longest_too() {
    let mut world = world(None, Some(1));
    ask(&mut world, 90, visit("a"));
    world.now = Timestamp::from_secs(1);
    let (older, held) = chat(&mut world);
    assert!(matches!(held, Output::Held { .. }));
    world.now = Timestamp::from_secs(2);
    assert!(matches!(ask(&mut world, 91, visit("a")), Output::Held { .. }));
    world.now = Timestamp::from_secs(3);
    let (younger, _) = chat(&mut world);
    for (minute, first) in [older, RequestId(91), younger].into_iter().enumerate() {
        let went = until(&mut world, 61 + 61 * u64::try_from(minute).unwrap());
        let sent: Vec<_> = went.iter().filter(|output| sent_to(output).is_some()).map(Output::request).collect();
        assert_eq!(sent, [first], "minute {minute}");
    }
}

#[test]
fn among_visits_and_requests_of_a_caller_the_more_important_goes_first() {
    let mut world = world(None, Some(1));
    ask(&mut world, 90, visit("a"));
    world.now = Timestamp::from_secs(1);
    assert!(matches!(ask(&mut world, 91, visit("a")), Output::Held { .. }));
    world.now = Timestamp::from_secs(50);
    let urgent = |profile: &mut crate::model::profile::RequestProfile| {
        (profile.caller, profile.priority) = (Some("alice".into()), Priority::Interactive);
        profile.patience = Some(Duration::from_secs(60));
    };
    let (younger, _) = world.arrive_as(10, urgent);
    let went = until(&mut world, 61);
    let sent: Vec<_> = went.iter().filter(|output| sent_to(output).is_some()).map(Output::request).collect();
    assert_eq!(sent, [younger]);
}

#[test]
fn a_request_in_line_that_cannot_go_holds_up_no_visit() {
    let mut world = world(Some(1), None);
    world.arrive(1_000);
    world.arrive(1_000);
    ask(&mut world, 90, visit("a"));
    commit(&mut world, 90);
    assert!(matches!(chat(&mut world).1, Output::Held { .. }), "neither account has tokens");
    world.now = Timestamp::from_secs(1);
    ask(&mut world, 91, visit("a"));
    let freed = end(&mut world, 90);
    assert!(freed.iter().any(|output| output.request() == RequestId(91) && sent_to(output).is_some()), "{freed:?}");
}

#[test]
fn a_request_is_counted_once_however_many_accounts_it_visits_and_however_often() {
    let mut world = world(None, Some(2));
    ask(&mut world, 90, visit("a"));
    fail(&mut world, 90, failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 5));
    assert!(until(&mut world, 6).iter().any(|output| sent_to(output) == Some("ea")), "it is sent again");
    commit(&mut world, 90);
    let onward = Visit { goes_on: true, ..visit("b") };
    assert!(sent_to(&ask(&mut world, 90, onward)).is_some());
    end(&mut world, 90);
    assert_eq!(world.brain.view(world.now).callers[0].requests.used, 1);
    assert!(sent_to(&ask(&mut world, 91, visit("a"))).is_some(), "the minute has a second one");

    assert!(matches!(ask(&mut world, 92, visit("a")), Output::Held { .. }));
    assert!(until(&mut world, 59).is_empty(), "the first one was counted at the very beginning");
    assert!(until(&mut world, 61).iter().any(|output| output.request() == RequestId(92) && sent_to(output).is_some()));
}

#[test]
fn what_nobody_sent_is_given_back() {
    let mut world = world(None, Some(1));
    ask(&mut world, 90, visit("a"));
    world.give(Input::Withdrawn { request: RequestId(90) });
    assert!(sent_to(&ask(&mut world, 91, visit("a"))).is_some());
}

#[test]
fn a_look_that_goes_on_as_a_request_of_its_own_is_counted_with_it() {
    let mut world = world(Some(1), Some(1));
    ask(&mut world, 90, visit("a"));
    commit(&mut world, 90);
    let mut profile = crate::policy::world_tests::chat(10);
    Arc::make_mut(&mut profile).caller = Some("alice".into());
    let outputs = world.give(Input::Arrived { request: RequestId(90), profile });
    assert!(outputs.iter().any(|output| sent_to(output).is_some()), "{outputs:?}");
    let caller = &world.brain.view(world.now).callers[0];
    assert_eq!((caller.in_flight, caller.requests.used + caller.requests.reserved), (1, 1));
}

#[test]
fn whoever_may_not_wait_is_told_when_its_caller_has_room() {
    let mut world = world(None, Some(1));
    ask(&mut world, 90, visit("a"));
    let output = ask(&mut world, 91, Visit { waits: false, ..visit("b") });
    let refusal = refused(&output).expect("there is no room");
    assert_eq!((refusal.reason, refusal.retry_at), (RefusalReason::NoCapacityInTime, Some(Timestamp::from_secs(60))));
    let Output::Refused { decision: Some(decision), .. } = output else { panic!("{output:?}") };
    assert!(decision.lacks_caller(), "{decision:?}");
}
