//! Each kind of refusal has its own reaction, and only those about quota teach a limit.

use super::world_tests::*;
use super::{Input, Output};
use crate::model::config::Enforcement;
use crate::model::decision::{Exclusion, Verdict};
use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{
    Ending, Failure, FailureClass, HeaderFacts, HeaderSignal, LimitFacts, Settlement, ThrottleKind,
};
use crate::model::status::{EndpointView, Health, LimitSource, RestCause};
use crate::model::units::Timestamp;
use crate::model::usage::Usage;

fn one_site(tokens: u64) -> World {
    World::new(config(&[site("east", tokens)], &[], |_| {}))
}
fn two_sites() -> World {
    World::new(config(&[site("east", 10_000), site("west", 10_000)], &[], |_| {}))
}
fn view(world: &World, at: usize) -> EndpointView {
    world.brain.view(world.now).endpoints[at].clone()
}
fn throttled(kind: ThrottleKind) -> Failure {
    failure_with_wait(FailureClass::Throttled(kind), 1)
}
fn resting(world: &World) -> Vec<bool> {
    let endpoints = world.brain.view(world.now).endpoints;
    endpoints.iter().map(|endpoint| matches!(endpoint.health, Health::Resting { .. })).collect()
}
/// The verdict on the first candidate of a request that was held.
fn held_by(output: &Output) -> (Verdict, Option<u64>) {
    match output {
        Output::Held { decision, .. } => (
            decision.candidates.get(0).expect("a candidate").verdict,
            decision.candidates.get(0).expect("a candidate").limit,
        ),
        other => panic!("not held: {other:?}"),
    }
}
/// An answer that says what is left.
fn answer(world: &mut World, request: RequestId, limit: u64, remaining: u64) {
    let tokens = LimitFacts { limit: Some(limit), remaining: Some(remaining), reset: None };
    let facts = HeaderFacts { tokens, ..HeaderFacts::default() };
    world.give(Input::Committed {
        request,
        signal: HeaderSignal { endpoint: EndpointId::from("east"), facts, has_output: true },
    });
    world.settle(request, Ending::Completed);
}

#[test]
fn a_refusal_for_tokens_teaches_a_ceiling_and_says_when() {
    let mut world = one_site(10_000);
    for _ in 0..12 {
        world.arrive(500);
    }
    world.now = Timestamp::from_secs(1);
    world.fail(RequestId(12), throttled(ThrottleKind::Tokens));
    let tokens = view(&world, 0).tokens;
    assert_eq!((tokens.source, tokens.since), (LimitSource::Learned, Some(world.now)));
    assert_eq!(tokens.limit, Some(5_500 - 110), "what was let in, less two percent");
    assert_eq!(view(&world, 0).provider_tokens_per_minute, tokens.limit);
}

#[test]
fn what_is_not_about_quota_never_lowers_a_limit() {
    for kind in [
        ThrottleKind::SharedCapacity,
        ThrottleKind::Utilization,
        ThrottleKind::Daily,
        ThrottleKind::OutOfCredit,
        ThrottleKind::TooLarge,
        ThrottleKind::Growth,
        ThrottleKind::Unknown,
    ] {
        let mut world = one_site(10_000);
        world.arrive(500);
        world.arrive(500);
        world.fail(RequestId(2), throttled(kind));
        let view = view(&world, 0);
        assert_eq!(view.provider_tokens_per_minute, Some(10_000), "{kind:?}");
        assert_eq!(view.tokens.source, LimitSource::Configured, "{kind:?}");
    }
}

#[test]
fn a_full_provisioned_deployment_teaches_what_it_carries() {
    let ptu = Site { enforcement: Enforcement::Utilization, ..site("east", 10_000) };
    let mut world = World::new(config(&[ptu], &[], |_| {}));
    for _ in 0..12 {
        world.arrive(500);
    }
    world.fail(RequestId(12), throttled(ThrottleKind::Utilization));
    assert_eq!(view(&world, 0).tokens.source, LimitSource::Learned);
}

fn bucket_of(tokens: u64) -> World {
    World::new(config(&[Site { enforcement: Enforcement::TokenBucket, ..site("east", tokens) }], &[], |_| {}))
}

