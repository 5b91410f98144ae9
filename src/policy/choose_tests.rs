use super::super::judge::{Hope, Ruling};
use super::*;
use crate::model::checked::{CheckedGroup, CheckedMember};
use crate::model::config::AdminState;
use crate::model::decision::{Estimate, Exclusion};
use crate::model::id::{GroupId, ModelName};
use crate::model::status::Health;

fn one(group: usize, place: usize, share: u64, weight: u32) -> Judged {
    Judged {
        endpoint: place,
        slot: place,
        group,
        place,
        weight,
        admin_state: AdminState::Enabled,
        health: Health::Healthy,
        estimate: Estimate::default(),
        needs: 1,
        has: None,
        limit: None,
        free_at: None,
        share,
        in_flight: 0,
        ruling: Ruling::Fits { probe: false },
    }
}
fn full(mut judged: Judged) -> Judged {
    judged.ruling = Ruling::Out(Exclusion::TokensShort, Hope::Never);
    judged
}
fn route(spread: Spread) -> CheckedRoute {
    let member = |endpoint| CheckedMember { endpoint, weight: 1 };
    let group = |id: &str| CheckedGroup { id: GroupId::from(id), spread, members: (0..3).map(member).collect() };
    let priority = crate::model::config::Priority::Normal;
    CheckedRoute { model: ModelName::from("m"), groups: vec![group("1"), group("2")], priority }
}
fn pick(judged: &[Judged], spread: Spread, turns: &mut Vec<usize>) -> Option<Pick> {
    choose(judged, &route(spread), turns, &mut Rng::with_seed(3))
}

#[test]
fn the_largest_free_share_wins_within_the_highest_group_that_fits() {
    let judged = [full(one(0, 0, 900, 1)), one(0, 1, 100, 1), one(0, 2, 300, 1), one(1, 0, 999, 1)];
    let picked = pick(&judged, Spread::Headroom, &mut Vec::new());
    assert_eq!(picked, Some(Pick { at: 2, choice: Choice::MostHeadroom }));
}

#[test]
fn a_lower_group_serves_once_the_higher_is_full() {
    let judged = [full(one(0, 0, 0, 1)), one(1, 0, 10, 1)];
    assert_eq!(pick(&judged, Spread::Headroom, &mut Vec::new()), Some(Pick { at: 1, choice: Choice::LastLeft }));
    assert_eq!(pick(&[full(one(0, 0, 0, 1))], Spread::Headroom, &mut Vec::new()), None);
}

#[test]
fn equals_share_by_chance() {
    let judged = [one(0, 0, 500, 1), one(0, 1, 500, 1)];
    let mut rng = Rng::with_seed(9);
    let first = (0..400)
        .filter(|_| choose(&judged, &route(Spread::Headroom), &mut Vec::new(), &mut rng).is_some_and(|p| p.at == 0));
    assert!((150..250).contains(&first.count()));
}

#[test]
fn weights_divide_the_draws() {
    let judged = [one(0, 0, 0, 3), one(0, 1, 999, 1)];
    let mut rng = Rng::with_seed(9);
    let heavy = (0..400)
        .filter(|_| choose(&judged, &route(Spread::Weights), &mut Vec::new(), &mut rng).is_some_and(|p| p.at == 0));
    assert!((260..340).contains(&heavy.count()));
}

#[test]
fn turns_go_round_and_skip_whoever_is_full() {
    let mut turns = Vec::new();
    let all = [one(0, 0, 1, 1), one(0, 1, 1, 1), one(0, 2, 1, 1)];
    let mut turn = |judged: &[Judged]| pick(judged, Spread::RoundRobin, &mut turns).map(|pick| pick.at);
    assert_eq!([turn(&all), turn(&all)], [Some(0), Some(1)]);
    let [first, second, third] = all.clone();
    assert_eq!(turn(&[first, second, full(third)]), Some(0));
    assert_eq!(turn(&all), Some(1));
}

#[test]
fn a_probe_goes_before_anybody_else_in_its_group() {
    let probe = Judged { ruling: Ruling::Fits { probe: true }, ..one(0, 1, 0, 1) };
    let judged = [one(0, 0, 999, 1), probe];
    assert_eq!(pick(&judged, Spread::Headroom, &mut Vec::new()), Some(Pick { at: 1, choice: Choice::Probe }));
}
