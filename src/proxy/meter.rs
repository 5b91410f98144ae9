//! Relays an answer untouched and reads on the way what it cost.
//!
//! Invariant: bytes go out as they came in, events whole; the exchange is finished exactly once, at the last byte, at the break, or
//! when the client leaves.
//! Absent on purpose: retries. After the commit point there are none.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::commit::Committed;
use super::deadlines::Over;
use super::echo::{hide, veiled};
use super::journal::Journal;
use super::room::Arrival;
use super::slots::Slots;
use super::streams::Stream;
use crate::engine::clock::Clock;
use crate::model::outcome::{EndedFor, Ending};
use crate::model::profile::Operation;
use crate::model::usage::Usage;
use crate::wire::error::stream_error;
use crate::wire::failure::in_document;
use crate::wire::gate::Gate;
use crate::wire::gist::Gist;
use crate::wire::headers::strip_response;
use crate::wire::stream::StreamReader;
use crate::wire::usage::of_body;
use crate::wire::{mentions, stored};

/// The largest plain answer that is held to be read; of a larger one the gist is read as it passes.
const HELD_AT_MOST: usize = 1024 * 1024;

/// An answer broke, or was ended, after the commit point and its shape allows no word about it.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokeOff;

/// An endpoint's answer on its way to the client.
pub struct Relay {
    /// What may go out.
    ready: VecDeque<Bytes>,
    /// Events go out whole; a document has no gate.
    gate: Option<Gate>,
    body: Incoming,
    trailers: Option<HeaderMap>,
    /// The endpoint announced how long it is.
    has_length: bool,
    tap: Option<Tap>,
    is_stream: bool,
    /// Since the endpoint keeps us waiting: until when it may. Not while nobody asks: a slow client is no silent endpoint.
    patient_until: Option<Instant>,
    idle_limit: Duration,
    clock: Clock,
    journal: Option<Journal>,
    /// How it goes, for the screen; streams alone.
    stream: Option<Stream>,
    /// What neither trailers nor an error in a stream may repeat.
    keys: Option<Arc<Slots>>,
    operation: Operation,
    /// The connection that the client has it by.
    arrival: Option<Arc<Arrival>>,
    /// The place of a last event of ours, once what came was heard to its end.
    number: Option<u64>,
}

/// What listens in.
#[expect(clippy::large_enum_variant, reason = "there is one to a relay, and every relay is boxed")]
enum Tap {
    /// An event stream.
    Events(StreamReader),
    /// One document, whose parts are shared, not copied, until its end.
    Document { parts: Vec<Bytes>, length: usize },
    /// A long one.
    Long(Gist),
    /// What is not for reading.
    Other,
}

impl Tap {
    /// A part of a document.
    fn hear(&mut self, data: &Bytes) {
        match self {
            Self::Document { parts, length } => {
                *length = length.saturating_add(data.len());
                parts.push(data.clone());
                if *length > HELD_AT_MOST {
                    *self = Self::long(parts);
                }
            }
            Self::Long(gist) => gist.read(data),
            Self::Events(_) | Self::Other => {}
        }
    }

    /// The gist of what came of a long document, if it is JSON. Sound and files are not.
    fn long(parts: &[Bytes]) -> Self {
        let first = parts.iter().flat_map(|part| part.iter()).find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'{') {
            return Self::Other;
        }
        let mut gist = Gist::default();
        for part in parts {
            gist.read(part);
        }
        Self::Long(gist)
    }
}

impl Relay {
    /// Takes over a committed answer and its journal.
    #[must_use]
    pub fn new(committed: Committed, journal: Journal, clock: Clock, idle_limit: Duration) -> Self {
        let is_stream = committed.reader.is_some();
        let tap = committed.reader.map_or_else(|| Tap::Document { parts: Vec::new(), length: 0 }, Tap::Events);
        let mut gate = is_stream.then(|| Gate::new(committed.hides_usage));
        let (mut ready, mut tap) = (VecDeque::new(), tap);
        for held in committed.prefix {
            // The reader of a stream has seen it already.
            if let Some(gate) = &mut gate {
                gate.feed(held, &mut ready);
            } else {
                tap.hear(&held);
                ready.push_back(held);
            }
        }
        let mut relay = Self {
            ready,
            gate,
            has_length: committed.has_length,
            body: committed.body,
            trailers: committed.trailers,
            tap: Some(tap),
            is_stream,
            patient_until: None,
            idle_limit,
            clock,
            operation: journal.operation(),
            journal: Some(journal),
            stream: None,
            keys: committed.keys,
            arrival: None,
            number: None,
        };
        relay.trailers = relay.trailers.take().map(|trailers| relay.cleaned(trailers));
        relay.note_stored();
        // An answer without a body is over before anyone asks for a frame.
        if !is_stream && relay.body.is_end_stream() {
            relay.finish(Ending::Completed);
        }
        relay
    }

