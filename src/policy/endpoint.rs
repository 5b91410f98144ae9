//! What is known of one endpoint: charges, health, learned limits, counters.
//!
//! Invariant: keyed by the endpoint's id for the life of the process; a new configuration forgets nothing of it.
//! Absent on purpose: what the configuration states; it comes in as a [`CheckedEndpoint`] where it is needed.

use std::time::Duration;

use super::health::{HealthState, Pace};
use super::latency::Latency;
use super::ledger::{Ledger, Limits, Unit};
use super::rest::counts_per_minute;
use crate::model::checked::CheckedEndpoint;
use crate::model::config::{AdminState, Service};
use crate::model::id::{EndpointId, PoolId};
use crate::model::outcome::{HeaderFacts, LimitFacts};
use crate::model::status::{Counters, LimitSource};
use crate::model::units::{MINUTE, Timestamp};

/// How long a size that did not fit is remembered.
const TOO_LARGE_MEMORY: Duration = Duration::from_mins(10);

/// How long a widened guard is kept without another surprise.
const GUARD_MEMORY: Duration = Duration::from_mins(5);

/// One endpoint.
#[derive(Clone, Debug)]
pub(super) struct EndpointState {
    pub(super) id: EndpointId,
    pub(super) ledger: Ledger,
    pub(super) health: HealthState,
    pub(super) admin: AdminState,
    pub(super) in_flight: u32,
    pub(super) counters: Counters,
    pub(super) reported_remaining: Option<(u64, Timestamp)>,
    /// Our ceiling for now inside its pool.
    pub(super) allotted: Option<u64>,
    learned: Limits,
    /// When the ledgers' guards were last changed.
    guard_changed: Timestamp,
    /// The smallest charge that was too large there, and until when that is believed.
    too_large: Option<(u64, Timestamp)>,
    /// Until when the service itself asked to be left alone, or is known to refuse.
    pub(super) told_until: Timestamp,
    /// When it last failed a request; `None`: never.
    pub(super) failed_at: Option<Timestamp>,
    pub(super) latency: Latency,
}

/// One quota pool.
#[derive(Clone, Debug)]
pub(super) struct PoolState {
    pub(super) id: PoolId,
    pub(super) ledger: Ledger,
}

impl EndpointState {
    /// Nothing known yet.
    pub(super) fn new(spec: &CheckedEndpoint) -> Self {
        Self {
            id: spec.id.clone(),
            ledger: Ledger::new(spec.request_slice),
            health: HealthState::new(),
            admin: spec.admin_state,
            in_flight: 0,
            counters: Counters::default(),
            reported_remaining: None,
            allotted: None,
            learned: Limits::default(),
            guard_changed: Timestamp::ZERO,
            too_large: None,
            told_until: Timestamp::ZERO,
            failed_at: None,
            latency: Latency::default(),
        }
    }

    /// Counts as the configuration says, by the limits that hold.
    pub(super) fn recount(&mut self, now: Timestamp, spec: &CheckedEndpoint) {
        self.ledger.count_as(now, spec.enforcement, spec.request_slice);
        self.ledger.tune(now, self.limits(spec));
    }

    /// The service's own ceiling of tokens per minute, as configured or learned.
    pub(super) fn provider_tokens(&self, spec: &CheckedEndpoint) -> Option<u64> {
        lower(spec.tokens_per_minute, self.learned.tokens, spec.pinned)
    }

    /// The ceilings that hold now.
    pub(super) fn limits(&self, spec: &CheckedEndpoint) -> Limits {
        let provider = self.provider_tokens(spec);
        Limits {
            tokens: [provider, spec.soft_cap, self.allotted].into_iter().flatten().min(),
            requests: lower(spec.requests_per_minute, self.learned.requests, spec.pinned),
            input: spec.input_tokens_per_minute,
            output: spec.output_tokens_per_minute,
            tokens_per_day: spec.tokens_per_day,
            requests_per_day: lower(spec.requests_per_day, self.learned.requests_per_day, spec.pinned),
        }
    }

    /// The ceilings for a charge: one that is larger than our share of the pool for now is not kept out by it for good.
    pub(super) fn limits_for(&self, spec: &CheckedEndpoint, charge: u64) -> Limits {
        if self.allotted.is_none_or(|share| share >= charge) {
            return self.limits(spec);
        }
        let tokens = [self.provider_tokens(spec), spec.soft_cap].into_iter().flatten().min();
        Limits { tokens, ..self.limits(spec) }
    }

    /// Where the token ceiling comes from.
    pub(super) fn token_source(&self, spec: &CheckedEndpoint) -> LimitSource {
        let provider = self.provider_tokens(spec);
        let others = [provider, spec.soft_cap].into_iter().flatten().min();
        if self.allotted.is_some_and(|share| others.is_none_or(|others| share < others)) {
            return LimitSource::Allotted;
        }
        match (spec.soft_cap, provider) {
            (Some(cap), Some(limit)) if cap < limit => LimitSource::SoftCap,
            (Some(_), None) => LimitSource::SoftCap,
            (_, limit) => source(spec.tokens_per_minute, limit),
        }
    }

