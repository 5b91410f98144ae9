//! Models that a service told of when its key was tested: one of them becomes an endpoint with a click.
//!
//! Invariant: nothing goes into the draft but what was clicked, and a model that the account has already is not offered.
//! Absent on purpose: Azure's models, which are what could be deployed and not what was.

use egui::Ui;

use super::form::Form;
use crate::contract::snapshot::Offered;
use crate::model::config::Account;
use crate::ui::cx::PageCx;
use crate::ui::theme::{Tone, gap};
use crate::ui::widgets::note;

/// Wide enough for the names of most models.
const WIDTH: f32 = 280.0;
/// Higher lists scroll.
const HEIGHT: f32 = 260.0;

/// Offers those that the account has no endpoint for.
pub(super) fn models(ui: &mut Ui, cx: &mut PageCx, account: &Account, offered: &Offered) {
    let draft = std::sync::Arc::clone(cx.draft.working());
    let own = || draft.endpoints.iter().filter(|endpoint| endpoint.account == account.id);
    let has = |model: &str| own().any(|one| one.deployment.as_deref().unwrap_or(one.model.as_str()) == model);
    let new: Vec<&str> = offered.models.iter().map(String::as_str).filter(|model| !has(model)).collect();
    if new.is_empty() {
        return;
    }
    ui.add_space(gap::S);
    let words =
        if new.len() == 1 { "Add its other model".to_owned() } else { format!("Add one of {} more models", new.len()) };
    ui.menu_button(words, |ui| {
        ui.set_width(WIDTH);
        note(ui, cx.theme, "An endpoint, and a route of its name where there is none, in the draft.");
        let id = ui.scope_id().with("part");
        let mut part: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        let field = egui::TextEdit::singleline(&mut part).hint_text("Part of its name");
        ui.add(field.desired_width(f32::INFINITY).align(egui::Align2::LEFT_CENTER));
        let looked_for = part.to_lowercase();
        ui.data_mut(|data| data.insert_temp(id, part));
        egui::ScrollArea::vertical().max_height(HEIGHT).show(ui, |ui| {
            for model in new.iter().filter(|model| model.to_lowercase().contains(&looked_for)) {
                if ui.button(*model).clicked() {
                    add(cx, account, model);
                    ui.close();
                }
            }
        });
    });
}

fn add(cx: &mut PageCx, account: &Account, model: &str) {
    let form = Form {
        service: account.service,
        id: account.id.to_string(),
        base_url: account.base_url.clone(),
        model: model.to_owned(),
        // A route that is there has its order; whoever wants this endpoint in it says where.
        with_route: cx.draft.working().route(&model.into()).is_none(),
        ..Form::default()
    };
    let place = if form.with_route { format!(" and route {model}") } else { String::new() };
    let mut endpoint = None;
    cx.draft.edit(format!("add {model} of account {}", account.id), |config| endpoint = Some(form.add_to(config)));
    if let Some(endpoint) = endpoint {
        cx.toast(Tone::Info, format!("In the draft: endpoint {endpoint}{place}."));
    }
}
