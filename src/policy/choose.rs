//! Which of the judged endpoints takes the request.
//!
//! Invariant: never one of a lower group while the request fits into a higher one, nor within a group one of a less
//! preferred region; and what a spread does not ask for is not looked up.
//! Absent on purpose: judging (`judge`) and reserving (`admit`).

use fastrand::Rng;

use super::balancer::Balancer;
use super::judge::{Judged, Ruling};
use super::request::Job;
use super::stick::Guest;
use crate::model::config::Spread;
use crate::model::decision::Choice;
use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// The pick: a place in the list of judged ones, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) at: usize,
    pub(super) choice: Choice,
}

/// Those of the highest group that the request fits, within it of the most preferred region.
struct Fitting<'j> {
    judged: &'j [Judged],
    /// Where they begin and end in the list.
    from: usize,
    to: usize,
}

impl<'j> Fitting<'j> {
    fn of(judged: &'j [Judged]) -> Option<Self> {
        let from = judged.iter().position(Judged::fits)?;
        let first = judged.get(from)?;
        // Members stand by group and region.
        let equal = |one: &Judged| (one.group, one.region_rank) == (first.group, first.region_rank);
        let count = judged.iter().skip(from).take_while(|one| equal(one)).count();
        Some(Self { judged, from, to: from.saturating_add(count) })
    }

    fn each(&self) -> impl Iterator<Item = (usize, &'j Judged)> + Clone + use<'j> {
        let (from, to) = (self.from, self.to);
        self.judged.iter().enumerate().take(to).skip(from).filter(|(_, one)| one.fits())
    }

    fn nth(&self, place: usize) -> Option<(usize, &'j Judged)> {
        self.each().nth(place)
    }
}

impl Balancer {
    /// Picks among the judged ones; draws chance and takes turns.
    pub(super) fn pick(&mut self, now: Timestamp, job: &Job, judged: &[Judged]) -> Option<Pick> {
        let fitting = Fitting::of(judged)?;
        let (first, _) = fitting.nth(0)?;
        let group = judged.get(first)?.group;
        if judged.get(first)?.ruling == Ruling::LeastBad {
            return Some(Pick { at: first, choice: Choice::LeastBad });
        }
        if let Some((at, _)) = fitting.each().find(|(_, one)| one.is_probe()) {
            return Some(Pick { at, choice: Choice::Probe });
        }
        let pick = if fitting.nth(1).is_none() {
            let choice = if judged.len() == 1 { Choice::OnlyCandidate } else { Choice::LastLeft };
            Pick { at: first, choice }
        } else {
            self.pick_of_many(now, job, group, &fitting)?
        };
        Some(job.binding.name(pick, judged))
    }

    /// By the group's spread, or where a cache may know the prompt.
    fn pick_of_many(&mut self, now: Timestamp, job: &Job, group: usize, fitting: &Fitting<'_>) -> Option<Pick> {
        let place = job.route?;
        let spec = self.config.routes.get(place)?.groups.get(group)?;
        if let Some(pick) = self.cache_pick(job, spec, fitting.each()) {
            return Some(pick);
        }
        match spec.spread {
            Spread::Weights => by_weight(fitting, &mut self.rng),
            Spread::RoundRobin => by_turn(fitting, group, &mut self.routes.get_mut(place)?.turns),
            Spread::Latency => self.by_latency(now, fitting),
            Spread::Headroom => self.by_headroom(fitting),
            spread @ (Spread::Conversation | Spread::Caller) => {
                self.at_home(spread, job, fitting).or_else(|| self.by_headroom(fitting))
            }
        }
    }

    fn by_headroom(&mut self, fitting: &Fitting<'_>) -> Option<Pick> {
        let mut best: Option<((u64, u32), usize)> = None;
        let mut equals = 0_u64;
        for (at, one) in fitting.each() {
            let share = self.share_seen(one.slot);
            let rank = (share, u32::MAX - one.in_flight);
            match best {
                Some((known, _)) if rank < known => {}
                // The n-th of equals takes the place with a chance of 1 in n: each is drawn as often.
                Some((known, _)) if rank == known => {
                    equals = equals.saturating_add(1);
                    if self.rng.u64(..equals) == 0 {
                        best = Some((rank, at));
                    }
                }
                _ => (best, equals) = (Some((rank, at)), 1),
            }
        }
        best.map(|(_, at)| Pick { at, choice: Choice::MostHeadroom })
    }

    /// The better of two drawn by chance: the best of all would draw everybody at once.
    fn by_latency(&mut self, now: Timestamp, fitting: &Fitting<'_>) -> Option<Pick> {
        let count = fitting.each().count();
        let one = self.rng.usize(..count.max(1));
        let other = (one + 1 + self.rng.usize(..count.saturating_sub(1).max(1))) % count.max(1);
        let drawn = [one, other].map(|place| fitting.nth(place));
        let cost = |one: &Judged| {
            let latency = self.endpoints.get(one.slot).map(|endpoint| endpoint.latency.cost(now, one.in_flight));
            (latency.unwrap_or(u64::MAX), one.in_flight)
        };
        let better = drawn.into_iter().flatten().min_by_key(|(_, one)| cost(one));
        better.map(|(at, _)| Pick { at, choice: Choice::Quickest })
    }

    /// Where the conversation or the caller was answered last, if that takes the request.
    fn at_home(&self, spread: Spread, job: &Job, fitting: &Fitting<'_>) -> Option<Pick> {
        let home = self.homes.of(Guest::of(spread, &job.profile)?)?;
        let choice = if spread == Spread::Caller { Choice::SameCaller } else { Choice::Conversation };
        fitting.each().find(|(_, one)| one.slot == home).map(|(at, _)| Pick { at, choice })
    }

    /// A request was answered there: its conversation and its caller are at home now, where a group asks for it.
    pub(super) fn note_home(&mut self, request: RequestId, slot: usize) {
        let Some(job) = self.jobs.get(&request) else { return };
        let groups = job.route.and_then(|route| self.config.routes.get(route)).map(|route| route.groups.as_slice());
        for group in groups.unwrap_or_default() {
            if let Some(guest) = Guest::of(group.spread, &job.profile) {
                self.homes.note(guest, slot);
            }
        }
    }
}

fn by_weight(fitting: &Fitting<'_>, rng: &mut Rng) -> Option<Pick> {
    let of = fitting.each().fold(0_u32, |sum, (_, one)| sum.saturating_add(one.weight)).max(1);
    let draw = rng.u32(..of);
    let mut upto = 0_u32;
    let at = fitting.each().find(|(_, one)| {
        upto = upto.saturating_add(one.weight);
        draw < upto
    });
    at.map(|(at, _)| Pick { at, choice: Choice::WeightDraw { draw, of } })
}

fn by_turn(fitting: &Fitting<'_>, group: usize, turns: &mut Vec<usize>) -> Option<Pick> {
    if turns.len() <= group {
        turns.resize(group + 1, usize::MAX);
    }
    let turn = turns.get_mut(group)?;
    let last = *turn;
    let after = fitting.each().find(|(_, one)| last != usize::MAX && one.place > last).or_else(|| fitting.nth(0))?;
    *turn = after.1.place;
    Some(Pick { at: after.0, choice: Choice::Turn })
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
