//! The limits of one endpoint, pool or caller: tokens and requests per minute, requests per slice, and where they exist
//! tokens and requests per day, input and output per minute.
//!
//! Invariant: an amount is reserved in every meter or in none, and no change of limits or of the way of counting forgets it.
//! Absent on purpose: the limits themselves; they change while charges stay.

use std::time::Duration;

use super::bucket::Gate;
use super::free::{Room, WHOLE, millionths};
use super::meter::{Manner, Meter, Spot, Whose};
use crate::model::config::Enforcement;
use crate::model::decision::Estimate;
use crate::model::units::{DAY, MINUTE, Timestamp, Unit};

/// How long a service that counts requests in a bucket is taken to check slices too, once it refused one we saw room for.
const SLICE_MEMORY: Duration = Duration::from_mins(10);

/// Ceilings; `None`: unknown, never held back by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Per minute.
    pub(super) tokens: Option<u64>,
    /// Per minute.
    pub(super) requests: Option<u64>,
    /// Prompt tokens per minute.
    pub(super) input: Option<u64>,
    /// Output tokens per minute.
    pub(super) output: Option<u64>,
    pub(super) tokens_per_day: Option<u64>,
    pub(super) requests_per_day: Option<u64>,
}

impl Limits {
    /// That of a unit.
    pub(super) const fn of(self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Requests => self.requests,
            Unit::Input => self.input,
            Unit::Output => self.output,
            Unit::DayTokens => self.tokens_per_day,
            Unit::DayRequests => self.requests_per_day,
        }
    }

    /// Nothing is known.
    pub(super) const NONE: Self =
        Self { tokens: None, requests: None, input: None, output: None, tokens_per_day: None, requests_per_day: None };

    /// For a charge above the ceiling of tokens that holds now, but not above the `firm` one: it fits when nothing else is
    /// in the window.
    pub(super) fn widened(self, firm: Option<u64>, charge: u64) -> Self {
        let fits_for_good = firm.is_none_or(|firm| charge <= firm);
        match self.tokens {
            Some(limit) if limit < charge && fits_for_good => Self { tokens: Some(charge), ..self },
            _ => self,
        }
    }

    const fn has_more(&self) -> bool {
        self.input.is_some()
            || self.output.is_some()
            || self.tokens_per_day.is_some()
            || self.requests_per_day.is_some()
    }
}

/// Why a request does not fit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) unit: Unit,
    pub(super) needs: u64,
    pub(super) has: u64,
    pub(super) limit: u64,
    /// When this unit has room; `None`: never.
    pub(super) free_at: Option<Timestamp>,
}

impl Shortage {
    fn lasts(&self) -> Timestamp {
        self.free_at.unwrap_or(Timestamp::MAX)
    }
}

/// What one request asks for, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) tokens: u64,
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Demand {
    /// What is left of it behind another.
    pub(super) const fn without(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            input: self.input.saturating_sub(other.input),
            output: self.output.saturating_sub(other.output),
        }
    }
}

impl From<Estimate> for Demand {
    fn from(estimate: Estimate) -> Self {
        Self { tokens: estimate.charge, input: estimate.prompt, output: estimate.output }
    }
}

/// Tokens of which nobody said whether they go in or out.
impl From<u64> for Demand {
    fn from(tokens: u64) -> Self {
        Self { tokens, input: 0, output: 0 }
    }
}

/// A reservation in one ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    demand: Demand,
    tokens: Spot,
    minute: Spot,
    slice: Spot,
    more: Option<MoreEntry>,
}

#[derive(Clone, Copy, Debug)]
struct MoreEntry {
    input: Spot,
    output: Spot,
    day_tokens: Spot,
    day_requests: Spot,
}

/// The meters that few services need.
#[derive(Clone, Debug)]
struct More {
    input: Meter,
    output: Meter,
    day_tokens: Meter,
    day_requests: Meter,
}

