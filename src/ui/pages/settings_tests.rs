//! The Settings page, as the person uses it.

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::model::preferences::{Preferences, ThemeChoice};
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, settings, theme};

fn open() -> Harness<'static, Console> {
    let (line, _back, _inbox) = crate::contract::line(fixture::snapshot());
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 3_600.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Settings.name()).click();
    harness.run_steps(4);
    harness
}

#[test]
fn every_setting_of_the_table_is_on_the_page() {
    let harness = open();
    for setting in settings::ALL {
        assert!(harness.query_all_by_label(setting.name).next().is_some(), "{}", setting.name);
        assert!(harness.query_by_label(setting.hint).is_some(), "{}", setting.hint);
    }
}

#[test]
fn a_choice_acts_at_once_and_goes_back_alone() {
    let mut harness = open();
    harness.get_by_label("Dark").click();
    harness.run_steps(3);
    harness.get_by_role_and_label(egui::Role::CheckBox, "Reduce motion").click();
    harness.run_steps(3);
    let liked = harness.state().preferences().clone();
    assert_eq!((liked.theme, liked.reduced_motion), (ThemeChoice::Dark, true));
    harness.get_by_label("Theme mode: back to As the desktop").click();
    harness.run_steps(3);
    let liked = harness.state().preferences().clone();
    assert_eq!(liked, Preferences { reduced_motion: true, ..Preferences::default() });
}

#[test]
fn the_search_leaves_what_it_names() {
    let mut harness = open();
    harness.get_by_role_and_label(egui::Role::TextInput, "Find a setting").focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(egui::Role::TextInput, "Find a setting").type_text("motion");
    harness.run_steps(3);
    assert!(harness.query_by_label("Port").is_none());
    assert!(harness.query_all_by_label("Reduce motion").next().is_some());
}

#[test]
fn the_network_goes_through_the_draft() {
    let mut harness = open();
    harness.get_by_label("This network").click();
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().listen.address, "0.0.0.0");
    assert_eq!(harness.state().draft().undo_label(), Some("Listen at 0.0.0.0"));
}

#[test]
fn a_kind_of_notification_can_be_switched_off() {
    let mut harness = open();
    harness.get_by_label("A key is rejected").click();
    harness.run_steps(3);
    assert!(harness.state().preferences().muted.contains("key_rejected"));
    let boxes = harness.query_all_by_role(egui::Role::CheckBox);
    assert!(boxes.into_iter().all(|one| one.accesskit_node().label().is_some()));
}

#[test]
fn the_rules_of_requests_go_through_the_draft_and_back_to_what_is_usual() {
    let mut harness = open();
    harness.get_by_label("Sendings of one request").focus();
    harness.run_steps(2);
    harness.key_press(egui::Key::ArrowUp);
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().retry.max_attempts, 5);
    assert_eq!(harness.state().draft().changes(), ["Sendings of one request: 4 → 5 times."]);
    harness.get_by_label("retry: back to what is usual").click();
    harness.run_steps(3);
    assert!(!harness.state().draft().is_changed());
}
