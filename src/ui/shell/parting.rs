//! What is asked before something goes that cannot be had again: the demo, and keys that are in memory alone.
//!
//! Invariant: every account whose key would be lost is named; nothing goes before the person said so.
//! Absent on purpose: running requests and the window's end (`leaving`).

use egui::{Context, RichText};

use super::leaving::{Ending, Question};
use super::{Console, sheet};
use crate::contract::snapshot::{KeyState, KeyringState};
use crate::contract::{Command, DemoCommand, ProfileCommand, Snapshot};
use crate::model::id::AccountId;
use crate::ui::cx::Page;
use crate::ui::format::{count, listed};
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{answer_button, note};

const WIDEST: f32 = 480.0;

/// What is next once the demo was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// The profile from before, on the page that is shown.
    Here,
    /// The profile from before, on this page.
    Page(Page),
    /// Another profile.
    Profile(ProfileCommand),
}

impl Afterwards {
    /// What runs then, after "are dropped."
    fn words(&self) -> String {
        match self {
            Self::Here | Self::Page(_) => "Your own accounts and routes run instead, at the address set for them; \
                                           they and the demo never mix."
                .to_owned(),
            Self::Profile(ProfileCommand::Enter(name)) => {
                format!("The profile {name} runs instead, at its own address; it and the demo never mix.")
            }
            Self::Profile(ProfileCommand::Add(name)) => {
                format!("A new profile {name} runs instead and begins without routes; it and the demo never mix.")
            }
        }
    }

    const fn button(&self) -> &'static str {
        match self {
            Self::Here => "Leave it",
            Self::Page(_) => "Leave and add an endpoint",
            Self::Profile(ProfileCommand::Enter(_)) => "Leave and change profile",
            Self::Profile(ProfileCommand::Add(_)) => "Leave and add the profile",
        }
    }
}

impl Console {
    /// Asks whether the demo is to end; `then` is what is next.
    pub(super) fn ask_to_leave_demo(&mut self, then: Afterwards) {
        self.question = Some(Question::LeaveDemo { then });
    }

    /// Goes to another profile, or adds one; asks first where the demo would go with it.
    pub(super) fn change_profile(&mut self, ctx: &Context, snapshot: &Snapshot, command: ProfileCommand) {
        if snapshot.profile.demo {
            self.ask_to_leave_demo(Afterwards::Profile(command));
        } else {
            self.order(ctx, snapshot, Command::Profile(command));
        }
    }

