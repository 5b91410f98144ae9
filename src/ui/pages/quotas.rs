//! The Quotas page: how each pool's allowance is divided, and what each endpoint is allowed.
//!
//! Invariant: an edit here changes the draft alone, one named undo step each; a provider's total is never given out twice.
//! Absent on purpose: writing to the service; the honesty line says so.

pub mod allocate;
pub mod allot;
mod below_limit;
mod from_known;
mod ratio;
mod refused;
mod rows;
mod segments;
mod split;
mod used;

use std::sync::Arc;

use egui::{RichText, Ui};

use crate::model::config::{Endpoint, QuotaPool};
use crate::model::id::{EndpointId, PoolId};
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::flash;
use crate::ui::format::{count, full_in, tpm};
use crate::ui::keyless;
use crate::ui::theme::{Theme, Tone, gap, mono, strong};
use crate::ui::widgets::{self, AmountChange, AmountEdit};

use allocate::Division;

/// A new pool's total until the person types one.
const FIRST_TOTAL: u64 = 240_000;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    new_name: Option<String>,
    wanted: Option<PoolId>,
    split: Option<split::State>,
    drag: Option<segments::Drag>,
    uses: used::Uses,
    /// What the inspector shows.
    hand: Option<PoolId>,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    if let Some(Target::Pool(pool)) = cx.take_target() {
        state.hand = Some(pool.clone());
        state.wanted = Some(pool);
    }
    widgets::page_title(ui, cx.theme, "Quotas", "How the allowance is divided");
    state.uses.follow(cx.snapshot);
    let config = Arc::clone(cx.draft.working());
    if config.quota_pools.is_empty() {
        ui.label("No pools yet. Endpoints with unknown limits are never held back by us.");
        ui.add_space(gap::M);
    }
    if let Some(step) = cx.take_row_step() {
        let at = config.quota_pools.iter().position(|pool| Some(&pool.id) == state.hand.as_ref());
        let next = step.from(at, config.quota_pools.len()).and_then(|place| config.quota_pools.get(place));
        (state.hand, state.wanted) = (next.map(|pool| pool.id.clone()), next.map(|pool| pool.id.clone()));
    }
    for pool in &config.quota_pools {
        let shown = ui.push_id(&pool.id, |ui| pool_card(ui, cx, state, pool));
        if widgets::in_hand(ui, cx.theme, &shown.response, state.hand.as_ref() == Some(&pool.id)) {
            state.hand = Some(pool.id.clone());
        }
        flash::frame(ui, cx.theme, shown.response.rect, &Target::Pool(pool.id.clone()));
        if state.wanted.as_ref() == Some(&pool.id) {
            shown.response.scroll_to_me(Some(egui::Align::TOP));
            state.wanted = None;
        }
        ui.add_space(gap::L);
    }
    let alone: Vec<&Endpoint> = config.endpoints.iter().filter(|endpoint| endpoint.quota_pool.is_none()).collect();
    if !alone.is_empty() {
        widgets::section(ui, cx.theme, "Endpoints without a pool", |ui| rows::show(ui, cx, state, None, &alone));
        ui.add_space(gap::L);
    }
    from_known::show(ui, cx);
    new_pool(ui, cx, state);
    findings::show(ui, cx, "quota_pool", None);
    ui.add_space(gap::XL);
    cx.select(state.hand.clone().map(Target::Pool));
}

