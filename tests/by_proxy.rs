//! Requests through a proxy of the network: the whole way, and a change of it while we run.

#![expect(clippy::expect_used, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;

use screen::Console;
use serde_json::json;
use tidegate::backend::Options;
use tidegate::contract::snapshot::Serving;
use tidegate::contract::{Command, ConfigCommand, NoticeBody};
use tidegate::model::config::UpstreamWay;
use tidegate::model::record::AttemptRecord;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A service that no name server knows, so that whatever reaches it came through the proxy.
const CONFIG: &str = r#"
[[account]]
id = "far"
service = "compatible"
base_url = "http://far.invalid/v1"
allow_plain_http = true
credential = { command = ["echo", "canary-0c11-a-key"] }
[[endpoint]]
id = "there"
account = "far"
model = "m"
[[route]]
model = "m"
[[route.group]]
endpoints = ["there"]
[retry]
max_attempts = 1
"#;

/// A proxy with the service behind it; says the head of every tunnel and of what came through.
async fn proxy() -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tunnel = head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("the tunnel stands");
            let request = head(&mut stream).await;
            let body = json!({"id": "x", "object": "chat.completion", "choices": []}).to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("it is answered");
            tell.send((tunnel, request)).await.expect("somebody listens");
        }
    });
    (address, told)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.expect("a head"));
    }
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn a_proxy_is_taken_up_without_a_restart_and_is_told_the_name_alone() {
    let home = tempfile::tempdir().expect("a temporary folder");
    fs::write(home.path().join("config.toml"), CONFIG).expect("it is written");
    let console = Console::with(Options { headless: true, port: Some(0), ..Console::options(home.path()) });
    let screen = &console.screen;
    let Serving::Listening { base_url, .. } = screen.latest().serving.clone() else { panic!("it does not listen") };
    let ask = || async {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        client.post(format!("{base_url}/chat/completions")).json(&body).send().await.expect("an answer").status()
    };
    assert_ne!(ask().await, 200, "nobody knows where that is");

    let (address, mut told) = proxy().await;
    let (base, config) = screen.edited(|config| config.upstream = UpstreamWay { proxy: address });
    let applied = screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await;
    assert!(matches!(applied, NoticeBody::Applied { .. }), "{applied:?}");
    assert_eq!(ask().await, 200);
    let (tunnel, request) = told.recv().await.expect("it came through");
    assert!(tunnel.starts_with("CONNECT far.invalid:80 HTTP/1.1"), "{tunnel}");
    assert!(!tunnel.contains("canary"), "the proxy is told no key");
    assert!(request.starts_with("POST /v1/chat/completions") && request.contains("canary-0c11-a-key"), "{request}");

    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let (base, config) = screen.edited(|config| config.upstream = UpstreamWay { proxy: format!("http://{gone}") });
    let applied = screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await;
    assert!(matches!(applied, NoticeBody::Applied { .. }), "{applied:?}");
    assert_ne!(ask().await, 200, "nothing listens where the proxy is said to be");
    let said = format!("the upstream proxy {gone} opened no tunnel");
    let is_said = |attempt: &AttemptRecord| {
        attempt.said.as_ref().and_then(|told| told.error.as_ref()).is_some_and(|error| error.starts_with(&said))
    };
    screen.until(|shown| shown.records.iter().flat_map(|record| &record.attempts).any(is_said)).await;
    console.stop();
}
