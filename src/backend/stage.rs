//! The background side as one actor: it owns everything that changes slowly and does one thing at a time.
//!
//! Invariant: only this actor writes files, swaps configurations and publishes snapshots; requests never wait for it.
//! Absent on purpose: the path of a request.

mod entered;
mod keyed;
mod listening;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::callers::{self, Porter};
use super::credentials::Credentials;
use super::doorbell::Doorbell;
use super::drafts::{self, Drafts};
use super::history::{self, Historian, Report};
use super::keeper::Keeper;
use super::keys::{self, Desk, LeftDesk};
use super::leaving::Leaving;
use super::lines;
use super::live::{self, Live};
use super::profile::{self, Loaded};
use super::publish::Publisher;
use super::racks::Racks;
use super::resolve::{applied, refuse_unattended, resolve};
use super::revisions;
use super::simulated::Simulated;
use super::trials::Tested;
use super::{Options, Stop, commands};
use crate::contract::snapshot::{Applied, KeyTest, Problem, RequestsView, Serving, Trial};
use crate::contract::{BackEnd, CommandInbox, Notice, NoticeBody, RevertCause, UiEnd, line};
use crate::engine::Engine;
use crate::engine::clock::Clock;
use crate::model::id::{AccountId, CommandId, EndpointId};
use crate::model::revision::{OnDisk, Revision};
use crate::policy::{Balancer, Input};
use crate::proxy::door::Door;
use crate::proxy::outward::Ways;
use crate::record::depth::Depth;
use crate::record::{Drain, Ring, Series, recorder};
use crate::sim::scripts;
use crate::store::keys::{Answer, KeySlot};
use crate::store::slots;

/// How often the screen may hear of a change.
const BEAT: Duration = Duration::from_millis(250);
/// The same while the person drags.
const QUICK_BEAT: Duration = Duration::from_millis(50);
/// How long the first look at the keys may hold up what a headless start says. A locked keyring waits for the person.
const FIRST_KEYS: Duration = Duration::from_secs(3);
/// How long running requests may take to finish when we stop.
const DRAIN: Duration = Duration::from_secs(60);
/// How long those that have not may take to hear of it.
const FAREWELL: Duration = Duration::from_secs(1);
/// Events of our own tasks that may wait.
const EVENTS: usize = 64;

/// What our own tasks report. A leading number is that of the profile in which it was asked for.
pub(super) enum Event {
    /// Where the keys are.
    Keys(u64, Vec<Answer>),
    /// A key was tested.
    Tested(u64, AccountId, KeySlot, KeyTest),
    /// An endpoint was asked for one token.
    Called(u64, EndpointId, KeyTest),
    /// Something of a draft was tested.
    Tried(u64, Box<Trial>),
    /// The test request was answered: its decision's id and status.
    TestAnswered(CommandId, Result<(String, u16), Problem>),
    /// A command is done.
    Done(CommandId, Result<String, Problem>),
    /// The store of a profile's history reports something; the number is the store's own.
    History(u64, Report),
    /// What was applied before.
    Revisions(u64, Arc<Vec<Revision>>),
}

/// The background side.
pub struct Stage {
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) engine: Arc<Engine>,
    pub(super) door: Arc<Door>,
    /// How connections to services leave.
    ways: Ways,
    pub(super) back: BackEnd,
    pub(super) profile: Loaded,
    pub(super) applied: Arc<Applied>,
    pub(super) live: Option<Live>,
    /// The highest number a configuration had so far.
    pub(super) newest: u64,
    pub(super) drafts: Drafts,
    pub(super) revisions: Arc<Vec<Revision>>,
    pub(super) on_disk: Option<OnDisk>,
    /// Beats so far.
    pub(super) looked: u32,
    /// Profiles that were entered after the first: the number of the one that runs.
    pub(super) profiles: u64,
    pub(super) desk: Desk,
    /// Of the profiles that were left.
    left_desks: Vec<LeftDesk>,
    pub(super) porter: Porter,
    pub(super) racks: Racks,
    credentials: Credentials,
    pub(super) places: Vec<Answer>,
    /// Asks for tokens again before they end.
    renewal: Option<AbortHandle>,
    /// What tests of keys and endpoints came to.
    pub(super) tested: Tested,
    pub(super) simulated: Option<Simulated>,
    pub(super) serving: Serving,
    pub(super) address: Option<SocketAddr>,
    /// For a second launch; `None` without a window.
    bell: Option<String>,
    listening: Option<Listening>,
    /// Listeners that were given up; what they run goes on.
    retired: Vec<JoinHandle<()>>,
    pub(super) ring: Ring,
    pub(super) series: Series,
    drain: Drain,
    pub(super) publisher: Publisher,
    pub(super) events: mpsc::Sender<Event>,
    reports: mpsc::Receiver<Event>,
    keeper: Keeper,
    /// Requests in their grace before they are ended.
    pub(super) leaving: Leaving,
    pub(super) requests_view: Arc<RequestsView>,
    pub(super) depth: Depth,
    /// The person wants to see everybody who waits or runs.
    pub(super) listing: bool,
    pub(super) history: Historian,
}

