//! How wide columns are: as the person drew them, as far as there is room. Their edges are named, and moved by arrow keys as by a
//! drag.
//!
//! Invariant: every edge that can be dragged has a name and a keyboard twin; a width changes only when its edge is moved.
//! Absent on purpose: keeping widths over a restart; whoever shows the table does.

use std::collections::BTreeMap;

use egui::accesskit::Action;
use egui::{EventFilter, Id, Key, Modifiers, Role, Ui, WidgetInfo};

use super::Column;

/// Points an arrow key moves an edge by.
const STEP: f32 = 16.0;
/// The narrowest a column can be drawn.
pub(super) const LEAST: f32 = 36.0;
/// The least that is left for the column that takes the rest.
pub(super) const REST: f32 = 60.0;

/// Widths in points for the room there is.
#[derive(Debug, PartialEq)]
pub(super) struct Fit {
    /// Of each column; `None`: what is left.
    pub(super) widths: Vec<Option<f32>>,
    /// How much wider one of them can be drawn.
    pub(super) spare: f32,
}

impl Fit {
    /// Widths for the room that is left in `ui`.
    pub(super) fn of(ui: &Ui, columns: &[Column], drawn: &BTreeMap<&'static str, f32>) -> Self {
        let spacing = ui.spacing();
        let gaps: f32 = columns.iter().skip(1).map(|_| spacing.item_spacing.x).sum();
        let room = ui.available_rect_before_wrap().width() - spacing.scroll.allocated_width() - gaps;
        Self::within(room, columns, drawn)
    }

    /// Where drawn columns have no room, each gives back the same part of what it was drawn wider.
    fn within(room: f32, columns: &[Column], drawn: &BTreeMap<&'static str, f32>) -> Self {
        let wanted = |column: &Column| {
            let usual = column.width?;
            Some((usual, drawn.get(column.title).copied().unwrap_or(usual)))
        };
        let all: f32 = columns.iter().map(|column| wanted(column).map_or(REST, |(_, width)| width)).sum();
        let more: f32 = columns.iter().filter_map(wanted).map(|(usual, width)| (width - usual).max(0.0)).sum();
        let part = if more > 0.0 { ((all - room) / more).clamp(0.0, 1.0) } else { 0.0 };
        let width = |column| wanted(column).map(|(usual, width)| width - (width - usual).max(0.0) * part);
        Self { widths: columns.iter().map(width).collect(), spare: (room - all).max(0.0) }
    }

    /// Names the edges of the table that was just shown, and notes the width of a column whose edge is moved by drag or key.
    pub(super) fn edges(
        &self,
        ui: &Ui,
        table: Id,
        columns: &[Column],
        left: f32,
        drawn: &mut BTreeMap<&'static str, f32>,
    ) {
        let gap = ui.spacing().item_spacing.x;
        // An edge lies in the middle of the gap behind its column.
        let mut before = left - gap / 2.0;
        for (place, (column, shown)) in columns.iter().zip(&self.widths).enumerate() {
            let Some(edge) = ui.ctx().read_response(edge_id(table, place)) else {
                before += shown.unwrap_or_default() + gap;
                continue;
            };
            let (right, width) = (edge.rect.center().x, edge.rect.center().x - before - gap);
            before = right;
            let name = format!("Width of {}", column.title);
            edge.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, &name));
            ui.ctx().accesskit_node_builder(edge.id, |node| {
                node.set_numeric_value(f64::from(width));
                node.add_action(Action::Increment);
                node.add_action(Action::Decrement);
            });
            if edge.dragged() || edge.drag_stopped() {
                drawn.insert(column.title, width);
            }
            if let (Some(steps), Some(shown)) = (steps(ui, edge.id, edge.has_focus()), shown) {
                let most = (shown + self.spare).max(LEAST);
                drawn.insert(column.title, (shown + steps * STEP).clamp(LEAST, most));
                ui.ctx().request_repaint();
            }
        }
    }
}

/// Whether one of the table's edges is being dragged, or was let go in this frame.
pub(super) fn is_held(ui: &Ui, table: Id, columns: usize) -> bool {
    let edge = |place| ui.ctx().read_response(edge_id(table, place));
    (0..columns).filter_map(edge).any(|edge| edge.dragged() || edge.drag_stopped())
}

/// As `egui_extras` calls it.
fn edge_id(table: Id, place: usize) -> Id {
    table.with("resize_column").with(place)
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

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [Column::text("Status", 100.0), Column::text("Way", 200.0), Column::rest("Why")];

    #[test]
    fn drawn_widths_hold_where_there_is_room_and_give_back_only_what_was_drawn_where_there_is_none() {
        let drawn = BTreeMap::from([("Status", 160.0), ("Way", 220.0)]);
        let roomy = Fit::within(500.0, &COLUMNS, &drawn);
        assert_eq!(roomy, Fit { widths: vec![Some(160.0), Some(220.0), None], spare: 60.0 });
        let narrow = Fit::within(400.0, &COLUMNS, &drawn);
        assert_eq!(narrow, Fit { widths: vec![Some(130.0), Some(210.0), None], spare: 0.0 });
        assert_eq!(Fit::within(50.0, &COLUMNS, &drawn).widths, [Some(100.0), Some(200.0), None]);
        let narrower = BTreeMap::from([("Way", 40.0)]);
        assert_eq!(Fit::within(50.0, &COLUMNS, &narrower).widths, [Some(100.0), Some(40.0), None]);
    }
}
