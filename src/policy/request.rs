//! One request from arrival to its end, and the routes they stand in line for.
//!
//! Invariant: a request is either in line, backing off, or holds exactly one reservation.
//! Absent on purpose: rules about what happens to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::affinity::Binding;
use super::claim::Claim;
use super::estimate::Formula;
use super::forecast::Forecast;
use super::lane::Lane;
use super::ledger::{Demand, Entry};
use super::order::{CLASSES, Caller, Line, Waiter};
use super::pacing::Allowance;
use super::pool::Taken;
use super::promise::Promises;
use super::spill::Stay;
use super::traffic::Mark;
use super::window::Window;
use crate::model::config::Priority;
use crate::model::decision::Estimate;
use crate::model::id::{AccountId, EndpointId, ModelName, RequestId};
use crate::model::outlook::Demand as Outlook;
use crate::model::profile::RequestProfile;
use crate::model::units::{MINUTE, Timestamp};

/// What one sending holds. Slots name endpoints and pools for the life of the process.
#[derive(Clone, Debug)]
pub(super) struct Reservation {
    pub(super) slot: usize,
    pub(super) account: AccountId,
    pub(super) pool: Option<usize>,
    pub(super) estimate: Estimate,
    pub(super) endpoint_entry: Entry,
    pub(super) pool_entry: Option<Taken>,
    /// Charged by what is used in the end, not by the estimate.
    pub(super) settles_to_usage: bool,
    /// How the service charges.
    pub(super) formula: Formula,
    pub(super) expires: Timestamp,
    pub(super) sent: Timestamp,
    /// The caller's slot.
    pub(super) caller: Option<usize>,
    pub(super) caller_entry: Option<Entry>,
    /// How it stands among our traffic there.
    pub(super) mark: Mark,
    /// Whether the service was seen to charge by this estimate.
    pub(super) charge_is_known: bool,
    /// What nobody used yet of the estimate, once the request told of use on the way.
    pub(super) left: Option<Demand>,
}

/// Where a request is.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// In its route's line.
    InLine {
        /// When this wait began.
        since: Timestamp,
        /// When we give up on it.
        deadline: Timestamp,
    },
    /// Waits for its backoff, then goes in line.
    BackingOff {
        /// When this wait began.
        since: Timestamp,
        /// When it goes in line.
        until: Timestamp,
        /// When we give up on it.
        deadline: Timestamp,
    },
    /// Sent.
    Sent(Box<Reservation>),
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) profile: Arc<RequestProfile>,
    /// Index into the routes; `None`: its route is gone.
    pub(super) route: Option<usize>,
    /// Its place among all arrivals; lines are kept in this order, so a request that comes back from a failure stands
    /// before those that came after it.
    pub(super) order: u64,
    pub(super) attempts: u32,
    /// Of these, those that a service refused by a rate limit: it did no work.
    pub(super) throttled: u32,
    pub(super) committed: bool,
    /// Endpoints that failed it since it last waited.
    pub(super) tried: Vec<usize>,
    /// Endpoints that waiting does not make fit for it.
    pub(super) barred: Vec<usize>,
    /// Time spent in line before the present wait.
    pub(super) waited: Duration,
    pub(super) stage: Option<Stage>,
    /// How its tokens weigh in line: as its priority says, or as the next higher one once it has waited long.
    pub(super) rank: Priority,
    /// What it is ranked by in line: the least it would be charged anywhere on its route.
    pub(super) charge: u64,
    /// Where it may go at all.
    pub(super) binding: Binding,
    /// Among whom it stands in line, as of when it last joined.
    pub(super) lane: Lane,
    /// How long its answer took to begin.
    pub(super) began_after: Duration,
    /// The slot of who asked, if it is known.
    pub(super) caller: Option<usize>,
    /// How long an answer to it is likely to be at most, if it sets no cap and that is known.
    pub(super) expected_output: Option<u64>,
}

impl Job {
    /// A request that has just come.
    pub(super) fn new(profile: Arc<RequestProfile>, route: usize, order: u64) -> Self {
        let rank = profile.priority;
        Self {
            profile,
            route: Some(route),
            order,
            attempts: 0,
            throttled: 0,
            committed: false,
            tried: Vec::new(),
            barred: Vec::new(),
            waited: Duration::ZERO,
            stage: None,
            rank,
            charge: 0,
            binding: Binding::Free,
            lane: Lane::default(),
            began_after: Duration::ZERO,
            caller: None,
            expected_output: None,
        }
    }

