//! What the desktop is asked to show while nobody looks at the window.
//!
//! Invariant: notes with one id are one notification that changes and goes away.
//! Absent on purpose: how the desktop is reached.

/// A desktop notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesktopNote {
    /// Which; a later note with the same id replaces it.
    pub id: u64,
    /// What it says; `None`: it goes away.
    pub text: Option<String>,
    /// Its buttons, where the desktop has any; `None`: it is over.
    pub buttons: Option<NoteButtons>,
}

/// The two buttons of a desktop notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteButtons {
    /// What the one that leads to the place says.
    pub look: &'static str,
    /// What the other one does.
    pub other: NotePress,
}

/// What the person pressed on a desktop notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotePress {
    /// The button that leads to the place, or the notification itself.
    Look,
    /// No word of this for an hour.
    Mute,
    /// Serving is to end, once what runs is answered.
    Stop,
}
