//! What clients are expected to ask for in the next seconds.
//!
//! Invariant: amounts are tokens as the services would charge them, per minute; `upper` is never below `expected`.
//! Absent on purpose: how it is foreseen (`plan`) and what follows from it (`policy`).

use serde::{Deserialize, Serialize};

use super::config::Priority;
use super::id::ModelName;
use super::units::{Timestamp, Unit};

/// The demand of one priority on one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Tokens per minute, if things go on as they do.
    pub expected: u64,
    /// Tokens per minute that are rarely exceeded.
    pub upper: u64,
    /// By how many tokens per minute it grows in a minute; below zero: it shrinks.
    pub trend: i64,
}

/// The demand on one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteOutlook {
    /// The route's name.
    pub model: ModelName,
    /// By priority: interactive, normal, bulk.
    pub demand: [Demand; 3],
}

/// The demand on every route that saw some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// When it was made.
    pub at: Timestamp,
    /// In no particular order; a route that is absent saw nothing.
    pub routes: Vec<RouteOutlook>,
}

impl Outlook {
    /// The demand on the route of this name.
    #[must_use]
    pub fn route(&self, model: &ModelName) -> Option<&RouteOutlook> {
        self.routes.iter().find(|route| route.model == *model)
    }
}

impl RouteOutlook {
    /// The demand of one priority.
    #[must_use]
    pub const fn of(&self, priority: Priority) -> Demand {
        let [interactive, normal, bulk] = self.demand;
        match priority {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        }
    }
}

impl RouteOutlook {
    /// The demand of all priorities together. Their bands are taken for independent.
    #[must_use]
    pub fn sum(&self) -> Demand {
        self.demand.into_iter().fold(Demand::default(), Demand::and)
    }
}

impl Demand {
    /// This one and an independent other one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let expected = self.expected.saturating_add(other.expected);
        let widths = [self.width(), other.width()].map(|width| u128::from(width).pow(2));
        let width = widths.into_iter().fold(0_u128, u128::saturating_add).isqrt();
        Self {
            expected,
            upper: expected.saturating_add(u64::try_from(width).unwrap_or(u64::MAX)),
            trend: self.trend.saturating_add(other.trend),
        }
    }

    /// `part` of `whole` of it; of nothing it is a part of one.
    #[must_use]
    pub fn share(self, part: u64, whole: u64) -> Self {
        let of = |amount: u64| {
            let share = u128::from(amount) * u128::from(part) / u128::from(whole.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        let trend = i64::try_from(of(self.trend.unsigned_abs())).unwrap_or(i64::MAX);
        Self { expected: of(self.expected), upper: of(self.upper), trend: trend * self.trend.signum() }
    }

    /// From what is expected to what is rarely exceeded.
    #[must_use]
    pub const fn width(self) -> u64 {
        self.upper.saturating_sub(self.expected)
    }

    /// Tokens per minute that are rarely fallen short of.
    #[must_use]
    pub const fn lower(self) -> u64 {
        self.expected.saturating_sub(self.width())
    }
}

/// When a limit is expected to be full, if things go on as they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhaustion {
    /// What is expected.
    pub at: Timestamp,
    /// Rarely before this.
    pub earliest: Timestamp,
    /// Rarely after this.
    pub latest: Timestamp,
    /// Which of its limits is full first; one of the day before those of the minute.
    pub of: Unit,
}
