//! How many clients' connections there is room for.
//!
//! Invariant: clients never take the last open files: a fourth is left for services, bodies on disk and our own.
//! Absent on purpose: a limit per client. On this computer all of them have one address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for connections.
pub(super) struct Room {
    places: Arc<Semaphore>,
    told: AtomicBool,
}

impl Room {
    /// As much as the system allows this process.
    pub(super) fn new() -> Self {
        Self::of(open_files() / 4 * 3)
    }

    fn of(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))), told: AtomicBool::new(false) }
    }

    /// A place, given back when dropped. Waits for one if all are taken, and says so the first time.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "as many connections are open as there are files for. What is open goes on; new ones wait for one to end. \
                 A higher limit of open files (ulimit -n) makes more room."
            );
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

/// How many files this process may have open: as many as the system lets it ask for, since a shell starts with very few.
#[cfg(unix)]
fn open_files() -> usize {
    let asked = rlimit::increase_nofile_limit(u64::MAX);
    let most = asked.inspect_err(|error| tracing::debug!(%error, "the limit of open files stays as it is"));
    usize::try_from(most.unwrap_or(1_024)).unwrap_or(usize::MAX)
}

/// Sockets are no files here, and have no such limit.
#[cfg(not(unix))]
const fn open_files() -> usize {
    65_536
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_place_gets_the_next_that_is_free() {
        let room = Room::of(1);
        let first = room.place().await;
        let waiting = room.place();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        assert!(waiting.await.is_some());
    }
}
