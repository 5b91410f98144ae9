//! A service that answers at once: 1 KB of JSON, or a stream of events at a rate, with the headers real ones send.
//!
//! Invariant: what it sends depends on the request's headers alone; a body is read and thrown away.
//! Absent on purpose: limits, delays and faults. `fake` has those.

use std::fmt::Write as _;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use super::message::{CHUNK, header};
use super::process::{listener, say};

const HEADERS: &str = "openai-organization: acme\r\nopenai-processing-ms: 312\r\nopenai-version: 2020-10-01\r\n\
    x-ratelimit-limit-requests: 600000000\r\nx-ratelimit-limit-tokens: 600000000000\r\n\
    x-ratelimit-remaining-requests: 599999999\r\nx-ratelimit-remaining-tokens: 599999999000\r\n\
    x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 2ms\r\nx-request-id: req_0f1e2d3c4b5a69788796a5b4\r\n\
    date: Sun, 22 Nov 2026 12:00:00 GMT\r\nserver: mock\r\n";

/// Serves for ever.
pub async fn serve() {
    let listener = listener();
    say(&listener);
    let answer = answer();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, answer.clone()));
    }
}

/// A chat completion of 1 KB with its head.
fn answer() -> Vec<u8> {
    let text = "The tide lifts all boats. ".repeat(22);
    let body = format!(
        "{{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1741569952,\
         \"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\",\
         \"refusal\":null,\"annotations\":[]}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\"usage\":\
         {{\"prompt_tokens\":19,\"completion_tokens\":10,\"total_tokens\":29,\"prompt_tokens_details\":\
         {{\"cached_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}}}"
    );
    let mut head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{HEADERS}");
    let _ = write!(head, "content-length: {}\r\n\r\n{body}", body.len());
    head.into_bytes()
}

async fn connection(mut stream: TcpStream, answer: Vec<u8>) {
    // Small, so that thousands of open streams do not cost the machine its memory.
    let mut buffer = vec![0; 4 * 1024];
    let mut filled = 0;
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await else { return };
        filled += read;
        let Some(end) = memmem::find(&buffer[..filled], b"\r\n\r\n").map(|at| at + 4) else { continue };
        let head = &buffer[..end];
        let (events, every) = (header(head, "x-mock-events"), header(head, "x-mock-every-ms").unwrap_or(0));
        let length = header(head, "content-length").expect("a body of known length");
        let rest = usize::try_from(length).expect("it fits") - (filled - end);
        if skip(&mut stream, rest).await.is_err() {
            return;
        }
        filled = 0;
        let sent = match events {
            None => stream.write_all(&answer).await,
            Some(count) => stream_events(&mut stream, count, every).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn skip(stream: &mut TcpStream, mut rest: usize) -> std::io::Result<()> {
    if rest == 0 {
        return Ok(());
    }
    let mut sink = vec![0; rest.min(64 * 1024)];
    while rest > 0 {
        let most = rest.min(sink.len());
        match stream.read(&mut sink[..most]).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => rest -= read,
        }
    }
    Ok(())
}

async fn stream_events(stream: &mut TcpStream, count: u64, every_ms: u64) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{HEADERS}transfer-encoding: chunked\r\n\r\n");
    let piece = format!("{:x}\r\n{CHUNK}\r\n", CHUNK.len());
    stream.write_all((head + &piece).as_bytes()).await?;
    let mut beat = interval(Duration::from_millis(every_ms.max(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    beat.tick().await;
    for _ in 1..count {
        beat.tick().await;
        stream.write_all(piece.as_bytes()).await?;
    }
    stream.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n").await
}
