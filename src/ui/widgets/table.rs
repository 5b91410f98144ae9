//! A table of rows known by id: selection, ranges, sort arrows, widths, following. Only visible rows are laid out.
//!
//! Invariant: the selection is an id, so it stays with its row when the order changes; for the keyboard the whole table is
//! one stop.
//! Absent on purpose: sorting itself; the caller hands the rows in order.

mod state;
mod widths;

use egui::{Align, Key, Layout, Modifiers, Role, Sense, Ui, WidgetInfo};
use egui_extras::TableBuilder;
use egui_material_icons::icons::{ICON_ARROW_DOWNWARD, ICON_ARROW_UPWARD};

use crate::ui::glossary;
use crate::ui::theme::{self, Theme, gap, size};

use state::Scroll;
pub use state::{Rows, TableState};
use widths::Fit;

/// Rows a page key moves by.
const PAGE: isize = 15;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width in points; `None`: what is left.
    pub width: Option<f32>,
    /// Numbers stand at the right.
    pub numeric: bool,
    /// Clicking the heading sorts.
    pub sortable: bool,
}

impl Column {
    /// A column of text, `width` points wide.
    #[must_use]
    pub const fn text(title: &'static str, width: f32) -> Self {
        Self { title, width: Some(width), numeric: false, sortable: false }
    }

    /// A column of numbers, `width` points wide.
    #[must_use]
    pub const fn number(title: &'static str, width: f32) -> Self {
        Self { title, width: Some(width), numeric: true, sortable: false }
    }

    /// A column that takes what is left.
    #[must_use]
    pub const fn rest(title: &'static str) -> Self {
        Self { title, width: None, numeric: false, sortable: false }
    }

    /// The same, sortable.
    #[must_use]
    pub const fn sorted(mut self) -> Self {
        self.sortable = true;
        self
    }
}

/// What the person did to a table in this frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableEvent<I> {
    /// Selected a row, by click or J/K.
    Selected(I),
    /// Opened a row, by double click or Enter.
    Opened(I),
    /// Asked for another order.
    Sorted,
}

/// A table.
pub struct DataTable<'a> {
    name: &'a str,
    columns: &'a [Column],
    row_height: f32,
    follow: bool,
    height: Option<f32>,
    resizable: bool,
    keyed: bool,
}

impl<'a> DataTable<'a> {
    /// A table named `name` with these columns. The name must be unique on its page.
    #[must_use]
    pub fn new(name: &'a str, columns: &'a [Column]) -> Self {
        Self { name, columns, row_height: gap::ROW, follow: false, height: None, resizable: false, keyed: true }
    }

    /// Rows of another height.
    #[must_use]
    pub fn row_height(mut self, height: f32) -> Self {
        self.row_height = height;
        self
    }

    /// Stays at the newest row at the bottom until the person scrolls away.
    #[must_use]
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// At most this high; otherwise as high as what is left.
    #[must_use]
    pub fn max_height(mut self, height: f32) -> Self {
        self.height = Some(height);
        self
    }

    /// The person can draw columns wider and narrower.
    #[must_use]
    pub fn resizable(mut self) -> Self {
        self.resizable = true;
        self
    }

    /// J, K and Enter are the page's own business.
    #[must_use]
    pub fn without_letters(mut self) -> Self {
        self.keyed = false;
        self
    }

