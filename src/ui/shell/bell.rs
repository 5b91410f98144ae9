//! The bell: alerts as toasts, as a list, and on the desktop while nobody looks.
//!
//! Invariant: one condition is one row and one desktop notification, whatever becomes of it.
//! Absent on purpose: what is worth an alert; `ui::alerts` says it.

use std::collections::BTreeMap;

use egui::{Context, Popup, RichText, ScrollArea, Ui};
use egui_material_icons::icons::{ICON_NOTIFICATIONS, ICON_NOTIFICATIONS_ACTIVE};

use super::Console;
use crate::contract::{DesktopNote, Snapshot};
use crate::model::preferences::Preferences;
use crate::ui::alerts::{Alert, Change, Kind, Watch};
use crate::ui::cx::Target;
use crate::ui::format::{ago, count};
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{icon_button, note, quiet_button};

/// Alerts that are kept.
const KEPT: usize = 200;
/// A condition that comes and goes is told on the desktop once in this time.
const QUIET_MS: u64 = 600_000;

/// Where desktop notifications go.
pub type Desktop = Box<dyn Fn(DesktopNote)>;

/// Alerts so far.
#[derive(Default)]
pub(super) struct Bell {
    watch: Watch,
    /// Newest last.
    alerts: Vec<Alert>,
    unseen: usize,
    /// When a condition was last told on the desktop, by kind and place.
    told: BTreeMap<(Kind, String), u64>,
    /// Alerts that are on the desktop.
    on_desktop: Vec<u64>,
}

impl Bell {
    /// Looks at a snapshot; returns what is to be said in the window and what on the desktop.
    pub(super) fn look(
        &mut self,
        snapshot: &Snapshot,
        liked: &Preferences,
        watched: bool,
    ) -> (Vec<Alert>, Vec<DesktopNote>) {
        let (mut said, mut notes) = (Vec::new(), Vec::new());
        for change in self.watch.look(snapshot) {
            let (alert, new) = match change {
                Change::Raised(alert) => (alert, true),
                Change::Updated(alert) | Change::Ended(alert) => (alert, false),
            };
            if liked.muted.contains(alert.kind.slug()) {
                continue;
            }
            if new {
                said.push(alert.clone());
            }
            notes.extend(self.note(&alert, new && liked.desktop_notifications && !watched, snapshot.wall_ms));
            self.keep(alert, new);
        }
        (said, notes)
    }

    fn keep(&mut self, alert: Alert, new: bool) {
        self.unseen += usize::from(new);
        if let Some(known) = self.alerts.iter_mut().find(|known| known.id == alert.id) {
            *known = alert;
            return;
        }
        if self.alerts.len() == KEPT {
            self.alerts.remove(0);
        }
        self.alerts.push(alert);
    }

    fn note(&mut self, alert: &Alert, tell: bool, now_ms: u64) -> Option<DesktopNote> {
        let text = (!alert.over).then(|| alert.text.clone());
        if self.on_desktop.contains(&alert.id) {
            self.on_desktop.retain(|id| !alert.over || *id != alert.id);
            return Some(DesktopNote { id: alert.id, text });
        }
        let place = (alert.kind, format!("{:?}", alert.target));
        let quiet = self.told.get(&place).is_some_and(|then| now_ms.saturating_sub(*then) < QUIET_MS);
        if !tell || quiet {
            return None;
        }
        self.told.insert(place, now_ms);
        self.on_desktop.push(alert.id);
        Some(DesktopNote { id: alert.id, text })
    }

    /// The bell in the top bar with its list; returns where a row leads.
    pub(super) fn show(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot) -> Option<Target> {
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
        let mut target = None;
        let shown = Popup::menu(&button).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            ui.set_width((ui.ctx().content_rect().width() - 80.0).min(440.0));
            target = self.list(ui, theme, snapshot);
            if target.is_some() {
                ui.close();
            }
        });
        if shown.is_some() {
            self.unseen = 0;
        }
        target
    }

    fn list(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot) -> Option<Target> {
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
        let mut target = None;
        let height = (ui.ctx().content_rect().height() - 200.0).clamp(120.0, 420.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| {
            for alert in self.alerts.iter().rev() {
                ui.push_id(alert.id, |ui| {
                    if row(ui, theme, alert, snapshot.wall_ms) {
                        target.clone_from(&alert.target);
                    }
                });
            }
        });
        target
    }
}

/// One alert; true if the person wants to look.
fn row(ui: &mut Ui, theme: &Theme, alert: &Alert, now_ms: u64) -> bool {
    let tone = if alert.over { theme::Tone::Ok } else { alert.kind.tone() };
    ui.add_space(gap::S);
    ui.horizontal_top(|ui| {
        ui.label(tone.icon().rich_text().size(16.0).color(theme.tone(tone)));
        ui.vertical(|ui| {
            ui.add(egui::Label::new(RichText::new(&alert.text).color(theme.text)).wrap());
            ui.horizontal(|ui| {
                let state = if alert.over { "over" } else { "goes on" };
                note(ui, theme, &format!("{} · {state}", ago(alert.since_wall_ms, now_ms)));
                alert.target.is_some() && quiet_button(ui, theme, "Look").clicked()
            })
            .inner
        })
        .inner
    })
    .inner
}

impl Console {
    /// Sends desktop notifications there.
    #[must_use]
    pub fn on_desktop(self, desktop: Desktop) -> Self {
        Self { desktop, ..self }
    }

    /// Tells what is new in the snapshot; `None` is no window.
    pub(super) fn alert(&mut self, snapshot: &Snapshot, ctx: Option<&Context>) {
        let watched = ctx.is_some_and(|ctx| ctx.input(|input| input.focused));
        let (said, notes) = self.bell.look(snapshot, &self.preferences, watched);
        for note in notes {
            (self.desktop)(note);
        }
        if let Some(ctx) = ctx {
            for alert in said {
                self.toast(ctx, alert.kind.tone(), alert.text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(over, [DesktopNote { id: notes[0].id, text: None }]);
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
}
