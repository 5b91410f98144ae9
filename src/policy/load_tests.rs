//! What a minute under load brings: how much of the limits is delivered, and how often the service says no.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world_tests::*;
use super::{Input, Output};
use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{Ending, FailureClass, HeaderFacts, HeaderSignal, Settlement, ThrottleKind};
use crate::model::units::{MINUTE, Timestamp};

/// What the service has to say, when, and to whom.
enum News {
    Reaches { endpoint: String, charge: u64 },
    Answers { endpoint: String },
    Ends,
}

/// A world whose service counts for itself, with its own latency for each request.
pub(super) struct Load {
    pub(super) world: World,
    tally: Tally,
    limits: BTreeMap<String, (u64, u64)>,
    news: BTreeMap<(Timestamp, u64), (RequestId, News)>,
    serial: u64,
    rng: fastrand::Rng,
    pub(super) delivered: u64,
    answers: u64,
    pub(super) refused_by_service: u64,
    refused_by_us: u64,
    /// Who went: the request, how long it had waited, and what it was charged.
    pub(super) gone: Vec<(RequestId, Duration, u64)>,
}

impl Load {
    pub(super) fn new(sites: &[Site]) -> Self {
        let limit = |site: &Site| (site.tokens.unwrap_or(u64::MAX), site.requests.unwrap_or(u64::MAX));
        Self {
            world: World::new(config(sites, &[], |_| {})),
            tally: Tally::default(),
            limits: sites.iter().map(|site| (site.id.to_owned(), limit(site))).collect(),
            news: BTreeMap::new(),
            serial: 0,
            rng: fastrand::Rng::with_seed(5),
            delivered: 0,
            answers: 0,
            refused_by_service: 0,
            refused_by_us: 0,
            gone: Vec::new(),
        }
    }

    fn later(&mut self, millis: u64, request: RequestId, news: News) {
        self.serial += 1;
        self.news.insert((self.world.now.after(Duration::from_millis(millis)), self.serial), (request, news));
    }

    pub(super) fn take_in(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Assigned { request, assignment } => {
                    let (endpoint, charge) = (assignment.endpoint.to_string(), assignment.decision.estimate.charge);
                    self.gone.push((request, assignment.decision.waited, charge));
                    let latency = self.rng.u64(2..15);
                    self.later(latency, request, News::Reaches { endpoint, charge });
                }
                Output::Refused { .. } | Output::GiveUp { .. } => self.refused_by_us += 1,
                Output::Held { .. } => {}
            }
        }
    }

    fn hear(&mut self, request: RequestId, news: News) {
        let input = match news {
            News::Reaches { endpoint, charge } if self.admits(&endpoint, charge) => {
                return self.later(300, request, News::Answers { endpoint });
            }
            News::Reaches { .. } => {
                self.refused_by_service += 1;
                let failure = failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 1);
                Input::AttemptFailed { request, failure }
            }
            News::Answers { endpoint } => {
                self.answers += 1;
                self.later(2_000, request, News::Ends);
                let endpoint = EndpointId::from(endpoint);
                Input::Committed {
                    request,
                    signal: HeaderSignal { endpoint, facts: HeaderFacts::default(), has_output: true },
                }
            }
            News::Ends => {
                let settlement = Settlement { ending: Ending::Completed, usage: None };
                Input::Settled { request, settlement }
            }
        };
        let outputs = self.world.give(input);
        self.take_in(outputs);
    }

    fn admits(&mut self, endpoint: &str, charge: u64) -> bool {
        let (tokens, requests) = self.limits[endpoint];
        let (now, counted) = (self.world.now, format!("{endpoint} requests"));
        let slice = self.tally.sum(&counted, now, Duration::from_secs(1)) < (requests / 60).max(1);
        self.tally.add(&counted, now, 1);
        let room = slice && self.tally.sum(endpoint, now, MINUTE) + charge <= tokens;
        if room {
            self.tally.add(endpoint, now, charge);
            self.delivered += charge;
        }
        room
    }

    /// Plays whatever comes next until `until`.
    pub(super) fn run(&mut self, until: Timestamp) {
        loop {
            let told = self.news.first_key_value().map(|((when, _), _)| *when);
            let wake = self.world.brain.next_wake();
            let Some(next) = told.into_iter().chain(wake).min().filter(|next| *next <= until) else { break };
            self.world.now = self.world.now.max(next);
            if told == Some(next) {
                if let Some((_, (request, news))) = self.news.pop_first() {
                    self.hear(request, news);
                }
            } else {
                let outputs = self.world.give(Input::Tick);
                self.take_in(outputs);
            }
        }
        self.world.now = until;
    }

    fn arrive(&mut self, charge: u64) {
        let (_, answer) = self.world.arrive(charge);
        self.take_in(vec![answer]);
    }
}

fn limited(id: &'static str, tokens: u64, requests: u64) -> Site {
    Site { requests: Some(requests), ..site(id, tokens) }
}

#[test]
fn at_one_and_a_half_times_the_load_nearly_all_of_the_limits_is_delivered_without_a_429() {
    let mut load = Load::new(&[limited("a", 60_000, 600), limited("b", 60_000, 600), limited("c", 120_000, 1_200)]);
    // 240,000 tokens a minute fit; 360,000 are offered, as 12 requests of 500 tokens a second.
    for tick in 0..120 * 12 {
        load.run(Timestamp::from_millis(tick * 1_000 / 12));
        load.arrive(500);
    }
    load.run(Timestamp::from_secs(120));
    assert_eq!(load.refused_by_service, 0);
    assert!(load.delivered >= 2 * 240_000 * 95 / 100, "{} delivered", load.delivered);
}

#[test]
fn requests_alone_are_delivered_as_fully_as_tokens() {
    let mut load = Load::new(&[limited("a", 10_000_000, 600)]);
    for tick in 0..120 * 15 {
        load.run(Timestamp::from_millis(tick * 1_000 / 15));
        load.arrive(10);
    }
    load.run(Timestamp::from_secs(120));
    assert!(load.refused_by_service * 100 < load.answers, "{} refused", load.refused_by_service);
    assert!(load.answers >= 1_200 * 95 / 100, "{} answered", load.answers);
}

#[test]
fn a_burst_that_fits_if_it_waits_is_answered_whole() {
    let mut load = Load::new(&[limited("a", 60_000, 600), limited("b", 60_000, 600)]);
    for _ in 0..216 {
        load.arrive(500);
    }
    load.run(Timestamp::from_secs(90));
    assert_eq!((load.refused_by_service, load.refused_by_us, load.answers), (0, 0, 216));
}

#[test]
fn a_long_line_is_joined_and_left_without_going_through_it_each_time() {
    let mut load = Load::new(&[limited("a", 60_000, 600), limited("b", 60_000, 600)]);
    // Twenty a second go; all 1,100 are let go within the longest wait.
    for _ in 0..1_100 {
        load.arrive(50);
    }
    assert!(load.world.brain.view(load.world.now).queue.waiting > 1_000);
    load.run(Timestamp::from_secs(70));
    assert_eq!((load.refused_by_service, load.refused_by_us, load.answers), (0, 0, 1_100));
}
