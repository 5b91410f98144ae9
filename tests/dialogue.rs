//! Responses over a WebSocket: each question is admitted and counted by itself, may fail over until its first output, and the
//! socket stays with the account that answered.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use origin::{Origin, json, route};
use serde_json::Value;
use served::{Served, serve, settled};
use tidegate::backend::{self, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const SIMULATED: &str = "[[account]]\nid = \"s\"\nservice = \"simulated\"\n[[endpoint]]\nid = \"es\"\naccount = \"s\"\n\
     model = \"m\"\ntokens_per_minute = 100000\nsimulated = { first_token_ms = 1 }\n";
const LIMITED: &str = r#"{"type":"error","status":429,"error":{"code":"rate_limit_exceeded","message":"Slow down"}}"#;

type Socket = WebSocketStream<TcpStream>;

async fn socket(served: &Served) -> Socket {
    socket_at(&served.base_url).await
}

async fn socket_at(base_url: &str) -> Socket {
    let address = base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let stream = TcpStream::connect(&address).await.expect("a connection");
    tokio_tungstenite::client_async(format!("ws://{address}/v1/responses"), stream).await.expect("a socket").0
}

/// Asks and hears until the answer or an error is whole; the names of its events, and the last one.
async fn ask(socket: &mut Socket, question: &str) -> (Vec<String>, Value) {
    socket.send(Message::text(question.to_owned())).await.expect("it is sent");
    let mut names = Vec::new();
    loop {
        let message = socket.next().await.expect("more").expect("a message");
        let event: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        let name = event["type"].as_str().expect("a type").to_owned();
        names.push(name.clone());
        if matches!(name.as_str(), "response.completed" | "response.incomplete" | "response.failed" | "error") {
            return (names, event);
        }
    }
}

fn question(more: &str) -> String {
    format!(
        r#"{{"type":"response.create","model":"m","max_output_tokens":40,"input":"When does the tide turn?"{more}}}"#
    )
}

/// An upstream that answers its n-th message, over all its sockets, with the n-th text, the last one again and again; what it heard.
async fn scripted(script: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(Message::Text(text))) = socket.next().await {
                    let place = {
                        let mut kept = kept.lock().expect("unbroken");
                        kept.push(text.to_string());
                        kept.len() - 1
                    };
                    let said = script.get(place).or(script.last()).expect("a script");
                    for message in said.split('\n').filter(|message| !message.is_empty()) {
                        if socket.send(Message::text(message.to_owned())).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    (account_at(port), heard)
}

fn account_at(port: u16) -> String {
    format!(
        "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n\
         credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\ndeployment = \"at a\"\n"
    )
}

const ANSWER: &str = "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_9\"}}\n\
    {\"type\":\"response.output_text.delta\",\"delta\":\"At six.\"}\n\
    {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_9\",\"usage\":{\"input_tokens\":5,\"output_tokens\":7}}}";

#[tokio::test]
async fn questions_on_one_socket_are_answered_one_by_one_and_counted_each() {
    let served = serve(&format!("{SIMULATED}{}", route("m", &["es"])), &[]);
    let mut socket = socket(&served).await;
    let (names, last) = ask(&mut socket, &question("")).await;
    assert_eq!(names.first().map(String::as_str), Some("response.created"));
    let id = last["response"]["id"].as_str().expect("an id").to_owned();
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["counters"]["answered"], 1, "an idle socket is no request: {status:#}");
    let used = status["endpoints"][0]["counters"]["tokens_out"].as_u64().expect("a number");
    assert!(used > 0, "its usage is read from its events");
    let (names, _) = ask(&mut socket, &question(&format!(",\"previous_response_id\":\"{id}\""))).await;
    assert_ne!(names.last().map(String::as_str), Some("error"), "what it builds on is known there: {names:?}");
    let status = served.until(|status| status["endpoints"][0]["counters"]["answered"] == 2).await;
    assert!(status["endpoints"][0]["counters"]["tokens_out"].as_u64() > Some(used));
    assert_eq!(status["endpoints"][0]["tokens"]["reserved"], 0);
}

#[tokio::test]
async fn a_rate_limit_inside_the_socket_is_met_elsewhere_before_any_output() {
    let (account, heard) = scripted(&[LIMITED]).await;
    let served = serve(&format!("{account}{SIMULATED}{}", route("m", &["ea", "es"])), &[("KEY", "our-key")]);
    let (names, _) = ask(&mut socket(&served).await, &question("")).await;
    assert!(!names.contains(&"error".to_owned()) && names[0] == "response.created", "{names:?}");
    let heard = heard.lock().expect("unbroken").clone();
    assert_eq!(heard, [question("").replace("\"m\"", "\"at a\"")], "as it came but for the model's name");
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["health"]["state"], "resting", "{status:#}");
}

