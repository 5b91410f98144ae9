use std::sync::Arc;
use std::time::Duration;

use super::super::world_tests::*;
use crate::model::checked::CheckedConfig;
use crate::model::config::{Config, Spread};
use crate::model::decision::{Choice, Verdict};
use crate::model::id::{CallerId, EndpointId, ModelName};
use crate::model::outcome::{Ending, HeaderFacts, HeaderSignal, Settlement};
use crate::model::profile::RequestProfile;
use crate::model::usage::{Transcribed, Usage};
use crate::policy::{Input, Output};

fn trio(spread: Spread, tune: impl FnOnce(&mut Config)) -> Arc<CheckedConfig> {
    let sites = ["a", "b", "c"].map(|id| site(id, 100_000));
    config(&sites, &[], |config| {
        config.routes[0].groups[0].spread = spread;
        tune(config);
    })
}
fn choice(answer: &Output) -> Choice {
    match sent(answer).decision.chosen().map(|one| one.verdict) {
        Some(Verdict::Chosen(choice)) => choice,
        other => panic!("nothing chosen: {other:?}"),
    }
}
fn streaming(charge: u64) -> RequestProfile {
    RequestProfile { streaming: true, ..RequestProfile::clone(&chat(charge)) }
}
/// Where so many requests go, one after the other, each answered before the next comes.
fn places(world: &mut World, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let (request, answer) = world.arrive(10);
            let at = place(&answer).to_owned();
            world.commit(request, &at);
            world.settle(request, crate::model::outcome::Ending::Completed);
            at
        })
        .collect()
}

#[test]
fn the_largest_free_share_wins_and_equals_share_by_chance() {
    let mut world = World::new(trio(Spread::Headroom, |_| {}));
    let first = world.arrive(50_000).1;
    let second = world.arrive(30_000).1;
    let third = world.arrive(1_000).1;
    assert_eq!(choice(&third), Choice::MostHeadroom);
    let used = [place(&first), place(&second), place(&third)];
    assert!(used[0] != used[1] && used[1] != used[2] && used[0] != used[2], "{used:?}");
    assert_eq!(place(&world.arrive(1_000).1), used[2], "it has most left");
    let firsts = |seed| {
        let mut world = World::new(trio(Spread::Headroom, |_| {}));
        world.brain = super::super::Balancer::new(trio(Spread::Headroom, |_| {}), seed, world.now);
        place(&world.arrive(10).1).to_owned()
    };
    let drawn: Vec<String> = (0..300).map(firsts).collect();
    for id in ["a", "b", "c"] {
        let count = drawn.iter().filter(|at| *at == id).count();
        assert!((70..130).contains(&count), "{id}: {count}");
    }
}

#[test]
fn headroom_is_the_pools_where_that_is_scarcer() {
    let pooled = Site { pool: Some("p"), ..site("a", 1_000) };
    let mut world = World::new(config(&[pooled, site("b", 1_000)], &[("p", 100)], |_| {}));
    let mut used = [false; 2];
    while used != [true, true] {
        used[usize::from(place(&world.arrive(40).1) == "b")] = true;
    }
    assert_eq!(place(&world.arrive(40).1), "b", "40 of 1,000 are taken of both, but 40 of 100 of the pool");
}

#[test]
fn weights_divide_the_draws() {
    let mut world = World::new(trio(Spread::Weights, |config| config.routes[0].groups[0].endpoints[0].weight = 3));
    let heavy = places(&mut world, 400).iter().filter(|at| *at == "a").count();
    assert!((200..280).contains(&heavy), "{heavy} of 400 at three fifths");
}

#[test]
fn turns_go_round_and_skip_whoever_is_full() {
    let mut world = World::new(trio(Spread::RoundRobin, |config| config.endpoints[2].tokens_per_minute = Some(15)));
    assert_eq!(places(&mut world, 5), ["a", "b", "c", "a", "b"]);
    assert_eq!(places(&mut world, 2), ["a", "b"], "c is full");
}

