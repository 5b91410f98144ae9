//! A card: one endpoint within a route, draggable, focusable, with a menu.
//!
//! Invariant: all that a drag can do, the keyboard and the menu can do as well.
//! Absent on purpose: limits and health editing; a card only shows them.

use egui::{Key, Modifiers, Rect, RichText, Sense, Ui, UiBuilder};
use egui_material_icons::icons::{ICON_DRAG_INDICATOR, ICON_MORE_HORIZ};

use super::edit::Edit;
use super::lane::Scene;
use super::lanes::{self, Slot, Step};
use super::{Held, plan};
use crate::model::config::{Group, Route};
use crate::model::id::{EndpointId, ModelName};
use crate::model::status::EndpointView;
use crate::ui::cx::{PageCx, Target};
use crate::ui::flash;
use crate::ui::format::{count, group_rank};
use crate::ui::headroom;
use crate::ui::status;
use crate::ui::theme::{Tone, gap, mono, mono_font, strong};
use crate::ui::widgets::{self, Bar};

const HEIGHT: f32 = 34.0;
/// Below this width a card leaves out what can be read elsewhere.
const WIDE: f32 = 980.0;
/// From this width on a card has room for the planned share beside the one that it got.
const PLANS: f32 = 760.0;
/// What the menu at a card's end takes.
const MENU: f32 = 44.0;
/// Below this one it shows its state as a glyph and no headroom.
const NARROW: f32 = 600.0;

/// What hangs at the pointer during a drag.
#[derive(Clone, Debug)]
pub(super) struct Dragged {
    /// Cards stay within their route.
    pub route: ModelName,
    /// The endpoint.
    pub endpoint: EndpointId,
}

/// Shows the card at `place` (lane, index); returns its rectangle.
pub(super) fn show(
    ui: &mut Ui,
    cx: &PageCx,
    scene: &Scene,
    place: (usize, usize),
    edits: &mut Vec<Edit>,
) -> Option<Rect> {
    let route = scene.route;
    let group = route.groups.get(place.0)?;
    let id = &group.endpoints.get(place.1)?.endpoint;
    let response = surface(ui, cx, scene, id, edits);
    contents(ui, response.rect, |ui| {
        let (narrow, tiny) = (ui.available_width() < WIDE, ui.available_width() < NARROW);
        let plans = ui.available_width() >= PLANS;
        handle(ui, cx, id);
        let view = cx.snapshot.view.endpoint(id);
        match view.filter(|_| tiny) {
            Some(view) => glyph(ui, cx, view),
            None => cell(ui, if narrow { 118.0 } else { 150.0 }, |ui| state(ui, cx, view)),
        }
        cell(ui, if narrow { 110.0 } else { 200.0 }, |ui| {
            if !narrow && view.is_some_and(|view| view.simulated) {
                widgets::chip(ui, cx.theme, Tone::Info, "Simulated");
            }
            let name = ui.label(strong(id.to_string()));
            if narrow && view.is_some_and(|view| view.simulated) {
                name.on_hover_text("Simulated");
            }
        });
        // Where room is short, a weight without effect makes some.
        if !narrow || lanes::weight_without_effect(group).is_none() {
            cell(ui, if narrow { 72.0 } else { 92.0 }, |ui| weight(ui, group, place.1, edits));
        }
        let beside = match (narrow, plans) {
            (false, _) => 206.0,
            (true, true) => 148.0,
            (true, false) => 112.0,
        };
        cell(ui, beside, |ui| share(ui, cx, scene, group, place, (narrow, plans)));
        if let Some(view) = view.filter(|_| !tiny) {
            room(ui, cx, view, narrow);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            menu(ui, route, id, edits);
            if scene.held.lifted.as_ref() == Some(id) {
                widgets::chip(ui, cx.theme, Tone::Info, "Lifted");
            }
        });
    });
    Some(response.rect)
}