/// So many requests of 499 go within a minute into a bucket that is stated to hold 7,000 and says that it holds 10,000.
fn went_into_a_larger_bucket(pinned: bool) -> usize {
    let bucket = Site { enforcement: Enforcement::TokenBucket, ..site("east", 7_000) };
    let mut world = World::new(config(&[bucket], &[], |config| config.endpoints[0].pinned = pinned));
    let mut left = 10_000;
    let went = (0..60).take_while(|second| {
        world.now = Timestamp::from_secs(*second);
        let (request, sent) = world.arrive(500);
        left = u64::min(left + 167, 10_000).saturating_sub(499);
        answer(&mut world, request, 10_000, left);
        matches!(sent, Output::Assigned { .. })
    });
    went.count()
}

#[test]
fn a_bucket_stated_too_small_lets_in_what_it_says_is_left() {
    // By our own count 18 fit into 7,000, and by the service's 30 into 10,000.
    let went = went_into_a_larger_bucket(false);
    assert!((25..=30).contains(&went), "{went}");
}

#[test]
fn a_pinned_bucket_holds_whatever_its_service_has_left() {
    let went = went_into_a_larger_bucket(true);
    assert!((17..=18).contains(&went), "{went}");
}

#[test]
fn a_bucket_that_has_less_left_than_we_believed_counts_at_once() {
    let mut world = bucket_of(10_000);
    let (request, _) = world.arrive(500);
    answer(&mut world, request, 10_000, 1_000);
    assert_eq!(view(&world, 0).tokens.used, 9_000);
    let (_, held) = world.arrive(1_500);
    assert_eq!(held_by(&held).0, Verdict::Excluded(Exclusion::TokensShort));
}

#[test]
fn what_was_on_its_way_when_a_bucket_spoke_is_not_given_back() {
    let mut world = bucket_of(10_000);
    let first = world.arrive(500).0;
    world.arrive(4_000);
    answer(&mut world, first, 10_000, 9_501);
    let tokens = view(&world, 0).tokens;
    assert_eq!((tokens.used, tokens.reserved), (499, 3_999));
}

#[test]
fn a_pinned_limit_stays_whatever_is_refused() {
    let mut world = World::new(config(&[site("east", 10_000)], &[], |config| config.endpoints[0].pinned = true));
    world.arrive(500);
    world.arrive(500);
    world.fail(RequestId(2), throttled(ThrottleKind::Tokens));
    assert_eq!(view(&world, 0).tokens.limit, Some(10_000));
}

#[test]
fn a_rate_limit_inside_a_stream_is_one_like_any_other() {
    let mut worlds = [two_sites(), two_sites()];
    for (world, status) in worlds.iter_mut().zip([429, 200]) {
        let (request, _) = world.arrive(500);
        let again = world.fail(request, Failure { status: Some(status), ..throttled(ThrottleKind::Tokens) });
        assert!(matches!(again, Output::Assigned { .. }));
    }
    let [plain, streamed] = worlds.map(|world| world.brain.view(world.now));
    assert_eq!(plain, streamed);
    assert_eq!(plain.endpoints.iter().map(|endpoint| endpoint.counters.throttled).sum::<u64>(), 1);
}

#[test]
fn a_rejected_key_a_block_and_an_empty_purse_rest_the_whole_account() {
    for class in [FailureClass::KeyRejected, FailureClass::Blocked, FailureClass::Throttled(ThrottleKind::OutOfCredit)]
    {
        let mut world = two_sites();
        let (request, _) = world.arrive(500);
        world.fail(request, failure(class));
        assert_eq!(resting(&world), [true, true], "{class:?}");
    }
}

#[test]
fn a_missing_deployment_rests_itself_alone_and_a_client_fault_nobody() {
    let mut world = two_sites();
    let (request, _) = world.arrive(500);
    world.fail(request, failure(FailureClass::NotFound));
    assert_eq!(resting(&world).into_iter().filter(|rests| *rests).count(), 1);
    let mut world = two_sites();
    let (request, _) = world.arrive(500);
    let over = world.fail(request, failure(FailureClass::ClientFault));
    assert!(matches!(over, Output::GiveUp { .. }));
    assert_eq!(resting(&world), [false, false]);
}

