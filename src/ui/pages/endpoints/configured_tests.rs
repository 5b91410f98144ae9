//! Every field of an endpoint can be edited and goes back to what is usual.

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::ui::{Console, fixture, theme};

fn open() -> Harness<'static, Console> {
    let (ui, _back, _inbox) = crate::contract::line(fixture::snapshot());
    let console = Console::new(ui, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_400.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    for label in [Page::Endpoints.name(), "sim-sweden", "Config"] {
        harness.get_all_by_label(label).next().expect("it is there").click();
        harness.run_steps(4);
    }
    harness
}

fn sweden(harness: &Harness<'static, Console>) -> Endpoint {
    harness.state().draft().working().endpoint(&"sim-sweden".into()).expect("it is there").clone()
}

#[test]
fn every_key_of_an_endpoint_but_its_identity_and_its_pause_has_a_row() {
    let full = Endpoint {
        requests_per_1k_tokens: Some(1),
        max_in_flight: Some(1),
        request_slice_seconds: Some(1),
        soft_cap_tokens_per_minute: Some(1),
        quota_pool: Some("p".into()),
        pinned: true,
        probe_above: true,
        enforcement: Enforcement::TokenBucket,
        tokens_per_day: Some(1),
        requests_per_day: Some(1),
        input_tokens_per_minute: Some(1),
        output_tokens_per_minute: Some(1),
        simulated: Some(Simulated { first_token_ms: 1, tokens_per_second: 1 }),
        ..fixture::config().endpoints[0].clone()
    };
    let mut reset = full.clone();
    for field in FIELDS.iter().chain(SIMULATED) {
        field.reset(&mut reset);
    }
    let kept = ["id", "account", "model", "simulated"];
    let keys = |endpoint: &Endpoint| {
        let text = toml_edit::ser::to_string(endpoint).expect("an endpoint can be written");
        let document: toml_edit::DocumentMut = text.parse().expect("what was written can be read");
        let mut keys: Vec<String> = document.iter().map(|(key, _)| key.to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&full).len(), 18 + 1, "a new key needs a row here");
    let mut expected = kept.map(str::to_owned);
    expected.sort();
    assert_eq!(keys(&reset), expected, "everything else goes back to what is usual");
    assert_eq!(reset.simulated, Some(Simulated::default()));
}

#[test]
fn a_field_says_where_its_value_comes_from_and_goes_back() {
    let mut screen = open();
    screen.get_by_label("try above the limit").click();
    screen.run_steps(3);
    assert!(sweden(&screen).probe_above);
    assert!(screen.query_by_label("draft").is_some());
    assert_eq!(screen.state().draft().undo_label(), Some("change probing of sim-sweden"));
    screen.get_by_label("Probing: back to off").click();
    screen.run_steps(3);
    assert!(!sweden(&screen).probe_above);
    assert!(screen.query_by_label("draft").is_none());
}

#[test]
fn a_name_is_taken_when_the_person_is_done_with_it() {
    let mut screen = open();
    screen.get_by_role_and_label(egui::Role::TextInput, "Name at the service").focus();
    screen.run_steps(2);
    screen.get_by_role_and_label(egui::Role::TextInput, "Name at the service").type_text("-2");
    screen.run_steps(2);
    assert_eq!(sweden(&screen).deployment.as_deref(), Some("sim-sweden-chat"), "not letter by letter");
    screen.key_press(egui::Key::Enter);
    screen.run_steps(3);
    assert_eq!(sweden(&screen).deployment.as_deref(), Some("sim-sweden-chat-2"));
}
