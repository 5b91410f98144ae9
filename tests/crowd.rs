//! The laws over random streams of events with hundreds of endpoints, shared pools, many routes, configurations that
//! change under traffic and brains that are replaced.
//!
//! Everything is checked by books of this file's own: sums over lists and the simulated services' own counters, never the
//! brain's ledgers. A failing seed is printed; add it to `crowd/corpus.txt`, whose seeds are always played first.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test's world may end where it is wrong")]
#![expect(unreachable_pub, reason = "the parts lie in files of their own")]

#[path = "crowd/books.rs"]
mod books;
#[path = "crowd/shape.rs"]
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use books::Books;
use fastrand::Rng;
use proptest::prelude::*;
use shape::Shape;
use tidegate::model::config::{AdminState, Priority};
use tidegate::model::decision::{Choice, Decision, Exclusion, Verdict};
use tidegate::model::id::{EndpointId, ModelName, RequestId};
use tidegate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, HeaderSignal, Settlement, ThrottleKind};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::units::Timestamp;
use tidegate::model::usage::Usage;
use tidegate::policy::{Assignment, Balancer, Input, Output};

/// Where a request is, as its driver knows.
#[derive(Clone, Debug, PartialEq)]
enum At {
    Waiting,
    Sent { endpoint: String, charge: u64, committed: bool },
}

/// Drives a brain as the engine would and holds it to the laws.
struct Court {
    rng: Rng,
    shape: Shape,
    brain: Balancer,
    books: Books,
    now: Timestamp,
    next: u64,
    open: BTreeMap<RequestId, At>,
    attempts: BTreeMap<RequestId, u32>,
    /// Of these, those that met a full service.
    full: BTreeMap<RequestId, u32>,
    /// How long each would wait.
    patience: BTreeMap<RequestId, Duration>,
    /// Since when each waits.
    waits: BTreeMap<RequestId, Timestamp>,
    ended: u64,
}

