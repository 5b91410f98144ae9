//! Days, input and output, and debts: what few services limit, through the whole brain.

use std::time::Duration;

use super::world_tests::*;
use super::{Input, Output};
use crate::model::config::Enforcement;
use crate::model::decision::{Decision, Exclusion, Verdict};
use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{Ending, HeaderFacts, HeaderSignal, LimitFacts, Settlement};
use crate::model::profile::RequestProfile;
use crate::model::status::{LimitKind, LimitSource};
use crate::model::units::{MINUTE, Timestamp};
use crate::model::usage::Usage;

fn decision(output: &Output) -> &Decision {
    match output {
        Output::Held { decision, .. } | Output::Refused { decision: Some(decision), .. } => decision,
        other => panic!("neither held nor refused with reasons: {other:?}"),
    }
}

#[test]
fn requests_by_an_endpoints_own_ratio_bind_it_and_are_called_derived() {
    let ratios = |own: Option<u64>, pool: Option<u64>, stated: Option<u64>| {
        let member = Site { pool: Some("p"), ..site("east", 10_000) };
        let world = World::new(config(&[member], &[("p", 10_000)], |config| {
            config.quota_pools[0].requests_per_1k_tokens = pool;
            config.quota_pools[0].requests_per_minute = Some(10_000);
            (config.endpoints[0].requests_per_1k_tokens, config.endpoints[0].requests_per_minute) = (own, stated);
        }));
        let requests = world.brain.view(world.now).endpoints[0].requests;
        (requests.limit, requests.source)
    };
    assert_eq!(ratios(Some(10), None, None), (Some(100), LimitSource::Derived));
    assert_eq!(ratios(Some(10), Some(6), None), (Some(100), LimitSource::Derived), "its own goes before its pool's");
    assert_eq!(ratios(None, Some(6), None), (Some(60), LimitSource::Derived));
    assert_eq!(
        ratios(Some(10), Some(6), Some(30)),
        (Some(30), LimitSource::Configured),
        "what is stated goes before both"
    );
}

#[test]
fn an_answer_that_came_to_more_than_its_estimate_is_paid_back_by_those_after_it() {
    let mut world = World::new(config(&[site("east", 1_000)], &[], |config| config.queue.max_wait_seconds = 90));
    let (first, _) = world.arrive(500);
    world.commit(first, "east");
    let usage = Some(Usage { output: 1_400, exact: true, ..Usage::default() });
    let settlement = Settlement { ending: Ending::Completed, usage };
    world.give(Input::Settled { request: first, settlement });
    assert_eq!(world.brain.view(world.now).endpoints[0].tokens.overdraft, 400);
    let (_, next) = world.arrive(2);
    assert!(matches!(next, Output::Held { .. }), "{next:?}");
}

#[test]
fn usage_is_held_against_the_estimate_by_the_services_own_formula() {
    let usage = Some(Usage { input: 300, output: 500, exact: true, ..Usage::default() });
    // One charges the larger of prompt and cap, the other their sum.
    for (enforcement, charged) in [(Enforcement::TokenBucket, 500), (Enforcement::SlidingLog, 800)] {
        let mut world = World::new(config(&[Site { enforcement, ..site("east", 10_000) }], &[], |_| {}));
        let (request, _) = world.arrive(500);
        world.commit(request, "east");
        world.give(Input::Settled { request, settlement: Settlement { ending: Ending::Completed, usage } });
        let used = world.brain.view(world.now).endpoints[0].tokens.used;
        assert_eq!(used, charged, "{enforcement:?}");
    }
}

#[test]
fn a_soft_cap_below_what_a_level_holds_is_kept_over_the_minute_and_holds_nobody_longer() {
    for enforcement in [Enforcement::Utilization, Enforcement::TokenBucket] {
        let level = || [Site { enforcement, ..site("east", 6_000) }];
        let mut world = World::new(config(&level(), &[], |_| {}));
        world.arrive(5_000);
        let capped = config(&level(), &[], |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(1_000));
        world.now = Timestamp::from_secs(10);
        world.give(Input::Configured(capped));
        let (_, held) = world.arrive(500);
        let Output::Held { .. } = held else { panic!("{held:?}") };
        let went = world.until(Timestamp::from_secs(62));
        assert_eq!(went.first().map(|(at, _)| at.0 / 1_000_000), Some(60), "{enforcement:?}: a minute after, no later");
        assert!(world.brain.view(world.now).endpoints[0].tokens.used <= 1_000);
    }
}

