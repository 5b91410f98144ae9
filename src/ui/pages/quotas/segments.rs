//! A pool as a bar: the width of a segment is what an endpoint is given, its filling what it uses now. Borders between
//! segments move.
//!
//! Invariant: segments and spare together are the pool's total; what is given beyond it is hatched past the total's mark. A
//! drag is one undo step.
//! Absent on purpose: who gives what to whom (`allocate`).

use egui::{Align2, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::allocate::{Division, STEP, Trade};
use super::{State, rows};
use crate::model::config::{Endpoint, QuotaPool};
use crate::model::id::{EndpointId, PoolId};
use crate::model::units::{Grouped, Short};
use crate::ui::cx::PageCx;
use crate::ui::holds;
use crate::ui::theme::{Tone, small_font};
use crate::ui::widgets::{Border, BorderEvent, BorderOutput};

const HEIGHT: f32 = 52.0;

/// A border that is being dragged: its pool and place, and the division from before.
#[derive(Debug)]
pub(super) struct Drag {
    pool: PoolId,
    place: usize,
    before: Division,
}

/// Draws the bar and moves its borders.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: &QuotaPool, members: &[&Endpoint]) {
    let Some(division) =
        Division::of(cx.draft.working(), &pool.id, |member| cx.preferences.locked_shares.contains(&member.id))
    else {
        return;
    };
    let total = pool.tokens_per_minute;
    let whole = division.sum().max(total).max(1);
    let (bar, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    ui.painter().rect(bar, 4.0, cx.theme.track, Stroke::new(1.0, cx.theme.edge), StrokeKind::Inside);
    let dragged = state.drag.as_ref().is_some_and(|drag| drag.pool == pool.id);
    let (mut start, mut ends) = (0_u64, Vec::with_capacity(members.len()));
    for (place, endpoint) in members.iter().enumerate() {
        let end = start.saturating_add(division.share(place));
        let rect = part(bar, start, end, whole);
        segment(ui, cx, rect, endpoint, dragged);
        ends.push(rect.right());
        start = end;
    }
    if division.over() > 0 {
        let beyond = part(bar, total, whole, whole);
        hatch(ui, beyond, cx.theme.tone(Tone::Near));
        let reach = bar.expand(3.0).y_range();
        ui.painter().vline(beyond.left(), reach, Stroke::new(2.0, cx.theme.tone(Tone::Near)));
    } else if division.spare() > 0 {
        let amount = amount(division.spare(), dragged);
        text(ui, part(bar, division.sum(), total, whole), cx.theme.text_soft, &format!("spare  {amount}"));
    }
    for (place, (endpoint, x)) in members.iter().zip(ends).enumerate() {
        let name = format!("Share of {}", endpoint.id);
        let enabled = division.is_open(place);
        let border = Border { name: &name, value: division.share(place), enabled, x, bar, whole };
        let moved = border.show(ui, cx.theme);
        obey(cx, state, pool, &division, (place, moved));
    }
}

/// Puts what a border did into the draft.
fn obey(cx: &mut PageCx, state: &mut State, pool: &QuotaPool, now: &Division, (place, moved): (usize, BorderOutput)) {
    let gesture = format!("border {} {place}", pool.id);
    let mine = |drag: &Drag| drag.pool == pool.id && drag.place == place;
    if moved.dragging && !state.drag.as_ref().is_some_and(mine) {
        state.drag = Some(Drag { pool: pool.id.clone(), place, before: now.clone() });
        cx.watch_closely(true);
    }
    match moved.event {
        Some(BorderEvent::To { wanted, held }) => {
            let base = state.drag.as_ref().filter(|drag| mine(drag)).map_or(now, |drag| &drag.before);
            let trade = if held.alt {
                Trade::All
            } else if held.shift {
                Trade::Spare
            } else {
                Trade::Neighbour
            };
            let next = base.moved(place, wanted, trade, if held.command { 1 } else { STEP });
            let label = label(cx, pool, place, &next);
            cx.draft.adjust(&gesture, label, |config| next.write(config, &pool.id));
        }
        Some(BorderEvent::Cancelled) => cx.draft.cancel(&gesture),
        Some(BorderEvent::Released) => cx.draft.settle(),
        None => {}
    }
    if !moved.dragging && state.drag.as_ref().is_some_and(mine) {
        state.drag = None;
        cx.watch_closely(false);
    }
}

fn label(cx: &PageCx, pool: &QuotaPool, place: usize, next: &Division) -> String {
    let id: Option<EndpointId> =
        super::allot::members(cx.draft.working(), &pool.id).nth(place).map(|member| member.id.clone());
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    format!("give {id} {} TPM of {}", Grouped(next.share(place)), pool.id)
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

fn segment(ui: &mut Ui, cx: &PageCx, rect: Rect, endpoint: &Endpoint, dragged: bool) {
    let id = &endpoint.id;
    let share = endpoint.tokens_per_minute.unwrap_or(0);
    let (used, reserved) =
        cx.snapshot.view.endpoint(id).map_or((0, 0), |view| (view.used_last_minute(), view.tokens.reserved));
    let less = rows::above_service(cx, endpoint);
    let words = less.and_then(|_| holds::words(cx.snapshot, endpoint));
    let words = words.map_or_else(String::new, |words| format!("; {words}"));
    let spoken =
        format!("{id}: allotted {} TPM, {} used, {} reserved{words}", Grouped(share), Grouped(used), Grouped(reserved));
    let response = ui.interact(rect, ui.scope_id().with(("segment", id)), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Meter, true, &spoken));
    ui.painter().rect(rect.shrink(1.0), 3.0, cx.theme.raised, Stroke::new(1.0, cx.theme.edge), StrokeKind::Inside);
    let filling = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 12.0), rect.right_bottom()).shrink(4.0);
    if let Some(less) = less {
        // What is given beyond what the service allows cannot be used.
        hatch(ui, part(rect.shrink(1.0), less, share, share), cx.theme.tone(Tone::Near).gamma_multiply(0.6));
    }
    let holds = less.unwrap_or(share);
    let tone = if used.saturating_add(reserved) >= holds / 5 * 4 { Tone::Near } else { Tone::Ok };
    let taken = part(filling, 0, used, share);
    ui.painter().rect_filled(taken, 2.0, cx.theme.tone(tone));
    let held = part(filling, used, used.saturating_add(reserved).min(share), share);
    hatch(ui, held, cx.theme.tone(tone));
    let held = less.map_or_else(String::new, |less| format!(" · {} holds", Short(less)));
    text(ui, rect, cx.theme.text, &format!("{id}  {}{held}", amount(share, dragged)));
    response.on_hover_text(spoken);
}

/// Exact while it is being moved.
fn amount(amount: u64, exact: bool) -> String {
    if exact { Grouped(amount).to_string() } else { Short(amount).to_string() }
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

fn text(ui: &Ui, rect: Rect, color: egui::Color32, words: &str) {
    let painter = ui.painter().with_clip_rect(rect.shrink(3.0).intersect(ui.clip_rect()));
    painter.text(rect.left_top() + vec2(10.0, 8.0), Align2::LEFT_TOP, words, small_font(), color);
}
