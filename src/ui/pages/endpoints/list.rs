//! The table of endpoints.
//!
//! Invariant: the order is the configuration's until the person sorts.
//! Absent on purpose: editing.

use std::cmp::Reverse;

use egui::{Label, RichText, Ui};

use super::{State, places, switches};
use crate::model::id::EndpointId;
use crate::model::status::EndpointView;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::format::{full_in, of_limit};
use crate::ui::plots::{sparkline, window};
use crate::ui::status::{self, urgency};
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{
    Bar, Column, DataTable, TableEvent, card, headroom_bar, page_title, primary_button, status_label,
};

const COLUMNS: &[Column] = &[
    Column::text("Endpoint", 148.0).sorted(),
    Column::text("We see", 132.0).sorted(),
    Column::text("You set", 70.0).sorted(),
    Column::text("", 66.0),
    Column::text("Last minutes", 96.0),
    Column::rest("Headroom, TPM").sorted(),
    Column::number("RPM", 52.0).sorted(),
    Column::number("429s", 52.0).sorted(),
    Column::text("Account", 96.0).sorted(),
    Column::text("Route", 168.0),
];
const NARROW: &[usize] = &[0, 1, 2, 3, 5, 6];
const SMALL: &[usize] = &[0, 1, 3, 5];
const TINY: &[usize] = &[0, 1];

/// Shows the table; a click selects, a double click or Enter opens.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let theme = cx.theme;
    page_title(
        ui,
        theme,
        "Endpoints",
        "Click one to open it, J and K to go through them. Pausing and draining take effect at once.",
    );
    if cx.snapshot.view.endpoints.is_empty() {
        nothing_yet(ui, cx);
        return;
    }
    let mut endpoints: Vec<EndpointView> = cx.snapshot.view.endpoints.clone();
    sort(&mut endpoints, state.table.sort, cx);
    let ids: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
    if let Some(step) = cx.take_row_step() {
        let at = state.table.selected.as_ref().and_then(|id| ids.iter().position(|known| known == id));
        step.from(at, ids.len()).and_then(|place| state.table.go_to(&ids, place, false));
        cx.select(state.table.selected.clone().map(Target::Endpoint));
    }
    let shown: Vec<usize> = match ui.available_width() {
        width if width < 440.0 => TINY.to_vec(),
        width if width < 640.0 => SMALL.to_vec(),
        width if width < 900.0 => NARROW.to_vec(),
        _ => (0..COLUMNS.len()).collect(),
    };
    let columns: Vec<Column> = shown.iter().filter_map(|at| COLUMNS.get(*at)).copied().collect();
    let now = cx.snapshot.at;
    let words = |row: usize| {
        endpoints.get(row).map_or_else(String::new, |endpoint| {
            format!("{}, {}", endpoint.id, status::health(endpoint.health, now).word)
        })
    };
    let event = card(ui, theme, |ui| {
        DataTable::new("endpoints", &columns).row_height(40.0).show(
            ui,
            theme,
            &mut state.table,
            &ids,
            words,
            |ui, row, column| {
                if let (Some(endpoint), Some(column)) = (endpoints.get(row), shown.get(column)) {
                    cell(ui, cx, endpoint, *column);
                }
            },
        )
    });
    findings::show(ui, cx, "endpoint", None);
    match event {
        Some(TableEvent::Opened(id)) => cx.open(Target::Endpoint(id)),
        // With the inspector open a click only takes the row in hand: its details are seen already.
        Some(TableEvent::Selected(id)) if !cx.inspecting && ui.input(|input| input.pointer.any_click()) => {
            cx.open(Target::Endpoint(id));
        }
        _ => {}
    }
}

fn nothing_yet(ui: &mut Ui, cx: &mut PageCx) {
    let theme = cx.theme;
    card(ui, theme, |ui| {
        ui.label("No endpoints yet. An endpoint is one deployment or model that requests can be sent to.");
        if primary_button(ui, theme, "Add a key").clicked() {
            cx.go(Page::Accounts);
        }
    });
}

