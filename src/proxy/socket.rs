//! WebSockets: a Realtime session is admitted like any request, then both directions pass through as they come.
//!
//! Invariant: nothing of the client's goes on before the endpoint has agreed with 101; until then another endpoint may be tried,
//! from there on none.
//! Absent on purpose: frames. They are read on the way (`wire::socket`), never made but for the last one of a session that we end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;

use super::answer::Answer;
use super::attempt::Prepared;
use super::auth::{KEY_PROTOCOL, Who, client_label};
use super::classify::importance;
use super::deadlines::Watch;
use super::door::{Door, Inside};
use super::exchange::{committed, explain, plain};
use super::farewell::last_frame;
use super::journal::Journal;
use super::room::Arrival;
use super::spool::Kept;
use super::wishes::Wishes;
use crate::model::id::ModelName;
use crate::model::outcome::{EndedFor, Ending};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::wire::patch::Seams;
use crate::wire::socket::SocketReader;
use crate::wire::{error, headers, path};

/// What of a client's handshake the endpoint sees. Extensions are left out: what is compressed cannot be read.
const HANDSHAKE: [HeaderName; 3] = [
    HeaderName::from_static("sec-websocket-key"),
    HeaderName::from_static("sec-websocket-version"),
    HeaderName::from_static("sec-websocket-protocol"),
];
/// As much is passed on at once.
const PIECE: usize = 16 * 1024;
/// How long one side may go on once the other has hung up.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// Whether a request asks for a WebSocket.
fn is_wanted<B>(head: &Request<B>) -> bool {
    let says = |name: HeaderName, word: &str| {
        let values = head.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    head.method() == Method::GET
        && head.version() == Version::HTTP_11
        && says(UPGRADE, "websocket")
        && says(CONNECTION, "upgrade")
}

/// The client's side, if it asks for a WebSocket.
pub(super) fn asked(request: &mut Request<Incoming>) -> Option<OnUpgrade> {
    let wants = request.headers().contains_key(UPGRADE);
    (wants && is_wanted(request)).then(|| hyper::upgrade::on(request))
}

/// Whether a socket at this path below the root is a session whose model is named now, so that an endpoint of it can be chosen.
pub(super) fn opens(path: &str, query: Option<&str>) -> bool {
    path.split('/').next() == Some(Operation::Realtime.path()) && model_in(query).is_some()
}

fn model_in(query: Option<&str>) -> Option<String> {
    path::value_in(query, &["model", "deployment"])
}

/// Opens a session at a path below the root. `client` is the client's side once we have said 101, and the connection that it keeps open.
pub(super) async fn open(
    door: Arc<Door>,
    head: Parts,
    who: Who,
    client: (OnUpgrade, Arc<Arrival>),
    inside: Inside,
    path: String,
) -> Response<Answer> {
    let query = head.uri.query().map(str::to_owned);
    let Some(model) = model_in(query.as_deref()) else {
        return plain(error::bad_request("The session names no model. Add ?model= to its address."));
    };
    let at = inside.since();
    let wishes = Wishes::read(&head.headers);
    let (caller, priority) = importance(&door, who, &wishes, &model);
    let profile = RequestProfile {
        model: ModelName::from(model),
        operation: Operation::Realtime,
        streaming: true,
        size: RequestSize { choices: 1, ..RequestSize::default() },
        priority,
        caller,
        client: client_label(&head.headers).into(),
        sdk_retry: 0,
        patience: inside.left_of(wishes.patience),
        affinity: Affinity::default(),
    };
    let handshake = handshake(&head.headers);
    let mut prepared = Prepared::new(Operation::Realtime, head, Kept::default(), Seams::None);
    prepared.headers.extend(handshake);
    prepared.stored = Some((path, query));
    let journal = Journal::open(&door, door.engine.lease(Arc::new(profile)), at, door.deadlines.watch(), inside);
    match committed(&door, journal, &prepared).await {
        Ok((journal, agreed)) => join(&door, journal, agreed.head, client),
        Err(refused) => *refused,
    }
}

/// What goes upstream of the client's handshake.
pub(super) fn handshake(all: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in HANDSHAKE {
        for value in all.get_all(&name) {
            kept.append(name.clone(), value.clone());
        }
    }
    let [_, _, protocol] = HANDSHAKE;
    let offered: Vec<&str> = all.get_all(&protocol).into_iter().filter_map(|value| value.to_str().ok()).collect();
    if offered.iter().any(|value| value.contains(KEY_PROTOCOL)) {
        let words = offered.iter().flat_map(|value| value.split(',')).map(str::trim);
        let clean: Vec<&str> = words.filter(|word| !word.starts_with(KEY_PROTOCOL)).collect();
        kept.remove(&protocol);
        if let Ok(clean) = HeaderValue::from_str(&clean.join(", ")) {
            kept.insert(protocol, clean);
        }
    }
    kept.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    kept.insert(UPGRADE, HeaderValue::from_static("websocket"));
    kept
}

/// Says 101 to the client as the endpoint did, and lets both talk.
pub(super) fn join(
    door: &Door,
    journal: Journal,
    head: http::response::Parts,
    client: (OnUpgrade, Arc<Arrival>),
) -> Response<Answer> {
    let mut agreed = Response::from_parts(head, Answer::Whole(None));
    let upstream = hyper::upgrade::on(&mut agreed);
    let mut response = Response::new(Answer::Whole(None));
    *response.status_mut() = agreed.status();
    std::mem::swap(response.headers_mut(), agreed.headers_mut());
    headers::strip_response(response.headers_mut());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    explain(response.headers_mut(), &journal);
    // The connection's own task ends with the 101; the session lives on by itself until one side hangs up.
    door.let_talk(session(journal, client, upstream));
    response
}

async fn session(mut journal: Journal, (client, _arrival): (OnUpgrade, Arc<Arrival>), upstream: OnUpgrade) {
    let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else {
        return journal.close(Ending::ClientLeft, None);
    };
    let mut client = TokioIo::new(client);
    let (mut tap, mut watch) = (SocketReader::default(), journal.take_watch());
    journal.rest(true);
    let (ending, is_between) = talk(&mut client, upstream, &mut watch, |bytes| {
        tap.read(bytes);
        journal.rest(!tap.answers());
        if let Some(used) = tap.take_used() {
            journal.used(used);
        }
        if let Some(limits) = tap.take_limits() {
            journal.lease.told(limits);
        }
        tap.is_between()
    })
    .await;
    // An answer that was left is paid for, too.
    if let Some(seen) = tap.unfinished() {
        journal.used(seen);
    }
    // Its record does not wait until a client has taken in why.
    journal.close(ending, None);
    if let Ending::Ended(why) = ending {
        if is_between {
            let _ = timeout(LINGER, client.write_all(&last_bytes(why))).await;
        }
        let _ = timeout(LINGER, client.shutdown()).await;
    }
}

/// Passes bytes both ways until both sides are done, or the session is ended; with the ending, whether the client has all of what was
/// heard and no message is open. `tap` says whether a message may follow what it heard.
async fn talk(
    client: &mut TokioIo<Upgraded>,
    upstream: Upgraded,
    watch: &mut Watch,
    mut tap: impl FnMut(&[u8]) -> bool,
) -> (Ending, bool) {
    let (mut client_says, mut to_client) = tokio::io::split(client);
    let (mut upstream_says, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let is_between = AtomicBool::new(true);
    let up = pass(&mut client_says, &mut to_upstream, |_| {}, || {});
    let heard = AtomicBool::new(true);
    let listen = |bytes: &[u8]| {
        heard.store(tap(bytes), Ordering::Relaxed);
        is_between.store(false, Ordering::Relaxed);
    };
    let down = pass(&mut upstream_says, &mut to_client, listen, || {
        is_between.store(heard.load(Ordering::Relaxed), Ordering::Relaxed);
    });
    tokio::pin!(up, down);
    let ending = tokio::select! {
        () = &mut up => {
            linger(down, watch).await;
            Ending::ClientLeft
        }
        () = &mut down => {
            linger(up, watch).await;
            Ending::Completed
        }
        why = watch.until_ended() => Ending::Ended(why),
    };
    (ending, is_between.load(Ordering::Relaxed))
}

/// One side goes on for a while once the other has hung up, unless the session is ended.
async fn linger(rest: impl Future<Output = ()>, watch: &mut Watch) {
    tokio::select! {
        _ = timeout(LINGER, rest) => {}
        _ = watch.until_ended() => {}
    }
}

/// The frame that ends a session by us.
fn last_bytes(why: EndedFor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let whole = Frame::close(last_frame(why, 0)).format(&mut bytes);
    whole.map_or_else(|_| Vec::new(), |()| bytes)
}

/// One direction, to its end or its break; then the other side is told. `heard` gets each piece before it goes on, `passed` is
/// called after it has.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut heard: impl FnMut(&[u8]),
    passed: impl Fn(),
) {
    let mut piece = vec![0; PIECE];
    while let Ok(count) = from.read(&mut piece).await {
        let bytes = piece.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        heard(bytes);
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            break;
        }
        passed();
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_among_the_protocols_goes_no_further() {
        let mut all = HeaderMap::new();
        all.insert(
            "sec-websocket-protocol",
            "realtime, openai-insecure-api-key.sk-mine, openai-beta.v1".parse().unwrap(),
        );
        all.insert("sec-websocket-extensions", "permessage-deflate".parse().unwrap());
        let kept = handshake(&all);
        assert_eq!(kept["sec-websocket-protocol"], "realtime, openai-beta.v1");
        assert!(!kept.contains_key("sec-websocket-extensions"));
    }

    #[test]
    fn only_a_whole_wish_is_one() {
        let head = |version, upgrade: &str| {
            let request = http::Request::builder().version(version).header("connection", "keep-alive, Upgrade");
            request.header("upgrade", upgrade).body(()).unwrap()
        };
        assert!(is_wanted(&head(Version::HTTP_11, "WebSocket")));
        assert!(!is_wanted(&head(Version::HTTP_10, "websocket")) && !is_wanted(&head(Version::HTTP_11, "h2c")));
    }
}
