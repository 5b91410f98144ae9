//! One object that handles every event.
//!
//! Invariant: every request that arrives leaves with exactly one end.
//! Absent on purpose: rules; each has a file of its own.

use std::sync::Arc;

use super::event::{Input, Output};
use crate::model::checked::CheckedConfig;
use crate::model::status::BalancerView;
use crate::model::units::Timestamp;

/// The brain.
pub struct Balancer {
    config: Arc<CheckedConfig>,
}

impl Balancer {
    /// A brain that has seen nothing yet.
    #[must_use]
    pub fn new(config: Arc<CheckedConfig>, _seed: u64, _now: Timestamp) -> Self {
        Self { config }
    }

    /// Takes in one event at `now` (never earlier than the call before) and appends what is to be done.
    pub fn handle(&mut self, _now: Timestamp, input: Input, _outputs: &mut Vec<Output>) {
        if let Input::Configured(config) = input {
            self.config = config;
        }
    }

    /// The exact moment at which time alone changes something: call `handle(.., Tick, ..)` then.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        None
    }

    /// How things stand at `now`. Changes nothing.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> BalancerView {
        BalancerView { at: now, revision: self.config.revision, ..BalancerView::default() }
    }
}
