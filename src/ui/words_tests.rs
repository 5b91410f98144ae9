use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::explain::{counterfactual, one_line, paragraph};
use super::*;
use crate::model::counterfactual::{Change, Counterfactual};
use crate::model::decision::{Candidate, Decision, Estimate, Verdict};
use crate::model::id::{DecisionId, EndpointId, ModelName};
use crate::model::outcome::{Failure, HeaderFacts};
use crate::model::record::AttemptRecord;
use crate::model::sample;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;

const EXCLUSIONS: [Exclusion; 27] = [
    Exclusion::Throttled,
    Exclusion::Ejected,
    Exclusion::TokensShort,
    Exclusion::RequestsShort,
    Exclusion::SoftCap,
    Exclusion::InFlightFull,
    Exclusion::Paused,
    Exclusion::Draining,
    Exclusion::NoKey,
    Exclusion::NotOffered,
    Exclusion::TooLarge,
    Exclusion::NotNeeded,
    Exclusion::TriedAlready,
    Exclusion::PoolShort,
    Exclusion::Ramping,
    Exclusion::ProbeRunning,
    Exclusion::LineAhead,
    Exclusion::KeptForImportant,
    Exclusion::BoundElsewhere,
    Exclusion::RegionExcluded,
    Exclusion::Withheld,
    Exclusion::CallerShort,
    Exclusion::InputShort,
    Exclusion::OutputShort,
    Exclusion::DayShort,
    Exclusion::GrowthGuard,
    Exclusion::ForeignTraffic,
];

const REFUSALS: [RefusalReason; 13] = [
    RefusalReason::NoCapacityInTime,
    RefusalReason::LineFull,
    RefusalReason::TooLargeEverywhere,
    RefusalReason::UnknownModel,
    RefusalReason::NothingUsable,
    RefusalReason::AttemptsSpent,
    RefusalReason::Stopping,
    RefusalReason::Cancelled,
    RefusalReason::StateElsewhere,
    RefusalReason::StateOutOfReach,
    RefusalReason::StateTorn,
    RefusalReason::StateLeft,
    RefusalReason::AccountRests,
];

fn candidate(id: &str, group: u32, needs: u64, has: Option<u64>, limit: u64, verdict: Verdict) -> Candidate {
    Candidate {
        endpoint: EndpointId::from(id),
        group,
        admin_state: AdminState::Enabled,
        health: Health::Healthy,
        needs,
        has,
        limit: Some(limit),
        free_at: None,
        verdict,
    }
}

fn decision(candidates: Vec<Candidate>, conclusion: Conclusion) -> Decision {
    Decision {
        id: DecisionId(7),
        at: Timestamp::from_secs(60),
        revision: 14,
        route: ModelName::from("gpt-4o"),
        attempt: 1,
        estimate: Estimate { prompt: 1_080, output: 4_000, charge: 5_080 },
        waited: Duration::ZERO,
        candidates: candidates.into(),
        conclusion,
        bound: None,
        went_on: None,
        would_have: None,
    }
}

fn record(decision: Decision, attempts: Vec<AttemptRecord>, end: RecordEnd) -> RequestRecord {
    RequestRecord {
        at: Timestamp::from_secs(60),
        end,
        attempts,
        decisions: vec![Arc::new(decision)],
        total: Duration::from_secs(3),
        ..sample::record(1)
    }
}

fn throttled_attempt(id: &str) -> AttemptRecord {
    let class = FailureClass::Throttled(ThrottleKind::Requests);
    AttemptRecord {
        endpoint: EndpointId::from(id),
        group: 2,
        at: Timestamp::from_millis(59_900),
        took: Duration::from_millis(84),
        status: Some(429),
        failure: Some(Failure { class, status: Some(429), reached: true, facts: HeaderFacts::default() }),
        said: None,
    }
}

/// The example of the Why panel: full first choice, throttled second, its neighbour takes the request.
fn spilled() -> RequestRecord {
    let ptu = candidate("azure-ptu", 1, 5_080, Some(1_900), 60_000, Verdict::Excluded(Exclusion::TokensShort));
    let mut east = candidate("azure-eastus", 2, 5_080, None, 120_000, Verdict::Excluded(Exclusion::TriedAlready));
    east.health =
        Health::Resting { until: Timestamp::from_secs(74), cause: RestCause::Throttled(ThrottleKind::Requests) };
    let west = candidate("azure-westus", 2, 5_080, Some(79_000), 120_000, Verdict::Chosen(Choice::LastLeft));
    let last = candidate("openai-direct", 3, 5_080, None, 450_000, Verdict::Excluded(Exclusion::NotNeeded));
    let mut decision = decision(vec![ptu, east, west, last], Conclusion::Sent);
    let endpoint = EndpointId::from("azure-ptu");
    decision.would_have = Some(Counterfactual { endpoint, change: Change::TokensMore(3_180), output_cap: Some(820) });
    record(decision, vec![throttled_attempt("azure-eastus")], RecordEnd::Answered(Ending::Completed))
}

