//! A state timeline: one row of spans, each with a colour and a pattern.
//!
//! Invariant: states differ in pattern, not in colour alone; a gap stays empty.
//! Absent on purpose: which state a span stands for; the caller names it.

use egui::{Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::bar::hatch;
use crate::ui::theme::{Theme, Tone};

/// A stretch of one state, in whatever unit the lane's range has (`end` excluded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSpan {
    /// Where it begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// Colour and pattern.
    pub tone: Tone,
    /// Shown on hover.
    pub word: String,
}

/// Draws the spans over `range` as wide as `width`; `name` is the accessible name.
pub fn state_lane(
    ui: &mut Ui,
    theme: &Theme,
    name: &str,
    width: f32,
    range: (u64, u64),
    spans: &[LaneSpan],
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width.max(24.0), 12.0), Sense::hover());
    let now = spans.last().map_or("nothing recorded", |span| span.word.as_str());
    let words = format!("{name}: {now}");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    let place = |at: u64| rect.left() + rect.width() * share(at, range);
    ui.painter().rect_filled(rect, 2, theme.track.gamma_multiply(0.5));
    for span in spans {
        let stretch = Rect::from_min_max(pos2(place(span.start), rect.top()), pos2(place(span.end), rect.bottom()));
        fill(ui, theme, stretch, span.tone);
    }
    let under = response
        .hover_pos()
        .and_then(|pointer| spans.iter().find(|span| (place(span.start)..=place(span.end)).contains(&pointer.x)));
    match under {
        Some(span) => response.clone().on_hover_text(format!("{name}: {}", span.word)),
        None => response,
    }
}

fn share(at: u64, (from, to): (u64, u64)) -> f32 {
    let length = to.saturating_sub(from).max(1);
    let permyriad = u128::from(at.clamp(from, to) - from) * 10_000 / u128::from(length);
    f32::from(u16::try_from(permyriad).unwrap_or(10_000)) / 10_000.0
}

fn fill(ui: &Ui, theme: &Theme, rect: Rect, tone: Tone) {
    let (painter, color) = (ui.painter(), theme.tone(tone));
    match tone {
        Tone::Ok => {
            painter.rect_filled(rect, 2, theme.fill.gamma_multiply(0.6));
        }
        Tone::Near => dots(painter, rect, color),
        Tone::Throttled => hatch(painter, rect, color),
        Tone::Error => {
            hatch(painter, rect, color);
            let middle = rect.center().y;
            painter.line_segment([pos2(rect.left(), middle), pos2(rect.right(), middle)], Stroke::new(2.0, color));
        }
        Tone::Info | Tone::Off => {
            painter.rect_stroke(rect, 2, Stroke::new(1.0, color), egui::StrokeKind::Inside);
        }
        Tone::Quiet => {
            painter.rect_stroke(rect, 2, Stroke::new(1.0, theme.edge), egui::StrokeKind::Inside);
        }
    }
}

fn dots(painter: &egui::Painter, rect: Rect, color: egui::Color32) {
    let mut x = rect.left() + 2.0;
    while x < rect.right() {
        painter.circle_filled(pos2(x, rect.top() + 4.0), 1.2, color);
        painter.circle_filled(pos2(x + 2.5, rect.bottom() - 4.0), 1.2, color);
        x += 5.0;
    }
}
