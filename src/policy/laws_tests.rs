//! The laws of this room, held against random streams of events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::world_tests::*;
use super::{Balancer, Input, Output};
use crate::model::checked::CheckedConfig;
use crate::model::config::{AdminState, Config, Enforcement, Retry};
use crate::model::decision::{Candidate, Choice, Decision, Exclusion, RefusalReason, Verdict};
use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, HeaderSignal, Settlement, ThrottleKind};
use crate::model::profile::RequestProfile;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;

/// Ledgers tell amounts apart that come this far from each other.
const GRAIN: Duration = Duration::from_millis(60);

const SITES: [&str; 3] = ["a", "b", "c"];

/// The file that keeps what once broke one of these laws. Each line is played before anything new.
pub(super) const CORPUS: FileFailurePersistence = FileFailurePersistence::Direct("src/policy/laws_corpus.txt");

/// Retries in ten seconds that need no requests to be a share of.
const ALWAYS: usize = 10;

/// One thing that happens. Numbers pick among what is there.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Arrive(u64),
    /// The same, from a client that repeats itself.
    Repeat(u64),
    Fail(usize, FailureClass, Option<u64>),
    Commit(usize),
    Settle(usize),
    Leave(usize),
    Set(usize, AdminState),
    Reconfigure,
}

fn class() -> impl Strategy<Value = FailureClass> {
    prop_oneof![
        4 => Just(FailureClass::Throttled(ThrottleKind::Tokens)),
        2 => Just(FailureClass::Throttled(ThrottleKind::Requests)),
        1 => Just(FailureClass::Throttled(ThrottleKind::SharedCapacity)),
        2 => Just(FailureClass::ServerError),
        1 => Just(FailureClass::Connect),
        1 => Just(FailureClass::Timeout),
        1 => Just(FailureClass::Overloaded),
        1 => Just(FailureClass::Broken),
        1 => Just(FailureClass::Transient),
        1 => Just(FailureClass::NotFound),
        1 => Just(FailureClass::ClientFault),
    ]
}

fn admin_state() -> impl Strategy<Value = AdminState> {
    prop_oneof![Just(AdminState::Enabled), Just(AdminState::Paused), Just(AdminState::Draining)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![0..50_u64, 50..3_000_u64, 3_000..40_000_u64].prop_map(Step::Pass),
        8 => (2..700_u64).prop_map(Step::Arrive),
        1 => (2..700_u64).prop_map(Step::Repeat),
        2 => (any::<usize>(), class(), proptest::option::of(1..90_u64)).prop_map(|(w, c, t)| Step::Fail(w, c, t)),
        3 => any::<usize>().prop_map(Step::Commit),
        3 => any::<usize>().prop_map(Step::Settle),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (any::<usize>(), admin_state()).prop_map(|(which, state)| Step::Set(which, state)),
        1 => Just(Step::Reconfigure),
    ]
}

/// Little but faults, and much of it at once.
fn trouble() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop_oneof![4 => 0..200_u64, 1 => 200..6_000_u64].prop_map(Step::Pass),
        6 => (2..60_u64).prop_map(Step::Arrive),
        1 => (2..60_u64).prop_map(Step::Repeat),
        8 => (any::<usize>(), class()).prop_map(|(which, class)| Step::Fail(which, class, None)),
        1 => any::<usize>().prop_map(Step::Commit),
    ]
}

/// What the person set of retries and ejections; the second so that little or much comes of a fault.
fn rules() -> impl Strategy<Value = (Retry, u32)> {
    let failures = prop_oneof![Just(3), Just(1_000)];
    (1..7_u32, 0..60_u32, failures).prop_map(|(max_attempts, budget_percent, failures)| {
        (Retry { max_attempts, budget_percent, ..Retry::default() }, failures)
    })
}

/// Whether the service said plainly that it did no work. All else that is sent again is a retry.
const fn is_plain_refusal(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::Throttled(_) | FailureClass::KeyRejected | FailureClass::Blocked | FailureClass::NotFound
    )
}

