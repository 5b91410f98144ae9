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
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Microseconds since the start. On a paused runtime this stands still with it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(micros(self.started.elapsed()))
    }

    /// The runtime's instant for a timestamp, for its timers. One far in the future stands for "never".
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        const FAR: Duration = Duration::from_hours(720);
        self.started + Duration::from_micros(at.0).min(self.started.elapsed() + FAR)
    }

    /// The runtime's instant `span` from now: a deadline for its timers.
    #[must_use]
    pub fn deadline(&self, span: Duration) -> Instant {
        self.instant(self.now().after(span))
    }

    /// Milliseconds since 1970, as the system believes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn wall_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| micros(since) / 1_000)
    }
}
