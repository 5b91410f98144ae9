//! The lanes of one route: headings, cards, where a dragged card would land, and the lane of what is not used.
//!
//! Invariant: a drop does what the keyboard and the menu do: it yields one edit with one slot.
//! Absent on purpose: the edits themselves.

use egui::{DragAndDrop, Pos2, Rect, RichText, Stroke, Ui};

use super::card::{self, Dragged};
use super::lanes::{self, Slot};
use super::{Edit, Held, order};
use crate::model::config::{Group, Route, Spread};
use crate::ui::cx::PageCx;
use crate::ui::format::group_rank;
use crate::ui::theme::{gap, small_font, strong};
use crate::ui::words;

const SPREADS: [Spread; 6] =
    [Spread::Headroom, Spread::Weights, Spread::RoundRobin, Spread::Latency, Spread::Conversation, Spread::Caller];

/// Draws every lane of a route; `held` says which card has the keyboard or is lifted.
pub(super) fn all(ui: &mut Ui, cx: &PageCx, route: &Route, held: &Held, edits: &mut Vec<Edit>) {
    let dragged = DragAndDrop::payload::<Dragged>(ui.ctx()).filter(|dragged| dragged.route == route.model);
    for (place, group) in route.groups.iter().enumerate() {
        new_lane_slot(ui, cx, place, dragged.as_deref(), edits);
        let drawn = ui.push_id(("lane", place), |ui| lane(ui, cx, route, place, group, held, edits));
        let (frame, cards) = drawn.inner;
        if let Some(dragged) = &dragged {
            let index = |at: Pos2| cards.iter().filter(|card| card.center().y < at.y).count();
            let slot = |at: Pos2| Slot::Lane { group: place, index: index(at) };
            if let Some(at) = drop_at(ui, cx, frame, dragged, edits, slot) {
                insertion_line(ui, cx, frame, &cards, index(at));
                ghost(
                    ui,
                    cx,
                    at,
                    dragged,
                    &format!("becomes {}", words::group_in_sentence(place + 1, route.groups.len())),
                );
            }
        }
    }
    new_lane_slot(ui, cx, route.groups.len(), dragged.as_deref(), edits);
    unused(ui, cx, route, dragged.as_deref(), held, edits);
}

/// The gap before a lane; while a card is dragged, a place for a lane of its own.
fn new_lane_slot(ui: &mut Ui, cx: &PageCx, before: usize, dragged: Option<&Dragged>, edits: &mut Vec<Edit>) {
    let Some(dragged) = dragged else {
        ui.add_space(gap::S);
        return;
    };
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 24.0), egui::Sense::hover());
    let hovered = drop_at(ui, cx, rect, dragged, edits, |_| Slot::NewLane { before });
    let color = if hovered.is_some() { cx.theme.accent } else { cx.theme.edge };
    ui.painter().rect_stroke(rect.shrink(3.0), 4.0, Stroke::new(1.0, color), egui::StrokeKind::Inside);
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        "New priority group here",
        small_font(),
        cx.theme.text_soft,
    );
    if let Some(at) = hovered {
        ghost(ui, cx, at, dragged, "becomes a group of its own");
    }
}

/// Where the pointer is if the card hangs over `rect`; a release there is the edit.
fn drop_at(
    ui: &Ui,
    cx: &PageCx,
    rect: Rect,
    dragged: &Dragged,
    edits: &mut Vec<Edit>,
    slot: impl Fn(Pos2) -> Slot,
) -> Option<Pos2> {
    let at = ui.ctx().pointer_interact_pos().filter(|at| rect.contains(*at) && ui.clip_rect().contains(*at))?;
    cx.watch_closely(true);
    if ui.input(|input| input.pointer.any_released()) {
        DragAndDrop::clear_payload(ui.ctx());
        cx.watch_closely(false);
        edits.push(Edit::Move(dragged.endpoint.clone(), slot(at)));
    }
    Some(at)
}

fn insertion_line(ui: &Ui, cx: &PageCx, frame: Rect, cards: &[Rect], index: usize) {
    let y = match (cards.get(index), cards.last()) {
        (Some(card), _) => card.top() - 2.0,
        (None, Some(last)) => last.bottom() + 2.0,
        (None, None) => frame.bottom() - gap::M,
    };
    ui.painter().hline(frame.shrink(gap::M).x_range(), y, Stroke::new(2.0, cx.theme.accent));
    ui.painter().rect_stroke(frame, 6.0, Stroke::new(1.0, cx.theme.accent), egui::StrokeKind::Inside);
}

