//! What the engine looks ahead by: it notes what arrives and where it goes, and once a second says what follows.
//!
//! Invariant: while nothing is asked for it is never due, so an idle engine sleeps.
//! Absent on purpose: the forecasts themselves (`plan`), and acting on them (`policy`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::config::{Config, Priority};
use crate::model::decision::Decision;
use crate::model::id::{EndpointId, PoolId};
use crate::model::outlook::Outlook;
use crate::model::proposal::Share;
use crate::model::status::BalancerView;
use crate::model::units::Timestamp;
use crate::plan::adjust::Adjuster;
use crate::plan::demand::Forecaster;
use crate::plan::exhaust::{Flows, Foresight, foresee};
use crate::policy::{Assignment, Balancer, Input, Output};

/// How often it looks.
const BEAT: Duration = Duration::from_secs(1);

/// What was noted and what was made of it.
#[derive(Default)]
pub(super) struct Lookout {
    forecaster: Forecaster,
    flows: Flows,
    adjuster: Adjuster,
    due: Option<Timestamp>,
    foresight: Foresight,
    proposed: BTreeMap<PoolId, Vec<Share>>,
}

impl Lookout {
    /// Whether an event is a new demand, and how important: a client's own retry is the same demand again.
    pub(super) fn asks(input: &Input) -> Option<Priority> {
        match input {
            Input::Arrived { profile, .. } if profile.sdk_retry == 0 => Some(profile.priority),
            _ => None,
        }
    }

    /// A new configuration lifts every ceiling, also one with the number of the last.
    pub(super) fn hear(&mut self, input: &Input) {
        if matches!(input, Input::Configured(_)) {
            self.adjuster = Adjuster::default();
        }
    }

    /// Notes what was decided: where it goes, and, if it is a demand, that it was asked for.
    pub(super) fn note(&mut self, now: Timestamp, output: &Output, asked: Option<Priority>) {
        let decision: Option<&Decision> = match output {
            Output::Assigned { assignment, .. } => {
                let Assignment { endpoint, decision, .. } = assignment;
                self.flows.note(now, endpoint, decision.estimate);
                Some(decision)
            }
            Output::Held { decision, .. } | Output::GiveUp { decision, .. } => Some(decision),
            Output::Refused { decision, .. } => decision.as_deref(),
        };
        if let (Some(priority), Some(decision)) = (asked, decision) {
            self.forecaster.note(now, &decision.route, priority, decision.estimate.charge);
            self.due.get_or_insert_with(|| now.after(BEAT));
        }
    }

    /// When it wants to look.
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// The demand to come, if it is time to look.
    pub(super) fn outlook(&mut self, now: Timestamp) -> Option<Arc<Outlook>> {
        self.due.filter(|due| *due <= now)?;
        let outlook = self.forecaster.outlook(now);
        self.due = (!self.forecaster.is_idle()).then(|| now.after(BEAT));
        self.flows.prune(now);
        Some(Arc::new(outlook))
    }

    /// What follows from the demand for limits and pools. Returns the ceilings to change.
    pub(super) fn look(&mut self, balancer: &Balancer, now: Timestamp) -> Vec<(EndpointId, Option<u64>)> {
        let (view, checked) = (balancer.view(now), balancer.config());
        self.foresight = foresee(&view, checked, &self.flows);
        let config: &Config = &checked.config;
        let adjusted = self.adjuster.look(&view, config);
        self.proposed = adjusted.proposed;
        adjusted.ceilings
    }

    /// Adds what is foreseen to how things stand.
    pub(super) fn show_in(&self, view: &mut BalancerView) {
        for endpoint in &mut view.endpoints {
            endpoint.exhausts_at = self.foresight.endpoints.get(&endpoint.id).copied();
        }
        for pool in &mut view.pools {
            pool.exhausts_at = self.foresight.pools.get(&pool.id).copied();
            pool.proposed = self.proposed.get(&pool.id).cloned().unwrap_or_default();
        }
    }
}

#[cfg(test)]
#[path = "lookout_tests.rs"]
mod tests;
