//! The right to one sequence of attempts.
//!
//! Invariant: a lease settles exactly once; if nobody did it before, its drop does. A reservation cannot leak.
//! Absent on purpose: the body and the connection; they are the exchange's.

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Engine};
use crate::model::decision::{Decision, Refusal, RefusalReason};
use crate::model::id::{AccountId, RequestId};
use crate::model::outcome::{Ending, Failure, HeaderFacts, HeaderSignal, Settlement};
use crate::model::profile::RequestProfile;
use crate::model::usage::Usage;
use crate::policy::{Assignment, Input, Visit};

/// What a request may do next.
#[derive(Debug)]
pub enum Turn {
    /// Send it there.
    Send(Assignment),
    /// We refuse it.
    Refused(Refusal, Option<Arc<Decision>>),
    /// Pass the last failure on to the client.
    GiveUp(Arc<Decision>),
}

/// One request's standing with the brain.
pub struct Lease {
    engine: Arc<Engine>,
    request: RequestId,
    profile: Arc<RequestProfile>,
    decisions: Vec<Arc<Decision>>,
    waited: Duration,
    open: bool,
    /// The last turn was taken up: something may have been sent.
    sending: bool,
    /// The account of the last turn that was sent.
    account: Option<AccountId>,
    /// It was sent on a visit before.
    has_visited: bool,
}

impl Lease {
    pub(super) const fn new(engine: Arc<Engine>, request: RequestId, profile: Arc<RequestProfile>) -> Self {
        Self {
            engine,
            request,
            profile,
            decisions: Vec::new(),
            waited: Duration::ZERO,
            open: false,
            sending: false,
            account: None,
            has_visited: false,
        }
    }

    /// The request's name.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// What it asked for.
    #[must_use]
    pub const fn profile(&self) -> &Arc<RequestProfile> {
        &self.profile
    }

    /// What it asks for is known better, before its first turn among others.
    pub fn know(&mut self, profile: Arc<RequestProfile>) {
        self.profile = profile;
    }

    /// Every act of choosing so far, in order.
    #[must_use]
    pub fn decisions(&self) -> &[Arc<Decision>] {
        &self.decisions
    }

    /// Time spent in the waiting line.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        self.waited
    }

    /// Asks for the first turn: at once, after a wait in line, or a refusal. Dropping the future leaves the line.
    pub async fn first(&mut self) -> Turn {
        self.open = true;
        let input = Input::Arrived { request: self.request, profile: Arc::clone(&self.profile) };
        self.turn(input).await
    }

    /// Asks to go to what an account keeps: at once, once its rest is over, or a refusal. Another account may be asked next.
    pub async fn visit(&mut self, visit: Visit) -> Turn {
        self.open = true;
        let turn =
            self.turn(Input::Visiting { request: self.request, profile: Arc::clone(&self.profile), visit }).await;
        self.has_visited |= matches!(turn, Turn::Send(_));
        turn
    }

    /// Whether some account was asked before.
    #[must_use]
    pub const fn has_visited(&self) -> bool {
        self.has_visited
    }

    /// Reports an attempt that failed before the commit point and asks what to do next.
    pub async fn failed(&mut self, failure: Failure) -> Turn {
        self.turn(Input::AttemptFailed { request: self.request, failure }).await
    }

    /// The commit point: from here no other endpoint.
    pub fn committed(&self, signal: HeaderSignal) {
        self.engine.tell(Input::Committed { request: self.request, signal });
    }

    /// The account that answers holds these stored states, by its own words.
    pub fn owned(&self, keys: Vec<u64>) {
        self.keeps(keys, false);
    }

    /// The same of what is sealed for the credential that was sent.
    pub fn sealed(&self, keys: Vec<u64>) {
        self.keeps(keys, true);
    }

    fn keeps(&self, keys: Vec<u64>, are_sealed: bool) {
        if let Some(account) = self.account.clone().filter(|_| !keys.is_empty()) {
            self.engine.tell(Input::Owned { account, keys, are_sealed });
        }
    }

    /// What is under way used this much besides what was said before.
    pub fn used(&self, usage: Usage) {
        self.engine.tell(Input::Used { request: self.request, usage });
    }

    /// The session under way says this of its limits.
    pub fn told(&self, facts: HeaderFacts) {
        self.engine.tell(Input::Told { request: self.request, facts });
    }

    /// The end. Later calls and the drop do nothing.
    pub fn settle(&mut self, settlement: Settlement) {
        if std::mem::take(&mut self.open) {
            self.engine.forget(self.request);
            let request = self.request;
            let sent = Input::Settled { request, settlement };
            self.engine.tell(if self.sending { sent } else { Input::Withdrawn { request } });
        }
    }

    async fn turn(&mut self, input: Input) -> Turn {
        // Until the answer has been taken, leaving means that nothing is under way.
        self.sending = false;
        let turn = match self.engine.handle(input, Some(self.request)) {
            Some(Answer::Now(output)) => Turn::from(output),
            Some(Answer::Later(decision, receiver)) => {
                self.decisions.push(decision);
                let since = self.engine.clock.now();
                let answer = receiver.await;
                self.waited += self.engine.clock.now().since(since);
                answer.map_or(STOPPING, Turn::from)
            }
            // The brain was swapped meanwhile and knows nothing of this request.
            None => STOPPING,
        };
        self.sending = matches!(turn, Turn::Send(_));
        match &turn {
            Turn::Send(assignment) => {
                self.account = Some(assignment.account.clone());
                self.decisions.push(Arc::clone(&assignment.decision));
            }
            Turn::GiveUp(decision) => self.end(Some(decision)),
            Turn::Refused(_, decision) => self.end(decision.as_ref()),
        }
        turn
    }

    fn end(&mut self, decision: Option<&Arc<Decision>>) {
        self.open = false;
        self.decisions.extend(decision.cloned());
    }
}

const STOPPING: Turn = Turn::Refused(Refusal { reason: RefusalReason::Stopping, retry_at: None }, None);

impl Drop for Lease {
    fn drop(&mut self) {
        self.settle(Settlement { ending: Ending::ClientLeft, usage: None });
    }
}