/// What hangs at the pointer: the card's name and what dropping it would do.
fn ghost(ui: &Ui, cx: &PageCx, at: Pos2, dragged: &Dragged, consequence: &str) {
    let layer = egui::LayerId::new(egui::Order::Tooltip, egui::Id::unique("dragged card"));
    let painter = ui.ctx().layer_painter(layer);
    let text = painter.layout_no_wrap(format!("{} {consequence}", dragged.endpoint), small_font(), cx.theme.text);
    let rect = Rect::from_min_size(at + egui::vec2(14.0, 10.0), text.size()).expand(6.0);
    painter.rect(rect, 4.0, cx.theme.raised, Stroke::new(1.0, cx.theme.accent), egui::StrokeKind::Inside);
    painter.galley(rect.min + egui::vec2(6.0, 6.0), text, cx.theme.text);
}

/// One lane; returns its frame and the rectangles of its cards.
fn lane(
    ui: &mut Ui,
    cx: &PageCx,
    route: &Route,
    place: usize,
    group: &Group,
    held: &Held,
    edits: &mut Vec<Edit>,
) -> (Rect, Vec<Rect>) {
    let mut cards = Vec::new();
    let frame =
        egui::Frame::new().fill(cx.theme.page).stroke((1.0, cx.theme.edge)).corner_radius(6).inner_margin(gap::M);
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        heading(ui, cx, route, place, group, edits);
        order::shares(ui, cx, route, place, group, edits);
        if group.endpoints.is_empty() {
            ui.label(RichText::new("Drop an endpoint here, or move one here from its menu.").color(cx.theme.text_soft));
        }
        for index in 0..group.endpoints.len() {
            cards.extend(card::show(ui, cx, route, (place, index), held, edits));
        }
    });
    (shown.response.rect, cards)
}

fn heading(ui: &mut Ui, cx: &PageCx, route: &Route, place: usize, group: &Group, edits: &mut Vec<Edit>) {
    let groups = route.groups.len();
    ui.horizontal_wrapped(|ui| {
        ui.label(strong(group_rank(place, groups)));
        ui.label(RichText::new(words::group_rule(place + 1, groups)).color(cx.theme.text_soft));
        let name = ui.label(RichText::new("split by").color(cx.theme.text_soft));
        let mut spread = group.spread;
        egui::ComboBox::from_id_salt("split")
            .selected_text(words::spread(spread))
            .show_ui(ui, |ui| {
                for choice in SPREADS {
                    ui.selectable_value(&mut spread, choice, words::spread(choice));
                }
            })
            .response
            .labelled_by(name.id);
        if spread != group.spread {
            edits.push(Edit::Spread(place, spread));
        }
        caches(ui, place, group, edits);
        let text = format!("Remove {}", words::group_in_sentence(place + 1, groups));
        if groups > 1 && ui.button("Remove").on_hover_text(text).clicked() {
            edits.push(Edit::RemoveLane(place));
        }
    });
    ui.add_space(gap::S);
}

/// Offered where it has an effect: between equals, by headroom or latency.
fn caches(ui: &mut Ui, place: usize, group: &Group, edits: &mut Vec<Edit>) {
    let heeded = group.endpoints.len() > 1 && matches!(group.spread, Spread::Headroom | Spread::Latency);
    let mut kept = group.cache_affinity;
    if !heeded && !kept {
        return;
    }
    let text = "Long prompts that begin alike go to the same endpoint while it bears its share, since its prompt cache may \
                know them. Requests with a prompt_cache_key do so in any case.";
    if ui.checkbox(&mut kept, "keep cached prompts together").on_hover_text(text).changed() {
        edits.push(Edit::Caches(place, kept));
    }
}

fn unused(ui: &mut Ui, cx: &PageCx, route: &Route, dragged: Option<&Dragged>, held: &Held, edits: &mut Vec<Edit>) {
    let rest = lanes::unused(cx.draft.working(), route);
    if rest.is_empty() && dragged.is_none() {
        return;
    }
    ui.add_space(gap::S);
    let frame = egui::Frame::new().stroke((1.0, cx.theme.edge)).corner_radius(6).inner_margin(gap::M);
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new("Not used in this route (drop here to remove)").color(cx.theme.text_soft));
        for (endpoint, reason) in &rest {
            card::show_unused(ui, cx, route, &endpoint.id, reason.as_deref(), held, edits);
        }
    });
    if let Some(dragged) = dragged
        && let Some(at) = drop_at(ui, cx, shown.response.rect, dragged, edits, |_| Slot::Unused)
    {
        ghost(ui, cx, at, dragged, "leaves this route");
    }
}
