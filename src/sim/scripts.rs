//! The built-in scripts for the demo profile, by name.
//!
//! Invariant: a script names only endpoints and models of `assets/demo.toml`.
//! Absent on purpose: players; `fake::load` plays these in real time.

use std::time::Duration;

use crate::model::id::EndpointId;
use crate::model::scenario::{Dials, Phase, Scenario};

/// Every built-in script, in the order in which they are offered.
#[must_use]
pub fn all() -> Vec<Scenario> {
    vec![calm(), rush_hour()]
}

/// The script of this name, as on the command line.
#[must_use]
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|script| script.name == name)
}

fn phase(seconds: u64, requests_per_minute: u32) -> Phase {
    Phase { lasts: Duration::from_secs(seconds), requests_per_minute, dials: Vec::new() }
}

fn script(name: &str, title: &str, phases: Vec<Phase>) -> Scenario {
    Scenario { name: name.to_owned(), title: title.to_owned(), model: "demo-chat".to_owned(), phases }
}

/// A minute in which the first choice serves everything.
fn calm() -> Scenario {
    script("calm", "Calm", vec![phase(60, 30)])
}

/// The first choice fills up, traffic spills, the second choice is throttled for a while, and everything returns.
fn rush_hour() -> Scenario {
    let throttled = Dials { throttle_percent: 70, throttle_retry_after: 8, ..Dials::default() };
    let incident = Phase { dials: vec![(EndpointId::from("sim-eastus"), throttled)], ..phase(10, 400) };
    let phases = vec![phase(3, 60), phase(5, 300), phase(12, 400), incident, phase(8, 200), phase(32, 30)];
    script("rush-hour", "Rush hour", phases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rush_lasts_about_a_minute_and_ends_calm() {
        let rush = named("rush-hour").expect("built in");
        assert!((60..=75).contains(&rush.length().as_secs()));
        let last = rush.phases.last().expect("has phases");
        assert!(last.dials.is_empty() && last.requests_per_minute <= 60);
    }

    #[test]
    fn unknown_names_have_no_script() {
        assert_eq!(named("Rush hour"), None);
        assert_eq!(all().len(), 2);
    }
}