#[tokio::test]
async fn a_handshake_that_is_refused_leads_elsewhere() {
    let busy = Origin::start(|_| json(429, r#"{"error":{"code":"rate_limit_exceeded"}}"#)).await;
    let config = format!("{}{SIMULATED}{}", busy.account("a", "m"), route("m", &["ea", "es"]));
    let served = serve(&config, &[("KEY", "k")]);
    let (names, _) = ask(&mut socket(&served).await, &question("")).await;
    assert_eq!(names[0], "response.created");
    assert_eq!(busy.paths(), ["GET /v1/responses"]);
}

#[tokio::test]
async fn a_socket_stays_with_the_account_that_answered_it() {
    let (account, heard) = scripted(&[ANSWER, LIMITED]).await;
    let config = format!("[queue]\nmax_wait_seconds = 1\n{account}{SIMULATED}{}", route("m", &["ea", "es"]));
    let served = serve(&config, &[("KEY", "our-key")]);
    let mut socket = socket(&served).await;
    assert_eq!(ask(&mut socket, &question("")).await.0.last().map(String::as_str), Some("response.completed"));
    let (names, last) = ask(&mut socket, &question("")).await;
    assert_eq!((names, &last["status"]), (vec!["error".to_owned()], &429.into()), "{last}");
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][1]["counters"]["attempts"], 0, "no other account knows what was said before");
    assert!(heard.lock().expect("unbroken").len() >= 2);
    let counters = &status["endpoints"][0]["counters"];
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&5.into(), &7.into()));
}

#[tokio::test]
async fn a_question_that_does_not_fit_is_refused_in_the_sockets_own_words_and_the_socket_lives_on() {
    let small = SIMULATED.replace("100000", "200");
    let config = format!("[queue]\nmax_wait_seconds = 1\n{small}{}", route("m", &["es"]));
    let served = serve(&config, &[]);
    let mut socket = socket(&served).await;
    let large = question("").replace("\"max_output_tokens\":40", "\"max_output_tokens\":150");
    assert_ne!(ask(&mut socket, &large).await.0.last().map(String::as_str), Some("error"));
    let (_, last) = ask(&mut socket, &large).await;
    assert_eq!((&last["status"], &last["error"]["code"]), (&429.into(), &"rate_limit_exceeded".into()), "{last}");
    let (_, last) = ask(&mut socket, r#"{"type":"response.create","input":"x"}"#).await;
    assert_eq!(last["status"], 400, "no model is named: {last}");
    let (_, last) = ask(&mut socket, &question("").replace("\"m\"", "\"nobody\"")).await;
    assert_eq!(last["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_for_an_answer_leaves_nothing_behind() {
    let (account, _) = scripted(&[""]).await;
    let served = serve(&format!("{account}{}", route("m", &["ea"])), &[("KEY", "our-key")]);
    let mut socket = socket(&served).await;
    socket.send(Message::text(question(""))).await.expect("it is sent");
    served.until(|status| status["endpoints"][0]["in_flight"] == 1).await;
    socket.close(None).await.expect("it is closed");
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["tokens"]["reserved"], 0);
}

/// An upstream that answers whatever it hears once it is let.
async fn slow(let_go: Arc<Notify>) -> (String, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(Notify::new());
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (heard, let_go) = (Arc::clone(&heard), Arc::clone(&let_go));
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(Message::Text(_))) = socket.next().await {
                    heard.notify_one();
                    let_go.notified().await;
                    for message in ANSWER.split('\n') {
                        let _ = socket.send(Message::text(message.to_owned())).await;
                    }
                }
            });
        }
    });
    (account_at(port), asked)
}