/// Shows an endpoint that the route does not use.
pub(super) fn show_unused(
    ui: &mut Ui,
    cx: &PageCx,
    scene: &Scene,
    id: &EndpointId,
    reason: Option<&str>,
    edits: &mut Vec<Edit>,
) {
    let response = surface(ui, cx, scene, id, edits);
    contents(ui, response.rect, |ui| {
        handle(ui, cx, id);
        ui.label(id.as_str());
        if let Some(reason) = reason {
            ui.label(RichText::new(format!("({reason})")).color(cx.theme.text_faint));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| menu(ui, scene.route, id, edits));
    });
}

/// A card without its contents: it has a name, takes the keyboard, and can be moved.
fn surface(ui: &mut Ui, cx: &PageCx, scene: &Scene, id: &EndpointId, edits: &mut Vec<Edit>) -> egui::Response {
    let (route, held) = (scene.route, scene.held);
    let response = frame(ui, cx, route, id, held);
    let lifted = if held.lifted.as_ref() == Some(id) { ", lifted" } else { "" };
    let spoken = format!("{}{lifted}", lanes::spoken_place(route, id));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &spoken));
    if response.gained_focus() || response.clicked() {
        edits.push(Edit::Select(id.clone()));
    }
    flash::frame(ui, cx.theme, response.rect, &Target::Endpoint(id.clone()));
    keyboard(ui, &response, route, id, edits);
    carry(ui, &response, route, id, held, edits);
    response
}

/// The card's surface: takes focus and drags, lies below what is drawn on it.
fn frame(ui: &mut Ui, cx: &PageCx, route: &Route, id: &EndpointId, held: &Held) -> egui::Response {
    let size = egui::vec2(ui.available_width(), HEIGHT);
    let (_, rect) = ui.allocate_space(size);
    let salt = egui::Id::unique(("card", route.model.as_str(), id.as_str()));
    let response = ui.interact(rect, salt, Sense::click_and_drag());
    response.dnd_set_drag_payload(Dragged { route: route.model.clone(), endpoint: id.clone() });
    if held.focus.as_ref() == Some(id) {
        response.request_focus();
        response.scroll_to_me(None);
    }
    if response.clicked() {
        response.request_focus();
    }
    let (fill, stroke) = if held.lifted.as_ref() == Some(id) {
        (cx.theme.wash(Tone::Info), egui::Stroke::new(2.0, cx.theme.accent))
    } else if response.has_focus() {
        (cx.theme.hover, egui::Stroke::new(2.0, cx.theme.accent))
    } else if response.hovered() || response.dragged() {
        (cx.theme.hover, egui::Stroke::new(1.0, cx.theme.edge))
    } else {
        (cx.theme.card, egui::Stroke::new(1.0, cx.theme.edge))
    };
    let simulated = cx.snapshot.view.endpoint(id).is_some_and(|view| view.simulated);
    if simulated && !response.has_focus() {
        ui.painter().rect_filled(rect, 4.0, fill);
        dashed(ui, rect.shrink(0.5), cx.theme.pressed);
    } else {
        ui.painter().rect(rect, 4.0, fill, stroke, egui::StrokeKind::Inside);
    }
    if response.hovered() {
        ui.set_cursor_icon(egui::CursorIcon::Grab);
    }
    response
}

/// The outline of what is simulated.
fn dashed(ui: &Ui, rect: Rect, color: egui::Color32) {
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    ui.painter().extend(egui::Shape::dashed_line(&corners, egui::Stroke::new(1.0, color), 5.0, 4.0));
}

fn contents(ui: &mut Ui, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let inner = rect.shrink2(egui::vec2(gap::M, 2.0));
    let builder = UiBuilder::new().max_rect(inner).layout(egui::Layout::left_to_right(egui::Align::Center));
    // A child, not a scope: what does not fit is clipped and makes nothing wider.
    let mut ui = ui.new_child(builder);
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
    // Text that can be selected would take the drag away from the card.
    ui.style_mut().interaction.selectable_labels = false;
    ui.shrink_clip_rect(inner.expand(2.0));
    add(&mut ui);
}

/// A part of a card of a fixed width, so that the parts of all cards stand below each other.
fn cell(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui)) {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(egui::vec2(width, ui.available_height()), layout, |ui| {
        ui.set_min_width(width);
        add(ui);
    });
}

