//! Requests for what an account keeps: files, lists, stored responses, jobs. A visit takes no tokens, so it waits for none and
//! no endpoint's ledger knows it; but an account that is to be left alone is left alone, and its caller's limits of requests hold.
//!
//! The rule: a visit goes to its account by the first endpoint that is enabled, has a key and does not rest for a cause that
//! concerns the whole account (`leave`; which those are says `rests`). What visits themselves are told, a 429, a 503, errors in a row, rests the account for visits alone,
//! by the same spans and the same single probe as any endpoint's; a refused key rests every endpoint that is signed with it
//! (`verdict`).
//! Who meets a rest waits for its end if that comes in time, and is refused by name else.
//!
//! Invariant: a visit goes to the account that was named or nowhere, and what may have changed something is not sent twice.
//! Absent on purpose: which account that is (`whereabouts`), and runs of models on what is stored, which are requests like others.

mod answer;
mod callers;
mod leave;
mod verdict;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::callers::Paid;
use self::leave::{Door, Leave, reason};
use super::balancer::Balancer;
use super::event::{Assignment, Output, Visit};
use super::health::HealthState;
use crate::model::decision::{Choice, Conclusion, RefusalReason, Verdict};
use crate::model::id::{AccountId, RequestId};
use crate::model::outcome::Ending;
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;

/// Who waits on looks again after this at the soonest, unless something happens.
const LATER: Duration = Duration::from_millis(1);

/// Everybody under way to an account, and how accounts themselves are.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    under_way: BTreeMap<RequestId, Visitor>,
    /// Those that wait, by when they look again.
    wakes: BTreeSet<(Timestamp, RequestId)>,
    accounts: BTreeMap<AccountId, HealthState>,
    /// Callers of which something ended.
    freed: BTreeSet<usize>,
}

/// One that is under way.
#[derive(Clone, Debug)]
struct Visitor {
    profile: Arc<RequestProfile>,
    visit: Visit,
    attempts: u32,
    /// Time spent waiting before the present wait.
    waited: Duration,
    stage: Stage,
    committed: bool,
    /// What it took of its caller, once it was sent.
    paid: Option<Paid>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Looks again at `until`, or when something happens after `earliest`.
    Waiting { since: Timestamp, earliest: Timestamp, until: Timestamp, deadline: Timestamp },
    /// At the endpoint of this slot, since `at`.
    Sent { slot: usize, at: Timestamp },
}

impl Visits {
    /// Whether a request is one of these.
    pub(super) fn holds(&self, request: RequestId) -> bool {
        self.under_way.contains_key(&request)
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// When one that waits looks again.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.wakes.first().map(|(when, _)| *when)
    }

    /// Those that wait for an account; `None`: for any.
    fn waiting(&self, account: Option<&AccountId>) -> Vec<RequestId> {
        let is_there = |request: &RequestId| {
            let visitor = self.under_way.get(request);
            visitor.is_some_and(|visitor| account.is_none_or(|account| *account == visitor.visit.account))
        };
        self.wakes.iter().map(|(_, request)| *request).filter(is_there).collect()
    }

    fn health(&mut self, account: &AccountId) -> &mut HealthState {
        self.accounts.entry(account.clone()).or_insert_with(HealthState::new)
    }
}

impl Visitor {
    fn waited_by(&self, now: Timestamp) -> Duration {
        match self.stage {
            Stage::Waiting { since, .. } => self.waited.saturating_add(now.since(since)),
            Stage::Sent { .. } => self.waited,
        }
    }
}

impl Balancer {
    /// A request wants to go to an account. A visit that the same request made before is over.
    pub(super) fn visiting(
        &mut self,
        now: Timestamp,
        request: RequestId,
        profile: Arc<RequestProfile>,
        visit: Visit,
        outputs: &mut Vec<Output>,
    ) {
        self.visit_over(now, request, Some(Ending::Completed));
        let (attempts, waited, committed) = (0, Duration::ZERO, false);
        let stage = Stage::Waiting { since: now, earliest: now, until: now, deadline: now };
        let visitor = Visitor { profile, visit, attempts, waited, stage, committed, paid: None };
        let (leave, judged) = self.may_visit(now, &visitor);
        match leave {
            _ if self.stopping => self.refuse_visit(now, request, &visitor, &judged, RefusalReason::Stopping, outputs),
            Leave::Now(endpoint) => self.send_visit(now, request, visitor, endpoint, judged, outputs),
            leave => self.wait_or_refuse(now, request, visitor, (&leave, &judged), None, outputs),
        }
    }

    /// Those whose time to look again has come.
    pub(super) fn visits_due(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        let due: Vec<RequestId> =
            self.visits.wakes.iter().take_while(|(when, _)| *when <= now).map(|(_, it)| *it).collect();
        // What came back to a caller by time is offered as what ended is: to whoever of its waited longest.
        for request in &due {
            self.visit_may_be_owed(*request);
        }
        for request in due {
            self.look_again(now, request, outputs);
        }
    }

    /// Something changed: those that wait for this account (`None`: for any) look again.
    pub(super) fn visits_look(&mut self, now: Timestamp, account: Option<&AccountId>, outputs: &mut Vec<Output>) {
        for request in self.visits.waiting(account) {
            self.look_again(now, request, outputs);
        }
    }

    /// Nobody goes anywhere any more.
    pub(super) fn refuse_visits(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        for request in self.visits.waiting(None) {
            let Some(visitor) = self.take_waiting(request) else { continue };
            let (_, judged) = self.may_visit(now, &visitor);
            self.refuse_visit(now, request, &visitor, &judged, RefusalReason::Stopping, outputs);
        }
    }

