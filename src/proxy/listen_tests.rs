use std::sync::atomic::Ordering;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::engine::Engine;
use crate::model::checked::CheckedConfig;
use crate::model::config::{AdminState, Config};
use crate::proxy::outward::Ways;
use crate::proxy::pool::Pool;
use crate::record::recorder;

/// With room for one client, and for one request of it at a time.
fn small_door() -> Arc<Door> {
    door_with("")
}

fn door_with(config: &str) -> Arc<Door> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config: Config = toml_edit::de::from_str(config).unwrap();
    let checked = Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0);
    let engine = Engine::of(&checked);
    let (recorder, _) = recorder(8);
    let mut door = Door::new(engine, Pool::new(Duration::from_secs(1), Ways::default()).unwrap(), recorder, checked, 1);
    door.room = Room::of(0);
    Arc::new(door)
}

struct Listener {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
}

async fn listening(door: &Arc<Door>) -> Listener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(serve(listener, Arc::clone(door), stopped, oneshot::channel().0));
    Listener { address, stop }
}

/// A connection on which this much of a request was said.
async fn saying(listener: &Listener, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(listener.address).await.unwrap();
    stream.write_all(text.replace("HOST", &listener.address.to_string()).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn connections_of_a_listener_that_was_given_up_still_count() {
    let door = small_door();
    let old = listening(&door).await;
    let mut first = saying(&old, "GET /v1/models HTTP/1.1\r\nhost: HOST\r\n\r\nGET /v1/mod").await;
    first.read_u8().await.unwrap();
    let new = listening(&door).await;
    old.stop.send_replace(true);
    let mut second = saying(&new, "GET /v1/models HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    until(|| door.room.was_full()).await;
    drop(first);
    assert_eq!(second.read_u8().await.unwrap(), b'H', "once the old one has ended");
}

/// Waits for what other tasks of this thread bring about.
async fn until(wish: impl Fn() -> bool) {
    let comes = async {
        while !wish() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), comes).await.unwrap();
}

const BODY: &str = r#"{"model":"m","messages":[]}"#;

fn head() -> String {
    let length = BODY.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

async fn answer(mut stream: TcpStream) -> String {
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    all
}

#[tokio::test]
async fn a_pause_that_begins_while_a_request_waits_for_a_file_concerns_it() {
    let door = small_door();
    let listener = listening(&door).await;
    let all =
        door.room.service(&door.deadlines, || door.engine.clock().deadline(Duration::from_secs(30))).await.unwrap();
    let client = saying(&listener, &format!("{}{BODY}", head())).await;
    until(|| door.waiting() == 1).await;
    door.paused.store(true, Ordering::Relaxed);
    drop(all);
    let said = answer(client).await;
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("paused"), "{said}");
}

#[tokio::test]
async fn a_pause_that_begins_while_a_requests_body_is_on_its_way_concerns_it() {
    let door = small_door();
    let listener = listening(&door).await;
    let (begin, rest) = BODY.split_at(9);
    let mut client = saying(&listener, &format!("{}{begin}", head())).await;
    until(|| door.in_flight.load(Ordering::Relaxed) == 1).await;
    door.paused.store(true, Ordering::Relaxed);
    client.write_all(rest.as_bytes()).await.unwrap();
    let said = answer(client).await;
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("paused"), "{said}");
}

#[tokio::test]
async fn an_endpoint_that_is_paused_while_a_requests_body_is_on_its_way_is_passed_by() {
    let endpoint = |id: &str| format!("[[endpoint]]\nid = \"{id}\"\naccount = \"s\"\nmodel = \"m\"\n");
    let groups =
        "[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"one\"]\n[[route.group]]\nendpoints = [\"two\"]\n";
    let config =
        format!("[[account]]\nid = \"s\"\nservice = \"simulated\"\n{}{}{groups}", endpoint("one"), endpoint("two"));
    for (paused, expected) in [
        (&[][..], "x-tidegate-endpoint: one"),
        (&["one"], "x-tidegate-endpoint: two"),
        (&["one", "two"], "x-tidegate-attempts: 0"),
    ] {
        // Nothing can be reached: where it was sent is all that counts.
        let door = door_with(&format!("[retry]\nmax_attempts = 1\n{config}"));
        let listener = listening(&door).await;
        let (begin, rest) = BODY.split_at(9);
        let mut client = saying(&listener, &format!("{}{begin}", head())).await;
        until(|| door.in_flight.load(Ordering::Relaxed) == 1).await;
        for endpoint in paused {
            door.engine.set_admin_state((*endpoint).into(), AdminState::Paused);
        }
        client.write_all(rest.as_bytes()).await.unwrap();
        let said = answer(client).await;
        assert!(said.contains(expected), "{paused:?}: {said}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_that_name_before_it_is_read_be_it_json_or_a_form() {
    let door = small_door();
    let listener = listening(&door).await;
    let form = head()
        .replace("chat/completions", "images/edits")
        .replace("application/json", "multipart/form-data; boundary=b");
    for head in [head(), form] {
        for coding in [
            "content-encoding: gzip",
            "Content-Encoding: GZIP",
            "content-encoding: identity\r\ncontent-encoding: br",
            "content-encoding: identity, gzip",
        ] {
            let compressed = head.replace("content-type", &format!("{coding}\r\ncontent-type"));
            // Its body never comes.
            let said = answer(saying(&listener, &compressed).await).await;
            assert!(said.starts_with("HTTP/1.1 400") && said.contains("compressed"), "{coding}: {said}");
        }
    }
    let plain = head().replace("content-type", "content-encoding: Identity\r\ncontent-type");
    let said = answer(saying(&listener, &format!("{plain}{BODY}")).await).await;
    assert!(said.contains("no routes yet"), "{said}");
}

#[tokio::test]
async fn a_pause_that_begins_while_a_socket_is_open_concerns_its_next_response() {
    let door = small_door();
    let listener = listening(&door).await;
    let stream = TcpStream::connect(listener.address).await.unwrap();
    let address = format!("ws://{}/v1/responses", listener.address);
    let mut socket = tokio_tungstenite::client_async(address, stream).await.unwrap().0;
    for (is_paused, expected) in [(true, "paused"), (false, "no routes yet")] {
        door.paused.store(is_paused, Ordering::Relaxed);
        socket.send(Message::text(r#"{"type":"response.create","model":"m"}"#)).await.unwrap();
        let said = socket.next().await.unwrap().unwrap();
        assert!(said.to_text().unwrap().contains(expected), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_is_taken_ends_and_says_that_this_was_why() {
    let clock = crate::engine::clock::Clock::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let arrival = Arc::new(Arrival::new(None, Room::of(0).client().await));
    let mut taken = Taken::new(listener.accept().await.unwrap().0, &arrival);
    let before = clock.now();
    while taken.write_all(&[7; 16_384]).await.is_ok() {
        assert!(!arrival.is_stuck());
    }
    assert!(arrival.is_stuck() && clock.now().since(before) >= TAKE_TIMEOUT, "not before its time");
    drop(client);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_not_said_to_have_taken_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let arrival = Arc::new(Arrival::new(None, Room::of(0).client().await));
    let mut taken = Taken::new(listener.accept().await.unwrap().0, &arrival);
    drop(client);
    while taken.write_all(&[7; 16_384]).await.is_ok() {}
    assert!(!arrival.is_stuck());
}
