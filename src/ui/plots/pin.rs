//! The crosshair that a click holds: one moment on every plot of the last minutes, and the way to its requests.
//!
//! Invariant: at most one moment is held; Esc lets go of it, and so does time when it has left the window.
//! Absent on purpose: the crosshair under the pointer; the plots link theirs.

use egui::{Align2, EventFilter, Id, Key, Modifiers, Rect, Response, Stroke, Ui, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use super::{as_float, from_float};
use crate::contract::Snapshot;
use crate::ui::format::{clock_time, plain_time};
use crate::ui::theme::{Theme, small_font};

/// Seconds on either side of the moment whose requests are shown.
pub const AROUND: u64 = 5;
/// Size of the button at the line, in points.
const BUTTON: egui::Vec2 = vec2(136.0, 24.0);

/// The right end of a plot.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// On the brain's clock.
    second: u64,
    wall_ms: u64,
}

impl Now {
    /// Of a snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { second: snapshot.at.0 / 1_000_000, wall_ms: snapshot.wall_ms }
    }
}

fn held() -> Id {
    Id::unique("moment that plots hold")
}

fn wanted() -> Id {
    Id::unique("requests of a moment")
}

/// The filter of the requests the person asked for at a line, taken once.
#[must_use]
pub fn asked(ctx: &egui::Context) -> Option<String> {
    ctx.data_mut(|data| data.remove_temp::<String>(wanted()))
}

/// Holds the moment that was clicked or chosen by arrows, and draws the one that is held.
pub(super) fn show(ui: &mut Ui, theme: &Theme, plot: &Response, transform: &PlotTransform, now: Now, window: u64) {
    let before = ui.data(|data| data.get_temp::<u64>(held()));
    let after = chosen(ui, plot, transform, now, before).filter(|second| now.second.saturating_sub(*second) <= window);
    if after != before {
        ui.data_mut(|data| match after {
            Some(second) => drop(data.insert_temp(held(), second)),
            None => drop(data.remove_temp::<u64>(held())),
        });
        ui.ctx().request_repaint();
    }
    if let Some(second) = after {
        draw(ui, theme, plot, transform, now, now.second.saturating_sub(second));
    }
}

/// The moment to hold from now on.
fn chosen(ui: &Ui, plot: &Response, transform: &PlotTransform, now: Now, before: Option<u64>) -> Option<u64> {
    let alone = ui.ctx().dragged_id().is_none() && ui.memory(|memory| memory.top_modal_layer().is_none());
    if before.is_some() && alone && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
        return None;
    }
    if plot.clicked() {
        let Some(at) = plot.interact_pointer_pos() else { return Some(now.second) };
        let ago = from_float(-transform.value_from_position(at).x);
        return Some(now.second.saturating_sub(ago));
    }
    if plot.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(plot.id, filter));
        let at = before.unwrap_or(now.second);
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        if pressed(Key::ArrowLeft) {
            return Some(at.saturating_sub(1));
        }
        if pressed(Key::ArrowRight) {
            return Some(at.saturating_add(1).min(now.second));
        }
    }
    before
}

fn draw(ui: &mut Ui, theme: &Theme, plot: &Response, transform: &PlotTransform, now: Now, ago: u64) {
    let frame = *transform.frame();
    let x = transform.position_from_point(&PlotPoint::new(-as_float(ago), 0.0)).x;
    ui.painter().vline(x, frame.y_range(), Stroke::new(1.5, theme.accent));
    let moment = now.wall_ms.saturating_sub(ago.saturating_mul(1_000));
    let time = clock_time(moment);
    let left = if x + BUTTON.x + 4.0 > frame.right() { x - BUTTON.x - 4.0 } else { x + 4.0 };
    let rect = Rect::from_min_size(pos2(left, frame.top() + 2.0), BUTTON);
    let name = format!("Show the requests around {time}");
    let response = ui.interact(rect, plot.id.with("requests of the moment"), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    let edge = if response.hovered() || response.has_focus() { theme.accent } else { theme.edge };
    ui.painter().rect(rect, 4.0, theme.raised, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
    let words = format!("{time} requests");
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, words, small_font(), theme.text);
    if response.on_hover_text(format!("{name}; Esc lets go of the line")).clicked() {
        let filter = format!("at:{} since:12h", plain_time(moment));
        ui.data_mut(|data| data.insert_temp(wanted(), filter));
    }
}