/// The reservations and charges of one endpoint, pool or caller.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    enforcement: Enforcement,
    tokens: Meter,
    minute: Meter,
    slice: Meter,
    slice_span: Duration,
    /// A bucket of requests is checked in slices until then.
    sliced_until: Timestamp,
    /// From when one of them was first limited.
    more: Option<Box<More>>,
}

impl Ledger {
    /// An empty ledger of a sliding log that watches requests per minute and per slice.
    pub(super) fn new(slice_span: Duration) -> Self {
        Self {
            enforcement: Enforcement::SlidingLog,
            tokens: Meter::guarded(MINUTE),
            minute: Meter::guarded(MINUTE),
            slice: Meter::guarded(slice_span),
            slice_span,
            sliced_until: Timestamp::ZERO,
            more: None,
        }
    }

    /// An empty ledger of limits of our own: exact, and without slices.
    pub(super) fn own() -> Self {
        Self { tokens: Meter::exact(MINUTE), minute: Meter::exact(MINUTE), ..Self::new(MINUTE) }
    }

    /// A copy to play with that knows what counts against these limits, and nothing of what nobody limits.
    pub(super) fn sketch(&self, limits: Limits) -> Self {
        let kept = |known: bool, meter: &Meter| if known { meter.clone() } else { meter.emptied() };
        Self {
            enforcement: self.enforcement,
            tokens: kept(limits.tokens.is_some(), &self.tokens),
            minute: kept(limits.requests.is_some(), &self.minute),
            slice: kept(limits.requests.is_some(), &self.slice),
            slice_span: self.slice_span,
            sliced_until: self.sliced_until,
            more: self.more.clone().filter(|_| limits.has_more()),
        }
    }

    /// Counts as this service does from `now` on. What came before counts as it would have there.
    pub(super) fn count_as(&mut self, now: Timestamp, enforcement: Enforcement, slice_span: Duration) {
        self.enforcement = enforcement;
        if self.slice_span != slice_span {
            self.slice.respan(now, slice_span, &self.minute);
            self.slice_span = slice_span;
        }
    }

    /// Levels drain by these limits from `now` on. Where the ceiling of tokens is our own, it is kept over the minute, and the
    /// service's beside it: its level does not drain by ours.
    pub(super) fn tune(&mut self, now: Timestamp, limits: Limits, whose: Whose) {
        let (tokens, others) = match self.enforcement {
            Enforcement::TokenBucket => (Manner::Level(Gate::Whole), Manner::Level(Gate::Whole)),
            Enforcement::Utilization => (Manner::Level(Gate::Open), Manner::Log),
            Enforcement::Auto | Enforcement::SlidingLog => (Manner::Log, Manner::Log),
        };
        self.tokens.count_for(now, tokens, limits.tokens, whose);
        self.minute.count(now, others, limits.requests);
        if self.more.is_none() && limits.has_more() {
            // A limit that becomes known begins with what came before. How much of it was prompt or output nobody noted, and
            // neither was more than the charge.
            self.more = Some(Box::new(More {
                input: Meter::begun(now, MINUTE, &self.tokens),
                output: Meter::begun(now, MINUTE, &self.tokens),
                day_tokens: Meter::begun(now, DAY, &self.tokens),
                day_requests: Meter::begun(now, DAY, &self.minute),
            }));
        }
        if let Some(more) = &mut self.more {
            more.input.count(now, others, limits.input);
            more.output.count(now, others, limits.output);
            more.day_tokens.count(now, others, limits.tokens_per_day);
            more.day_requests.count(now, others, limits.requests_per_day);
        }
    }

    /// A minute's requests are spread over its slices, at least one in each.
    fn slice_limit(&self, per_minute: u64) -> u64 {
        let share = per_minute.saturating_mul(self.slice_span.as_secs()) / MINUTE.as_secs();
        share.max(1).min(per_minute)
    }