#[test]
fn the_quicker_of_two_takes_the_request_and_the_slow_one_is_tried_again_later() {
    let mut world = World::new(trio(Spread::Latency, |_| {}));
    let mut sent_to = std::collections::BTreeMap::<String, u32>::new();
    for number in 0..400 {
        let (request, answer) = world.ask(Arc::new(streaming(10)));
        assert_eq!(choice(&answer), Choice::Quickest);
        let at = place(&answer).to_owned();
        world.now = world.now.after(Duration::from_millis(if at == "a" { 900 } else { 150 }));
        world.commit(request, &at);
        world.settle(request, crate::model::outcome::Ending::Completed);
        if number >= 10 {
            *sent_to.entry(at).or_default() += 1;
        }
    }
    let share = |id: &str| sent_to.get(id).copied().unwrap_or(0);
    assert!((3..40).contains(&share("a")), "{sent_to:?}");
    assert!(share("b").abs_diff(share("c")) < 60, "{sent_to:?}");
    let slow = world.brain.view(world.now).endpoints[0].first_token;
    assert!(slow > Some(Duration::from_millis(900)), "{slow:?}");
}

#[test]
fn what_is_bound_before_any_output_says_nothing_of_how_quick_its_endpoint_is() {
    let mut world = World::new(trio(Spread::Latency, |_| {}));
    for has_output in [false, true] {
        let (request, answer) = world.ask(Arc::new(streaming(10)));
        let endpoint = EndpointId::from(place(&answer));
        world.now = world.now.after(Duration::from_millis(3));
        let signal = HeaderSignal { endpoint: endpoint.clone(), facts: HeaderFacts::default(), has_output };
        world.give(Input::Committed { request, signal });
        let seen = world.brain.view(world.now).endpoint(&endpoint).and_then(|view| view.first_token);
        assert_eq!(seen.is_some(), has_output);
    }
}

#[test]
fn what_is_counted_by_its_length_says_nothing_of_how_quick_its_endpoint_is() {
    for (output, expected) in [(0, false), (40, true)] {
        let mut world = World::new(trio(Spread::Latency, |_| {}));
        let (request, answer) = world.arrive(10);
        let endpoint = EndpointId::from(place(&answer));
        world.now = world.now.after(Duration::from_secs(3));
        world.commit(request, endpoint.as_str());
        let transcribed = Transcribed { tokens: 0, millis: 60_000 };
        let usage = Some(Usage { output, exact: true, transcribed, ..Usage::default() });
        let settlement = Settlement { ending: Ending::Completed, usage };
        world.give(Input::Settled { request, settlement });
        let seen = world.brain.view(world.now).endpoint(&endpoint).and_then(|view| view.first_token);
        assert_eq!(seen.is_some(), expected);
    }
}

#[test]
fn a_conversation_goes_where_it_was_answered_and_elsewhere_if_that_is_full() {
    let turn = |conversation| {
        let mut profile = RequestProfile::clone(&chat(1_000));
        profile.affinity.conversation = Some(conversation);
        Arc::new(profile)
    };
    let mut world = World::new(trio(Spread::Conversation, |_| {}));
    for conversation in 0..20 {
        let (request, first) = world.ask(turn(conversation));
        assert_eq!(choice(&first), Choice::MostHeadroom);
        let home = place(&first).to_owned();
        world.commit(request, &home);
        let second = world.ask(turn(conversation)).1;
        assert_eq!((place(&second), choice(&second)), (home.as_str(), Choice::Conversation));
    }
    let home = place(&world.ask(turn(3)).1).to_owned();
    let id = crate::model::id::EndpointId::from(home.as_str());
    world.give(crate::policy::Input::SetAdminState(id, crate::model::config::AdminState::Paused));
    let (request, moved) = world.ask(turn(3));
    assert_ne!(place(&moved), home);
    let there = place(&moved).to_owned();
    world.commit(request, &there);
    assert_eq!(place(&world.ask(turn(3)).1), there, "it is at home there now");
}

