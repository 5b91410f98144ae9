//! What is known of one endpoint: charges, health, learned limits, counters.
//!
//! Invariant: keyed by the endpoint's id for the life of the process; a new configuration forgets nothing of it.
//! Absent on purpose: what the configuration states; it comes in as a [`CheckedEndpoint`] where it is needed.

use std::time::Duration;

use super::estimate::Tariff;
use super::health::{HealthState, Pace};
use super::latency::Latency;
use super::learn::{Bound, Learning, more_stated, requests_stated, tokens_stated};
use super::ledger::{Ledger, Limits};
use super::meter::Whose;
use super::pairs::{More, Pairs};
use super::traffic::Mark;
use crate::model::checked::CheckedEndpoint;
use crate::model::config::{AdminState, Enforcement};
use crate::model::decision::Exclusion;
use crate::model::id::EndpointId;
use crate::model::insight::{Insight, TooLarge};
use crate::model::outcome::{HeaderFacts, ThrottleKind};
use crate::model::status::{Counters, LimitSource};
use crate::model::units::{Timestamp, Unit};

/// How long a size that did not fit is remembered.
const TOO_LARGE_MEMORY: Duration = Duration::from_mins(10);

/// How long a request is thought to run before one has ended.
const USUAL_STAY: Duration = Duration::from_secs(2);

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
    /// How full it last said it was, in permille, and when.
    utilization: Option<(u32, Timestamp)>,
    /// Our ceiling for now inside its pool.
    pub(super) allotted: Option<u64>,
    pub(super) learning: Learning,
    /// The end of what its service said of limits is noted (`words`).
    pub(super) has_word_noted: bool,
    /// When the ledgers' guards were last changed.
    guard_changed: Timestamp,
    /// The smallest charge that was too large there, and until when that is believed.
    too_large: Option<(u64, Timestamp)>,
    /// Until when the service itself asked to be left alone, or is known to refuse.
    told_until: Timestamp,
    /// The same for want of credit, which another key may have.
    pub(super) credit_until: Timestamp,
    /// When it last failed a request; `None`: never.
    pub(super) failed_at: Option<Timestamp>,
    pub(super) latency: Latency,
    /// How long a request runs there; rises at once, falls slowly.
    pub(super) stay: Duration,
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
            utilization: None,
            allotted: None,
            learning: Learning::new(spec),
            has_word_noted: false,
            guard_changed: Timestamp::ZERO,
            too_large: None,
            told_until: Timestamp::ZERO,
            credit_until: Timestamp::ZERO,
            failed_at: None,
            latency: Latency::default(),
            stay: USUAL_STAY,
        }
    }

    /// The service itself asked to be left alone until then, or is known to refuse.
    pub(super) fn note_told(&mut self, until: Timestamp, kind: ThrottleKind) {
        let told = if kind.is_of_credit() { &mut self.credit_until } else { &mut self.told_until };
        *told = until.max(*told);
    }

    /// Until when the service itself asked to be left alone, or is known to refuse.
    pub(super) fn told_until(&self) -> Timestamp {
        self.told_until.max(self.credit_until)
    }

    /// A request has ended that ran for so long.
    pub(super) fn note_stay(&mut self, stay: Duration) {
        self.stay = stay.max(self.stay.saturating_mul(15).saturating_add(stay) / 16);
    }

    /// Counts as the configuration says, by the limits that hold.
    pub(super) fn recount(&mut self, now: Timestamp, spec: &CheckedEndpoint) {
        self.ledger.count_as(now, spec.enforcement, spec.request_slice);
        self.tune(now, spec);
    }

    fn tune(&mut self, now: Timestamp, spec: &CheckedEndpoint) {
        let limits = self.limits(spec);
        let whose = if self.tokens_are_ours(spec) {
            Whose::Ours { ceiling: limits.tokens, service: self.provider_tokens(spec) }
        } else if self.cap_counts_beside(spec) {
            Whose::Ours { ceiling: spec.soft_cap, service: limits.tokens }
        } else {
            Whose::Service
        };
        self.ledger.tune(now, limits, whose);
    }

    /// Whether our cap, though it is not below the limit that holds, keeps something out: where that limit refills, a minute
    /// may let in two of it.
    pub(super) fn cap_counts_beside(&self, spec: &CheckedEndpoint) -> bool {
        let keeps = |cap: u64| {
            let limit = self.limits(spec).tokens;
            limit.is_some_and(|limit| (limit..spec.enforcement.within_a_minute(limit)).contains(&cap))
        };
        spec.soft_cap.is_some_and(keeps) && !self.tokens_are_ours(spec)
    }

    /// Whether the ceiling of tokens that holds is one of ours, which the service does not count by. Where a refusal taught a
    /// lower one than our cap, the cap is still to be kept over the minute.
    pub(super) fn tokens_are_ours(&self, spec: &CheckedEndpoint) -> bool {
        let firm = self.learning.tokens.firm(tokens_stated(spec));
        matches!(self.bound(spec), Bound::SoftCap | Bound::Allotted)
            || spec.soft_cap.is_some_and(|cap| firm.is_none_or(|firm| cap < firm))
    }

    /// The service's own ceiling of tokens per minute, as configured or learned.
    pub(super) const fn provider_tokens(&self, spec: &CheckedEndpoint) -> Option<u64> {
        if spec.pinned { spec.tokens_per_minute } else { self.learning.holding().provider }
    }

    /// The service's own ceiling of requests per minute, whatever others use of it.
    pub(super) const fn provider_requests(&self, spec: &CheckedEndpoint) -> Option<u64> {
        if spec.pinned { spec.requests_per_minute } else { self.learning.holding().provider_requests }
    }

    /// What was worked out, or where the person's number alone holds, that: also for one who only asks what if.
    fn held(&self, spec: &CheckedEndpoint) -> (Option<u64>, Option<u64>, More<Option<u64>>) {
        let holding = self.learning.holding();
        if spec.pinned {
            let tokens = lesser(spec.tokens_per_minute, self.learning.growth.allowed());
            return (tokens, spec.requests_per_minute, more_stated(spec).map(|stated| stated.limit));
        }
        (holding.tokens, holding.requests, holding.more.map(|held| held.limit))
    }

    /// The ceilings that hold now.
    pub(super) fn limits(&self, spec: &CheckedEndpoint) -> Limits {
        let (tokens, requests, [input, output, tokens_per_day, requests_per_day]) = self.held(spec);
        let tokens = lesser(lesser(tokens, spec.soft_cap), self.allotted);
        Limits { tokens, requests, input, output, tokens_per_day, requests_per_day }
    }

    /// What keeps tokens per minute where they are.
    pub(super) fn bound(&self, spec: &CheckedEndpoint) -> Bound {
        let (tokens, ..) = self.held(spec);
        let others = lesser(tokens, spec.soft_cap);
        match (self.allotted, spec.soft_cap) {
            (Some(share), _) if others.is_none_or(|others| share < others) => Bound::Allotted,
            (_, Some(cap)) if tokens.is_none_or(|limit| cap < limit) => Bound::SoftCap,
            _ => self.learning.holding().bound,
        }
    }

    /// Why a charge that is not above the limit lacks tokens; `None`: that depends on the charge.
    pub(super) fn tokens_short(&self, spec: &CheckedEndpoint) -> Option<Exclusion> {
        match self.bound(spec) {
            // Where the service's level counts beside ours, either may be what lacks them.
            Bound::SoftCap | Bound::Allotted if spec.enforcement != Enforcement::SlidingLog => None,
            Bound::SoftCap => Some(Exclusion::SoftCap),
            // What is free in the pool is kept for its other members.
            Bound::Allotted => Some(Exclusion::PoolShort),
            Bound::Growth => Some(Exclusion::GrowthGuard),
            Bound::Service if self.cap_counts_beside(spec) => None,
            Bound::Service => Some(Exclusion::TokensShort),
            Bound::Foreign => None,
        }
    }

    /// The ceilings for a charge. One that others' use, growth, our share of the pool or our own guess leaves too little
    /// room for is not kept out for good: it goes when nothing of ours is in the window.
    pub(super) fn limits_for(&self, spec: &CheckedEndpoint, charge: u64) -> Limits {
        self.limits(spec).widened(self.firm_tokens(spec), charge)
    }

    /// What is reported or else stated, or our soft cap if that is lower: no charge above it ever goes there.
    pub(super) fn firm_tokens(&self, spec: &CheckedEndpoint) -> Option<u64> {
        lesser(self.learning.tokens.largest(tokens_stated(spec)), spec.soft_cap)
    }

    /// Where the token ceiling comes from.
    pub(super) fn token_source(&self, spec: &CheckedEndpoint) -> LimitSource {
        match self.bound(spec) {
            Bound::SoftCap => LimitSource::SoftCap,
            Bound::Allotted => LimitSource::Allotted,
            Bound::Service | Bound::Foreign | Bound::Growth => self.learning.holding().provider_source,
        }
    }

    /// Where the request ceiling comes from; `derived` if the configuration has it by the pool's ratio.
    pub(super) fn request_source(&self, derived: bool) -> LimitSource {
        match self.learning.holding().request_source {
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
    pub(super) fn learn(&mut self, now: Timestamp, spec: &CheckedEndpoint, facts: &HeaderFacts) -> Pairs {
        let pairs = Pairs::of(facts, spec, self.learning.days());
        if let Some(remaining) = pairs.tokens.remaining {
            self.reported_remaining = Some((remaining, now));
        }
        self.utilization = facts.utilization.map(|permille| (permille, now)).or(self.utilization);
        let (reported, held) = (self.learning.tokens.reported(), self.provider_tokens(spec));
        self.learning.hear(now, spec, &pairs);
        self.tune(now, spec);
        // Below a limit that we follow slowly, what the service said is left was all used. Now that limit fell.
        if let (Some(before), Some(held), Some(after)) = (reported, held, self.learning.tokens.reported()) {
            self.ledger.grow(now, before.saturating_sub(after.max(held)));
        }
        pairs
    }

    /// What its service said too long ago is believed no longer.
    pub(super) fn forget_words(&mut self, now: Timestamp, spec: &CheckedEndpoint) {
        self.learning.forget_words(now, spec);
        self.tune(now, spec);
    }

    /// What refusals taught of this limit, and since when.
    pub(super) fn lesson(&self, spec: &CheckedEndpoint, unit: Unit) -> Option<(u64, Timestamp)> {
        match unit {
            Unit::Tokens => self.learning.tokens.lesson(tokens_stated(spec)),
            Unit::Requests => self.learning.requests.lesson(requests_stated(spec)),
            Unit::Input | Unit::Output | Unit::DayTokens | Unit::DayRequests => None,
        }
    }

    /// An earlier run was taught this by refusals.
    pub(super) fn recall(&mut self, now: Timestamp, spec: &CheckedEndpoint, unit: Unit, lesson: (u64, Timestamp)) {
        match unit {
            Unit::Tokens => self.learning.tokens.recall(now, tokens_stated(spec), lesson),
            Unit::Requests => self.learning.requests.recall(now, requests_stated(spec), lesson),
            Unit::Input | Unit::Output | Unit::DayTokens | Unit::DayRequests => return,
        }
        self.learning.restate(spec);
        self.tune(now, spec);
    }

    /// What the service's headers named of this limit, and when they said it last.
    pub(super) fn named(&self, unit: Unit) -> Option<(u64, Timestamp)> {
        match unit {
            Unit::Tokens => self.learning.tokens.named(),
            Unit::Requests => self.learning.requests.named(),
            Unit::Input | Unit::Output | Unit::DayTokens | Unit::DayRequests => None,
        }
    }

    /// An earlier run heard this limit named, and when.
    pub(super) fn recall_named(&mut self, now: Timestamp, spec: &CheckedEndpoint, unit: Unit, named: (u64, Timestamp)) {
        match unit {
            Unit::Tokens => self.learning.tokens.recall_named(tokens_stated(spec), named),
            Unit::Requests => self.learning.requests.recall_named(requests_stated(spec), named),
            Unit::Input | Unit::Output | Unit::DayTokens | Unit::DayRequests => return,
        }
        self.learning.restate(spec);
        self.tune(now, spec);
    }

    /// An answer was good: what it shows of limits, charges and others.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        mark: &Mark,
        facts: &HeaderFacts,
        asked: (bool, u64),
    ) {
        let pairs = self.learn(now, spec, facts);
        self.learning.answered(now, spec, mark, &pairs, asked);
        self.tune(now, spec);
        match (spec.enforcement, facts.utilization) {
            (Enforcement::TokenBucket, _) => self.heed(now, spec, mark, &pairs),
            (Enforcement::Utilization, Some(permille)) => self.heed_utilization(now, spec, mark, permille),
            _ => {}
        }
    }

    /// Provisioned throughput says how full it is. That is its level, whatever we believe of its size; and what it let in
    /// while it did not fill up shows its size.
    fn heed_utilization(&mut self, now: Timestamp, spec: &CheckedEndpoint, mark: &Mark, permille: u32) {
        self.learning.fills(now, spec, mark, permille);
        self.tune(now, spec);
        let Some(limit) = self.provider_tokens(spec) else { return };
        // A permille less, since nobody knows which way it was rounded.
        let free = u128::from(limit) * u128::from(999_u32.saturating_sub(permille)) / 1_000;
        let remaining = u64::try_from(free).unwrap_or(u64::MAX);
        // Below a ceiling of our own its level is not what we count.
        if !self.tokens_are_ours(spec) {
            let (least, most) = self.learning.left(now, mark, Unit::Tokens, remaining);
            // What it gave back of those under way is told already, and comes to our books when they end. And it lets in
            // what goes over its limit: where nothing is left for sure, nobody knows by how much it is over. Of one that a
            // person states to be of another size, a share of its own says nothing.
            let least = least.saturating_sub(self.learning.traffic.under_way());
            let least = Some(least).filter(|least| *least > 0 && permille < 1_000 && !spec.pinned);
            self.ledger.heed(now, Unit::Tokens, (least, most), self.limits(spec));
        }
    }

    /// A bucket that was thought smaller than it is holds what we never knew of, and others take from it.
    fn heed(&mut self, now: Timestamp, spec: &CheckedEndpoint, mark: &Mark, pairs: &Pairs) {
        let limits = self.limits(spec);
        let [.., day_tokens, day_requests] = pairs.more;
        let told = [
            (Unit::Tokens, pairs.tokens.remaining),
            (Unit::Requests, pairs.requests.remaining),
            (Unit::DayTokens, day_tokens.remaining),
            (Unit::DayRequests, day_requests.remaining),
        ];
        // Of a limit that the person holds lower than the service does, what the service has left says nothing.
        let is_held_lower = |unit| spec.pinned && self.learning.reported(unit) > limits.of(unit);
        for (unit, remaining) in told {
            if let Some(remaining) = remaining {
                let (least, most) = self.learning.left(now, mark, unit, remaining);
                let least = Some(least).filter(|_| !is_held_lower(unit));
                self.ledger.heed(now, unit, (least, most), limits);
            }
        }
    }

    /// A 429: what it teaches of limits. A straggler was sent before another one came back.
    pub(super) fn refused(
        &mut self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        mark: &Mark,
        (kind, facts): (ThrottleKind, &HeaderFacts),
        straggler: bool,
    ) {
        let _ = self.learn(now, spec, facts);
        let full = self.learning.refused(now, spec, mark, (kind, facts), straggler);
        self.tune(now, spec);
        if full {
            self.ledger.fill(now, self.limits(spec));
        }
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
        self.too_large(now).map(|(charge, _)| charge)
    }

    /// The same, with until when that is believed.
    pub(super) fn too_large(&self, now: Timestamp) -> Option<(u64, Timestamp)> {
        self.too_large.filter(|(_, until)| *until > now)
    }

    /// What else decisions here rest on.
    pub(super) fn insight(&self, now: Timestamp, spec: &CheckedEndpoint) -> Insight {
        Insight {
            pinned: spec.pinned,
            probes_above: spec.probe_above && !spec.pinned,
            rests_in_a_row: self.health.rests_in_a_row(),
            asked_until: Some(self.told_until()).filter(|until| *until > now),
            too_large: self.too_large(now).map(|(charge, until)| TooLarge { charge, until }),
            foreign_requests_per_minute: self.learning.others.rate(),
            utilization: self.utilization,
        }
    }

    /// By what requests are estimated here.
    pub(super) fn tariff(&self, spec: &CheckedEndpoint) -> Tariff {
        let permille = [true, false].map(|capped| self.learning.calibration(capped).permille());
        let [_, output_limit, ..] = self.held(spec).2;
        Tariff { service: spec.service, enforcement: spec.enforcement, permille, output_limit }
    }
}

