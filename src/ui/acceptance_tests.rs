//! What the acceptance list asks of the console as a whole: names, the way of the Tab key, room, words for each state.
//! `tests/acceptance.rs` says which number each belongs to.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use egui::accesskit::Action;
use egui::{Key, Modifiers, Rect, Role, Vec2, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::cx::Page;
use super::{Console, fixture, theme};
use crate::contract::snapshot::{KeyState, KeyringState, PortHeld, Problem, RecordsView, Serving};
use crate::contract::{BackEnd, Command, CommandInbox, ConfigCommand, HistoryView, Notice, NoticeBody, Snapshot};
use crate::model::preferences::Preferences;
use crate::model::record::{RecordEnd, RequestRecord};

/// A person before the console.
struct Person {
    harness: Harness<'static, Console>,
    back: BackEnd,
    inbox: CommandInbox,
}

/// A control as a screen reader meets it.
#[derive(Clone, Debug, PartialEq)]
struct Control {
    id: String,
    role: Role,
    name: String,
    rect: Rect,
}

impl Person {
    fn sits_before(snapshot: Snapshot, size: Vec2, preferences: Preferences) -> Self {
        let (line, back, inbox) = crate::contract::line(snapshot);
        let console = Console::with(line, preferences, Box::new(|_| {}));
        let mut harness = Harness::builder()
            .with_size(size)
            .with_context_setup(theme::install)
            .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
        harness.run_steps(4);
        Self { harness, back, inbox }
    }

    fn usual() -> Self {
        Self::sits_before(fixture::snapshot(), vec2(1280.0, 800.0), Preferences::default())
    }

    fn go(&mut self, page: Page) {
        self.harness.get_by_role_and_label(Role::Button, page.name()).click();
        self.harness.run_steps(4);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(4);
    }

    fn follow(&mut self, address: &str) {
        self.back.tell(Notice { id: None, body: NoticeBody::Rung { link: Some(address.to_owned()) } });
        self.harness.run_steps(5);
    }

    fn sent(&mut self) -> Option<Command> {
        let next = pin!(self.inbox.next());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(command) => command.map(|(_, command)| command),
            Poll::Pending => None,
        }
    }

    /// Everything a screen reader could say.
    fn spoken(&self) -> String {
        let mut text = String::new();
        for node in self.harness.root().children_recursive() {
            let node = node.accesskit_node();
            text.extend([node.label().unwrap_or_default(), node.value().unwrap_or_default(), "\n".to_owned()]);
        }
        text
    }

    /// Everything that can be operated, in the order of the tree.
    fn controls(&self) -> Vec<Control> {
        let nodes = self.harness.root().children_recursive();
        let enabled =
            nodes.filter(|node| is_control(node.accesskit_node().role()) && !node.accesskit_node().is_disabled());
        enabled.map(|node| control(&node)).collect()
    }

    /// Without rows, which scroll sideways as a whole, and without what is scrolled below the status line.
    fn in_sight(&self) -> Vec<Control> {
        // A low window has no status line.
        let status_line = self.harness.query_by_role_and_label(Role::Button, "Revisions");
        let foot = self.harness.ctx.content_rect().bottom();
        let floor = status_line.map_or(foot, |revisions| revisions.rect().top());
        // Entries of the navigation that are scrolled above it are not in sight either.
        let strip = self.harness.get_by_role_and_label(Role::Button, "Leave the demo").rect().bottom();
        let more = self.harness.query_by_role_and_label(Role::Button, "More pages").map(|more| more.rect().top());
        let scrolled_away = |control: &Control| {
            (control.rect.top() < strip || more.is_some_and(|more| control.rect.bottom() > more))
                && Page::ALL.iter().any(|page| page.name() == control.name)
        };
        let all = self.controls().into_iter().filter(|control| control.role != Role::Row && !scrolled_away(control));
        all.filter(|control| control.rect.bottom() < floor || control.name == "Revisions").collect()
    }

    fn focused(&self) -> Option<Control> {
        self.harness
            .root()
            .children_recursive()
            .find(|node| node.accesskit_node().is_focused())
            .map(|node| control(&node))
    }

    /// What Tab leads to, once round.
    fn tabbed(&mut self) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        for _ in 0..600 {
            self.press(Modifiers::NONE, Key::Tab);
            if let Some(control) = self.focused()
                && !seen.insert(control.id)
                && seen.len() > 3
            {
                break;
            }
        }
        seen
    }
}

