use super::super::event::{Input, Output};
use super::super::world_tests::*;
use super::*;
use crate::model::counterfactual::Change;
use crate::model::decision::Verdict;
use crate::model::outlook::RouteOutlook;

/// So many tokens a minute expected of interactive and of normal requests.
fn expect(world: &mut World, interactive: u64, normal: u64) {
    let demand = |upper| Demand { expected: upper, upper, trend: 0 };
    let route = RouteOutlook { model: "m".into(), demand: [demand(interactive), demand(normal), demand(0)] };
    let outlook = Outlook { at: world.now, routes: vec![route] };
    world.give(Input::Foreseen(Arc::new(outlook)));
}

fn arrive(world: &mut World, priority: Priority, charge: u64) -> Output {
    world.arrive_as(charge, |profile| profile.priority = priority).1
}

fn sent_of(world: &mut World, priority: Priority, charge: u64, most: usize) -> usize {
    (0..most).take_while(|_| matches!(arrive(world, priority, charge), Output::Assigned { .. })).count()
}

fn one(tokens: u64) -> World {
    World::new(config(&[site("east", tokens)], &[], |_| {}))
}

#[test]
fn a_burst_of_bulk_leaves_what_is_expected_of_the_others_until_it_has_left() {
    let mut world = one(60_000);
    expect(&mut world, 12_000, 0);
    assert_eq!(sent_of(&mut world, Priority::Bulk, 1_000, 99), 47, "a minute of 12,000 and a little more stays free");
    assert_eq!(sent_of(&mut world, Priority::Interactive, 1_000, 6), 6, "and are there for them");
    let Output::Held { decision, .. } = arrive(&mut world, Priority::Bulk, 1_000) else { panic!("held") };
    assert!(matches!(decision.candidates.get(0).expect("a candidate").verdict, Verdict::Excluded(_)));
}

#[test]
fn without_an_outlook_or_with_an_old_one_nobody_is_paced() {
    let mut world = one(60_000);
    assert_eq!(sent_of(&mut world, Priority::Bulk, 1_000, 40), 40);
    expect(&mut world, 60_000, 60_000);
    world.until(Timestamp::from_secs(31));
    assert_eq!(sent_of(&mut world, Priority::Bulk, 1_000, 99), 20);
}

#[test]
fn every_class_gets_its_share_of_the_minute_whatever_else_is_expected() {
    let mut world = one(60_000);
    expect(&mut world, 900_000, 900_000);
    assert_eq!(sent_of(&mut world, Priority::Bulk, 1_000, 99), 6, "a tenth");
    assert_eq!(sent_of(&mut world, Priority::Normal, 1_000, 99), 15, "a quarter");
}

#[test]
fn a_preferred_group_that_will_be_exhausted_is_left_early_by_the_less_important() {
    let sites = [site("east", 60_000), Site { group: 1, ..site("west", 60_000) }];
    let mut world = World::new(config(&sites, &[], |_| {}));
    expect(&mut world, 24_000, 0);
    let places: Vec<String> = (0..60).map(|_| place(&arrive(&mut world, Priority::Normal, 1_000)).to_owned()).collect();
    let first = places.iter().filter(|place| *place == "east").count();
    assert_eq!(
        (first, places.last().map(String::as_str)),
        (34, Some("west")),
        "a minute of 24,000 and a little more stays free"
    );
    let Output::Assigned { assignment, .. } = arrive(&mut world, Priority::Normal, 1_000) else { panic!("sent") };
    let kept = Verdict::Excluded(Exclusion::KeptForImportant);
    assert_eq!(
        assignment.decision.candidates.get(0).expect("a candidate").verdict,
        kept,
        "the decision names the rule"
    );
    assert_eq!(place(&arrive(&mut world, Priority::Interactive, 1_000)), "east");
}

#[test]
fn among_equals_nobody_leaves_a_group_that_will_be_full_while_it_has_room() {
    for class in [Priority::Interactive, Priority::Normal, Priority::Bulk] {
        let sites = [site("east", 60_000), Site { group: 1, ..site("west", 60_000) }];
        let mut world = World::new(config(&sites, &[], |_| {}));
        let demand = Demand { expected: 120_000, upper: 140_000, trend: 20_000 };
        let none = Demand { expected: 0, upper: 0, trend: 0 };
        let demand = [Priority::Interactive, Priority::Normal, Priority::Bulk]
            .map(|other| if other == class { demand } else { none });
        let routes = vec![RouteOutlook { model: "m".into(), demand }];
        world.give(Input::Foreseen(Arc::new(Outlook { at: world.now, routes })));
        let places: Vec<String> = (0..100).map(|_| place(&arrive(&mut world, class, 1_000)).to_owned()).collect();
        let first: Vec<bool> = places.iter().map(|place| place == "east").collect();
        assert_eq!(first, [[true; 60].as_slice(), [false; 40].as_slice()].concat(), "{class:?}");
    }
}

#[test]
fn nothing_is_kept_from_a_class_above_which_nobody_is_foreseen() {
    let mut world = one(60_000);
    expect(&mut world, 0, 30_000);
    arrive(&mut world, Priority::Normal, 500);
    let [normal, bulk] = world.brain.routes[0].allowance.as_ref().expect("somebody is foreseen").groups[0];
    assert!(normal > 60_000, "what was free a moment ago is no bound");
    assert!(bulk < 60_000, "from bulk room is kept for them");
}

#[test]
fn one_for_whom_no_room_is_kept_is_told_the_priority_with_which_it_would_have_gone() {
    let sites = [site("east", 60_000), Site { group: 1, ..site("west", 60_000) }];
    let left_early = |interactive, normal| {
        let mut world = World::new(config(&sites, &[], |_| {}));
        expect(&mut world, interactive, normal);
        sent_of(&mut world, Priority::Bulk, 1_000, 50);
        world
    };
    for (interactive, normal, told) in [(24_000, 0, Priority::Interactive), (0, 24_000, Priority::Normal)] {
        let Output::Assigned { assignment, .. } = arrive(&mut left_early(interactive, normal), Priority::Bulk, 1_000)
        else {
            panic!("sent")
        };
        let would_have = assignment.decision.would_have.clone().expect("a change is named");
        assert_eq!((would_have.endpoint.as_str(), would_have.change), ("east", Change::Priority(told)));
        assert_eq!(place(&arrive(&mut left_early(interactive, normal), told, 1_000)), "east", "and it alone is enough");
        if told == Priority::Interactive {
            assert_eq!(place(&arrive(&mut left_early(interactive, normal), Priority::Normal, 1_000)), "west");
        }
    }
}

#[test]
fn what_nobody_important_takes_goes_to_the_others_as_windows_empty() {
    let mut world = one(60_000);
    let (mut taken, mut waiting) = (0_u64, 0);
    for second in 0..600_u64 {
        let at = Timestamp::from_secs(second);
        let gone = world.until(at);
        taken +=
            gone.iter().filter(|(at, output)| at.0 >= 120_000_000 && matches!(output, Output::Assigned { .. })).count()
                as u64;
        expect(&mut world, 12_000, 0);
        for _ in 0..2 {
            match arrive(&mut world, Priority::Bulk, 1_000) {
                Output::Assigned { .. } => taken += u64::from(second >= 120),
                Output::Held { .. } => waiting += 1,
                _ => {}
            }
        }
    }
    assert!(waiting > 100, "there was more than fits");
    // Eight minutes of 60 requests; guards and the room at hand cost the rest.
    assert!(taken >= 480 * 97 / 100, "{taken} of 480 minutes' requests went");
}
