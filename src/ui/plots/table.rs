//! A plot as a table, for those who do not see it or want the numbers: one row a minute.
//!
//! Invariant: it says of each line what the plot draws, as lowest, mean and highest of the minute.
//! Absent on purpose: seconds; nobody reads 900 rows.

use egui::{Grid, Rect, Ui, pos2, vec2};

use super::{Metric, Stream, from_float};
use crate::model::units::Grouped;
use crate::ui::theme::{Theme, gap, mono};
use crate::ui::widgets::note;

/// Lines shown; more would not fit.
const LINES: usize = 6;

/// A button that switches between plot and table; returns whether the table is wanted.
pub(super) fn switch(ui: &mut Ui, theme: &Theme, name: &str) -> bool {
    let id = ui.make_persistent_id(("as table", name));
    let mut table = ui.data(|data| data.get_temp::<bool>(id)).unwrap_or(false);
    let word = if table { "Show as plot" } else { "Show as table" };
    // At the right end of the heading above, so that it takes no room of its own.
    let (below, size) = (ui.cursor().top() - ui.spacing().item_spacing.y, vec2(110.0, 22.0));
    let place = Rect::from_min_size(pos2(ui.max_rect().right() - size.x, below - size.y), size);
    let label = egui::RichText::new(word).small().color(theme.accent);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(place));
    let button = child.add_sized(size, egui::Button::new(label).frame(false));
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{word}: {name}")));
    if button.clicked() {
        table = !table;
        ui.data_mut(|data| data.insert_temp(id, table));
    }
    table
}

/// The table of the last minutes.
pub(super) fn show(ui: &mut Ui, theme: &Theme, streams: &[Stream], metric: Metric, window: u64, height: f32) {
    let minutes = window.div_ceil(60);
    egui::ScrollArea::both().id_salt("plot as table").max_height(height).min_scrolled_height(height).show(ui, |ui| {
        Grid::new("plot as table").striped(true).spacing([gap::XL, gap::S]).show(ui, |ui| {
            note(ui, theme, "Minutes ago");
            for stream in streams.iter().take(LINES) {
                note(ui, theme, &format!("{}, {}: lowest · mean · highest", stream.name, metric.unit()));
            }
            ui.end_row();
            for minute in 0..minutes {
                ui.label(mono(if minute == 0 { "last".to_owned() } else { format!("{minute} to {}", minute + 1) }));
                for stream in streams.iter().take(LINES) {
                    ui.label(mono(stream.minute(minute).map_or_else(|| "nothing recorded".to_owned(), words)));
                }
                ui.end_row();
            }
        });
    });
}

fn words((low, mean, high): (f64, f64, f64)) -> String {
    let [low, mean, high] = [low, mean, high].map(|value| Grouped(from_float(value)).to_string());
    format!("{low} · {mean} · {high}")
}
