use super::*;
use crate::model::outcome::ThrottleKind;

const PACE: Pace = Pace { tokens_per_minute: Some(60_000), requests_per_minute: Some(1_200) };
const CAUSE: RestCause = RestCause::Throttled(ThrottleKind::Tokens);
const PROBE: RequestId = RequestId(1);
const OTHER: RequestId = RequestId(2);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}
fn resting(until: u64) -> HealthState {
    let mut health = HealthState::new();
    health.rest(OTHER, at(until), CAUSE);
    health
}

#[test]
fn silence_does_not_shorten_a_rest_that_was_told_after_the_probe_was_sent() {
    let mut health = resting(30);
    health.sent(at(30), PROBE, 1);
    health.rest(OTHER, at(90), RestCause::Throttled(ThrottleKind::Tokens));
    assert_eq!(health.standing(at(40), 1, PACE), Standing::Probing(None));
}

#[test]
fn a_probes_success_does_not_end_a_rest_that_was_told_after_it_was_sent() {
    let mut health = resting(30);
    health.sent(at(30), PROBE, 1);
    health.rest(OTHER, at(90), CAUSE);
    health.committed(at(33), PROBE);
    assert_eq!(health.standing(at(40), 1, PACE), Standing::Resting(at(90), CAUSE));
    assert_eq!(health.standing(at(90), 1, PACE), Standing::Probe);
}

#[test]
fn a_second_rest_never_shortens_the_first() {
    let mut health = resting(30);
    health.rest(OTHER, at(10), CAUSE);
    assert_eq!(health.standing(at(11), 1, PACE), Standing::Resting(at(30), CAUSE));
    health.rest(OTHER, at(40), CAUSE);
    assert_eq!(health.standing(at(31), 1, PACE), Standing::Resting(at(40), CAUSE));
}

#[test]
fn exactly_one_probe_goes_when_rest_ends() {
    let mut health = resting(30);
    assert_eq!(health.standing(at(30), 1, PACE), Standing::Probe);
    health.sent(at(30), PROBE, 1);
    assert_eq!(health.standing(at(31), 1, PACE), Standing::Probing(Some(at(35))));
    health.committed(at(31), OTHER);
    assert_eq!(health.health(at(31)), Health::Probing, "an older request proves nothing");
    health.unjudged(at(31), PROBE);
    assert_eq!(health.standing(at(31), 1, PACE), Standing::Probe);
}

#[test]
fn a_committed_probe_ramps_from_a_quarter_to_everything_in_four_seconds() {
    let mut health = resting(30);
    health.sent(at(30), PROBE, 1);
    health.committed(at(31), PROBE);
    let shown: Vec<Health> = (31..=35).map(|second| health.health(at(second))).collect();
    let ramp = |percent| Health::Ramping { percent };
    assert_eq!(shown, [ramp(25), ramp(43), ramp(62), ramp(81), Health::Healthy]);
}

#[test]
fn a_slow_probe_of_a_throttle_counts_as_let_in_when_no_429_came() {
    let mut health = resting(30);
    health.sent(at(30), PROBE, 1);
    assert_eq!(health.health(at(34)), Health::Probing);
    assert_eq!(health.health(at(35)), Health::Ramping { percent: 25 });
    assert_eq!(health.standing(at(35), 1, PACE), Standing::Open);
    health.sent(at(36), OTHER, 1);
    health.unjudged(at(37), PROBE);
    assert_eq!(health.health(at(37)), Health::Ramping { percent: 62 }, "a probe that leaves now takes nothing back");
    health.rest(PROBE, at(60), CAUSE);
    assert_eq!(health.standing(at(38), 1, PACE), Standing::Resting(at(60), CAUSE), "a late 429 is one all the same");
}

#[test]
fn silence_says_nothing_of_faults() {
    let mut health = HealthState::new();
    health.rest(OTHER, at(30), RestCause::Errors);
    health.sent(at(30), PROBE, 1);
    assert_eq!(health.standing(at(90), 1, PACE), Standing::Probing(None));
}

#[test]
fn a_ramp_step_admits_its_share_and_then_waits_for_the_next() {
    let mut health = resting(30);
    health.sent(at(30), PROBE, 1);
    health.committed(at(31), PROBE);
    health.sent(at(31), OTHER, 200);
    assert_eq!(health.standing(at(31), 50, PACE), Standing::Open);
    assert_eq!(health.standing(at(31), 51, PACE), Standing::Ramping(at(32)));
    assert_eq!(health.standing(at(32), 5_000, PACE), Standing::Open, "the first of a step always goes");
}

#[test]
fn three_faults_in_a_row_eject_and_an_answer_between_starts_over() {
    let mut health = HealthState::new();
    assert_eq!(health.faulted(at(1), OTHER, false, &HealthRule::default()), None);
    assert_eq!(health.faulted(at(2), OTHER, false, &HealthRule::default()), None);
    health.committed(at(3), OTHER);
    assert_eq!(health.faulted(at(4), OTHER, false, &HealthRule::default()), None);
    assert_eq!(health.faulted(at(5), OTHER, false, &HealthRule::default()), None);
    assert_eq!(health.faulted(at(6), OTHER, false, &HealthRule::default()), Some(1));
}

