//! How the person likes the window: looks, notifications, what the close button does. Kept per machine, not in the
//! configuration.
//!
//! Invariant: what is missing or unreadable in a file is the default; every value is usable as it is.
//! Absent on purpose: anything the proxy acts on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Text sizes in percent that are offered.
pub const TEXT_SIZES: [u16; 8] = [80, 90, 100, 110, 125, 150, 175, 200];

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the desktop says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the close button does while we serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// Ask.
    #[default]
    Ask,
    /// Close the window and keep serving.
    KeepServing,
    /// Stop and quit.
    Quit,
}

/// Where the window was: points, and pixels where the window system says so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// Width and height of what is drawn.
    pub size: [f32; 2],
    /// The left upper corner, if the window system tells.
    pub corner: Option<[f32; 2]>,
    /// Whether it filled the screen.
    pub maximized: bool,
}

/// How the person likes the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// Stronger borders and text.
    pub high_contrast: bool,
    /// Size of everything, 80 to 200 percent.
    pub text_percent: u16,
    /// Less room between things.
    pub compact: bool,
    /// Nothing slides or fades.
    pub reduced_motion: bool,
    /// What the close button does.
    pub on_close: OnClose,
    /// Whether the desktop may show notifications while the window has not the focus.
    pub desktop_notifications: bool,
    /// Kinds of notifications that are switched off, by name.
    pub muted: BTreeSet<String>,
    /// Where the window was.
    pub window: Option<WindowPlace>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            high_contrast: false,
            text_percent: 100,
            compact: false,
            reduced_motion: false,
            on_close: OnClose::Ask,
            desktop_notifications: true,
            muted: BTreeSet::new(),
            window: None,
        }
    }
}

impl Preferences {
    /// The same with values that no window could show brought into bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.text_percent = self.text_percent.clamp(80, 200);
        self.window = self.window.filter(|window| window.size.iter().all(|side| (200.0..=20_000.0).contains(side)));
        self
    }
}
