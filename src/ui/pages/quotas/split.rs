//! Ways to split a pool's total, worked out by the background: choose one, compare, take it over.
//!
//! Invariant: a way is offered only for the total and the members it was worked out for.
//! Absent on purpose: working it out, and writing to the service; its commands are copied.

use egui::{Grid, RichText, Ui};

use super::allot;
use crate::model::config::{Config, Endpoint, QuotaPool};
use crate::model::id::PoolId;
use crate::model::proposal::{PoolPlan, Proposal, Share, Way};
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::theme::{Tone, gap, mono};
use crate::ui::widgets::{AmountChange, AmountEdit, note, primary_button, radio_value};

/// The pool being split, and the way looked at.
#[derive(Debug)]
pub(super) struct State {
    pub(super) pool: PoolId,
    way: Way,
}

impl State {
    pub(super) fn of(pool: &PoolId) -> Self {
        Self { pool: pool.clone(), way: Way::Even }
    }
}

/// Shows the panel; returns whether it is done with.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: &QuotaPool) -> bool {
    let snapshot = std::sync::Arc::clone(cx.snapshot);
    let mut done = false;
    match snapshot.plans.iter().find(|plan| plan.pool == pool.id).filter(|plan| fits(plan, cx.draft.working(), pool)) {
        Some(plan) => {
            choice(ui, state, plan);
            if let Some(proposal) = plan.proposals.iter().find(|proposal| proposal.way == state.way) {
                compare(ui, cx, &proposal.shares);
                done = take_over(ui, cx, pool, proposal);
            }
        }
        None => {
            note(ui, cx.theme, "The total or the members of this pool are changed. Apply that first, then split.");
        }
    }
    follow(ui, cx, pool);
    ui.horizontal(|ui| done |= ui.button("Close").clicked());
    done
}

/// Whether a plan was made for the pool as the draft has it.
fn fits(plan: &PoolPlan, config: &Config, pool: &QuotaPool) -> bool {
    plan.total == pool.tokens_per_minute && allot::members(config, &pool.id).map(|member| &member.id).eq(&plan.members)
}

fn choice(ui: &mut Ui, state: &mut State, plan: &PoolPlan) {
    ui.horizontal_wrapped(|ui| {
        ui.label("Split:");
        for proposal in &plan.proposals {
            radio_value(ui, &mut state.way, proposal.way.clone(), &words(&proposal.way));
        }
        if plan.proposals.iter().all(|proposal| proposal.way != Way::ByDemand) {
            let off = ui.add_enabled(false, egui::RadioButton::new(false, words(&Way::ByDemand)));
            off.on_disabled_hover_text("Nothing is asked of this pool now");
            if state.way == Way::ByDemand {
                state.way = Way::Even;
            }
        }
    });
}

fn words(way: &Way) -> String {
    match way {
        Way::OneWithAll(id) => format!("all to {id}"),
        Way::TwoHalves => "two halves".to_owned(),
        Way::Even => "evenly".to_owned(),
        Way::ByDemand => "by demand now".to_owned(),
    }
}

fn compare(ui: &mut Ui, cx: &PageCx, shares: &[Share]) {
    Grid::new("split").num_columns(4).spacing([gap::XL, gap::S]).show(ui, |ui| {
        for heading in ["Endpoint", "TPM now", "TPM then", "RPM then"] {
            ui.label(RichText::new(heading).color(cx.theme.text_soft));
        }
        ui.end_row();
        for share in shares {
            let before = cx.draft.working().endpoint(&share.endpoint).and_then(|endpoint| endpoint.tokens_per_minute);
            let after = share.tokens_per_minute;
            ui.label(share.endpoint.as_str());
            ui.label(mono(before.map_or_else(|| "learned".to_owned(), |before| Grouped(before).to_string())));
            let changed = before != Some(after);
            let tone = if changed { cx.theme.tone(Tone::Info) } else { cx.theme.text };
            ui.label(mono(Grouped(after).to_string()).color(tone));
            let requests = share.requests_per_minute;
            ui.label(mono(requests.map_or_else(|| "–".to_owned(), |requests| Grouped(requests).to_string())));
            ui.end_row();
        }
    });
}

/// The two ways to make it true: here, and at the service. Returns whether it was taken over here.
fn take_over(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool, proposal: &Proposal) -> bool {
    let mut done = false;
    ui.horizontal_wrapped(|ui| {
        let apply = primary_button(ui, cx.theme, "Apply to local limits");
        if apply.on_hover_text("Goes into the draft; nothing changes before you apply it").clicked() {
            let label = format!("split {} {}", pool.id, words(&proposal.way));
            cx.draft.edit(label, |config| set(config, &proposal.shares));
            done = true;
        }
        let copy = ui.add_enabled(proposal.commands.is_some(), egui::Button::new("Copy Azure CLI commands"));
        let copy = copy.on_disabled_hover_text("No endpoint of this pool is a standard Azure deployment");
        if let Some(commands) = proposal.commands.as_ref().filter(|_| copy.clicked()) {
            ui.ctx().copy_text(commands.to_string());
            cx.toast(Tone::Ok, "The commands are copied. Fill in what stands in <…> before you run them.");
        }
    });
    done
}

/// Puts shares into a configuration. A stated request limit follows; a derived one does by itself.
fn set(config: &mut Config, shares: &[Share]) {
    for share in shares {
        if let Some(endpoint) = config.endpoint_mut(&share.endpoint) {
            endpoint.tokens_per_minute = Some(share.tokens_per_minute);
            endpoint.requests_per_minute = endpoint.requests_per_minute.and(share.requests_per_minute);
        }
    }
}

/// How far shares may follow demand by themselves.
fn follow(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool) {
    let id = &pool.id;
    ui.horizontal_wrapped(|ui| {
        ui.label("Let local shares follow demand within");
        let name = format!("Adjust {id} within");
        let within = pool.adjust_within_percent.map(u64::from);
        let runs = cx.draft.base().quota_pool(id).unwrap_or(pool).adjust_within_percent.map(u64::from);
        let (label, percent) = match AmountEdit::new(&name, within, runs)
            .unit("%")
            .or_empty("off")
            .at_most(100)
            .width(60.0)
            .show(ui, cx.theme)
        {
            Some(AmountChange::Set(percent)) => {
                let percent = u32::try_from(percent).unwrap_or(100).min(100);
                (format!("let shares of {id} follow demand within {percent} %"), Some(percent))
            }
            Some(AmountChange::Clear) => (format!("keep shares of {id} as they are"), None),
            None => return,
        };
        cx.draft.edit(label, |config| {
            if let Some(pool) = config.quota_pools.iter_mut().find(|known| known.id == *id) {
                pool.adjust_within_percent = percent;
            }
        });
    });
    if pool.adjust_within_percent.is_some() && !ours_to_divide(cx.draft.working(), pool) {
        note(ui, cx.theme, "The endpoints' own limits divide this pool already, so shares are only proposed.");
    }
}

/// Whether the members together could take more than the pool has: only then our shares keep something for anyone.
fn ours_to_divide(config: &Config, pool: &QuotaPool) -> bool {
    let total = pool.tokens_per_minute;
    let most = |endpoint: &Endpoint| {
        let ceilings = [endpoint.tokens_per_minute, endpoint.soft_cap_tokens_per_minute];
        ceilings.into_iter().flatten().min().unwrap_or(total)
    };
    allot::members(config, &pool.id).map(most).fold(0, u64::saturating_add) > total
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
