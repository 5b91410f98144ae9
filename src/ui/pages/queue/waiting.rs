//! Those who wait, in the order of service.
//!
//! Invariant: every row says what it waits for and when it is expected to go, or that it is not in time.
//! Absent on purpose: those beyond the list; how many there are is said below.

use egui::{RichText, Ui};
use egui_material_icons::icons::ICON_MORE_HORIZ;

use super::{State, end_button, kept, named, send_now};
use crate::contract::{Command, LineCommand};
use crate::model::id::RequestId;
use crate::model::status::{BalancerView, EndpointView, GroupView, WaitCause, WaitingView};
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::format::{countdown, group_rank, span};
use crate::ui::theme::mono;
use crate::ui::widgets::{Column, DataTable, quiet_button};
use crate::ui::words::priority;

const COLUMNS: [Column; 9] = [
    Column::number("#", 30.0),
    Column::text("Client", 120.0),
    Column::text("Route", 120.0),
    Column::text("Priority", 76.0),
    Column::text("Waited / given up in", 128.0),
    Column::rest("Waiting for"),
    Column::number("Est. tokens", 78.0),
    Column::text("", 206.0),
    Column::text("", 116.0),
];
/// What a narrow page leaves out.
const NARROW: &[usize] = &[0, 1, 4, 5, 7];
/// And the narrowest: whose it is, what it waits for, and its buttons.
const TINY: &[usize] = &[1, 5, FEW];
/// The last column where the menu alone puts a request to the front.
const FEW: usize = 8;

/// As many rows are seen at once.
const SEEN: f32 = 8.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, view: &BalancerView) {
    let (list, theme) = (&view.queue.list, cx.theme);
    let ids: Vec<RequestId> = list.iter().map(|one| one.request).collect();
    let shown: &[usize] = match ui.available_width() {
        width if width < 600.0 => TINY,
        width if width < 860.0 => NARROW,
        _ => &[0, 1, 2, 3, 4, 5, 6, 7],
    };
    let columns: Vec<Column> = shown.iter().filter_map(|at| COLUMNS.get(*at)).copied().collect();
    let spoken = |row: usize| list.get(row).map_or_else(String::new, |one| words(one, view));
    let mut asked = None;
    let height = 34.0 * SEEN;
    DataTable::new("waiting", &columns).row_height(30.0).max_height(height).show(
        ui,
        theme,
        &mut state.waiting,
        &ids,
        spoken,
        |ui, row, column| {
            if let (Some(one), Some(column)) = (list.get(row), shown.get(column)) {
                cell(ui, cx, one, view, *column, &mut asked);
            }
        },
    );
    if asked.is_some() {
        state.asking = asked;
    }
}

fn words(one: &WaitingView, view: &BalancerView) -> String {
    format!("{}. {} of {}, {}", one.position, one.request, named(&one.client), waiting_for(one, view))
}

fn cell(
    ui: &mut Ui,
    cx: &mut PageCx,
    one: &WaitingView,
    view: &BalancerView,
    column: usize,
    asked: &mut Option<std::sync::Arc<str>>,
) {
    let (theme, now) = (cx.theme, view.at);
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
    match column {
        0 => drop(ui.label(mono(one.position.to_string()).color(theme.text_soft))),
        1 => {
            let caller = one.caller.as_ref().map_or_else(String::new, |caller| format!("{caller} · "));
            ui.label(format!("{caller}{}", named(&one.client))).on_hover_text(one.request.to_string());
        }
        2 => drop(ui.label(one.route.as_str())),
        3 => drop(ui.label(RichText::new(priority(one.priority)).color(theme.text_soft))),
        4 => {
            let until = one.deadline.map_or_else(|| "–".to_owned(), |at| countdown(at, now));
            ui.label(mono(format!("{} / {until}", span(now.since(one.since)))));
        }
        5 => {
            let words = waiting_for(one, view);
            let place = kept::place(one, now).map_or_else(|| words.clone(), |place| format!("{words}\n{place}"));
            ui.label(words).on_hover_text(place);
        }
        6 => drop(ui.label(mono(Grouped(one.charge).to_string()))),
        _ => buttons(ui, cx, one, view, (column != FEW, asked)),
    }
}

fn buttons(
    ui: &mut Ui,
    cx: &mut PageCx,
    one: &WaitingView,
    view: &BalancerView,
    (roomy, asked): (bool, &mut Option<std::sync::Arc<str>>),
) {
    let theme = cx.theme;
    end_button(ui, cx, one.request, "503 with Retry-After, taken out of the line by hand");
    // What waits for an account or its own caller has nobody before it.
    let in_line = one.cause == WaitCause::Room;
    let first = one.position == 1 || !in_line;
    let id = one.request;
    let hint = format!("Put {id} first in its line");
    if roomy && !first && quiet_button(ui, theme, "To front").on_hover_text(&hint).clicked() {
        cx.send(Command::Line(LineCommand::Promote(id)));
    }
    let name = format!("More for {id}");
    let more = ui.menu_button(ICON_MORE_HORIZ.rich_text(), |ui| {
        if !roomy && !first && ui.button("To front").on_hover_text(hint).clicked() {
            cx.send(Command::Line(LineCommand::Promote(id)));
        }
        if in_line {
            send_now::menu(ui, cx, one, view);
            ui.separator();
        }
        if ui.button(format!("Cancel all of {}…", named(&one.client))).clicked() {
            *asked = Some(std::sync::Arc::clone(&one.client));
        }
    });
    more.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    more.response.on_hover_text(if in_line {
        "Send it now, or cancel all of its client"
    } else {
        "Cancel all of its client"
    });
}

/// `3,180 TPM more on sim-ptu; about 4 s`, or why it will not do.
pub(super) fn waiting_for(one: &WaitingView, view: &BalancerView) -> String {
    let what = match &one.cause {
        WaitCause::Room => lacking(one, view).unwrap_or_else(|| format!("room for {} tokens", Grouped(one.charge))),
        WaitCause::Account(account) => format!("account {account}, which is left alone for now"),
        WaitCause::Caller => "its caller's own limits".to_owned(),
    };
    match one.expected {
        Some(at) if at <= view.at => format!("{what}; goes any moment"),
        Some(at) => format!("{what}; about {}", span(at.since(view.at))),
        None if one.cause == WaitCause::Room => format!("{what}; not in time as things stand"),
        None => format!("{what}; nobody knows how long"),
    }
}

/// What the first group that serves at all has too little of.
fn lacking(one: &WaitingView, view: &BalancerView) -> Option<String> {
    let route = view.routes.iter().find(|route| route.model == one.route)?;
    let of = route.groups.len();
    let serving = |group: &GroupView| -> Vec<EndpointView> {
        let all = group.endpoints.iter().filter_map(|id| view.endpoint(id));
        all.filter(|endpoint| endpoint.serving()).cloned().collect()
    };
    let (place, members) = route.groups.iter().map(serving).enumerate().find(|(_, members)| !members.is_empty())?;
    let freest = members.iter().max_by_key(|endpoint| endpoint.tokens.headroom().unwrap_or(u64::MAX))?;
    let lacking = one.charge.saturating_sub(freest.tokens.headroom()?);
    let whom = match members.as_slice() {
        [alone] => alone.id.to_string(),
        _ => format!("any {}", group_rank(place, of).to_lowercase()),
    };
    Some(match lacking {
        0 => format!("its turn on {whom}"),
        lacking => format!("{} TPM more on {whom}", Grouped(lacking)),
    })
}
