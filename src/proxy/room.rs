//! How many files clients and services may have open between them.
//!
//! Invariant: a client's connection counts as long as it is open, whatever is spoken on it and whichever listener took it, and so
//! does one to a service for each request under way. Clients never take the last files: some are left for services and for us.
//! Whoever waits for a place is counted, and a request waits no longer than it may.
//! Absent on purpose: a limit per client. On this computer all of them have one address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::deadlines::{Deadlines, Over};

/// At least so many files are ours: the history, locks, the runtimes, and connections to services that wait for a request.
const OURS: usize = 64;

/// The places of a process.
pub(super) struct Room {
    /// As many clients may be connected.
    seats: usize,
    clients: Arc<Semaphore>,
    files: Arc<Semaphore>,
    told: AtomicBool,
    /// Requests that wait for a file.
    waiting: Arc<AtomicU32>,
}

/// One of those that wait, for as long as it lives.
struct Waiting(Arc<AtomicU32>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Given back when dropped.
pub(super) type Place = Option<OwnedSemaphorePermit>;

/// The connection that a request came by.
pub struct Arrival {
    /// The address by which the client reached us.
    pub(super) local: Option<IpAddr>,
    stuck: AtomicBool,
    _place: ClientPlace,
}

/// A client's place: one of the clients', and a file.
pub(super) struct ClientPlace {
    _client: Place,
    _file: Place,
}

impl Arrival {
    /// By this address of ours, with this place.
    pub(super) const fn new(local: Option<IpAddr>, place: ClientPlace) -> Self {
        Self { local, stuck: AtomicBool::new(false), _place: place }
    }
}

impl Arrival {
    /// Its client took nothing in for so long that it is let go.
    pub(super) fn note_stuck(&self) {
        self.stuck.store(true, Ordering::Relaxed);
    }

    /// Whether that is so.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }
}

impl Room {
    /// As much as the system allows this process.
    pub(super) fn new() -> Self {
        Self::of(open_files())
    }

    /// Of so many files an eighth is ours, and of the others an eighth is never a client's.
    pub(super) fn of(files: usize) -> Self {
        let shared = files.saturating_sub(ours(files)).clamp(2, Semaphore::MAX_PERMITS);
        let seats = shared - (shared / 8).max(1);
        Self {
            seats,
            clients: Arc::new(Semaphore::new(seats)),
            files: Arc::new(Semaphore::new(shared)),
            told: AtomicBool::new(false),
            waiting: Arc::default(),
        }
    }

    /// A place for a client's connection. Waits for one if all are taken, and says so the first time.
    pub(super) async fn client(&self) -> ClientPlace {
        let client = self.one_of(&self.clients).await;
        ClientPlace { _client: client, _file: self.one_of(&self.files).await }
    }

    /// A place for a request's connection to a service. Waits until `deadline`: an endpoint is not to be blamed for our want of
    /// files.
    ///
    /// # Errors
    /// None became free by then, or we were stopped.
    pub(super) async fn service(
        &self,
        deadlines: &Deadlines,
        deadline: impl FnOnce() -> Instant,
    ) -> Result<Place, Over> {
        if let Ok(place) = Arc::clone(&self.files).try_acquire_owned() {
            return Ok(Some(place));
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(Arc::clone(&self.waiting));
        deadlines.watch().within(deadline(), self.one_of(&self.files)).await
    }

    /// Waits until no client's connection is open.
    pub(super) async fn emptied(&self) {
        let all = u32::try_from(self.seats).unwrap_or(u32::MAX);
        let _ = self.clients.acquire_many(all).await;
    }

    /// How many requests wait for a place now.
    pub(super) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn one_of(&self, places: &Arc<Semaphore>) -> Place {
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Some(place);
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "as many connections are open as there are files for. What is open goes on; new ones wait for one to end. \
                 A higher limit of open files (ulimit -n) makes more room."
            );
        }
        Arc::clone(places).acquire_owned().await.ok()
    }

    /// Whether somebody had to wait so far.
    #[cfg(test)]
    pub(super) fn was_full(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

/// As many connections to services may wait for a request, all hosts together: half of our own files.
pub(super) fn idle_at_once() -> usize {
    ours(open_files()) / 2
}

/// How many of so many files are ours.
fn ours(files: usize) -> usize {
    OURS.max(files / 8)
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
    use crate::engine::clock::Clock;
    use crate::model::outcome::EndedFor;
    use futures_util::poll;
    use std::time::Duration;
    use tokio::pin;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Asks for a service's place and waits a minute at most.
    async fn service(room: &Room) -> Result<Place, Over> {
        let clock = Clock::start();
        room.service(&Deadlines::new(clock), || clock.deadline(MINUTE)).await
    }

    #[tokio::test]
    async fn whoever_finds_no_place_gets_the_next_that_is_free() {
        // Two files to share, one of them a client's.
        let room = Room::of(OURS + 2);
        let first = room.client().await;
        let waiting = room.client();
        pin!(waiting);
        assert!(poll!(&mut waiting).is_pending());
        drop(first);
        assert!(poll!(&mut waiting).is_ready());
    }

    #[tokio::test]
    async fn clients_that_say_nothing_leave_room_for_services() {
        let room = Room::of(OURS + 16);
        let mut clients = Vec::new();
        for _ in 0..14 {
            clients.push(room.client().await);
        }
        let one_more = room.client();
        pin!(one_more);
        assert!(poll!(&mut one_more).is_pending());
        assert!(service(&room).await.is_ok() && service(&room).await.is_ok());
    }

    #[tokio::test]
    async fn a_request_under_way_costs_two_files_and_a_full_room_lets_it_wait() {
        let room = Room::of(OURS + 4);
        let (first, _second) = (room.client().await, room.client().await);
        let under_way = (service(&room).await, service(&room).await);
        let (client, service) = (room.client(), service(&room));
        pin!(client, service);
        assert!(poll!(&mut client).is_pending() && poll!(&mut service).is_pending());
        assert!(room.was_full());
        drop(under_way);
        assert!(poll!(&mut service).is_ready());
        drop(first);
        assert!(poll!(&mut client).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_a_file_as_long_as_it_may_and_is_counted_meanwhile() {
        let room = Room::of(OURS + 2);
        let clock = Clock::start();
        let _taken = (service(&room).await, service(&room).await);
        {
            let late = service(&room);
            pin!(late);
            assert!(poll!(&mut late).is_pending());
            assert_eq!(room.waiting(), 1);
            let before = clock.now();
            assert_eq!(late.await.err(), Some(Over::Late));
            assert!(clock.now().since(before) >= MINUTE, "not before its time");
        }
        assert_eq!(room.waiting(), 0, "and is counted no longer");
        {
            let leaves = service(&room);
            pin!(leaves);
            assert!(poll!(&mut leaves).is_pending());
        }
        assert_eq!(room.waiting(), 0, "nor is one that left");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_file_when_all_ends_hears_that_and_not_that_all_are_taken() {
        let room = Room::of(OURS + 2);
        let (clock, _taken) = (Clock::start(), (service(&room).await, service(&room).await));
        let deadlines = Deadlines::new(clock);
        deadlines.stop();
        let ended = room.service(&deadlines, || clock.deadline(MINUTE)).await;
        assert_eq!(ended.err(), Some(Over::Ended(EndedFor::Stop)));
    }

    #[test]
    fn a_process_with_hardly_any_files_still_has_a_place_for_one() {
        let room = Room::of(3);
        assert_eq!((room.clients.available_permits(), room.files.available_permits()), (1, 2));
    }
}
