//! How things stand: endpoints, pools, routes and the waiting line, as plain values.
//!
//! Invariant: a view is computed from the brain's state at one moment and changes nothing in it.
//! Absent on purpose: history (`record`) and words (`ui`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{AdminState, Priority};
use super::id::{AccountId, CallerId, EndpointId, ModelName, PoolId, RequestId};
use super::insight::{Insight, KeptPlace, Paced, RetryBudget, UsualAnswer};
use super::outcome::ThrottleKind;
use super::outlook::{Demand, Exhaustion};
use super::payer::PayerView;
use super::proposal::Share;
use super::units::Timestamp;
pub use super::usage::Traffic;

/// Why an endpoint rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestCause {
    /// Cooldown: the service told us to wait.
    Throttled(ThrottleKind),
    /// Ejection: errors in a row.
    Errors,
    /// No connection.
    Unreachable,
    /// 401.
    KeyRejected,
    /// 403.
    Blocked,
    /// 404.
    NotFound,
}

/// An endpoint that rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Which one.
    pub endpoint: EndpointId,
    /// When one probe may go.
    pub until: Timestamp,
    /// Why.
    pub cause: RestCause,
    /// The account's address and credential then (`Place::mark`); 0: not known.
    #[serde(default)]
    pub mark: u64,
}

/// A rest that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestView {
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub cause: RestCause,
}

/// An account that requests for what it keeps (files, lists, stored responses) have to leave alone, or are coming back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitedView {
    /// Which one.
    pub account: AccountId,
    /// How it stands with such requests alone; its endpoints' own rests are theirs.
    pub health: Health,
}

/// What we observe of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// Nothing was sent yet.
    #[default]
    Unknown,
    /// Answers.
    Healthy,
    /// Answers, and at least 80 % of its effective limit is taken.
    NearLimit,
    /// Not used until a time.
    Resting {
        /// When the rest ends and one probe may go.
        until: Timestamp,
        /// Why.
        cause: RestCause,
    },
    /// One request is on its way to see whether rest ends.
    Probing,
    /// Back, with a growing share of its limits.
    Ramping {
        /// The share allowed now, 1 to 99.
        percent: u8,
    },
    /// Its account has no usable key.
    NoKey,
}

impl Health {
    /// Whether a request could be sent to an endpoint that is so and for which the person set this, room aside.
    #[must_use]
    pub fn serves(self, set: AdminState) -> bool {
        set == AdminState::Enabled && !matches!(self, Self::Resting { .. } | Self::Probing | Self::NoKey)
    }
}

/// Where a limit's number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// Stated in the configuration.
    Configured,
    /// By the pool's ratio.
    Derived,
    /// Reported by the service's headers.
    Header,
    /// Learned from the service's refusals.
    Learned,
    /// Our own soft cap, lower than the others.
    SoftCap,
    /// Our own share of a pool for now, lower than the others.
    Allotted,
    /// Nobody knows.
    Unknown,
}

/// One limit and what is taken of it in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// The effective limit per minute; `None`: unknown, never held back by it.
    pub limit: Option<u64>,
    /// Where it comes from.
    pub source: LimitSource,
    /// Charged in the window.
    pub used: u64,
    /// Reserved and not settled.
    pub reserved: u64,
    /// What is taken beyond the limit: answers that came to more than was estimated. It is paid back before others go.
    pub overdraft: u64,
    /// When the figure came; `None`: with the configuration.
    pub since: Option<Timestamp>,
}

impl LimitView {
    /// Of what is taken of a limit, what is not settled yet.
    #[must_use]
    pub fn new(limit: Option<u64>, source: LimitSource, (taken, pending): (u64, u64)) -> Self {
        let overdraft = limit.map_or(0, |limit| taken.saturating_sub(limit));
        Self { limit, source, used: taken.saturating_sub(pending), reserved: pending, overdraft, since: None }
    }

    /// Limit − charges − reservations; `None` if the limit is unknown.
    #[must_use]
    pub fn headroom(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used).saturating_sub(self.reserved))
    }

    /// Taken share of the limit in percent, at most 100; 0 if the limit is unknown.
    #[must_use]
    pub fn taken_percent(&self) -> u8 {
        let taken = self.used.saturating_add(self.reserved);
        let percent =
            self.limit.map_or(0, |limit| if limit == 0 { 100 } else { u128::from(taken) * 100 / u128::from(limit) });
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}

/// What a limit beyond tokens and requests per minute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Prompt tokens per minute.
    InputTokens,
    /// Output tokens per minute.
    OutputTokens,
    /// Tokens per day.
    TokensPerDay,
    /// Requests per day.
    RequestsPerDay,
}

