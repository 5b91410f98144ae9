//! The history over a restart: what was there is there again, and a process that is killed while it writes leaves whole
//! batches.

#![expect(clippy::expect_used, clippy::panic, reason = "a test says where it broke")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tidegate::backend::{self, Options, Running};
use tidegate::contract::history::Search;
use tidegate::contract::{Command as Wish, DemoCommand, HistoryCommand, Snapshot};
use tidegate::model::config::{History, Priority};
use tidegate::model::history::{Batch, Remembered, UsageKey, UsageSum};
use tidegate::model::id::{ModelName, RequestId};
use tidegate::model::outcome::Ending;
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::record::{RecordEnd, RequestRecord};
use tidegate::model::units::Timestamp;
use tidegate::store::history::HistoryStore;

/// 2026-03-01T00:00Z.
const NOW: u64 = 1_772_323_200_000;
/// Requests of a batch.
const BATCH: u64 = 50;
const FOLDER: &str = "TIDEGATE_TEST_HISTORY";

fn record(number: u64) -> Arc<RequestRecord> {
    Arc::new(RequestRecord {
        id: RequestId(number),
        at: Timestamp::from_secs(number),
        wall_ms: NOW + number,
        profile: Arc::new(RequestProfile {
            model: ModelName::from("gpt-4o"),
            operation: Operation::Chat,
            streaming: false,
            size: RequestSize::default(),
            priority: Priority::Normal,
            caller: None,
            client: Arc::from("aider"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        }),
        status: 200,
        end: RecordEnd::Answered(Ending::Completed),
        attempts: Vec::new(),
        decisions: Vec::new(),
        usage: None,
        waited: Duration::ZERO,
        first_token: None,
        total: Duration::from_millis(5),
    })
}

fn batch(first: u64) -> Batch {
    let key = UsageKey { day: 20_513, caller: None, client: "aider".into(), model: "gpt-4o".into(), endpoint: None };
    Batch {
        wall_ms: NOW + first,
        records: (first..first + BATCH).map(record).collect(),
        buckets: Vec::new(),
        usage: vec![(key, UsageSum { requests: BATCH, ..UsageSum::default() })],
    }
}

fn open(folder: &Path) -> (HistoryStore, Remembered) {
    let (sender, left) = mpsc::sync_channel(1);
    let store = HistoryStore::open(folder, (History::default(), NOW), 1_000_000, move |remembered| {
        drop(sender.send(remembered));
    });
    (store, left.recv().expect("the writer says what is left"))
}

/// Not a test of its own: what the processes below run, until they are killed.
#[test]
fn a_process_that_writes_for_ever_if_it_is_told_where() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (store, left) = open(Path::new(&folder));
    let mut next = left.records.last().map_or(0, |record| record.id.0 + 1);
    loop {
        let mut waiting = Some(batch(next));
        while let Some(batch) = waiting.take() {
            waiting = store.keep(batch).err();
            std::thread::yield_now();
        }
        next += BATCH;
        // Whoever reads no more has killed us, or will.
        let _ = writeln!(std::io::stdout(), "handed over {next}");
    }
}

