//! What came of a run, in sums.
//!
//! Invariant: its size does not depend on how long the world ran. Only what happened within the measured span counts;
//! requests count by when they came, tokens and rejections by when the service saw them.
//! Absent on purpose: judgement (`goals`) and layout (`table`).

use std::time::Duration;

use super::histogram::Histogram;
use crate::model::config::Priority;
use crate::model::units::Timestamp;

/// What one service saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests that arrived there.
    pub arrived: u64,
    /// Of these, answered with 429.
    pub throttled: u64,
    /// Tokens that took of its limit.
    pub tokens: u64,
}

/// What became of the requests of one priority.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// Requests that came.
    pub offered: u64,
    /// Tokens they asked for.
    pub offered_tokens: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Tokens that these asked for.
    pub answered_tokens: u64,
    /// Errors of the gateway's own.
    pub refused: u64,
    /// Errors that were passed on.
    pub passed_on: u64,
    /// From arrival to the sending that was answered.
    pub waits: Histogram,
}

/// Spills: first sendings into a lower group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spills {
    /// How many.
    pub all: u64,
    /// Of these, while a service of a higher group had room and no rule withheld it.
    pub despite_room: u64,
    /// What share of the first group's tokens was in use when the first came, in thousandths.
    pub use_before_first: Option<u64>,
}

/// The sums of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// From when on things are counted.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// By service.
    pub servers: Vec<Seen>,
    /// By priority: interactive, normal, bulk.
    pub fates: [Fate; 3],
    /// Requests sent to lower groups.
    pub spills: Spills,
    /// The most requests that were open at once.
    pub most_open: usize,
}

impl Report {
    /// A report over a span.
    #[must_use]
    pub fn over(from: Timestamp, to: Timestamp, servers: usize) -> Self {
        Self { from, to, servers: vec![Seen::default(); servers], ..Self::default() }
    }

    /// Whether something that happened then counts.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// How long it measured.
    #[must_use]
    pub const fn span(&self) -> Duration {
        self.to.since(self.from)
    }

    /// The requests of one priority.
    #[must_use]
    pub const fn fate(&self, priority: Priority) -> &Fate {
        let [interactive, normal, bulk] = &self.fates;
        match priority {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        }
    }

    /// The same, to count on.
    pub(super) const fn fate_mut(&mut self, priority: Priority) -> &mut Fate {
        let [interactive, normal, bulk] = &mut self.fates;
        match priority {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        }
    }

    fn sum(&self, of: impl Fn(&Fate) -> u64) -> u64 {
        self.fates.iter().map(of).sum()
    }

    /// Requests that came.
    #[must_use]
    pub fn offered(&self) -> u64 {
        self.sum(|fate| fate.offered)
    }

    /// Tokens they asked for.
    #[must_use]
    pub fn offered_tokens(&self) -> u64 {
        self.sum(|fate| fate.offered_tokens)
    }

    /// Requests that were answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.sum(|fate| fate.answered)
    }

    /// Requests that ended in an error at the client.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.sum(|fate| fate.refused.saturating_add(fate.passed_on))
    }

    /// Tokens that the services let in.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.servers.iter().map(|seen| seen.tokens).sum()
    }

    /// 429s that the services sent.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.servers.iter().map(|seen| seen.throttled).sum()
    }

    /// Errors at clients per 10,000 requests.
    #[must_use]
    pub fn errors_in_10k(&self) -> u64 {
        share(self.errors(), self.offered(), 10_000)
    }

    /// 429s of services per 10,000 requests of clients.
    #[must_use]
    pub fn throttled_in_10k(&self) -> u64 {
        share(self.throttled(), self.offered(), 10_000)
    }
}

/// `part` of `whole` in these units, rounded to the nearest; 0 of nothing.
pub(super) fn share(part: u64, whole: u64, units: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    u64::try_from((part * u128::from(units) + whole / 2) / whole).unwrap_or(u64::MAX)
}
