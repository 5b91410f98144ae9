//! One way to what an account keeps: the brain says when, the request is sent, and how it went is told.
//!
//! Invariant: every sending was allowed by the brain and its outcome is told; what the person ended is no fault of anybody's.
//! Absent on purpose: which account to go to (`stored`).

use http::Response;

use super::answer::Answer;
use super::attempt::{Fault, Prepared, Told, Until};
use super::commit::Committed;
use super::exchange::{ended, pass_on, refuse, try_keys};
use super::said;
use super::stored::Errand;
use crate::engine::lease::Turn;
use crate::engine::{Assignment, Visit};
use crate::model::decision::Refusal;
use crate::model::id::AccountId;
use crate::model::outcome::{FailureClass, HeaderSignal};
use crate::wire::headers;
use crate::wire::patch::ModelText;

/// Why a visit brought no good answer.
pub(super) enum Missed {
    /// This is what came in the end, if anything did.
    Failed {
        /// The last status.
        status: Option<u16>,
        /// Whether bytes of the request may have reached the service.
        reached: bool,
        /// To be passed on.
        answer: Option<Response<Told>>,
    },
    /// The brain keeps it from going there.
    Refused(Refusal),
    /// The person ended it.
    Ended,
}

/// How an account is asked.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// What is asked for is known to lie there.
    pub(super) is_bound: bool,
    /// A rest is waited for.
    pub(super) waits: bool,
}

impl Errand {
    /// Goes to an account as often as the brain lets it; `lookup` in place of the request itself.
    pub(super) async fn ask(
        &mut self,
        account: &AccountId,
        manner: Manner,
        lookup: Option<&Prepared>,
    ) -> Result<Committed, Missed> {
        let repeats = lookup.unwrap_or(&self.prepared).only_looks();
        let Manner { is_bound, waits } = manner;
        let goes_on = self.journal.lease.has_visited();
        let visit = Visit { account: account.clone(), is_bound, waits, repeats, goes_on };
        let mut turn = self.journal.lease.visit(visit).await;
        let mut missed = Missed::Failed { status: None, reached: false, answer: None };
        loop {
            match turn {
                Turn::Send(assignment) => match self.send(&assignment, lookup).await {
                    _ if self.journal.watch.ended().is_some() => return Err(Missed::Ended),
                    Ok(committed) => return Ok(committed),
                    Err(Fault { failure, answer, .. }) => {
                        missed = Missed::Failed { status: failure.status, reached: failure.reached, answer };
                        turn = self.journal.lease.failed(failure).await;
                    }
                },
                Turn::Refused(refusal, _) => return Err(Missed::Refused(refusal)),
                Turn::GiveUp(_) => return Err(missed),
            }
        }
    }

    async fn send(&mut self, assignment: &Assignment, lookup: Option<&Prepared>) -> Result<Committed, Fault> {
        self.prepared.called = self.called_at(&assignment.account);
        let prepared = lookup.unwrap_or(&self.prepared);
        self.journal.attempt(assignment);
        let until = Until::whole(&self.door.config.load().config.timeouts, self.door.engine.clock());
        let result = match self.door.upstreams.find(&assignment.endpoint) {
            Some(upstream) => try_keys(&self.door, &upstream, prepared, (&mut self.journal.watch, until)).await,
            None => Err(Fault::silent(FailureClass::Connect, false)),
        };
        match &result {
            Ok(committed) => {
                let facts = headers::facts(&committed.head.headers, self.door.engine.clock().wall_ms());
                self.journal.attempted(Some(committed.head.status.as_u16()), None, said::of_facts(facts.clone()));
                self.journal.committed(committed.head.status.as_u16(), committed.has_output());
                self.journal.lease.committed(HeaderSignal {
                    endpoint: assignment.endpoint.clone(),
                    facts,
                    has_output: committed.has_begun(),
                });
            }
            Err(fault) => {
                self.journal.attempted(fault.failure.status, Some(fault.failure.clone()), said::of_fault(fault));
            }
        }
        result
    }

    /// What an account calls the model that the request names: the deployment of the first of its endpoints in that route.
    fn called_at(&self, account: &AccountId) -> Option<ModelText> {
        let config = self.door.config.load();
        let route = config.routes.get(config.route_for(self.journal.lease.profile().model.as_str())?)?;
        let mut members = route.groups.iter().flat_map(|group| &group.members);
        let spec =
            members.find_map(|member| config.endpoints.get(member.endpoint).filter(|spec| spec.account == *account))?;
        Some(ModelText::from(&*spec.deployment))
    }

    /// Tells the client why nothing came.
    pub(super) fn missed(self, missed: Missed) -> Response<Answer> {
        match missed {
            Missed::Failed { answer, .. } => pass_on(self.journal, answer),
            Missed::Refused(refusal) => refuse(&self.door, self.journal, &refusal),
            Missed::Ended => ended(self.journal),
        }
    }
}
