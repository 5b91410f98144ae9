//! When requests leave a priority group before it is full, and when they come back.
//!
//! What is foreseen does not make a request leave early here. A forecast that a group will be full begins a spill only for those
//! who would take room from more important ones (`pacing`). Among equals it would move the need, not lessen it: the place that
//! one leaves is taken by the next, so as many go on to the lower group, and those that went first found room where they left.
//! Whoever wants some of it kept in any case says so by `spill_percent`.
//!
//! Invariant: staying away never makes a request wait or fail; where no lower group has room, the group that was left is used.
//! Absent on purpose: timers. Whether a group is to be left is asked when a request comes, and nothing changes between.

use super::balancer::Balancer;
use super::judge::{Hope, Judged, Ruling};
use super::request::Job;
use crate::model::checked::{CheckedGroup, CheckedRoute};
use crate::model::config::AdminState;
use crate::model::decision::Exclusion;
use crate::model::id::GroupId;
use crate::model::status::{Health, Withheld};
use crate::model::units::Timestamp;

/// All of a limit, in the unit of shares.
const WHOLE: u64 = 1_000_000;

/// What a route remembers of one of its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    group: GroupId,
    /// Since when its requests go on to lower groups.
    left: Option<Timestamp>,
}

impl Stay {
    /// One for each group of a route, keeping what is known of those that were there before.
    pub(super) fn of(route: &CheckedRoute, before: &[Self]) -> Vec<Self> {
        let known = |group: &CheckedGroup| before.iter().find(|stay| stay.group == group.id).and_then(|stay| stay.left);
        route.groups.iter().map(|group| Self { group: group.id.clone(), left: known(group) }).collect()
    }
}

impl CheckedGroup {
    /// Whether requests may leave it before it is full, or stay away longer than it is.
    pub(super) fn is_leavable(&self) -> bool {
        self.spill_percent < 100 || self.return_percent < 100 || !self.min_stay.is_zero()
    }
}

impl Balancer {
    /// Excludes what fits in groups that are to be left, as far as a lower group takes the request.
    pub(super) fn withhold(&self, now: Timestamp, job: &Job, judged: &mut [Judged]) {
        let Some((place, route)) = job.route.and_then(|at| Some((at, self.config.routes.get(at)?))) else { return };
        if !route.groups.iter().any(CheckedGroup::is_leavable) {
            return;
        }
        let keeps_out = |group: usize| self.withheld(now, place, group).is_some();
        let mut asked = None;
        let open = judged.iter().filter(|one| one.fits()).map(|one| one.group).find(|group| {
            // Members of a group stand together: each group is asked once.
            asked.replace(*group) != Some(*group) && !keeps_out(*group)
        });
        let Some(open) = open else { return };
        for one in judged.iter_mut().filter(|one| one.group < open && one.fits()) {
            let (Some(group), Some(held)) = (route.groups.get(one.group), self.withheld(now, place, one.group)) else {
                continue;
            };
            let when = (held.until > now).then_some(held.until);
            one.ruling = Ruling::Out(Exclusion::Withheld, when.map_or(Hope::Event, Hope::At));
            (one.needs, one.limit) = (u64::from(held.below_percent), Some(100));
            (one.has, one.free_at) = (Some(self.taken_share(now, group) / (WHOLE / 100)), when);
        }
    }

    /// Whether requests are to stay away from a group at `now`, and how it ends.
    pub(super) fn withheld(&self, now: Timestamp, route: usize, group: usize) -> Option<Withheld> {
        let spec = self.config.routes.get(route)?.groups.get(group).filter(|group| group.is_leavable())?;
        let left = self.routes.get(route)?.stays.get(group).and_then(|stay| stay.left);
        let percent = if left.is_some() { spec.return_percent } else { spec.spill_percent };
        let since = left.unwrap_or(now);
        let until = left.map_or(now, |left| left.after(spec.min_stay));
        let full = percent < 100 && self.taken_share(now, spec) >= u64::from(percent).saturating_mul(WHOLE / 100);
        let below_percent = u8::try_from(percent).unwrap_or(100);
        (full || until > now).then_some(Withheld { since, until, below_percent })
    }

    /// A request is about to go to `chosen`: groups above it were left, and whoever comes back has returned.
    pub(super) fn note_group(&mut self, now: Timestamp, job: &Job, judged: &[Judged], chosen: usize) {
        let Some(place) = job.route else { return };
        let Some(route) = self.config.routes.get(place) else { return };
        let crowded = |group: usize| judged.iter().any(|one| one.group == group && is_crowded(one));
        let leaves = |group: &usize| route.groups.get(*group).is_some_and(CheckedGroup::is_leavable) && crowded(*group);
        let left: Vec<usize> = (0..chosen).filter(leaves).collect();
        let known =
            self.routes.get(place).and_then(|route| route.stays.get(chosen)).is_some_and(|one| one.left.is_some());
        let returns = known && self.withheld(now, place, chosen).is_none();
        let Some(state) = self.routes.get_mut(place) else { return };
        for group in left {
            if let Some(stay) = state.stays.get_mut(group) {
                stay.left = stay.left.or(Some(now));
            }
        }
        if let Some(stay) = state.stays.get_mut(chosen).filter(|_| returns) {
            stay.left = None;
        }
    }

    /// The taken share of what the group's usable members may give in all, in millionths: of each the scarcest of its
    /// limits, its pool's included.
    pub(super) fn taken_share(&self, now: Timestamp, group: &CheckedGroup) -> u64 {
        let (mut whole, mut free) = (0_u128, 0_u128);
        for member in group.members.iter().filter(|member| member.region_rank.is_some()) {
            let Some(seat) = self.seat(member.endpoint) else { continue };
            let gone = matches!(seat.state.health.health(now), Health::Resting { until, .. } if until > now);
            if seat.state.admin != AdminState::Enabled || !seat.has_key || gone {
                continue;
            }
            let weight = u128::from(seat.token_limit().unwrap_or(1));
            whole = whole.saturating_add(weight);
            free = free.saturating_add(weight.saturating_mul(u128::from(seat.share(now))) / u128::from(WHOLE));
        }
        let taken = whole.saturating_sub(free).saturating_mul(u128::from(WHOLE)).checked_div(whole);
        u64::try_from(taken.unwrap_or(0)).unwrap_or(WHOLE)
    }
}

/// Whether lack of room kept the request away: that is a spill. A failure is not, nor is a size that never fits.
const fn is_crowded(one: &Judged) -> bool {
    matches!(
        one.ruling,
        Ruling::Out(
            Exclusion::TokensShort
                | Exclusion::RequestsShort
                | Exclusion::InputShort
                | Exclusion::OutputShort
                | Exclusion::DayShort
                | Exclusion::SoftCap
                | Exclusion::PoolShort
                | Exclusion::ForeignTraffic
                | Exclusion::GrowthGuard
                | Exclusion::InFlightFull
                | Exclusion::Withheld,
            _
        )
    )
}

#[cfg(test)]
#[path = "spill_tests.rs"]
mod tests;
