//! The Accounts page.
//!
//! Invariant: shows the snapshot it is given and nothing older.
//! Absent on purpose: other pages' view state.

pub mod intake;

use crate::ui::cx::PageCx;
use crate::ui::widgets;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State;

/// Shows the page.
pub fn show(ui: &mut egui::Ui, cx: &mut PageCx, _state: &mut State) {
    widgets::page_title(ui, cx.theme, "Accounts", "");
}
