//! The waiting line over the last minutes, as a plot and as figures.
//!
//! Invariant: the plot says in words what it shows; a missing second is a gap.
//! Absent on purpose: zooming; a quarter of an hour is all there is.

use std::fmt::Write as _;
use std::time::Duration;

use egui::{Align2, Grid, Rect, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::contract::snapshot::LinePoint;
use crate::model::units::{Grouped, Timestamp};
use crate::ui::format::span;
use crate::ui::plots::{SWITCH, wants_table};
use crate::ui::theme::{Theme, Tone, gap, mono, small_font};
use crate::ui::widgets::note;

const HEIGHT: f32 = 64.0;
const MINUTE: u64 = 60;
/// So many seconds may be missed in a row by a busy computer.
const MISSED: u64 = 2;

/// Let go and refused in the last minute; `None`: too short a time is known.
pub(super) fn last_minute(points: &[LinePoint]) -> Option<(u64, u64)> {
    let last = points.last()?;
    let before = points.iter().rev().find(|point| point.second + MINUTE <= last.second).or_else(|| points.first())?;
    (before.second < last.second)
        .then(|| (last.admitted.saturating_sub(before.admitted), last.refused.saturating_sub(before.refused)))
}

/// Draws how many waited, second by second, up to `now`; or the table that says the same minute by minute.
pub(super) fn show(ui: &mut Ui, theme: &Theme, points: &[LinePoint], now: Timestamp) {
    ui.scope(|ui| {
        // Its right end holds the switch.
        ui.set_max_width(ui.available_width() - SWITCH);
        note(ui, theme, "How many waited, second by second");
    });
    if wants_table(ui, theme, "Waiting requests") {
        table(ui, theme, points, now);
    } else {
        plot(ui, theme, points, now);
    }
}

fn table(ui: &mut Ui, theme: &Theme, points: &[LinePoint], now: Timestamp) {
    note(ui, theme, &summary(points));
    ScrollArea::both().id_salt("waiting as table").max_height(HEIGHT * 3.0).show(ui, |ui| {
        Grid::new("waiting as table").striped(true).spacing([gap::XL, gap::S]).show(ui, |ui| {
            for heading in ["Minutes ago", "Most waiting", "Longest wait", "Let go", "Refused"] {
                note(ui, theme, heading);
            }
            ui.end_row();
            for (minute, row) in minutes(points, now).into_iter().enumerate() {
                ui.label(mono(if minute == 0 { "last".to_owned() } else { format!("{minute} to {}", minute + 1) }));
                match row {
                    Some(row) => {
                        ui.label(mono(Grouped(row.most.into()).to_string()));
                        ui.label(mono(span(row.longest)));
                        ui.label(mono(Grouped(row.admitted).to_string()));
                        ui.label(mono(Grouped(row.refused).to_string()));
                    }
                    None => {
                        ui.label(mono("nothing recorded"));
                    }
                }
                ui.end_row();
            }
        });
    });
}

/// A minute of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Minute {
    most: u32,
    longest: Duration,
    admitted: u64,
    refused: u64,
}

/// Minute by minute, the newest first, as far back as is known; `None`: nothing was recorded.
fn minutes(points: &[LinePoint], now: Timestamp) -> Vec<Option<Minute>> {
    let end = now.0 / 1_000_000;
    let age = points.first().map_or(0, |first| end.saturating_sub(first.second));
    let of = |minute: u64| {
        let (newest, oldest) = (end.saturating_sub(minute * MINUTE), end.saturating_sub((minute + 1) * MINUTE));
        let within = || points.iter().filter(|point| point.second > oldest && point.second <= newest);
        let last = within().next_back()?;
        let before = points.iter().rev().find(|point| point.second <= oldest).or_else(|| within().next())?;
        Some(Minute {
            most: within().map(|point| point.waiting).max()?,
            longest: within().map(|point| point.oldest).max()?,
            admitted: last.admitted.saturating_sub(before.admitted),
            refused: last.refused.saturating_sub(before.refused),
        })
    };
    (0..age.div_ceil(MINUTE).max(1)).map(of).collect()
}

