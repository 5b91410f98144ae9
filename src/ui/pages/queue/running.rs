//! Those that were sent and have not ended, the oldest first.
//!
//! Invariant: tokens are those that came through, at least; nothing is shown of answers that do not stream.
//! Absent on purpose: what is in the answers.

use egui::{RichText, Ui};

use super::{State, end_button, named};
use crate::contract::snapshot::StreamView;
use crate::model::id::RequestId;
use crate::model::status::{BalancerView, RunningView};
use crate::model::units::{Grouped, Timestamp};
use crate::ui::cx::{PageCx, Target};
use crate::ui::format::span;
use crate::ui::theme::mono;
use crate::ui::widgets::{Column, DataTable};
use crate::ui::words::priority;

const COLUMNS: [Column; 8] = [
    Column::text("Client", 130.0),
    Column::rest("Route → endpoint"),
    Column::text("Priority", 76.0),
    Column::number("Age", 64.0),
    Column::number("Tokens", 72.0),
    Column::number("Tokens/s", 72.0),
    Column::number("Reserved", 78.0),
    Column::text("", 116.0),
];
/// What a narrow page leaves out.
const NARROW: &[usize] = &[0, 1, 3, 4, 7];
/// And the narrowest: where it runs, for how long, and its button.
const TINY: &[usize] = &[1, 3, 7];

/// As many rows are seen at once.
const SEEN: f32 = 10.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, view: &BalancerView) {
    let (now, theme) = (view.at, cx.theme);
    let list = longest_first(&view.queue.running);
    let ids: Vec<RequestId> = list.iter().map(|one| one.request).collect();
    let shown: &[usize] = match ui.available_width() {
        width if width < 520.0 => TINY,
        width if width < 860.0 => NARROW,
        _ => &[0, 1, 2, 3, 4, 5, 6, 7],
    };
    let columns: Vec<Column> = shown.iter().filter_map(|at| COLUMNS.get(*at)).copied().collect();
    let spoken = |row: usize| {
        list.get(row).map_or_else(String::new, |one| {
            format!("{} of {} at {}, for {}", one.request, named(&one.client), one.endpoint, span(now.since(one.sent)))
        })
    };
    let streams = std::sync::Arc::clone(&cx.snapshot.line.streams);
    DataTable::new("in flight", &columns).row_height(30.0).max_height(34.0 * SEEN).show(
        ui,
        theme,
        &mut state.running,
        &ids,
        spoken,
        |ui, row, column| {
            if let (Some(one), Some(column)) = (list.get(row), shown.get(column)) {
                let stream = streams.iter().find(|stream| stream.request == one.request);
                cell(ui, cx, one, stream, now, *column);
            }
        },
    );
}

pub(super) fn longest_first(running: &[RunningView]) -> Vec<&RunningView> {
    let mut list: Vec<&RunningView> = running.iter().collect();
    list.sort_by_key(|one| one.sent);
    list
}

fn cell(ui: &mut Ui, cx: &mut PageCx, one: &RunningView, stream: Option<&StreamView>, now: Timestamp, column: usize) {
    let theme = cx.theme;
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
    let dash = || "–".to_owned();
    match column {
        0 => drop(ui.label(named(&one.client)).on_hover_text(one.request.to_string())),
        1 => {
            let route = one.route.as_ref().map_or("–", |route| route.as_str());
            let again = if one.attempt > 1 { format!(", attempt {}", one.attempt) } else { String::new() };
            let way = RichText::new(format!("{route} → {}{again}", one.endpoint)).color(theme.text);
            let link = ui.add(egui::Link::new(way)).on_hover_text(format!("Open {}", one.endpoint));
            if link.clicked() {
                cx.open(Target::Endpoint(one.endpoint.clone()));
            }
        }
        2 => drop(ui.label(RichText::new(priority(one.priority)).color(theme.text_soft))),
        3 => drop(ui.label(mono(span(now.since(one.sent))))),
        4 => {
            let tokens = stream.map_or_else(dash, |stream| Grouped(stream.tokens).to_string());
            ui.label(mono(tokens)).on_hover_text("Streamed so far, at least");
        }
        5 => drop(ui.label(mono(stream.and_then(|stream| pace(stream, now)).unwrap_or_else(dash)))),
        6 => drop(ui.label(mono(Grouped(one.charge).to_string()).color(theme.text_soft))),
        _ => end_button(ui, cx, one.request, ends_with(stream.is_some())),
    }
}

/// What the client of a request that is ended gets.
const fn ends_with(streams: bool) -> &'static str {
    if streams { "the stream ends with an error event" } else { "503, ended by hand; the service may charge for it" }
}

/// Tokens a second since the answer began, once half a second is past.
pub(super) fn pace(stream: &StreamView, now: Timestamp) -> Option<String> {
    let millis = u64::try_from(now.since(stream.since).as_millis()).ok().filter(|millis| *millis >= 500)?;
    Some(Grouped(stream.tokens.saturating_mul(1_000) / millis).to_string())
}
