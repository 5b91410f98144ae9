//! Every fault at every place of an answer, streamed or not, at one endpoint or at both, against the shipped binary: who asks is
//! answered by the other endpoint or hears clearly that something broke, nobody gets a word of another's answer, and the books
//! count each sending once, to the token.
//!
//! Chat at a compatible service meets all of it. Other families, Azure, and endpoints that share a group meet the faults where
//! their way through the proxy is another one: what they have in common with chat fails there.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod faulty;
mod served;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use faulty::{After, Family, Fault, INPUT, OUTPUT, Place, UNASKED};
use futures_util::future::join_all;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Clients that ask at the same time.
const CLIENTS: usize = 3;

/// What a client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    Whole,
    /// A stream that began and ended with an error event.
    ErrorEvent,
    /// A transfer that broke before its announced end, which no client takes for an answer.
    Broken,
    /// An error of Tidegate's own, with words.
    Refused,
}

/// Whose paths are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Compatible,
    /// Azure's older ones, below a deployment.
    Azure,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Case {
    fault: Fault,
    place: Place,
    stream: bool,
    /// It befalls both endpoints.
    both: bool,
    family: Family,
    service: Service,
    /// The endpoints are in one group, not one behind the other.
    together: bool,
}

impl Case {
    const fn chat(fault: Fault, place: Place, stream: bool, both: bool) -> Self {
        Self { fault, place, stream, both, family: Family::Chat, service: Service::Compatible, together: false }
    }

    /// What each client must get who meets the fault.
    fn expected(self) -> Got {
        let begun = self.stream && self.place >= Place::InBody;
        match self.fault {
            _ if begun && self.place == Place::BeforeEnd => Got::Whole,
            Fault::Trickle if begun => Got::Whole,
            _ if begun => Got::ErrorEvent,
            Fault::None => Got::Whole,
            _ if self.both => Got::Refused,
            _ => Got::Whole,
        }
    }

    /// What the books say of a stream that was cut: where nothing was told, what was asked is estimated.
    fn seen(self) -> (u64, u64) {
        match (self.place, self.family) {
            (Place::AfterUsage, _) => (INPUT, OUTPUT),
            (_, Family::Responses) => (3, 1),
            _ => (1, 1),
        }
    }

    /// Tokens that every sending is charged, where they do not depend on what came before.
    fn charge(self) -> Option<u64> {
        match (self.family, self.service) {
            (Family::Chat | Family::Responses, Service::Compatible) => Some(CAP),
            _ => None,
        }
    }

    /// Tokens that an answer puts out.
    const fn output(self) -> u64 {
        if matches!(self.family, Family::Embeddings) { 0 } else { OUTPUT }
    }
}

/// The most that an answer may be long.
const CAP: u64 = 40;

fn config(addresses: [&str; 2], service: Service, together: bool) -> String {
    let service =
        if service == Service::Azure { "azure\"\napi = \"classic\"\napi_version = \"2024-10-21" } else { "compatible" };
    let endpoint = |(name, address): (&str, &str)| {
        format!(
            "[[account]]\nid = \"{name}\"\nservice = \"{service}\"\nbase_url = \"{address}\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"e{name}\"\naccount = \"{name}\"\nmodel = \"m\"\n"
        )
    };
    let groups = if together {
        "[[route.group]]\nendpoints = [\"ea\", \"eb\"]\n"
    } else {
        "[[route.group]]\nendpoints = [\"ea\"]\n[[route.group]]\nendpoints = [\"eb\"]\n"
    };
    format!(
        "[retry]\nbudget_percent = 100\n[queue]\nmax_wait_seconds = 0\n[timeouts]\nstream_idle_seconds = 1\nanswer_seconds = 1\n\
         {}{}[[route]]\nmodel = \"m\"\n{groups}",
        endpoint(("a", addresses[0])),
        endpoint(("b", addresses[1]))
    )
}

