//! What a decision costs: a request's whole way through the brain, by the size of its route and of everything else.
//!
//! `cargo bench --no-default-features --bench decision`. Allocations are counted beside the times.

#![expect(clippy::expect_used, reason = "a bench whose setup does not parse should say so")]

use std::sync::Arc;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{Config, Priority};
use tidegate::model::id::{CallerId, EndpointId, ModelName, RequestId};
use tidegate::model::outcome::{Ending, HeaderFacts, HeaderSignal, Settlement};
use tidegate::model::outlook::{Demand, Outlook, RouteOutlook};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::units::Timestamp;
use tidegate::policy::{Balancer, Input, Output};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// What is configured.
#[derive(Clone, Copy)]
struct Setup {
    /// In the route, in two groups.
    endpoints: usize,
    /// Other routes with an endpoint each.
    others: usize,
    /// Callers with limits of their own; the last of them asks.
    callers: usize,
    enforcement: &'static str,
    /// Tokens per minute of each endpoint but the last.
    tokens: u64,
    /// The same of the last.
    last: u64,
}

const PLENTY: u64 = 6_000_000;
const USUAL: Setup =
    Setup { endpoints: 4, others: 0, callers: 0, enforcement: "sliding_log", tokens: PLENTY, last: PLENTY };

fn config(setup: Setup) -> Arc<CheckedConfig> {
    let Setup { endpoints, others, callers, enforcement, tokens, last } = setup;
    let mut text = String::from("[[account]]\nid = \"here\"\nservice = \"simulated\"\n");
    let endpoint = |id: &str, model: &str, tokens: u64| {
        format!(
            "[[endpoint]]\nid = \"{id}\"\naccount = \"here\"\nmodel = \"{model}\"\ndeployment = \"{id}\"\n\
             tokens_per_minute = {tokens}\nrequests_per_minute = 60_000\nenforcement = \"{enforcement}\"\n"
        )
    };
    let limit = |number| if number + 1 == endpoints { last } else { tokens };
    text.extend((0..endpoints).map(|number| endpoint(&format!("e{number}"), "m", limit(number))));
    text.extend((0..others).map(|number| endpoint(&format!("o{number}"), &format!("other-{number}"), PLENTY)));
    text.extend((0..others).map(|number| route(&format!("other-{number}"), &[&[format!("\"o{number}\"")]])));
    let caller = |number| {
        format!("[[caller]]\nid = \"c{number}\"\ntoken = {{ env = \"C{number}\" }}\ntokens_per_minute = 60_000_000\n")
    };
    text.extend((0..callers).map(caller));
    let members: Vec<String> = (0..endpoints).map(|number| format!("\"e{number}\"")).collect();
    let (first, second) = members.split_at(endpoints / 2);
    text.push_str(&route("m", &[first, second]));
    let config: Config = toml_edit::de::from_str(&text).expect("the setup parses");
    let (checked, findings) = CheckedConfig::resolve(Arc::new(config), 1);
    assert!(findings.is_empty(), "{findings:?}");
    Arc::new(checked)
}

fn route(model: &str, groups: &[&[String]]) -> String {
    let groups: Vec<String> =
        groups.iter().map(|group| format!("[[route.group]]\nendpoints = [{}]\n", group.join(", "))).collect();
    format!("[[route]]\nmodel = \"{model}\"\n{}", groups.concat())
}

/// A brain that has been busy for two virtual minutes, with the clock and the number of the next request.
struct Busy {
    brain: Balancer,
    profile: Arc<RequestProfile>,
    outputs: Vec<Output>,
    now: Timestamp,
    next: u64,
}

