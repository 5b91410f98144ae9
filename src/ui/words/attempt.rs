//! One sending in words: what came back, when, and which limit it named; and where a request's time went.
//!
//! Invariant: the parts of a request's time follow each other without a gap and end with it.
//! Absent on purpose: why it was sent there; that is `explain`.

use std::time::Duration;

use super::failure;
use crate::model::outcome::Ending;
use crate::model::record::{AttemptRecord, RecordEnd, RequestRecord};
use crate::model::units::Grouped;
use crate::ui::format::{count, span};

/// What a part of a request's time was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In our line, or between two sendings.
    Waiting,
    /// A sending that failed.
    Failed,
    /// The sending that was answered, up to its first token.
    FirstToken,
    /// From the first token to the last.
    Answering,
}

/// A part of a request's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Spent on what.
    pub phase: Phase,
    /// In words.
    pub name: String,
    /// When it began, from the request's arrival.
    pub from: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Where the time went, in order.
#[must_use]
pub fn parts(record: &RequestRecord) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut until = Duration::ZERO;
    let many = record.attempts.len() > 1;
    for (number, attempt) in (1_usize..).zip(&record.attempts) {
        let from = attempt.at.since(record.at).max(until);
        wait(&mut parts, until, from, many && number > 1);
        let (phase, what) = match attempt.failure {
            Some(_) => (Phase::Failed, "failed at"),
            None if record.first_token.is_none() => (Phase::FirstToken, "until it was begun at"),
            None => (Phase::FirstToken, "to the first token of"),
        };
        parts.push(Part { phase, name: format!("{what} {}", attempt.endpoint), from, took: attempt.took });
        until = from.saturating_add(attempt.took);
    }
    let rest = record.total.saturating_sub(until);
    match record.end {
        RecordEnd::Answered(_) if !rest.is_zero() => {
            let name = if record.profile.streaming { "streaming the answer" } else { "reading the answer" };
            parts.push(Part { phase: Phase::Answering, name: name.to_owned(), from: until, took: rest });
        }
        _ => wait(&mut parts, until, record.total, many),
    }
    parts
}

fn wait(parts: &mut Vec<Part>, from: Duration, until: Duration, between: bool) {
    let took = until.saturating_sub(from);
    // Less than that is our own choosing and sending, and nobody waits for it.
    if took >= Duration::from_millis(1) {
        let name = if between { "waiting to try again" } else { "waiting in line" };
        parts.push(Part { phase: Phase::Waiting, name: name.to_owned(), from, took });
    }
}

/// What a sending came to: `429 after 84 ms · Retry-After 14 s · requests per minute`, or
/// `200 · first token 640 ms · 3.1 s in all · 1,204 tokens out`.
#[must_use]
pub fn result(attempt: &AttemptRecord, record: &RequestRecord) -> String {
    let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let Some(fault) = &attempt.failure else { return answered(&status, attempt, record) };
    let mut said = vec![format!("{status} after {}", span(attempt.took))];
    said.extend(fault.facts.retry_after.map(|wait| format!("Retry-After {}", span(wait))));
    said.push(failure(fault.class).to_owned());
    // Without an answer it is what stood between us and the service, such as a proxy that refused.
    let between = attempt.said.as_ref().filter(|_| attempt.status.is_none());
    said.extend(between.and_then(|told| told.error.clone()));
    said.join(" · ")
}

fn answered(status: &str, attempt: &AttemptRecord, record: &RequestRecord) -> String {
    if attempt.status.is_none() {
        let who = match record.end {
            RecordEnd::Answered(Ending::Ended(_)) => "ended by us",
            _ => "the client left",
        };
        return format!("{who} after {}", span(record.total.saturating_sub(attempt.at.since(record.at))));
    }
    let mut said = vec![match record.end {
        RecordEnd::Answered(Ending::CutOff) => "cut off".to_owned(),
        RecordEnd::Answered(Ending::ClientLeft) => format!("{status}, then the client left"),
        RecordEnd::Answered(Ending::Ended(_)) => format!("{status}, then ended by us"),
        _ => status.to_owned(),
    }];
    let began = if record.first_token.is_some() { "first token" } else { "begun after" };
    said.push(format!("{began} {}", span(attempt.took)));
    said.push(format!("{} in all", span(record.total.saturating_sub(attempt.at.since(record.at)))));
    said.extend(record.usage.map(|usage| {
        let least = if usage.exact { "" } else { "≥ " };
        format!("{least}{} out", count_tokens(usage.output))
    }));
    said.join(" · ")
}

fn count_tokens(tokens: u64) -> String {
    count(tokens, "token", "tokens")
}

