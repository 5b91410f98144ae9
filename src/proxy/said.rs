//! What is kept of an answer so that a person can read later what the service said.
//!
//! Invariant: only headers about limits, waits and where the answer came from; of a body only the beginning of an error.
//! Our own key was taken out of both before (`echo`).
//! Absent on purpose: anything the client sent, and anything of an answer that succeeds but its limits.

use std::sync::Arc;

use http::HeaderMap;

use super::attempt::Fault;
use crate::model::outcome::HeaderFacts;
use crate::model::record::Said;

/// As much of an error's body is kept; services' own messages are shorter.
const ERROR_SHOWN: usize = 2_000;
/// As much of one header's value is kept.
const VALUE_SHOWN: usize = 200;

/// What a good answer's head said of limits; `None` if it said nothing.
#[must_use]
pub fn of_facts(facts: HeaderFacts) -> Option<Arc<Said>> {
    (facts != HeaderFacts::default()).then(|| Arc::new(Said { facts, ..Said::default() }))
}

/// What came with a fault, or stood in the way; `None` if nothing came.
#[must_use]
pub fn of_fault(fault: &Fault) -> Option<Arc<Said>> {
    let Some(answer) = &fault.answer else {
        let error = Some(fault.between.clone()?);
        return Some(Arc::new(Said { error, ..Said::default() }));
    };
    let body = beginning(&answer.body().bytes, ERROR_SHOWN);
    let error = (!body.trim().is_empty()).then_some(body);
    Some(Arc::new(Said { facts: fault.failure.facts.clone(), headers: kept(answer.headers()), error }))
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let wanted = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    wanted.map(|(name, value)| (name.as_str().to_owned(), beginning(value.as_bytes(), VALUE_SHOWN))).collect()
}

fn is_kept(name: &str) -> bool {
    const STARTS: [&str; 3] = ["x-ratelimit-", "x-rate-limit-", "retry-after"];
    const NAMES: [&str; 8] = [
        "apim-request-id",
        "content-type",
        "date",
        "openai-processing-ms",
        "x-ms-region",
        "x-ms-retry-after-ms",
        "x-request-id",
        "x-should-retry",
    ];
    STARTS.iter().any(|start| name.starts_with(start)) || NAMES.contains(&name)
}

/// The first `most` bytes as text, and a mark where more was.
fn beginning(bytes: &[u8], most: usize) -> String {
    let cut = bytes.len() > most;
    let mut text = String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)).into_owned();
    if cut {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::attempt::Told;
    use super::*;
    use crate::model::outcome::{Failure, FailureClass};
    use bytes::Bytes;
    use http::Response;

    fn fault(body: &str) -> Fault {
        let answer = Response::builder()
            .header("retry-after", "14")
            .header("x-ratelimit-remaining-tokens", "0")
            .header("set-cookie", "session=1")
            .header("openai-organization", "org-1")
            .body(Told { bytes: Bytes::from(body.to_owned()), is_whole: true });
        let failure = Failure {
            class: FailureClass::ServerError,
            status: Some(500),
            reached: true,
            facts: HeaderFacts::default(),
        };
        Fault { failure, answer: answer.ok(), between: None }
    }

    #[test]
    fn limits_and_the_error_are_kept_and_cookies_and_names_of_accounts_are_not() {
        let said = of_fault(&fault("{\"error\":{\"message\":\"slow down\"}}")).unwrap();
        let names: Vec<&str> = said.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["retry-after", "x-ratelimit-remaining-tokens"]);
        assert_eq!(said.error.as_deref(), Some("{\"error\":{\"message\":\"slow down\"}}"));
    }

    #[test]
    fn a_long_error_is_cut_and_an_empty_one_is_none() {
        let said = of_fault(&fault(&"é".repeat(5_000))).unwrap();
        assert!(said.error.as_ref().is_some_and(|error| error.len() < 2_100 && error.ends_with('…')));
        assert_eq!(of_fault(&fault("  ")).unwrap().error, None);
        assert_eq!(of_fault(&Fault::silent(FailureClass::Connect, false)), None);
    }

    #[test]
    fn a_good_answer_that_says_nothing_of_limits_keeps_nothing() {
        assert_eq!(of_facts(HeaderFacts::default()), None);
    }
}
