//! When an endpoint or a pool will be full, if things go on as they do.
//!
//! Invariant: nothing is said that is not narrow enough to act on, lies beyond half an hour, or has happened already.
//! Absent on purpose: words. "At this rate" is the screen's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::inflow::inflows;
use crate::model::checked::CheckedConfig;
use crate::model::config::Enforcement;
use crate::model::decision::Estimate;
use crate::model::id::{EndpointId, PoolId};
use crate::model::outlook::{Demand, Exhaustion};
use crate::model::status::{BalancerView, EndpointView, LimitKind, LimitView};
use crate::model::units::{Timestamp, Unit};

/// A minute's window, second by second.
const WINDOW: usize = 60;
/// Charges that stay a minute fill a limit within a minute of the newest, or never.
const SIGHT: usize = 2 * WINDOW;
/// Traffic flows as it did in these last seconds.
const LATELY: u64 = 8;
/// A limit is full from this share on, in percent: what is left is smaller than many a request.
const FULL: u64 = 98;
/// Beyond this nothing is said.
const HORIZON: Duration = Duration::from_mins(30);
/// A band is narrow enough if it is no wider than this, or than half of what it is about.
const NARROW: Duration = Duration::from_secs(15);

/// What was sent where in the last minute, to know what leaves the windows next.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    endpoints: BTreeMap<EndpointId, Box<Ring>>,
}

#[derive(Clone, Debug)]
struct Ring {
    /// The newest second; `sent[second % WINDOW]` is its own.
    second: u64,
    sent: [Sent; WINDOW],
}

/// What was sent in a second.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    tokens: u64,
    requests: u64,
    input: u64,
    output: u64,
}

impl Sent {
    const NOTHING: Self = Self { tokens: 0, requests: 0, input: 0, output: 0 };

    const fn of(self, what: Unit) -> u64 {
        match what {
            Unit::Tokens | Unit::DayTokens => self.tokens,
            Unit::Requests | Unit::DayRequests => self.requests,
            Unit::Input => self.input,
            Unit::Output => self.output,
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }
}

impl From<Estimate> for Sent {
    fn from(one: Estimate) -> Self {
        Self { tokens: one.charge, requests: 1, input: one.prompt, output: one.output }
    }
}

impl Flows {
    /// A request was sent. Allocates only for the first one of an endpoint.
    pub fn note(&mut self, now: Timestamp, endpoint: &EndpointId, estimate: Estimate) {
        let second = now.0 / 1_000_000;
        if let Some(ring) = self.endpoints.get_mut(endpoint) {
            ring.note(second, estimate.into());
            return;
        }
        let mut ring = Box::new(Ring { second, sent: [Sent::NOTHING; WINDOW] });
        ring.note(second, estimate.into());
        self.endpoints.insert(endpoint.clone(), ring);
    }

    /// Forgets endpoints to which nothing was sent for a minute.
    pub fn prune(&mut self, now: Timestamp) {
        let second = now.0 / 1_000_000;
        self.endpoints.retain(|_, ring| second.saturating_sub(ring.second) < WINDOW as u64);
    }

    /// Tokens sent there in the last seconds.
    fn lately(&self, now: Timestamp, endpoint: &EndpointId) -> u64 {
        self.endpoints.get(endpoint).map_or(0, |ring| ring.lately(now.0 / 1_000_000))
    }

    /// What leaves the window in each of the next 60 seconds.
    fn leaving(&self, now: Timestamp, endpoint: &EndpointId) -> Leaving {
        self.endpoints.get(endpoint).map_or(Leaving([Sent::NOTHING; WINDOW]), |ring| ring.leaving(now.0 / 1_000_000))
    }
}

impl Ring {
    fn note(&mut self, second: u64, sent: Sent) {
        let passed = second.saturating_sub(self.second).min(WINDOW as u64);
        for step in 1..=passed {
            if let Some(stale) = self.sent.get_mut(place(self.second + step)) {
                *stale = Sent::NOTHING;
            }
        }
        self.second = self.second.max(second);
        if let Some(own) = self.sent.get_mut(place(self.second)) {
            *own = own.and(sent);
        }
    }

