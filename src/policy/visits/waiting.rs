//! Visits that wait or are under way, as the person sees them in the queue, and ends them.
//!
//! Invariant: whoever waits is listed with what it waits for, whether in a route's line or for an account, and whoever was sent is
//! in flight until it ends.
//! Absent on purpose: moving one up, or sending it by hand. What it waits for is nobody's turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::leave::Leave;
use super::{Stage, Visitor};
use crate::model::decision::RefusalReason;
use crate::model::id::{AccountId, RequestId};
use crate::model::profile::RequestProfile;
use crate::model::status::{Health, RunningView, VisitedView, WaitCause, WaitingView};
use crate::model::units::Timestamp;
use crate::policy::balancer::Balancer;
use crate::policy::event::Output;

impl Balancer {
    /// Who waits, and for how long it has.
    pub(in crate::policy) fn visits_waiting(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (&RequestProfile, std::time::Duration)> {
        let waiting = self.visits.wakes.iter().filter_map(|(_, request)| self.visits.under_way.get(request));
        waiting.map(move |visitor| (&*visitor.profile, visitor.waited_by(now)))
    }

    /// Accounts that visits were told to leave alone, or are coming back to.
    pub(in crate::policy) fn visited_views(&self, now: Timestamp) -> Vec<VisitedView> {
        let known = self.visits.accounts.iter().map(|(account, health)| (account, health.health(now)));
        let shown = known.filter(|(_, health)| !matches!(health, Health::Unknown | Health::Healthy));
        shown.map(|(account, health)| VisitedView { account: account.clone(), health }).collect()
    }

    /// As many of them as are listed, by when they look again.
    pub(in crate::policy) fn visits_listed(&self, now: Timestamp, most: usize) -> Vec<WaitingView> {
        let mut places: BTreeMap<&AccountId, u32> = BTreeMap::new();
        let waiting = self.visits.wakes.iter();
        let each = waiting.filter_map(|(_, request)| {
            let visitor = self.visits.under_way.get(request)?;
            let place = places.entry(&visitor.visit.account).or_default();
            *place = place.saturating_add(1);
            self.visit_view(now, *request, visitor, *place)
        });
        each.take(most).collect()
    }

    fn visit_view(&self, now: Timestamp, request: RequestId, visitor: &Visitor, position: u32) -> Option<WaitingView> {
        let Stage::Waiting { until, deadline, .. } = visitor.stage else { return None };
        let profile = &visitor.profile;
        let cause = match self.may_visit(now, visitor).0 {
            Leave::CallerLacks(_) => WaitCause::Caller,
            _ => WaitCause::Account(visitor.visit.account.clone()),
        };
        Some(WaitingView {
            request,
            route: profile.model.clone(),
            position,
            priority: profile.priority,
            caller: profile.caller.clone(),
            client: Arc::clone(&profile.client),
            charge: 0,
            since: now.before(visitor.waited_by(now)),
            deadline: Some(deadline),
            expected: (until < deadline).then(|| until.max(now)),
            kept: None,
            cause,
        })
    }

    /// How many were sent and have not ended.
    pub(in crate::policy) fn visiting_count(&self) -> usize {
        self.visits.under_way.values().filter(|visitor| matches!(visitor.stage, Stage::Sent { .. })).count()
    }

    /// Those that were sent and have not ended, the oldest first. They reserve nothing.
    pub(in crate::policy) fn visits_sent(&self) -> impl Iterator<Item = RunningView> {
        self.visits.under_way.iter().filter_map(|(request, visitor)| {
            let Stage::Sent { slot, at } = visitor.stage else { return None };
            let profile = &visitor.profile;
            Some(RunningView {
                request: *request,
                route: Some(profile.model.clone()),
                endpoint: self.endpoints.get(slot)?.id.clone(),
                priority: profile.priority,
                caller: profile.caller.clone(),
                client: Arc::clone(&profile.client),
                charge: 0,
                attempt: visitor.attempts,
                sent: at,
                waited: visitor.waited,
                committed: visitor.committed,
            })
        })
    }

    /// The person lets it wait no longer. Ignored unless it waits.
    pub(in crate::policy) fn cancel_visit(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let waits = |visitor: &Visitor| matches!(visitor.stage, Stage::Waiting { .. });
        if !self.visits.under_way.get(&request).is_some_and(waits) {
            return;
        }
        let Some(visitor) = self.take_waiting(request) else { return };
        let (_, judged) = self.may_visit(now, &visitor);
        self.refuse_visit(now, request, &visitor, &judged, RefusalReason::Cancelled, outputs);
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
