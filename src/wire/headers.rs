//! Headers: what an answer says about limits, what must not be passed on, and the one credential that is sent.
//!
//! Invariant: after [`strip_request`] and [`credential`] exactly one credential is in the map, and it is ours. Headers
//! nominated by `Connection` go first, so that no client can have our own removed.
//! Absent on purpose: guesses. A header that is absent, −1 or unreadable is `None`, never zero.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::span;
use crate::model::config::Service;
use crate::model::outcome::{HeaderFacts, LimitFacts, MoreFacts};

/// What an answer's head says about limits and waits. `wall_unix_ms` is now, for waits given as dates.
#[must_use]
pub fn facts(headers: &HeaderMap, wall_unix_ms: u64) -> HeaderFacts {
    let mut read = Reading::default();
    // One walk over what came is cheaper than asking for each of the twenty names there are.
    for (name, value) in headers {
        if let Some(what) = name.as_str().strip_prefix("x-ratelimit-") {
            read.limit(what, value);
        } else if name == UTILIZATION {
            read.utilization = read.utilization.or_else(|| permille(value.to_str().ok()?));
        } else if let Some(wait) = wait(name.as_str(), value, wall_unix_ms) {
            read.wait = read.wait.max(Some(wait));
        }
    }
    let known = |[own, project]: [LimitFacts; 2]| if own == LimitFacts::default() { project } else { own };
    let more = (read.more != MoreFacts::default()).then(|| Box::new(read.more));
    let (tokens, requests) = (known(read.tokens), known(read.requests));
    HeaderFacts { tokens, requests, more, utilization: read.utilization, retry_after: read.wait }
}

/// How full provisioned throughput is, as `12.3%`. Microsoft's own load test reads it; no document names it.
const UTILIZATION: &str = "azure-openai-deployment-utilization";

/// What of a limit a header tells.
#[derive(Clone, Copy)]
enum Figure {
    Limit,
    Remaining,
    Reset,
}

/// What was read so far: of each limit the account's own triple and the project's.
#[derive(Default)]
struct Reading {
    tokens: [LimitFacts; 2],
    requests: [LimitFacts; 2],
    more: MoreFacts,
    utilization: Option<u32>,
    wait: Option<Duration>,
}

impl Reading {
    /// One of `x-ratelimit-{limit,remaining,reset}-[project-]{tokens,requests}`, from its second word on; some services
    /// add the period (`tokens-minute`, `requests-day`) or tell `input-tokens` from `output-tokens`.
    fn limit(&mut self, what: &str, value: &HeaderValue) {
        let known = [("limit-", Figure::Limit), ("remaining-", Figure::Remaining), ("reset-", Figure::Reset)];
        let found = known.into_iter().find_map(|(start, figure)| Some((figure, what.strip_prefix(start)?)));
        let Some((figure, unit)) = found else { return };
        let [tokens, project_tokens] = &mut self.tokens;
        let [requests, project_requests] = &mut self.requests;
        let facts = match unit {
            "tokens" | "tokens-minute" => tokens,
            "requests" | "requests-minute" => requests,
            "project-tokens" => project_tokens,
            "project-requests" => project_requests,
            "input-tokens" => &mut self.more.input,
            "output-tokens" => &mut self.more.output,
            "tokens-day" => &mut self.more.tokens_per_day,
            "requests-day" => &mut self.more.requests_per_day,
            _ => return,
        };
        let Ok(text) = value.to_str() else { return };
        // Of one that came twice the first counts.
        match figure {
            Figure::Limit => facts.limit = facts.limit.or_else(|| amount(text)),
            Figure::Remaining => facts.remaining = facts.remaining.or_else(|| amount(text)),
            Figure::Reset => facts.reset = facts.reset.or_else(|| span::seconds(text)),
        }
    }
}

