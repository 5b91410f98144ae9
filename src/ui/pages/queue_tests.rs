use super::*;
use crate::contract::snapshot::StreamView;
use crate::ui::fixture;

#[test]
fn a_waiting_request_says_what_it_waits_for_and_about_how_long() {
    let snapshot = fixture::snapshot();
    let (list, now) = (&snapshot.view.queue.list, snapshot.view.at);
    assert_eq!(waiting::waiting_for(&list[0], now), "room for 1,200 tokens; about 2 s");
    let mut one = list[0].clone();
    one.expected = Some(now);
    assert_eq!(waiting::waiting_for(&one, now), "room for 1,200 tokens; goes any moment");
    one.expected = None;
    assert_eq!(waiting::waiting_for(&one, now), "room for 1,200 tokens; not in time as things stand");
}

#[test]
fn a_pace_is_told_once_there_is_time_enough_to_measure_it() {
    let stream = StreamView { request: RequestId(1), since: Timestamp::from_secs(10), tokens: 90 };
    assert_eq!(running::pace(&stream, Timestamp::from_millis(10_300)), None);
    assert_eq!(running::pace(&stream, Timestamp::from_secs(12)).as_deref(), Some("45"));
}
