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
