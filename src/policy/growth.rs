//! How quickly load at an endpoint may grow: by half in fifteen minutes, once the service minds or is known to.
//!
//! Invariant: what is allowed never falls but by a new `slow_down`, and lies at most half above what was admitted a
//! quarter of an hour before.
//! Absent on purpose: the quota; this holds below it.

use std::time::Duration;

use super::ceiling::share;
use crate::model::units::Timestamp;

/// Load may grow by half in this time.
const PERIOD: Duration = Duration::from_mins(15);
/// After a `slow_down`, what was admitted before is allowed again over this time, from half of it.
const RAMP: Duration = Duration::from_mins(1);
/// Input tokens per minute above which OpenAI minds, told or not.
const MINDED: u64 = 1_000_000;

/// The guard of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Growth {
    guard: Option<Guard>,
}

#[derive(Clone, Copy, Debug)]
struct Guard {
    /// Tokens per minute at the start of the period.
    base: u64,
    since: Timestamp,
    /// The most that was admitted per minute in this period.
    peak: u64,
    /// When a `slow_down` came, if one did.
    told: Option<Timestamp>,
    allowed: u64,
}

impl Growth {
    /// Tokens per minute allowed now; `None`: growth is free.
    pub(super) fn allowed(&self) -> Option<u64> {
        self.guard.map(|guard| guard.allowed)
    }

    /// The service said `slow_down` while we sent this many tokens per minute.
    pub(super) fn told(&mut self, now: Timestamp, rate: u64) {
        let base = rate.max(1);
        self.guard = Some(Guard { base, since: now, peak: 0, told: Some(now), allowed: base.div_ceil(2) });
    }

    /// So many tokens per minute are being admitted, `input` of them prompt. `minds`: the service is known to look at
    /// growth.
    pub(super) fn see(&mut self, now: Timestamp, rate: u64, input: u64, minds: bool) {
        let Some(guard) = &mut self.guard else {
            if minds && input >= MINDED {
                self.guard = Some(Guard { base: rate, since: now, peak: rate, told: None, allowed: rate });
            }
            return;
        };
        guard.peak = guard.peak.max(rate);
        if now.since(guard.since) >= PERIOD {
            let small = input < MINDED && guard.told.is_none();
            // Two quiet periods after the last word, nobody minds any more.
            let old = guard.told.is_some_and(|told| now.since(told) >= PERIOD * 2);
            if small || old && !minds {
                self.guard = None;
                return;
            }
            guard.told = guard.told.filter(|_| !old);
            guard.base = guard.base.max(guard.peak);
            (guard.since, guard.peak) = (now, rate);
        }
        guard.grow(now);
    }
}

impl Guard {
    fn grow(&mut self, now: Timestamp) {
        let passed = now.since(self.since).min(PERIOD);
        let grown = self.base.saturating_add(share(self.base / 2, passed, PERIOD));
        let ramp = match self.told {
            Some(told) if now.since(told) < RAMP => {
                self.base.div_ceil(2).saturating_add(share(self.base / 2, now.since(told), RAMP))
            }
            _ => u64::MAX,
        };
        let step = (self.base / 256).max(1);
        let allowed = grown.min(ramp) / step * step;
        self.allowed = self.allowed.max(allowed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }
    /// The load takes what it is allowed, every second; what was allowed at the end of each minute.
    fn pushed(growth: &mut Growth, from: u64, minutes: u64, minds: bool) -> Vec<u64> {
        let mut shown = Vec::new();
        for second in from..from + minutes * 60 {
            let rate = growth.allowed().unwrap_or(0);
            growth.see(at(second), rate, rate, minds);
            if (second - from) % 60 == 59 {
                shown.push(growth.allowed().unwrap_or(u64::MAX));
            }
        }
        shown
    }

    #[test]
    fn after_a_slow_down_load_is_back_in_a_minute_and_half_higher_in_fifteen() {
        let mut growth = Growth::default();
        growth.told(at(0), 600_000);
        assert_eq!(growth.allowed(), Some(300_000));
        let shown = pushed(&mut growth, 0, 31, false);
        assert!(shown.is_sorted());
        assert!((590_000..=640_000).contains(&shown[0]), "{shown:?}");
        assert!((880_000..=900_000).contains(&shown[14]), "{shown:?}");
        assert!(shown[28] <= 1_350_000, "{shown:?}");
        assert_eq!(shown[30], u64::MAX, "nobody minds any more");
    }

    #[test]
    fn a_large_load_at_openai_grows_by_half_in_fifteen_minutes_untold() {
        let mut growth = Growth::default();
        growth.see(at(0), 1_200_000, 900_000, true);
        assert_eq!(growth.allowed(), None);
        growth.see(at(1), 1_400_000, 1_000_000, true);
        assert_eq!(growth.allowed(), Some(1_400_000));
        let shown = pushed(&mut growth, 2, 30, true);
        assert!((2_050_000..=2_100_000).contains(&shown[14]), "{shown:?}");
        assert!((3_000_000..=3_150_000).contains(&shown[29]), "{shown:?}");
    }

    #[test]
    fn a_load_that_became_small_is_free_again() {
        let mut growth = Growth::default();
        growth.see(at(0), 1_400_000, 1_200_000, true);
        growth.see(at(901), 200_000, 100_000, true);
        assert_eq!(growth.allowed(), None);
    }
}
