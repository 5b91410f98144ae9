//! Every field of an endpoint's configuration: what it is, where that comes from, and the way back to what is usual.
//!
//! Invariant: every key that the file has for an endpoint stands here; edits go into the draft, each as one named step.
//! Absent on purpose: its id and account, which never change, and pausing, which acts at once.

use std::sync::Arc;

use egui::{ComboBox, Grid, Id, Response, RichText, Ui};
use egui_material_icons::icons::ICON_UNDO;

use super::{State, remove};
use crate::model::config::{Endpoint, Enforcement, Simulated};
use crate::model::id::{EndpointId, ModelName, PoolId};
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap};
use crate::ui::widgets::{AmountChange, AmountEdit, checkbox, icon_button, note, quiet_button, section, unapplied};

/// A field of an endpoint.
struct Field {
    name: &'static str,
    editor: Editor,
}

/// How it is edited.
enum Editor {
    /// A number with its unit, which may be left out; what holds then.
    Amount(&'static str, &'static str, fn(&Endpoint) -> Option<u64>, fn(&mut Endpoint, Option<u64>)),
    /// A name, and what stands there while it is left out.
    Name(fn(&Endpoint) -> Option<String>, fn(&mut Endpoint, String)),
    /// On or off, with what it means.
    Flag(&'static str, fn(&mut Endpoint) -> &mut bool),
    /// One of the pools.
    Pool,
    /// How the service counts.
    Counting,
}

const fn amount(
    name: &'static str,
    (unit, empty): (&'static str, &'static str),
    get: fn(&Endpoint) -> Option<u64>,
    set: fn(&mut Endpoint, Option<u64>),
) -> Field {
    Field { name, editor: Editor::Amount(unit, empty, get, set) }
}

/// The one field that cannot be left out.
const MODEL: &str = "Model that clients ask for";

const FIELDS: &[Field] = &[
    Field {
        name: MODEL,
        editor: Editor::Name(
            |one| Some(one.model.to_string()),
            |one, name| {
                if !name.is_empty() {
                    one.model = ModelName::from(name);
                }
            },
        ),
    },
    Field {
        name: "Name at the service",
        editor: Editor::Name(
            |one| one.deployment.clone(),
            |one, name| {
                one.deployment = Some(name).filter(|name| !name.is_empty());
            },
        ),
    },
    Field { name: "Quota pool", editor: Editor::Pool },
    amount("Tokens per minute", ("TPM", "learned"), |one| one.tokens_per_minute, |one, to| one.tokens_per_minute = to),
    amount(
        "Requests per minute",
        ("RPM", "learned"),
        |one| one.requests_per_minute,
        |one, to| one.requests_per_minute = to,
    ),
    amount(
        "Requests per 1,000 tokens",
        ("", "by its pool"),
        |one| one.requests_per_1k_tokens,
        |one, to| one.requests_per_1k_tokens = to,
    ),
    amount(
        "Soft cap",
        ("TPM", "off"),
        |one| one.soft_cap_tokens_per_minute,
        |one, to| one.soft_cap_tokens_per_minute = to,
    ),
    amount(
        "Requests at once",
        ("", "any number"),
        |one| one.max_in_flight.map(u64::from),
        |one, to| one.max_in_flight = short(to),
    ),
    amount(
        "Slice of requests",
        ("s", "by service"),
        |one| one.request_slice_seconds.map(u64::from),
        |one, to| one.request_slice_seconds = short(to),
    ),
    amount(
        "Input tokens per minute",
        ("TPM", "learned"),
        |one| one.input_tokens_per_minute,
        |one, to| one.input_tokens_per_minute = to,
    ),
    amount(
        "Output tokens per minute",
        ("TPM", "learned"),
        |one| one.output_tokens_per_minute,
        |one, to| one.output_tokens_per_minute = to,
    ),
    amount("Tokens per day", ("", "learned"), |one| one.tokens_per_day, |one, to| one.tokens_per_day = to),
    amount("Requests per day", ("", "learned"), |one| one.requests_per_day, |one, to| one.requests_per_day = to),
    Field { name: "The service counts", editor: Editor::Counting },
    Field { name: "Pinned", editor: Editor::Flag("keep what is typed", |one| &mut one.pinned) },
    Field { name: "Probing", editor: Editor::Flag("try above the limit", |one| &mut one.probe_above) },
];

/// Only of simulated endpoints.
const SIMULATED: &[Field] = &[
    amount(
        "First token after",
        ("ms", "350"),
        |one| Some(one.simulated.clone().unwrap_or_default().first_token_ms),
        |one, to| like(one).first_token_ms = to.unwrap_or(Simulated::default().first_token_ms),
    ),
    amount(
        "Speed of an answer",
        ("tokens/s", "90"),
        |one| Some(one.simulated.clone().unwrap_or_default().tokens_per_second),
        |one, to| like(one).tokens_per_second = to.unwrap_or(Simulated::default().tokens_per_second),
    ),
];

const COUNTING: [(Enforcement, &str); 4] = [
    (Enforcement::Auto, "as it usually does"),
    (Enforcement::SlidingLog, "the last 60 seconds"),
    (Enforcement::TokenBucket, "a bucket that refills"),
    (Enforcement::Utilization, "utilization (provisioned)"),
];

fn short(value: Option<u64>) -> Option<u32> {
    value.map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

fn like(endpoint: &mut Endpoint) -> &mut Simulated {
    endpoint.simulated.get_or_insert_default()
}

fn counting(way: Enforcement) -> &'static str {
    COUNTING.iter().find(|(known, _)| *known == way).map_or("", |(_, words)| *words)
}

impl Field {
    /// What the endpoint has there, in words.
    fn words(&self, endpoint: &Endpoint) -> String {
        match &self.editor {
            Editor::Amount(_, empty, get, _) => {
                get(endpoint).map_or_else(|| (*empty).to_owned(), |value| Grouped(value).to_string())
            }
            Editor::Name(get, _) => get(endpoint).unwrap_or_else(|| endpoint.model.to_string()),
            Editor::Flag(_, flag) => if *flag(&mut endpoint.clone()) { "on" } else { "off" }.to_owned(),
            Editor::Pool => endpoint.quota_pool.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
            Editor::Counting => counting(endpoint.enforcement).to_owned(),
        }
    }

