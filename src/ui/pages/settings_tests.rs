//! The Settings page, as the person uses it.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::contract::door::{CallerToken, Told};
use crate::contract::snapshot::Applied;
use crate::contract::{BackEnd, CallerCommand, Command, CommandInbox, DoorView, Notice, NoticeBody, Snapshot};
use crate::model::config::Caller;
use crate::model::id::CommandId;
use crate::model::preferences::{Preferences, ThemeChoice};
use crate::model::secret::Secret;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, settings, theme};

fn open() -> Harness<'static, Console> {
    over(fixture::snapshot()).0
}

fn sent(inbox: &mut CommandInbox) -> Option<(CommandId, Command)> {
    let next = pin!(inbox.next());
    match next.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(command) => command,
        Poll::Pending => None,
    }
}

fn over(snapshot: Snapshot) -> (Harness<'static, Console>, BackEnd, CommandInbox) {
    let (line, back, inbox) = crate::contract::line(snapshot);
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 4_400.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Settings.name()).click();
    harness.run_steps(4);
    (harness, back, inbox)
}

#[test]
fn every_setting_of_the_table_is_on_the_page() {
    let harness = open();
    for setting in settings::ALL {
        assert!(harness.query_all_by_label(setting.name).next().is_some(), "{}", setting.name);
        assert!(harness.query_by_label(setting.hint).is_some(), "{}", setting.hint);
    }
}

#[test]
fn each_number_list_and_box_goes_back_to_its_default_alone() {
    let mut config = fixture::config();
    (config.queue.max_waiting, config.queue.max_wait_seconds) = (7, 9);
    (config.listen.require_token, config.history.keep) = (true, false);
    config.listen.allowed_hosts = vec!["tidegate.lan".to_owned()];
    config.listen.allowed_origins = vec!["https://app.example".to_owned()];
    let snapshot = fixture::snapshot();
    let applied = Applied { config: Arc::new(config), ..Applied::clone(&snapshot.applied) };
    let (mut harness, _back, _inbox) = over(Snapshot { applied: applied.into(), ..snapshot });
    let usual = crate::model::config::Config::default();
    for name in [
        "Requests that may wait: back to 2,000 requests",
        "Caller token: back to no token needed",
        "Other names: back to none",
        "Web pages: back to none",
        "Keep history: back to on",
    ] {
        harness.get_by_label(name).click();
        harness.run_steps(4);
        assert!(harness.query_by_label(name).is_none(), "{name}");
    }
    let now = harness.state().draft().working();
    assert_eq!((now.queue.max_waiting, now.queue.max_wait_seconds), (2_000, 9), "the other number stays");
    assert_eq!((&now.listen, now.history.keep), (&usual.listen, true));
}

#[test]
fn a_choice_acts_at_once_and_goes_back_alone() {
    let mut harness = open();
    harness.get_by_label("Dark").click();
    harness.run_steps(3);
    harness.get_by_role_and_label(egui::Role::CheckBox, "Reduce motion").click();
    harness.run_steps(3);
    let liked = harness.state().preferences().clone();
    assert_eq!((liked.theme, liked.reduced_motion), (ThemeChoice::Dark, true));
    harness.get_by_label("Theme mode: back to As the desktop").click();
    harness.run_steps(3);
    let liked = harness.state().preferences().clone();
    assert_eq!(liked, Preferences { reduced_motion: true, ..Preferences::default() });
}

#[test]
fn the_search_leaves_what_it_names() {
    let mut harness = open();
    harness.get_by_role_and_label(egui::Role::TextInput, "Find a setting").focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(egui::Role::TextInput, "Find a setting").type_text("motion");
    harness.run_steps(3);
    assert!(harness.query_by_label("Port").is_none());
    assert!(harness.query_all_by_label("Reduce motion").next().is_some());
}

/// A console in which caller `ci` has a token.
fn with_a_caller() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    let mut config = fixture::config();
    config.callers.push(Caller::named("ci".into()));
    let (made_wall_ms, former_until_wall_ms) = (Some(snapshot.wall_ms), None);
    let token = CallerToken { caller: "ci".into(), made_wall_ms, former_until_wall_ms, variable_is_set: false };
    snapshot.door = Arc::new(DoorView { tokens: vec![token], ..DoorView::default() });
    let mut applied = Applied::clone(&snapshot.applied);
    applied.config = Arc::new(config);
    snapshot.applied = Arc::new(applied);
    snapshot
}

#[test]
fn nobody_is_offered_to_be_seen_on_the_network_before_a_caller_has_a_token() {
    let mut harness = open();
    harness.get_by_label("This network").click();
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().listen.address, "127.0.0.1");
    harness.get_by_label("Make one").click();
    harness.run_steps(4);
    assert!(harness.query_by_label("Add caller and make its token").is_some());
}