#[test]
fn a_caller_stays_where_it_was_answered() {
    let from = |caller: &str| {
        let caller = Some(CallerId::from(caller));
        Arc::new(RequestProfile { caller, ..RequestProfile::clone(&chat(1_000)) })
    };
    let mut world = World::new(trio(Spread::Caller, |_| {}));
    let (request, first) = world.ask(from("batch"));
    let home = place(&first).to_owned();
    world.commit(request, &home);
    for _ in 0..10 {
        let again = world.ask(from("batch")).1;
        assert_eq!((place(&again), choice(&again)), (home.as_str(), Choice::SameCaller));
    }
    assert_ne!(place(&world.ask(from("other")).1), home, "others go where most is free");
    assert_eq!(choice(&world.arrive(10).1), Choice::MostHeadroom, "nobody in particular sticks to nothing");
}

#[test]
fn a_preferred_region_comes_first_within_its_group_and_a_forbidden_one_never() {
    let world = |regions: &str| {
        let sites = [site("a", 1_000), site("b", 1_000), Site { group: 1, ..site("c", 1_000) }];
        World::new(config(&sites, &[], |config| {
            let account = config.accounts[0].clone();
            config.accounts = ["east", "west"]
                .map(|region| {
                    let mut account = account.clone();
                    (account.id, account.region) = (region.into(), Some(region.to_owned()));
                    account
                })
                .into();
            for (endpoint, region) in config.endpoints.iter_mut().zip(["east", "west", "west"]) {
                endpoint.account = region.into();
            }
            config.routes[0].regions = toml_edit::de::from_str(regions).expect("the test's text is sound");
        }))
    };
    let mut preferring = world("prefer = [\"west\"]");
    let went: Vec<String> = [600, 300, 600, 200].map(|size| place(&preferring.arrive(size).1).to_owned()).into();
    assert_eq!(went, ["b", "b", "a", "a"], "the other region before the next group");
    let mut forbidding = world("never = [\"east\"]");
    assert_eq!(place(&forbidding.arrive(600).1), "b");
    let answer = forbidding.arrive(600).1;
    assert_eq!((place(&answer), sent(&answer).group), ("c", 2));
    let excluded =
        sent(&answer).decision.candidates.iter().find(|one| one.endpoint.as_str() == "a").map(|one| one.verdict);
    assert_eq!(excluded, Some(Verdict::Excluded(crate::model::decision::Exclusion::RegionExcluded)));
}

#[test]
fn a_probe_goes_before_anybody_else_in_its_group() {
    let mut world = World::new(trio(Spread::Headroom, |_| {}));
    let (request, first) = world.arrive(50_000);
    let resting = place(&first).to_owned();
    let throttled = crate::model::outcome::FailureClass::Throttled(crate::model::outcome::ThrottleKind::Tokens);
    world.fail(request, failure_with_wait(throttled, 20));
    world.now = world.now.after(Duration::from_secs(20));
    let probe = world.arrive(10).1;
    assert_eq!((place(&probe), choice(&probe)), (resting.as_str(), Choice::Probe));
}

#[test]
fn another_models_groups_follow_when_the_routes_own_are_exhausted() {
    let mut world = World::new(config(&[site("a", 1_000), site("b", 1_000)], &[], |config| {
        config.endpoints[1].model = "n".into();
        let mut other = config.routes[0].clone();
        other.model = "n".into();
        other.groups[0].endpoints.remove(0);
        config.routes[0].groups[0].endpoints.remove(1);
        config.routes[0].then = Some("n".into());
        config.routes.push(other);
    }));
    let first = world.arrive(900).1;
    assert_eq!((place(&first), &sent(&first).decision.went_on), ("a", &None));
    let second = world.arrive(900).1;
    assert_eq!((place(&second), sent(&second).group), ("b", 2));
    assert_eq!(sent(&second).decision.went_on.as_ref().map(ModelName::as_str), Some("n"));
    let shown = world.brain.view(world.now).routes[0].groups[1].model.clone();
    assert_eq!(shown.as_ref().map(ModelName::as_str), Some("n"));
}
