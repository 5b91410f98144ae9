//! Flows over the pages of rows: Requests, Queue, Connect.

use super::*;
use crate::contract::snapshot::RequestsView;

#[test]
fn a_filter_becomes_a_chip_that_can_be_switched_off_without_being_lost() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("endpoint:west".to_owned()));
    stage.settle();
    stage.press(Modifiers::NONE, Key::Tab);
    assert!(stage.spoken().contains("Requests sent to “sim-westus”."), "Tab took what was offered: {}", stage.spoken());
    stage.press(Modifiers::NONE, Key::Enter);
    let west = fixture::snapshot().records.iter().filter(|record| record.attempts.len() == 2).count();
    assert!(stage.spoken().contains(&format!("{west} of 40")));
    stage.harness.get_by_label("endpoint:sim-westus").click();
    stage.settle();
    assert!(stage.spoken().contains("40 kept of 200") && stage.spoken().contains("endpoint:sim-westus"));
    stage.harness.get_by_label("endpoint:sim-westus").click();
    stage.settle();
    assert!(stage.spoken().contains(&format!("{west} of 40")));
}

#[test]
fn an_open_request_that_the_filter_leaves_out_says_so_with_the_way_to_the_whole_list() {
    const SAYS: &str = "Not in this list: the filter leaves it out.";
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::J);
    stage.press(Modifiers::NONE, Key::W);
    assert!(!stage.spoken().contains(SAYS), "there is no filter");
    let leaves_out = |stage: &mut Stage, filter: &str| {
        stage.press(Modifiers::NONE, Key::Slash);
        stage.harness.event(Event::Text(filter.to_owned()));
        stage.settle();
        stage.press(Modifiers::NONE, Key::Enter);
        stage.spoken().contains(SAYS)
    };
    assert!(leaves_out(&mut stage, "total>9000s"));
    stage.harness.get_by_label("Show the whole list").click();
    stage.settle();
    assert!(!stage.spoken().contains(SAYS) && stage.spoken().contains("40 kept"));
}

#[test]
fn sorting_stops_following_and_says_so_until_the_newest_are_asked_for() {
    let mut stage = Stage::on(Page::Requests, fixture::snapshot());
    stage.harness.get_by_label("Total").click();
    stage.settle();
    assert!(stage.spoken().contains("Sorted by Total, so it does not follow: 0 newer"), "{}", stage.spoken());
    stage.back.publish(fixture::snapshot_at(660));
    stage.settle();
    assert!(stage.spoken().contains("so it does not follow: 20 newer"), "{}", stage.spoken());
    stage.harness.get_by_label("Follow newest").click();
    stage.settle();
    assert!(!stage.spoken().contains("so it does not follow"));
}

#[test]
fn several_rows_are_picked_with_shift_and_exported_by_the_background() {
    let mut stage = Stage::on(Page::Requests, fixture::snapshot());
    stage.press(Modifiers::NONE, Key::J);
    stage.press(Modifiers::SHIFT, Key::K);
    stage.press(Modifiers::SHIFT, Key::K);
    assert!(stage.spoken().contains("3 selected"), "{}", stage.spoken());
    stage.harness.get_by_label("Export").click();
    stage.settle();
    stage.harness.get_by_label("CSV, a row each").click();
    stage.settle();
    let Some((id, Command::Export(command))) = stage.sent() else { panic!("nothing was exported") };
    let ids: Vec<u64> = command.records.iter().map(|record| record.id.0).collect();
    assert_eq!(ids, [197, 198, 199], "the three newest, in their order");
    stage.back.tell(Notice { id: Some(id), body: NoticeBody::Exporting { done: 1, of: 3 } });
    stage.settle();
    assert!(stage.spoken().contains("exporting 1 of 3"));
    stage.back.tell(Notice { id: Some(id), body: NoticeBody::Done("3 requests are in x.csv".to_owned()) });
    stage.settle();
    assert!(stage.spoken().contains("3 requests are in x.csv") && !stage.spoken().contains("exporting"));
}

