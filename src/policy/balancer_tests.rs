use std::time::Duration;

use super::super::world_tests::*;
use super::*;
use crate::model::config::{AdminState, Enforcement, Priority};
use crate::model::decision::{Choice, Conclusion, Exclusion, Refusal, RefusalReason, Verdict};
use crate::model::id::EndpointId;
use crate::model::outcome::{Ending, FailureClass, Settlement, ThrottleKind};
use crate::model::profile::RequestProfile;
use crate::model::status::{Health, RestCause};
use crate::model::usage::Usage;

const TOKENS: FailureClass = FailureClass::Throttled(ThrottleKind::Tokens);

fn one_site(tokens: u64) -> World {
    World::new(config(&[site("east", tokens)], &[], |_| {}))
}
fn two_sites() -> World {
    World::new(config(&[site("east", 1_000), site("west", 1_000)], &[], |_| {}))
}
fn two_groups() -> World {
    World::new(config(&[site("east", 1_000), Site { group: 1, ..site("west", 1_000) }], &[], |_| {}))
}
fn refusal(output: &Output) -> Refusal {
    match output {
        Output::Refused { refusal, .. } => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}
fn expected(output: &Output) -> Timestamp {
    match output {
        Output::Held { decision, .. } => match decision.conclusion {
            Conclusion::Held { expected } => expected,
            other => panic!("not held: {other:?}"),
        },
        other => panic!("not held: {other:?}"),
    }
}

#[test]
fn a_request_that_does_not_fit_waits_and_goes_at_the_very_time_it_was_told() {
    let mut world = one_site(1_000);
    world.arrive(600);
    world.now = Timestamp::from_secs(10);
    let (second, held) = world.arrive(600);
    let told = expected(&held);
    assert_eq!(told, Timestamp::from_millis(60_300));
    let out = world.until(Timestamp::from_secs(90));
    assert_eq!((out[0].0, out[0].1.request(), place(&out[0].1)), (told, second, "east"));
}

#[test]
fn a_wait_that_is_too_long_is_refused_at_once_with_the_true_time() {
    let mut world = one_site(1_000);
    world.arrive(600);
    let (_, answer) = world.arrive(600);
    let told = Refusal { reason: RefusalReason::NoCapacityInTime, retry_at: Some(Timestamp::from_millis(60_300)) };
    assert_eq!(refusal(&answer), told);
    world.now = Timestamp::from_millis(60_300);
    assert_eq!(place(&world.arrive(600).1), "east");
}

#[test]
fn a_newcomer_passes_the_one_in_turn_only_where_it_does_not_delay_it() {
    let mut world = one_site(1_000);
    world.arrive(600);
    world.now = Timestamp::from_secs(10);
    let (large, held) = world.arrive(700);
    assert_eq!(expected(&held), Timestamp::from_millis(60_300));
    assert_eq!(place(&world.arrive(300).1), "east", "700 and 300 fit together when its time comes");
    world.now = Timestamp::from_secs(11);
    let (small, behind) = world.arrive(10);
    let Output::Held { decision, .. } = behind else { panic!("held") };
    assert_eq!(decision.candidates.get(0).expect("a candidate").verdict, Verdict::Excluded(Exclusion::LineAhead));
    let gone: Vec<_> =
        world.until(Timestamp::from_secs(75)).iter().map(|(at, out)| (at.0 / 1_000, out.request())).collect();
    assert_eq!(gone, [(60_300, large), (70_300, small)]);
}

#[test]
fn a_throttled_request_goes_to_the_next_endpoint_in_the_same_call() {
    let mut world = two_groups();
    let (request, first) = world.arrive(100);
    assert_eq!(place(&first), "east");
    let second = world.fail(request, failure_with_wait(TOKENS, 20));
    assert_eq!((place(&second), sent(&second).group, sent(&second).attempt), ("west", 2, 2));
    assert_eq!(place(&world.arrive(100).1), "west", "nobody goes where rest is on");
}

#[test]
fn rest_ends_with_one_probe_and_a_ramp() {
    let mut world = two_groups();
    let (request, _) = world.arrive(100);
    world.fail(request, failure_with_wait(TOKENS, 20));
    world.now = Timestamp::from_secs(20);
    let (probe, sent_out) = world.arrive(100);
    assert_eq!(place(&sent_out), "east");
    assert_eq!(sent(&sent_out).decision.chosen().map(|one| one.verdict), Some(Verdict::Chosen(Choice::Probe)));
    assert_eq!(place(&world.arrive(100).1), "west");
    world.commit(probe, "east");
    assert_eq!(place(&world.arrive(10).1), "east");
    let shown = world.brain.view(world.now).endpoints[0].health;
    assert_eq!(shown, Health::Ramping { percent: 25 });
}

#[test]
fn a_later_shorter_throttle_does_not_shorten_a_rest() {
    let mut world = two_groups();
    let ((first, _), (second, _)) = (world.arrive(100), world.arrive(100));
    world.fail(first, failure_with_wait(TOKENS, 30));
    world.fail(second, failure_with_wait(TOKENS, 5));
    let cause = RestCause::Throttled(ThrottleKind::Tokens);
    let shown = world.brain.view(world.now).endpoints[0].health;
    assert_eq!(shown, Health::Resting { until: Timestamp::from_secs(30), cause });
}

#[test]
fn when_everybody_rests_the_refusal_names_the_earliest_return() {
    let mut world = two_sites();
    let (request, _) = world.arrive(100);
    world.fail(request, failure_with_wait(TOKENS, 300));
    let answer = world.fail(request, failure_with_wait(TOKENS, 200));
    let told = Refusal { reason: RefusalReason::NoCapacityInTime, retry_at: Some(Timestamp::from_secs(200)) };
    assert_eq!(refusal(&answer), told);
}

#[test]
fn a_short_rest_is_waited_out_at_the_front_of_the_line() {
    let mut world = one_site(10_000);
    let (first, _) = world.arrive(100);
    let held = world.fail(first, failure_with_wait(TOKENS, 7));
    assert_eq!(expected(&held), Timestamp::from_secs(7));
    let (_, behind) = world.arrive(100);
    assert!(matches!(behind, Output::Held { .. }));
    let out = world.until(Timestamp::from_secs(7));
    assert_eq!(out.iter().map(|(_, output)| output.request()).collect::<Vec<_>>(), [first], "it is the single probe");
}

#[test]
fn a_fault_of_the_request_is_passed_on_and_moves_nothing() {
    let mut world = two_sites();
    let (request, first) = world.arrive(100);
    let at = place(&first).to_owned();
    assert!(matches!(world.fail(request, failure(FailureClass::ClientFault)), Output::GiveUp { .. }));
    let view = world.brain.view(world.now);
    let endpoint = view.endpoint(&EndpointId::from(at.as_str())).expect("it was used");
    assert_eq!((endpoint.counters.failed, endpoint.in_flight, endpoint.tokens.used), (0, 0, 100));
}

#[test]
fn faults_are_tried_elsewhere_then_later_and_then_passed_on() {
    let mut world = two_sites();
    let (request, first) = world.arrive(100);
    let second = world.fail(request, failure(FailureClass::ServerError));
    assert_ne!(place(&first), place(&second));
    let third = world.fail(request, failure(FailureClass::ServerError));
    assert!(expected(&third) <= Timestamp::from_secs(1));
    let out = world.until(Timestamp::from_secs(1));
    assert_eq!(sent(&out[0].1).attempt, 3);
    let fourth = world.fail(request, failure(FailureClass::ServerError));
    assert_eq!(sent(&fourth).attempt, 4);
    assert!(matches!(world.fail(request, failure(FailureClass::ServerError)), Output::GiveUp { .. }));
}

#[test]
fn one_that_meets_only_full_services_waits_on_while_its_deadline_allows_and_does_not_ask_round_for_ever() {
    let mut world = two_sites();
    let (request, first) = world.arrive(100);
    let full = || failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 1);
    let mut attempts = sent(&first).attempt;
    while let answer @ (Output::Assigned { .. } | Output::Held { .. }) = world.fail(request, full()) {
        assert!(attempts < 4 || matches!(answer, Output::Held { .. }), "after four it waits its turn");
        let mut answers = vec![answer];
        answers.extend(world.until(world.now.after(Duration::from_secs(10))).into_iter().map(|(_, output)| output));
        let Some(Output::Assigned { assignment, .. }) = answers.last() else { break };
        attempts = assignment.attempt;
    }
    assert!(attempts > 4 && attempts <= 16, "{attempts}");
    assert!(world.now >= Timestamp::from_secs(30), "it waited for most of its minute");
}

