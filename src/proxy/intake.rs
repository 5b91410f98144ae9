//! Takes a request's body in: into memory up to a bound, into a temporary file beyond it.
//!
//! Invariant: memory stays within the bound whatever is announced or sent, and a client that sends next to nothing for a while is
//! let go; one that goes on sending may take as long as it needs.
//! Absent on purpose: understanding JSON. Forms are read on the way, since they may be too long for memory.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::deadlines::{Over, Watch};
use super::spool::{Kept, private_file};
use crate::engine::clock::Clock;
use crate::model::config::Bodies;
use crate::wire::multipart::{Form, FormReader};
use crate::wire::peek::BadBody;

/// The longest JSON body. It must be read as a whole; pictures and sound inside JSON stay well below.
pub const JSON_AT_MOST: u64 = 64 * MIB;
/// Room that is taken before a body's first byte has come, at most. What a client announces, it has not sent.
const ROOM_AT_ONCE: u64 = MIB;
/// What goes to the file at once.
const BATCH: usize = 256 * 1024;
/// As much must come in each span of patience.
const PROGRESS: u64 = 4 * 1024;
const MIB: u64 = 1024 * 1024;

/// Why a request cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Longer than is taken, in MiB.
    #[error("The request's body is larger than {0} MiB. Send less, or raise largest_mib under [bodies] for uploads.")]
    TooLarge(u64),
    /// JSON that is longer than is read, in MiB, whatever is configured.
    #[error(
        "The request's body is larger than {0} MiB, which is as much JSON as is read. Nothing was sent to a service; send less, or \
         put what is large into a file or a form."
    )]
    JsonTooLarge(u64),
    /// The client stopped sending.
    #[error("The request's body broke off.")]
    BrokeOff,
    /// The client sent next to nothing for a while, in seconds.
    #[error("Less than 4 KiB of the request's body came in {0} seconds. Nothing was sent to a service; send it again.")]
    Stalled(u64),
    /// The disk is full or cannot be written.
    #[error(
        "The request's body is too long for memory and could not be put into a temporary file: {0}. Make room there, or raise memory_mib under [bodies]."
    )]
    NoRoom(io::Error),
    /// The person paused serving before anything was sent.
    #[error("Serving is paused in Tidegate's window. Resume it there.")]
    Paused,
    /// We were stopped before anything was sent.
    #[error("Tidegate was stopped before the answer began. Send it again once it runs.")]
    Stopped,
    /// Compressed, and so not to be read.
    #[error(
        "The request's body is compressed (Content-Encoding), so nobody can tell which model it names. Nothing was sent to a service; send it uncompressed."
    )]
    Compressed,
    /// Not the JSON that this operation takes.
    #[error(transparent)]
    Body(#[from] BadBody),
    /// No model was named.
    #[error("The request names no model. Add \"model\" to its body.")]
    NoModel,
}

/// How a body is taken in.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that stay in memory.
    pub memory: u64,
    /// Bytes in all.
    pub largest: u64,
    /// That is JSON's own bound, so that no setting raises it.
    pub is_fixed: bool,
    /// How long `PROGRESS` may take.
    pub patience: Duration,
}

impl Bounds {
    /// As configured; JSON has a bound of its own.
    #[must_use]
    pub fn new(bodies: &Bodies, is_json: bool) -> Self {
        let largest = u64::from(bodies.largest_mib).saturating_mul(MIB);
        Self {
            memory: u64::from(bodies.memory_mib).saturating_mul(MIB),
            largest: if is_json { largest.min(JSON_AT_MOST) } else { largest },
            is_fixed: is_json && largest > JSON_AT_MOST,
            patience: Duration::from_secs(bodies.stall_seconds.into()),
        }
    }

    const fn too_large(&self) -> Unreadable {
        let mib = self.largest / MIB;
        if self.is_fixed { Unreadable::JsonTooLarge(mib) } else { Unreadable::TooLarge(mib) }
    }
}

