//! The configuration as the proxy runs it: references resolved, limits derived, unsound parts left out.
//!
//! Invariant: every index stored here is in range, and every endpoint, pool and route is sound on its own.
//! Absent on purpose: words for the person; those are findings (`model::check`).

mod routes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use routes::chain;
pub use routes::same_region;

use super::check::{Finding, check};
use super::config::{Account, AdminState, Config, Enforcement, Priority, Queue, Retry, Service, Spread};
use super::id::{AccountId, CallerId, EndpointId, GroupId, ModelName, PoolId};

/// The shortest slice in which any service checks requests.
const SHORTEST_SLICE: Duration = Duration::from_secs(1);

/// A configuration with its revision, ready to run. Made once per change, shared by everybody.
#[derive(Clone, Debug)]
pub struct CheckedConfig {
    /// The number of the applied configuration, from 1; 0 is "nothing was ever applied".
    pub revision: u64,
    /// What the file said.
    pub config: Arc<Config>,
    /// Sound endpoints, in file order.
    pub endpoints: Vec<CheckedEndpoint>,
    /// Sound pools, in file order.
    pub pools: Vec<CheckedPool>,
    /// Sound routes, in file order.
    pub routes: Vec<CheckedRoute>,
    /// Sound callers, in file order.
    pub callers: Vec<CheckedCaller>,
    /// `[queue]`
    pub queue: Queue,
    /// `[retry]`
    pub retry: Retry,
    /// Name → route, the first of each name.
    by_name: BTreeMap<ModelName, usize>,
}

/// An endpoint with everything resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedEndpoint {
    /// Its name.
    pub id: EndpointId,
    /// Its account.
    pub account: AccountId,
    /// The kind of service; decides the estimate and the charge.
    pub service: Service,
    /// The model as routes know it.
    pub model: ModelName,
    /// What the service calls it: the deployment, or the model's name there.
    pub deployment: Arc<str>,
    /// Index into [`CheckedConfig::pools`].
    pub pool: Option<usize>,
    /// The service's own token ceiling per minute; `None`: to be learned.
    pub tokens_per_minute: Option<u64>,
    /// The service's own request ceiling per minute; `None`: to be learned.
    pub requests_per_minute: Option<u64>,
    /// Our lower ceiling.
    pub soft_cap: Option<u64>,
    /// Requests running at once.
    pub max_in_flight: Option<u32>,
    /// The slice in which the service checks requests: 1 s or 10 s.
    pub request_slice: Duration,
    /// How the server counts; never `Auto`.
    pub enforcement: Enforcement,
    /// Learned limits may not change the stated ones.
    pub pinned: bool,
    /// What lies above the limit may be tried.
    pub probe_above: bool,
    /// What the person set.
    pub admin_state: AdminState,
    /// `None`: not limited, or to be learned.
    pub tokens_per_day: Option<u64>,
    /// `None`: not limited, or to be learned.
    pub requests_per_day: Option<u64>,
    /// `None`: not limited apart.
    pub input_tokens_per_minute: Option<u64>,
    /// `None`: not limited apart.
    pub output_tokens_per_minute: Option<u64>,
}

/// A pool with its derived request limit.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedPool {
    /// Its name.
    pub id: PoolId,
    /// Tokens per minute over all members.
    pub tokens_per_minute: u64,
    /// Requests per minute over all members.
    pub requests_per_minute: Option<u64>,
    /// The longest slice of requests that is safe for every member.
    pub request_slice: Duration,
    /// A bucket if all members are counted so, else a sliding log, which is safe for all.
    pub enforcement: Enforcement,
    /// A total of the person's own, of which no service knows.
    pub soft: bool,
    /// The total holds as it is stated, whatever refusals and headers say.
    pub pinned: bool,
    /// All members are one model of one payer at OpenAI, whose limits are those of an organization and no endpoint's own.
    pub is_openais: bool,
}

/// A caller with what it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCaller {
    /// Its name.
    pub id: CallerId,
    /// `None`: as much as there is.
    pub tokens_per_minute: Option<u64>,
    /// `None`: as many as there may be.
    pub requests_per_minute: Option<u64>,
    /// Its requests running at once.
    pub max_in_flight: Option<u32>,
}

/// A route whose members exist.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedRoute {
    /// The name clients send; `*` matches any other.
    pub model: ModelName,
    /// Non-empty priority groups, in order of trial.
    pub groups: Vec<CheckedGroup>,
    /// How important its requests are if nobody says otherwise.
    pub priority: Priority,
}

/// A priority group whose members exist.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedGroup {
    /// Its name, or its place from 1.
    pub id: GroupId,
    /// How it spreads.
    pub spread: Spread,
    /// Prompts that begin alike go to the same endpoint.
    pub cache_affinity: bool,
    /// Its members, those of preferred regions first.
    pub members: Vec<CheckedMember>,
    /// The taken share from which requests go on to the next group, in percent; 100: only when they do not fit.
    pub spill_percent: u32,
    /// The taken share below which they come back after a spill, in percent; 100: at once. At most `spill_percent`.
    pub return_percent: u32,
    /// How long they stay away at least.
    pub min_stay: Duration,
    /// The route whose group this is, if another's (`then`): requests get that model's answers.
    pub model: Option<ModelName>,
}

/// One endpoint within a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedMember {
    /// Index into [`CheckedConfig::endpoints`].
    pub endpoint: usize,
    /// At least 1.
    pub weight: u32,
    /// Its region's place among those preferred, from 0; `None`: the route's regions keep it out.
    pub region_rank: Option<u32>,
}

