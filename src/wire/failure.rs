//! What kind of failure an error answer is: by its code, else by its words, else by its status.
//!
//! Invariant: one answer gives one class, whether it came as a status or inside a stream; no text of the answer is kept.
//! Absent on purpose: reactions. How long to rest and whom to try next is `policy`'s.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderMap;
use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{headers, object, span};
use crate::model::outcome::{Failure, FailureClass, HeaderFacts, ThrottleKind};
use crate::model::profile::Operation;

/// How much of an error body is read.
const READ: usize = 16 * 1024;

/// Classifies an answer with an error status. `body_start` is what of the body is at hand; 16 KiB of it are read, and it
/// may be cut off. `wall_unix_ms` is now, for waits given as dates.
#[must_use]
pub fn classify(status: u16, headers: &HeaderMap, body_start: &[u8], wall_unix_ms: u64) -> Failure {
    let body = body_start.get(..READ).unwrap_or(body_start);
    let said = Said::in_body(body);
    let facts = headers::facts(headers, wall_unix_ms);
    let policy = headers.get("policy-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    build(status, &said, facts, policy)
}

/// What may tell of a failure inside a 200.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
}

/// Classifies an error event inside a stream; the stream's own status was 200.
pub(super) fn of_event(data: &[u8]) -> Failure {
    let told = object::fields::<Told<'_>>(data).unwrap_or_default();
    let within = told.response.and_then(|response| object::fields::<Told<'_>>(response.get().as_bytes())?.error);
    // A response repeats what was asked, which may be long and have words of its own.
    let said = match within.or(told.error) {
        Some(error) => Said::in_body(error.get().as_bytes()),
        None if told.response.is_some() => Said::default(),
        None => Said::in_body(data.get(..READ).unwrap_or(data)),
    };
    build(200, &said, HeaderFacts::default(), "")
}

/// Classifies a whole answer with status 200 that says that it failed; `None`: it does not. What is kept at a service may tell of a
/// failure of its own, and is a good answer.
#[must_use]
pub fn in_document(operation: Operation, document: &[u8]) -> Option<Failure> {
    if matches!(operation, Operation::Stored | Operation::Run) || !may_tell(document) {
        return None;
    }
    let told = object::fields::<Told<'_>>(document)?;
    let error = told.error.filter(|error| matches!(error.get().as_bytes(), [b'{' | b'"', _, _, ..]));
    let has_failed = operation == Operation::Responses && told.status.as_deref() == Some("failed");
    let said = error.map(|error| Said::in_body(error.get().as_bytes()));
    let said = said.or_else(|| has_failed.then(Said::default))?;
    Some(build(200, &said, HeaderFacts::default(), ""))
}

/// Whether it is worth reading: most answers have none of these words, or `"error":null`. Generated text cannot look like them: its
/// quotes are escaped.
fn may_tell(document: &[u8]) -> bool {
    const ERROR: &[u8] = b"\"error\"";
    let says = |at: usize| {
        let behind = document.get(at.saturating_add(ERROR.len())..).unwrap_or_default().trim_ascii_start();
        behind.strip_prefix(b":").is_some_and(|value| !value.trim_ascii_start().starts_with(b"null"))
    };
    memmem::find_iter(document, ERROR).any(says) || memmem::find(document, b"\"failed\"").is_some()
}

fn build(status: u16, said: &Said, mut facts: HeaderFacts, policy: &str) -> Failure {
    let class = class(status, said, &facts, policy);
    if facts.retry_after.is_none() && matches!(class, FailureClass::Throttled(_) | FailureClass::Overloaded) {
        facts.retry_after = wait_in(&said.message);
    }
    Failure { class, status: Some(status), reached: true, facts }
}

/// The words of an error, in lower case.
#[derive(Debug, Default)]
struct Said {
    code: String,
    kind: String,
    message: String,
}

impl Said {
    /// Reads `{"error":{code,type,message}}` and its cousins: no envelope, a bare string, Azure's gateway
    /// (`statusCode`), a list of one, a Responses event. A body that is no JSON, or cut off, is all message.
    fn in_body(body: &[u8]) -> Self {
        let Ok(whole) = serde_json::from_slice::<Value>(body) else {
            return Self { message: String::from_utf8_lossy(body).to_lowercase(), ..Self::default() };
        };
        let whole = whole.as_array().and_then(|list| list.first()).unwrap_or(&whole);
        let inner = [whole.pointer("/response/error"), whole.get("error")];
        let error = inner.into_iter().flatten().find(|error| !error.is_null()).unwrap_or(whole);
        let word = |keys: &[&str]| keys.iter().find_map(|key| text(error.get(key)?)).unwrap_or_default();
        Self {
            code: word(&["code", "statusCode", "status"]),
            kind: word(&["type"]),
            message: text(error).unwrap_or_else(|| word(&["message", "detail"])),
        }
    }

    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.message.contains(word))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_lowercase()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn class(status: u16, said: &Said, facts: &HeaderFacts, policy: &str) -> FailureClass {
    let throttled = || FailureClass::Throttled(throttle(said, facts, policy));
    match said.code.as_str() {
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "billing_hard_limit_reached"
        | "billing_not_active" => FailureClass::Throttled(ThrottleKind::OutOfCredit),
        "project_spend_limit_exceeded" => FailureClass::Throttled(ThrottleKind::ProjectLimit),
        "slow_down" => FailureClass::Throttled(ThrottleKind::Growth),
        "server_is_overloaded" | "overloaded_error" | "engine_overloaded" => FailureClass::Overloaded,
        "rate_limit_exceeded" | "ratelimitreached" | "ratelimitexceeded" | "too_many_requests" | "toomanyrequests" => {
            throttled()
        }
        "429" if matches!(status, 200 | 429) => throttled(),
        "deploymentnotfound" | "model_not_found" => FailureClass::NotFound,
        "invalid_api_key" => FailureClass::KeyRejected,
        // A batch job's own limit says nothing of the live one.
        "content_filter"
        | "context_length_exceeded"
        | "token_limit_exceeded"
        | "invalid_encrypted_content"
        | "previous_response_not_found" => FailureClass::ClientFault,
        _ => by_status(status, said, throttled),
    }
}

fn by_status(status: u16, said: &Said, throttled: impl FnOnce() -> FailureClass) -> FailureClass {
    match status {
        429 => throttled(),
        401 => FailureClass::KeyRejected,
        402 => FailureClass::Throttled(ThrottleKind::OutOfCredit),
        403 => FailureClass::Blocked,
        404 if names_the_model(said) => FailureClass::NotFound,
        408 | 409 | 425 => FailureClass::Transient,
        503 | 529 => FailureClass::Overloaded,
        // Inside a stream: nothing but words to go by.
        200 if said.kind == "invalid_request_error" => FailureClass::ClientFault,
        200 if said.has(&["rate limit"]) => throttled(),
        200 if said.has(&["overloaded"]) => FailureClass::Overloaded,
        200 | 500..=599 => FailureClass::ServerError,
        _ => FailureClass::ClientFault,
    }
}

fn names_the_model(said: &Said) -> bool {
    said.has(&["does not exist", "not found"]) && said.has(&["model", "deployment"])
}

/// Which limit a 429 is about. The more specific words are asked for first: a message that names a daily token limit is
/// about the day, one that says the request is too large is about the request.
fn throttle(said: &Said, facts: &HeaderFacts, policy: &str) -> ThrottleKind {
    // Whose tokens they are: several deployments' or keys'.
    const SHARED: [&str; 4] = ["subscription", "data zone", "shared quota", "across all"];
    const WORDS: [(ThrottleKind, &[&str]); 8] = [
        (ThrottleKind::TooLarge, &["request too large"]),
        (
            ThrottleKind::OutOfCredit,
            &[
                "exceeded your current quota",
                "billing details",
                "billing hard limit",
                "credit balance",
                "spend limit",
                "insufficient_quota",
            ],
        ),
        (ThrottleKind::Daily, &["per day", "(rpd)", "(tpd)", "daily"]),
        (ThrottleKind::Utilization, &["utilization", "utilized", "provisioned"]),
        (ThrottleKind::Growth, &["slow down", "increased too quickly", "increase your request rate gradually"]),
        (
            ThrottleKind::SharedCapacity,
            &["high demand", "temporarily unable", "peak load", "overloaded", "no capacity", "at capacity"],
        ),
        (ThrottleKind::Tokens, &["token rate limit", "tokens per min", "(tpm)", "tokens per minute"]),
        (
            ThrottleKind::Requests,
            &["call rate limit", "request rate limit", "requests per min", "(rpm)", "requests per minute"],
        ),
    ];
    if said.kind == "insufficient_quota" {
        return ThrottleKind::OutOfCredit;
    }
    // A limit of a rate is said to be one, and then offers to be raised for money.
    let is_rate = said.code == "rate_limit_exceeded" || matches!(said.kind.as_str(), "tokens" | "requests");
    let mut known = WORDS.iter().filter(|(kind, _)| !(is_rate && *kind == ThrottleKind::OutOfCredit));
    if let Some((kind, _)) = known.find(|(_, words)| said.has(words)) {
        let is_shared = *kind == ThrottleKind::Tokens && said.has(&SHARED);
        return if is_shared { ThrottleKind::Pool } else { *kind };
    }
    let (tokens_gone, requests_gone) = (facts.tokens.remaining == Some(0), facts.requests.remaining == Some(0));
    match (said.kind.as_str(), policy) {
        ("tokens", _) | (_, "DeploymentRatelimit-Token") => ThrottleKind::Tokens,
        ("requests", _) | (_, "DeploymentRatelimit-Call") => ThrottleKind::Requests,
        _ if tokens_gone && !requests_gone => ThrottleKind::Tokens,
        _ if requests_gone && !tokens_gone => ThrottleKind::Requests,
        _ => ThrottleKind::Unknown,
    }
}

/// The wait named in a message (in lower case): `retry after 14 seconds`, `try again in 6m0s`.
fn wait_in(message: &str) -> Option<Duration> {
    let starts = ["retry after ", "try again in ", "try again after ", "retry in "];
    let rest = starts.iter().find_map(|start| message.split_once(start).map(|(_, rest)| rest))?;
    let mut words = rest.split_whitespace();
    let number = words.next()?.trim_end_matches(['.', ',', ')']);
    let unit = words.next().unwrap_or_default().trim_end_matches(['.', ',', ')']);
    match unit {
        "milliseconds" | "millisecond" | "ms" => span::millis(number),
        "minutes" | "minute" => span::seconds(&format!("{number}m")),
        "hours" | "hour" => span::seconds(&format!("{number}h")),
        _ => span::seconds(number),
    }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
