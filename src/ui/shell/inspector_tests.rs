//! The inspector stays in step with what is in hand, on every page.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use super::super::tests::{Screen, screen};
use super::*;
use crate::ui::actions::Action;

fn press(screen: &mut Screen, key: Key) {
    screen.harness.key_press_modifiers(Modifiers::NONE, key);
    screen.harness.run_steps(4);
}

fn open(page: Page) -> Screen {
    let mut screen = screen();
    screen.harness.get_by_role_and_label(egui::Role::Button, page.name()).click();
    screen.harness.run_steps(4);
    press(&mut screen, Key::F4);
    screen
}

fn says(screen: &Screen, text: &str) -> bool {
    screen.harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn j_and_k_lead_through_the_rows_of_every_page_and_the_inspector_follows() {
    let first = [
        (Page::Endpoints, Target::Endpoint("sim-ptu".into())),
        (Page::Routing, Target::Endpoint("sim-ptu".into())),
        (Page::Quotas, Target::Pool("sim-b/eastus/demo".into())),
        (Page::Accounts, Target::Account("sim-a".into())),
    ];
    for (page, target) in first {
        let mut screen = open(page);
        assert!(says(&screen, "Nothing is in hand."), "{page:?}");
        press(&mut screen, Key::J);
        assert_eq!(screen.harness.state().selected(), Some(&target), "{page:?}");
        assert!(!says(&screen, "Nothing is in hand."), "{page:?}");
        assert!(says(&screen, kind(Some(&target))), "{page:?}");
    }
}

#[test]
fn g_goes_to_the_last_row_and_back_to_the_first() {
    let mut screen = open(Page::Endpoints);
    screen.harness.key_press_modifiers(Modifiers::SHIFT, Key::G);
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().selected(), Some(&Target::Endpoint("sim-sweden".into())));
    press(&mut screen, Key::K);
    assert_eq!(screen.harness.state().selected(), Some(&Target::Endpoint("sim-westus".into())));
    press(&mut screen, Key::G);
    assert_eq!(screen.harness.state().selected(), Some(&Target::Endpoint("sim-ptu".into())));
}

#[test]
fn p_pauses_and_d_drains_the_endpoint_in_hand_without_opening_it() {
    for (key, wanted) in [(Key::P, AdminState::Paused), (Key::D, AdminState::Draining)] {
        let mut screen = open(Page::Endpoints);
        press(&mut screen, Key::J);
        press(&mut screen, key);
        let Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))) = screen.command() else {
            panic!("another command")
        };
        assert_eq!((id.as_str(), state), ("sim-ptu", wanted));
    }
}

#[test]
fn those_who_wait_and_those_that_run_are_inspected_too() {
    let mut screen = open(Page::Queue);
    press(&mut screen, Key::J);
    assert!(says(&screen, "Waits in place 1 of route demo-chat"));
    screen.harness.key_press_modifiers(Modifiers::SHIFT, Key::G);
    screen.harness.run_steps(4);
    assert!(says(&screen, "Runs at "));
}

#[test]
fn f4_closes_it_again_and_it_stays_open_from_page_to_page() {
    let mut screen = open(Page::Quotas);
    screen.harness.get_by_role_and_label(egui::Role::Button, Page::Accounts.name()).click();
    screen.harness.run_steps(4);
    assert!(says(&screen, "Nothing is in hand."));
    press(&mut screen, Key::F4);
    assert!(!says(&screen, "Nothing is in hand."));
}

#[test]
fn every_control_in_it_has_a_name() {
    for page in [Page::Endpoints, Page::Quotas, Page::Accounts] {
        let mut screen = open(page);
        press(&mut screen, Key::J);
        for node in screen.harness.root().children_recursive() {
            let node = node.accesskit_node();
            let named = [node.label(), node.value()].into_iter().flatten().any(|text| !text.trim().is_empty());
            assert!(named || node.role() != egui::Role::Button, "{page:?} has a button without a name");
        }
    }
    assert!(crate::ui::actions::entry(Action::Inspector).is_some_and(|entry| entry.pages.is_empty()));
}

#[test]
fn in_a_small_window_it_lies_above_the_page_and_escape_closes_it() {
    let mut screen = open(Page::Accounts);
    let beside = screen.harness.get_by_role_and_label(egui::Role::Region, "Accounts page").rect().width();
    screen.harness.set_size(egui::vec2(760.0, 520.0));
    screen.harness.run_steps(4);
    let page = screen.harness.get_by_role_and_label(egui::Role::Region, "Accounts page").rect();
    let inspector = screen.harness.get_by_role_and_label(egui::Role::Region, "Inspector").rect();
    assert!(page.intersects(inspector) && beside < 1_000.0, "{page:?} {inspector:?}");
    press(&mut screen, Key::Escape);
    assert!(!says(&screen, "Nothing is in hand."));
}
