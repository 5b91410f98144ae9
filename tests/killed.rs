//! A process that is killed where it stands, at any moment of its writing: what it leaves behind is whole, and is read.
//!
//! Fifty times; `TIDEGATE_KILLS=500 cargo test --test killed` for more. One process writes the configuration, the history and
//! the owners at once.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says where it broke")]
#![expect(unreachable_pub, dead_code, reason = "helpers are shared between test programs")]

mod origin;
mod served;
mod written;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use origin::{Origin, json, route};
use served::{Served, serve, spawn};
use tidegate::model::history::Batch;
use tidegate::model::id::AccountId;
use tidegate::model::ownership::Ownership;
use tidegate::store::config_file::{ConfigFile, last_good};
use tidegate::store::owners::OwnersFile;
use tidegate::store::paths::Paths;
use written::{BATCH, batch, open};

const FOLDER: &str = "TIDEGATE_TEST_WRITES_IN";
const COMMENT: &str = "# the person's own words\n";
const CONFIG: &str = r#"
[queue]
max_waiting = 0

[[account]]
id = "sim"
service = "simulated"

[[endpoint]]
id = "a"
account = "sim"
model = "gpt-4o"
tokens_per_minute = 0

[[route]]
model = "gpt-4o"

[[route.group]]
endpoints = ["a"]
"#;
/// Kills in one folder; what is read after each grows with them.
const ROUNDS: usize = 50;
/// Owners learned at a time.
const LEARNED: u64 = 700;
/// As many owners are remembered at most.
const REMEMBERED: u64 = 65_536;

/// Not a test of its own: what the processes below run, until they are killed.
#[test]
fn a_process_that_writes_for_ever_if_it_is_told_where() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    thread::scope(|scope| {
        scope.spawn(|| write_configurations(folder));
        scope.spawn(|| write_owners(folder));
        write_history(folder);
    });
}

fn write_configurations(folder: &Path) {
    let mut loaded = ConfigFile::load(&Paths::inside(folder)).expect("the file is whole");
    loaded.file.keep_last_good().expect("the copy is kept");
    let mut config = loaded.config;
    loop {
        let old = config.clone();
        config.queue.max_waiting = old.queue.max_waiting.wrapping_add(1) % 1_000_000;
        config.endpoints[0].tokens_per_minute = Some(u64::from(config.queue.max_waiting));
        loaded.file.save(&old, &config).expect("it is saved");
    }
}

fn write_owners(folder: &Path) {
    let (mut file, left) = OwnersFile::load(folder);
    let mut next = left.last().map_or(0, |last| last.key + 1);
    loop {
        let owned = |key: u64| Ownership {
            key,
            account: AccountId::from(format!("account-{key}").as_str()),
            address: key % 2,
            seal: key % 2,
        };
        let learned: Vec<Ownership> = (next..next + LEARNED).map(owned).collect();
        file.append(&learned).expect("it is added");
        next += LEARNED;
    }
}

fn write_history(folder: &Path) {
    let (store, left) = open(folder);
    let mut next = left.records.last().map_or(0, |record| record.id.0 + 1);
    loop {
        let mut waiting = Some(batch(next));
        while let Some(batch) = waiting.take() {
            waiting = store.keep(batch).err();
            thread::yield_now();
        }
        next += BATCH;
        // Whoever reads no more has killed us, or will.
        let _ = writeln!(std::io::stdout(), "handed over {next}");
    }
}

