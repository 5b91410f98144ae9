use std::time::Duration;

use super::super::world_tests::{Site, World, config, failure, failure_with_wait, place, site};
use super::*;
use crate::model::config::{Account, Service};
use crate::model::id::{AccountId, EndpointId, RequestId};
use crate::model::outcome::{FailureClass, HeaderFacts, HeaderSignal, LimitFacts, ThrottleKind};
use crate::model::status::{Health, LimitSource, PoolView, RestCause};
use crate::policy::{Input, Output};

const POOL: FailureClass = FailureClass::Throttled(ThrottleKind::Pool);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

/// Two members of a pool of 100,000, each with 80,000 of its own, and one beside it.
fn pooled() -> World {
    let member = |id| Site { pool: Some("p"), ..site(id, 80_000) };
    let beside = Site { group: 1, ..site("beside", 50_000) };
    World::new(config(&[member("one"), member("two"), beside], &[("p", 100_000)], |_| {}))
}

fn pool(world: &World) -> PoolView {
    world.brain.view(world.now).pools.remove(0)
}

/// So many requests of this charge, all let in.
fn fill(world: &mut World, number: u64, charge: u64) {
    for _ in 0..number {
        let (request, answer) = world.arrive(charge);
        let endpoint = place(&answer).to_owned();
        world.commit(request, &endpoint);
    }
}

#[test]
fn a_429_of_the_pool_rests_all_its_members_and_teaches_its_limit() {
    let mut world = pooled();
    fill(&mut world, 60, 1_000);
    let (request, answer) = world.arrive(1_000);
    assert_ne!(place(&answer), "beside");
    let answer = world.fail(request, failure_with_wait(POOL, 7));
    assert_eq!(place(&answer), "beside", "what does not draw on it goes on");
    let view = world.brain.view(world.now);
    let cause = RestCause::Throttled(ThrottleKind::Pool);
    let resting = Health::Resting { until: at(7), cause };
    assert_eq!(view.endpoints[..2].iter().map(|one| one.health).collect::<Vec<_>>(), [resting; 2]);
    let pool = pool(&world);
    assert_eq!((pool.rests_until, pool.configured_tokens_per_minute), (Some(at(7)), 100_000));
    assert_eq!((pool.tokens.source, pool.tokens.since), (LimitSource::Learned, Some(at(0))));
    assert!((58_000..=60_000).contains(&pool.tokens.limit.unwrap()), "{pool:?}");
    let own: Vec<_> = view.endpoints[..2].iter().map(|one| one.tokens.source).collect();
    assert_eq!(own, [LimitSource::Configured; 2], "their own limits were not at fault");
}

#[test]
fn what_was_learned_of_a_pool_holds_over_all_members_and_rises_slowly_to_what_is_configured() {
    let mut world = pooled();
    fill(&mut world, 60, 1_000);
    let (request, _) = world.arrive(1_000);
    world.fail(request, failure(POOL));
    let learned = pool(&world).tokens.limit.unwrap();
    let mut shown = vec![learned];
    for minute in 2..40 {
        for _ in 0..20 {
            world.until(world.now.after(Duration::from_secs(3)));
            for _ in 0..20 {
                let (request, answer) = world.arrive_as(500, |profile| profile.patience = Some(Duration::ZERO));
                let Output::Assigned { assignment, .. } = answer else { continue };
                world.commit(request, assignment.endpoint.as_str());
            }
        }
        let used = pool(&world).tokens;
        // The first minute still holds what taught it.
        assert!(minute == 2 || used.used + used.reserved <= used.limit.unwrap(), "minute {minute}: {used:?}");
        shown.push(used.limit.unwrap());
    }
    assert!(shown.is_sorted() && shown[1] < learned + learned / 10, "{shown:?}");
    assert!(shown.last() > Some(&(learned + learned / 10)), "{shown:?}");
    assert!(shown.iter().all(|limit| *limit <= 100_000), "{shown:?}");
}

/// Both members say that they have plenty.
fn with_plenty(world: &mut World) {
    for endpoint in ["one", "two"] {
        let request = send_to(world, endpoint);
        let tokens = LimitFacts { limit: Some(80_000), remaining: Some(79_000), reset: None };
        let facts = HeaderFacts { tokens, ..HeaderFacts::default() };
        let signal = HeaderSignal { endpoint: EndpointId::from(endpoint), facts, has_output: true };
        world.give(Input::Committed { request, signal });
    }
}