    /// Gives it what is usual.
    fn reset(&self, endpoint: &mut Endpoint) {
        match &self.editor {
            Editor::Amount(.., set) => set(endpoint, None),
            Editor::Name(_, set) => set(endpoint, String::new()),
            Editor::Flag(_, flag) => *flag(endpoint) = false,
            Editor::Pool => endpoint.quota_pool = None,
            Editor::Counting => endpoint.enforcement = Enforcement::Auto,
        }
    }
}

/// Shows the tab.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, id: &EndpointId) {
    let config = Arc::clone(cx.draft.working());
    let place = config.endpoints.iter().position(|one| one.id == *id);
    let Some((place, mine)) = place.and_then(|place| Some((place, config.endpoints.get(place)?))) else {
        ui.label("It is not in the draft any more.");
        return;
    };
    section(ui, cx.theme, "Configuration", |ui| {
        ui.horizontal_wrapped(|ui| {
            note(ui, cx.theme, &format!("{id} belongs to account {}, and keeps its name.", mine.account));
            if quiet_button(ui, cx.theme, &format!("Open account {}", mine.account)).clicked() {
                cx.open(Target::Account(mine.account.clone()));
            }
        });
        let more = if config.is_simulated(mine) { SIMULATED } else { &[] };
        Grid::new("configuration").num_columns(4).spacing([gap::XL, gap::M]).show(ui, |ui| {
            for heading in ["", "Value", "From", ""] {
                note(ui, cx.theme, heading);
            }
            ui.end_row();
            for field in FIELDS.iter().chain(more) {
                row(ui, cx, state, mine, field);
                ui.end_row();
            }
        });
        remove::show(ui, cx, state, mine);
    });
    findings::show(ui, cx, "endpoint", Some(place));
}

fn row(ui: &mut Ui, cx: &mut PageCx, state: &mut State, mine: &Endpoint, field: &Field) {
    let theme = cx.theme;
    let name = ui.label(RichText::new(field.name).color(theme.text_soft));
    let base = Arc::clone(cx.draft.base());
    let runs = base.endpoint(&mine.id);
    let editor = editor(ui, cx, state, (mine, runs.unwrap_or(mine)), (field, name.id));
    let mut usual = mine.clone();
    field.reset(&mut usual);
    let written = field.words(&usual) != field.words(mine);
    let runs = runs.map(|runs| field.words(runs)).filter(|runs| *runs != field.words(mine));
    if let Some(editor) = editor {
        drop(unapplied(ui, theme, editor, runs.clone()));
    }
    match runs {
        Some(_) => drop(ui.label(RichText::new("draft").small().color(theme.tone(Tone::Info)))),
        None if written || field.name == MODEL => drop(note(ui, theme, "configuration")),
        None => drop(note(ui, theme, "default")),
    }
    if written {
        if icon_button(ui, theme, ICON_UNDO, &format!("{}: back to {}", field.name, field.words(&usual))).clicked() {
            put(cx, &mine.id, field, |one| field.reset(one));
        }
    } else {
        ui.label("");
    }
}

