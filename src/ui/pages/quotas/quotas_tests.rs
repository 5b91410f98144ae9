//! Dividing a pool on screen: by mouse, by keys, and what is refused.

use std::sync::Arc;

use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::contract::{BackEnd, CommandInbox, Snapshot};
use crate::model::status::LimitSource;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

struct Screen {
    harness: Harness<'static, Console>,
    _back: BackEnd,
    _inbox: CommandInbox,
}

impl Screen {
    fn open(snapshot: Snapshot) -> Self {
        let (ui, back, inbox) = crate::contract::line(snapshot);
        let console = Console::new(ui, &egui::Context::default());
        let harness = Harness::builder()
            .with_size(vec2(1280.0, 800.0))
            .with_context_setup(theme::install)
            .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
        let mut screen = Self { harness, _back: back, _inbox: inbox };
        screen.click(Page::Quotas.name());
        screen
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(4);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    fn focus(&mut self, label: &str) {
        self.harness.get_by_label(label).focus();
        self.harness.run_steps(2);
    }

    fn shares(&self) -> (Option<u64>, Option<u64>) {
        let config = self.harness.state().draft().working();
        let share = |id: &str| config.endpoint(&id.into()).and_then(|endpoint| endpoint.tokens_per_minute);
        (share("sim-eastus"), share("sim-westus"))
    }

    fn undo_label(&self) -> Option<String> {
        self.harness.state().draft().undo_label().map(str::to_owned)
    }

    fn says(&self, words: &str) -> bool {
        self.harness.query_all_by_label_contains(words).next().is_some()
    }
}

#[test]
fn a_border_moves_by_keys_between_its_neighbours_and_says_its_value() {
    let mut screen = Screen::open(fixture::snapshot());
    screen.focus("Share of sim-eastus");
    screen.press(Modifiers::NONE, Key::ArrowRight);
    screen.press(Modifiers::NONE, Key::PageUp);
    assert_eq!(screen.shares(), (Some(131_000), Some(109_000)));
    let border = screen.harness.get_by_label("Share of sim-eastus");
    assert_eq!(border.accesskit_node().numeric_value(), Some(131_000.0));
    assert_eq!(screen.undo_label().as_deref(), Some("give sim-eastus 131,000 TPM of sim-b/eastus/demo"));
    screen.press(Modifiers::SHIFT, Key::ArrowRight);
    assert_eq!(screen.shares(), (Some(132_000), Some(109_000)), "shift takes from what is spare");
}

#[test]
fn a_dragged_border_is_one_step_and_escape_puts_it_back() {
    let mut screen = Screen::open(fixture::snapshot());
    let from = screen.harness.get_by_label("Share of sim-eastus").rect().center();
    for escape in [true, false] {
        screen.harness.drag_at(from);
        screen.harness.run_steps(2);
        for x in [20.0, 60.0, 40.0] {
            screen.harness.hover_at(from + vec2(x, 0.0));
            screen.harness.run_steps(2);
        }
        let (east, west) = screen.shares();
        assert!(east > Some(120_000), "{east:?}");
        assert_eq!(east.zip(west).map(|(east, west)| east + west), Some(240_000));
        assert_eq!(east.map(|east| east % 1_000), Some(0));
        if escape {
            screen.press(Modifiers::NONE, Key::Escape);
        }
        screen.harness.drop_at(from + vec2(40.0, 0.0));
        screen.harness.run_steps(3);
        assert_eq!(screen.shares() == (Some(120_000), Some(120_000)), escape);
    }
    assert!(screen.undo_label().is_some());
    screen.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(screen.shares(), (Some(120_000), Some(120_000)));
    assert_eq!(screen.undo_label(), None, "it was one step");
}

#[test]
fn a_locked_share_keeps_its_size_from_borders_and_buttons() {
    let mut screen = Screen::open(fixture::snapshot());
    screen.click("Lock the share of sim-westus");
    screen.focus("Share of sim-eastus");
    screen.press(Modifiers::NONE, Key::PageUp);
    assert_eq!(screen.shares(), (Some(120_000), Some(120_000)), "the neighbour is locked");
    screen.click("Even");
    assert_eq!(screen.shares(), (Some(180_000), Some(120_000)));
}

#[test]
fn more_than_a_providers_total_is_refused_with_what_to_free_and_ones_own_total_may_be_exceeded() {
    let mut screen = Screen::open(fixture::snapshot());
    let type_in = |screen: &mut Screen, text: &str| {
        screen.focus("TPM of sim-eastus");
        screen.press(Modifiers::COMMAND, Key::A);
        screen.harness.get_by_label("TPM of sim-eastus").type_text(text);
        screen.harness.run_steps(2);
        screen.press(Modifiers::NONE, Key::Enter);
    };
    type_in(&mut screen, "192k");
    assert!(screen.says("300,000 is the provider's total; free 12,000 first."));
    assert_eq!(screen.shares().0, Some(120_000));
    screen.click("My own total");
    type_in(&mut screen, "192k");
    assert_eq!(screen.shares().0, Some(192_000));
    assert!(screen.says("12,000 more than the total"));
}

#[test]
fn a_share_above_what_the_service_reports_is_pointed_out_beside_the_honesty_line() {
    let mut snapshot = fixture::snapshot();
    Arc::make_mut(&mut snapshot.view).endpoints[1].reported_tokens_per_minute = Some(90_000);
    let screen = Screen::open(snapshot);
    assert!(screen.says("Azure still enforces its own number."));
    assert!(screen.says("1 endpoint is given more than the service allows, which holds"));
    assert!(screen.says("sim-eastus: the service reports 90k; that holds"));
}

#[test]
fn that_the_service_states_less_is_said_on_quotas_at_the_plot_and_in_the_review() {
    let mut snapshot = fixture::snapshot();
    let view = &mut Arc::make_mut(&mut snapshot.view).endpoints[2];
    (view.reported_tokens_per_minute, view.provider_tokens_per_minute) = (Some(125_000), Some(120_000));
    let mut screen = Screen::open(snapshot);
    let words = "the service reports 125k; that holds";
    assert!(!screen.says(words), "less is given");
    screen.focus("Share of sim-eastus");
    screen.press(Modifiers::NONE, Key::PageDown);
    assert_eq!(screen.shares().1, Some(130_000));
    assert!(screen.says(&format!("sim-westus: {words}")));
    assert!(screen.says("allotted 130,000 TPM, "), "the segment is as wide as what is given");
    screen.press(Modifiers::COMMAND, Key::Enter);
    assert!(screen.says("Token limit of sim-westus: 120,000 TPM → 130,000 TPM."));
    assert!(screen.says(&format!("sim-westus: {words}.")), "the review says so before it is applied");
    screen.press(Modifiers::NONE, Key::Escape);
    screen.harness.get_by_role_and_label(egui::Role::Link, "sim-westus").click();
    screen.harness.run_steps(4);
    assert!(screen.says(&format!("Less than what is typed: {words}")), "at the plot");
}

#[test]
fn the_table_keeps_its_columns_while_what_it_says_changes() {
    let column = |screen: &Screen| {
        screen.harness.query_all_by_label("Quota pool").map(|heading| heading.rect().left()).reduce(f32::min)
    };
    let mut snapshot = fixture::snapshot();
    Arc::make_mut(&mut snapshot.view).endpoints[2].reported_tokens_per_minute = Some(125_000);
    let mut screen = Screen::open(snapshot);
    let before = column(&screen);
    assert!(before.is_some());
    screen.focus("Share of sim-eastus");
    for _ in 0..4 {
        screen.press(Modifiers::NONE, Key::PageDown);
        assert_eq!(column(&screen), before, "{:?}", screen.shares());
    }
}

#[test]
fn what_refusals_taught_is_said_below_the_table_and_not_as_what_headers_name() {
    let mut snapshot = fixture::snapshot();
    Arc::make_mut(&mut snapshot.view).endpoints[1].provider_tokens_per_minute = Some(90_000);
    let screen = Screen::open(snapshot);
    assert!(screen.says("sim-eastus: the service refused more than 90k; that holds"));
    assert!(!screen.says("Use 90,000 TPM for sim-eastus"), "no header named it");
}

#[test]
fn a_suggestion_is_taken_from_what_is_spare_as_far_as_that_goes() {
    let mut screen = Screen::open(fixture::snapshot());
    screen.click("Suggested for sim-eastus: 210,000 TPM");
    assert_eq!(screen.shares(), (Some(180_000), Some(120_000)));
}

#[test]
fn the_explanation_names_the_biggest_cause_and_the_commands_are_copied_for_what_runs() {
    let mut screen = Screen::open(fixture::snapshot());
    screen.click("Why am I throttled under my limit?");
    assert!(screen.says("client aider asks for max_tokens 4,000 and uses 1,204"));
    screen.press(Modifiers::NONE, Key::Escape);
    screen.harness.get_by_label("Copy Azure CLI commands").click();
    screen.harness.step();
    let commands = &screen.harness.output().platform_output.commands;
    let copied = |command: &egui::OutputCommand| matches!(command, egui::OutputCommand::CopyText(text) if text.ends_with("as it is"));
    assert!(commands.iter().any(copied), "{commands:?}");
}

#[test]
fn a_pools_requests_follow_its_ratio_until_they_are_stated() {
    let mut screen = Screen::open(fixture::snapshot());
    let pool = "sim-b/eastus/demo";
    screen.focus(&format!("Requests per 1,000 tokens of {pool}"));
    screen.press(Modifiers::COMMAND, Key::A);
    screen.harness.event(egui::Event::Text("10".to_owned()));
    screen.press(Modifiers::NONE, Key::Enter);
    assert_eq!(screen.undo_label(), Some(format!("set the ratio of requests of {pool} to 10")));
    screen.focus(&format!("Requests per minute of {pool}"));
    screen.harness.event(egui::Event::Text("900".to_owned()));
    screen.press(Modifiers::NONE, Key::Enter);
    let config = std::sync::Arc::clone(screen.harness.state().draft().working());
    let pool = &config.quota_pools[0];
    assert_eq!((pool.requests_per_minute, pool.requests_per_1k_tokens), (Some(900), Some(10)));
    assert!(screen.harness.query_by_label_contains("Requests per 1,000 tokens").is_none(), "what is stated wins");
}

#[test]
fn a_pinned_total_is_one_step_and_ones_own_total_has_nothing_to_pin() {
    let mut screen = Screen::open(fixture::snapshot());
    screen.click("Keep what is typed");
    assert!(screen.harness.state().draft().working().quota_pools[0].pinned);
    assert_eq!(screen.undo_label().as_deref(), Some("pin the total of sim-b/eastus/demo"));
    screen.click("Keep what is typed");
    screen.click("My own total");
    assert!(!screen.says("Keep what is typed"));
}

#[test]
fn a_pool_whose_limit_its_service_names_says_so() {
    let mut snapshot = fixture::snapshot();
    let pool = &mut Arc::make_mut(&mut snapshot.view).pools[0];
    (pool.tokens.source, pool.tokens.limit) = (LimitSource::Header, Some(210_000));
    assert!(Screen::open(snapshot).says("The service states the organization's limit: 210,000 TPM hold"));
}

#[test]
fn a_pool_that_refused_says_what_that_taught_and_when_it_is_asked_again() {
    let mut snapshot = fixture::snapshot();
    let id = snapshot.view.pools[0].id.clone();
    assert!(!Screen::open(snapshot.clone()).says("Learned from its 429s"));
    let at = snapshot.at;
    let pool = &mut Arc::make_mut(&mut snapshot.view).pools[0];
    (pool.tokens.source, pool.tokens.limit) = (LimitSource::Learned, Some(210_000));
    pool.rests_until = Some(at.after(std::time::Duration::from_secs(7)));
    let screen = Screen::open(snapshot);
    assert!(screen.says("Learned from its 429s: 210,000 TPM hold for now"), "{id}");
    assert!(screen.says("Throttled as a whole: one member probes in 0:07"), "{id}");
}

#[test]
fn what_a_service_reports_can_be_taken_over_into_the_draft() {
    let mut snapshot = fixture::snapshot();
    let mut view = crate::model::status::BalancerView::clone(&snapshot.view);
    let east = view.endpoints.iter_mut().find(|one| one.id.as_str() == "sim-eastus").unwrap();
    east.reported_tokens_per_minute = Some(90_000);
    snapshot.view = Arc::new(view);
    let mut screen = Screen::open(snapshot);
    assert!(screen.says("sim-eastus: the service reports 90k; that holds"));
    screen.harness.get_by_label("Use 90,000 TPM for sim-eastus").click_accesskit();
    screen.harness.run_steps(4);
    assert_eq!(screen.shares().0, Some(90_000));
    assert_eq!(screen.undo_label().as_deref(), Some("use the reported 90,000 TPM for sim-eastus"));
}

#[test]
fn more_charged_than_allotted_is_explained_and_by_how_the_service_counts() {
    use crate::model::config::Enforcement;
    let said = |charged: u64, enforcement: Enforcement| {
        let mut snapshot = fixture::snapshot();
        let east = &mut Arc::make_mut(&mut snapshot.view).endpoints[1];
        (east.tokens.used, east.last_minute.tokens) = (charged, charged);
        let mut applied = (*snapshot.applied).clone();
        let mut config = (*applied.config).clone();
        config.endpoints.iter_mut().for_each(|one| one.enforcement = enforcement);
        applied.config = Arc::new(config);
        snapshot.applied = Arc::new(applied);
        let screen = Screen::open(snapshot);
        ["Charged now above Allotted:", "More charged than allotted, provisioned:"]
            .map(|words| screen.harness.query_by_label_contains(words).is_some())
    };
    assert_eq!(said(10_000, Enforcement::SlidingLog), [false, false]);
    assert_eq!(said(130_000, Enforcement::SlidingLog), [true, false]);
    assert_eq!(said(130_000, Enforcement::Utilization), [false, true]);
}

#[test]
fn the_table_of_a_pool_has_room_in_a_usual_window_with_its_last_column() {
    let screen = Screen::open(fixture::snapshot());
    let pool = screen.harness.get_by_label("Quota pool of sim-eastus").rect();
    assert!(pool.right() < 1280.0 - 40.0, "{pool:?}");
}
