//! What is asked before the demo or a key goes.

use egui_kittest::kittest::Queryable;

use super::tests::{Screen, screen_of};
use super::*;
use crate::contract::snapshot::{AccountKey, Applied, KeyState, KeyringState, KeysView, SpareKeys};
use crate::contract::{DemoCommand, ProfileCommand};
use crate::model::config::{AdminState, Config};
use crate::model::revision::LeftDraft;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;
use crate::ui::fixture;

fn says(screen: &Screen, part: &str) -> bool {
    screen.harness.query_by_label_contains(part).is_some()
}

#[test]
fn leaving_the_demo_asks_says_what_goes_and_can_be_taken_back() {
    let mut screen = screen_of(fixture::snapshot());
    screen.click("Leave the demo");
    assert!(says(&screen, "Leave the demo?"));
    assert!(says(&screen, "Your own accounts and routes run instead"));
    assert!(says(&screen, "Try simulated endpoints"), "the way back is named");
    assert!(screen.command().is_none(), "nothing happens before it is answered");

    screen.click("Leave it");
    let (id, sent) = screen.sent().unwrap();
    assert!(matches!(sent, Command::Demo(DemoCommand::Leave)));
    let left = NoticeBody::Done("You have left the demo; its history is gone".to_owned());
    screen.back.tell(Notice { id: Some(id), body: left });
    screen.harness.run_steps(4);
    screen.click("Back to the demo");
    assert!(matches!(screen.command(), Some(Command::Demo(DemoCommand::Enter))));
}

#[test]
fn the_demo_does_not_take_the_place_of_routes_unasked() {
    let mut own = fixture::snapshot();
    (own.profile.demo, own.profile.name) = (false, "Default".to_owned());
    let mut screen = screen_of(own);
    let ctx = screen.harness.ctx.clone();
    let snapshot = screen.harness.state().line.latest();
    screen.harness.state_mut().act(Action::EnterDemo, &ctx, &snapshot);
    screen.harness.run_steps(4);
    assert!(screen.command().is_none() && says(&screen, "your own routes stop"));
    screen.click("Not now");
    assert!(screen.command().is_none() && !says(&screen, "your own routes stop"));
    screen.harness.state_mut().act(Action::EnterDemo, &ctx, &snapshot);
    screen.harness.run_steps(4);
    screen.click("Start the demo");
    assert!(matches!(screen.command(), Some(Command::Demo(DemoCommand::Enter))));
}

#[test]
fn staying_in_the_demo_sends_nothing() {
    let mut screen = screen_of(fixture::snapshot());
    screen.click("Leave the demo");
    screen.click("Stay in the demo");
    assert!(!says(&screen, "Leave the demo?"));
    assert!(screen.command().is_none());
}

#[test]
fn adding_a_real_endpoint_from_the_demo_asks_first_and_then_goes_to_the_accounts() {
    let mut screen = screen_of(fixture::snapshot());
    let ctx = screen.harness.ctx.clone();
    let snapshot = screen.harness.state().line.latest();
    screen.harness.state_mut().grant(Wish::AddRealEndpoint, &ctx, &snapshot);
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().page(), Page::Overview);
    screen.click("Leave and add an endpoint");
    assert_eq!(screen.harness.state().page(), Page::Accounts);
    assert!(matches!(screen.command(), Some(Command::Demo(DemoCommand::Leave))));
}

#[test]
fn an_edit_of_the_demo_stays_there_and_the_draft_of_the_persons_own_profile_is_here_again() {
    let mut screen = screen_of(fixture::snapshot());
    screen.harness.state_mut().draft.edit("Pause it", |config| config.endpoints[0].admin_state = AdminState::Paused);
    screen.harness.run_steps(2);
    assert!(screen.harness.state().draft().is_changed());
    let own = |left_draft| {
        let mut snapshot = fixture::snapshot();
        (snapshot.profile.demo, snapshot.profile.name) = (false, "Default".to_owned());
        snapshot.applied =
            Arc::new(Applied { config: Arc::new(Config::default()), ..Applied::clone(&snapshot.applied) });
        snapshot.left_draft = left_draft;
        snapshot
    };
    screen.back.publish(own(None));
    screen.harness.run_steps(2);
    assert!(!screen.harness.state().draft().is_changed(), "{:?}", screen.harness.state().draft().changes());
    assert_eq!(screen.harness.state().draft().undo_label(), None);
    screen.back.publish(fixture::snapshot());
    screen.harness.run_steps(2);
    let working = Config { routes: fixture::config().routes, ..Config::default() };
    screen.back.publish(own(Some(Arc::new(LeftDraft { base: Config::default(), working }))));
    screen.harness.run_steps(2);
    assert!(screen.harness.state().draft().is_changed());
    assert!(says(&screen, "Your draft from before is here again"));
}