fn sort(endpoints: &mut [EndpointView], by: Option<(usize, bool)>, cx: &PageCx) {
    let Some((column, descending)) = by else { return };
    let at = cx.snapshot.at;
    match column {
        0 => endpoints.sort_by(|one, other| one.id.cmp(&other.id)),
        1 => endpoints.sort_by_key(|endpoint| Reverse(urgency(status::health(endpoint.health, at).tone))),
        2 => endpoints.sort_by_key(|endpoint| Reverse(urgency(status::admin(endpoint.admin_state).tone))),
        5 => endpoints.sort_by_key(|endpoint| Reverse(endpoint.tokens.taken_percent())),
        6 => endpoints.sort_by_key(|endpoint| Reverse(endpoint.last_minute.requests)),
        7 => endpoints.sort_by_key(|endpoint| Reverse(endpoint.counters.throttled)),
        _ => endpoints.sort_by(|one, other| one.account.cmp(&other.account)),
    }
    if descending {
        endpoints.reverse();
    }
}

fn cell(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView, column: usize) {
    let theme = cx.theme;
    match column {
        0 => name(ui, theme, endpoint),
        1 => {
            let seen = status::health(endpoint.health, cx.snapshot.at);
            status_label(ui, theme, seen.tone, &seen.word);
        }
        2 => {
            let set = status::admin(endpoint.admin_state);
            ui.label(RichText::new(set.word).color(theme.text_soft));
        }
        3 => switches(ui, cx, &endpoint.id, endpoint.admin_state, false),
        4 => {
            let series = cx.snapshot.series.endpoints.iter().find(|one| one.id == endpoint.id);
            let size = egui::vec2(ui.available_width(), 24.0);
            let now = cx.snapshot.at.0 / 1_000_000;
            let span = (now, window(&cx.snapshot.series.endpoints, now));
            sparkline(ui, theme, series, endpoint.id.as_str(), span, size);
        }
        5 => headroom(ui, cx, endpoint),
        6 => {
            ui.label(theme::mono(Grouped(endpoint.last_minute.requests).to_string()));
        }
        7 => {
            ui.label(theme::mono(Grouped(endpoint.counters.throttled).to_string()));
        }
        8 => {
            ui.add(Label::new(RichText::new(endpoint.account.as_str()).color(theme.text_soft)).truncate());
        }
        _ => {
            ui.add(Label::new(RichText::new(places(cx, &endpoint.id)).color(theme.text_soft)).truncate());
        }
    }
}

fn name(ui: &mut Ui, theme: &Theme, endpoint: &EndpointView) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add_space(if endpoint.simulated { gap::S } else { gap::M });
        ui.add(Label::new(theme::strong(endpoint.id.as_str()).color(theme.text)).truncate().selectable(false));
        if endpoint.simulated {
            ui.add(Label::new(RichText::new("Simulated").small().color(theme.text_faint)).selectable(false));
        }
    });
}

fn headroom(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    let state = status::endpoint(endpoint, cx.snapshot.at);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add_space(6.0);
        let tokens = endpoint.tokens;
        let limit = endpoint.provider_tokens_per_minute.or(tokens.limit);
        let name = format!("Tokens of {}", endpoint.id);
        let bar = Bar {
            name: &name,
            used: tokens.used,
            reserved: tokens.reserved,
            limit,
            soft_cap: endpoint.soft_cap,
            tone: state.tone,
        };
        headroom_bar(ui, theme, ui.available_width(), &bar);
        let mut text = of_limit(tokens.used.saturating_add(tokens.reserved), tokens.limit);
        if let Some(full) = endpoint.exhausts_at.and_then(|when| full_in(when, cx.snapshot.at)) {
            text = format!("{text} · {full}");
        }
        ui.label(RichText::new(text).monospace().small().color(theme.text_faint));
    });
}
