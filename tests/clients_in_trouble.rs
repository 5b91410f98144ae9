//! Real clients before endpoints that throttle, fail, hang up and break off, with the clients' own retries off and on: what
//! they are told, and how many requests reach the endpoints for it. `.ci/run` runs it with the clients installed.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;
mod upstream;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use origin::{Got, Origin, json};
use served::{Served, serve, settled};
use tidegate::engine::clock::Clock;
use tidegate::fake::Fake;
use tidegate::model::id::{AccountId, EndpointId};
use tidegate::model::scenario::Dials;
use tidegate::sim::upstream::UpstreamSpec;
use upstream::spec;

const QUIET: Dials = Dials {
    throttle_percent: 0,
    throttle_retry_after: 0,
    error_percent: 0,
    stall_percent: 0,
    reset_percent: 0,
    cut_after_tokens: None,
    reject_key: false,
    others_tokens_per_minute: 0,
};
/// Tokens a minute, as each endpoint and its configuration say; far from being reached.
const LIMIT: u64 = 100_000;
const THROTTLED: Dials = Dials { throttle_percent: 100, throttle_retry_after: 2, ..QUIET };
const BROKEN: Dials = Dials { error_percent: 100, ..QUIET };

/// What befalls the preferred endpoint of a route and the one below it.
const TROUBLES: [(&str, Dials, Dials); 8] = [
    ("throttled", THROTTLED, QUIET),
    ("full", THROTTLED, THROTTLED),
    ("broken", BROKEN, QUIET),
    ("down", BROKEN, BROKEN),
    ("reset", Dials { reset_percent: 100, ..QUIET }, QUIET),
    ("cut-early", Dials { cut_after_tokens: Some(0), ..QUIET }, QUIET),
    ("cut", Dials { cut_after_tokens: Some(3), ..QUIET }, QUIET),
    ("cut-responses", Dials { cut_after_tokens: Some(3), ..QUIET }, QUIET),
];

/// The models that are asked for: each trouble with retries off and on, so that no case sees what another left behind.
fn models() -> impl Iterator<Item = (String, [(String, Dials); 2])> {
    let with = |retries: &'static str| {
        TROUBLES.iter().map(move |(trouble, first, second)| {
            let model = format!("{trouble}-{retries}");
            let endpoints = [(format!("{model}-first"), *first), (format!("{model}-second"), *second)];
            (model, endpoints)
        })
    };
    with("0").chain(with("2"))
}

/// Every endpoint in an account of its own, in trouble.
async fn in_trouble() -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let clock = Clock::start();
    let names = models().flat_map(|(_, endpoints)| endpoints).map(|(name, _)| name);
    let limited = |name: &str| UpstreamSpec { tokens_per_minute: Some(LIMIT), ..spec(name) };
    let specs = names.map(|name| (AccountId::from(name.as_str()), None, limited(&name))).collect();
    let fake = Fake::start(listener, specs, Arc::new(move || clock.now())).expect("it starts");
    for (name, dials) in models().flat_map(|(_, endpoints)| endpoints) {
        fake.set_dials(&EndpointId::from(name), dials);
    }
    fake
}

/// Nobody waits in line for as long as those that throttle ask for, so that a client meets what there is to meet.
fn config(fake: &Fake) -> String {
    let account = |name: &str, model: &str| {
        format!(
            "[[account]]\nid = \"{name}\"\nservice = \"compatible\"\nbase_url = \"{}\"\ncredential = {{ env = \"KEY\" }}\n\
             [[endpoint]]\nid = \"{name}\"\naccount = \"{name}\"\nmodel = \"{model}\"\ndeployment = \"m\"\n\
             tokens_per_minute = {LIMIT}\n",
            fake.base_url(&AccountId::from(name))
        )
    };
    let routes = models().flat_map(|(model, endpoints)| {
        let [first, second] = endpoints.map(|(name, _)| name);
        let route = origin::route(&model, &[&first, &second]);
        [account(&first, &model), account(&second, &model), route]
    });
    let rules = "[queue]\nmax_wait_seconds = 1\n[retry]\nbudget_percent = 100\nbase_delay_ms = 10\nmax_delay_ms = 20\n";
    std::iter::once(rules.to_owned()).chain(routes).collect()
}

/// What a client is told of the far side: `/arrived/MODEL` says how many requests came to each endpoint, `/heal/MODEL` ends the
/// trouble.
async fn far_side(fake: Arc<Fake>) -> Origin {
    Origin::start(move |request: &Got| {
        let path = request.uri().path();
        let (wish, model) = path.trim_start_matches('/').split_once('/').expect("a wish and a model");
        let ends = [format!("{model}-first"), format!("{model}-second")].map(EndpointId::from);
        if wish == "heal" {
            for end in &ends {
                fake.set_dials(end, QUIET);
            }
        }
        let arrived = ends.map(|end| fake.counters(&end).arrived);
        json(200, &serde_json::json!(arrived).to_string())
    })
    .await
}

/// Runs a client; it ends well if it met what it should have.
async fn run(mut client: Command, script: &str) {
    let fake = Arc::new(in_trouble().await);
    let (served, far_side): (Served, Origin) =
        (serve(&config(&fake), &[("KEY", "k")]), far_side(Arc::clone(&fake)).await);
    client
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(script)
        .arg(&served.base_url)
        .arg(format!("http://127.0.0.1:{}", far_side.port));
    let ended = tokio::task::spawn_blocking(move || client.status()).await.expect("it runs").expect("it starts");
    assert!(ended.success(), "{script}: {ended}");
    served.until(settled).await;
}

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

async fn python(script: &str) {
    let python = std::env::var("TIDEGATE_PYTHON").expect("TIDEGATE_PYTHON is a Python with the clients");
    run(Command::new(python), scripts().join(script).to_str().expect("a path")).await;
}

async fn node(script: &str) {
    let modules = std::env::var("TIDEGATE_NODE_MODULES").expect("TIDEGATE_NODE_MODULES is a folder with the clients");
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(scripts()).expect("scripts").map(|entry| entry.expect("an entry").path()) {
        if entry.extension().is_some_and(|kind| kind == "mjs") {
            std::fs::copy(&entry, folder.path().join(entry.file_name().expect("a name"))).expect("it is copied");
        }
    }
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).expect("it is linked");
    let mut node = Command::new("node");
    node.current_dir(folder.path());
    run(node, script).await;
}

#[tokio::test]
#[ignore = "needs the clients' packages, which .ci/run installs"]
async fn openai_python_meets_trouble() {
    python("python_in_trouble.py").await;
}

#[tokio::test]
#[ignore = "needs the clients' packages, which .ci/run installs"]
async fn openai_node_meets_trouble() {
    node("node_in_trouble.mjs").await;
}

#[tokio::test]
#[ignore = "needs the clients' packages, which .ci/run installs"]
async fn langchain_meets_trouble() {
    python("langchain_in_trouble.py").await;
}

#[tokio::test]
#[ignore = "needs the clients' packages, which .ci/run installs"]
async fn the_ai_sdk_meets_trouble() {
    node("ai_sdk_in_trouble.mjs").await;
}
