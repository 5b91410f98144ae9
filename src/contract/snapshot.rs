//! What the screen reads: one immutable value a frame.
//!
//! Invariant: everything the screen shows about the proxy comes from here; parts that did not change keep their `Arc`
//! and their generation, so lists derived from them can be cached.
//! Absent on purpose: view state (filters, selections), which is the screen's own.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::command::Base;
use crate::contract::door::DoorView;
use crate::contract::history::HistoryView;
use crate::model::check::Finding;
use crate::model::config::{Account, AdminState, Config, Endpoint};
use crate::model::id::{AccountId, EndpointId, RequestId};
use crate::model::proposal::PoolPlan;
use crate::model::record::RequestRecord;
use crate::model::revision::{LeftDraft, OnDisk, Revision};
use crate::model::status::{BalancerView, Health};
use crate::model::units::Timestamp;

/// The proxy as it stood at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows with every publication.
    pub generation: u64,
    /// When it was taken, on the brain's clock.
    pub at: Timestamp,
    /// The same moment as Unix milliseconds.
    pub wall_ms: u64,
    /// Whether and where we listen.
    pub serving: Serving,
    /// The port given at launch, which outranks the configuration's until we quit.
    pub launch_port: Option<u16>,
    /// Everything that we have open to listen.
    pub sockets: Vec<Socket>,
    /// Which profile runs.
    pub profile: Profile,
    /// What runs, and what is said of it.
    pub applied: Arc<Applied>,
    /// The draft that was left when we last ended.
    pub left_draft: Option<Arc<LeftDraft>>,
    /// What was applied before, newest first.
    pub revisions: Arc<Vec<Revision>>,
    /// The file, if somebody else changed it and nobody said yet whose version counts.
    pub on_disk: Option<OnDisk>,
    /// The live session that waits to be kept, if one does.
    pub live: Option<LiveView>,
    /// Endpoints, pools, routes, waiting line.
    pub view: Arc<BalancerView>,
    /// Ways to split each applied pool.
    pub plans: Arc<Vec<PoolPlan>>,
    /// The last 15 minutes, second by second.
    pub series: Arc<SeriesView>,
    /// Finished requests.
    pub records: Arc<RecordsView>,
    /// What is kept over a restart.
    pub history: HistoryView,
    /// Keys and the keyring. Never a key.
    pub keys: Arc<KeysView>,
    /// Who may come in.
    pub door: Arc<DoorView>,
    /// The script that plays, if one does.
    pub script: Option<ScriptView>,
    /// What arrived at the door so far.
    pub arrivals: Arrivals,
    /// The waiting line's last minutes, streams under way, and who is about to be ended.
    pub line: LineView,
    /// How the person keeps the Requests page.
    pub requests_view: Arc<RequestsView>,
}

/// Whether and where we listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Not yet.
    Starting,
    /// Listening at `base_url` (which ends in `/v1`).
    Listening {
        /// For clients, for example `http://127.0.0.1:8787/v1`.
        base_url: Arc<str>,
        /// The person paused serving: requests get a clear 503.
        paused: bool,
        /// The port asked for was taken by somebody; we serve on another one.
        instead_of: Option<PortHeld>,
    },
    /// Not listening, and why.
    Failed(Problem),
    /// Finishing what runs.
    Stopping {
        /// Requests still running.
        in_flight: u32,
    },
}

/// Something that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Address and port.
    pub address: String,
    /// What for.
    pub why: &'static str,
}

/// A port that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHeld {
    /// The port asked for.
    pub port: u16,
    /// Who holds it, for example `node (pid 4121)`; `None` if the system does not say.
    pub holder: Option<String>,
}

/// A profile: configuration and history that never mix with another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `Demo`, or `Default`, or the directory's name.
    pub name: String,
    /// Every profile of this computer, the usual one first; without the demo.
    pub names: Arc<[String]>,
    /// Whether another can be added beside them.
    pub can_add: bool,
    /// Built-in endpoints only; painted as such.
    pub demo: bool,
    /// The configuration file, shown so that it can be opened.
    pub config_path: String,
    /// The folder of history and revisions.
    pub data_dir: String,
    /// The folder of the lock and the window's looks.
    pub state_dir: String,
    /// No configuration existed: offer the three choices of the first run.
    pub first_run: bool,
    /// Names (never values) of environment variables that look like keys, for "Use what I have".
    pub environment_keys: Vec<String>,
}

