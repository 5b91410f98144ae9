//! A demo in full swing, for tests and pictures: four simulated endpoints, one of them throttled.
//!
//! Invariant: the same second gives the same snapshot.
//! Absent on purpose: the simulation itself; these numbers are drawn, not computed by the brain.

mod history;

use std::sync::Arc;
use std::time::Duration;

use crate::contract::snapshot::{
    AccountKey, Applied, Arrivals, EndpointSeries, KeyState, KeyringState, KeysView, LinePoint, LineView, Profile,
    RecordsView, SeriesPoint, SeriesView, Serving, Snapshot, Socket, SpareKeys, StreamView,
};
use crate::contract::{BackEnd, CommandInbox, HistoryView, UiEnd};
use crate::model::check::check;
use crate::model::config::{
    Account, AdminState, Config, Credential, Endpoint, Group, Member, QuotaPool, Route, Service,
};
use crate::model::config::{Enforcement, Priority, Simulated, Spread};
use crate::model::counterfactual::{Change, Counterfactual};
use crate::model::decision::{Candidate, Choice, Conclusion, Decision, Estimate, Exclusion, Verdict};
use crate::model::id::{DecisionId, EndpointId, RequestId};
use crate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, ThrottleKind};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::proposal::{PoolPlan, Proposal, Share, Way};
use crate::model::record::{AttemptRecord, RecordEnd, RequestRecord};
use crate::model::status::{
    BalancerView, ClassView, Counters, EndpointView, GroupView, Health, KeptState, LimitSource, LimitView, PoolView,
    QueueView, RestCause, RouteView, RunningView, Traffic, WaitCause, WaitingView,
};
use crate::model::units::Timestamp;
use crate::model::usage::Usage;

pub use history::usage;

/// The second the usual snapshot is taken at.
pub const SECOND: u64 = 600;
const WALL_MS: u64 = 1_700_000_000_000;
const ENDPOINTS: [(&str, &str, u64, u64); 4] = [
    ("sim-ptu", "sim-a", 60_000, 360),
    ("sim-eastus", "sim-a", 120_000, 720),
    ("sim-westus", "sim-b", 120_000, 720),
    ("sim-sweden", "sim-b", 240_000, 1_440),
];

/// The demo's configuration.
#[must_use]
pub fn config() -> Config {
    let account = |id: &str| Account {
        id: id.into(),
        service: Service::Simulated,
        base_url: String::new(),
        api: None,
        api_version: None,
        subscription: None,
        region: Some("eastus".to_owned()),
        organization: None,
        project: None,
        credential: Credential::default(),
        second_key: None,
        allow_plain_http: false,
        include_usage: None,
    };
    let endpoint = |(id, account, tokens, requests): (&str, &str, u64, u64)| Endpoint {
        id: id.into(),
        account: account.into(),
        model: "demo-chat".into(),
        deployment: Some(format!("{id}-chat")),
        quota_pool: (id != "sim-ptu" && account == "sim-a" || id == "sim-westus").then(|| "sim-b/eastus/demo".into()),
        tokens_per_minute: Some(tokens),
        requests_per_minute: Some(requests),
        requests_per_1k_tokens: None,
        soft_cap_tokens_per_minute: (id == "sim-eastus").then_some(96_000),
        max_in_flight: None,
        request_slice_seconds: None,
        pinned: false,
        probe_above: false,
        admin_state: AdminState::Enabled,
        enforcement: Enforcement::Auto,
        simulated: Some(Simulated::default()),
        tokens_per_day: None,
        requests_per_day: None,
        input_tokens_per_minute: None,
        output_tokens_per_minute: None,
    };
    let group = |members: &[&str]| Group {
        id: None,
        spread: Spread::Headroom,
        endpoints: members.iter().map(|id| Member { endpoint: (*id).into(), weight: 1 }).collect(),
        ..Group::default()
    };
    Config {
        accounts: vec![account("sim-a"), account("sim-b")],
        quota_pools: vec![QuotaPool {
            id: "sim-b/eastus/demo".into(),
            tokens_per_minute: 300_000,
            requests_per_minute: None,
            requests_per_1k_tokens: Some(6),
            adjust_within_percent: None,
            soft: false,
            pinned: false,
        }],
        endpoints: ENDPOINTS.into_iter().map(endpoint).collect(),
        routes: vec![Route::new(
            "demo-chat".into(),
            vec![group(&["sim-ptu"]), group(&["sim-eastus", "sim-westus"]), group(&["sim-sweden"])],
        )],
        ..Config::default()
    }
}