/// Every request and every retry there ever was, counted anew each time.
#[derive(Debug, Default)]
struct Retries {
    requests: Vec<Timestamp>,
    retries: Vec<Timestamp>,
}

impl Retries {
    fn within(all: &[Timestamp], now: Timestamp, span: Duration) -> usize {
        all.iter().filter(|at| now.since(**at) < span).count()
    }

    /// One more: it must be within the share of what came in the last ten seconds.
    fn note(&mut self, now: Timestamp, percent: u32) {
        let span = Duration::from_secs(10);
        let requests = Self::within(&self.requests, now, span + GRAIN);
        let most = requests * usize::try_from(percent).expect("a share") / 100 + ALWAYS;
        let before = Self::within(&self.retries, now, span);
        assert!(before < most, "retry {before} of {most}, {percent} % of {requests} requests");
        self.retries.push(now);
    }
}

fn sites() -> impl Strategy<Value = Vec<Site>> {
    let kind = prop_oneof![
        2 => Just(Enforcement::SlidingLog),
        1 => Just(Enforcement::Utilization),
        1 => Just(Enforcement::TokenBucket),
    ];
    let one = (0..2_usize, 500..3_000_u64, proptest::option::of(60..600_u64), any::<bool>(), kind);
    proptest::collection::vec(one, 1..=3).prop_map(|all| {
        let build = |(id, (group, tokens, requests, pooled, enforcement))| Site {
            id,
            group,
            tokens: Some(tokens),
            requests,
            pool: bool::then_some(pooled, "p"),
            enforcement,
        };
        SITES.into_iter().zip(all).map(build).collect()
    })
}

/// Where a request is, as its driver knows. A probe's silence counts as an answer from the time noted with it.
#[derive(Clone, Debug, PartialEq)]
enum At {
    Waiting,
    Sent { site: String, since: Timestamp, charge: u64, committed: bool, probe: Option<Timestamp> },
    Over,
}

/// Drives a brain as the engine would, and checks every answer by its own books.
struct Court {
    brain: Balancer,
    sites: Vec<Site>,
    now: Timestamp,
    at: BTreeMap<RequestId, At>,
    attempts: BTreeMap<RequestId, u32>,
    /// Of these, those that met a full service.
    full: BTreeMap<RequestId, u32>,
    /// Until when each site asked to be left alone.
    told: BTreeMap<String, Timestamp>,
    tally: Tally,
    retries: Retries,
    config: Arc<CheckedConfig>,
    outputs: Vec<Output>,
}

impl Court {
    fn new(sites: &[Site], seed: u64) -> Self {
        Self::tuned(sites, seed, |_| {})
    }

    fn tuned(sites: &[Site], seed: u64, tune: impl FnOnce(&mut Config)) -> Self {
        let config = config(sites, &[("p", 2_000)], tune);
        Self {
            brain: Balancer::new(Arc::clone(&config), seed, Timestamp::ZERO),
            retries: Retries::default(),
            config,
            sites: sites.to_vec(),
            now: Timestamp::ZERO,
            at: BTreeMap::new(),
            attempts: BTreeMap::new(),
            full: BTreeMap::new(),
            told: BTreeMap::new(),
            tally: Tally::default(),
            outputs: Vec::new(),
        }
    }

    fn give(&mut self, input: Input) {
        let mut outputs = Vec::new();
        let before = self.brain.view(self.now);
        assert_eq!(before, self.brain.view(self.now), "looking changes nothing");
        self.brain.handle(self.now, input, &mut outputs);
        for output in &outputs {
            self.judge(output);
        }
        self.outputs.append(&mut outputs);
    }

