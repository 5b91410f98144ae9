use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::config::Priority;
use crate::model::id::{EndpointId, ModelName, RequestId};
use crate::model::outcome::{Failure, FailureClass, HeaderFacts, ThrottleKind};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::record::AttemptRecord;
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
        id: RequestId(9),
        at: Timestamp::ZERO,
        wall_ms: 0,
        profile: Arc::new(RequestProfile {
            model: ModelName::from("gpt-4o"),
            operation: Operation::Chat,
            streaming: false,
            size: RequestSize::default(),
            priority: Priority::Normal,
            caller: None,
            client: Arc::from("Aider/0.9"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        }),
        status: 200,
        end: RecordEnd::Answered(Ending::Completed),
        attempts: vec![attempt("azure-east", 429), attempt("azure-west", 200)],
        decisions: Vec::new(),
        usage: None,
        waited: Duration::ZERO,
        first_token: None,
        total: Duration::ZERO,
    }
}

fn passes(text: &str) -> bool {
    Filter::parse(text).passes(&saved())
}

#[test]
fn a_429_that_another_endpoint_saved_is_found_as_429() {
    assert!(passes("429") && passes("status>=400") && passes("status=200"));
    assert!(!passes("500") && !passes("status>429"));
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
fn half_typed_fields_are_words_and_never_errors() {
    assert!(!passes("status>="));
    assert!(passes("endpoint:"));
    assert!(Filter::parse("  - ").is_empty());
}
