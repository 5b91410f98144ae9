//! Every request and every retry, counted anew each time.

use std::time::Duration;

use tidegate::model::outcome::FailureClass;
use tidegate::model::units::Timestamp;

/// Over this span they are compared; the brain may count a request a hundredth of a second longer.
const SPAN: Duration = Duration::from_secs(10);
const GRAIN: Duration = Duration::from_millis(20);
/// Retries in each span that need no requests to be a share of.
const ALWAYS: u64 = 10;

/// Whether the service said plainly that it did no work. All else that is sent again is a retry.
pub const fn is_plain_refusal(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::Throttled(_) | FailureClass::KeyRejected | FailureClass::Blocked | FailureClass::NotFound
    )
}

#[derive(Debug, Default)]
pub struct Retries {
    requests: Vec<Timestamp>,
    retries: Vec<Timestamp>,
}

impl Retries {
    pub fn arrived(&mut self, now: Timestamp, repeated: bool) {
        self.requests.push(now);
        self.retries.extend(repeated.then_some(now));
    }

    /// One more: it must be within the share of what came lately.
    pub fn note(&mut self, now: Timestamp, percent: u32) {
        let within = |all: &[Timestamp], span| all.iter().filter(|at| now.since(**at) < span).count() as u64;
        let most = within(&self.requests, SPAN + GRAIN) * u64::from(percent) / 100 + ALWAYS;
        let before = within(&self.retries, SPAN);
        assert!(before < most, "retries stay within their budget: {before} of {most}");
        self.retries.push(now);
    }
}
