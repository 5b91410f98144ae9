//! The Requests page: every finished request as a row, and the inspector that says why.
//!
//! Invariant: rows are those of the snapshot that pass the filter; the selection is made of ids and survives both.
//! Absent on purpose: what a request's views show (`why`), and writing files.

mod bar;
pub mod columns;
pub mod complete;
pub mod copy;
pub mod echo;
pub mod filter;
mod kept;
mod older;
pub mod query;
pub mod rows;
mod table;
mod take;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Key, Modifiers, RichText, Ui};

use crate::contract::history::SearchView;
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;
use crate::model::units::Grouped;
use crate::ui::actions::Action;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::pages::why::{self, Tab};
use crate::ui::stored::reading;
use crate::ui::theme::gap;
use crate::ui::widgets::{self, TableState};

use columns::Columns;
use older::Older;
use query::Query;
use rows::Rows;
use table::{Listing, Sorted};

/// Below this width the inspector covers the list.
const SIDE_BY_SIDE: f32 = 820.0;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    query: Query,
    offer: bar::Offer,
    rows: Rows,
    older: Older,
    /// What the store has found with this filter.
    found: Option<Arc<SearchView>>,
    table: TableState<RequestId>,
    sorted: Option<Sorted>,
    /// The order asked for.
    sort_by: Option<Wanted>,
    /// The order that rows are to stand in once all that is kept is read and there are some.
    once_read: Option<(usize, bool)>,
    columns: Columns,
    marked: BTreeSet<RequestId>,
    inspecting: bool,
    /// A request that a link led to, until it is known where to look for it.
    sought: Option<RequestId>,
    /// The one that a filter by id finds is to be opened.
    opens: bool,
    tab: Tab,
    export: take::Export,
    keeper: kept::Keeper,
}

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// As they come.
    Live,
    /// By a column, ascending or descending.
    By(usize, bool),
}

impl State {
    fn listing(&self) -> Listing<'_> {
        self.sorted.as_ref().map_or(Listing::Live(&self.rows), Listing::Still)
    }

    /// Rows as they come, from the newest on.
    fn follow(&mut self) {
        self.sorted = None;
        self.sort_by = None;
        self.once_read = None;
        self.table.follow();
    }
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let wide = ui.available_width() >= SIDE_BY_SIDE;
    take_up(cx, state);
    arrive(cx, state, wide);
    seek(cx, state);
    state.export.hear(cx.notices);
    let focus = keys(ui, cx, state);
    let records = Arc::clone(&cx.snapshot.records);
    state.rows.update(&records, &state.query.text(), cx.snapshot.wall_ms, &state.marked);
    if state.rows.progress(&records).is_some() {
        cx.again();
    }
    state.found = state.older.follow(cx, &state.query.text(), &state.marked);
    state.rows.set_older(&state.found.as_ref().map(|found| Arc::clone(&found.rows)).unwrap_or_default());
    open_found(state);
    sort(cx, state);
    if state.inspecting && !wide {
        inspector(ui, cx, state);
    } else {
        beside(ui, cx, state, focus);
    }
    keep(ui, cx, state);
}

/// Has kept what was changed last, also once another page is shown.
pub fn keep(ui: &Ui, cx: &mut PageCx, state: &mut State) {
    if state.keeper.taken_up_of().is_some() {
        let view = kept::view(state);
        state.keeper.keep(ui, cx, view);
    }
}

/// The list, with the inspector beside it while that is open.
fn beside(ui: &mut Ui, cx: &mut PageCx, state: &mut State, focus: bool) {
    if state.inspecting {
        let most = (ui.available_width() * 0.5).clamp(360.0, 760.0);
        widgets::move_edge_by_keys(ui, "request inspector");
        egui::Panel::right("request inspector")
            // As wide as what it shows needs, so that it does not grow by itself.
            .default_size(most.min(528.0))
            .size_range(340.0..=most)
            .frame(egui::Frame::new().inner_margin(egui::Margin { left: 12, right: 0, top: 0, bottom: 0 }))
            .show(ui, |ui| inspector(ui, cx, state));
    }
    egui::CentralPanel::no_frame().show(ui, |ui| list(ui, cx, state, focus));
}

