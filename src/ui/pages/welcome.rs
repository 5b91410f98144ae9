//! The welcome sheet of the first run.
//!
//! Invariant: shown only while the snapshot says that this is the first run and the person has not chosen.
//! Absent on purpose: the steps that follow a choice; they are pages.

use crate::ui::cx::PageCx;

/// This sheet's view state.
#[derive(Debug, Default)]
pub struct State {
    /// The person made a choice or closed the sheet.
    pub dismissed: bool,
}

/// Shows the sheet if it is wanted.
pub fn show(_ui: &mut egui::Ui, _cx: &mut PageCx, _state: &mut State) {}
