//! The rows of the table of actions.
//!
//! Invariant: keys with more modifiers stand before those they contain.
//! Absent on purpose: the order of the help and the palette; both sort by section or match.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::{Action, Entry, Section};
use crate::model::preferences::Reach;
use crate::model::script::Script;
use crate::ui::cx::Page;

const SHIFTED: Modifiers = Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn shifted(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(SHIFTED, key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

/// Ctrl with the number of a page. Ctrl+0 is the text size.
const DIGITS: [KeyboardShortcut; 9] = [
    command(Key::Num1),
    command(Key::Num2),
    command(Key::Num3),
    command(Key::Num4),
    command(Key::Num5),
    command(Key::Num6),
    command(Key::Num7),
    command(Key::Num8),
    command(Key::Num9),
];

/// The usual key of settings.
const COMMA: &[KeyboardShortcut] = &[command(Key::Comma)];

/// Pages with rows that can be in hand.
pub(super) const ROWS: &[Page] =
    &[Page::Requests, Page::Endpoints, Page::Routing, Page::Quotas, Page::Queue, Page::Accounts];

/// Pages first, in their order, then the rest.
pub(super) fn all() -> Vec<Entry> {
    let pages = Page::ALL.iter().enumerate().map(|(place, page)| of_page(*page, place));
    pages.chain([PLACES, EDITING, SELECTION, SERVING, WINDOW].concat()).chain(saved_filters()).collect()
}

/// Alt with the number of a saved filter.
const ALT_DIGITS: [KeyboardShortcut; 9] = [
    alt(Key::Num1),
    alt(Key::Num2),
    alt(Key::Num3),
    alt(Key::Num4),
    alt(Key::Num5),
    alt(Key::Num6),
    alt(Key::Num7),
    alt(Key::Num8),
    alt(Key::Num9),
];
const SAVED: [&str; 9] = [
    "Saved filter 1",
    "Saved filter 2",
    "Saved filter 3",
    "Saved filter 4",
    "Saved filter 5",
    "Saved filter 6",
    "Saved filter 7",
    "Saved filter 8",
    "Saved filter 9",
];

fn saved_filters() -> impl Iterator<Item = Entry> {
    let rows = SAVED.into_iter().zip(ALT_DIGITS.chunks(1)).enumerate();
    rows.map(|(place, (label, keys))| {
        selected(Action::SavedFilter(place + 1), label, "Use this filter of the Requests page")
            .keys(keys)
            .by(&[Page::Requests])
    })
}

fn of_page(page: Page, place: usize) -> Entry {
    let keys = match page {
        Page::Settings => COMMA,
        _ => DIGITS.get(place..=place).unwrap_or_default(),
    };
    entry(Section::Places, Action::Go(page), page.name(), page.question()).keys(keys)
}

const fn entry(section: Section, action: Action, label: &'static str, hint: &'static str) -> Entry {
    Entry { action, section, label, hint, keys: &[], yields_to_text: false, pages: &[] }
}

const fn place(action: Action, label: &'static str, hint: &'static str) -> Entry {
    entry(Section::Places, action, label, hint)
}

const fn edit(action: Action, label: &'static str, hint: &'static str) -> Entry {
    entry(Section::Editing, action, label, hint)
}

const fn selected(action: Action, label: &'static str, hint: &'static str) -> Entry {
    entry(Section::Selection, action, label, hint)
}

const fn serving(action: Action, label: &'static str, hint: &'static str) -> Entry {
    entry(Section::Serving, action, label, hint)
}

const fn script(script: Script, label: &'static str) -> Entry {
    serving(Action::Play(script), label, script.promise())
}

const fn window(action: Action, label: &'static str, hint: &'static str) -> Entry {
    entry(Section::Window, action, label, hint)
}

impl Entry {
    const fn keys(self, keys: &'static [KeyboardShortcut]) -> Self {
        Self { keys, ..self }
    }

    /// A focused text field gets the keys first.
    const fn after_text(self) -> Self {
        Self { yields_to_text: true, ..self }
    }

    /// These pages do it; the keys are taken only while one of them is shown.
    const fn by(self, pages: &'static [Page]) -> Self {
        Self { pages, ..self }
    }
}

const PLACES: &[Entry] = &[
    place(Action::Palette, "Search everything", "Find a command, a page, an endpoint or a request")
        .keys(&[command(Key::K), command(Key::P)]),
    place(Action::Back, "Back", "Go where you were before").keys(&[alt(Key::ArrowLeft)]).after_text(),
    place(Action::Forward, "Forward", "Go where you came back from").keys(&[alt(Key::ArrowRight)]).after_text(),
    place(Action::Filter, "Filter this page", "Put the keyboard into the page's filter")
        .keys(&[command(Key::F), plain(Key::Slash)]),
    place(Action::NextPane, "Next pane", "Move the keyboard between the bar, the navigation and the page")
        .keys(&[plain(Key::F6)]),
    place(Action::Inspector, "Inspector", "Open or close the details of what is selected").keys(&[plain(Key::F4)]),
    place(Action::CopyLink, "Copy link", "Copy a link to what is shown, for the palette or a terminal"),
];

const EDITING: &[Entry] = &[
    edit(Action::Redo, "Redo", "Do again what was undone").keys(&[shifted(Key::Z), command(Key::Y)]).after_text(),
    edit(Action::Undo, "Undo", "Take the newest edit back").keys(&[command(Key::Z)]).after_text(),
    edit(Action::Review, "Review", "See the changes as sentences, then apply them").keys(&[command(Key::Enter)]),
    edit(Action::Discard, "Discard", "Go back to what runs; can be undone")
        .keys(&[command(Key::Backspace)])
        .after_text(),
    edit(Action::Revisions, "Revisions", "What was applied, when and by whom; go back as a draft"),
    edit(Action::HoldView, "Pause the view", "Hold what pages show of traffic, which goes on; again to resume")
        .keys(&[plain(Key::Space)]),
    edit(Action::Reach(Reach::Live), "Plots of 15 min", "Let every plot show the last 15 minutes, second by second"),
    edit(Action::Reach(Reach::SixHours), "Plots of 6 hours", "Let every plot show the last 6 hours"),
    edit(Action::Reach(Reach::SevenDays), "Plots of 7 days", "Let every plot show the last 7 days"),
    edit(Action::LiveTuning, "Live tuning", "Edits run as soon as you pause, and go back unless you keep them")
        .keys(&[plain(Key::L)]),
    edit(Action::ReloadFile, "Reload the configuration file", "Read it again and apply it"),
];

const SELECTION: &[Entry] = &[
    selected(Action::NewestRow, "Newest row", "Select the newest or last row; on Requests, follow")
        .keys(&[KeyboardShortcut::new(Modifiers::SHIFT, Key::G)])
        .by(ROWS),
    selected(Action::ExtendDown, "Pick the next row, too", "Extend what is picked downwards")
        .keys(&[KeyboardShortcut::new(Modifiers::SHIFT, Key::J)])
        .by(&[Page::Requests]),
    selected(Action::ExtendUp, "Pick the previous row, too", "Extend what is picked upwards")
        .keys(&[KeyboardShortcut::new(Modifiers::SHIFT, Key::K)])
        .by(&[Page::Requests]),
    selected(Action::CopyBoth, "Copy the request whole", "Copy all that is kept of the selected request")
        .keys(&[KeyboardShortcut::new(Modifiers::SHIFT, Key::C)])
        .by(&[Page::Requests]),
    selected(Action::CopyCurl, "Copy as cURL", "Copy the selected request as a command")
        .keys(&[plain(Key::C)])
        .by(&[Page::Requests]),
    selected(Action::MarkRow, "Mark the row", "Mark what is selected, or take the mark off")
        .keys(&[plain(Key::M)])
        .by(&[Page::Requests]),
    selected(Action::OldestRow, "Oldest row", "Select the oldest or first row").keys(&[plain(Key::G)]).by(ROWS),
    selected(Action::NextRow, "Next row", "Select the row below").keys(&[plain(Key::J)]).by(ROWS),
    selected(Action::PreviousRow, "Previous row", "Select the row above").keys(&[plain(Key::K)]).by(ROWS),
    selected(Action::Why, "Why", "Say why the selected request went where it went")
        .keys(&[plain(Key::W)])
        .by(&[Page::Requests]),
    selected(Action::PauseEndpoint, "Pause or resume the endpoint", "Takes effect at once; can be undone")
        .keys(&[plain(Key::P)]),
    selected(Action::DrainEndpoint, "Drain the endpoint", "It finishes what it runs and gets nothing new")
        .keys(&[plain(Key::D)]),
    selected(Action::TestKey, "Test the key", "Ask the service whether it accepts the key of what is selected")
        .keys(&[plain(Key::T)]),
    selected(Action::New, "New endpoint, account or route", "Paste a key or an address; on Routing, name a model")
        .keys(&[command(Key::N)])
        .by(&[Page::Accounts, Page::Routing, Page::Endpoints]),
    selected(Action::ReplaceKey, "Replace the key", "Paste another key for the account of what is selected")
        .by(&[Page::Accounts]),
];

const SERVING: &[Entry] = &[
    serving(Action::CopyBaseUrl, "Copy base URL", "Copy the address that clients use").keys(&[shifted(Key::C)]),
    serving(Action::PauseServing, "Pause serving", "Answer every request with a clear 503 until resumed"),
    serving(Action::ResumeServing, "Resume serving", "Serve requests again"),
    serving(Action::NewProfile, "New profile", "Add a configuration with keys and a history of its own"),
    serving(Action::OpenFolder, "Open the folder", "Show where the configuration of this profile is"),
    serving(Action::RetryPort, "Retry the port", "Listen on the configured port, if it is free again"),
    serving(Action::EnterDemo, "Try simulated endpoints", "No key, and nothing leaves this computer"),
    serving(Action::LeaveDemo, "Leave the demo", "Remove the simulated endpoints and their history"),
    script(Script::Calm, "Play Calm"),
    script(Script::RushHour, "Play Rush hour"),
    script(Script::RegionOutage, "Play Region outage"),
    script(Script::KeyRevoked, "Play Key revoked"),
    script(Script::NoisyNeighbour, "Play Noisy neighbour"),
    serving(Action::StopScript, "Stop the script", "Stop the simulated traffic"),
];

const WINDOW: &[Entry] = &[
    window(Action::Help, "Help", "What the words mean, and every shortcut").keys(&[plain(Key::F1)]),
    window(Action::Shortcuts, "Keyboard shortcuts", "Show every shortcut").keys(&[plain(Key::Questionmark)]),
    window(Action::ToggleTheme, "Theme", "Switch between light and dark"),
    window(Action::CloseWindow, "Close the window", "Serving goes on if you want it to").keys(&[command(Key::W)]),
    window(Action::Quit, "Quit", "Stop serving and leave").keys(&[command(Key::Q)]),
];
