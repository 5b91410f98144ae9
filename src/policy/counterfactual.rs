//! The smallest single change that would have kept a request on a better endpoint.
//!
//! Invariant: a change is named only if judging again with it, and it alone, finds that the request fits.
//! Absent on purpose: searching. The verdicts' numbers say what was missing; a few of them are judged again, however many
//! candidates there are, and none where the first choice took the request.

use super::balancer::Balancer;
use super::choose::Pick;
use super::judge::{Hope, Judged, Ruling, Seat};
use super::ledger::{Ledger, Limits};
use super::request::Job;
use crate::model::checked::CheckedEndpoint;
use crate::model::config::{AdminState, Enforcement};
use crate::model::counterfactual::{Change, Counterfactual};
use crate::model::decision::{Choice, Exclusion};
use crate::model::profile::RequestSize;
use crate::model::status::LimitSource;
use crate::model::units::{MINUTE, Timestamp, Unit};

/// How many candidates of a group are judged again at most.
const TRIED: usize = 2;

impl Balancer {
    /// For the highest group that did not take the request and could have; `pick`: what was chosen instead.
    pub(super) fn would_have(
        &self,
        now: Timestamp,
        job: &Job,
        judged: &[Judged],
        pick: Option<Pick>,
    ) -> Option<Counterfactual> {
        let limit = pick.and_then(|pick| judged.get(pick.at)).map_or(usize::MAX, |one| one.group);
        let by_hand = pick.is_some_and(|pick| pick.choice == Choice::ByHand);
        if limit == 0 || by_hand {
            return None;
        }
        let alone = pick.is_some() || self.is_first(job);
        judged
            .chunk_by(|one, next| one.group == next.group)
            .take_while(|group| group.first().is_some_and(|one| one.group < limit))
            .find_map(|group| {
                let mut after = None;
                (0..TRIED).find_map(|_| {
                    let ranked = group.iter().enumerate().map(|(at, one)| ((distance(now, one), at), one));
                    let (key, one) =
                        ranked.filter(|(key, _)| after.is_none_or(|after| *key > after)).min_by_key(|(key, _)| *key)?;
                    after = Some(key);
                    self.change_for(now, job, one, alone)
                })
            })
    }

    /// Whether nobody waits who would go first.
    fn is_first(&self, job: &Job) -> bool {
        let line = job.route.and_then(|route| self.routes.get(route)).map(|route| &route.line);
        line.is_none_or(|line| {
            let first = line.first().is_none_or(|first| first.order == job.order);
            first || line.outranks(job.profile.priority, job.charge)
        })
    }

    /// What alone would have made it fit there.
    fn change_for(&self, now: Timestamp, job: &Job, one: &Judged, alone: bool) -> Option<Counterfactual> {
        let group = self.config.routes.get(job.route?)?.groups.get(one.group)?;
        let seat = self.seat_for(job, *group.members.get(one.place)?)?;
        let change = match one.ruling {
            // It would go there if it were to be asked.
            Ruling::Fits { .. } | Ruling::LeastBad => None,
            Ruling::Out(Exclusion::LineAhead, _) => Some(Change::NobodyAhead),
            // What is expected of others no change makes undone; but it may be one of those for whom room is kept.
            Ruling::Out(Exclusion::KeptForImportant, _) => self.unpaced_as(job, one).map(Change::Priority),
            _ if !alone => None,
            Ruling::Out(Exclusion::Withheld, _) => self.end_of_stay(now, job, one),
            Ruling::Out(why, hope) if self.withheld(now, job.route?, one.group).is_none() => {
                let changes = seat.changes(now, one, why).into_iter().flatten();
                // Who joins a group changes its taken share, and so perhaps whether it is left.
                let mut changes = changes.filter(|change| !group.is_leavable() || !joins(*change));
                let later = || {
                    let (when, change) = seat.later(now, job, hope)?;
                    self.withheld(when, job.route?, one.group).is_none().then_some(change)
                };
                changes.find(|change| seat.flips(now, job, *change)).or_else(later)
            }
            Ruling::Out(..) => None,
        }?;
        let output_cap = seat.smaller_output(now, job, one).filter(|_| size_decided(one));
        Some(Counterfactual { endpoint: seat.spec.id.clone(), change, output_cap })
    }