/// What is sent as this client.
fn asked(served: &Served, case: Case, client: usize) -> reqwest::RequestBuilder {
    let user = format!("client-{client}.");
    let post = |path: &str| served.client.post(served.url(path));
    let body = match case.family {
        Family::Chat => {
            json!({ "model": "m", "stream": case.stream, "max_tokens": CAP, "user": user, "messages": [] })
        }
        Family::Responses => {
            json!({ "model": "m", "stream": case.stream, "max_output_tokens": CAP, "store": false, "input": user })
        }
        Family::Embeddings => json!({ "model": "m", "input": user }),
        Family::Upload => {
            let part = |name: &str, value: &str| {
                format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let form = format!("{}{}--cut--\r\n", part("model", "m"), part("file", &user));
            let post = post("audio/transcriptions").header("content-type", "multipart/form-data; boundary=cut");
            return post.body(form);
        }
    };
    let path = match case.family {
        Family::Responses => "responses",
        Family::Embeddings => "embeddings",
        Family::Chat | Family::Upload => "chat/completions",
    };
    post(path).json(&body)
}

/// Asks as this client: what came, and from which endpoint. Of what comes, nothing may be another client's.
async fn ask(served: &Served, case: Case, client: usize) -> (Got, Option<usize>) {
    // What breaks before anything of it was passed on breaks without a head.
    let Ok(mut answer) = asked(served, case, client).send().await else { return (Got::Broken, None) };
    let (status, mut text, mut broken) = (answer.status(), Vec::new(), false);
    let by = answer.headers().get("x-tidegate-endpoint").map(|name| usize::from(name == "eb"));
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => text.extend_from_slice(&bytes),
            Ok(None) => break,
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let others = (0..CLIENTS).filter(|other| *other != client).map(|other| format!("client-{other}."));
    assert!(!others.chain([UNASKED.to_owned()]).any(|other| text.contains(&other)), "{text}");
    let own = text.contains(&format!("client-{client}."));
    let last = if case.family == Family::Responses { "event: response.completed" } else { "data: [DONE]\n\n" };
    let is_json = serde_json::from_str::<Value>(&text).is_ok();
    let got = match (status.as_u16(), broken) {
        (200, true) => Got::Broken,
        (200, false)
            if case.stream
                && own
                && text.rsplit(last).next().is_some_and(|rest| !rest.contains("event: error"))
                && text.contains(last)
                && !text.contains("\"error\"") =>
        {
            Got::Whole
        }
        (200, false) if !case.stream && is_json && (own || case.family == Family::Embeddings) => Got::Whole,
        (200, false) if case.stream && own && text.contains("\"error\"") => Got::ErrorEvent,
        (429 | 500.., false)
            if serde_json::from_str::<Value>(&text).is_ok_and(|said| said["error"]["message"].is_string()) =>
        {
            Got::Refused
        }
        _ => panic!("{status} and no clear end: {text:?}"),
    };
    (got, by)
}

async fn play(case: Case) {
    let second = if case.both { case.fault } else { Fault::None };
    let (first, second) = (faulty::start(case.fault, case.place).await, faulty::start(second, case.place).await);
    let (first, second) = if case.service == Service::Azure {
        (format!("http://127.0.0.1:{first}"), format!("http://127.0.0.1:{second}"))
    } else {
        (at(first), at(second))
    };
    compare(&format!("{case:?}"), [&first, &second], case, case.expected(), true).await;
}

fn at(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// Three clients ask at the same time, and the books agree with what they got. `reached`: the first endpoint was sent something.
async fn compare(said: &str, addresses: [&str; 2], case: Case, wanted: Got, reached: bool) {
    let authorities = tls_file("authorities.pem");
    let variables = [("KEY", "k"), ("SSL_CERT_FILE", authorities.to_str().expect("a name"))];
    let mut served = serve(&config(addresses, case.service, case.together), &variables);
    let got = join_all((0..CLIENTS).map(|client| ask(&served, case, client))).await;
    for (got, _) in &got {
        // The first endpoint may be known to be broken by the time the last one asks.
        let spared = *got == Got::Whole && !case.both || *got == Got::Refused && case.both;
        assert!(*got == wanted || spared, "{said}: {got:?} in place of {wanted:?}");
    }
    assert!(got.iter().any(|(got, _)| *got == wanted), "{said}: nobody met the fault");
    let status = served.until(settled).await;
    let of = |at: usize, name: &str| status["endpoints"][at]["counters"][name].as_u64().expect("a number");
    let count = |wanted: Got, at: usize| got.iter().filter(|one| **one == (wanted, Some(at))).count() as u64;
    let (seen_in, seen_out) = case.seen();
    for at in [0, 1] {
        let (whole, cut) = (count(Got::Whole, at), count(Got::ErrorEvent, at));
        let ended = of(at, "answered") + of(at, "failed") + of(at, "throttled");
        assert_eq!(of(at, "attempts"), ended, "{said}: each sending ends once: {status:#}");
        assert_eq!(of(at, "answered"), whole, "{said}: answered by {at}");
        let tokens = (of(at, "tokens_in"), of(at, "tokens_out"));
        let expected = (whole * INPUT + cut * seen_in, whole * case.output() + cut * seen_out);
        assert_eq!(tokens, expected, "{said}: counted once at {at}, and what was cut as far as it was seen");
        if let Some(charge) = case.charge() {
            let sent = if (case.both || at == 0) && !reached { whole } else { of(at, "attempts") };
            assert_eq!(of(at, "charged"), sent * charge, "{said}: every sending is charged once at {at}");
        }
    }
    if wanted == Got::Whole && !reached {
        assert_eq!(count(Got::Whole, 0), 0, "{said}");
    }
    assert_eq!(served.terminate(), Some(0), "{said}");
    assert_eq!(records(served.folder.path()), CLIENTS as u64, "{said}: one record each");
}

/// How many requests the history tells of.
fn records(folder: &Path) -> u64 {
    let file = folder.join("data").join("history.sqlite");
    let history = rusqlite::Connection::open(file).expect("a history");
    history
        .query_row("SELECT count(*) FROM request", [], |row| row.get::<_, i64>(0))
        .expect("it can be read")
        .unsigned_abs()
}

const PLACES: [Place; 5] = [Place::BeforeHead, Place::InHead, Place::AfterHead, Place::InFirst, Place::InBody];
/// Places that streams alone have.
const LATE: [Place; 2] = [Place::AfterUsage, Place::BeforeEnd];

async fn play_everywhere(fault: Fault, places: &[Place]) {
    for place in places {
        let cases = [(false, false), (false, true), (true, false), (true, true)];
        join_all(cases.map(|(stream, both)| play(Case::chat(fault, *place, stream, both)))).await;
    }
}

async fn play_late(fault: Fault) {
    join_all(LATE.map(|place| play(Case::chat(fault, place, true, false)))).await;
}

#[tokio::test]
async fn a_connection_that_ends_anywhere_in_an_answer() {
    play_everywhere(Fault::Close, &PLACES).await;
    play_late(Fault::Close).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_anywhere_in_an_answer() {
    play_everywhere(Fault::Reset, &PLACES).await;
    play_late(Fault::Reset).await;
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_anywhere_in_an_answer() {
    play_everywhere(Fault::Stall, &PLACES).await;
    play_late(Fault::Stall).await;
}

#[tokio::test]
async fn an_endpoint_that_sends_no_head_of_a_stream_is_left_long_before_one_that_thinks() {
    let (silent, sound) =
        (faulty::start(Fault::Stall, Place::BeforeHead).await, faulty::start(Fault::None, Place::InBody).await);
    let config = config([&at(silent), &at(sound)], Service::Compatible, false)
        .replace("stream_idle_seconds = 1", "stream_head_seconds = 1");
    let served = serve(&config, &[("KEY", "k")]);
    let case = Case::chat(Fault::Stall, Place::BeforeHead, true, false);
    assert_eq!(ask(&served, case, 0).await, (Got::Whole, Some(1)));
}

#[tokio::test]
async fn an_endpoint_that_talks_nonsense_where_it_shows() {
    play_everywhere(Fault::Garbage, &[Place::BeforeHead, Place::InHead, Place::AfterHead]).await;
    join_all([false, true].map(|stream| play(Case::chat(Fault::Garbage, Place::InFirst, stream, false)))).await;
    // In a body of announced length nonsense is a body like any other; between chunks it shows.
    play(Case::chat(Fault::Garbage, Place::InBody, true, false)).await;
    play_late(Fault::Garbage).await;
}

#[tokio::test]
async fn an_endpoint_that_is_slow_but_not_silent_is_left_before_its_first_output_and_waited_for_after_it() {
    let places = [Place::InFirst, Place::InBody];
    let streamed = places.map(|place| Case::chat(Fault::Trickle, place, true, false));
    let documents = [false, true].map(|both| Case::chat(Fault::Trickle, Place::InFirst, false, both));
    join_all(streamed.into_iter().chain(documents).map(play)).await;
}

/// Responses begin with events that bind nobody, forms are sent from parts, and what runs at Azure lies below other paths.
#[tokio::test]
async fn every_family_meets_what_breaks_it() {
    for fault in [Fault::Close, Fault::Reset, Fault::Garbage] {
        let chat = Case::chat(fault, Place::BeforeHead, false, false);
        let responses = Case { family: Family::Responses, stream: true, ..chat };
        let azure = Case { service: Service::Azure, ..chat };
        let cases = [
            Case { place: Place::InFirst, ..responses },
            Case { place: Place::InBody, ..responses },
            Case { place: Place::BeforeEnd, ..responses },
            Case { family: Family::Embeddings, place: Place::InFirst, ..chat },
            Case { family: Family::Upload, place: Place::AfterHead, ..chat },
            Case { place: Place::InHead, ..azure },
            Case { place: Place::InBody, stream: true, ..azure },
        ];
        join_all(cases.map(play)).await;
    }
}

#[tokio::test]
async fn endpoints_of_one_group_answer_for_each_other() {
    let case = |fault, place, stream| Case { together: true, ..Case::chat(fault, place, stream, false) };
    join_all([
        play(case(Fault::Reset, Place::BeforeHead, false)),
        play(case(Fault::Close, Place::InFirst, true)),
        play(case(Fault::Reset, Place::InBody, true)),
        play(case(Fault::Garbage, Place::InFirst, false)),
        play(case(Fault::Stall, Place::AfterHead, false)),
    ])
    .await;
}

/// One after the other, each on the connection that the one before left, if it is worth anything.
async fn ask_on_kept(after: After, stream: bool, alone: bool) {
    let said = format!("{after:?}, streamed: {stream}, alone: {alone}");
    let (first, seen) = faulty::start_kept(after).await;
    let second = faulty::start(Fault::None, Place::InBody).await;
    let mut config = config([&at(first), &at(second)], Service::Compatible, false);
    if alone {
        config = config
            .replace("[[route.group]]\nendpoints = [\"eb\"]\n", "")
            .replace("max_wait_seconds = 0", "max_wait_seconds = 5");
    }
    let mut served = serve(&config, &[("KEY", "k")]);
    let case = Case::chat(Fault::None, Place::InBody, stream, false);
    for client in 0..CLIENTS {
        assert_eq!(ask(&served, case, client).await.0, Got::Whole, "{said}: client {client}");
    }
    assert!(seen.befell.load(Ordering::SeqCst) > 0, "{said}: nobody met it");
    let status = served.until(settled).await;
    let sum = |name: &str| -> u64 {
        [0, 1].map(|at| status["endpoints"][at]["counters"][name].as_u64().expect("a number")).iter().sum()
    };
    let clients = CLIENTS as u64;
    let told = (sum("answered"), sum("tokens_in"), sum("tokens_out"));
    assert_eq!(told, (clients, clients * INPUT, clients * OUTPUT), "{said}: {status:#}");
    assert_eq!(served.terminate(), Some(0), "{said}");
    assert_eq!(records(served.folder.path()), clients, "{said}");
}

#[tokio::test]
async fn a_kept_connection_that_is_dead_costs_nobody_an_answer() {
    for stream in [false, true] {
        let both = |after| [ask_on_kept(after, stream, false), ask_on_kept(after, stream, true)];
        join_all([After::Close, After::Reset].into_iter().flat_map(both)).await;
        ask_on_kept(After::Silence, stream, false).await;
    }
}

#[tokio::test]
async fn what_comes_unasked_behind_an_answer_is_nobodys() {
    for stream in [false, true] {
        let both = |after| [ask_on_kept(after, stream, false), ask_on_kept(after, stream, true)];
        join_all([After::LeftOver, After::Garbage].into_iter().flat_map(both)).await;
    }
}

/// An address that takes connections and handles each so.
async fn takes<F: Future<Output = ()> + Send + 'static>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(handle(socket));
        }
    });
    format!("https://localhost:{port}/v1")
}