#[test]
fn a_marked_row_can_be_found_again() {
    let mut stage = Stage::on(Page::Requests, fixture::snapshot());
    stage.press(Modifiers::NONE, Key::J);
    stage.press(Modifiers::NONE, Key::M);
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("is:marked".to_owned()));
    stage.settle();
    assert!(stage.spoken().contains("1 of 40"), "{}", stage.spoken());
}

#[test]
fn where_nothing_matches_the_clause_in_the_way_can_be_removed() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("client:aider ttft>9s".to_owned()));
    stage.settle();
    assert!(stage.spoken().contains("No request matches. 40 are kept; 40 match without ttft>9s"));
    stage.harness.get_by_label("Remove ttft>9s").click();
    stage.settle();
    assert!(stage.spoken().contains("40 of 40"), "{}", stage.spoken());
}

#[test]
fn the_views_of_a_request_show_its_time_its_headers_and_its_errors() {
    let mut stage = Stage::on(Page::Requests, fixture::snapshot());
    stage.press(Modifiers::NONE, Key::J);
    stage.press(Modifiers::NONE, Key::W);
    assert!(stage.spoken().contains("Candidates, in order of trial"));
    for (tab, words) in [
        ("Timeline", "streaming the answer"),
        ("Headers", "Keys, cookies and what your client sent are never kept."),
        ("Raw error", "A sending failed without a word"),
    ] {
        stage.harness.get_by_label(tab).click();
        stage.settle();
        assert!(stage.spoken().contains(words), "{tab}: {}", stage.spoken());
    }
}

#[test]
fn the_queue_page_lists_who_waits_and_what_runs_with_their_figures() {
    let stage = Stage::on(Page::Queue, fixture::snapshot());
    let spoken = stage.spoken();
    for words in [
        "Waiting · 3",
        "its turn on sim-ptu; about 6 s",
        "In flight · ",
        "demo-chat → sim-ptu",
        "Hold up to 2,000 requests for at most 60 s",
        "Waiting requests, last 10 min:",
        "1,200",
        "30",
    ] {
        assert!(spoken.contains(words), "{words}: {spoken}");
    }
}

#[test]
fn a_request_is_cancelled_with_grace_and_can_be_kept() {
    let mut stage = Stage::on(Page::Queue, fixture::snapshot());
    stage.harness.get_all_by_label("Cancel").next().unwrap().click();
    stage.settle();
    let Some((id, Command::Line(LineCommand::CancelSoon(request)))) = stage.sent() else { panic!("nothing was sent") };
    let mut snapshot = fixture::snapshot();
    snapshot.line.leaving = vec![(request, snapshot.at.after(std::time::Duration::from_secs(5)))].into();
    stage.back.publish(snapshot);
    stage.back.tell(Notice { id: Some(id), body: NoticeBody::Done(format!("{request} ends in 5 s")) });
    stage.settle();
    assert!(stage.spoken().contains("ends in 0:05"));
    stage.harness.get_by_label("Undo").click();
    stage.settle();
    assert!(matches!(stage.sent(), Some((_, Command::Line(LineCommand::Keep(kept)))) if kept == request));
    stage.harness.get_by_label("Keep").click();
    stage.settle();
    assert!(matches!(stage.sent(), Some((_, Command::Line(LineCommand::Keep(kept)))) if kept == request));
}

#[test]
fn cancelling_all_of_a_client_is_asked_about_first() {
    let mut stage = Stage::on(Page::Queue, fixture::snapshot());
    stage.harness.get_by_label("More for r-090001").click();
    stage.settle();
    stage.harness.get_by_label("Cancel all of aider…").click();
    stage.settle();
    assert!(stage.sent().is_none() && stage.spoken().contains("Cancel all waiting requests of aider?"));
    stage.harness.get_by_label("Cancel them").click();
    stage.settle();
    let Some((_, Command::Line(LineCommand::CancelAllOf(client)))) = stage.sent() else { panic!("nothing was sent") };
    assert_eq!(&*client, "aider");
    assert!(!stage.spoken().contains("Cancel all waiting requests of aider?"));
}

