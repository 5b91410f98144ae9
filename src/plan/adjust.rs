//! Shares of a pool that follow demand: proposed always, and held as our own ceilings where the person allows it.
//!
//! A ceiling only ever keeps for the others what they are expected to need, within their shares; what nobody is expected
//! to need is everybody's. So it holds traffic back only where the pool would not have sufficed for all.
//!
//! Invariant: shares lie within the bounds the person set round what is configured and add up to the pool; ceilings move at
//! most once a minute.
//! Absent on purpose: raising anything above what the service grants a deployment; only the person can, there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::inflow::inflows;
use super::propose::{dealt, least, members};
use super::split::{Part, split};
use crate::model::config::{Config, Endpoint, QuotaPool};
use crate::model::id::{EndpointId, PoolId};
use crate::model::outlook::Demand;
use crate::model::proposal::Share;
use crate::model::status::BalancerView;
use crate::model::units::Timestamp;

/// Ceilings stay at least this long.
const STAY: Duration = Duration::from_mins(1);
/// They move only by this share of the pool, in percent.
const WORTH_IT: u64 = 5;

type Needs<'v> = BTreeMap<&'v EndpointId, Demand>;

/// What holds now.
#[derive(Clone, Debug, Default)]
pub struct Adjuster {
    revision: u64,
    pools: BTreeMap<PoolId, Standing>,
}

#[derive(Clone, Debug)]
struct Standing {
    since: Timestamp,
    ceilings: Vec<(EndpointId, Option<u64>)>,
}

/// What comes of a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adjusted {
    /// The shares that demand asks for, by pool; without demand none.
    pub proposed: BTreeMap<PoolId, Vec<Share>>,
    /// Ceilings to change; `None` lifts one.
    pub ceilings: Vec<(EndpointId, Option<u64>)>,
}

impl Adjuster {
    /// Looks at every pool.
    pub fn look(&mut self, view: &BalancerView, config: &Config) -> Adjusted {
        if self.revision != view.revision {
            // A new configuration lifted every ceiling.
            *self = Self { revision: view.revision, pools: BTreeMap::new() };
        }
        let needs = inflows(view, |_, sent| sent);
        let mut adjusted = Adjusted::default();
        for pool in &config.quota_pools {
            let members: Vec<&Endpoint> = members(config, pool).collect();
            let Some(shares) = shares(pool, &members, &needs) else {
                // Nobody asks for anything: nothing needs to be kept.
                let lifted = self.pools.remove(&pool.id).into_iter().flat_map(|standing| standing.ceilings);
                adjusted.ceilings.extend(lifted.filter(|(_, held)| held.is_some()).map(|(id, _)| (id, None)));
                continue;
            };
            if pool.adjust_within_percent.is_some() {
                let wanted = ceilings(pool, &members, &shares, &needs, view);
                adjusted.ceilings.extend(self.move_to(view.at, pool, wanted));
            }
            adjusted.proposed.insert(pool.id.clone(), dealt(pool, &members, shares));
        }
        adjusted
    }

    /// The ceilings that change, if it is time and worth it.
    fn move_to(
        &mut self,
        now: Timestamp,
        pool: &QuotaPool,
        wanted: Vec<(EndpointId, Option<u64>)>,
    ) -> Vec<(EndpointId, Option<u64>)> {
        let total = pool.tokens_per_minute;
        let standing = self.pools.get(&pool.id);
        if standing.is_some_and(|standing| now.since(standing.since) < STAY) {
            return Vec::new();
        }
        let held = |id: &EndpointId| {
            let known = standing.into_iter().flat_map(|standing| &standing.ceilings);
            known.filter(|(known, _)| known == id).find_map(|(_, held)| *held)
        };
        let open = |ceiling: Option<u64>| u128::from(ceiling.unwrap_or(total).min(total));
        let far = |(id, ceiling): &(EndpointId, Option<u64>)| {
            open(*ceiling).abs_diff(open(held(id))) * 100 >= u128::from(total) * u128::from(WORTH_IT)
        };
        if !wanted.iter().any(far) {
            return Vec::new();
        }
        let changed = wanted.iter().filter(|(id, ceiling)| held(id) != *ceiling).cloned().collect();
        self.pools.insert(pool.id.clone(), Standing { since: now, ceilings: wanted });
        changed
    }
}

/// Each member's share by demand, in their order; `None`: there is no demand, or the bounds and the pool do not go together.
fn shares(pool: &QuotaPool, members: &[&Endpoint], needs: &Needs<'_>) -> Option<Vec<u64>> {
    let (total, count) = (pool.tokens_per_minute, members.len());
    let need = |member: &Endpoint| needs.get(&member.id).map_or(0, |demand| demand.expected);
    if members.iter().all(|member| need(member) == 0) {
        return None;
    }
    let even = total / u64::try_from(count).ok()?.max(1);
    let part = |member: &&Endpoint| {
        let weight = need(member).saturating_add(1);
        let Some(percent) = pool.adjust_within_percent else {
            return Part { weight, min: least(total, count), max: total };
        };
        let base = member.tokens_per_minute.unwrap_or(even);
        let slack = u128::from(base) * u128::from(percent.min(100)) / 100;
        let slack = u64::try_from(slack).unwrap_or(u64::MAX);
        Part { weight, min: base - slack, max: base.saturating_add(slack).min(total) }
    };
    split(total, &members.iter().map(part).collect::<Vec<_>>())
}

/// The ceilings that keep for each member what it is expected to need, within its share.
fn ceilings(
    pool: &QuotaPool,
    members: &[&Endpoint],
    shares: &[u64],
    needs: &Needs<'_>,
    view: &BalancerView,
) -> Vec<(EndpointId, Option<u64>)> {
    let total = pool.tokens_per_minute;
    // What the service and the soft cap let a member take of the pool.
    let own = |member: &Endpoint| {
        let seen = view.endpoint(&member.id);
        let own = seen.into_iter().flat_map(|seen| [seen.provider_tokens_per_minute, seen.soft_cap]).flatten().min();
        own.unwrap_or(total).min(total)
    };
    let kept = |member: &Endpoint, share: u64| needs.get(&member.id).map_or(0, |demand| demand.upper).min(share);
    let all_kept = members.iter().zip(shares).map(|(member, share)| kept(member, *share)).fold(0, u64::saturating_add);
    let ceiling = |(member, share): (&&Endpoint, &u64)| {
        let others = all_kept.saturating_sub(kept(member, *share));
        let ceiling = total.saturating_sub(others).max(*share);
        (member.id.clone(), Some(ceiling).filter(|ceiling| *ceiling < own(member)))
    };
    // Where all members together cannot take more than the pool has, nobody takes anything from another.
    let contended = members.iter().map(|member| own(member)).fold(0, u64::saturating_add) > total;
    if contended {
        members.iter().zip(shares).map(ceiling).collect()
    } else {
        members.iter().map(|member| (member.id.clone(), None)).collect()
    }
}

#[cfg(test)]
#[path = "adjust_tests.rs"]
mod tests;
