//! Why a request went where it went: the one line, the paragraph, and what would have changed it.
//!
//! Invariant: every number said here was written by the brain when it chose; nothing is computed from newer state.
//! Absent on purpose: guesses. Where the numbers give no counterfactual, none is offered.

use std::fmt::Write as _;

use crate::model::decision::{Candidate, Choice, Conclusion, Decision, Exclusion, RefusalReason, Verdict};
use crate::model::id::EndpointId;
use crate::model::outcome::Ending;
use crate::model::record::{AttemptRecord, RecordEnd, RequestRecord};
use crate::model::status::{Health, RestCause};
use crate::model::units::{Grouped, Timestamp};

use super::{change, choice, ended, exclusion, failure, group_in_sentence, refusal};
use crate::ui::format::{count, group_rank, listed, span, span_up};

/// How many priority groups the decision's route had.
#[must_use]
pub fn groups(decision: &Decision) -> usize {
    decision.candidates.iter().map(|candidate| candidate.group as usize).max().unwrap_or(1)
}

/// Why one request needs different amounts at different endpoints.
pub const WHY_NEEDS_DIFFER: &str =
    "It needs different amounts: each endpoint's estimate is corrected by what its service charged before.";

/// Whether candidates that were judged by tokens a minute need different amounts of them.
#[must_use]
pub fn needs_differ(decision: &Decision) -> bool {
    let judged = decision.candidates.iter().filter(|one| unit(one, decision) == "TPM" && needs_and_has(one) != "–");
    let mut needs = judged.map(|one| one.needs);
    needs.next().is_some_and(|first| needs.any(|other| other != first))
}

/// The unit in which this candidate's `needs` and `has` are counted.
#[must_use]
pub fn unit(candidate: &Candidate, decision: &Decision) -> &'static str {
    match candidate.verdict {
        Verdict::Excluded(Exclusion::InFlightFull) => "requests in flight",
        Verdict::Excluded(Exclusion::RequestsShort) => "requests",
        Verdict::Excluded(Exclusion::Withheld) => "% taken",
        Verdict::Excluded(Exclusion::InputShort) => "input tokens a minute",
        Verdict::Excluded(Exclusion::OutputShort) => "output tokens a minute",
        Verdict::Excluded(Exclusion::DayShort) if candidate.needs <= 1 => "requests a day",
        Verdict::Excluded(Exclusion::DayShort) => "tokens a day",
        _ if candidate.needs <= 1 && decision.estimate.charge > 1 => "requests",
        _ => "TPM",
    }
}

/// The cell of a request row: "First choice sim-ptu: 58,400 of 60,000 TPM free".
#[must_use]
pub fn one_line(record: &RequestRecord) -> String {
    let Some(decision) = record.decisions.last() else { return without_decision(record) };
    match (decision.conclusion, decision.chosen()) {
        (Conclusion::Refused(reason), _) => format!("Refused by us: {}", refusal(reason)),
        (Conclusion::Held { expected }, _) => {
            format!("Held by us, expected to wait {}", span(expected.since(decision.at)))
        }
        (Conclusion::PassedOn, _) => match record.attempts.last() {
            Some(attempt) => format!("{}, passed on", attempt_clause(attempt)),
            None => "The provider's failure was passed on".to_owned(),
        },
        (Conclusion::Sent, Some(taken)) => format!("{}{}", sent_line(&taken, decision), after_failures(record)),
        (Conclusion::Sent, None) => "Sent".to_owned(),
    }
}

/// The paragraph on top of the Why panel. It ends with a full stop.
#[must_use]
pub fn paragraph(record: &RequestRecord) -> String {
    let ending = match record.end {
        RecordEnd::Answered(Ending::CutOff) => " The answer was cut off after it had begun.".to_owned(),
        RecordEnd::Answered(Ending::ClientLeft) => " The client left before the end.".to_owned(),
        RecordEnd::Answered(Ending::Ended(why)) => format!(" Ended by Tidegate: {}.", ended(why)),
        RecordEnd::LeftWaiting if !record.decisions.is_empty() => " The client left before it was answered.".to_owned(),
        _ => String::new(),
    };
    format!("{}{}{ending}", routing(record), before_that(record))
}

/// Sendings that failed before the one that was decided last.
fn failures<'r>(record: &'r RequestRecord, decision: &Decision) -> impl Iterator<Item = &'r AttemptRecord> {
    let until = decision.at;
    record.attempts.iter().filter(move |attempt| attempt.failure.is_some() && attempt.at <= until)
}

