use super::super::Input;
use super::super::world_tests::*;
use super::*;
use crate::model::config::AdminState;
use crate::model::decision::{Conclusion, Verdict};
use crate::model::outcome::{FailureClass, ThrottleKind};

const EAST: u64 = 1_000;

/// Two sites of 1,000 tokens a minute, the second a second choice; both are full, and one request of 400 waits.
fn full() -> (World, RequestId, RequestId) {
    let west = Site { group: 1, ..site("west", EAST) };
    let mut world = World::new(config(&[site("east", EAST), west], &[], |config| config.queue.max_wait_seconds = 300));
    let (first, answer) = world.arrive(EAST);
    assert_eq!(place(&answer), "east");
    world.arrive(EAST);
    let (waits, answer) = world.arrive(400);
    assert!(matches!(answer, Output::Held { .. }));
    (world, first, waits)
}

fn send(world: &mut World, request: RequestId, to: &str) -> Vec<Output> {
    world.give(Input::SentByHand { request, endpoint: EndpointId::from(to) })
}

#[test]
fn one_who_waits_goes_where_the_person_says_and_what_is_too_much_shows_as_overdraft() {
    let (mut world, _, waits) = full();
    let outputs = send(&mut world, waits, "west");
    let [Output::Assigned { request, assignment }] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((*request, assignment.endpoint.as_str(), assignment.group), (waits, "west", 2));
    let decision = &assignment.decision;
    assert_eq!(decision.conclusion, Conclusion::Sent);
    assert_eq!(decision.chosen().map(|one| one.verdict), Some(Verdict::Chosen(Choice::ByHand)));
    assert_eq!(decision.would_have, None, "nothing else would have sent it there");
    let view = world.brain.view(world.now);
    assert_eq!((view.queue.waiting, view.queue.admitted), (0, 1));
    assert_eq!(view.endpoints[1].tokens.overdraft, 400);
    assert_eq!(view.endpoints[0].tokens.overdraft, 0);
}

#[test]
fn what_was_sent_beyond_a_limit_is_paid_back_before_others_go() {
    let (mut world, _, waits) = full();
    let (other, _) = world.arrive(700);
    send(&mut world, waits, "west");
    let gone = world.until(Timestamp::from_secs(61));
    let sent: Vec<(RequestId, String)> = gone
        .iter()
        .filter(|(_, output)| matches!(output, Output::Assigned { .. }))
        .map(|(_, output)| (output.request(), place(output).to_owned()))
        .collect();
    assert_eq!(sent, [(other, "east".to_owned())], "the west has 600 of its 1,000 free by then");
}

#[test]
fn a_service_that_told_us_to_wait_is_left_alone_whatever_the_person_says() {
    let (mut world, first, waits) = full();
    world.fail(first, failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 20));
    assert_eq!(send(&mut world, waits, "east").len(), 0);
    assert!(world.brain.view(world.now).queue.list.iter().any(|one| one.request == waits), "it keeps its place");
    world.give(Input::SetAdminState(EndpointId::from("west"), AdminState::Paused));
    assert_eq!(send(&mut world, waits, "west").len(), 0);
    assert_eq!(send(&mut world, waits, "nowhere").len(), 0);
    assert_eq!(world.brain.view(world.now).queue.waiting, 2);
}

#[test]
fn one_that_does_not_wait_is_not_sent_again() {
    let (mut world, first, waits) = full();
    assert_eq!(send(&mut world, first, "west").len(), 0, "it runs");
    assert_eq!(send(&mut world, waits, "west").len(), 1);
    assert_eq!(send(&mut world, waits, "east").len(), 0, "it was sent");
    let view = world.brain.view(world.now);
    assert_eq!(view.queue.running.len(), 3);
    assert_eq!(view.endpoints.iter().map(|one| one.in_flight).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_view_holds_a_page_unless_all_are_asked_for() {
    let mut world = World::new(config(&[site("east", EAST)], &[], |config| config.queue.max_wait_seconds = 300));
    world.arrive(EAST);
    for _ in 0..250 {
        world.arrive(2);
    }
    let listed = |world: &World| world.brain.view(world.now).queue.list.len();
    assert_eq!(listed(&world), 200);
    world.brain.list_all(true);
    assert_eq!(listed(&world), 250);
    world.brain.list_all(false);
    assert_eq!(listed(&world), 200);
}
