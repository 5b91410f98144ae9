//! Room kept for the more important ones that are expected: less important ones go only as far as enough stays free.
//!
//! A request may use a group if what is free in it and in those above, now and in the next minute as charges leave, still
//! covers what the more important classes are expected to want by then. So a group that will be exhausted is left early for
//! the next one, and the last of them is paced. Where windows empty evenly next to nothing has to be kept; after a burst it
//! is what the important ones will want until the burst has left.
//!
//! Invariant: a class that had less than its share of the last minute is never paced, and without a fresh outlook nobody is.
//! Absent on purpose: foreseeing (`plan`), and any look at more than one number for a decision.

use std::sync::Arc;
use std::time::Duration;

use super::balancer::Balancer;
use super::health::Standing;
use super::judge::{Hope, Judged, Ruling, Seat};
use super::order::CLASSES;
use super::request::{Job, RouteState};
use crate::model::checked::CheckedGroup;
use crate::model::config::{AdminState, Priority};
use crate::model::decision::Exclusion;
use crate::model::insight::Paced;
use crate::model::outlook::{Demand, Outlook};
use crate::model::units::Timestamp;

/// How far ahead it is looked, in seconds. What is free at each must last until the next.
pub(super) const HORIZONS: [u64; MOMENTS] =
    [0, 1, 2, 3, 4, 6, 8, 11, 14, 17, 20, 23, 26, 29, 32, 35, 38, 41, 44, 47, 50, 53, 56, 59];
const MOMENTS: usize = 24;
/// By then everything of now has left, guards included.
pub(super) const LAST: u64 = 63;
/// No more of the whole stays free for interactive requests that may come at any moment, in thousandths.
const AT_HAND_AT_MOST: u64 = 20;
/// How long an allowance is used before it is made again.
const FRESH: Duration = Duration::from_millis(100);
/// An older outlook says nothing.
const OUTLOOK_LASTS: Duration = Duration::from_secs(30);
/// What normal requests get of the last minute's tokens whatever else is expected, in percent.
pub(super) const NORMAL_SHARE: u64 = 25;

/// How much the less important classes may still take, for each group together with those above it.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowance {
    made: Timestamp,
    /// For normal and bulk.
    groups: Vec<[u64; 2]>,
    /// What all groups let through in a minute; `None`: not known for each.
    whole: Option<u64>,
}

/// Free tokens at each horizon, and the limit; `None` where a limit is not known.
type Free = Option<([u64; MOMENTS], u64)>;

impl Balancer {
    /// What clients are expected to ask for.
    pub(super) fn foreseen(&mut self, outlook: Arc<Outlook>) {
        for route in &mut self.routes {
            let demand = outlook.route(&route.model).map(|route| route.demand);
            route.demand = demand.filter(|[interactive, normal, _]| interactive.upper > 0 || normal.upper > 0);
            route.allowance = None;
        }
        self.outlook = outlook;
    }

    /// Withholds, from a request of lesser importance, what is kept for more important ones. `in_turn`: nobody of its
    /// class or below waits for the same.
    pub(super) fn pace(&mut self, now: Timestamp, job: &Job, judged: &mut [Judged], in_turn: bool) {
        let (class, Some(place)) = (job.profile.priority, job.route) else { return };
        if class == Priority::Interactive || !self.refresh_allowance(now, place) {
            return;
        }
        let Some(route) = self.routes.get(place) else { return };
        let Some(allowance) = &route.allowance else { return };
        let again = Hope::At(allowance.made.after(FRESH));
        let due = route.is_due(now, class, job.charge, self.config.queue.bulk_share_percent);
        let behind = !in_turn && route.paced_in(&job.lane).is_some_and(|paced| paced == class || paced < class && !due);
        let last = allowance.groups.len().saturating_sub(1);
        for one in judged.iter_mut().filter(|one| one.fits() && !one.is_probe()) {
            let allowed = allowance.groups.get(one.group).map_or(u64::MAX, |[normal, bulk]| match class {
                Priority::Bulk => *bulk,
                Priority::Interactive | Priority::Normal => *normal,
            });
            let kept = one.estimate.charge > allowed && !(due && one.group == last);
            if kept || behind {
                let why = if kept { Exclusion::KeptForImportant } else { Exclusion::LineAhead };
                one.ruling = Ruling::Out(why, again);
            }
        }
    }