    /// A group that was left: its time, else its share.
    fn end_of_stay(&self, now: Timestamp, job: &Job, one: &Judged) -> Option<Change> {
        let held = self.withheld(now, job.route?, one.group)?;
        let (taken, below) = (one.has?, u64::from(held.below_percent));
        match (held.until > now, taken >= below && below < 100) {
            (true, true) => None,
            (true, false) => Some(Change::Later(held.until.since(now))),
            (false, _) => Some(Change::NotWithheld(u8::try_from(taken.saturating_add(1).min(100)).unwrap_or(100))),
        }
    }
}

/// How far a candidate was from taking the request, near ones first: what is easily changed, then how much of it.
fn distance(now: Timestamp, one: &Judged) -> (u8, u64) {
    let missing =
        || one.needs.saturating_sub(one.has.unwrap_or(0)).saturating_mul(1_000_000) / one.limit.unwrap_or(1).max(1);
    match one.ruling {
        Ruling::Fits { .. } | Ruling::LeastBad => (0, 0),
        Ruling::Out(
            Exclusion::TokensShort
            | Exclusion::RequestsShort
            | Exclusion::SoftCap
            | Exclusion::PoolShort
            | Exclusion::InputShort
            | Exclusion::OutputShort
            | Exclusion::DayShort
            | Exclusion::CallerShort,
            _,
        ) => (1, missing()),
        Ruling::Out(Exclusion::InFlightFull, _) => (2, 0),
        Ruling::Out(Exclusion::Withheld, _) => (3, one.has.unwrap_or(0)),
        Ruling::Out(Exclusion::TooLarge, _) => (4, missing()),
        Ruling::Out(_, Hope::At(when)) => (5, when.0.saturating_sub(now.0)),
        Ruling::Out(Exclusion::Paused | Exclusion::Draining, _) => (6, 0),
        Ruling::Out(Exclusion::NoKey, _) => (7, 0),
        Ruling::Out(Exclusion::RegionExcluded, _) => (8, 0),
        Ruling::Out(..) => (9, 0),
    }
}

