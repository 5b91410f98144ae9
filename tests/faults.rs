//! Upstreams that die, reset and stall under fifty running requests: before the commit point another endpoint answers,
//! after it the stream ends with a clear error, and nothing stays reserved.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;
mod upstream;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use served::{Served, serve, settled};
use tidegate::fake::Fake;
use tidegate::model::config::Service;
use tidegate::model::id::{AccountId, EndpointId};
use tidegate::model::scenario::Dials;
use tidegate::model::secret::Secret;
use tidegate::sim::upstream::UpstreamSpec;
use tidegate::wire::headers::credential;
use upstream::spec;

const KEY_A: &str = "canary-3f1c9a77-first";
const KEY_B: &str = "canary-3f1c9a77-second";
const REQUESTS: usize = 50;

fn slow(id: &str, first_token_ms: u64, tokens_per_second: u64) -> UpstreamSpec {
    UpstreamSpec { first_token: Duration::from_millis(first_token_ms), tokens_per_second, ..spec(id) }
}

/// A preferred endpoint that is about to fail, and one below it that works.
async fn pair() -> (Fake, Fake, Served) {
    let first = upstream::start("a", Some(KEY_A), slow("first", 250, 20)).await;
    let second = upstream::start("b", Some(KEY_B), slow("second", 20, 400)).await;
    let config = format!(
        r#"
[[account]]
id = "a"
service = "compatible"
base_url = "{}"
credential = {{ env = "FIRST_KEY" }}
[[account]]
id = "b"
service = "compatible"
base_url = "{}"
credential = {{ env = "SECOND_KEY" }}
[[endpoint]]
id = "first"
account = "a"
model = "m"
[[endpoint]]
id = "second"
account = "b"
model = "m"
[[route]]
model = "m"
[[route.group]]
endpoints = ["first"]
[[route.group]]
endpoints = ["second"]
[retry]
budget_percent = 100
[queue]
max_wait_seconds = 3
[timeouts]
stream_idle_seconds = 2
answer_seconds = 2
"#,
        first.base_url(&AccountId::from("a")),
        second.base_url(&AccountId::from("b")),
    );
    let served = serve(&config, &[("FIRST_KEY", KEY_A), ("SECOND_KEY", KEY_B)]);
    (first, second, served)
}

/// How a streamed answer ended, as its client saw it.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    ErrorEvent,
    Broken(String),
}

/// Reads a stream to its end; `started` counts streams whose first bytes have come.
async fn stream(served: &Served, started: &AtomicUsize) -> (Option<String>, End) {
    let mut answer = match served.chat("m", true).send().await {
        Ok(answer) => answer,
        Err(error) => return (None, End::Broken(error.to_string())),
    };
    let endpoint = answer.headers().get("x-tidegate-endpoint").and_then(|name| name.to_str().ok()).map(str::to_owned);
    let mut text = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => {
                if text.is_empty() {
                    started.fetch_add(1, Ordering::SeqCst);
                }
                text.extend_from_slice(&bytes);
            }
            Ok(None) => break,
            Err(error) => return (endpoint, End::Broken(error.to_string())),
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let end = if text.trim_end().ends_with("data: [DONE]") {
        End::Whole
    } else if text.contains("\"error\"") {
        End::ErrorEvent
    } else {
        End::Broken(text)
    };
    (endpoint, end)
}

#[tokio::test]
async fn a_killed_upstream_costs_only_the_streams_that_had_begun() {
    let (first, _second, served) = pair().await;
    let started = AtomicUsize::new(0);
    let streams = (0..REQUESTS).map(|_| stream(&served, &started));
    let all = futures_join(streams);
    let kill = async {
        while started.load(Ordering::SeqCst) < REQUESTS / 3 {
            tokio::task::yield_now().await;
        }
        first.kill();
    };
    let (ends, ()) = tokio::join!(all, kill);
    let count = |wanted: &End| ends.iter().filter(|(_, end)| end == wanted).count();
    assert_eq!(count(&End::Whole) + count(&End::ErrorEvent), REQUESTS, "{ends:?}");
    assert!(count(&End::Whole) > 0 && count(&End::ErrorEvent) > 0, "{ends:?}");
    for (endpoint, end) in &ends {
        let expected = if *end == End::Whole { "second" } else { "first" };
        assert_eq!(endpoint.as_deref(), Some(expected));
    }
    served.until(settled).await;
}

