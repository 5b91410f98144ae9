//! Streams under way: how much each has brought.
//!
//! Invariant: a stream is listed from its commit point to its end; what it costs its request is one counter a chunk.
//! Absent on purpose: figures of requests whose answer has not begun; the brain has those. Ending one by hand (`deadlines`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::contract::snapshot::StreamView;
use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// All streams under way. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<BTreeMap<RequestId, Arc<Pulse>>>>);

#[derive(Debug, Default)]
struct Pulse {
    since: Timestamp,
    tokens: AtomicU64,
}

/// One stream, listed as long as this lives.
#[derive(Debug)]
pub struct Stream {
    all: Streams,
    request: RequestId,
    pulse: Arc<Pulse>,
}

impl Streams {
    /// Lists a stream that has just begun.
    #[must_use]
    pub fn open(&self, request: RequestId, since: Timestamp) -> Stream {
        let pulse = Arc::new(Pulse { since, ..Pulse::default() });
        self.all().insert(request, Arc::clone(&pulse));
        Stream { all: self.clone(), request, pulse }
    }

    /// How they stand, in order of their names.
    #[must_use]
    pub fn view(&self) -> Vec<StreamView> {
        let view = |(request, pulse): (&RequestId, &Arc<Pulse>)| StreamView {
            request: *request,
            since: pulse.since,
            tokens: pulse.tokens.load(Ordering::Relaxed),
        };
        self.all().iter().map(view).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<RequestId, Arc<Pulse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Notes how many tokens came so far, at least.
    pub fn note(&self, tokens: u64) {
        self.pulse.tokens.store(tokens, Ordering::Relaxed);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.all.all().remove(&self.request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_listed_with_its_tokens_until_it_ends() {
        let streams = Streams::default();
        let stream = streams.open(RequestId(7), Timestamp::from_secs(3));
        stream.note(42);
        let listed = [StreamView { request: RequestId(7), since: Timestamp::from_secs(3), tokens: 42 }];
        assert_eq!(streams.view(), listed);
        drop(stream);
        assert!(streams.view().is_empty());
    }
}
