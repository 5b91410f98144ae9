use egui_kittest::kittest::Queryable;

use super::tests::{Screen, screen};
use super::*;
use crate::contract::ConfigCommand;

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
