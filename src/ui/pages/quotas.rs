//! The Quotas page: how each pool's allowance is divided, and what each endpoint is allowed.
//!
//! Invariant: an edit here changes the draft alone, one named undo step each.
//! Absent on purpose: writing to the service; the honesty line says so.

pub mod allot;
mod segments;
mod split;

use egui::{Grid, RichText, Ui};

use crate::model::config::{Endpoint, QuotaPool};
use crate::model::id::PoolId;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::format::{full_in, tpm};
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap, mono, strong};
use crate::ui::widgets::{self, AmountChange, AmountEdit};

/// A new pool's total until the person types one.
const FIRST_TOTAL: u64 = 240_000;

/// Width of a cell with an amount, in points.
const CELL: f32 = 116.0;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    new_name: Option<String>,
    wanted: Option<PoolId>,
    split: Option<split::State>,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    if let Some(Target::Pool(pool)) = cx.take_target() {
        state.wanted = Some(pool);
    }
    widgets::page_title(ui, cx.theme, "Quotas", "How the allowance is divided");
    ui.label(
        RichText::new("This changes what Tidegate allows. Azure still enforces its own number.")
            .color(cx.theme.text_soft),
    );
    ui.add_space(gap::M);
    let config = std::sync::Arc::clone(cx.draft.working());
    if config.quota_pools.is_empty() {
        ui.label("No pools yet. Endpoints with unknown limits are never held back by us.");
        ui.add_space(gap::M);
    }
    for pool in &config.quota_pools {
        let shown = ui.push_id(&pool.id, |ui| pool_card(ui, cx, state, pool));
        if state.wanted.as_ref() == Some(&pool.id) {
            shown.response.scroll_to_me(Some(egui::Align::TOP));
            state.wanted = None;
        }
        ui.add_space(gap::L);
    }
    let alone: Vec<&Endpoint> = config.endpoints.iter().filter(|endpoint| endpoint.quota_pool.is_none()).collect();
    if !alone.is_empty() {
        widgets::section(ui, cx.theme, "Endpoints without a pool", |ui| endpoints(ui, cx, &alone, "alone"));
        ui.add_space(gap::L);
    }
    new_pool(ui, cx, state);
    findings::show(ui, cx, "quota_pool", None);
    ui.add_space(gap::XL);
}

fn pool_card(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: &QuotaPool) {
    widgets::card(ui, cx.theme, |ui| {
        let config = std::sync::Arc::clone(cx.draft.working());
        let members: Vec<&Endpoint> = allot::members(&config, &pool.id).collect();
        header(ui, cx, state, pool, members.is_empty());
        ui.add_space(gap::M);
        if let Some(split) = state.split.as_mut().filter(|split| split.pool == pool.id) {
            if split::show(ui, cx, split, pool) {
                state.split = None;
            }
            ui.add_space(gap::M);
        }
        segments::show(ui, cx, pool, &members);
        ui.add_space(gap::M);
        if members.is_empty() {
            ui.label(
                RichText::new("No endpoint draws from this pool. Choose it in an endpoint's row below.")
                    .color(cx.theme.text_soft),
            );
        } else {
            endpoints(ui, cx, &members, pool.id.as_str());
        }
    });
}

fn header(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: &QuotaPool, empty: bool) {
    let id = &pool.id;
    let allotted = allot::allotted(cx.draft.working(), id);
    let foreseen = cx.snapshot.view.pools.iter().find(|seen| seen.id == *id).and_then(|seen| seen.exhausts_at);
    ui.horizontal_wrapped(|ui| {
        ui.label(strong(id.to_string()));
        let name = format!("Total of {id}");
        if let Some(AmountChange::Set(total)) =
            AmountEdit::new(&name, Some(pool.tokens_per_minute)).unit("TPM").show(ui, cx.theme)
        {
            cx.draft
                .edit(format!("set the total of {id} to {}", tpm(total)), |config| allot::set_total(config, id, total));
        }
        ui.label(mono(format!("allotted {}", Grouped(allotted))).color(cx.theme.text_soft));
        if allotted > pool.tokens_per_minute {
            let over = Grouped(allotted - pool.tokens_per_minute);
            widgets::status_label(ui, cx.theme, Tone::Near, &format!("{over} TPM over the total; free as much first"));
        } else {
            let spare = Grouped(pool.tokens_per_minute - allotted);
            ui.label(mono(format!("spare {spare}")).color(cx.theme.text_soft));
        }
        if ui
            .add_enabled(!empty, egui::Button::new("Even"))
            .on_hover_text("The same share for each; goes into the draft")
            .clicked()
        {
            cx.draft.edit(format!("share {id} evenly"), |config| allot::even(config, id));
        }
        let split = ui.add_enabled(!empty, egui::Button::new("Split…"));
        if split.on_hover_text("Compare ways to split the total; copy commands for Azure").clicked() {
            state.split = Some(split::State::of(id));
        }
        if ui.button("Remove pool").on_hover_text("Its endpoints keep their own limits; can be undone").clicked() {
            cx.draft.edit(format!("remove pool {id}"), |config| allot::remove_pool(config, id));
        }
        if let Some(words) = foreseen.and_then(|when| full_in(when, cx.snapshot.at)) {
            widgets::status_label(ui, cx.theme, Tone::Near, &words);
        }
    });
}

