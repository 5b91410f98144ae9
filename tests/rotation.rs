//! Rotating an account's key on the real background side: nobody who asks meanwhile notices, endpoints stay as they are, and
//! what was before can be had again. Keys are kept in the demo's memory, so that no test touches a person's keyring.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the upstream and the screen's end are shared between test programs")]

mod origin;
mod screen;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use origin::{Origin, json, route};
use screen::Console;
use tidegate::backend::Options;
use tidegate::contract::snapshot::{AccountKey, Serving};
use tidegate::contract::{Command, KeyCommand, NoticeBody};
use tidegate::model::secret::Secret;
use tidegate::store::paths::{Overrides, Paths};

const OLD: &str = "canary-rotation-old-31";
const NEW: &str = "canary-rotation-new-77";

/// With an account that has this as its credential; none: its key is kept by the desk.
fn console(origin: &Origin, credential: &str) -> Console {
    let home = tempfile::tempdir().expect("a folder");
    let place =
        Overrides { config_file: None, config_dir: Some(home.path().to_owned()), demo: true, ..Overrides::default() };
    let file = Paths::resolve(&place).expect("a place").config_file;
    fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
    let account = origin.account("a", "m").replace("credential = { env = \"KEY\" }\n", credential);
    fs::write(file, format!("{account}{}", route("m", &["ea"]))).expect("it is written");
    let mut console = Console::with(Options { demo: true, port: Some(0), ..Console::options(home.path()) });
    console.home = Some(home);
    console
}

impl Console {
    async fn ask(&self, command: KeyCommand) -> NoticeBody {
        self.screen.ask(Command::Key(command)).await
    }

    fn key(&self) -> AccountKey {
        self.screen.latest().keys.accounts[0].clone()
    }

