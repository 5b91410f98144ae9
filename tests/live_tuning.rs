//! Live sessions on the real background side: what is tried runs at once, and unless somebody keeps it the configuration
//! file stays as it was, byte for byte, whatever ends the session.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidegate::backend::{self, Options, Running};
use tidegate::contract::{
    Command, ConfigCommand, EndpointCommand, LiveCommand, NoticeBody, RevertCause, Snapshot, UiEnd,
};
use tidegate::model::config::{AdminState, Config};

const CONFIG: &str = r#"# mine
[live_tuning]
confirm_seconds = 10 # short
[[account]]
id = "sim"
service = "simulated"
colour = "teal"
[[endpoint]]
id = "one"
account = "sim"
model = "m"
tokens_per_minute = 400_000 # half
[[route]]
model = "m"
[[route.group]]
endpoints = ["one"]
"#;

struct Console {
    running: Option<Running>,
    ui: UiEnd,
    unasked: std::cell::RefCell<Vec<NoticeBody>>,
}

impl Console {
    fn open(folder: &Path) -> Self {
        let options =
            Options { config_dir: Some(folder.to_owned()), port: Some(0), seed: Some(1), ..Options::default() };
        let running = backend::start(options).expect("it starts");
        Self { ui: running.ui(), running: Some(running), unasked: std::cell::RefCell::default() }
    }

    fn stop(mut self) {
        self.running.take().expect("it runs").stop();
    }

    async fn ask(&self, command: Command) -> NoticeBody {
        let id = self.ui.send(command).expect("there is room for a command");
        let mut answer = None;
        self.until(|_| {
            for notice in self.ui.notices() {
                if notice.id == Some(id) {
                    answer = Some(notice.body);
                } else {
                    self.unasked.borrow_mut().push(notice.body);
                }
            }
            answer.is_some()
        })
        .await;
        answer.expect("it was answered")
    }

    async fn until(&self, mut wish: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        for _ in 0..6_000 {
            let snapshot = self.ui.latest();
            if wish(&snapshot) {
                return snapshot;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never came about");
    }

    async fn cap(&self, cap: u64) -> NoticeBody {
        let (base, config) = self.edited(|config| config.endpoints[0].soft_cap_tokens_per_minute = Some(cap));
        self.ask(Command::Live(LiveCommand::Try { base, config })).await
    }

    fn edited(&self, edit: impl FnOnce(&mut Config)) -> (u64, Arc<Config>) {
        let applied = Arc::clone(&self.ui.latest().applied);
        let mut config = Config::clone(&applied.config);
        edit(&mut config);
        (applied.revision, Arc::new(config))
    }

    fn running_cap(&self) -> Option<u64> {
        self.ui.latest().applied.config.endpoints[0].soft_cap_tokens_per_minute
    }

    /// What the person is told of a session that was taken back.
    async fn told_why(&self) -> (u64, RevertCause) {
        let mut found = None;
        self.until(|_| {
            let bodies = self.ui.notices().into_iter().map(|notice| notice.body);
            self.unasked.borrow_mut().extend(bodies);
            found = self.unasked.borrow().iter().find_map(|body| match body {
                NoticeBody::Reverted { revision, why } => Some((*revision, *why)),
                _ => None,
            });
            found.is_some()
        })
        .await;
        found.expect("it was told")
    }
}

fn folder() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("config.toml"), CONFIG).expect("it is written");
    home
}

fn file(home: &tempfile::TempDir) -> String {
    fs::read_to_string(home.path().join("config.toml")).expect("it is there")
}

#[tokio::test]
async fn a_session_is_one_revision_that_runs_and_leaves_the_file_alone_until_it_is_kept() {
    let home = folder();
    let console = Console::open(home.path());
    let before = console.ui.latest().applied.revision;
    for cap in [96_000, 90_000] {
        assert!(matches!(console.cap(cap).await, NoticeBody::Done(_)));
        assert_eq!((console.ui.latest().applied.revision, console.running_cap()), (before + 1, Some(cap)));
        assert_eq!(file(&home), CONFIG);
    }
    let live = console.ui.latest().live.clone().expect("a session waits");
    assert_eq!(live.before.revision, before);
    assert!(matches!(console.ask(Command::Live(LiveCommand::Keep)).await, NoticeBody::Done(_)));
    assert!(console.ui.latest().live.is_none());
    assert_eq!(file(&home), CONFIG.replace("# half\n", "# half\nsoft_cap_tokens_per_minute = 90_000\n"));
    console.stop();
    let console = Console::open(home.path());
    assert_eq!(console.running_cap(), Some(90_000));
}

#[tokio::test]
async fn a_session_that_nobody_confirms_goes_back_by_itself_to_the_old_revision_byte_for_byte() {
    let home = folder();
    let console = Console::open(home.path());
    let before = Arc::clone(&console.ui.latest().applied);
    console.cap(96_000).await;
    assert_eq!(console.told_why().await, (before.revision, RevertCause::Unconfirmed(10)));
    let now = console.ui.latest();
    assert_eq!((now.applied.revision, &now.applied.config), (before.revision, &before.config));
    assert!(now.live.is_none());
    assert_eq!(file(&home), CONFIG);
    let (base, config) = console.edited(|config| config.queue.max_waiting = 7);
    let NoticeBody::Applied { revision, .. } =
        console.ask(Command::Config(ConfigCommand::Apply { base, config })).await
    else {
        panic!("it was not applied")
    };
    assert_eq!(revision, before.revision + 2, "the number of what was taken back is not given again");
}

#[tokio::test]
async fn a_session_that_is_reverted_keeps_a_pause_made_meanwhile_and_nothing_else() {
    let home = folder();
    let console = Console::open(home.path());
    console.cap(96_000).await;
    let pause = EndpointCommand::SetAdminState("one".into(), AdminState::Paused);
    assert!(matches!(console.ask(Command::Endpoint(pause)).await, NoticeBody::Done(_)));
    assert!(!file(&home).contains("soft_cap"), "{}", file(&home));
    let answer = console.ask(Command::Live(LiveCommand::Revert)).await;
    assert!(matches!(answer, NoticeBody::Reverted { why: RevertCause::Asked, .. }), "{answer:?}");
    let endpoint = console.ui.latest().applied.config.endpoints[0].clone();
    assert_eq!((endpoint.soft_cap_tokens_per_minute, endpoint.admin_state), (None, AdminState::Paused));
    assert_eq!(file(&home), CONFIG.replace("# half\n", "# half\nadmin_state = \"paused\"\n"));
    assert!(matches!(console.ask(Command::Live(LiveCommand::Keep)).await, NoticeBody::Failed(_)), "it is over");
}

#[tokio::test]
async fn a_session_that_the_program_did_not_outlive_is_gone_and_the_next_start_says_so_once() {
    let home = folder();
    let console = Console::open(home.path());
    console.cap(96_000).await;
    console.stop();
    assert_eq!(file(&home), CONFIG);
    let console = Console::open(home.path());
    assert_eq!(console.running_cap(), None);
    assert!(matches!(console.told_why().await, (_, RevertCause::Ended(_))));
    console.stop();
    let console = Console::open(home.path());
    console.cap(90_000).await;
    assert!(console.unasked.borrow().is_empty(), "{:?}", console.unasked.borrow());
}
