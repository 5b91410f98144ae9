//! The sheet of revisions: who applied what and when, what going back would change, and going back as a draft. Also the
//! comparison with a file that somebody else changed.
//!
//! Invariant: restoring fills the draft and applies nothing; keys are never part of it.
//! Absent on purpose: deleting revisions; the oldest go by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::{RichText, ScrollArea, Ui};

use crate::contract::Snapshot;
use crate::contract::snapshot::RecordsView;
use crate::model::config::Config;
use crate::model::revision::{Author, Revision};
use crate::ui::draft::{self, Draft};
use crate::ui::format::{count, date_time};
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{answer_button, note};

/// A lower window has room for the lists alone, in points.
const ROOMY: f32 = 420.0;
const WHAT: &str = "What was applied, newest first, with the share of its requests in memory that ended in an error, and that of \
                    the revision before. Going back fills the draft; keys are not part of it.";

/// What the sheet shows.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    open: Option<Shown>,
    chosen: Option<u64>,
    /// The list is to be scrolled to the one that is chosen.
    to_chosen: bool,
    list: Arc<Vec<Revision>>,
    /// What each changed against the one before, in the order of the list.
    changes: Vec<Vec<String>>,
    errors: Errors,
}

/// How many requests ended under each revision, and how many of them with an error for the client.
#[derive(Debug, Default)]
struct Errors {
    /// Of so many requests ever finished.
    total: u64,
    by_revision: BTreeMap<u64, (u64, u64)>,
}

impl Errors {
    fn follow(&mut self, records: &RecordsView) {
        if self.total == records.total {
            return;
        }
        self.total = records.total;
        self.by_revision.clear();
        for record in records.iter() {
            let Some(decision) = record.decisions.last() else { continue };
            let (ended, failed) = self.by_revision.entry(decision.revision).or_default();
            *ended += 1;
            *failed += u64::from(record.failed_client());
        }
    }

    /// `errors 2.1 % → 0.4 %`, of the revision before and of this one; `None`: nothing ended under it that is still kept.
    fn words(&self, before: Option<u64>, revision: u64) -> Option<String> {
        let percent = |revision: u64| {
            let (ended, failed) = self.by_revision.get(&revision).filter(|(ended, _)| *ended > 0)?;
            let permille = failed.saturating_mul(1_000) / ended;
            Some(format!("{}.{} %", permille / 10, permille % 10))
        };
        let after = percent(revision)?;
        Some(match before.and_then(percent) {
            Some(before) => format!("errors {before} → {after}"),
            None => format!("errors {after}"),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Revisions,
    OnDisk,
}

impl Sheet {
    /// Opens the list.
    pub(super) fn open(&mut self) {
        self.open = Some(Shown::Revisions);
    }

    /// Opens the list with this revision chosen.
    pub(super) fn open_at(&mut self, number: u64) {
        (self.open, self.chosen, self.to_chosen) = (Some(Shown::Revisions), Some(number), true);
    }

    /// Opens the comparison with the file.
    pub(super) fn compare(&mut self) {
        self.open = Some(Shown::OnDisk);
    }

    /// Shows the sheet while it is open; restoring goes into the draft.
    pub(super) fn show(&mut self, ctx: &egui::Context, theme: &Theme, snapshot: &Snapshot, draft: &mut Draft) {
        let Some(shown) = self.open else { return };
        self.follow(&snapshot.revisions);
        self.errors.follow(&snapshot.records);
        let mut close = false;
        let modal = super::sheet(ctx, "revisions").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(720.0));
            close = match shown {
                Shown::Revisions => self.revisions(ui, theme, snapshot, draft),
                Shown::OnDisk => on_disk(ui, theme, snapshot, draft),
            };
        });
        if close || modal.should_close() {
            self.open = None;
        }
    }

    fn follow(&mut self, list: &Arc<Vec<Revision>>) {
        if Arc::ptr_eq(list, &self.list) {
            return;
        }
        let before = |place: usize| list.get(place + 1).and_then(|older| older.config.as_deref());
        let of = |(place, one): (usize, &Revision)| match (before(place), one.config.as_deref()) {
            (Some(old), Some(new)) => draft::sentences(old, new),
            _ => Vec::new(),
        };
        self.changes = list.iter().enumerate().map(of).collect();
        self.list = Arc::clone(list);
    }