/// How a socket that says nothing is closed.
async fn closed(socket: &mut Socket) -> (CloseCode, String) {
    match socket.next().await.expect("a farewell").expect("a message") {
        Message::Close(Some(frame)) => (frame.code, frame.reason.to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_socket_on_which_nobody_asks_is_closed_in_time_and_never_during_a_response() {
    let let_go = Arc::new(Notify::new());
    let (account, asked) = slow(Arc::clone(&let_go)).await;
    let config = format!("[timeouts]\nsocket_idle_seconds = 1\n{account}{}", route("m", &["ea"]));
    let served = serve(&config, &[("KEY", "our-key")]);
    let mut busy = socket(&served).await;
    busy.send(Message::text(question(""))).await.expect("it is sent");
    asked.notified().await;
    // One that begins later and asks for nothing has its whole time while the other waits for its answer.
    let (code, reason) = closed(&mut socket(&served).await).await;
    assert_eq!(code, CloseCode::Away);
    assert!(reason.contains("no response is asked for"), "{reason}");
    let_go.notify_one();
    let mut last = String::new();
    while !last.contains("response.completed") {
        last = busy.next().await.expect("more").expect("a message").to_text().expect("text").to_owned();
    }
    assert_eq!(closed(&mut busy).await.0, CloseCode::Away, "its own time begins with the end of its answer");
    served.until(settled).await;
}

/// An upstream that agrees to a socket and takes nothing in from it.
async fn deaf() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.extend(tokio_tungstenite::accept_async(stream).await);
        }
    });
    account_at(port)
}

#[tokio::test]
async fn an_endpoint_that_takes_a_question_in_never_is_left_as_one_that_sends_no_head() {
    let limits = "[retry]\nmax_attempts = 1\n[timeouts]\nstream_head_seconds = 1\n";
    let served = serve(&format!("{limits}{}{}", deaf().await, route("m", &["ea"])), &[("KEY", "k")]);
    let mut socket = socket(&served).await;
    // More than the system takes in for a program that does not read.
    let long = "x".repeat(24 << 20);
    let (names, _) = ask(&mut socket, &question(&format!(",\"instructions\":\"{long}\""))).await;
    assert_eq!(names, ["error"]);
}

/// An upstream whose answers begin with as many bytes as the question wants, each in an event of its own.
async fn wordy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(Message::Text(question))) = socket.next().await {
                    for message in long_answer(&question) {
                        let _ = socket.send(Message::text(message)).await;
                    }
                }
            });
        }
    });
    account_at(port)
}

/// Three events that each repeat the question, as services do with instructions.
fn long_answer(question: &str) -> [String; 3] {
    let repeated = json_text(question);
    [
        format!(r#"{{"type":"response.created","response":{{"id":"resp_9","instructions":{repeated}}}}}"#),
        format!(r#"{{"type":"response.output_text.delta","delta":{repeated}}}"#),
        format!(
            r#"{{"type":"response.completed","response":{{"id":"resp_9","instructions":{repeated},"usage":{{"input_tokens":5,"output_tokens":7}}}}}}"#
        ),
    ]
}

fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

#[tokio::test]
async fn messages_of_megabytes_pass_as_they_came_and_are_counted() {
    let served = serve(&format!("{}{}", wordy().await, route("m", &["ea"])), &[("KEY", "our-key")]);
    let mut socket = socket(&served).await;
    for length in [70_000, 3_000_000] {
        let question = question(&format!(",\"instructions\":\"{}\"", "x".repeat(length)));
        socket.send(Message::text(question.clone())).await.expect("it is sent");
        for expected in long_answer(&question.replace("\"m\"", "\"at a\"")) {
            let message = socket.next().await.expect("more").expect("a message");
            assert!(message.to_text().expect("text") == expected, "of {length} bytes something is another");
        }
    }
    let status = served.until(|status| status["endpoints"][0]["counters"]["answered"] == 2).await;
    let counters = &status["endpoints"][0]["counters"];
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&10.into(), &14.into()));
}