    /// Where the request ceiling comes from; `derived` if the configuration has it by the pool's ratio.
    pub(super) fn request_source(&self, spec: &CheckedEndpoint, derived: bool) -> LimitSource {
        match source(spec.requests_per_minute, self.limits(spec).requests) {
            LimitSource::Configured if derived => LimitSource::Derived,
            other => other,
        }
    }

    /// What a ramp grows towards.
    pub(super) fn pace(&self, spec: &CheckedEndpoint) -> Pace {
        let limits = self.limits(spec);
        Pace { tokens_per_minute: limits.tokens, requests_per_minute: limits.requests }
    }

    /// Takes in what an answer's head says of limits.
    pub(super) fn learn(&mut self, now: Timestamp, spec: &CheckedEndpoint, facts: &HeaderFacts) {
        if let Some(remaining) = facts.tokens.remaining {
            self.reported_remaining = Some((remaining, now));
        }
        if let Some(limit) = facts.tokens.limit.filter(|limit| *limit > 0) {
            self.learned.tokens = Some(limit);
        }
        let limit = facts.requests.limit.filter(|limit| *limit > 0 && !is_per_slice(*limit, spec));
        if let Some(times) = limit.and(times_a_minute(&facts.requests, spec)) {
            self.learned.requests = limit.map(|limit| limit.saturating_mul(times));
        } else if spec.service != Service::Azure && limit.is_some() {
            self.learned.requests_per_day = limit;
        }
        self.ledger.tune(now, self.limits(spec));
    }

    /// The service had no room where our ledger saw some.
    pub(super) fn surprised(&mut self, now: Timestamp, unit: Unit) {
        self.ledger.widen(now, unit);
        self.guard_changed = now;
    }

    /// A request that was charged this much does not fit there at all.
    pub(super) fn mark_too_large(&mut self, now: Timestamp, charge: u64) {
        let charge = self.smallest_too_large(now).map_or(charge, |known| known.min(charge));
        self.too_large = Some((charge, now.after(TOO_LARGE_MEMORY)));
    }

    /// A request that was charged this much was admitted.
    pub(super) fn was_admitted(&mut self, now: Timestamp, charge: u64) {
        if now.since(self.guard_changed) > GUARD_MEMORY {
            self.ledger.narrow();
            self.guard_changed = now;
        }
        if self.too_large.is_some_and(|(known, _)| known <= charge) {
            self.too_large = None;
        }
    }

    /// The smallest charge believed too large.
    pub(super) fn smallest_too_large(&self, now: Timestamp) -> Option<u64> {
        self.too_large.filter(|(_, until)| *until > now).map(|(charge, _)| charge)
    }
}

/// What is stated counts, unless the service says less and may; what is not stated is learned.
fn lower(stated: Option<u64>, learned: Option<u64>, pinned: bool) -> Option<u64> {
    match (stated, learned) {
        (stated, _) if pinned => stated,
        (Some(stated), Some(learned)) => Some(stated.min(learned)),
        (stated, learned) => stated.or(learned),
    }
}

fn source(stated: Option<u64>, holds: Option<u64>) -> LimitSource {
    match (stated, holds) {
        (_, None) => LimitSource::Unknown,
        (Some(stated), Some(holds)) if stated == holds => LimitSource::Configured,
        _ => LimitSource::Header,
    }
}

/// Azure often reports the requests of a slice where others report those of a minute.
fn is_per_slice(reported: u64, spec: &CheckedEndpoint) -> bool {
    let slices = MINUTE.as_secs() / spec.request_slice.as_secs().max(1);
    let per_minute = reported.saturating_mul(slices);
    spec.requests_per_minute.is_some_and(|stated| slices > 1 && per_minute.abs_diff(stated) <= stated / 10)
}

