use std::sync::Arc;

use super::super::world_tests::*;
use super::super::{Input, Output};
use super::*;
use crate::model::config::{Caller, Config};
use crate::model::decision::{Decision, Exclusion, RefusalReason, Verdict};
use crate::model::id::RequestId;
use crate::model::outcome::Ending;

fn limited(config: &mut Config, tokens: Option<u64>, requests: Option<u64>, in_flight: Option<u32>) {
    config.callers = vec![Caller {
        id: CallerId::from("batch"),
        priority: None,
        token: None,
        tokens_per_minute: tokens,
        requests_per_minute: requests,
        max_in_flight: in_flight,
    }];
}

fn world(tokens: Option<u64>, requests: Option<u64>, in_flight: Option<u32>) -> World {
    let sites = [site("east", 10_000), site("west", 10_000)];
    World::new(config(&sites, &[], |config| limited(config, tokens, requests, in_flight)))
}

fn ask(world: &mut World, request: u64, charge: u64) -> Output {
    let profile = RequestProfile { caller: Some(CallerId::from("batch")), ..(*chat(charge)).clone() };
    let request = RequestId(request);
    let outputs = world.give(Input::Arrived { request, profile: Arc::new(profile) });
    outputs.into_iter().find(|output| output.request() == request).expect("an arrival is answered in the same call")
}

fn decision(output: &Output) -> &Decision {
    match output {
        Output::Held { decision, .. } | Output::Refused { decision: Some(decision), .. } => decision,
        other => panic!("neither held nor refused with reasons: {other:?}"),
    }
}

#[test]
fn a_caller_that_used_its_tokens_waits_everywhere_until_they_come_back() {
    let mut world = world(Some(1_000), None, None);
    assert!(matches!(ask(&mut world, 1, 900), Output::Assigned { .. }));
    let held = ask(&mut world, 2, 200);
    for one in &decision(&held).candidates {
        assert_eq!(one.verdict, Verdict::Excluded(Exclusion::CallerShort));
        assert_eq!((one.needs, one.has, one.limit), (200, Some(100), Some(1_000)));
        assert_eq!(one.free_at, Some(Timestamp::from_secs(60)));
    }
    let went = world.until(Timestamp::from_secs(60));
    assert_eq!(
        went.iter().map(|(when, output)| (*when, output.request())).next(),
        Some((Timestamp::from_secs(60), RequestId(2)))
    );
}

#[test]
fn a_request_above_its_callers_limit_is_refused_at_once() {
    let mut world = world(Some(1_000), None, None);
    let Output::Refused { refusal, .. } = ask(&mut world, 1, 1_001) else { panic!("it can never go") };
    assert_eq!(refusal.reason, RefusalReason::TooLargeEverywhere);
}

#[test]
fn as_many_requests_run_as_the_caller_may_have_and_the_next_goes_when_one_ends() {
    let mut world = world(None, None, Some(1));
    assert!(matches!(ask(&mut world, 1, 10), Output::Assigned { .. }));
    assert!(matches!(ask(&mut world, 2, 10), Output::Held { .. }));
    assert_eq!(world.brain.view(world.now).callers[0].in_flight, 1);
    let out = world.settle(RequestId(1), Ending::Completed);
    assert!(matches!(&out[..], [Output::Assigned { request: RequestId(2), .. }]), "{out:?}");
}

#[test]
fn a_new_configuration_keeps_what_a_caller_used() {
    let mut world = world(None, None, None);
    ask(&mut world, 1, 900);
    let again = config(&[site("east", 10_000)], &[], |config| limited(config, Some(1_000), Some(30), None));
    world.give(Input::Configured(again));
    let view = world.brain.view(world.now).callers[0].clone();
    assert_eq!((view.tokens.reserved, view.tokens.limit, view.requests.reserved), (900, Some(1_000), 1));
    assert!(matches!(ask(&mut world, 2, 101), Output::Held { .. }));
}

#[test]
fn a_callers_minute_of_requests_may_come_at_once() {
    let mut world = world(None, Some(5), None);
    for request in 0..5 {
        assert!(matches!(ask(&mut world, request, 2), Output::Assigned { .. }), "request {request}");
    }
    assert!(matches!(ask(&mut world, 5, 2), Output::Held { .. }));
}
