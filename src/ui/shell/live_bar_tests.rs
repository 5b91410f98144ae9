//! What a person sees of a live session, and which commands leave.

use std::sync::Arc;

use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::contract::snapshot::{Applied, LiveView, Problem};
use crate::contract::{BackEnd, Command, CommandInbox, LiveCommand, Notice, NoticeBody, RevertCause, Snapshot};
use crate::model::id::CommandId;
use crate::model::units::Timestamp;
use crate::ui::{Console, fixture, theme};

struct Screen {
    harness: Harness<'static, Console>,
    inbox: CommandInbox,
    back: BackEnd,
}

impl Screen {
    fn open(snapshot: Snapshot, size: egui::Vec2) -> Self {
        let (ui, back, inbox) = crate::contract::line(snapshot);
        let console = Console::new(ui, &egui::Context::default());
        let harness = Harness::builder()
            .with_size(size)
            .with_context_setup(theme::install)
            .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
        Self { harness, inbox, back }
    }

    fn wide(snapshot: Snapshot) -> Self {
        Self::open(snapshot, egui::vec2(1280.0, 800.0))
    }

    fn frames(&mut self, number: usize) {
        self.harness.run_steps(number);
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.frames(3);
    }

    fn edit(&mut self, waiting: u32) {
        self.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = waiting);
    }

    fn sent(&mut self) -> Option<(CommandId, Command)> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(self.inbox.next()).poll(&mut cx) {
            std::task::Poll::Ready(command) => command,
            std::task::Poll::Pending => None,
        }
    }

    fn tried(&mut self) -> Option<(CommandId, u64, u32)> {
        match self.sent()? {
            (id, Command::Live(LiveCommand::Try { base, config })) => {
                Some((id, base.revision, config.queue.max_waiting))
            }
            _ => panic!("another command"),
        }
    }
}

/// Revision 15 is tried on top of revision 14, and 42 seconds are left.
fn session(waiting: u32) -> Snapshot {
    let mut snapshot = fixture::snapshot();
    let before = Arc::clone(&snapshot.applied);
    let mut applied = Applied::clone(&before);
    applied.revision = 15;
    Arc::make_mut(&mut applied.config).queue.max_waiting = waiting;
    snapshot.applied = Arc::new(applied);
    let until = Timestamp::from_secs(fixture::SECOND + 42);
    snapshot.live = Some(LiveView { began_wall_ms: snapshot.wall_ms, until, before, ended: 128, failed: 3 });
    snapshot
}

#[test]
fn an_edit_is_tried_once_it_was_left_alone_for_a_moment_and_only_with_live_tuning_on() {
    let mut screen = Screen::wide(fixture::snapshot());
    screen.edit(9);
    screen.frames(8);
    assert!(screen.sent().is_none(), "a draft alone changes nothing");
    screen.harness.key_press(Key::L);
    screen.frames(1);
    for waiting in [8, 7, 6] {
        screen.edit(waiting);
        screen.frames(1);
    }
    assert!(screen.sent().is_none(), "not while the person edits");
    screen.frames(4);
    let (_, base, waiting) = screen.tried().expect("it is tried");
    assert_eq!((base, waiting), (14, 6));
    screen.frames(8);
    assert!(screen.sent().is_none(), "once is enough");
}

#[test]
fn what_could_not_be_tried_is_not_tried_again_before_the_next_edit() {
    let mut screen = Screen::wide(fixture::snapshot());
    screen.harness.key_press(Key::L);
    screen.edit(9);
    screen.frames(6);
    let (id, ..) = screen.tried().expect("it is tried");
    let problem = Problem {
        what: "The configuration file has an error.".to_owned(),
        still_works: "What runs goes on.".to_owned(),
        next_step: "Mend it.".to_owned(),
    };
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Failed(problem) });
    screen.frames(8);
    assert!(screen.sent().is_none(), "it would fail again");
    screen.edit(8);
    screen.frames(6);
    assert_eq!(screen.tried().map(|(_, _, waiting)| waiting), Some(8));
}

#[test]
fn an_edit_with_an_error_is_not_tried() {
    let mut screen = Screen::wide(fixture::snapshot());
    screen.harness.key_press(Key::L);
    screen.frames(2);
    screen.harness.state_mut().draft.edit("Break", |config| config.endpoints[0].account = "nobody".into());
    screen.frames(8);
    assert!(screen.sent().is_none());
    assert!(screen.harness.query_by_label("1 error blocks").is_some());
}

#[test]
fn a_running_session_counts_down_and_offers_its_three_answers() {
    for size in [egui::vec2(1280.0, 800.0), egui::vec2(760.0, 520.0)] {
        let mut screen = Screen::open(session(9), size);
        screen.frames(3);
        assert!(screen.harness.query_by_label("Reverting in 0:42").is_some());
        for label in ["Keep", "Revert now", "60 s more", "Live tuning"] {
            let rect = screen.harness.get_by_label(label).rect();
            assert!(rect.right() <= size.x && rect.width() > 20.0, "{label} is cut off at {size}: {rect}");
        }
        screen.click("Keep");
        assert!(matches!(screen.sent(), Some((_, Command::Live(LiveCommand::Keep)))));
        screen.click("Revert now");
        assert!(matches!(screen.sent(), Some((_, Command::Live(LiveCommand::Revert)))));
        screen.click("60 s more");
        assert!(matches!(screen.sent(), Some((_, Command::Live(LiveCommand::Extend)))));
    }
}

#[test]
fn what_was_taken_back_can_be_had_again_as_a_draft_which_is_not_tried_by_itself() {
    let mut screen = Screen::wide(fixture::snapshot());
    screen.harness.key_press(Key::L);
    screen.edit(9);
    screen.frames(6);
    let (id, ..) = screen.tried().expect("it is tried");
    screen.back.publish(session(9));
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Done(String::new()) });
    screen.frames(3);
    assert!(!screen.harness.state().draft().is_changed());

    screen.back.publish(fixture::snapshot());
    screen.frames(1);
    let body = NoticeBody::Reverted { revision: 14, why: RevertCause::Unconfirmed(60) };
    screen.back.tell(Notice { id: None, body });
    screen.frames(3);
    assert!(screen.harness.query_by_label("Limits went back to rev 14: not confirmed within 60 s.").is_some());
    assert!(!screen.harness.state().draft().is_changed());
    screen.click("Re-apply as draft");
    screen.frames(8);
    let draft = screen.harness.state().draft();
    assert_eq!((draft.working().queue.max_waiting, draft.base_revision()), (9, 14));
    assert!(draft.is_changed());
    assert!(screen.sent().is_none(), "live tuning is off by now");
}