fn pool_card(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: &QuotaPool) {
    widgets::card(ui, cx.theme, |ui| {
        let config = Arc::clone(cx.draft.working());
        let members: Vec<&Endpoint> = allot::members(&config, &pool.id).collect();
        header(ui, cx, pool);
        ratio::show(ui, cx, pool);
        ui.add_space(gap::S);
        buttons(ui, cx, state, pool, &members);
        ui.add_space(gap::M);
        if let Some(split) = state.split.as_mut().filter(|split| split.pool == pool.id) {
            if split::show(ui, cx, split, pool) {
                state.split = None;
            }
            ui.add_space(gap::M);
        }
        segments::show(ui, cx, state, pool, &members);
        honesty(ui, cx, &members);
        refused::show(ui, cx, &pool.id);
        ui.add_space(gap::M);
        if members.is_empty() {
            ui.label(
                RichText::new("No endpoint draws from this pool. Choose it in an endpoint's row below.")
                    .color(cx.theme.text_soft),
            );
        } else {
            rows::show(ui, cx, state, Some(pool), &members);
        }
    });
}

/// What the service thinks of it: always there, and louder where it is known to allow less.
fn honesty(ui: &mut Ui, cx: &PageCx, members: &[&Endpoint]) {
    let higher = members.iter().filter(|member| rows::above_service(cx, member).is_some()).count();
    ui.horizontal_wrapped(|ui| {
        widgets::note(ui, cx.theme, "This changes what Tidegate allows. Azure still enforces its own number.");
        if higher > 0 {
            let who = count(higher as u64, "endpoint is", "endpoints are");
            let words = format!("{who} given more than the service allows, which holds");
            widgets::status_label(ui, cx.theme, Tone::Near, &words);
        }
    });
}

/// Room for when a pool will be full.
const FORESEEN: f32 = 210.0;

fn header(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool) {
    let id = &pool.id;
    let allotted = allot::allotted(cx.draft.working(), id);
    let foreseen = cx.snapshot.view.pools.iter().find(|seen| seen.id == *id).and_then(|seen| seen.exhausts_at);
    ui.horizontal_wrapped(|ui| {
        ui.label(strong(id.to_string()));
        let name = format!("Total of {id}");
        let applied = cx.draft.base().quota_pool(id).unwrap_or(pool).tokens_per_minute;
        let field = AmountEdit::new(&name, Some(pool.tokens_per_minute), Some(applied)).unit("TPM");
        if let Some(AmountChange::Set(total)) = field.show(ui, cx.theme) {
            set_total(cx, pool, total, allotted);
        }
        ui.add(egui::Label::new(mono(format!("allotted {}", Grouped(allotted))).color(cx.theme.text_soft)).extend());
        standing(ui, cx.theme, pool, allotted);
        let mut soft = pool.soft;
        let check = widgets::checkbox(ui, &mut soft, "My own total");
        let hint = "Not the provider's quota but a total of yours: shares may add up to more";
        if check.on_hover_text(hint).changed() {
            let whose = if soft { "my own" } else { "the provider's" };
            cx.draft.edit(format!("call the total of {id} {whose}"), |config| allot::set_soft(config, id, soft));
        }
        pin(ui, cx, pool);
        if let Some(words) = foreseen.and_then(|when| full_in(when, cx.snapshot.at)) {
            // What is left of the line would hold its glyph alone.
            if ui.available_size_before_wrap().x < FORESEEN {
                ui.end_row();
            }
            widgets::status_label(ui, cx.theme, Tone::Near, &words);
        }
    });
}

/// A total of the person's own is held at fault by nobody, so there is nothing to pin.
fn pin(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool) {
    let (id, mut pinned) = (&pool.id, pool.pinned);
    if pool.soft && !pinned {
        return;
    }
    let check = widgets::checkbox(ui, &mut pinned, "Keep what is typed");
    if check.on_hover_text("What the service reports or refuses does not change this total").changed() {
        let verb = if pinned { "pin" } else { "unpin" };
        cx.draft.edit(format!("{verb} the total of {id}"), |config| allot::set_pinned(config, id, pinned));
    }
}

fn standing(ui: &mut Ui, theme: &Theme, pool: &QuotaPool, allotted: u64) {
    let total = pool.tokens_per_minute;
    if allotted <= total {
        ui.add(egui::Label::new(mono(format!("spare {}", Grouped(total - allotted))).color(theme.text_soft)).extend());
    } else if pool.soft {
        ui.add(
            egui::Label::new(mono(format!("{} more than the total", Grouped(allotted - total))).color(theme.text_soft))
                .extend(),
        );
    } else {
        let over = Grouped(allotted - total);
        widgets::status_label(ui, theme, Tone::Near, &format!("{over} TPM over the total; free as much first"));
    }
}

