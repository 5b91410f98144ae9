//! Getting around: palette, help, back and forward, links and panes, as keys and clicks do it.

use egui::{Key, Modifiers};

use super::tests::{Screen, screen, screen_of};
use super::*;
use crate::contract::{EndpointCommand, KeyCommand};
use crate::model::config::AdminState;
use crate::ui::fixture;
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
    screen.press(Modifiers::NONE, Key::Questionmark);
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
    let mut screen = screen();
    screen.harness.set_size(egui::vec2(420.0, 520.0));
    screen.harness.run_steps(6);
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

/// How far down the page is.
fn scrolled(screen: &Screen) -> f32 {
    screen.harness.state().trail.scrolled()
}

fn wheel(screen: &mut Screen, points: f32) {
    screen.harness.hover_at(egui::pos2(600.0, 400.0));
    screen.harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, -points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    screen.harness.run_steps(60);
}

#[test]
fn a_page_opens_at_its_top_and_who_comes_back_finds_it_where_it_was() {
    let mut screen = screen();
    screen.harness.run_steps(4);
    wheel(&mut screen, 300.0);
    let before = scrolled(&screen);
    assert!(before > 100.0, "{before}");
    screen.go(Page::Quotas);
    screen.go(Page::Overview);
    assert!(scrolled(&screen) < 1.0, "it opens at its top");
    screen.press(Modifiers::ALT, Key::ArrowLeft);
    screen.press(Modifiers::ALT, Key::ArrowLeft);
    assert!((scrolled(&screen) - before).abs() < 1.0, "{} and not {before}", scrolled(&screen));
}

#[test]
fn the_list_opens_and_not_the_detail_of_before_where_that_covers_it_unless_one_comes_back() {
    let mut screen = screen();
    screen.harness.set_size(egui::vec2(760.0, 520.0));
    screen.harness.run_steps(2);
    screen.go(Page::Requests);
    screen.press(Modifiers::NONE, Key::J);
    screen.press(Modifiers::NONE, Key::W);
    assert!(screen.shows("Raw error"), "the detail covers the list");
    screen.go(Page::Quotas);
    screen.press(Modifiers::ALT, Key::ArrowLeft);
    assert!(screen.shows("Raw error"), "it is there again for who comes back");
    screen.go(Page::Quotas);
    screen.go(Page::Requests);
    assert!(!screen.shows("Raw error"), "the page opens with its list");
    screen.open_eastus();
    screen.go(Page::Quotas);
    screen.go(Page::Endpoints);
    assert!(screen.shows("Pause sim-westus"), "the list, not the endpoint of before");
}

#[test]
fn the_profile_that_is_served_is_remembered_and_the_demo_is_not() {
    let mut screen = screen();
    screen.harness.run_steps(2);
    assert_eq!(screen.harness.state().preferences().profile, None);
    let mut snapshot = crate::ui::fixture::with_keys();
    snapshot.profile =
        crate::contract::snapshot::Profile { name: "Work".to_owned(), ..crate::ui::fixture::empty().profile };
    snapshot.generation = 2_000;
    screen.back.publish(snapshot.clone());
    screen.harness.run_steps(2);
    assert_eq!(screen.harness.state().preferences().profile.as_deref(), Some("Work"));
    snapshot.profile = crate::ui::fixture::snapshot().profile;
    snapshot.generation = 2_001;
    screen.back.publish(snapshot);
    screen.harness.run_steps(2);
    assert_eq!(
        screen.harness.state().preferences().profile.as_deref(),
        Some("Work"),
        "the demo is none to come back to"
    );
}

#[test]
fn rows_stand_closer_where_the_person_likes_things_dense() {
    let mut screen = screen();
    screen.go(Page::Requests);
    let apart = |screen: &Screen| {
        let mut tops: Vec<f32> =
            screen.harness.query_all_by_role(egui::Role::Row).map(|row| row.rect().top()).collect();
        tops.sort_by(f32::total_cmp);
        tops.windows(2).map(|pair| pair[1] - pair[0]).fold(f32::INFINITY, f32::min)
    };
    let usual = apart(&screen);
    screen.harness.state_mut().preferences.compact = true;
    screen.harness.run_steps(4);
    assert!(apart(&screen) < usual - 3.0, "{} and {usual}", apart(&screen));
}

