//! Which of the judged endpoints takes the request.
//!
//! Invariant: never one of a lower group while the request fits into a higher one.
//! Absent on purpose: judging (`judge`) and reserving (`admit`).

use fastrand::Rng;

use super::judge::Judged;
use crate::model::checked::CheckedRoute;
use crate::model::config::Spread;
use crate::model::decision::Choice;

/// The pick: a place in the list of judged ones, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) at: usize,
    pub(super) choice: Choice,
}

/// Picks one, if the request fits anywhere. `turns` holds, per group, the place whose turn it was last.
pub(super) fn choose(judged: &[Judged], route: &CheckedRoute, turns: &mut Vec<usize>, rng: &mut Rng) -> Option<Pick> {
    let group = judged.iter().find(|one| one.fits())?.group;
    let fitting: Vec<(usize, &Judged)> =
        judged.iter().enumerate().filter(|(_, one)| one.group == group && one.fits()).collect();
    if let Some((at, _)) = fitting.iter().find(|(_, one)| one.is_probe()) {
        return Some(Pick { at: *at, choice: Choice::Probe });
    }
    if let [(at, _)] = fitting.as_slice() {
        let choice = if judged.len() == 1 { Choice::OnlyCandidate } else { Choice::LastLeft };
        return Some(Pick { at: *at, choice });
    }
    match route.groups.get(group).map_or(Spread::Headroom, |group| group.spread) {
        Spread::Weights => by_weight(&fitting, rng),
        Spread::RoundRobin => by_turn(&fitting, group, turns),
        Spread::Headroom | Spread::Latency | Spread::Conversation => by_headroom(&fitting, rng),
    }
}

fn by_headroom(fitting: &[(usize, &Judged)], rng: &mut Rng) -> Option<Pick> {
    let rank = |one: &Judged| (one.share, u32::MAX - one.in_flight);
    let best = fitting.iter().map(|(_, one)| rank(one)).max()?;
    let equals: Vec<usize> = fitting.iter().filter(|(_, one)| rank(one) == best).map(|(at, _)| *at).collect();
    let drawn = if equals.len() > 1 { rng.usize(..equals.len()) } else { 0 };
    equals.get(drawn).map(|at| Pick { at: *at, choice: Choice::MostHeadroom })
}

fn by_weight(fitting: &[(usize, &Judged)], rng: &mut Rng) -> Option<Pick> {
    let of = fitting.iter().fold(0_u32, |sum, (_, one)| sum.saturating_add(one.weight)).max(1);
    let draw = rng.u32(..of);
    let mut upto = 0_u32;
    let at = fitting.iter().find(|(_, one)| {
        upto = upto.saturating_add(one.weight);
        draw < upto
    });
    at.map(|(at, _)| Pick { at: *at, choice: Choice::WeightDraw { draw, of } })
}

fn by_turn(fitting: &[(usize, &Judged)], group: usize, turns: &mut Vec<usize>) -> Option<Pick> {
    if turns.len() <= group {
        turns.resize(group + 1, usize::MAX);
    }
    let turn = turns.get_mut(group)?;
    let last = *turn;
    let after = fitting.iter().find(|(_, one)| last != usize::MAX && one.place > last).or_else(|| fitting.first())?;
    *turn = after.1.place;
    Some(Pick { at: after.0, choice: Choice::Turn })
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
