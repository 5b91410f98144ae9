//! The menu in which the Overview is arranged: what is shown, in which order, how wide.
//!
//! Invariant: everything a drag can do it does, too; a change acts at once and is kept.
//! Absent on purpose: more than one arrangement.

use egui::{Popup, PopupCloseBehavior, RichText, ScrollArea, Ui};
use egui_material_icons::icons::{ICON_ARROW_DOWNWARD, ICON_ARROW_UPWARD};

use super::{figures, panels};
use crate::model::preferences::{Arrangement, Placed, put};
use crate::ui::cx::PageCx;
use crate::ui::theme::{Theme, strong};
use crate::ui::widgets::{checkbox, icon_button, quiet_button};

/// The button that opens it.
pub(super) fn button(ui: &mut Ui, cx: &mut PageCx) {
    let theme = cx.theme;
    let word = RichText::new("Arrange").color(theme.accent);
    let button = ui.add(egui::Button::new(word).frame_when_inactive(false));
    // An id of its own: the button's own changes with the number of tiles above it.
    let menu = Popup::menu(&button).id(egui::Id::unique("arrange the overview"));
    menu.close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        let height = (ui.ctx().content_rect().height() - 96.0).max(120.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| contents(ui, theme, &mut cx.preferences.overview));
    });
    button.on_hover_text("Choose which numbers and panels are here, their order and width");
}

fn contents(ui: &mut Ui, theme: &Theme, liked: &mut Arrangement) {
    ui.horizontal(|ui| {
        ui.label(strong("Panels").color(theme.text));
        ui.add_enabled_ui(*liked != Arrangement::default(), |ui| {
            if quiet_button(ui, theme, "Back to the usual arrangement").clicked() {
                *liked = Arrangement::default();
            }
        });
    });
    list(ui, theme, &mut liked.panels, panels::name, true);
    ui.separator();
    ui.label(strong("Numbers").color(theme.text));
    list(ui, theme, &mut liked.tiles, figures::name, false);
}

/// A row for each: whether it is shown, how wide, and a step up or down.
fn list<T: Copy + PartialEq>(
    ui: &mut Ui,
    theme: &Theme,
    list: &mut Vec<Placed<T>>,
    name: fn(T) -> &'static str,
    with_width: bool,
) {
    let mut moved = None;
    let last = list.len().saturating_sub(1);
    for (place, one) in list.iter_mut().enumerate() {
        let name = name(one.what);
        ui.horizontal(|ui| {
            let up = ui.add_enabled_ui(place > 0, |ui| {
                icon_button(ui, theme, ICON_ARROW_UPWARD, &format!("Move {name} up")).clicked()
            });
            let down = ui.add_enabled_ui(place < last, |ui| {
                icon_button(ui, theme, ICON_ARROW_DOWNWARD, &format!("Move {name} down")).clicked()
            });
            match (up.inner, down.inner) {
                (true, _) => moved = Some((place, place.saturating_sub(1))),
                (_, true) => moved = Some((place, place + 1)),
                _ => {}
            }
            checkbox(ui, &mut one.shown, name);
            if with_width {
                let row = checkbox(ui, &mut one.wide, "own row");
                ui.ctx().accesskit_node_builder(row.id, |node| node.set_label(format!("{name} in a row of its own")));
            }
        });
    }
    if let Some((from, to)) = moved {
        put(list, from, to);
    }
}
