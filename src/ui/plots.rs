//! The live plots of tokens and requests per minute over the last minutes: as many as there was traffic, at most 15.
//!
//! Invariant: a missing second is a gap, never a zero; each endpoint keeps its colour and dash on every plot.
//! Absent on purpose: zooming and panning, which would fight with draggable lines.

pub mod axis;
pub mod ends;
mod meaning;
mod most;
pub mod pin;
mod table;

use std::collections::BTreeMap;

use egui::{Role, Stroke, Ui, WidgetInfo, pos2};
use egui_plot::{FilledArea, GridMark, HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotTransform, PlotUi, Text};

pub use most::most;

use crate::contract::snapshot::{EndpointSeries, SeriesPoint};
use crate::model::units::{Grouped, Short};
use crate::ui::theme::{Dash, SeriesStyle, Theme, small_font};
use crate::ui::widgets::note;

/// Seconds shown at most.
pub const WINDOW: u64 = 900;
/// What can be shown, shortest first.
const WINDOWS: [u64; 3] = [120, 300, WINDOW];
/// Points kept free at the right for the names of lines.
const NAMES: f64 = 84.0;
/// How many times the top of its axis a line may reach. A limit can be thousands of times what is used, and a dashed line
/// that climbs there would be cut into a dash for every few points of the way.
const BEYOND: f64 = 2.0;
/// Seconds without a record from which on it is said that nothing was served.
const GAP: f64 = 3.0;
/// Points that saying so takes.
const GAP_WORDS: f64 = 76.0;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Tokens charged in the 60 s before.
    Tokens,
    /// Requests in the 60 s before.
    Requests,
}

impl Metric {
    /// `TPM` or `RPM`.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Tokens => "TPM",
            Self::Requests => "RPM",
        }
    }

    const fn of(self, point: &SeriesPoint) -> u64 {
        match self {
            Self::Tokens => point.tokens_used,
            Self::Requests => point.requests_used,
        }
    }
}

/// One second of a stream: seconds before now (negative), lower and upper edge.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    x: f64,
    low: f64,
    high: f64,
}

impl Mark {
    /// What it stands for, wherever it is drawn.
    fn amount(&self) -> f64 {
        self.high - self.low
    }
}

/// A named line or band, in runs without gaps.
#[derive(Clone, Debug)]
pub struct Stream {
    name: String,
    style: SeriesStyle,
    filled: bool,
    thin: bool,
    /// Where what an earlier run left ends, if it left anything.
    left: Option<f64>,
    runs: Vec<Vec<Mark>>,
}

impl Stream {
    /// What it is called at its end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn last(&self) -> Option<Mark> {
        self.runs.last().and_then(|run| run.last()).copied()
    }

    /// Lowest, mean and highest of a minute, counted back from now; `None`: nothing was recorded.
    fn minute(&self, minute: u64) -> Option<(f64, f64, f64)> {
        let (from, to) = (-as_float(minute * 60 + 59), -as_float(minute * 60));
        let marks = || self.runs.iter().flatten().filter(|mark| (from..=to).contains(&mark.x)).map(Mark::amount);
        let (low, high) = (marks().reduce(f64::min)?, marks().reduce(f64::max)?);
        let count = marks().fold(0.0, |count, _| count + 1.0);
        Some((low, marks().sum::<f64>() / count, high))
    }

    /// Stretches of at least [`GAP`] seconds within the stream of which nothing is recorded.
    fn gaps(&self) -> impl Iterator<Item = (f64, f64)> {
        let ends = self.runs.iter().filter_map(|run| run.last()).map(|mark| mark.x);
        let starts = self.runs.iter().skip(1).filter_map(|run| run.first()).map(|mark| mark.x);
        ends.zip(starts).filter(|(end, start)| start - end >= GAP)
    }

    fn highest(&self) -> f64 {
        self.runs.iter().flatten().map(|mark| mark.high).fold(0.0, f64::max)
    }
}

/// A level across the whole plot.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its name at the line.
    pub name: String,
    /// Where it lies.
    pub value: u64,
    /// Dashed, or thin and unbroken.
    pub dashed: bool,
}

