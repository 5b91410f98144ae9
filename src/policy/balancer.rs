//! One object that handles every event.
//!
//! Invariant: every request that arrives leaves with exactly one end.
//! Absent on purpose: rules; each has a file of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;

use super::caller::CallerState;
use super::claim::Claims;
use super::event::{Input, Output};
use super::glance::{Endpoints, Pools};
use super::judge::Judged;
use super::ordered::Ordered;
use super::outputs::Outputs;
use super::owners::Owners;
use super::promise::Allowance;
use super::request::{Job, Reservation, RouteState};
use super::retry::Budget;
use super::shared::SharedProbe;
use super::stick::Homes;
use super::visits::Visits;
use crate::model::checked::{CheckedConfig, CheckedEndpoint};
use crate::model::config::{Priority, Service};
use crate::model::id::{AccountId, CallerId, RequestId};
use crate::model::outlook::Outlook;
use crate::model::status::QueueView;
use crate::model::units::Timestamp;

/// The brain.
pub struct Balancer {
    pub(super) config: Arc<CheckedConfig>,
    pub(super) rng: Rng,
    pub(super) seed: u64,
    /// Decisions made so far.
    pub(super) decisions: u64,
    pub(super) now: Timestamp,
    pub(super) stopping: bool,
    pub(super) endpoints: Endpoints,
    /// Configured endpoint → slot.
    pub(super) slot_of: Vec<usize>,
    /// Slot → configured endpoint; `None`: it is not configured any more.
    pub(super) spec_at: Vec<Option<usize>>,
    /// Configured endpoint → whether requests can be signed for it.
    pub(super) keyed: Vec<bool>,
    pub(super) pools: Pools,
    /// Configured pool → slot.
    pub(super) pool_slot_of: Vec<usize>,
    /// Every caller ever configured.
    pub(super) callers: Vec<CallerState>,
    /// Caller → slot.
    pub(super) caller_slots: BTreeMap<CallerId, usize>,
    /// One per configured route.
    pub(super) routes: Vec<RouteState>,
    /// Accounts with a usable key.
    pub(super) ready: BTreeSet<AccountId>,
    pub(super) jobs: Ordered<RequestId, Job>,
    /// Requests that wait, by when we give up on them.
    pub(super) deadlines: BTreeSet<(Timestamp, RequestId)>,
    /// Requests whose backoff runs, by its end.
    pub(super) backoffs: BTreeSet<(Timestamp, RequestId)>,
    /// Requests in flight, by when their reservation is taken for lost.
    pub(super) expiries: Ordered<(Timestamp, RequestId), ()>,
    /// What clients are expected to ask for next.
    pub(super) outlook: Arc<Outlook>,
    /// Requests that wait, by when they move up a class.
    pub(super) ages: BTreeSet<(Timestamp, RequestId)>,
    /// Requests that wait, the least important and latest last.
    pub(super) ranks: BTreeSet<(Priority, u64, RequestId)>,
    /// What is kept for those who are next on their routes.
    pub(super) claims: Claims,
    /// Routes with somebody in line.
    pub(super) lined: BTreeSet<usize>,
    /// Routes whose line is to be looked at.
    pub(super) touched: BTreeSet<usize>,
    /// Routes whose line moves by time alone, by when.
    pub(super) wakes: BTreeSet<(Timestamp, usize)>,
    /// Per endpoint slot: the routes that it, or another of its pool, serves.
    pub(super) routes_of: Vec<Vec<usize>>,
    /// How long answers without a cap are.
    pub(super) outputs: Outputs,
    pub(super) budget: Budget,
    /// Probes that decide for several endpoints.
    pub(super) shared_probes: Vec<(RequestId, SharedProbe)>,
    /// Requests that ever arrived.
    pub(super) arrivals: u64,
    /// By class.
    pub(super) admitted_after_wait: [u64; 3],
    pub(super) refused: u64,
    /// Endpoints whose service named limits, by when that is too old to be believed.
    pub(super) words: BTreeSet<(Timestamp, usize)>,
    /// Which account holds which stored state.
    pub(super) owners: Owners,
    /// The list of verdicts, between two uses.
    pub(super) lent: Vec<Judged>,
    /// Boxes whose reservations are over, for those to come.
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is used again")]
    pub(super) spare: Vec<Box<Reservation>>,
    /// Where conversations and callers were answered last.
    pub(super) homes: Homes,
    /// How much may be rehearsed for those who are refused.
    pub(super) rehearsing: Allowance,
    /// Requests for what accounts keep.
    pub(super) visits: Visits,
    /// As many of those who wait, and of those that run, are in a view.
    pub(super) listed: usize,
}

