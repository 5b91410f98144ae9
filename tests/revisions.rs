//! Who applied what, and a configuration file that two write: nothing is overwritten unasked, and nothing is lost.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may end where it is wrong")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidegate::backend::{self, Options, Running};
use tidegate::contract::{Command, ConfigCommand, LiveCommand, NoticeBody, Snapshot, UiEnd};
use tidegate::model::config::Config;
use tidegate::model::revision::{Author, LeftDraft};

const CONFIG: &str = "# mine\n[[account]]\nid = \"sim\"\nservice = \"simulated\"\ncolour = \"teal\"\n";

struct Console {
    running: Running,
    ui: UiEnd,
}

impl Console {
    fn open(folder: &Path) -> Self {
        let options =
            Options { config_dir: Some(folder.to_owned()), port: Some(0), seed: Some(1), ..Options::default() };
        let running = backend::start(options).expect("it starts");
        Self { ui: running.ui(), running }
    }

    async fn until(&self, mut wish: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        for _ in 0..4_000 {
            let snapshot = self.ui.latest();
            if wish(&snapshot) {
                return snapshot;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never came about");
    }

    async fn ask(&self, command: Command) -> NoticeBody {
        let id = self.ui.send(command).expect("there is room for a command");
        let mut answer = None;
        self.until(|_| {
            answer = answer.take().or_else(|| self.ui.notices().into_iter().find(|notice| notice.id == Some(id)));
            answer.is_some()
        })
        .await;
        answer.expect("it was answered").body
    }

    fn edited(&self, waiting: u32) -> (u64, Arc<Config>) {
        let applied = Arc::clone(&self.ui.latest().applied);
        let mut config = Config::clone(&applied.config);
        config.queue.max_waiting = waiting;
        (applied.revision, Arc::new(config))
    }

    async fn apply(&self, waiting: u32) -> NoticeBody {
        let (base, config) = self.edited(waiting);
        self.ask(Command::Config(ConfigCommand::Apply { base, config })).await
    }

    /// Number, author and waiting requests of every revision, once the newest is the running one.
    async fn revisions(&self) -> Vec<(u64, Author, u32)> {
        let current = |snapshot: &Snapshot| {
            snapshot.revisions.first().is_some_and(|newest| {
                newest.config.as_ref() == Some(&snapshot.applied.config) && newest.number == snapshot.applied.revision
            })
        };
        let list = Arc::clone(&self.until(current).await.revisions);
        let row = |one: &tidegate::model::revision::Revision| {
            let waiting = one.config.as_ref().map_or(0, |config| config.queue.max_waiting);
            (one.number, one.signature.map_or(Author::File, |signature| signature.author), waiting)
        };
        list.iter().map(row).collect()
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
async fn every_revision_has_its_number_and_author_also_after_a_restart() {
    let home = folder();
    let console = Console::open(home.path());
    assert_eq!(console.revisions().await, [(1, Author::File, 2_000)]);
    console.apply(7).await;
    assert_eq!(console.revisions().await, [(2, Author::You, 7), (1, Author::File, 2_000)]);
    let (base, config) = console.edited(8);
    console.ask(Command::Live(LiveCommand::Try { base, config })).await;
    console.ask(Command::Live(LiveCommand::Revert)).await;
    let (base, config) = console.edited(9);
    console.ask(Command::Live(LiveCommand::Try { base, config })).await;
    let began = console.ui.latest().live.as_ref().map_or(0, |live| live.began_wall_ms);
    console.ask(Command::Live(LiveCommand::Keep)).await;
    let kept = console.revisions().await;
    assert_eq!(kept.first(), Some(&(4, Author::LiveSession(began), 9)), "3 was taken back");
    console.running.stop();
    let console = Console::open(home.path());
    assert_eq!(console.revisions().await, kept);
    assert_eq!(console.ui.latest().applied.revision, 4);
}

#[tokio::test]
async fn a_file_changed_by_somebody_else_is_noticed_and_either_version_can_be_had() {
    let home = folder();
    let console = Console::open(home.path());
    let theirs = CONFIG.replace("# mine", "# theirs\n[queue]\nmax_waiting = 5");
    fs::write(home.path().join("config.toml"), &theirs).expect("it is written");
    let seen = console.until(|snapshot| snapshot.on_disk.is_some()).await;
    let found = seen.on_disk.as_ref().and_then(|found| found.config.as_ref());
    assert_eq!(found.map(|config| config.queue.max_waiting), Some(5));
    assert!(matches!(console.apply(7).await, NoticeBody::Failed(_)), "theirs is not overwritten");
    assert_eq!(file(&home), theirs);

    assert!(matches!(console.ask(Command::Config(ConfigCommand::KeepMine)).await, NoticeBody::Done(_)));
    assert_eq!(file(&home), CONFIG);
    assert!(console.ui.latest().on_disk.is_none());
    let copies = home.path().join("data").join("revisions");
    let kept = fs::read_dir(&copies).map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()));
    let texts: Vec<String> = kept.expect("copies").filter_map(|path| fs::read_to_string(path).ok()).collect();
    assert!(texts.contains(&theirs), "what they wrote is among the revisions");

    fs::write(home.path().join("config.toml"), &theirs).expect("it is written");
    console.until(|snapshot| snapshot.on_disk.is_some()).await;
    assert!(matches!(console.ask(Command::Config(ConfigCommand::Reload)).await, NoticeBody::Applied { .. }));
    assert_eq!(console.revisions().await.first().map(|newest| (newest.1, newest.2)), Some((Author::File, 5)));
}

#[tokio::test]
async fn a_draft_outlives_the_program_and_is_forgotten_once_nothing_is_edited() {
    let home = folder();
    let console = Console::open(home.path());
    let (_, working) = console.edited(7);
    let base = Config::clone(&console.ui.latest().applied.config);
    let left = LeftDraft { base, working: Config::clone(&working) };
    console.ui.leave_draft(Some(left.clone()));
    console.running.stop();
    let console = Console::open(home.path());
    assert_eq!(console.ui.latest().left_draft.as_deref(), Some(&left));
    assert_eq!(console.ui.latest().applied.config.queue.max_waiting, 2_000, "a draft does not run");
    console.ui.leave_draft(Some(left));
    console.ui.leave_draft(None);
    console.running.stop();
    assert!(Console::open(home.path()).ui.latest().left_draft.is_none());
}
