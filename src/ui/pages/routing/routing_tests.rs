//! The Routing page, as the person uses it.

use super::*;
use crate::model::config::{Enforcement, Spread};
use crate::ui::cx::Target;

fn click(stage: &mut Stage, label: &str) {
    stage.harness.get_by_label(label).click_accesskit();
    stage.settle();
}

#[test]
fn every_step_of_a_lifted_card_is_said() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    stage.harness.get_by_label("sim-ptu, first choice, position 1 of 1").focus();
    stage.settle();
    stage.press(Modifiers::NONE, Key::Space);
    let said = "Lifted. sim-ptu, first choice, position 1 of 1. Arrows move it, Enter drops it, Escape puts it back.";
    assert!(stage.spoken().contains(said));
    stage.press(Modifiers::NONE, Key::ArrowDown);
    let said = |stage: &Stage, text: &str| {
        let nodes = stage.harness.query_all_by_role(egui::Role::Status);
        nodes.into_iter().any(|node| node.accesskit_node().label().is_some_and(|label| label.starts_with(text)))
    };
    assert!(said(&stage, "sim-ptu, first choice, position 1 of 3"), "its own lane went");
    assert!(stage.harness.query_by_label("Lifted").is_some(), "the card shows it");
    let strip = |stage: &Stage, text: &str| stage.harness.query_all_by_label(text).count() > 1;
    assert!(strip(&stage, "sim-ptu, first choice, position 1 of 3"), "seen as well as heard");
    stage.press(Modifiers::NONE, Key::ArrowDown);
    assert!(said(&stage, "sim-ptu, first choice, position 2 of 3"), "one place at a time");
    assert!(!stage.spoken().contains("sim-ptu, first choice, position 1 of 3"), "one message at a time");
    stage.press(Modifiers::NONE, Key::Escape);
    assert!(said(&stage, "Put back. sim-ptu, first choice, position 1 of 1"));
}

#[test]
fn a_card_carried_there_and_back_finds_its_group_as_it_was() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    let before = stage.config();
    stage.harness.get_by_label("sim-westus, second choice, position 2 of 2").focus();
    stage.settle();
    let keys = [Key::Space, Key::ArrowDown, Key::ArrowDown, Key::ArrowUp, Key::ArrowUp, Key::Space];
    for (step, key) in keys.into_iter().enumerate() {
        stage.press(Modifiers::NONE, key);
        if step == 2 {
            assert_eq!(stage.lanes(), [vec!["sim-ptu"], vec!["sim-eastus"], vec!["sim-westus", "sim-sweden"]]);
        }
    }
    assert_eq!(stage.config(), before);
    assert!(!stage.console().draft().is_changed());
}

#[test]
fn what_a_card_got_stays_a_fact_of_what_runs_while_the_draft_moves_it() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    // In the order of the fixture's groups.
    let got = |stage: &Stage| {
        let words = stage.harness.root().children_recursive().filter_map(|node| node.accesskit_node().value());
        let mut all: Vec<_> = words.filter(|words| words.contains(" · plan ")).collect();
        for one in &mut all {
            one.truncate(one.find(' ').unwrap_or(0));
        }
        all.sort();
        all
    };
    let before = got(&stage);
    assert_eq!(before.len(), 4, "{before:?}");
    stage.harness.get_by_label("sim-westus, second choice, position 2 of 2").focus();
    stage.settle();
    stage.press(Modifiers::ALT, Key::ArrowDown);
    assert_eq!(stage.lanes(), [vec!["sim-ptu"], vec!["sim-eastus"], vec!["sim-westus", "sim-sweden"]]);
    assert_eq!(got(&stage), before);
}

#[test]
fn what_clients_are_expected_to_ask_for_is_told_by_priority() {
    let mut snapshot = fixture::snapshot();
    let route = &mut Arc::make_mut(&mut snapshot.view).routes[0];
    route.demand[2] = crate::model::outlook::Demand { expected: 3_000, upper: 9_000, trend: 0 };
    let stage = Stage::on(Page::Routing, snapshot);
    assert!(stage.spoken().contains("go on as they do: bulk ~3000 TPM, rarely over 9000"), "{}", stage.spoken());
    let stage = Stage::on(Page::Routing, fixture::snapshot());
    assert!(!stage.spoken().contains("Tidegate expects"), "nothing is expected");
}

