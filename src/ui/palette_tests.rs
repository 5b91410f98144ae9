use std::sync::Arc;

use super::*;
use crate::contract::Snapshot;
use crate::ui::actions::Circumstances;
use crate::ui::cx::Page;
use crate::ui::deeds::Deeds;
use crate::ui::draft::Draft;
use crate::ui::fixture;
use crate::ui::trail::Trail;

fn find_in(snapshot: &Snapshot, query: &str, recent: &[&str]) -> Found {
    let (draft, deeds, trail) = (Draft::new(&snapshot.applied), Deeds::default(), Trail::default());
    let now = Circumstances { snapshot, draft: &draft, deeds: &deeds, trail: &trail, selected: None };
    let recent: Vec<String> = recent.iter().map(|label| (*label).to_owned()).collect();
    Finder::default().find(query, &all(&now), snapshot, &recent)
}

fn find(query: &str) -> Found {
    find_in(&fixture::snapshot(), query, &[])
}

fn first(query: &str) -> Item {
    find(query).groups[0].items[0].clone()
}

#[test]
fn letters_in_order_find_what_holds_them() {
    assert_eq!(first("quo").does, Does::Act(Action::Go(Page::Quotas)));
    assert_eq!(first("pause eastus").does, Does::Set("sim-eastus".into(), AdminState::Paused));
    assert_eq!(first("eastus").does, Does::Open(Target::Endpoint("sim-eastus".into())));
    assert_eq!(first("shortcuts").does, Does::Act(Action::Shortcuts));
}

#[test]
fn a_prefix_keeps_to_commands_endpoints_or_requests() {
    let kinds = |query: &str| find(query).groups.into_iter().map(|group| group.kind).collect::<Vec<_>>();
    assert_eq!(kinds(">"), [Kind::Command, Kind::Setting]);
    assert_eq!(kinds("@"), [Kind::Endpoint, Kind::Route, Kind::Pool, Kind::Account]);
    assert_eq!(kinds("#"), [Kind::Request]);
    assert_eq!(kinds("@eastus"), [Kind::Endpoint, Kind::Pool]);
}

#[test]
fn what_cannot_be_done_is_found_with_the_reason() {
    let item = first(">undo");
    assert_eq!((item.label.as_str(), item.obstacle.as_deref()), ("Undo", Some("There is nothing to undo")));
}

#[test]
fn a_saved_filter_is_found_by_what_it_asks_and_one_that_is_not_there_says_so() {
    let mut snapshot = fixture::snapshot();
    Arc::make_mut(&mut snapshot.requests_view).filters.push("ttft>2s".to_owned());
    let item = |query: &str| find_in(&snapshot, query, &[]).groups[0].items[0].clone();
    let first = item("ttft>2s");
    assert_eq!((first.label.as_str(), first.obstacle), ("Saved filter 1: ttft>2s", None));
    assert_eq!(item(">saved filter 2").obstacle.as_deref(), Some("No filter is saved under this number"));
}

#[test]
fn a_request_is_found_by_its_own_id_and_by_its_decisions() {
    let snapshot = fixture::snapshot();
    let record = snapshot.records.iter().next().unwrap();
    let wanted = Does::Open(Target::Request(record.id));
    let decision = record.decisions.last().unwrap().id.to_string();
    assert_eq!(first(&record.id.to_string()).does, wanted);
    assert_eq!(first(&decision).does, wanted);
    assert_eq!(first(&format!("#{}", record.id)).does, wanted);
}

#[test]
fn an_id_that_is_not_here_is_looked_for_where_more_is_stored_and_else_said_to_be_nowhere() {
    assert_eq!(first("d-fedcba").does, Does::Open(Target::RequestsWhere("id:d-fedcba".into())));
    let mut snapshot = fixture::snapshot();
    snapshot.history.store = std::sync::Arc::default();
    let item = find_in(&snapshot, "d-fedcba", &[]).groups.remove(0).items.remove(0);
    assert_eq!(item.obstacle.as_deref(), Some("No request that is kept has this id"));
}

#[test]
fn a_pasted_link_is_the_only_thing_found() {
    let found = find("tidegate://quotas/sim-b/eastus/demo");
    assert_eq!(found.groups.len(), 1);
    assert_eq!(found.groups[0].items[0].does, Does::Open(Target::Pool("sim-b/eastus/demo".into())));
}

