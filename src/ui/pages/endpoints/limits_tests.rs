//! What the limits of an endpoint say of their sources, what may be pinned, typed on the line and read as a table.

use std::sync::Arc;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::contract::Snapshot;
use crate::model::config::Enforcement;
use crate::model::status::{LimitKind, LimitSource, LimitView, MoreLimitView};
use crate::model::units::Timestamp;
use crate::ui::cx::Page;
use crate::ui::format::clock_time;
use crate::ui::{Console, fixture, theme};

fn open(snapshot: Snapshot, tab: &str) -> Harness<'static, Console> {
    let (ui, _back, _inbox) = crate::contract::line(snapshot);
    let console = Console::new(ui, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 1_400.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    for label in [Page::Endpoints.name(), "sim-sweden", tab] {
        harness.get_all_by_label(label).next().expect("it is there").click();
        harness.run_steps(4);
    }
    harness
}

/// The service reported 90,000 ten seconds ago, where 240,000 are typed.
fn reported() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    let sweden = &mut Arc::make_mut(&mut snapshot.view).endpoints[3];
    sweden.reported_tokens_per_minute = Some(90_000);
    sweden.provider_tokens_per_minute = Some(90_000);
    (sweden.tokens.limit, sweden.tokens.source) = (Some(90_000), LimitSource::Header);
    sweden.tokens.since = Some(Timestamp::from_secs(fixture::SECOND - 10));
    snapshot
}

#[test]
fn each_limit_says_who_states_it_and_since_when() {
    let snapshot = reported();
    let since = format!("from response headers, {}", clock_time(snapshot.wall_ms - 10_000));
    let screen = open(snapshot, "Limits");
    assert_eq!(screen.get_all_by_label(&since).count(), 2, "the provider's, and so the effective one");
    assert!(screen.query_by_label("not set by you: learned from headers and 429s").is_none());
    assert!(screen.query_by_label("none set").is_some());
}

#[test]
fn the_time_a_service_asked_for_is_told_with_its_end() {
    let mut snapshot = fixture::snapshot();
    let sweden = &mut Arc::make_mut(&mut snapshot.view).endpoints[3];
    sweden.insight.asked_until = Some(Timestamp::from_secs(fixture::SECOND + 72));
    let end = clock_time(snapshot.wall_ms + 72_000);
    let screen = open(snapshot, "Health");
    assert!(screen.query_by_label_contains(&format!("left alone until {end}, for 1:12 more")).is_some());
    let screen = open(fixture::snapshot(), "Health");
    assert!(screen.query_by_label_contains("left alone").is_none(), "it asked for nothing");
}

#[test]
fn how_full_provisioned_throughput_says_it_is_stands_with_its_time_and_what_to_set() {
    let mut snapshot = fixture::snapshot();
    let sweden = &mut Arc::make_mut(&mut snapshot.view).endpoints[3];
    sweden.insight.utilization = Some((123, Timestamp::from_secs(fixture::SECOND - 10)));
    let said = format!("The service said it was 12.3 % full at {}.", clock_time(snapshot.wall_ms - 10_000));
    let screen = open(snapshot.clone(), "Limits");
    let advice = format!("{said} Only provisioned deployments say so: set under Config that it counts by utilization.");
    assert!(screen.query_by_label(&advice).is_some());
    let mut applied = (*snapshot.applied).clone();
    let mut config = (*applied.config).clone();
    config.endpoint_mut(&"sim-sweden".into()).expect("it is there").enforcement = Enforcement::Utilization;
    applied.config = Arc::new(config);
    snapshot.applied = Arc::new(applied);
    assert!(open(snapshot, "Limits").query_by_label(&said).is_some());
}

#[test]
fn what_a_service_said_is_left_goes_once_its_minute_is_over() {
    let said = |seconds: u64| {
        let mut snapshot = fixture::snapshot();
        let sweden = &mut Arc::make_mut(&mut snapshot.view).endpoints[3];
        sweden.reported_remaining = Some((7_000, Timestamp::from_secs(fixture::SECOND - seconds)));
        open(snapshot, "Limits").query_by_label_contains("The service said 7,000 left").is_some()
    };
    assert!(said(10) && said(60));
    assert!(!said(61), "beside what is counted now it reads as a contradiction");
}

#[test]
fn a_limit_that_was_named_on_another_day_says_which() {
    let mut snapshot = reported();
    let since = Timestamp::from_secs(fixture::SECOND);
    snapshot.at = Timestamp::from_secs(fixture::SECOND + 20 * 3_600);
    Arc::make_mut(&mut snapshot.view).endpoints[3].tokens.since = Some(since);
    let day = crate::ui::format::date_time(snapshot.wall_ms - 20 * 3_600_000);
    let screen = open(snapshot, "Limits");
    assert_eq!(screen.query_all_by_label(&format!("from response headers, {day}")).count(), 2);
}