/// The usual snapshot.
#[must_use]
pub fn snapshot() -> Snapshot {
    snapshot_at(SECOND)
}

/// The usual snapshot, with a key for each account.
#[must_use]
pub fn with_keys() -> Snapshot {
    let mut snapshot = snapshot();
    let mut keys = KeysView::clone(&snapshot.keys);
    for account in &mut keys.accounts {
        account.state = KeyState::InKeyring { fingerprint: "0a1b2c3d".to_owned() };
    }
    snapshot.keys = Arc::new(keys);
    snapshot
}

/// Nothing is configured and nothing has happened.
#[must_use]
pub fn empty() -> Snapshot {
    let config = Arc::new(Config::default());
    Snapshot {
        generation: 1,
        at: Timestamp::from_secs(1),
        wall_ms: WALL_MS,
        serving: listening(),
        launch_port: None,
        sockets: vec![Socket { address: "127.0.0.1:8787".to_owned(), why: "Requests of your tools" }],
        profile: Profile {
            name: "Default".to_owned(),
            names: ["Default".to_owned(), "Work".to_owned()].into(),
            can_add: true,
            demo: false,
            config_path: "config.toml".to_owned(),
            first_run: false,
            data_dir: "/home/you/.local/share/tidegate".to_owned(),
            state_dir: "/home/you/.local/state/tidegate".to_owned(),
            environment_keys: vec![],
        },
        applied: Arc::new(Applied {
            profile: "Demo".into(),
            revision: 0,
            config,
            findings: vec![],
            file_problem: None,
        }),
        left_draft: None,
        revisions: Arc::default(),
        on_disk: None,
        live: None,
        view: Arc::new(BalancerView::default()),
        plans: Arc::default(),
        series: Arc::new(SeriesView::default()),
        records: Arc::new(RecordsView::default()),
        history: HistoryView::default(),
        keys: Arc::new(KeysView { keyring: KeyringState::Ready, accounts: vec![], ..KeysView::default() }),
        door: Arc::default(),
        script: None,
        arrivals: Arrivals::default(),
        line: LineView::default(),
        requests_view: Arc::default(),
    }
}

/// The two ends of a line that starts with the usual snapshot.
#[must_use]
pub fn line() -> (UiEnd, BackEnd, CommandInbox) {
    crate::contract::line(snapshot())
}

/// The snapshot at any second; for animated pictures.
#[must_use]
pub fn snapshot_at(second: u64) -> Snapshot {
    let config = Arc::new(config());
    let findings = check(&config);
    let key = |account: &Account| AccountKey {
        account: account.id.clone(),
        state: KeyState::NotNeeded,
        test: None,
        spares: SpareKeys::default(),
    };
    Snapshot {
        generation: second,
        at: Timestamp::from_secs(second),
        wall_ms: WALL_MS + second * 1_000,
        profile: Profile { name: "Demo".to_owned(), demo: true, ..empty().profile },
        view: Arc::new(view(second)),
        plans: Arc::new(vec![plan()]),
        series: Arc::new(series(second)),
        records: Arc::new(records(second)),
        history: history::history(),
        keys: Arc::new(KeysView {
            keyring: KeyringState::Ready,
            accounts: config.accounts.iter().map(key).collect(),
            ..KeysView::default()
        }),
        applied: Arc::new(Applied { profile: "Demo".into(), revision: 14, config, findings, file_problem: None }),
        line: line_view(second),
        arrivals: Arrivals { requests: 40 + second, last_wall_ms: Some(WALL_MS), ..Arrivals::default() },
        ..empty()
    }
}

fn listening() -> Serving {
    Serving::Listening { base_url: "http://127.0.0.1:8787/v1".into(), paused: false, instead_of: None }
}

/// A triangle wave between 0 and 100, so that pictures move without floating point.
fn wave(second: u64, period: u64, shift: u64) -> u64 {
    let place = (second + shift) % period * 200 / period;
    place.min(200 - place)
}

