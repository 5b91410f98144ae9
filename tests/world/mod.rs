//! A virtual world round the real balancer: seeded arrivals, simulated endpoints with their own limiters, a network
//! with delays, and a report. Time is virtual, so minutes pass in milliseconds and the numbers are exact.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::Priority;
use tidegate::model::id::{EndpointId, ModelName, RequestId};
use tidegate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, HeaderSignal, Settlement};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::scenario::Dials;
use tidegate::model::units::Timestamp;
use tidegate::model::usage::Usage;
use tidegate::policy::{Balancer, Input, Output};
use tidegate::sim::upstream::{SimAnswer, SimRequest, Ticket, Upstream};
use tidegate::wire;

/// What happens when; ordered by time, then by the order of planning.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive(u64),
    Reach(u64, EndpointId),
    Fail(u64, EndpointId),
    Commit(u64, EndpointId),
    End(u64, EndpointId),
    Turn(EndpointId, DialSetting),
    Other(EndpointId, u64, u64),
}

/// 429s with this `Retry-After`, or all well again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DialSetting {
    Throttle { retry_after: u32 },
    Well,
}

/// What one endpoint saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub arrived: u64,
    pub throttled: u64,
    pub charged: u64,
    /// When admitted, and the charge.
    pub admitted: Vec<(Timestamp, u64)>,
    /// When not.
    pub throttles: Vec<Timestamp>,
    /// What others were charged, and when.
    pub others: Vec<(Timestamp, u64)>,
}

/// What came of it all.
#[derive(Debug, Default)]
pub struct Report {
    pub offered: u64,
    pub answered: u64,
    pub refused: u64,
    pub failed: u64,
    pub longest_wait: Duration,
    pub endpoints: BTreeMap<EndpointId, Seen>,
    /// When each request was sent on, and where.
    pub sent: Vec<(Timestamp, EndpointId)>,
}

impl Report {
    pub fn upstream_429_percent(&self) -> f64 {
        let arrived: u64 = self.endpoints.values().map(|seen| seen.arrived).sum();
        let throttled: u64 = self.endpoints.values().map(|seen| seen.throttled).sum();
        throttled as f64 * 100.0 / arrived.max(1) as f64
    }
}

struct Open {
    arrived: Timestamp,
    profile: Arc<RequestProfile>,
    ticket: Option<Ticket>,
    usage: u64,
    takes: Duration,
    answer: Option<Failure>,
    facts: HeaderFacts,
}

/// The world itself.
pub struct World {
    pub balancer: Balancer,
    upstreams: BTreeMap<EndpointId, Upstream>,
    plan: BinaryHeap<Reverse<(Timestamp, u64, Event)>>,
    planned: u64,
    open: BTreeMap<u64, Open>,
    rng: fastrand::Rng,
    pub report: Report,
    /// The services say nothing of limits but their 429s.
    pub silent: bool,
}

impl World {
    pub fn new(config: CheckedConfig, upstreams: Vec<Upstream>, seed: u64) -> Self {
        let upstreams = upstreams.into_iter().map(|upstream| (upstream.spec().id.clone(), upstream)).collect();
        Self {
            balancer: Balancer::new(Arc::new(config), seed, Timestamp::ZERO),
            upstreams,
            plan: BinaryHeap::new(),
            planned: 0,
            open: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
            report: Report::default(),
            silent: false,
        }
    }