#[test]
fn the_plots_of_requests_name_whose_limit_the_line_is() {
    let screen = open(fixture::snapshot(), "Live");
    assert!(screen.query_by_label_contains("1,440 RPM: typed by you").is_some());
}

#[test]
fn what_was_learned_can_be_pinned_in_one_step() {
    let mut screen = open(reported(), "Limits");
    screen.get_by_label("Pin 90,000 TPM").click();
    screen.run_steps(3);
    let draft = screen.state().draft();
    let sweden = draft.working().endpoint(&"sim-sweden".into()).expect("it is there");
    assert_eq!((sweden.tokens_per_minute, sweden.pinned), (Some(90_000), true));
    assert_eq!(draft.undo_label(), Some("Pin sim-sweden to 90,000 TPM"));
    assert!(screen.query_by_label("Pin 90,000 TPM").is_none());
}

fn cap(screen: &Harness<'static, Console>) -> Option<u64> {
    let config = screen.state().draft().working();
    config.endpoint(&"sim-sweden".into()).and_then(|one| one.soft_cap_tokens_per_minute)
}

#[test]
fn enter_on_the_line_types_an_exact_value_and_text_that_is_none_stays_to_be_mended() {
    let mut screen = open(fixture::snapshot(), "Live");
    screen.get_by_label("Soft cap sim-sweden").focus();
    screen.run_steps(2);
    screen.key_press(egui::Key::Enter);
    screen.run_steps(2);
    let field = "Soft cap sim-sweden, tokens per minute";
    screen.get_by_label(field).type_text("x");
    screen.run_steps(1);
    screen.key_press(egui::Key::Enter);
    screen.run_steps(2);
    assert_eq!(cap(&screen), None);
    screen.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    screen.run_steps(1);
    screen.get_by_label(field).type_text("33,333");
    screen.run_steps(1);
    screen.key_press(egui::Key::Enter);
    screen.run_steps(2);
    assert_eq!(cap(&screen), Some(33_333));
    assert!(screen.query_by_label(field).is_none(), "the field is gone");
}

#[test]
fn a_double_click_on_the_line_types_an_exact_value_and_esc_closes_its_field() {
    let mut screen = open(fixture::snapshot(), "Live");
    let field = "Soft cap sim-sweden, tokens per minute";
    let twice = |screen: &mut Harness<'static, Console>| {
        let pos = screen.get_by_label("Soft cap sim-sweden").rect().center();
        screen.event(egui::Event::PointerMoved(pos));
        screen.run_steps(1);
        // A step is a quarter of a second: more than one between the clicks, and they are two single ones.
        for events in [&[true][..], &[false, true], &[false]] {
            for pressed in events.iter().copied() {
                let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
                screen.input_mut().events.push(egui::Event::PointerButton { pos, button, pressed, modifiers });
            }
            screen.run_steps(1);
        }
        screen.run_steps(3);
    };
    twice(&mut screen);
    assert!(screen.get_by_label(field).is_focused(), "what is typed goes there");
    screen.event(egui::Event::Text("44444".to_owned()));
    screen.run_steps(1);
    screen.key_press(egui::Key::Escape);
    screen.run_steps(2);
    assert!(screen.query_by_label(field).is_none() && cap(&screen).is_none(), "Esc closes it and changes nothing");
    twice(&mut screen);
    screen.event(egui::Event::Text("44444".to_owned()));
    screen.run_steps(1);
    screen.key_press(egui::Key::Enter);
    screen.run_steps(2);
    assert_eq!(cap(&screen), Some(44_444), "it took the place of what stood there");
}

#[test]
fn a_plot_can_be_read_as_a_table_that_names_what_was_not_recorded() {
    let mut screen = open(fixture::snapshot(), "Live");
    let switch = |word: &str| format!("{word}: Tokens per minute of sim-sweden");
    screen.get_by_label(&switch("Show as table")).click();
    screen.run_steps(3);
    assert!(screen.query_by_label("sim-sweden, TPM: lowest · mean · highest").is_some());
    assert!(screen.query_by_label("Soft cap sim-sweden").is_none(), "there is no plot to drag on");
    screen.get_by_label(&switch("Show as plot")).click();
    screen.run_steps(3);
    assert!(screen.query_by_label("Soft cap sim-sweden").is_some());
}

#[test]
fn limits_of_a_day_and_what_others_send_are_told_on_the_page() {
    let mut snapshot = fixture::snapshot();
    let sweden = &mut Arc::make_mut(&mut snapshot.view).endpoints[3];
    let limit = LimitView::new(Some(1_000_000), LimitSource::Header, (250_000, 0));
    sweden.more_limits = vec![MoreLimitView { kind: LimitKind::TokensPerDay, limit }];
    sweden.insight.foreign_requests_per_minute = 240;
    let screen = open(snapshot, "Limits");
    for words in [
        "1,000,000 TPD",
        "25 % taken",
        "Others send about 240 requests a minute to the same quota; that many are left free.",
    ] {
        assert!(screen.query_by_label(words).is_some(), "{words}");
    }
}
