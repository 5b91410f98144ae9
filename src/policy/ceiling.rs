//! One limit as we believe it: stated by the person, reported by the service, or learned from its refusals.
//!
//! Invariant: a pinned limit is the stated one. What lowers a limit holds at once; what raises it closes a tenth of the gap
//! in ten seconds at most, also below what is stated: a service that took room away for want of machines gives it back when
//! one of its counters does, not when all do, so its word is followed as it is probed. Two are believed at once: the first
//! report where nothing is stated, and what the person states anew. No learned ceiling lies above the service's own figure,
//! or above twice that where the person lets us probe. What a service said once is not believed for ever: past an
//! old word larger requests are tried again, alone, and bring a new one.
//! Absent on purpose: counting. What was admitted at a refusal comes in as a number (`traffic`).

use std::time::Duration;

use crate::model::status::LimitSource;
use crate::model::units::{MINUTE, Timestamp};

use super::cubic::Cubic;

/// In this time a reported limit above the one that holds is adopted by a tenth of what is missing.
const CLIMB: Duration = Duration::from_secs(10);
/// What one report adopts at most, however long nothing was heard.
const LONGEST_CLIMB: Duration = Duration::from_mins(1);
/// Level of use, in percent of the ceiling, from which an answer tells that the ceiling holds.
const NEAR: u64 = 85;
/// What is believed of the highest level that was admitted is forgotten after this long.
const BEST_MEMORY: Duration = Duration::from_mins(2);

/// What the configuration says of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) limit: Option<u64>,
    pub(super) pinned: bool,
    /// Whether we may try what lies above the service's own figure.
    pub(super) above: bool,
}

/// A limit that holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) limit: Option<u64>,
    pub(super) source: LimitSource,
}

/// What the service did not let in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    /// What it had let in of ours at that moment, in the limit's unit.
    pub(super) admitted: u64,
    /// What it refused.
    pub(super) charge: u64,
    /// Sent before another refusal came back: it only sharpens what that one taught.
    pub(super) straggler: bool,
    /// Whether a minute's use is what the limit is held against. Where it is a level that refills, a minute may have let
    /// in twice as much, and `admitted` is what came back in one.
    pub(super) by_minute: bool,
}

/// Follows a limit above the one that holds, whether it is named or proved.
#[derive(Clone, Copy, Debug)]
struct Follower {
    /// So far.
    reached: u64,
    /// What was stated then: beside another figure it means nothing.
    beside: Option<u64>,
    /// When it last moved, or began.
    at: Option<Timestamp>,
}

impl Follower {
    /// On no way yet.
    const NONE: Self = Self { reached: 0, beside: None, at: None };

    /// From one figure towards another: down at once, up by a tenth of what is missing in ten seconds. It begins anew unless
    /// it was on its way before.
    fn follow(&mut self, now: Timestamp, beside: Option<u64>, (from, to): (u64, u64), goes_on: bool) {
        let last = self.at.filter(|_| goes_on);
        let passed = last.map_or(Duration::ZERO, |last| now.since(last).min(LONGEST_CLIMB));
        let part = share(to.saturating_sub(from), passed, CLIMB) / 10;
        let step = part.max(u64::from(passed >= CLIMB));
        if to <= from || step > 0 || last.is_none() {
            self.at = Some(now);
        }
        (self.reached, self.beside) = (to.min(from.saturating_add(step)), beside);
    }
}

/// One limit of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Ceiling {
    reported: Option<u64>,
    reported_at: Timestamp,
    /// It was said so long ago that it keeps no larger request away any more.
    is_old: bool,
    /// An earlier run heard it: the first word of this one counts in its place.
    is_recalled: bool,
    follower: Follower,
    learned: Option<Cubic>,
    /// The highest level at which something was let in since the last refusal, and when.
    best: (u64, Timestamp),
    /// Admissions since the last one near the ceiling, those of a minute at most, and when the first of them was.
    between: (u32, Timestamp),
    /// When the figure that holds came.
    since: Option<Timestamp>,
    /// In permille: how far below a refusal's level a learned ceiling begins.
    depth: u64,
}

impl Ceiling {
    /// Of tokens: a learned ceiling begins a little below the level of the refusal.
    pub(super) const fn of_tokens() -> Self {
        Self::new(20)
    }