/// The head of a frame of the client's that announces so many bytes of text.
fn announces(length: u64) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 127];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame
}

#[tokio::test]
async fn a_message_longer_than_a_body_may_be_ends_its_socket_and_its_client_hears_why() {
    for (bounds, mib) in [("", 64), ("[bodies]\nlargest_mib = 1\n", 1)] {
        let served = serve(&format!("{bounds}{SIMULATED}{}", route("m", &["es"])), &[]);
        let mut socket = socket(&served).await;
        let length = (mib << 20) + 1;
        socket.get_mut().write_all(&announces(length)).await.expect("it is sent");
        // It is said to its end, and as much again behind it, as by a client that reads when it has spoken.
        for _ in 0..2 * mib {
            socket.get_mut().write_all(&vec![0; 1 << 20]).await.expect("it is sent, too");
        }
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, CloseCode::Size);
        assert!(reason.contains(&format!(" {mib} MiB")), "{reason}");
        served.until(settled).await;
    }
}

#[tokio::test]
async fn a_client_that_says_too_much_during_an_answer_is_told_so_and_not_that_its_endpoint_is_lost() {
    let (account, _) = scripted(&[BEGUN]).await;
    let mut served = serve(&format!("{account}{}", route("m", &["ea"])), &[("KEY", "our-key")]);
    let mut socket = socket(&served).await;
    hear_begin(&mut socket, BEGUN).await;
    socket.get_mut().write_all(&announces((64 << 20) + 1)).await.expect("it is sent");
    assert_eq!(closed(&mut socket).await.0, CloseCode::Size);
    drop(socket);
    ends_as(&mut served, "long_asked");
}

/// What the one request on record says of its end.
fn ends_as(served: &mut Served, why: &str) {
    assert_eq!(served.terminate(), Some(0));
    let end = format!(r#""end":{{"answered":{{"ended":"{why}"}}}}"#);
    assert!(served.everything_written().contains(&end), "not {end}");
}

#[tokio::test]
async fn a_socket_on_which_nothing_is_asked_is_told_that_tidegate_stops() {
    let mut served = serve(&format!("{SIMULATED}{}", route("m", &["es"])), &[]);
    let mut socket = socket(&served).await;
    ask(&mut socket, &question("")).await;
    served.ask_to_stop();
    let (code, reason) = closed(&mut socket).await;
    assert!(code == CloseCode::Away && reason.contains("stopped"), "{code}: {reason}");
    assert_eq!(served.child.wait().expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn an_answer_that_is_not_over_when_tidegate_stops_at_once_is_told_so_on_its_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let slow = SIMULATED.replace("first_token_ms = 1", "first_token_ms = 1, tokens_per_second = 1");
    std::fs::write(folder.path().join("config.toml"), format!("{slow}{}", route("m", &["es"]))).expect("it is written");
    let options =
        Options { config_dir: Some(folder.path().into()), headless: true, port: Some(0), ..Options::default() };
    let running = tokio::task::spawn_blocking(|| backend::start(options).expect("it starts")).await.expect("no panic");
    let mut socket = socket_at(running.base_url()).await;
    socket.send(Message::text(question(""))).await.expect("it is sent");
    while !said(&mut socket).await.contains("output_text.delta") {}
    let stopping = tokio::task::spawn_blocking(|| running.stop_now());
    let told = loop {
        let event = said(&mut socket).await;
        if !event.contains("output_text.delta") {
            break event;
        }
    };
    assert!(told.contains("\"error\"") && told.contains("stopped"), "{told}");
    assert_eq!(closed(&mut socket).await.0, CloseCode::Away);
    stopping.await.expect("it ends");
}

async fn said(socket: &mut Socket) -> String {
    let message = timeout(Duration::from_secs(30), socket.next()).await.expect("in time").expect("more");
    message.expect("a message").to_text().expect("text").to_owned()
}

/// The begin of an answer that goes on.
const BEGUN: &str = "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_9\"}}\n\
    {\"type\":\"response.output_text.delta\",\"delta\":\"At six.\"}";

/// A service that answers with these messages and such bytes.
async fn saying(says: &'static str, then: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let then = then.clone();
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(Message::Text(_))) = socket.next().await {
                    for message in says.split('\n').filter(|message| !message.is_empty()) {
                        let _ = socket.send(Message::text(message.to_owned())).await;
                    }
                    let _ = socket.get_mut().write_all(&then).await;
                }
            });
        }
    });
    account_at(port)
}