#[test]
fn a_spilled_request_is_told_as_one_sentence_with_its_numbers() {
    assert_eq!(
        paragraph(&spilled()),
        "Sent to azure-westus (second choice) because azure-ptu had 1,900 of 60,000 TPM free and this request needs \
         5,080, and azure-eastus answered 429 and is throttled by the provider for 14 s."
    );
    let line = "Second choice azure-westus: 79,000 of 120,000 TPM free, after azure-eastus answered 429";
    assert_eq!(one_line(&spilled()), line);
}

#[test]
fn what_would_have_changed_it_names_the_missing_tokens_and_the_smaller_output() {
    let record = spilled();
    assert_eq!(
        counterfactual(&record.decisions[0]).as_deref(),
        Some("It would have stayed on azure-ptu with 3,180 more TPM, or max_tokens ≤ 820.")
    );
}

#[test]
fn a_group_that_was_left_says_what_it_waits_for() {
    let mut left = candidate("a", 1, 70, Some(82), 100, Verdict::Excluded(Exclusion::Withheld));
    let taken = candidate("b", 2, 5_080, Some(9_000), 60_000, Verdict::Chosen(Choice::LastLeft));
    let told = |left: &Candidate, model: Option<&str>| {
        let mut decision = decision(vec![left.clone(), taken.clone()], Conclusion::Sent);
        decision.went_on = model.map(ModelName::from);
        paragraph(&record(decision, vec![], RecordEnd::Answered(Ending::Completed)))
    };
    let share = "Sent to b (second choice) because the group of a has 82 % taken and is used below 70 %.";
    assert_eq!(told(&left, None), share);
    assert_eq!(told(&left, Some("mini")), format!("{share} The route went on with model mini."));
    left.free_at = Some(Timestamp::from_secs(72));
    assert_eq!(told(&left, None), "Sent to b (second choice) because the group of a was left and stays so for 12 s.");
}

#[test]
fn those_kept_for_more_important_requests_are_named_in_one_clause() {
    let kept =
        |id: &str, group| candidate(id, group, 90, Some(500), 600, Verdict::Excluded(Exclusion::KeptForImportant));
    let taken = candidate("d", 3, 90, Some(500), 600, Verdict::Chosen(Choice::LastLeft));
    let told = |mut all: Vec<Candidate>| {
        all.push(taken.clone());
        paragraph(&record(decision(all, Conclusion::Sent), vec![], RecordEnd::Answered(Ending::Completed)))
    };
    let end = "is kept for more important requests expected within the minute.";
    let one = told(vec![kept("a", 1)]);
    assert_eq!(one, format!("Sent to d (last resort) because what is free (500 of 600 TPM) at a {end}"));
    let three = told(vec![kept("a", 1), kept("b", 2), kept("c", 2)]);
    assert_eq!(three, format!("Sent to d (last resort) because what is free at a, b and c {end}"));
    assert_eq!(super::explain::needs_and_has(&kept("a", 1)), "90 / 500 kept");
}

#[test]
fn a_failure_of_an_endpoint_that_is_fine_again_is_told_after_the_reasons() {
    let taken = candidate("b", 1, 80, Some(58_400), 60_000, Verdict::Chosen(Choice::MostHeadroom));
    let again = candidate("a", 1, 80, Some(900), 60_000, Verdict::Excluded(Exclusion::NotNeeded));
    let decision = decision(vec![taken, again], Conclusion::Sent);
    let mut twice = record(decision, vec![throttled_attempt("a")], RecordEnd::Answered(Ending::Completed));
    assert!(paragraph(&twice).ends_with(" Before that, a answered 429."), "{}", paragraph(&twice));
    assert_eq!(one_line(&twice), "First choice b: 58,400 of 60,000 TPM free, after a answered 429");
    twice.attempts.push(throttled_attempt("c"));
    assert!(paragraph(&twice).ends_with(" Before that, a answered 429 and c answered 429."));
    assert!(one_line(&twice).ends_with(", after 2 sendings failed"));
}

#[test]
fn a_failure_among_the_reasons_is_not_told_twice() {
    assert_eq!(paragraph(&spilled()).matches("429").count(), 1);
}

#[test]
fn a_first_choice_with_room_needs_no_because() {
    let taken = candidate("sim-ptu", 1, 80, Some(58_400), 60_000, Verdict::Chosen(Choice::LastLeft));
    let record = record(decision(vec![taken], Conclusion::Sent), vec![], RecordEnd::Answered(Ending::Completed));
    assert_eq!(paragraph(&record), "Sent to sim-ptu: first choice, 58,400 of 60,000 TPM free.");
    assert_eq!(one_line(&record), "First choice sim-ptu: 58,400 of 60,000 TPM free");
}