    fn judge(&mut self, output: &Output) {
        let request = output.request();
        assert_ne!(self.at.get(&request), Some(&At::Over), "nothing follows an end");
        let next = match output {
            Output::Assigned { assignment, .. } => {
                let attempts = self.attempts.entry(request).or_default();
                *attempts += 1;
                let full = self.full.get(&request).copied().unwrap_or_default();
                let most = self.config.retry.max_attempts;
                let within = *attempts - full <= most && *attempts <= if most > 1 { 4 * most } else { 1 };
                assert!(*attempts == assignment.attempt && within, "the attempt cap holds");
                self.admitted(assignment.endpoint.as_str(), &assignment.decision)
            }
            Output::Held { .. } => At::Waiting,
            Output::Refused { refusal, .. } => {
                assert!(refusal.reason != RefusalReason::NoCapacityInTime || refusal.retry_at >= Some(self.now));
                At::Over
            }
            Output::GiveUp { .. } => At::Over,
        };
        self.at.insert(request, next);
    }

    fn admitted(&mut self, id: &str, decision: &Decision) -> At {
        let charge = decision.estimate.charge;
        let chosen = decision.chosen().expect("a sending has a choice");
        let least_bad = chosen.verdict == Verdict::Chosen(Choice::LeastBad);
        let probe = least_bad || chosen.verdict == Verdict::Chosen(Choice::Probe);
        if least_bad {
            self.nothing_better(decision, id);
        }
        assert_eq!(chosen.admin_state, AdminState::Enabled);
        let probe = match chosen.health {
            Health::Resting { until, cause } => {
                assert!(probe && (until <= self.now || least_bad), "a rest ends by a probe");
                let on_its_way = |at: &At| matches!(at, At::Sent { site, probe: Some(verdict), committed: false, .. } if site == id && *verdict > self.now);
                assert!(!self.at.values().any(on_its_way), "a rest ends by a single probe");
                let patience = if matches!(cause, RestCause::Throttled(_)) && !least_bad { 5 } else { 1_000_000 };
                Some(self.now.after(Duration::from_secs(patience)))
            }
            Health::Probing => panic!("a second request while a probe is under way"),
            _ => {
                assert!(!probe);
                None
            }
        };
        let higher = decision.candidates.iter().filter(|one| one.group < chosen.group);
        for one in higher {
            let room = Verdict::Excluded(Exclusion::NotNeeded);
            assert_ne!(one.verdict, room, "a higher group had room and health");
        }
        let site = self.sites.iter().find(|site| site.id == id).expect("a known site").clone();
        let tokens = site.tokens.unwrap_or(u64::MAX);
        let kind = site.enforcement;
        assert!(self.tally.admits(id, kind, tokens, charge, self.now), "tokens of {id}");
        self.tally.add(id, self.now, charge);
        if let Some(limit) = site.requests {
            let requests = format!("{id} requests");
            let kind = if kind == Enforcement::Utilization { Enforcement::SlidingLog } else { kind };
            assert!(self.tally.admits(&requests, kind, limit, 1, self.now), "requests of {id}");
            self.tally.add(&requests, self.now, 1);
            let slice = self.tally.sum(&requests, self.now, Duration::from_secs(1));
            assert!(kind == Enforcement::TokenBucket || slice <= (limit / 60).max(1), "slices of {id}");
        }
        if site.pool.is_some() {
            let mut members = self.sites.iter().filter(|site| site.pool.is_some());
            let buckets = members.all(|site| site.enforcement == Enforcement::TokenBucket);
            let kind = if buckets { Enforcement::TokenBucket } else { Enforcement::SlidingLog };
            assert!(self.tally.admits("pool", kind, 2_000, charge, self.now), "tokens of the pool");
            self.tally.add("pool", self.now, charge);
        }
        At::Sent { site: id.to_owned(), since: self.now, charge, committed: false, probe }
    }

