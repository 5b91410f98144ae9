//! The bytes of an answer, however its pieces are cut: streams of every kind at every place, whole answers at every byte of their
//! connection, and random bodies in random pieces. What comes through Tidegate is compared with what the service itself says.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod heard;
mod origin;
mod served;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use heard::{Heard, hear, hear_on};
use origin::route;
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// A stream as services write it: how it is asked for, what is said, and what of that only those get who asked for usage.
struct Kind {
    path: &'static str,
    asks: &'static str,
    asks_usage: &'static str,
    said: [&'static str; 3],
    /// Events before the first decisive one.
    held: usize,
}

const FORM: &str = "multipart/form-data; boundary=tide";
/// Comments, lines that end in either way, letters of several bytes, data on several lines. Each tells of seven tokens.
const KINDS: [Kind; 5] = [
    Kind {
        path: "chat/completions",
        asks: r#"{"model":"m","messages":[],"stream":true}"#,
        asks_usage: r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
        said: [
            ": welcome\n\ndata: {\"choices\":[],\"prompt_filter_results\":[]}\n\nevent: x\r\ndata: {\"choices\":[{\"index\":0,\
             \"delta\":{\"content\":\"Flut \u{1f30a} kömmt\"}}]}\r\n\r\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"!\"}}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\n",
            "data: [DONE]\n\n",
        ],
        held: 2,
    },
    Kind {
        path: "completions",
        asks: r#"{"model":"m","prompt":"","stream":true}"#,
        asks_usage: r#"{"model":"m","prompt":"","stream":true,"stream_options":{"include_usage":true}}"#,
        said: [
            "data: {\"choices\":[{\"index\":0,\"text\":\"Flut \u{1f30a}\"}]}\r\n\r\n: ping\n\ndata: {\"choices\":[{\"text\":\"!\",\ndata: \"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\n",
            "data: [DONE]\n\n",
        ],
        held: 0,
    },
    Kind {
        path: "responses",
        asks: r#"{"model":"m","input":"","stream":true}"#,
        asks_usage: "",
        said: [
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n: ping\r\n\r\n\
             event: response.output_text.delta\r\ndata: {\"type\":\"response.output_text.delta\",\ndata: \"delta\":\"Flut \u{1f30a}\"}\r\n\r\n\
             event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\
             \"usage\":{\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12}}}\n\n",
            "",
            "",
        ],
        held: 2,
    },
    Kind {
        path: "images/generations",
        asks: r#"{"model":"m","prompt":"","stream":true}"#,
        asks_usage: "",
        said: [
            "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AAAA\"}\n\n\
             event: image_generation.completed\r\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"AAAAAAAA\",\ndata: \
             \"usage\":{\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12}}\r\n\r\n",
            "",
            "",
        ],
        held: 0,
    },
    Kind {
        path: "audio/transcriptions",
        asks: "--tide\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--tide\r\ncontent-disposition: form-data; name=\"stream\"\
               \r\n\r\ntrue\r\n--tide--\r\n",
        asks_usage: "",
        said: [
            "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Flut \u{1f30a}\"}\r\n\r\n: ping\n\ndata: {\"type\":\"transcript.text.done\",\
             \ndata: \"text\":\"Flut\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12}}\n\n",
            "",
            "",
        ],
        held: 0,
    },
];

/// What did not come in so long does not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service that says whatever lies here, to whoever asks.
#[derive(Clone)]
struct Parrot {
    port: u16,
    /// What is written at once.
    says: Arc<Mutex<Vec<Vec<u8>>>>,
    /// A part was written, and more is to come.
    paused: Arc<Notify>,
    /// It is to go on.
    told: Arc<Notify>,
}

/// What every answer's head has: a date of the service's own, and limits of a kind that is no route's.
const HEAD: &str =
    "date: Sun, 01 Mar 2026 00:00:00 GMT\r\nx-request-id: r-1\r\nx-ratelimit-remaining-project-tokens: 7\r\n";
const STREAMED: &str = "200 OK\r\ncontent-type: text/event-stream";

/// A body in chunks, up to its last one.
fn chunked(pieces: &[&[u8]]) -> Vec<u8> {
    let chunk = |piece: &&[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    pieces.iter().filter(|piece| !piece.is_empty()).map(chunk).collect::<Vec<_>>().concat()
}

impl Parrot {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let parrot = Self { port, says: Arc::default(), paused: Arc::default(), told: Arc::default() };
        let speaker = parrot.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).expect("it is set");
                tokio::spawn(speaker.clone().answer(socket));
            }
        });
        parrot
    }

    /// The next answers: a head, and pieces that arrive as such.
    fn say(&self, head: &str, pieces: &[&[u8]]) {
        let head = format!("HTTP/1.1 {head}\r\n{HEAD}transfer-encoding: chunked\r\n\r\n").into_bytes();
        self.write(vec![[head, chunked(pieces), b"0\r\n\r\n".to_vec()].concat()]);
    }

    /// The next answers, part by part, each when it is told so.
    fn write(&self, parts: Vec<Vec<u8>>) {
        *self.says.lock().expect("unbroken") = parts;
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

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/v1/{path}", self.port)
    }

    async fn answer(self, mut socket: TcpStream) {
        let mut got = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&got).to_lowercase();
            let body = text.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.len()));
            let length =
                |head: &str| head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.is_some_and(|(head, taken)| taken >= length(&head).unwrap_or(0)) {
                got.clear();
                let parts = self.says.lock().expect("unbroken").clone();
                for (place, part) in parts.iter().enumerate() {
                    if place > 0 {
                        self.paused.notify_one();
                        self.told.notified().await;
                    }
                    if socket.write_all(part).await.is_err() {
                        return;
                    }
                }
                // Half an answer ends with its connection.
                if parts.last().is_some_and(|last| last.ends_with(b"...")) {
                    return;
                }
            }
            if socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }

    /// The answer to a request. Before each part but the first is said, `meanwhile` is waited for: it gets the number of parts that
    /// were said, and how many pieces of a body have come of them.
    async fn heard<Wait>(
        &self,
        url: &str,
        asked: (&str, &str),
        meanwhile: impl Fn(usize, watch::Receiver<usize>) -> Wait,
    ) -> Heard
    where
        Wait: Future<Output = ()>,
    {
        let (pieces, came) = watch::channel(0);
        let answer = hear_on(url, asked, &pieces);
        tokio::pin!(answer);
        for said in 1.. {
            tokio::select! {
                heard = &mut answer => return heard,
                () = self.paused.notified() => {}
            }
            let waiting = timeout(PATIENCE, meanwhile(said, came.clone()));
            tokio::pin!(waiting);
            tokio::select! {
                heard = &mut answer => panic!("it ended before everything was said: {heard:?}"),
                waited = &mut waiting => assert!(waited.is_ok(), "{url}: of {said} parts that were said {} pieces came", *came.borrow()),
            }
            self.told.notify_one();
        }
        answer.await
    }
}

