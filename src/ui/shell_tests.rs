use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::*;
use crate::contract::{BackEnd, CommandInbox, EndpointCommand, ServingCommand};
use crate::model::config::AdminState;
use crate::ui::fixture;

struct Screen {
    harness: Harness<'static, Console>,
    inbox: CommandInbox,
    back: BackEnd,
}

fn screen_of(snapshot: Snapshot) -> Screen {
    let (ui, back, inbox) = crate::contract::line(snapshot);
    let console = Console::new(ui, &egui::Context::default());
    let harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    Screen { harness, inbox, back }
}

fn screen() -> Screen {
    screen_of(fixture::snapshot())
}

impl Screen {
    fn go(&mut self, page: Page) {
        self.harness.get_by_label(page.name()).click();
        self.harness.run_steps(4);
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(4);
    }

    /// The command that was sent, if one was.
    fn command(&mut self) -> Option<Command> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let next = std::pin::pin!(self.inbox.next());
        match next.poll(&mut cx) {
            std::task::Poll::Ready(command) => command.map(|(_, command)| command),
            std::task::Poll::Pending => None,
        }
    }

    fn open_eastus(&mut self) {
        self.harness.state_mut().target = Some(Target::Endpoint("sim-eastus".into()));
        self.harness.state_mut().page = Page::Endpoints;
        self.harness.run_steps(4);
    }
}

#[test]
fn clicking_a_name_in_the_navigation_shows_its_page() {
    let mut screen = screen();
    for page in Page::ALL.into_iter().rev() {
        screen.go(page);
        assert_eq!(screen.harness.state().page(), page);
    }
}

#[test]
fn the_pause_button_of_an_endpoint_sends_the_command() {
    let mut screen = screen();
    screen.go(Page::Endpoints);
    screen.click("Pause sim-westus");
    let sent = screen.command();
    let Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))) = sent else { panic!("another command") };
    assert_eq!((id.as_str(), state), ("sim-westus", AdminState::Paused));
}

#[test]
fn the_soft_cap_moves_by_keys_in_steps_of_a_thousand_as_one_undo_step() {
    let mut screen = screen();
    screen.open_eastus();
    screen.harness.get_by_label("Soft cap sim-eastus").focus();
    screen.harness.run_steps(2);
    for key in [egui::Key::ArrowUp, egui::Key::ArrowUp, egui::Key::PageDown] {
        screen.harness.key_press(key);
        screen.harness.run_steps(2);
    }
    let draft = screen.harness.state().draft();
    let cap = draft.working().endpoint(&"sim-eastus".into()).and_then(|one| one.soft_cap_tokens_per_minute);
    assert_eq!(cap, Some(88_000));
    assert_eq!(draft.undo_label(), Some("Set soft cap sim-eastus to 88,000"));
    screen.harness.state_mut().draft.undo();
    assert!(!screen.harness.state().draft().is_changed());
}

#[test]
fn text_that_is_no_amount_stays_in_its_field_with_a_sentence() {
    let mut screen = screen();
    screen.open_eastus();
    let field = || "Request limit of sim-eastus";
    screen.harness.get_by_label(field()).focus();
    screen.harness.run_steps(2);
    screen.harness.get_by_label(field()).type_text("x");
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label_contains("Not a number").is_some());
    assert!(!screen.harness.state().draft().is_changed());
}

#[test]
fn the_draft_bar_comes_with_a_change_and_applying_sends_the_draft() {
    let mut screen = screen();
    assert!(screen.harness.query_by_label("Apply").is_none());
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.click("Review");
    assert!(screen.harness.query_by_label_contains("The line holds 7 requests").is_some());
    screen.click("Apply changes");
    let Some(Command::Config(crate::contract::ConfigCommand::Apply { base, config })) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((base, config.queue.max_waiting), (14, 7));
}

#[test]
fn listening_is_told_apart_from_being_able_to_answer() {
    let mut snapshot = fixture::snapshot();
    for endpoint in &mut Arc::make_mut(&mut snapshot.view).endpoints {
        endpoint.admin_state = AdminState::Paused;
    }
    let mut screen = screen_of(snapshot);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Serving, but no endpoint can answer").is_some());
    screen.click("Pause serving");
    assert!(matches!(screen.command(), Some(Command::Serving(ServingCommand::Pause))));
}

#[test]
fn an_empty_overview_offers_the_two_ways_on() {
    let mut screen = screen_of(fixture::empty());
    screen.harness.run_steps(3);
    screen.click("Try simulated endpoints");
    assert!(matches!(screen.command(), Some(Command::Demo(crate::contract::DemoCommand::Enter))));
}

#[test]
fn a_published_snapshot_is_what_the_next_frame_shows() {
    let mut screen = screen();
    let mut paused = fixture::snapshot();
    if let Serving::Listening { paused, .. } = &mut paused.serving {
        *paused = true;
    }
    screen.back.publish(paused);
    screen.harness.run_steps(2);
    assert!(screen.harness.query_by_label("Paused by you").is_some());
}

#[test]
fn every_control_of_every_page_has_a_name() {
    let mut screen = screen();
    for page in Page::ALL {
        screen.go(page);
        assert_names(&screen, &format!("{page:?}"));
    }
    screen.open_eastus();
    assert_names(&screen, "an endpoint");
}

fn assert_names(screen: &Screen, place: &str) {
    use egui::Role::{Button, CheckBox, ComboBox, Meter, Row, Slider, TextInput};
    let controls = screen.harness.root().children_recursive().filter(|node| {
        let role = node.accesskit_node().role();
        matches!(role, Button | CheckBox | ComboBox | Meter | Row | Slider | TextInput)
    });
    let nameless = controls
        .filter(|node| node.accesskit_node().label().is_none_or(|name| name.trim().is_empty()))
        .map(|node| format!("{:?} at {:?}", node.accesskit_node().role(), node.accesskit_node().bounding_box()))
        .collect::<Vec<_>>();
    assert!(nameless.is_empty(), "{place}: {nameless:?}");
}
