//! The ring round whatever has the keyboard, drawn in one place so that nothing is without it.
//!
//! Invariant: what has the focus and is on screen has a ring, unless the pointer is at work.
//! Absent on purpose: moving the focus.

use egui::{Context, Stroke, StrokeKind};

use crate::ui::theme::Theme;

/// Draws the ring above everything beside it.
pub(super) fn show(ctx: &Context, theme: &Theme) {
    let Some(focused) = ctx.memory(egui::Memory::focused) else { return };
    if ctx.input(|input| input.pointer.any_down()) {
        return;
    }
    let Some(response) = ctx.read_response(focused).filter(|response| response.interact_rect.is_positive()) else {
        return;
    };
    // Above its own layer, and so below whatever covers that.
    let painter = ctx.layer_painter(response.layer_id);
    let stroke = Stroke::new(2.0, theme.accent);
    painter.rect_stroke(response.interact_rect.expand(2.0), 8, stroke, StrokeKind::Outside);
}
