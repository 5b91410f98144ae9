//! What the Overview says and where it leads; how it is arranged: by the menu, by dragging, and over restarts.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use egui::{Role, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::contract::Snapshot;
use crate::model::config::{AdminState, Service};
use crate::model::preferences::{Arrangement, Panel, Preferences, Reach};
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

struct Screen {
    harness: Harness<'static, Console>,
    kept: Rc<RefCell<Preferences>>,
}

fn screen(liked: Preferences) -> Screen {
    screen_with(fixture::snapshot(), liked)
}

fn screen_with(snapshot: Snapshot, liked: Preferences) -> Screen {
    let (line, _, _) = crate::contract::line(snapshot);
    let kept = Rc::new(RefCell::new(liked.clone()));
    let keep = Rc::clone(&kept);
    let console = Console::with(line, liked, Box::new(move |liked| *keep.borrow_mut() = liked.clone()));
    let mut harness =
        Harness::builder().with_size(vec2(1280.0, 1400.0)).with_context_setup(theme::install).build_ui_state(
            |ui, console: &mut Console| {
                console.logic(&ui.ctx().clone());
                console.ui(ui);
            },
            console,
        );
    harness.run_steps(4);
    Screen { harness, kept }
}

impl Screen {
    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(4);
    }

    fn top(&self, heading: &str) -> f32 {
        self.harness.get_by_role_and_label(Role::Label, heading).rect().top()
    }

    fn order(&self) -> Vec<Panel> {
        self.kept.borrow().overview.panels.iter().map(|one| one.what).collect()
    }
}

#[test]
fn a_panel_goes_up_by_the_menu_and_stands_there_after_a_restart() {
    let mut screen = screen(Preferences::default());
    assert!(screen.top("Last requests") > screen.top("Tokens per minute"));
    screen.click("Arrange");
    for _ in 0..3 {
        screen.click("Move Last requests up");
    }
    assert_eq!(screen.order(), [Panel::Recent, Panel::Tokens, Panel::Requests, Panel::States]);
    let again = self::screen(screen.kept.borrow().clone());
    assert!(again.top("Last requests") < again.top("Tokens per minute"));
}

#[test]
fn what_is_not_wanted_is_gone_and_comes_back_with_the_usual_arrangement() {
    let mut screen = screen(Preferences::default());
    let tiles = |screen: &Screen| screen.harness.query_all_by_label_contains("First token, p95: ").count();
    assert_eq!(tiles(&screen), 1);
    screen.click("Arrange");
    screen.harness.get_by_role_and_label(Role::CheckBox, "First token, p95").click();
    screen.harness.run_steps(2);
    screen.harness.get_by_role_and_label(Role::CheckBox, "Requests per minute").click();
    screen.harness.run_steps(4);
    assert_eq!(tiles(&screen), 0);
    assert!(screen.harness.query_by_role_and_label(Role::Label, "Requests per minute").is_none());
    screen.click("Back to the usual arrangement");
    assert_eq!((tiles(&screen), screen.kept.borrow().overview.clone()), (1, Arrangement::default()));
}

#[test]
fn a_panel_dragged_onto_another_takes_its_place() {
    let mut screen = screen(Preferences::default());
    let middle = |screen: &Screen, summary: &str| {
        let plots = screen.harness.query_all_by_role(Role::Image).chain(screen.harness.query_all_by_role(Role::Figure));
        let named = |label: Option<String>| label.is_some_and(|label| label.starts_with(summary));
        let mut plots = plots.filter(|node| named(node.accesskit_node().label()));
        plots.next().expect("the plot").rect().center()
    };
    let to = middle(&screen, "Requests per minute of");
    let grip = screen.harness.get_by_label("Move Tokens per minute with the arrow keys").rect().center();
    screen.harness.drag_at(grip);
    screen.harness.run_steps(2);
    for step in [0.3, 0.7, 1.0] {
        screen.harness.hover_at(grip + (to - grip) * step);
        screen.harness.run_steps(2);
    }
    screen.harness.drop_at(to);
    screen.harness.run_steps(4);
    assert_eq!(screen.order(), [Panel::Requests, Panel::Tokens, Panel::States, Panel::Recent]);
    assert!(middle(&screen, "Requests per minute of").x < middle(&screen, "Tokens per minute of").x);
}

#[test]
fn how_far_back_plots_reach_is_kept() {
    let mut screen = screen(Preferences::default());
    screen.harness.query_all_by_label("6 hours").next().expect("the choice").click();
    screen.harness.run_steps(4);
    assert_eq!(screen.kept.borrow().reach, Reach::SixHours);
    assert!(screen.harness.query_all_by_label_contains("States, ").next().is_none(), "of earlier hours none are kept");
}