#[test]
fn the_bell_opens_at_the_first_click_though_its_number_goes() {
    let mut snapshot = fixture::snapshot();
    let until = Timestamp::MAX;
    let view = Arc::make_mut(&mut snapshot.view);
    view.endpoints[0].health = Health::Resting { until, cause: RestCause::KeyRejected };
    snapshot.generation += 1;
    let mut screen = screen_of(fixture::snapshot());
    screen.back.publish(snapshot);
    screen.harness.run_steps(4);
    let bell = screen.harness.query_by_label_contains("Notifications,").expect("there is something new");
    bell.click();
    screen.harness.run_steps(6);
    assert!(says(&screen, "so far"), "the list is open");
    assert!(screen.harness.query_by_label_contains("Notifications,").is_none(), "and all of it was seen");
}

/// Two accounts whose keys are in memory, and nothing under way.
fn forgetful() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    snapshot.profile.demo = false;
    let view = Arc::make_mut(&mut snapshot.view);
    view.queue.waiting = 0;
    for endpoint in &mut view.endpoints {
        endpoint.in_flight = 0;
    }
    let key = |account: &str, state: KeyState| AccountKey {
        account: account.into(),
        state,
        test: None,
        spares: SpareKeys::default(),
    };
    let fingerprint = || "0a1b2c3d".to_owned();
    snapshot.keys = Arc::new(KeysView {
        keyring: KeyringState::Missing { hint: "install the package gnome-keyring and sign in again".to_owned() },
        accounts: vec![
            key("acme-east", KeyState::InMemory { fingerprint: fingerprint() }),
            key("acme-west", KeyState::InMemory { fingerprint: fingerprint() }),
            key("elsewhere", KeyState::InKeyring { fingerprint: fingerprint() }),
        ],
        ..KeysView::default()
    });
    snapshot
}

fn quit(screen: &mut Screen) {
    screen.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Q);
    screen.harness.run_steps(4);
}

#[test]
fn enter_answers_the_question_whether_to_leave_the_demo() {
    let mut screen = screen_of(fixture::snapshot());
    screen.click("Leave the demo");
    assert!(says(&screen, "Leave the demo?"));
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(4);
    assert!(!says(&screen, "Leave the demo?"));
    assert!(matches!(screen.command(), Some(Command::Demo(DemoCommand::Leave))));
}

#[test]
fn whoever_comes_back_from_the_demo_of_a_first_run_is_not_welcomed_again() {
    let mut first = fixture::empty();
    first.profile.first_run = true;
    let mut screen = screen_of(first.clone());
    assert!(says(&screen, "Welcome to Tidegate"));
    screen.click("Try it with simulated endpoints");
    screen.back.publish(fixture::snapshot());
    screen.harness.run_steps(4);
    screen.click("Leave the demo");
    screen.click("Leave it");
    screen.back.publish(first);
    screen.harness.run_steps(4);
    assert!(!says(&screen, "Welcome to Tidegate"));
}

#[test]
fn quitting_names_the_keys_that_would_be_lost_once() {
    let mut screen = screen_of(forgetful());
    quit(&mut screen);
    assert_eq!(screen.harness.state().ending(), Ending::Open);
    assert!(says(&screen, "Quitting forgets 2 keys"));
    assert!(says(&screen, "The keys of acme-east and acme-west are in memory alone."));
    assert!(says(&screen, "install the package gnome-keyring"), "how to keep them is said");
    screen.harness.key_press(egui::Key::Escape);
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().ending(), Ending::Open);

    quit(&mut screen);
    screen.click("Forget and quit");
    assert_eq!(screen.harness.state().ending(), Ending::Quit);
}

#[test]
fn keys_in_memory_stay_if_serving_goes_on_without_the_window() {
    let mut screen = screen_of(forgetful());
    quit(&mut screen);
    screen.click("Keep serving without the window");
    assert_eq!(screen.harness.state().ending(), Ending::Background);
}

#[test]
fn running_requests_are_asked_for_after_the_keys() {
    let mut snapshot = forgetful();
    Arc::make_mut(&mut snapshot.view).endpoints[0].in_flight = 7;
    let mut screen = screen_of(snapshot);
    quit(&mut screen);
    screen.click("Forget and quit");
    assert!(says(&screen, "7 requests are running"));
    screen.click("Quit now");
    assert_eq!(screen.harness.state().ending(), Ending::QuitNow);
}

