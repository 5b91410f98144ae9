//! The table below a pool's bar: what each endpoint is given, what it used, and what the service says of it.
//!
//! Invariant: a share typed here does not exceed what the provider's total leaves; what is refused says what to free.
//! Absent on purpose: the endpoints' other settings.

use std::sync::Arc;

use egui::{Grid, RichText, Ui};
use egui_material_icons::icons::{ICON_LOCK, ICON_LOCK_OPEN, ICON_WARNING};

use super::allocate::{Division, Trade};
use super::{State, allot, refusal};
use crate::model::config::{Config, Endpoint, Enforcement, QuotaPool};
use crate::model::id::PoolId;
use crate::model::proposal::Way;
use crate::model::status::EndpointView;
use crate::model::units::{Grouped, Short};
use crate::ui::cx::{PageCx, Target};
use crate::ui::format::{count, full_in, tpm};
use crate::ui::holds;
use crate::ui::theme::{Tone, gap, mono};
use crate::ui::widgets::{self, AmountChange, AmountEdit};

/// Width of a cell with an amount, in points.
const CELL: f32 = 88.0;
/// Width of what the service says, with its button, and of a suggestion, in points.
const SAYS: f32 = 116.0;
const SUGGESTION: f32 = 76.0;
/// Width of the pool's choice, in a table of one pool and in one of endpoints without any; and the most that a name takes.
const POOL: (f32, f32) = (92.0, 130.0);
const NAME: f32 = 170.0;
/// Below this width of the page its columns stand closer.
const WIDE: f32 = 1_150.0;

/// Of a table, what its rows need to know.
#[derive(Clone, Copy)]
struct Table<'a> {
    pool: Option<&'a QuotaPool>,
    /// Widths of what comes and goes with the shares, where anything can come.
    says: f32,
    suggestion: f32,
}

/// The columns, and what each says.
const HEADINGS: [(&str, &str); 11] = [
    ("Endpoint", "The lock keeps its share as it is when others change"),
    (
        "Allotted TPM",
        "What the service gives this deployment, as you say, counted over the last 60 s; empty: it is learned",
    ),
    (
        "RPM",
        "Requests in 60 s, and services look at slices of 1 s or 10 s besides; empty: derived from the pool's ratio, or learned",
    ),
    ("Soft cap", "A lower ceiling of your own: Tidegate stops there though the service would allow more"),
    ("Charged now", "Counted against the limit in the last minute: prompts and the allowance of answers (max_tokens)"),
    ("p95 24 h", "What 95 % of the minutes of the last 24 hours stayed below"),
    ("Peak 24 h", "The most that any minute of the last 24 hours was charged"),
    ("With 429s", "Minutes of the last 24 hours in which the service answered with a 429"),
    ("Service says", "The limit that the service's headers named last"),
    ("Suggestion", "What it is expected to be asked for"),
    ("Quota pool", "The total it draws from"),
];

/// Shows the table of a pool's endpoints, or of those without one.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, pool: Option<&QuotaPool>, list: &[&Endpoint]) {
    let salt = pool.map_or("alone", |pool| pool.id.as_str());
    let view = &cx.snapshot.view;
    let named =
        list.iter().any(|one| view.endpoint(&one.id).is_some_and(|seen| seen.reported_tokens_per_minute.is_some()));
    let planned = pool.is_some_and(|pool| cx.snapshot.plans.iter().any(|plan| plan.pool == pool.id));
    let table =
        Table { pool, says: if named { SAYS } else { 0.0 }, suggestion: if planned { SUGGESTION } else { 0.0 } };
    let between = if ui.available_width() < WIDE { gap::M } else { gap::L };
    egui::ScrollArea::horizontal().id_salt(salt).show(ui, |ui| {
        Grid::new(("endpoints", salt)).num_columns(HEADINGS.len()).spacing([between, gap::M]).show(ui, |ui| {
            // Nothing is suggested to those who share with nobody.
            for (heading, meaning) in HEADINGS.iter().filter(|(heading, _)| pool.is_some() || *heading != "Suggestion")
            {
                ui.label(RichText::new(*heading).color(cx.theme.text_soft)).on_hover_text(*meaning);
            }
            ui.end_row();
            for (place, endpoint) in list.iter().enumerate() {
                row(ui, cx, state, (table, place), endpoint);
                ui.end_row();
            }
        });
    });
    below(ui, cx, state, list);
}