/// What was estimated: `est. 1,080 prompt + 4,000 output tokens, 5,080 reserved`.
#[must_use]
pub fn estimate(estimate: crate::model::decision::Estimate) -> String {
    format!(
        "est. {} prompt + {} output tokens, {} reserved",
        Grouped(estimate.prompt),
        Grouped(estimate.output),
        Grouped(estimate.charge)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::EndedFor;
    use crate::ui::fixture;

    fn spilled() -> RequestRecord {
        let all = fixture::snapshot().records;
        let mut record = RequestRecord::clone(all.iter().find(|one| one.attempts.len() == 2).unwrap());
        record.attempts[0].took = Duration::from_millis(84);
        record.attempts[0].at = record.at.after(Duration::from_millis(5));
        record.attempts[1].at = record.at.after(Duration::from_millis(589));
        record.attempts[1].took = Duration::from_millis(640);
        record.total = Duration::from_millis(4_329);
        record
    }

    #[test]
    fn the_parts_of_a_request_follow_each_other_and_end_with_it() {
        let record = spilled();
        let parts = parts(&record);
        let phases: Vec<Phase> = parts.iter().map(|part| part.phase).collect();
        let all = [Phase::Waiting, Phase::Failed, Phase::Waiting, Phase::FirstToken, Phase::Answering];
        assert_eq!(phases, all);
        for pair in parts.windows(2) {
            assert_eq!(pair[0].from + pair[0].took, pair[1].from, "{pair:?}");
        }
        assert_eq!(parts[4].from + parts[4].took, record.total);
        assert_eq!(parts[2].name, "waiting to try again");
    }

    #[test]
    fn one_that_was_refused_has_only_waited() {
        let mut record = spilled();
        record.attempts.clear();
        record.end = RecordEnd::Refused;
        assert_eq!(parts(&record).iter().map(|part| part.phase).collect::<Vec<_>>(), [Phase::Waiting]);
        record.total = Duration::ZERO;
        assert!(parts(&record).is_empty(), "refused at once");
    }

    #[test]
    fn a_sending_that_a_proxy_refused_names_the_proxy() {
        let mut record = spilled();
        let fault = &mut record.attempts[0];
        fault.status = None;
        fault.failure.as_mut().unwrap().class = crate::model::outcome::FailureClass::Connect;
        let error = Some("the upstream proxy 10.0.0.1:3128 opened no tunnel: it refused".to_owned());
        fault.said = Some(std::sync::Arc::new(crate::model::record::Said { error, ..Default::default() }));
        assert_eq!(
            result(&record.attempts[0], &record),
            "no answer after 84 ms · no connection · the upstream proxy 10.0.0.1:3128 opened no tunnel: it refused"
        );
    }

    #[test]
    fn a_sending_says_what_came_back_and_which_limit_was_named() {
        let mut record = spilled();
        record.attempts[0].failure.as_mut().unwrap().facts.retry_after = Some(Duration::from_secs(14));
        assert_eq!(result(&record.attempts[0], &record), "429 after 84 ms · Retry-After 14 s · tokens per minute");
        let good = result(&record.attempts[1], &record);
        assert_eq!(good, "200 · first token 640 ms · 3.7 s in all · 1,204 tokens out");
        record.end = RecordEnd::Answered(Ending::CutOff);
        assert!(result(&record.attempts[1], &record).starts_with("cut off · "), "never 200");
    }

    #[test]
    fn what_we_ended_is_said_to_be_ended_by_us_and_why() {
        let mut record = spilled();
        for (why, word, reason) in [
            (EndedFor::Hand, "ended by hand", "somebody ended it in this window"),
            (EndedFor::Stop, "ended by us", "Tidegate was stopped"),
            (EndedFor::LongAsked, "ended by us", "a message of the client's is longer than Tidegate takes"),
        ] {
            record.end = RecordEnd::Answered(Ending::Ended(why));
            let last = record.attempts.last().unwrap();
            assert!(result(last, &record).starts_with("200, then ended by us"), "{}", result(last, &record));
            assert_eq!(super::super::status(&record), word);
            let told = super::super::explain::paragraph(&record);
            assert!(told.ends_with(&format!(" Ended by Tidegate: {reason}.")), "{told}");
        }
    }

    #[test]
    fn what_was_begun_without_output_is_not_said_to_have_had_a_first_token() {
        let mut record = spilled();
        record.first_token = None;
        let last = record.attempts.last().unwrap();
        assert!(result(last, &record).contains(" · begun after "), "{}", result(last, &record));
        assert!(parts(&record).iter().any(|part| part.name.starts_with("until it was begun at")));
    }
}
