//! The configuration as the file states it: every field the person may write, nothing derived.
//!
//! Invariant: a value that was read and written back says the same; unknown keys live in the file's own document
//! (`store::config_file`), not here.
//! Absent on purpose: checks (`model::check`) and derived limits (`model::checked`).

use serde::{Deserialize, Serialize};

mod listen;
mod rules;
mod upstream;
mod variable;

pub use listen::{Listen, is_host, is_origin};
pub use rules::{Bodies, HealthRule, History, LiveTuning, Queue, Retry, Timeouts, group_rank};
pub use upstream::{UpstreamWay, Way, is_proxy};
pub use variable::{is_variable, shown};

use super::id::{AccountId, CallerId, EndpointId, GroupId, ModelName, PoolId};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where we listen.
    pub listen: Listen,
    /// `[[account]]`
    #[serde(rename = "account", skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
    /// `[[quota_pool]]`
    #[serde(rename = "quota_pool", skip_serializing_if = "Vec::is_empty")]
    pub quota_pools: Vec<QuotaPool>,
    /// `[[endpoint]]`
    #[serde(rename = "endpoint", skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// `[[route]]`
    #[serde(rename = "route", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// `[[caller]]`
    #[serde(rename = "caller", skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Caller>,
    /// `[queue]`
    pub queue: Queue,
    /// `[retry]`
    pub retry: Retry,
    /// `[health]`
    pub health: HealthRule,
    /// `[timeouts]`
    pub timeouts: Timeouts,
    /// `[upstream]`
    pub upstream: UpstreamWay,
    /// `[history]`
    pub history: History,
    /// `[bodies]`
    pub bodies: Bodies,
    /// `[live_tuning]`
    pub live_tuning: LiveTuning,
}

/// The kind of service behind an account; it decides paths, credentials and how a request is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// OpenAI itself.
    Openai,
    /// Azure OpenAI or Foundry.
    Azure,
    /// Anything that speaks the OpenAI API.
    Compatible,
    /// Built in: answers on this computer, costs nothing.
    Simulated,
}

/// Which of Azure's two path shapes an account uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AzureApi {
    /// `/openai/deployments/{deployment}/…?api-version=`
    #[default]
    Classic,
    /// `/openai/v1/…`, the deployment's name in the body's `model`.
    V1,
}

/// Where an account's key comes from. Never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The OS keyring: service `tidegate`, user = the account's id.
    Keyring(bool),
    /// An environment variable's name.
    Env(String),
    /// A program and its arguments, which prints a token: Entra ID by the Azure CLI, for example.
    Command(Vec<String>),
}

impl Default for Credential {
    fn default() -> Self {
        Self::Keyring(true)
    }
}

impl Credential {
    /// Whether this is the default, so that a save can leave it out.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `[[account]]`: a base address plus a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Never changes.
    pub id: AccountId,
    /// What kind of service this is.
    pub service: Service,
    /// Absolute URL; absent for simulated accounts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_url: String,
    /// Azure's path shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<AzureApi>,
    /// Azure classic's `api-version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Azure subscription: identifies quota and the resource rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// Azure region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Sent as `OpenAI-Organization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Sent as `OpenAI-Project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Where the key comes from.
    #[serde(default, skip_serializing_if = "Credential::is_default")]
    pub credential: Credential,
    /// Where its second key comes from, which is used once the first is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_key: Option<TokenSource>,
    /// Plain HTTP to a host that is not this computer, wanted by the person.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_plain_http: bool,
    /// Whether chat streams are asked there for what they cost (`stream_options.include_usage`); absent: where the service is known
    /// to understand that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_usage: Option<bool>,
}

impl Account {
    /// The service in whose manner the key is shown: a token is a bearer's everywhere, also at Azure.
    #[must_use]
    pub const fn shows_key_as(&self) -> Service {
        match (&self.credential, self.service) {
            (Credential::Command(_), Service::Azure) => Service::Compatible,
            (_, service) => service,
        }
    }
}

/// `[[quota_pool]]`: capacity that several endpoints share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotaPool {
    /// For example `sub-a/eastus/gpt-4o`.
    pub id: PoolId,
    /// Tokens per minute over all members.
    pub tokens_per_minute: u64,
    /// Requests per minute; absent: derived by the ratio, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Requests per 1,000 tokens per minute; 6 is the classic figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_1k_tokens: Option<u64>,
    /// How far our shares may follow demand away from what is configured, in percent; absent: they are only proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjust_within_percent: Option<u32>,
    /// A total of the person's own, not the provider's: shares may add up to more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub soft: bool,
    /// The total holds as it is stated: refusals and headers teach nothing about it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
}