/// Returns the control that is to be marked where it is not applied; a number's field does that itself.
fn editor(
    ui: &mut Ui,
    cx: &mut PageCx,
    state: &mut State,
    (mine, runs): (&Endpoint, &Endpoint),
    (field, label): (&Field, Id),
) -> Option<Response> {
    Some(match &field.editor {
        Editor::Amount(unit, empty, get, set) => {
            let name = format!("{} of {}", field.name, mine.id);
            let edit = AmountEdit::new(&name, get(mine), get(runs)).unit(unit).or_empty(empty).width(110.0);
            match edit.show(ui, cx.theme) {
                Some(AmountChange::Set(value)) => put(cx, &mine.id, field, |one| set(one, Some(value))),
                Some(AmountChange::Clear) => put(cx, &mine.id, field, |one| set(one, None)),
                None => {}
            }
            return None;
        }
        Editor::Name(get, set) => name_field(ui, cx, state, mine, (field, label, *get, *set)),
        Editor::Flag(words, flag) => {
            let mut on = *flag(&mut mine.clone());
            let tick = checkbox(ui, &mut on, words);
            if tick.changed() {
                put(cx, &mine.id, field, |one| *flag(one) = on);
            }
            tick
        }
        Editor::Pool => pool(ui, cx, mine, field),
        Editor::Counting => {
            let mut way = mine.enforcement;
            let combo = ComboBox::from_id_salt("counting").selected_text(counting(way)).width(190.0);
            let shown = combo.show_ui(ui, |ui| {
                for (choice, words) in COUNTING {
                    ui.selectable_value(&mut way, choice, words);
                }
            });
            ui.ctx().accesskit_node_builder(shown.response.id, |node| node.set_label(field.name));
            if way != mine.enforcement {
                put(cx, &mine.id, field, |one| one.enforcement = way);
            }
            shown.response
        }
    })
}

type NameField<'f> = (&'f Field, Id, fn(&Endpoint) -> Option<String>, fn(&mut Endpoint, String));

/// A name, taken once the person is done with it.
fn name_field(
    ui: &mut Ui,
    cx: &mut PageCx,
    state: &mut State,
    mine: &Endpoint,
    (field, label, get, set): NameField,
) -> Response {
    let now = get(mine).unwrap_or_default();
    let typed = state.typed.take_if(|(of, _)| *of == field.name);
    let mut text = typed.map_or_else(|| now.clone(), |(_, text)| text);
    let shown = ui.scope(|ui| {
        ui.set_max_width(210.0);
        keyless::edit(ui, cx.theme, (field.name, label), mine.model.as_str(), &mut text)
    });
    let edited = shown.inner;
    if edited.to_accounts {
        cx.go(Page::Accounts);
    }
    if edited.response.lost_focus() {
        let text = text.trim().to_owned();
        if text != now {
            put(cx, &mine.id, field, |one| set(one, text));
        }
    } else if edited.response.has_focus() {
        state.typed = Some((field.name, text));
    }
    edited.response
}

fn pool(ui: &mut Ui, cx: &mut PageCx, mine: &Endpoint, field: &Field) -> Response {
    let config = Arc::clone(cx.draft.working());
    let mut chosen: Option<PoolId> = mine.quota_pool.clone();
    let combo = ComboBox::from_id_salt("pool").selected_text(field.words(mine)).width(190.0);
    let shown = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut chosen, None, "none");
        for pool in &config.quota_pools {
            ui.selectable_value(&mut chosen, Some(pool.id.clone()), pool.id.as_str());
        }
    });
    ui.ctx().accesskit_node_builder(shown.response.id, |node| node.set_label(field.name));
    if chosen != mine.quota_pool {
        put(cx, &mine.id, field, |one| one.quota_pool = chosen);
    }
    shown.response
}

/// Edits one field as a named step.
fn put(cx: &mut PageCx, id: &EndpointId, field: &Field, change: impl FnOnce(&mut Endpoint)) {
    let label = format!("change {} of {id}", field.name.to_lowercase());
    cx.draft.edit(label, |config| {
        if let Some(endpoint) = config.endpoint_mut(id) {
            change(endpoint);
        }
    });
}

#[cfg(test)]
#[path = "configured_tests.rs"]
mod tests;
