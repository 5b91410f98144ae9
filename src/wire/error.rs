//! Errors of ours, in OpenAI's shape, so that every SDK reads them.
//!
//! Invariant: what we refuse says so: a 429 of ours carries `x-tidegate-429-source: local`; `Retry-After` is at most
//! 60 s, since SDKs ignore longer ones, and the true time stands in the message.
//! Absent on purpose: errors of the services; those pass unchanged, but for a word that they are not to be repeated.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::model::decision::{Refusal, RefusalReason, Scarce};
use crate::model::profile::Operation;
use crate::model::units::Timestamp;

/// Status, headers to add (content type included) and body of an answer.
pub type Reply = (StatusCode, HeaderMap, Bytes);

/// The longest wait that every SDK honours.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// As much of a model's name as is repeated to a client.
const NAME_SHOWN: usize = 80;
/// As many route names as are listed to a client.
const NAMES_LISTED: usize = 20;

/// Whether SDKs are to send a request again, which they do of themselves after every 429 and 5xx.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Whose 429 it is: `local` or `provider`. The proxy adds it to those of the services.
pub const SOURCE_OF_429: HeaderName = HeaderName::from_static("x-tidegate-429-source");

/// Has a client not repeat by itself what was repeated as often as it may be: SDKs would send it twice more, each time through all
/// our attempts. A wait that they honour stands: whoever comes back in time finds room. `wall_ms` is now, for waits given as dates.
pub fn tell_exhausted(status: StatusCode, headers: &mut HeaderMap, wall_ms: u64) {
    let repeats = matches!(status.as_u16(), 408 | 409 | 429 | 500..=599);
    let wait = super::headers::facts(headers, wall_ms).retry_after;
    let is_told = wait.is_some_and(|wait| wait <= LONGEST_WAIT);
    if repeats && !is_told {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
}

/// The answer to a request that was refused. `model` is what the client asked for, `known` are the routes' names, `owner`
/// is the account that holds the stored state the request refers to, `scarce` what there was too little of.
#[must_use]
pub fn refusal<'a>(
    refusal: &Refusal,
    now: Timestamp,
    model: &str,
    known: impl IntoIterator<Item = &'a str>,
    owner: Option<&str>,
    scarce: Scarce,
) -> Reply {
    let model = shown(model);
    let wait = refusal.retry_at.map(|at| at.since(now));
    match refusal.reason {
        RefusalReason::NoCapacityInTime => {
            let lacks = match scarce {
                Scarce::Tokens => "has enough tokens free",
                Scarce::Requests => "has room",
            };
            throttled(wait, scarce, &format!("No endpoint for model \"{model}\" {lacks} within the allowed wait"))
        }
        RefusalReason::LineFull => throttled(wait, Scarce::Requests, "Too many requests are waiting already"),
        RefusalReason::TooLargeEverywhere => client_fault(
            StatusCode::BAD_REQUEST,
            "request_too_large",
            &format!(
                "This request is larger than the whole limit of every endpoint for model \"{model}\". Send a shorter \
                 prompt or a smaller output cap."
            ),
        ),
        RefusalReason::UnknownModel => unknown_model(&model, &listed(known)),
        RefusalReason::NothingUsable => unusable(wait, &model),
        RefusalReason::AttemptsSpent => spent(wait, &model),
        RefusalReason::Stopping => unavailable(
            "Tidegate is stopping or changing its profile, so this request got no answer. Send it again once it serves.",
        ),
        RefusalReason::Cancelled => cancelled(),
        RefusalReason::StateElsewhere => client_fault(
            StatusCode::BAD_REQUEST,
            "state_in_another_account",
            &format!(
                "{}, which the route for model \"{model}\" does not use, so nothing was sent. Add one of its endpoints \
                 to the route, or start anew without the stored state.",
                lives(owner)
            ),
        ),
        RefusalReason::StateOutOfReach => out_of_reach(wait, scarce, owner),
        RefusalReason::StateLeft => client_fault(
            StatusCode::BAD_REQUEST,
            "state_left_behind",
            &format!(
                "{}, which has another address or another organization's key since, so it cannot be read there and nothing was \
                 sent. Add an account with the former address and key, or start anew without the stored state.",
                lives(owner)
            ),
        ),
        RefusalReason::AccountRests => at_rest(wait, owner),
        RefusalReason::StateTorn => client_fault(
            StatusCode::BAD_REQUEST,
            "state_in_several_accounts",
            "This request refers to stored state in more than one account, and no service can read it all, so nothing was \
             sent. Leave out what came from the other account, or start anew without the stored state.",
        ),
    }
}

