//! The demo's scripts, played in virtual time over the demo's own configuration: what each promises happens.

#![expect(clippy::expect_used, reason = "a test's world may end where it is wrong")]
#![expect(unreachable_pub, reason = "the services are shared between test programs")]

mod behind;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use behind::Behind;
use tidegate::fake::specs_of;
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{Config, Priority};
use tidegate::model::id::{EndpointId, ModelName};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::scenario::{Dials, Scenario};
use tidegate::model::script::Script;
use tidegate::model::status::{EndpointView, Health, RestCause};
use tidegate::model::units::{MINUTE, Timestamp};
use tidegate::sim::scripts::scenario;
use tidegate::sim::upstream::Upstream;
use tidegate::sim::world::World;
use tidegate::sim::world::gateway::Ours;
use tidegate::sim::world::report::Report;
use tidegate::sim::world::traffic::Arrival;

/// The load player's mix: three in five are short, seven in ten are streamed.
fn arrivals(script: &Scenario, seed: u64) -> Vec<Arrival> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut all, mut begin) = (Vec::new(), Timestamp::ZERO);
    for phase in &script.phases {
        let (end, mut next) = (begin.after(phase.lasts), begin);
        let mean = MINUTE.checked_div(phase.requests_per_minute).expect("somebody comes");
        loop {
            next = next.after(mean.mul_f64(-(1.0 - rng.f64()).ln()));
            if next >= end {
                break;
            }
            let (words, cap) = if rng.u8(0..5) < 3 { (rng.u64(40..160), 150) } else { (rng.u64(1_200..2_400), 500) };
            let size = RequestSize { prompt_chars: words * 21 / 4, output_cap: Some(cap), choices: 1 };
            all.push(Arrival { at: next, profile: Arc::new(profile(&script.model, size, rng.u8(0..10) < 7)) });
        }
        begin = end;
    }
    all
}

fn profile(model: &str, size: RequestSize, streaming: bool) -> RequestProfile {
    RequestProfile {
        model: ModelName::from(model),
        operation: Operation::Chat,
        streaming,
        size,
        priority: Priority::Normal,
        caller: None,
        client: Arc::from("tidegate-script"),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    }
}

/// A played script: the world at its end, and every endpoint's state second by second.
struct Played {
    world: World<Ours, Behind>,
    seconds: Vec<Vec<EndpointView>>,
    ids: BTreeMap<EndpointId, usize>,
}

impl Played {
    fn of(script: Script, seed: u64) -> Self {
        let config: Config = toml_edit::de::from_str(include_str!("../assets/demo.toml")).expect("the demo parses");
        let (specs, script) = (specs_of(&config), scenario(script));
        let (checked, _) = CheckedConfig::resolve(Arc::new(config), 1);
        let ids = specs.iter().enumerate().map(|(place, (_, _, spec))| (spec.id.clone(), place)).collect();
        let servers: Vec<_> = specs
            .into_iter()
            .map(|(_, _, spec)| {
                let (id, dials) = (spec.id.clone(), dials_of(&script, &spec.id));
                let upstream = Upstream::new(spec, Timestamp::ZERO);
                (id, 1, Behind::new(upstream, dials))
            })
            .collect();
        let report = Report::over(Timestamp::ZERO, Timestamp::MAX, servers.len());
        let mut world = World::new(Ours::new(checked, seed), servers, report, seed);
        let mut arrivals = arrivals(&script, seed).into_iter().peekable();
        let seconds = (1..=script.length().as_secs()).map(|second| {
            let until = Timestamp::from_secs(second);
            world.run(&mut arrivals, until);
            world.gateway().balancer().view(until).endpoints
        });
        let seconds = seconds.collect();
        world.run(&mut arrivals, Timestamp::MAX);
        Self { world, seconds, ids }
    }

    fn errors(&self) -> u64 {
        self.world.report().errors()
    }

    fn behind(&self, id: &str) -> &Behind {
        let place = self.ids.get(id).expect("the demo has it");
        self.world.servers().nth(*place).expect("it is played")
    }

    /// Requests let in within these seconds.
    fn admitted(&self, id: &str, seconds: std::ops::Range<u64>) -> usize {
        let span = Timestamp::from_secs(seconds.start)..Timestamp::from_secs(seconds.end);
        self.behind(id).admitted.iter().filter(|at| span.contains(at)).count()
    }

    /// Seconds at whose end an endpoint was as described.
    fn seconds_when(&self, id: &str, is_so: impl Fn(&EndpointView) -> bool) -> Vec<u64> {
        let place = *self.ids.get(id).expect("the demo has it");
        let each = self.seconds.iter().zip(1..);
        each.filter(|(views, _)| views.get(place).is_some_and(&is_so)).map(|(_, second)| second).collect()
    }

    fn rests_for(&self, id: &str, why: RestCause) -> Vec<u64> {
        self.seconds_when(id, |view| matches!(view.health, Health::Resting { cause, .. } if cause == why))
    }
}