#[test]
fn shortage_of_machines_rests_with_jitter_unless_the_service_names_a_time() {
    let mut world = one_site(10_000);
    let (request, _) = world.arrive(500);
    world.fail(request, failure(FailureClass::Throttled(ThrottleKind::SharedCapacity)));
    let Health::Resting { until, cause } = view(&world, 0).health else { panic!("it rests") };
    assert_eq!(cause, RestCause::Throttled(ThrottleKind::SharedCapacity));
    assert!(until > Timestamp::from_secs(5) && until <= Timestamp::from_millis(6_250), "{until:?}");
}

#[test]
fn after_a_slow_down_load_is_held_back_by_a_rule_with_its_numbers() {
    let mut world = one_site(100_000);
    for _ in 0..10 {
        let (request, _) = world.arrive(1_000);
        world.commit(request, "east");
    }
    let (last, _) = world.arrive(1_000);
    world.fail(last, throttled(ThrottleKind::Growth));
    world.until(Timestamp::from_secs(30));
    let seen = view(&world, 0);
    assert!(seen.growth_tokens_per_minute.is_some_and(|allowed| allowed < 16_000), "{seen:?}");
    let held = (0..30).map(|_| world.arrive(1_000).1).find(|output| {
        matches!(output, Output::Held { decision, .. }
            if decision.candidates.get(0).expect("a candidate").verdict == Verdict::Excluded(Exclusion::GrowthGuard))
    });
    assert!(held.is_some(), "what goes beyond is held by the guard");
}

#[test]
fn room_that_only_others_take_is_named_so_and_a_large_request_still_goes_in_the_end() {
    let mut world = one_site(10_000);
    for second in 0..8 {
        world.now = Timestamp::from_secs(second);
        let (request, _) = world.arrive(500);
        answer(&mut world, request, 10_000, 10_000 - 4_000 - 500 * (second + 1));
    }
    assert!(
        (3_000..=4_000).contains(&view(&world, 0).foreign_tokens_per_minute)
            || view(&world, 0).tokens.limit < Some(6_000)
    );
    let (_, output) = world.arrive(4_000);
    let (verdict, limit) = held_by(&output);
    assert_eq!(verdict, Verdict::Excluded(Exclusion::ForeignTraffic));
    assert!(limit < Some(6_000), "{limit:?}");
    let went = world.until(Timestamp::from_secs(67));
    assert!(went.iter().any(|(_, output)| matches!(output, Output::Assigned { .. })), "{went:?}");
}

#[test]
fn charges_follow_what_the_service_takes_off_its_remaining_tokens() {
    let mut world = one_site(100_000);
    let mut left = 100_000;
    for tenth in 0..12 {
        world.now = Timestamp::from_millis(tenth * 200);
        let (request, _) = world.arrive(1_000);
        left -= 1_300;
        answer(&mut world, request, 100_000, left);
    }
    assert_eq!(view(&world, 0).charge_permille, 1_300);
    let (_, output) = world.arrive(1_000);
    assert_eq!(sent(&output).decision.estimate.charge, 1_300);
    assert_eq!(view(&world, 0).uncapped_charge_permille, 1_000, "requests without a cap have a factor of their own");
}

#[test]
fn where_usage_counts_the_output_of_uncapped_requests_is_learned() {
    let ptu = Site { enforcement: Enforcement::Utilization, ..site("east", 100_000) };
    let mut world = World::new(config(&[ptu], &[], |_| {}));
    let mut profile = (*chat(2)).clone();
    profile.size.output_cap = None;
    let profile = std::sync::Arc::new(profile);
    let mut estimates = Vec::new();
    for n in 1..=12 {
        let request = RequestId(n);
        world.now = Timestamp::from_secs(n);
        let outputs = world.give(Input::Arrived { request, profile: std::sync::Arc::clone(&profile) });
        estimates.push(sent(&outputs[0]).decision.estimate.output);
        world.commit(request, "east");
        let usage = Usage { output: 90 + n, exact: true, ..Usage::default() };
        let settlement = Settlement { ending: Ending::Completed, usage: Some(usage) };
        world.give(Input::Settled { request, settlement });
    }
    assert_eq!((estimates[0], estimates[7]), (640, 640), "the formula's figure until eight answers were seen");
    assert_eq!(estimates[8..], [98, 99, 99, 100]);
}

