//! What the routing page does to a configuration: pure functions that mouse, keyboard and menus share.
//!
//! Invariant: after a move the endpoint stands at most once in the route, and no other endpoint was lost; a lane that a
//! move emptied is gone, a lane the person added empty stays.
//! Absent on purpose: drawing, undo steps and checks.

use crate::model::config::{Config, Endpoint, Group, Member, Route, Spread};
use crate::model::id::{EndpointId, ModelName};
use crate::ui::words;

/// Where a card can be dropped. Places count from 0 and are those before the move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Into a lane, before the card that stands at `index` (its length: at the end).
    Lane {
        /// The lane.
        group: usize,
        /// The place within it.
        index: usize,
    },
    /// Into a lane of its own, put before this lane (the number of lanes: at the bottom).
    NewLane {
        /// The lane it comes before.
        before: usize,
    },
    /// Out of the route.
    Unused,
}

/// One step by keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the lane above; from a shared top lane into a new one.
    Up,
    /// To the lane below; from a shared bottom lane into a new one.
    Down,
    /// One place earlier in its lane.
    Earlier,
    /// One place later in its lane.
    Later,
    /// One place towards the top: in its lane, then out of it into one of its own, then to the end of the lane above.
    Back,
    /// One place towards the bottom, likewise: it leads through every place, and [`Step::Back`] leads the same way back.
    On,
}

/// Lane and place of an endpoint in a route, each from 0.
#[must_use]
pub fn place_of(route: &Route, endpoint: &EndpointId) -> Option<(usize, usize)> {
    route.groups.iter().enumerate().find_map(|(group, lane)| {
        let index = lane.endpoints.iter().position(|member| member.endpoint == *endpoint)?;
        Some((group, index))
    })
}

/// Where an endpoint stands, as it is said: "azure-westus, second choice, position 1 of 2".
#[must_use]
pub fn spoken_place(route: &Route, endpoint: &EndpointId) -> String {
    let Some((group, index)) = place_of(route, endpoint) else { return format!("{endpoint}, not used in this route") };
    let rank = words::group_in_sentence(group + 1, route.groups.len());
    let of = route.groups.get(group).map_or(0, |lane| lane.endpoints.len());
    format!("{endpoint}, {rank}, position {} of {of}", index + 1)
}

/// The slot one step away, if there is one. What is not used yet comes in at the bottom.
#[must_use]
pub fn step(route: &Route, endpoint: &EndpointId, step: Step) -> Option<Slot> {
    let length = |group: usize| route.groups.get(group).map_or(0, |lane| lane.endpoints.len());
    let Some((group, index)) = place_of(route, endpoint) else {
        let last = route.groups.len().checked_sub(1);
        let slot = last.map_or(Slot::NewLane { before: 0 }, |group| Slot::Lane { group, index: length(group) });
        return matches!(step, Step::Up | Step::Back).then_some(slot);
    };
    match step {
        Step::Up if group > 0 => Some(Slot::Lane { group: group - 1, index: length(group - 1) }),
        Step::Up => (length(group) > 1).then_some(Slot::NewLane { before: 0 }),
        Step::Down if group + 1 < route.groups.len() => Some(Slot::Lane { group: group + 1, index: 0 }),
        Step::Down => (length(group) > 1).then_some(Slot::NewLane { before: group + 1 }),
        Step::Earlier => Some(Slot::Lane { group, index: index.checked_sub(1)? }),
        Step::Later => (index + 1 < length(group)).then_some(Slot::Lane { group, index: index + 2 }),
        Step::Back if index > 0 => self::step(route, endpoint, Step::Earlier),
        Step::Back if length(group) > 1 => Some(Slot::NewLane { before: group }),
        Step::Back => self::step(route, endpoint, Step::Up),
        Step::On if index + 1 < length(group) => self::step(route, endpoint, Step::Later),
        Step::On if length(group) > 1 => Some(Slot::NewLane { before: group + 1 }),
        Step::On => self::step(route, endpoint, Step::Down),
    }
}

