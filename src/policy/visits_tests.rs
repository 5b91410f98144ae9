use super::super::world_tests::*;
use super::super::{Input, Output};
use super::*;
use crate::model::checked::CheckedConfig;
use crate::model::config::AdminState;
use crate::model::decision::{Exclusion, Refusal};
use crate::model::outcome::{Failure, FailureClass, HeaderFacts, ThrottleKind};
use crate::model::profile::{Affinity, Operation};
use crate::model::status::{Health, RestCause};

/// Two accounts with an endpoint each, on one route.
pub(super) fn world() -> World {
    world_of(|_| {})
}

/// The same with something else.
pub(super) fn world_of(change: impl FnOnce(&mut crate::model::config::Config)) -> World {
    let sites = [site("ea", 1_000), site("eb", 1_000)];
    let config: Arc<CheckedConfig> = config(&sites, &[], |config| {
        let first = config.accounts[0].clone();
        config.accounts = ["a", "b"].map(|id| crate::model::config::Account { id: id.into(), ..first.clone() }).into();
        config.endpoints[1].account = "b".into();
        config.queue.max_wait_seconds = 90;
        change(config);
    });
    World::new(config)
}

pub(super) fn visit(account: &str) -> Visit {
    Visit { account: account.into(), is_bound: true, waits: true, repeats: true, goes_on: false }
}

pub(super) fn go(world: &mut World, request: u64, visit: Visit) -> Output {
    go_as(world, request, visit, None)
}

/// The same for a caller.
pub(super) fn go_as(world: &mut World, request: u64, visit: Visit, caller: Option<&str>) -> Output {
    let size = crate::model::profile::RequestSize { choices: 1, ..Default::default() };
    let profile = RequestProfile {
        model: "/files".into(),
        operation: Operation::Stored,
        size,
        affinity: Affinity::default(),
        caller: caller.map(Into::into),
        ..RequestProfile::clone(&chat(2))
    };
    let request = RequestId(request);
    let outputs = world.give(Input::Visiting { request, profile: Arc::new(profile), visit });
    outputs.into_iter().find(|output| output.request() == request).expect("an answer")
}

pub(super) fn fail(world: &mut World, request: u64, failure: Failure) -> Vec<Output> {
    world.give(Input::AttemptFailed { request: RequestId(request), failure })
}

pub(super) fn commit(world: &mut World, request: u64) -> Vec<Output> {
    let signal =
        crate::model::outcome::HeaderSignal { endpoint: "ea".into(), facts: HeaderFacts::default(), has_output: true };
    world.give(Input::Committed { request: RequestId(request), signal })
}

pub(super) fn sent_to(output: &Output) -> Option<&str> {
    match output {
        Output::Assigned { assignment, .. } => Some(assignment.endpoint.as_str()),
        _ => None,
    }
}

pub(super) fn refused(output: &Output) -> Option<Refusal> {
    match output {
        Output::Refused { refusal, .. } => Some(*refusal),
        _ => None,
    }
}

/// Lets time pass up to a moment, each wake in turn.
pub(super) fn until(world: &mut World, seconds: u64) -> Vec<Output> {
    let (end, mut all) = (Timestamp::from_secs(seconds), Vec::new());
    while let Some(wake) = world.brain.next_wake().filter(|wake| *wake <= end) {
        world.now = world.now.max(wake);
        all.extend(world.give(Input::Tick));
    }
    world.now = end;
    all
}

#[test]
fn a_visit_goes_to_its_account_with_a_decision_and_waits_for_no_tokens() {
    let mut world = world();
    // Every token of its endpoint is reserved.
    let (_, taken) = world.arrive(1_000);
    let (_, other) = world.arrive(1_000);
    assert!(sent_to(&taken).is_some() && sent_to(&other).is_some());
    let output = go(&mut world, 90, visit("b"));
    let Output::Assigned { assignment, .. } = &output else { panic!("{output:?}") };
    assert_eq!((assignment.endpoint.as_str(), assignment.account.as_str()), ("eb", "b"));
    assert_eq!(assignment.decision.bound.as_ref().map(AccountId::as_str), Some("b"));
    assert_eq!(assignment.decision.candidates.len(), 1, "of the account's own endpoints alone");
}

#[test]
fn a_refused_key_rests_the_whole_account_for_visits_and_for_traffic() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    let outputs = fail(&mut world, 1, failure(FailureClass::KeyRejected));
    assert!(matches!(outputs[..], [Output::GiveUp { .. }]), "the service's own words go back: {outputs:?}");
    let refusal = refused(&go(&mut world, 2, Visit { waits: false, ..visit("a") })).expect("it rests");
    assert_eq!((refusal.reason, refusal.retry_at), (RefusalReason::AccountRests, Some(Timestamp::from_secs(60))));
    let (_, traffic) = world.arrive(10);
    assert_eq!(sent_to(&traffic), Some("eb"), "nothing else that is signed with the key is sent there");
}

#[test]
fn a_key_that_traffic_found_refused_keeps_visits_away_too() {
    let mut world = world();
    let (request, output) = world.arrive(10);
    assert!(sent_to(&output).is_some());
    let resting = if sent_to(&output) == Some("ea") { "a" } else { "b" };
    world.give(Input::AttemptFailed { request, failure: failure(FailureClass::KeyRejected) });
    let held = go(&mut world, 90, visit(resting));
    assert!(matches!(held, Output::Held { .. }), "a minute is within its patience: {held:?}");
    let gone = until(&mut world, 60);
    assert!(gone.iter().any(|output| output.request() == RequestId(90) && sent_to(output).is_some()), "{gone:?}");
}

