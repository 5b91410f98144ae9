//! One service of the virtual world: its limits, what others use of them, and what it says in numbers.
//!
//! Invariant: it counts for itself and never looks at what the gateway believes.
//! Absent on purpose: header names and error bodies. Those are `sim::words`, and reading them is `wire`'s.

use std::time::Duration;

use fastrand::Rng;

use super::server::{Admitted, Reply, Room, Server};
use super::traffic::{Charging, Sizes, draw_size, size_of};
use crate::model::config::Enforcement;
use crate::model::outcome::{Failure, FailureClass, HeaderFacts, LimitFacts, ThrottleKind};
use crate::model::profile::{RequestProfile, RequestSize};
use crate::model::units::{MINUTE, Timestamp, micros};
use crate::model::usage::Usage;
use crate::sim::limiter::{Bound, Limiter, Limits, Verdict};
use crate::sim::pace::{spread, spread_duration};
use crate::sim::upstream::Ticket;
use crate::sim::window::{Log, Standing};

/// What a service asks for when a request can never fit, at Azure.
const NEVER: Duration = Duration::from_hours(24);
/// Half of all answers need less than this share of their cap, in percent.
const MEDIAN_ANSWER: u64 = 45;
/// How long a gateway may take to trust that room is there: a log's guard and the way back and forth.
const TRUST: Duration = Duration::from_millis(700);

/// How a service counts tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counting {
    /// A sliding log of 60 s, requests in slices (Azure as measured).
    SlidingLog,
    /// A bucket that refills continuously (OpenAI).
    TokenBucket,
    /// A count that starts anew on every full minute (Azure as documented).
    CalendarMinute,
    /// Utilization of provisioned throughput.
    Utilization,
}

impl Counting {
    /// All four.
    pub const ALL: [Self; 4] = [Self::SlidingLog, Self::TokenBucket, Self::CalendarMinute, Self::Utilization];

    /// How charges are formed where this is the way of counting.
    #[must_use]
    pub const fn charging(self) -> Charging {
        match self {
            Self::TokenBucket => Charging::Larger,
            Self::SlidingLog | Self::CalendarMinute | Self::Utilization => Charging::Sum,
        }
    }

    const fn enforcement(self) -> Enforcement {
        match self {
            Self::SlidingLog | Self::CalendarMinute => Enforcement::SlidingLog,
            Self::TokenBucket => Enforcement::TokenBucket,
            Self::Utilization => Enforcement::Utilization,
        }
    }
}

/// What a site is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSpec {
    /// How it counts tokens.
    pub counting: Counting,
    /// Its true limit.
    pub tokens_per_minute: u64,
    /// Its true limit.
    pub requests_per_minute: Option<u64>,
    /// In which requests are checked.
    pub request_slice: Duration,
    /// Whether answers carry limits and what remains; waits are told in any case.
    pub headers: bool,
    /// What others use of its tokens, in percent of the limit.
    pub foreign_percent: u64,
    /// How large the others' requests are.
    pub foreign_sizes: Sizes,
    /// Where its chance begins.
    pub seed: u64,
}

/// A count that starts anew on every full minute, with requests checked in slices.
#[derive(Clone, Debug)]
struct Calendar {
    minute: u64,
    used: u64,
    slices: Log,
}

impl Calendar {
    fn turn(&mut self, now: Timestamp) {
        let minute = now.0 / micros(MINUTE);
        if minute != self.minute {
            (self.minute, self.used) = (minute, 0);
        }
    }

    fn until_next(now: Timestamp) -> Duration {
        MINUTE.saturating_sub(Duration::from_micros(now.0 % micros(MINUTE)))
    }

    fn take(&mut self, now: Timestamp, charge: u64, limits: Limits) -> Verdict {
        self.turn(now);
        let limit = limits.tokens_per_minute.unwrap_or(u64::MAX);
        if charge > limit {
            return Verdict::TooLarge { limit };
        }
        let slice = limits.requests_per_slice().unwrap_or(u64::MAX);
        let requests = self.slices.wait(now, slice, 1).unwrap_or(MINUTE);
        if self.used.saturating_add(charge) > limit {
            return Verdict::Full { bound: Bound::Tokens, wait: Self::until_next(now).max(requests) };
        }
        if requests > Duration::ZERO {
            return Verdict::Full { bound: Bound::Requests, wait: requests };
        }
        self.used = self.used.saturating_add(charge);
        self.slices.enter(now, 1);
        Verdict::Admitted
    }