/// What was said so far has come to Tidegate: it answers on another connection what was asked later.
async fn is_there(served: &Served) {
    let answer = served.client.get(served.url("models/none")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
}

/// So many pieces have come.
async fn has_come(pieces: usize, mut came: watch::Receiver<usize>) {
    came.wait_for(|came| *came >= pieces).await.expect("it is listened to");
}

type Answered = (u16, Vec<(String, String)>, Vec<u8>);

async fn ask(client: &reqwest::Client, url: &str, body: &str) -> Answered {
    let kind = if body.starts_with("--") { FORM } else { "application/json" };
    let request = client.post(url).header("content-type", kind).header("authorization", "Bearer k");
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    let heads = answer.headers().iter().filter(|(name, _)| heard::is_theirs(name.as_str()));
    let mut heads: Vec<(String, String)> =
        heads.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect();
    heads.sort();
    (answer.status().as_u16(), heads, answer.bytes().await.expect("a whole body").to_vec())
}

#[tokio::test]
async fn a_stream_of_each_kind_is_the_same_bytes_wherever_it_is_cut() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let mut asked = 0;
    for Kind { path, asks, asks_usage, said, .. } in KINDS {
        let whole = said.concat();
        let hidden = [said[0], said[2]].concat();
        let ways = [(asks, &hidden), (asks_usage, &whole)].into_iter().filter(|(body, _)| !body.is_empty());
        let ways: Vec<_> = ways.collect();
        for cut in 0..=whole.len() {
            let (first, second) = whole.as_bytes().split_at(cut);
            parrot.say(STREAMED, &[first, second]);
            for (body, expected) in &ways {
                let (status, _, got) = ask(&served.client, &served.url(path), body).await;
                let got = String::from_utf8_lossy(&got);
                assert_eq!((status, got.as_ref()), (200, expected.as_str()), "{path} cut at {cut}");
                asked += 1;
            }
        }
        let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
        parrot.say(STREAMED, &bytes);
        let (body, expected) = ways[ways.len() - 1];
        let (_, _, got) = ask(&served.client, &served.url(path), body).await;
        assert_eq!(String::from_utf8_lossy(&got), expected.as_str(), "{path} byte by byte");
        asked += 1;
    }
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["counters"]["failed"], 0);
    assert_eq!(status["endpoints"][0]["counters"]["tokens_out"], 7 * asked, "and its usage is read at every cut");
}

