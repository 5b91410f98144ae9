//! The limits of one endpoint: what the service enforces, our soft cap, what is in effect, and who says so.
//!
//! Invariant: the effective limit is the snapshot's; only the draft's numbers can be edited.
//! Absent on purpose: learning limits; the brain does.

use std::sync::Arc;
use std::time::Duration;

use egui::{Grid, RichText, Ui};

use crate::model::config::{Endpoint, Enforcement, QuotaPool};
use crate::model::id::EndpointId;
use crate::model::status::{BalancerView, EndpointView, LimitKind, LimitSource, LimitView, MoreLimitView};
use crate::model::units::{Grouped, MINUTE, Timestamp};
use crate::ui::cx::PageCx;
use crate::ui::format::{clock_time, countdown, date_time};
use crate::ui::holds;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{AmountChange, AmountEdit, checkbox, note, on_or_off, section, status_label, unapplied};
use crate::ui::words::limit_source;

/// From then on a time of day alone may be taken for another day's.
const HALF_A_DAY: Duration = Duration::from_hours(12);

type Field = fn(&mut Endpoint) -> &mut Option<u64>;

/// Shows the table of limits with fields for the draft.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    section(ui, theme, "Limits", |ui| {
        table(ui, cx, endpoint);
        less(ui, cx, &endpoint.id);
        left(ui, cx, endpoint);
        for line in learned(endpoint, cx.snapshot.at).into_iter().chain(usual_answer(&cx.snapshot.view, endpoint)) {
            note(ui, theme, &line);
        }
        ui.add_space(gap::M);
        automatic(ui, cx, endpoint);
    });
}

/// That the service allows less than what is typed, where it does.
pub(super) fn less(ui: &mut Ui, cx: &PageCx, id: &EndpointId) {
    let words = cx.draft.working().endpoint(id).and_then(|typed| holds::words(cx.snapshot, typed));
    if let Some(words) = words {
        status_label(ui, cx.theme, Tone::Near, &format!("Less than what is typed: {words}"));
    }
}

/// What the service says is left of its token limit or how full it is, and what we count. Once the minute that it was about is
/// over, beside what is counted now it would be wrong.
pub(super) fn left(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView) {
    let lasts = |at: Timestamp| cx.snapshot.at.since(at) <= MINUTE;
    if let Some((permille, at)) = endpoint.insight.utilization.filter(|(_, at)| lasts(*at)) {
        let (percent, when) = (f64::from(permille) / 10.0, clock_time(wall(cx, at)));
        let config = &cx.snapshot.applied.config;
        let counts_so = config.endpoint(&endpoint.id).is_some_and(|one| one.enforcement == Enforcement::Utilization);
        let advice = if counts_so {
            ""
        } else {
            " Only provisioned deployments say so: set under Config that it counts by utilization."
        };
        note(ui, cx.theme, &format!("The service said it was {percent:.1} % full at {when}.{advice}"));
    }
    let Some((left, at)) = endpoint.reported_remaining.filter(|(_, at)| lasts(*at)) else { return };
    let ours = endpoint.tokens.headroom().map_or_else(|| "unknown".to_owned(), |left| Grouped(left).to_string());
    let when = clock_time(wall(cx, at));
    note(ui, cx.theme, &format!("The service said {} left at {when}; we count {ours}.", Grouped(left)));
}

fn table(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let (theme, id) = (cx.theme, &endpoint.id);
    let stated = cx.snapshot.applied.config.endpoint(id).and_then(|one| one.tokens_per_minute);
    Grid::new("limits").num_columns(4).spacing([gap::XL, gap::M]).show(ui, |ui| {
        for heading in ["", "Now", "Source", "Draft"] {
            note(ui, theme, heading);
        }
        ui.end_row();
        let provider = endpoint.reported_tokens_per_minute.or(endpoint.provider_tokens_per_minute);
        plain(ui, theme, ("Provider", TOKENS_BY), provider, "TPM");
        note(ui, theme, &provider_source(cx, endpoint, stated));
        note(ui, theme, "what the service enforces");
        ui.end_row();
        plain(ui, theme, ("Allotted", TOKENS_BY), stated, "TPM");
        note(ui, theme, &allotted_source(endpoint, stated));
        field(ui, cx, id, "Token limit", "learned", |e| &mut e.tokens_per_minute);
        ui.end_row();
        plain(ui, theme, ("Soft cap", TOKENS_BY), endpoint.soft_cap, "TPM");
        note(ui, theme, if endpoint.soft_cap.is_some() { "typed by you" } else { "none set" });
        field(ui, cx, id, "Soft cap", "off", |e| &mut e.soft_cap_tokens_per_minute);
        ui.end_row();
        plain(ui, theme, ("Effective", TOKENS_BY), endpoint.tokens.limit, "TPM");
        note(ui, theme, &source(cx, &endpoint.tokens));
        note(ui, theme, "the smallest of them");
        ui.end_row();
        plain(ui, theme, ("Requests", REQUESTS_BY), endpoint.requests.limit, "RPM");
        note(ui, theme, &source(cx, &endpoint.requests));
        field(ui, cx, id, "Request limit", "learned", |e| &mut e.requests_per_minute);
        ui.end_row();
        more(ui, cx, endpoint);
    });
}