    /// Shows `rows` in their order. `cell` draws one cell: row, then column. `words` is a row's accessible name.
    pub fn show<I: Clone + Ord, R: Rows<I> + ?Sized>(
        self,
        ui: &mut Ui,
        theme: &Theme,
        state: &mut TableState<I>,
        rows: &R,
        words: impl Fn(usize) -> String,
        mut cell: impl FnMut(&mut Ui, usize, usize),
    ) -> Option<TableEvent<I>> {
        let mut event = self.stop(ui, state, rows, &words);
        let (id, left) = (self.id(ui), ui.max_rect().left());
        // Rows of one line are as dense as the person likes; higher ones are as high as what is in them.
        let row_height = if self.row_height <= gap::ROW { theme::row_height(ui) } else { self.row_height };
        let fit = Fit::of(ui, self.columns, &state.widths);
        let mut table = self.builder(ui, &fit);
        table = match state.scroll.take() {
            Some(Scroll::Row(row)) => table.scroll_to_row(row, None),
            Some(Scroll::End) => table.scroll_to_row(rows.count().saturating_sub(1), Some(Align::BOTTOM)),
            None => table,
        };
        let header = table.header(24.0, |mut row| {
            for (place, column) in self.columns.iter().enumerate() {
                row.col(|ui| {
                    if heading(ui, theme, column, place, state) {
                        event = Some(TableEvent::Sorted);
                    }
                });
            }
        });
        let output = header.body(|body| {
            body.rows(row_height, rows.count(), |mut row| {
                let at = row.index();
                let Some(id) = rows.id_at(at) else { return };
                let held = state.holds(&id);
                row.set_selected(held);
                for (place, column) in self.columns.iter().enumerate() {
                    row.col(|ui| aligned(ui, column, |ui| cell(ui, at, place)));
                }
                let response = row.response();
                response.widget_info(|| WidgetInfo::selected(Role::Row, true, held, words(at)));
                event = pressed(&response, state, rows, id).or(event.take());
            });
        });
        let bottom = output.state.unclamped_offset().y + output.inner_rect.height() + row_height;
        state.released = self.follow && bottom < output.content_size.y;
        if self.resizable {
            fit.edges(ui, id, self.columns, left, &mut state.widths);
        }
        event
    }

    /// What `egui_extras` calls the table.
    fn id(&self, ui: &Ui) -> egui::Id {
        ui.scope_id().with(egui::IdSalt::new(self.name))
    }

    fn builder<'u>(&self, ui: &'u mut Ui, fit: &Fit) -> TableBuilder<'u> {
        let height = self.height.unwrap_or_else(|| ui.available_height());
        // Text that can be selected would swallow the clicks on its row.
        ui.style_mut().interaction.selectable_labels = false;
        if self.follow {
            // Scrolling to a row counts rows alone.
            ui.spacing_mut().item_spacing.y = 0.0;
        }
        let held = self.resizable && widths::is_held(ui, self.id(ui), self.columns.len());
        let mut table = TableBuilder::new(ui)
            .id_salt(self.name)
            // A click is heard, but the keyboard does not stop at every row.
            .sense(Sense::CLICK)
            .auto_shrink([false, !self.follow])
            .animate_scrolling(false)
            .cell_layout(Layout::left_to_right(Align::Center))
            .stick_to_bottom(self.follow)
            .min_scrolled_height(0.0)
            .max_scroll_height(height - 24.0 - gap::S);
        for width in &fit.widths {
            table = table.column(match *width {
                Some(width) if self.resizable => egui_extras::Column::initial(width)
                    .range(widths::LEAST..=(width + fit.spare).max(widths::LEAST))
                    .clip(true)
                    .resizable(true),
                Some(width) => egui_extras::Column::exact(width).clip(true),
                None => egui_extras::Column::remainder().at_least(widths::REST).clip(true),
            });
        }
        if self.resizable && !held {
            // Only a drag is `egui_extras`' own; else it would remember widths of other columns, or of another window.
            table.reset();
        }
        table
    }

    /// The place where the keyboard stops, and what it does there.
    fn stop<I: Clone + Ord, R: Rows<I> + ?Sized>(
        &self,
        ui: &mut Ui,
        state: &mut TableState<I>,
        rows: &R,
        words: &impl Fn(usize) -> String,
    ) -> Option<TableEvent<I>> {
        let id = ui.make_persistent_id(("keyboard", self.name));
        let mut area = ui.available_rect_before_wrap();
        area.set_height(2.0);
        let stop = ui.interact(area, id, Sense::focusable_noninteractive());
        stop.widget_info(|| {
            let place = state.selected.as_ref().and_then(|id| rows.place_of(id));
            let said = place.map_or_else(|| "no row selected".to_owned(), words);
            WidgetInfo::labeled(Role::Group, true, format!("{} table: {said}", self.name))
        });
        if stop.has_focus() {
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, ARROWS));
        }
        let free = ui.memory(|memory| memory.focused().is_none_or(|focused| focused == id));
        if ui.ctx().text_edit_focused() || !free && !self.keyed { None } else { self.keys(ui, state, rows, free) }
    }

    fn keys<I: Clone + Ord, R: Rows<I> + ?Sized>(
        &self,
        ui: &Ui,
        state: &mut TableState<I>,
        rows: &R,
        free: bool,
    ) -> Option<TableEvent<I>> {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let shifted = |key| ui.input_mut(|input| input.consume_key(Modifiers::SHIFT, key));
        if free && ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::A)) {
            state.pick_all(rows);
        }
        if free && self.keyed && state.selected.is_some() && pressed(Key::Enter) {
            return state.selected.clone().filter(|id| rows.place_of(id).is_some()).map(TableEvent::Opened);
        }
        let arrows = [(Key::ArrowDown, 1), (Key::ArrowUp, -1), (Key::PageDown, PAGE), (Key::PageUp, -PAGE)];
        let letters = [(Key::J, 1), (Key::K, -1)];
        let usable = arrows.into_iter().filter(|_| free).chain(letters.into_iter().filter(|_| self.keyed));
        let mut moved = None;
        for (key, by) in usable {
            let extend = shifted(key);
            if extend || pressed(key) {
                moved = state.step(rows, by, extend, self.follow).or(moved);
            }
        }
        moved.map(TableEvent::Selected)
    }
}

