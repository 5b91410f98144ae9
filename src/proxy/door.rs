//! What every exchange needs, in one place, made once.
//!
//! Invariant: shared parts only; nothing here belongs to one request.
//! Absent on purpose: anything that decides.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};

use super::attempt::Client;
use super::auth::{Callers, Who};
use super::deadlines::Deadlines;
use super::pace::Paces;
use super::room::{Place, Room};
use super::runs::Workers;
use super::streams::Streams;
use super::upstreams::Upstreams;
use crate::contract::door::Strangers;
use crate::contract::snapshot::Arrivals;
use crate::engine::Engine;
use crate::model::checked::CheckedConfig;
use crate::record::Recorder;

/// The proxy's shared parts.
pub struct Door {
    /// The brain.
    pub engine: Arc<Engine>,
    /// Addresses and keys.
    pub upstreams: Upstreams,
    /// The pooled client toward all upstreams.
    pub client: Client,
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
    /// Streams among them.
    pub streams: Streams,
    /// Places for connections, whichever listener takes them.
    pub(super) room: Room,
    /// What routes still take, for clients.
    pub paces: ArcSwap<Paces>,
    /// Which stored object works which model.
    pub(super) workers: Workers,
    /// How long each of them waits.
    pub deadlines: Deadlines,
    /// Our pseudonym in `Via`, toward this computer's own addresses only.
    pub marker: String,
    /// The whole value of that header.
    pub via: HeaderValue,
    arrivals: Mutex<Arrivals>,
    strangers: Mutex<Strangers>,
}

impl Door {
    /// A door in front of this brain. `instance` tells this process from others in `Via`.
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        client: Client,
        recorder: Recorder,
        config: Arc<CheckedConfig>,
        instance: u64,
    ) -> Self {
        let deadlines = Deadlines::new(*engine.clock());
        let marker = format!("tidegate-{instance:016x}");
        Self {
            engine,
            upstreams: Upstreams::default(),
            client,
            recorder,
            config: ArcSwap::new(config),
            callers: ArcSwap::default(),
            paused: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            room: Room::new(),
            paces: ArcSwap::default(),
            workers: Workers::default(),
            streams: Streams::default(),
            deadlines,
            via: HeaderValue::from_str(&format!("1.1 {marker}")).unwrap_or(HeaderValue::from_static("1.1 tidegate")),
            marker,
            arrivals: Mutex::default(),
            strangers: Mutex::default(),
        }
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

    /// Counts an exchange for as long as the guard lives. Waits until there is a file for its connection to a service.
    pub(super) async fn enter(self: &Arc<Self>) -> Inside {
        let place = self.room.service().await;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Inside { door: Arc::clone(self), place }
    }

    /// The same for one whose connection has a place already.
    pub(super) fn counted(self: &Arc<Self>) -> Inside {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Inside { door: Arc::clone(self), place: None }
    }
}

/// One exchange under way.
pub(super) struct Inside {
    door: Arc<Door>,
    place: Place,
}

impl Inside {
    /// The place alone: for a connection that stays open while nothing is under way on it.
    pub(super) fn place(mut self) -> Place {
        self.place.take()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.door.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
