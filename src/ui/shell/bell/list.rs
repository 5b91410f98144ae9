//! The bell in the top bar, and its list: what happened, newest first, with a button to the place and one to hear no more.
//!
//! Invariant: opening the list marks everything as seen.
//! Absent on purpose: clearing it; what is over says so.

use egui::{Popup, RichText, ScrollArea, Ui};
use egui_material_icons::icons::{ICON_NOTIFICATIONS, ICON_NOTIFICATIONS_ACTIVE};

use super::{Bell, Press, look_of};
use crate::contract::Snapshot;
use crate::ui::alerts::Alert;
use crate::ui::format::{ago, clock_time, count};
use crate::ui::shell::Wish;
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{icon_button, note, quiet_button};

impl Bell {
    /// The bell in the top bar with its list; returns what was pressed.
    pub(in crate::ui::shell) fn show(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot) -> Option<Wish> {
        let number = u64::try_from(self.unseen).unwrap_or(u64::MAX);
        let name = match number {
            0 => "Notifications".to_owned(),
            number => format!("Notifications, {number} new"),
        };
        if number > 0 {
            ui.label(theme::strong(number.to_string()).color(theme.accent));
        }
        let icon = if number > 0 { ICON_NOTIFICATIONS_ACTIVE } else { ICON_NOTIFICATIONS };
        let button = icon_button(ui, theme, icon, &name);
        let mut wish = None;
        // The number before it goes when it opens, and with it the button's own name among widgets.
        let list = Popup::menu(&button).id(egui::Id::unique("notifications"));
        let shown = list.close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            ui.set_width((ui.ctx().content_rect().width() - 80.0).min(440.0));
            wish = self.list(ui, theme, snapshot);
            if wish.as_ref().is_some_and(|wish| !matches!(wish, Wish::Bell(_))) {
                ui.close();
            }
        });
        if shown.is_some() {
            self.unseen = 0;
        }
        wish
    }

    fn list(&self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot) -> Option<Wish> {
        let number = u64::try_from(self.alerts.len()).unwrap_or(u64::MAX);
        ui.horizontal(|ui| {
            ui.label(theme::strong("Notifications").color(theme.text));
            if number > 0 {
                note(ui, theme, &count(number, "so far", "so far"));
            }
        });
        if number == 0 {
            ui.label("Nothing has happened that you should know of.");
            return None;
        }
        let mut wish = None;
        let height = (ui.ctx().content_rect().height() - 200.0).clamp(120.0, 420.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| {
            for alert in self.alerts.iter().rev() {
                let muted = self.muted_until(alert, snapshot.wall_ms);
                ui.push_id(alert.id, |ui| {
                    wish = row(ui, theme, alert, (muted, snapshot.wall_ms)).or(wish.take());
                });
            }
        });
        wish
    }
}

/// One alert and its buttons.
fn row(ui: &mut Ui, theme: &Theme, alert: &Alert, (muted, now_ms): (Option<u64>, u64)) -> Option<Wish> {
    let tone = if alert.over && !alert.kind.is_moment() { theme::Tone::Ok } else { alert.kind.tone() };
    let mut wish = None;
    ui.add_space(gap::S);
    ui.horizontal_top(|ui| {
        ui.label(tone.icon().rich_text().size(16.0).color(theme.tone(tone)));
        ui.vertical(|ui| {
            ui.add(egui::Label::new(RichText::new(&alert.text).color(theme.text)).wrap());
            ui.horizontal_wrapped(|ui| {
                let state = match alert.over {
                    _ if alert.kind.is_moment() => "",
                    true => " · over",
                    false => " · goes on",
                };
                note(ui, theme, &format!("{}{state}", ago(alert.since_wall_ms, now_ms)));
                if let Some(look) = look_of(alert)
                    && quiet_button(ui, theme, alert.kind.button()).clicked()
                {
                    wish = Some(look.into());
                }
                match muted {
                    Some(until) => {
                        note(ui, theme, &format!("muted until {}", clock_time(until)));
                        if quiet_button(ui, theme, "Unmute").clicked() {
                            wish = Some(Wish::Bell(Press::Unmute(alert.id)));
                        }
                    }
                    None if quiet_button(ui, theme, "Mute 1 h").clicked() => {
                        wish = Some(Wish::Bell(Press::Mute(alert.id)));
                    }
                    None => {}
                }
            });
        });
    });
    wish
}