/// How many seconds to show: no more than it takes to show all traffic there was.
#[must_use]
pub fn window(series: &[EndpointSeries], now: u64) -> u64 {
    let busy = |point: &&SeriesPoint| point.requests_used > 0 || point.tokens_used > 0;
    let first = series.iter().filter_map(|one| one.points().find(busy)).map(|point| point.second).min();
    let age = now.saturating_sub(first.unwrap_or(now));
    WINDOWS.into_iter().find(|window| age <= *window).unwrap_or(WINDOW)
}

/// Whether an endpoint did anything within the window.
#[must_use]
pub fn busy(one: &EndpointSeries, now: u64, window: u64) -> bool {
    let mut recent = one.points().rev().take_while(|point| point.second + window >= now);
    recent.any(|point| point.requests_used > 0 || point.tokens_used > 0)
}

/// The top of an axis that keeps `streams` readable: `line` is within it only if that does not press them flat.
#[must_use]
pub fn readable_top(streams: &[Stream], line: &Stream) -> f64 {
    let highest = streams.iter().map(Stream::highest).fold(0.0, f64::max);
    let limit = line.highest();
    let top = if highest < 1.0 || limit <= highest * 2.5 { limit.max(highest) } else { highest * 1.25 };
    (top * 1.1).max(10.0)
}

/// `last 2 min`.
#[must_use]
pub fn window_words(window: u64) -> String {
    format!("last {} min", window / 60)
}

/// What is said where less is shown than was chosen: there is nothing to show before.
fn short_of(window: u64) -> Option<String> {
    (window < WINDOW).then(|| format!("{}: none earlier", window_words(window)))
}

/// One line per endpoint.
#[must_use]
pub fn lines(theme: &Theme, series: &[&EndpointSeries], metric: Metric, now: u64) -> Vec<Stream> {
    let each = |one: &&EndpointSeries| stream(theme, one, false, now, |point| (0, metric.of(point)));
    series.iter().map(each).collect()
}

/// One band per endpoint, the next on top of the last.
#[must_use]
pub fn stacked(theme: &Theme, series: &[EndpointSeries], metric: Metric, now: u64) -> Vec<Stream> {
    let mut base: BTreeMap<u64, u64> = BTreeMap::new();
    let mut each = |one: &EndpointSeries| {
        stream(theme, one, true, now, |point| {
            let low = base.get(&point.second).copied().unwrap_or(0);
            let high = low.saturating_add(metric.of(point));
            base.insert(point.second, high);
            (low, high)
        })
    };
    series.iter().map(&mut each).collect()
}

/// The sum of the limits that can be used: resting and paused endpoints count as 0, unknown limits not at all.
#[must_use]
pub fn usable<'s>(theme: &Theme, series: impl Iterator<Item = &'s EndpointSeries>, now: u64) -> Stream {
    let mut sums: BTreeMap<u64, u64> = BTreeMap::new();
    for point in series.flat_map(EndpointSeries::points) {
        // Where no limit is known there is no line: 0 would say that nothing can be used.
        let Some(limit) = point.token_limit else { continue };
        let sum = sums.entry(point.second).or_default();
        *sum = sum.saturating_add(if point.health.serves(point.admin_state) { limit } else { 0 });
    }
    let style = SeriesStyle { color: theme.text_faint, dash: Dash::Dashed(6) };
    let name = sums.values().next_back().map_or_else(String::new, |sum| format!("usable {}", Short(*sum)));
    let seconds = sums.into_iter().map(|(second, sum)| (second, 0, sum));
    Stream { name, style, filled: false, thin: true, left: None, runs: runs(seconds, now) }
}

/// What is charged and reserved together: thin, above the line of what is charged.
#[must_use]
pub fn reserved(theme: &Theme, one: &EndpointSeries, now: u64) -> Stream {
    let taken = |point: &SeriesPoint| (0, point.tokens_used.saturating_add(point.tokens_reserved));
    let style = SeriesStyle { color: theme.text_faint, dash: Dash::Solid };
    Stream { name: "+ reserved".to_owned(), style, thin: true, ..stream(theme, one, false, now, taken) }
}