/// A limit that few services have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoreLimitView {
    /// What it is about.
    pub kind: LimitKind,
    /// How it stands.
    pub limit: LimitView,
}

/// What happened at an endpoint since the start. Attempts and operations are counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Attempts sent.
    pub attempts: u64,
    /// Attempts that were committed and completed.
    pub answered: u64,
    /// 429s of the service.
    pub throttled: u64,
    /// Other failures of the endpoint, cut-off streams included.
    pub failed: u64,
    /// Input tokens reported.
    pub tokens_in: u64,
    /// Output tokens reported.
    pub tokens_out: u64,
    /// Tokens charged against the limit.
    pub charged: u64,
}

/// An endpoint now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    /// Its name.
    pub id: EndpointId,
    /// Its account.
    pub account: AccountId,
    /// The model routes know.
    pub model: ModelName,
    /// Whether it is simulated.
    pub simulated: bool,
    /// What the person set.
    pub admin_state: AdminState,
    /// What we see.
    pub health: Health,
    /// What else it rests for, besides the rest that lasts the longest.
    pub also_resting: Vec<RestView>,
    /// Tokens per minute.
    pub tokens: LimitView,
    /// Requests per minute.
    pub requests: LimitView,
    /// What was sent there in the last minute. A limit that drains counts less than that: what has drained is free again.
    pub last_minute: Traffic,
    /// The service's own ceiling without our soft cap.
    pub provider_tokens_per_minute: Option<u64>,
    /// Our soft cap, if set.
    pub soft_cap: Option<u64>,
    /// What the service last said is left of its token limit, and when.
    pub reported_remaining: Option<(u64, Timestamp)>,
    /// Requests running.
    pub in_flight: u32,
    /// Since the start.
    pub counters: Counters,
    /// Time to the first token as last heard, slow ones first, as for a prompt of 1,000 tokens; `None`: not heard yet.
    pub first_token: Option<Duration>,
    /// Limits that few services have, as far as they are known here.
    pub more_limits: Vec<MoreLimitView>,
    /// Our ceiling for now, that leaves to the others of its pool what they are expected to need.
    pub allotted: Option<u64>,
    /// When the first of its limits will be full at this rate, one of the day before those of the minute; `None`: not within
    /// sight, or too uncertain to say.
    pub exhausts_at: Option<Exhaustion>,
    /// The token limit the service last reported.
    pub reported_tokens_per_minute: Option<u64>,
    /// What others use of the same quota, smoothed; room is left for it.
    pub foreign_tokens_per_minute: u64,
    /// What the service charges by the formula's charge, for requests with an output cap.
    pub charge_permille: u64,
    /// The same for requests without one.
    pub uncapped_charge_permille: u64,
    /// What load may grow to for now, where growth is guarded.
    pub growth_tokens_per_minute: Option<u64>,
    /// What else decisions there rest on.
    pub insight: Insight,
}

impl EndpointView {
    /// Tokens of the last minute that count no more, as their limit has drained since. A hundredth of the limit is not worth a
    /// word: windows end a guard later than a minute.
    #[must_use]
    pub fn drained_tokens(&self) -> u64 {
        let drained = self.last_minute.tokens.saturating_sub(self.tokens.used);
        if drained > self.tokens.limit.unwrap_or(0) / 100 { drained } else { 0 }
    }

    /// Tokens charged in the last minute, whether they still count or not.
    #[must_use]
    pub fn used_last_minute(&self) -> u64 {
        self.tokens.used.saturating_add(self.drained_tokens())
    }

    /// Whether a request could be sent there now, room aside.
    #[must_use]
    pub fn serving(&self) -> bool {
        self.health.serves(self.admin_state)
    }
}

/// A pool now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolView {
    /// Its name.
    pub id: PoolId,
    /// Tokens per minute over all members.
    pub tokens: LimitView,
    /// What the configuration says of them; what holds may be less.
    pub configured_tokens_per_minute: u64,
    /// That holds, whatever refusals and headers say.
    pub pinned: bool,
    /// Requests per minute over all members.
    pub requests: LimitView,
    /// When one of its members may ask again whether it has room, if it refused one; `None`: it did not.
    pub rests_until: Option<Timestamp>,
    /// Its members.
    pub members: Vec<EndpointId>,
    /// When its tokens or its requests per minute will be full at this rate; `None`: not within sight, or too uncertain to
    /// say.
    pub exhausts_at: Option<Exhaustion>,
    /// How its total would be split by what its members are expected to be asked for; empty: no demand.
    pub proposed: Vec<Share>,
}

