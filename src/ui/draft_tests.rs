use std::sync::Arc;

use super::*;
use crate::model::config::AdminState;
use crate::model::id::EndpointId;
use crate::ui::fixture;

fn applied() -> Applied {
    Applied::clone(&fixture::snapshot().applied)
}

fn cap(draft: &Draft) -> Option<u64> {
    draft.working().endpoints[0].soft_cap_tokens_per_minute
}

#[test]
fn an_edit_is_one_named_step_and_undo_takes_exactly_it_back() {
    let mut draft = Draft::new(&applied());
    let before = Arc::clone(draft.working());
    draft.edit("Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(7_000));
    assert_eq!(draft.undo_label(), Some("Set soft cap"));
    assert_eq!(draft.changes().len(), 1);
    assert_eq!(draft.undo().as_deref(), Some("Set soft cap"));
    assert_eq!(*draft.working(), before);
    assert!(!draft.is_changed());
    assert_eq!(draft.redo().as_deref(), Some("Set soft cap"));
    assert_eq!(cap(&draft), Some(7_000));
}

#[test]
fn a_gesture_of_many_adjustments_is_one_step_with_the_last_label() {
    let mut draft = Draft::new(&applied());
    let before = cap(&draft);
    draft.edit("Earlier", |config| config.queue.max_waiting = 9);
    for value in [9_000, 8_000, 7_000] {
        draft.adjust("cap", format!("Set soft cap to {value}"), |config| {
            config.endpoints[0].soft_cap_tokens_per_minute = Some(value);
        });
    }
    assert_eq!(draft.undo_label(), Some("Set soft cap to 7000"));
    draft.undo();
    assert_eq!((cap(&draft), draft.undo_label()), (before, Some("Earlier")));
}

#[test]
fn what_one_gesture_changes_counts_as_one_however_many_fields_it_changes() {
    let mut draft = Draft::new(&applied());
    for value in [9_000, 8_000] {
        draft.adjust("border", "Move a border", |config| {
            config.endpoints[0].tokens_per_minute = Some(value);
            config.endpoints[1].tokens_per_minute = Some(value);
        });
    }
    draft.settle();
    assert_eq!((draft.changes().len(), draft.done_since()), (2, 1));
    draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    assert_eq!((draft.changes().len(), draft.done_since()), (3, 2));
    draft.edit("Shorten it more", |config| config.queue.max_waiting = 6);
    assert_eq!(draft.done_since(), 2, "the same again");
    for left in [2, 1, 0] {
        draft.undo();
        assert_eq!(draft.done_since(), left);
    }
    while draft.redo().is_some() {}
    assert_eq!(draft.done_since(), 2);

    let mut later = Draft::new(&applied());
    assert!(later.take_up(&draft.left().unwrap()));
    assert_eq!(later.done_since(), 3, "what was done before a restart is not known any more");
}

#[test]
fn a_gesture_that_returns_to_its_start_leaves_no_step() {
    let mut draft = Draft::new(&applied());
    let start = cap(&draft);
    for value in [Some(9_000), Some(8_000), start] {
        draft.adjust("cap", "Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = value);
    }
    assert_eq!(draft.undo_label(), None);
}

#[test]
fn two_gestures_are_two_steps() {
    let mut draft = Draft::new(&applied());
    for value in [9_000, 8_000] {
        draft.adjust("cap", "Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(value));
        draft.settle();
    }
    draft.undo();
    assert_eq!(cap(&draft), Some(9_000));
}

#[test]
fn the_history_holds_two_hundred_steps() {
    let mut draft = Draft::new(&applied());
    for value in 1..=250 {
        draft.edit(format!("{value}"), |config| config.queue.max_waiting = value);
    }
    let mut undone = 0;
    while draft.undo().is_some() {
        undone += 1;
    }
    assert_eq!((undone, draft.working().queue.max_waiting), (200, 50));
}

#[test]
fn an_unedited_draft_follows_a_new_revision() {
    let mut now = applied();
    let mut draft = Draft::new(&now);
    now.revision += 1;
    Arc::make_mut(&mut now.config).queue.max_waiting = 5;
    draft.follow(&now);
    assert_eq!(
        (draft.base_revision(), draft.working().queue.max_waiting, draft.is_changed()),
        (now.revision, 5, false)
    );
}

#[test]
fn pausing_an_endpoint_meanwhile_keeps_the_edit_and_is_not_undone_by_it() {
    let mut now = applied();
    let mut draft = Draft::new(&now);
    draft.edit("Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(7_000));
    now.revision += 1;
    Arc::make_mut(&mut now.config).endpoints[0].admin_state = AdminState::Paused;
    draft.follow(&now);
    assert_eq!(cap(&draft), Some(7_000));
    assert_eq!(draft.working().endpoints[0].admin_state, AdminState::Paused);
    assert_eq!(draft.changes().len(), 1, "{:?}", draft.changes());
    draft.undo();
    assert!(!draft.is_changed(), "{:?}", draft.changes());
}

#[test]
fn an_applied_draft_can_still_be_undone_as_a_new_change() {
    let mut now = applied();
    let mut draft = Draft::new(&now);
    let before = cap(&draft);
    draft.edit("Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(7_000));
    draft.applying(CommandId(3));
    assert!(
        draft.hear(&Notice { id: Some(CommandId(3)), body: NoticeBody::Applied { revision: 99, findings: vec![] } })
    );
    now.revision = 99;
    now.config = Arc::clone(draft.working());
    draft.follow(&now);
    assert!(!draft.is_changed());
    draft.undo();
    assert_eq!(cap(&draft), before);
    assert!(draft.is_changed());
}

#[test]
fn what_runs_again_as_before_leaves_no_step_that_changes_nothing() {
    let mut now = applied();
    let before = Arc::clone(&now.config);
    let mut draft = Draft::new(&now);
    draft.edit("Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(7_000));
    draft.applying(CommandId(3));
    draft.hear(&Notice { id: Some(CommandId(3)), body: NoticeBody::Applied { revision: 99, findings: vec![] } });
    (now.revision, now.config) = (99, Arc::clone(draft.working()));
    draft.follow(&now);
    (now.revision, now.config) = (100, before);
    draft.follow(&now);
    assert!(!draft.is_changed());
    assert_eq!((draft.undo_label(), draft.redo_label()), (None, None));
}

#[test]
fn a_draft_from_before_a_restart_comes_on_top_of_what_changed_meanwhile() {
    let mut now = applied();
    let mut draft = Draft::new(&now);
    assert_eq!(draft.left(), None);
    draft.edit("Set soft cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(7_000));
    let left = draft.left().unwrap();
    Arc::make_mut(&mut now.config).queue.max_waiting = 5;
    let mut draft = Draft::new(&now);
    assert!(draft.take_up(&left));
    assert_eq!((cap(&draft), draft.working().queue.max_waiting, draft.changes().len()), (Some(7_000), 5, 1));
    draft.undo();
    assert!(!draft.is_changed());
}

#[test]
fn a_new_error_blocks_applying_and_a_rejection_is_shown() {
    let mut draft = Draft::new(&applied());
    draft.edit("Break", |config| config.endpoints[0].account = "nobody".into());
    assert!(draft.apply().is_none());
    assert_eq!(draft.blocking().count(), 1);
    draft.undo();
    draft.edit("Fine", |config| config.queue.max_waiting = 7);
    assert!(draft.apply().is_some());
    draft.applying(CommandId(8));
    assert!(draft.apply().is_none(), "not twice at once");
    let finding = check(&{
        let mut config = Config::clone(draft.working());
        config.endpoints[0].account = "nobody".into();
        config
    });
    draft.hear(&Notice { id: Some(CommandId(8)), body: NoticeBody::Rejected(finding) });
    assert!(draft.findings().any(|finding| finding.message.contains("nobody")));
    assert!(!draft.is_applying());
}

#[test]
fn a_move_between_groups_reads_as_a_move() {
    let mut draft = Draft::new(&applied());
    draft.edit("Move", |config| {
        let groups = &mut config.routes[0].groups;
        let last = groups.len() - 1;
        let member = groups[last].endpoints.remove(0);
        groups[0].endpoints.push(member);
    });
    let id = EndpointId::from("sim-sweden");
    assert_eq!(draft.changes(), [format!("{id} moves from last resort to first choice in route demo-chat.")]);
}
