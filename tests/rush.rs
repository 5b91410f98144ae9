//! What balancing is for, in numbers: quotas used to the full, no client error, next to no 429, and a prompt return.
//!
//! Three simulated endpoints in two groups, each with a limiter of its own that knows nothing of our ledgers.

#![expect(clippy::cast_precision_loss, reason = "shares and percentages of small counts")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test's world may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the world is shared between test programs")]

mod world;

use std::sync::Arc;
use std::time::Duration;

use tidegate::fake::specs_of;
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::Config;
use tidegate::model::id::EndpointId;
use tidegate::model::units::Timestamp;
use tidegate::sim::upstream::Upstream;
use world::{DialSetting, World};

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
/// Each request is charged 400 characters / 4 + 1 + 299 = 400 tokens.
const CHARGE: u64 = 400;
const CHARS: u64 = 400;
const CAP: u64 = 299;

fn world(setup: &str, seed: u64) -> World {
    let config: Config = toml_edit::de::from_str(setup).expect("the setup parses");
    let specs = specs_of(&config);
    let (checked, findings) = CheckedConfig::resolve(Arc::new(config), 1);
    assert!(findings.is_empty(), "{findings:?}");
    let upstreams = specs.into_iter().map(|(_, _, spec)| Upstream::new(spec, Timestamp::ZERO)).collect();
    World::new(checked, upstreams, seed)
}

/// Arrivals at a steady mean rate with seeded, exponential-like gaps.
fn offer(world: &mut World, from: Duration, to: Duration, tokens_per_minute: u64, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mean = 60.0 * CHARGE as f64 / tokens_per_minute as f64;
    let mut at = from.as_secs_f64();
    while at < to.as_secs_f64() {
        world.offer(Timestamp::ZERO.after(Duration::from_secs_f64(at)), "m", CHARS, CAP);
        at += -mean * (1.0 - rng.f64()).ln();
    }
}

/// The most a sliding 60 s log could have admitted of this load over the test: a full window at once, then what leaves.
fn admissible(limit: u64, seconds: u64) -> u64 {
    limit * seconds / 60
}

#[test]
fn half_as_much_again_as_the_first_group_holds_fails_nowhere() {
    for seed in 1..=5 {
        let mut world = world(SETUP, seed);
        offer(&mut world, Duration::ZERO, Duration::from_secs(120), FIRST * 3 / 2, seed);
        world.run();
        let report = &world.report;
        assert_eq!((report.refused, report.failed), (0, 0), "seed {seed}");
        assert_eq!(report.answered, report.offered, "seed {seed}");
        let first: u64 = ["first-a", "first-b"].iter().map(|id| report.endpoints[&EndpointId::from(*id)].charged).sum();
        let could = admissible(FIRST, 120);
        assert!(first * 100 >= could * 95, "seed {seed}: the first group delivered {first} of {could} tokens");
        assert!(
            report.upstream_429_percent() < 1.0,
            "seed {seed}: {:.2} % of answers were 429",
            report.upstream_429_percent()
        );
    }
}

#[test]
fn traffic_is_back_on_the_first_group_within_five_seconds_of_its_recovery() {
    for seed in 1..=5 {
        let mut world = world(SETUP, seed);
        let load = FIRST * 2 / 3;
        offer(&mut world, Duration::ZERO, Duration::from_secs(120), load, seed);
        for endpoint in ["first-a", "first-b"] {
            world.turn(Timestamp::from_secs(40), endpoint, DialSetting::Throttle { retry_after: 2 });
            world.turn(Timestamp::from_secs(70), endpoint, DialSetting::Well);
        }
        world.run();
        let report = &world.report;
        assert_eq!((report.refused, report.failed), (0, 0), "seed {seed}");
        let after = Timestamp::from_secs(75)..Timestamp::from_secs(120);
        let on_first = |span: &std::ops::Range<Timestamp>| {
            let sent: Vec<_> = report.sent.iter().filter(|(at, _)| span.contains(at)).collect();
            let first = sent.iter().filter(|(_, endpoint)| endpoint.as_str().starts_with("first")).count();
            first as f64 / sent.len() as f64
        };
        // One probe per endpoint for each two seconds of rest, and the requests that were on their way at the start.
        let throttled: u64 = report.endpoints.values().map(|seen| seen.throttled).sum();
        assert!(throttled <= 2 * 30 / 2 + 4, "seed {seed}: a throttled group was knocked at {throttled} times");
        assert!(on_first(&after) > 0.95, "seed {seed}: only {:.2} of the load was back", on_first(&after));
    }
}

#[test]
fn a_burst_that_fits_if_requests_wait_meets_no_error_and_no_429() {
    for seed in 1..=5 {
        let mut world = world(SETUP, seed);
        let all = FIRST + 120_000;
        offer(&mut world, Duration::ZERO, Duration::from_secs(40), all * 2, seed);
        offer(&mut world, Duration::from_secs(40), Duration::from_secs(120), all / 20, seed + 100);
        world.run();
        let report = &world.report;
        assert_eq!((report.refused, report.failed), (0, 0), "seed {seed}");
        assert_eq!(report.answered, report.offered, "seed {seed}");
        let throttled: u64 = report.endpoints.values().map(|seen| seen.throttled).sum();
        assert_eq!(throttled, 0, "seed {seed}");
        assert!(report.longest_wait <= Duration::from_secs(60), "seed {seed}: {:?}", report.longest_wait);
    }
}
