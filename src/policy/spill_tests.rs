use std::time::Duration;

use proptest::prelude::*;

use super::super::world_tests::*;
use crate::model::config::AdminState;
use crate::model::decision::{Decision, Exclusion, Verdict};
use crate::model::id::EndpointId;
use crate::model::outcome::{FailureClass, ThrottleKind};
use crate::model::status::Withheld;
use crate::model::units::Timestamp;
use crate::policy::{Input, Output};

fn pair(spill: u32, back: u32, stay: u32) -> World {
    World::new(config(&[site("east", 1_000), Site { group: 1, ..site("west", 2_000) }], &[], |config| {
        let first = &mut config.routes[0].groups[0];
        (first.spill_percent, first.return_percent, first.min_stay_seconds) = (Some(spill), Some(back), Some(stay));
    }))
}
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}
fn verdict_of(decision: &Decision, id: &str) -> Verdict {
    decision.candidates.iter().find(|one| one.endpoint.as_str() == id).expect("a candidate").verdict
}
const WITHHELD: Verdict = Verdict::Excluded(Exclusion::Withheld);

#[test]
fn without_a_rule_requests_come_back_as_soon_as_they_fit() {
    let mut world = pair(100, 100, 0);
    world.arrive(900);
    assert_eq!(place(&world.arrive(200).1), "west");
    assert_eq!(place(&world.arrive(50).1), "east");
}

#[test]
fn a_group_is_left_at_its_share_before_it_is_full() {
    let mut world = pair(50, 100, 0);
    assert_eq!(place(&world.arrive(500).1), "east");
    let spilled = world.arrive(10).1;
    assert_eq!(place(&spilled), "west");
    let decision = &sent(&spilled).decision;
    assert_eq!(verdict_of(decision, "east"), WITHHELD);
    let east = decision.candidates.get(0).expect("a candidate");
    assert_eq!((east.needs, east.has, east.limit, east.free_at), (50, Some(50), Some(100), None));
    world.now = at(61);
    assert_eq!(place(&world.arrive(10).1), "east");
}

#[test]
fn after_a_spill_requests_stay_away_until_enough_is_free_again() {
    let mut world = pair(100, 40, 0);
    world.arrive(300);
    world.now = at(10);
    world.arrive(500);
    assert_eq!(place(&world.arrive(300).1), "west", "it does not fit");
    let view = world.brain.view(world.now).routes[0].groups[0].clone();
    assert_eq!(view.taken_percent, 80);
    assert_eq!(view.withheld, Some(Withheld { since: at(10), until: at(10), below_percent: 40 }));
    assert_eq!(place(&world.arrive(10).1), "west");
    world.now = at(61);
    assert_eq!(place(&world.arrive(10).1), "west", "half is taken still");
    world.now = at(71);
    assert_eq!(place(&world.arrive(10).1), "east");
    assert_eq!(world.brain.view(world.now).routes[0].groups[0].withheld, None);
    world.arrive(500);
    assert_eq!(place(&world.arrive(10).1), "east", "having returned, it is used until it is full");
}

#[test]
fn a_stay_lasts_its_time_even_if_there_is_room() {
    let mut world = pair(100, 100, 90);
    world.arrive(900);
    assert_eq!(place(&world.arrive(200).1), "west");
    world.now = at(70);
    let away = world.arrive(10).1;
    assert_eq!((place(&away), verdict_of(&sent(&away).decision, "east")), ("west", WITHHELD));
    assert_eq!(sent(&away).decision.candidates.get(0).expect("a candidate").free_at, Some(at(90)));
    world.now = at(90);
    assert_eq!(place(&world.arrive(10).1), "east");
}

#[test]
fn want_of_output_room_is_a_spill_as_any_other() {
    let mut world =
        World::new(config(&[site("east", 1_000), Site { group: 1, ..site("west", 2_000) }], &[], |config| {
            config.endpoints[0].output_tokens_per_minute = Some(300);
            config.routes[0].groups[0].min_stay_seconds = Some(90);
        }));
    world.arrive(200);
    let spilled = world.arrive(200).1;
    assert_eq!(verdict_of(&sent(&spilled).decision, "east"), Verdict::Excluded(Exclusion::OutputShort));
    world.now = at(62);
    assert_eq!(place(&world.arrive(10).1), "west", "there is room again, but the stay lasts");
    world.now = at(91);
    assert_eq!(place(&world.arrive(10).1), "east");
}

