//! Limits that are stated wrongly, not at all, or shared with others: what is delivered all the same, and how rarely a
//! service has to say no.
//!
//! The service's own limiter knows the true limits; the balancer knows what a configuration states and what it learns.

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
use world::World;

/// What the service enforces, in tokens per minute; requests never bind.
const TRUE: u64 = 120_000;
const CHARS: u64 = 400;
const CHARGE: u64 = 400;

impl Manners {
    /// The output cap with which a request is charged [`CHARGE`]: prompt plus cap, or the larger of the two.
    const fn cap(self) -> u64 {
        if self.azure { CHARGE - CHARS / 4 - 1 } else { CHARGE }
    }
}

/// How the service counts and talks.
#[derive(Clone, Copy, Debug)]
struct Manners {
    enforcement: &'static str,
    azure: bool,
    silent: bool,
}

const AZURE: Manners = Manners { enforcement: "sliding_log", azure: true, silent: false };
const OPENAI: Manners = Manners { enforcement: "token_bucket", azure: false, silent: false };
const MUTE: Manners = Manners { silent: true, ..AZURE };
const MUTE_BUCKET: Manners = Manners { silent: true, ..OPENAI };
const ALL: [(&str, Manners); 4] =
    [("azure", AZURE), ("openai", OPENAI), ("a silent log", MUTE), ("a silent bucket", MUTE_BUCKET)];

fn config(manners: Manners, tokens: Option<u64>, probe_above: bool) -> Config {
    let api = if manners.azure { "api = \"classic\"\napi_version = \"2024-10-21\"\n" } else { "" };
    let limit = tokens.map_or_else(String::new, |tokens| format!("tokens_per_minute = {tokens}\n"));
    let text = format!(
        "[queue]\nmax_wait_seconds = 30\n[[account]]\nid = \"here\"\nservice = \"simulated\"\n{api}\
         [[endpoint]]\nid = \"one\"\naccount = \"here\"\nmodel = \"m\"\n{limit}enforcement = \"{}\"\n\
         probe_above = {probe_above}\n[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"one\"]\n",
        manners.enforcement
    );
    toml_edit::de::from_str(&text).expect("the setup parses")
}

fn world(manners: Manners, stated: Option<u64>, truth: u64, probe_above: bool, seed: u64) -> World {
    let specs = specs_of(&config(manners, Some(truth), false));
    let upstreams = specs.into_iter().map(|(_, _, spec)| Upstream::new(spec, Timestamp::ZERO)).collect();
    let (checked, findings) = CheckedConfig::resolve(Arc::new(config(manners, stated, probe_above)), 1);
    assert!(findings.is_empty(), "{findings:?}");
    let mut world = World::new(checked, upstreams, seed);
    world.silent = manners.silent;
    world
}

/// Seeded, exponential-like gaps at a mean of so many tokens per minute.
fn arrivals(seconds: u64, tokens_per_minute: u64, seed: u64) -> Vec<Timestamp> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mean = 60.0 * CHARGE as f64 / tokens_per_minute as f64;
    let (mut at, mut all) = (0.0, Vec::new());
    while at < seconds as f64 {
        all.push(Timestamp::ZERO.after(Duration::from_secs_f64(at)));
        at += -mean * (1.0 - rng.f64()).ln();
    }
    all
}

fn offer(world: &mut World, manners: Manners, seconds: u64, tokens_per_minute: u64, seed: u64) {
    for at in arrivals(seconds, tokens_per_minute, seed) {
        world.offer(at, "m", CHARS, manners.cap());
    }
}

fn others(world: &mut World, manners: Manners, seconds: u64, tokens_per_minute: u64, seed: u64) {
    if tokens_per_minute == 0 {
        return;
    }
    for at in arrivals(seconds, tokens_per_minute, seed + 77) {
        world.other(at, "one", CHARS, manners.cap());
    }
}

