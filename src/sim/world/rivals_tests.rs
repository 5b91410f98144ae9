use super::*;
use crate::model::outcome::{HeaderFacts, ThrottleKind};

const SEATS: [Seat; 3] = [
    Seat { group: 1, tokens_per_minute: Some(100) },
    Seat { group: 1, tokens_per_minute: Some(300) },
    Seat { group: 2, tokens_per_minute: Some(100) },
];

fn rival(manner: Manner) -> Rival {
    Rival::new(manner, SEATS.to_vec(), 1)
}

fn arrive(rival: &mut Rival, now: Timestamp, request: u64) -> Act {
    let mut acts = Vec::new();
    rival.on(now, request, &mut acts);
    acts[0]
}

fn throttle(rival: &mut Rival, now: Timestamp, request: u64, seconds: u64) -> Act {
    let facts = HeaderFacts { retry_after: Some(Duration::from_secs(seconds)), ..HeaderFacts::default() };
    let class = FailureClass::Throttled(ThrottleKind::Tokens);
    let mut acts = Vec::new();
    rival.failed(now, request, &Failure { class, status: Some(429), reached: true, facts }, &mut acts);
    acts[0]
}

fn place(act: Act) -> Option<usize> {
    match act {
        Act::Send { server, .. } => Some(server),
        Act::Refuse { .. } | Act::PassOn { .. } => None,
    }
}

#[test]
fn a_cooldown_is_kept_and_the_lower_group_takes_over() {
    let mut rival = rival(Manner::RoundRobin);
    let first = place(arrive(&mut rival, Timestamp::ZERO, 1)).expect("sent");
    let second = place(throttle(&mut rival, Timestamp::ZERO, 1, 20)).expect("sent on");
    assert_ne!(first, second);
    assert_eq!(place(throttle(&mut rival, Timestamp::ZERO, 1, 30)), Some(2));
    assert_eq!(place(arrive(&mut rival, Timestamp::from_secs(19), 2)), Some(2));
    assert_eq!(place(arrive(&mut rival, Timestamp::from_secs(20), 3)), Some(first));
}

#[test]
fn nobody_waits_where_everything_rests() {
    let mut rival = rival(Manner::RoundRobin);
    arrive(&mut rival, Timestamp::ZERO, 1);
    for _ in 0..2 {
        assert!(place(throttle(&mut rival, Timestamp::ZERO, 1, 60)).is_some());
    }
    assert_eq!(throttle(&mut rival, Timestamp::ZERO, 1, 60), Act::PassOn { request: 1 });
    assert_eq!(arrive(&mut rival, Timestamp::from_secs(1), 2), Act::Refuse { request: 2 });
}

#[test]
fn whoever_forgets_knocks_again() {
    let mut rival = rival(Manner::WeightedRandom);
    for request in 0..20 {
        let mut tried: Vec<_> = place(arrive(&mut rival, Timestamp::ZERO, request)).into_iter().collect();
        while let Some(next) = place(throttle(&mut rival, Timestamp::ZERO, request, 60)) {
            tried.push(next);
        }
        tried.sort_unstable();
        assert_eq!(tried, [0, 1, 2]);
    }
}

#[test]
fn usage_counts_when_answers_end_and_until_the_full_minute() {
    let mut rival = rival(Manner::LowestUsage);
    let now = Timestamp::from_secs(10);
    assert_eq!([place(arrive(&mut rival, now, 1)), place(arrive(&mut rival, now, 2))], [Some(0), Some(0)]);
    rival.settled(now, 1, 60);
    assert_eq!(place(arrive(&mut rival, now, 3)), Some(1));
    rival.settled(now, 3, 400);
    rival.settled(now, 2, 60);
    assert_eq!(place(arrive(&mut rival, now, 4)), Some(2), "both of the first group are over their limit");
    assert_eq!(place(arrive(&mut rival, Timestamp::from_secs(60), 5)), Some(0));
}