/// The end of a row's line: what went wrong first.
fn after_failures(record: &RequestRecord) -> String {
    let Some(decision) = record.decisions.last() else { return String::new() };
    let mut failed = failures(record, decision);
    match (failed.next(), failed.count()) {
        (None, _) => String::new(),
        (Some(only), 0) => format!(", after {}", attempt_clause(only)),
        (Some(_), more) => format!(", after {} failed", count(more as u64 + 1, "sending", "sendings")),
    }
}

/// What failed earlier and is in none of the reasons: those endpoints may have been fine again when it was decided.
fn before_that(record: &RequestRecord) -> String {
    let Some(decision) = record.decisions.last().filter(|decision| decision.conclusion == Conclusion::Sent) else {
        return String::new();
    };
    let told = clauses(record, decision).join(", ");
    let untold: Vec<String> =
        failures(record, decision).map(attempt_clause).filter(|clause| !told.contains(clause.as_str())).collect();
    if untold.is_empty() {
        return String::new();
    }
    let untold: Vec<&str> = untold.iter().map(String::as_str).collect();
    format!(" Before that, {}.", listed(&untold))
}

/// Where it went and why, without how it ended.
fn routing(record: &RequestRecord) -> String {
    let Some(decision) = record.decisions.last() else { return format!("{}.", without_decision(record)) };
    let reasons = clauses(record, decision);
    let because = if reasons.is_empty() { String::new() } else { format!(" because {}", reasons.join(", and ")) };
    match (decision.conclusion, decision.chosen()) {
        (Conclusion::Sent, Some(taken)) => sent_paragraph(&taken, decision, &because),
        (Conclusion::Sent, None) => "Sent; the decision names no endpoint.".to_owned(),
        (Conclusion::Held { expected }, _) => {
            let wait = span(expected.since(decision.at));
            format!("Held in our waiting line{because}. It was expected to go after {wait}.")
        }
        (Conclusion::Refused(reason), _) => refused_paragraph(reason, decision, &because),
        (Conclusion::PassedOn, _) => {
            let answer =
                record.attempts.last().map_or_else(String::new, |attempt| format!(": {}", attempt_clause(attempt)));
            format!("The provider's failure was passed on to the client{answer}.")
        }
    }
}

/// What would have kept it on a better endpoint, if the brain found a single change that does.
#[must_use]
pub fn counterfactual(decision: &Decision) -> Option<String> {
    let would_have = decision.would_have.as_ref()?;
    Some(change::sentence(would_have, decision.chosen().is_some()))
}

/// The verdict cell of the candidates table.
#[must_use]
pub fn verdict(candidate: &Candidate) -> String {
    match candidate.verdict {
        Verdict::Chosen(reason) => format!("chosen: {}", choice(reason)),
        Verdict::Excluded(reason) => exclusion(reason).to_owned(),
    }
}

/// The code of a verdict.
#[must_use]
pub const fn verdict_code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Chosen(reason) => reason.code(),
        Verdict::Excluded(reason) => reason.code(),
    }
}

/// `5,080 / 1,900`: what was needed and what was free; a dash where room did not decide.
#[must_use]
pub fn needs_and_has(candidate: &Candidate) -> String {
    let decided_by_room = !matches!(candidate.verdict, Verdict::Excluded(Exclusion::NotNeeded | Exclusion::NotAsked));
    match (candidate.verdict, candidate.has.filter(|_| decided_by_room)) {
        (Verdict::Excluded(Exclusion::KeptForImportant), Some(has)) => {
            format!("{} / {} kept", Grouped(candidate.needs), Grouped(has))
        }
        (_, Some(has)) => format!("{} / {}", Grouped(candidate.needs), Grouped(has)),
        (Verdict::Chosen(_), None) => format!("{} / limit unknown", Grouped(candidate.needs)),
        (Verdict::Excluded(_), None) => "–".to_owned(),
    }
}

fn without_decision(record: &RequestRecord) -> String {
    match record.end {
        RecordEnd::LeftWaiting => "The client left before a route was chosen".to_owned(),
        _ => format!("No route answers for model {}", record.profile.model),
    }
}

fn sent_line(taken: &Candidate, decision: &Decision) -> String {
    let place = group_rank((taken.group as usize).saturating_sub(1), groups(decision));
    match free(taken, decision) {
        Some(free) => format!("{place} {}: {free} free", taken.endpoint),
        None => format!("{place} {}: limit unknown", taken.endpoint),
    }
}

