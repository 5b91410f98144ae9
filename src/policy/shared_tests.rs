use std::sync::Arc;

use super::super::world_tests::{World, config, failure, place, site};
use super::*;
use crate::model::checked::CheckedConfig;
use crate::model::decision::{Exclusion, Verdict};
use crate::model::outcome::{Ending, FailureClass};
use crate::model::status::Health;
use crate::policy::health::{HealthState, Pace, Standing};
use crate::policy::{Input, Output};

const CREDIT: ThrottleKind = ThrottleKind::OutOfCredit;
const PACE: Pace = Pace { tokens_per_minute: None, requests_per_minute: None };

/// Three endpoints, each of an account of its own, as `tell` says.
fn of_accounts(tell: impl Fn(usize, &mut Account)) -> Arc<CheckedConfig> {
    config(&[site("e0", 60_000), site("e1", 60_000), site("e2", 60_000)], &[], |config| {
        let first = config.accounts[0].clone();
        config.accounts = (0..3)
            .map(|at| {
                let mut account = Account { id: AccountId::from(format!("a{at}")), ..first.clone() };
                account.organization = Some("org-1".to_owned());
                tell(at, &mut account);
                account
            })
            .collect();
        for (at, endpoint) in config.endpoints.iter_mut().enumerate() {
            endpoint.account = AccountId::from(format!("a{at}"));
        }
    })
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn healths(world: &World) -> Vec<Health> {
    world.brain.view(world.now).endpoints.into_iter().map(|endpoint| endpoint.health).collect()
}

/// Sends requests until one is at this endpoint; the others are taken back.
fn send_to(world: &mut World, endpoint: &str) -> RequestId {
    loop {
        let (request, answer) = world.arrive(100);
        if place(&answer) == endpoint {
            return request;
        }
    }
}

/// The first endpoint is told that there is no money.
fn refused(tell: impl Fn(usize, &mut Account), kind: ThrottleKind) -> World {
    let mut world = World::new(of_accounts(tell));
    let request = send_to(&mut world, "e0");
    world.fail(request, failure(FailureClass::Throttled(kind)));
    world
}

fn resting(world: &World) -> Vec<bool> {
    healths(world).into_iter().map(|health| matches!(health, Health::Resting { .. })).collect()
}

#[test]
fn an_empty_purse_rests_every_account_of_the_organization_and_no_other() {
    let other = |at: usize, account: &mut Account| {
        if at == 2 {
            account.organization = Some("org-2".to_owned());
        }
    };
    assert_eq!(resting(&refused(other, CREDIT)), [true, true, false]);
    let unsaid = |_: usize, account: &mut Account| account.organization = None;
    assert_eq!(resting(&refused(unsaid, CREDIT)), [true, false, false], "what is not stated is not guessed");
}

#[test]
fn a_projects_spend_limit_rests_that_project_alone() {
    let projects = |at: usize, account: &mut Account| account.project = Some(format!("p{}", at / 2));
    assert_eq!(resting(&refused(projects, ThrottleKind::ProjectLimit)), [true, true, false]);
}

#[test]
fn one_probe_decides_for_all_who_draw_on_the_same_purse() {
    let mut world = refused(|_, _| {}, CREDIT);
    assert_eq!(resting(&world), [true; 3]);
    world.until(at(700));
    let (probe, answer) = world.arrive(100);
    let first = place(&answer).to_owned();
    assert_eq!(healths(&world), [Health::Probing; 3]);
    let (next, answer) = world.arrive(100);
    assert!(matches!(answer, Output::Held { .. }), "nobody else asks meanwhile: {answer:?}");
    world.fail(probe, failure(FailureClass::Throttled(CREDIT)));
    assert_eq!(resting(&world), [true; 3], "and all rest again");
    world.give(Input::Withdrawn { request: next });
    world.until(at(1_400));
    let (probe, _) = world.arrive(100);
    world.commit(probe, &first);
    assert_eq!(healths(&world), [Health::Ramping { percent: 25 }; 3], "one answer is enough for all");
}

#[test]
fn a_probe_that_leaves_without_a_word_lets_another_go() {
    let mut world = refused(|_, _| {}, CREDIT);
    world.until(at(700));
    let (probe, _) = world.arrive(100);
    world.settle(probe, Ending::ClientLeft);
    assert_eq!(resting(&world), [true; 3]);
    let (_, answer) = world.arrive(100);
    assert!(matches!(answer, Output::Assigned { .. }), "{answer:?}");
}

#[test]
fn what_one_of_them_rests_for_besides_goes_on_when_there_is_credit_again() {
    let mut world = World::new(of_accounts(|_, _| {}));
    let (one, other) = (send_to(&mut world, "e1"), send_to(&mut world, "e0"));
    world.now = at(500);
    let wait = super::super::world_tests::failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 800);
    world.fail(one, wait);
    world.fail(other, failure(FailureClass::Throttled(CREDIT)));
    world.until(at(1_110));
    let (probe, answer) = world.arrive(100);
    let asked = place(&answer).to_owned();
    assert_ne!(asked, "e1", "it was told to wait until 1,300");
    world.commit(probe, &asked);
    let health = healths(&world);
    let cause = RestCause::Throttled(ThrottleKind::Tokens);
    assert_eq!(health[1], Health::Resting { until: at(1_300), cause });
    assert_eq!([health[0], health[2]], [Health::Ramping { percent: 25 }; 2]);
}

