//! Who applied what, and a configuration file that two write: nothing is overwritten unasked, and nothing is lost.

#![expect(clippy::expect_used, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;
use std::sync::Arc;

use screen::Console;
use tidegate::contract::{Base, Command, ConfigCommand, DemoCommand, LiveCommand, NoticeBody, Snapshot};
use tidegate::model::config::Config;
use tidegate::model::revision::{Author, LeftDraft};

const CONFIG: &str = "# mine\n[[account]]\nid = \"sim\"\nservice = \"simulated\"\ncolour = \"teal\"\n";

impl Console {
    fn edited(&self, waiting: u32) -> (Base, Arc<Config>) {
        self.screen.edited(|config| config.queue.max_waiting = waiting)
    }

    async fn apply(&self, waiting: u32) -> NoticeBody {
        let (base, config) = self.edited(waiting);
        self.screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await
    }

    /// Number, author and waiting requests of every revision, once the newest is the running one.
    async fn revisions(&self) -> Vec<(u64, Author, u32)> {
        let current = |snapshot: &Snapshot| {
            snapshot.revisions.first().is_some_and(|newest| {
                newest.config.as_ref() == Some(&snapshot.applied.config) && newest.number == snapshot.applied.revision
            })
        };
        let list = Arc::clone(&self.screen.until(current).await.revisions);
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
async fn the_demo_counts_for_itself_and_a_draft_of_it_is_not_applied_elsewhere() {
    let home = folder();
    let console = Console::open(home.path());
    console.apply(7).await;
    let kept = console.revisions().await;
    assert_eq!(kept.first().map(|newest| newest.0), Some(2));

    console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    assert_eq!(console.screen.latest().applied.revision, 1, "a profile of its own");
    console.apply(8).await;
    let (base, config) = console.edited(9);
    assert_eq!(base.revision, 2);
    console.screen.ask(Command::Demo(DemoCommand::Leave)).await;
    assert_eq!(console.screen.latest().applied.revision, 2);
    assert_eq!(console.revisions().await, kept, "what runs has the number of its copy");
    let NoticeBody::Failed(problem) = console.screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await
    else {
        panic!("the demo's draft was applied, as its number is the same")
    };
    assert!(problem.what.starts_with("The draft is of profile Demo"), "{problem}");
    console.apply(10).await;
    assert_eq!(console.revisions().await.first().map(|newest| newest.0), Some(3));
}

#[tokio::test]
async fn every_revision_has_its_number_and_author_also_after_a_restart() {
    let home = folder();
    let console = Console::open(home.path());
    assert_eq!(console.revisions().await, [(1, Author::File, 2_000)]);
    console.apply(7).await;
    assert_eq!(console.revisions().await, [(2, Author::You, 7), (1, Author::File, 2_000)]);
    let (base, config) = console.edited(8);
    console.screen.ask(Command::Live(LiveCommand::Try { base, config })).await;
    console.screen.ask(Command::Live(LiveCommand::Revert)).await;
    let (base, config) = console.edited(9);
    console.screen.ask(Command::Live(LiveCommand::Try { base, config })).await;
    let began = console.screen.latest().live.as_ref().map_or(0, |live| live.began_wall_ms);
    console.screen.ask(Command::Live(LiveCommand::Keep)).await;
    let kept = console.revisions().await;
    assert_eq!(kept.first(), Some(&(4, Author::LiveSession(began), 9)), "3 was taken back");
    console.stop();
    let console = Console::open(home.path());
    assert_eq!(console.revisions().await, kept);
    assert_eq!(console.screen.latest().applied.revision, 4);
}

#[tokio::test]
async fn a_file_changed_by_somebody_else_is_noticed_and_either_version_can_be_had() {
    let home = folder();
    let console = Console::open(home.path());
    let theirs = CONFIG.replace("# mine", "# theirs\n[queue]\nmax_waiting = 5");
    fs::write(home.path().join("config.toml"), &theirs).expect("it is written");
    let seen = console.screen.until(|snapshot| snapshot.on_disk.is_some()).await;
    let found = seen.on_disk.as_ref().and_then(|found| found.config.as_ref());
    assert_eq!(found.map(|config| config.queue.max_waiting), Some(5));
    assert!(matches!(console.apply(7).await, NoticeBody::Failed(_)), "theirs is not overwritten");
    assert_eq!(file(&home), theirs);

    assert!(matches!(console.screen.ask(Command::Config(ConfigCommand::KeepMine)).await, NoticeBody::Done(_)));
    assert_eq!(file(&home), CONFIG);
    assert!(console.screen.latest().on_disk.is_none());
    let copies = home.path().join("data").join("revisions");
    let kept = fs::read_dir(&copies).map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()));
    let texts: Vec<String> = kept.expect("copies").filter_map(|path| fs::read_to_string(path).ok()).collect();
    assert!(texts.contains(&theirs), "what they wrote is among the revisions");

    fs::write(home.path().join("config.toml"), &theirs).expect("it is written");
    console.screen.until(|snapshot| snapshot.on_disk.is_some()).await;
    assert!(matches!(console.screen.ask(Command::Config(ConfigCommand::Reload)).await, NoticeBody::Applied { .. }));
    assert_eq!(console.revisions().await.first().map(|newest| (newest.1, newest.2)), Some((Author::File, 5)));
}

#[tokio::test]
async fn a_draft_outlives_the_program_and_is_forgotten_once_nothing_is_edited() {
    let home = folder();
    let console = Console::open(home.path());
    let (_, working) = console.edited(7);
    let base = Config::clone(&console.screen.latest().applied.config);
    let left = LeftDraft { base, working: Config::clone(&working) };
    console.screen.end.leave_draft(Some(left.clone()));
    console.stop();
    let console = Console::open(home.path());
    assert_eq!(console.screen.latest().left_draft.as_deref(), Some(&left));
    assert_eq!(console.screen.latest().applied.config.queue.max_waiting, 2_000, "a draft does not run");
    console.screen.end.leave_draft(Some(left));
    console.screen.end.leave_draft(None);
    console.stop();
    assert!(Console::open(home.path()).screen.latest().left_draft.is_none());
}