impl Seat<'_> {
    /// What the numbers suggest, most likely first.
    fn changes(&self, now: Timestamp, one: &Judged, why: Exclusion) -> [Option<Change>; 2] {
        let limits = self.state.limits(self.spec);
        let ours = self.state.tokens_are_ours(self.spec);
        let counted = if ours { Enforcement::SlidingLog } else { self.spec.enforcement };
        let own = missing(now, one, (counted, &self.state.ledger, limits)).map(|missing| {
            if self.state.token_source(self.spec) == LimitSource::SoftCap {
                Change::SoftCapHigher(missing)
            } else {
                Change::TokensMore(missing)
            }
        });
        let pool = self.pool.and_then(|(pool, state)| {
            let missing = missing(now, one, (pool.enforcement, &state.ledger, state.limits(pool)))?;
            Some(Change::PoolTokensMore(missing))
        });
        let pool_requests = self.pool.and_then(|(pool, _)| pool.requests_per_minute);
        match why {
            Exclusion::TokensShort | Exclusion::SoftCap | Exclusion::TooLarge => [own, pool],
            Exclusion::PoolShort => {
                let more = more_requests(one, pool_requests)
                    .map(|more| guarded(more, self.pool.map(|(pool, _)| pool.enforcement)));
                [pool, more.map(Change::PoolRequestsMore)]
            }
            Exclusion::RequestsShort => {
                let more = more_requests(one, limits.requests).map(|more| guarded(more, Some(self.spec.enforcement)));
                [more.map(Change::RequestsMore), None]
            }
            Exclusion::InputShort => [self.more(one).map(Change::InputMore), None],
            Exclusion::OutputShort => [self.more(one).map(Change::OutputMore), None],
            // Which of the two it is, judging again tells.
            Exclusion::DayShort => {
                [self.more(one).map(Change::DayTokensMore), self.more(one).map(Change::DayRequestsMore)]
            }
            Exclusion::CallerShort => [self.caller_more(now, one), None],
            Exclusion::InFlightFull => {
                let most = self.spec.max_in_flight.unwrap_or(0);
                [Some(Change::InFlightMore(self.state.in_flight.saturating_sub(most).saturating_add(1))), None]
            }
            Exclusion::Paused | Exclusion::Draining => [Some(Change::Enabled), None],
            Exclusion::NoKey => [Some(Change::KeySet), None],
            Exclusion::RegionExcluded => [Some(Change::RegionPermitted), None],
            _ => [None, None],
        }
    }

    /// How much larger the limit that is short would have to be, which is neither tokens nor requests per minute.
    fn more(&self, one: &Judged) -> Option<u64> {
        let missing = one.needs.checked_sub(one.has?).filter(|missing| *missing > 0)?;
        Some(guarded(missing, Some(self.spec.enforcement)))
    }

    /// What alone would have let its caller in.
    fn caller_more(&self, now: Timestamp, one: &Judged) -> Option<Change> {
        let caller = self.caller?;
        let Some(short) = caller.ledger.shortage(now, one.estimate, caller.limits) else {
            let most = caller.max_in_flight()?;
            return Some(Change::CallerInFlightMore(caller.in_flight.saturating_sub(most).saturating_add(1)));
        };
        let (missing, mut limits) = (short.needs.saturating_sub(short.has), caller.limits);
        let change = match short.unit {
            Unit::Tokens => {
                limits.tokens = raised(limits.tokens, missing);
                Change::CallerTokensMore(missing)
            }
            Unit::Requests => {
                limits.requests = raised(limits.requests, missing);
                Change::CallerRequestsMore(missing)
            }
            _ => return None,
        };
        let alone = caller.full().is_none() && caller.ledger.shortage(now, one.estimate, limits).is_none();
        alone.then_some(change)
    }

    /// Whether the request fits with this change and no other.
    fn flips(&self, now: Timestamp, job: &Job, change: Change) -> bool {
        let mut spec = self.spec.clone();
        let mut pool = self.pool.map(|(pool, _)| pool.clone());
        let (mut admin, mut has_key, mut permitted) = (self.admin, self.has_key, self.permitted);
        let mut caller = self.caller;
        match (change, &mut pool) {
            (Change::TokensMore(more), _) => raise(&mut self.pin(&mut spec).tokens_per_minute, more),
            (Change::RequestsMore(more), _) => raise(&mut self.pin(&mut spec).requests_per_minute, more),
            (Change::InputMore(more), _) => raise(&mut self.pin(&mut spec).input_tokens_per_minute, more),
            (Change::OutputMore(more), _) => raise(&mut self.pin(&mut spec).output_tokens_per_minute, more),
            (Change::DayTokensMore(more), _) => raise(&mut self.pin(&mut spec).tokens_per_day, more),
            (Change::DayRequestsMore(more), _) => raise(&mut self.pin(&mut spec).requests_per_day, more),
            // That it suffices for the caller is known.
            (Change::CallerTokensMore(_) | Change::CallerRequestsMore(_) | Change::CallerInFlightMore(_), _) => {
                caller = None;
            }
            (Change::SoftCapHigher(more), _) => raise(&mut spec.soft_cap, more),
            (Change::InFlightMore(more), _) => {
                spec.max_in_flight = spec.max_in_flight.map(|most| most.saturating_add(more));
            }
            (Change::PoolTokensMore(more), Some(pool)) => {
                pool.tokens_per_minute = pool.tokens_per_minute.saturating_add(more);
            }
            (Change::PoolRequestsMore(more), Some(pool)) => {
                raise(&mut pool.requests_per_minute, more);
            }
            (Change::Enabled, _) => admin = AdminState::Enabled,
            (Change::KeySet, _) => has_key = true,
            (Change::RegionPermitted, _) => permitted = true,
            _ => return false,
        }
        // Where another ceiling would hold then, tokens would be counted in another way, and nobody can say how it looks.
        let counts_alike = self.spec.enforcement == Enforcement::SlidingLog
            || self.state.tokens_are_ours(self.spec) == self.state.tokens_are_ours(&spec);
        if !counts_alike {
            return false;
        }
        let pool = pool.as_ref().zip(self.pool.map(|(_, state)| state));
        let (slot, state) = (self.slot, self.state);
        let changed = Seat { slot, spec: &spec, state, pool, has_key, admin, permitted, caller };
        matches!(changed.rule(now, job), Ruling::Fits { .. })
    }

    /// The limits that hold, as if the person had pinned them.
    fn pin<'s>(&self, spec: &'s mut CheckedEndpoint) -> &'s mut CheckedEndpoint {
        let limits = self.state.limits(self.spec);
        spec.tokens_per_minute = self.state.provider_tokens(self.spec);
        spec.requests_per_minute = limits.requests;
        (spec.input_tokens_per_minute, spec.output_tokens_per_minute) = (limits.input, limits.output);
        (spec.tokens_per_day, spec.requests_per_day) = (limits.tokens_per_day, limits.requests_per_day);
        spec.pinned = true;
        spec
    }

    /// Time alone, if it is known and enough.
    fn later(&self, now: Timestamp, job: &Job, hope: Hope) -> Option<(Timestamp, Change)> {
        let Hope::At(when) = hope else { return None };
        matches!(self.rule(when, job), Ruling::Fits { .. }).then(|| (when, Change::Later(when.since(now))))
    }

    /// The output cap with which the request would have fitted, if size alone was in the way.
    fn smaller_output(&self, now: Timestamp, job: &Job, one: &Judged) -> Option<u64> {
        let size = job.profile.size;
        let pool_free = self.pool.and_then(|(pool, state)| state.ledger.free_tokens(now, state.limits(pool)));
        let free = [self.state.ledger.free_tokens(now, self.state.limits(self.spec)), pool_free];
        let free = free.into_iter().flatten().min()?;
        let output_cap = free.checked_sub(one.estimate.prompt)? / size.choices.max(1);
        let estimate = self.estimate_of(job, &RequestSize { output_cap: Some(output_cap), ..size });
        let smaller = output_cap > 0 && estimate.charge < one.estimate.charge;
        (smaller && matches!(self.rule_for(now, job, estimate), Ruling::Fits { .. })).then_some(output_cap)
    }
}

