use std::sync::Arc;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::contract::snapshot::Applied;
use crate::contract::{CommandInbox, Snapshot};
use crate::model::config::Service;
use crate::model::status::BalancerView;
use crate::model::units::Timestamp;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

/// sim-sweden as a real endpoint that rests for this.
fn resting(cause: RestCause) -> Snapshot {
    let mut snapshot = fixture::with_keys();
    let mut view = BalancerView::clone(&snapshot.view);
    let sweden = view.endpoints.iter_mut().find(|one| one.id.as_str() == "sim-sweden").unwrap();
    sweden.simulated = false;
    sweden.health = Health::Resting { until: Timestamp::MAX, cause };
    snapshot.view = Arc::new(view);
    let mut config = fixture::config();
    for account in &mut config.accounts {
        account.service = Service::Azure;
    }
    snapshot.applied = Arc::new(Applied { config: Arc::new(config), ..Applied::clone(&snapshot.applied) });
    snapshot
}

fn open(snapshot: Snapshot) -> (Harness<'static, Console>, CommandInbox) {
    let (line, _back, inbox) = crate::contract::line(snapshot);
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_000.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    for label in [Page::Endpoints.name(), "sim-sweden"] {
        harness.get_all_by_label(label).next().unwrap().click();
        harness.run_steps(4);
    }
    (harness, inbox)
}

#[test]
fn a_rejected_key_leads_to_the_field_for_another_one() {
    let (mut harness, _inbox) = open(resting(RestCause::KeyRejected));
    assert!(harness.query_by_label_contains("The service rejects the key of account sim-b").is_some());
    assert!(harness.query_by_label_contains("go to the others of its route meanwhile").is_some());
    harness.get_by_label("Replace the key").click();
    harness.run_steps(6);
    assert_eq!(harness.state().page(), Page::Accounts);
    assert!(harness.query_by_role_and_label(egui::Role::PasswordInput, "Next key of sim-b").is_some());
}

#[test]
fn a_deployment_that_is_not_there_can_be_one_that_is_known() {
    let (mut harness, _inbox) = open(resting(RestCause::NotFound));
    assert!(harness.query_by_label_contains("knows nothing called sim-sweden-chat").is_some());
    harness.get_by_label("Use sim-westus-chat").click();
    harness.run_steps(4);
    let draft = harness.state().draft();
    let deployment = draft.working().endpoint(&"sim-sweden".into()).unwrap().deployment.clone();
    assert_eq!(deployment.as_deref(), Some("sim-westus-chat"));
    assert_eq!(draft.undo_label(), Some("use deployment sim-westus-chat for sim-sweden"));
    assert!(harness.query_by_label_contains("knows nothing called sim-sweden-chat").is_some(), "that is what runs");
    assert!(harness.query_by_label_contains("In the draft it is called sim-westus-chat").is_some());
}

#[test]
fn a_blocked_one_has_a_question_for_whoever_runs_it() {
    let (mut harness, _inbox) = open(resting(RestCause::Blocked));
    harness.get_by_label("What to ask your admin").click();
    harness.run_steps(8);
    assert!(harness.query_by_label("Copy the question").is_some());
    assert!(question("https://acme.example").contains("https://acme.example"));
}

#[test]
fn what_clears_by_itself_asks_nothing_of_the_person() {
    let (harness, _inbox) = open(resting(RestCause::Throttled(ThrottleKind::Tokens)));
    assert!(harness.query_by_label("Test again").is_none());
}
