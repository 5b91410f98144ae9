//! Keys as text, the keys that the person chose instead of the usual ones, and taking new ones in.
//!
//! Invariant: an action's keys are those the person chose, else those of the table; text that is no key is left out.
//! Absent on purpose: where they are kept (`preferences`), and the page that changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::{Event, Id, Key, KeyboardShortcut, Modifiers};

use super::{Entry, table};
use crate::model::preferences::Preferences;

/// What egui does itself with these: text size, leaving a field, going on to the next control.
const TAKEN: [Key; 5] = [Key::Escape, Key::Tab, Key::Plus, Key::Minus, Key::Num0];

/// Keys that were chosen, by action.
type Chosen = Arc<BTreeMap<String, Vec<KeyboardShortcut>>>;

fn chosen_id() -> Id {
    Id::unique("chosen keys")
}

fn taking_id() -> Id {
    Id::unique("keys are taken in")
}

/// Puts the keys that the person chose into effect.
pub fn adapt(ctx: &egui::Context, preferences: &Preferences) {
    let read_all = |keys: &Vec<String>| keys.iter().filter_map(|keys| read(keys)).collect::<Vec<_>>();
    let chosen: Chosen =
        Arc::new(preferences.shortcuts.iter().map(|(slug, keys)| (slug.clone(), read_all(keys))).collect());
    ctx.data_mut(|data| data.insert_temp(chosen_id(), chosen));
}

/// The keys of an action, as they are now.
#[must_use]
pub fn of(ctx: &egui::Context, entry: &Entry) -> Vec<KeyboardShortcut> {
    let chosen: Option<Chosen> = ctx.data(|data| data.get_temp(chosen_id()));
    let own = chosen.and_then(|chosen| chosen.get(&entry.slug()).cloned());
    own.unwrap_or_else(|| entry.keys.to_vec())
}

/// As it is shown: `Ctrl+Shift+Z`, with signs by their sign.
#[must_use]
pub fn said(ctx: &egui::Context, keys: KeyboardShortcut) -> String {
    let name = ctx.format_shortcut(&keys);
    let sign = keys.logical_key.symbol_or_name();
    let held = name.strip_suffix(keys.logical_key.name());
    // Our fonts have no arrows of keyboards.
    held.filter(|_| sign.is_ascii()).map_or_else(|| name.clone(), |held| format!("{held}{sign}"))
}

/// As it is kept: `Ctrl+Shift+Z`, the same on every system.
#[must_use]
pub fn write(keys: KeyboardShortcut) -> String {
    let Modifiers { alt, shift, command, ctrl, mac_cmd } = keys.modifiers;
    let held = [(command || ctrl || mac_cmd, "Ctrl"), (alt, "Alt"), (shift, "Shift")];
    let held = held.into_iter().filter(|(held, _)| *held).map(|(_, name)| name);
    held.chain([keys.logical_key.name()]).collect::<Vec<_>>().join("+")
}

/// Keys as they are kept; `None`: it names no key.
#[must_use]
pub fn read(text: &str) -> Option<KeyboardShortcut> {
    let (held, key) = text.rsplit_once('+').unwrap_or(("", text));
    let mut modifiers = Modifiers::NONE;
    for name in held.split('+').filter(|name| !name.is_empty()) {
        match name {
            "Ctrl" => modifiers.command = true,
            "Alt" => modifiers.alt = true,
            "Shift" => modifiers.shift = true,
            _ => return None,
        }
    }
    Key::from_name(key).map(|key| KeyboardShortcut::new(modifiers, key))
}

/// What came while new keys were waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// These.
    Keys(KeyboardShortcut),
    /// Keys that belong to moving about, leaving or the text size.
    Reserved,
    /// The person gave it up.
    Cancelled,
}

/// Waits for new keys in this frame: whatever is pressed is taken in and does nothing else.
#[must_use]
pub fn take(ctx: &egui::Context) -> Option<Taken> {
    ctx.data_mut(|data| data.insert_temp(taking_id(), true));
    ctx.input_mut(|input| {
        let place = input.events.iter().position(|event| matches!(event, Event::Key { pressed: true, .. }))?;
        match input.events.remove(place) {
            Event::Key { key: Key::Escape, .. } => Some(Taken::Cancelled),
            Event::Key { key, .. } if TAKEN.contains(&key) => Some(Taken::Reserved),
            Event::Key { key, modifiers, .. } => {
                let Modifiers { alt, shift, command, ctrl, .. } = modifiers;
                let held = Modifiers { alt, shift, command: command || ctrl, ..Modifiers::NONE };
                Some(Taken::Keys(KeyboardShortcut::new(held, key)))
            }
            _ => None,
        }
    })
}

/// Whether keys are being taken in, so that none does what it usually does. Asked once a frame.
pub(super) fn are_taken(ctx: &egui::Context) -> bool {
    ctx.data_mut(|data| data.remove_temp::<bool>(taking_id())).unwrap_or_default()
}

/// The action that these keys already belong to, on a page that both are used on.
#[must_use]
pub fn conflict(ctx: &egui::Context, entry: &Entry, keys: KeyboardShortcut) -> Option<&'static Entry> {
    let shared = |other: &Entry| other.pages.iter().any(|page| entry.pages.contains(page));
    let both = |other: &Entry| other.pages.is_empty() || entry.pages.is_empty() || shared(other);
    let same = |other: &KeyboardShortcut| write(*other) == write(keys);
    let others = table().iter().filter(|other| other.action != entry.action && both(other));
    others.into_iter().find(|other| of(ctx, other).iter().any(same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::actions::{Action, entry};
    use crate::ui::cx::Page;

    #[test]
    fn every_key_of_the_table_reads_back_as_it_was_written() {
        for keys in table().iter().flat_map(|entry| entry.keys) {
            let text = write(*keys);
            assert_eq!(read(&text).map(write), Some(text.clone()), "{text}");
        }
        assert_eq!(read("Ctrl+"), None);
        assert_eq!(read("Hyper+A"), None);
    }

    #[test]
    fn chosen_keys_take_the_place_of_the_usual_ones_and_no_keys_is_a_choice_too() {
        let ctx = egui::Context::default();
        let help = entry(Action::Help).expect("it is in the table");
        let liked = |keys: &[&str]| Preferences {
            shortcuts: [(help.slug(), keys.iter().map(|keys| (*keys).to_owned()).collect())].into(),
            ..Preferences::default()
        };
        adapt(&ctx, &liked(&["Ctrl+H", "nonsense"]));
        assert_eq!(of(&ctx, help).into_iter().map(write).collect::<Vec<_>>(), ["Ctrl+H"]);
        adapt(&ctx, &liked(&[]));
        assert_eq!(of(&ctx, help), []);
        adapt(&ctx, &Preferences::default());
        assert_eq!(of(&ctx, help), help.keys);
    }

    #[test]
    fn keys_that_are_in_use_are_named_with_their_action_unless_the_pages_never_meet() {
        let ctx = egui::Context::default();
        let help = entry(Action::Help).expect("it is in the table");
        let keys = read("Ctrl+K").expect("a key");
        assert_eq!(conflict(&ctx, help, keys).map(|other| other.action), Some(Action::Palette));
        let quotas = entry(Action::Go(Page::Quotas)).expect("it is in the table");
        assert_eq!(conflict(&ctx, quotas, read("Ctrl+Shift+Q").expect("a key")).map(|other| other.action), None);
    }
}
