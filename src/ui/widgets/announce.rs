//! What a screen reader says of its own accord: a change that the person made and cannot see.
//!
//! Invariant: the same words twice in a row are said once; nothing is drawn.
//! Absent on purpose: a queue; the newest words are the ones that count.

use egui::accesskit::Live;
use egui::{Id, Rect, Role, Sense, Ui, WidgetInfo, vec2};

/// Keeps `text` in a polite live region.
pub fn announce(ui: &Ui, id: Id, text: &str) {
    let spot = Rect::from_min_size(ui.cursor().min, vec2(1.0, 1.0));
    let response = ui.interact(spot, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, text));
    ui.ctx().accesskit_node_builder(id, |node| node.set_live(Live::Polite));
}
