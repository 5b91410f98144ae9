//! What the world asks of a service.
//!
//! Invariant: a service that admitted a request is told once how it ended.
//! Absent on purpose: how it counts (`site`), and its answers' bytes.

use std::time::Duration;

use crate::model::outcome::{Failure, HeaderFacts};
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;
use crate::model::usage::Usage;
use crate::sim::upstream::Ticket;
use crate::sim::window::Standing;

/// A request that was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The service's own name for it.
    pub ticket: Ticket,
    /// Tokens charged.
    pub charge: u64,
    /// What the answer will have used.
    pub usage: Usage,
    /// What the answer's head says of limits.
    pub facts: HeaderFacts,
    /// Until the first token.
    pub first_token: Duration,
    /// From the first token to the last.
    pub takes: Duration,
}

/// What a service does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It answers.
    Admitted(Admitted),
    /// It does not.
    Failed(Failure),
}

/// A service.
pub trait Server {
    /// What it would charge for a request.
    fn charge(&self, profile: &RequestProfile) -> u64;
    /// A request arrives.
    fn arrive(&mut self, now: Timestamp, profile: &RequestProfile) -> Reply;
    /// A request it admitted has ended.
    fn finish(&mut self, now: Timestamp, admitted: &Admitted);
    /// What an admitted request takes of the limit in the end.
    fn delivered(&self, admitted: &Admitted) -> u64 {
        admitted.charge
    }
    /// Its tokens, as they stand.
    fn standing(&mut self, now: Timestamp) -> Standing;
    /// What has been free for long enough that a careful gateway knows of it.
    fn lasting_room(&mut self, now: Timestamp) -> Room {
        Room { tokens: self.standing(now).remaining, requests: u64::MAX }
    }
}

/// What is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Tokens.
    pub tokens: u64,
    /// Requests, in the slice too.
    pub requests: u64,
}

impl Room {
    /// What is left of it for those who come after these.
    #[must_use]
    pub const fn after(self, tokens: u64, requests: u64) -> Self {
        Self { tokens: self.tokens.saturating_sub(tokens), requests: self.requests.saturating_sub(requests) }
    }
}