fn provisioned(tokens: u64) -> World {
    World::new(config(&[Site { enforcement: Enforcement::Utilization, ..site("east", tokens) }], &[], |_| {}))
}
/// An answer's head that says how full provisioned throughput is.
fn filled(world: &mut World, request: RequestId, permille: u32) {
    let facts = HeaderFacts { utilization: Some(permille), ..HeaderFacts::default() };
    world.give(Input::Committed {
        request,
        signal: HeaderSignal { endpoint: EndpointId::from("east"), facts, has_output: true },
    });
}

#[test]
fn what_provisioned_throughput_says_of_its_level_is_its_level_whoever_filled_it() {
    let mut world = provisioned(60_000);
    let (request, _) = world.arrive(1_000);
    world.now = Timestamp::from_millis(500);
    filled(&mut world, request, 990);
    assert_eq!(view(&world, 0).insight.utilization, Some((990, world.now)));
    // One permille may be lost to rounding: 9 of them are left, and half a second's 500 have drained.
    assert_eq!(view(&world, 0).tokens.headroom(), Some(60_000 * 9 / 1_000 + 500));
    let (second, output) = world.arrive(1_000);
    assert!(matches!(output, Output::Assigned { .. }), "anything fits below the ceiling: {output:?}");
    world.now = Timestamp::from_millis(600);
    filled(&mut world, second, 1_000);
    let (_, output) = world.arrive(10);
    let (verdict, limit) = held_by(&output);
    assert_eq!((verdict, limit), (Verdict::Excluded(Exclusion::TokensShort), Some(60_000)));
}

#[test]
fn provisioned_throughput_that_says_it_took_less_than_we_thought_is_used_again() {
    let mut world = provisioned(60_000);
    let (first, _) = world.arrive(59_000);
    world.commit(first, "east");
    world.settle(first, Ending::Completed);
    // A quarter of what is too much is believed at a time.
    for second in 10..20 {
        world.now = Timestamp::from_secs(second);
        let (request, _) = world.arrive(100);
        filled(&mut world, request, 20);
        world.settle(request, Ending::Completed);
    }
    let left = view(&world, 0).tokens.headroom().expect("a limit");
    assert!(left >= 60_000 * 96 / 100, "twenty seconds alone would have drained 20,000 of the 59,000: {left}");
}

#[test]
fn traffic_that_does_not_fill_provisioned_throughput_proves_a_higher_limit_than_was_typed() {
    let mut world = provisioned(60_000);
    // Twice what was typed comes back while the level stands.
    for second in 1..=600 {
        world.now = Timestamp::from_secs(second);
        let (request, output) = world.arrive(2_000);
        if matches!(output, Output::Assigned { .. }) {
            filled(&mut world, request, 500);
            world.settle(request, Ending::Completed);
        }
    }
    let tokens = view(&world, 0).tokens;
    assert!((110_000..=122_000).contains(&tokens.limit.unwrap_or(0)), "{tokens:?}");
    assert_eq!(tokens.source, LimitSource::Learned);
}

#[test]
fn a_standard_deployment_that_says_how_full_it_is_changes_nothing_but_the_view() {
    let mut world = one_site(60_000);
    let (request, _) = world.arrive(1_000);
    filled(&mut world, request, 1_000);
    assert_eq!(view(&world, 0).insight.utilization, Some((1_000, world.now)));
    assert_eq!(view(&world, 0).tokens.headroom(), Some(59_000));
}

#[test]
fn a_pinned_endpoint_that_is_to_be_probed_above_is_pointed_out() {
    let pinned = config(&[site("east", 10_000)], &[], |config| {
        config.endpoints[0].pinned = true;
        config.endpoints[0].probe_above = true;
    });
    let findings = crate::model::check::check(&pinned.config);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].to_string(), "warning: Endpoint \"east\" is pinned, so probe_above has no effect.");
}
