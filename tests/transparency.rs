//! Through Tidegate or directly: the same status, headers and bytes, in every dialect and every shape of path, and with
//! exactly one credential on the far side.
//!
//! What may differ is listed in [`MAY_DIFFER`], and nothing else.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;
mod upstream;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use served::{Served, serve, settled};
use tidegate::fake::Fake;
use tidegate::model::config::Enforcement;
use tidegate::model::id::{AccountId, EndpointId};
use tidegate::model::units::Timestamp;
use tidegate::sim::upstream::{Dialect, UpstreamSpec};

/// What belongs to the hop and not to the answer.
const MAY_DIFFER: [&str; 3] = ["date", "connection", "transfer-encoding"];
/// Whose values may be the route's: `ARCHITECTURE.md` says why. Every other header of that kind is the service's.
const ROUTES_OWN: [&str; 6] = [
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
];
const KEY: &str = "canary-77aa-transparency";
const VERSION: &str = "api-version=2024-10-21";
const DIALECTS: [(&str, Dialect); 3] =
    [("open", Dialect::OpenAi), ("classic", Dialect::AzureClassic), ("v1", Dialect::AzureV1)];

/// An upstream whose answers depend on nothing but the requests it has seen: its clock stands still.
async fn standing_still() -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let specs = DIALECTS.into_iter().map(|(name, dialect)| {
        let spec = UpstreamSpec {
            dialect,
            model: "gpt-x".to_owned(),
            deployment: format!("{name} dep"),
            tokens_per_minute: Some(900_000_000),
            requests_per_minute: Some(6_000_000),
            request_slice: Duration::from_secs(10),
            enforcement: Enforcement::SlidingLog,
            tokens_per_second: 20_000,
            seed: 11,
            ..upstream::spec(name)
        };
        (AccountId::from(name), Some(KEY.to_owned()), spec)
    });
    Fake::start(listener, specs.collect(), Arc::new(|| Timestamp::ZERO)).expect("it starts")
}

fn config(fake: &Fake) -> String {
    DIALECTS.iter().map(|(name, _)| config_of(fake, name)).collect()
}

/// One account and no other.
fn config_of(fake: &Fake, name: &str) -> String {
    let base = |name: &str| fake.base_url(&AccountId::from(name));
    let account = |name: &str, more: &str| {
        format!(
            "[[account]]\nid = \"{name}\"\nbase_url = \"{}\"\ncredential = {{ env = \"KEY\" }}\n{more}\n\
             [[endpoint]]\nid = \"{name}\"\naccount = \"{name}\"\nmodel = \"m-{name}\"\ndeployment = \"{name} dep\"\n\
             [[route]]\nmodel = \"m-{name}\"\n[[route.group]]\nendpoints = [\"{name}\"]\n",
            base(name)
        )
    };
    match name {
        "open" => account("open", "service = \"compatible\""),
        "classic" => account("classic", "service = \"azure\"\napi = \"classic\"\napi_version = \"2024-10-21\""),
        _ => account("v1", "service = \"azure\"\napi = \"v1\""),
    }
}

/// What is sent, without the model.
#[derive(Clone, Debug)]
enum Sent {
    Json(Value),
    /// Fields, and a file under this name.
    Form(&'static [(&'static str, &'static str)], &'static str),
    Nothing,
}

impl Sent {
    /// The content type and the body, with this model if any.
    fn with(&self, model: Option<&str>) -> (&'static str, Vec<u8>) {
        match self {
            Self::Json(body) => ("application/json", with_model(body, model).to_string().into_bytes()),
            Self::Form(fields, file) => ("multipart/form-data; boundary=tide", form(fields, file, model)),
            Self::Nothing => ("application/json", Vec::new()),
        }
    }
}

