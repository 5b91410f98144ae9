//! Endpoints whose service does not know what it is asked for: they answered their newest request with 404.
//!
//! Invariant: whoever answered since is not among them, nor who rests for it already.
//! Absent on purpose: stored objects, which a client may well ask for in vain.

use std::collections::BTreeSet;

use crate::contract::Snapshot;
use crate::model::id::EndpointId;
use crate::model::profile::Operation;
use crate::model::status::{Health, RestCause};

/// What is older says nothing of now, in milliseconds.
const LATELY: u64 = 15 * 60 * 1_000;
/// So many of the newest requests are looked through.
const LOOKED_THROUGH: usize = 500;

/// Their ids, newest first.
pub(super) fn of(snapshot: &Snapshot) -> Vec<&EndpointId> {
    let since = snapshot.wall_ms.saturating_sub(LATELY);
    let newest = snapshot.records.iter().rev().take(LOOKED_THROUGH).take_while(|record| record.wall_ms >= since);
    let tried = newest.filter(|record| record.profile.operation != Operation::Stored);
    let answers = tried.flat_map(|record| record.attempts.iter().rev());
    let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
    for attempt in answers {
        if seen.insert(&attempt.endpoint) && attempt.status == Some(404) && is_told(snapshot, &attempt.endpoint) {
            unknown.push(&attempt.endpoint);
        }
    }
    unknown
}

/// Whether it is still there, and nothing else tells of it.
fn is_told(snapshot: &Snapshot, id: &EndpointId) -> bool {
    let health = snapshot.view.endpoint(id).map(|endpoint| endpoint.health);
    health.is_some_and(|health| !matches!(health, Health::Resting { cause: RestCause::NotFound, .. }))
}
