//! The door against who has no business there, and against what upstreams may say: the numbered cases of the attack list, each
//! over raw sockets against the shipped binary. Loops, redirects, echoes and clients' identities are in `edges`, upgrades in
//! `sockets`, paths also in `wire::path`.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::time::Duration;

use origin::{Origin, json, route};
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const BODY: &str = r#"{"model":"m","messages":[]}"#;
const KEY: &str = "canary-door-91";

async fn one() -> (Origin, Served) {
    let origin = Origin::start(|_| json(200, r#"{"ok":true}"#)).await;
    let served = serve(&format!("{}{}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", KEY)]);
    (origin, served)
}

fn address(served: &Served) -> String {
    served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

/// Says this and hears everything until the other side ends. What waits for more than it is given is left after a while.
async fn raw(served: &Served, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(address(served)).await.expect("a connection");
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    // A connection that is reset has been closed, too.
    let _ = tokio::time::timeout(Duration::from_secs(3), socket.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn post(host: &str, headers: &str, body: &str) -> String {
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn case_1_only_our_own_names_are_answered() {
    let (origin, served) = one().await;
    let own = address(&served);
    let length = format!("content-length: {}\r\n", BODY.len());
    for host in [
        "evil.example",
        "evil.example:8787",
        "EVIL.EXAMPLE",
        "localhost.evil.example",
        "localhost.",
        "127.0.0.1.",
        "[::ffff:10.0.0.1]",
        "[::1].evil",
        "x/?",
        "localhost#",
        "user@localhost",
        "",
    ] {
        let refused = status(&raw(&served, post(host, &length, BODY).as_bytes()).await);
        assert!(matches!(refused, 400 | 403), "{host:?}: {refused}");
    }
    let two = format!("{length}host: evil.example\r\n");
    assert!(matches!(status(&raw(&served, post(&own, &two, BODY).as_bytes()).await), 400 | 403));
    let missing = format!("POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\n{length}\r\n{BODY}");
    assert!(matches!(status(&raw(&served, missing.as_bytes()).await), 400 | 403));
    let absolute = post(&own, &length, BODY).replace("POST /", "POST http://evil.example/");
    assert!(matches!(status(&raw(&served, absolute.as_bytes()).await), 400 | 403));
    assert!(origin.got().is_empty());
    assert_eq!(status(&raw(&served, post(&own, &length, BODY).as_bytes()).await), 200);
}

#[tokio::test]
async fn case_2_pages_of_browsers_are_refused_before_their_body_is_read_and_promised_nothing() {
    let (origin, served) = one().await;
    let own = address(&served);
    for more in [
        "origin: https://evil.example\r\ncontent-type: application/json\r\n",
        "origin: null\r\ncontent-type: application/json\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        // The body is announced and never sent: it is refused before it is read.
        let answer = raw(&served, post(&own, &format!("{more}content-length: 500\r\n"), "").as_bytes()).await;
        assert_eq!(status(&answer), 403, "{more}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control-"), "{answer}");
    }
    let preflight = format!(
        "OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: {own}\r\nconnection: close\r\norigin: https://evil.example\r\n\
         access-control-request-method: POST\r\naccess-control-request-private-network: true\r\n\r\n"
    );
    let answer = raw(&served, preflight.as_bytes()).await;
    assert!(status(&answer) >= 400 && !answer.to_lowercase().contains("access-control-"), "{answer}");
    assert!(origin.got().is_empty());
}

#[tokio::test]
async fn case_3_what_a_page_may_send_without_asking_is_refused() {
    let (origin, served) = one().await;
    let own = address(&served);
    let length = format!("content-length: {}\r\n", BODY.len());
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let kind = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
        for marker in ["origin: https://evil.example\r\n", "origin: null\r\n", "sec-fetch-site: cross-site\r\n"] {
            let answer = raw(&served, post(&own, &format!("{marker}{kind}{length}"), BODY).as_bytes()).await;
            assert_eq!(status(&answer), 403, "{marker}{kind}: {answer}");
        }
    }
    assert!(origin.got().is_empty(), "the body is JSON all the same, and nobody read it");
}

#[tokio::test]
async fn case_11_the_status_and_the_metrics_are_behind_the_same_door_and_change_nothing() {
    let (_, served) = one().await;
    let own = address(&served);
    for place in ["status", "metrics"] {
        let get = |method: &str, more: &str| {
            format!("{method} /_tidegate/{place} HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n{more}\r\n")
        };
        assert_eq!(status(&raw(&served, get("GET", "host: evil.example\r\n").as_bytes()).await), 403);
        let page = format!("host: {own}\r\norigin: https://evil.example\r\n");
        assert_eq!(status(&raw(&served, get("GET", &page).as_bytes()).await), 403);
        let host = format!("host: {own}\r\n");
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(status(&raw(&served, get(method, &host).as_bytes()).await), 404, "{method}");
        }
        let answer = raw(&served, get("GET", &host).as_bytes()).await;
        assert!(status(&answer) == 200 && !answer.contains(KEY), "{answer}");
        assert!(place == "status" || answer.contains("\ntidegate_endpoint_attempts_total{endpoint="), "{answer}");
    }
}

#[tokio::test]
async fn case_12_every_odd_framing_is_refused_or_means_the_same_upstream() {
    let (origin, served) = one().await;
    let own = address(&served);
    let (length, size) = (BODY.len(), format!("{:x}", BODY.len()));
    let chunked = format!("{size}\r\n{BODY}\r\n0\r\n\r\n");
    let smuggled = "GET /v1/files/smuggled-1 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let te = "transfer-encoding: chunked\r\n";
    let big = "x".repeat(600_000);
    let many = (0..300).map(|number| format!("x-{number}: 1\r\n")).collect::<Vec<_>>().concat();
    // What must not be taken for a request at all.
    let refused = [
        post(&own, "transfer-encoding: xchunked\r\n", &chunked),
        post(&own, "transfer-encoding: chunked, identity\r\n", &chunked),
        post(&own, "content-length: +27\r\n", BODY),
        post(&own, &format!("content-length: {length}\r\ncontent-length: 5\r\n"), BODY),
        post(&own, &format!("content-length: {length}, 5\r\n"), BODY),
        post(&own, "content-length: -1\r\n", BODY),
        post(&own, te, &format!("0x{chunked}")),
        post(&own, te, &format!("+{chunked}")),
        post(&own, te, &format!("_{chunked}")),
        post(&own, te, &format!("-{chunked}")),
        post(&own, te, &format!("fffffffffffffffff\r\n{BODY}\r\n0\r\n\r\n")),
        post(&own, &format!("content-length: {length}\r\n folded: 1\r\n"), BODY),
        post(&own, &format!("content-length : {length}\r\n"), BODY),
        post(&own, &format!("content-length: {length}\r\nx-nul: a\0b\r\n"), BODY),
        post(&own, &format!("content-length: {length}\r\nx-cr: a\rb\r\n"), BODY),
        post(&own, &format!("content-length: {length}\r\nx-big: {big}\r\n"), BODY),
        post(&own, &format!("content-length: {length}\r\n{many}"), BODY),
        "GET /v1/models\r\n".to_owned(),
    ];
    for request in &refused {
        let answer = raw(&served, request.as_bytes()).await;
        let shown: String = request.chars().take(160).collect();
        assert!(status(&answer) == 0 || status(&answer) >= 400, "{shown}\n{answer}");
    }
    assert!(origin.got().is_empty(), "{:?}", origin.paths());
    // What may be read one way only.
    let same = [
        post(&own, &format!("{te}content-length: 5\r\n"), &format!("{chunked}{smuggled}")),
        post(&own, &format!("content-length: 5\r\n{te}"), &format!("{chunked}{smuggled}")),
        post(&own, &format!("{te}{te}"), &format!("{chunked}{smuggled}")),
        post(&own, te, &chunked).replace("HTTP/1.1", "HTTP/1.0"),
        post(&own, te, &format!("{size};ext=1\r\n{BODY}\r\n0\r\napi-key: theirs\r\nx-trailer: 1\r\n\r\n")),
        post(&own, &format!("content-length: {length}\r\nexpect: 100-continue\r\n"), BODY),
        post(&own, &format!("content-length: {length}\n"), BODY),
        post(&own, &format!("content-length: {length}\r\n"), &format!("{BODY}{smuggled}")),
    ];
    for (number, request) in same.iter().enumerate() {
        let before = origin.got().len();
        let answer = raw(&served, request.as_bytes()).await;
        let got = origin.got().split_off(before);
        assert!(got.len() <= 1, "{number}: {:?}", origin.paths());
        for got in got {
            let sent = String::from_utf8_lossy(got.body()).into_owned();
            assert_eq!(sent, BODY.replace("\"m\"", "\"at a\""), "{number}: {answer}");
            assert_eq!(got.headers().get_all("authorization").iter().count(), 1, "{number}");
            assert!(!got.headers().contains_key("api-key") && !got.headers().contains_key("x-trailer"), "{number}");
        }
    }
    assert!(!origin.paths().iter().any(|path| path.contains("smuggled")), "{:?}", origin.paths());
    served.until(settled).await;
}

/// An upstream that says, to each request on each connection in turn, one of these; the last is repeated.
async fn saying(answers: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let left = std::sync::Arc::new(std::sync::Mutex::new(std::collections::VecDeque::from(answers)));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let left = std::sync::Arc::clone(&left);
            tokio::spawn(async move {
                let mut got = Vec::new();
                loop {
                    while !got.ends_with(br#""messages":[]}"#) {
                        if socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    got.clear();
                    let answer = {
                        let mut left = left.lock().expect("unbroken");
                        if left.len() > 1 { left.pop_front() } else { left.front().cloned() }
                    };
                    let _ = socket.write_all(&answer.expect("an answer")).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn case_13_nothing_an_upstream_adds_reaches_the_next_client() {
    let good = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let stolen = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nSTOLEN";
    let odd = [
        format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{stolen}"),
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{stolen}"
        ),
        format!("HTTP/1.1 204 No Content\r\n\r\n{stolen}"),
        format!(
            "{}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{stolen}",
            "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50)
        ),
        format!("HTTP/1.1 abc OK\r\ncontent-length: 2\r\n\r\n{{}}{stolen}"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{{}}{stolen}"),
        format!("HTTP/1.1 200 OK\r\nx-split: a\r\n\r\n{stolen}"),
    ];
    for answer in odd {
        let port = saying(vec![answer.clone().into_bytes(), good.clone()]).await;
        let config = format!(
            "[retry]\nmax_attempts = 1\n[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n[timeouts]\nanswer_seconds = 2\n{}",
            route("m", &["ea"])
        );
        let served = serve(&config, &[("KEY", KEY)]);
        let own = address(&served);
        let request = post(&own, &format!("content-length: {}\r\n", BODY.len()), BODY);
        let _first = raw(&served, request.as_bytes()).await;
        let second = raw(&served, request.as_bytes()).await;
        assert!(!second.contains("STOLEN"), "{answer}\n{second}");
        served.until(settled).await;
    }
}

#[tokio::test]
async fn case_15_no_path_leaves_its_account_or_changes_its_host() {
    let (origin, served) = one().await;
    let own = address(&served);
    for target in [
        "//evil.example/v1/files/f-1",
        "/v1/../admin",
        "/v1/files/../../admin",
        "/v1/files/%2e%2e/%2e%2e/admin",
        "/v1/files/%2E%2E%2Fadmin",
        "/v1/files/a%2Fb",
        "/v1/files;x=1/a",
        "/v1/files/a;x=1",
        "/v1/files/a\\..\\b",
        "/v1//files",
        "/v1/@evil.example/files",
        "/openai/deployments/..%2f..%2fadmin/chat/completions",
        "http://localhost@evil.example/v1/files/f-1",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {own}\r\nconnection: close\r\n\r\n");
        let _ = raw(&served, request.as_bytes()).await;
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: {own}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        let _ = raw(&served, request.as_bytes()).await;
    }
    for got in origin.got() {
        let path = got.uri().path();
        assert!(path.starts_with("/v1/") && !path.contains("..") && !path.to_lowercase().contains("%2e"), "{path}");
        assert_eq!(got.headers()["host"], format!("127.0.0.1:{}", origin.port).as_str());
    }
}

#[tokio::test]
async fn case_16_absurd_numbers_and_names_are_read_as_they_are() {
    let (origin, served) = one().await;
    let deep = format!(r#"{{"model":"m","messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let name = format!(r#"{{"model":"{}","messages":[]}}"#, "m".repeat(1_000_000));
    for (body, expected) in [
        (deep, 400),
        (name, 404),
        (r#"{"model":"m","messages":[],"max_tokens":NaN}"#.to_owned(), 400),
        (r#"{"model":"m","messages":[],"max_tokens":1e999,"n":1000000000}"#.to_owned(), 200),
        (r#"{"model":"m","messages":[],"max_tokens":-5,"n":-1}"#.to_owned(), 200),
        (r#"{"model":"x","messages":[],"model":"m"}"#.to_owned(), 200),
    ] {
        let answer = served.client.post(served.url("chat/completions")).body(body.clone()).send().await.expect("it");
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.status().as_u16(), expected, "{shown}: {}", answer.text().await.expect("a body"));
    }
    let last = origin.got().pop().expect("a request");
    assert_eq!(String::from_utf8_lossy(last.body()), r#"{"model":"at a","messages":[],"model":"at a"}"#);
    served.until(settled).await;
}

#[tokio::test]
async fn a_refused_key_gives_way_to_the_accounts_second_one() {
    let origin = Origin::start(|got| {
        let new = got.headers().get("authorization").is_some_and(|key| key == "Bearer the-new-key");
        if new { json(200, r#"{"ok":true}"#) } else { json(401, r#"{"error":{"code":"invalid_api_key"}}"#) }
    })
    .await;
    let account = origin.account("a", "m").replace("[[endpoint]]", "second_key = { env = \"SECOND\" }\n[[endpoint]]");
    let config = format!("{account}{}", route("m", &["ea"]));
    let served = serve(&config, &[("KEY", "the-old-key"), ("SECOND", "the-new-key")]);
    for _ in 0..2 {
        assert_eq!(served.chat("m", false).send().await.expect("an answer").status().as_u16(), 200);
    }
    assert_eq!(origin.got().len(), 3, "the refused one is not tried again");
    served.until(settled).await;
    let written = served.everything_written();
    assert!(!written.contains("the-old-key") && !written.contains("the-new-key"), "keys are written nowhere");
    assert!(written.contains("refused its key"), "the person is told");
}
