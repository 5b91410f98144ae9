//! The copy that a paste leaves behind: once a key was saved, an offer to empty the clipboard.
//!
//! Invariant: nothing is emptied unasked; the clipboard is never read.
//! Absent on purpose: whether the key is still there; that could only be known by reading it.

use egui::{RichText, Ui};

use crate::ui::theme::Theme;

/// Shows the offer; true once it is answered.
pub(super) fn offer(ui: &mut Ui, theme: &Theme) -> bool {
    ui.horizontal_wrapped(|ui| {
        let text = "The key may still be on your clipboard, where other programs can read it.";
        ui.label(RichText::new(text).color(theme.text_soft));
        let clear = ui.button("Clear the clipboard").on_hover_text("Whatever is on it now").clicked();
        if clear {
            ui.ctx().copy_text(String::new());
        }
        clear || ui.button("Leave it").clicked()
    })
    .inner
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    use super::*;

    #[test]
    fn the_clipboard_is_emptied_when_asked_and_left_alone_otherwise() {
        for (button, copied) in [("Clear the clipboard", vec![String::new()]), ("Leave it", vec![])] {
            let answered = Rc::new(Cell::new(false));
            let seen = Rc::clone(&answered);
            let mut harness = Harness::builder().with_context_setup(crate::ui::theme::install).build_ui(move |ui| {
                seen.set(seen.get() | offer(ui, Theme::of(ui.ctx())));
            });
            harness.get_by_label(button).click();
            let mut told = Vec::new();
            for _ in 0..4 {
                harness.step();
                told.extend(harness.output().platform_output.commands.iter().filter_map(|command| match command {
                    egui::OutputCommand::CopyText(text) => Some(text.clone()),
                    _ => None,
                }));
            }
            assert!(answered.get(), "{button}");
            assert_eq!(told, copied, "{button}");
        }
    }
}
