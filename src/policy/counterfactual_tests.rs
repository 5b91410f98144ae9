use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::world_tests::*;
use crate::model::checked::CheckedConfig;
use crate::model::config::{AdminState, Caller, Config, Endpoint, Enforcement};
use crate::model::counterfactual::{Change, Counterfactual};
use crate::model::decision::{Decision, Exclusion, Verdict};
use crate::model::id::{AccountId, EndpointId};
use crate::model::outcome::{FailureClass, ThrottleKind};
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;
use crate::policy::{Input, Output};

const TOKENS: FailureClass = FailureClass::Throttled(ThrottleKind::Tokens);

fn decision(answer: &Output) -> &Decision {
    match answer {
        Output::Assigned { assignment, .. } => &assignment.decision,
        Output::Held { decision, .. }
        | Output::Refused { decision: Some(decision), .. }
        | Output::GiveUp { decision, .. } => decision,
        Output::Refused { .. } => panic!("no decision"),
    }
}
fn change(answer: &Output) -> Option<(&str, Change)> {
    decision(answer).would_have.as_ref().map(|one| (one.endpoint.as_str(), one.change))
}
fn pair(tune: impl FnOnce(&mut Config)) -> World {
    World::new(config(&[site("east", 1_000), Site { group: 1, ..site("west", 9_000) }], &[], tune))
}

#[test]
fn the_first_choice_needs_none() {
    let mut world = pair(|_| {});
    assert_eq!(change(&world.arrive(100).1), None);
}

#[test]
fn missing_room_is_told_in_the_unit_that_binds_with_the_smaller_request() {
    let mut world = pair(|_| {});
    world.arrive(800);
    let spilled = world.arrive(300).1;
    assert_eq!(change(&spilled), Some(("east", Change::TokensMore(100))));
    assert_eq!(decision(&spilled).would_have.as_ref().and_then(|one| one.output_cap), Some(199));
    let mut world = pair(|config| config.endpoints[0].soft_cap_tokens_per_minute = Some(500));
    world.arrive(450);
    assert_eq!(change(&world.arrive(60).1), Some(("east", Change::SoftCapHigher(10))));
    let mut world = pair(|config| config.endpoints[0].max_in_flight = Some(1));
    world.arrive(10);
    assert_eq!(change(&world.arrive(10).1), Some(("east", Change::InFlightMore(1))));
    let mut world = pair(|config| config.endpoints[0].requests_per_minute = Some(120));
    world.arrive(10);
    world.arrive(10);
    assert_eq!(change(&world.arrive(10).1), Some(("east", Change::RequestsMore(60))), "a third in one second");
    let pooled = Site { pool: Some("p"), ..site("east", 1_000) };
    let mut world = World::new(config(&[pooled, Site { group: 1, ..site("west", 900) }], &[("p", 400)], |_| {}));
    world.arrive(300);
    assert_eq!(change(&world.arrive(150).1), Some(("east", Change::PoolTokensMore(50))));
}

#[test]
fn limits_that_few_services_have_are_told() {
    let mut world = pair(|config| config.endpoints[0].input_tokens_per_minute = Some(200));
    world.arrive_as(150, |profile| profile.size.prompt_chars = 480);
    let spilled = world.arrive_as(150, |profile| profile.size.prompt_chars = 480).1;
    assert_eq!(change(&spilled), Some(("east", Change::InputMore(42))), "121 and 121 of 200");
    let mut world = pair(|config| config.endpoints[0].output_tokens_per_minute = Some(400));
    world.arrive(300);
    assert_eq!(change(&world.arrive(300).1), Some(("east", Change::OutputMore(198))), "299 and 299 of 400");
    let mut world = pair(|config| config.endpoints[0].tokens_per_day = Some(1_000));
    world.arrive(900);
    world.now = Timestamp::from_secs(100);
    let told = change(&world.arrive(300).1).map(|(_, told)| told);
    assert!(matches!(told, Some(Change::DayTokensMore(190..=211))), "{told:?}");
    let mut world = pair(|config| config.endpoints[0].requests_per_day = Some(2));
    world.arrive(10);
    world.arrive(10);
    let told = change(&world.arrive(10).1).map(|(_, told)| told);
    assert!(matches!(told, Some(Change::DayRequestsMore(1 | 2 | 3))), "{told:?}");
}