    /// Of requests, where a little less may be a whole request in each slice: it begins at the level of the refusal.
    pub(super) const fn of_requests() -> Self {
        Self::new(0)
    }

    const fn new(depth: u64) -> Self {
        Self {
            reported: None,
            reported_at: Timestamp::ZERO,
            is_old: false,
            is_recalled: false,
            follower: Follower::NONE,
            learned: None,
            best: (0, Timestamp::ZERO),
            between: (0, Timestamp::ZERO),
            since: None,
            depth,
        }
    }

    /// When what holds now came; `None`: with the configuration.
    pub(super) const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// What the service last reported.
    pub(super) const fn reported(&self) -> Option<u64> {
        self.reported
    }

    /// What stated and reported figures make of it, refusals apart.
    pub(super) fn firm(&self, stated: Stated) -> Option<u64> {
        let is_followed = self.follower.beside == stated.limit;
        match (stated.limit, self.reported) {
            (limit, _) if stated.pinned => limit,
            (None, None) => None,
            (Some(limit), None) if is_followed => Some(limit.max(self.follower.reached)),
            (Some(limit), None) => Some(limit),
            (Some(limit), Some(reported)) if !is_followed => Some(limit.min(reported)),
            (_, Some(reported)) => Some(self.follower.reached.min(reported)),
        }
    }

    /// The largest that may fit by anybody's word: what is reported, adopted or not, while that is not too long ago, else what
    /// is stated.
    pub(super) fn largest(&self, stated: Stated) -> Option<u64> {
        if stated.pinned { stated.limit } else { self.word().or(stated.limit) }
    }

    fn word(&self) -> Option<u64> {
        self.reported.filter(|_| !self.is_old)
    }

    /// When what is reported will be too old to be believed, unless it is said again; `None`: it keeps nothing away that what
    /// is stated does not.
    pub(super) fn word_ends(&self, stated: Stated, memory: Duration) -> Option<Timestamp> {
        let keeps = |word: &u64| !stated.pinned && stated.limit.is_none_or(|limit| *word < limit);
        self.word().filter(keeps).map(|_| self.reported_at.after(memory))
    }

    /// What is reported was said too long ago: it keeps no larger request away any more, but the ceiling stays.
    pub(super) const fn loosen_word(&mut self) {
        self.is_old = true;
    }

    /// What is reported was said too long ago, and nothing is held by it any more.
    pub(super) const fn forget_word(&mut self) {
        self.reported = None;
    }

    /// What holds now.
    pub(super) fn held(&self, stated: Stated) -> Held {
        let firm = self.firm(stated);
        let learned = self.learned.as_ref().filter(|_| !stated.pinned).map(Cubic::value);
        let highest = if stated.above { firm.map(|firm| firm.saturating_mul(2)) } else { firm };
        let limit = match (learned, highest) {
            (Some(learned), Some(highest)) => Some(learned.min(highest)),
            (Some(learned), None) => Some(learned),
            (None, _) => firm,
        };
        let source = match limit {
            None => LimitSource::Unknown,
            Some(_) if limit != firm => LimitSource::Learned,
            Some(_) if limit == stated.limit => LimitSource::Configured,
            Some(_) if self.reported.is_none() => LimitSource::Learned,
            Some(_) => LimitSource::Header,
        };
        Held { limit, source }
    }

    /// What refusals taught and holds now, and since when; none where what is reported or stated is lower.
    pub(super) fn lesson(&self, stated: Stated) -> Option<(u64, Timestamp)> {
        let learned = self.learned.as_ref().filter(|_| !stated.pinned)?.value();
        let holds = self.firm(stated).is_none_or(|firm| learned < firm);
        Some((learned, self.since?)).filter(|_| holds)
    }

    /// An earlier run was taught this by refusals. What this one was taught already counts more.
    pub(super) fn recall(&mut self, now: Timestamp, stated: Stated, (learned, since): (u64, Timestamp)) {
        if stated.pinned || self.learned.is_some() || learned == 0 || stated.limit.is_some_and(|limit| limit <= learned)
        {
            return;
        }
        self.learned = Some(Cubic::resumed(now, learned, self.depth));
        // The next refusal is another one, though nothing was let in since.
        self.best = (1, now);
        self.since = Some(since);
    }

    /// What the service named, and when it said so last.
    pub(super) fn named(&self) -> Option<(u64, Timestamp)> {
        self.reported.map(|limit| (limit, self.reported_at))
    }

