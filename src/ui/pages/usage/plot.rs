//! Tokens by day as stacked bars: input, cached input, output, reasoning.
//!
//! Invariant: a bar's parts add up to the day's tokens; the table below says the same in numbers.
//! Absent on purpose: zooming; the range is chosen above.

use egui::{Role, Ui, WidgetInfo};
use egui_plot::{Bar, BarChart, GridMark};

use super::tally::{Figure, Range, Tally, date};
use crate::model::history::UsageSum;
use crate::model::units::Grouped;
use crate::ui::plots::{axis, still};
use crate::ui::theme::{Theme, gap};

/// Bars shown at most.
const MOST: i32 = 60;

/// The parts of a bar, from the bottom: its name and what of a sum it is.
pub(super) const PARTS: [Figure; 4] = [
    ("input", |sum| sum.input.saturating_sub(sum.cached)),
    ("cached input", |sum| sum.cached),
    ("output", |sum| sum.output.saturating_sub(sum.reasoning)),
    ("reasoning", |sum| sum.reasoning),
];

/// Shows the bars of the range's days, at least a week; of today alone one bar.
pub(super) fn show(ui: &mut Ui, theme: &Theme, tally: &Tally, range: Range, today: i32) {
    legend(ui, theme);
    if range == Range::Today {
        return one_day(ui, theme, tally, range);
    }
    let oldest = tally.days.first().map_or(today, |(day, _)| *day);
    let first = range.first_day(today).max(oldest).min(today - 6).max(today - MOST + 1);
    let days: Vec<(f64, &UsageSum)> =
        tally.days.iter().filter(|(day, _)| *day >= first).map(|(day, sum)| (f64::from(*day), sum)).collect();
    let mut charts: Vec<BarChart> = Vec::new();
    for (slot, (name, part)) in PARTS.into_iter().enumerate() {
        let color = theme.series(slot).color;
        let bars = days.iter().map(|(day, sum)| Bar::new(*day, float(part(sum))).width(0.7).fill(color)).collect();
        let chart = BarChart::new(name, bars).color(color).element_formatter(Box::new(move |bar, _| {
            let day = whole(bar.argument);
            format!("{}\n{} {name} tokens", date(day), Grouped(tokens(bar.value)))
        }));
        charts.push(chart.stack_on(&charts.iter().collect::<Vec<_>>()));
    }
    let shown = today - first + 1;
    let plot = still("usage by day", theme)
        .height((ui.ctx().content_rect().height() * 0.22).clamp(140.0, 260.0))
        .show_x(false)
        .show_y(false)
        .include_y(10.0)
        .include_y(0.0)
        .x_grid_spacer(move |_| marks(first, shown))
        .y_grid_spacer(|axis| axis::levels(axis.bounds.1))
        .x_axis_formatter(move |mark, _| label(whole(mark.value), today))
        .y_axis_formatter(|mark, range| axis::label(mark, *range.end(), "tokens"));
    let response = ui.scope(|ui| {
        axis::write_small(ui);
        plot.show(ui, |plot| {
            plot.set_plot_bounds_x(f64::from(first) - 0.6..=f64::from(today) + 0.6);
            for chart in charts {
                plot.bar_chart(chart);
            }
        })
    });
    let response = response.inner;
    let words = summary(tally, range);
    response.response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, &words));
}

/// A day's parts, side by side.
fn one_day(ui: &mut Ui, theme: &Theme, tally: &Tally, range: Range) {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 18.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 4, theme.track);
    let whole = float(tally.total.tokens().max(1));
    let mut from = f64::from(rect.left());
    for (slot, (_, part)) in PARTS.into_iter().enumerate() {
        let to = from + f64::from(rect.width()) * float(part(&tally.total)) / whole;
        #[expect(clippy::cast_possible_truncation, reason = "places on screen")]
        let piece = egui::Rect::from_x_y_ranges(from as f32..=to as f32, rect.y_range());
        ui.painter().rect_filled(piece, 4, theme.series(slot).color);
        from = to;
    }
    let words = summary(tally, range);
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, &words));
    let each = PARTS.map(|(name, part)| format!("{} {name} tokens", Grouped(part(&tally.total))));
    response.on_hover_text(each.join("\n"));
}

/// In words, for those who do not see the plot.
fn summary(tally: &Tally, range: Range) -> String {
    if range == Range::Today {
        return format!("Tokens of today: {} in all", Grouped(tally.total.tokens()));
    }
    let most = tally.days.iter().max_by_key(|(_, sum)| sum.tokens());
    let most = most
        .map_or_else(String::new, |(day, sum)| format!(", most on {}: {} tokens", date(*day), Grouped(sum.tokens())));
    format!("Tokens by day, {}: {} in all{most}", range.name().to_lowercase(), Grouped(tally.total.tokens()))
}

fn legend(ui: &mut Ui, theme: &Theme) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::S;
        for (slot, (name, _)) in PARTS.into_iter().enumerate() {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
            ui.painter().rect_filled(rect, 2, theme.series(slot).color);
            ui.label(egui::RichText::new(name).small().color(theme.text_soft));
            ui.add_space(gap::M);
        }
    });
}

/// A mark per day, or fewer where they would not fit.
fn marks(first: i32, shown: i32) -> Vec<GridMark> {
    let step = if shown <= 10 { 1 } else { shown / 6 };
    let steps = (0..shown).filter(|place| (shown - 1 - place) % step == 0);
    steps.map(|place| GridMark { value: f64::from(first + place), step_size: f64::from(step) }).collect()
}

/// `today`, or month and day.
fn label(day: i32, today: i32) -> String {
    if day == today {
        return "today".to_owned();
    }
    date(day).get(5..).unwrap_or_default().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "tokens of a day are far below 2^52")]
const fn float(tokens: u64) -> f64 {
    tokens as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates; heights are not negative"
)]
fn tokens(value: f64) -> u64 {
    value.round() as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and days fit")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}
