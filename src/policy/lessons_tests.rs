use super::super::world_tests::{Site, World, config, failure, place, site};
use super::*;
use crate::model::config::{Config, Service};
use crate::model::outcome::{FailureClass, ThrottleKind};
use crate::model::status::{LimitSource, PoolView};
use crate::policy::Input;

/// Two members of a pool of `total`, with this much of their own.
fn pooled(total: u64, tune: impl FnOnce(&mut Config)) -> World {
    let member = |id| Site { pool: Some("p"), ..site(id, 80_000) };
    World::new(config(&[member("one"), member("two")], &[("p", total)], tune))
}

fn pool(world: &World) -> PoolView {
    world.brain.view(world.now).pools.remove(0)
}

/// After sixty requests of a thousand tokens the pool, or whoever else this is, has no room.
fn refuse(world: &mut World, kind: ThrottleKind) {
    for _ in 0..60 {
        let (request, answer) = world.arrive(1_000);
        let endpoint = place(&answer).to_owned();
        world.commit(request, &endpoint);
    }
    let (request, _) = world.arrive(1_000);
    world.fail(request, failure(FailureClass::Throttled(kind)));
}

fn taught() -> (World, Vec<Lesson>) {
    let mut world = pooled(100_000, |_| {});
    refuse(&mut world, ThrottleKind::Pool);
    let lessons = world.brain.lessons(world.now);
    (world, lessons)
}

#[test]
fn what_a_pool_learned_holds_after_a_restart_and_says_when_it_was_learned() {
    let (before, lessons) = taught();
    let learned = pool(&before).tokens;
    assert_eq!(lessons.len(), 1, "{lessons:?}");
    let mut after = pooled(100_000, |_| {});
    after.now = Timestamp::from_secs(3_600);
    after.give(Input::Learned(lessons));
    let held = pool(&after).tokens;
    assert_eq!((held.limit, held.source, held.since), (learned.limit, LimitSource::Learned, learned.since));
    let sent = (0..70).filter(|_| matches!(after.arrive(1_000).1, crate::policy::Output::Assigned { .. })).count();
    assert_eq!(sent, 58, "the pool holds its members to it");
}

#[test]
fn a_lesson_ends_with_another_total_a_pin_and_a_day() {
    let (_, lessons) = taught();
    let late = Timestamp::from_secs(25 * 3_600);
    let pinned: fn(&mut Config) = |config| config.quota_pools[0].pinned = true;
    for (total, tune, at) in [
        (90_000, (|_| {}) as fn(&mut Config), Timestamp::ZERO),
        (100_000, pinned, Timestamp::ZERO),
        (100_000, |_| {}, late),
    ] {
        let mut after = pooled(total, tune);
        after.now = at;
        after.give(Input::Learned(lessons.clone()));
        let held = pool(&after).tokens;
        assert_eq!((held.limit, held.source), (Some(total), LimitSource::Configured));
    }
}

#[test]
fn what_was_learned_since_the_start_counts_more_than_what_was_before() {
    let (mut world, mut lessons) = taught();
    let learned = pool(&world).tokens;
    lessons[0].ceiling = 20_000;
    world.give(Input::Learned(lessons));
    assert_eq!(pool(&world).tokens, learned);
}

#[test]
fn an_endpoint_whose_service_names_no_limits_keeps_what_refusals_taught() {
    let open = || {
        let sites = [Site { tokens: None, ..site("one", 0) }];
        World::new(config(&sites, &[], |_| {}))
    };
    let mut before = open();
    refuse(&mut before, ThrottleKind::Tokens);
    let view = |world: &World| world.brain.view(world.now).endpoints.remove(0).tokens;
    let mut after = open();
    after.give(Input::Learned(before.brain.lessons(before.now)));
    assert_eq!((view(&after).limit, view(&after).source), (view(&before).limit, LimitSource::Learned));
}

#[test]
fn a_pinned_pool_learns_nothing_from_its_429s() {
    let mut world = pooled(100_000, |config| config.quota_pools[0].pinned = true);
    refuse(&mut world, ThrottleKind::Pool);
    let seen = pool(&world);
    assert!(seen.pinned && seen.rests_until.is_some(), "it still rests: {seen:?}");
    assert_eq!((seen.tokens.limit, seen.tokens.source), (Some(100_000), LimitSource::Configured));
    assert!(world.brain.lessons(world.now).is_empty());
}

