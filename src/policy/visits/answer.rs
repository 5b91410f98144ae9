//! What a visit is told: the decision it rests on, and a refusal.
//!
//! Invariant: every endpoint of the account is named with what was said of it.
//! Absent on purpose: deciding (`leave`).

use std::sync::Arc;

use super::Visitor;
use super::leave::Door;
use crate::model::candidates::Candidates;
use crate::model::decision::{Conclusion, Decision, Estimate, Refusal, RefusalReason};
use crate::model::id::{EndpointId, ModelName, RequestId};
use crate::model::units::Timestamp;
use crate::policy::balancer::Balancer;
use crate::policy::event::Output;

impl Balancer {
    pub(super) fn refuse_visit(
        &mut self,
        now: Timestamp,
        request: RequestId,
        visitor: &Visitor,
        judged: &[Door],
        reason: RefusalReason,
        outputs: &mut Vec<Output>,
    ) {
        self.refused = self.refused.saturating_add(1);
        self.caller_is_done(now, visitor, true);
        let decision = Some(self.visit_decision(now, visitor, judged, Conclusion::Refused(reason)));
        let retry_at = judged.iter().filter_map(|(.., free_at)| *free_at).min();
        let retry_at =
            retry_at.filter(|_| matches!(reason, RefusalReason::AccountRests | RefusalReason::NoCapacityInTime));
        outputs.push(Output::Refused { request, refusal: Refusal { reason, retry_at }, decision });
    }

    pub(super) fn visit_decision(
        &mut self,
        now: Timestamp,
        visitor: &Visitor,
        judged: &[Door],
        conclusion: Conclusion,
    ) -> Arc<Decision> {
        let name = |at: &usize| self.config.endpoints.get(*at).map(|spec| spec.id.clone());
        let names: Arc<[EndpointId]> = judged.iter().filter_map(|(at, ..)| name(at)).collect();
        let mut candidates = Candidates::of(names);
        for (_, footing, free_at) in judged {
            candidates.push(*footing, None, *free_at);
        }
        let next = u32::from(matches!(conclusion, Conclusion::Held { .. } | Conclusion::Refused(_)));
        Arc::new(Decision {
            id: self.next_decision(),
            at: now,
            revision: self.config.revision,
            route: ModelName::clone(&visitor.profile.model),
            attempt: visitor.attempts.saturating_add(next).max(1),
            estimate: Estimate::default(),
            waited: visitor.waited_by(now),
            candidates,
            conclusion,
            bound: Some(visitor.visit.account.clone()),
            went_on: None,
            would_have: None,
        })
    }
}
