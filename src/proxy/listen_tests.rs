use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::engine::Engine;
use crate::model::checked::CheckedConfig;
use crate::model::config::{AdminState, Config, Service as ServiceKind};
use crate::model::outcome::Ending;
use crate::model::record::RecordEnd;
use crate::model::secret::Secret;
use crate::proxy::outward::Ways;
use crate::proxy::pool::Pool;
use crate::proxy::slots::Slots;
use crate::proxy::upstreams::Upstream;
use crate::record::recorder;
use crate::record::recorder::Drain;
use crate::wire::target::{Target, TargetAccount};

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

/// Panics at the first event with these words: a fault of ours in the middle of an exchange.
struct Trap {
    words: &'static str,
    is_set: AtomicBool,
}

impl Trap {
    fn at(words: &'static str) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(Self { words, is_set: AtomicBool::new(true) })
    }
}

impl tracing::Subscriber for Trap {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        assert!(words.0 != self.words || !self.is_set.swap(false, Ordering::Relaxed), "a fault of ours");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// What an event says.
#[derive(Default)]
struct Words(String);

impl tracing::field::Visit for Words {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// A service that answers every request alike, one to a connection; who asks for a socket is told that the key is wrong.
async fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut got = Vec::new();
            let asks_socket = |got: &[u8]| got.starts_with(b"GET") && got.ends_with(b"\r\n\r\n");
            while !got.ends_with(b"}") && !asks_socket(&got) {
                if stream.read_buf(&mut got).await.unwrap() == 0 {
                    break;
                }
            }
            let status = if asks_socket(&got) { "401 Unauthorized" } else { "200 OK" };
            let head = "content-type: application/json\r\ncontent-length: 2\r\nconnection: close";
            let said = format!("HTTP/1.1 {status}\r\n{head}\r\n\r\n{{}}");
            stream.write_all(said.as_bytes()).await.unwrap();
        }
    });
    port
}

/// Room for one client at a time, before `lost`, which nobody can reach, and then `found`; `gone` is at `lost` alone, and `paused`
/// is paused.
async fn before_two() -> (Arc<Door>, Drain) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    // A simulated account needs no key.
    let account = |id: &str| format!("[[account]]\nid = \"{id}\"\nservice = \"simulated\"\n");
    let here = service().await;
    let endpoint = |id: &str, account: &str, model: &str| {
        format!("[[endpoint]]\nid = \"{id}\"\naccount = \"{account}\"\nmodel = \"{model}\"\n")
    };
    let route = |model: &str, groups: &[&str]| {
        let group = |id: &&str| format!("[[route.group]]\nendpoints = [\"{id}\"]\n");
        format!("[[route]]\nmodel = \"{model}\"\n{}", groups.iter().map(group).collect::<String>())
    };
    let text = [
        "[queue]\nmax_wait_seconds = 0\n[retry]\nmax_attempts = 2\nbudget_percent = 100\n".to_owned(),
        account("nowhere"),
        account("here"),
        endpoint("lost", "nowhere", "m"),
        endpoint("found", "here", "m"),
        endpoint("gone", "nowhere", "gone"),
        endpoint("paused", "here", "paused"),
        route("m", &["lost", "found"]),
        route("gone", &["gone"]),
        route("paused", &["paused"]),
    ];
    let config: Config = toml_edit::de::from_str(&text.concat()).unwrap();
    let checked = Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0);
    let engine = Engine::of(&checked);
    engine.set_admin_state("paused".into(), AdminState::Paused);
    let clockwork = Arc::clone(&engine);
    tokio::spawn(async move { clockwork.run().await });
    let (recorder, records) = recorder(8);
    let pool = Pool::new(Duration::from_secs(1), Ways::default()).unwrap();
    let mut door = Door::new(engine, pool, recorder, Arc::clone(&checked), 1);
    door.room = Room::of(0);
    let key = || Some(Arc::new(Secret::new("a key".to_owned())));
    let place = |endpoint: &crate::model::checked::CheckedEndpoint| {
        let port = if endpoint.account.as_str() == "here" { here } else { nowhere };
        let account = TargetAccount::from(checked.config.account(&endpoint.account).unwrap());
        let base_url = format!("http://127.0.0.1:{port}/v1");
        let account = TargetAccount { base_url: &base_url, service: ServiceKind::Compatible, ..account };
        let upstream = Upstream {
            target: Target::new(&account, &endpoint.deployment).unwrap(),
            may_lead_back: false,
            service: ServiceKind::Simulated,
            keys: Arc::new(Slots::new(key(), key())),
            organization: None,
            project: None,
            refuses_usage: Arc::default(),
        };
        (endpoint.id.clone(), Arc::new(upstream))
    };
    door.reach(checked.endpoints.iter().map(place).collect());
    (Arc::new(door), records)
}