#[test]
fn a_group_gets_a_name_that_no_other_one_has() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    click(&mut stage, "Name the first choice of demo-chat");
    let type_in = |stage: &mut Stage, text: &str| {
        stage.harness.get_by_role_and_label(egui::Role::TextInput, "Group name").focus();
        stage.settle();
        stage.press(Modifiers::COMMAND, Key::A);
        stage.harness.event(Event::Text(text.to_owned()));
        stage.settle();
    };
    type_in(&mut stage, "2");
    assert!(stage.spoken().contains("Another priority group of this route is known as 2."), "{}", stage.spoken());
    type_in(&mut stage, "provisioned");
    click(&mut stage, "Name it");
    assert_eq!(
        stage.config().routes[0].groups[0].id.as_ref().map(crate::model::id::GroupId::as_str),
        Some("provisioned")
    );
    let undo = stage.console().draft().undo_label();
    assert_eq!(undo, Some("give the first choice of demo-chat provisioned"));
    assert_eq!(stage.console().draft().changes(), ["First choice of route demo-chat is named provisioned."]);
}

#[test]
fn delete_takes_a_focused_card_out_and_alt_up_brings_it_in_again() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    stage.harness.get_by_label("sim-westus, second choice, position 2 of 2").focus();
    stage.settle();
    stage.press(Modifiers::NONE, Key::Delete);
    assert_eq!(stage.lanes(), [vec!["sim-ptu"], vec!["sim-eastus"], vec!["sim-sweden"]]);
    assert_eq!(stage.console().draft().undo_label(), Some("remove sim-westus from route demo-chat"));
    stage.press(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(stage.lanes()[2], ["sim-sweden", "sim-westus"]);
}

#[test]
fn a_preset_is_previewed_as_sentences_and_lands_as_one_named_step() {
    let mut snapshot = fixture::snapshot();
    let mut applied = crate::contract::snapshot::Applied::clone(&snapshot.applied);
    let mut config = Config::clone(&applied.config);
    config.endpoint_mut(&"sim-sweden".into()).unwrap().enforcement = Enforcement::Utilization;
    applied.config = Arc::new(config);
    snapshot.applied = Arc::new(applied);
    let mut stage = Stage::on(Page::Routing, snapshot);
    click(&mut stage, "Arrange");
    click(&mut stage, "Provisioned first, pay-as-you-go after");
    assert!(stage.spoken().contains("• sim-sweden moves from last resort to first choice in route demo-chat."));
    assert_eq!(stage.lanes()[0], ["sim-ptu"], "nothing is edited before it is wanted");
    click(&mut stage, "Arrange it so");
    assert_eq!(stage.lanes(), [vec!["sim-sweden"], vec!["sim-ptu", "sim-eastus", "sim-westus"]]);
    let label = stage.console().draft().undo_label().map(str::to_owned);
    assert_eq!(label.as_deref(), Some("arrange demo-chat: provisioned first, pay-as-you-go after"));
}

#[test]
fn a_preset_that_cannot_tell_endpoints_apart_says_why() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    click(&mut stage, "Arrange");
    assert!(stage.spoken().contains("None of its endpoints counts by utilization"));
    click(&mut stage, "Spread evenly");
    click(&mut stage, "Arrange it so");
    assert_eq!(stage.config().routes[0].groups[0].spread, Spread::RoundRobin);
    assert_eq!(stage.lanes().len(), 1);
}

#[test]
fn a_route_is_deleted_only_after_what_comes_of_it_was_said() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    click(&mut stage, "Delete route demo-chat");
    assert!(stage.spoken().contains("Requests for demo-chat are refused then."));
    click(&mut stage, "Keep it");
    assert_eq!(stage.config().routes.len(), 1);
    click(&mut stage, "Delete route demo-chat");
    click(&mut stage, "Delete it");
    assert!(stage.config().routes.is_empty());
    stage.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(stage.config().routes.len(), 1);
}

#[test]
fn an_empty_group_stops_the_draft_until_it_is_filled() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    click(&mut stage, "Add priority group");
    assert!(stage.console().draft().blocking().next().is_some());
    assert!(stage.spoken().contains("Last resort (group 4) of route \"demo-chat\" is empty."));
    click(&mut stage, "choose one");
    stage.harness.get_by_role_and_label(egui::Role::Button, "sim-ptu").click_accesskit();
    stage.settle();
    assert_eq!(stage.lanes(), [vec!["sim-eastus", "sim-westus"], vec!["sim-sweden"], vec!["sim-ptu"]]);
    assert_eq!(stage.console().draft().blocking().count(), 0);
}

#[test]
fn a_test_request_of_the_route_leaves_as_a_command() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    click(&mut stage, "Route a test request");
    let Some((_, Command::SendTest { model })) = stage.sent() else { panic!("another command") };
    assert_eq!(model.as_str(), "demo-chat");
}

#[test]
fn a_weight_without_effect_says_why() {
    let stage = Stage::on(Page::Routing, fixture::snapshot());
    let field = stage.harness.get_by_label("Weight of sim-eastus");
    let node = field.accesskit_node();
    assert!(node.is_disabled());
    assert!(node.description().is_some_and(|why| why.contains("splits by most headroom")));
}

