//! The Endpoints page: how each target is doing, and one endpoint in detail.
//!
//! Invariant: what the person set and what we see are two columns; the first never overwrites the second.
//! Absent on purpose: creating endpoints; accounts do that.

mod advice;
mod configured;
mod detail;
mod events;
mod health;
mod held_back;
mod limits;
mod list;
mod live;
mod quick;
mod remove;
mod tested;

use egui::Ui;

use crate::contract::{Command, EndpointCommand};
use crate::model::config::AdminState;
use crate::model::id::{EndpointId, ModelName};
use crate::ui::actions::Action;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::group_rank;
use crate::ui::long::Earlier;
use crate::ui::widgets::{TableState, icon_button, icon_text_button};
use egui_material_icons::icons::{ICON_PAUSE, ICON_PLAY_ARROW, ICON_WATER_DROP};

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    table: TableState<EndpointId>,
    /// The order of an earlier run was taken up.
    sort_taken: bool,
    open: Option<EndpointId>,
    tab: detail::Tab,
    /// Fields whose text cannot be read, and on which tab each is.
    wrong: Vec<(egui::Id, detail::Tab)>,
    quick: quick::Quick,
    plot_top: Option<f64>,
    earlier: Earlier,
    /// A name that is being typed, by its field.
    typed: Option<(&'static str, String)>,
    /// Removing it is asked about.
    removing: Option<EndpointId>,
}

/// Shows the list, or the endpoint that was opened.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    match cx.take_target() {
        Some(Target::Endpoint(id)) => state.open = Some(id),
        Some(Target::Config(id)) => (state.open, state.tab) = (Some(id), detail::Tab::Config),
        Some(Target::Top(_)) => state.open = None,
        _ => {}
    }
    if cx.take(Action::New) {
        // An endpoint comes with its account, or joins one, in the form of that page.
        cx.go(Page::Accounts);
        cx.act(Action::New);
    }
    cx.select(state.open.clone().or_else(|| state.table.selected.clone()).map(Target::Endpoint));
    state.quick.follow(&cx.snapshot.records);
    let open = state.open.as_ref().and_then(|id| cx.snapshot.view.endpoint(id)).cloned();
    match open {
        Some(endpoint) => detail::show(ui, cx, state, &endpoint),
        None => list::show(ui, cx, state),
    }
}

/// Drain and pause, at once and not through the draft. Each is a place of its own: what is so now is resumed there, and no
/// second press meets the other.
fn switches(ui: &mut Ui, cx: &mut PageCx, id: &EndpointId, now: AdminState, words: bool) {
    let mut places = [(AdminState::Draining, ICON_WATER_DROP, "Drain"), (AdminState::Paused, ICON_PAUSE, "Pause")];
    if ui.layout().prefer_right_to_left() {
        places.reverse();
    }
    for (state, icon, verb) in places {
        let (wanted, icon, verb) =
            if state == now { (AdminState::Enabled, ICON_PLAY_ARROW, "Resume") } else { (state, icon, verb) };
        let name = format!("{verb} {id}");
        let button = if words {
            icon_text_button(ui, cx.theme, icon, verb, &name)
        } else {
            icon_button(ui, cx.theme, icon, &name)
        };
        if button.clicked() {
            cx.send(Command::Endpoint(EndpointCommand::SetAdminState(id.clone(), wanted)));
        }
    }
}

/// Routes and ranks of an endpoint, as `demo-chat · First choice`.
fn places(cx: &PageCx, id: &EndpointId) -> String {
    let each: Vec<String> = each_place(cx, id).iter().map(|(route, rank)| format!("{route} · {rank}")).collect();
    if each.is_empty() { "not in a route".to_owned() } else { each.join(", ") }
}

/// The same each by itself: the route, and the rank.
fn each_place(cx: &PageCx, id: &EndpointId) -> Vec<(ModelName, String)> {
    let routes = cx.snapshot.view.routes.iter();
    let groups = routes.flat_map(|route| route.groups.iter().enumerate().map(move |group| (route, group)));
    let mine = groups.filter(|(_, (_, group))| group.endpoints.contains(id));
    mine.map(|(route, (place, _))| (route.model.clone(), group_rank(place, route.groups.len()))).collect()
}