/// The answer to a request that its caller's own limits leave no room for, wherever it would go.
#[must_use]
pub fn caller_short(refusal: &Refusal, now: Timestamp, scarce: Scarce) -> Reply {
    let wait = refusal.retry_at.map(|at| at.since(now));
    throttled(wait, scarce, "This caller's own limits leave no room within the allowed wait, so nothing was sent")
}

/// 404 with the names that work; 503 while there are none, since then nothing is wrong with the request.
fn unknown_model(model: &str, listed: &str) -> Reply {
    if listed.is_empty() {
        return unavailable(
            "Tidegate has no routes yet, so nothing was sent anywhere. Add an endpoint and a route in its window or its \
             configuration.",
        );
    }
    let text = format!(
        "No route answers for model \"{model}\". {listed} Ask for one of these, or add a route for it on Tidegate's Routing \
         page."
    );
    client_fault(StatusCode::NOT_FOUND, "model_not_found", &text)
}

/// 429 with the wait in every form that SDKs read.
fn throttled(wait: Option<Duration>, scarce: Scarce, what: &str) -> Reply {
    let kind = match scarce {
        Scarce::Tokens => "tokens",
        Scarce::Requests => "requests",
    };
    let (text, after, again) = match wait {
        Some(wait) if wait <= LONGEST_WAIT => (format!("{what}. Try again in {}.", Span(wait)), wait, true),
        Some(wait) => (format!("{what}. The earliest room is in {}.", Span(wait)), LONGEST_WAIT, false),
        None => (format!("{what}, and it is not known when there will be."), LONGEST_WAIT, false),
    };
    let mut reply = reply(StatusCode::TOO_MANY_REQUESTS, kind, "rate_limit_exceeded", &text, again);
    add_wait(&mut reply.1, after);
    if again {
        reply.1.insert("retry-after-ms", HeaderValue::from(whole_millis(after)));
    }
    reply.1.insert(SOURCE_OF_429, HeaderValue::from_static("local"));
    reply
}

fn unusable(wait: Option<Duration>, model: &str) -> Reply {
    let when = wait.map(|wait| format!(" One may be back in {}.", Span(wait))).unwrap_or_default();
    let text = format!(
        "No endpoint for model \"{model}\" can be used: all are paused, draining, without a working key or \
         misconfigured.{when}"
    );
    let mut reply = server_fault(StatusCode::SERVICE_UNAVAILABLE, "no_usable_endpoint", &text);
    if let Some(wait) = wait {
        add_wait(&mut reply.1, wait);
    }
    reply
}

/// Nothing says when there is room again, as it did not go for want of room; and who was let go is not to come back by itself.
fn cancelled() -> Reply {
    let text = "This request was taken out of the waiting line in Tidegate's window, so it was sent nowhere.";
    let mut reply = reply(StatusCode::SERVICE_UNAVAILABLE, "server_error", "cancelled", text, false);
    add_wait(&mut reply.1, LONGEST_WAIT);
    reply
}

/// Where the stored state is, as the start of a sentence.
fn lives(owner: Option<&str>) -> String {
    let account = owner.map_or_else(|| "another account".to_owned(), |owner| format!("account \"{}\"", shown(owner)));
    format!("The stored state that this request refers to lives in {account}")
}

/// 429 while waiting helps, else 503. Another account could not read the state, however free it is.
fn out_of_reach(wait: Option<Duration>, scarce: Scarce, owner: Option<&str>) -> Reply {
    let lives = lives(owner);
    if wait.is_some() {
        return throttled(wait, scarce, &format!("{lives}, which has no room within the allowed wait"));
    }
    let text = format!(
        "{lives}, none of whose endpoints can be used: they are paused, draining, kept out by the route's regions, without \
         a working key or misconfigured. Nothing was sent. Resume one of them, or start anew without the stored state."
    );
    server_fault(StatusCode::SERVICE_UNAVAILABLE, "state_out_of_reach", &text)
}