    fn take_waiting(&mut self, request: RequestId) -> Option<Visitor> {
        let visitor = self.visits.under_way.remove(&request)?;
        if let Stage::Waiting { until, .. } = visitor.stage {
            self.visits.wakes.remove(&(until, request));
        }
        Some(visitor)
    }

    fn look_again(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let Some(visitor) = self.take_waiting(request) else {
            self.visits.wakes.retain(|(_, waiting)| *waiting != request);
            return;
        };
        let Stage::Waiting { since, earliest, deadline, .. } = visitor.stage else { return };
        if now < earliest {
            return self.put_waiting(request, visitor, (since, earliest, earliest, deadline));
        }
        if now < deadline && self.lines_go_first(now, &visitor) {
            // It is looked at again with the lines, when these have taken what is theirs.
            return self.put_waiting(request, visitor, (since, earliest, deadline, deadline));
        }
        let (leave, judged) = self.may_visit(now, &visitor);
        match leave {
            Leave::Now(endpoint) => self.send_visit(now, request, visitor, endpoint, judged, outputs),
            Leave::Later(when) | Leave::CallerLacks(when)
                if now < deadline && when.is_none_or(|when| when <= deadline) =>
            {
                let until = when.unwrap_or(deadline).max(now.after(LATER));
                self.put_waiting(request, visitor, (since, now, until, deadline));
            }
            Leave::Later(_) | Leave::CallerLacks(_) | Leave::Never => {
                let reason = reason(&leave, &visitor);
                self.refuse_visit(now, request, &visitor, &judged, reason, outputs);
            }
        }
    }

    fn put_waiting(
        &mut self,
        request: RequestId,
        visitor: Visitor,
        (since, earliest, until, deadline): (Timestamp, Timestamp, Timestamp, Timestamp),
    ) {
        self.visits.wakes.insert((until, request));
        let stage = Stage::Waiting { since, earliest, until, deadline };
        self.visits.under_way.insert(request, Visitor { stage, ..visitor });
    }

    fn send_visit(
        &mut self,
        now: Timestamp,
        request: RequestId,
        mut visitor: Visitor,
        endpoint: usize,
        mut judged: Vec<Door>,
        outputs: &mut Vec<Output>,
    ) {
        let Some(slot) = self.slot_of.get(endpoint).copied() else { return };
        let is_only = self.config.config.accounts.len() == 1;
        let choice = match visitor.visit.is_bound {
            _ if is_only => Choice::OnlyCandidate,
            true => Choice::StateLives,
            false => Choice::Turn,
        };
        for (at, footing, _) in &mut judged {
            if *at == endpoint {
                footing.verdict = Verdict::Chosen(choice);
            }
        }
        visitor.waited = visitor.waited_by(now);
        visitor.attempts = visitor.attempts.saturating_add(1);
        visitor.stage = Stage::Sent { slot, at: now };
        self.caller_sends(now, &mut visitor);
        let decision = self.visit_decision(now, &visitor, &judged, Conclusion::Sent);
        self.visits.health(&visitor.visit.account).sent(now, request, 0);
        let Some(state) = self.endpoints.get_mut(slot) else { return };
        state.counters.attempts = state.counters.attempts.saturating_add(1);
        let (account, attempt) = (visitor.visit.account.clone(), visitor.attempts);
        let assignment = Assignment { endpoint: state.id.clone(), account, group: 0, attempt, decision };
        self.visits.under_way.insert(request, visitor);
        outputs.push(Output::Assigned { request, assignment });
    }

    fn wait_or_refuse(
        &mut self,
        now: Timestamp,
        request: RequestId,
        visitor: Visitor,
        (leave, judged): (&Leave, &[Door]),
        at_least: Option<Timestamp>,
        outputs: &mut Vec<Output>,
    ) {
        let deadline = self.visit_deadline(now, &visitor);
        let when = match leave {
            Leave::Now(_) => at_least,
            Leave::Later(when) | Leave::CallerLacks(when) => {
                Some(when.unwrap_or(deadline).max(at_least.unwrap_or(now)))
            }
            Leave::Never => None,
        };
        let is_full = self.deadlines.len().saturating_add(self.visits.wakes.len())
            >= usize::try_from(self.config.queue.max_waiting).unwrap_or(usize::MAX);
        match when.filter(|when| *when <= deadline && visitor.visit.waits && deadline > now) {
            Some(_) if is_full => {
                self.refuse_visit(now, request, &visitor, judged, RefusalReason::LineFull, outputs);
            }
            Some(when) => {
                let decision = self.visit_decision(now, &visitor, judged, Conclusion::Held { expected: when });
                self.put_waiting(request, visitor, (now, at_least.unwrap_or(now), when, deadline));
                outputs.push(Output::Held { request, decision });
            }
            None => {
                let reason = reason(leave, &visitor);
                self.refuse_visit(now, request, &visitor, judged, reason, outputs);
            }
        }
    }

    fn visit_deadline(&self, now: Timestamp, visitor: &Visitor) -> Timestamp {
        let longest = Duration::from_secs(u64::from(self.config.queue.max_wait_seconds));
        let patience = visitor.profile.patience.map_or(longest, |patience| patience.min(longest));
        now.after(patience.saturating_sub(visitor.waited))
    }
}

#[cfg(test)]
#[path = "visits_tests.rs"]
mod tests;
