//! What speaks against a route as it is edited, with the way to where it can be mended.
//!
//! Invariant: only what the configuration alone cannot tell; all else is a finding.
//! Absent on purpose: mending by itself.

use std::collections::BTreeSet;

use egui::Ui;

use super::edit::Edit;
use crate::contract::snapshot::{KeyState, KeysView};
use crate::model::config::{Config, Route};
use crate::model::id::AccountId;
use crate::ui::cx::{PageCx, Target};
use crate::ui::theme::{Tone, gap};
use crate::ui::widgets::{quiet_button, status_label};

/// Shows them, one row each.
pub(super) fn show(ui: &mut Ui, cx: &PageCx, route: &Route, edits: &mut Vec<Edit>) {
    for (account, why) in keyless(cx.draft.working(), &cx.snapshot.keys, route) {
        ui.add_space(gap::S);
        ui.horizontal_wrapped(|ui| {
            status_label(ui, cx.theme, Tone::Error, &why);
            if quiet_button(ui, cx.theme, &format!("Open account {account}")).clicked() {
                edits.push(Edit::Open(Target::Account(account)));
            }
        });
    }
}

/// Accounts of the route without a key that could be sent, and what follows from it.
fn keyless(config: &Config, keys: &KeysView, route: &Route) -> Vec<(AccountId, String)> {
    let members = route.groups.iter().flat_map(|group| &group.endpoints);
    let endpoints: Vec<_> = members.filter_map(|member| config.endpoint(&member.endpoint)).collect();
    let accounts: BTreeSet<&AccountId> = endpoints.iter().map(|endpoint| &endpoint.account).collect();
    let lacking = accounts.into_iter().filter_map(|account| {
        let key = keys.accounts.iter().find(|key| key.account == *account)?;
        let why = match &key.state {
            KeyState::Absent => "has no key".to_owned(),
            KeyState::FromEnvironment { variable, set: false } => format!("waits for ${variable}, which is not set"),
            _ => return None,
        };
        let mine = endpoints.iter().filter(|endpoint| endpoint.account == *account);
        let mine: Vec<&str> = mine.map(|endpoint| endpoint.id.as_str()).collect();
        Some((account.clone(), format!("Account {account} {why}, so nothing is sent to {}.", mine.join(", "))))
    });
    lacking.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::snapshot::{AccountKey, SpareKeys};
    use crate::ui::fixture;

    #[test]
    fn an_account_without_a_key_is_named_with_its_endpoints() {
        let config = fixture::config();
        let key = |state| AccountKey { account: "sim-b".into(), state, test: None, spares: SpareKeys::default() };
        let keys = |state| KeysView { accounts: vec![key(state)], ..KeysView::default() };
        let said = keyless(&config, &keys(KeyState::Absent), &config.routes[0]);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].1, "Account sim-b has no key, so nothing is sent to sim-westus, sim-sweden.");
        assert_eq!(keyless(&config, &keys(KeyState::NotNeeded), &config.routes[0]), []);
    }
}
