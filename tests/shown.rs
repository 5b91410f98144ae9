//! Every state, reason and forecast that the brain knows has a name of its own in the status document and words of its own on
//! screen. The lists are complete, since the match that makes each has no wildcard.
#![cfg(feature = "window")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde::Serialize;
use tidegate::model::decision::{Choice, Exclusion, RefusalReason};
use tidegate::model::outcome::ThrottleKind;
use tidegate::model::outlook::Exhaustion;
use tidegate::model::status::{Health, LimitSource, RestCause, WaitCause};
use tidegate::model::units::{Timestamp, Unit};
use tidegate::ui::{format, status, words};

const NOW: Timestamp = Timestamp::from_secs(100);
const LATER: Timestamp = Timestamp::from_secs(160);

/// All of a kind, from the first on.
fn all<T: Clone>(first: T, next: impl Fn(&T) -> Option<T>) -> Vec<T> {
    std::iter::successors(Some(first), next).collect()
}

/// As the status document has it.
fn name(one: &impl Serialize) -> String {
    serde_json::to_value(one).unwrap_or_default().to_string()
}

/// Each is told apart from all others in the status document, and by its words.
fn are_told_apart<T: Serialize + Debug>(all: &[T], words: impl Fn(&T) -> String) {
    let names: BTreeSet<String> = all.iter().map(name).collect();
    assert_eq!(names.len(), all.len(), "{names:?}");
    let said: BTreeSet<String> = all.iter().map(&words).collect();
    assert_eq!(said.len(), all.len(), "{said:#?}");
    assert!(said.iter().all(|words| !words.trim().is_empty()));
}

fn throttles() -> Vec<ThrottleKind> {
    use ThrottleKind as K;
    all(K::Tokens, |kind| match kind {
        K::Tokens => Some(K::Requests),
        K::Requests => Some(K::Pool),
        K::Pool => Some(K::SharedCapacity),
        K::SharedCapacity => Some(K::Utilization),
        K::Utilization => Some(K::Daily),
        K::Daily => Some(K::OutOfCredit),
        K::OutOfCredit => Some(K::ProjectLimit),
        K::ProjectLimit => Some(K::TooLarge),
        K::TooLarge => Some(K::Growth),
        K::Growth => Some(K::Unknown),
        K::Unknown => None,
    })
}

fn rest_causes() -> Vec<RestCause> {
    use RestCause as C;
    all(C::Throttled(ThrottleKind::Tokens), |cause| match cause {
        C::Throttled(_) => Some(C::Errors),
        C::Errors => Some(C::Unreachable),
        C::Unreachable => Some(C::KeyRejected),
        C::KeyRejected => Some(C::Blocked),
        C::Blocked => Some(C::NotFound),
        C::NotFound => None,
    })
}

#[test]
fn every_kind_of_throttle_and_every_cause_of_a_rest_is_told_apart() {
    are_told_apart(&throttles(), |kind| words::throttle(*kind).to_owned());
    let rests: Vec<Health> = rest_causes().into_iter().map(|cause| Health::Resting { until: LATER, cause }).collect();
    are_told_apart(&rests, |health| status::health(*health, NOW).word);
}

#[test]
fn every_state_of_health_is_told_apart() {
    let cause = RestCause::Errors;
    let states = all(Health::Unknown, |health| match health {
        Health::Unknown => Some(Health::Healthy),
        Health::Healthy => Some(Health::NearLimit),
        Health::NearLimit => Some(Health::Resting { until: LATER, cause }),
        Health::Resting { .. } => Some(Health::Probing),
        Health::Probing => Some(Health::Ramping { percent: 25 }),
        Health::Ramping { .. } => Some(Health::NoKey),
        Health::NoKey => None,
    });
    are_told_apart(&states, |health| status::health(*health, NOW).word);
}

