//! A small world for the tests of this room: configurations in a line, and a service that counts for itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Assignment, Balancer, Input, Output};
use crate::model::checked::CheckedConfig;
use crate::model::config::{Config, Enforcement};
use crate::model::id::{EndpointId, ModelName, RequestId};
use crate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, HeaderSignal, Settlement, ThrottleKind};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::units::{MINUTE, Timestamp};

/// One simulated endpoint of a world.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) id: &'static str,
    pub(super) group: usize,
    pub(super) tokens: Option<u64>,
    pub(super) requests: Option<u64>,
    pub(super) pool: Option<&'static str>,
    pub(super) enforcement: Enforcement,
}

/// An endpoint of the first group with a token limit alone.
pub(super) fn site(id: &'static str, tokens: u64) -> Site {
    Site { id, group: 0, tokens: Some(tokens), requests: None, pool: None, enforcement: Enforcement::SlidingLog }
}

/// A configuration with one route `m` over all sites. `tune` may change the rest.
pub(super) fn config(sites: &[Site], pools: &[(&str, u64)], tune: impl FnOnce(&mut Config)) -> Arc<CheckedConfig> {
    let mut lines = vec!["[[account]]\nid = \"a\"\nservice = \"simulated\"".to_owned()];
    for (id, tokens) in pools {
        lines.push(format!("[[quota_pool]]\nid = \"{id}\"\ntokens_per_minute = {tokens}"));
    }
    for site in sites {
        lines.push(format!("[[endpoint]]\nid = \"{}\"\naccount = \"a\"\nmodel = \"m\"", site.id));
        lines.extend(site.tokens.map(|limit| format!("tokens_per_minute = {limit}")));
        lines.extend(site.requests.map(|limit| format!("requests_per_minute = {limit}")));
        lines.extend(site.pool.map(|pool| format!("quota_pool = \"{pool}\"")));
    }
    lines.push("[[route]]\nmodel = \"m\"".to_owned());
    for group in 0..=sites.iter().map(|site| site.group).max().unwrap_or(0) {
        let members: Vec<String> =
            sites.iter().filter(|site| site.group == group).map(|site| format!("\"{}\"", site.id)).collect();
        lines.push(format!("[[route.group]]\nendpoints = [{}]", members.join(", ")));
    }
    let mut config: Config = toml_edit::de::from_str(&lines.join("\n")).expect("the test's text is sound");
    for (endpoint, site) in config.endpoints.iter_mut().zip(sites) {
        endpoint.enforcement = site.enforcement;
    }
    tune(&mut config);
    let (checked, _) = CheckedConfig::resolve(Arc::new(config), 1);
    Arc::new(checked)
}

/// A chat request that a sliding log charges `charge` tokens, at least 2.
pub(super) fn chat(charge: u64) -> Arc<RequestProfile> {
    let size = RequestSize { prompt_chars: 0, output_cap: Some(charge.saturating_sub(1)), choices: 1 };
    Arc::new(RequestProfile {
        model: ModelName::from("m"),
        operation: Operation::Chat,
        streaming: false,
        size,
        priority: crate::model::config::Priority::Normal,
        caller: None,
        client: "".into(),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    })
}

/// A failure with nothing but its class.
pub(super) fn failure(class: FailureClass) -> Failure {
    let status = match class {
        FailureClass::Throttled(_) => Some(429),
        FailureClass::ClientFault => Some(400),
        FailureClass::Connect | FailureClass::Timeout | FailureClass::Broken => None,
        _ => Some(500),
    };
    Failure { class, status, reached: class != FailureClass::Connect, facts: HeaderFacts::default() }
}

/// The same with a wait the service asks for.
pub(super) fn failure_with_wait(class: FailureClass, seconds: u64) -> Failure {
    let retry_after = Some(Duration::from_secs(seconds));
    Failure { facts: HeaderFacts { retry_after, ..HeaderFacts::default() }, ..failure(class) }
}

/// A brain with its driver.
pub(super) struct World {
    pub(super) brain: Balancer,
    pub(super) now: Timestamp,
    next: u64,
}

impl World {
    pub(super) fn new(config: Arc<CheckedConfig>) -> Self {
        Self { brain: Balancer::new(config, 1, Timestamp::ZERO), now: Timestamp::ZERO, next: 0 }
    }

    /// Hands in one event at the present time.
    pub(super) fn give(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.brain.handle(self.now, input, &mut outputs);
        outputs
    }

    /// A new request; its id and the answer to it.
    pub(super) fn arrive(&mut self, charge: u64) -> (RequestId, Output) {
        self.arrive_as(charge, |_| {})
    }

    /// The same, with a changed profile.
    pub(super) fn arrive_as(&mut self, charge: u64, change: impl FnOnce(&mut RequestProfile)) -> (RequestId, Output) {
        let mut profile = chat(charge);
        change(Arc::make_mut(&mut profile));
        self.ask(profile)
    }

    /// A new request of any kind; its id and the answer to it.
    pub(super) fn ask(&mut self, profile: Arc<RequestProfile>) -> (RequestId, Output) {
        self.next += 1;
        let request = RequestId(self.next);
        let outputs = self.give(Input::Arrived { request, profile });
        let answer = outputs.into_iter().find(|output| output.request() == request);
        (request, answer.expect("an arrival is answered in the same call"))
    }

