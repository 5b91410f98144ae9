//! A ceiling that probes: up to where it failed last, long about there, then beyond, and more rarely each time it fails.
//!
//! Invariant: it grows only while the ceiling is in use, and by time and by number of admissions, whichever is slower. Of a
//! minute that comes near it once, all admissions count.
//! Absent on purpose: bounds from elsewhere (`ceiling`).

use std::time::Duration;

use crate::model::units::Timestamp;

/// From a refusal to the middle of the plateau, at first.
const PLATEAU: Duration = Duration::from_secs(30);
/// The longest it becomes.
const LONGEST_PLATEAU: Duration = Duration::from_mins(8);
/// One admission advances the law by this much at most, so that a failed probe stays rare among admissions.
const STEP: Duration = Duration::from_millis(400);
/// However many there were since the last one near the ceiling, one advances it by no more than this.
const LEAP: Duration = Duration::from_secs(10);
/// Growth of a ceiling that began at its plateau's own height, in permille of its height.
const RISE: u64 = 20;
/// Beyond this many plateaus it grows no quicker.
const FARTHEST: i64 = 8_000;

/// One learned ceiling.
#[derive(Clone, Debug)]
pub(super) struct Cubic {
    /// Where it failed last.
    last: u64,
    /// Never below this.
    least: u64,
    /// In permille of `last`: where it began after the failure.
    depth: u64,
    plateau: Duration,
    /// Of its own time, what has passed since the failure.
    spent: Duration,
    seen: Timestamp,
    value: u64,
}

impl Cubic {
    /// After the first refusal at this level.
    pub(super) fn from_refusal(now: Timestamp, level: u64, least: u64, depth: u64) -> Self {
        let fresh =
            Self { last: level, least, depth, plateau: PLATEAU, spent: Duration::ZERO, seen: now, value: level };
        fresh.valued()
    }

    /// Nothing was refused yet: begins in the middle of the plateau.
    pub(super) fn from_plateau(now: Timestamp, level: u64, depth: u64) -> Self {
        let plateau = PLATEAU * 4;
        Self { last: level, least: 1, depth, plateau, spent: plateau, seen: now, value: level }
    }

    /// An earlier run learned it: goes on in the middle of its plateau.
    pub(super) fn resumed(now: Timestamp, level: u64, depth: u64) -> Self {
        let plateau = PLATEAU;
        Self { last: level, least: 1, depth, plateau, spent: plateau, seen: now, value: level }
    }

    /// The ceiling.
    pub(super) const fn value(&self) -> u64 {
        self.value
    }

    /// Another refusal at this level. Where it is about as high as the one before, the next probe comes later.
    pub(super) fn again(&self, now: Timestamp, level: u64) -> Self {
        let same = level.abs_diff(self.last) <= self.last / 8;
        let plateau = match (same, level > self.last) {
            (true, _) => (self.plateau * 2).min(LONGEST_PLATEAU),
            (false, true) => PLATEAU,
            (false, false) => self.plateau,
        };
        Self { last: level, plateau, spent: Duration::ZERO, seen: now, value: level, ..self.clone() }.valued()
    }

    /// The same failure, seen more sharply.
    pub(super) fn sharpen(&mut self, level: u64) {
        if level < self.last && self.spent.is_zero() {
            self.last = level.max(self.least);
            *self = self.clone().valued();
        }
    }

    /// Something was let in near the ceiling, as the last of so many since another one was.
    pub(super) fn near(&mut self, now: Timestamp, admissions: u32) {
        let most = STEP.saturating_mul(admissions).min(LEAP);
        self.spent = self.spent.saturating_add(now.since(self.seen).min(most));
        self.seen = now;
        *self = self.clone().valued();
        // Where nothing was refused for so long, where it failed once says nothing any more: it goes on from where it is.
        if self.way() >= FARTHEST {
            (self.last, self.spent) = (self.value, self.plateau);
        }
    }

    /// How many plateaus it is past the middle of the first, in thousandths.
    fn way(&self) -> i64 {
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let (spent, plateau) = (millis(self.spent), millis(self.plateau).max(1));
        spent.saturating_sub(plateau).saturating_mul(1_000) / plateau
    }

    /// `last` · (1 + depth · ((spent − plateau) / plateau)³), in steps so coarse that what stands on it is not doubted
    /// with every answer.
    fn valued(mut self) -> Self {
        let way = self.way().min(FARTHEST);
        let depth = if way < 0 { self.depth } else { self.depth.max(RISE) };
        let cube = u128::from(way.unsigned_abs()).pow(3) / 1_000_000;
        let change = u128::from(self.last) * u128::from(depth) * cube / 1_000_000;
        let change = u64::try_from(change).unwrap_or(u64::MAX);
        let step = (self.last / 512).max(1);
        let change = change / step * step;
        let value = if way < 0 { self.last.saturating_sub(change) } else { self.last.saturating_add(change) };
        self.value = value.max(self.least).max(1);
        self
    }
}
