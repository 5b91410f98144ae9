//! Usual ways to arrange a route: which of its endpoints come first.
//!
//! Invariant: a preset keeps every member of the route and its weight, and adds none; one that cannot tell the endpoints
//! apart says why instead.
//! Absent on purpose: *cheapest first*; no price is known here.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::checked::same_region;
use crate::model::config::{Config, Enforcement, Group, Member, Route, Spread};
use crate::model::id::EndpointId;

/// A usual arrangement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    /// What is paid for anyway, then what is paid by use.
    Provisioned,
    /// One group for each region.
    Nearest,
    /// All in one group, in turn.
    Even,
}

/// What is heard of how long an endpoint takes to its first token.
pub(super) type Heard<'a> = &'a dyn Fn(&EndpointId) -> Option<Duration>;

impl Preset {
    /// Every preset, in order.
    pub(super) const ALL: [Self; 3] = [Self::Provisioned, Self::Nearest, Self::Even];

    /// As on screen.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "Provisioned first, pay-as-you-go after",
            Self::Nearest => "Nearest region first",
            Self::Even => "Spread evenly",
        }
    }

    /// What it goes by.
    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Provisioned => "What is paid for by the hour is used up before anything is paid by the token.",
            Self::Nearest => "A group for each region: those you prefer, then the one heard to answer quickest.",
            Self::Even => "One group; each endpoint in turn.",
        }
    }

    /// The route's groups in this arrangement, or why there is none.
    pub(super) fn groups(self, config: &Config, route: &Route, heard: Heard) -> Result<Vec<Group>, &'static str> {
        let members: Vec<Member> = route.groups.iter().flat_map(|group| group.endpoints.iter().cloned()).collect();
        if members.len() < 2 {
            return Err("It takes two endpoints to have an order.");
        }
        match self {
            Self::Provisioned => provisioned(config, members),
            Self::Nearest => nearest(config, route, members, heard),
            Self::Even => Ok(vec![Group { spread: Spread::RoundRobin, endpoints: members, ..Group::default() }]),
        }
    }
}

fn provisioned(config: &Config, members: Vec<Member>) -> Result<Vec<Group>, &'static str> {
    let is_provisioned = |member: &Member| {
        config.endpoint(&member.endpoint).is_some_and(|one| one.enforcement == Enforcement::Utilization)
    };
    let (first, second): (Vec<_>, Vec<_>) = members.into_iter().partition(is_provisioned);
    if first.is_empty() {
        return Err("None of its endpoints counts by utilization, which is how provisioned ones are known.");
    }
    if second.is_empty() {
        return Err("All of its endpoints are provisioned.");
    }
    Ok([first, second].map(|endpoints| Group { endpoints, ..Group::default() }).into())
}

fn nearest(config: &Config, route: &Route, members: Vec<Member>, heard: Heard) -> Result<Vec<Group>, &'static str> {
    let region = |member: &Member| {
        let endpoint = config.endpoint(&member.endpoint)?;
        config.account(&endpoint.account)?.region.clone()
    };
    let prefer = &route.regions.prefer;
    let mut regions: BTreeMap<Option<String>, (Option<Duration>, Vec<Member>)> = BTreeMap::new();
    for member in members {
        let name = region(&member).map(|name| name.to_lowercase().replace([' ', '-'], ""));
        let (quickest, list) = regions.entry(name).or_default();
        *quickest = [*quickest, heard(&member.endpoint)].into_iter().flatten().min();
        list.push(member);
    }
    if regions.keys().flatten().count() < 2 {
        return Err("Its accounts do not name two regions.");
    }
    let wish = |name: &Option<String>| {
        name.as_ref().and_then(|name| prefer.iter().position(|wanted| same_region(wanted, name))).unwrap_or(usize::MAX)
    };
    if regions.iter().all(|(name, (quickest, _))| wish(name) == usize::MAX && quickest.is_none()) {
        return Err("No region is preferred, and no answer was heard yet that would show which is near.");
    }
    let mut order: Vec<_> = regions.into_iter().collect();
    order.sort_by_key(|(name, (quickest, _))| {
        (wish(name), quickest.unwrap_or(Duration::MAX), name.is_none(), name.clone())
    });
    Ok(order.into_iter().map(|(_, (_, endpoints))| Group { endpoints, ..Group::default() }).collect())
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
