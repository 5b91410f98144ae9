use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::*;
use crate::contract::snapshot::Applied;
use crate::contract::{BackEnd, CommandInbox, ServingCommand};
use crate::model::config::AdminState;
use crate::ui::fixture;
use crate::ui::theme;

pub(super) struct Screen {
    pub(super) harness: Harness<'static, Console>,
    inbox: CommandInbox,
    pub(super) back: BackEnd,
}

pub(super) fn screen_of(snapshot: Snapshot) -> Screen {
    let (ui, back, inbox) = crate::contract::line(snapshot);
    let console = Console::new(ui, &egui::Context::default());
    let harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    Screen { harness, inbox, back }
}

pub(super) fn screen() -> Screen {
    screen_of(fixture::snapshot())
}

impl Screen {
    pub(super) fn go(&mut self, page: Page) {
        self.harness.get_by_label(page.name()).click();
        self.harness.run_steps(4);
    }

    pub(super) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(4);
    }

    /// The command that was sent, if one was.
    pub(super) fn command(&mut self) -> Option<Command> {
        self.sent().map(|(_, command)| command)
    }

    pub(super) fn sent(&mut self) -> Option<(crate::model::id::CommandId, Command)> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let next = std::pin::pin!(self.inbox.next());
        match next.poll(&mut cx) {
            std::task::Poll::Ready(command) => command,
            std::task::Poll::Pending => None,
        }
    }

    pub(super) fn open_eastus(&mut self) {
        let target = Target::Endpoint("sim-eastus".into());
        self.harness.state_mut().trail.go(Page::Endpoints, Some(target.clone()));
        self.harness.state_mut().target = Some(target);
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
fn numbers_of_the_line_and_of_a_pool_say_what_runs_while_they_are_edited() {
    let said = |screen: &Screen, name: &str| {
        let field = screen.harness.get_by_role_and_label(egui::Role::TextInput, name);
        field.accesskit_node().description().unwrap_or_default()
    };
    let mut screen = screen();
    let before = screen.harness.state().draft().base().queue.clone();
    screen.harness.state_mut().draft.edit("Several", |config| {
        (config.queue.max_waiting, config.queue.max_wait_seconds, config.queue.bulk_share_percent) = (7, 7, 7);
        config.quota_pools[0].requests_per_1k_tokens = Some(7);
    });
    screen.harness.get_by_role_and_label(egui::Role::Button, Page::Queue.name()).click();
    screen.harness.run_steps(4);
    screen.click("Edit");
    let figures = [before.max_waiting, before.max_wait_seconds, before.bulk_share_percent];
    for (name, runs) in ["Requests held at most", "Longest wait", "Bulk's share at least"].into_iter().zip(figures) {
        assert_eq!(said(&screen, name), format!("applied: {}", crate::model::units::Grouped(runs.into())));
    }
    screen.go(Page::Quotas);
    assert_eq!(said(&screen, "Requests per 1,000 tokens of sim-b/eastus/demo"), "applied: 6");
    screen.harness.state_mut().draft.edit("State it", |config| config.quota_pools[0].requests_per_minute = Some(7));
    screen.harness.run_steps(3);
    assert_eq!(said(&screen, "Requests per minute of sim-b/eastus/demo"), "applied: 1,800");
}

#[test]
fn text_that_is_no_amount_stays_in_its_field_with_a_sentence() {
    let mut screen = screen();
    screen.open_eastus();
    screen.click("Limits");
    let field = || "Request limit of sim-eastus";
    screen.harness.get_by_label(field()).focus();
    screen.harness.run_steps(2);
    screen.harness.get_by_label(field()).type_text("x");
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label_contains("Not a number").is_some());
    assert!(!screen.harness.state().draft().is_changed());
    screen.harness.get_by_label(field()).focus();
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Escape);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label_contains("Not a number").is_none(), "Esc brings back what stood there");
}

#[test]
fn text_that_is_no_amount_goes_once_the_field_has_another_value() {
    let mut screen = screen();
    screen.open_eastus();
    screen.click("Limits");
    screen.harness.get_by_label("Request limit of sim-eastus").focus();
    screen.harness.run_steps(2);
    screen.harness.get_by_label("Request limit of sim-eastus").type_text("x");
    screen.harness.run_steps(2);
    screen.harness.key_press(egui::Key::Enter);
    screen.harness.run_steps(3);
    let edit = |config: &mut crate::model::config::Config| {
        for endpoint in &mut config.endpoints {
            endpoint.requests_per_minute = Some(77);
        }
    };
    screen.harness.state_mut().draft.edit("Others", edit);
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label_contains("Not a number").is_none());
}

