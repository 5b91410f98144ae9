//! The keys of every action, to look up and to change.
//!
//! Invariant: two actions that can be meant at once never get the same keys; the table of actions stays the only list.
//! Absent on purpose: sequences of keys.

use egui::{Label, RichText, Ui};

use crate::ui::actions::{self, Action, Entry, Section, keys};
use crate::ui::cx::PageCx;
use crate::ui::theme::{gap, mono, strong};
use crate::ui::widgets::{note, quiet_button};

/// Width of an action's name.
const NAME: f32 = 210.0;

/// What is being changed.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Its next keys are waited for.
    taking: Option<Action>,
    /// Why the keys that came were not taken.
    refused: Option<String>,
}

/// Whether an action of this name or with this meaning exists, beside the setting's own words.
pub(super) fn finds(filter: &str) -> bool {
    !filter.trim().is_empty() && actions::table().iter().any(|entry| is_meant(entry, filter))
}

fn is_meant(entry: &Entry, filter: &str) -> bool {
    let text = format!("{} {}", entry.label, entry.hint).to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// Shows the actions that are looked for; all of them where none is.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, filter: &str) {
    take(ui, cx, state);
    ui.horizontal_wrapped(|ui| {
        if ui.button("Show every shortcut").clicked() {
            cx.act(Action::Shortcuts);
        }
        let usual = cx.preferences.shortcuts.is_empty();
        if super::usual(ui, cx, "Keys", usual, "the usual keys") {
            cx.preferences.shortcuts.clear();
        }
    });
    let narrowed = finds(filter);
    for section in Section::ALL {
        let of_section = actions::table().iter().filter(|entry| entry.section == section);
        let entries: Vec<&Entry> = of_section.filter(|entry| !narrowed || is_meant(entry, filter)).collect();
        if !entries.is_empty() {
            ui.add_space(gap::S);
            ui.label(strong(section.name()).color(cx.theme.text));
        }
        for entry in entries {
            row(ui, cx, state, entry);
        }
    }
}

/// Takes the keys that are waited for, unless they belong to something else.
fn take(ui: &Ui, cx: &mut PageCx, state: &mut State) {
    let Some(entry) = state.taking.and_then(actions::entry) else { return };
    match keys::take(ui.ctx()) {
        None => {}
        Some(keys::Taken::Cancelled) => *state = State::default(),
        Some(keys::Taken::Reserved) => {
            state.refused = Some("Those keys move about, leave, or change the text size. Press others.".to_owned());
        }
        Some(keys::Taken::Keys(new)) => give(ui, cx, state, entry, new),
    }
}

fn give(ui: &Ui, cx: &mut PageCx, state: &mut State, entry: &Entry, new: egui::KeyboardShortcut) {
    if let Some(other) = keys::conflict(ui.ctx(), entry, new) {
        let keys = keys::said(ui.ctx(), new);
        state.refused = Some(format!("{keys} is {} already. Press others, or change that one first.", other.label));
        return;
    }
    cx.preferences.shortcuts.insert(entry.slug(), vec![keys::write(new)]);
    *state = State::default();
}

fn row(ui: &mut Ui, cx: &mut PageCx, state: &mut State, entry: &Entry) {
    let theme = cx.theme;
    let taking = state.taking == Some(entry.action);
    ui.horizontal_wrapped(|ui| {
        let label = match entry.action {
            Action::Go(page) => format!("Go to {}", page.name()),
            _ => entry.label.to_owned(),
        };
        let name = RichText::new(label).color(theme.text);
        let left = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(egui::vec2(NAME, 22.0), left, |ui| {
            ui.set_min_width(NAME);
            ui.add(Label::new(name).truncate()).on_hover_text(entry.hint);
        });
        let now = keys::of(ui.ctx(), entry);
        let words: Vec<String> = now.iter().map(|keys| keys::said(ui.ctx(), *keys)).collect();
        let words = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        if taking {
            ui.label(RichText::new("Press the new keys; Esc keeps the old ones").color(theme.accent));
        } else {
            ui.label(mono(words).color(theme.text_soft));
            let change = quiet_button(ui, theme, "Change");
            named(ui, &change, &format!("Change the keys of {}", entry.label));
            if change.clicked() {
                *state = State { taking: Some(entry.action), refused: None };
                change.surrender_focus();
            }
            if !now.is_empty() {
                let none = quiet_button(ui, theme, "None");
                named(ui, &none, &format!("No keys for {}", entry.label));
                if none.clicked() {
                    cx.preferences.shortcuts.insert(entry.slug(), Vec::new());
                }
            }
            if cx.preferences.shortcuts.contains_key(&entry.slug()) {
                let back = quiet_button(ui, theme, "Back to usual");
                named(ui, &back, &format!("The usual keys of {}", entry.label));
                if back.clicked() {
                    cx.preferences.shortcuts.remove(&entry.slug());
                }
            }
        }
    });
    if taking && let Some(why) = &state.refused {
        note(ui, theme, why);
    }
}

fn named(ui: &Ui, button: &egui::Response, name: &str) {
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name));
}
