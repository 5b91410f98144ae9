//! Few open files are allowed: who waits for one is counted and told in time, and connections that wait for a request leave room.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use origin::route;
use serde_json::Value;
use served::{Served, serve, serve_with_files, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const ANSWER: &str = r#"{"id":"x","object":"chat.completion","choices":[]}"#;

fn address(served: &Served) -> String {
    served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

/// A service that keeps its connections open: the answers of `together` requests come at the same time.
struct Kept {
    port: u16,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
}

impl Kept {
    async fn start(together: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (open, barrier) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(together)));
        let counted = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (open, barrier) = (Arc::clone(&counted), Arc::clone(&barrier));
                open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    keep(socket, &barrier).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, open }
    }

    fn account(&self, name: &str) -> String {
        format!(
            "[[account]]\nid = \"{name}\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"e{name}\"\naccount = \"{name}\"\nmodel = \"{name}\"\n\
             deployment = \"m\"\n{}",
            self.port,
            route(name, &[&format!("e{name}")])
        )
    }
}

async fn keep(mut socket: TcpStream, barrier: &Barrier) {
    while heard(&mut socket).await.is_some() {
        barrier.wait().await;
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
        if socket.write_all(format!("{head}{ANSWER}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One message of HTTP, head and body; `None`: the connection is closed.
async fn heard(socket: &mut TcpStream) -> Option<(String, String)> {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        if socket.read_buf(&mut got).await.ok()? == 0 {
            return None;
        }
    }
}

/// A client's connection that was used once, so that it surely has its place.
struct Line(TcpStream, String);

impl Line {
    async fn open(served: &Served) -> Self {
        let mut line = Self(TcpStream::connect(address(served)).await.expect("a connection"), address(served));
        line.status().await;
        line
    }

    async fn status(&mut self) -> Value {
        let ask = format!("GET /_tidegate/status HTTP/1.1\r\nhost: {}\r\n\r\n", self.1);
        self.0.write_all(ask.as_bytes()).await.expect("it is sent");
        let (_, body) = heard(&mut self.0).await.expect("it is told");
        serde_json::from_str(&body).expect("JSON")
    }

    async fn ask(&mut self, more: &str) {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n",
            self.1,
            BODY.len()
        );
        self.0.write_all(format!("{head}{BODY}").as_bytes()).await.expect("it is sent");
    }
}

#[tokio::test]
async fn a_request_without_a_file_to_be_had_is_counted_while_it_waits_and_refused_in_time() {
    // Answers come once ten wait for one; there are never so many.
    let service = Kept::start(10).await;
    // Of 80 files 64 are Tidegate's own. Ten clients, a place that is kept for the next one, and five requests take the others.
    let served = serve_with_files(64 + 16, &service.account("m"), &[("KEY", "k")]);
    let mut lines = Vec::new();
    for _ in 0..10 {
        lines.push(Line::open(&served).await);
    }
    let mut watcher = lines.pop().expect("ten");
    for line in &mut lines[..5] {
        line.ask("").await;
    }
    while watcher.status().await["in_flight"] != 5 {}
    lines[5].ask("").await;
    while watcher.status().await["waiting_for_connection"] != 1 {}

    lines[6].ask("x-tidegate-deadline-ms: 0\r\n").await;
    let (head, body) = heard(&mut lines[6].0).await.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("x-should-retry: false"), "{head}");
    let error: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(error["error"]["code"], "connections_full", "{error:#}");
    assert_eq!(watcher.status().await["waiting_for_connection"], 1, "whoever may wait still does");

    drop(lines.remove(0));
    while watcher.status().await["waiting_for_connection"] != 0 {}
    let status = watcher.status().await;
    assert_eq!(status["in_flight"], 5, "who waited took the place of who left");
    assert_eq!(status["endpoints"][0]["counters"]["failed"], 0, "no endpoint is to blame: {status:#}");
}

#[tokio::test]
async fn connections_that_wait_for_a_request_are_few_in_all_whatever_the_number_of_services() {
    const HOSTS: usize = 8;
    const TOGETHER: usize = 10;
    // Of 256 files 64 are Tidegate's own, and connections that wait may take half of these.
    const IDLE: usize = 32;
    let services = join_all((0..HOSTS).map(|_| Kept::start(TOGETHER))).await;
    let names: Vec<String> = (0..HOSTS).map(|at| format!("s{at}")).collect();
    let config: String = services.iter().zip(&names).map(|(service, name)| service.account(name)).collect();
    let served = serve_with_files(256, &config, &[("KEY", "k")]);
    for name in &names {
        let answers = join_all((0..TOGETHER).map(|_| served.chat(name, false).send())).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == 200)), "{name}");
    }
    let open = || services.iter().map(|service| service.open.load(Ordering::SeqCst)).sum::<usize>();
    let status = served.until(|status| settled(status) && open() <= IDLE).await;
    assert!(settled(&status) && open() >= HOSTS, "and each service keeps some: {}", open());
}

/// How many files the process may have open from now on.
fn allow(served: &Served, files: &str) {
    let pid = served.child.id().to_string();
    let limit = format!("--nofile={files}:");
    let done = std::process::Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(done.expect("prlimit runs").success());
}

/// How often it could not take a connection.
fn missed(served: &Served) -> usize {
    let log = std::fs::read_to_string(served.folder.path().join("log")).expect("its log");
    log.matches("a connection could not be accepted").count()
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "how often it tries is told by real time alone")]
#[tokio::test]
async fn when_the_system_has_no_file_left_it_waits_without_spinning_and_goes_on_when_there_is_one() {
    let kept = Kept::start(1).await;
    let served = serve(&kept.account("m"), &[("KEY", "k")]);
    // Fewer than it has open already.
    allow(&served, "4");
    let (since, before) = (std::time::Instant::now(), missed(&served));
    let mut late = TcpStream::connect(address(&served)).await.expect("the system takes it");
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        address(&served),
        BODY.len()
    );
    late.write_all(request.as_bytes()).await.expect("it is sent");
    while missed(&served) < before + 5 {
        tokio::task::yield_now().await;
    }
    let tries = missed(&served) - before;
    let most = 2 + since.elapsed().as_millis() / 50;
    assert!(tries as u128 <= most, "{tries} tries where {most} are due");
    allow(&served, "1024");
    let (head, _) = heard(&mut late).await.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}