    /// The least of the more important priorities for which this endpoint would not be kept from the request.
    pub(super) fn unpaced_as(&self, job: &Job, one: &Judged) -> Option<Priority> {
        let route = self.routes.get(job.route?)?;
        let [normal, _] = route.allowance.as_ref()?.groups.get(one.group)?;
        match job.profile.priority {
            Priority::Bulk if one.estimate.charge <= *normal && route.paced_in(&job.lane) != Some(Priority::Normal) => {
                Some(Priority::Normal)
            }
            Priority::Bulk | Priority::Normal => Some(Priority::Interactive),
            Priority::Interactive => None,
        }
    }

    /// Counts what goes against the allowance and the shares.
    pub(super) fn note_taken(&mut self, now: Timestamp, job: &Job, one: &Judged) {
        let Some(route) = job.route.and_then(|route| self.routes.get_mut(route)) else { return };
        if route.demand.is_none() {
            return;
        }
        let class = job.profile.priority;
        if let Some(window) = route.shares.iter_mut().find(|(of, _)| *of == class) {
            window.1.add(now, one.estimate.charge);
        }
        let groups = route.allowance.iter_mut().flat_map(|allowance| &mut allowance.groups).skip(one.group);
        for [normal, bulk] in groups {
            if class != Priority::Interactive {
                *normal = normal.saturating_sub(one.estimate.charge);
            }
            *bulk = bulk.saturating_sub(if class == Priority::Bulk { one.estimate.charge } else { 0 });
        }
    }

    /// Whether more than bulk is foreseen on a route, as far as one can tell now.
    pub(super) fn is_foreseen(&self, now: Timestamp, place: usize) -> bool {
        let demand = self.routes.get(place).and_then(|route| route.demand);
        demand.is_some() && now.since(self.outlook.at) <= OUTLOOK_LASTS
    }

    /// Whether there is an allowance to go by.
    fn refresh_allowance(&mut self, now: Timestamp, place: usize) -> bool {
        let Some(route) = self.routes.get(place) else { return false };
        let Some(demand) = route.demand.filter(|_| now.since(self.outlook.at) <= OUTLOOK_LASTS) else { return false };
        if route.allowance.as_ref().is_none_or(|allowance| now.since(allowance.made) >= FRESH) {
            let allowance = self.allowance(now, place, demand);
            if let Some(route) = self.routes.get_mut(place) {
                route.allowance = allowance;
            }
        }
        true
    }

    fn allowance(&self, now: Timestamp, place: usize, [interactive, normal, _]: [Demand; 3]) -> Option<Allowance> {
        let route = self.config.routes.get(place)?;
        let bulk_share = u64::from(self.config.queue.bulk_share_percent).min(90);
        let mut sum: Free = Some(Default::default());
        let groups = route.groups.iter().map(|group| {
            sum = together(sum, self.free_of(now, group));
            let Some((free, whole)) = sum else { return [u64::MAX; 2] };
            let at_hand = at_hand(interactive, whole);
            let both = interactive.upper.saturating_add(normal.upper);
            [(interactive.upper, NORMAL_SHARE), (both, bulk_share)].map(|(upper, own)| {
                // Where nobody more important is foreseen, nothing is kept.
                if upper == 0 {
                    return u64::MAX;
                }
                let rate = upper.min(share(whole, 100 - own, 100));
                let until = HORIZONS.into_iter().skip(2).chain([LAST]);
                let needs = [at_hand].into_iter().chain(until.map(|seconds| share(rate, seconds, 60)));
                let left = free.into_iter().zip(needs).map(|(free, need)| free.saturating_sub(need));
                left.min().unwrap_or(u64::MAX)
            })
        });
        let groups = groups.collect();
        Some(Allowance { made: now, groups, whole: sum.map(|(_, whole)| whole) })
    }

    /// What the members of a group have free, pools counted once.
    fn free_of(&self, now: Timestamp, group: &CheckedGroup) -> Free {
        let mut sum: Free = Some(Default::default());
        let mut pools: Vec<(usize, Free)> = Vec::new();
        for member in group.members.iter().filter(|member| member.region_rank.is_some()) {
            let Some(seat) = self.seat(member.endpoint) else { continue };
            let free = free_at(now, &seat);
            match seat.spec.pool {
                Some(pool) => match pools.iter_mut().find(|(known, _)| *known == pool) {
                    Some((_, sum)) => *sum = together(*sum, free),
                    None => pools.push((pool, free)),
                },
                None => sum = together(sum, free),
            }
        }
        for (pool, members) in pools {
            let spec = self.config.pools.get(pool);
            let state = self.pool_slot_of.get(pool).and_then(|slot| self.pools.get(*slot));
            let Some((spec, state)) = spec.zip(state) else { continue };
            let limits = state.limits(spec);
            let whole = moments(now).map(|at| state.ledger.free_tokens(at, limits).unwrap_or(u64::MAX));
            let (free, limit) = members.unwrap_or(([u64::MAX; MOMENTS], u64::MAX));
            let mut least = free;
            for (least, whole) in least.iter_mut().zip(whole) {
                *least = whole.min(*least);
            }
            sum = together(sum, Some((least, limit.min(limits.tokens.unwrap_or(u64::MAX)))));
        }
        sum
    }
}

