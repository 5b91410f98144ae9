//! What tests write into a history.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tidegate::model::config::{History, Priority};
use tidegate::model::history::{Batch, Remembered, UsageKey, UsageSum};
use tidegate::model::id::{ModelName, RequestId};
use tidegate::model::outcome::Ending;
use tidegate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use tidegate::model::record::{RecordEnd, RequestRecord};
use tidegate::model::units::Timestamp;
use tidegate::store::history::HistoryStore;

/// 2026-03-01T00:00Z.
pub const NOW: u64 = 1_772_323_200_000;
/// Requests of a batch.
pub const BATCH: u64 = 50;

/// An answered request.
pub fn record(number: u64) -> Arc<RequestRecord> {
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

/// So many requests from this one on.
pub fn batch(first: u64) -> Batch {
    let key = UsageKey { day: 20_513, caller: None, client: "aider".into(), model: "gpt-4o".into(), endpoint: None };
    Batch {
        wall_ms: NOW + first,
        records: (first..first + BATCH).map(record).collect(),
        buckets: Vec::new(),
        usage: vec![(key, UsageSum { requests: BATCH, ..UsageSum::default() })],
    }
}

/// Opens the history, and waits for what is left in it.
pub fn open(folder: &Path) -> (HistoryStore, Remembered) {
    let (sender, left) = mpsc::sync_channel(1);
    let store = HistoryStore::open(folder, (History::default(), NOW), 1_000_000, move |remembered| {
        drop(sender.send(remembered));
    });
    (store, left.recv().expect("the writer says what is left"))
}
