//! Closing and quitting, as the close button and keys do it.

use std::cell::RefCell;
use std::rc::Rc;

use egui_kittest::kittest::Queryable;

use super::tests::{Screen, screen_of};
use super::*;
use crate::model::preferences::OnClose;
use crate::ui::fixture;

fn idle() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    let view = Arc::make_mut(&mut snapshot.view);
    view.queue.waiting = 0;
    for endpoint in &mut view.endpoints {
        endpoint.in_flight = 0;
    }
    snapshot
}

fn busy() -> Snapshot {
    let mut snapshot = idle();
    let view = Arc::make_mut(&mut snapshot.view);
    view.endpoints[0].in_flight = 6;
    // A file that is fetched is cut off like any answer.
    view.queue.visiting = 1;
    snapshot
}

/// Presses the close button of the window; returns whether the window stays.
fn close(screen: &mut Screen) -> bool {
    let mut input = egui::RawInput::default();
    let root = input.viewports.entry(egui::ViewportId::ROOT).or_default();
    root.events.push(egui::ViewportEvent::Close);
    let console = screen.harness.state_mut();
    let mut shown = egui::Context::default().run_ui(input, |ui| console.logic(ui.ctx()));
    shown.textures_delta.clear();
    let stays = shown.viewport_output.values().any(|one| one.commands.contains(&egui::ViewportCommand::CancelClose));
    screen.harness.run_steps(3);
    stays
}

#[test]
fn closing_asks_once_and_remembers_to_keep_serving() {
    let mut screen = screen_of(idle());
    let kept = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&kept);
    screen.harness.state_mut().keep = Box::new(move |liked: &Preferences| heard.borrow_mut().push(liked.on_close));
    assert!(close(&mut screen));
    screen.click("Remember this");
    screen.click("Keep serving");
    assert_eq!(screen.harness.state().ending(), Ending::Background);
    screen.harness.state_mut().keep_preferences();
    assert_eq!(*kept.borrow(), [OnClose::KeepServing]);

    let ctx = screen.harness.ctx.clone();
    screen.harness.state_mut().open_in(&ctx);
    assert!(!close(&mut screen), "it does not ask again");
    assert_eq!(screen.harness.state().ending(), Ending::Background);
}

#[test]
fn what_is_not_to_be_remembered_is_asked_again() {
    let mut screen = screen_of(idle());
    close(&mut screen);
    screen.click("Stop and quit");
    assert_eq!(screen.harness.state().ending(), Ending::Quit);
    assert_eq!(screen.harness.state().preferences().on_close, OnClose::Ask);
}

#[test]
fn cancelling_keeps_the_window() {
    let mut screen = screen_of(idle());
    screen.go(Page::Settings);
    assert!(close(&mut screen));
    screen.click("Cancel");
    assert_eq!(screen.harness.state().ending(), Ending::Open);
    assert!(screen.harness.query_by_label("Keep serving").is_none());
}

#[test]
fn quitting_with_requests_under_way_asks_what_becomes_of_them() {
    for (button, ending) in [("Wait and quit", Ending::Quit), ("Quit now", Ending::QuitNow), ("Cancel", Ending::Open)] {
        let mut screen = screen_of(busy());
        screen.go(Page::Settings);
        screen.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Q);
        screen.harness.run_steps(4);
        assert!(screen.harness.query_by_label("7 requests are running").is_some());
        screen.click(button);
        assert_eq!(screen.harness.state().ending(), ending, "{button}");
    }
}

#[test]
fn quitting_while_nothing_runs_asks_nothing() {
    let mut screen = screen_of(idle());
    screen.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Q);
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().ending(), Ending::Quit);
}

#[test]
fn a_second_launch_brings_a_closed_window_back_at_its_place() {
    let mut screen = screen_of(idle());
    assert_eq!(screen.harness.state_mut().away(), Away::Stay);
    let link = Some("tidegate://quotas".to_owned());
    screen.back.tell(Notice { id: None, body: NoticeBody::Rung { link } });
    assert_eq!(screen.harness.state_mut().away(), Away::Open);
    screen.harness.run_steps(3);
    assert_eq!(screen.harness.state().page(), Page::Quotas);
}

#[test]
fn while_there_is_no_window_the_end_of_serving_is_the_end() {
    let mut screen = screen_of(idle());
    screen.back.publish(Snapshot { serving: Serving::Stopping { in_flight: 0 }, ..idle() });
    assert_eq!(screen.harness.state_mut().away(), Away::Over);
}

/// What the desktop is asked to show from now on.
fn noting(screen: &mut Screen) -> Rc<RefCell<Vec<crate::contract::DesktopNote>>> {
    let notes = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&notes);
    screen.harness.state_mut().desktop = Box::new(move |note| heard.borrow_mut().push(note));
    notes
}

#[test]
fn who_closes_the_window_is_told_how_to_come_back_and_how_to_stop() {
    let mut screen = screen_of(idle());
    let notes = noting(&mut screen);
    assert!(close(&mut screen));
    assert!(screen.harness.query_by_label_contains("`tidegate stop` ends it").is_some());
    screen.click("Keep serving");
    let shown = notes.borrow().last().cloned().unwrap();
    assert!(shown.text.unwrap().starts_with("Still serving on 127.0.0.1:8787."));
    let buttons = shown.buttons.unwrap();
    assert_eq!((buttons.look, buttons.other), ("Open", crate::contract::NotePress::Stop));
    let ctx = screen.harness.ctx.clone();
    screen.harness.state_mut().open_in(&ctx);
    assert!(
        notes.borrow().last().is_some_and(|note| note.id == shown.id && note.text.is_none()),
        "it goes with the window"
    );
}

#[test]
fn serving_without_a_window_ends_from_the_desktop_and_from_the_command_line() {
    use crate::contract::NotePress;
    for body in [NoticeBody::NotePressed { note: u64::MAX - 1, press: NotePress::Stop }, NoticeBody::StopAsked] {
        let mut screen = screen_of(busy());
        let _notes = noting(&mut screen);
        screen.back.tell(Notice { id: None, body: body.clone() });
        assert_eq!(screen.harness.state_mut().away(), Away::Over, "what runs is answered first, unasked");
        let mut screen = screen_of(busy());
        screen.back.tell(Notice { id: None, body });
        screen.harness.run_steps(3);
        assert_eq!(screen.harness.state().ending(), Ending::Quit);
    }
}

#[test]
fn the_window_opens_and_asks_before_keys_in_memory_go() {
    let mut snapshot = idle();
    let keys = Arc::make_mut(&mut snapshot.keys);
    keys.keyring = crate::contract::snapshot::KeyringState::Missing { hint: String::new() };
    keys.accounts[0].state = crate::contract::snapshot::KeyState::InMemory { fingerprint: "0a1b2c3d".to_owned() };
    let mut screen = screen_of(snapshot);
    screen.back.tell(Notice { id: None, body: NoticeBody::StopAsked });
    assert_eq!(screen.harness.state_mut().away(), Away::Open);
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().ending(), Ending::Open);
    assert!(matches!(screen.harness.state().question, Some(super::leaving::Question::KeysLost)));
}