fn sent_paragraph(taken: &Candidate, decision: &Decision, because: &str) -> String {
    let place = group_in_sentence(taken.group as usize, groups(decision));
    let waited =
        if decision.waited.is_zero() { String::new() } else { format!(" after {} in line", span(decision.waited)) };
    let went_on = decision.went_on.as_ref();
    let went_on = went_on.map_or_else(String::new, |model| format!(" The route went on with model {model}."));
    let (id, reason) = (&taken.endpoint, chosen_reason(taken));
    if taken.verdict == Verdict::Chosen(Choice::ByHand) {
        let room = free(taken, decision).map_or_else(|| "limit unknown".to_owned(), |free| format!("{free} free"));
        return format!("Sent to {id} ({place}) by hand{waited}: {room}.{went_on}");
    }
    if because.is_empty() {
        let room = free(taken, decision).map_or_else(|| "limit unknown".to_owned(), |free| format!("{free} free"));
        return format!("Sent to {id}{waited}: {place}, {room}{reason}.{went_on}");
    }
    format!("Sent to {id} ({place}){waited}{because}.{went_on}")
}

/// What made the chosen one win over its equals, where that says more than its place.
fn chosen_reason(taken: &Candidate) -> String {
    match taken.verdict {
        Verdict::Chosen(Choice::OnlyCandidate | Choice::LastLeft) | Verdict::Excluded(_) => String::new(),
        Verdict::Chosen(reason) => format!(", {}", choice(reason)),
    }
}

fn refused_paragraph(reason: RefusalReason, decision: &Decision, because: &str) -> String {
    let comma = if because.is_empty() { "" } else { "," };
    let mut text = format!("Refused by us: {}{comma}{because}.", refusal(reason));
    let earliest = decision.candidates.iter().filter_map(|candidate| candidate.free_at).min();
    if let Some(at) = earliest.filter(|at| *at > decision.at) {
        let _ = write!(text, " The earliest it could have gone: in {}.", span_up(at.since(decision.at)));
    }
    text
}

/// One clause for each candidate that was ahead of the outcome and could not take the request.
fn clauses(record: &RequestRecord, decision: &Decision) -> Vec<String> {
    let limit = decision.chosen().map_or(u32::MAX, |candidate| candidate.group);
    decision
        .candidates
        .iter()
        .filter(|candidate| candidate.group <= limit)
        .filter_map(|candidate| clause(&candidate, record, decision))
        .collect()
}

fn clause(candidate: &Candidate, record: &RequestRecord, decision: &Decision) -> Option<String> {
    let Verdict::Excluded(reason) = candidate.verdict else { return None };
    let id = &candidate.endpoint;
    let earlier = record
        .attempts
        .iter()
        .rev()
        .find(|attempt| attempt.endpoint == *id && attempt.failure.is_some() && attempt.at <= decision.at);
    let text = match (reason, earlier) {
        (Exclusion::NotNeeded, _) | (Exclusion::NotAsked, None) => return None,
        (Exclusion::TriedAlready | Exclusion::NotAsked | Exclusion::Throttled | Exclusion::Ejected, Some(attempt)) => {
            format!("{}{}", attempt_clause(attempt), resting_clause(candidate.health, decision.at))
        }
        (Exclusion::Throttled, None) => format!("{id} is throttled by the provider{}", until(candidate, decision.at)),
        (Exclusion::Ejected, None) => format!("{id} rests after errors{}", until(candidate, decision.at)),
        (
            Exclusion::TokensShort
            | Exclusion::RequestsShort
            | Exclusion::SoftCap
            | Exclusion::InFlightFull
            | Exclusion::PoolShort
            | Exclusion::InputShort
            | Exclusion::OutputShort
            | Exclusion::DayShort
            | Exclusion::CallerShort
            | Exclusion::GrowthGuard
            | Exclusion::ForeignTraffic
            | Exclusion::TooLarge,
            _,
        ) => room_clause(candidate, reason, decision),
        (Exclusion::Paused, _) => format!("{id} is paused by you"),
        (Exclusion::Draining, _) => format!("{id} is draining"),
        (Exclusion::NoKey, _) => format!("{id} has no usable key"),
        (Exclusion::NotOffered, _) => format!("{id} does not offer the model"),
        (Exclusion::TriedAlready, None) => format!("{id} was tried already"),
        (Exclusion::Ramping, _) => format!("{id} is recovering and its share for now is used"),
        (Exclusion::ProbeRunning, _) => format!("{id} is being probed just now"),
        (Exclusion::LineAhead, _) => format!("others whose turn it is wait for {id}"),
        (Exclusion::KeptForImportant, _) => return kept_clause(candidate, decision),
        (Exclusion::BoundElsewhere, _) => return bound_clause(candidate, decision),
        (Exclusion::RegionExcluded, _) => format!("{id} is kept out by the route's regions"),
        (Exclusion::Withheld, _) => withheld_clause(candidate, decision.at),
    };
    Some(text)
}

