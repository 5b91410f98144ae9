//! From when on a larger charge fits below a limit, as far as that can be told without asking the ledger again.
//!
//! Invariant: what is told is what the ledger would answer at the moment of the look, and until something changes it.
//! Absent on purpose: what lies further ahead than a few steps. The ledger is asked then.

use std::time::Duration;

use crate::model::units::Timestamp;

/// Steps that are known of a window. What is needed mostly comes with the first.
pub(super) const STEPS: usize = 3;

/// How room comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ahead {
    /// Not looked at.
    #[default]
    Unknown,
    /// Of a window: so much in all has left by then.
    Steps([(u64, Timestamp); STEPS]),
    /// Of a level: the parts that count, how many drain in a microsecond, and how many a unit has.
    Drain { counts: u64, rate: u64, period: u64 },
}

impl Ahead {
    /// When a charge fits that lies above what is `free` of the `limit`, and not above the limit; `None`: not known here.
    pub(super) fn when(&self, now: Timestamp, charge: u64, (free, limit): (u64, u64)) -> Option<Timestamp> {
        match self {
            Self::Unknown => None,
            Self::Steps(steps) => {
                let lacks = charge.checked_sub(free)?;
                steps.iter().find(|(left, _)| *left >= lacks).map(|(_, at)| (*at).max(now))
            }
            Self::Drain { counts, rate, period } => {
                let below = limit.checked_sub(charge)?.checked_mul(*period)?;
                let over = counts.saturating_sub(below);
                let wait = over.checked_add(rate.checked_sub(1)?)?.checked_div(*rate)?;
                Some(now.after(Duration::from_micros(wait)))
            }
        }
    }
}
