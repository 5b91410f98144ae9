//! The filter box of the Requests page: words and `field op value`, and which rows pass.
//!
//! Invariant: text that is not understood as a field is a word to look for; nothing typed is an error.
//! Absent on purpose: a query language. Terms are joined by "and", a leading `-` turns one round.

use crate::model::outcome::Ending;
use crate::model::record::{RecordEnd, RequestRecord};
use crate::ui::words::explain;

/// What the person typed, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<(bool, Term)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Status(Comparison, u16),
    Endpoint(String),
    Model(String),
    Client(String),
    Why(String),
    Word(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
    Equal,
}

impl Filter {
    /// Reads the box, for example `status>=400 endpoint:east -client:aider 429 whisper`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let terms = text
            .split_whitespace()
            .filter_map(|token| {
                let (wanted, token) = token.strip_prefix('-').map_or((true, token), |rest| (false, rest));
                (!token.is_empty()).then(|| (wanted, term(&token.to_lowercase())))
            })
            .collect();
        Self { terms }
    }

    /// Whether every row passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether this row passes every term.
    #[must_use]
    pub fn passes(&self, record: &RequestRecord) -> bool {
        self.terms.iter().all(|(wanted, term)| matches(term, record) == *wanted)
    }
}

fn term(token: &str) -> Term {
    if let Some(rest) = token.strip_prefix("status")
        && let Some(term) = status_term(rest)
    {
        return term;
    }
    match token.split_once(':') {
        Some(("endpoint", value)) => Term::Endpoint(value.to_owned()),
        Some(("model" | "route", value)) => Term::Model(value.to_owned()),
        Some(("client", value)) => Term::Client(value.to_owned()),
        Some(("why", value)) => Term::Why(value.to_owned()),
        _ => match token.parse() {
            Ok(code @ 100..=599) => Term::Status(Comparison::Equal, code),
            _ => Term::Word(token.to_owned()),
        },
    }
}

fn status_term(rest: &str) -> Option<Term> {
    let operators = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::Above),
        ("<", Comparison::Below),
        ("=", Comparison::Equal),
        (":", Comparison::Equal),
    ];
    let (value, comparison) =
        operators.into_iter().find_map(|(sign, comparison)| Some((rest.strip_prefix(sign)?, comparison)))?;
    Some(Term::Status(comparison, value.parse().ok()?))
}

fn matches(term: &Term, record: &RequestRecord) -> bool {
    let has = |text: &str, part: &str| text.to_lowercase().contains(part);
    let sent_to = |part: &str| record.attempts.iter().any(|attempt| has(attempt.endpoint.as_str(), part));
    match term {
        Term::Status(comparison, wanted) => statuses(record).any(|status| comparison.holds(status, *wanted)),
        Term::Endpoint(part) => sent_to(part),
        Term::Model(part) => has(record.profile.model.as_str(), part),
        Term::Client(part) => has(&record.profile.client, part),
        Term::Why(part) => has(&explain::paragraph(record), part),
        Term::Word(part) => {
            has(record.profile.model.as_str(), part)
                || has(&record.profile.client, part)
                || sent_to(part)
                || has(crate::ui::words::record_end(record.end), part)
                || has(&record.id.to_string(), part)
                || record.decisions.iter().any(|decision| has(&decision.id.to_string(), part))
        }
    }
}

/// The client's status and those of every sending: a 429 that was saved elsewhere is still found as 429.
fn statuses(record: &RequestRecord) -> impl Iterator<Item = u16> {
    let whole = record.end != RecordEnd::Answered(Ending::CutOff);
    let own = whole.then_some(record.status);
    own.into_iter().chain(record.attempts.iter().filter(|attempt| attempt.failure.is_some()).filter_map(|a| a.status))
}

impl Comparison {
    const fn holds(self, status: u16, wanted: u16) -> bool {
        match self {
            Self::AtLeast => status >= wanted,
            Self::Above => status > wanted,
            Self::AtMost => status <= wanted,
            Self::Below => status < wanted,
            Self::Equal => status == wanted,
        }
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
