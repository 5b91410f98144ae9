use super::*;
use crate::contract::snapshot::StreamView;
use crate::ui::fixture;

#[test]
fn a_waiting_request_says_how_much_it_lacks_where_and_about_how_long() {
    let snapshot = fixture::snapshot();
    let mut view = crate::model::status::BalancerView::clone(&snapshot.view);
    let free = view.endpoints[0].tokens.headroom().expect("its limit is known");
    let mut one = view.queue.list[0].clone();
    one.charge = free + 3_180;
    assert_eq!(waiting::waiting_for(&one, &view), "3,180 TPM more on sim-ptu; about 2 s");
    one.expected = Some(view.at);
    one.charge = free;
    assert_eq!(waiting::waiting_for(&one, &view), "its turn on sim-ptu; goes any moment");

    let until = view.at.after(std::time::Duration::from_secs(9));
    let cause = crate::model::status::RestCause::KeyRejected;
    view.endpoints[0].health = crate::model::status::Health::Resting { until, cause };
    one.expected = None;
    let most = view.endpoints[1..3].iter().filter_map(|one| one.tokens.headroom()).max().expect("known");
    one.charge = most + 100;
    assert_eq!(waiting::waiting_for(&one, &view), "100 TPM more on any second choice; not in time as things stand");
}

#[test]
fn what_waits_for_an_account_or_its_own_caller_says_so() {
    let mut view = crate::model::status::BalancerView::clone(&fixture::snapshot().view);
    let mut one = view.queue.list.remove(0);
    (one.cause, one.charge) = (crate::model::status::WaitCause::Account("files-home".into()), 0);
    assert_eq!(waiting::waiting_for(&one, &view), "account files-home, which is left alone for now; about 2 s");
    (one.cause, one.expected) = (crate::model::status::WaitCause::Caller, None);
    assert_eq!(waiting::waiting_for(&one, &view), "its caller's own limits; nobody knows how long");
}

#[test]
fn a_pace_is_told_once_there_is_time_enough_to_measure_it() {
    let stream = StreamView { request: RequestId(1), since: Timestamp::from_secs(10), tokens: 90 };
    assert_eq!(running::pace(&stream, Timestamp::from_millis(10_300)), None);
    assert_eq!(running::pace(&stream, Timestamp::from_secs(12)).as_deref(), Some("45"));
}

#[test]
fn requests_that_wait_for_a_connection_are_told_in_one_line_with_what_helps() {
    assert_eq!(at_the_door(0), None);
    let line = at_the_door(1).expect("one waits");
    assert!(line.starts_with("1 more request waits for a connection") && line.contains("ulimit -n"), "{line}");
    assert!(at_the_door(1_200).expect("many wait").starts_with("1,200 more requests wait "));
}

#[test]
fn in_the_narrowest_window_the_plots_heading_keeps_clear_of_its_button_and_each_row_has_its_own() {
    use egui_kittest::kittest::Queryable;

    let (line, _back, _inbox) = crate::contract::line(fixture::snapshot());
    let console = crate::ui::Console::new(line, &egui::Context::default());
    let mut harness = egui_kittest::Harness::builder()
        .with_size(egui::vec2(380.0, 900.0))
        .with_context_setup(crate::ui::theme::install)
        .build_ui_state(|ui, console: &mut crate::ui::Console| console.ui(ui), console);
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num6);
    harness.run_steps(4);
    let heading = harness.get_by_label("How many waited, second by second").rect();
    let button = harness.get_by_label("Show as table: Waiting requests").rect();
    assert!(!heading.intersects(button), "{heading:?} and {button:?}");
    let cancel: Vec<egui::Rect> = harness.query_all_by_label("Cancel").map(|button| button.rect()).collect();
    assert!(!cancel.is_empty() && cancel.iter().all(|button| button.right() < 350.0), "{cancel:?}");
}
