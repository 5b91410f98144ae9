//! The numbered cases of the attack list that `door` and `door_more` leave: sockets of foreign pages, credentials that cross or
//! come back, sizes without end, and loops.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use origin::{Got, Origin, Said, events, json, route};
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "canary-door-rest-33";
const BODY: &str = r#"{"model":"m","messages":[]}"#;
const CLIENTS: &str = "a-clients-own-word";

fn address(served: &Served) -> String {
    served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

fn before(origin: &Origin, more: &str) -> Served {
    serve(&format!("{more}{}{}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", KEY)])
}

/// Everything that is answered to these bytes, until the connection ends.
async fn raw(served: &Served, request: &str) -> String {
    let mut socket = TcpStream::connect(address(served)).await.expect("a connection");
    socket.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("it is heard");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(host: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    )
}

fn plain() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.build().expect("a client")
}

#[tokio::test]
async fn case_4_no_socket_is_opened_for_a_foreign_page() {
    let origin = Origin::start(|_| json(200, "{}")).await;
    let served = before(&origin, "");
    let host = address(&served);
    for path in ["/v1/realtime?model=m", "/v1/responses", "/openai/v1/responses", "/openai/realtime?deployment=m"] {
        for page in ["origin: https://evil.example", "origin: null", "sec-fetch-site: cross-site"] {
            let ask = format!(
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n{page}\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
            );
            let mut socket = TcpStream::connect(&host).await.expect("a connection");
            socket.write_all(ask.as_bytes()).await.expect("it is sent");
            let mut start = [0; 12];
            socket.read_exact(&mut start).await.expect("a status");
            assert_eq!(&start, b"HTTP/1.1 403", "{path} {page}");
        }
    }
    assert!(origin.got().is_empty());
}

#[tokio::test]
async fn case_6_whatever_a_client_sends_exactly_one_credential_goes_on_and_it_is_ours() {
    let origin = Origin::start(|_| json(200, "{}")).await;
    let azure = format!(
        "[[account]]\nid = \"z\"\nservice = \"azure\"\napi = \"v1\"\nbase_url = \"http://127.0.0.1:{}\"\ncredential = {{ env = \
         \"KEY\" }}\n[[endpoint]]\nid = \"ez\"\naccount = \"z\"\nmodel = \"z\"\n{}",
        origin.port,
        route("z", &["ez"])
    );
    let served = serve(&format!("{}{}{azure}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", KEY)]);
    let own =
        ["authorization", "api-key", "x-api-key", "cookie", "openai-organization", "openai-project", "x-goog-api-key"];
    for (model, header, value) in [("m", "authorization", format!("Bearer {KEY}")), ("z", "api-key", KEY.to_owned())] {
        let mut request = served.client.post(served.url(&format!("chat/completions?api-key={CLIENTS}&key={CLIENTS}")));
        for name in own {
            request = request.header(name, CLIENTS);
        }
        let body = BODY.replace("\"m\"", &format!("\"{model}\""));
        request.header("content-type", "application/json").body(body).send().await.expect("an answer");
        let got = origin.got().pop().expect("a request");
        let all = format!("{} {:?}", got.uri(), got.headers());
        assert!(!all.contains(CLIENTS), "{all}");
        let sent: Vec<&str> = own.into_iter().filter(|name| got.headers().contains_key(*name)).collect();
        assert_eq!((sent, got.headers()[header].to_str().expect("text")), (vec![header], value.as_str()));
        assert_eq!(got.headers().get_all(header).iter().count(), 1);
    }
}