#[test]
fn two_refused_connections_eject_and_give_the_charge_back() {
    let mut world = two_groups();
    for _ in 0..2 {
        let (request, first) = world.arrive(100);
        assert_eq!(place(&first), "east");
        assert_eq!(place(&world.fail(request, failure(FailureClass::Connect))), "west");
    }
    let east = &world.brain.view(world.now).endpoints[0];
    let until = Timestamp::from_secs(5);
    assert_eq!(east.health, Health::Resting { until, cause: RestCause::Unreachable });
    assert_eq!((east.tokens.used, east.tokens.reserved, east.requests.used), (0, 0, 0));
}

#[test]
fn a_rejected_key_rests_every_endpoint_of_the_account_until_a_new_one_comes() {
    let mut world = two_sites();
    let (request, _) = world.arrive(100);
    assert!(matches!(world.fail(request, failure(FailureClass::KeyRejected)), Output::GiveUp { .. }));
    let resting = |world: &World| world.brain.view(world.now).routes[0].serving;
    assert_eq!(resting(&world), 0);
    world.give(Input::KeyReady { account: AccountId::from("a"), ready: true });
    assert!(matches!(world.arrive(100).1, Output::Assigned { .. }));
}

#[test]
fn what_is_larger_than_every_limit_is_refused_without_a_time() {
    let mut world = two_sites();
    let told = Refusal { reason: RefusalReason::TooLargeEverywhere, retry_at: None };
    assert_eq!(refusal(&world.arrive(1_001).1), told);
}

