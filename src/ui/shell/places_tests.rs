//! Getting around: palette, help, back and forward, links and panes, as keys and clicks do it.

use egui::{Key, Modifiers};

use super::tests::{Screen, screen, screen_of};
use super::*;
use crate::contract::{EndpointCommand, KeyCommand};
use crate::model::config::AdminState;
use egui_kittest::kittest::{NodeT, Queryable};

impl Screen {
    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(4);
    }

    fn find(&mut self, text: &str) {
        self.press(Modifiers::COMMAND, Key::K);
        self.harness.get_by_role_and_label(egui::Role::TextInput, "Search everything").type_text(text);
        self.harness.run_steps(4);
    }

    fn shows(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }
}

#[test]
fn the_palette_goes_where_the_first_find_says() {
    let mut screen = screen();
    screen.find("quot");
    screen.press(Modifiers::NONE, Key::Enter);
    assert_eq!(screen.harness.state().page(), Page::Quotas);
    assert!(!screen.harness.state().palette.is_open());
}

#[test]
fn the_palette_pauses_an_endpoint_from_any_page() {
    let mut screen = screen();
    screen.find("pause westus");
    screen.press(Modifiers::NONE, Key::Enter);
    let Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((id.as_str(), state), ("sim-westus", AdminState::Paused));
}

#[test]
fn what_cannot_be_done_stays_in_the_palette_with_its_reason() {
    let mut screen = screen();
    screen.find(">undo");
    assert!(screen.shows("Undo, There is nothing to undo"));
    screen.press(Modifiers::NONE, Key::Enter);
    assert!(screen.harness.state().palette.is_open());
    screen.press(Modifiers::NONE, Key::Escape);
    assert!(!screen.harness.state().palette.is_open());
}

#[test]
fn arrows_move_through_the_palette_and_more_unfolds_a_group() {
    let mut screen = screen();
    screen.find("s");
    let rows = |screen: &Screen| screen.harness.query_all_by_role(egui::Role::ListBoxOption).count();
    let before = rows(&screen);
    let more = |node: &egui_kittest::Node| node.accesskit_node().label().is_some_and(|name| name.ends_with(" more"));
    screen.harness.get_all_by_role(egui::Role::ListBoxOption).find(more).unwrap().click();
    screen.harness.run_steps(4);
    assert!(rows(&screen) > before);
    screen.press(Modifiers::NONE, Key::ArrowDown);
    let all = screen.harness.query_all_by_role(egui::Role::ListBoxOption);
    let chosen = all.filter(|row| row.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True)).count();
    assert_eq!(chosen, 1);
}

#[test]
fn a_link_in_the_palette_opens_its_place() {
    let mut screen = screen();
    screen.find("tidegate://endpoints/sim-eastus");
    screen.press(Modifiers::NONE, Key::Enter);
    assert_eq!(screen.harness.state().page(), Page::Endpoints);
    assert!(screen.shows("Soft cap sim-eastus"));
}

#[test]
fn back_and_forward_lead_through_an_opened_endpoint() {
    let mut screen = screen();
    screen.go(Page::Endpoints);
    screen.open_eastus();
    screen.go(Page::Quotas);
    screen.press(Modifiers::ALT, Key::ArrowLeft);
    assert!(screen.shows("Soft cap sim-eastus"));
    screen.press(Modifiers::ALT, Key::ArrowLeft);
    assert!(screen.shows("Pause sim-westus"), "the list is back");
    screen.press(Modifiers::ALT, Key::ArrowRight);
    assert!(screen.shows("Soft cap sim-eastus"));
}

#[test]
fn the_pages_name_leads_from_an_opened_endpoint_to_the_list() {
    let mut screen = screen();
    screen.open_eastus();
    screen.go(Page::Endpoints);
    assert!(screen.shows("Pause sim-westus"));
}

#[test]
fn letters_act_on_the_endpoint_that_is_open() {
    let mut screen = screen_of(crate::ui::fixture::with_keys());
    screen.open_eastus();
    screen.press(Modifiers::NONE, Key::T);
    let Some(Command::Key(KeyCommand::Test(account))) = screen.command() else { panic!("another command") };
    assert_eq!(account.as_str(), "sim-a");
    screen.press(Modifiers::NONE, Key::D);
    let Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((id.as_str(), state), ("sim-eastus", AdminState::Draining));
}

#[test]
fn the_help_lists_every_key_of_the_table_and_closes_again() {
    let mut screen = screen();
    screen.press(Modifiers::NONE, Key::F1);
    for entry in actions::table().iter().filter(|entry| !entry.keys.is_empty()) {
        assert!(screen.shows(&format!("{} – {}", entry.label, entry.hint)), "{}", entry.label);
    }
    screen.press(Modifiers::NONE, Key::Escape);
    assert!(!screen.shows("Within a control"));
}

#[test]
fn f6_leads_through_the_panes_and_round() {
    let mut screen = screen();
    let mut seen = Vec::new();
    for _ in 0..4 {
        screen.press(Modifiers::NONE, Key::F6);
        let panes = screen.harness.query_all_by_role(egui::Role::Region);
        let focused =
            panes.filter(|pane| pane.accesskit_node().is_focused()).filter_map(|pane| pane.accesskit_node().label());
        seen.extend(focused);
    }
    assert_eq!(seen, ["Top bar", "Navigation", "Overview page", "Top bar"]);
}

#[test]
fn ctrl_f_and_the_slash_lead_into_the_filter_of_the_page() {
    for (modifiers, key) in [(Modifiers::COMMAND, Key::F), (Modifiers::NONE, Key::Slash)] {
        let mut screen = screen();
        screen.go(Page::Requests);
        screen.press(modifiers, key);
        let filter = screen.harness.get_by_role_and_label(egui::Role::TextInput, "Filter");
        assert!(filter.accesskit_node().is_focused(), "{key:?}");
    }
}

#[test]
fn ctrl_f_says_so_where_there_is_no_filter() {
    let mut screen = screen();
    screen.press(Modifiers::COMMAND, Key::F);
    assert!(screen.shows("This page has no filter"));
}
