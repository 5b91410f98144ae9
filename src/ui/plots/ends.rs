//! Names at the right ends of lines.
//!
//! Invariant: none covers another, none is cut at the plot's edge; a name too long for its room keeps its beginning and its
//! end, and is whole on hover and to screen readers.
//! Absent on purpose: what a line stands for.

use egui::{Align2, Color32, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use crate::ui::theme::small_font;
use crate::ui::widgets::middle;

/// A line's end: its name, its colour, and its value.
pub type End = (String, Color32, f64);

/// Half the height of a name at a line's end, in points.
const HALF: f32 = 7.0;

/// Writes the names where time is now, right of it. `chart` tells the plot from the others of its page.
pub fn names(ui: &Ui, chart: &str, plot: &PlotTransform, ends: &[End]) {
    let frame = *plot.frame();
    let mut placed: Vec<(f32, &str, Color32)> = ends
        .iter()
        .map(|(name, color, value)| (plot.position_from_point(&PlotPoint::new(0.0, *value)).y, name.as_str(), *color))
        .collect();
    placed.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut heights: Vec<f32> = placed.iter().map(|(y, ..)| *y).collect();
    apart(&mut heights, frame.y_range());
    let left = plot.position_from_point(&PlotPoint::new(0.0, 0.0)).x + 6.0;
    let room = Rect::from_min_max(pos2(left, frame.top()), frame.max);
    let seen = room.expand2(vec2(0.0, 4.0)).intersect(ui.clip_rect());
    let painter = ui.painter().with_clip_rect(seen);
    let font = small_font();
    for ((_, name, color), y) in placed.into_iter().zip(heights) {
        let shown = middle(ui, name, &font, room.width());
        let rect = painter.text(pos2(left, y), Align2::LEFT_CENTER, &shown, font.clone(), color);
        if shown != name {
            let id = ui.scope_id().with(("end of line", chart, name));
            let whole = ui.interact(rect.intersect(seen), id, Sense::hover());
            whole.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
            whole.on_hover_text(name);
        }
    }
}

/// Moves the middles of names, from top to bottom, so that none covers the next and all are within `room`; where there is
/// too little of it, the lowest ones leave it.
fn apart(heights: &mut [f32], room: egui::Rangef) {
    let mut floor = room.max + 4.0;
    for y in heights.iter_mut().rev() {
        *y = y.min(floor - HALF);
        floor = *y - HALF;
    }
    let mut ceiling = room.min;
    for y in heights {
        *y = y.max(ceiling + HALF);
        ceiling = *y + HALF;
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use egui_plot::Plot;

    use super::*;
    use crate::ui::theme;

    #[test]
    fn a_name_cut_at_two_plots_is_whole_at_each() {
        let name = "a-deployment-in-a-region-far-away-with-a-name-far-too-long";
        let ends = [(name.to_owned(), Color32::GRAY, 1.0)];
        let harness = Harness::builder().with_context_setup(theme::install).build_ui(|ui| {
            for chart in ["tokens", "requests"] {
                let shown = Plot::new(chart).height(120.0).show(ui, |plot| {
                    plot.set_plot_bounds_x(-60.0..=10.0);
                    plot.set_plot_bounds_y(0.0..=2.0);
                });
                names(ui, chart, &shown.transform, &ends);
            }
        });
        assert_eq!(harness.query_all_by_label(name).count(), 2);
    }

    #[test]
    fn names_at_the_upper_edge_move_down_and_keep_apart() {
        let room = egui::Rangef::new(100.0, 300.0);
        let moved = |mut heights: Vec<f32>| {
            apart(&mut heights, room);
            heights
        };
        assert_eq!(moved(vec![98.0, 101.0, 103.0]), [107.0, 121.0, 135.0], "none is cut at the edge");
        assert_eq!(moved(vec![150.0, 200.0]), [150.0, 200.0]);
        assert_eq!(moved(vec![299.0, 300.0]), [283.0, 297.0], "the lower edge has a little more room");
    }
}