/// Starts a writer, waits until it has handed over this many batches and a moment more, and kills it. Returns the last number
/// handed over.
fn write_and_kill(folder: &Path, round: usize) -> u64 {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut child = Command::new(program)
        .args(["a_process_that_writes_for_ever_if_it_is_told_where", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the writer starts");
    let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
    let told = lines.filter_map(|line| line.ok()?.split_once("handed over ")?.1.parse().ok());
    // More than can wait, so that some are written before the kill.
    let last: Option<u64> = told.take(7 + round % 13).last();
    // Another moment of a save in each round.
    for _ in 0..round % 97 * 5 {
        fs::metadata(folder.join("config.toml")).expect("it is always there");
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    last.expect("it handed something over")
}

fn configuration_is_whole(folder: &Path, round: usize) -> u32 {
    let paths = Paths::inside(folder);
    let loaded = ConfigFile::load(&paths).expect("the file is whole");
    let (endpoint, queue) = (&loaded.config.endpoints[0], &loaded.config.queue);
    assert_eq!(
        endpoint.tokens_per_minute,
        Some(u64::from(queue.max_waiting)),
        "round {round}: neither one save nor the one before"
    );
    assert!(fs::read_to_string(&paths.config_file).expect("it is there").starts_with(COMMENT));
    assert!(last_good(&paths).is_some(), "round {round}: the copy is broken");
    queue.max_waiting
}

fn owners_are_whole(folder: &Path, round: usize) -> u64 {
    let (_, left) = OwnersFile::load(folder);
    let next = left.last().map_or(0, |last| last.key + 1);
    // All that were ever learned, or of very many the youngest.
    assert!(left.iter().map(|one| one.key).eq(next.saturating_sub(REMEMBERED)..next), "round {round}: one is missing");
    let is_sound = |one: &Ownership| {
        one.account.as_str() == format!("account-{}", one.key) && [one.address, one.seal] == [one.key % 2; 2]
    };
    assert!(left.iter().all(is_sound), "round {round}: mixed up");
    next
}

/// The count of requests that are left.
fn history_is_whole(folder: &Path, round: usize) -> u64 {
    let (mut store, left) = open(folder);
    store.close(Batch::default());
    assert_eq!(store.facts().set_aside, None, "round {round}: the file was broken");
    let numbers = left.records.iter().map(|record| record.id.0);
    let count = left.records.len() as u64;
    let first = numbers.clone().next().unwrap_or_default();
    assert!(numbers.eq(first..first + count), "round {round}: a request is missing or twice");
    let written = first + count;
    assert!(written.is_multiple_of(BATCH), "round {round}: part of a batch was written");
    assert_eq!(left.usage[0].1.requests, written, "round {round}: sums and rows differ");
    written
}

/// Kills a writer in a folder of its own, over and over.
fn kill_over_and_over(rounds: usize) {
    let home = tempfile::tempdir().expect("a temporary folder");
    fs::write(home.path().join("config.toml"), format!("{COMMENT}{CONFIG}")).expect("the configuration is written");
    let (mut written, mut saved, mut learned) = (0, 0, 0);
    for round in 0..rounds {
        let handed = write_and_kill(home.path(), round);
        let history = history_is_whole(home.path(), round);
        assert!(history > written, "round {round}: nothing was added to {written}");
        // Four may wait, one is being written, one was handed over and not told of yet.
        assert!(history + 6 * BATCH >= handed, "round {round}: {history} of {handed} are left");
        written = history;
        saved = saved.max(configuration_is_whole(home.path(), round));
        let owners = owners_are_whole(home.path(), round);
        assert!(owners >= learned, "round {round}: owners were forgotten");
        learned = owners;
    }
    assert!(saved > 0 && learned > REMEMBERED, "{saved} saves and {learned} owners: the kills met nothing");
}

#[test]
fn a_process_killed_while_it_writes_leaves_a_whole_configuration_history_and_memory_of_owners() {
    let kills = std::env::var("TIDEGATE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(ROUNDS);
    for _ in 0..kills.div_ceil(ROUNDS) {
        kill_over_and_over(ROUNDS);
    }
}

/// A service that asks everybody to wait for 90 s.
async fn full() -> Origin {
    Origin::start(|_| {
        let mut answer = json(429, r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#);
        answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("90"));
        answer
    })
    .await
}

/// Kills it once it has written that `ea` rests, and starts it anew.
async fn kill_and_start_again(served: &mut Served) {
    let file = served.folder.path().join("state").join("rests.json");
    served.until(|_| fs::read_to_string(&file).is_ok_and(|text| text.contains("ea"))).await;
    served.child.kill().expect("it is killed where it stands");
    served.child.wait().expect("it ends");
    let arguments = ["--headless", "--port", "0", "--log", "trace"];
    (served.child, served.base_url) = spawn(served.folder.path(), &arguments, &[("KEY", "canary-killed")]);
}

#[tokio::test]
async fn who_was_told_to_wait_is_left_alone_even_if_nobody_else_is_there() {
    let full = full().await;
    let config = format!("{}{}", full.account("a", "m"), route("m", &["ea"]));
    let mut served = serve(&config, &[("KEY", "canary-killed")]);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 429);
    kill_and_start_again(&mut served).await;
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 429);
    assert_eq!(full.got().len(), 1, "it said 90 s");
}

#[tokio::test]
async fn who_was_told_to_wait_is_not_asked_again_by_the_process_that_comes_after() {
    let full = full().await;
    let free =
        Origin::start(|_| json(200, r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#)).await;
    let config = format!("{}{}{}", full.account("a", "m"), free.account("b", "m"), route("m", &["ea", "eb"]));
    let mut served = serve(&config, &[("KEY", "canary-killed")]);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 200);
    kill_and_start_again(&mut served).await;
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 200);
    assert_eq!((full.got().len(), free.got().len()), (1, 2), "the one that said 90 s was left alone");
    let status = served.status().await;
    assert_eq!(status["endpoints"][0]["health"]["state"], "resting", "{status:#}");
}
