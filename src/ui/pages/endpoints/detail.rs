//! One endpoint: two live plots with a soft cap that can be dragged, its limits, its last requests.
//!
//! Invariant: dragging changes the draft alone, as one undo step; what is in effect stays drawn where it is.
//! Absent on purpose: the service's own limit as something movable; it is locked.

use std::sync::Arc;

use egui::{RichText, Ui};
use egui_material_icons::icons::{ICON_ARROW_BACK, ICON_LOCK};

use super::held_back::held_back;
use super::{State, limits, places, switches};
use crate::contract::snapshot::EndpointSeries;
use crate::model::config::Endpoint;
use crate::model::status::EndpointView;
use crate::model::units::{Grouped, Short};
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::full_in;
use crate::ui::plots::{self, Chart, Level, Metric};
use crate::ui::status;
use crate::ui::theme::{self, gap};
use crate::ui::widgets::{
    LimitLine, LineEvent, LineOutput, chip, fact, icon_button, note, quiet_button, section, status_label,
};

/// Shows the endpoint.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, endpoint: &EndpointView) {
    ui.spacing_mut().item_spacing.y = gap::L;
    heading(ui, cx, endpoint);
    let snapshot = Arc::clone(cx.snapshot);
    let series = snapshot.series.endpoints.iter().find(|one| one.id == endpoint.id);
    if ui.available_width() >= 760.0 {
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            tokens(left, cx, state, endpoint, series);
            requests(right, cx, endpoint, series);
        });
    } else {
        tokens(ui, cx, state, endpoint, series);
        requests(ui, cx, endpoint, series);
    }
    state.earlier.show(ui, cx, &endpoint.id);
    limits::show(ui, cx, endpoint);
    last_requests(ui, cx, endpoint);
}

fn heading(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    ui.horizontal(|ui| {
        if icon_button(ui, theme, ICON_ARROW_BACK, "All endpoints").clicked() {
            cx.open(Target::Top(Page::Endpoints));
        }
        ui.label(theme::title(endpoint.id.as_str()).color(theme.text));
        if endpoint.simulated {
            chip(ui, theme, theme::Tone::Info, "Simulated");
        }
        let seen = status::health(endpoint.health, cx.snapshot.at);
        status_label(ui, theme, seen.tone, &seen.word);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            switches(ui, cx, &endpoint.id, endpoint.admin_state, true);
            ui.label(RichText::new(status::admin(endpoint.admin_state).word).color(theme.text));
            ui.label(RichText::new("You set").color(theme.text_faint));
        });
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::XL;
        let counters = endpoint.counters;
        fact(ui, theme, "Route", &places(cx, &endpoint.id));
        fact(ui, theme, "Account", endpoint.account.as_str());
        if let Some(full) = endpoint.exhausts_at.and_then(|when| full_in(when, cx.snapshot.at)) {
            fact(ui, theme, "Tokens per minute", &full);
        }
        fact(ui, theme, "In flight", &endpoint.in_flight.to_string());
        fact(ui, theme, "Attempts", &Grouped(counters.attempts).to_string());
        fact(ui, theme, "429s of the service", &Grouped(counters.throttled).to_string());
        fact(ui, theme, "Other failures", &Grouped(counters.failed).to_string());
    });
}

