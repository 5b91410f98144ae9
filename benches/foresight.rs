//! What looking ahead costs a request, and once a second.
//!
//! `cargo bench --no-default-features --bench foresight`. Allocations are counted beside the times.

use divan::{AllocProfiler, Bencher, black_box};
use tidegate::model::config::Priority;
use tidegate::model::decision::Estimate;
use tidegate::model::id::{EndpointId, ModelName};
use tidegate::model::units::Timestamp;
use tidegate::plan::demand::Forecaster;
use tidegate::plan::exhaust::Flows;

const ONE: Estimate = Estimate { prompt: 400, output: 600, charge: 1_000 };

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A forecaster that knows so many routes.
fn busy(routes: usize) -> (Forecaster, Vec<ModelName>) {
    let names: Vec<ModelName> = (0..routes).map(|number| ModelName::from(format!("model-{number}"))).collect();
    let mut forecaster = Forecaster::default();
    for second in 0..60 {
        for name in &names {
            forecaster.note(Timestamp::from_secs(second), name, Priority::Normal, 1_000);
        }
    }
    (forecaster, names)
}

/// A request's demand is noted, twenty a second.
#[divan::bench(args = [1, 100])]
fn note_demand(bencher: Bencher, routes: usize) {
    let (mut forecaster, names) = busy(routes);
    let mut now = Timestamp::from_secs(60);
    bencher.bench_local(|| {
        now = Timestamp(now.0 + 50_000);
        if let Some(name) = names.last() {
            forecaster.note(now, black_box(name), Priority::Normal, 1_000);
        }
    });
}

/// A sending is noted, twenty a second.
#[divan::bench(args = [4, 100])]
fn note_flow(bencher: Bencher, endpoints: usize) {
    let names: Vec<EndpointId> = (0..endpoints).map(|number| EndpointId::from(format!("e{number}"))).collect();
    let mut flows = Flows::default();
    let mut now = Timestamp::ZERO;
    for name in &names {
        flows.note(now, name, ONE);
    }
    bencher.bench_local(|| {
        now = Timestamp(now.0 + 50_000);
        if let Some(name) = names.last() {
            flows.note(now, black_box(name), ONE);
        }
    });
}

/// The second's outlook.
#[divan::bench(args = [1, 100])]
fn outlook(bencher: Bencher, routes: usize) {
    let (mut forecaster, names) = busy(routes);
    let mut second = 60;
    bencher.bench_local(|| {
        second += 1;
        for name in &names {
            forecaster.note(Timestamp::from_secs(second - 1), name, Priority::Normal, 1_000);
        }
        forecaster.outlook(Timestamp::from_secs(second))
    });
}
