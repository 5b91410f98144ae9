//! The sheet that lists the draft's changes before they are applied.
//!
//! Invariant: a change that takes something away, or of which something is to be heeded, is not applied unread; an error of the
//! draft blocks.
//! Absent on purpose: editing.

use egui::{RichText, ScrollArea};

use super::{Wish, unread};
use crate::contract::Snapshot;
use crate::model::check::Severity;
use crate::model::config::Endpoint;
use crate::ui::draft::Draft;
use crate::ui::findings;
use crate::ui::holds;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{answer_button, note, quiet_button, status_label};

/// Shows the sheet; returns what was clicked. Esc closes it.
pub(super) fn show(
    ctx: &egui::Context,
    theme: &Theme,
    draft: &Draft,
    snapshot: &Snapshot,
    unread: Vec<unread::Said>,
) -> Vec<Wish> {
    let (mut wish, mut place) = (None, None);
    let modal = super::sheet(ctx, "review").show(ctx, |ui| {
        ui.set_width((ctx.content_rect().width() - 96.0).min(560.0));
        ui.label(theme::title("Review changes").color(theme.text));
        note(ui, theme, "Requests under way finish under what runs now.");
        ScrollArea::vertical().max_height((ctx.content_rect().height() - 240.0).max(64.0)).show(ui, |ui| {
            for (heading, changes) in draft.grouped() {
                ui.label(theme::strong(heading).color(theme.text));
                for change in &changes {
                    ui.horizontal_wrapped(|ui| {
                        ui.label(RichText::new("•").color(theme.accent));
                        ui.label(change);
                    });
                }
                ui.add_space(gap::S);
            }
            place = unread::list(ui, theme, unread);
            for words in warnings(draft, snapshot) {
                warning(ui, theme, Tone::Near, &words);
            }
            for finding in draft.findings() {
                let tone = if finding.severity == Severity::Error { Tone::Error } else { Tone::Near };
                warning(ui, theme, tone, &finding.message);
                if let Some((name, target)) = findings::link(draft.working(), finding)
                    && quiet_button(ui, theme, &format!("Open {name}")).clicked()
                {
                    place = Some(Wish::Open(target));
                }
            }
        });
        ui.add_space(gap::M);
        wish = buttons(ui, theme, draft);
    });
    let done = place.is_some() || modal.should_close() || !draft.is_changed();
    let wish = if done { Some(Wish::CloseReview) } else { wish };
    wish.into_iter().chain(place).collect()
}

/// Whether the draft is to be read before it is applied: it takes something away, or the sheet has something to heed.
pub(super) fn is_due(draft: &Draft, snapshot: &Snapshot) -> bool {
    draft.drops() || draft.findings().next().is_some() || !warnings(draft, snapshot).is_empty()
}

/// What is to be heeded besides the findings.
fn warnings(draft: &Draft, snapshot: &Snapshot) -> Vec<String> {
    let mut said = held_down(draft, snapshot);
    said.extend(launch_port(draft, snapshot));
    said
}

/// A sentence to heed, whole on as many lines as it takes.
pub(super) fn warning(ui: &mut egui::Ui, theme: &Theme, tone: Tone, words: &str) {
    ui.horizontal_top(|ui| {
        ui.label(tone.icon().rich_text().size(15.0).color(theme.tone(tone)));
        ui.add(egui::Label::new(RichText::new(words).color(theme.tone(tone))).wrap());
    });
}

/// Limits of the draft that the service holds down.
fn held_down(draft: &Draft, snapshot: &Snapshot) -> Vec<String> {
    let limits = |one: &Endpoint| (one.tokens_per_minute, one.soft_cap_tokens_per_minute, one.pinned);
    let typed = draft.working().endpoints.iter().filter(|typed| {
        let before = draft.base().endpoint(&typed.id);
        before.is_none_or(|before| limits(before) != limits(typed))
    });
    typed.filter_map(|typed| Some(format!("{}: {}.", typed.id, holds::words(snapshot, typed)?))).collect()
}

/// A port given at launch outranks the draft's.
fn launch_port(draft: &Draft, snapshot: &Snapshot) -> Option<String> {
    let (launch, set) = (snapshot.launch_port?, draft.working().listen.port);
    let changes = set != snapshot.applied.config.listen.port && set != launch;
    changes
        .then(|| format!("Port {set} counts from the next start: this time Tidegate was started with --port {launch}."))
}

fn buttons(ui: &mut egui::Ui, theme: &Theme, draft: &Draft) -> Option<Wish> {
    let mut wish = None;
    ui.horizontal(|ui| {
        let ready = draft.apply().is_some();
        if ui.add_enabled_ui(ready, |ui| answer_button(ui, theme, "Apply changes")).inner.clicked() {
            wish = Some(Wish::Apply);
        }
        if ui.button("Keep editing").clicked() {
            wish = Some(Wish::CloseReview);
        }
        if draft.is_applying() {
            ui.label("Applying…");
        } else if !ready {
            status_label(ui, theme, Tone::Error, "Mend the errors first");
        }
    });
    wish
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
