use std::time::Duration;

use super::super::learn::WORD;
use super::super::world_tests::{Site, World, config, failure, place, site};
use crate::model::decision::RefusalReason;
use crate::model::lesson::{Lesson, Taught};
use crate::model::outcome::{Ending, FailureClass, HeaderFacts, HeaderSignal, LimitFacts, ThrottleKind};
use crate::model::status::{LimitSource, LimitView};
use crate::policy::{Input, Output};

fn says(limit: u64) -> HeaderFacts {
    let tokens = LimitFacts { limit: Some(limit), remaining: None, reset: None };
    HeaderFacts { tokens, ..HeaderFacts::default() }
}

/// A small request is answered by a service that names this limit.
fn told(world: &mut World, limit: u64) {
    let (request, answer) = world.arrive(100);
    let signal = HeaderSignal { endpoint: place(&answer).into(), facts: says(limit), has_output: true };
    world.give(Input::Committed { request, signal });
}

fn tokens(world: &World) -> LimitView {
    world.brain.view(world.now).endpoints.remove(0).tokens
}

fn taught_by_refusals(world: &World) -> Vec<Lesson> {
    let named = |lesson: &Lesson| matches!(lesson.of, Taught::NamedTokens(_) | Taught::NamedRequests(_));
    world.brain.lessons(world.now).into_iter().filter(|lesson| !named(lesson)).collect()
}

fn is_too_large(answer: &Output) -> bool {
    matches!(answer, Output::Refused { refusal, .. } if refusal.reason == RefusalReason::TooLargeEverywhere)
}

fn after(world: &mut World, span: Duration) {
    let at = world.now.after(span);
    world.until(at);
}

#[test]
fn a_low_limit_that_was_said_once_keeps_larger_requests_out_for_a_while_and_not_for_good() {
    for stated in [Some(240_000), None] {
        let mut world = World::new(config(&[Site { tokens: stated, ..site("one", 0) }], &[], |_| {}));
        told(&mut world, 10_000);
        assert!(is_too_large(&world.arrive(50_000).1), "by its own word");
        after(&mut world, WORD);
        assert_eq!((tokens(&world).limit, tokens(&world).source), (Some(10_000), LimitSource::Header));
        assert_eq!(taught_by_refusals(&world), [], "it is no lesson: no refusal taught it");
        let (request, answer) = world.arrive(50_000);
        assert_eq!(place(&answer), "one", "it is tried, alone");
        world.fail(request, failure_with(FailureClass::Throttled(ThrottleKind::TooLarge), 10_000));
        assert!(is_too_large(&world.arrive(50_000).1), "it said so again");
        after(&mut world, WORD);
        assert_eq!(place(&world.arrive(50_000).1), "one");
    }
}

fn failure_with(class: FailureClass, limit: u64) -> crate::model::outcome::Failure {
    crate::model::outcome::Failure { facts: says(limit), ..failure(class) }
}

#[test]
fn a_limit_that_is_said_again_and_again_is_believed_as_long_as_it_is() {
    let mut world = World::new(config(&[site("one", 240_000)], &[], |_| {}));
    for _ in 0..5 {
        told(&mut world, 10_000);
        after(&mut world, WORD * 9 / 10);
        assert!(is_too_large(&world.arrive(50_000).1));
        assert_eq!(tokens(&world).source, LimitSource::Header);
    }
}

#[test]
fn what_all_use_stays_within_an_old_word_until_another_is_said_and_then_rises_slowly() {
    let mut world = World::new(config(&[site("one", 40_000)], &[], |_| {}));
    told(&mut world, 10_000);
    after(&mut world, WORD);
    let answered = |world: &mut World| {
        let all = (0..300).filter_map(|_| {
            let (request, answer) = world.arrive_as(100, |profile| profile.patience = Some(Duration::ZERO));
            matches!(answer, Output::Assigned { .. }).then_some(request)
        });
        all.collect::<Vec<_>>()
    };
    let all = answered(&mut world);
    assert!(all.len() <= 100, "{} of 100 tokens below a word of 10,000", all.len());
    let signal = HeaderSignal { endpoint: "one".into(), facts: says(40_000), has_output: true };
    world.give(Input::Committed { request: all[0], signal });
    assert_eq!(tokens(&world).limit, Some(10_000), "up slowly");
    assert_eq!(taught_by_refusals(&world), [], "no refusal taught it");
}

#[test]
fn a_word_above_what_is_stated_is_not_forgotten() {
    let mut world = World::new(config(&[site("one", 40_000)], &[], |_| {}));
    told(&mut world, 80_000);
    after(&mut world, WORD / 2);
    assert_eq!(place(&world.arrive(60_000).1), "one");
    after(&mut world, WORD * 3);
    assert_eq!(place(&world.arrive(60_000).1), "one");
}

#[test]
fn what_a_session_says_of_its_limits_counts_as_what_a_head_says() {
    let mut world = World::new(config(&[Site { tokens: Some(240_000), ..site("one", 0) }], &[], |_| {}));
    let (request, _) = world.arrive(100);
    world.give(Input::Told { request, facts: says(9_000) });
    world.commit(request, "one");
    for limit in [20_000, 10_000] {
        world.give(Input::Told { request, facts: says(limit) });
        assert_eq!((tokens(&world).limit, tokens(&world).source), (Some(limit), LimitSource::Header));
    }
    assert!(is_too_large(&world.arrive(50_000).1), "by its own word");
    world.settle(request, Ending::Completed);
    world.give(Input::Told { request, facts: says(30_000) });
    assert_eq!(tokens(&world).limit, Some(10_000), "who is over says nothing");
}
