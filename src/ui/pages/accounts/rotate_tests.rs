//! Keys on the Accounts page, as the person uses it.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use egui::Event;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::contract::snapshot::{
    AccountKey, Applied, KeyState, KeyTest, KeyringState, KeysView, Offered, SpareKeys, Trial,
};
use crate::contract::{BackEnd, Command, CommandInbox, KeyCommand, Snapshot};
use crate::model::config::{Account, Config, Credential, Endpoint, Service};
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

const KEY: &str = "sk-proj-Kx72bQwLmZ95vNtRyH3c";

fn account(credential: &str) -> Account {
    let text =
        format!("id = \"east\"\nservice = \"azure\"\nbase_url = \"https://east.openai.azure.com\"\n{credential}");
    toml_edit::de::from_str(&format!("{text}\napi_version = \"2024-10-21\"")).unwrap()
}

fn keyring() -> KeyState {
    KeyState::InKeyring { fingerprint: "0a1b2c3d".to_owned() }
}

fn snapshot(state: KeyState, spares: SpareKeys) -> Snapshot {
    let mut snapshot = fixture::empty();
    let config = Config { accounts: vec![account("")], ..Config::default() };
    snapshot.applied = Arc::new(Applied { config: Arc::new(config), ..Applied::clone(&snapshot.applied) });
    let key = AccountKey { account: "east".into(), state, test: None, spares };
    snapshot.keys = Arc::new(KeysView { keyring: KeyringState::Ready, accounts: vec![key], ..KeysView::default() });
    snapshot
}

struct Screen {
    harness: Harness<'static, Console>,
    back: BackEnd,
    inbox: CommandInbox,
}

impl Screen {
    fn open(snapshot: Snapshot) -> Self {
        let (line, back, inbox) = crate::contract::line(snapshot);
        let console = Console::new(line, &egui::Context::default());
        let mut harness = Harness::builder()
            .with_size(egui::vec2(1280.0, 1_600.0))
            .with_context_setup(theme::install)
            .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
        harness.get_by_role_and_label(egui::Role::Button, Page::Accounts.name()).click();
        harness.run_steps(4);
        Self { harness, back, inbox }
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    fn sent(&mut self) -> Option<KeyCommand> {
        let next = pin!(self.inbox.next());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some((_, Command::Key(command)))) => Some(command),
            _ => None,
        }
    }

    fn spoken(&self) -> String {
        let said = self.harness.root().children_recursive().map(|node| {
            let node = node.accesskit_node();
            format!("{}{}\n", node.label().unwrap_or_default(), node.value().unwrap_or_default())
        });
        said.collect()
    }
}

#[test]
fn another_key_is_pasted_beside_the_one_in_use_and_shown_nowhere() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    screen.click("Replace key");
    assert!(screen.spoken().contains("KEY 1 and KEY 2"), "Azure's two keys are explained");
    // The field has the keyboard: what is pasted goes into it.
    screen.harness.event(Event::Paste(KEY.to_owned()));
    screen.harness.run_steps(3);
    screen.click("Save and test");
    let Some(KeyCommand::SetNext(account, key)) = screen.sent() else { panic!("no next key was sent") };
    assert_eq!((account.as_str(), key.expose()), ("east", KEY));
    assert!(!screen.spoken().contains("Kx72bQwLmZ95"));
    assert!(screen.sent().is_none(), "there is nothing to test before it is kept");
    let kept = SpareKeys { next: Some("ffee0011".to_owned()), ..SpareKeys::default() };
    screen.back.publish(snapshot(keyring(), kept));
    screen.harness.run_steps(4);
    assert!(matches!(screen.sent(), Some(KeyCommand::TestNext(account)) if account.as_str() == "east"));
    screen.harness.run_steps(4);
    assert!(screen.sent().is_none(), "it is tested once");
}

#[test]
fn enter_keeps_a_next_key_and_once_it_is_good_enter_switches_to_it() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    screen.click("Replace key");
    screen.harness.event(Event::Text(KEY.to_owned()));
    screen.harness.run_steps(3);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(matches!(screen.sent(), Some(KeyCommand::SetNext(..))));
    assert!(!screen.spoken().contains("clipboard"), "it was typed, so it is on no clipboard");
    let kept = SpareKeys { next: Some("ffee0011".to_owned()), ..SpareKeys::default() };
    screen.back.publish(snapshot(keyring(), kept.clone()));
    screen.harness.run_steps(4);
    assert!(matches!(screen.sent(), Some(KeyCommand::TestNext(_))));
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(screen.sent().is_none(), "not before its test is over");
    let test = KeyTest {
        finished_wall_ms: Some(1),
        lines: vec![(true, "The key is accepted.".to_owned())],
        ..KeyTest::default()
    };
    screen.back.publish(snapshot(keyring(), SpareKeys { next_test: Some(test), ..kept }));
    screen.harness.run_steps(4);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(matches!(screen.sent(), Some(KeyCommand::Switch(_))));
}