/// The lower of two ceilings, as far as they are known.
fn lesser(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (known, None) | (None, known) => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Service;
    use crate::model::id::{AccountId, ModelName};
    use crate::model::outcome::LimitFacts;

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
            probe_above: false,
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
        for minute in 0..60 {
            state.learn(Timestamp::from_secs(minute * 60), &spec, &says(240_000));
        }
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
    fn a_reduction_of_requests_that_are_reported_per_slice_ends() {
        let spec = spec(Some(240_000), None, false);
        let mut state = EndpointState::new(&spec);
        let says = |limit| {
            let requests = LimitFacts { limit: Some(limit), remaining: Some(1), reset: None };
            HeaderFacts { requests, ..HeaderFacts::default() }
        };
        state.learn(Timestamp::ZERO, &spec, &says(120));
        assert_eq!(state.limits(&spec).requests, Some(720));
        for minute in 1..60 {
            state.learn(Timestamp::from_secs(minute * 60), &spec, &says(240));
        }
        assert_eq!(state.limits(&spec).requests, Some(1_440));
    }

    #[test]
    fn what_the_service_says_would_fit_is_not_too_large_while_its_word_is_adopted_slowly() {
        let spec = spec(Some(70_000), None, false);
        let state = after(&spec, &says(100_000));
        assert_eq!(state.limits(&spec).tokens, Some(70_000));
        assert_eq!(state.limits_for(&spec, 90_000).tokens, Some(90_000));
        assert_eq!(state.limits_for(&spec, 110_000).tokens, Some(70_000));
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