impl Busy {
    fn new(setup: Setup) -> Self {
        let profile = RequestProfile {
            model: ModelName::from("m"),
            operation: Operation::Chat,
            streaming: true,
            size: RequestSize { prompt_chars: 400, output_cap: Some(299), choices: 1 },
            priority: Priority::Normal,
            caller: setup.callers.checked_sub(1).map(|last| CallerId::from(format!("c{last}"))),
            client: Arc::from("bench"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        };
        let brain = Balancer::new(config(setup), 1, Timestamp::ZERO);
        let outputs = Vec::with_capacity(8);
        let mut busy = Self { brain, profile: Arc::new(profile), outputs, now: Timestamp::ZERO, next: 0 };
        for _ in 0..20_000 {
            busy.arrive();
            busy.finish();
        }
        busy
    }

    /// A request comes and is sent on.
    #[inline(never)]
    fn arrive(&mut self) {
        self.next += 1;
        self.now = self.now.after(Duration::from_micros(6_100));
        let input = Input::Arrived { request: RequestId(self.next), profile: Arc::clone(&self.profile) };
        self.brain.handle(self.now, input, &mut self.outputs);
    }

    /// All that were sent are answered and over, and those who would wait have left; their records are gone.
    fn finish(&mut self) {
        while let Some(output) = self.outputs.pop() {
            match output {
                Output::Assigned { request, assignment } => self.answer(request, &assignment.endpoint),
                Output::Held { request, .. } => {
                    self.brain.handle(self.now, Input::Withdrawn { request }, &mut self.outputs);
                }
                _ => {}
            }
        }
    }

    #[inline(never)]
    fn answer(&mut self, request: RequestId, endpoint: &EndpointId) {
        let signal = HeaderSignal { endpoint: endpoint.clone(), facts: HeaderFacts::default(), has_output: true };
        self.brain.handle(self.now, Input::Committed { request, signal }, &mut self.outputs);
        let settlement = Settlement { ending: Ending::Completed, usage: None };
        self.brain.handle(self.now, Input::Settled { request, settlement }, &mut self.outputs);
    }
}

/// From arrival to assignment, the record of it included.
#[divan::bench(args = [4, 30, 100], sample_count = 200, sample_size = 50)]
fn decide(bencher: Bencher<'_, '_>, endpoints: usize) {
    run(bencher, Setup { endpoints, ..USUAL });
}

/// The same over levels, which drain all the time.
#[divan::bench(args = [4, 100], sample_count = 200, sample_size = 50)]
fn decide_over_buckets(bencher: Bencher<'_, '_>, endpoints: usize) {
    run(bencher, Setup { endpoints, enforcement: "token_bucket", ..USUAL });
}

/// All endpoints but the last are full, and few have room for a moment.
#[divan::bench(args = ["sliding_log", "token_bucket"], sample_count = 200, sample_size = 50)]
fn decide_past_99_full(bencher: Bencher<'_, '_>, enforcement: &'static str) {
    run(bencher, Setup { endpoints: 100, enforcement, tokens: 36_000, last: 60_000_000, ..USUAL });
}

/// All are full: the request waits, and is told how long.
#[divan::bench(args = ["sliding_log", "token_bucket"], sample_count = 200, sample_size = 50)]
fn wait_for_100_full(bencher: Bencher<'_, '_>, enforcement: &'static str) {
    run(bencher, Setup { endpoints: 100, enforcement, tokens: 24_000, last: 24_000, ..USUAL });
}

/// Four endpoints beside 200 other routes.
#[divan::bench(sample_count = 200, sample_size = 50)]
fn decide_beside_200_routes(bencher: Bencher<'_, '_>) {
    run(bencher, Setup { others: 200, ..USUAL });
}

/// Four endpoints, asked by one of 100 callers with limits of their own.
#[divan::bench(sample_count = 200, sample_size = 50)]
fn decide_for_one_of_100_callers(bencher: Bencher<'_, '_>) {
    run(bencher, Setup { callers: 100, ..USUAL });
}

/// From a good answer's head to its end.
#[divan::bench(args = [4, 100], sample_count = 200, sample_size = 50)]
fn answer(bencher: Bencher<'_, '_>, endpoints: usize) {
    let busy = std::cell::RefCell::new(Busy::new(Setup { endpoints, ..USUAL }));
    let sent = || {
        busy.borrow_mut().arrive();
        let Some(Output::Assigned { request, assignment }) = busy.borrow_mut().outputs.pop() else { return None };
        Some((request, assignment.endpoint))
    };
    bencher.with_inputs(sent).bench_local_values(|sent| {
        if let Some((request, endpoint)) = sent {
            busy.borrow_mut().answer(request, &endpoint);
        }
    });
}

/// One more joins a long line whose forecast is due, with normal and bulk requests waiting and interactive ones foreseen.
#[divan::bench(args = [100, 1_200], sample_count = 40, sample_size = 1)]
fn join_a_line_whose_forecast_is_due(bencher: Bencher<'_, '_>, waiting: usize) {
    let busy = std::cell::RefCell::new(Busy::new(Setup { tokens: 60_000, last: 60_000, ..USUAL }));
    bencher.with_inputs(|| busy.borrow_mut().wait_in_line(waiting)).bench_local_values(|()| busy.borrow_mut().arrive());
}

impl Busy {
    /// A second passes; whoever is sent is answered, and others come until so many wait.
    fn wait_in_line(&mut self, waiting: usize) {
        let demand = |upper| Demand { expected: upper / 2, upper, trend: 0 };
        let until = self.now.after(Duration::from_secs(6));
        while let Some(wake) = self.brain.next_wake().filter(|wake| *wake <= until) {
            self.now = self.now.max(wake);
            self.brain.handle(self.now, Input::Tick, &mut self.outputs);
            self.answer_all();
        }
        self.now = self.now.max(until);
        let route = RouteOutlook { model: ModelName::from("m"), demand: [demand(30_000), demand(60_000), demand(0)] };
        let outlook = Arc::new(Outlook { at: self.now, routes: vec![route] });
        self.brain.handle(self.now, Input::Foreseen(outlook), &mut self.outputs);
        while self.brain.view(self.now).queue.waiting < u32::try_from(waiting).expect("few") {
            let bulk = self.next.is_multiple_of(2);
            Arc::make_mut(&mut self.profile).priority = if bulk { Priority::Bulk } else { Priority::Normal };
            self.arrive();
            self.answer_all();
        }
    }

    fn answer_all(&mut self) {
        while let Some(output) = self.outputs.pop() {
            if let Output::Assigned { request, assignment } = output {
                self.answer(request, &assignment.endpoint);
            }
        }
    }
}

fn run(bencher: Bencher<'_, '_>, setup: Setup) {
    let busy = std::cell::RefCell::new(Busy::new(setup));
    bencher.with_inputs(|| busy.borrow_mut().finish()).bench_local_values(|()| busy.borrow_mut().arrive());
}

/// The screen's view while so many wait, all of them listed. The engine's lock is held meanwhile.
#[divan::bench(args = [50, 2_000], sample_count = 50, sample_size = 1)]
fn view_with_a_line_of(bencher: Bencher<'_, '_>, waiting: u64) {
    let mut busy = Busy::new(Setup { tokens: 500_000, last: 500_000, ..USUAL });
    busy.brain.list_all(true);
    for _ in 0..waiting {
        busy.next += 1;
        let input = Input::Arrived { request: RequestId(busy.next), profile: Arc::clone(&busy.profile) };
        busy.brain.handle(busy.now, input, &mut busy.outputs);
    }
    let listed = busy.brain.view(busy.now).queue.list.len() as u64;
    assert!(listed * 10 > waiting * 8, "{listed} wait");
    bencher.bench_local(|| busy.brain.view(busy.now));
}
