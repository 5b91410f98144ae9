//! What the bar of the draft and the review before applying say and send, by clicks and by keys.

use egui_kittest::kittest::Queryable;

use crate::contract::{Command, ConfigCommand, Snapshot};
use crate::model::config::Config;
use crate::ui::fixture;
use crate::ui::shell::tests::screen;

#[test]
fn the_draft_bar_comes_with_a_change_and_applying_sends_the_draft() {
    let mut screen = screen();
    assert!(screen.harness.query_by_label("Apply").is_none());
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.click("Review");
    assert!(screen.harness.query_by_label_contains("The line holds 7 requests").is_some());
    screen.click("Apply changes");
    let Some(Command::Config(ConfigCommand::Apply { base, config })) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((base.revision, config.queue.max_waiting), (14, 7));
}

#[test]
fn enter_opens_the_review_and_enter_applies_what_it_lists() {
    let mut screen = screen();
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.harness.get_by_label("Review").focus();
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(4);
    assert!(screen.harness.query_by_label_contains("The line holds 7 requests").is_some());
    assert!(screen.command().is_none(), "nothing is applied that was not listed");
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(matches!(screen.command(), Some(Command::Config(ConfigCommand::Apply { .. }))));
}

#[test]
fn enter_that_is_held_opens_the_review_and_applies_nothing() {
    let mut screen = screen();
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.harness.get_by_label("Review").focus();
    screen.harness.run_steps(2);
    for modifiers in [egui::Modifiers::NONE, egui::Modifiers::COMMAND] {
        for _ in 0..6 {
            screen.harness.key_down_modifiers(modifiers, egui::Key::Enter);
            screen.harness.run_steps(2);
        }
        assert!(screen.harness.state().reviewing);
        assert!(screen.command().is_none(), "nobody could read it yet");
        screen.harness.key_up_modifiers(modifiers, egui::Key::Enter);
        screen.harness.run_steps(2);
        screen.harness.key_press(egui::Key::Escape);
        screen.harness.run_steps(4);
    }
}

#[test]
fn apply_in_the_bar_opens_the_review_where_something_is_to_be_heeded_or_goes() {
    let mut screen = screen();
    let port: fn(&mut Config) = |config| config.listen.port = 8_999;
    let last_member: fn(&mut Config) = |config| config.routes[0].groups.truncate(2);
    let edits =
        [("Listen on port 8999", port, "--port 8787"), ("Remove", last_member, "sim-sweden leaves route demo-chat")];
    for (label, edit, said) in edits {
        screen.back.publish(Snapshot { launch_port: Some(8_787), ..fixture::snapshot() });
        screen.harness.state_mut().draft.edit(label, edit);
        screen.harness.run_steps(3);
        screen.click("Apply");
        assert!(screen.command().is_none(), "{label} was not read yet");
        assert!(screen.harness.query_by_label_contains(said).is_some());
        screen.click("Keep editing");
        screen.harness.state_mut().draft.discard();
        screen.harness.run_steps(3);
    }
}

#[test]
fn behind_a_sheet_no_key_leaves_the_page_or_reviews_anything_else() {
    let mut screen = screen();
    screen.click("Revisions");
    let page = screen.harness.state().page();
    screen.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num3);
    screen.harness.run_steps(3);
    assert_eq!(screen.harness.state().page(), page);
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(!screen.harness.state().reviewing);
    screen.harness.key_press(egui::Key::Escape);
    screen.harness.run_steps(4);
    screen.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num3);
    screen.harness.run_steps(3);
    assert_ne!(screen.harness.state().page(), page);
}
