//! What a test came to, line by line, and what the one kind that costs something costs.
//!
//! Invariant: each line stands with its glyph and its sentence; a call of one token is offered with its cost beside it; what a
//! service told goes into the draft only at a button that says what.
//! Absent on purpose: testing; the background does it.

use std::sync::Arc;

use egui::{RichText, Ui};

use super::cx::PageCx;
use super::format::ago;
use super::theme::{Theme, Tone, gap};
use super::widgets::note;
use crate::contract::snapshot::{KeyTest, KeysView, Offered, Trial};
use crate::contract::{Command, KeyCommand};
use crate::model::config::{Account, Config, Endpoint};
use crate::model::id::{AccountId, EndpointId};
use crate::model::units::Grouped;

const COST: &str = "Costs about 10 tokens of its model. Shows whether it really answers, and which limits it tells; the list of \
                    models cannot.";

/// What was tested and when, and each line. `what` begins a sentence.
pub fn lines(ui: &mut Ui, theme: &Theme, what: &str, test: &KeyTest, now_wall_ms: u64) {
    ui.add_space(gap::S);
    let when = test
        .finished_wall_ms
        .map_or_else(|| format!("{what}: testing …"), |at| format!("{what}, tested {}", ago(at, now_wall_ms)));
    ui.label(RichText::new(when).color(theme.text_soft));
    for (passed, line) in &test.lines {
        let tone = if *passed { Tone::Ok } else { Tone::Error };
        ui.horizontal_wrapped(|ui| {
            ui.label(tone.icon().rich_text().color(theme.tone(tone)));
            ui.label(line);
        });
    }
}

/// What a test of this account's key came to: as it runs, or as the draft has it, if that is another.
#[must_use]
pub fn of_account<'k>(cx: &PageCx, keys: &'k KeysView, account: &Account) -> Option<&'k KeyTest> {
    if cx.snapshot.applied.config.account(&account.id) == Some(account) {
        return keys.accounts.iter().find(|key| key.account == account.id)?.test.as_ref();
    }
    keys.trials.iter().find(|trial| trial.endpoint.is_none() && trial.account == *account).map(|trial| &trial.test)
}

/// What a call to this endpoint came to: as it runs, or as the draft has it, if that is another.
#[must_use]
pub fn call_of<'k>(cx: &PageCx, keys: &'k KeysView, endpoint: &EndpointId) -> Option<&'k KeyTest> {
    if runs(cx, endpoint) {
        return keys.calls.iter().find(|(id, _)| id == endpoint).map(|(_, test)| test);
    }
    let draft = cx.draft.working();
    let drafted = draft.endpoint(endpoint)?;
    let account = draft.account(&drafted.account)?;
    let is_it = |trial: &&Trial| {
        trial.account == *account && trial.endpoint.as_ref().is_some_and(|tried| is_asked_alike(tried, drafted))
    };
    keys.trials.iter().find(is_it).map(|trial| &trial.test)
}

/// Whether both have one question asked of the same place: limits make no difference to it.
fn is_asked_alike(one: &Endpoint, other: &Endpoint) -> bool {
    (&one.id, &one.deployment, &one.model) == (&other.id, &other.deployment, &other.model)
}

/// Whether an endpoint runs as the draft has it.
fn runs(cx: &PageCx, endpoint: &EndpointId) -> bool {
    let (applied, draft) = (&cx.snapshot.applied.config, cx.draft.working());
    let (Some(runs), Some(drafted)) = (applied.endpoint(endpoint), draft.endpoint(endpoint)) else {
        return applied.endpoint(endpoint).is_some();
    };
    is_asked_alike(runs, drafted) && applied.account(&runs.account) == draft.account(&drafted.account)
}

/// Tests this account's key, as the draft has the account. Nothing of it is applied.
pub fn test(cx: &mut PageCx, account: &AccountId) {
    cx.send(Command::Key(order(&cx.snapshot.applied.config, cx.draft.working(), account.clone())));
}

/// The test of an account: as it runs, or as the draft has it, if that is another.
#[must_use]
pub fn order(applied: &Config, draft: &Arc<Config>, account: AccountId) -> KeyCommand {
    match draft.account(&account) {
        Some(drafted) if applied.account(&account) != Some(drafted) => KeyCommand::Try(Arc::clone(draft), account),
        _ => KeyCommand::Test(account),
    }
}

/// Offers the limits that the service told for an endpoint, where the draft has others or none.
pub fn offer_limits(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointId, offered: &Offered) {
    let draft = cx.draft.working();
    let Some(drafted) = draft.endpoint(endpoint) else { return };
    let new = |told: Option<u64>, has: Option<u64>| told.filter(|told| Some(*told) != has);
    let tokens = new(offered.tokens_per_minute, drafted.tokens_per_minute);
    let requests = new(offered.requests_per_minute, drafted.requests_per_minute);
    let parts: Vec<String> = [
        tokens.map(|limit| format!("{} TPM", Grouped(limit))),
        requests.map(|limit| format!("{} RPM", Grouped(limit))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() || drafted.quota_pool.is_some() {
        return;
    }
    let words = parts.join(" and ");
    let typed = drafted
        .tokens_per_minute
        .filter(|_| tokens.is_some())
        .map(|typed| format!(" instead of {} TPM", Grouped(typed)));
    let words = format!("Use {words}{}", typed.unwrap_or_default());
    if ui.button(words).on_hover_text(format!("As limits of {endpoint}, in the draft")).clicked() {
        cx.draft.edit(format!("take the limits of {endpoint} from its service"), |config| {
            let Some(endpoint) = config.endpoints.iter_mut().find(|known| known.id == *endpoint) else { return };
            endpoint.tokens_per_minute = tokens.or(endpoint.tokens_per_minute);
            endpoint.requests_per_minute = requests.or(endpoint.requests_per_minute);
        });
    }
}

/// Asks each of these endpoints for one token, at a button with its name; a single one needs none.
pub fn ask(ui: &mut Ui, cx: &mut PageCx, endpoints: &[EndpointId]) {
    for id in endpoints {
        let asked = call_of(cx, &cx.snapshot.keys, id).is_some_and(|test| test.finished_wall_ms.is_none());
        let words =
            if endpoints.len() == 1 { "Ask for one token".to_owned() } else { format!("Ask {id} for one token") };
        if ui.add_enabled(!asked, egui::Button::new(words)).clicked() {
            cx.send(Command::Key(if runs(cx, id) {
                KeyCommand::Call(id.clone())
            } else {
                KeyCommand::TryCall(Arc::clone(cx.draft.working()), id.clone())
            }));
            ui.close();
        }
    }
    note(ui, cx.theme, COST);
}