/// Applies a draft, and has it run as this revision.
fn applied(screen: &mut Screen, revision: u64, edit: impl FnOnce(&mut crate::model::config::Config)) {
    screen.harness.state_mut().draft.edit("Something", edit);
    screen.harness.run_steps(3);
    screen.click("Apply");
    if screen.harness.state().reviewing {
        screen.click("Apply changes");
    }
    let Some((id, Command::Config(crate::contract::ConfigCommand::Apply { config, .. }))) = screen.sent() else {
        panic!("another command")
    };
    run(screen, config, revision);
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Applied { revision, findings: vec![] } });
    screen.harness.run_steps(4);
}

fn run(screen: &Screen, config: Arc<crate::model::config::Config>, revision: u64) {
    let applied = Applied { revision, config, ..Applied::clone(&screen.harness.state().line.latest().applied) };
    screen.back.publish(Snapshot { applied: applied.into(), ..fixture::snapshot() });
}

#[test]
fn only_what_was_applied_last_is_taken_back_and_only_while_it_runs() {
    let mut screen = screen();
    applied(&mut screen, 15, |config| config.queue.max_waiting = 7);
    applied(&mut screen, 16, |config| config.queue.max_waiting = 8);
    assert_eq!(screen.harness.query_all_by_label("Undo").count(), 1, "that of revision 16");
    // Something else runs by now of which no message came.
    let config = Arc::clone(screen.harness.state().draft().base());
    run(&screen, config, 17);
    screen.harness.run_steps(3);
    screen.click("Undo");
    assert!(screen.command().is_none());
    assert!(screen.harness.query_by_label("Nothing was taken back: rev 17 runs by now.").is_some());
}

#[test]
fn a_caller_that_was_removed_has_no_way_back_as_its_token_is_gone() {
    let mut screen = screen();
    let caller: crate::model::config::Caller = toml_edit::de::from_str("id = \"aider\"").unwrap();
    applied(&mut screen, 15, |config| config.callers.push(caller));
    assert!(screen.harness.query_by_label("Undo").is_some());
    applied(&mut screen, 16, |config| config.callers.clear());
    assert!(screen.harness.query_by_label("Rev 16 applied").is_some());
    assert!(screen.harness.query_by_label("Undo").is_none());
}

#[test]
fn what_was_applied_is_taken_back_from_its_message() {
    let mut screen = screen();
    let before = std::sync::Arc::clone(screen.harness.state().draft().base());
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.click("Apply");
    let Some((id, Command::Config(crate::contract::ConfigCommand::Apply { base, config }))) = screen.sent() else {
        panic!("another command")
    };
    let applied = Applied { config, revision: 15, ..Applied::clone(&screen.harness.state().line.latest().applied) };
    let now = Snapshot { applied: applied.into(), ..fixture::snapshot() };
    screen.back.publish(now);
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Applied { revision: 15, findings: vec![] } });
    screen.harness.run_steps(4);
    assert!(screen.harness.query_by_label("Rev 15 applied").is_some());
    screen.click("Undo");
    let Some(Command::Config(crate::contract::ConfigCommand::Apply { base: on, config })) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((on.revision, on.profile), (15, base.profile));
    assert_eq!(config, before);
}

#[test]
fn what_was_discarded_is_a_draft_again_from_its_message() {
    let mut screen = screen();
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.click("Discard");
    assert!(!screen.harness.state().draft().is_changed());
    // An edit made meanwhile stays, and is not what is taken back.
    screen.harness.state_mut().draft.edit("Cap", |config| config.endpoints[0].soft_cap_tokens_per_minute = Some(7_000));
    screen.harness.run_steps(2);
    screen.click("Re-apply as draft");
    let working = screen.harness.state().draft().working();
    assert_eq!((working.queue.max_waiting, working.endpoints[0].soft_cap_tokens_per_minute), (7, Some(7_000)));
    for times in 0..2 {
        screen.click("Discard");
        screen.harness.run_steps(2);
        assert_eq!(screen.harness.query_all_by_label("Re-apply as draft").count(), 1, "after {times} before");
        screen.harness.state_mut().draft.edit("Shorten", |config| config.queue.max_waiting = 8);
        screen.harness.run_steps(3);
    }
}

