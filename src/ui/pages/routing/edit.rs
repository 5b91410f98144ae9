//! What the person does to a route, and what becomes of it in the draft.
//!
//! Invariant: each edit is one named undo step; those of a gesture (a carried card, a dragged number) are one together. What
//! moved is said to screen readers.
//! Absent on purpose: the changes themselves (`lanes`), and drawing.

use std::sync::Arc;

use super::lanes::{self, Slot};
use super::sentence::{self, Share};
use super::sheets::Sheet;
use super::{Lifted, State};
use crate::model::config::{Config, Group, Priority, Regions, Route, Spread};
use crate::model::id::{EndpointId, ModelName};
use crate::ui::cx::{PageCx, Target};
use crate::ui::words;

/// What the person did to a route in this frame.
#[derive(Debug)]
pub(super) enum Edit {
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
    /// The person let go of a number.
    Settle,
    Regions(Regions),
    Then(Option<ModelName>),
    Priority(Option<Priority>),
    AddLane,
    RemoveLane(usize),
    /// The groups of a preset, by its name.
    Preset(&'static str, Vec<Group>),
    Rename(String),
    /// A group's name; empty: none.
    NameGroup(usize, String),
    Delete,
    /// Opens what is asked before an edit, or closes it.
    Ask(Option<Sheet>),
    /// Goes to a place.
    Open(Target),
    /// The person took this card in hand.
    Select(EndpointId),
}

/// Puts an edit into the draft.
pub(super) fn apply(cx: &mut PageCx, state: &mut State, route: &Route, edit: Edit) {
    let model = &route.model;
    match edit {
        Edit::Move(..) | Edit::Step(..) | Edit::Lift(_) | Edit::Carry(..) | Edit::Drop | Edit::PutBack => {
            moved(cx, state, route, edit);
        }
        Edit::Ask(sheet) => state.sheet = sheet.map(|sheet| (model.clone(), sheet)),
        Edit::Open(target) => cx.open(target),
        Edit::Select(endpoint) => {
            state.hand = Some((model.clone(), endpoint.clone()));
            state.selected = Some(Target::Endpoint(endpoint));
        }
        Edit::Settle => cx.draft.settle(),
        Edit::Rename(name) => {
            state.sheet = None;
            state.wanted = Some(ModelName::from(name.as_str()));
            cx.draft
                .edit(format!("rename route {model} to {name}"), |config| lanes::rename_route(config, model, &name));
        }
        Edit::Delete => {
            state.sheet = None;
            cx.draft.edit(format!("delete route {model}"), |config| lanes::delete_route(config, model));
        }
        Edit::NameGroup(place, name) => {
            state.sheet = None;
            let rank = words::group_in_sentence(place + 1, route.groups.len());
            let named = if name.is_empty() { "no name".to_owned() } else { name.clone() };
            cx.draft.edit(format!("give the {rank} of {model} {named}"), |config| {
                lanes::name_group(config, model, place, &name);
            });
        }
        Edit::Preset(name, groups) => {
            state.sheet = None;
            cx.draft.edit(format!("arrange {model}: {}", name.to_lowercase()), |config| {
                lanes::change_route(config, model, |route| route.groups = groups);
            });
        }
        edit => rule(cx, route, edit),
    }
}

/// Edits of a route's rules.
fn rule(cx: &mut PageCx, route: &Route, edit: Edit) {
    let model = &route.model;
    match edit {
        Edit::Spread(group, spread) => {
            let label = format!("split {model} by {}", words::spread(spread));
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
            let rank = words::group_in_sentence(group + 1, route.groups.len());
            let (gesture, label) = (format!("{share:?} {model} {group}"), format!("change when {rank} is left"));
            cx.draft.adjust(&gesture, label, |config| sentence::set_share(config, model, group, share, value));
        }
        Edit::Regions(regions) => {
            change(cx, model, format!("set the regions of {model}"), |route| route.regions = regions);
        }
        Edit::Then(then) => {
            let goes = then.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            change(cx, model, format!("let {model} go on with {goes}"), |route| route.then = then);
        }
        Edit::Priority(priority) => {
            let called = words::priority(priority.unwrap_or_default());
            change(cx, model, format!("count requests of {model} as {called}"), |route| route.priority = priority);
        }
        Edit::AddLane => {
            cx.draft.edit(format!("add a priority group to {model}"), |config| lanes::add_lane(config, model));
        }
        Edit::RemoveLane(group) => {
            cx.draft
                .edit(format!("remove a priority group of {model}"), |config| lanes::remove_lane(config, model, group));
        }
        _ => {}
    }
}

fn change(cx: &mut PageCx, model: &ModelName, label: String, change: impl FnOnce(&mut Route)) {
    cx.draft.edit(label, |config| lanes::change_route(config, model, change));
}

/// Edits that move a card.
fn moved(cx: &mut PageCx, state: &mut State, route: &Route, edit: Edit) {
    let model = &route.model;
    let go = |cx: &mut PageCx, endpoint: &EndpointId, to: Slot| {
        let label = lanes::move_label(route, endpoint, to);
        cx.draft.edit(label, |config| {
            lanes::move_card(config, model, endpoint, to);
        });
    };
    match edit {
        Edit::Move(endpoint, to) => {
            go(cx, &endpoint, to);
            state.said = spoken(cx.draft.working(), model, &endpoint);
        }
        Edit::Step(endpoint, to) => {
            go(cx, &endpoint, to);
            state.said = spoken(cx.draft.working(), model, &endpoint);
            // Seen as well as heard: the card has gone to another group, often out of the eye's sight.
            cx.step(&format!("Moved: {}", state.said));
            state.focus = Some((model.clone(), endpoint));
        }
        Edit::Lift(endpoint) => {
            cx.draft.settle();
            let place = spoken(cx.draft.working(), model, &endpoint);
            state.said = format!("Lifted. {place}. Arrows move it, Enter drops it, Escape puts it back.");
            cx.step(&state.said);
            state.lifted = Some(Lifted { route: model.clone(), endpoint, before: Arc::clone(cx.draft.working()) });
        }
        Edit::Carry(endpoint, to) => {
            let label = lanes::move_label(route, &endpoint, to);
            let before = state.lifted.as_ref().and_then(|lifted| lifted.before.route(model));
            cx.draft.adjust("carry a card", label, |config| {
                lanes::move_card(config, model, &endpoint, to);
                // A lane that went on the way comes back with all its rules.
                let route = config.routes.iter_mut().find(|route| route.model == *model);
                if let Some((route, before)) = route.zip(before).filter(|(now, before)| lanes::same_places(now, before))
                {
                    route.clone_from(before);
                }
            });
            state.said = spoken(cx.draft.working(), model, &endpoint);
            cx.step(&state.said);
            state.focus = Some((model.clone(), endpoint));
        }
        _ => {
            cx.draft.settle();
            let Some(lifted) = state.lifted.take() else { return };
            // Carried there and back leaves no step; then an undo would take back something older.
            let back = matches!(edit, Edit::PutBack);
            if back && lifted.before != *cx.draft.working() {
                cx.draft.undo();
            }
            let place = spoken(cx.draft.working(), model, &lifted.endpoint);
            state.said = format!("{}. {place}", if back { "Put back" } else { "Dropped" });
            cx.step(&state.said);
        }
    }
}

/// Where a card stands, as its name says it.
fn spoken(config: &Config, model: &ModelName, endpoint: &EndpointId) -> String {
    config.route(model).map_or_else(String::new, |route| lanes::spoken_place(route, endpoint))
}