/// A caller now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerView {
    /// Its name.
    pub id: CallerId,
    /// Tokens per minute.
    pub tokens: LimitView,
    /// Requests per minute.
    pub requests: LimitView,
    /// Requests it may have running at once.
    pub max_in_flight: Option<u32>,
    /// Requests it has running.
    pub in_flight: u32,
}

/// A priority group now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its name.
    pub id: super::id::GroupId,
    /// Its members.
    pub endpoints: Vec<EndpointId>,
    /// Requests of this route sent to each member in the last 60 s, in the same order.
    pub sent_last_minute: Vec<u64>,
    /// The model it answers with, if the route went on to another one's groups (`then`).
    pub model: Option<ModelName>,
    /// The taken share of the limits of those members that may be used now, pools considered, in percent.
    pub taken_percent: u8,
    /// Why requests go on to lower groups although there may be room; `None`: they do not.
    pub withheld: Option<Withheld>,
    /// What less important requests may still take of it and those above; `None`: as much as there is.
    pub paced: Option<Paced>,
}

impl GroupView {
    /// A group of the route's own that nothing is taken of.
    #[must_use]
    pub fn new(id: super::id::GroupId, endpoints: Vec<EndpointId>, sent_last_minute: Vec<u64>) -> Self {
        Self { id, endpoints, sent_last_minute, model: None, taken_percent: 0, withheld: None, paced: None }
    }
}

/// A group that requests stay away from after a spill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Since when.
    pub since: Timestamp,
    /// Its shortest stay ends then.
    pub until: Timestamp,
    /// And less than this share of the group's limits must be taken, in percent.
    pub below_percent: u8,
}

/// A route now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// The name clients send.
    pub model: ModelName,
    /// Members that could be sent to now.
    pub serving: u32,
    /// All members.
    pub members: u32,
    /// Its priority groups.
    pub groups: Vec<GroupView>,
    /// Requests waiting for it.
    pub waiting: u32,
    /// The earliest time a resting member returns, if none serves.
    pub back_at: Option<Timestamp>,
    /// What clients are expected to ask for, by priority: interactive, normal, bulk.
    pub demand: [Demand; 3],
    /// When a resting endpoint was last tried because all of them rested by our own judgement.
    pub relented_at: Option<Timestamp>,
}

impl RouteView {
    /// Whether anybody used it in the last minute, waits for it, or is expected to ask for it.
    #[must_use]
    pub fn is_used(&self) -> bool {
        let sent = self.groups.iter().flat_map(|group| &group.sent_last_minute).any(|sent| *sent > 0);
        sent || self.waiting > 0 || self.demand.iter().any(|demand| demand.expected > 0)
    }
}

/// The waiting line now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Requests waiting.
    pub waiting: u32,
    /// How long the oldest has waited.
    pub oldest: Duration,
    /// Since the start: let go after a wait.
    pub admitted: u64,
    /// Since the start: refused by us.
    pub refused: u64,
    /// By priority: interactive, normal, bulk.
    pub classes: [ClassView; 3],
    /// Those who wait, route by route in the order of service, then those who wait for an account: a page, or as many as were
    /// asked for.
    pub list: Vec<WaitingView>,
    /// Those that were sent and have not ended, the oldest first, also for what accounts keep: as many at most.
    pub running: Vec<RunningView>,
    /// How many of them are for what accounts keep, which no endpoint counts among its own.
    pub visiting: u32,
    /// How often is retried after faults.
    pub budget: RetryBudget,
}

impl QueueView {
    /// As many are listed, unless more are asked for.
    pub const PAGE: usize = 200;
    /// As many are listed at most: a view is made under the lock that requests need.
    pub const MOST: usize = 2_000;
}

/// Those of one priority who wait now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassView {
    /// Requests waiting.
    pub waiting: u32,
    /// How long the oldest has waited.
    pub oldest: Duration,
    /// Since the start: let go after a wait.
    pub admitted: u64,
}

/// One who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingView {
    /// Which request.
    pub request: RequestId,
    /// Its route; what it asks for, where an account keeps that.
    pub route: ModelName,
    /// Its place in the route's order of service, or among those who wait for its account, from 1.
    pub position: u32,
    /// How important it is.
    pub priority: Priority,
    /// Who asked, if a token said so.
    pub caller: Option<CallerId>,
    /// The client's label; empty if none was sent.
    pub client: Arc<str>,
    /// What it is expected to be charged, in tokens.
    pub charge: u64,
    /// When its wait began; with several waits, that long before now.
    pub since: Timestamp,
    /// When it is given up.
    pub deadline: Option<Timestamp>,
    /// When it is expected to go; `None`: not within the longest wait.
    pub expected: Option<Timestamp>,
    /// The place that is kept for it, if it is next in its lane.
    pub kept: Option<KeptPlace>,
    /// What for.
    pub cause: WaitCause,
}