#[test]
fn a_token_is_shown_once_and_no_longer_than_wanted() {
    let (mut harness, back, mut inbox) = over(fixture::snapshot());
    harness.get_by_role_and_label(egui::Role::TextInput, "Name of a caller").focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(egui::Role::TextInput, "Name of a caller").type_text("ci");
    harness.run_steps(2);
    harness.get_by_label("Add caller and make its token").click();
    harness.run_steps(3);
    let Some((id, Command::Caller(CallerCommand::Add(caller)))) = sent(&mut inbox) else {
        panic!("no caller was added")
    };
    assert_eq!(caller.as_str(), "ci");
    let token = format!("tdg_{}", "4f".repeat(32));
    let told = Told(Arc::new(Secret::new(token.clone())));
    assert!(!format!("{told:?}").contains("4f"));
    back.tell(Notice { id: Some(id), body: NoticeBody::TokenMade { caller, token: told } });
    harness.run_steps(3);
    assert!(harness.query_by_label(&token).is_some());
    harness.get_by_label("I have it").click();
    harness.run_steps(3);
    assert!(harness.query_by_label(&token).is_none());
}

#[test]
fn limits_of_a_caller_go_through_the_draft_and_tokens_act_at_once() {
    let (mut harness, _back, mut inbox) = over(with_a_caller());
    harness.get_by_label("Requests per minute of ci").focus();
    harness.run_steps(2);
    harness.get_by_label("Requests per minute of ci").type_text("30");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().callers[0].requests_per_minute, Some(30));
    assert_eq!(harness.state().draft().changes(), ["Caller ci: none → 30 RPM."]);
    harness.get_by_label("Revoke token of ci").click();
    harness.run_steps(3);
    harness.get_by_label("Revoke").click();
    harness.run_steps(3);
    let revoked = matches!(sent(&mut inbox), Some((_, Command::Caller(CallerCommand::Revoke(caller)))) if caller.as_str() == "ci");
    assert!(revoked);
}

#[test]
fn a_web_page_is_allowed_by_its_origin_alone() {
    let mut harness = open();
    let field = |harness: &Harness<'static, Console>, text: &str| {
        harness.get_by_role_and_label(egui::Role::TextInput, "Origin of a web page").focus();
        harness.get_by_role_and_label(egui::Role::TextInput, "Origin of a web page").type_text(text);
    };
    field(&harness, "*");
    harness.run_steps(3);
    harness.get_by_label("Add page").click();
    harness.run_steps(3);
    assert!(harness.state().draft().working().listen.allowed_origins.is_empty());
    harness.get_by_role_and_label(egui::Role::TextInput, "Origin of a web page").focus();
    harness.run_steps(2);
    harness.key_press(egui::Key::Backspace);
    harness.run_steps(2);
    field(&harness, "https://app.example");
    harness.run_steps(3);
    harness.get_by_label("Add page").click();
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().listen.allowed_origins, ["https://app.example"]);
}

#[test]
fn the_network_goes_through_the_draft() {
    let (mut harness, ..) = over(with_a_caller());
    harness.get_by_label("This network").click();
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().listen.address, "0.0.0.0");
    assert_eq!(harness.state().draft().undo_label(), Some("Listen at 0.0.0.0"));
}

#[test]
fn a_kind_of_notification_can_be_switched_off() {
    let mut harness = open();
    harness.get_by_label("A key is rejected").click();
    harness.run_steps(3);
    assert!(harness.state().preferences().muted.contains("key_rejected"));
    let boxes = harness.query_all_by_role(egui::Role::CheckBox);
    assert!(boxes.into_iter().all(|one| one.accesskit_node().label().is_some()));
}

#[test]
fn keys_are_changed_unless_another_action_has_them_and_go_back_alone() {
    let mut harness = open();
    harness.get_by_role_and_label(egui::Role::TextInput, "Find a setting").focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(egui::Role::TextInput, "Find a setting").type_text("inspector");
    harness.run_steps(3);
    let press = |harness: &mut Harness<'static, Console>, modifiers, key| {
        harness.get_by_label("Change the keys of Inspector").click();
        harness.run_steps(2);
        harness.key_press_modifiers(modifiers, key);
        harness.run_steps(3);
    };
    press(&mut harness, egui::Modifiers::COMMAND, egui::Key::K);
    assert!(harness.query_by_label_contains("is Search everything already").is_some(), "the conflict is named");
    assert!(harness.query_by_role_and_label(egui::Role::TextInput, "Search everything").is_none(), "no palette came");
    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    press(&mut harness, egui::Modifiers::COMMAND, egui::Key::I);
    let kept = harness.state().preferences().shortcuts.clone();
    assert_eq!(kept, [("inspector".to_owned(), vec!["Ctrl+I".to_owned()])].into());
    harness.get_by_label("The usual keys of Inspector").click();
    harness.run_steps(3);
    assert!(harness.state().preferences().shortcuts.is_empty());
}

