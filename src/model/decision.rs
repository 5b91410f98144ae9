//! Why a request went where it went: candidates, exclusions, reasons, numbers, and the pick.
//!
//! Invariant: written by `policy` at the moment of choosing, from the numbers it chose by; never reconstructed.
//! Absent on purpose: sentences. The screen builds them from these codes and numbers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::candidates::Candidates;
use super::config::AdminState;
use super::counterfactual::Counterfactual;
use super::id::{AccountId, DecisionId, EndpointId, ModelName};
use super::status::Health;
use super::units::Timestamp;

/// Why the chosen one was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// C-01: the route has only this endpoint.
    OnlyCandidate,
    /// C-02: the only one left in its priority group.
    LastLeft,
    /// C-03: the largest free share in its group.
    MostHeadroom,
    /// C-04: drawn by weight; `draw` of `of`.
    WeightDraw {
        /// The number drawn, from 0.
        draw: u32,
        /// The sum of the weights drawn from.
        of: u32,
    },
    /// C-06: the single request that decides whether rest ends.
    Probe,
    /// C-08: its turn.
    Turn,
    /// C-09: the stored state that the request refers to lives in its account.
    StateLives,
    /// C-10: requests with this cache key or beginning go there, for the sake of the prompt cache.
    CacheHome,
    /// C-05: it answered the conversation before.
    Conversation,
    /// C-11: the quickest to the first token of two drawn from its group.
    Quickest,
    /// C-12: it answered the caller before.
    SameCaller,
    /// C-13: everything rests because of our own judgement, and its rest would have ended first.
    LeastBad,
    /// C-14: the person sent it there from the waiting line.
    ByHand,
}

impl Choice {
    /// The code shown beside the sentence.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OnlyCandidate => "C-01",
            Self::LastLeft => "C-02",
            Self::MostHeadroom => "C-03",
            Self::WeightDraw { .. } => "C-04",
            Self::Probe => "C-06",
            Self::Turn => "C-08",
            Self::StateLives => "C-09",
            Self::CacheHome => "C-10",
            Self::Conversation => "C-05",
            Self::Quickest => "C-11",
            Self::SameCaller => "C-12",
            Self::LeastBad => "C-13",
            Self::ByHand => "C-14",
        }
    }
}

/// Why a candidate was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// the service told us to wait.
    Throttled,
    /// resting after errors.
    Ejected,
    /// not enough tokens free on the endpoint.
    TokensShort,
    /// not enough requests free in the slice or minute.
    RequestsShort,
    /// our soft cap.
    SoftCap,
    /// as many in flight as allowed.
    InFlightFull,
    /// paused by the person.
    Paused,
    /// draining.
    Draining,
    /// no key, or the key was rejected.
    NoKey,
    /// the service does not know the model or deployment.
    NotOffered,
    /// larger than the endpoint's whole limit.
    TooLarge,
    /// a better one of the same or a higher group answered.
    NotNeeded,
    /// tried already for this request.
    TriedAlready,
    /// its quota pool has not enough free.
    PoolShort,
    /// recovering, and its share for now is used.
    Ramping,
    /// a probe is on its way and its result decides.
    ProbeRunning,
    /// requests whose turn comes before wait for it.
    LineAhead,
    /// kept for more important requests that are expected.
    KeptForImportant,
    /// the stored state that the request refers to lives in another account.
    BoundElsewhere,
    /// the route's regions keep it out.
    RegionExcluded,
    /// its group was left, and not enough of its limits is free to come back; shares in percent.
    Withheld,
    /// its caller has used what it may.
    CallerShort,
    /// not enough input tokens free.
    InputShort,
    /// not enough output tokens free.
    OutputShort,
    /// the day's tokens or requests are used.
    DayShort,
    /// load there may grow only slowly for now.
    GrowthGuard,
    /// others use the same quota, and what they need is left free.
    ForeignTraffic,
    /// no attempt was due: the request waits out a failure, or was over.
    NotAsked,
}

impl Exclusion {
    /// The code shown beside the sentence.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Throttled => "R-01",
            Self::Ejected => "R-02",
            Self::TokensShort => "R-03",
            Self::RequestsShort => "R-04",
            Self::SoftCap => "R-05",
            Self::InFlightFull => "R-06",
            Self::Paused => "R-07",
            Self::Draining => "R-08",
            Self::NoKey => "R-09",
            Self::NotOffered => "R-10",
            Self::TooLarge => "R-11",
            Self::NotNeeded => "R-13",
            Self::TriedAlready => "R-14",
            Self::PoolShort => "R-15",
            Self::Ramping => "R-16",
            Self::ProbeRunning => "R-17",
            Self::LineAhead => "R-18",
            Self::KeptForImportant => "R-22",
            Self::BoundElsewhere => "R-19",
            Self::RegionExcluded => "R-20",
            Self::Withheld => "R-21",
            Self::CallerShort => "R-23",
            Self::InputShort => "R-24",
            Self::OutputShort => "R-25",
            Self::DayShort => "R-26",
            Self::GrowthGuard => "R-27",
            Self::ForeignTraffic => "R-28",
            Self::NotAsked => "R-29",
        }
    }
}

/// What was said of one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Taken.
    Chosen(Choice),
    /// Not taken.
    Excluded(Exclusion),
}