    /// The least bad is tried only where all that could be used rests by our own guess, and it would have been back first.
    fn nothing_better(&self, decision: &Decision, id: &str) {
        assert!(self.told.get(id).is_none_or(|until| *until <= self.now), "what the service told us is kept");
        let back = |one: &Candidate| match one.health {
            Health::Resting { until, cause }
                if !matches!(cause, RestCause::NotFound | RestCause::KeyRejected | RestCause::Blocked) =>
            {
                Some(until)
            }
            _ => None,
        };
        let first = decision.chosen().as_ref().and_then(back).expect("it rests by a guess");
        for one in decision.candidates.iter().filter(|one| one.admin_state == AdminState::Enabled) {
            let helps = matches!(one.verdict, Verdict::Excluded(Exclusion::Throttled | Exclusion::Ejected));
            assert!(!helps || back(&one) >= Some(first), "the first due back");
            assert_ne!(one.verdict, Verdict::Excluded(Exclusion::NotNeeded), "something else fitted");
            assert_ne!(one.health, Health::Probing, "one at a time");
        }
    }

    /// The service did no work: what was counted is taken back, as far as the law allows.
    fn take_back(&mut self, at: &At, failure: &Failure) {
        let At::Sent { site, since, charge, .. } = at else { return };
        if !failure.reached {
            self.tally.take_back(&format!("{site} requests"), *since, 1);
        } else if !matches!(failure.class, FailureClass::Throttled(_)) {
            return;
        }
        self.tally.take_back(site, *since, *charge);
        if self.sites.iter().any(|known| known.id == site && known.pool.is_some()) {
            self.tally.take_back("pool", *since, *charge);
        }
    }

    fn nth(&self, which: usize, wanted: impl Fn(&At) -> bool) -> Option<(RequestId, At)> {
        let fitting: Vec<_> = self.at.iter().filter(|(_, at)| wanted(at)).collect();
        let place = which.checked_rem(fitting.len())?;
        Some((*fitting[place].0, fitting[place].1.clone()))
    }

    fn pass(&mut self, until: Timestamp) {
        while let Some(wake) = self.brain.next_wake().filter(|wake| *wake <= until) {
            self.now = self.now.max(wake);
            self.give(Input::Tick);
            assert!(self.brain.next_wake().is_none_or(|next| next > self.now), "a tick makes progress");
        }
        self.now = until;
    }

    /// The same, looking at each step.
    fn pass_with(&mut self, until: Timestamp, mut look: impl FnMut(&mut Self)) {
        while let Some(wake) = self.brain.next_wake().filter(|wake| *wake <= until) {
            self.pass(wake);
            look(self);
        }
        self.pass(until);
    }

    /// Notes when whoever is in turn could start as its turn came, and that it is not later when it goes.
    fn keep_book(&mut self, kept: &mut BTreeMap<u64, Timestamp>) {
        for claim in self.brain.claims.iter() {
            let first = *kept.entry(claim.order).or_insert(claim.at);
            assert!(claim.at <= first.after(GRAIN), "what is kept for one in turn never moves later");
        }
        for (order, at) in &*kept {
            let waits = self.brain.jobs.iter_mut().any(|(_, job)| job.order == *order && job.deadline().is_some());
            assert!(!waits || at.after(GRAIN) >= self.now, "it has gone by then");
        }
    }

