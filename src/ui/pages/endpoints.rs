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
use crate::model::id::EndpointId;
use crate::ui::cx::{PageCx, Target};
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
    cx.select(state.open.clone().or_else(|| state.table.selected.clone()).map(Target::Endpoint));
    state.quick.follow(&cx.snapshot.records);
    let open = state.open.as_ref().and_then(|id| cx.snapshot.view.endpoint(id)).cloned();
    match open {
        Some(endpoint) => detail::show(ui, cx, state, &endpoint),
        None => list::show(ui, cx, state),
    }
}

/// Pause, drain and resume: at once, not through the draft.
fn switches(ui: &mut Ui, cx: &mut PageCx, id: &EndpointId, now: AdminState, words: bool) {
    let choices = [
        (AdminState::Enabled, ICON_PLAY_ARROW, "Resume"),
        (AdminState::Draining, ICON_WATER_DROP, "Drain"),
        (AdminState::Paused, ICON_PAUSE, "Pause"),
    ];
    for (wanted, icon, verb) in choices.into_iter().filter(|(wanted, _, _)| *wanted != now) {
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

/// Route and rank of an endpoint, as `demo-chat · First choice`.
fn places(cx: &PageCx, id: &EndpointId) -> String {
    let mut places = Vec::new();
    for route in &cx.snapshot.view.routes {
        for (place, group) in route.groups.iter().enumerate() {
            if group.endpoints.contains(id) {
                places.push(format!("{} · {}", route.model, crate::ui::format::group_rank(place, route.groups.len())));
            }
        }
    }
    if places.is_empty() { "not in a route".to_owned() } else { places.join(", ") }
}