    fn tokens(&mut self, now: Timestamp, limit: u64) -> Standing {
        self.turn(now);
        Standing { limit, remaining: limit.saturating_sub(self.used), reset: Self::until_next(now) }
    }
}

#[derive(Clone, Debug)]
enum Meter {
    Calendar(Calendar),
    Other(Box<Limiter>),
}

/// Other clients of the same limit. They come whether there is room or not, and do not come again.
#[derive(Clone, Debug)]
struct Foreign {
    next: Timestamp,
    /// Mean time between two of them.
    gap: Duration,
    rng: Rng,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Site {
    spec: SiteSpec,
    limits: Limits,
    meter: Meter,
    rng: Rng,
    foreign: Option<Foreign>,
    foreign_tokens: u64,
    /// What was admitted in the last minute and [`TRUST`].
    recent: Log,
    /// The requests of the last slice and [`TRUST`].
    recent_slice: Log,
}

impl Site {
    /// Unused.
    #[must_use]
    pub fn new(spec: SiteSpec) -> Self {
        let limits = Limits {
            enforcement: spec.counting.enforcement(),
            tokens_per_minute: Some(spec.tokens_per_minute),
            requests_per_minute: spec.requests_per_minute,
            request_slice: spec.request_slice,
        };
        let meter = match spec.counting {
            Counting::CalendarMinute => {
                Meter::Calendar(Calendar { minute: 0, used: 0, slices: Log::new(spec.request_slice) })
            }
            _ => Meter::Other(Box::new(Limiter::new(limits, Timestamp::ZERO))),
        };
        let foreign = (spec.foreign_percent > 0).then(|| foreign(&spec));
        Self {
            limits,
            meter,
            rng: Rng::with_seed(spec.seed),
            foreign,
            foreign_tokens: 0,
            recent: Log::new(MINUTE + TRUST),
            recent_slice: Log::new(spec.request_slice + TRUST),
            spec,
        }
    }

    /// What it is.
    #[must_use]
    pub const fn spec(&self) -> &SiteSpec {
        &self.spec
    }

    /// Tokens that others were charged until now.
    #[must_use]
    pub const fn foreign_tokens(&self) -> u64 {
        self.foreign_tokens
    }

    /// Admits and charges, or says what is in the way.
    pub(crate) fn take(&mut self, now: Timestamp, charge: u64) -> Verdict {
        let verdict = match &mut self.meter {
            Meter::Calendar(calendar) => calendar.take(now, charge, self.limits),
            Meter::Other(limiter) => limiter.take(now, charge),
        };
        if verdict == Verdict::Admitted {
            for (log, amount) in [(&mut self.recent, charge), (&mut self.recent_slice, 1)] {
                // Asking drops what is old; where nobody asks of its room, the log would grow for ever.
                log.standing(now, 0);
                log.enter(now, amount);
            }
        }
        verdict
    }

    /// Lets the others in who came before `now`.
    fn let_others_in(&mut self, now: Timestamp) {
        while let Some(foreign) = self.foreign.as_mut().filter(|foreign| foreign.next <= now) {
            let at = foreign.next;
            let charge = draw_size(self.spec.foreign_sizes, &mut foreign.rng);
            let gap = foreign.gap.mul_f64((-(1.0 - foreign.rng.f64()).ln()).min(20.0));
            foreign.next = at.after(gap.max(Duration::from_micros(1)));
            if self.take(at, charge) == Verdict::Admitted {
                let used = if self.spec.counting == Counting::Utilization { charge / 2 } else { charge };
                self.settle(at, charge, used);
                self.foreign_tokens = self.foreign_tokens.saturating_add(used);
            }
        }
    }

    fn settle(&mut self, now: Timestamp, charge: u64, used: u64) {
        if let Meter::Other(limiter) = &mut self.meter {
            limiter.settle(now, charge, used);
        }
    }

