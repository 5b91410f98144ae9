//! The bell: alerts as toasts, as a list, and on the desktop while nobody looks.
//!
//! Invariant: one condition is one row and one desktop notification, whatever becomes of it.
//! Absent on purpose: what is worth an alert; `ui::alerts` says it.

mod list;

use std::collections::BTreeMap;

use egui::Context;

use super::Console;
use super::toasts::{Look, Toast, of_notice};
use crate::contract::{DesktopNote, NoteButtons, NotePress, NoticeBody, RevertCause, Snapshot};
use crate::model::preferences::Preferences;
use crate::ui::alerts::{Alert, Change, Kind, Watch};
use crate::ui::format::hour_of_day;
use crate::ui::link;
use crate::ui::trail::Place;

/// Alerts that are kept.
const KEPT: usize = 200;
/// A condition that comes and goes is told on the desktop once in this time.
const QUIET_MS: u64 = 600_000;
/// How long nothing is said of what is muted.
const MUTED_MS: u64 = 3_600_000;

/// Where desktop notifications go.
pub type Desktop = Box<dyn Fn(DesktopNote)>;

/// Alerts so far.
#[derive(Default)]
pub(super) struct Bell {
    watch: Watch,
    /// Newest last.
    alerts: Vec<Alert>,
    unseen: usize,
    /// When a condition was last told on the desktop, by kind and subject.
    told: BTreeMap<(Kind, String), u64>,
    /// Alerts that are on the desktop.
    on_desktop: Vec<u64>,
    /// Until when nothing is said of a condition, as Unix milliseconds.
    muted: BTreeMap<(Kind, String), u64>,
}

/// What is pressed in the list, beside going to the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// No word of this alert's condition for an hour.
    Mute(u64),
    /// Tell of it again.
    Unmute(u64),
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
        for change in self.watch.look(snapshot, liked.pool_full_percent) {
            let (alert, new) = match change {
                Change::Raised(alert) | Change::Happened(alert) => (alert, true),
                Change::Updated(alert) | Change::Ended(alert) => (alert, false),
            };
            if liked.muted.contains(alert.kind.slug()) {
                continue;
            }
            let muted = self.muted_until(&alert, snapshot.wall_ms).is_some();
            if new && !muted {
                said.push(alert.clone());
            }
            let hour = hour_of_day(snapshot.wall_ms);
            let quiet = liked.quiet_hours.is_some_and(|quiet| quiet.covers(hour));
            let tell = new && !alert.kind.is_moment() && liked.desktop_notifications && !watched && !quiet && !muted;
            notes.extend(self.note(&alert, tell, snapshot.wall_ms));
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
        let look = alert.kind.button();
        let buttons = (!alert.over).then_some(NoteButtons { look, other: NotePress::Mute });
        let text = (!alert.over || alert.kind.tells_its_end()).then(|| alert.text.clone());
        let note = DesktopNote { id: alert.id, text, buttons };
        if self.on_desktop.contains(&alert.id) {
            self.on_desktop.retain(|id| !alert.over || *id != alert.id);
            return Some(note);
        }
        let quiet = self.told.get(&place(alert)).is_some_and(|then| now_ms.saturating_sub(*then) < QUIET_MS);
        if !tell || quiet {
            return None;
        }
        self.told.insert(place(alert), now_ms);
        self.on_desktop.push(alert.id);
        Some(note)
    }

    /// No word of this for an hour, but in the list. Returns what becomes of its desktop notification.
    fn mute(&mut self, id: u64, now_ms: u64) -> Option<DesktopNote> {
        let alert = self.alerts.iter().find(|alert| alert.id == id)?;
        self.muted.insert(place(alert), now_ms.saturating_add(MUTED_MS));
        let shown = self.on_desktop.contains(&id);
        self.on_desktop.retain(|on| *on != id);
        shown.then_some(DesktopNote { id, text: None, buttons: None })
    }

    fn unmute(&mut self, id: u64) {
        if let Some(alert) = self.alerts.iter().find(|alert| alert.id == id) {
            self.muted.remove(&place(alert));
        }
    }

    /// Until when no word is said of this.
    fn muted_until(&self, alert: &Alert, now_ms: u64) -> Option<u64> {
        self.muted.get(&place(alert)).copied().filter(|until| *until > now_ms)
    }
}

/// What a condition is known by, whichever alert tells of it.
fn place(alert: &Alert) -> (Kind, String) {
    (alert.kind, alert.subject.clone())
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
                let look = look_of(&alert).map(|look| (alert.kind.button(), look));
                let toast = Toast::new(alert.kind.tone(), alert.text);
                let alert = (!alert.over).then_some(alert.id);
                self.toasts.add(ctx, Toast { look, alert, ..toast });
            }
            self.toasts.follow(&self.bell.alerts);
        }
    }

    /// Limits that go back by themselves end the live session, and stay in the list: the message of it passes, and there may be no
    /// window that shows one.
    pub(super) fn mind_what_went_back(&mut self, body: &NoticeBody) {
        let by_itself = matches!(body, NoticeBody::Reverted { why, .. } if *why != RevertCause::Asked);
        let Some((_, text)) = of_notice(body).filter(|_| by_itself) else { return };
        self.tuning.stop();
        if !self.preferences.muted.contains(Kind::WentBack.slug()) {
            let wall_ms = self.line.latest().wall_ms;
            let alert = self.bell.watch.happened(Kind::WentBack, "", text, wall_ms);
            self.bell.keep(alert, true);
        }
    }

    /// Does what a button in the list says.
    pub(super) fn press_bell(&mut self, press: Press) {
        match press {
            Press::Mute(id) => self.mute_alert(id),
            Press::Unmute(id) => self.bell.unmute(id),
        }
    }

    /// Does what a button on the desktop says; `None` is no window, and the next one goes to the place.
    pub(super) fn press_note(&mut self, ctx: Option<&Context>, note: u64, press: NotePress) {
        match press {
            NotePress::Look => {}
            NotePress::Mute => return self.mute_alert(note),
            NotePress::Stop => return self.stop_from_outside(ctx),
        }
        let alert = self.bell.alerts.iter().find(|alert| alert.id == note);
        if let (Some(ctx), Some(page)) = (ctx, alert.and_then(|alert| alert.web)) {
            return ctx.open_url(egui::OpenUrl::new_tab(page));
        }
        let target = alert.and_then(|alert| alert.target.clone());
        let link = target.map(|target| link::write(&Place { page: target.page(), target: Some(target) }));
        match ctx {
            Some(ctx) => self.come(ctx, link),
            None => self.links.extend(link),
        }
    }

    fn mute_alert(&mut self, id: u64) {
        let now_ms = self.line.latest().wall_ms;
        if let Some(note) = self.bell.mute(id, now_ms) {
            (self.desktop)(note);
        }
    }
}

/// Where an alert's button leads.
fn look_of(alert: &Alert) -> Option<Look> {
    alert.web.map(Look::Web).or_else(|| alert.target.clone().map(Look::Place))
}

#[cfg(test)]
#[path = "bell_tests.rs"]
mod tests;
