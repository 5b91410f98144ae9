//! What the services write about limits and failures: headers and error bodies, in the words of each.
//!
//! Invariant: Azure writes bare numbers and its 429s carry no remaining tokens; OpenAI writes Go durations, and its reset
//! is the time until everything is back.
//! Absent on purpose: decisions. Callers say what happened; here it is only put into words.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::config::Enforcement;
use crate::model::units::Timestamp;

use super::limiter::{Bound, Limiter};
use super::upstream::{Dialect, Rejection, RejectionKind, UpstreamSpec};
use super::window::Standing;

/// A response header: lower-case name and value.
pub type Header = (&'static str, String);

/// What Azure asks for when a request can never fit.
const NEVER: Duration = Duration::from_hours(24);

/// The rate-limit headers of an answer.
#[must_use]
pub fn standing(spec: &UpstreamSpec, limiter: &mut Limiter, now: Timestamp) -> Vec<Header> {
    let mut headers = Vec::new();
    if spec.enforcement == Enforcement::Utilization {
        headers.extend(limiter.tokens(now).map(|tokens| ("azure-openai-deployment-utilization", utilization(tokens))));
        return headers;
    }
    let requests = requests_said(spec, limiter, now);
    if let Some(requests) = requests {
        headers.extend(triple(spec.dialect, REQUESTS, requests));
    }
    if let Some(tokens) = tokens_said(spec, limiter, now) {
        headers.extend(triple(spec.dialect, TOKENS, tokens));
    }
    for (names, bound) in [(INPUT, Bound::InputTokens), (OUTPUT, Bound::OutputTokens)] {
        headers.extend(limiter.more(now, bound).into_iter().flat_map(|said| triple(spec.dialect, names, said)));
    }
    headers
}

/// The names of limit, remaining and reset.
type Names = [&'static str; 3];

const TOKENS: Names = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
const REQUESTS: Names = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const INPUT: Names =
    ["x-ratelimit-limit-input-tokens", "x-ratelimit-remaining-input-tokens", "x-ratelimit-reset-input-tokens"];
const OUTPUT: Names =
    ["x-ratelimit-limit-output-tokens", "x-ratelimit-remaining-output-tokens", "x-ratelimit-reset-output-tokens"];

fn triple(dialect: Dialect, [limit, remaining, resets]: Names, said: Standing) -> [Header; 3] {
    [(limit, said.limit.to_string()), (remaining, said.remaining.to_string()), (resets, reset(dialect, said.reset))]
}

/// The pair of token headers: those of the minute or, at OpenAI, of the day, whichever binds.
fn tokens_said(spec: &UpstreamSpec, limiter: &mut Limiter, now: Timestamp) -> Option<Standing> {
    let minute = limiter.tokens(now);
    let day = limiter.more(now, Bound::TokensPerDay).filter(|_| !spec.dialect.is_azure());
    [minute, day].into_iter().flatten().min_by_key(|said| said.remaining)
}

/// The pair of request headers: Azure's of its slice, OpenAI's of the minute or of the day, whichever binds.
pub(super) fn requests_said(spec: &UpstreamSpec, limiter: &mut Limiter, now: Timestamp) -> Option<Standing> {
    if spec.dialect.is_azure() {
        return limiter.requests_in_slice(now);
    }
    let both = [limiter.requests(now), limiter.more(now, Bound::RequestsPerDay)];
    both.into_iter().flatten().min_by_key(|said| said.remaining)
}

fn reset(dialect: Dialect, span: Duration) -> String {
    if dialect.is_azure() { whole_seconds(span).to_string() } else { go_duration(span) }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

fn utilization(tokens: Standing) -> String {
    let used = tokens.limit.saturating_sub(tokens.remaining);
    let tenths = u128::from(used) * 1_000 / u128::from(tokens.limit.max(1));
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// A duration as Go prints it, in whole milliseconds: `20ms`, `2.572s`, `6m0s`, `1h2m3s`.
#[must_use]
pub fn go_duration(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    if seconds == 0 && millis > 0 {
        return format!("{millis}ms");
    }
    let fraction = match millis {
        0 => String::new(),
        _ => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}{fraction}s"),
        (0, _) => format!("{minutes}m{rest}{fraction}s"),
        _ => format!("{hours}h{minutes}m{rest}{fraction}s"),
    }
}

fn wait_headers(wait: Duration) -> Vec<Header> {
    let millis = wait.as_micros().div_ceil(1_000);
    vec![("retry-after-ms", millis.to_string()), ("retry-after", whole_seconds(wait).max(1).to_string())]
}

/// 429: a limit is full.
#[must_use]
pub fn full(spec: &UpstreamSpec, bound: Bound, wait: Duration, charge: u64, requests: Option<Standing>) -> Rejection {
    let mut headers = wait_headers(wait);
    if let Some(requests) = requests.filter(|_| spec.enforcement != Enforcement::Utilization) {
        headers.extend(triple(spec.dialect, REQUESTS, requests));
    }
    let body = if spec.dialect.is_azure() {
        azure_throttle(spec, bound, Some(wait))
    } else {
        openai_throttle(spec, bound, wait, charge)
    };
    rejection(RejectionKind::Throttled, 429, headers, &body)
}

/// 429 although there was room, as the dial asks. A wait of zero names none, as services do when they are short of
/// machines.
#[must_use]
pub fn throttled_by_dial(spec: &UpstreamSpec, wait: Duration) -> Rejection {
    if wait > Duration::ZERO {
        return full(spec, Bound::Tokens, wait, 0, None);
    }
    let message = "That model is currently experiencing high demand and is temporarily unable to serve your request.";
    let body = if spec.dialect.is_azure() {
        azure("429", message)
    } else {
        openai(message, "requests", Some("rate_limit_exceeded"))
    };
    rejection(RejectionKind::Throttled, 429, Vec::new(), &body)
}

/// 429: this request is larger than the limit.
#[must_use]
pub fn too_large(spec: &UpstreamSpec, limit: u64, charge: u64) -> Rejection {
    if spec.dialect.is_azure() {
        let headers = vec![("retry-after", NEVER.as_secs().to_string())];
        return rejection(RejectionKind::Throttled, 429, headers, &azure_throttle(spec, Bound::Tokens, Some(NEVER)));
    }
    let message = format!(
        "Request too large for {} on tokens per min (TPM): Limit {limit}, Requested {charge}. The input or output tokens must be reduced in order to run successfully.",
        spec.model
    );
    let body = openai(&message, "tokens", Some("rate_limit_exceeded"));
    rejection(RejectionKind::Throttled, 429, Vec::new(), &body)
}

/// 500.
#[must_use]
pub fn broken(dialect: Dialect) -> Rejection {
    let body = if dialect.is_azure() {
        azure(
            "InternalServerError",
            "The service is temporarily unable to process your request. Please try again later.",
        )
    } else {
        openai("The server had an error while processing your request. Sorry about that!", "server_error", None)
    };
    rejection(RejectionKind::Failed, 500, Vec::new(), &body)
}

/// 401: the key is not the expected one.
#[must_use]
pub fn wrong_key(dialect: Dialect) -> Rejection {
    let body = if dialect.is_azure() {
        let message = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.";
        azure("401", message)
    } else {
        openai("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key"))
    };
    rejection(RejectionKind::WrongKey, 401, Vec::new(), &body)
}

/// 404: no such model or deployment here.
#[must_use]
pub fn unknown_model(dialect: Dialect, model: &str) -> Rejection {
    let body = if dialect.is_azure() {
        azure(
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.",
        )
    } else {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        openai(&message, "invalid_request_error", Some("model_not_found"))
    };
    rejection(RejectionKind::Unanswerable, 404, Vec::new(), &body)
}

/// 404: no such path.
#[must_use]
pub fn unknown_path(dialect: Dialect) -> Rejection {
    let body = if dialect.is_azure() {
        azure("404", "Resource not found")
    } else {
        openai("Invalid URL. This path is not part of the API.", "invalid_request_error", Some("unknown_url"))
    };
    rejection(RejectionKind::Unanswerable, 404, Vec::new(), &body)
}

/// 400: the body cannot be answered.
#[must_use]
pub fn bad_request(dialect: Dialect, message: &str) -> Rejection {
    let body =
        if dialect.is_azure() { azure("BadRequest", message) } else { openai(message, "invalid_request_error", None) };
    rejection(RejectionKind::Unanswerable, 400, Vec::new(), &body)
}

/// 400: the request builds on a response that this account does not have. Both services say it alike.
#[must_use]
pub fn unknown_response(id: &str) -> Rejection {
    let message = format!("Previous response with id '{id}' not found.");
    let mut body = openai(&message, "invalid_request_error", Some("previous_response_not_found"));
    if let Some(param) = body.pointer_mut("/error/param") {
        *param = json!("previous_response_id");
    }
    rejection(RejectionKind::Unanswerable, 400, Vec::new(), &body)
}

/// 400: reasoning that another account sealed. Both services say it alike.
#[must_use]
pub fn foreign_seal() -> Rejection {
    let message =
        "The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed.";
    let body = openai(message, "invalid_request_error", Some("invalid_encrypted_content"));
    rejection(RejectionKind::Unanswerable, 400, Vec::new(), &body)
}

fn rejection(kind: RejectionKind, status: u16, headers: Vec<Header>, body: &Value) -> Rejection {
    Rejection { kind, status, headers, body: body.to_string() }
}

fn azure_throttle(spec: &UpstreamSpec, bound: Bound, wait: Option<Duration>) -> Value {
    let seconds = whole_seconds(wait.unwrap_or_default()).max(1);
    let message = match bound {
        Bound::Tokens | Bound::InputTokens | Bound::OutputTokens | Bound::TokensPerDay => format!(
            "Requests to the API have exceeded the token rate limit of your current pricing tier for deployment {}. Please retry after {seconds} seconds.",
            spec.deployment
        ),
        Bound::Requests | Bound::RequestsPerDay => format!(
            "Requests to the API have exceeded the call rate limit of your current pricing tier for deployment {}. Please retry after {seconds} seconds.",
            spec.deployment
        ),
        Bound::Utilization => format!(
            "The provisioned throughput of deployment {} is fully utilized. Please retry after {seconds} seconds.",
            spec.deployment
        ),
    };
    azure("429", &message)
}

fn openai_throttle(spec: &UpstreamSpec, bound: Bound, wait: Duration, charge: u64) -> Value {
    let (kind, unit, limit) = match bound {
        Bound::Requests => ("requests", "requests per min (RPM)", spec.requests_per_minute),
        Bound::RequestsPerDay => ("requests", "requests per day (RPD)", spec.more_limits.requests_per_day),
        Bound::TokensPerDay => ("tokens", "tokens per day (TPD)", spec.more_limits.tokens_per_day),
        Bound::InputTokens => ("tokens", "input tokens per min", spec.more_limits.input_tokens_per_minute),
        Bound::OutputTokens => ("tokens", "output tokens per min", spec.more_limits.output_tokens_per_minute),
        Bound::Tokens | Bound::Utilization => ("tokens", "tokens per min (TPM)", spec.tokens_per_minute),
    };
    let message = format!(
        "Rate limit reached for {} on {unit}: Limit {}, Requested {}. Please try again in {}.",
        spec.model,
        limit.unwrap_or(0),
        if matches!(bound, Bound::Requests | Bound::RequestsPerDay) { 1 } else { charge },
        go_duration(wait),
    );
    openai(&message, kind, Some("rate_limit_exceeded"))
}

fn azure(code: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

fn openai(message: &str, kind: &str, code: Option<&str>) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (millis, text) in [
            (0, "0s"),
            (20, "20ms"),
            (66, "66ms"),
            (1_000, "1s"),
            (2_572, "2.572s"),
            (8_640, "8.64s"),
            (360_000, "6m0s"),
            (3_723_000, "1h2m3s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(millis)), text);
        }
    }
}
