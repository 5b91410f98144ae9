//! What is read from answers: usage however long they are, failures inside a 200, the end of what is resumed, and usage that must be
//! asked for.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use futures_util::SinkExt as _;
use origin::{Got, Origin, Said, events, json, route};
use serde_json::{Value, json as value};
use served::{Served, serve, settled};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

const USAGE: &str = r#"{"input_tokens":11,"output_tokens":7,"total_tokens":18}"#;
const WORD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

fn before(origin: &Origin) -> Served {
    serve(&format!("{}{}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", "k")])
}

async fn ask(served: &Served, path: &str, body: &Value) -> reqwest::Response {
    served.client.post(served.url(path)).json(body).send().await.expect("an answer")
}

async fn counters(served: &Served) -> Value {
    served.until(settled).await["endpoints"][0]["counters"].clone()
}

fn body_of(got: &Got) -> Value {
    serde_json::from_slice(got.body()).unwrap_or_default()
}

#[tokio::test]
async fn a_streams_last_event_is_passed_on_and_counted_however_long_it_is() {
    let picture = "iVBOR\\u002f".repeat(300_000);
    let drawn = format!(
        "event: image_generation.completed\ndata: {{\"type\":\"image_generation.completed\",\"b64_json\":\"{picture}\",\"usage\":{USAGE}}}\n\n"
    );
    let response = format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"response\":{{\"id\":\"r\"}}}}\n\n\
         event: response.output_text.delta\ndata: {{\"delta\":\"a\"}}\n\n\
         event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"output\":[{{\"result\":\"{picture}\"}}],\"usage\":{USAGE}}}}}\n\n"
    );
    let (first, second) = (drawn.clone(), response.clone());
    let origin =
        Origin::start(move |got: &Got| events(if got.uri().path().ends_with("responses") { &second } else { &first }))
            .await;
    let served = before(&origin);
    for _ in 0..3 {
        for (path, said) in [("images/generations", &drawn), ("responses", &response)] {
            let body = value!({"model": "m", "prompt": "a", "input": "a", "stream": true});
            let text = ask(&served, path, &body).await.text().await.expect("a body");
            assert!(text == **said, "{path}: {} bytes in place of {}", text.len(), said.len());
        }
    }
    let counters = counters(&served).await;
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&66.into(), &42.into()));
    assert_eq!((&counters["answered"], &counters["failed"]), (&6.into(), &0.into()));
}

#[tokio::test]
async fn a_document_of_many_pictures_is_counted_by_what_stands_at_its_end() {
    let pictures = vec![value!({ "b64_json": "iVBOR".repeat(800_000) }); 5];
    let document = format!("{{\"data\":{},\"usage\":{USAGE}}}", Value::from(pictures));
    let said = document.clone();
    let origin = Origin::start(move |_| json(200, &said)).await;
    let served = before(&origin);
    let text = ask(&served, "images/generations", &value!({"model": "m", "prompt": "a", "n": 5})).await.text().await;
    assert!(document.len() > 16 << 20 && text.expect("a body") == document);
    let counters = counters(&served).await;
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&11.into(), &7.into()));
}

