//! An upstream that speaks byte for byte as it should until a fault befalls it at a given place: in an answer, or on a connection
//! that was kept after one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What befalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection ends in order.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing more is said, and the connection stays.
    Stall,
    /// What is said makes no sense.
    Garbage,
    /// The rest comes, but slowly: more often than a silence is borne, and longer in all.
    Trickle,
}

/// After which part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    BeforeHead,
    InHead,
    AfterHead,
    /// Before an event, or a body, is whole.
    InFirst,
    /// After a decisive event, or most of a body.
    InBody,
    /// Of a stream: usage was told, and its last event was not.
    AfterUsage,
    /// Of a stream: its last event came, and the end of the transfer did not.
    BeforeEnd,
}

/// What befalls a connection that was kept after a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It ends in order as soon as it is used again.
    Close,
    /// It is reset as soon as it is used again.
    Reset,
    /// It stays, and nothing is said there any more.
    Silence,
    /// Right behind the answer comes another one, which nobody asked for.
    LeftOver,
    /// Right behind the answer comes nonsense.
    Garbage,
}

/// Tokens that every whole answer reports.
pub const INPUT: u64 = 11;
pub const OUTPUT: u64 = 7;
/// What stands in an answer that nobody asked for.
pub const UNASKED: &str = "client-nobody.";
/// Between two pieces of what trickles: three of them are longer than a second.
const PIECE: Duration = Duration::from_millis(400);

/// What happened at an upstream so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests that met what befell a kept connection, or connections on which something was left over.
    pub befell: AtomicU64,
}

/// Starts one; its port.
pub async fn start(fault: Fault, place: Place) -> u16 {
    listen(move |socket| serve(socket, fault, place)).await
}

/// One that answers well, and whose connections are worth nothing afterwards. The first request on a connection is always answered.
pub async fn start_kept(after: After) -> (u16, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let port = {
        let seen = Arc::clone(&seen);
        listen(move |socket| keep(socket, after, Arc::clone(&seen))).await
    };
    (port, seen)
}

async fn listen<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    port
}

async fn serve(mut socket: TcpStream, fault: Fault, place: Place) {
    // What a request left behind of the next one.
    let mut got = Vec::new();
    while let Some(asked) = asked(&mut socket, &mut got).await {
        let (whole, cut) = answer(&asked, place);
        let said = if fault == Fault::None { &whole[..] } else { &whole[..cut] };
        if socket.write_all(said).await.is_err() {
            return;
        }
        match fault {
            Fault::None => continue,
            Fault::Close => {}
            Fault::Reset => socket.set_zero_linger().expect("it can be reset"),
            Fault::Stall => drop(socket.read(&mut [0; 1]).await),
            Fault::Garbage => drop(socket.write_all(b"\xff\0not what was meant\r\n\r\n").await),
            Fault::Trickle => {
                let rest = &whole[cut..];
                for piece in rest.chunks(rest.len().div_ceil(4).max(1)) {
                    tokio::time::sleep(PIECE).await;
                    if socket.write_all(piece).await.is_err() {
                        return;
                    }
                }
                continue;
            }
        }
        return;
    }
}

async fn keep(mut socket: TcpStream, after: After, seen: Arc<Seen>) {
    let mut got = Vec::new();
    let Some(first) = asked(&mut socket, &mut got).await else { return };
    let (mut whole, _) = answer(&first, Place::BeforeHead);
    if matches!(after, After::LeftOver | After::Garbage) {
        let nobody = Asked { user: UNASKED.to_owned(), ..first };
        let (unasked, _) = answer(&nobody, Place::BeforeHead);
        whole.extend(if after == After::LeftOver { unasked } else { b"\xff\0 nonsense\r\n\r\n".to_vec() });
        seen.befell.fetch_add(1, Ordering::SeqCst);
    }
    if socket.write_all(&whole).await.is_err() {
        return;
    }
    let Some(_) = asked(&mut socket, &mut got).await else { return };
    seen.befell.fetch_add(1, Ordering::SeqCst);
    match after {
        After::Reset => socket.set_zero_linger().expect("it can be reset"),
        After::Silence => drop(socket.read(&mut [0; 1]).await),
        After::Close | After::LeftOver | After::Garbage => {}
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Chat,
    Responses,
    Embeddings,
    /// A form with a recording, whose words are the answer.
    Upload,
}

/// A request.
pub struct Asked {
    family: Family,
    /// Whose it is: `client-N.`
    user: String,
    stream: bool,
}

/// The next request; `None`: nobody asks any more.
pub async fn asked<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut S, got: &mut Vec<u8>) -> Option<Asked> {
    loop {
        let end = got.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&got[..end]).into_owned();
            let body = end + 4;
            let length = length_of(&head).unwrap_or(0);
            if got.len() >= body + length {
                let whole: Vec<u8> = got.drain(..body + length).collect();
                return Some(understood(&head, &String::from_utf8_lossy(&whole[body..])));
            }
        }
        if socket.read_buf(got).await.ok()? == 0 {
            return None;
        }
    }
}