/// The head of a frame of the service's that announces so many bytes of text.
fn announces_unmasked(length: u64) -> Vec<u8> {
    [&[0x81, 127][..], &length.to_be_bytes()].concat()
}

/// Asks, and hears the begin of an answer.
async fn hear_begin(socket: &mut Socket, begin: &str) {
    socket.send(Message::text(question(""))).await.expect("it is sent");
    for expected in begin.split('\n').filter(|message| !message.is_empty()) {
        assert_eq!(socket.next().await.expect("more").expect("a message").to_text().expect("text"), expected);
    }
}

#[tokio::test]
async fn a_message_of_the_service_that_is_too_long_ends_the_socket_and_is_paid_for_once() {
    for says in ["", BEGUN] {
        let config = format!(
            "{}{SIMULATED}{}",
            saying(says, announces_unmasked((64 << 20) + 1)).await,
            route("m", &["ea", "es"])
        );
        let mut served = serve(&config, &[("KEY", "our-key")]);
        let mut socket = socket(&served).await;
        hear_begin(&mut socket, says).await;
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, CloseCode::Size);
        assert!(reason.contains("service") && reason.contains("64 MiB"), "{reason}");
        let status = served.until(settled).await;
        let attempts = [0, 1].map(|at| status["endpoints"][at]["counters"]["attempts"].as_u64());
        assert_eq!(attempts, [Some(1), Some(0)], "nobody else is asked: {status:#}");
        assert_eq!(status["endpoints"][0]["counters"]["failed"], 0, "its endpoint is not held to be ill");
        drop(socket);
        ends_as(&mut served, "long_answered");
    }
}

#[tokio::test]
async fn what_waits_on_a_socket_is_no_more_than_a_body_may_be() {
    let (account, asked) = slow(Arc::new(Notify::new())).await;
    let config = format!("[bodies]\nlargest_mib = 1\n{account}{}", route("m", &["ea"]));
    let served = serve(&config, &[("KEY", "our-key")]);
    let mut socket = socket(&served).await;
    let long = question(&format!(",\"instructions\":\"{}\"", "x".repeat(600_000)));
    socket.send(Message::text(long.clone())).await.expect("it is sent");
    asked.notified().await;
    socket.send(Message::text(long.clone())).await.expect("it waits");
    let asking = timeout(Duration::from_secs(30), ask(&mut socket, &long));
    let (_, last) = asking.await.expect("in time");
    assert!(last["error"]["message"].as_str().expect("a reason").contains("one at a time"), "{last}");
}

#[tokio::test]
async fn a_client_that_takes_its_answer_in_never_is_let_go() {
    // More than the system takes in for a program that does not read.
    let length = 24 << 20;
    let long = [announces_unmasked(length), vec![b'x'; usize::try_from(length).expect("a size")]].concat();
    let account = saying(BEGUN, long).await;
    let mut served =
        serve(&format!("[timeouts]\nstream_idle_seconds = 2\n{account}{}", route("m", &["ea"])), &[("KEY", "k")]);
    let mut socket = socket(&served).await;
    hear_begin(&mut socket, BEGUN).await;
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["counters"]["failed"], 0, "its endpoint did what it was asked for");
    drop(socket);
    ends_as(&mut served, "not_taken");
}

