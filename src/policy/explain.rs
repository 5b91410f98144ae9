//! Writes down an act of choosing.
//!
//! Invariant: every number comes from the judgement that was acted on.
//! Absent on purpose: sentences, and any judgement of its own.

use std::sync::Arc;

use super::balancer::Balancer;
use super::choose::Pick;
use super::judge::{Judged, Ruling};
use super::request::Job;
use crate::model::candidates::{Candidates, Footing};
use crate::model::decision::{Conclusion, Decision, Exclusion, Verdict};
use crate::model::id::{DecisionId, ModelName};
use crate::model::units::Timestamp;

/// Ids are shown with six hex digits.
const ID_BITS: u64 = 0x00ff_ffff;
/// Odd, so that every id comes once before any comes twice.
const ID_STRIDE: u64 = 0x9e_3779;

impl Balancer {
    /// A decision's name.
    pub(super) const fn next_decision(&mut self) -> DecisionId {
        self.decisions = self.decisions.wrapping_add(1);
        DecisionId(self.decisions.wrapping_mul(ID_STRIDE).wrapping_add(self.seed) & ID_BITS)
    }

    /// The decision for a request as judged.
    pub(super) fn explain(
        &mut self,
        now: Timestamp,
        job: &Job,
        judged: &[Judged],
        pick: Option<Pick>,
        conclusion: Conclusion,
    ) -> Arc<Decision> {
        let id = self.next_decision();
        let route = job.route.and_then(|route| self.config.routes.get(route));
        let shown = pick.map_or(0, |pick| pick.at);
        let is_passed_on = matches!(conclusion, Conclusion::PassedOn);
        let attempt = job.attempts.saturating_add(u32::from(!is_passed_on));
        let names = job.route.and_then(|route| self.routes.get(route)).map(|route| Arc::clone(&route.members));
        // Of what fits and is not taken.
        let left = match conclusion {
            Conclusion::Sent | Conclusion::PassedOn => Exclusion::NotNeeded,
            Conclusion::Held { .. } | Conclusion::Refused(_) => Exclusion::NotAsked,
        };
        let mut candidates = Candidates::of(names.unwrap_or_default());
        for (at, one) in judged.iter().enumerate() {
            let verdict = verdict(one, pick.filter(|pick| pick.at == at), left);
            candidates.push(footing(one, verdict), one.has, one.free_at);
        }
        Arc::new(Decision {
            id,
            at: now,
            revision: self.config.revision,
            route: route.map_or_else(|| job.profile.model.clone(), |route| ModelName::clone(&route.model)),
            attempt: attempt.max(1),
            estimate: judged.get(shown).map(|one| one.estimate).unwrap_or_default(),
            waited: job.waited_by(now),
            candidates,
            conclusion,
            bound: job.binding.account().cloned(),
            went_on: pick.and_then(|pick| route?.groups.get(judged.get(pick.at)?.group)?.model.clone()),
            would_have: if is_passed_on { None } else { self.would_have(now, job, judged, pick) },
        })
    }
}

fn footing(one: &Judged, verdict: Verdict) -> Footing {
    Footing {
        group: group_number(one),
        admin_state: one.admin_state,
        health: one.health,
        needs: one.needs,
        limit: one.limit,
        verdict,
    }
}

/// A group's number as shown, from 1.
pub(super) fn group_number(one: &Judged) -> u32 {
    u32::try_from(one.group).unwrap_or(u32::MAX).saturating_add(1)
}

const fn verdict(one: &Judged, pick: Option<Pick>, left: Exclusion) -> Verdict {
    match (pick, one.ruling) {
        (Some(pick), _) => Verdict::Chosen(pick.choice),
        (None, Ruling::Fits { .. } | Ruling::LeastBad) => Verdict::Excluded(left),
        (None, Ruling::Out(why, _)) => Verdict::Excluded(why),
    }
}