    fn tokens(&mut self, now: Timestamp) -> Standing {
        let limit = self.spec.tokens_per_minute;
        match &mut self.meter {
            Meter::Calendar(calendar) => calendar.tokens(now, limit),
            Meter::Other(limiter) => {
                limiter.tokens(now).unwrap_or(Standing { limit, remaining: limit, reset: Duration::ZERO })
            }
        }
    }

    fn requests(&mut self, now: Timestamp) -> Option<Standing> {
        match &mut self.meter {
            Meter::Calendar(calendar) => {
                let limit = self.limits.requests_per_slice()?;
                Some(calendar.slices.standing(now, limit))
            }
            Meter::Other(limiter) => limiter.requests_in_slice(now),
        }
    }

    const fn is_azure(&self) -> bool {
        !matches!(self.spec.counting, Counting::TokenBucket)
    }

    /// Azure tells resets in whole seconds.
    fn facts_of(&self, standing: Standing) -> LimitFacts {
        let whole = Duration::from_secs(standing.reset.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX));
        let reset = if self.is_azure() { whole } else { standing.reset };
        LimitFacts { limit: Some(standing.limit), remaining: Some(standing.remaining), reset: Some(reset) }
    }

    fn standing_facts(&mut self, now: Timestamp) -> HeaderFacts {
        if !self.spec.headers {
            return HeaderFacts::default();
        }
        if self.spec.counting == Counting::Utilization {
            let standing = self.tokens(now);
            let permille = standing.limit.saturating_sub(standing.remaining) * 1_000 / standing.limit.max(1);
            return HeaderFacts { utilization: permille.try_into().ok(), ..HeaderFacts::default() };
        }
        let (tokens, requests) = (self.tokens(now), self.requests(now));
        HeaderFacts {
            tokens: self.facts_of(tokens),
            requests: requests.map(|requests| self.facts_of(requests)).unwrap_or_default(),
            ..HeaderFacts::default()
        }
    }

    fn full(&mut self, now: Timestamp, bound: Bound, wait: Duration) -> Reply {
        let kind = match bound {
            Bound::Requests => ThrottleKind::Requests,
            Bound::Utilization => ThrottleKind::Utilization,
            Bound::TokensPerDay | Bound::RequestsPerDay => ThrottleKind::Daily,
            Bound::Tokens | Bound::InputTokens | Bound::OutputTokens => ThrottleKind::Tokens,
        };
        let told = self.spec.headers && kind != ThrottleKind::Utilization;
        let requests = self.requests(now).filter(|_| told).map(|requests| self.facts_of(requests));
        // Two headers tell the wait, in milliseconds and in seconds, and the longer one counts.
        let wait = Duration::from_secs(wait.as_millis().div_ceil(1_000).max(1).try_into().unwrap_or(u64::MAX));
        throttled(kind, Some(wait), requests.unwrap_or_default())
    }

    fn answer(&mut self, now: Timestamp, profile: &RequestProfile, charge: u64) -> Reply {
        let cap = profile.size.output_cap.unwrap_or(u64::MAX);
        let output = answer_length(cap, &mut self.rng);
        let usage =
            Usage { input: profile.size.prompt_chars.div_ceil(4).max(1), output, exact: true, ..Usage::default() };
        Reply::Admitted(Admitted {
            ticket: Ticket(0),
            charge,
            usage,
            facts: self.standing_facts(now),
            first_token: spread_duration(Duration::from_millis(350), &mut self.rng),
            takes: Duration::from_millis(output.saturating_mul(11)),
        })
    }
}

/// What answers use of charges of these sizes, in thousandths.
#[must_use]
pub fn used_of_charge(sizes: Sizes, charging: Charging) -> u64 {
    let mut rng = Rng::with_seed(7);
    let (mut charged, mut used) = (0_u64, 0_u64);
    for _ in 0..20_000 {
        let charge = draw_size(sizes, &mut rng);
        let size = size_of(charge, charging);
        let cap = size.output_cap.unwrap_or(0);
        charged = charged.saturating_add(charge);
        used = used.saturating_add(size.prompt_chars.div_ceil(4).max(1)).saturating_add(answer_length(cap, &mut rng));
    }
    used.saturating_mul(1_000) / charged.max(1)
}