#[test]
fn two_failed_connections_eject_and_faults_an_hour_apart_do_not() {
    let mut health = HealthState::new();
    assert_eq!(health.faulted(at(1), OTHER, true, &HealthRule::default()), None);
    assert_eq!(health.faulted(at(2), OTHER, true, &HealthRule::default()), Some(1));
    let mut slow = HealthState::new();
    for hour in 1..5 {
        assert_eq!(slow.faulted(at(hour * 3_600), OTHER, true, &HealthRule::default()), None);
    }
}

#[test]
fn a_failed_probe_ejects_again_and_stragglers_do_not_count() {
    let mut health = resting(30);
    assert_eq!(health.faulted(at(5), OTHER, true, &HealthRule::default()), None);
    assert_eq!(health.throttled(OTHER), 1);
    assert_eq!(health.throttled(OTHER), 1, "both were sent before the rest");
    health.sent(at(30), PROBE, 1);
    assert_eq!(health.faulted(at(31), PROBE, false, &HealthRule::default()), Some(1));
}

#[test]
fn a_new_key_ends_the_rest_of_a_rejected_one_only() {
    let mut health = HealthState::new();
    health.rest(OTHER, at(60), RestCause::KeyRejected);
    assert!(health.forgive_key(at(5)));
    assert_eq!(health.standing(at(5), 1, PACE), Standing::Probe);
    let mut other = resting(60);
    assert!(!other.forgive_key(at(5)));
    assert_eq!(other.standing(at(5), 1, PACE), Standing::Resting(at(60), CAUSE));
}

#[test]
fn the_persons_rule_says_how_many_failures_within_what_time_eject() {
    let rule = HealthRule { failures: 2, within_seconds: 10, ..HealthRule::default() };
    let mut health = HealthState::new();
    assert_eq!(health.faulted(at(1), OTHER, false, &rule), None);
    assert_eq!(health.faulted(at(20), OTHER, false, &rule), None, "too far apart to be in a row");
    assert_eq!(health.faulted(at(25), OTHER, false, &rule), Some(1));
}

#[test]
fn each_kind_of_failure_keeps_its_own_rest() {
    let mut health = HealthState::new();
    health.rest(OTHER, at(60), RestCause::KeyRejected);
    health.rest(OTHER, at(30), CAUSE);
    assert_eq!(health.standing(at(5), 1, PACE), Standing::Resting(at(60), RestCause::KeyRejected));
    assert!(health.forgive_key(at(5)));
    assert_eq!(health.standing(at(5), 1, PACE), Standing::Resting(at(30), CAUSE), "a new key does not unsay a 429");
}

#[test]
fn a_new_key_does_not_wait_for_a_longer_429_to_be_noticed_as_refused() {
    let mut health = HealthState::new();
    health.rest(OTHER, at(60), RestCause::KeyRejected);
    health.rest(OTHER, at(90), CAUSE);
    assert!(health.forgive_key(at(5)));
    assert_eq!(health.standing(at(5), 1, PACE), Standing::Resting(at(90), CAUSE));
    assert_eq!(health.rests(at(5)).collect::<Vec<_>>(), [(at(90), CAUSE)]);
}

#[test]
fn silence_acquits_a_throttle_but_not_the_errors_behind_it() {
    let mut health = HealthState::new();
    health.rest(OTHER, at(10), RestCause::Errors);
    health.rest(OTHER, at(30), CAUSE);
    health.sent(at(30), PROBE, 1);
    assert_eq!(health.standing(at(60), 1, PACE), Standing::Probing(None));
    health.committed(at(61), PROBE);
    assert_eq!(health.health(at(61)), Health::Ramping { percent: 25 });
}

#[test]
fn a_missing_deployment_does_not_count_as_a_refused_key() {
    let mut health = HealthState::new();
    assert_eq!(health.denied(OTHER, RestCause::NotFound), 1);
    assert_eq!(health.denied(OTHER, RestCause::NotFound), 2);
    assert_eq!(health.denied(OTHER, RestCause::KeyRejected), 1);
}

#[test]
fn rests_of_an_earlier_run_go_on_side_by_side() {
    let mut health = HealthState::new();
    health.go_on_resting(at(30), CAUSE);
    health.go_on_resting(at(60), RestCause::KeyRejected);
    assert_eq!(health.rests(at(5)).count(), 2);
    assert!(health.forgive_key(at(5)));
    assert_eq!(health.standing(at(5), 1, PACE), Standing::Resting(at(30), CAUSE));
}

#[test]
fn a_short_failure_of_the_only_try_does_not_shorten_a_rest_that_was_on() {
    let mut health = resting(60);
    health.sent(at(10), PROBE, 1);
    health.rest(PROBE, at(15), CAUSE);
    assert_eq!(health.standing(at(16), 1, PACE), Standing::Resting(at(60), CAUSE));
}
