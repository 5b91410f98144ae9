use egui::{Rect, vec2};
use egui_kittest::kittest::{NodeT, Queryable};

use super::tests::{Screen, screen};
use super::*;

const LONG: &str = "The export could not be written: the disk is full. What was written before is there. Make room, then export again.";

fn said(size: egui::Vec2, text: &str) -> Screen {
    let mut screen = screen();
    screen.harness.set_size(size);
    screen.harness.run_steps(2);
    screen.go(Page::Endpoints);
    screen.back.tell(Notice { id: None, body: NoticeBody::Done(text.to_owned()) });
    screen.harness.run_steps(3);
    screen
}

/// Where the page and the message are.
fn places(screen: &Screen) -> (Rect, Rect) {
    let page = screen.harness.get_by_role_and_label(egui::Role::Region, "Endpoints page").rect();
    let close = screen.harness.get_by_label("Close the message").rect();
    (page, close)
}

#[test]
fn a_message_takes_room_at_the_foot_and_lies_on_nothing_of_the_page() {
    for size in [vec2(1280.0, 800.0), vec2(760.0, 520.0), vec2(380.0, 260.0)] {
        let mut screen = said(size, LONG);
        let (page, close) = places(&screen);
        assert!(close.top() >= page.bottom(), "{size}: {close} on {page}");
        assert!(close.right() <= size.x && close.bottom() <= size.y, "{size}: {close}");
        let text = screen.harness.get_by_label(LONG).rect();
        assert!(text.height() <= if size.x < 620.0 { 44.0 } else { 90.0 }, "{size}: {text}");
        let strip = size.y - page.bottom();
        screen.click("Close the message");
        assert!(screen.harness.query_by_label(LONG).is_none());
        let (after, before) =
            (screen.harness.get_by_role_and_label(egui::Role::Region, "Endpoints page").rect().bottom(), page.bottom());
        assert!(after > before, "{size}: the page has its room again ({after}, {before}, {strip})");
    }
}

#[test]
fn a_small_window_shows_the_newest_message_alone_and_a_large_one_up_to_three() {
    for (size, shown) in [(vec2(380.0, 260.0), 1), (vec2(1280.0, 800.0), 3)] {
        let mut screen = said(size, "one");
        for text in ["two", "three", "four"] {
            screen.back.tell(Notice { id: None, body: NoticeBody::Done(text.to_owned()) });
        }
        screen.harness.run_steps(3);
        assert_eq!(screen.harness.query_all_by_label("Close the message").count(), shown);
        assert!(screen.harness.query_by_label("four").is_some());
    }
}

#[test]
fn what_has_the_keyboard_at_the_foot_is_scrolled_clear_of_a_message() {
    let mut screen = screen();
    screen.harness.set_size(vec2(760.0, 520.0));
    screen.harness.run_steps(2);
    screen.harness.state_mut().trail.go(Page::Settings, None);
    screen.harness.run_steps(2);
    let bottom = screen.harness.get_by_role_and_label(egui::Role::Region, "Settings page").rect().bottom();
    let held = |screen: &Screen| {
        let focused = screen.harness.ctx.memory(egui::Memory::focused);
        focused.and_then(|id| screen.harness.ctx.read_response(id)).map(|one| one.rect)
    };
    for _ in 0..80 {
        screen.harness.key_press(egui::Key::Tab);
        screen.harness.run_steps(2);
        if held(&screen).is_some_and(|rect| (bottom - 20.0..=bottom).contains(&rect.bottom())) {
            break;
        }
    }
    let before = held(&screen).expect("something has the keyboard");
    assert!(before.bottom() > bottom - 20.0, "{before} is where the strip will be");
    screen.back.tell(Notice { id: None, body: NoticeBody::Done("done".to_owned()) });
    screen.harness.run_steps(6);
    let page = screen.harness.get_by_role_and_label(egui::Role::Region, "Settings page").rect();
    assert!(page.bottom() < before.bottom(), "the strip is there");
    let rect = held(&screen).expect("still there");
    assert!(rect.bottom() <= page.bottom() + 1.0, "{rect} below {page}");
}