#[test]
fn one_who_waits_is_sent_by_hand_where_the_menu_says_what_that_means() {
    let mut stage = Stage::on(Page::Queue, fixture::snapshot());
    stage.harness.get_by_label("More for r-090002").click();
    stage.settle();
    let spoken = stage.spoken();
    let at = |id: &str| spoken.find(&format!("{id}: ")).unwrap_or_else(|| panic!("{id} is not offered: {spoken}"));
    assert!(at("sim-ptu") < at("sim-westus") && at("sim-westus") < at("sim-sweden"), "in order of trial");
    stage.harness.get_by_label("sim-sweden: has room").click();
    stage.settle();
    let Some((id, Command::Line(LineCommand::SendNow(request, endpoint)))) = stage.sent() else { panic!("not sent") };
    assert_eq!((request, endpoint.as_str()), (RequestId(0x9_0002), "sim-sweden"));
    stage.back.tell(Notice { id: Some(id), body: NoticeBody::Done(format!("{request} waits no longer")) });
    stage.settle();
    assert!(stage.spoken().contains("r-090002 waits no longer"));
}

#[test]
fn a_line_that_is_longer_than_a_page_can_be_listed_to_its_end() {
    let mut snapshot = fixture::snapshot();
    let view = Arc::make_mut(&mut snapshot.view);
    let one = view.queue.list[0].clone();
    view.queue.list = (0..200)
        .map(|at| crate::model::status::WaitingView { request: RequestId(at), position: 1, ..one.clone() })
        .collect();
    view.queue.waiting = 512;
    let mut stage = Stage::on(Page::Queue, snapshot);
    assert!(stage.spoken().contains("and 312 more"));
    stage.harness.get_by_label("List them").click_accesskit();
    stage.settle();
    assert!(matches!(stage.sent(), Some((_, Command::Line(LineCommand::ListAll)))));
}

#[test]
fn what_is_fetched_from_an_account_is_in_flight_like_any_request() {
    let mut snapshot = fixture::snapshot();
    let view = Arc::make_mut(&mut snapshot.view);
    let in_flight = view.in_flight();
    let visit = crate::model::status::RunningView {
        request: RequestId(0x8_0009),
        route: Some("/files".into()),
        charge: 0,
        ..view.queue.running[0].clone()
    };
    view.queue.running.push(visit);
    view.queue.visiting = 1;
    let stage = Stage::on(Page::Queue, snapshot);
    let spoken = stage.spoken();
    assert!(spoken.contains(&format!("In flight · {}", in_flight + 1)), "{spoken}");
    assert!(spoken.contains("/files → sim-ptu"), "{spoken}");
}

#[test]
fn the_rule_of_the_line_is_edited_in_the_draft() {
    let mut stage = Stage::on(Page::Queue, fixture::snapshot());
    stage.harness.get_by_label("Edit").click();
    stage.settle();
    stage.harness.get_by_role_and_label(egui::Role::TextInput, "Longest wait").focus();
    stage.settle();
    stage.press(Modifiers::COMMAND, Key::A);
    stage.harness.event(Event::Text("90".to_owned()));
    stage.press(Modifiers::NONE, Key::Enter);
    let wait = stage.config().queue.max_wait_seconds;
    assert_eq!(wait, 90);
    assert_eq!(stage.console().draft().undo_label(), Some("change the line: longest wait"));
    assert!(stage.spoken().contains(&format!("for at most {wait} s")));
}

#[test]
fn testing_a_snippet_ticks_only_for_a_later_request_of_its_tool() {
    let mut stage = Stage::on(Page::Connect, fixture::snapshot());
    // The shell's, whichever shell is the person's.
    stage.harness.query_all_by_label_contains("Test ").next().expect("a snippet").click();
    stage.settle();
    assert!(stage.spoken().contains("Waiting for its request …"), "those before do not count");
    let mut later = fixture::snapshot_at(612);
    let newest = later.records.iter().next_back().unwrap().as_ref().clone();
    let mine = crate::model::record::RequestRecord { id: RequestId(999), wall_ms: later.wall_ms, ..newest };
    later.records =
        crate::contract::snapshot::RecordsView { total: 999, dropped: 0, chunks: vec![vec![Arc::new(mine)].into()] }
            .into();
    stage.back.publish(later);
    stage.settle();
    assert!(stage.spoken().contains("aider answered 200"), "{}", stage.spoken());
    stage.harness.get_by_label("Why").click();
    stage.settle();
    assert_eq!(stage.console().page(), Page::Requests);
}