/// How the server counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// By service: Azure and simulated: sliding log; OpenAI and compatible: token bucket.
    #[default]
    Auto,
    /// Sliding 60 s log (Azure standard).
    SlidingLog,
    /// Continuously refilling bucket (OpenAI).
    TokenBucket,
    /// Utilization of provisioned throughput (PTU): settles to usage.
    Utilization,
}

impl Enforcement {
    /// How this service counts; never [`Enforcement::Auto`].
    #[must_use]
    pub const fn at(self, service: Service) -> Self {
        match (self, service) {
            (Self::Auto, Service::Azure | Service::Simulated) => Self::SlidingLog,
            (Self::Auto, Service::Openai | Service::Compatible) => Self::TokenBucket,
            (stated, _) => stated,
        }
    }

    /// The most that a minute may let in of a limit. Provisioned throughput lets in what goes over it, however large that is.
    #[must_use]
    pub const fn within_a_minute(self, limit: u64) -> u64 {
        match self {
            Self::TokenBucket => limit.saturating_mul(2),
            Self::Utilization => u64::MAX,
            Self::Auto | Self::SlidingLog => limit,
        }
    }
}

/// What the person set for an endpoint; never overwritten by what we observe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminState {
    /// Takes requests.
    #[default]
    Enabled,
    /// No new requests; running ones finish.
    Draining,
    /// No requests.
    Paused,
}

/// `[[endpoint]]`: what the balancer picks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Never changes.
    pub id: EndpointId,
    /// The account it belongs to.
    pub account: AccountId,
    /// The model as routes and clients know it.
    pub model: ModelName,
    /// Azure: the deployment's name; elsewhere the model's name at the service. Absent: `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The pool it draws from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_pool: Option<PoolId>,
    /// Absent: learned from the service's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Absent: derived by the ratio, else learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Requests per 1,000 of its tokens per minute, as its model comes with; absent: the pool's ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_1k_tokens: Option<u64>,
    /// Our own lower ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_cap_tokens_per_minute: Option<u64>,
    /// Requests running at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
    /// Seconds of the slices in which the service checks requests: 1 or 10. Absent: 10 for Azure, 1 elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_slice_seconds: Option<u32>,
    /// Learned limits may not change what stands here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// Try what lies above the limit, gently, at most twice as much: Azure's dynamic quota allows it at times.
    #[serde(default, skip_serializing_if = "is_false")]
    pub probe_above: bool,
    /// What the person set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub admin_state: AdminState,
    /// How the server counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enforcement: Enforcement,
    /// How a simulated endpoint behaves; ignored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
    /// Tokens per day, where the service limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Requests per day, where the service limits them. Absent: learned from headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    /// Prompt tokens per minute, where the service limits them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens_per_minute: Option<u64>,
    /// Output tokens per minute, where the service limits them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_minute: Option<u64>,
}

/// `simulated = { … }` on an endpoint of a simulated account. Its true limits are the endpoint's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Simulated {
    /// Median milliseconds to the first token.
    pub first_token_ms: u64,
    /// Tokens per second of one answer.
    pub tokens_per_second: u64,
}

impl Default for Simulated {
    fn default() -> Self {
        Self { first_token_ms: 350, tokens_per_second: 90 }
    }
}

/// How a priority group spreads requests over its endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// The endpoint with the largest free share.
    #[default]
    Headroom,
    /// By the members' weights.
    Weights,
    /// One after the other.
    RoundRobin,
    /// The quickest to the first token.
    Latency,
    /// The endpoint that answered the conversation before.
    Conversation,
    /// The endpoint that answered the caller before.
    Caller,
}

/// `[[route]]`: the name clients send and its ordered priority groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The name clients send; `*` matches any other.
    pub model: ModelName,
    /// How important its requests are if neither they nor their caller say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Priority groups, tried in order.
    #[serde(rename = "group", default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Where its requests may be answered, by the accounts' regions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub regions: Regions,
    /// The route whose groups follow as lower ones: another model to go on with. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<ModelName>,
}

impl Route {
    /// A route with these groups and nothing else set.
    #[must_use]
    pub fn new(model: ModelName, groups: Vec<Group>) -> Self {
        Self { model, priority: None, groups, regions: Regions::default(), then: None }
    }
}

/// `regions = { allow, prefer, never }` on a route. Names are compared without case, spaces and hyphens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Regions {
    /// If any is named, nothing else is used, endpoints of unknown region included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Tried first within each priority group, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefer: Vec<String>,
    /// Never used, even if allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<String>,
}

