//! What visits take of their callers: a request of the minute, and a place among those that run at once.
//!
//! Invariant: one request is counted once, however many accounts it visits and however often it is sent; its place is given back
//! with every sending. Of visits and requests in line, the most important and among these what waited longest is first offered what
//! comes free, whether something ended or time brought it back.
//! Absent on purpose: tokens. A visit has none.

use std::cmp::Reverse;
use std::time::Duration;

use super::leave::{Door, Leave};
use super::{Stage, Visitor};
use crate::model::config::Priority;
use crate::model::decision::{Exclusion, Verdict};
use crate::model::id::RequestId;
use crate::model::units::Timestamp;
use crate::policy::balancer::Balancer;
use crate::policy::caller::CallerState;
use crate::policy::event::Output;
use crate::policy::ledger::{Demand, Entry, Limits, Shortage};
use crate::policy::line::half_way;
use crate::policy::request::Stage as InRoute;

impl Visitor {
    /// How important it is, a class more once half of what it may wait has passed, and how long it has waited. What is less
    /// comes first, as among requests in line.
    fn turn(&self, now: Timestamp) -> (Priority, Reverse<Duration>) {
        let waited = self.waited_by(now);
        let is_aged = match self.stage {
            Stage::Waiting { since, deadline, .. } => now >= half_way(since, deadline),
            Stage::Sent { .. } => false,
        };
        let rank = match self.profile.priority {
            Priority::Bulk if is_aged => Priority::Normal,
            Priority::Normal if is_aged => Priority::Interactive,
            own => own,
        };
        (rank, Reverse(waited))
    }
}

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

    /// Whether what came free of its caller's is offered to the lines first, where one of its requests is more important, or as
    /// important and waited longer.
    pub(super) fn lines_go_first(&self, now: Timestamp, visitor: &Visitor) -> bool {
        let caller = self.caller_of(&visitor.profile).filter(|caller| self.visits.freed.contains(caller));
        let Some(caller) = caller else { return false };
        let own = visitor.turn(now);
        let mut waiting = self.deadlines.iter().filter_map(|(_, request)| self.jobs.get(request));
        waiting.any(|job| {
            let in_line = matches!(job.stage, Some(InRoute::InLine { .. }));
            job.caller == Some(caller) && in_line && (job.rank, Reverse(job.waited_by(now))) < own
        })
    }

    /// The limits of its caller may be what one waits for whose time to look again has come.
    pub(super) fn visit_may_be_owed(&mut self, request: RequestId) {
        let caller = self.visits.under_way.get(&request).and_then(|visitor| self.caller_of(&visitor.profile));
        if let Some(caller) = caller.filter(|caller| self.callers.get(*caller).is_some_and(CallerState::is_limited)) {
            self.visits.freed.insert(caller);
        }
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
            let theirs = self.visits.waiting(None).into_iter();
            let mut theirs: Vec<_> =
                theirs.filter_map(|it| Some((self.visits.under_way.get(&it)?.turn(now), it))).collect();
            theirs.sort_unstable();
            for (_, request) in theirs {
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
        let former = self.visits.under_way.get(&request).filter(|visitor| matches!(visitor.stage, Stage::Sent { .. }));
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
