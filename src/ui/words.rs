//! Sentences from codes and numbers: what a verdict, a failure or a refusal is called on screen.
//!
//! Invariant: every code of `model::decision` has words, and the same code always has the same words.
//! Absent on purpose: what an endpoint's state is called (`ui::status`), drawing, colours, clocks.

use crate::model::config::{AdminState, Priority, Spread};
use crate::model::decision::{Choice, Conclusion, Exclusion, RefusalReason};
use crate::model::outcome::{EndedFor, Ending, FailureClass, ThrottleKind};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::status::LimitSource;

use super::format;

pub mod attempt;
pub mod change;
pub mod explain;

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;

/// The name of the priority group at `place` (from 1) of `groups` within a sentence: *second choice*.
#[must_use]
pub fn group_in_sentence(place: usize, groups: usize) -> String {
    format::group_rank(place.saturating_sub(1), groups).to_lowercase()
}

/// When a group is used, as the end of its lane's heading.
#[must_use]
pub fn group_rule(place: usize, groups: usize) -> &'static str {
    match place {
        1 => "used whenever one has room",
        2 if groups != 2 => "when every first choice is throttled or full",
        _ if place == groups => "only when nothing above can answer",
        _ => "when everything above is throttled or full",
    }
}

/// How important a request is.
#[must_use]
pub const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Interactive => "interactive",
        Priority::Normal => "normal",
        Priority::Bulk => "bulk",
    }
}

/// Why the chosen one was chosen, as a clause after "chosen:".
#[must_use]
pub fn choice(choice: Choice) -> String {
    match choice {
        Choice::OnlyCandidate => "the route's only endpoint".to_owned(),
        Choice::LastLeft => "the only one of its group that could take it".to_owned(),
        Choice::MostHeadroom => "the most room in its group".to_owned(),
        Choice::WeightDraw { draw, of } => format!("drawn by weight ({draw} of {of})"),
        Choice::Probe => "sent as a probe to see whether it answers again".to_owned(),
        Choice::Turn => "its turn in the group".to_owned(),
        Choice::StateLives => "its account holds the stored state that the request refers to".to_owned(),
        Choice::CacheHome => "its prompt cache may know this prompt".to_owned(),
        Choice::Conversation => "it answered this conversation before".to_owned(),
        Choice::Quickest => "the quicker of two to the first token".to_owned(),
        Choice::SameCaller => "it answered this caller before".to_owned(),
        Choice::LeastBad => "the first due back; everything rests by our own judgement".to_owned(),
        Choice::ByHand => "sent there by hand from the waiting line".to_owned(),
    }
}

/// Why a candidate was not taken, as a short verdict for a table.
#[must_use]
pub const fn exclusion(exclusion: Exclusion) -> &'static str {
    match exclusion {
        Exclusion::Throttled => "throttled by the provider",
        Exclusion::Ejected => "resting after errors",
        Exclusion::TokensShort => "not enough tokens free",
        Exclusion::RequestsShort => "not enough requests free",
        Exclusion::SoftCap => "held by our soft cap",
        Exclusion::InFlightFull => "as many in flight as allowed",
        Exclusion::Paused => "paused by you",
        Exclusion::Draining => "draining",
        Exclusion::NoKey => "no usable key",
        Exclusion::NotOffered => "does not offer the model",
        Exclusion::TooLarge => "request larger than its whole limit",
        Exclusion::NotNeeded => "not needed: a better one answered",
        Exclusion::TriedAlready => "tried already",
        Exclusion::PoolShort => "its quota pool is too full",
        Exclusion::Ramping => "recovering, its share for now is used",
        Exclusion::ProbeRunning => "a probe is on its way",
        Exclusion::LineAhead => "others whose turn it is wait for it",
        Exclusion::KeptForImportant => "what is free there is kept for more important requests",
        Exclusion::BoundElsewhere => "the stored state lives in another account",
        Exclusion::RegionExcluded => "kept out by the route's regions",
        Exclusion::Withheld => "its group was left and is still too full",
        Exclusion::CallerShort => "its caller has used its limit",
        Exclusion::InputShort => "not enough input tokens free",
        Exclusion::OutputShort => "not enough output tokens free",
        Exclusion::DayShort => "the limit of the day is used",
        Exclusion::GrowthGuard => "load there may grow only slowly",
        Exclusion::ForeignTraffic => "others use the same quota",
        Exclusion::NotAsked => "not asked: no attempt was due",
    }
}

/// The code of a conclusion that is ours: `H-01` held, `H-02` refused. `None` if the request went out.
#[must_use]
pub const fn conclusion_code(conclusion: Conclusion) -> Option<&'static str> {
    match conclusion {
        Conclusion::Held { .. } => Some("H-01"),
        Conclusion::Refused(_) => Some("H-02"),
        Conclusion::Sent | Conclusion::PassedOn => None,
    }
}

/// Why we refused, as the end of "Refused by us: …".
#[must_use]
pub const fn refusal(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::NoCapacityInTime => "nothing fits within the allowed wait",
        RefusalReason::LineFull => "the waiting line is full",
        RefusalReason::TooLargeEverywhere => "the request is larger than every endpoint's whole limit",
        RefusalReason::UnknownModel => "no route answers for this model",
        RefusalReason::NothingUsable => "every endpoint of the route is paused, draining or without a usable key",
        RefusalReason::AttemptsSpent => "the allowed attempts are used up",
        RefusalReason::Stopping => "Tidegate was stopping",
        RefusalReason::Cancelled => "taken out of the waiting line by hand",
        RefusalReason::StateElsewhere => "its stored state lives in an account that the route does not use",
        RefusalReason::StateOutOfReach => "the account that holds its stored state cannot take it",
        RefusalReason::StateTorn => "it refers to stored state in more than one account",
        RefusalReason::StateLeft => "its account has another address or key than when it kept the stored state",
        RefusalReason::AccountRests => "the account that keeps what it asks for rests",
    }
}