/// What the words of the table mean, where one of them stands in it.
fn below(ui: &mut Ui, cx: &PageCx, state: &State, list: &[&Endpoint]) {
    let config = cx.draft.working();
    let learned = list.iter().any(|one| {
        let derived = || allot::derived_requests(config, one).is_some();
        one.tokens_per_minute.is_none() || one.requests_per_minute.is_none() && !derived()
    });
    let provisioned = |one: &Endpoint| one.enforcement == Enforcement::Utilization;
    let peaked = |one: &Endpoint| one.tokens_per_minute.is_some_and(|most| state.uses.get(&one.id).peak > most);
    let above = |provisions: bool, is_above: &dyn Fn(&Endpoint) -> bool| {
        list.iter().any(|one| provisioned(one) == provisions && is_above(one))
    };
    let now = |one: &Endpoint| is_charged_above(cx, one);
    let said = [
        (learned, "“learned”: you set none; Tidegate finds it out from the service's headers and 429s."),
        (true, "Soft cap: a lower ceiling of your own; what it keeps free stays for others of your quota."),
        (
            above(false, &peaked),
            "A peak above Allotted: it was allotted more then, or answers came to more than was estimated for them.",
        ),
        (
            above(true, &peaked) || above(true, &now),
            "More charged than allotted, provisioned: it lets in whatever comes while it is not full, and what drained since is \
             free again.",
        ),
        (
            above(false, &now),
            "Charged now above Allotted: its limit refills within the minute, was higher before, or answers came to more than \
             was estimated; nothing more goes there until there is room.",
        ),
    ];
    let said: Vec<&str> = said.iter().filter(|(holds, _)| *holds).map(|(_, words)| *words).collect();
    widgets::note(ui, cx.theme, &said.join(" "));
    for endpoint in list {
        if let Some(words) = holds::words(cx.snapshot, endpoint) {
            widgets::status_label(ui, cx.theme, Tone::Near, &format!("{}: {words}", endpoint.id));
        }
        let share = cx.snapshot.view.endpoint(&endpoint.id).and_then(|seen| seen.allotted);
        if let Some(share) = share {
            let words = format!("{}: for now at most {}, as expected demand leaves it", endpoint.id, tpm(share));
            widgets::note(ui, cx.theme, &words);
        }
    }
}

fn row(ui: &mut Ui, cx: &mut PageCx, state: &mut State, (table, place): (Table, usize), endpoint: &Endpoint) {
    let (id, pool) = (&endpoint.id, table.pool);
    ui.horizontal(|ui| {
        if pool.is_some() {
            lock(ui, cx, endpoint);
        }
        let font = egui::TextStyle::Body.resolve(ui.style());
        let link = ui.link(widgets::middle(ui, id.as_str(), &font, NAME));
        link.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Link, true, id.as_str()));
        if link.on_hover_text(format!("Open {id}")).clicked() {
            cx.open(Target::Endpoint(id.clone()));
        }
    });
    share(ui, cx, pool, endpoint);
    let derived = allot::derived_requests(cx.draft.working(), endpoint);
    let hint = derived.map_or_else(|| "learned".to_owned(), |requests| format!("{} derived", Grouped(requests)));
    limit(ui, cx, endpoint, ("RPM", |it| &mut it.requests_per_minute), &hint);
    limit(ui, cx, endpoint, ("Soft cap", |it| &mut it.soft_cap_tokens_per_minute), "none");
    used_now(ui, cx, endpoint);
    let used = state.uses.get(id);
    ui.label(mono(Grouped(used.p95).to_string()));
    ui.label(mono(Grouped(used.peak).to_string()));
    match used.throttled {
        0 => ui.label("none"),
        minutes => ui.label(mono(count(minutes, "minute", "minutes")).color(cx.theme.tone(Tone::Throttled))),
    };
    fixed(ui, table.says, |ui| service_says(ui, cx, endpoint));
    if let Some(pool) = pool {
        fixed(ui, table.suggestion, |ui| suggestion(ui, cx, pool, place, endpoint));
    }
    membership(ui, cx, pool, endpoint);
}

