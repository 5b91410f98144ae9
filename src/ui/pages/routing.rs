//! The Routing page: per route its lanes, top to bottom in the order of trial.
//!
//! Invariant: every edit goes through `edit` into the draft as one named undo step; mouse, keyboard and menu make the same
//! edits.
//! Absent on purpose: choosing; the balancer does that, by these rules.

mod card;
mod checks;
mod edit;
mod lane;
pub mod lanes;
mod order;
mod plan;
mod presets;
mod sent;
mod sentence;
mod sheets;

use std::sync::Arc;

use egui::{Align, DragAndDrop, Layout, Ui, style::ScrollAnimation, vec2};
use egui_material_icons::icons::{ICON_DELETE, ICON_EDIT};

use crate::model::config::{Config, Route};
use crate::model::id::{EndpointId, ModelName};
use crate::ui::actions::Action;
use crate::ui::cx::{Page, PageCx, RowStep, Target};
use crate::ui::findings;
use crate::ui::flash;
use crate::ui::format::{EXPECTATION, expects_each};
use crate::ui::new_route;
use crate::ui::test_request::TestRequest;
use crate::ui::theme::{Tone, gap, strong};
use crate::ui::widgets::{self, icon_button};

use card::Dragged;
use edit::Edit;
use lane::Scene;
use presets::Preset;
use sent::Sent;
use sheets::Sheet;

/// How near to the edge a dragged card scrolls the page, in points.
const EDGE: f32 = 48.0;
/// How far it scrolls in a frame at most.
const STEP: f32 = 14.0;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    new_name: Option<String>,
    /// What is asked of a route.
    sheet: Option<(ModelName, Sheet)>,
    /// Scrolled to in the next frame.
    wanted: Option<ModelName>,
    /// Gets the focus in the next frame: a card that was just moved by keyboard.
    focus: Option<(ModelName, EndpointId)>,
    /// Lifted by Space: arrows carry it, all in one undo step.
    lifted: Option<Lifted>,
    /// A card hangs at the pointer.
    dragging: bool,
    /// What a screen reader says of the last move.
    said: String,
    sent: Sent,
    test: TestRequest,
    /// The card that had the keyboard last.
    hand: Option<(ModelName, EndpointId)>,
    /// What the inspector shows: the card or route that was last in hand.
    selected: Option<Target>,
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

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    if let Some(Target::Route(model)) = cx.take_target() {
        state.selected = Some(Target::Route(model.clone()));
        state.wanted = Some(model);
    }
    state.sent.follow(cx.snapshot);
    state.test.hear(cx);
    mind_drag(ui, cx, state);
    widgets::page_title(ui, cx.theme, "Routing", "Who gets traffic first, and in what share");
    widgets::announce(ui, egui::Id::unique("routing said"), &state.said);
    let config = Arc::clone(cx.draft.working());
    if config.routes.is_empty() {
        ui.label("No routes yet. A route is the model name clients send, and the endpoints that answer it.");
        if config.endpoints.is_empty() && ui.button("Add a key first").clicked() {
            cx.go(Page::Accounts);
        }
    }
    if let Some(step) = cx.take_row_step() {
        go_on(&config, state, step);
    }
    for (place, route) in config.routes.iter().enumerate() {
        show_route(ui, cx, state, place, route);
        ui.add_space(gap::XL);
    }
    let asked = cx.take(Action::New) && state.new_name.is_none();
    if asked {
        state.new_name = Some(String::new());
    }
    let form = ui.scope(|ui| new_route(ui, cx, state)).response;
    if asked {
        form.scroll_to_me(Some(Align::BOTTOM));
    }
    ui.add_space(gap::XL);
    cx.select(state.selected.clone());
}

/// J, K and G lead the keyboard from card to card, through all routes.
fn go_on(config: &Config, state: &mut State, step: RowStep) {
    let members = |route: &Route| route.groups.iter().flat_map(|group| group.endpoints.clone()).collect::<Vec<_>>();
    let cards: Vec<(ModelName, EndpointId)> = config
        .routes
        .iter()
        .flat_map(|route| members(route).into_iter().map(|member| (route.model.clone(), member.endpoint)))
        .collect();
    let at = state.hand.as_ref().and_then(|hand| cards.iter().position(|card| card == hand));
    state.focus = step.from(at, cards.len()).and_then(|place| cards.get(place)).cloned();
}

/// While a card is dragged snapshots come faster, and the page scrolls when it comes near an edge.
fn mind_drag(ui: &Ui, cx: &mut PageCx, state: &mut State) {
    let dragging = DragAndDrop::has_payload_of_type::<Dragged>(ui.ctx());
    if dragging != state.dragging {
        state.dragging = dragging;
        cx.watch_closely(dragging);
    }
    let Some(at) = ui.ctx().pointer_interact_pos().filter(|_| dragging) else { return };
    let seen = ui.clip_rect();
    let by = toward(seen.top() + EDGE - at.y) - toward(at.y - (seen.bottom() - EDGE));
    if by != 0.0 {
        ui.scroll_with_delta_animation(vec2(0.0, by), ScrollAnimation::none());
        cx.again();
    }
}

/// The nearer to the edge, the faster.
fn toward(within: f32) -> f32 {
    (within.clamp(0.0, EDGE) / EDGE * STEP).ceil()
}

