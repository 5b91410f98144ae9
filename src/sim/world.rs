//! A virtual world round a gateway: clients who ask, services that count for themselves, a network between them.
//!
//! Invariant: time moves from event to event and never back; the same arrivals, services, gateway and seed give the same
//! report. Memory grows with the requests that are open, not with those that were.
//! Absent on purpose: records of single requests, and bytes: what headers and bodies say comes as numbers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{Ending, Failure, HeaderSignal, Settlement};
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;
use crate::policy::Input;

pub mod case;
pub mod gateway;
pub mod goals;
pub mod histogram;
pub mod planner;
pub mod report;
pub mod rivals;
pub mod server;
pub mod site;
pub mod table;
pub mod traffic;

use gateway::{Act, Gateway};
use report::Report;
use server::{Admitted, Reply, Server};
use traffic::Arrival;

/// What happens to a request that was sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// It reaches the service.
    Reach,
    /// Its failure is known at the gateway.
    Fail,
    /// Its first token is.
    Commit,
    /// Its last is.
    End,
}

/// A request that has not ended.
#[derive(Debug)]
struct Open {
    arrived: Timestamp,
    profile: Arc<RequestProfile>,
    sent: Timestamp,
    server: usize,
    attempts: u32,
    answer: Option<Reply>,
}

/// A service with its name and what is on its way to it.
#[derive(Debug)]
struct Place<S> {
    id: EndpointId,
    server: S,
    /// Whether it belongs to the first group.
    preferred: bool,
    /// Tokens of requests that were sent and have not reached it.
    coming: u64,
    /// Their number.
    coming_requests: u64,
}

/// The world.
pub struct World<G, S> {
    gateway: G,
    places: Vec<Place<S>>,
    plan: BinaryHeap<Reverse<(Timestamp, u64, Step, u64)>>,
    planned: u64,
    open: BTreeMap<u64, Open>,
    offered: u64,
    rng: Rng,
    now: Timestamp,
    acts: Vec<Act>,
    report: Report,
}

impl<G: Gateway, S: Server> World<G, S> {
    /// A world in which nothing has happened. Services come with their endpoint's id and their group, from 1.
    #[must_use]
    pub fn new(gateway: G, servers: Vec<(EndpointId, u32, S)>, report: Report, seed: u64) -> Self {
        let place = |(id, group, server)| Place { id, server, preferred: group == 1, coming: 0, coming_requests: 0 };
        Self {
            gateway,
            places: servers.into_iter().map(place).collect(),
            plan: BinaryHeap::new(),
            planned: 0,
            open: BTreeMap::new(),
            offered: 0,
            rng: Rng::with_seed(seed ^ 0x6e65_7477),
            now: Timestamp::ZERO,
            acts: Vec::new(),
            report,
        }
    }

    /// The sums so far.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// The gateway, to look at.
    #[must_use]
    pub const fn gateway(&self) -> &G {
        &self.gateway
    }

    /// The services, to look at.
    pub fn servers(&self) -> impl Iterator<Item = &S> {
        self.places.iter().map(|place| &place.server)
    }