/// The file comes before the model, as some clients write it.
fn form(fields: &[(&str, &str)], file: &str, model: Option<&str>) -> Vec<u8> {
    let mut body = format!(
        "--tide\r\ncontent-disposition: form-data; name=\"{file}\"; filename=\"a b.bin\"\r\ncontent-type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend((0..=255_u8).cycle().take(5_000));
    for (name, value) in fields.iter().copied().chain(model.map(|model| ("model", model))) {
        let field = format!("\r\n--tide\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}");
        body.extend(field.into_bytes());
    }
    body.extend(b"\r\n--tide--\r\n");
    body
}

/// The ways to write a request: its path, and its body without the model.
fn operations() -> Vec<(&'static str, Sent)> {
    let json = texts().into_iter().map(|(path, body)| (path, Sent::Json(body)));
    let streamed: &[(&str, &str)] = &[("prompt", "More"), ("stream", "true")];
    let forms = [
        ("audio/transcriptions", Sent::Form(&[("language", "de")], "file")),
        ("audio/transcriptions", Sent::Form(&[("stream", "true")], "file")),
        ("audio/translations", Sent::Form(&[], "file")),
        ("images/edits", Sent::Form(&[("prompt", "More")], "image")),
        ("images/edits", Sent::Form(streamed, "image")),
        ("images/variations", Sent::Form(&[("n", "1")], "image")),
    ];
    json.chain(forms).collect()
}

fn texts() -> Vec<(&'static str, Value)> {
    let messages = json!([{"role": "user", "content": "When does the tide turn? \u{1f30a}"}]);
    let tools = json!([{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]);
    vec![
        // Faults of the request are the service's to name. First, as no limit is known yet that its answer would be told besides.
        ("chat/completions", json!({"max_tokens": 3})),
        ("chat/completions", json!({"messages": messages, "max_tokens": 30})),
        ("chat/completions", json!({"messages": messages, "max_tokens": 30, "stream": true})),
        (
            "chat/completions",
            json!({"messages": messages, "stream": true, "n": 2, "stream_options": {"include_usage": true}}),
        ),
        ("chat/completions", json!({"messages": messages, "tools": tools, "tool_choice": "required"})),
        ("completions", json!({"prompt": "High water", "max_tokens": 12})),
        ("completions", json!({"prompt": "High water", "max_tokens": 12, "stream": true})),
        ("responses", json!({"input": "High water", "max_output_tokens": 25})),
        ("responses", json!({"input": "High water", "max_output_tokens": 25, "stream": true})),
        ("embeddings", json!({"input": ["a", "b"], "dimensions": 8})),
        ("audio/speech", json!({"input": "High water", "voice": "alloy"})),
        ("audio/speech", json!({"input": "High water", "voice": "alloy", "stream_format": "sse"})),
        ("images/generations", json!({"prompt": "High water"})),
        ("images/generations", json!({"prompt": "High water", "stream": true})),
        ("moderations", json!({"input": ["a", "b"]})),
        ("responses/input_tokens", json!({"input": "High water"})),
        ("responses/compact", json!({"input": "High water"})),
    ]
}

fn with_model(body: &Value, model: Option<&str>) -> Value {
    let mut body = body.clone();
    if let Some(model) = model {
        body.as_object_mut().expect("an object").insert("model".to_owned(), json!(model));
    }
    body
}

/// What Azure's classic clients ask for below a deployment; everything else stands beside them.
const DEPLOYED: [&str; 8] = [
    "chat/completions",
    "completions",
    "embeddings",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
    "images/generations",
    "images/edits",
];

/// Where a dialect's own client would send it.
fn direct(fake: &Fake, (name, dialect): (&str, Dialect), path: &str) -> String {
    let base = fake.base_url(&AccountId::from(name));
    match dialect {
        Dialect::OpenAi => format!("{base}/{path}"),
        Dialect::AzureV1 => format!("{base}/openai/v1/{path}"),
        Dialect::AzureClassic if DEPLOYED.contains(&path) => {
            format!("{base}/openai/deployments/{name}%20dep/{path}?{VERSION}")
        }
        Dialect::AzureClassic => format!("{base}/openai/{path}?{VERSION}"),
    }
}

/// Where clients of each shape would send it to us.
fn shapes(served: &Served, model: &str, path: &str) -> [String; 3] {
    let root = served.base_url.trim_end_matches("/v1");
    let classic = if DEPLOYED.contains(&path) {
        format!("{root}/openai/deployments/{model}/{path}?{VERSION}")
    } else {
        format!("{root}/openai/{path}?{VERSION}")
    };
    [format!("{root}/v1/{path}"), classic, format!("{root}/openai/v1/{path}")]
}

type Answered = (u16, BTreeSet<(String, String)>, Vec<u8>);

async fn answered(request: reqwest::RequestBuilder) -> Answered {
    let answer = request.send().await.expect("an answer");
    let told = |(name, value): (&HeaderName, &HeaderValue)| {
        let kept = !MAY_DIFFER.contains(&name.as_str()) && !name.as_str().starts_with("x-tidegate-");
        // Once a route's limits are known, which is a quarter of a second after the first answer, it is its own that are told.
        let value = if ROUTES_OWN.contains(&name.as_str()) { b"told" } else { value.as_bytes() };
        kept.then(|| (name.to_string(), String::from_utf8_lossy(value).into_owned()))
    };
    let (status, headers) = (answer.status().as_u16(), answer.headers().iter().filter_map(told).collect());
    (status, headers, answer.bytes().await.expect("a whole body").to_vec())
}

/// Everything a client might send that must not go on.
fn clients_own() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer a-clients-own-word"),
        ("api-key", "a-clients-own-word"),
        ("x-api-key", "a-clients-own-word"),
        ("cookie", "session=a-clients-own-word"),
        ("openai-organization", "org-client"),
        ("openai-project", "proj-client"),
        ("ocp-apim-subscription-key", "a-clients-own-word"),
        ("connection", "authorization, api-key, x-mine"),
        ("x-mine", "nominated"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// A method, an address, and a body with its content type.
type Request = (&'static str, String, (&'static str, Vec<u8>));

/// Asks both and compares them; what both said.
async fn same(served: &Served, direct: Request, ours: Request, place: &str) -> Answered {
    let request = |(method, url, (kind, body)): Request| {
        let method = method.parse::<reqwest::Method>().expect("a method");
        served.client.request(method, url).header("content-type", kind).body(body)
    };
    let direct = request(direct).bearer_auth(KEY).header("api-key", KEY);
    let (mut expected, got) = (answered(direct).await, answered(request(ours).headers(clients_own())).await);
    // A route's own are told beside answers to which the service says none.
    expected.1.extend(got.1.iter().filter(|(name, _)| ROUTES_OWN.contains(&name.as_str())).cloned());
    assert_eq!(got.0, expected.0, "{place}: {}", String::from_utf8_lossy(&got.2));
    assert_eq!(got.1, expected.1, "{place}");
    let text = |answer: &Answered| String::from_utf8_lossy(&answer.2).into_owned();
    assert_eq!(text(&got), text(&expected), "{place}");
    assert!(got.2 == expected.2, "{place}: what is no text differs");
    got
}

#[tokio::test]
async fn what_an_account_keeps_is_the_same_through_us_in_every_dialect_and_shape() {
    let file = Sent::Form(&[("purpose", "batch")], "file");
    let batch = Sent::Json(json!({"endpoint": "/v1/responses", "completion_window": "24h", "input_file_id": "file-1"}));
    let steps = [
        ("POST", "files", file),
        ("GET", "files", Sent::Nothing),
        ("GET", "files/ID", Sent::Nothing),
        ("GET", "files/ID/content", Sent::Nothing),
        ("DELETE", "files/ID", Sent::Nothing),
        ("GET", "files/ID", Sent::Nothing),
        ("POST", "batches", batch),
        ("POST", "batches/ID/cancel", Sent::Nothing),
        ("POST", "conversations", Sent::Json(json!({"metadata": {"topic": "tides \u{1f30a}"}}))),
        ("GET", "conversations/ID", Sent::Nothing),
        ("POST", "vector_stores", Sent::Json(json!({"name": "tides"}))),
        ("POST", "vector_stores/ID/search", Sent::Json(json!({"query": "ebb"}))),
        ("DELETE", "vector_stores/ID", Sent::Nothing),
        ("POST", "realtime/calls", Sent::Json(json!({"sdp": "v=0"}))),
    ];
    for dialect in DIALECTS {
        for shape in 0..3 {
            let (one, other) = (standing_still().await, standing_still().await);
            let served = serve(&config_of(&other, dialect.0), &[("KEY", KEY)]);
            let mut id = String::new();
            for (method, path, sent) in steps.clone() {
                let path = path.replace("ID", &id);
                let plain = (method, direct(&one, dialect, &path), sent.with(None));
                let ours = shapes(&served, "", &path).into_iter().nth(shape).expect("three shapes");
                let place = format!("{} shape {shape} {method} {path}", dialect.0);
                let (_, _, said) = same(&served, plain, (method, ours, sent.with(None)), &place).await;
                let made = serde_json::from_slice::<Value>(&said).ok().filter(|_| method == "POST");
                if let Some(made) = made.as_ref().and_then(|made| made["id"].as_str()) {
                    made.clone_into(&mut id);
                }
            }
            served.until(settled).await;
        }
    }
}

#[tokio::test]
async fn an_answer_is_the_same_through_us_in_every_dialect_and_shape() {
    for dialect in DIALECTS {
        for shape in 0..3 {
            // Two upstreams in the same state, so that even ids and remaining numbers agree.
            let (one, other) = (standing_still().await, standing_still().await);
            let served = serve(&config(&other), &[("KEY", KEY)]);
            for (path, body) in operations() {
                let model = format!("m-{}", dialect.0);
                let deployment = format!("{} dep", dialect.0);
                let plain = ("POST", direct(&one, dialect, path), body.with(Some(&deployment)));
                let ours = shapes(&served, &model, path).into_iter().nth(shape).expect("three shapes");
                let ours = ("POST", ours, body.with(Some(&model)));
                same(&served, plain, ours, &format!("{} shape {shape} {path} {body:?}", dialect.0)).await;
            }
            one_credential(&other, dialect);
            served.until(settled).await;
        }
    }
}

fn one_credential(fake: &Fake, (name, dialect): (&str, Dialect)) {
    let seen = fake.counters(&EndpointId::from(name));
    let header = if dialect == Dialect::OpenAi { "authorization" } else { "api-key" };
    assert_eq!(seen.credential_names.into_iter().collect::<Vec<_>>(), [header], "{name}");
    assert_eq!((seen.key_matched, seen.wrong_key), (seen.arrived, 0), "{name}");
    assert!(seen.arrived >= 9, "{name}: {}", seen.arrived);
}

#[tokio::test]
async fn every_answer_tells_where_it_came_from() {
    let fake = standing_still().await;
    let served = serve(&config(&fake), &[("KEY", KEY)]);
    let good = served.chat("m-open", false).send().await.expect("an answer");
    let header = |answer: &reqwest::Response, name: &str| {
        answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let told = |answer: &reqwest::Response| {
        ["x-tidegate-endpoint", "x-tidegate-group", "x-tidegate-attempts"].map(|name| header(answer, name))
    };
    assert_eq!(told(&good), ["open", "1", "1"]);
    let refused = json!({"model": "m-open", "max_tokens": 3});
    let fault = served.client.post(served.url("chat/completions")).json(&refused).send().await.expect("an answer");
    assert_eq!((fault.status().as_u16(), told(&fault)), (400, ["open", "1", "1"].map(str::to_owned)));
    for answer in [&good, &fault] {
        assert!(header(answer, "x-tidegate-decision").starts_with("d-"), "{:?}", answer.headers());
    }
    let unknown = served.chat("nobody", false).send().await.expect("an answer");
    assert_eq!((unknown.status().as_u16(), told(&unknown)), (404, ["", "", "0"].map(str::to_owned)));
}

#[tokio::test]
async fn a_429_says_whose_it_is_and_when_to_come_back() {
    let fake = standing_still().await;
    let served = serve(&config(&fake), &[("KEY", KEY)]);
    let dials = tidegate::model::scenario::Dials {
        throttle_percent: 100,
        throttle_retry_after: 300,
        ..tidegate::model::scenario::Dials::default()
    };
    fake.set_dials(&EndpointId::from("open"), dials);
    let answer = served.chat("m-open", false).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 429);
    let expected = [
        ("retry-after", "60"),
        ("x-should-retry", "false"),
        ("x-tidegate-429-source", "local"),
        ("x-tidegate-endpoint", "open"),
        ("x-tidegate-attempts", "1"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.headers().get(name).and_then(|value| value.to_str().ok()), Some(value), "{name}");
    }
    let body: Value = answer.json().await.expect("JSON");
    let message = body["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains("The earliest room is in 5 min"), "{message}");
    let status = served.status().await;
    let endpoint = &status["endpoints"][0];
    assert_eq!(endpoint["counters"]["throttled"], 1);
    let rests = endpoint["rests_seconds"].as_f64().expect("seconds");
    assert!(rests > 200.0 && rests <= 300.0, "{rests}");
    assert_eq!(status["base_url"], served.base_url.as_str());
    assert_eq!((&status["routes"][0]["serving"], &status["routes"][0]["members"]), (&json!(0), &json!(1)));
}
