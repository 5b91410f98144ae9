//! Six hours and seven days of tokens or requests per minute, as at most two points per pixel and line.
//!
//! Invariant: zooming out hides no spike: a line is the mean, its band reaches from the lowest to the highest second; a gap
//! stays a gap, and a time in which nothing was sampled anywhere is said to be one without serving.
//! Absent on purpose: the last 15 minutes second by second (`plots`), and dragging.

mod plot;

use std::collections::BTreeSet;

use egui::Ui;
use egui_plot::PlotPoint;

use crate::contract::Snapshot;
use crate::contract::history::LongTrack;
use crate::model::history::{Bucket, Extent, Grain, thin};
use crate::model::id::EndpointId;
pub use crate::model::preferences::Reach;
use crate::ui::cx::PageCx;
use crate::ui::plots::Metric;
use crate::ui::stored::reading_words;
use crate::ui::theme::Theme;
use crate::ui::widgets::{loading, section};

/// Lines shown apart; the others are one line.
const LINES: usize = 6;

/// What a reach is made of; `None`: of seconds.
const fn grain(reach: Reach) -> Option<Grain> {
    match reach {
        Reach::Live => None,
        Reach::SixHours => Some(Grain::TenSeconds),
        Reach::SevenDays => Some(Grain::Minute),
    }
}

/// Buttons for how far back plots reach.
pub fn choose(ui: &mut Ui, each: &[Reach], reach: &mut Reach) {
    for one in each {
        let hint = format!("Let every plot show the last {}, as in the top bar", one.name());
        ui.selectable_value(reach, *one, one.name()).on_hover_text(hint);
    }
}

/// A line with its band, in runs without gaps. Places are seconds before the right edge, so not above zero.
#[derive(Clone, Debug, Default)]
struct Line {
    name: String,
    /// Its colour and dash; `None`: that of the others.
    slot: Option<usize>,
    mean: Vec<Vec<PlotPoint>>,
    low: Vec<Vec<f64>>,
    high: Vec<Vec<f64>>,
    /// The mean over everything shown, the highest second, and the service's 429s.
    figures: (u64, u64, u64),
}

/// What a plot shows, kept until something of it changes.
#[derive(Debug, Default)]
struct Drawn {
    from: (u64, u64, Reach, u64, Option<EndpointId>),
    lines: Vec<Line>,
    /// Times without serving, in seconds before the right edge.
    bands: Vec<(f64, f64)>,
    /// The right edge, in seconds since 1970, and the span in seconds.
    edge: u64,
    span: u64,
}

/// A plot of one metric.
#[derive(Debug, Default)]
pub struct LongPlot {
    drawn: Drawn,
    as_table: bool,
}

/// What is plotted.
pub struct Wanted<'a> {
    /// Tells plots apart.
    pub id: &'static str,
    /// Tokens or requests.
    pub metric: Metric,
    /// How far back; [`Reach::Live`] shows nothing.
    pub reach: Reach,
    /// This endpoint alone; `None`: those with the most traffic.
    pub endpoint: Option<&'a EndpointId>,
}

impl LongPlot {
    /// Shows the plot, its table, and what it says in words.
    pub fn show(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, wanted: &Wanted) {
        let Some(grain) = grain(wanted.reach) else { return };
        self.follow(snapshot, wanted, grain, whole(ui.available_width()));
        if self.drawn.lines.is_empty() && snapshot.history.reading {
            loading(ui, theme, egui::Id::unique(("read", wanted.id)), 6, &reading_words(snapshot));
            return;
        }
        plot::show(ui, theme, wanted, &self.drawn, &mut self.as_table);
    }

    /// Works out the lines anew if the buckets, the edge, the reach or the width changed.
    fn follow(&mut self, snapshot: &Snapshot, wanted: &Wanted, grain: Grain, pixels: u64) {
        // Columns stand at fixed times, or lines would shiver while time goes on.
        let column = grain.span().div_ceil(pixels.max(100)).next_multiple_of(grain.seconds());
        let edge = (snapshot.wall_ms / 1_000).next_multiple_of(column);
        let from = (snapshot.history.long.generation, edge, wanted.reach, column, wanted.endpoint.cloned());
        if self.drawn.from == from {
            return;
        }
        let span = grain.span().next_multiple_of(column);
        let tracks = &snapshot.history.long.tracks;
        let mine = |track: &&LongTrack| wanted.endpoint.is_none_or(|id| track.id == *id);
        let thinned: Vec<(&EndpointId, Vec<Bucket>)> = tracks
            .iter()
            .filter(mine)
            .map(|track| (&track.id, thin(track.buckets(grain), (edge.saturating_sub(span), edge), span / column)))
            .collect();
        let slot_of = |id: &EndpointId| snapshot.series.endpoints.iter().find(|one| one.id == *id).map(|one| one.slot);
        let bands = without(&thinned, column, edge);
        let lines = lines(thinned, wanted.metric, (column, edge), slot_of);
        self.drawn = Drawn { from, lines, bands, edge, span };
    }
}

/// An endpoint's hours or days, below its live plots.
#[derive(Debug, Default)]
pub struct Earlier {
    plot: LongPlot,
}

