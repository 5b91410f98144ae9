//! What is said of the configuration, on the page it concerns.
//!
//! Invariant: while something is edited, only what is true of the draft is said.
//! Absent on purpose: mending; the sentence says what to do.

use egui::Ui;

use super::cx::PageCx;
use super::theme::{Tone, gap};
use super::widgets;
use crate::model::check::{Finding, Severity};

/// Shows what is said of one table of the file, and of one place in it if a place is given.
pub fn show(ui: &mut Ui, cx: &PageCx, table: &str, place: Option<usize>) {
    let about = |finding: &&Finding| finding.at.table == table && (place.is_none() || finding.at.place == place);
    let of_draft: Vec<&Finding> = cx.draft.findings().filter(about).collect();
    // The background knows more than the draft's own check, but of what runs.
    let runs = cx.snapshot.applied.findings.iter().filter(about).filter(|_| !cx.draft.is_changed());
    let more = runs.filter(|finding| of_draft.iter().all(|known| known.message != finding.message));
    let all: Vec<&Finding> = of_draft.iter().copied().chain(more).collect();
    if all.is_empty() {
        return;
    }
    ui.add_space(gap::M);
    for finding in all {
        let tone = if finding.severity == Severity::Error { Tone::Error } else { Tone::Near };
        ui.horizontal_wrapped(|ui| {
            widgets::status_label(ui, cx.theme, tone, &finding.message).on_hover_text(&finding.message);
        });
    }
}