/// Follows a deep link into this page.
fn arrive(cx: &mut PageCx, state: &mut State, wide: bool) {
    match cx.take_target() {
        Some(Target::Request(id)) => {
            state.query.ask("");
            take_in_hand(state, id);
            state.sought = Some(id);
        }
        // From its Why, beside which the list stays as it is.
        Some(Target::Headers(id)) => {
            take_in_hand(state, id);
            state.tab = Tab::Headers;
            state.sought = Some(id);
        }
        Some(Target::RequestsOf(endpoint)) => {
            state.query.ask(&format!("endpoint:{endpoint}"));
            state.inspecting = false;
        }
        Some(Target::RequestsWhere(filter)) => {
            state.query.ask(&filter);
            state.inspecting = false;
            state.opens = filter.starts_with(BY_ID);
        }
        // Where the inspector covers the list, the page opens with the list.
        Some(Target::Top(_)) => state.inspecting &= wide,
        _ => {}
    }
}

/// How a filter by id begins.
pub const BY_ID: &str = "id:";

fn take_in_hand(state: &mut State, id: RequestId) {
    state.table.select(id);
    state.inspecting = true;
    state.tab = Tab::Why;
}

/// Where a link leads to a request that is not here, it is looked for in what is stored. One that is newer than all that are
/// here, or runs, is still to come.
fn seek(cx: &PageCx, state: &mut State) {
    if cx.snapshot.history.reading {
        return;
    }
    let Some(id) = state.sought.take() else { return };
    let records = &cx.snapshot.records;
    let runs = cx.snapshot.view.queue.running.iter().any(|running| running.request == id);
    let ended = records.iter().next_back().is_some_and(|newest| id < newest.id);
    if ended && !runs && records.iter().all(|record| record.id != id) {
        state.query.ask(&format!("{BY_ID}{id}"));
    }
}

/// Opens the only one that a filter by id has found.
fn open_found(state: &mut State) {
    state.opens &= state.query.text().starts_with(BY_ID);
    let only = state.rows.iter().next().filter(|_| state.opens && state.rows.len() == 1).map(|record| record.id);
    if let Some(id) = only {
        state.opens = false;
        take_in_hand(state, id);
    }
}

/// Sorts when asked to, and anew when another filter is in force. Not before the search is over.
fn sort(cx: &PageCx, state: &mut State) {
    let (records, reading) = (&cx.snapshot.records, cx.snapshot.history.reading);
    let text = state.query.text();
    if let Some((column, descending)) = state.once_read.take_if(|_| !reading && !state.rows.is_empty()) {
        state.sort_by.get_or_insert(Wanted::By(column, descending));
    }
    if let Some(sorted) = state.sorted.as_ref().filter(|sorted| sorted.text != text) {
        state.sort_by.get_or_insert(Wanted::By(sorted.by.0, sorted.by.1));
    }
    let searching = state.older.is_waiting(state.found.as_deref());
    if state.sort_by.is_none() || searching || state.rows.progress(records).is_some() {
        return;
    }
    match state.sort_by.take() {
        Some(Wanted::By(column, descending)) => {
            state.sorted = Some(Sorted::of(&state.rows, (column, descending), &text, records.total));
            // What is still being read is to stand in the same order.
            state.once_read = reading.then_some((column, descending));
        }
        _ => state.follow(),
    }
}

/// Takes up what is kept over restarts, once for each profile: from then on the page knows better, as what comes back is only what
/// it gave away.
fn take_up(cx: &PageCx, state: &mut State) {
    let state_dir = &cx.snapshot.profile.state_dir;
    match state.keeper.taken_up_of() {
        Some(known) if known == state_dir => return,
        Some(_) => {
            state.query.clear();
            state.marked.clear();
            state.inspecting = false;
            state.follow();
        }
        None => {}
    }
    let kept = &cx.snapshot.requests_view;
    state.query.saved.clone_from(&kept.filters);
    state.columns = Columns::of_names(&kept.columns);
    let chip = |(text, on): &(String, bool)| query::Chip { text: text.clone(), on: *on };
    state.query.chips = kept.clauses.iter().map(chip).collect();
    state.once_read = kept
        .sort
        .as_ref()
        .and_then(|(id, descending)| Some((columns::KINDS.iter().position(|kind| kind.id == id)?, *descending)));
    let title = |name: &str| columns::KINDS.iter().map(|kind| kind.title).find(|title| *title == name);
    let widths = kept.widths.iter().filter_map(|(name, width)| Some((title(name)?, f32::from(*width))));
    state.table.widths = widths.collect();
    let view = kept::view(state);
    state.keeper.take_up(state_dir, view);
}

