//! Headers: what an answer says about limits, what must not be passed on, and the one credential that is sent.
//!
//! Invariant: after [`strip_request`] and [`credential`] exactly one credential is in the map, and it is ours. Headers
//! nominated by `Connection` go first, so that no client can have our own removed.
//! Absent on purpose: guesses. A header that is absent, −1 or unreadable is `None`, never zero.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::span;
use crate::model::config::Service;
use crate::model::outcome::{HeaderFacts, LimitFacts};

/// What an answer's head says about limits and waits. `wall_unix_ms` is now, for waits given as dates.
#[must_use]
pub fn facts(headers: &HeaderMap, wall_unix_ms: u64) -> HeaderFacts {
    HeaderFacts {
        tokens: first_known(headers, &TOKENS),
        requests: first_known(headers, &REQUESTS),
        retry_after: longest_wait(headers, wall_unix_ms),
    }
}

/// The names of one triple: limit, remaining, reset.
type Triple = [&'static str; 3];

const TOKENS: [Triple; 2] = [
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
    ["x-ratelimit-limit-project-tokens", "x-ratelimit-remaining-project-tokens", "x-ratelimit-reset-project-tokens"],
];

const REQUESTS: [Triple; 2] = [
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    [
        "x-ratelimit-limit-project-requests",
        "x-ratelimit-remaining-project-requests",
        "x-ratelimit-reset-project-requests",
    ],
];

/// The first triple of which the answer tells anything.
fn first_known(headers: &HeaderMap, triples: &[Triple]) -> LimitFacts {
    let mut known = triples.iter().map(|triple| limit_facts(headers, triple));
    known.find(|facts| *facts != LimitFacts::default()).unwrap_or_default()
}

fn limit_facts(headers: &HeaderMap, [limit, remaining, reset]: &Triple) -> LimitFacts {
    LimitFacts {
        limit: text(headers, limit).and_then(amount),
        remaining: text(headers, remaining).and_then(amount),
        reset: text(headers, reset).and_then(span::seconds),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A whole number, perhaps with thousands separators or decimals; −1 and other negatives are unknown.
fn amount(text: &str) -> Option<u64> {
    let text = text.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let digits: String = whole.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The longest of all waits asked for, since answers that carry several mean "not before any of them".
/// `x-rate-limit-reset-*`, with the extra hyphen, comes from Azure in place of `Retry-After`.
fn longest_wait(headers: &HeaderMap, wall_unix_ms: u64) -> Option<Duration> {
    let each = |name: &'static str| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let millis = each("retry-after-ms").chain(each("x-ms-retry-after-ms")).filter_map(span::millis);
    let seconds = each("retry-after").filter_map(|text| span::retry_after(text, wall_unix_ms));
    let resets = each("x-rate-limit-reset-tokens").chain(each("x-rate-limit-reset-requests"));
    millis.chain(seconds).chain(resets.filter_map(span::seconds)).max()
}

/// Headers that concern one connection only.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The client's own credentials and identity, what we set ourselves, and what a browser or another proxy adds.
const NOT_FORWARDED: [&str; 19] = [
    "accept-encoding",
    "api-key",
    "authorization",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "ocp-apim-subscription-key",
    "openai-organization",
    "openai-project",
    "origin",
    "referer",
    "via",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
    "x-real-ip",
];

const NOT_FORWARDED_STARTS: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", "x-tidegate-"];

/// Leaves of a client's request only what may go upstream.
///
/// `accept-encoding` becomes `identity`: usage is read from the answer as it passes, and on loopback nothing is won by
/// compression. `content-length` goes too, since the body may be patched; whoever sends it sets the length.
pub fn strip_request(headers: &mut HeaderMap) {
    strip_connection(headers);
    for name in NOT_FORWARDED {
        headers.remove(name);
    }
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| NOT_FORWARDED_STARTS.iter().any(|start| name.as_str().starts_with(start)))
        .cloned()
        .collect();
    for name in dropped {
        headers.remove(name);
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// Leaves of an answer's head all but what concerned the connection to the service, and anything that would pass for
/// ours (`x-tidegate-*`).
pub fn strip_response(headers: &mut HeaderMap) {
    strip_connection(headers);
    let ours: Vec<HeaderName> = headers.keys().filter(|n| n.as_str().starts_with("x-tidegate-")).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

fn strip_connection(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in nominated {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The key cannot stand in a header: it is empty or holds control or non-ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key holds characters that cannot be sent; paste it again without line breaks")]
pub struct BadCredential;

/// Puts in the account's credential, marked so that it is never printed, in place of any other; for OpenAI also the
/// account's organization and project. Simulated accounts get none. On error the map holds no credential.
///
/// # Errors
/// [`BadCredential`] if the key, organization or project cannot stand in a header.
pub fn credential(
    headers: &mut HeaderMap,
    service: Service,
    secret: &str,
    organization: Option<&str>,
    project: Option<&str>,
) -> Result<(), BadCredential> {
    for name in ["authorization", "api-key", "x-api-key", "openai-organization", "openai-project"] {
        headers.remove(name);
    }
    match service {
        Service::Simulated => return Ok(()),
        Service::Azure => {
            headers.insert("api-key", hidden(secret.as_bytes())?);
            return Ok(());
        }
        Service::Openai | Service::Compatible => {}
    }
    let identities = [("openai-organization", organization), ("openai-project", project)];
    let identities = identities.map(|(name, value)| (name, value.map(|value| hidden(value.as_bytes()))));
    let mut bearer = zeroize::Zeroizing::new(Vec::with_capacity(secret.len().saturating_add(7)));
    bearer.extend_from_slice(b"Bearer ");
    bearer.extend_from_slice(secret.as_bytes());
    let bearer = if secret.is_empty() { return Err(BadCredential) } else { hidden(&bearer)? };
    for (name, value) in identities {
        if let Some(value) = value {
            headers.insert(name, value?);
        }
    }
    headers.insert(header::AUTHORIZATION, bearer);
    Ok(())
}

fn hidden(text: &[u8]) -> Result<HeaderValue, BadCredential> {
    if text.is_empty() || !text.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
        return Err(BadCredential);
    }
    let mut value = HeaderValue::from_bytes(text).map_err(|_| BadCredential)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
