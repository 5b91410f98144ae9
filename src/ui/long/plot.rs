//! Draws a long plot: bands, lines, times without serving, names at the ends of lines, and the same as a table.
//!
//! Invariant: points are lent to the plot, never copied; the plot has a sentence and a table for those who do not see it.
//! Absent on purpose: working out what is drawn.

use egui::{RichText, Role, Stroke, Ui, WidgetInfo, pos2};
use egui_plot::{FilledArea, GridMark, HoverPosition, LineStyle, PlotPoints, PlotTransform};
use jiff::tz::TimeZone;

use super::{Drawn, Line, Reach, Wanted, float};
use crate::model::units::Grouped;
use crate::ui::format::{day_and_hour, day_of_month, hour_and_minute};
use crate::ui::plots::{Metric, axis, ends, still};
use crate::ui::theme::{Dash, SeriesStyle, Theme, gap, small_font};
use crate::ui::widgets::{checkbox, note};

/// Points kept free at the right for the names of lines.
const NAMES: f64 = 84.0;

/// Shows what was worked out.
pub(super) fn show(ui: &mut Ui, theme: &Theme, wanted: &Wanted, drawn: &Drawn, as_table: &mut bool) {
    let unit = wanted.metric.unit();
    if drawn.lines.is_empty() {
        note(ui, theme, "Nothing was recorded in this time yet. It fills while Tidegate runs, and survives a restart.");
        return;
    }
    let words = summary(wanted, drawn);
    let small = |ui: &mut Ui| {
        axis::write_small(ui);
        draw(ui, theme, wanted, drawn, &words)
    };
    let transform = ui.scope(small).inner;
    ends::names(ui, wanted.id, &transform, &ends_of(theme, drawn));
    label_bands(ui, theme, &transform, drawn);
    checkbox(ui, as_table, "Show as table");
    if *as_table {
        table(ui, theme, wanted.id, drawn, unit);
    }
}

fn draw(ui: &mut Ui, theme: &Theme, wanted: &Wanted, drawn: &Drawn, words: &str) -> PlotTransform {
    let span = float(drawn.span);
    let width = f64::from(ui.available_width());
    let margin = span * NAMES / (width - NAMES - f64::from(axis::WIDTH)).max(NAMES);
    let top = 1.1 * drawn.lines.iter().flat_map(|line| line.high.iter().flatten()).copied().fold(10.0, f64::max);
    let (edge, seconds, reach, unit) = (drawn.edge, drawn.span, wanted.reach, wanted.metric.unit());
    let plot = still(wanted.id, theme)
        .height((ui.ctx().content_rect().height() * 0.24).clamp(170.0, 320.0))
        .set_margin_fraction(egui::Vec2::ZERO)
        .x_grid_spacer(move |_| marks((edge, seconds), reach))
        .x_axis_formatter(move |mark, _| mark_label(moment(edge, mark.value), reach))
        .y_grid_spacer(move |_| axis::levels(top))
        .y_axis_formatter(move |mark, _| axis::label(mark, top, unit))
        .link_cursor(egui::Id::unique("long plots"), [true, false])
        .label_formatter(move |hover| hovered(hover, unit, edge));
    let shown = plot.show(ui, |plot| {
        plot.set_plot_bounds_x(-span..=margin);
        plot.set_plot_bounds_y(0.0..=top);
        for line in &drawn.lines {
            let style = style(theme, line);
            // Bands of many lines lie on top of each other.
            let wash = if drawn.lines.len() <= 2 { 0.22 } else { 0.1 };
            for ((mean, low), high) in line.mean.iter().zip(&line.low).zip(&line.high) {
                let xs: Vec<f64> = mean.iter().map(|point| point.x).collect();
                let band = FilledArea::new("", &xs, low, high).fill_color(style.color.gamma_multiply(wash));
                let rim = Stroke::new(0.5, style.color.gamma_multiply(0.5));
                plot.add(band.stroke(rim).allow_hover(false));
            }
            for mean in &line.mean {
                let points = PlotPoints::Borrowed(mean);
                plot.line(
                    egui_plot::Line::new(line.name.as_str(), points)
                        .color(style.color)
                        .width(1.5)
                        .style(dash(style.dash)),
                );
            }
        }
    });
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, words));
    shown.transform
}

fn style(theme: &Theme, line: &Line) -> SeriesStyle {
    // No endpoint has this many others; what has no slot is drawn as they are.
    theme.series(line.slot.unwrap_or(usize::MAX))
}

fn dash(dash: Dash) -> LineStyle {
    match dash {
        Dash::Solid => LineStyle::Solid,
        Dash::Dashed(length) => LineStyle::Dashed { length: f32::from(length) },
        Dash::Dotted(spacing) => LineStyle::Dotted { spacing: f32::from(spacing) },
    }
}

