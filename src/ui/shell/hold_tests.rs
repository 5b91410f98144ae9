//! What stands still while the view is paused, and what does not.

use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::contract::snapshot::Serving;
use crate::ui::shell::tests::screen;
use crate::ui::{Console, fixture, theme};

#[test]
fn space_holds_what_pages_show_while_the_rest_goes_on_and_lets_go_again() {
    let (ui, back, _inbox) = crate::contract::line(fixture::snapshot());
    let console = Console::new(ui, &egui::Context::default());
    let mut screen = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    screen.run_steps(2);
    screen.key_press(Key::Space);
    screen.run_steps(2);
    let mut later = fixture::snapshot_at(fixture::SECOND + 60);
    if let Serving::Listening { paused, .. } = &mut later.serving {
        *paused = true;
    }
    let newer = later.records.total - fixture::snapshot().records.total;
    back.publish(later);
    screen.run_steps(2);
    assert!(screen.query_by_label_contains(&format!("{newer} newer requests")).is_some());
    assert!(screen.query_by_label("Paused by you").is_some(), "what is round the page goes on");
    screen.get_by_label("Resume").click();
    screen.run_steps(2);
    assert!(screen.query_by_label_contains("newer requests").is_none());
}

#[test]
fn space_on_a_focused_button_presses_it_and_holds_nothing() {
    let (ui, _back, mut inbox) = crate::contract::line(fixture::snapshot());
    let console = Console::new(ui, &egui::Context::default());
    let mut screen = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    screen.run_steps(2);
    screen.get_by_label("Pause serving").focus();
    screen.run_steps(2);
    screen.key_press(Key::Space);
    screen.run_steps(3);
    assert!(screen.query_by_label("Resume").is_none());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::pin!(inbox.next()).poll(&mut cx).is_ready(), "the button was pressed");
}

#[test]
fn space_on_a_pane_to_which_it_means_nothing_holds_the_view() {
    let mut screen = screen();
    screen.harness.run_steps(2);
    screen.harness.key_press(Key::F6);
    screen.harness.run_steps(2);
    assert!(screen.harness.ctx.memory(egui::Memory::focused).is_some(), "a pane has the keyboard");
    screen.harness.key_press(Key::Space);
    screen.harness.run_steps(2);
    assert!(screen.harness.query_by_label("Resume").is_some());
}
