//! What is under way when Tidegate stops: what is waited for, and that each exchange is on record whatever its client does.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;

use std::sync::Arc;
use std::time::Duration;

use served::{Served, serve, written_in};
use tidegate::backend::{self, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
     sec-websocket-accept: x\r\n\r\n";
/// More than the systems on the way take in for a program that does not read.
const LONG: usize = 256 << 20;
/// What did not come about in so long does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service that hears one request's head, says this, and goes on.
async fn service<F: Future<Output = ()> + Send + 'static>(
    says: String,
    goes_on: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        head(&mut socket).await;
        socket.write_all(says.as_bytes()).await.expect("it is sent");
        goes_on(socket).await;
    });
    port
}

async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a head"));
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn before(port: u16) -> String {
    format!(
        "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n\
         credential = {{ command = [\"echo\", \"k\"] }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n\
         [[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"ea\"]\n"
    )
}

fn address(base_url: &str) -> String {
    base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

/// A session's client, behind the heads.
async fn session(served: &Served) -> TcpStream {
    let host = address(&served.base_url);
    let mut socket = TcpStream::connect(&host).await.expect("a connection");
    let wish = format!(
        "GET /v1/realtime?model=m HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    );
    socket.write_all(wish.as_bytes()).await.expect("it is sent");
    let agreed = head(&mut socket).await;
    assert!(agreed.starts_with("HTTP/1.1 101"), "{agreed}");
    socket
}

/// A text of the service's, which writes without a mask.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[0x81, 126, 0, length][..], text.as_bytes()].concat()
}

/// Says this to a service that says back what it hears, and hears it.
async fn echoed(socket: &mut TcpStream, text: &str) {
    let (said, mut heard) = (frame(text), vec![0; text.len() + 4]);
    socket.write_all(&said).await.expect("it is sent");
    let came = timeout(PATIENCE, socket.read_exact(&mut heard)).await.expect("in time");
    assert!(came.is_ok() && heard == said, "not {text}: {}", String::from_utf8_lossy(&heard));
}

async fn says_back(mut socket: TcpStream) {
    let (mut from, mut to) = socket.split();
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

#[tokio::test]
async fn a_stop_waits_for_an_answer_of_a_session_that_is_thought_about() {
    let mut served = serve(&before(service(AGREED.to_owned(), says_back).await), &[]);
    let mut socket = session(&served).await;
    echoed(&mut socket, r#"{"type":"response.created","response":{"id":"r"}}"#).await;
    served.ask_to_stop();
    let host = address(&served.base_url);
    let closing = async { while TcpStream::connect(&host).await.is_ok() {} };
    timeout(PATIENCE, closing).await.expect("nobody else is let in");
    for _ in 0..50 {
        echoed(&mut socket, r#"{"type":"response.output_text.delta","delta":"x"}"#).await;
    }
    let done = r#"{"type":"response.done","response":{"usage":{"input_tokens":5,"output_tokens":7}}}"#;
    echoed(&mut socket, done).await;
    let mut rest = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("in time").expect("the end");
    assert_eq!(rest.first(), Some(&0x88), "then it is told: {rest:?}");
    assert_eq!(served.child.wait().expect("it ends").code(), Some(0));
    assert!(served.everything_written().contains(r#""end":{"answered":{"ended":"stop"}}"#));
}

#[tokio::test]
async fn a_session_whose_client_has_hung_up_and_whose_service_has_not_is_on_record_after_a_stop() {
    let (heard_end, noted) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let heard = Arc::clone(&heard_end);
    let port = service(AGREED.to_owned(), move |mut socket| async move {
        let _ = socket.read_to_end(&mut Vec::new()).await;
        heard.notify_one();
        noted.notified().await;
    });
    let mut served = serve(&before(port.await), &[]);
    let mut socket = session(&served).await;
    socket.shutdown().await.expect("it hangs up");
    timeout(PATIENCE, heard_end.notified()).await.expect("its service hears so");
    assert_eq!(served.terminate(), Some(0));
    assert!(served.everything_written().contains(r#""end":{"answered":"#), "it is nowhere");
}

#[tokio::test]
async fn an_answer_whose_client_takes_nothing_in_is_on_record_after_a_stop() {
    let says = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {LONG}\r\n\r\n");
    let port = service(says, |mut socket| async move {
        let _ = socket.write_all(&vec![b' '; LONG]).await;
    });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.toml"), before(port.await)).expect("it is written");
    let options =
        Options { config_dir: Some(folder.path().into()), headless: true, port: Some(0), ..Options::default() };
    let running = tokio::task::spawn_blocking(|| backend::start(options).expect("it starts")).await.expect("no panic");
    let host = address(running.base_url());
    let mut socket = TcpStream::connect(&host).await.expect("a connection");
    let body = r#"{"model":"m","messages":[{"role":"user","content":"When does the tide turn?"}]}"#;
    let ask = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(ask.as_bytes()).await.expect("it is sent");
    let begun = timeout(PATIENCE, head(&mut socket)).await.expect("in time");
    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
    tokio::task::spawn_blocking(|| running.stop_now()).await.expect("it ends");
    let written = written_in(folder.path());
    assert!(written.contains(r#""end":{"answered":{"ended":"stop"}}"#), "it is nowhere");
    drop(socket);
}
