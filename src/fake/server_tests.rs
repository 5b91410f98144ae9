use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::*;
use crate::model::config::Enforcement;
use crate::model::units::Timestamp;
use crate::sim::extra::MoreLimits;
use crate::sim::upstream::{Dialect, UpstreamSpec};

const CLASSIC: &str = "/openai/deployments/prod/chat/completions?api-version=2024-10-21";

fn spec(account: &str, dialect: Dialect, model: &str) -> UpstreamSpec {
    UpstreamSpec {
        id: EndpointId::from(format!("{account}/{model}")),
        dialect,
        model: model.to_owned(),
        deployment: if dialect == Dialect::AzureClassic { "prod".to_owned() } else { model.to_owned() },
        tokens_per_minute: Some(100_000),
        requests_per_minute: Some(600),
        request_slice: Duration::from_secs(10),
        enforcement: if dialect == Dialect::OpenAi { Enforcement::TokenBucket } else { Enforcement::SlidingLog },
        first_token: Duration::from_micros(100),
        tokens_per_second: 100_000,
        seed: 3,
        more_limits: MoreLimits::default(),
    }
}

fn specs() -> Vec<FakeSpec> {
    let key = |key: &str| Some(key.to_owned());
    vec![
        (AccountId::from("open"), key("sk-right"), spec("open", Dialect::OpenAi, "gpt-4o")),
        (AccountId::from("open"), key("sk-right"), spec("open", Dialect::OpenAi, "text-embedding-3-small")),
        (AccountId::from("azure"), None, spec("azure", Dialect::AzureClassic, "gpt-4o")),
        (AccountId::from("v1"), None, spec("v1", Dialect::AzureV1, "gpt-4o")),
    ]
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    whole: bool,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }

    /// The data of every event, without the closing `[DONE]`.
    fn events(&self) -> Vec<Value> {
        let data = self.text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).expect("JSON")).collect()
    }
}

struct World {
    fake: Fake,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl World {
    async fn new() -> Self {
        Self::at(Timestamp::ZERO).await
    }

    /// With a clock that stands at this.
    async fn at(now: Timestamp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let fake = Fake::start(listener, specs(), Arc::new(move || now)).expect("starts");
        Self { fake, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    fn request(&self, account: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
        let url = format!("{}{path}", self.fake.base_url(&AccountId::from(account)));
        let method = if body.is_null() { "GET" } else { "POST" };
        let request = Request::builder().method(method).uri(url).header("authorization", "Bearer sk-right");
        request.body(Full::new(Bytes::from(body.to_string()))).expect("a request")
    }

    async fn try_ask(&self, account: &str, path: &str, body: &Value) -> Option<Answer> {
        let response = self.client.request(self.request(account, path, body)).await.ok()?;
        let (head, mut body) = response.into_parts();
        let (mut text, mut whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                whole = false;
                break;
            };
            text.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        let text = String::from_utf8(text).expect("text");
        Some(Answer { status: head.status, headers: head.headers, text, whole })
    }

    async fn ask(&self, account: &str, path: &str, body: &Value) -> Answer {
        self.try_ask(account, path, body).await.expect("an answer")
    }

    fn dial(&self, dials: Dials) {
        self.fake.set_dials(&EndpointId::from("open/gpt-4o"), dials);
    }

    fn counters(&self) -> FakeCounters {
        self.fake.counters(&EndpointId::from("open/gpt-4o"))
    }

    async fn until(&self, condition: impl Fn(&FakeCounters) -> bool) {
        while !condition(&self.counters()) {
            tokio::task::yield_now().await;
        }
    }
}

fn chat(more: &Value) -> Value {
    let mut body =
        json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "How high?" }], "max_tokens": 60 });
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn answers_say_when_they_were_made_by_a_clock_since_1970_and_by_one_from_zero() {
    let begun = 1_790_000_000;
    for (clock, said) in [(1_795_478_400, 1_795_478_400), (0, begun), (25, begun + 25)] {
        let world = World::at(Timestamp::from_secs(clock)).await;
        let answered = world.ask("open", "/chat/completions", &chat(&json!({}))).await.json();
        assert_eq!(answered["created"], json!(said), "{answered}");
        let input = json!({ "model": "gpt-4o", "input": "How high?", "max_output_tokens": 60 });
        let answered = world.ask("open", "/responses", &input).await.json();
        assert_eq!(answered["created_at"], json!(said), "{answered}");
        let streamed = world.ask("open", "/chat/completions", &chat(&json!({ "stream": true }))).await.events();
        assert!(streamed.iter().all(|event| event["created"] == json!(said)), "{streamed:?}");
        let batch =
            world.ask("open", "/batches", &json!({ "input_file_id": "file-1", "endpoint": "/v1/responses" })).await;
        assert_eq!(batch.json()["created_at"], json!(said), "{}", batch.text);
    }
}