fn control(node: &egui_kittest::Node<'_>) -> Control {
    let inner = node.accesskit_node();
    let bounds = inner.raw_bounds().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "points of a window")]
    let [left, top, right, bottom] = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|side| side as f32);
    Control {
        id: format!("{:?}", inner.id()),
        role: inner.role(),
        name: inner.label().unwrap_or_default(),
        rect: Rect::from_min_max(pos2(left, top), pos2(right, bottom)),
    }
}

fn is_control(role: Role) -> bool {
    use Role::{
        Button, CheckBox, ComboBox, Link, MenuItem, PasswordInput, RadioButton, Row, Slider, SpinButton, Switch, Tab,
        TextInput,
    };
    matches!(
        role,
        Button
            | CheckBox
            | ComboBox
            | Link
            | MenuItem
            | PasswordInput
            | RadioButton
            | Row
            | Slider
            | SpinButton
            | Switch
            | Tab
            | TextInput
    )
}

/// Links to what opens within pages.
const PLACES: [&str; 4] = [
    "tidegate://endpoints/sim-eastus",
    "tidegate://requests/r-0000c7",
    "tidegate://routing/demo-chat",
    "tidegate://settings/text",
];

/// What takes a click or the keyboard and has no role that says what it is.
fn unknown(person: &Person) -> Vec<Control> {
    let nodes = person.harness.root().children_recursive();
    let operated = nodes.filter(|node| {
        let (node, data) = (node.accesskit_node(), node.accesskit_node().data());
        let operable = data.supports_action(Action::Click) || data.supports_action(Action::Focus);
        operable && !node.is_disabled() && matches!(node.role(), Role::Unknown | Role::GenericContainer)
    });
    operated.map(|node| control(&node)).collect()
}

fn assert_named(person: &Person, place: &str) {
    let nameless: Vec<Control> =
        person.controls().into_iter().filter(|control| control.name.trim().is_empty()).collect();
    assert!(nameless.is_empty(), "{place}: {nameless:#?}");
    let unknown = unknown(person);
    assert!(unknown.is_empty(), "{place}: without a role: {unknown:#?}");
}

#[test]
fn every_control_of_every_page_and_every_sheet_has_a_role_and_a_name() {
    let mut person = Person::usual();
    for page in Page::ALL {
        person.go(page);
        assert_named(&person, page.name());
    }
    for place in PLACES {
        person.follow(place);
        assert_named(&person, place);
    }
    for (keys, sheet) in [
        ((Modifiers::NONE, Key::F1), "Help"),
        ((Modifiers::NONE, Key::Questionmark), "Keyboard shortcuts"),
        ((Modifiers::COMMAND, Key::K), "palette"),
    ] {
        person.press(keys.0, keys.1);
        assert_named(&person, sheet);
        person.press(Modifiers::NONE, Key::Escape);
    }
    person.go(Page::Accounts);
    person.click("Add account");
    assert_named(&person, "the form of an account");
    person.harness.get_by_label_contains("Notifications").click();
    person.harness.run_steps(4);
    assert_named(&person, "the notifications");
}

#[test]
fn tab_reaches_every_control_of_every_page() {
    for page in Page::ALL {
        let mut person = Person::usual();
        person.go(page);
        let reached = person.tabbed();
        // A table is one stop; its rows are gone through with J and K.
        let missed: Vec<String> = person
            .controls()
            .into_iter()
            .filter(|control| control.role != Role::Row && !reached.contains(&control.id))
            .map(|control| format!("{:?} {}", control.role, control.name))
            .collect();
        assert!(missed.is_empty(), "{}: Tab passes by {missed:#?}", page.name());
    }
}

