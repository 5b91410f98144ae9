//! The bytes of an answer, however its pieces are cut: a stream at every place, and random bodies in random pieces, through
//! Tidegate as the service said them.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use origin::route;
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A chat stream as services write it: a comment, lines that end in either way, letters of several bytes, data on several lines.
const STREAM: &str = ": welcome\n\ndata: {\"choices\":[],\"prompt_filter_results\":[]}\n\nevent: x\r\ndata: {\"choices\":[{\"index\":0,\
    \"delta\":{\"content\":\"Flut \u{1f30a} kömmt\"}}]}\r\n\r\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"!\"}}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// A service that says whatever lies here, to whoever asks.
#[derive(Clone)]
struct Parrot {
    port: u16,
    says: Arc<Mutex<Vec<u8>>>,
}

impl Parrot {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let says = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&says);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, Arc::clone(&told)));
            }
        });
        Self { port, says }
    }

    /// The next answers: a head, and pieces that arrive as such.
    fn say(&self, head: &str, pieces: &[&[u8]]) {
        let mut said =
            format!("HTTP/1.1 {head}\r\nx-request-id: r-1\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            said.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            said.extend_from_slice(piece);
            said.extend_from_slice(b"\r\n");
        }
        said.extend_from_slice(b"0\r\n\r\n");
        *self.says.lock().expect("unbroken") = said;
    }

    fn before(&self) -> Served {
        let config = format!(
            "[[account]]\nid = \"a\"\nservice = \"openai\"\nbase_url = \"http://127.0.0.1:{}/v1\"\ncredential = {{ env = \"KEY\" }}\n\
             [[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n{}",
            self.port,
            route("m", &["ea"])
        );
        serve(&config, &[("KEY", "k")])
    }
}

async fn answer(mut socket: TcpStream, says: Arc<Mutex<Vec<u8>>>) {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got).to_lowercase();
        let body = text.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.len()));
        let length =
            |head: &str| head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.is_some_and(|(head, taken)| taken >= length(&head).unwrap_or(0)) {
            got.clear();
            let said = says.lock().expect("unbroken").clone();
            if socket.write_all(&said).await.is_err() {
                return;
            }
        }
        if socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

type Answered = (u16, Vec<(String, String)>, Vec<u8>);

async fn ask(client: &reqwest::Client, url: &str, body: &str) -> Answered {
    let request = client.post(url).header("content-type", "application/json").header("authorization", "Bearer k");
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    let mine =
        |name: &str| !name.starts_with("x-tidegate-") && !matches!(name, "date" | "connection" | "transfer-encoding");
    let heads = answer.headers().iter().filter(|(name, _)| mine(name.as_str()));
    let mut heads: Vec<(String, String)> =
        heads.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect();
    heads.sort();
    (answer.status().as_u16(), heads, answer.bytes().await.expect("a whole body").to_vec())
}

#[tokio::test]
async fn a_stream_is_the_same_bytes_wherever_it_is_cut() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let asks_usage = r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let asks_none = r#"{"model":"m","messages":[],"stream":true}"#;
    let whole = format!("{STREAM}{USAGE}{DONE}");
    let hidden = format!("{STREAM}{DONE}");
    for cut in 0..=whole.len() {
        let (first, second) = whole.as_bytes().split_at(cut);
        parrot.say("200 OK\r\ncontent-type: text/event-stream", &[first, second]);
        for (body, expected) in [(asks_usage, &whole), (asks_none, &hidden)] {
            let (status, _, got) = ask(&served.client, &served.url("chat/completions"), body).await;
            assert_eq!((status, String::from_utf8_lossy(&got).as_ref()), (200, expected.as_str()), "cut at {cut}");
        }
    }
    let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
    parrot.say("200 OK\r\ncontent-type: text/event-stream", &bytes);
    let (_, _, got) = ask(&served.client, &served.url("chat/completions"), asks_usage).await;
    assert_eq!(String::from_utf8_lossy(&got), whole, "byte by byte");
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["counters"]["failed"], 0);
    let asked = 2 * (whole.len() as u64 + 1) + 1;
    assert_eq!(status["endpoints"][0]["counters"]["tokens_out"], 7 * asked, "and its usage is read at every cut");
}

#[tokio::test]
async fn random_bodies_in_random_pieces_are_the_same_as_without_us() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let direct = format!("http://127.0.0.1:{}/v1", parrot.port);
    let kinds = [
        "application/json",
        "application/octet-stream",
        "text/plain; charset=utf-8",
        "audio/mpeg",
        "application/jsonl",
    ];
    let paths = ["chat/completions", "audio/speech", "embeddings", "images/generations", "files"];
    for seed in 0..300 {
        let mut random = Rng::with_seed(seed);
        let longest = if random.u8(0..10) == 0 { 200_000 } else { 3_000 };
        let body: Vec<u8> = (0..random.usize(0..longest)).map(|_| random.u8(..)).collect();
        let (mut pieces, mut rest): (Vec<&[u8]>, _) = (Vec::new(), body.as_slice());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.usize(1..=rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let status = ["200 OK", "201 Created", "400 Bad Request", "404 Not Found", "422 Unprocessable Content"];
        let status = status[random.usize(..status.len())];
        let kind = kinds[random.usize(..kinds.len())];
        parrot.say(&format!("{status}\r\ncontent-type: {kind}\r\nx-odd: \u{e9} a  b"), &pieces);
        let path = paths[random.usize(..paths.len())];
        let asked = r#"{"model":"m","input":"x","messages":[]}"#;
        let ours = ask(&served.client, &served.url(path), asked).await;
        let theirs = ask(&served.client, &format!("{direct}/{path}"), asked).await;
        // An error's body is known whole, so its length is told.
        let heads = |answer: &Answered| -> Vec<_> {
            answer.1.iter().filter(|(name, _)| name != "content-length").cloned().collect()
        };
        assert_eq!((ours.0, heads(&ours)), (theirs.0, heads(&theirs)), "seed {seed}: {path}");
        assert!(ours.2 == theirs.2, "seed {seed}: {path}, {} and {} bytes", ours.2.len(), theirs.2.len());
    }
    served.until(settled).await;
}