    fn lately(&self, second: u64) -> u64 {
        let known = (self.second + 1).saturating_sub(WINDOW as u64)..=self.second;
        let seconds = second.saturating_sub(LATELY)..=second;
        let sent = seconds.filter(|at| known.contains(at)).filter_map(|at| self.sent.get(place(at)));
        sent.fold(0, |sum, sent| sum.saturating_add(sent.tokens))
    }

    fn leaving(&self, second: u64) -> Leaving {
        let mut leaving = [Sent::NOTHING; WINDOW];
        for (ahead, leaves) in (1..).zip(&mut leaving) {
            // What came 60 s before that second; later than the newest there is nothing.
            let came = (second + ahead).checked_sub(WINDOW as u64).filter(|came| *came <= self.second);
            let known = came.filter(|came| came + WINDOW as u64 > self.second);
            *leaves = known.and_then(|came| self.sent.get(place(came))).copied().unwrap_or(Sent::NOTHING);
        }
        Leaving(leaving)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below sixty")]
const fn place(second: u64) -> usize {
    (second % WINDOW as u64) as usize
}

/// What leaves the minute's window in each of the next 60 seconds: all that is in it now.
#[derive(Clone, Copy, Debug)]
struct Leaving([Sent; WINDOW]);

impl Leaving {
    fn sum(&self) -> Sent {
        self.0.iter().fold(Sent::NOTHING, |sum, sent| sum.and(*sent))
    }

    fn and(mut self, other: &Self) -> Self {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.and(*more);
        }
        self
    }
}

/// What is foreseen of limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foresight {
    /// Endpoints that will be full.
    pub endpoints: BTreeMap<EndpointId, Exhaustion>,
    /// Pools that will be full.
    pub pools: BTreeMap<PoolId, Exhaustion>,
}

/// Looks ahead for every endpoint and pool that has a known limit.
#[must_use]
pub fn foresee(view: &BalancerView, config: &CheckedConfig, flows: &Flows) -> Foresight {
    let now = view.at;
    // Where requests went in the last minute is past once an endpoint is full or rests.
    let inflows = inflows(view, |endpoint, _| flows.lately(now, endpoint));
    let mut foresight = Foresight::default();
    // Both are in the order of the configuration.
    for (endpoint, spec) in view.endpoints.iter().zip(&config.endpoints).filter(|(endpoint, _)| endpoint.serving()) {
        let Some(demand) = inflows.get(&endpoint.id) else { continue };
        let inflow = Inflow { now, demand: *demand, leaving: flows.leaving(now, &endpoint.id) };
        if let Some(when) = inflow.fills(&limits_of(endpoint, spec.enforcement)) {
            foresight.endpoints.insert(endpoint.id.clone(), when);
        }
    }
    for (pool, spec) in view.pools.iter().zip(&config.pools) {
        let demands = pool.members.iter().filter_map(|member| inflows.get(member));
        let demand = demands.fold(Demand::default(), |sum, demand| sum.and(*demand));
        let nothing = Leaving([Sent::NOTHING; WINDOW]);
        let leaving = pool.members.iter().fold(nothing, |sum, member| sum.and(&flows.leaving(now, member)));
        let manner = if spec.enforcement == Enforcement::TokenBucket { Manner::Drains } else { Manner::Slides };
        let limits = [(Unit::Tokens, pool.tokens, manner), (Unit::Requests, pool.requests, manner)];
        if let Some(when) = (Inflow { now, demand, leaving }).fills(&limits) {
            foresight.pools.insert(pool.id.clone(), when);
        }
    }
    foresight
}

/// Every limit of an endpoint, and how room comes back there.
fn limits_of(endpoint: &EndpointView, counting: Enforcement) -> Vec<(Unit, LimitView, Manner)> {
    let tokens = if counting == Enforcement::SlidingLog { Manner::Slides } else { Manner::Drains };
    // Provisioned throughput drains in tokens alone.
    let requests = if counting == Enforcement::TokenBucket { Manner::Drains } else { Manner::Slides };
    let mut limits = vec![(Unit::Tokens, endpoint.tokens, tokens), (Unit::Requests, endpoint.requests, requests)];
    limits.extend(endpoint.more_limits.iter().map(|more| match more.kind {
        LimitKind::InputTokens => (Unit::Input, more.limit, requests),
        LimitKind::OutputTokens => (Unit::Output, more.limit, requests),
        LimitKind::TokensPerDay => (Unit::DayTokens, more.limit, Manner::Daily),
        LimitKind::RequestsPerDay => (Unit::DayRequests, more.limit, Manner::Daily),
    }));
    limits
}

/// How room comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A minute after it was taken.
    Slides,
    /// By itself, at the limit's rate.
    Drains,
    /// Not within sight.
    Daily,
}

