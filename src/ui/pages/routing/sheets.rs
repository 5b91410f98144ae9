//! What is asked before a route is renamed, deleted or arranged anew: what comes of it, and yes or no.
//!
//! Invariant: nothing is edited before the person said yes; what is said is worked out from the draft.
//! Absent on purpose: undo; the draft has it.

use egui::{Key, RichText, Ui};

use super::edit::Edit;
use super::lanes;
use super::presets::Preset;
use super::sent::Sent;
use crate::model::config::{Config, Route};
use crate::model::id::ModelName;
use crate::ui::cx::{Page, PageCx};
use crate::ui::draft;
use crate::ui::format::count;
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap, strong};
use crate::ui::widgets::primary_button;
use crate::ui::words;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) enum Sheet {
    /// Its new name, as typed so far.
    Rename(String),
    /// The name of one of its groups, from 0, as typed so far.
    Group(usize, String),
    /// Whether it is to go.
    Delete,
    /// Whether its groups are to be arranged so.
    Preset(Preset),
}

/// Shows what is asked of this route.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, route: &Route, sheet: &mut Sheet, sent: &Sent, edits: &mut Vec<Edit>) {
    ui.add_space(gap::M);
    let free = !ui.ctx().text_edit_focused() && ui.ctx().dragged_id().is_none();
    if free && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape)) {
        edits.push(Edit::Ask(None));
    }
    let frame = egui::Frame::new().fill(cx.theme.raised).stroke((1.0, cx.theme.accent));
    frame.corner_radius(6).inner_margin(gap::L).show(ui, |ui| {
        ui.set_width(ui.available_width());
        match sheet {
            Sheet::Rename(name) => rename(ui, cx, route, name, edits),
            Sheet::Group(place, name) => name_group(ui, cx, route, (*place, name), edits),
            Sheet::Delete => delete(ui, cx, route, sent, edits),
            Sheet::Preset(preset) => preset_preview(ui, cx, route, *preset, edits),
        }
    });
}

fn rename(ui: &mut Ui, cx: &mut PageCx, route: &Route, name: &mut String, edits: &mut Vec<Edit>) {
    let problem = lanes::name_problem(cx.draft.working(), name, Some(&route.model));
    match name_form(ui, cx, ("New name", "Rename route"), name, problem.as_deref()) {
        Some(true) => edits.push(Edit::Rename(name.trim().to_owned())),
        Some(false) => edits.push(Edit::Ask(None)),
        None => {}
    }
    let text = format!("Clients have to ask for the new name. {}", unanswered(cx.draft.working(), &route.model));
    ui.label(RichText::new(text).color(cx.theme.text_soft));
}

fn name_group(ui: &mut Ui, cx: &mut PageCx, route: &Route, (place, name): (usize, &mut String), edits: &mut Vec<Edit>) {
    let rank = words::group_in_sentence(place + 1, route.groups.len());
    ui.label(strong(format!("Name of the {rank}")));
    let problem = lanes::group_problem(route, place, name);
    let field = keyless::labelled(ui, cx.theme, "Group name", "provisioned", name);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    if let Some(problem) = &problem {
        ui.label(RichText::new(problem).color(cx.theme.tone(Tone::Error)));
    }
    let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.horizontal(|ui| {
        let take = ui.add_enabled(problem.is_none(), egui::Button::new("Name it")).clicked();
        if take || entered && problem.is_none() {
            edits.push(Edit::NameGroup(place, name.trim().to_owned()));
        }
        if ui.button("Cancel").clicked() {
            edits.push(Edit::Ask(None));
        }
    });
    let text = "In the file it is the group's id. What a group remembers, such as that it was left, stays with its name when \
                groups change places; without one it is known by its place. Empty: none.";
    ui.label(RichText::new(text).color(cx.theme.text_soft));
}

fn delete(ui: &mut Ui, cx: &PageCx, route: &Route, sent: &Sent, edits: &mut Vec<Edit>) {
    ui.label(strong(format!("Delete route {}?", route.model)));
    for line in consequences(cx.draft.working(), route, sent.all(&route.model)) {
        ui.label(RichText::new(line).color(cx.theme.text_soft));
    }
    ui.horizontal(|ui| {
        if primary_button(ui, cx.theme, "Delete it").clicked() {
            edits.push(Edit::Delete);
        }
        if ui.button("Keep it").clicked() {
            edits.push(Edit::Ask(None));
        }
    });
}