impl CheckedConfig {
    /// Checks and resolves. Parts with an error are left out and the rest runs; the findings say which and why.
    #[must_use]
    pub fn resolve(config: Arc<Config>, revision: u64) -> (Self, Vec<Finding>) {
        let findings = check(&config);
        let broken = |table: &str, place: usize| findings.iter().any(|finding| finding.breaks(table, place));

        let mut pools = Vec::new();
        for (place, pool) in config.quota_pools.iter().enumerate() {
            if !broken("quota_pool", place) {
                pools.push(CheckedPool {
                    id: pool.id.clone(),
                    tokens_per_minute: pool.tokens_per_minute,
                    requests_per_minute: pool.effective_requests_per_minute(),
                    request_slice: SHORTEST_SLICE,
                    enforcement: Enforcement::SlidingLog,
                    soft: pool.soft,
                    pinned: pool.pinned,
                    is_openais: false,
                });
            }
        }
        let mut endpoints = Vec::new();
        for (place, endpoint) in config.endpoints.iter().enumerate() {
            let account = config.accounts.iter().position(|account| account.id == endpoint.account);
            if let Some(owner) = account
                && !broken("endpoint", place)
                && !broken("account", owner)
                && let Some(account) = config.accounts.get(owner)
            {
                endpoints.push(resolve_endpoint(&config, endpoint, account.service, &pools));
            }
        }
        join_members(&mut pools, &endpoints);
        for (place, pool) in pools.iter_mut().enumerate() {
            pool.is_openais = is_openais(&config, &endpoints, place);
        }
        let routes = routes::resolve(&config, &endpoints, |place| broken("route", place));
        let callers = config.callers.iter().enumerate().filter(|(place, _)| !broken("caller", *place));
        let callers = callers.map(|(_, caller)| resolve_caller(caller)).collect();
        let (queue, retry) = (config.queue.clone(), config.retry.clone());
        let by_name = routes.iter().enumerate().rev().map(|(place, route)| (route.model.clone(), place)).collect();
        (Self { revision, config, endpoints, pools, routes, callers, queue, retry, by_name }, findings)
    }

    /// The route for a model name: the exact one, else `*`. An index into [`Self::routes`].
    #[must_use]
    pub fn route_for(&self, model: &str) -> Option<usize> {
        self.by_name.get(model).or_else(|| self.by_name.get("*")).copied()
    }
}

fn resolve_endpoint(
    config: &Config,
    endpoint: &super::config::Endpoint,
    service: Service,
    pools: &[CheckedPool],
) -> CheckedEndpoint {
    let pool = endpoint.quota_pool.as_ref().and_then(|id| pools.iter().position(|pool| pool.id == *id));
    let enforcement = endpoint.enforcement.at(service);
    let slice = endpoint.request_slice_seconds.unwrap_or(match service {
        Service::Azure => 10,
        _ => 1,
    });
    CheckedEndpoint {
        id: endpoint.id.clone(),
        account: endpoint.account.clone(),
        service,
        model: endpoint.model.clone(),
        deployment: Arc::from(endpoint.deployment.as_deref().unwrap_or(endpoint.model.as_str())),
        pool,
        tokens_per_minute: endpoint.tokens_per_minute,
        requests_per_minute: config.requests_of(endpoint),
        soft_cap: endpoint.soft_cap_tokens_per_minute,
        max_in_flight: endpoint.max_in_flight,
        request_slice: Duration::from_secs(u64::from(slice.max(1))),
        enforcement,
        pinned: endpoint.pinned,
        probe_above: endpoint.probe_above,
        admin_state: endpoint.admin_state,
        tokens_per_day: endpoint.tokens_per_day,
        requests_per_day: endpoint.requests_per_day,
        input_tokens_per_minute: endpoint.input_tokens_per_minute,
        output_tokens_per_minute: endpoint.output_tokens_per_minute,
    }
}

/// Each pool counts as its members are counted: in a bucket if all are, and requests in the shortest of their slices.
fn join_members(pools: &mut [CheckedPool], endpoints: &[CheckedEndpoint]) {
    for (place, pool) in pools.iter_mut().enumerate() {
        let members = || endpoints.iter().filter(move |endpoint| endpoint.pool == Some(place));
        let buckets = |endpoint: &&CheckedEndpoint| endpoint.enforcement == Enforcement::TokenBucket;
        let sliced = members().filter(|endpoint| !buckets(endpoint));
        pool.request_slice = sliced.map(|endpoint| endpoint.request_slice).min().unwrap_or(SHORTEST_SLICE);
        if members().next().is_some() && members().all(|endpoint| buckets(&endpoint)) {
            pool.enforcement = Enforcement::TokenBucket;
        }
    }
}

/// Whether all members of a pool are one model of one payer at OpenAI.
fn is_openais(config: &Config, endpoints: &[CheckedEndpoint], place: usize) -> bool {
    let owner = |endpoint: &CheckedEndpoint| config.accounts.iter().find(|account| account.id == endpoint.account);
    let mut members = endpoints.iter().filter(|endpoint| endpoint.pool == Some(place));
    let Some(first) = members.next() else { return false };
    let payer = owner(first).and_then(Account::payer);
    let alike = |other: &CheckedEndpoint| {
        let pay_together = payer.is_some() && owner(other).and_then(Account::payer) == payer;
        other.deployment == first.deployment && (other.account == first.account || pay_together)
    };
    first.service == Service::Openai && members.all(alike)
}

fn resolve_caller(caller: &super::config::Caller) -> CheckedCaller {
    CheckedCaller {
        id: caller.id.clone(),
        tokens_per_minute: caller.tokens_per_minute,
        requests_per_minute: caller.requests_per_minute,
        max_in_flight: caller.max_in_flight,
    }
}