    fn revisions(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, draft: &mut Draft) -> bool {
        ui.label(theme::title("Revisions").color(theme.text));
        let roomy = ui.ctx().content_rect().height() >= ROOMY;
        if roomy {
            note(ui, theme, WHAT);
        }
        let (room, list) = (ui.ctx().content_rect().height(), Arc::clone(&self.list));
        if list.is_empty() {
            ui.label("Nothing was applied yet.");
        }
        let running = list.iter().position(|one| one.config.as_ref() == Some(&snapshot.applied.config));
        ScrollArea::vertical().id_salt("revisions").max_height((room * if roomy { 0.4 } else { 0.22 }).max(48.0)).show(
            ui,
            |ui| {
                for (place, one) in list.iter().enumerate() {
                    let changes = self.changes.get(place).map_or(&[][..], Vec::as_slice);
                    let before = list.get(place + 1).map(|older| older.number);
                    let errors = self.errors.words(before, one.number);
                    let words = row(one, changes, errors, (running == Some(place), place + 1 == list.len()));
                    let chosen = self.chosen == Some(one.number);
                    let row = ui.add(egui::Button::selectable(chosen, words).truncate());
                    if chosen && std::mem::take(&mut self.to_chosen) {
                        row.scroll_to_me(None);
                    }
                    if row.clicked() {
                        self.chosen = Some(one.number);
                    }
                }
            },
        );
        ui.add_space(gap::M);
        let chosen = list.iter().find(|one| Some(one.number) == self.chosen);
        let config = chosen.and_then(|one| one.config.as_ref());
        if let Some(config) = config {
            difference(
                ui,
                theme,
                "Restoring it changes:",
                &snapshot.applied.config,
                config,
                room * if roomy { 0.25 } else { 0.1 },
            );
        }
        let mut close = false;
        ui.horizontal(|ui| {
            let restore = ui.add_enabled_ui(config.is_some(), |ui| answer_button(ui, theme, "Restore as draft")).inner;
            let hint = "Choose a revision that can be read";
            if let Some((one, config)) = chosen.zip(config).filter(|_| restore.on_disabled_hover_text(hint).clicked()) {
                restored(draft, &format!("Restore rev {}", one.number), config);
                close = true;
            }
            close |= ui.button("Close").clicked();
        });
        close
    }
}

/// Puts a configuration into the draft. Pausing and draining act at once and stay as they are.
fn restored(draft: &mut Draft, label: &str, wanted: &Config) {
    draft.edit(label, |config| {
        let mut wanted = wanted.clone();
        for endpoint in &mut wanted.endpoints {
            if let Some(now) = config.endpoint(&endpoint.id) {
                endpoint.admin_state = now.admin_state;
            }
        }
        *config = wanted;
    });
}

fn on_disk(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, draft: &mut Draft) -> bool {
    ui.label(theme::title("The file and what runs").color(theme.text));
    let room = ui.ctx().content_rect().height();
    let theirs = snapshot.on_disk.as_ref().and_then(|found| found.config.as_ref());
    match (&snapshot.on_disk, theirs) {
        (_, Some(theirs)) => {
            difference(ui, theme, "Loading the file changes:", &snapshot.applied.config, theirs, room * 0.5);
        }
        (Some(found), None) => {
            let why = found.fault.as_deref();
            ui.label(why.map_or("The file is gone.".to_owned(), |why| {
                format!("{why} It cannot be compared until it is mended.")
            }));
        }
        (None, None) => drop(ui.label("The file says what runs again.")),
    }
    ui.add_space(gap::M);
    let mut close = false;
    ui.horizontal(|ui| {
        if let Some(theirs) = theirs
            && ui.button("Take it into the draft").on_hover_text("Look at it and change it before it runs").clicked()
        {
            restored(draft, "Take over the file", theirs);
            close = true;
        }
        close |= ui.button("Close").clicked();
    });
    close
}

fn difference(ui: &mut Ui, theme: &Theme, heading: &str, from: &Config, to: &Config, height: f32) {
    let changes = draft::sentences(from, to);
    ui.label(theme::strong(heading).color(theme.text));
    ScrollArea::vertical().id_salt(heading).max_height(height.max(32.0)).show(ui, |ui| {
        if changes.is_empty() {
            ui.label("Nothing: that is what runs.");
        }
        for change in &changes {
            ui.label(RichText::new(format!("• {change}")).color(theme.text));
        }
    });
}

/// `rev 15 · 22 Nov 14:02 · you · Soft cap of east-1: … and 2 more`.
fn row(one: &Revision, changes: &[String], errors: Option<String>, (running, first): (bool, bool)) -> String {
    let when = one.signature.map_or_else(|| "earlier".to_owned(), |signature| date_time(signature.wall_ms));
    let who = one.signature.map_or_else(|| "file".to_owned(), |signature| author(signature.author));
    let what = match changes {
        _ if one.config.is_none() => "cannot be read any more".to_owned(),
        [] if first => "the oldest that is kept".to_owned(),
        [] => "comments or unknown keys".to_owned(),
        [only] => only.clone(),
        [head, rest @ ..] => format!("{head} And {}.", count(rest.len() as u64, "more change", "more changes")),
    };
    let runs = if running { " (runs now)" } else { "" };
    let errors = errors.map_or_else(String::new, |errors| format!("{errors} · "));
    format!("rev {}{runs} · {when} · {who} · {errors}{what}", one.number)
}

fn author(author: Author) -> String {
    match author {
        Author::You => "you".to_owned(),
        Author::LiveSession(began) => format!("live session {}", date_time(began)),
        Author::File => "file".to_owned(),
        Author::Cli => "command line".to_owned(),
    }
}

#[cfg(test)]
#[path = "revisions_tests.rs"]
mod tests;
