//! The lanes of one route: headings, cards, where a dragged card would land, and the lane of what is not used.
//!
//! Invariant: a drop does what the keyboard and the menu do: it yields one edit with one slot.
//! Absent on purpose: the edits themselves.

use std::collections::BTreeSet;

use egui::{DragAndDrop, Pos2, Rect, RichText, Stroke, Ui};
use egui_material_icons::icons::ICON_EDIT;

use super::card::{self, Dragged};
use super::edit::Edit;
use super::lanes::{self, Slot};
use super::sent::Sent;
use super::sheets::Sheet;
use super::{Held, plan, sentence};
use crate::model::config::{Group, Route, Spread};
use crate::ui::cx::PageCx;
use crate::ui::format::{count, group_rank};
use crate::ui::theme::{self, gap, small_font, strong};
use crate::ui::widgets::{checkbox, icon_button};
use crate::ui::words;

const SPREADS: [Spread; 6] =
    [Spread::Headroom, Spread::Weights, Spread::RoundRobin, Spread::Latency, Spread::Conversation, Spread::Caller];

/// A route on screen.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// As edited.
    pub(super) route: &'a Route,
    /// What it sent where.
    pub(super) sent: &'a Sent,
    /// Which card has the keyboard or is lifted.
    pub(super) held: &'a Held,
}

/// How far the place for a new lane reaches into the margins of the lanes beside it. Beyond that are their words.
const OVERLAP: f32 = gap::M - 2.0;

/// Draws every lane of a route.
pub(super) fn all(ui: &mut Ui, cx: &PageCx, scene: &Scene, edits: &mut Vec<Edit>) {
    let route = scene.route;
    let (mut gaps, mut frames) = (Vec::new(), Vec::new());
    for (place, group) in route.groups.iter().enumerate() {
        gaps.push(between(ui));
        let drawn = ui.push_id(("lane", place), |ui| lane(ui, cx, scene, (place, group), edits));
        frames.push(drawn.inner);
    }
    gaps.push(between(ui));
    let outside = unused(ui, cx, scene, edits);
    let Some(dragged) = DragAndDrop::payload::<Dragged>(ui.ctx()).filter(|dragged| dragged.route == route.model) else {
        return;
    };
    let over = over_a_gap(ui, cx, scene, &gaps, &dragged, edits)
        || over_a_lane(ui, cx, scene, &frames, &dragged, edits)
        || over_the_rest(ui, cx, outside, &dragged, edits);
    let at = ui.ctx().pointer_interact_pos().filter(|_| !over);
    if let Some(at) = at {
        ghost(ui, cx, at, &dragged, "stays where it is");
    }
}

/// The gap before a lane, as high as ever, whether a card is dragged or not: nothing moves under the pointer.
fn between(ui: &mut Ui) -> Rect {
    ui.allocate_exact_size(egui::vec2(ui.available_width(), gap::S), egui::Sense::hover()).0
}

/// Places for a lane of its own, laid over the gaps between lanes. Returns whether the card hangs over one.
fn over_a_gap(ui: &Ui, cx: &PageCx, scene: &Scene, gaps: &[Rect], dragged: &Dragged, edits: &mut Vec<Edit>) -> bool {
    let mut over = false;
    for (before, gap) in gaps.iter().enumerate() {
        let rect = gap.expand2(egui::vec2(0.0, ui.spacing().item_spacing.y + OVERLAP));
        let to = Slot::NewLane { before };
        let hovered = drop_at(ui, rect, dragged, edits, |_| to);
        new_lane(ui, cx, rect, hovered.is_some());
        if let Some(at) = hovered {
            ghost(ui, cx, at, dragged, &foretold(cx, scene.route, dragged, to));
            over = true;
        }
    }
    over
}

fn new_lane(ui: &Ui, cx: &PageCx, rect: Rect, hovered: bool) {
    let (color, width) = if hovered { (cx.theme.accent, 2.0) } else { (cx.theme.edge, 1.0) };
    ui.painter().rect(rect, 4.0, cx.theme.raised, Stroke::new(width, color), egui::StrokeKind::Inside);
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        "New priority group here",
        small_font(),
        if hovered { cx.theme.text } else { cx.theme.text_soft },
    );
}