impl RouteState {
    /// What less important requests may still take of a group and those above; `None`: nothing is kept from them.
    pub(super) fn paced_at(&self, now: Timestamp, group: usize) -> Option<Paced> {
        self.demand?;
        let allowance = self.allowance.as_ref().filter(|allowance| now.since(allowance.made) <= OUTLOOK_LASTS)?;
        let [normal, bulk] = *allowance.groups.get(group)?;
        (bulk < u64::MAX).then_some(Paced { normal, bulk })
    }

    /// What a class was charged in the last minute, as far as it is counted.
    pub(super) fn taken(&self, now: Timestamp, class: Priority) -> u64 {
        self.shares.iter().find(|(of, _)| *of == class).map_or(0, |(_, window)| window.taken(now))
    }

    /// Whether a class had less than its share of the last minute: of what a minute lets through, or of what it did where
    /// that was more, since what requests leave unused is given back.
    pub(super) fn is_due(&self, now: Timestamp, class: Priority, charge: u64, bulk_share: u32) -> bool {
        let whole = self.allowance.as_ref().and_then(|allowance| allowance.whole);
        let through = CLASSES.into_iter().fold(0_u64, |sum, class| sum.saturating_add(self.taken(now, class)));
        let whole = whole.map(|whole| whole.max(through));
        let taken = self.taken(now, class);
        let percent = if class == Priority::Bulk { u64::from(bulk_share) } else { NORMAL_SHARE };
        // A little more, or it would have less whenever its requests do not come at the very moment they may go.
        whole.is_some_and(|whole| taken.saturating_add(charge) <= share(whole, percent.saturating_mul(21), 2_000))
    }
}

/// What stays free for the interactive requests of the next moments: a second of what is expected, and two more of by how
/// much that may be wrong. Those of one size come nearly as expected; where few are large, one of them must find room.
pub(super) fn at_hand(interactive: Demand, whole: u64) -> u64 {
    let unsure = interactive.upper.saturating_sub(interactive.expected);
    let wanted = share(interactive.expected, 1, 60).saturating_add(share(unsure, 2, 60));
    wanted.min(share(whole, AT_HAND_AT_MOST, 1_000))
}

fn moments(now: Timestamp) -> [Timestamp; MOMENTS] {
    HORIZONS.map(|seconds| now.after(Duration::from_secs(seconds)))
}

/// What an endpoint has free, if nothing more goes there.
fn free_at(now: Timestamp, seat: &Seat<'_>) -> Free {
    let limits = seat.state.limits(seat.spec);
    let standing = seat.state.health.standing(now, 1, seat.state.pace(seat.spec));
    let back = match standing {
        _ if seat.state.admin != AdminState::Enabled || !seat.has_key => return Some(Default::default()),
        Standing::Probing(None) => return Some(Default::default()),
        Standing::Resting(until, _) | Standing::Probing(Some(until)) => until,
        Standing::Open | Standing::Probe | Standing::Ramping(_) => now,
    };
    let mut free = [0; MOMENTS];
    for (free, at) in free.iter_mut().zip(moments(now)).filter(|(_, at)| *at >= back) {
        *free = seat.state.ledger.free_tokens(at, limits)?;
    }
    Some((free, limits.tokens?))
}

/// Two of them; unknown if either is.
fn together(one: Free, other: Free) -> Free {
    let ((mut free, limit), (more, also)) = (one?, other?);
    for (sum, add) in free.iter_mut().zip(more) {
        *sum = sum.saturating_add(add);
    }
    Some((free, limit.saturating_add(also)))
}

/// `whole` × `part` / `of`.
pub(super) fn share(whole: u64, part: u64, of: u64) -> u64 {
    u64::try_from(u128::from(whole) * u128::from(part) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