#[tokio::test]
async fn case_7_a_connection_header_takes_nothing_of_ours_away_and_what_it_names_is_dropped() {
    let origin = Origin::start(|_| json(200, "{}")).await;
    let served = before(&origin, "");
    for nominated in ["authorization, x-foo", "api-key, x-foo", "close, x-foo", "Authorization,content-length , X-Foo"]
    {
        let headers = format!("connection: {nominated}\r\nx-foo: nominated\r\nauthorization: Bearer {CLIENTS}\r\n");
        let answer = raw(&served, &post(&address(&served), &headers, BODY)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{nominated}: {answer}");
        let got = origin.got().pop().expect("a request");
        assert_eq!(got.headers()["authorization"], format!("Bearer {KEY}").as_str(), "{nominated}");
        assert!(!got.headers().contains_key("x-foo"), "{nominated}: {:?}", got.headers());
        assert_eq!(got.body().len(), BODY.replace("\"m\"", "\"at a\"").len(), "{nominated}");
    }
}

#[tokio::test]
async fn case_8_a_redirect_is_given_back_as_it_is_and_followed_nowhere() {
    let elsewhere = Origin::start(|_| json(200, "{}")).await;
    let (port, own) = (elsewhere.port, Arc::new(AtomicU64::new(0)));
    let ours = Arc::clone(&own);
    let asked = AtomicU64::new(0);
    let targets = move |at: u64| match at {
        0 => format!("http://127.0.0.1:{port}/v1/stolen"),
        1 => format!("http://localhost:{port}/v1/stolen"),
        2 => format!("//127.0.0.1:{port}/v1/stolen"),
        3 => format!("http://127.0.0.1:{}/_tidegate/status", ours.load(Ordering::SeqCst)),
        _ => "/v1/elsewhere".to_owned(),
    };
    let told = targets.clone();
    let origin = Origin::start(move |_| {
        let at = asked.fetch_add(1, Ordering::SeqCst);
        let status = [301, 302, 303, 307, 308][usize::try_from(at % 5).expect("small")];
        let answer = http::Response::builder().status(status).header("location", told(at));
        answer.body(Full::new(Bytes::new())).expect("a sound answer")
    })
    .await;
    let served = before(&origin, "");
    let port = address(&served).rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    own.store(port, Ordering::SeqCst);
    for at in 0..5_u64 {
        let request = plain().post(served.url("chat/completions")).header("content-type", "application/json");
        let answer = request.body(BODY).send().await.expect("an answer");
        assert!(answer.status().is_redirection(), "{}", answer.status());
        assert_eq!(answer.headers()["location"], targets(at).as_str());
        assert_eq!(origin.got().len() as u64, at + 1, "asked once, and nobody else");
    }
    assert!(elsewhere.got().is_empty(), "{:?}", elsewhere.paths());
}

/// Answers with everything it was told, in one of four ways.
fn echo(got: &Got, way: usize) -> Said {
    let heads: Vec<String> = (got.headers().iter())
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let told = heads.join(" | ").replace('"', "'");
    let error = format!(r#"{{"error":{{"message":"bad: {told}","type":"invalid_request_error"}}}}"#);
    let built = http::Response::builder();
    let (built, body) = match way {
        0 => (built.status(400).header("content-type", "application/json"), error),
        1 => (built.status(200).header("x-echo", told).header("content-type", "application/json"), "{}".to_owned()),
        2 => (built.status(307).header("location", format!("https://evil.example/?{}", told.replace(' ', "+"))), error),
        _ => {
            let word = r#"data: {"choices":[{"index":0,"delta":{"content":"x"}}]}"#;
            return events(&format!("{word}\n\ndata: {error}\n\ndata: [DONE]\n\n"));
        }
    };
    built.body(Full::new(Bytes::from(body))).expect("a sound answer")
}

#[tokio::test]
async fn case_9_an_upstream_that_repeats_what_it_was_sent_tells_our_key_to_nobody() {
    let way = AtomicU64::new(0);
    let origin =
        Origin::start(move |got| echo(got, usize::try_from(way.fetch_add(1, Ordering::SeqCst)).expect("small"))).await;
    let served = before(&origin, "");
    for (way, status) in [400, 200, 307, 200].into_iter().enumerate() {
        let body = if way == 3 { BODY.replace("[]", "[],\"stream\":true") } else { BODY.to_owned() };
        let request = plain().post(served.url("chat/completions")).header("content-type", "application/json");
        let answer = request.body(body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "way {way}");
        let heads = format!("{:?}", answer.headers());
        let told = heads + &answer.text().await.expect("a body");
        assert!(told.contains("[hidden]") && !told.contains(KEY), "way {way}: {told}");
    }
    served.until(settled).await;
    assert!(!served.everything_written().contains(KEY));
}

#[tokio::test]
async fn case_14_nothing_is_tunnelled_before_the_service_agreed() {
    let origin = Origin::start(|_| json(200, r#"{"no":"socket"}"#)).await;
    let served = before(&origin, "");
    let host = address(&served);
    let smuggled = "GET /v1/files/smuggled HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    for (version, expected) in [("1.1", "HTTP/1.1 5"), ("1.0", "HTTP/1.0 426")] {
        let ask = format!(
            "GET /v1/realtime?model=m HTTP/{version}\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n{smuggled}"
        );
        let answer = raw(&served, &ask).await;
        assert!(answer.starts_with(expected), "{version}: {answer}");
    }
    assert!(!origin.paths().iter().any(|path| path.contains("smuggled")), "{:?}", origin.paths());
}

/// The most memory the process ever had, in KiB.
fn highest_memory(served: &Served) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", served.child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system says so");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// A service that answers with this head and then with this piece, so many times; how much was taken of it.
async fn endless(head: &'static str, piece: Vec<u8>, times: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let piece = piece.clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                while !got.ends_with(b"}") && socket.read_buf(&mut got).await.unwrap_or(0) > 0 {}
                let _ = socket.write_all(head.as_bytes()).await;
                for _ in 0..times {
                    if socket.write_all(&piece).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn case_16_lines_and_bombs_without_end_pass_through_a_bounded_memory() {
    const MIB: usize = 1024 * 1024;
    let head =
        |kind: &str| format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n{kind}\r\n");
    // A line that never ends, and one that would unfold a thousandfold.
    let line = endless(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\ndata: ",
        vec![b'x'; MIB],
        200,
    );
    let bomb = endless(Box::leak(head("content-encoding: gzip\r\n").into_boxed_str()), vec![0; MIB], 200);
    for port in [line.await, bomb.await] {
        let config = format!(
            "[retry]\nmax_attempts = 1\n[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n{}",
            route("m", &["ea"])
        );
        let served = serve(&config, &[("KEY", KEY)]);
        let body = BODY.replace("[]", "[],\"stream\":true");
        let request = served.client.post(served.url("chat/completions")).header("content-type", "application/json");
        let mut answer = request.body(body).send().await.expect("an answer");
        let mut taken = 0;
        while let Ok(Some(chunk)) = answer.chunk().await {
            taken += chunk.len();
        }
        assert!(taken > 190 * MIB, "it passes as it comes: {taken}");
        let memory = highest_memory(&served);
        assert!(memory < 120 * 1024, "{memory} KiB for 200 MiB");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn case_16_an_upload_of_a_gigabyte_is_refused_by_its_length_and_one_that_hides_it_on_the_way() {
    let origin = Origin::start(|_| json(200, "{}")).await;
    let served = before(&origin, "[bodies]\nlargest_mib = 64\n");
    let host = address(&served);
    let announced = format!(
        "POST /v1/files HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 1073741824\r\n\r\n"
    );
    assert!(raw(&served, &announced).await.starts_with("HTTP/1.1 413"));
    let (mut from, mut to) = TcpStream::connect(&host).await.expect("a connection").into_split();
    let hidden = format!(
        "POST /v1/files HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    to.write_all(hidden.as_bytes()).await.expect("it is sent");
    let sending = tokio::spawn(async move {
        let chunk = [b"100000\r\n", vec![b'x'; 0x10_0000].as_slice(), b"\r\n"].concat();
        for sent in 0..1_024 {
            if to.write_all(&chunk).await.is_err() {
                return sent;
            }
        }
        1_024
    });
    let mut answer = [0; 12];
    from.read_exact(&mut answer).await.expect("an answer while it still sends");
    assert_eq!(&answer, b"HTTP/1.1 413");
    drop(from);
    assert!(sending.await.expect("it ends") < 200, "it is not taken to its end");
    assert!(origin.got().is_empty());
    assert!(highest_memory(&served) < 120 * 1024, "{} KiB", highest_memory(&served));
}

#[tokio::test]
async fn no_address_in_a_request_is_ever_reached() {
    let trap = Origin::start(|_| json(200, "{}")).await;
    let origin = Origin::start(|_| json(200, "{}")).await;
    let served = before(&origin, "");
    let to = format!("http://127.0.0.1:{}/v1", trap.port);
    let names = ["api_base", "base_url", "api_url", "endpoint", "callback_url", "webhook", "proxy", "host"];
    let each = names.map(|name| format!(",\"{name}\":\"{to}\"")).concat();
    for body in [
        format!(r#"{{"model":"m","messages":[]{each}}}"#),
        format!(r#"{{"model":"m","messages":[],"metadata":{{"x":1{each}}},"litellm_params":[{{"y":2{each}}}]}}"#),
        format!(r#"{{"model":"{to}","messages":[]}}"#),
    ] {
        for path in ["chat/completions", "responses", "files"] {
            let mut request = served.client.post(served.url(&format!("{path}?api_base={to}"))).body(body.clone());
            for header in ["x-api-base", "x-upstream", "x-forwarded-host", "forwarded"] {
                request = request.header(header, &to);
            }
            let answer = request.header("content-type", "application/json").send().await.expect("an answer");
            assert!(!answer.status().is_server_error(), "{path}: {}", answer.status());
        }
    }
    assert!(trap.got().is_empty(), "{:?}", trap.paths());
    assert!(origin.got().iter().all(|got| got.headers()["host"] == format!("127.0.0.1:{}", origin.port).as_str()));
}

#[tokio::test]
async fn case_18_proxy_variables_are_ignored_and_our_own_listener_is_no_upstream() {
    let trap = Origin::start(|_| json(200, r#"{"trapped":true}"#)).await;
    let trapped = format!("http://127.0.0.1:{}", trap.port);
    let origin = Origin::start(|_| json(200, "{}")).await;
    let far = "[[account]]\nid = \"f\"\nservice = \"compatible\"\nbase_url = \"http://far.invalid/v1\"\nallow_plain_http = true\n\
               credential = { env = \"KEY\" }\n[[endpoint]]\nid = \"ef\"\naccount = \"f\"\nmodel = \"f\"\n";
    let config = format!("{}{}{far}{}", origin.account("a", "m"), route("m", &["ea"]), route("f", &["ef"]));
    let named = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"];
    let mut variables: Vec<(&str, &str)> = named.iter().map(|name| (*name, trapped.as_str())).collect();
    variables.push(("KEY", KEY));
    let served = serve(&config, &variables);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status().as_u16(), 200);
    assert!(served.chat("f", false).send().await.expect("an answer").status().is_server_error());
    assert!(trap.got().is_empty(), "nobody asked for a proxy: {:?}", trap.paths());

    let port = {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        free.local_addr().expect("an address").port()
    };
    for host in ["127.0.0.1", "localhost", "[::1]", "127.0.0.2", "LOCALHOST"] {
        let config = format!(
            "[listen]\nport = {port}\n[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://{host}:{port}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n{}",
            route("m", &["ea"])
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("config.toml"), config).expect("it is written");
        let (mut child, base_url) = served::spawn(folder.path(), &["--headless", "--log", "trace"], &[("KEY", KEY)]);
        assert!(base_url.contains(&port.to_string()), "{base_url}");
        let answer = plain().post(format!("{base_url}/chat/completions")).header("content-type", "application/json");
        let answer = answer.body(BODY).send().await.expect("an answer");
        assert!(answer.status().is_server_error(), "{host}: {}", answer.status());
        child.kill().expect("it ends");
        child.wait().expect("it ends");
        let log = fs::read_to_string(folder.path().join("log")).expect("a log");
        assert!(log.contains("its address is Tidegate's own"), "{host}");
    }
}
