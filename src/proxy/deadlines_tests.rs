use std::future::pending;

use tokio::task::yield_now;
use tokio::time::advance;

use super::*;

fn deadlines() -> (Deadlines, Clock) {
    let clock = Clock::start();
    (Deadlines::new(clock), clock)
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_past_its_time_is_told_at_that_time() {
    let (all, clock) = deadlines();
    let (mut long, mut short) = (all.watch(), all.watch());
    let began = clock.now();
    let long = async {
        assert_eq!(long.within(clock.deadline(seconds(30)), pending::<()>()).await, Err(Over::Late));
        clock.now().since(began)
    };
    // It comes later and ends earlier than what the timer was set for.
    let short = async {
        assert_eq!(short.within(clock.deadline(seconds(20)), pending::<()>()).await, Err(Over::Late));
        clock.now().since(began)
    };
    let (long, short) = tokio::join!(long, short);
    assert_eq!((long, short), (seconds(30), seconds(20)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ended_in_time_disturbs_no_later_one() {
    let (all, clock) = deadlines();
    let mut watch = all.watch();
    assert_eq!(watch.within(clock.deadline(seconds(5)), yield_now()).await, Ok(()));
    let began = clock.now();
    assert_eq!(watch.within(clock.deadline(seconds(50)), pending::<()>()).await, Err(Over::Late));
    assert_eq!(clock.now().since(began), seconds(50));
    assert_eq!(watch.within(clock.deadline(seconds(9)), pending::<()>()).await, Err(Over::Late), "and again");
    assert_eq!(clock.now().since(began), seconds(59));
}

#[tokio::test(start_paused = true)]
async fn what_has_come_is_taken_however_late_it_is() {
    let (all, clock) = deadlines();
    let (past, mut watch) = (clock.deadline(Duration::ZERO), all.watch());
    advance(seconds(3)).await;
    assert_eq!(watch.within(past, async { 7 }).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn the_timer_comes_back_after_nobody_waited() {
    let (all, clock) = deadlines();
    for _ in 0..3 {
        let mut watch = all.watch();
        assert_eq!(watch.within(clock.deadline(seconds(1)), pending::<()>()).await, Err(Over::Late));
        drop(watch);
        advance(seconds(100)).await;
        yield_now().await;
    }
    assert_eq!(all.0.list().places.len(), 1, "places are used again");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_ended_by_hand_hears_so_and_no_other_does() {
    let (all, clock) = deadlines();
    let (mut one, mut other) = (all.watch(), all.watch());
    one.name(RequestId(1));
    other.name(RequestId(2));
    let late = clock.deadline(seconds(60));
    let by_hand = async {
        yield_now().await;
        all.end(RequestId(1));
    };
    let (one_said, other_said, ()) =
        tokio::join!(one.within(late, pending::<()>()), other.within(late, pending::<()>()), by_hand);
    assert_eq!((one_said, other_said), (Err(Over::Ended(EndedFor::Hand)), Err(Over::Late)));
    assert_eq!((one.ended(), other.ended()), (Some(EndedFor::Hand), None));
    let again = clock.deadline(seconds(60));
    assert_eq!(one.within(again, pending::<()>()).await, Err(Over::Ended(EndedFor::Hand)), "it stays ended");
}

#[tokio::test(start_paused = true)]
async fn a_place_is_taken_over_without_what_was_said_of_it() {
    let (all, clock) = deadlines();
    let mut first = all.watch();
    first.name(RequestId(1));
    let late = clock.deadline(seconds(1));
    assert_eq!(first.within(late, pending::<()>()).await, Err(Over::Late));
    all.end(RequestId(1));
    drop(first);
    let mut second = all.watch();
    assert_eq!(second.within(clock.deadline(seconds(1)), yield_now()).await, Ok(()));
    all.end(RequestId(1));
    assert_eq!(second.ended(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_all_who_wait_and_all_who_come_and_takes_no_cause_from_what_was_ended_before() {
    let (all, clock) = deadlines();
    let (mut waits, mut by_hand) = (all.watch(), all.watch());
    by_hand.name(RequestId(1));
    let late = clock.deadline(seconds(5));
    let stopping = async {
        yield_now().await;
        all.end(RequestId(1));
        all.stop();
    };
    let (said, told, ()) = tokio::join!(waits.until_ended(), by_hand.within(late, pending::<()>()), stopping);
    assert_eq!((said, told), (EndedFor::Stop, Err(Over::Ended(EndedFor::Hand))));
    assert_eq!(all.watch().within(late, pending::<()>()).await, Err(Over::Ended(EndedFor::Stop)));
}
