use std::sync::Arc;

use super::super::Input;
use super::super::world_tests::*;
use super::*;
use crate::model::checked::CheckedConfig;
use crate::model::config::{Account, AdminState, Caller, Config};
use crate::model::id::{AccountId, CallerId, EndpointId};
use crate::model::outcome::{FailureClass, ThrottleKind};
use crate::model::profile::{Affinity, RequestProfile};

const THROTTLED: FailureClass = FailureClass::Throttled(ThrottleKind::Tokens);

/// East of account `a` and west of account `b`, 1,000 tokens a minute each.
fn two(tune: impl FnOnce(&mut Config)) -> Arc<CheckedConfig> {
    config(&[site("east", 1_000), site("west", 1_000)], &[], |config| {
        let first = config.accounts[0].clone();
        config.accounts = ["a", "b"].map(|id| Account { id: id.into(), ..first.clone() }).into();
        config.endpoints[1].account = AccountId::from("b");
        config.queue.max_wait_seconds = 300;
        tune(config);
    })
}

fn bound_to(profile: &mut RequestProfile, state: u64) {
    profile.affinity = Affinity { state: vec![state], ..Affinity::default() };
}

fn of(profile: &mut RequestProfile, caller: &str) {
    profile.caller = Some(CallerId::from(caller));
}

fn set(world: &mut World, endpoint: &str, state: AdminState) {
    world.give(Input::SetAdminState(EndpointId::from(endpoint), state));
}

/// Sends this much to one endpoint alone.
fn fill(world: &mut World, endpoint: &str, charge: u64, priority: Priority) -> RequestId {
    let other = if endpoint == "east" { "west" } else { "east" };
    set(world, other, AdminState::Paused);
    let (request, answer) = world.arrive_as(charge, |profile| profile.priority = priority);
    assert_eq!(place(&answer), endpoint);
    set(world, other, AdminState::Enabled);
    request
}

/// Who went and when, in milliseconds.
fn went(world: &mut World, until: u64) -> Vec<(u64, RequestId)> {
    let all = world.until(Timestamp::from_secs(until));
    all.into_iter()
        .filter(|(_, output)| matches!(output, Output::Assigned { .. }))
        .map(|(at, output)| (at.0 / 1_000, output.request()))
        .collect()
}

#[test]
fn however_many_are_bound_to_a_throttled_account_they_hold_up_nobody_else() {
    let mut world = World::new(two(|_| {}));
    world.give(Input::Owned { account: "a".into(), keys: vec![7], are_sealed: false });
    let east = fill(&mut world, "east", 500, Priority::Normal);
    fill(&mut world, "west", 1_000, Priority::Normal);
    world.fail(east, failure_with_wait(THROTTLED, 200));
    for _ in 0..100 {
        let (_, answer) = world.arrive_as(5, |profile| bound_to(profile, 7));
        assert!(matches!(answer, Output::Held { .. }));
    }
    let (free, answer) = world.arrive(30);
    assert!(matches!(answer, Output::Held { .. }));
    let gone = went(&mut world, 61);
    assert!(gone.contains(&(60_300, free)), "as soon as the west has room: {gone:?}");
    assert!(gone.iter().all(|(_, request)| *request == free || *request == east), "the others are bound: {gone:?}");
    // Theirs is a probe at the end of the rest, and then all of them.
    assert_eq!(went(&mut world, 299).len(), 100);
}

#[test]
fn however_many_wait_for_their_callers_own_limit_they_hold_up_nobody_else() {
    let limit = |id: &str| Caller {
        id: CallerId::from(id),
        priority: None,
        token: None,
        tokens_per_minute: Some(20),
        requests_per_minute: None,
        max_in_flight: None,
    };
    let names: Vec<String> = (0..50).map(|number| format!("c{number}")).collect();
    let mut world = World::new(two(|config| config.callers = names.iter().map(|name| limit(name)).collect()));
    fill(&mut world, "west", 1_000, Priority::Normal);
    world.now = Timestamp::from_secs(30);
    for name in &names {
        let (_, answer) = world.arrive_as(11, |profile| of(profile, name));
        assert_eq!(place(&answer), "east");
    }
    fill(&mut world, "east", 440, Priority::Normal);
    for name in &names {
        let (_, answer) = world.arrive_as(12, |profile| of(profile, name));
        assert!(matches!(answer, Output::Held { .. }));
    }
    let (free, answer) = world.arrive(15);
    assert!(matches!(answer, Output::Held { .. }));
    assert_eq!(went(&mut world, 89), [(60_300, free)], "the others may use nothing before 90 s");
}