#[test]
fn a_day_long_wait_for_one_size_sends_that_size_elsewhere() {
    let mut world = two_groups();
    let (request, _) = world.arrive(500);
    assert_eq!(place(&world.fail(request, failure_with_wait(TOKENS, 86_400))), "west");
    let until = Timestamp::from_secs(60);
    let cause = RestCause::Throttled(ThrottleKind::Tokens);
    assert_eq!(world.brain.view(world.now).endpoints[0].health, Health::Resting { until, cause });
    world.now = until;
    let (_, large) = world.arrive(500);
    assert_eq!(place(&large), "west");
    assert_eq!(place(&world.arrive(400).1), "east");
}

#[test]
fn paused_draining_and_keyless_endpoints_are_never_used() {
    let mut world = two_sites();
    for (id, state) in [("east", AdminState::Paused), ("west", AdminState::Draining)] {
        world.give(Input::SetAdminState(EndpointId::from(id), state));
    }
    let told = Refusal { reason: RefusalReason::NothingUsable, retry_at: None };
    assert_eq!(refusal(&world.arrive(10).1), told);
    let keyed = config(&[site("east", 1_000)], &[], |config| {
        config.accounts[0].service = Service::Openai;
        config.accounts[0].base_url = "https://api.example.test".to_owned();
    });
    let mut world = World::new(keyed);
    assert_eq!(refusal(&world.arrive(10).1), told);
    assert_eq!(world.brain.view(world.now).endpoints[0].health, Health::NoKey);
    world.give(Input::KeyReady { account: AccountId::from("a"), ready: true });
    assert_eq!(place(&world.arrive(10).1), "east");
}

#[test]
fn enabling_an_endpoint_lets_the_line_go_at_once() {
    let mut world = two_sites();
    world.give(Input::SetAdminState(EndpointId::from("west"), AdminState::Paused));
    world.arrive(1_000);
    world.now = Timestamp::from_secs(5);
    let (waiting, _) = world.arrive(500);
    let out = world.give(Input::SetAdminState(EndpointId::from("west"), AdminState::Enabled));
    assert_eq!((out[0].request(), place(&out[0])), (waiting, "west"));
}

#[test]
fn a_new_configuration_keeps_charges_and_looks_at_the_line_anew() {
    let mut world = one_site(1_000);
    let (first, _) = world.arrive(1_000);
    world.now = Timestamp::from_secs(5);
    let (second, _) = world.arrive(500);
    let out = world.give(Input::Configured(config(&[site("east", 1_400), site("west", 600)], &[], |_| {})));
    assert_eq!((out[0].request(), place(&out[0])), (second, "west"));
    let out = world.give(Input::Configured(config(&[site("west", 600)], &[], |_| {})));
    assert!(out.is_empty());
    world.settle(first, Ending::Completed);
    world.give(Input::Configured(config(&[site("east", 1_400)], &[], |_| {})));
    let east = &world.brain.view(world.now).endpoints[0];
    assert_eq!((east.tokens.used, east.in_flight), (1_000, 0));
}