/// 503 with the time. Nobody else keeps what is asked for.
fn at_rest(wait: Option<Duration>, owner: Option<&str>) -> Reply {
    let account = owner.map_or_else(|| "The account".to_owned(), |owner| format!("Account \"{}\"", shown(owner)));
    let when = wait.map_or_else(|| "Try again later.".to_owned(), |wait| format!("Try again in {}.", Span(wait)));
    let text = format!(
        "{account} keeps what this request is about, or may, and is left alone for now: its service asked for that, refused its \
         key or could not be reached. Nothing was changed, and other accounts go on. {when}"
    );
    let soon = wait.is_some_and(|wait| wait <= LONGEST_WAIT);
    let mut reply = reply(StatusCode::SERVICE_UNAVAILABLE, "server_error", "account_resting", &text, soon);
    if let Some(wait) = wait {
        add_wait(&mut reply.1, wait);
    }
    reply
}

fn spent(wait: Option<Duration>, model: &str) -> Reply {
    let text = format!("Every attempt to get an answer for model \"{model}\" failed, and no more are allowed.");
    let Some(wait) = wait else { return server_fault(StatusCode::BAD_GATEWAY, "attempts_spent", &text) };
    let mut reply = server_fault(StatusCode::SERVICE_UNAVAILABLE, "attempts_spent", &text);
    add_wait(&mut reply.1, wait);
    reply
}

/// 400: the request cannot be understood. `message` is a sentence and never repeats the body.
#[must_use]
pub fn bad_request(message: &str) -> Reply {
    client_fault(StatusCode::BAD_REQUEST, "bad_request", message)
}

