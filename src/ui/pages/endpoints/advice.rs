//! What an endpoint that cannot be used needs of the person: what happened, what still works, and one step.
//!
//! Invariant: the sentence is that of the cause we rest for, and names what runs; each button leads to the step or does it, in the
//! draft where it edits.
//! Absent on purpose: causes that clear by themselves, such as a throttle; the state's countdown says all.

use egui::{RichText, Ui};

use crate::contract::{Command, KeyCommand};
use crate::model::config::{Config, Endpoint};
use crate::model::id::EndpointId;
use crate::model::outcome::ThrottleKind;
use crate::model::status::{EndpointView, Health, RestCause};
use crate::ui::actions::Action;
use crate::ui::alerts::billing;
use crate::ui::cx::{PageCx, Target};
use crate::ui::theme::{Tone, gap};
use crate::ui::widgets::{card, note};

/// So many other deployments are offered.
const OFFERED: usize = 4;

/// What is wrong, as far as only the person can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    NoKey,
    KeyRejected,
    Blocked,
    NotFound,
    NoCredit,
    Unreachable,
}

impl Trouble {
    const fn of(health: Health) -> Option<Self> {
        Some(match health {
            Health::NoKey => Self::NoKey,
            Health::Resting { cause, .. } => match cause {
                RestCause::KeyRejected => Self::KeyRejected,
                RestCause::Blocked => Self::Blocked,
                RestCause::NotFound => Self::NotFound,
                RestCause::Unreachable => Self::Unreachable,
                RestCause::Throttled(ThrottleKind::OutOfCredit | ThrottleKind::ProjectLimit) => Self::NoCredit,
                RestCause::Throttled(_) | RestCause::Errors => return None,
            },
            _ => return None,
        })
    }

    /// What happened, and the next step.
    fn words(self, endpoint: &EndpointView, called: &str) -> String {
        let account = &endpoint.account;
        match self {
            Self::NoKey => format!("Account {account} has no key that can be used. Add one to send requests here."),
            Self::KeyRejected => {
                format!(
                    "The service rejects the key of account {account}. Replace it, or test it again once it is valid there."
                )
            }
            Self::Blocked => {
                "The service refuses this connection: a firewall, a private network, or key sign-in switched off for \
                              the resource. The key itself may be fine."
                    .to_owned()
            }
            Self::NotFound => format!(
                "The service takes the key of account {account} but knows nothing called {called}. Give the name that it has \
                 there."
            ),
            Self::NoCredit => {
                "The service says that no more may be spent. This is no rate limit and does not clear by waiting: \
                               raise it on the service's billing page."
                    .to_owned()
            }
            Self::Unreachable => {
                "No connection comes about: the address may be wrong, or the network or a proxy is in between. \
                                  It is tried again by itself."
                    .to_owned()
            }
        }
    }
}

/// Shows it, if there is something only the person can mend.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let Some(trouble) = Trouble::of(endpoint.health) else { return };
    let running = std::sync::Arc::clone(&cx.snapshot.applied);
    let called = running.config.endpoint(&endpoint.id).map_or("", name_there);
    card(ui, cx.theme, |ui| {
        ui.spacing_mut().item_spacing.y = gap::S;
        ui.horizontal_wrapped(|ui| {
            ui.label(Tone::Error.icon().rich_text().color(cx.theme.tone(Tone::Error)));
            ui.label(RichText::new(trouble.words(endpoint, called)).color(cx.theme.text));
        });
        note(ui, cx.theme, still_works(cx, &endpoint.id));
        ui.add_space(gap::S);
        if endpoint.simulated {
            note(ui, cx.theme, "It is simulated, and the script that plays mends it by itself.");
            return;
        }
        ui.horizontal_wrapped(|ui| steps(ui, cx, endpoint, trouble));
        match trouble {
            Trouble::NotFound => {
                drafted(ui, cx, &endpoint.id, called);
                others(ui, cx, &endpoint.id);
            }
            Trouble::Blocked => admin(ui, cx, &running.config, endpoint),
            _ => {}
        }
    });
}

