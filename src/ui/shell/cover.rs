//! What a sheet covers as it opens: menus and what hangs at the pointer.
//!
//! Invariant: nothing of what lies below a sheet is drawn above it.
//! Absent on purpose: the sheets, and the keyboard, which egui keeps from what they cover.

use egui::{Context, PointerState, Popup};

/// Whether a sheet covered the rest in the frame before.
#[derive(Debug, Default)]
pub(super) struct Cover {
    on: bool,
}

impl Cover {
    /// Begins a frame. In the first one below a sheet nothing knows where the pointer is, as a tooltip stays where it is for
    /// as long as the pointer does. What is returned is to be handed to [`end`].
    pub(super) fn begin(&mut self, ctx: &Context) -> Option<PointerState> {
        let on = ctx.memory(|memory| memory.top_modal_layer().is_some());
        let before = std::mem::replace(&mut self.on, on);
        (on && !before).then(|| {
            Popup::close_all(ctx);
            ctx.input_mut(|input| std::mem::take(&mut input.pointer))
        })
    }
}

/// Ends a frame: the pointer is where it was.
pub(super) fn end(ctx: &Context, aside: Option<PointerState>) {
    if let Some(pointer) = aside {
        ctx.input_mut(|input| input.pointer = pointer);
    }
}
