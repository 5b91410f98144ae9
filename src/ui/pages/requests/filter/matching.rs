//! Whether a row matches a term.
//!
//! Invariant: case never matters; nothing is allocated for a row but the sentence of its Why, and only if that is asked.
//! Absent on purpose: order and negation of terms; they are the filter's.

use crate::model::outcome::{Ending, FailureClass};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::units::micros;
use crate::ui::format::second_of_day;
use crate::ui::plots::pin::AROUND;
use crate::ui::words::{self, explain};

use super::{Amount, Field, Scope, Span, Term};

pub(super) fn matches(term: &Term, record: &RequestRecord, scope: Scope) -> bool {
    match term {
        Term::Status(sign, wanted) => statuses(record).any(|status| sign.holds(status.into(), (*wanted).into())),
        Term::StatusClass(hundred) => statuses(record).any(|status| status / 100 == *hundred),
        Term::Got(sign, wanted) => got(record).is_some_and(|status| sign.holds(status.into(), (*wanted).into())),
        Term::Text(field, part) => text(*field, part, record),
        Term::Amount(which, sign, wanted) => amount(*which, record).is_some_and(|value| sign.holds(value, *wanted)),
        Term::Span(which, sign, wanted) => span(*which, record).is_some_and(|value| sign.holds(value, *wanted)),
        Term::Since(age) => {
            let ago = scope.wall_ms.saturating_sub(record.ended_wall_ms());
            u128::from(ago) <= age.as_millis()
        }
        Term::At(second) => around(second_of_day(record.wall_ms), *second),
        Term::Marked => scope.marked.contains(&record.id),
        Term::Streamed => record.profile.streaming,
        Term::Failed => record.end.is_failure(),
        Term::Word(part) => word(part, record),
    }
}

/// Whether two seconds of the day are close to each other, over midnight too.
fn around(one: u32, other: u32) -> bool {
    let apart = one.abs_diff(other);
    u64::from(apart.min(86_400_u32.saturating_sub(apart))) <= AROUND
}

fn text(field: Field, part: &str, record: &RequestRecord) -> bool {
    let profile = &record.profile;
    match field {
        Field::Endpoint => sent_to(part, record),
        Field::Model => has(profile.model.as_str(), part),
        Field::Client => has(&profile.client, part),
        Field::Caller => profile.caller.as_ref().is_some_and(|caller| has(caller.as_str(), part)),
        Field::Why => why(part, record),
        Field::End => has(words::record_end(record.end), part),
        Field::Priority => has(words::priority(profile.priority), part),
        Field::Operation => has(profile.operation.path(), part),
        Field::Id => id(part, record),
    }
}

fn why(part: &str, record: &RequestRecord) -> bool {
    let codes = || {
        let candidates = record.decisions.iter().flat_map(|decision| &decision.candidates);
        candidates.into_iter().any(|candidate| has(explain::verdict_code(candidate.verdict), part))
    };
    has(&explain::paragraph(record), part) || codes()
}

fn word(part: &str, record: &RequestRecord) -> bool {
    let profile = &record.profile;
    has(profile.model.as_str(), part)
        || has(&profile.client, part)
        || profile.caller.as_ref().is_some_and(|caller| has(caller.as_str(), part))
        || sent_to(part, record)
        || has(words::record_end(record.end), part)
        || record
            .attempts
            .iter()
            .filter_map(|attempt| attempt.failure.as_ref())
            .any(|fault| failed_by(fault.class, part))
        || id(part, record)
}

/// By what a sending failed, as it is said here and as people say it.
fn failed_by(class: FailureClass, part: &str) -> bool {
    let called = match class {
        FailureClass::Throttled(_) => "throttled rate limited",
        FailureClass::Timeout => "timeout timed out",
        FailureClass::KeyRejected => "unauthorized",
        _ => "",
    };
    has(called, part) || has(words::failure(class), part)
}

fn sent_to(part: &str, record: &RequestRecord) -> bool {
    record.attempts.iter().any(|attempt| has(attempt.endpoint.as_str(), part))
}

/// Names look like `r-00009b`; what cannot be one is not compared with any.
fn id(part: &str, record: &RequestRecord) -> bool {
    let could_be = part.trim_start_matches(['r', 'd', '-']);
    if could_be.is_empty() || !could_be.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return false;
    }
    has(&record.id.to_string(), part) || record.decisions.iter().any(|decision| has(&decision.id.to_string(), part))
}

/// The client's status and those of every sending: a 429 that was saved elsewhere is still found as 429.
fn statuses(record: &RequestRecord) -> impl Iterator<Item = u16> {
    let failed = record.attempts.iter().filter(|attempt| attempt.failure.is_some());
    got(record).into_iter().chain(failed.filter_map(|attempt| attempt.status))
}

/// What the client got; a stream that broke has no status.
fn got(record: &RequestRecord) -> Option<u16> {
    (record.end != RecordEnd::Answered(Ending::CutOff)).then_some(record.status)
}

fn amount(which: Amount, record: &RequestRecord) -> Option<u64> {
    let decision = || record.decisions.last();
    match which {
        Amount::Tokens => record.usage.map(|usage| usage.total()),
        Amount::Input => record.usage.filter(|usage| usage.exact).map(|usage| usage.input),
        Amount::Output => record.usage.map(|usage| usage.output),
        Amount::Reserved => decision().map(|decision| decision.estimate.charge),
        Amount::Attempts => u64::try_from(record.attempts.len()).ok(),
        Amount::Group => record.attempts.last().map(|attempt| attempt.group.into()),
    }
}

fn span(which: Span, record: &RequestRecord) -> Option<u64> {
    match which {
        Span::FirstToken => record.first_token.map(micros),
        Span::Total => Some(micros(record.total)),
        Span::Waited => Some(micros(record.waited)),
    }
}

/// Whether `text` holds `part`, which is in lower case.
fn has(text: &str, part: &str) -> bool {
    if !part.is_ascii() {
        return text.to_lowercase().contains(part);
    }
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}
