//! The keyring's line while it owes an answer.

use std::sync::Arc;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::contract::Snapshot;
use crate::contract::snapshot::{Applied, KeyringState, KeysView};
use crate::model::config::Service;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

/// Real accounts, and a keyring that has not answered.
fn asking() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    snapshot.profile.demo = false;
    let mut config = fixture::config();
    for account in &mut config.accounts {
        account.service = Service::Openai;
    }
    snapshot.applied = Arc::new(Applied { config: Arc::new(config), ..Applied::clone(&snapshot.applied) });
    snapshot.keys = Arc::new(KeysView { keyring: KeyringState::Unknown, accounts: vec![] });
    snapshot
}

fn accounts(snapshot: Snapshot) -> Harness<'static, Console> {
    let (line, _back, _inbox) = crate::contract::line(snapshot);
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_200.0))
        .with_step_dt(0.25)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(2);
    harness
}

#[test]
fn a_keyring_that_is_slow_says_what_is_waited_for_and_what_to_do() {
    let mut harness = accounts(asking());
    assert!(harness.query_by_label_contains("Asking the keyring").is_some());
    assert!(harness.query_by_label_contains("has not answered yet").is_none(), "three seconds are given");
    harness.run_steps(14);
    assert!(harness.query_by_label_contains("The keyring has not answered yet").is_some());
    assert!(harness.query_by_label_contains("Waiting for the keys of sim-a and sim-b").is_some());
    assert!(harness.query_by_label_contains("in a window behind this one").is_some());
    assert!(harness.query_by_label_contains("choose an environment variable").is_some());
}

#[test]
fn without_a_key_in_the_keyring_nothing_is_waited_for() {
    let mut snapshot = asking();
    snapshot.applied = fixture::empty().applied;
    let mut harness = accounts(snapshot);
    harness.run_steps(20);
    assert!(harness.query_by_label_contains("has not answered yet").is_none());
}
