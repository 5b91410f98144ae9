//! What would have kept a request on a better endpoint, as a sentence.
//!
//! Invariant: it says what the brain found and nothing else; where it found nothing, nothing is said.
//! Absent on purpose: finding out.

use std::fmt::Write as _;

use crate::model::counterfactual::{Change, Counterfactual};
use crate::model::units::Grouped;
use crate::ui::format::span_up;

/// The smallest single change that would have flipped the outcome; `sent`: to another endpoint instead.
#[must_use]
pub fn sentence(would_have: &Counterfactual, sent: bool) -> String {
    let start = match (sent, would_have.change) {
        (true, _) => "It would have stayed on",
        (false, Change::Later(_)) => "It would have gone to",
        (false, _) => "It would have gone at once to",
    };
    let mut text = format!("{start} {} {}", would_have.endpoint, clause(would_have.change));
    if let Some(cap) = would_have.output_cap {
        let _ = write!(text, ", or max_tokens ≤ {}", Grouped(cap));
    }
    text.push('.');
    text
}

/// The change, as the end of the sentence.
fn clause(change: Change) -> String {
    match change {
        Change::TokensMore(more) => format!("with {} more TPM", Grouped(more)),
        Change::RequestsMore(more) => format!("with {} more requests per minute", Grouped(more)),
        Change::InputMore(more) => format!("with {} more input TPM", Grouped(more)),
        Change::OutputMore(more) => format!("with {} more output TPM", Grouped(more)),
        Change::DayTokensMore(more) => format!("with {} more tokens a day", Grouped(more)),
        Change::DayRequestsMore(more) => format!("with {} more requests a day", Grouped(more)),
        Change::CallerTokensMore(more) => format!("with {} more TPM for its caller", Grouped(more)),
        Change::CallerRequestsMore(more) => format!("with {} more requests per minute for its caller", Grouped(more)),
        Change::CallerInFlightMore(1) => "with one more request in flight allowed to its caller".to_owned(),
        Change::CallerInFlightMore(more) => format!("with {more} more requests in flight allowed to its caller"),
        Change::SoftCapHigher(more) => format!("with a soft cap {} TPM higher", Grouped(more)),
        Change::PoolTokensMore(more) => format!("with {} TPM more in its quota pool", Grouped(more)),
        Change::PoolRequestsMore(more) => format!("with {} requests per minute more in its quota pool", Grouped(more)),
        Change::InFlightMore(1) => "with one more request in flight allowed".to_owned(),
        Change::InFlightMore(more) => format!("with {more} more requests in flight allowed"),
        Change::NobodyAhead => "with nobody waiting ahead".to_owned(),
        Change::NotWithheld(percent) => format!("if its group were left only above {percent} %"),
        Change::Later(wait) => format!("{} later", span_up(wait)),
        Change::Enabled => "if it were enabled".to_owned(),
        Change::KeySet => "with a usable key".to_owned(),
        Change::RegionPermitted => "if the route's regions permitted it".to_owned(),
        Change::Priority(priority) => format!("with priority {}", super::priority(priority)),
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
