//! The lower part of the Overview: panels that the person arranges.
//!
//! Invariant: two narrow panels stand beside each other where there is room, a wide one in a row of its own; a panel dragged
//! by its grip takes the place of the one it is dropped on, and arrow keys on the grip do the same.
//! Absent on purpose: what is in a panel.

use egui::{
    CornerRadius, CursorIcon, EventFilter, Key, Modifiers, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};
use egui_material_icons::icons::ICON_DRAG_INDICATOR;

use crate::model::preferences::{Panel, Placed, put};
use crate::ui::cx::PageCx;
use crate::ui::theme::Theme;

/// From this width on there is room for two beside each other.
const ROOMY: f32 = 760.0;

/// A panel's name, as its heading and in the menu.
pub(super) const fn name(panel: Panel) -> &'static str {
    match panel {
        Panel::Tokens => "Tokens per minute",
        Panel::Requests => "Requests per minute",
        Panel::States => "States",
        Panel::Recent => "Last requests",
    }
}

/// The panels in rows of one or two.
fn rows(panels: &[Placed<Panel>], roomy: bool) -> Vec<Vec<Panel>> {
    let mut rows: Vec<Vec<Panel>> = Vec::new();
    let mut open = false;
    for one in panels.iter().filter(|one| one.shown) {
        match rows.last_mut() {
            Some(row) if open && !one.wide => {
                row.push(one.what);
                open = false;
            }
            _ => {
                rows.push(vec![one.what]);
                open = roomy && !one.wide;
            }
        }
    }
    rows
}

/// Shows the panels that are wanted and not in `absent`, each drawn by `draw`.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, absent: &[Panel], draw: &mut impl FnMut(&mut Ui, &mut PageCx, Panel)) {
    let here = |one: &&Placed<Panel>| !absent.contains(&one.what);
    let panels: Vec<Placed<Panel>> = cx.preferences.overview.panels.iter().filter(here).copied().collect();
    let mut dropped = None;
    for row in rows(&panels, ui.available_width() >= ROOMY) {
        if let [one] = row.as_slice() {
            dropped = one_panel(ui, cx, *one, draw).or(dropped);
            continue;
        }
        ui.columns(row.len(), |columns| {
            for (ui, one) in columns.iter_mut().zip(&row) {
                dropped = one_panel(ui, cx, *one, draw).or(dropped);
            }
        });
    }
    if let Some((from, to)) = dropped {
        let panels = &mut cx.preferences.overview.panels;
        let place = |panels: &[Placed<Panel>], wanted| panels.iter().position(|one| one.what == wanted);
        if let (Some(from), Some(to)) = (place(panels, from), place(panels, to)) {
            put(panels, from, to);
        }
    }
}

/// One panel with its grip; returns which was dropped on it, and itself.
fn one_panel(
    ui: &mut Ui,
    cx: &mut PageCx,
    panel: Panel,
    draw: &mut impl FnMut(&mut Ui, &mut PageCx, Panel),
) -> Option<(Panel, Panel)> {
    let theme = cx.theme;
    let shown = ui.scope(|ui| draw(ui, cx, panel)).response;
    if let Some(moved) = grip(ui, theme, panel, shown.rect) {
        let panels = &cx.preferences.overview.panels;
        let here = panels.iter().position(|one| one.what == panel)?;
        let there = if moved { here.checked_add(1) } else { here.checked_sub(1) };
        let other = there.and_then(|there| panels.get(there))?;
        return Some((panel, other.what));
    }
    let carried = egui::DragAndDrop::payload::<Panel>(ui.ctx()).filter(|carried| **carried != panel)?;
    if !ui.rect_contains_pointer(shown.rect) {
        return None;
    }
    let edge = Stroke::new(2.0, theme.accent);
    ui.painter().rect_stroke(shown.rect, CornerRadius::same(10), edge, StrokeKind::Inside);
    let released = ui.input(|input| input.pointer.any_released());
    released.then_some((*carried, panel))
}

/// What a panel is dragged by: dots at the middle of its upper edge, seen while the pointer is on the panel. With the keyboard
/// arrows move it; returns whether down, if they did.
fn grip(ui: &Ui, theme: &Theme, panel: Panel, rect: Rect) -> Option<bool> {
    let place = Rect::from_center_size(rect.center_top() + vec2(0.0, 13.0), vec2(36.0, 24.0));
    // Of the panel alone, so that it keeps the keyboard when it has moved.
    let grip = ui.interact(place, egui::Id::unique(("grip of a panel", name(panel))), Sense::drag());
    grip.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Move {} with the arrow keys", name(panel))));
    grip.dnd_set_drag_payload(panel);
    let mut moved = None;
    if grip.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(grip.id, arrows));
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::ArrowDown) || pressed(Key::ArrowRight) {
            moved = Some(true);
        } else if pressed(Key::ArrowUp) || pressed(Key::ArrowLeft) {
            moved = Some(false);
        }
        ui.painter().rect_stroke(place, 4, Stroke::new(2.0, theme.accent), StrokeKind::Inside);
    }
    if ui.rect_contains_pointer(rect) || grip.dragged() || grip.has_focus() {
        let font = egui::FontId::new(18.0, ICON_DRAG_INDICATOR.font_family());
        let color = if grip.hovered() || grip.dragged() { theme.text } else { theme.text_faint };
        let painter = ui.painter();
        painter.text(place.center(), egui::Align2::CENTER_CENTER, ICON_DRAG_INDICATOR.codepoint, font, color);
    }
    let cursor = if grip.dragged() { CursorIcon::Grabbing } else { CursorIcon::Grab };
    grip.on_hover_cursor(cursor).on_hover_text(format!("Drag {} onto another panel to move it", name(panel)));
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::preferences::Arrangement;

    #[test]
    fn narrow_panels_stand_in_pairs_and_wide_or_lone_ones_alone() {
        let mut panels = Arrangement::default().panels;
        assert_eq!(
            rows(&panels, true),
            [vec![Panel::Tokens, Panel::Requests], vec![Panel::States], vec![Panel::Recent]]
        );
        assert_eq!(rows(&panels, false).len(), 4);
        panels[2].wide = false;
        panels[0].shown = false;
        assert_eq!(rows(&panels, true), [vec![Panel::Requests, Panel::States], vec![Panel::Recent]]);
        panels[2].wide = true;
        assert_eq!(rows(&panels, true), [vec![Panel::Requests], vec![Panel::States], vec![Panel::Recent]]);
    }
}
