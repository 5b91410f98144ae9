//! The edges of an exchange, against an upstream that says exactly what a test wants: empty and huge answers, redirects,
//! echoes of our key, compression, cut documents, errors that dawdle, and clients that leave.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const KEY: &str = "canary-51ed-edges";

/// What an upstream does with one request.
#[derive(Clone)]
enum Act {
    /// Says this and hangs up.
    Say(Vec<u8>),
    /// Says this, waits to be told, says that, and hangs up.
    Pause(Vec<u8>, Arc<Notify>, Vec<u8>),
    /// Says this and keeps silent, with the connection open.
    Stay(Vec<u8>),
}

/// An upstream with a list of acts; the last one is repeated. It keeps the heads of the requests it got.
struct Origin {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (acts, seen) = (Arc::new(Mutex::new(VecDeque::from(acts))), Arc::clone(&heads));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, Arc::clone(&acts), Arc::clone(&seen)));
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("unbroken").clone()
    }
}

async fn answer(mut socket: TcpStream, acts: Arc<Mutex<VecDeque<Act>>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut got = Vec::new();
    let end = loop {
        if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8_lossy(&got[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    while got.len() < end + 4 + length.unwrap_or(0) && socket.read_buf(&mut got).await.unwrap_or(0) > 0 {}
    seen.lock().expect("unbroken").push(head);
    let act = {
        let mut acts = acts.lock().expect("unbroken");
        if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
    };
    match act.expect("one act") {
        Act::Say(bytes) => drop(socket.write_all(&bytes).await),
        Act::Pause(first, told, rest) => {
            let _ = socket.write_all(&first).await;
            told.notified().await;
            let _ = socket.write_all(&rest).await;
        }
        Act::Stay(bytes) => {
            let _ = socket.write_all(&bytes).await;
            // Until the other side hangs up.
            let _ = socket.read(&mut [0; 1]).await;
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

fn good() -> Act {
    Act::Say(http("200 OK", "content-type: application/json\r\n", r#"{"ok":true}"#))
}

/// One route over these upstreams, each in a priority group of its own.
fn behind(origins: &[&Origin], more: &str) -> Served {
    let place = |(number, origin): (usize, &&Origin)| {
        format!(
            "[[account]]\nid = \"a{number}\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"e{number}\"\naccount = \"a{number}\"\nmodel = \"m\"\n",
            origin.port
        )
    };
    let places: String = origins.iter().enumerate().map(place).collect();
    let group = |number| format!("[[route.group]]\nendpoints = [\"e{number}\"]\n");
    let groups: String = (0..origins.len()).map(group).collect();
    let config = format!("{more}{places}[[route]]\nmodel = \"m\"\n{groups}");
    serve(&config, &[("KEY", KEY)])
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn counters(status: &Value) -> &Value {
    &status["endpoints"][0]["counters"]
}

#[tokio::test]
async fn answers_without_a_body_are_whole_answers() {
    let empty = Act::Say(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec());
    let origin = Origin::start(vec![empty, Act::Say(http("200 OK", "content-type: application/json\r\n", ""))]).await;
    let served = behind(&[&origin], "");
    for (status, number) in [(204, 1), (200, 2)] {
        let answer = served.chat("m", false).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.bytes().await.expect("a body").len(), 0);
        let after = served.until(settled).await;
        assert_eq!(counters(&after)["answered"], number, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_passed_on_and_never_followed() {
    let origin =
        Origin::start(vec![Act::Say(http("307 Temporary Redirect", "location: http://127.0.0.1:9/x\r\n", ""))]).await;
    let served = behind(&[&origin], "");
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let request = client.expect("a client").post(served.url("chat/completions"));
    let answer = request.json(&json!({"model": "m", "messages": []})).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (307, "http://127.0.0.1:9/x"));
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_repeats_our_key_tells_it_to_nobody() {
    let headers = format!("content-type: application/json\r\nx-echo: Bearer {KEY}\r\nx-kept: yes\r\n");
    let body = format!(r#"{{"error":{{"message":"bad request with {KEY}","type":"invalid_request_error"}}}}"#);
    let origin = Origin::start(vec![
        Act::Say(http("400 Bad Request", &headers, &body)),
        Act::Say(http("200 OK", &headers, "{}")),
    ])
    .await;
    let served = behind(&[&origin], "");
    for status in [400, 200] {
        let answer = served.chat("m", false).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(header(&answer, "x-kept"), "yes");
        let told = format!("{:?}", answer.headers()) + &answer.text().await.expect("a body");
        assert!(!told.contains("canary"), "{told}");
    }
    served.until(settled).await;
    assert!(!served.everything_written().contains(KEY));
}

/// What a client that takes trailers gets for a chat.
async fn with_trailers(served: &Served, stream: bool) -> String {
    let address = served.base_url.trim_start_matches("http://").trim_end_matches("/v1");
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let body = format!(r#"{{"model":"m","messages":[],"stream":{stream}}}"#);
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nte: trailers\r\n\
         connection: te, close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.expect("it is sent");
    let mut got = String::new();
    socket.read_to_string(&mut got).await.expect("the end");
    got
}

#[tokio::test]
async fn trailers_come_behind_the_body_and_repeat_no_key() {
    let done = "data: {\"choices\":[{\"delta\":{\"content\":\"Six.\"}}]}\n\ndata: [DONE]\n\n";
    for (stream, kind, body) in [(false, "application/json", "{}"), (true, "text/event-stream", done)] {
        let said = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\
             trailer: x-sum, x-echo, x-tidegate-endpoint\r\n\r\n{:x}\r\n{body}\r\n\
             0\r\nx-sum: 7\r\nx-echo: Bearer {KEY}\r\nx-tidegate-endpoint: theirs\r\n\r\n",
            body.len()
        );
        let origin = Origin::start(vec![Act::Say(said.into_bytes())]).await;
        let served = behind(&[&origin], "");
        let got = with_trailers(&served, stream).await;
        let (_, behind) = got.rsplit_once("\r\n0\r\n").expect("a last chunk");
        assert!(behind.contains("x-sum: 7\r\n"), "streamed: {stream}: {got}");
        assert!(!got.contains(KEY) && !got.contains("theirs"), "streamed: {stream}: {got}");
        served.until(settled).await;
    }
}

#[tokio::test]
async fn each_event_is_with_the_client_before_the_next_is_said() {
    let told = Arc::new(Notify::new());
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"Six.\"}}]}\n\n";
    let first = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n{event}");
    let rest = format!("{event}data: [DONE]\n\n");
    let origin =
        Origin::start(vec![Act::Pause(first.into_bytes(), Arc::clone(&told), rest.clone().into_bytes())]).await;
    let served = behind(&[&origin], "");
    let mut answer = served.chat("m", true).send().await.expect("an answer");
    let mut got = answer.chunk().await.expect("a piece").expect("an event").to_vec();
    assert_eq!(String::from_utf8_lossy(&got), event, "alone");
    told.notify_one();
    while let Some(piece) = answer.chunk().await.expect("a piece") {
        got.extend_from_slice(&piece);
    }
    assert_eq!(String::from_utf8_lossy(&got), format!("{event}{rest}"));
}

#[tokio::test]
async fn a_large_error_is_passed_on_whole_with_the_wait_it_asks_for() {
    let body = format!(r#"{{"error":{{"message":"{}","type":"invalid_request_error"}}}}"#, "x".repeat(300_000));
    let headers = "content-type: application/json\r\nretry-after: 7\r\n";
    let origin = Origin::start(vec![Act::Say(http("400 Bad Request", headers, &body))]).await;
    let served = behind(&[&origin], "");
    let answer = served.chat("m", false).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (400, "7"));
    assert_eq!(answer.text().await.expect("a body").len(), body.len());
}

#[tokio::test]
async fn a_first_request_that_is_throttled_where_no_limit_is_known_waits_as_long_as_it_is_told_and_no_longer() {
    let body = r#"{"error":{"message":"Rate limit reached on tokens per min (TPM)","type":"tokens","code":"rate_limit_exceeded"}}"#;
    let headers = "content-type: application/json\r\nretry-after-ms: 50\r\n";
    let origin = Origin::start(vec![Act::Say(http("429 Too Many Requests", headers, body)), good()]).await;
    let served = behind(&[&origin], "[queue]\nmax_wait_seconds = 5\n");
    let answer = served.chat("m", false).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "x-tidegate-attempts")), (200, "2"));
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["tokens"]["source"], "unknown", "others filled it, however much that is");
}

#[tokio::test]
async fn an_error_that_everything_was_tried_against_is_not_to_be_tried_again_unless_its_service_says_when() {
    for (says, should_retry) in [("", "false"), ("retry-after: 7\r\n", ""), ("x-should-retry: true\r\n", "false")] {
        let headers = format!("content-type: application/json\r\n{says}");
        let broken = Act::Say(http("500 Internal Server Error", &headers, r#"{"error":{"message":"broken"}}"#));
        let origin = Origin::start(vec![broken]).await;
        let served = behind(&[&origin], "[retry]\nmax_attempts = 2\nbase_delay_ms = 10\nbudget_percent = 100\n");
        let answer = served.chat("m", false).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), header(&answer, "x-should-retry")), (500, should_retry), "{says}");
        assert_eq!(origin.heads().len(), 2);
    }
}

#[tokio::test]
async fn an_error_whose_body_never_ends_does_not_hold_up_the_other_endpoint() {
    let dawdler = b"HTTP/1.1 500 Oops\r\ncontent-length: 1000\r\n\r\n{\"error".to_vec();
    let (first, second) = (Origin::start(vec![Act::Stay(dawdler)]).await, Origin::start(vec![good()]).await);
    let served = behind(&[&first, &second], "[timeouts]\nanswer_seconds = 600\n");
    let answer = served.chat("m", false).send().await.expect("an answer");
    assert_eq!((header(&answer, "x-tidegate-endpoint"), header(&answer, "x-tidegate-attempts")), ("e1", "2"));
    assert_eq!(answer.text().await.expect("a body"), r#"{"ok":true}"#);
}

#[tokio::test]
async fn an_error_whose_body_breaks_off_breaks_off_for_the_client_too() {
    for head in ["content-length: 1000\r\n\r\n{\"error", "transfer-encoding: chunked\r\n\r\n7\r\n{\"error\r\n"] {
        let cut = format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\nx-kept: yes\r\n{head}").into_bytes();
        let origin = Origin::start(vec![Act::Say(cut)]).await;
        let served = behind(&[&origin], "");
        let mut answer = served.chat("m", false).send().await.expect("its head");
        assert_eq!((answer.status().as_u16(), header(&answer, "x-kept")), (400, "yes"));
        assert_eq!(answer.chunk().await.expect("what came").expect("what came"), "{\"error");
        assert!(answer.chunk().await.is_err(), "half an error must not look whole");
        served.until(settled).await;
    }
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_is_ended_at_its_service_at_once_and_charged_what_was_seen() {
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".repeat(90);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin =
        Origin { port: listener.local_addr().expect("an address").port(), heads: Arc::new(Mutex::new(Vec::new())) };
    let ended = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut got = vec![0; 65_536];
        let _ = socket.read(&mut got).await;
        socket.write_all(format!("{head}{events}").as_bytes()).await.expect("it is sent");
        // Its body may come behind; then nothing more until the end.
        while socket.read(&mut got).await.unwrap_or(0) > 0 {}
    });
    let served = behind(&[&origin], "");
    let mut answer = served.chat("m", true).send().await.expect("an answer");
    let mut got = 0;
    while got < 90 {
        let piece = answer.chunk().await.expect("a chunk").expect("more");
        got += String::from_utf8_lossy(&piece).matches("content").count();
    }
    drop(answer);
    tokio::time::timeout(std::time::Duration::from_secs(10), ended).await.expect("no more is made").expect("it ends");
    let status = served.until(settled).await;
    let counters = counters(&status);
    assert_eq!((&counters["tokens_out"], &counters["failed"]), (&json!(90), &json!(0)), "{counters}");
    assert!(counters["charged"].as_u64() >= Some(90), "{counters}");
}

#[tokio::test]
async fn a_document_cut_in_the_middle_is_an_error_for_the_client_and_a_cut_in_the_books() {
    let cut = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{{\"half\":{}",
        " ".repeat(80_000)
    );
    let origin = Origin::start(vec![Act::Say(cut.into_bytes())]).await;
    let served = behind(&[&origin], "");
    let answer = served.chat("m", false).send().await.expect("its head");
    assert!(answer.bytes().await.is_err(), "half a document must not look whole");
    let status = served.until(settled).await;
    assert_eq!((&counters(&status)["answered"], &counters(&status)["failed"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_short_document_that_breaks_behind_its_head_is_had_elsewhere() {
    for body in ["content-length: 100\r\n\r\n{\"half\":", "transfer-encoding: chunked\r\n\r\n8\r\n{\"half\":\r\n"] {
        let cut = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{body}").into_bytes();
        let (first, second) = (Origin::start(vec![Act::Say(cut)]).await, Origin::start(vec![good()]).await);
        let served = behind(&[&first, &second], "");
        let answer = served.chat("m", false).send().await.expect("an answer");
        assert_eq!((header(&answer, "x-tidegate-endpoint"), header(&answer, "x-tidegate-attempts")), ("e1", "2"));
        assert_eq!(answer.text().await.expect("a body"), r#"{"ok":true}"#, "nobody had seen anything of the first");
    }
}

#[tokio::test]
async fn a_document_whose_length_nobody_knows_is_not_held_back_for_long() {
    let told = Arc::new(Notify::new());
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n \r\n".to_vec();
    let rest = b"b\r\n{\"ok\":true}\r\n0\r\nx-checksum: 7\r\n\r\n".to_vec();
    let origin = Origin::start(vec![Act::Pause(head, Arc::clone(&told), rest)]).await;
    let served = behind(&[&origin], "");
    let mut answer = served.chat("m", false).send().await.expect("its head, though the service only sends blanks");
    assert_eq!(answer.chunk().await.expect("a part").expect("a part"), " ");
    told.notify_one();
    assert_eq!(answer.text().await.expect("the rest"), r#"{"ok":true}"#);
}

#[tokio::test]
async fn a_stream_compressed_against_our_wish_passes_as_it_is() {
    let headers = "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n";
    let origin = Origin::start(vec![Act::Say(http("200 OK", headers, "\u{1f}not really gzip"))]).await;
    let served = behind(&[&origin], "");
    let answer = served.chat("m", true).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, "gzip"));
    assert_eq!(answer.text().await.expect("a body"), "\u{1f}not really gzip");
    assert!(origin.heads()[0].contains("accept-encoding: identity"));
}

#[tokio::test]
async fn a_client_that_hangs_up_after_the_last_event_got_everything() {
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let origin = Origin::start(vec![Act::Stay(format!("{head}{events}").into_bytes())]).await;
    let served = behind(&[&origin], "");
    let mut answer = served.chat("m", true).send().await.expect("an answer");
    let mut got = String::new();
    while !got.ends_with("[DONE]\n\n") {
        got.push_str(&String::from_utf8_lossy(&answer.chunk().await.expect("a chunk").expect("more")));
    }
    drop(answer);
    let status = served.until(settled).await;
    assert_eq!(counters(&status)["answered"], 1);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_gives_its_place_back() {
    let origin = Origin::start(vec![Act::Stay(Vec::new())]).await;
    let served = behind(&[&origin], "");
    let request = tokio::spawn(served.chat("m", false).send());
    served.until(|status| status["endpoints"][0]["in_flight"] == 1).await;
    request.abort();
    let status = served.until(settled).await;
    assert_eq!(counters(&status)["failed"], 0, "the endpoint is not to blame");
}

#[tokio::test]
async fn a_loop_over_a_second_proxy_is_closed() {
    let origin = Origin::start(vec![good()]).await;
    let served = behind(&[&origin], "");
    let request = || served.chat("m", false);
    request().header("via", "1.1 someone").send().await.expect("an answer");
    let head = origin.heads().pop().expect("a request");
    let vias: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("via: 1.1 ")).collect();
    assert!(vias.len() == 2 && vias[0] == "someone" && vias[1].starts_with("tidegate-"), "{head}");
    let back = request().header("via", format!("1.1 {}, 1.1 someone", vias[1])).send().await.expect("an answer");
    assert_eq!(back.status().as_u16(), 508);
}

#[tokio::test]
async fn an_account_out_of_credit_is_named_by_its_own_answer() {
    let body = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let origin =
        Origin::start(vec![Act::Say(http("429 Too Many Requests", "content-type: application/json\r\n", body))]).await;
    let served = behind(&[&origin], "");
    let answer = served.chat("m", false).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "x-tidegate-429-source")), (429, "provider"));
    assert_eq!(answer.text().await.expect("a body"), body);
}

#[tokio::test]
async fn requests_of_other_kinds_get_a_clear_answer() {
    let origin = Origin::start(vec![good()]).await;
    let served = behind(&[&origin], "");
    let address = served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let body = r#"{"model":"m","messages":[]}"#;
    let post = |version: &str, more: &str| {
        let length = body.len();
        format!(
            "POST /v1/chat/completions HTTP/{version}\r\nhost: {address}\r\ncontent-length: {length}\r\n{more}\r\n{body}"
        )
    };
    for (request, expected) in [
        (format!("OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\n\r\n"), "HTTP/1.1 405"),
        (format!("HEAD /v1/models HTTP/1.1\r\nhost: {address}\r\n\r\n"), "HTTP/1.1 405"),
        (format!("GET /v1/models HTTP/1.1\r\nhost: {address}\r\n\r\n"), "HTTP/1.1 200"),
        (post("1.0", ""), "HTTP/1.0 200"),
        (post("1.1", ""), "HTTP/1.1 200"),
        (post("1.1", "expect: 100-continue\r\n"), "HTTP/1.1 100"),
        (post("1.1", "origin: https://evil.example\r\n"), "HTTP/1.1 403"),
        (format!("POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n"), "HTTP/1.1 400"),
        (
            format!("POST /v1/chat/completions/ HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n"),
            "HTTP/1.1 404",
        ),
    ] {
        let mut socket = TcpStream::connect(&address).await.expect("a connection");
        socket.write_all(request.as_bytes()).await.expect("it is sent");
        let mut start = vec![0; expected.len()];
        socket.read_exact(&mut start).await.expect("an answer");
        assert_eq!(String::from_utf8_lossy(&start), expected, "{request}");
    }
    assert!(origin.heads().iter().all(|head| !head.contains("expect:")));
}

#[tokio::test]
async fn stopping_lets_streams_finish_refuses_who_waits_and_takes_nobody_new() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let go_on = Arc::new(Notify::new());
    let first = format!("{head}{word}").into_bytes();
    let origin = Origin::start(vec![Act::Pause(first, Arc::clone(&go_on), b"data: [DONE]\n\n".to_vec())]).await;
    let endpoint = format!(
        "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n\
         credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"e\"\naccount = \"a\"\nmodel = \"m\"\n\
         max_in_flight = 1\n[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"e\"]\n",
        origin.port
    );
    let mut served = serve(&endpoint, &[("KEY", KEY)]);
    let mut stream = served.chat("m", true).send().await.expect("its head");
    let waiting = tokio::spawn(served.chat("m", true).send());
    served.until(|status| status["queue"]["waiting"] == 1).await;
    served.ask_to_stop();
    let refused = waiting.await.expect("it ends").expect("an answer");
    assert_eq!(refused.status().as_u16(), 503);
    let address = served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    let mut got = Vec::new();
    while let Some(bytes) = stream.chunk().await.expect("the stream goes on") {
        got.extend_from_slice(&bytes);
    }
    assert_eq!(String::from_utf8_lossy(&got), format!("{word}data: [DONE]\n\n"));
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test]
async fn nothing_of_a_clients_own_identity_goes_upstream() {
    let origin = Origin::start(vec![good()]).await;
    let served = behind(&[&origin], "");
    let url = served.url("chat/completions?api-key=clients-word");
    let mut request = served.client.post(url).json(&json!({"model": "m", "messages": []}));
    for name in ["api-key", "x-api-key", "cookie", "openai-organization", "openai-project", "x-goog-api-key"] {
        request = request.header(name, "clients-word");
    }
    request.bearer_auth("clients-word").header("connection", "authorization").send().await.expect("an answer");
    let head = origin.heads().pop().expect("a request");
    assert!(!head.contains("clients-word"), "{head}");
    assert!(head.contains(&format!("authorization: bearer {KEY}")), "{head}");
}
