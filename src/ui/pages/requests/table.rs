//! The list itself: rows as they come, or a sorted picture of them that stands still.
//!
//! Invariant: only visible rows are laid out; a sorted list does not move under the pointer, and says what came since.
//! Absent on purpose: filtering; it is done before.

use std::cmp::Reverse;
use std::sync::Arc;

use egui::Ui;

use super::columns::{KINDS, Kind};
use super::rows::Rows;
use super::{State, Wanted};
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;
use crate::ui::format::clock_time;
use crate::ui::theme::{Theme, Tone, gap};
use crate::ui::widgets::{Column, DataTable, Rows as RowsById, TableEvent};
use crate::ui::words::{self, explain};

/// The rows sorted at one moment.
#[derive(Debug)]
pub(super) struct Sorted {
    /// A place in [`KINDS`], and whether it descends.
    pub(super) by: (usize, bool),
    /// The filter they passed.
    pub(super) text: String,
    /// In order.
    pub(super) rows: Vec<Arc<RequestRecord>>,
    /// How many records there were ever.
    pub(super) until: u64,
}

impl Sorted {
    /// Sorts what passes now.
    pub(super) fn of(rows: &Rows, by: (usize, bool), text: &str, until: u64) -> Self {
        let mut list: Vec<Arc<RequestRecord>> = rows.iter().cloned().collect();
        if let Some(kind) = KINDS.get(by.0) {
            let key = kind.key;
            if by.1 {
                list.sort_by_cached_key(|record| Reverse(key(record)));
            } else {
                list.sort_by_cached_key(|record| key(record));
            }
        }
        Self { by, text: text.to_owned(), rows: list, until }
    }
}

/// What the list shows.
#[derive(Clone, Copy)]
pub(super) enum Listing<'a> {
    /// Rows as they come.
    Live(&'a Rows),
    /// Rows as they were sorted.
    Still(&'a Sorted),
}

impl<'a> Listing<'a> {
    /// The row at a place.
    pub(super) fn at(self, place: usize) -> Option<&'a Arc<RequestRecord>> {
        match self {
            Self::Live(rows) => rows.at(place),
            Self::Still(sorted) => sorted.rows.get(place),
        }
    }
}

impl RowsById<RequestId> for Listing<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Live(rows) => rows.len(),
            Self::Still(sorted) => sorted.rows.len(),
        }
    }

    fn id_at(&self, place: usize) -> Option<RequestId> {
        self.at(place).map(|record| record.id)
    }

    fn place_of(&self, id: &RequestId) -> Option<usize> {
        match self {
            Self::Live(rows) => rows.place_of(*id),
            Self::Still(sorted) => sorted.rows.iter().position(|record| record.id == *id),
        }
    }
}

/// Shows the rows and takes clicks.
pub(super) fn show(ui: &mut Ui, theme: &Theme, state: &mut State) {
    let fitting = state.columns.fitting(ui.available_width());
    let columns: Vec<Column> = fitting.each().map(|(kind, width)| column(kind, width)).collect();
    let kinds: Vec<&Kind> = fitting.each().map(|(kind, _)| kind).collect();
    let shown = &fitting.places;
    let State { rows, sorted, table, marked, .. } = state;
    let listing = sorted.as_ref().map_or(Listing::Live(rows), Listing::Still);
    table.sort = sorted.as_ref().and_then(|sorted| {
        let at = shown.iter().position(|place| *place == sorted.by.0)?;
        Some((at, sorted.by.1))
    });
    let following = sorted.is_none();
    let event = DataTable::new("requests", &columns).resizable().follow(following).without_letters().show(
        ui,
        theme,
        table,
        &listing,
        |place| listing.at(place).map_or_else(String::new, |record| spoken(record, marked.contains(&record.id))),
        |ui, place, column| {
            let (Some(record), Some(kind)) = (listing.at(place), kinds.get(column)) else { return };
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
            ui.spacing_mut().item_spacing.x = gap::S;
            if column == 0 && marked.contains(&record.id) {
                mark(ui, theme);
            }
            (kind.cell)(ui, theme, record);
        },
    );
    let order = state.table.sort.and_then(|(at, descending)| Some(Wanted::By(*shown.get(at)?, descending)));
    let order = order.unwrap_or(Wanted::Live);
    match event {
        Some(TableEvent::Selected(_)) if state.table.held() < 2 => state.inspecting = true,
        Some(TableEvent::Opened(id)) => {
            state.table.select(id);
            state.inspecting = true;
        }
        Some(TableEvent::Sorted) => state.sort_by = Some(order),
        _ => {}
    }
}

fn column(kind: &Kind, width: Option<f32>) -> Column {
    width.map_or_else(|| Column::rest(kind.title), |width| Column::text(kind.title, width)).sorted()
}

fn mark(ui: &mut Ui, theme: &Theme) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(3.0, 16.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 1, theme.tone(Tone::Info));
}

/// The row in words, for those who hear it.
fn spoken(record: &RequestRecord, marked: bool) -> String {
    let endpoint = record.endpoint().map_or("nowhere", |endpoint| endpoint.as_str());
    let met = words::met(record).map(|met| format!(" {met}")).unwrap_or_default();
    format!(
        "{}{}, {}{met}, {} to {endpoint}, {}",
        if marked { "marked, " } else { "" },
        clock_time(record.ended_wall_ms()),
        words::status(record),
        record.profile.model,
        explain::one_line(record)
    )
}