/// What one waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitCause {
    /// Room at an endpoint of its route.
    Room,
    /// The end of this account's rest: it asks for what is kept there.
    Account(AccountId),
    /// Its caller's own limits; it asks for what an account keeps.
    Caller,
}

/// One that was sent and has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningView {
    /// Which request.
    pub request: RequestId,
    /// Its route, or what it asks for where an account keeps that; `None`: the route is gone.
    pub route: Option<ModelName>,
    /// Where it is.
    pub endpoint: EndpointId,
    /// How important it is.
    pub priority: Priority,
    /// Who asked, if a token said so.
    pub caller: Option<CallerId>,
    /// The client's label; empty if none was sent.
    pub client: Arc<str>,
    /// What is reserved for it, in tokens.
    pub charge: u64,
    /// Which sending of it this is, from 1.
    pub attempt: u32,
    /// When this sending went out.
    pub sent: Timestamp,
    /// How long it had waited in line before.
    pub waited: Duration,
    /// Whether its answer has begun.
    pub committed: bool,
}

/// How many stored responses, conversations, files and encrypted items are known to lie in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptState {
    /// Which account.
    pub account: AccountId,
    /// How many.
    pub known: u32,
}

/// Everything the brain shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerView {
    /// The moment it was computed for.
    pub at: Timestamp,
    /// The applied configuration.
    pub revision: u64,
    /// In configuration order.
    pub endpoints: Vec<EndpointView>,
    /// In configuration order.
    pub pools: Vec<PoolView>,
    /// In configuration order.
    pub routes: Vec<RouteView>,
    /// The waiting line.
    pub queue: QueueView,
    /// Stored state whose account is known, by account.
    pub kept: Vec<KeptState>,
    /// In configuration order.
    pub callers: Vec<CallerView>,
    /// Usual lengths of answers without a cap, by model and caller.
    pub usual_answers: Vec<UsualAnswer>,
    /// Subscriptions and organizations, with what their accounts have and use together.
    pub payers: Vec<PayerView>,
    /// Accounts that are left alone by requests for what they keep.
    pub visited: Vec<VisitedView>,
}

impl BalancerView {
    /// The endpoints of the routes that are used; of all routes while none is.
    #[must_use]
    pub fn endpoints_in_use(&self) -> BTreeSet<&EndpointId> {
        let any = self.routes.iter().any(RouteView::is_used);
        let routes = self.routes.iter().filter(|route| route.is_used() || !any);
        routes.flat_map(|route| &route.groups).flat_map(|group| &group.endpoints).collect()
    }

    /// Requests that were sent and have not ended, also for what accounts keep.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        let each = self.endpoints.iter().map(|endpoint| u64::from(endpoint.in_flight));
        each.fold(u64::from(self.queue.visiting), u64::saturating_add)
    }

    /// The endpoint with this id.
    #[must_use]
    pub fn endpoint(&self, id: &EndpointId) -> Option<&EndpointView> {
        self.endpoints.iter().find(|endpoint| endpoint.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(model: &str, endpoint: &str, sent: u64) -> RouteView {
        let group = GroupView::new(crate::model::id::GroupId::from("g"), vec![EndpointId::from(endpoint)], vec![sent]);
        RouteView {
            model: ModelName::from(model),
            serving: 1,
            members: 1,
            groups: vec![group],
            waiting: 0,
            back_at: None,
            demand: [Demand::default(); 3],
            relented_at: None,
        }
    }
    fn in_use(routes: Vec<RouteView>) -> Vec<String> {
        let view = BalancerView { routes, ..BalancerView::default() };
        view.endpoints_in_use().into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn endpoints_of_routes_that_nobody_uses_are_not_in_use_unless_nobody_uses_any() {
        assert_eq!(in_use(vec![route("a", "east", 3), route("b", "west", 0)]), ["east"]);
        assert_eq!(in_use(vec![route("a", "east", 0), route("b", "west", 0)]), ["east", "west"]);
        let waits = RouteView { waiting: 1, ..route("b", "west", 0) };
        assert_eq!(in_use(vec![route("a", "east", 0), waits]), ["west"]);
    }
}
