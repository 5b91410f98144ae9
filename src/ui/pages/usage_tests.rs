use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use egui::Modifiers;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::contract::{BackEnd, Command, CommandInbox, HistoryCommand, Snapshot};
use crate::ui::{Console, fixture, theme};

const WIDE: [f32; 2] = [1_280.0, 800.0];

/// The console on the Usage page, the window this large.
fn open(snapshot: Snapshot, size: [f32; 2]) -> (Harness<'static, Option<Console>>, BackEnd, CommandInbox) {
    let (line, back, inbox) = crate::contract::line(snapshot);
    let mut harness = Harness::builder().with_size(size).with_context_setup(theme::install).build_ui_state(
        move |ui, console: &mut Option<Console>| {
            console.get_or_insert_with(|| Console::new(line.clone(), ui.ctx())).ui(ui);
        },
        None,
    );
    harness.run_steps(2);
    harness.get_by_label("Usage").click();
    harness.run_steps(3);
    (harness, back, inbox)
}

fn rows(harness: &Harness<'static, Option<Console>>) -> Vec<String> {
    let rows = harness.query_all_by_role(egui::accesskit::Role::Row);
    rows.filter_map(|row| row.accesskit_node().label()).filter(|label| label.contains(" tokens")).collect()
}

#[test]
fn usage_is_shown_by_what_the_person_chooses() {
    let (mut harness, ..) = open(fixture::snapshot(), WIDE);
    assert_eq!(rows(&harness).len(), 2, "two models: {:?}", rows(&harness));
    assert!(rows(&harness)[0].starts_with("demo-chat: "));
    harness.get_by_label("Client").click();
    harness.run_steps(3);
    assert!(rows(&harness)[0].starts_with("aider: "), "{:?}", rows(&harness));
    harness.get_by_label("Caller").click();
    harness.run_steps(3);
    assert_eq!(rows(&harness).iter().filter(|row| row.starts_with("no caller token: ")).count(), 1);
    harness.get_by_label("Day").click();
    harness.run_steps(3);
    assert_eq!(rows(&harness).len(), 7);
    harness.get_by_label("Today").click();
    harness.run_steps(3);
    assert_eq!(rows(&harness).len(), 1);
    let plot = harness.get_by_role(egui::accesskit::Role::Figure).accesskit_node().label().unwrap_or_default();
    assert!(plot.starts_with("Tokens of today: "), "one bar, not a week of them: {plot}");
}

#[test]
fn who_brought_no_token_is_said_and_leads_to_where_callers_get_one() {
    let (mut harness, ..) = open(fixture::snapshot(), WIDE);
    let said = |harness: &Harness<'static, Option<Console>>| harness.query_by_label_contains("brought none").is_some();
    assert!(!said(&harness), "by model nobody is missed");
    harness.get_by_label("Caller").click();
    harness.run_steps(3);
    assert!(said(&harness));
    harness.get_by_label("Callers and their tokens").click();
    harness.run_steps(3);
    assert_eq!(harness.state().as_ref().unwrap().page(), crate::ui::cx::Page::Settings);
}

#[test]
fn the_plot_says_in_words_what_it_shows() {
    let (harness, ..) = open(fixture::snapshot(), WIDE);
    let plot = harness.get_by_role(egui::accesskit::Role::Figure);
    let words = plot.accesskit_node().label().unwrap_or_default();
    assert!(words.starts_with("Tokens by day, 7 days: ") && words.contains(", most on 20"), "{words}");
}

#[test]
fn a_heading_sorts_by_its_numbers_also_in_a_narrow_window() {
    for size in [WIDE, [760.0, 1_000.0]] {
        let (mut harness, ..) = open(fixture::snapshot(), size);
        harness.get_by_label("Endpoint").click();
        harness.run_steps(3);
        harness.get_by_label("Tokens").click();
        harness.run_steps(3);
        let tokens: Vec<u64> = rows(&harness)
            .iter()
            .filter_map(|row| row.rsplit(", ").next()?.strip_suffix(" tokens")?.replace(',', "").parse().ok())
            .collect();
        assert_eq!(tokens.len(), 3, "{:?}", rows(&harness));
        assert!(tokens.is_sorted_by(|one, next| one >= next), "{size:?}: {tokens:?}");
    }
}

