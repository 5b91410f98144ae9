//! What answers tell of limits beyond tokens per minute holds from the next request on, whoever uses them.

use std::time::Duration;

use super::Output;
use super::world_tests::*;
use crate::model::config::{Config, Enforcement};
use crate::model::decision::{Exclusion, Verdict};
use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{Ending, FailureClass, HeaderFacts, HeaderSignal, LimitFacts, MoreFacts, ThrottleKind};
use crate::model::status::{EndpointView, LimitKind, LimitSource};
use crate::model::units::Timestamp;

fn bucket(tune: impl FnOnce(&mut Config)) -> World {
    World::new(config(&[Site { enforcement: Enforcement::TokenBucket, tokens: None, ..site("east", 1) }], &[], tune))
}
fn pair(limit: u64, remaining: u64, reset: Duration) -> LimitFacts {
    LimitFacts { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) }
}
fn answer(world: &mut World, request: RequestId, facts: HeaderFacts) {
    let signal = HeaderSignal { endpoint: EndpointId::from("east"), facts, has_output: true };
    world.give(super::Input::Committed { request, signal });
    world.settle(request, Ending::Completed);
}
fn view(world: &World) -> EndpointView {
    world.brain.view(world.now).endpoints[0].clone()
}
fn learned(world: &World) -> Vec<(LimitKind, Option<u64>, LimitSource)> {
    view(world).more_limits.iter().map(|more| (more.kind, more.limit.limit, more.limit.source)).collect()
}
fn held_by(output: &Output) -> (Verdict, Option<u64>) {
    let (Output::Held { decision, .. } | Output::Refused { decision: Some(decision), .. }) = output else {
        panic!("not held: {output:?}")
    };
    let first = decision.candidates.get(0).expect("a candidate");
    (first.verdict, first.limit)
}

#[test]
fn a_pair_of_tokens_that_refills_in_a_day_is_the_days_and_not_the_minutes() {
    let mut world = bucket(|_| {});
    let (request, _) = world.arrive(600);
    let tokens = pair(1_000_000, 999_400, Duration::from_millis(51_840));
    answer(&mut world, request, HeaderFacts { tokens, ..HeaderFacts::default() });
    assert_eq!(learned(&world), [(LimitKind::TokensPerDay, Some(1_000_000), LimitSource::Header)]);
    let seen = view(&world);
    assert_eq!((seen.tokens.limit, seen.reported_remaining), (None, None), "nothing is said of the minute");
    assert_eq!(seen.more_limits[0].limit.since, Some(world.now));
}

#[test]
fn what_a_day_has_left_by_the_services_word_counts_after_a_new_start_too() {
    let mut world = bucket(|_| {});
    let (request, _) = world.arrive(1_000);
    // Others, or we in an earlier life, used nearly all of it: 20,000 are left, and 0.98 of a day brings the rest back.
    let tokens = pair(1_000_000, 20_000, Duration::from_secs(84_672));
    answer(&mut world, request, HeaderFacts { tokens, ..HeaderFacts::default() });
    let (_, output) = world.arrive(30_000);
    let (verdict, limit) = held_by(&output);
    assert_eq!((verdict, limit), (Verdict::Excluded(Exclusion::DayShort), Some(1_000_000)));
    let (_, small) = world.arrive_as(15_000, |profile| profile.priority = crate::model::config::Priority::Interactive);
    assert_eq!(place(&small), "east");
}

#[test]
fn the_days_requests_go_on_being_the_days_when_none_is_used() {
    let mut world = bucket(|_| {});
    for (remaining, millis) in [(9_999, 8_640), (10_000, 0)] {
        let (request, _) = world.arrive(10);
        let requests = pair(10_000, remaining, Duration::from_millis(millis));
        answer(&mut world, request, HeaderFacts { requests, ..HeaderFacts::default() });
    }
    assert_eq!(learned(&world), [(LimitKind::RequestsPerDay, Some(10_000), LimitSource::Header)]);
    assert_eq!(view(&world).requests.limit, None);
}

#[test]
fn input_and_output_limits_are_learned_and_hold() {
    let mut world = bucket(|config| config.endpoints[0].output_tokens_per_minute = Some(9_000));
    let (request, _) = world.arrive(10);
    let said = |limit| LimitFacts { limit: Some(limit), ..LimitFacts::default() };
    let more = MoreFacts { input: said(5_000), output: said(4_000), ..MoreFacts::default() };
    answer(&mut world, request, HeaderFacts { more: Some(Box::new(more)), ..HeaderFacts::default() });
    let expected = [
        (LimitKind::InputTokens, Some(5_000), LimitSource::Header),
        (LimitKind::OutputTokens, Some(4_000), LimitSource::Header),
    ];
    assert_eq!(learned(&world), expected, "what is lower than stated holds at once");
    let (_, first) = world.arrive(3_500);
    assert_eq!(place(&first), "east");
    let (_, second) = world.arrive(3_500);
    assert_eq!(held_by(&second), (Verdict::Excluded(Exclusion::OutputShort), Some(4_000)));
}

