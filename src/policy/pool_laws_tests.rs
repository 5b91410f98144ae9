//! Pools and endpoints held against a plain list, while the configuration changes in the middle.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::world_tests::*;
use super::{Input, Output};
use crate::model::checked::CheckedConfig;
use crate::model::config::Enforcement;
use crate::model::id::RequestId;
use crate::model::outcome::{Ending, FailureClass, Settlement};
use crate::model::units::{MINUTE, Timestamp};
use crate::model::usage::Usage;

const SITES: [&str; 4] = ["a", "b", "c", "d"];

/// How one endpoint is set up at a time.
#[derive(Clone, Copy, Debug)]
struct Setup {
    enforcement: Enforcement,
    tokens: u64,
    requests: u64,
    slice: u32,
    pooled: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Arrive(u64),
    /// Nothing of a request reached its service.
    Lose(usize),
    /// A request ends, after so many percent of its charge.
    End(usize, u64),
    Change(Vec<Setup>, u64),
}

fn setup() -> impl Strategy<Value = Setup> {
    let kind = prop_oneof![
        2 => Just(Enforcement::SlidingLog),
        2 => Just(Enforcement::TokenBucket),
        1 => Just(Enforcement::Utilization),
    ];
    (kind, 500..3_000_u64, 30..600_u64, any::<bool>(), any::<bool>()).prop_map(
        |(enforcement, tokens, requests, long, pooled)| Setup {
            enforcement,
            tokens,
            requests,
            slice: if long { 10 } else { 1 },
            pooled,
        },
    )
}

fn setups() -> impl Strategy<Value = (Vec<Setup>, u64)> {
    (proptest::collection::vec(setup(), SITES.len()), 1_000..5_000_u64)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop_oneof![0..50_u64, 50..3_000_u64, 3_000..40_000_u64].prop_map(Step::Pass),
        12 => (2..700_u64).prop_map(Step::Arrive),
        1 => any::<usize>().prop_map(Step::Lose),
        4 => (any::<usize>(), 10..100_u64).prop_map(|(which, percent)| Step::End(which, percent)),
        1 => setups().prop_map(|(setups, pool)| Step::Change(setups, pool)),
    ]
}

fn resolved(setups: &[Setup], pool: u64) -> Arc<CheckedConfig> {
    let site = |(id, setup): (&'static str, &Setup)| Site {
        requests: Some(setup.requests),
        pool: setup.pooled.then_some("p"),
        enforcement: setup.enforcement,
        ..site(id, setup.tokens)
    };
    let sites: Vec<Site> = SITES.into_iter().zip(setups).map(site).collect();
    config(&sites, &[("p", pool)], |config| {
        for (endpoint, setup) in config.endpoints.iter_mut().zip(setups) {
            endpoint.request_slice_seconds = Some(setup.slice);
        }
    })
}

/// One sending: where, when, what it was charged, whether it drew from the pool.
#[derive(Clone, Copy, Debug)]
struct Sent {
    request: RequestId,
    site: usize,
    at: Timestamp,
    charge: u64,
    pooled: bool,
    /// What it comes to in the end is what counts.
    corrected: bool,
    open: bool,
}

struct Book {
    world: World,
    setups: Vec<Setup>,
    pool: u64,
    /// Since when endpoints are counted as they are now.
    since: Timestamp,
    sent: Vec<Sent>,
    next: u64,
}

impl Book {
    fn give(&mut self, input: Input) {
        let outputs = self.world.give(input);
        for output in &outputs {
            self.enter(self.world.now, output);
        }
    }