/// What a service charges for a request of this size.
pub(super) fn charge_of(charging: Charging, size: &RequestSize) -> u64 {
    let (prompt, cap) = (size.prompt_chars / 4, size.output_cap.unwrap_or(0));
    match charging {
        Charging::Sum => prompt.saturating_add(1).saturating_add(cap),
        Charging::Larger => size.prompt_chars.div_ceil(4).max(1).max(cap),
    }
}

fn answer_length(cap: u64, rng: &mut Rng) -> u64 {
    spread((cap.saturating_mul(MEDIAN_ANSWER) / 100).max(1), rng).clamp(1, cap.max(1))
}

fn foreign(spec: &SiteSpec) -> Foreign {
    let mean = match spec.foreign_sizes {
        Sizes::Uniform(size) | Sizes::Heavy { mean: size, .. } => size,
    };
    let per_minute = (spec.tokens_per_minute.saturating_mul(spec.foreign_percent) / 100 / mean.max(1)).max(1);
    let gap = MINUTE / u32::try_from(per_minute).unwrap_or(u32::MAX);
    Foreign { next: Timestamp::ZERO.after(gap), gap, rng: Rng::with_seed(spec.seed ^ 0xf0e1) }
}

fn throttled(kind: ThrottleKind, wait: Option<Duration>, requests: LimitFacts) -> Reply {
    let facts = HeaderFacts { requests, retry_after: wait, ..HeaderFacts::default() };
    Reply::Failed(Failure { class: FailureClass::Throttled(kind), status: Some(429), reached: true, facts })
}

impl Server for Site {
    fn charge(&self, profile: &RequestProfile) -> u64 {
        charge_of(self.spec.counting.charging(), &profile.size)
    }

    fn arrive(&mut self, now: Timestamp, profile: &RequestProfile) -> Reply {
        self.let_others_in(now);
        let charge = self.charge(profile);
        match self.take(now, charge) {
            Verdict::Admitted => self.answer(now, profile, charge),
            Verdict::Full { bound, wait } => self.full(now, bound, wait),
            Verdict::TooLarge { .. } if self.is_azure() => {
                throttled(ThrottleKind::Tokens, Some(NEVER), LimitFacts::default())
            }
            Verdict::TooLarge { .. } => throttled(ThrottleKind::TooLarge, None, LimitFacts::default()),
        }
    }

    fn finish(&mut self, now: Timestamp, admitted: &Admitted) {
        self.settle(now, admitted.charge, admitted.usage.total());
    }

    fn delivered(&self, admitted: &Admitted) -> u64 {
        if self.spec.counting == Counting::Utilization { admitted.usage.total() } else { admitted.charge }
    }

    fn standing(&mut self, now: Timestamp) -> Standing {
        self.let_others_in(now);
        self.tokens(now)
    }

    fn lasting_room(&mut self, now: Timestamp) -> Room {
        let limit = self.spec.tokens_per_minute;
        let tokens = self.standing(now).remaining;
        let tokens = match self.spec.counting {
            // Nobody can know when a service's minute begins; whoever trusts a sliding one is right at both.
            Counting::SlidingLog | Counting::CalendarMinute => tokens.min(self.recent.standing(now, limit).remaining),
            Counting::TokenBucket | Counting::Utilization => before_trust(tokens, limit),
        };
        Room { tokens, requests: self.lasting_requests(now) }
    }
}

impl Site {
    fn lasting_requests(&mut self, now: Timestamp) -> u64 {
        let free = self.requests(now).map_or(u64::MAX, |requests| requests.remaining);
        if self.spec.counting == Counting::TokenBucket {
            return self.limits.requests_per_minute.map_or(free, |limit| before_trust(free, limit));
        }
        let limit = self.limits.requests_per_slice();
        limit.map_or(free, |limit| free.min(self.recent_slice.standing(now, limit).remaining))
    }
}

/// What of a refilling limit was free before what came back within [`TRUST`].
fn before_trust(free: u64, limit: u64) -> u64 {
    let back = (u128::from(limit) * TRUST.as_micros()).div_ceil(MINUTE.as_micros());
    free.saturating_sub(u64::try_from(back).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
