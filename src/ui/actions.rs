//! One table of actions: label, hint and keys. Keys, tooltips and buttons read it.
//!
//! Invariant: no shortcut of the shell is stated anywhere else.
//! Absent on purpose: what an action does; the shell does it.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::cx::Page;

/// What the person can do from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Show a page.
    Go(Page),
    /// Take the newest edit of the draft back.
    Undo,
    /// Do the edit that was taken back again.
    Redo,
    /// Open the review sheet, or apply when it is open.
    Review,
    /// Drop the draft's changes.
    Discard,
    /// Have edits run at once, until they are kept or go back.
    LiveTuning,
    /// Copy the base URL for clients.
    CopyBaseUrl,
    /// Light, dark, or as the system says.
    ToggleTheme,
}

/// An action with its words and keys.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is.
    pub action: Action,
    /// On a button.
    pub label: &'static str,
    /// In a tooltip.
    pub hint: &'static str,
    /// Any of these triggers it. Those with more modifiers stand first in the table, as egui ignores additional ones.
    pub keys: &'static [KeyboardShortcut],
    /// Whether a focused text field gets the keys instead.
    pub yields_to_text: bool,
}

const SHIFTED: Modifiers = Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn shifted(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(SHIFTED, key)
}

const fn page(page: Page, keys: &'static [KeyboardShortcut], hint: &'static str) -> Entry {
    Entry { action: Action::Go(page), label: page.name(), hint, keys, yields_to_text: false }
}

/// Every action.
pub const TABLE: &[Entry] = &[
    page(Page::Overview, &[command(Key::Num1)], "Is it fine, and if not, what to do"),
    page(Page::Endpoints, &[command(Key::Num2)], "How each endpoint is doing"),
    page(Page::Routing, &[command(Key::Num3)], "Who gets traffic first, and in what share"),
    page(Page::Quotas, &[command(Key::Num4)], "How the allowance is divided"),
    page(Page::Requests, &[command(Key::Num5)], "What happened to a request, and why"),
    page(Page::Usage, &[command(Key::Num6)], "Who used how many tokens, day by day"),
    page(Page::Accounts, &[command(Key::Num7)], "Accounts and their keys"),
    page(Page::Connect, &[command(Key::Num8)], "How to point a tool here"),
    Entry {
        action: Action::Redo,
        label: "Redo",
        hint: "Do again what was undone",
        keys: &[shifted(Key::Z), command(Key::Y)],
        yields_to_text: true,
    },
    Entry {
        action: Action::Undo,
        label: "Undo",
        hint: "Take the newest edit back",
        keys: &[command(Key::Z)],
        yields_to_text: true,
    },
    Entry {
        action: Action::Review,
        label: "Review",
        hint: "See the changes as sentences, then apply them",
        keys: &[command(Key::Enter)],
        yields_to_text: false,
    },
    Entry {
        action: Action::Discard,
        label: "Discard",
        hint: "Go back to what runs; can be undone",
        keys: &[command(Key::Backspace)],
        yields_to_text: true,
    },
    Entry {
        action: Action::LiveTuning,
        label: "Live tuning",
        hint: "Edits run as soon as you pause, and go back unless you keep them",
        keys: &[KeyboardShortcut::new(Modifiers::NONE, Key::L)],
        yields_to_text: true,
    },
    Entry {
        action: Action::CopyBaseUrl,
        label: "Copy base URL",
        hint: "Copy the address that clients use",
        keys: &[shifted(Key::C)],
        yields_to_text: false,
    },
    Entry {
        action: Action::ToggleTheme,
        label: "Theme",
        hint: "Switch between light and dark",
        keys: &[],
        yields_to_text: false,
    },
];

/// The entry of an action.
#[must_use]
pub fn entry(action: Action) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.action == action)
}

/// The tooltip of an action: its hint and its first keys.
#[must_use]
pub fn tooltip(ctx: &egui::Context, action: Action) -> String {
    let Some(entry) = entry(action) else { return String::new() };
    match entry.keys.first() {
        Some(keys) => format!("{} ({})", entry.hint, ctx.format_shortcut(keys)),
        None => entry.hint.to_owned(),
    }
}

/// Actions whose keys were pressed in this frame. The keys are consumed.
#[must_use]
pub fn pressed(ctx: &egui::Context) -> Vec<Action> {
    let typing = ctx.text_edit_focused();
    let wanted = TABLE.iter().filter(|entry| !(typing && entry.yields_to_text));
    ctx.input_mut(|input| {
        wanted
            .filter(|entry| entry.keys.iter().any(|keys| input.consume_shortcut(keys)))
            .map(|entry| entry.action)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_keys() {
        let keys: Vec<_> = TABLE.iter().flat_map(|entry| entry.keys).collect();
        for (place, one) in keys.iter().enumerate() {
            assert!(!keys[place + 1..].contains(one), "{one:?} stands twice");
        }
    }

    #[test]
    fn every_page_can_be_reached_by_keys() {
        for page in Page::ALL {
            assert!(entry(Action::Go(page)).is_some_and(|entry| !entry.keys.is_empty()), "{page:?}");
        }
    }
}
