//! What came back from an endpoint: facts read from headers, failures by class, how a request ended.
//!
//! Invariant: these are reports of what *they* did. A refusal of ours is never an outcome (`model::decision`).
//! Absent on purpose: reactions; they are `policy`'s.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::EndpointId;
use super::usage::Usage;

/// One pair of `x-ratelimit-*` headers. Absent or −1 is `None`: unknown, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// The limit.
    pub limit: Option<u64>,
    /// What the server says is left.
    pub remaining: Option<u64>,
    /// `reset`: for a bucket the time until it is full.
    pub reset: Option<Duration>,
}

/// Limits that few services have and name in headers of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoreFacts {
    /// Prompt tokens per minute.
    pub input: LimitFacts,
    /// Output tokens per minute.
    pub output: LimitFacts,
    /// Tokens per day.
    pub tokens_per_day: LimitFacts,
    /// Requests per day.
    pub requests_per_day: LimitFacts,
}

/// What an answer's head says about limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderFacts {
    /// The token pair.
    pub tokens: LimitFacts,
    /// The request pair.
    pub requests: LimitFacts,
    /// Pairs that name input, output or the day; most services send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Box<MoreFacts>>,
    /// How full provisioned throughput is, in permille: `azure-openai-deployment-utilization`. More than 1,000 where a burst
    /// was let through above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<u32>,
    /// The largest wait the answer asks for: `retry-after-ms`, `Retry-After` in seconds or as a date.
    pub retry_after: Option<Duration>,
}

/// Why a 429 (or a rate limit inside a stream) was sent (`semantics.md` 1.5, 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleKind {
    /// Tokens per minute.
    Tokens,
    /// Requests per slice or minute.
    Requests,
    /// Tokens per minute that several deployments or keys share: those of a quota pool, where the endpoint has one.
    Pool,
    /// The service has no capacity now; the quota is not at fault.
    SharedCapacity,
    /// Provisioned throughput is full.
    Utilization,
    /// A daily limit.
    Daily,
    /// No credit or a spend limit: an operator must act.
    OutOfCredit,
    /// The spend limit of one project: an operator must act.
    ProjectLimit,
    /// This one request is larger than the limit.
    TooLarge,
    /// Load grew too quickly.
    Growth,
    /// Nothing said which.
    Unknown,
}

impl ThrottleKind {
    /// Whether money is short, which only an operator or another key can mend.
    #[must_use]
    pub const fn is_of_credit(self) -> bool {
        matches!(self, Self::OutOfCredit | Self::ProjectLimit)
    }
}

/// What kind of failure it was; each has its own reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// 429 or a rate limit inside a 200 stream.
    Throttled(ThrottleKind),
    /// 401: the key.
    KeyRejected,
    /// 403: network rule, region or suspension.
    Blocked,
    /// 404 for the deployment or model.
    NotFound,
    /// 500, 502, 504 and the like.
    ServerError,
    /// 503 or 529.
    Overloaded,
    /// No connection: refused, DNS, TLS.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke, or the answer was not HTTP.
    Broken,
    /// 408, 409 and such: a repeat may help, the endpoint is not at fault.
    Transient,
    /// Any other 4xx: the request is at fault. Passed on unchanged, never moved, never counted.
    ClientFault,
}

/// An attempt that failed before the commit point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub class: FailureClass,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// Whether bytes of the request may have reached the service: then the charge stands.
    pub reached: bool,
    /// Limits and wait from the answer's head (and, for the wait, from its message).
    pub facts: HeaderFacts,
}

/// How a request's last attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The answer reached the client whole.
    Completed,
    /// A stream broke after the commit point, or ended without its final event.
    CutOff,
    /// The client left.
    ClientLeft,
    /// We ended it.
    Ended(EndedFor),
}

/// Why we ended what was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedFor {
    /// The person wished so.
    Hand,
    /// We were stopped, and it was not over in time.
    Stop,
    /// The client said more at once than is taken.
    LongAsked,
    /// The service did.
    LongAnswered,
    /// The client took nothing in for too long.
    NotTaken,
}

/// The end of a request that was committed, or whose client left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// How it ended.
    pub ending: Ending,
    /// What the answer reported or what was counted until then.
    pub usage: Option<Usage>,
}

/// Facts from the head of a successful answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderSignal {
    /// Who said so.
    pub endpoint: EndpointId,
    /// What.
    pub facts: HeaderFacts,
    /// Output was met with it, or announced. Without, the answer is bound there by work that goes on or a session that was opened, and how long
    /// that took is no time to a first token.
    pub has_output: bool,
}
