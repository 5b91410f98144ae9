//! The panes of the window and the way of the keyboard between them.
//!
//! Invariant: each pane has a name and takes the keyboard as a whole; Tab then leads into it.
//! Absent on purpose: what is in a pane.

use egui::{Context, Id, Rect, Role, Sense, Ui, WidgetInfo};

/// The panes that were shown in this frame, in the order in which F6 leads through them.
#[derive(Debug, Default)]
pub(super) struct Panes {
    shown: Vec<Id>,
    before: Vec<Id>,
}

impl Panes {
    /// Begins a frame.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.shown);
    }

    /// Marks what `ui` fills as a pane. To be called before its contents.
    pub(super) fn mark(&mut self, ui: &Ui, name: &str, rect: Rect) {
        let id = Id::unique(("pane", name));
        let response = ui.interact(rect, id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(Role::Region, true, name));
        self.shown.push(id);
    }

    /// Moves the keyboard to the pane after the one that had it last.
    pub(super) fn next(&mut self, ctx: &Context) {
        let panes = if self.shown.is_empty() { &self.before } else { &self.shown };
        let at = ctx.memory(egui::Memory::focused).and_then(|id| panes.iter().position(|pane| *pane == id));
        let next = at.map_or(0, |at| (at + 1) % panes.len().max(1));
        if let Some(id) = panes.get(next) {
            ctx.memory_mut(|memory| memory.request_focus(*id));
        }
    }
}
