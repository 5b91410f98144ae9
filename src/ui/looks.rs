//! Putting the person's preferences of looks into egui: theme, contrast, text size, density, motion, how numbers and times are written.
//!
//! Invariant: the preferences are what is shown; zooming by keys changes them, too.
//! Absent on purpose: colours; the theme has them.

use egui::Context;

use super::actions::keys;
use super::{format, theme};
use crate::model::preferences::{Preferences, ThemeChoice};
use crate::model::units::part_thousands_by;

/// What was put into which window last.
#[derive(Debug, Default)]
pub struct Looks {
    shown: Option<Preferences>,
}

impl Looks {
    /// Forgets the window: the next one gets everything anew.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// Puts changed preferences into effect, and takes over a zoom by keys.
    pub fn follow(&mut self, ctx: &Context, preferences: &mut Preferences) {
        let zoomed = percent(ctx.zoom_factor());
        if self.shown.as_ref().is_some_and(|shown| shown.text_percent != zoomed) {
            preferences.text_percent = zoomed.clamp(80, 200);
        }
        if self.shown.as_ref() != Some(preferences) {
            put(ctx, preferences);
            self.shown = Some(preferences.clone());
        }
    }
}

fn put(ctx: &Context, preferences: &Preferences) {
    ctx.set_theme(match preferences.theme {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
    });
    let zoom = f32::from(preferences.text_percent) / 100.0;
    if percent(ctx.zoom_factor()) != preferences.text_percent {
        ctx.set_zoom_factor(zoom);
    }
    theme::adapt(ctx, preferences);
    part_thousands_by(preferences.thousands.sign());
    format::twelve_hours(preferences.twelve_hours);
    keys::adapt(ctx, preferences);
}

fn percent(zoom: f32) -> u16 {
    // Bounded by egui to 0.2 to 5.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    let percent = (zoom * 100.0).round().clamp(0.0, 1_000.0) as u16;
    percent
}