#[tokio::test]
async fn an_answer_is_the_same_wherever_its_connection_pauses_in_its_head_its_chunks_and_its_trailers() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let streamed = [KINDS[0].said[0].as_bytes(), KINDS[0].said[1].as_bytes(), KINDS[0].said[2].as_bytes()];
    for (head, asks, pieces) in [
        (STREAMED, KINDS[0].asks_usage, &streamed[..]),
        ("200 OK\r\ncontent-type: application/json", r#"{"model":"m","messages":[]}"#, &[b"{\"choices\"", b":[]}"]),
    ] {
        let head = format!("HTTP/1.1 {head}\r\n{HEAD}trailer: x-sum, x-more\r\ntransfer-encoding: chunked\r\n\r\n");
        let whole = [head.as_bytes(), &chunked(pieces), b"0\r\nx-sum: 7\r\nx-more: a  b\r\n\r\n"].concat();
        let asked = ("application/json", asks);
        parrot.write(vec![whole.clone()]);
        let direct = hear(&parrot.url("chat/completions"), asked).await;
        assert_eq!((direct.trailers.len(), direct.is_whole), (2, true), "{direct:?}");
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            parrot.write(vec![first.to_vec(), second.to_vec()]);
            let ours = parrot.heard(&served.url("chat/completions"), asked, |_, _| is_there(&served)).await;
            assert_eq!(ours.compared(), direct.compared(), "cut at {cut}");
        }
    }
    served.until(settled).await;
}

#[tokio::test]
async fn each_event_reaches_the_client_alone_as_it_does_directly() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    for Kind { path, asks, asks_usage, said, held } in KINDS {
        // Both ends of a line stand in them, so that events are told from each other by hand.
        let whole = said.concat().replace("\r\n", "\n");
        let events: Vec<&[u8]> = whole.split_inclusive("\n\n").map(str::as_bytes).collect();
        let head = format!("HTTP/1.1 {STREAMED}\r\n{HEAD}transfer-encoding: chunked\r\n\r\n").into_bytes();
        let mut parts: Vec<Vec<u8>> = events.iter().map(|event| chunked(&[event])).collect();
        parts[0] = [head, parts[0].clone()].concat();
        parts.push(b"0\r\n\r\n".to_vec());
        parrot.write(parts);
        let kind = if asks.starts_with("--") { FORM } else { "application/json" };
        let asked = (kind, if asks_usage.is_empty() { asks } else { asks_usage });
        let direct = parrot.heard(&parrot.url(path), asked, has_come).await;
        // What comes before the first decisive event is held until then; from there on each is with the client before the next is said.
        let ours = parrot
            .heard(&served.url(path), asked, |said, came| has_come(if said > held { said } else { 0 }, came))
            .await;
        let text = |heard: &Heard| String::from_utf8_lossy(&heard.chunks.join(&b'|')).into_owned();
        assert_eq!(text(&ours), text(&direct), "{path}");
    }
    served.until(settled).await;
}

#[tokio::test]
async fn a_date_is_added_where_none_was_told_and_trailers_that_nobody_announced_stay_behind() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    parrot.write(vec![[head.as_bytes(), &chunked(&[b"{}"]), b"0\r\nx-late: 7\r\n\r\n"].concat()]);
    let asked = ("application/json", r#"{"model":"m","input":"x"}"#);
    let direct = hear(&parrot.url("embeddings"), asked).await;
    let mut ours = hear(&served.url("embeddings"), asked).await;
    let dated = ours.heads.len();
    ours.heads.retain(|(name, _)| name != "date");
    assert_eq!((ours.heads.len() + 1, &ours.heads), (dated, &direct.heads), "and nothing else");
    assert_eq!((direct.trailers.as_slice(), ours.trailers.len()), (&["x-late: 7".to_owned()][..], 0));
    assert_eq!(ours.chunks.concat(), direct.chunks.concat());
}

