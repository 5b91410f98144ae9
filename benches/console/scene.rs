//! A full house: 30 endpoints, 50,000 requests in the ring, seven days of series, 40 days of usage.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tidegate::backend::{self, Options, Running};
use tidegate::contract::Snapshot;
use tidegate::contract::history::HistoryView;
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{Config, Priority};
use tidegate::model::history::{Bucket, BucketRow, Grain, Sample, UsageKey, UsageRow, UsageSum};
use tidegate::model::id::{ModelName, RequestId};
use tidegate::model::outcome::{Ending, HeaderFacts, HeaderSignal, Settlement};
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::record::{AttemptRecord, RecordEnd, RequestRecord};
use tidegate::model::units::Timestamp;
use tidegate::model::usage::Usage;
use tidegate::policy::{Balancer, Input, Output};
use tidegate::record::{Pyramid, Ring, Series, UsageBook};

/// Endpoints in all.
pub(crate) const ENDPOINTS: usize = 30;
/// Endpoints of a route.
const OF_A_ROUTE: usize = 5;
/// 2026-03-01T00:00Z, in seconds.
const START: u64 = 1_772_323_200;
/// Between two requests: 50,000 of them in a day.
const GAP: Duration = Duration::from_micros(1_728_000);

/// Everything that the background keeps for the window.
pub(crate) struct Scene {
    brain: Balancer,
    ring: Ring,
    series: Series,
    pyramid: Pyramid,
    usage: UsageBook,
    now: Timestamp,
    next: u64,
    outputs: Vec<Output>,
    base: Arc<Snapshot>,
    /// Where the snapshot comes from, and its folder; both end with the scene.
    house: (Option<Running>, tempfile::TempDir),
}