#[test]
fn the_limit_that_openai_names_is_its_organizations_pool_once_every_member_said_so() {
    use crate::model::config::Enforcement;
    use crate::model::outcome::{HeaderFacts, HeaderSignal, LimitFacts};
    let shared = |pinned: bool| {
        let mut world = pooled(100_000, |config| {
            let account = &mut config.accounts[0];
            account.service = Service::Openai;
            account.base_url = "https://api.openai.com/v1".to_owned();
            account.organization = Some("org".to_owned());
            config.quota_pools[0].pinned = pinned;
            for endpoint in &mut config.endpoints {
                endpoint.enforcement = Enforcement::SlidingLog;
                endpoint.deployment = Some("m".to_owned());
            }
        });
        world.give(Input::KeyReady { account: "a".into(), ready: true });
        let mut sources = Vec::new();
        for _ in 0..2 {
            for id in ["one", "two"] {
                let request = send_to(&mut world, id);
                let tokens = LimitFacts { limit: Some(60_000), remaining: None, reset: None };
                let facts = HeaderFacts { tokens, ..HeaderFacts::default() };
                world.give(Input::Committed {
                    request,
                    signal: HeaderSignal { endpoint: id.into(), facts, has_output: true },
                });
                sources.push(pool(&world).tokens.limit);
            }
        }
        (world, sources)
    };
    let (world, limits) = shared(false);
    assert_eq!(limits, [Some(100_000), Some(60_000), Some(60_000), Some(60_000)], "one alone may name its project's");
    assert_eq!(pool(&world).tokens.source, LimitSource::Header);
    assert_eq!(shared(true).1, [Some(100_000); 4], "what is pinned holds");
}

/// Sends requests until one goes there.
fn send_to(world: &mut World, endpoint: &str) -> crate::model::id::RequestId {
    loop {
        let (request, answer) = world.arrive(10);
        if place(&answer) == endpoint {
            return request;
        }
        world.commit(request, place(&answer));
    }
}

/// An open endpoint whose service names this limit with its first answer.
fn named(limit: u64) -> World {
    let mut world = World::new(config(&[Site { tokens: None, ..site("one", 0) }], &[], |_| {}));
    say(&mut world, limit);
    world
}

fn say(world: &mut World, limit: u64) {
    use crate::model::outcome::{HeaderFacts, HeaderSignal, LimitFacts};
    let request = send_to(world, "one");
    let tokens = LimitFacts { limit: Some(limit), remaining: None, reset: None };
    let facts = HeaderFacts { tokens, ..HeaderFacts::default() };
    world.give(Input::Committed { request, signal: HeaderSignal { endpoint: "one".into(), facts, has_output: true } });
}

#[test]
fn what_headers_named_holds_after_a_restart_with_its_age_until_the_first_word_of_this_run() {
    let before = named(60_000);
    let lessons = before.brain.lessons(before.now);
    assert!(lessons.iter().any(|lesson| lesson.of == Taught::NamedTokens("one".into())), "{lessons:?}");
    let tokens = |world: &World| world.brain.view(world.now).endpoints.remove(0).tokens;
    let mut after = World::new(config(&[Site { tokens: None, ..site("one", 0) }], &[], |_| {}));
    after.now = Timestamp::from_secs(7_200);
    after.give(Input::Learned(lessons));
    let held = tokens(&after);
    assert_eq!((held.limit, held.source, held.since), (Some(60_000), LimitSource::Header, Some(before.now)));
    assert_eq!(after.brain.view(after.now).endpoints[0].reported_tokens_per_minute, Some(60_000));
    say(&mut after, 200_000);
    assert_eq!(tokens(&after).limit, Some(200_000), "the service's word counts at once, as the first of any run");
}

#[test]
fn what_was_named_more_than_a_day_ago_or_beside_another_figure_is_not_believed() {
    let before = named(60_000);
    for (at, stated) in [(Timestamp::from_secs(25 * 3_600), None), (Timestamp::from_secs(60), Some(90_000))] {
        let mut after = World::new(config(&[Site { tokens: stated, ..site("one", 0) }], &[], |_| {}));
        after.now = at;
        after.give(Input::Learned(before.brain.lessons(before.now)));
        assert_eq!(after.brain.view(after.now).endpoints[0].tokens.limit, stated);
    }
}