#[test]
fn a_message_stays_its_time_from_when_it_is_seen_and_is_read_out() {
    let screen = said(vec2(1280.0, 800.0), "heard");
    let node = screen.harness.get_by_label("heard").accesskit_node();
    assert_eq!(node.live(), egui::accesskit::Live::Polite);
    let ends: Vec<_> = screen.harness.state().toasts.ends().collect();
    let now = screen.harness.ctx.input(|input| input.time);
    assert!(ends.iter().all(|end| (now + 5.0..now + 6.1).contains(end)), "{ends:?} at {now}");
}

#[test]
fn the_message_of_a_condition_goes_when_the_condition_is_over() {
    let mut screen = screen();
    let with = |generation: u64, is_rejected: bool| {
        let mut snapshot = crate::ui::fixture::snapshot();
        snapshot.generation = generation;
        let view = Arc::make_mut(&mut snapshot.view);
        view.pools.clear();
        for endpoint in &mut view.endpoints {
            endpoint.health = crate::model::status::Health::Healthy;
        }
        if is_rejected {
            let cause = crate::model::status::RestCause::KeyRejected;
            let until = crate::model::units::Timestamp::MAX;
            view.endpoints[0].health = crate::model::status::Health::Resting { until, cause };
        }
        snapshot
    };
    let says = |screen: &Screen| {
        let messages = screen.harness.query_all_by_role(egui::Role::Label);
        messages.filter(|node| node.accesskit_node().live() != egui::accesskit::Live::Off).count()
    };
    screen.back.publish(with(1_001, true));
    screen.harness.run_steps(2);
    let told = says(&screen);
    screen.back.publish(with(1_002, false));
    screen.harness.run_steps(2);
    assert!(told > says(&screen), "{told} before, {} after", says(&screen));
}

#[test]
fn a_countdown_is_read_out_once_and_its_end_again() {
    let ctx = egui::Context::default();
    let mut toasts = Toasts::default();
    let alert = |text: &str, over: bool| crate::ui::alerts::Alert {
        id: 7,
        kind: crate::ui::alerts::Kind::AllThrottled,
        subject: "m".to_owned(),
        text: text.to_owned(),
        target: None,
        web: None,
        since_wall_ms: 0,
        over,
    };
    toasts.add(&ctx, Toast { alert: Some(7), ..Toast::new(Tone::Throttled, "First back in 0:09.") });
    let mut heard = |text: &str, over: bool| {
        toasts.follow(&[alert(text, over)]);
        toasts.heard().next().expect("it stands")
    };
    assert!(!heard("First back in 0:09.", false), "it is new");
    assert!(heard("First back in 0:08.", false));
    assert!(!heard("It answers again.", true), "its end is news");
}

#[test]
fn an_undo_of_one_profile_is_not_offered_in_another() {
    let mut screen = screen();
    let work = || {
        // Its endpoints have the same names.
        let mut snapshot = crate::ui::fixture::snapshot();
        (snapshot.profile.demo, snapshot.profile.name) = (false, "Work".to_owned());
        snapshot
    };
    let paused = |id| Notice { id: Some(id), body: NoticeBody::Done("sim-westus is paused".to_owned()) };
    screen.go(Page::Endpoints);
    screen.click("Pause sim-westus");
    let (first, _) = screen.sent().expect("a command");
    screen.back.tell(paused(first));
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Undo").is_some());
    screen.click("Pause sim-eastus");
    let (second, _) = screen.sent().expect("a command");
    screen.back.tell(Notice { id: None, body: NoticeBody::Done("of no profile".to_owned()) });
    screen.harness.run_steps(3);

    screen.back.publish(work());
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("Undo").is_none(), "that of the page before");
    assert!(screen.harness.query_by_label("of no profile").is_some());
    screen.back.tell(paused(second));
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("sim-westus is paused").is_some(), "what was done is said");
    assert!(screen.harness.query_by_label("Undo").is_none(), "that of a command that was under way");
}