impl Scene {
    /// An empty house.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let text = config();
        std::fs::write(home.path().join("config.toml"), &text).expect("it can be written");
        let options =
            Options { config_dir: Some(home.path().to_owned()), headless: true, port: Some(0), ..Options::default() };
        let running = backend::start(options).expect("it starts");
        let base = running.ui().latest();
        let config: Config = toml_edit::de::from_str(&text).expect("the setup parses");
        let (checked, _) = CheckedConfig::resolve(Arc::new(config), 1);
        let now = Timestamp::from_secs(START);
        Self {
            brain: Balancer::new(Arc::new(checked), 1, now),
            ring: Ring::new(),
            series: Series::new(Vec::new()),
            pyramid: Pyramid::default(),
            usage: UsageBook::new(jiff::tz::TimeZone::UTC),
            now,
            next: 0,
            outputs: Vec::new(),
            base,
            house: (Some(running), home),
        }
    }

    /// So many requests, and a sample of the series with each.
    pub(crate) fn live(&mut self, requests: u64) {
        for _ in 0..requests {
            self.request();
        }
    }

    /// Seven days of buckets and 40 of usage, as the store remembers them.
    pub(crate) fn remember(&mut self) {
        let end = START;
        let mut rows = Vec::new();
        for place in 0..ENDPOINTS {
            for grain in Grain::ALL {
                let starts = (end - grain.span()..end).step_by(usize::try_from(grain.seconds()).expect("it fits"));
                rows.extend(starts.map(|second| {
                    let tokens = (second / 600 * 7_919 + place as u64 * 104_729) % 60_000;
                    let sample =
                        Sample { second, tokens, requests: tokens / 500, throttled: 0, token_limit: Some(60_000) };
                    BucketRow { grain, endpoint: name(place).as_str().into(), bucket: Bucket::of(sample, grain) }
                }));
            }
        }
        self.pyramid.remember(&rows, end);
        let day = i32::try_from(START / 86_400).expect("it fits");
        let rows: Vec<UsageRow> =
            (day - 40..day).flat_map(|day| (0..ENDPOINTS).map(move |place| used(day, place))).collect();
        self.usage.remember(rows, START * 1_000);
    }

    fn request(&mut self) {
        self.next += 1;
        self.now = self.now.after(GAP);
        let profile = Arc::new(RequestProfile {
            model: ModelName::from(format!("model-{}", self.next % (ENDPOINTS / OF_A_ROUTE) as u64)),
            operation: Operation::Chat,
            streaming: true,
            size: RequestSize { prompt_chars: 4_000, output_cap: Some(500), choices: 1 },
            priority: Priority::Normal,
            caller: None,
            client: Arc::from(
                ["aider", "codex", "cursor"].into_iter().nth(usize::try_from(self.next % 3).unwrap_or(0)).unwrap_or(""),
            ),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        });
        let request = RequestId(self.next);
        let input = Input::Arrived { request, profile: Arc::clone(&profile) };
        self.brain.handle(self.now, input, &mut self.outputs);
        let Some(Output::Assigned { assignment, .. }) = self.outputs.pop() else { return };
        let usage =
            Some(Usage { input: 1_000, cached: 400, output: 480, reasoning: 80, exact: true, ..Usage::default() });
        let attempt = AttemptRecord {
            endpoint: assignment.endpoint.clone(),
            group: assignment.group,
            at: self.now,
            took: Duration::from_millis(84),
            status: Some(200),
            failure: None,
            said: None,
        };
        let record = Arc::new(RequestRecord {
            id: request,
            at: self.now,
            wall_ms: self.now.0 / 1_000,
            profile,
            status: 200,
            end: RecordEnd::Answered(Ending::Completed),
            attempts: vec![attempt],
            decisions: vec![assignment.decision],
            usage,
            waited: Duration::ZERO,
            first_token: Some(Duration::from_millis(320)),
            total: Duration::from_millis(3_100),
        });
        self.usage.add(&record);
        self.ring.push(record);
        let signal = HeaderSignal { endpoint: assignment.endpoint, facts: HeaderFacts::default(), has_output: true };
        self.brain.handle(self.now, Input::Committed { request, signal }, &mut self.outputs);
        let settlement = Settlement { ending: Ending::Completed, usage };
        self.brain.handle(self.now, Input::Settled { request, settlement }, &mut self.outputs);
        self.outputs.clear();
    }

    /// The seconds up to now are sampled, as the stage does once a second.
    pub(crate) fn sample(&mut self, seconds: u64) {
        let now = self.now.0 / 1_000_000;
        let view = self.brain.view(self.now);
        for second in now.saturating_sub(seconds - 1)..=now {
            self.series.sample(&view, second, |_| false);
            for (endpoint, point) in self.series.points_at(second) {
                let sample = Sample {
                    second,
                    tokens: point.tokens_used,
                    requests: point.requests_used,
                    throttled: point.throttled,
                    token_limit: point.token_limit,
                };
                self.pyramid.sample(endpoint, sample);
            }
        }
        drop(self.pyramid.take_over());
    }

    /// What the window reads: every part anew, as a publication under traffic makes it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let history = HistoryView {
            long: Arc::new(self.pyramid.view()),
            usage: Arc::new(self.usage.view()),
            ..self.base.history.clone()
        };
        Snapshot {
            generation: self.next,
            at: self.now,
            wall_ms: self.now.0 / 1_000,
            view: Arc::new(self.brain.view(self.now)),
            series: Arc::new(self.series.view()),
            records: Arc::new(self.ring.view(0)),
            history,
            ..Snapshot::clone(&self.base)
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(running) = self.house.0.take() {
            running.stop();
        }
    }
}

fn used(day: i32, place: usize) -> UsageRow {
    let key = UsageKey {
        day,
        caller: None,
        client: Arc::from("aider"),
        model: format!("model-{}", place / OF_A_ROUTE).into(),
        endpoint: Some(name(place).as_str().into()),
    };
    (key, UsageSum { requests: 1_000, input: 1_000_000, cached: 400_000, output: 480_000, ..UsageSum::default() })
}

fn name(place: usize) -> String {
    format!("endpoint-{place:02}")
}

/// Six routes of five endpoints each, in two groups.
fn config() -> String {
    let mut text = String::from("[[account]]\nid = \"here\"\nservice = \"simulated\"\n");
    let mut routes: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for place in 0..ENDPOINTS {
        let (name, route) = (name(place), place / OF_A_ROUTE);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "[[endpoint]]\nid = \"{name}\"\naccount = \"here\"\nmodel = \"model-{route}\"\ndeployment = \"{name}\"\n\
             tokens_per_minute = 600_000\nrequests_per_minute = 6_000\n"
        );
        routes.entry(route).or_default().push(format!("\"{name}\""));
    }
    for (route, members) in routes {
        let (first, second) = members.split_at(2);
        let _ = write!(
            text,
            "[[route]]\nmodel = \"model-{route}\"\n[[route.group]]\nendpoints = [{}]\n[[route.group]]\nendpoints = [{}]\n",
            first.join(", "),
            second.join(", ")
        );
    }
    text
}
