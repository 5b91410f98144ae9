//! The table of endpoints.
//!
//! Invariant: until the person sorts, what needs attention comes first, and then the order of trial.
//! Absent on purpose: editing.

use std::cmp::Reverse;

use egui::{Label, RichText, Role, TextStyle, Ui, WidgetInfo};
use egui_material_icons::icons::ICON_NETWORK_CHECK;

use super::quick::Quick;
use super::{State, each_place, places, switches};
use crate::contract::{Command, KeyCommand};
use crate::model::id::EndpointId;
use crate::model::status::EndpointView;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::format::{ago, count, full_in, span};
use crate::ui::headroom;
use crate::ui::plots::{sparkline, window};
use crate::ui::status::{self, urgency};
use crate::ui::theme::{self, Theme, Tone, gap, small_font};
use crate::ui::widgets::{
    Column, DataTable, TableEvent, card, facts, headroom_bar, icon_button_saying, middle, page_title, primary_button,
    status_label, text_width,
};

const COLUMNS: &[Column] = &[
    Column::text("Endpoint", 148.0).sorted(),
    Column::text("We see", 132.0).sorted(),
    Column::text("You set", 70.0).sorted(),
    Column::text("", 66.0),
    Column::text("Last minutes", 96.0),
    Column::rest("Headroom, TPM").sorted(),
    Column::number("RPM", 52.0).sorted(),
    Column::number("429 %", 52.0).sorted(),
    Column::text("Account", 96.0).sorted(),
    Column::text("Route", 168.0),
    Column::number("p95 TTFT", 72.0).sorted(),
    Column::text("Key tested", 84.0),
];
const ROOMY: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 10, 7, 11, 8, 9];
const USUAL: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 10, 7, 9];
const MIDDLE: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 9];
const NARROW: &[usize] = &[0, 1, 2, 3, 5, 6];
const SMALL: &[usize] = &[0, 1, 3, 5];
const TINY: &[usize] = &[0, 1];

/// What the switches take with a test beside them, in points.
const WITH_TEST: f32 = 98.0;
/// Left for the bar of headroom and its words, in points.
const BAR: f32 = 170.0;
/// What the card and its margins take, in points.
const FRAME: f32 = 26.0;

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
    let shown = columns_for(ui.available_width());
    if !std::mem::replace(&mut state.sort_taken, true) {
        state.table.sort = cx.preferences.endpoints_sort.as_ref().and_then(|(title, descending)| {
            let is = |at: &usize| COLUMNS.get(*at).is_some_and(|column| column.title == title);
            Some((shown.iter().position(is)?, *descending))
        });
    }
    sort(&mut endpoints, state.table.sort.and_then(|(at, down)| Some((*shown.get(at)?, down))), cx, &state.quick);
    let ids: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
    if let Some(step) = cx.take_row_step() {
        let at = state.table.selected.as_ref().and_then(|id| ids.iter().position(|known| known == id));
        step.from(at, ids.len()).and_then(|place| state.table.go_to(&ids, place, false));
        cx.select(state.table.selected.clone().map(Target::Endpoint));
    }
    let mut columns: Vec<Column> = shown.iter().filter_map(|at| COLUMNS.get(*at)).copied().collect();
    let switched = shown.iter().position(|at| *at == 3).filter(|_| shown.len() >= USUAL.len());
    if let Some(column) = switched.and_then(|at| columns.get_mut(at)) {
        column.width = Some(WITH_TEST);
    }
    widen(ui, cx, (shown, &mut columns), &endpoints);
    let snapshot = std::sync::Arc::clone(cx.snapshot);
    let words = |row: usize| {
        endpoints
            .get(row)
            .map_or_else(String::new, |endpoint| format!("{}, {}", endpoint.id, status::seen(endpoint, &snapshot).word))
    };
    let State { table, quick, .. } = state;
    let event = card(ui, theme, |ui| {
        DataTable::new("endpoints", &columns).row_height(40.0).show(ui, theme, table, &ids, words, |ui, row, column| {
            if let (Some(endpoint), Some(column)) = (endpoints.get(row), shown.get(column)) {
                cell(ui, cx, quick, endpoint, *column);
            }
        })
    });
    findings::show(ui, cx, "endpoint", None);
    match event {
        Some(TableEvent::Opened(id)) => cx.open(Target::Endpoint(id)),
        Some(TableEvent::Sorted) => {
            let title = |at: usize| Some(COLUMNS.get(*shown.get(at)?)?.title.to_owned());
            let by = state.table.sort.and_then(|(at, descending)| Some((title(at)?, descending)));
            cx.preferences.endpoints_sort = by;
        }
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

/// Which columns fit, with 160 points left for the bar and its words.
fn columns_for(width: f32) -> &'static [usize] {
    match width {
        width if width < 440.0 => TINY,
        width if width < 700.0 => SMALL,
        width if width < 1_040.0 => NARROW,
        width if width < 1_120.0 => MIDDLE,
        width if width < 1_330.0 => USUAL,
        _ => ROOMY,
    }
}

