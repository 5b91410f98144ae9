//! The Requests page: every finished request as a row, and the inspector that says why.
//!
//! Invariant: rows are those of the snapshot that pass the filter; the selection is an id and survives both.
//! Absent on purpose: sorting and stored history beyond the ring.

pub mod copy;
pub mod filter;
pub mod rows;
mod table;

use std::sync::Arc;

use egui::{Key, RichText, Ui};

use crate::contract::snapshot::Serving;
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::keyless;
use crate::ui::pages::why::{self, Tab};
use crate::ui::theme::{gap, mono};
use crate::ui::widgets;

use rows::Rows;

/// Below this width the inspector covers the list.
const SIDE_BY_SIDE: f32 = 820.0;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    filter: String,
    rows: Rows,
    selected: Option<RequestId>,
    inspecting: bool,
    tab: Tab,
    /// Where the list goes in the next frame.
    scroll: Option<Scroll>,
    /// The person scrolled away from the newest row.
    released: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scroll {
    /// To this row.
    Row(usize),
    /// To the newest row, to follow from there.
    Newest,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    arrive(cx, state);
    let records = Arc::clone(&cx.snapshot.records);
    state.rows.update(&records, &state.filter);
    keys(ui, state);
    let wide = ui.available_width() >= SIDE_BY_SIDE;
    if state.inspecting && !wide {
        inspector(ui, cx, state);
        return;
    }
    if state.inspecting {
        let most = (ui.available_width() * 0.5).clamp(360.0, 560.0);
        egui::Panel::right("request inspector")
            .default_size(most.min(430.0))
            .size_range(340.0..=most)
            .frame(egui::Frame::new().inner_margin(egui::Margin { left: 12, right: 0, top: 0, bottom: 0 }))
            .show(ui, |ui| inspector(ui, cx, state));
    }
    egui::CentralPanel::no_frame().show(ui, |ui| list(ui, cx, state));
}

/// Follows a deep link into this page.
fn arrive(cx: &mut PageCx, state: &mut State) {
    match cx.take_target() {
        Some(Target::Request(id)) => {
            state.filter.clear();
            state.selected = Some(id);
            state.inspecting = true;
            state.tab = Tab::Why;
        }
        Some(Target::RequestsOf(endpoint)) => {
            state.filter = format!("endpoint:{endpoint}");
            state.inspecting = false;
        }
        Some(Target::RequestsWhere(filter)) => {
            filter.clone_into(&mut state.filter);
            state.inspecting = false;
        }
        _ => {}
    }
}

fn list(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    widgets::page_title(ui, cx.theme, "Requests", "What happened to each request, and why");
    filter_bar(ui, cx, state);
    ui.add_space(gap::M);
    if cx.snapshot.records.is_empty() {
        ui.label("No request has finished yet.");
        if ui.button("See how to point a tool here").clicked() {
            cx.go(Page::Connect);
        }
        return;
    }
    if state.rows.is_empty() {
        ui.label(format!("No request matches. {} are kept.", Grouped(cx.snapshot.records.len() as u64)));
        if ui.button("Remove the filter").clicked() {
            state.filter.clear();
        }
        return;
    }
    table::show(ui, cx.theme, state);
}

fn filter_bar(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        let name = ui.label(RichText::new("Filter").color(cx.theme.text_soft));
        let hint = "status>=400 endpoint:east client:aider 429";
        let field = ui.scope(|ui| {
            ui.set_max_width(360.0);
            keyless::edit(ui, cx.theme, ("Filter", name.id), hint, &mut state.filter)
        });
        if !ui.ctx().text_edit_focused() && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Slash)) {
            field.inner.response.request_focus();
        }
        if field.inner.to_accounts {
            cx.go(Page::Accounts);
        }
        if !state.filter.is_empty() && ui.button("Clear").clicked() {
            state.filter.clear();
        }
        let kept = Grouped(cx.snapshot.records.len() as u64);
        let line = if state.rows.filtered() {
            format!("{} of {kept}", Grouped(state.rows.len() as u64))
        } else {
            format!("{kept} kept of {}", Grouped(cx.snapshot.records.total))
        };
        ui.label(mono(line).color(cx.theme.text_soft));
        if state.released && ui.button("Follow newest").on_hover_text("Shift+G").clicked() {
            state.scroll = Some(Scroll::Newest);
        }
    });
}

