//! What the screen reads of the history: long series, usage, how the store stands, and a search in it.
//!
//! Invariant: like every part of a snapshot, an unchanged part keeps its `Arc` and its generation.
//! Absent on purpose: how and where it is stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::history::{Bucket, Grain, StoreFacts, UsageRow};
use crate::model::id::{CommandId, EndpointId, RequestId};
use crate::model::record::RequestRecord;

/// The history as it stood.
#[derive(Clone, Debug, Default)]
pub struct HistoryView {
    /// What earlier runs kept is still being read: what is missing may come yet.
    pub reading: bool,
    /// How the store stands.
    pub store: Arc<StoreFacts>,
    /// The last six hours and seven days.
    pub long: Arc<LongSeries>,
    /// What was used.
    pub usage: Arc<UsageView>,
    /// The search the person asked for last, until they end it.
    pub search: Option<Arc<SearchView>>,
}

/// All long series.
#[derive(Clone, Debug, Default)]
pub struct LongSeries {
    /// Grows when a bucket is added.
    pub generation: u64,
    /// By endpoint, in the order in which they were first seen.
    pub tracks: Vec<LongTrack>,
}

/// One endpoint's last six hours and seven days. A missing bucket is a gap, never a zero.
#[derive(Clone, Debug)]
pub struct LongTrack {
    /// Which.
    pub id: EndpointId,
    /// Buckets of ten seconds, oldest first; sealed chunks keep their `Arc`.
    pub ten_seconds: Vec<Arc<[Bucket]>>,
    /// Buckets of a minute, likewise.
    pub minutes: Vec<Arc<[Bucket]>>,
}

impl LongTrack {
    /// Every bucket of a grain, oldest first.
    #[must_use]
    pub fn buckets(&self, grain: Grain) -> impl DoubleEndedIterator<Item = &Bucket> {
        let chunks = match grain {
            Grain::TenSeconds => &self.ten_seconds,
            Grain::Minute => &self.minutes,
        };
        chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

/// What was used, by day, caller, client, model and endpoint.
#[derive(Clone, Debug, Default)]
pub struct UsageView {
    /// Changes with every request.
    pub generation: u64,
    /// The local day that is being filled, counted from 1970-01-01.
    pub today_is: i32,
    /// Days before, in order of their keys.
    pub past: Arc<[UsageRow]>,
    /// Today, likewise.
    pub today: Arc<[UsageRow]>,
    /// The endpoints that any row is of.
    pub served: Arc<BTreeSet<EndpointId>>,
}

impl UsageView {
    /// Every row, older days first.
    pub fn iter(&self) -> impl Iterator<Item = &UsageRow> {
        self.past.iter().chain(self.today.iter())
    }
}

/// How far a search in the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchView {
    /// The command that asked for it.
    pub id: CommandId,
    /// Rows looked at.
    pub looked_at: u64,
    /// Rows to look at in all.
    pub of: u64,
    /// Of those looked at, how many pass.
    pub found: u64,
    /// Those that pass, newest first, as many as were asked for at most.
    pub rows: Arc<Vec<Arc<RequestRecord>>>,
    /// Nothing is left to look at, or it was stopped by a problem.
    pub done: bool,
}

/// What the person wants of the history.
pub enum HistoryCommand {
    /// Look through what is stored and not in the snapshot's records. Ends a search that runs.
    Search(Search),
    /// Show what was read of earlier runs so far, and read no more.
    StopReading,
    /// End the search and forget what it found.
    EndSearch,
    /// Delete everything that is stored, and what the screen shows of it.
    DeleteAll,
}

/// A search.
#[derive(Clone)]
pub struct Search {
    /// Which records pass. It runs on the store's thread.
    pub passes: Arc<dyn Fn(&RequestRecord) -> bool + Send + Sync>,
    /// Requests that are known already, in the order in which they ended. Not all of them need be stored: only what is stored
    /// before the first of them that is counts as not known. Empty: everything is looked through.
    pub known: Vec<RequestId>,
    /// Rows to hand out at most; all that pass are counted.
    pub most: usize,
}
