//! The share of its group that a member should get, and what a move would make of it, in words.
//!
//! Invariant: a share is only said where the split settles it; what follows measurements is not foretold.
//! Absent on purpose: what was sent (`sent`), and drawing.

use super::lanes::{self, Slot};
use crate::contract::Snapshot;
use crate::model::config::{Config, Group, Member, Route, Spread};
use crate::model::id::EndpointId;
use crate::ui::holds;
use crate::ui::words;

/// What is known of an endpoint's effective token limit.
pub(super) type Limits<'a> = &'a dyn Fn(&EndpointId) -> Option<u64>;

/// The limits that hold, or will once this is applied.
pub(super) fn limits<'a>(snapshot: &'a Snapshot, config: &'a Config) -> impl Fn(&EndpointId) -> Option<u64> + 'a {
    |id| holds::effective(snapshot, config.endpoint(id)?).filter(|limit| *limit > 0)
}

/// The share of its group a member should get, in percent; `None` if the split follows what is measured.
pub(super) fn percent(group: &Group, index: usize, limits: Limits) -> Option<u64> {
    let members = group.endpoints.len() as u64;
    let share = |part: u64, sum: u64| Some(part.saturating_mul(100).saturating_add(sum / 2) / sum.max(1));
    match group.spread {
        _ if members <= 1 => Some(100),
        Spread::RoundRobin => share(1, members),
        Spread::Weights => {
            let weight = |member: &Member| u64::from(member.weight.max(1));
            let sum = group.endpoints.iter().map(weight).fold(0_u64, u64::saturating_add);
            share(weight(group.endpoints.get(index)?), sum)
        }
        Spread::Headroom => {
            let all: Option<Vec<u64>> = group.endpoints.iter().map(|member| limits(&member.endpoint)).collect();
            let all = all?;
            share(*all.get(index)?, all.iter().copied().fold(0, u64::saturating_add))
        }
        Spread::Latency | Spread::Conversation | Spread::Caller => None,
    }
}

/// Why a share is planned as it is, or why none is.
pub(super) const fn reason(spread: Spread) -> &'static str {
    match spread {
        Spread::Headroom => "by the endpoints' limits, as the one with the most room is taken",
        Spread::Weights => "by weight",
        Spread::RoundRobin => "each in turn",
        Spread::Latency => "none: the quicker one is taken",
        Spread::Conversation => "none: conversations stay where they were answered",
        Spread::Caller => "none: callers stay where they were answered",
    }
}

/// What a move would make of a card: "becomes second choice, plan 50 %".
pub(super) fn consequence(config: &Config, route: &Route, endpoint: &EndpointId, to: Slot, limits: Limits) -> String {
    let mut after = Config { routes: vec![route.clone()], endpoints: config.endpoints.clone(), ..Config::default() };
    lanes::move_card(&mut after, &route.model, endpoint, to);
    let Some(route) = after.routes.first() else { return String::new() };
    let Some((group, index)) = lanes::place_of(route, endpoint) else { return "leaves this route".to_owned() };
    let rank = words::group_in_sentence(group + 1, route.groups.len());
    let plan = route.groups.get(group).and_then(|lane| percent(lane, index, limits));
    match plan {
        Some(plan) => format!("becomes {rank}, plan {plan} %"),
        None => format!("becomes {rank}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ModelName;

    fn route(spread: Spread) -> Route {
        let member = |id: &str| Member { endpoint: EndpointId::from(id), weight: 1 };
        let first = Group { endpoints: vec![member("a")], ..Group::default() };
        let second = Group { endpoints: vec![member("b"), member("c")], spread, ..Group::default() };
        Route::new(ModelName::from("m"), vec![first, second])
    }

    fn limit(id: &EndpointId) -> Option<u64> {
        [("a", 300), ("b", 100), ("c", 300)]
            .into_iter()
            .find(|(known, _)| id.as_str() == *known)
            .map(|(_, limit)| limit)
    }

    #[test]
    fn most_headroom_plans_by_limits_and_says_nothing_while_one_is_unknown() {
        let group = &route(Spread::Headroom).groups[1];
        assert_eq!((percent(group, 0, &limit), percent(group, 1, &limit)), (Some(25), Some(75)));
        assert_eq!(percent(group, 0, &|_| None), None);
        assert_eq!(percent(&route(Spread::Latency).groups[1], 0, &limit), None);
    }

    #[test]
    fn a_move_is_foretold_with_the_place_and_the_share_it_leads_to() {
        let said = |spread, to| consequence(&Config::default(), &route(spread), &EndpointId::from("a"), to, &limit);
        let into = Slot::Lane { group: 1, index: 2 };
        assert_eq!(said(Spread::RoundRobin, into), "becomes first choice, plan 33 %", "its own lane goes");
        assert_eq!(said(Spread::Latency, into), "becomes first choice");
        assert_eq!(said(Spread::Headroom, Slot::NewLane { before: 2 }), "becomes second choice, plan 100 %");
        assert_eq!(said(Spread::Headroom, Slot::Unused), "leaves this route");
    }
}
