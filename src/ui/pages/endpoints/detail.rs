//! One endpoint: what it is, and its tabs.
//!
//! Invariant: what the person set and what we see stand beside each other on every tab.
//! Absent on purpose: what the tabs show.

use std::sync::Arc;

use egui::{RichText, Ui};
use egui_material_icons::icons::ICON_ARROW_BACK;

use super::{State, advice, configured, events, health, limits, live, places, switches, tested};
use crate::model::id::EndpointId;
use crate::model::status::EndpointView;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::flash;
use crate::ui::format::full_in;
use crate::ui::headroom;
use crate::ui::status;
use crate::ui::theme::{self, gap};
use crate::ui::widgets::{
    chip, end_seeking, fact, icon_button, note, quiet_button, section, sought, status_label, text_width, unread,
};

/// How many requests the tab lists.
const REQUESTS: usize = 40;

/// The views of one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    /// Plots.
    #[default]
    Live,
    /// Who says which limit.
    Limits,
    /// When it counts as failing.
    Health,
    /// Its key, and how quick it is.
    Test,
    /// What went there.
    Requests,
    /// What happened to it.
    Events,
    /// Every field.
    Config,
}

impl Tab {
    const ALL: [Self; 7] =
        [Self::Live, Self::Limits, Self::Health, Self::Test, Self::Requests, Self::Events, Self::Config];

    const fn name(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Limits => "Limits",
            Self::Health => "Health",
            Self::Test => "Test",
            // The page of that name stands in the navigation.
            Self::Requests => "Its requests",
            Self::Events => "Events",
            Self::Config => "Config",
        }
    }
}

/// Shows the endpoint.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, endpoint: &EndpointView) {
    ui.spacing_mut().item_spacing.y = gap::L;
    if let Some(next) = neighbour(cx, endpoint) {
        state.table.select(next.clone());
        cx.open(Target::Endpoint(next));
    }
    heading(ui, cx, endpoint);
    advice::show(ui, cx, endpoint);
    if let Some(field) = sought(ui.ctx())
        && let Some((_, tab)) = state.wrong.iter().find(|(known, _)| *known == field)
    {
        state.tab = *tab;
    }
    let theme = cx.theme;
    ui.horizontal_wrapped(|ui| {
        for tab in Tab::ALL {
            if ui.selectable_value(&mut state.tab, tab, tab.name()).clicked() {
                end_seeking(ui.ctx());
            }
        }
    });
    let top = ui.cursor().top();
    match state.tab {
        Tab::Live => live::show(ui, cx, state, endpoint),
        Tab::Limits => limits::show(ui, cx, endpoint),
        Tab::Health => health::show(ui, cx, endpoint),
        Tab::Test => tested::show(ui, cx, &state.quick, endpoint),
        Tab::Requests => last_requests(ui, cx, endpoint),
        Tab::Events => events::show(ui, cx, endpoint),
        Tab::Config => configured::show(ui, cx, state, &endpoint.id),
    }
    let unread = unread(ui.ctx());
    state.wrong.retain(|(known, _)| unread.iter().any(|one| one.field == *known && !one.is_shown(ui.ctx())));
    let shown = unread.iter().filter(|one| one.is_shown(ui.ctx()));
    state.wrong.extend(shown.map(|one| (one.field, state.tab)));
    let below = ui.min_rect().with_min_y(top);
    flash::frame(ui, theme, below, &Target::Endpoint(endpoint.id.clone()));
}

/// The endpoint that J, K or G leads to, in the order of the configuration.
fn neighbour(cx: &mut PageCx, endpoint: &EndpointView) -> Option<EndpointId> {
    let step = cx.take_row_step()?;
    let all = &cx.snapshot.view.endpoints;
    let at = all.iter().position(|known| known.id == endpoint.id);
    let next = step.from(at, all.len()).and_then(|place| all.get(place))?;
    (next.id != endpoint.id).then(|| next.id.clone())
}

/// Points that state and switches take beside the endpoint's name.
const BESIDE_NAME: f32 = 740.0;

fn heading(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    let named = text_width(ui, endpoint.id.as_str(), &theme::title_font());
    let narrow = ui.available_width() - named < BESIDE_NAME;
    ui.horizontal_wrapped(|ui| {
        if icon_button(ui, theme, ICON_ARROW_BACK, "All endpoints").clicked() {
            cx.open(Target::Top(Page::Endpoints));
        }
        ui.label(theme::title(endpoint.id.as_str()).color(theme.text));
        if endpoint.simulated {
            chip(ui, theme, theme::Tone::Info, "Simulated");
        }
        let seen = status::seen(endpoint, cx.snapshot);
        status_label(ui, theme, seen.tone, &seen.word);
        if let Some(until) = status::until(endpoint, cx.snapshot) {
            note(ui, theme, &until);
        }
        if narrow {
            ui.end_row();
            // First: they stay where they are whatever the word beside them is.
            switches(ui, cx, &endpoint.id, endpoint.admin_state, true);
            ui.label(RichText::new("You set").color(theme.text_faint));
            ui.label(RichText::new(status::admin(endpoint.admin_state).word).color(theme.text));
            if let Some(left) = headroom::running_out(endpoint) {
                note(ui, theme, &left);
            }
            return;
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            switches(ui, cx, &endpoint.id, endpoint.admin_state, true);
            if let Some(left) = headroom::running_out(endpoint) {
                note(ui, theme, &left);
            }
            ui.label(RichText::new(status::admin(endpoint.admin_state).word).color(theme.text));
            ui.label(RichText::new("You set").color(theme.text_faint));
        });
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::XL;
        let counters = endpoint.counters;
        fact(ui, theme, "Route", &places(cx, &endpoint.id));
        fact(ui, theme, "Account", endpoint.account.as_str());
        if let Some(full) = endpoint.exhausts_at.and_then(|when| full_in(when, cx.snapshot.at)) {
            fact(ui, theme, "Limits", &full);
        }
        fact(ui, theme, "In flight", &endpoint.in_flight.to_string());
        fact(ui, theme, "Attempts", &Grouped(counters.attempts).to_string());
        fact(ui, theme, "429s of the service", &Grouped(counters.throttled).to_string());
        fact(ui, theme, "Other failures", &Grouped(counters.failed).to_string());
    });
}

fn last_requests(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let (theme, snapshot) = (cx.theme, Arc::clone(cx.snapshot));
    let mine =
        snapshot.records.iter().rev().filter(|record| record.attempts.iter().any(|one| one.endpoint == endpoint.id));
    section(ui, theme, "Last requests", |ui| {
        let mut mine = mine.take(REQUESTS).peekable();
        if mine.peek().is_none() {
            ui.label("None of the requests that are kept went here.");
        }
        if let Some(target) = crate::ui::request_rows::show(ui, theme, mine) {
            cx.open(target);
        }
        if quiet_button(ui, theme, "All its requests").clicked() {
            cx.open(Target::RequestsOf(endpoint.id.clone()));
        }
    });
}