/// Who says what a limit is.
#[must_use]
pub const fn limit_source(source: LimitSource) -> &'static str {
    match source {
        LimitSource::Configured => "typed by you",
        LimitSource::Derived => "from the pool's ratio",
        LimitSource::Header => "from response headers",
        LimitSource::Learned => "learned from what it let in and refused",
        LimitSource::SoftCap => "our soft cap",
        LimitSource::Allotted => "our share of the pool for now",
        LimitSource::Unknown => "not known, so it holds nothing back",
    }
}

/// What the provider's 429 was about.
#[must_use]
pub const fn throttle(kind: ThrottleKind) -> &'static str {
    match kind {
        ThrottleKind::Tokens => "tokens per minute",
        ThrottleKind::Requests => "requests per minute",
        ThrottleKind::Pool => "shared tokens per minute",
        ThrottleKind::SharedCapacity => "no capacity at the service",
        ThrottleKind::Utilization => "provisioned throughput full",
        ThrottleKind::Daily => "daily limit",
        ThrottleKind::OutOfCredit => "no credit left",
        ThrottleKind::ProjectLimit => "the project's spend limit",
        ThrottleKind::TooLarge => "request too large",
        ThrottleKind::Growth => "load grew too quickly",
        ThrottleKind::Unknown => "limit not named",
    }
}

/// How an attempt failed.
#[must_use]
pub const fn failure(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Throttled(kind) => throttle(kind),
        FailureClass::KeyRejected => "key rejected",
        FailureClass::Blocked => "blocked",
        FailureClass::NotFound => "deployment not found",
        FailureClass::ServerError => "server error",
        FailureClass::Overloaded => "overloaded",
        FailureClass::Connect => "no connection",
        FailureClass::Timeout => "no answer in time",
        FailureClass::Broken => "connection broke",
        FailureClass::Transient => "asked to try again",
        FailureClass::ClientFault => "request at fault",
    }
}

/// What the person set.
#[must_use]
pub const fn admin_state(state: AdminState) -> &'static str {
    match state {
        AdminState::Enabled => "enabled",
        AdminState::Draining => "draining",
        AdminState::Paused => "paused",
    }
}

/// How a group splits, for its combo box.
#[must_use]
pub const fn spread(spread: Spread) -> &'static str {
    match spread {
        Spread::Headroom => "most headroom",
        Spread::Weights => "weights",
        Spread::RoundRobin => "round-robin",
        Spread::Latency => "lowest latency",
        Spread::Conversation => "stick to conversation",
        Spread::Caller => "stick to caller",
    }
}

/// How a request ended, in a word or two.
#[must_use]
pub const fn record_end(end: RecordEnd) -> &'static str {
    match end {
        RecordEnd::Answered(Ending::Completed) => "answered",
        RecordEnd::Answered(Ending::CutOff) => "cut off",
        RecordEnd::Answered(Ending::ClientLeft) => "client left",
        RecordEnd::Answered(Ending::Ended(EndedFor::Hand)) => "ended by hand",
        RecordEnd::Answered(Ending::Ended(_)) => "ended by us",
        RecordEnd::Refused => "refused by us",
        RecordEnd::Failed => "failed",
        RecordEnd::LeftWaiting => "left while waiting",
    }
}

/// Why we ended what was under way.
#[must_use]
pub const fn ended(why: EndedFor) -> &'static str {
    match why {
        EndedFor::Hand => "somebody ended it in this window",
        EndedFor::Stop => "Tidegate was stopped",
        EndedFor::LongAsked => "a message of the client's is longer than Tidegate takes",
        EndedFor::LongAnswered => "a message of the service's is longer than Tidegate takes",
        EndedFor::NotTaken => "the client took nothing in for too long",
    }
}

/// What a request met before it ended otherwise: `after 429`, `after 429 and 500`, `after no connection`. `None`: nothing.
#[must_use]
pub fn met(record: &RequestRecord) -> Option<String> {
    let passed_on = record.end == RecordEnd::Failed;
    let earlier = record.attempts.len().saturating_sub(usize::from(passed_on));
    let mut met: Vec<String> = Vec::new();
    for attempt in record.attempts.iter().take(earlier) {
        let Some(fault) = &attempt.failure else { continue };
        let word = attempt.status.map_or_else(|| failure(fault.class).to_owned(), |status| status.to_string());
        if !met.contains(&word) {
            met.push(word);
        }
    }
    let words: Vec<&str> = met.iter().map(String::as_str).collect();
    (!words.is_empty()).then(|| format!("after {}", format::listed(&words)))
}

/// The status cell of a request: its code, or what a code would hide. A cut-off stream never shows as 200.
#[must_use]
pub fn status(record: &RequestRecord) -> String {
    match record.end {
        RecordEnd::Answered(Ending::Completed) => record.status.to_string(),
        RecordEnd::Answered(_) | RecordEnd::LeftWaiting => record_end(record.end).to_owned(),
        RecordEnd::Refused => format!("{} by us", record.status),
        RecordEnd::Failed => format!("{} failed", record.status),
    }
}
