use egui::{Key, Role, vec2};
use egui_kittest::kittest::{NodeT, Queryable};

use super::tests::{Screen, screen, screen_of};
use super::*;
use crate::contract::ProfileCommand;
use crate::model::preferences::Reach;
use crate::ui::fixture;
use crate::ui::shell::leaving::Question;

fn real() -> Screen {
    let mut snapshot = fixture::with_keys();
    snapshot.profile = fixture::empty().profile;
    screen_of(snapshot)
}

fn profile_command(screen: &mut Screen) -> Option<ProfileCommand> {
    match screen.command()? {
        Command::Profile(command) => Some(command),
        _ => panic!("another command"),
    }
}

fn radio(screen: &mut Screen, label: &str) {
    screen.harness.get_by_role_and_label(Role::RadioButton, label).click();
    screen.harness.run_steps(4);
}

/// The choices that are chosen.
fn ticked(screen: &Screen) -> Vec<String> {
    let all = screen.harness.get_all_by_role(Role::RadioButton).map(|radio| radio.accesskit_node());
    let chosen = all.filter(|radio| radio.toggled() == Some(egui::accesskit::Toggled::True));
    chosen.filter_map(|radio| radio.label()).collect()
}

#[test]
fn the_profile_menu_ticks_what_runs_and_goes_to_another() {
    let mut screen = real();
    let name = screen.harness.state().profile.clone();
    screen.click(&format!("Profile {name}"));
    assert_eq!(ticked(&screen), [name.as_str()]);
    radio(&mut screen, "Work");
    assert_eq!(profile_command(&mut screen), Some(ProfileCommand::Enter("Work".to_owned())));
    screen.click(&format!("Profile {name}"));
    radio(&mut screen, &name);
    assert!(screen.command().is_none(), "it runs already");
    screen.click(&format!("Profile {name}"));
    radio(&mut screen, "Demo (simulated)");
    assert_eq!(screen.harness.state().question, Some(Question::EnterDemo), "there are routes of one's own");
    assert!(screen.command().is_none(), "nothing is entered before the answer");
}

#[test]
fn in_the_demo_the_profile_menu_ticks_the_demo_alone() {
    let mut screen = screen();
    let name = screen.harness.state().profile.clone();
    screen.click(&format!("Profile {name}"));
    assert_eq!(ticked(&screen), ["Demo (simulated)"]);
}

#[test]
fn a_profile_is_added_from_the_menu_by_its_name_and_enter() {
    let mut screen = real();
    let name = screen.harness.state().profile.clone();
    screen.click(&format!("Profile {name}"));
    screen.click("New profile");
    screen.harness.run_steps(2);
    screen.harness.event(egui::Event::Text("  Home ".to_owned()));
    screen.harness.run_steps(2);
    screen.harness.key_press(Key::Enter);
    screen.harness.run_steps(3);
    assert_eq!(profile_command(&mut screen), Some(ProfileCommand::Add("Home".to_owned())));
    assert!(screen.harness.query_by_label("Add and serve").is_none(), "the sheet is closed");
}

#[test]
fn the_span_in_the_bar_is_that_of_every_plot() {
    let mut screen = screen();
    screen.click("Plots show the last 15 min");
    radio(&mut screen, "Last 7 days");
    assert_eq!(screen.harness.state().preferences.reach, Reach::SevenDays);
    assert!(screen.harness.query_by_label("Plots show the last 7 days").is_some());
    screen.harness.state_mut().later.push(Action::Reach(Reach::Live));
    screen.harness.run_steps(3);
    assert_eq!(screen.harness.state().preferences.reach, Reach::Live, "an action does it, too");
}

#[test]
fn what_a_small_bar_has_no_room_for_stands_in_its_last_menu() {
    for (width, tiny) in [(380.0, true), (640.0, false)] {
        let mut screen = real();
        screen.harness.set_size(vec2(width, 520.0));
        screen.harness.run_steps(4);
        assert!(screen.harness.query_by_label("Plots show the last 15 min").is_none());
        screen.click("More");
        for label in ["Pause the view", "New profile"] {
            assert!(screen.harness.query_by_label(label).is_some(), "{width}: {label}");
        }
        let beside = screen.harness.query_by_label("Copy the address for a shell").is_some();
        let within = screen.harness.query_by_label("PowerShell").is_some();
        assert_eq!((beside, within), (!tiny, tiny), "{width}: the address can be copied for a shell");
        radio(&mut screen, "Last 6 hours");
        assert_eq!(screen.harness.state().preferences.reach, Reach::SixHours);
        screen.click("More");
        radio(&mut screen, "Work");
        assert_eq!(profile_command(&mut screen), Some(ProfileCommand::Enter("Work".to_owned())));
    }
}