/// An endpoint that is full and says so in a 200, and one that answers.
async fn full_and_free(full: impl Fn(&Got) -> Said + Send + Sync + 'static) -> (Origin, Origin, Served) {
    let free = |got: &Got| {
        let streams = body_of(got)["stream"] == true;
        if streams { events(&format!("{WORD}data: [DONE]\n\n")) } else { json(200, r#"{"ok":true}"#) }
    };
    let (first, second) = (Origin::start(full).await, Origin::start(free).await);
    let config = format!("{}{}{}", first.account("a", "m"), second.account("b", "m"), route("m", &["ea", "eb"]));
    let served = serve(&config, &[("KEY", "k")]);
    (first, second, served)
}

#[tokio::test]
async fn a_failure_inside_a_200_rests_the_endpoint_and_is_had_elsewhere_streamed_or_not() {
    let error =
        r#"{"message":"Rate limit reached. Please try again in 50s","type":"tokens","code":"rate_limit_exceeded"}"#;
    let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    let failed = format!(r#"{{"status":"failed","output":[],"error":{error}}}"#);
    let cases = [
        ("chat/completions", false, json(200, &format!(r#"{{"error":{error}}}"#))),
        ("chat/completions", true, json(200, &format!(r#"{{"error":{error}}}"#))),
        ("chat/completions", true, events(&format!("{role}data: {{\"error\":{error}}}\n\n"))),
        ("responses", false, json(200, &failed)),
        ("responses", true, events(&format!("data: {{\"type\":\"response.failed\",\"response\":{failed}}}\n\n"))),
    ];
    let mut played = Vec::new();
    for (path, stream, said) in cases {
        let (full, _free, served) = full_and_free(move |_| said.clone()).await;
        let body = value!({"model": "m", "messages": [], "input": "a", "stream": stream});
        for attempts in ["2", "1"] {
            let answer = ask(&served, path, &body).await;
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["x-tidegate-endpoint"]),
                (200, &"eb".parse().expect("it"))
            );
            assert_eq!(answer.headers()["x-tidegate-attempts"], attempts, "{path}, streamed: {stream}");
            answer.bytes().await.expect("a body");
        }
        assert_eq!(full.paths().len(), 1, "it rests");
        let status = served.until(settled).await;
        let books = &status["endpoints"][0];
        assert_eq!((&books["counters"]["throttled"], &books["health"]["state"]), (&1.into(), &"resting".into()));
        played.push((books["counters"]["failed"].clone(), books["health"]["cause"].clone()));
    }
    assert!(played.iter().all(|one| *one == played[0]) && played[0].1.is_object(), "{played:?}");
}

#[tokio::test]
async fn what_fails_everywhere_is_passed_on_with_the_word_not_to_send_it_again() {
    for (status, times) in [(500, 2), (400, 1)] {
        let origin = Origin::start(move |_| {
            let mut said = json(status, r#"{"error":{"message":"no","type":"server_error"}}"#);
            said.headers_mut().insert("x-should-retry", http::HeaderValue::from_static("true"));
            said
        })
        .await;
        let served = before(&origin);
        let answer = ask(&served, "chat/completions", &value!({"model": "m", "messages": []})).await;
        let expected = if status == 500 { "false" } else { "true" };
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-should-retry"]),
            (status, &expected.parse().expect("it"))
        );
        assert!(origin.paths().len() >= times);
        // Nobody but its client may repeat a change of what is kept.
        let answer = ask(&served, "vector_stores", &value!({"name": "v"})).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-should-retry"]),
            (status, &"true".parse().expect("it"))
        );
    }
}

#[tokio::test]
async fn a_resumed_stream_that_ends_within_the_response_is_said_to_be_cut() {
    let part =
        "event: response.content_part.done\ndata: {\"type\":\"response.content_part.done\",\"sequence_number\":7}\n\n";
    let last = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"object\":\"response\",\"id\":\"resp_1\",\"status\":\"completed\"}}\n\n";
    for (said, is_whole) in [(part.to_owned(), false), (format!("{part}{last}"), true)] {
        let streamed = said.clone();
        let origin = Origin::start(move |_| events(&streamed)).await;
        let served = before(&origin);
        let url = served.url("responses/resp_1?stream=true&starting_after=6");
        let text = served.client.get(url).send().await.expect("an answer").text().await.expect("a body");
        assert_eq!(origin.paths().last().expect("a look"), "GET /v1/responses/resp_1?stream=true&starting_after=6");
        assert!(text.starts_with(&said), "{text}");
        assert_eq!((text.len() == said.len(), text.contains("stream_interrupted")), (is_whole, !is_whole), "{text}");
        served.until(settled).await;
    }
}

/// A service that tells its usage where it is asked, and refuses to be asked if it is of that kind.
fn compatible(refuses: bool) -> impl Fn(&Got) -> Said + Send + Sync + 'static {
    move |got| match &body_of(got)["stream_options"] {
        options if refuses && !options.is_null() => {
            json(400, r#"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#)
        }
        options if options["include_usage"] == true => events(&format!(
            "{WORD}data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":11,\"completion_tokens\":7}}}}\n\ndata: [DONE]\n\n"
        )),
        _ => events(&format!("{WORD}data: [DONE]\n\n")),
    }
}

fn asking(origin: &Origin) -> Served {
    let account = origin.account("a", "m").replace("[[endpoint]]", "include_usage = true\n[[endpoint]]");
    serve(&format!("{account}{}", route("m", &["ea"])), &[("KEY", "k")])
}

#[tokio::test]
async fn a_compatible_service_is_asked_for_usage_where_its_account_says_so_and_nobody_else_sees_it() {
    let origin = Origin::start(compatible(false)).await;
    let served = asking(&origin);
    for options in [None, Some(value!({ "x": 1 })), Some(value!({})), Some(Value::Null)] {
        let mut body = value!({"model": "m", "messages": [], "stream": true});
        if let Some(options) = options.clone() {
            body["stream_options"] = options;
        }
        let text = ask(&served, "chat/completions", &body).await.text().await.expect("a body");
        assert_eq!(text, format!("{WORD}data: [DONE]\n\n"));
        let mut expected = options.filter(Value::is_object).unwrap_or(value!({}));
        expected["include_usage"] = true.into();
        assert_eq!(body_of(origin.got().last().expect("a request"))["stream_options"], expected);
    }
    let counters = counters(&served).await;
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&44.into(), &28.into()));
}

#[tokio::test]
async fn a_service_that_refuses_to_be_asked_for_usage_is_asked_once() {
    let origin = Origin::start(compatible(true)).await;
    let served = asking(&origin);
    let body =
        value!({"model": "m", "messages": [{"role": "user", "content": "When does the tide turn?"}], "stream": true});
    for _ in 0..3 {
        let answer = ask(&served, "chat/completions", &body).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-tidegate-attempts"]),
            (200, &"1".parse().expect("it"))
        );
        assert_eq!(answer.text().await.expect("a body"), format!("{WORD}data: [DONE]\n\n"));
    }
    let asked: Vec<bool> = origin.got().iter().map(|got| !body_of(got)["stream_options"].is_null()).collect();
    assert_eq!(asked, [true, false, false, false]);
    let counters = counters(&served).await;
    assert_eq!(counters["tokens_out"], 3, "what was seen");
    assert!(counters["tokens_in"].as_u64() >= Some(3 * 6), "and what was asked, by an estimate: {counters}");
    // Who asks for it gets the service's own word.
    let mut wish = body;
    wish["stream_options"] = value!({ "include_usage": true });
    assert_eq!(ask(&served, "chat/completions", &wish).await.status().as_u16(), 400);
}

#[tokio::test]
async fn what_a_realtime_session_says_of_its_limits_holds_for_its_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let service = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a session");
        let limits = r#"[{"name":"tokens","limit":54321,"remaining":50000,"reset_seconds":4.8}]"#;
        let event = format!(r#"{{"type":"rate_limits.updated","rate_limits":{limits}}}"#);
        socket.send(Message::text(event)).await.expect("it is sent");
        socket
    });
    let config = format!(
        "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\ncredential = {{ env = \"KEY\" }}\n\
         [[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n{}",
        route("m", &["ea"])
    );
    let served = serve(&config, &[("KEY", "k")]);
    let address = served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let stream = tokio::net::TcpStream::connect(&address).await.expect("a connection");
    let url = format!("ws://{address}/v1/realtime?model=m");
    let _session = tokio_tungstenite::client_async(url, stream).await.expect("a session").0;
    let _kept = service.await.expect("it goes on");
    served.until(|status| status["endpoints"][0]["tokens"]["limit"] == 54_321).await;
}