#[test]
fn stopping_turns_the_line_away_and_admits_nobody() {
    let mut world = one_site(1_000);
    world.arrive(1_000);
    world.now = Timestamp::from_secs(5);
    let (waiting, _) = world.arrive(500);
    let out = world.give(Input::Stopping);
    assert_eq!((out[0].request(), refusal(&out[0]).reason), (waiting, RefusalReason::Stopping));
    assert_eq!(refusal(&world.arrive(1).1).reason, RefusalReason::Stopping);
}

#[test]
fn a_pool_binds_its_members_together() {
    let pooled = |id| Site { pool: Some("p"), ..site(id, 1_000) };
    let mut world = World::new(config(&[pooled("east"), pooled("west")], &[("p", 1_200)], |_| {}));
    world.arrive(1_000);
    let (_, answer) = world.arrive(300);
    assert_eq!(refusal(&answer).retry_at, Some(Timestamp::from_millis(60_300)));
    let Output::Refused { decision: Some(decision), .. } = &answer else { panic!("refused with numbers") };
    let short = decision.candidates.iter().find(|one| one.verdict == Verdict::Excluded(Exclusion::PoolShort));
    assert_eq!(short.map(|one| (one.needs, one.has, one.limit)), Some((300, Some(200), Some(1_200))));
}

#[test]
fn a_lost_reservation_is_taken_back_in_the_end_and_a_long_answer_is_none() {
    let mut world = one_site(1_000);
    let (thinks, _) = world.arrive(100);
    world.arrive(100);
    // It thought for 29 minutes, and wrote for ten.
    world.until(Timestamp::ZERO.after(Duration::from_mins(39)));
    world.commit(thinks, "east");
    world.settle(thinks, Ending::Completed);
    let view = world.brain.view(world.now).endpoints[0].clone();
    assert_eq!((view.counters.answered, view.in_flight), (1, 1));
    world.until(Timestamp::ZERO.after(Duration::from_mins(121)));
    assert_eq!(world.brain.view(world.now).endpoints[0].in_flight, 0);
    assert_eq!(world.brain.next_wake(), None);
}

#[test]
fn a_full_line_refuses_and_says_when() {
    let small = config(&[site("east", 1_000)], &[], |config| config.queue.max_waiting = 1);
    let mut world = World::new(small);
    world.arrive(1_000);
    world.now = Timestamp::from_secs(5);
    world.arrive(100);
    let told = Refusal { reason: RefusalReason::LineFull, retry_at: Some(Timestamp::from_millis(60_300)) };
    assert_eq!(refusal(&world.arrive(100).1), told);
}

#[test]
fn an_unknown_model_has_no_decision() {
    let mut world = World::new(config(&[], &[], |_| {}));
    let (_, answer) = world.arrive(1);
    let Output::Refused { refusal, decision, .. } = answer else { panic!("refused") };
    assert_eq!((refusal.reason, decision), (RefusalReason::UnknownModel, None));
}

fn used_after(enforcement: Enforcement, output: u64) -> u64 {
    let mut world = World::new(config(&[Site { enforcement, ..site("east", 1_000) }], &[], |_| {}));
    let (request, _) = world.arrive(600);
    world.commit(request, "east");
    let usage = Usage { input: 10, cached: 4, output, exact: true, ..Usage::default() };
    let settlement = Settlement { ending: Ending::Completed, usage: Some(usage) };
    world.give(Input::Settled { request, settlement });
    world.brain.view(world.now).endpoints[0].tokens.used
}

#[test]
fn standard_charges_stand_unless_more_was_used_and_provisioned_ones_follow_usage() {
    assert_eq!(used_after(Enforcement::SlidingLog, 40), 600);
    assert_eq!(used_after(Enforcement::SlidingLog, 800), 810);
    assert_eq!(used_after(Enforcement::Utilization, 40), 46);
}

#[test]
fn a_storm_of_faults_spends_no_more_than_the_retry_budget() {
    let mut world = World::new(config(&[site("east", 1_000_000), site("west", 1_000_000)], &[], |_| {}));
    let mut retries = 0;
    for _ in 0..50 {
        let (request, answer) = world.arrive(2);
        if let Output::Assigned { .. } = answer {
            let next = world.fail(request, failure(FailureClass::Timeout));
            retries += u32::from(matches!(next, Output::Assigned { .. } | Output::Held { .. }));
        }
    }
    assert!(retries <= 10 + 50 / 5, "{retries} retries of 50 requests");
}