/// A listener at work.
struct Listening {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Told, or dropped, once the port is free again.
    closed: oneshot::Receiver<()>,
}

impl Stage {
    /// Builds everything and starts to listen.
    ///
    /// # Errors
    /// Headless: whatever keeps it from serving. With a window: only what leaves nothing to show.
    pub(super) async fn set_up(options: Options) -> anyhow::Result<(Self, CommandInbox, UiEnd, String)> {
        let clock = Clock::since_1970();
        check_script(&options)?;
        let profile = profile::load(&options, options.demo)?;
        if options.headless {
            refuse_unattended(&profile)?;
        }
        let first = revisions::first(&profile);
        let porter = Porter::open(&profile.paths);
        let (checked, findings) = resolve(&profile, first, &porter);
        let seed = options.seed.unwrap_or_else(|| clock.wall_ms());
        let engine = Engine::new(Balancer::new(Arc::clone(&checked), seed, clock.now()), clock);
        engine.number_from(history::first_number(clock.wall_ms()));
        let (recorder, drain) = recorder(crate::record::recorder::QUEUE);
        let (pool, ways) = listening::outward(&checked.config)?;
        let door = Arc::new(Door::new(Arc::clone(&engine), pool, recorder, checked, clock.wall_ms()));
        let applied = Arc::new(Applied { revision: first, ..applied(&profile, findings) });
        let (ui, back, inbox) = line(Publisher::first(&profile, &applied, &options, &clock));
        let bell = if options.headless { None } else { hang_doorbell(&back) };
        let (events, reports) = mpsc::channel(EVENTS);
        let desk = keys::desk(&profile)?;
        let keeper = Keeper::open(&profile.paths, &engine);
        let history = Historian::open(&profile.paths.data_dir, &applied.config.history, &clock, &events);
        let slots = slots::load(&profile.paths.state_dir);
        let requests_view = Arc::new(commands::kept_requests_view(&profile.paths.state_dir));
        back.draft_is(profile.draft.clone());
        let drafts = Drafts::kept(profile.draft.clone());
        let mut stage = Self {
            options,
            clock,
            engine,
            door,
            ways,
            back,
            profile,
            newest: applied.revision,
            applied,
            live: None,
            drafts,
            revisions: Arc::default(),
            on_disk: None,
            looked: 0,
            profiles: 0,
            desk,
            left_desks: Vec::new(),
            porter,
            racks: Racks::default(),
            credentials: Credentials::default(),
            places: Vec::new(),
            renewal: None,
            tested: Tested::default(),
            simulated: None,
            serving: Serving::Starting,
            address: None,
            bell,
            listening: None,
            retired: Vec::new(),
            ring: Ring::new(),
            series: Series::new(slots),
            drain,
            publisher: Publisher::default(),
            events,
            reports,
            keeper,
            leaving: Leaving::default(),
            requests_view,
            depth: Depth::default(),
            listing: false,
            history,
        };
        revisions::adopt(&mut stage);
        callers::forget_removed(&mut stage);
        if let Some(began) = stage.profile.left_over {
            stage.tell(None, NoticeBody::Reverted { revision: stage.applied.revision, why: RevertCause::Ended(began) });
        }
        let base_url = stage.open().await?;
        Ok((stage, inbox, ui, base_url))
    }

