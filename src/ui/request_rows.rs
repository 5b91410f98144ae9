//! Finished requests as short rows, for pages that show a few of them.
//!
//! Invariant: each row has a way to its why.
//! Absent on purpose: sorting, filters and selection; the Requests page has those.

use std::sync::Arc;

use egui::{RichText, Ui};

use crate::model::outcome::Ending;
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::units::Grouped;
use crate::ui::cx::Target;
use crate::ui::format::{clock_time, count, span};
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{quiet_button, status_label};

/// Shows `records` in their order. Returns the one whose why was asked for.
pub fn show<'r>(ui: &mut Ui, theme: &Theme, records: impl Iterator<Item = &'r Arc<RequestRecord>>) -> Option<Target> {
    let mut opened = None;
    ui.spacing_mut().item_spacing.y = gap::S;
    let narrow = ui.available_width() < 640.0;
    for record in records {
        ui.horizontal(|ui| {
            ui.set_min_height(26.0);
            cell(ui, 64.0, |ui| ui.label(theme::mono(clock_time(record.ended_wall_ms())).color(theme.text_faint)));
            let (tone, word) = ending(record);
            cell(ui, 120.0, |ui| status_label(ui, theme, tone, &word));
            let went = record.endpoint().map_or_else(|| "not sent".to_owned(), |id| format!("→ {id}"));
            let way = format!("{} {went}", record.profile.model);
            cell(ui, 220.0, |ui| ui.add(egui::Label::new(way).truncate()));
            if !narrow {
                cell(ui, 220.0, |ui| {
                    ui.add(egui::Label::new(RichText::new(facts(record)).color(theme.text_soft)).truncate())
                });
            }
            let name = format!("Why {}", record.id);
            if quiet_button(ui, theme, "Why").on_hover_text(name).clicked() {
                opened = Some(Target::Request(record.id));
            }
        });
    }
    opened
}

fn cell<R>(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui) -> R) {
    ui.allocate_ui_with_layout(egui::vec2(width, 26.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.set_min_width(width);
        contents(ui);
    });
}

fn ending(record: &RequestRecord) -> (Tone, String) {
    match record.end {
        RecordEnd::Answered(Ending::CutOff) => (Tone::Error, "Cut off".to_owned()),
        RecordEnd::Answered(Ending::ClientLeft) | RecordEnd::LeftWaiting => (Tone::Off, "Client left".to_owned()),
        RecordEnd::Refused => (Tone::Throttled, format!("{} by us", record.status)),
        RecordEnd::Answered(Ending::Completed) if record.status < 400 => (Tone::Ok, record.status.to_string()),
        RecordEnd::Answered(Ending::Completed) | RecordEnd::Failed => (Tone::Error, record.status.to_string()),
    }
}

fn facts(record: &RequestRecord) -> String {
    let tokens = record.usage.map(|usage| {
        let least = if usage.exact { "" } else { "≥ " };
        format!("{least}{} tokens", Grouped(usage.total()))
    });
    let tries = u64::try_from(record.attempts.len()).unwrap_or(0);
    let tries = (tries > 1).then(|| count(tries, "attempt", "attempts"));
    [tokens, Some(span(record.total)), tries].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
