//! Which goals a case has, and which of them its outcome misses.
//!
//! Invariant: every goal is compared with what was possible at all, never with a figure that nobody could reach.
//! Absent on purpose: tolerance. A goal is met or missed; how nearly is for people to read.

use std::fmt;
use std::time::Duration;

use super::case::{Case, Knowledge, Load, Outcome};
use crate::model::config::Priority;

/// Interactive requests' p99 wait at most, at half as much again as there is capacity.
const INTERACTIVE_WAIT: Duration = Duration::from_secs(2);

/// What is measured; shares are in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Of the tokens that could be delivered, at least this share.
    Delivered(u64),
    /// 429s of services per request, at most this share.
    Throttled(u64),
    /// Errors at clients, at most this share.
    Errors(u64),
    /// No request went to a lower group for want of room while a higher one had it.
    SpilledDespiteRoom,
    /// Interactive requests' p99 wait, at most this many milliseconds.
    InteractiveWait(u64),
    /// Bulk's share of the answered tokens, at least this.
    BulkShare(u64),
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(least) => write!(f, "delivered at least {}", Percent(*least)),
            Self::Throttled(0) => write!(f, "no 429"),
            Self::Throttled(most) => write!(f, "429s at most {}", Percent(*most)),
            Self::Errors(0) => write!(f, "no client error"),
            Self::Errors(most) => write!(f, "client errors at most {}", Percent(*most)),
            Self::SpilledDespiteRoom => write!(f, "no spill despite room"),
            Self::InteractiveWait(most) => write!(f, "interactive p99 wait at most {most} ms"),
            Self::BulkShare(least) => write!(f, "bulk at least {} of what is answered", Percent(*least)),
        }
    }
}

/// Hundredths of a percent, in words.
#[derive(Clone, Copy, Debug)]
pub struct Percent(pub u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02} %", self.0 / 100, self.0 % 100))
    }
}

/// A goal that was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which.
    pub goal: Goal,
    /// The measured figure, in the goal's unit.
    pub is: u64,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.goal {
            Goal::SpilledDespiteRoom => write!(f, "{}: {} spilled", self.goal, self.is),
            Goal::Throttled(0) | Goal::Errors(0) => write!(f, "{}: {}", self.goal, self.is),
            Goal::InteractiveWait(_) => write!(f, "{}: {} ms", self.goal, self.is),
            _ => write!(f, "{}: {}", self.goal, Percent(self.is)),
        }
    }
}

/// The goals of a case.
#[must_use]
pub fn goals_of(case: &Case, outcome: &Outcome) -> Vec<Goal> {
    let full = matches!(case.load, Load::Steady(150..));
    let mut goals = Vec::new();
    match case.knowledge {
        Knowledge::Known if full => {
            goals.extend([Goal::Delivered(if case.heavy { 9_700 } else { 9_900 }), Goal::Throttled(0)]);
        }
        Knowledge::Known if case.load == Load::Burst => goals.push(Goal::Throttled(0)),
        Knowledge::Known => goals.extend([Goal::Throttled(0), Goal::Errors(outcome.least_errors)]),
        Knowledge::Unknown | Knowledge::TooHigh if full => goals.extend([Goal::Delivered(9_500), Goal::Throttled(100)]),
        Knowledge::Unknown | Knowledge::TooHigh => goals.push(Goal::Throttled(100)),
        Knowledge::TooLow if full => goals.push(Goal::Delivered(9_500)),
        Knowledge::TooLow => goals.push(Goal::Throttled(0)),
        Knowledge::Foreign => goals.push(Goal::Throttled(200)),
    }
    if case.load == Load::Burst {
        // It fits if requests wait, whatever is known of limits.
        goals.push(Goal::Errors(0));
    }
    if case.knowledge == Knowledge::Known {
        goals.push(Goal::SpilledDespiteRoom);
    }
    if case.mixed && full && case.knowledge == Knowledge::Known {
        // Its guaranteed share: a tenth of what is answered.
        goals.push(Goal::BulkShare(1_000));
    }
    if case.mixed && case.load == Load::Steady(150) && case.knowledge == Knowledge::Known {
        goals.push(Goal::InteractiveWait(millis(INTERACTIVE_WAIT)));
    }
    goals
}

