//! One table of actions: label, hint and keys. Keys, tooltips, buttons, the palette and the help read it.
//!
//! Invariant: no shortcut of the console is stated anywhere else; what a focused control does with arrows is its own.
//! Absent on purpose: what an action does; the shell does it, or the page it belongs to.

mod allowed;
pub mod keys;
mod table;

pub use allowed::{Circumstances, obstacle};

use std::sync::LazyLock;

use egui::{Key, KeyboardShortcut};

use super::cx::Page;
use crate::model::preferences::Reach;
use crate::model::script::Script;

/// What the person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Show a page.
    Go(Page),
    /// Go where the person was before.
    Back,
    /// Go where the person came back from.
    Forward,
    /// Open the command palette.
    Palette,
    /// Say what the words mean.
    Help,
    /// Show every shortcut.
    Shortcuts,
    /// Put the keyboard into the page's filter.
    Filter,
    /// Move the keyboard to the next pane.
    NextPane,
    /// Open or close the inspector.
    Inspector,
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
    /// Hold what pages show of traffic, or let go.
    HoldView,
    /// Show what was applied before.
    Revisions,
    /// Let plots reach that far back.
    Reach(Reach),
    /// Open the sheet for another profile.
    NewProfile,
    /// Show the configuration's folder.
    OpenFolder,
    /// Copy the base URL for clients.
    CopyBaseUrl,
    /// Copy a link to what is shown.
    CopyLink,
    /// Light or dark.
    ToggleTheme,
    /// Answer every request with a clear 503.
    PauseServing,
    /// Serve again.
    ResumeServing,
    /// Listen on the configured port again.
    RetryPort,
    /// Read the configuration file again.
    ReloadFile,
    /// Swap the profile for the demo's.
    EnterDemo,
    /// Leave the demo.
    LeaveDemo,
    /// Play a script of the demo.
    Play(Script),
    /// Stop the demo's script.
    StopScript,
    /// Pause the selected endpoint, or resume it.
    PauseEndpoint,
    /// Drain the selected endpoint.
    DrainEndpoint,
    /// Test the key of the selected endpoint or account.
    TestKey,
    /// Open the form for an account or a route, whichever the page has.
    New,
    /// Open the field for another key of the selected account.
    ReplaceKey,
    /// Say why the selected request went where it went.
    Why,
    /// Select the next row.
    NextRow,
    /// Select the row before.
    PreviousRow,
    /// Select the oldest row.
    OldestRow,
    /// Select the newest row and follow.
    NewestRow,
    /// Pick the next row, too.
    ExtendDown,
    /// Pick the row before, too.
    ExtendUp,
    /// Copy the selected request as cURL.
    CopyCurl,
    /// Copy all that is kept of the selected request.
    CopyBoth,
    /// Mark what is selected.
    MarkRow,
    /// Use a saved filter, from 1.
    SavedFilter(usize),
    /// Close the window.
    CloseWindow,
    /// Stop serving and leave.
    Quit,
}

/// Under which heading of the help an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Pages, and the ways between them.
    Places,
    /// The draft.
    Editing,
    /// What is selected.
    Selection,
    /// Serving and the demo.
    Serving,
    /// The window itself.
    Window,
}

impl Section {
    /// Every section, in order.
    pub const ALL: [Self; 5] = [Self::Places, Self::Editing, Self::Selection, Self::Serving, Self::Window];

    /// Its heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Places => "Getting around",
            Self::Editing => "Changing the configuration",
            Self::Selection => "What is selected",
            Self::Serving => "Serving",
            Self::Window => "The window",
        }
    }
}

/// An action with its words and keys.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is.
    pub action: Action,
    /// Under which heading of the help.
    pub section: Section,
    /// On a button.
    pub label: &'static str,
    /// In a tooltip.
    pub hint: &'static str,
    /// Any of these triggers it. Those with more modifiers stand first in the table, as egui ignores additional ones.
    pub keys: &'static [KeyboardShortcut],
    /// Whether a focused text field gets the keys instead; those that type text it gets anyway.
    pub yields_to_text: bool,
    /// The pages that do it; elsewhere its keys mean nothing. None: the shell does it.
    pub pages: &'static [Page],
}

static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(table::all);

/// Every action.
#[must_use]
pub fn table() -> &'static [Entry] {
    &TABLE
}

