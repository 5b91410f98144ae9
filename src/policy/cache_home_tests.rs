use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::world_tests::*;
use super::super::{Input, Output};
use super::*;
use crate::model::checked::CheckedConfig;
use crate::model::decision::Verdict;
use crate::model::id::RequestId;
use crate::model::outcome::Ending;
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;

const IDLE: Load = Load { in_flight: 0, taken: 0 };

/// The slot of the home among these slots, all idle.
fn idle_home(slots: &[usize], key: u64) -> usize {
    let at = home(slots.iter().enumerate().map(|(at, slot)| (at, *slot, IDLE)), key).expect("a home");
    slots[at]
}

#[test]
fn keys_spread_evenly_over_idle_endpoints() {
    let slots: Vec<usize> = (0..5).collect();
    let mut keys = BTreeMap::<usize, u32>::new();
    for key in 0..10_000 {
        *keys.entry(idle_home(&slots, mix(key))).or_default() += 1;
    }
    assert!(keys.len() == 5 && keys.values().all(|count| (1_800..2_200).contains(count)), "{keys:?}");
}

#[test]
fn a_busy_home_lends_its_keys_to_their_next_and_gets_them_back() {
    let slots: Vec<usize> = (0..3).collect();
    let first = idle_home(&slots, 7);
    let others: Vec<usize> = slots.iter().copied().filter(|slot| *slot != first).collect();
    let with = |load: Load| {
        let places = slots.iter().map(|slot| (*slot, *slot, if *slot == first { load } else { IDLE }));
        home(places, 7).expect("a home")
    };
    assert_eq!(with(Load { in_flight: 3, taken: 200_000 }), first, "a little is no burden");
    assert_eq!(with(Load { in_flight: 4, taken: 0 }), idle_home(&others, 7));
    assert_eq!(with(Load { in_flight: 0, taken: 300_000 }), idle_home(&others, 7));
}

proptest! {
    #[test]
    fn an_endpoint_that_goes_moves_its_own_keys_only(count in 2..40_usize, gone in any::<usize>(), key in any::<u64>()) {
        let all: Vec<usize> = (0..count).collect();
        let gone = gone % count;
        let left: Vec<usize> = all.iter().copied().filter(|slot| *slot != gone).collect();
        let before = idle_home(&all, key);
        prop_assert!(before == gone || idle_home(&left, key) == before);
    }

    #[test]
    fn no_home_is_above_its_share(loads in proptest::collection::vec((0..40_u64, 0..1_000_001_u64), 1..40), key: u64) {
        let loads: Vec<Load> = loads.into_iter().map(|(in_flight, taken)| Load { in_flight, taken }).collect();
        let count = loads.len() as u64;
        let places = loads.iter().enumerate().map(|(at, load)| (at, at, *load));
        if let Some(at) = home(places, key) {
            let (in_flight, taken) = loads.iter().fold((1, 0), |sum, load| (sum.0 + load.in_flight, sum.1 + load.taken));
            prop_assert!(loads[at].in_flight < FEW || loads[at].in_flight * count * 4 < in_flight * 5 + count * 4);
            prop_assert!(loads[at].taken <= LITTLE || loads[at].taken * count * 4 < taken * 5 + count * 4);
        }
    }

    #[test]
    fn requests_that_never_end_fill_all_evenly_whatever_their_keys(keys in proptest::collection::vec(0..3_u64, 60..200)) {
        let mut in_flight = [0_u64; 6];
        for key in keys {
            let places = in_flight.iter().enumerate().map(|(at, in_flight)| (at, at, Load { in_flight: *in_flight, taken: 0 }));
            let at = home(places, key).expect("somebody is below the average");
            in_flight[at] += 1;
        }
        let sum: u64 = in_flight.iter().sum();
        prop_assert!(in_flight.iter().all(|one| *one * 24 <= sum * 5 + 24 || *one <= FEW), "{in_flight:?}");
    }
}

fn keyed(cache: Option<u64>, prefix: Option<u64>) -> Arc<RequestProfile> {
    let affinity = Affinity { cache, prefix, ..Affinity::default() };
    Arc::new(RequestProfile { affinity, ..RequestProfile::clone(&chat(10)) })
}

fn three(tune: impl FnOnce(&mut crate::model::config::Group)) -> Arc<CheckedConfig> {
    let sites = [site("a", 10_000), site("b", 10_000), site("c", 10_000)];
    config(&sites, &[], |config| tune(&mut config.routes[0].groups[0]))
}

/// Where so many requests with these ties go, one after the other.
fn places(config: Arc<CheckedConfig>, requests: u64, profile: &Arc<RequestProfile>) -> (Vec<String>, Verdict) {
    let mut world = World::new(config);
    let mut last = None;
    let mut went = Vec::new();
    for request in (0..requests).map(RequestId) {
        let outputs = world.give(Input::Arrived { request, profile: Arc::clone(profile) });
        let [answer @ Output::Assigned { assignment, .. }] = outputs.as_slice() else {
            panic!("not sent: {outputs:?}")
        };
        last = assignment.decision.chosen().map(|one| one.verdict);
        went.push(place(answer).to_owned());
        world.commit(request, went.last().expect("just pushed"));
        world.settle(request, Ending::Completed);
        world.until(Timestamp(world.now.0 + 1_000_000));
    }
    went.sort();
    went.dedup();
    (went, last.expect("a request was sent"))
}

#[test]
fn a_cache_key_keeps_its_requests_together_and_a_beginning_does_if_asked() {
    let chosen = Verdict::Chosen(Choice::CacheHome);
    let (went, why) = places(three(|_| {}), 30, &keyed(Some(7), None));
    assert_eq!((went.len(), why), (1, chosen));
    let (went, _) = places(three(|_| {}), 30, &keyed(None, Some(7)));
    assert_eq!(went.len(), 3, "nobody asked for that");
    let (went, why) = places(three(|group| group.cache_affinity = true), 30, &keyed(None, Some(7)));
    assert_eq!((went.len(), why), (1, chosen));
}

#[test]
fn a_spread_that_promises_something_else_keeps_its_promise() {
    let (went, why) = places(three(|group| group.spread = Spread::RoundRobin), 30, &keyed(Some(7), None));
    assert_eq!((went.len(), why), (3, Verdict::Chosen(Choice::Turn)));
}
