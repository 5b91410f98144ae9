//! Accounts by who pays for them: a heading for each subscription and organization, with what its accounts have together.
//!
//! Invariant: every account is shown once; those of one payer stand together, where the first of them is configured.
//! Absent on purpose: headings where nobody is stated; a list of accounts is enough then.

use egui::Ui;

use crate::model::config::{Account, Config};
use crate::model::payer::{Payer, PayerKind, PayerView};
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::format::{count, tpm};
use crate::ui::theme::{gap, strong};
use crate::ui::widgets;

/// Accounts that stand together.
pub(super) struct Group<'c> {
    /// Who pays; `None`: not said.
    payer: Option<Payer>,
    pub(super) accounts: Vec<&'c Account>,
}

/// The accounts of a configuration in the order in which they are shown: those whose payer nobody states come last.
pub(super) fn groups(config: &Config) -> Vec<Group<'_>> {
    let mut all: Vec<Group<'_>> = Vec::new();
    let mut alone = Group { payer: None, accounts: Vec::new() };
    for account in &config.accounts {
        let payer = account.payer();
        match all.iter_mut().find(|group| group.payer == payer) {
            _ if payer.is_none() => alone.accounts.push(account),
            Some(group) => group.accounts.push(account),
            None => all.push(Group { payer, accounts: vec![account] }),
        }
    }
    if !alone.accounts.is_empty() {
        all.push(alone);
    }
    all
}

/// The heading of a group that is not the only one without a name.
pub(super) fn heading(ui: &mut Ui, cx: &PageCx, group: &Group<'_>, are_several: bool) {
    let Some(payer) = &group.payer else {
        if are_several {
            ui.label(strong("Subscription or organization not stated"));
            ui.add_space(gap::S);
        }
        return;
    };
    let kind = match payer.kind {
        PayerKind::Subscription => "Subscription",
        PayerKind::Organization => "Organization",
    };
    ui.horizontal_wrapped(|ui| {
        let at = payer.host.as_ref().map(|host| format!(" at {host}")).unwrap_or_default();
        ui.label(strong(format!("{kind} {}{at}", payer.name)));
        if let Some(view) = cx.snapshot.view.payers.iter().find(|view| view.payer == *payer) {
            widgets::note(ui, cx.theme, &sums(view));
        }
    });
    ui.add_space(gap::S);
}

/// What they have and use together.
fn sums(view: &PayerView) -> String {
    let accounts = count(view.accounts.len() as u64, "account", "accounts");
    let endpoints = count(u64::from(view.endpoints), "endpoint", "endpoints");
    let tokens = match view.limit {
        Some(limit) => format!("{} of {} taken", Grouped(view.taken), tpm(limit)),
        None => format!("{} taken, limit not known", tpm(view.taken)),
    };
    format!("{accounts} · {endpoints} · {tokens} · {} running", Grouped(u64::from(view.in_flight)))
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