fn understood(head: &str, body: &str) -> Asked {
    let path = head.split_whitespace().nth(1).unwrap_or_default();
    let family = [("/responses", Family::Responses), ("/embeddings", Family::Embeddings), ("/audio/", Family::Upload)]
        .into_iter()
        .find_map(|(part, family)| path.contains(part).then_some(family))
        .unwrap_or(Family::Chat);
    let at = body.find("client-").unwrap_or(body.len());
    let user = body[at..].split_inclusive('.').next().unwrap_or_default().to_owned();
    Asked { family, user, stream: body.contains("\"stream\":true") }
}

fn length_of(head: &str) -> Option<usize> {
    let head = head.to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
}

/// An answer in parts: its first event (or most of its body), then what it cost, then its last event, then the end.
fn parts(Asked { family, user, stream }: &Asked) -> [String; 4] {
    let (prompt, total) = (INPUT, INPUT + OUTPUT);
    let usage = json!({ "prompt_tokens": prompt, "completion_tokens": OUTPUT, "total_tokens": total });
    let later = json!({ "input_tokens": prompt, "output_tokens": OUTPUT, "total_tokens": total });
    if *stream {
        let event = |name: &str, data: serde_json::Value| format!("event: {name}\ndata: {data}\n\n");
        let [first, cost, last] = if *family == Family::Responses {
            let begun = json!({ "type": "response.created", "response": { "id": "resp_1", "object": "response", "status": "in_progress" } });
            let delta = json!({ "type": "response.output_text.delta", "delta": user });
            let over = json!({ "type": "response.completed", "response": { "id": "resp_1", "object": "response", "status": "completed", "usage": later } });
            let begun = event("response.created", begun);
            // What it cost is in the last event.
            [begun + &event("response.output_text.delta", delta), String::new(), event("response.completed", over)]
        } else {
            let word = json!({ "choices": [{ "index": 0, "delta": { "content": user } }] });
            let last = json!({ "choices": [], "usage": usage });
            [format!("data: {word}\n\n"), format!("data: {last}\n\n"), "data: [DONE]\n\n".to_owned()]
        };
        let chunk = |events: String| match events.len() {
            0 => events,
            length => format!("{length:x}\r\n{events}\r\n"),
        };
        return [chunk(first), chunk(cost), chunk(last), "0\r\n\r\n".to_owned()];
    }
    let body = match family {
        Family::Chat => json!({ "choices": [{ "message": { "content": user } }], "usage": usage }),
        Family::Responses => json!({ "id": "resp_1", "object": "response", "output": [user], "usage": later }),
        Family::Embeddings => {
            json!({ "data": [{ "embedding": [0.5] }], "model": user, "usage": { "prompt_tokens": prompt, "total_tokens": prompt } })
        }
        Family::Upload => json!({ "text": user, "usage": later }),
    };
    let body = body.to_string();
    let (first, rest) = body.split_at(body.len() - 5);
    [first.to_owned(), rest.to_owned(), String::new(), String::new()]
}

/// The whole answer, which says who asked, and where it is cut. The connection is kept.
pub fn answer(asked: &Asked, place: Place) -> (Vec<u8>, usize) {
    let parts = parts(asked);
    let kind = if asked.stream {
        "content-type: text/event-stream\r\ntransfer-encoding: chunked".to_owned()
    } else {
        format!("content-type: application/json\r\ncontent-length: {}", parts.concat().len())
    };
    let head = format!("HTTP/1.1 200 OK\r\n{kind}\r\n\r\n");
    let after = |count: usize| head.len() + parts[..count].concat().len();
    let cut = match place {
        Place::BeforeHead => 0,
        Place::InHead => head.len() / 2,
        Place::AfterHead => head.len(),
        Place::InFirst => head.len() + parts[0].len() / 2,
        Place::InBody => after(1),
        Place::AfterUsage => after(2),
        Place::BeforeEnd => after(3),
    };
    (format!("{head}{}", parts.concat()).into_bytes(), cut)
}
