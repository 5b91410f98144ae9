//! What an undo shows: where it changed something, for a moment, and the way there from elsewhere.

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::cx::{Page, Target};
use super::{Console, fixture, flash, theme};

fn console() -> Harness<'static, Console> {
    let (line, _back, _inbox) = fixture::line();
    let console = Console::new(line, &egui::Context::default());
    Harness::builder()
        .with_size(egui::vec2(1280.0, 900.0))
        .with_step_dt(0.25)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console)
}

fn go(screen: &mut Harness<'_, Console>, page: Page) {
    screen.get_by_role_and_label(egui::Role::Button, page.name()).click();
    screen.run_steps(3);
}

fn undo(screen: &mut Harness<'_, Console>) {
    screen.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    screen.run_steps(2);
}

/// Takes sim-westus out of its route.
fn remove_a_card(screen: &mut Harness<'_, Console>) {
    go(screen, Page::Routing);
    screen.get_by_label("sim-westus, second choice, position 2 of 2").focus();
    screen.run_steps(2);
    screen.key_press(Key::Delete);
    screen.run_steps(2);
}

#[test]
fn an_undo_frames_what_it_changed_for_a_moment_and_nothing_else() {
    let mut screen = console();
    remove_a_card(&mut screen);
    let framed = |screen: &Harness<'_, Console>, id: &str| flash::is_shown(&screen.ctx, &Target::Endpoint(id.into()));
    assert!(!framed(&screen, "sim-westus"), "what the person does themselves needs no frame");
    undo(&mut screen);
    assert!(framed(&screen, "sim-westus") && !framed(&screen, "sim-ptu"));
    screen.run_steps(7);
    assert!(!framed(&screen, "sim-westus"), "it is over");
    screen.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    screen.run_steps(2);
    assert!(
        flash::is_shown(&screen.ctx, &Target::Route("demo-chat".into())),
        "the card is gone, so its route is framed"
    );
}

#[test]
fn an_undo_of_something_on_another_page_offers_the_way_there() {
    let mut screen = console();
    remove_a_card(&mut screen);
    go(&mut screen, Page::Queue);
    undo(&mut screen);
    assert_eq!(screen.state().page(), Page::Queue, "nobody is led away unasked");
    screen.get_by_label("Show").click();
    screen.run_steps(3);
    assert_eq!(screen.state().page(), Page::Routing);
}

#[test]
fn an_undo_on_the_page_itself_offers_no_way() {
    let mut screen = console();
    remove_a_card(&mut screen);
    undo(&mut screen);
    assert!(screen.query_by_label("Show").is_none());
}

#[test]
fn the_page_moves_to_what_changed_only_if_that_is_out_of_sight() {
    let rect = |top: f32, bottom: f32| egui::Rect::from_x_y_ranges(0.0..=100.0, top..=bottom);
    let seen = rect(100.0, 500.0);
    assert!(!flash::is_out_of_sight(rect(150.0, 200.0), seen), "a card that is seen");
    assert!(!flash::is_out_of_sight(rect(-900.0, 400.0), seen), "a card larger than the window, whose end is seen");
    assert!(!flash::is_out_of_sight(rect(480.0, 520.0), seen), "one at the edge");
    assert!(flash::is_out_of_sight(rect(600.0, 640.0), seen), "one below");
    assert!(flash::is_out_of_sight(rect(-900.0, 120.0), seen), "a large one of which next to nothing is seen");
}
