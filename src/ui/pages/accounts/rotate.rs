//! From one key to the next: paste it, test it, switch, and for ten minutes the way back.
//!
//! Invariant: nothing here changes what is sent but *Switch* and *Switch back*; no key is shown at any step.
//! Absent on purpose: renewing a key at the provider. Its own page does that.

use egui::{RichText, Ui};

use super::State;
use super::key_field::{self, KeyField};
use crate::contract::snapshot::{AccountKey, KeyState, KeyTest};
use crate::contract::{Command, KeyCommand};
use crate::model::config::{Account, Service};
use crate::model::id::AccountId;
use crate::ui::cx::PageCx;
use crate::ui::format::clock_time;
use crate::ui::key_test;
use crate::ui::theme::{Tone, gap, strong};
use crate::ui::widgets::{self, note};

/// Whether the account's key is one that we keep, so that it can be rotated here.
pub(super) fn is_kept(key: Option<&AccountKey>) -> bool {
    matches!(key.map(|key| &key.state), Some(KeyState::InKeyring { .. } | KeyState::InMemory { .. }))
}

/// What stands beside the key in use, and what can be done with it.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account, key: &AccountKey) {
    stand_in(ui, cx, key);
    next(ui, cx, state, account, key);
    previous(ui, cx, account, key);
    if let Some((variable, set)) = &key.spares.second {
        let (tone, text) = if *set {
            (Tone::Quiet, format!("Second key from ${variable}: used once the current one is refused"))
        } else {
            (Tone::Error, format!("Second key: ${variable} is not set"))
        };
        widgets::status_label(ui, cx.theme, tone, &text);
    }
}

/// The current key was refused, and another one does its work.
fn stand_in(ui: &mut Ui, cx: &PageCx, key: &AccountKey) {
    let Some(since) = key.spares.stands_in_since else { return };
    let (other, step) = match &key.spares {
        spares if spares.second.is_some() => ("second key", "Renew the current one."),
        spares if spares.next.is_some() => ("next key", "Switch to keep it."),
        _ => ("key from before", "Switch back to keep it."),
    };
    let text = format!("The current key was refused at {}, so the {other} is used. {step}", clock_time(since));
    ui.horizontal_wrapped(|ui| {
        ui.label(Tone::Throttled.icon().rich_text().color(cx.theme.tone(Tone::Throttled)));
        ui.label(RichText::new(text).color(cx.theme.tone(Tone::Throttled)));
    });
}

fn next(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account, key: &AccountKey) {
    let Some(fingerprint) = &key.spares.next else { return };
    let id = &account.id;
    ui.add_space(gap::S);
    let text = format!("Next key · fingerprint {fingerprint} · not used yet");
    widgets::status_label(ui, cx.theme, Tone::Info, &text);
    let test = key.spares.next_test.as_ref();
    let testing = test.is_some_and(|test| test.finished_wall_ms.is_none());
    ui.horizontal_wrapped(|ui| {
        let word = if testing { "Testing the next key …" } else { "Test next key" };
        if named(ui, !testing, word, &format!("Test next key of {id}")) {
            cx.send(Command::Key(KeyCommand::TestNext(id.clone())));
        }
        let (switch, name, meaning) = if test.is_some_and(|test| !testing && !is_good(test)) {
            // A key that was refused is no step to be led to.
            let name = format!("Switch {id} to the next key although its test failed");
            (
                ui.button("Switch anyway"),
                name,
                "Its test failed, as is said below, and new requests would use it at once.",
            )
        } else {
            let meaning =
                "New requests use the next key at once, running ones finish. The current one is kept for 10 minutes.";
            (widgets::primary_button(ui, cx.theme, "Switch"), format!("Switch {id} to the next key"), meaning)
        };
        ui.ctx().accesskit_node_builder(switch.id, |node| node.set_label(name));
        if is_one_step_left(ui, state, id, key) {
            // It has the keyboard, so that Enter takes it.
            switch.request_focus();
        }
        if switch.on_hover_text(meaning).clicked() {
            cx.send(Command::Key(KeyCommand::Switch(id.clone())));
        }
        if named(ui, true, "Forget next key", &format!("Forget next key of {id}")) {
            cx.send(Command::Key(KeyCommand::RemoveNext(id.clone())));
        }
    });
    if let Some(test) = test {
        key_test::lines(ui, cx.theme, "The next key", test, cx.snapshot.wall_ms);
    }
}

