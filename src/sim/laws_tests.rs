//! The brain's ledgers held against this room's limiters, which count by code of their own: nothing that is let go is
//! refused, whatever the way takes, and next to nothing that would have been admitted is held back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;

use super::limiter::{Limiter, Limits, Verdict};
use crate::model::checked::CheckedConfig;
use crate::model::config::{Config, Enforcement, Priority};
use crate::model::id::{EndpointId, ModelName, RequestId};
use crate::model::outcome::{Ending, HeaderFacts, HeaderSignal, Settlement};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::units::Timestamp;
use crate::model::usage::Usage;
use crate::policy::{Balancer, Input, Output};

/// The shortest and the longest way from the brain's order to the service, in microseconds.
const WAY: std::ops::RangeInclusive<u64> = 1_000..=40_000;

fn config(limits: &Limits) -> Arc<CheckedConfig> {
    let text = "[[account]]\nid = \"a\"\nservice = \"simulated\"\n[[endpoint]]\nid = \"e\"\naccount = \"a\"\nmodel = \"m\"\n\
                [[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"e\"]";
    let mut config: Config = toml_edit::de::from_str(text).expect("the test's text is sound");
    for endpoint in &mut config.endpoints {
        endpoint.enforcement = limits.enforcement;
        endpoint.tokens_per_minute = limits.tokens_per_minute;
        endpoint.requests_per_minute = limits.requests_per_minute;
        endpoint.request_slice_seconds = Some(u32::try_from(limits.request_slice.as_secs()).unwrap_or(1));
    }
    Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0)
}

/// A request that a service which counts so charges `charge` tokens, at least 2.
fn chat(enforcement: Enforcement, charge: u64) -> Arc<RequestProfile> {
    let cap = charge.saturating_sub(u64::from(enforcement != Enforcement::TokenBucket));
    Arc::new(RequestProfile {
        model: ModelName::from("m"),
        operation: Operation::Chat,
        streaming: false,
        size: RequestSize { prompt_chars: 0, output_cap: Some(cap), choices: 1 },
        priority: Priority::Normal,
        caller: None,
        client: "".into(),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    })
}

/// A brain, the service it sends to, and the way between them.
struct Road {
    brain: Balancer,
    limiter: Limiter,
    enforcement: Enforcement,
    rng: Rng,
    now: Timestamp,
    /// On their way, by when they arrive.
    coming: BTreeMap<(Timestamp, RequestId), u64>,
    /// Under work, by when they end.
    working: BTreeMap<(Timestamp, RequestId), u64>,
    arrived: u64,
    admitted: u64,
    refused: u64,
    /// Of a charge, what is used in the end, in percent.
    used_percent: u64,
}

impl Road {
    fn new(limits: Limits, seed: u64) -> Self {
        Self {
            brain: Balancer::new(config(&limits), seed, Timestamp::ZERO),
            limiter: Limiter::new(limits, Timestamp::ZERO),
            enforcement: limits.enforcement,
            rng: Rng::with_seed(seed),
            now: Timestamp::ZERO,
            coming: BTreeMap::new(),
            working: BTreeMap::new(),
            arrived: 0,
            admitted: 0,
            refused: 0,
            used_percent: 60,
        }
    }

    fn give(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.brain.handle(self.now, input, &mut outputs);
        for output in outputs {
            if let Output::Assigned { request, assignment } = output {
                let way = Duration::from_micros(self.rng.u64(WAY));
                self.coming.insert((self.now.after(way), request), assignment.decision.estimate.charge);
            }
        }
    }

    fn arrive(&mut self, charge: u64) {
        self.arrived += 1;
        self.give(Input::Arrived { request: RequestId(self.arrived), profile: chat(self.enforcement, charge) });
    }

    /// Lets everything happen that comes until `end`.
    fn until(&mut self, end: Timestamp) {
        loop {
            let coming = self.coming.first_key_value().map(|(key, charge)| (*key, *charge));
            let working = self.working.first_key_value().map(|(key, charge)| (*key, *charge));
            let wake = self.brain.next_wake();
            let first = [coming.map(|((when, _), _)| when), working.map(|((when, _), _)| when), wake];
            let Some(next) = first.into_iter().flatten().min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            match (coming, working) {
                (Some((key, charge)), _) if key.0 == next => self.reach(key, charge),
                (_, Some((key, charge))) if key.0 == next => self.end(key, charge),
                _ => self.give(Input::Tick),
            }
        }
        self.now = end;
    }

    fn reach(&mut self, key: (Timestamp, RequestId), charge: u64) {
        self.coming.remove(&key);
        if self.limiter.take(self.now, charge) == Verdict::Admitted {
            self.admitted += 1;
        } else {
            self.refused += 1;
        }
        let work = Duration::from_micros(self.rng.u64(100_000..20_000_000));
        self.working.insert((self.now.after(work), key.1), charge);
        let signal = HeaderSignal { endpoint: EndpointId::from("e"), facts: HeaderFacts::default(), has_output: true };
        self.give(Input::Committed { request: key.1, signal });
    }

