//! Ways to split each pool's total over its endpoints, worked out for the person to choose from.
//!
//! Invariant: a proposal's shares add up to the pool's total; whoever shares has at least the least a service grants.
//! Absent on purpose: applying one.

use std::sync::Arc;

use super::azure_cli;
use super::split::{Part, STEP, requests, split};
use crate::model::config::{Config, Endpoint, QuotaPool};
use crate::model::proposal::{PoolPlan, Proposal, Share, Way};

/// Up to so many members each is offered the whole of the pool.
const MEMBERS: usize = 8;

/// The endpoints of a pool, in the order of the configuration.
pub fn members<'c>(config: &'c Config, pool: &'c QuotaPool) -> impl Iterator<Item = &'c Endpoint> {
    config.endpoints.iter().filter(|endpoint| endpoint.quota_pool.as_ref() == Some(&pool.id))
}

/// Every pool that has members, with what there is to choose from. `by_demand` gives a pool's shares by demand, if it
/// has any now.
#[must_use]
pub fn plans<'v>(config: &Config, by_demand: impl Fn(&QuotaPool) -> &'v [Share]) -> Vec<PoolPlan> {
    let plan = |pool: &QuotaPool| {
        let members: Vec<&Endpoint> = members(config, pool).collect();
        let mut proposals: Vec<Proposal> = ways(&members)
            .into_iter()
            .filter_map(|(way, weights)| Some(proposal(config, way, shares(pool, &members, &weights)?)))
            .collect();
        let demanded = by_demand(pool);
        if demanded.iter().map(|share| &share.endpoint).eq(members.iter().map(|member| &member.id))
            && !demanded.is_empty()
        {
            proposals.push(proposal(config, Way::ByDemand, demanded.to_vec()));
        }
        let ids = members.iter().map(|member| member.id.clone()).collect();
        let commands = as_configured(config, &members);
        PoolPlan { pool: pool.id.clone(), total: pool.tokens_per_minute, members: ids, proposals, commands }
    };
    config.quota_pools.iter().map(plan).filter(|plan| !plan.proposals.is_empty()).collect()
}

/// The commands for what the members are given already.
fn as_configured(config: &Config, members: &[&Endpoint]) -> Option<Arc<str>> {
    let share = |member: &&Endpoint| {
        let (endpoint, requests_per_minute) = (member.id.clone(), member.requests_per_minute);
        Some(Share { endpoint, tokens_per_minute: member.tokens_per_minute?, requests_per_minute })
    };
    azure_cli::commands(config, &members.iter().filter_map(share).collect::<Vec<_>>()).map(Arc::from)
}

/// The ways that need to know nothing but who shares, with each member's weight.
fn ways(members: &[&Endpoint]) -> Vec<(Way, Vec<u64>)> {
    let weights = |weigh: &dyn Fn(usize) -> bool| (0..members.len()).map(|place| u64::from(weigh(place))).collect();
    let mut ways = vec![(Way::Even, weights(&|_| true))];
    if members.len() > 2 {
        ways.push((Way::TwoHalves, weights(&|place| place < 2)));
    }
    if (2..=MEMBERS).contains(&members.len()) {
        let one = members.iter().enumerate();
        ways.extend(one.map(|(at, member)| (Way::OneWithAll(member.id.clone()), weights(&|place| place == at))));
    }
    ways
}

fn shares(pool: &QuotaPool, members: &[&Endpoint], weights: &[u64]) -> Option<Vec<Share>> {
    let total = pool.tokens_per_minute;
    let min = least(total, members.len());
    let parts: Vec<Part> = weights.iter().map(|weight| Part { weight: *weight, min, max: total }).collect();
    Some(dealt(pool, members, split(total, &parts)?))
}

/// Each of `count` members gets a step at least, where there are as many.
pub(super) fn least(total: u64, count: usize) -> u64 {
    if total / STEP >= count as u64 { STEP } else { 0 }
}

/// Amounts as shares of a pool.
pub(super) fn dealt(pool: &QuotaPool, members: &[&Endpoint], amounts: Vec<u64>) -> Vec<Share> {
    let ratio = pool.requests_per_1k_tokens;
    let share = |(member, tokens): (&&Endpoint, u64)| Share {
        endpoint: member.id.clone(),
        tokens_per_minute: tokens,
        requests_per_minute: ratio.map(|ratio| requests(tokens, ratio)),
    };
    members.iter().zip(amounts).map(share).collect()
}

fn proposal(config: &Config, way: Way, shares: Vec<Share>) -> Proposal {
    let commands = azure_cli::commands(config, &shares).map(Arc::from);
    Proposal { way, shares, commands }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(total: u64, count: usize) -> Config {
        let endpoint =
            |number| format!("[[endpoint]]\nid = \"e{number}\"\naccount = \"a\"\nmodel = \"m\"\nquota_pool = \"p\"\n");
        let endpoints: String = (1..=count).map(endpoint).collect();
        let pool = format!("[[quota_pool]]\nid = \"p\"\ntokens_per_minute = {total}\nrequests_per_1k_tokens = 6\n");
        toml_edit::de::from_str(&(pool + &endpoints)).expect("the test's text is sound")
    }
    fn amounts(config: &Config, way: &Way) -> Option<Vec<u64>> {
        let plans = plans(config, |_| &[]);
        let proposal = plans.first()?.proposals.iter().find(|proposal| proposal.way == *way)?;
        Some(proposal.shares.iter().map(|share| share.tokens_per_minute).collect())
    }

    #[test]
    fn a_pool_can_be_given_to_one_to_two_or_evenly_to_all() {
        let config = config(240_000, 3);
        assert_eq!(amounts(&config, &Way::Even), Some(vec![80_000; 3]));
        assert_eq!(amounts(&config, &Way::TwoHalves), Some(vec![120_000, 119_000, 1_000]));
        assert_eq!(amounts(&config, &Way::OneWithAll("e2".into())), Some(vec![1_000, 238_000, 1_000]));
        assert_eq!(amounts(&config, &Way::ByDemand), None, "nobody asks for anything");
    }

    #[test]
    fn halves_of_two_are_the_even_split_and_said_once() {
        assert_eq!(amounts(&config(240_000, 2), &Way::TwoHalves), None);
        assert_eq!(amounts(&config(240_000, 1), &Way::OneWithAll("e1".into())), None);
    }

    #[test]
    fn requests_follow_by_the_pools_ratio() {
        let plans = plans(&config(240_000, 2), |_| &[]);
        assert_eq!(plans[0].proposals[0].shares[0].requests_per_minute, Some(720));
    }

    #[test]
    fn shares_by_demand_are_offered_only_for_the_members_there_are() {
        let config = config(10_000, 2);
        let shares = |ids: &[&str]| -> Vec<Share> {
            ids.iter()
                .map(|id| Share { endpoint: (*id).into(), tokens_per_minute: 5_000, requests_per_minute: None })
                .collect()
        };
        let offered = |ids: &[&str]| {
            let shares = shares(ids);
            plans(&config, |_| &shares)[0].proposals.iter().any(|proposal| proposal.way == Way::ByDemand)
        };
        assert!(offered(&["e1", "e2"]));
        assert!(!offered(&["e1", "gone"]));
    }

    #[test]
    fn a_pool_without_members_or_smaller_than_a_step_each_is_no_trouble() {
        assert_eq!(plans(&config(10_000, 0), |_| &[]), []);
        assert_eq!(amounts(&config(1_500, 3), &Way::Even), Some(vec![1_500, 0, 0]));
    }
}