/// A service with this certificate that answers well whoever believes it.
async fn certified(certificate: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from_pem_file(tls_file(certificate)).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(tls_file("localhost.key")).expect("a key");
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("they fit");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    takes(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut socket) = acceptor.accept(socket).await else { return };
            let mut got = Vec::new();
            while let Some(asked) = faulty::asked(&mut socket, &mut got).await {
                let (whole, _) = faulty::answer(&asked, Place::InBody);
                if socket.write_all(&whole).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

async fn silent(mut socket: TcpStream) {
    while socket.read(&mut [0; 1_024]).await.is_ok_and(|count| count > 0) {}
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_at_all() {
    let refuses = {
        let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        at(nobody.local_addr().expect("an address").port())
    };
    let sound = at(faulty::start(Fault::None, Place::InBody).await);
    // It speaks no TLS, and says so as such servers do.
    let unencrypted = takes(|mut socket| async move {
        let _ = socket.read(&mut [0; 1_024]).await;
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    })
    .await;
    let reset = takes(|mut socket| async move {
        let _ = socket.read(&mut [0; 16]).await;
        socket.set_zero_linger().expect("it can be reset");
    })
    .await;
    let misnamed = certified("localhost.pem").await.replace("localhost", "127.0.0.1");
    let (unknown, expired) = (certified("unknown.pem").await, certified("expired.pem").await);
    let nowhere = "https://nowhere.invalid/v1";
    for broken in [&refuses, &unencrypted, nowhere, &reset, &misnamed, &unknown, &expired] {
        let plays = [false, true].map(async |stream| {
            let one = Case::chat(Fault::None, Place::InBody, stream, false);
            compare(&format!("{broken}, streamed: {stream}"), [broken, &sound], one, Got::Whole, false).await;
            let both = Case { both: true, ..one };
            compare(&format!("{broken}, streamed: {stream}, both"), [broken, broken], both, Got::Refused, false).await;
        });
        join_all(plays).await;
    }
    // The same service is believed by its right name, so it was the certificate.
    let believed = certified("localhost.pem").await;
    let one = Case::chat(Fault::None, Place::InBody, true, false);
    compare("believed", [&believed, &sound], one, Got::Whole, true).await;
}

#[tokio::test]
async fn a_service_that_takes_a_connection_and_says_nothing_of_tls_is_left_as_one_that_takes_none() {
    let sound = faulty::start(Fault::None, Place::InBody).await;
    let stalled = takes(silent).await;
    let config = config([&stalled, &at(sound)], Service::Compatible, false)
        .replace("answer_seconds = 1", "connect_seconds = 1")
        .replace("stream_idle_seconds = 1\n", "");
    let mut served = serve(&config, &[("KEY", "k")]);
    let case = Case::chat(Fault::None, Place::InBody, false, false);
    assert_eq!(ask(&served, case, 0).await, (Got::Whole, Some(1)), "long before the 29 minutes of an answer");
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][0]["counters"]["charged"], 0, "nothing was sent there");
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test]
async fn a_peer_that_takes_a_connection_and_never_reads_is_left() {
    let sound = at(faulty::start(Fault::None, Place::InBody).await);
    // The system takes connections for it, and nobody comes for them.
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = at(deaf.local_addr().expect("an address").port());
    let case = Case::chat(Fault::None, Place::InBody, false, false);
    compare("deaf", [&address, &sound], case, Got::Whole, true).await;
}