/// What comes of deleting a route, one sentence each.
fn consequences(config: &Config, route: &Route, sent: u64) -> Vec<String> {
    let model = &route.model;
    let mut said = vec![unanswered(config, model)];
    if sent > 0 {
        said.push(format!("It sent {} in the last 5 minutes.", count(sent, "request", "requests")));
    }
    let members = || route.groups.iter().flat_map(|group| &group.endpoints);
    let elsewhere =
        |id| config.routes.iter().any(|other| other.model != *model && lanes::place_of(other, id).is_some());
    let left: Vec<&str> = members()
        .map(|one| &one.endpoint)
        .filter(|id| !elsewhere(id))
        .map(crate::model::id::EndpointId::as_str)
        .collect();
    said.push(match left.as_slice() {
        [] => "Its endpoints stay, and are used by other routes.".to_owned(),
        [one] => format!("Its endpoints stay; {one} is in no route then."),
        many => format!("Its endpoints stay; {} are in no route then.", many.join(", ")),
    });
    for other in config.routes.iter().filter(|other| other.then.as_ref() == Some(model)) {
        said.push(format!("Route {} goes on with it, and ends with its own groups then.", other.model));
    }
    said
}

/// What becomes of requests that ask for a name without a route of its own.
fn unanswered(config: &Config, model: &ModelName) -> String {
    let any = config.routes.iter().any(|route| route.model.as_str() == "*");
    match (model.as_str(), any) {
        ("*", _) => "Requests for models without a route of their own are refused then.".to_owned(),
        (model, true) => format!("Requests for {model} are answered by the route for any other model then."),
        (model, false) => format!("Requests for {model} are refused then."),
    }
}

fn preset_preview(ui: &mut Ui, cx: &PageCx, route: &Route, preset: Preset, edits: &mut Vec<Edit>) {
    ui.label(strong(preset.name()));
    ui.label(RichText::new(preset.hint()).color(cx.theme.text_soft));
    let config = cx.draft.working();
    let groups = preset.groups(config, route, &|id| cx.snapshot.view.endpoint(id)?.first_token);
    let changes = groups.as_ref().map(|groups| {
        let mut after = Config::clone(config);
        lanes::change_route(&mut after, &route.model, |route| route.groups.clone_from(groups));
        draft::sentences(config, &after)
    });
    match &changes {
        Err(why) => drop(ui.label(**why)),
        Ok(changes) if changes.is_empty() => drop(ui.label("The route is arranged like that already.")),
        Ok(changes) => {
            for change in changes {
                ui.label(format!("• {change}"));
            }
        }
    }
    let useful = changes.is_ok_and(|changes| !changes.is_empty());
    ui.horizontal(|ui| {
        if let Some(groups) = groups.ok().filter(|_| useful)
            && primary_button(ui, cx.theme, "Arrange it so").clicked()
        {
            edits.push(Edit::Preset(preset.name(), groups));
        }
        if ui.button("Cancel").clicked() {
            edits.push(Edit::Ask(None));
        }
    });
}

/// A name with its buttons: `Some(true)` to take it, `Some(false)` to leave it.
pub(super) fn name_form(
    ui: &mut Ui,
    cx: &mut PageCx,
    (label, take): (&str, &str),
    name: &mut String,
    problem: Option<&str>,
) -> Option<bool> {
    let field = keyless::labelled(ui, cx.theme, label, "gpt-4o, or * for any other", name);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    let opened = field.response.id.with("opened");
    if !ui.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default(opened), true)) {
        field.response.request_focus();
    }
    if let Some(problem) = problem.filter(|_| !name.is_empty()) {
        ui.label(RichText::new(problem).color(cx.theme.tone(Tone::Error)));
    }
    let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.horizontal(|ui| {
        let taken =
            ui.add_enabled(problem.is_none(), egui::Button::new(take)).clicked() || entered && problem.is_none();
        let left = ui.button("Cancel").clicked();
        if taken || left {
            ui.data_mut(|data| data.remove::<bool>(opened));
        }
        taken.then_some(true).or(left.then_some(false))
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn deleting_a_route_says_what_becomes_of_requests_endpoints_and_other_routes() {
        let mut config = fixture::config();
        let other = Route { then: Some("demo-chat".into()), ..Route::new("big".into(), vec![]) };
        config.routes.push(other);
        let said = consequences(&config, &config.routes[0], 12).join(" ");
        assert!(said.starts_with("Requests for demo-chat are refused then. It sent 12 requests"), "{said}");
        assert!(said.contains("sim-ptu, sim-eastus, sim-westus, sim-sweden are in no route then."), "{said}");
        assert!(said.ends_with("Route big goes on with it, and ends with its own groups then."), "{said}");
        config.routes.push(Route::new("*".into(), config.routes[0].groups.clone()));
        let said = consequences(&config, &config.routes[0], 0).join(" ");
        assert!(said.contains("answered by the route for any other model"), "{said}");
        assert!(said.contains("are used by other routes"), "{said}");
    }
}