#[test]
fn copying_hands_over_the_table_with_its_total() {
    let (mut harness, ..) = open(fixture::snapshot(), WIDE);
    harness.get_by_label("Copy CSV").click();
    harness.run_steps(1);
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    let text = copied.expect("something was copied");
    assert!(text.starts_with("Model,Requests,") && text.lines().last().is_some_and(|last| last.starts_with("Total,")));
}

#[test]
fn saving_hands_the_table_to_the_background_as_a_file() {
    let (mut harness, _back, mut inbox) = open(fixture::snapshot(), WIDE);
    harness.get_by_label("Save CSV").click();
    harness.run_steps(2);
    let Some(Command::Save(file)) = asked(&mut inbox) else { panic!("nothing was saved") };
    assert!(file.name.starts_with("tidegate-usage-") && file.ending == "csv", "{}", file.name);
    assert!(file.text.starts_with("Model,Requests,") && file.text.trim_end().contains("\nTotal,"));
}

#[test]
fn history_is_deleted_by_a_second_click_that_says_how_much_goes() {
    let (mut harness, _back, mut inbox) = open(fixture::snapshot(), [1_280.0, 1_400.0]);
    harness.get_by_label_contains("12,904 requests since ");
    harness.get_by_label("Delete all history…").click();
    harness.run_steps(2);
    harness.get_by_label("Delete 12,904 stored requests, all series and all usage? This cannot be undone.");
    harness.get_by_label("Keep it").click();
    harness.run_steps(2);
    assert!(asked(&mut inbox).is_none());
    harness.get_by_label("Delete all history…").click();
    harness.run_steps(2);
    harness.get_by_label("Delete all").click();
    harness.run_steps(2);
    assert!(matches!(asked(&mut inbox), Some(Command::History(HistoryCommand::DeleteAll))));
}

/// What was asked for and not taken yet.
fn asked(inbox: &mut CommandInbox) -> Option<Command> {
    match pin!(inbox.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(command) => command.map(|(_, command)| command),
        Poll::Pending => None,
    }
}

#[test]
fn without_requests_the_page_says_so_and_leads_on() {
    let (mut harness, ..) = open(fixture::empty(), WIDE);
    harness.get_by_label("See how to point a tool here").click();
    harness.run_steps(3);
    assert_eq!(harness.state().as_ref().unwrap().page(), crate::ui::cx::Page::Connect);
}

#[test]
fn the_page_is_reached_by_its_keys() {
    let (mut harness, ..) = open(fixture::snapshot(), WIDE);
    harness.get_by_label("Overview").click();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, egui::Key::Num7);
    harness.run_steps(2);
    assert_eq!(harness.state().as_ref().unwrap().page(), crate::ui::cx::Page::Usage);
}

#[test]
fn who_asks_who_used_most_finds_the_most_first() {
    let (mut harness, ..) = open(fixture::snapshot(), WIDE);
    let target = crate::ui::cx::Target::Usage(super::By::Client, super::Range::All);
    let link = crate::ui::link::write(&crate::ui::trail::Place { page: target.page(), target: Some(target) });
    harness.state_mut().as_mut().unwrap().will_follow(link);
    harness.run_steps(4);
    let tokens = |row: &String| {
        row.rsplit(", ").next().and_then(|last| last.strip_suffix(" tokens")?.replace(',', "").parse::<u64>().ok())
    };
    let all: Vec<u64> = rows(&harness).iter().filter_map(tokens).collect();
    assert!(all.len() > 1 && all.is_sorted_by(|more, less| more >= less), "{all:?}");
}