    fn end(&mut self, key: (Timestamp, RequestId), charge: u64) {
        self.working.remove(&key);
        let output = charge * self.used_percent / 100;
        self.limiter.settle(self.now, charge, output);
        let usage = Usage { output, exact: true, ..Usage::default() };
        let settlement = Settlement { ending: Ending::Completed, usage: Some(usage) };
        self.give(Input::Settled { request: key.1, settlement });
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let enforcement =
        prop_oneof![Just(Enforcement::SlidingLog), Just(Enforcement::TokenBucket), Just(Enforcement::Utilization)];
    let tokens = proptest::option::of(500..20_000_u64);
    let requests = proptest::option::of(6..900_u64);
    let slice = prop_oneof![Just(1_u64), Just(10)];
    (enforcement, tokens, requests, slice).prop_map(|(enforcement, tokens, requests, slice)| Limits {
        enforcement,
        tokens_per_minute: tokens,
        requests_per_minute: requests,
        request_slice: Duration::from_secs(slice),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_let_go_is_refused_whatever_its_way_takes(
        limits in limits(),
        seed in any::<u64>(),
        gaps in proptest::collection::vec((2..500_u64, prop_oneof![0..20_u64, 20..400_u64, 400..9_000_u64]), 1..250),
    ) {
        let mut road = Road::new(limits, seed);
        for (charge, gap) in gaps {
            road.arrive(charge);
            road.until(road.now.after(Duration::from_millis(gap)));
        }
        road.until(road.now.after(Duration::from_mins(2)));
        prop_assert_eq!(road.refused, 0);
    }
}

/// What the service would have admitted of endless requests of this charge that came to it without a way.
fn admitted_at_best(limits: Limits, charge: u64, end: Timestamp, used_percent: u64, seed: u64) -> u64 {
    let (mut limiter, mut rng) = (Limiter::new(limits, Timestamp::ZERO), Rng::with_seed(seed));
    let (mut now, mut admitted, mut working) = (Timestamp::ZERO, 0_u64, BTreeSet::new());
    while now < end {
        match limiter.take(now, charge) {
            Verdict::Admitted => {
                admitted += 1;
                working.insert((now.after(Duration::from_micros(rng.u64(100_000..20_000_000))), admitted));
            }
            Verdict::Full { wait, .. } => {
                let free = now.after(wait);
                let over = working.first().copied().filter(|(when, _)| *when <= free);
                now = over.map_or(free, |(when, _)| when);
                if let Some(key) = over {
                    working.remove(&key);
                    limiter.settle(now, charge, charge * used_percent / 100);
                }
            }
            Verdict::TooLarge { .. } => break,
        }
    }
    admitted
}

fn share_at_saturation(limits: Limits, charge: u64) -> (u64, u64) {
    let end = Timestamp::from_secs(600);
    let best = admitted_at_best(limits, charge, end, 60, 1);
    let mut road = Road::new(limits, 1);
    // Always half as many again as fit, and a line that never runs empty.
    let gap = Duration::from_secs(600) * 2 / u32::try_from(best * 3).expect("not that many");
    for _ in 0..best / 8 {
        road.arrive(charge);
    }
    while road.now < end {
        road.arrive(charge);
        road.until(road.now.after(gap));
    }
    assert_eq!(road.refused, 0);
    (road.admitted, best)
}

fn limited(enforcement: Enforcement, tokens: Option<u64>, requests: Option<u64>, slice: u64) -> Limits {
    let request_slice = Duration::from_secs(slice);
    Limits { enforcement, tokens_per_minute: tokens, requests_per_minute: requests, request_slice }
}

#[test]
fn at_saturation_ninety_nine_percent_of_what_a_service_admits_is_sent() {
    for limits in [
        limited(Enforcement::SlidingLog, Some(12_000), Some(1_200), 1),
        limited(Enforcement::SlidingLog, Some(12_000), None, 10),
        limited(Enforcement::SlidingLog, None, Some(240), 10),
        limited(Enforcement::TokenBucket, Some(12_000), None, 1),
        limited(Enforcement::TokenBucket, Some(12_000), Some(240), 1),
        limited(Enforcement::TokenBucket, None, Some(240), 1),
        limited(Enforcement::Utilization, Some(12_000), None, 1),
    ] {
        let (sent, best) = share_at_saturation(limits, 60);
        assert!(sent * 100 >= best * 99, "{sent} of {best}: {limits:?}");
    }
}

#[test]
fn in_slices_of_a_second_the_way_itself_costs_four_percent_and_we_no_more_than_half_of_one() {
    let limits = limited(Enforcement::SlidingLog, None, Some(600), 1);
    let (sent, best) = share_at_saturation(limits, 60);
    // What is sent within a second and 39 ms may arrive within one second, so nobody can send more than 1/1.039 unpunished.
    assert!(sent * 1_000 >= best * 957, "{sent} of {best}");
}
