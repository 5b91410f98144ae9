//! What was measured of the window, as a table, and its place in the paper.
//!
//! Invariant: every ratio is the median of ratios within a pair, so that a busy machine bends both sides alike.
//! Absent on purpose: failing. A busy machine would; the marks stand beside the ratios.

use std::fmt;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::floor::report::median;

const BEGIN: &str = "<!-- window: written by `cargo bench --bench window -- --write` -->\n";
const END: &str = "<!-- end of window -->";

/// What the window does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Open, and out of sight.
    Hidden,
    /// The Overview is looked at while traffic flows, and nobody touches it: one frame a second.
    Watched,
    /// The same, and the pointer moves now and then: four frames a second and more.
    Touched,
    /// Nobody touches it, and nothing is rasterised: what is left where a graphics card does that.
    Unrasterised,
    /// A soft cap is pulled up and down, sixty times a second.
    Dragged,
}

impl State {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 5] = [Self::Hidden, Self::Watched, Self::Unrasterised, Self::Touched, Self::Dragged];

    const fn name(self) -> &'static str {
        match self {
            Self::Hidden => "idle, out of sight",
            Self::Watched => "looked at under traffic",
            Self::Touched => "with the pointer moving over it",
            Self::Unrasterised => "the same, nothing rasterised",
            Self::Dragged => "a limit dragged at 60 Hz",
        }
    }

    /// What p50, p99 and peak may be, as parts of what they are without a window; `None`: reported only.
    const fn marks(self) -> Option<[f64; 3]> {
        match self {
            Self::Hidden | Self::Unrasterised => Some([1.05, 1.05, 0.95]),
            Self::Watched | Self::Touched => Some([1.05, 1.5, 0.95]),
            Self::Dragged => None,
        }
    }
}

/// One measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Microseconds from due to answered, in the middle.
    pub(crate) p50: f64,
    /// The same of the slowest hundredth.
    pub(crate) p99: f64,
    /// Requests a second over 32 connections that never rest.
    pub(crate) peak: f64,
    /// Percent of a core that drew while latencies were taken.
    pub(crate) drawing: f64,
}

/// A measure with the window and its neighbour without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// What the window did.
    pub(crate) state: State,
    /// Headless.
    pub(crate) without: Sample,
    /// With the window.
    pub(crate) with: Sample,
}

impl fmt::Display for Pair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, without, with } = self;
        write!(out, "{}: p50 {:.0}/{:.0} µs, ", state.name(), with.p50, without.p50)?;
        write!(out, "p99 {:.0}/{:.0} µs, peak {:.0}/{:.0} a second, ", with.p99, without.p99, with.peak, without.peak)?;
        write!(out, "drawing {:.1} % of a core", with.drawing)
    }
}

/// Takes one figure out of a sample.
type Figure = fn(&Sample) -> f64;

const MEASURES: [(&str, Figure); 3] = [
    ("p50, µs", |sample| sample.p50),
    ("p99, µs", |sample| sample.p99),
    ("peak, requests a second", |sample| sample.peak),
];

/// The table: a row for each measure of each state.
pub(crate) fn markdown(pairs: &[Pair]) -> String {
    let mut text =
        "\n| the window | measure | with ÷ without | mark | with | without |\n|--|--|--:|--:|--:|--:|\n".to_owned();
    for state in State::ALL {
        let of: Vec<&Pair> = pairs.iter().filter(|pair| pair.state == state).collect();
        for (place, (what, value)) in MEASURES.into_iter().enumerate() {
            let middle = |take: &dyn Fn(&Pair) -> f64| median(of.iter().map(|pair| take(pair)).collect());
            let ratio = middle(&|pair| value(&pair.with) / value(&pair.without));
            let mark = state
                .marks()
                .map(|marks| marks[place])
                .map_or("–".to_owned(), |mark| format!("{} {mark:.2}", if mark < 1.0 { "≥" } else { "≤" }));
            let (with, without) = (middle(&|pair| value(&pair.with)), middle(&|pair| value(&pair.without)));
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "| {} | {what} | **{ratio:.2}** | {mark} | {with:.0} | {without:.0} |", state.name());
        }
        let drawing = median(of.iter().map(|pair| pair.with.drawing).collect());
        let _ = writeln!(text, "| {} | drawing, % of a core | | | {drawing:.1} | |", state.name());
    }
    let _ = writeln!(text, "\nMedians of {} pairs.", pairs.len() / State::ALL.len());
    text
}

/// Puts the table between the paper's two marks.
pub(crate) fn write(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/WINDOW.md");
    let text = fs::read_to_string(&path).expect("the paper can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the paper has the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("the paper has the mark where the table ends");
    fs::write(&path, format!("{before}{BEGIN}{table}\n{END}{after}")).expect("the paper is written");
}