#[test]
fn a_soft_cap_above_a_limit_that_refills_is_kept_over_every_minute_and_named_where_it_withholds() {
    let used = Some(Usage { input: 1, output: 99, exact: true, ..Usage::default() });
    let settlement = Settlement { ending: Ending::Completed, usage: used };
    for enforcement in [Enforcement::TokenBucket, Enforcement::Utilization] {
        let sites = [Site { enforcement, ..site("one", 6_000) }];
        let capped = config(&sites, &[], |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(8_000));
        let mut world = World::new(capped);
        let (mut sent, mut withheld) = (Vec::new(), 0);
        for tick in 0..1_200 {
            world.until(Timestamp::from_millis(tick * 250));
            let (request, answer) = world.arrive_as(100, |profile| profile.patience = Some(Duration::ZERO));
            if let Output::Assigned { .. } = answer {
                sent.push(world.now);
                world.commit(request, "one");
                world.give(Input::Settled { request, settlement });
            } else {
                let by_cap =
                    decision(&answer).candidates.iter().any(|one| one.verdict == Verdict::Excluded(Exclusion::SoftCap));
                withheld += u32::from(by_cap);
            }
        }
        let minute = |from: &Timestamp| sent.iter().filter(|at| **at >= *from && at.since(*from) < MINUTE).count();
        let most = sent.iter().map(minute).max().unwrap_or(0);
        assert!((70..=80).contains(&most), "{enforcement:?}: {most} of a hundred tokens in a minute");
        assert!(withheld > 0, "{enforcement:?}");
        assert!(sent.len() >= 5 * 60, "{enforcement:?}: {} sent", sent.len());
    }
}

#[test]
fn a_soft_cap_that_comes_and_goes_forgets_nothing_of_what_a_level_still_holds() {
    let provisioned = || [Site { enforcement: Enforcement::Utilization, ..site("east", 1_000) }];
    let plain = || config(&provisioned(), &[], |_| {});
    let mut world = World::new(plain());
    world.arrive(3_000);
    world.now = Timestamp::from_secs(61);
    let capped = config(&provisioned(), &[], |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(500));
    world.give(Input::Configured(capped));
    let (_, below_the_cap) = world.arrive(100);
    assert!(!matches!(below_the_cap, Output::Assigned { .. }), "the service is still full: {below_the_cap:?}");
    world.now = Timestamp::from_secs(62);
    world.give(Input::Configured(plain()));
    let (_, without) = world.arrive(100);
    assert!(!matches!(without, Output::Assigned { .. }), "{without:?}");
}

#[test]
fn the_first_requests_to_provisioned_throughput_wait_for_nobody() {
    let provisioned = [Site { enforcement: Enforcement::Utilization, ..site("east", 1_000) }];
    let mut world = World::new(config(&provisioned, &[], |_| {}));
    let (_, first) = world.arrive(3_000);
    assert!(matches!(first, Output::Assigned { .. }), "{first:?}");
}

#[test]
fn a_days_requests_are_counted_over_the_minutes() {
    let bucket = Site { enforcement: Enforcement::TokenBucket, ..site("east", 1_000_000) };
    let mut world = World::new(config(&[bucket], &[], |config| {
        config.queue.max_wait_seconds = 0;
        for endpoint in &mut config.endpoints {
            endpoint.requests_per_day = Some(20);
        }
    }));
    for _ in 0..20 {
        let (request, answer) = world.arrive(10);
        assert!(matches!(answer, Output::Assigned { .. }), "{answer:?}");
        world.settle(request, Ending::Completed);
        world.until(world.now.after(Duration::from_secs(61)));
    }
    let (_, refused) = world.arrive(10);
    let one = decision(&refused).candidates.get(0).expect("a candidate");
    assert_eq!((one.verdict, one.has, one.limit), (Verdict::Excluded(Exclusion::DayShort), Some(0), Some(20)));
    // A request comes back in 4,320 s, of which 20 × 61 have passed.
    let told = one.free_at.expect("the day comes back").since(world.now).as_secs();
    assert_eq!(told, 4_320 - 1_220);
}

#[test]
fn the_last_minute_counts_what_a_bucket_has_refilled_since() {
    let bucket = Site { enforcement: Enforcement::TokenBucket, ..site("east", 60_000) };
    let mut world = World::new(config(&[bucket], &[], |_| {}));
    for _ in 0..5 {
        let (request, _) = world.arrive(1_000);
        world.settle(request, Ending::Completed);
        world.until(world.now.after(Duration::from_secs(5)));
    }
    let (_running, _) = world.arrive(1_000);
    let seen = world.brain.view(world.now).endpoints[0].clone();
    assert_eq!(seen.tokens.used, 0, "a second's refill is 1,000");
    assert_eq!((seen.last_minute.tokens, seen.last_minute.requests), (5 * 999, 6));
    world.until(world.now.after(Duration::from_secs(61)));
    assert_eq!(world.brain.view(world.now).endpoints[0].last_minute.requests, 0);
}