/// What comes, in tokens, and what came in the last minute, in everything.
struct Inflow {
    now: Timestamp,
    demand: Demand,
    leaving: Leaving,
}

impl Inflow {
    /// Which limit is full first, and when. A day that ends early is worse than a minute that does.
    fn fills(&self, limits: &[(Unit, LimitView, Manner)]) -> Option<Exhaustion> {
        let all =
            limits.iter().filter_map(|(of, limit, manner)| Some((*manner, self.exhaustion(*of, limit, *manner)?)));
        all.min_by_key(|(manner, when)| (*manner != Manner::Daily, when.at)).map(|(_, when)| when)
    }

    /// Demand is foreseen in tokens; of anything else so much comes as came with the tokens of the last minute.
    fn demand(&self, of: Unit) -> Demand {
        match of {
            Unit::Tokens | Unit::DayTokens => self.demand,
            of => self.demand.share(self.leaving.sum().of(of), self.leaving.sum().tokens),
        }
    }

    fn exhaustion(&self, of: Unit, limit: &LimitView, manner: Manner) -> Option<Exhaustion> {
        let leaving = self.leaving.0.map(|sent| sent.of(of));
        let leaves = match manner {
            Manner::Slides => Leaves::Slides(&leaving),
            Manner::Drains => Leaves::Drains,
            Manner::Daily => Leaves::Daily,
        };
        let [at, earliest, latest] = exhaustion(limit, self.demand(of), leaves)?.map(|span| self.now.after(span));
        Some(Exhaustion { at, earliest, latest, of })
    }
}

/// How room comes back; so much in each of the next seconds.
#[derive(Clone, Copy)]
enum Leaves<'f> {
    Slides(&'f [u64; WINDOW]),
    Drains,
    Daily,
}

/// In what time a limit will be full, at the earliest and at the latest, if that can be said usefully.
fn exhaustion(limit: &LimitView, demand: Demand, leaves: Leaves<'_>) -> Option<[Duration; 3]> {
    let taken = limit.used.saturating_add(limit.reserved);
    let limit = limit.limit?;
    if u128::from(taken) * 100 >= u128::from(limit) * u128::from(FULL) {
        return None;
    }
    let full = |rate: u64| match leaves {
        Leaves::Slides(leaving) => slides(taken, limit, leaving, rate, demand.trend),
        Leaves::Drains => drains(taken, limit, rate, limit),
        Leaves::Daily => drains(taken, limit, rate, 0),
    };
    let (at, earliest, latest) = (full(demand.expected)?, full(demand.upper)?, full(demand.lower())?);
    let narrow = latest.saturating_sub(earliest) <= NARROW.max(at / 2);
    (narrow && at < HORIZON).then_some([at, earliest, latest])
}

/// A sliding window fills if for some second more came in the minute before than its limit.
fn slides(taken: u64, limit: u64, leaving: &[u64; WINDOW], rate: u64, trend: i64) -> Option<Duration> {
    // In sixtieths of tokens, so that a second's share is exact.
    let sixty = WINDOW as i128;
    let (mut held, limit) = (i128::from(taken) * sixty, i128::from(limit) * sixty);
    let comes = |second: usize| {
        let grown = i128::from(trend) * (second.min(WINDOW) as i128) / sixty;
        (i128::from(rate) + grown).max(0)
    };
    for second in 1..=SIGHT {
        held += comes(second);
        held -= match leaving.get(second - 1) {
            Some(amount) => i128::from(*amount) * sixty,
            None => comes(second - WINDOW),
        };
        if held >= limit {
            return Some(Duration::from_secs(second as u64));
        }
    }
    None
}

/// A level fills if more comes in a minute than drains.
fn drains(taken: u64, limit: u64, rate: u64, drained: u64) -> Option<Duration> {
    let gains = rate.checked_sub(drained).filter(|gains| *gains > 0)?;
    let millis = u128::from(limit - taken.min(limit)) * 60_000 / u128::from(gains);
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

#[cfg(test)]
#[path = "exhaust_tests.rs"]
mod tests;
