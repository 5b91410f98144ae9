//! The test of an endpoint's key, and how quick it is beside the others of its routes.
//!
//! Invariant: testing reads a list and costs nothing, a call of one token says before what it costs; times are those of real
//! requests, and a difference within their spread is called none.
//! Absent on purpose: calls that cost tokens only to be measured.

use egui::{Grid, RichText, Ui};

use super::quick::{LATEST, Quick, Times};
use crate::contract::snapshot::KeyState;
use crate::contract::{Command, KeyCommand};
use crate::model::id::EndpointId;
use crate::model::status::{BalancerView, EndpointView};
use crate::ui::cx::{PageCx, Target};
use crate::ui::format::{ago, count, span};
use crate::ui::key_test;
use crate::ui::theme::{Tone, gap, mono};
use crate::ui::widgets::{note, quiet_button, section, status_label};

/// Below this many answers nothing is said of who is quicker.
const ENOUGH: usize = 5;
/// Shows the tab.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, quick: &Quick, endpoint: &EndpointView) {
    let theme = cx.theme;
    section(ui, theme, "The key of its account", |ui| key(ui, cx, endpoint));
    if !endpoint.simulated {
        section(ui, theme, "A call of one token", |ui| call(ui, cx, endpoint));
    }
    section(ui, theme, "Time to the first token", |ui| {
        let rivals = rivals(&cx.snapshot.view, &endpoint.id);
        let times: Vec<(EndpointId, Option<Times>)> =
            rivals.into_iter().map(|id| (id.clone(), quick.of(&id))).collect();
        table(ui, cx, &times);
        ui.label(verdict(&times));
        note(
            ui,
            theme,
            &format!(
                "Of the last {LATEST} requests that each answered at the first attempt, waiting in line left out. The spread is where \
                 the middle half lies. Long prompts take longer, so compare like with like."
            ),
        );
    });
}

fn key(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let (theme, keys) = (cx.theme, std::sync::Arc::clone(&cx.snapshot.keys));
    let known = keys.accounts.iter().find(|key| key.account == endpoint.account);
    if endpoint.simulated || known.is_some_and(|known| known.state == KeyState::NotNeeded) {
        ui.label("A simulated endpoint needs no key, so there is nothing to test.");
        return;
    }
    let test = known.and_then(|known| known.test.as_ref());
    match test {
        None => drop(ui.label("Not tested since the start.")),
        Some(test) => {
            match test.finished_wall_ms {
                Some(at) => note(ui, theme, &format!("Last tested {}", ago(at, cx.snapshot.wall_ms))),
                None => note(ui, theme, "Testing …"),
            };
            for (passed, line) in &test.lines {
                status_label(ui, theme, if *passed { Tone::Ok } else { Tone::Error }, line);
            }
        }
    }
    ui.horizontal_wrapped(|ui| {
        let runs = test.is_some_and(|test| test.finished_wall_ms.is_none());
        if ui.add_enabled(!runs, egui::Button::new("Test the key")).clicked() {
            cx.send(Command::Key(KeyCommand::Test(endpoint.account.clone())));
        }
        note(ui, theme, "Reads the list of models: no tokens, no cost.");
        if quiet_button(ui, theme, &format!("Open account {}", endpoint.account)).clicked() {
            cx.open(Target::Account(endpoint.account.clone()));
        }
    });
}

/// What a single call came to, and a way to make one. What it costs is said before.
fn call(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let keys = std::sync::Arc::clone(&cx.snapshot.keys);
    if let Some(test) = key_test::call_of(cx, &keys, &endpoint.id) {
        key_test::lines(ui, cx.theme, "One token of it", test, cx.snapshot.wall_ms);
        key_test::offer_limits(ui, cx, &endpoint.id, &test.offered);
    }
    ui.horizontal_wrapped(|ui| key_test::ask(ui, cx, std::slice::from_ref(&endpoint.id)));
}

/// The endpoints that stand beside it in a route, itself first.
fn rivals(view: &BalancerView, id: &EndpointId) -> Vec<EndpointId> {
    let mut found = vec![id.clone()];
    for route in &view.routes {
        let members = || route.groups.iter().flat_map(|group| &group.endpoints);
        if members().any(|member| member == id) {
            found.extend(members().filter(|member| *member != id).cloned());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|id| seen.insert(id.clone()));
    found
}

fn table(ui: &mut Ui, cx: &mut PageCx, times: &[(EndpointId, Option<Times>)]) {
    let theme = cx.theme;
    Grid::new("times").num_columns(4).spacing([gap::XL, gap::S]).show(ui, |ui| {
        for heading in ["", "n", "median", "spread"] {
            note(ui, theme, heading);
        }
        ui.end_row();
        for (place, (id, times)) in times.iter().enumerate() {
            if place == 0 {
                ui.label(RichText::new(id.as_str()).strong());
            } else if quiet_button(ui, theme, id.as_str()).clicked() {
                cx.open(Target::Endpoint(id.clone()));
            }
            match times {
                None => note(ui, theme, "nothing answered yet"),
                Some(times) => {
                    ui.label(mono(times.n.to_string()));
                    ui.label(mono(span(times.median)));
                    ui.label(mono(format!("{} to {}", span(times.low), span(times.high))))
                }
            };
            ui.end_row();
        }
    });
}

/// Who is quickest, if that can be said.
fn verdict(times: &[(EndpointId, Option<Times>)]) -> String {
    let mut known: Vec<(&EndpointId, Times)> =
        times.iter().filter_map(|(id, times)| Some((id, (*times).filter(|times| times.n >= ENOUGH)?))).collect();
    known.sort_by_key(|(_, times)| times.median);
    match known.as_slice() {
        [] | [_] => {
            let least = count(ENOUGH as u64, "answer", "answers");
            format!("Too few answers to compare: it takes {least} of two endpoints at least.")
        }
        [(first, quick), (_, next), ..] if quick.high < next.low => format!("{first} is the quickest."),
        [(first, quick), (second, next), ..] => {
            let apart = span(next.median.saturating_sub(quick.median));
            format!("No clear winner: {first} and {second} are {apart} apart, which is within their spread.")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn times(n: usize, median: u64, half: u64) -> Times {
        let ms = Duration::from_millis;
        Times { n, median: ms(median), low: ms(median - half), high: ms(median + half), p95: ms(median + half) }
    }

    #[test]
    fn a_difference_within_the_spread_is_no_winner() {
        let pair = |one, other| verdict(&[("a".into(), Some(one)), ("b".into(), Some(other))]);
        assert_eq!(pair(times(9, 400, 50), times(9, 300, 20)), "b is the quickest.");
        let close = pair(times(9, 320, 50), times(9, 300, 20));
        assert!(close.starts_with("No clear winner: b and a are 20 ms apart"), "{close}");
        assert!(pair(times(9, 400, 50), times(2, 300, 20)).starts_with("Too few answers"));
        assert!(verdict(&[("a".into(), Some(times(9, 400, 50))), ("b".into(), None)]).starts_with("Too few answers"));
    }

    #[test]
    fn it_is_compared_with_those_beside_it_in_its_routes() {
        let snapshot = crate::ui::fixture::snapshot();
        let found = rivals(&snapshot.view, &"sim-westus".into());
        assert_eq!(found[0].as_str(), "sim-westus");
        assert_eq!(found.len(), 4);
    }
}