/// The goals of a case that its outcome misses.
#[must_use]
pub fn missed(case: &Case, outcome: &Outcome) -> Vec<Missed> {
    let all = goals_of(case, outcome).into_iter().map(|goal| (Missed { goal, is: measured(goal, outcome) }, goal));
    all.filter(|(missed, goal)| !is_met(*goal, missed.is)).map(|(missed, _)| missed).collect()
}

fn measured(goal: Goal, outcome: &Outcome) -> u64 {
    let report = &outcome.report;
    match goal {
        Goal::Delivered(_) => outcome.delivered(),
        Goal::Throttled(0) => report.throttled(),
        Goal::Throttled(_) => report.throttled_in_10k(),
        Goal::Errors(0) => report.errors(),
        Goal::Errors(_) => report.errors_in_10k(),
        Goal::SpilledDespiteRoom => report.spills.despite_room,
        Goal::InteractiveWait(_) => millis(report.fate(Priority::Interactive).waits.quantile(990)),
        Goal::BulkShare(_) => {
            let of: u64 = report.fates.iter().map(|fate| fate.answered_tokens).sum();
            super::report::share(report.fate(Priority::Bulk).answered_tokens, of, 10_000)
        }
    }
}

const fn is_met(goal: Goal, is: u64) -> bool {
    match goal {
        Goal::Delivered(least) | Goal::BulkShare(least) => is >= least,
        Goal::Throttled(most) | Goal::Errors(most) | Goal::InteractiveWait(most) => is <= most,
        Goal::SpilledDespiteRoom => is == 0,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::Timestamp;
    use crate::sim::world::report::Report;
    use crate::sim::world::site::Counting;

    fn outcome(tokens: u64, throttled: u64, errors: u64) -> Outcome {
        let mut report = Report::over(Timestamp::ZERO, Timestamp::from_secs(600), 1);
        (report.servers[0].tokens, report.servers[0].throttled) = (tokens, throttled);
        (report.fates[1].offered, report.fates[1].refused) = (1_000, errors);
        Outcome { report, bound: 10_000, services: 10_000, least_errors: 0 }
    }

    fn words(case: &Case, outcome: &Outcome) -> Vec<String> {
        missed(case, outcome).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn known_limits_are_used_to_ninety_nine_percent_without_any_429() {
        let case = Case::of(Counting::SlidingLog, Load::Steady(150));
        assert!(missed(&case, &outcome(9_900, 0, 300)).is_empty());
        let said = words(&case, &outcome(9_899, 3, 300));
        assert_eq!(said, ["delivered at least 99.00 %: 98.99 %", "no 429: 3"]);
        let heavy = Case { heavy: true, ..case };
        assert_eq!(words(&heavy, &outcome(9_699, 0, 0)), ["delivered at least 97.00 %: 96.99 %"]);
    }

    #[test]
    fn unknown_limits_allow_one_429_in_a_hundred() {
        let case = Case { knowledge: Knowledge::Unknown, ..Case::of(Counting::TokenBucket, Load::Steady(300)) };
        assert!(missed(&case, &outcome(9_500, 10, 0)).is_empty());
        assert_eq!(words(&case, &outcome(9_500, 11, 0)), ["429s at most 1.00 %: 1.10 %"]);
    }

    #[test]
    fn a_burst_that_fits_fails_nobody_whatever_is_known() {
        let case = Case::of(Counting::SlidingLog, Load::Burst);
        assert_eq!(words(&case, &outcome(10_000, 0, 1)), ["no client error: 1"]);
        let foreign = Case { knowledge: Knowledge::Foreign, ..case };
        assert_eq!(words(&foreign, &outcome(10_000, 21, 1)), ["429s at most 2.00 %: 2.10 %", "no client error: 1"]);
    }

    #[test]
    fn mixed_requests_have_goals_by_priority() {
        let case = Case { mixed: true, ..Case::of(Counting::SlidingLog, Load::Steady(150)) };
        let mut outcome = outcome(10_000, 0, 0);
        outcome.report.fates[0].waits.add(Duration::from_millis(2_001));
        (outcome.report.fates[0].answered_tokens, outcome.report.fates[2].answered_tokens) = (901, 99);
        let said = words(&case, &outcome);
        assert_eq!(
            said,
            ["bulk at least 10.00 % of what is answered: 9.90 %", "interactive p99 wait at most 2000 ms: 2001 ms"]
        );
    }
}