fn endpoints(ui: &mut Ui, cx: &mut PageCx, list: &[&Endpoint], salt: &str) {
    egui::ScrollArea::horizontal().id_salt(salt).show(ui, |ui| {
        Grid::new(("endpoints", salt)).num_columns(6).spacing([gap::XL, gap::M]).show(ui, |ui| {
            for heading in ["Endpoint", "TPM", "RPM", "Soft cap", "Quota pool", "Used now"] {
                ui.label(RichText::new(heading).color(cx.theme.text_soft));
            }
            ui.end_row();
            for endpoint in list {
                row(ui, cx, endpoint);
                ui.end_row();
            }
        });
    });
}

fn row(ui: &mut Ui, cx: &mut PageCx, endpoint: &Endpoint) {
    let id = &endpoint.id;
    if ui.link(id.as_str()).clicked() {
        cx.open(Target::Endpoint(id.clone()));
    }
    limit(ui, cx, endpoint, "TPM", endpoint.tokens_per_minute, "learned", |it, value| it.tokens_per_minute = value);
    let derived = allot::derived_requests(cx.draft.working(), endpoint);
    let hint = derived.map_or_else(|| "learned".to_owned(), |requests| format!("{} derived", Grouped(requests)));
    limit(ui, cx, endpoint, "RPM", endpoint.requests_per_minute, &hint, |it, value| it.requests_per_minute = value);
    let cap = endpoint.soft_cap_tokens_per_minute;
    limit(ui, cx, endpoint, "Soft cap", cap, "none", |it, value| it.soft_cap_tokens_per_minute = value);
    membership(ui, cx, endpoint);
    let seen = cx.snapshot.view.endpoint(id);
    let used = seen.map_or_else(|| "–".to_owned(), |seen| Grouped(seen.tokens.used).to_string());
    let share = seen.and_then(|seen| seen.allotted).map(|share| format!("our share for now is {}", tpm(share)));
    let full = seen.and_then(|seen| full_in(seen.exhausts_at?, cx.snapshot.at));
    let more: Vec<String> = share.into_iter().chain(full).collect();
    let used = ui.label(mono(if more.is_empty() { used } else { format!("{used} · {}", more.join(" · ")) }));
    used.on_hover_text("Charged in the last minute");
}

/// A cell with one limit; `set` puts a changed one into the draft as one undo step. Empty means `hint`.
fn limit(
    ui: &mut Ui,
    cx: &mut PageCx,
    endpoint: &Endpoint,
    what: &str,
    value: Option<u64>,
    hint: &str,
    set: fn(&mut Endpoint, Option<u64>),
) {
    let id = &endpoint.id;
    let name = format!("{what} of {id}");
    // A grid offers a cell its last width; without a minimum the field would never grow.
    let cell = ui.scope(|ui| {
        ui.set_min_width(CELL);
        AmountEdit::new(&name, value).or_empty(hint).show(ui, cx.theme)
    });
    let (value, label) = match cell.inner {
        Some(AmountChange::Set(amount)) => (Some(amount), format!("set {what} of {id} to {}", Grouped(amount))),
        Some(AmountChange::Clear) => (None, format!("leave {what} of {id} open")),
        None => return,
    };
    cx.draft.edit(label, |config| {
        if let Some(endpoint) = config.endpoint_mut(id) {
            set(endpoint, value);
        }
    });
}

fn membership(ui: &mut Ui, cx: &mut PageCx, endpoint: &Endpoint) {
    let config = std::sync::Arc::clone(cx.draft.working());
    let mut chosen = endpoint.quota_pool.clone();
    let shown = chosen.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let combo = egui::ComboBox::from_id_salt(("pool", &endpoint.id)).selected_text(shown).width(150.0).truncate();
    let opened = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut chosen, None, "none");
        for pool in &config.quota_pools {
            ui.selectable_value(&mut chosen, Some(pool.id.clone()), pool.id.as_str());
        }
    });
    let name = format!("Quota pool of {}", endpoint.id);
    opened.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
    if chosen != endpoint.quota_pool {
        let id = &endpoint.id;
        let label = match &chosen {
            Some(pool) => format!("let {id} draw from {pool}"),
            None => format!("take {id} out of its pool"),
        };
        cx.draft.edit(label, |config| allot::set_pool(config, id, chosen));
    }
}

fn new_pool(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let Some(name) = &mut state.new_name else {
        if ui.button("New pool").clicked() {
            state.new_name = Some(String::new());
        }
        return;
    };
    let problem = allot::name_problem(cx.draft.working(), name);
    let field = keyless::labelled(ui, cx.theme, "Name of the new pool", "sub-a/eastus/gpt-4o", name);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    let mut done = false;
    ui.horizontal(|ui| {
        let add = ui.add_enabled(problem.is_none(), egui::Button::new("Add pool"));
        if add.on_disabled_hover_text(problem.unwrap_or_default()).clicked() {
            cx.draft.edit(format!("add pool {}", name.trim()), |config| allot::add_pool(config, name, FIRST_TOTAL));
            done = true;
        }
        done |= ui.button("Cancel").clicked();
    });
    if done {
        state.new_name = None;
    }
}
