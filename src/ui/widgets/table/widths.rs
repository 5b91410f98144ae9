//! The edges by which columns are made wider: named, and moved by arrow keys as by a drag.
//!
//! Invariant: every edge that can be dragged has a name and a keyboard twin.
//! Absent on purpose: keeping widths over a restart; whoever shows the table does.

use std::collections::BTreeMap;

use egui::accesskit::Action;
use egui::{EventFilter, Id, Key, Modifiers, Role, Ui, WidgetInfo};

use super::Column;

/// Points an arrow key moves an edge by.
const STEP: f32 = 16.0;
/// Widths that differ by less, in points, are the same: edges lie on whole pixels.
const NEAR: f32 = 1.5;
/// The narrowest a column can be.
pub(super) const LEAST: f32 = 36.0;

/// Column and width that a key asked for in the frame before.
type Asked = Option<(usize, f32)>;

/// What the column at `place` has to be in this frame, if a key moved its edge.
pub(super) fn asked(ui: &Ui, table: Id, place: usize) -> Option<f32> {
    let asked: Asked = ui.data(|data| data.get_temp(table.with("asked"))).flatten();
    asked.filter(|(column, _)| *column == place).map(|(_, width)| width)
}

/// Names the edges of the table that was just shown, and moves the one that has the keyboard. Tells which columns have another
/// width than at first.
pub(super) fn edges(ui: &Ui, table: Id, columns: &[Column], left: f32, drawn: &mut BTreeMap<&'static str, f32>) {
    let mut asked: Asked = None;
    let gap = ui.spacing().item_spacing.x;
    // An edge lies in the middle of the gap behind its column.
    let mut before = left - gap / 2.0;
    for (place, column) in columns.iter().enumerate() {
        // As `egui_extras` calls it.
        let Some(edge) = ui.ctx().read_response(table.with("resize_column").with(place)) else { continue };
        let (right, width) = (edge.rect.center().x, edge.rect.center().x - before - gap);
        before = right;
        if column.width.is_some_and(|usual| (usual - width).abs() > NEAR) {
            drawn.insert(column.title, width);
        } else {
            drawn.remove(column.title);
        }
        let name = format!("Width of {}", column.title);
        edge.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, &name));
        ui.ctx().accesskit_node_builder(edge.id, |node| {
            node.set_numeric_value(f64::from(width));
            node.add_action(Action::Increment);
            node.add_action(Action::Decrement);
        });
        if let Some(steps) = steps(ui, edge.id, edge.has_focus()) {
            asked = Some((place, (width + steps * STEP).max(LEAST)));
        }
    }
    if asked.is_some() {
        ui.ctx().request_repaint();
    }
    ui.data_mut(|data| data.insert_temp(table.with("asked"), asked));
}

fn steps(ui: &Ui, edge: Id, focused: bool) -> Option<f32> {
    let spoken = |action| ui.input(|input| input.num_accesskit_action_requests(edge, action)) > 0;
    let mut wider = spoken(Action::Increment);
    let mut narrower = spoken(Action::Decrement);
    if focused {
        let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(edge, arrows));
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        wider |= pressed(Key::ArrowRight);
        narrower |= pressed(Key::ArrowLeft);
    }
    match (wider, narrower) {
        (true, false) => Some(1.0),
        (false, true) => Some(-1.0),
        _ => None,
    }
}