    /// A failure; the answer to it.
    pub(super) fn fail(&mut self, request: RequestId, failure: Failure) -> Output {
        let outputs = self.give(Input::AttemptFailed { request, failure });
        let answer = outputs.into_iter().rfind(|output| output.request() == request);
        answer.expect("a failure is answered in the same call")
    }

    pub(super) fn commit(&mut self, request: RequestId, endpoint: &str) -> Vec<Output> {
        let signal =
            HeaderSignal { endpoint: EndpointId::from(endpoint), facts: HeaderFacts::default(), has_output: true };
        self.give(Input::Committed { request, signal })
    }

    pub(super) fn settle(&mut self, request: RequestId, ending: Ending) -> Vec<Output> {
        self.give(Input::Settled { request, settlement: Settlement { ending, usage: None } })
    }

    /// Lets time pass, ticking at every wake, until `at`.
    pub(super) fn until(&mut self, at: Timestamp) -> Vec<(Timestamp, Output)> {
        let mut all = Vec::new();
        while let Some(wake) = self.brain.next_wake().filter(|wake| *wake <= at) {
            self.now = self.now.max(wake);
            all.extend(self.give(Input::Tick).into_iter().map(|output| (self.now, output)));
            assert!(self.brain.next_wake().is_none_or(|next| next > self.now), "a tick at its time makes progress");
        }
        self.now = self.now.max(at);
        all
    }
}

/// A world in which anything may happen next.
pub(super) struct Shaken {
    pub(super) world: World,
    open: Vec<(RequestId, EndpointId)>,
}

impl Shaken {
    pub(super) fn new(world: World) -> Self {
        Self { world, open: Vec::new() }
    }

    /// After a while of at most `longest` microseconds a request comes with a charge up to `largest`, or one that was sent
    /// fails, is throttled, or ends.
    pub(super) fn step(&mut self, rng: &mut fastrand::Rng, longest: u64, largest: u64) {
        let world = &mut self.world;
        world.now = world.now.after(Duration::from_micros(rng.u64(1..longest)));
        let failed = |request, failure| Input::AttemptFailed { request, failure };
        let outputs = match (rng.u8(..10), self.open.pop()) {
            (0, Some((request, _))) => world.give(failed(request, failure(FailureClass::Connect))),
            (1, Some((request, _))) => {
                world.give(failed(request, failure_with_wait(FailureClass::Throttled(ThrottleKind::Tokens), 2)))
            }
            (2..=4, Some((request, endpoint))) => {
                world.commit(request, endpoint.as_str());
                world.settle(request, Ending::Completed)
            }
            (_, known) => {
                self.open.extend(known);
                vec![world.arrive(rng.u64(2..largest)).1]
            }
        };
        let assigned = outputs.iter().filter(|output| matches!(output, Output::Assigned { .. }));
        self.open.extend(assigned.map(|output| (output.request(), sent(output).endpoint.clone())));
    }
}

/// The assignment within an answer.
pub(super) fn sent(output: &Output) -> &Assignment {
    match output {
        Output::Assigned { assignment, .. } => assignment,
        other => panic!("not sent: {other:?}"),
    }
}

/// Where an answer sends.
pub(super) fn place(output: &Output) -> &str {
    sent(output).endpoint.as_str()
}

fn parts(amount: u64) -> u128 {
    u128::from(amount) * MINUTE.as_micros()
}

/// A service that counts for itself: every amount it ever admitted with its time, summed anew each time.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    admitted: BTreeMap<String, Vec<(Timestamp, u64)>>,
}

impl Tally {
    pub(super) fn add(&mut self, who: &str, at: Timestamp, amount: u64) {
        self.admitted.entry(who.to_owned()).or_default().push((at, amount));
    }

    /// Nothing of this came after all.
    pub(super) fn take_back(&mut self, who: &str, at: Timestamp, amount: u64) {
        let entries = self.admitted.entry(who.to_owned()).or_default();
        if let Some(place) = entries.iter().rposition(|entry| *entry == (at, amount)) {
            entries.remove(place);
        }
    }

    /// Whether a service that counts so would let `amount` in.
    pub(super) fn admits(&self, who: &str, kind: Enforcement, limit: u64, amount: u64, at: Timestamp) -> bool {
        match kind {
            Enforcement::TokenBucket => self.level(who, limit, at) + parts(amount) <= parts(limit),
            Enforcement::Utilization => self.level(who, limit, at) < parts(limit),
            _ => self.sum(who, at, MINUTE) + amount <= limit,
        }
    }

    /// What has not drained at `at` of everything that came, if `limit` drains a minute; in parts of a token.
    fn level(&self, who: &str, limit: u64, at: Timestamp) -> u128 {
        let (mut level, mut seen) = (0_u128, Timestamp::ZERO);
        for (when, amount) in self.admitted.get(who).into_iter().flatten() {
            level = level.saturating_sub(u128::from(limit) * when.since(seen).as_micros()) + parts(*amount);
            seen = *when;
        }
        level.saturating_sub(u128::from(limit) * at.since(seen).as_micros())
    }

    /// The sum over the `window` that ends at `at`, its start excluded.
    pub(super) fn sum(&self, who: &str, at: Timestamp, window: Duration) -> u64 {
        let entries = self.admitted.get(who).into_iter().flatten();
        entries.filter(|(when, _)| *when <= at && at.since(*when) < window).map(|(_, amount)| amount).sum()
    }
}
