//! The Overview: is it fine, and if not, what do I do?
//!
//! Invariant: top to bottom it answers what needs the person, how much room is left, where traffic goes, what changes.
//! Absent on purpose: editing what runs; every part leads to the page where that is changed. The person arranges the rest.

mod arrange;
mod attention;
mod figures;
mod flow;
mod panels;
mod recent;
mod unknown;
mod waiting;

use egui::{Align, Layout, Role, Ui, WidgetInfo, vec2};

use crate::contract::snapshot::{EndpointSeries, SeriesPoint};
use crate::contract::{Command, DemoCommand, Snapshot};
use crate::model::preferences::Panel;
use crate::model::status::Health;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::count;
use crate::ui::long::{self, LongPlot, Reach, Wanted};
use crate::ui::plots::{self, Chart, Metric, pin};
use crate::ui::status;
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{LaneSpan, card, middle, note, primary_button, section, state_lane, text_width};

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    /// Of tokens and of requests.
    long: [LongPlot; 2],
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    ui.spacing_mut().item_spacing.y = gap::L;
    if cx.snapshot.view.endpoints.is_empty() {
        nothing_yet(ui, cx);
        return;
    }
    attention::show(ui, cx);
    figures::show(ui, cx);
    flow::show(ui, cx);
    waiting::show(ui, cx);
    ui.horizontal_wrapped(|ui| {
        note(ui, cx.theme, "Plots of the last");
        long::choose(ui, &Reach::EACH, &mut cx.preferences.reach);
        arrange::button(ui, cx);
    });
    let reach = cx.preferences.reach;
    // Of earlier hours no states are kept.
    let absent: &[Panel] = if reach == Reach::Live { &[] } else { &[Panel::States] };
    panels::show(ui, cx, absent, &mut |ui, cx, panel| match panel {
        Panel::Tokens => tokens_or_requests(ui, cx, state, Metric::Tokens),
        Panel::Requests => tokens_or_requests(ui, cx, state, Metric::Requests),
        Panel::States => states(ui, cx),
        Panel::Recent => recent::show(ui, cx),
    });
    if let Some(filter) = pin::asked(ui.ctx()) {
        cx.open(Target::RequestsWhere(filter.into()));
    }
}

fn nothing_yet(ui: &mut Ui, cx: &mut PageCx) {
    let theme = cx.theme;
    card(ui, theme, |ui| {
        ui.add_space(gap::XL);
        ui.vertical_centered(|ui| {
            ui.label(theme::title("Not routing anything yet.").color(theme.text));
            ui.label("Requests to this address get a clear 503.");
            ui.add_space(gap::M);
            if primary_button(ui, theme, "Try simulated endpoints").clicked() {
                cx.send(Command::Demo(DemoCommand::Enter));
            }
            if ui.button("Add a key").clicked() {
                cx.go(Page::Accounts);
            }
        });
        ui.add_space(gap::XL);
    });
}

/// The plot of the last minutes, or of hours or days.
fn tokens_or_requests(ui: &mut Ui, cx: &PageCx, state: &mut State, metric: Metric) {
    let [tokens, requests] = &mut state.long;
    let (long, id, heading) = match metric {
        Metric::Tokens => (tokens, "overview tokens, earlier", "Tokens per minute"),
        Metric::Requests => (requests, "overview requests, earlier", "Requests per minute"),
    };
    match cx.preferences.reach {
        Reach::Live => plot(ui, cx, metric),
        reach => section(ui, cx.theme, heading, |ui| {
            long.show(ui, cx.theme, cx.snapshot, &Wanted { id, metric, reach, endpoint: None });
        }),
    }
}

/// One lane per endpoint.
fn states(ui: &mut Ui, cx: &PageCx) {
    let now = cx.snapshot.at.0 / 1_000_000;
    let window = plots::window(&cx.snapshot.series.endpoints, now);
    let heading = format!("States, {}", plots::window_words(window));
    section(ui, cx.theme, &heading, |ui| lanes(ui, cx, (now, window)));
}