    /// Whether requests are checked in slices. A bucket is the check itself, until it turns out otherwise.
    fn is_sliced(&self, now: Timestamp) -> bool {
        self.slice_span < MINUTE && (self.enforcement != Enforcement::TokenBucket || now < self.sliced_until)
    }

    /// Every limit that is known, with its unit, its meter and what the request needs of it.
    fn lines(&self, demand: Demand, limits: Limits, sliced: bool) -> impl Iterator<Item = (Unit, &Meter, u64, u64)> {
        let slice = limits.requests.filter(|_| sliced).map(|limit| self.slice_limit(limit));
        let usual = [
            limits.tokens.map(|limit| (Unit::Tokens, &self.tokens, demand.tokens, limit)),
            slice.map(|limit| (Unit::Requests, &self.slice, 1, limit)),
            limits.requests.map(|limit| (Unit::Requests, &self.minute, 1, limit)),
        ];
        usual.into_iter().flatten().chain(self.more_lines(demand, limits))
    }

    fn more_lines(&self, demand: Demand, limits: Limits) -> impl Iterator<Item = (Unit, &Meter, u64, u64)> {
        let more = self.more.as_deref().into_iter().flat_map(move |more| {
            [
                limits.input.map(|limit| (Unit::Input, &more.input, demand.input, limit)),
                limits.output.map(|limit| (Unit::Output, &more.output, demand.output, limit)),
                limits.tokens_per_day.map(|limit| (Unit::DayTokens, &more.day_tokens, demand.tokens, limit)),
                limits.requests_per_day.map(|limit| (Unit::DayRequests, &more.day_requests, 1, limit)),
            ]
        });
        more.flatten()
    }

    /// What is free.
    pub(super) fn room(&self, now: Timestamp, limits: Limits) -> Room {
        let mut room = Room::below(limits.tokens);
        if let Some(limit) = limits.tokens {
            room.see_tokens(now, &self.tokens, limit);
        }
        let sliced = self.is_sliced(now);
        if let Some(limit) = limits.requests {
            room.see_requests(now, &self.minute, limit);
            if sliced {
                room.see_slice(now, &self.slice, self.slice_limit(limit));
                if self.enforcement == Enforcement::TokenBucket {
                    room.until = room.until.min(self.sliced_until);
                }
            }
        }
        if self.more.is_some() {
            for (unit, meter, _, limit) in self.more_lines(Demand::default(), limits) {
                room.see_more(now, meter, unit, limit);
            }
        }
        room.seen(now, !sliced && self.more.is_none(), limits.requests.is_some())
    }

    /// The unit that lacks room for one such request the longest, if any does.
    pub(super) fn shortage(&self, now: Timestamp, demand: impl Into<Demand>, limits: Limits) -> Option<Shortage> {
        let all = self.lines(demand.into(), limits, self.is_sliced(now)).filter_map(|(unit, meter, needs, limit)| {
            let free_at = meter.earliest(now, needs, limit);
            let has = limit.saturating_sub(meter.taken(now));
            (free_at != Some(now)).then_some(Shortage { unit, needs, has, limit, free_at })
        });
        // Of several that last equally long, the first is named.
        all.reduce(|worst, next| if next.lasts() > worst.lasts() { next } else { worst })
    }

    /// The exact time from which one such request fits; `None`: never.
    pub(super) fn earliest(&self, now: Timestamp, demand: impl Into<Demand>, limits: Limits) -> Option<Timestamp> {
        let (mut when, demand) = (now, demand.into());
        // Asked of every candidate of every request: the usual limits without a detour.
        if let Some(limit) = limits.tokens {
            when = when.max(self.tokens.earliest(now, demand.tokens, limit)?);
        }
        if let Some(limit) = limits.requests {
            when = when.max(self.minute.earliest(now, 1, limit)?);
            if self.is_sliced(now) {
                when = when.max(self.slice.earliest(now, 1, self.slice_limit(limit))?);
            }
        }
        if self.more.is_some() {
            for (_, meter, needs, limit) in self.more_lines(demand, limits) {
                when = when.max(meter.earliest(now, needs, limit)?);
            }
        }
        Some(when)
    }