#[test]
fn a_rest_of_its_own_is_probed_apart_even_where_its_time_is_over() {
    let mut world = World::new(of_accounts(|_, _| {}));
    let (one, other) = (send_to(&mut world, "e1"), send_to(&mut world, "e0"));
    let wait = super::super::world_tests::failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 20);
    world.fail(one, wait);
    world.fail(other, failure(FailureClass::Throttled(CREDIT)));
    world.until(at(700));
    let (probe, asked) = loop {
        let (probe, answer) = world.arrive(100);
        let asked = place(&answer).to_owned();
        if asked != "e1" {
            break (probe, asked);
        }
        world.settle(probe, Ending::ClientLeft);
    };
    world.until(at(704));
    assert_eq!(healths(&world)[1], Health::Probing);
    world.until(at(706));
    let cause = RestCause::Throttled(ThrottleKind::Tokens);
    assert_eq!(healths(&world)[1], Health::Resting { until: at(20), cause }, "silence says nothing of its own 429");
    world.commit(probe, &asked);
    assert!(matches!(healths(&world)[1], Health::Resting { until, .. } if until == at(20)), "{:?}", healths(&world));
}

#[test]
fn another_key_of_one_account_is_tried_for_that_account_alone() {
    let mut world = refused(|_, _| {}, CREDIT);
    world.until(at(60));
    world.give(Input::KeyReady { account: AccountId::from("a1"), ready: true });
    let (_, answer) = world.arrive(100);
    assert_eq!(place(&answer), "e1");
}

#[test]
fn whoever_has_another_rest_sends_a_probe_of_its_own_while_the_shared_one_runs_long() {
    let mut health = HealthState::new();
    let own = RestCause::Throttled(ThrottleKind::Tokens);
    health.rest(RequestId(1), at(20), own);
    health.rest(RequestId(1), at(600), RestCause::Throttled(CREDIT));
    assert!(health.await_probe(at(700), RequestId(2), Fault::Credit));
    assert_eq!(health.standing(at(704), 1, PACE), Standing::Probing(Some(at(705))));
    assert_eq!(health.standing(at(705), 1, PACE), Standing::Probe);
    health.sent(at(706), RequestId(3), 1);
    health.heard(at(707), RequestId(2), Fault::Credit, true);
    assert!(health.is_probe(RequestId(3)), "and the other's end does not decide over it");
    health.committed(at(708), RequestId(3));
    assert_eq!(health.health(at(708)), Health::Ramping { percent: 25 });
}

#[test]
fn another_key_of_one_account_is_tried_while_anothers_probe_runs() {
    let mut world = refused(|_, _| {}, CREDIT);
    world.until(at(700));
    let (_, answer) = world.arrive(100);
    let other = if place(&answer) == "e1" { "a2" } else { "a1" };
    world.give(Input::KeyReady { account: AccountId::from(other), ready: true });
    let (_, answer) = world.arrive(100);
    assert_eq!(place(&answer), other.replace('a', "e"));
}

#[test]
fn deployments_of_one_azure_subscription_pay_together() {
    let azure = |subscription: &str| {
        let mut account = of_accounts(|_, _| {}).config.accounts[0].clone();
        account.service = crate::model::config::Service::Azure;
        account.subscription = Some(subscription.to_owned());
        account
    };
    assert!(pay_together(&azure("s1"), &azure("s1"), CREDIT));
    assert!(!pay_together(&azure("s1"), &azure("s2"), CREDIT), "whatever their organization");
}

#[test]
fn why_the_others_wait_is_said_of_each() {
    let mut world = refused(|_, _| {}, CREDIT);
    world.until(at(700));
    let (_, _) = world.arrive(100);
    let (_, answer) = world.arrive(100);
    let Output::Held { decision, .. } = answer else { panic!("held") };
    let whys: Vec<_> = decision.candidates.iter().map(|one| one.verdict).collect();
    assert_eq!(whys, [Verdict::Excluded(Exclusion::ProbeRunning); 3]);
}
