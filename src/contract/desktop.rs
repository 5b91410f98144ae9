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
}