#[test]
fn every_reason_against_an_endpoint_is_told_apart() {
    use Exclusion as E;
    let reasons = all(E::Throttled, |reason| match reason {
        E::Throttled => Some(E::Ejected),
        E::Ejected => Some(E::TokensShort),
        E::TokensShort => Some(E::RequestsShort),
        E::RequestsShort => Some(E::SoftCap),
        E::SoftCap => Some(E::InFlightFull),
        E::InFlightFull => Some(E::Paused),
        E::Paused => Some(E::Draining),
        E::Draining => Some(E::NoKey),
        E::NoKey => Some(E::NotOffered),
        E::NotOffered => Some(E::TooLarge),
        E::TooLarge => Some(E::NotNeeded),
        E::NotNeeded => Some(E::TriedAlready),
        E::TriedAlready => Some(E::PoolShort),
        E::PoolShort => Some(E::Ramping),
        E::Ramping => Some(E::ProbeRunning),
        E::ProbeRunning => Some(E::LineAhead),
        E::LineAhead => Some(E::KeptForImportant),
        E::KeptForImportant => Some(E::BoundElsewhere),
        E::BoundElsewhere => Some(E::RegionExcluded),
        E::RegionExcluded => Some(E::Withheld),
        E::Withheld => Some(E::CallerShort),
        E::CallerShort => Some(E::InputShort),
        E::InputShort => Some(E::OutputShort),
        E::OutputShort => Some(E::DayShort),
        E::DayShort => Some(E::GrowthGuard),
        E::GrowthGuard => Some(E::ForeignTraffic),
        E::ForeignTraffic => Some(E::NotAsked),
        E::NotAsked => None,
    });
    are_told_apart(&reasons, |reason| words::exclusion(*reason).to_owned());
}

#[test]
fn every_choice_is_told_apart() {
    use Choice as C;
    let choices = all(C::OnlyCandidate, |choice| match choice {
        C::OnlyCandidate => Some(C::LastLeft),
        C::LastLeft => Some(C::MostHeadroom),
        C::MostHeadroom => Some(C::WeightDraw { draw: 1, of: 3 }),
        C::WeightDraw { .. } => Some(C::Probe),
        C::Probe => Some(C::Turn),
        C::Turn => Some(C::StateLives),
        C::StateLives => Some(C::CacheHome),
        C::CacheHome => Some(C::Conversation),
        C::Conversation => Some(C::Quickest),
        C::Quickest => Some(C::SameCaller),
        C::SameCaller => Some(C::LeastBad),
        C::LeastBad => Some(C::ByHand),
        C::ByHand => None,
    });
    are_told_apart(&choices, |choice| words::choice(*choice));
}

#[test]
fn every_refusal_is_told_apart() {
    use RefusalReason as R;
    let refusals = all(R::NoCapacityInTime, |reason| match reason {
        R::NoCapacityInTime => Some(R::LineFull),
        R::LineFull => Some(R::TooLargeEverywhere),
        R::TooLargeEverywhere => Some(R::UnknownModel),
        R::UnknownModel => Some(R::NothingUsable),
        R::NothingUsable => Some(R::AttemptsSpent),
        R::AttemptsSpent => Some(R::Stopping),
        R::Stopping => Some(R::Cancelled),
        R::Cancelled => Some(R::StateElsewhere),
        R::StateElsewhere => Some(R::StateOutOfReach),
        R::StateOutOfReach => Some(R::StateTorn),
        R::StateTorn => Some(R::StateLeft),
        R::StateLeft => Some(R::AccountRests),
        R::AccountRests => None,
    });
    are_told_apart(&refusals, |reason| words::refusal(*reason).to_owned());
}

#[test]
fn every_source_of_a_limit_every_wait_and_every_forecast_of_a_full_limit_is_told_apart() {
    let sources = all(LimitSource::Configured, |source| match source {
        LimitSource::Configured => Some(LimitSource::Derived),
        LimitSource::Derived => Some(LimitSource::Header),
        LimitSource::Header => Some(LimitSource::Learned),
        LimitSource::Learned => Some(LimitSource::SoftCap),
        LimitSource::SoftCap => Some(LimitSource::Allotted),
        LimitSource::Allotted => Some(LimitSource::Unknown),
        LimitSource::Unknown => None,
    });
    are_told_apart(&sources, |source| words::limit_source(*source).to_owned());
    let waits = all(WaitCause::Room, |cause| match cause {
        WaitCause::Room => Some(WaitCause::Account("a".into())),
        WaitCause::Account(_) => Some(WaitCause::Caller),
        WaitCause::Caller => None,
    });
    let names: BTreeSet<String> = waits.iter().map(name).collect();
    assert_eq!(names.len(), waits.len());
    let units = all(Unit::Tokens, |unit| match unit {
        Unit::Tokens => Some(Unit::Requests),
        Unit::Requests => Some(Unit::Input),
        Unit::Input => Some(Unit::Output),
        Unit::Output => Some(Unit::DayTokens),
        Unit::DayTokens => Some(Unit::DayRequests),
        Unit::DayRequests => None,
    });
    let full = |of| Exhaustion { at: LATER, earliest: LATER, latest: LATER, of };
    let forecasts: Vec<Exhaustion> = units.into_iter().map(full).collect();
    are_told_apart(&forecasts, |when| format::full_in(*when, NOW).unwrap_or_default());
}