fn list(ui: &mut Ui, cx: &mut PageCx, state: &mut State, focus: bool) {
    widgets::page_title(ui, cx.theme, "Requests", "What happened to each request, and why");
    bar::show(ui, cx, state, focus);
    ui.add_space(gap::S);
    if cx.snapshot.records.is_empty() && cx.snapshot.history.reading {
        return reading(ui, cx, egui::Id::unique("requests are read"), 12);
    }
    if cx.snapshot.records.is_empty() {
        ui.label("No request has finished yet.");
        if ui.button("See how to point a tool here").clicked() {
            cx.go(Page::Connect);
        }
        return;
    }
    if state.rows.is_empty() {
        nothing_passes(ui, cx, state);
        return;
    }
    table::show(ui, cx.theme, state);
}

/// Says what is in the way, once everything was looked through.
fn nothing_passes(ui: &mut Ui, cx: &PageCx, state: &mut State) {
    let records = &cx.snapshot.records;
    let searching = state.rows.progress(records).is_some() || state.older.is_waiting(state.found.as_deref());
    if searching || cx.snapshot.history.reading {
        ui.label("Searching…");
        return;
    }
    let text = state.query.text();
    if let Some(id) = text.strip_prefix(BY_ID).filter(|id| !id.contains(' ')) {
        ui.label(format!(
            "{id} is not kept: it has not ended yet, was left out under load, or has gone with the oldest."
        ));
        if ui.button("Remove the filter").clicked() {
            state.query.clear();
        }
        return;
    }
    let kept = Grouped((records.len() as u64).saturating_add(state.found.as_ref().map_or(0, |found| found.of)));
    let nearest = state.rows.nearest().map(|(clause, rows)| (clause.to_owned(), rows));
    match nearest {
        Some((clause, rows)) => {
            let rows = Grouped(rows);
            ui.label(format!("No request matches. {kept} are kept; {rows} match without {clause}"));
            if ui.button(format!("Remove {clause}")).clicked() {
                state.query.without(&clause);
            }
        }
        None => drop(ui.label(format!("No request matches. {kept} are kept."))),
    }
    if ui.button("Remove the filter").clicked() {
        state.query.clear();
    }
}

/// Keys of the list. None of them acts while a text field has the keyboard. Returns whether the filter is wanted.
fn keys(ui: &Ui, cx: &mut PageCx, state: &mut State) -> bool {
    if cx.take(Action::NewestRow) {
        state.follow();
        go(state, usize::MAX);
    }
    if cx.take(Action::OldestRow) {
        go(state, 0);
    }
    let steps = [
        (Action::NextRow, 1, false),
        (Action::PreviousRow, -1, false),
        (Action::ExtendDown, 1, true),
        (Action::ExtendUp, -1, true),
    ];
    for (action, by, extend) in steps {
        if cx.take(action) {
            step(state, by, extend);
        }
    }
    let free = !ui.ctx().text_edit_focused();
    let pressed = |key| free && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if (cx.take(Action::Why) || pressed(Key::Enter)) && state.table.selected.is_some() {
        state.tab = Tab::Why;
        state.inspecting = true;
    }
    for (whole, action) in [(true, Action::CopyBoth), (false, Action::CopyCurl)] {
        if cx.take(action)
            && let Some(record) = state.table.selected.and_then(|id| find(cx, state, id))
        {
            take::copy_now(ui, cx, &record, whole);
        }
    }
    if cx.take(Action::MarkRow) {
        mark(state);
    }
    if cx.take(Action::Inspector) {
        state.inspecting = !state.inspecting;
    }
    if state.inspecting && pressed(Key::Escape) {
        state.inspecting = false;
    }
    for place in 1..=query::SAVED {
        if cx.take(Action::SavedFilter(place)) {
            state.query.recall(place);
        }
    }
    cx.select(state.table.selected.map(Target::Request));
    cx.take(Action::Filter)
}

