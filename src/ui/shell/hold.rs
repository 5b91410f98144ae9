//! Pausing the view: pages show a moment while everything goes on.
//!
//! Invariant: what is collected, what runs and what can be done stay as they are; only what pages show of traffic stands still.
//! Absent on purpose: pausing traffic; that is another button.

use std::sync::Arc;

use egui::{Frame, Margin, Panel, Ui};

use super::Wish;
use crate::contract::Snapshot;
use crate::ui::actions::{self, Action};
use crate::ui::format::{clock_time, count};
use crate::ui::theme::{self, Theme, Tone};

/// The moment that is held.
#[derive(Default)]
pub(super) struct Hold {
    moment: Option<Arc<Snapshot>>,
    shown: Option<Arc<Snapshot>>,
}

impl Hold {
    /// Whether a moment is held.
    pub(super) fn is_on(&self) -> bool {
        self.moment.is_some()
    }

    /// Holds this moment, or lets go.
    pub(super) fn toggle(&mut self, now: &Snapshot) {
        self.shown = None;
        self.moment = match self.moment.take() {
            Some(_) => None,
            None => Some(Arc::new(now.clone())),
        };
    }

    /// What pages are to show: the held moment's traffic within what is configured now.
    pub(super) fn view(&mut self, now: &Arc<Snapshot>) -> Arc<Snapshot> {
        let Some(held) = &self.moment else { return Arc::clone(now) };
        if held.profile.name != now.profile.name {
            self.toggle(now);
            return Arc::clone(now);
        }
        match &self.shown {
            Some(shown) if shown.generation == now.generation => Arc::clone(shown),
            _ => {
                let shown = Arc::new(Snapshot {
                    at: held.at,
                    wall_ms: held.wall_ms,
                    view: Arc::clone(&held.view),
                    series: Arc::clone(&held.series),
                    records: Arc::clone(&held.records),
                    ..Snapshot::clone(now)
                });
                self.shown = Some(Arc::clone(&shown));
                shown
            }
        }
    }

    /// Says what is held, and how much came since.
    pub(super) fn show(&self, ui: &mut Ui, theme: &Theme, now: &Snapshot, wanted: &mut Vec<Wish>) {
        let Some(held) = &self.moment else { return };
        let frame = Frame::new().fill(theme.bar(Tone::Off)).inner_margin(Margin::symmetric(16, 6));
        Panel::top("held view").frame(frame).show(ui, |ui| {
            ui.horizontal(|ui| {
                let newer = now.records.total.saturating_sub(held.records.total);
                ui.label(Tone::Off.icon().rich_text().size(15.0).color(theme.tone(Tone::Off)));
                let words = format!(
                    "View paused at {} · {}",
                    clock_time(held.wall_ms),
                    count(newer, "newer request", "newer requests")
                );
                ui.label(theme::strong(words).color(theme.text));
                let resume = ui.button("Resume").on_hover_text(actions::tooltip(ui.ctx(), Action::HoldView));
                if resume.clicked() {
                    wanted.push(Wish::Act(Action::HoldView));
                }
            });
        });
    }
}

#[cfg(test)]
#[path = "hold_tests.rs"]
mod tests;
