//! The Connect page: how to point a tool here, and whether anything has arrived.
//!
//! Invariant: what is copied works as it stands, with the address we listen on now; no key ever appears.
//! Absent on purpose: changing any other tool's files.

mod cards;
pub mod snippets;

use std::collections::BTreeSet;

use egui::{Key, Modifiers, RichText, Ui};

use crate::contract::snapshot::Serving;
use crate::model::config::Config;
use crate::model::id::ModelName;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::{ago, clock_time, count};
use crate::ui::test_request::TestRequest;
use crate::ui::theme::{Tone, gap, mono};
use crate::ui::widgets;

use cards::Cards;
use snippets::{Snippets, TOKEN};

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    model: Option<ModelName>,
    snippets: Option<Snippets>,
    cards: Cards,
    test: TestRequest,
    /// The person has seen the page with something to send; the button takes the focus once.
    focused: bool,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    state.test.hear(cx);
    widgets::page_title(ui, cx.theme, "Connect", "How to point a tool here");
    let Some(base_url) = base_url(cx) else {
        ui.label("Not listening just now, so there is no address to copy. The bar above says why.");
        return;
    };
    address(ui, cx, &base_url);
    ui.add_space(gap::L);
    let model = model_selector(ui, cx, state);
    first_request(ui, cx, state, model.as_ref(), &base_url);
    ui.add_space(gap::L);
    let snippets = state.snippets.get_or_insert_with(Snippets::built_in);
    let model = model.as_ref().map_or("gpt-4o", ModelName::as_str);
    cards::show(ui, cx, &mut state.cards, snippets, &base_url, model);
}

fn base_url(cx: &PageCx) -> Option<String> {
    match &cx.snapshot.serving {
        Serving::Listening { base_url, .. } => Some(base_url.to_string()),
        _ => None,
    }
}

fn address(ui: &mut Ui, cx: &mut PageCx, base_url: &str) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Base URL").color(cx.theme.text_soft));
        ui.label(mono(base_url));
        if ui.button("Copy").on_hover_text("Copy the base URL").clicked() {
            ui.ctx().copy_text(base_url.to_owned());
        }
    });
    let asks = cx.snapshot.door.asks_token;
    let key = if asks {
        format!("A caller's token is the key: put it where {TOKEN} stands.")
    } else {
        "Any non-empty text works as the key.".to_owned()
    };
    let text = format!("{key} A missing /v1, api-key headers and Azure paths are understood.");
    ui.label(RichText::new(text).color(cx.theme.text_soft));
    if asks && ui.link("Make a token").clicked() {
        cx.open(Target::Setting("callers"));
    }
    let wishes = "A request may say how important it is and how long it may wait: x-tidegate-priority (interactive, normal or \
                  bulk) and x-tidegate-deadline-ms.";
    ui.label(RichText::new(wishes).color(cx.theme.text_soft));
}

/// Names that a request may ask for: those of the routes and, where one takes every name, those that its members answer to.
fn models(config: &Config) -> Vec<ModelName> {
    let mut names: Vec<ModelName> = Vec::new();
    for route in &config.routes {
        if route.model.as_str() != "*" {
            names.push(route.model.clone());
            continue;
        }
        let members = route
            .groups
            .iter()
            .flat_map(|group| &group.endpoints)
            .filter_map(|member| config.endpoint(&member.endpoint));
        names.extend(members.map(|endpoint| endpoint.model.clone()));
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The name to fill in; `None` if there is no route.
fn model_selector(ui: &mut Ui, cx: &PageCx, state: &mut State) -> Option<ModelName> {
    let models = models(&cx.snapshot.applied.config);
    let known = state.model.take().filter(|model| models.contains(model));
    state.model = known.or_else(|| models.first().cloned());
    let chosen = state.model.clone()?;
    ui.horizontal(|ui| {
        let name = ui.label(RichText::new("Route").color(cx.theme.text_soft));
        egui::ComboBox::from_id_salt("model")
            .selected_text(chosen.as_str())
            .show_ui(ui, |ui| {
                for model in models {
                    let word = model.to_string();
                    ui.selectable_value(&mut state.model, Some(model), word);
                }
            })
            .response
            .labelled_by(name.id);
    });
    state.model.clone()
}

fn first_request(ui: &mut Ui, cx: &mut PageCx, state: &mut State, model: Option<&ModelName>, base_url: &str) {
    let arrivals = &cx.snapshot.arrivals;
    ui.horizontal_wrapped(|ui| {
        if let Some(last) = arrivals.last_wall_ms {
            ui.label(Tone::Ok.icon().rich_text().color(cx.theme.tone(Tone::Ok)));
            let client = if arrivals.last_client.is_empty() { "an unnamed client" } else { &arrivals.last_client };
            let seen = count(arrivals.requests, "request has", "requests have");
            ui.label(format!("{seen} arrived; the last one {} from {client}.", ago(last, cx.snapshot.wall_ms)));
        } else {
            let now = clock_time(cx.snapshot.wall_ms);
            ui.label(format!("Waiting for the first request on {base_url} … nothing has arrived by {now}."));
        }
    });
    if arrivals.last_lacked_v1 {
        ui.horizontal_wrapped(|ui| {
            ui.label(
                "The last request lacked /v1. Your tool's base URL probably ends too early (it was answered anyway).",
            );
            if ui.button("Copy corrected URL").clicked() {
                ui.ctx().copy_text(base_url.to_owned());
            }
        });
    }
    ui.add_space(gap::M);
    if let Some(model) = model {
        test_button(ui, cx, state, model);
        return;
    }
    ui.label("There is no route yet, so requests get a clear 503.");
    if ui.button("Add a key").clicked() {
        cx.go(Page::Accounts);
    }
}

fn test_button(ui: &mut Ui, cx: &mut PageCx, state: &mut State, model: &ModelName) {
    let row = ui.horizontal_wrapped(|ui| {
        let button = widgets::primary_button(ui, cx.theme, "Send a test request");
        state.test.progress(ui, cx, model);
        button
    });
    let response = row.inner;
    if !state.focused {
        response.request_focus();
        state.focused = true;
    }
    // Enter also sends when nothing at all has the focus, so that it works right after the page opened.
    let unfocused = ui.memory(|memory| memory.focused().is_none());
    let enter = unfocused && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    if response.clicked() || enter {
        state.test.send(cx, model);
    }
}
