//! How the person likes the window: looks, notifications, what the close button does. Kept per machine, not in the
//! configuration.
//!
//! Invariant: what is missing or unreadable in a file is the default; every value is usable as it is.
//! Absent on purpose: anything the proxy acts on.

mod overview;

use std::collections::{BTreeMap, BTreeSet};

pub use overview::{Arrangement, Panel, Placed, Reach, Tile, put};
use serde::{Deserialize, Serialize};

use super::id::EndpointId;

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

/// Colours of states and lines. Each state has a glyph and a word besides, each line a dash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Palette {
    /// Ours: told apart with any colour vision.
    #[default]
    Tidegate,
    /// Okabe and Ito's: blue and orange.
    BlueOrange,
    /// Greys alone.
    Grey,
}

impl Palette {
    /// Every palette.
    pub const ALL: [Self; 3] = [Self::Tidegate, Self::BlueOrange, Self::Grey];
}

/// What stands between the thousands of a number. Not a point, which parts fractions wherever a number can be typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thousands {
    /// `240,000`
    #[default]
    Comma,
    /// `240 000`
    Space,
    /// `240'000`
    Apostrophe,
    /// `240000`
    Nothing,
}

impl Thousands {
    /// The sign, if there is one.
    #[must_use]
    pub const fn sign(self) -> Option<char> {
        match self {
            Self::Comma => Some(','),
            Self::Space => Some('\u{a0}'),
            Self::Apostrophe => Some('\''),
            Self::Nothing => None,
        }
    }
}

/// How much is written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// And what may.
    Warn,
    /// And what is done.
    Info,
    /// And how, for whoever looks for a fault.
    Debug,
}

impl LogLevel {
    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
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

/// Hours of the day in which the desktop shows no notifications, from 0 to 23, by local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// The first quiet one.
    pub from: u8,
    /// The first that is not quiet any more; before `from` it is that of the next day.
    pub to: u8,
}

impl QuietHours {
    /// Those that are proposed.
    pub const USUAL: Self = Self { from: 22, to: 7 };

    /// Whether an hour is a quiet one.
    #[must_use]
    pub const fn covers(self, hour: u8) -> bool {
        if self.from <= self.to { self.from <= hour && hour < self.to } else { hour >= self.from || hour < self.to }
    }
}

/// From what part of a pool its filling up can be told, in percent.
pub const POOL_FULL_PERCENTS: [u8; 3] = [75, 90, 100];

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
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
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
    /// How numbers are written.
    pub thousands: Thousands,
    /// The hours go to 12, twice, and not to 24.
    pub twelve_hours: bool,
    /// What the close button does.
    pub on_close: OnClose,
    /// Whether the desktop may show notifications while the window has not the focus.
    pub desktop_notifications: bool,
    /// Kinds of notifications that are switched off, by name.
    pub muted: BTreeSet<String>,
    /// When the desktop shows none.
    pub quiet_hours: Option<QuietHours>,
    /// From what part of a pool on it is told that it fills up, in percent.
    pub pool_full_percent: u8,
    /// Keys that were chosen instead of the usual ones, by action.
    pub shortcuts: BTreeMap<String, Vec<String>>,
    /// Colours of states and lines.
    pub palette: Palette,
    /// Endpoints whose share of their pool stays as it is.
    pub locked_shares: BTreeSet<EndpointId>,
    /// Where the window was.
    pub window: Option<WindowPlace>,
    /// How much is written to the log; `None`: as said at launch.
    pub log: Option<LogLevel>,
    /// How far back plots reach.
    pub reach: Reach,
    /// The Overview as the person arranged it.
    pub overview: Arrangement,
    /// The column by which endpoints are sorted, and whether it descends; `None`: what needs attention first.
    pub endpoints_sort: Option<(String, bool)>,
    /// The snippets that Connect showed last, of a shell and of a tool, by their ids; `None`: none was chosen.
    pub snippets: [Option<String>; 2],
    /// The profile that was served last, which the next plain launch serves; `None`: the usual one.
    pub profile: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            high_contrast: false,
            text_percent: 100,
            compact: false,
            reduced_motion: false,
            thousands: Thousands::Comma,
            twelve_hours: false,
            on_close: OnClose::Ask,
            desktop_notifications: true,
            muted: BTreeSet::new(),
            quiet_hours: None,
            pool_full_percent: 75,
            shortcuts: BTreeMap::new(),
            palette: Palette::Tidegate,
            locked_shares: BTreeSet::new(),
            window: None,
            log: None,
            endpoints_sort: None,
            reach: Reach::Live,
            overview: Arrangement::default(),
            snippets: [None, None],
            profile: None,
        }
    }
}

impl Preferences {
    /// The same with values that no window could show brought into bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.text_percent = self.text_percent.clamp(80, 200);
        self.pool_full_percent = self.pool_full_percent.clamp(50, 100);
        self.quiet_hours = self.quiet_hours.filter(|quiet| quiet.from < 24 && quiet.to < 24);
        self.overview = self.overview.complete();
        self.window = self.window.filter(|window| window.size.iter().all(|side| (200.0..=20_000.0).contains(side)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_may_go_over_midnight_and_none_are_quiet_where_they_end_as_they_begin() {
        let quiet = |from, to| (0..24).filter(|hour| QuietHours { from, to }.covers(*hour)).count();
        assert_eq!((quiet(22, 7), quiet(9, 17), quiet(8, 8)), (9, 8, 0));
        assert!(QuietHours::USUAL.covers(23) && QuietHours::USUAL.covers(6) && !QuietHours::USUAL.covers(7));
    }
}
