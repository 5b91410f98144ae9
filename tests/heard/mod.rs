//! A client that keeps everything of an answer: its head, its chunks as they came, its trailers, and whether it was whole.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: String,
    /// Without what belongs to the connection or is ours, sorted.
    pub heads: Vec<(String, String)>,
    /// As they were cut; a body without chunks is one.
    pub chunks: Vec<Vec<u8>>,
    pub trailers: Vec<String>,
    pub is_whole: bool,
}

/// Whether a header is the service's: not ours, and not the connection's.
pub fn is_theirs(name: &str) -> bool {
    !name.starts_with("x-tidegate-") && !matches!(name, "connection" | "transfer-encoding")
}

impl Heard {
    /// What is the same through us and directly, in one chunk; how long a body is was told, or its chunks tell.
    pub fn compared(&self) -> Self {
        let mut all = self.clone();
        all.heads.retain(|(name, _)| name != "content-length");
        all.chunks = vec![self.chunks.concat()];
        all.trailers.sort();
        all
    }
}

/// Posts this (of a kind) to a URL and hears to the answer's end; `pieces` is how much of its body has come.
pub async fn hear_on(url: &str, (kind, body): (&str, &str), pieces: &watch::Sender<usize>) -> Heard {
    let (address, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\nte: trailers\r\nconnection: te, close\r\n\
         authorization: Bearer k\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.expect("it is sent");
    let mut got = Vec::new();
    loop {
        let heard = read(&got);
        pieces.send_replace(heard.as_ref().map_or(0, |heard| heard.chunks.len()));
        if heard.is_some_and(|heard| heard.is_whole) || socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
            return read(&got).expect("a head");
        }
    }
}

/// The same for who only wants the whole of it.
pub async fn hear(url: &str, asked: (&str, &str)) -> Heard {
    hear_on(url, asked, &watch::Sender::default()).await
}

/// What has come so far; `None`: not even the head.
fn read(got: &[u8]) -> Option<Heard> {
    let end = position(got, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.to_owned();
    let all: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let value = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let mut heard = Heard { status, heads: Vec::new(), chunks: Vec::new(), trailers: Vec::new(), is_whole: false };
    let rest = &got[end + 4..];
    if value("transfer-encoding").is_some() {
        heard.take_chunks(rest);
    } else {
        let length = value("content-length").and_then(|length| length.parse::<usize>().ok());
        heard.chunks.push(rest.to_vec());
        heard.is_whole = length == Some(rest.len());
    }
    heard.heads = all.into_iter().filter(|(name, _)| is_theirs(name)).collect();
    heard.heads.sort();
    Some(heard)
}

impl Heard {
    fn take_chunks(&mut self, mut rest: &[u8]) {
        while let Some(line) = position(rest, b"\r\n") {
            let size = std::str::from_utf8(&rest[..line]).expect("a size");
            let size = usize::from_str_radix(size, 16).expect("a size");
            rest = &rest[line + 2..];
            if size == 0 {
                let text = String::from_utf8_lossy(rest).into_owned();
                let lines = text.strip_suffix("\r\n").map(|all| all.strip_suffix("\r\n").unwrap_or(all));
                self.is_whole = text == "\r\n" || text.ends_with("\r\n\r\n");
                let lines = lines.into_iter().flat_map(|all| all.split("\r\n")).filter(|line| !line.is_empty());
                self.trailers = lines.map(str::to_owned).collect();
                return;
            }
            let part = &rest[..size.min(rest.len())];
            self.chunks.push(part.to_vec());
            match rest.get(size + 2..) {
                Some(after) => rest = after,
                None => return,
            }
        }
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
