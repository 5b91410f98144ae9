//! The last eight requests, one line each.
//!
//! Invariant: newest first; a refusal of ours is a row like any other.
//! Absent on purpose: filters and the why; a click leads there.

use std::sync::Arc;

use egui::Ui;

use crate::ui::cx::{Page, PageCx};
use crate::ui::request_rows;
use crate::ui::stored::reading;
use crate::ui::theme;
use crate::ui::widgets::{card, note, quiet_button};

/// Shows the newest eight.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx) {
    let (theme, snapshot) = (cx.theme, Arc::clone(cx.snapshot));
    card(ui, theme, |ui| {
        ui.horizontal(|ui| {
            ui.label(theme::strong("Last requests").color(theme.text));
            if quiet_button(ui, theme, "All requests").clicked() {
                cx.go(Page::Requests);
            }
        });
        if snapshot.records.is_empty() && snapshot.history.reading {
            reading(ui, cx, egui::Id::unique("last requests are read"), 4);
        } else if snapshot.records.is_empty() {
            note(ui, theme, "No request has finished yet.");
        }
        if let Some(target) = request_rows::show(ui, theme, snapshot.records.iter().rev().take(8)) {
            cx.open(target);
        }
    });
}