    /// Whether a second request still fits at `by` if a first one is taken now.
    pub(super) fn leaves_room(
        &self,
        now: Timestamp,
        first: Estimate,
        second: Estimate,
        by: Timestamp,
        limits: Limits,
    ) -> bool {
        let sliced = self.is_sliced(now);
        let both = self.lines(first.into(), limits, sliced).zip(self.lines(second.into(), limits, sliced));
        both.into_iter().all(|((_, meter, first, limit), (_, _, second, _))| {
            meter.is_gone(now, by) || meter.earliest_behind(now, first, second, limit).is_some_and(|when| when <= by)
        })
    }

    /// Takes one such request, fitting or not.
    pub(super) fn reserve(&mut self, now: Timestamp, demand: impl Into<Demand>) -> Entry {
        let demand = demand.into();
        Entry {
            demand,
            tokens: self.tokens.add(now, demand.tokens),
            minute: self.minute.add(now, 1),
            slice: self.slice.add(now, 1),
            more: self.more.as_mut().map(|more| MoreEntry {
                input: more.input.add(now, demand.input),
                output: more.output.add(now, demand.output),
                day_tokens: more.day_tokens.add(now, demand.tokens),
                day_requests: more.day_requests.add(now, 1),
            }),
        }
    }

    /// So much was used that no reservation of now stands for.
    pub(super) fn spend(&mut self, now: Timestamp, demand: Demand) {
        let entry = self.reserve(now, demand);
        self.close(now, entry, demand, 0);
    }

    /// The reservation becomes a charge of this much and one request.
    pub(super) fn settle(&mut self, now: Timestamp, entry: Entry, charge: impl Into<Demand>) {
        self.close(now, entry, charge.into(), 1);
    }

    /// Nothing reached the service: everything is given back.
    pub(super) fn release(&mut self, now: Timestamp, entry: Entry) {
        self.close(now, entry, Demand::default(), 0);
    }

    fn close(&mut self, now: Timestamp, entry: Entry, charge: Demand, requests: u64) {
        let was = entry.demand;
        self.tokens.settle(now, entry.tokens, was.tokens, charge.tokens);
        self.minute.settle(now, entry.minute, 1, requests);
        self.slice.settle(now, entry.slice, 1, requests);
        if let (Some(more), Some(entry)) = (&mut self.more, entry.more) {
            more.input.settle(now, entry.input, was.input, charge.input);
            more.output.settle_corrected(now, entry.output, was.output, charge.output);
            more.day_tokens.settle(now, entry.day_tokens, was.tokens, charge.tokens);
            more.day_requests.settle(now, entry.day_requests, 1, requests);
        }
    }

    /// The server had no tokens left: where they drain continuously, it is full.
    pub(super) fn fill(&mut self, now: Timestamp, limits: Limits) {
        if let Some(limit) = limits.tokens {
            self.tokens.fill(now, limit);
        }
    }

    /// So many tokens more are in use than we count, where they drain continuously.
    pub(super) fn grow(&mut self, now: Timestamp, tokens: u64) {
        self.tokens.grow(now, tokens);
    }

    /// The server has at least and at most so much of a unit left: where it drains continuously, the rest is taken.
    pub(super) fn heed(&mut self, now: Timestamp, unit: Unit, (least, most): (Option<u64>, u64), limits: Limits) {
        let more = self.more.as_deref_mut();
        let meter = match unit {
            Unit::Tokens => Some(&mut self.tokens),
            Unit::Requests => Some(&mut self.minute),
            Unit::Input => more.map(|more| &mut more.input),
            Unit::Output => more.map(|more| &mut more.output),
            Unit::DayTokens => more.map(|more| &mut more.day_tokens),
            Unit::DayRequests => more.map(|more| &mut more.day_requests),
        };
        if let (Some(limit), Some(meter)) = (limits.of(unit), meter) {
            let limit = meter.service_limit(limit);
            let most_taken = least.map_or(u64::MAX, |least| limit.saturating_sub(least));
            meter.heed(now, (limit.saturating_sub(most), most_taken));
        }
    }

