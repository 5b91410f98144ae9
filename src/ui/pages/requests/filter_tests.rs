use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::id::{EndpointId, RequestId};
use crate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, ThrottleKind};
use crate::model::record::{AttemptRecord, RecordEnd};
use crate::model::sample;
use crate::model::units::Timestamp;

fn attempt(endpoint: &str, status: u16) -> AttemptRecord {
    let class = FailureClass::Throttled(ThrottleKind::Tokens);
    let failure = Failure { class, status: Some(status), reached: true, facts: HeaderFacts::default() };
    AttemptRecord {
        endpoint: EndpointId::from(endpoint),
        group: 1,
        at: Timestamp::ZERO,
        took: Duration::ZERO,
        status: Some(status),
        failure: (status >= 400).then_some(failure),
        said: None,
    }
}

/// A request that east answered with 429 and west with 200.
fn saved() -> RequestRecord {
    RequestRecord {
        wall_ms: 0,
        profile: Arc::new(sample::profile("Aider/0.9")),
        attempts: vec![attempt("azure-east", 429), attempt("azure-west", 200)],
        total: Duration::ZERO,
        ..sample::record(9)
    }
}

fn passes_with(text: &str, record: &RequestRecord) -> bool {
    let scope = Scope { wall_ms: 60_000, marked: &BTreeSet::from([RequestId(7)]) };
    Filter::parse(text).judge(record, scope) == Judgement::Passes
}

fn passes(text: &str) -> bool {
    passes_with(text, &saved())
}

#[test]
fn a_429_that_another_endpoint_saved_is_found_as_429() {
    assert!(passes("429") && passes("status>=400") && passes("status=200") && passes("status:4xx"));
    assert!(!passes("500") && !passes("status>429") && !passes("status:5xx"));
}

#[test]
fn words_for_how_a_sending_failed_find_it() {
    assert!(passes("throttled") && passes("Rate limited") && passes("-timeout") && !passes("-throttled"));
    let mut record = saved();
    record.attempts.remove(0);
    assert!(!passes_with("throttled", &record), "a request that met none");
    record.attempts = vec![attempt("azure-east", 500)];
    record.attempts[0].failure.as_mut().unwrap().class = FailureClass::ServerError;
    assert!(passes_with("\"server error\"", &record) && !passes_with("throttled", &record));
}

#[test]
fn what_the_client_got_is_asked_for_by_itself() {
    assert!(passes("got:200") && passes("got<400"));
    assert!(!passes("got:429") && !passes("got>=400"), "the 429 was met on the way");
}

#[test]
fn fields_and_words_are_joined_by_and() {
    assert!(passes("endpoint:east client:aider"));
    assert!(passes("gpt-4o west"));
    assert!(!passes("endpoint:east model:gpt-5"));
}

#[test]
fn a_minus_turns_a_term_round() {
    assert!(!passes("-client:aider"));
    assert!(passes("-whisper -status<200"));
}

#[test]
fn quotes_hold_blanks_together_and_an_open_quote_lasts_to_the_end() {
    let mut record = saved();
    Arc::make_mut(&mut record.profile).client = Arc::from("My Tool/2");
    assert!(passes_with("client:\"my tool\" 429", &record));
    assert!(passes_with("\"my tool\"", &record) && passes_with("-\"your tool\"", &record));
    assert!(passes_with("client:\"my too", &record), "still being typed");
    assert!(!passes_with("client:\"my  tool\"", &record));
}

#[test]
fn times_and_amounts_are_read_as_people_write_them() {
    let mut record = saved();
    record.first_token = Some(Duration::from_millis(2_400));
    record.total = Duration::from_secs(30);
    record.usage = Some(crate::model::usage::Usage { output: 1_200, exact: true, ..Default::default() });
    for text in ["ttft>2s", "ttft>2.3s", "ttft<=2400ms", "total<1m", "total=30", "out>=1.2k", "attempts=2", "group:1"] {
        assert!(passes_with(text, &record), "{text}");
        assert!(!passes_with(&format!("-{text}"), &record), "-{text}");
    }
    assert!(!passes_with("waited>1ms", &record) && !passes("ttft<9h"), "no first token, no time to compare");
}

#[test]
fn age_and_marks_and_names_can_be_asked_for() {
    assert!(passes("since:1m") && !passes("since:59s") && passes("since:2h"));
    assert!(!passes("is:marked") && !passes("is:stream") && !passes("is:failed"));
    let cut = RequestRecord { end: RecordEnd::Answered(Ending::CutOff), ..saved() };
    assert!(passes_with("is:failed", &cut) && !passes_with("-is:failed", &cut));
    assert!(passes("r-000009") && passes("id:r-000009") && !passes("r-000008"));
}

#[test]
fn half_typed_fields_are_words_and_never_errors() {
    assert!(!passes("status>=") && !passes("ttft>x") && !passes("status:9xx"));
    assert!(passes("endpoint:"));
    assert!(Filter::parse("  -  \"\" ").is_empty());
}

#[test]
fn a_row_that_only_one_clause_keeps_out_names_it() {
    let scope = Scope { wall_ms: 0, marked: &BTreeSet::new() };
    let judged = |text: &str| Filter::parse(text).judge(&saved(), scope);
    assert_eq!(judged("why:nonsense client:aider"), Judgement::FailsOnly(0));
    assert_eq!(judged("why:nonsense client:curl"), Judgement::Fails);
}

#[test]
fn a_time_of_day_finds_what_arrived_near_it_over_midnight_too() {
    let (mut record, found) = (saved(), passes_with);
    record.wall_ms = 1_700_000_000_000;
    let time = crate::ui::format::clock_time(record.wall_ms);
    assert!(found(&format!("at:{time}"), &record));
    record.wall_ms += 5_000;
    assert!(found(&format!("at:{time}"), &record));
    record.wall_ms += 1_000;
    assert!(!found(&format!("at:{time}"), &record), "six seconds later");
}
