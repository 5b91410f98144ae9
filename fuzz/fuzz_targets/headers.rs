//! Whatever an answer's head says: limits and waits are read without a fault, and nothing that `Connection` names is passed on.

#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tidegate::wire::headers::{facts, strip_request, strip_response};

const NAMES: [&str; 16] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-rate-limit-reset-tokens",
    "x-rate-limit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-project-tokens",
    "x-ratelimit-remaining-project-tokens",
    "x-ratelimit-reset-project-tokens",
    "connection",
    "x-other",
];

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n').take(64) {
        let [name, value @ ..] = line else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]), value);
    }
    let now = 1_790_000_000_000;
    let read = facts(&headers, now);
    assert_eq!(read, facts(&headers, now));
    // Only what was sent can be asked for.
    assert!(read.retry_after.is_none() || NAMES[..5].iter().any(|name| headers.contains_key(*name)));
    let nominated = headers.contains_key("connection");
    let mut passed_on = headers.clone();
    strip_request(&mut passed_on);
    strip_response(&mut headers);
    assert!(!nominated || !(passed_on.contains_key("connection") || headers.contains_key("connection")));
});