/// The applied configuration.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The profile it belongs to: each counts its revisions for itself.
    pub profile: Arc<str>,
    /// Grows by one per apply. The copy that is kept of it has the same number.
    pub revision: u64,
    /// What runs.
    pub config: Arc<Config>,
    /// What is said of it.
    pub findings: Vec<Finding>,
    /// The file could not be read; this is the last good configuration or none.
    pub file_problem: Option<Problem>,
}

impl Applied {
    /// What a draft of it is made from.
    #[must_use]
    pub fn base(&self) -> Base {
        Base { profile: Arc::clone(&self.profile), revision: self.revision }
    }
}

/// A live session: edits that run and are not kept yet.
#[derive(Clone, Debug)]
pub struct LiveView {
    /// When it began, as Unix milliseconds.
    pub began_wall_ms: u64,
    /// When it is taken back unless it is kept.
    pub until: Timestamp,
    /// What ran before, and runs again then.
    pub before: Arc<Applied>,
    /// Requests that ended since the last edit.
    pub ended: u64,
    /// Of these, those whose client got an error.
    pub failed: u64,
}

/// What happened, what still works, one next step. No key, query or body ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened.
    pub what: String,
    /// What still works.
    pub still_works: String,
    /// One next step.
    pub next_step: String,
}

/// All three sentences on one line, for a terminal.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.what, self.still_works, self.next_step)
    }
}

/// One second of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesPoint {
    /// Whole seconds on the brain's clock.
    pub second: u64,
    /// Tokens charged in the 60 s before.
    pub tokens_used: u64,
    /// Tokens reserved at that moment.
    pub tokens_reserved: u64,
    /// Requests in the 60 s before.
    pub requests_used: u64,
    /// The service's 429s within this second.
    pub throttled: u32,
    /// Its state.
    pub health: Health,
    /// What the person had set.
    pub admin_state: AdminState,
    /// The effective token limit.
    pub token_limit: Option<u64>,
}

/// One endpoint's last 15 minutes. A missing second is a gap, never a zero.
#[derive(Clone, Debug)]
pub struct EndpointSeries {
    /// Which.
    pub id: EndpointId,
    /// Its colour and dash, over restarts too.
    pub slot: usize,
    /// What an earlier run left, ten seconds alike each; of their state nothing is known.
    pub earlier: Arc<[SeriesPoint]>,
    /// Oldest first; sealed chunks keep their `Arc`.
    pub chunks: Vec<Arc<[SeriesPoint]>>,
}

impl EndpointSeries {
    /// Slots with a colour of their own; all from there on look alike.
    pub const COLOURED: usize = 6;

    /// Every point, oldest first.
    #[must_use]
    pub fn points(&self) -> impl DoubleEndedIterator<Item = &SeriesPoint> {
        self.earlier.iter().chain(self.watched())
    }

    /// Those of this run, whose state is known.
    #[must_use]
    pub fn watched(&self) -> impl DoubleEndedIterator<Item = &SeriesPoint> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

/// All series.
#[derive(Clone, Debug, Default)]
pub struct SeriesView {
    /// Grows when a point is added.
    pub generation: u64,
    /// By slot.
    pub endpoints: Vec<EndpointSeries>,
}

/// Finished requests, oldest first.
#[derive(Clone, Debug, Default)]
pub struct RecordsView {
    /// Requests ever finished; also the generation.
    pub total: u64,
    /// Records that could not be kept because the recorder was busy.
    pub dropped: u64,
    /// Oldest first; sealed chunks keep their `Arc`.
    pub chunks: Vec<Arc<[Arc<RequestRecord>]>>,
}

impl RecordsView {
    /// Every record kept, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<RequestRecord>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.is_empty())
    }
}

/// Where keys can be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyringState {
    /// Asking.
    #[default]
    Unknown,
    /// Works.
    Ready,
    /// Waits for the person's unlock.
    Locked,
    /// No password service runs: keys are kept in memory until we quit. The hint names what to install.
    Missing {
        /// For example "install gnome-keyring or enable KWallet's Secret Service".
        hint: String,
    },
}

/// An account's key, never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// None is stored.
    Absent,
    /// Stored in the keyring.
    InKeyring {
        /// First 8 hex digits of a keyed hash: the same key shows the same on this computer.
        fingerprint: String,
    },
    /// Kept in memory until we quit.
    InMemory {
        /// As above.
        fingerprint: String,
    },
    /// From an environment variable.
    FromEnvironment {
        /// Its name.
        variable: String,
        /// Whether it is set.
        set: bool,
    },
    /// Printed by a program.
    FromCommand {
        /// Its name.
        program: String,
        /// What is wrong, as words after "not renewed: ".
        problem: Option<String>,
    },
    /// Not needed: simulated.
    NotNeeded,
}

