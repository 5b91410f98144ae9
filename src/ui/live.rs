//! Live tuning from the screen's side: waits for quiet, then has the draft tried.
//!
//! Invariant: an edit is sent once it has stood for [`QUIET`] seconds, blocks nothing and no earlier one is under way.
//! Absent on purpose: the countdown and going back; the background does both, window or not.

use std::time::Duration;

use super::draft::Draft;

/// Seconds without an edit before the draft is tried.
pub const QUIET: f64 = 0.4;

/// Whether edits are tried by themselves, and since when the draft has been quiet.
#[derive(Debug, Default)]
pub struct Tuning {
    on: bool,
    seen: u64,
    since: f64,
}

impl Tuning {
    /// Whether edits are tried by themselves.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// Switches it on or off.
    pub fn toggle(&mut self) {
        self.on = !self.on;
    }

    /// Switches it off.
    pub fn stop(&mut self) {
        self.on = false;
    }

    /// Whether the draft is to be tried now; asks for the frame in which it will be.
    pub fn is_due(&mut self, ctx: &egui::Context, draft: &Draft) -> bool {
        if !self.on || !draft.is_changed() {
            return false;
        }
        let now = ctx.input(|input| input.time);
        if self.seen != draft.version() {
            (self.seen, self.since) = (draft.version(), now);
        }
        let left = self.since + QUIET - now;
        if left > 0.0 {
            ctx.request_repaint_after(Duration::from_secs_f64(left));
        }
        left <= 0.0
    }
}
