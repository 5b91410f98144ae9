//! Whatever an error answer says: it is classified without a fault, the same way twice, and the wait its head asks for is kept.

#![no_main]

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tidegate::wire::failure::classify;
use tidegate_fuzz::split_off;

const STATUSES: [u16; 16] = [400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 499, 500, 502, 503, 529];

fuzz_target!(|input: &[u8]| {
    let Some(([status, wait], body)) = split_off(input) else { return };
    let status = STATUSES[usize::from(status) % STATUSES.len()];
    let mut headers = HeaderMap::new();
    if wait > 0 {
        headers.insert("retry-after", HeaderValue::from(u16::from(wait)));
    }
    let failure = classify(status, &headers, body, 1_790_000_000_000);
    assert_eq!(failure, classify(status, &headers, body, 1_790_000_000_000));
    // A wait that the head asks for is never cut short by what the body says.
    let asked = (wait > 0).then(|| Duration::from_secs(u64::from(wait)));
    assert!(failure.facts.retry_after >= asked);
});