#[test]
fn a_bar_without_room_for_words_has_the_view_in_its_last_menu_and_the_rest_beside_it() {
    for width in [920.0, 1_000.0, 1_060.0] {
        let mut screen = real();
        screen.harness.set_size(vec2(width, 700.0));
        screen.harness.run_steps(4);
        assert!(screen.harness.query_by_label("Live view").is_none(), "{width}");
        assert!(screen.harness.query_by_label("Plots show the last 15 min").is_some(), "{width}");
        screen.click("More");
        assert!(screen.harness.query_by_label("New profile").is_none(), "{width}: it has a menu of its own");
        screen.click("Pause the view");
        assert!(screen.harness.query_by_label_contains("View paused at ").is_some(), "{width}");
    }
}

#[test]
fn the_view_is_held_and_let_go_from_the_bar() {
    let mut screen = screen();
    screen.click("Live view");
    assert!(screen.harness.query_by_label_contains("View paused at ").is_some());
    screen.click("View held");
    assert!(screen.harness.query_by_label_contains("View paused at ").is_none());
}

#[test]
fn the_address_is_copied_as_variables_of_a_shell() {
    let mut screen = real();
    screen.click("Copy the address for a shell");
    screen.harness.get_by_label("PowerShell").click();
    let mut copied = None;
    for _ in 0..4 {
        screen.harness.step();
        let commands = &screen.harness.output().platform_output.commands;
        copied = copied.or(commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        }));
    }
    assert!(copied.as_ref().is_some_and(|text| text.contains("$env:OPENAI_BASE_URL=\"http")), "{copied:?}");
    let closed = screen.harness.query_by_label("Copy as environment variables for").is_none();
    assert!(closed, "the menu closes");
}

#[test]
fn the_port_that_stands_in_is_kept_as_a_draft_or_another_is_chosen() {
    let mut snapshot = fixture::with_keys();
    let held = crate::contract::snapshot::PortHeld { port: 8787, holder: Some("node (pid 4121)".to_owned()) };
    let base_url = "http://127.0.0.1:8788/v1".into();
    snapshot.serving = Serving::Listening { base_url, paused: false, instead_of: Some(held) };
    let mut screen = screen_of(snapshot);
    screen.harness.run_steps(2);
    screen.click("Keep 8788");
    let draft = screen.harness.state().draft();
    assert_eq!((draft.working().listen.port, draft.undo_label()), (8788, Some("Keep port 8788")));
    assert!(screen.command().is_none(), "nothing is kept before it is applied");
    screen.click("Choose…");
    assert_eq!(screen.harness.state().page(), Page::Settings);
}

#[test]
fn what_can_be_chosen_in_a_menu_has_an_outline_that_can_be_seen() {
    let mut screen = real();
    let outline = crate::ui::theme::Theme::of(&screen.harness.ctx).outline;
    let circles = |screen: &Screen| {
        let is_outlined = |shape: &egui::epaint::ClippedShape| matches!(&shape.shape, egui::Shape::Circle(circle) if circle.stroke.color == outline && circle.stroke.width >= 1.0);
        screen.harness.output().shapes.iter().filter(|shape| is_outlined(shape)).count()
    };
    let before = circles(&screen);
    screen.click("Plots show the last 15 min");
    assert!(circles(&screen) >= before + 2, "the two that are not chosen");
}

#[test]
fn with_text_twice_as_large_in_the_smallest_window_most_of_it_is_the_page() {
    // 760 × 520 at 200 %, in the demo, whose strip takes room too.
    let mut screen = screen();
    screen.harness.set_size(vec2(380.0, 260.0));
    screen.harness.run_steps(4);
    let page = screen.harness.get_by_role_and_label(Role::Region, "Overview page").rect();
    assert!(page.height() >= 160.0, "{page}");
    assert!(screen.harness.query_all_by_label_contains("keyring").next().is_none(), "the figures are put away");
    screen.click("More");
    assert!(screen.harness.query_by_label("rev 14").is_some(), "the figures are in the last menu");
    screen.click("Revisions");
    assert!(screen.harness.query_all_by_label_contains("Restore as draft").next().is_some());
}