impl Earlier {
    /// Shows them with a choice of how far back; it is the one of all plots.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointId) {
        section(ui, cx.theme, "Tokens per minute, earlier", |ui| {
            // The plots above are the last minutes already.
            let mut reach = if cx.preferences.reach == Reach::SevenDays { Reach::SevenDays } else { Reach::SixHours };
            let before = reach;
            ui.horizontal_wrapped(|ui| choose(ui, &[Reach::SixHours, Reach::SevenDays], &mut reach));
            if reach != before {
                cx.preferences.reach = reach;
            }
            let wanted =
                Wanted { id: "endpoint tokens, earlier", metric: Metric::Tokens, reach, endpoint: Some(endpoint) };
            self.plot.show(ui, cx.theme, cx.snapshot, &wanted);
        });
    }
}

/// One line each for those with the most traffic, in the order of their tracks, and one for the others together.
fn lines(
    thinned: Vec<(&EndpointId, Vec<Bucket>)>,
    metric: Metric,
    at: (u64, u64),
    slot_of: impl Fn(&EndpointId) -> Option<usize>,
) -> Vec<Line> {
    let weight =
        |buckets: &[Bucket]| buckets.iter().map(|bucket| number(bucket, metric).sum).fold(0, u64::saturating_add);
    let mut busiest: Vec<(u64, usize)> = thinned
        .iter()
        .enumerate()
        .map(|(place, (_, buckets))| (weight(buckets), place))
        .filter(|(sum, _)| *sum > 0)
        .collect();
    busiest.sort_unstable_by_key(|(sum, place)| (std::cmp::Reverse(*sum), *place));
    let apart: BTreeSet<usize> = busiest.into_iter().take(LINES).map(|(_, place)| place).collect();
    let (mut lines, mut others) = (Vec::new(), Vec::new());
    for (place, (id, buckets)) in thinned.into_iter().enumerate() {
        if apart.contains(&place) {
            lines.push(line(id.to_string(), slot_of(id), &buckets, metric, at));
        } else {
            others.push(buckets);
        }
    }
    let others = sum_of(others);
    if weight(&others) > 0 {
        lines.push(line("others".to_owned(), None, &others, metric, at));
    }
    lines
}

/// Adds up what several endpoints had at the same times.
fn sum_of(all: Vec<Vec<Bucket>>) -> Vec<Bucket> {
    let mut by_start = std::collections::BTreeMap::<u64, Bucket>::new();
    for bucket in all.into_iter().flatten() {
        let sum = by_start.entry(bucket.start).or_insert(Bucket {
            tokens: Extent { sum: 0, min: 0, max: 0 },
            requests: Extent { sum: 0, min: 0, max: 0 },
            throttled: 0,
            ..bucket
        });
        for (mine, theirs) in [(&mut sum.tokens, bucket.tokens), (&mut sum.requests, bucket.requests)] {
            mine.sum = mine.sum.saturating_add(theirs.sum);
            mine.min = mine.min.saturating_add(theirs.min);
            mine.max = mine.max.saturating_add(theirs.max);
        }
        sum.throttled = sum.throttled.saturating_add(bucket.throttled);
    }
    by_start.into_values().collect()
}

fn line(name: String, slot: Option<usize>, buckets: &[Bucket], metric: Metric, (column, edge): (u64, u64)) -> Line {
    let mut line = Line { name, slot, ..Line::default() };
    let (mut sum, mut count) = (0_u64, 0_u64);
    let near = |one: &Bucket, next: &Bucket| next.start.saturating_sub(one.start) < 2 * column;
    for run in buckets.chunk_by(near) {
        let value = |bucket: &Bucket| number(bucket, metric);
        let place = |bucket: &Bucket| -float(edge.saturating_sub(bucket.start));
        line.mean.push(run.iter().map(|one| PlotPoint::new(place(one), float(one.mean(value(one))))).collect());
        line.low.push(run.iter().map(|one| f64::from(value(one).min)).collect());
        line.high.push(run.iter().map(|one| f64::from(value(one).max)).collect());
    }
    for bucket in buckets {
        let value = number(bucket, metric);
        (sum, count) = (sum.saturating_add(value.sum), count.saturating_add(bucket.count.into()));
        line.figures.1 = line.figures.1.max(value.max.into());
        line.figures.2 = line.figures.2.saturating_add(bucket.throttled.into());
    }
    line.figures.0 = sum / count.max(1);
    line
}

/// Times between the first and the last bucket in which no endpoint has one.
fn without(thinned: &[(&EndpointId, Vec<Bucket>)], column: u64, edge: u64) -> Vec<(f64, f64)> {
    let covered: BTreeSet<u64> =
        thinned.iter().flat_map(|(_, buckets)| buckets.iter().map(|bucket| bucket.start / column)).collect();
    let before_edge = |place: u64| -float(edge.saturating_sub(place * column));
    let pairs = covered.iter().zip(covered.iter().skip(1));
    pairs
        .filter(|(one, next)| **next > **one + 1)
        .map(|(one, next)| (before_edge(one + 1), before_edge(*next)))
        .collect()
}

const fn number(bucket: &Bucket, metric: Metric) -> Extent {
    match metric {
        Metric::Tokens => bucket.tokens,
        Metric::Requests => bucket.requests,
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds and tokens are far below 2^52")]
const fn float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates; sizes are not negative"
)]
const fn whole(points: f32) -> u64 {
    points as u64
}

#[cfg(test)]
#[path = "long_tests.rs"]
mod tests;
