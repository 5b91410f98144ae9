//! From how things stand to what clients are told of their route.
//!
//! Invariant: endpoints of one quota pool count together for at most what the pool has; one endpoint of unknown limits makes its
//! route's unknown.
//! Absent on purpose: endpoints that take nothing now. They are counted again with the next view after they came back.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::id::PoolId;
use crate::model::status::{BalancerView, EndpointView, LimitView, PoolView, RouteView};
use crate::proxy::pace::{Level, Pace, Paces};

/// What is told of each route and caller.
pub(super) fn paces(view: &BalancerView) -> Paces {
    let routes = view.routes.iter().map(|route| (route.model.clone(), pace(view, route)));
    let callers = view.callers.iter().map(|caller| {
        let pace = Pace { tokens: level(&caller.tokens), requests: level(&caller.requests) };
        (caller.id.clone(), pace)
    });
    Paces { routes: routes.collect(), callers: callers.filter(|(_, pace)| *pace != Pace::default()).collect() }
}

fn pace(view: &BalancerView, route: &RouteView) -> Pace {
    let members: BTreeSet<_> = route.groups.iter().flat_map(|group| &group.endpoints).collect();
    let serving: Vec<&EndpointView> =
        view.endpoints.iter().filter(|endpoint| endpoint.serving() && members.contains(&endpoint.id)).collect();
    let tokens = sum(view, &serving, |endpoint| &endpoint.tokens, |pool| &pool.tokens);
    Pace { tokens, requests: sum(view, &serving, |endpoint| &endpoint.requests, |pool| &pool.requests) }
}

/// What these have together; `None`: it is not known of all of them, or there are none.
fn sum(
    view: &BalancerView,
    serving: &[&EndpointView],
    own: impl Fn(&EndpointView) -> &LimitView,
    shared: impl Fn(&PoolView) -> &LimitView,
) -> Option<Level> {
    let mut pooled: BTreeMap<&PoolId, (&PoolView, Option<Level>)> = BTreeMap::new();
    let mut total: Option<Level> = None;
    for endpoint in serving {
        let level = level(own(endpoint));
        match view.pools.iter().find(|pool| pool.members.contains(&endpoint.id)) {
            Some(pool) => {
                let (_, sum) = pooled.entry(&pool.id).or_insert((pool, Some(Level { limit: 0, free: 0 })));
                *sum = sum.zip(level).map(|(sum, level)| plus(sum, level));
            }
            None => total = Some(total.map_or_else(|| level, |total| Some(plus(total, level?)))?),
        }
    }
    for (pool, members) in pooled.into_values() {
        let bounded = match (level(shared(pool)), members) {
            (Some(pool), Some(members)) => {
                Level { limit: pool.limit.min(members.limit), free: pool.free.min(members.free) }
            }
            (pool, members) => pool.or(members)?,
        };
        total = Some(total.map_or(bounded, |total| plus(total, bounded)));
    }
    total
}

fn level(of: &LimitView) -> Option<Level> {
    Some(Level { limit: of.limit?, free: of.headroom()? })
}

const fn plus(one: Level, other: Level) -> Level {
    Level { limit: one.limit.saturating_add(other.limit), free: one.free.saturating_add(other.free) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::checked::CheckedConfig;
    use crate::model::config::{AdminState, Config};
    use crate::model::units::Timestamp;
    use crate::policy::{Balancer, Input};

    /// Endpoints a, b and c with these further lines each, all in one route.
    fn balancer(more: &str, each: [&str; 3]) -> Balancer {
        let endpoint = |(id, lines): (&str, &str)| {
            format!("[[endpoint]]\nid = \"{id}\"\naccount = \"s\"\nmodel = \"m\"\n{lines}\n")
        };
        let endpoints: String = ["a", "b", "c"].into_iter().zip(each).map(endpoint).collect();
        let mut text = format!("{more}[[account]]\nid = \"s\"\nservice = \"simulated\"\n{endpoints}");
        text += "[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"a\", \"b\"]\n[[route.group]]\nendpoints = [\"c\"]\n";
        let config: Config = toml_edit::de::from_str(&text).unwrap();
        Balancer::new(Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0), 1, Timestamp::ZERO)
    }

    fn tokens(balancer: &Balancer) -> Option<(u64, u64)> {
        let paces = paces(&balancer.view(Timestamp::ZERO));
        paces.routes["m"].tokens.map(|level| (level.limit, level.free))
    }

    const TEN: &str = "tokens_per_minute = 10000";

    #[test]
    fn a_route_has_what_its_endpoints_have_together_that_are_in_use() {
        let mut balancer = balancer("", [TEN, TEN, TEN]);
        assert_eq!(tokens(&balancer), Some((30_000, 30_000)));
        let paused = Input::SetAdminState("b".into(), AdminState::Paused);
        balancer.handle(Timestamp::ZERO, paused, &mut Vec::new());
        assert_eq!(tokens(&balancer), Some((20_000, 20_000)));
    }

    #[test]
    fn a_pool_counts_once_and_an_unknown_limit_leaves_the_route_unknown() {
        let pool = "[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 12000\n";
        let pooled = "tokens_per_minute = 10000\nquota_pool = \"p\"";
        assert_eq!(tokens(&balancer(pool, [pooled, pooled, TEN])), Some((22_000, 22_000)));
        assert_eq!(tokens(&balancer(pool, [pooled, "quota_pool = \"p\"", TEN])), Some((22_000, 22_000)));
        assert_eq!(tokens(&balancer("", [TEN, TEN, ""])), None);
    }
}