#[test]
fn help_is_in_the_bar_and_in_its_last_menu_where_it_has_no_room() {
    for width in [1280.0, 760.0, 380.0] {
        let mut screen = screen();
        screen.harness.set_size(vec2(width, 520.0));
        screen.harness.run_steps(4);
        if screen.harness.query_by_label("Help").is_none() {
            screen.click("More");
        }
        screen.click("Help");
        assert!(screen.harness.query_by_label("Priority group").is_some(), "{width}");
    }
}

#[test]
fn an_address_that_cannot_be_had_offers_this_computer_alone_and_one_of_its_own_does_not() {
    for (address, offered) in [("192.168.77.5", true), ("127.0.0.1", false)] {
        let mut snapshot = fixture::with_keys();
        snapshot.serving = Serving::Failed(crate::contract::snapshot::Problem {
            what: "That address is not on this computer now.".to_owned(),
            still_works: String::new(),
            next_step: String::new(),
        });
        let applied = Arc::make_mut(&mut snapshot.applied);
        Arc::make_mut(&mut applied.config).listen.address = address.to_owned();
        let mut screen = screen_of(snapshot);
        screen.harness.run_steps(3);
        assert_eq!(screen.harness.query_by_label("Use this computer only").is_some(), offered, "{address}");
        if offered {
            screen.click("Use this computer only");
            let sent = screen.command();
            assert!(matches!(sent, Some(Command::Serving(crate::contract::ServingCommand::ThisComputerOnly))));
        }
    }
}

#[test]
fn nothing_that_listens_says_why_beside_it() {
    let mut snapshot = fixture::snapshot();
    snapshot.serving = Serving::Failed(crate::contract::snapshot::Problem {
        what: "Port 8787 is used by node (pid 4121).".to_owned(),
        still_works: String::new(),
        next_step: String::new(),
    });
    let mut screen = screen_of(snapshot);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Not listening").is_some());
    assert!(screen.harness.query_by_label("Port 8787 is used by node (pid 4121)").is_some());
}

#[test]
fn endpoints_that_are_in_no_route_answer_nobody() {
    let mut snapshot = fixture::snapshot();
    let view = Arc::make_mut(&mut snapshot.view);
    let routed = &mut view.routes[0].groups;
    routed.truncate(1);
    view.endpoints[0].admin_state = crate::model::config::AdminState::Paused;
    let mut screen = screen_of(snapshot.clone());
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Serving, but no endpoint can answer").is_some());
    let applied = Arc::make_mut(&mut snapshot.applied);
    Arc::make_mut(&mut applied.config).routes.clear();
    let mut screen = screen_of(snapshot);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Listening, no routes yet").is_some());
}

#[test]
fn edits_are_undone_and_done_again_by_buttons_that_name_them() {
    let mut screen = screen();
    let is_off = |screen: &Screen, name: &str| screen.harness.get_by_label(name).accesskit_node().is_disabled();
    assert!(is_off(&screen, "Nothing to undo") && is_off(&screen, "Nothing to redo"));
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.click("Undo: Shorten the line");
    assert!(!screen.harness.state().draft().is_changed());
    assert!(screen.harness.query_by_label("Undone: Shorten the line").is_some());
    screen.click("Redo");
    assert_eq!(screen.harness.state().draft().working().queue.max_waiting, 7);
    assert!(screen.harness.query_by_label("Redo").is_none(), "it is offered once");
    screen.click("Undo: Shorten the line");
    screen.click("Redo: Shorten the line");
    assert!(screen.harness.state().draft().is_changed());
    assert!(screen.harness.query_by_label("Redo").is_none(), "it was done again by the other button");
}

#[test]
fn a_button_of_the_bar_has_one_tooltip_with_its_keys() {
    for (name, says) in
        [("Copy base URL", Action::CopyBaseUrl), ("Search everything", Action::Palette), ("Help", Action::Help)]
    {
        let mut screen = screen();
        screen.harness.run_steps(2);
        screen.harness.get_by_role_and_label(Role::Button, name).hover();
        screen.harness.run_steps(60);
        let says = actions::tooltip(&screen.harness.ctx, says);
        assert_eq!(screen.harness.query_all_by_label_contains(&says).count(), 1, "{says}");
        assert_eq!(screen.harness.query_all_by_label(name).count(), 1, "the button alone is called {name}");
    }
}