#[test]
fn enter_does_not_switch_to_a_next_key_on_the_good_test_of_the_one_before_it() {
    let good = KeyTest {
        finished_wall_ms: Some(1),
        lines: vec![(true, "The key is accepted.".to_owned())],
        ..KeyTest::default()
    };
    let spares = |next: &str, next_test| SpareKeys { next: Some(next.to_owned()), next_test, ..SpareKeys::default() };
    let old = spares("0ldbef0e", Some(good.clone()));
    let mut screen = Screen::open(snapshot(keyring(), old));
    screen.click("Replace key");
    screen.harness.event(Event::Text(KEY.to_owned()));
    screen.harness.run_steps(3);
    for _ in 0..2 {
        screen.harness.key_press(egui::Key::Enter);
        screen.harness.run_steps(3);
    }
    assert!(matches!(screen.sent(), Some(KeyCommand::SetNext(..))));
    assert!(screen.sent().is_none(), "the new one is not there yet");
    screen.back.publish(snapshot(keyring(), spares("ffee0011", None)));
    screen.harness.run_steps(3);
    assert!(matches!(screen.sent(), Some(KeyCommand::TestNext(_))));
    // What is good by now is left to the person, who does something else.
    screen.harness.key_press(egui::Key::ArrowDown);
    screen.harness.run_steps(2);
    screen.back.publish(snapshot(keyring(), spares("ffee0011", Some(good))));
    screen.harness.run_steps(3);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(screen.sent().is_none());
}

#[test]
fn a_key_that_was_pasted_may_be_on_the_clipboard() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    screen.click("Replace key");
    screen.harness.event(Event::Paste(KEY.to_owned()));
    screen.harness.run_steps(3);
    screen.click("Save and test");
    assert!(screen.spoken().contains("The key may still be on your clipboard"));
}

#[test]
fn a_second_deployment_says_that_it_joins_the_account_and_keeps_its_key() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    screen.click("Add account");
    let url = "https://east.openai.azure.com/openai/deployments/gpt4o-batch/chat/completions?api-version=2024-10-21";
    screen.harness.event(Event::Paste(url.to_owned()));
    screen.harness.run_steps(4);
    assert!(screen.spoken().contains("It joins account east and uses its key"), "{}", screen.spoken());
    assert!(screen.spoken().contains("Create route gpt-4o with this endpoint as first choice"));
    assert!(!screen.spoken().contains("You won't be able to read this key"), "none is asked for");
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(4);
    assert!(screen.spoken().contains("east-gpt-4o joins account east and route gpt-4o once you apply the draft."));
    assert!(screen.sent().is_none(), "the account's key stays");
    let config = Arc::clone(screen.harness.state().draft().working());
    assert_eq!((config.accounts.len(), config.endpoints.len(), config.routes.len()), (1, 1, 1));
}

const SECOND: &str =
    "https://east.openai.azure.com/openai/deployments/gpt4o-batch/chat/completions?api-version=2024-10-21";

fn paste(screen: &mut Screen, text: &str) {
    screen.click("Add account");
    screen.harness.event(Event::Paste(text.to_owned()));
    screen.harness.run_steps(4);
}

#[test]
fn a_key_pasted_with_a_deployment_of_an_account_whose_key_is_not_known_is_kept() {
    let mut unknown = snapshot(KeyState::Absent, SpareKeys::default());
    unknown.keys = Arc::new(KeysView { keyring: KeyringState::Ready, ..KeysView::default() });
    let mut screen = Screen::open(unknown);
    paste(&mut screen, &format!("AZURE_OPENAI_ENDPOINT={SECOND}\nAZURE_OPENAI_API_KEY={KEY}"));
    assert!(screen.spoken().contains("It joins account east; leave the key empty if it has one"));
    screen.click("Add endpoint");
    let Some(KeyCommand::Set(account, key)) = screen.sent() else { panic!("the key is gone") };
    assert_eq!((account.as_str(), key.expose()), ("east", KEY));
}

#[test]
fn a_key_that_is_not_taken_is_said_so() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    paste(&mut screen, &format!("AZURE_OPENAI_ENDPOINT={SECOND}\nAZURE_OPENAI_API_KEY={KEY}"));
    assert!(screen.spoken().contains("The pasted key is not taken"), "{}", screen.spoken());
}