/// Nothing is reserved, under way or waited for.
fn nothing_is_held(door: &Door) {
    let sizes = door.engine.sizes();
    assert!(sizes.iter().all(|(_, size)| *size == 0), "{sizes:?}");
    let view = door.engine.view();
    for endpoint in &view.endpoints {
        assert_eq!((endpoint.in_flight, endpoint.tokens.reserved), (0, 0), "{}", endpoint.id);
    }
    assert_eq!((door.in_flight.load(Ordering::Relaxed), door.waiting()), (0, 0));
}

#[tokio::test]
async fn a_panic_in_an_exchange_ends_that_exchange_alone_and_is_recorded_as_what_it_is() {
    for (model, words, attempts) in [("m", "attempt failed", 1), ("gone", "refused", 1), ("paused", "refused", 0)] {
        let (door, mut records) = before_two().await;
        let listener = listening(&door).await;
        let asking = |model: &str| format!("{}{BODY}", head()).replace("\"m\"", &format!("\"{model}\""));
        let length = |text: &str, model: &str| {
            text.replace(&format!("length: {}", BODY.len()), &format!("length: {}", BODY.len() - 1 + model.len()))
        };
        let trap = Trap::at(words);
        let said = answer(saying(&listener, &length(&asking(model), model)).await).await;
        drop(trap);
        assert_eq!(said, "", "{words}: its connection ends");
        let record = records.next().await.unwrap();
        let told = (record.end, record.status, record.attempts.len());
        assert_eq!(told, (RecordEnd::Answered(Ending::CutOff), 500, attempts), "{words}");
        nothing_is_held(&door);
        // The one place for a client is free again, and whoever comes next is answered.
        let said = answer(saying(&listener, &asking("m")).await).await;
        assert!(said.starts_with("HTTP/1.1 200") && said.contains("x-tidegate-endpoint: found"), "{words}: {said}");
        let record = records.next().await.unwrap();
        assert_eq!((record.end, record.status), (RecordEnd::Answered(Ending::Completed), 200), "{words}");
        nothing_is_held(&door);
        assert_eq!(door.recorder.dropped(), 0, "{words}: one record each");
    }
}

/// What is noted in the middle of a socket's attempt.
const REFUSED_KEY: &str = "an account refused its key, so its other one is used from now on; renew the refused one";

#[tokio::test]
async fn a_panic_on_a_socket_ends_that_socket_alone() {
    let (door, mut records) = before_two().await;
    let listener = listening(&door).await;
    let stream = TcpStream::connect(listener.address).await.unwrap();
    let address = format!("ws://{}/v1/responses", listener.address);
    let mut socket = tokio_tungstenite::client_async(address, stream).await.unwrap().0;
    let trap = Trap::at(REFUSED_KEY);
    socket.send(Message::text(r#"{"type":"response.create","model":"m"}"#)).await.unwrap();
    let end = socket.next().await;
    drop(trap);
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    drop(socket);
    let record = records.next().await.unwrap();
    assert_eq!((record.end, record.attempts.len()), (RecordEnd::Answered(Ending::CutOff), 2));
    nothing_is_held(&door);
    let said = answer(saying(&listener, &format!("{}{BODY}", head())).await).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}