    fn enter(&mut self, now: Timestamp, output: &Output) {
        let Output::Assigned { request, assignment } = output else { return };
        let site = SITES.iter().position(|id| *id == assignment.endpoint.as_str()).expect("a known site");
        let (setup, charge) = (self.setups[site], assignment.decision.estimate.charge);
        let within = |span: Duration, amount: fn(&Sent) -> u64, wanted: &dyn Fn(&Sent) -> bool| {
            let recent = self.sent.iter().filter(|sent| now.since(sent.at) < span && wanted(sent));
            recent.map(amount).sum::<u64>()
        };
        let here = |sent: &Sent| sent.site == site;
        if setup.enforcement == Enforcement::SlidingLog {
            assert!(within(MINUTE, |sent| sent.charge, &here) + charge <= setup.tokens, "tokens at {site}");
        }
        if setup.enforcement != Enforcement::TokenBucket {
            assert!(within(MINUTE, |_| 1, &here) < setup.requests, "requests at {site}");
            let slice = Duration::from_secs(u64::from(setup.slice));
            let most = (setup.requests * u64::from(setup.slice) / 60).max(1);
            assert!(within(slice, |_| 1, &here) < most, "slice at {site}");
        }
        // A bucket never has more than its limit and what came back since, whatever was before.
        if setup.enforcement == Enforcement::TokenBucket {
            let mut spans = self.sent.iter().filter(|sent| here(sent) && sent.at >= self.since);
            let fits = |first: &Sent| {
                let span = now.since(first.at);
                let came = self.sent.iter().filter(|sent| here(sent) && sent.at >= first.at);
                let total = came.map(|sent| u128::from(sent.charge)).sum::<u128>() + u128::from(charge);
                total * MINUTE.as_micros() <= u128::from(setup.tokens) * (MINUTE + span).as_micros()
            };
            assert!(spans.all(fits), "the bucket at {site}");
        }
        let members = || self.setups.iter().filter(|setup| setup.pooled);
        if setup.pooled && !members().all(|setup| setup.enforcement == Enforcement::TokenBucket) {
            assert!(within(MINUTE, |sent| sent.charge, &|sent| sent.pooled) + charge <= self.pool, "the pool");
        }
        let (request, pooled, corrected) = (*request, setup.pooled, setup.enforcement == Enforcement::Utilization);
        self.sent.push(Sent { request, site, at: now, charge, pooled, corrected, open: true });
    }

    fn nth_open(&mut self, which: usize) -> Option<usize> {
        let open: Vec<usize> = (0..self.sent.len()).filter(|at| self.sent[*at].open).collect();
        let at = open[which.checked_rem(open.len())?];
        self.sent[at].open = false;
        Some(at)
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Pass(millis) => {
                let end = self.world.now.after(Duration::from_millis(*millis));
                for (at, output) in self.world.until(end) {
                    self.enter(at, &output);
                }
            }
            Step::Arrive(charge) => {
                self.next += 1;
                self.give(Input::Arrived { request: RequestId(self.next), profile: chat(*charge) });
            }
            Step::Lose(which) => {
                let Some(at) = self.nth_open(*which) else { return };
                let request = self.sent.remove(at).request;
                let lost = failure(FailureClass::ClientFault);
                self.give(Input::AttemptFailed {
                    request,
                    failure: crate::model::outcome::Failure { reached: false, ..lost },
                });
            }
            Step::End(which, percent) => {
                let Some(at) = self.nth_open(*which) else { return };
                let sent = self.sent[at];
                let output = (sent.charge * percent / 100).max(1);
                if sent.corrected {
                    self.sent[at].charge = output;
                }
                let usage = Some(Usage { output, exact: true, ..Usage::default() });
                let settlement = Settlement { ending: Ending::Completed, usage };
                self.give(Input::Settled { request: sent.request, settlement });
            }
            Step::Change(setups, pool) => {
                (self.setups, self.pool, self.since) = (setups.clone(), *pool, self.world.now);
                self.give(Input::Configured(resolved(setups, *pool)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 250, failure_persistence: Some(Box::new(super::laws_tests::CORPUS)), ..ProptestConfig::default()
    })]

    #[test]
    fn neither_pools_nor_endpoints_exceed_their_limits_while_everything_changes(
        (setups, pool) in setups(),
        steps in proptest::collection::vec(step(), 1..150),
    ) {
        let world = World::new(resolved(&setups, pool));
        let mut book = Book { world, setups, pool, since: Timestamp::ZERO, sent: Vec::new(), next: 0 };
        for step in &steps {
            book.play(step);
        }
    }
}