#[test]
fn an_apply_that_failed_has_nothing_to_take_back() {
    let mut screen = screen();
    screen.harness.state_mut().draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
    screen.harness.run_steps(3);
    screen.click("Apply");
    let Some((id, _)) = screen.sent() else { panic!("nothing was sent") };
    screen.back.tell(Notice { id: Some(id), body: NoticeBody::Rejected(vec![]) });
    screen.harness.run_steps(4);
    assert!(screen.harness.query_by_label_contains("Not applied").is_some());
    assert!(screen.harness.query_by_label("Undo").is_none());
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

fn cap(screen: &Screen) -> Option<u64> {
    let config = screen.harness.state().draft().working();
    config.endpoint(&"sim-eastus".into()).and_then(|one| one.soft_cap_tokens_per_minute)
}

fn drag_the_cap_down(screen: &mut Screen) -> egui::Pos2 {
    let from = screen.harness.get_by_label("Soft cap sim-eastus").rect().center();
    screen.harness.drag_at(from);
    screen.harness.run_steps(2);
    let to = from + egui::vec2(0.0, 40.0);
    screen.harness.hover_at(to);
    screen.harness.run_steps(2);
    to
}

#[test]
fn a_click_on_any_text_of_a_row_opens_its_endpoint() {
    for word in ["Enabled", "demo-chat · First choice"] {
        let mut screen = screen();
        screen.go(Page::Endpoints);
        let texts = screen.harness.get_all_by_label(word).map(|node| node.rect().center());
        let first = texts.min_by(|one, other| one.y.total_cmp(&other.y)).expect("a row has it");
        screen.harness.drag_at(first);
        screen.harness.run_steps(1);
        screen.harness.drop_at(first);
        screen.harness.run_steps(4);
        assert!(screen.harness.query_by_label("Soft cap sim-ptu").is_some(), "clicked on {word}");
    }
}

#[test]
fn escape_during_a_drag_restores_the_soft_cap() {
    let mut screen = screen();
    screen.open_eastus();
    let (before, to) = (cap(&screen), drag_the_cap_down(&mut screen));
    assert_ne!(cap(&screen), before, "the drag moved the line");
    screen.harness.key_press(egui::Key::Escape);
    screen.harness.run_steps(2);
    screen.harness.hover_at(to + egui::vec2(0.0, 10.0));
    screen.harness.run_steps(2);
    screen.harness.drop_at(to);
    screen.harness.run_steps(2);
    assert_eq!(cap(&screen), before);
    assert!(!screen.harness.state().draft().is_changed());
}

#[test]
fn a_soft_cap_dragged_with_the_mouse_lands_in_the_draft() {
    let mut screen = screen();
    screen.open_eastus();
    let (before, to) = (cap(&screen), drag_the_cap_down(&mut screen));
    screen.harness.drop_at(to);
    screen.harness.run_steps(4);
    assert!(cap(&screen) < before, "{:?}", cap(&screen));
    assert!(screen.harness.query_by_label("1 unapplied change").is_some());
}

#[test]
fn the_demo_tells_its_story_from_the_first_request_to_the_way_out() {
    let mut snapshot = fixture::snapshot();
    snapshot.arrivals.requests = 0;
    let mut screen = screen_of(snapshot.clone());
    screen.harness.run_steps(2);
    screen.click("Send a first request");
    assert_eq!(screen.harness.state().page(), Page::Connect);

    snapshot.arrivals.requests = 1;
    screen.back.publish(snapshot.clone());
    screen.harness.run_steps(2);
    screen.click("See what happens under load");
    let Some(Command::Demo(crate::contract::DemoCommand::Play(script))) = screen.command() else {
        panic!("another command")
    };
    assert_eq!(script, "rush-hour");

    snapshot.script = Some(crate::contract::snapshot::ScriptView {
        name: script,
        title: "Rush hour".to_owned(),
        elapsed_seconds: 23,
        total_seconds: 70,
        sent: 1_312,
        failed: 0,
    });
    screen.back.publish(snapshot.clone());
    screen.harness.run_steps(2);
    assert!(screen.harness.query_by_label("Rush hour · 0:23 of 1:10 · 1,312 sent · 0 failed").is_some());
    screen.click("Stop");
    assert!(matches!(screen.command(), Some(Command::Demo(crate::contract::DemoCommand::Stop))));

    snapshot.script = None;
    screen.back.publish(snapshot);
    screen.harness.run_steps(2);
    assert!(screen.harness.query_by_label("Rush hour is over: 1,312 requests sent, none failed.").is_some());
    screen.click("Now add a real endpoint");
    screen.click("Leave and add an endpoint");
    assert!(matches!(screen.command(), Some(Command::Demo(crate::contract::DemoCommand::Leave))));
    assert_eq!(screen.harness.state().page(), Page::Accounts);
}

#[test]
fn every_script_says_before_what_will_happen_and_is_played_from_the_strip() {
    let mut screen = screen();
    screen.harness.run_steps(2);
    screen.click("Other scripts");
    for script in crate::model::script::Script::ALL {
        assert!(screen.harness.query_all_by_label(script.promise()).next().is_some(), "{script:?}");
    }
    screen.click("Key revoked");
    let Some(Command::Demo(crate::contract::DemoCommand::Play(script))) = screen.command() else {
        panic!("another command")
    };
    assert_eq!((script.as_str(), screen.harness.state().page()), ("key-revoked", Page::Overview));
}

#[test]
fn a_taken_port_and_a_faulty_file_offer_their_next_step() {
    let mut snapshot = fixture::snapshot();
    if let Serving::Listening { instead_of, .. } = &mut snapshot.serving {
        let holder = Some("node (pid 4121)".to_owned());
        *instead_of = Some(crate::contract::snapshot::PortHeld { port: 8787, holder });
    }
    let problem = crate::contract::snapshot::Problem {
        what: "Line 41: weight must be a number.".to_owned(),
        still_works: "Still running rev 14.".to_owned(),
        next_step: "Mend the file, then reload it.".to_owned(),
    };
    Arc::make_mut(&mut snapshot.applied).file_problem = Some(problem);
    let mut screen = screen_of(snapshot);
    screen.harness.run_steps(2);
    assert!(screen.harness.query_by_label_contains("Port 8787 is used by node (pid 4121)").is_some());
    screen.click("Retry 8787");
    assert!(matches!(screen.command(), Some(Command::Serving(ServingCommand::RetryPort))));
    screen.click("Reload the file");
    assert!(matches!(screen.command(), Some(Command::Config(crate::contract::ConfigCommand::Reload))));
}

#[test]
fn the_tile_of_429s_leads_to_the_requests_behind_it() {
    let mut screen = screen();
    screen.harness.run_steps(2);
    screen
        .harness
        .get_by(|node| {
            node.role() == egui::Role::Button && node.label().is_some_and(|name| name.starts_with("429s, last min"))
        })
        .click();
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().page(), Page::Requests);
    let filter = screen.harness.get_by_role_and_label(egui::Role::TextInput, "Filter");
    assert_eq!(filter.accesskit_node().value().as_deref(), Some("429"));
}

