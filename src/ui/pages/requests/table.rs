//! The virtualised list of requests.
//!
//! Invariant: only visible rows are laid out; the list stays at the newest row until the person scrolls away.
//! Absent on purpose: filtering and selection keys; they are the page's.

use egui::{Align, RichText, Ui};
use egui_extras::{Column, TableBuilder, TableRow};

use super::{Scroll, State};
use crate::model::decision::Decision;
use crate::model::record::RequestRecord;
use crate::model::units::{Grouped, Short};
use crate::ui::format::{clock_time, group_rank, span};
use crate::ui::request_rows::outcome;
use crate::ui::theme::{Theme, Tone, gap, mono};
use crate::ui::words::{self, explain};

/// One column: heading, width, and the page width from which it is shown. *Why* names the group too, so it comes before it.
struct Shown {
    title: &'static str,
    width: f32,
    from: f32,
    cell: fn(&mut Ui, &Theme, &RequestRecord),
}

const COLUMNS: [Shown; 10] = [
    Shown { title: "Ended", width: 72.0, from: 0.0, cell: time },
    Shown { title: "Status", width: 96.0, from: 0.0, cell: status },
    Shown { title: "Route → endpoint", width: 190.0, from: 0.0, cell: target },
    Shown { title: "Group", width: 104.0, from: 1_240.0, cell: group },
    Shown { title: "Tries", width: 42.0, from: 900.0, cell: attempts },
    Shown { title: "Tokens in / out (reserved)", width: 172.0, from: 980.0, cell: tokens },
    Shown { title: "First token", width: 78.0, from: 840.0, cell: first_token },
    Shown { title: "Total", width: 64.0, from: 560.0, cell: total },
    Shown { title: "Client", width: 96.0, from: 1_080.0, cell: client },
    Shown { title: "Why", width: 0.0, from: 440.0, cell: why },
];

/// Shows the rows and takes clicks.
pub(super) fn show(ui: &mut Ui, theme: &Theme, state: &mut State) {
    let width = ui.available_width();
    let columns: Vec<&Shown> = COLUMNS.iter().filter(|column| width >= column.from).collect();
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.style_mut().interaction.selectable_labels = false;
    let mut table = TableBuilder::new(ui)
        .id_salt("requests")
        .striped(true)
        .sense(egui::Sense::click())
        .auto_shrink(false)
        .stick_to_bottom(true)
        .animate_scrolling(false)
        .cell_layout(egui::Layout::left_to_right(Align::Center));
    for column in &columns {
        let size = if column.width > 0.0 { Column::initial(column.width).at_least(40.0) } else { Column::remainder() };
        table = table.column(size.clip(true).resizable(column.width > 0.0));
    }
    table = match state.scroll.take() {
        Some(Scroll::Row(row)) => table.scroll_to_row(row, None),
        Some(Scroll::Newest) => table.scroll_to_row(state.rows.len().saturating_sub(1), Some(Align::BOTTOM)),
        None => table,
    };
    let mut clicked = None;
    let output = table
        .header(gap::ROW, |mut row| {
            for column in &columns {
                row.col(|ui| {
                    ui.label(RichText::new(column.title).color(theme.text_soft));
                });
            }
        })
        .body(|body| {
            body.rows(gap::ROW, state.rows.len(), |row| {
                clicked = draw(row, theme, state, &columns).or(clicked);
            });
        });
    state.released = output.state.unclamped_offset().y + output.inner_rect.height() + gap::ROW < output.content_size.y;
    if let Some(id) = clicked {
        state.selected = Some(id);
        state.inspecting = true;
    }
}

fn draw(mut row: TableRow, theme: &Theme, state: &State, columns: &[&Shown]) -> Option<crate::model::id::RequestId> {
    let record = state.rows.at(row.index())?;
    let selected = state.selected == Some(record.id);
    row.set_selected(selected);
    for column in columns {
        row.col(|ui| {
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
            (column.cell)(ui, theme, record);
        });
    }
    let response = row.response();
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Row, true, selected, spoken(record)));
    response.clicked().then_some(record.id)
}

/// The row in words, for those who hear it.
fn spoken(record: &RequestRecord) -> String {
    let endpoint = record.endpoint().map_or("nowhere", |endpoint| endpoint.as_str());
    format!(
        "{}, {}, {} to {endpoint}, {}",
        clock_time(record.ended_wall_ms()),
        words::status(record),
        record.profile.model,
        explain::one_line(record)
    )
}

fn time(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(clock_time(record.ended_wall_ms())).color(theme.text_soft));
}

fn status(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    outcome(record).show(ui, theme);
}

fn target(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let endpoint = record.endpoint().map_or("–", |endpoint| endpoint.as_str());
    ui.label(RichText::new(format!("{} → {endpoint}", record.profile.model)).color(theme.text));
}

fn group(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let place = record.attempts.last().map(|attempt| (attempt.group as usize).saturating_sub(1));
    let groups = record.decisions.last().map_or(1, |decision: &std::sync::Arc<Decision>| explain::groups(decision));
    let name = place.map_or_else(|| "–".to_owned(), |place| group_rank(place, groups));
    ui.label(RichText::new(name).color(theme.text_soft));
}

fn attempts(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let color = if record.attempts.len() > 1 { theme.tone(Tone::Throttled) } else { theme.text_soft };
    ui.label(mono(record.attempts.len().to_string()).color(color));
}

fn tokens(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let reserved = record.decisions.last().map_or(0, |decision| decision.estimate.charge);
    let used = match record.usage {
        None => "– / –".to_owned(),
        Some(usage) if usage.exact => format!("{} / {}", amount(usage.input), amount(usage.output)),
        // Counted from what went through: the service did not say.
        Some(usage) => format!("– / ≥{}", amount(usage.output)),
    };
    ui.label(mono(format!("{used} ({})", amount(reserved))).color(theme.text));
}

/// Whole below ten thousand, short above.
fn amount(tokens: u64) -> String {
    if tokens < 10_000 { Grouped(tokens).to_string() } else { Short(tokens).to_string() }
}

fn first_token(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(record.first_token.map_or_else(|| "–".to_owned(), span)).color(theme.text));
}

fn total(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(span(record.total)).color(theme.text));
}

fn client(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(RichText::new(record.profile.client.as_ref()).color(theme.text_soft));
}

fn why(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(RichText::new(explain::one_line(record)).color(theme.text_soft));
}