    fn play(&mut self, step: &Step) {
        let uncommitted = |at: &At| matches!(at, At::Sent { committed: false, .. });
        match *step {
            Step::Pass(millis) => self.pass(self.now.after(Duration::from_millis(millis))),
            Step::Arrive(charge) => self.arrive(charge, 0),
            Step::Repeat(charge) => {
                self.retries.retries.push(self.now);
                self.arrive(charge, 1);
            }
            Step::Fail(which, class, wait) => {
                let Some((request, at)) = self.nth(which, uncommitted) else { return };
                let retry_after = wait.map(Duration::from_secs);
                let failure =
                    Failure { facts: HeaderFacts { retry_after, ..HeaderFacts::default() }, ..failure(class) };
                self.take_back(&at, &failure);
                if matches!(class, FailureClass::Throttled(_)) {
                    *self.full.entry(request).or_default() += 1;
                }
                if let (Some(wait), At::Sent { site, .. }) = (failure.facts.retry_after, &at)
                    && matches!(failure.class, FailureClass::Throttled(_))
                {
                    let until = self.told.entry(site.clone()).or_default();
                    *until = self.now.after(wait).max(*until);
                }
                self.fail(request, &at, failure);
            }
            Step::Commit(which) => {
                let Some((request, At::Sent { site, since, charge, probe, .. })) = self.nth(which, uncommitted) else {
                    return;
                };
                let signal = HeaderSignal {
                    endpoint: EndpointId::from(site.as_str()),
                    facts: HeaderFacts::default(),
                    has_output: true,
                };
                self.at.insert(request, At::Sent { site, since, charge, probe, committed: true });
                self.give(Input::Committed { request, signal });
                let outputs = self.outputs.len();
                self.give(Input::AttemptFailed { request, failure: failure(FailureClass::ServerError) });
                assert_eq!(self.outputs.len(), outputs, "nothing is retried after the commit");
            }
            Step::Settle(which) => {
                self.end(which, Ending::Completed, |at| matches!(at, At::Sent { committed: true, .. }));
            }
            Step::Set(which, state) => {
                let id = self.sites[which % self.sites.len()].id;
                self.give(Input::SetAdminState(EndpointId::from(id), state));
            }
            Step::Reconfigure => self.give(Input::Configured(Arc::clone(&self.config))),
            Step::Leave(which) => self.end(which, Ending::ClientLeft, |at| *at != At::Over),
        }
    }

    fn arrive(&mut self, charge: u64, sdk_retry: u32) {
        let request = RequestId(self.at.len() as u64 + 1);
        self.retries.requests.push(self.now);
        let profile = Arc::new(RequestProfile { sdk_retry, ..chat(charge).as_ref().clone() });
        self.give(Input::Arrived { request, profile });
        assert!(self.at.contains_key(&request), "an arrival is answered in the same call");
    }

    fn fail(&mut self, request: RequestId, at: &At, failure: Failure) {
        let At::Sent { site, probe, .. } = at else { return };
        let rest = |brain: &Balancer, now| match brain.view(now).endpoint(&EndpointId::from(site.as_str())) {
            Some(view) => match view.health {
                Health::Resting { until, .. } => Some(until),
                _ => None,
            },
            None => None,
        };
        let (before, outputs) = (rest(&self.brain, self.now), self.outputs.len());
        let costs = !is_plain_refusal(failure.class);
        self.give(Input::AttemptFailed { request, failure });
        let goes_on = self.at.get(&request) != Some(&At::Over);
        if costs && goes_on {
            self.retries.note(self.now, self.config.retry.budget_percent);
        }
        let answers = self.outputs[outputs..].iter().filter(|output| output.request() == request);
        assert!(answers.count() >= 1, "a failure is answered in the same call");
        let after = rest(&self.brain, self.now);
        if let (Some(before), Some(after), false) = (before, after, probe.is_some()) {
            assert!(after >= before, "a second failure never shortens a rest");
        }
    }

    fn end(&mut self, which: usize, ending: Ending, wanted: impl Fn(&At) -> bool) {
        let Some((request, at)) = self.nth(which, wanted) else { return };
        self.at.insert(request, At::Over);
        if at == At::Waiting {
            return self.give(Input::Withdrawn { request });
        }
        let settlement = Settlement { ending, usage: None };
        self.give(Input::Settled { request, settlement });
    }

    /// Lets everything end: waits by time, sendings by their settlement.
    fn close(&mut self) {
        for _ in 0..10_000 {
            if let Some((request, _)) = self.nth(0, |at| matches!(at, At::Sent { .. })) {
                self.end_one(request);
            } else if self.nth(0, |at| *at == At::Waiting).is_some() {
                let wake = self.brain.next_wake().expect("a wait has an end");
                self.pass(wake);
            } else {
                break;
            }
        }
        assert!(self.at.values().all(|at| *at == At::Over), "every wait ends");
        self.pass(self.now.after(Duration::from_hours(1)));
        let view = self.brain.view(self.now);
        let left = view.endpoints.iter().map(|one| (one.in_flight, one.tokens.reserved, one.tokens.used));
        assert!(left.into_iter().all(|left| left == (0, 0, 0)), "reservations return to nothing");
        assert!(view.pools.iter().all(|pool| pool.tokens.reserved == 0 && pool.tokens.used == 0));
        assert_eq!(self.brain.next_wake(), None);
    }