#[test]
fn a_callers_own_limits_are_told() {
    let caller = |tune: fn(&mut Caller)| {
        World::new(config(&[site("east", 9_000)], &[], |config| {
            let mut caller = Caller::named("batch".into());
            tune(&mut caller);
            config.callers.push(caller);
        }))
    };
    let as_batch = |profile: &mut RequestProfile| profile.caller = Some("batch".into());
    let told = |mut world: World| {
        world.arrive_as(300, as_batch);
        let (_, answer) = world.arrive_as(300, as_batch);
        change(&answer).map(|(_, told)| told)
    };
    assert_eq!(told(caller(|one| one.tokens_per_minute = Some(500))), Some(Change::CallerTokensMore(100)));
    assert_eq!(told(caller(|one| one.requests_per_minute = Some(1))), Some(Change::CallerRequestsMore(1)));
    assert_eq!(told(caller(|one| one.max_in_flight = Some(1))), Some(Change::CallerInFlightMore(1)));
    let both = |one: &mut Caller| (one.tokens_per_minute, one.requests_per_minute) = (Some(500), Some(1));
    assert!(matches!(told(caller(both)), None | Some(Change::Later(_))), "no single change would have done");
}

#[test]
fn rest_and_the_persons_own_settings_are_told() {
    let mut world = pair(|_| {});
    let (request, _) = world.arrive(10);
    let moved = world.fail(request, failure_with_wait(TOKENS, 20));
    assert_eq!(change(&moved), None, "it failed this very request");
    world.now = Timestamp::from_secs(5);
    assert_eq!(change(&world.arrive(10).1), Some(("east", Change::Later(Duration::from_secs(15)))));
    let mut world = pair(|config| config.endpoints[0].admin_state = AdminState::Draining);
    assert_eq!(change(&world.arrive(10).1), Some(("east", Change::Enabled)));
    assert_eq!(change(&world.arrive(2_000).1), None, "enabling it would not make it fit");
    let mut world = pair(|config| config.routes[0].groups[0].spill_percent = Some(30));
    world.arrive(400);
    assert_eq!(change(&world.arrive(10).1), Some(("east", Change::NotWithheld(41))));
}

#[test]
fn whoever_waits_alone_would_go_with_more_room_and_those_behind_with_nobody_ahead() {
    let mut world = World::new(config(&[site("east", 1_000)], &[], |_| {}));
    world.arrive(600);
    world.now = Timestamp::from_secs(10);
    let first = world.arrive(700).1;
    assert_eq!(change(&first), Some(("east", Change::TokensMore(300))));
    assert_eq!(change(&world.arrive(310).1), Some(("east", Change::NobodyAhead)), "700 and 310 do not fit together");
}

#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    Arrive(u64),
    Fail(FailureClass, u64),
    Set(usize, AdminState),
}

fn event() -> impl Strategy<Value = Event> {
    let class = prop_oneof![Just(TOKENS), Just(FailureClass::ServerError), Just(FailureClass::Connect)];
    let state = prop_oneof![2 => Just(AdminState::Enabled), 1 => Just(AdminState::Paused)];
    prop_oneof![
        3 => (0..9_000_u64).prop_map(Event::Pass),
        8 => (2..600_u64).prop_map(Event::Arrive),
        1 => (class, 1..30_u64).prop_map(|(class, wait)| Event::Fail(class, wait)),
        1 => (0..4_usize, state).prop_map(|(which, state)| Event::Set(which, state)),
    ]
}

#[derive(Clone, Debug)]
struct Setting {
    tokens: [u64; 4],
    requests: [Option<u64>; 4],
    soft_cap: Option<u64>,
    max_in_flight: Option<u32>,
    pool: u64,
    spill: (u32, u32, u32),
    enforcement: Enforcement,
}

