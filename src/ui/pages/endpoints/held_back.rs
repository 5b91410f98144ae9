//! How many requests of the last minutes a soft cap would have held back.
//!
//! Invariant: a request counts where it was answered, with what the service said it used, or else with its estimate.
//! Absent on purpose: where held-back requests would have gone; that needs a replay.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::contract::snapshot::RecordsView;
use crate::model::id::EndpointId;
use crate::model::record::RequestRecord;
use crate::model::units::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);

/// Walks through the requests that `endpoint` answered within the window (`now`, seconds), letting each pass only while
/// the 60 s before it and itself stay within `cap` tokens. Returns how many did not pass.
pub(super) fn held_back(
    records: &RecordsView,
    endpoint: &EndpointId,
    cap: u64,
    (now, window): (Timestamp, u64),
) -> u64 {
    let mut sent: Vec<(Timestamp, u64)> = records.iter().filter_map(|record| sending(record, endpoint)).collect();
    sent.retain(|(at, _)| now.since(*at) <= Duration::from_secs(window));
    sent.sort_unstable();
    let (mut passed, mut sum, mut held) = (VecDeque::new(), 0_u64, 0);
    for (at, tokens) in sent {
        while let Some((_, old)) = passed.pop_front_if(|(then, _): &mut (Timestamp, u64)| at.since(*then) >= MINUTE) {
            sum = sum.saturating_sub(old);
        }
        if sum.saturating_add(tokens) > cap {
            held += 1;
        } else {
            sum += tokens;
            passed.push_back((at, tokens));
        }
    }
    held
}

/// When the endpoint was sent the attempt that it answered, and for how many tokens.
fn sending(record: &Arc<RequestRecord>, endpoint: &EndpointId) -> Option<(Timestamp, u64)> {
    let attempt = record.attempts.last().filter(|one| one.failure.is_none() && one.endpoint == *endpoint)?;
    let estimate = || record.decisions.last().map(|decision| decision.estimate.charge);
    let tokens = record.usage.filter(|usage| usage.exact).map(|usage| usage.total()).or_else(estimate)?;
    Some((attempt.at, tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn a_cap_of_nothing_holds_back_all_and_a_high_one_none() {
        let snapshot = fixture::snapshot();
        let (id, span) = (EndpointId::from("sim-westus"), (snapshot.at, 900));
        let all = snapshot.records.iter().filter(|record| sending(record, &id).is_some()).count() as u64;
        assert!(all > 1, "the fixture has requests of this endpoint");
        assert_eq!(held_back(&snapshot.records, &id, 0, span), all);
        assert_eq!(held_back(&snapshot.records, &id, u64::MAX, span), 0);
        assert_eq!(held_back(&snapshot.records, &id, 0, (snapshot.at, 0)), 0, "an empty window holds nothing");
    }
}