/// Sends requests until one is at this endpoint; the others are taken back.
fn send_to(world: &mut World, endpoint: &str) -> RequestId {
    loop {
        let (request, answer) = world.arrive(1_000);
        if place(&answer) == endpoint {
            return request;
        }
        world.give(Input::Withdrawn { request });
    }
}

fn causes(world: &World) -> Vec<Option<RestCause>> {
    let endpoints = world.brain.view(world.now).endpoints;
    let cause = |health| match health {
        Health::Resting { cause, .. } => Some(cause),
        _ => None,
    };
    endpoints.into_iter().take(2).map(|one| cause(one.health)).collect()
}

const SHORT: Option<RestCause> = Some(RestCause::Throttled(ThrottleKind::Pool));
const OWN: Option<RestCause> = Some(RestCause::Throttled(ThrottleKind::Tokens));

#[test]
fn a_429_for_tokens_where_its_own_headers_show_plenty_is_the_pools_once_another_member_is_told_the_same() {
    let mut world = pooled();
    with_plenty(&mut world);
    let sent = ["one", "two"].map(|endpoint| send_to(&mut world, endpoint));
    let tokens = || failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 5);
    world.fail(sent[0], tokens());
    assert_eq!(causes(&world), [SHORT, None], "one alone may lack something of its own");
    assert_eq!(pool(&world).rests_until, None);
    let own = &world.brain.view(world.now).endpoints[0];
    assert_eq!([pool(&world).tokens.source, own.tokens.source], [LimitSource::Configured; 2]);
    world.fail(sent[1], tokens());
    assert_eq!((causes(&world), pool(&world).rests_until), (vec![SHORT, SHORT], Some(at(5))));
    assert_eq!(pool(&world).tokens.source, LimitSource::Learned);
}

#[test]
fn a_429_that_says_itself_that_little_is_left_is_the_endpoints_own() {
    let mut world = pooled();
    with_plenty(&mut world);
    let request = send_to(&mut world, "one");
    let mut failure = failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 5);
    failure.facts.tokens = LimitFacts { limit: Some(80_000), remaining: Some(900), reset: None };
    world.fail(request, failure);
    assert_eq!(causes(&world), [OWN, None]);
}

#[test]
fn a_total_of_the_persons_own_is_never_what_a_service_lacked() {
    for kind in [ThrottleKind::Pool, ThrottleKind::Tokens] {
        let member = |id| Site { pool: Some("p"), ..site(id, 80_000) };
        let mut world = World::new(config(&[member("one"), member("two")], &[("p", 100_000)], |config| {
            config.quota_pools[0].soft = true;
        }));
        with_plenty(&mut world);
        let request = send_to(&mut world, "one");
        world.fail(request, failure_with_wait(FailureClass::Throttled(kind), 5));
        assert_eq!((causes(&world), pool(&world).tokens.source), (vec![OWN, None], LimitSource::Configured));
    }
}

#[test]
fn a_429_for_tokens_is_the_pools_at_openai_where_all_members_are_one_model_of_one_payer() {
    let rests = |organizations: [Option<&str>; 2], models: [&str; 2]| {
        let member = |id| Site { pool: Some("p"), ..site(id, 80_000) };
        let mut world = World::new(config(&[member("one"), member("two")], &[("p", 100_000)], |config| {
            let first = config.accounts[0].clone();
            let account = |at: usize| Account {
                id: AccountId::from(format!("a{at}")),
                service: Service::Openai,
                base_url: "https://api.openai.com/v1".to_owned(),
                organization: organizations[at].map(str::to_owned),
                ..first.clone()
            };
            config.accounts = (0..2).map(account).collect();
            for (at, endpoint) in config.endpoints.iter_mut().enumerate() {
                endpoint.account = AccountId::from(format!("a{at}"));
                endpoint.deployment = Some(models[at].to_owned());
            }
        }));
        for account in ["a0", "a1"] {
            world.give(Input::KeyReady { account: AccountId::from(account), ready: true });
        }
        let request = send_to(&mut world, "one");
        world.fail(request, failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 5));
        causes(&world)
    };
    assert_eq!(rests([Some("acme"); 2], ["gpt-4o"; 2]), [SHORT, SHORT]);
    assert_eq!(rests([Some("acme"); 2], ["gpt-4o", "o3"]), [OWN, None]);
    assert_eq!(rests([Some("acme"), Some("other")], ["gpt-4o"; 2]), [OWN, None]);
    assert_eq!(rests([None; 2], ["gpt-4o"; 2]), [OWN, None], "who pays is not guessed");
}