fn used(slot: usize, second: u64) -> u64 {
    let jitter = (second * 7_919 + slot as u64 * 104_729) % 9;
    match slot {
        0 => 60_000 * (30 + wave(second, 240, 60) * 7 / 10).min(98) / 100 + jitter * 120,
        1 => 1_100 * wave(second, 300, 140).saturating_sub(15) + jitter * 300,
        2 => 500 * wave(second, 300, 90).saturating_sub(20) + jitter * 260,
        _ => 900 * wave(second, 300, 90).saturating_sub(78),
    }
}

fn health_at(slot: usize, second: u64) -> Health {
    let phase = (second + 140) % 300;
    match slot {
        0 if used(0, second) > 48_000 => Health::NearLimit,
        1 if (150..190).contains(&phase) => Health::Resting {
            until: Timestamp::from_secs(second + 190 - phase),
            cause: RestCause::Throttled(ThrottleKind::Tokens),
        },
        1 if (190..215).contains(&phase) => Health::Ramping { percent: 40 },
        3 if second < 90 => Health::Unknown,
        _ => Health::Healthy,
    }
}

fn limit(limit: u64, used: u64, reserved: u64, source: LimitSource) -> LimitView {
    LimitView::new(Some(limit), source, (used.saturating_add(reserved), reserved))
}

fn pool(taken: u64, members: Vec<EndpointId>) -> PoolView {
    PoolView {
        id: "sim-b/eastus/demo".into(),
        tokens: limit(300_000, taken, 10_000, LimitSource::Configured),
        pinned: false,
        configured_tokens_per_minute: 300_000,
        requests: limit(1_800, taken / 500, 6, LimitSource::Derived),
        rests_until: None,
        members,
        exhausts_at: None,
        proposed: vec![],
    }
}

fn view(second: u64) -> BalancerView {
    let endpoints: Vec<EndpointView> = ENDPOINTS
        .into_iter()
        .enumerate()
        .map(|(slot, (id, account, tokens, requests))| {
            let soft_cap = (slot == 1).then_some(96_000);
            let taken = used(slot, second);
            let source = if soft_cap.is_some() { LimitSource::SoftCap } else { LimitSource::Configured };
            EndpointView {
                id: id.into(),
                account: account.into(),
                model: "demo-chat".into(),
                simulated: true,
                admin_state: AdminState::Enabled,
                health: health_at(slot, second),
                also_resting: Vec::new(),
                tokens: limit(soft_cap.unwrap_or(tokens), taken.min(soft_cap.unwrap_or(tokens)), 5_000, source),
                requests: limit(requests, taken / 500, 3, LimitSource::Configured),
                last_minute: Traffic { tokens: taken.min(soft_cap.unwrap_or(tokens)), requests: taken / 500 },
                provider_tokens_per_minute: Some(tokens),
                soft_cap,
                reported_remaining: None,
                in_flight: u32::try_from(taken / 20_000).unwrap_or(0),
                counters: Counters {
                    attempts: second * 2,
                    answered: second * 2 - 9,
                    throttled: if slot < 2 { 5 } else { 0 },
                    ..Counters::default()
                },
                first_token: None,
                more_limits: Vec::new(),
                allotted: None,
                exhausts_at: None,
                reported_tokens_per_minute: None,
                foreign_tokens_per_minute: 0,
                insight: crate::model::insight::Insight::default(),
                charge_permille: 1_000,
                uncapped_charge_permille: 1_000,
                growth_tokens_per_minute: None,
            }
        })
        .collect();
    let names = |ids: &[&str]| ids.iter().map(|id| EndpointId::from(*id)).collect::<Vec<_>>();
    let group = |place: &str, ids: &[&str], sent: &[u64]| GroupView {
        taken_percent: 40,
        ..GroupView::new(place.into(), names(ids), sent.to_vec())
    };
    let serving = u32::try_from(endpoints.iter().filter(|endpoint| endpoint.serving()).count()).unwrap_or(0);
    let members = names(&["sim-eastus", "sim-westus"]);
    let pooled = used(1, second) + used(2, second);
    BalancerView {
        at: Timestamp::from_secs(second),
        revision: 14,
        endpoints,
        pools: vec![pool(pooled, members)],
        routes: vec![RouteView {
            model: "demo-chat".into(),
            serving,
            members: 4,
            groups: vec![
                group("1", &["sim-ptu"], &[92]),
                group("2", &["sim-eastus", "sim-westus"], &[14, 41]),
                group("3", &["sim-sweden"], &[3]),
            ],
            waiting: 3,
            back_at: None,
            demand: Default::default(),
            relented_at: None,
        }],
        queue: queue(Timestamp::from_secs(second)),
        kept: vec![KeptState { account: "sim-a".into(), known: 1_204 }],
        callers: Vec::new(),
        usual_answers: Vec::new(),
        payers: Vec::new(),
        visited: Vec::new(),
    }
}