    async fn url(&self) -> String {
        let mut found = String::new();
        self.screen
            .until(|snapshot| {
                if let Serving::Listening { base_url, .. } = &snapshot.serving {
                    found = format!("{base_url}/chat/completions");
                }
                !found.is_empty()
            })
            .await;
        found
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

async fn ask(client: &reqwest::Client, url: &str) -> u16 {
    let body = r#"{"model":"m","messages":[]}"#;
    client.post(url).body(body).send().await.expect("an answer").status().as_u16()
}

fn used(origin: &Origin) -> Vec<String> {
    let of = |got: &http::Request<bytes::Bytes>| got.headers()["authorization"].to_str().expect("text").to_owned();
    let mut keys: Vec<String> = origin.got().iter().map(of).collect();
    keys.dedup();
    keys
}

#[tokio::test]
async fn requests_during_a_switch_all_succeed_and_endpoints_stay_as_they_are() {
    let origin = Origin::start(|_| json(200, r#"{"ok":true}"#)).await;
    let console = console(&origin, "");
    assert!(matches!(console.ask(KeyCommand::Set("a".into(), secret(OLD))).await, NoticeBody::Done(_)));
    assert!(matches!(console.ask(KeyCommand::SetNext("a".into(), secret(NEW))).await, NoticeBody::Done(_)));
    let (url, client, over) = (console.url().await, client(), Arc::new(AtomicBool::new(false)));
    let before = Arc::clone(&console.screen.latest().applied.config);
    let (end, from, to) = (Arc::clone(&over), client.clone(), url.clone());
    let traffic = tokio::spawn(async move {
        let mut answered = Vec::new();
        while !end.load(Ordering::Relaxed) {
            answered.push(ask(&from, &to).await);
        }
        answered
    });
    let enough = |many: u64| console.screen.until(move |snapshot| snapshot.records.total >= many);
    enough(10).await;
    assert!(matches!(console.ask(KeyCommand::Switch("a".into())).await, NoticeBody::Done(_)));
    enough(console.screen.latest().records.total + 10).await;
    assert!(console.key().spares.previous.is_some());
    assert!(matches!(console.ask(KeyCommand::SwitchBack("a".into())).await, NoticeBody::Done(_)));
    enough(console.screen.latest().records.total + 10).await;
    over.store(true, Ordering::Relaxed);
    let answered = traffic.await.expect("it ended");
    assert!(answered.len() >= 30 && answered.iter().all(|status| *status == 200), "{answered:?}");
    let (old, new) = (format!("Bearer {OLD}"), format!("Bearer {NEW}"));
    assert_eq!(used(&origin), [old.clone(), new, old], "each change was made once, and none sent another key between");
    assert_eq!(before, console.screen.latest().applied.config);
    assert!(console.key().spares.previous.is_none() && console.key().spares.next.is_some());
}

#[tokio::test]
async fn a_refused_key_gives_way_to_the_next_one_and_the_account_says_so() {
    let origin = Origin::start(|got| {
        let new = got.headers()["authorization"] == format!("Bearer {NEW}").as_str();
        if new { json(200, r#"{"ok":true}"#) } else { json(401, r#"{"error":{"code":"invalid_api_key"}}"#) }
    })
    .await;
    let console = console(&origin, "");
    console.ask(KeyCommand::Set("a".into(), secret(OLD))).await;
    console.ask(KeyCommand::SetNext("a".into(), secret(NEW))).await;
    let (url, client) = (console.url().await, client());
    assert_eq!((ask(&client, &url).await, ask(&client, &url).await), (200, 200));
    assert_eq!(origin.got().len(), 3, "the refused one is not tried again");
    console.screen.until(|snapshot| snapshot.keys.accounts[0].spares.stands_in_since.is_some()).await;
    console.ask(KeyCommand::Switch("a".into())).await;
    assert_eq!(ask(&client, &url).await, 200);
    let spares = console.key().spares;
    assert!(spares.stands_in_since.is_none() && spares.next.is_none() && spares.previous.is_some(), "{spares:?}");
    let mut written = String::new();
    gather(console.home.as_ref().expect("its folder").path(), &mut written);
    assert!(!written.contains("canary-rotation"), "keys are written nowhere");
}

fn gather(folder: &std::path::Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, all);
        } else {
            all.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()));
        }
    }
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_time_is_renewed_at_once() {
    let origin = Origin::start(|got| {
        let fresh = got.headers()["authorization"] == "Bearer 2";
        if fresh { json(200, r#"{"ok":true}"#) } else { json(401, r#"{"error":{"code":"invalid_api_key"}}"#) }
    })
    .await;
    let counter = tempfile::tempdir().expect("a folder");
    let line = format!("echo x >> {0}/runs; wc -l < {0}/runs | tr -d ' '", counter.path().display());
    let console = console(&origin, &format!("credential = {{ command = [\"sh\", \"-c\", \"{line}\"] }}\n"));
    let (url, client) = (console.url().await, client());
    console.screen.until(|snapshot| matches!(snapshot.keys.accounts.first(), Some(AccountKey { .. }))).await;
    let mut statuses = vec![ask(&client, &url).await];
    for _ in 0..400 {
        if statuses.last() == Some(&200) {
            break;
        }
        let seen = console.screen.latest().generation;
        console.screen.until(|snapshot| snapshot.generation > seen).await;
        statuses.push(ask(&client, &url).await);
    }
    assert_ne!(statuses.first(), Some(&200), "the first token was refused");
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    let runs = fs::read_to_string(counter.path().join("runs")).expect("it ran");
    assert_eq!(runs.lines().count(), 2, "once at the start, once since the token was refused");
}

#[tokio::test]
async fn an_account_without_credit_is_not_asked_again_because_its_key_was_found_again() {
    let origin = Origin::start(|got| {
        let new = got.headers()["authorization"] == format!("Bearer {NEW}").as_str();
        let unpaid = r#"{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}"#;
        if new { json(200, r#"{"ok":true}"#) } else { json(429, unpaid) }
    })
    .await;
    let console = console(&origin, "");
    console.ask(KeyCommand::Set("a".into(), secret(OLD))).await;
    let (url, client) = (console.url().await, client());
    assert_ne!(ask(&client, &url).await, 200);
    for look in [KeyCommand::Ask, KeyCommand::Set("a".into(), secret(OLD)), KeyCommand::Ask] {
        assert!(matches!(console.ask(look).await, NoticeBody::Done(_)));
        assert_ne!(ask(&client, &url).await, 200);
    }
    assert_eq!(origin.got().len(), 1, "it said that it wants to be paid");
    console.ask(KeyCommand::Set("a".into(), secret(NEW))).await;
    assert_eq!(ask(&client, &url).await, 200, "another key may belong to somebody who pays");
}
