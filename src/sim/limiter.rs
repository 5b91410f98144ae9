//! How a service admits and rejects: tokens per minute, requests per minute and per slice, provisioned utilization.
//!
//! Invariant: a rejected request leaves no trace in any count, and an admitted one is entered in all of them at once.
//! Absent on purpose: refunds, except under utilization, the one scheme that is known to correct itself.

use std::time::Duration;

use crate::model::config::Enforcement;
use crate::model::units::{MINUTE, Timestamp};

use super::extra::{Ask, MoreCounts, MoreLimits};
use super::window::{Bucket, Log, Standing};

/// Which limit stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Tokens per minute.
    Tokens,
    /// Requests, per minute or per slice.
    Requests,
    /// Provisioned throughput is at 100 % or above.
    Utilization,
    /// Prompt tokens per minute.
    InputTokens,
    /// Output tokens per minute.
    OutputTokens,
    /// Tokens per day.
    TokensPerDay,
    /// Requests per day.
    RequestsPerDay,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in, and charged.
    Admitted,
    /// Not now.
    Full {
        /// What was full.
        bound: Bound,
        /// When the same request would fit if nothing else came.
        wait: Duration,
    },
    /// Its charge is above the limit: never.
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

/// The limits of one endpoint as its service enforces them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How the service counts; `Auto` counts as a sliding log.
    pub enforcement: Enforcement,
    /// Tokens per minute; `None`: unlimited.
    pub tokens_per_minute: Option<u64>,
    /// Requests per minute; `None`: unlimited.
    pub requests_per_minute: Option<u64>,
    /// The slice within which requests are checked as well.
    pub request_slice: Duration,
}

impl Limits {
    /// Requests allowed in one slice: the minute's share, at least one.
    #[must_use]
    pub fn requests_per_slice(&self) -> Option<u64> {
        let seconds = self.request_slice.as_secs().clamp(1, 60);
        self.requests_per_minute.map(|limit| (limit.saturating_mul(seconds) / 60).clamp(u64::from(limit > 0), limit))
    }
}

/// The counts of one endpoint.
#[derive(Clone, Debug)]
pub struct Limiter {
    limits: Limits,
    token_log: Log,
    request_log: Log,
    slice_log: Log,
    token_bucket: Bucket,
    request_bucket: Bucket,
    more_limits: MoreLimits,
    more: MoreCounts,
}

impl Limiter {
    /// Nothing used yet.
    #[must_use]
    pub fn new(limits: Limits, now: Timestamp) -> Self {
        Self {
            token_log: Log::new(MINUTE),
            request_log: Log::new(MINUTE),
            slice_log: Log::new(limits.request_slice),
            token_bucket: Bucket::new(limits.tokens_per_minute.unwrap_or(0), MINUTE, now),
            request_bucket: Bucket::new(limits.requests_per_minute.unwrap_or(0), MINUTE, now),
            more_limits: MoreLimits::default(),
            more: MoreCounts::default(),
            limits,
        }
    }

    /// New limits over the same use. Another way of counting, or another slice, starts that count anew.
    pub fn set_limits(&mut self, now: Timestamp, limits: Limits) {
        if limits.enforcement != self.limits.enforcement {
            let more = self.more_limits;
            *self = Self::new(limits, now);
            self.limit_more(now, more);
            return;
        }
        if limits.request_slice != self.limits.request_slice {
            self.slice_log = Log::new(limits.request_slice);
        }
        self.token_bucket.set_limit(now, limits.tokens_per_minute.unwrap_or(0));
        self.request_bucket.set_limit(now, limits.requests_per_minute.unwrap_or(0));
        self.limits = limits;
    }

    /// Limits what few services limit; what is used stays used.
    pub fn limit_more(&mut self, now: Timestamp, limits: MoreLimits) {
        self.more_limits = limits;
        self.more.set_limits(now, limits, self.limits.enforcement == Enforcement::TokenBucket);
    }

