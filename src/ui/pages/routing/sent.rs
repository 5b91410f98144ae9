//! What each route really sent where in the last five minutes.
//!
//! Invariant: counted anew at most once a second, and only after a request has finished or time has passed.
//! Absent on purpose: what runs; it is counted once it has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contract::Snapshot;
use crate::model::config::{Group, Member};
use crate::model::id::{EndpointId, ModelName};
use crate::model::units::Timestamp;

/// How far back it looks.
const SPAN: Duration = Duration::from_mins(5);

/// Attempts by route and endpoint.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The second it was counted at, from 1.
    counted: u64,
    routes: BTreeMap<ModelName, BTreeMap<EndpointId, u64>>,
}

impl Sent {
    /// Counts anew if a second has passed.
    pub(super) fn follow(&mut self, snapshot: &Snapshot) {
        let second = snapshot.at.0 / 1_000_000 + 1;
        if second == self.counted {
            return;
        }
        self.counted = second;
        self.routes.clear();
        let recent = |at: Timestamp| snapshot.at.since(at) < SPAN;
        // In the order in which they ended: one that ended earlier than that was sent earlier, too.
        let ended = |record: &crate::model::record::RequestRecord| {
            Timestamp(record.at.0.saturating_add(u64::try_from(record.total.as_micros()).unwrap_or(u64::MAX)))
        };
        for record in snapshot.records.iter().rev().take_while(|record| recent(ended(record))) {
            let Some(decision) = record.decisions.last() else { continue };
            for attempt in record.attempts.iter().filter(|attempt| recent(attempt.at)) {
                let to = self.routes.entry(decision.route.clone()).or_default();
                *to.entry(attempt.endpoint.clone()).or_default() += 1;
            }
        }
    }

    /// How many attempts the route sent, over all endpoints.
    pub(super) fn all(&self, route: &ModelName) -> u64 {
        self.routes.get(route).map_or(0, |to| to.values().copied().fold(0, u64::saturating_add))
    }

    /// How many of them the members of a group got.
    pub(super) fn group(&self, route: &ModelName, group: &Group) -> u64 {
        let to = self.routes.get(route);
        let got = |member: &Member| to.and_then(|to| to.get(&member.endpoint)).copied().unwrap_or(0);
        group.endpoints.iter().map(got).fold(0, u64::saturating_add)
    }

    /// The group's share of what the route sent, in percent; `None`: nothing was sent.
    pub(super) fn percent_of_route(&self, route: &ModelName, group: &Group) -> Option<u64> {
        percent(self.group(route, group), self.all(route))
    }

    /// A member's share of what its group got, in percent; `None`: the group got nothing.
    pub(super) fn percent_of_group(&self, route: &ModelName, group: &Group, endpoint: &EndpointId) -> Option<u64> {
        let own = self.routes.get(route)?.get(endpoint).copied().unwrap_or(0);
        percent(own, self.group(route, group))
    }
}

fn percent(part: u64, of: u64) -> Option<u64> {
    (of > 0).then(|| part.saturating_mul(100).saturating_add(of / 2) / of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn a_groups_share_is_of_the_route_and_a_members_of_its_group() {
        let snapshot = fixture::snapshot();
        let mut sent = Sent::default();
        sent.follow(&snapshot);
        let model = ModelName::from("demo-chat");
        let recent = |at: Timestamp| snapshot.at.since(at) < SPAN;
        let attempts = || snapshot.records.iter().flat_map(|record| &record.attempts).filter(|one| recent(one.at));
        let to = |id: &str| attempts().filter(|one| one.endpoint.as_str() == id).count() as u64;
        let (all, west, east) = (attempts().count() as u64, to("sim-westus"), to("sim-eastus"));
        assert!(west > 0 && west + east < all, "the fixture sent something there, and not all");
        assert_eq!(sent.all(&model), all);
        let group = &snapshot.applied.config.routes[0].groups[1];
        assert_eq!(sent.percent_of_route(&model, group), percent(west + east, all));
        assert_eq!(sent.percent_of_group(&model, group, &"sim-westus".into()), percent(west, west + east));
        let of_group = |id: &str| sent.percent_of_group(&model, group, &id.into()).unwrap_or(0);
        assert!((99..=101).contains(&(of_group("sim-westus") + of_group("sim-eastus"))), "they are of one whole");
        assert_eq!(sent.percent_of_group(&ModelName::from("other"), group, &"sim-westus".into()), None);
    }
}