fn step(state: &mut State, by: isize, extend: bool) {
    let State { rows, sorted, table, .. } = state;
    let listing = sorted.as_ref().map_or(Listing::Live(rows), Listing::Still);
    table.step(&listing, by, extend, sorted.is_none());
}

/// Takes the row at a place in hand (too large: the last) and shows it.
fn go(state: &mut State, place: usize) {
    let State { rows, sorted, table, .. } = state;
    let listing = sorted.as_ref().map_or(Listing::Live(rows), Listing::Still);
    table.go_to(&listing, place, false);
}

/// Marks what is in hand, or takes the mark off if all of it is marked.
fn mark(state: &mut State) {
    let held: Vec<RequestId> = if state.table.picked.is_empty() {
        state.table.selected.into_iter().collect()
    } else {
        state.table.picked.iter().copied().collect()
    };
    if held.iter().all(|id| state.marked.contains(id)) {
        state.marked.retain(|id| !held.contains(id));
    } else {
        state.marked.extend(held);
    }
}

/// Points that the buttons beside the inspector's tabs take.
const COPY_AND_CLOSE: f32 = 140.0;

fn inspector(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let record = state.table.selected.and_then(|id| find(cx, state, id));
    ui.horizontal_wrapped(|ui| {
        for tab in Tab::ALL {
            ui.selectable_value(&mut state.tab, tab, tab.name());
        }
        let mut beside = |ui: &mut Ui| {
            if ui.button("Close").on_hover_text("F4 or Esc").clicked() {
                state.inspecting = false;
            }
            if let Some(record) = &record {
                take::copy_button(ui, cx, std::slice::from_ref(record));
            }
        };
        if ui.available_size_before_wrap().x < COPY_AND_CLOSE {
            beside(ui);
        } else {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), beside);
        }
    });
    ui.separator();
    let Some(record) = record else {
        let text = match state.table.selected {
            Some(id)
                if state.query.text() == format!("{BY_ID}{id}") && state.older.is_waiting(state.found.as_deref()) =>
            {
                let far = state.found.as_deref().and_then(older::progress).unwrap_or_default();
                format!("Looking for {id} among what is kept: {far}")
            }
            Some(id) => {
                format!("The record of {id} is not here: it has not arrived yet, or was dropped for newer ones.")
            }
            None => "Select a request to see why it went where it went.".to_owned(),
        };
        ui.label(RichText::new(text).color(cx.theme.text_soft));
        return;
    };
    if is_left_out(cx, state, record.id) {
        ui.horizontal_wrapped(|ui| {
            widgets::note(ui, cx.theme, "Not in this list: the filter leaves it out.");
            if ui.button("Show the whole list").clicked() {
                state.query.clear();
            }
        });
    }
    why::title(ui, cx.theme, &record);
    ui.add_space(gap::M);
    let area = egui::ScrollArea::vertical().id_salt(("inspector", state.tab.name())).auto_shrink(false);
    let config = Arc::clone(&cx.snapshot.applied.config);
    let wanted = area.show(ui, |ui| why::show(ui, cx.theme, &record, &config, state.tab)).inner;
    if let Some(ask) = wanted {
        let target = ask.settle(cx.draft);
        cx.open(target);
    }
}

/// Whether the filter, once it has been through everything, leaves this request out.
fn is_left_out(cx: &PageCx, state: &State, id: RequestId) -> bool {
    let searching =
        state.rows.progress(&cx.snapshot.records).is_some() || state.older.is_waiting(state.found.as_deref());
    !state.query.text().is_empty() && !searching && state.rows.place_of(id).is_none()
}

fn find(cx: &PageCx, state: &State, id: RequestId) -> Option<Arc<RequestRecord>> {
    let listing = state.listing();
    let row = widgets::Rows::place_of(&listing, &id).and_then(|place| listing.at(place));
    row.or_else(|| cx.snapshot.records.iter().rev().find(|record| record.id == id)).cloned()
}
