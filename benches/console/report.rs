//! The bench's table: printed as it grows, and put into the paper if that is wanted.
//!
//! Invariant: what is missed is marked where it stands, and counted.
//! Absent on purpose: measuring.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

const BEGIN: &str = "<!-- console: written by `cargo bench --bench console -- --write` -->\n";
const END: &str = "<!-- end of console -->";

/// The table so far.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
    /// Rows that miss their budget.
    pub(crate) missed: usize,
}

impl Report {
    /// A line of the table, or round it.
    pub(crate) fn line(&mut self, line: &str) {
        println!("{line}");
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// A row: what was measured, its cells, and whether it misses its budget.
    pub(crate) fn row(&mut self, what: &str, cells: [&str; 4], is_missed: bool) {
        self.missed += usize::from(is_missed);
        let mark = if is_missed { "missed" } else { "held" };
        let [middle, most, nothing_new, again] = cells;
        self.line(&format!("| {what} | {middle} | {most} | {nothing_new} | {again} | {mark} |"));
    }

    /// Puts the table between the paper's two marks.
    pub(crate) fn write(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONSOLE.md");
        let text = fs::read_to_string(&path).expect("the paper can be read");
        let (before, rest) = text.split_once(BEGIN).expect("the paper has the mark where the table begins");
        let (_, after) = rest.split_once(END).expect("the paper has the mark where the table ends");
        fs::write(&path, format!("{before}{BEGIN}\n{}\n{END}{after}", self.text.trim_end())).expect("it is written");
    }
}

/// A time in thousandths of a millisecond.
pub(crate) fn ms(time: Duration) -> String {
    format!("{}.{:03} ms", time.as_millis(), time.subsec_micros() % 1_000)
}
