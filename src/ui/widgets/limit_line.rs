//! A horizontal line over a plot that is dragged or moved by keys to set a limit.
//!
//! Invariant: a value that was moved is a multiple of the step and within its range, and rounded before it is compared; one
//! that was typed is what was typed, within the range.
//! Absent on purpose: the plot itself, which must have its own drag, zoom and scroll switched off.

use egui::accesskit::Action;
use egui::{Align2, CursorIcon, Id, Key, Rect, Role, Sense, Stroke, TextEdit, Ui, WidgetInfo, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use super::bar::hatch;
use crate::model::units::{Grouped, Short, parse_amount};
use crate::ui::theme::{Theme, Tone, mono_font, small_font};

const STEP: u64 = 1_000;
/// From the line to its words, in points.
const CLEAR: f32 = 10.0;

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEvent {
    /// It was moved to this value.
    To(u64),
    /// The limit was switched off (Home).
    Off,
    /// The drag ended, or the line lost the keyboard.
    Released,
    /// Esc during a drag: what was there before is wanted back.
    Cancelled,
}

/// What a line did in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineOutput {
    /// What happened, if anything did.
    pub event: Option<LineEvent>,
    /// A drag goes on.
    pub dragging: bool,
}

/// A line that can be moved.
#[derive(Clone, Copy, Debug)]
pub struct LimitLine<'a> {
    /// Its accessible name, for example "Soft cap east-1".
    pub name: &'a str,
    /// What it counts, said after the value, for example "tokens per minute".
    pub unit: &'a str,
    /// Where it stands; `None`: off, it lies at the top.
    pub value: Option<u64>,
    /// Where the applied one stands, if it differs.
    pub applied: Option<u64>,
    /// The highest value.
    pub max: u64,
    /// How many requests of the shown window it would have held back; `None`: not asked.
    pub held_back: Option<u64>,
}

