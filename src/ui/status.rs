//! What we see of an endpoint and what the person set, as tone, glyph and word.
//!
//! Invariant: the two axes are never merged; each state has one word on every page.
//! Absent on purpose: sentences of reasons and verdicts.

use crate::contract::Snapshot;
use crate::model::config::AdminState;
use crate::model::outcome::ThrottleKind;
use crate::model::status::{EndpointView, Health, RestCause};
use crate::model::units::Timestamp;

use super::format::countdown;
use super::theme::Tone;

/// A state ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Colour and glyph.
    pub tone: Tone,
    /// The word, with a countdown if there is one.
    pub word: String,
}

impl Status {
    fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self { tone, word: word.into() }
    }
}

/// What we see, at the snapshot's moment.
#[must_use]
pub fn health(health: Health, now: Timestamp) -> Status {
    match health {
        Health::Unknown => Status::new(Tone::Quiet, "Not used yet"),
        Health::Healthy => Status::new(Tone::Ok, "Healthy"),
        Health::NearLimit => Status::new(Tone::Near, "Near limit"),
        Health::Resting { until, cause } => resting(cause, until, now),
        Health::Probing => Status::new(Tone::Throttled, "Probing"),
        Health::Ramping { percent } => Status::new(Tone::Near, format!("Ramping {percent} %")),
        Health::NoKey => Status::new(Tone::Error, "No key"),
    }
}

fn resting(cause: RestCause, until: Timestamp, now: Timestamp) -> Status {
    let timed = |tone, word: &str| {
        let left = if until == Timestamp::MAX { String::new() } else { format!(" {}", countdown(until, now)) };
        Status::new(tone, format!("{word}{left}"))
    };
    match cause {
        RestCause::Throttled(ThrottleKind::OutOfCredit) => Status::new(Tone::Error, "Out of credit"),
        RestCause::Throttled(ThrottleKind::ProjectLimit) => Status::new(Tone::Error, "Spend limit reached"),
        RestCause::Throttled(ThrottleKind::Pool) => timed(Tone::Throttled, "Pool throttled"),
        RestCause::Throttled(_) => timed(Tone::Throttled, "Throttled"),
        RestCause::Errors => timed(Tone::Error, "Ejected, probe in"),
        RestCause::Unreachable => timed(Tone::Error, "Unreachable, probe in"),
        RestCause::KeyRejected => Status::new(Tone::Error, "Key rejected"),
        RestCause::Blocked => Status::new(Tone::Error, "Blocked"),
        RestCause::NotFound => Status::new(Tone::Error, "Deployment not found"),
    }
}

/// What the person set.
#[must_use]
pub fn admin(state: AdminState) -> Status {
    match state {
        AdminState::Enabled => Status::new(Tone::Ok, "Enabled"),
        AdminState::Draining => Status::new(Tone::Off, "Draining"),
        AdminState::Paused => Status::new(Tone::Off, "Paused"),
    }
}

/// What we see of an endpoint. One that we have not heard from since it runs may have served before, in an earlier run or
/// before the demo: the history knows.
#[must_use]
pub fn seen(view: &EndpointView, snapshot: &Snapshot) -> Status {
    let used = || snapshot.history.usage.served.contains(&view.id);
    match view.health {
        Health::Unknown if used() => Status::new(Tone::Quiet, "Not used lately"),
        known => health(known, snapshot.at),
    }
}

/// The one state to show where only one fits: what the person set wins, as it is the stronger word.
#[must_use]
pub fn endpoint(view: &EndpointView, snapshot: &Snapshot) -> Status {
    match view.admin_state {
        AdminState::Enabled => seen(view, snapshot),
        set => admin(set),
    }
}

/// The same by the view alone, which does not tell whether what is not used served before. The tone is the same.
#[must_use]
pub fn of_view(view: &EndpointView, now: Timestamp) -> Status {
    match view.admin_state {
        AdminState::Enabled => health(view.health, now),
        set => admin(set),
    }
}

/// How urgent a tone is; larger is worse.
#[must_use]
pub const fn urgency(tone: Tone) -> u8 {
    match tone {
        Tone::Ok | Tone::Quiet => 0,
        Tone::Info => 1,
        Tone::Off => 2,
        Tone::Near => 3,
        Tone::Throttled => 4,
        Tone::Error => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_endpoint_counts_down_from_the_snapshots_moment() {
        let until = Timestamp::from_secs(72);
        let state = Health::Resting { until, cause: RestCause::Throttled(ThrottleKind::Tokens) };
        let shown = health(state, Timestamp::from_secs(60));
        assert_eq!((shown.tone, shown.word.as_str()), (Tone::Throttled, "Throttled 0:12"));
    }

    #[test]
    fn an_endpoint_that_served_before_this_run_is_not_called_unused() {
        let mut snapshot = crate::ui::fixture::snapshot();
        let word = |snapshot: &Snapshot, id: &str| {
            let view = EndpointView { health: Health::Unknown, ..snapshot.view.endpoint(&id.into()).unwrap().clone() };
            endpoint(&view, snapshot).word
        };
        assert_eq!(word(&snapshot, "sim-ptu"), "Not used lately", "the history has requests of it");
        assert_eq!(word(&snapshot, "sim-sweden"), "Not used yet");
        snapshot.history.usage = std::sync::Arc::default();
        assert_eq!(word(&snapshot, "sim-ptu"), "Not used yet");
    }

    #[test]
    fn a_rest_without_an_end_shows_no_countdown() {
        let state = Health::Resting { until: Timestamp::MAX, cause: RestCause::Errors };
        assert!(!health(state, Timestamp::ZERO).word.contains(':'));
    }
}
