use std::sync::Arc;

use super::*;
use crate::contract::snapshot::RecordsView;
use crate::model::config::AdminState;
use crate::model::decision::{Conclusion, RefusalReason};
use crate::model::outcome::{Ending, ThrottleKind};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;
use crate::ui::fixture;

/// The usual snapshot at a second, with every endpoint in this state.
fn all(second: u64, health: Health) -> Snapshot {
    let mut snapshot = fixture::snapshot();
    snapshot.generation = second;
    snapshot.at = Timestamp::from_secs(second);
    let view = Arc::make_mut(&mut snapshot.view);
    view.pools.clear();
    for endpoint in &mut view.endpoints {
        endpoint.health = health;
    }
    for group in view.routes.iter_mut().flat_map(|route| &mut route.groups) {
        group.sent_last_minute.fill(0);
    }
    snapshot
}

fn throttled(until: u64) -> Health {
    Health::Resting { until: Timestamp::from_secs(until), cause: RestCause::Throttled(ThrottleKind::Tokens) }
}

#[test]
fn a_route_throttled_for_six_seconds_is_told_once_kept_up_and_ended() {
    let mut watch = Watch::default();
    assert_eq!(watch.look(&all(600, throttled(615)), 75), []);
    assert_eq!(watch.look(&all(604, throttled(615)), 75), []);
    let [Change::Raised(raised)] = &watch.look(&all(606, throttled(615)), 75)[..] else { panic!("not told once") };
    assert!(
        raised.text.starts_with("demo-chat: all 4 endpoints are throttled. First back: sim-ptu in 0:09. "),
        "{}",
        raised.text
    );
    let [Change::Updated(updated)] = &watch.look(&all(607, throttled(615)), 75)[..] else { panic!("not kept up") };
    assert_eq!(updated.id, raised.id);
    let changes = watch.look(&all(615, Health::Healthy), 75);
    let Change::Ended(ended) = &changes[0] else { panic!("not ended: {changes:?}") };
    assert_eq!((ended.id, ended.over), (raised.id, true));
    assert_eq!(ended.text, "demo-chat is answering again (out for 15 s).");
}

#[test]
fn a_short_throttle_is_no_news() {
    let mut watch = Watch::default();
    watch.look(&all(600, throttled(604)), 75);
    assert_eq!(watch.look(&all(604, Health::Healthy), 75), []);
}

#[test]
fn the_same_snapshot_changes_nothing_twice() {
    let mut watch = Watch::default();
    let rejected = Health::Resting { until: Timestamp::MAX, cause: RestCause::KeyRejected };
    assert_eq!(watch.look(&all(600, rejected), 75).len(), 2, "one for each account");
    assert_eq!(watch.look(&all(600, rejected), 75), []);
    assert_eq!(watch.look(&all(601, rejected), 75), []);
}

#[test]
fn an_endpoint_that_rested_long_is_said_to_be_back() {
    let mut watch = Watch::default();
    watch.look(&all(600, Health::Resting { until: Timestamp::from_secs(640), cause: RestCause::Errors }), 75);
    let back = watch.look(&all(640, Health::Healthy), 75);
    assert_eq!(back.len(), 4);
    assert!(matches!(&back[0], Change::Ended(alert) if alert.text.ends_with("is back after 40 s.")), "{back:?}");
}

#[test]
fn refusals_of_ours_are_told_as_ours_and_throttles_as_the_services() {
    let mut full = all(600, Health::Healthy);
    full.wall_ms = 1_700_000_600_000;
    let refused = |record: &Arc<crate::model::record::RequestRecord>| {
        let mut record = crate::model::record::RequestRecord::clone(record);
        record.wall_ms = full.wall_ms - 1_000;
        let last = record.decisions.last_mut().expect("it was decided");
        Arc::make_mut(last).conclusion = Conclusion::Refused(RefusalReason::LineFull);
        Arc::new(record)
    };
    let refused: Vec<_> = full.records.iter().take(3).map(refused).collect();
    full.records = Arc::new(RecordsView { total: 3, dropped: 0, chunks: vec![refused.into()] });
    let [Change::Raised(ours)] = &Watch::default().look(&full, 75)[..] else { panic!("not told once") };
    assert_eq!(ours.kind, Kind::LineFull);
    assert_eq!(ours.text, "The waiting line is full: 3 requests were refused by us in the last minute.");
    let mut watch = Watch::default();
    watch.look(&all(600, throttled(650)), 75);
    let [Change::Raised(theirs)] = &watch.look(&all(606, throttled(650)), 75)[..] else { panic!("not told once") };
    assert_eq!(theirs.kind, Kind::AllThrottled);
    assert!(theirs.text.contains("throttled") && !theirs.text.contains("by us"), "{}", theirs.text);
}