impl Balancer {
    /// A brain that has seen nothing yet. The same seed and inputs give the same outputs.
    #[must_use]
    pub fn new(config: Arc<CheckedConfig>, seed: u64, now: Timestamp) -> Self {
        let mut brain = Self {
            config: Arc::clone(&config),
            rng: Rng::with_seed(seed),
            seed,
            decisions: 0,
            now,
            stopping: false,
            endpoints: Endpoints::new(),
            slot_of: Vec::new(),
            spec_at: Vec::new(),
            keyed: Vec::new(),
            pools: Pools::new(),
            pool_slot_of: Vec::new(),
            callers: Vec::new(),
            caller_slots: BTreeMap::new(),
            routes: Vec::new(),
            ready: BTreeSet::new(),
            jobs: Ordered::default(),
            deadlines: BTreeSet::new(),
            backoffs: BTreeSet::new(),
            expiries: Ordered::default(),
            outlook: Arc::default(),
            ages: BTreeSet::new(),
            ranks: BTreeSet::new(),
            claims: Claims::default(),
            lined: BTreeSet::new(),
            touched: BTreeSet::new(),
            wakes: BTreeSet::new(),
            routes_of: Vec::new(),
            outputs: Outputs::default(),
            budget: Budget::new(),
            shared_probes: Vec::new(),
            arrivals: 0,
            admitted_after_wait: [0; 3],
            refused: 0,
            words: BTreeSet::new(),
            owners: Owners::default(),
            lent: Vec::new(),
            spare: Vec::new(),
            homes: Homes::default(),
            rehearsing: Allowance::default(),
            visits: Visits::default(),
            listed: QueueView::PAGE,
        };
        brain.adopt(config);
        brain
    }