fn lock(ui: &mut Ui, cx: &mut PageCx, endpoint: &Endpoint) {
    let id = &endpoint.id;
    if cx.preferences.locked_shares.contains(id) {
        if widgets::icon_button(ui, cx.theme, ICON_LOCK, &format!("Unlock the share of {id}")).clicked() {
            cx.preferences.locked_shares.remove(id);
        }
    } else if widgets::icon_button(ui, cx.theme, ICON_LOCK_OPEN, &format!("Lock the share of {id}")).clicked() {
        cx.preferences.locked_shares.insert(id.clone());
    }
}

/// The endpoint's share; more than the provider's total leaves is refused.
fn share(ui: &mut Ui, cx: &mut PageCx, pool: Option<&QuotaPool>, endpoint: &Endpoint) {
    let id = &endpoint.id;
    let mine = endpoint.tokens_per_minute;
    let applied = cx.draft.base().endpoint(id).map_or(mine, |runs| runs.tokens_per_minute);
    let Some(change) = amount(ui, cx, &format!("TPM of {id}"), (mine, applied), "learned") else { return };
    if let (Some(pool), AmountChange::Set(wanted)) = (pool.filter(|pool| !pool.soft), change) {
        let others = allot::allotted(cx.draft.working(), &pool.id).saturating_sub(mine.unwrap_or(0));
        let short = others.saturating_add(wanted).saturating_sub(pool.tokens_per_minute);
        if short > 0 && wanted > mine.unwrap_or(0) {
            cx.toast(Tone::Near, refusal(pool.tokens_per_minute, short));
            return;
        }
    }
    put(cx, endpoint, ("TPM", |it| &mut it.tokens_per_minute), change);
}

fn is_charged_above(cx: &PageCx, endpoint: &Endpoint) -> bool {
    let charged = cx.snapshot.view.endpoint(&endpoint.id).map(EndpointView::used_last_minute);
    charged.zip(endpoint.tokens_per_minute).is_some_and(|(charged, allotted)| charged > allotted)
}

fn used_now(ui: &mut Ui, cx: &PageCx, endpoint: &Endpoint) {
    let seen = cx.snapshot.view.endpoint(&endpoint.id);
    let used = seen.map_or_else(|| "–".to_owned(), |seen| Grouped(seen.used_last_minute()).to_string());
    let full = seen.and_then(|seen| full_in(seen.exhausts_at?, cx.snapshot.at));
    let hint = full.map_or_else(String::new, |full| format!("; {full}"));
    fixed(ui, CELL, |ui| ui.label(mono(used)).on_hover_text(format!("Charged in the last minute{hint}")));
}

/// What the service allows, if less than that is typed as its limit.
pub(super) fn above_service(cx: &PageCx, endpoint: &Endpoint) -> Option<u64> {
    let service = holds::service(cx.snapshot, endpoint)?;
    (endpoint.tokens_per_minute? > service).then_some(service)
}

