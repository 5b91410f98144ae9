//! What the bell tells whom, and what its buttons do.

use super::*;
use crate::model::outcome::ThrottleKind;
use crate::model::preferences::QuietHours;
use crate::model::status::{Health, RestCause};
use crate::model::units::Timestamp;
use crate::ui::fixture;
use std::sync::Arc;

fn rejected(generation: u64, rejected: bool) -> Snapshot {
    let mut snapshot = fixture::snapshot();
    snapshot.generation = generation;
    let view = Arc::make_mut(&mut snapshot.view);
    view.pools.clear();
    for endpoint in &mut view.endpoints {
        endpoint.health = Health::Healthy;
    }
    if rejected {
        let until = Timestamp::MAX;
        view.endpoints[0].health = Health::Resting { until, cause: RestCause::KeyRejected };
    }
    snapshot
}

#[test]
fn the_desktop_hears_of_a_condition_once_and_that_it_is_over() {
    let (mut bell, liked) = (Bell::default(), Preferences::default());
    let (said, notes) = bell.look(&rejected(1, true), &liked, false);
    assert_eq!((said.len(), notes.len()), (1, 1));
    assert!(notes[0].text.as_deref().is_some_and(|text| text.contains("sim-a rejected its key")));
    let (_, over) = bell.look(&rejected(2, false), &liked, false);
    assert_eq!(over, [DesktopNote { id: notes[0].id, text: None, buttons: None }]);
    let (said, notes) = bell.look(&rejected(3, true), &liked, false);
    assert_eq!((said.len(), notes.len()), (1, 0), "again within ten minutes: the window alone says it");
}

#[test]
fn a_watched_window_and_a_switch_keep_the_desktop_quiet() {
    let quiet = Preferences { desktop_notifications: false, ..Preferences::default() };
    for (liked, watched) in [(Preferences::default(), true), (quiet, false)] {
        let (said, notes) = Bell::default().look(&rejected(1, true), &liked, watched);
        assert_eq!((said.len(), notes.len()), (1, 0));
    }
}

#[test]
fn a_kind_that_is_switched_off_is_not_told_at_all() {
    let muted = [Kind::KeyRejected.slug().to_owned()].into();
    let liked = Preferences { muted, ..Preferences::default() };
    let (said, notes) = Bell::default().look(&rejected(1, true), &liked, false);
    assert!(said.is_empty() && notes.is_empty());
}

#[test]
fn what_is_muted_is_kept_up_in_the_list_alone_until_its_hour_is_over() {
    let (mut bell, liked) = (Bell::default(), Preferences::default());
    let (said, notes) = bell.look(&rejected(1, true), &liked, false);
    let gone = bell.mute(said[0].id, fixture::snapshot().wall_ms);
    assert_eq!(gone, Some(DesktopNote { id: notes[0].id, text: None, buttons: None }), "it leaves the desktop");
    bell.look(&rejected(2, false), &liked, false);
    let hour_later = |mut snapshot: Snapshot, minutes: u64| {
        snapshot.wall_ms += minutes * 60_000;
        snapshot
    };
    let (said, notes) = bell.look(&hour_later(rejected(3, true), 59), &liked, false);
    assert!(said.is_empty() && notes.is_empty());
    assert_eq!(bell.alerts.len(), 2, "the list has it");
    bell.look(&hour_later(rejected(4, false), 60), &liked, false);
    let (said, notes) = bell.look(&hour_later(rejected(5, true), 61), &liked, false);
    assert_eq!((said.len(), notes.len()), (1, 1));
}

#[test]
fn quiet_hours_keep_the_desktop_quiet_and_nothing_else() {
    let quiet = |from, to| Preferences { quiet_hours: Some(QuietHours { from, to }), ..Preferences::default() };
    let mut told = Vec::new();
    for liked in [quiet(0, 12), quiet(12, 0)] {
        let (said, notes) = Bell::default().look(&rejected(1, true), &liked, false);
        assert_eq!(said.len(), 1);
        told.push(notes.len());
    }
    told.sort_unstable();
    assert_eq!(told, [0, 1], "one half of the day is quiet, the other is not");
}

#[test]
fn a_route_that_answers_again_is_told_in_the_same_notification() {
    let all = |generation: u64, second: u64, health| {
        let mut snapshot = rejected(generation, false);
        snapshot.at = Timestamp::from_secs(second);
        for endpoint in &mut Arc::make_mut(&mut snapshot.view).endpoints {
            endpoint.health = health;
        }
        snapshot
    };
    let until = Timestamp::from_secs(640);
    let throttled = Health::Resting { until, cause: RestCause::Throttled(ThrottleKind::Tokens) };
    let (mut bell, liked) = (Bell::default(), Preferences::default());
    bell.look(&all(1, 600, throttled), &liked, false);
    let (_, notes) = bell.look(&all(2, 606, throttled), &liked, false);
    assert_eq!((notes.len(), notes[0].buttons.map(|buttons| buttons.look)), (1, Some("Open queue")));
    let (_, over) = bell.look(&all(3, 640, Health::Healthy), &liked, false);
    let text = Some("demo-chat is answering again (out for 40 s).".to_owned());
    assert!(over.contains(&DesktopNote { id: notes[0].id, text, buttons: None }), "{over:?}");
}
