//! What is kept on this computer: where, how much, since when, and a way to delete it.
//!
//! Invariant: nothing is deleted without a second click that says how much goes.
//! Absent on purpose: changing the bounds; they stand in the configuration.

use egui::{RichText, Ui};

use crate::contract::{Command, HistoryCommand, Snapshot};
use crate::model::history::{StoreFacts, StoreState};
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::format::{count, date_of};
use crate::ui::theme::{Theme, Tone, gap};
use crate::ui::widgets::{loading, note, section, status_label};

/// What is said while the history is read.
#[must_use]
pub fn reading_words(snapshot: &Snapshot) -> String {
    format!("Reading what earlier runs kept: {} %. Everything else works meanwhile.", snapshot.history.store.read)
}

/// Stands in the place of what is still being read; after a while the rest may be left unread.
pub fn reading(ui: &mut Ui, cx: &mut PageCx, id: egui::Id, rows: usize) {
    let long = loading(ui, cx.theme, id, rows, &reading_words(cx.snapshot));
    let stop = |ui: &mut Ui| {
        ui.button("Stop reading").on_hover_text("Shows what is read so far: searching finds the other requests, plots reach less far back until the next start")
    };
    if long && stop(ui).clicked() {
        cx.send(Command::History(HistoryCommand::StopReading));
    }
}

/// Whether the person was asked.
#[derive(Debug, Default)]
pub struct State {
    asking: bool,
}

/// Shows the section.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let (theme, facts) = (cx.theme, std::sync::Arc::clone(&cx.snapshot.history.store));
    section(ui, theme, "Kept on this computer", |ui| {
        standing(ui, theme, &facts);
        let rules = &cx.snapshot.applied.config.history;
        if facts.state == StoreState::Off {
            note(ui, theme, "history.keep is false in the configuration, so nothing outlives a restart.");
            return;
        }
        ui.label(holds(&facts));
        let bounds = format!(
            "Kept for {} days, and {} MB at most; the oldest go first. No prompt, answer or key is in it.",
            rules.max_days,
            Grouped(rules.max_megabytes.into())
        );
        note(ui, theme, &bounds);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(&facts.path).monospace().small().color(theme.text_soft));
            if ui.button("Copy path").on_hover_text("Copies where the history file is").clicked() {
                ui.ctx().copy_text(facts.path.clone());
            }
        });
        ui.add_space(gap::S);
        delete(ui, cx, state, &facts);
    });
}

fn standing(ui: &mut Ui, theme: &Theme, facts: &StoreFacts) {
    match &facts.state {
        StoreState::Opening => drop(status_label(ui, theme, Tone::Info, "Opening")),
        StoreState::Off => drop(status_label(ui, theme, Tone::Off, "Nothing is kept")),
        StoreState::Ready => drop(status_label(ui, theme, Tone::Ok, "Kept over a restart")),
        StoreState::Failing { what, next_step } => {
            status_label(ui, theme, Tone::Error, "Not kept for now");
            ui.label(format!("{what} Requests are served and shown as before. {next_step}"));
        }
    }
    if let Some(aside) = &facts.set_aside {
        note(ui, theme, &format!("An older history could not be read and was set aside as {aside}."));
    }
}

/// `12,904 requests since 2026-03-01, with series and usage: 46.0 MB`.
fn holds(facts: &StoreFacts) -> String {
    let since = facts.oldest_wall_ms.map_or_else(String::new, |oldest| format!(" since {}", date_of(oldest)));
    let requests = count(facts.requests, "request", "requests");
    let tenths = facts.bytes / 104_858;
    format!("{requests}{since}, with series and usage: {}.{} MB", Grouped(tenths / 10), tenths % 10)
}

fn delete(ui: &mut Ui, cx: &mut PageCx, state: &mut State, facts: &StoreFacts) {
    if !state.asking {
        state.asking = ui.button("Delete all history…").clicked();
        return;
    }
    let requests = count(facts.requests, "stored request", "stored requests");
    ui.label(format!("Delete {requests}, all series and all usage? This cannot be undone."));
    ui.horizontal(|ui| {
        let word = RichText::new("Delete all").color(cx.theme.tone(Tone::Error));
        if ui.button(word).clicked() {
            cx.send(Command::History(HistoryCommand::DeleteAll));
            state.asking = false;
        }
        if ui.button("Keep it").clicked() {
            state.asking = false;
        }
    });
}
