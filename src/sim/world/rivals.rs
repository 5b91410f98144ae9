//! What other gateways do, plainly: none of them waits, and none knows more than its own counters.
//!
//! Invariant: a request gets at most as many tries as there are services, each at another one, at once.
//! Absent on purpose: their streaming, keys and dashboards; only where requests go is imitated.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::gateway::{Act, Gateway};
use crate::model::id::RequestId;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::units::{MINUTE, Timestamp, micros};
use crate::policy::Input;

/// The rest after a 429 that names none.
const COOLDOWN: Duration = Duration::from_secs(60);
/// The rest after any 429 where usage is what is looked at.
const SHORT_COOLDOWN: Duration = Duration::from_secs(5);

/// A way of spreading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// One after the other; a 429 rests its service as long as it asks.
    RoundRobin,
    /// At random by the limits; a 429 means the next one, and nothing is remembered.
    WeightedRandom,
    /// The lowest share of a calendar minute used, counted when answers end; a 429 rests its service for a few seconds.
    LowestUsage,
}

impl Manner {
    /// All three.
    pub const ALL: [Self; 3] = [Self::RoundRobin, Self::WeightedRandom, Self::LowestUsage];
}

/// What a rival knows of a service.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// From 1.
    pub group: u32,
    /// As configured.
    pub tokens_per_minute: Option<u64>,
}

#[derive(Clone, Debug)]
struct Place {
    seat: Seat,
    rests_until: Timestamp,
    /// The calendar minute that `used` counts in.
    minute: u64,
    used: u64,
}

/// Another gateway.
#[derive(Clone, Debug)]
pub struct Rival {
    manner: Manner,
    places: Vec<Place>,
    turn: usize,
    /// Where each open request was tried, the last one at the end.
    tried: BTreeMap<u64, Vec<usize>>,
    rng: Rng,
}

impl Rival {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(manner: Manner, seats: Vec<Seat>, seed: u64) -> Self {
        let place = |seat| Place { seat, rests_until: Timestamp::ZERO, minute: 0, used: 0 };
        let places = seats.into_iter().map(place).collect();
        Self { manner, places, turn: 0, tried: BTreeMap::new(), rng: Rng::with_seed(seed) }
    }

    fn tries(&self) -> usize {
        match self.manner {
            Manner::WeightedRandom => self.places.len().min(4),
            Manner::RoundRobin | Manner::LowestUsage => 3,
        }
    }

    fn on(&mut self, now: Timestamp, request: u64, acts: &mut Vec<Act>) {
        let tried = self.tried.remove(&request).unwrap_or_default();
        let spent = tried.len() >= self.tries();
        match if spent { None } else { self.pick(now, &tried) } {
            Some(server) => {
                let group = self.places.get(server).map_or(1, |place| place.seat.group);
                self.tried.insert(request, tried.into_iter().chain([server]).collect());
                acts.push(Act::Send { request, server, group, withheld: false });
            }
            None if tried.is_empty() => acts.push(Act::Refuse { request }),
            None => acts.push(Act::PassOn { request }),
        }
    }

    /// One of the first group that has any left.
    fn pick(&mut self, now: Timestamp, tried: &[usize]) -> Option<usize> {
        let open = |(place, one): (usize, &Place)| {
            let full = self.manner == Manner::LowestUsage
                && one.seat.tokens_per_minute.is_some_and(|limit| one.used_at(now) >= limit);
            (!tried.contains(&place) && one.rests_until <= now && !full).then_some((one.seat.group, place))
        };
        let all: Vec<(u32, usize)> = self.places.iter().enumerate().filter_map(open).collect();
        let group = all.iter().map(|(group, _)| *group).min()?;
        let among: Vec<usize> = all.iter().filter(|(of, _)| *of == group).map(|(_, place)| *place).collect();
        match self.manner {
            Manner::RoundRobin => {
                self.turn = self.turn.wrapping_add(1);
                among.get(self.turn % among.len().max(1)).copied()
            }
            Manner::WeightedRandom => self.draw(&among),
            Manner::LowestUsage => among.into_iter().min_by_key(|place| self.usage(now, *place)),
        }
    }

    fn draw(&mut self, among: &[usize]) -> Option<usize> {
        let weight =
            |place: &usize| self.places.get(*place).and_then(|place| place.seat.tokens_per_minute).unwrap_or(1).max(1);
        let mut draw = self.rng.u64(..among.iter().map(weight).sum::<u64>().max(1));
        among.iter().copied().find(|place| match draw.checked_sub(weight(place)) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        })
    }

    /// Used tokens per limit, in millionths.
    fn usage(&self, now: Timestamp, place: usize) -> u64 {
        self.places.get(place).map_or(u64::MAX, |place| {
            let limit = place.seat.tokens_per_minute.unwrap_or(1_000_000).max(1);
            place.used_at(now).saturating_mul(1_000_000) / limit
        })
    }

    fn failed(&mut self, now: Timestamp, request: u64, failure: &Failure, acts: &mut Vec<Act>) {
        let last = self.tried.get(&request).and_then(|tried| tried.last().copied());
        if let (Some(place), FailureClass::Throttled(_)) =
            (last.and_then(|last| self.places.get_mut(last)), failure.class)
        {
            let rest = match self.manner {
                Manner::RoundRobin => failure.facts.retry_after.unwrap_or(COOLDOWN),
                Manner::LowestUsage => SHORT_COOLDOWN,
                Manner::WeightedRandom => Duration::ZERO,
            };
            place.rests_until = place.rests_until.max(now.after(rest));
        }
        self.on(now, request, acts);
    }

    fn settled(&mut self, now: Timestamp, request: u64, tokens: u64) {
        let last = self.tried.remove(&request).and_then(|tried| tried.last().copied());
        if let Some(place) = last.and_then(|last| self.places.get_mut(last)) {
            place.used = place.used_at(now).saturating_add(tokens);
            place.minute = now.0 / micros(MINUTE);
        }
    }
}

impl Place {
    const fn used_at(&self, now: Timestamp) -> u64 {
        if now.0 / 60_000_000 == self.minute { self.used } else { 0 }
    }
}

impl Gateway for Rival {
    fn take(&mut self, now: Timestamp, input: Input, acts: &mut Vec<Act>) {
        match input {
            Input::Arrived { request: RequestId(request), .. } => self.on(now, request, acts),
            Input::AttemptFailed { request: RequestId(request), failure } => self.failed(now, request, &failure, acts),
            Input::Settled { request: RequestId(request), settlement } => {
                self.settled(now, request, settlement.usage.map_or(0, |usage| usage.total()));
            }
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Timestamp> {
        None
    }
}

#[cfg(test)]
#[path = "rivals_tests.rs"]
mod tests;
