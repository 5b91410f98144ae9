//! Where a request's time went: one bar, and the same as a table.
//!
//! Invariant: the bar's parts are as long as their time; each is told apart by pattern and word, not by colour alone.
//! Absent on purpose: time spent inside the service; nobody tells us.

use std::time::Duration;

use egui::{Color32, CornerRadius, Grid, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::model::record::RequestRecord;
use crate::model::units::Grouped;
use crate::ui::format::{clock_time_millis, span};
use crate::ui::theme::{Theme, Tone, gap, mono};
use crate::ui::widgets::hatch;
use crate::ui::words::attempt::{Part, Phase, parts};

const HEIGHT: f32 = 22.0;
/// However short a part was, so much of it is seen.
const LEAST: f32 = 3.0;

/// Shows the tab.
pub(super) fn show(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let parts = parts(record);
    if parts.is_empty() {
        ui.label("It was answered at once, by us: no time was spent.");
    } else {
        bar(ui, theme, &parts, record.total);
        ui.add_space(gap::S);
        table(ui, theme, &parts);
    }
    ui.add_space(gap::L);
    sums(ui, theme, record);
}

fn bar(ui: &mut Ui, theme: &Theme, parts: &[Part], total: Duration) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let said: Vec<String> = parts.iter().map(|part| format!("{} {}", span(part.took), part.name)).collect();
    let name = format!("Timeline, {} in all: {}", span(total), said.join(", "));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let painter = ui.painter();
    painter.rect_filled(rect, CornerRadius::same(3), theme.track);
    let whole = total.as_secs_f32().max(f32::EPSILON);
    let place = |at: Duration| rect.left() + rect.width() * (at.as_secs_f32() / whole).min(1.0);
    let mut left = rect.left();
    for part in parts {
        let right = place(part.from.saturating_add(part.took)).max(left + LEAST).min(rect.right());
        let area = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
        fill(ui, theme, area, part.phase);
        left = right;
    }
    response.on_hover_text(name);
}

fn fill(ui: &Ui, theme: &Theme, area: Rect, phase: Phase) {
    let color = color(theme, phase);
    match phase {
        Phase::Waiting => hatch(ui.painter(), area, color),
        Phase::Failed | Phase::FirstToken => drop(ui.painter().rect_filled(area, 0, color)),
        Phase::Answering => {
            ui.painter().rect_filled(area, 0, color.gamma_multiply(0.35));
            ui.painter().rect_filled(Rect::from_min_max(pos2(area.left(), area.bottom() - 4.0), area.max), 0, color);
        }
    }
}

fn color(theme: &Theme, phase: Phase) -> Color32 {
    match phase {
        Phase::Waiting => theme.tone(Tone::Throttled),
        Phase::Failed => theme.tone(Tone::Error),
        Phase::FirstToken => theme.accent,
        Phase::Answering => theme.tone(Tone::Ok),
    }
}

fn table(ui: &mut Ui, theme: &Theme, parts: &[Part]) {
    Grid::new("timeline parts").num_columns(4).spacing([gap::L, gap::S]).show(ui, |ui| {
        for part in parts {
            let (swatch, _) = ui.allocate_exact_size(vec2(14.0, 12.0), Sense::hover());
            fill(ui, theme, swatch, part.phase);
            ui.label(mono(format!("+{}", span(part.from))).color(theme.text_soft));
            ui.label(mono(span(part.took)));
            ui.add(egui::Label::new(RichText::new(&part.name).color(theme.text)).wrap());
            ui.end_row();
        }
    });
}

fn sums(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let mut rows = vec![
        ("Arrived", clock_time_millis(record.wall_ms)),
        ("Waited in line", span(record.waited)),
        ("First token after", record.first_token.map_or_else(|| "–".to_owned(), span)),
        ("Ended after", span(record.total)),
    ];
    if let Some(pace) = pace(record) {
        rows.push(("Speed of the answer", pace));
    }
    Grid::new("timeline sums").num_columns(2).spacing([gap::XL, gap::S]).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(RichText::new(name).color(theme.text_soft));
            ui.label(mono(value));
            ui.end_row();
        }
    });
}

/// Tokens a second from the first to the last.
fn pace(record: &RequestRecord) -> Option<String> {
    let took = u64::try_from(record.total.saturating_sub(record.first_token?).as_millis()).ok().filter(|ms| *ms > 0)?;
    let usage = record.usage.filter(|usage| record.profile.streaming && usage.output > 0)?;
    Some(format!("{} tokens/s", Grouped(usage.output.saturating_mul(1_000) / took)))
}