#[test]
fn what_was_chosen_before_stands_first_while_nothing_is_typed() {
    let found = find_in(&fixture::snapshot(), "", &["Quotas", "gone by now", "Undo"]);
    let recent: Vec<_> = found.groups[0].items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!((found.groups[0].kind, recent), (Kind::Recent, vec!["Quotas", "Undo"]));
    assert!(find("quot").groups.iter().all(|group| group.kind != Kind::Recent));
}

#[test]
fn nonsense_finds_nothing() {
    assert_eq!(find("zzzzqqqq"), Found::default());
}

#[test]
fn words_a_newcomer_types_lead_to_what_we_call_otherwise() {
    let labels = |query: &str| {
        let found = find(query).groups.into_iter().flat_map(|group| group.items);
        found.map(|item| item.label).collect::<Vec<_>>()
    };
    for (query, wanted) in [
        ("help", "Help"),
        ("docs", "Help"),
        ("glossary", "Help"),
        ("hotkeys", "Keyboard shortcuts"),
        ("shortcut", "Keyboard shortcuts"),
        ("quit", "Quit"),
        ("exit", "Quit"),
        ("export", "Requests"),
        ("theme", "Theme"),
        ("dark", "Theme"),
        ("logs", "Requests"),
        ("billing", "Usage"),
        ("preferences", "Settings"),
        ("zoom", "Text size"),
        ("cors", "Web pages"),
        ("rollback", "Revisions"),
        ("failover", "Routing"),
    ] {
        let labels = labels(query);
        assert!(labels.iter().take(3).any(|label| label == wanted), "{query}: {labels:?}");
    }
}

#[test]
fn a_question_in_own_words_leads_to_its_answer() {
    for (query, wanted) in [
        ("who used the most tokens today", "Usage by caller, today"),
        ("who spent the most today?", "Usage by caller, today"),
        ("which model cost the most", "Usage by model, 7 days"),
        ("throttled", "Throttled requests"),
        ("429", "Throttled requests"),
        ("which requests were throttled", "Throttled requests"),
        ("slow requests", "Slow requests"),
        ("why are my requests so slow", "Slow requests"),
        ("what failed", "Failed requests"),
        ("rotate key", "Accounts"),
        ("how do i rotate a key", "Accounts"),
    ] {
        let found = find(query);
        let labels: Vec<&str> = found.groups[0].items.iter().map(|item| item.label.as_str()).collect();
        assert_eq!(labels[0], wanted, "{query}: {labels:?}");
    }
}

#[test]
fn whoever_says_in_own_words_that_an_endpoint_is_not_to_be_used_finds_its_switches_first() {
    let mut snapshot = fixture::snapshot();
    let found = |snapshot: &Snapshot, query: &str| find_in(snapshot, query, &[]).groups[0].items.clone();
    for id in ["sim-eastus", "sim-sweden", "sim-ptu"] {
        for words in ["stop sending to", "turn off", "do not use", "don't send requests to", "disable"] {
            let items = found(&snapshot, &format!("{words} {id}"));
            assert_eq!(items[0].does, Does::Set(id.into(), AdminState::Paused), "{words} {id}: {}", items[0].label);
        }
    }
    assert_eq!(found(&snapshot, "turn off westus")[0].does, Does::Set("sim-westus".into(), AdminState::Paused));
    assert_eq!(found(&snapshot, "finish sim-westus")[0].does, Does::Set("sim-westus".into(), AdminState::Draining));
    let second = &found(&snapshot, "stop sending to sim-eastus")[1];
    assert_eq!(second.does, Does::Set("sim-eastus".into(), AdminState::Draining));
    Arc::make_mut(&mut snapshot.view).endpoints[1].admin_state = AdminState::Paused;
    assert_eq!(found(&snapshot, "use sim-eastus again")[0].does, Does::Set("sim-eastus".into(), AdminState::Enabled));
}

#[test]
fn every_action_that_can_be_found_by_a_newcomer_has_other_words_and_a_match_by_one_says_which() {
    let silent = |action: Action| {
        use Action::{ExtendDown, ExtendUp, NewestRow, NextPane, NextRow, OldestRow, Palette, PreviousRow};
        let moves = [ExtendDown, ExtendUp, NewestRow, NextPane, NextRow, OldestRow, Palette, PreviousRow];
        moves.contains(&action)
    };
    for entry in crate::ui::actions::table().iter().filter(|entry| !silent(entry.action)) {
        assert!(!also::of_action(entry.action).is_empty(), "{}", entry.label);
    }
    for setting in crate::ui::settings::ALL {
        assert!(!also::of_setting(setting.slug).is_empty(), "{}", setting.slug);
    }
    assert_eq!(first("billing").detail, "billing · Who used how many tokens, day by day");
}