/// Names and routes are cut only where there is no room for them.
fn widen(ui: &Ui, cx: &PageCx, (shown, columns): (&[usize], &mut [Column]), endpoints: &[EndpointView]) {
    let fixed: f32 = columns.iter().map(|column| column.width.unwrap_or(BAR) + ui.spacing().item_spacing.x).sum();
    let mut spare = (ui.available_width() - FRAME - fixed).max(0.0);
    for (at, column) in shown.iter().zip(columns) {
        let text = |endpoint: &EndpointView| match *at {
            0 => theme::strong(endpoint.id.as_str()),
            8 => RichText::new(endpoint.account.as_str()),
            _ => RichText::new(places(cx, &endpoint.id)),
        };
        let (Some(width), true) = (&mut column.width, matches!(*at, 0 | 8 | 9)) else { continue };
        let measure = |text: RichText| {
            let wrap = Some(egui::TextWrapMode::Extend);
            egui::WidgetText::from(text).into_galley(ui, wrap, f32::INFINITY, egui::TextStyle::Body).size().x
        };
        let longest = endpoints.iter().map(|endpoint| measure(text(endpoint))).fold(0.0, f32::max);
        let more = (longest.ceil() + gap::S - *width).clamp(0.0, spare);
        *width += more;
        spare -= more;
    }
}

fn sort(endpoints: &mut [EndpointView], by: Option<(usize, bool)>, cx: &PageCx, quick: &Quick) {
    let at = cx.snapshot.at;
    let Some((column, descending)) = by else {
        // What the person switched off needs nothing.
        let attention = |endpoint: &EndpointView| match status::of_view(endpoint, at).tone {
            tone @ (Tone::Error | Tone::Throttled | Tone::Near) => urgency(tone),
            _ => 0,
        };
        endpoints.sort_by_cached_key(|endpoint| (Reverse(attention(endpoint)), place_in_routes(cx, &endpoint.id)));
        return;
    };
    match column {
        0 => endpoints.sort_by(|one, other| one.id.cmp(&other.id)),
        1 => endpoints.sort_by_key(|endpoint| Reverse(urgency(status::health(endpoint.health, at).tone))),
        2 => endpoints.sort_by_key(|endpoint| Reverse(urgency(status::admin(endpoint.admin_state).tone))),
        5 => endpoints.sort_by_key(|endpoint| Reverse(endpoint.tokens.taken_percent())),
        6 => endpoints.sort_by_key(|endpoint| Reverse(endpoint.last_minute.requests)),
        7 => endpoints.sort_by_key(|endpoint| Reverse(throttled_permille(endpoint))),
        10 => endpoints.sort_by_key(|endpoint| Reverse(quick.of(&endpoint.id).map(|times| times.p95))),
        _ => endpoints.sort_by(|one, other| one.account.cmp(&other.account)),
    }
    if descending {
        endpoints.reverse();
    }
}

/// Where it stands in the order of trial: route, group and place; those in no route come last.
fn place_in_routes(cx: &PageCx, id: &EndpointId) -> (usize, usize, usize) {
    let routes = cx.snapshot.view.routes.iter().enumerate();
    let mut places = routes.flat_map(|(route, view)| view.groups.iter().enumerate().map(move |group| (route, group)));
    let found = places.find_map(|(route, (rank, group))| {
        Some((route, rank, group.endpoints.iter().position(|member| member == id)?))
    });
    found.unwrap_or((usize::MAX, 0, 0))
}

/// Of its attempts since the start, those that the service answered with a 429.
fn throttled_permille(endpoint: &EndpointView) -> Option<u64> {
    let counters = endpoint.counters;
    (counters.attempts > 0).then(|| counters.throttled.saturating_mul(1_000) / counters.attempts)
}

/// When the key of its account was tested last.
fn tested(cx: &PageCx, endpoint: &EndpointView) -> String {
    let key = cx.snapshot.keys.accounts.iter().find(|key| key.account == endpoint.account);
    let at = key.and_then(|key| key.test.as_ref()).and_then(|test| test.finished_wall_ms);
    at.map_or_else(|| "–".to_owned(), |at| ago(at, cx.snapshot.wall_ms))
}

