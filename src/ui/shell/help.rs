//! The sheet of shortcuts, made from the table of actions.
//!
//! Invariant: every action with keys stands here.
//! Absent on purpose: changing keys; Settings does.

use egui::{Grid, RichText, ScrollArea, Ui};

use super::sheet;

use crate::ui::actions::{self, Section};
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::note;

/// Keys of focused controls, which no table of actions knows.
const CONTROLS: &[(&str, &str)] = &[
    ("Tab, Shift+Tab", "Next or previous control"),
    ("Enter, Space", "Press it; lift or drop a card of a route"),
    ("↑ ↓, Page Up, Page Down", "Move a limit line or a border; Home takes it off"),
    ("Alt+↑, Alt+↓", "Move a card to the priority group above or below"),
    ("J, K, Enter", "Next and previous row of a table, open it"),
    ("Esc", "Close, or give a drag up"),
    ("Ctrl +, Ctrl −, Ctrl 0", "Larger, smaller and usual text"),
];

/// Width of the keys, the same in every section; in a small window, the share of its width.
const KEYS: (f32, f32) = (190.0, 0.36);

/// Shows the sheet; false once it is to be closed.
pub(super) fn show(ctx: &egui::Context, theme: &Theme) -> bool {
    let screen = ctx.content_rect();
    let modal = sheet(ctx, "shortcuts").show(ctx, |ui| {
        ui.set_width((screen.width() - 96.0).min(760.0));
        ui.label(theme::title("Keyboard shortcuts").color(theme.text));
        note(ui, theme, "Single letters act while no text field has the keyboard. Search everything finds the rest.");
        ui.add_space(gap::S);
        ScrollArea::vertical().auto_shrink([false, true]).max_height((screen.height() - 220.0).max(72.0)).show(
            ui,
            |ui| {
                for section in Section::ALL {
                    of_section(ui, theme, section);
                }
                ui.label(theme::strong("Within a control").color(theme.text));
                Grid::new("control keys").num_columns(2).min_col_width(keys_width(ui)).spacing([gap::XL, gap::S]).show(
                    ui,
                    |ui| {
                        for (keys, does) in CONTROLS {
                            row(ui, theme, keys, does);
                        }
                    },
                );
            },
        );
        ui.add_space(gap::M);
        ui.button("Close").clicked()
    });
    !(modal.inner || modal.should_close())
}

fn of_section(ui: &mut Ui, theme: &Theme, section: Section) {
    ui.label(theme::strong(section.name()).color(theme.text));
    Grid::new(section.name()).num_columns(2).min_col_width(keys_width(ui)).spacing([gap::XL, gap::S]).show(ui, |ui| {
        let entries = actions::table().iter().filter(|entry| entry.section == section);
        for entry in entries {
            let keys: Vec<String> =
                actions::keys::of(ui.ctx(), entry).iter().map(|keys| actions::keys::said(ui.ctx(), *keys)).collect();
            if keys.is_empty() {
                continue;
            }
            let place = match entry.pages {
                [] => String::new(),
                [page] => format!(" (on {})", page.name()),
                _ => " (on pages with rows)".to_owned(),
            };
            row(ui, theme, &keys.join(", "), &format!("{} – {}{place}", entry.label, entry.hint));
        }
    });
    ui.add_space(gap::M);
}

fn keys_width(ui: &Ui) -> f32 {
    KEYS.0.min(ui.available_width() * KEYS.1)
}

fn row(ui: &mut Ui, theme: &Theme, keys: &str, does: &str) {
    let width = keys_width(ui);
    ui.scope(|ui| {
        ui.set_max_width(width);
        ui.add(egui::Label::new(theme::mono(keys).color(theme.text)).wrap());
    });
    ui.add(egui::Label::new(RichText::new(does).color(theme.text_soft)).wrap());
    ui.end_row();
}