#[test]
fn a_refusal_says_that_it_was_ours_and_when_it_could_have_gone() {
    let mut full = candidate("a", 1, 5_080, Some(10), 60_000, Verdict::Excluded(Exclusion::TokensShort));
    full.free_at = Some(Timestamp::from_secs(69));
    let refused = Conclusion::Refused(RefusalReason::NoCapacityInTime);
    let record = record(decision(vec![full], refused), vec![], RecordEnd::Refused);
    let text = paragraph(&record);
    assert!(
        text.starts_with("Refused by us: nothing fits within the allowed wait, because a had 10 of 60,000"),
        "{text}"
    );
    assert!(text.ends_with("The earliest it could have gone: in 9 s."), "{text}");
    assert_eq!(conclusion_code(record.decisions[0].conclusion), Some("H-02"));
}

#[test]
fn a_request_without_a_route_is_explained_although_nothing_was_decided() {
    let mut record = spilled();
    record.decisions.clear();
    record.end = RecordEnd::Refused;
    assert_eq!(paragraph(&record), "No route answers for model gpt-4o.");
}

#[test]
fn every_exclusion_has_words_of_its_own_and_a_clause_with_the_endpoint() {
    let mut said = BTreeSet::new();
    for reason in EXCLUSIONS {
        assert!(said.insert(exclusion(reason)), "{reason:?} shares its words");
        let out = candidate("azure-x", 1, 5_080, Some(10), 60_000, Verdict::Excluded(reason));
        let taken = candidate("b", 2, 5_080, Some(9_000), 60_000, Verdict::Chosen(Choice::Turn));
        let record =
            record(decision(vec![out, taken], Conclusion::Sent), vec![], RecordEnd::Answered(Ending::Completed));
        let told = paragraph(&record).contains("azure-x");
        assert_eq!(told, reason != Exclusion::NotNeeded, "{reason:?}: {}", paragraph(&record));
    }
}

#[test]
fn every_choice_and_every_refusal_has_words() {
    let draw = Choice::WeightDraw { draw: 2, of: 3 };
    let choices = [
        Choice::OnlyCandidate,
        Choice::LastLeft,
        Choice::MostHeadroom,
        draw,
        Choice::Probe,
        Choice::Turn,
        Choice::StateLives,
        Choice::CacheHome,
        Choice::Conversation,
        Choice::Quickest,
        Choice::SameCaller,
        Choice::LeastBad,
        Choice::ByHand,
    ];
    let said: BTreeSet<String> = choices.into_iter().map(choice).collect();
    assert_eq!(said.len(), choices.len());
    let said: BTreeSet<&str> = REFUSALS.into_iter().map(refusal).collect();
    assert_eq!(said.len(), REFUSALS.len());
}

#[test]
fn a_request_that_was_sent_by_hand_says_so_and_gives_no_reasons_of_ours() {
    let east = candidate("east", 1, 5_080, Some(9_000), 60_000, Verdict::Excluded(Exclusion::TokensShort));
    let west = candidate("west", 2, 5_080, Some(1_900), 60_000, Verdict::Chosen(Choice::ByHand));
    let decision = decision(vec![east, west], Conclusion::Sent);
    let record = record(decision, vec![], RecordEnd::Answered(Ending::Completed));
    assert_eq!(paragraph(&record), "Sent to west (second choice) by hand: 1,900 of 60,000 TPM free.");
}

#[test]
fn a_stream_that_broke_never_shows_as_200() {
    let mut record = spilled();
    record.end = RecordEnd::Answered(Ending::CutOff);
    assert_eq!(status(&record), "cut off");
    assert!(paragraph(&record).ends_with("The answer was cut off after it had begun."));
}

#[test]
fn stored_state_is_named_once_with_its_account_however_many_could_not_take_it() {
    let out = |id| candidate(id, 1, 80, None, 60_000, Verdict::Excluded(Exclusion::BoundElsewhere));
    let taken = candidate("west", 2, 80, Some(58_400), 60_000, Verdict::Chosen(Choice::StateLives));
    let mut decision = decision(vec![out("east"), out("north"), out("south"), taken], Conclusion::Sent);
    decision.bound = Some("azure-west".into());
    let record = record(decision, vec![], RecordEnd::Answered(Ending::Completed));
    assert_eq!(
        paragraph(&record),
        "Sent to west (second choice) because the stored state it refers to lives in account azure-west, out of reach of \
         east and 2 more."
    );
}

#[test]
fn one_request_that_needs_different_amounts_is_explained_and_one_that_does_not_is_not() {
    let chosen = Verdict::Chosen(Choice::LastLeft);
    let short = Verdict::Excluded(Exclusion::TokensShort);
    let with = |needs: u64| {
        let candidates = vec![
            candidate("a", 1, 5_080, Some(90), 60_000, short),
            candidate("b", 2, needs, Some(90_000), 120_000, chosen),
        ];
        super::explain::needs_differ(&decision(candidates, Conclusion::Sent))
    };
    assert!(with(4_100) && !with(5_080));
    let asked = candidate("c", 3, 9_999, Some(9), 60_000, Verdict::Excluded(Exclusion::NotNeeded));
    let alone = candidate("b", 2, 5_080, Some(90_000), 120_000, chosen);
    let all = decision(vec![alone, asked], Conclusion::Sent);
    assert!(!super::explain::needs_differ(&all), "of one that was not asked no amount is shown");
}