/// Starts a writer, waits until it has handed over this many batches, and kills it. Returns the last number handed over.
fn write_and_kill(folder: &Path, batches: usize) -> u64 {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut child = Command::new(program)
        .args(["a_process_that_writes_for_ever_if_it_is_told_where", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the writer starts");
    let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
    let told = lines.filter_map(|line| line.ok()?.split_once("handed over ")?.1.parse().ok());
    let last: Option<u64> = told.take(batches).last();
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    last.expect("it handed something over")
}

#[test]
fn a_writer_killed_twenty_times_leaves_whole_batches_and_loses_the_last_ones_at_most() {
    let home = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..20 {
        // More than can wait, so that some are written before the kill.
        let handed = write_and_kill(home.path(), 7 + round * 2);
        let (mut store, left) = open(home.path());
        store.close(Batch::default());
        assert_eq!(store.facts().set_aside, None, "round {round}: the file was broken");
        let numbers: Vec<u64> = left.records.iter().map(|record| record.id.0).collect();
        let count = u64::try_from(numbers.len()).unwrap();
        assert!(numbers.iter().copied().eq(0..count), "round {round}: a request is missing or twice");
        assert!(count.is_multiple_of(BATCH), "round {round}: part of a batch was written");
        assert!(count > before, "round {round}: nothing was added to {before}");
        // Four may wait, one is being written, one was handed over and not told of yet.
        assert!(count + 6 * BATCH >= handed, "round {round}: {count} of {handed} are left");
        assert_eq!(left.usage[0].1.requests, count, "round {round}: sums and rows differ");
        before = count;
    }
}

/// The demo below a folder, and a way to wait for its screen to say something.
struct Demo {
    running: Running,
    news: mpsc::Receiver<()>,
}

impl Demo {
    fn start(home: &Path) -> Self {
        let options = Options {
            config_dir: Some(home.to_owned()),
            demo: true,
            headless: true,
            port: Some(0),
            ..Options::default()
        };
        let running = backend::start(options).expect("the demo starts");
        let (sender, news) = mpsc::sync_channel(1);
        running.ui().wake_with(move || {
            // One that waits is as good as two.
            let _ = sender.try_send(());
        });
        Self { running, news }
    }

    fn ask(&self, wish: Wish) {
        self.running.ui().send(wish).expect("nothing else was asked");
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        loop {
            let snapshot = self.running.ui().latest();
            if is_so(&snapshot) {
                return snapshot;
            }
            self.news.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{what}: it never came"));
        }
    }
}

fn used(snapshot: &Snapshot) -> u64 {
    snapshot.history.usage.iter().map(|(_, sum)| sum.requests).sum()
}

#[test]
fn what_the_screen_showed_before_a_restart_it_shows_after_it_and_leaving_the_demo_deletes_it() {
    let home = tempfile::tempdir().unwrap();
    let first = Demo::start(home.path());
    for _ in 0..3 {
        first.ask(Wish::SendTest { model: "demo-chat".into() });
    }
    let before = first.wait_until("three requests", |snapshot| snapshot.records.len() == 3);
    first.running.stop();

    let second = Demo::start(home.path());
    let after = second.wait_until("what was", |snapshot| snapshot.records.len() == 3);
    assert!(before.records.iter().zip(after.records.iter()).all(|(one, other)| one == other));
    assert_eq!(used(&after), 3);
    assert_eq!(after.history.store.requests, 3);
    second.ask(Wish::SendTest { model: "demo-chat".into() });
    let more = second.wait_until("a fourth request", |snapshot| snapshot.records.len() == 4);
    assert_eq!(used(&more), 4);
    let numbers: std::collections::BTreeSet<u64> = more.records.iter().map(|record| record.id.0).collect();
    assert_eq!(numbers.len(), 4, "no run repeats another's numbers");

    second.ask(Wish::History(HistoryCommand::DeleteAll));
    second.wait_until("nothing", |snapshot| snapshot.records.is_empty() && used(snapshot) == 0);
    second.ask(Wish::SendTest { model: "demo-chat".into() });
    second.wait_until("a fifth request", |snapshot| snapshot.records.len() == 1 && used(snapshot) == 1);
    let folder = Path::new(&second.wait_until("a path", |now| !now.history.store.path.is_empty()).history.store.path)
        .parent()
        .expect("it lies somewhere")
        .to_owned();
    assert!(folder.exists());
    second.ask(Wish::Demo(DemoCommand::Leave));
    second.wait_until("the person's own profile", |snapshot| !snapshot.profile.demo && snapshot.records.is_empty());
    second.running.stop();
    assert!(!folder.exists(), "the demo's history is gone");
}

#[test]
fn fifty_thousand_stored_rows_are_searched_with_progress_and_counted_to_the_last() {
    let home = tempfile::tempdir().unwrap();
    // Where the demo's profile of this folder keeps its data.
    let data = home.path().join("data").join("demo");
    let (mut store, _) = open(&data);
    for first in (0..50_000).step_by(5_000) {
        let mut waiting = Some(Batch { records: (first..first + 5_000).map(record).collect(), ..batch(first) });
        while let Some(batch) = waiting.take() {
            waiting = store.keep(batch).err();
            std::thread::yield_now();
        }
    }
    store.close(Batch::default());

    let demo = Demo::start(home.path());
    let shown = demo.wait_until("the newest", |snapshot| !snapshot.records.is_empty());
    let oldest = shown.records.iter().next().map(|record| record.id);
    let older = 50_000 - shown.records.len() as u64;
    let passes = Arc::new(|record: &RequestRecord| record.id.0.is_multiple_of(1_000));
    demo.ask(Wish::History(HistoryCommand::Search(Search { passes, before: oldest, most: 10 })));
    let first = demo.wait_until("how far it is", |snapshot| snapshot.history.search.is_some());
    assert!(first.history.search.as_ref().is_some_and(|search| !search.done), "progress comes before the end");
    let is_done = |snapshot: &Snapshot| snapshot.history.search.as_ref().is_some_and(|search| search.done);
    let last = demo.wait_until("the end", is_done);
    let search = last.history.search.clone().expect("it is there");
    assert_eq!((search.looked_at, search.of, search.found, search.rows.len()), (older, older, older / 1_000, 10));
    demo.running.stop();
}

/// Sends a chat request as a client that gives away all it knows, and reads the answer to its end.
fn blab(base_url: &str, secrets: &[&str; 3]) {
    let [query, header, prompt] = secrets;
    let address = base_url.trim_start_matches("http://").trim_end_matches("/v1");
    let body = format!(
        r#"{{"model":"demo-chat","max_tokens":16,"messages":[{{"role":"user","content":"remember {prompt}"}}]}}"#
    );
    let request = format!(
        "POST /v1/chat/completions?api-key={query} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {header}\r\n\
         api-key: {header}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).expect("it answers");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn no_key_no_query_and_no_prompt_is_on_disk_after_a_request() {
    const SECRETS: [&str; 3] = ["sk-proj-InTheQuery41xW", "sk-proj-InTheHeader72k", "sk-proj-InThePrompt93q"];
    let home = tempfile::tempdir().unwrap();
    let demo = Demo::start(home.path());
    blab(demo.running.base_url(), &SECRETS);
    demo.wait_until("the request", |snapshot| used(snapshot) == 1);
    demo.running.stop();
    let (mut folders, mut looked_at) = (vec![home.path().to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it can be read").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("it can be read");
            looked_at += usize::from(bytes.windows(9).any(|part| part == b"demo-chat"));
            for secret in SECRETS {
                let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!found, "{secret} is in {}", entry.path().display());
            }
        }
    }
    assert!(looked_at >= 2, "neither the configuration nor the history was looked at");
}
