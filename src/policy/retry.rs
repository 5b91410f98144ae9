//! How often and how soon a request may be sent again.
//!
//! Invariant: retries after faults stay below a share of recent requests plus a floor, whatever each request would like.
//! Absent on purpose: where to; that is chosen as for any other request.

use std::time::Duration;

use fastrand::Rng;

use super::window::Window;
use crate::model::config::Retry;
use crate::model::insight::RetryBudget;
use crate::model::units::{Timestamp, micros};

/// Over this span requests and retries are compared.
const SPAN: Duration = Duration::from_secs(10);
/// Retries in each span that are always allowed, or a quiet proxy could never retry.
const FLOOR: u64 = 10;

/// Recent requests against recent retries.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    requests: Window,
    retries: Window,
}

impl Budget {
    /// Nothing seen, nothing spent.
    pub(super) fn new() -> Self {
        Self { requests: Window::new(SPAN, Duration::ZERO), retries: Window::new(SPAN, Duration::ZERO) }
    }

    /// A request came; a client that repeats itself spends from the same budget.
    pub(super) fn arrived(&mut self, now: Timestamp, repeated: bool) {
        self.requests.add(now, 1);
        if repeated {
            self.retries.add(now, 1);
        }
    }

    /// How it stands.
    pub(super) fn view(&self, now: Timestamp, percent: u32) -> RetryBudget {
        let (requests, retries) = (self.requests.taken(now), self.retries.taken(now));
        RetryBudget { requests, retries, allowed: allowed(requests, percent) }
    }

    /// Spends one retry if there is one.
    pub(super) fn spend(&mut self, now: Timestamp, percent: u32) -> bool {
        let allowed = self.retries.taken(now) < allowed(self.requests.taken(now), percent);
        if allowed {
            self.retries.add(now, 1);
        }
        allowed
    }
}

/// Retries that so many requests allow.
fn allowed(requests: u64, percent: u32) -> u64 {
    (requests.saturating_mul(u64::from(percent)) / 100).saturating_add(FLOOR)
}

/// Full jitter: anything between nothing and the exponential step after the `failures`-th failure.
pub(super) fn backoff(rng: &mut Rng, rules: &Retry, failures: u32) -> Duration {
    let step = rules.base_delay_ms.saturating_mul(2_u64.saturating_pow(failures.saturating_sub(1)));
    let ceiling = micros(Duration::from_millis(step.min(rules.max_delay_ms)));
    Duration::from_micros(rng.u64(0..=ceiling))
}

/// Sendings of one request in all; one is always made.
pub(super) const fn attempt_cap(rules: &Retry) -> u32 {
    if rules.max_attempts == 0 { 1 } else { rules.max_attempts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_share_of_recent_requests_and_a_floor() {
        let mut budget = Budget::new();
        let now = Timestamp::from_secs(5);
        for _ in 0..50 {
            budget.arrived(now, false);
        }
        let spent = (0..100).filter(|_| budget.spend(now, 20)).count();
        assert_eq!(spent, 20, "a fifth of 50 and 10 more");
        assert!(budget.spend(Timestamp::from_secs(16), 20), "what was spent long ago is forgotten");
    }

    #[test]
    fn a_client_that_repeats_itself_spends_from_the_budget() {
        let mut budget = Budget::new();
        for _ in 0..10 {
            budget.arrived(Timestamp::ZERO, true);
        }
        assert_eq!((0..100).filter(|_| budget.spend(Timestamp::ZERO, 0)).count(), 0);
    }

    #[test]
    fn backoff_stays_between_nothing_and_its_growing_ceiling() {
        let mut rng = Rng::with_seed(7);
        let rules = Retry::default();
        for (failures, ceiling) in [(1, 500), (2, 1_000), (5, 8_000), (60, 8_000)] {
            let longest = (0..200).map(|_| backoff(&mut rng, &rules, failures)).max();
            let longest = longest.expect("200 draws").as_millis();
            assert!(longest <= ceiling && longest > ceiling * 8 / 10, "{failures}: {longest}");
        }
    }
}
