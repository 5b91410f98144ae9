//! An account's address and place, edited in the draft.

use std::sync::Arc;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::contract::snapshot::Applied;
use crate::model::config::Config;
use crate::ui::{Console, fixture, theme};

fn open() -> Harness<'static, Console> {
    let mut snapshot = fixture::snapshot();
    let mut applied = Applied::clone(&snapshot.applied);
    let mut config = Config::clone(&applied.config);
    config.accounts[0].service = Service::Azure;
    config.accounts[0].base_url = "https://one.openai.azure.com".to_owned();
    config.accounts[0].api_version = Some("2024-10-21".to_owned());
    applied.config = Arc::new(config);
    snapshot.applied = Arc::new(applied);
    let (ui, _back, _inbox) = crate::contract::line(snapshot);
    let console = Console::new(ui, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_400.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    for label in [Page::Accounts.name(), "Address and place of sim-a"] {
        harness.get_by_label(label).click();
        harness.run_steps(6);
    }
    harness
}

fn account(harness: &Harness<'static, Console>) -> Account {
    harness.state().draft().working().accounts[0].clone()
}

#[test]
fn a_region_is_taken_when_the_person_is_done_and_said_in_the_review() {
    let mut screen = open();
    let field = "Region";
    screen.get_by_role_and_label(egui::Role::TextInput, field).focus();
    screen.run_steps(2);
    screen.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    screen.run_steps(1);
    screen.get_by_role_and_label(egui::Role::TextInput, field).type_text("swedencentral");
    screen.run_steps(2);
    assert_eq!(account(&screen).region.as_deref(), Some("eastus"));
    screen.key_press(egui::Key::Enter);
    screen.run_steps(3);
    assert_eq!(account(&screen).region.as_deref(), Some("swedencentral"));
    assert_eq!(screen.state().draft().changes(), ["Region of account sim-a: eastus → swedencentral."]);
}

#[test]
fn plain_http_is_the_persons_word_and_one_step() {
    let mut screen = open();
    screen.get_by_label("Allow plain http to another computer").click();
    screen.run_steps(3);
    assert!(account(&screen).allow_plain_http);
    assert_eq!(screen.state().draft().undo_label(), Some("change plain http of sim-a"));
}
