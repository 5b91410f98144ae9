//! The door, from further off: where we listen, whom we believe on the way to a service, who may change our files, and that no
//! key is ever written. Numbered cases of the attack list, like `door`, against the shipped binary.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use origin::{Origin, json, route};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use served::{Served, serve, serve_in, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "canary-door-more-18";

fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.toml"), config).expect("the configuration is written");
    folder
}

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).arg("--config-dir").arg(folder).envs(variables.iter().copied());
    command.env_remove("DBUS_SESSION_BUS_ADDRESS").output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn address(served: &Served) -> String {
    served.base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

/// The status of one request with these headers, over a socket of its own.
async fn status(served: &Served, headers: &str) -> u16 {
    let mut socket = TcpStream::connect(address(served)).await.expect("a connection");
    let request = format!("GET /v1/models HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it is heard");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn case_17_nothing_but_this_computer_is_served_without_a_token() {
    let origin = Origin::start(|_| json(200, r#"{"ok":true}"#)).await;
    let usual = serve(&format!("{}{}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", KEY)]);
    assert!(usual.base_url.starts_with("http://127.0.0.1:"), "{}", usual.base_url);
    let open = folder(&format!("[listen]\naddress = \"0.0.0.0\"\n{}{}", origin.account("a", "m"), route("m", &["ea"])));
    let refused = run(open.path(), &["--headless", "--port", "0"], &[("KEY", KEY)]);
    assert_eq!(refused.status.code(), Some(1), "it does not start");
    assert!(said(&refused).contains("nobody could be let in. Make one in Settings"), "{}", said(&refused));
    let made = run(open.path(), &["caller", "add", "ci"], &[]);
    let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let served = serve_in(open, &[("KEY", KEY)]);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status().as_u16(), 401);
    assert_eq!(served.chat("m", false).bearer_auth(&token).send().await.expect("an answer").status().as_u16(), 200);
    assert_eq!(origin.got().len(), 1);
    // Names that lead here by somebody else's doing are refused there, too, whoever has a token.
    assert_eq!(status(&served, &format!("host: evil.example\r\nauthorization: Bearer {token}\r\n")).await, 403);
    assert_eq!(status(&served, &format!("host: {}\r\nauthorization: Bearer {token}\r\n", address(&served))).await, 200);
}

#[tokio::test]
async fn an_allowed_page_and_an_allowed_name_come_in_and_no_others() {
    let origin = Origin::start(|_| json(200, r#"{"ok":true}"#)).await;
    let listen = "[listen]\nallowed_hosts = [\"tidegate.lan\"]\nallowed_origins = [\"https://app.example\"]\n";
    let served = serve(&format!("{listen}{}{}", origin.account("a", "m"), route("m", &["ea"])), &[("KEY", KEY)]);
    assert_eq!(status(&served, "host: tidegate.lan:8787\r\n").await, 200);
    assert_eq!(status(&served, "host: evil.lan\r\n").await, 403);
    let page = |origin: &str| served.chat("m", false).header("origin", origin.to_owned()).send();
    let answer = page("https://app.example").await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example");
    let other = page("https://evil.example").await.expect("an answer");
    assert_eq!(other.status().as_u16(), 403);
    assert!(!other.headers().keys().any(|name| name.as_str().starts_with("access-control-")));
    let asks = |origin: &str| {
        let request = served.client.request(http::Method::OPTIONS, served.url("chat/completions"));
        let request = request.header("origin", origin.to_owned()).header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "authorization, content-type").send()
    };
    let leave = asks("https://app.example").await.expect("an answer");
    assert_eq!(leave.status().as_u16(), 204);
    assert_eq!(leave.headers()["access-control-allow-headers"], "authorization, content-type");
    assert_eq!(asks("https://evil.example").await.expect("an answer").status().as_u16(), 403);
    assert_eq!(origin.got().len(), 1, "asking for leave is no request");
}

/// A service that answers everything over TLS, with a certificate for `localhost`; its port, and how many requests it read.
async fn tls() -> (u16, Arc<AtomicUsize>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let at = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    let chain = vec![CertificateDer::from_pem_file(at("localhost.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(at("localhost.key")).expect("a key");
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("they fit");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, seen) = (listener.local_addr().expect("an address").port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let mut got = Vec::new();
                while !got.ends_with(b"}") {
                    if socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
            });
        }
    });
    (port, seen)
}

#[tokio::test]
async fn case_19_a_service_is_believed_by_its_certificate_alone() {
    let (port, seen) = tls().await;
    let authority = format!("{}/tests/tls/ca.pem", env!("CARGO_MANIFEST_DIR"));
    let at = |host: &str| {
        format!(
            "[retry]\nmax_attempts = 1\n[queue]\nmax_wait_seconds = 0\n[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"https://{host}:{port}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n{}",
            route("m", &["ea"])
        )
    };
    // Switches by which other programs stop to look at certificates.
    let careless =
        [("KEY", KEY), ("NODE_TLS_REJECT_UNAUTHORIZED", "0"), ("PYTHONHTTPSVERIFY", "0"), ("GIT_SSL_NO_VERIFY", "1")];
    let unknown = serve(&at("localhost"), &careless);
    assert!(unknown.chat("m", false).send().await.expect("an answer").status().is_server_error());
    let trusted = [("KEY", KEY), ("SSL_CERT_FILE", authority.as_str())];
    let misnamed = serve(&at("127.0.0.1"), &trusted);
    assert!(misnamed.chat("m", false).send().await.expect("an answer").status().is_server_error());
    assert_eq!(seen.load(Ordering::SeqCst), 0, "no key went to a service that nobody vouches for");
    let named = serve(&at("localhost"), &trusted);
    assert_eq!(named.chat("m", false).send().await.expect("an answer").status().as_u16(), 200);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn case_19_no_key_goes_unencrypted_beyond_this_computer_unasked() {
    let plain = |more: &str| {
        format!(
            "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://192.0.2.7/v1\"\n{more}credential = {{ env = \"KEY\" }}\n\
             [[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n{}",
            route("m", &["ea"])
        )
    };
    let refused = folder(&plain(""));
    let checked = run(refused.path(), &["check"], &[("KEY", KEY)]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(said(&checked).contains("would send its key unencrypted to 192.0.2.7"), "{}", said(&checked));
    let served = serve_in(refused, &[("KEY", KEY)]);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status().as_u16(), 503, "it is left out");
    let wanted = folder(&plain("allow_plain_http = true\n"));
    assert_eq!(run(wanted.path(), &["check"], &[("KEY", KEY)]).status.code(), Some(0));
}

#[tokio::test]
async fn case_20_files_that_others_could_change_are_named_and_links_are_not_followed() {
    let origin = Origin::start(|_| json(200, r#"{"id":"resp_1","object":"response","ok":true}"#)).await;
    let home = folder(&format!("{}{}", origin.account("a", "m"), route("m", &["ea"])));
    let file = home.path().join("config.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("it is ours");
    let checked = said(&run(home.path(), &["check"], &[("KEY", KEY)]));
    assert!(checked.contains("Others on this computer can write") && checked.contains("chmod go-w"), "{checked}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    // Every file of ours that a stranger might have put a link in place of.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, "precious").expect("it is written");
    let paths = said(&run(home.path(), &["--print-paths"], &[]));
    let folders: Vec<PathBuf> = paths
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        .map(|(_, path)| PathBuf::from(path.trim()))
        .collect();
    let names = [
        "instance",
        "instance.lock",
        "owners",
        "history.sqlite",
        "caller-tokens.json",
        "key-rotations.json",
        "fingerprint.secret",
        "requests-view.json",
    ];
    let mut served = serve_in(home, &[("KEY", KEY)]);
    served.terminate();
    let mut planted = 0;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for name in names.iter().filter(|name| folder.join(name).exists()) {
            let place = folder.join(name);
            fs::remove_file(&place).expect("it is ours");
            std::os::unix::fs::symlink(&victim, &place).expect("a link");
            planted += 1;
        }
    }
    assert!(planted >= 2, "files of ours were found: {paths}");
    let left = std::mem::replace(&mut served.folder, tempfile::tempdir().expect("a folder"));
    let _ = run(left.path(), &["caller", "add", "ci"], &[]);
    if let Ok(again) = std::panic::catch_unwind(|| serve_in(left, &[("KEY", KEY)])) {
        let answer = again.chat("m", false).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        again.until(settled).await;
    }
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
}

#[tokio::test]
async fn case_10_no_key_is_written_anywhere_however_it_is_malformed() {
    // An upstream that repeats what it was sent, in head and body, with an error.
    let origin = Origin::start(|got| {
        let key = got.headers().get("authorization").and_then(|key| key.to_str().ok()).unwrap_or_default();
        let mut answer = json(500, &format!(r#"{{"error":{{"message":"bad key {key}"}}}}"#));
        if let Ok(value) = http::HeaderValue::from_str(key) {
            answer.headers_mut().insert("x-echo", value);
        }
        answer
    })
    .await;
    let accounts: String = ["plain", "newline", "foreign", "quoted"]
        .iter()
        .map(|name| {
            origin.account(name, name).replace("\"KEY\"", &format!("\"KEY_{name}\""))
                + &route(name, &[&format!("e{name}")])
        })
        .collect();
    let config =
        format!("[queue]\nmax_wait_seconds = 0\n{accounts}[[caller]]\nid = \"ci\"\ntoken = {{ env = \"TOKEN\" }}\n");
    let keys = [
        ("KEY_plain", "canary-ten-plain-5521"),
        ("KEY_newline", "canary-ten-line\nbreak-5522"),
        ("KEY_foreign", "canary-ten-sch\u{f6}n-5523"),
        ("KEY_quoted", "\"canary-ten-quoted-5524\""),
        ("TOKEN", "canary-ten-token-5525"),
        ("RUST_LOG", "trace"),
    ];
    let served = serve(&config, &keys);
    let mut heard = String::new();
    for name in ["plain", "newline", "foreign", "quoted", "nowhere"] {
        let request = served.chat(name, false).bearer_auth("canary-ten-token-5525");
        let answer = request.send().await.expect("an answer");
        heard.extend(answer.headers().values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()));
        heard.push_str(&answer.text().await.expect("a body"));
    }
    heard.push_str(&served.until(settled).await.to_string());
    for arguments in [&["check"][..], &["--version"], &["--print-paths"], &["caller", "list"], &["--help"]] {
        heard.push_str(&said(&run(served.folder.path(), arguments, &keys)));
    }
    for name in ["plain", "newline", "foreign", "quoted"] {
        let place = served.folder.path().to_owned();
        // Off this thread, which answers for the upstream.
        let tested = tokio::task::spawn_blocking(move || run(&place, &["key", "test", name, "--log", "trace"], &keys));
        heard.push_str(&said(&tested.await.expect("it ran")));
    }
    heard.push_str(&served.everything_written());
    assert!(!heard.contains("canary-ten"), "{}", around(&heard, "canary-ten"));
    assert!(
        origin.got().iter().any(|got| got.headers()["authorization"] == "Bearer canary-ten-plain-5521"),
        "it was sent"
    );
}

#[tokio::test]
async fn case_10_a_key_in_place_of_a_variables_name_is_not_repeated() {
    let origin = Origin::start(|_| json(200, r#"{"ok":true}"#)).await;
    let account = origin.account("a", "m").replace("\"KEY\"", "\"sk-proj-canary-misplaced-77\"");
    let caller = "[[caller]]\nid = \"ci\"\ntoken = { env = \"sk-proj-canary-misplaced-78\" }\n";
    let served = serve(&format!("{account}{}{caller}", route("m", &["ea"])), &[]);
    let mut heard = served.chat("m", false).send().await.expect("an answer").text().await.expect("a body");
    heard.push_str(&served.status().await.to_string());
    let place = served.folder.path();
    for arguments in [&["check"][..], &["key", "test", "a"], &["key", "set", "a"], &["caller", "list"]] {
        heard.push_str(&said(&run(place, arguments, &[])));
    }
    heard.push_str(&fs::read_to_string(place.join("log")).expect("its log"));
    assert!(heard.contains("names no environment variable. If a key stands there, take it out"), "{heard}");
    assert!(!heard.contains("canary"), "{}", around(&heard, "canary"));
}

fn around(text: &str, word: &str) -> String {
    let at = text.find(word).unwrap_or(0);
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}
