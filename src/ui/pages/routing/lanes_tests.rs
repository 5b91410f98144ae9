use super::*;

fn member(id: &str) -> Member {
    Member { endpoint: EndpointId::from(id), weight: 1 }
}

fn config(lanes: &[&[&str]]) -> Config {
    let groups = lanes
        .iter()
        .map(|ids| Group { endpoints: ids.iter().map(|id| member(id)).collect(), ..Group::default() })
        .collect();
    Config { routes: vec![Route::new(ModelName::from("gpt-4o"), groups)], ..Config::default() }
}

fn lanes(config: &Config) -> Vec<Vec<String>> {
    let ids = |lane: &Group| lane.endpoints.iter().map(|member| member.endpoint.to_string()).collect();
    config.routes[0].groups.iter().map(ids).collect()
}

fn moved(start: &[&[&str]], id: &str, to: Slot) -> Vec<Vec<String>> {
    let mut config = config(start);
    move_card(&mut config, &ModelName::from("gpt-4o"), &EndpointId::from(id), to);
    lanes(&config)
}

#[test]
fn a_card_lands_before_the_card_it_was_dropped_on() {
    assert_eq!(moved(&[&["a"], &["b", "c"]], "a", Slot::Lane { group: 1, index: 1 }), [["b", "a", "c"]]);
    assert_eq!(moved(&[&["a", "b", "c"]], "a", Slot::Lane { group: 0, index: 3 }), [["b", "c", "a"]]);
    assert_eq!(moved(&[&["a", "b", "c"]], "c", Slot::Lane { group: 0, index: 0 }), [["c", "a", "b"]]);
}

#[test]
fn a_lane_emptied_by_the_move_goes_and_one_added_empty_stays() {
    assert_eq!(moved(&[&["a"], &[], &["b"]], "a", Slot::Lane { group: 2, index: 1 }), [vec![], vec!["b", "a"]]);
    assert_eq!(moved(&[&["a"], &["b"]], "b", Slot::NewLane { before: 0 }), [["b"], ["a"]]);
    assert_eq!(moved(&[&["a", "b"]], "a", Slot::Unused), [["b"]]);
}

#[test]
fn an_endpoint_from_outside_joins_and_one_that_stood_twice_stands_once() {
    assert_eq!(moved(&[&["a"]], "new", Slot::Lane { group: 0, index: 0 }), [["new", "a"]]);
    assert_eq!(moved(&[&["a", "b"], &["a"]], "a", Slot::Lane { group: 1, index: 0 })[0], ["b"]);
}

#[test]
fn a_slot_that_does_not_exist_changes_nothing() {
    let mut config = config(&[&["a"], &["b"]]);
    let model = ModelName::from("gpt-4o");
    assert!(!move_card(&mut config, &model, &EndpointId::from("a"), Slot::Lane { group: 7, index: 0 }));
    assert!(!move_card(&mut config, &model, &EndpointId::from("a"), Slot::Lane { group: 0, index: 0 }));
    assert_eq!(lanes(&config), [["a"], ["b"]]);
}

#[test]
fn a_step_down_and_a_step_up_bring_a_card_back() {
    let start = config(&[&["a"], &["b", "c"]]);
    let (model, id) = (ModelName::from("gpt-4o"), EndpointId::from("a"));
    let mut now = start.clone();
    for direction in [Step::Down, Step::Up] {
        let slot = step(&now.routes[0], &id, direction).unwrap();
        assert!(move_card(&mut now, &model, &id, slot));
    }
    assert_eq!(now, start);
    assert_eq!(step(&now.routes[0], &id, Step::Up), None, "nothing is above a lone first choice");
}

#[test]
fn steps_lead_a_card_through_every_place_and_the_same_way_back() {
    let mut now = config(&[&["a"], &["b", "c"], &["d"]]);
    let (model, id) = (ModelName::from("gpt-4o"), EndpointId::from("a"));
    let mut seen = vec![lanes(&now)];
    while let Some(slot) = step(&now.routes[0], &id, Step::On) {
        assert!(move_card(&mut now, &model, &id, slot));
        seen.push(lanes(&now));
    }
    let way: Vec<String> =
        seen.iter().map(|lanes| lanes.iter().map(|lane| lane.concat()).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(way, ["a bc d", "abc d", "bac d", "bca d", "bc a d", "bc ad", "bc da", "bc d a"]);
    for before in seen.iter().rev().skip(1) {
        let slot = step(&now.routes[0], &id, Step::Back).unwrap();
        assert!(move_card(&mut now, &model, &id, slot));
        assert_eq!(lanes(&now), *before);
    }
    assert_eq!(step(&now.routes[0], &id, Step::Back), None);
}

#[test]
fn no_move_loses_an_endpoint_or_doubles_one() {
    let start = config(&[&["a", "b"], &["c"], &["d", "e"]]);
    for id in ["a", "b", "c", "d", "e"] {
        for group in 0..3 {
            for index in 0..3 {
                for to in [Slot::Lane { group, index }, Slot::NewLane { before: group }] {
                    let mut config = start.clone();
                    move_card(&mut config, &ModelName::from("gpt-4o"), &EndpointId::from(id), to);
                    let mut all = lanes(&config).concat();
                    all.sort();
                    assert_eq!(all, ["a", "b", "c", "d", "e"], "{id} to {to:?}");
                    assert!(lanes(&config).iter().all(|lane| !lane.is_empty()), "{id} to {to:?}");
                }
            }
        }
    }
}

#[test]
fn a_weight_counts_only_where_the_group_splits_by_weights() {
    let mut config = config(&[&["a", "b"]]);
    let model = ModelName::from("gpt-4o");
    set_weight(&mut config, &model, &EndpointId::from("a"), 3);
    assert!(weight_without_effect(&config.routes[0].groups[0]).unwrap().contains("most headroom"));
    set_spread(&mut config, &model, 0, Spread::Weights);
    assert_eq!(weight_without_effect(&config.routes[0].groups[0]), None);
}

#[test]
fn a_route_name_is_refused_when_it_is_empty_or_taken() {
    let config = config(&[&["a"]]);
    assert!(name_problem(&config, " ", None).is_some());
    assert!(name_problem(&config, "gpt-4o", None).is_some());
    assert_eq!(name_problem(&config, "gpt-4o", Some(&ModelName::from("gpt-4o"))), None);
    assert_eq!(name_problem(&config, "*", None), None);
}

#[test]
fn an_endpoint_from_outside_comes_in_at_the_bottom_and_says_where_it_stands() {
    let mut config = config(&[&["a"], &["b"]]);
    let (model, id) = (ModelName::from("gpt-4o"), EndpointId::from("new"));
    assert_eq!(spoken_place(&config.routes[0], &id), "new, not used in this route");
    assert_eq!(step(&config.routes[0], &id, Step::Down), None);
    let slot = step(&config.routes[0], &id, Step::Up).unwrap();
    move_card(&mut config, &model, &id, slot);
    assert_eq!(spoken_place(&config.routes[0], &id), "new, second choice, position 2 of 2");
    let empty = Route::new(model, vec![]);
    assert_eq!(step(&empty, &id, Step::Up), Some(Slot::NewLane { before: 0 }));
}