/// 401: a token is needed that the request has not.
#[must_use]
pub fn unauthorized(message: &str) -> Reply {
    let mut reply = client_fault(StatusCode::UNAUTHORIZED, "invalid_api_key", message);
    reply.1.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

/// 403: the request may not come in.
#[must_use]
pub fn forbidden(message: &str) -> Reply {
    client_fault(StatusCode::FORBIDDEN, "forbidden", message)
}

/// 404: no such path.
#[must_use]
pub fn not_found(message: &str) -> Reply {
    client_fault(StatusCode::NOT_FOUND, "not_found", message)
}

/// 405: the path exists, for another method. `allowed` is the one it takes.
#[must_use]
pub fn method_not_allowed(allowed: &'static str) -> Reply {
    let text = format!("This path takes {allowed} requests only.");
    let mut reply = client_fault(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &text);
    reply.1.insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// 426: the path opens a WebSocket and nothing else.
#[must_use]
pub fn upgrade_required() -> Reply {
    let text = "This path opens a WebSocket. Nothing was sent to a service; ask for an upgrade over HTTP/1.1.";
    let mut reply = client_fault(StatusCode::UPGRADE_REQUIRED, "upgrade_required", text);
    reply.1.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    reply
}

/// 508: the request has come back to us.
#[must_use]
pub fn loop_detected(message: &str) -> Reply {
    client_fault(StatusCode::LOOP_DETECTED, "loop_detected", message)
}

/// 408: the body comes too slowly.
#[must_use]
pub fn too_slow(message: &str) -> Reply {
    client_fault(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message)
}

/// 413: the body is longer than we take.
#[must_use]
pub fn too_large(message: &str) -> Reply {
    client_fault(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

/// 502: the service could not be reached or broke off before its answer began.
#[must_use]
pub fn bad_gateway(message: &str) -> Reply {
    server_fault(StatusCode::BAD_GATEWAY, "upstream_unreachable", message)
}

/// 503: we do not serve now.
#[must_use]
pub fn unavailable(message: &str) -> Reply {
    server_fault(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}

/// 503: as many connections are open as there are files for, and none ended within `waited`.
#[must_use]
pub fn crowded(waited: Duration) -> Reply {
    let when = if waited.is_zero() { "now".to_owned() } else { format!("within {}", Span(waited)) };
    let text = format!(
        "As many connections are open as this system lets Tidegate have files, and none became free for this request {when}, so \
         nothing was sent. What is open goes on. Send it again later; a higher limit of open files (ulimit -n) makes more room."
    );
    server_fault(StatusCode::SERVICE_UNAVAILABLE, "connections_full", &text)
}

/// An error as a message of a WebSocket that speaks Responses: the same as the answer's body, with its status.
#[must_use]
pub fn socket_error((status, _, body): &Reply) -> String {
    let error = serde_json::from_slice::<serde_json::Value>(body).ok();
    let error = error.and_then(|body| body.get("error").cloned());
    let error = error.unwrap_or_else(|| json!({"message": String::from_utf8_lossy(body), "type": "server_error"}));
    json!({"type": "error", "status": status.as_u16(), "error": error}).to_string()
}

/// The event that ends a stream which broke after the commit point, in the shape of its API. It starts with a blank
/// line, so that it stands alone even if the stream broke within an event. `number` is its place among events that are numbered.
#[must_use]
pub fn stream_error(operation: Operation, message: &str, number: Option<u64>) -> Bytes {
    Bytes::from(match operation {
        // The APIs whose events have a type say errors as such an event.
        Operation::Responses | Operation::Stored | Operation::Run => {
            let mut event = json!({"type": "error", "code": "stream_interrupted", "message": message, "param": null});
            if let (Some(number), Some(fields)) = (number, event.as_object_mut()) {
                fields.insert("sequence_number".to_owned(), number.into());
            }
            format!("\n\nevent: error\ndata: {event}\n\n")
        }
        Operation::Chat | Operation::Completions => {
            format!("\n\ndata: {}\n\n", envelope("server_error", "stream_interrupted", message))
        }
        _ => {
            let error =
                json!({"type": "server_error", "code": "stream_interrupted", "message": message, "param": null});
            format!("\n\nevent: error\ndata: {}\n\n", json!({"type": "error", "error": error}))
        }
    })
}

fn client_fault(status: StatusCode, code: &str, message: &str) -> Reply {
    reply(status, "invalid_request_error", code, message, false)
}

fn server_fault(status: StatusCode, code: &str, message: &str) -> Reply {
    reply(status, "server_error", code, message, false)
}

fn reply(status: StatusCode, kind: &str, code: &str, message: &str, again: bool) -> Reply {
    let mut headers = HeaderMap::with_capacity(5);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(if again { "true" } else { "false" }));
    (status, headers, Bytes::from(envelope(kind, code, message).to_string()))
}

fn envelope(kind: &str, code: &str, message: &str) -> serde_json::Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn add_wait(headers: &mut HeaderMap, wait: Duration) {
    headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait.min(LONGEST_WAIT))));
}

/// Rounded up, and at least 1: a client that comes a moment early is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Rounded up, and at least 1.
fn whole_millis(wait: Duration) -> u64 {
    let millis = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    millis.max(1)
}

/// A span as people say it: `14 s`, `6 min 5 s`, `24 h`.
struct Span(Duration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = whole_seconds(self.0);
        let (large, small, names) = match seconds {
            0..60 => return write!(f, "{seconds} s"),
            60..3_600 => (seconds / 60, seconds % 60, ("min", "s")),
            _ => (seconds / 3_600, seconds % 3_600 / 60, ("h", "min")),
        };
        write!(f, "{large} {}", names.0)?;
        if small > 0 { write!(f, " {small} {}", names.1) } else { Ok(()) }
    }
}

fn shown(name: &str) -> String {
    let mut chars = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut text: String = chars.by_ref().take(NAME_SHOWN).collect();
    if chars.next().is_some() {
        text.push('…');
    }
    text
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter().filter(|name| *name != "*");
    let list: Vec<String> = names.by_ref().take(NAMES_LISTED).map(shown).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    if list.is_empty() { String::new() } else { format!("Routes: {}{more}.", list.join(", ")) }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