#[tokio::test]
async fn a_chat_stream_joins_to_the_answers_text_and_ends_with_usage() {
    let world = World::new().await;
    let body = chat(&json!({ "stream": true, "stream_options": { "include_usage": true } }));
    let streamed = world.ask("open", "/chat/completions", &body).await;
    assert_eq!(streamed.headers["content-type"], "text/event-stream");
    assert!(streamed.text.ends_with("data: [DONE]\n\n"));
    let events = streamed.events();
    let text: String = events.iter().filter_map(|event| event.pointer("/choices/0/delta/content")?.as_str()).collect();
    let usage = &events.last().expect("events")["usage"];
    assert_eq!(usage["completion_tokens"], json!(text.split(' ').count()));
    assert_eq!(world.counters().answered, 1);
}

#[tokio::test]
async fn a_whole_chat_answer_has_choices_usage_and_limits() {
    let world = World::new().await;
    let answer = world.ask("open", "/chat/completions", &chat(&json!({ "n": 2 }))).await;
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"].as_array().map(Vec::len), Some(2));
    let text = body["choices"][1]["message"]["content"].as_str().expect("text");
    assert_eq!(body["usage"]["completion_tokens"], json!(2 * text.split(' ').count()));
    assert_eq!(answer.headers["x-ratelimit-remaining-tokens"], "99880");
    assert_eq!(answer.headers["x-ratelimit-reset-tokens"], "72ms");
}

#[tokio::test]
async fn azure_streams_begin_without_choices() {
    let world = World::new().await;
    for (account, path) in [("azure", CLASSIC), ("v1", "/openai/v1/chat/completions")] {
        let answer = world.ask(account, path, &chat(&json!({ "stream": true }))).await;
        let events = answer.events();
        assert_eq!(events[0]["choices"], json!([]));
        assert!(events[0].get("prompt_filter_results").is_some());
        assert_eq!(answer.headers["x-ratelimit-limit-tokens"], "100000");
    }
}

