//! The keyring's line while it owes an answer.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::contract::snapshot::{Applied, KeyringState, KeysView};
use crate::contract::{Command, KeyCommand, Snapshot};
use crate::model::config::Service;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

/// Real accounts, and a keyring that has not answered.
fn asking() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    snapshot.profile.demo = false;
    let mut config = fixture::config();
    for account in &mut config.accounts {
        account.service = Service::Openai;
    }
    snapshot.applied = Arc::new(Applied { config: Arc::new(config), ..Applied::clone(&snapshot.applied) });
    snapshot.keys = Arc::new(KeysView { keyring: KeyringState::Unknown, accounts: vec![], ..KeysView::default() });
    snapshot
}

fn accounts(snapshot: Snapshot) -> Harness<'static, Console> {
    let (line, _back, _inbox) = crate::contract::line(snapshot);
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_200.0))
        .with_step_dt(0.25)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(2);
    harness
}

#[test]
fn a_keyring_that_is_slow_says_what_is_waited_for_and_what_to_do() {
    let mut harness = accounts(asking());
    assert!(harness.query_by_label_contains("Asking the keyring").is_some());
    assert!(harness.query_by_label_contains("has not answered yet").is_none(), "three seconds are given");
    harness.run_steps(14);
    assert!(harness.query_by_label_contains("The keyring has not answered yet").is_some());
    assert!(harness.query_by_label_contains("Waiting for the keys of sim-a and sim-b").is_some());
    assert!(harness.query_by_label_contains("in a window behind this one").is_some());
    assert!(harness.query_by_label_contains("Keep it until Tidegate quits").is_some());
}

#[test]
fn while_the_keyring_does_not_answer_a_key_can_be_kept_without_it() {
    let (line, _back, mut inbox) = crate::contract::line(asking());
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_200.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(4);
    assert_eq!(harness.query_all_by_label("Waiting for the keyring").count(), 2, "each account says so");
    harness.get_all_by_label("Add key").next().expect("sim-a has none").click();
    harness.run_steps(4);
    harness.get_by_role_and_label(egui::Role::PasswordInput, "Key of sim-a").focus();
    harness.run_steps(2);
    harness.event(egui::Event::Paste("sk-proj-Zq81xWcV55bNmKtR7yLp".to_owned()));
    harness.run_steps(3);
    harness.get_by_label("Keep it until Tidegate quits").click();
    harness.run_steps(3);
    let next = std::pin::pin!(inbox.next());
    let sent = next.poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Some((_, Command::Key(KeyCommand::Hold(account, key))))) = sent else { panic!("not sent") };
    assert_eq!((account.as_str(), key.expose()), ("sim-a", "sk-proj-Zq81xWcV55bNmKtR7yLp"));
    assert!(harness.query_by_label("Keep it until Tidegate quits").is_none(), "the field is gone with the key");
}

#[test]
fn while_the_keyring_does_not_answer_a_new_accounts_key_can_be_kept_without_it() {
    let (line, _back, mut inbox) = crate::contract::line(asking());
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_600.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(4);
    harness.get_by_label("Add account").click();
    harness.run_steps(4);
    assert!(
        harness.query_by_label_contains("Asking your keyring whether it can take the key").is_some(),
        "how the keyring stands is said before a key is typed"
    );
    assert!(harness.query_by_label("Store it in the keyring as soon as that answers").is_some());
    harness.get_by_label("Keep it in memory until Tidegate quits").click_accesskit();
    harness.run_steps(3);
    harness.get_by_role_and_label(egui::Role::PasswordInput, "Paste anything").focus();
    harness.run_steps(2);
    harness.event(egui::Event::Paste("OPENAI_API_KEY=sk-proj-Zq81xWcV55bNmKtR7yLp".to_owned()));
    harness.run_steps(3);
    harness.get_by_role_and_label(egui::Role::TextInput, "Model that clients ask for").focus();
    harness.run_steps(2);
    harness.event(egui::Event::Text("gpt-4o".to_owned()));
    harness.run_steps(3);
    harness.get_by_role_and_label(egui::Role::Button, "Add account").click_accesskit();
    harness.run_steps(3);
    let next = std::pin::pin!(inbox.next());
    let sent = next.poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Some((_, Command::Key(KeyCommand::Hold(account, key))))) = sent else { panic!("not sent") };
    assert_eq!((account.as_str(), key.expose()), ("openai", "sk-proj-Zq81xWcV55bNmKtR7yLp"));
    assert!(harness.state().draft().working().account(&"openai".into()).is_some(), "the account is in the draft");
}

#[test]
fn the_keyring_is_asked_once_before_a_key_is_typed_and_not_before_one_is_wanted() {
    let mut snapshot = fixture::empty();
    Arc::make_mut(&mut snapshot.keys).keyring = KeyringState::Unknown;
    let (line, _back, mut inbox) = crate::contract::line(snapshot);
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_200.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.run_steps(4);
    let mut asked = || {
        let next = std::pin::pin!(inbox.next());
        matches!(
            next.poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(Some((_, Command::Key(KeyCommand::Ask))))
        )
    };
    assert!(!asked(), "nobody wants to store a key yet");
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(6);
    assert!(asked(), "the form for a key is open");
    assert!(!asked(), "and it is asked once");
}

#[test]
fn a_key_that_was_added_is_tested_by_itself_once_it_is_applied() {
    let (line, back, mut inbox) = crate::contract::line(fixture::empty());
    let console = Console::new(line, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_600.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(4);
    for (role, field, text) in [
        (egui::Role::PasswordInput, "Key", "sk-proj-Zq81xWcV55bNmKtR7yLp"),
        (egui::Role::TextInput, "Account name", "sim-a"),
        (egui::Role::TextInput, "Model that clients ask for", "gpt-4o"),
    ] {
        harness.get_by_role_and_label(role, field).focus();
        harness.run_steps(2);
        harness.event(egui::Event::Paste(text.to_owned()));
        harness.run_steps(3);
    }
    harness.get_by_role_and_label(egui::Role::Button, "Add account").click_accesskit();
    harness.run_steps(3);
    let mut sent = || {
        let next = std::pin::pin!(inbox.next());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(command) => command.map(|(_, command)| command),
            Poll::Pending => None,
        }
    };
    assert!(matches!(sent(), Some(Command::Key(KeyCommand::Set(..)))));
    assert!(sent().is_none(), "it does not run yet, so there is nothing to test");
    back.publish(Snapshot { profile: fixture::empty().profile, ..fixture::with_keys() });
    harness.run_steps(4);
    let Some(Command::Key(KeyCommand::Test(account))) = sent() else { panic!("it was not tested") };
    assert_eq!(account.as_str(), "sim-a");
    harness.run_steps(4);
    assert!(sent().is_none(), "once");
}

#[test]
fn without_a_key_in_the_keyring_nothing_is_waited_for() {
    let mut snapshot = asking();
    snapshot.applied = fixture::empty().applied;
    let mut harness = accounts(snapshot);
    harness.run_steps(20);
    assert!(harness.query_by_label_contains("has not answered yet").is_none());
}
