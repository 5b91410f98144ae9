//! The sheet in which a profile is added.
//!
//! Invariant: nothing changes before the button is pressed; it says what becomes of clients.
//! Absent on purpose: the rules for names; the background has them and says what is wrong.

use egui::{Key, RichText};

use super::{Wish, sheet};
use crate::contract::ProfileCommand;
use crate::ui::keyless;
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::primary_button;

/// The sheet.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// The name as typed; `None`: it is closed.
    name: Option<String>,
    fresh: bool,
}

impl Sheet {
    /// Opens it, empty.
    pub(super) fn open(&mut self) {
        (self.name, self.fresh) = (Some(String::new()), true);
    }

    /// Shows it, if it is open; returns what was asked for.
    pub(super) fn show(&mut self, ctx: &egui::Context, theme: &Theme) -> Option<Wish> {
        let name = self.name.as_mut()?;
        let fresh = std::mem::take(&mut self.fresh);
        let (mut add, mut cancel) = (false, false);
        let modal = sheet(ctx, "new profile").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(460.0));
            ui.label(theme::title("New profile").color(theme.text));
            ui.label("A configuration, keys and a history of its own. It serves at once, and begins without routes.");
            ui.add_space(gap::S);
            let label = ui.label(RichText::new("Name").color(theme.text_soft));
            let field = keyless::edit(ui, theme, ("Name of the profile", label.id), "Work", name);
            if fresh {
                field.response.request_focus();
            }
            let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            ui.add_space(gap::M);
            ui.horizontal_wrapped(|ui| {
                let ready = !name.trim().is_empty();
                let pressed = ui.add_enabled_ui(ready, |ui| primary_button(ui, theme, "Add and serve")).inner.clicked();
                add = ready && (pressed || entered);
                cancel = ui.button("Cancel").clicked();
            });
        });
        let wish = add.then(|| Wish::Profile(ProfileCommand::Add(name.trim().to_owned())));
        if wish.is_some() || cancel || modal.should_close() {
            self.name = None;
        }
        wish
    }
}
