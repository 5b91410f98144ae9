//! Tables of what was measured, ratios first, and their place in the README.
//!
//! Invariant: every ratio is the median of ratios taken in the same round, so that a busy machine bends both sides alike.
//! Absent on purpose: judging. The marks stand in the papers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- performance: written by `cargo bench --no-default-features --bench proxy -- --write` -->\n";
const END: &str = "<!-- end of performance -->";

/// One measure: a row of values by subject and round.
pub struct Measure {
    /// What it is, with its unit.
    pub what: String,
    /// Per subject, one value per round.
    pub values: Vec<Vec<f64>>,
    /// Digits behind the point.
    pub digits: usize,
}

/// Measures that share their subjects.
pub struct Table {
    /// What it is about.
    pub title: String,
    /// The subjects' names; the first one named "floor" is what the others are compared with.
    pub subjects: Vec<String>,
    /// The rows.
    pub rows: Vec<Measure>,
}

impl Table {
    /// An empty table.
    pub fn new(title: &str, subjects: Vec<String>) -> Self {
        Self { title: title.to_owned(), subjects, rows: Vec::new() }
    }

    /// The table in Markdown: each subject's ratio to the floor, then the medians.
    pub fn markdown(&self) -> String {
        let floor = self.subjects.iter().position(|name| name == "floor").unwrap_or(0);
        let compared: Vec<usize> =
            (0..self.subjects.len()).filter(|at| *at != floor && self.subjects[*at] != "direct").collect();
        let mut text = format!("\n| {} |", self.title);
        for at in &compared {
            let _ = write!(text, " {} ÷ {} |", self.subjects[*at], self.subjects[floor]);
        }
        for name in &self.subjects {
            let _ = write!(text, " {name} |");
        }
        let _ = write!(text, "\n|--|{}\n", "--:|".repeat(compared.len() + self.subjects.len()));
        for row in &self.rows {
            let _ = write!(text, "| {} |", row.what);
            for at in &compared {
                let ratios = row.values[*at].iter().zip(&row.values[floor]).map(|(one, floor)| one / floor);
                let _ = write!(text, " **{:.2}** |", median(ratios.collect()));
            }
            for values in &row.values {
                let _ = write!(text, " {:.*} |", row.digits, median(values.clone()));
            }
            text.push('\n');
        }
        text
    }
}

/// The middle of some values; of an even number, the lower middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Puts the tables between the README's two marks.
pub fn write(tables: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).expect("the README can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the README has the mark where tables begin");
    let (_, after) = rest.split_once(END).expect("the README has the mark where tables end");
    fs::write(&path, format!("{before}{BEGIN}{tables}\n{END}{after}")).expect("the README is written");
}