    /// Shows how it goes as this stream, which can be ended by hand.
    #[must_use]
    pub fn listed_as(mut self, stream: Option<Stream>) -> Self {
        self.stream = stream;
        self
    }

    /// It leaves by this connection.
    pub fn leaves_by(&mut self, arrival: &Arc<Arrival>) {
        self.arrival = Some(Arc::clone(arrival));
    }

    /// Whether the last byte has gone out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.journal.is_none() && self.ready.is_empty() && self.trailers.is_none()
    }

    /// What is left, as far as the endpoint said.
    #[must_use]
    pub fn size_hint(&self) -> SizeHint {
        let ready = self.ready.iter().fold(0_u64, |sum, part| sum.saturating_add(part.len() as u64));
        match self.body.size_hint().exact().filter(|_| self.has_length && !self.is_stream) {
            Some(rest) => SizeHint::with_exact(ready.saturating_add(rest)),
            None => SizeHint::default(),
        }
    }

    /// The next frame.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                let ready = match self.keys.as_ref().filter(|_| self.is_stream) {
                    Some(keys) => veiled(ready, keys, self.operation),
                    None => ready,
                };
                return Poll::Ready(Some(Ok(Frame::data(ready))));
            }
            if self.journal.is_none()
                && let Some(trailers) = self.trailers.take()
            {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            if self.is_over() {
                return Poll::Ready(None);
            }
            if let Some(why) = self.ended_for() {
                // The endpoint is not at fault, so it is not held against it.
                self.finish(Ending::Ended(why));
                let what = match why {
                    EndedFor::Stop => "Tidegate was stopped in the middle of this answer.",
                    _ => "This answer was ended in Tidegate's window.",
                };
                return Poll::Ready(Some(self.last_word(what)));
            }
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(_))) => {
                    return Poll::Ready(self.broke("The endpoint's connection broke in the middle of its answer."));
                }
                Poll::Ready(None) => {
                    if let Some(last) = self.ended() {
                        return Poll::Ready(Some(last));
                    }
                    continue;
                }
                Poll::Pending => return self.wait(cx),
            };
            self.patient_until = None;
            self.listen(&frame);
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    // They go out behind whatever the end still brings.
                    self.trailers = frame.into_trailers().ok().map(|trailers| self.cleaned(trailers));
                    continue;
                }
            };
            let Some(gate) = &mut self.gate else {
                if self.body.is_end_stream() {
                    self.finish(Ending::Completed);
                }
                return Poll::Ready(Some(Ok(Frame::data(data))));
            };
            gate.feed(data, &mut self.ready);
        }
    }

    /// Trailers as a head is: without what concerns a connection, and without our keys.
    fn cleaned(&self, mut trailers: HeaderMap) -> HeaderMap {
        strip_response(&mut trailers);
        for key in self.keys.iter().flat_map(|keys| keys.all()) {
            hide(&mut trailers, Some(key));
        }
        trailers
    }

    /// Why it is ended, if it is. By hand streams alone are; a document is as good as there.
    fn ended_for(&self) -> Option<EndedFor> {
        let why = self.journal.as_ref()?.watch.ended()?;
        (self.stream.is_some() || why == EndedFor::Stop).then_some(why)
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let Self { journal: Some(journal), patient_until, clock, idle_limit, .. } = self else { return Poll::Pending };
        let until = *patient_until.get_or_insert_with(|| clock.deadline(*idle_limit));
        match journal.watch.poll(cx, until) {
            Poll::Ready(Over::Late) => Poll::Ready(self.broke("The endpoint fell silent in the middle of its answer.")),
            // Heard at the next poll.
            Poll::Ready(Over::Ended(_)) if self.ended_for().is_some() => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Over::Ended(_)) | Poll::Pending => Poll::Pending,
        }
    }

    fn listen(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref() else { return };
        match &mut self.tap {
            Some(Tap::Events(reader)) => {
                let _ = reader.read(data);
                if let Some(stream) = &self.stream {
                    stream.note(reader.deltas());
                }
                if let Some(journal) = self.journal.as_mut().filter(|_| reader.has_output()) {
                    journal.met_output();
                }
                self.note_stored();
            }
            Some(tap) => tap.hear(data),
            None => {}
        }
    }

    /// What the endpoint's account stored is known before the client can name it.
    fn note_stored(&mut self) {
        if let (Some(Tap::Events(reader)), Some(journal)) = (&mut self.tap, &self.journal) {
            journal.note_left(reader.take_stored());
        }
    }

    fn ended(&mut self) -> Option<Result<Frame<Bytes>, BrokeOff>> {
        let heard = self.heard();
        let rest = self.gate.as_mut().map(Gate::rest).filter(|rest| !rest.is_empty());
        if heard.complete {
            self.ready.extend(rest);
            self.close(Ending::Completed, heard.usage);
            return None;
        }
        // What is left of an event would break a client's parser before it comes to the reason.
        self.close(Ending::CutOff, heard.usage);
        // Where the service has said itself what went wrong, there is nothing to add.
        let what = "The endpoint's stream ended without its final event.";
        (!heard.said_why).then(|| Ok(Frame::data(stream_error(self.operation, what, self.number))))
    }

    fn broke(&mut self, what: &str) -> Option<Result<Frame<Bytes>, BrokeOff>> {
        let heard = self.heard();
        if heard.is_last {
            // Only the end of the transfer is missing. An error behind a whole answer would make a client give that up.
            self.close(Ending::Completed, heard.usage);
            return None;
        }
        self.close(Ending::CutOff, heard.usage);
        Some(self.last_word(what))
    }

    /// A stream gets a last event that says what happened; a document can only be cut.
    fn last_word(&self, what: &str) -> Result<Frame<Bytes>, BrokeOff> {
        if self.is_stream { Ok(Frame::data(stream_error(self.operation, what, self.number))) } else { Err(BrokeOff) }
    }

    fn finish(&mut self, ending: Ending) {
        let heard = self.heard();
        // A document that is here as a whole may say that it failed.
        let has_failed = ending == Ending::Completed && !heard.complete;
        self.close(if has_failed { Ending::CutOff } else { ending }, heard.usage);
    }

    fn close(&mut self, ending: Ending, usage: Option<Usage>) {
        if let Some(journal) = self.journal.take() {
            journal.close(ending, usage);
        }
    }

    /// What the tap has to say. It can be asked once.
    fn heard(&mut self) -> Heard {
        match self.tap.take() {
            Some(Tap::Events(reader)) => {
                // What is left of an event is not passed on, so its number is free.
                self.number = reader.next_number();
                let end = reader.finish();
                let usage = self.journal.as_ref().map_or(end.usage, |journal| journal.note_streamed(&end));
                let (complete, said_why) = (end.complete && end.failure.is_none(), end.failure.is_some());
                Heard { complete, is_last: complete && end.is_last, said_why, usage }
            }
            Some(Tap::Document { parts, .. }) => match parts.as_slice() {
                [] => Heard::NOTHING,
                [whole] => self.read_document(whole),
                parts => self.read_document(&parts.concat()),
            },
            Some(Tap::Long(gist)) => self.read_document(gist.end()),
            Some(Tap::Other) | None => Heard::NOTHING,
        }
    }
}