/// What may change by itself, and how far.
fn automatic(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let id = &endpoint.id;
    let config = Arc::clone(cx.draft.working());
    let Some(mine) = config.endpoint(id) else { return };
    let base = Arc::clone(cx.draft.base());
    let runs = |now: bool, of: fn(&Endpoint) -> bool| {
        base.endpoint(id).map(of).filter(|runs| *runs != now).map(|runs| on_or_off(runs).to_owned())
    };
    ui.horizontal_wrapped(|ui| {
        let mut pinned = mine.pinned;
        let pin = checkbox(ui, &mut pinned, "Keep what is typed");
        let pin = unapplied(ui, cx.theme, pin, runs(mine.pinned, |one| one.pinned));
        if pin.on_hover_text("What the service reports or refuses does not change the limits above").changed() {
            let verb = if pinned { "Pin" } else { "Unpin" };
            set(cx, id, format!("{verb} the limits of {id}"), |one| one.pinned = pinned);
        }
        let mut probing = mine.probe_above;
        let probe = checkbox(ui, &mut probing, "Try above the limit");
        let probe = unapplied(ui, cx.theme, probe, runs(mine.probe_above, |one| one.probe_above));
        if probe.on_hover_text("Gently, and never beyond twice the limit: some services allow it at times").changed() {
            let verb = if probing { "Let" } else { "No longer let" };
            set(cx, id, format!("{verb} {id} try above its limit"), |one| one.probe_above = probing);
        }
        let learned = matches!(endpoint.tokens.source, LimitSource::Header | LimitSource::Learned);
        if let Some(limit) = endpoint.provider_tokens_per_minute.filter(|_| learned && !mine.pinned) {
            let words = format!("Pin {} TPM", Grouped(limit));
            if ui.button(words).on_hover_text("Type in what was learned, and keep it").clicked() {
                set(cx, id, format!("Pin {id} to {} TPM", Grouped(limit)), |one| {
                    (one.tokens_per_minute, one.pinned) = (Some(limit), true);
                });
            }
        }
    });
    if let Some(pool) = mine.quota_pool.as_ref().and_then(|pool| config.quota_pool(pool)) {
        bounds(ui, cx, pool);
    }
}

/// How far our shares of its pool may follow demand.
fn bounds(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool) {
    let id = &pool.id;
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(format!("Shares of {id} may follow demand within")).color(cx.theme.text_soft));
        let (name, within) = (format!("Adjust {id} within"), pool.adjust_within_percent.map(u64::from));
        let runs = cx.draft.base().quota_pool(id).unwrap_or(pool).adjust_within_percent.map(u64::from);
        let field = AmountEdit::new(&name, within, runs).unit("%").or_empty("off").at_most(100).width(60.0);
        let percent = match field.show(ui, cx.theme) {
            Some(AmountChange::Set(percent)) => Some(u32::try_from(percent).unwrap_or(100).min(100)),
            Some(AmountChange::Clear) => None,
            None => return,
        };
        cx.draft.edit(format!("Set how far shares of {id} follow demand"), |config| {
            if let Some(pool) = config.quota_pools.iter_mut().find(|known| known.id == *id) {
                pool.adjust_within_percent = percent;
            }
        });
    });
}

fn set(cx: &mut PageCx, id: &EndpointId, label: String, change: impl FnOnce(&mut Endpoint)) {
    cx.draft.edit(label, |config| {
        if let Some(endpoint) = config.endpoint_mut(id) {
            change(endpoint);
        }
    });
}

fn wall(cx: &PageCx, at: Timestamp) -> u64 {
    let age = cx.snapshot.at.since(at);
    cx.snapshot.wall_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(0))
}

fn provider_source(cx: &PageCx, endpoint: &EndpointView, stated: Option<u64>) -> String {
    if endpoint.reported_tokens_per_minute.is_some() && endpoint.tokens.source != LimitSource::Learned {
        let since = endpoint.tokens.since.filter(|_| endpoint.tokens.source == LimitSource::Header);
        return "from response headers".to_owned() + &when(cx, since);
    }
    match (endpoint.tokens.source, stated) {
        (LimitSource::Learned, _) => source(cx, &endpoint.tokens),
        (_, Some(_)) => "not reported yet; taken as allotted".to_owned(),
        _ => "not known yet".to_owned(),
    }
}

fn allotted_source(endpoint: &EndpointView, stated: Option<u64>) -> String {
    match (endpoint.allotted, stated) {
        (Some(share), _) => format!("for now at most {} TPM of its pool, as demand goes", Grouped(share)),
        (None, Some(_)) => "typed by you".to_owned(),
        (None, None) => "not set by you: learned from headers and 429s".to_owned(),
    }
}