/// Keys of the list. None of them acts while a text field has the keyboard.
fn keys(ui: &Ui, state: &mut State) {
    if ui.ctx().text_edit_focused() {
        return;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, key));
    let shifted = |key| ui.input_mut(|input| input.consume_key(egui::Modifiers::SHIFT, key));
    // A focused button or row keeps the arrows; J and K always work.
    let arrows = ui.memory(|memory| memory.focused().is_none());
    if shifted(Key::G) {
        state.scroll = Some(Scroll::Newest);
        select_at(state, usize::MAX);
    } else if pressed(Key::G) {
        select_at(state, 0);
    }
    if pressed(Key::J) || arrows && pressed(Key::ArrowDown) {
        let next = selected_place(state).map_or(usize::MAX, |place| place.saturating_add(1));
        select_at(state, next);
    }
    if pressed(Key::K) || arrows && pressed(Key::ArrowUp) {
        let next = selected_place(state).map_or(usize::MAX, |place| place.saturating_sub(1));
        select_at(state, next);
    }
    if pressed(Key::W) && state.selected.is_some() {
        state.tab = Tab::Why;
        state.inspecting = true;
    }
    if pressed(Key::F4) {
        state.inspecting = !state.inspecting;
    }
    if state.inspecting && pressed(Key::Escape) {
        state.inspecting = false;
    }
}

fn selected_place(state: &State) -> Option<usize> {
    state.selected.and_then(|id| state.rows.place_of(id))
}

/// Selects the row at a place (too large: the newest) and shows it.
fn select_at(state: &mut State, place: usize) {
    let place = place.min(state.rows.len().saturating_sub(1));
    if let Some(record) = state.rows.at(place) {
        state.selected = Some(record.id);
        state.scroll = state.scroll.or(Some(Scroll::Row(place)));
    }
}

fn inspector(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let record = state.selected.and_then(|id| find(cx, state, id));
    ui.horizontal_wrapped(|ui| {
        for tab in Tab::ALL {
            ui.selectable_value(&mut state.tab, tab, tab.name());
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("Close").on_hover_text("F4 or Esc").clicked() {
                state.inspecting = false;
            }
            if let Some(record) = &record {
                copy_menu(ui, cx, record);
            }
        });
    });
    ui.separator();
    let Some(record) = record else {
        let text = match state.selected {
            Some(id) => {
                format!("The record of {id} is not here: it has not arrived yet, or was dropped for newer ones.")
            }
            None => "Select a request to see why it went where it went.".to_owned(),
        };
        ui.label(RichText::new(text).color(cx.theme.text_soft));
        return;
    };
    why::title(ui, cx.theme, &record);
    ui.add_space(gap::M);
    let area = egui::ScrollArea::vertical().id_salt(("inspector", state.tab.name())).auto_shrink(false);
    let wanted = area.show(ui, |ui| why::show(ui, cx.theme, &record, state.tab)).inner;
    if let Some(target) = wanted {
        cx.open(target);
    }
}

fn find(cx: &PageCx, state: &State, id: RequestId) -> Option<Arc<RequestRecord>> {
    let row = state.rows.place_of(id).and_then(|place| state.rows.at(place));
    row.or_else(|| cx.snapshot.records.iter().rev().find(|record| record.id == id)).cloned()
}

fn copy_menu(ui: &mut Ui, cx: &PageCx, record: &RequestRecord) {
    ui.menu_button("Copy", |ui| {
        if let Serving::Listening { base_url, .. } = &cx.snapshot.serving
            && ui.button("cURL via Tidegate").clicked()
        {
            ui.ctx().copy_text(copy::curl(record, base_url));
        }
        if let Some(decision) = record.decisions.last() {
            if ui.button("Decision as JSON").clicked() {
                ui.ctx().copy_text(copy::decision_json(decision));
            }
            if ui.button("Decision id").clicked() {
                ui.ctx().copy_text(decision.id.to_string());
            }
        }
    });
}
