//! What people come to ask, with the place that answers it.
//!
//! Invariant: a question leads to rows or figures, never to a page that must first be set up.
//! Absent on purpose: reading sentences; the words that carry a question are compared (`also`).

use super::{Does, Item, Kind};
use crate::ui::cx::Target;
use crate::ui::usage_view::{By, Range};

/// Label, hint, other words.
type Question = (&'static str, &'static str, &'static str, fn() -> Target);

const ALL: &[Question] = &[
    (
        "Usage by caller, today",
        "Who used how many tokens today",
        "who used uses using consumed spent spend cost most top biggest largest user users caller callers program team \
         person people somebody today consumption tokens",
        || Target::Usage(By::Caller, Range::Today),
    ),
    (
        "Usage by model, 7 days",
        "Which model took how many tokens",
        "used spent spend cost costs most top expensive models tokens week consumption",
        || Target::Usage(By::Model, Range::Week),
    ),
    (
        "Usage by endpoint, 7 days",
        "Where how many tokens went",
        "used spent cost most top deployment deployments tokens week consumption went",
        || Target::Usage(By::Endpoint, Range::Week),
    ),
    (
        "Usage by day, 30 days",
        "How many tokens each day took",
        "used spent spend cost daily month monthly trend yesterday tokens consumption history",
        || Target::Usage(By::Day, Range::Month),
    ),
    (
        "Throttled requests",
        "Those that met a 429 of a service, wherever they were answered then",
        "429 429s throttling rate limited limits many requests calls which got hit",
        || Target::RequestsWhere("status:429 -end:refused".into()),
    ),
    (
        "Failed requests",
        "Those that ended with an error of a service, or were cut off",
        "failing failures error errors broken broke 500 503 went wrong calls which",
        || Target::RequestsWhere("is:failed".into()),
    ),
    (
        "Refused requests",
        "Those that Tidegate answered itself",
        "rejected denied held refusals us 503 calls which",
        || Target::RequestsWhere("end:refused".into()),
    ),
    (
        "Slow requests",
        "Those that took more than 10 s",
        "slowest latency long longest took takes slowly calls which duration time",
        || Target::RequestsWhere("total>10s".into()),
    ),
];

pub(super) fn all() -> impl Iterator<Item = Item> {
    ALL.iter().map(|(label, hint, also, target)| Item {
        kind: Kind::Page,
        label: (*label).to_owned(),
        detail: (*hint).to_owned(),
        also,
        obstacle: None,
        does: Does::Open(target()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::pages::requests::filter::{Filter, Term};

    #[test]
    fn every_filter_that_a_question_leads_to_is_understood() {
        for (label, _, _, target) in ALL {
            if let Target::RequestsWhere(filter) = target() {
                let understood = Filter::parse(&filter).clauses().iter().all(|one| !matches!(one.term, Term::Word(_)));
                assert!(understood, "{label}: {filter}");
            }
        }
    }
}
