//! The filter language of the Requests page: words and `field op value`, and which rows pass.
//!
//! Invariant: text that is not understood as a field is a word to look for; nothing typed is an error.
//! Absent on purpose: a query language. Clauses are joined by "and", a leading `-` turns one round.

mod matching;
mod read;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::id::RequestId;
use crate::model::record::RequestRecord;

/// What the person typed, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    clauses: Vec<Clause>,
    /// Places of the clauses, the cheap ones first.
    order: Vec<usize>,
}

/// One part of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// As it was typed, `-` and quotes included.
    pub text: String,
    /// Whether rows that match pass; else those that do not.
    pub wanted: bool,
    /// What is asked.
    pub term: Term,
}

/// What a clause asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A status the client or a sending got.
    Status(Comparison, u16),
    /// A hundred of statuses: 4 is 400 to 499.
    StatusClass(u16),
    /// The status the client got, whatever was met on the way.
    Got(Comparison, u16),
    /// A text that holds this, in lower case.
    Text(Field, String),
    /// An amount.
    Amount(Amount, Comparison, u64),
    /// A time, in microseconds.
    Span(Span, Comparison, u64),
    /// Ended at most so long ago.
    Since(Duration),
    /// Arrived near this second of the day, local time.
    At(u32),
    /// Marked by the person.
    Marked,
    /// Answered as a stream.
    Streamed,
    /// Failed for the client: a failure was passed on, or the answer broke off.
    Failed,
    /// Any of the usual texts holds this, in lower case.
    Word(String),
}

/// A text of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Any endpoint it was sent to.
    Endpoint,
    /// The model as the client named it.
    Model,
    /// The client's label.
    Client,
    /// Who asked, if a token said so.
    Caller,
    /// The sentence of its Why and the codes of its verdicts.
    Why,
    /// How it ended.
    End,
    /// How important it is.
    Priority,
    /// Which operation.
    Operation,
    /// Its own name or that of one of its decisions.
    Id,
}

/// An amount of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// Input and output together.
    Tokens,
    /// Input.
    Input,
    /// Output.
    Output,
    /// Reserved for it.
    Reserved,
    /// Sendings.
    Attempts,
    /// Its priority group, from 1.
    Group,
}

/// A time of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// To the first token.
    FirstToken,
    /// In all.
    Total,
    /// In our line.
    Waited,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `=` or `:`
    Equal,
}

impl Comparison {
    const fn holds(self, value: u64, wanted: u64) -> bool {
        match self {
            Self::AtLeast => value >= wanted,
            Self::Above => value > wanted,
            Self::AtMost => value <= wanted,
            Self::Below => value < wanted,
            Self::Equal => value == wanted,
        }
    }
}

/// What passing depends on besides the row.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Now, as Unix milliseconds.
    pub wall_ms: u64,
    /// Rows the person marked.
    pub marked: &'a BTreeSet<RequestId>,
}

/// What came of looking at one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It passes.
    Passes,
    /// It would pass without this clause.
    FailsOnly(usize),
    /// It fails more than one.
    Fails,
}

impl Filter {
    /// Reads the box, for example `status>=400 endpoint:east -client:"my tool" 429 whisper`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let clauses = read::clauses(text);
        let mut order: Vec<usize> = (0..clauses.len()).collect();
        order.sort_by_key(|place| clauses.get(*place).map(|clause| clause.term.cost()));
        Self { clauses, order }
    }

    /// Whether every row passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// Its parts, as typed.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// What looking at one row costs, in units of a comparison.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.clauses.iter().map(|clause| clause.term.cost()).sum::<usize>().max(1)
    }

    /// Whether what passes changes by time alone.
    #[must_use]
    pub fn ages(&self) -> bool {
        self.clauses.iter().any(|clause| matches!(clause.term, Term::Since(_)))
    }

    /// Whether what passes changes by what is marked.
    #[must_use]
    pub fn minds_marks(&self) -> bool {
        self.clauses.iter().any(|clause| clause.term == Term::Marked)
    }

    /// Looks at one row.
    #[must_use]
    pub fn judge(&self, record: &RequestRecord, scope: Scope) -> Judgement {
        let mut failed = None;
        for place in &self.order {
            let Some(clause) = self.clauses.get(*place) else { continue };
            if matching::matches(&clause.term, record, scope) == clause.wanted {
                continue;
            }
            if failed.replace(*place).is_some() {
                return Judgement::Fails;
            }
        }
        failed.map_or(Judgement::Passes, Judgement::FailsOnly)
    }
}

impl Term {
    /// Sentences are made anew for every row.
    const fn cost(&self) -> usize {
        match self {
            Self::Text(Field::Why, _) => 40,
            Self::Word(_) => 3,
            _ => 1,
        }
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
