//! What the quotas page does to a configuration: pure functions over pools and their endpoints.
//!
//! Invariant: a pool's total is the person's own number; no function here changes it to make shares fit.
//! Absent on purpose: suggestions from history.

use crate::model::config::{Config, Endpoint, QuotaPool};
use crate::model::id::{EndpointId, PoolId};

/// Shares are multiples of this many tokens per minute: the unit in which services grant them.
const UNIT: u64 = 1_000;

/// The endpoints that draw from a pool, in file order.
pub fn members<'c>(config: &'c Config, pool: &'c PoolId) -> impl Iterator<Item = &'c Endpoint> {
    config.endpoints.iter().filter(move |endpoint| endpoint.quota_pool.as_ref() == Some(pool))
}

/// What the endpoints of a pool are given together, in tokens per minute.
#[must_use]
pub fn allotted(config: &Config, pool: &PoolId) -> u64 {
    members(config, pool).filter_map(|endpoint| endpoint.tokens_per_minute).fold(0, u64::saturating_add)
}

/// The requests per minute that follow from an endpoint's tokens by its pool's ratio, if nothing is stated.
#[must_use]
pub fn derived_requests(config: &Config, endpoint: &Endpoint) -> Option<u64> {
    let ratio = config.quota_pool(endpoint.quota_pool.as_ref()?)?.requests_per_1k_tokens?;
    Some(endpoint.tokens_per_minute?.saturating_mul(ratio) / UNIT)
}

/// Moves an endpoint into a pool with at most `share` tokens per minute of its own, or out of every pool.
pub fn set_pool(config: &mut Config, endpoint: &EndpointId, pool: Option<PoolId>, share: Option<u64>) {
    if let Some(endpoint) = config.endpoint_mut(endpoint) {
        endpoint.quota_pool = pool;
        endpoint.tokens_per_minute = share;
    }
}

/// What an endpoint that comes into a pool keeps of its tokens per minute: what is spare of a provider's total, and all of it
/// in a total of the person's own.
///
/// # Errors
/// Nothing of the provider's total is spare, and it brings a share: so much has to be freed first.
pub fn fitting(config: &Config, endpoint: &Endpoint, pool: &PoolId) -> Result<Option<u64>, u64> {
    let Some(total) = config.quota_pool(pool).filter(|pool| !pool.soft) else { return Ok(endpoint.tokens_per_minute) };
    let Some(wanted) = endpoint.tokens_per_minute else { return Ok(None) };
    let others = members(config, pool).filter(|member| member.id != endpoint.id);
    let given = others.filter_map(|member| member.tokens_per_minute).fold(0, u64::saturating_add);
    match total.tokens_per_minute.saturating_sub(given) / UNIT * UNIT {
        0 if wanted > 0 => Err(wanted),
        spare => Ok(Some(wanted.min(spare))),
    }
}

/// Sets a pool's total.
pub fn set_total(config: &mut Config, pool: &PoolId, total: u64) {
    if let Some(pool) = config.quota_pools.iter_mut().find(|known| known.id == *pool) {
        pool.tokens_per_minute = total;
    }
}

/// Says whose total it is.
pub fn set_soft(config: &mut Config, pool: &PoolId, soft: bool) {
    if let Some(pool) = config.quota_pools.iter_mut().find(|known| known.id == *pool) {
        pool.soft = soft;
    }
}

/// Says whether the total holds whatever the service reports or refuses.
pub fn set_pinned(config: &mut Config, pool: &PoolId, pinned: bool) {
    if let Some(pool) = config.quota_pools.iter_mut().find(|known| known.id == *pool) {
        pool.pinned = pinned;
    }
}

/// Adds a pool with the classic ratio of 6 requests per 1,000 tokens.
pub fn add_pool(config: &mut Config, name: &str, total: u64) {
    config.quota_pools.push(QuotaPool {
        id: PoolId::from(name.trim()),
        tokens_per_minute: total,
        requests_per_minute: None,
        requests_per_1k_tokens: Some(6),
        adjust_within_percent: None,
        soft: false,
        pinned: false,
    });
}

/// Removes a pool; its endpoints stay, with their own limits.
pub fn remove_pool(config: &mut Config, pool: &PoolId) {
    config.quota_pools.retain(|known| known.id != *pool);
    for endpoint in &mut config.endpoints {
        if endpoint.quota_pool.as_ref() == Some(pool) {
            endpoint.quota_pool = None;
        }
    }
}

/// Why this cannot be a new pool's name; `None` if it can.
#[must_use]
pub fn name_problem(config: &Config, name: &str) -> Option<&'static str> {
    let name = name.trim();
    if name.is_empty() {
        return Some("A pool needs a name, for example sub-a/eastus/gpt-4o.");
    }
    config.quota_pools.iter().any(|pool| pool.id.as_str() == name).then_some("A pool of this name exists already.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn pool() -> PoolId {
        PoolId::from("sim-b/eastus/demo")
    }

    #[test]
    fn removing_a_pool_leaves_its_endpoints_with_their_limits() {
        let mut config = fixture::config();
        remove_pool(&mut config, &pool());
        assert!(config.quota_pools.is_empty());
        assert!(config.endpoints.iter().all(|endpoint| endpoint.quota_pool.is_none()));
        assert_eq!(config.endpoints.len(), fixture::config().endpoints.len());
    }

    #[test]
    fn requests_follow_from_tokens_by_the_pools_ratio() {
        let config = fixture::config();
        let east = config.endpoint(&EndpointId::from("sim-eastus")).unwrap();
        assert_eq!(derived_requests(&config, east), Some(720));
    }

    #[test]
    fn who_comes_into_a_providers_pool_gets_what_is_spare_and_nobody_a_full_one() {
        let mut config = fixture::config();
        let sweden = config.endpoint(&EndpointId::from("sim-sweden")).unwrap().clone();
        // 300,000, of which two have 240,000.
        assert_eq!(fitting(&config, &sweden, &pool()), Ok(Some(60_000)));
        set_total(&mut config, &pool(), 240_000);
        assert_eq!(fitting(&config, &sweden, &pool()), Err(240_000));
        let unstated = Endpoint { tokens_per_minute: None, ..sweden.clone() };
        assert_eq!(fitting(&config, &unstated, &pool()), Ok(None), "it brings no share");
        set_soft(&mut config, &pool(), true);
        assert_eq!(fitting(&config, &sweden, &pool()), Ok(Some(240_000)));
    }

    #[test]
    fn a_total_of_ones_own_may_be_given_out_more_than_once() {
        let mut config = fixture::config();
        set_total(&mut config, &pool(), 100_000);
        let said = |config: &Config| {
            crate::model::check::check(config).iter().filter(|one| one.message.contains("free 140,000")).count()
        };
        assert_eq!(said(&config), 1);
        set_soft(&mut config, &pool(), true);
        assert_eq!(said(&config), 0);
    }

    #[test]
    fn a_pool_name_must_be_new() {
        let config = fixture::config();
        assert!(name_problem(&config, "sim-b/eastus/demo").is_some());
        assert!(name_problem(&config, " ").is_some());
        assert!(name_problem(&config, "other").is_none());
    }
}