    /// Starts what the profile needs and listens.
    async fn open(&mut self) -> anyhow::Result<String> {
        let brain = Arc::clone(&self.engine);
        tokio::spawn(async move { brain.run().await });
        self.start_simulated();
        self.place_accounts();
        self.admit_callers();
        self.listen().await;
        self.announce();
        self.ask_for_keys();
        // Headless, "listening" is said once the keys are known. A window opens at once and shows them when they come.
        if self.options.headless {
            // Late keys come as an event like any other.
            let _ = timeout(FIRST_KEYS, self.hear_first_keys()).await;
        }
        let base_url = match &self.serving {
            Serving::Listening { base_url, .. } => base_url.to_string(),
            Serving::Failed(problem) if self.options.headless => {
                return Err(anyhow!("{problem}"));
            }
            _ => String::new(),
        };
        self.publish();
        if let Some(script) = self.options.script.clone() {
            self.play(&script).map_err(|problem| anyhow!("{problem}"))?;
        }
        Ok(base_url)
    }

    /// Lives until it is told to stop, then lets running requests finish.
    pub(super) async fn run(mut self, mut inbox: CommandInbox, mut stop: watch::Receiver<Stop>) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut quick = interval(QUICK_BEAT);
        quick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some((id, command)) = inbox.next() => commands::obey(&mut self, id, command).await,
                Some(event) = self.reports.recv() => self.hear(event),
                _ = beat.tick() => {
                    self.beat();
                    live::beat(&mut self).await;
                }
                _ = quick.tick(), if self.back.watched_closely() => self.beat(),
                () = self.engine.failed() => self.keeper.heed(self.clock.now(), &self.engine),
                _ = stop.changed() => break,
            }
        }
        let drain = if *stop.borrow() == Stop::Now { Duration::ZERO } else { DRAIN };
        self.close(drain).await;
    }

    fn beat(&mut self) {
        self.collect();
        lines::beat(self);
        drafts::keep(self);
        self.renew_refused();
        if revisions::look(self) | self.look_at_tokens() {
            self.publish();
        }
        for request in self.leaving.due(self.clock.now()) {
            self.engine.tell(Input::Cancelled { request });
            self.door.deadlines.end(request);
        }
        self.keeper.keep(self.clock.now(), &self.engine);
        if self.history.has_read_on() {
            self.publish();
        }
        if self.history.keep(&self.applied.config.history, self.clock.wall_ms()) {
            self.publish();
            if let Some(problem) = history::trouble(&self.back.latest().history.store) {
                self.tell(None, NoticeBody::Failed(problem));
            }
        }
        let mut publisher = std::mem::take(&mut self.publisher);
        let due = publisher.is_due(self);
        self.publisher = publisher;
        if due {
            self.publish();
        }
    }

    /// Takes in the requests that ended.
    fn collect(&mut self) {
        let (history, second) = (&mut self.history, self.clock.now().0 / 1_000_000);
        self.drain.drain_into(&mut self.ring, |record| history.note(record, second));
    }

    /// Publishes now.
    pub(super) fn publish(&mut self) {
        self.collect();
        let mut publisher = std::mem::take(&mut self.publisher);
        let snapshot = publisher.snapshot(self);
        self.publisher = publisher;
        self.back.publish(snapshot);
    }

    /// Hears what comes until the keys have come.
    async fn hear_first_keys(&mut self) {
        while let Some(event) = self.reports.recv().await {
            let known = matches!(event, Event::Keys(..));
            self.hear(event);
            if known {
                return;
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            // Asked before another profile was entered, which may have an account of the same name.
            Event::Keys(of, ..)
            | Event::Revisions(of, ..)
            | Event::Tested(of, ..)
            | Event::Called(of, ..)
            | Event::Tried(of, ..)
                if of != self.profiles =>
            {
                return;
            }
            Event::Keys(_, places) => self.keys_are(places),
            Event::Revisions(_, list) => self.revisions = list,
            Event::Tested(_, account, slot, test) => {
                let test = KeyTest { finished_wall_ms: Some(self.clock.wall_ms()), ..test };
                self.tested.keys.insert((account, slot), test);
            }
            Event::Called(_, endpoint, test) => {
                let test = KeyTest { finished_wall_ms: Some(self.clock.wall_ms()), ..test };
                self.tested.calls.insert(endpoint, test);
            }
            Event::Tried(_, trial) => self.tried(*trial),
            Event::TestAnswered(id, outcome) => self.test_answered(id, outcome),
            Event::Done(id, Ok(text)) => self.tell(Some(id), NoticeBody::Done(text)),
            Event::Done(id, Err(problem)) => self.tell(Some(id), NoticeBody::Failed(problem)),
            Event::History(profile, report) => {
                self.collect();
                self.history.hear(profile, report, (&mut self.ring, &mut self.series), self.clock.wall_ms());
            }
        }
        self.publish();
    }

    /// A test of what is not applied came to this.
    pub(super) fn tried(&mut self, trial: Trial) {
        let test = KeyTest { finished_wall_ms: Some(self.clock.wall_ms()), ..trial.test };
        self.tested.came_to(Trial { test, ..trial });
    }

    /// Tells the person something.
    pub(super) fn tell(&self, id: Option<CommandId>, body: NoticeBody) {
        self.back.tell(Notice { id, body });
    }

    fn test_answered(&mut self, id: CommandId, outcome: Result<(String, u16), Problem>) {
        self.collect();
        let body = match outcome {
            Ok((decision, status)) => {
                let records = self.ring.view(0);
                let sent = records
                    .iter()
                    .rev()
                    .find(|record| record.decisions.iter().any(|known| known.id.to_string() == decision));
                sent.map_or_else(
                    || NoticeBody::Done("The test request was answered.".to_owned()),
                    |record| NoticeBody::TestSent { request: record.id, status },
                )
            }
            Err(problem) => NoticeBody::Failed(problem),
        };
        // The record must be on screen before the screen is told to open it.
        self.publish();
        self.tell(Some(id), body);
    }

    async fn close(mut self, drain: Duration) {
        let in_flight = self.door.in_flight.load(std::sync::atomic::Ordering::Relaxed);
        self.serving = Serving::Stopping { in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX) };
        self.publish();
        self.engine.tell(Input::Stopping);
        if let Some(Listening { stop, task, .. }) = self.listening.take() {
            stop.send_replace(true);
            let listeners: Vec<_> = std::iter::once(task).chain(self.retired.drain(..)).collect();
            let handles: Vec<_> = listeners.iter().map(JoinHandle::abort_handle).collect();
            let all = async {
                for task in listeners {
                    // One that panicked is over as well.
                    let _ = task.await;
                }
            };
            let all = async {
                all.await;
                // Sockets are no listener's any more.
                self.door.quiet().await;
            };
            if timeout(drain, all).await.is_err() {
                tracing::warn!("some requests were still running after {} s and were ended", drain.as_secs());
            }
            // Whoever is still there is told, and what was seen of it is written down.
            self.door.deadlines.stop();
            let _ = timeout(FAREWELL, self.door.emptied()).await;
            // Whoever takes nothing in does not hear it; as they are dropped, they are written down as well.
            handles.iter().for_each(AbortHandle::abort);
            self.door.hang_up();
            let _ = timeout(FAREWELL, self.door.over()).await;
        }
        drafts::close(&mut self);
        self.keeper.close(&self.engine);
        self.collect();
        self.history.close(self.clock.wall_ms());
    }
}

/// Hangs the doorbell; without one a second launch only says that we run.
fn hang_doorbell(back: &BackEnd) -> Option<String> {
    let hung = Doorbell::hang().and_then(|bell| {
        let plate = bell.plate();
        bell.answer(back.clone()).map(|()| plate)
    });
    hung.inspect_err(|error| tracing::debug!(%error, "a second launch will not be able to raise the window")).ok()
}

/// Known before anything is started or written.
fn check_script(options: &Options) -> anyhow::Result<()> {
    match &options.script {
        Some(name) if scripts::named(name).is_none() => {
            Err(anyhow!("{}", Problem { still_works: "Nothing was started.".to_owned(), ..commands::no_script(name) }))
        }
        _ => Ok(()),
    }
}