#[tokio::test]
async fn an_answer_that_ends_early_ends_there_through_us_too() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let long = format!("{{\"half\":{}...", " ".repeat(90_000));
    let chunk = chunked(&[long.as_bytes()]);
    let (json, sound) = ("application/json", "audio/mpeg");
    for (path, kind, length, body) in [
        ("embeddings", json, "content-length: 100000", long.as_bytes()),
        ("embeddings", json, "transfer-encoding: chunked", &chunk[..chunk.len() - 2]),
        ("audio/speech", sound, "content-length: 100000", b"RIFF..."),
        ("audio/speech", sound, "transfer-encoding: chunked", b"ff\r\nRIFF..."),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{HEAD}{length}\r\n\r\n");
        parrot.write(vec![[head.as_bytes(), body].concat()]);
        let asked = (json, r#"{"model":"m","input":"x"}"#);
        let direct = hear(&parrot.url(path), asked).await;
        let ours = hear(&served.url(path), asked).await;
        assert!(!direct.is_whole && !ours.is_whole, "{path} {length}: {ours:?}");
        assert_eq!(ours.compared(), direct.compared(), "{path} {length}");
    }
    served.until(settled).await;
}

#[tokio::test]
async fn random_bodies_in_random_pieces_are_the_same_as_without_us() {
    let parrot = Parrot::start().await;
    let served = parrot.before();
    let kinds = [
        "application/json",
        "application/octet-stream",
        "text/plain; charset=utf-8",
        "audio/mpeg",
        "application/jsonl",
        "text/event-stream",
    ];
    let paths = ["chat/completions", "audio/speech", "embeddings", "images/generations", "files"];
    for seed in 0..300 {
        let mut random = Rng::with_seed(seed);
        let longest = if random.u8(0..10) == 0 { 200_000 } else { 3_000 };
        let kind = kinds[random.usize(..kinds.len())];
        let streams = kind == "text/event-stream";
        let body: Vec<u8> = if streams {
            events(&mut random).into_bytes()
        } else {
            (0..random.usize(0..longest)).map(|_| random.u8(..)).collect()
        };
        let (mut pieces, mut rest): (Vec<&[u8]>, _) = (Vec::new(), body.as_slice());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.usize(1..=rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let status = ["200 OK", "201 Created", "400 Bad Request", "404 Not Found", "422 Unprocessable Content"];
        let status = if streams { "200 OK" } else { status[random.usize(..status.len())] };
        let head = format!("{status}\r\ncontent-type: {kind}\r\nx-odd: \u{e9} a  b");
        let has_length = random.bool();
        if has_length {
            let head = format!("HTTP/1.1 {head}\r\n{HEAD}content-length: {}\r\n\r\n", body.len());
            parrot.write(vec![[head.as_bytes(), &body].concat()]);
        } else {
            parrot.say(&head, &pieces);
        }
        let path = if streams { "chat/completions" } else { paths[random.usize(..paths.len())] };
        let asked = if streams { KINDS[0].asks_usage } else { r#"{"model":"m","input":"x","messages":[]}"# };
        let ours = ask(&served.client, &served.url(path), asked).await;
        let mut theirs = ask(&served.client, &parrot.url(path), asked).await;
        let length = |answer: &Answered| answer.1.iter().find(|(name, _)| name == "content-length").cloned();
        if streams {
            theirs.1.retain(|(name, _)| name != "content-length");
        } else if !has_length && length(&ours).is_some() {
            // What was held until it was whole is sent with its length.
            theirs.1.push(("content-length".to_owned(), body.len().to_string()));
            theirs.1.sort();
        }
        assert_eq!((ours.0, &ours.1), (theirs.0, &theirs.1), "seed {seed}: {path}");
        assert!(ours.2 == theirs.2, "seed {seed}: {path}, {} and {} bytes", ours.2.len(), theirs.2.len());
    }
    served.until(settled).await;
}

/// A random stream of a chat: lines that end in any way, fields of every name, data that is JSON or not, and letters of several bytes.
fn events(random: &mut Rng) -> String {
    let mut said = String::new();
    let line = |random: &mut Rng| ["\n", "\r\n"][random.usize(..2)];
    for _ in 0..random.usize(1..40) {
        let text: String = (0..random.usize(0..30)).map(|_| random.char('a'..'\u{2fff}')).collect();
        let fields = [
            format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}"),
            format!("data: {{\"choices\":[],\"of\":\"{text}\"}}"),
            format!("data:{text}"),
            format!("event: {text}"),
            format!("id: {text}"),
            format!(": {text}"),
            "retry: 5".to_owned(),
        ];
        for _ in 0..random.usize(1..4) {
            said += &fields[random.usize(..fields.len())];
            said += line(random);
        }
        said += line(random);
    }
    said + "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"}}]}\n\ndata: [DONE]\n\n"
}
