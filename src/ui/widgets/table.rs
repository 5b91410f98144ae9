//! A table of rows known by id: selection, J/K, Enter, sort arrows. Only visible rows are laid out.
//!
//! Invariant: the selection is an id, so it stays with its row when the order changes.
//! Absent on purpose: sorting itself; the caller hands the rows in order.

use egui::{Align, Key, Layout, Role, Sense, Ui, WidgetInfo};
use egui_extras::TableBuilder;
use egui_material_icons::icons::{ICON_ARROW_DOWNWARD, ICON_ARROW_UPWARD};

use crate::ui::theme::{Theme, gap, size};

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

/// What a table remembers between frames.
#[derive(Clone, Debug)]
pub struct TableState<I> {
    /// The selected row.
    pub selected: Option<I>,
    /// The column that sorts and whether it descends; `None`: the caller's own order.
    pub sort: Option<(usize, bool)>,
}

impl<I> Default for TableState<I> {
    fn default() -> Self {
        Self { selected: None, sort: None }
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
}

impl<'a> DataTable<'a> {
    /// A table named `name` with these columns. The name must be unique on its page.
    #[must_use]
    pub fn new(name: &'a str, columns: &'a [Column]) -> Self {
        Self { name, columns, row_height: gap::ROW, follow: false, height: None }
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

    /// Shows the rows named by `ids`, in this order. `cell` draws one cell: row, then column. `words` is a row's
    /// accessible name.
    pub fn show<I: Clone + PartialEq>(
        self,
        ui: &mut Ui,
        theme: &Theme,
        state: &mut TableState<I>,
        ids: &[I],
        words: impl Fn(usize) -> String,
        mut cell: impl FnMut(&mut Ui, usize, usize),
    ) -> Option<TableEvent<I>> {
        let mut event = keys(ui, state, ids);
        let moved = event.is_some();
        let selected = state.selected.as_ref().and_then(|id| ids.iter().position(|other| other == id));
        let height = self.height.unwrap_or_else(|| ui.available_height());
        // Text that can be selected would swallow the clicks on its row.
        ui.style_mut().interaction.selectable_labels = false;
        let mut table = TableBuilder::new(ui)
            .id_salt(self.name)
            .sense(Sense::click())
            .auto_shrink([false, true])
            .cell_layout(Layout::left_to_right(Align::Center))
            .stick_to_bottom(self.follow)
            .min_scrolled_height(0.0)
            .max_scroll_height(height - self.row_height - gap::S);
        for column in self.columns {
            table = table.column(match column.width {
                Some(width) => egui_extras::Column::exact(width).clip(true),
                None => egui_extras::Column::remainder().at_least(60.0).clip(true),
            });
        }
        if let (true, Some(row)) = (moved, selected) {
            table = table.scroll_to_row(row, None);
        }
        let header = table.header(24.0, |mut row| {
            for (place, column) in self.columns.iter().enumerate() {
                row.col(|ui| {
                    if heading(ui, theme, column, place, state) {
                        event = Some(TableEvent::Sorted);
                    }
                });
            }
        });
        header.body(|body| {
            body.rows(self.row_height, ids.len(), |mut row| {
                let at = row.index();
                row.set_selected(selected == Some(at));
                for (place, column) in self.columns.iter().enumerate() {
                    row.col(|ui| aligned(ui, column, |ui| cell(ui, at, place)));
                }
                let response = row.response();
                let chosen = selected == Some(at);
                response.widget_info(|| WidgetInfo::selected(Role::Row, true, chosen, words(at)));
                let Some(id) = ids.get(at) else { return };
                if response.double_clicked() {
                    event = Some(TableEvent::Opened(id.clone()));
                } else if response.clicked() {
                    state.selected = Some(id.clone());
                    event = Some(TableEvent::Selected(id.clone()));
                }
            });
        });
        event
    }
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
        if !column.sortable {
            ui.add(egui::Label::new(text).truncate());
            return;
        }
        clicked =
            ui.add(egui::Button::new(text).frame(false)).on_hover_text(format!("Sort by {}", column.title)).clicked();
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

fn keys<I: Clone + PartialEq>(ui: &Ui, state: &mut TableState<I>, ids: &[I]) -> Option<TableEvent<I>> {
    if ui.ctx().text_edit_focused() {
        return None;
    }
    let (down, up, open) = ui.input(|input| {
        let plain = input.modifiers.is_none();
        (plain && input.key_pressed(Key::J), plain && input.key_pressed(Key::K), plain && input.key_pressed(Key::Enter))
    });
    let at = state.selected.as_ref().and_then(|id| ids.iter().position(|other| other == id));
    if open && ui.memory(|memory| memory.focused().is_none()) {
        return at.and_then(|at| ids.get(at)).cloned().map(TableEvent::Opened);
    }
    let next = match at {
        Some(at) if down => at + 1,
        Some(at) if up => at.checked_sub(1)?,
        None if down => 0,
        _ => return None,
    };
    let id = ids.get(next)?.clone();
    state.selected = Some(id.clone());
    Some(TableEvent::Selected(id))
}
