//! Many connections at once against the shipped binary: those that say nothing hold up nobody, and thousands of streams run side by
//! side.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;

use std::time::Duration;

use serde_json::json;
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const IDLE: usize = 10_000;
const STREAMS: usize = 2_000;

const CONFIG: &str = r#"
[[account]]
id = "sim"
service = "simulated"
[[endpoint]]
id = "e"
account = "sim"
model = "m"
[[route]]
model = "m"
[[route.group]]
endpoints = ["e"]
"#;

fn address(served: &Served) -> String {
    served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).await.expect("there is room")
}

/// Asks for a stream and reads until its first event is here.
async fn begun(address: &str) -> TcpStream {
    let body = json!({
        "model": "m", "stream": true, "max_tokens": 400, "messages": [{ "role": "user", "content": "Tell me of the tide." }],
    });
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = connect(address).await;
    socket.write_all(format!("{head}{body}").as_bytes()).await.expect("it is taken");
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("data: ") {
        let read = socket.read_buf(&mut seen).await.expect("it is answered");
        assert!(read > 0, "it ended: {}", String::from_utf8_lossy(&seen));
    }
    socket
}

#[tokio::test]
async fn ten_thousand_idle_and_two_thousand_streaming_connections_leave_room_for_one_more() {
    // Ours and theirs: both processes hold an end of each.
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be asked for");
    assert!(files > 16_500, "this machine allows {files} open files, too few for this test: see ulimit -Hn");
    let served = serve(CONFIG, &[]);
    let address = address(&served);
    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        idle.push(connect(&address).await);
    }
    let streams: Vec<_> = (0..STREAMS)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(async move { begun(&address).await })
        })
        .collect();
    let mut running = Vec::with_capacity(STREAMS);
    for stream in streams {
        running.push(stream.await.expect("every stream begins"));
    }
    let answered = tokio::time::timeout(Duration::from_secs(10), served.chat("m", false).send()).await;
    assert_eq!(answered.expect("within ten seconds").expect("an answer").status(), 200);
    drop((idle, running));
    let status = served.until(settled).await;
    assert!(settled(&status), "nothing stays behind");
}
