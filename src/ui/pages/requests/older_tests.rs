use std::pin::pin;
use std::task::{Context, Poll, Waker};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::contract::{BackEnd, CommandInbox, HistoryView, Snapshot};
use crate::ui::{Console, fixture, theme};

type Window = Harness<'static, Option<Console>>;

fn open(snapshot: Snapshot) -> (Window, BackEnd, CommandInbox) {
    let (line, back, inbox) = crate::contract::line(snapshot);
    let mut window = Harness::builder().with_size([1_280.0, 800.0]).with_context_setup(theme::install).build_ui_state(
        move |ui, console: &mut Option<Console>| {
            console.get_or_insert_with(|| Console::new(line.clone(), ui.ctx())).ui(ui);
        },
        None,
    );
    window.run_steps(2);
    window.get_by_label("Requests").click();
    window.run_steps(4);
    (window, back, inbox)
}

fn type_filter(window: &mut Window, text: &str) {
    window.key_press_modifiers(Modifiers::NONE, Key::Slash);
    window.run_steps(2);
    window.event(egui::Event::Text(text.to_owned()));
    window.run_steps(4);
}

/// The searches that were asked for.
fn asked(inbox: &mut CommandInbox) -> Vec<(CommandId, Option<Search>)> {
    let mut all = Vec::new();
    while let Poll::Ready(Some((id, command))) = pin!(inbox.next()).poll(&mut Context::from_waker(Waker::noop())) {
        match command {
            Command::History(HistoryCommand::Search(search)) => all.push((id, Some(search))),
            Command::History(HistoryCommand::EndSearch) => all.push((id, None)),
            _ => {}
        }
    }
    all
}

/// The usual snapshot while a search has looked at so many of 10,000 rows and found these.
fn searched(id: CommandId, looked_at: u64, rows: Vec<Arc<RequestRecord>>) -> Snapshot {
    let snapshot = fixture::snapshot();
    let found = rows.len() as u64;
    let search = SearchView { id, looked_at, of: 10_000, found, rows: Arc::new(rows), done: looked_at == 10_000 };
    let history = HistoryView { search: Some(Arc::new(search)), ..snapshot.history.clone() };
    Snapshot { history, ..snapshot }
}

#[test]
fn a_filter_is_searched_for_in_what_is_stored_with_its_progress_and_its_complete_count() {
    let snapshot = fixture::snapshot();
    let oldest = snapshot.records.iter().next().cloned().unwrap();
    let kept = snapshot.records.len() as u64;
    let (mut window, back, mut inbox) = open(snapshot);
    assert!(asked(&mut inbox).is_empty(), "without a filter nothing is searched for");
    type_filter(&mut window, "status>=500");
    let searches = asked(&mut inbox);
    let [(id, Some(search))] = searches.as_slice() else { panic!("{} searches", searches.len()) };
    assert_eq!((search.known.len() as u64, search.known[0]), (kept, oldest.id));
    assert!(!(search.passes)(&oldest), "the oldest met no fault");

    let stored = |number: u64| {
        let mut record = RequestRecord::clone(&oldest);
        record.id = RequestId(number);
        Arc::new(record)
    };
    back.publish(searched(*id, 6_200, vec![stored(3)]));
    window.run_steps(3);
    window.get_by_label_contains("searching older… 62 %");
    back.publish(searched(*id, 10_000, vec![stored(3), stored(2), stored(1)]));
    window.run_steps(3);
    assert!(window.query_by_label_contains("searching older").is_none());
    window.get_by_label_contains(&format!(" of {}", crate::model::units::Grouped(kept + 10_000)));
    assert!(asked(&mut inbox).is_empty(), "what is in force was asked for once");
}

#[test]
fn the_search_ends_with_its_filter_and_another_filter_takes_its_place() {
    let (mut window, _back, mut inbox) = open(fixture::snapshot());
    type_filter(&mut window, "429");
    assert_eq!(asked(&mut inbox).len(), 1);
    type_filter(&mut window, "9");
    assert_eq!(asked(&mut inbox).iter().filter(|(_, search)| search.is_some()).count(), 1);
    window.get_by_label("Clear").click();
    window.run_steps(4);
    assert!(matches!(asked(&mut inbox).as_slice(), [(_, None)]));
}

#[test]
fn where_nothing_older_is_stored_nothing_is_asked_for() {
    let snapshot = fixture::snapshot();
    let store = crate::model::history::StoreFacts { requests: 3, ..Default::default() };
    let history = HistoryView { store: Arc::new(store), ..snapshot.history.clone() };
    let (mut window, _back, mut inbox) = open(Snapshot { history, ..snapshot });
    type_filter(&mut window, "429");
    assert!(asked(&mut inbox).is_empty());
}

