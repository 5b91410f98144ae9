//! What tests write into a history.

use std::path::Path;
use std::sync::{Arc, mpsc};

use tidegate::model::config::History;
use tidegate::model::history::{Batch, Remembered, UsageKey, UsageSum};
use tidegate::model::record::RequestRecord;
use tidegate::model::{config, id, outcome, profile, record, units};
use tidegate::store::history::HistoryStore;

// It finds its nouns beside itself, as in the library.
#[path = "../../src/model/sample.rs"]
mod sample;

/// 2026-03-01T00:00Z.
pub const NOW: u64 = 1_772_323_200_000;
/// Requests of a batch.
pub const BATCH: u64 = 50;

/// An answered request.
pub fn record(number: u64) -> Arc<RequestRecord> {
    Arc::new(RequestRecord { wall_ms: NOW + number, ..sample::record(number) })
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
