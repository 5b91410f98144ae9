//! A frame that fades round what an undo or a redo changed, so that the eye finds it; what is out of sight is scrolled to.
//!
//! Invariant: one fade, slower than any flicker; with reduced motion the frame stands still and goes.
//! Absent on purpose: leading to another page; who is elsewhere is offered a link.

use std::sync::Arc;
use std::time::Duration;

use egui::{Context, Id, Rect, Stroke, StrokeKind, Ui};

use super::cx::Target;
use super::theme::Theme;

/// How long it is seen, in seconds.
const LASTS: f64 = 1.4;
/// In which part of that it is scrolled to; afterwards the person may scroll away.
const FRESH: f32 = 0.93;

#[derive(Clone)]
struct Flash {
    places: Arc<[Target]>,
    until: f64,
}

fn id() -> Id {
    Id::unique("what was just changed back")
}

/// Shows these places for a moment.
pub fn start(ctx: &Context, places: Vec<Target>) {
    let until = ctx.input(|input| input.time) + LASTS;
    ctx.data_mut(|data| data.insert_temp(id(), Flash { places: places.into(), until }));
    ctx.request_repaint();
}

/// Frames `rect` while `place` is shown.
pub fn frame(ui: &Ui, theme: &Theme, rect: Rect, place: &Target) {
    let Some(strength) = strength(ui.ctx(), place) else { return };
    if strength > FRESH && is_out_of_sight(rect, ui.clip_rect()) {
        ui.scroll_to_rect(rect, None);
    }
    let still = ui.style().animation_time == 0.0;
    let color = if still { theme.accent } else { theme.accent.gamma_multiply(strength) };
    ui.painter().rect_stroke(rect.expand(2.0), 6.0, Stroke::new(3.0, color), StrokeKind::Outside);
}

/// Whether so little of `rect` is seen that the page has to move: less than a third of it, and of the window. What is larger
/// than the window, such as a card with many lanes, would else draw the page to its top at every undo.
pub(super) fn is_out_of_sight(rect: Rect, seen: Rect) -> bool {
    let shown = rect.intersect(seen).height().max(0.0);
    shown * 3.0 < rect.height().min(seen.height())
}

/// How strong the frame is, 1 to 0; `None`: this place is not shown.
fn strength(ctx: &Context, place: &Target) -> Option<f32> {
    let flash: Flash = ctx.data(|data| data.get_temp(id()))?;
    let left = flash.until - ctx.input(|input| input.time);
    if left <= 0.0 || !flash.places.contains(place) {
        return None;
    }
    if ctx.global_style().animation_time == 0.0 {
        ctx.request_repaint_after(Duration::from_secs_f64(left));
    } else {
        ctx.request_repaint();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a share of 1")]
    Some((left / LASTS) as f32)
}

/// Whether a place is shown now.
#[must_use]
pub fn is_shown(ctx: &Context, place: &Target) -> bool {
    strength(ctx, place).is_some()
}
