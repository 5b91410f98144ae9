//! Realtime sessions: admitted like any request, passed through byte for byte, counted from what the service says.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use origin::{Origin, json, route};
use served::{Served, serve, serve_with_files, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const SIMULATED: &str = "[[account]]\nid = \"s\"\nservice = \"simulated\"\n[[endpoint]]\nid = \"es\"\naccount = \"s\"\n\
     model = \"m\"\ntokens_per_minute = 100000\nsimulated = { first_token_ms = 1 }\n";

fn address(served: &Served) -> String {
    served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

async fn session(served: &Served) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address(served)).await.expect("a connection");
    let url = format!("ws://{}/v1/realtime?model=m", address(served));
    tokio_tungstenite::client_async(url, stream).await.expect("a session").0
}

async fn said(socket: &mut WebSocketStream<TcpStream>) -> serde_json::Value {
    let message = socket.next().await.expect("more").expect("a message");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

/// An upstream that says 101 and then whatever it hears; it keeps what it was asked.
async fn echo() -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let head = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&head);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(say_back(socket, Arc::clone(&kept)));
        }
    });
    (port, head)
}

async fn say_back(mut socket: TcpStream, kept: Arc<Mutex<String>>) {
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        got.push(socket.read_u8().await.expect("a head"));
    }
    *kept.lock().expect("unbroken") = String::from_utf8_lossy(&got).into_owned();
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                  sec-websocket-accept: x\r\nx-request-id: r1\r\n\r\n";
    socket.write_all(agreed.as_bytes()).await.expect("it is sent");
    let (mut from, mut to) = socket.split();
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

fn before_port(port: u16) -> Served {
    serve(&config_of(port), &[("KEY", "our-key")])
}

fn config_of(port: u16) -> String {
    format!(
        "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n\
         credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\ndeployment = \"at a\"\n{}",
        route("m", &["ea"])
    )
}

fn upgrade(host: &str, version: &str, more: &str) -> String {
    format!(
        "GET /v1/realtime?model=m&x=1&api-key=mine HTTP/{version}\r\nhost: {host}\r\nconnection: Upgrade, x-nominated\r\n\
         upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n{more}\r\n"
    )
}

async fn status_line(socket: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(socket.read_u8().await.expect("a status"));
    }
    String::from_utf8_lossy(&line).trim().to_owned()
}

#[tokio::test]
async fn a_session_is_answered_and_its_usage_counted() {
    let served = serve(&format!("{SIMULATED}{}", route("m", &["es"])), &[]);
    let mut socket = session(&served).await;
    assert_eq!(said(&mut socket).await["type"], "session.created");
    for _ in 0..2 {
        socket.send(Message::text(r#"{"type":"response.create"}"#)).await.expect("it is sent");
        while said(&mut socket).await["type"] != "response.done" {}
    }
    let status = served.until(|status| status["in_flight"] == 1).await;
    assert_eq!(status["endpoints"][0]["in_flight"], 1, "it holds its place");
    socket.close(None).await.expect("it is closed");
    let status = served.until(settled).await;
    let counters = &status["endpoints"][0]["counters"];
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&10.into(), &14.into()));
}

/// The head of a handshake at this target, and the socket behind its answer.
async fn shaken(served: &Served, target: &str) -> (String, TcpStream) {
    let mut socket = TcpStream::connect(address(served)).await.expect("a connection");
    let asked = upgrade(&address(served), "1.1", "").replace("/v1/realtime?model=m&x=1&api-key=mine", target);
    socket.write_all(asked.as_bytes()).await.expect("it is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a head"));
    }
    (String::from_utf8_lossy(&head).into_owned(), socket)
}