    fn end_one(&mut self, request: RequestId) {
        self.at.insert(request, At::Over);
        let settlement = Settlement { ending: Ending::ClientLeft, usage: None };
        self.give(Input::Settled { request, settlement });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: Some(Box::new(CORPUS)), ..ProptestConfig::default()
    })]

    #[test]
    fn every_law_holds_over_any_stream_of_events(
        sites in sites(),
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut court = Court::new(&sites, seed);
        for step in &steps {
            court.play(step);
        }
        court.close();
    }

    #[test]
    fn retries_stay_within_their_budget_and_attempts_within_their_cap_whatever_fails(
        sites in sites(),
        (retry, failures) in rules(),
        seed in any::<u64>(),
        steps in proptest::collection::vec(trouble(), 1..250),
    ) {
        let mut court = Court::tuned(&sites, seed, |config| {
            config.retry = retry;
            config.health.failures = failures;
        });
        for step in &steps {
            court.play(step);
        }
        court.close();
    }

    #[test]
    fn the_same_seed_and_inputs_give_the_same_outputs(
        sites in sites(),
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut courts = [Court::new(&sites, seed), Court::new(&sites, seed)];
        for court in &mut courts {
            for step in &steps {
                court.play(step);
            }
        }
        let [first, second] = courts.map(|court| format!("{:?}", court.outputs));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn equal_ones_go_in_order_of_arrival(
        sites in sites(),
        charge in 2..400_u64,
        gaps in proptest::collection::vec(0..2_000_u64, 1..60),
    ) {
        let mut court = Court::new(&sites, 1);
        for gap in gaps {
            court.play(&Step::Arrive(charge));
            court.play(&Step::Pass(gap));
        }
        court.pass(court.now.after(Duration::from_mins(2)));
        let went: Vec<RequestId> = court.outputs.iter()
            .filter(|output| matches!(output, Output::Assigned { .. })).map(Output::request).collect();
        prop_assert!(went.is_sorted());
    }

    #[test]
    fn the_one_in_turn_starts_no_later_than_was_kept_for_it(
        sites in sites(),
        charges in proptest::collection::vec((2..400_u64, 0..2_000_u64), 1..60),
    ) {
        let mut court = Court::new(&sites, 1);
        let mut kept = BTreeMap::new();
        for (charge, gap) in charges {
            court.play(&Step::Arrive(charge));
            court.keep_book(&mut kept);
            court.pass_with(court.now.after(Duration::from_millis(gap)), |court| court.keep_book(&mut kept));
        }
        court.pass_with(court.now.after(Duration::from_mins(3)), |court| court.keep_book(&mut kept));
        prop_assert!(court.at.values().all(|at| *at != At::Waiting), "whoever waits goes or is refused");
    }

    #[test]
    fn a_promised_recovery_is_the_real_one(
        sites in sites(),
        charges in proptest::collection::vec(2..700_u64, 1..40),
    ) {
        let mut court = Court::new(&sites, 1);
        court.brain = Balancer::new(
            config(&sites, &[("p", 2_000)], |config| config.queue.max_wait_seconds = 0), 1, Timestamp::ZERO,
        );
        for charge in charges {
            court.play(&Step::Arrive(charge));
            let Some(Output::Refused { refusal, .. }) = court.outputs.last() else { continue };
            let Some(told) = refusal.retry_at else { continue };
            court.now = Timestamp(told.0 - 1);
            court.play(&Step::Arrive(charge));
            prop_assert!(matches!(court.outputs.last(), Some(Output::Refused { .. })), "not earlier");
            court.now = told;
            court.play(&Step::Arrive(charge));
            prop_assert!(matches!(court.outputs.last(), Some(Output::Assigned { .. })), "and not later");
        }
    }
}
