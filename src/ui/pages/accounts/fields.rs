//! What an account is besides its key: its address, its API, and where it lies. Folded until it is wanted.
//!
//! Invariant: a name is taken when the person is done with it, as one undo step; a key is in none of the fields.
//! Absent on purpose: the kind of service and the id, which never change.

use egui::{CollapsingHeader, ComboBox, Grid, Response, RichText, Ui};

use super::State;
use crate::model::config::{Account, AzureApi, Service};
use crate::model::id::AccountId;
use crate::ui::cx::{Page, PageCx};
use crate::ui::keyless;
use crate::ui::theme::gap;
use crate::ui::widgets::{checkbox, note, on_or_off, unapplied};

/// A field of text.
struct Field {
    name: &'static str,
    hint: &'static str,
    /// Of which services it is a part.
    of: &'static [Service],
    get: fn(&Account) -> Option<String>,
    set: fn(&mut Account, Option<String>),
}

const REAL: &[Service] = &[Service::Openai, Service::Azure, Service::Compatible];
const AZURE: &[Service] = &[Service::Azure];
const OPENAI: &[Service] = &[Service::Openai];
const EVERY: &[Service] = &[Service::Openai, Service::Azure, Service::Compatible, Service::Simulated];

const FIELDS: [Field; 6] = [
    Field {
        name: "Base address",
        hint: "https://…",
        of: REAL,
        get: |one| Some(one.base_url.clone()).filter(|url| !url.is_empty()),
        set: |one, text| one.base_url = text.unwrap_or_default(),
    },
    Field {
        name: "API version",
        hint: "2024-10-21",
        of: AZURE,
        get: |one| one.api_version.clone(),
        set: |one, text| one.api_version = text,
    },
    Field {
        name: "Subscription",
        hint: "not stated",
        of: AZURE,
        get: |one| one.subscription.clone(),
        set: |one, text| one.subscription = text,
    },
    Field {
        name: "Region",
        hint: "not stated",
        of: EVERY,
        get: |one| one.region.clone(),
        set: |one, text| one.region = text,
    },
    Field {
        name: "Organization",
        hint: "the key's own",
        of: OPENAI,
        get: |one| one.organization.clone(),
        set: |one, text| one.organization = text,
    },
    Field {
        name: "Project",
        hint: "the key's own",
        of: OPENAI,
        get: |one| one.project.clone(),
        set: |one, text| one.project = text,
    },
];

/// Shows the fields of one account.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let title = RichText::new(format!("Address and place of {}", account.id)).color(cx.theme.text_soft);
    CollapsingHeader::new(title).id_salt("fields").show(ui, |ui| {
        Grid::new("fields").num_columns(2).spacing([gap::XL, gap::M]).show(ui, |ui| {
            for field in FIELDS.iter().filter(|field| field.of.contains(&account.service)) {
                row(ui, cx, state, account, field);
                ui.end_row();
            }
            if account.service == Service::Azure {
                api(ui, cx, account);
                ui.end_row();
            }
        });
        if account.service != Service::Simulated {
            plain_http(ui, cx, account);
            note(ui, cx.theme, "The key is sent to this address, once the draft is applied, and to no other.");
        }
    });
}

fn row(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account, field: &Field) {
    let label = ui.label(RichText::new(field.name).color(cx.theme.text_soft));
    let now = (field.get)(account).unwrap_or_default();
    let mine = |typed: &mut (AccountId, &str, String)| typed.0 == account.id && typed.1 == field.name;
    let mut text = state.typed.take_if(mine).map_or_else(|| now.clone(), |(_, _, text)| text);
    let name = format!("{} of {}", field.name, account.id);
    let shown = keyless::edit(ui, cx.theme, (&name, label.id), field.hint, &mut text);
    if shown.to_accounts {
        cx.go(Page::Accounts);
    }
    let response =
        mark(ui, cx, account, shown.response, |one| (field.get)(one).unwrap_or_else(|| field.hint.to_owned()));
    if response.lost_focus() {
        let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        if text != (field.get)(account) {
            put(cx, &account.id, field.name, |one| (field.set)(one, text));
        }
    } else if response.has_focus() {
        state.typed = Some((account.id.clone(), field.name, text));
    }
}

fn api(ui: &mut Ui, cx: &mut PageCx, account: &Account) {
    let words = |api: AzureApi| match api {
        AzureApi::Classic => "classic: /openai/deployments/…",
        AzureApi::V1 => "v1: /openai/v1/…",
    };
    let label = ui.label(RichText::new("Paths").color(cx.theme.text_soft));
    let now = account.api.unwrap_or_default();
    let mut chosen = now;
    let combo = ComboBox::from_id_salt("api").selected_text(words(now)).width(220.0);
    let shown = combo.show_ui(ui, |ui| {
        for api in [AzureApi::Classic, AzureApi::V1] {
            ui.selectable_value(&mut chosen, api, words(api));
        }
    });
    let list = mark(ui, cx, account, shown.response, |one| words(one.api.unwrap_or_default()).to_owned());
    list.labelled_by(label.id);
    if chosen != now {
        put(cx, &account.id, "paths", |one| one.api = Some(chosen));
    }
}

fn plain_http(ui: &mut Ui, cx: &mut PageCx, account: &Account) {
    let mut allowed = account.allow_plain_http;
    let check = checkbox(ui, &mut allowed, "Allow plain http to another computer");
    let check = mark(ui, cx, account, check, |one| on_or_off(one.allow_plain_http).to_owned());
    if check.on_hover_text("The key and every request can then be read on the way").changed() {
        put(cx, &account.id, "plain http", |one| one.allow_plain_http = allowed);
    }
}

/// Marks a control of which something else runs than the draft says.
fn mark(ui: &Ui, cx: &PageCx, account: &Account, control: Response, of: impl Fn(&Account) -> String) -> Response {
    let runs = cx.draft.base().account(&account.id).map(&of).filter(|runs| *runs != of(account));
    unapplied(ui, cx.theme, control, runs)
}

fn put(cx: &mut PageCx, id: &AccountId, what: &str, change: impl FnOnce(&mut Account)) {
    cx.draft.edit(format!("change {} of {id}", what.to_lowercase()), |config| {
        if let Some(account) = config.accounts.iter_mut().find(|known| known.id == *id) {
            change(account);
        }
    });
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