#[test]
fn a_port_given_at_launch_is_said_in_settings_and_before_another_one_is_applied() {
    let mut snapshot = fixture::snapshot();
    snapshot.launch_port = Some(9_100);
    let mut screen = screen_of(snapshot);
    let port = Target::Setting("port");
    let ctx = screen.harness.ctx.clone();
    screen.harness.state_mut().go(&ctx, Page::Settings, Some(port));
    screen.harness.run_steps(6);
    assert!(says(&screen, "Tidegate was started with --port 9100, and listens there until it quits."));
    assert!(says(&screen, "counts from the next start without --port"));

    let change = |config: &mut crate::model::config::Config| config.listen.port = 8_999;
    screen.harness.state_mut().draft.edit("Listen on port 8999", change);
    screen.harness.state_mut().reviewing = true;
    screen.harness.run_steps(4);
    assert!(says(&screen, "Port 8999 counts from the next start"));
}

#[test]
fn without_a_port_at_launch_nothing_is_said_of_one() {
    let mut screen = screen_of(fixture::snapshot());
    screen.go(Page::Settings);
    assert!(!says(&screen, "--port"));
}

#[test]
fn quitting_from_within_the_demo_names_the_keys_of_the_profile_that_was_left_for_it() {
    let mut snapshot = fixture::snapshot();
    let view = Arc::make_mut(&mut snapshot.view);
    view.queue.waiting = 0;
    for endpoint in &mut view.endpoints {
        endpoint.in_flight = 0;
    }
    assert!(snapshot.profile.demo);
    Arc::make_mut(&mut snapshot.keys).set_aside = vec!["acme-east".into()];
    let mut screen = screen_of(snapshot);
    quit(&mut screen);
    assert_eq!(screen.harness.state().ending(), Ending::Open);
    assert!(says(&screen, "Quitting forgets 1 key"));
    assert!(says(&screen, "The key of acme-east is in memory alone."));
}

/// The word of the button that leaves the demo, what is sent then, and how one comes to the question.
type Way = (&'static str, ProfileCommand, fn(&mut Screen));

#[test]
fn every_way_from_the_demo_to_another_profile_asks_first_and_can_be_taken_back() {
    let enter = || ProfileCommand::Enter("Work".to_owned());
    let add = ProfileCommand::Add("Work".to_owned());
    let ways: [Way; 3] = [
        ("Leave and change profile", enter(), |screen| {
            screen.click("Profile Demo");
            screen.harness.get_by_role_and_label(egui::Role::RadioButton, "Work").click();
        }),
        ("Leave and change profile", enter(), |screen| {
            let (ctx, snapshot) = (screen.harness.ctx.clone(), screen.harness.state().line.latest());
            screen.harness.state_mut().choose(crate::ui::palette::Does::Profile("Work".to_owned()), &ctx, &snapshot);
        }),
        ("Leave and add the profile", add, |screen| {
            screen.click("Profile Demo");
            screen.click("New profile");
            screen.harness.event(egui::Event::Text("Work".to_owned()));
            screen.harness.run_steps(2);
            screen.harness.get_by_label("Add and serve").click();
        }),
    ];
    for (word, command, way) in ways {
        let mut snapshot = fixture::snapshot();
        snapshot.profile.names = ["Default".to_owned(), "Work".to_owned()].into();
        snapshot.profile.can_add = true;
        let mut screen = screen_of(snapshot);
        way(&mut screen);
        screen.harness.run_steps(4);
        assert!(says(&screen, "Leave the demo?") && says(&screen, "rofile Work runs instead"), "{command:?}");
        assert!(screen.command().is_none(), "{command:?} before it is answered");
        screen.click(word);
        let (id, sent) = screen.sent().expect("a command");
        assert!(matches!(sent, Command::Profile(sent) if sent == command));

        let mut there = fixture::empty();
        (there.profile.name, there.profile.first_run) = ("Work".to_owned(), true);
        screen.back.publish(there);
        screen.harness.run_steps(2);
        screen.back.tell(Notice { id: Some(id), body: NoticeBody::Done("Profile Work runs".to_owned()) });
        screen.harness.run_steps(4);
        assert!(!says(&screen, "Welcome to Tidegate"));
        screen.click("Back to the demo");
        assert!(matches!(screen.command(), Some(Command::Demo(DemoCommand::Enter))));
    }
}

#[test]
fn leaving_the_demo_names_the_keys_that_are_in_its_memory_alone() {
    let mut snapshot = forgetful();
    snapshot.profile.demo = true;
    Arc::make_mut(&mut snapshot.keys).set_aside = vec!["kept-for-later".into()];
    let mut screen = screen_of(snapshot);
    screen.click("Leave the demo");
    assert!(says(&screen, "The keys of acme-east and acme-west are in memory alone."));
    assert!(!says(&screen, "kept-for-later"));
}
