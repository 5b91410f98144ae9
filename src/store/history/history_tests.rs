use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::model::config::Priority;
use crate::model::history::{Bucket, BucketRow, Grain, Sample, UsageKey, UsageSum};
use crate::model::id::{ModelName, RequestId};
use crate::model::outcome::Ending;
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::units::Timestamp;

/// 2026-03-01T00:00Z.
const NOW: u64 = 1_772_323_200_000;

fn record(number: u64) -> Arc<RequestRecord> {
    Arc::new(RequestRecord {
        id: RequestId(number),
        at: Timestamp::from_secs(number),
        wall_ms: NOW + number,
        profile: Arc::new(RequestProfile {
            model: ModelName::from("gpt-4o"),
            operation: Operation::Chat,
            streaming: number.is_multiple_of(2),
            size: RequestSize::default(),
            priority: Priority::Normal,
            caller: None,
            client: Arc::from("aider"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        }),
        status: if number.is_multiple_of(10) { 429 } else { 200 },
        end: RecordEnd::Answered(Ending::Completed),
        attempts: Vec::new(),
        decisions: Vec::new(),
        usage: None,
        waited: Duration::ZERO,
        first_token: Some(Duration::from_millis(320)),
        total: Duration::from_millis(5),
    })
}

fn requests(numbers: std::ops::Range<u64>) -> Batch {
    Batch { wall_ms: NOW + numbers.end, records: numbers.map(record).collect(), ..Batch::default() }
}

/// An open store and what an earlier run left in it.
fn open(folder: &Path, rules: Rules) -> (HistoryStore, Remembered) {
    let (sender, left) = mpsc::sync_channel(1);
    let store = HistoryStore::open(folder, (rules, NOW), 1_000, move |remembered| sender.send(remembered).unwrap());
    (store, left.recv().unwrap())
}

fn written(folder: &Path, rules: &Rules, batches: impl IntoIterator<Item = Batch>) -> Arc<StoreFacts> {
    let (mut store, _) = open(folder, rules.clone());
    for batch in batches {
        let mut waiting = Some(batch);
        while let Some(batch) = waiting.take() {
            waiting = store.keep(batch).err();
        }
    }
    store.close(Batch::default());
    store.facts()
}

fn numbers(remembered: &Remembered) -> Vec<u64> {
    remembered.records.iter().map(|record| record.id.0).collect()
}

fn bucket(second: u64, tokens: u64, token_limit: Option<u64>) -> BucketRow {
    let sample = Sample { second, tokens, requests: 2, throttled: 1, token_limit };
    BucketRow { grain: Grain::Minute, endpoint: "eastus".into(), bucket: Bucket::of(sample, Grain::Minute) }
}

#[test]
fn what_one_run_wrote_the_next_one_reads() {
    let home = tempfile::tempdir().unwrap();
    let facts = written(home.path(), &Rules::default(), [requests(0..30), requests(30..40)]);
    assert_eq!((facts.state.clone(), facts.requests, facts.left_out), (StoreState::Ready, 40, 0));
    let (store, left) = open(home.path(), Rules::default());
    assert_eq!(numbers(&left), (0..40).collect::<Vec<_>>());
    assert_eq!(left.records[7], record(7));
    assert_eq!((store.facts().requests, store.facts().oldest_wall_ms), (40, Some(NOW + 5)));
    assert!(store.facts().bytes > 0 && store.facts().path.ends_with(NAME));
}

#[test]
fn of_many_requests_the_newest_are_remembered() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [requests(0..1_500)]);
    let (_store, left) = open(home.path(), Rules::default());
    assert_eq!(numbers(&left), (500..1_500).collect::<Vec<_>>());
}

