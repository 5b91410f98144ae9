//! Menus and sheets: whatever opens over a page has names and roles, is whole within the window, is reached by Tab, and Esc
//! closes it.

use std::collections::BTreeSet;

use egui::accesskit::Action as Asked;
use egui::{Key, Modifiers, Role, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::{Console, Page, Preferences};
use crate::contract::{BackEnd, Notice, NoticeBody};
use crate::ui::actions::Action;
use crate::ui::{fixture, theme};

struct Person {
    harness: Harness<'static, Console>,
    back: BackEnd,
}

impl Person {
    fn sits_before(size: Vec2) -> Self {
        let mut snapshot = fixture::with_keys();
        snapshot.profile = fixture::empty().profile;
        let (line, back, _) = crate::contract::line(snapshot);
        let console = Console::with(line, Preferences::default(), Box::new(|_| {}));
        let mut harness = Harness::builder()
            .with_size(size)
            .with_context_setup(theme::install)
            .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
        harness.run_steps(4);
        Self { harness, back }
    }

    fn press(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::NONE, key);
        self.harness.run_steps(3);
    }

    /// By its keys, or from the search.
    fn do_it(&mut self, action: Action) {
        let entry = crate::ui::actions::entry(action).expect("it is in the table");
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
        self.harness.run_steps(3);
        self.harness.event(egui::Event::Text(format!(">{}", entry.label)));
        self.harness.run_steps(3);
        self.press(Key::Enter);
        self.harness.run_steps(3);
    }

    fn click(&mut self, name: &str) {
        // There are "More" and "More pages".
        let named = |label: Option<String>| {
            label.is_some_and(|label| label == name || label.starts_with(name) && name != "More")
        };
        let node = self.harness.get_by(|node| node.role() == Role::Button && named(node.label()));
        node.click();
        self.harness.run_steps(4);
    }

    /// Name and rectangle of each control that can be operated.
    fn controls(&self) -> Vec<(String, String, egui::Rect)> {
        let nodes = self.harness.root().children_recursive();
        let operated = nodes.filter(|node| {
            let data = node.accesskit_node();
            (data.data().supports_action(Asked::Click) || data.data().supports_action(Asked::Focus))
                && !data.is_disabled()
                && !matches!(data.role(), Role::Region | Role::Label)
        });
        let of = |node: egui_kittest::Node<'_>| {
            let data = node.accesskit_node();
            let words = [data.label(), data.value()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            (format!("{:?}", data.id()), format!("{:?} {words}", data.role()), node.rect())
        };
        operated.map(of).collect()
    }

    /// What is there that was not in `before`.
    fn added(&self, before: &BTreeSet<String>) -> Vec<(String, String, egui::Rect)> {
        self.controls().into_iter().filter(|(_, name, _)| !before.contains(name)).collect()
    }

    fn focused(&self) -> Option<String> {
        let nodes = self.harness.root().children_recursive();
        nodes
            .filter(|node| node.accesskit_node().is_focused())
            .map(|node| format!("{:?}", node.accesskit_node().id()))
            .last()
    }
}