/// One account's key and its last test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    /// Which account.
    pub account: AccountId,
    /// Where its key is.
    pub state: KeyState,
    /// The last test, if one was made.
    pub test: Option<KeyTest>,
    /// What there is besides.
    pub spares: SpareKeys,
}

/// An account's keys besides the one that is sent. Never a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpareKeys {
    /// The fingerprint of the key that is to follow.
    pub next: Option<String>,
    /// Its last test, if one was made.
    pub next_test: Option<KeyTest>,
    /// The fingerprint of the key before, and until when it is kept, as Unix milliseconds.
    pub previous: Option<(String, u64)>,
    /// The variable of a second key, and whether it holds one.
    pub second: Option<(String, bool)>,
    /// Since when one of these stands in for the current key, which was refused; as Unix milliseconds.
    pub stands_in_since: Option<u64>,
}

/// What a key test found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyTest {
    /// When it ended, as Unix milliseconds; `None`: it runs.
    pub finished_wall_ms: Option<u64>,
    /// One line each: passed or not, and a sentence with cause and next step.
    pub lines: Vec<(bool, String)>,
    /// What can be taken over from it.
    pub offered: Offered,
}

/// What a service told of itself in a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Models that the key can ask for, by name; none of a service that lists something else (Azure: what could be deployed).
    pub models: Arc<[String]>,
    /// Tokens a minute, if its headers name them.
    pub tokens_per_minute: Option<u64>,
    /// Requests a minute, if its headers name them.
    pub requests_per_minute: Option<u64>,
}

/// A test of what is not applied, as it was then.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The account.
    pub account: Account,
    /// The endpoint that was asked for one token; `None`: the key was tested.
    pub endpoint: Option<Endpoint>,
    /// What came of it.
    pub test: KeyTest,
}

/// Keys and the keyring.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeysView {
    /// The keyring as a whole.
    pub keyring: KeyringState,
    /// One per account, in configuration order.
    pub accounts: Vec<AccountKey>,
    /// What single calls came to, of endpoints that one was sent to since the start.
    pub calls: Vec<(EndpointId, KeyTest)>,
    /// Tests of what is not applied, one of an account and one of an endpoint.
    pub trials: Vec<Trial>,
    /// Accounts of the profile that was left for the demo, whose keys are in memory alone.
    pub set_aside: Vec<AccountId>,
}

/// A script in play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptView {
    /// As on the command line.
    pub name: String,
    /// As on screen.
    pub title: String,
    /// Seconds played.
    pub elapsed_seconds: u64,
    /// Seconds in all.
    pub total_seconds: u64,
    /// Requests it has sent.
    pub sent: u64,
    /// Of these, answered with an error.
    pub failed: u64,
}

/// How the person keeps the Requests page, over restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestsView {
    /// Saved filters, as typed.
    pub filters: Vec<String>,
    /// Columns shown, in order; empty: as they were at first.
    pub columns: Vec<String>,
    /// The clauses of the filter, and whether each takes part.
    pub clauses: Vec<(String, bool)>,
    /// The column that sorts, and whether it descends; `None`: requests stand as they come.
    pub sort: Option<(String, bool)>,
    /// Columns that were drawn wider or narrower, by heading, in points.
    pub widths: Vec<(String, u16)>,
}

/// One second of the waiting line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePoint {
    /// Whole seconds on the brain's clock.
    pub second: u64,
    /// Requests waiting.
    pub waiting: u32,
    /// How long the oldest had waited.
    pub oldest: Duration,
    /// Let go after a wait, since the start.
    pub admitted: u64,
    /// Refused by us, since the start.
    pub refused: u64,
}

/// A stream under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamView {
    /// Which request.
    pub request: RequestId,
    /// When its answer began.
    pub since: Timestamp,
    /// Tokens that came so far, at least.
    pub tokens: u64,
}

/// The waiting line and what runs, beyond what the brain knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineView {
    /// The last 15 minutes, oldest first; a missing second is a gap.
    pub depth: Arc<[LinePoint]>,
    /// Streams under way, in order of their requests.
    pub streams: Arc<[StreamView]>,
    /// Requests that the person wants to end, and when that happens.
    pub leaving: Arc<[(RequestId, Timestamp)]>,
}

/// What arrived at the door so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Requests to inference paths.
    pub requests: u64,
    /// When the last one came, as Unix milliseconds.
    pub last_wall_ms: Option<u64>,
    /// The last one came without `/v1` (it was answered anyway).
    pub last_lacked_v1: bool,
    /// The last client's label.
    pub last_client: String,
}
