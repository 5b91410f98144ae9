//! The keyring's line: whether keys can be had, what is waited for, and what to do.
//!
//! Invariant: a keyring that owes an answer is spoken of after three seconds, with what still works and a next step.
//! Absent on purpose: keys of single accounts; their cards have them.

use std::time::Duration;

use egui::{RichText, Ui};

use super::State;
use crate::contract::snapshot::{KeyState, KeyringState};
use crate::contract::{Command, KeyCommand, Snapshot};
use crate::model::config::{Credential, Service};
use crate::ui::actions::Action;
use crate::ui::cx::PageCx;
use crate::ui::format::{count, listed};
use crate::ui::theme::Tone;
use crate::ui::widgets::note;

/// Seconds in which a keyring that is open has answered.
const PATIENCE: f64 = 3.0;

/// Since when the keyring owes an answer, on the window's clock.
#[derive(Debug, Default)]
pub(super) struct Asking {
    since: Option<f64>,
    /// It was asked for a key that is about to be typed.
    early: bool,
}

impl Asking {
    /// Whether it has owed one for long; asks for the frame in which it has.
    fn is_slow(&mut self, ui: &Ui, snapshot: &Snapshot) -> bool {
        let owes = matches!(snapshot.keys.keyring, KeyringState::Unknown) && is_asked(snapshot);
        if !owes {
            self.since = None;
            return false;
        }
        let now = ui.input(|input| input.time);
        let left = *self.since.get_or_insert(now) + PATIENCE - now;
        if left > 0.0 {
            ui.ctx().request_repaint_after(Duration::from_secs_f64(left));
        }
        left <= 0.0
    }
}

/// Whether any account's key is looked for in the keyring.
pub(super) fn is_asked(snapshot: &Snapshot) -> bool {
    let accounts = &snapshot.applied.config.accounts;
    !snapshot.profile.demo
        && accounts
            .iter()
            .any(|one| one.service != Service::Simulated && matches!(one.credential, Credential::Keyring(_)))
}

/// Asks the keyring whether it answers as soon as a key is about to be typed, so that its state is known before.
pub(super) fn ask_early(cx: &mut PageCx, state: &mut State) {
    let entering = state.adding.is_some() || state.entering.is_some();
    let unknown = matches!(cx.snapshot.keys.keyring, KeyringState::Unknown);
    if entering && unknown && !cx.snapshot.profile.demo && !is_asked(cx.snapshot) && !state.asking.early {
        state.asking.early = cx.send(Command::Key(KeyCommand::Ask)).is_some();
    }
}

/// Where a key that is typed now goes, said above its field.
pub(super) fn where_to(ui: &mut Ui, cx: &PageCx) {
    let (tone, text) = match &cx.snapshot.keys.keyring {
        _ if cx.snapshot.profile.demo => {
            (Tone::Quiet, "In the demo a key is kept in memory and goes with it.".to_owned())
        }
        KeyringState::Ready => (Tone::Ok, "The key goes into your system keyring, which is ready.".to_owned()),
        KeyringState::Missing { .. } => {
            (Tone::Near, "The key is forgotten when you quit, as no password service is running.".to_owned())
        }
        KeyringState::Locked => {
            (Tone::Near, "Your keyring is locked: your system will ask for its password.".to_owned())
        }
        KeyringState::Unknown => (
            Tone::Quiet,
            "Asking your keyring whether it can take the key. Your system may ask for a password meanwhile.".to_owned(),
        ),
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(tone.icon().rich_text().color(cx.theme.tone(tone)));
        ui.label(RichText::new(text).color(cx.theme.tone(tone)));
    });
}

/// What may be in the way, and the ways round it.
fn waiting_for_it(ui: &mut Ui, cx: &mut PageCx) {
    let config = &cx.snapshot.applied.config;
    let theirs: Vec<&str> = config
        .accounts
        .iter()
        .filter(|one| one.service != Service::Simulated && matches!(one.credential, Credential::Keyring(_)))
        .map(|one| one.id.as_str())
        .collect();
    note(
        ui,
        cx.theme,
        &format!(
            "Waiting for the keys of {}. Your system may be asking for a password in a window behind this one; unlock it \
             there, and they are taken up at once.",
            listed(&theirs)
        ),
    );
    note(
        ui,
        cx.theme,
        "Serving, settings and simulated endpoints work meanwhile. To do without the keyring, paste a key and choose “Keep it \
         until Tidegate quits”, or choose an environment variable under Key source.",
    );
    ui.horizontal_wrapped(|ui| {
        if ui.button("Try simulated endpoints").on_hover_text("No key, and nothing leaves this computer").clicked() {
            cx.act(Action::EnterDemo);
        }
    });
}

/// The keyring as a whole: whether it works, and what to do if not.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, asking: &mut Asking) {
    let slow = asking.is_slow(ui, cx.snapshot);
    let keys = &cx.snapshot.keys;
    let waiting = keys.accounts.iter().filter(|key| matches!(key.state, KeyState::Absent)).count() as u64;
    let (tone, text) = match &keys.keyring {
        _ if cx.snapshot.profile.demo => (Tone::Quiet, "No keys needed: everything here is simulated".to_owned()),
        KeyringState::Unknown if slow => (
            Tone::Near,
            "The keyring has not answered yet. Keys in it cannot be used until it does; they are not lost.".to_owned(),
        ),
        KeyringState::Unknown if !asking.early && !is_asked(cx.snapshot) => {
            (Tone::Quiet, "The keyring was not needed yet".to_owned())
        }
        KeyringState::Unknown => (Tone::Quiet, "Asking the keyring …".to_owned()),
        KeyringState::Ready => (Tone::Ok, "Keyring ready".to_owned()),
        KeyringState::Locked => (
            Tone::Error,
            format!(
                "Your keyring is locked, so {} can't be used. Simulated endpoints still work.",
                count(waiting, "account", "accounts")
            ),
        ),
        KeyringState::Missing { hint } => (
            Tone::Near,
            format!("No password service is running. Keys will be kept until you quit. To keep them, {hint}."),
        ),
    };
    let ask = match &keys.keyring {
        _ if cx.snapshot.profile.demo => None,
        KeyringState::Locked => Some(("Unlock", "Asks the keyring again; your system shows its dialog")),
        KeyringState::Missing { .. } => Some(("Look again", "Asks whether one runs by now")),
        KeyringState::Unknown | KeyringState::Ready => None,
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(tone.icon().rich_text().color(cx.theme.tone(tone)));
        ui.label(RichText::new(text).color(cx.theme.tone(tone)));
    });
    if slow {
        return waiting_for_it(ui, cx);
    }
    let Some((word, meaning)) = ask else { return };
    ui.horizontal_wrapped(|ui| {
        if ui.button(word).on_hover_text(meaning).clicked() {
            cx.send(Command::Key(KeyCommand::Ask));
        }
        note(ui, cx.theme, "An account's key can also come from an environment variable: see Key source.");
    });
}

#[cfg(test)]
#[path = "keyring_line_tests.rs"]
mod tests;
