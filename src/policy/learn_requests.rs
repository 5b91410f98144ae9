//! What an endpoint's answers and refusals teach about its requests: of what span the reported figure is, and what of it
//! others use.
//!
//! Invariant: room is left for others as soon as two answers in a row, or one refusal, show them; a counter that jumps by a
//! request or two shows nobody.
//! Absent on purpose: buckets, whose own word about their level counts (`Ledger::heed`), and tokens (`learn`).

use std::time::Duration;

use super::ceiling::Refused;
use super::foreign::{Foreign, Logged, Shown};
use super::learn::{Learning, TELLS, requests_stated};
use super::traffic::Mark;
use crate::model::checked::CheckedEndpoint;
use crate::model::config::{Enforcement, Service};
use crate::model::outcome::LimitFacts;
use crate::model::units::{MINUTE, Timestamp};

/// What left our window this shortly before may still be in theirs.
const EDGE: Duration = Duration::from_millis(500);
/// Counters are several, and jump by so many requests.
const JUMPS: u64 = 2;
/// Requests are few: what is averaged over them is kept in so many parts of one.
const PARTS: u64 = 1_000;
/// Refusals within a minute despite what the service says is left, from which on others are not all there is.
const DOUBTED: u32 = 3;

/// What others use of an endpoint's requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    foreign: Foreign,
    /// The span of the figure that was last reported, that figure, and when.
    reported: Option<(Duration, u64, Timestamp)>,
    /// Refusals that what the service said does not explain, and when the first of them came.
    doubts: (u32, Timestamp),
}

impl Others {
    /// What is left of a minute's requests when others have theirs; never nothing.
    pub(super) fn leave(&self, limit: u64, spec: &CheckedEndpoint) -> u64 {
        let others = if spec.pinned { 0 } else { self.in_a_minute(self.foreign.room().div_ceil(PARTS)) };
        if others == 0 { limit } else { limit.saturating_sub(others).max(limit / 16).max(1) }
    }

    /// Requests per minute that others send.
    pub(super) fn rate(&self) -> u64 {
        self.in_a_minute(self.foreign.rate()) / PARTS
    }

    fn in_a_minute(&self, requests: u64) -> u64 {
        self.reported.map_or(0, |(span, ..)| requests.saturating_mul(times(span)))
    }

    /// A figure of this span was reported. What was seen of another span means nothing by it.
    fn note(&mut self, now: Timestamp, span: Duration, limit: u64) {
        if self.reported.is_some_and(|(known, ..)| known != span) {
            self.foreign = Foreign::default();
        }
        self.reported = Some((span, limit, now));
    }

    /// Whether refusals are so many that others do not explain them.
    fn doubts(&mut self, now: Timestamp) -> bool {
        let (count, first) = self.doubts;
        self.doubts = if now.since(first) > MINUTE { (1, now) } else { (count.saturating_add(1), first) };
        self.doubts.0 >= DOUBTED
    }
}

impl Learning {
    /// Takes in the request limit that an answer states.
    pub(super) fn hear_requests(&mut self, now: Timestamp, spec: &CheckedEndpoint, pair: &LimitFacts) {
        if let Some((limit, span)) = reported(pair, spec) {
            // The very figure that is stated, in slices, is no news, unless another one was reported before.
            let stated = spec.requests_per_minute.filter(|stated| span != MINUTE && is_about(limit, span, *stated));
            if stated.is_none() || self.requests.reported().is_some() {
                let reported = stated.unwrap_or_else(|| limit.saturating_mul(times(span)));
                self.requests.report(now, requests_stated(spec), reported);
            }
            self.others.note(now, span, limit);
        }
    }

