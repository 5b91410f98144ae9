//! What goes into the brain and what comes out.
//!
//! Invariant: the sequence of inputs with their times, plus configuration and seed, determines every output.
//! Absent on purpose: channels, tasks, sockets. Whoever drives the brain maps outputs to them.

use std::sync::Arc;

use crate::model::checked::CheckedConfig;
use crate::model::config::AdminState;
use crate::model::decision::{Decision, Refusal};
use crate::model::id::{AccountId, EndpointId, RequestId};
use crate::model::lesson::Lesson;
use crate::model::outcome::{Failure, HeaderFacts, HeaderSignal, Settlement};
use crate::model::outlook::Outlook;
use crate::model::ownership::{Ownership, Place};
use crate::model::profile::RequestProfile;
use crate::model::status::Rest;
use crate::model::usage::Usage;

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Input {
    /// A request asks to be sent. Answered by `Assigned`, `Held` or `Refused` in the same call.
    Arrived {
        /// A fresh id.
        request: RequestId,
        /// What it is.
        profile: Arc<RequestProfile>,
    },
    /// A request asks to go to what an account keeps. Answered like `Arrived`, in the same call, and reported of like it; one
    /// request may go to several accounts, one after the other.
    Visiting {
        /// Which request; a fresh id, or one whose last visit is over.
        request: RequestId,
        /// What it is.
        profile: Arc<RequestProfile>,
        /// Where to.
        visit: Visit,
    },
    /// An attempt failed before the commit point. Answered by `Assigned`, `Held`, `Refused` or `GiveUp` in the same call.
    AttemptFailed {
        /// Which request.
        request: RequestId,
        /// How.
        failure: Failure,
    },
    /// The commit point: the attempt's head and first event are good. From here no other endpoint.
    Committed {
        /// Which request.
        request: RequestId,
        /// What the answer's head said.
        signal: HeaderSignal,
    },
    /// What was committed and goes on, a session of many answers, used this much besides what was told before. Counts from now on.
    Used {
        /// Which request.
        request: RequestId,
        /// How much.
        usage: Usage,
    },
    /// What was committed and goes on says this of its limits, as an answer's head does.
    Told {
        /// Which request.
        request: RequestId,
        /// What it says.
        facts: HeaderFacts,
    },
    /// The request is over: answered, cut off, or left by its client while waiting, in flight or streaming. Exactly one per
    /// request that was `Assigned` or `Held` and neither `Refused` nor given up; later ones are ignored.
    Settled {
        /// Which request.
        request: RequestId,
        /// How it ended.
        settlement: Settlement,
    },
    /// Its client left while it waited, or before its assignment was taken up: nothing was sent. Stands for `Settled`.
    Withdrawn {
        /// Which request.
        request: RequestId,
    },
    /// The person lets a request wait no longer. Ignored unless it waits.
    Cancelled {
        /// Which request.
        request: RequestId,
    },
    /// The person puts a waiting request first in its route's line. Ignored unless it waits.
    Promoted {
        /// Which request.
        request: RequestId,
    },
    /// The person sends a waiting request now, to this endpoint of its route, whether it has room or not. Ignored unless it
    /// waits, and where more than want of room keeps it away.
    SentByHand {
        /// Which request.
        request: RequestId,
        /// Where to.
        endpoint: EndpointId,
    },
    /// The person set an endpoint's admin state, at once.
    SetAdminState(EndpointId, AdminState),
    /// The account's key came or went. Accounts start without one, simulated ones excepted.
    KeyReady {
        /// Which account.
        account: AccountId,
        /// Whether a key can be had.
        ready: bool,
    },
    /// A new configuration. Ids keep what was learned and charged; requests in flight finish as they are.
    Configured(Arc<CheckedConfig>),
    /// What clients are expected to ask for next. Holds until the next one comes, for half a minute at most.
    Foreseen(Arc<Outlook>),
    /// The account holds these stored states (fingerprints), as its own answers say.
    Owned {
        /// Which account.
        account: AccountId,
        /// What it holds.
        keys: Vec<u64>,
        /// They are sealed for the account's credential, not only kept at its address.
        are_sealed: bool,
    },
    /// What an earlier run learned of stored states.
    Remembered(Vec<Ownership>),
    /// Where an account is, and by which credentials it is reached. What it kept elsewhere is not sought there any more.
    Placed(AccountId, Place),
    /// Endpoints that an earlier run was told to leave alone, and still are to be. Those that something was sent to since know
    /// better.
    Resting(Vec<Rest>),
    /// What refusals taught an earlier run of limits, and what headers named. What was stated anew since, or is pinned, is not touched.
    Learned(Vec<Lesson>),
    /// Our ceilings for now inside pools, in tokens per minute; whoever is not named keeps its own, `None` lifts it. A new
    /// configuration lifts all.
    Allotted(Vec<(EndpointId, Option<u64>)>),
    /// We stop: everyone waiting is refused, nobody is admitted.
    Stopping,
    /// Time alone: `next_wake` has come.
    Tick,
}

/// A way to what an account keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Visit {
    /// Whose it is, or may be.
    pub account: AccountId,
    /// What it asks for is known to lie there.
    pub is_bound: bool,
    /// It may wait for a rest to end. Else it is refused at once.
    pub waits: bool,
    /// It changes nothing, so that it may be sent again after any failure.
    pub repeats: bool,
    /// The same request visited before, and was counted among its caller's then.
    pub goes_on: bool,
}

/// The right to one sending.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Where to; an index into the configuration of `revision`.
    pub endpoint: EndpointId,
    /// Its account.
    pub account: AccountId,
    /// Its priority group, from 1.
    pub group: u32,
    /// Which sending of this request this is, from 1.
    pub attempt: u32,
    /// Why.
    pub decision: Arc<Decision>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send it there, now.
    Assigned {
        /// Which request.
        request: RequestId,
        /// Where.
        assignment: Assignment,
    },
    /// It waits in line, or for its backoff to pass. A later call yields its `Assigned` or `Refused`.
    Held {
        /// Which request.
        request: RequestId,
        /// Why, with the expected time.
        decision: Arc<Decision>,
    },
    /// We refuse it; the request is over.
    Refused {
        /// Which request.
        request: RequestId,
        /// Why, and until when.
        refusal: Refusal,
        /// The numbers. `None` if no route was found.
        decision: Option<Arc<Decision>>,
    },
    /// Nothing more can be tried: pass the last failure's answer on to the client as it is; the request is over.
    GiveUp {
        /// Which request.
        request: RequestId,
        /// Why.
        decision: Arc<Decision>,
    },
}

impl Output {
    /// Whom it concerns.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        match self {
            Self::Assigned { request, .. }
            | Self::Held { request, .. }
            | Self::Refused { request, .. }
            | Self::GiveUp { request, .. } => *request,
        }
    }
}
