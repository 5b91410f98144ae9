//! The flow strip: route, then its priority groups, then their endpoints, left to right.
//!
//! Invariant: a route takes the tone of its worst member, never plain green when one is out.
//! Absent on purpose: moving endpoints; that is the Routing page.

use egui::{CornerRadius, Frame, Margin, RichText, Sense, Stroke, TextStyle, Ui};

use crate::model::config::AdminState;
use crate::model::outlook::Demand;
use crate::model::status::{EndpointView, GroupView, Health, RouteView};
use crate::ui::cx::{PageCx, Target};
use crate::ui::format::{EXPECTATION, expects, expects_each, full_in, group_rank};
use crate::ui::headroom;
use crate::ui::status::{self, Status, urgency};
use crate::ui::theme::{self, Tone, gap};
use crate::ui::widgets::{chip, headroom_bar, note, quiet_button, section, status_label, text_width};

/// Beside the name of what is simulated.
const SIMULATED: &str = "Simulated";
/// Points round a state and its forecast in a box: the glyph and what parts them.
const ROUND: f32 = 40.0;

/// Shows every route.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx) {
    let view = std::sync::Arc::clone(&cx.snapshot.view);
    section(ui, cx.theme, "Where traffic goes", |ui| {
        let (idle, busy): (Vec<&RouteView>, Vec<&RouteView>) = view.routes.iter().partition(|route| idle(cx, route));
        // Nothing sent anywhere yet: the first route shows what a route looks like.
        let (shown, folded) = match (busy.as_slice(), idle.as_slice()) {
            ([], [first, rest @ ..]) => (vec![*first], rest),
            _ => (busy, idle.as_slice()),
        };
        for route in shown {
            show_route(ui, cx, route);
        }
        if !folded.is_empty() {
            show_idle(ui, cx, folded);
        }
    });
}

/// Nothing was ever sent along this route, and nothing is wrong with it.
fn idle(cx: &PageCx, route: &RouteView) -> bool {
    let members = || route.groups.iter().flat_map(|group| &group.endpoints);
    let unused = |view: &EndpointView| view.health == Health::Unknown && view.admin_state == AdminState::Enabled;
    route.waiting == 0 && members().all(|id| cx.snapshot.view.endpoint(id).is_some_and(unused))
}

/// Routes that were not used yet, on one line.
fn show_idle(ui: &mut Ui, cx: &mut PageCx, routes: &[&RouteView]) {
    ui.horizontal_wrapped(|ui| {
        note(ui, cx.theme, "Not used yet:");
        for route in routes {
            let button = quiet_button(ui, cx.theme, route.model.as_str());
            if button.on_hover_text(format!("{} of {} serving", route.serving, route.members)).clicked() {
                cx.open(Target::Route(route.model.clone()));
            }
        }
    });
}