#[test]
fn input_and_output_are_held_apart() {
    let mut world = World::new(config(&[site("east", 10_000)], &[], |config| {
        for endpoint in &mut config.endpoints {
            endpoint.output_tokens_per_minute = Some(500);
        }
    }));
    world.arrive(401);
    let (_, held) = world.arrive(102);
    let one = decision(&held).candidates.get(0).expect("a candidate");
    let said = (one.verdict, one.needs, one.has, one.limit);
    assert_eq!(said, (Verdict::Excluded(Exclusion::OutputShort), 101, Some(100), Some(500)));
    let view = world.brain.view(world.now).endpoints[0].more_limits.clone();
    assert_eq!((view.len(), view[0].limit.reserved), (1, 400));
}

/// A bucket whose output is limited apart, as services have it that charge the larger of prompt and cap.
fn writes_apart(limit: u64) -> World {
    let bucket = Site { enforcement: Enforcement::TokenBucket, ..site("east", 1_000_000) };
    World::new(config(&[bucket], &[], |config| config.endpoints[0].output_tokens_per_minute = Some(limit)))
}

fn output_of(world: &World) -> (u64, u64) {
    let output = world.brain.view(world.now).endpoints[0].more_limits[0].limit;
    (output.used, output.reserved)
}

fn answer(world: &mut World, request: RequestId, output: u64) {
    world.commit(request, "east");
    let usage = Some(Usage { input: 10, output, exact: true, ..Usage::default() });
    let settlement = Settlement { ending: Ending::Completed, usage };
    world.give(Input::Settled { request, settlement });
}

#[test]
fn an_output_limit_keeps_what_may_be_written_until_it_is_known_what_was() {
    let mut world = writes_apart(5_000);
    let (request, _) = world.arrive(2_001);
    assert_eq!(output_of(&world), (0, 2_000));
    answer(&mut world, request, 150);
    assert_eq!(output_of(&world), (150, 0), "what nobody wrote is free again");
    assert_eq!(world.brain.view(world.now).endpoints[0].tokens.used, 2_000, "the token limit keeps the cap");
}

#[test]
fn without_a_cap_an_output_limit_keeps_what_is_usually_written() {
    let mut world = writes_apart(5_000);
    let uncapped = |profile: &mut RequestProfile| profile.size.output_cap = None;
    let (first, _) = world.arrive_as(2, uncapped);
    assert_eq!(output_of(&world), (0, 640), "nothing is known yet");
    answer(&mut world, first, 300);
    for _ in 0..9 {
        let (request, _) = world.arrive_as(2, uncapped);
        answer(&mut world, request, 300);
    }
    let before = output_of(&world).0;
    world.arrive_as(2, uncapped);
    assert_eq!(output_of(&world), (before, 300));
}

#[test]
fn a_guess_of_what_is_written_that_is_larger_than_the_limit_lets_the_request_go_alone() {
    let mut world = writes_apart(400);
    world.now = Timestamp::from_secs(1);
    let uncapped = |profile: &mut RequestProfile| profile.size.output_cap = None;
    let (_, first) = world.arrive_as(2, uncapped);
    assert!(matches!(first, Output::Assigned { .. }), "{first:?}");
    let (_, second) = world.arrive_as(2, uncapped);
    let one = decision(&second).candidates.get(0).expect("a candidate");
    assert_eq!(one.verdict, Verdict::Excluded(Exclusion::OutputShort));
}

#[test]
fn a_limit_that_becomes_known_begins_with_what_came_before() {
    let open = || [site("east", 10_000)];
    let mut world = World::new(config(&open(), &[], |_| {}));
    world.arrive(801);
    let apart = config(&open(), &[], |config| config.endpoints[0].output_tokens_per_minute = Some(1_000));
    world.give(Input::Configured(apart));
    let (_, held) = world.arrive(301);
    let one = decision(&held).candidates.get(0).expect("a candidate");
    assert_eq!((one.verdict, one.has), (Verdict::Excluded(Exclusion::OutputShort), Some(199)));
}

#[test]
fn a_pair_of_request_headers_that_counts_a_day_becomes_a_limit_of_the_day() {
    let bucket = Site { enforcement: Enforcement::TokenBucket, ..site("east", 1_000_000) };
    let mut world = World::new(config(&[bucket], &[], |_| {}));
    let (request, _) = world.arrive(10);
    let said = LimitFacts { limit: Some(200), remaining: Some(199), reset: Some(Duration::from_secs(432)) };
    let facts = HeaderFacts { requests: said, ..HeaderFacts::default() };
    world.give(Input::Committed {
        request,
        signal: HeaderSignal { endpoint: EndpointId::from("east"), facts, has_output: true },
    });
    let view = world.brain.view(world.now).endpoints[0].clone();
    assert_eq!(view.requests.limit, None, "nothing was said of the minute");
    let day = view.more_limits[0];
    assert_eq!(
        (day.kind, day.limit.limit, day.limit.source),
        (LimitKind::RequestsPerDay, Some(200), LimitSource::Header)
    );
    for _ in 0..200 {
        world.arrive(10);
    }
    let (_, held) = world.arrive(10);
    assert_eq!(decision(&held).candidates.get(0).expect("a candidate").verdict, Verdict::Excluded(Exclusion::DayShort));
}