fn show_route(ui: &mut Ui, cx: &mut PageCx, state: &mut State, place: usize, route: &Route) {
    let mut edits = Vec::new();
    let shown = ui.push_id(("route", &route.model), |ui| {
        widgets::card(ui, cx.theme, |ui| {
            header(ui, cx, &mut state.test, route, &mut edits);
            if let Some((_, sheet)) = state.sheet.as_mut().filter(|(model, _)| *model == route.model) {
                sheets::show(ui, cx, route, sheet, &state.sent, &mut edits);
            }
            expected(ui, cx, route);
            ui.add_space(gap::M);
            let focus = state.focus.take_if(|(model, _)| *model == route.model).map(|(_, endpoint)| endpoint);
            let lifted = state.lifted.as_ref().filter(|lifted| lifted.route == route.model);
            let held = Held { focus, lifted: lifted.map(|lifted| lifted.endpoint.clone()) };
            lane::all(ui, cx, &Scene { route, sent: &state.sent, held: &held }, &mut edits);
            order::rules(ui, cx, route, &mut edits);
            checks::show(ui, cx, route, &mut edits);
            findings::show(ui, cx, "route", Some(place));
        });
    });
    let mut cards = route.groups.iter().flat_map(|group| &group.endpoints);
    // Cards that moved are framed each by itself.
    if !cards.any(|card| flash::is_shown(ui.ctx(), &Target::Endpoint(card.endpoint.clone()))) {
        flash::frame(ui, cx.theme, shown.response.rect, &Target::Route(route.model.clone()));
    }
    if state.wanted.as_ref() == Some(&route.model) {
        shown.response.scroll_to_me(Some(Align::TOP));
        state.wanted = None;
    }
    for edit in edits {
        edit::apply(cx, state, route, edit);
    }
}

fn header(ui: &mut Ui, cx: &mut PageCx, sent: &mut TestRequest, route: &Route, edits: &mut Vec<Edit>) {
    ui.horizontal_wrapped(|ui| {
        let any = route.model.as_str() == "*";
        ui.label(strong(if any { "Any other model (*)".to_owned() } else { format!("Route {}", route.model) }));
        standing(ui, cx, route);
        if !any && cx.snapshot.applied.config.route(&route.model).is_some() {
            let hint = "Sends one small request, as a client would, and opens why it went where it went";
            if ui.button("Route a test request").on_hover_text(hint).clicked() {
                sent.send(cx, &route.model);
            }
            sent.progress(ui, cx, &route.model);
        }
        if ui.button("Add priority group").clicked() {
            edits.push(Edit::AddLane);
        }
        presets(ui, cx, route, edits);
        if icon_button(ui, cx.theme, ICON_EDIT, &format!("Rename {}", route.model)).clicked() {
            edits.push(Edit::Ask(Some(Sheet::Rename(route.model.to_string()))));
        }
        if icon_button(ui, cx.theme, ICON_DELETE, &format!("Delete route {}", route.model)).clicked() {
            edits.push(Edit::Ask(Some(Sheet::Delete)));
        }
    });
}

/// How many of its endpoints serve.
fn standing(ui: &mut Ui, cx: &PageCx, route: &Route) {
    let Some(view) = cx.snapshot.view.routes.iter().find(|view| view.model == route.model) else {
        widgets::status_label(ui, cx.theme, Tone::Info, "not applied yet");
        return;
    };
    let tone = match view.serving {
        serving if serving == view.members => Tone::Ok,
        0 => Tone::Error,
        _ => Tone::Throttled,
    };
    widgets::status_label(ui, cx.theme, tone, &format!("{} of {} serving", view.serving, view.members));
    if view.waiting > 0 {
        widgets::note(ui, cx.theme, &format!("{} waiting", view.waiting));
    } else {
        // What follows is called by how much stands before it, and would lose the keyboard.
        ui.skip_ahead_auto_ids(1);
    }
}

/// What its clients are expected to ask for next, by priority.
fn expected(ui: &mut Ui, cx: &PageCx, route: &Route) {
    let view = cx.snapshot.view.routes.iter().find(|view| view.model == route.model);
    if let Some(each) = view.and_then(|view| expects_each(&view.demand)) {
        widgets::note(ui, cx.theme, &format!("{EXPECTATION}{each}"))
            .on_hover_text("Room is kept for the more important ones; what is rarely exceeded says how sure this is");
    } else {
        ui.skip_ahead_auto_ids(1);
    }
}

fn presets(ui: &mut Ui, cx: &PageCx, route: &Route, edits: &mut Vec<Edit>) {
    ui.menu_button("Arrange", |ui| {
        for preset in Preset::ALL {
            let groups = preset.groups(cx.draft.working(), route, &|id| cx.snapshot.view.endpoint(id)?.first_token);
            let button = ui.add_enabled(groups.is_ok(), egui::Button::new(preset.name()));
            if button.on_hover_text(preset.hint()).clicked() {
                edits.push(Edit::Ask(Some(Sheet::Preset(preset))));
            }
            if let Err(why) = groups {
                // A menu justifies what is in it, which spreads words.
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    ui.set_max_width(300.0);
                    widgets::note(ui, cx.theme, why);
                });
            }
        }
    });
}

fn new_route(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let Some(name) = &mut state.new_name else {
        if ui.button("New route").clicked() {
            state.new_name = Some(String::new());
        }
        return;
    };
    let problem = lanes::name_problem(cx.draft.working(), name, None);
    match sheets::name_form(ui, cx, ("Model name that clients send", "Add route"), name, problem.as_deref()) {
        Some(true) => {
            let wanted = new_route::Wanted { model: ModelName::from(name.trim()), like: None };
            state.wanted = Some(wanted.into_draft(cx.draft));
            state.new_name = None;
        }
        Some(false) => state.new_name = None,
        None => {}
    }
}