fn queue(now: Timestamp) -> QueueView {
    let class = |waiting, oldest, admitted| ClassView { waiting, oldest: Duration::from_millis(oldest), admitted };
    let one = |position, priority, charge, seconds| WaitingView {
        request: RequestId(0x9_0000 + u64::from(position)),
        route: "demo-chat".into(),
        position,
        priority,
        caller: None,
        client: "aider".into(),
        charge,
        since: now.before(Duration::from_millis(4_200)),
        deadline: Some(now.after(Duration::from_secs(56))),
        expected: Some(now.after(Duration::from_secs(seconds))),
        kept: None,
        cause: WaitCause::Room,
    };
    QueueView {
        waiting: 3,
        oldest: Duration::from_millis(4_200),
        admitted: 61,
        refused: 2,
        classes: [class(1, 300, 20), class(1, 2_000, 31), class(1, 4_200, 10)],
        list: vec![
            one(1, Priority::Interactive, 1_200, 2),
            one(2, Priority::Normal, 9_000, 6),
            one(3, Priority::Bulk, 2_400, 11),
        ],
        running: vec![running(0x8_0001, "sim-ptu", 41, now), running(0x8_0002, "sim-westus", 3, now)],
        visiting: 0,
        budget: crate::model::insight::RetryBudget { requests: 120, retries: 1, allowed: 34 },
    }
}

fn running(request: u64, endpoint: &str, seconds: u64, now: Timestamp) -> RunningView {
    RunningView {
        request: RequestId(request),
        route: Some("demo-chat".into()),
        endpoint: endpoint.into(),
        priority: Priority::Normal,
        caller: None,
        client: "aider".into(),
        charge: 5_080,
        attempt: 1,
        sent: now.before(Duration::from_secs(seconds)),
        waited: Duration::ZERO,
        committed: true,
    }
}

/// The waiting line's last minutes; one of those that run streams.
fn line_view(second: u64) -> LineView {
    let point = |at: u64| LinePoint {
        second: at,
        waiting: u32::try_from(wave(at, 120, 0) / 20).unwrap_or(0),
        oldest: Duration::from_millis(wave(at, 120, 0) * 90),
        admitted: at / 2,
        refused: at / 60,
    };
    let stream = StreamView {
        request: RequestId(0x8_0001),
        since: Timestamp::from_secs(second).before(Duration::from_secs(40)),
        tokens: 1_200,
    };
    LineView {
        depth: (second.saturating_sub(600)..=second).map(point).collect(),
        streams: vec![stream].into(),
        leaving: Vec::new().into(),
    }
}

fn plan() -> PoolPlan {
    let members = ["sim-eastus", "sim-westus"];
    let proposal = |way, amounts: [u64; 2], commands: Option<&str>| Proposal {
        way,
        shares: members
            .into_iter()
            .zip(amounts)
            .map(|(id, tokens)| Share {
                endpoint: id.into(),
                tokens_per_minute: tokens,
                requests_per_minute: Some(tokens * 6 / 1_000),
            })
            .collect(),
        commands: commands.map(Arc::from),
    };
    PoolPlan {
        pool: "sim-b/eastus/demo".into(),
        total: 300_000,
        members: members.map(EndpointId::from).into(),
        proposals: vec![
            proposal(Way::Even, [150_000, 150_000], None),
            proposal(Way::ByDemand, [210_000, 90_000], Some("az cognitiveservices …")),
        ],
        commands: Some(Arc::from("az cognitiveservices … as it is")),
    }
}

fn series(second: u64) -> SeriesView {
    let endpoints = ENDPOINTS.into_iter().enumerate().map(|(slot, (id, _, tokens, _))| {
        let points: Vec<SeriesPoint> = (second.saturating_sub(899)..=second)
            .filter(|at| !(410..430).contains(at))
            .map(|at| SeriesPoint {
                second: at,
                tokens_used: used(slot, at),
                tokens_reserved: 5_000,
                requests_used: used(slot, at) / 500,
                throttled: u32::from(matches!(health_at(slot, at), Health::Resting { .. }) && at % 20 == 0),
                health: health_at(slot, at),
                admin_state: AdminState::Enabled,
                token_limit: Some(if slot == 1 { 96_000 } else { tokens }),
            })
            .collect();
        EndpointSeries { id: id.into(), slot, earlier: Arc::default(), chunks: vec![points.into()] }
    });
    SeriesView { generation: second, endpoints: endpoints.collect() }
}

