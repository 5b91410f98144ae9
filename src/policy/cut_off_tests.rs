//! Answers that break after their first token, and clients that leave in the middle of one.

use std::sync::Arc;

use super::world_tests::*;
use super::{Input, Output};
use crate::model::config::Enforcement;
use crate::model::outcome::{Ending, Settlement};
use crate::model::status::{EndpointView, Health, RestCause};
use crate::model::units::Timestamp;
use crate::model::usage::{Transcribed, Usage};

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

/// What was charged for an answer that was left, of which so much was seen.
fn charged(seen: u64, enforcement: Enforcement) -> u64 {
    let site = Site { enforcement, ..site("east", 1_000_000) };
    let mut world = World::new(config(&[site], &[], |_| {}));
    let (request, _) = world.arrive(100);
    world.commit(request, "east");
    let usage = Some(Usage { output: seen, ..Usage::default() });
    world.give(Input::Settled { request, settlement: Settlement { ending: Ending::ClientLeft, usage } });
    world.brain.view(world.now).endpoints[0].counters.charged
}

#[test]
fn an_answer_that_is_left_is_charged_at_least_what_was_seen_of_it() {
    assert_eq!((charged(1, Enforcement::SlidingLog), charged(1, Enforcement::TokenBucket)), (100, 99), "as estimated");
    let more = (charged(900, Enforcement::SlidingLog), charged(900, Enforcement::TokenBucket));
    assert!(more.0 >= 900 && more.1 == 900, "{more:?}");
}

#[test]
fn what_a_session_uses_counts_from_when_it_is_used_and_shows_that_it_lives() {
    let mut world = World::new(config(&[site("east", 1_000)], &[], |_| {}));
    let (session, _) = world.arrive(100);
    world.commit(session, "east");
    for minutes in [5, 100, 210] {
        world.until(Timestamp::from_secs(minutes * 60));
        let usage = Usage { input: 600, cached: 50, output: 300, exact: true, ..Usage::default() };
        world.give(Input::Used { request: session, usage });
        let east = &world.brain.view(world.now).endpoints[0];
        assert_eq!((east.tokens.used, east.in_flight), (900, 1), "after {minutes} minutes");
        assert_eq!(east.requests.used, 0, "it is no other request");
    }
    let (_, answer) = world.arrive(200);
    assert!(matches!(answer, Output::Held { .. } | Output::Refused { .. }), "{answer:?}");
    world.settle(session, Ending::Completed);
    let east = &world.brain.view(world.now).endpoints[0];
    assert_eq!((east.counters.tokens_in, east.counters.tokens_out, east.tokens.reserved), (1_800, 900, 0));
}

/// What is charged for a session that used so much on the way, by its counter and by the limit.
fn charged_with(uses: &[Usage]) -> (u64, u64) {
    let mut world = World::new(config(&[site("east", 1_000_000)], &[], |_| {}));
    let (request, _) = world.arrive(100);
    world.commit(request, "east");
    for usage in uses {
        world.give(Input::Used { request, usage: *usage });
    }
    world.settle(request, Ending::Completed);
    let east = &world.brain.view(world.now).endpoints[0];
    (east.counters.charged, east.tokens.used)
}

#[test]
fn what_a_session_reserved_gives_way_to_what_it_used() {
    let answer = Usage { input: 10, output: 20, exact: true, ..Usage::default() };
    let seen = |output| Usage { output, ..Usage::default() };
    let heard = Transcribed { tokens: 40, millis: 0 };
    let transcribed = Usage { exact: true, transcribed: heard, ..Usage::default() };
    for (uses, expected) in [
        (&[][..], 100),
        (&[transcribed], 100),
        (&[answer], 30),
        (&[answer, answer], 60),
        (&[answer, seen(5)], 35),
        (&[seen(40)], 100),
        (&[seen(900)], 900),
    ] {
        assert_eq!(charged_with(uses), (expected, expected), "{uses:?}");
    }
}

#[test]
fn each_answer_of_a_session_tells_how_long_answers_are() {
    let ptu = Site { enforcement: Enforcement::Utilization, ..site("east", 100_000) };
    let mut world = World::new(config(&[ptu], &[], |_| {}));
    let mut profile = (*chat(2)).clone();
    profile.size.output_cap = None;
    let profile = Arc::new(profile);
    let (session, _) = world.ask(Arc::clone(&profile));
    world.commit(session, "east");
    for output in 91..=98 {
        let usage = Usage { input: 5, output, exact: true, ..Usage::default() };
        world.give(Input::Used { request: session, usage });
    }
    world.settle(session, Ending::Completed);
    let (_, answer) = world.ask(profile);
    assert_eq!(sent(&answer).decision.estimate.output, 98);
}

#[test]
fn clients_that_leave_are_no_failure_of_anybody() {
    let view = after(&[Ending::ClientLeft; 10], 1);
    assert_eq!((view.health, view.counters.failed), (Health::Healthy, 0));
}
