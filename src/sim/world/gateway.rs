//! Who spreads requests over the services of a world: the real balancer, or a rival (`rivals`).
//!
//! Invariant: a gateway learns what a proxy could learn and nothing else; each request gets exactly one end.
//! Absent on purpose: rules. The balancer's are `policy`'s own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::checked::CheckedConfig;
use crate::model::config::Priority;
use crate::model::decision::{Decision, Exclusion, Verdict};
use crate::model::id::{EndpointId, RequestId};
use crate::model::units::Timestamp;
use crate::plan::demand::Forecaster;
use crate::policy::{Balancer, Input, Output};

/// How often the balancer is told what is foreseen, as the engine does.
const BEAT: Duration = Duration::from_secs(1);

/// What a gateway does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends a request on.
    Send {
        /// Which.
        request: u64,
        /// To which of the world's services.
        server: usize,
        /// Its priority group, from 1.
        group: u32,
        /// Whether a rule other than want of room kept it from a higher group.
        withheld: bool,
    },
    /// Answers with an error of its own.
    Refuse {
        /// Which.
        request: u64,
    },
    /// Passes a service's error on.
    PassOn {
        /// Which.
        request: u64,
    },
}

/// A gateway.
pub trait Gateway {
    /// Takes in one event and appends what it does.
    fn take(&mut self, now: Timestamp, input: Input, acts: &mut Vec<Act>);
    /// When time alone makes it do something.
    fn next_wake(&self) -> Option<Timestamp>;
}

/// The real balancer.
pub struct Ours {
    balancer: Balancer,
    places: BTreeMap<EndpointId, usize>,
    outputs: Vec<Output>,
    forecaster: Forecaster,
    /// When it is asked next; nobody is asked while nobody comes.
    look: Option<Timestamp>,
}

impl Ours {
    /// A balancer over the configuration's endpoints, which are the world's services in the same order; every account
    /// has its key.
    #[must_use]
    pub fn new(config: CheckedConfig, seed: u64) -> Self {
        let places = config.endpoints.iter().enumerate().map(|(place, endpoint)| (endpoint.id.clone(), place));
        let places = places.collect();
        let accounts: Vec<_> = config.config.accounts.iter().map(|account| account.id.clone()).collect();
        let mut balancer = Balancer::new(Arc::new(config), seed, Timestamp::ZERO);
        let mut outputs = Vec::new();
        for account in accounts {
            balancer.handle(Timestamp::ZERO, Input::KeyReady { account, ready: true }, &mut outputs);
        }
        Self { balancer, places, outputs, forecaster: Forecaster::default(), look: None }
    }

    /// Tells what is foreseen, if it is time to.
    fn look_ahead(&mut self, now: Timestamp) {
        if self.look.is_none_or(|look| look > now) {
            return;
        }
        let outlook = self.forecaster.outlook(now);
        self.look = (!self.forecaster.is_idle()).then(|| now.after(BEAT));
        self.balancer.handle(now, Input::Foreseen(Arc::new(outlook)), &mut self.outputs);
    }

    /// Notes a demand by the charge that the answer to it names.
    fn note(&mut self, now: Timestamp, asked: Option<Priority>) {
        let decision = match self.outputs.last() {
            Some(Output::Assigned { assignment, .. }) => &assignment.decision,
            Some(
                Output::Held { decision, .. }
                | Output::GiveUp { decision, .. }
                | Output::Refused { decision: Some(decision), .. },
            ) => decision,
            _ => return,
        };
        if let Some(priority) = asked {
            self.forecaster.note(now, &decision.route, priority, decision.estimate.charge);
            self.look.get_or_insert_with(|| now.after(BEAT));
        }
    }

    /// The brain, to look at.
    #[must_use]
    pub const fn balancer(&self) -> &Balancer {
        &self.balancer
    }
}

impl Gateway for Ours {
    fn take(&mut self, now: Timestamp, input: Input, acts: &mut Vec<Act>) {
        self.look_ahead(now);
        let asked = match &input {
            Input::Arrived { profile, .. } => Some(profile.priority),
            _ => None,
        };
        self.balancer.handle(now, input, &mut self.outputs);
        self.note(now, asked);
        for output in self.outputs.drain(..) {
            let RequestId(request) = output.request();
            match output {
                Output::Assigned { assignment, .. } => {
                    let Some(server) = self.places.get(&assignment.endpoint).copied() else { continue };
                    let (group, withheld) = (assignment.group, is_withheld(&assignment.decision, assignment.group));
                    acts.push(Act::Send { request, server, group, withheld });
                }
                Output::Held { .. } => {}
                Output::Refused { .. } => acts.push(Act::Refuse { request }),
                Output::GiveUp { .. } => acts.push(Act::PassOn { request }),
            }
        }
    }

    fn next_wake(&self) -> Option<Timestamp> {
        [self.balancer.next_wake(), self.look].into_iter().flatten().min()
    }
}

/// Whether any endpoint above `group` was left out for something else than want of tokens or requests.
fn is_withheld(decision: &Decision, group: u32) -> bool {
    let above = decision.candidates.iter().filter(|candidate| candidate.group < group);
    let short = |verdict| {
        matches!(verdict, Verdict::Excluded(Exclusion::TokensShort | Exclusion::RequestsShort | Exclusion::PoolShort))
    };
    above.into_iter().any(|candidate| !short(candidate.verdict))
}