/// Arrows are the table's own while it has the keyboard; Tab leaves it.
const ARROWS: egui::EventFilter =
    egui::EventFilter { tab: false, horizontal_arrows: false, vertical_arrows: true, escape: false };

fn pressed<I: Clone + Ord, R: Rows<I> + ?Sized>(
    response: &egui::Response,
    state: &mut TableState<I>,
    rows: &R,
    id: I,
) -> Option<TableEvent<I>> {
    if response.double_clicked() {
        return Some(TableEvent::Opened(id));
    }
    if !response.clicked() {
        return None;
    }
    let held = response.ctx.input(|input| input.modifiers);
    match held {
        held if held.command => state.toggle(id.clone()),
        held if held.shift => state.extend_to(rows, id.clone()),
        _ => state.select(id.clone()),
    }
    Some(TableEvent::Selected(id))
}

fn aligned(ui: &mut Ui, column: &Column, contents: impl FnOnce(&mut Ui)) {
    if column.numeric {
        ui.with_layout(Layout::right_to_left(Align::Center), contents);
    } else {
        contents(ui);
    }
}

/// A column's heading; returns whether it was clicked to sort.
fn heading<I>(ui: &mut Ui, theme: &Theme, column: &Column, place: usize, state: &mut TableState<I>) -> bool {
    let text = egui::RichText::new(column.title).size(size::SMALL).color(theme.text_faint);
    let mut clicked = false;
    aligned(ui, column, |ui| {
        let meaning = glossary::of_heading(column.title);
        if !column.sortable {
            let label = ui.add(egui::Label::new(text).truncate());
            meaning.map(|says| label.on_hover_text(says));
            return;
        }
        let sorts = format!("Sort by {}", column.title);
        let hint = meaning.map_or_else(|| sorts.clone(), |says| format!("{says}\n{sorts}"));
        clicked = ui.add(egui::Button::new(text).frame(false)).on_hover_text(hint).clicked();
        if let Some((_, descending)) = state.sort.filter(|(at, _)| *at == place) {
            let icon = if descending { ICON_ARROW_DOWNWARD } else { ICON_ARROW_UPWARD };
            ui.label(icon.rich_text().size(size::SMALL).color(theme.text_faint));
        }
    });
    if clicked {
        state.sort = match state.sort {
            Some((at, false)) if at == place => Some((place, true)),
            Some((at, true)) if at == place => None,
            _ => Some((place, false)),
        };
    }
    clicked
}
