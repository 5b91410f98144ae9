//! Removing an endpoint: what comes of it, and yes or no.
//!
//! Invariant: nothing is edited before the person said yes; a group that would be left empty goes too.
//! Absent on purpose: its account and pool; they stay.

use egui::{RichText, Ui};

use super::State;
use crate::model::config::{Config, Endpoint, Route};
use crate::model::id::EndpointId;
use crate::ui::cx::PageCx;
use crate::ui::theme::{gap, strong};
use crate::ui::widgets::primary_button;

/// Shows the button, or what is asked.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, mine: &Endpoint) {
    let id = &mine.id;
    ui.add_space(gap::S);
    if state.removing.as_ref() != Some(id) {
        if ui.button("Remove this endpoint…").clicked() {
            state.removing = Some(id.clone());
        }
        return;
    }
    ui.label(strong(format!("Remove {id}?")));
    for line in consequences(cx.draft.working(), mine) {
        ui.label(RichText::new(line).color(cx.theme.text_soft));
    }
    ui.horizontal(|ui| {
        if primary_button(ui, cx.theme, "Remove it").clicked() {
            cx.draft.edit(format!("remove endpoint {id}"), |config| remove(config, id));
            state.removing = None;
        }
        if ui.button("Keep it").clicked() {
            state.removing = None;
        }
    });
}

/// What comes of it, one sentence each.
fn consequences(config: &Config, mine: &Endpoint) -> Vec<String> {
    let mut said = vec!["It goes with the next apply; what runs there is finished. An undo brings it back.".to_owned()];
    for route in config.routes.iter().filter(|route| members(route).any(|id| *id == mine.id)) {
        let others = members(route).filter(|id| **id != mine.id).count();
        said.push(match others {
            0 => format!("Route {} has no endpoint then, and its requests are refused.", route.model),
            _ => format!("It leaves route {}.", route.model),
        });
    }
    let siblings = config.endpoints.iter().filter(|one| one.account == mine.account && one.id != mine.id).count();
    let account = &mine.account;
    said.push(match siblings {
        0 => format!("Account {account} and its key stay, without an endpoint."),
        _ => format!("Account {account} and its key stay."),
    });
    said
}

fn members(route: &Route) -> impl Iterator<Item = &EndpointId> {
    route.groups.iter().flat_map(|group| &group.endpoints).map(|member| &member.endpoint)
}

/// Takes it out of the configuration and every route.
fn remove(config: &mut Config, id: &EndpointId) {
    config.endpoints.retain(|one| one.id != *id);
    for route in &mut config.routes {
        let several = route.groups.len() > 1;
        route.groups.retain_mut(|group| {
            let had = group.endpoints.len();
            group.endpoints.retain(|member| member.endpoint != *id);
            !(several && group.endpoints.is_empty() && had > 0)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn it_leaves_every_route_and_takes_a_group_of_its_own_with_it() {
        let mut config = fixture::config();
        let mine = config.endpoint(&"sim-ptu".into()).unwrap().clone();
        let said = consequences(&config, &mine).join(" ");
        assert!(said.contains("It leaves route demo-chat. Account sim-a and its key stay."), "{said}");
        remove(&mut config, &mine.id);
        assert!(config.endpoint(&mine.id).is_none());
        let groups: Vec<usize> = config.routes[0].groups.iter().map(|group| group.endpoints.len()).collect();
        assert_eq!(groups, [2, 1]);
    }

    #[test]
    fn the_last_one_of_a_route_says_that_requests_are_refused() {
        let mut config = fixture::config();
        config.routes[0].groups.truncate(1);
        let mine = config.endpoint(&"sim-ptu".into()).unwrap().clone();
        assert!(consequences(&config, &mine).join(" ").contains("Route demo-chat has no endpoint then"));
        remove(&mut config, &mine.id);
        assert_eq!(config.routes[0].groups.len(), 1, "a route's only group stays");
    }
}
