//! The words of the Why panel against the router itself: what they say was chosen is what was chosen, and the change they
//! name, read back from the sentence and made alone, lets the same request go where it says.

#![cfg(feature = "window")]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says what went wrong")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{AdminState, Config, Endpoint, Enforcement, Priority};
use tidegate::model::decision::{Conclusion, Decision, Exclusion, Verdict};
use tidegate::model::id::{EndpointId, ModelName, RequestId};
use tidegate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, ThrottleKind};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::record::{RecordEnd, RequestRecord};
use tidegate::model::units::Timestamp;
use tidegate::policy::{Balancer, Input, Output};
use tidegate::ui::words::explain;

/// Requests that are asked about.
const REQUESTS: usize = 10_000;
/// Requests in one world.
const A_WORLD: usize = 25;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What happens in a world, written down so that it can happen again.
#[derive(Clone, Copy, Debug)]
enum Event {
    Pass(u64),
    Arrive(u64),
    Fail(FailureClass, u64),
    Set(usize, AdminState),
}

/// Four endpoints in three groups; the first two share a pool.
fn config(rng: &mut fastrand::Rng) -> Config {
    let mut text = "[[account]]\nid = \"x\"\nservice = \"simulated\"\n[[quota_pool]]\nid = \"p\"\n".to_owned();
    let _ = writeln!(text, "tokens_per_minute = {}", rng.u64(500..3_000));
    for (place, name) in NAMES.iter().enumerate() {
        let _ = writeln!(text, "[[endpoint]]\nid = \"{name}\"\naccount = \"x\"\nmodel = \"m\"");
        let _ = writeln!(text, "tokens_per_minute = {}", rng.u64(400..2_000));
        if place < 2 {
            text.push_str("quota_pool = \"p\"\n");
        }
    }
    text.push_str("[[route]]\nmodel = \"m\"\n");
    for group in ["\"a\", \"b\"", "\"c\"", "\"d\""] {
        let _ = writeln!(text, "[[route.group]]\nendpoints = [{group}]");
    }
    let mut config: Config = toml_edit::de::from_str(&text).expect("the text is sound");
    let enforcement =
        *rng.choice(&[Enforcement::SlidingLog, Enforcement::TokenBucket]).expect("there are two to choose from");
    for endpoint in &mut config.endpoints {
        endpoint.enforcement = enforcement;
        endpoint.requests_per_minute = rng.bool().then(|| rng.u64(20..300));
    }
    config.queue.max_wait_seconds = if rng.bool() { 0 } else { 20 };
    config.endpoints[0].soft_cap_tokens_per_minute = rng.bool().then(|| rng.u64(200..900));
    config.endpoints[1].max_in_flight = rng.bool().then(|| rng.u32(1..6));
    if rng.bool() {
        let group = &mut config.routes[0].groups[0];
        group.spill_percent = Some(rng.u32(30..=100));
        group.return_percent = Some(rng.u32(20..=100));
        group.min_stay_seconds = Some(rng.u32(0..40));
    }
    config
}

fn event(rng: &mut fastrand::Rng) -> Event {
    const KINDS: [FailureClass; 3] =
        [FailureClass::Throttled(ThrottleKind::Tokens), FailureClass::ServerError, FailureClass::Connect];
    match rng.u32(0..13) {
        0..=2 => Event::Pass(rng.u64(0..9_000)),
        3..=10 => Event::Arrive(rng.u64(2..600)),
        11 => Event::Fail(KINDS[rng.usize(0..KINDS.len())], rng.u64(1..30)),
        _ => Event::Set(rng.usize(0..4), if rng.bool() { AdminState::Enabled } else { AdminState::Paused }),
    }
}

/// A chat request that is charged `charge` tokens where prompt and cap are counted.
fn chat(charge: u64) -> Arc<RequestProfile> {
    Arc::new(RequestProfile {
        model: ModelName::from("m"),
        operation: Operation::Chat,
        streaming: false,
        size: RequestSize { prompt_chars: 0, output_cap: Some(charge.saturating_sub(1)), choices: 1 },
        priority: Priority::Normal,
        caller: None,
        client: Arc::from("test"),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    })
}

struct World {
    brain: Balancer,
    config: Config,
    now: Timestamp,
    next: u64,
    last: Option<RequestId>,
}