/// A body that was taken in, and what its form says if it is one.
#[derive(Debug, Default)]
pub struct Taken {
    /// The body.
    pub body: Kept,
    /// Only if a reader was given.
    pub form: Option<Form>,
}

/// Takes a body in. What came in one piece is kept as it came; of anything else each piece is copied once and given back, so that
/// the connection reads on into the same memory.
///
/// # Errors
/// It is too large, breaks off, stalls, finds no room, or we are stopped meanwhile.
pub async fn take<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    bounds: Bounds,
    clock: &Clock,
    watch: &mut Watch,
    mut form: Option<FormReader>,
) -> Result<Taken, Unreadable> {
    let announced = body.size_hint().lower();
    if announced > bounds.largest {
        return Err(bounds.too_large());
    }
    let mut pace = Pace { until: None, came: 0 };
    let mut store = Store { memory: BytesMut::new(), file: None, written: 0 };
    while let Some(data) = pace.next(&mut body, &bounds, clock, watch).await? {
        if let Some(form) = &mut form {
            form.feed(&data);
        }
        let length = store.len().saturating_add(data.len() as u64);
        if length > bounds.largest {
            return Err(bounds.too_large());
        }
        if store.len() == 0 && body.is_end_stream() && length <= bounds.memory {
            return Ok(Taken { body: Kept::Memory(data), form: form.map(FormReader::finish) });
        }
        if store.len() == 0 {
            store.memory.reserve(usize::try_from(announced.min(ROOM_AT_ONCE)).unwrap_or(0));
        }
        store.memory.extend_from_slice(&data);
        drop(data);
        if length > bounds.memory && (store.file.is_none() || store.memory.len() >= BATCH) {
            store.spill().await.map_err(Unreadable::NoRoom)?;
        }
    }
    let body = store.finish().await.map_err(Unreadable::NoRoom)?;
    Ok(Taken { body, form: form.map(FormReader::finish) })
}

/// Whether a client goes on sending.
struct Pace {
    until: Option<Instant>,
    came: u64,
}

impl Pace {
    /// The next bytes; `None` at the end.
    async fn next(
        &mut self,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        bounds: &Bounds,
        clock: &Clock,
        watch: &mut Watch,
    ) -> Result<Option<Bytes>, Unreadable> {
        loop {
            let until = *self.until.get_or_insert_with(|| clock.deadline(bounds.patience));
            let frame = match watch.within(until, body.frame()).await {
                Ok(frame) => frame,
                Err(Over::Ended(_)) => return Err(Unreadable::Stopped),
                Err(Over::Late) if self.came < PROGRESS => {
                    return Err(Unreadable::Stalled(bounds.patience.as_secs()));
                }
                Err(Over::Late) => {
                    *self = Self { until: None, came: 0 };
                    continue;
                }
            };
            let Some(frame) = frame else { return Ok(None) };
            // Trailers carry nothing that is sent on.
            let Ok(data) = frame.map_err(|_| Unreadable::BrokeOff)?.into_data() else { continue };
            self.came = self.came.saturating_add(data.len() as u64);
            return Ok(Some(data));
        }
    }
}

/// What has come so far.
struct Store {
    memory: BytesMut,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
}

impl Store {
    fn len(&self) -> u64 {
        self.written.saturating_add(self.memory.len() as u64)
    }

    /// Puts what is in memory into the file.
    async fn spill(&mut self) -> io::Result<()> {
        let (file, bytes) = (self.file.take(), self.memory.split().freeze());
        let count = bytes.len() as u64;
        let written = spawn_blocking(move || {
            let mut file = file.map_or_else(private_file, Ok)?;
            file.write_all(&bytes)?;
            Ok(file)
        });
        self.file = Some(written.await.map_err(io::Error::other).flatten()?);
        self.written = self.written.saturating_add(count);
        Ok(())
    }

    async fn finish(mut self) -> io::Result<Kept> {
        if self.file.is_some() && !self.memory.is_empty() {
            self.spill().await?;
        }
        Ok(match self.file {
            Some(file) => Kept::File(Arc::new(file), self.written),
            None => Kept::Memory(self.memory.freeze()),
        })
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