    /// That real clients will be answered by nobody or with made-up text.
    pub(super) fn ask_for_demo(&mut self, ctx: &Context, theme: &Theme, snapshot: &Snapshot) {
        if snapshot.profile.demo {
            self.question = None;
            return;
        }
        let mut enter = false;
        let modal = sheet(ctx, "entering the demo").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(WIDEST));
            ui.label(theme::title("Try simulated endpoints?").color(theme.text));
            ui.label(
                "While the demo runs, your own routes stop: tools that use this address get made-up text from simulated endpoints, \
                 or a 404. Your accounts, routes and history stay as they are and are back when you leave it.",
            );
            ui.add_space(gap::M);
            ui.horizontal_wrapped(|ui| {
                enter = answer_button(ui, theme, "Start the demo").clicked();
                ui.button("Not now").clicked()
            })
            .inner
        });
        if enter {
            self.order(ctx, snapshot, Command::Demo(DemoCommand::Enter));
        }
        if enter || modal.inner || modal.should_close() {
            self.question = None;
        }
    }

    /// What becomes of the demo, and what runs in its stead.
    pub(super) fn ask_of_demo(&mut self, ctx: &Context, theme: &Theme, snapshot: &Snapshot, then: &Afterwards) {
        if !snapshot.profile.demo {
            self.question = None;
            return;
        }
        let lost = in_memory_here(snapshot).collect::<Vec<_>>();
        let mut leave = false;
        let modal = sheet(ctx, "leaving the demo").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(WIDEST));
            ui.label(theme::title("Leave the demo?").color(theme.text));
            let what = "The simulated endpoints stop, and their requests, plots and settings are dropped.";
            ui.label(format!("{what} {}", then.words()));
            ui.add_space(gap::S);
            if !lost.is_empty() {
                ui.label(lost_words(&lost, "Back in the demo"));
                ui.add_space(gap::S);
            }
            note(
                ui,
                theme,
                "The demo can be had again at any time, from its beginning: Ctrl+K, “Try simulated endpoints”.",
            );
            ui.add_space(gap::M);
            ui.horizontal_wrapped(|ui| {
                leave = answer_button(ui, theme, then.button()).clicked();
                ui.button("Stay in the demo").clicked()
            })
            .inner
        });
        if leave {
            let command = match then {
                Afterwards::Profile(command) => Command::Profile(command.clone()),
                Afterwards::Here | Afterwards::Page(_) => Command::Demo(DemoCommand::Leave),
            };
            self.order(ctx, snapshot, command);
            if let Afterwards::Page(page) = then {
                self.go(ctx, *page, None);
            }
        }
        if leave || modal.inner || modal.should_close() {
            self.question = None;
        }
    }

    /// Whether keys that are nowhere else may be forgotten.
    pub(super) fn ask_for_keys(&mut self, ctx: &Context, theme: &Theme, snapshot: &Snapshot) {
        let lost = in_memory(snapshot);
        // Nothing would be lost any more, so there is nothing to ask; whoever still wants to quit says so again.
        if lost.is_empty() {
            self.question = None;
            return;
        }
        let (mut quit, mut serve) = (false, false);
        let modal = sheet(ctx, "keys in memory").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(WIDEST));
            let title = format!("Quitting forgets {}", count(lost.len() as u64, "key", "keys"));
            ui.label(theme::title(title).color(theme.text));
            ui.label(lost_words(&lost, "At the next start"));
            ui.add_space(gap::S);
            ui.label(RichText::new(to_keep(&snapshot.keys.keyring)).color(theme.text_soft));
            self.say_draft(ui, theme);
            ui.add_space(gap::M);
            ui.horizontal_wrapped(|ui| {
                serve = answer_button(ui, theme, "Keep serving without the window").clicked();
                quit = ui.button("Forget and quit").clicked();
                ui.button("Cancel").clicked()
            })
            .inner
        });
        if serve {
            self.end(ctx, Ending::Background);
        } else if quit {
            self.quit_with_requests(ctx, snapshot);
        } else if modal.inner || modal.should_close() {
            self.question = None;
        }
    }
}

/// Accounts whose key is in memory and nowhere else, those of the profile that was left for the demo included.
pub(super) fn in_memory(snapshot: &Snapshot) -> Vec<&AccountId> {
    in_memory_here(snapshot).chain(&snapshot.keys.set_aside).collect()
}

/// Those of the profile that runs.
fn in_memory_here(snapshot: &Snapshot) -> impl Iterator<Item = &AccountId> {
    let only = snapshot.keys.accounts.iter().filter(|key| matches!(key.state, KeyState::InMemory { .. }));
    only.map(|key| &key.account)
}

fn lost_words(lost: &[&AccountId], when: &str) -> String {
    let names: Vec<&str> = lost.iter().map(|account| account.as_str()).collect();
    if let [only] = names.as_slice() {
        format!("The key of {only} is in memory alone. {when} it must be pasted again.")
    } else {
        format!("The keys of {} are in memory alone. {when} they must be pasted again.", listed(&names))
    }
}

fn to_keep(keyring: &KeyringState) -> String {
    match keyring {
        KeyringState::Missing { hint } => {
            format!("To keep them over a restart, {hint}, or name an environment variable under Accounts, Key source.")
        }
        _ => "To keep them over a restart, replace the key under Accounts now that the keyring answers, or name an environment \
              variable under Key source."
            .to_owned(),
    }
}