fn show_route(ui: &mut Ui, cx: &mut PageCx, route: &RouteView) {
    let theme = cx.theme;
    ui.horizontal(|ui| {
        ui.label(theme::mono(route.model.as_str()).color(theme.text));
        // All serve: no alarm, however full one is. Its own box says that.
        let tone = if route.serving == route.members { Tone::Ok } else { worst(cx, route) };
        chip(ui, theme, tone, &format!("{} of {} serving", route.serving, route.members));
        if route.waiting > 0 {
            chip(ui, theme, Tone::Throttled, &format!("{} waiting", route.waiting));
        }
        if let Some(words) = expects(route.demand.into_iter().fold(Demand::default(), Demand::and)) {
            let each = expects_each(&route.demand).unwrap_or_default();
            let hint = format!("{EXPECTATION}{each}");
            note(ui, theme, &words).on_hover_text(hint);
        }
    });
    let sent: u64 = route.groups.iter().flat_map(|group| &group.sent_last_minute).sum();
    let fit = (ui.available_width() / 210.0).floor().clamp(1.0, 4.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 4")]
    let columns = (fit as usize).min(route.groups.len().max(1));
    let groups: Vec<(usize, &GroupView)> = route.groups.iter().enumerate().collect();
    for row in groups.chunks(columns) {
        ui.columns(columns, |places| {
            for (ui, (place, group)) in places.iter_mut().zip(row) {
                show_group(ui, cx, &group_rank(*place, route.groups.len()), group, sent);
            }
        });
    }
}

fn worst(cx: &PageCx, route: &RouteView) -> Tone {
    let members = route.groups.iter().flat_map(|group| &group.endpoints);
    let tones =
        members.filter_map(|id| cx.snapshot.view.endpoint(id)).map(|view| status::of_view(view, cx.snapshot.at).tone);
    tones.max_by_key(|tone| urgency(*tone)).unwrap_or(Tone::Quiet)
}

fn show_group(ui: &mut Ui, cx: &mut PageCx, rank: &str, group: &GroupView, sent: u64) {
    ui.spacing_mut().item_spacing.y = gap::S;
    note(ui, cx.theme, rank);
    for (place, id) in group.endpoints.iter().enumerate() {
        let Some(endpoint) = cx.snapshot.view.endpoint(id).cloned() else { continue };
        let mine = group.sent_last_minute.get(place).copied().unwrap_or(0);
        let share = (mine * 100).checked_div(sent).unwrap_or(0);
        let state = status::endpoint(&endpoint, cx.snapshot);
        if show_endpoint(ui, cx, &endpoint, &state, share) {
            cx.open(Target::Endpoint(endpoint.id));
        }
    }
}

/// One endpoint's box; returns whether it was clicked.
fn show_endpoint(ui: &mut Ui, cx: &PageCx, endpoint: &EndpointView, state: &Status, share: u64) -> bool {
    let theme = cx.theme;
    let full = endpoint.exhausts_at.and_then(|when| full_in(when, cx.snapshot.at));
    let frame = Frame::new().fill(theme.page).corner_radius(CornerRadius::same(8)).inner_margin(Margin::same(8));
    let boxed = frame.show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.spacing_mut().item_spacing = egui::vec2(gap::S, gap::S);
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                // In words: beside a bar a bare percentage reads as how full it is.
                ui.label(RichText::new(share_words(share)).small().color(theme.text_faint))
                    .on_hover_text("Of this route's requests in the last minute, so many were sent here");
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.spacing_mut().item_spacing.x = gap::M;
                    let name = theme::strong(endpoint.id.as_str()).color(theme.text);
                    ui.add(egui::Label::new(name).truncate());
                    // A part of the word would say nothing; the outline stands for it, and the hover.
                    if endpoint.simulated
                        && ui.available_width() >= text_width(ui, SIMULATED, &TextStyle::Small.resolve(ui.style()))
                    {
                        ui.label(RichText::new(SIMULATED).small().color(theme.text_faint));
                    }
                });
            });
        });
        let name = format!("Tokens of {}", endpoint.id);
        headroom_bar(ui, theme, ui.available_width(), &headroom::bar(endpoint, &name, cx.snapshot.at));
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let mut taken = headroom::words(endpoint);
                if let Some(full) = full.as_ref() {
                    let more = format!("{full} · {taken}");
                    // The state is not cut for it.
                    let font = |style: TextStyle| style.resolve(ui.style());
                    let state = text_width(ui, &state.word, &font(TextStyle::Body));
                    let needs = state + text_width(ui, &more, &font(TextStyle::Small));
                    if ui.available_width() >= ROUND + needs {
                        taken = more;
                    }
                }
                ui.label(RichText::new(taken).monospace().small().color(theme.text_faint));
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    status_label(ui, theme, state.tone, &state.word);
                });
            });
        });
    });
    let response = ui.interact(boxed.response.rect, ui.make_persistent_id(&endpoint.id), Sense::click());
    let simulated = if endpoint.simulated { ", simulated" } else { "" };
    let mut words = format!("{}{simulated}, {}, {share} % of the last minute", endpoint.id, state.word);
    let response = match full {
        Some(full) => {
            words = format!("{words}, {full}");
            response.on_hover_text(full)
        }
        None => response,
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
    let lively = response.hovered() || response.has_focus();
    let edge =
        Stroke::new(if response.has_focus() { 2.0 } else { 1.0 }, if lively { theme.accent } else { theme.edge });
    if endpoint.simulated && !lively {
        dashed_outline(ui, boxed.response.rect, Stroke::new(1.0, theme.pressed));
    } else {
        ui.painter().rect_stroke(boxed.response.rect, 8, edge, egui::StrokeKind::Inside);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}

/// Its part of the route's requests, so that it cannot be taken for the fill of the bar below.
fn share_words(percent: u64) -> String {
    if percent == 0 { "gets none".to_owned() } else { format!("gets {percent} % of requests") }
}

/// Simulated things have a dashed outline everywhere.
fn dashed_outline(ui: &Ui, rect: egui::Rect, stroke: Stroke) {
    let rect = rect.shrink(0.5);
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    ui.painter().extend(egui::Shape::dashed_line(&corners, stroke, 5.0, 3.0));
}
