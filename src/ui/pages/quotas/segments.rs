//! A pool as a bar: the width of a segment is what an endpoint is given, its filling what it uses now.
//!
//! Invariant: segments and spare together are the pool's total; what is given beyond it is drawn past the total's mark.
//! Absent on purpose: dragging the borders.

use egui::{Align2, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::model::config::{Endpoint, QuotaPool};
use crate::model::units::{Grouped, Short};
use crate::ui::cx::PageCx;
use crate::ui::theme::{Tone, small_font};

const HEIGHT: f32 = 46.0;

/// Draws the bar.
pub(super) fn show(ui: &mut Ui, cx: &PageCx, pool: &QuotaPool, members: &[&Endpoint]) {
    let share = |endpoint: &Endpoint| endpoint.tokens_per_minute.unwrap_or(0);
    let sum = members.iter().map(|endpoint| share(endpoint)).fold(0_u64, u64::saturating_add);
    let whole = sum.max(pool.tokens_per_minute).max(1);
    let (bar, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    ui.painter().rect(bar, 4.0, cx.theme.track, Stroke::new(1.0, cx.theme.edge), StrokeKind::Inside);
    let mut start = 0_u64;
    for endpoint in members {
        let end = start.saturating_add(share(endpoint));
        segment(ui, cx, part(bar, start, end, whole), endpoint);
        start = end;
    }
    if pool.tokens_per_minute > sum {
        let rest = part(bar, sum, pool.tokens_per_minute, whole);
        text(ui, rest, cx.theme.text_soft, "spare", pool.tokens_per_minute - sum);
    } else if sum > pool.tokens_per_minute {
        let mark = part(bar, 0, pool.tokens_per_minute, whole).right();
        ui.painter().vline(mark, bar.expand(3.0).y_range(), Stroke::new(2.0, cx.theme.tone(Tone::Near)));
    }
}

/// The part of the bar between two amounts of a whole.
fn part(bar: Rect, start: u64, end: u64, whole: u64) -> Rect {
    let x = |amount: u64| bar.left() + bar.width() * ratio(amount, whole);
    Rect::from_min_max(pos2(x(start), bar.top()), pos2(x(end), bar.bottom()))
}

/// `amount` of `whole`, between 0 and 1, exact to a ten-thousandth.
fn ratio(amount: u64, whole: u64) -> f32 {
    let share = u128::from(amount) * 10_000 / u128::from(whole.max(1));
    f32::from(u16::try_from(share.min(10_000)).unwrap_or(10_000)) / 10_000.0
}

fn segment(ui: &mut Ui, cx: &PageCx, rect: Rect, endpoint: &Endpoint) {
    let id = &endpoint.id;
    let share = endpoint.tokens_per_minute.unwrap_or(0);
    let (used, reserved) =
        cx.snapshot.view.endpoint(id).map_or((0, 0), |view| (view.tokens.used, view.tokens.reserved));
    let spoken =
        format!("{id}: allotted {} TPM, {} used, {} reserved", Grouped(share), Grouped(used), Grouped(reserved));
    let response = ui.interact(rect, ui.scope_id().with(("segment", id)), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Meter, true, &spoken));
    ui.painter().rect(rect.shrink(1.0), 3.0, cx.theme.raised, Stroke::new(1.0, cx.theme.edge), StrokeKind::Inside);
    let filling = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 12.0), rect.right_bottom()).shrink(4.0);
    let tone = if used.saturating_add(reserved) >= share / 5 * 4 { Tone::Near } else { Tone::Ok };
    let taken = part(filling, 0, used, share);
    ui.painter().rect_filled(taken, 2.0, cx.theme.tone(tone));
    let held = part(filling, used, used.saturating_add(reserved).min(share), share);
    hatch(ui, held, cx.theme.tone(tone));
    text(ui, rect, cx.theme.text, id.as_str(), share);
    response.on_hover_text(spoken);
}

/// Diagonal strokes: taken for now, not for good.
fn hatch(ui: &Ui, rect: Rect, color: egui::Color32) {
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        let line = [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())];
        painter.line_segment(line, Stroke::new(1.0, color));
        x += 4.0;
    }
}

fn text(ui: &Ui, rect: Rect, color: egui::Color32, name: &str, amount: u64) {
    let painter = ui.painter().with_clip_rect(rect.shrink(3.0).intersect(ui.clip_rect()));
    let at = rect.left_top() + vec2(8.0, 8.0);
    painter.text(at, Align2::LEFT_TOP, format!("{name}  {}", Short(amount)), small_font(), color);
}
