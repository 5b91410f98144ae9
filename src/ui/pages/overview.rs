//! The Overview: is it fine, and if not, what do I do?
//!
//! Invariant: top to bottom it answers what needs the person, how much room is left, where traffic goes, what changes.
//! Absent on purpose: editing; every part leads to the page where things are changed.

mod attention;
mod figures;
mod flow;
mod recent;
mod unknown;
mod waiting;

use egui::{Align, Layout, Ui, vec2};

use crate::contract::snapshot::{EndpointSeries, SeriesPoint};
use crate::contract::{Command, DemoCommand};
use crate::model::status::Health;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::count;
use crate::ui::long::{self, LongPlot, Reach, Wanted};
use crate::ui::plots::{self, Chart, Metric, pin};
use crate::ui::status;
use crate::ui::theme::{self, gap};
use crate::ui::widgets::{LaneSpan, card, note, primary_button, section, state_lane};

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    reach: Reach,
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
    long::choose(ui, &Reach::EACH, &mut state.reach);
    match state.reach {
        Reach::Live => changes(ui, cx),
        reach => earlier(ui, cx, &mut state.long, reach),
    }
    if let Some(filter) = pin::asked(ui.ctx()) {
        cx.open(Target::RequestsWhere(filter.into()));
    }
    recent::show(ui, cx);
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

/// Hours or days of tokens and requests.
fn earlier(ui: &mut Ui, cx: &PageCx, plots: &mut [LongPlot; 2], reach: Reach) {
    let [tokens, requests] = plots;
    let each = [
        (tokens, "overview tokens, earlier", "Tokens per minute", Metric::Tokens),
        (requests, "overview requests, earlier", "Requests per minute", Metric::Requests),
    ];
    for (plot, id, heading, metric) in each {
        section(ui, cx.theme, heading, |ui| {
            plot.show(ui, cx.theme, cx.snapshot, &Wanted { id, metric, reach, endpoint: None });
        });
    }
}

/// Two plots and one lane per endpoint.
fn changes(ui: &mut Ui, cx: &PageCx) {
    let wide = ui.available_width() >= 760.0;
    if wide {
        ui.columns(2, |columns| {
            let mut columns = columns.iter_mut();
            for (metric, column) in [Metric::Tokens, Metric::Requests].into_iter().zip(&mut columns) {
                plot(column, cx, metric);
            }
        });
    } else {
        plot(ui, cx, Metric::Tokens);
        plot(ui, cx, Metric::Requests);
    }
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
            let usable = plots::usable(theme, &series, now);
            let top = plots::readable_top(&bands, &usable);
            bands.push(usable);
            (bands, Some(top))
        }
        Metric::Requests => (plots::lines(theme, &shown.iter().collect::<Vec<_>>(), metric, now), None),
    };
    section(ui, theme, heading, |ui| {
        let summary = total_summary(heading, &series, metric);
        let height = (ui.ctx().content_rect().height() * 0.24).clamp(170.0, 320.0);
        let now = pin::Now::of(cx.snapshot);
        Chart { id, summary, height, window, now, metric, streams, levels: Vec::new(), top }.show_or_table(ui, theme);
    });
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
    for one in &cx.snapshot.series.endpoints {
        if one.points().all(|point| point.health == Health::Unknown) {
            quiet += 1;
            continue;
        }
        ui.horizontal(|ui| {
            ui.allocate_ui_with_layout(vec2(130.0, 16.0), Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(130.0);
                let name = egui::RichText::new(one.id.as_str()).color(theme.text_soft);
                ui.add(egui::Label::new(name).truncate());
            });
            let spans = spans(one, cx.snapshot.at);
            let range = (now.saturating_sub(window), now);
            state_lane(ui, theme, one.id.as_str(), ui.available_width(), range, &spans);
        });
    }
    let legend = "Full: healthy · dotted: near limit or ramping · hatched: throttled · struck: failing";
    let rest = match quiet {
        0 => String::new(),
        quiet => format!(" · {} not used yet", count(quiet, "endpoint", "endpoints")),
    };
    note(ui, theme, &format!("{legend}{rest}"));
}

/// Stretches of one state; seconds without a point stay empty.
pub(super) fn spans(one: &EndpointSeries, now: crate::model::units::Timestamp) -> Vec<LaneSpan> {
    let mut spans: Vec<LaneSpan> = Vec::new();
    for point in one.points() {
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