fn keyboard(ui: &Ui, response: &egui::Response, route: &Route, id: &EndpointId, edits: &mut Vec<Edit>) {
    if !response.has_focus() {
        return;
    }
    let alt_shift = Modifiers { shift: true, ..Modifiers::ALT };
    let steps = [
        (alt_shift, Key::ArrowUp, Step::Earlier),
        (alt_shift, Key::ArrowDown, Step::Later),
        (Modifiers::ALT, Key::ArrowUp, Step::Up),
        (Modifiers::ALT, Key::ArrowDown, Step::Down),
    ];
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    if lanes::place_of(route, id).is_some() && pressed(Modifiers::NONE, Key::Delete) {
        edits.push(Edit::Step(id.clone(), Slot::Unused));
    }
    let step = steps.into_iter().find(|(modifiers, key, _)| pressed(*modifiers, *key));
    if let Some((_, _, step)) = step
        && let Some(slot) = lanes::step(route, id, step)
    {
        edits.push(Edit::Step(id.clone(), slot));
    }
}

/// Space lifts the focused card, arrows carry it, Enter or Space drops it, Esc puts it back.
fn carry(ui: &Ui, response: &egui::Response, route: &Route, id: &EndpointId, held: &Held, edits: &mut Vec<Edit>) {
    if !response.has_focus() {
        if held.lifted.as_ref() == Some(id) {
            edits.push(Edit::Drop);
        }
        return;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if held.lifted.as_ref() != Some(id) {
        if pressed(Key::Space) {
            edits.push(Edit::Lift(id.clone()));
        }
        return;
    }
    let filter = egui::EventFilter { vertical_arrows: true, horizontal_arrows: true, escape: true, tab: false };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let steps = [
        (Key::ArrowUp, Step::Back),
        (Key::ArrowDown, Step::On),
        (Key::ArrowLeft, Step::Back),
        (Key::ArrowRight, Step::On),
    ];
    if pressed(Key::Enter) || pressed(Key::Space) {
        edits.push(Edit::Drop);
    } else if pressed(Key::Escape) {
        edits.push(Edit::PutBack);
    } else if let Some((_, step)) = steps.into_iter().find(|(key, _)| pressed(*key))
        && let Some(slot) = lanes::step(route, id, step)
    {
        edits.push(Edit::Carry(id.clone(), slot));
    }
}

fn handle(ui: &mut Ui, cx: &PageCx, id: &EndpointId) {
    let text = ICON_DRAG_INDICATOR.rich_text().color(cx.theme.text_faint);
    ui.add(egui::Label::new(text).selectable(false)).on_hover_text(format!(
        "Drag {id}. Or focus it: Alt+↑ and Alt+↓ move it to the group above or below, Space lifts it so that arrows carry it \
         place by place until Enter drops it or Esc puts it back, Delete removes it"
    ));
}

/// The state where there is no room for its word.
fn glyph(ui: &mut Ui, cx: &PageCx, view: &EndpointView) {
    let shown = status::endpoint(view, cx.snapshot);
    let glyph = ui.label(shown.tone.icon().rich_text().color(cx.theme.tone(shown.tone)));
    ui.ctx().accesskit_node_builder(glyph.id, |node| node.set_label(shown.word.clone()));
    glyph.on_hover_text(shown.word);
}

fn state(ui: &mut Ui, cx: &PageCx, view: Option<&EndpointView>) {
    let Some(view) = view else {
        ui.label(RichText::new("not applied yet").color(cx.theme.text_faint));
        return;
    };
    let shown = status::endpoint(view, cx.snapshot);
    widgets::status_label(ui, cx.theme, shown.tone, &shown.word);
}

fn weight(ui: &mut Ui, group: &Group, index: usize, edits: &mut Vec<Edit>) {
    let Some(member) = group.endpoints.get(index) else { return };
    let reason = lanes::weight_without_effect(group);
    let mut value = member.weight;
    let mut field = egui::DragValue::new(&mut value).range(1..=1_000).prefix("weight ").speed(0.05);
    if reason.is_some() {
        field = field.custom_formatter(|_, _| "–".to_owned());
    }
    let response = ui.add_enabled(reason.is_none(), field);
    let name = format!("Weight of {}", member.endpoint);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(name);
        if let Some(reason) = &reason {
            node.set_description(reason.clone());
        }
    });
    if response.lost_focus() || response.drag_stopped() {
        edits.push(Edit::Settle);
    }
    if let Some(reason) = reason {
        response.on_disabled_hover_text(reason);
    } else if value != member.weight {
        edits.push(Edit::Weight(member.endpoint.clone(), value));
    }
}

