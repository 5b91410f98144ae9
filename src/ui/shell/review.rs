//! The sheet that lists the draft's changes before they are applied.
//!
//! Invariant: nothing is applied that was not listed; an error of the draft blocks.
//! Absent on purpose: editing.

use egui::{Id, Modal, RichText, ScrollArea};

use super::Wish;
use crate::contract::Snapshot;
use crate::model::check::Severity;
use crate::ui::draft::Draft;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{note, primary_button, status_label};

/// Shows the sheet; returns what was clicked. Esc closes it.
pub(super) fn show(ctx: &egui::Context, theme: &Theme, draft: &Draft, snapshot: &Snapshot) -> Option<Wish> {
    let mut wish = None;
    let modal = Modal::new(Id::unique("review")).show(ctx, |ui| {
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
            if let Some(words) = launch_port(draft, snapshot) {
                ui.label(RichText::new(words).color(theme.tone(Tone::Near)));
            }
            for finding in draft.findings() {
                let tone = if finding.severity == Severity::Error { Tone::Error } else { Tone::Near };
                ui.label(RichText::new(&finding.message).color(theme.tone(tone)));
            }
        });
        ui.add_space(gap::M);
        wish = buttons(ui, theme, draft);
    });
    if modal.should_close() || !draft.is_changed() { Some(Wish::CloseReview) } else { wish }
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
        if ui.add_enabled_ui(ready, |ui| primary_button(ui, theme, "Apply changes")).inner.clicked() {
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
