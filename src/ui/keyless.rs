//! A text field for names, addresses, filters and searches that refuses keys.
//!
//! Invariant: a pasted key is stopped before the field sees it, so it is in no text, undo step or accessible value.
//! Absent on purpose: the one field that takes a key; it is the Accounts page's own.

use egui::{Event, Id, RichText, TextEdit, Ui};

use super::key_shape::KeyShape;
use super::theme::{Theme, Tone};
use super::widgets::outlined;

/// What happened in the field this frame.
pub struct Field {
    /// The field itself.
    pub response: egui::Response,
    /// The person wants to take the key to Accounts instead.
    pub to_accounts: bool,
}

/// Shows a labelled single-line field over `text`.
pub fn labelled(ui: &mut Ui, theme: &Theme, label: &str, hint: &str, text: &mut String) -> Field {
    ui.vertical(|ui| {
        let name = ui.label(RichText::new(label).color(theme.text_soft));
        edit(ui, theme, (label, name.id), hint, text)
    })
    .inner
}

/// Shows the field alone; `label` is its name, unique on its page, and the id of the widget that says it.
pub fn edit(ui: &mut Ui, theme: &Theme, label: (&str, Id), hint: &str, text: &mut String) -> Field {
    // Not derived from the label's own id, which changes with what stands before it.
    let id = ui.make_persistent_id(("keyless", label.0));
    let width = ui.available_width().min(420.0);
    guarded(ui, theme, id, text, |ui, text| {
        let field = TextEdit::singleline(text).id(id).hint_text(hint).desired_width(width);
        outlined(ui, |ui| ui.add(field)).labelled_by(label.1)
    })
}

/// Shows a field of another look, which must have this id, and says below it when a key was refused.
pub fn guarded(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    text: &mut String,
    field: impl FnOnce(&mut Ui, &mut String) -> egui::Response,
) -> Field {
    let mut refused = ui.memory(|memory| memory.has_focus(id)) && drop_pasted_keys(ui);
    let response = field(ui, text);
    if KeyShape::within(text).is_some() {
        text.clear();
        forget(ui.ctx(), id);
        refused = true;
    }
    let to_accounts = warning(ui, theme, id, refused, response.changed());
    Field { response, to_accounts }
}

/// Forgets what a field's own undo remembers.
pub fn forget(ctx: &egui::Context, id: Id) {
    if let Some(mut state) = TextEdit::load_state(ctx, id) {
        state.clear_undoer();
        TextEdit::store_state(ctx, id, state);
    }
}

fn drop_pasted_keys(ui: &Ui) -> bool {
    let is_key = |event: &Event| matches!(event, Event::Paste(text) if KeyShape::within(text).is_some());
    ui.input_mut(|input| {
        let before = input.events.len();
        input.events.retain(|event| !is_key(event));
        input.events.len() != before
    })
}

/// Says that a key was refused, until the field changes. True if the person follows the offer.
fn warning(ui: &mut Ui, theme: &Theme, id: Id, refused: bool, changed: bool) -> bool {
    let shown = refused || (!changed && ui.data(|data| data.get_temp::<bool>(id).unwrap_or_default()));
    ui.data_mut(|data| data.insert_temp(id, shown));
    shown
        && ui
            .horizontal_wrapped(|ui| {
                ui.label(RichText::new("That looks like a key.").color(theme.tone(Tone::Error)));
                ui.link("Move it to Accounts?").clicked()
            })
            .inner
}
