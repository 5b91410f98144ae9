use proptest::prelude::*;

use super::*;

fn limits(enforcement: Enforcement, tokens: Option<u64>, requests: Option<u64>, slice: u64) -> Limits {
    Limits {
        enforcement,
        tokens_per_minute: tokens,
        requests_per_minute: requests,
        request_slice: Duration::from_secs(slice),
    }
}

fn limiter(enforcement: Enforcement, tokens: Option<u64>, requests: Option<u64>, slice: u64) -> Limiter {
    Limiter::new(limits(enforcement, tokens, requests, slice), Timestamp::ZERO)
}

#[test]
fn a_ten_thousand_token_deployment_has_nine_requests_left_after_the_first() {
    let mut azure = limiter(Enforcement::SlidingLog, Some(10_000), Some(60), 10);
    assert_eq!(azure.take(Timestamp::ZERO, 16), Verdict::Admitted);
    let said = azure.requests_in_slice(Timestamp::ZERO).expect("limited");
    assert_eq!((said.limit, said.remaining), (10, 9));
    assert_eq!(azure.requests_in_slice(Timestamp::from_secs(10)).expect("limited").remaining, 10);
}

#[test]
fn a_240k_deployment_reports_240_requests() {
    let mut azure = limiter(Enforcement::SlidingLog, Some(240_000), Some(1_440), 10);
    assert_eq!(azure.requests_in_slice(Timestamp::ZERO).expect("limited").remaining, 240);
}

#[test]
fn the_eleventh_request_of_a_second_is_rejected_at_600_per_minute() {
    let mut azure = limiter(Enforcement::SlidingLog, None, Some(600), 1);
    for place in 0..10 {
        assert_eq!(azure.take(Timestamp::from_millis(place * 10), 1), Verdict::Admitted);
    }
    let wait = Duration::from_millis(900);
    assert_eq!(azure.take(Timestamp::from_millis(100), 1), Verdict::Full { bound: Bound::Requests, wait });
    assert_eq!(azure.take(Timestamp::from_secs(1), 1), Verdict::Admitted);
}

#[test]
fn the_answers_length_never_moves_a_standard_deployment() {
    for enforcement in [Enforcement::SlidingLog, Enforcement::TokenBucket] {
        let mut standard = limiter(enforcement, Some(1_000), None, 1);
        standard.take(Timestamp::ZERO, 700);
        standard.settle(Timestamp::ZERO, 700, 20);
        assert_eq!(standard.tokens(Timestamp::ZERO).expect("limited").remaining, 300);
    }
}

#[test]
fn provisioned_throughput_settles_to_what_was_used() {
    let mut provisioned = limiter(Enforcement::Utilization, Some(1_000), None, 1);
    provisioned.take(Timestamp::ZERO, 700);
    provisioned.settle(Timestamp::ZERO, 700, 200);
    assert_eq!(provisioned.tokens(Timestamp::ZERO).expect("limited").remaining, 800);
    provisioned.take(Timestamp::ZERO, 700);
    provisioned.settle(Timestamp::ZERO, 700, 900);
    let wait = Duration::from_secs(6) + Duration::from_micros(1);
    assert_eq!(provisioned.take(Timestamp::ZERO, 1), Verdict::Full { bound: Bound::Utilization, wait });
}

#[test]
fn a_burst_may_lift_utilization_over_the_top_but_then_it_waits() {
    let mut provisioned = limiter(Enforcement::Utilization, Some(600), None, 1);
    assert_eq!(provisioned.take(Timestamp::ZERO, 590), Verdict::Admitted);
    assert_eq!(provisioned.take(Timestamp::ZERO, 300), Verdict::Admitted);
    assert!(matches!(provisioned.take(Timestamp::ZERO, 1), Verdict::Full { bound: Bound::Utilization, .. }));
    assert_eq!(provisioned.take(Timestamp(29_000_001), 1), Verdict::Admitted);
}

#[test]
fn a_request_larger_than_the_limit_is_told_so() {
    for enforcement in [Enforcement::SlidingLog, Enforcement::TokenBucket] {
        let mut small = limiter(enforcement, Some(100), None, 1);
        assert_eq!(small.take(Timestamp::ZERO, 101), Verdict::TooLarge { limit: 100 });
    }
}

#[test]
fn a_changed_limit_forgets_nothing() {
    let mut azure = limiter(Enforcement::SlidingLog, Some(1_000), None, 1);
    azure.take(Timestamp::ZERO, 600);
    azure.set_limits(Timestamp::ZERO, limits(Enforcement::SlidingLog, Some(700), None, 1));
    assert_eq!(azure.tokens(Timestamp::ZERO).expect("limited").remaining, 100);
}

/// Steps of microseconds and charges; a tenth of the steps is none at all, so that instants repeat.
fn arrivals() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let step = prop_oneof![1 => Just(0_u64), 6 => 0..3_000_000_u64, 3 => 0..30_000_000_u64];
    prop::collection::vec((step, 1..400_u64), 1..200)
}

/// What was admitted, as (instant, charge).
fn play(limiter: &mut Limiter, arrivals: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut now = 0;
    let mut admitted = Vec::new();
    for (step, charge) in arrivals {
        now += step;
        if limiter.take(Timestamp(now), *charge) == Verdict::Admitted {
            admitted.push((now, *charge));
        }
    }
    admitted
}

/// The most that lies in any half-open window of this length, by trying every one that begins at an entry.
fn most_in_any(admitted: &[(u64, u64)], span: u64) -> (u64, u64) {
    let sums = admitted.iter().map(|(start, _)| {
        let inside = admitted.iter().filter(|(at, _)| at >= start && *at < start + span);
        inside.fold((0, 0), |(tokens, count), (_, charge)| (tokens + charge, count + 1))
    });
    sums.fold((0, 0), |most, sum| (most.0.max(sum.0), most.1.max(sum.1)))
}

proptest! {
    #[test]
    fn no_minute_ever_holds_more_than_its_limits(arrivals in arrivals()) {
        let mut azure = limiter(Enforcement::SlidingLog, Some(1_000), Some(30), 10);
        let admitted = play(&mut azure, &arrivals);
        let (tokens, requests) = most_in_any(&admitted, 60_000_000);
        prop_assert!(tokens <= 1_000 && requests <= 30);
        prop_assert!(most_in_any(&admitted, 10_000_000).1 <= 5);
    }

    #[test]
    fn a_bucket_never_lends_more_than_its_level_and_its_refill(arrivals in arrivals()) {
        let mut openai = limiter(Enforcement::TokenBucket, Some(1_000), None, 1);
        let admitted = play(&mut openai, &arrivals);
        for (first, (start, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for (at, charge) in &admitted[first..] {
                sum += charge;
                prop_assert!(sum * 60_000_000 <= 1_000 * 60_000_000 + 1_000 * (at - start));
            }
        }
    }

    #[test]
    fn whoever_waits_as_told_gets_in(arrivals in arrivals(), kind in 0..3_usize) {
        let enforcement = [Enforcement::SlidingLog, Enforcement::TokenBucket, Enforcement::Utilization][kind];
        let mut service = limiter(enforcement, Some(1_000), Some(30), 10);
        let mut now = 0;
        for (step, charge) in arrivals {
            now += step;
            if let Verdict::Full { wait, .. } = service.take(Timestamp(now), charge) {
                prop_assert!(wait > Duration::ZERO);
                now += u64::try_from(wait.as_micros()).expect("short");
                prop_assert_eq!(service.take(Timestamp(now), charge), Verdict::Admitted);
            }
        }
    }
}
