//! What others use of a quota we share, by what the service says is left and what we have sent.
//!
//! Invariant: room is left for others as soon as two answers in a row, or one refusal, show them; it is taken back over
//! many seconds, and only by answers that show less: more slowly still by those of a service that just began a new minute,
//! and forgot others' use with ours. Where nobody else is, none is left.
//! Absent on purpose: errors in our own charges, which grow with our traffic and are mended by `calibrate`.

use std::time::Duration;

use super::calibrate::Reading;
use super::ceiling::share;
use crate::model::units::{MINUTE, Timestamp};

/// Room left for others is taken back over this time.
const RELEASE: Duration = Duration::from_secs(15);
/// The same, by answers of a service that has forgotten some of ours: they may show less of others than there is.
const BLIND_RELEASE: Duration = Duration::from_mins(3);
/// Over this time their traffic is averaged for show.
const SMOOTH: Duration = Duration::from_secs(30);
/// A bucket's level is compared over this time: long enough for the order of requests not to matter.
pub(super) const DRIFT: std::ops::RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(30);

/// Between what bounds one answer shows others' tokens per minute to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) limit: u64,
    pub(super) least: u64,
    pub(super) most: u64,
    /// The service counts less than we sent within the minute: it began a new one, and what it forgot may have been
    /// others' as well as ours.
    pub(super) forgetful: bool,
}

/// What an answer says of a sliding log, beside what we know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged {
    pub(super) limit: u64,
    /// Of the limit, by its word.
    pub(super) used: u64,
    /// What we had sent within the window, the answer's own request included.
    pub(super) ours: u64,
    /// What we sent between the request and its answer.
    pub(super) since: u64,
    /// How much of it so soon that it may have arrived first.
    pub(super) overtaking: u64,
    /// What has left our window so lately that it may still be in theirs.
    pub(super) edge: u64,
    /// What is so little that it shows nobody.
    pub(super) little: u64,
}

impl Logged {
    /// Of tokens.
    pub(super) fn tokens(reading: &Reading, since: u64, overtaking: u64) -> Self {
        let (limit, mark) = (reading.limit, &reading.mark);
        let little = (limit / 64).max(mark.charge.min(limit / 16));
        let used = limit.saturating_sub(reading.remaining);
        Self { limit, used, ours: mark.tokens, since, overtaking, edge: 0, little }
    }
}

impl Shown {
    /// By a sliding log: what of the used part is not ours.
    pub(super) fn by_log(logged: &Logged) -> Self {
        let Logged { limit, used, ours, since, overtaking, edge, little } = *logged;
        let unknown = used.saturating_sub(ours);
        // Nobody knows whether the service counted before or after it began to answer; where little was sent in
        // between, it does not matter. And requests overtake each other, as often one way as the other.
        let doubt = if since > limit / 32 { since } else { overtaking / 2 }.saturating_add(edge);
        let sure = |amount: u64| if amount > little { amount } else { 0 };
        let forgetful = used.saturating_add(limit / 16) < ours;
        Self { limit, least: sure(unknown.saturating_sub(doubt)), most: sure(unknown), forgetful }
    }

    /// By a bucket that refills: what went out of it between two answers beside what is ours. `None`: they are too close
    /// or too far from each other.
    pub(super) fn by_bucket(before: &Reading, reading: &Reading, ours: u64) -> Option<Self> {
        let (limit, apart) = (reading.limit, reading.mark.at.since(before.mark.at));
        if limit != before.limit || !DRIFT.contains(&apart) {
            return None;
        }
        let refilled = share(limit, apart, MINUTE);
        let gone = before.remaining.saturating_add(refilled).saturating_sub(reading.remaining).saturating_sub(ours);
        let rate = share(gone, MINUTE, apart);
        let little = limit / 32;
        let rate = if rate > little { rate } else { 0 };
        // A bucket that was full may have spilled: then others may have used more than can be seen.
        let full = before.remaining.max(reading.remaining) >= limit - limit / 50;
        Some(Self {
            limit,
            least: if full { 0 } else { rate },
            most: if full { limit } else { rate },
            forgetful: false,
        })
    }
}

/// The others at one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign {
    /// Tokens of theirs we reckon with.
    held: u64,
    /// What the last answer showed at least.
    last: u64,
    /// Their tokens per minute, smoothed.
    rate: u64,
    at: Timestamp,
    limit: u64,
    /// What is held was concluded from a refusal; the next answers know better.
    alarmed: bool,
}

impl Foreign {
    /// An answer says what is left.
    pub(super) fn see(&mut self, now: Timestamp, shown: Shown) {
        let sure = shown.least.min(self.last);
        let passed = now.since(self.at);
        let toward = |from: u64, to: u64, span: Duration| {
            let moved = |gap: u64| share(gap, passed.min(span), span);
            if to >= from { from.saturating_add(moved(to - from)) } else { from.saturating_sub(moved(from - to)) }
        };
        self.rate = toward(self.rate, self.rate.clamp(shown.least, shown.most), SMOOTH);
        if self.held < sure {
            self.held = sure;
        } else if self.held > shown.most {
            let release = if shown.forgetful { BLIND_RELEASE } else { RELEASE };
            let at_once = self.alarmed && !shown.forgetful;
            self.held = if at_once { shown.most } else { toward(self.held, shown.most, release) };
            self.alarmed = false;
        }
        // What is left of it in the end is nobody.
        if self.held < shown.limit / 256 {
            self.held = 0;
        }
        (self.last, self.at, self.limit) = (shown.least, now, shown.limit);
    }