fn plot(ui: &mut Ui, theme: &Theme, points: &[LinePoint], now: Timestamp) {
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::hover());
    let words = summary(points);
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, &words));
    let highest = points.iter().map(|point| point.waiting).max().unwrap_or(0);
    let most = highest.max(4);
    let end = now.0 / 1_000_000;
    let begin = points.first().map_or(end, |point| point.second).min(end.saturating_sub(MINUTE));
    let length = end.saturating_sub(begin);
    let painter = ui.painter().with_clip_rect(rect.expand(1.0));
    painter.rect_filled(rect, 4, theme.field);
    let x = |second: u64| rect.left() + rect.width() * share(second.saturating_sub(begin), length);
    let step = (rect.width() * share(1, length)).max(1.0);
    // What was not recorded is not a time in which nobody waited.
    for (from, to) in gaps(points, begin, end) {
        painter.rect_filled(Rect::from_x_y_ranges(x(from)..=x(to), rect.y_range()), 0, theme.edge);
    }
    let (area, edge) = (theme.wash(Tone::Throttled), theme.tone(Tone::Throttled));
    for point in points.iter().filter(|point| point.waiting > 0) {
        let top = rect.bottom() - (rect.height() - 14.0) * share(point.waiting.into(), most.into());
        let left = x(point.second);
        painter.rect_filled(Rect::from_min_max(pos2(left, top), pos2(left + step, rect.bottom())), 0, area);
        painter.line_segment([pos2(left, top), pos2(left + step, top)], Stroke::new(1.5, edge));
    }
    let label = |at, align, text: String| painter.text(at, align, text, small_font(), theme.text_faint);
    label(rect.left_top() + vec2(4.0, 1.0), Align2::LEFT_TOP, format!("at most {highest} waited"));
    let ago = span(Duration::from_secs(end.saturating_sub(begin)));
    label(rect.left_bottom() + vec2(4.0, -1.0), Align2::LEFT_BOTTOM, format!("{ago} ago"));
    label(rect.right_bottom() - vec2(4.0, 1.0), Align2::RIGHT_BOTTOM, "now".to_owned());
    response.on_hover_text(words);
}

/// From and to which second nothing was recorded: before the first point, and between points that are not neighbours.
fn gaps(points: &[LinePoint], begin: u64, end: u64) -> Vec<(u64, u64)> {
    let mut gaps = Vec::new();
    let mut next = begin;
    for second in points.iter().map(|point| point.second).chain([end]) {
        if second > next.saturating_add(MISSED) {
            gaps.push((next, second));
        }
        next = second.saturating_add(1);
    }
    gaps
}

/// A part of a whole, from 0 to 1.
fn share(part: u64, whole: u64) -> f32 {
    let parts = part.min(whole).saturating_mul(10_000) / whole.max(1);
    f32::from(u16::try_from(parts).unwrap_or(10_000)) / 10_000.0
}

/// `Waiting requests, last 10 min: now 2, at most 5, longest wait 9 s; 30 let go and 1 refused in the last minute`.
fn summary(points: &[LinePoint]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return "Waiting requests: nothing is known yet".to_owned();
    };
    let most = points.iter().map(|point| point.waiting).max().unwrap_or(0);
    let longest = points.iter().map(|point| point.oldest).max().unwrap_or_default();
    let time = span(Duration::from_secs(last.second.saturating_sub(first.second)));
    let mut text = format!(
        "Waiting requests, last {time}: now {}, at most {}, longest wait {}",
        Grouped(last.waiting.into()),
        Grouped(most.into()),
        span(longest)
    );
    if let Some((admitted, refused)) = last_minute(points) {
        let _ = write!(text, "; {} let go and {} refused in the last minute", Grouped(admitted), Grouped(refused));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: u64, waiting: u32, admitted: u64, refused: u64) -> LinePoint {
        LinePoint { second, waiting, oldest: Duration::from_secs(waiting.into()), admitted, refused }
    }

    #[test]
    fn the_last_minute_is_counted_from_the_point_a_minute_before() {
        let points = [point(0, 0, 100, 3), point(100, 5, 140, 4), point(101, 5, 141, 4), point(161, 2, 171, 5)];
        assert_eq!(last_minute(&points), Some((30, 1)));
        assert_eq!(last_minute(&points[..2]), Some((40, 1)));
        assert_eq!(last_minute(&points[..1]), None);
    }

    #[test]
    fn the_table_sums_up_each_minute_and_says_where_nothing_was_recorded() {
        let points = [point(0, 0, 100, 3), point(30, 5, 140, 4), point(150, 2, 171, 5), point(180, 1, 180, 5)];
        let told = minutes(&points, Timestamp::from_secs(180));
        let minute = |most: u32, admitted, refused| {
            Some(Minute { most, longest: Duration::from_secs(most.into()), admitted, refused })
        };
        assert_eq!(told, [minute(2, 40, 1), None, minute(5, 40, 1)]);
    }

    #[test]
    fn seconds_that_were_not_recorded_are_gaps() {
        let points = [point(10, 0, 0, 0), point(11, 0, 0, 0), point(13, 1, 0, 0), point(40, 0, 0, 0)];
        assert_eq!(gaps(&points, 0, 41), [(0, 10), (14, 40)], "one that was missed is none");
        assert_eq!(gaps(&points[3..], 40, 90), [(41, 90)]);
        assert_eq!(gaps(&[], 0, 60), [(0, 60)]);
    }

    #[test]
    fn the_plot_is_told_in_a_sentence() {
        let points = [point(0, 0, 100, 3), point(100, 5, 140, 4), point(101, 5, 141, 4), point(161, 2, 171, 5)];
        assert_eq!(
            summary(&points),
            "Waiting requests, last 2 min: now 2, at most 5, longest wait 5 s; 30 let go and 1 refused in the last minute"
        );
    }
}