/// The entry of an action.
#[must_use]
pub fn entry(action: Action) -> Option<&'static Entry> {
    table().iter().find(|entry| entry.action == action)
}

impl Entry {
    /// Its name in the file of preferences.
    #[must_use]
    pub fn slug(&self) -> String {
        self.label.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
    }
}

/// The keys of an action as text, for example `Ctrl+Shift+C`; `None`: it has none.
#[must_use]
pub fn keys(ctx: &egui::Context, action: Action) -> Option<String> {
    keys::of(ctx, entry(action)?).first().map(|keys| keys::said(ctx, *keys))
}

/// The tooltip of an action: its hint and its first keys.
#[must_use]
pub fn tooltip(ctx: &egui::Context, action: Action) -> String {
    let Some(entry) = entry(action) else { return String::new() };
    match keys(ctx, action) {
        Some(keys) => format!("{} ({keys})", entry.hint),
        None => entry.hint.to_owned(),
    }
}

/// Actions whose keys were pressed in this frame, of those that `page` or the shell does. The keys are consumed.
#[must_use]
pub fn pressed(ctx: &egui::Context, page: Page) -> Vec<Action> {
    if keys::are_taken(ctx) {
        return Vec::new();
    }
    let typing = ctx.text_edit_focused();
    let here = table().iter().filter(|entry| entry.pages.is_empty() || entry.pages.contains(&page));
    let mut bound: Vec<(&Entry, KeyboardShortcut)> =
        here.flat_map(|entry| keys::of(ctx, entry).into_iter().map(move |keys| (entry, keys))).collect();
    // egui ignores additional modifiers, so those with more go first, whatever the person chose.
    bound.sort_by_key(|(_, keys)| std::cmp::Reverse(held(keys.modifiers)));
    // Space presses, lifts or ticks what has the keyboard, but means nothing to a pane or a table's stop.
    let focused = ctx.memory(egui::Memory::focused);
    let pressing = focused.is_some_and(|id| ctx.read_response(id).is_none_or(|one| one.sense.interactive()));
    let ours = |entry: &Entry, keys: KeyboardShortcut| {
        let typed = typing && (entry.yields_to_text || types_text(keys));
        let pressed = pressing && keys.logical_key == Key::Space;
        !(typed || pressed)
    };
    let mut pressed: Vec<Action> = Vec::new();
    ctx.input_mut(|input| {
        for (entry, keys) in bound {
            if ours(entry, keys) && input.consume_shortcut(&keys) && !pressed.contains(&entry.action) {
                pressed.push(entry.action);
            }
        }
    });
    pressed
}

/// How many modifiers are to be held.
fn held(modifiers: egui::Modifiers) -> usize {
    [modifiers.alt, modifiers.shift, modifiers.command || modifiers.ctrl].into_iter().filter(|held| *held).count()
}

/// Whether a text field would take the keys as text.
fn types_text(keys: KeyboardShortcut) -> bool {
    let function = (Key::F1..=Key::F35).contains(&keys.logical_key);
    !function && !keys.modifiers.command && !keys.modifiers.ctrl && !keys.modifiers.alt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_keys() {
        let keys: Vec<_> = table().iter().flat_map(|entry| entry.keys).collect();
        for (place, one) in keys.iter().enumerate() {
            assert!(!keys[place + 1..].contains(one), "{one:?} stands twice");
        }
    }

    #[test]
    fn keys_with_more_modifiers_stand_before_those_they_contain() {
        let keys: Vec<_> = table().iter().flat_map(|entry| entry.keys).collect();
        for (place, one) in keys.iter().enumerate() {
            for later in &keys[place + 1..] {
                let swallowed = later.logical_key == one.logical_key
                    && later.modifiers.contains(one.modifiers)
                    && later.modifiers.command == one.modifiers.command
                    && later.modifiers.ctrl == one.modifiers.ctrl;
                assert!(!swallowed, "{one:?} would swallow {later:?}");
            }
        }
    }

    #[test]
    fn every_page_can_be_reached_by_keys() {
        for page in Page::ALL {
            assert!(entry(Action::Go(page)).is_some_and(|entry| !entry.keys.is_empty()), "{page:?}");
        }
    }

    #[test]
    fn no_two_actions_share_a_label() {
        for (place, one) in table().iter().enumerate() {
            assert!(table()[place + 1..].iter().all(|other| other.label != one.label), "{} stands twice", one.label);
        }
    }
}
