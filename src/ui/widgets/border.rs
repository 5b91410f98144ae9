//! A border between two parts of a bar, dragged or moved by keys to give to one what the other has.
//!
//! Invariant: what a drag asks for depends on where it began and where the pointer is, not on the way between.
//! Absent on purpose: who gives and who takes; the caller decides by the modifiers that are held.

use egui::accesskit::{Action, ActionData};
use egui::{CursorIcon, EventFilter, Id, Key, Modifiers, Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::ui::theme::Theme;

const STEP: u64 = 1_000;

/// What happened to a border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BorderEvent {
    /// The amount on its left is wanted to be this.
    To {
        /// The amount, not rounded.
        wanted: u64,
        /// What is held down.
        held: Modifiers,
    },
    /// The drag ended, or the border lost the keyboard.
    Released,
    /// Esc during a drag: what was there before is wanted back.
    Cancelled,
}

/// What a border did in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BorderOutput {
    /// What happened, if anything did.
    pub event: Option<BorderEvent>,
    /// A drag goes on.
    pub dragging: bool,
}

/// A border that can be moved.
#[derive(Clone, Copy, Debug)]
pub struct Border<'a> {
    /// Its accessible name, for example "Share of east-1".
    pub name: &'a str,
    /// The amount on its left.
    pub value: u64,
    /// Whether it can be moved.
    pub enabled: bool,
    /// Where it lies, in points.
    pub x: f32,
    /// The bar.
    pub bar: Rect,
    /// What the whole bar stands for.
    pub whole: u64,
}

impl Border<'_> {
    /// Draws the border over a bar that was just drawn and moves it.
    pub fn show(self, ui: &mut Ui, theme: &Theme) -> BorderOutput {
        let id = ui.make_persistent_id(("border", self.name));
        let strip = Rect::from_center_size(pos2(self.x, self.bar.center().y), vec2(12.0, self.bar.height() + 8.0));
        let sense = if self.enabled { Sense::click_and_drag() } else { Sense::hover() };
        let response = ui.interact(strip, id, sense);
        response.widget_info(|| WidgetInfo::slider(self.enabled, as_float(self.value), self.name));
        let lively = self.enabled && (response.hovered() || response.dragged() || response.has_focus());
        self.paint(ui, theme, lively);
        if !self.enabled {
            response.on_hover_text("Locked");
            return BorderOutput::default();
        }
        let dragging = response.dragged();
        let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        let mut event = self.dragged(ui, &response, id);
        if response.has_focus() {
            let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
            event = event.or_else(|| self.keyed(ui));
        }
        event = event.or_else(|| self.asked(ui, id));
        if event.is_none() && (response.drag_stopped() || response.lost_focus()) {
            event = Some(BorderEvent::Released);
        }
        if !dragging {
            response.on_hover_text(
                "Drag, or press ← → PgUp PgDn: trades with the neighbour. Shift: with what is spare. Alt (Ctrl with keys): \
                 with all that are not locked. Ctrl while dragging: not rounded to 1,000.",
            );
        }
        BorderOutput { event, dragging }
    }

    fn dragged(&self, ui: &Ui, response: &egui::Response, id: Id) -> Option<BorderEvent> {
        if response.drag_started() {
            let origin = ui.input(|input| input.pointer.press_origin()).unwrap_or(response.rect.center());
            ui.data_mut(|data| data.insert_temp(id, (origin.x, self.value)));
        }
        if (response.dragged() || response.drag_stopped()) && ui.input(|input| input.key_pressed(Key::Escape)) {
            return Some(BorderEvent::Cancelled);
        }
        let pointer = response.interact_pointer_pos().filter(|_| response.dragged())?;
        let (from, began) = ui.data(|data| data.get_temp::<(f32, u64)>(id))?;
        let moved = f64::from(pointer.x - from) / f64::from(self.bar.width().max(1.0)) * as_float(self.whole);
        let wanted = from_float(as_float(began) + moved);
        (wanted != self.value).then(|| BorderEvent::To { wanted, held: ui.input(|input| input.modifiers) })
    }

    fn keyed(&self, ui: &Ui) -> Option<BorderEvent> {
        let (up, down, held) = ui.input(|input| {
            let presses = |key| u64::try_from(input.num_presses(key)).unwrap_or(0);
            let up = presses(Key::ArrowRight) + 10 * presses(Key::PageUp);
            (up, presses(Key::ArrowLeft) + 10 * presses(Key::PageDown), input.modifiers)
        });
        // A free value is for the mouse; with keys Ctrl stands for Alt, whose arrows lead back and forward.
        let held = Modifiers { alt: held.command, ctrl: false, command: false, mac_cmd: false, ..held };
        self.stepped(up, down, held)
    }

    /// What a screen reader asked for.
    fn asked(&self, ui: &Ui, id: Id) -> Option<BorderEvent> {
        let (up, down, set) = ui.input(|input| {
            let steps = |action| u64::try_from(input.num_accesskit_action_requests(id, action)).unwrap_or(0);
            let set = input.accesskit_action_requests(id, Action::SetValue).find_map(|request| match request.data {
                Some(ActionData::NumericValue(number)) => Some(from_float(number)),
                _ => None,
            });
            (steps(Action::Increment), steps(Action::Decrement), set)
        });
        let to = |wanted| BorderEvent::To { wanted, held: Modifiers::NONE };
        set.map(to).or_else(|| self.stepped(up, down, Modifiers::NONE))
    }

    fn stepped(&self, up: u64, down: u64, held: Modifiers) -> Option<BorderEvent> {
        let wanted = self.value.saturating_add(up * STEP).saturating_sub(down * STEP);
        (wanted != self.value).then_some(BorderEvent::To { wanted, held })
    }

    fn paint(&self, ui: &Ui, theme: &Theme, lively: bool) {
        let color = if lively { theme.accent } else { theme.text_faint };
        let reach = self.bar.y_range();
        let width = if lively { 3.0 } else { 1.5 };
        ui.painter().vline(self.x, reach, Stroke::new(width, color));
        if self.enabled {
            let grip = Rect::from_center_size(pos2(self.x, self.bar.center().y), vec2(6.0, 18.0));
            ui.painter().rect_filled(grip, 3, color);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place on screen; amounts are far below 2^52")]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, negatives are cut off"
)]
fn from_float(value: f64) -> u64 {
    value.max(0.0).round() as u64
}