    /// As its route's line knows it.
    pub(super) fn waiter(&self, request: RequestId) -> Waiter {
        let caller = Caller(self.profile.caller.clone());
        let (class, rank) = (self.profile.priority, self.rank);
        Waiter { request, order: self.order, class, rank, caller, charge: self.charge, lane: self.lane.clone() }
    }

    /// Whether a service can tell from the request how long the answer may be.
    pub(super) fn has_known_output(&self) -> bool {
        self.profile.size.output_cap.is_some() || !self.profile.operation.writes()
    }

    /// How long it has waited in all.
    pub(super) fn waited_by(&self, now: Timestamp) -> Duration {
        match self.stage {
            Some(Stage::InLine { since, .. } | Stage::BackingOff { since, .. }) => {
                self.waited.saturating_add(now.since(since))
            }
            _ => self.waited,
        }
    }

    /// When it stops waiting, if it waits.
    pub(super) const fn deadline(&self) -> Option<Timestamp> {
        match self.stage {
            Some(Stage::InLine { deadline, .. } | Stage::BackingOff { deadline, .. }) => Some(deadline),
            _ => None,
        }
    }
}

/// One route's line and turns.
#[derive(Clone, Debug)]
pub(super) struct RouteState {
    pub(super) model: ModelName,
    /// The names of its members, in order of trial.
    pub(super) members: Arc<[EndpointId]>,
    /// Who waits, and who is next.
    pub(super) line: Line,
    /// What is kept for those who are next in their lanes.
    pub(super) claims: Vec<Claim>,
    /// When somebody in line fits if nothing happens before; `None`: only an event helps.
    pub(super) wake: Option<Timestamp>,
    /// What those in line will have taken by when.
    pub(super) forecast: Option<Forecast>,
    /// What those were told lately who did not wait.
    pub(super) promises: Promises,
    /// Per priority group: whose turn it was last, as a place in the group.
    pub(super) turns: Vec<usize>,
    /// What its clients are expected to ask for, if more than bulk is expected.
    pub(super) demand: Option<[Outlook; 3]>,
    /// What the less important ones may still take.
    pub(super) allowance: Option<Allowance>,
    /// The lanes whose next one waits for an allowance, with its class: nobody of that class or below passes it there.
    pub(super) paced: Vec<(Lane, Priority)>,
    /// By class: tokens of the last minute.
    pub(super) shares: [(Priority, Window); 3],
    /// Per endpoint slot: sendings of this route in the last minute.
    pub(super) sent: BTreeMap<usize, Window>,
    /// Per priority group: whether its requests go on to lower ones.
    pub(super) stays: Vec<Stay>,
    /// When the least bad was last tried.
    pub(super) relented: Option<Timestamp>,
}

impl RouteState {
    /// Nobody waits and nothing was sent.
    pub(super) fn new(model: ModelName, bulk_share_percent: u32) -> Self {
        Self {
            model,
            members: Arc::default(),
            line: Line::new(bulk_share_percent),
            claims: Vec::new(),
            wake: None,
            forecast: None,
            promises: Promises::default(),
            demand: None,
            allowance: None,
            paced: Vec::new(),
            shares: CLASSES.map(|class| (class, Window::new(MINUTE, Duration::ZERO))),
            turns: Vec::new(),
            sent: BTreeMap::new(),
            stays: Vec::new(),
            relented: None,
        }
    }

    /// Counts a sending.
    pub(super) fn note_sent(&mut self, now: Timestamp, slot: usize) {
        self.sent.entry(slot).or_insert_with(|| Window::new(MINUTE, Duration::ZERO)).add(now, 1);
    }

    /// Sendings to an endpoint in the last minute.
    pub(super) fn sent_last_minute(&self, now: Timestamp, slot: usize) -> u64 {
        self.sent.get(&slot).map_or(0, |window| window.taken(now))
    }

    /// The class of a lane's next one, if it waits for an allowance.
    pub(super) fn paced_in(&self, lane: &Lane) -> Option<Priority> {
        self.paced.iter().find(|(of, _)| of == lane).map(|(_, class)| *class)
    }

    /// One in line went, or will not go.
    pub(super) fn foresee_left(&mut self, now: Timestamp, order: u64, went: bool) {
        if let Some(forecast) = &mut self.forecast {
            forecast.left(now, order, went);
        }
    }

    /// Something changed that the forecast does not know.
    pub(super) fn doubt_forecast(&mut self) {
        if let Some(forecast) = &mut self.forecast {
            forecast.doubt();
        }
    }
}
