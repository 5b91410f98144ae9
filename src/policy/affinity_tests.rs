use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::world_tests::*;
use super::super::{Input, Output};
use super::*;
use crate::model::checked::CheckedConfig;
use crate::model::config::AdminState;
use crate::model::decision::{Refusal, Verdict};
use crate::model::id::EndpointId;
use crate::model::outcome::{Ending, FailureClass, ThrottleKind};
use crate::model::ownership::Place;
use crate::model::profile::RequestProfile;

/// Endpoints with their accounts and groups: two accounts share the first group, a third stands alone in the second.
const PLACES: [(&str, &str, usize); 5] =
    [("east", "a", 0), ("east2", "a", 0), ("west", "b", 0), ("north", "c", 1), ("south", "b", 1)];

/// The endpoints of these places in one route `m`; every endpoint has this many tokens a minute.
fn over(places: &[(&'static str, &str, usize)], tokens: u64) -> Arc<CheckedConfig> {
    let sites: Vec<Site> = places.iter().map(|(id, _, group)| Site { group: *group, ..site(id, tokens) }).collect();
    config(&sites, &[], |config| {
        let first = config.accounts[0].clone();
        config.accounts =
            ["a", "b", "c"].map(|id| crate::model::config::Account { id: id.into(), ..first.clone() }).into();
        config.queue.max_wait_seconds = 90;
        for (endpoint, (_, account, _)) in config.endpoints.iter_mut().zip(places) {
            endpoint.account = AccountId::from(*account);
        }
    })
}

/// The same with everything on that may move requests: groups that are left early and regions.
fn restless(places: &[(&'static str, &str, usize)], tokens: u64, never: &str) -> Arc<CheckedConfig> {
    let mut config = crate::model::config::Config::clone(&over(places, tokens).config);
    for (account, region) in config.accounts.iter_mut().zip(["r1", "r2", "r3"]) {
        account.region = Some(region.to_owned());
    }
    let route = &mut config.routes[0];
    (route.regions.prefer, route.regions.never) = (vec!["r2".to_owned()], vec![never.to_owned()]);
    for group in &mut route.groups {
        (group.spill_percent, group.return_percent, group.min_stay_seconds) = (Some(50), Some(30), Some(20));
        group.cache_affinity = true;
    }
    Arc::new(CheckedConfig::resolve(Arc::new(config), 2).0)
}

fn referring(charge: u64, state: &[u64]) -> Arc<RequestProfile> {
    let affinity = Affinity { state: state.to_vec(), ..Affinity::default() };
    Arc::new(RequestProfile { affinity, ..RequestProfile::clone(&chat(charge)) })
}

fn own(world: &mut World, account: &str, keys: &[u64]) {
    assert!(world.give(Input::Owned { account: account.into(), keys: keys.to_vec(), are_sealed: false }).is_empty());
}

fn ask(world: &mut World, request: u64, charge: u64, state: &[u64]) -> Output {
    let request = RequestId(request);
    let outputs = world.give(Input::Arrived { request, profile: referring(charge, state) });
    outputs.into_iter().find(|output| output.request() == request).expect("an arrival is answered in the same call")
}

fn refusal(output: &Output) -> Refusal {
    match output {
        Output::Refused { refusal, .. } => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_request_goes_where_its_state_lives_however_free_the_others_are() {
    let mut world = World::new(over(&PLACES, 1_000));
    own(&mut world, "c", &[7]);
    let answer = ask(&mut world, 1, 100, &[6, 7]);
    assert_eq!(place(&answer), "north", "although the first group is all free");
    let decision = &sent(&answer).decision;
    assert_eq!(decision.bound, Some(AccountId::from("c")));
    assert_eq!(decision.chosen().map(|one| one.verdict), Some(Verdict::Chosen(Choice::StateLives)));
    let elsewhere = Verdict::Excluded(Exclusion::BoundElsewhere);
    assert_eq!(decision.candidates.iter().filter(|one| one.verdict == elsewhere).count(), 4);
}

#[test]
fn it_waits_for_its_account_while_others_have_room() {
    let mut world = World::new(over(&PLACES, 1_000));
    own(&mut world, "c", &[7]);
    assert_eq!(place(&ask(&mut world, 1, 900, &[7])), "north");
    assert!(matches!(ask(&mut world, 2, 900, &[7]), Output::Held { .. }));
    let later = world.until(Timestamp::from_secs(70));
    assert_eq!(later.iter().map(|(at, output)| (at.0 / 1_000, place(output))).collect::<Vec<_>>(), [(60_300, "north")]);
}

#[test]
fn an_account_that_is_paused_or_not_in_the_route_is_a_refusal_of_its_own() {
    let mut world = World::new(over(&PLACES, 1_000));
    own(&mut world, "c", &[7]);
    own(&mut world, "gone", &[8]);
    world.give(Input::SetAdminState("north".into(), AdminState::Paused));
    let told = Refusal { reason: RefusalReason::StateOutOfReach, retry_at: None };
    assert_eq!(refusal(&ask(&mut world, 1, 100, &[7])), told);
    assert_eq!(refusal(&ask(&mut world, 2, 100, &[8])).reason, RefusalReason::StateElsewhere);
    assert_eq!(refusal(&ask(&mut world, 3, 100, &[7, 8])).reason, RefusalReason::StateTorn);
}

#[test]
fn a_long_rest_of_its_account_is_told_with_its_end() {
    let mut world = World::new(over(&PLACES, 1_000));
    own(&mut world, "c", &[7]);
    ask(&mut world, 1, 100, &[7]);
    let wait = failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 600);
    let told = refusal(&world.fail(RequestId(1), wait));
    assert_eq!(told.reason, RefusalReason::StateOutOfReach);
    assert!(told.retry_at >= Some(Timestamp::from_secs(600)), "{told:?}");
}

#[test]
fn a_failure_moves_it_within_its_account_only() {
    let mut world = World::new(over(&PLACES, 1_000));
    own(&mut world, "a", &[7]);
    let first = place(&ask(&mut world, 1, 100, &[7])).to_owned();
    let second = place(&world.fail(RequestId(1), failure(FailureClass::ServerError))).to_owned();
    let mut both = [first.as_str(), second.as_str()];
    both.sort_unstable();
    assert_eq!(both, ["east", "east2"]);
    assert!(!matches!(world.fail(RequestId(1), failure(FailureClass::ServerError)), Output::Assigned { .. }));
}

#[test]
fn a_good_answer_tells_where_unknown_state_lives_and_a_bad_one_does_not() {
    let mut world = World::new(over(&PLACES, 1_000));
    let refused = place(&ask(&mut world, 1, 10, &[5])).to_owned();
    assert!(matches!(world.fail(RequestId(1), failure(FailureClass::ClientFault)), Output::GiveUp { .. }));
    assert!(world.brain.view(world.now).kept.is_empty(), "{refused} knows nothing of it");
    let answer = ask(&mut world, 2, 10, &[5]);
    let (site, account) = (place(&answer).to_owned(), sent(&answer).account.clone());
    world.commit(RequestId(2), &site);
    for request in 3..20 {
        assert_eq!(sent(&ask(&mut world, request, 10, &[5])).account, account);
    }
}

#[test]
fn what_is_sealed_is_bound_to_the_credential_also_where_only_a_request_told_of_it() {
    let mut world = World::new(over(&PLACES, 1_000));
    let place_of = |seals: &[u64]| Place { address: 1, credential: seals[0], seals: seals.to_vec() };
    let sealing = |request: u64, world: &mut World| {
        let affinity = Affinity { state: vec![5, 6], sealed: vec![6], ..Affinity::default() };
        let profile = Arc::new(RequestProfile { affinity, ..RequestProfile::clone(&chat(10)) });
        let request = RequestId(request);
        world.give(Input::Arrived { request, profile }).into_iter().find(|output| output.request() == request)
    };
    for account in ["a", "b"] {
        world.give(Input::Placed(account.into(), place_of(&[10])));
    }
    let first = sealing(1, &mut world).expect("an answer");
    let (site, account) = (place(&first).to_owned(), sent(&first).account.clone());
    world.commit(RequestId(1), &site);
    assert_eq!(sent(&sealing(2, &mut world).expect("an answer")).account, account);
    for account in ["a", "b"] {
        world.give(Input::Placed(account.into(), place_of(&[20])));
    }
    let other_key = sealing(3, &mut world).expect("an answer");
    assert_eq!(refusal(&other_key).reason, RefusalReason::StateLeft, "another organization cannot open it");
    assert_eq!(sent(&ask(&mut world, 4, 10, &[5])).account, account, "what is kept by its name is there still");
    let kept = world.brain.take_fresh_owners();
    assert!(kept.iter().any(|one| (one.key, one.seal) == (6, 10)), "and it outlives a restart: {kept:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Ask(u64, Vec<u64>),
    Own(usize, u64),
    Fail(usize, FailureClass),
    Commit(usize),
    Settle(usize),
    Set(usize, AdminState),
    Reconfigure(usize),
    Restless(usize, &'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let class = prop_oneof![
        Just(FailureClass::Throttled(ThrottleKind::Tokens)),
        Just(FailureClass::ServerError),
        Just(FailureClass::Connect),
        Just(FailureClass::NotFound),
        Just(FailureClass::KeyRejected),
        Just(FailureClass::ClientFault),
    ];
    let state = prop_oneof![Just(AdminState::Enabled), Just(AdminState::Paused), Just(AdminState::Draining)];
    prop_oneof![
        3 => (0..30_000_u64).prop_map(Step::Pass),
        9 => (2..600_u64, proptest::collection::vec(0..8_u64, 0..3)).prop_map(|(charge, keys)| Step::Ask(charge, keys)),
        3 => (0..3_usize, 0..8_u64).prop_map(|(account, key)| Step::Own(account, key)),
        4 => (any::<usize>(), class).prop_map(|(which, class)| Step::Fail(which, class)),
        4 => any::<usize>().prop_map(Step::Commit),
        2 => any::<usize>().prop_map(Step::Settle),
        1 => (any::<usize>(), state).prop_map(|(which, state)| Step::Set(which, state)),
        1 => (1..=PLACES.len()).prop_map(Step::Reconfigure),
        1 => (1..=PLACES.len(), prop_oneof![Just("r1"), Just("r3"), Just("r9")]).prop_map(|(n, r)| Step::Restless(n, r)),
    ]
}

/// A driver with books of its own on who holds what.
struct Books {
    world: World,
    owners: BTreeMap<u64, &'static str>,
    /// What each request may go to, as known when it came: an account, or nothing.
    allowed: BTreeMap<RequestId, (Vec<u64>, Vec<&'static str>)>,
    at: BTreeMap<RequestId, (String, &'static str)>,
}

impl Books {
    fn heed(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            let request = output.request();
            self.at.remove(&request);
            let Output::Assigned { assignment, .. } = &output else { continue };
            let account = ["a", "b", "c"].into_iter().find(|id| *id == assignment.account.as_str()).expect("known");
            let allowed = &self.allowed[&request].1;
            assert!(allowed.is_empty() || allowed == &[account], "{account} instead of {allowed:?}");
            self.at.insert(request, (assignment.endpoint.to_string(), account));
        }
    }

    fn nth(&self, which: usize) -> Option<(RequestId, String, &'static str)> {
        let (request, (site, account)) = self.at.iter().nth(which.checked_rem(self.at.len())?)?;
        Some((*request, site.clone(), *account))
    }

    fn play(&mut self, step: Step) {
        let outputs = match step {
            Step::Pass(millis) => {
                let until = self.world.now.after(std::time::Duration::from_millis(millis));
                self.world.until(until).into_iter().map(|(_, output)| output).collect()
            }
            Step::Ask(charge, keys) => {
                let request = RequestId(self.allowed.len() as u64 + 1);
                let mut owners: Vec<_> = keys.iter().filter_map(|key| self.owners.get(key).copied()).collect();
                owners.sort_unstable();
                owners.dedup();
                self.allowed.insert(request, (keys.clone(), owners));
                self.world.give(Input::Arrived { request, profile: referring(charge, &keys) })
            }
            Step::Own(account, key) => {
                let account = ["a", "b", "c"][account];
                self.owners.insert(key, account);
                self.world.give(Input::Owned { account: account.into(), keys: vec![key], are_sealed: false })
            }
            Step::Fail(which, class) => {
                let Some((request, _, _)) = self.nth(which) else { return };
                self.world.give(Input::AttemptFailed { request, failure: failure(class) })
            }
            Step::Commit(which) => {
                let Some((request, site, account)) = self.nth(which) else { return };
                self.at.remove(&request);
                for key in &self.allowed[&request].0 {
                    self.owners.insert(*key, account);
                }
                let mut outputs = self.world.commit(request, &site);
                outputs.extend(self.world.settle(request, Ending::Completed));
                outputs
            }
            Step::Settle(which) => {
                let Some((request, _, _)) = self.nth(which) else { return };
                self.at.remove(&request);
                self.world.settle(request, Ending::ClientLeft)
            }
            Step::Set(which, state) => {
                let id = PLACES[which % PLACES.len()].0;
                self.world.give(Input::SetAdminState(EndpointId::from(id), state))
            }
            Step::Restless(places, never) => {
                self.world.give(Input::Configured(restless(&PLACES[..places], 1_500, never)))
            }
            Step::Reconfigure(places) => self.world.give(Input::Configured(over(&PLACES[..places], 1_500))),
        };
        self.heed(outputs);
    }
}

proptest! {
    #[test]
    fn strict_affinity_is_never_broken(steps in proptest::collection::vec(step(), 1..120)) {
        let world = World::new(over(&PLACES, 1_000));
        let (owners, allowed, at) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut books = Books { world, owners, allowed, at };
        for step in steps {
            books.play(step);
        }
    }
}

#[test]
fn whoever_waits_for_an_account_is_told_when_it_is_paused() {
    let mut world = World::new(over(&PLACES, 1_000));
    own(&mut world, "c", &[7]);
    ask(&mut world, 1, 900, &[7]);
    assert!(matches!(ask(&mut world, 2, 900, &[7]), Output::Held { .. }));
    let told = world.give(Input::SetAdminState("north".into(), AdminState::Paused));
    assert_eq!(
        told.iter().map(refusal).collect::<Vec<_>>(),
        [Refusal { reason: RefusalReason::StateOutOfReach, retry_at: None }]
    );
}