fn hovered(hover: &HoverPosition, unit: &str, edge: u64) -> Option<String> {
    match hover {
        HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
            let when = day_and_hour(moment(edge, position.x) * 1_000);
            Some(format!("{plot_name}\n{} {unit} on average\n{when}", Grouped(whole(position.y))))
        }
        _ => None,
    }
}

/// What is written at the right end of each line.
fn ends_of(theme: &Theme, drawn: &Drawn) -> Vec<ends::End> {
    let end = |line: &Line| line.mean.last().and_then(|run| run.last()).copied();
    let named = |line: &Line| Some((line.name.clone(), style(theme, line).color, end(line)?.y));
    drawn.lines.iter().filter_map(named).collect()
}

/// Grey over times without serving, with their words where there is room.
fn label_bands(ui: &Ui, theme: &Theme, plot: &PlotTransform, drawn: &Drawn) {
    let frame = *plot.frame();
    let x = |second: f64| plot.position_from_point(&egui_plot::PlotPoint::new(second, 0.0)).x;
    for (from, to) in &drawn.bands {
        let rect = egui::Rect::from_x_y_ranges(x(*from)..=x(*to), frame.y_range()).intersect(frame);
        ui.painter().rect_filled(rect, 0, theme.track.gamma_multiply(0.6));
        let words = not_serving(drawn.edge, (*from, *to));
        let galley = ui.painter().layout_no_wrap(words, small_font(), theme.text_faint);
        if galley.size().x + gap::M < rect.width() {
            let at = pos2(rect.center().x - galley.size().x / 2.0, rect.top() + gap::S);
            ui.painter().galley(at, galley, theme.text_faint);
        }
    }
}

fn not_serving(edge: u64, (from, to): (f64, f64)) -> String {
    let time = |second| hour_and_minute(moment(edge, second) * 1_000);
    format!("not serving {}–{}", time(from), time(to))
}

/// The same in numbers.
fn table(ui: &mut Ui, theme: &Theme, id: &str, drawn: &Drawn, unit: &str) {
    egui::Grid::new((id, "table")).num_columns(4).striped(true).spacing([gap::XL, gap::S]).show(ui, |ui| {
        for heading in ["Endpoint", "Mean", "Peak", "429s"] {
            ui.label(RichText::new(heading).small().color(theme.text_faint));
        }
        ui.end_row();
        for line in &drawn.lines {
            let (mean, peak, throttled) = line.figures;
            ui.label(&line.name);
            for number in [
                format!("{} {unit}", Grouped(mean)),
                format!("{} {unit}", Grouped(peak)),
                Grouped(throttled).to_string(),
            ] {
                ui.label(RichText::new(number).monospace());
            }
            ui.end_row();
        }
    });
    for band in &drawn.bands {
        note(ui, theme, &not_serving(drawn.edge, *band));
    }
}

/// In words, for those who do not see the plot.
fn summary(wanted: &Wanted, drawn: &Drawn) -> String {
    let what = match wanted.metric {
        Metric::Tokens => "Tokens per minute",
        Metric::Requests => "Requests per minute",
    };
    let unit = wanted.metric.unit();
    let pauses = drawn.bands.iter().map(|band| not_serving(drawn.edge, *band));
    let each: Vec<String> = drawn
        .lines
        .iter()
        .map(|line| {
            let (mean, peak, throttled) = line.figures;
            format!(
                "{}: mean {} {unit}, peak {} {unit}, throttled {throttled} times",
                line.name,
                Grouped(mean),
                Grouped(peak)
            )
        })
        .chain(pauses)
        .collect();
    format!("{what}, last {}. {}", wanted.reach.name(), each.join("; "))
}

/// Seconds since 1970 of a place on the axis.
fn moment(edge: u64, place: f64) -> u64 {
    edge.saturating_sub(whole(-place))
}

/// Marks at round local times: every hour of six, every midnight of seven days.
fn marks((edge, span): (u64, u64), reach: Reach) -> Vec<GridMark> {
    let step = if reach == Reach::SixHours { 3_600 } else { 86_400 };
    let offset = u64::try_from(local_offset(edge).rem_euclid(86_400)).unwrap_or(0);
    let newest = (edge + offset) / step * step;
    let mark = |back: u64| {
        let at = (newest - back * step).saturating_sub(offset);
        GridMark { value: -float(edge.saturating_sub(at)), step_size: float(step) }
    };
    (0..8).map(mark).filter(|mark| mark.value >= -float(span)).collect()
}

fn local_offset(second: u64) -> i64 {
    let at =
        i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok()).unwrap_or_default();
    i64::from(TimeZone::system().to_offset(at).seconds())
}

fn mark_label(second: u64, reach: Reach) -> String {
    if reach == Reach::SixHours { hour_and_minute(second * 1_000) } else { day_of_month(second * 1_000) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates; nothing here is negative"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
