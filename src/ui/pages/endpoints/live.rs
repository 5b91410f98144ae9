//! One endpoint as it runs: two live plots with a soft cap that can be dragged, and what the service says is left.
//!
//! Invariant: dragging changes the draft alone, as one undo step; what is in effect stays drawn where it is.
//! Absent on purpose: the service's own limit as something movable; it is locked.

use std::sync::Arc;

use egui::Ui;
use egui_material_icons::icons::ICON_LOCK;

use super::held_back::held_back;
use super::{State, limits};
use crate::contract::snapshot::EndpointSeries;
use crate::model::config::Endpoint;
use crate::model::status::{EndpointView, LimitSource};
use crate::model::units::{Grouped, Short};
use crate::ui::cx::{PageCx, Target};
use crate::ui::plots::{self, Chart, Level, Metric, pin};
use crate::ui::widgets::{LimitLine, LineEvent, LineOutput, note, section};
use crate::ui::words::limit_source;

/// Shows the tab.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, endpoint: &EndpointView) {
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
    if let Some(filter) = pin::asked(ui.ctx()) {
        cx.open(Target::RequestsWhere(format!("{filter} endpoint:{}", endpoint.id).into()));
    }
    limits::left(ui, cx, endpoint);
    state.earlier.show(ui, cx, &endpoint.id);
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
        now: pin::Now::of(cx.snapshot),
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
        let unit = "tokens per minute";
        let line = LimitLine { name: &name, unit, value: draft, applied: endpoint.soft_cap, max, held_back };
        let moved = line.show(ui, theme, &plot);
        state.plot_top = moved.dragging.then(|| state.plot_top.unwrap_or(natural));
        obey(cx, endpoint, moved);
        limits::less(ui, cx, &endpoint.id);
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

/// Whose limit a line is, in a word.
const fn whose(source: LimitSource) -> &'static str {
    match source {
        LimitSource::Configured => "allotted",
        LimitSource::Derived => "by pool",
        LimitSource::Header => "service",
        LimitSource::Learned => "learned",
        LimitSource::SoftCap => "soft cap",
        LimitSource::Allotted => "our share",
        LimitSource::Unknown => "limit",
    }
}

fn requests(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView, series: Option<&EndpointSeries>) {
    let (theme, now) = (cx.theme, cx.snapshot.at.0 / 1_000_000);
    let own: Vec<&EndpointSeries> = series.into_iter().collect();
    let limit = endpoint.requests.limit;
    section(ui, theme, "Requests per minute", |ui| {
        let whose = whose(endpoint.requests.source);
        let level = |limit| Level { name: format!("{} {whose}", Short(limit)), value: limit, dashed: false };
        let chart = Chart {
            id: "endpoint requests",
            summary: plots::summary(&format!("Requests per minute of {}", endpoint.id), series, Metric::Requests),
            height: 220.0,
            window: plots::window(&cx.snapshot.series.endpoints, now),
            now: pin::Now::of(cx.snapshot),
            metric: Metric::Requests,
            streams: plots::lines(theme, &own, Metric::Requests, now),
            levels: limit.map(level).into_iter().collect(),
            top: None,
        };
        chart.show_or_table(ui, theme);
        let says = limit.map_or_else(String::new, |limit| {
            format!("The line is the limit, {} RPM: {}. ", Grouped(limit), limit_source(endpoint.requests.source))
        });
        let slices = "Services check requests in slices of 1 or 10 seconds, so bursts can be refused below it.";
        note(ui, theme, &(says + slices));
    });
}