/// Moves an endpoint to a slot of the route `model`, from wherever it stands (also from outside the route). Its weight
/// goes with it. False if nothing changed.
pub fn move_card(config: &mut Config, model: &ModelName, endpoint: &EndpointId, to: Slot) -> bool {
    let Some(route) = route_mut(config, model) else { return false };
    let before = route.groups.clone();
    let from = place_of(route, endpoint);
    let member = take(route, endpoint, from);
    match to {
        Slot::Lane { group, index } => {
            let Some(lane) = route.groups.get_mut(group) else {
                route.groups = before;
                return false;
            };
            let shifted = from.is_some_and(|(lane, place)| lane == group && place < index);
            let index = index.saturating_sub(usize::from(shifted)).min(lane.endpoints.len());
            lane.endpoints.insert(index, member);
        }
        Slot::NewLane { before } => {
            let lane = Group { endpoints: vec![member], ..Group::default() };
            route.groups.insert(before.min(route.groups.len()), lane);
        }
        Slot::Unused => {}
    }
    drop_emptied(route, from, to);
    route.groups != before
}

/// Whether every card stands where it stands in `other`, whatever else became of the lanes.
#[must_use]
pub fn same_places(route: &Route, other: &Route) -> bool {
    let places = |route: &Route| -> Vec<Vec<EndpointId>> {
        let ids = |lane: &Group| lane.endpoints.iter().map(|member| member.endpoint.clone()).collect();
        route.groups.iter().map(ids).collect()
    };
    places(route) == places(other)
}

/// Takes every card of the endpoint out of the route, leaving the lanes as they are.
fn take(route: &mut Route, endpoint: &EndpointId, from: Option<(usize, usize)>) -> Member {
    let known = from.and_then(|(group, index)| route.groups.get(group)?.endpoints.get(index).cloned());
    for lane in &mut route.groups {
        lane.endpoints.retain(|member| member.endpoint != *endpoint);
    }
    known.unwrap_or_else(|| Member { endpoint: endpoint.clone(), weight: 1 })
}

/// Removes the lane the card came from if nothing is left in it.
fn drop_emptied(route: &mut Route, from: Option<(usize, usize)>, to: Slot) {
    let Some((group, _)) = from else { return };
    let pushed_down = matches!(to, Slot::NewLane { before } if before <= group);
    let group = group + usize::from(pushed_down);
    if route.groups.get(group).is_some_and(|lane| lane.endpoints.is_empty()) {
        route.groups.remove(group);
    }
}

/// What a move does, as the name of its undo step: "move azure-eu to second choice".
#[must_use]
pub fn move_label(route: &Route, endpoint: &EndpointId, to: Slot) -> String {
    match to {
        Slot::Lane { group, .. } => {
            let place = words::group_in_sentence(group + 1, route.groups.len());
            match place_of(route, endpoint) {
                Some((from, _)) if from == group => format!("reorder {endpoint} within {place}"),
                _ => format!("move {endpoint} to {place}"),
            }
        }
        Slot::NewLane { .. } => format!("move {endpoint} to a new priority group"),
        Slot::Unused => format!("remove {endpoint} from route {}", route.model),
    }
}

/// Endpoints the route does not use, each with what speaks against using it.
#[must_use]
pub fn unused<'c>(config: &'c Config, route: &Route) -> Vec<(&'c Endpoint, Option<String>)> {
    config
        .endpoints
        .iter()
        .filter(|endpoint| place_of(route, &endpoint.id).is_none())
        .map(|endpoint| {
            let other = endpoint.model != route.model && route.model.as_str() != "*";
            (endpoint, other.then(|| format!("does not offer {}; it answers as {}", route.model, endpoint.model)))
        })
        .collect()
}

/// Why a weight in this group changes nothing; `None` if it counts.
#[must_use]
pub fn weight_without_effect(group: &Group) -> Option<String> {
    if group.spread != Spread::Weights {
        return Some(format!("No effect: this group splits by {}, not by weights.", words::spread(group.spread)));
    }
    (group.endpoints.len() < 2).then(|| "No effect: this is the group's only endpoint.".to_owned())
}