    /// Takes in one event at `now` (never earlier than the call before) and appends what is to be done.
    pub fn handle(&mut self, now: Timestamp, input: Input, outputs: &mut Vec<Output>) {
        self.now = self.now.max(now);
        let now = self.now;
        // What time alone has decided comes first, so that no newcomer slips past those who wait.
        if self.next_wake().is_some_and(|wake| wake <= now) {
            self.advance(now, outputs);
        }
        match input {
            Input::Arrived { request, profile } => {
                // It may have asked for what it works on before.
                self.visit_goes_on(now, request);
                self.arrived(now, request, profile, outputs);
            }
            Input::Visiting { request, profile, visit } => self.visiting(now, request, profile, visit, outputs),
            Input::AttemptFailed { request, failure } if self.visits.holds(request) => {
                self.visit_failed(now, request, &failure, outputs);
            }
            Input::Committed { request, .. } if self.visits.holds(request) => {
                self.visit_committed(now, request, outputs);
            }
            Input::Settled { request, settlement } if self.visits.holds(request) => {
                self.visit_settled(now, request, Some(&settlement), outputs);
            }
            Input::Withdrawn { request } if self.visits.holds(request) => {
                self.visit_settled(now, request, None, outputs);
            }
            Input::AttemptFailed { request, failure } => self.attempt_failed(now, request, &failure, outputs),
            Input::Committed { request, signal } => self.committed(now, request, &signal),
            Input::Used { request, usage } => self.used(now, request, usage),
            Input::Told { request, facts } => self.told(now, request, &facts),
            Input::Settled { request, settlement } => self.settled(now, request, &settlement),
            Input::Withdrawn { request } => self.withdrawn(now, request),
            Input::Cancelled { request } if self.visits.holds(request) => self.cancel_visit(now, request, outputs),
            Input::Cancelled { request } => self.cancelled(now, request, outputs),
            Input::Promoted { request } => self.promoted(request),
            Input::SentByHand { request, endpoint } => self.sent_by_hand(now, request, &endpoint, outputs),
            Input::SetAdminState(endpoint, state) => self.set_admin_state(&endpoint, state),
            Input::KeyReady { account, ready } => {
                self.key_ready(now, account, ready);
                self.visits_look(now, None, outputs);
            }
            Input::Configured(config) => {
                self.configured(now, config, outputs);
                self.visits_look(now, None, outputs);
            }
            Input::Foreseen(outlook) => self.foreseen(outlook),
            Input::Owned { account, keys, are_sealed } => return self.owned(now, &account, &keys, are_sealed),
            Input::Remembered(all) => return self.owners.remember(now, &all),
            Input::Placed(account, place) => return self.owners.placed(&account, &place),
            Input::Resting(rests) => self.go_on_resting(now, &rests),
            Input::Learned(lessons) => self.recall(now, &lessons),
            Input::Allotted(shares) => self.allotted(&shares),
            Input::Stopping => self.stop(now, outputs),
            Input::Tick => return,
        }
        self.pump(now, outputs);
    }

    /// The exact moment at which time alone changes something: call `handle(.., Tick, ..)` then.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let lines = self.wakes.first().map(|(when, _)| *when);
        let expiry = self.expiries.first().map(|(when, _)| *when);
        let sets = [&self.deadlines, &self.backoffs, &self.ages];
        let waiting = sets.into_iter().filter_map(|set| set.first().map(|(when, _)| *when));
        let words = self.words.first().map(|(when, _)| *when);
        lines.into_iter().chain(expiry).chain(waiting).chain(words).chain(self.visits.wake()).min()
    }

    /// Everything that time alone decides up to `now`.
    fn advance(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        while let Some((when, request)) = self.expiries.first().copied().filter(|(when, _)| *when <= now) {
            self.expiries.remove(&(when, request));
            self.expire(now, request);
        }
        self.words_due(now, outputs);
        self.visits_due(now, outputs);
        while let Some(request) = due(&mut self.backoffs, now) {
            self.end_backoff(request);
        }
        while let Some(request) = due(&mut self.ages, now) {
            self.move_up(request);
        }
        self.pump(now, outputs);
        while let Some(request) = due(&mut self.deadlines, now) {
            self.run_out_of_time(now, request, outputs);
        }
        // Whoever stood behind a request that gave up is first now.
        self.pump(now, outputs);
    }

    /// What the configuration says of a slot; `None`: it is not configured any more.
    pub(super) fn spec_of(&self, slot: usize) -> Option<&CheckedEndpoint> {
        let place = self.spec_at.get(slot).copied().flatten()?;
        self.config.endpoints.get(place)
    }

    /// Looks up anew for which endpoints requests can be signed.
    pub(super) fn note_keys(&mut self) {
        let signs = |spec: &CheckedEndpoint| spec.service == Service::Simulated || self.ready.contains(&spec.account);
        self.keyed = self.config.endpoints.iter().map(signs).collect();
        self.endpoints.doubt();
    }
}

/// Takes out the first request whose time has come.
fn due(set: &mut BTreeSet<(Timestamp, RequestId)>, now: Timestamp) -> Option<RequestId> {
    set.first().filter(|(when, _)| *when <= now)?;
    set.pop_first().map(|(_, request)| request)
}

#[cfg(test)]
#[path = "balancer_tests.rs"]
mod tests;
