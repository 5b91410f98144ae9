//! What every exchange needs, in one place, made once.
//!
//! Invariant: shared parts only; nothing here belongs to one request.
//! Absent on purpose: anything that decides.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::auth::{Callers, Who};
use super::deadlines::{Deadlines, Over};
use super::pace::Paces;
use super::pool::Pool;
use super::room::{Place, Room};
use super::runs::Workers;
use super::streams::Streams;
use super::unfinished::Unfinished;
use super::upstreams::{self, Upstream, Upstreams};
use super::wishes::Wishes;
use crate::contract::door::Strangers;
use crate::contract::snapshot::Arrivals;
use crate::engine::Engine;
use crate::model::checked::CheckedConfig;
use crate::model::id::EndpointId;
use crate::model::units::Timestamp;
use crate::record::Recorder;

/// The proxy's shared parts.
pub struct Door {
    /// The brain.
    pub engine: Arc<Engine>,
    /// Addresses and keys.
    pub(super) upstreams: Upstreams,
    /// The connections toward all upstreams.
    pub(super) pool: Pool,
    /// Where finished requests go.
    pub recorder: Recorder,
    /// What runs: names of routes, timeouts.
    pub config: ArcSwap<CheckedConfig>,
    /// Local tokens.
    pub callers: ArcSwap<Callers>,
    /// The person paused serving.
    pub paused: AtomicBool,
    /// Exchanges under way.
    pub in_flight: AtomicU64,
    /// Those that a stop waits for: all but sessions of which nothing is asked now.
    busy: AtomicU64,
    /// One ended, or came to rest.
    calmer: Notify,
    /// What talks on sockets, which are no listener's any more.
    sockets: Mutex<JoinSet<()>>,
    /// Streams among them.
    pub streams: Streams,
    /// Places for connections, whichever listener takes them.
    pub(super) room: Room,
    /// What routes still take, for clients.
    pub paces: ArcSwap<Paces>,
    /// Which stored object works which model.
    pub(super) workers: Workers,
    /// What goes on at services.
    pub(super) unfinished: Unfinished,
    /// How long each of them waits.
    pub deadlines: Deadlines,
    /// Our pseudonym in `Via`, toward what may lead back to us only.
    pub marker: String,
    /// The whole value of that header.
    pub via: HeaderValue,
    arrivals: Mutex<Arrivals>,
    strangers: Mutex<Strangers>,
}

impl Door {
    /// A door in front of this brain. `instance` tells this process from others in `Via`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, pool: Pool, recorder: Recorder, config: Arc<CheckedConfig>, instance: u64) -> Self {
        let deadlines = Deadlines::new(*engine.clock());
        let marker = format!("tidegate-{instance:016x}");
        Self {
            engine,
            upstreams: Upstreams::default(),
            pool,
            recorder,
            config: ArcSwap::new(config),
            callers: ArcSwap::default(),
            paused: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            calmer: Notify::new(),
            sockets: Mutex::default(),
            room: Room::new(),
            paces: ArcSwap::default(),
            workers: Workers::default(),
            unfinished: Unfinished::default(),
            streams: Streams::default(),
            deadlines,
            via: HeaderValue::from_str(&format!("1.1 {marker}")).unwrap_or(HeaderValue::from_static("1.1 tidegate")),
            marker,
            arrivals: Mutex::default(),
            strangers: Mutex::default(),
        }
    }

    /// Addresses and keys are these from now on.
    pub fn reach(&self, table: BTreeMap<EndpointId, Arc<Upstream>>) {
        self.pool.share_among(upstreams::hosts(&table));
        self.upstreams.replace(table);
    }

    /// What arrived so far.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a client knocked.
    pub(super) fn note_arrival(&self, lacked_v1: bool, client: &str) {
        let wall = self.engine.clock().wall_ms();
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.requests += 1;
        arrivals.last_wall_ms = Some(wall);
        arrivals.last_lacked_v1 = lacked_v1;
        if arrivals.last_client != client {
            client.clone_into(&mut arrivals.last_client);
        }
    }

    /// Who sent these headers. Those without a token that they need are counted.
    pub(super) fn recognise(&self, headers: &HeaderMap) -> Who {
        let wall = self.engine.clock().wall_ms();
        let who = self.callers.load().recognise(headers, wall);
        if who == Who::Stranger {
            let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
            strangers.requests += 1;
            strangers.last_wall_ms = Some(wall);
        }
        who
    }

    /// Who was turned away for want of a token, so far.
    #[must_use]
    pub fn strangers(&self) -> Strangers {
        *self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what arrived, when the profile is swapped.
    pub fn forget_arrivals(&self) {
        *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner) = Arrivals::default();
        *self.strangers.lock().unwrap_or_else(PoisonError::into_inner) = Strangers::default();
    }

    /// Counts an exchange for as long as the guard lives. Waits until there is a file for its connection to a service: as long as
    /// the configuration and its own head let it wait anywhere.
    ///
    /// # Errors
    /// [`Shut`] if there is none by then.
    pub(super) async fn enter(self: &Arc<Self>, headers: &HeaderMap) -> Result<Inside, Shut> {
        let mut wait = None;
        let deadline = || {
            let longest = Duration::from_secs(self.config.load().config.queue.max_wait_seconds.into());
            let patience = Wishes::read(headers).patience.map_or(longest, |patience| patience.min(longest));
            wait = Some((self.engine.clock().now(), patience));
            self.engine.clock().deadline(patience)
        };
        let entered = self.room.service(&self.deadlines, deadline).await;
        let place = entered.map_err(|over| match over {
            Over::Late => Shut::Crowded(wait.map_or(Duration::ZERO, |(_, patience)| patience)),
            Over::Ended(_) => Shut::Stopped,
        })?;
        let waited = wait.map(|(since, _)| self.engine.clock().now().since(since));
        Ok(Inside::new(self, place, waited))
    }

    /// Waits until no exchange is under way, on sockets either, but for sessions at rest, which have no end of their own. One at a
    /// time may wait.
    pub async fn quiet(&self) {
        while self.busy.load(Ordering::Relaxed) > 0 {
            self.calmer.notified().await;
        }
    }

    /// Waits until no exchange is under way at all, so that each has its record. Nobody may wait for [`Self::quiet`] meanwhile.
    pub async fn over(&self) {
        while self.in_flight.load(Ordering::Acquire) > 0 {
            self.calmer.notified().await;
        }
    }

    /// Lets a socket live on by itself.
    pub(super) fn let_talk(&self, socket: impl Future<Output = ()> + Send + 'static) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        while sockets.try_join_next().is_some() {}
        sockets.spawn(socket);
    }

    /// Ends all sockets where they are. What is under way on them is written down as they go.
    pub fn hang_up(&self) {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Waits until no client is connected any more.
    pub async fn emptied(&self) {
        self.room.emptied().await;
    }

    /// How many requests wait for a file before they are looked at.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.room.waiting()
    }

    /// The same for one whose connection has a place already.
    pub(super) fn counted(self: &Arc<Self>) -> Inside {
        Inside::new(self, None, None)
    }
}

