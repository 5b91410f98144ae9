//! What we see of an endpoint and what the person set, as tone, glyph and word.
//!
//! Invariant: the two axes are never merged; each state has one word on every page.
//! Absent on purpose: sentences of reasons and verdicts.

use crate::contract::Snapshot;
use crate::model::config::AdminState;
use crate::model::id::EndpointId;
use crate::model::outcome::ThrottleKind;
use crate::model::status::{EndpointView, Health, RestCause};
use crate::model::units::Timestamp;

use super::format::{clock_time, countdown};
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
    let (tone, word, counts_down) = named(cause);
    let left = counts_down && until != Timestamp::MAX;
    Status::new(tone, if left { format!("{word} {}", countdown(until, now)) } else { word.to_owned() })
}

/// Tone and word of a rest, and whether it counts down.
const fn named(cause: RestCause) -> (Tone, &'static str, bool) {
    match cause {
        RestCause::Throttled(ThrottleKind::OutOfCredit) => (Tone::Error, "Out of credit", false),
        RestCause::Throttled(ThrottleKind::ProjectLimit) => (Tone::Error, "Spend limit reached", false),
        RestCause::Throttled(ThrottleKind::Pool) => (Tone::Throttled, "Pool throttled", true),
        RestCause::Throttled(_) => (Tone::Throttled, "Throttled", true),
        RestCause::Errors => (Tone::Error, "Ejected, probe in", true),
        RestCause::Unreachable => (Tone::Error, "Unreachable, probe in", true),
        RestCause::KeyRejected => (Tone::Error, "Key rejected", false),
        RestCause::Blocked => (Tone::Error, "Blocked", false),
        RestCause::NotFound => (Tone::Error, "Deployment not found", false),
    }
}

/// Whether both are called the same, times and percentages aside: a rest that is prolonged is no other state.
#[must_use]
pub fn is_same(one: Health, other: Health) -> bool {
    match (one, other) {
        (Health::Resting { cause, .. }, Health::Resting { cause: before, .. }) => named(cause).1 == named(before).1,
        _ => std::mem::discriminant(&one) == std::mem::discriminant(&other),
    }
}

/// Since when an endpoint is as it is, as Unix milliseconds, as far as the last minutes tell; `None`: it was so before them.
#[must_use]
pub fn since(snapshot: &Snapshot, id: &EndpointId) -> Option<u64> {
    let now = snapshot.view.endpoint(id)?;
    let series = snapshot.series.endpoints.iter().find(|one| one.id == *id)?;
    let mut began = snapshot.at;
    for point in series.points().rev() {
        if !is_same(point.health, now.health) || point.admin_state != now.admin_state {
            return Some(wall(snapshot, began));
        }
        began = Timestamp::from_secs(point.second);
    }
    None
}

/// A moment that is past on the brain's clock, as Unix milliseconds.
#[must_use]
pub fn wall(snapshot: &Snapshot, at: Timestamp) -> u64 {
    let age = snapshot.at.since(at);
    snapshot.wall_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(0))
}

/// `until 14:03:12` where it rests until a time; on hover, where a state stands with its countdown.
#[must_use]
pub fn until(view: &EndpointView, snapshot: &Snapshot) -> Option<String> {
    let Health::Resting { until, cause } = view.health else { return None };
    let ahead = u64::try_from(until.since(snapshot.at).as_millis()).unwrap_or(0);
    let known = until != Timestamp::MAX && named(cause).2;
    known.then(|| format!("until {}", clock_time(snapshot.wall_ms.saturating_add(ahead))))
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
    fn a_rest_for_another_reason_is_another_state_and_a_longer_one_is_not() {
        let resting = |seconds, cause| Health::Resting { until: Timestamp::from_secs(seconds), cause };
        let throttled = |seconds, kind| resting(seconds, RestCause::Throttled(kind));
        assert!(is_same(throttled(1, ThrottleKind::Tokens), throttled(9, ThrottleKind::Requests)));
        assert!(!is_same(throttled(1, ThrottleKind::Tokens), resting(1, RestCause::KeyRejected)));
        assert!(is_same(Health::Ramping { percent: 10 }, Health::Ramping { percent: 60 }));
        assert!(!is_same(Health::Healthy, Health::NearLimit));
    }

    #[test]
    fn a_rest_says_when_it_ends_by_the_clock_and_since_when_it_is_on() {
        let mut snapshot = crate::ui::fixture::snapshot();
        let cause = RestCause::Throttled(ThrottleKind::Tokens);
        let until_then = Timestamp(snapshot.at.0 + 12_000_000);
        let view = &mut std::sync::Arc::make_mut(&mut snapshot.view).endpoints[0];
        view.health = Health::Resting { until: until_then, cause };
        let view = view.clone();
        assert_eq!(until(&view, &snapshot), Some(format!("until {}", clock_time(snapshot.wall_ms + 12_000))));
        assert_eq!(since(&snapshot, &view.id), Some(snapshot.wall_ms), "the last point was of another state");
        let forever = EndpointView { health: Health::Resting { until: Timestamp::MAX, cause }, ..view };
        assert_eq!(until(&forever, &snapshot), None);
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