impl Court {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let shape = Shape::draw(&mut rng);
        let brain = Balancer::new(shape.config().clone(), seed, Timestamp::ZERO);
        let books = Books::new(&shape, Timestamp::ZERO);
        Self {
            rng,
            shape,
            brain,
            books,
            now: Timestamp::ZERO,
            next: 0,
            open: BTreeMap::new(),
            attempts: BTreeMap::new(),
            full: BTreeMap::new(),
            patience: BTreeMap::new(),
            waits: BTreeMap::new(),
            ended: 0,
        }
    }

    fn play(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.rng.u32(..100) {
                0..=44 => self.arrive(),
                45..=64 => self.pass(),
                65..=76 => self.commit(),
                77..=88 => self.settle(),
                89..=94 => self.fail(),
                95..=96 => self.leave(),
                97 => self.set_admin_state(),
                98 => self.reconfigure(),
                _ => self.replace_now_and_then(),
            }
        }
        self.close();
    }

    fn give(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.brain.handle(self.now, input, &mut outputs);
        for output in outputs {
            let request = output.request();
            assert!(self.open.contains_key(&request), "nothing is said of {request}, which is over");
            match output {
                Output::Assigned { assignment, .. } => self.assigned(request, &assignment),
                Output::Held { .. } => {
                    self.open.insert(request, At::Waiting);
                    self.waits.insert(request, self.now);
                }
                Output::Refused { refusal, .. } => {
                    assert!(refusal.retry_at.is_none_or(|at| at >= self.now), "a recovery lies ahead");
                    self.end(request);
                }
                Output::GiveUp { .. } => self.end(request),
            }
        }
    }

    /// A wait is over, in time.
    fn no_more_waiting(&mut self, request: RequestId) {
        let Some(since) = self.waits.remove(&request) else { return };
        let patience = self.patience.get(&request);
        assert!(patience.is_none_or(|most| self.now.since(since) <= *most), "{request} waited longer than it would");
    }

    fn end(&mut self, request: RequestId) {
        self.no_more_waiting(request);
        self.open.remove(&request);
        self.attempts.remove(&request);
        self.full.remove(&request);
        self.patience.remove(&request);
        self.ended += 1;
    }

    fn assigned(&mut self, request: RequestId, assignment: &Assignment) {
        let attempts = self.attempts.entry(request).or_default();
        *attempts += 1;
        let full = self.full.get(&request).copied().unwrap_or_default();
        assert!(*attempts == assignment.attempt && *attempts <= 16 && *attempts - full <= 4, "the attempt cap holds");
        self.no_more_waiting(request);
        let id = assignment.endpoint.as_str();
        let charge = assignment.decision.estimate.charge;
        let chosen = assignment.decision.chosen().expect("a sending has a choice");
        assert_eq!(chosen.admin_state, AdminState::Enabled);
        assert!(self.shape.routed(assignment.decision.route.as_str(), id), "{id} belongs to the route");
        no_higher_group_had_room(&assignment.decision, chosen.group);
        let probe = matches!(chosen.verdict, Verdict::Chosen(Choice::Probe | Choice::LeastBad));
        self.books.admit(&self.shape, self.now, request, id, charge, probe);
        self.open.insert(request, At::Sent { endpoint: id.to_owned(), charge, committed: false });
    }

    fn arrive(&mut self) {
        self.next += 1;
        let request = RequestId(self.next);
        let cap = if self.rng.u32(..8) == 0 { self.rng.u64(400..2_000) } else { self.rng.u64(2..300) };
        let profile = RequestProfile {
            model: ModelName::from(self.shape.some_route(&mut self.rng)),
            operation: Operation::Chat,
            streaming: false,
            size: RequestSize { prompt_chars: self.rng.u64(0..400), output_cap: Some(cap), choices: 1 },
            priority: *self.rng.choice(&[Priority::Interactive, Priority::Normal, Priority::Bulk]).expect("three"),
            caller: None,
            client: Arc::from("crowd"),
            sdk_retry: u32::from(self.rng.u32(..20) == 0),
            patience: (self.rng.u32(..4) == 0).then(|| Duration::from_millis(self.rng.u64(0..90_000))),
            affinity: Affinity::default(),
        };
        if let Some(patience) = profile.patience {
            self.patience.insert(request, patience);
        }
        self.open.insert(request, At::Waiting);
        self.give(Input::Arrived { request, profile: Arc::new(profile) });
    }

    fn pass(&mut self) {
        let span = match self.rng.u32(..10) {
            0..=5 => self.rng.u64(0..60),
            6..=8 => self.rng.u64(60..3_000),
            _ => self.rng.u64(3_000..45_000),
        };
        self.until(self.now.after(Duration::from_millis(span)));
    }

    fn until(&mut self, at: Timestamp) {
        while let Some(wake) = self.brain.next_wake().filter(|wake| *wake <= at) {
            self.now = self.now.max(wake);
            self.give(Input::Tick);
            assert!(self.brain.next_wake().is_none_or(|next| next > self.now), "a tick at its time makes progress");
        }
        self.now = self.now.max(at);
    }

    /// One of the open requests that fit.
    fn some(&mut self, wanted: impl Fn(&At) -> bool) -> Option<(RequestId, At)> {
        let fitting: Vec<RequestId> = self.open.iter().filter(|(_, at)| wanted(at)).map(|(id, _)| *id).collect();
        let request = *self.rng.choice(&fitting)?;
        Some((request, self.open[&request].clone()))
    }

    fn commit(&mut self) {
        let running = |at: &At| matches!(at, At::Sent { committed: false, .. });
        let Some((request, At::Sent { endpoint, charge, .. })) = self.some(running) else { return };
        self.books.committed(self.now, request, &endpoint);
        let signal = HeaderSignal { endpoint: EndpointId::from(endpoint.as_str()), facts: HeaderFacts::default() };
        self.open.insert(request, At::Sent { endpoint, charge, committed: true });
        self.give(Input::Committed { request, signal });
        let failure = failure(FailureClass::ServerError, None);
        let before = self.open.get(&request).cloned();
        self.give(Input::AttemptFailed { request, failure });
        assert_eq!(self.open.get(&request), before.as_ref(), "nothing is retried after the commit");
    }

    fn settle(&mut self) {
        let committed = |at: &At| matches!(at, At::Sent { committed: true, .. });
        let Some((request, At::Sent { endpoint, charge, .. })) = self.some(committed) else { return };
        let usage = (self.rng.bool()).then(|| {
            let total = if self.rng.u32(..6) == 0 { charge * 3 / 2 } else { charge / 2 };
            Usage { input: total / 2, output: total - total / 2, exact: true, ..Usage::default() }
        });
        self.books.settle(self.now, request, self.shape.spot(&endpoint), charge, usage);
        self.end(request);
        self.give(Input::Settled { request, settlement: settlement(Ending::Completed, usage) });
    }

    fn leave(&mut self) {
        match self.some(|_| true) {
            Some((request, At::Waiting)) => {
                self.give(Input::Withdrawn { request });
                // Time may have ended it first.
                if self.open.contains_key(&request) {
                    self.end(request);
                }
            }
            Some((request, At::Sent { endpoint, .. })) => {
                self.books.close(&endpoint);
                self.end(request);
                self.give(Input::Settled { request, settlement: settlement(Ending::ClientLeft, None) });
            }
            None => {}
        }
    }

    fn fail(&mut self) {
        let running = |at: &At| matches!(at, At::Sent { committed: false, .. });
        let Some((request, At::Sent { endpoint, charge, .. })) = self.some(running) else { return };
        let classes = [
            FailureClass::Throttled(ThrottleKind::Tokens),
            FailureClass::Throttled(ThrottleKind::Requests),
            FailureClass::Throttled(ThrottleKind::SharedCapacity),
            FailureClass::Throttled(ThrottleKind::OutOfCredit),
            FailureClass::ServerError,
            FailureClass::Connect,
            FailureClass::Timeout,
            FailureClass::NotFound,
            FailureClass::KeyRejected,
            FailureClass::ClientFault,
        ];
        let class = *self.rng.choice(&classes).expect("ten");
        let told = (self.rng.bool()).then(|| Duration::from_millis(self.rng.u64(1..80_000)));
        let failure = failure(class, told);
        self.books.failed(self.now, request, &endpoint, charge, &failure);
        if matches!(class, FailureClass::Throttled(kind) if kind != ThrottleKind::OutOfCredit) {
            *self.full.entry(request).or_default() += 1;
        }
        self.give(Input::AttemptFailed { request, failure });
    }

    fn set_admin_state(&mut self) {
        let states = [AdminState::Enabled, AdminState::Enabled, AdminState::Paused, AdminState::Draining];
        let (place, state) = (self.rng.usize(..self.shape.endpoints.len()), *self.rng.choice(&states).expect("four"));
        self.shape.endpoints[place].admin = state;
        let id = EndpointId::from(self.shape.endpoints[place].id.as_str());
        self.give(Input::SetAdminState(id, state));
    }

    fn reconfigure(&mut self) {
        self.shape.mutate(&mut self.rng);
        self.books.limits_changed(&self.shape, self.now);
        self.give(Input::Configured(self.shape.config().clone()));
    }

    /// Another brain takes over, as after a restart. Of requests before it knows nothing, and nothing said of them disturbs it;
    /// what services asked for it is told, and keeps.
    fn replace_now_and_then(&mut self) {
        if self.rng.u32(..4) > 0 {
            return;
        }
        self.give(Input::Stopping);
        let rests = self.brain.rests(self.now);
        self.brain = Balancer::new(self.shape.config().clone(), self.next, self.now);
        self.books = Books::new(&self.shape, self.now).resting_on(self.now, &self.books);
        self.give(Input::Resting(rests));
        for request in std::mem::take(&mut self.open).into_keys() {
            self.give(Input::Settled { request, settlement: settlement(Ending::Completed, None) });
        }
        self.attempts.clear();
        self.full.clear();
        self.patience.clear();
        self.waits.clear();
        let view = self.brain.view(self.now);
        assert!(view.endpoints.iter().all(|endpoint| endpoint.in_flight == 0));
    }

    /// Lets everything end: sendings by their settlement, waits by time.
    fn close(&mut self) {
        for _ in 0..100_000 {
            if let Some((request, at)) = self.some(|at| matches!(at, At::Sent { .. })) {
                let At::Sent { endpoint, .. } = at else { continue };
                self.books.close(&endpoint);
                self.end(request);
                self.give(Input::Settled { request, settlement: settlement(Ending::ClientLeft, None) });
            } else if self.open.is_empty() {
                break;
            } else {
                let wake = self.brain.next_wake().expect("a wait has an end");
                self.until(wake);
            }
        }
        assert!(self.open.is_empty(), "every wait ends");
        self.until(self.now.after(Duration::from_hours(30)));
        let view = self.brain.view(self.now);
        assert_eq!(view, self.brain.view(self.now), "looking changes nothing");
        for endpoint in &view.endpoints {
            let left = (endpoint.in_flight, endpoint.tokens.reserved, endpoint.tokens.used);
            assert_eq!(left, (0, 0, 0), "reservations of {} return to nothing", endpoint.id);
        }
        assert!(view.pools.iter().all(|pool| pool.tokens.reserved == 0 && pool.tokens.used == 0));
        assert_eq!(self.brain.next_wake(), None);
    }
}