/// Adds an empty lane at the bottom.
pub fn add_lane(config: &mut Config, model: &ModelName) {
    if let Some(route) = route_mut(config, model) {
        route.groups.push(Group::default());
    }
}

/// Removes a lane; its endpoints become unused.
pub fn remove_lane(config: &mut Config, model: &ModelName, group: usize) {
    if let Some(route) = route_mut(config, model)
        && group < route.groups.len()
    {
        route.groups.remove(group);
    }
}

/// Sets how a lane splits.
pub fn set_spread(config: &mut Config, model: &ModelName, group: usize, spread: Spread) {
    if let Some(lane) = route_mut(config, model).and_then(|route| route.groups.get_mut(group)) {
        lane.spread = spread;
    }
}

/// Sets whether prompts that begin alike go to the same member.
pub fn set_caches(config: &mut Config, model: &ModelName, group: usize, kept: bool) {
    if let Some(lane) = route_mut(config, model).and_then(|route| route.groups.get_mut(group)) {
        lane.cache_affinity = kept;
    }
}

/// What is wrong with this name for the group at a place; nothing, if it is empty: the group is known by its place then.
#[must_use]
pub fn group_problem(route: &Route, group: usize, name: &str) -> Option<String> {
    let name = name.trim();
    let others = || route.groups.iter().enumerate().filter(|(place, _)| *place != group);
    let called = |(place, other): (usize, &Group)| match &other.id {
        Some(id) => id.as_str() == name,
        None => (place + 1).to_string() == name,
    };
    let taken = others().any(called);
    taken.then(|| format!("Another priority group of this route is known as {name}."))
}

/// Names a lane; without a name it is known by its place.
pub fn name_group(config: &mut Config, model: &ModelName, group: usize, name: &str) {
    if let Some(lane) = route_mut(config, model).and_then(|route| route.groups.get_mut(group)) {
        lane.id = (!name.is_empty()).then(|| name.into());
    }
}

/// Sets a member's weight; at least 1.
pub fn set_weight(config: &mut Config, model: &ModelName, endpoint: &EndpointId, weight: u32) {
    let Some(route) = route_mut(config, model) else { return };
    for member in route.groups.iter_mut().flat_map(|lane| &mut lane.endpoints) {
        if member.endpoint == *endpoint {
            member.weight = weight.max(1);
        }
    }
}

/// Why this cannot be a route's new name; `None` if it can.
#[must_use]
pub fn name_problem(config: &Config, name: &str, own: Option<&ModelName>) -> Option<String> {
    let name = name.trim();
    if name.is_empty() {
        return Some("A route needs the model name that clients send, or * for any other.".to_owned());
    }
    let taken = config.routes.iter().any(|route| route.model.as_str() == name && Some(&route.model) != own);
    taken.then(|| format!("A route for {name} exists already."))
}

/// Changes what stands on the route itself.
pub fn change_route(config: &mut Config, model: &ModelName, change: impl FnOnce(&mut Route)) {
    if let Some(route) = route_mut(config, model) {
        change(route);
    }
}

/// Gives a route another name.
pub fn rename_route(config: &mut Config, model: &ModelName, name: &str) {
    let renamed = ModelName::from(name.trim());
    change_route(config, model, |route| route.model = renamed.clone());
    for route in config.routes.iter_mut().filter(|route| route.then.as_ref() == Some(model)) {
        route.then = Some(renamed.clone());
    }
}

/// Deletes a route. Its endpoints stay.
pub fn delete_route(config: &mut Config, model: &ModelName) {
    config.routes.retain(|route| route.model != *model);
}

fn route_mut<'c>(config: &'c mut Config, model: &ModelName) -> Option<&'c mut Route> {
    config.routes.iter_mut().find(|route| route.model == *model)
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