#[test]
fn without_a_filter_older_ones_are_listed_when_asked_for() {
    let (mut window, back, mut inbox) = open(fixture::snapshot());
    window.get_by_label("List older ones").click();
    window.run_steps(4);
    let searches = asked(&mut inbox);
    let [(id, Some(search))] = searches.as_slice() else { panic!("{} searches", searches.len()) };
    let any = RequestRecord::clone(fixture::snapshot().records.iter().next().unwrap());
    assert!((search.passes)(&any), "all of them");
    let rows: Vec<_> = (1..4).rev().map(|id| Arc::new(RequestRecord { id: RequestId(id), ..any.clone() })).collect();
    let mut snapshot = searched(*id, 10_000, rows);
    let found = SearchView { found: 7, ..SearchView::clone(snapshot.history.search.as_ref().unwrap()) };
    snapshot.history.search = Some(Arc::new(found));
    back.publish(snapshot);
    window.run_steps(3);
    window.get_by_label("The oldest 4 of them are not listed");
    window.get_by_label("Export").click();
    window.run_steps(3);
    window.get_by_label_contains("The oldest 4 that match are not listed, so they are left out.");
    assert!(window.query_by_label("List older ones").is_none());
}

#[test]
fn more_of_what_a_filter_finds_is_listed_when_asked_for() {
    let (mut window, back, mut inbox) = open(fixture::snapshot());
    type_filter(&mut window, "429");
    let id = asked(&mut inbox)[0].0;
    let mut snapshot = searched(id, 10_000, vec![]);
    let found = SearchView { found: 6_000, ..SearchView::clone(snapshot.history.search.as_ref().unwrap()) };
    snapshot.history.search = Some(Arc::new(found));
    back.publish(snapshot);
    window.run_steps(3);
    window.get_by_label("List more").click();
    window.run_steps(4);
    assert!(matches!(asked(&mut inbox).as_slice(), [(_, Some(search))] if search.most == 50_000));
    type_filter(&mut window, "9");
    assert!(
        matches!(asked(&mut inbox).as_slice(), [(_, Some(search))] if search.most == 5_000),
        "another filter begins anew"
    );
}

#[test]
fn a_request_that_is_not_here_is_looked_for_in_what_is_stored_and_opens_once_found() {
    let (mut window, back, mut inbox) = open(fixture::snapshot());
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    window.event(egui::Event::Text("d-fedcba".to_owned()));
    window.run_steps(3);
    window.get_by_label_contains("Look for d-fedcba");
    window.key_press(Key::Enter);
    window.run_steps(4);
    let searches = asked(&mut inbox);
    let [(id, Some(search))] = searches.as_slice() else { panic!("{} searches", searches.len()) };
    let mut record = RequestRecord::clone(fixture::snapshot().records.iter().next_back().unwrap());
    assert!(!(search.passes)(&record));
    record.id = RequestId(1);
    Arc::make_mut(&mut record.decisions[0]).id = crate::model::id::DecisionId(0xfe_dcba);
    assert!((search.passes)(&record));
    back.publish(searched(*id, 10_000, vec![Arc::new(record)]));
    window.run_steps(4);
    assert!(window.query_all_by_label_contains("r-000001").next().is_some(), "its Why is open");
}

#[test]
fn a_link_to_a_request_that_is_gone_says_so_after_looking_everywhere() {
    let snapshot = fixture::snapshot();
    let (mut window, back, mut inbox) = open(snapshot);
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    window.event(egui::Event::Text("tidegate://requests/r-000001".to_owned()));
    window.run_steps(3);
    window.key_press(Key::Enter);
    window.run_steps(4);
    let searches = asked(&mut inbox);
    let [(id, Some(_))] = searches.as_slice() else { panic!("{} searches", searches.len()) };
    back.publish(searched(*id, 6_200, vec![]));
    window.run_steps(3);
    window.get_by_label_contains("Looking for r-000001 among what is kept: searching older… 62 %");
    back.publish(searched(*id, 10_000, vec![]));
    window.run_steps(3);
    window.get_by_label_contains("r-000001 is not kept");
}

#[test]
fn a_filter_that_came_back_is_searched_for_once_what_is_kept_is_read() {
    let mut snapshot = fixture::snapshot();
    let read = Snapshot::clone(&snapshot);
    Arc::make_mut(&mut snapshot.requests_view).clauses = vec![("429".to_owned(), true)];
    (snapshot.history.reading, snapshot.records) = (true, Arc::default());
    let view = Arc::clone(&snapshot.requests_view);
    let (mut window, back, mut inbox) = open(snapshot);
    assert!(asked(&mut inbox).is_empty(), "what is being read would be found twice");
    assert!(window.query_by_label("List older ones").is_none());
    let kept = read.records.len();
    back.publish(Snapshot { requests_view: view, ..read });
    window.run_steps(4);
    let searches = asked(&mut inbox);
    assert!(matches!(searches.as_slice(), [(_, Some(search))] if search.known.len() == kept), "{}", searches.len());
}