/// How the Requests page was given away to be kept last.
fn kept(stage: &mut Stage) -> RequestsView {
    let views = std::iter::from_fn(|| stage.sent()).filter_map(|(_, command)| match command {
        Command::KeepRequestsView { view, .. } => Some(view),
        _ => None,
    });
    views.last().expect("something was kept")
}

#[test]
fn the_filter_in_force_the_order_and_widths_survive_a_restart() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("status>=400".to_owned()));
    stage.press(Modifiers::NONE, Key::Enter);
    stage.harness.event(Event::Text("-sim".to_owned()));
    stage.press(Modifiers::NONE, Key::Enter);
    stage.harness.get_by_label("-sim").click();
    stage.settle();
    stage.harness.get_by_label("Width of Status").focus();
    stage.settle();
    stage.press(Modifiers::NONE, Key::ArrowRight);
    stage.harness.get_by_label("Total").click();
    stage.settle();
    let view = kept(&mut stage);
    assert_eq!(view.clauses, [("status>=400".to_owned(), true), ("-sim".to_owned(), false)]);
    assert!(view.sort.is_some() && view.widths.len() == 1, "{view:?}");

    let mut snapshot = unstored();
    snapshot.requests_view = Arc::new(view);
    let mut later = Stage::on(Page::Requests, snapshot);
    assert!(later.spoken().contains("Requests that got at least 400 or met it on the way."));
    assert!(later.spoken().contains("Sorted by Total"));
    assert!(later.sent().is_none(), "what was taken up is what is kept");
}

#[test]
fn an_order_that_came_back_waits_until_all_that_is_kept_is_read() {
    let mut snapshot = unstored();
    let read = Snapshot::clone(&snapshot);
    Arc::make_mut(&mut snapshot.requests_view).sort = Some(("total".to_owned(), true));
    (snapshot.history.reading, snapshot.records) = (true, Arc::default());
    let requests_view = Arc::clone(&snapshot.requests_view);
    let mut stage = Stage::on(Page::Requests, snapshot);
    assert!(!stage.spoken().contains("Sorted by Total"), "{}", stage.spoken());
    stage.back.publish(Snapshot { requests_view, ..read });
    stage.settle();
    assert!(stage.spoken().contains("Sorted by Total, so it does not follow: 0 newer"), "{}", stage.spoken());
    assert!(stage.sent().is_none(), "the order was kept all along");
}

#[test]
fn what_comes_back_from_the_background_late_does_not_undo_what_was_done_since() {
    let mut stage = Stage::on(Page::Requests, unstored());
    for width in ["Ended", "Total"] {
        stage.harness.get_by_label("Columns").click();
        stage.settle();
        stage.harness.get_by_role_and_label(egui::Role::CheckBox, width).click();
        stage.settle();
        stage.press(Modifiers::NONE, Key::Escape);
    }
    let view = kept(&mut stage);
    assert!(!view.columns.is_empty() && !view.columns.contains(&"total".to_owned()), "{view:?}");
    let mut late = unstored();
    Arc::make_mut(&mut late.requests_view).columns = ["ended", "total", "why"].map(str::to_owned).into();
    stage.back.publish(late);
    stage.settle();
    assert!(stage.sent().is_none(), "nothing changed");
    assert!(stage.harness.query_by_label("Width of Total").is_none());
}