/// One endpoint of the route, as it stood at the moment of choosing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub endpoint: EndpointId,
    /// Its priority group, from 1.
    pub group: u32,
    /// What the person set.
    pub admin_state: AdminState,
    /// What we saw.
    pub health: Health,
    /// What the request needed in the unit that bound: tokens, requests, or requests in flight.
    pub needs: u64,
    /// What was free in that unit; `None`: no limit known.
    pub has: Option<u64>,
    /// The whole limit in that unit.
    pub limit: Option<u64>,
    /// When it would have fitted or its rest ends, if that is known.
    pub free_at: Option<Timestamp>,
    /// The judgement.
    pub verdict: Verdict,
}

/// What came of the choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Sent to the candidate marked as chosen.
    Sent,
    /// H-01: held in the waiting line; it was expected to go at this time.
    Held {
        /// The earliest time it could go.
        expected: Timestamp,
    },
    /// H-02: refused by us.
    Refused(RefusalReason),
    /// The last upstream failure went back to the client.
    PassedOn,
}

/// Why we refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Nothing fits within the allowed wait.
    NoCapacityInTime,
    /// The waiting line is full.
    LineFull,
    /// The request is larger than every endpoint's whole limit.
    TooLargeEverywhere,
    /// No route answers for this model.
    UnknownModel,
    /// The route's endpoints are all paused, draining, without a key or misconfigured.
    NothingUsable,
    /// Attempts or retry budget used up.
    AttemptsSpent,
    /// We are stopping.
    Stopping,
    /// The person let it wait no longer.
    Cancelled,
    /// The stored state that the request refers to lives in an account that the route does not use.
    StateElsewhere,
    /// The account that holds the stored state cannot be used, or has no room within the allowed wait.
    StateOutOfReach,
    /// Parts of the stored state live in different accounts.
    StateTorn,
    /// The account that kept the stored state is at another address, or comes with another credential, than it was then.
    StateLeft,
    /// The account that is asked for something it keeps is to be left alone for now.
    AccountRests,
}

/// A refusal: *we* did it, and this is the earliest time it could work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// The true earliest recovery over all allowed endpoints; `None`: waiting alone will not help.
    pub retry_at: Option<Timestamp>,
}

/// One act of choosing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Sent to the client.
    pub id: DecisionId,
    /// When.
    pub at: Timestamp,
    /// Under which configuration.
    pub revision: u64,
    /// The route's name (which may be `*`).
    pub route: ModelName,
    /// Which attempt this was for, from 1.
    pub attempt: u32,
    /// Estimated tokens of prompt and of output, by the formula of the chosen (else the first) candidate's service.
    pub estimate: Estimate,
    /// How long it had waited in line.
    pub waited: Duration,
    /// Every endpoint of the route, in order of trial.
    pub candidates: Candidates,
    /// What came of it.
    pub conclusion: Conclusion,
    /// The account that holds the stored state the request refers to, if it refers to any.
    pub bound: Option<AccountId>,
    /// The model it went on with, if the endpoint chosen is another route's (`then`).
    pub went_on: Option<ModelName>,
    /// The smallest single change that would have let it go to a higher group, or at once.
    pub would_have: Option<Counterfactual>,
}

/// What we think the service will charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Tokens for the prompt.
    pub prompt: u64,
    /// Tokens for the output: the cap sent, or the service's default.
    pub output: u64,
    /// What is reserved.
    pub charge: u64,
}

/// What there is too little of, in the words of the services' own 429s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scarce {
    /// Tokens, of whatever limit.
    Tokens,
    /// Requests, in a minute or at once; also where something else keeps them away.
    Requests,
}

impl Candidate {
    fn scarce(&self) -> Scarce {
        let Verdict::Excluded(why) = self.verdict else { return Scarce::Requests };
        match why {
            Exclusion::TokensShort
            | Exclusion::SoftCap
            | Exclusion::InputShort
            | Exclusion::OutputShort
            | Exclusion::GrowthGuard
            | Exclusion::ForeignTraffic
            | Exclusion::KeptForImportant
            | Exclusion::LineAhead => Scarce::Tokens,
            // These have limits of both kinds; one request needs one of requests.
            Exclusion::PoolShort | Exclusion::CallerShort | Exclusion::DayShort if self.needs > 1 => Scarce::Tokens,
            _ => Scarce::Requests,
        }
    }
}

impl Decision {
    /// What was short where there would have been room first.
    #[must_use]
    pub fn scarce(&self) -> Scarce {
        let known = self.candidates.iter().filter(|one| one.free_at.is_some());
        known.min_by_key(|one| one.free_at).map_or(Scarce::Requests, |one| one.scarce())
    }

    /// Whether nothing but the caller's own limits kept it away.
    #[must_use]
    pub fn lacks_caller(&self) -> bool {
        let mut by_caller = false;
        self.candidates.iter().all(|one| {
            let is_caller = one.verdict == Verdict::Excluded(Exclusion::CallerShort);
            by_caller |= is_caller;
            is_caller || one.free_at.is_none()
        }) && by_caller
    }

    /// The candidate that was taken, if one was.
    #[must_use]
    pub fn chosen(&self) -> Option<Candidate> {
        self.candidates.find(|verdict| matches!(verdict, Verdict::Chosen(_)))
    }
}
