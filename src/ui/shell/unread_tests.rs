use egui_kittest::kittest::Queryable;

use super::tests::{Screen, screen};
use super::*;
use crate::contract::ConfigCommand;
use crate::contract::snapshot::Applied;
use crate::model::config::Config;
use crate::ui::fixture;

const LIMIT: &str = "Request limit of sim-eastus";

/// Types behind what stands in a field of the open endpoint's limits.
fn typed(text: &str) -> Screen {
    let mut screen = screen();
    screen.open_eastus();
    screen.click("Limits");
    let field = screen.harness.get_by_label(LIMIT);
    field.focus();
    screen.harness.run_steps(2);
    screen.harness.get_by_label(LIMIT).type_text(text);
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen
}

fn says(screen: &Screen, words: &str) -> bool {
    screen.harness.query_by_label_contains(words).is_some()
}

#[test]
fn the_review_lists_a_field_that_cannot_be_read_and_leads_to_it_from_another_page() {
    let mut screen = typed("abc");
    screen.click("Live");
    screen.go(Page::Queue);
    screen.click("Review");
    assert!(says(&screen, "abc\u{201d} is not a number; the last value"), "what stands there stays");
    screen.click(&format!("Go to {LIMIT}"));
    screen.harness.run_steps(8);
    assert_eq!(screen.harness.state().page(), Page::Endpoints);
    assert!(screen.harness.get_by_label(LIMIT).is_focused(), "its tab is open and it has the keyboard");
    screen.harness.key_press(egui::Key::Escape);
    screen.harness.run_steps(3);
    screen.click("Review");
    assert!(!says(&screen, "is not a number"), "Esc took it back");
}

#[test]
fn applying_says_once_which_field_was_not_applied() {
    let mut screen = typed("abc");
    screen.click("Apply");
    assert!(matches!(screen.command(), Some(Command::Config(ConfigCommand::Apply { .. }))));
    assert!(says(&screen, &format!("Not applied: {LIMIT}")));
    screen.click("Go to it");
    assert!(!says(&screen, "Not applied"), "once");
}

#[test]
fn a_number_that_is_too_large_is_called_so_with_the_largest() {
    let mut screen = typed("99999999999999999999");
    assert!(says(&screen, "Too large: 1,000,000,000,000 is the most"));
    screen.click("Review");
    assert!(!says(&screen, "Esc brings back"), "the field's own words do not lie over the sheet");
    assert!(says(&screen, "is too large, 1,000,000,000,000 is the most; the last value"));
}

#[test]
fn discarding_forgets_what_cannot_be_read() {
    let mut screen = typed("abc");
    screen.click("Discard");
    assert!(!says(&screen, "Not a number"));
    assert!(widgets::unread(&screen.harness.ctx).is_empty());
}

/// Types behind what stands in a field that is on the screen.
fn type_into(screen: &mut Screen, name: &str, text: &str) {
    screen.harness.get_by_role_and_label(egui::Role::TextInput, name).focus();
    screen.harness.run_steps(2);
    screen.harness.get_by_role_and_label(egui::Role::TextInput, name).type_text(text);
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
}

#[test]
fn of_two_fields_that_cannot_be_read_each_is_found_on_its_own_tab() {
    let mut screen = typed("abc");
    screen.click("Config");
    let other = "Requests per minute of sim-eastus";
    type_into(&mut screen, other, "def");
    for name in [LIMIT, other, LIMIT] {
        screen.click("Review");
        screen.click(&format!("Go to {name}"));
        screen.harness.run_steps(4);
        let field = screen.harness.get_by_role_and_label(egui::Role::TextInput, name);
        assert!(field.is_focused(), "{name} has the keyboard");
    }
}

#[test]
fn who_chooses_a_tab_is_not_led_to_a_field_any_longer() {
    let mut screen = typed("abc");
    widgets::seek(&screen.harness.ctx, egui::Id::unique("a field that never comes"));
    screen.click("Health");
    assert_eq!(widgets::sought(&screen.harness.ctx), None);
}

#[test]
fn an_endpoint_that_is_removed_takes_its_fields_that_cannot_be_read_with_it() {
    let mut screen = typed("abc");
    screen.go(Page::Queue);
    assert_eq!(widgets::unread(&screen.harness.ctx).len(), 1);
    screen.harness.state_mut().draft.edit("Remove sim-eastus", |config| {
        config.endpoints.retain(|one| one.id.as_str() != "sim-eastus");
        for group in config.routes.iter_mut().flat_map(|route| &mut route.groups) {
            group.endpoints.retain(|one| one.endpoint.as_str() != "sim-eastus");
        }
    });
    screen.harness.run_steps(3);
    assert!(widgets::unread(&screen.harness.ctx).is_empty());
    screen.click("Review");
    assert!(!says(&screen, "is not a number"));
}

fn more_requests(config: &mut Config) {
    config.endpoint_mut(&"sim-eastus".into()).unwrap().requests_per_minute = Some(77);
}

#[test]
fn an_undo_forgets_a_field_out_of_sight_of_which_it_changes_the_value() {
    let mut screen = typed("abc");
    screen.go(Page::Queue);
    screen.harness.state_mut().draft.edit("More requests", more_requests);
    screen.harness.state_mut().draft.edit("Lengthen the line", |config| config.queue.max_waiting = 9);
    screen.harness.run_steps(3);
    assert_eq!(screen.harness.state_mut().draft.undo().as_deref(), Some("Lengthen the line"));
    screen.harness.run_steps(3);
    assert_eq!(widgets::unread(&screen.harness.ctx).len(), 1, "neither an edit nor an undo of something else");
    assert_eq!(screen.harness.state_mut().draft.undo().as_deref(), Some("More requests"));
    screen.harness.run_steps(3);
    assert!(widgets::unread(&screen.harness.ctx).is_empty());
}

#[test]
fn a_revision_from_elsewhere_forgets_a_field_out_of_sight_of_which_it_changes_the_value() {
    let mut screen = typed("abc");
    screen.go(Page::Queue);
    let mut config = Config::clone(screen.harness.state().draft().base());
    let edits: [fn(&mut Config); 2] = [|config| config.retry.max_attempts = 2, more_requests];
    for ((edit, revision), left) in edits.into_iter().zip([15, 16]).zip([1, 0]) {
        edit(&mut config);
        let now = Applied { revision, config: config.clone().into(), ..Applied::clone(&fixture::snapshot().applied) };
        screen.back.publish(Snapshot { applied: now.into(), ..fixture::snapshot() });
        screen.harness.run_steps(3);
        assert_eq!(widgets::unread(&screen.harness.ctx).len(), left, "rev {revision}");
    }
}