#[test]
fn a_filter_is_kept_while_it_is_typed_and_one_that_was_left_at_once_too() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("429".to_owned()));
    stage.settle();
    assert_eq!(kept(&mut stage).clauses, [("429".to_owned(), true)], "the field still has the keyboard");
    stage.harness.event(Event::Text("0".to_owned()));
    stage.harness.run_steps(1);
    stage.harness.get_by_role_and_label(egui::Role::Button, "Queue").click();
    stage.settle();
    assert_eq!(kept(&mut stage).clauses, [("4290".to_owned(), true)]);
}

#[test]
fn the_filter_of_a_link_is_kept_only_once_it_was_touched() {
    let mut snapshot = unstored();
    Arc::make_mut(&mut snapshot.requests_view).clauses = vec![("client:aider".to_owned(), true)];
    let (mut stage, link) = (Stage::open(snapshot), "tidegate://requests?filter=status:429");
    stage.harness.state_mut().console.as_mut().unwrap().will_follow(link.to_owned());
    stage.settle();
    assert!(stage.spoken().contains("Requests that got 429"), "{}", stage.spoken());
    stage.settle();
    assert!(stage.sent().is_none(), "the person's own is kept");
    stage.press(Modifiers::NONE, Key::Slash);
    stage.press(Modifiers::NONE, Key::Enter);
    assert_eq!(kept(&mut stage).clauses, [("status:429".to_owned(), true)]);
}

#[test]
fn a_drawn_column_stays_as_wide_beside_an_open_request_until_all_is_as_it_was_at_first() {
    let mut stage = Stage::on(Page::Requests, unstored());
    // Room for all of it beside an open request: where there is none, drawn columns give some back.
    stage.harness.set_size(egui::vec2(1600.0, 800.0));
    stage.settle();
    let width = |stage: &Stage| {
        let edge = stage.harness.get_by_label("Width of Status");
        edge.accesskit_node().numeric_value().expect("a width")
    };
    let usual = width(&stage);
    stage.harness.get_by_label("Width of Status").focus();
    stage.settle();
    stage.press(Modifiers::NONE, Key::ArrowRight);
    let drawn = width(&stage);
    assert!((drawn - usual - 16.0).abs() < 1.0, "{usual} to {drawn}");
    assert_eq!(kept(&mut stage).widths.len(), 1);
    for _ in 0..2 {
        stage.press(Modifiers::NONE, Key::F4);
        assert!((width(&stage) - drawn).abs() < 1.0, "{drawn} to {}", width(&stage));
    }
    assert!(stage.sent().is_none(), "opening the inspector draws nothing");
    stage.harness.get_by_label("Columns").click();
    stage.settle();
    stage.harness.get_by_label("As they were at first").click();
    stage.settle();
    assert_eq!(kept(&mut stage).widths, []);
    assert!((width(&stage) - usual).abs() < 1.0);
}

#[test]
fn another_profile_brings_its_own_filter_and_gets_none_of_the_one_before() {
    let mut first = unstored();
    Arc::make_mut(&mut first.requests_view).clauses = vec![("status>=400".to_owned(), true)];
    let mut stage = Stage::on(Page::Requests, first);
    assert!(stage.spoken().contains("Requests that got at least 400 or met it on the way."));
    let mut other = fixture::snapshot_at(612);
    other.history.reading = false;
    other.profile.state_dir = "/another".to_owned();
    Arc::make_mut(&mut other.requests_view).filters = vec!["ttft>2s".to_owned()];
    stage.back.publish(other);
    stage.settle();
    assert!(!stage.spoken().contains("Requests that got at least 400"), "{}", stage.spoken());
    assert!(stage.sent().is_none(), "what was taken up is what is kept there");
    stage.harness.get_by_label("Total").click();
    stage.settle();
    let (_, command) = stage.sent().expect("something was kept");
    let Command::KeepRequestsView { state_dir, view } = command else { panic!("another command") };
    assert_eq!((state_dir.as_str(), view.filters), ("/another", vec!["ttft>2s".to_owned()]));
    assert!(view.clauses.is_empty(), "{:?}", view.clauses);
}

