//! Lets whole events of a stream through, and takes out what we alone asked for.
//!
//! Invariant: without a wish of ours every byte goes through as it came, in its order; a part of an event is kept back until the
//! rest has come, so that a stream that breaks leaves no fragment before its end. Memory stays below `LONGEST`.
//! Absent on purpose: the meaning of events (`stream`).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::sse::Splitter;
use super::stream::is_usage_alone;

/// A longer part of an event is let through as it comes: a picture, say.
const LONGEST: usize = 64 * 1024;
/// What services add to every other chunk when usage is asked for. Generated text cannot look like it: its quotes are
/// escaped.
const NOTHING_YET: [&[u8]; 2] = [b",\"usage\":null", b", \"usage\": null"];

/// Stands between a service's stream and the client.
#[derive(Debug, Default)]
pub struct Gate {
    held: BytesMut,
    /// The usage at the end is our wish, not the client's.
    hides_usage: bool,
    /// Within an event of which a part is out already.
    is_open: bool,
}

impl Gate {
    /// A gate; `hides_usage` if usage was asked for on our own account.
    #[must_use]
    pub fn new(hides_usage: bool) -> Self {
        Self { hides_usage, ..Self::default() }
    }

    /// Takes the next bytes; what may go on is put at the end of `out`.
    pub fn feed(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        if self.held.is_empty() && ends_event(&chunk) {
            return self.pass(chunk, out);
        }
        let all = if self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            self.held.split().freeze()
        };
        let end = last_end(&all);
        let (whole, part) = (all.slice(..end), all.slice(end..));
        self.pass(whole, out);
        if self.is_open || part.len() > LONGEST {
            self.is_open |= !part.is_empty();
            push(part, out);
        } else {
            self.held.extend_from_slice(&part);
        }
    }

    /// What is kept back: the end of a stream whose last event has no blank line behind it.
    #[must_use]
    pub fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }

    /// Whole events.
    fn pass(&mut self, events: Bytes, out: &mut VecDeque<Bytes>) {
        if events.is_empty() {
            return;
        }
        let from_within = std::mem::take(&mut self.is_open);
        if !self.hides_usage || from_within || memmem::find(&events, b"\"usage\"").is_none() {
            return push(events, out);
        }
        let mut kept = BytesMut::with_capacity(events.len());
        let mut rest: &[u8] = &events;
        while !rest.is_empty() {
            let (event, after) = rest.split_at(first_end(rest));
            rest = after;
            if !is_wish_of_ours(event) {
                keep(event, &mut kept);
            }
        }
        push(kept.freeze(), out);
    }
}

fn push(bytes: Bytes, out: &mut VecDeque<Bytes>) {
    if !bytes.is_empty() {
        out.push_back(bytes);
    }
}

/// An event as the client would have got it without our wish.
fn keep(event: &[u8], kept: &mut BytesMut) {
    let found = NOTHING_YET.into_iter().find_map(|word| Some((memmem::find(event, word)?, word.len())));
    let (at, length) = found.unwrap_or((event.len(), 0));
    kept.extend_from_slice(event.get(..at).unwrap_or_default());
    kept.extend_from_slice(event.get(at.saturating_add(length)..).unwrap_or_default());
}

fn is_wish_of_ours(event: &[u8]) -> bool {
    let mut is_wish = false;
    Splitter::new().feed(event, |event| is_wish = is_usage_alone(event.data));
    is_wish
}

fn ends_event(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n\n") || bytes.ends_with(b"\n\r\n") || bytes.ends_with(b"\r\r")
}

/// Behind the last event that is whole; 0 if there is none.
fn last_end(bytes: &[u8]) -> usize {
    let after = |blank: &[u8]| memmem::rfind(bytes, blank).map(|at| at.saturating_add(blank.len()));
    [after(b"\n\n"), after(b"\n\r\n"), after(b"\r\r")].into_iter().flatten().max().unwrap_or(0)
}

/// Whether these bytes are a whole event, not the beginning or the end of one that came in parts.
#[must_use]
pub fn is_whole(event: &[u8]) -> bool {
    let fields: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b":"];
    ends_event(event) && fields.iter().any(|field| event.starts_with(field))
}

/// Behind the first event that is whole; the length if there is none.
#[must_use]
pub fn first_end(bytes: &[u8]) -> usize {
    let after = |blank: &[u8]| memmem::find(bytes, blank).map(|at| at.saturating_add(blank.len()));
    [after(b"\n\n"), after(b"\n\r\n"), after(b"\r\r")].into_iter().flatten().min().unwrap_or(bytes.len())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
