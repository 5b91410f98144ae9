//! What each endpoint is expected to be asked for: the routes' demand, split as traffic flows now.
//!
//! Invariant: over a route's endpoints the parts add up to its demand, roundings aside.
//! Absent on purpose: where traffic *should* flow. A limit fills by where it does.

use std::collections::BTreeMap;

use crate::model::id::EndpointId;
use crate::model::outlook::Demand;
use crate::model::status::{BalancerView, RouteView};

/// Expected tokens per minute by endpoint; who is absent expects nothing. `flow` is what an endpoint got lately; it is
/// given the requests sent there in the last minute.
pub fn inflows(view: &BalancerView, flow: impl Fn(&EndpointId, u64) -> u64) -> BTreeMap<&EndpointId, Demand> {
    let mut inflows: BTreeMap<&EndpointId, Demand> = BTreeMap::new();
    for route in &view.routes {
        let demand = route.demand.into_iter().fold(Demand::default(), Demand::and);
        if demand.upper == 0 {
            continue;
        }
        let flows = flows(route, &flow);
        let whole = flows.iter().fold(0_u64, |sum, (_, sent)| sum.saturating_add(*sent));
        for (endpoint, sent) in flows.into_iter().filter(|(_, sent)| *sent > 0) {
            let known = inflows.entry(endpoint).or_default();
            *known = known.and(demand.share(sent, whole));
        }
    }
    inflows
}

/// What each member got lately; before anyone got anything, the first group counts evenly.
fn flows(route: &RouteView, flow: impl Fn(&EndpointId, u64) -> u64) -> Vec<(&EndpointId, u64)> {
    let groups = route.groups.iter();
    let sent = groups.flat_map(|group| group.endpoints.iter().zip(&group.sent_last_minute));
    let sent: Vec<(&EndpointId, u64)> = sent.map(|(id, sent)| (id, flow(id, *sent))).collect();
    if sent.iter().any(|(_, sent)| *sent > 0) {
        return sent;
    }
    route.groups.first().into_iter().flat_map(|group| &group.endpoints).map(|endpoint| (endpoint, 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::status::GroupView;

    fn route(sent: &[&[u64]], expected: u64) -> RouteView {
        let mut number = 0;
        let groups = sent.iter().map(|sent| {
            let endpoints = sent.iter().map(|_| {
                number += 1;
                EndpointId::from(format!("e{number}"))
            });
            GroupView::new("1".into(), endpoints.collect(), sent.to_vec())
        });
        let demand = Demand { expected, upper: expected * 2, trend: -60 };
        RouteView {
            model: "m".into(),
            serving: 1,
            members: 1,
            groups: groups.collect(),
            waiting: 0,
            back_at: None,
            demand: [demand, Demand::default(), Demand::default()],
            relented_at: None,
        }
    }
    fn expected(routes: Vec<RouteView>) -> Vec<(String, u64)> {
        let view = BalancerView { routes, ..BalancerView::default() };
        inflows(&view, |_, sent| sent)
            .into_iter()
            .map(|(endpoint, demand)| (endpoint.to_string(), demand.expected))
            .collect()
    }

    #[test]
    fn demand_is_split_as_requests_flow() {
        let parts = expected(vec![route(&[&[30, 10], &[20]], 60_000)]);
        assert_eq!(parts, [("e1".into(), 30_000), ("e2".into(), 10_000), ("e3".into(), 20_000)]);
    }

    #[test]
    fn before_anything_was_sent_the_first_group_shares_evenly() {
        let parts = expected(vec![route(&[&[0, 0], &[0]], 60_000)]);
        assert_eq!(parts, [("e1".into(), 30_000), ("e2".into(), 30_000)]);
    }

    #[test]
    fn what_two_routes_send_to_one_endpoint_adds_up_and_silence_sends_nothing() {
        let parts = expected(vec![route(&[&[1]], 60_000), route(&[&[1]], 5_000), route(&[&[0, 9]], 0)]);
        assert_eq!(parts, [("e1".into(), 65_000)]);
    }
}
