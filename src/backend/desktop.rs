//! Shows notifications on the desktop, on a thread of its own, as the bus may be slow; each with buttons has one more, which
//! waits for what is pressed.
//!
//! Invariant: nobody waits for the desktop: notes beyond a few are dropped, and so are buttons where the desktop has none.
//! Absent on purpose: what a button does; the window does it.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use notify_rust::{Notification, NotificationHandle};

use crate::contract::{DesktopNote, NoteButtons, NotePress, NoticeBody, UiEnd};

/// Notes that may wait.
const QUEUE: usize = 16;
/// Notifications that are remembered.
const REMEMBERED: usize = 64;
/// Names of the buttons on the bus.
const LOOK: &str = "look";
const MUTE: &str = "mute";
const STOP: &str = "stop";

/// The way to the desktop; `None` if there is no thread to be had. What is pressed there is told on the line.
#[must_use]
pub fn desktop(line: UiEnd) -> Option<SyncSender<DesktopNote>> {
    let (sender, receiver) = sync_channel(QUEUE);
    let started = std::thread::Builder::new().name("desktop".to_owned()).spawn(move || work(&receiver, &line));
    started.ok().map(|_| sender)
}

fn work(notes: &Receiver<DesktopNote>, line: &UiEnd) {
    let mut shown = HashMap::new();
    while let Ok(note) = notes.recv() {
        if let Err(error) = one(&note, &mut shown, line) {
            tracing::debug!(%error, "the desktop shows no notifications");
        }
    }
}

fn one(
    note: &DesktopNote,
    shown: &mut HashMap<u64, NotificationHandle>,
    line: &UiEnd,
) -> Result<(), notify_rust::error::Error> {
    let before = shown.remove(&note.id);
    let Some(text) = &note.text else {
        if let Some(handle) = before {
            handle.close();
        }
        return Ok(());
    };
    if shown.len() >= REMEMBERED {
        shown.clear();
    }
    let mut notification = Notification::new();
    notification.appname("Tidegate").summary("Tidegate").body(text).icon("org.tidegate.Tidegate");
    #[cfg(all(unix, not(target_os = "macos")))]
    let new = before.is_none();
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        if let Some(before) = before {
            notification.id(before.id());
        }
        if let Some(NoteButtons { look, other }) = note.buttons.filter(|_| has_buttons()) {
            notification.action("default", look).action(LOOK, look);
            match other {
                NotePress::Mute => notification.action(MUTE, "Mute 1 h"),
                NotePress::Stop => notification.action(STOP, "Stop"),
                NotePress::Look => &mut notification,
            };
        }
    }
    let handle = notification.show()?;
    #[cfg(all(unix, not(target_os = "macos")))]
    if new && note.buttons.is_some() && has_buttons() {
        hear(handle.id(), note.id, line.clone());
    }
    shown.insert(note.id, handle);
    Ok(())
}

/// Whether the desktop shows buttons at all.
#[cfg(all(unix, not(target_os = "macos")))]
fn has_buttons() -> bool {
    notify_rust::get_capabilities().is_ok_and(|has| has.iter().any(|one| one == "actions"))
}

/// Waits until something is pressed or the notification is gone.
#[cfg(all(unix, not(target_os = "macos")))]
fn hear(on_desktop: u32, note: u64, line: UiEnd) {
    let wait = move || {
        let told = notify_rust::handle_action(on_desktop, |pressed| {
            if let Some(press) = press(pressed) {
                line.overhear(NoticeBody::NotePressed { note, press });
            }
        });
        if let Err(error) = told {
            tracing::debug!(%error, "the desktop does not say what is pressed");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("pressed".to_owned()).spawn(wait) {
        tracing::debug!(%error, "nobody waits for what is pressed");
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn press(pressed: &notify_rust::ActionResponse<'_>) -> Option<NotePress> {
    match pressed {
        notify_rust::ActionResponse::Custom(name) if *name == MUTE => Some(NotePress::Mute),
        notify_rust::ActionResponse::Custom(name) if *name == STOP => Some(NotePress::Stop),
        notify_rust::ActionResponse::Custom(name) if ["default", LOOK].contains(name) => Some(NotePress::Look),
        _ => None,
    }
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;
    use notify_rust::{ActionResponse, CloseReason};

    #[test]
    fn a_press_is_told_and_a_notification_that_went_away_is_not() {
        assert_eq!(press(&ActionResponse::Custom("default")), Some(NotePress::Look));
        assert_eq!(press(&ActionResponse::Custom("mute")), Some(NotePress::Mute));
        assert_eq!(press(&ActionResponse::Custom("stop")), Some(NotePress::Stop));
        assert_eq!(press(&ActionResponse::Closed(CloseReason::Expired)), None);
    }
}
