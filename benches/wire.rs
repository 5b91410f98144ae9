//! What reading costs on the way of a request: its body, an answer's head, a stream's events, and the record of it.
//!
//! `cargo bench --no-default-features --bench wire`. Allocations are counted beside the times.

#![expect(clippy::expect_used, reason = "a bench whose setup is wrong should say so")]

use std::sync::Arc;
use std::time::Duration;

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher};
use http::{HeaderMap, HeaderName, HeaderValue};
use tidegate::model::id::RequestId;
use tidegate::model::profile::{Operation, RequestProfile};
use tidegate::model::record::{RecordEnd, RequestRecord};
use tidegate::model::units::Timestamp;
use tidegate::model::{config, id, outcome, profile, record, units};
use tidegate::record::{Ring, recorder};
use tidegate::wire::headers::{facts, strip_request};
use tidegate::wire::peek::peek;
use tidegate::wire::stream::StreamReader;
use tidegate::wire::usage::of_body;

// A finished request, as the tests have it; it finds its nouns beside itself, as in the library.
#[path = "../src/model/sample.rs"]
#[expect(dead_code, reason = "one kind is enough here")]
mod sample;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A chat request of about `size` bytes in so many messages, with a quote or a line end every thirty bytes.
fn request(size: usize, messages: usize) -> String {
    let words = "The tide lifts all boats, and \\\"the harbour\\\" keeps them.\\n ";
    let each: String = words.chars().cycle().take((size / messages).saturating_sub(30)).collect();
    let message = format!("{{\"role\":\"user\",\"content\":\"{}\"}}", each.trim_end_matches('\\'));
    let messages = vec![message; messages].join(",");
    format!("{{\"model\":\"gpt-4o\",\"messages\":[{messages}],\"max_tokens\":300}}")
}

/// Everything that is read of a request's body.
#[divan::bench(args = [(1_000, 1), (100_000, 1), (100_000, 400), (1_000_000, 1), (1_000_000, 400)])]
fn peek_at_request(bencher: Bencher<'_, '_>, (size, messages): (usize, usize)) {
    let body = request(size, messages);
    bencher.counter(BytesCount::of_str(&body)).bench(|| peek(body.as_bytes(), Operation::Chat).expect("a sound body"));
}

/// The same for text without any escape.
#[divan::bench(args = [1_000, 100_000])]
fn peek_at_plain_text(bencher: Bencher<'_, '_>, size: usize) {
    let body =
        format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}", "a ".repeat(size / 2));
    bencher.counter(BytesCount::of_str(&body)).bench(|| peek(body.as_bytes(), Operation::Chat).expect("a sound body"));
}

const CHUNK: &str = "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\
    \"created\":1741569952,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" tide\"},\
    \"finish_reason\":null}]}\n\n";

/// One event of a running stream, split off and searched.
#[divan::bench]
fn stream_event(bencher: Bencher<'_, '_>) {
    let mut reader = StreamReader::new(Operation::Chat);
    bencher.bench_local(|| reader.read(divan::black_box(CHUNK.as_bytes())));
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// What an answer's head says of limits.
#[divan::bench]
fn facts_of_head(bencher: Bencher<'_, '_>) {
    let head = headers(&[
        ("content-type", "application/json"),
        ("openai-organization", "acme"),
        ("openai-processing-ms", "312"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "30000000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "29999000"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "2ms"),
        ("x-request-id", "req_0f1e2d3c4b5a69788796a5b4"),
        ("date", "Sun, 22 Nov 2026 12:00:00 GMT"),
        ("content-length", "1024"),
    ]);
    bencher.bench(|| facts(divan::black_box(&head), 1_700_000_000_000));
}

/// What of an SDK's head may not go upstream.
#[divan::bench]
fn strip_head(bencher: Bencher<'_, '_>) {
    let head = headers(&[
        ("host", "127.0.0.1:8787"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate"),
        ("user-agent", "OpenAI/Python 1.99.1"),
        ("authorization", "Bearer local"),
        ("x-stainless-lang", "python"),
        ("x-stainless-package-version", "1.99.1"),
        ("x-stainless-os", "Linux"),
        ("x-stainless-arch", "x64"),
        ("x-stainless-runtime", "CPython"),
        ("x-stainless-runtime-version", "3.12.3"),
        ("x-stainless-retry-count", "0"),
        ("content-type", "application/json"),
        ("content-length", "1024"),
    ]);
    bencher.with_inputs(|| head.clone()).bench_refs(strip_request);
}

/// The usage in a whole answer of 1 KB.
#[divan::bench]
fn usage_of_answer(bencher: Bencher<'_, '_>) {
    let text = "The tide lifts all boats. ".repeat(30);
    let body = format!(
        "{{\"id\":\"x\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}}}}],\
         \"usage\":{{\"prompt_tokens\":19,\"completion_tokens\":10,\"total_tokens\":29,\"prompt_tokens_details\":\
         {{\"cached_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}}}"
    );
    bencher.bench(|| of_body(Operation::Chat, divan::black_box(body.as_bytes())));
}

fn record(number: u64, profile: &Arc<RequestProfile>) -> RequestRecord {
    RequestRecord {
        id: RequestId(number),
        at: Timestamp::from_millis(number),
        wall_ms: number,
        profile: Arc::clone(profile),
        status: 200,
        end: RecordEnd::Refused,
        attempts: Vec::new(),
        decisions: Vec::new(),
        usage: None,
        waited: Duration::ZERO,
        first_token: None,
        total: Duration::from_millis(5),
    }
}

/// A finished request handed over, and taken into a full history.
#[divan::bench]
fn record_and_keep(bencher: Bencher<'_, '_>) {
    let (near, mut far) = recorder(64);
    let (profile, mut ring, mut number) = (Arc::new(sample::profile("bench")), Ring::new(), 0);
    (0..60_000).for_each(|number| ring.push(Arc::new(record(number, &profile))));
    bencher.bench_local(|| {
        number += 1;
        near.record(record(number, &profile));
        far.drain_into(&mut ring, |_| ())
    });
}

/// What the screen is given of a history of 50,000.
#[divan::bench]
fn view_of_full_history(bencher: Bencher<'_, '_>) {
    let (profile, mut ring) = (Arc::new(sample::profile("bench")), Ring::new());
    (0..60_000).for_each(|number| ring.push(Arc::new(record(number, &profile))));
    bencher.bench_local(|| ring.view(0));
}