/// What answers and refusals showed that the figures above do not say by themselves.
fn learned(endpoint: &EndpointView, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let (reported, held) = (endpoint.reported_tokens_per_minute, endpoint.provider_tokens_per_minute);
    if let Some((reported, held)) = reported.zip(held).filter(|(reported, held)| reported > held) {
        lines.push(format!(
            "The service states {} TPM, more than the {} in effect, which rises towards it unless pinned.",
            Grouped(reported),
            Grouped(held)
        ));
    }
    if endpoint.foreign_tokens_per_minute > 0 {
        let others = Grouped(endpoint.foreign_tokens_per_minute);
        lines.push(format!("Others use about {others} TPM of the same quota; that much is left free."));
    }
    if endpoint.insight.foreign_requests_per_minute > 0 {
        let others = Grouped(endpoint.insight.foreign_requests_per_minute);
        lines.push(format!("Others send about {others} requests a minute to the same quota; that many are left free."));
    }
    if let Some(allowed) = endpoint.growth_tokens_per_minute {
        lines.push(format!("Load may grow to {} TPM for now, by half in 15 minutes.", Grouped(allowed)));
    }
    let charges = [(endpoint.charge_permille, "with"), (endpoint.uncapped_charge_permille, "without")];
    for (permille, with) in charges.into_iter().filter(|(permille, _)| *permille != 1_000) {
        let percent = permille / 10;
        lines.push(format!("The service charges {percent} % of the estimate for requests {with} an output cap."));
    }
    if endpoint.insight.rests_in_a_row > 1 {
        lines.push(format!(
            "It has had to rest {} times in a row; where it does not say for how long, each rest is longer.",
            endpoint.insight.rests_in_a_row
        ));
    }
    if let Some(size) = endpoint.insight.too_large {
        let left = countdown(size.until, now);
        lines.push(format!(
            "A request of {} tokens did not fit here; none as large is sent for {left}.",
            Grouped(size.charge)
        ));
    }
    lines
}

/// How long answers without a cap are taken to be, the longest over all callers.
fn usual_answer(view: &BalancerView, endpoint: &EndpointView) -> Option<String> {
    let of_model = view.usual_answers.iter().filter(|one| one.model == endpoint.model);
    let tokens = of_model.map(|one| one.tokens).max()?;
    Some(format!(
        "Where a request sets no output cap, up to {} tokens of answer are reckoned with: nine of ten were no longer.",
        Grouped(tokens)
    ))
}

/// Limits that few services have.
fn more(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView) {
    for MoreLimitView { kind, limit } in &endpoint.more_limits {
        let (name, window, unit) = match kind {
            LimitKind::InputTokens => ("Input", TOKENS_BY, "TPM"),
            LimitKind::OutputTokens => ("Output", TOKENS_BY, "TPM"),
            LimitKind::TokensPerDay => ("Tokens a day", DAYS_BY, "TPD"),
            LimitKind::RequestsPerDay => ("Requests a day", DAYS_BY, "RPD"),
        };
        plain(ui, cx.theme, (name, window), limit.limit, unit);
        note(ui, cx.theme, &source(cx, limit));
        note(ui, cx.theme, &format!("{} % taken", limit.taken_percent()));
        ui.end_row();
    }
}

/// Over which time a service holds what is used against a limit.
const TOKENS_BY: &str = "Counted over the last 60 s; a service that refills counts what came back instead";
const REQUESTS_BY: &str = "Counted over the last 60 s, and services look at slices of 1 s or 10 s besides: 600 a minute are about 10 a second";
const DAYS_BY: &str = "Counted over 24 hours";

fn plain(ui: &mut Ui, theme: &Theme, (name, window): (&str, &str), value: Option<u64>, unit: &str) {
    ui.label(RichText::new(name).color(theme.text_soft)).on_hover_text(window);
    let text = value.map_or_else(|| "–".to_owned(), |value| format!("{} {unit}", Grouped(value)));
    ui.label(theme::mono(text).color(theme.text));
}

/// Who says so, and since when.
fn source(cx: &PageCx, limit: &LimitView) -> String {
    limit_source(limit.source).to_owned() + &when(cx, limit.since)
}

/// What was said in an earlier run may be of another day.
fn when(cx: &PageCx, since: Option<Timestamp>) -> String {
    let Some(since) = since else { return String::new() };
    let time = if cx.snapshot.at.since(since) < HALF_A_DAY { clock_time } else { date_time };
    format!(", {}", time(wall(cx, since)))
}

fn field(ui: &mut Ui, cx: &mut PageCx, id: &EndpointId, name: &str, empty: &str, field: Field) {
    let read = |mut one: Endpoint| *field(&mut one);
    let value = cx.draft.working().endpoint(id).cloned().and_then(read);
    let applied = cx.draft.base().endpoint(id).cloned().map_or(value, read);
    let full = format!("{name} of {id}");
    let Some(change) = AmountEdit::new(&full, value, applied).or_empty(empty).show(ui, cx.theme) else {
        return;
    };
    let (set, words) = match change {
        AmountChange::Set(value) => (Some(value), Grouped(value).to_string()),
        AmountChange::Clear => (None, empty.to_owned()),
    };
    cx.draft.edit(format!("Set {} of {id} to {words}", name.to_lowercase()), |config| {
        if let Some(endpoint) = config.endpoint_mut(id) {
            *field(endpoint) = set;
        }
    });
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