    /// The same, to ask.
    pub fn servers_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.places.iter_mut().map(|place| &mut place.server)
    }

    /// Requests that have not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Runs up to a time, or until nothing is left to happen. What comes later stays in `arrivals`.
    pub fn run(&mut self, arrivals: &mut std::iter::Peekable<impl Iterator<Item = Arrival>>, until: Timestamp) {
        loop {
            let arrival = arrivals.peek().map(|arrival| arrival.at);
            let planned = self.plan.peek().map(|Reverse((at, ..))| *at);
            let idle = arrival.is_none() && self.open.is_empty();
            let wake = if idle { None } else { self.gateway.next_wake() };
            let Some(next) = [arrival, planned, wake].into_iter().flatten().min() else { return };
            if next >= until {
                return;
            }
            self.now = self.now.max(next);
            if planned == Some(next) {
                self.step();
            } else if arrival == Some(next) {
                if let Some(arrival) = arrivals.next() {
                    self.arrive(arrival.profile);
                }
            } else {
                self.tell(Input::Tick);
            }
        }
    }

    fn plan(&mut self, span: Duration, step: Step, request: u64) {
        self.planned = self.planned.saturating_add(1);
        self.plan.push(Reverse((self.now.after(span), self.planned, step, request)));
    }

    /// One way over the network.
    fn hop(&mut self) -> Duration {
        Duration::from_micros(self.rng.u64(1_000..40_000))
    }

    fn arrive(&mut self, profile: Arc<RequestProfile>) {
        self.offered = self.offered.saturating_add(1);
        let request = self.offered;
        if self.report.covers(self.now) {
            let tokens = self.places.first().map_or(0, |place| place.server.charge(&profile));
            let fate = self.report.fate_mut(profile.priority);
            fate.offered = fate.offered.saturating_add(1);
            fate.offered_tokens = fate.offered_tokens.saturating_add(tokens);
        }
        let (arrived, sent) = (self.now, self.now);
        let open = Open { arrived, profile: Arc::clone(&profile), sent, server: 0, attempts: 0, answer: None };
        self.open.insert(request, open);
        self.report.most_open = self.report.most_open.max(self.open.len());
        self.tell(Input::Arrived { request: RequestId(request), profile });
    }

    fn step(&mut self) {
        let Some(Reverse((_, _, step, request))) = self.plan.pop() else { return };
        match step {
            Step::Reach => self.reach(request),
            Step::Fail => self.fail(request),
            Step::Commit => self.commit(request),
            Step::End => self.end(request),
        }
    }

    fn reach(&mut self, request: u64) {
        let Some(open) = self.open.get_mut(&request) else { return };
        let Some(place) = self.places.get_mut(open.server) else { return };
        let charge = place.server.charge(&open.profile);
        place.coming = place.coming.saturating_sub(charge);
        place.coming_requests = place.coming_requests.saturating_sub(1);
        let reply = place.server.arrive(self.now, &open.profile);
        let counts = self.report.covers(self.now);
        if let Some(seen) = self.report.servers.get_mut(open.server).filter(|_| counts) {
            seen.arrived = seen.arrived.saturating_add(1);
            match &reply {
                Reply::Admitted(admitted) => {
                    seen.tokens = seen.tokens.saturating_add(place.server.delivered(admitted));
                }
                Reply::Failed(failure) => {
                    seen.throttled = seen.throttled.saturating_add(u64::from(failure.status == Some(429)));
                }
            }
        }
        let (span, step) = match &reply {
            Reply::Admitted(admitted) => (admitted.first_token, Step::Commit),
            Reply::Failed(_) => (Duration::ZERO, Step::Fail),
        };
        open.answer = Some(reply);
        let back = self.hop();
        self.plan(span.saturating_add(back), step, request);
    }

    fn fail(&mut self, request: u64) {
        let Some(failure) = self.open.get_mut(&request).and_then(|open| match open.answer.take()? {
            Reply::Failed(failure) => Some(failure),
            Reply::Admitted(_) => None,
        }) else {
            return;
        };
        self.tell_failure(request, failure);
    }

    fn tell_failure(&mut self, request: u64, failure: Failure) {
        self.tell(Input::AttemptFailed { request: RequestId(request), failure });
    }

    fn commit(&mut self, request: u64) {
        let Some(open) = self.open.get(&request) else { return };
        let Some(Reply::Admitted(admitted)) = &open.answer else { return };
        let Some(place) = self.places.get(open.server) else { return };
        let (facts, takes) = (admitted.facts.clone(), admitted.takes);
        let signal = HeaderSignal { endpoint: place.id.clone(), facts, has_output: true };
        self.tell(Input::Committed { request: RequestId(request), signal });
        self.plan(takes, Step::End, request);
    }

    fn end(&mut self, request: u64) {
        let Some(open) = self.open.remove(&request) else { return };
        let Some(Reply::Admitted(admitted)) = open.answer else { return };
        let charge = self.close(open.server, &admitted);
        if self.report.covers(open.arrived) {
            let fate = self.report.fate_mut(open.profile.priority);
            fate.answered = fate.answered.saturating_add(1);
            fate.answered_tokens = fate.answered_tokens.saturating_add(charge);
            fate.waits.add(open.sent.since(open.arrived));
        }
        let settlement = Settlement { ending: Ending::Completed, usage: Some(admitted.usage) };
        self.tell(Input::Settled { request: RequestId(request), settlement });
    }

    fn close(&mut self, server: usize, admitted: &Admitted) -> u64 {
        if let Some(place) = self.places.get_mut(server) {
            place.server.finish(self.now, admitted);
        }
        admitted.charge
    }

    /// Hands the gateway an event and does what it does.
    fn tell(&mut self, input: Input) {
        let mut acts = std::mem::take(&mut self.acts);
        self.gateway.take(self.now, input, &mut acts);
        for act in acts.drain(..) {
            match act {
                Act::Send { request, server, group, withheld } => self.send(request, server, group, withheld),
                Act::Refuse { request } => self.give_up(request, false),
                Act::PassOn { request } => self.give_up(request, true),
            }
        }
        self.acts = acts;
    }

    fn send(&mut self, request: u64, server: usize, group: u32, withheld: bool) {
        let Some(open) = self.open.get_mut(&request) else { return };
        let first = open.attempts == 0;
        (open.server, open.sent, open.attempts) = (server, self.now, open.attempts.saturating_add(1));
        let profile = Arc::clone(&open.profile);
        if let Some(place) = self.places.get_mut(server) {
            place.coming = place.coming.saturating_add(place.server.charge(&profile));
            place.coming_requests = place.coming_requests.saturating_add(1);
        }
        if group > 1 && first && self.report.covers(self.now) {
            self.note_spill(&profile, withheld);
        }
        let there = self.hop();
        self.plan(there, Step::Reach, request);
    }

    fn note_spill(&mut self, profile: &RequestProfile, withheld: bool) {
        let (mut used, mut limits, mut room) = (0_u64, 0_u64, false);
        for place in self.places.iter_mut().filter(|place| place.preferred) {
            let standing = place.server.standing(self.now);
            let free = standing.remaining.saturating_sub(place.coming);
            used = used.saturating_add(standing.limit.saturating_sub(free));
            limits = limits.saturating_add(standing.limit);
            let left = place.server.lasting_room(self.now).after(place.coming, place.coming_requests);
            room |= left.tokens >= place.server.charge(profile) && left.requests > 0;
        }
        let spills = &mut self.report.spills;
        spills.all = spills.all.saturating_add(1);
        spills.despite_room = spills.despite_room.saturating_add(u64::from(room && !withheld));
        spills.use_before_first.get_or_insert(report::share(used, limits, 1_000));
    }

    fn give_up(&mut self, request: u64, passed_on: bool) {
        let Some(open) = self.open.remove(&request) else { return };
        if self.report.covers(open.arrived) {
            let fate = self.report.fate_mut(open.profile.priority);
            let count = if passed_on { &mut fate.passed_on } else { &mut fate.refused };
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