/// `[[route.group]]`: endpoints of equal rank.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Absent: its place in the route, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<GroupId>,
    /// How requests are spread over the members.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spread: Spread,
    /// The members, in the order they were added.
    #[serde(default)]
    pub endpoints: Vec<Member>,
    /// Long prompts that begin alike go to the same endpoint, whose prompt cache may know them. Those with a
    /// `prompt_cache_key` do in any case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cache_affinity: bool,
    /// Requests go on to the next group once this share of the group's limits is taken. Absent: 100, only when they do not
    /// fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spill_percent: Option<u32>,
    /// After a spill, requests come back only while a smaller share than this is taken. Absent: 100, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_percent: Option<u32>,
    /// After a spill, requests stay away at least so long. Absent: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_stay_seconds: Option<u32>,
}

/// One member of a group: an id, or `{ id, weight }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "MemberForm", into = "MemberForm")]
pub struct Member {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Only used with `spread = "weights"`. At least 1.
    pub weight: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum MemberForm {
    Id(EndpointId),
    Weighted {
        id: EndpointId,
        #[serde(default = "one")]
        weight: u32,
    },
}

const fn one() -> u32 {
    1
}

impl From<MemberForm> for Member {
    fn from(form: MemberForm) -> Self {
        match form {
            MemberForm::Id(endpoint) => Self { endpoint, weight: 1 },
            MemberForm::Weighted { id, weight } => Self { endpoint: id, weight },
        }
    }
}

impl From<Member> for MemberForm {
    fn from(member: Member) -> Self {
        if member.weight == 1 {
            Self::Id(member.endpoint)
        } else {
            Self::Weighted { id: member.endpoint, weight: member.weight }
        }
    }
}

/// How important a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A person waits for the answer.
    Interactive,
    /// Anything else.
    #[default]
    Normal,
    /// Batch work; may wait.
    Bulk,
}

/// `[[caller]]`: a local client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Shown wherever its requests are.
    pub id: CallerId,
    /// How important its requests are, whatever their route says. Absent: as their route says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Where its token comes from. Absent: it is recognised by nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenSource>,
    /// What its requests may be charged in a minute, over all endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Its requests in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Its requests running at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
}

impl Caller {
    /// A caller of this name and nothing else said of it.
    #[must_use]
    pub const fn named(id: CallerId) -> Self {
        let (tokens_per_minute, requests_per_minute, max_in_flight) = (None, None, None);
        Self { id, priority: None, token: None, tokens_per_minute, requests_per_minute, max_in_flight }
    }
}

/// `token = { env = "NAME" }`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSource {
    /// An environment variable's name.
    pub env: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Config {
    /// The account with this id.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == *id)
    }

    /// The endpoint with this id.
    #[must_use]
    pub fn endpoint(&self, id: &EndpointId) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.id == *id)
    }

    /// The endpoint with this id, to change it.
    pub fn endpoint_mut(&mut self, id: &EndpointId) -> Option<&mut Endpoint> {
        self.endpoints.iter_mut().find(|endpoint| endpoint.id == *id)
    }

    /// Whether it has both simulated endpoints and others.
    #[must_use]
    pub fn mixes_simulated(&self) -> bool {
        let services = || self.endpoints.iter().filter_map(|one| self.account(&one.account)).map(|one| one.service);
        services().any(|one| one == Service::Simulated) && services().any(|one| one != Service::Simulated)
    }

    /// The pool with this id.
    #[must_use]
    pub fn quota_pool(&self, id: &PoolId) -> Option<&QuotaPool> {
        self.quota_pools.iter().find(|pool| pool.id == *id)
    }

    /// The route that clients reach by this exact name.
    #[must_use]
    pub fn route(&self, model: &ModelName) -> Option<&Route> {
        self.routes.iter().find(|route| route.model == *model)
    }

    /// The requests per 1,000 tokens of an endpoint's model: its own, else its pool's.
    #[must_use]
    pub fn request_ratio(&self, endpoint: &Endpoint) -> Option<u64> {
        let pools = || self.quota_pool(endpoint.quota_pool.as_ref()?)?.requests_per_1k_tokens;
        endpoint.requests_per_1k_tokens.or_else(pools)
    }

    /// An endpoint's requests per minute: as stated, else by the ratio to its tokens.
    #[must_use]
    pub fn requests_of(&self, endpoint: &Endpoint) -> Option<u64> {
        let derived = || Some(endpoint.tokens_per_minute?.saturating_mul(self.request_ratio(endpoint)?) / 1_000);
        endpoint.requests_per_minute.or_else(derived)
    }

    /// Whether the endpoint's account is simulated.
    #[must_use]
    pub fn is_simulated(&self, endpoint: &Endpoint) -> bool {
        self.account(&endpoint.account).is_some_and(|account| account.service == Service::Simulated)
    }
}

impl QuotaPool {
    /// Requests per minute: as stated, else by the ratio.
    #[must_use]
    pub fn effective_requests_per_minute(&self) -> Option<u64> {
        self.requests_per_minute
            .or_else(|| self.requests_per_1k_tokens.map(|ratio| self.tokens_per_minute.saturating_mul(ratio) / 1_000))
    }
}