/// `62 % of group · plan 67 %`: what it got in the last five minutes, and what the split plans, of the same whole.
fn share(ui: &mut Ui, cx: &PageCx, scene: &Scene, group: &Group, place: (usize, usize), (narrow, plans): (bool, bool)) {
    let Some(member) = group.endpoints.get(place.1) else { return };
    let model = &scene.route.model;
    // What it got, it got in the group that runs, whatever the draft makes of that.
    let runs = cx.snapshot.applied.config.route(model);
    let ran = runs.and_then(|runs| runs.groups.get(lanes::place_of(runs, &member.endpoint)?.0));
    let actual = ran.and_then(|ran| scene.sent.percent_of_group(model, ran, &member.endpoint));
    let actual = actual.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"));
    let limits = plan::limits(cx.snapshot, cx.draft.working());
    let planned = plan::percent(group, place.1, &limits).map(|percent| format!("{percent} %"));
    let beside = planned.as_ref().filter(|_| plans).map_or_else(String::new, |plan| format!(" · plan {plan}"));
    let whole = if narrow && plans && !beside.is_empty() { "" } else { " of group" };
    let hint = format!(
        "Got: of the {} that its group, as it runs, was sent in the last 5 minutes. Plan: also of its group, {}{}.",
        count(ran.map_or(0, |ran| scene.sent.group(model, ran)), "request", "requests"),
        planned.map_or_else(String::new, |plan| format!("{plan}, ")),
        if group.endpoints.len() < 2 { "as its only endpoint" } else { plan::reason(group.spread) },
    );
    ui.label(mono(format!("{actual}{whole}{beside}")).color(cx.theme.text_soft)).on_hover_text(hint);
}

fn room(ui: &mut Ui, cx: &PageCx, view: &EndpointView, narrow: bool) {
    let name = format!("Tokens of {}", view.id);
    let bar = Bar { limit: view.tokens.limit, ..headroom::bar(view, &name, cx.snapshot.at) };
    widgets::headroom_bar(ui, cx.theme, if narrow { 72.0 } else { 140.0 }, &bar);
    let room = (ui.available_width() - MENU).max(0.0);
    let words = headroom::words(view);
    let text = mono(widgets::facts(ui, &words, &mono_font(), room)).color(cx.theme.text_soft);
    let words = ui
        .scope(|ui| {
            ui.set_max_width(room);
            ui.add(egui::Label::new(text).truncate())
        })
        .inner;
    if let Some(why) = headroom::why_little(view) {
        words.on_hover_text(why);
    }
}

fn menu(ui: &mut Ui, route: &Route, id: &EndpointId, edits: &mut Vec<Edit>) {
    let groups = route.groups.len();
    let place = lanes::place_of(route, id);
    let opened = ui.menu_button(ICON_MORE_HORIZ.rich_text(), |ui| {
        ui.label("Move to");
        for (group, lane) in route.groups.iter().enumerate() {
            let here = place.is_some_and(|(lane, _)| lane == group);
            if ui.add_enabled(!here, egui::Button::new(group_rank(group, groups))).clicked() {
                edits.push(Edit::Move(id.clone(), Slot::Lane { group, index: lane.endpoints.len() }));
            }
        }
        if ui.button("A new priority group at the bottom").clicked() {
            edits.push(Edit::Move(id.clone(), Slot::NewLane { before: groups }));
        }
        ui.separator();
        if ui.add_enabled(place.is_some(), egui::Button::new("Remove from this route")).clicked() {
            edits.push(Edit::Move(id.clone(), Slot::Unused));
        }
        if ui.button("Open endpoint").clicked() {
            edits.push(Edit::Open(Target::Endpoint(id.clone())));
        }
    });
    let name = format!("Menu of {id}");
    opened.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
}