    /// A request at a time.
    pub fn offer(&mut self, at: Timestamp, model: &str, prompt_chars: u64, output_cap: u64) {
        let id = self.report.offered + 1;
        self.report.offered = id;
        let profile = RequestProfile {
            model: ModelName::from(model),
            operation: Operation::Chat,
            streaming: true,
            size: RequestSize { prompt_chars, output_cap: Some(output_cap), choices: 1 },
            priority: Priority::Normal,
            caller: None,
            client: Arc::from("world"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        };
        let open = Open {
            arrived: at,
            profile: Arc::new(profile),
            ticket: None,
            usage: 0,
            takes: Duration::ZERO,
            answer: None,
            facts: HeaderFacts::default(),
        };
        self.open.insert(id, open);
        self.at(at, Event::Arrive(id));
    }

    /// Turns an endpoint's dials at a time.
    pub fn turn(&mut self, at: Timestamp, endpoint: &str, setting: DialSetting) {
        self.at(at, Event::Turn(EndpointId::from(endpoint), setting));
    }

    /// Somebody else sends a request to an endpoint.
    pub fn other(&mut self, at: Timestamp, endpoint: &str, prompt_chars: u64, output_cap: u64) {
        self.at(at, Event::Other(EndpointId::from(endpoint), prompt_chars, output_cap));
    }

    fn at(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        self.plan.push(Reverse((at, self.planned, event)));
    }

    /// One way over the network: 1 to 40 ms.
    fn hop(&mut self) -> Duration {
        Duration::from_micros(self.rng.u64(1_000..40_000))
    }

    /// Runs until nothing is left to happen.
    pub fn run(&mut self) {
        let mut last = Timestamp::ZERO;
        loop {
            let planned = self.plan.peek().map(|Reverse((at, ..))| *at);
            let wake = if self.open.is_empty() { None } else { self.balancer.next_wake() };
            let now = match (planned, wake) {
                (Some(planned), Some(wake)) => planned.min(wake),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => break,
            }
            .max(last);
            last = now;
            if planned.is_some_and(|planned| planned <= now) {
                let Some(Reverse((_, _, event))) = self.plan.pop() else { break };
                self.happen(now, event);
            } else {
                self.tell(now, Input::Tick);
            }
        }
    }

    fn happen(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::Arrive(id) => {
                let profile = Arc::clone(&self.open[&id].profile);
                self.tell(now, Input::Arrived { request: RequestId(id), profile });
            }
            Event::Reach(id, endpoint) => self.reach(now, id, endpoint),
            Event::Fail(id, _) => {
                let failure =
                    self.open.get_mut(&id).and_then(|open| open.answer.take()).expect("a failure was planned");
                self.tell(now, Input::AttemptFailed { request: RequestId(id), failure });
            }
            Event::Commit(id, endpoint) => {
                let open = &self.open[&id];
                let (facts, takes) = (open.facts, open.takes);
                let signal = HeaderSignal { endpoint: endpoint.clone(), facts };
                self.tell(now, Input::Committed { request: RequestId(id), signal });
                self.at(now.after(takes), Event::End(id, endpoint));
            }
            Event::End(id, endpoint) => {
                let open = self.open.remove(&id).expect("it is open until it ends");
                let ticket = open.ticket.expect("it was admitted");
                self.upstreams.get_mut(&endpoint).expect("it exists").finish(now, ticket, open.usage);
                let usage = Usage { output: open.usage, exact: true, ..Usage::default() };
                let settlement = Settlement { ending: Ending::Completed, usage: Some(usage), first_token: None };
                self.report.answered += 1;
                self.tell(now, Input::Settled { request: RequestId(id), settlement });
            }
            Event::Other(endpoint, prompt_chars, output_cap) => {
                let chat = SimRequest::new(Operation::Chat);
                let request = SimRequest { prompt_chars, output_cap: Some(output_cap), ..chat };
                let upstream = self.upstreams.get_mut(&endpoint).expect("it exists");
                if let SimAnswer::Admitted(admission) = upstream.arrive(now, &request) {
                    upstream.finish(now, admission.ticket, admission.charge);
                    self.report.endpoints.entry(endpoint).or_default().others.push((now, admission.charge));
                }
            }
            Event::Turn(endpoint, setting) => {
                let dials = match setting {
                    DialSetting::Throttle { retry_after } => {
                        Dials { throttle_percent: 100, throttle_retry_after: retry_after, ..Dials::default() }
                    }
                    DialSetting::Well => Dials::default(),
                };
                self.upstreams.get_mut(&endpoint).expect("it exists").set_dials(dials);
            }
        }
    }

    fn reach(&mut self, now: Timestamp, id: u64, endpoint: EndpointId) {
        let size = self.open[&id].profile.size;
        let request = SimRequest {
            prompt_chars: size.prompt_chars,
            output_cap: size.output_cap,
            streaming: true,
            ..SimRequest::new(Operation::Chat)
        };
        let answer = self.upstreams.get_mut(&endpoint).expect("it exists").arrive(now, &request);
        let seen = self.report.endpoints.entry(endpoint.clone()).or_default();
        seen.arrived += 1;
        let open = self.open.get_mut(&id).expect("it is open");
        let mut headers = HeaderMap::new();
        let mut take = |list: &[(&'static str, String)]| {
            for (name, value) in list {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value"));
            }
        };
        match answer {
            SimAnswer::Admitted(admission) => {
                seen.charged += admission.charge;
                seen.admitted.push((now, admission.charge));
                take(&admission.headers);
                open.facts = if self.silent { HeaderFacts::default() } else { wire::headers::facts(&headers, 0) };
                open.ticket = Some(admission.ticket);
                open.usage = admission.prompt_tokens + admission.output_tokens;
                let tokens = u32::try_from(admission.output_tokens).unwrap_or(u32::MAX);
                open.takes = admission.token_gap.saturating_mul(tokens);
                let at = now.after(admission.first_token + self.hop());
                self.at(at, Event::Commit(id, endpoint));
            }
            SimAnswer::Rejected(rejection) => {
                seen.throttled += u64::from(rejection.status == 429);
                seen.throttles.push(now);
                take(&rejection.headers);
                open.answer = Some(wire::failure::classify(rejection.status, &headers, rejection.body.as_bytes(), 0));
                let at = now.after(self.hop());
                self.at(at, Event::Fail(id, endpoint));
            }
            SimAnswer::Stalled(_) | SimAnswer::Reset => {
                open.answer = Some(Failure {
                    class: FailureClass::Broken,
                    status: None,
                    reached: true,
                    facts: HeaderFacts::default(),
                });
                let at = now.after(self.hop());
                self.at(at, Event::Fail(id, endpoint));
            }
        }
    }

    fn tell(&mut self, now: Timestamp, input: Input) {
        let mut outputs = Vec::new();
        self.balancer.handle(now, input, &mut outputs);
        for output in outputs {
            let id = output.request().0;
            match output {
                Output::Assigned { assignment, .. } => {
                    let waited = now.since(self.open[&id].arrived);
                    if assignment.attempt == 1 {
                        self.report.longest_wait = self.report.longest_wait.max(waited);
                    }
                    self.report.sent.push((now, assignment.endpoint.clone()));
                    let at = now.after(self.hop());
                    self.at(at, Event::Reach(id, assignment.endpoint));
                }
                Output::Held { .. } => {}
                Output::Refused { .. } => {
                    self.report.refused += 1;
                    self.open.remove(&id);
                }
                Output::GiveUp { .. } => {
                    self.report.failed += 1;
                    self.open.remove(&id);
                }
            }
        }
    }
}
