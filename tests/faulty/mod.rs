//! An upstream that speaks byte for byte as it should until a fault befalls it at a given place.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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
    /// Nothing more is said.
    Stall,
    /// What is said makes no sense.
    Garbage,
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
}

/// Tokens that every whole answer reports.
pub const INPUT: u64 = 11;
pub const OUTPUT: u64 = 7;

/// Starts one; its port.
pub async fn start(fault: Fault, place: Place) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, fault, place));
        }
    });
    port
}

async fn serve(mut socket: TcpStream, fault: Fault, place: Place) {
    let Some(asked) = asked(&mut socket).await else { return };
    let (whole, cut) = answer(&asked, place);
    let said = if fault == Fault::None { &whole[..] } else { &whole[..cut] };
    if socket.write_all(said).await.is_err() {
        return;
    }
    match fault {
        Fault::None | Fault::Close => {}
        Fault::Reset => socket.set_zero_linger().expect("it can be reset"),
        Fault::Stall => drop(socket.read(&mut [0; 1]).await),
        Fault::Garbage => drop(socket.write_all(b"\xff\0not what was meant\r\n\r\n").await),
    }
}

/// The request's body; `None`: nobody asks any more.
async fn asked(socket: &mut TcpStream) -> Option<Value> {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some(length) = length_of(head)
            && body.len() >= length
        {
            return serde_json::from_str(body).ok();
        }
        if socket.read_buf(&mut got).await.ok()? == 0 {
            return None;
        }
    }
}

fn length_of(head: &str) -> Option<usize> {
    let head = head.to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
}

/// The whole answer, which says who asked, and where it is cut.
fn answer(asked: &Value, place: Place) -> (Vec<u8>, usize) {
    let usage = json!({ "prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT });
    let (head, parts) = if asked["stream"] == true {
        let word = json!({ "choices": [{ "index": 0, "delta": { "content": asked["user"] } }] });
        let last = json!({ "choices": [], "usage": usage });
        let events = [format!("data: {word}\n\n"), format!("data: {last}\n\n"), "data: [DONE]\n\n".to_owned()];
        let chunks = events.map(|event| format!("{:x}\r\n{event}\r\n", event.len()));
        let kind = "content-type: text/event-stream\r\ntransfer-encoding: chunked";
        (kind.to_owned(), vec![chunks[0].clone(), format!("{}{}0\r\n\r\n", chunks[1], chunks[2])])
    } else {
        let body = json!({ "choices": [{ "message": { "content": asked["user"] } }], "usage": usage }).to_string();
        let (first, rest) = body.split_at(body.len() - 5);
        (
            format!("content-type: application/json\r\ncontent-length: {}", body.len()),
            vec![first.to_owned(), rest.to_owned()],
        )
    };
    // One answer a connection, and it says so: nobody shall send another request into one that is about to end.
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\n\r\n");
    let cut = match place {
        Place::BeforeHead => 0,
        Place::InHead => head.len() / 2,
        Place::AfterHead => head.len(),
        Place::InFirst => head.len() + parts[0].len() / 2,
        Place::InBody => head.len() + parts[0].len(),
    };
    (format!("{head}{}", parts.concat()).into_bytes(), cut)
}
