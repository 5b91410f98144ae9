//! What balancing is for, in numbers: quotas used to the full, no client error, next to no 429, and a prompt return.
//!
//! Three simulated endpoints in two groups, each with a limiter of its own that knows nothing of our ledgers. What they
//! say goes through `wire` as headers and bodies, as it does behind a socket.

#![expect(clippy::cast_precision_loss, reason = "shares and percentages of small counts")]
#![expect(clippy::expect_used, reason = "a test's world may end where it is wrong")]
#![expect(unreachable_pub, reason = "the services are shared between test programs")]

mod behind;

use std::sync::Arc;
use std::time::Duration;

use behind::Behind;
use tidegate::fake::specs_of;
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{Config, Priority};
use tidegate::model::scenario::Dials;
use tidegate::model::units::Timestamp;
use tidegate::sim::upstream::Upstream;
use tidegate::sim::world::World;
use tidegate::sim::world::gateway::Ours;
use tidegate::sim::world::report::Report;
use tidegate::sim::world::traffic::{Charging, Sizes, Stretch, Traffic};

/// First group: 60,000 + 30,000 TPM; second group: 120,000 TPM.
const SETUP: &str = r#"
[[account]]
id = "here"
service = "simulated"
api = "classic"
api_version = "2024-10-21"

[[endpoint]]
id = "first-a"
account = "here"
model = "m"
deployment = "a"
tokens_per_minute = 60_000
requests_per_minute = 360

[[endpoint]]
id = "first-b"
account = "here"
model = "m"
deployment = "b"
tokens_per_minute = 30_000
requests_per_minute = 180

[[endpoint]]
id = "second"
account = "here"
model = "m"
deployment = "c"
tokens_per_minute = 120_000
requests_per_minute = 720

[[route]]
model = "m"
[[route.group]]
endpoints = ["first-a", "first-b"]
[[route.group]]
endpoints = ["second"]
"#;

/// Tokens per minute of the first group.
const FIRST: u64 = 90_000;
/// What each request is charged.
const CHARGE: u64 = 400;

/// Plays the traffic; the first two services, which are the first group, get these dials.
fn play(stretches: &[(u64, u64)], dials: &[(Timestamp, Dials)], seed: u64) -> World<Ours, Behind> {
    let config: Config = toml_edit::de::from_str(SETUP).expect("the setup parses");
    let specs = specs_of(&config);
    let (checked, findings) = CheckedConfig::resolve(Arc::new(config), 1);
    assert!(findings.is_empty(), "{findings:?}");
    let servers = specs.into_iter().enumerate().map(|(place, (_, _, spec))| {
        let (id, group) = (spec.id.clone(), if place < 2 { 1 } else { 2 });
        let dials = if place < 2 { dials.to_vec() } else { Vec::new() };
        let upstream = Upstream::new(spec, Timestamp::ZERO);
        (id, group, Behind::new(upstream, dials))
    });
    let report = Report::over(Timestamp::ZERO, Timestamp::from_secs(120), 3);
    let mut world = World::new(Ours::new(checked, seed), servers.collect(), report, seed);
    let stretch = |(seconds, tokens_per_minute): &(u64, u64)| Stretch {
        lasts: Duration::from_secs(*seconds),
        tokens_per_minute: *tokens_per_minute,
    };
    let traffic = Traffic {
        stretches: stretches.iter().map(stretch).collect(),
        ..Traffic::steady("m", Duration::ZERO, 0, Sizes::Uniform(CHARGE), Charging::Sum)
    };
    world.run(&mut traffic.arrivals(seed).peekable(), Timestamp::MAX);
    let report = world.report();
    assert_eq!((report.answered(), report.errors()), (report.offered(), 0), "seed {seed}");
    world
}

/// The most a sliding 60 s log could have admitted over the test: a full window at once, then what leaves.
const fn admissible(limit: u64, seconds: u64) -> u64 {
    limit * seconds / 60
}

#[test]
fn half_as_much_again_as_the_first_group_holds_fails_nowhere() {
    for seed in 1..=5 {
        let world = play(&[(120, FIRST * 3 / 2)], &[], seed);
        let report = world.report();
        let first = report.servers[0].tokens + report.servers[1].tokens;
        let could = admissible(FIRST, 120);
        assert!(first * 100 >= could * 95, "seed {seed}: the first group delivered {first} of {could} tokens");
        let (throttled, arrived) = (report.throttled(), report.servers.iter().map(|seen| seen.arrived).sum::<u64>());
        assert!(throttled * 100 < arrived, "seed {seed}: {throttled} of {arrived} answers were 429");
    }
}

#[test]
fn traffic_is_back_on_the_first_group_within_five_seconds_of_its_recovery() {
    for seed in 1..=5 {
        let throttle = Dials { throttle_percent: 100, throttle_retry_after: 2, ..Dials::default() };
        let dials = [(Timestamp::from_secs(40), throttle), (Timestamp::from_secs(70), Dials::default())];
        let world = play(&[(120, FIRST * 2 / 3)], &dials, seed);
        let after = Timestamp::from_secs(75)..Timestamp::from_secs(120);
        let arrived = |behind: &Behind| behind.arrived.iter().filter(|at| after.contains(at)).count();
        let arrived: Vec<usize> = world.servers().map(arrived).collect();
        let back = (arrived[0] + arrived[1]) as f64 / arrived.iter().sum::<usize>() as f64;
        // One probe per endpoint for each two seconds of rest, and the requests that were on their way at the start.
        let throttled = world.report().throttled();
        assert!(throttled <= 2 * 30 / 2 + 4, "seed {seed}: a throttled group was knocked at {throttled} times");
        assert!(back > 0.95, "seed {seed}: only {back:.2} of the load was back");
    }
}

#[test]
fn a_burst_that_fits_if_requests_wait_meets_no_error_and_no_429() {
    for seed in 1..=5 {
        let all = FIRST + 120_000;
        let world = play(&[(40, all * 2), (80, all / 20)], &[], seed);
        let report = world.report();
        assert_eq!(report.throttled(), 0, "seed {seed}");
        let longest = report.fate(Priority::Normal).waits.longest();
        assert!(longest <= Duration::from_secs(60), "seed {seed}: {longest:?}");
    }
}
