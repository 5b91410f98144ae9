//! Finished requests as short rows, for pages that show a few of them.
//!
//! Invariant: each row has a way to its why.
//! Absent on purpose: sorting, filters and selection; the Requests page has those.

use std::sync::Arc;

use egui::{RichText, Ui};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons;

use crate::model::outcome::{EndedFor, Ending};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::units::Grouped;
use crate::ui::cx::Target;
use crate::ui::format::{clock_time, count, span};
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::quiet_button;
use crate::ui::words;

/// Shows `records` in their order. Returns the one whose why was asked for.
pub fn show<'r>(ui: &mut Ui, theme: &Theme, records: impl Iterator<Item = &'r Arc<RequestRecord>>) -> Option<Target> {
    let mut opened = None;
    ui.spacing_mut().item_spacing.y = gap::S;
    let (narrow, wide) = (ui.available_width() < 640.0, ui.available_width() >= 900.0);
    for record in records {
        ui.horizontal(|ui| {
            ui.set_min_height(26.0);
            cell(ui, 64.0, |ui| ui.label(theme::mono(clock_time(record.ended_wall_ms())).color(theme.text_faint)));
            cell(ui, if narrow { 84.0 } else { 120.0 }, |ui| outcome(record).show(ui, theme));
            if !narrow {
                cell(ui, 120.0, |ui| ui.add(egui::Label::new(record.profile.model.as_str()).truncate()));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let name = format!("Why {}", record.id);
                if quiet_button(ui, theme, "Why").on_hover_text(name).clicked() {
                    opened = Some(Target::Request(record.id));
                }
                if wide {
                    ui.label(RichText::new(facts(record)).color(theme.text_faint));
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let why = RichText::new(words::explain::one_line(record)).color(theme.text_soft);
                    let hint = format!("{}\n{}", record.profile.model, facts(record));
                    ui.add(egui::Label::new(why).truncate()).on_hover_text(hint);
                });
            });
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

/// How a request ended, ready to be shown: a stream that broke has a glyph of its own and never its 200.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its colour.
    pub tone: Tone,
    /// Its glyph.
    pub icon: MaterialIcon,
    /// Its word, often a status code.
    pub word: String,
}

impl Outcome {
    /// Glyph and word beside each other.
    pub fn show(&self, ui: &mut Ui, theme: &Theme) {
        let color = theme.tone(self.tone);
        ui.label(self.icon.rich_text().color(color));
        ui.label(theme::mono(&self.word).color(color));
    }
}

/// How a request ended, as its client saw it.
#[must_use]
pub fn outcome(record: &RequestRecord) -> Outcome {
    let tone = match record.end {
        RecordEnd::Answered(Ending::Completed) if record.status < 400 => Tone::Ok,
        RecordEnd::Answered(Ending::ClientLeft | Ending::Ended(EndedFor::Hand | EndedFor::Stop))
        | RecordEnd::LeftWaiting => Tone::Off,
        // For want of room or time: held back. For anything else, such as an unknown model, the request itself is at fault.
        RecordEnd::Refused if matches!(record.status, 429 | 503) => Tone::Throttled,
        RecordEnd::Answered(_) | RecordEnd::Refused | RecordEnd::Failed => Tone::Error,
    };
    let icon = match record.end {
        RecordEnd::Answered(Ending::CutOff) => icons::ICON_CONTENT_CUT,
        RecordEnd::Answered(Ending::ClientLeft) | RecordEnd::LeftWaiting => icons::ICON_LOGOUT,
        _ => tone.icon(),
    };
    Outcome { tone, icon, word: words::status(record) }
}

fn facts(record: &RequestRecord) -> String {
    let tokens = record.usage.map(|usage| {
        // What was asked is estimated where the service did not say.
        let about = match (usage.exact, usage.input) {
            (true, _) => "",
            (false, 0) => "≥ ",
            (false, _) => "about ",
        };
        format!("{about}{} tokens", Grouped(usage.total()))
    });
    let tries = u64::try_from(record.attempts.len()).unwrap_or(0);
    let tries = (tries > 1).then(|| count(tries, "attempt", "attempts"));
    [tokens, Some(span(record.total)), tries].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
