//! The traffic and the faults of the demo's scripts.
//!
//! Invariant: a script names only endpoints and models of `assets/demo.toml`, and ends with every dial at rest.
//! Absent on purpose: players; `fake::load` plays these in real time, `tests/scripts.rs` in virtual time.

use std::time::Duration;

use crate::model::id::EndpointId;
use crate::model::scenario::{Dials, Phase, Scenario};
use crate::model::script::Script;

/// Every built-in script, in the order in which they are offered.
#[must_use]
pub fn all() -> Vec<Scenario> {
    Script::ALL.into_iter().map(scenario).collect()
}

/// The script of this name, as on the command line.
#[must_use]
pub fn named(name: &str) -> Option<Scenario> {
    Script::named(name).map(scenario)
}

/// What a script plays.
#[must_use]
pub fn scenario(script: Script) -> Scenario {
    let phases = match script {
        Script::Calm => vec![phase(60, 30)],
        Script::RushHour => rush_hour(),
        Script::RegionOutage => region_outage(),
        Script::KeyRevoked => key_revoked(),
        Script::NoisyNeighbour => noisy_neighbour(),
    };
    let (name, title) = (script.name().to_owned(), script.title().to_owned());
    Scenario { name, title, model: "demo-chat".to_owned(), phases }
}

fn phase(seconds: u64, requests_per_minute: u32) -> Phase {
    Phase { lasts: Duration::from_secs(seconds), requests_per_minute, dials: Vec::new() }
}

/// A stretch in which each of these endpoints does the same thing wrong.
fn trouble(seconds: u64, requests_per_minute: u32, endpoints: &[&str], dials: Dials) -> Phase {
    let dials = endpoints.iter().map(|id| (EndpointId::from(*id), dials)).collect();
    Phase { dials, ..phase(seconds, requests_per_minute) }
}

/// The first choice fills up, traffic spills, the second choice is throttled for a while, and everything returns.
fn rush_hour() -> Vec<Phase> {
    let throttled = Dials { throttle_percent: 70, throttle_retry_after: 8, ..Dials::default() };
    let incident = trouble(10, 400, &["sim-eastus"], throttled);
    vec![phase(3, 60), phase(5, 300), phase(12, 400), incident, phase(8, 200), phase(32, 30)]
}

/// Both endpoints of the east go dark, are left alone, and are asked one by one whether they are back.
fn region_outage() -> Vec<Phase> {
    let dark = Dials { reset_percent: 100, ..Dials::default() };
    vec![phase(10, 60), trouble(20, 60, &["sim-ptu", "sim-eastus"], dark), phase(40, 60)]
}

/// A key that is rejected rests its account for a minute, so the end of the script is after that.
fn key_revoked() -> Vec<Phase> {
    let revoked = Dials { reject_key: true, ..Dials::default() };
    vec![phase(10, 45), trouble(25, 45, &["sim-ptu"], revoked), phase(50, 45)]
}

/// The first choice is filled, so that the second is in use when somebody else takes most of one half of it.
fn noisy_neighbour() -> Vec<Phase> {
    let others = Dials { others_tokens_per_minute: 36_000, ..Dials::default() };
    let beside = |seconds, rate| trouble(seconds, rate, &["sim-eastus"], others);
    vec![beside(14, 260), beside(56, 100), phase(15, 40)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_lasts_about_a_minute_and_ends_calm_with_every_dial_at_rest() {
        for script in all() {
            assert!((60..=90).contains(&script.length().as_secs()), "{}", script.name);
            let last = script.phases.last().expect("has phases");
            assert!(last.dials.is_empty() && last.requests_per_minute <= 60, "{}", script.name);
        }
    }

    #[test]
    fn unknown_names_have_no_script() {
        assert_eq!(named("Rush hour"), None);
        assert_eq!(all().len(), 5);
    }
}
