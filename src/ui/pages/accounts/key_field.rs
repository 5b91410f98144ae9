//! The one kind of field that takes a key: masked, wiped when taken.
//!
//! Invariant: the text is zeroed when it leaves the field or the page, and the field's own undo is cleared with it, also where
//! another field takes its place.
//! Absent on purpose: a way to show what was pasted.

use egui::{Id, RichText, TextEdit, Ui};
use zeroize::{Zeroize, Zeroizing};

use crate::model::config::Service;
use crate::model::secret::Secret;
use crate::ui::key_shape::KeyShape;
use crate::ui::keyless;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::outlined;

/// Longer than any key, so that typing never moves the text and leaves a copy behind.
const ROOM: usize = 4_096;

/// A masked field's text.
pub(super) struct KeyField {
    text: Zeroizing<String>,
    undo: Option<Undo>,
    /// It takes the keyboard when it is shown first: the person asked for it.
    wanted: bool,
    /// Enter was pressed in it in this frame.
    entered: bool,
    /// Something was pasted into it since it was emptied last, and may be on the clipboard still.
    pasted: bool,
}

impl Default for KeyField {
    fn default() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(ROOM)),
            undo: None,
            wanted: false,
            entered: false,
            pasted: false,
        }
    }
}

/// What the window remembers of a field under its id, which the next field there would show again; it is forgotten with this.
struct Undo {
    ctx: egui::Context,
    id: Id,
}

impl Drop for Undo {
    fn drop(&mut self) {
        keyless::forget(&self.ctx, self.id);
    }
}

impl std::fmt::Debug for KeyField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyField(..)")
    }
}

impl KeyField {
    /// A field that the person asked for: what is pasted next goes into it.
    pub(super) fn opened() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// Gives it the keyboard, whatever is in it.
    pub(super) const fn want(&mut self) {
        self.wanted = true;
    }

    /// Shows the field; warns if the key looks like another service's. Returns whether the text changed.
    pub(super) fn show(&mut self, ui: &mut Ui, theme: &Theme, name: &str, service: Option<Service>) -> bool {
        let label = ui.label(RichText::new(name).color(theme.text_soft));
        let width = ui.available_width().min(420.0);
        let id = ui.make_persistent_id(("key", name));
        let field =
            TextEdit::singleline(&mut *self.text).id(id).password(true).hint_text("Paste it here").desired_width(width);
        let response = outlined(ui, |ui| ui.add(field)).labelled_by(label.id);
        if self.undo.as_ref().is_none_or(|undo| undo.id != id) {
            self.undo = Some(Undo { ctx: ui.ctx().clone(), id });
        }
        if self.wanted {
            // In the frame of the click that opened it, that click would take the keyboard away again.
            self.wanted = ui.input(|input| input.pointer.any_click());
            response.request_focus();
            ui.ctx().request_repaint();
        }
        self.entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let is_paste = |event: &egui::Event| matches!(event, egui::Event::Paste(_));
        self.pasted |= response.changed() && ui.input(|input| input.events.iter().any(is_paste));
        let mismatch = service.and_then(|service| KeyShape::within(&self.text)?.mismatch(service));
        if let Some(warning) = mismatch {
            ui.label(RichText::new(warning).color(theme.tone(Tone::Near)));
        }
        response.changed()
    }

    /// Whether Enter was pressed in it in this frame.
    pub(super) const fn is_entered(&self) -> bool {
        self.entered
    }

    /// Whether something was pasted into it since it was emptied last.
    pub(super) const fn was_pasted(&self) -> bool {
        self.pasted
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Lets `read` look at the text, then wipes it.
    pub(super) fn read_out<T>(&mut self, read: impl FnOnce(&str) -> T) -> T {
        let found = read(&self.text);
        self.wipe();
        found
    }

    /// Takes the key out and wipes the field; `None` if there was none in it.
    pub(super) fn take(&mut self) -> Option<Secret> {
        self.read_out(Secret::from_pasted)
    }

    /// Zeroes the text and forgets the field's undo.
    pub(super) fn wipe(&mut self) {
        self.text.zeroize();
        self.undo = None;
        self.pasted = false;
    }
}

/// Said before a key is saved.
pub(super) fn promise(ui: &mut Ui, theme: &Theme) {
    let text = "You won't be able to read this key here again. Your provider's page can issue a new one.";
    ui.label(RichText::new(text).color(theme.text_soft));
}

#[cfg(test)]
#[path = "key_field_tests.rs"]
mod tests;