/// Returns whether the card hangs over a lane, and says where in it it would land.
fn over_a_lane(
    ui: &Ui,
    cx: &PageCx,
    scene: &Scene,
    frames: &[(Rect, Vec<Rect>)],
    dragged: &Dragged,
    edits: &mut Vec<Edit>,
) -> bool {
    for (group, (frame, cards)) in frames.iter().enumerate() {
        let index = |at: Pos2| cards.iter().filter(|card| card.center().y < at.y).count();
        let slot = |at: Pos2| Slot::Lane { group, index: index(at) };
        if let Some(at) = drop_at(ui, *frame, dragged, edits, slot) {
            insertion_line(ui, cx, *frame, cards, index(at));
            ghost(ui, cx, at, dragged, &foretold(cx, scene.route, dragged, slot(at)));
            return true;
        }
    }
    false
}

/// Returns whether the card hangs over what is not used.
fn over_the_rest(ui: &Ui, cx: &PageCx, rect: Rect, dragged: &Dragged, edits: &mut Vec<Edit>) -> bool {
    let Some(at) = drop_at(ui, rect, dragged, edits, |_| Slot::Unused) else { return false };
    ui.painter().rect_stroke(rect, 6.0, Stroke::new(2.0, cx.theme.accent), egui::StrokeKind::Inside);
    ghost(ui, cx, at, dragged, "leaves this route");
    true
}

/// Where the pointer is if the card hangs over `rect`; a release there is the edit.
fn drop_at(ui: &Ui, rect: Rect, dragged: &Dragged, edits: &mut Vec<Edit>, slot: impl Fn(Pos2) -> Slot) -> Option<Pos2> {
    let at = ui.ctx().pointer_interact_pos().filter(|at| rect.contains(*at) && ui.clip_rect().contains(*at))?;
    if ui.input(|input| input.pointer.any_released()) {
        DragAndDrop::clear_payload(ui.ctx());
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
    ui.painter().rect_stroke(frame, 6.0, Stroke::new(2.0, cx.theme.accent), egui::StrokeKind::Inside);
}

/// What hangs at the pointer: the card's name and what dropping it would do.
fn ghost(ui: &Ui, cx: &PageCx, at: Pos2, dragged: &Dragged, consequence: &str) {
    let layer = egui::LayerId::new(egui::Order::Tooltip, egui::Id::unique("dragged card"));
    let painter = ui.ctx().layer_painter(layer);
    let text = painter.layout_no_wrap(format!("{} {consequence}", dragged.endpoint), small_font(), cx.theme.text);
    let screen = ui.ctx().content_rect().shrink(gap::M);
    let rect = Rect::from_min_size(at + egui::vec2(14.0, 10.0), text.size()).expand(6.0);
    let back = egui::vec2((rect.right() - screen.right()).max(0.0), (rect.bottom() - screen.bottom()).max(0.0));
    let rect = rect.translate(-back);
    painter.rect(rect, 4.0, cx.theme.raised, Stroke::new(1.0, cx.theme.accent), egui::StrokeKind::Inside);
    painter.galley(rect.min + egui::vec2(6.0, 6.0), text, cx.theme.text);
}

/// What dropping it there would do.
fn foretold(cx: &PageCx, route: &Route, dragged: &Dragged, to: Slot) -> String {
    let config = cx.draft.working();
    let limits = plan::limits(cx.snapshot, config);
    plan::consequence(config, route, &dragged.endpoint, to, &limits)
}

/// One lane; returns its frame and the rectangles of its cards.
fn lane(
    ui: &mut Ui,
    cx: &PageCx,
    scene: &Scene,
    (place, group): (usize, &Group),
    edits: &mut Vec<Edit>,
) -> (Rect, Vec<Rect>) {
    let mut cards = Vec::new();
    let frame =
        egui::Frame::new().fill(cx.theme.page).stroke((1.0, cx.theme.edge)).corner_radius(6).inner_margin(gap::M);
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        heading(ui, cx, scene, place, group, edits);
        if group.endpoints.is_empty() {
            choose_one(ui, cx, place, edits);
        }
        for index in 0..group.endpoints.len() {
            cards.extend(card::show(ui, cx, scene, (place, index), edits));
        }
        sentence::show(ui, cx, scene.route, place, group, edits);
    });
    (shown.response.rect, cards)
}