#[test]
fn a_slow_probe_opens_the_ramp_for_those_who_wait_at_the_very_moment_its_silence_counts() {
    let mut world = one_site(100_000);
    let (first, _) = world.arrive(100);
    world.fail(first, failure_with_wait(TOKENS, 20));
    world.until(Timestamp::from_secs(20));
    let (second, held) = world.arrive(100);
    assert_eq!(expected(&held), Timestamp::from_secs(25));
    let out = world.until(Timestamp::from_secs(40));
    assert_eq!((out[0].0, out[0].1.request()), (Timestamp::from_secs(25), second));
}

#[test]
fn a_client_that_leaves_before_anything_was_sent_gives_everything_back() {
    let mut world = one_site(1_000);
    let (request, _) = world.arrive(900);
    assert_eq!(world.brain.view(world.now).endpoints[0].counters.attempts, 1);
    world.give(Input::Withdrawn { request });
    let east = world.brain.view(world.now).endpoints[0].clone();
    assert_eq!((east.in_flight, east.tokens.used, east.tokens.reserved, east.counters.attempts), (0, 0, 0, 0));
    world.give(Input::Settled { request, settlement: Settlement { ending: Ending::ClientLeft, usage: None } });
    assert_eq!(world.brain.view(world.now).endpoints[0].tokens.used, 0, "its end was told once");
}

fn ask(world: &mut World, change: impl FnOnce(&mut RequestProfile)) -> (RequestId, Output) {
    world.arrive_as(100, change)
}

#[test]
fn an_important_newcomer_goes_before_those_who_wait_already() {
    let mut world = one_site(1_000);
    world.arrive(1_000);
    world.now = Timestamp::from_secs(10);
    let (bulk, _) = world.arrive_as(600, |profile| profile.priority = Priority::Bulk);
    let (person, held) = world.arrive_as(600, |profile| profile.priority = Priority::Interactive);
    assert_eq!(expected(&held), Timestamp::from_millis(60_300));
    let out = world.until(Timestamp::from_secs(65));
    assert_eq!(out.iter().map(|(_, output)| output.request()).collect::<Vec<_>>(), [person]);
    let left: Vec<_> = world.brain.view(world.now).queue.list.iter().map(|one| one.request).collect();
    assert_eq!(left, [bulk]);
}

#[test]
fn a_short_patience_is_refused_at_once_and_a_long_one_is_capped_by_ours() {
    let mut world = one_site(1_000);
    world.arrive(1_000);
    world.now = Timestamp::from_secs(10);
    let (_, hurried) = ask(&mut world, |profile| profile.patience = Some(Duration::from_secs(50)));
    let told = Refusal { reason: RefusalReason::NoCapacityInTime, retry_at: Some(Timestamp::from_millis(60_300)) };
    assert_eq!(refusal(&hurried), told);
    let (patient, held) = ask(&mut world, |profile| profile.patience = Some(Duration::from_secs(51)));
    assert_eq!(expected(&held), Timestamp::from_millis(60_300));
    let (_, _) = ask(&mut world, |profile| profile.patience = Some(Duration::from_hours(9)));
    let deadlines: Vec<_> = world.brain.view(world.now).queue.list.iter().filter_map(|one| one.deadline).collect();
    assert_eq!(deadlines, [Timestamp::from_secs(61), Timestamp::from_secs(70)]);
    assert_eq!(world.until(Timestamp::from_secs(61))[0].1.request(), patient);
}

#[test]
fn the_person_can_put_one_first_and_let_another_wait_no_longer() {
    let mut world = one_site(1_000);
    world.arrive(1_000);
    world.now = Timestamp::from_secs(10);
    let waiting: Vec<RequestId> = (0..3).map(|_| world.arrive(300).0).collect();
    let out = world.give(Input::Cancelled { request: waiting[0] });
    assert_eq!((out[0].request(), refusal(&out[0]).reason), (waiting[0], RefusalReason::Cancelled));
    assert!(world.give(Input::Promoted { request: waiting[2] }).is_empty());
    let shown = world.brain.view(world.now).queue;
    assert_eq!(
        shown.list.iter().map(|one| (one.position, one.request)).collect::<Vec<_>>(),
        [(1, waiting[2]), (2, waiting[1])]
    );
    let gone: Vec<_> = world.until(Timestamp::from_secs(61)).iter().map(|(_, output)| output.request()).collect();
    assert_eq!(gone, [waiting[2], waiting[1]]);
    assert!(world.give(Input::Cancelled { request: waiting[1] }).is_empty(), "it has gone");
}