#[test]
fn after_a_key_led_to_a_page_tab_goes_on_in_it_and_arrows_are_its_own_until_then() {
    let mut screen = screen();
    screen.harness.get_by_label("Search everything").focus();
    screen.press(Modifiers::COMMAND, Key::Num2);
    assert_eq!(screen.harness.state().page(), Page::Endpoints);
    screen.press(Modifiers::NONE, Key::ArrowDown);
    assert!(screen.harness.state().selected().is_some(), "the list hears arrows");
    let focused = |screen: &Screen| {
        let nodes = screen.harness.root().children_recursive();
        nodes.filter(|node| node.accesskit_node().is_focused()).map(|node| node.rect()).last()
    };
    screen.press(Modifiers::NONE, Key::Tab);
    let place = screen.harness.state().place;
    let at = focused(&screen).expect("something has it");
    assert!(place.contains_rect(at), "{at:?} is not on the page {place:?}");
    screen.press(Modifiers::COMMAND, Key::Num3);
    screen.press(Modifiers::SHIFT, Key::Tab);
    let at = focused(&screen).expect("something has it");
    assert!(!place.contains_rect(at), "back from the page's beginning: {at:?}");
}

#[test]
fn what_has_the_keyboard_keeps_it_while_figures_round_it_come_and_go() {
    use crate::model::outlook::{Demand, Exhaustion};
    use crate::model::units::Unit;

    let (mut busy, mut calm) = (fixture::snapshot(), fixture::snapshot());
    let view = Arc::make_mut(&mut busy.view);
    let at = crate::model::units::Timestamp(view.at.0 + 90_000_000);
    let full = Exhaustion { at, earliest: at, latest: at, of: Unit::Tokens };
    view.routes.iter_mut().for_each(|route| {
        (route.demand[2], route.waiting) = (Demand { expected: 3_000, upper: 9_000, trend: 0 }, 2);
    });
    view.endpoints.iter_mut().for_each(|endpoint| endpoint.exhausts_at = Some(full));
    view.pools.iter_mut().for_each(|pool| pool.exhausts_at = Some(full));
    let view = Arc::make_mut(&mut calm.view);
    view.routes.iter_mut().for_each(|route| (route.demand, route.waiting) = Default::default());
    view.endpoints.iter_mut().for_each(|endpoint| endpoint.exhausts_at = None);
    view.pools.iter_mut().for_each(|pool| pool.exhausts_at = None);
    (view.queue.waiting, view.queue.list) = (0, Vec::new());
    let mut lost = Vec::new();
    for page in Page::ALL {
        let mut screen = screen_of(busy.clone());
        screen.harness.state_mut().trail.go(page, Some(Target::Top(page)));
        screen.harness.run_steps(4);
        let place = screen.harness.state().place;
        let buttons = |screen: &Screen| {
            let nodes = screen.harness.query_all_by_role(egui::Role::Button);
            let here = nodes.filter(|node| place.contains_rect(node.rect()) && !node.accesskit_node().is_disabled());
            here.filter_map(|node| node.accesskit_node().label()).collect::<Vec<_>>()
        };
        let shown = buttons(&screen);
        screen.back.publish(calm.clone());
        screen.harness.run_steps(4);
        let both: Vec<String> = buttons(&screen).into_iter().filter(|label| shown.contains(label)).collect();
        for label in both.iter().rev().filter(|label| both.iter().filter(|other| other == label).count() == 1).take(4) {
            let Some(button) = screen.harness.query_all_by_label(label).last() else { continue };
            button.focus();
            screen.harness.run_steps(2);
            for now in [&busy, &calm] {
                screen.back.publish(now.clone());
                screen.harness.run_steps(3);
                let nodes = screen.harness.root().children_recursive();
                let focused = nodes.filter(|node| node.accesskit_node().is_focused()).last();
                if focused.and_then(|node| node.accesskit_node().label()).as_ref() != Some(label) {
                    lost.push(format!("{label} of {}", page.name()));
                    break;
                }
            }
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}