/// Sizes of the window in points: at 100 and at 200 % text what the papers ask for.
const WINDOWS: [(&str, Vec2); 6] = [
    ("1280×800", vec2(1280.0, 800.0)),
    ("760×520", vec2(760.0, 520.0)),
    ("2560×1440", vec2(2560.0, 1440.0)),
    ("1280×800 at 200 %", vec2(640.0, 400.0)),
    ("1000×700 at 200 %", vec2(500.0, 350.0)),
    ("760×520 at 200 %", vec2(380.0, 260.0)),
];

#[test]
fn no_control_is_cut_off_or_lies_on_another_in_any_window_at_any_text_size() {
    let mut wrong = Vec::new();
    for (name, size) in WINDOWS {
        let mut person = Person::sits_before(fixture::snapshot(), size, Preferences::default());
        for page in Page::ALL {
            person.follow(&format!("tidegate://{}", page.name().to_lowercase()));
            let controls = person.in_sight();
            let place = format!("{} at {name}", page.name());
            let sideways = |control: &&Control| page != Page::Quotas || !of_a_wide_table(&control.name);
            let held: Vec<Control> = controls.iter().filter(sideways).cloned().collect();
            wrong.extend(cut_off(&held, size.x).map(|what| format!("{place}: cut off: {what}")));
            wrong.extend(overlapping(&controls).into_iter().map(|what| format!("{place}: overlapping: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The tables of the Quotas page have eleven columns and scroll sideways.
fn of_a_wide_table(name: &str) -> bool {
    ["Tokens per minute of", "Suggested for", "Soft cap of", "Quota pool of"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Those that reach beyond the sides of the window, where nothing scrolls.
fn cut_off(controls: &[Control], width: f32) -> impl Iterator<Item = String> {
    let beyond = move |control: &&Control| control.rect.left() < -1.0 || control.rect.right() > width + 1.0;
    controls.iter().filter(beyond).map(|control| format!("{} {:?}", control.name, control.rect))
}

/// Pairs of which neither contains the other and that share more than a hair.
fn overlapping(controls: &[Control]) -> Vec<String> {
    let mut pairs = Vec::new();
    for (place, one) in controls.iter().enumerate() {
        for other in &controls[place + 1..] {
            let shared = one.rect.intersect(other.rect);
            let within =
                one.rect.expand(1.0).contains_rect(other.rect) || other.rect.expand(1.0).contains_rect(one.rect);
            if shared.width() > 3.0 && shared.height() > 3.0 && !within {
                pairs.push(format!("{} {:?} and {} {:?}", one.name, one.rect, other.name, other.rect));
            }
        }
    }
    pairs
}

#[test]
fn every_plot_has_a_sentence_and_a_table() {
    let mut person = Person::usual();
    for (place, plots) in [("tidegate://overview", 2), ("tidegate://endpoints/sim-eastus", 1), ("tidegate://queue", 1)]
    {
        person.follow(place);
        let figures = |person: &Person| {
            let nodes = person.harness.root().children_recursive();
            nodes.filter(|node| node.accesskit_node().role() == Role::Figure).map(|node| control(&node).name).collect()
        };
        let told: Vec<String> = figures(&person);
        assert!(told.len() >= plots && told.iter().all(|words| words.contains(": now ")), "{place}: {told:?}");
        for words in &told {
            let name = format!("Show as table: {}", words.split(',').next().unwrap_or_default());
            person.harness.get_by_label(&name).click_accesskit();
            person.harness.run_steps(3);
            assert!(!figures(&person).contains(words), "{place}: {words} is still a plot");
            assert!(person.spoken().contains("Minutes ago"), "{place}: {words} has no table");
            person.harness.get_by_label(&name.replace("table", "plot")).click_accesskit();
            person.harness.run_steps(3);
        }
    }
}

#[test]
fn a_columns_edge_is_moved_by_arrow_keys_as_by_a_drag() {
    let mut person = Person::usual();
    person.go(Page::Requests);
    let edge =
        |person: &Person| person.harness.get_by_role_and_label(Role::Splitter, "Width of Status").rect().center();
    let before = edge(&person).x;
    person.harness.get_by_role_and_label(Role::Splitter, "Width of Status").focus();
    person.press(Modifiers::NONE, Key::ArrowRight);
    assert!((edge(&person).x - before - 16.0).abs() < 1.0, "from {before} to {}", edge(&person).x);
    person.press(Modifiers::NONE, Key::ArrowLeft);
    person.press(Modifiers::NONE, Key::ArrowLeft);
    assert!((edge(&person).x - before + 16.0).abs() < 1.0, "from {before} to {}", edge(&person).x);
    let at = edge(&person);
    person.harness.drag_at(at);
    person.harness.run_steps(2);
    person.harness.hover_at(at + vec2(40.0, 0.0));
    person.harness.run_steps(2);
    person.harness.drop_at(at + vec2(40.0, 0.0));
    person.harness.run_steps(2);
    assert!((edge(&person).x - at.x - 40.0).abs() < 3.0, "dragged from {} to {}", at.x, edge(&person).x);
}

#[test]
fn the_inspectors_edge_is_moved_by_arrow_keys_too() {
    let mut person = Person::usual();
    for place in ["tidegate://requests/r-0000c7", "tidegate://endpoints/sim-eastus"] {
        person.follow(place);
        if place.contains("endpoints") {
            person.press(Modifiers::NONE, Key::F4);
        }
        let edge =
            |person: &Person| person.harness.get_by_role_and_label(Role::Splitter, "Resize panel").rect().center().x;
        let before = edge(&person);
        person.harness.get_by_role_and_label(Role::Splitter, "Resize panel").focus();
        person.press(Modifiers::NONE, Key::ArrowRight);
        let narrower = edge(&person);
        assert!(narrower > before + 10.0, "{place}: from {before} to {narrower}");
        person.press(Modifiers::NONE, Key::ArrowLeft);
        assert!(edge(&person) < narrower - 10.0, "{place}: wider again, from {narrower} to {}", edge(&person));
    }
}

#[test]
fn the_copied_base_url_is_that_of_the_port_that_serves_and_the_holder_of_the_other_is_named() {
    let mut snapshot = fixture::snapshot();
    snapshot.serving = Serving::Listening {
        base_url: "http://127.0.0.1:8788/v1".into(),
        paused: false,
        instead_of: Some(PortHeld { port: 8787, holder: Some("node (pid 4121)".to_owned()) }),
    };
    let mut person = Person::sits_before(snapshot, vec2(1280.0, 800.0), Preferences::default());
    assert!(person.spoken().contains("Port 8787 is used by node (pid 4121)"));
    person.harness.get_by_label("Copy base URL").click();
    let mut copied = Vec::new();
    for _ in 0..4 {
        person.harness.step();
        let commands = &person.harness.output().platform_output.commands;
        copied.extend(commands.iter().filter_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        }));
    }
    assert_eq!(copied, ["http://127.0.0.1:8788/v1"]);
}

#[test]
fn a_429_of_ours_and_one_of_the_service_are_told_apart_in_the_rows_and_in_the_count() {
    let mut snapshot = fixture::snapshot();
    let records: Vec<_> = snapshot.records.iter().cloned().collect();
    let spilled = records.iter().find(|record| record.attempts.len() == 2).expect("one spilled");
    let mut passed_on = RequestRecord::clone(spilled);
    passed_on.attempts.truncate(1);
    (passed_on.status, passed_on.end) = (429, RecordEnd::Failed);
    let ours = records.iter().find(|record| record.end == RecordEnd::Refused).expect("one was refused");
    let chunk = vec![Arc::new(passed_on), Arc::clone(ours)];
    snapshot.records = Arc::new(RecordsView { total: 200, dropped: 0, chunks: vec![chunk.into()] });
    snapshot.history = HistoryView::default();
    let mut person = Person::sits_before(snapshot, vec2(1280.0, 800.0), Preferences::default());
    person.go(Page::Requests);
    let rows: Vec<String> =
        person.controls().into_iter().filter(|control| control.role == Role::Row).map(|row| row.name).collect();
    assert_eq!(rows.len(), 2);
    let (ours, theirs): (Vec<&String>, Vec<&String>) = rows.iter().partition(|row| row.contains("429 by us"));
    assert!(ours[0].contains("Refused by us") && ours[0].contains("nowhere"), "{ours:?}");
    assert!(theirs[0].contains(", 429 failed, demo-chat to sim-eastus") && !theirs[0].contains("by us"), "{theirs:?}");
    assert!(person.spoken().contains("429 last min: 0 provider / "), "{}", person.spoken());
}

#[test]
fn without_a_keyring_the_accounts_page_says_where_keys_are_kept_and_what_to_install() {
    let mut snapshot = fixture::snapshot();
    let keys = Arc::make_mut(&mut snapshot.keys);
    let hint = "install gnome-keyring or enable KWallet's Secret Service".to_owned();
    keys.keyring = KeyringState::Missing { hint };
    keys.accounts[0].state = KeyState::InMemory { fingerprint: "1f2e3d4c".to_owned() };
    snapshot.profile.demo = false;
    let mut person = Person::sits_before(snapshot, vec2(1280.0, 800.0), Preferences::default());
    person.go(Page::Accounts);
    let spoken = person.spoken();
    assert!(spoken.contains(
        "No password service is running. Keys will be kept until you quit. To keep them, install gnome-keyring or enable \
         KWallet's Secret Service."
    ));
    assert!(spoken.contains("no keyring"), "the status line says it on every page");
}

#[test]
fn nothing_of_a_moved_card_leaves_before_apply() {
    let mut person = Person::usual();
    person.go(Page::Routing);
    person.harness.get_by_label_contains("sim-ptu, first choice").focus();
    person.harness.run_steps(2);
    person.press(Modifiers::ALT, Key::ArrowDown);
    let order = |config: &crate::model::config::Config| {
        let groups = &config.routes[0].groups;
        groups.iter().map(|group| group.endpoints.len()).collect::<Vec<_>>()
    };
    assert_eq!(order(person.harness.state().draft().working()), [3, 1]);
    person.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(order(person.harness.state().draft().working()), [1, 2, 1]);
    person.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::Z);
    assert_eq!(order(person.harness.state().draft().working()), [3, 1]);
    assert!(person.sent().is_none(), "the proxy heard of a draft");
    person.harness.get_by_role_and_label(Role::Button, "Apply").click();
    person.harness.run_steps(3);
    let Some(Command::Config(ConfigCommand::Apply { config, .. })) = person.sent() else {
        panic!("nothing was applied")
    };
    assert_eq!(order(&config), [3, 1]);
}

#[test]
fn an_error_says_what_to_copy_for_whoever_is_asked_for_help() {
    let mut person = Person::usual();
    let problem = Problem {
        what: "The key of acme was not stored.".to_owned(),
        still_works: "Other accounts are not affected.".to_owned(),
        next_step: "Try again.".to_owned(),
    };
    person.back.tell(Notice { id: None, body: NoticeBody::Failed(problem) });
    person.harness.run_steps(2);
    person.harness.get_by_label("Copy details").click();
    let mut copied = Vec::new();
    for _ in 0..3 {
        person.harness.step();
        let commands = &person.harness.output().platform_output.commands;
        copied.extend(commands.iter().filter_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        }));
    }
    let version = env!("CARGO_PKG_VERSION");
    let said = "The key of acme was not stored. Other accounts are not affected. Try again.";
    assert_eq!(copied, [format!("Tidegate {version}: {said}")]);
}

#[test]
fn ctrl_n_opens_the_form_of_the_page_with_the_keyboard_in_it() {
    let mut person = Person::usual();
    person.go(Page::Routing);
    person.press(Modifiers::COMMAND, Key::N);
    assert_eq!(person.focused().map(|control| control.name).as_deref(), Some("Model name that clients send"));
    person.press(Modifiers::NONE, Key::Escape);
    assert_ne!(person.focused().map(|control| control.role), Some(Role::TextInput), "it lets the keyboard go again");
    person.go(Page::Accounts);
    person.press(Modifiers::COMMAND, Key::N);
    assert!(person.spoken().contains("Paste anything"), "the form for an account");
}

#[test]
fn j_and_k_stay_inside_the_filter() {
    let mut snapshot = fixture::snapshot();
    snapshot.history = HistoryView::default();
    let mut person = Person::sits_before(snapshot, vec2(1280.0, 800.0), Preferences::default());
    person.follow("tidegate://requests?filter=status%3E%3D400%20-endpoint%3Aeastus");
    let passes = person.controls().into_iter().filter(|control| control.role == Role::Row).count();
    assert!(passes >= 2, "{passes} rows pass");
    for key in [Key::J, Key::K, Key::K, Key::K, Key::K, Key::K, Key::J] {
        person.press(Modifiers::NONE, key);
        let nodes = person.harness.root().children_recursive();
        let held: Vec<String> = nodes
            .filter(|node| node.accesskit_node().role() == Role::Row)
            .filter(|node| node.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True))
            .map(|node| control(&node).name)
            .collect();
        assert!(held.len() == 1 && held[0].contains("429"), "{key:?} led to {held:?}");
    }
}

/// What three people might paste: a project's key, an older one, and one of an Azure resource.
const KEYS: [&str; 3] =
    ["sk-proj-Zq81xWcV55bNmKtR7yLp", "sk-Hh27TbQ9mXvC4uYwE1oPsD63kLjG", "9f3c1e7a5b2d4860a1c3e5f7092b4d6e"];

/// The parts by which a key would be known even if its beginning were masked.
fn is_told(text: &str, key: &str) -> bool {
    text.contains(&key[key.len() - 10..])
}

#[test]
fn three_keys_are_in_nothing_that_the_console_shows_copies_or_remembers() {
    let mut snapshot = fixture::snapshot();
    snapshot.history = HistoryView::default();
    let mut person = Person::sits_before(snapshot, vec2(1280.0, 800.0), Preferences::default());
    let mut told = String::new();
    for key in KEYS {
        for (page, field) in [(Page::Requests, "Filter"), (Page::Settings, "Find a setting")] {
            person.go(page);
            person.harness.get_by_role_and_label(Role::TextInput, field).focus();
            person.harness.run_steps(2);
            person.harness.event(egui::Event::Paste(key.to_owned()));
            person.harness.run_steps(3);
            told += &person.spoken();
        }
        person.go(Page::Accounts);
        person.click("Add account");
        person.harness.get_by_role_and_label(Role::PasswordInput, "Paste anything").focus();
        person.harness.run_steps(2);
        person.harness.event(egui::Event::Paste(format!("OPENAI_API_KEY={key}")));
        person.harness.run_steps(3);
        told += &person.spoken();
        person.harness.get_by_label("Cancel").click_accesskit();
        person.harness.run_steps(3);
    }
    person.go(Page::Requests);
    for (modifiers, key) in [(Modifiers::NONE, Key::J), (Modifiers::NONE, Key::C), (Modifiers::SHIFT, Key::C)] {
        // Straight into the frame that is looked at: what is copied is in that frame's output alone.
        let input = person.harness.input_mut();
        input.events.push(egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers });
        for _ in 0..4 {
            person.harness.step();
            let _ = write!(told, "{:?}", person.harness.output().platform_output.commands);
        }
    }
    assert!(told.contains("/chat/completions"), "nothing was copied");
    let draft = person.harness.state().draft();
    let _ = write!(told, "{:?} {:?} {:?}", draft.working(), draft.undo_label(), draft.changes());
    for key in KEYS {
        assert!(!is_told(&told, key), "{key} was told");
    }
}