/// The faults of one endpoint with their times, the last of them none.
fn dials_of(script: &Scenario, id: &EndpointId) -> Vec<(Timestamp, Dials)> {
    let mut begin = Timestamp::ZERO;
    let at = |phase: &tidegate::model::scenario::Phase| {
        let own = phase.dials.iter().find(|(of, _)| of == id).map(|(_, dials)| *dials).unwrap_or_default();
        let from = begin;
        begin = begin.after(phase.lasts);
        (from, own)
    };
    script.phases.iter().map(at).collect()
}

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
const ALL: [&str; 4] = ["sim-ptu", "sim-eastus", "sim-westus", "sim-sweden"];

#[test]
fn calm_is_answered_by_the_first_choice_alone() {
    for seed in SEEDS {
        let played = Played::of(Script::Calm, seed);
        assert_eq!(played.errors(), 0, "seed {seed}");
        assert!(played.admitted("sim-ptu", 0..90) >= 15, "seed {seed}");
        for other in &ALL[1..] {
            assert_eq!(played.admitted(other, 0..90), 0, "seed {seed}: {other}");
        }
    }
}

#[test]
fn rush_hour_fills_the_first_choice_spills_is_throttled_and_returns() {
    for seed in SEEDS {
        let played = Played::of(Script::RushHour, seed);
        assert_eq!(played.errors(), 0, "seed {seed}");
        assert_eq!(played.admitted("sim-westus", 0..5), 0, "seed {seed}: nothing spills at first");
        assert!(played.admitted("sim-westus", 8..40) > 5 && played.admitted("sim-eastus", 8..20) > 5, "seed {seed}");
        assert!(played.behind("sim-eastus").refused.contains(&429), "seed {seed}: it was never throttled");
        let last = played.admitted("sim-ptu", 55..70);
        assert!(last > 0 && played.admitted("sim-sweden", 62..70) == 0, "seed {seed}: {last} at the end");
    }
}

#[test]
fn a_region_that_goes_dark_is_left_alone_and_comes_back_without_an_error_of_a_client() {
    for seed in SEEDS {
        let played = Played::of(Script::RegionOutage, seed);
        assert_eq!(played.errors(), 0, "seed {seed}");
        let rests = played.rests_for("sim-ptu", RestCause::Errors);
        assert!(rests.first().is_some_and(|first| (11..=16).contains(first)), "seed {seed}: {rests:?}");
        let knocked = played.behind("sim-ptu").refused.len() + played.behind("sim-eastus").refused.len();
        assert!((3..=14).contains(&knocked), "seed {seed}: knocked {knocked} times at what was dark");
        assert!(played.admitted("sim-westus", 14..30) > 5, "seed {seed}: the other region did not help");
        assert!(played.admitted("sim-ptu", 60..70) > 3, "seed {seed}: it did not come back");
    }
}

#[test]
fn a_revoked_key_rests_its_account_which_is_tried_again_after_a_minute() {
    for seed in SEEDS {
        let played = Played::of(Script::KeyRevoked, seed);
        assert_eq!(played.errors(), 0, "seed {seed}");
        let rests = played.rests_for("sim-ptu", RestCause::KeyRejected);
        assert!(
            rests.len() > 40 && rests.first().is_some_and(|first| (11..=14).contains(first)),
            "seed {seed}: {rests:?}"
        );
        assert!(played.behind("sim-ptu").refused.iter().all(|status| *status == 401), "seed {seed}");
        let elsewhere = played.admitted("sim-eastus", 12..70) + played.admitted("sim-westus", 12..70);
        assert!(elsewhere > 20, "seed {seed}: {elsewhere}");
        assert!(played.admitted("sim-ptu", 70..85) > 3, "seed {seed}: it did not come back");
    }
}

#[test]
fn a_noisy_neighbour_is_noticed_and_left_room() {
    for seed in SEEDS {
        let played = Played::of(Script::NoisyNeighbour, seed);
        assert_eq!(played.errors(), 0, "seed {seed}");
        let noticed = played.seconds_when("sim-eastus", |view| view.foreign_tokens_per_minute >= 2_000);
        assert!(noticed.len() > 10, "seed {seed}: noticed in {noticed:?}");
        let (east, west) = (played.admitted("sim-eastus", 30..60), played.admitted("sim-westus", 30..60));
        assert!(east < west, "seed {seed}: {east} went to the crowded one, {west} to the other");
        let throttled = played.behind("sim-eastus").refused.len();
        assert!(throttled <= 6, "seed {seed}: {throttled} 429s");
        let calm = played.seconds_when("sim-westus", |view| view.foreign_tokens_per_minute > 0);
        assert!(calm.is_empty(), "seed {seed}: others were suspected where nobody was, {calm:?}");
    }
}

#[test]
fn the_same_seed_plays_the_same() {
    let play = |seed| {
        let played = Played::of(Script::RegionOutage, seed);
        ALL.map(|id| played.behind(id).admitted.clone())
    };
    assert_eq!(play(3), play(3));
    assert_ne!(play(3), play(4));
    assert!(Duration::from_secs(60) < scenario(Script::RegionOutage).length());
}