/// A service that agrees to a socket, says so much, and answers whoever looks for the response that it is over.
async fn in_the_background(says: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let over =
        r#"{"object":"response","id":"resp_9","status":"completed","usage":{"input_tokens":5,"output_tokens":7}}"#;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4_096];
                let head = loop {
                    let count = stream.peek(&mut head).await.expect("a head");
                    let said = String::from_utf8_lossy(&head[..count]);
                    if count == 0 || said.contains("\r\n\r\n") {
                        break said.into_owned();
                    }
                    tokio::task::yield_now().await;
                };
                if !head.contains("upgrade: websocket") {
                    let length = over.len();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{over}"
                    );
                    stream.read_exact(&mut vec![0; head.len()]).await.expect("its head");
                    stream.write_all(answer.as_bytes()).await.expect("it is sent");
                    return;
                }
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(Message::Text(_))) = socket.next().await {
                    for message in says.split('\n') {
                        let _ = socket.send(Message::text(message.to_owned())).await;
                    }
                }
            });
        }
    });
    account_at(port)
}

#[tokio::test]
async fn a_response_in_the_background_whose_client_leaves_the_socket_is_counted_once_when_it_is_seen_to_be_over() {
    const BEGUN: &str = r#"{"type":"response.created","response":{"object":"response","id":"resp_9","status":"queued","background":true}}"#;
    const WORD: &str = "{\"type\":\"response.created\",\"response\":{\"object\":\"response\",\"id\":\"resp_9\",\"status\":\"queued\",\"background\":true}}\n\
        {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}";
    for says in [BEGUN, WORD] {
        let served = serve(&format!("{}{}", in_the_background(says).await, route("m", &["ea"])), &[("KEY", "k")]);
        let mut socket = socket(&served).await;
        socket.send(Message::text(question(",\"background\":true"))).await.expect("it is sent");
        let first = timeout(Duration::from_secs(30), socket.next()).await.expect("in time");
        let first = first.expect("more").expect("a message");
        assert!(first.to_text().expect("text").contains("resp_9"), "its id comes before any output");
        drop(socket);
        let status = served.until(settled).await;
        assert_eq!(status["sizes"]["unfinished"], 1, "it goes on: {status:#}");
        for _ in 0..2 {
            let answer = served.client.get(served.url("responses/resp_9")).send().await.expect("an answer");
            answer.bytes().await.expect("a body");
        }
        let status = served.until(settled).await;
        let counters = &status["endpoints"][0]["counters"];
        assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&5.into(), &7.into()));
    }
}

/// An upstream that begins an answer to its first question and takes nothing in from then on.
async fn deaf_after_a_word() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a socket");
        let _ = socket.next().await;
        for event in ANSWER.lines().take(2) {
            socket.send(Message::text(event)).await.expect("it is sent");
        }
        std::future::pending::<()>().await;
    });
    account_at(port)
}

#[tokio::test]
async fn a_stop_while_something_is_said_up_a_socket_is_no_fault_of_its_endpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let account = deaf_after_a_word().await.replace("{ env = \"KEY\" }", "{ command = [\"echo\", \"k\"] }");
    std::fs::write(folder.path().join("config.toml"), format!("{account}{}", route("m", &["ea"])))
        .expect("it is written");
    let options =
        Options { config_dir: Some(folder.path().into()), headless: true, port: Some(0), ..Options::default() };
    let running = tokio::task::spawn_blocking(|| backend::start(options).expect("it starts")).await.expect("no panic");
    let mut socket = socket_at(running.base_url()).await;
    socket.send(Message::text(question(""))).await.expect("it is sent");
    while !said(&mut socket).await.contains("output_text.delta") {}
    // More than the systems on the way take in, so it is taken from us once it is being passed on.
    let long = format!(r#"{{"type":"other","more":"{}"}}"#, "x".repeat(48 << 20));
    socket.send(Message::text(long)).await.expect("it is sent");
    tokio::task::spawn_blocking(|| running.stop_now()).await.expect("it ends");
    let written = served::written_in(folder.path());
    assert!(written.contains(r#""end":{"answered":{"ended":"stop"}}"#), "it is held against its endpoint");
}