#[test]
fn arrow_keys_on_a_panels_grip_move_it_and_it_keeps_the_keyboard() {
    let mut screen = screen(Preferences::default());
    screen.harness.get_by_label("Move States with the arrow keys").focus();
    screen.harness.run_steps(2);
    for _ in 0..2 {
        screen.harness.key_press(egui::Key::ArrowUp);
        screen.harness.run_steps(3);
    }
    assert_eq!(screen.order(), [Panel::States, Panel::Tokens, Panel::Requests, Panel::Recent]);
    screen.harness.key_press(egui::Key::ArrowDown);
    screen.harness.run_steps(3);
    assert_eq!(screen.order(), [Panel::Tokens, Panel::States, Panel::Requests, Panel::Recent]);
}

#[test]
fn the_last_requests_say_why_each_went_where_it_went() {
    let screen = screen(Preferences::default());
    let why = screen.harness.query_all_by_label_contains("First choice sim-ptu: 1,900 of");
    assert!(why.count() > 0);
    assert!(screen.harness.query_all_by_label_contains("Refused by us: ").count() > 0);
}

#[test]
fn a_tile_leads_to_what_explains_it() {
    for (tile, page, filter) in [
        ("Queue: ", Page::Queue, None),
        ("Requests/min: ", Page::Requests, Some("since:1m")),
        ("First token, p95: ", Page::Requests, Some("ttft>0 since:5m")),
    ] {
        let mut screen = screen(Preferences::default());
        screen.harness.query_all_by_label_contains(tile).next().expect("the tile").click();
        screen.harness.run_steps(4);
        assert_eq!(screen.harness.state().page(), page, "{tile}");
        if let Some(filter) = filter {
            let field = screen.harness.get_by_role_and_label(Role::TextInput, "Filter");
            assert_eq!(field.accesskit_node().value().as_deref(), Some(filter));
        }
    }
}

#[test]
fn what_is_usable_is_the_same_on_the_tile_and_in_the_plot_and_names_unknown_limits() {
    let mut snapshot = fixture::snapshot();
    {
        // One never had traffic, one is paused, and of one nobody knows the limit.
        let view = Arc::make_mut(&mut snapshot.view);
        let series = Arc::make_mut(&mut snapshot.series);
        view.endpoints[0].admin_state = AdminState::Paused;
        view.endpoints[2].tokens.limit = None;
        for (slot, one) in series.endpoints.iter_mut().enumerate() {
            let mut points: Vec<_> = one.points().copied().collect();
            for point in &mut points {
                match slot {
                    0 => point.admin_state = AdminState::Paused,
                    2 => point.token_limit = None,
                    3 => (point.tokens_used, point.requests_used, point.tokens_reserved) = (0, 0, 0),
                    _ => {}
                }
            }
            one.chunks = vec![points.into()];
        }
        // sim-eastus (96k) and sim-sweden are left.
        assert!(view.endpoints[1].serving());
    }
    let line = super::usable(&theme::Theme::default(), &snapshot);
    let screen = screen_with(snapshot, Preferences::default());
    let tiles = screen.harness.query_all_by_label_contains("Charged / usable TPM: ");
    let mut named = tiles.map(|tile| tile.accesskit_node().label().unwrap_or_default());
    let tile = named.find(|tile| tile.contains("Opens the quotas")).expect("the tile");
    assert!(tile.contains(" / 336k, limit of 1 unknown"), "{tile}");
    assert_eq!(line.name(), "usable 336k", "the line is what the tile says");
    assert!(screen.harness.query_by_label("Usable leaves out 1 endpoint: limit unknown").is_some());
}

#[test]
fn replace_key_in_the_list_opens_the_field_for_it() {
    let mut snapshot = fixture::with_keys();
    let rejected = Health::Resting { until: Timestamp::MAX, cause: RestCause::KeyRejected };
    Arc::make_mut(&mut snapshot.view).endpoints[3].health = rejected;
    let applied = Arc::make_mut(&mut snapshot.applied);
    Arc::make_mut(&mut applied.config).accounts[1].service = Service::Openai;
    let mut screen = screen_with(snapshot, Preferences::default());
    // The message that told of it has one, too.
    let top = |node: &egui_kittest::Node<'_>| node.rect().top();
    let both = screen.harness.query_all_by_label("Replace key");
    both.min_by(|one, other| top(one).total_cmp(&top(other))).expect("the row's").click();
    screen.harness.run_steps(4);
    assert_eq!(screen.harness.state().page(), Page::Accounts);
    let labels = screen.harness.query_all_by_label_contains("Next key of sim-b");
    assert!(labels.count() > 0, "the field for the key that is to follow");
}
