//! Live sessions on the real background side: what is tried runs at once, and unless somebody keeps it the configuration
//! file stays as it was, byte for byte, whatever ends the session.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;
use std::sync::Arc;

use screen::Console;
use tidegate::contract::{Command, ConfigCommand, EndpointCommand, LiveCommand, NoticeBody, RevertCause};
use tidegate::model::config::AdminState;

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

impl Console {
    async fn cap(&self, cap: u64) -> NoticeBody {
        let (base, config) = self.screen.edited(|config| config.endpoints[0].soft_cap_tokens_per_minute = Some(cap));
        self.screen.ask(Command::Live(LiveCommand::Try { base, config })).await
    }

    fn running_cap(&self) -> Option<u64> {
        self.screen.latest().applied.config.endpoints[0].soft_cap_tokens_per_minute
    }

    /// What the person is told of a session that was taken back.
    async fn told_why(&self) -> (u64, RevertCause) {
        let reverted = |body: &NoticeBody| match body {
            NoticeBody::Reverted { revision, why } => Some((*revision, *why)),
            _ => None,
        };
        self.screen.told(reverted).await
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
    let before = console.screen.latest().applied.revision;
    for cap in [96_000, 90_000] {
        assert!(matches!(console.cap(cap).await, NoticeBody::Done(_)));
        assert_eq!((console.screen.latest().applied.revision, console.running_cap()), (before + 1, Some(cap)));
        assert_eq!(file(&home), CONFIG);
    }
    let live = console.screen.latest().live.clone().expect("a session waits");
    assert_eq!(live.before.revision, before);
    assert!(matches!(console.screen.ask(Command::Live(LiveCommand::Keep)).await, NoticeBody::Done(_)));
    assert!(console.screen.latest().live.is_none());
    assert_eq!(file(&home), CONFIG.replace("# half\n", "# half\nsoft_cap_tokens_per_minute = 90_000\n"));
    console.stop();
    let console = Console::open(home.path());
    assert_eq!(console.running_cap(), Some(90_000));
}

#[tokio::test]
async fn a_session_that_nobody_confirms_goes_back_by_itself_to_the_old_revision_byte_for_byte() {
    let home = folder();
    let console = Console::open(home.path());
    let before = Arc::clone(&console.screen.latest().applied);
    console.cap(96_000).await;
    assert_eq!(console.told_why().await, (before.revision, RevertCause::Unconfirmed(10)));
    let now = console.screen.latest();
    assert_eq!((now.applied.revision, &now.applied.config), (before.revision, &before.config));
    assert!(now.live.is_none());
    assert_eq!(file(&home), CONFIG);
    let (base, config) = console.screen.edited(|config| config.queue.max_waiting = 7);
    let NoticeBody::Applied { revision, .. } =
        console.screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await
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
    assert!(matches!(console.screen.ask(Command::Endpoint(pause)).await, NoticeBody::Done(_)));
    assert!(!file(&home).contains("soft_cap"), "{}", file(&home));
    let answer = console.screen.ask(Command::Live(LiveCommand::Revert)).await;
    assert!(matches!(answer, NoticeBody::Reverted { why: RevertCause::Asked, .. }), "{answer:?}");
    let endpoint = console.screen.latest().applied.config.endpoints[0].clone();
    assert_eq!((endpoint.soft_cap_tokens_per_minute, endpoint.admin_state), (None, AdminState::Paused));
    assert_eq!(file(&home), CONFIG.replace("# half\n", "# half\nadmin_state = \"paused\"\n"));
    assert!(matches!(console.screen.ask(Command::Live(LiveCommand::Keep)).await, NoticeBody::Failed(_)), "it is over");
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
    assert!(console.screen.unasked().is_empty(), "{:?}", console.screen.unasked());
}