#[test]
fn a_new_configuration_keeps_whose_turn_it_was_and_whom_the_person_put_first() {
    let mut world = World::new(two(|_| {}));
    fill(&mut world, "east", 1_000, Priority::Normal);
    fill(&mut world, "west", 1_000, Priority::Normal);
    let ids: Vec<RequestId> = (0..4).map(|_| world.arrive(900).0).collect();
    world.give(Input::Promoted { request: ids[2] });
    world.give(Input::Promoted { request: ids[3] });
    world.give(Input::Configured(two(|config| config.queue.bulk_share_percent = 20)));
    let claims: Vec<u64> = world.brain.claims.iter().map(|claim| claim.order).collect();
    assert_eq!(claims, [world.brain.jobs.get(&ids[3]).unwrap().order], "a place is kept for the one put first last");
    assert_eq!(went(&mut world, 61), [(60_300, ids[3]), (60_300, ids[2])]);
    assert_eq!(went(&mut world, 130), [(120_600, ids[0]), (120_600, ids[1])]);
}

#[test]
fn callers_keep_what_they_are_owed_over_a_new_configuration() {
    let owed = |again: bool| {
        let mut world = World::new(two(|_| {}));
        fill(&mut world, "east", 1_000, Priority::Normal);
        fill(&mut world, "west", 1_000, Priority::Normal);
        for caller in ["greedy", "greedy", "greedy", "late"] {
            world.arrive_as(400, |profile| of(profile, caller));
        }
        went(&mut world, 60);
        set(&mut world, "west", AdminState::Paused);
        let first = went(&mut world, 61);
        if again {
            let same = two(|config| config.endpoints[1].admin_state = AdminState::Paused);
            world.give(Input::Configured(same));
        }
        world.arrive_as(400, |profile| of(profile, "late"));
        (first, went(&mut world, 200))
    };
    assert_eq!(owed(true), owed(false));
}

/// A request of this priority at the east is throttled while a place in the west is kept for an interactive one.
fn failing_over(priority: Priority) -> (Output, Vec<(u64, RequestId)>, RequestId, RequestId) {
    let mut world = World::new(two(|_| {}));
    world.now = Timestamp::from_secs(5);
    fill(&mut world, "west", 500, Priority::Normal);
    world.now = Timestamp::from_secs(10);
    let failing = fill(&mut world, "east", 450, priority);
    fill(&mut world, "east", 500, Priority::Normal);
    let (head, answer) = world.arrive_as(600, |profile| profile.priority = Priority::Interactive);
    assert!(matches!(answer, Output::Held { .. }));
    assert_eq!(world.brain.claims.iter().map(|claim| claim.at).collect::<Vec<_>>(), [Timestamp::from_millis(65_300)]);
    world.now = Timestamp::from_secs(20);
    let answer = world.fail(failing, failure_with_wait(THROTTLED, 100));
    (answer, went(&mut world, 66), failing, head)
}

#[test]
fn a_failover_does_not_take_what_is_kept_for_a_more_important_one() {
    let (answer, gone, _, head) = failing_over(Priority::Bulk);
    assert!(matches!(answer, Output::Held { .. }), "{answer:?}");
    assert_eq!(gone, [(65_300, head)]);
}

#[test]
fn a_failover_of_the_same_class_that_came_first_goes_first() {
    let (answer, gone, _, _) = failing_over(Priority::Interactive);
    assert_eq!(place(&answer), "west");
    assert_eq!(gone, []);
}
