//! The inspector of one request: why it went where it went, and how long each part took.
//!
//! Invariant: every word comes from the record and its decisions; nothing newer is mixed in.
//! Absent on purpose: bodies and headers; they are not kept.

use std::fmt::Write as _;

use egui::{Grid, RichText, Ui};

use crate::model::decision::{Candidate, Decision, Verdict};
use crate::model::record::{AttemptRecord, RequestRecord};
use crate::model::units::Grouped;
use crate::ui::format::{clock_time, group_rank, span};
use crate::ui::theme::{Theme, Tone, gap, mono, strong};
use crate::ui::words::{self, explain};
use crate::ui::{format, status};

/// The Why tab.
pub fn why(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(strong(explain::paragraph(record)));
    let Some(decision) = record.decisions.last() else { return };
    if let Some(code) = words::conclusion_code(decision.conclusion) {
        ui.label(mono(code).color(theme.text_faint));
    }
    if let Some(change) = explain::counterfactual(decision) {
        ui.add_space(gap::S);
        ui.label(RichText::new(change).color(theme.tone(Tone::Info)));
    }
    heading(ui, theme, "Candidates, in order of trial");
    for candidate in &decision.candidates {
        candidate_row(ui, theme, &candidate, decision);
    }
    heading(ui, theme, "Attempts");
    if record.attempts.is_empty() {
        ui.label(RichText::new("Nothing was sent.").color(theme.text_soft));
    }
    for (place, attempt) in record.attempts.iter().enumerate() {
        attempt_row(ui, theme, place + 1, attempt, record);
    }
    ui.add_space(gap::L);
    let estimate = decision.estimate;
    ui.label(mono(format!("Config rev {} · decision {}", decision.revision, decision.id)).color(theme.text_soft));
    ui.label(
        mono(format!("est. {} prompt + {} output tokens", Grouped(estimate.prompt), Grouped(estimate.output)))
            .color(theme.text_soft),
    );
}

/// The Timeline tab: when each part began and how long it took.
pub fn timeline(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let mut rows = vec![("Arrived".to_owned(), clock_time(record.wall_ms))];
    rows.push(("Waited in line".to_owned(), span(record.waited)));
    for (place, attempt) in record.attempts.iter().enumerate() {
        let start = span(attempt.at.since(record.at));
        rows.push((
            format!("Attempt {} at {}", place + 1, attempt.endpoint),
            format!("after {start}, took {}", span(attempt.took)),
        ));
    }
    rows.push(("First token".to_owned(), record.first_token.map_or_else(|| "–".to_owned(), span)));
    if let Some(first) = record.first_token {
        rows.push(("From first token to the end".to_owned(), span(record.total.saturating_sub(first))));
    }
    rows.push(("Total".to_owned(), span(record.total)));
    if let Some(usage) = record.usage {
        let exact = if usage.exact { "" } else { " at least" };
        rows.push(("Tokens in".to_owned(), format!("{}, {} cached", Grouped(usage.input), Grouped(usage.cached))));
        rows.push((
            format!("Tokens out{exact}"),
            format!("{}, {} reasoning", Grouped(usage.output), Grouped(usage.reasoning)),
        ));
    }
    Grid::new("timeline").num_columns(2).spacing([gap::XL, gap::S]).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(RichText::new(name).color(theme.text_soft));
            ui.label(mono(value));
            ui.end_row();
        }
    });
}

fn heading(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.add_space(gap::L);
    ui.label(RichText::new(text).color(theme.text_soft));
    ui.add_space(gap::S);
}

fn candidate_row(ui: &mut Ui, theme: &Theme, candidate: &Candidate, decision: &Decision) {
    let (tone, sign) = match candidate.verdict {
        Verdict::Chosen(_) => (Tone::Ok, theme.tone(Tone::Ok)),
        Verdict::Excluded(crate::model::decision::Exclusion::NotNeeded) => (Tone::Quiet, theme.text_faint),
        Verdict::Excluded(_) => (Tone::Throttled, theme.tone(Tone::Throttled)),
    };
    let frame = egui::Frame::new().fill(theme.card).stroke((1.0, theme.edge)).corner_radius(4).inner_margin(gap::M);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.label(tone.icon().rich_text().color(sign));
            ui.label(strong(candidate.endpoint.to_string()));
            let place = (candidate.group as usize).saturating_sub(1);
            ui.label(RichText::new(group_rank(place, explain::groups(decision))).color(theme.text_soft));
            ui.label(mono(explain::verdict_code(candidate.verdict)).color(theme.text_faint));
        });
        ui.label(explain::verdict(candidate));
        let health = status::health(candidate.health, decision.at).word.to_lowercase();
        let set = words::admin_state(candidate.admin_state);
        ui.label(RichText::new(format!("you set: {set} · we saw: {health}")).color(theme.text_soft));
        let (needs, unit) = (explain::needs_and_has(candidate), explain::unit(candidate, decision));
        if needs != "–" {
            ui.label(mono(format!("needs / has  {needs} {unit}")).color(theme.text_soft));
        }
    });
}

fn attempt_row(ui: &mut Ui, theme: &Theme, number: usize, attempt: &AttemptRecord, record: &RequestRecord) {
    let tone = if attempt.failure.is_some() { Tone::Error } else { Tone::Ok };
    let offset = u64::try_from(attempt.at.since(record.at).as_millis()).unwrap_or(u64::MAX);
    let sent = format::clock_time(record.wall_ms.saturating_add(offset));
    ui.horizontal_wrapped(|ui| {
        ui.label(tone.icon().rich_text().color(theme.tone(tone)));
        ui.label(mono(format!("{number}  {sent}")));
        ui.label(strong(attempt.endpoint.to_string()));
        ui.label(mono(attempt_result(attempt)));
    });
}

/// `429 after 84 ms · Retry-After 14 s (requests per minute)`, or `200 after 640 ms`.
fn attempt_result(attempt: &AttemptRecord) -> String {
    let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let mut text = format!("{status} after {}", span(attempt.took));
    if let Some(failure) = &attempt.failure {
        if let Some(wait) = failure.facts.retry_after {
            let _ = write!(text, " · Retry-After {}", span(wait));
        }
        let _ = write!(text, " ({})", words::failure(failure.class));
    }
    text
}
