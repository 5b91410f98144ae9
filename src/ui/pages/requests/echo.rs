//! A filter in plain language, so that the person sees how it was understood.
//!
//! Invariant: each clause has a phrase of its own; clauses are joined by "and".
//! Absent on purpose: what passes; that is the filter's.

use std::time::Duration;

use crate::model::units::Grouped;
use crate::ui::format::span;
use crate::ui::plots::pin::AROUND;

use super::filter::{Amount, Clause, Comparison, Field, Filter, Span, Term};

/// The whole filter as a sentence; `None`: everything passes.
#[must_use]
pub fn sentence(filter: &Filter) -> Option<String> {
    let phrases: Vec<String> = filter.clauses().iter().map(phrase).collect();
    (!phrases.is_empty()).then(|| format!("Requests {}.", phrases.join(" and ")))
}

/// One clause, as it follows "Requests".
#[must_use]
pub fn phrase(clause: &Clause) -> String {
    let not = if clause.wanted { "" } else { "not " };
    match &clause.term {
        Term::Status(sign, code) => met(clause.wanted, &compared(*sign, &code.to_string())),
        Term::StatusClass(hundred) => met(clause.wanted, &format!("{hundred}00 to {hundred}99")),
        Term::Got(sign, code) => format!("{not}whose client got {}", compared(*sign, &code.to_string())),
        Term::Text(field, part) => format!("{not}{} “{part}”", field_phrase(*field)),
        Term::Amount(which, sign, value) => {
            format!("{not}with {}", compared_amount(*which, *sign, *value))
        }
        Term::Span(which, sign, value) => {
            let time = span(Duration::from_micros(*value));
            format!("{not}with {} {}", span_phrase(*which), compared(*sign, &time))
        }
        Term::At(second) => {
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            format!("{not}arriving within {AROUND} s of {hour:02}:{minute:02}:{second:02}")
        }
        Term::Since(age) => format!("{not}of the last {}", span(*age)),
        Term::Marked => format!("{not}marked"),
        Term::Streamed => format!("{not}answered as a stream"),
        Term::Failed => format!("{not}failed or cut off"),
        Term::Word(part) => format!("{not}naming “{part}”"),
    }
}

/// A status counts whether the client got it or a sending before the last one did.
fn met(wanted: bool, status: &str) -> String {
    if wanted {
        format!("that got {status} or met it on the way")
    } else {
        format!("that neither got nor met {status}")
    }
}

const fn field_phrase(field: Field) -> &'static str {
    match field {
        Field::Endpoint => "sent to",
        Field::Model => "for model",
        Field::Client => "from client",
        Field::Caller => "of caller",
        Field::Why => "whose reason mentions",
        Field::End => "that ended",
        Field::Priority => "of priority",
        Field::Operation => "of operation",
        Field::Id => "called",
    }
}

fn compared_amount(which: Amount, sign: Comparison, value: u64) -> String {
    let shown = Grouped(value).to_string();
    match which {
        Amount::Tokens => format!("{} tokens", compared(sign, &shown)),
        Amount::Input => format!("{} tokens in", compared(sign, &shown)),
        Amount::Output => format!("{} tokens out", compared(sign, &shown)),
        Amount::Reserved => format!("{} tokens reserved", compared(sign, &shown)),
        Amount::Attempts => format!("{} attempts", compared(sign, &shown)),
        Amount::Group => format!("a priority group {}", compared(sign, &shown)),
    }
}

const fn span_phrase(which: Span) -> &'static str {
    match which {
        Span::FirstToken => "a first token after",
        Span::Total => "a total of",
        Span::Waited => "a wait of",
    }
}

fn compared(sign: Comparison, value: &str) -> String {
    match sign {
        Comparison::AtLeast => format!("at least {value}"),
        Comparison::Above => format!("more than {value}"),
        Comparison::AtMost => format!("at most {value}"),
        Comparison::Below => format!("less than {value}"),
        Comparison::Equal => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        sentence(&Filter::parse(text)).unwrap_or_default()
    }

    #[test]
    fn a_filter_is_said_in_plain_words() {
        assert_eq!(
            said("status>=400 endpoint:azure-eastus why:throttled ttft>2s client:aider since:10m -sim"),
            "Requests that got at least 400 or met it on the way and sent to “azure-eastus” and whose reason mentions “throttled” and \
             with a first token after more than 2 s and from client “aider” and of the last 10 min and not naming “sim”."
        );
        assert_eq!(
            said("out<1.2k attempts>1"),
            "Requests with less than 1,200 tokens out and with more than 1 attempts."
        );
        assert_eq!(said("-429"), "Requests that neither got nor met 429.");
        assert_eq!(said("got:429"), "Requests whose client got 429.");
        assert_eq!(said("  "), "");
    }
}
