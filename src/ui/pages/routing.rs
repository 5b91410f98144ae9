//! The Routing page: per route its lanes, top to bottom in the order of trial.
//!
//! Invariant: every edit goes through `lanes` into the draft as one named undo step; mouse, keyboard and menu make the
//! same edits.
//! Absent on purpose: rules of when to move on and come back; the balancer decides those.

mod card;
mod lane;
pub mod lanes;
mod order;

use std::sync::Arc;

use egui::{RichText, Ui};

use crate::model::config::{Config, Regions, Route, Spread};
use crate::model::id::{EndpointId, ModelName};
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap, strong};
use crate::ui::widgets;

use lanes::Slot;
use order::Share;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    new_name: Option<String>,
    renaming: Option<(ModelName, String)>,
    /// Scrolled to in the next frame.
    wanted: Option<ModelName>,
    /// Gets the focus in the next frame: a card that was just moved by keyboard.
    focus: Option<(ModelName, EndpointId)>,
    /// Lifted by Space: arrows carry it, all in one undo step.
    lifted: Option<Lifted>,
}

#[derive(Debug)]
struct Lifted {
    route: ModelName,
    endpoint: EndpointId,
    before: Arc<Config>,
}

/// Which card of a route has the person's attention.
#[derive(Debug, Default)]
struct Held {
    /// Gets the focus in this frame.
    focus: Option<EndpointId>,
    /// Is lifted.
    lifted: Option<EndpointId>,
}

/// What the person did to a route in this frame.
#[derive(Debug)]
enum Edit {
    Move(EndpointId, Slot),
    /// Moved by keyboard: the card keeps the focus.
    Step(EndpointId, Slot),
    Lift(EndpointId),
    /// Moved while lifted.
    Carry(EndpointId, Slot),
    Drop,
    PutBack,
    Spread(usize, Spread),
    /// Whether prompts that begin alike stay together.
    Caches(usize, bool),
    Weight(EndpointId, u32),
    Share(usize, Share, u32),
    Regions(Regions),
    Then(Option<ModelName>),
    AddLane,
    RemoveLane(usize),
    Delete,
    StartRename,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    if let Some(Target::Route(model)) = cx.take_target() {
        state.wanted = Some(model);
    }
    widgets::page_title(ui, cx.theme, "Routing", "Who gets traffic first, and in what share");
    let config = Arc::clone(cx.draft.working());
    if config.routes.is_empty() {
        ui.label("No routes yet. A route is the model name clients send, and the endpoints that answer it.");
        if config.endpoints.is_empty() && ui.button("Add a key first").clicked() {
            cx.go(Page::Accounts);
        }
    }
    for (place, route) in config.routes.iter().enumerate() {
        show_route(ui, cx, state, place, route);
        ui.add_space(gap::XL);
    }
    new_route(ui, cx, state);
    ui.add_space(gap::XL);
}

fn show_route(ui: &mut Ui, cx: &mut PageCx, state: &mut State, place: usize, route: &Route) {
    let mut edits = Vec::new();
    let shown = ui.push_id(("route", &route.model), |ui| {
        widgets::card(ui, cx.theme, |ui| {
            header(ui, cx, route, &mut edits);
            rename_row(ui, cx, state, route);
            ui.add_space(gap::M);
            let focus = state.focus.take_if(|(model, _)| *model == route.model).map(|(_, endpoint)| endpoint);
            let lifted = state.lifted.as_ref().filter(|lifted| lifted.route == route.model);
            let held = Held { focus, lifted: lifted.map(|lifted| lifted.endpoint.clone()) };
            lane::all(ui, cx, route, &held, &mut edits);
            order::geography(ui, cx, route, &mut edits);
            findings::show(ui, cx, "route", Some(place));
        });
    });
    if state.wanted.as_ref() == Some(&route.model) {
        shown.response.scroll_to_me(Some(egui::Align::TOP));
        state.wanted = None;
    }
    for edit in edits {
        apply(cx, state, route, edit);
    }
}

fn header(ui: &mut Ui, cx: &PageCx, route: &Route, edits: &mut Vec<Edit>) {
    ui.horizontal_wrapped(|ui| {
        let name = if route.model.as_str() == "*" {
            "Any other model (*)".to_owned()
        } else {
            format!("Route {}", route.model)
        };
        ui.label(strong(name));
        let view = cx.snapshot.view.routes.iter().find(|view| view.model == route.model);
        match view {
            Some(view) => {
                let tone = if view.serving == view.members {
                    Tone::Ok
                } else if view.serving == 0 {
                    Tone::Error
                } else {
                    Tone::Throttled
                };
                widgets::status_label(ui, cx.theme, tone, &format!("{} of {} serving", view.serving, view.members));
                if view.waiting > 0 {
                    widgets::note(ui, cx.theme, &format!("{} waiting", view.waiting));
                }
            }
            None => {
                widgets::status_label(ui, cx.theme, Tone::Info, "not applied yet");
            }
        }
        if ui.button("Add priority group").clicked() {
            edits.push(Edit::AddLane);
        }
        if ui.button("Rename").clicked() {
            edits.push(Edit::StartRename);
        }
        if ui.button("Delete route").on_hover_text("Its endpoints stay; can be undone").clicked() {
            edits.push(Edit::Delete);
        }
    });
}

