use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;

use super::*;
use crate::ui::theme;

fn undo(harness: &mut Harness<KeyField>) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(2);
}

/// A field in which a key was typed, some seconds ago.
fn typed() -> Harness<'static, KeyField> {
    let mut harness = Harness::builder().with_context_setup(theme::install).build_ui_state(
        |ui, field: &mut KeyField| {
            let theme = Theme::of(ui.ctx());
            field.show(ui, theme, "Key", None);
        },
        KeyField::opened(),
    );
    harness.run_steps(2);
    for part in ["sk-proj-Zq81xW", "cV55bNmKtR7yLp"] {
        harness.event(Event::Text(part.to_owned()));
        harness.run_steps(8);
    }
    harness
}

#[test]
fn within_a_field_typing_can_be_undone() {
    let mut harness = typed();
    undo(&mut harness);
    assert_eq!(harness.state().text.as_str(), "sk-proj-Zq81xW");
}

#[test]
fn a_typed_key_is_not_in_the_undo_of_the_field_that_takes_its_place() {
    let mut harness = typed();
    *harness.state_mut() = KeyField::opened();
    harness.run_steps(2);
    undo(&mut harness);
    assert!(harness.state().is_empty(), "the other field's key came back");
}

#[test]
fn a_key_that_was_taken_does_not_come_back_by_undo() {
    let mut harness = typed();
    assert!(harness.state_mut().take().is_some());
    harness.run_steps(2);
    undo(&mut harness);
    assert!(harness.state().is_empty());
}