#[test]
fn a_full_line_makes_room_for_the_more_important() {
    let small = config(&[site("east", 1_000)], &[], |config| config.queue.max_waiting = 2);
    let mut world = World::new(small);
    world.arrive(1_000);
    world.now = Timestamp::from_secs(5);
    let (kept, _) = ask(&mut world, |profile| profile.priority = Priority::Bulk);
    let (gone, _) = ask(&mut world, |profile| profile.priority = Priority::Bulk);
    let request = RequestId(90);
    let profile = RequestProfile { priority: Priority::Normal, ..RequestProfile::clone(&chat(100)) };
    let out = world.give(Input::Arrived { request, profile: Arc::new(profile) });
    let told = Refusal { reason: RefusalReason::LineFull, retry_at: Some(Timestamp::from_millis(60_300)) };
    assert_eq!((out[0].request(), refusal(&out[0])), (gone, told));
    assert!(matches!(out[1], Output::Held { .. }));
    assert_eq!(
        world.brain.view(world.now).queue.list.iter().map(|one| one.request).collect::<Vec<_>>(),
        [request, kept]
    );
}

#[test]
fn small_ones_flow_while_a_large_one_waits_and_it_goes_when_it_was_told() {
    let mut world = World::new(config(&[site("east", 1_000), site("west", 500)], &[], |_| {}));
    world.arrive(900);
    world.now = Timestamp::from_secs(5);
    let (large, held) = world.arrive(1_000);
    assert_eq!(expected(&held), Timestamp::from_millis(60_300));
    for _ in 0..5 {
        assert_eq!(place(&world.arrive(100).1), "west");
    }
    assert!(matches!(world.arrive(100).1, Output::Held { .. }), "what is free at east is kept");
    let out = world.until(Timestamp::from_secs(61));
    assert_eq!((out[0].0.0 / 1_000, out[0].1.request(), place(&out[0].1)), (60_300, large, "east"));
}

#[test]
fn routes_that_share_an_endpoint_keep_room_for_each_others_next() {
    let both = config(&[site("east", 1_000)], &[], |config| {
        let other = crate::model::config::Route { model: "n".into(), ..config.routes[0].clone() };
        config.routes.push(other);
    });
    let mut world = World::new(both);
    world.arrive(600);
    world.now = Timestamp::from_secs(5);
    let (large, _) = world.arrive(900);
    let (_, other) = ask(&mut world, |profile| profile.model = "n".into());
    assert_eq!(place(&other), "east", "900 and 100 fit together");
    let (behind, other) = ask(&mut world, |profile| profile.model = "n".into());
    assert!(matches!(other, Output::Held { .. }));
    let out = world.until(Timestamp::from_secs(66));
    assert_eq!(out.iter().map(|(_, output)| output.request()).collect::<Vec<_>>(), [large, behind]);
}

#[test]
fn the_waits_between_a_requests_attempts_together_stay_within_what_it_may_wait() {
    let patient =
        |seconds| World::new(config(&[site("east", 10_000)], &[], |config| config.queue.max_wait_seconds = seconds));
    let mut world = patient(30);
    let (request, _) = world.arrive(100);
    let mut waited = Duration::ZERO;
    for _ in 0..3 {
        let answer = world.fail(request, failure_with_wait(TOKENS, 12));
        let Output::Held { .. } = answer else {
            assert!(waited >= Duration::from_secs(24), "{waited:?}: {answer:?}");
            assert_eq!(refusal(&answer).reason, RefusalReason::NoCapacityInTime);
            return;
        };
        let before = world.now;
        let out = world.until(world.now.after(Duration::from_secs(12)));
        assert_eq!(out[0].1.request(), request);
        waited += out[0].0.since(before);
        assert!(waited <= Duration::from_secs(30));
    }
    panic!("it waited three times: {waited:?}");
}

#[test]
fn a_client_that_repeats_itself_leaves_less_for_our_own_retries() {
    let retries = |sdk_retry| {
        let mut world = World::new(config(&[site("east", 1_000_000), site("west", 1_000_000)], &[], |_| {}));
        let mut retries = 0;
        for _ in 0..30 {
            let mut profile = crate::model::profile::RequestProfile::clone(&chat(2));
            profile.sdk_retry = sdk_retry;
            let (request, answer) = world.ask(Arc::new(profile));
            if let Output::Assigned { .. } = answer {
                let next = world.fail(request, failure(FailureClass::Timeout));
                retries += u32::from(matches!(next, Output::Assigned { .. } | Output::Held { .. }));
            }
        }
        retries
    };
    assert!(retries(1) < retries(0), "{} and {}", retries(1), retries(0));
}