#[test]
fn a_refused_key_keeps_visits_away_though_a_longer_rest_for_a_limit_is_on_too() {
    let mut world = world();
    let mut at_ea = Vec::new();
    while at_ea.len() < 2 {
        let (request, answer) = world.arrive(50);
        at_ea.extend(Some(request).filter(|_| place(&answer) == "ea"));
    }
    let throttle = failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 600);
    for (request, failure) in at_ea.into_iter().zip([throttle, failure(FailureClass::KeyRejected)]) {
        world.give(Input::AttemptFailed { request, failure });
    }
    let Output::Refused { decision: Some(decision), .. } = go(&mut world, 90, Visit { waits: false, ..visit("a") })
    else {
        panic!("the key is refused")
    };
    let out: Vec<_> = decision.candidates.iter().map(|one| one.verdict).collect();
    assert_eq!(out, [Verdict::Excluded(Exclusion::NoKey)]);
    let ea = &world.brain.view(world.now).endpoints[0];
    assert!(matches!(ea.health, Health::Resting { cause: RestCause::Throttled(_), .. }), "{:?}", ea.health);
    let also: Vec<_> = ea.also_resting.iter().map(|one| one.cause).collect();
    assert_eq!(also, [RestCause::KeyRejected]);
}

#[test]
fn a_told_rest_is_waited_for_and_ends_by_a_single_probe() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    let told = failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 20);
    let outputs = fail(&mut world, 1, told);
    assert!(matches!(outputs[..], [Output::Held { .. }]), "it goes again once it may: {outputs:?}");
    assert!(matches!(go(&mut world, 2, visit("a")), Output::Held { .. }));
    assert!(until(&mut world, 19).is_empty(), "nobody goes before the time that was told");
    let gone = until(&mut world, 21);
    assert_eq!(gone.iter().filter(|output| sent_to(output).is_some()).count(), 1, "one probe: {gone:?}");
    let probe = gone[0].request();
    let freed = commit(&mut world, probe.0);
    assert_eq!(freed.iter().filter(|output| sent_to(output).is_some()).count(), 1, "its success lets the other go");
}

#[test]
fn a_rest_of_visits_does_not_rest_the_deployments() {
    let mut world = world();
    go(&mut world, 1, Visit { waits: false, ..visit("a") });
    fail(&mut world, 1, failure_with_wait(FailureClass::Throttled(ThrottleKind::Requests), 600));
    let homes: Vec<Option<String>> = (0..2).map(|_| sent_to(&world.arrive(10).1).map(str::to_owned)).collect();
    assert!(homes.contains(&Some("ea".to_owned())), "{homes:?}");
    assert!(refused(&go(&mut world, 9, visit("a"))).is_some(), "ten minutes are more than anybody waits");
}

#[test]
fn what_may_have_changed_something_is_not_sent_twice() {
    let mut world = world();
    go(&mut world, 1, Visit { repeats: false, ..visit("a") });
    let outputs = fail(&mut world, 1, failure(FailureClass::ServerError));
    assert!(matches!(outputs[..], [Output::GiveUp { .. }]), "{outputs:?}");
    go(&mut world, 2, visit("a"));
    let outputs = fail(&mut world, 2, failure(FailureClass::ServerError));
    assert!(matches!(outputs[..], [Output::Held { .. }]), "a look may be repeated: {outputs:?}");
    let gone = until(&mut world, 30);
    assert!(gone.iter().any(|output| sent_to(output) == Some("ea")), "{gone:?}");
}

#[test]
fn a_wait_ends_at_its_deadline_and_with_the_brain() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    fail(&mut world, 1, failure(FailureClass::KeyRejected));
    assert!(matches!(go(&mut world, 2, visit("a")), Output::Held { .. }));
    let stopped = world.give(Input::Stopping);
    let reasons: Vec<RefusalReason> = stopped.iter().filter_map(refused).map(|refusal| refusal.reason).collect();
    assert_eq!(reasons, [RefusalReason::Stopping]);
    assert_eq!(world.brain.next_wake(), None, "nobody is left behind");
}

#[test]
fn a_new_key_lets_those_who_wait_try_it() {
    let mut world = world();
    go(&mut world, 1, visit("a"));
    fail(&mut world, 1, failure(FailureClass::KeyRejected));
    assert!(matches!(go(&mut world, 2, visit("a")), Output::Held { .. }));
    let outputs = world.give(Input::KeyReady { account: "a".into(), ready: true });
    assert_eq!(outputs.iter().filter_map(sent_to).collect::<Vec<_>>(), ["ea"]);
}

#[test]
fn an_account_that_is_paused_is_refused_by_name_and_never_another_asked() {
    let mut world = world();
    world.give(Input::SetAdminState("ea".into(), AdminState::Paused));
    let refusal = refused(&go(&mut world, 1, visit("a"))).expect("nothing to go by");
    assert_eq!((refusal.reason, refusal.retry_at), (RefusalReason::StateOutOfReach, None));
}