#[test]
fn a_variable_chosen_for_an_account_without_a_key_is_where_its_key_is_read_from() {
    let mut without = snapshot(KeyState::Absent, SpareKeys::default());
    without.profile.environment_keys = vec!["AZURE_OPENAI_API_KEY".to_owned()];
    let mut screen = Screen::open(without);
    paste(&mut screen, SECOND);
    screen.click("Use $AZURE_OPENAI_API_KEY");
    screen.click("Add endpoint");
    let config = Arc::clone(screen.harness.state().draft().working());
    assert_eq!(config.accounts[0].credential, Credential::Env("AZURE_OPENAI_API_KEY".to_owned()));
    assert_eq!(config.accounts.len(), 1);
}

#[test]
fn enter_that_fills_in_the_model_adds_nothing_and_moves_on_to_the_key() {
    let mut screen = Screen::open(snapshot(KeyState::Absent, SpareKeys::default()));
    paste(&mut screen, "https://west.openai.azure.com");
    for field in ["Deployment", "Key"] {
        assert!(screen.harness.state().draft().working().endpoints.is_empty(), "before {field}");
        if field == "Deployment" {
            screen.harness.get_by_role_and_label(egui::Role::TextInput, field).focus();
            screen.harness.run_steps(2);
        }
        // The second text goes where the keyboard is.
        screen.harness.event(Event::Text(if field == "Key" { KEY } else { "gpt4o-batch" }.to_owned()));
        screen.harness.run_steps(2);
        screen.harness.key_press(egui::Key::Enter);
        screen.harness.run_steps(4);
    }
    assert_eq!(screen.harness.state().draft().working().endpoints[0].model.as_str(), "gpt-4o");
    assert!(matches!(screen.sent(), Some(KeyCommand::Set(_, key)) if key.expose() == KEY));
}

#[test]
fn a_next_key_is_tested_and_switched_to() {
    let line = (true, "The key is accepted.".to_owned());
    let test = KeyTest { finished_wall_ms: Some(1), lines: vec![line], ..KeyTest::default() };
    let next = Some("ffee0011".to_owned());
    let spares = SpareKeys { next, next_test: Some(test), ..SpareKeys::default() };
    let mut screen = Screen::open(snapshot(keyring(), spares));
    assert!(screen.spoken().contains("ffee0011 · not used yet"));
    assert!(screen.spoken().contains("The key is accepted."));
    screen.click("Test next key of east");
    assert!(matches!(screen.sent(), Some(KeyCommand::TestNext(_))));
    screen.click("Switch east to the next key");
    assert!(matches!(screen.sent(), Some(KeyCommand::Switch(_))));
    screen.click("Forget next key of east");
    assert!(matches!(screen.sent(), Some(KeyCommand::RemoveNext(_))));
}

#[test]
fn a_next_key_whose_test_failed_is_not_offered_as_the_step_to_take() {
    let test = KeyTest {
        finished_wall_ms: Some(1),
        lines: vec![(false, "east rejects this key.".to_owned())],
        ..KeyTest::default()
    };
    let spares = SpareKeys { next: Some("ffee0011".to_owned()), next_test: Some(test), ..SpareKeys::default() };
    let mut screen = Screen::open(snapshot(keyring(), spares));
    assert!(screen.harness.query_by_label("Switch east to the next key").is_none());
    screen.click("Switch east to the next key although its test failed");
    assert!(matches!(screen.sent(), Some(KeyCommand::Switch(_))), "it is still the person's to say");
}

#[test]
fn the_way_back_is_offered_as_long_as_the_key_before_is_kept() {
    let previous = Some(("aa00bb11".to_owned(), 1_700_000_600_000));
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys { previous, ..SpareKeys::default() }));
    screen.click("Switch east back to the key from before");
    assert!(matches!(screen.sent(), Some(KeyCommand::SwitchBack(_))));
    let without = Screen::open(snapshot(keyring(), SpareKeys::default()));
    assert!(without.harness.query_by_label("Switch east back to the key from before").is_none());
}

#[test]
fn an_account_whose_key_was_refused_says_which_one_is_used() {
    let spares = SpareKeys {
        next: Some("ffee0011".to_owned()),
        stands_in_since: Some(1_700_000_000_000),
        ..SpareKeys::default()
    };
    let screen = Screen::open(snapshot(keyring(), spares));
    assert!(screen.spoken().contains("so the next key is used. Switch to keep it."), "{}", screen.spoken());
}

