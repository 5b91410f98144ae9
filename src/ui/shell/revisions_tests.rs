//! What the sheet of revisions says and does, and what is offered when the file changed.

use std::sync::Arc;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::Errors;
use crate::contract::{BackEnd, Command, CommandInbox, ConfigCommand, Snapshot};
use crate::model::config::AdminState;
use crate::model::revision::{Author, OnDisk, Revision, Signature};
use crate::ui::{Console, fixture, theme};

struct Screen {
    harness: Harness<'static, Console>,
    _back: BackEnd,
    inbox: CommandInbox,
}

impl Screen {
    fn open(snapshot: Snapshot) -> Self {
        let (ui, back, inbox) = crate::contract::line(snapshot);
        let console = Console::new(ui, &egui::Context::default());
        let mut harness = Harness::builder()
            .with_size(egui::vec2(1280.0, 800.0))
            .with_context_setup(theme::install)
            .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
        harness.run_steps(3);
        Self { harness, _back: back, inbox }
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label_contains(label).click();
        self.harness.run_steps(3);
    }

    fn says(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }

    fn command(&mut self) -> Option<Command> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(self.inbox.next()).poll(&mut cx) {
            std::task::Poll::Ready(command) => command.map(|(_, command)| command),
            std::task::Poll::Pending => None,
        }
    }
}

/// Revision 14 runs; 13 had another soft cap, was by a live session, and paused an endpoint.
fn snapshot() -> Snapshot {
    let mut snapshot = fixture::snapshot();
    let config = Arc::clone(&snapshot.applied.config);
    let mut older = config.as_ref().clone();
    older.endpoints[1].soft_cap_tokens_per_minute = Some(50_000);
    older.endpoints[1].admin_state = AdminState::Paused;
    let by = |author| Some(Signature { author, wall_ms: snapshot.wall_ms });
    snapshot.revisions = Arc::new(vec![
        Revision { number: 14, signature: by(Author::You), config: Some(config) },
        Revision { number: 13, signature: by(Author::LiveSession(1)), config: Some(Arc::new(older)) },
        Revision { number: 12, signature: None, config: None },
    ]);
    snapshot
}

#[test]
fn a_revision_names_its_author_and_change_and_is_restored_as_a_draft_that_pauses_nothing() {
    let mut screen = Screen::open(snapshot());
    screen.click("Revisions");
    assert!(screen.says("rev 14 (runs now)"));
    assert!(screen.says("Soft cap of sim-eastus: 50,000 TPM → 96,000 TPM."));
    assert!(screen.says("cannot be read any more"));
    screen.click("live session");
    assert!(screen.says("Soft cap of sim-eastus: 96,000 TPM → 50,000 TPM."));
    screen.click("Restore as draft");
    let draft = screen.harness.state().draft();
    let endpoint = &draft.working().endpoints[1];
    assert_eq!((endpoint.soft_cap_tokens_per_minute, endpoint.admin_state), (Some(50_000), AdminState::Enabled));
    assert_eq!(draft.undo_label(), Some("Restore rev 13"));
    assert!(screen.command().is_none(), "nothing is applied");
}

#[test]
fn a_file_that_somebody_changed_is_offered_and_compared_and_never_overwritten_unasked() {
    let mut snapshot = fixture::snapshot();
    let mut theirs = snapshot.applied.config.as_ref().clone();
    theirs.queue.max_waiting = 7;
    snapshot.on_disk = Some(OnDisk { config: Some(Arc::new(theirs)), fault: None });
    let mut screen = Screen::open(snapshot);
    assert!(screen.says("config.toml was changed by another program"));
    screen.click("Compare");
    assert!(screen.says("The line holds 7 requests"));
    screen.click("Close");
    screen.click("Load");
    assert!(matches!(screen.command(), Some(Command::Config(ConfigCommand::Reload))));
    screen.click("Keep mine");
    assert!(matches!(screen.command(), Some(Command::Config(ConfigCommand::KeepMine))));
}

#[test]
fn a_revision_says_how_many_requests_failed_under_it_and_before() {
    let snapshot = crate::ui::fixture::snapshot();
    let mut errors = Errors::default();
    errors.follow(&snapshot.records);
    let (ended, failed) = errors.by_revision.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let decided = || snapshot.records.iter().filter(|record| !record.decisions.is_empty());
    assert_eq!(ended, decided().count() as u64);
    assert_eq!(failed, decided().filter(|record| record.failed_client()).count() as u64);
    errors.by_revision = [(7, (200, 5)), (8, (400, 1))].into();
    assert_eq!(errors.words(Some(7), 8).as_deref(), Some("errors 2.5 % → 0.2 %"));
    assert_eq!(errors.words(None, 7).as_deref(), Some("errors 2.5 %"));
    assert_eq!(errors.words(Some(8), 9), None);
}