impl Relay {
    /// A whole document: what it cost, and what it left behind.
    fn read_document(&self, document: &[u8]) -> Heard {
        match self.journal.as_ref() {
            Some(journal) if self.operation.stores() => journal.note_left(stored::of_body(document)),
            Some(journal) if self.operation == Operation::Chat => journal.note_left(stored::of_chat(document)),
            Some(journal) if matches!(self.operation, Operation::Stored | Operation::Run) => {
                journal.lease.owned(mentions::of_json(document));
                journal.note_worker(document);
            }
            _ => {}
        }
        let tells_work = self.operation.stores() || matches!(self.operation, Operation::Stored | Operation::Run);
        let of_work = self.journal.as_ref().filter(|_| tells_work).and_then(|journal| journal.note_work(document));
        // What a stored answer cost was counted when it was made.
        let usage = if self.operation == Operation::Stored { of_work } else { of_body(self.operation, document) };
        let has_failed = in_document(self.operation, document).is_some();
        Heard { complete: !has_failed, is_last: false, said_why: has_failed, usage }
    }
}

/// What was read on the way.
struct Heard {
    complete: bool,
    /// A stream of which nothing can be missing, however its transfer ended.
    is_last: bool,
    said_why: bool,
    usage: Option<Usage>,
}

impl Heard {
    /// Of what is not read.
    const NOTHING: Self = Self { complete: true, is_last: false, said_why: false, usage: None };
}

impl Drop for Relay {
    fn drop(&mut self) {
        // What panicked may be the reader: asked again, it would end the process. The journal says what happened.
        if self.is_over() || std::thread::panicking() {
            return;
        }
        let heard = self.heard();
        // Many clients hang up at `[DONE]`, before the connection says that this was all.
        let has_all = self.is_stream && heard.complete && self.ready.is_empty();
        // A client that takes nothing in does not keep us from ending it, nor is it said to have left then.
        let is_stuck = self.arrival.as_ref().is_some_and(|arrival| arrival.is_stuck());
        let why = self.ended_for().or(is_stuck.then_some(EndedFor::NotTaken));
        let ending = why.map_or(Ending::ClientLeft, Ending::Ended);
        self.close(if has_all { Ending::Completed } else { ending }, heard.usage);
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
