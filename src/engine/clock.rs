//! The only place that reads clocks.
//!
//! Invariant: `now` never goes back; the wall clock is for display and for dates in headers, never for decisions.
//! Absent on purpose: sleeping. Who waits does so on the runtime's timer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::model::units::{Timestamp, micros};

/// Time since the start of the process, and the wall clock. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    /// What `now` was then, in microseconds.
    epoch: u64,
}

/// Farther than anybody waits.
const FAR: Duration = Duration::from_hours(720);

impl Clock {
    /// A clock that starts now, at zero.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now(), epoch: 0 }
    }

    /// A clock that starts now, at the microseconds since 1970: what one run notes can be compared with what another did.
    #[must_use]
    pub fn since_1970() -> Self {
        let clock = Self::start();
        Self { epoch: clock.wall_ms().saturating_mul(1_000), ..clock }
    }

    /// Microseconds since the start, or since 1970. On a paused runtime this stands still with it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.epoch.saturating_add(micros(self.started.elapsed())))
    }

    /// The runtime's instant for a timestamp, for its timers. One far in the future stands for "never".
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.started + Duration::from_micros(at.0.saturating_sub(self.epoch)).min(self.started.elapsed() + FAR)
    }

    /// The runtime's instant `span` from now: a deadline for its timers.
    #[must_use]
    pub fn deadline(&self, span: Duration) -> Instant {
        self.started + self.started.elapsed() + span.min(FAR)
    }

    /// Milliseconds since 1970, as the system believes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn wall_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| micros(since) / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_since_1970_goes_on_as_one_from_zero_and_its_timers_fire_alike() {
        for clock in [Clock::start(), Clock::since_1970()] {
            let (before, span) = (clock.now(), Duration::from_millis(1_500));
            tokio::time::sleep_until(clock.instant(before.after(span))).await;
            assert_eq!(clock.now().since(before), span);
        }
        assert_eq!(Clock::since_1970().now().0 / 86_400_000_000, Clock::start().wall_ms() / 86_400_000);
    }
}
