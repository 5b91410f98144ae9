//! Requests as an SDK sends them, and just enough HTTP to read the answers.
//!
//! Invariant: an answer that is not 200 or breaks off ends the bench; a number from failures is no number.
//! Absent on purpose: a client library. What the load costs must not count against what is measured.

use std::fmt::Write as _;

use memchr::memmem;

/// One piece of every stream, 170 bytes as the services send them.
pub const CHUNK: &str = "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" tide\"},\"finish_reason\":null}]}\n\n";

/// What a request asks the mock upstream to do.
#[derive(Clone, Copy, Debug)]
pub enum Asks {
    /// An answer of 1 KB.
    Answer,
    /// So many events, one every so many milliseconds.
    Events(u32, u32),
}

/// A chat request with a prompt of about `size` bytes in so many messages.
pub fn request(size: usize, messages: usize, asks: Asks) -> Vec<u8> {
    let words = "The tide lifts all boats, and \\\"the harbour\\\" keeps them.\\n ";
    let each = (size / messages).saturating_sub(30).max(1);
    let text: String = words.chars().cycle().take(each).collect();
    let text = text.trim_end_matches('\\');
    let message = format!("{{\"role\":\"user\",\"content\":\"{text}\"}}");
    let messages = vec![message; messages].join(",");
    let stream = if matches!(asks, Asks::Events(..)) { "\"stream\":true," } else { "" };
    let body = format!("{{\"model\":\"m\",{stream}\"messages\":[{messages}],\"max_tokens\":300,\"temperature\":0.2}}");
    let mut head = String::from(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\
         Accept-Encoding: gzip, deflate\r\nUser-Agent: OpenAI/Python 1.99.1\r\nAuthorization: Bearer local\r\n\
         X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.99.1\r\nX-Stainless-OS: Linux\r\n\
         X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.12.3\r\n\
         X-Stainless-Retry-Count: 0\r\nX-Stainless-Read-Timeout: 600\r\nContent-Type: application/json\r\n",
    );
    if let Asks::Events(count, every) = asks {
        let _ = write!(head, "X-Mock-Events: {count}\r\nX-Mock-Every-Ms: {every}\r\n");
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n{body}", body.len());
    head.into_bytes()
}

/// What has been read of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// The message ends at this byte.
    Whole(usize),
}

/// Where the first message of these bytes ends: by its length, or by the last chunk.
pub fn progress(bytes: &[u8]) -> Progress {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4) else { return Progress::More };
    let head = &bytes[..end];
    if let Some(length) = header(head, "content-length") {
        let whole = end + usize::try_from(length).expect("a length in memory");
        return if bytes.len() >= whole { Progress::Whole(whole) } else { Progress::More };
    }
    let over = bytes.len() > end && bytes.ends_with(b"\r\n0\r\n\r\n");
    if over { Progress::Whole(bytes.len()) } else { Progress::More }
}

/// A header's value as a number.
pub fn header(head: &[u8], name: &str) -> Option<u64> {
    let text = std::str::from_utf8(head).ok()?;
    let found = text.split("\r\n").filter_map(|line| line.split_once(':'));
    found.filter(|(known, _)| known.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.trim().parse().ok())
}

/// Ends the bench if this is no good answer.
pub fn expect_good(bytes: &[u8]) {
    let start = &bytes[..bytes.len().min(200)];
    assert!(bytes.starts_with(b"HTTP/1.1 200"), "an answer: {}", String::from_utf8_lossy(start));
}