    /// An earlier run heard this limit named. It holds until this one hears a word, and keeps no larger request away.
    pub(super) fn recall_named(&mut self, stated: Stated, (limit, at): (u64, Timestamp)) {
        if self.reported.is_none() && limit > 0 {
            self.report(at, stated, limit);
            (self.is_old, self.is_recalled) = (true, true);
        }
    }

    /// The service reports its limit.
    pub(super) fn report(&mut self, now: Timestamp, stated: Stated, limit: u64) {
        let before = self.held(stated);
        if std::mem::take(&mut self.is_recalled) {
            (self.reported, self.follower) = (None, Follower::NONE);
        }
        let from = self.firm(Stated { pinned: false, ..stated }).unwrap_or(limit);
        let climbs = self.reported.is_some_and(|reported| reported > from);
        self.follower.follow(now, stated.limit, (from, limit), climbs);
        (self.reported, self.reported_at, self.is_old) = (Some(limit), now, false);
        self.note(now, before, stated);
    }

    /// The service let in so much that its limit, which it does not name, is at least this.
    pub(super) fn prove(&mut self, now: Timestamp, stated: Stated, least: u64) {
        let before = self.held(stated);
        if let (Some(lower), None) = (stated.limit, self.reported) {
            let climbs = self.follower.beside == stated.limit;
            let from = if climbs { self.follower.reached.max(lower) } else { lower };
            self.follower.follow(now, stated.limit, (from, least.max(from)), climbs);
        }
        self.note(now, before, stated);
    }

    /// Something was let in at this level of use.
    pub(super) fn admitted(&mut self, now: Timestamp, stated: Stated, level: u64) {
        let before = self.held(stated);
        if level >= self.best.0 || now.since(self.best.1) > BEST_MEMORY {
            self.best = (level, now);
        }
        let (count, first) = self.between;
        self.between = if now.since(first) > MINUTE { (1, now) } else { (count.saturating_add(1), first) };
        let Some(limit) = before.limit.filter(|limit| level >= limit.saturating_mul(NEAR) / 100) else { return };
        if self.learned.is_none() && stated.above && !stated.pinned {
            self.learned = Some(Cubic::from_plateau(now, limit, self.depth.max(1)));
        }
        let firm = self.firm(stated);
        let admissions = std::mem::replace(&mut self.between, (0, now)).0;
        if let Some(learned) = &mut self.learned {
            learned.near(now, admissions);
            if !stated.above && firm.is_some_and(|firm| learned.value() >= firm) {
                self.learned = None;
            }
        }
        self.note(now, before, stated);
    }

    /// The service refused something that our books had room for.
    pub(super) fn refused(&mut self, now: Timestamp, stated: Stated, refused: Refused) {
        if stated.pinned {
            return;
        }
        let before = self.held(stated);
        let upper = refused.admitted.saturating_add(refused.charge).saturating_sub(1);
        let best = if refused.by_minute { self.best.0.min(upper) } else { 0 };
        let level = refused.admitted.max(best);
        // Others filled it, or it lacks something else: how much it lets in cannot be told by what it refused.
        if level == 0 && before.limit.is_none() {
            return;
        }
        // Where nothing was let in since the last refusal, this is still the same one.
        if refused.straggler || self.learned.is_some() && self.best.0 == 0 {
            if let Some(learned) = self.learned.as_mut().filter(|_| refused.by_minute) {
                learned.sharpen(level);
            }
        } else {
            // At most halved: what others used up for a while, or an earlier life of ours, is no lower limit.
            let least = before.limit.map_or(0, |limit| limit / 2).max(refused.charge).max(1);
            let level = level.max(least);
            self.learned = Some(match &self.learned {
                Some(known) => known.again(now, level),
                None => Cubic::from_refusal(now, level, least, self.depth),
            });
            self.best = (0, now);
        }
        self.note(now, before, stated);
    }

    fn note(&mut self, now: Timestamp, before: Held, stated: Stated) {
        if self.held(stated) != before {
            self.since = Some(now);
        }
    }
}

/// The part of an amount that `passed` is of `whole`.
pub(super) fn share(amount: u64, passed: Duration, whole: Duration) -> u64 {
    let part = u128::from(amount).saturating_mul(passed.as_millis()) / whole.as_millis().max(1);
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "ceiling_tests.rs"]
mod tests;
