//! What clients are expected to ask for in the next seconds.
//!
//! Invariant: amounts are tokens as the services would charge them, per minute; `upper` is never below `expected`.
//! Absent on purpose: how it is foreseen (`plan`) and what follows from it (`policy`).

use serde::{Deserialize, Serialize};

use super::config::Priority;
use super::id::ModelName;
use super::units::Timestamp;

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