#[test]
fn buckets_and_sums_written_in_parts_add_up() {
    let home = tempfile::tempdir().unwrap();
    let second = NOW / 1_000;
    let key = UsageKey {
        day: 20_513,
        caller: Some("ci".into()),
        client: "aider".into(),
        model: "gpt-4o".into(),
        endpoint: None,
    };
    let sum = UsageSum { requests: 1, failed: 0, uncounted: 1, input: 10, cached: 2, output: 3, reasoning: 1 };
    let part = |row: BucketRow| Batch { buckets: vec![row], usage: vec![(key.clone(), sum)], ..requests(0..0) };
    written(home.path(), &Rules::default(), [part(bucket(second, 10, None)), part(bucket(second + 7, 90, Some(50)))]);
    written(home.path(), &Rules::default(), [part(bucket(second + 9, 0, None))]);
    let (_store, left) = open(home.path(), Rules::default());
    let mut whole = bucket(second, 10, None).bucket;
    for (tokens, limit) in [(90, Some(50)), (0, None)] {
        whole.merge(&bucket(second, tokens, limit).bucket);
    }
    assert_eq!(left.buckets, [BucketRow { bucket: whole, ..bucket(second, 0, None) }]);
    let mut total = UsageSum::default();
    (0..3).for_each(|_| total.add(&sum));
    assert_eq!(left.usage, [(key, total)]);
}

#[test]
fn a_file_that_is_no_history_is_set_aside_and_a_new_one_begins() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(NAME), "not a database, whatever its name says".repeat(200)).unwrap();
    let facts = written(home.path(), &Rules::default(), [requests(0..5)]);
    assert_eq!((facts.state.clone(), facts.requests), (StoreState::Ready, 5));
    let aside = facts.set_aside.clone().unwrap();
    assert!(std::fs::read_to_string(aside).unwrap().starts_with("not a database"));
    assert_eq!(numbers(&open(home.path(), Rules::default()).1), [0, 1, 2, 3, 4]);
}

#[test]
fn a_file_damaged_in_the_middle_costs_what_was_in_it_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [requests(0..2_000)]);
    let path = home.path().join(NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let size = bytes.len();
    bytes[4_096..size - 4_096].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let (mut store, left) = open(home.path(), Rules::default());
    assert!(left.records.is_empty());
    store.close(requests(0..3));
    assert_eq!((store.facts().requests, store.facts().set_aside.is_some()), (3, true));
}

#[test]
fn a_file_of_a_later_version_is_not_touched() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [requests(0..5)]);
    let path = home.path().join(NAME);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    let facts = written(home.path(), &Rules::default(), [requests(5..9)]);
    assert!(matches!(&facts.state, StoreState::Failing { what, .. } if what.contains("a later version of Tidegate")));
    assert_eq!(facts.left_out, 4);
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn a_folder_that_cannot_be_written_costs_the_rows_and_is_said() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    std::fs::write(&folder, "a file where the folder should be").unwrap();
    let facts = written(&folder, &Rules::default(), [requests(0..5)]);
    assert!(
        matches!(&facts.state, StoreState::Failing { next_step, .. } if next_step.contains("keeping goes on by itself"))
    );
    assert_eq!((facts.requests, facts.left_out), (0, 5));
}

#[test]
fn a_full_disk_costs_the_batches_that_do_not_fit_and_keeping_goes_on_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let shared = Arc::new(ArcSwap::from_pointee(StoreFacts::default()));
    let mut writer = writer::Writer::new(home.path().join(NAME), Rules::default(), Arc::clone(&shared));
    writer.begin(NOW, 0, &AtomicBool::new(false));
    writer.obey(Order::Keep(requests(0..10)));
    writer.fill_disk();
    writer.obey(Order::Keep(requests(10..2_000)));
    let facts = shared.load_full();
    assert!(matches!(&facts.state, StoreState::Failing { next_step, .. } if next_step.starts_with("Free some space")));
    assert_eq!((facts.requests, facts.left_out), (10, 1_990));
    writer.obey(Order::Keep(Batch { wall_ms: NOW + 60_000, ..requests(2_000..2_010) }));
    let facts = shared.load_full();
    assert_eq!((facts.state.clone(), facts.requests), (StoreState::Ready, 20));
}

#[test]
fn the_file_stays_within_its_size_and_the_oldest_requests_go_first() {
    let home = tempfile::tempdir().unwrap();
    let rules = Rules { max_megabytes: 8, ..Rules::default() };
    let later = |place: u64| Batch { wall_ms: NOW + place * 20_000, ..requests(place * 2_000..(place + 1) * 2_000) };
    let facts = written(home.path(), &rules, (0..20).map(later));
    assert!(facts.bytes < 9 << 20, "{} bytes", facts.bytes);
    assert!(std::fs::metadata(home.path().join(NAME)).unwrap().len() < 9 << 20);
    assert!((8_000..40_000).contains(&facts.requests), "{}", facts.requests);
    let left = numbers(&open(home.path(), rules).1);
    assert_eq!(left.last(), Some(&39_999));
}

