//! Shows notifications on the desktop, on a thread of its own, as the bus may be slow.
//!
//! Invariant: nobody waits for the desktop: notes beyond a few are dropped.
//! Absent on purpose: buttons in notifications; not every desktop has them.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use notify_rust::{Notification, NotificationHandle};

use crate::contract::DesktopNote;

/// Notes that may wait.
const QUEUE: usize = 16;
/// Notifications that are remembered.
const REMEMBERED: usize = 64;

/// The way to the desktop; `None` if there is no thread to be had.
#[must_use]
pub fn desktop() -> Option<SyncSender<DesktopNote>> {
    let (sender, receiver) = sync_channel(QUEUE);
    let started = std::thread::Builder::new().name("desktop".to_owned()).spawn(move || work(&receiver));
    started.ok().map(|_| sender)
}

fn work(notes: &Receiver<DesktopNote>) {
    let mut shown = HashMap::new();
    while let Ok(note) = notes.recv() {
        if let Err(error) = one(note, &mut shown) {
            tracing::debug!(%error, "the desktop shows no notifications");
        }
    }
}

fn one(note: DesktopNote, shown: &mut HashMap<u64, NotificationHandle>) -> Result<(), notify_rust::error::Error> {
    let before = shown.remove(&note.id);
    let Some(text) = note.text else {
        if let Some(handle) = before {
            handle.close();
        }
        return Ok(());
    };
    if shown.len() >= REMEMBERED {
        shown.clear();
    }
    let mut notification = Notification::new();
    notification.appname("Tidegate").summary("Tidegate").body(&text).icon("org.tidegate.Tidegate");
    #[cfg(all(unix, not(target_os = "macos")))]
    if let Some(before) = before {
        notification.id(before.id());
    }
    shown.insert(note.id, notification.show()?);
    Ok(())
}