#[tokio::test]
async fn a_socket_at_any_path_is_tunnelled_to_one_account() {
    let refuses = Origin::start(|_| json(404, "{}")).await;
    let (port, asked) = echo().await;
    let second = config_of(port).replace("id = \"a\"", "id = \"b\"").replace("\"a\"", "\"b\"").replace("ea", "eb");
    let config = format!("{}{second}{}", refuses.account("a", "n"), route("n", &["ea"]));
    let served = serve(&config, &[("KEY", "our-key")]);
    for (target, expected) in [
        ("/v1/realtime?call_id=rtc_abc&api-key=mine", "GET /v1/realtime?call_id=rtc_abc "),
        ("/v1/realtime?intent=transcription", "GET /v1/realtime?intent=transcription "),
        ("/v1/realtime/translations?model=m", "GET /v1/realtime/translations?model=at%20a "),
        ("/v1/next_years/talk", "GET /v1/next_years/talk "),
        ("/v1/audio/transcriptions", "GET /v1/audio/transcriptions "),
    ] {
        let (head, mut socket) = shaken(&served, target).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{target}: {head}");
        let done = frame(r#"{"type":"response.done","response":{"usage":{"input_tokens":5,"output_tokens":7}}}"#);
        socket.write_all(&done).await.expect("it is sent");
        socket.read_exact(&mut vec![0; done.len()]).await.expect("it comes back");
        let head = asked.lock().expect("unbroken").clone();
        assert!(head.starts_with(expected) && head.contains("authorization: Bearer our-key"), "{head}");
    }
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][1]["counters"]["tokens_out"], 5 * 7, "what was used there counts: {status:#}");
    assert_eq!(refuses.got().len(), 4, "who has no such thing is asked once, and never by its model's name");
    // Where it was found it is asked for at once.
    let (head, _socket) = shaken(&served, "/v1/realtime?call_id=rtc_abc").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert_eq!(refuses.got().len(), 4);
}