#[test]
fn the_window_closes_itself_when_the_proxy_stops() {
    let (ui, back, _inbox) = crate::contract::line(fixture::snapshot());
    let ctx = egui::Context::default();
    let mut console = Console::new(ui, &ctx);
    let mut frame = |ctx: &egui::Context| {
        let mut shown = ctx.run_ui(egui::RawInput::default(), |ui| console.logic(ui.ctx()));
        shown.textures_delta.clear();
        shown.viewport_output.values().flat_map(|one| one.commands.clone()).collect::<Vec<_>>()
    };
    assert!(!frame(&ctx).contains(&egui::ViewportCommand::Close));
    back.publish(Snapshot { serving: Serving::Stopping { in_flight: 3 }, ..fixture::snapshot() });
    assert!(frame(&ctx).contains(&egui::ViewportCommand::Close));
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

#[test]
fn in_a_very_wide_window_a_page_of_cards_stands_in_the_middle() {
    let mut screen = screen();
    screen.go(Page::Connect);
    let mut left_at = |width: f32| {
        screen.harness.set_size(egui::vec2(width, 800.0));
        screen.harness.run_steps(4);
        screen.harness.get_by_label("Base URL").rect().left()
    };
    let (usual, wide, wider) = (left_at(1280.0), left_at(2560.0), left_at(2760.0));
    assert!(wide > usual + 300.0, "{usual} {wide}");
    assert!((wider - wide - 100.0).abs() < 0.5, "half of what more there is: {wide} {wider}");
}