/// Delivered tokens per minute and 429s in percent of what arrived, between two times in seconds.
fn figures(world: &World, from: u64, to: u64) -> (u64, f64) {
    let seen = &world.report.endpoints[&EndpointId::from("one")];
    let span = Timestamp::from_secs(from)..Timestamp::from_secs(to);
    let charged: u64 = seen.admitted.iter().filter(|(at, _)| span.contains(at)).map(|(_, charge)| charge).sum();
    let admitted = seen.admitted.iter().filter(|(at, _)| span.contains(at)).count();
    let refused = seen.throttles.iter().filter(|at| span.contains(at)).count();
    (charged * 60 / (to - from), refused as f64 * 100.0 / (admitted + refused).max(1) as f64)
}

/// Plays a quarter of an hour of `percent` of what the service carries, with others using `foreign` tokens per minute.
fn play(manners: Manners, stated: Option<u64>, percent: u64, foreign: u64, seed: u64) -> World {
    let mut world = world(manners, stated, TRUE, false, seed);
    offer(&mut world, manners, 900, TRUE * percent / 100, seed);
    others(&mut world, manners, 900, foreign, seed);
    world.run();
    world
}

/// Holds delivered tokens (in percent of what the service carries) and 429s (in percent) against what is wanted, from a
/// time on.
fn expect(world: &World, name: &str, from: u64, least: f64, most: f64) {
    let (delivered, refused) = figures(world, from, 900);
    let delivered = delivered as f64 * 100.0 / TRUE as f64;
    println!("{name}: {delivered:.1} % delivered, {refused:.2} % answers 429");
    assert!(delivered >= least, "{name}: {delivered:.1} % delivered");
    assert!(refused < most, "{name}: {refused:.2} % of answers were 429");
    assert_eq!(world.report.failed, 0, "{name}");
}

#[test]
fn known_limits_are_used_to_the_full_without_a_429() {
    for (name, manners) in ALL {
        for percent in [150, 300] {
            let world = play(manners, Some(TRUE), percent, 0, 1);
            expect(&world, &format!("{name} at {percent} %"), 0, 96.0, 0.001);
        }
    }
}

#[test]
fn unknown_limits_are_found_within_two_minutes() {
    for (name, manners) in ALL {
        for percent in [150, 300] {
            let world = play(manners, None, percent, 0, 1);
            expect(&world, &format!("{name} at {percent} %"), 120, 94.0, 1.0);
        }
    }
}

#[test]
fn limits_stated_a_half_too_high_are_corrected() {
    for (name, manners) in ALL {
        for percent in [150, 300] {
            let world = play(manners, Some(TRUE * 3 / 2), percent, 0, 1);
            expect(&world, &format!("{name} at {percent} %"), 300, 95.0, 1.0);
        }
    }
}

#[test]
fn limits_stated_a_third_too_low_are_raised_where_the_service_says_so() {
    for (name, manners) in ALL {
        for percent in [150, 300] {
            let world = play(manners, Some(TRUE * 7 / 10), percent, 0, 1);
            let least = if manners.silent { 67.0 } else { 95.0 };
            expect(&world, &format!("{name} at {percent} %"), 300, least, 1.0);
        }
    }
}

#[test]
fn others_traffic_is_left_room_for_and_the_rest_is_used() {
    for (name, manners) in ALL {
        for percent in [150, 300] {
            let world = play(manners, Some(TRUE), percent, TRUE * 3 / 10, 1);
            expect(&world, &format!("{name} at {percent} %"), 120, 60.0, 2.0);
        }
    }
}

#[test]
fn a_service_that_carries_more_than_it_states_is_found_out_only_where_that_is_wanted() {
    for (probe_above, least, most) in [(false, 98.0, 100.5), (true, 105.0, 200.0)] {
        let mut world = world(MUTE, Some(TRUE), TRUE * 3 / 2, probe_above, 1);
        offer(&mut world, MUTE, 900, TRUE * 3, 1);
        world.run();
        let (delivered, refused) = figures(&world, 300, 900);
        let delivered = delivered as f64 * 100.0 / TRUE as f64;
        assert!((least..most).contains(&delivered), "probe_above = {probe_above}: {delivered:.1} %");
        assert!(refused < 1.0, "probe_above = {probe_above}: {refused:.2} %");
    }
}