#[test]
fn a_group_that_was_left_is_used_rather_than_letting_a_request_wait() {
    let mut world = pair(100, 10, 60);
    world.arrive(600);
    world.arrive(600);
    world.arrive(1_300);
    assert_eq!(place(&world.arrive(200).1), "east", "nothing else has room");
    world.give(Input::SetAdminState(EndpointId::from("west"), AdminState::Paused));
    assert_eq!(place(&world.arrive(10).1), "east");
}

#[test]
fn a_failure_is_no_spill_and_a_stay_survives_a_new_configuration() {
    let mut world = pair(100, 100, 60);
    let (request, _) = world.arrive(100);
    world.fail(request, failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 2));
    assert_eq!(place(&world.arrive(100).1), "west");
    world.now = at(3);
    assert_eq!(place(&world.arrive(100).1), "east", "it comes back as soon as its rest is over");
    let mut world = pair(100, 100, 60);
    world.arrive(900);
    world.arrive(200);
    let again = world.brain.config.clone();
    world.give(Input::Configured(again));
    assert_eq!(place(&world.arrive(10).1), "west");
}

#[test]
fn the_taken_share_counts_a_pool_once_and_what_may_not_be_used_not_at_all() {
    let share = |world: &World| world.brain.view(world.now).routes[0].groups[0].taken_percent;
    let pooled = |id| Site { pool: Some("p"), ..site(id, 1_000) };
    let mut world = World::new(config(&[pooled("a"), pooled("b")], &[("p", 1_000)], |_| {}));
    world.arrive(600);
    assert_eq!(share(&world), 60);
    let mut world = World::new(config(&[site("a", 1_000), site("b", 3_000)], &[], |_| {}));
    let used = place(&world.arrive(600).1).to_owned();
    assert_eq!(share(&world), 15);
    world.give(Input::SetAdminState(EndpointId::from(used.as_str()), AdminState::Paused));
    assert_eq!(share(&world), 0);
}

fn rule() -> impl Strategy<Value = (u32, u32, u32)> {
    (20..=100_u32, 10..=100_u32, 0..120_u32)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn staying_away_never_makes_a_request_wait_or_fail(
        first in rule(),
        second in rule(),
        stream in proptest::collection::vec((2..900_u64, 0..20_000_u64), 1..80),
    ) {
        let sites = [site("a", 1_000), Site { group: 1, ..site("b", 1_200) }, Site { group: 2, ..site("c", 900) }];
        let mut world = World::new(config(&sites, &[], |config| {
            for (group, (spill, back, stay)) in config.routes[0].groups.iter_mut().zip([first, second]) {
                (group.spill_percent, group.return_percent, group.min_stay_seconds) = (Some(spill), Some(back), Some(stay));
            }
        }));
        for (charge, gap) in stream {
            world.until(world.now.after(Duration::from_millis(gap)));
            let view = world.brain.view(world.now);
            let nobody_waits = view.queue.waiting == 0;
            let (_, answer) = world.arrive(charge);
            let room = view.endpoints.iter().any(|one| one.tokens.headroom() >= Some(charge));
            match &answer {
                Output::Assigned { assignment, .. } => {
                    let chosen = assignment.group;
                    for one in assignment.decision.candidates.iter().filter(|one| one.group < chosen) {
                        prop_assert_ne!(one.verdict, Verdict::Excluded(Exclusion::NotNeeded));
                        if one.verdict == WITHHELD {
                            let over = one.has >= Some(one.needs) || one.free_at > Some(world.now);
                            prop_assert!(over, "withheld by its numbers: {one:?}");
                        }
                    }
                }
                Output::Held { decision, .. } | Output::Refused { decision: Some(decision), .. } => {
                    prop_assert!(!nobody_waits || !room, "there was room");
                    let withheld = decision.candidates.iter().any(|one| one.verdict == WITHHELD);
                    prop_assert!(!nobody_waits || !withheld);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