/// A wait that is asked for; of several the longest counts, since they mean "not before any of them".
/// `x-rate-limit-reset-*`, with the extra hyphen, comes from Azure in place of `Retry-After`.
fn wait(name: &str, value: &HeaderValue, wall_unix_ms: u64) -> Option<Duration> {
    match name {
        "retry-after-ms" | "x-ms-retry-after-ms" => span::millis(value.to_str().ok()?),
        "retry-after" => span::retry_after(value.to_str().ok()?, wall_unix_ms),
        "x-rate-limit-reset-tokens" | "x-rate-limit-reset-requests" => span::seconds(value.to_str().ok()?),
        _ => None,
    }
}

/// Percent with or without a fraction and the sign, rounded up to a permille.
fn permille(text: &str) -> Option<u32> {
    let text = text.trim();
    let text = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let tenths = fraction.bytes().next().map_or(0, |digit| u32::from(digit - b'0'));
    let part = u32::from(fraction.bytes().skip(1).any(|digit| digit > b'0'));
    Some(whole.parse::<u32>().ok()?.saturating_mul(10).saturating_add(tenths).saturating_add(part))
}

/// A whole number, perhaps with thousands separators or decimals; −1 and other negatives are unknown.
fn amount(text: &str) -> Option<u64> {
    let text = text.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let mut sum: Option<u64> = None;
    for byte in whole.bytes() {
        match byte {
            b'0'..=b'9' => {
                let digit = u64::from(byte - b'0');
                sum = Some(sum.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            }
            b',' | b'_' => {}
            _ => return None,
        }
    }
    sum
}

/// Whether a header concerns one connection only.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a header of a request is the client's own credential or identity, one that we set ourselves, or what a browser
/// or another proxy adds.
fn is_not_forwarded(name: &str) -> bool {
    const STARTS: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", "x-tidegate-"];
    matches!(
        name,
        "api-key"
            | "authorization"
            | "content-length"
            | "cookie"
            | "cookie2"
            | "expect"
            | "forwarded"
            | "host"
            | "ocp-apim-subscription-key"
            | "openai-organization"
            | "openai-project"
            | "origin"
            | "referer"
            | "trailer"
            | "via"
            | "x-api-key"
            | "x-auth-token"
            | "x-goog-api-key"
            | "x-real-ip"
    ) || STARTS.iter().any(|start| name.starts_with(start))
}

/// Leaves of a client's request only what may go upstream.
///
/// `accept-encoding` becomes `identity`: usage is read from the answer as it passes, and on loopback nothing is won by
/// compression. `content-length` goes too, since the body may be patched; whoever sends it sets the length.
pub fn strip_request(headers: &mut HeaderMap) {
    strip(headers, is_not_forwarded);
    // In place of the client's, however many it sent.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// Leaves of an answer's head all but what concerned the connection to the service, and anything that would pass for
/// ours (`x-tidegate-*`).
pub fn strip_response(headers: &mut HeaderMap) {
    strip(headers, |name| name.starts_with("x-tidegate-"));
}

/// Drops what concerns the connection, what `Connection` nominates, and what else is said.
fn strip(headers: &mut HeaderMap, drops: impl Fn(&str) -> bool) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    // One walk over what came is cheaper than asking for each name that is not wanted.
    let known = headers.keys().filter(|name| is_hop_by_hop(name.as_str()) || drops(name.as_str()));
    let dropped: Vec<HeaderName> = nominated.into_iter().chain(known.cloned()).collect();
    for name in dropped {
        headers.remove(name);
    }
}

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
const PROJECT: HeaderName = HeaderName::from_static("openai-project");

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
    for name in [header::AUTHORIZATION, API_KEY, X_API_KEY, ORGANIZATION, PROJECT] {
        headers.remove(name);
    }
    match service {
        Service::Simulated => return Ok(()),
        Service::Azure => {
            headers.insert(API_KEY, hidden(secret.as_bytes())?);
            return Ok(());
        }
        Service::Openai | Service::Compatible => {}
    }
    let identities = [(ORGANIZATION, organization), (PROJECT, project)];
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