/// Begins to drag the soft cap of an endpoint.
fn begin_a_drag(screen: &mut Screen) -> egui::Pos2 {
    let from = screen.harness.get_by_label("Soft cap sim-eastus").rect().center();
    screen.harness.drag_at(from);
    screen.harness.run_steps(2);
    screen.harness.hover_at(from + vec2(0.0, 12.0));
    screen.harness.run_steps(2);
    assert!(screen.harness.ctx.dragged_id().is_some());
    from + vec2(0.0, 12.0)
}

#[test]
fn a_message_that_comes_during_a_drag_moves_no_bar_of_a_small_window_and_is_seen_after_it() {
    let mut screen = screen();
    screen.harness.set_size(vec2(760.0, 430.0));
    screen.open_eastus();
    let page = |screen: &Screen| screen.harness.get_by_role_and_label(egui::Role::Region, "Endpoints page").rect();
    let to = begin_a_drag(&mut screen);
    let before = page(&screen);
    screen.back.tell(Notice { id: None, body: NoticeBody::Done("heard".to_owned()) });
    screen.harness.run_steps(4);
    assert_eq!(page(&screen), before);
    assert!(screen.harness.query_by_label("heard").is_none());
    screen.harness.drop_at(to);
    screen.harness.run_steps(4);
    assert!(screen.harness.query_by_label("heard").is_some());
}

#[test]
fn a_drag_over_a_sheet_leaves_its_message_where_it_is() {
    let mut screen = screen();
    screen.click("Leave the demo");
    screen.back.tell(Notice { id: None, body: NoticeBody::Done("heard".to_owned()) });
    screen.harness.run_steps(3);
    assert!(screen.harness.query_by_label("heard").is_some());
    screen.harness.drag_at(egui::pos2(30.0, 700.0));
    screen.harness.run_steps(2);
    screen.harness.hover_at(egui::pos2(60.0, 700.0));
    screen.harness.run_steps(2);
    assert!(screen.harness.ctx.dragged_id().is_some());
    assert!(screen.harness.query_by_label("heard").is_some());
}

/// The Settings page in a small window, scrolled by the wheel: to its middle, or to its end.
fn scrolled(to_the_end: bool) -> Screen {
    let mut screen = screen();
    screen.harness.set_size(vec2(900.0, 600.0));
    screen.harness.run_steps(2);
    screen.go(Page::Settings);
    let points = if to_the_end { 20_000.0 } else { 400.0 };
    screen.harness.hover_at(egui::pos2(500.0, 300.0));
    screen.harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, -points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: egui::Modifiers::NONE,
    });
    screen.harness.run_steps(60);
    screen
}

/// Where each box to tick of the page is.
fn boxes(screen: &Screen) -> Vec<(String, f32)> {
    let all = screen.harness.query_all_by_role(egui::Role::CheckBox);
    all.map(|one| (one.accesskit_node().label().unwrap_or_default(), one.rect().top())).collect()
}

#[test]
fn nothing_of_a_scrolled_page_moves_when_a_message_comes_or_goes_in_its_middle_or_at_its_end() {
    for to_the_end in [false, true] {
        let mut screen = scrolled(to_the_end);
        let before = boxes(&screen);
        assert!(screen.harness.state().trail.scrolled() > 100.0, "it is scrolled");
        screen.back.tell(Notice { id: None, body: NoticeBody::Done(LONG.to_owned()) });
        for _ in 0..8 {
            screen.harness.run_steps(1);
            assert_eq!(boxes(&screen), before, "it comes, at the end: {to_the_end}");
        }
        // Who scrolls on with the message there sees what it covers, and stays there when it goes.
        screen.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: vec2(0.0, -200.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: egui::Modifiers::NONE,
        });
        screen.harness.run_steps(60);
        let on = boxes(&screen);
        assert_ne!(on, before, "there was more to see");
        screen.harness.state_mut().toasts.clear();
        for _ in 0..8 {
            screen.harness.run_steps(1);
            assert_eq!(boxes(&screen), on, "it goes, at the end: {to_the_end}");
        }
    }
}