#[tokio::test]
async fn the_simulated_service_answers_every_way_into_a_session() {
    let served = serve(&format!("{SIMULATED}{}", route("m", &["es"])), &[]);
    let post = |path: &str, body: &'static str| served.client.post(served.url(path)).body(body).send();
    let secret = post("realtime/client_secrets", r#"{"session":{"model":"m"}}"#).await.expect("an answer");
    assert_eq!(secret.status().as_u16(), 200);
    let call = served.client.post(served.url("realtime/calls?model=m")).header("content-type", "application/sdp");
    let call = call.body("v=0").send().await.expect("an answer");
    assert_eq!(call.status().as_u16(), 201);
    let place = call.headers()["location"].to_str().expect("text").to_owned();
    let id = place.strip_prefix("/v1/realtime/calls/").expect("its address").to_owned();
    for target in [format!("realtime?call_id={id}"), "realtime?intent=transcription".to_owned()] {
        let stream = TcpStream::connect(address(&served)).await.expect("a connection");
        let url = format!("ws://{}/v1/{target}", address(&served));
        let mut socket = tokio_tungstenite::client_async(url, stream).await.expect("a session").0;
        assert_eq!(said(&mut socket).await["type"], "session.created", "{target}");
    }
    let over = post(&format!("realtime/calls/{id}/hangup"), "").await.expect("an answer");
    assert_eq!(over.status().as_u16(), 200);
}

#[tokio::test]
async fn a_session_that_is_refused_before_101_is_opened_elsewhere() {
    let busy = Origin::start(|_| json(429, r#"{"error":{"code":"rate_limit_exceeded"}}"#)).await;
    let config = format!("{}{SIMULATED}{}", busy.account("a", "m"), route("m", &["ea", "es"]));
    let served = serve(&config, &[("KEY", "k")]);
    let mut socket = session(&served).await;
    assert_eq!(said(&mut socket).await["type"], "session.created");
    assert_eq!(busy.paths(), ["GET /v1/realtime?model=at%20a"]);
}

#[tokio::test]
async fn both_directions_are_the_bytes_that_were_sent() {
    let (port, head) = echo().await;
    let served = before_port(port);
    let mut socket = TcpStream::connect(address(&served)).await.expect("a connection");
    let more = "authorization: Bearer mine\r\nsec-websocket-protocol: realtime, openai-insecure-api-key.mine\r\n";
    socket.write_all(upgrade(&address(&served), "1.1", more).as_bytes()).await.expect("it is sent");
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        got.push(socket.read_u8().await.expect("a head"));
    }
    let got = String::from_utf8_lossy(&got).into_owned();
    assert!(got.starts_with("HTTP/1.1 101") && got.contains("x-request-id: r1"), "{got}");
    assert!(got.contains("x-tidegate-endpoint: ea"), "{got}");
    let mut random = fastrand::Rng::with_seed(5);
    let bytes: Vec<u8> = (0..300_000).map(|_| random.u8(..)).collect();
    let (mut from, mut to) = socket.into_split();
    let sent = bytes.clone();
    tokio::spawn(async move {
        to.write_all(&sent).await.expect("it is sent");
        to.shutdown().await.expect("it is ended");
    });
    let mut back = Vec::new();
    from.read_to_end(&mut back).await.expect("it comes back");
    assert!(back == bytes, "{} of {} bytes", back.len(), bytes.len());
    let head = head.lock().expect("unbroken").clone();
    assert!(head.starts_with("GET /v1/realtime?model=at%20a&x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer our-key") && !head.contains("mine"), "{head}");
    served.until(settled).await;
}

/// A session that says back what it hears; its head is read.
async fn opened(served: &Served) -> TcpStream {
    let mut socket = TcpStream::connect(address(served)).await.expect("a connection");
    socket.write_all(upgrade(&address(served), "1.1", "").as_bytes()).await.expect("it is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a head"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    socket
}

#[tokio::test]
async fn an_answers_last_event_of_megabytes_passes_as_it_came_and_is_counted() {
    let (port, _) = echo().await;
    let served = before_port(port);
    let mut socket = opened(&served).await;
    let mut all = Vec::new();
    for length in [70_000_usize, 6_000_000] {
        let output = "x".repeat(length);
        let event = format!(
            r#"{{"type":"response.done","response":{{"output":"{output}","usage":{{"input_tokens":5,"output_tokens":7}}}}}}"#
        );
        // As a service writes it, without a mask: this one says back what it hears.
        all.extend_from_slice(&[0x81, 127]);
        all.extend_from_slice(&(event.len() as u64).to_be_bytes());
        all.extend_from_slice(event.as_bytes());
    }
    let (mut from, mut to) = socket.split();
    let mut back = vec![0; all.len()];
    let (sent, came) = tokio::join!(to.write_all(&all), from.read_exact(&mut back));
    assert!(sent.is_ok() && came.is_ok() && back == all, "something is another");
    drop(socket);
    let status = served.until(settled).await;
    let counters = &status["endpoints"][0]["counters"];
    assert_eq!((&counters["tokens_in"], &counters["tokens_out"]), (&10.into(), &14.into()));
}

/// A text of the service's, which writes without a mask.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text");
    [&[0x81, 126][..], &length.to_be_bytes(), text.as_bytes()].concat()
}

#[tokio::test]
async fn a_session_that_is_left_in_the_middle_of_an_answer_is_counted_as_far_as_it_was_seen() {
    let (port, _) = echo().await;
    let served = before_port(port);
    let mut socket = opened(&served).await;
    let done = r#"{"type":"response.done","response":{"usage":{"input_tokens":5,"output_tokens":7}}}"#;
    let written = r#"{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"tokens","input_tokens":90,"output_tokens":9,"total_tokens":99}}"#;
    let piece = r#"{"type":"response.output_audio.delta","delta":"x"}"#;
    let begun = r#"{"type":"response.created","response":{"id":"resp_2"}}"#;
    let said: Vec<u8> = [piece, done, written, begun, piece, piece, piece].into_iter().flat_map(frame).collect();
    socket.write_all(&said).await.expect("it is sent");
    socket.read_exact(&mut vec![0; said.len()]).await.expect("it comes back");
    let status = served.until(|status| status["endpoints"][0]["counters"]["tokens_out"] == 7).await;
    assert_eq!(status["endpoints"][0]["in_flight"], 1, "an answer counts when it ends, not with its session");
    drop(socket);
    let status = served.until(settled).await;
    let counters = &status["endpoints"][0]["counters"];
    assert_eq!(
        (&counters["tokens_in"], &counters["tokens_out"]),
        (&5.into(), &10.into()),
        "what was seen, and no other model's"
    );
    assert!(counters["charged"].as_u64() >= Some(15), "{status:#}");
}

#[tokio::test]
async fn a_session_at_rest_is_told_that_tidegate_stops_and_its_record_says_so() {
    let (port, _) = echo().await;
    let mut served = before_port(port);
    let mut socket = opened(&served).await;
    let piece = frame(r#"{"type":"response.text.delta","delta":"x"}"#);
    let done = frame(r#"{"type":"response.done","response":{"usage":{"input_tokens":5,"output_tokens":7}}}"#);
    let said = [piece, done].concat();
    socket.write_all(&said).await.expect("it is sent");
    socket.read_exact(&mut vec![0; said.len()]).await.expect("it comes back");
    served.ask_to_stop();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(30), socket.read_to_end(&mut rest)).await.expect("in time").expect("the end");
    assert_eq!(rest[..1], [0x88], "a frame that closes: {rest:?}");
    assert_eq!(rest[2..4], 1001_u16.to_be_bytes(), "the side that closes goes away");
    assert!(String::from_utf8_lossy(&rest[4..]).contains("stopped"), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(served.terminate(), Some(0));
    assert!(served.everything_written().contains(r#""end":{"answered":{"ended":"stop"}}"#));
}

#[tokio::test]
async fn an_open_session_takes_the_room_of_two_files_until_it_ends() {
    let (port, _) = echo().await;
    // Of 160 files 64 are Tidegate's own; two clients that say nothing take the last.
    let served = serve_with_files(160, &config_of(port), &[("KEY", "our-key")]);
    let mut sessions = Vec::new();
    for _ in 0..(160 - 64 - 2) / 2 {
        sessions.push(opened(&served).await);
    }
    let quiet = [TcpStream::connect(address(&served)).await, TcpStream::connect(address(&served)).await];
    assert!(quiet.iter().all(Result::is_ok), "there is room for them");
    let mut late = TcpStream::connect(address(&served)).await.expect("the system takes it");
    let ask = format!("GET /_tidegate/status HTTP/1.1\r\nhost: {}\r\n\r\n", address(&served));
    late.write_all(ask.as_bytes()).await.expect("it is sent");
    for _ in 0..500 {
        sessions[0].write_all(b"tide").await.expect("it is sent");
        sessions[0].read_exact(&mut [0; 4]).await.expect("it comes back");
    }
    let nothing = late.try_read(&mut [0; 1]).expect_err("there is no room for it");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    drop(sessions.pop());
    assert_eq!(status_line(&mut late).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_page_of_a_browser_opens_no_session() {
    let (port, head) = echo().await;
    let served = before_port(port);
    for (version, more, expected) in [
        ("1.1", "origin: https://evil.example\r\n", "HTTP/1.1 403 Forbidden"),
        ("1.1", "sec-fetch-site: cross-site\r\n", "HTTP/1.1 403 Forbidden"),
        ("1.0", "", "HTTP/1.0 426 Upgrade Required"),
    ] {
        let mut socket = TcpStream::connect(address(&served)).await.expect("a connection");
        socket.write_all(upgrade(&address(&served), version, more).as_bytes()).await.expect("it is sent");
        assert_eq!(status_line(&mut socket).await, expected, "{more}");
    }
    assert_eq!(*head.lock().expect("unbroken"), "");
}

#[tokio::test]
async fn what_is_sent_before_101_reaches_nobody_who_refuses() {
    let refusing = Origin::start(|_| json(200, "{}")).await;
    let served = before_port(refusing.port);
    let mut socket = TcpStream::connect(address(&served)).await.expect("a connection");
    let smuggled = "GET /v1/files/smuggled-1 HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    let both = format!("{}{smuggled}", upgrade(&address(&served), "1.1", ""));
    socket.write_all(both.as_bytes()).await.expect("it is sent");
    let first = status_line(&mut socket).await;
    assert!(first.starts_with("HTTP/1.1 5"), "a 200 opens no session: {first}");
    let mut rest = String::new();
    socket.read_to_string(&mut rest).await.expect("the end");
    assert!(!refusing.paths().iter().any(|path| path.contains("smuggled")), "{:?}", refusing.paths());
}