#[test]
fn what_is_too_old_goes() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [Batch { buckets: vec![bucket(NOW / 1_000, 1, None)], ..requests(0..50) }]);
    let rules = Rules { max_days: 9, ..Rules::default() };
    let later = Batch { wall_ms: NOW + 10 * 86_400_000, ..requests(0..0) };
    let facts = written(home.path(), &rules, [later]);
    assert_eq!((facts.requests, facts.oldest_wall_ms), (0, None));
    let (_store, left) = open(home.path(), rules);
    assert!(left.records.is_empty() && left.buckets.is_empty());
}

#[test]
fn deleting_leaves_no_byte_of_it_and_keeping_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (mut store, _) = open(home.path(), Rules::default());
    store.keep(requests(0..500)).unwrap();
    assert!(store.delete_all());
    store.close(requests(500..501));
    assert_eq!(numbers(&open(home.path(), Rules::default()).1), [500]);
    assert!(std::fs::metadata(home.path().join(NAME)).unwrap().len() < 100_000);
}

#[test]
fn a_configuration_that_keeps_nothing_makes_no_file() {
    let home = tempfile::tempdir().unwrap();
    let facts = written(home.path(), &Rules { keep: false, ..Rules::default() }, [requests(0..5)]);
    assert_eq!(facts.state, StoreState::Off);
    assert!(!home.path().join(NAME).exists());
}

#[test]
fn whoever_hands_over_never_waits_for_a_disk_that_does_not_follow() {
    let home = tempfile::tempdir().unwrap();
    let (go, wait) = mpsc::sync_channel::<()>(1);
    let (begun, began) = mpsc::sync_channel(1);
    let mut store = HistoryStore::open(home.path(), (Rules::default(), NOW), 10, move |_| {
        begun.send(()).unwrap();
        wait.recv().unwrap();
    });
    began.recv().unwrap();
    for place in 0..ORDERS as u64 {
        store.keep(requests(place..place + 1)).unwrap();
    }
    assert_eq!(store.keep(requests(90..95)).unwrap_err().records.len(), 5);
    assert!(!store.delete_all());
    go.send(()).unwrap();
    store.close(requests(95..96));
    assert_eq!(numbers(&open(home.path(), Rules::default()).1), [0, 1, 2, 3, 95]);
}

fn hunt(known: &[u64]) -> Hunt {
    let known = known.iter().copied().map(RequestId).collect();
    Hunt { passes: Arc::new(|record| record.status == 429), known, most: 50 }
}

#[test]
fn a_search_begins_before_the_first_known_request_that_is_stored() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [requests(0..400)]);
    let counted = |known: &[u64]| {
        let (sender, reports) = mpsc::sync_channel(4);
        Seeker::default().start(&home.path().join(NAME), hunt(known), move |found| sender.send(found.of).unwrap());
        reports.iter().last()
    };
    assert_eq!(counted(&[700, 701, 300, 301]), Some(300), "700 and 701 were left out of the history");
    assert_eq!(counted(&[700]), Some(400), "nothing of what is known is stored");
}

#[test]
fn a_search_tells_how_far_it_is_and_counts_all_that_pass() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [requests(0..12_000)]);
    let (sender, reports) = mpsc::sync_channel(64);
    Seeker::default().start(&home.path().join(NAME), hunt(&[11_000]), move |found| sender.send(found.clone()).unwrap());
    let reports: Vec<Found> = reports.iter().collect();
    assert_eq!(reports.iter().map(|found| found.looked_at).collect::<Vec<_>>(), [0, 5_000, 10_000, 11_000]);
    let last = reports.last().unwrap();
    assert_eq!((last.of, last.found, last.rows.len(), last.done), (11_000, 1_100, 50, true));
    assert!(last.rows.iter().map(|record| record.id.0).eq((0..50).map(|place| 10_990 - place * 10)));
}

#[test]
fn a_search_that_is_ended_looks_no_further() {
    let home = tempfile::tempdir().unwrap();
    written(home.path(), &Rules::default(), [requests(0..20_000)]);
    let seeker = Seeker::default();
    let (sender, reports) = mpsc::sync_channel(0);
    seeker.start(&home.path().join(NAME), hunt(&[]), move |found| {
        // Nobody listens once the test has seen enough.
        let _ = sender.send(found.looked_at);
    });
    assert_eq!(reports.recv(), Ok(0));
    seeker.end();
    assert!(reports.iter().all(|looked_at| looked_at < 20_000));
}

