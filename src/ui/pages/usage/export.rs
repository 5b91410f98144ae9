//! A tally as CSV and as JSON, to paste into a sheet or a script.
//!
//! Invariant: the last line is the total of those before it; numbers have no separators.
//! Absent on purpose: files; what is copied can be saved anywhere.

use serde::Serialize;

use super::tally::{By, Tally};
use crate::model::history::UsageSum;

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    #[serde(flatten)]
    sum: &'a UsageSum,
}

#[derive(Serialize)]
struct Whole<'a> {
    by: &'static str,
    lines: Vec<Line<'a>>,
    total: &'a UsageSum,
}

/// Comma-separated values with a heading.
#[must_use]
pub fn csv(tally: &Tally, by: By) -> String {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    let heading = [by.name(), "Requests", "Failed", "Uncounted", "Input", "Cached", "Output", "Reasoning"];
    // Writing to memory does not fail.
    let _ = sheet.write_record(heading);
    let total = ("Total".to_owned(), tally.total);
    for (name, sum) in tally.lines.iter().chain([&total]) {
        let numbers = [sum.requests, sum.failed, sum.uncounted, sum.input, sum.cached, sum.output, sum.reasoning];
        let numbers = numbers.map(|number| number.to_string());
        let _ = sheet.write_record([name].into_iter().chain(&numbers));
    }
    sheet.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// An object with the lines and the total.
#[must_use]
pub fn json(tally: &Tally, by: By) -> String {
    let lines = tally.lines.iter().map(|(name, sum)| Line { name, sum }).collect();
    serde_json::to_string_pretty(&Whole { by: by.name(), lines, total: &tally.total }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tally::Range;
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn the_last_line_of_a_sheet_is_the_sum_of_those_before_it() {
        let usage = fixture::usage();
        let text = csv(&Tally::of(&usage, Range::All, By::Endpoint, usage.today_is), By::Endpoint);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(rows[0], ["Endpoint", "Requests", "Failed", "Uncounted", "Input", "Cached", "Output", "Reasoning"]);
        for column in 1..8 {
            let numbers: Vec<u64> = rows[1..].iter().map(|row| row[column].parse().unwrap()).collect();
            let (total, lines) = numbers.split_last().unwrap();
            assert_eq!(lines.iter().sum::<u64>(), *total, "{}", rows[0][column]);
        }
    }

    #[test]
    fn json_says_the_same_as_the_sheet() {
        let usage = fixture::usage();
        let tally = Tally::of(&usage, Range::Week, By::Model, usage.today_is);
        let read: serde_json::Value = serde_json::from_str(&json(&tally, By::Model)).unwrap();
        assert_eq!(read["total"]["input"], tally.total.input);
        assert_eq!(read["lines"][0]["name"], tally.lines[0].0.as_str());
        assert_eq!(read["lines"].as_array().unwrap().len(), tally.lines.len());
    }
}
