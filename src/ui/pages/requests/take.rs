//! Taking requests along: the copy menu, and exports of what is selected or passes the filter.
//!
//! Invariant: copies and exports hold no key and no body; a file is written by the background, which says where it is.
//! Absent on purpose: the formats of files.

use std::sync::Arc;

use egui::{RichText, Ui};

use super::{State, copy, older};
use crate::contract::snapshot::Serving;
use crate::contract::{Command, ExportCommand, ExportFormat, Notice, NoticeBody};
use crate::model::id::CommandId;
use crate::model::record::RequestRecord;
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::format::{count, file_time};
use crate::ui::theme::{Tone, mono};
use crate::ui::widgets::note;

/// An export on its way.
#[derive(Debug, Default)]
pub(super) struct Export {
    waiting: Option<CommandId>,
    /// Written so far, of all.
    progress: Option<(u64, u64)>,
}

impl Export {
    /// Hears how far it is, and its end.
    pub(super) fn hear(&mut self, notices: &[Notice]) {
        let Some(waiting) = self.waiting else { return };
        for notice in notices.iter().filter(|notice| notice.id == Some(waiting)) {
            match notice.body {
                NoticeBody::Exporting { done, of } => self.progress = Some((done, of)),
                _ => *self = Self::default(),
            }
        }
    }
}

/// What is selected, if that is more than one row; else what passes.
fn wanted(state: &State) -> Vec<Arc<RequestRecord>> {
    let listing = state.listing();
    let rows = (0..crate::ui::widgets::Rows::count(&listing)).filter_map(|place| listing.at(place));
    if state.table.held() > 1 {
        rows.filter(|record| state.table.picked.contains(&record.id)).cloned().collect()
    } else {
        rows.cloned().collect()
    }
}

/// The export menu, and the copy menu of what is selected.
pub(super) fn menu(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let selected = state.table.held() > 1;
    if selected {
        let records = wanted(state);
        copy_button(ui, cx, &records);
    }
    if let Some((done, of)) = state.export.progress {
        ui.label(mono(format!("exporting {} of {}", Grouped(done), Grouped(of))).color(cx.theme.text_soft));
        return;
    }
    ui.menu_button("Export", |ui| {
        let rows = if selected { state.table.held() } else { crate::ui::widgets::Rows::count(&state.listing()) };
        let what = if selected { "selected" } else { "listed" };
        let all = count(rows as u64, "request", "requests");
        note(ui, cx.theme, &format!("{all}, as {what}. No key and no body is in the file."));
        let left = state.found.as_deref().filter(|_| !selected).map_or(0, older::beyond);
        if left > 0 {
            let words = format!("The oldest {} that match are not listed, so they are left out.", Grouped(left));
            ui.label(RichText::new(words).color(cx.theme.tone(Tone::Near)));
        }
        for (format, name) in [
            (ExportFormat::Jsonl, "JSONL, every number and decision"),
            (ExportFormat::Csv, "CSV, a row each"),
            (ExportFormat::Har, "HAR, for a browser's network view"),
        ] {
            if ui.add_enabled(rows > 0, egui::Button::new(name)).clicked() {
                export(cx, state, format);
                ui.close();
            }
        }
    });
}

fn export(cx: &mut PageCx, state: &mut State, format: ExportFormat) {
    let records = wanted(state);
    let of = records.len() as u64;
    let name = format!("tidegate-requests-{}", file_time(cx.snapshot.wall_ms));
    let command = Command::Export(ExportCommand { format, name, records: records.into() });
    state.export.waiting = cx.send(command);
    state.export.progress = state.export.waiting.map(|_| (0, of));
}

/// The copy menu.
pub(super) fn copy_button(ui: &mut Ui, cx: &PageCx, records: &[Arc<RequestRecord>]) {
    let base_url = match &cx.snapshot.serving {
        Serving::Listening { base_url, .. } => base_url.to_string(),
        _ => copy::USUAL_URL.to_owned(),
    };
    let config = &cx.snapshot.applied.config;
    ui.menu_button("Copy", |ui| {
        ui.set_min_width(210.0);
        item(ui, records, "cURL via Tidegate", "", |record| Some(copy::curl(record, &base_url)));
        let nowhere = "It went to no endpoint, to a simulated one, or to one that is no longer configured";
        item(ui, records, "cURL direct, key from $ENV", nowhere, |record| copy::direct(record, config));
        let unknown = "OpenAI's library has no short call for this operation";
        item(ui, records, "Python", unknown, |record| copy::python(record, &base_url));
        item(ui, records, "Node", unknown, |record| copy::node(record, &base_url));
        item(ui, records, "Markdown", "", |record| Some(copy::markdown(record)));
        if let [record] = records
            && let Some(decision) = record.decisions.last()
        {
            if ui.button("Decision as JSON").clicked() {
                ui.ctx().copy_text(copy::decision_json(decision));
                ui.close();
            }
            if ui.button("Decision id").clicked() {
                ui.ctx().copy_text(decision.id.to_string());
                ui.close();
            }
        }
        note(ui, cx.theme, "Prompts are not kept, so a short one stands in.");
    });
}

/// One way to copy all of `records`; greyed with the reason if one of them cannot be copied so.
fn item(
    ui: &mut Ui,
    records: &[Arc<RequestRecord>],
    name: &str,
    obstacle: &str,
    make: impl Fn(&RequestRecord) -> Option<String>,
) {
    let texts: Option<Vec<String>> = records.iter().map(|record| make(record)).collect();
    let button = ui.add_enabled(texts.is_some(), egui::Button::new(name));
    if button.on_disabled_hover_text(obstacle).clicked()
        && let Some(texts) = texts
    {
        ui.ctx().copy_text(texts.join("\n\n"));
        ui.close();
    }
}

/// Copies the request in hand: as cURL, or as Markdown with its answer.
pub(super) fn copy_now(ui: &Ui, cx: &mut PageCx, record: &RequestRecord, whole: bool) {
    let text = match &cx.snapshot.serving {
        _ if whole => copy::markdown(record),
        Serving::Listening { base_url, .. } => copy::curl(record, base_url),
        _ => copy::curl(record, copy::USUAL_URL),
    };
    ui.ctx().copy_text(text);
    let what = if whole { "Request and answer copied as Markdown" } else { "cURL line copied" };
    cx.toast(Tone::Info, what);
}
