//! The waiting line over the last minutes: one point a second.
//!
//! Invariant: at most [`SECONDS`] points, oldest first; a second that was not sampled has none.
//! Absent on purpose: who waited.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::contract::snapshot::LinePoint;
use crate::model::status::QueueView;

/// Seconds kept.
pub const SECONDS: u64 = 900;

/// The points.
#[derive(Debug, Default)]
pub struct Depth(VecDeque<LinePoint>);

impl Depth {
    /// Adds a point for this second.
    pub fn sample(&mut self, queue: &QueueView, second: u64) {
        if self.0.back().is_some_and(|last| last.second >= second) {
            return;
        }
        let QueueView { waiting, oldest, admitted, refused, .. } = *queue;
        self.0.push_back(LinePoint { second, waiting, oldest, admitted, refused });
        while self.0.front().is_some_and(|first| first.second.saturating_add(SECONDS) <= second) {
            self.0.pop_front();
        }
    }

    /// What the screen reads.
    #[must_use]
    pub fn view(&self) -> Arc<[LinePoint]> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_a_second_is_kept_for_a_quarter_of_an_hour() {
        let mut depth = Depth::default();
        for second in [1, 2, 2, 5, 900, 901] {
            let waiting = u32::try_from(second).unwrap();
            depth.sample(&QueueView { waiting, ..QueueView::default() }, second);
        }
        let seconds: Vec<u64> = depth.view().iter().map(|point| point.second).collect();
        assert_eq!(seconds, [2, 5, 900, 901]);
    }
}