/// How much larger a token limit would have to be.
fn missing(now: Timestamp, one: &Judged, (counted, ledger, limits): (Enforcement, &Ledger, Limits)) -> Option<u64> {
    let limit = limits.tokens?;
    let needed = match counted {
        // Anything is let in while less than all is used.
        Enforcement::Utilization => ledger.tokens(now).0.saturating_add(1).checked_sub(limit),
        _ => one.estimate.charge.checked_sub(ledger.free_tokens(now, limits)?),
    };
    needed.filter(|missing| *missing > 0).map(|missing| guarded(missing, Some(counted)))
}

/// Whether with this change the endpoint counts among its group's usable members, and did not before.
const fn joins(change: Change) -> bool {
    matches!(change, Change::Enabled | Change::KeySet | Change::RegionPermitted)
}

/// Whether a smaller request would have met another verdict.
const fn size_decided(one: &Judged) -> bool {
    matches!(
        one.ruling,
        Ruling::Out(Exclusion::TokensShort | Exclusion::SoftCap | Exclusion::PoolShort | Exclusion::TooLarge, _)
    )
}

/// A level that drains quicker is also read further behind: by a twentieth at most, and where it rounds.
fn guarded(more: u64, counted: Option<Enforcement>) -> u64 {
    match counted {
        Some(Enforcement::TokenBucket | Enforcement::Utilization) => {
            more.saturating_add(more.div_ceil(19)).saturating_add(1)
        }
        _ => more,
    }
}

fn raised(limit: Option<u64>, more: u64) -> Option<u64> {
    limit.map(|limit| limit.saturating_add(more))
}

fn raise(limit: &mut Option<u64>, more: u64) {
    *limit = raised(*limit, more);
}

/// How many more requests a minute it takes until one more goes, be it the minute's share or a slice's that is full.
fn more_requests(one: &Judged, per_minute: Option<u64>) -> Option<u64> {
    let (has, short, per_minute) = (one.has?, one.limit?, per_minute?);
    let missing = one.needs.saturating_sub(has);
    if short >= per_minute {
        return Some(missing);
    }
    // A slice's share grows by one for each so many of a minute's: see what length of slice gives this share.
    [1, 10].into_iter().find_map(|seconds| {
        let slices = MINUTE.as_secs() / seconds;
        (per_minute / slices == short || short == 1)
            .then(|| short.saturating_add(missing).saturating_mul(slices).saturating_sub(per_minute))
            .filter(|more| *more > 0)
    })
}

#[cfg(test)]
#[path = "counterfactual_tests.rs"]
mod tests;