/// Whether the key that was pasted last is good by now and nothing else was done meanwhile; told once.
fn is_one_step_left(ui: &Ui, state: &mut State, id: &AccountId, key: &AccountKey) -> bool {
    let Some((_, before)) = state.to_switch.as_ref().filter(|(account, _)| account == id) else { return false };
    let else_done = ui.input(|input| {
        let keys = input.keys_down.iter().any(|key| *key != egui::Key::Enter);
        keys || input.pointer.any_pressed()
    });
    // Until the next one comes, the test is that of the one before.
    let test = key.spares.next_test.as_ref().filter(|test| test.finished_wall_ms.is_some());
    let over = test.filter(|_| key.spares.next != *before);
    if else_done || over.is_some() {
        state.to_switch = None;
    }
    !else_done && over.is_some_and(is_good) && ui.memory(|memory| memory.focused().is_none())
}

fn previous(ui: &mut Ui, cx: &mut PageCx, account: &Account, key: &AccountKey) {
    let Some((fingerprint, until)) = &key.spares.previous else { return };
    ui.horizontal_wrapped(|ui| {
        let text = format!("Key from before · fingerprint {fingerprint} · kept until {}", clock_time(*until));
        widgets::status_label(ui, cx.theme, Tone::Quiet, &text);
        if named(ui, true, "Switch back", &format!("Switch {} back to the key from before", account.id)) {
            cx.send(Command::Key(KeyCommand::SwitchBack(account.id.clone())));
        }
    });
}

/// Whether a test is over and found nothing wrong.
pub(super) fn is_good(test: &KeyTest) -> bool {
    test.finished_wall_ms.is_some() && test.lines.iter().all(|(passed, _)| *passed)
}

/// Pasting the next key, with the steps of the account's service.
pub(super) fn paste(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let Some((_, field)) = state.entering.as_mut().filter(|(id, _)| *id == account.id) else { return };
    ui.add_space(gap::S);
    ui.label(strong("Change to another key").color(cx.theme.text));
    for step in steps(account.service) {
        ui.label(RichText::new(*step).color(cx.theme.text_soft));
    }
    key_field::promise(ui, cx.theme);
    field.show(ui, cx.theme, &format!("Next key of {}", account.id), Some(account.service));
    let (mut done, mut sent) = (false, false);
    let (entered, pasted) = (field.is_entered() && !field.is_empty(), field.was_pasted());
    ui.horizontal_wrapped(|ui| {
        let ready = !field.is_empty();
        let keep = ui.add_enabled_ui(ready, |ui| widgets::primary_button(ui, cx.theme, "Save and test")).inner;
        let hint = "It is kept as the next key and tested; nothing costs anything";
        if keep.on_hover_text(hint).clicked() || entered {
            sent = save(cx, field, account);
            done = sent;
        }
        if ui.button("Cancel").clicked() {
            field.wipe();
            done = true;
        }
        note(ui, cx.theme, "The current key is used until you switch.");
    });
    if done {
        state.entering = None;
    }
    if sent {
        state.clipboard = pasted.then(|| account.id.clone());
        let before = (account.id.clone(), next_of(cx, &account.id));
        (state.to_switch, state.fresh_next) = (Some(before.clone()), Some(before));
    }
}

/// The fingerprint of the account's next key.
fn next_of(cx: &PageCx, account: &AccountId) -> Option<String> {
    cx.snapshot.keys.accounts.iter().find(|key| key.account == *account)?.spares.next.clone()
}

/// Asks whether the next key is good as soon as it is there, so that switching is the one step left.
pub(super) fn test_when_kept(cx: &mut PageCx, state: &mut State) {
    let Some((account, before)) = &state.fresh_next else { return };
    let next = next_of(cx, account);
    if next.is_some() && next != *before {
        cx.send(Command::Key(KeyCommand::TestNext(account.clone())));
        state.fresh_next = None;
    }
}

fn save(cx: &mut PageCx, field: &mut KeyField, account: &Account) -> bool {
    let Some(key) = field.take() else {
        cx.toast(Tone::Error, "There is no key in what was pasted. Copy it again from your provider's page.");
        return false;
    };
    cx.send(Command::Key(KeyCommand::SetNext(account.id.clone(), key))).is_some()
}

const fn steps(service: Service) -> &'static [&'static str] {
    match service {
        Service::Azure => &[
            "Azure gives each resource KEY 1 and KEY 2, and both work at all times.",
            "1. Copy the one that is not in use from Keys and Endpoint in the Azure portal, and paste it here.",
            "2. It is tested at once; then switch.",
            "3. Once nothing uses the other one any more, regenerate it there.",
        ],
        _ => &[
            "1. Make a new key on your provider's page and paste it here.",
            "2. It is tested at once; then switch.",
            "3. Delete the old one there once the ten minutes of Switch back are over.",
        ],
    }
}

fn named(ui: &mut Ui, enabled: bool, word: &str, name: &str) -> bool {
    let button = ui.add_enabled(enabled, egui::Button::new(word));
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name.to_owned()));
    button.clicked()
}
