//! The history over a restart: what was there is there again, and of a long one every row is found. What a kill leaves of it is
//! in `killed`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test says where it broke")]
#![expect(unreachable_pub, reason = "what is written is shared between test programs")]

mod written;

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tidegate::backend::{self, Options, Running};
use tidegate::contract::history::Search;
use tidegate::contract::{Command as Wish, DemoCommand, ExportFormat, HistoryCommand, Snapshot};
use tidegate::model::history::Batch;
use tidegate::model::record::RequestRecord;
use written::{batch, open, record};

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
        running.ui().wake_with(move |_| {
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
    for (one, other) in before.records.iter().zip(after.records.iter()) {
        let mut kept = RequestRecord::clone(one);
        // What a service says of itself is never stored.
        kept.attempts.iter_mut().for_each(|attempt| attempt.said = None);
        assert_eq!(&kept, &**other);
    }
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
    let known = shown.records.iter().map(|record| record.id).collect();
    let older = 50_000 - shown.records.len() as u64;
    let passes = Arc::new(|record: &RequestRecord| record.id.0.is_multiple_of(1_000));
    demo.ask(Wish::History(HistoryCommand::Search(Search { passes, known, most: 10 })));
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
fn no_key_no_query_and_no_prompt_is_on_disk_or_in_an_export_after_a_request() {
    const SECRETS: [&str; 3] = ["sk-proj-InTheQuery41xW", "sk-proj-InTheHeader72k", "sk-proj-InThePrompt93q"];
    let home = tempfile::tempdir().unwrap();
    let demo = Demo::start(home.path());
    blab(demo.running.base_url(), &SECRETS);
    let shown = demo.wait_until("the request", |snapshot| used(snapshot) == 1 && snapshot.records.len() == 1);
    let records: Vec<_> = shown.records.iter().cloned().collect();
    let mut taken = format!("{shown:?}").into_bytes();
    for format in [ExportFormat::Jsonl, ExportFormat::Csv, ExportFormat::Har] {
        tidegate::record::export::write(format, &records, &mut taken, &mut |_| {}).expect("memory takes it");
    }
    let taken = String::from_utf8(taken).expect("exports are text");
    assert!(taken.matches("demo-chat").count() > 3, "the request is in what was looked at");
    for secret in SECRETS {
        assert!(!taken.contains(secret), "{secret} is in an export or on screen");
    }
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

#[test]
fn what_is_served_while_nobody_looks_is_all_there_afterwards() {
    const SECRETS: [&str; 3] = ["in-the-query", "in-the-header", "in-the-prompt"];
    let home = tempfile::tempdir().unwrap();
    let first = Demo::start(home.path());
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| blab(first.running.base_url(), &SECRETS));
        }
    });
    first.running.stop();
    let second = Demo::start(home.path());
    let left = second.wait_until("all of them", |snapshot| used(snapshot) == 12 && snapshot.records.len() == 12);
    assert!(left.records.iter().all(|record| record.is_answered_whole()));
    second.running.stop();
}