/// A total below what is given already would be over-allotted at once, unless it is the person's own.
fn set_total(cx: &mut PageCx, pool: &QuotaPool, total: u64, allotted: u64) {
    let id = &pool.id;
    if total < allotted && total < pool.tokens_per_minute && !pool.soft {
        cx.toast(Tone::Near, refusal(total, allotted - total));
        return;
    }
    cx.draft.edit(format!("set the total of {id} to {}", tpm(total)), |config| allot::set_total(config, id, total));
}

/// Why more is not given.
fn refusal(total: u64, short: u64) -> String {
    format!("{} is the provider's total; free {} first.", Grouped(total), Grouped(short))
}

fn buttons(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: &QuotaPool, members: &[&Endpoint]) {
    let id = &pool.id;
    let division = Division::of(cx.draft.working(), id, |member| cx.preferences.locked_shares.contains(&member.id));
    ui.horizontal_wrapped(|ui| {
        let press = |ui: &mut Ui, word: &str, hint: &str| {
            ui.add_enabled(!members.is_empty(), egui::Button::new(word)).on_hover_text(hint).clicked()
        };
        if let Some(division) = &division {
            if press(ui, "Even", "The same share for each that is not locked; goes into the draft") {
                let next = division.even();
                cx.draft.edit(format!("share {id} evenly"), |config| next.write(config, id));
            }
            let hint = "In proportion to what 95 % of the last 24 hours stayed below; goes into the draft";
            if press(ui, "By use", hint) {
                let used: Vec<u64> = members.iter().map(|member| state.uses.get(&member.id).p95).collect();
                let next = division.by_use(&used);
                cx.draft.edit(format!("share {id} by use"), |config| next.write(config, id));
            }
        }
        if press(ui, "Split…", "Compare ways to split the total; copy commands for Azure") {
            state.split = Some(split::State::of(id));
        }
        if state.split.as_ref().is_none_or(|split| split.pool != *id) {
            copy_commands(ui, cx, pool);
        }
        let ids: Vec<EndpointId> = members.iter().map(|member| member.id.clone()).collect();
        below_limit::show(ui, cx, &ids);
        if ui.button("Remove pool").on_hover_text("Its endpoints keep their own limits; can be undone").clicked() {
            cx.draft.edit(format!("remove pool {id}"), |config| allot::remove_pool(config, id));
        }
    });
}

/// The commands for what runs; while the draft divides the pool otherwise they would say something else than the screen.
fn copy_commands(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool) {
    let shares = |config: &crate::model::config::Config| -> Vec<_> {
        allot::members(config, &pool.id).map(|member| (member.id.clone(), member.tokens_per_minute)).collect()
    };
    let applied = shares(&cx.snapshot.applied.config) == shares(cx.draft.working());
    let commands = cx.snapshot.plans.iter().find(|plan| plan.pool == pool.id).and_then(|plan| plan.commands.clone());
    let button = ui.add_enabled(applied && commands.is_some(), egui::Button::new("Copy Azure CLI commands"));
    let why = if applied {
        "No endpoint of this pool is a standard Azure deployment"
    } else {
        "Apply the draft first: the commands say what runs"
    };
    let button = button.on_disabled_hover_text(why).on_hover_text("They make the service agree with what runs here");
    if let Some(commands) = commands.filter(|_| button.clicked()) {
        ui.ctx().copy_text(commands.to_string());
        cx.toast(Tone::Ok, "The commands are copied. Fill in what stands in <…> before you run them.");
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

#[cfg(test)]
#[path = "quotas/quotas_tests.rs"]
mod tests;
