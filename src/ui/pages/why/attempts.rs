//! Every sending of a request: where to, when, and what came back.
//!
//! Invariant: a stream that broke never shows as its 200.
//! Absent on purpose: what the services said word for word; that has tabs of its own.

use egui::{RichText, Ui};
use egui_material_icons::icons;

use crate::model::outcome::Ending;
use crate::model::record::{AttemptRecord, RecordEnd, RequestRecord};
use crate::ui::format::clock_time_millis;
use crate::ui::theme::{Theme, Tone, gap, mono, strong};
use crate::ui::widgets::quiet_button;
use crate::ui::words::attempt::result;

/// Shows the list; returns whether the headers of one are wanted.
pub(super) fn show(ui: &mut Ui, theme: &Theme, record: &RequestRecord) -> bool {
    let mut headers = false;
    if record.attempts.is_empty() {
        ui.label(RichText::new("Nothing was sent.").color(theme.text_soft));
    }
    for (number, attempt) in (1_usize..).zip(&record.attempts) {
        headers |= row(ui, theme, number, attempt, record);
    }
    headers
}

fn row(ui: &mut Ui, theme: &Theme, number: usize, attempt: &AttemptRecord, record: &RequestRecord) -> bool {
    let mut headers = false;
    let cut = attempt.failure.is_none() && record.end == RecordEnd::Answered(Ending::CutOff);
    let (tone, icon) = match attempt.failure {
        _ if cut => (Tone::Error, icons::ICON_CONTENT_CUT),
        Some(_) => (Tone::Error, Tone::Error.icon()),
        None => (Tone::Ok, Tone::Ok.icon()),
    };
    let after = u64::try_from(attempt.at.since(record.at).as_millis()).unwrap_or(u64::MAX);
    let sent = clock_time_millis(record.wall_ms.saturating_add(after));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap::S;
        ui.label(icon.rich_text().color(theme.tone(tone)));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.horizontal_wrapped(|ui| {
                ui.label(mono(number.to_string()).color(theme.text_soft));
                ui.label(strong(attempt.endpoint.to_string()));
                ui.label(mono(sent).color(theme.text_soft));
                let button = quiet_button(ui, theme, "Headers");
                let name = format!("Headers of attempt {number}");
                ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name));
                headers = button.clicked();
            });
            ui.label(mono(result(attempt, record)).color(theme.text));
        });
    });
    headers
}