#[test]
fn a_saved_filter_is_kept_and_comes_back_by_its_number() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("status>=400".to_owned()));
    stage.settle();
    stage.harness.get_by_label("Saved").click();
    stage.settle();
    stage.harness.get_by_label("Save this filter as Alt+1").click();
    stage.settle();
    let view = kept(&mut stage);
    assert_eq!((view.filters.clone(), view.columns.len()), (vec!["status>=400".to_owned()], 0));
    let view = RequestsView { clauses: vec![], ..view };

    let mut snapshot = unstored();
    snapshot.requests_view = Arc::new(view);
    let mut later = Stage::on(Page::Requests, snapshot);
    assert!(later.spoken().contains("40 kept of 200"));
    later.press(Modifiers::ALT, Key::Num1);
    assert!(later.spoken().contains("Requests that got at least 400 or met it on the way."), "{}", later.spoken());
}

#[test]
fn a_row_that_met_a_429_says_so_beside_its_200_and_the_filter_says_why_it_is_there() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.press(Modifiers::NONE, Key::Slash);
    stage.harness.event(Event::Text("429".to_owned()));
    stage.settle();
    assert!(stage.spoken().contains("Requests that got 429 or met it on the way."), "{}", stage.spoken());
    assert!(stage.harness.query_all_by_label("after 429").next().is_some(), "{}", stage.spoken());
}

/// The usual rows, with a newest one that asked for a model without a route.
fn with_an_unknown_model() -> Snapshot {
    let mut snapshot = unstored();
    let mut records: Vec<_> = snapshot.records.iter().cloned().collect();
    let mut last = crate::model::record::RequestRecord::clone(&records[0]);
    Arc::make_mut(&mut last.profile).model = "gpt-9".into();
    last.id = RequestId(777);
    (last.decisions, last.attempts, last.status) = (Vec::new(), Vec::new(), 404);
    last.end = crate::model::record::RecordEnd::Refused;
    records.push(Arc::new(last));
    let (total, chunks) = (snapshot.records.total + 1, vec![records.into()]);
    snapshot.records = Arc::new(crate::contract::snapshot::RecordsView { total, dropped: 0, chunks });
    snapshot
}

#[test]
fn the_why_of_an_unknown_model_leads_to_a_route_for_it_in_the_draft() {
    let mut stage = Stage::on(Page::Requests, with_an_unknown_model());
    stage.press(Modifiers::SHIFT, Key::G);
    stage.press(Modifiers::NONE, Key::W);
    assert!(stage.spoken().contains("No route answers for model gpt-9"), "{}", stage.spoken());
    assert!(stage.spoken().contains("Names that are answered now"));
    stage.harness.get_by_label("Add a route for gpt-9").click();
    stage.settle();
    assert_eq!(stage.console().page(), Page::Routing);
    assert!(stage.config().route(&"gpt-9".into()).is_some());
    assert_eq!(stage.console().draft().undo_label(), Some("add route gpt-9"));
}

#[test]
fn the_why_of_an_unknown_model_can_have_it_answered_like_one_that_is_known() {
    let mut stage = Stage::on(Page::Requests, with_an_unknown_model());
    stage.press(Modifiers::SHIFT, Key::G);
    stage.press(Modifiers::NONE, Key::W);
    stage.harness.get_by_label("Answer gpt-9 like demo-chat").click();
    stage.settle();
    let config = stage.config();
    let groups = |model: &str| config.route(&model.into()).map(|route| route.groups.clone());
    assert!(groups("gpt-9").is_some() && groups("gpt-9") == groups("demo-chat"));
}

#[test]
fn the_why_of_an_unknown_model_leads_to_the_accounts_while_there_is_no_endpoint() {
    let mut snapshot = with_an_unknown_model();
    snapshot.applied = fixture::empty().applied;
    let mut stage = Stage::on(Page::Requests, snapshot);
    stage.press(Modifiers::SHIFT, Key::G);
    stage.press(Modifiers::NONE, Key::W);
    assert!(!stage.spoken().contains("Add a route for gpt-9"), "it could lead nowhere");
    stage.harness.get_by_label("Add an account first").click();
    stage.settle();
    assert_eq!(stage.console().page(), Page::Accounts);
}