fn plot(ui: &mut Ui, cx: &PageCx, metric: Metric) {
    let (theme, now) = (cx.theme, cx.snapshot.at.0 / 1_000_000);
    let window = plots::window(&cx.snapshot.series.endpoints, now);
    let series: Vec<EndpointSeries> =
        cx.snapshot.series.endpoints.iter().filter(|one| plots::busy(one, now, window)).cloned().collect();
    let shown = plots::most(&series, metric, now, window);
    let (id, heading) = match metric {
        Metric::Tokens => ("overview tokens", "Tokens per minute"),
        Metric::Requests => ("overview requests", "Requests per minute"),
    };
    let (streams, top) = match metric {
        Metric::Tokens => {
            let mut bands = plots::stacked(theme, &shown, metric, now);
            let usable = usable(theme, cx.snapshot);
            let top = plots::readable_top(&bands, &usable);
            bands.push(usable);
            (bands, Some(top))
        }
        Metric::Requests => (plots::lines(theme, &shown.iter().collect::<Vec<_>>(), metric, now), None),
    };
    let unknown = figures::without_limit(cx.snapshot, &cx.snapshot.view.endpoints_in_use());
    section(ui, theme, heading, |ui| {
        if metric == Metric::Tokens && unknown > 0 {
            note(ui, theme, &format!("Usable leaves out {}: limit unknown", count(unknown, "endpoint", "endpoints")));
        }
        let summary = total_summary(heading, &series, metric);
        let height = (ui.ctx().content_rect().height() * 0.24).clamp(170.0, 320.0);
        let now = pin::Now::of(cx.snapshot);
        Chart { id, summary, height, window, now, metric, streams, levels: Vec::new(), top }.show_or_table(ui, theme);
    });
}

/// What can be used of the same endpoints as on the tile, whether anything was sent there lately or not.
fn usable(theme: &Theme, snapshot: &Snapshot) -> plots::Stream {
    let in_use = snapshot.view.endpoints_in_use();
    let all = snapshot.series.endpoints.iter().filter(|one| in_use.contains(&one.id));
    plots::usable(theme, all, snapshot.at.0 / 1_000_000)
}

fn total_summary(heading: &str, series: &[EndpointSeries], metric: Metric) -> String {
    let of = |point: &SeriesPoint| match metric {
        Metric::Tokens => point.tokens_used,
        Metric::Requests => point.requests_used,
    };
    let now = series.iter().filter_map(|one| one.points().next_back()).map(of).fold(0, u64::saturating_add);
    format!("{heading} of {} endpoints, last minutes: now {} {}", series.len(), Grouped(now), metric.unit())
}

/// One lane per endpoint that was ever used or is in trouble; the others have nothing to tell.
fn lanes(ui: &mut Ui, cx: &PageCx, (now, window): (u64, u64)) {
    let theme = cx.theme;
    ui.spacing_mut().item_spacing.y = gap::S;
    let mut quiet = 0;
    let font = egui::TextStyle::Body.resolve(ui.style());
    let most = (ui.available_width() * 0.28).clamp(130.0, 300.0);
    let width = |name: &str| text_width(ui, name, &font);
    let widest = cx.snapshot.series.endpoints.iter().map(|one| width(one.id.as_str()).ceil()).fold(0.0, f32::max);
    let room = widest.clamp(130.0, most);
    for one in &cx.snapshot.series.endpoints {
        if one.watched().all(|point| point.health == Health::Unknown) {
            quiet += 1;
            continue;
        }
        ui.horizontal(|ui| {
            ui.allocate_ui_with_layout(vec2(room, 16.0), Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(room);
                let shown = middle(ui, one.id.as_str(), &font, room);
                let label = ui.label(egui::RichText::new(shown).color(theme.text_soft));
                label.widget_info(|| WidgetInfo::labeled(Role::Label, true, one.id.as_str()));
                label.on_hover_text(one.id.as_str());
            });
            let spans = spans(one, cx.snapshot.at);
            let range = (now.saturating_sub(window), now);
            state_lane(ui, theme, one.id.as_str(), ui.available_width(), range, &spans);
        });
    }
    let legend = "Full: healthy · dotted: near limit or ramping · hatched: throttled · struck: failing";
    let rest = match quiet {
        0 => String::new(),
        quiet => format!(" · {} not used since the start", count(quiet, "endpoint", "endpoints")),
    };
    note(ui, theme, &format!("{legend}{rest}"));
}

/// Stretches of one state; seconds without a point stay empty, and those of an earlier run.
pub(super) fn spans(one: &EndpointSeries, now: crate::model::units::Timestamp) -> Vec<LaneSpan> {
    let mut spans: Vec<LaneSpan> = Vec::new();
    for point in one.watched() {
        let state = status::health(point.health, now);
        match spans.last_mut() {
            Some(span) if span.end == point.second && span.tone == state.tone => {
                span.end = point.second + 1;
                span.word = state.word;
            }
            _ => {
                spans.push(LaneSpan { start: point.second, end: point.second + 1, tone: state.tone, word: state.word });
            }
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn seconds_without_a_point_part_the_spans_of_a_lane() {
        let snapshot = fixture::snapshot();
        let spans = spans(&snapshot.series.endpoints[2], snapshot.at);
        assert_eq!(spans.iter().map(|span| (span.start, span.end)).collect::<Vec<_>>(), [(0, 410), (430, 601)]);
    }
}

#[cfg(test)]
#[path = "overview_tests.rs"]
mod arranging_tests;