fn no_higher_group_had_room(decision: &Decision, group: u32) {
    for one in decision.candidates.iter().filter(|one| one.group < group) {
        assert_ne!(one.verdict, Verdict::Excluded(Exclusion::NotNeeded), "a higher group had room and health");
    }
}

fn failure(class: FailureClass, retry_after: Option<Duration>) -> Failure {
    let status = match class {
        FailureClass::Throttled(_) => Some(429),
        FailureClass::ClientFault => Some(400),
        FailureClass::KeyRejected => Some(401),
        FailureClass::NotFound => Some(404),
        FailureClass::Connect | FailureClass::Timeout => None,
        _ => Some(500),
    };
    let facts = HeaderFacts { retry_after, ..HeaderFacts::default() };
    Failure { class, status, reached: class != FailureClass::Connect, facts }
}

const fn settlement(ending: Ending, usage: Option<Usage>) -> Settlement {
    Settlement { ending, usage, first_token: None }
}

fn play(seed: u64) {
    let mut court = Court::new(seed);
    let steps = court.rng.usize(50..900);
    court.play(steps);
    assert!(court.ended > 0, "something happened");
}

#[test]
fn every_law_holds_for_the_seeds_that_once_broke_one() {
    for line in include_str!("crowd/corpus.txt").lines().filter(|line| !line.starts_with('#')) {
        let seed = line.split_whitespace().next().expect("a seed").parse().expect("seeds are numbers");
        play(seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_law_holds_among_hundreds_of_endpoints(seed in any::<u64>()) {
        play(seed);
    }

    #[test]
    fn the_same_seed_and_inputs_give_the_same_view(seed in any::<u64>()) {
        let [first, second] = [0, 1].map(|_| {
            let mut court = Court::new(seed);
            court.play(120);
            (court.brain.view(court.now), court.ended)
        });
        prop_assert_eq!(first, second);
    }
}