impl World {
    fn new(config: &Config) -> Self {
        let (checked, findings) = CheckedConfig::resolve(Arc::new(config.clone()), 1);
        assert!(checked.config.routes.len() == 1, "{findings:?}");
        let brain = Balancer::new(Arc::new(checked), 1, Timestamp::ZERO);
        Self { brain, config: config.clone(), now: Timestamp::ZERO, next: 0, last: None }
    }

    fn played(config: &Config, events: &[Event]) -> Self {
        let mut world = Self::new(config);
        for event in events {
            world.happen(*event);
        }
        world
    }

    fn give(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.brain.handle(self.now, input, &mut outputs);
        outputs
    }

    fn ask(&mut self, profile: Arc<RequestProfile>) -> Output {
        self.next += 1;
        let request = RequestId(self.next);
        let outputs = self.give(Input::Arrived { request, profile });
        outputs.into_iter().find(|output| output.request() == request).expect("an arrival is answered at once")
    }

    fn happen(&mut self, event: Event) -> Option<Output> {
        match event {
            Event::Pass(millis) => self.pass(self.now.after(Duration::from_millis(millis))),
            Event::Arrive(charge) => {
                let answer = self.ask(chat(charge));
                if matches!(answer, Output::Assigned { .. }) {
                    self.last = Some(answer.request());
                }
                return Some(answer);
            }
            Event::Fail(class, wait) => {
                if let Some(request) = self.last.take() {
                    let retry_after = Some(Duration::from_secs(wait));
                    let facts = HeaderFacts { retry_after, ..HeaderFacts::default() };
                    let failure = Failure { class, status: Some(429), reached: true, facts };
                    drop(self.give(Input::AttemptFailed { request, failure }));
                }
            }
            Event::Set(place, state) => {
                self.config.endpoints[place].admin_state = state;
                drop(self.give(Input::SetAdminState(EndpointId::from(NAMES[place]), state)));
            }
        }
        None
    }

    fn pass(&mut self, until: Timestamp) {
        while let Some(wake) = self.brain.next_wake().filter(|wake| *wake <= until) {
            self.now = self.now.max(wake);
            drop(self.give(Input::Tick));
        }
        self.now = self.now.max(until);
    }

    fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        let (checked, _) = CheckedConfig::resolve(Arc::new(self.config.clone()), 2);
        drop(self.give(Input::Configured(Arc::new(checked))));
    }
}

/// The record a proxy would write of a request that got this answer at once.
fn record(answer: &Output, charge: u64) -> (RequestRecord, Arc<Decision>) {
    let (decision, end) = match answer {
        Output::Assigned { assignment, .. } => (&assignment.decision, RecordEnd::Answered(Ending::Completed)),
        Output::Held { decision, .. } => (decision, RecordEnd::LeftWaiting),
        Output::Refused { decision: Some(decision), .. } => (decision, RecordEnd::Refused),
        Output::GiveUp { decision, .. } => (decision, RecordEnd::Failed),
        Output::Refused { decision: None, .. } => panic!("the route exists"),
    };
    let record = RequestRecord {
        id: answer.request(),
        at: decision.at,
        wall_ms: 0,
        profile: chat(charge),
        status: 200,
        end,
        attempts: Vec::new(),
        decisions: vec![Arc::clone(decision)],
        usage: None,
        waited: Duration::ZERO,
        first_token: None,
        total: Duration::ZERO,
    };
    (record, Arc::clone(decision))
}

