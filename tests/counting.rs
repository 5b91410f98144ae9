//! Tokens are counted once and alike, however an answer comes; a stream that breaks ends with words, not with a fragment.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use origin::{Got, Origin, Said, events, json, route};
use serde_json::{Value, json};
use served::{serve, settled};

const USAGE: &str = r#"{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}"#;
const RESPONSE_USAGE: &str = r#"{"input_tokens":11,"output_tokens":7,"total_tokens":18,"input_tokens_details":{"cached_tokens":4},"output_tokens_details":{"reasoning_tokens":5}}"#;

/// The same answer, streamed or not, in the shape of the path.
fn answer(got: &Got) -> Said {
    let body: Value = serde_json::from_slice(got.body()).unwrap_or_default();
    let streams = body["stream"] == true || body["stream_format"] == "sse";
    let word = r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}"#;
    match (got.uri().path().trim_start_matches("/v1/"), streams) {
        ("chat/completions", false) => json(200, &format!(r#"{{"choices":[],"usage":{USAGE}}}"#)),
        ("chat/completions", true) => {
            events(&format!("data: {word}\n\ndata: {{\"choices\":[],\"usage\":{USAGE}}}\n\ndata: [DONE]\n\n"))
        }
        ("responses", false) => json(200, &format!(r#"{{"id":"r","usage":{RESPONSE_USAGE}}}"#)),
        ("responses", true) => events(&format!(
            "event: response.output_text.delta\ndata: {{\"delta\":\"a\"}}\n\nevent: response.completed\ndata: {{\"response\":{{\"usage\":{RESPONSE_USAGE}}}}}\n\n"
        )),
        (_, false) => json(200, &format!(r#"{{"data":[],"usage":{RESPONSE_USAGE}}}"#)),
        (_, true) => events(&format!(
            "event: image_generation.completed\ndata: {{\"type\":\"image_generation.completed\",\"usage\":{RESPONSE_USAGE}}}\n\n"
        )),
    }
}

#[tokio::test]
async fn streamed_or_not_the_books_say_the_same() {
    let mut books = Vec::new();
    for stream in [false, true] {
        let origin = Origin::start(answer).await;
        let account = origin.account("a", "m").replace("\"compatible\"", "\"openai\"");
        let served = serve(&format!("{account}{}", route("m", &["ea"])), &[("KEY", "k")]);
        for (path, mut body) in [
            ("chat/completions", json!({"model": "m", "messages": []})),
            ("responses", json!({"model": "m", "input": "a"})),
            ("images/generations", json!({"model": "m", "prompt": "a"})),
        ] {
            body["stream"] = stream.into();
            let answer = served.client.post(served.url(path)).json(&body).send().await.expect("an answer");
            let text = answer.text().await.expect("a body");
            assert!(!stream || path != "chat/completions" || !text.contains("usage"), "nobody asked: {text}");
        }
        let mut counters = served.until(settled).await["endpoints"][0]["counters"].clone();
        assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&33.into(), &21.into()), "{counters}");
        // The charge depends on what the services say, which is nothing here.
        counters.as_object_mut().expect("an object").retain(|name, _| name != "charged");
        books.push(counters);
    }
    assert_eq!(books[0], books[1]);
}

#[tokio::test]
async fn a_stream_cut_within_an_event_ends_with_whole_ones() {
    let word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let origin = Origin::start(move |_| events(&format!("{word}data: {{\"choices\":[{{\"delta\":{{\"con"))).await;
    let served = serve(&format!("{}{}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", "k")]);
    let text = served.chat("m", true).send().await.expect("its head").text().await.expect("its end");
    assert!(text.starts_with(word), "{text}");
    for event in text.split("\n\n").filter(|event| !event.is_empty()) {
        let data = event.trim_start().strip_prefix("data: ").expect("an event");
        assert!(serde_json::from_str::<Value>(data).is_ok(), "a client could not read {data}");
    }
    assert!(text.contains("stream_interrupted"), "{text}");
    let counters = served.until(settled).await["endpoints"][0]["counters"].clone();
    assert_eq!((&counters["tokens_out"], &counters["failed"]), (&1.into(), &1.into()), "at least what was seen");
}

#[tokio::test]
async fn a_client_that_asks_for_usage_gets_what_the_service_sent() {
    let origin = Origin::start(answer).await;
    let account = origin.account("a", "m").replace("\"compatible\"", "\"openai\"");
    let served = serve(&format!("{account}{}", route("m", &["ea"])), &[("KEY", "k")]);
    let body = json!({"model": "m", "messages": [], "stream": true, "stream_options": {"include_usage": true}});
    let text = served.client.post(served.url("chat/completions")).json(&body).send().await.expect("it").text().await;
    assert!(text.expect("a body").contains(USAGE));
    let sent: Value = serde_json::from_slice(origin.got()[0].body()).expect("JSON");
    assert_eq!(sent["stream_options"], json!({"include_usage": true}));
}
