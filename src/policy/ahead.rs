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
    /// Of a level.
    Drain(Drain),
}

/// How a level drains from the moment of the look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drain {
    /// The parts that count,
    pub(super) counts: u64,
    /// how many of them drain in a microsecond,
    pub(super) rate: u64,
    /// and how many a unit has: as many as its period has microseconds.
    pub(super) period: u64,
}

impl Drain {
    /// This many microseconds pass. The whole units that count then, rounded up.
    pub(super) const fn pass(&mut self, passed: u64) -> u64 {
        self.counts = self.counts.saturating_sub(self.rate.saturating_mul(passed));
        units(self.counts, self.period)
    }

    /// When a charge fits below a limit.
    fn when(&self, now: Timestamp, charge: u64, limit: u64) -> Option<Timestamp> {
        let below = limit.checked_sub(charge)?.checked_mul(self.period)?;
        let over = self.counts.saturating_sub(below);
        let wait = over.checked_add(self.rate.checked_sub(1)?)?.checked_div(self.rate)?;
        Some(now.after(Duration::from_micros(wait)))
    }
}

/// Parts in units, rounded up. Asked of every level for every decision; nearly all drain within a minute, and what is
/// divided by a number that is known beforehand is not divided at all.
pub(super) const fn units(parts: u64, period: u64) -> u64 {
    const USUAL: u64 = 60_000_000;
    if period == USUAL { parts.div_ceil(USUAL) } else { parts.div_ceil(period) }
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
            Self::Drain(drain) => drain.when(now, charge, limit),
        }
    }
}
