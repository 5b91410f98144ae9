//! Streams under way: how much each has brought, and a way to end one by hand.
//!
//! Invariant: a stream is listed from its commit point to its end; what it costs its request is one counter a chunk.
//! Absent on purpose: figures of requests whose answer has not begun; the brain has those.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use crate::contract::snapshot::StreamView;
use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// All streams under way. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<BTreeMap<RequestId, Arc<Pulse>>>>, Arc<Mutex<BTreeMap<RequestId, Arc<Notify>>>>);

/// A request that was sent and whose answer has not begun, listed as long as this lives.
#[derive(Debug)]
pub struct Awaited {
    all: Streams,
    request: RequestId,
    stopped: Arc<Notify>,
}

impl Awaited {
    /// Resolves when the person ended the request.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.all.awaited().remove(&self.request);
    }
}

#[derive(Debug, Default)]
struct Pulse {
    since: Timestamp,
    tokens: AtomicU64,
    stopped: AtomicBool,
    waker: Mutex<Option<Waker>>,
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

    /// Lists a request whose answer is waited for.
    #[must_use]
    pub fn expect(&self, request: RequestId) -> Awaited {
        let stopped = Arc::new(Notify::new());
        self.awaited().insert(request, Arc::clone(&stopped));
        Awaited { all: self.clone(), request, stopped }
    }

    /// Ends a request, if it is still under way: the client of a stream gets a last event that says so, that of an answer that
    /// has not begun an error.
    pub fn stop(&self, request: RequestId) {
        if let Some(awaited) = self.awaited().get(&request) {
            awaited.notify_one();
        }
        let Some(pulse) = self.all().get(&request).cloned() else { return };
        pulse.stopped.store(true, Ordering::Release);
        let waker = pulse.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
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

    fn awaited(&self) -> MutexGuard<'_, BTreeMap<RequestId, Arc<Notify>>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Whether the person ended it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.pulse.stopped.load(Ordering::Acquire)
    }

    /// Whom to wake when it is ended, while nothing comes.
    pub fn wake_with(&self, waker: &Waker) {
        let mut kept = self.pulse.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
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
    use std::sync::atomic::AtomicU32;
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicU32);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_request_that_is_waited_for_hears_that_it_is_ended_and_no_other_does() {
        let streams = Streams::default();
        let (one, other) = (streams.expect(RequestId(1)), streams.expect(RequestId(2)));
        streams.stop(RequestId(1));
        one.stopped().await;
        let mut waits = Box::pin(other.stopped());
        let waker = Waker::noop();
        assert!(waits.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }

    #[test]
    fn a_stream_is_listed_with_its_tokens_until_it_ends() {
        let streams = Streams::default();
        let stream = streams.open(RequestId(7), Timestamp::from_secs(3));
        stream.note(42);
        let listed = [StreamView { request: RequestId(7), since: Timestamp::from_secs(3), tokens: 42 }];
        assert_eq!(streams.view(), listed);
        drop(stream);
        assert!(streams.view().is_empty());
        streams.stop(RequestId(7));
    }

    #[test]
    fn ending_one_wakes_who_waits_for_it_and_no_other() {
        let streams = Streams::default();
        let (one, other) = (streams.open(RequestId(1), Timestamp::ZERO), streams.open(RequestId(2), Timestamp::ZERO));
        let bell = Arc::new(Bell::default());
        one.wake_with(&Waker::from(Arc::clone(&bell)));
        streams.stop(RequestId(1));
        assert!(one.is_stopped() && !other.is_stopped());
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    }
}