#[test]
fn the_rules_of_requests_go_through_the_draft_and_back_to_what_is_usual() {
    let mut harness = open();
    harness.get_by_label("Sendings of one request").focus();
    harness.run_steps(2);
    harness.key_press(egui::Key::ArrowUp);
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().retry.max_attempts, 5);
    assert_eq!(harness.state().draft().changes(), ["Sendings of one request: 4 → 5 times."]);
    harness.get_by_label("retry: back to what is usual").click();
    harness.run_steps(3);
    assert!(!harness.state().draft().is_changed());
}

#[test]
fn an_upstream_proxy_is_taken_whole_and_never_with_a_password() {
    let mut harness = open();
    harness.get_by_label("Through a proxy").click_accesskit();
    harness.run_steps(3);
    let type_in = |harness: &mut Harness<'_, Console>, text: &str| {
        harness.get_by_role_and_label(egui::Role::TextInput, "Address of the proxy").focus();
        harness.run_steps(2);
        harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        harness.event(egui::Event::Text(text.to_owned()));
        harness.run_steps(3);
    };
    type_in(&mut harness, "http://me:canary-77@proxy:3128");
    assert!(harness.query_by_label_contains("without a user name or password").is_some());
    harness.get_by_label("Use this proxy").click_accesskit();
    harness.run_steps(3);
    assert!(!harness.state().draft().is_changed(), "it is not taken");
    type_in(&mut harness, "http://proxy:3128");
    harness.get_by_label("Use this proxy").click_accesskit();
    harness.run_steps(3);
    assert_eq!(harness.state().draft().working().upstream.proxy, "http://proxy:3128");
    assert_eq!(harness.state().draft().changes(), ["Requests go through the proxy http://proxy:3128."]);
    harness.get_by_label("Upstream proxy: back to straight").click_accesskit();
    harness.run_steps(3);
    assert!(!harness.state().draft().is_changed());
}

#[test]
fn the_logs_level_acts_at_once_and_goes_back_to_that_of_the_launch() {
    use crate::model::preferences::LogLevel;
    use std::cell::RefCell;
    use std::rc::Rc;
    let (line, _, _) = crate::contract::line(fixture::snapshot());
    let heard = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&heard);
    let mut console = Console::with(line, Preferences::default(), Box::new(|_| {}))
        .logging(Box::new(move |level| log.borrow_mut().push(level)));
    console.will_follow("tidegate://settings/log".to_owned());
    let mut harness =
        Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_context_setup(theme::install).build_ui_state(
            |ui, console: &mut Console| {
                console.logic(&ui.ctx().clone());
                console.ui(ui);
            },
            console,
        );
    harness.run_steps(30);
    for name in ["Everything, for finding a fault", "Log level: back to As at launch"] {
        harness.get_by_label(name).click();
        harness.run_steps(4);
    }
    assert_eq!(*heard.borrow(), [Some(LogLevel::Debug), None]);
}

#[test]
fn in_a_wide_window_settings_stand_in_two_columns_and_none_is_missing() {
    let names = |width: f32| {
        let (mut harness, _, _) = over(fixture::snapshot());
        harness.set_size(egui::vec2(width, 4_400.0));
        harness.run_steps(4);
        let place =
            |name: &str| harness.query_by_role_and_label(egui::Role::Label, name).map(|node| node.rect().left());
        settings::ALL.iter().filter_map(|setting| place(setting.name)).collect::<Vec<f32>>()
    };
    let (narrow, wide) = (names(1_280.0), names(2_560.0));
    assert_eq!(narrow.len(), wide.len());
    let furthest = |lefts: &[f32]| lefts.iter().copied().fold(0.0, f32::max);
    assert!(furthest(&narrow) < 640.0 && furthest(&wide) > 1_000.0, "{narrow:?} {wide:?}");
}

#[test]
fn numbers_and_times_are_written_as_chosen_at_once() {
    let mut harness = open();
    harness.get_by_role_and_label(egui::Role::RadioButton, "240'000").click();
    harness.run_steps(3);
    assert_eq!(crate::model::units::Grouped(1_234_567).to_string(), "1'234'567");
    harness.get_by_role_and_label(egui::Role::CheckBox, "Twelve hours").click();
    harness.run_steps(3);
    assert!(crate::ui::format::clock_time(0).ends_with('M'));
    harness.get_by_label("Thousands in numbers: back to 240,000").click();
    harness.run_steps(3);
    assert_eq!(crate::model::units::Grouped(1_234_567).to_string(), "1,234,567");
}