#[tokio::test]
async fn connections_that_are_reset_are_answered_by_the_other_endpoint() {
    let (first, _second, served) = pair().await;
    first.set_dials(&EndpointId::from("first"), Dials { reset_percent: 100, ..Dials::default() });
    everyone_is_answered_by_the_second(&served).await;
}

#[tokio::test]
async fn an_upstream_that_falls_silent_is_left_for_the_other_endpoint() {
    let (first, _second, served) = pair().await;
    first.set_dials(&EndpointId::from("first"), Dials { stall_percent: 100, ..Dials::default() });
    everyone_is_answered_by_the_second(&served).await;
}

async fn everyone_is_answered_by_the_second(served: &Served) {
    let started = AtomicUsize::new(0);
    let ends = futures_join((0..REQUESTS).map(|_| stream(served, &started))).await;
    for end in &ends {
        assert_eq!(end, &(Some("second".to_owned()), End::Whole));
    }
    served.until(settled).await;
}

#[tokio::test]
async fn a_key_appears_in_nothing_that_is_written_or_answered() {
    let (first, second, mut served) = pair().await;
    let mut answers = String::new();
    for (dials, stream) in [
        (Dials::default(), false),
        (Dials::default(), true),
        (Dials { reject_key: true, ..Dials::default() }, false),
        (Dials { error_percent: 100, ..Dials::default() }, true),
        (Dials { throttle_percent: 100, ..Dials::default() }, false),
        (Dials { cut_after_tokens: Some(2), ..Dials::default() }, true),
        (Dials { reset_percent: 100, ..Dials::default() }, false),
    ] {
        first.set_dials(&EndpointId::from("first"), dials);
        second.set_dials(&EndpointId::from("second"), dials);
        let request =
            served.chat("m", stream).bearer_auth("a-clients-own-word").header("api-key", "a-clients-own-word");
        let request = request.header("cookie", "session=a-clients-own-word");
        let answer = request.send().await.expect("an answer");
        answers.extend(answer.headers().iter().map(|(name, value)| format!("{name}: {value:?}\n")));
        answers.push_str(&answer.text().await.expect("a body"));
    }
    let malformed =
        served.client.post(served.url("chat/completions")).body("{\"model\": \"m").send().await.expect("an answer");
    answers.push_str(&malformed.text().await.expect("a body"));
    answers.push_str(&served.status().await.to_string());
    for (fake, id) in [(&first, "first"), (&second, "second")] {
        let seen = fake.counters(&EndpointId::from(id));
        assert!(seen.arrived > 0);
        assert_eq!(seen.credential_names.into_iter().collect::<Vec<_>>(), ["authorization"], "ours and no other");
    }
    assert_eq!(served.terminate(), Some(0));
    let written = served.everything_written();
    assert!(written.contains("attempt failed"), "the log is on, else this test sees nothing");
    for canary in ["canary-3f1c9a77", "a-clients-own-word"] {
        assert!(!answers.contains(canary), "{canary} was answered");
        assert!(!written.contains(canary), "{canary} was written");
    }
}

#[test]
fn a_key_appears_in_no_panic() {
    // The secret itself has no text form at all; the header it becomes has one that hides it.
    let secret = Secret::new(KEY_A.to_owned());
    let mut headers = http::HeaderMap::new();
    credential(&mut headers, Service::Compatible, secret.expose(), None, None).expect("it can be sent");
    let broken = std::panic::catch_unwind(|| panic!("{headers:?}")).expect_err("it panics");
    let text = broken.downcast_ref::<String>().expect("a text");
    assert!(text.contains("authorization") && !text.contains("canary"), "{text}");
}

/// Runs futures side by side and keeps their order.
async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        let mut open = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