fn stream(
    theme: &Theme,
    one: &EndpointSeries,
    filled: bool,
    now: u64,
    mut edges: impl FnMut(&SeriesPoint) -> (u64, u64),
) -> Stream {
    let seconds = one.points().map(|point| {
        let (low, high) = edges(point);
        (point.second, low, high)
    });
    let left = one.earlier.last().filter(|point| point.second <= now).map(|point| -as_float(now - point.second));
    let style = theme.series(one.slot);
    Stream { name: one.id.to_string(), style, filled, thin: false, left, runs: runs(seconds, now) }
}

fn runs(seconds: impl Iterator<Item = (u64, u64, u64)>, now: u64) -> Vec<Vec<Mark>> {
    let mut runs: Vec<Vec<Mark>> = Vec::new();
    let mut before = None;
    for (second, low, high) in seconds.filter(|(second, _, _)| second + WINDOW >= now && *second <= now) {
        let mark = Mark { x: -as_float(now - second), low: as_float(low), high: as_float(high) };
        match runs.last_mut() {
            Some(run) if before == Some(second.saturating_sub(1)) => run.push(mark),
            _ => runs.push(vec![mark]),
        }
        before = Some(second);
    }
    runs
}

/// Points at the right end of a heading that the button for the table takes.
pub const SWITCH: f32 = 112.0;

/// A button beside the heading above that switches between a plot and its table; returns whether the table is wanted.
pub fn wants_table(ui: &mut Ui, theme: &Theme, name: &str) -> bool {
    table::switch(ui, theme, name)
}

/// A plot over the last minutes.
pub struct Chart<'a> {
    /// Tells plots apart; also the group of linked crosshairs' first part.
    pub id: &'a str,
    /// In words, for those who do not see it.
    pub summary: String,
    /// Height in points.
    pub height: f32,
    /// Seconds shown, see [`window`].
    pub window: u64,
    /// Its right end.
    pub now: pin::Now,
    /// What is counted.
    pub metric: Metric,
    /// Lines and bands, drawn in order.
    pub streams: Vec<Stream>,
    /// Levels.
    pub levels: Vec<Level>,
    /// The top of the y axis; `None`: as high as what is shown.
    pub top: Option<f64>,
}

impl Chart<'_> {
    /// The top of the y axis that shows everything.
    #[must_use]
    pub fn natural_top(&self) -> f64 {
        let streams = self.streams.iter().map(Stream::highest);
        let levels = self.levels.iter().map(|level| as_float(level.value));
        (streams.chain(levels).fold(0.0, f64::max) * 1.1).max(10.0)
    }

    /// Draws the plot, or the table that says the same; `None`: it is the table.
    pub fn show_or_table(self, ui: &mut Ui, theme: &Theme) -> Option<PlotTransform> {
        let name = self.summary.split(',').next().unwrap_or_default().to_owned();
        meaning::button(ui, theme, self.metric, &name);
        if table::switch(ui, theme, &name) {
            note(ui, theme, &self.summary);
            table::show(ui, theme, &self.streams, self.metric, self.window, self.height);
            return None;
        }
        Some(self.show(ui, theme))
    }

    /// Draws the plot and returns how its values map to the screen.
    pub fn show(self, ui: &mut Ui, theme: &Theme) -> PlotTransform {
        let top = self.top.unwrap_or_else(|| self.natural_top());
        let (unit, seconds) = (self.metric.unit(), as_float(self.window));
        let (window, now) = (self.window, self.now);
        let ends = self.ends(theme);
        let width = f64::from(ui.available_width());
        let margin = seconds * NAMES / (width - NAMES - f64::from(axis::WIDTH)).max(NAMES);
        let plot = still(self.id, theme)
            .height(self.height)
            .set_margin_fraction(egui::Vec2::ZERO)
            .x_grid_spacer(move |_| marks(window))
            // At the left end it would lie on the zero of the other axis.
            .x_axis_formatter(
                move |mark, _| if mark.value <= -seconds { String::new() } else { minute_label(mark.value) },
            )
            .y_grid_spacer(move |_| axis::levels(top))
            .y_axis_formatter(move |mark, _| axis::label(mark, top, unit))
            .link_cursor(egui::Id::unique("last minutes"), [true, false])
            .label_formatter(move |hover| hovered(hover, unit));
        let (streams, levels) = (self.streams, self.levels);
        axis::write_small(ui);
        let shown = plot.show(ui, |plot| {
            plot.set_plot_bounds_x(-seconds..=margin);
            plot.set_plot_bounds_y(0.0..=top);
            let unserved = unserved(&streams);
            let widest = unserved.iter().map(|(from, to, _)| to - from).fold(0.0, f64::max);
            for (from, to, words) in unserved {
                let band = FilledArea::new("", &[from, to], &[0.0, 0.0], &[top, top]).fill_color(theme.track);
                plot.add(band.allow_hover(false).stroke(Stroke::NONE));
                let middle = PlotPoint::new(f64::midpoint(from, to), top * 0.5);
                let words = egui::RichText::new(words).font(small_font());
                // Words of narrow bands would lie on the lines and on each other: those of the widest stand for all.
                let points = (to - from) * (width - NAMES - f64::from(axis::WIDTH)).max(NAMES) / seconds;
                if points > GAP_WORDS || to - from >= widest {
                    plot.text(Text::new("", middle, words).color(theme.text_faint).allow_hover(false));
                }
            }
            for level in &levels {
                draw_level(plot, theme, level, seconds);
            }
            for stream in &streams {
                draw(plot, stream, top * BEYOND);
            }
        });
        let summary = match short_of(window) {
            Some(words) => format!("{}; {words}", self.summary),
            None => self.summary,
        };
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, &summary));
        ends::names(ui, self.id, &shown.transform, &ends);
        if let Some(words) = short_of(window) {
            let corner = shown.transform.frame().left_top() + egui::vec2(8.0, 4.0);
            ui.painter().text(corner, egui::Align2::LEFT_TOP, words, small_font(), theme.text_faint);
        }
        pin::show(ui, theme, &shown.response, &shown.transform, now, window);
        shown.transform
    }

    /// What is written at the right end of each line.
    fn ends(&self, theme: &Theme) -> Vec<ends::End> {
        let streams = self.streams.iter().filter_map(|stream| {
            let mark = stream.last()?;
            let middle = if stream.filled { f64::midpoint(mark.low, mark.high) } else { mark.high };
            Some((stream.name.clone(), stream.style.color, middle))
        });
        let levels = self.levels.iter().map(|level| (level.name.clone(), theme.text_faint, as_float(level.value)));
        streams.chain(levels).collect()
    }
}

