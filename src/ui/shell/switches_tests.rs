//! What pausing, draining and resuming an endpoint send, where their buttons stand, and the way back.

use std::sync::Arc;

use egui_kittest::kittest::Queryable;

use crate::contract::{Command, EndpointCommand, Notice, NoticeBody};
use crate::model::config::AdminState;
use crate::ui::cx::Page;
use crate::ui::fixture;
use crate::ui::shell::tests::{Screen, screen};

#[test]
fn the_pause_button_of_an_endpoint_sends_the_command() {
    let mut screen = screen();
    screen.go(Page::Endpoints);
    screen.click("Pause sim-westus");
    let sent = screen.command();
    let Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))) = sent else { panic!("another command") };
    assert_eq!((id.as_str(), state), ("sim-westus", AdminState::Paused));
}

#[test]
fn pausing_and_draining_keep_their_places_whatever_was_pressed() {
    for width in [1280.0, 760.0] {
        let mut screen = screen();
        screen.harness.set_size(egui::vec2(width, 800.0));
        screen.open_eastus();
        screen.harness.run_steps(4);
        let at = |screen: &Screen, label: &str| screen.harness.get_by_label(label).rect();
        let (drain, pause) = (at(&screen, "Drain sim-eastus"), at(&screen, "Pause sim-eastus"));
        for (state, words) in [
            (AdminState::Paused, ["Drain sim-eastus", "Resume sim-eastus"]),
            (AdminState::Draining, ["Resume sim-eastus", "Pause sim-eastus"]),
        ] {
            let mut now = fixture::snapshot();
            let view = Arc::make_mut(&mut now.view);
            let eastus = view.endpoints.iter_mut().find(|one| one.id.as_str() == "sim-eastus").unwrap();
            eastus.admin_state = state;
            screen.back.publish(now);
            screen.harness.run_steps(4);
            assert_eq!(words.map(|label| at(&screen, label)), [drain, pause], "{state:?} in {width}");
        }
    }
}

#[test]
fn pausing_an_endpoint_can_be_undone_from_its_toast() {
    let mut screen = screen();
    screen.go(Page::Endpoints);
    screen.click("Pause sim-westus");
    let (id, _) = screen.sent().expect("the command left");
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Done("sim-westus is paused".to_owned()) });
    screen.harness.run_steps(2);
    screen.click("Undo");
    let Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((id.as_str(), state), ("sim-westus", AdminState::Enabled));
    assert!(screen.harness.query_by_label("Undo").is_none(), "it is offered once");
}

/// What was sent last, of an endpoint, once it was answered.
fn answered(screen: &mut Screen) -> Option<(String, AdminState)> {
    let (id, command) = screen.sent()?;
    let Command::Endpoint(EndpointCommand::SetAdminState(endpoint, state)) = command else { return None };
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Done(format!("{endpoint} is {state:?}")) });
    screen.harness.run_steps(3);
    Some((endpoint.to_string(), state))
}

fn press(screen: &mut Screen, modifiers: egui::Modifiers, key: egui::Key) {
    screen.harness.key_press_modifiers(modifiers, key);
    screen.harness.run_steps(3);
}

#[test]
fn the_newest_thing_done_is_undone_first_whether_it_waits_in_the_draft_or_acted_at_once() {
    use egui::{Key, Modifiers};
    const REDO: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };
    let mut screen = screen();
    screen.go(Page::Endpoints);
    let edit = |screen: &mut Screen, most| {
        screen.harness.state_mut().draft.edit(format!("to {most}"), |config| config.queue.max_waiting = most);
        screen.harness.run_steps(2);
    };
    let state = |screen: &Screen| {
        let console = screen.harness.state();
        let label = console.deeds.undo_label(&console.draft).map(str::to_owned);
        (console.draft.working().queue.max_waiting, label.unwrap_or_default())
    };
    let west = |state| Some(("sim-westus".to_owned(), state));
    edit(&mut screen, 7);
    screen.click("Pause sim-westus");
    assert_eq!(answered(&mut screen), west(AdminState::Paused));
    assert!(screen.harness.query_by_label("Undo: pause of sim-westus").is_some());
    edit(&mut screen, 8);

    press(&mut screen, Modifiers::COMMAND, Key::Z);
    assert_eq!(state(&screen), (7, "pause of sim-westus".to_owned()));
    assert!(screen.sent().is_none());
    press(&mut screen, Modifiers::COMMAND, Key::Z);
    assert_eq!(answered(&mut screen), west(AdminState::Enabled));
    assert_eq!(state(&screen), (7, "to 7".to_owned()), "the draft is as it was");
    assert!(screen.harness.query_by_label("Undone: pause of sim-westus").is_some());
    assert!(screen.harness.query_by_label("Undone: to 8").is_none(), "one message of it at a time");
    assert!(screen.harness.query_by_label("Undo").is_none(), "it is not offered again");

    press(&mut screen, REDO, Key::Z);
    assert_eq!(answered(&mut screen), west(AdminState::Paused));
    assert!(screen.harness.query_by_label("Done again: pause of sim-westus").is_some());
    assert!(screen.harness.query_by_label("Undone: pause of sim-westus").is_none(), "one replaces the other");
    press(&mut screen, REDO, Key::Z);
    assert_eq!(state(&screen), (8, "to 8".to_owned()));
    assert!(screen.sent().is_none());
}

#[test]
fn an_undo_that_failed_does_not_stand_before_older_steps() {
    let mut screen = screen();
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.go(Page::Endpoints);
    screen.click("Pause sim-westus");
    answered(&mut screen).expect("it was sent");
    press(&mut screen, egui::Modifiers::COMMAND, egui::Key::Z);
    let (id, _) = screen.sent().expect("it was sent");
    let problem = crate::contract::snapshot::Problem {
        what: "There is no endpoint \"sim-westus\" in what runs.".to_owned(),
        still_works: String::new(),
        next_step: String::new(),
    };
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Failed(problem) });
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Undo: Shorten the line").is_some());
    assert!(screen.harness.query_by_label("Redo: pause of sim-westus").is_some(), "it can be tried once more");
}

#[test]
fn the_question_before_the_window_closes_names_what_is_not_applied_and_what_becomes_of_it() {
    let mut screen = screen();
    let ask = |screen: &mut Screen| {
        let remember = super::Question::KeepServing { remember: false };
        screen.harness.state_mut().question = Some(remember);
        screen.harness.run_steps(3);
        screen.harness.query_all_by_label_contains("not applied. Your draft is kept").count()
    };
    assert_eq!(ask(&mut screen), 0, "there is no draft");
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    assert_eq!(ask(&mut screen), 1);
    assert!(screen.harness.query_all_by_label_contains("1 change is not applied").next().is_some());
}
