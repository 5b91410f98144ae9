//! What stands where something is still being read: grey rows, after a second words, and after three it is told to be long.
//!
//! Invariant: what comes at once shows neither, so nothing flashes; nothing moves.
//! Absent on purpose: breaking it off; whoever reads can.

use std::time::Duration;

use egui::{Id, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use super::note;
use crate::ui::theme::{Theme, gap};

/// When rows and words come, in seconds after the beginning.
const ROWS: f64 = 0.15;
const WORDS: f64 = 1.0;
const LONG: f64 = 3.0;
/// Not shown for so many seconds, it begins anew.
const FORGOTTEN: f64 = 1.0;
const HEIGHT: f32 = 14.0;

/// Shows that `words` is being done, with as many rows as are to come. Returns whether it takes long.
pub fn loading(ui: &mut Ui, theme: &Theme, id: Id, rows: usize, words: &str) -> bool {
    let age = age(ui.ctx(), id);
    let (rect, response) = ui.allocate_exact_size(room(ui, rows), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, words));
    if age >= ROWS {
        // Of unlike lengths, as what comes will be.
        for (place, share) in (0..rows).zip([0.92_f32, 0.78, 0.86, 0.7].into_iter().cycle()) {
            #[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
            let top = rect.top() + place as f32 * (HEIGHT + gap::M);
            let row = Rect::from_min_size(egui::pos2(rect.left(), top), vec2(rect.width() * share, HEIGHT));
            ui.painter().rect_filled(row, 4, theme.track);
        }
    }
    if age >= WORDS {
        note(ui, theme, words);
    }
    let next = [ROWS, WORDS, LONG].into_iter().find(|at| *at > age);
    if let Some(next) = next {
        ui.ctx().request_repaint_after(Duration::from_secs_f64(next - age));
    }
    age >= LONG
}

fn room(ui: &Ui, rows: usize) -> egui::Vec2 {
    #[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
    let height = rows as f32 * (HEIGHT + gap::M);
    vec2(ui.available_width(), height)
}

/// How long it has been shown, in seconds.
fn age(ctx: &egui::Context, id: Id) -> f64 {
    let now = ctx.input(|input| input.time);
    ctx.data_mut(|data| {
        let (began, seen) = data.get_temp::<(f64, f64)>(id).unwrap_or((now, now));
        let began = if now - seen > FORGOTTEN { now } else { began };
        data.insert_temp(id, (began, now));
        now - began
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[test]
    fn rows_come_after_a_moment_words_after_a_second_and_then_no_frame_is_asked_for() {
        let mut harness = Harness::builder().with_step_dt(0.01).with_context_setup(theme::install).build_ui(|ui| {
            if loading(ui, Theme::of(ui.ctx()), Id::unique("test"), 3, "Reading the history…") {
                ui.label("long");
            }
        });
        let rows = |harness: &Harness| {
            let filled = |shape: &egui::epaint::ClippedShape| matches!(&shape.shape, egui::Shape::Rect(rect) if (rect.rect.height() - HEIGHT).abs() < 0.1);
            harness.output().shapes.iter().filter(|shape| filled(shape)).count()
        };
        assert_eq!(rows(&harness), 0, "what comes at once does not flash");
        harness.run_steps(20);
        assert_eq!(rows(&harness), 3);
        let words = |harness: &Harness| harness.query_by_role_and_label(Role::Label, "Reading the history…").is_some();
        assert!(!words(&harness));
        assert!(harness.query_by_role_and_label(Role::ProgressIndicator, "Reading the history…").is_some());
        harness.run_steps(100);
        assert!(words(&harness));
        assert!(harness.query_by_label("long").is_none());
        harness.run_steps(200);
        assert!(harness.query_by_label("long").is_some());
        let wanted = harness.output().viewport_output.values().map(|viewport| viewport.repaint_delay).min();
        assert!(wanted.is_some_and(|delay| delay > Duration::from_secs(60)), "{wanted:?}");
    }
}