#[test]
fn the_priority_of_a_route_and_the_order_of_its_regions_are_edited_in_the_draft() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    click(&mut stage, "Its requests count as");
    click(&mut stage, "interactive");
    assert_eq!(stage.config().routes[0].priority, Some(crate::model::config::Priority::Interactive));
    click(&mut stage, "Regions: any, in no order");
    click(&mut stage, "Prefer eastus");
    assert_eq!(stage.config().routes[0].regions.prefer, ["eastus"]);
    assert_eq!(stage.console().draft().undo_label(), Some("set the regions of demo-chat"));
    click(&mut stage, "No longer prefer eastus");
    assert!(stage.config().routes[0].regions.prefer.is_empty());
}

#[test]
fn the_card_in_hand_is_what_the_keys_of_endpoints_mean() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    stage.harness.get_by_label("sim-westus, second choice, position 2 of 2").focus();
    stage.settle();
    assert_eq!(stage.console().selected(), Some(&Target::Endpoint("sim-westus".into())));
}

#[test]
fn escape_leaves_a_dragged_card_where_it_was_and_dropping_it_below_removes_it() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    // So that nothing scrolls under the pointer.
    stage.harness.set_size(vec2(1280.0, 1_200.0));
    stage.settle();
    let before = stage.lanes();
    let drag = |stage: &mut Stage| {
        let from = stage.harness.get_by_label_contains("sim-sweden, last resort").rect().center();
        stage.harness.drag_at(from);
        stage.settle();
        stage.harness.hover_at(from + vec2(0.0, 30.0));
        stage.settle();
    };
    drag(&mut stage);
    stage.press(Modifiers::NONE, Key::Escape);
    let over = stage.harness.get_by_label_contains("sim-ptu, first choice").rect().center();
    stage.harness.hover_at(over);
    stage.settle();
    stage.harness.drop_at(over);
    stage.settle();
    assert_eq!(stage.lanes(), before);

    drag(&mut stage);
    let unused = stage.harness.get_by_label_contains("Not used in this route").rect().center();
    stage.harness.hover_at(unused);
    stage.settle();
    let unused = stage.harness.get_by_label_contains("Not used in this route").rect().center();
    stage.harness.hover_at(unused);
    stage.settle();
    stage.harness.drop_at(unused);
    stage.settle();
    assert_eq!(stage.lanes(), [vec!["sim-ptu"], vec!["sim-eastus", "sim-westus"]]);
    assert_eq!(stage.console().draft().undo_label(), Some("remove sim-sweden from route demo-chat"));
}

#[test]
fn nothing_moves_when_a_card_is_lifted_dragged_and_dropped() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    let places = |stage: &Stage| {
        ["sim-ptu, first choice", "Not used in this route"]
            .map(|part| stage.harness.get_by_label_contains(part).rect().min)
    };
    let before = places(&stage);
    let from = stage.harness.get_by_label_contains("sim-westus, second choice").rect().center();
    stage.harness.drag_at(from);
    stage.settle();
    stage.harness.hover_at(from + vec2(0.0, 8.0));
    stage.settle();
    assert_eq!(places(&stage), before, "while it is dragged");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.harness.drop_at(from);
    stage.settle();

    stage.harness.get_by_label_contains("sim-westus, second choice").focus();
    stage.settle();
    stage.press(Modifiers::ALT | Modifiers::SHIFT, Key::ArrowUp);
    assert!(stage.console().draft().is_changed());
    assert_eq!(places(&stage), before, "when the draft's bar comes up");
}

#[test]
fn the_why_of_a_test_request_opens_and_is_offered_where_the_person_went_on() {
    let test = |stage: &mut Stage| {
        click(stage, "Route a test request");
        assert!(stage.spoken().contains("On its way …"));
        let Some((id, Command::SendTest { .. })) = stage.sent() else { panic!("no test request was sent") };
        id
    };
    let answered = |stage: &mut Stage, id, status| {
        stage.back.tell(Notice { id: Some(id), body: NoticeBody::TestSent { request: RequestId(199), status } });
        stage.settle();
    };
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    let id = test(&mut stage);
    answered(&mut stage, id, 200);
    assert_eq!(stage.console().page(), Page::Requests);

    for (status, said) in [(200, "Test request answered"), (429, "Test request got status 429")] {
        let mut stage = Stage::on(Page::Routing, fixture::snapshot());
        let id = test(&mut stage);
        stage.harness.get_by_role_and_label(egui::Role::Button, "Settings").click();
        stage.settle();
        answered(&mut stage, id, status);
        assert_eq!(stage.console().page(), Page::Settings);
        assert!(stage.spoken().contains(said), "{said}");
        // A shortcut in the list of Settings is called so, too.
        stage.harness.get_by_role_and_label(egui::Role::Button, "Why").click_accesskit();
        stage.settle();
        assert_eq!(stage.console().page(), Page::Requests);
    }
}
