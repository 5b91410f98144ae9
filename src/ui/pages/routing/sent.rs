//! What each route really sent where in the last five minutes.
//!
//! Invariant: counted anew at most once a second, and only after a request has finished or time has passed.
//! Absent on purpose: what runs; it is counted once it has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contract::Snapshot;
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

    /// The endpoint's share of them, in percent; `None`: nothing was sent.
    pub(super) fn percent(&self, route: &ModelName, endpoint: &EndpointId) -> Option<u64> {
        let all = self.all(route);
        let own = self.routes.get(route)?.get(endpoint).copied().unwrap_or(0);
        (all > 0).then(|| own.saturating_mul(100).saturating_add(all / 2) / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn shares_are_of_all_attempts_of_the_last_five_minutes() {
        let snapshot = fixture::snapshot();
        let mut sent = Sent::default();
        sent.follow(&snapshot);
        let model = ModelName::from("demo-chat");
        let recent = |at: Timestamp| snapshot.at.since(at) < SPAN;
        let attempts = || snapshot.records.iter().flat_map(|record| &record.attempts).filter(|one| recent(one.at));
        let (all, own) = (attempts().count(), attempts().filter(|one| one.endpoint.as_str() == "sim-westus").count());
        assert!(own > 0, "the fixture sent something there");
        assert_eq!(sent.all(&model), all as u64);
        let expected = (own as u64 * 100 + all as u64 / 2) / all as u64;
        assert_eq!(sent.percent(&model, &"sim-westus".into()), Some(expected));
        assert_eq!(sent.percent(&ModelName::from("other"), &"sim-westus".into()), None);
    }
}