/// Stretches in which no stream has a record, and why: we were asleep, or did not run. Of those after which an earlier run left
/// nothing, it may have ended later: what it had not written is lost.
fn unserved(streams: &[Stream]) -> Vec<(f64, f64, &'static str)> {
    let silent = |stream: &Stream, (from, to): (f64, f64)| {
        stream.runs.iter().flatten().all(|mark| mark.x <= from || mark.x >= to)
    };
    let gaps = streams.first().into_iter().flat_map(Stream::gaps);
    let is_left = |end: f64| streams.iter().any(|stream| stream.left.is_some_and(|left| end <= left));
    let words = |end: f64| if is_left(end) { "nothing kept" } else { "not serving" };
    gaps.filter(|gap| streams.iter().all(|stream| silent(stream, *gap)))
        .map(|(from, to)| (from, to, words(from)))
        .collect()
}

/// Draws a stream; what lies above `ceiling` is drawn there, out of sight.
fn draw(plot: &mut PlotUi, stream: &Stream, ceiling: f64) {
    let color = stream.style.color;
    let style = match stream.style.dash {
        Dash::Solid => LineStyle::Solid,
        Dash::Dashed(length) => LineStyle::Dashed { length: f32::from(length) },
        Dash::Dotted(spacing) => LineStyle::Dotted { spacing: f32::from(spacing) },
    };
    for run in &stream.runs {
        if stream.filled {
            let column = |each: fn(&Mark) -> f64| run.iter().map(|mark| each(mark).min(ceiling)).collect::<Vec<f64>>();
            let (xs, lows, highs) = (column(|mark| mark.x), column(|mark| mark.low), column(|mark| mark.high));
            let band =
                FilledArea::new("", &xs, &lows, &highs).fill_color(color.gamma_multiply(0.22)).allow_hover(false);
            plot.add(band.stroke(Stroke::NONE));
        }
        let points: Vec<[f64; 2]> = run.iter().map(|mark| [mark.x, mark.high.min(ceiling)]).collect();
        plot.line(
            Line::new(stream.name.as_str(), points)
                .color(color)
                .width(if stream.thin { 0.75 } else { 1.5 })
                .style(style),
        );
    }
}

