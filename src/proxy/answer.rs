//! What goes back to a client: a whole body, or a relay of an endpoint's.
//!
//! Invariant: answers of our own are always whole and in OpenAI's shape.
//! Absent on purpose: the words; they are `wire::error`'s.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::meter::{BrokeOff, Relay};

/// The body of an answer.
pub enum Answer {
    /// Known whole; `None` once it was handed out.
    Whole(Option<Bytes>),
    /// The beginning of an error that broke off; the client's copy does, too.
    Cut(Cut),
    /// Comes from an endpoint, frame by frame.
    Relay(Box<Relay>),
}

/// How far a cut body has gone out.
pub enum Cut {
    /// Not at all.
    Held(Bytes),
    /// It was given, and leaves before the break.
    Leaving,
    /// All that there is.
    Gone,
}

impl Answer {
    /// A JSON answer of our own.
    #[must_use]
    pub fn json(status: StatusCode, body: Bytes) -> Response<Self> {
        Self::of(status, "application/json", body)
    }

    /// A whole body of some kind.
    #[must_use]
    pub fn of(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Self> {
        let mut response = Response::new(Self::Whole(Some(body)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                Poll::Ready(body.take().filter(|body| !body.is_empty()).map(|body| Ok(Frame::data(body))))
            }
            Self::Cut(cut) => match std::mem::replace(cut, Cut::Leaving) {
                Cut::Held(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Cut::Leaving => {
                    *cut = Cut::Gone;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Cut::Gone => Poll::Ready(Some(Err(BrokeOff))),
            },
            Self::Relay(relay) => relay.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Self::Cut(_) => false,
            Self::Relay(relay) => relay.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Cut(_) => SizeHint::default(),
            Self::Relay(relay) => relay.size_hint(),
        }
    }
}