fn tokens(ui: &mut Ui, cx: &mut PageCx, state: &mut State, endpoint: &EndpointView, series: Option<&EndpointSeries>) {
    let (theme, now) = (cx.theme, cx.snapshot.at.0 / 1_000_000);
    let draft = cx.draft.working().endpoint(&endpoint.id).and_then(|one| one.soft_cap_tokens_per_minute);
    let mut levels = Vec::new();
    if let Some(limit) = endpoint.provider_tokens_per_minute {
        levels.push(Level { name: format!("{} {}", ICON_LOCK.codepoint, Short(limit)), value: limit, dashed: false });
    }
    if let Some(applied) = endpoint.soft_cap.filter(|applied| draft != Some(*applied)) {
        levels.push(Level { name: "applied".to_owned(), value: applied, dashed: true });
    }
    let own: Vec<&EndpointSeries> = series.into_iter().collect();
    let mut streams: Vec<_> = series.map(|one| plots::reserved(theme, one, now)).into_iter().collect();
    streams.extend(plots::lines(theme, &own, Metric::Tokens, now));
    let chart = Chart {
        id: "endpoint tokens",
        summary: plots::summary(&format!("Tokens per minute of {}", endpoint.id), series, Metric::Tokens),
        height: 220.0,
        window: plots::window(&cx.snapshot.series.endpoints, now),
        metric: Metric::Tokens,
        streams,
        levels,
        top: state.plot_top,
    };
    let natural = chart.natural_top();
    section(ui, theme, "Tokens per minute", |ui| {
        let Some(plot) = chart.show_or_table(ui, theme) else { return };
        let name = format!("Soft cap {}", endpoint.id);
        let max = endpoint.provider_tokens_per_minute.unwrap_or(1_000_000);
        let window = plots::window(&cx.snapshot.series.endpoints, now);
        let edited = draft.filter(|cap| endpoint.soft_cap != Some(*cap));
        let held_back = edited.map(|cap| held_back(&cx.snapshot.records, &endpoint.id, cap, (cx.snapshot.at, window)));
        let line = LimitLine { name: &name, value: draft, applied: endpoint.soft_cap, max, held_back };
        let moved = line.show(ui, theme, &plot);
        state.plot_top = moved.dragging.then(|| state.plot_top.unwrap_or(natural));
        obey(cx, endpoint, moved);
        note(
            ui,
            theme,
            "Drag the line, or focus it and press ↑ ↓ PgUp PgDn; Enter or a double click types a value, Home switches it off.",
        );
    });
}

/// Puts what the line did into the draft.
fn obey(cx: &mut PageCx, endpoint: &EndpointView, moved: LineOutput) {
    let gesture = format!("soft cap {}", endpoint.id);
    cx.watch_closely(moved.dragging);
    let (value, label) = match moved.event {
        Some(LineEvent::To(value)) => (Some(value), format!("Set soft cap {} to {}", endpoint.id, Grouped(value))),
        Some(LineEvent::Off) => (None, format!("Switch off soft cap {}", endpoint.id)),
        Some(LineEvent::Cancelled) => {
            cx.draft.cancel(&gesture);
            return;
        }
        Some(LineEvent::Released) => {
            cx.draft.settle();
            return;
        }
        None => return,
    };
    let set = |one: &mut Endpoint| one.soft_cap_tokens_per_minute = value;
    cx.draft.adjust(&gesture, label, |config| {
        config.endpoint_mut(&endpoint.id).map(set);
    });
}

fn requests(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView, series: Option<&EndpointSeries>) {
    let (theme, now) = (cx.theme, cx.snapshot.at.0 / 1_000_000);
    let own: Vec<&EndpointSeries> = series.into_iter().collect();
    let limit = endpoint.requests.limit;
    section(ui, theme, "Requests per minute", |ui| {
        let level = |limit| Level { name: format!("limit {}", Short(limit)), value: limit, dashed: false };
        let chart = Chart {
            id: "endpoint requests",
            summary: plots::summary(&format!("Requests per minute of {}", endpoint.id), series, Metric::Requests),
            height: 220.0,
            window: plots::window(&cx.snapshot.series.endpoints, now),
            metric: Metric::Requests,
            streams: plots::lines(theme, &own, Metric::Requests, now),
            levels: limit.map(level).into_iter().collect(),
            top: None,
        };
        chart.show_or_table(ui, theme);
        note(
            ui,
            theme,
            "Services check requests in slices of 1 or 10 seconds, so bursts can be refused below this limit.",
        );
    });
}

fn last_requests(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let (theme, snapshot) = (cx.theme, Arc::clone(cx.snapshot));
    let mine =
        snapshot.records.iter().rev().filter(|record| record.attempts.iter().any(|one| one.endpoint == endpoint.id));
    section(ui, theme, "Last requests", |ui| {
        if let Some(target) = crate::ui::request_rows::show(ui, theme, mine.take(8)) {
            cx.open(target);
        }
        if quiet_button(ui, theme, "All its requests").clicked() {
            cx.open(Target::RequestsOf(endpoint.id.clone()));
        }
    });
}