/// How often in a minute the reported requests may be sent; `None`: they count for longer. Azure reports those of a
/// slice, and where nothing is stated to compare with, only a reset beyond the slice shows that a minute is meant.
fn times_a_minute(facts: &LimitFacts, spec: &CheckedEndpoint) -> Option<u64> {
    if spec.service != Service::Azure {
        return counts_per_minute(facts).then_some(1);
    }
    let beyond_slice = facts.reset.is_some_and(|reset| reset > spec.request_slice);
    if spec.requests_per_minute.is_some() || beyond_slice {
        return Some(1);
    }
    Some(MINUTE.as_secs() / spec.request_slice.as_secs().clamp(1, MINUTE.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Enforcement;
    use crate::model::id::{AccountId, ModelName};

    fn spec(tokens: Option<u64>, soft_cap: Option<u64>, pinned: bool) -> CheckedEndpoint {
        CheckedEndpoint {
            id: EndpointId::from("east"),
            account: AccountId::from("a"),
            service: Service::Azure,
            model: ModelName::from("m"),
            deployment: "m".into(),
            pool: None,
            tokens_per_minute: tokens,
            requests_per_minute: tokens.map(|tokens| tokens * 6 / 1_000),
            soft_cap,
            max_in_flight: None,
            request_slice: Duration::from_secs(10),
            enforcement: Enforcement::SlidingLog,
            pinned,
            admin_state: AdminState::Enabled,
            tokens_per_day: None,
            requests_per_day: None,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
        }
    }
    fn says(limit: u64) -> HeaderFacts {
        let tokens = LimitFacts { limit: Some(limit), remaining: Some(5), reset: None };
        HeaderFacts { tokens, ..HeaderFacts::default() }
    }
    fn after(spec: &CheckedEndpoint, facts: &HeaderFacts) -> EndpointState {
        let mut state = EndpointState::new(spec);
        state.learn(Timestamp::ZERO, spec, facts);
        state
    }

    #[test]
    fn what_is_not_stated_is_learned() {
        let spec = spec(None, None, false);
        let state = after(&spec, &says(30_000));
        assert_eq!(state.limits(&spec).tokens, Some(30_000));
        assert_eq!(state.token_source(&spec), LimitSource::Header);
        assert_eq!(state.reported_remaining, Some((5, Timestamp::ZERO)));
    }

    #[test]
    fn a_lower_reported_limit_holds_until_the_service_raises_it_again() {
        let spec = spec(Some(240_000), None, false);
        let mut state = after(&spec, &says(100_000));
        assert_eq!(state.limits(&spec).tokens, Some(100_000));
        state.learn(Timestamp::ZERO, &spec, &says(500_000));
        assert_eq!(state.limits(&spec).tokens, Some(240_000));
        assert_eq!(state.token_source(&spec), LimitSource::Configured);
    }

    #[test]
    fn pinned_limits_learn_nothing_and_nobody_reports_zero() {
        let pinned = spec(Some(240_000), None, true);
        assert_eq!(after(&pinned, &says(100_000)).limits(&pinned).tokens, Some(240_000));
        let open = spec(Some(240_000), None, false);
        assert_eq!(after(&open, &says(0)).limits(&open).tokens, Some(240_000));
    }

    #[test]
    fn the_soft_cap_holds_where_it_is_lower() {
        let spec = spec(Some(240_000), Some(50_000), false);
        let state = EndpointState::new(&spec);
        assert_eq!(state.limits(&spec).tokens, Some(50_000));
        assert_eq!(state.provider_tokens(&spec), Some(240_000));
        assert_eq!(state.token_source(&spec), LimitSource::SoftCap);
    }

    #[test]
    fn unstated_requests_of_azure_are_learned_by_the_slice() {
        let azure = spec(None, None, false);
        let learned = |spec: &CheckedEndpoint, reset: Option<u64>| {
            let requests = LimitFacts { limit: Some(240), remaining: Some(239), reset: reset.map(Duration::from_secs) };
            after(spec, &HeaderFacts { requests, ..HeaderFacts::default() }).limits(spec).requests
        };
        assert_eq!(learned(&azure, None), Some(1_440));
        assert_eq!(learned(&azure, Some(10)), Some(1_440));
        assert_eq!(learned(&azure, Some(45)), Some(240), "no slice is that long");
        let openai = CheckedEndpoint { service: Service::Openai, ..azure };
        assert_eq!(learned(&openai, None), Some(240));
    }

    #[test]
    fn requests_reported_per_slice_are_not_taken_for_a_reduction() {
        let spec = spec(Some(240_000), None, false);
        let requests = LimitFacts { limit: Some(240), remaining: Some(239), reset: None };
        let state = after(&spec, &HeaderFacts { requests, ..HeaderFacts::default() });
        assert_eq!(state.limits(&spec).requests, Some(1_440));
    }

    #[test]
    fn a_size_that_did_not_fit_is_remembered_until_one_does() {
        let spec = spec(Some(240_000), None, false);
        let mut state = EndpointState::new(&spec);
        state.mark_too_large(Timestamp::ZERO, 5_000);
        state.mark_too_large(Timestamp::ZERO, 9_000);
        assert_eq!(state.smallest_too_large(Timestamp::ZERO), Some(5_000));
        state.was_admitted(Timestamp::ZERO, 4_000);
        assert_eq!(state.smallest_too_large(Timestamp::ZERO), Some(5_000));
        assert_eq!(state.smallest_too_large(Timestamp::from_secs(600)), None);
        state.was_admitted(Timestamp::ZERO, 6_000);
        assert_eq!(state.smallest_too_large(Timestamp::ZERO), None);
    }
}
