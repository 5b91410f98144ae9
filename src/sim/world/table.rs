//! Outcomes as rows of a Markdown table.
//!
//! Invariant: a row says nothing that its outcome does not.
//! Absent on purpose: files. Who asks for the table puts it somewhere.

use std::fmt::Write as _;
use std::time::Duration;

use super::case::{Case, Knowledge, Load, Outcome};
use super::goals::{Percent, missed};
use super::report::Fate;
use super::site::Counting;
use crate::model::config::Priority;

/// The head of the table.
pub const HEAD: &str = "\
| counting | limits | load | sizes | endpoints | delivered (reachable) | 429s per 1,000 | client errors (least) | preferred in use at first spill | wait p50 / p99 / longest | goals |
|--|--|--|--|--:|--:|--:|--:|--:|--:|--|
";

/// The way of counting, in words.
#[must_use]
pub const fn counting(counting: Counting) -> &'static str {
    match counting {
        Counting::SlidingLog => "sliding log",
        Counting::TokenBucket => "bucket",
        Counting::CalendarMinute => "fixed minute",
        Counting::Utilization => "utilization",
    }
}

/// What is known of the limits, in words.
#[must_use]
pub const fn knowledge(knowledge: Knowledge) -> &'static str {
    match knowledge {
        Knowledge::Known => "known",
        Knowledge::Unknown => "unknown",
        Knowledge::TooLow => "stated 30 % too low",
        Knowledge::TooHigh => "stated 50 % too high",
        Knowledge::Foreign => "known, 30 % used by others",
    }
}

/// The load, in words.
#[must_use]
pub fn load(load: Load) -> String {
    match load {
        Load::Steady(percent) => format!("{}.{:02}", percent / 100, percent % 100),
        Load::Burst => "burst".to_owned(),
    }
}

/// A row of the table.
#[must_use]
pub fn row(case: &Case, outcome: &Outcome) -> String {
    let report = &outcome.report;
    let goals: Vec<String> = missed(case, outcome).iter().map(ToString::to_string).collect();
    let goals = if goals.is_empty() { "met".to_owned() } else { format!("missed: {}", goals.join("; ")) };
    let spill = report.spills.use_before_first.map_or("–".to_owned(), |used| Percent(used * 10).to_string());
    let mut row = String::new();
    let _ = writeln!(
        row,
        "| {} | {} | {} | {} | {} | {} | {} | {} ({}) | {spill} | {} | {goals} |",
        counting(case.counting),
        knowledge(case.knowledge),
        load(case.load),
        if case.heavy { "heavy-tailed" } else { "uniform" },
        case.endpoints,
        delivered(outcome),
        per_mille(report.throttled_in_10k()),
        Percent(report.errors_in_10k()),
        Percent(outcome.least_errors),
        waits(report.fate(Priority::Normal)),
    );
    row
}

/// What is delivered of what can be, and where that is less than the services let through, how much less.
#[must_use]
pub fn delivered(outcome: &Outcome) -> String {
    let delivered = Percent(outcome.delivered());
    match outcome.reachable() {
        10_000 => delivered.to_string(),
        reachable => format!("{delivered} ({})", Percent(reachable)),
    }
}

/// Per 1,000, out of per 10,000.
#[must_use]
pub fn per_mille(in_10k: u64) -> String {
    format!("{}.{}", in_10k / 10, in_10k % 10)
}

/// Median, p99 and longest wait.
#[must_use]
pub fn waits(fate: &Fate) -> String {
    let [half, most, all] = [fate.waits.quantile(500), fate.waits.quantile(990), fate.waits.longest()].map(seconds);
    format!("{half} / {most} / {all} s")
}

fn seconds(span: Duration) -> String {
    let tenths = span.as_millis() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}