fn cell(ui: &mut Ui, cx: &mut PageCx, quick: &Quick, endpoint: &EndpointView, column: usize) {
    let theme = cx.theme;
    match column {
        0 => name(ui, theme, endpoint),
        1 => {
            let seen = status::seen(endpoint, cx.snapshot);
            let shown = status_label(ui, theme, seen.tone, &seen.word);
            if let Some(until) = status::until(endpoint, cx.snapshot) {
                shown.on_hover_text(format!("{} {until}", seen.word));
            }
        }
        2 => you_set(ui, theme, endpoint),
        3 => {
            let roomy = ui.available_width() >= WITH_TEST;
            switches(ui, cx, &endpoint.id, endpoint.admin_state, false);
            if roomy && !endpoint.simulated {
                test(ui, cx, endpoint);
            }
        }
        4 => {
            let series = cx.snapshot.series.endpoints.iter().find(|one| one.id == endpoint.id);
            let size = egui::vec2(ui.available_width(), 24.0);
            let now = cx.snapshot.at.0 / 1_000_000;
            let span = (now, window(&cx.snapshot.series.endpoints, now));
            sparkline(ui, theme, series, endpoint.id.as_str(), span, size);
        }
        5 => room(ui, cx, endpoint),
        6 => {
            ui.label(theme::mono(Grouped(endpoint.last_minute.requests).to_string()));
        }
        7 => {
            let percent = throttled_permille(endpoint).map(|permille| format!("{}.{}", permille / 10, permille % 10));
            let hint = format!(
                "{} of {} since the start",
                Grouped(endpoint.counters.throttled),
                count(endpoint.counters.attempts, "attempt", "attempts")
            );
            ui.label(theme::mono(percent.unwrap_or_else(|| "–".to_owned()))).on_hover_text(hint);
        }
        8 => {
            ui.add(Label::new(RichText::new(endpoint.account.as_str()).color(theme.text_soft)).truncate());
        }
        10 => {
            let times = quick.of(&endpoint.id);
            let text = times.map_or_else(|| "–".to_owned(), |times| span(times.p95));
            let label = ui.label(theme::mono(text));
            if let Some(times) = times {
                label.on_hover_text(format!(
                    "Time to the first token that 95 % of its last {} stayed below",
                    count(times.n as u64, "answer", "answers")
                ));
            }
        }
        11 => drop(ui.label(RichText::new(tested(cx, endpoint)).color(theme.text_soft))),
        _ => route(ui, cx, endpoint),
    }
}

/// Its places; where they have no room the first one with its rank, which a cut at the end would lose, and all on hover.
fn route(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView) {
    let font = TextStyle::Body.resolve(ui.style());
    let (whole, room) = (places(cx, &endpoint.id), ui.available_width());
    let width = |text: &str| text_width(ui, text, &font);
    let shown = match each_place(cx, &endpoint.id).as_slice() {
        [(route, rank), more @ ..] if width(&whole) > room => {
            let more = if more.is_empty() { String::new() } else { format!(" +{}", more.len()) };
            let end = format!(" · {rank}{more}");
            format!("{}{end}", middle(ui, route.as_str(), &font, room - width(&end)))
        }
        _ => whole.clone(),
    };
    let label = ui.add(Label::new(RichText::new(shown).color(cx.theme.text_soft)).truncate());
    label.widget_info(|| WidgetInfo::labeled(Role::Label, true, &whole));
    label.on_hover_text(whole);
}

/// Tests the key of its account, which asks for each deployment too.
fn test(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let hint = "Asks the service for its models and for each deployment of the account: no tokens, no cost";
    let name = format!("Test {}", endpoint.id);
    if icon_button_saying(ui, cx.theme, ICON_NETWORK_CHECK, &name, hint).clicked() {
        cx.send(Command::Key(KeyCommand::Test(endpoint.account.clone())));
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

/// What the person set, and what still runs where nothing new is sent.
fn you_set(ui: &mut Ui, theme: &Theme, endpoint: &EndpointView) {
    let set = RichText::new(status::admin(endpoint.admin_state).word).color(theme.text_soft);
    let Some(left) = headroom::running_out(endpoint) else {
        ui.label(set);
        return;
    };
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add_space(gap::S);
        ui.label(set);
        ui.label(RichText::new(left).small().color(theme.text_faint));
    });
}

fn room(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add_space(6.0);
        let name = format!("Tokens of {}", endpoint.id);
        headroom_bar(ui, theme, ui.available_width(), &headroom::bar(endpoint, &name, cx.snapshot.at));
        let mut text = headroom::free(endpoint);
        if let Some(full) = endpoint.exhausts_at.and_then(|when| full_in(when, cx.snapshot.at)) {
            text = format!("{text} · {full}");
        }
        let told = facts(ui, &text, &small_font(), ui.available_width());
        let shown = ui.add(Label::new(RichText::new(told).monospace().small().color(theme.text_faint)).truncate());
        if let Some(why) = headroom::why_little(endpoint) {
            shown.on_hover_text(why);
        }
    });
}
