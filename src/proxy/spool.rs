//! A request's body as it can be sent any number of times: in memory, or what is longer in a temporary file.
//!
//! Invariant: the file has no name (or loses it with its last reader), is readable by this process alone, and is gone with the
//! request; every attempt reads at places of its own, so that one that was given up disturbs no other.
//! Absent on purpose: taking bodies in (`intake`), and what is changed in them (`wire::patch`).

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::wire::patch::{Patched, Piece};

/// As much is read from the file at once.
const CHUNK: u64 = 128 * 1024;

/// A body as received. Clones share it.
#[derive(Clone, Debug)]
pub enum Kept {
    /// In memory.
    Memory(Bytes),
    /// In a temporary file of this length.
    File(Arc<File>, u64),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl Kept {
    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is in memory; `None` if it lies in a file.
    #[must_use]
    pub const fn memory(&self) -> Option<&Bytes> {
        match self {
            Self::Memory(bytes) => Some(bytes),
            Self::File(..) => None,
        }
    }

    /// The whole body in memory, for as long as it is looked at.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn whole(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(file, length) => read(Arc::clone(file), 0..*length).await?,
        }
    }

    /// It with changes, to be sent.
    #[must_use]
    pub fn sent(&self, patched: Patched) -> PartsBody {
        let part = |piece| match (piece, self) {
            (Piece::New(text), _) => Part::Bytes(text),
            (Piece::Kept(span), Self::File(..)) => Part::Span(span),
            (Piece::Kept(span), Self::Memory(bytes)) => Part::Bytes(slice(bytes, &span)),
        };
        let file = match self {
            Self::File(file, _) => Some(Arc::clone(file)),
            Self::Memory(_) => None,
        };
        let parts = patched.pieces.into_iter().map(part).collect();
        PartsBody { parts, left: patched.length, file, reading: None }
    }
}

/// A file without a name, for this process alone.
///
/// # Errors
/// As the file system says.
pub fn private_file() -> io::Result<File> {
    let file = tempfile::tempfile()?;
    // Nobody can open what has no name, but for those who may look into `/proc`; they are told no as well.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn slice(bytes: &Bytes, span: &Range<u64>) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(place(span.start)..place(span.end).max(place(span.start)))
}

type Reading = JoinHandle<io::Result<Bytes>>;

/// Reads a span of the file on a thread that may block.
fn read(file: Arc<File>, span: Range<u64>) -> Joined {
    Joined(spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(0)];
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let count = read_at(&file, rest, span.start.saturating_add(done as u64))?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            done = done.saturating_add(count);
        }
        Ok(Bytes::from(bytes))
    }))
}

/// A reading on its way; a thread that was lost is an error like any other.
struct Joined(Reading);

impl Future for Joined {
    type Output = io::Result<io::Result<Bytes>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(io::Error::other)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

enum Part {
    Bytes(Bytes),
    /// Of the file.
    Span(Range<u64>),
}

/// A body of ready parts; what is in memory is shared, what is in a file is read as it is asked for.
pub struct PartsBody {
    parts: VecDeque<Part>,
    left: u64,
    file: Option<Arc<File>>,
    reading: Option<Joined>,
}

impl PartsBody {
    /// Bytes that are still to come.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// The next part; a span is begun to be read, and what is left of it stays.
    fn next(&mut self) -> Option<Bytes> {
        match self.parts.pop_front()? {
            Part::Bytes(bytes) => Some(bytes),
            Part::Span(span) => {
                let end = span.start.saturating_add(CHUNK).min(span.end);
                if end < span.end {
                    self.parts.push_front(Part::Span(end..span.end));
                }
                self.reading = self.file.clone().map(|file| read(file, span.start..end));
                None
            }
        }
    }
}

impl Body for PartsBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut next = None;
        if self.reading.is_none() {
            next = self.next();
        }
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(cx)).flatten();
            self.reading = None;
            next = Some(read?);
        }
        self.left = self.left.saturating_sub(next.as_ref().map_or(0, |part| part.len() as u64));
        Poll::Ready(next.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty() && self.reading.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http_body_util::BodyExt as _;

    use super::*;
    use crate::wire::patch::whole;

    fn spooled(bytes: &[u8]) -> Kept {
        let mut file = private_file().unwrap();
        file.write_all(bytes).unwrap();
        Kept::File(Arc::new(file), bytes.len() as u64)
    }

    #[tokio::test]
    async fn a_body_in_a_file_can_be_sent_again_while_an_earlier_sending_is_given_up() {
        let bytes: Vec<u8> = (0..400_000_u32).map(|place| place.to_le_bytes()[1]).collect();
        let kept = spooled(&bytes);
        let mut given_up = kept.sent(whole(kept.len()));
        let first = given_up.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.len() as u64, CHUNK);
        drop(given_up);
        let sent = kept.sent(whole(kept.len())).collect().await.unwrap().to_bytes();
        assert!(sent == bytes, "the same bytes");
        assert!(kept.whole().await.unwrap() == bytes, "the same bytes");
    }

    #[tokio::test]
    async fn new_pieces_stand_between_what_was_kept() {
        let pieces = vec![Piece::Kept(0..2), Piece::New(Bytes::from_static(b"--")), Piece::Kept(4..6)];
        let patched = Patched { pieces, length: 6 };
        for kept in [spooled(b"abcdef"), Kept::Memory(Bytes::from_static(b"abcdef"))] {
            let sent = kept.sent(patched.clone());
            assert_eq!(sent.left(), 6);
            assert_eq!(sent.collect().await.unwrap().to_bytes(), "ab--ef");
        }
    }

    #[tokio::test]
    async fn a_file_that_was_cut_is_an_error_and_no_short_body() {
        let Kept::File(file, _) = spooled(b"abc") else { panic!("a file") };
        let kept = Kept::File(file, 10);
        assert!(kept.sent(whole(10)).collect().await.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_open_the_file() {
        use std::os::unix::fs::MetadataExt as _;
        let Kept::File(file, _) = spooled(b"abc") else { panic!("a file") };
        let facts = file.metadata().unwrap();
        assert_eq!((facts.nlink(), facts.mode() & 0o077), (0, 0), "it has no name, and no one else may read it");
    }
}