/// Said once, at the first of those that are kept.
fn kept_clause(candidate: &Candidate, decision: &Decision) -> Option<String> {
    let kept = Verdict::Excluded(Exclusion::KeptForImportant);
    let limit = decision.chosen().map_or(u32::MAX, |chosen| chosen.group);
    let all: Vec<EndpointId> = decision
        .candidates
        .iter()
        .filter(|one| one.verdict == kept && one.group <= limit)
        .map(|one| one.endpoint)
        .collect();
    if all.first() != Some(&candidate.endpoint) {
        return None;
    }
    let names: Vec<&str> = all.iter().map(EndpointId::as_str).collect();
    let free = free(candidate, decision).filter(|_| all.len() == 1);
    let what = free.map_or_else(|| "what is free".to_owned(), |free| format!("what is free ({free})"));
    Some(format!("{what} at {} is kept for more important requests expected within the minute", listed(&names)))
}

/// Said once, at the first of those that are passed over for it.
fn bound_clause(candidate: &Candidate, decision: &Decision) -> Option<String> {
    let bound = Verdict::Excluded(Exclusion::BoundElsewhere);
    let mut passed = decision.candidates.iter().filter(|one| one.verdict == bound);
    let first = passed.next().filter(|first| first.endpoint == candidate.endpoint)?;
    let all = match passed.count() {
        0 => first.endpoint.to_string(),
        others => format!("{} and {others} more", first.endpoint),
    };
    Some(match &decision.bound {
        Some(account) => format!("the stored state it refers to lives in account {account}, out of reach of {all}"),
        None => format!("the stored state it refers to lies in several accounts, none of it all in reach of {all}"),
    })
}

fn room_clause(candidate: &Candidate, reason: Exclusion, decision: &Decision) -> String {
    let (id, needs, unit) = (&candidate.endpoint, Grouped(candidate.needs), unit(candidate, decision));
    if reason == Exclusion::TooLarge {
        let limit = candidate.limit.map_or_else(String::new, |limit| format!(" of {} {unit}", Grouped(limit)));
        return format!("this request needs {needs} and is larger than the whole limit{limit} of {id}");
    }
    if reason == Exclusion::InFlightFull {
        let limit = candidate.limit.map_or_else(|| "as many".to_owned(), |limit| Grouped(limit).to_string());
        return format!("{id} already had {limit} requests in flight");
    }
    if reason == Exclusion::CallerShort {
        let had = free(candidate, decision).unwrap_or_else(|| format!("not enough {unit}"));
        return format!("{id} was not asked: the caller's own limit had {had} free and this request needs {needs}");
    }
    let whose = match reason {
        Exclusion::SoftCap => " under its soft cap",
        Exclusion::PoolShort => " in its quota pool",
        Exclusion::GrowthGuard => " at the pace its load may grow",
        Exclusion::ForeignTraffic => " beside what others use of it",
        _ => "",
    };
    match free(candidate, decision) {
        Some(free) => format!("{id} had {free} free{whose} and this request needs {needs}"),
        None => format!("{id} had not enough {unit} free{whose}"),
    }
}

fn withheld_clause(candidate: &Candidate, at: Timestamp) -> String {
    let (id, taken) = (&candidate.endpoint, candidate.has.unwrap_or(0));
    match candidate.free_at.filter(|until| *until > at) {
        Some(until) => format!("the group of {id} was left and stays so for {}", span(until.since(at))),
        None => format!("the group of {id} has {taken} % taken and is used below {} %", candidate.needs),
    }
}

fn attempt_clause(attempt: &AttemptRecord) -> String {
    match (attempt.status, &attempt.failure) {
        (Some(status), _) => format!("{} answered {status}", attempt.endpoint),
        (None, Some(fault)) => format!("{} failed ({})", attempt.endpoint, failure(fault.class)),
        (None, None) => format!("{} was tried", attempt.endpoint),
    }
}

fn resting_clause(state: Health, at: Timestamp) -> String {
    match state {
        Health::Resting { until, cause: RestCause::Throttled(_) } => {
            format!(" and is throttled by the provider for {}", span(until.since(at)))
        }
        Health::Resting { until, .. } => format!(" and rests for {}", span(until.since(at))),
        _ => String::new(),
    }
}

fn until(candidate: &Candidate, at: Timestamp) -> String {
    let rest = match candidate.health {
        Health::Resting { until, .. } => Some(until),
        _ => candidate.free_at,
    };
    rest.map_or_else(String::new, |until| format!(" for {}", span(until.since(at))))
}

/// `1,900 of 60,000 TPM`; `None` if no limit is known.
fn free(candidate: &Candidate, decision: &Decision) -> Option<String> {
    let (has, unit) = (candidate.has?, unit(candidate, decision));
    Some(match candidate.limit {
        Some(limit) => format!("{} of {} {unit}", Grouped(has), Grouped(limit)),
        None => format!("{} {unit}", Grouped(has)),
    })
}
