use egui::{Key, Modifiers, Role, vec2};
use egui_kittest::kittest::Queryable;

use crate::ui::cx::Page;
use crate::ui::shell::tests::{Screen, screen};

fn press(screen: &mut Screen, key: Key) {
    screen.harness.key_press_modifiers(Modifiers::NONE, key);
    screen.harness.run_steps(4);
}

fn type_in(screen: &mut Screen, field: &str, text: &str) {
    screen.harness.get_by_role_and_label(Role::TextInput, field).type_text(text);
    screen.harness.run_steps(4);
}

fn says(screen: &Screen, text: &str) -> bool {
    screen.harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn help_says_what_words_mean_and_one_field_looks_among_words_and_keys() {
    let mut screen = screen();
    press(&mut screen, Key::F1);
    assert!(says(&screen, "A total that several endpoints draw from"));
    type_in(&mut screen, "Look for a word or a key", "circuit");
    assert!(says(&screen, "Then one single request tries it"));
    assert!(!says(&screen, "A total that several endpoints draw from"));
    type_in(&mut screen, "Look for a word or a key", " zzz");
    assert!(says(&screen, "Nothing here has that in it."));
    press(&mut screen, Key::Escape);
    assert!(!says(&screen, "Nothing here has that in it."));
    press(&mut screen, Key::Questionmark);
    assert!(says(&screen, "Getting around"));
    type_in(&mut screen, "Look for a word or a key", "headroom");
    screen.click("1 found under What words mean");
    assert!(says(&screen, "What is free now"));
}

#[test]
fn one_field_finds_keys_by_their_names() {
    for (keys, does) in [("f6", "Next pane"), ("page up", "Move a limit line or a border")] {
        let mut screen = screen();
        press(&mut screen, Key::F1);
        type_in(&mut screen, "Look for a word or a key", keys);
        screen.click("1 found under Keyboard shortcuts");
        assert!(says(&screen, does), "{keys}");
        assert!(!says(&screen, "Larger, smaller and usual text"), "{keys}");
    }
}

#[test]
fn the_palette_answers_what_a_word_means_and_opens_help_at_it() {
    let mut screen = screen();
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    screen.harness.run_steps(4);
    type_in(&mut screen, "Search everything", "ttft");
    assert!(says(&screen, "TTFT: what it means, Time to first token: from the moment"));
    press(&mut screen, Key::Enter);
    let field = screen.harness.get_by_role_and_label(Role::TextInput, "Look for a word or a key");
    assert_eq!(egui_kittest::kittest::NodeT::accesskit_node(&field).value().as_deref(), Some("TTFT"));
    assert!(says(&screen, "95 of 100 requests were as quick"));
}

#[test]
fn a_heading_says_what_it_means_on_hover() {
    let mut screen = screen();
    screen.go(crate::ui::cx::Page::Endpoints);
    screen.harness.get_by_label("RPM").hover();
    screen.harness.run_steps(60);
    assert!(says(&screen, "Requests per minute: how many were sent in the last 60 seconds."));
}

#[test]
fn help_has_room_for_words_in_the_smallest_window_at_twice_the_text() {
    let mut screen = screen();
    screen.harness.set_size(vec2(380.0, 260.0));
    screen.harness.run_steps(2);
    press(&mut screen, Key::F1);
    let close = screen.harness.get_by_label("Close").rect();
    assert!(close.right() <= 380.0 && close.bottom() <= 260.0, "{close}");
    assert!(screen.harness.get_by_label("Account").rect().bottom() <= 260.0);
}

#[test]
fn a_key_that_is_pasted_into_a_search_is_refused_and_leads_to_accounts() {
    for opens in [(Modifiers::NONE, Key::F1), (Modifiers::COMMAND, Key::K)] {
        let mut screen = screen();
        screen.harness.key_press_modifiers(opens.0, opens.1);
        screen.harness.run_steps(4);
        let key = format!("sk-proj-{}", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ".repeat(2));
        screen.harness.event(egui::Event::Paste(key.clone()));
        screen.harness.run_steps(4);
        assert!(says(&screen, "That looks like a key."), "{opens:?}");
        assert!(!says(&screen, &key) && !format!("{:?}", screen.harness.root()).contains(&key));
        screen.click("Move it to Accounts?");
        screen.harness.run_steps(3);
        assert_eq!(screen.harness.state().page(), Page::Accounts);
    }
}
