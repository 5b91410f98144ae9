//! The ways on from a request whose model no route answers for.
//!
//! Invariant: what is offered fits the routes of now; a route that was added since is said, not offered again.
//! Absent on purpose: editing; what is wanted goes to whoever has the draft.

use egui::{RichText, Ui};

use super::Ask;
use crate::model::config::Config;
use crate::model::decision::{Conclusion, RefusalReason};
use crate::model::id::ModelName;
use crate::model::record::{RecordEnd, RequestRecord};
use crate::ui::cx::{Page, Target};
use crate::ui::new_route::{Wanted, known};
use crate::ui::theme::{Theme, gap};
use crate::ui::widgets::{note, primary_button, quiet_button};

/// So many names are offered, those most alike.
const OFFERED: usize = 6;

/// Whether the request was refused because its model has no route.
pub(super) fn is_cause(record: &RequestRecord) -> bool {
    let said = record.decisions.last().map(|decision| decision.conclusion);
    record.end == RecordEnd::Refused
        && !record.profile.model.as_str().is_empty()
        && said.is_none_or(|said| said == Conclusion::Refused(RefusalReason::UnknownModel))
}

/// Offers a route for it, and what is answered now.
pub(super) fn show(ui: &mut Ui, theme: &Theme, record: &RequestRecord, config: &Config) -> Option<Ask> {
    let model = &record.profile.model;
    ui.add_space(gap::M);
    if config.route(model).is_some() {
        ui.label(RichText::new(format!("A route for {model} runs by now: send it again.")).color(theme.text_soft));
        let open = quiet_button(ui, theme, "Open its route").clicked();
        return open.then(|| Ask::Open(Target::Route(model.clone())));
    }
    if config.endpoints.is_empty() {
        ui.label(RichText::new("There is no endpoint yet that a route could lead to.").color(theme.text_soft));
        let add = primary_button(ui, theme, "Add an account first").clicked();
        return add.then_some(Ask::Open(Target::Top(Page::Accounts)));
    }
    let mut asked = None;
    if primary_button(ui, theme, &format!("Add a route for {model}")).clicked() {
        asked = Some(Ask::Route(Wanted { model: model.clone(), like: None }));
    }
    note(ui, theme, "It goes into the draft; nothing changes before you apply it.");
    names(ui, theme, model, config).or(asked)
}

/// Each name that is answered, and the way to have this one answered alike.
fn names(ui: &mut Ui, theme: &Theme, model: &ModelName, config: &Config) -> Option<Ask> {
    let known = known(config, model);
    if known.is_empty() {
        ui.label(RichText::new("No other name is answered yet either.").color(theme.text_soft));
        return None;
    }
    let mut asked = None;
    ui.add_space(gap::M);
    ui.label(RichText::new("Names that are answered now").color(theme.text_soft));
    for name in known.iter().take(OFFERED) {
        ui.horizontal_wrapped(|ui| {
            if quiet_button(ui, theme, name.as_str()).on_hover_text("Open its route").clicked() {
                asked = Some(Ask::Open(Target::Route((*name).clone())));
            }
            let alike = ui.button(format!("Answer {model} like {name}"));
            if alike.on_hover_text("A route of its own with the same groups, in the draft").clicked() {
                asked = Some(Ask::Route(Wanted { model: model.clone(), like: Some((*name).clone()) }));
            }
        });
    }
    let more = known.len().saturating_sub(OFFERED);
    if more > 0 && quiet_button(ui, theme, &format!("{more} more in Routing")).clicked() {
        asked = known.get(OFFERED).map(|name| Ask::Open(Target::Route((*name).clone())));
    }
    asked
}
