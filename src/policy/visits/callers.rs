//! What visits take of their callers: a request of the minute, and a place among those that run at once.
//!
//! Invariant: one request is counted once, however many accounts it visits and however often it is sent; its place is given back
//! with every sending. Of visits and requests in line, what waited longest is first offered what comes free.
//! Absent on purpose: tokens. A visit has none.

use super::{Door, Leave, Stage, Visitor};
use crate::model::decision::{Exclusion, Verdict};
use crate::model::id::RequestId;
use crate::model::units::Timestamp;
use crate::policy::balancer::Balancer;
use crate::policy::event::Output;
use crate::policy::ledger::{Demand, Entry, Limits, Shortage};
use crate::policy::request::Stage as InRoute;

/// A caller's slot, and the request that is counted there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paid {
    caller: usize,
    /// `None`: counted by a visit before.
    entry: Option<Entry>,
}

impl Balancer {
    /// What its caller has too little of for it to go now.
    fn caller_lacks(&self, now: Timestamp, visitor: &Visitor) -> Option<Shortage> {
        let state = self.callers.get(self.caller_of(&visitor.profile)?)?;
        let counts = visitor.paid.is_none() && !visitor.visit.goes_on;
        let limits = Limits { requests: state.limits.requests.filter(|_| counts), ..Limits::NONE };
        state.full().or_else(|| state.ledger.shortage(now, Demand::default(), limits))
    }

    /// The same judgement, by what its caller still may.
    pub(super) fn as_its_caller_may(
        &self,
        now: Timestamp,
        visitor: &Visitor,
        (leave, mut judged): (Leave, Vec<Door>),
    ) -> (Leave, Vec<Door>) {
        let (Leave::Now(_), Some(short)) = (&leave, self.caller_lacks(now, visitor)) else { return (leave, judged) };
        for (_, footing, free_at) in judged.iter_mut().filter(|(_, footing, _)| footing.verdict == OPEN) {
            (footing.verdict, footing.limit) = (Verdict::Excluded(Exclusion::CallerShort), Some(short.limit));
            *free_at = short.free_at;
        }
        (Leave::CallerLacks(short.free_at), judged)
    }

    /// It is sent.
    pub(super) fn caller_sends(&mut self, now: Timestamp, visitor: &mut Visitor) {
        let Some(caller) = self.caller_of(&visitor.profile) else { return };
        let Some(state) = self.callers.get_mut(caller) else { return };
        state.in_flight = state.in_flight.saturating_add(1);
        if visitor.paid.is_none() {
            let entry = (!visitor.visit.goes_on).then(|| state.ledger.reserve(now, Demand::default()));
            visitor.paid = Some(Paid { caller, entry });
            if state.limits.requests.is_some() {
                self.doubt_forecasts();
            }
        }
    }

    /// That sending is over: others of its caller may go.
    pub(super) fn caller_is_back(&mut self, visitor: &Visitor) {
        let Some(Paid { caller, .. }) = visitor.paid else { return };
        let Some(state) = self.callers.get_mut(caller) else { return };
        state.in_flight = state.in_flight.saturating_sub(1);
        if state.is_capped() {
            self.touched.extend(&self.lined);
            self.visits_freed(caller);
        }
    }

    /// It goes no further: its request stays counted, unless it never reached a service or goes on as another kind.
    pub(super) fn caller_is_done(&mut self, now: Timestamp, visitor: &Visitor, stays: bool) {
        let Some(Paid { caller, entry: Some(entry) }) = visitor.paid else { return };
        let Some(state) = self.callers.get_mut(caller) else { return };
        if stays {
            state.ledger.settle(now, entry, Demand::default());
        } else {
            state.ledger.release(now, entry);
        }
    }

    /// Whether what came free of its caller's is offered to the lines first, where one of its requests waited longer.
    pub(super) fn lines_go_first(&self, now: Timestamp, visitor: &Visitor) -> bool {
        let caller = self.caller_of(&visitor.profile).filter(|caller| self.visits.freed.contains(caller));
        let Some(caller) = caller else { return false };
        let waited = visitor.waited_by(now);
        let mut waiting = self.deadlines.iter().filter_map(|(_, request)| self.jobs.get(request));
        waiting.any(|job| {
            let in_line = matches!(job.stage, Some(InRoute::InLine { .. }));
            job.caller == Some(caller) && in_line && job.waited_by(now) > waited
        })
    }

    /// Something of a caller's ended: those of its visits that wait for that are looked at with the lines.
    pub(in crate::policy) fn visits_freed(&mut self, caller: usize) {
        if !self.visits.wakes.is_empty() {
            self.visits.freed.insert(caller);
        }
    }

    /// Looks at them, the oldest first, as long as they may go: before the lines those that waited longer than any of their
    /// caller's requests there, afterwards all.
    pub(in crate::policy) fn visits_of_freed(&mut self, now: Timestamp, before_lines: bool, outputs: &mut Vec<Output>) {
        let freed = self.visits.freed.clone();
        if !before_lines {
            self.visits.freed.clear();
        }
        for caller in freed {
            let mut theirs: Vec<RequestId> = self.visits.waiting(None);
            theirs.sort_unstable();
            for request in theirs {
                if self.callers.get(caller).is_some_and(|state| state.full().is_some()) {
                    break;
                }
                let visitor = self.visits.under_way.get(&request);
                if visitor.is_some_and(|visitor| self.caller_of(&visitor.profile) == Some(caller)) {
                    self.look_again(now, request, outputs);
                }
            }
        }
    }

    /// It asked for what it works on, and goes on as a request of its own, which is counted itself.
    pub(in crate::policy) fn visit_goes_on(&mut self, now: Timestamp, request: RequestId) {
        let former = self.visits.under_way.get(&request).filter(|visitor| matches!(visitor.stage, Stage::Sent(_)));
        if let Some(former) = former.cloned() {
            self.caller_is_done(now, &former, false);
            if let Some(visitor) = self.visits.under_way.get_mut(&request) {
                visitor.paid = former.paid.map(|paid| Paid { entry: None, ..paid });
            }
        }
        self.visit_over(now, request, Some(crate::model::outcome::Ending::Completed));
    }
}

/// What is said of an endpoint by which a visit could go.
const OPEN: Verdict = Verdict::Excluded(Exclusion::NotNeeded);

#[cfg(test)]
#[path = "callers_tests.rs"]
mod tests;
