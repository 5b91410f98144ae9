//! The headroom bar: used solid, reserved hatched, what has drained faint, soft cap as a tick, the limit as the end.
//!
//! Invariant: the bar says in words what it shows in shapes.
//! Absent on purpose: what the amounts mean; the caller names the bar.

use egui::{CornerRadius, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::model::units::Grouped;
use crate::ui::theme::{Theme, Tone};

/// What a bar shows.
#[derive(Clone, Copy, Debug)]
pub struct Bar<'a> {
    /// Its accessible name, for example "Tokens of east-1".
    pub name: &'a str,
    /// Taken for good.
    pub used: u64,
    /// Taken for now.
    pub reserved: u64,
    /// Used within the last minute and free again, since the limit drains.
    pub drained: u64,
    /// The end of the bar; `None`: unknown, and nothing is filled.
    pub limit: Option<u64>,
    /// A lower ceiling within it.
    pub soft_cap: Option<u64>,
    /// The colour of what is used.
    pub tone: Tone,
}

impl Bar<'_> {
    fn words(&self) -> String {
        let Self { name, used, reserved, .. } = self;
        let limit = self.limit.map_or_else(|| ", limit unknown".to_owned(), |limit| format!(" of {}", Grouped(limit)));
        let cap = self.soft_cap.map(|cap| format!(", soft cap {}", Grouped(cap))).unwrap_or_default();
        let drained = match self.drained {
            0 => String::new(),
            drained => format!(", {} more in the last minute that are free again", Grouped(drained)),
        };
        format!("{name}: {} used, {} reserved{limit}{cap}{drained}", Grouped(*used), Grouped(*reserved))
    }

    fn share(&self, amount: u64) -> f32 {
        let limit = self.limit.unwrap_or(0).max(1);
        let permille = u128::from(amount) * 1_000 / u128::from(limit);
        f32::from(u16::try_from(permille.min(1_000)).unwrap_or(1_000)) / 1_000.0
    }
}

/// Draws a bar `width` points wide and 10 high; hovering tells the numbers.
pub fn headroom_bar(ui: &mut Ui, theme: &Theme, width: f32, bar: &Bar) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width.max(16.0), 10.0), Sense::hover());
    let words = bar.words();
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, &words);
        info.value = Some(f64::from(bar.share(bar.used.saturating_add(bar.reserved)) * 100.0));
        info
    });
    if ui.is_rect_visible(rect) {
        paint(ui, theme, rect, bar);
    }
    response.on_hover_text(words)
}

fn paint(ui: &Ui, theme: &Theme, rect: Rect, bar: &Bar) {
    let painter = ui.painter().with_clip_rect(rect.expand(3.0).intersect(ui.clip_rect()));
    let round = CornerRadius::same(3);
    painter.rect_filled(rect, round, theme.track);
    if bar.limit.is_some() {
        // Calm while all is well: green would cover the page, and a full first choice is no alarm.
        let calm = matches!(bar.tone, Tone::Ok | Tone::Quiet | Tone::Near);
        let color = if calm { theme.fill } else { theme.tone(bar.tone) };
        let used = rect.left() + rect.width() * bar.share(bar.used);
        let taken = rect.left() + rect.width() * bar.share(bar.used.saturating_add(bar.reserved));
        if bar.drained > 0 {
            let minute = rect.left() + rect.width() * bar.share(bar.used.saturating_add(bar.drained));
            let passed = Rect::from_min_max(rect.min, pos2(minute, rect.bottom()));
            painter.rect_filled(passed, round, color.gamma_multiply(0.45));
        }
        painter.rect_filled(Rect::from_min_max(rect.min, pos2(used, rect.bottom())), round, color);
        hatch(&painter, Rect::from_min_max(pos2(used, rect.top()), pos2(taken, rect.bottom())), color);
    }
    if let Some(cap) = bar.soft_cap {
        let x = rect.left() + rect.width() * bar.share(cap);
        painter.line_segment([pos2(x, rect.top() - 2.0), pos2(x, rect.bottom() + 2.0)], Stroke::new(2.0, theme.text));
    }
}

/// Diagonal strokes within `rect`, wider apart where there is more room.
pub(in crate::ui) fn hatch(painter: &egui::Painter, rect: Rect, color: egui::Color32) {
    if rect.width() <= 0.0 {
        return;
    }
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let step = if rect.height() > 24.0 { 10.0 } else { 4.0 };
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        let foot = pos2(x, rect.bottom());
        painter.line_segment([foot, foot + vec2(rect.height(), -rect.height())], Stroke::new(1.5, color));
        x += step;
    }
}
