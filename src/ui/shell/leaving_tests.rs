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
