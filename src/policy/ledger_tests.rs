use super::*;

const LIMITS: Limits = Limits { tokens: Some(1_000), requests: Some(120), ..Limits::NONE };

fn ledger() -> Ledger {
    Ledger::new(Duration::from_secs(1))
}

#[test]
fn a_minutes_requests_are_never_sent_in_one_burst() {
    let mut ledger = ledger();
    let now = Timestamp::ZERO;
    ledger.reserve(now, 1);
    assert_eq!(ledger.shortage(now, 1, LIMITS), None);
    ledger.reserve(now, 1);
    let short = ledger.shortage(now, 1, LIMITS).expect("two a second is the slice");
    assert_eq!((short.unit, short.has, short.limit), (Unit::Requests, 0, 2));
    assert_eq!(ledger.earliest(now, 1, LIMITS), Some(Timestamp::from_millis(1_040)));
}

#[test]
fn the_earliest_time_satisfies_tokens_and_requests_together() {
    let mut ledger = ledger();
    ledger.reserve(Timestamp::ZERO, 900);
    let when = ledger.earliest(Timestamp::from_secs(1), 101, LIMITS);
    assert_eq!(when, Some(Timestamp::from_millis(60_300)));
    assert_eq!(ledger.earliest(Timestamp::from_secs(1), 1_001, LIMITS), None);
}

#[test]
fn a_released_reservation_leaves_no_trace() {
    let mut ledger = ledger();
    let entry = ledger.reserve(Timestamp::ZERO, 900);
    ledger.release(Timestamp::ZERO, entry);
    assert_eq!(ledger.tokens(Timestamp::ZERO), (0, 0));
    assert_eq!(ledger.requests(Timestamp::ZERO), (0, 0));
}

#[test]
fn a_refused_request_still_counts_as_a_request() {
    let mut ledger = ledger();
    let entry = ledger.reserve(Timestamp::ZERO, 900);
    ledger.settle(Timestamp::ZERO, entry, 0);
    assert_eq!(ledger.tokens(Timestamp::ZERO), (0, 0));
    assert_eq!(ledger.requests(Timestamp::ZERO), (1, 0));
}

#[test]
fn unknown_limits_never_hold_back() {
    let mut ledger = ledger();
    for _ in 0..500 {
        ledger.reserve(Timestamp::ZERO, 1_000_000);
    }
    assert_eq!(ledger.shortage(Timestamp::ZERO, 1_000_000, Limits::default()), None);
    assert_eq!(ledger.free_share(Timestamp::ZERO, Limits::default()), 1_000_000);
}

#[test]
fn a_limit_of_few_requests_still_lets_one_through_per_slice() {
    let mut ledger = ledger();
    let slow = Limits { requests: Some(3), ..Limits::NONE };
    ledger.reserve(Timestamp::ZERO, 1);
    assert_eq!(ledger.earliest(Timestamp::ZERO, 1, slow), Some(Timestamp::from_millis(1_040)));
    let never = Limits { requests: Some(0), ..Limits::NONE };
    assert_eq!(ledger.earliest(Timestamp::ZERO, 1, never), None);
}

#[test]
fn a_bucket_of_requests_is_checked_in_slices_only_after_a_surprise() {
    let mut ledger = ledger();
    ledger.count_as(Timestamp::ZERO, Enforcement::TokenBucket, Duration::from_secs(1));
    ledger.tune(Timestamp::ZERO, LIMITS, Whose::Service);
    for _ in 0..100 {
        ledger.reserve(Timestamp::ZERO, 1);
    }
    assert_eq!(ledger.earliest(Timestamp::ZERO, 1, LIMITS), Some(Timestamp::ZERO));
    ledger.widen(Timestamp::ZERO, Unit::Requests);
    let slice = ledger.earliest(Timestamp::ZERO, 1, LIMITS);
    assert_eq!(slice, Some(Timestamp::from_millis(1_080)), "a second, and a guard twice as long");
    let later = Timestamp::from_secs(600);
    ledger.reserve(later, 1);
    ledger.reserve(later, 1);
    assert_eq!(ledger.earliest(later, 1, LIMITS), Some(later), "ten minutes later it is a bucket again");
}

#[test]
fn another_slice_begins_with_what_came_within_it() {
    let mut ledger = ledger();
    let before = Limits { requests: Some(60), ..Limits::NONE };
    for second in 0..20 {
        ledger.reserve(Timestamp::from_secs(second), 1);
    }
    let now = Timestamp::from_secs(19);
    ledger.count_as(now, Enforcement::SlidingLog, Duration::from_secs(10));
    assert_eq!(ledger.earliest(now, 1, before), Some(Timestamp::from_millis(20_090)), "ten came in ten seconds");
}

#[test]
fn the_limit_that_lasts_longest_is_the_one_that_is_named() {
    let mut ledger = ledger();
    let limits = Limits { tokens: Some(100), tokens_per_day: Some(150), ..Limits::NONE };
    ledger.tune(Timestamp::ZERO, limits, Whose::Service);
    ledger.reserve(Timestamp::ZERO, 100);
    let short = ledger.shortage(Timestamp::ZERO, 60, limits).expect("both are short");
    assert_eq!((short.unit, short.has, short.limit), (Unit::DayTokens, 50, 150));
}