#[test]
fn a_total_that_is_stated_anew_ends_what_was_learned_beside_the_one_before() {
    let of = |total: u64| {
        let member = |id| Site { pool: Some("p"), ..site(id, 80_000) };
        let beside = Site { group: 1, ..site("beside", 50_000) };
        config(&[member("one"), member("two"), beside], &[("p", total)], |_| {})
    };
    let mut world = pooled();
    fill(&mut world, 60, 1_000);
    let (request, _) = world.arrive(1_000);
    world.fail(request, failure(POOL));
    world.give(Input::Configured(of(100_000)));
    assert_eq!(pool(&world).tokens.source, LimitSource::Learned, "the same total says nothing new");
    world.give(Input::Configured(of(90_000)));
    assert_eq!((pool(&world).tokens.limit, pool(&world).tokens.source), (Some(90_000), LimitSource::Configured));
}

#[test]
fn what_an_endpoint_was_told_in_another_pool_teaches_its_present_one_nothing() {
    let of = |pool: &'static str| {
        let member = |id| Site { pool: Some(pool), ..site(id, 80_000) };
        config(&[member("one"), member("two")], &[("p", 100_000), ("q", 60_000)], |_| {})
    };
    let mut world = World::new(of("p"));
    let request = send_to(&mut world, "one");
    world.give(Input::Configured(of("q")));
    world.fail(request, failure_with_wait(POOL, 5));
    let sources: Vec<_> = world.brain.view(world.now).pools.iter().map(|pool| pool.tokens.source).collect();
    assert_eq!(sources, [LimitSource::Configured; 2]);
    assert_eq!(causes(&world), [SHORT, None]);
}

#[test]
fn without_a_pool_the_same_words_concern_the_endpoint() {
    let mut world = World::new(config(&[site("one", 80_000)], &[], |_| {}));
    fill(&mut world, 40, 1_000);
    let (request, _) = world.arrive(1_000);
    world.fail(request, failure(POOL));
    let own = &world.brain.view(world.now).endpoints[0];
    assert_eq!(own.tokens.source, LimitSource::Learned);
    assert!(matches!(own.health, Health::Resting { cause: RestCause::Throttled(ThrottleKind::Tokens), .. }));
}

#[test]
fn a_request_larger_than_what_was_learned_goes_when_the_pool_is_idle() {
    let mut world = pooled();
    fill(&mut world, 60, 1_000);
    let (request, _) = world.arrive(1_000);
    world.fail(request, failure(POOL));
    world.until(at(300));
    let (_, answer) = world.arrive(70_000);
    assert!(place(&answer) == "one" || place(&answer) == "two", "{answer:?}");
}

#[test]
fn stragglers_of_a_pool_sharpen_what_the_first_taught_and_do_not_halve_it_again() {
    let mut world = pooled();
    fill(&mut world, 60, 1_000);
    let sent: Vec<RequestId> = (0..5).map(|_| world.arrive(1_000).0).collect();
    world.now = at(1);
    for request in sent {
        world.fail(request, failure(POOL));
    }
    let limit = pool(&world).tokens.limit.unwrap();
    assert!((57_000..=65_000).contains(&limit), "{limit}");
}

#[test]
fn a_pool_of_levels_learns_what_comes_back_in_a_minute() {
    let spec = CheckedPool {
        id: PoolId::from("p"),
        tokens_per_minute: 200_000,
        requests_per_minute: None,
        request_slice: Duration::from_secs(1),
        enforcement: Enforcement::TokenBucket,
        soft: false,
        pinned: false,
        is_openais: false,
    };
    let mut pool = PoolState::new(&spec);
    pool.recount(at(0), &spec);
    let estimate = Estimate { charge: 1_500, prompt: 500, output: 1_000 };
    for second in 0..120 {
        let taken = pool.take(at(second), &spec, estimate);
        pool.ledger.settle(at(second), taken.entry, estimate.charge);
        pool.admitted(at(second), &spec, &taken);
    }
    assert!(pool.refused(at(120), &spec, 1_500, at(120)));
    let limit = pool.held(&spec).limit.unwrap();
    assert!((58_000..=100_000).contains(&limit), "a whole limit was saved before: {limit}");
}