fn setting() -> impl Strategy<Value = Setting> {
    let spill = prop_oneof![1 => Just((100, 100, 0)), 1 => (30..=100_u32, 20..=100_u32, 0..40_u32)];
    let requests = proptest::array::uniform4(proptest::option::of(20..300_u64));
    let caps = (proptest::option::of(200..900_u64), proptest::option::of(1..6_u32));
    let counted = prop_oneof![
        2 => Just(Enforcement::SlidingLog), 1 => Just(Enforcement::TokenBucket), 1 => Just(Enforcement::Utilization)
    ];
    let all = (proptest::array::uniform4(400..2_000_u64), requests, caps, 500..3_000_u64, (spill, counted));
    all.prop_map(|(tokens, requests, (soft_cap, max_in_flight), pool, (spill, enforcement))| Setting {
        tokens,
        requests,
        soft_cap,
        max_in_flight,
        pool,
        spill,
        enforcement,
    })
}

/// Four endpoints in three groups; the first two share a pool.
fn checked(setting: &Setting, tune: impl FnOnce(&mut Config)) -> Arc<CheckedConfig> {
    let sites: Vec<Site> = ["a", "b", "c", "d"]
        .into_iter()
        .enumerate()
        .map(|(at, id)| Site {
            group: [0, 0, 1, 2][at],
            requests: setting.requests[at],
            pool: (at < 2).then_some("p"),
            enforcement: setting.enforcement,
            ..site(id, setting.tokens[at])
        })
        .collect();
    config(&sites, &[("p", setting.pool)], |config| {
        config.queue.max_wait_seconds = 0;
        config.endpoints[0].soft_cap_tokens_per_minute = setting.soft_cap;
        config.endpoints[1].max_in_flight = setting.max_in_flight;
        let group = &mut config.routes[0].groups[0];
        let (spill, back, stay) = setting.spill;
        (group.spill_percent, group.return_percent, group.min_stay_seconds) = (Some(spill), Some(back), Some(stay));
        tune(config);
    })
}

/// The world as it is after these events; the last that was sent can fail.
fn played(setting: &Setting, events: &[Event]) -> World {
    let mut world = World::new(checked(setting, |_| {}));
    let mut last = None;
    for event in events {
        match event {
            Event::Pass(millis) => drop(world.until(world.now.after(Duration::from_millis(*millis)))),
            Event::Arrive(charge) => {
                let (request, answer) = world.arrive(*charge);
                last = matches!(answer, Output::Assigned { .. }).then_some(request).or(last);
            }
            Event::Fail(class, wait) => {
                if let Some(request) = last.take() {
                    world.give(Input::AttemptFailed { request, failure: failure_with_wait(*class, *wait) });
                }
            }
            Event::Set(which, state) => {
                let id = EndpointId::from(["a", "b", "c", "d"][*which]);
                drop(world.give(Input::SetAdminState(id, *state)));
            }
        }
    }
    world
}