/// Whether its routes are answered by others meanwhile.
fn still_works(cx: &PageCx, id: &EndpointId) -> &'static str {
    let holds =
        |route: &&crate::model::status::RouteView| route.groups.iter().any(|group| group.endpoints.contains(id));
    let mut routes = cx.snapshot.view.routes.iter().filter(holds).peekable();
    match (routes.peek().is_some(), routes.all(|route| route.serving > 0)) {
        (false, _) => "It is in no route, so no request misses it.",
        (true, true) => "Its requests go to the others of its route meanwhile.",
        (true, false) => "A route of it has no other endpoint that answers: its requests wait or are refused.",
    }
}

fn steps(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView, trouble: Trouble) {
    let account = &endpoint.account;
    let replace = match trouble {
        Trouble::NoKey => Some("Add a key"),
        Trouble::KeyRejected => Some("Replace the key"),
        _ => None,
    };
    if let Some(word) = replace
        && ui.button(word).clicked()
    {
        cx.open(Target::Account(account.clone()));
        cx.act(Action::ReplaceKey);
    }
    if trouble == Trouble::NoCredit
        && let Some(page) = billing(cx.snapshot, endpoint)
        && ui.button("Open the billing page").clicked()
    {
        ui.ctx().open_url(egui::OpenUrl::new_tab(page));
    }
    if trouble != Trouble::NoKey
        && ui.button("Test again").on_hover_text("Reads the list of models: no tokens, no cost").clicked()
    {
        cx.send(Command::Key(KeyCommand::Test(account.clone())));
    }
}

/// What it is called at the service.
fn name_there(endpoint: &Endpoint) -> &str {
    endpoint.deployment.as_deref().unwrap_or(endpoint.model.as_str())
}

/// What else its account is known to have, other endpoints' names.
fn known<'c>(config: &'c Config, id: &EndpointId) -> Vec<&'c str> {
    let Some(own) = config.endpoint(id) else { return Vec::new() };
    let mut names: Vec<&str> = Vec::new();
    for other in config.endpoints.iter().filter(|other| other.account == own.account && other.id != *id) {
        let name = name_there(other);
        if name != name_there(own) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// That another name waits in the draft, if one does: it helps nobody before it is applied.
fn drafted(ui: &mut Ui, cx: &mut PageCx, id: &EndpointId, called: &str) {
    let draft = std::sync::Arc::clone(cx.draft.working());
    let Some(name) = draft.endpoint(id).map(name_there).filter(|name| *name != called) else { return };
    ui.horizontal_wrapped(|ui| {
        note(ui, cx.theme, &format!("In the draft it is called {name}, which helps once it is applied."));
        if ui.button("Review and apply").clicked() {
            cx.review();
        }
    });
}

/// Other names that the account answers to, as far as other endpoints use them.
fn others(ui: &mut Ui, cx: &mut PageCx, id: &EndpointId) {
    let config = std::sync::Arc::clone(cx.draft.working());
    let names = known(&config, id);
    if names.is_empty() {
        note(ui, cx.theme, "Its name can be changed under Config, Name at the service.");
        return;
    }
    ui.horizontal_wrapped(|ui| {
        note(ui, cx.theme, "Known of this account:");
        for name in names.iter().take(OFFERED) {
            if ui.button(format!("Use {name}")).on_hover_text("In the draft").clicked() {
                let set = |endpoint: &mut Endpoint| endpoint.deployment = Some((*name).to_owned());
                cx.draft.edit(format!("use deployment {name} for {id}"), |config| {
                    config.endpoint_mut(id).map(set);
                });
            }
        }
    });
}

/// What to ask of whoever runs the resource, to be copied.
fn admin(ui: &mut Ui, cx: &PageCx, config: &Config, endpoint: &EndpointView) {
    let address = config.account(&endpoint.account).map_or("", |account| account.base_url.as_str());
    egui::CollapsingHeader::new("What to ask your admin").id_salt("ask the admin").show(ui, |ui| {
        let text = question(address);
        ui.add(egui::Label::new(RichText::new(&text).color(cx.theme.text_soft)).wrap());
        if ui.button("Copy the question").clicked() {
            ui.ctx().copy_text(text);
        }
    });
}

fn question(address: &str) -> String {
    format!(
        "Requests from my computer to {address} are answered with 403. Please check whether the resource's network settings \
         allow my address (or I need its private network or VPN), whether sign-in with keys is switched on for it, and whether \
         a firewall or proxy of ours stands in between."
    )
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