fn apply(cx: &mut PageCx, state: &mut State, route: &Route, edit: Edit) {
    let model = &route.model;
    match edit {
        Edit::Move(endpoint, to) => {
            let label = lanes::move_label(route, &endpoint, to);
            cx.draft.edit(label, |config| {
                lanes::move_card(config, model, &endpoint, to);
            });
        }
        Edit::Step(endpoint, to) => {
            state.focus = Some((model.clone(), endpoint.clone()));
            apply(cx, state, route, Edit::Move(endpoint, to));
        }
        Edit::Lift(endpoint) => {
            cx.draft.settle();
            state.lifted = Some(Lifted { route: model.clone(), endpoint, before: Arc::clone(cx.draft.working()) });
        }
        Edit::Carry(endpoint, to) => {
            let label = lanes::move_label(route, &endpoint, to);
            cx.draft.adjust("carry a card", label, |config| {
                lanes::move_card(config, model, &endpoint, to);
            });
            state.focus = Some((model.clone(), endpoint));
        }
        Edit::Drop | Edit::PutBack => {
            cx.draft.settle();
            // Carried there and back leaves no step; then an undo would take back something older.
            let carried = state.lifted.take().is_some_and(|lifted| lifted.before != *cx.draft.working());
            if carried && matches!(edit, Edit::PutBack) {
                cx.draft.undo();
            }
        }
        Edit::Spread(group, spread) => {
            let label = format!("split {model} by {}", crate::ui::words::spread(spread));
            cx.draft.edit(label, |config| lanes::set_spread(config, model, group, spread));
        }
        Edit::Caches(group, kept) => {
            let label =
                format!("{} prompts of {model} where they may be cached", if kept { "keep" } else { "do not keep" });
            cx.draft.edit(label, |config| lanes::set_caches(config, model, group, kept));
        }
        Edit::Weight(endpoint, weight) => {
            let gesture = format!("weight {model} {endpoint}");
            let label = format!("set weight of {endpoint} to {weight}");
            cx.draft.adjust(&gesture, label, |config| lanes::set_weight(config, model, &endpoint, weight));
        }
        Edit::Share(group, share, value) => {
            let rank = crate::ui::words::group_in_sentence(group + 1, route.groups.len());
            let (gesture, label) = (format!("{share:?} {model} {group}"), format!("change when {rank} is left"));
            cx.draft.adjust(&gesture, label, |config| order::set_share(config, model, group, share, value));
        }
        Edit::Regions(regions) => {
            cx.draft.edit(format!("set the regions of {model}"), |config| {
                lanes::change_route(config, model, |route| route.regions = regions);
            });
        }
        Edit::Then(then) => {
            let goes = then.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            cx.draft.edit(format!("let {model} go on with {goes}"), |config| {
                lanes::change_route(config, model, |route| route.then = then);
            });
        }
        Edit::AddLane => {
            cx.draft.edit(format!("add a priority group to {model}"), |config| lanes::add_lane(config, model));
        }
        Edit::RemoveLane(group) => {
            cx.draft
                .edit(format!("remove a priority group of {model}"), |config| lanes::remove_lane(config, model, group));
        }
        Edit::Delete => cx.draft.edit(format!("delete route {model}"), |config| lanes::delete_route(config, model)),
        Edit::StartRename => state.renaming = Some((model.clone(), model.to_string())),
    }
}

fn rename_row(ui: &mut Ui, cx: &mut PageCx, state: &mut State, route: &Route) {
    let Some((model, name)) = state.renaming.as_mut().filter(|(model, _)| *model == route.model) else { return };
    let problem = lanes::name_problem(cx.draft.working(), name, Some(model));
    let outcome = name_form(ui, cx, "New name", "Rename route", name, problem.as_deref());
    match outcome {
        Some(true) => {
            let (model, name) = (model.clone(), name.clone());
            cx.draft
                .edit(format!("rename route {model} to {name}"), |config| lanes::rename_route(config, &model, &name));
            state.renaming = None;
        }
        Some(false) => state.renaming = None,
        None => {}
    }
}

fn new_route(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let Some(name) = &mut state.new_name else {
        if ui.button("New route").clicked() {
            state.new_name = Some(String::new());
        }
        return;
    };
    let problem = lanes::name_problem(cx.draft.working(), name, None);
    match name_form(ui, cx, "Model name that clients send", "Add route", name, problem.as_deref()) {
        Some(true) => {
            let name = name.trim().to_owned();
            cx.draft.edit(format!("add route {name}"), |config| lanes::add_route(config, &name));
            state.wanted = Some(ModelName::from(name));
            state.new_name = None;
        }
        Some(false) => state.new_name = None,
        None => {}
    }
}

/// A name with its buttons: `Some(true)` to take it, `Some(false)` to leave it.
fn name_form(
    ui: &mut Ui,
    cx: &mut PageCx,
    label: &str,
    take: &str,
    name: &mut String,
    problem: Option<&str>,
) -> Option<bool> {
    let field = keyless::labelled(ui, cx.theme, label, "gpt-4o, or * for any other", name);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    if let Some(problem) = problem.filter(|_| !name.is_empty()) {
        ui.label(RichText::new(problem).color(cx.theme.tone(Tone::Error)));
    }
    let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    ui.horizontal(|ui| {
        let taken =
            ui.add_enabled(problem.is_none(), egui::Button::new(take)).clicked() || entered && problem.is_none();
        let left = ui.button("Cancel").clicked();
        taken.then_some(true).or(left.then_some(false))
    })
    .inner
}