    /// Admits and charges, or says what is in the way. The longest wait wins when several limits are full.
    pub fn take(&mut self, now: Timestamp, ask: impl Into<Ask>) -> Verdict {
        let ask = ask.into();
        let charge = ask.charge;
        let more = match self.more.wait(now, ask) {
            Ok(more) => more,
            Err(limit) => return Verdict::TooLarge { limit },
        };
        let tokens = match self.token_wait(now, charge) {
            Ok(wait) => wait,
            Err(limit) => return Verdict::TooLarge { limit },
        };
        let requests = self.request_wait(now);
        if let Some((bound, wait)) = more.filter(|(_, wait)| *wait >= tokens.max(requests)) {
            return Verdict::Full { bound, wait };
        }
        if requests > tokens {
            return Verdict::Full { bound: Bound::Requests, wait: requests };
        }
        if tokens > Duration::ZERO {
            let bound = if self.is_utilization() { Bound::Utilization } else { Bound::Tokens };
            return Verdict::Full { bound, wait: tokens };
        }
        self.enter(now, charge);
        self.more.enter(now, ask);
        Verdict::Admitted
    }

    /// Corrects an admitted charge to what was used. Only utilization listens.
    pub fn settle(&mut self, now: Timestamp, charge: u64, actual: u64) {
        if !self.is_utilization() {
            return;
        }
        if actual > charge {
            self.token_bucket.take(now, actual - charge);
        } else {
            self.token_bucket.give_back(now, charge - actual);
        }
    }

    /// Corrects the output that an admitted request asked for to what it wrote, where it is limited apart.
    pub fn settle_output(&mut self, now: Timestamp, asked: u64, written: u64) {
        self.more.settle_output(now, asked, written);
    }

    /// The tokens' standing; `None`: no limit.
    pub fn tokens(&mut self, now: Timestamp) -> Option<Standing> {
        let limit = self.limits.tokens_per_minute?;
        Some(match self.limits.enforcement {
            Enforcement::TokenBucket | Enforcement::Utilization => self.token_bucket.standing(now),
            Enforcement::Auto | Enforcement::SlidingLog => self.token_log.standing(now, limit),
        })
    }

    /// The requests' standing over the minute; `None`: no limit.
    pub fn requests(&mut self, now: Timestamp) -> Option<Standing> {
        let limit = self.limits.requests_per_minute?;
        Some(match self.limits.enforcement {
            Enforcement::TokenBucket => self.request_bucket.standing(now),
            _ => self.request_log.standing(now, limit),
        })
    }

    /// The standing of a limit that few services have; `None`: no limit.
    pub fn more(&mut self, now: Timestamp, bound: Bound) -> Option<Standing> {
        self.more.standing(now, bound)
    }

    /// The requests' standing in the slice, which is what Azure reports; `None`: no limit.
    pub fn requests_in_slice(&mut self, now: Timestamp) -> Option<Standing> {
        match self.limits.enforcement {
            Enforcement::TokenBucket => self.requests(now),
            _ => self.limits.requests_per_slice().map(|limit| self.slice_log.standing(now, limit)),
        }
    }

    fn is_utilization(&self) -> bool {
        self.limits.enforcement == Enforcement::Utilization
    }

    /// `Err` carries the limit above which the charge lies.
    fn token_wait(&mut self, now: Timestamp, charge: u64) -> Result<Duration, u64> {
        let Some(limit) = self.limits.tokens_per_minute else { return Ok(Duration::ZERO) };
        match self.limits.enforcement {
            // Below 100 % anything gets in: that is how short bursts above it come about.
            Enforcement::Utilization => Ok(self.token_bucket.wait_for_any(now)),
            Enforcement::TokenBucket => self.token_bucket.wait(now, charge).ok_or(limit),
            Enforcement::Auto | Enforcement::SlidingLog => self.token_log.wait(now, limit, charge).ok_or(limit),
        }
    }

    fn request_wait(&mut self, now: Timestamp) -> Duration {
        let Some(limit) = self.limits.requests_per_minute else { return Duration::ZERO };
        if self.limits.enforcement == Enforcement::TokenBucket {
            return self.request_bucket.wait(now, 1).unwrap_or(MINUTE);
        }
        let slice = self.limits.requests_per_slice().unwrap_or(limit);
        let in_minute = self.request_log.wait(now, limit, 1).unwrap_or(MINUTE);
        in_minute.max(self.slice_log.wait(now, slice, 1).unwrap_or(MINUTE))
    }

    fn enter(&mut self, now: Timestamp, charge: u64) {
        match self.limits.enforcement {
            Enforcement::Auto | Enforcement::SlidingLog => self.token_log.enter(now, charge),
            Enforcement::TokenBucket | Enforcement::Utilization => self.token_bucket.take(now, charge),
        }
        if self.limits.enforcement == Enforcement::TokenBucket {
            self.request_bucket.take(now, 1);
        } else {
            self.request_log.enter(now, 1);
            self.slice_log.enter(now, 1);
        }
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