fn draw_level(plot: &mut PlotUi, theme: &Theme, level: &Level, seconds: f64) {
    let style = if level.dashed { LineStyle::Dashed { length: 6.0 } } else { LineStyle::Solid };
    let (left, y) = (-seconds, as_float(level.value));
    let line = Line::new(level.name.as_str(), vec![[left, y], [0.0, y]]).style(style).width(1.0);
    plot.line(line.color(theme.text_faint).allow_hover(false));
}

fn hovered(hover: &HoverPosition, unit: &str) -> Option<String> {
    match hover {
        HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
            let ago = from_float(-position.x);
            let value = Grouped(from_float(position.y));
            Some(format!("{plot_name}\n{value} {unit}\n{}:{:02} ago", ago / 60, ago % 60))
        }
        _ => None,
    }
}

/// Marks over the window, from its right end to its left one, which has no words.
fn marks(window: u64) -> Vec<GridMark> {
    let every = if window > 300 { 180 } else { window / 4 / 30 * 30 };
    let step = as_float(every);
    (0..=u32::try_from(window / every).unwrap_or(0))
        .map(|place| GridMark { value: -step * f64::from(place), step_size: step })
        .collect()
}

fn minute_label(value: f64) -> String {
    match from_float(-value) {
        0 => "now".to_owned(),
        seconds if seconds % 60 == 0 => format!("−{} min", seconds / 60),
        seconds => format!("−{seconds} s"),
    }
}

/// A sentence for those who do not see the plot.
#[must_use]
pub fn summary(name: &str, one: Option<&EndpointSeries>, metric: Metric) -> String {
    let values: Vec<u64> = one.into_iter().flat_map(EndpointSeries::points).map(|point| metric.of(point)).collect();
    let throttled: u64 = one
        .into_iter()
        .flat_map(EndpointSeries::points)
        .map(|point| u64::from(point.throttled))
        .fold(0, u64::saturating_add);
    let (now, peak) = (values.last().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
    let unit = metric.unit();
    format!(
        "{name}, last minutes: now {} {unit}, peak {} {unit}, throttled {throttled} times",
        Grouped(now),
        Grouped(peak)
    )
}

/// A line without axes, for a table's cell. `span` is now and how many seconds to show.
pub fn sparkline(
    ui: &mut Ui,
    theme: &Theme,
    one: Option<&EndpointSeries>,
    name: &str,
    (now, window): (u64, u64),
    size: egui::Vec2,
) {
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::hover());
    let words = summary(name, one, Metric::Tokens);
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, &words));
    let Some(one) = one else { return };
    let stream = stream(theme, one, false, now, |point| (0, point.tokens_used));
    let limit = one.points().next_back().and_then(|point| point.token_limit).map_or(0.0, as_float);
    let top = stream.highest().max(limit).max(1.0);
    let place = |mark: &Mark| {
        let x = egui::remap_clamp(mark.x, -as_float(window)..=0.0, f64::from(rect.left())..=f64::from(rect.right()));
        let y = egui::remap(mark.high, 0.0..=top, f64::from(rect.bottom() - 1.0)..=f64::from(rect.top() + 1.0));
        #[expect(clippy::cast_possible_truncation, reason = "a place on screen")]
        pos2(x as f32, y as f32)
    };
    for run in &stream.runs {
        let step = run.len().div_ceil(90).max(1);
        let points: Vec<egui::Pos2> = run.iter().step_by(step).map(place).collect();
        ui.painter().line(points, Stroke::new(1.25, stream.style.color));
    }
}

#[expect(clippy::cast_precision_loss, reason = "plots take floats; amounts are far below 2^52")]
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

/// A plot in our colours that stays where it is: what it shows is chosen beside it, not by dragging it.
#[must_use]
pub fn still<'a>(id: &str, theme: &Theme) -> Plot<'a> {
    Plot::new(id)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_background(false)
        .grid_color(theme.grid)
        .cursor_color(theme.others)
        .y_axis_min_width(axis::WIDTH)
}

#[cfg(test)]
#[path = "plots_tests.rs"]
mod tests;
