//! Who spreads requests over the services of a world: the real balancer, or a rival (`rivals`).
//!
//! Invariant: a gateway learns what a proxy could learn and nothing else; each request gets exactly one end.
//! Absent on purpose: rules. The balancer's are `policy`'s own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::checked::CheckedConfig;
use crate::model::decision::{Decision, Exclusion, Verdict};
use crate::model::id::{EndpointId, RequestId};
use crate::model::units::Timestamp;
use crate::policy::{Balancer, Input, Output};

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
        Self { balancer, places, outputs }
    }

    /// The brain, to look at.
    #[must_use]
    pub const fn balancer(&self) -> &Balancer {
        &self.balancer
    }
}

impl Gateway for Ours {
    fn take(&mut self, now: Timestamp, input: Input, acts: &mut Vec<Act>) {
        self.balancer.handle(now, input, &mut self.outputs);
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
        self.balancer.next_wake()
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