/// The verdict on screen is the router's.
fn says_what_was_chosen(answer: &Output, charge: u64) {
    let (record, decision) = record(answer, charge);
    let (paragraph, line) = (explain::paragraph(&record), explain::one_line(&record));
    let chosen: Vec<_> = decision
        .candidates
        .iter()
        .filter(|candidate| explain::verdict(candidate).starts_with("chosen"))
        .map(|candidate| candidate.endpoint)
        .collect();
    match answer {
        Output::Assigned { assignment, .. } => {
            assert_eq!(chosen, std::slice::from_ref(&assignment.endpoint), "{decision:?}");
            let id = assignment.endpoint.as_str();
            let rest = paragraph.strip_prefix(&format!("Sent to {id}")).unwrap_or_default();
            assert!(rest.starts_with([':', ' ']), "{id}: {paragraph}");
            assert!(line.contains(&format!(" {id}: ")), "{id}: {line}");
        }
        Output::Held { .. } => {
            assert!(chosen.is_empty() && matches!(decision.conclusion, Conclusion::Held { .. }), "{decision:?}");
            assert!(paragraph.starts_with("Held in our waiting line"), "{paragraph}");
        }
        Output::Refused { .. } => {
            assert!(chosen.is_empty() && paragraph.starts_with("Refused by us: "), "{paragraph}");
        }
        Output::GiveUp { .. } => panic!("nothing failed yet: {paragraph}"),
    }
    for candidate in &decision.candidates {
        let short = matches!(
            candidate.verdict,
            Verdict::Excluded(Exclusion::TokensShort | Exclusion::SoftCap | Exclusion::PoolShort | Exclusion::TooLarge)
        );
        if short && let Some((needs, has)) = explain::needs_and_has(&candidate).split_once(" / ") {
            let limit = candidate.limit.unwrap_or(u64::MAX);
            assert!(number(needs) > number(has) || candidate.needs > limit, "{candidate:?}: {needs} / {has}");
        }
    }
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or(u64::MAX)
}

/// A change as the sentence tells it.
#[derive(Debug, PartialEq)]
enum Told {
    Tokens(u64),
    Requests(u64),
    SoftCap(u64),
    Pool(u64),
    InFlight(u32),
    NobodyAhead,
    OnlyAbove(u32),
    Later(Duration),
    Enabled,
}

/// The sentence, read back: which endpoint, which change, which smaller cap.
fn read(sentence: &str) -> (String, Told, Option<u64>) {
    let starts = ["It would have stayed on ", "It would have gone at once to ", "It would have gone to "];
    let rest = starts.iter().find_map(|start| sentence.strip_prefix(start)).expect("a known beginning");
    let (id, rest) = rest.split_once(' ').expect("an endpoint");
    let rest = rest.strip_suffix('.').expect("a full stop");
    let (clause, cap) = match rest.split_once(", or max_tokens ≤ ") {
        Some((clause, cap)) => (clause, Some(number(cap))),
        None => (rest, None),
    };
    let between = |start: &str, end: &str| clause.strip_prefix(start)?.strip_suffix(end).map(number);
    let told = if let Some(more) = between("with ", " more TPM") {
        Told::Tokens(more)
    } else if let Some(more) = between("with ", " more requests per minute") {
        Told::Requests(more)
    } else if let Some(more) = between("with a soft cap ", " TPM higher") {
        Told::SoftCap(more)
    } else if let Some(more) = between("with ", " TPM more in its quota pool") {
        Told::Pool(more)
    } else if let Some(more) = between("with ", " more requests in flight allowed") {
        Told::InFlight(u32::try_from(more).expect("few"))
    } else if let Some(percent) = between("if its group were left only above ", " %") {
        Told::OnlyAbove(u32::try_from(percent).expect("a share"))
    } else if let Some(wait) = clause.strip_suffix(" later") {
        Told::Later(time(wait))
    } else {
        match clause {
            "with one more request in flight allowed" => Told::InFlight(1),
            "with nobody waiting ahead" => Told::NobodyAhead,
            "if it were enabled" => Told::Enabled,
            other => panic!("not understood: {other}"),
        }
    };
    (id.to_owned(), told, cap)
}

/// `84 ms`, `3.1 s`, `2 min`, as exact as it is told.
fn time(text: &str) -> Duration {
    let (amount, unit) = text.split_once(' ').expect("an amount and its unit");
    let (whole, tenth) = amount.split_once('.').unwrap_or((amount, "0"));
    let tenths = number(whole) * 10 + number(tenth);
    match unit {
        "ms" => Duration::from_millis(number(amount)),
        "s" => Duration::from_millis(tenths * 100),
        "min" => Duration::from_secs(number(whole) * 60),
        other => panic!("not a time: {other}"),
    }
}