/// Makes what the service reports the allotment, in the draft. A pool's total is shared out by hand, so more is not taken there.
fn take_over(ui: &mut Ui, cx: &mut PageCx, endpoint: &Endpoint, reported: u64) {
    // The amount stands beside it.
    let button = ui.button("Use");
    let name = format!("Use {} for {}", tpm(reported), endpoint.id);
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if button.on_hover_text("Takes over what the service reports; goes into the draft").clicked() {
        let id = &endpoint.id;
        cx.draft.edit(format!("use the reported {} for {id}", tpm(reported)), |config| {
            if let Some(endpoint) = config.endpoint_mut(id) {
                endpoint.tokens_per_minute = Some(reported);
            }
        });
    }
}

/// What the headers name, alone: what refusals taught is said below the table.
fn service_says(ui: &mut Ui, cx: &mut PageCx, endpoint: &Endpoint) {
    let seen = cx.snapshot.view.endpoint(&endpoint.id);
    let Some(reported) = seen.and_then(|seen| seen.reported_tokens_per_minute) else {
        ui.label("–").on_hover_text("No header of the service named a limit yet");
        return;
    };
    let ours = endpoint.tokens_per_minute;
    if ours.is_some_and(|ours| ours > reported) && !endpoint.pinned {
        let color = cx.theme.tone(Tone::Near);
        ui.spacing_mut().item_spacing.x = gap::S;
        ui.label(ICON_WARNING.rich_text().size(15.0).color(color));
        let words = Grouped(reported).to_string();
        let hint = holds::words(cx.snapshot, endpoint).unwrap_or_default();
        ui.add(egui::Label::new(RichText::new(words).color(color)).extend()).on_hover_text(hint);
        take_over(ui, cx, endpoint, reported);
        return;
    }
    ui.label(mono(Grouped(reported).to_string()));
    if ours.is_some_and(|ours| ours < reported) && endpoint.quota_pool.is_none() {
        take_over(ui, cx, endpoint, reported);
    }
}

/// A cell that is as wide whatever it says, so that the table stays as it is while a border is dragged.
fn fixed<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) {
    ui.horizontal(|ui| {
        ui.set_min_width(width);
        add(ui);
    });
}

/// What demand would give it, as a button that takes it from what is spare, or gives it back.
fn suggestion(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool, place: usize, endpoint: &Endpoint) {
    let plan = cx.snapshot.plans.iter().find(|plan| plan.pool == pool.id && plan.total == pool.tokens_per_minute);
    let by_demand = plan.and_then(|plan| plan.proposals.iter().find(|proposal| proposal.way == Way::ByDemand));
    let wanted = by_demand.and_then(|proposal| proposal.shares.iter().find(|share| share.endpoint == endpoint.id));
    let now = endpoint.tokens_per_minute.unwrap_or(0);
    let Some(wanted) = wanted.map(|share| share.tokens_per_minute).filter(|wanted| *wanted != now) else {
        ui.label("–");
        return;
    };
    let division =
        Division::of(cx.draft.working(), &pool.id, |member| cx.preferences.locked_shares.contains(&member.id));
    let next = division.map(|division| division.moved(place, wanted, Trade::Spare, super::allocate::STEP));
    let possible = next.filter(|next| next.share(place) != now);
    let words = if wanted > now { format!("+{}", Short(wanted - now)) } else { format!("−{}", Short(now - wanted)) };
    let button = ui.add_enabled(possible.is_some(), egui::Button::new(words));
    let name = format!("Suggested for {}: {}", endpoint.id, tpm(wanted));
    let enabled = possible.is_some();
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, &name));
    let button = button
        .on_hover_text(if wanted > now {
            "It is expected to be asked for more: takes it from what the pool has to spare; goes into the draft"
        } else {
            "It is expected to be asked for less: leaves the rest to the pool, to spare; goes into the draft"
        })
        .on_disabled_hover_text("Nothing is spare, or its share is locked");
    if let Some(next) = possible.filter(|_| button.clicked()) {
        let label = format!("give {} {} by demand", endpoint.id, tpm(next.share(place)));
        cx.draft.edit(label, |config| next.write(config, &pool.id));
    }
}

