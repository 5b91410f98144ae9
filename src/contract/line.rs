//! The two ends of the line between the screen and the background.
//!
//! Invariant: neither end ever waits for the other: a full command line is told to the person, a notice nobody reads is
//! dropped with the oldest first, a snapshot is a pointer swap.
//! Absent on purpose: locks held across a call; the screen holds an `Arc` for the length of a frame.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::mpsc;

use super::command::{Command, Notice, NoticeBody};
use super::snapshot::Snapshot;
use crate::model::id::CommandId;
use crate::model::revision::LeftDraft;

const COMMANDS: usize = 64;
const NOTICES: usize = 256;

type Waker = Box<dyn Fn(News) + Send + Sync>;

/// What the screen is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A newer snapshot, as there is one every quarter of a second while traffic flows.
    Figures,
    /// A notice: an answer to a command, or something that nobody asked for.
    Word,
}

struct Shared {
    snapshot: ArcSwap<Snapshot>,
    notices: Mutex<VecDeque<Notice>>,
    waker: ArcSwapOption<Waker>,
    watched: AtomicBool,
    draft: ArcSwapOption<LeftDraft>,
}

/// The screen's end. Cheap to clone.
#[derive(Clone)]
pub struct UiEnd {
    shared: Arc<Shared>,
    commands: mpsc::Sender<(CommandId, Command)>,
    next: Arc<AtomicU64>,
}

/// The background's end for reading commands. There is one.
pub struct CommandInbox {
    commands: mpsc::Receiver<(CommandId, Command)>,
}

/// The background's end for telling. Cheap to clone.
#[derive(Clone)]
pub struct BackEnd {
    shared: Arc<Shared>,
}

/// Nothing was sent: the background is busy with 64 commands or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy is busy; try again in a moment")]
pub struct Busy;

/// A line whose first snapshot is `first`.
#[must_use]
pub fn line(first: Snapshot) -> (UiEnd, BackEnd, CommandInbox) {
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let shared = Arc::new(Shared {
        snapshot: ArcSwap::from_pointee(first),
        notices: Mutex::new(VecDeque::new()),
        waker: ArcSwapOption::empty(),
        watched: AtomicBool::new(false),
        draft: ArcSwapOption::empty(),
    });
    let ui = UiEnd { shared: Arc::clone(&shared), commands: sender, next: Arc::new(AtomicU64::new(1)) };
    (ui, BackEnd { shared }, CommandInbox { commands: receiver })
}

impl UiEnd {
    /// The newest snapshot.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Asks for something. The answer is a notice with this id.
    ///
    /// # Errors
    /// [`Busy`] if the background has not caught up.
    pub fn send(&self, command: Command) -> Result<CommandId, Busy> {
        let id = CommandId(self.next.fetch_add(1, Ordering::Relaxed));
        self.commands.try_send((id, command)).map_err(|_| Busy)?;
        Ok(id)
    }

    /// Takes every notice that came since the last call, oldest first.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let mut waiting = self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.drain(..).collect()
    }

    /// Puts a notice among those that nobody asked for: what the desktop says to the window.
    pub fn overhear(&self, body: NoticeBody) {
        BackEnd { shared: Arc::clone(&self.shared) }.tell(Notice { id: None, body });
    }

    /// Gives the background a way to ask for one repaint; the newest counts, as windows come and go.
    pub fn wake_with(&self, waker: impl Fn(News) + Send + Sync + 'static) {
        self.shared.waker.store(Some(Arc::new(Box::new(waker))));
    }

    /// Tells the background that the person drags or hovers, so that snapshots come faster.
    pub fn watch_closely(&self, closely: bool) {
        self.shared.watched.store(closely, Ordering::Relaxed);
    }

    /// Leaves the draft with the background, which keeps it over a restart; `None`: nothing is edited.
    pub fn leave_draft(&self, draft: Option<LeftDraft>) {
        self.shared.draft.store(draft.map(Arc::new));
    }
}

impl CommandInbox {
    /// The next command; `None` when every screen is gone.
    pub async fn next(&mut self) -> Option<(CommandId, Command)> {
        self.commands.recv().await
    }
}

impl BackEnd {
    /// Swaps in a snapshot and asks for one repaint.
    pub fn publish(&self, snapshot: Snapshot) {
        self.shared.snapshot.store(Arc::new(snapshot));
        self.wake(News::Figures);
    }

    /// Tells the person something.
    pub fn tell(&self, notice: Notice) {
        {
            let mut waiting = self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() == NOTICES {
                waiting.pop_front();
            }
            waiting.push_back(notice);
        }
        self.wake(News::Word);
    }

    /// The newest snapshot.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Says what draft is kept already, before a screen leaves one.
    pub fn draft_is(&self, draft: Option<Arc<LeftDraft>>) {
        self.shared.draft.store(draft);
    }

    /// The draft as the screen left it last.
    #[must_use]
    pub fn draft(&self) -> Option<Arc<LeftDraft>> {
        self.shared.draft.load_full()
    }

    /// Whether the person drags or hovers just now.
    #[must_use]
    pub fn watched_closely(&self) -> bool {
        self.shared.watched.load(Ordering::Relaxed)
    }

    fn wake(&self, news: News) {
        if let Some(waker) = self.shared.waker.load_full() {
            waker(news);
        }
    }
}
