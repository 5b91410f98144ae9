//! Where a prompt's cache is likely to be: bounded-load consistent hashing over the endpoints that would do.
//!
//! Invariant: the same key goes to the same endpoint while that one carries its fair share, and an endpoint that comes or
//! goes moves no more keys than its own.
//! Absent on purpose: what services have really cached. Nobody can ask them.

use super::balancer::Balancer;
use super::choose::Pick;
use super::judge::Judged;
use super::request::Job;
use crate::model::checked::CheckedGroup;
use crate::model::config::Spread;
use crate::model::decision::Choice;
use crate::model::profile::Affinity;

/// An endpoint takes no more requests in flight than this share above the average of its equals, in percent.
const ABOVE_AVERAGE: u64 = 25;
/// So few in flight are never too many: a client's own parallel requests shall find one cache.
const FEW: u64 = 4;
/// So small a taken share of its limits is never too much, in millionths.
const LITTLE: u64 = 250_000;

/// All of a limit, in the unit of shares.
const WHOLE: u64 = 1_000_000;

/// How busy an endpoint is: requests in flight, and the taken share of its limits in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) in_flight: u64,
    pub(super) taken: u64,
}

impl Balancer {
    /// The pick for the sake of a prompt cache, if the request has a key and the group heeds it.
    pub(super) fn cache_pick<'j>(
        &self,
        job: &Job,
        group: &CheckedGroup,
        fitting: impl Iterator<Item = (usize, &'j Judged)> + Clone,
    ) -> Option<Pick> {
        let key = key(group, &job.profile.affinity)?;
        let load = |one: &Judged| Load {
            in_flight: u64::from(one.in_flight),
            taken: WHOLE.saturating_sub(self.share_seen(one.slot)),
        };
        let places = fitting.map(|(at, one)| (at, one.slot, load(one)));
        home(places, key).map(|at| Pick { at, choice: Choice::CacheHome })
    }
}

/// What the group goes by: the client's own key, or the beginning of the prompt where the person wants that. Spreads that
/// promise something else keep their promise.
fn key(group: &CheckedGroup, affinity: &Affinity) -> Option<u64> {
    let heeds = matches!(group.spread, Spread::Headroom | Spread::Latency);
    let beginning = affinity.prefix.filter(|_| group.cache_affinity);
    affinity.cache.or(beginning).filter(|_| heeds)
}

/// The key's home among places with their slots and loads: the first in the key's own order of slots that is not above its
/// share. A slot is an endpoint's for the life of the process.
pub(super) fn home(places: impl Iterator<Item = (usize, usize, Load)> + Clone, key: u64) -> Option<usize> {
    let (mut count, mut in_flight, mut taken) = (0_u64, 0_u64, 0_u64);
    for (_, _, load) in places.clone() {
        count = count.saturating_add(1);
        in_flight = in_flight.saturating_add(load.in_flight);
        taken = taken.saturating_add(load.taken);
    }
    let share = |sum: u64| sum.saturating_mul(100 + ABOVE_AVERAGE).div_ceil(count.saturating_mul(100).max(1));
    let most_in_flight = share(in_flight.saturating_add(1)).max(FEW);
    let most_taken = share(taken).max(LITTLE);
    let bears = |load: Load| load.in_flight < most_in_flight && load.taken <= most_taken;
    let able = places.filter(|(_, _, load)| bears(*load));
    able.max_by_key(|(_, slot, _)| rank(key, *slot)).map(|(at, _, _)| at)
}

/// A number that any key and slot have by chance, and always the same.
fn rank(key: u64, slot: usize) -> u64 {
    let slot = u64::try_from(slot).unwrap_or(u64::MAX);
    mix(key ^ mix(slot.wrapping_add(1)))
}

/// SplitMix64's last step.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
#[path = "cache_home_tests.rs"]
mod tests;
