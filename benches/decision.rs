//! What a decision costs: a request's whole way through the brain, by the size of its route and of everything else.
//!
//! `cargo bench --no-default-features --bench decision`. Allocations are counted beside the times.

#![expect(clippy::expect_used, reason = "a bench whose setup does not parse should say so")]

use std::sync::Arc;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{Config, Priority};
use tidegate::model::id::{EndpointId, ModelName, RequestId};
use tidegate::model::outcome::{Ending, HeaderFacts, HeaderSignal, Settlement};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::units::Timestamp;
use tidegate::policy::{Balancer, Input, Output};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A route of so many endpoints in two groups, after so many other routes with an endpoint each.
fn config(endpoints: usize, others: usize) -> Arc<CheckedConfig> {
    let mut text = String::from("[[account]]\nid = \"here\"\nservice = \"simulated\"\n");
    let endpoint = |id: &str, model: &str| {
        format!(
            "[[endpoint]]\nid = \"{id}\"\naccount = \"here\"\nmodel = \"{model}\"\ndeployment = \"{id}\"\n\
             tokens_per_minute = 6_000_000\nrequests_per_minute = 60_000\n"
        )
    };
    text.extend((0..endpoints).map(|number| endpoint(&format!("e{number}"), "m")));
    text.extend((0..others).map(|number| endpoint(&format!("o{number}"), &format!("other-{number}"))));
    text.extend((0..others).map(|number| route(&format!("other-{number}"), &[&[format!("\"o{number}\"")]])));
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
    fn new(endpoints: usize, others: usize) -> Self {
        let profile = RequestProfile {
            model: ModelName::from("m"),
            operation: Operation::Chat,
            streaming: true,
            size: RequestSize { prompt_chars: 400, output_cap: Some(299), choices: 1 },
            priority: Priority::Normal,
            caller: None,
            client: Arc::from("bench"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        };
        let brain = Balancer::new(config(endpoints, others), 1, Timestamp::ZERO);
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

    /// All that were sent are answered and over; their records are gone.
    fn finish(&mut self) {
        while let Some(Output::Assigned { request, assignment }) = self.outputs.pop() {
            self.answer(request, &assignment.endpoint);
        }
    }

    #[inline(never)]
    fn answer(&mut self, request: RequestId, endpoint: &EndpointId) {
        let signal = HeaderSignal { endpoint: endpoint.clone(), facts: HeaderFacts::default() };
        self.brain.handle(self.now, Input::Committed { request, signal }, &mut self.outputs);
        let settlement = Settlement { ending: Ending::Completed, usage: None, first_token: None };
        self.brain.handle(self.now, Input::Settled { request, settlement }, &mut self.outputs);
    }
}

/// From arrival to assignment, the record of it included.
#[divan::bench(args = [4, 30, 100], sample_count = 200, sample_size = 50)]
fn decide(bencher: Bencher<'_, '_>, endpoints: usize) {
    run(bencher, endpoints, 0);
}

/// The same four endpoints beside 200 other routes.
#[divan::bench(sample_count = 200, sample_size = 50)]
fn decide_beside_200_routes(bencher: Bencher<'_, '_>) {
    run(bencher, 4, 200);
}

fn run(bencher: Bencher<'_, '_>, endpoints: usize, others: usize) {
    let busy = std::cell::RefCell::new(Busy::new(endpoints, others));
    bencher.with_inputs(|| busy.borrow_mut().finish()).bench_local_values(|()| busy.borrow_mut().arrive());
}
