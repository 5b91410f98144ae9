//! When an endpoint or a pool will be full, if things go on as they do.
//!
//! Invariant: nothing is said that is not narrow enough to act on, lies beyond half an hour, or has happened already.
//! Absent on purpose: words. "At this rate" is the screen's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::inflow::inflows;
use crate::model::checked::CheckedConfig;
use crate::model::config::Enforcement;
use crate::model::id::{EndpointId, PoolId};
use crate::model::outlook::{Demand, Exhaustion};
use crate::model::status::{BalancerView, LimitKind, LimitView};
use crate::model::units::Timestamp;

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
    /// The newest second; `amounts[second % WINDOW]` is its own.
    second: u64,
    amounts: [u64; WINDOW],
}

impl Flows {
    /// A request was sent that is charged this much. Allocates only for the first one of an endpoint.
    pub fn note(&mut self, now: Timestamp, endpoint: &EndpointId, charge: u64) {
        let second = now.0 / 1_000_000;
        if let Some(ring) = self.endpoints.get_mut(endpoint) {
            ring.note(second, charge);
            return;
        }
        let mut ring = Box::new(Ring { second, amounts: [0; WINDOW] });
        ring.note(second, charge);
        self.endpoints.insert(endpoint.clone(), ring);
    }

    /// Forgets endpoints to which nothing was sent for a minute.
    pub fn prune(&mut self, now: Timestamp) {
        let second = now.0 / 1_000_000;
        self.endpoints.retain(|_, ring| second.saturating_sub(ring.second) < WINDOW as u64);
    }

    /// What was sent there in the last seconds.
    fn lately(&self, now: Timestamp, endpoint: &EndpointId) -> u64 {
        self.endpoints.get(endpoint).map_or(0, |ring| ring.lately(now.0 / 1_000_000))
    }

    /// What leaves the window in each of the next 60 seconds.
    fn leaving(&self, now: Timestamp, endpoint: &EndpointId) -> [u64; WINDOW] {
        self.endpoints.get(endpoint).map_or([0; WINDOW], |ring| ring.leaving(now.0 / 1_000_000))
    }
}

impl Ring {
    fn note(&mut self, second: u64, charge: u64) {
        let passed = second.saturating_sub(self.second).min(WINDOW as u64);
        for step in 1..=passed {
            if let Some(amount) = self.amounts.get_mut(place(self.second + step)) {
                *amount = 0;
            }
        }
        self.second = self.second.max(second);
        if let Some(amount) = self.amounts.get_mut(place(self.second)) {
            *amount = amount.saturating_add(charge);
        }
    }

    fn lately(&self, second: u64) -> u64 {
        let known = (self.second + 1).saturating_sub(WINDOW as u64)..=self.second;
        let seconds = second.saturating_sub(LATELY)..=second;
        let amounts = seconds.filter(|at| known.contains(at)).filter_map(|at| self.amounts.get(place(at)));
        amounts.fold(0, |sum, amount| sum.saturating_add(*amount))
    }

    fn leaving(&self, second: u64) -> [u64; WINDOW] {
        let mut leaving = [0; WINDOW];
        for (ahead, amount) in (1..).zip(&mut leaving) {
            // What came 60 s before that second; later than the newest there is nothing.
            let came = (second + ahead).checked_sub(WINDOW as u64).filter(|came| *came <= self.second);
            let known = came.filter(|came| came + WINDOW as u64 > self.second);
            *amount = known.and_then(|came| self.amounts.get(place(came))).copied().unwrap_or(0);
        }
        leaving
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below sixty")]
const fn place(second: u64) -> usize {
    (second % WINDOW as u64) as usize
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
        let drains = spec.enforcement != Enforcement::SlidingLog;
        let leaving = flows.leaving(now, &endpoint.id);
        let leaves = if drains { Leaves::Drains } else { Leaves::Slides(&leaving) };
        // A day that ends early is worse than a minute that does.
        let of_day = endpoint.more_limits.iter().find(|more| more.kind == LimitKind::TokensPerDay);
        let of_day = of_day.and_then(|more| exhaustion(now, &more.limit, *demand, Leaves::Daily));
        if let Some(when) = of_day.or_else(|| exhaustion(now, &endpoint.tokens, *demand, leaves)) {
            foresight.endpoints.insert(endpoint.id.clone(), when);
        }
    }
    for pool in &view.pools {
        let demands = pool.members.iter().filter_map(|member| inflows.get(member));
        let demand = demands.fold(Demand::default(), |sum, demand| sum.and(*demand));
        let mut leaving = [0_u64; WINDOW];
        for member in &pool.members {
            for (sum, amount) in leaving.iter_mut().zip(flows.leaving(now, member)) {
                *sum = sum.saturating_add(amount);
            }
        }
        if let Some(when) = exhaustion(now, &pool.tokens, demand, Leaves::Slides(&leaving)) {
            foresight.pools.insert(pool.id.clone(), when);
        }
    }
    foresight
}

/// How room comes back.
#[derive(Clone, Copy)]
enum Leaves<'f> {
    /// A minute after it was taken; so much in each of the next seconds.
    Slides(&'f [u64; WINDOW]),
    /// By itself, at the limit's rate.
    Drains,
    /// Not within sight.
    Daily,
}

/// When a limit will be full, if that can be said usefully.
fn exhaustion(now: Timestamp, tokens: &LimitView, demand: Demand, leaves: Leaves<'_>) -> Option<Exhaustion> {
    let limit = tokens.limit?;
    let taken = tokens.used.saturating_add(tokens.reserved);
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
    let when = |span: Duration| now.after(span);
    let daily = matches!(leaves, Leaves::Daily);
    (narrow && at < HORIZON).then(|| Exhaustion { at: when(at), earliest: when(earliest), latest: when(latest), daily })
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
