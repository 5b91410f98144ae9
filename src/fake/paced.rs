//! The body of a streamed answer: frames at the pace of their tokens.
//!
//! Invariant: an admitted request leaves its endpoint exactly once, also when the client goes away.
//! Absent on purpose: a clock; gaps are waited for one after the other.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame as BodyFrame};
use tokio::time::Sleep;

use crate::model::id::EndpointId;
use crate::sim::upstream::Ticket;

use super::reply::Frame;
use super::site::{Ending, Site};

/// The dial cut the stream.
#[derive(Debug, thiserror::Error)]
#[error("the simulated stream was cut")]
pub(super) struct Cut;

/// An admitted request's stay at its endpoint; ends when dropped.
pub(super) struct Stay {
    /// Where it is counted.
    pub site: Arc<Site>,
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// Its ticket there.
    pub ticket: Ticket,
    /// Tokens so far, prompt included.
    pub tokens: u64,
    /// What to call it if it ended now.
    pub ending: Ending,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.site.leave(&self.endpoint, self.ticket, self.tokens, self.ending);
    }
}

/// Frames, each sent when its tokens have passed.
pub(super) struct Paced {
    frames: VecDeque<Frame>,
    gap: Duration,
    cut_after: Option<u64>,
    passed: u64,
    waiting: Option<Pin<Box<Sleep>>>,
    stay: Stay,
}

impl Paced {
    pub(super) fn new(frames: Vec<Frame>, gap: Duration, cut_after: Option<u32>, stay: Stay) -> Self {
        Self { frames: frames.into(), gap, cut_after: cut_after.map(u64::from), passed: 0, waiting: None, stay }
    }

    /// Waits until this many tokens have passed.
    fn poll_tokens(&mut self, place: u64, cx: &mut Context<'_>) -> Poll<()> {
        if place > self.passed {
            let tokens = u32::try_from(place - self.passed).unwrap_or(u32::MAX);
            let span = self.gap.saturating_mul(tokens);
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(span)));
            ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
            self.stay.tokens = self.stay.tokens.saturating_add(place - self.passed);
            self.passed = place;
        }
        Poll::Ready(())
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<BodyFrame<Bytes>, Cut>>> {
        let paced = self.get_mut();
        let Some(place) = paced.frames.front().map(|frame| frame.after) else {
            paced.stay.ending = Ending::Whole;
            return Poll::Ready(None);
        };
        if let Some(cut) = paced.cut_after.filter(|cut| place >= *cut) {
            ready!(paced.poll_tokens(cut, cx));
            paced.stay.ending = Ending::Failed;
            return Poll::Ready(Some(Err(Cut)));
        }
        ready!(paced.poll_tokens(place, cx));
        Poll::Ready(paced.frames.pop_front().map(|frame| Ok(BodyFrame::data(frame.bytes))))
    }
}
