//! A running backend and the screen's end of it, for tests: it waits for what it is told, never for time to pass.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidegate::backend::{self, Options, Running};
use tidegate::contract::{Base, Command, NoticeBody, Snapshot, UiEnd};
use tidegate::model::config::Config;
use tokio::sync::Notify;
use tokio::time::timeout;

/// What nothing was heard of for so long does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A background side without a window, and the window's end of its line; stopped at once when dropped.
pub struct Console {
    pub running: Option<Running>,
    pub screen: Screen,
    /// How it was started.
    pub options: Options,
    /// A folder that is its alone, and goes with it.
    pub home: Option<tempfile::TempDir>,
}

impl Console {
    /// By what is in this folder, at a free port.
    pub fn open(folder: &Path) -> Self {
        Self::with(Options { port: Some(0), ..Self::options(folder) })
    }

    /// By what is in this folder, at the port that is named there.
    pub fn options(folder: &Path) -> Options {
        Options { config_dir: Some(folder.to_owned()), seed: Some(1), ..Options::default() }
    }

    pub fn with(options: Options) -> Self {
        let running = backend::start(options.clone()).expect("it starts");
        Self { screen: Screen::of(&running), running: Some(running), options, home: None }
    }

    /// Stops it and lets what runs finish.
    pub fn stop(mut self) -> Options {
        self.running.take().expect("it runs").stop();
        self.options.clone()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop_now();
        }
    }
}

/// What a console would hear and say.
pub struct Screen {
    pub end: UiEnd,
    news: Arc<Notify>,
    unasked: RefCell<Vec<NoticeBody>>,
}

impl Screen {
    /// Before a background that runs. There is one at a time: the newest hears.
    pub fn of(running: &Running) -> Self {
        let (end, news) = (running.ui(), Arc::new(Notify::new()));
        let heard = Arc::clone(&news);
        end.wake_with(move |_| heard.notify_one());
        Self { end, news, unasked: RefCell::default() }
    }

    /// The newest snapshot.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.end.latest()
    }

    /// Waits for a snapshot as wished.
    pub async fn until(&self, mut wish: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        loop {
            let snapshot = self.latest();
            if wish(&snapshot) {
                return snapshot;
            }
            let heard = timeout(PATIENCE, self.news.notified()).await;
            assert!(heard.is_ok(), "it never came about; the last snapshot: {:#?}", self.latest());
        }
    }

    /// Sends a command and waits for its answer.
    pub async fn ask(&self, command: Command) -> NoticeBody {
        let id = self.end.send(command).expect("there is room for a command");
        let mut answer = None;
        self.until(|_| {
            for notice in self.end.notices() {
                match notice.id {
                    Some(of) if of == id => answer = Some(notice.body),
                    Some(_) => {}
                    None => self.unasked.borrow_mut().push(notice.body),
                }
            }
            answer.is_some()
        })
        .await;
        answer.expect("it was answered")
    }

    /// Waits until it is told of something that nobody asked for.
    pub async fn told<T>(&self, find: impl Fn(&NoticeBody) -> Option<T>) -> T {
        let mut found = None;
        self.until(|_| {
            found = self.unasked().iter().find_map(&find);
            found.is_some()
        })
        .await;
        found.expect("it was told")
    }

    /// All that was told and that nobody asked for.
    pub fn unasked(&self) -> Vec<NoticeBody> {
        let fresh = self.end.notices().into_iter().filter(|notice| notice.id.is_none());
        self.unasked.borrow_mut().extend(fresh.map(|notice| notice.body));
        self.unasked.borrow().clone()
    }

    /// What runs, edited, and the revision it was made from.
    pub fn edited(&self, edit: impl FnOnce(&mut Config)) -> (Base, Arc<Config>) {
        let applied = Arc::clone(&self.latest().applied);
        let mut config = Config::clone(&applied.config);
        edit(&mut config);
        (applied.base(), Arc::new(config))
    }
}