/// An empty lane's offer: every endpoint that could stand there.
fn choose_one(ui: &mut Ui, cx: &PageCx, place: usize, edits: &mut Vec<Edit>) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Drop an endpoint here, or").color(cx.theme.text_soft));
        ui.menu_button("choose one", |ui| {
            for endpoint in &cx.draft.working().endpoints {
                if ui.button(endpoint.id.as_str()).clicked() {
                    edits.push(Edit::Move(endpoint.id.clone(), Slot::Lane { group: place, index: 0 }));
                }
            }
        });
    });
}

/// Whether a group of the same members runs in this route.
fn ran(cx: &PageCx, route: &Route, group: &Group) -> bool {
    let members = |group: &Group| group.endpoints.iter().map(|member| member.endpoint.clone()).collect::<BTreeSet<_>>();
    let runs = cx.snapshot.applied.config.routes.iter().find(|known| known.model == route.model);
    runs.is_some_and(|known| known.groups.iter().any(|one| members(one) == members(group)))
}

fn heading(ui: &mut Ui, cx: &PageCx, scene: &Scene, place: usize, group: &Group, edits: &mut Vec<Edit>) {
    let route = scene.route;
    let groups = route.groups.len();
    ui.horizontal_wrapped(|ui| {
        ui.label(strong(group_rank(place, groups)));
        if let Some(id) = &group.id {
            ui.label(theme::mono(id.as_str()).color(cx.theme.text_soft)).on_hover_text("The group's name");
        }
        ui.label(RichText::new(words::group_rule(place + 1, groups)).color(cx.theme.text_soft));
        // Of a group that never ran like this nothing was sent anywhere.
        let got = scene.sent.percent_of_route(&route.model, group).filter(|_| ran(cx, route, group));
        if let Some(percent) = got {
            let hint = format!(
                "Of the {} that the route sent in the last 5 minutes",
                count(scene.sent.all(&route.model), "request", "requests")
            );
            let text = theme::mono(format!("got {percent} % of the route")).color(cx.theme.text_soft);
            ui.add(egui::Label::new(text).extend()).on_hover_text(hint);
        }
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
        let naming = format!("Name the {} of {}", words::group_in_sentence(place + 1, groups), route.model);
        if icon_button(ui, cx.theme, ICON_EDIT, &naming).clicked() {
            let now = group.id.as_ref().map(ToString::to_string).unwrap_or_default();
            edits.push(Edit::Ask(Some(Sheet::Group(place, now))));
        }
        let text = format!("Remove the {}; its endpoints become unused", words::group_in_sentence(place + 1, groups));
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
    if checkbox(ui, &mut kept, "keep cached prompts together").on_hover_text(text).changed() {
        edits.push(Edit::Caches(place, kept));
    }
}

/// The lane of what is not used: first what offers the model, then, folded, what does not. It is there even if it is empty,
/// so that nothing comes up when a card is dragged. Returns its frame.
fn unused(ui: &mut Ui, cx: &PageCx, scene: &Scene, edits: &mut Vec<Edit>) -> Rect {
    let rest = lanes::unused(cx.draft.working(), scene.route);
    let (others, fitting): (Vec<_>, Vec<_>) = rest.iter().partition(|(_, reason)| reason.is_some());
    ui.add_space(gap::S);
    let frame = egui::Frame::new().stroke((1.0, cx.theme.edge)).corner_radius(6).inner_margin(gap::M);
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let none = if rest.is_empty() { ": none" } else { "" };
        let words = format!("Not used in this route (drop here to remove){none}");
        ui.label(RichText::new(words).color(cx.theme.text_soft));
        for (endpoint, _) in &fitting {
            card::show_unused(ui, cx, scene, &endpoint.id, None, edits);
        }
        if others.is_empty() {
            return;
        }
        let names: Vec<&str> = others.iter().map(|(endpoint, _)| endpoint.id.as_str()).collect();
        let title =
            format!("{} not offering {}", count(names.len() as u64, "endpoint", "endpoints"), scene.route.model);
        ui.add(egui::Label::new(RichText::new(names.join(", ")).small().color(cx.theme.text_faint)).wrap());
        egui::CollapsingHeader::new(RichText::new(title).color(cx.theme.text_faint)).id_salt("others").show(ui, |ui| {
            for (endpoint, reason) in &others {
                card::show_unused(ui, cx, scene, &endpoint.id, reason.as_deref(), edits);
            }
        });
    });
    shown.response.rect
}
