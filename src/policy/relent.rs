//! When everything rests because of our own judgement, the least bad is tried rather than nothing.
//!
//! Invariant: never against what the service told us, nor against a rejected key, a block or a missing deployment; one
//! request at a time, none within a second of the last one or of its own last failure.
//! Absent on purpose: ending a rest. The one that is tried is a probe like any other.

use std::time::Duration;

use super::balancer::Balancer;
use super::health::Standing;
use super::judge::{Hope, Judged, Ruling};
use super::request::Job;
use crate::model::decision::Exclusion;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;

/// How long after the last such try, and after its own last failure, an endpoint is left alone.
const APART: Duration = Duration::from_secs(1);

impl Balancer {
    /// Lets the first due back take the request if nothing can and every rest is ours to end.
    pub(super) fn relent(&self, now: Timestamp, job: &Job, judged: &mut [Judged]) {
        // A look at the verdicts is all it costs where something else than rest is in the way.
        let rests = |one: &Judged| match one.ruling {
            _ if one.health == Health::Probing => false,
            Ruling::Out(_, Hope::Never) | Ruling::Out(Exclusion::Ejected | Exclusion::Throttled, _) => true,
            Ruling::Out(Exclusion::TriedAlready, _) => matches!(one.health, Health::Resting { .. }),
            _ => false,
        };
        if !judged.iter().all(rests) {
            return;
        }
        let resting = judged.iter().enumerate().filter_map(|(at, one)| Some((self.ends(now, job, one)?, at)));
        let Some(((until, ours), at)) = resting.min() else { return };
        let tried = self.routes.get(job.route.unwrap_or(usize::MAX)).and_then(|route| route.relented);
        let slot = judged.get(at).map_or(usize::MAX, |one| one.slot);
        let failed = self.endpoints.get(slot).and_then(|endpoint| endpoint.failed_at);
        let when = tried.max(failed).map_or(now, |last| last.after(APART));
        let Some(one) = judged.get_mut(at).filter(|_| ours && when < until) else { return };
        if when > now {
            one.ruling = match one.ruling {
                Ruling::Out(why, _) => Ruling::Out(why, Hope::At(when)),
                fits => fits,
            };
        } else {
            one.ruling = Ruling::LeastBad;
        }
    }

    /// When its rest ends, and whether we made that up. `None`: waiting for that end does not help.
    fn ends(&self, now: Timestamp, job: &Job, one: &Judged) -> Option<(Timestamp, bool)> {
        let group = self.config.routes.get(job.route?)?.groups.get(one.group)?;
        let seat = self.seat_for(job, *group.members.get(one.place)?)?;
        let Ruling::Out(_, Hope::At(_)) = one.ruling else { return None };
        let Standing::Resting(until, cause) = seat.state.health.standing(now, one.estimate.charge, seat.pace()) else {
            return None;
        };
        let guessed = matches!(cause, RestCause::Errors | RestCause::Unreachable | RestCause::Throttled(_));
        let ours = guessed && seat.state.told_until() <= now && seat.has_room(now, job, one.estimate);
        Some((until, ours))
    }
}

#[cfg(test)]
#[path = "relent_tests.rs"]
mod tests;
