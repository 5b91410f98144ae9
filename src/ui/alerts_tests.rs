use std::sync::Arc;

use super::*;
use crate::contract::snapshot::RecordsView;
use crate::model::decision::{Conclusion, RefusalReason};
use crate::model::outcome::ThrottleKind;
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
        raised.text.starts_with("demo-chat: all 4 endpoints are throttled. First back in 0:09."),
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