#[test]
fn a_locked_keyring_is_asked_again_from_the_top_of_the_page() {
    let mut snapshot = snapshot(KeyState::Absent, SpareKeys::default());
    snapshot.keys = Arc::new(KeysView {
        keyring: KeyringState::Locked,
        accounts: snapshot.keys.accounts.clone(),
        ..KeysView::default()
    });
    let mut screen = Screen::open(snapshot);
    assert!(screen.spoken().contains("Your keyring is locked, so 1 account can't be used."));
    screen.click("Unlock");
    assert!(matches!(screen.sent(), Some(KeyCommand::Ask)));
}

#[test]
fn the_azure_command_is_filled_in_and_goes_into_the_draft() {
    let mut screen = Screen::open(snapshot(KeyState::Absent, SpareKeys::default()));
    screen.click("Key source");
    screen.click("Command that prints a token");
    screen.click("Use the Azure CLI");
    screen.click("Save to draft");
    let config = Arc::clone(screen.harness.state().draft().working());
    let Credential::Command(words) = &config.accounts[0].credential else { panic!("no command") };
    assert_eq!(words.first().map(String::as_str), Some("az"));
    assert_eq!(words.last().map(String::as_str), Some("json"));
}

/// An account that is in the draft alone, with a test of it.
fn drafted(screen: &mut Screen) -> Account {
    let new = Account { id: "acme".into(), service: Service::Compatible, ..account("") };
    let added = new.clone();
    screen.harness.state_mut().draft.edit("add account acme", |config| config.accounts.push(added));
    screen.harness.run_steps(3);
    new
}

#[test]
fn what_is_not_applied_is_tested_as_the_draft_has_it_and_offers_the_models_that_it_told() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    let new = drafted(&mut screen);
    let buttons = screen.harness.get_all_by_role_and_label(egui::Role::Button, "Test key");
    buttons.last().unwrap().click();
    screen.harness.run_steps(3);
    let Some(KeyCommand::Try(config, tested)) = screen.sent() else { panic!("it was not tested") };
    assert!(tested == new.id && config.account(&tested) == Some(&new));

    let offered = Offered { models: ["m-large".to_owned(), "m-small".to_owned()].into(), ..Offered::default() };
    let test = KeyTest { finished_wall_ms: Some(1), lines: vec![(true, "The key is accepted.".to_owned())], offered };
    let mut told = snapshot(keyring(), SpareKeys::default());
    let trials = vec![Trial { account: new, endpoint: None, test }];
    told.keys = Arc::new(KeysView { trials, ..KeysView::clone(&told.keys) });
    screen.back.publish(told);
    screen.harness.run_steps(4);
    assert!(screen.spoken().contains("As the draft has it, tested"));
    screen.click("Add one of 2 more models");
    screen.click("m-small");
    let draft = screen.harness.state().draft();
    let added = &draft.working().endpoints[0];
    assert_eq!((added.id.as_str(), added.model.as_str()), ("acme-m-small", "m-small"));
    assert!(draft.working().route(&"m-small".into()).is_some());
    assert!(screen.spoken().contains("Add its other model"), "the one that is there is not offered again");

    screen.harness.state_mut().draft.edit("move it", |config| {
        config.accounts.last_mut().unwrap().base_url = "https://elsewhere.example/v1".to_owned();
    });
    screen.harness.run_steps(3);
    assert!(!screen.spoken().contains("As the draft has it"), "another address was not tested");
}

#[test]
fn limits_that_a_call_told_go_into_the_draft_at_a_click() {
    let mut screen = Screen::open(snapshot(keyring(), SpareKeys::default()));
    let new = drafted(&mut screen);
    let text = "id = \"ea\"\naccount = \"acme\"\nmodel = \"m\"\ntokens_per_minute = 60000";
    let endpoint: Endpoint = toml_edit::de::from_str(text).unwrap();
    let added = endpoint.clone();
    screen.harness.state_mut().draft.edit("add ea", |config| config.endpoints.push(added));
    let offered = Offered { tokens_per_minute: Some(90_000), requests_per_minute: Some(540), ..Offered::default() };
    let test = KeyTest { finished_wall_ms: Some(1), lines: vec![(true, "m answers.".to_owned())], offered };
    let mut told = snapshot(keyring(), SpareKeys::default());
    let trials = vec![Trial { account: new, endpoint: Some(endpoint), test }];
    told.keys = Arc::new(KeysView { trials, ..KeysView::clone(&told.keys) });
    screen.back.publish(told);
    screen.harness.run_steps(4);
    screen.click("Use 90,000 TPM and 540 RPM instead of 60,000 TPM");
    let limits = &screen.harness.state().draft().working().endpoints[0];
    assert_eq!((limits.tokens_per_minute, limits.requests_per_minute), (Some(90_000), Some(540)));
    assert!(!screen.spoken().contains("Use 90,000"), "there is nothing left to take over");
}
