//! Mixed traffic with faults against the shipped binary, for as long as is wished: memory, open files, threads, tasks and what is
//! kept of requests stay flat, and nothing is left in the books.
//!
//! `cargo test --test soak -- --ignored --nocapture` takes five minutes; `TIDEGATE_SOAK_SECONDS=3600` makes it an hour.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;
mod upstream;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use served::{Served, settled, spawn};
use tidegate::fake::Fake;
use tidegate::model::id::{AccountId, EndpointId};
use tidegate::model::scenario::Dials;
use tokio::time::timeout;
use upstream::spec;

const USUAL_SECONDS: u64 = 300;
const WORKERS: u64 = 24;
/// After so many requests the list of requests is full, and what else is kept of the past has come to its size.
const FULL: u64 = 60_000;

/// How large a process is.
#[derive(Debug)]
struct Size {
    memory_kib: u64,
    files: u64,
    threads: u64,
}

impl Size {
    fn of(served: &Served) -> Self {
        let process = format!("/proc/{}", served.child.id());
        let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the system says so");
            line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
        };
        let files = fs::read_dir(format!("{process}/fd")).expect("it runs").count() as u64;
        Self { memory_kib: number("VmRSS:"), files, threads: number("Threads:") }
    }
}

fn config(fakes: [(&str, &Fake); 2]) -> String {
    let account = |(id, fake): (&str, &Fake)| {
        format!(
            "[[account]]\nid = \"{id}\"\nservice = \"compatible\"\nbase_url = \"{}\"\ncredential = {{ env = \"KEY\" }}\n\
             [[endpoint]]\nid = \"{id}\"\naccount = \"{id}\"\nmodel = \"m\"\n",
            fake.base_url(&AccountId::from(id))
        )
    };
    format!(
        "[queue]\nmax_wait_seconds = 2\n[timeouts]\nstream_idle_seconds = 2\nanswer_seconds = 2\n[[route]]\nmodel = \"m\"\n\
         [[route.group]]\nendpoints = [\"shaky\", \"sound\"]\n{}",
        fakes.map(account).concat()
    )
}

/// With the usual log: an hour's every step would fill the disk.
fn serve_quietly(config: &str) -> Served {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.toml"), config).expect("the configuration is written");
    let (child, base_url) = spawn(folder.path(), &["--headless", "--port", "0"], &[("KEY", "k")]);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    Served { child, base_url, folder, client }
}

/// One request of some kind, to its end or to the client's leaving. Whatever is answered is an answer.
async fn ask(served: &Served, random: &mut fastrand::Rng) {
    let length = if random.u8(0..50) == 0 { 400_000 } else { random.usize(1..4_000) };
    let model = if random.u8(0..50) == 0 { "unknown" } else { "m" };
    let (stream, leaves) = (random.bool(), random.u8(0..20) == 0);
    let body = json!({
        "model": model, "stream": stream, "max_tokens": random.u32(1..60),
        "messages": [{ "role": "user", "content": "~".repeat(length) }],
    });
    let Ok(mut answer) = served.client.post(served.url("chat/completions")).json(&body).send().await else { return };
    while let Ok(Some(_)) = answer.chunk().await {
        if leaves {
            return;
        }
    }
}

/// Asks on and on, as long as fewer than `many` were asked.
async fn ask_until(served: &Served, asked: &AtomicU64, many: u64) {
    let worker = async |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        while asked.fetch_add(1, Ordering::Relaxed) < many {
            ask(served, &mut random).await;
        }
    };
    join_all((0..WORKERS).map(worker)).await;
}

#[tokio::test]
#[ignore = "takes minutes; see above"]
async fn it_stays_as_large_as_it_is_however_long_it_runs() {
    let seconds =
        std::env::var("TIDEGATE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL_SECONDS);
    let (shaky, sound) =
        (upstream::start("shaky", None, spec("shaky")).await, upstream::start("sound", None, spec("sound")).await);
    let faults =
        Dials { error_percent: 2, reset_percent: 2, throttle_percent: 2, stall_percent: 1, ..Dials::default() };
    shaky.set_dials(&EndpointId::from("shaky"), faults);
    let served = serve_quietly(&config([("shaky", &shaky), ("sound", &sound)]));
    let asked = AtomicU64::new(0);
    ask_until(&served, &asked, FULL).await;
    let first = served.until(settled).await;
    let before = Size::of(&served);
    // Whoever is in the middle of an answer when the time is over leaves it.
    let _ = timeout(Duration::from_secs(seconds), ask_until(&served, &asked, u64::MAX)).await;
    let status = served.until(settled).await;
    let after = Size::of(&served);
    println!("{} requests in {seconds} s and before: {before:?}, then {after:?}", asked.into_inner());
    assert!(after.memory_kib <= before.memory_kib + before.memory_kib / 8 + 8 * 1_024, "{before:?}, then {after:?}");
    // As many connections may wait for a request of each client and to each endpoint.
    assert!(after.files <= before.files + 3 * WORKERS, "{before:?}, then {after:?}");
    assert!(after.threads <= before.threads + 2, "{before:?}, then {after:?}");
    // One task and one wait for each connection that a client keeps open.
    for kind in ["tasks", "waits"] {
        let size = |status: &Value| status["sizes"][kind].as_u64().expect("a number");
        assert!(size(&status) <= size(&first) + 3 * WORKERS, "{kind}: {} and then {}", first["sizes"], status["sizes"]);
    }
    for kind in ["requests", "visits", "reservations", "waiting", "streams", "unfinished"] {
        assert_eq!(status["sizes"][kind], 0, "{kind}: {}", status["sizes"]);
    }
    assert_eq!((&status["queue"]["waiting"], &status["records_dropped"]), (&0.into(), &0.into()), "{status:#}");
    let failed = status["endpoints"][0]["counters"]["failed"].as_u64().expect("a number");
    assert!(failed > 0, "the faults were met");
}