#[test]
fn a_search_in_a_history_that_is_not_there_ends_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (sender, reports) = mpsc::sync_channel(4);
    Seeker::default().start(&home.path().join(NAME), hunt(&[]), move |found| sender.send(found.clone()).unwrap());
    let reports: Vec<Found> = reports.iter().collect();
    assert_eq!(reports, [Found { done: true, ..Found::default() }]);
}

#[test]
fn a_history_that_breaks_down_says_so_and_keeps_nobody_waiting() {
    let facts = Arc::new(ArcSwap::from_pointee(StoreFacts::default()));
    let (sender, left) = mpsc::sync_channel(1);
    let remembered = move |remembered: Remembered| sender.send(remembered).unwrap();
    let watch = Watch { facts: Arc::clone(&facts), remembered: Some(remembered) };
    let work = move || {
        let _watch = watch;
        panic!("as reading might");
    };
    let thread = std::thread::Builder::new().name("history".to_owned()).spawn(work).unwrap();
    assert!(thread.join().is_err());
    assert!(left.recv().unwrap().records.is_empty());
    assert!(matches!(&facts.load().state, StoreState::Failing { what, .. } if what.contains("error of Tidegate")));
}

#[test]
fn reading_says_how_far_it_is_and_who_stops_it_has_all_usage_and_what_was_read() {
    let home = tempfile::tempdir().unwrap();
    let key = UsageKey {
        day: 20_513,
        caller: None,
        client: Arc::from("aider"),
        model: ModelName::from("gpt-4o"),
        endpoint: None,
    };
    let usage = vec![(key, UsageSum { requests: 600, ..UsageSum::default() })];
    drop(written(home.path(), &Rules::default(), [Batch { usage: usage.clone(), ..requests(0..600) }]));
    let read = |stop_at: u8| {
        let db = rusqlite::Connection::open(home.path().join(NAME)).unwrap();
        let mut told = Vec::new();
        let mut tell = |percent: u8| {
            told.push(percent);
            percent < stop_at
        };
        let left = read::remembered(&db, NOW, 1_000, &mut tell).unwrap();
        (numbers(&left), left.usage, told)
    };
    let (all, sums, told) = read(101);
    assert_eq!((all.len(), sums == usage), (600, true));
    assert_eq!(told, [0, 42, 85]);
    let (some, sums, told) = read(40);
    assert_eq!((some.first(), some.last(), told), (Some(&344), Some(&599), vec![0, 42]), "the newest 256");
    assert_eq!(sums, usage, "sums of a part would be wrong");
}

#[test]
fn who_stops_while_series_are_read_has_the_newest_of_every_endpoint() {
    let home = tempfile::tempdir().unwrap();
    let row =
        |name: &str, minute: u64| BucketRow { endpoint: name.into(), ..bucket(NOW / 1_000 - 60 * minute, 9, None) };
    let buckets = (1..=600).flat_map(|minute| [row("eastus", minute), row("westus", minute)]).collect();
    drop(written(home.path(), &Rules::default(), [Batch { wall_ms: NOW, buckets, ..Batch::default() }]));
    let db = rusqlite::Connection::open(home.path().join(NAME)).unwrap();
    let read = |stop_at: u8| read::remembered(&db, NOW, 1_000, &mut |percent| percent < stop_at).unwrap();
    let some = read(20);
    assert!(some.cut_short && some.buckets.len() < 600, "{}", some.buckets.len());
    for name in ["eastus", "westus"] {
        let starts: Vec<_> =
            some.buckets.iter().filter(|row| row.endpoint.as_str() == name).map(|row| row.bucket.start).collect();
        assert!(starts.len() > 100 && starts.is_sorted(), "{name}: {}", starts.len());
        assert_eq!(starts.last(), Some(&(NOW / 1_000 - 60)), "the newest of {name}");
    }
    assert!(some.buckets.is_sorted_by_key(|row| row.endpoint.clone()));
    let all = read(101);
    assert_eq!((all.cut_short, all.buckets.len()), (false, 1_200));
}
