//! What a ledger has free, in numbers that are compared without asking it.
//!
//! What is free below levels grows evenly while nobody touches them, so it is carried on by these numbers alone; what leaves
//! a window leaves at moments that only the window knows.
//!
//! Invariant: carried on to a moment, it is what the ledger itself would say then.
//! Absent on purpose: why something does not fit (`room`), and whatever but limits is in the way (`glance`).

use super::ahead::{Ahead, Drain};
use super::meter::Meter;
use crate::model::decision::Estimate;
use crate::model::units::{Timestamp, Unit, micros};

/// All of a limit, in millionths.
pub(super) const WHOLE: u64 = 1_000_000;

/// What a ledger has free, all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// When it was so,
    pub(super) at: Timestamp,
    /// and from when on time alone may have changed something.
    pub(super) until: Timestamp,
    /// The ceiling of tokens per minute; `None`: none is known.
    pub(super) limit: Option<u64>,
    /// What is free below it.
    pub(super) free: u64,
    /// The largest charge that fits, all limits considered but those of input and output.
    pub(super) tokens: u64,
    /// The same, tokens per minute left out too: if a charge is larger than `tokens` but not than this, they alone lack.
    pub(super) apart: u64,
    /// How tokens per minute come back, where they are few or drain.
    ahead: Ahead,
    /// How requests per minute drain, and their ceiling.
    requests: Option<(Drain, u64)>,
    /// Whether nothing but that changes with time.
    even: bool,
    input: u64,
    output: u64,
    /// What is free of the scarcest limit but tokens per minute, slices aside, and that limit.
    scarce: (u64, u64),
    /// Whether four fifths of a limit are taken, slices aside.
    pub(super) nearly_full: bool,
}

impl Room {
    /// Nothing has been looked at yet.
    pub(super) const fn below(limit: Option<u64>) -> Self {
        Self {
            at: Timestamp::ZERO,
            until: Timestamp::MAX,
            limit,
            free: u64::MAX,
            tokens: u64::MAX,
            apart: u64::MAX,
            ahead: Ahead::Unknown,
            requests: None,
            even: false,
            input: u64::MAX,
            output: u64::MAX,
            scarce: (1, 1),
            nearly_full: false,
        }
    }

    /// Whether a request fits.
    pub(super) const fn takes(&self, estimate: &Estimate) -> bool {
        estimate.charge <= self.tokens && estimate.prompt <= self.input && estimate.output <= self.output
    }

    /// The free share of the scarcest limit, slices aside, in millionths; a million if none is known.
    pub(super) fn share(&self) -> u64 {
        let scarce = millionths(self.scarce.0, self.scarce.1);
        self.limit.map_or(scarce, |limit| scarce.min(millionths(self.free, limit)))
    }

    /// When a request fits that lacks nothing but tokens per minute; `None`: it lacks something else, or nothing, or that
    /// cannot be told from here.
    pub(super) fn back(&self, now: Timestamp, estimate: &Estimate) -> Option<Timestamp> {
        let limit = self.limit.filter(|limit| (self.free..*limit).contains(&estimate.charge.saturating_sub(1)))?;
        let alone = estimate.charge <= self.apart && estimate.prompt <= self.input && estimate.output <= self.output;
        self.ahead.when(now, estimate.charge, (self.free, limit)).filter(|_| alone)
    }

    /// Nothing goes there, whatever is free.
    pub(super) const fn shut(&mut self) {
        (self.tokens, self.apart) = (0, 0);
    }

    /// Tokens per minute.
    pub(super) fn see_tokens(&mut self, now: Timestamp, meter: &Meter, limit: u64) {
        self.free = self.see(now, meter, limit);
        self.ahead = meter.ahead(now, self.nearly_full);
    }

    /// Requests per minute.
    pub(super) fn see_requests(&mut self, now: Timestamp, meter: &Meter, limit: u64) {
        let free = self.see(now, meter, limit);
        self.requests = meter.drain(now).map(|drain| (drain, limit));
        self.count_requests(free, limit);
    }

    /// Requests per slice.
    pub(super) fn see_slice(&mut self, now: Timestamp, meter: &Meter, limit: u64) {
        let (taken, until) = meter.taken_until(now);
        self.until = self.until.min(until);
        if taken >= limit {
            self.apart = 0;
        }
    }

    /// A limit that few services have.
    pub(super) fn see_more(&mut self, now: Timestamp, meter: &Meter, unit: Unit, limit: u64) {
        let free = self.see(now, meter, limit);
        match unit {
            Unit::Input => self.input = free,
            Unit::Output => self.output = free,
            Unit::Tokens | Unit::DayTokens => self.apart = self.apart.min(free),
            Unit::Requests | Unit::DayRequests => return self.count_requests(free, limit),
        }
        self.count_scarce(free, limit);
    }

    /// All has been looked at; `plain`: it was nothing but tokens and, if `counted`, requests per minute.
    pub(super) fn seen(self, now: Timestamp, plain: bool, counted: bool) -> Self {
        let tokens = self.limit.is_none() || matches!(self.ahead, Ahead::Drain(_));
        let requests = self.requests.is_some() == counted;
        Self { at: now, tokens: self.apart.min(self.free), even: plain && tokens && requests, ..self }
    }

    /// The same a little later, if nobody touched it. Whether that could be told.
    pub(super) fn pass(&mut self, now: Timestamp) -> bool {
        if !self.even {
            return false;
        }
        let passed = micros(now.since(self.at));
        (self.at, self.until, self.nearly_full) = (now, Timestamp::MAX, false);
        if let Some(limit) = self.limit
            && let Ahead::Drain(drain) = &mut self.ahead
        {
            let taken = drain.pass(passed);
            self.free = self.count(now, (taken, limit));
        }
        (self.apart, self.scarce) = (u64::MAX, (1, 1));
        if let Some((drain, limit)) = &mut self.requests {
            let (taken, limit) = (drain.pass(passed), *limit);
            let free = self.count(now, (taken, limit));
            self.count_requests(free, limit);
        }
        self.tokens = self.apart.min(self.free);
        true
    }

    fn see(&mut self, now: Timestamp, meter: &Meter, limit: u64) -> u64 {
        let (taken, until) = meter.taken_until(now);
        self.until = self.until.min(until);
        self.near(taken, limit)
    }

    /// The same of what drains.
    fn count(&mut self, now: Timestamp, (taken, limit): (u64, u64)) -> u64 {
        if taken > 0 {
            self.until = Timestamp(now.0.saturating_add(1));
        }
        self.near(taken, limit)
    }

    const fn near(&mut self, taken: u64, limit: u64) -> u64 {
        self.nearly_full |= taken >= limit.saturating_sub(limit / 5);
        limit.saturating_sub(taken)
    }

    fn count_requests(&mut self, free: u64, limit: u64) {
        if free == 0 {
            self.apart = 0;
        }
        self.count_scarce(free, limit);
    }

    fn count_scarce(&mut self, free: u64, limit: u64) {
        let wide = |(part, of): (u64, u64)| u128::from(part) * u128::from(of);
        if wide((free, self.scarce.1)) <= wide((self.scarce.0, limit)) {
            self.scarce = (free, limit);
        }
    }
}

/// A part of a whole, in millionths.
pub(super) fn millionths(part: u64, whole: u64) -> u64 {
    match part.checked_mul(WHOLE) {
        // Mostly it is all or nothing, which needs no division.
        _ if part >= whole && whole > 0 => WHOLE,
        Some(0) => 0,
        Some(scaled) => scaled / whole.max(1),
        None => part / (whole / WHOLE).max(1),
    }
    .min(WHOLE)
}
