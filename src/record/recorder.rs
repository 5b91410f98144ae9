//! The way from a finished request to the ring: a bounded queue whose near end never waits.
//!
//! Invariant: `record` returns at once whatever the other side does; a record that did not fit is counted, never silent.
//! Absent on purpose: the ring itself; whoever owns the [`Drain`] owns it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::model::record::RequestRecord;

use super::ring::Ring;

/// Records that may wait for the drain: some seconds of a busy day.
pub const QUEUE: usize = 8_192;

/// What the proxy holds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Arc<RequestRecord>>,
    dropped: Arc<AtomicU64>,
}

/// The far end: hands records to the ring.
#[derive(Debug)]
pub struct Drain {
    queue: mpsc::Receiver<Arc<RequestRecord>>,
    dropped: Arc<AtomicU64>,
}

/// Both ends of a queue of at most `capacity` records (at least 1; [`QUEUE`] is meant).
#[must_use]
pub fn recorder(capacity: usize) -> (Recorder, Drain) {
    let (near, far) = mpsc::channel(capacity.max(1));
    let dropped = Arc::new(AtomicU64::new(0));
    (Recorder { queue: near, dropped: Arc::clone(&dropped) }, Drain { queue: far, dropped })
}

impl Recorder {
    /// Hands over one finished request. Never waits; a record that does not fit is counted as dropped.
    pub fn record(&self, record: RequestRecord) {
        if self.queue.try_send(Arc::new(record)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Recorder {
    /// Records that could not be kept so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drain {
    /// The next record; `None` once every [`Recorder`] is gone and the queue is empty. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<RequestRecord>> {
        self.queue.recv().await
    }

    /// Moves everything that waits into the ring, without waiting, and shows each record to `seen`. Returns how many that were.
    pub fn drain_into(&mut self, ring: &mut Ring, mut seen: impl FnMut(&Arc<RequestRecord>)) -> u64 {
        let before = ring.total();
        while let Ok(record) = self.queue.try_recv() {
            seen(&record);
            ring.push(record);
        }
        ring.total().saturating_sub(before)
    }

    /// Records that could not be kept so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::record;

    #[test]
    fn what_fits_is_kept_and_what_does_not_is_counted() {
        let (recorder, mut drain) = recorder(2);
        (0..5).for_each(|number| recorder.record(record(number)));
        let mut ring = Ring::new();
        let mut seen = 0;
        assert_eq!(drain.drain_into(&mut ring, |_| seen += 1), 2);
        assert_eq!(seen, 2);
        assert_eq!(drain.dropped(), 3);
        assert!(ring.view(drain.dropped()).iter().map(|record| record.id.0).eq(0..2));
    }

    #[test]
    fn records_to_nobody_are_counted_and_harm_nobody() {
        let (recorder, drain) = recorder(4);
        drop(drain);
        recorder.record(record(1));
        assert_eq!(recorder.dropped.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_drain_ends_after_the_last_recorder() {
        let (recorder, mut drain) = recorder(4);
        recorder.clone().record(record(7));
        drop(recorder);
        assert_eq!(drain.next().await.map(|record| record.id.0), Some(7));
        assert!(drain.next().await.is_none());
    }
}
