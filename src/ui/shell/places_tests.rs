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

/// A small window with text at 200 %: points are half as many.
fn tight() -> Screen {
    let mut screen = screen();
    screen.harness.set_size(egui::vec2(380.0, 260.0));
    screen.harness.run_steps(6);
    screen
}

#[test]
fn a_rail_with_more_pages_than_fit_says_so_and_leads_to_them() {
    let mut screen = tight();
    let top = |screen: &Screen| screen.harness.get_by_label(Page::Overview.name()).rect().top();
    let before = top(&screen);
    screen.click("More pages");
    assert!(top(&screen) < before, "it scrolled");
    let mut pressed = 1;
    while top(&screen) < before {
        screen.click("More pages");
        pressed += 1;
    }
    assert!((2..=10).contains(&pressed), "from the last pages it leads to the first: {pressed}");
}

#[test]
fn a_rail_whose_pages_fit_says_nothing_of_more() {
    assert!(screen().harness.query_by_label("More pages").is_none());
}

#[test]
fn an_icon_of_the_rail_names_its_page_when_the_pointer_is_over_it() {
    let mut screen = tight();
    let icon = screen.harness.get_by_label(Page::Overview.name()).rect().center();
    screen.harness.hover_at(icon);
    screen.harness.run_steps(60);
    assert!(screen.harness.query_by_label_contains("Overview: ").is_some());
}

#[test]
fn a_narrow_status_line_ends_with_an_ellipsis_and_tells_all_to_a_screen_reader() {
    let screen = tight();
    assert!(screen.harness.query_by_label_contains("429 last min").is_some());
}

/// Clicks into the first plot of the page, a third of its width from the left.
fn click_a_plot(screen: &mut Screen) {
    // So that the plots are in sight.
    screen.harness.set_size(egui::vec2(1280.0, 1_600.0));
    screen.harness.run_steps(4);
    let figures = screen.harness.query_all_by_role(egui::Role::Figure);
    let plot = figures.into_iter().map(|plot| plot.rect()).find(|rect| rect.height() > 100.0).expect("a plot");
    let at = plot.min + plot.size() * egui::vec2(0.33, 0.5);
    screen.harness.hover_at(at);
    screen.harness.run_steps(2);
    screen.harness.drag_at(at);
    screen.harness.run_steps(1);
    screen.harness.drop_at(at);
    screen.harness.run_steps(3);
}

#[test]
fn a_click_holds_a_moment_on_every_plot_and_leads_to_its_requests() {
    let mut screen = screen();
    click_a_plot(&mut screen);
    let lines = |screen: &Screen| screen.harness.query_all_by_label_contains("Show the requests around").count();
    assert_eq!(lines(&screen), 2, "the moment is held on both plots");
    let first = screen.harness.query_all_by_label_contains("Show the requests around").next().expect("a line");
    first.click();
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().page(), Page::Requests);
    assert!(screen.harness.query_by_label_contains("Requests arriving within 5 s of").is_some(), "the filter says so");
}

#[test]
fn escape_lets_go_of_the_moment_that_plots_hold() {
    let mut screen = screen();
    click_a_plot(&mut screen);
    assert!(screen.harness.query_all_by_label_contains("Show the requests around").next().is_some());
    screen.press(Modifiers::NONE, Key::Escape);
    assert!(screen.harness.query_by_label_contains("Show the requests around").is_none());
}

#[test]
fn in_the_smallest_window_the_draft_bar_and_the_rail_lie_on_nothing() {
    let mut screen = tight();
    screen.harness.state_mut().draft.edit("Listen on port 8999", |config| config.listen.port = 8_999);
    screen.harness.run_steps(4);
    let rect = |name: &str| screen.harness.get_by_label(name).rect();
    let bar = ["Review", "Apply", "Discard", "Live tuning"].map(rect);
    for (place, one) in bar.iter().enumerate() {
        assert!(one.right() <= 380.0, "{one:?} is cut off");
        assert!(bar[..place].iter().all(|other| !other.shrink(1.0).intersects(one.shrink(1.0))), "{bar:?}");
    }
    assert!(rect("More pages").bottom() <= bar[0].top(), "the rail ends above the bar");
}

#[test]
fn live_tuning_can_be_switched_off_in_the_smallest_window_too() {
    let mut screen = tight();
    screen.press(Modifiers::NONE, Key::L);
    let switch = screen.harness.get_by_label("Live tuning").rect();
    assert!(switch.right() <= 380.0, "{switch:?} is cut off");
    screen.click("Live tuning");
    assert!(!screen.harness.state().tuning.is_on());
}