/// A cell with an amount. A grid offers a cell its last width; without a minimum the field would never grow.
fn amount(
    ui: &mut Ui,
    cx: &PageCx,
    name: &str,
    (value, applied): (Option<u64>, Option<u64>),
    hint: &str,
) -> Option<AmountChange> {
    let cell = ui.scope(|ui| {
        ui.set_min_width(CELL);
        AmountEdit::new(name, value, applied).or_empty(hint).width(CELL - 16.0).show(ui, cx.theme)
    });
    cell.inner
}

/// Where an endpoint has a limit.
type Field = fn(&mut Endpoint) -> &mut Option<u64>;

/// A cell with one limit; a changed one goes into the draft as one undo step. Empty means `hint`.
fn limit(ui: &mut Ui, cx: &mut PageCx, endpoint: &Endpoint, (what, field): (&str, Field), hint: &str) {
    let read = |mut one: Endpoint| *field(&mut one);
    let applied = read(cx.draft.base().endpoint(&endpoint.id).unwrap_or(endpoint).clone());
    let values = (read(endpoint.clone()), applied);
    if let Some(change) = amount(ui, cx, &format!("{what} of {}", endpoint.id), values, hint) {
        put(cx, endpoint, (what, field), change);
    }
}

fn put(cx: &mut PageCx, endpoint: &Endpoint, (what, field): (&str, Field), change: AmountChange) {
    let id = &endpoint.id;
    let (value, label) = match change {
        AmountChange::Set(amount) => (Some(amount), format!("set {what} of {id} to {}", Grouped(amount))),
        AmountChange::Clear => (None, format!("leave {what} of {id} open")),
    };
    cx.draft.edit(label, |config| {
        if let Some(endpoint) = config.endpoint_mut(id) {
            *field(endpoint) = value;
        }
    });
}

fn membership(ui: &mut Ui, cx: &mut PageCx, pool: Option<&QuotaPool>, endpoint: &Endpoint) {
    let config = Arc::clone(cx.draft.working());
    let mut chosen = endpoint.quota_pool.clone();
    // The table's heading says which one.
    let (shown, width) = if pool.is_some() { ("this one", POOL.0) } else { ("none", POOL.1) };
    let combo = egui::ComboBox::from_id_salt(("pool", &endpoint.id)).selected_text(shown).width(width).truncate();
    let opened = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut chosen, None, "none");
        for pool in &config.quota_pools {
            ui.selectable_value(&mut chosen, Some(pool.id.clone()), pool.id.as_str());
        }
    });
    let name = format!("Quota pool of {}", endpoint.id);
    opened.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
    if chosen != endpoint.quota_pool {
        move_to(cx, &config, endpoint, chosen);
    }
}

/// Into a pool of the provider's total goes only as much as is spare there.
fn move_to(cx: &mut PageCx, config: &Config, endpoint: &Endpoint, chosen: Option<PoolId>) {
    let (id, now) = (&endpoint.id, endpoint.tokens_per_minute);
    let fitting = chosen.as_ref().map_or(Ok(now), |pool| allot::fitting(config, endpoint, pool));
    let (label, share) = match (&chosen, fitting) {
        (Some(pool), Err(wanted)) => {
            let words = format!("All of {pool} is given out. Free some of it first: {id} has {}.", tpm(wanted));
            return cx.toast(Tone::Near, words);
        }
        (Some(pool), Ok(share)) if share != now => {
            let spare = tpm(share.unwrap_or(0));
            cx.toast(Tone::Info, format!("{id} draws from {pool} with the {spare} that are spare there."));
            (format!("let {id} draw from {pool} with {spare}"), share)
        }
        (Some(pool), Ok(share)) => (format!("let {id} draw from {pool}"), share),
        (None, _) => (format!("take {id} out of its pool"), now),
    };
    cx.draft.edit(label, |config| allot::set_pool(config, id, chosen, share));
}