/// What opens, and how.
enum Opens {
    By(Action),
    Button(&'static str),
}

/// Each with words that are there only while it is open.
fn overlays(small: bool) -> Vec<(Opens, &'static str)> {
    let mut all = vec![
        (Opens::By(Action::Help), "Priority group"),
        (Opens::By(Action::Shortcuts), "Getting around"),
        (Opens::By(Action::Revisions), "Restore as draft"),
        (Opens::By(Action::NewProfile), "Add and serve"),
        (Opens::By(Action::Review), "Review changes"),
        (Opens::Button("Notifications"), "Nothing has happened that you should know of."),
    ];
    if small {
        all.push((Opens::Button("More"), "Plots show the"));
    } else {
        all.push((Opens::Button("Profile "), "Serve with the profile"));
        all.push((Opens::Button("Plots show"), "Last 7 days"));
        all.push((Opens::Button("Copy the address for a shell"), "Copy as environment variables for"));
        all.push((Opens::Button("Arrange"), "Numbers"));
    }
    all
}

fn open(size: Vec2, opens: &Opens) -> (Person, BTreeSet<String>) {
    let mut person = Person::sits_before(size);
    if matches!(opens, Opens::By(Action::Review)) {
        let state = person.harness.state_mut();
        state.draft.edit("Shorten the line", |config| config.queue.max_waiting = 7);
        person.harness.run_steps(3);
    }
    let before = person.controls().into_iter().map(|(_, name, _)| name).collect();
    match opens {
        Opens::By(action) => person.do_it(*action),
        Opens::Button(name) => person.click(name),
    }
    (person, before)
}

const SIZES: [Vec2; 3] = [vec2(1280.0, 800.0), vec2(760.0, 520.0), vec2(380.0, 260.0)];

#[test]
fn whatever_opens_over_a_page_is_named_and_whole_and_escape_closes_it() {
    for size in SIZES {
        for (opens, words) in overlays(size.x < 800.0) {
            let (mut person, before) = open(size, &opens);
            let is_open = |person: &Person| person.harness.query_all_by_label_contains(words).next().is_some();
            assert!(is_open(&person), "{words} at {size} did not open");
            for (_, name, rect) in person.added(&before) {
                let nameless = name.split_once(' ').is_none_or(|(_, words)| words.trim().is_empty());
                assert!(!nameless && !name.starts_with("Unknown"), "{words} at {size}: {name} {rect}");
                let beside = rect.left() >= -1.0 && rect.right() <= size.x + 1.0;
                let ends_it = ["Close", "Cancel", "Apply changes", "Restore as draft", "Add and serve"];
                let stays = ends_it.iter().any(|last| name == format!("Button {last}"));
                let above = !stays || rect.top() >= 0.0 && rect.bottom() <= size.y;
                assert!(beside && above, "{words} at {size}: {name} is cut off at {rect}");
            }
            person.press(Key::Escape);
            person.press(Key::Escape);
            assert!(!is_open(&person), "{words} at {size} stays open");
        }
    }
}

#[test]
fn tab_reaches_every_control_of_whatever_opens_over_a_page() {
    for (opens, words) in overlays(false) {
        let (mut person, before) = open(SIZES[0], &opens);
        let mut reached = BTreeSet::new();
        for _ in 0..person.controls().len() + 8 {
            person.harness.key_press(Key::Tab);
            person.harness.run_steps(2);
            reached.extend(person.focused());
        }
        let missed: Vec<_> = person.added(&before).into_iter().filter(|(id, ..)| !reached.contains(id)).collect();
        assert!(missed.is_empty(), "{words}: Tab passes by {missed:#?}");
    }
}

#[test]
fn in_the_smallest_window_a_message_leaves_every_page_its_controls() {
    let mut person = Person::sits_before(vec2(380.0, 260.0));
    for page in Page::ALL {
        let link = Some(format!("tidegate://{}", page.name().to_lowercase()));
        person.back.tell(Notice { id: None, body: NoticeBody::Rung { link } });
        person.back.tell(Notice { id: None, body: NoticeBody::Done(format!("Said on {}", page.name())) });
        person.harness.run_steps(4);
        let shown = person.harness.get_by_role_and_label(Role::Region, &format!("{} page", page.name())).rect();
        let strip = person.harness.get_by_label("Close the message").rect();
        assert!(strip.top() >= shown.bottom() - 1.0, "{}: {strip} lies on {shown}", page.name());
        assert!(shown.height() >= 60.0, "{}: {shown} is too low to work in", page.name());
    }
}

#[test]
fn a_message_lies_on_nothing_of_a_sheet_and_is_seen_once_the_sheet_is_gone() {
    const LONG: &str = "The export could not be written: the disk is full. What was written before is there. Make room, then \
                        export again.";
    for size in SIZES {
        for (opens, words) in overlays(size.x < 800.0).into_iter().filter(|(opens, _)| matches!(opens, Opens::By(_))) {
            for text in ["Rev 15 applied", LONG] {
                let (mut person, _) = open(size, &opens);
                person.back.tell(Notice { id: None, body: NoticeBody::Done(text.to_owned()) });
                person.harness.run_steps(6);
                let layer = person.harness.ctx.memory(egui::Memory::top_modal_layer).expect("a sheet is open");
                let sheet = person.harness.ctx.memory(|memory| memory.area_rect(layer.id)).expect("it is drawn");
                let close = person.harness.query_by_label("Close the message").map(|close| close.rect());
                let said = person.harness.query_by_label(text).map(|said| said.rect());
                for lies in close.into_iter().chain(said) {
                    assert!(!lies.intersects(sheet), "{words} at {size}: {lies} lies on {sheet}");
                    assert!(lies.top() >= 0.0 && lies.bottom() <= size.y, "{words} at {size}: {lies}");
                }
                assert!(
                    close.is_some() || size.y < 400.0 || text == LONG,
                    "{words} at {size}: {text} waits at {sheet}"
                );
                person.press(Key::Escape);
                person.harness.run_steps(3);
                assert!(person.harness.query_by_label(text).is_some(), "{words} at {size}: it was lost");
            }
        }
    }
}

#[test]
fn what_hangs_at_the_pointer_and_an_open_menu_go_when_a_sheet_opens_over_them() {
    let mut person = Person::sits_before(vec2(1280.0, 800.0));
    let (hint, menu) = ("How far back plots reach, on every page", "Serve with the profile");
    let says = |person: &Person, text: &str| person.harness.query_all_by_label_contains(text).next().is_some();
    let button =
        person.harness.get_by(|node| node.label().is_some_and(|label| label.starts_with("Plots show the last")));
    let at = button.rect().center();
    person.harness.hover_at(at);
    person.harness.run_steps(60);
    assert!(says(&person, hint), "it hangs there");
    person.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    person.harness.run_steps(60);
    assert!(says(&person, "Search everything") && !says(&person, hint), "it does not hang over the sheet");
    person.press(Key::Escape);
    person.click("Profile ");
    assert!(says(&person, menu));
    person.harness.key_press(Key::F1);
    person.harness.run_steps(4);
    assert!(says(&person, "Priority group") && !says(&person, menu));
}