#[tokio::test]
async fn completions_come_whole_and_streamed() {
    let world = World::new().await;
    let body = json!({ "model": "gpt-4o", "prompt": "The tide", "max_tokens": 20 });
    let whole = world.ask("open", "/completions", &body).await.json();
    assert!(whole["choices"][0]["text"].as_str().is_some_and(|text| !text.is_empty()));
    let body = json!({ "model": "gpt-4o", "prompt": "The tide", "max_tokens": 20, "stream": true });
    let streamed = world.ask("open", "/completions", &body).await;
    assert!(streamed.events().iter().all(|event| event["object"] == "text_completion"));
    assert!(streamed.text.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_responses_stream_tells_the_whole_sequence() {
    let world = World::new().await;
    let body = json!({ "model": "gpt-4o", "input": "How high?", "stream": true });
    let events = world.ask("open", "/responses", &body).await.events();
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert!((0_u64..).zip(&events).all(|(place, event)| event["sequence_number"] == json!(place)));
    let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    let last = &events.last().expect("events")["response"];
    assert_eq!(last["output"][0]["content"][0]["text"], json!(deltas));
    assert_eq!(last["usage"]["output_tokens"], json!(deltas.split(' ').count()));
}

#[tokio::test]
async fn a_whole_response_says_when_its_cap_cut_it() {
    let world = World::new().await;
    let body = json!({ "model": "gpt-4o", "input": "How high?", "max_output_tokens": 5 });
    let answer = world.ask("open", "/responses", &body).await.json();
    assert_eq!((&answer["object"], &answer["status"]), (&json!("response"), &json!("incomplete")));
    assert_eq!(answer["incomplete_details"]["reason"], "max_output_tokens");
}

#[tokio::test]
async fn tools_are_called_in_both_apis() {
    let world = World::new().await;
    let schema = json!({ "type": "object", "properties": { "harbour": { "type": "string" } } });
    let tools = json!([{ "type": "function", "function": { "name": "tide_at", "parameters": schema } }]);
    let body = chat(&json!({ "tools": tools, "tool_choice": "required", "stream": true }));
    let events = world.ask("open", "/chat/completions", &body).await.events();
    let piece = |event: &Value| {
        event.pointer("/choices/0/delta/tool_calls/0/function/arguments").and_then(Value::as_str).map(str::to_owned)
    };
    assert_eq!(events.iter().filter_map(piece).collect::<String>(), r#"{"harbour":"harbour"}"#);
    assert_eq!(events.last().expect("events")["choices"][0]["finish_reason"], "tool_calls");

    let tools = json!([{ "type": "function", "name": "tide_at", "parameters": schema }]);
    let body = json!({ "model": "gpt-4o", "input": "Use the tool.", "tools": tools });
    let answer = world.ask("open", "/responses", &body).await.json();
    assert_eq!((&answer["status"], &answer["output"][0]["type"]), (&json!("completed"), &json!("function_call")));
    assert_eq!(answer["output"][0]["arguments"], r#"{"harbour":"harbour"}"#);
}

#[tokio::test]
async fn embeddings_come_as_numbers_and_as_base64() {
    let world = World::new().await;
    let ask = |format: &str| json!({ "model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 8, "encoding_format": format });
    let numbers = world.ask("open", "/embeddings", &ask("float")).await.json();
    assert_eq!(numbers["data"][1]["embedding"].as_array().map(Vec::len), Some(8));
    let text = world.ask("open", "/embeddings", &ask("base64")).await.json();
    assert_eq!(text["data"][1]["embedding"].as_str().map(str::len), Some(44));
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let world = World::new().await;
    let list = world.ask("open", "/models", &Value::Null).await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.ask("open", "/models/gpt-4o", &Value::Null).await.json()["id"], "gpt-4o");
    assert_eq!(world.ask("open", "/models/other", &Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.ask("nobody", "/models", &Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn error_dials_answer_in_the_services_words() {
    let world = World::new().await;
    let base = Dials::default();
    for (dials, status) in [
        (Dials { throttle_percent: 100, throttle_retry_after: 5, ..base }, 429),
        (Dials { error_percent: 100, ..base }, 500),
        (Dials { reject_key: true, ..base }, 401),
    ] {
        world.dial(dials);
        let answer = world.ask("open", "/chat/completions", &chat(&json!({}))).await;
        assert_eq!(answer.status.as_u16(), status);
        assert!(answer.json()["error"]["message"].is_string());
        assert_eq!(answer.headers.get("retry-after").is_some(), status == 429);
    }
    let seen = world.counters();
    assert_eq!((seen.arrived, seen.throttled, seen.failed, seen.wrong_key), (3, 1, 1, 1));
}

#[tokio::test]
async fn a_reset_closes_and_a_cut_breaks_the_stream() {
    let world = World::new().await;
    world.dial(Dials { reset_percent: 100, ..Dials::default() });
    assert!(world.try_ask("open", "/chat/completions", &chat(&json!({}))).await.is_none());
    world.dial(Dials { cut_after_tokens: Some(2), ..Dials::default() });
    let cut = world.ask("open", "/chat/completions", &chat(&json!({ "stream": true }))).await;
    assert!(!cut.whole && !cut.text.contains("[DONE]"));
    world.until(|seen| seen.failed >= 2).await;
}

#[tokio::test]
async fn a_stalled_request_ends_when_the_client_goes() {
    let world = World::new().await;
    world.dial(Dials { stall_percent: 100, ..Dials::default() });
    let asking = world.client.request(world.request("open", "/chat/completions", &chat(&json!({}))));
    let asking = tokio::spawn(asking);
    world.until(|seen| seen.arrived == 1).await;
    assert_eq!(world.counters().failed, 0);
    asking.abort();
    world.until(|seen| seen.failed == 1).await;
}

#[tokio::test]
async fn a_kill_ends_running_streams() {
    let world = World::new().await;
    world.dial(Dials { stall_percent: 100, ..Dials::default() });
    let asking = tokio::spawn(world.client.request(world.request("open", "/chat/completions", &chat(&json!({})))));
    world.until(|seen| seen.arrived == 1).await;
    world.fake.kill();
    assert!(asking.await.expect("no panic").is_err());
}

#[tokio::test]
async fn credentials_are_seen_by_name_only() {
    let world = World::new().await;
    world.ask("open", "/chat/completions", &chat(&json!({}))).await;
    let mut request = world.request("open", "/chat/completions", &chat(&json!({})));
    request.headers_mut().insert("authorization", "Bearer sk-wrong".parse().expect("a value"));
    request.headers_mut().insert("openai-project", "p".parse().expect("a value"));
    let refused = world.client.request(request).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let seen = world.counters();
    assert_eq!((seen.key_matched, seen.wrong_key), (1, 1));
    assert_eq!(seen.credential_names.iter().collect::<Vec<_>>(), ["authorization", "openai-project"]);
    assert!(!format!("{seen:?}").contains("sk-"));
}

#[tokio::test]
async fn replaced_specs_keep_what_was_used() {
    let world = World::new().await;
    world.ask("open", "/chat/completions", &chat(&json!({}))).await;
    let mut specs = specs();
    specs[0].2.tokens_per_minute = Some(50_000);
    world.fake.replace(specs);
    let answer = world.ask("open", "/chat/completions", &chat(&json!({}))).await;
    assert_eq!(answer.headers["x-ratelimit-remaining-tokens"], "49880");
    assert_eq!(world.counters().answered, 2);
}