#[test]
fn a_pinned_endpoint_learns_none_of_them() {
    let mut world = bucket(|config| {
        config.endpoints[0].pinned = true;
        config.endpoints[0].requests_per_day = Some(500);
    });
    let (request, _) = world.arrive(10);
    let requests = pair(100, 99, Duration::from_secs(864));
    answer(&mut world, request, HeaderFacts { requests, ..HeaderFacts::default() });
    assert_eq!(learned(&world), [(LimitKind::RequestsPerDay, Some(500), LimitSource::Configured)]);
}

#[test]
fn others_requests_in_a_buckets_minute_are_believed_at_once() {
    let mut world = bucket(|config| config.endpoints[0].requests_per_minute = Some(600));
    let (request, _) = world.arrive(10);
    let requests = pair(600, 2, Duration::from_millis(59_800));
    answer(&mut world, request, HeaderFacts { requests, ..HeaderFacts::default() });
    let free = view(&world).requests.headroom();
    assert!(free.is_some_and(|free| free <= 4), "{free:?} of 600");
}

/// A service that counts the requests of ten seconds, with `others` more than ours.
struct Shared {
    world: World,
    sent: Vec<u64>,
}

impl Shared {
    /// With 100 requests in ten seconds.
    fn new() -> Self {
        let site = Site { requests: Some(600), ..site("east", 1_000_000) };
        let slices = |config: &mut Config| config.endpoints[0].request_slice_seconds = Some(10);
        Self { world: World::new(config(&[site], &[], slices)), sent: Vec::new() }
    }

    /// One request of ours each half a second.
    fn play(&mut self, seconds: std::ops::Range<u64>, others: u64) {
        for half in seconds.start * 2..seconds.end * 2 {
            self.world.now = Timestamp::from_millis(half * 500);
            self.sent.push(half);
            let ours = self.sent.iter().filter(|sent| half - **sent < 20).count() as u64;
            let (request, _) = self.world.arrive(10);
            let requests = pair(100, 100 - ours - others, Duration::from_secs(10));
            answer(&mut self.world, request, HeaderFacts { requests, ..HeaderFacts::default() });
        }
    }
}

#[test]
fn others_requests_on_a_shared_deployment_are_left_room_for_and_named() {
    let mut shared = Shared::new();
    shared.play(0..90, 40);
    let seen = view(&shared.world);
    assert!(
        (200..=240).contains(&seen.insight.foreign_requests_per_minute),
        "{}",
        seen.insight.foreign_requests_per_minute
    );
    assert!(seen.requests.limit.is_some_and(|limit| (300..=360).contains(&limit)), "{:?}", seen.requests);
    assert_eq!(seen.requests.source, LimitSource::Configured, "the limit itself is what it was");
    let held = (0..60).map(|_| shared.world.arrive(10).1).find(|output| matches!(output, Output::Held { .. }));
    assert_eq!(held_by(&held.expect("no hundred fit")).0, Verdict::Excluded(Exclusion::ForeignTraffic));
}

#[test]
fn room_for_others_requests_comes_back_when_they_have_gone() {
    let mut shared = Shared::new();
    shared.play(0..20, 40);
    shared.play(20..240, 0);
    assert_eq!(view(&shared.world).requests.limit, Some(600));
}

#[test]
fn counters_that_jump_by_a_request_or_two_show_nobody() {
    let mut shared = Shared::new();
    shared.play(0..30, 2);
    let seen = view(&shared.world);
    assert_eq!((seen.insight.foreign_requests_per_minute, seen.requests.limit), (0, Some(600)));
}

#[test]
fn a_refusal_within_a_slice_that_others_filled_lowers_no_limit() {
    let mut shared = Shared::new();
    shared.play(0..2, 0);
    let (request, _) = shared.world.arrive(10);
    shared.world.fail(request, failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 3));
    let seen = view(&shared.world);
    assert_eq!(seen.requests.source, LimitSource::Configured);
    assert!(seen.requests.limit < Some(100), "the rest is others' until an answer knows better: {:?}", seen.requests);
    shared.play(30..90, 0);
    assert_eq!(view(&shared.world).requests.limit, Some(600));
}