/// Why nobody is let in.
pub(super) enum Shut {
    /// As many connections are open as there are files for, and none ended in so long.
    Crowded(Duration),
    /// We were stopped meanwhile.
    Stopped,
}

/// One exchange under way.
pub(super) struct Inside {
    door: Arc<Door>,
    place: Place,
    /// How long it waited for that place, if it had to.
    waited: Option<Duration>,
    /// Nothing is asked of it now.
    rests: bool,
}

impl Inside {
    fn new(door: &Arc<Door>, place: Place, waited: Option<Duration>) -> Self {
        door.in_flight.fetch_add(1, Ordering::Relaxed);
        door.busy.fetch_add(1, Ordering::Relaxed);
        Self { door: Arc::clone(door), place, waited, rests: false }
    }

    /// Whether something is asked of this session now. A stop does not wait for one at rest.
    pub(super) fn rest(&mut self, rests: bool) {
        match (std::mem::replace(&mut self.rests, rests), rests) {
            (false, true) => self.calmed(),
            (true, false) => {
                self.door.busy.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn calmed(&self) {
        self.door.busy.fetch_sub(1, Ordering::Relaxed);
        self.door.calmer.notify_one();
    }

    /// What is left of a request's patience: it waits once, whether here or in line.
    pub(super) fn left_of(&self, patience: Option<Duration>) -> Option<Duration> {
        let longest = Duration::from_secs(self.door.config.load().config.queue.max_wait_seconds.into());
        left(patience, longest, self.waited)
    }

    /// How long it waited for its place.
    pub(super) fn waited(&self) -> Duration {
        self.waited.unwrap_or_default()
    }

    /// When it came, asked right after it was let in.
    pub(super) fn since(&self) -> Timestamp {
        self.door.engine.clock().now().before(self.waited())
    }

    /// The place alone: for a connection that stays open while nothing is under way on it.
    pub(super) fn place(mut self) -> Place {
        self.place.take()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // Whoever sees none left sees their records, too.
        self.door.in_flight.fetch_sub(1, Ordering::Release);
        if self.rests {
            self.door.calmer.notify_one();
        } else {
            self.calmed();
        }
    }
}

fn left(patience: Option<Duration>, longest: Duration, waited: Option<Duration>) -> Option<Duration> {
    let Some(waited) = waited else { return patience };
    Some(patience.map_or(longest, |patience| patience.min(longest)).saturating_sub(waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_waited_for_a_connection_is_not_waited_again_in_line() {
        let seconds = Duration::from_secs;
        let minute = seconds(60);
        assert_eq!(left(None, minute, Some(seconds(20))), Some(seconds(40)), "of ours");
        assert_eq!(left(Some(seconds(30)), minute, Some(seconds(20))), Some(seconds(10)), "of its own");
        assert_eq!(left(Some(seconds(90)), minute, Some(seconds(20))), Some(seconds(40)), "of ours, which is shorter");
        assert_eq!(left(Some(seconds(10)), minute, Some(seconds(20))), Some(Duration::ZERO));
        assert_eq!((left(None, minute, None), left(Some(minute), minute, None)), (None, Some(minute)), "at once");
    }
}