#[test]
fn a_paused_or_otherwise_resting_endpoint_does_not_hide_that_nothing_answers() {
    let with = |second: u64| {
        let mut snapshot = all(second, throttled(615));
        let view = Arc::make_mut(&mut snapshot.view);
        view.endpoints[0].admin_state = AdminState::Paused;
        view.endpoints[1].health = Health::Resting { until: Timestamp::MAX, cause: RestCause::Blocked };
        view.routes[0].waiting = 3;
        view.queue.waiting = 8;
        snapshot
    };
    let mut watch = Watch::default();
    watch.look(&with(600), 75);
    let [Change::Raised(raised)] = &watch.look(&with(606), 75)[..] else { panic!("not told once") };
    assert!(
        raised.text.starts_with("demo-chat: no endpoint can answer: 2 throttled, 2 are out for another reason. "),
        "{raised:?}"
    );
    assert!(raised.text.ends_with("in 0:09. 3 waiting."), "the route's own line is told: {}", raised.text);
    let mut one_serves = with(607);
    Arc::make_mut(&mut one_serves.view).endpoints[2].health = Health::Healthy;
    let [Change::Ended(ended)] = &watch.look(&one_serves, 75)[..] else { panic!("not ended") };
    assert!(ended.text.starts_with("demo-chat is answering again"), "{}", ended.text);
    watch.look(&with(608), 75);
    watch.look(&with(614), 75);
    let mut none_left = with(620);
    let view = Arc::make_mut(&mut none_left.view);
    view.endpoints.iter_mut().for_each(|one| one.admin_state = AdminState::Paused);
    view.routes[0].serving = 0;
    let [Change::Ended(ended)] = &watch.look(&none_left, 75)[..] else { panic!("not ended") };
    assert!(ended.text.ends_with("is throttled any more, and none can answer."), "{}", ended.text);
}

#[test]
fn a_rejected_key_without_a_stand_in_is_not_said_to_be_made_up_for() {
    let rejected = Health::Resting { until: Timestamp::MAX, cause: RestCause::KeyRejected };
    let told = |serving: u32| {
        let mut snapshot = all(600, Health::Healthy);
        let view = Arc::make_mut(&mut snapshot.view);
        view.endpoints[0].health = rejected;
        view.routes[0].serving = serving;
        let [Change::Raised(raised)] = &Watch::default().look(&snapshot, 75)[..] else { panic!("not told once") };
        raised.text.clone()
    };
    assert!(told(3).contains("Its traffic goes elsewhere"), "{}", told(3));
    assert!(told(0).contains("No other endpoint can answer in its place"), "{}", told(0));
}

#[test]
fn failures_are_told_with_where_most_of_them_are_and_lead_to_them() {
    let told = |at: [&str; 4]| {
        let mut snapshot = all(600, Health::Healthy);
        snapshot.wall_ms = 1_700_000_600_000;
        let mut records: Vec<_> =
            snapshot.records.iter().filter(|record| !record.attempts.is_empty()).take(24).collect();
        assert_eq!(records.len(), 24);
        let made = records.drain(..).enumerate().map(|(place, record)| {
            let mut record = RequestRecord::clone(record);
            (record.wall_ms, record.total) = (snapshot.wall_ms - 1_000, std::time::Duration::ZERO);
            record.end = RecordEnd::Answered(Ending::Completed);
            if let Some(endpoint) = at.get(place) {
                record.end = RecordEnd::Answered(Ending::CutOff);
                let last = record.attempts.last_mut().expect("it was sent");
                (last.endpoint, last.failure) = ((*endpoint).into(), None);
            }
            Arc::new(record)
        });
        let made: Vec<_> = made.collect();
        snapshot.records = Arc::new(RecordsView { total: 24, dropped: 0, chunks: vec![made.into()] });
        let [Change::Raised(raised)] = &Watch::default().look(&snapshot, 75)[..] else { panic!("not told once") };
        assert_eq!(raised.target, Some(Target::RequestsWhere("is:failed".into())));
        raised.text.clone()
    };
    let mostly = "16 % of the last minute's requests failed, mostly at sim-eastus (cut off).";
    assert_eq!(told(["sim-eastus", "sim-eastus", "sim-ptu", "sim-eastus"]), mostly);
    assert_eq!(told(["sim-eastus", "sim-ptu", "sim-ptu", "sim-eastus"]), "16 % of the last minute's requests failed.");
}

#[test]
fn a_service_that_allows_less_than_before_is_told_once_and_another_profile_is_not_compared() {
    let with = |second: u64, limit: u64, profile: &str| {
        let mut snapshot = all(second, Health::Healthy);
        snapshot.profile.name = profile.into();
        let endpoint = &mut Arc::make_mut(&mut snapshot.view).endpoints[0];
        (endpoint.reported_tokens_per_minute, endpoint.soft_cap) = (Some(limit), Some(100_000));
        snapshot
    };
    let mut watch = Watch::default();
    assert_eq!(watch.look(&with(600, 120_000, "work"), 75), []);
    let [Change::Happened(told)] = &watch.look(&with(601, 90_000, "work"), 75)[..] else { panic!("not told once") };
    assert!(told.text.ends_with(" now reports 90,000 TPM (was 120,000). Its soft cap stays at 100,000."), "{told:?}");
    assert_eq!(watch.look(&with(602, 90_000, "work"), 75), []);
    assert_eq!(watch.look(&with(603, 50_000, "home"), 75), []);
}

#[test]
fn the_end_of_a_drain_is_told_once_and_one_that_was_over_at_the_start_is_not() {
    let at = |second, state, running| {
        let mut snapshot = all(second, Health::Healthy);
        let view = Arc::make_mut(&mut snapshot.view);
        (view.endpoints[0].admin_state, view.endpoints[0].in_flight) = (state, running);
        snapshot
    };
    let mut watch = Watch::default();
    let mut told = |second, state, running| {
        let changes = watch.look(&at(second, state, running), 75);
        changes.iter().filter(|change| matches!(change, Change::Happened(one) if one.kind == Kind::Drained)).count()
    };
    assert_eq!(told(600, AdminState::Draining, 0), 0, "it was so before the window opened");
    assert_eq!(told(601, AdminState::Enabled, 2), 0);
    assert_eq!(told(602, AdminState::Draining, 2), 0);
    assert_eq!(told(603, AdminState::Draining, 0), 1);
    assert_eq!(told(604, AdminState::Draining, 0), 0);
    assert_eq!(told(605, AdminState::Paused, 0), 0);
}