impl LimitLine<'_> {
    /// Draws the line over a plot that was just shown and moves it.
    pub fn show(self, ui: &mut Ui, theme: &Theme, plot: &PlotTransform) -> LineOutput {
        let value = self.value.unwrap_or(self.max).min(self.max);
        let frame = *plot.frame();
        let y = plot.position_from_point(&PlotPoint::new(plot.bounds().min()[0], as_float(value))).y;
        let y = y.clamp(frame.top() + 1.0, frame.bottom() - 1.0);
        let strip = Rect::from_min_max(pos2(frame.left(), y - 6.0), pos2(frame.right(), y + 6.0));
        let id = ui.make_persistent_id(("limit line", self.name));
        let response = ui.interact(strip, id, Sense::click_and_drag()).on_hover_cursor(CursorIcon::ResizeVertical);
        response.widget_info(|| WidgetInfo::slider(true, as_float(value), self.name));
        let said = self.value.map_or_else(|| "off".to_owned(), |value| format!("{} {}", Grouped(value), self.unit));
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(said));
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        let mut next = value;
        let (mut off, mut cancelled) = (false, false);
        if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
            next = self.snapped(plot, pointer.y);
        }
        if response.dragged() || response.drag_stopped() {
            // egui ends a drag at Esc by itself, so this may be its last frame.
            cancelled = ui.input(|input| input.key_pressed(Key::Escape));
        }
        if response.has_focus() {
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows()));
            next = self.keyed(ui, next);
            off = ui.input(|input| input.key_pressed(Key::Home));
        }
        next = self.asked(ui, id, next);
        next = self.typed(ui, &response, value).unwrap_or(next);
        let event = if cancelled {
            Some(LineEvent::Cancelled)
        } else if off {
            Some(LineEvent::Off)
        } else if next != value {
            Some(LineEvent::To(next))
        } else {
            (response.drag_stopped() || response.lost_focus()).then_some(LineEvent::Released)
        };
        let beyond = value > 0 && as_float(value) > plot.bounds().max()[1];
        let typing = ui.data(|data| data.get_temp::<Typing>(response.id.with("typing")).is_some());
        let place = Place { frame, y, beyond, typing, dragged: response.dragged() };
        self.paint(ui, theme, place, response.hovered() || response.dragged() || response.has_focus());
        LineOutput { event, dragging: response.dragged() }
    }

    /// The roundest number within the pointer's reach, then the nearest step.
    fn snapped(&self, plot: &PlotTransform, y: f32) -> u64 {
        let at = |y: f32| plot.value_from_position(pos2(plot.frame().left(), y)).y;
        let round = egui::emath::smart_aim::best_in_range_f64(at(y + 3.0), at(y - 3.0));
        self.stepped(from_float(round))
    }

    fn stepped(&self, value: u64) -> u64 {
        (value.saturating_add(STEP / 2) / STEP * STEP).clamp(STEP.min(self.max), self.max)
    }

    /// Enter or a double click opens a field for an exact value; Esc closes it. Returns what was entered.
    fn typed(&self, ui: &mut Ui, response: &egui::Response, value: u64) -> Option<u64> {
        let id: Id = response.id.with("typing");
        let opened =
            response.double_clicked() || response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let kept = ui.data(|data| data.get_temp::<Typing>(id));
        let Typing { mut text, was_reached } = match (kept, opened) {
            (Some(typing), _) => typing,
            (None, true) => Typing { text: Grouped(value).to_string(), was_reached: false },
            (None, false) => return None,
        };
        let place = Rect::from_center_size(response.rect.center(), vec2(120.0, 26.0));
        let place = place.translate(vec2(0.0, if place.top() > ui.clip_rect().top() + 30.0 { -24.0 } else { 24.0 }));
        // In a child of its own: what comes below the plot must not move.
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(place));
        let field = child.add_sized(place.size(), TextEdit::singleline(&mut text).id(id).font(mono_font()));
        let name = format!("{}, tokens per minute", self.name);
        field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, &name));
        if !was_reached && !field.has_focus() {
            field.request_focus();
            select_all(ui, id, &text);
        } else if was_reached && !field.has_focus() {
            let read = parse_amount(text.trim());
            if read.is_none() && ui.input(|input| input.key_pressed(Key::Enter)) {
                // What is no amount stays to be mended.
                field.request_focus();
                ui.data_mut(|data| data.insert_temp(id, Typing { text, was_reached }));
                return None;
            }
            ui.data_mut(|data| data.remove::<Typing>(id));
            let entered = ui.input(|input| !input.key_pressed(Key::Escape));
            return read.filter(|_| entered).map(|typed| typed.min(self.max));
        }
        // What the opening click gave, egui takes again within its frame, as that click was elsewhere.
        let was_reached = was_reached || (field.has_focus() && !opened);
        ui.data_mut(|data| data.insert_temp(id, Typing { text, was_reached }));
        None
    }

    fn keyed(&self, ui: &Ui, value: u64) -> u64 {
        ui.input(|input| {
            let presses = |key| u64::try_from(input.num_presses(key)).unwrap_or(0);
            let up = presses(Key::ArrowUp) + 10 * presses(Key::PageUp);
            let down = presses(Key::ArrowDown) + 10 * presses(Key::PageDown);
            if up == down {
                return value;
            }
            self.stepped(value.saturating_add(up * STEP).saturating_sub(down * STEP))
        })
    }

    /// What a screen reader asked for.
    fn asked(&self, ui: &Ui, id: egui::Id, value: u64) -> u64 {
        ui.input(|input| {
            let up = input.num_accesskit_action_requests(id, Action::Increment);
            let down = input.num_accesskit_action_requests(id, Action::Decrement);
            let steps = |number: usize| u64::try_from(number).unwrap_or(0) * STEP;
            let mut next = value;
            if up != down {
                next = self.stepped(value.saturating_add(steps(up)).saturating_sub(steps(down)));
            }
            for request in input.accesskit_action_requests(id, Action::SetValue) {
                if let Some(egui::accesskit::ActionData::NumericValue(number)) = request.data {
                    next = self.stepped(from_float(number));
                }
            }
            next
        })
    }

    fn paint(&self, ui: &Ui, theme: &Theme, place: Place, lively: bool) {
        let Place { frame, y, beyond, dragged, typing } = place;
        let painter = ui.painter().with_clip_rect(frame.expand(2.0));
        let color = theme.tone(Tone::Info);
        let ends = [pos2(frame.left(), y), pos2(frame.right(), y)];
        if dragged || self.held_back.is_some_and(|held| held > 0) {
            hatch(&painter, Rect::from_min_max(frame.min, ends[1]), color.gamma_multiply(0.25));
        }
        if self.value.is_some() && !beyond {
            painter.line_segment(ends, Stroke::new(if lively { 2.5 } else { 1.5 }, color));
        }
        let handle = Rect::from_center_size(pos2(frame.right() - 10.0, y), vec2(14.0, 10.0));
        if beyond && self.value.is_some() {
            let tip = [handle.left_bottom(), handle.right_bottom(), handle.center_top()];
            painter.add(egui::Shape::convex_polygon(tip.to_vec(), color, Stroke::NONE));
        } else {
            painter.rect_filled(handle, 4, color);
        }
        if lively {
            painter.rect_stroke(
                handle.expand(2.0),
                5,
                Stroke::new(2.0, color.gamma_multiply(0.5)),
                egui::StrokeKind::Outside,
            );
        }
        if typing {
            return;
        }
        let below = y < frame.top() + 20.0;
        let anchor = if below { Align2::LEFT_TOP } else { Align2::LEFT_BOTTOM };
        // Clear of the ring that the line has while it has the keyboard.
        let spot = pos2(frame.left() + 8.0, if below { y + CLEAR } else { y - CLEAR });
        let galley = painter.layout_no_wrap(self.readout(), small_font(), color);
        let place = anchor.anchor_size(spot, galley.size());
        painter.rect_filled(place.expand2(vec2(4.0, 1.0)), 3, theme.card.gamma_multiply(0.85));
        painter.galley(place.min, galley, color);
    }

    fn readout(&self) -> String {
        let held = match self.held_back {
            None => String::new(),
            Some(1) => " · would have held back 1 request in this window".to_owned(),
            Some(held) => format!(" · would have held back {held} requests in this window"),
        };
        self.standing() + &held
    }

    fn standing(&self) -> String {
        match (self.value, self.applied) {
            (None, None) => "no soft cap · drag the handle to set one".to_owned(),
            (None, Some(applied)) => format!("off · applied {}", Short(applied)),
            (Some(value), Some(applied)) if value != applied => {
                format!("{} TPM · applied {}", Grouped(value), Short(applied))
            }
            (Some(value), _) => format!("soft cap {} TPM", Grouped(value)),
        }
    }
}

/// An exact value on its way.
#[derive(Clone)]
struct Typing {
    text: String,
    /// Its field has had the keyboard.
    was_reached: bool,
}

/// What is typed next replaces what stands there.
fn select_all(ui: &Ui, field: Id, text: &str) {
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), field).unwrap_or_default();
    let all = egui::text::CCursorRange::two(egui::text::CCursor::new(0), egui::text::CCursor::new(text.len()));
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), field);
}

/// Where a line is drawn.
#[derive(Clone, Copy)]
struct Place {
    frame: Rect,
    y: f32,
    /// Its value lies above the plot: an arrow at the edge stands for it.
    beyond: bool,
    dragged: bool,
    /// A field for an exact value is open, and stands where the words would.
    typing: bool,
}

fn arrows() -> egui::EventFilter {
    egui::EventFilter { vertical_arrows: true, ..egui::EventFilter::default() }
}

#[expect(clippy::cast_precision_loss, reason = "plots take floats; limits are far below 2^52")]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates and negatives are cut off"
)]
fn from_float(value: f64) -> u64 {
    value.max(0.0) as u64
}