    /// The service had no room where our own use left some.
    pub(super) fn refused(&mut self, now: Timestamp, limit: u64, ours: u64) {
        let concluded = limit.saturating_sub(ours);
        if concluded > self.held {
            (self.held, self.alarmed) = (concluded, true);
        }
        (self.at, self.limit) = (now, limit);
    }

    /// Tokens a minute that others use.
    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    /// Tokens to keep free for them: what they use, what they may use more until we hear of it, and never all. In steps
    /// so coarse that what stands on it is not doubted with every answer.
    pub(super) fn room(&self) -> u64 {
        if self.held == 0 {
            return 0;
        }
        let step = (self.limit / 128).max(1);
        let room = self.held.saturating_add(self.limit / 64).saturating_add(self.held / 8);
        room.div_ceil(step).saturating_mul(step).min(self.limit.saturating_sub(self.limit / 16))
    }
}

#[cfg(test)]
mod tests {
    use super::super::traffic::Traffic;
    use super::*;

    const LIMIT: u64 = 100_000;

    fn shown(least: u64, most: u64) -> Shown {
        Shown { limit: LIMIT, least, most, forgetful: false }
    }
    fn by_log(reading: &Reading, since: u64, overtaking: u64) -> Shown {
        Shown::by_log(&Logged::tokens(reading, since, overtaking))
    }
    /// An answer after `ours` tokens of ours, the last 400 of them its own.
    fn reading(at: Timestamp, remaining: u64, ours: u64) -> Reading {
        let mut traffic = Traffic::new(Duration::from_secs(1));
        traffic.send(at, ours - 400, ours - 400);
        Reading { mark: traffic.send(at, 400, 400), limit: LIMIT, remaining }
    }

    #[test]
    fn what_is_used_and_not_ours_is_others() {
        let reading = reading(Timestamp::ZERO, 50_000, 20_000);
        assert_eq!(by_log(&reading, 0, 0), shown(30_000, 30_000));
        assert_eq!(by_log(&reading, 3_000, 2_000), shown(29_000, 30_000), "some may have overtaken it");
        assert_eq!(by_log(&reading, 10_000, 2_000), shown(20_000, 30_000), "it may have been counted late");
        assert_eq!(by_log(&reading, 40_000, 0), shown(0, 30_000));
    }

    #[test]
    fn a_buckets_drift_shows_others_unless_it_was_full() {
        let first = reading(Timestamp::ZERO, 50_000, 20_000);
        let second = reading(Timestamp::from_secs(6), 47_000, 20_000);
        assert_eq!(Shown::by_bucket(&first, &second, 9_000), Some(shown(40_000, 40_000)), "10,000 came back in 6 s");
        let full = reading(Timestamp::from_secs(6), 99_000, 20_000);
        assert_eq!(Shown::by_bucket(&first, &full, 9_000), Some(shown(0, LIMIT)));
        let soon = reading(Timestamp::from_secs(1), 47_000, 20_000);
        assert_eq!(Shown::by_bucket(&first, &soon, 9_000), None);
    }

    #[test]
    fn others_are_left_room_at_the_second_answer_and_lose_it_slowly() {
        let mut foreign = Foreign::default();
        foreign.see(Timestamp::from_secs(60), shown(30_000, 30_000));
        assert_eq!(foreign.room(), 0, "one answer may have been overtaken");
        foreign.see(Timestamp::from_secs(61), shown(30_000, 30_000));
        let room = foreign.room();
        assert!((30_000..36_000).contains(&room), "{room}");
        foreign.see(Timestamp::from_secs(62), shown(0, 40_000));
        assert_eq!(foreign.room(), room, "what is uncertain changes nothing");
        foreign.see(Timestamp::from_secs(63), shown(0, 0));
        assert!(foreign.room() > room * 8 / 10, "{}", foreign.room());
        for second in 64..240 {
            foreign.see(Timestamp::from_secs(second), shown(0, 0));
        }
        assert_eq!(foreign.room(), 0);
    }

    #[test]
    fn a_service_that_begins_a_new_minute_shows_nothing_of_others_by_having_forgotten_them() {
        let fresh = by_log(&reading(Timestamp::from_secs(70), 95_000, 50_000), 0, 0);
        assert_eq!((fresh.least, fresh.most, fresh.forgetful), (0, 0, true), "5,000 used, where 50,000 were ours");
        let mut foreign = Foreign::default();
        foreign.refused(Timestamp::from_secs(59), LIMIT, 70_000);
        let room = foreign.room();
        for second in 70..100 {
            foreign.see(Timestamp::from_secs(second), fresh);
        }
        assert!(foreign.room() > room * 8 / 10, "{} of {room} after half a minute", foreign.room());
    }

    #[test]
    fn their_rate_is_what_they_have_in_the_minute() {
        let mut foreign = Foreign::default();
        for second in 0..180 {
            foreign.see(Timestamp::from_secs(second), shown(30_000, 30_000));
        }
        assert!((29_000..=30_000).contains(&foreign.rate()), "{}", foreign.rate());
    }

    #[test]
    fn a_refusal_shows_them_at_once_and_never_are_they_left_everything() {
        let mut foreign = Foreign::default();
        foreign.refused(Timestamp::ZERO, LIMIT, 0);
        assert_eq!(foreign.room(), LIMIT - LIMIT / 16);
    }
}
