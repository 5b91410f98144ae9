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

/// What the service says of request `number`, the same whether it is streamed or not: usage, text and, now and then, a refusal.
struct Drawn {
    usage: Value,
    text: String,
    refused: bool,
}

fn drawn(number: u64, shape: &str) -> Drawn {
    let mut random = fastrand::Rng::with_seed(number);
    let (input, output) = (random.u64(0..5_000), random.u64(0..5_000));
    let (cached, reasoning) = (random.u64(0..=input), random.u64(0..=output));
    let [asked, said] = if shape == "chat/completions" { ["prompt", "completion"] } else { ["input", "output"] };
    let mut usage = json!({
        format!("{asked}_tokens"): input, format!("{asked}_tokens_details"): { "cached_tokens": cached },
        format!("{said}_tokens"): output, format!("{said}_tokens_details"): { "reasoning_tokens": reasoning },
    });
    if random.bool() {
        usage["total_tokens"] = (input + output).into();
    }
    let letters = ['a', '"', '\\', '\n', 'ä', '\u{1f30a}', ' '];
    let text = (0..random.usize(1..2_000)).map(|_| letters[random.usize(0..letters.len())]).collect();
    Drawn { usage, text, refused: random.u8(0..8) == 0 }
}

fn drawn_answer(got: &Got) -> Said {
    let body: Value = serde_json::from_slice(got.body()).unwrap_or_default();
    let shape = got.uri().path().trim_start_matches("/v1/").to_owned();
    let Drawn { usage, text, refused } = drawn(body["seed"].as_u64().expect("a number"), &shape);
    if refused {
        return json(400, r#"{"error":{"message":"it is too odd","type":"invalid_request_error"}}"#);
    }
    let of_chat = shape == "chat/completions";
    let whole = json!({ "id": "r", "choices": [{ "message": { "content": text } }], "output": [], "usage": usage });
    let said = match (body["stream"] == true, of_chat) {
        (false, _) => return json(200, &whole.to_string()),
        (true, true) => [
            json!({ "choices": [{ "index": 0, "delta": { "content": text } }], "usage": null }),
            json!({ "choices": [], "usage": usage }),
        ],
        (true, false) => [
            json!({ "type": "response.output_text.delta", "delta": text }),
            json!({ "type": "response.completed", "response": { "id": "r", "usage": usage } }),
        ],
    };
    let [first, last] = said.map(|event| format!("data: {event}\n\n"));
    events(&format!("{first}{last}{}", if of_chat { "data: [DONE]\n\n" } else { "" }))
}

#[tokio::test]
async fn random_answers_leave_the_same_quota_and_health_streamed_or_not() {
    let mut played = Vec::new();
    for stream in [false, true] {
        let origin = Origin::start(drawn_answer).await;
        let account = origin.account("a", "m").replace("\"compatible\"", "\"openai\"");
        let served = serve(&format!("{account}{}", route("m", &["ea"])), &[("KEY", "k")]);
        let mut steps = Vec::new();
        for number in 0..60 {
            let path = if number % 2 == 0 { "chat/completions" } else { "responses" };
            let body = json!({ "model": "m", "seed": number, "stream": stream, "messages": [], "input": "a", "max_tokens": 9 });
            let answer = served.client.post(served.url(path)).json(&body).send().await.expect("an answer");
            let status = answer.status().as_u16();
            answer.bytes().await.expect("a body");
            let books = served.until(settled).await["endpoints"][0].clone();
            steps.push((status, books["counters"].clone(), books["health"].clone(), books["tokens"]["used"].clone()));
        }
        played.push(steps);
    }
    for (number, (whole, streamed)) in played[0].iter().zip(&played[1]).enumerate() {
        assert_eq!(whole, streamed, "request {number}");
    }
    let kinds = played[0].iter().map(|step| step.0);
    assert!(kinds.clone().any(|status| status == 400) && kinds.filter(|status| *status == 200).count() > 40);
}

#[tokio::test]
async fn every_answer_says_what_the_route_as_a_whole_still_takes() {
    let limits = "[[account]]\nid = \"s\"\nservice = \"simulated\"\n";
    let endpoint = |id: &str| {
        format!(
            "[[endpoint]]\nid = \"{id}\"\naccount = \"s\"\nmodel = \"m\"\ntokens_per_minute = 100000\nrequests_per_minute = 600\n"
        )
    };
    let config = format!("{limits}{}{}{}", endpoint("ea"), endpoint("eb"), route("m", &["ea", "eb"]));
    let served = serve(&config, &[]);
    let told = async |stream: bool| {
        let answer = served.chat("m", stream).send().await.expect("an answer");
        let of = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        let number = |name: &str| of(name).parse::<u64>().expect("a number");
        assert_eq!((number("x-ratelimit-limit-tokens"), number("x-ratelimit-limit-requests")), (200_000, 1_200));
        assert!(of("x-ratelimit-reset-tokens").ends_with('s') && of("x-ratelimit-reset-requests").ends_with('s'));
        let left = (number("x-ratelimit-remaining-tokens"), number("x-ratelimit-remaining-requests"));
        answer.bytes().await.expect("a body");
        left
    };
    let asking = async {
        // Told as of the last look at the books, which is at most a moment old.
        while told(false).await.0 >= 200_000 || told(true).await.1 >= 1_200 {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), asking).await.expect("what was used is told");
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
