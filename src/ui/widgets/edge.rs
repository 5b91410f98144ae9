//! The edge of a panel at the right, moved by arrow keys as by a drag.
//!
//! Invariant: an edge that can be dragged has a keyboard twin.
//! Absent on purpose: the panel, its bounds and its width; egui keeps those, and takes our keys as it takes a screen reader's.

use egui::accesskit::{Action, ActionRequest, TreeId};
use egui::{Event, EventFilter, IdSalt, Key, Modifiers, Ui};

/// To be called before the panel of this name is shown in `ui`. While its edge has the keyboard, ← makes it wider and →
/// narrower.
pub fn move_edge_by_keys(ui: &Ui, panel: &str) {
    // As egui calls it.
    let edge = ui.scope_id().with_salt(IdSalt::new(panel)).with("__resize");
    if !ui.memory(|memory| memory.has_focus(edge)) {
        return;
    }
    let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(edge, arrows));
    for (key, action) in [(Key::ArrowLeft, Action::Increment), (Key::ArrowRight, Action::Decrement)] {
        ui.input_mut(|input| {
            for _ in 0..input.count_and_consume_key(Modifiers::NONE, key) {
                input.events.push(Event::AccessKitActionRequest(ActionRequest {
                    action,
                    target_tree: TreeId::ROOT,
                    target_node: edge.accesskit_id(),
                    data: None,
                }));
            }
        });
    }
}
