use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

const CHANGES: [Change; 19] = [
    Change::TokensMore(3_180),
    Change::RequestsMore(1),
    Change::InputMore(3_180),
    Change::OutputMore(3_180),
    Change::DayTokensMore(3_180),
    Change::DayRequestsMore(1),
    Change::CallerTokensMore(3_180),
    Change::CallerRequestsMore(1),
    Change::CallerInFlightMore(1),
    Change::SoftCapHigher(3_180),
    Change::PoolTokensMore(3_180),
    Change::PoolRequestsMore(1),
    Change::InFlightMore(1),
    Change::NobodyAhead,
    Change::NotWithheld(91),
    Change::Later(Duration::from_secs(9)),
    Change::Enabled,
    Change::KeySet,
    Change::RegionPermitted,
];

/// The sentence of a spilled request, or of one that was not sent.
fn said(change: Change, output_cap: Option<u64>, sent: bool) -> String {
    sentence(&Counterfactual { endpoint: "azure-ptu".into(), change, output_cap }, sent)
}

#[test]
fn a_spilled_request_names_what_would_have_kept_it_and_the_smaller_request() {
    assert_eq!(
        said(Change::TokensMore(3_180), Some(820), true),
        "It would have stayed on azure-ptu with 3,180 more TPM, or max_tokens ≤ 820."
    );
    assert_eq!(
        said(Change::NotWithheld(91), None, true),
        "It would have stayed on azure-ptu if its group were left only above 91 %."
    );
}

#[test]
fn one_that_was_not_sent_would_have_gone_at_once_or_later() {
    assert_eq!(said(Change::Later(Duration::from_secs(9)), None, false), "It would have gone to azure-ptu 9 s later.");
    assert_eq!(
        said(Change::NobodyAhead, None, false),
        "It would have gone at once to azure-ptu with nobody waiting ahead."
    );
}

#[test]
fn every_change_has_words_of_its_own() {
    let all: BTreeSet<String> = CHANGES.into_iter().map(|change| said(change, None, true)).collect();
    assert_eq!(all.len(), CHANGES.len());
}