fn make(world: &mut World, id: &str, told: &Told) {
    let id = EndpointId::from(id);
    let more = |limit: &mut Option<u64>, more: u64| *limit = limit.map(|limit| limit + more);
    let mut tune = |change: &dyn Fn(&mut Endpoint)| {
        world.configure(|config| config.endpoint_mut(&id).map(change).expect("it exists"));
    };
    match told {
        Told::Tokens(n) => tune(&|one| {
            more(&mut one.tokens_per_minute, *n);
            one.pinned = true; // a learned ceiling yields to the person's own word alone
        }),
        Told::Requests(n) => tune(&|one| {
            more(&mut one.requests_per_minute, *n);
            one.pinned = true;
        }),
        Told::SoftCap(n) => tune(&|one| more(&mut one.soft_cap_tokens_per_minute, *n)),
        Told::InFlight(n) => tune(&|one| one.max_in_flight = one.max_in_flight.map(|most| most + n)),
        Told::Enabled => tune(&|one| one.admin_state = AdminState::Enabled),
        Told::Pool(n) => world.configure(|config| config.quota_pools[0].tokens_per_minute += n),
        Told::OnlyAbove(percent) => world.configure(|config| {
            let group = &mut config.routes[0].groups[0];
            for share in [&mut group.spill_percent, &mut group.return_percent] {
                *share = share.map(|share| share.max(*percent));
            }
        }),
        Told::Later(wait) => world.now = world.now.after(*wait),
        Told::NobodyAhead => {
            // Whoever waits is told to go, as the person can do on the Queue page.
            let waiting = world.brain.view(world.now).queue.list;
            for one in waiting {
                drop(world.give(Input::Withdrawn { request: one.request }));
            }
        }
    }
}

/// Whether the request fits at `id` now: taken there, or not needed there since an equal took it.
fn fits(world: &mut World, id: &str, charge: u64) -> (bool, String) {
    let answer = world.ask(chat(charge));
    let (record, decision) = record(&answer, charge);
    let verdict = decision.candidates.iter().find(|one| one.endpoint.as_str() == id).map(|one| one.verdict);
    let fits = matches!(verdict, Some(Verdict::Chosen(_) | Verdict::Excluded(Exclusion::NotNeeded)));
    (fits && matches!(answer, Output::Assigned { .. }), explain::paragraph(&record))
}

/// What came of asking about one request.
enum Asked {
    Nothing,
    Untried,
    Flipped,
}

/// The change that is named, and it alone, lets the request go where the sentence says.
fn says_what_would_flip_it(config: &Config, before: &[Event], answer: &Output, charge: u64) -> Asked {
    let (_, decision) = record(answer, charge);
    let Some(sentence) = explain::counterfactual(&decision) else { return Asked::Nothing };
    let (id, told, cap) = read(&sentence);
    let mut world = World::played(config, before);
    let waits = world.brain.view(world.now).queue.waiting > 0;
    if waits && told != Told::NobodyAhead {
        return Asked::Untried; // those who wait would take the room that the change makes
    }
    make(&mut world, &id, &told);
    let (flipped, now) = fits(&mut world, &id, charge);
    assert!(flipped, "{sentence}\nbut then: {now}\nafter {before:?}\nin {config:?}");
    if let Some(cap) = cap {
        let (flipped, now) = fits(&mut World::played(config, before), &id, cap + 1);
        assert!(flipped, "{sentence}\nbut with that cap: {now}");
    }
    Asked::Flipped
}

#[test]
fn for_ten_thousand_requests_the_panel_says_what_the_router_did_and_what_would_have_changed_it() {
    let mut rng = fastrand::Rng::with_seed(20_261_122);
    let (mut asked, mut flipped, mut untried) = (0, 0, 0);
    while asked < REQUESTS {
        let config = config(&mut rng);
        let mut world = World::new(&config);
        let mut events = Vec::new();
        let mut here = 0;
        while here < A_WORLD {
            let event = event(&mut rng);
            if let (Some(answer), Event::Arrive(charge)) = (world.happen(event), event) {
                says_what_was_chosen(&answer, charge);
                match says_what_would_flip_it(&config, &events, &answer, charge) {
                    Asked::Flipped => flipped += 1,
                    Asked::Untried => untried += 1,
                    Asked::Nothing => {}
                }
                here += 1;
            }
            events.push(event);
        }
        asked += here;
    }
    assert_eq!(asked, REQUESTS);
    println!("{flipped} changes were told and made, {untried} could not be tried because others waited");
    assert!(
        flipped > REQUESTS / 10,
        "a counterfactual was told and made {flipped} times, {untried} could not be tried"
    );
}
