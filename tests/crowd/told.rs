//! What a service says of its token limit, and how much of it may be believed: less at once, more by a tenth of what is
//! missing in ten seconds.

use std::time::Duration;

use tidegate::model::units::Timestamp;

const TENTH: Duration = Duration::from_secs(10);
/// However long nothing was heard, one answer tells of no more than this.
const LONGEST: Duration = Duration::from_mins(1);

/// One service's word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    limit: Option<u64>,
    believed: u64,
    /// What was stated when it was last heard: what the person states anew holds up to its word.
    stated: Option<u64>,
    /// When the figure that is believed last moved.
    moved: Timestamp,
}

impl Told {
    pub const fn limit(self) -> Option<u64> {
        self.limit
    }

    /// What holds beside what is stated.
    pub fn believed(self, stated: Option<u64>) -> Option<u64> {
        let Some(limit) = self.limit else { return stated };
        let anew = stated.filter(|_| stated != self.stated);
        Some(anew.unwrap_or(self.believed).min(limit))
    }

    pub fn hear(&mut self, now: Timestamp, stated: Option<u64>, limit: u64) {
        let before = self.believed(stated).unwrap_or(limit);
        let is_on_the_way = self.limit.is_some_and(|limit| limit > before);
        let waited = now.since(self.moved).min(LONGEST).as_millis();
        let part = u64::try_from(u128::from(limit.saturating_sub(before)) * waited / TENTH.as_millis());
        let least = u64::from(waited >= TENTH.as_millis());
        let step = if is_on_the_way { (part.expect("a part of a limit") / 10).max(least) } else { 0 };
        if step > 0 || !is_on_the_way || limit <= before {
            self.moved = now;
        }
        *self = Self { limit: Some(limit), believed: limit.min(before + step), stated, moved: self.moved };
    }
}

/// The least that may be believed of a limit after refusals: each halves it at most, and what was refused still fits.
#[derive(Clone, Copy, Debug)]
pub struct Least(u64);

impl Least {
    /// After one more, of a request of this charge.
    pub fn after(before: Option<Self>, limit: Option<u64>, charge: u64) -> Self {
        let known = before.map(|least| least.0);
        let held = known.into_iter().chain(limit).min();
        // What earlier ones may have taught they may also not have: the pool was at fault, or the limit was pinned then.
        let half = limit.and(held).unwrap_or(0) / 2;
        let taught = half.max(charge) * 97 / 100;
        Self(held.map_or(taught, |held| held.min(taught)))
    }

    /// What holds at least beside a limit, if one is known.
    pub fn of(least: Option<Self>, limit: Option<u64>) -> Option<u64> {
        least.map(|least| least.0).into_iter().chain(limit).min()
    }
}