/// Makes the change, and it alone, in the world.
fn make(world: &mut World, setting: &Setting, would_have: &Counterfactual) {
    let id = &would_have.endpoint;
    let admin: Vec<(EndpointId, AdminState)> =
        world.brain.view(world.now).endpoints.iter().map(|one| (one.id.clone(), one.admin_state)).collect();
    let tune = |change: &dyn Fn(&mut Endpoint)| {
        checked(setting, |config| {
            for (endpoint, (_, state)) in config.endpoints.iter_mut().zip(&admin) {
                endpoint.admin_state = *state;
            }
            config.endpoint_mut(id).map(change).expect("an endpoint");
        })
    };
    let more = |limit: &mut Option<u64>, more: u64| *limit = limit.map(|limit| limit + more);
    let pin = |one: &mut Endpoint| one.pinned = true; // a learned ceiling yields to the person's own word alone
    let configured = match would_have.change {
        Change::TokensMore(n) => tune(&|one| {
            more(&mut one.tokens_per_minute, n);
            pin(one);
        }),
        Change::RequestsMore(n) => tune(&|one| {
            more(&mut one.requests_per_minute, n);
            pin(one);
        }),
        Change::SoftCapHigher(n) => tune(&|one| more(&mut one.soft_cap_tokens_per_minute, n)),
        Change::InFlightMore(n) => tune(&|one| one.max_in_flight = one.max_in_flight.map(|most| most + n)),
        Change::Enabled => tune(&|one| one.admin_state = AdminState::Enabled),
        Change::PoolTokensMore(n) => {
            let mut larger = Config::clone(&tune(&|_| {}).config);
            larger.quota_pools[0].tokens_per_minute += n;
            Arc::new(CheckedConfig::resolve(Arc::new(larger), 1).0)
        }
        Change::NotWithheld(percent) => {
            let mut later = Config::clone(&tune(&|_| {}).config);
            let group = &mut later.routes[0].groups[0];
            for share in [&mut group.spill_percent, &mut group.return_percent] {
                *share = share.map(|share| share.max(u32::from(percent)));
            }
            Arc::new(CheckedConfig::resolve(Arc::new(later), 1).0)
        }
        Change::Later(wait) => return world.now = world.now.after(wait),
        Change::KeySet
        | Change::InputMore(_)
        | Change::OutputMore(_)
        | Change::DayTokensMore(_)
        | Change::DayRequestsMore(_)
        | Change::CallerTokensMore(_)
        | Change::CallerRequestsMore(_)
        | Change::CallerInFlightMore(_)
        | Change::RegionPermitted
        | Change::PoolRequestsMore(_)
        | Change::NobodyAhead
        | Change::Priority(_) => {
            panic!("cannot happen here: {would_have:?}")
        }
    };
    world.give(Input::Configured(configured));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_change_that_is_named_flips_the_verdict(
        setting in setting(),
        events in proptest::collection::vec(event(), 1..40),
        charge in 2..800_u64,
    ) {
        let answer = played(&setting, &events).arrive(charge).1;
        let Some(would_have) = decision(&answer).would_have.clone() else { return Ok(()) };
        let flipped = |profile: Arc<RequestProfile>, world: &mut World| {
            let again = world.ask(profile).1;
            let one = decision(&again).candidates.iter().find(|one| one.endpoint == would_have.endpoint);
            let verdict = one.as_ref().map(|one| one.verdict);
            let fits = matches!(verdict, Some(Verdict::Chosen(_) | Verdict::Excluded(Exclusion::NotNeeded)));
            (fits && matches!(again, Output::Assigned { .. }), format!("{would_have:?}\nwas {answer:?}\nis {again:?}"))
        };
        let mut world = played(&setting, &events);
        let waiting = world.brain.view(world.now).queue.waiting > 0;
        if waiting && matches!(would_have.change, Change::Later(_)) {
            return Ok(()); // those who wait would take room meanwhile
        }
        make(&mut world, &setting, &would_have);
        let (fits, story) = flipped(chat(charge), &mut world);
        prop_assert!(fits, "{story}");
        if let Some(cap) = would_have.output_cap {
            let (fits, story) = flipped(chat(cap + 1), &mut played(&setting, &events));
            prop_assert!(fits, "with a cap of {cap}: {story}");
        }
    }
}

#[test]
fn a_key_and_a_region_are_named_where_they_alone_are_missing() {
    let keyless = |config: &mut Config| {
        let mut account = config.accounts[0].clone();
        account.id = AccountId::from("k");
        account.service = crate::model::config::Service::Azure;
        account.base_url = "https://k.example.test".to_owned();
        account.api_version = Some("2024-10-21".to_owned());
        config.accounts.push(account);
        config.endpoints[0].account = AccountId::from("k");
    };
    assert_eq!(change(&pair(keyless).arrive(10).1), Some(("east", Change::KeySet)));
    let far = |config: &mut Config| {
        keyless(config);
        config.accounts[1].service = crate::model::config::Service::Simulated;
        config.accounts[1].region = Some("far".to_owned());
        config.routes[0].regions.never = vec!["far".to_owned()];
    };
    assert_eq!(change(&pair(far).arrive(10).1), Some(("east", Change::RegionPermitted)));
}