fn candidate(endpoint: &str, group: u32, has: u64, verdict: Verdict) -> Candidate {
    Candidate {
        endpoint: endpoint.into(),
        group,
        admin_state: AdminState::Enabled,
        health: Health::Healthy,
        needs: 5_080,
        has: Some(has),
        limit: Some(60_000),
        free_at: None,
        verdict,
    }
}

fn records(second: u64) -> RecordsView {
    let last = second / 3;
    let list: Vec<Arc<RequestRecord>> =
        (last.saturating_sub(40)..last).map(|number| Arc::new(record(number))).collect();
    RecordsView { total: last, dropped: 0, chunks: vec![list.into()] }
}

fn record(number: u64) -> RequestRecord {
    let at = Timestamp::from_secs(number * 3);
    let spilled = number % 3 == 1;
    let refused = number % 11 == 7;
    let attempt = |endpoint: &str, group, status, failure| AttemptRecord {
        endpoint: endpoint.into(),
        group,
        at,
        took: Duration::from_millis(84 + number % 5 * 130),
        status: Some(status),
        failure,
        said: None,
    };
    let throttled = Failure {
        class: FailureClass::Throttled(ThrottleKind::Tokens),
        status: Some(429),
        reached: true,
        facts: HeaderFacts::default(),
    };
    let (attempts, conclusion) = if refused {
        (vec![], Conclusion::Refused(crate::model::decision::RefusalReason::NoCapacityInTime))
    } else if spilled {
        (vec![attempt("sim-eastus", 2, 429, Some(throttled)), attempt("sim-westus", 2, 200, None)], Conclusion::Sent)
    } else {
        (vec![attempt("sim-ptu", 1, 200, None)], Conclusion::Sent)
    };
    let verdict =
        |chosen: bool, reason| if chosen { Verdict::Chosen(Choice::MostHeadroom) } else { Verdict::Excluded(reason) };
    let decision = Decision {
        id: DecisionId(number),
        at,
        revision: 14,
        route: "demo-chat".into(),
        attempt: u32::try_from(attempts.len().max(1)).unwrap_or(1),
        estimate: Estimate { prompt: 1_080, output: 4_000, charge: 5_080 },
        waited: Duration::ZERO,
        candidates: vec![
            candidate("sim-ptu", 1, 1_900, verdict(!spilled && !refused, Exclusion::TokensShort)),
            candidate("sim-eastus", 2, 0, Verdict::Excluded(Exclusion::Throttled)),
            candidate("sim-westus", 2, 79_000, verdict(spilled, Exclusion::NotNeeded)),
            candidate("sim-sweden", 3, 240_000, Verdict::Excluded(Exclusion::NotNeeded)),
        ]
        .into(),
        conclusion,
        bound: None,
        went_on: None,
        would_have: (spilled || refused).then(|| Counterfactual {
            endpoint: "sim-ptu".into(),
            change: Change::TokensMore(3_180),
            output_cap: Some(820),
        }),
    };
    RequestRecord {
        id: RequestId(number),
        at,
        wall_ms: WALL_MS + number * 3_000,
        profile: Arc::new(RequestProfile {
            model: "demo-chat".into(),
            operation: Operation::Chat,
            streaming: true,
            size: RequestSize { prompt_chars: 4_000, output_cap: Some(4_000), choices: 1 },
            priority: Priority::Normal,
            caller: None,
            client: "aider".into(),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        }),
        status: if refused { 429 } else { 200 },
        end: if refused { RecordEnd::Refused } else { RecordEnd::Answered(Ending::Completed) },
        attempts,
        decisions: vec![Arc::new(decision)],
        usage: (!refused).then_some(Usage { input: 1_080, cached: 0, output: 1_204, exact: true, ..Usage::default() }),
        waited: Duration::ZERO,
        first_token: (!refused).then(|| Duration::from_millis(320 + number % 7 * 60)),
        total: Duration::from_millis(3_100 + number % 9 * 240),
    }
}