    /// The server had no room where we saw some: keep amounts of this unit longer.
    pub(super) fn widen(&mut self, now: Timestamp, unit: Unit) {
        match unit {
            Unit::Tokens => self.tokens.widen(),
            Unit::Requests => {
                self.minute.widen();
                self.slice.widen();
                self.sliced_until = now.after(SLICE_MEMORY);
            }
            // Their guard is nothing beside a day, and no service tells input from output when it refuses.
            Unit::Input | Unit::Output | Unit::DayTokens | Unit::DayRequests => {}
        }
    }

    /// No such surprise for long: keep amounts a little shorter again.
    pub(super) fn narrow(&mut self) {
        for meter in [&mut self.tokens, &mut self.minute, &mut self.slice] {
            meter.narrow();
        }
    }

    /// Tokens that count, of which not settled.
    pub(super) fn tokens(&self, now: Timestamp) -> (u64, u64) {
        self.tokens.standing(now)
    }

    /// Requests that count against the minute, of which not settled.
    pub(super) fn requests(&self, now: Timestamp) -> (u64, u64) {
        self.minute.standing(now)
    }

    /// What counts in one unit, of which not settled. Nothing for units that were never limited.
    pub(super) fn standing(&self, now: Timestamp, unit: Unit) -> (u64, u64) {
        let more = self.more.as_deref();
        let meter = match unit {
            Unit::Tokens => Some(&self.tokens),
            Unit::Requests => Some(&self.minute),
            Unit::Input => more.map(|more| &more.input),
            Unit::Output => more.map(|more| &more.output),
            Unit::DayTokens => more.map(|more| &more.day_tokens),
            Unit::DayRequests => more.map(|more| &more.day_requests),
        };
        meter.map_or((0, 0), |meter| meter.standing(now))
    }

    /// The free share of the scarcest limit, slices aside, in millionths; a million if none is known.
    pub(super) fn free_share(&self, now: Timestamp, limits: Limits) -> u64 {
        let share = |meter: &Meter, limit: u64| millionths(limit.saturating_sub(meter.taken(now)), limit);
        let tokens = limits.tokens.map_or(WHOLE, |limit| share(&self.tokens, limit));
        let requests = limits.requests.map_or(WHOLE, |limit| share(&self.minute, limit));
        let more = self.more_lines(Demand::default(), limits).map(|(_, meter, _, limit)| share(meter, limit));
        more.fold(tokens.min(requests), u64::min)
    }

    /// Whether four fifths of a limit are taken, slices aside.
    pub(super) fn is_nearly_full(&self, now: Timestamp, limits: Limits) -> bool {
        let near = |meter: &Meter, limit: u64| !meter.is_below(now, limit.saturating_sub(limit / 5));
        limits.tokens.is_some_and(|limit| near(&self.tokens, limit))
            || limits.requests.is_some_and(|limit| near(&self.minute, limit))
            || self.more_lines(Demand::default(), limits).any(|(_, meter, _, limit)| near(meter, limit))
    }

    /// Whether a token ceiling of ours alone would let so many in, so that the service's is what lacks them.
    pub(super) fn ours_takes(&self, now: Timestamp, tokens: u64, limits: Limits) -> bool {
        limits.tokens.is_some_and(|limit| self.tokens.ours_takes(now, tokens, limit))
    }

    /// Tokens free now; `None`: no limit known.
    pub(super) fn free_tokens(&self, now: Timestamp, limits: Limits) -> Option<u64> {
        limits.tokens.map(|limit| limit.saturating_sub(self.tokens.taken(now)))
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
