//! What is kept of a finished request.
//!
//! Invariant: no body, no header of the client, no query string, no key. Names, numbers and reasons only. What a service
//! said in its own words is kept in memory alone: it is neither stored nor exported.
//! Absent on purpose: storage and order (`record`).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::id::{EndpointId, RequestId};
use super::outcome::{Ending, Failure, HeaderFacts};
use super::profile::RequestProfile;
use super::units::Timestamp;
use super::usage::Usage;

/// How one sending went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Where to.
    pub endpoint: EndpointId,
    /// Its priority group, from 1.
    pub group: u32,
    /// When it was sent.
    pub at: Timestamp,
    /// How long until it failed or its output began; where none has, until it was known to be good.
    pub took: Duration,
    /// What the service answered, if it did.
    pub status: Option<u16>,
    /// Why it failed; `None`: it was committed.
    pub failure: Option<Failure>,
    /// What the answer said of itself; `None`: no answer, or nothing of interest.
    #[serde(skip)]
    pub said: Option<Arc<Said>>,
}

/// What was kept of a service's answer. Never part of what is stored or exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What its head said of limits and waits.
    pub facts: HeaderFacts,
    /// Of a failed answer: its headers about limits, waits and where it came from, as they were. No others are kept.
    pub headers: Vec<(String, String)>,
    /// Of a failed answer: the beginning of its body, our key taken out.
    pub error: Option<String>,
}

/// How a request ended, as the person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordEnd {
    /// Answered by an endpoint; see `status`.
    Answered(Ending),
    /// Refused by us, before anything was sent or after attempts were spent.
    Refused,
    /// An endpoint's failure was passed on.
    Failed,
    /// The client left before anything was answered.
    LeftWaiting,
}

impl RecordEnd {
    /// Whether the client was failed: an endpoint's failure was passed on, or an answer broke off. Not what clients gave up, nor
    /// what we refused; both are told apart from failures.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Answered(Ending::CutOff))
    }
}

/// One finished request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its name.
    pub id: RequestId,
    /// When it arrived.
    pub at: Timestamp,
    /// The same as Unix milliseconds.
    pub wall_ms: u64,
    /// What it asked for.
    pub profile: Arc<RequestProfile>,
    /// The status the client got.
    pub status: u16,
    /// How it ended.
    pub end: RecordEnd,
    /// Every sending, in order.
    pub attempts: Vec<AttemptRecord>,
    /// Every act of choosing, in order; the last one explains the outcome. Empty if no route was found.
    pub decisions: Vec<Arc<Decision>>,
    /// What the answer reported.
    pub usage: Option<Usage>,
    /// Time in the waiting line, and before that for a connection.
    pub waited: Duration,
    /// Arrival to the first output; `None`: none was met, or it is a session of many answers.
    pub first_token: Option<Duration>,
    /// Arrival to the last byte.
    pub total: Duration,
}

impl RequestRecord {
    /// When it ended, as Unix milliseconds.
    #[must_use]
    pub fn ended_wall_ms(&self) -> u64 {
        self.wall_ms.saturating_add(u64::try_from(self.total.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whether its client got a whole answer without an error.
    #[must_use]
    pub fn is_answered_whole(&self) -> bool {
        self.end == RecordEnd::Answered(Ending::Completed) && self.status < 400
    }

    /// Whether its client got an error that a change of limits could bring about: a refusal, a 429, a fault of the service, or
    /// an answer that was cut off. What the client did wrong itself is none.
    #[must_use]
    pub fn failed_client(&self) -> bool {
        match self.end {
            RecordEnd::Refused | RecordEnd::Answered(Ending::CutOff) => true,
            RecordEnd::LeftWaiting => false,
            RecordEnd::Failed | RecordEnd::Answered(_) => self.status >= 500 || self.status == 429,
        }
    }

    /// Where the answer came from, if one did.
    #[must_use]
    pub fn endpoint(&self) -> Option<&EndpointId> {
        self.attempts.last().map(|attempt| &attempt.endpoint)
    }
}