    /// Holds the requests that the service says are left against our own books.
    pub(super) fn compare_requests(&mut self, now: Timestamp, spec: &CheckedEndpoint, mark: &Mark, pair: &LimitFacts) {
        let (Some((limit, span)), Some(remaining)) = (reported(pair, spec), pair.remaining) else { return };
        if spec.enforcement != Enforcement::SlidingLog {
            return;
        }
        let since = self.traffic.requests_since(mark);
        let ours = |edge: Duration| {
            let within = self.traffic.requests_within(mark.at, span.saturating_add(edge));
            within.saturating_sub(since)
        };
        let used = limit.saturating_sub(remaining);
        // Of a whole minute nobody knows what has just left it.
        let little = (if span < MINUTE { limit / 64 } else { limit / 16 }).max(JUMPS);
        let most = used.saturating_sub(ours(Duration::ZERO));
        let edge = if most > little { ours(EDGE).saturating_sub(ours(Duration::ZERO)) } else { 0 };
        let [limit, used, ours, since, edge, little] =
            [limit, used, ours(Duration::ZERO), since, edge, little].map(|requests| requests.saturating_mul(PARTS));
        let logged = Logged { limit, used, ours, since, overtaking: since, edge, little };
        self.others.foreign.see(now, Shown::by_log(&logged));
    }

    /// A request was refused for its number.
    pub(super) fn short_of_requests(
        &mut self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        mark: &Mark,
        wait: Option<Duration>,
        straggler: bool,
    ) {
        let by_slice = wait.is_none_or(|wait| wait <= spec.request_slice);
        let told = self.others.reported.filter(|(_, _, at)| now.since(*at) <= TELLS && !spec.pinned);
        let asked = if by_slice { spec.request_slice } else { MINUTE };
        if let Some((span, limit, _)) = told
            && span == asked
            && spec.enforcement == Enforcement::SlidingLog
        {
            let since = self.traffic.requests_since(mark);
            let ours = self.traffic.requests_within(mark.at, span.saturating_add(EDGE)).saturating_sub(since);
            // What is full by its own word and not by ours is full of others.
            if ours.saturating_add((limit / 64).max(JUMPS)) < limit {
                self.others.foreign.refused(now, limit.saturating_mul(PARTS), ours.saturating_mul(PARTS));
                if straggler || !self.others.doubts(now) {
                    return;
                }
            }
        }
        let admitted = self.traffic.requests(now, by_slice);
        let charge = if by_slice { self.traffic.slices() } else { 1 };
        // A slice in which we had nothing was filled by others, or by what was on its way.
        if admitted > 0 {
            self.requests.refused(now, requests_stated(spec), Refused { admitted, charge, straggler, by_minute: true });
        }
    }
}

/// The reported limit and its span; `None`: nothing is said. Azure reports the requests of a slice where others report
/// those of a minute: what is stated tells which, else a reset beyond the slice.
fn reported(pair: &LimitFacts, spec: &CheckedEndpoint) -> Option<(u64, Duration)> {
    let limit = pair.limit.filter(|limit| *limit > 0)?;
    let slice = spec.request_slice.clamp(Duration::from_secs(1), MINUTE);
    let by_slice = spec.service == Service::Azure
        || spec.service == Service::Simulated && spec.enforcement == Enforcement::SlidingLog;
    let span = match spec.requests_per_minute {
        Some(stated) if slice < MINUTE && is_about(limit, slice, stated) => slice,
        Some(stated) if by_slice => {
            let spans = [MINUTE, Duration::from_secs(10), Duration::from_secs(1)];
            let off = |span: &Duration| ratio(limit.saturating_mul(times(*span)), stated);
            spans.into_iter().min_by_key(off).unwrap_or(MINUTE)
        }
        None if by_slice && pair.reset.is_none_or(|reset| reset <= spec.request_slice) => slice,
        _ => MINUTE,
    };
    Some((limit, span))
}

/// Whether so many per span are what is stated per minute.
fn is_about(limit: u64, span: Duration, stated: u64) -> bool {
    limit.saturating_mul(times(span)).abs_diff(stated) <= stated / 10
}

/// How many such spans a minute has.
fn times(span: Duration) -> u64 {
    MINUTE.as_secs() / span.as_secs().clamp(1, MINUTE.as_secs())
}

/// The larger over the smaller, in permille.
fn ratio(one: u64, other: u64) -> u64 {
    one.max(other).saturating_mul(1_000) / one.min(other).max(1)
}
